//! sBG (shifted beta-geometric): at every renewal that is due a customer leaves with a probability of its own.
//!
//! Assumes contracts: leaving is seen. The probability to leave differs between customers (beta) and does not change,
//! so that retention rises with the age of a cohort only because those who leave easily have left.
//! In: parameters (alpha, beta) and histories of [`Setting::Contractual`]. Out: likelihood with derivatives, survival,
//! future renewals. Cost of a likelihood: that of BdW, a hundred divisions for every distinct number of renewals.
//! Source: Fader and Hardie (2007), *How to Project Customer Retention*, Journal of Interactive Marketing 21(1),
//! 76-90; (2010), *Customer-Base Valuation in a Contractual Setting: The Perils of Ignoring Heterogeneity*, Marketing
//! Science 29(1), 85-93.
//!
//! # Formula
//! P(T = t) = B(alpha+1, beta+t−1)/B(alpha, beta) and S(t) = B(alpha, beta+t)/B(alpha, beta), equations (5) and (6) of
//! 2007; somebody who left made t − 1 renewals. It is BdW (`clv/bdw.rs`) with c = 1. After n renewals the customer's
//! probability to leave is Beta(alpha, beta+n), so retention is (beta+n)/(alpha+beta+n). Residual renewals: the DERL of
//! 2010, (beta+n)/(alpha+beta+n) ₂F₁(1, beta+n+1; alpha+beta+n+1; 1/(1+d)), times 1/(1+d): here the next renewal is one
//! period away, there it is due now.
//!
//! # Shapes and units
//! alpha and beta are numbers; renewals and horizons count periods, fractions are dropped.
//!
//! # Domain
//! Positive. Both to infinity, or a mean of 0 or 1: one common probability ([`FitStatus::CommonDropoutLimit`]). Both
//! to 0: some leave at once and the others never; predictions hold.
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `tests::published_cohorts` holds .704, 1.182, −1680.265 and .668, 3.806.

use super::bb::{is_one_probability, undefined};
use super::bdw;
use super::beta_survival::{Chances, whole};
use super::geometric::{self, renewals};
use super::histories::{Histories, History};
use super::model::{CountModel, FitStatus, Setting};
use super::optimise::Derivatives;

pub const NAME: &str = "sbg";

pub struct Sbg;

/// Points to search from: much and little churn, customers alike and different.
pub const STARTS: [[f64; 2]; 6] = [
    [0.7, 1.2],
    [1.0, 10.0],
    [0.05, 0.1],
    [5.0, 1.0],
    [30.0, 300.0],
    [0.5, 200.0],
];

impl CountModel for Sbg {
    fn name(&self) -> &'static str {
        NAME
    }

    fn setting(&self) -> Setting {
        Setting::Contractual
    }

    fn letters(&self) -> &'static [&'static str] {
        &["alpha", "beta"]
    }

    fn time_powers(&self) -> &'static [i32] {
        &[0, 0]
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn without_dropout(&self) -> Option<&'static str> {
        None
    }

    fn start_at(&self, simpler: &str, params: &[f64]) -> Option<Vec<f64>> {
        match (simpler, params) {
            // All but one common probability to leave.
            (geometric::NAME, &[mu]) => Some(vec![1e3 / (1.0 + mu), 1e3 * mu / (1.0 + mu)]),
            _ => None,
        }
    }

    fn starts(&self, _nbd: [f64; 2]) -> Vec<Vec<f64>> {
        STARTS.iter().map(|start| start.to_vec()).collect()
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let &[alpha, beta] = params else {
            return undefined();
        };
        let mut out = bdw::log_likelihood([alpha, beta, 1.0], histories);
        // c is no parameter here.
        out.gradient[2] = 0.0;
        out.hessian[2] = [0.0; 4];
        out.hessian.iter_mut().for_each(|row| row[2] = 0.0);
        out
    }

    fn alive_prob(&self, _params: &[f64], h: &History) -> f64 {
        f64::from(u8::from(renewals(h).1))
    }

    fn alive_prob_after(&self, params: &[f64], h: &History, ahead: f64) -> f64 {
        self.alive_prob(params, h) * chances(params, h).survival(whole(ahead))
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        let renewals: Vec<u32> = horizons.iter().map(|t| whole(*t)).collect();
        let first = self.alive_prob(params, h) * retention(params, h);
        for (out, survived) in out.iter_mut().zip(after_first(params, h).survived(&renewals)) {
            *out = first * survived;
        }
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        let Chances { a, b } = chances(params, h);
        let mut survival = self.alive_prob(params, h);
        (0..whole(horizon))
            .map(|i| {
                survival *= 1.0 - a / (a + b + f64::from(i));
                survival
            })
            .take_while(|p| least < *p)
            .take(max_len)
            .collect()
    }

    fn residual_orders(&self, params: &[f64], h: &History, rate: f64) -> f64 {
        let first = self.alive_prob(params, h) * retention(params, h) * (-rate).exp();
        first * after_first(params, h).discounted(rate)
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        is_one_probability(params[0], params[1]).then_some(FitStatus::CommonDropoutLimit)
    }
}

