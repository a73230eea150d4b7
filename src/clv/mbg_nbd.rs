//! MBG/NBD: as BG/NBD, but a customer may drop out right after the first order too.
//!
//! Assumes what BG/NBD assumes; the one difference gives one-time buyers a P(alive) that falls with their silence.
//! Source: Batislam, Denizel and Filiztekin (2007), *Empirical validation and comparison of models for customer base
//! analysis*, IJRM 24(3), 201-209; the same model as the CBG/NBD of Hoppe and Wagner (2007).
//!
//! # Formula
//! L = Γ(r+x)/Γ(r) alpha^r \[B(a, b+x+1)/B(a, b) (alpha+T)^−(r+x) + B(a+1, b+x)/B(a, b) (alpha+t_x)^−(r+x)\].
//! Expected orders are summed as in `clv/orders.rs`.
//!
//! # Shapes and units
//! r, a, b are numbers, alpha is a time in the unit of t_x and T.
//!
//! # Domain
//! All parameters positive; x is 0 exactly if t_x is 0.
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `published::cdnow_calibration` holds 0.524843, 6.183084, 0.891360, 1.614002 and −9582.1357 (weeks).

use super::beta_geometric::{self, LETTERS, TIME_POWERS};
use super::histories::{Histories, History};
use super::model::{CountModel, FitStatus};
use super::optimise::Derivatives;

pub struct MbgNbd;

/// One chance to drop out comes with the first order.
const FIRST_CHANCES: u32 = 1;

impl CountModel for MbgNbd {
    fn name(&self) -> &'static str {
        "mbg_nbd"
    }

    fn letters(&self) -> &'static [&'static str] {
        LETTERS
    }

    fn time_powers(&self) -> &'static [i32] {
        TIME_POWERS
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn forgets_last_order(&self) -> bool {
        true
    }

    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>> {
        beta_geometric::starts(nbd)
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        beta_geometric::log_likelihood(params, histories, FIRST_CHANCES)
    }

    fn alive_prob(&self, params: &[f64], history: &History) -> f64 {
        beta_geometric::alive_prob(params, history, FIRST_CHANCES)
    }

    fn alive_prob_after(&self, params: &[f64], history: &History, ahead: f64) -> f64 {
        beta_geometric::alive_prob_after(params, history, FIRST_CHANCES, ahead)
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        beta_geometric::expected_orders(params, h, FIRST_CHANCES, horizons, out);
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        beta_geometric::order_tail(params, h, FIRST_CHANCES, horizon, least, max_len)
    }

    fn residual_orders(&self, params: &[f64], history: &History, rate: f64) -> f64 {
        beta_geometric::residual_orders(params, history, FIRST_CHANCES, rate)
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        beta_geometric::limit(params)
    }
}
