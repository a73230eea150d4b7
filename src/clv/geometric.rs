//! Geometric: every customer leaves with the same probability whenever a renewal is due.
//!
//! In: the parameter mu and histories of [`Setting::Contractual`]. Out: likelihood with derivatives, future renewals.
//! Cost: one pass. It is the honest answer when customers cannot be told apart, and the last rung below sBG.
//!
//! # Formula
//! The probability to leave is theta = 1/(1 + mu), mu the renewals a new customer is expected to make. With R renewals
//! made and L customers gone, ln L = R ln mu/(1+mu) − L ln(1+mu): the maximum lies at mu = R/L.
//!
//! # Shapes and units
//! mu, renewals and horizons are numbers. Fractions of a period are dropped.
//!
//! # Domain
//! Positive: mu to infinity where everybody has renewed, to 0 where nobody has.
//!
//! # Errors
//! None.
//!
//! # Check
//! `sbg::tests::the_common_rate_is_renewals_over_renewals_due`.

use super::bb::undefined;
use super::beta_survival::{SMALLEST_RATE, whole};
use super::histories::{Histories, History};
use super::model::{CountModel, FitStatus, Setting};
use super::optimise::Derivatives;

pub const NAME: &str = "geometric";

pub struct Geometric;

/// Customers who made the same number of renewals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Renewals {
    pub made: u32,
    /// Customers who are still there after them.
    pub still: f64,
    /// Customers who left at the next.
    pub left: f64,
}

/// Renewals made, and whether the customer is still there; consistent whatever the history says.
pub fn renewals(h: &History) -> (u32, bool) {
    let due = whole(h.age);
    let made = h.x.min(due);
    (made, made == due)
}

/// All that the likelihood of contracts depends on, ascending by renewals.
pub fn renewals_of(histories: &Histories) -> Vec<Renewals> {
    let mut out: Vec<Renewals> = Vec::new();
    for (h, count) in histories.rows.iter().zip(&histories.counts) {
        let (made, still) = renewals(h);
        if out.last().is_none_or(|last| last.made != made) {
            out.push(Renewals {
                made,
                still: 0.0,
                left: 0.0,
            });
        }
        if let Some(last) = out.last_mut() {
            *(if still { &mut last.still } else { &mut last.left }) += count;
        }
    }
    out
}

impl CountModel for Geometric {
    fn name(&self) -> &'static str {
        NAME
    }

    fn setting(&self) -> Setting {
        Setting::Contractual
    }

    fn letters(&self) -> &'static [&'static str] {
        &["mu"]
    }

    fn time_powers(&self) -> &'static [i32] {
        &[0]
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn without_dropout(&self) -> Option<&'static str> {
        None
    }

    fn starts(&self, _nbd: [f64; 2]) -> Vec<Vec<f64>> {
        vec![vec![1.0], vec![100.0]]
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let &[mu] = params else {
            return undefined();
        };
        let (mut made, mut left) = (0.0, 0.0);
        for group in renewals_of(histories) {
            made += f64::from(group.made) * (group.still + group.left);
            left += group.left;
        }
        let (u, v) = (1.0 / mu, 1.0 / (1.0 + mu));
        let mut out = Derivatives {
            value: -made * u.ln_1p() - left * mu.ln_1p(),
            ..Derivatives::default()
        };
        // u − v = uv without cancellation.
        out.gradient[0] = made * u * v - left * v;
        out.hessian[0][0] = left * v * v - made * u * v * (u + v);
        out
    }

    fn alive_prob(&self, _params: &[f64], h: &History) -> f64 {
        f64::from(u8::from(renewals(h).1))
    }

    fn alive_prob_after(&self, params: &[f64], h: &History, ahead: f64) -> f64 {
        self.alive_prob(params, h) * renewed(params, whole(ahead))
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        let there = self.alive_prob(params, h);
        for (horizon, out) in horizons.iter().zip(out) {
            // mu (1 − (1 − theta)^n)
            let ln_all = f64::from(whole(*horizon)) * (1.0 / params[0]).ln_1p();
            *out = there * params[0] * -(-ln_all).exp_m1();
        }
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        let there = self.alive_prob(params, h);
        (1..=whole(horizon))
            .map(|n| there * renewed(params, n))
            .take_while(|p| least < *p)
            .take(max_len)
            .collect()
    }

    fn residual_orders(&self, params: &[f64], h: &History, rate: f64) -> f64 {
        // Σ (1 − theta)^n e^(−rate n) = 1/(e^rate (1 + 1/mu) − 1)
        let rate = rate.max(SMALLEST_RATE);
        self.alive_prob(params, h) / (rate + (1.0 / params[0]).ln_1p()).exp_m1()
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        (!CERTAIN_BEYOND.contains(&params[0])).then_some(FitStatus::CommonDropoutLimit)
    }
}

/// Outside this, nobody leaves or nobody stays.
const CERTAIN_BEYOND: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

/// Probability of `n` renewals in a row.
fn renewed(params: &[f64], n: u32) -> f64 {
    (-f64::from(n) * (1.0 / params[0]).ln_1p()).exp()
}
