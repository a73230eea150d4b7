//! NBD: every customer orders at a constant rate for ever; rates are gamma distributed.
//!
//! Assumes Poisson orders, rates that do not change, and no dropout at all. It is what the models with dropout
//! become when nobody drops out, and therefore the fallback for loyal customers.
//! Source: Ehrenberg (1959), *The Pattern of Consumer Purchases*; likelihood as in Schmittlein, Morrison and
//! Colombo (1987), equation (A1), for customers who are alive.
//!
//! # Formula
//! L(r, alpha | x, T) = Γ(r+x)/Γ(r) alpha^r (alpha+T)^−(r+x); E\[orders in t\] = (r+x) t / (alpha+T).
//!
//! # Shapes and units
//! r is a number, alpha a time in the unit of t_x and T.
//!
//! # Domain
//! r and alpha positive. With r and alpha to infinity at a fixed ratio it becomes one common Poisson rate
//! ([`FitStatus::EqualRatesLimit`]).
//!
//! # Check
//! `published::cdnow_calibration` holds r 0.384766, alpha 12.072021 weeks, log-likelihood −9763.6576.

use super::histories::{Histories, History, sum_in_order};
use super::model::{CountModel, FitStatus};
use super::optimise::Derivatives;
use super::orders::Posterior;
use super::special::{RisingSums, rising_sums};

pub const NAME: &str = "nbd";

pub struct Nbd;

/// A shape above this is a coefficient of variation of the rates below 1 %: they are equal.
pub const EQUAL_RATES_FROM: f64 = 1e4;

/// Adds what every model with gamma rates has in common and what depends on x alone.
pub fn add_rising(sum: &mut Derivatives, weight: f64, rising: &RisingSums) {
    sum.value += weight * rising.ln;
    sum.gradient[0] += weight * rising.inverse;
    sum.hessian[0][0] -= weight * rising.inverse_squared;
}

/// The same for what depends on (x, T): −r ln(1 + T/alpha) − x ln(alpha+T), a form that stays exact when r and
/// alpha are huge. Fills the upper triangle of the Hessian.
pub fn add_exposure(sum: &mut Derivatives, weight: f64, r: f64, alpha: f64, h: &History) {
    add_exposure_of(sum, weight, r, alpha, f64::from(h.x), h.age);
}

/// The same for `x` events of any kind within `age`.
pub fn add_exposure_of(sum: &mut Derivatives, weight: f64, r: f64, alpha: f64, x: f64, age: f64) {
    let exposure = alpha + age;
    let ln_growth = (age / alpha).ln_1p();
    let by_alpha = age / (alpha * exposure);
    // ln(alpha+T) in parts, so that the loop over rows has one logarithm.
    sum.value -= weight * (r * ln_growth + x * (alpha.ln() + ln_growth));
    sum.gradient[0] -= weight * ln_growth;
    sum.gradient[1] += weight * (r * by_alpha - x / exposure);
    sum.hessian[0][1] += weight * by_alpha;
    sum.hessian[1][1] += weight * (x / (exposure * exposure) - r * by_alpha * (1.0 / alpha + 1.0 / exposure));
}

/// Copies the upper triangle of the Hessian to the lower.
pub fn mirror(derivatives: &mut Derivatives) {
    for i in 0..derivatives.hessian.len() {
        for j in 0..i {
            derivatives.hessian[i][j] = derivatives.hessian[j][i];
        }
    }
}

/// What is known of a customer's rate.
fn posterior(params: &[f64], h: &History) -> Posterior {
    Posterior {
        shape: params[0] + f64::from(h.x),
        exposure: params[1] + h.age,
        // Dropout probability 0.
        a: 0.0,
        b: 1.0,
    }
}

impl CountModel for Nbd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn letters(&self) -> &'static [&'static str] {
        &["r", "alpha"]
    }

    fn time_powers(&self) -> &'static [i32] {
        &[0, 1]
    }

    fn has_dropout(&self) -> bool {
        false
    }

    fn forgets_last_order(&self) -> bool {
        true
    }

    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>> {
        let [r, alpha] = nbd;
        [0.2, 1.0, 10.0].iter().map(|f| vec![r * f, alpha * f]).collect()
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let (r, alpha) = (params[0], params[1]);
        let mut sum = sum_in_order(histories.rows.len(), |from, to| {
            let mut part = Derivatives::default();
            for i in from..to {
                add_exposure(&mut part, histories.counts[i], r, alpha, &histories.rows[i]);
            }
            part
        });
        for (rising, n) in rising_sums(r, &histories.x_values).iter().zip(&histories.x_counts) {
            add_rising(&mut sum, *n, rising);
        }
        mirror(&mut sum);
        sum
    }

    fn alive_prob(&self, _params: &[f64], _history: &History) -> f64 {
        1.0
    }

    fn alive_prob_after(&self, _params: &[f64], _history: &History, _ahead: f64) -> f64 {
        1.0
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        let rate = (params[0] + f64::from(h.x)) / (params[1] + h.age);
        for (t, out) in horizons.iter().zip(out) {
            *out = rate * t;
        }
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        posterior(params, h).order_tail(horizon, least, max_len)
    }

    fn order_probs(&self, params: &[f64], h: &History, horizon: f64, out: &mut [f64]) {
        posterior(params, h).order_probs(horizon, out);
    }

    fn residual_orders(&self, params: &[f64], h: &History, rate: f64) -> f64 {
        (params[0] + f64::from(h.x)) / (params[1] + h.age) / rate
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        (EQUAL_RATES_FROM < params[0]).then_some(FitStatus::EqualRatesLimit)
    }
}
