//! Customer lifetime value: who is still alive, how often they will order, what that is worth.
//!
//! In: per customer x, t_x and T in days and mean amounts ([`CustomerHistories`]). Out: [`ClvResult`]: predictions
//! per customer, a report for every model fitted, the choice and its reason. It cannot fail: what cannot be known
//! is null and has a [`Status`]. Cost: O(n log n) to collapse equal histories, then linear in distinct histories.
//!
//! Files, in data-flow order: `special` (functions), `optimise` (Newton), `histories` (collapse), `model` (trait,
//! registry, report), `fit`, `orders` and `beta_geometric` (shared mathematics), one file a model, `purchases`,
//! `opportunities` and `holdout` (cuts), `clock` and `season`, `baseline`, `select` (what can predict), `ladder` (choice
//! by likelihood), `value` (predictions), `tracking` (fit in sample), `evaluation`, `pictures` and `trial` (fit out of
//! sample), `competition` (choice), `groups` and `covariates` (parameters that differ between customers).

pub mod baseline;
pub mod bb;
pub mod bdw;
pub mod beta_geometric;
pub mod beta_survival;
pub mod bg_bb;
pub mod bg_cnbd_k;
pub mod bg_nbd;
pub mod clock;
pub mod competition;
pub mod covariates;
pub mod erlang;
pub mod evaluation;
pub mod fit;
pub mod gamma_gamma;
pub mod geometric;
pub mod groups;
pub mod histories;
pub mod holdout;
pub mod horizon;
pub mod interval;
pub mod ladder;
pub mod mbg_cnbd_k;
pub mod mbg_nbd;
pub mod means;
pub mod model;
pub mod nbd;
pub mod opportunities;
pub mod optimise;
pub mod orders;
pub mod pareto_nbd;
pub mod pictures;
pub mod purchases;
pub mod quadrature;
pub mod sbg;
pub mod season;
pub mod select;
pub mod special;
pub mod spend_total;
pub mod stages;
pub mod tracking;
pub mod trial;
pub mod uncertainty;
pub mod value;

use serde::{Deserialize, Serialize};

use self::baseline::{Known, LastWindow};
use self::clock::Clock;
use self::competition::{Outlook, Selection, Standing};
use self::evaluation::Evaluation;
use self::gamma_gamma::Spenders;
use self::histories::{Histories, History, NO_ROW};
use self::holdout::{FEWEST_CUSTOMERS, FEWEST_REPEATERS, Holdout, NoHoldout};
use self::horizon::Horizons;
use self::model::{FitStatus, MODELS, ModelFit, Setting};
use self::select::{ClvModel, Counts, Spend};
use self::tracking::RepeatBin;
pub use self::value::{CustomerValues, HorizonValues, Scorer, Status};

/// What the user may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `auto`, or the name of a count model: `nbd`, `mbg_nbd`, `bg_nbd`.
    pub model: String,
    /// Days after as-of that are valued.
    pub horizon_days: u32,
    /// Further horizons that are predicted in the same pass.
    pub horizons_days: Vec<u32>,
    /// Orders within a period are discounted from its end.
    pub period_days: u32,
    /// 0.10 means that 1.10 in a year is worth 1.00 today.
    pub annual_discount_rate: f64,
    /// Ridge on the logarithms of the count models' parameters, toward customers who are all alike in kind: ln L −
    /// ½ ridge × customers × Σ (ln p − centre)² is maximised, see [`fit::Penalty::ridge`]. 0 is maximum likelihood.
    pub ridge: f64,
    /// Probability that the intervals are to hold.
    pub interval: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            model: AUTO.to_owned(),
            horizon_days: 365,
            horizons_days: Vec::new(),
            period_days: 30,
            annual_discount_rate: 0.10,
            ridge: 0.0,
            interval: 0.90,
        }
    }
}

const AUTO: &str = "auto";
const LONGEST_HORIZON_DAYS: u32 = 36_500;
const MOST_PERIODS: u32 = 1_200;
const HIGHEST_DISCOUNT_RATE: f64 = 10.0;
const STRONGEST_RIDGE: f64 = 1e3;
const MOST_HORIZONS: usize = 100;
const NARROWEST_INTERVAL: f64 = 0.01;
const WIDEST_INTERVAL: f64 = 0.999;

/// A checked [`Config`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Params {
    model: String,
    horizon_days: u32,
    horizons_days: Vec<u32>,
    period_days: u32,
    annual_discount_rate: f64,
    ridge: f64,
    interval: f64,
}

