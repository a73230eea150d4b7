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
    /// Contracts: who missed a period and paid again.
    PaidAgain {
        customers: u64,
        of: u64,
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
            Self::PaidAgain { .. } => "clv_paid_again",
            Self::GroupsNotUsed { .. } => "clv_groups_not_used",
            Self::CovariatesNotUsed { .. } => "clv_covariates_not_used",
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::InvalidHistories { customers } => {
                format!("{customers} customers have a history that contradicts itself, so nothing is predicted for them")
            }
            Self::NotEnoughHistory => "no customer with a valid history bought on a second day, so nothing can be predicted".to_owned(),
            Self::NoDropoutLimit => "the history does not show who has left for good, so everybody counts as a customer still (alive_prob is 1)".to_owned(),
            Self::BaselineWins { name } => {
                format!(
                    "the simple rule {name} foresaw the days held back better than every model, so it is used; it gives no alive_prob and no interval"
                )
            }
            Self::OneTimersAlive => {
                "bg_nbd lets nobody leave before a second order, so alive_prob is 1 for every one-time buyer"
                    .to_owned()
            }
            Self::PooledRate => "how often customers order cannot be told apart, so all of them have the same rate".to_owned(),
            Self::PooledSpend { why } => match why {
                FitStatus::InfiniteMean => {
                    "order amounts are too unequal to have a mean, so every customer gets the same order amount"
                }
                FitStatus::NotEnoughHistory => {
                    "too few customers came back to tell how much each spends, so every customer gets the same order amount"
                }
                _ => "how much each customer spends could not be fitted, so every customer gets the same order amount",
            }
            .to_owned(),
            Self::NoSpend => "no order has a positive amount, so there is no value in money".to_owned(),
            Self::SpendDependsOnFrequency { correlation, p_value } => format!(
                "customers who order more often spend {} an order (correlation {correlation:.2}, p {p_value:.1e}), which the model of amounts leaves out of account",
                if *correlation < 0.0 { "less" } else { "more" }
            ),
            Self::NotConverged { model } => format!("{model} could not be fitted and was not used"),
            Self::Season { message, .. } => message.clone(),
            Self::PaidAgain { customers, of } => format!(
                "{customers} of {of} customers paid again after a period without payment, so this does not look like contracts"
            ),
            Self::GroupsNotUsed { model } => {
                format!("the predictions rest on {model}, which cannot differ by group, so the groups are not used")
            }
            Self::CovariatesNotUsed { model } => {
                format!("the predictions rest on {model} without covariates: it takes none, or they could not be fitted")
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
            Self::PaidAgain { .. } => {
                "leave out --setting contractual if customers buy when they like, or set clv.opportunity to the length of a period"
                    .to_owned()
            }
            Self::GroupsNotUsed { .. } => "give a longer history, or name a model in [clv]".to_owned(),
            Self::CovariatesNotUsed { .. } => {
                "name one that takes them: --set clv.model=mbg_nbd, bg_nbd, pareto_nbd or nbd".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_of_a_dependence_is_said() {
        let message = |correlation| {
            Warning::SpendDependsOnFrequency {
                correlation,
                p_value: 1e-9,
            }
            .message()
        };
        assert!(message(-0.31).starts_with("customers who order more often spend less an order (correlation -0.31,"));
        assert!(message(0.31).starts_with("customers who order more often spend more an order (correlation 0.31,"));
    }
}
