//! BdW (beta-discrete-Weibull): sBG in which a customer's own probability to leave rises or falls with age.
//!
//! Assumes contracts: leaving is seen. A customer with probability theta survives t renewals with probability
//! (1 − theta)^(t^c); theta differs between customers (beta). With c above 1 everybody leaves more easily with time,
//! below 1 less easily; c = 1 is sBG.
//! In: parameters (alpha, beta, c) and histories of [`Setting::Contractual`]. Out: likelihood with derivatives,
//! survival, future renewals. Cost of a likelihood: two hazards, at most 64 steps of a few divisions, for every distinct
//! number of renewals, however many customers.
//! Source: Fader, Hardie, Liu, Davin and Steenburgh (2018), *"How to Project Customer Retention" Revisited: The Role of
//! Duration Dependence*, Journal of Interactive Marketing 43, 1-16.
//!
//! # Formula
//! S(t) = B(alpha, beta+t^c)/B(alpha, beta). A customer still there after n renewals has ln S(n), one who left at
//! renewal n + 1 has ln(S(n) − S(n+1)) = ln S(n) + ln(1 − e^−h), with h the hazard of Beta(alpha, beta+n^c) over
//! (n+1)^c − n^c, computed as such and not as a difference of two survivals.
//!
//! # Shapes and units
//! All parameters are numbers; renewals and horizons count periods, fractions are dropped.
//!
//! # Domain
//! Positive. A c above [`LARGEST_C`] counts as that: in practice everybody leaves at the same renewal. Limits as in sBG.
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `tests::published_cohorts_are_fitted_no_worse_than_by_sbg`, `tests::survival_agrees_with_high_precision`.

use super::bb::{is_one_probability, undefined};
use super::beta_survival::{SMALLEST_RATE, hazard, hazard_with_derivatives, whole};
use super::geometric::{renewals, renewals_of};
use super::histories::{Histories, History};
use super::model::{CountModel, FitStatus, Setting};
use super::nbd::mirror;
use super::optimise::Derivatives;
use super::sbg;

pub const NAME: &str = "bdw";

pub struct Bdw;

/// Beyond this, t^c of two neighbouring t has nothing in common.
pub const LARGEST_C: f64 = 25.0;

impl CountModel for Bdw {
    fn name(&self) -> &'static str {
        NAME
    }

    fn setting(&self) -> Setting {
        Setting::Contractual
    }

    fn letters(&self) -> &'static [&'static str] {
        &["alpha", "beta", "c"]
    }

    fn time_powers(&self) -> &'static [i32] {
        &[0, 0, 0]
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn without_dropout(&self) -> Option<&'static str> {
        None
    }

    fn start_at(&self, simpler: &str, params: &[f64]) -> Option<Vec<f64>> {
        match (simpler, params) {
            (sbg::NAME, &[alpha, beta]) => Some(vec![alpha, beta, 1.0]),
            _ => None,
        }
    }

    fn starts(&self, _nbd: [f64; 2]) -> Vec<Vec<f64>> {
        let as_sbg = sbg::STARTS.iter().map(|[alpha, beta]| vec![*alpha, *beta, 1.0]);
        let aging = [[0.5, 0.7, 0.6], [0.7, 5.0, 1.5], [5.0, 100.0, 2.0]];
        as_sbg.chain(aging.iter().map(|start| start.to_vec())).collect()
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let &[alpha, beta, c] = params else {
            return undefined();
        };
        log_likelihood([alpha, beta, c], histories)
    }

    fn alive_prob(&self, _params: &[f64], h: &History) -> f64 {
        f64::from(u8::from(renewals(h).1))
    }

    fn alive_prob_after(&self, params: &[f64], h: &History, ahead: f64) -> f64 {
        self.alive_prob(params, h) * Future::of(params, h).survival(f64::from(whole(ahead)))
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        let there = self.alive_prob(params, h);
        let future = Future::of(params, h);
        let (mut n, mut sum) = (0, 0.0);
        for (horizon, out) in horizons.iter().zip(out) {
            while 0.0 < there && n < whole(*horizon) {
                n += 1;
                sum += future.survival(f64::from(n));
            }
            *out = there * sum;
        }
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        let there = self.alive_prob(params, h);
        let future = Future::of(params, h);
        let mut last = there;
        (1..=whole(horizon))
            .map(|n| {
                last = (there * future.survival(f64::from(n))).min(last);
                last
            })
            .take_while(|p| least < *p)
            .take(max_len)
            .collect()
    }

    fn residual_orders(&self, params: &[f64], h: &History, rate: f64) -> f64 {
        if self.alive_prob(params, h) <= 0.0 {
            return 0.0;
        }
        Future::of(params, h).discounted(rate.max(SMALLEST_RATE))
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        is_one_probability(params[0], params[1]).then_some(FitStatus::CommonDropoutLimit)
    }
}

