//! MBG/CNBD-k: as MBG/NBD, but orders come more regularly than by chance: gaps are Erlang-k.
//!
//! Assumes what BG/CNBD-k assumes, and that a customer may drop out right after the first order too, which gives
//! one-time buyers a P(alive) that falls with their silence.
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
//! None: limits of the fit are named by [`super::model::FitStatus`].
//!
//! # Check
//! `erlang::tests` holds the likelihood against numerical integration and the published formula, k = 1 against MBG/NBD.

use super::erlang::Cnbd;

pub static MBG_CNBD_K: Cnbd = Cnbd {
    name: "mbg_cnbd_k",
    without_shape: "mbg_nbd",
    // One chance to drop out comes with the first order.
    first_chances: 1,
};
