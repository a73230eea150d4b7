//! Count models whose parameters depend on what is known of a customer: region, channel, age.
//!
//! In: histories in days and attributes that do not change ([`coding`]). Out: effects with standard errors and tests
//! ([`CovariateFit`]), and a model that gives every customer, new ones too, parameters of their own
//! ([`CovariateScorer::params_of`]); every prediction is then the count model's own at those parameters. Works for any
//! count model with an entry in [`mod@blocks`]. Cost: one pass over the distinct (z, x, t_x, T) an evaluation, about ten
//! evaluations for the fit and five for each covariate that is tested.
//! Source: Fader and Hardie (2007), *Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models*,
//! note 019 (brucehardie.com).
//!
//! # Formula
//! alpha_i = alpha exp(−γ₁'z_i). Pareto/NBD: beta_i = beta exp(−γ₂'z_i). BG/NBD and MBG/NBD: a_i = a exp(γ₂'z_i),
//! b_i = b exp(γ₃'z_i), with γ₂ and γ₃ free of each other, so that dropout may become more likely or only more alike.
//! Twice the gain in log-likelihood of a covariate's coefficients is compared with the chi-square distribution.
//!
//! # Shapes and units
//! z is in the units of the attribute, and so is a coefficient: exp(γ) is the factor of one unit more. `params` are
//! those of a customer with z = 0, null where that is so far from all customers that they overflow; what is saved is
//! those at the mean, which always exist.
//!
//! # Domain
//! A customer whose γ'z is beyond all of the fit is scored as the outermost of the fit: effects are not extrapolated.
//!
//! # Errors
//! None: what could not be fitted has a [`FitStatus`]. Where an effect runs to infinity (a level nobody of whom ever
//! came back) the likelihood is flat there, and standard errors are large or null; the likelihood-ratio tests hold.
//!
//! # Check
//! `tests::known_effects_are_recovered_within_their_errors`, `tests::p_values_are_uniform_where_nothing_has_an_effect`.

pub mod blocks;
pub mod chi_square;
pub mod coding;
mod design;
mod search;

use serde::{Deserialize, Serialize};

use self::blocks::{Moves, blocks};
use self::coding::{Coding, Dropped};
use super::model::{FitStatus, Letters, find};
use super::optimise::{MAX_PARAMS, Termination};

pub use self::search::fit;

/// What the user may set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Customer attributes that the count model may depend on.
    pub covariates: Vec<String>,
}

/// One coefficient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub covariate: String,
    /// The level that is compared with the reference; null for a number.
    pub level: Option<String>,
    pub moves: Moves,
    pub coefficient: f64,
    pub standard_error: Option<f64>,
    pub z_value: Option<f64>,
    /// Two-sided, by the normal distribution.
    pub p_value: Option<f64>,
}

/// A test that all coefficients of a covariate are 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodRatio {
    /// Null for all covariates together.
    pub covariate: Option<String>,
    /// Twice the gain in log-likelihood.
    pub chi_square: f64,
    pub degrees_of_freedom: u32,
    pub p_value: f64,
}

/// The report of a fit with covariates. Numbers are null where there was no fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CovariateFit {
    pub name: String,
    pub status: FitStatus,
    /// Of a customer with z = 0, in days.
    pub params: Letters,
    pub standard_errors: Letters,
    pub effects: Vec<Effect>,
    /// One a covariate, and all together last.
    pub tests: Vec<LikelihoodRatio>,
    pub dropped: Vec<Dropped>,
    pub log_likelihood: Option<f64>,
    pub log_likelihood_without: Option<f64>,
    pub bic: Option<f64>,
    pub bic_without: Option<f64>,
    pub n_customers: u64,
    pub n_distinct: u64,
    pub termination: Option<Termination>,
    /// Largest derivative of the mean log-likelihood by a parameter of the search.
    pub gradient_norm: Option<f64>,
    pub evaluations: u32,
    pub non_finite: u32,
}

/// The coefficients that move one parameter, one a coded column (0 where the column was dropped).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedEffects {
    pub moves: Moves,
    pub coefficients: Vec<f64>,
    /// Smallest and largest γ'(z − centre) of the customers of the fit.
    pub range: [f64; 2],
}

/// All that scoring needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CovariateModel {
    /// The count model.
    pub name: String,
    pub coding: Coding,
    /// Of a customer with z = `centre`, in days.
    pub params: Vec<f64>,
    pub centre: Vec<f64>,
    pub effects: Vec<SavedEffects>,
}

/// What is wrong with a saved [`CovariateModel`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("model `{name}` does not take covariates")]
    Model { name: String },
    #[error("the parameters of `{name}` are not positive numbers, or not as many as it has")]
    Params { name: String },
    #[error("the effects do not belong to the coded columns of `{name}`")]
    Effects { name: String },
}

/// exp of this, 1e26 days, is as good as infinity.
const LARGEST_LN: f64 = 60.0;

/// A [`CovariateModel`] that is known to be sound.
#[derive(Clone, Debug, PartialEq)]
pub struct CovariateScorer(CovariateModel);

impl CovariateModel {
    /// Checks what may have been edited since it was saved.
    pub fn check(self) -> Result<CovariateScorer, Problem> {
        let name = self.name.clone();
        let (Some(model), Some(blocks)) = (find(&name), blocks(&name)) else {
            return Err(Problem::Model { name });
        };
        let positive = |p: &f64| p.is_finite() && 0.0 < *p;
        if self.params.len() != model.letters().len() || !self.params.iter().all(positive) {
            return Err(Problem::Params { name });
        }
        let width = self.coding.columns().len();
        let sound = |v: &[f64]| v.len() == width && v.iter().all(|v| v.is_finite());
        let effects_sound = self.effects.len() == blocks.len()
            && self.effects.iter().zip(blocks).all(|(effects, block)| {
                let [low, high] = effects.range;
                effects.moves == block.moves && sound(&effects.coefficients) && low <= high
            });
        if !effects_sound || !sound(&self.centre) {
            return Err(Problem::Effects { name });
        }
        Ok(CovariateScorer(self))
    }
}

impl CovariateScorer {
    pub fn model(&self) -> &CovariateModel {
        &self.0
    }

    /// The parameters of a customer with these coded attributes, in days and in the order of the model's letters;
    /// those beyond its letters are 1. A missing or infinite z counts as the mean.
    pub fn params_of(&self, z: &[f64]) -> [f64; MAX_PARAMS] {
        let model = &self.0;
        let mut out = [1.0; MAX_PARAMS];
        for (out, p) in out.iter_mut().zip(&model.params) {
            *out = *p;
        }
        for (effects, block) in model.effects.iter().zip(blocks(&model.name).unwrap_or(&[])) {
            let away = z.iter().zip(&model.centre).zip(&effects.coefficients);
            let eta: f64 = away
                .filter(|((z, _), _)| z.is_finite())
                .map(|((z, centre), gamma)| gamma * (z - centre))
                .sum();
            let [low, high] = effects.range;
            // f64::max turns NaN (infinities that cancel) into the lower end.
            let eta = eta.max(low).min(high);
            let ln = out[block.param].ln() + block.sign * eta;
            out[block.param] = ln.clamp(-LARGEST_LN, LARGEST_LN).exp();
        }
        out
    }
}

#[cfg(test)]
mod tests;