/// Log-likelihood with derivatives by (alpha, beta, c).
pub fn log_likelihood([alpha, beta, c]: [f64; 3], histories: &Histories) -> Derivatives {
    let mut sum = Derivatives::default();
    for group in renewals_of(histories) {
        let n = f64::from(group.made);
        let start = Power::of(n, c);
        if 0 < group.made {
            let mut survived = along_c(alpha, [beta, 0.0, 0.0], start.0, c);
            survived.scale(-(group.still + group.left));
            sum.add(&survived);
        }
        if 0.0 < group.left {
            let end = Power::of(n + 1.0, c);
            let gap = [power_gap(n, 1.0, c), end.0[1] - start.0[1], end.0[2] - start.0[2]];
            let next = along_c(alpha, [beta + start.0[0], start.0[1], start.0[2]], gap, c);
            add_ln_of_leaving(&mut sum, group.left, &next);
        }
    }
    sum
}

/// t^c with its first and second derivative by c.
struct Power([f64; 3]);

impl Power {
    fn of(t: f64, c: f64) -> Self {
        if t <= 0.0 {
            return Self([0.0; 3]);
        }
        let ln = t.ln();
        let value = (c.min(LARGEST_C) * ln).exp();
        Self([value, value * ln, value * ln * ln])
    }
}

/// (t+k)^c − t^c without cancellation.
fn power_gap(t: f64, k: f64, c: f64) -> f64 {
    let c = c.min(LARGEST_C);
    if t <= 0.0 {
        return (c * k.ln()).exp();
    }
    (c * t.ln()).exp() * (c * (k / t).ln_1p()).exp_m1()
}

/// The hazard of Beta(alpha, `b`) over `d`, both given with their derivatives by c, as a function of (alpha, beta, c).
fn along_c(alpha: f64, b: [f64; 3], d: [f64; 3], c: f64) -> Derivatives {
    let hazard = hazard_with_derivatives(alpha, b[0], d[0]);
    let [by_a, by_b, by_d] = hazard.gradient;
    let second = &hazard.hessian;
    let mut out = Derivatives {
        value: hazard.value,
        ..Derivatives::default()
    };
    out.gradient[0] = by_a;
    out.gradient[1] = by_b;
    out.hessian[0][0] = second[0][0];
    out.hessian[0][1] = second[0][1];
    out.hessian[1][1] = second[1][1];
    if c < LARGEST_C {
        out.gradient[2] = by_b * b[1] + by_d * d[1];
        out.hessian[0][2] = second[0][1] * b[1] + second[0][2] * d[1];
        out.hessian[1][2] = second[1][1] * b[1] + second[1][2] * d[1];
        out.hessian[2][2] = (second[1][1] * b[1] + second[1][2] * d[1]) * b[1]
            + (second[1][2] * b[1] + second[2][2] * d[1]) * d[1]
            + by_b * b[2]
            + by_d * d[2];
    }
    mirror(&mut out);
    out
}

/// Adds ln(1 − e^−h).
fn add_ln_of_leaving(sum: &mut Derivatives, weight: f64, h: &Derivatives) {
    let leave = -(-h.value).exp_m1();
    let odds = h.value.exp_m1();
    sum.value += weight * leave.ln();
    for i in 0..h.gradient.len() {
        sum.gradient[i] += weight * h.gradient[i] / odds;
        for j in 0..h.gradient.len() {
            let curve = h.hessian[i][j] - h.gradient[i] * (h.gradient[j] / leave);
            sum.hessian[i][j] += weight * curve / odds;
        }
    }
}

