//! Predictions per customer: P(alive), orders, order amount, lifetime value and their intervals.
//!
//! In: a [`ClvModel`] and histories. Out: a vector per column, in the order of the customers. Cost: what `interval`
//! says per distinct history; per customer one look-up and a few multiplications, each column written once.
//!
//! # Formula
//! With E(t) the expected orders within t and z the expected order amount, `clv_amount` = z Σ (E(tᵢ) − E(tᵢ₋₁)) ×
//! discount of the end tᵢ of period i, see `horizon`. A monthly rate d over twelve months of 30 days is the annual rate
//! (1 + d)^(365/30) − 1 with a horizon of 360. `residual_amount` = z × the orders from as-of to infinity, discounted
//! continuously.
//!
//! # Intervals
//! `orders_low` to `orders_high` holds the number of orders, `clv_low_amount` to `clv_high_amount` what they come to,
//! each with the probability `interval` of the config: at most half of the rest lies below and above. Both cover
//! whether the customer is alive, the unknown rate, chance, and the uncertainty of the fitted parameters; the interval
//! of money covers the unknown mean amount, its estimate, and the spread of single amounts too. Money is discounted by
//! the average discount of the expected orders, since an interval of times would change it little. What is not
//! covered: a model that is wrong, and limits (no covariance; taken for certain). Where spend is pooled, the interval of
//! money is that of the orders at the pooled amount. Expected values may lie outside an interval that leaves 5 % on
//! each side, where a small chance of many orders makes them.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, Known};
use super::clock::Clock;
use super::gamma_gamma::{self, GammaGamma};
use super::histories::{Histories, History, NO_ROW};
use super::horizon::{Horizon, Horizons};
use super::interval::{self, Ahead, Task, UNKNOWN};
use super::model::{self, CountModel};
use super::select::{ClvModel, Counts, Spend};
use super::spend_total::SpendTotals;
use super::{CustomerHistories, Params, uncertainty};
use crate::units::MaybeF64;

/// How far a customer's numbers are from the full model. The first that applies, in this order.
///
/// | status | meaning | null columns |
/// |---|---|---|
/// | `invalid_history` | t_x or T is negative, not finite or contradicts x | all |
/// | `not_enough_history` | nobody has bought on a second day, or there is no span of time | all but `expected_order_amount` |
/// | `pooled_rate` | one order rate for all customers | `alive_prob`, `order_prob`, `residual_amount`, intervals |
/// | `baseline` | a baseline predicted the holdout better than every model | `alive_prob`, `order_prob`, `residual_amount`, intervals; all but `expected_order_amount` where `last_period` lacks the last period |
/// | `no_dropout_limit` | dropout could not be estimated: the NBD, `alive_prob` 1 | none |
/// | `no_spend` | no positive amounts to learn from | all amounts |
/// | `pooled_spend` | one order amount for all customers | none |
/// | `population_spend` | no positive mean amount of repeat orders, so the population mean under Gamma-Gamma | none |
/// | `ok` | the chosen count model and Gamma-Gamma with the customer's own amounts | none |
///
/// In any status the intervals are null for a customer from whom more than 100,000 orders must be reckoned with, and
/// `residual_amount` where money is not discounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    AllReturned,
    InvalidHistory,
    NotEnoughHistory,
    PooledRate,
    Baseline,
    NoDropoutLimit,
    NoSpend,
    PooledSpend,
    PopulationSpend,
    Ok,
}

impl Status {
    pub const ALL: [Self; 10] = [
        Self::AllReturned,
        Self::InvalidHistory,
        Self::NotEnoughHistory,
        Self::PooledRate,
        Self::Baseline,
        Self::NoDropoutLimit,
        Self::NoSpend,
        Self::PooledSpend,
        Self::PopulationSpend,
        Self::Ok,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllReturned => "all_returned",
            Self::InvalidHistory => "invalid_history",
            Self::NotEnoughHistory => "not_enough_history",
            Self::PooledRate => "pooled_rate",
            Self::Baseline => "baseline",
            Self::NoDropoutLimit => "no_dropout_limit",
            Self::NoSpend => "no_spend",
            Self::PooledSpend => "pooled_spend",
            Self::PopulationSpend => "population_spend",
            Self::Ok => "ok",
        }
    }
}