/// The chances to leave after the renewals made.
fn chances(params: &[f64], h: &History) -> Chances {
    Chances {
        a: params[0],
        b: params[1] + f64::from(renewals(h).0),
    }
}

/// The same after one renewal more.
fn after_first(params: &[f64], h: &History) -> Chances {
    let Chances { a, b } = chances(params, h);
    Chances { a, b: b + 1.0 }
}

/// Probability of the next renewal of a customer who is still there.
pub fn retention(params: &[f64], h: &History) -> f64 {
    let Chances { a, b } = chances(params, h);
    b / (a + b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clv::bdw::Bdw;
    use crate::clv::fit::{self, Likelihood, Maximum};
    use crate::clv::geometric::Geometric;

    /// Customers still there after 0, 1, … years, table 1 of the paper.
    const REGULAR: [u32; 8] = [1000, 631, 468, 382, 326, 289, 262, 241];
    const HIGH_END: [u32; 8] = [1000, 869, 743, 653, 593, 551, 517, 491];

    fn history(made: u32, due: u32) -> History {
        History {
            x: made,
            t_x: f64::from(made),
            age: f64::from(due),
        }
    }

    fn cohort(survivors: &[u32]) -> Histories {
        let due = survivors.len() as u32 - 1;
        let mut customers = Vec::new();
        for (made, pair) in (0..).zip(survivors.windows(2)) {
            customers.extend(std::iter::repeat_n(history(made, due), (pair[0] - pair[1]) as usize));
        }
        customers.extend(std::iter::repeat_n(history(due, due), survivors[due as usize] as usize));
        Histories::collapse(&customers).0
    }

    fn maximum(model: &dyn CountModel, histories: &Histories) -> Maximum {
        let full = |params: &[f64]| model.log_likelihood(params, histories);
        let n = histories.n_customers();
        fit::maximise(
            Likelihood { at: &full, n },
            None,
            &model.starts([0.5, 0.5]),
            fit::BOUND,
            &[],
        )
        .unwrap()
    }

    #[track_caller]
    fn assert_close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "got {got}, want {want}");
    }

    /// 30-digit maxima, and the paper's digits.
    #[test]
    fn published_cohorts() {
        for (survivors, precise, published, ln) in [
            (
                REGULAR,
                [0.704077298473516, 1.18204302620948],
                [0.704, 1.182],
                -1680.26518846329,
            ),
            (
                HIGH_END,
                [0.668088351106446, 3.80609496405827],
                [0.668, 3.806],
                -1611.15814739116,
            ),
        ] {
            let histories = cohort(&survivors);
            let found = maximum(&Sbg, &histories);
            for (got, (want, published)) in found.params.iter().zip(precise.iter().zip(published)) {
                assert_close(*got, *want, 1e-9);
                assert!((got - published).abs() < 5e-4);
            }
            assert!((found.log_likelihood - ln).abs() < 1e-9, "{}", found.log_likelihood);
            assert!(
                fit::Information::of(&found, histories.n_customers())
                    .covariance
                    .is_some()
            );
        }
    }

    /// Of 1,000 new customers after one to twelve years, from the fit to seven; 30 digits.
    #[test]
    fn survival_of_the_published_cohorts() {
        let regular = [
            626.70605, 473.81932, 387.97395, 332.06791, 292.3471, 262.45582, 239.02361, 220.08497, 204.41079,
            191.19019, 179.86499, 170.03745,
        ];
        let high_end = [
            850.67926, 746.85941, 669.78898, 609.91914, 561.83428, 522.21557, 488.90642, 460.43967, 435.77959,
            414.1724, 395.05534, 377.99907,
        ];
        for (survivors, want) in [(REGULAR, regular), (HIGH_END, high_end)] {
            let params = maximum(&Sbg, &cohort(&survivors)).params;
            let tail = Sbg.order_tail(&params, &History::NEW, 12.0, 0.0, 100);
            for (years, (got, want)) in (1..).zip(tail.iter().zip(want)) {
                assert_close(1000.0 * got, want, 5e-8);
                assert_close(
                    *got,
                    Sbg.alive_prob_after(&params, &History::NEW, f64::from(years)),
                    1e-13,
                );
            }
        }
    }

    #[test]
    fn retention_is_what_the_survivors_renew() {
        let params = [0.704, 1.182];
        for made in [0, 1, 7, 300] {
            let h = history(made, made);
            let mut out = [0.0; 2];
            Sbg.expected_orders(&params, &h, &[1.0, 40.0], &mut out);
            let want = (1.182 + f64::from(made)) / (0.704 + 1.182 + f64::from(made));
            assert_close(out[0], want, 1e-15);
            assert_close(retention(&params, &h), want, 1e-15);
            let tail: f64 = Sbg.order_tail(&params, &h, 40.0, 0.0, 100).iter().sum();
            assert_close(out[1], tail, 1e-13);
        }
    }

    /// Fader and Hardie (2010): (β+n)/(α+β+n) ₂F₁(1, β+n+1; α+β+n+1; 1/1.1), ours discounted by one period more.
    #[test]
    fn residual_renewals_agree_with_high_precision() {
        let got = Sbg.residual_orders(&[0.668, 3.806], &history(4, 4), 1.1_f64.ln());
        assert_close(got, 6.270052179769173, 1e-13);
        assert_eq!(Sbg.residual_orders(&[0.668, 3.806], &history(3, 4), 0.1), 0.0);
    }

    #[test]
    fn the_common_rate_is_renewals_over_renewals_due() {
        let histories = cohort(&REGULAR);
        let found = maximum(&Geometric, &histories);
        let made: u32 = REGULAR[1..].iter().sum();
        assert_close(found.params[0], f64::from(made) / 759.0, 1e-9);
        let embedded = Sbg.start_at("geometric", &found.params).unwrap();
        let same = Sbg
            .log_likelihood(&[embedded[0] * 1e9, embedded[1] * 1e9], &histories)
            .value;
        assert_close(same, found.log_likelihood, 1e-8);
        // mu (1 − (1 − theta)^n), and Σ (1 − theta)^k v^k.
        let (mu, rate) = (3.0_f64, 0.1_f64);
        let mut out = [0.0];
        Geometric.expected_orders(&[mu], &history(2, 2), &[5.0], &mut out);
        assert_close(out[0], (1..=5).map(|k| 0.75_f64.powi(k)).sum(), 1e-14);
        let sum: f64 = (1..2_000).map(|k| (0.75 * (-rate).exp()).powi(k)).sum();
        assert_close(Geometric.residual_orders(&[mu], &history(2, 2), rate), sum, 1e-13);
    }

    /// Everybody renews; nobody does; all alike; some leave at once and the others never; everybody leaves at the third.
    #[test]
    fn cohorts_without_a_maximum_are_survived() {
        let alike: Vec<u32> = (0..8).map(|t| 128_000 >> t).collect();
        for survivors in [
            vec![500; 6],
            vec![500, 0, 0, 0],
            alike,
            vec![1000, 400, 400, 400, 400],
            vec![1000, 1000, 1000, 0],
            vec![1, 1],
            vec![1, 0],
        ] {
            let histories = cohort(&survivors);
            let common = maximum(&Geometric, &histories);
            let mixed = maximum(&Sbg, &histories);
            let aging = maximum(&Bdw, &histories);
            assert!(
                common.log_likelihood <= mixed.log_likelihood + 1e-6,
                "{survivors:?} {mixed:?}"
            );
            assert!(
                mixed.log_likelihood <= aging.log_likelihood + 1e-6,
                "{survivors:?} {aging:?}"
            );
            for (model, found) in [(&Geometric as &dyn CountModel, &common), (&Sbg, &mixed), (&Bdw, &aging)] {
                for h in &histories.rows {
                    let mut out = [0.0];
                    model.expected_orders(&found.params, h, &[12.0], &mut out);
                    assert!((0.0..=12.0).contains(&out[0]), "{} {survivors:?} {out:?}", model.name());
                    let residual = model.residual_orders(&found.params, h, 0.1);
                    assert!(
                        (0.0..=1.0 / 0.1).contains(&residual),
                        "{} {survivors:?} {residual}",
                        model.name()
                    );
                }
            }
        }
        let halved: Vec<u32> = (0..8).map(|t| 128_000 >> t).collect();
        let found = maximum(&Sbg, &cohort(&halved));
        assert_eq!(Sbg.limit(&found.params), Some(FitStatus::CommonDropoutLimit));
        let loyal = maximum(&Sbg, &cohort(&[500; 6]));
        assert_eq!(Sbg.limit(&loyal.params), Some(FitStatus::CommonDropoutLimit));
        assert!(0.999_999 < Sbg.alive_prob_after(&loyal.params, &history(5, 5), 10.0));
    }

    /// Customers drawn one by one, and what they do after their fourth renewal.
    #[test]
    fn simulated_customers_renew_as_expected() {
        use rand::{Rng, SeedableRng};
        use rand_distr::{Beta, Distribution};
        let (alpha, beta, c) = (0.9, 3.0, 1.4);
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(7);
        let beta_law = Beta::new(alpha, beta).unwrap();
        let (mut renewals, mut there) = (0.0, 0.0);
        for _ in 0..400_000 {
            let leave: f64 = beta_law.sample(&mut rng);
            // Survival of t renewals is (1 − theta)^(t^c): one uniform number decides.
            let threshold: f64 = rng.gen_range(0.0..1.0_f64).ln() / (-leave).ln_1p();
            let made = (0..10).take_while(|t| f64::from(t + 1).powf(c) <= threshold).count();
            if 4 <= made {
                there += 1.0;
                renewals += made as f64 - 4.0;
            }
        }
        let params = [alpha, beta, c];
        let mut out = [0.0];
        Bdw.expected_orders(&params, &history(4, 4), &[6.0], &mut out);
        // Six standard errors of a mean of numbers up to 6.
        assert!(
            (renewals / there - out[0]).abs() < 6.0 * 2.5 / f64::sqrt(there),
            "{} {}",
            renewals / there,
            out[0]
        );
        let share = Bdw.alive_prob_after(&params, &History::NEW, 4.0);
        assert!((there / 400_000.0 - share).abs() < 0.004);
    }
}