/// What lies ahead of a customer who is still there after `made` renewals.
struct Future {
    alpha: f64,
    /// beta + made^c.
    beta: f64,
    c: f64,
    made: f64,
}

impl Future {
    fn of(params: &[f64], h: &History) -> Self {
        let made = f64::from(renewals(h).0);
        let c = params[2].min(LARGEST_C);
        Self {
            alpha: params[0],
            beta: params[1] + Power::of(made, c).0[0],
            c,
            made,
        }
    }

    /// Probability of `t` more renewals.
    fn survival(&self, t: f64) -> f64 {
        // Where t^c would leave the range of numbers nobody is left, or the discount has long made it 0.
        let t = t.min((FARTHEST_POWER / self.c).exp() - self.made);
        if t <= 0.0 {
            return 1.0;
        }
        (-hazard(self.alpha, self.beta, power_gap(self.made, t, self.c))).exp()
    }

    /// Σ e^(−rate k) times [`Future::survival`] of k = 1, 2, …: the first terms one by one, the rest by Euler and
    /// Maclaurin, its integral with t = first + e^(π/2 sinh s).
    fn discounted(&self, rate: f64) -> f64 {
        let term = |t: f64| (-rate * t).exp() * self.survival(t);
        let mut sum = 0.0;
        for k in 1..TERMS {
            let next = term(f64::from(k));
            sum += next;
            // What follows is at most a geometric series.
            if next <= 1e-17 * sum * -(-rate).exp_m1() {
                return sum;
            }
        }
        let first = f64::from(TERMS);
        let at_first = term(first);
        let slope = at_first * (1.0 - term(first + 1.0) / at_first.max(f64::MIN_POSITIVE));
        sum + integral_from(first, term) + 0.5 * at_first + slope / 12.0
    }
}

/// ln of the largest t^c.
const FARTHEST_POWER: f64 = 500.0;

/// Terms of a discounted sum that are added one by one.
const TERMS: u32 = 1024;