/// The predicted columns, one entry a customer, in the order of the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerValues {
    pub alive_prob: Vec<MaybeF64>,
    /// Within `horizon_days`, as everything that does not say otherwise.
    pub expected_orders: Vec<MaybeF64>,
    /// Probability of at least one order.
    pub order_prob: Vec<MaybeF64>,
    pub orders_low: Vec<Option<u32>>,
    pub orders_high: Vec<Option<u32>>,
    pub expected_order_amount: Vec<MaybeF64>,
    pub clv_amount: Vec<MaybeF64>,
    pub clv_low_amount: Vec<MaybeF64>,
    pub clv_high_amount: Vec<MaybeF64>,
    /// From as-of to infinity, discounted.
    pub residual_amount: Vec<MaybeF64>,
    pub clv_status: Vec<Status>,
    /// One entry for each of `horizons_days`.
    pub horizons: Vec<HorizonValues>,
}

/// The columns of a further horizon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HorizonValues {
    pub horizon_days: u32,
    /// Probability to be still there at the end of the horizon.
    pub alive_prob: Vec<MaybeF64>,
    pub expected_orders: Vec<MaybeF64>,
    pub order_prob: Vec<MaybeF64>,
    pub orders_low: Vec<Option<u32>>,
    pub orders_high: Vec<Option<u32>>,
    pub clv_amount: Vec<MaybeF64>,
    pub clv_low_amount: Vec<MaybeF64>,
    pub clv_high_amount: Vec<MaybeF64>,
}

/// One customer's numbers for one horizon; NaN and [`UNKNOWN`] where there is none.
#[derive(Clone, Copy)]
struct One {
    alive: f64,
    expected: f64,
    order_prob: f64,
    price: f64,
    clv: f64,
    low_money: f64,
    high_money: f64,
    residual: f64,
    low: u32,
    high: u32,
    status: Status,
}

/// Customers that are predicted before their numbers go to the columns: few enough to stay in the cache.
const BLOCK: usize = 1 << 15;

/// Predicts customers 0 .. n in parallel, and hands them over block by block in their order.
fn for_blocks(n: usize, one: impl Fn(usize) -> One + Sync, mut append: impl FnMut(&[One])) {
    let mut block = Vec::with_capacity(BLOCK.min(n));
    for from in (0..n).step_by(BLOCK) {
        (from..n.min(from + BLOCK))
            .into_par_iter()
            .map(&one)
            .collect_into_vec(&mut block);
        append(&block);
    }
}

impl HorizonValues {
    fn with_capacity(n: usize, horizon_days: u32) -> Self {
        let numbers = || Vec::with_capacity(n);
        Self {
            horizon_days,
            alive_prob: numbers(),
            expected_orders: numbers(),
            order_prob: numbers(),
            orders_low: Vec::with_capacity(n),
            orders_high: Vec::with_capacity(n),
            clv_amount: numbers(),
            clv_low_amount: numbers(),
            clv_high_amount: numbers(),
        }
    }

    fn append(&mut self, block: &[One]) {
        fn numbers(column: &mut Vec<MaybeF64>, block: &[One], of: impl Fn(&One) -> f64) {
            column.extend(block.iter().map(|one| MaybeF64::finite(of(one))));
        }
        rayon::join(
            || {
                numbers(&mut self.alive_prob, block, |o| o.alive);
                numbers(&mut self.expected_orders, block, |o| o.expected);
                numbers(&mut self.order_prob, block, |o| o.order_prob);
                self.orders_low.extend(block.iter().map(|o| orders(o.low)));
            },
            || {
                numbers(&mut self.clv_amount, block, |o| o.clv);
                numbers(&mut self.clv_low_amount, block, |o| o.low_money);
                numbers(&mut self.clv_high_amount, block, |o| o.high_money);
                self.orders_high.extend(block.iter().map(|o| orders(o.high)));
            },
        );
    }
}

/// A [`ClvModel`] whose names and numbers have been checked.
#[derive(Clone)]
pub struct Scorer {
    counts: CountScorer,
    spend: SpendScorer,
}

#[derive(Clone)]
enum CountScorer {
    Model {
        model: &'static dyn CountModel,
        params: Vec<f64>,
        /// What stands for the uncertainty of `params`, and the sum of the variances of their logarithms.
        points: Vec<Vec<f64>>,
        variance: f64,
        stands_in: bool,
    },
    Baseline(Baseline),
    PooledRate {
        orders_per_day: f64,
    },
    PooledRenewal {
        renewal_prob: f64,
    },
    Nothing,
}