impl Params {
    pub fn horizon_days(&self) -> u32 {
        self.horizon_days
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
}

impl Problem {
    /// The config key.
    pub fn key(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } => "model",
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
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Params {
            model: self.model.clone(),
            horizon_days: self.horizon_days,
            horizons_days: self.horizons_days.clone(),
            period_days: self.period_days,
            annual_discount_rate: self.annual_discount_rate,
            ridge: self.ridge,
            interval: self.interval,
        })
    }
}

/// One entry a customer in every slice; a customer beyond the end of a shorter slice has an invalid history or no
/// amount.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustomerHistories<'a> {
    /// Purchase days after the first (x).
    pub x: &'a [u32],
    /// Days from the first to the last purchase; 0 exactly if x is 0.
    pub t_x_days: &'a [f64],
    /// Days from the first purchase to as-of (T).
    pub age_days: &'a [f64],
    /// Mean net amount of the repeat purchase days; null if x is 0.
    pub mean_repeat_amount: &'a [Option<f64>],
    /// Mean net amount of all purchase days, the first one included.
    pub mean_amount_all: &'a [f64],
    /// Σ ln of the gaps in days between neighbouring purchase days, all customers together; without it the regular
    /// models (CNBD-k) are not fitted.
    pub sum_ln_gaps: Option<f64>,
    /// What the baseline `last_period` repeats; without it that baseline cannot be chosen and predicts nothing.
    pub recent: Option<Recent<'a>>,
}

/// Purchases of the last days up to as-of, one entry a customer.
#[derive(Clone, Copy, Debug)]
pub struct Recent<'a> {
    /// How many days: as many as the horizon, if the history is that long.
    pub window_days: u32,
    /// Purchase days.
    pub orders: &'a [u32],
    /// Their net amount.
    pub amount: &'a [f64],
}

impl CustomerHistories<'_> {
    pub fn len(&self) -> usize {
        self.x.len()
    }

    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    fn histories(&self) -> Vec<History> {
        let day = |days: &[f64], i: usize| days.get(i).copied().unwrap_or(f64::NAN);
        let history = |(i, &x): (usize, &u32)| History {
            x,
            t_x: day(self.t_x_days, i),
            age: day(self.age_days, i),
        };
        self.x.iter().enumerate().map(history).collect()
    }

    fn repeat_amount(&self, i: usize) -> Option<f64> {
        self.mean_repeat_amount.get(i).copied().flatten()
    }

    /// What a baseline looks at. An amount that is not finite is none.
    fn known(&self, i: usize) -> Known {
        let day = |days: &[f64]| days.get(i).copied().unwrap_or(f64::NAN);
        Known {
            history: History {
                x: self.x[i],
                t_x: day(self.t_x_days),
                age: day(self.age_days),
            },
            mean_amount_all: day(self.mean_amount_all),
            recent: self.recent.and_then(|recent| {
                Some(LastWindow {
                    days: recent.window_days,
                    orders: *recent.orders.get(i)?,
                    amount: *recent.amount.get(i)?,
                })
            }),
        }
    }

    /// Net amount of all purchase days over their number; `None` unless positive.
    fn pooled_amount(&self, row_of: &[u32]) -> Option<f64> {
        let mut days_and_means: Vec<(u32, f64)> = (0..self.len())
            .filter(|i| row_of.get(*i).is_some_and(|row| *row != NO_ROW))
            .filter_map(|i| Some((self.x[i], *self.mean_amount_all.get(i)?)))
            .filter(|(_, mean)| mean.is_finite())
            .collect();
        // Sums of floats depend on their order, results must not.
        days_and_means.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (mut amount, mut days) = (0.0, 0.0);
        for (x, mean) in days_and_means {
            amount += (f64::from(x) + 1.0) * mean;
            days += f64::from(x) + 1.0;
        }
        let pooled = amount / days;
        (pooled.is_finite() && 0.0 < pooled).then_some(pooled)
    }
}

/// Something the user should know about the result.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Warning {
    InvalidHistories { customers: u64 },
    NotEnoughHistory,
    NoDropoutLimit,
    BaselineWins { name: String },
    OneTimersAlive,
    PooledRate,
    PooledSpend { why: FitStatus },
    NoSpend,
    SpendDependsOnFrequency { correlation: f64 },
    NotConverged { model: String },
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
            Self::SpendDependsOnFrequency { correlation } => format!(
                "order amount and number of orders have correlation {correlation:.2}, and gamma_gamma takes them for independent"
            ),
            Self::NotConverged { model } => format!("{model} did not reach a maximum and was not used"),
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
        }
    }
}

/// A correlation of frequency and amount beyond this is worth a warning (Fader and Hardie have 0.11 in CDNOW).
const NOTABLE_CORRELATION: f64 = 0.3;