/// The integral of a smooth, decreasing function to infinity.
fn integral_from(first: f64, f: impl Fn(f64) -> f64) -> f64 {
    let quarter = std::f64::consts::FRAC_PI_2;
    let point = |s: f64| {
        let reach = (quarter * s.sinh()).exp();
        reach * quarter * s.cosh() * f(first + reach)
    };
    let row = |step: f64, from: f64| {
        let mut sum = 0.0;
        let mut s = -4.0 + from;
        while s <= 4.0 {
            sum += point(s);
            s += step;
        }
        sum
    };
    let mut step = 0.25;
    let mut sum = row(step, 0.0);
    let mut estimate = sum * step;
    for _ in 0..8 {
        sum += row(step, 0.5 * step);
        step *= 0.5;
        let finer = sum * step;
        let change = (finer - estimate).abs();
        estimate = finer;
        if change <= 1e-13 * estimate {
            break;
        }
    }
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clv::fit::{self, Likelihood};

    fn history(made: u32, due: u32) -> History {
        History {
            x: made,
            t_x: f64::from(made),
            age: f64::from(due),
        }
    }

    #[track_caller]
    fn assert_close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "got {got}, want {want}");
    }

    /// 30-digit maxima of the two cohorts of the sBG paper; sBG reaches −1680.2652 and −1611.1581.
    #[test]
    fn published_cohorts_are_fitted_no_worse_than_by_sbg() {
        for (survivors, want, ln) in [
            (
                [1000_u32, 631, 468, 382, 326, 289, 262, 241],
                [0.455613989371638, 0.779325508387956, 1.28345128578329],
                -1679.60283290718,
            ),
            (
                [1000, 869, 743, 653, 593, 551, 517, 491],
                [0.21425333928085, 1.42657487486008, 1.72356484874453],
                -1605.31421321419,
            ),
        ] {
            let mut customers = vec![history(7, 7); survivors[7] as usize];
            for (made, pair) in (0..).zip(survivors.windows(2)) {
                customers.extend(std::iter::repeat_n(history(made, 7), (pair[0] - pair[1]) as usize));
            }
            let histories = Histories::collapse(&customers).0;
            let full = |params: &[f64]| Bdw.log_likelihood(params, &histories);
            let likelihood = Likelihood { at: &full, n: 1000.0 };
            let found = fit::maximise(likelihood, None, &Bdw.starts([0.5, 0.5]), fit::BOUND, &[]).unwrap();
            for (got, want) in found.params.iter().zip(want) {
                assert_close(*got, want, 1e-7);
            }
            assert!((found.log_likelihood - ln).abs() < 1e-9, "{}", found.log_likelihood);
        }
    }

    #[test]
    fn survival_agrees_with_high_precision() {
        for (params, made, ahead, want) in [
            ([0.704, 1.182, 1.3], 0, 5.0, 0.21835804821428628),
            ([0.5, 200.0, 1.7], 3, 12.0, 0.829_653_136_861_472_9),
            ([30.0, 400.0, 0.4], 10, 1.0, 0.9930001485823391),
            ([1e4, 1e5, 1.2], 2, 6.0, 0.391_926_682_127_795_1),
        ] {
            assert_close(Bdw.alive_prob_after(&params, &history(made, made), ahead), want, 1e-14);
        }
    }

    #[test]
    fn residual_renewals_agree_with_high_precision() {
        for (params, made, rate, want) in [
            ([0.668, 3.806, 1.0], 4, 1.1_f64.ln(), 6.270052179769173),
            ([0.5, 0.7, 0.6], 0, 0.1, 3.62051051840916),
            ([0.7, 50.0, 1.5], 3, 0.01, 26.21830861203735),
            ([5.0, 1000.0, 2.0], 7, 0.002, 8.41127367434247),
            ([0.3, 2.0, 0.8], 2, 1e-4, 1911.659591166931),
        ] {
            assert_close(Bdw.residual_orders(&params, &history(made, made), rate), want, 1e-11);
        }
    }

    #[test]
    fn with_c_of_one_it_is_sbg() {
        let histories = Histories::collapse(&[history(0, 0), history(0, 9), history(4, 9), history(9, 9)]).0;
        for params in [[0.7, 1.2, 1.0], [1e-6, 1e6, 1.0], [1e6, 3.0, 1.0], [1e-5, 1e-5, 1.0]] {
            let bdw = Bdw.log_likelihood(&params, &histories);
            // P(T = t) = B(α+1, β+t−1)/B(α, β), as products.
            let [alpha, beta, _] = params;
            let kept = |t: u32| {
                let terms = (0..t).map(|j| (alpha / (beta + f64::from(j))).ln_1p());
                -terms.sum::<f64>()
            };
            let left = |t: u32| kept(t) - ((beta + f64::from(t)) / alpha).ln_1p();
            assert_close(bdw.value, left(0) + left(4) + kept(9), 1e-13);
            for h in [history(0, 0), history(5, 5)] {
                let (mut ours, mut theirs) = ([0.0; 2], [0.0; 2]);
                Bdw.expected_orders(&params, &h, &[3.0, 60.0], &mut ours);
                sbg::Sbg.expected_orders(&params[..2], &h, &[3.0, 60.0], &mut theirs);
                assert_close(ours[0], theirs[0], 1e-12);
                assert_close(ours[1], theirs[1], 1e-12);
                let residual = |rate| {
                    (
                        Bdw.residual_orders(&params, &h, rate),
                        sbg::Sbg.residual_orders(&params[..2], &h, rate),
                    )
                };
                for rate in [1.0, 0.01, 1e-4] {
                    let (ours, theirs) = residual(rate);
                    assert_close(ours, theirs, 1e-10);
                }
            }
        }
    }

    #[test]
    fn probabilities_of_all_histories_sum_to_one() {
        for params in [[0.7, 1.2, 1.0], [0.2, 1.4, 1.7], [30.0, 400.0, 0.3], [0.01, 1e-3, 24.0]] {
            let due = 12;
            let histories = (0..=due).map(|made| {
                let rows = Histories::collapse(&[history(made, due)]).0;
                Bdw.log_likelihood(&params, &rows).value.exp()
            });
            assert_close(histories.sum(), 1.0, 1e-13);
        }
    }
}