#[derive(Clone)]
enum SpendScorer {
    GammaGamma(SpendTotals),
    Pooled { amount: f64 },
    Nothing,
}

/// What is wrong with a saved model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error("the saved model is called `{name}`, which this version does not know")]
    UnknownModel { name: String },
    #[error("parameter `{letter}` of the saved {model} is missing, not finite or not positive")]
    BadParameter { model: String, letter: String },
    #[error("the covariance of the saved {model} is not that of its parameters")]
    BadCovariance { model: String },
}

impl ModelError {
    /// What to change.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownModel { .. } => {
                let names: Vec<&str> = model::MODELS.iter().map(|m| m.name()).collect();
                format!("fit again; known models are {}", names.join(", "))
            }
            Self::BadParameter { .. } | Self::BadCovariance { .. } => {
                "fit again instead of editing the saved model".to_owned()
            }
        }
    }
}

impl ClvModel {
    /// Checks names and numbers, so that scoring cannot fail.
    pub fn scorer(&self) -> Result<Scorer, ModelError> {
        let positive = |model: &str, letter: &str, value: Option<f64>| match value {
            Some(v) if v.is_finite() && 0.0 < v => Ok(v),
            _ => Err(ModelError::BadParameter {
                model: model.to_owned(),
                letter: letter.to_owned(),
            }),
        };
        let points = |model: &str, params: &[f64], covariance: &Option<Vec<Vec<f64>>>| match covariance {
            None => Ok(Vec::new()),
            Some(covariance) => uncertainty::points(params, covariance).ok_or_else(|| ModelError::BadCovariance {
                model: model.to_owned(),
            }),
        };
        let counts = match &self.counts {
            Counts::Model {
                name,
                params,
                stands_in,
                covariance,
            } => {
                let model = model::find(name).ok_or_else(|| ModelError::UnknownModel { name: name.clone() })?;
                let params = model
                    .letters()
                    .iter()
                    .map(|letter| positive(name, letter, params.get(letter)))
                    .collect::<Result<Vec<f64>, _>>()?;
                CountScorer::Model {
                    model,
                    points: points(name, &params, covariance)?,
                    variance: covariance.as_deref().map_or(0.0, uncertainty::trace),
                    params,
                    stands_in: *stands_in,
                }
            }
            Counts::PooledRate { orders_per_day } => CountScorer::PooledRate {
                orders_per_day: positive("pooled_rate", "orders_per_day", Some(*orders_per_day))?,
            },
            Counts::PooledRenewal { renewal_prob } => CountScorer::PooledRenewal {
                renewal_prob: positive("pooled_renewal", "renewal_prob", Some(*renewal_prob))?.min(1.0),
            },
            Counts::Baseline { baseline } => {
                match *baseline {
                    Baseline::LastPeriod { window_days } => {
                        positive(baseline.name(), "window_days", Some(f64::from(window_days)))?;
                    }
                    Baseline::Hiatus { longest_silence_days } => {
                        // Nobody is silent for less than no time.
                        positive(
                            baseline.name(),
                            "longest_silence_days",
                            Some(longest_silence_days + 1.0),
                        )?;
                    }
                    Baseline::Rate => {}
                }
                CountScorer::Baseline(*baseline)
            }
            Counts::Nothing => CountScorer::Nothing,
        };
        let spend = match &self.spend {
            Spend::GammaGamma {
                p,
                q,
                gamma,
                covariance,
            } => {
                for (letter, value) in [("p", *p), ("q", *q - 1.0), ("gamma", *gamma)] {
                    positive(gamma_gamma::NAME, letter, Some(value))?;
                }
                let to_model = |point: &Vec<f64>| GammaGamma {
                    p: point[0],
                    q: point[1],
                    gamma: point[2],
                };
                SpendScorer::GammaGamma(SpendTotals {
                    at: to_model(&vec![*p, *q, *gamma]),
                    points: points(gamma_gamma::NAME, &[*p, *q, *gamma], covariance)?
                        .iter()
                        .map(to_model)
                        .collect(),
                    variance: covariance.as_deref().map_or(0.0, uncertainty::trace),
                })
            }
            Spend::Pooled { amount } => SpendScorer::Pooled {
                amount: positive("pooled_spend", "amount", Some(*amount))?,
            },
            Spend::Nothing => SpendScorer::Nothing,
        };
        Ok(Scorer { counts, spend })
    }
}

