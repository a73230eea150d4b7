//! Which parameters of which model covariates move, and with which sign.
//!
//! Source: Fader and Hardie (2007), *Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models*,
//! note 019 (brucehardie.com), sections 2 and 3.

use serde::{Deserialize, Serialize};

/// What a block of effects is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// The order rate: a positive coefficient means more orders.
    Transactions,
    /// The dropout rate: a positive coefficient means shorter lives.
    Attrition,
    /// The a of the dropout probability: a positive coefficient means more dropout.
    DropoutA,
    /// The b of the dropout probability: a positive coefficient means less dropout.
    DropoutB,
}

/// A parameter p that becomes p exp(sign γ'z).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    pub moves: Moves,
    pub param: usize,
    pub sign: f64,
}

const fn block(moves: Moves, param: usize, sign: f64) -> Block {
    Block { moves, param, sign }
}

const NBD: &[Block] = &[block(Moves::Transactions, 1, -1.0)];

const PARETO_NBD: &[Block] = &[block(Moves::Transactions, 1, -1.0), block(Moves::Attrition, 3, -1.0)];

const BETA_GEOMETRIC: &[Block] = &[
    block(Moves::Transactions, 1, -1.0),
    block(Moves::DropoutA, 2, 1.0),
    block(Moves::DropoutB, 3, 1.0),
];

/// The blocks of the model with that name; `None` if it does not take covariates.
pub fn blocks(model: &str) -> Option<&'static [Block]> {
    match model {
        "nbd" => Some(NBD),
        "pareto_nbd" => Some(PARETO_NBD),
        "bg_nbd" | "mbg_nbd" => Some(BETA_GEOMETRIC),
        _ => None,
    }
}
