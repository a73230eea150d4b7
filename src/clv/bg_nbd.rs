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
//! None: limits of the fit are named by [`super::model::FitStatus`].
//!
//! # Check
//! `published::cdnow_calibration` holds .2426, 4.4136, .7929, 2.4259 and −9582.4292 (weeks);
//! `published::published_predictions` holds 1.226 orders in 39 weeks.

use super::beta_geometric::BetaGeometric;

pub const NAME: &str = "bg_nbd";

pub static BG_NBD: BetaGeometric = BetaGeometric {
    name: NAME,
    // No chance to drop out comes with the first order.
    first_chances: 0,
};