/// Expected amount of an order, where it comes from, and the money scale of intervals.
#[derive(Clone, Copy)]
struct Amount {
    expected: Option<f64>,
    scale: f64,
    own: bool,
    status: Status,
}

impl Scorer {
    /// Predicts nothing.
    pub(super) fn without_model() -> Self {
        Self {
            counts: CountScorer::Nothing,
            spend: SpendScorer::Nothing,
        }
    }

    /// Predicts for every customer, on the clock of the calendar.
    pub fn score(&self, params: &Params, customers: &CustomerHistories<'_>) -> CustomerValues {
        self.score_ahead(params, &Horizons::new(params, &Clock::calendar(), 0), customers)
    }

    /// Predicts for every customer. The customers' times are on the clock of the horizons.
    pub fn score_ahead(
        &self,
        params: &Params,
        horizons: &Horizons,
        customers: &CustomerHistories<'_>,
    ) -> CustomerValues {
        let (histories, row_of) = Histories::collapse(&customers.histories());
        self.score_collapsed(params, horizons, customers, &histories, &row_of)
    }

    pub(super) fn score_collapsed(
        &self,
        params: &Params,
        horizons: &Horizons,
        customers: &CustomerHistories<'_>,
        histories: &Histories,
        row_of: &[u32],
    ) -> CustomerValues {
        let n_horizons = horizons.all.len();
        let own = self.ahead(params, horizons, histories, true);
        // Rare: repeat orders whose amounts are not known or not positive.
        let strange = |i: &usize| row_of[*i] != NO_ROW && 0 < customers.x[*i] && !self.amount_of(customers, *i).own;
        let any_strange = matches!(self.spend, SpendScorer::GammaGamma(_))
            && (0..customers.len()).into_par_iter().any(|i| strange(&i));
        let unpriced = if any_strange {
            self.ahead(params, horizons, histories, false)
        } else {
            Vec::new()
        };
        let ahead = |i: usize, amount: &Amount, horizon: usize| -> &Ahead {
            if row_of[i] == NO_ROW {
                return &Ahead::NOTHING;
            }
            let place = row_of[i] as usize * n_horizons + horizon;
            let table = if amount.own || customers.x[i] == 0 {
                &own
            } else {
                &unpriced
            };
            table.get(place).or(own.get(place)).unwrap_or(&Ahead::NOTHING)
        };
        let one = |i: usize, horizon: usize| -> One {
            let mut amount = self.amount_of(customers, i);
            let mut a = *ahead(i, &amount, horizon);
            if let CountScorer::Baseline(baseline) = &self.counts {
                let known = customers.known(i);
                a = by_baseline(baseline, &known, horizons, horizon);
                // What a baseline says of amounts is what was judged with it.
                amount.expected = amount.expected.and_then(|_| baseline.order_amount(&known));
            }
            let valid = row_of[i] != NO_ROW;
            let price = if valid {
                amount.expected.unwrap_or(f64::NAN)
            } else {
                f64::NAN
            };
            // The scale of a customer without a price is of no use.
            let scale = amount.scale + 0.0 * price;
            One {
                alive: a.alive,
                expected: a.expected,
                order_prob: a.order_prob,
                price,
                clv: a.discounted * price,
                low_money: a.low_money * scale,
                high_money: a.high_money * scale,
                residual: a.residual * price,
                low: a.low,
                high: a.high,
                status: if valid {
                    self.count_status().min(amount.status)
                } else {
                    Status::InvalidHistory
                },
            }
        };
        let n = customers.len();
        let mut out = CustomerValues::default();
        out.expected_order_amount.reserve_exact(n);
        out.residual_amount.reserve_exact(n);
        out.clv_status.reserve_exact(n);
        let mut columns = HorizonValues::with_capacity(n, 0);
        for_blocks(
            customers.len(),
            |i| one(i, 0),
            |block| {
                columns.append(block);
                let amounts = &mut out.expected_order_amount;
                let (residuals, statuses) = (&mut out.residual_amount, &mut out.clv_status);
                rayon::join(
                    || amounts.extend(block.iter().map(|o| MaybeF64::finite(o.price))),
                    || {
                        residuals.extend(block.iter().map(|o| MaybeF64::finite(o.residual)));
                        statuses.extend(block.iter().map(|o| o.status));
                    },
                );
            },
        );
        out.alive_prob = columns.alive_prob;
        out.expected_orders = columns.expected_orders;
        out.order_prob = columns.order_prob;
        out.orders_low = columns.orders_low;
        out.orders_high = columns.orders_high;
        out.clv_amount = columns.clv_amount;
        out.clv_low_amount = columns.clv_low_amount;
        out.clv_high_amount = columns.clv_high_amount;
        for (horizon, h) in horizons.all.iter().enumerate().skip(1) {
            let mut columns = HorizonValues::with_capacity(n, h.days);
            for_blocks(n, |i| one(i, horizon), |block| columns.append(block));
            out.horizons.push(columns);
        }
        out
    }

