//! What the user may set about lifetime value, and what follows from it once checked.
//!
//! In: section `[clv]`. Out: [`Params`], or every [`Problem`] with its key and a hint.

use serde::{Deserialize, Serialize};

use super::groups::GroupBy;
use super::holdout::HoldoutConfig;
use super::model::{self, MODELS, Setting};
use super::opportunities::Opportunity;
use super::season::{SeasonConfig, SeasonParams, SeasonProblem};

/// What the user may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `auto`, or the name of a count model of the setting, see [`MODELS`].
    pub model: String,
    /// Whether customers buy when they like, at given opportunities, or renew a contract.
    pub setting: Setting,
    /// Length of an opportunity or of a contract's period: `week`, `month`, `quarter`, `year`, or days.
    pub opportunity: Opportunity,
    /// Contracts: days that a payment may be late.
    pub grace_days: u32,
    /// Days after as-of that are valued.
    pub horizon_days: u32,
    /// Further horizons that are predicted in the same pass.
    pub horizons_days: Vec<u32>,
    /// Orders within a period are discounted from its end.
    pub period_days: u32,
    /// 0.10 means that 1.10 in a year is worth 1.00 today.
    pub annual_discount_rate: f64,
    /// Ridge on the logarithms of the count models' parameters, toward customers who are all alike in kind: ln L −
    /// ½ ridge × customers × Σ (ln p − centre)² is maximised, see [`super::fit::Penalty::ridge`]. 0 is maximum likelihood.
    pub ridge: f64,
    /// Probability that the intervals are to hold.
    pub interval: f64,
    /// Length of the holdout on which models and baselines compete; 0 for as long as the horizon, but at most a third
    /// of the history.
    pub holdout_days: u32,
    /// Models compete on at most so many customers, every n-th of all; what is chosen is fitted to all. 0 for all.
    pub max_holdout_customers: u32,
    /// `auto` or `off`, see [`SeasonConfig`].
    pub season: String,
    pub season_weights: Vec<f64>,
    /// `cohort_year`, `cohort_quarter`, `cohort_month`, `business_line`, `channel`, `category` or a customer attribute;
    /// empty for one fit of all.
    pub group_by: String,
    /// Customer attributes that the count model depends on.
    pub covariates: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let season = SeasonConfig::default();
        Self {
            model: AUTO.to_owned(),
            setting: Setting::default(),
            opportunity: Opportunity::Month,
            grace_days: 7,
            horizon_days: 365,
            horizons_days: Vec::new(),
            period_days: 30,
            annual_discount_rate: 0.10,
            ridge: 0.0,
            interval: 0.90,
            holdout_days: 0,
            max_holdout_customers: 50_000,
            season: season.season,
            season_weights: season.season_weights,
            group_by: String::new(),
            covariates: Vec::new(),
        }
    }
}

pub(super) const AUTO: &str = "auto";
const LONGEST_HORIZON_DAYS: u32 = 36_500;
const MOST_PERIODS: u32 = 1_200;
const HIGHEST_DISCOUNT_RATE: f64 = 10.0;
const STRONGEST_RIDGE: f64 = 1e3;
const MOST_HORIZONS: usize = 100;
const FEWEST_HOLDOUT_CUSTOMERS: u32 = 1_000;
const NARROWEST_INTERVAL: f64 = 0.01;
const WIDEST_INTERVAL: f64 = 0.999;

/// A checked [`Config`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Params {
    pub(super) model: String,
    pub(super) setting: Setting,
    pub(super) opportunity: Opportunity,
    pub(super) grace_days: u32,
    pub(super) horizon_days: u32,
    pub(super) horizons_days: Vec<u32>,
    pub(super) period_days: u32,
    pub(super) annual_discount_rate: f64,
    pub(super) ridge: f64,
    pub(super) interval: f64,
    pub(super) holdout: HoldoutConfig,
    /// Customers that models compete on at most.
    pub(super) max_holdout_customers: usize,
    /// Whether the tables of the evaluation are wanted too.
    #[serde(skip)]
    pub(super) evaluates: bool,
    pub(super) season: SeasonParams,
    #[serde(skip)]
    pub(super) group_by: GroupBy,
    pub(super) covariates: Vec<String>,
}

impl Params {
    pub fn horizon_days(&self) -> u32 {
        self.horizon_days
    }

    pub fn setting(&self) -> Setting {
        self.setting
    }

    /// What customers are grouped by.
    pub fn group_by(&self) -> &GroupBy {
        &self.group_by
    }

