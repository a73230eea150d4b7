//! The family of count models in which a customer may drop out right after an order: BG/NBD and MBG/NBD.
//!
//! In: parameters (r, alpha, a, b) and histories. Out: likelihood with derivatives, P(alive), future orders.
//! The two differ in one number only: how many chances to drop out there were before the first repeat order.
//! Cost of a likelihood: two logarithms and an exponential per distinct history.
//!
//! # Formula
//! With n = x + `first_chances` chances,
//!
//! ln L = ln Γ(r+x)/Γ(r) + r ln alpha − (r+x) ln(alpha+T) + ln B(a, b+n)/B(a, b) + ln(1 + e^w),
//! w = ln a/(b+n−1) + (r+x) ln (alpha+T)/(alpha+t_x),  P(alive) = 1/(1 + e^w),
//!
//! and no w (customer alive for certain) when n = 0. Fader, Hardie and Lee (2005), *Counting Your Customers the
//! Easy Way*, Marketing Science 24(2), equation (6), with `first_chances` 0; Batislam, Denizel and Filiztekin
//! (2007), *Empirical validation and comparison of models for customer base analysis*, IJRM 24(3), with 1.

use super::histories::{Histories, History, sum_in_order};
use super::model::FitStatus;
use super::nbd::{EQUAL_RATES_FROM, add_exposure, add_rising, mirror};
use super::optimise::Derivatives;
use super::orders::Posterior;
use super::special::{SurvivalSums, rising_sums, survival_sums};

pub const LETTERS: &[&str] = &["r", "alpha", "a", "b"];
pub const TIME_POWERS: &[i32] = &[0, 1, 0, 0];

/// Dropout beta distributions beyond this are one common probability.
const COMMON_DROPOUT_FROM: f64 = 1e4;

/// Points to search from: little and much dropout, alike and different customers.
pub fn starts(nbd: [f64; 2]) -> Vec<Vec<f64>> {
    let [r, alpha] = nbd;
    [
        (1.0, 0.8, 2.5),
        (2.0, 0.5, 1.0),
        (1.0, 3.0, 12.0),
        (1.0, 0.05, 0.5),
        (1.0, 0.005, 8.0),
        (1.0, 1e-4, 50.0),
    ]
    .into_iter()
    .map(|(factor, a, b)| vec![r * factor, alpha * factor, a, b])
    .collect()
}

/// Log-likelihood of all histories with derivatives by (r, alpha, a, b).
pub fn log_likelihood(params: &[f64], histories: &Histories, first_chances: u32) -> Derivatives {
    let &[r, alpha, a, b] = params else {
        return Derivatives {
            value: f64::NAN,
            ..Derivatives::default()
        };
    };
    let mut sum = sum_in_order(histories.rows.len(), |from, to| {
        let mut part = Derivatives::default();
        for i in from..to {
            let (h, weight) = (&histories.rows[i], histories.counts[i]);
            add_exposure(&mut part, weight, r, alpha, h);
            add_dropout(&mut part, weight, [r, alpha, a, b], h, first_chances);
        }
        part
    });
    let chances: Vec<u32> = histories
        .x_values
        .iter()
        .map(|x| x.saturating_add(first_chances))
        .collect();
    let rising = rising_sums(r, &histories.x_values);
    let survival = survival_sums(a, b, &chances);
    for ((rising, survival), n) in rising.iter().zip(&survival).zip(&histories.x_counts) {
        add_rising(&mut sum, *n, rising);
        add_survival(&mut sum, *n, survival);
    }
    mirror(&mut sum);
    sum
}

/// ln B(a, b+n)/B(a, b).
pub fn add_survival(sum: &mut Derivatives, weight: f64, survival: &SurvivalSums) {
    sum.value -= weight * survival.hazard;
    sum.gradient[2] -= weight * survival.by_a;
    sum.gradient[3] += weight * survival.minus_by_b;
    sum.hessian[2][2] += weight * survival.inverse_squared;
    sum.hessian[2][3] += weight * survival.inverse_squared;
    sum.hessian[3][3] -= weight * survival.inverse_squared_gap;
}