    /// What every distinct history says, horizon by horizon within a row.
    fn ahead(&self, params: &Params, horizons: &Horizons, histories: &Histories, own_amounts: bool) -> Vec<Ahead> {
        match &self.counts {
            CountScorer::Nothing | CountScorer::Baseline(_) => Vec::new(),
            CountScorer::PooledRenewal { renewal_prob } => {
                let within: Vec<f64> = horizons.ends.iter().map(|end| renewals(*renewal_prob, *end)).collect();
                let row = |h: &History| {
                    let here = if f64::from(h.x) < h.age { 0.0 } else { 1.0 };
                    let later = |horizon: &Horizon| here * renewal_prob.powf(horizon.ahead.floor());
                    let of_horizon = |(i, horizon): (usize, &Horizon)| {
                        let (expected, discounted) = horizon.sum(&within);
                        Ahead {
                            alive: if i == 0 { here } else { later(horizon) },
                            expected: here * expected,
                            discounted: here * discounted,
                            ..Ahead::NOTHING
                        }
                    };
                    horizons.all.iter().enumerate().map(of_horizon).collect::<Vec<Ahead>>()
                };
                histories.rows.iter().flat_map(row).collect()
            }
            CountScorer::PooledRate { orders_per_day } => {
                let within: Vec<f64> = horizons.ends.iter().map(|end| orders_per_day * end).collect();
                let of_horizon = |horizon: &Horizon| {
                    let (expected, discounted) = horizon.sum(&within);
                    Ahead {
                        expected,
                        discounted,
                        ..Ahead::NOTHING
                    }
                };
                let row: Vec<Ahead> = horizons.all.iter().map(of_horizon).collect();
                row.repeat(histories.rows.len())
            }
            CountScorer::Model {
                model,
                params: estimate,
                points,
                variance,
                ..
            } => {
                let task = Task {
                    model: *model,
                    params: estimate,
                    points,
                    variance: *variance,
                    horizons,
                    outside: 0.5 * (1.0 - params.interval),
                    spend: match &self.spend {
                        SpendScorer::GammaGamma(totals) => Some(totals),
                        SpendScorer::Pooled { .. } | SpendScorer::Nothing => None,
                    },
                };
                interval::predict(&task, histories, own_amounts)
            }
        }
    }

    fn count_status(&self) -> Status {
        match self.counts {
            CountScorer::Model { stands_in: true, .. } => Status::NoDropoutLimit,
            CountScorer::Model { .. } => Status::Ok,
            CountScorer::PooledRate { .. } | CountScorer::PooledRenewal { .. } => Status::PooledRate,
            CountScorer::Baseline(_) => Status::Baseline,
            CountScorer::Nothing => Status::NotEnoughHistory,
        }
    }

    fn amount_of(&self, customers: &CustomerHistories<'_>, i: usize) -> Amount {
        match &self.spend {
            SpendScorer::GammaGamma(SpendTotals { at, .. }) => {
                let x = customers.x[i];
                match customers.repeat_amount(i) {
                    Some(z) if 0 < x && z.is_finite() && 0.0 < z => Amount {
                        expected: finite(at.expected_amount(x, z)),
                        scale: at.gamma + f64::from(x) * z,
                        own: true,
                        status: Status::Ok,
                    },
                    _ => Amount {
                        expected: finite(at.population_mean()),
                        scale: at.gamma,
                        own: false,
                        status: Status::PopulationSpend,
                    },
                }
            }
            SpendScorer::Pooled { amount } => Amount {
                expected: Some(*amount),
                scale: *amount,
                own: false,
                status: Status::PooledSpend,
            },
            SpendScorer::Nothing => Amount {
                expected: None,
                scale: f64::NAN,
                own: false,
                status: Status::NoSpend,
            },
        }
    }