/// Everything this stage knows.
#[derive(Clone, Debug, PartialEq)]
pub struct ClvResult {
    /// One entry a customer, in the order of the input.
    pub customers: CustomerValues,
    /// Every fit, Gamma-Gamma last.
    pub models: Vec<ModelFit>,
    /// Name of the count model behind the predictions, `pooled_rate` or `none`.
    pub selected_model: String,
    pub selection_reason: String,
    /// Pearson correlation of x and the mean repeat amount; `None` if there is none.
    pub spend_correlation: Option<f64>,
    /// Customers by number of repeat purchase days, actual and expected.
    pub repeat_bins: Vec<RepeatBin>,
    pub warnings: Vec<Warning>,
    /// What [`score`] needs; save it to score new data later.
    pub model: ClvModel,
    /// How models and baselines stood on the holdout; empty without one.
    pub competition: Vec<Standing>,
    pub evaluation: Option<Evaluation>,
}

/// Fits, chooses by likelihood and predicts.
pub fn run(params: &Params, customers: &CustomerHistories<'_>) -> ClvResult {
    run_on(params, customers, Err(NoHoldout::NoPurchaseDays))
}

/// Fits, chooses and predicts. `auto` chooses by `holdout` too, if there is one.
pub fn run_on(params: &Params, customers: &CustomerHistories<'_>, holdout: Result<&Holdout, NoHoldout>) -> ClvResult {
    let (mut histories, row_of) = Histories::collapse(&customers.histories());
    histories.sum_ln_gaps = customers.sum_ln_gaps;
    let spenders = Spenders::new(
        (0..customers.len())
            .filter(|i| row_of[*i] != NO_ROW)
            .filter_map(|i| Some((customers.x[i], customers.repeat_amount(i)?))),
    );
    let setting = model::find(&params.model).map_or_else(Setting::default, |model| model.setting());
    let Selection {
        model,
        models,
        selected_model,
        selection_reason,
        competition,
        evaluation,
    } = competition::select(
        &params.model,
        setting,
        &histories,
        &spenders,
        Outlook {
            pooled_amount: customers.pooled_amount(&row_of),
            recent_days: customers.recent.map(|recent| recent.window_days),
            ridge: params.ridge,
            holdout,
        },
    );
    let spend_correlation = spenders.correlation();
    let invalid = row_of.iter().filter(|row| **row == NO_ROW).count() as u64;
    let warnings = warnings(&model, &models, invalid, spend_correlation);
    // A fitted model has valid parameters; the fallback keeps the promise not to fail.
    let scorer = model.scorer().unwrap_or_else(|_| Scorer::without_model());
    let horizons = Horizons::new(params, &Clock::calendar(), 0);
    ClvResult {
        customers: scorer.score_collapsed(params, &horizons, customers, &histories, &row_of),
        repeat_bins: tracking::repeat_bins(&scorer, &histories),
        models,
        selected_model,
        selection_reason,
        spend_correlation,
        warnings,
        model,
        competition,
        evaluation,
    }
}

/// Predicts with a model that was fitted before.
pub fn score(params: &Params, scorer: &Scorer, customers: &CustomerHistories<'_>) -> CustomerValues {
    scorer.score(params, customers)
}

fn warnings(model: &ClvModel, models: &[ModelFit], invalid: u64, correlation: Option<f64>) -> Vec<Warning> {
    let mut out = Vec::new();
    if 0 < invalid {
        out.push(Warning::InvalidHistories { customers: invalid });
    }
    match model.counts {
        Counts::Nothing => out.push(Warning::NotEnoughHistory),
        Counts::PooledRate { .. } | Counts::PooledRenewal { .. } => out.push(Warning::PooledRate),
        Counts::Baseline { baseline } => out.push(Warning::BaselineWins {
            name: baseline.name().to_owned(),
        }),
        Counts::Model { stands_in: true, .. } => out.push(Warning::NoDropoutLimit),
        Counts::Model { ref name, .. } if name == bg_nbd::NAME => out.push(Warning::OneTimersAlive),
        Counts::Model { .. } => {}
    }
    let spend_status = models
        .iter()
        .find(|fit| fit.name == gamma_gamma::NAME)
        .map_or(FitStatus::NotEnoughHistory, |fit| fit.status);
    match model.spend {
        Spend::Pooled { .. } => out.push(Warning::PooledSpend { why: spend_status }),
        Spend::Nothing => out.push(Warning::NoSpend),
        Spend::GammaGamma { .. } => {
            if let Some(correlation) = correlation.filter(|c| NOTABLE_CORRELATION < c.abs()) {
                out.push(Warning::SpendDependsOnFrequency { correlation });
            }
        }
    }
    for fit in models.iter().filter(|fit| fit.status == FitStatus::NotConverged) {
        out.push(Warning::NotConverged {
            model: fit.name.clone(),
        });
    }
    out
}
