//! Customer lifetime value: who is still alive, how often they will order, what that is worth.
//!
//! In: per customer x, t_x and T in days and mean amounts ([`CustomerHistories`]). Out: [`ClvResult`]: predictions
//! per customer, a report for every model fitted, the choice and its reason. It cannot fail: what cannot be known
//! is null and has a [`Status`]. Cost: O(n log n) to collapse equal histories, then linear in distinct histories.
//!
//! Files, in data-flow order: `special` (functions), `optimise` (Newton), `histories` (collapse), `model` (trait,
//! registry, report), `fit`, `orders` and `beta_geometric` (shared mathematics), one file a model, `independence` (test of
//! the spend model), `purchases`, `opportunities` and `holdout` (cuts), `clock` and `season`, `baseline`, `select` (what
//! can predict), `ladder` (choice by likelihood), `horizon`, `uncertainty`, `spend_total` and `interval` (distributions of
//! the future), `value` (predictions), `tracking` (fit in sample), `evaluation`, `pictures` and `trial` (fit out of
//! sample), `competition` (choice), `groups` and `covariates` (parameters that differ between customers), `job` (all).

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
pub mod config;
pub mod covariates;
pub mod discounting;
pub mod erlang;
pub mod evaluation;
pub mod fit;
pub mod gamma_gamma;
pub mod geometric;
pub mod groups;
pub mod histories;
pub mod holdout;
pub mod horizon;
pub mod independence;
pub mod interval;
pub mod job;
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
pub mod regularity;
pub mod roots;
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
pub mod warnings;

use serde::Serialize;

use self::baseline::{Known, LastWindow};
use self::clock::Clock;
use self::competition::{Outlook, Selection, Standing};
pub use self::config::{Config, Params, Problem, model_names};
use self::evaluation::Evaluation;
use self::gamma_gamma::Spenders;
use self::histories::{Histories, History, NO_ROW};
use self::holdout::{Holdout, NoHoldout};
use self::horizon::Horizons;
use self::independence::Independence;
pub use self::job::{Covariates, Groups, Input, run_purchases};
use self::model::{FitStatus, ModelFit};
use self::regularity::Regularity;
use self::season::SeasonFinding;
use self::select::{ClvModel, Counts, Spend};
use self::tracking::RepeatBin;
pub use self::value::{CustomerValues, HorizonValues, Scorer, Status};
pub use self::warnings::Warning;

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

    /// The same as rows.
    pub fn histories(&self) -> Vec<History> {
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
    /// The test of what Gamma-Gamma assumes.
    pub spend_independence: Option<Independence>,
    /// Customers by number of repeat purchase days, actual and expected.
    pub repeat_bins: Vec<RepeatBin>,
    pub warnings: Vec<Warning>,
    /// What [`score`] needs; save it to score new data later.
    pub model: ClvModel,
    /// How models and baselines stood on the holdout; empty without one.
    pub competition: Vec<Standing>,
    /// The holdout in full, where the params ask for it ([`Params::competing`]).
    pub evaluation: Option<Evaluation>,
    /// Why there was no holdout to compete on.
    pub no_holdout: Option<NoHoldout>,
    /// Whether histories are times, rather than numbers of opportunities or renewals.
    pub is_in_continuous_time: bool,
    /// What is known of the season, and whether it is used.
    pub season: SeasonFinding,
    /// Parameters by group, where customers are grouped.
    pub groups: Option<Groups>,
    /// Coefficients and tests, where the model depends on attributes.
    pub covariates: Option<Covariates>,
    /// How regular the gaps between purchase days are; `None` in other settings, and with too few gaps.
    pub regularity: Option<Regularity>,
    /// Contracts: customers who paid again after a missed period.
    pub resumed_customers: u64,
    /// What models competed on where that was not everybody.
    pub sample: Option<Sample>,
}

/// The customers whom models competed on, where there were very many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Every so many-th customer.
    pub every: u64,
    pub n_customers: u64,
    pub of_customers: u64,
}

/// Fits, chooses by likelihood and predicts, on the calendar.
pub fn run(params: &Params, customers: &CustomerHistories<'_>) -> ClvResult {
    run_on(params, customers, Err(NoHoldout::NoPurchaseDays))
}

/// Fits, chooses and predicts. `auto` chooses by `holdout` too, if there is one.
pub fn run_on(params: &Params, customers: &CustomerHistories<'_>, holdout: Result<&Holdout, NoHoldout>) -> ClvResult {
    let horizons = Horizons::new(params, &Clock::calendar(), 0);
    run_ahead(params, customers, &horizons, holdout, None)
}

/// The same for horizons in the unit of the customers' times. `sample` are some of the customers.
fn run_ahead(
    params: &Params,
    customers: &CustomerHistories<'_>,
    horizons: &Horizons,
    holdout: Result<&Holdout, NoHoldout>,
    sample: Option<&CustomerHistories<'_>>,
) -> ClvResult {
    let sample = sample.map(|customers| {
        let (mut histories, _) = Histories::collapse(&customers.histories());
        histories.sum_ln_gaps = customers.sum_ln_gaps;
        histories
    });
    let (mut histories, row_of) = Histories::collapse(&customers.histories());
    histories.sum_ln_gaps = customers.sum_ln_gaps;
    let spenders = Spenders::new(
        (0..customers.len())
            .filter(|i| row_of[*i] != NO_ROW)
            .filter_map(|i| Some((customers.x[i], customers.repeat_amount(i)?))),
    );
    let outlook = Outlook {
        pooled_amount: &|| customers.pooled_amount(&row_of),
        recent_days: customers.recent.map(|recent| recent.window_days),
        ridge: params.ridge,
        holdout,
        sample: sample.as_ref(),
        evaluates: params.evaluates,
    };
    let (selection, of_spend) = rayon::join(
        || competition::select(&params.model, params.setting, &histories, &spenders, outlook),
        || (spenders.correlation(), Independence::of(&spenders)),
    );
    let Selection {
        model,
        models,
        selected_model,
        selection_reason,
        competition,
        evaluation,
    } = selection;
    let (spend_correlation, spend_independence) = of_spend;
    let invalid = row_of.iter().filter(|row| **row == NO_ROW).count() as u64;
    let warnings = warnings(&model, &models, invalid, spend_independence);
    // A fitted model has valid parameters; the fallback keeps the promise not to fail.
    let scorer = model.scorer().unwrap_or_else(|_| Scorer::without_model());
    let (values, repeat_bins) = rayon::join(
        || scorer.score_collapsed(params, horizons, customers, &histories, &row_of),
        || tracking::repeat_bins(&scorer, &histories),
    );
    ClvResult {
        customers: values,
        repeat_bins,
        models,
        selected_model,
        selection_reason,
        spend_correlation,
        spend_independence,
        warnings,
        model,
        competition,
        evaluation,
        no_holdout: holdout.err(),
        is_in_continuous_time: params.setting == model::Setting::Noncontractual,
        season: SeasonFinding::Off,
        groups: None,
        covariates: None,
        regularity: None,
        resumed_customers: 0,
        sample: None,
    }
}

/// Predicts with a model that was fitted before.
pub fn score(params: &Params, scorer: &Scorer, customers: &CustomerHistories<'_>) -> CustomerValues {
    scorer.score(params, customers)
}

fn warnings(model: &ClvModel, models: &[ModelFit], invalid: u64, independence: Option<Independence>) -> Vec<Warning> {
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
            if let Some(correlation) = independence.and_then(|test| test.notable()) {
                out.push(Warning::SpendDependsOnFrequency {
                    correlation: correlation.value,
                    p_value: correlation.p_value,
                });
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
