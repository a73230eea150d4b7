//! BG/CNBD-k: as BG/NBD, but orders come more regularly than by chance: gaps are Erlang-k.
//!
//! Assumes one regularity k for all customers, gamma distributed rates, a beta distributed dropout probability after
//! each repeat order. The more regular the gaps, the sooner silence tells. Nobody can drop out before the first repeat
//! order, so **one-time buyers are alive with probability 1 by construction**.
//! Source: Reutterer, Platzer and Schröder (2021), *Leveraging purchase regularity for predicting customer behavior the
//! easy way*, IJRM 38(1), 194-215.
//!
//! # Formula
//! Likelihood in `clv/erlang.rs`, future orders in `clv/stages.rs`.
//!
//! # Shapes and units
//! k is a whole number, tried from 1 up; r, a, b are numbers; alpha is a time in the unit of t_x and T. The rate whose
//! distribution they describe is that of stages, k times that of orders.
//!
//! # Domain
//! All parameters positive; x is 0 exactly if t_x is 0. For k above 1 the sum of the logarithms of the gaps must be
//! known, or else the likelihood is not a number.
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `erlang::tests` holds the likelihood against numerical integration and the published formula, k = 1 against BG/NBD.

use super::erlang::{self, LETTERS, SHAPES, TIME_POWERS};
use super::histories::{Histories, History};
use super::model::{CountModel, FitStatus};
use super::optimise::Derivatives;

pub struct BgCnbdK;

/// No chance to drop out comes with the first order.
const FIRST_CHANCES: u32 = 0;

impl CountModel for BgCnbdK {
    fn name(&self) -> &'static str {
        "bg_cnbd_k"
    }

    fn letters(&self) -> &'static [&'static str] {
        LETTERS
    }

    fn shapes(&self) -> &'static [f64] {
        SHAPES
    }

    fn time_powers(&self) -> &'static [i32] {
        TIME_POWERS
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>> {
        erlang::starts(nbd)
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        erlang::log_likelihood(params, histories, FIRST_CHANCES)
    }

    fn alive_prob(&self, params: &[f64], history: &History) -> f64 {
        erlang::alive_prob(params, history, FIRST_CHANCES)
    }

    fn alive_prob_after(&self, params: &[f64], history: &History, ahead: f64) -> f64 {
        erlang::alive_prob_after(params, history, FIRST_CHANCES, ahead)
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        erlang::expected_orders(params, h, FIRST_CHANCES, horizons, out);
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        erlang::order_tail(params, h, FIRST_CHANCES, horizon, least, max_len)
    }

    fn residual_orders(&self, params: &[f64], history: &History, rate: f64) -> f64 {
        erlang::residual_orders(params, history, FIRST_CHANCES, rate)
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        erlang::limit(params)
    }
}