    /// Names of the customer attributes that the count model depends on.
    pub fn covariates(&self) -> &[String] {
        &self.covariates
    }

    /// The same with all models in competition, and with the tables of their evaluation.
    pub fn competing(mut self) -> Self {
        self.model = AUTO.to_owned();
        self.evaluates = true;
        self
    }

    /// The model that is asked for; `None` for `auto`.
    pub fn asked_model(&self) -> Option<&str> {
        (self.model != AUTO).then_some(self.model.as_str())
    }

    /// The same with another holdout: `None` leaves what the config says.
    pub fn with_holdout(mut self, cut_day: Option<i32>, holdout_days: Option<u32>) -> Self {
        self.holdout.cut_day = cut_day.or(self.holdout.cut_day);
        self.holdout.holdout_days = holdout_days.or(self.holdout.holdout_days);
        self
    }
}

/// What is wrong with a config value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    #[error("model `{value}` is not known")]
    UnknownModel { value: String },
    #[error("horizon_days is {value}, not between 1 and {LONGEST_HORIZON_DAYS}")]
    Horizon { value: u32 },
    #[error("horizons_days has {value}, not between 1 and {LONGEST_HORIZON_DAYS}")]
    FurtherHorizon { value: u32 },
    #[error("horizons_days has {n} entries, more than {MOST_HORIZONS}")]
    TooManyHorizons { n: usize },
    #[error("period_days is {value}, not between 1 and {LONGEST_HORIZON_DAYS}")]
    Period { value: u32 },
    #[error("period_days {period_days} cuts the horizon into more than {MOST_PERIODS} periods")]
    TooManyPeriods { period_days: u32, horizon_days: u32 },
    #[error("annual_discount_rate is {value}, not between 0 and {HIGHEST_DISCOUNT_RATE}")]
    DiscountRate { value: f64 },
    #[error("ridge is {value}, not between 0 and {STRONGEST_RIDGE}")]
    Ridge { value: f64 },
    #[error("interval is {value}, not between {NARROWEST_INTERVAL} and {WIDEST_INTERVAL}")]
    Interval { value: f64 },
    #[error("model `{model}` is not one of the {setting} setting")]
    WrongSetting { model: String, setting: &'static str },
    #[error("group_by and covariates are both set")]
    GroupsAndCovariates,
    #[error("covariates need the noncontractual setting")]
    CovariatesElsewhere,
    #[error("holdout_days is {value}, more than {LONGEST_HORIZON_DAYS}")]
    Holdout { value: u32 },
    #[error("max_holdout_customers is {value}, less than {FEWEST_HOLDOUT_CUSTOMERS}")]
    HoldoutCustomers { value: u32 },
    #[error("{0}")]
    Season(#[from] SeasonProblem),
}

impl Problem {
    /// The config key.
    pub fn key(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } | Self::WrongSetting { .. } => "model",
            Self::GroupsAndCovariates | Self::CovariatesElsewhere => "covariates",
            Self::Holdout { .. } => "holdout_days",
            Self::HoldoutCustomers { .. } => "max_holdout_customers",
            Self::Season(problem) => problem.key(),
            Self::Horizon { .. } => "horizon_days",
            Self::Period { .. } | Self::TooManyPeriods { .. } => "period_days",
            Self::DiscountRate { .. } => "annual_discount_rate",
            Self::Ridge { .. } => "ridge",
            Self::FurtherHorizon { .. } | Self::TooManyHorizons { .. } => "horizons_days",
            Self::Interval { .. } => "interval",
        }
    }

    /// What to change.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownModel { .. } => format!("use one of {}", model_names().join(", ")),
            Self::WrongSetting { setting, .. } => {
                let of_setting = MODELS.iter().filter(|m| m.setting().name() == *setting);
                let names: Vec<&str> = std::iter::once(AUTO).chain(of_setting.map(|m| m.name())).collect();
                format!("use one of {}, or change the setting", names.join(", "))
            }
            Self::GroupsAndCovariates => "make the group one of the covariates, or leave one of them out".to_owned(),
            Self::CovariatesElsewhere => "leave the covariates out, or use group_by".to_owned(),
            Self::Holdout { .. } => "use 0 for as long as the data allow".to_owned(),
            Self::HoldoutCustomers { .. } => "use 50000, or 0 for all customers".to_owned(),
            Self::Season(problem) => problem.hint(),
            Self::Horizon { .. } => "use 365 for a year".to_owned(),
            Self::Period { .. } => "use 30 for monthly discounting".to_owned(),
            Self::TooManyPeriods { horizon_days, .. } => {
                format!("use {} or more", horizon_days.div_ceil(MOST_PERIODS))
            }
            Self::DiscountRate { .. } => "use a fraction: 0.10 for ten per cent a year".to_owned(),
            Self::FurtherHorizon { .. } => "use days, as in [90, 180]".to_owned(),
            Self::TooManyHorizons { .. } => format!("keep {MOST_HORIZONS} of them"),
            Self::Interval { .. } => "use 0.90 for the middle 90 per cent".to_owned(),
            Self::Ridge { .. } => "use 0 for maximum likelihood, 0.01 where it runs to extremes".to_owned(),
        }
    }
}