/// ln(1 + e^w).
fn add_dropout(sum: &mut Derivatives, weight: f64, params: [f64; 4], h: &History, first: u32) {
    let Some(w) = DropoutOdds::of(params, h, first) else {
        return;
    };
    let dead = w.dead_prob();
    sum.value += weight
        * if 0.0 < w.ln {
            w.ln + (-w.ln).exp().ln_1p()
        } else {
            w.ln.exp().ln_1p()
        };
    let both = dead * (1.0 - dead);
    for i in 0..4 {
        sum.gradient[i] += weight * dead * w.gradient[i];
        for j in i..4 {
            sum.hessian[i][j] += weight * both * w.gradient[i] * w.gradient[j];
        }
    }
    sum.hessian[0][1] += weight * dead * w.by_r_alpha;
    sum.hessian[1][1] += weight * dead * w.by_alpha_alpha;
    sum.hessian[2][2] -= weight * dead * w.gradient[2] * w.gradient[2];
    sum.hessian[3][3] += weight * dead * w.gradient[3] * w.gradient[3];
}

/// w, the log-odds of having dropped out after the last order, with derivatives.
struct DropoutOdds {
    ln: f64,
    gradient: [f64; 4],
    by_r_alpha: f64,
    by_alpha_alpha: f64,
}

impl DropoutOdds {
    fn of([r, alpha, a, b]: [f64; 4], h: &History, first_chances: u32) -> Option<Self> {
        let chances = f64::from(h.x) + f64::from(first_chances);
        if chances < 1.0 {
            return None;
        }
        let shape = r + f64::from(h.x);
        let silence = h.age - h.t_x;
        let at_last = 1.0 / (alpha + h.t_x);
        let at_end = 1.0 / (alpha + h.age);
        let survivals = b + (chances - 1.0);
        let ln_growth = (silence * at_last).ln_1p();
        let by_alpha = -silence * at_last * at_end;
        Some(Self {
            ln: (a / survivals).ln() + shape * ln_growth,
            gradient: [ln_growth, shape * by_alpha, 1.0 / a, -1.0 / survivals],
            by_r_alpha: by_alpha,
            by_alpha_alpha: -shape * by_alpha * (at_last + at_end),
        })
    }

    fn dead_prob(&self) -> f64 {
        1.0 / (1.0 + (-self.ln).exp())
    }
}

/// P(alive) at the end of observation.
pub fn alive_prob(params: &[f64], h: &History, first_chances: u32) -> f64 {
    let &[r, alpha, a, b] = params else {
        return f64::NAN;
    };
    match DropoutOdds::of([r, alpha, a, b], h, first_chances) {
        // Not 1 − P(dead), which would lose the digits of a small probability.
        Some(w) => 1.0 / (1.0 + w.ln.exp()),
        None => 1.0,
    }
}

/// P(still there `ahead` after the end of observation).
pub fn alive_prob_after(params: &[f64], h: &History, first_chances: u32, ahead: f64) -> f64 {
    alive_prob(params, h, first_chances) * posterior(params, h, first_chances).survival(ahead)
}

/// Discounted expected orders to infinity.
pub fn residual_orders(params: &[f64], h: &History, first_chances: u32, rate: f64) -> f64 {
    alive_prob(params, h, first_chances) * posterior(params, h, first_chances).residual_orders(rate)
}

/// Rate and dropout of a customer, given the history and being alive.
fn posterior(params: &[f64], h: &History, first_chances: u32) -> Posterior {
    let x = f64::from(h.x);
    Posterior {
        shape: params[0] + x,
        exposure: params[1] + h.age,
        a: params[2],
        b: params[3] + x + f64::from(first_chances),
    }
}

/// Expected orders within each horizon; see [`Posterior::expected_orders`].
pub fn expected_orders(params: &[f64], h: &History, first: u32, horizons: &[f64], out: &mut [f64]) {
    posterior(params, h, first).expected_orders(horizons, out);
    let alive = alive_prob(params, h, first);
    for expected in out {
        *expected *= alive;
    }
}

/// P(more than i orders); see [`Posterior::order_tail`].
pub fn order_tail(
    params: &[f64],
    h: &History,
    first_chances: u32,
    horizon: f64,
    least: f64,
    max_len: usize,
) -> Vec<f64> {
    let alive = alive_prob(params, h, first_chances);
    let mut tail =
        posterior(params, h, first_chances).order_tail(horizon, least / alive.max(f64::MIN_POSITIVE), max_len);
    tail.iter_mut().for_each(|p| *p *= alive);
    tail
}

/// Limits other than the one without dropout.
pub fn limit(params: &[f64]) -> Option<FitStatus> {
    if EQUAL_RATES_FROM < params[0] {
        Some(FitStatus::EqualRatesLimit)
    } else if COMMON_DROPOUT_FROM < params[2] && COMMON_DROPOUT_FROM < params[3] {
        Some(FitStatus::CommonDropoutLimit)
    } else {
        None
    }
}
