//! BB (beta-binomial): at every opportunity a customer orders or not, with a probability of its own, and never drops
//! out. The limit of BG/BB without dropout, as the NBD is of the models in continuous time.
//!
//! In: parameters (alpha, beta) and histories of [`Setting::Discrete`]. Out: likelihood with derivatives, future
//! orders. Cost of a likelihood: one logarithm for every x and every number of missed opportunities.
//! Source: Fader, Hardie and Shang (2010), *Customer-Base Analysis in a Discrete-Time Noncontractual Setting*,
//! Marketing Science 29(6), 1086-1108, equation (5) with nobody dropping out.
//!
//! # Formula
//! ln L = ln B(alpha+x, beta+n−x)/B(alpha, beta), the probability of one particular order of uses.
//!
//! # Shapes and units
//! alpha and beta are numbers; x, t_x, n and horizons count opportunities. Fractions of an opportunity are dropped.
//!
//! # Domain
//! Positive. With both to infinity everybody has one probability ([`FitStatus::EqualRatesLimit`]).
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `bg_bb::tests::without_dropout_it_is_the_beta_binomial`.

use super::beta_survival::{SMALLEST_RATE, hazard_with_derivatives, whole};
use super::bg_bb::future_tail;
use super::histories::{Histories, History, sum_in_order};
use super::model::{CountModel, FitStatus, Setting};
use super::optimise::Derivatives;

pub const NAME: &str = "bb";

pub struct Bb;

/// Beta distributions beyond this are one common probability.
const EQUAL_FROM: f64 = 1e4;

/// A mean probability this near to 0 or 1 leaves no difference between customers.
const CERTAIN_WITHIN: f64 = 1e-9;

/// The limit in which a beta distribution is one probability.
pub fn is_one_probability(a: f64, b: f64) -> bool {
    let share = a.min(b) / (a + b);
    (EQUAL_FROM < a && EQUAL_FROM < b) || share < CERTAIN_WITHIN
}

/// Opportunities used, the last one used, and all there were; consistent whatever the history says.
pub fn counts(h: &History) -> [u32; 3] {
    let n = whole(h.age);
    let t_x = whole(h.t_x).min(n);
    [h.x.min(t_x), t_x, n]
}

/// ln B(alpha+x, beta+m−x)/B(alpha, beta) with derivatives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uses {
    pub ln: f64,
    pub gradient: [f64; 2],
    /// By alpha twice, by alpha and beta, by beta twice.
    pub hessian: [f64; 3],
}

/// [`Uses`] of m = x, x + 1, … up to `last`.
pub fn uses_until(alpha: f64, beta: f64, x: u32, last: u32) -> Vec<Uses> {
    let used = hazard_with_derivatives(beta, alpha, f64::from(x));
    let mut uses = Uses {
        ln: -used.value,
        gradient: [-used.gradient[1], -used.gradient[0]],
        hessian: [-used.hessian[1][1], -used.hessian[0][1], -used.hessian[0][0]],
    };
    let shape = alpha + f64::from(x);
    let mut out = vec![uses];
    for missed in 0..last.saturating_sub(x) {
        let not_used = beta + f64::from(missed);
        let (u, v) = (1.0 / not_used, 1.0 / (not_used + shape));
        uses.ln -= (shape * u).ln_1p();
        uses.gradient[0] -= v;
        uses.gradient[1] += shape * u * v;
        uses.hessian[0] += v * v;
        uses.hessian[1] += v * v;
        uses.hessian[2] -= shape * u * v * (u + v);
        out.push(uses);
    }
    out
}

impl CountModel for Bb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn setting(&self) -> Setting {
        Setting::Discrete
    }

    fn letters(&self) -> &'static [&'static str] {
        &["alpha", "beta"]
    }

    fn time_powers(&self) -> &'static [i32] {
        &[0, 0]
    }

    fn has_dropout(&self) -> bool {
        false
    }

    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>> {
        let [alpha, beta] = nbd;
        let mut starts: Vec<Vec<f64>> = [0.2, 1.0, 10.0].iter().map(|f| vec![alpha * f, beta * f]).collect();
        starts.push(vec![1.0, 1.0]);
        starts
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let &[alpha, beta] = params else {
            return undefined();
        };
        let last = whole(histories.longest_age());
        sum_in_order(histories.rows.len(), |from, to| {
            let mut part = Derivatives::default();
            let mut table = (u32::MAX, Vec::new());
            for i in from..to {
                let [x, _, n] = counts(&histories.rows[i]);
                if table.0 != x {
                    table = (x, uses_until(alpha, beta, x, last));
                }
                let (uses, weight) = (&table.1[(n - x) as usize], histories.counts[i]);
                part.value += weight * uses.ln;
                let [aa, ab, bb] = uses.hessian;
                for (k, row) in [[aa, ab], [ab, bb]].iter().enumerate() {
                    part.gradient[k] += weight * uses.gradient[k];
                    part.hessian[k][0] += weight * row[0];
                    part.hessian[k][1] += weight * row[1];
                }
            }
            part
        })
    }

    fn alive_prob(&self, _params: &[f64], _history: &History) -> f64 {
        1.0
    }

    fn alive_prob_after(&self, _params: &[f64], _history: &History, _ahead: f64) -> f64 {
        1.0
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        let use_prob = use_prob(params, h);
        for (horizon, out) in horizons.iter().zip(out) {
            *out = use_prob * f64::from(whole(*horizon));
        }
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        future_tail(posterior(params, h), None, whole(horizon), least, max_len)
    }

    fn residual_orders(&self, params: &[f64], h: &History, rate: f64) -> f64 {
        use_prob(params, h) / rate.max(SMALLEST_RATE).exp_m1()
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        is_one_probability(params[0], params[1]).then_some(FitStatus::EqualRatesLimit)
    }
}

