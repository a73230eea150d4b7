//! Pareto/NBD: orders at a gamma distributed rate until the customer leaves, at a gamma distributed rate of its own.
//!
//! Assumes Poisson orders, an exponential lifetime that may end at any moment (not only after an order), and rates
//! of ordering and leaving that are independent. Out: likelihood with derivatives, P(alive), future orders.
//! Cost of a likelihood: 0.6 to 1 microsecond per distinct history.
//!
//! Source: Schmittlein, Morrison and Colombo (1987), *Counting Your Customers: Who Are They and What Will They Do
//! Next?*, Management Science 33(1), 1-24; Fader and Hardie (2005), *A Note on Deriving the Pareto/NBD Model and
//! Related Expressions*; Fader, Hardie and Lee (2005), *RFM and CLV*, Journal of Marketing Research 42(4) for the
//! discounted residual orders.
//!
//! # Formula
//! L = Γ(r+x)/Γ(r) alpha^r beta^s { (alpha+T)^−(r+x) (beta+T)^−s
//!     + s ∫ (alpha+τ)^−(r+x) (beta+τ)^−(s+1) dτ over t_x .. T },
//!
//! Schmittlein, Morrison and Colombo (A12) before the integral is written as a difference of two ₂F₁. The first term is
//! of a customer who stayed, the second of one who left at τ. All of it is positive, so it is integrated as it stands
//! (`pareto_nbd/silence.rs`) and nothing cancels: the difference of two ₂F₁ is NaN or noise for heavy buyers.
//!
//! P(alive) = first term / L. Given that, rate ~ Gamma(r+x, alpha+T) and leaving ~ Gamma(s, beta+T) independently:
//! `pareto_nbd/future.rs`.
//!
//! # Shapes and units
//! r and s are numbers, alpha and beta times in the unit of t_x and T.
//!
//! # Domain
//! All parameters positive. With s to 0 or beta to infinity it becomes the NBD; with s and beta to infinity at a fixed
//! ratio all customers leave at one rate; with r and alpha to infinity all order at one rate.
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `published::cdnow_calibration` holds 0.553277, 10.577684, 0.606240, 11.668736 and −9594.9762 (weeks).

mod future;
mod silence;
#[cfg(test)]
mod tests;

use super::histories::{Histories, History, sum_in_order};
use super::model::{CountModel, FitStatus};
use super::nbd::{EQUAL_RATES_FROM, add_rising, mirror};
use super::optimise::Derivatives;
use super::special::rising_sums;
use future::Future;
use silence::Silence;

pub struct ParetoNbd;

/// Shapes beyond this are one common rate of leaving.
const COMMON_DROPOUT_FROM: f64 = 1e4;

impl CountModel for ParetoNbd {
    fn name(&self) -> &'static str {
        "pareto_nbd"
    }

    fn letters(&self) -> &'static [&'static str] {
        &["r", "alpha", "s", "beta"]
    }

    fn time_powers(&self) -> &'static [i32] {
        &[0, 1, 0, 1]
    }

    fn has_dropout(&self) -> bool {
        true
    }

    /// Lifetimes of about the longest history, much longer, much shorter, alike and unlike.
    fn forgets_last_order(&self) -> bool {
        true
    }

    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>> {
        let [r, alpha] = nbd;
        [
            (1.5, 0.5, 0.2),
            (1.5, 1.0, 0.05),
            (1.0, 0.1, 0.5),
            (2.0, 3.0, 1.0),
            (1.0, 2.0, 20.0),
            (1.0, 0.01, 0.01),
        ]
        .into_iter()
        .map(|(factor, s, beta)| vec![r * factor, alpha * factor, s, beta])
        .collect()
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let &[r, alpha, s, beta] = params else {
            return Derivatives {
                value: f64::NAN,
                ..Derivatives::default()
            };
        };
        let mut sum = sum_in_order(histories.rows.len(), |from, to| {
            let mut part = Derivatives::default();
            for i in from..to {
                add_history(&mut part, histories.counts[i], [r, alpha, s, beta], &histories.rows[i]);
            }
            part
        });
        for (rising, n) in rising_sums(r, &histories.x_values).iter().zip(&histories.x_counts) {
            add_rising(&mut sum, *n, rising);
        }
        mirror(&mut sum);
        sum
    }

    fn alive_prob(&self, params: &[f64], history: &History) -> f64 {
        match *params {
            [r, alpha, s, beta] => alive_prob([r, alpha, s, beta], history),
            _ => f64::NAN,
        }
    }

    fn alive_prob_after(&self, params: &[f64], history: &History, ahead: f64) -> f64 {
        self.alive_prob(params, history) * Future::of(params, history).survival(ahead)
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        let (alive, future) = (self.alive_prob(params, h), Future::of(params, h));
        for (t, out) in horizons.iter().zip(out) {
            *out = alive * future.expected_orders(*t);
        }
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        let alive = self.alive_prob(params, h);
        let given_alive = least / alive.max(f64::MIN_POSITIVE);
        let tail = Future::of(params, h).order_tail(horizon, given_alive, max_len);
        // The product of two tiny probabilities may be nothing.
        tail.into_iter().map(|p| p * alive).take_while(|p| least < *p).collect()
    }

    fn residual_orders(&self, params: &[f64], history: &History, rate: f64) -> f64 {
        self.alive_prob(params, history) * Future::of(params, history).residual_orders(rate)
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        if EQUAL_RATES_FROM < params[0] {
            Some(FitStatus::EqualRatesLimit)
        } else if COMMON_DROPOUT_FROM < params[2] && COMMON_DROPOUT_FROM < params[3] {
            Some(FitStatus::CommonDropoutLimit)
        } else {
            None
        }
    }
}

