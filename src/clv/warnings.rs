//! What the user should know about the fits and predictions.

use super::gamma_gamma;
use super::holdout::{FEWEST_CUSTOMERS, FEWEST_REPEATERS};
use super::model::FitStatus;

/// Something the user should know about the result.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    InvalidHistories {
        customers: u64,
    },
    NotEnoughHistory,
    NoDropoutLimit,
    BaselineWins {
        name: String,
    },
    OneTimersAlive,
    PooledRate,
    PooledSpend {
        why: FitStatus,
    },
    NoSpend,
    SpendDependsOnFrequency {
        correlation: f64,
        p_value: f64,
    },
    NotConverged {
        model: String,
    },
    /// What is known of the season, in its own words.
    Season {
        code: &'static str,
        message: String,
        hint: String,
    },
    GroupsNotUsed {
        model: String,
    },
    CovariatesNotUsed {
        model: String,
    },
}

impl Warning {
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidHistories { .. } => "clv_invalid_histories",
            Self::NotEnoughHistory => "clv_not_enough_history",
            Self::NoDropoutLimit => "clv_no_dropout_limit",
            Self::BaselineWins { .. } => "clv_baseline_wins",
            Self::OneTimersAlive => "clv_one_timers_alive",
            Self::PooledRate => "clv_pooled_rate",
            Self::PooledSpend { .. } => "clv_pooled_spend",
            Self::NoSpend => "clv_no_spend",
            Self::SpendDependsOnFrequency { .. } => "clv_spend_depends_on_frequency",
            Self::NotConverged { .. } => "clv_not_converged",
            Self::Season { code, .. } => code,
            Self::GroupsNotUsed { .. } => "clv_groups_not_used",
            Self::CovariatesNotUsed { .. } => "clv_covariates_not_used",
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::InvalidHistories { customers } => {
                format!("{customers} customers have a history that contradicts itself and no predictions")
            }
            Self::NotEnoughHistory => "no count model could be fitted, so there are no predictions".to_owned(),
            Self::NoDropoutLimit => "dropout could not be estimated, so alive_prob is 1 for everybody".to_owned(),
            Self::BaselineWins { name } => {
                format!(
                    "the baseline {name} predicted the holdout better than every model, so it is used; there is no alive_prob and no interval"
                )
            }
            Self::OneTimersAlive => {
                "under bg_nbd nobody can drop out before a second order, so alive_prob is 1 for all one-time buyers"
                    .to_owned()
            }
            Self::PooledRate => "customers cannot be told apart, so all have one order rate".to_owned(),
            Self::PooledSpend { why } => match why {
                FitStatus::InfiniteMean => {
                    "amounts are too unequal for gamma_gamma to have a mean, so all customers have one order amount"
                }
                FitStatus::NotEnoughHistory => {
                    "too few repeat customers for gamma_gamma, so all customers have one order amount"
                }
                _ => "gamma_gamma has no usable fit, so all customers have one order amount",
            }
            .to_owned(),
            Self::NoSpend => "there are no positive order amounts, so there is no value in money".to_owned(),
            Self::SpendDependsOnFrequency { correlation, p_value } => format!(
                "order amount and number of orders have correlation {correlation:.2} (p {p_value:.1e}), and gamma_gamma takes them for independent"
            ),
            Self::NotConverged { model } => format!("{model} did not reach a maximum and was not used"),
            Self::Season { message, .. } => message.clone(),
            Self::GroupsNotUsed { model } => {
                format!("predictions rest on {model}, which has no parameters that could differ by group")
            }
            Self::CovariatesNotUsed { model } => {
                format!("predictions rest on {model} without covariates: it takes none, or their fit has no maximum")
            }
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::InvalidHistories { .. } => {
                "look at t_x_days and age_days of the customers with clv_status invalid_history".to_owned()
            }
            Self::NotEnoughHistory => "give a longer history: some customers must have bought on two days".to_owned(),
            Self::NoDropoutLimit => {
                "use days_since_last against mean_gap_days to find customers who went silent".to_owned()
            }
            Self::BaselineWins { .. } => {
                "name a model in [clv] to use it all the same; a season or a contract may be what the models miss"
                    .to_owned()
            }
            Self::OneTimersAlive => {
                "--set clv.model=mbg_nbd gives them a probability below 1, at some cost in fit".to_owned()
            }
            Self::PooledRate => format!(
                "give a longer history or more customers: {FEWEST_CUSTOMERS} of them, {FEWEST_REPEATERS} with repeat orders"
            ),
            Self::PooledSpend {
                why: FitStatus::InfiniteMean,
            } => "look for absurd amounts among the largest orders".to_owned(),
            Self::PooledSpend { .. } => format!(
                "give a longer history: {} customers with repeat orders are needed",
                gamma_gamma::FEWEST_REPEATERS
            ),
            Self::NoSpend => "check the column that was taken for the amount".to_owned(),
            Self::SpendDependsOnFrequency { .. } => {
                "read clv_amount as a ranking rather than a sum, or run the groups apart".to_owned()
            }
            Self::NotConverged { .. } => "name another model in [clv]".to_owned(),
            Self::Season { hint, .. } => hint.clone(),
            Self::GroupsNotUsed { .. } => "give a longer history, or name a model in [clv]".to_owned(),
            Self::CovariatesNotUsed { .. } => {
                "name one that takes them: --set clv.model=mbg_nbd, bg_nbd, pareto_nbd or nbd".to_owned()
            }
        }
    }
}