/// The value of a likelihood for which the wrong number of parameters was given: a rejected step.
pub fn undefined() -> Derivatives {
    Derivatives {
        value: f64::NAN,
        ..Derivatives::default()
    }
}

/// The beta distribution of the customer's probability to use an opportunity, given the history.
pub fn posterior(params: &[f64], h: &History) -> [f64; 2] {
    let [x, _, n] = counts(h);
    [params[0] + f64::from(x), params[1] + f64::from(n - x)]
}

/// Its mean.
pub fn use_prob(params: &[f64], h: &History) -> f64 {
    let [alpha, beta] = posterior(params, h);
    alpha / (alpha + beta)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_distr::{Beta, Distribution};

    use super::*;
    use crate::clv::bg_bb::BgBb;
    use crate::clv::fit::{self, Likelihood};

    /// A customer of BG/BB, opportunity by opportunity: the history of the first `n`, whether there at n + 1, and the
    /// orders at the next `ahead`.
    fn simulate(rng: &mut impl Rng, uses: &Beta<f64>, leaves: &Beta<f64>, n: u32, ahead: u32) -> (History, bool, f64) {
        let (use_prob, leave_prob) = (uses.sample(rng), leaves.sample(rng));
        let (mut x, mut t_x, mut future, mut there) = (0, 0, 0.0, true);
        let mut alive = false;
        for i in 1..=n + ahead {
            there &= !rng.gen_bool(leave_prob);
            alive |= i == n + 1 && there;
            if there && rng.gen_bool(use_prob) {
                if i <= n {
                    (x, t_x) = (x + 1, i);
                } else {
                    future += 1.0;
                }
            }
        }
        let h = History {
            x,
            t_x: f64::from(t_x),
            age: f64::from(n),
        };
        (h, alive, future)
    }

    #[test]
    fn simulated_customers_of_every_history_do_as_bg_bb_expects() {
        let params = [1.2, 0.75, 0.66, 2.8];
        let (uses, leaves) = (Beta::new(1.2, 0.75).unwrap(), Beta::new(0.66, 2.8).unwrap());
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(21);
        // By x and t_x: customers, alive, future orders, those above two.
        let mut seen = vec![[0.0_f64; 4]; 49];
        for _ in 0..600_000 {
            let (h, alive, future) = simulate(&mut rng, &uses, &leaves, 6, 5);
            let cell = &mut seen[(h.x * 7) as usize + h.t_x as usize];
            for (sum, value) in cell.iter_mut().zip([
                1.0,
                f64::from(u8::from(alive)),
                future,
                f64::from(u8::from(2.0 < future)),
            ]) {
                *sum += value;
            }
        }
        let mut compared = 0;
        for x in 0..7_u32 {
            for t_x in x..7 {
                let [n, alive, orders, many] = seen[(x * 7 + t_x) as usize];
                if n < 1.0 {
                    continue;
                }
                let h = History {
                    x,
                    t_x: f64::from(t_x),
                    age: 6.0,
                };
                let mut out = [0.0];
                BgBb.expected_orders(&params, &h, &[5.0], &mut out);
                let more_than_two = BgBb.order_tail(&params, &h, 5.0, 0.0, 10)[2];
                // Five standard errors of a share, and of a mean of numbers up to 5.
                let error = 5.0 * 0.5 / n.sqrt();
                assert!((alive / n - BgBb.alive_prob(&params, &h)).abs() < error, "{x} {t_x}");
                assert!((many / n - more_than_two).abs() < error, "{x} {t_x}");
                assert!((orders / n - out[0]).abs() < 5.0 * error, "{x} {t_x}");
                compared += 1;
            }
        }
        assert_eq!(compared, 22);
    }

    #[test]
    fn the_fit_of_bg_bb_finds_the_parameters_that_made_the_data() {
        let truth = [0.6, 1.9, 0.8, 7.0];
        let (uses, leaves) = (Beta::new(0.6, 1.9).unwrap(), Beta::new(0.8, 7.0).unwrap());
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(22);
        // Cohorts of 4 to 27 opportunities.
        let customers: Vec<History> = (0..40_000)
            .map(|i| simulate(&mut rng, &uses, &leaves, 4 + i % 24, 0).0)
            .collect();
        let histories = Histories::collapse(&customers).0;
        let full = |params: &[f64]| BgBb.log_likelihood(params, &histories);
        let likelihood = Likelihood { at: &full, n: 40_000.0 };
        let found = fit::maximise(likelihood, None, &BgBb.starts([0.5, 0.5]), fit::BOUND, &[]).unwrap();
        let errors = fit::Information::of(&found, 40_000.0)
            .standard_errors(&found.params)
            .unwrap();
        for ((got, want), error) in found.params.iter().zip(truth).zip(errors) {
            assert!(
                (got - want).abs() < 3.5 * error && error < 0.15 * want,
                "{got} {want} ± {error}"
            );
        }
        assert!(BgBb.log_likelihood(&truth, &histories).value <= found.log_likelihood);
    }
}
