//! BG/NBD: gamma distributed order rates; after each repeat order a customer may drop out for good.
//!
//! Assumes Poisson orders while alive, a dropout probability that differs between customers (beta) and does not
//! depend on the rate. Nobody can drop out before the first repeat order, so **one-time buyers are alive with
//! probability 1 by construction**: prefer MBG/NBD where P(alive) matters.
//! Source: Fader, Hardie and Lee (2005), *"Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
//! Model*, Marketing Science 24(2), 275-284.
//!
//! # Formula
//! Likelihood: equation (6) of the paper; expected orders: equation (10), summed as in `clv/orders.rs`.
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
//! `published::cdnow_calibration` holds .2426, 4.4136, .7929, 2.4259 and −9582.4292 (weeks);
//! `published::published_predictions` holds 1.226 orders in 39 weeks.

use super::beta_geometric::{self, LETTERS, TIME_POWERS};
use super::histories::{Histories, History};
use super::model::{CountModel, FitStatus};
use super::optimise::Derivatives;

pub const NAME: &str = "bg_nbd";

pub struct BgNbd;

/// No chance to drop out comes with the first order.
const FIRST_CHANCES: u32 = 0;

impl CountModel for BgNbd {
    fn name(&self) -> &'static str {
        NAME
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