fn alive_prob(params: [f64; 4], h: &History) -> f64 {
    // Not 1 − P(left), which would lose the digits of a small probability.
    1.0 / (1.0 + Silence::of(params, h).ln_odds().exp())
}

/// Everything of a history's log-likelihood but ln Γ(r+x)/Γ(r). It is a mixture of a customer who stayed until T and
/// one who left before, so its derivatives are theirs, weighted, and nothing cancels.
fn add_history(sum: &mut Derivatives, weight: f64, params: [f64; 4], h: &History) {
    let [_, alpha, s, beta] = params;
    let x = f64::from(h.x);
    let silence = Silence::of(params, h);
    let (ln_left, moments) = silence.with_moments();
    let ln_odds = ln_left + silence.ln_growth_of_odds();
    let stay = 1.0 / (1.0 + ln_odds.exp());
    let leave = 1.0 / (1.0 + (-ln_odds).exp());

    let stayed = until(params, x, h.age);
    if leave == 0.0 {
        sum_weighted(sum, weight, &stayed);
        return;
    }
    let mut left = until(params, x, h.t_x);
    left.value += ln_left;
    let (a, b) = (silence.alpha_at_last, silence.beta_at_last);
    // The logarithm of the integrand has these derivatives by the parameters, times the moments' variables.
    let factor = [-1.0, silence.orders / a, -1.0, (s + 1.0) / b];
    for i in 0..4 {
        let mean = factor[i] * moments.first[i];
        left.gradient[i] += mean;
        for j in i..4 {
            let covariance = moments.second[i][j] - moments.first[i] * moments.first[j];
            left.hessian[i][j] += factor[i] * factor[j] * covariance;
        }
    }
    left.gradient[2] += 1.0 / s;
    left.gradient[3] -= 1.0 / b;
    left.hessian[0][1] += moments.first[1] / a;
    left.hessian[1][1] -= silence.orders * (2.0 * moments.first[1] - moments.second[1][1]) / (a * a);
    left.hessian[2][2] -= 1.0 / (s * s);
    left.hessian[2][3] += moments.first[3] / b;
    left.hessian[3][3] += (1.0 - (s + 1.0) * (2.0 * moments.first[3] - moments.second[3][3])) / (b * b);

    // Derivatives of the log-odds, from the silence alone: the time before it has no part in them.
    let length = silence.length;
    let by = [
        silence.ln_growth[0] - moments.first[0],
        silence.orders * (moments.first[1] - length / (alpha + h.age)) / a,
        1.0 / s + silence.ln_growth[1] - moments.first[2],
        ((s + 1.0) * moments.first[3] - s * length / (beta + h.age) - 1.0) / b,
    ];
    sum.value += weight
        * if ln_odds < 0.0 {
            stayed.value + ln_odds.exp().ln_1p()
        } else {
            left.value + (-ln_odds).exp().ln_1p()
        };
    for i in 0..4 {
        sum.gradient[i] += weight * (stay * stayed.gradient[i] + leave * left.gradient[i]);
        for j in i..4 {
            let both = stay * leave * by[i] * by[j];
            sum.hessian[i][j] += weight * (stay * stayed.hessian[i][j] + leave * left.hessian[i][j] + both);
        }
    }
}

fn sum_weighted(sum: &mut Derivatives, weight: f64, part: &Derivatives) {
    sum.value += weight * part.value;
    for i in 0..4 {
        sum.gradient[i] += weight * part.gradient[i];
        for j in i..4 {
            sum.hessian[i][j] += weight * part.hessian[i][j];
        }
    }
}

/// ln of alpha^r (alpha+t)^−(r+x) beta^s (beta+t)^−s: orders up to `t` at least, and there until then. Upper triangle.
fn until([r, alpha, s, beta]: [f64; 4], x: f64, t: f64) -> Derivatives {
    let (alpha_then, beta_then) = (alpha + t, beta + t);
    let (ln_alpha, ln_beta) = ((t / alpha).ln_1p(), (t / beta).ln_1p());
    let (by_alpha, by_beta) = (t / (alpha * alpha_then), t / (beta * beta_then));
    let mut out = Derivatives {
        value: -r * ln_alpha - x * alpha_then.ln() - s * ln_beta,
        gradient: [-ln_alpha, r * by_alpha - x / alpha_then, -ln_beta, s * by_beta],
        ..Derivatives::default()
    };
    out.hessian[0][1] = by_alpha;
    out.hessian[1][1] = x / (alpha_then * alpha_then) - r * by_alpha * (1.0 / alpha + 1.0 / alpha_then);
    out.hessian[2][3] = by_beta;
    out.hessian[3][3] = -s * by_beta * (1.0 / beta + 1.0 / beta_then);
    out
}
