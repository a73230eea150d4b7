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
//! None: limits of the fit are named by [`super::model::FitStatus`].
//!
//! # Check
//! `published::cdnow_calibration` holds 0.524843, 6.183084, 0.891360, 1.614002 and −9582.1357 (weeks).

use super::beta_geometric::BetaGeometric;

pub static MBG_NBD: BetaGeometric = BetaGeometric {
    name: "mbg_nbd",
    // One chance to drop out comes with the first order.
    first_chances: 1,
};