    /// Expected amount of an order of each customer; `None` if one of them has none.
    pub(super) fn order_amounts(&self, customers: &CustomerHistories<'_>) -> Option<Vec<f64>> {
        (0..customers.len())
            .map(|i| self.amount_of(customers, i).expected)
            .collect()
    }

    /// Expected repeat orders of a new customer within each of `ages` (ascending, in days); `None` without a model.
    pub(super) fn expected_of_new(&self, ages: &[f64]) -> Option<Vec<f64>> {
        match &self.counts {
            CountScorer::Nothing | CountScorer::Baseline(_) => None,
            CountScorer::PooledRenewal { renewal_prob } => {
                Some(ages.iter().map(|age| renewals(*renewal_prob, *age)).collect())
            }
            CountScorer::PooledRate { orders_per_day } => Some(ages.iter().map(|age| orders_per_day * age).collect()),
            CountScorer::Model { model, params, .. } => {
                let mut out = vec![0.0; ages.len()];
                model.expected_orders(params, &History::NEW, ages, &mut out);
                Some(out)
            }
        }
    }

    /// The distribution of a customer's orders within `ahead` after as-of, the uncertainty of the fit included:
    /// P(N > i) for i = 0, 1, … while above `least`, at most 100,000 numbers; `None` without a model.
    pub fn order_tail(&self, history: &History, ahead: f64, least: f64) -> Option<Vec<f64>> {
        match &self.counts {
            CountScorer::Nothing
            | CountScorer::Baseline(_)
            | CountScorer::PooledRenewal { .. }
            | CountScorer::PooledRate { .. } => None,
            CountScorer::Model {
                model, params, points, ..
            } => Some(interval::order_tail(*model, params, points, history, ahead, least)),
        }
    }

    /// P(a new customer makes more than i repeat orders within `age`), i = 0 … len − 1; `None` without a model.
    pub(super) fn tail_of_new(&self, age: f64, len: usize) -> Option<Vec<f64>> {
        let mut tail = match &self.counts {
            CountScorer::Nothing | CountScorer::Baseline(_) => return None,
            CountScorer::PooledRenewal { renewal_prob } => {
                let due = (age.floor() as usize).min(len);
                (1..=due).map(|i| renewal_prob.powf(i as f64)).collect()
            }
            CountScorer::PooledRate { orders_per_day } => poisson_tail(orders_per_day * age, len),
            CountScorer::Model { model, params, .. } => model.order_tail(params, &History::NEW, age, 0.0, len),
        };
        tail.resize(len, 0.0);
        Some(tail)
    }
}

/// Expected orders and the same discounted: they come evenly over the horizon, as far as a baseline knows.
fn by_baseline(baseline: &Baseline, known: &Known, horizons: &Horizons, place: usize) -> Ahead {
    let Some(horizon) = horizons.all.get(place) else {
        return Ahead::NOTHING;
    };
    let expected = baseline.expected_orders(known, horizon.ahead).unwrap_or(f64::NAN);
    let (whole, discounted) = horizon.sum(&horizons.ends);
    Ahead {
        expected,
        discounted: expected * (discounted / whole),
        ..Ahead::NOTHING
    }
}

/// Expected renewals of somebody who is still there, within `horizon` renewals: p + p² + ….
fn renewals(p: f64, horizon: f64) -> f64 {
    let due = horizon.floor().max(0.0);
    if p < 1.0 {
        p * -(due * p.ln()).exp_m1() / (1.0 - p)
    } else {
        due
    }
}

/// P(N > i) of a Poisson number for i = 0 … len − 1.
fn poisson_tail(mean: f64, len: usize) -> Vec<f64> {
    let mut probability = (-mean).exp();
    let mut tail = -(-mean).exp_m1();
    let mut out = Vec::with_capacity(len);
    for i in 1..=len {
        out.push(tail.max(0.0));
        probability *= mean / i as f64;
        tail -= probability;
    }
    out
}

fn orders(number: u32) -> Option<u32> {
    (number != UNKNOWN).then_some(number)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