/// Names that `Config::model` may have.
pub fn model_names() -> Vec<&'static str> {
    std::iter::once(AUTO).chain(MODELS.iter().map(|m| m.name())).collect()
}

impl Config {
    /// Checks everything and reports every problem.
    pub fn check(&self) -> Result<Params, Vec<Problem>> {
        let mut problems = Vec::new();
        let days = 1..=LONGEST_HORIZON_DAYS;
        if !model_names().contains(&self.model.as_str()) {
            problems.push(Problem::UnknownModel {
                value: self.model.clone(),
            });
        }
        if !days.contains(&self.horizon_days) {
            problems.push(Problem::Horizon {
                value: self.horizon_days,
            });
        }
        let further = self.horizons_days.iter().filter(|value| !days.contains(value));
        problems.extend(further.map(|value| Problem::FurtherHorizon { value: *value }));
        if MOST_HORIZONS < self.horizons_days.len() {
            problems.push(Problem::TooManyHorizons {
                n: self.horizons_days.len(),
            });
        }
        if !days.contains(&self.period_days) {
            problems.push(Problem::Period {
                value: self.period_days,
            });
        } else if let Some(&horizon_days) = std::iter::once(&self.horizon_days)
            .chain(&self.horizons_days)
            .find(|horizon| MOST_PERIODS < horizon.div_ceil(self.period_days))
        {
            problems.push(Problem::TooManyPeriods {
                period_days: self.period_days,
                horizon_days,
            });
        }
        if !(0.0..=HIGHEST_DISCOUNT_RATE).contains(&self.annual_discount_rate) {
            problems.push(Problem::DiscountRate {
                value: self.annual_discount_rate,
            });
        }
        if !(0.0..=STRONGEST_RIDGE).contains(&self.ridge) {
            problems.push(Problem::Ridge { value: self.ridge });
        }
        if !(NARROWEST_INTERVAL..=WIDEST_INTERVAL).contains(&self.interval) {
            problems.push(Problem::Interval { value: self.interval });
        }
        if let Some(model) = model::find(&self.model).filter(|model| model.setting() != self.setting) {
            problems.push(Problem::WrongSetting {
                model: model.name().to_owned(),
                setting: self.setting.name(),
            });
        }
        if !self.covariates.is_empty() {
            if !self.group_by.trim().is_empty() {
                problems.push(Problem::GroupsAndCovariates);
            }
            if self.setting != Setting::Noncontractual {
                problems.push(Problem::CovariatesElsewhere);
            }
        }
        if LONGEST_HORIZON_DAYS < self.holdout_days {
            problems.push(Problem::Holdout {
                value: self.holdout_days,
            });
        }
        if (1..FEWEST_HOLDOUT_CUSTOMERS).contains(&self.max_holdout_customers) {
            problems.push(Problem::HoldoutCustomers {
                value: self.max_holdout_customers,
            });
        }
        let season = SeasonConfig {
            season: self.season.clone(),
            season_weights: self.season_weights.clone(),
        };
        let season = season.check().unwrap_or_else(|found| {
            problems.extend(found.into_iter().map(Problem::Season));
            SeasonParams::Off
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Params {
            model: self.model.clone(),
            setting: self.setting,
            opportunity: self.opportunity,
            grace_days: self.grace_days.min(LONGEST_HORIZON_DAYS),
            holdout: HoldoutConfig {
                holdout_days: (0 < self.holdout_days).then_some(self.holdout_days),
                cut_day: None,
            },
            max_holdout_customers: match self.max_holdout_customers {
                0 => usize::MAX,
                most => most as usize,
            },
            evaluates: false,
            season,
            group_by: GroupBy::parse(&self.group_by),
            covariates: self.covariates.clone(),
            horizon_days: self.horizon_days,
            horizons_days: self.horizons_days.clone(),
            period_days: self.period_days,
            annual_discount_rate: self.annual_discount_rate,
            ridge: self.ridge,
            interval: self.interval,
        })
    }
}
