//! Predictions per customer: P(alive), orders, order amount, lifetime value and its interval.
//!
//! In: a [`ClvModel`] and histories. Out: a vector per column, in the order of the customers. Cost: per distinct
//! history about 0.5 µs for 13 periods; per customer a few multiplications.
//!
//! # Formula
//! The horizon is cut into periods of `period_days` (the last may be shorter). With E(t) the expected orders within t
//! and z the expected order amount, value = z Σ (E(tᵢ) − E(tᵢ₋₁)) (1 + rate)^(−tᵢ/365), tᵢ the end of period i.
//! A monthly rate d over twelve months of 30 days is the annual rate (1 + d)^(365/30) − 1 with a horizon of 360.
//!
//! # Interval
//! `clv_low_amount` and `clv_high_amount` are the 5 % and 95 % points of the predicted number of orders within the
//! horizon, valued at the customer's expected order amount and average discount. The number of orders has its exact
//! distribution under the model (dropped out or not, the rate known only from the history), so the interval holds the
//! value of the actual number of orders with at least 90 % probability. The spread of order amounts around their
//! expectation and the uncertainty of the fitted parameters are not in it. Null where there is no such distribution.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, Known};
use super::gamma_gamma::GammaGamma;
use super::histories::{Histories, History, NO_ROW};
use super::model::{self, CountModel};
use super::select::{ClvModel, Counts, Spend};
use super::{CustomerHistories, Params};

/// How far a customer's numbers are from the full model. The first that applies, in this order.
///
/// | status | meaning | null columns |
/// |---|---|---|
/// | `invalid_history` | t_x or T is negative, not finite or contradicts x | all |
/// | `not_enough_history` | nobody has bought on a second day, or there is no span of time | all but `expected_order_amount` |
/// | `pooled_rate` | one order rate for all customers | `alive_prob`, the interval |
/// | `baseline` | a baseline predicted the holdout better than every model | `alive_prob`, the interval; all but `expected_order_amount` where `last_period` lacks the last period |
/// | `no_dropout_limit` | dropout could not be estimated: the NBD, `alive_prob` 1 | none |
/// | `no_spend` | no positive amounts to learn from | `expected_order_amount`, `clv_*` |
/// | `pooled_spend` | one order amount for all customers | none |
/// | `population_spend` | no positive mean amount of repeat orders, so the population mean under Gamma-Gamma | none |
/// | `ok` | the chosen count model and Gamma-Gamma with the customer's own amounts | none |
///
/// In any status the interval is null for a customer from whom more than 100,000 orders must be reckoned with.
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
    pub alive_prob: Vec<Option<f64>>,
    /// Within `horizon_days`.
    pub expected_orders: Vec<Option<f64>>,
    pub expected_order_amount: Vec<Option<f64>>,
    pub clv_amount: Vec<Option<f64>>,
    pub clv_low_amount: Vec<Option<f64>>,
    pub clv_high_amount: Vec<Option<f64>>,
    pub clv_status: Vec<Status>,
}

/// A [`ClvModel`] whose names and numbers have been checked.
#[derive(Clone)]
pub struct Scorer {
    counts: CountScorer,
    spend: Spend,
}

#[derive(Clone)]
enum CountScorer {
    Model {
        model: &'static dyn CountModel,
        params: Vec<f64>,
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

/// What is wrong with a saved model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error("the saved model is called `{name}`, which this version does not know")]
    UnknownModel { name: String },
    #[error("parameter `{letter}` of the saved {model} is missing, not finite or not positive")]
    BadParameter { model: String, letter: String },
}

impl ModelError {
    /// What to change.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownModel { .. } => {
                let names: Vec<&str> = model::MODELS.iter().map(|m| m.name()).collect();
                format!("fit again; known models are {}", names.join(", "))
            }
            Self::BadParameter { .. } => "fit again instead of editing the saved model".to_owned(),
        }
    }
}

/// The distribution of future orders is not followed beyond this many orders.
const MOST_ORDERS: usize = 100_000;

/// Probability outside the interval on each side.
const OUTSIDE: f64 = 0.05;

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
        let counts = match &self.counts {
            Counts::Model {
                name,
                params,
                stands_in,
                ..
            } => {
                let model = model::find(name).ok_or_else(|| ModelError::UnknownModel { name: name.clone() })?;
                let params = model
                    .letters()
                    .iter()
                    .map(|letter| positive(name, letter, params.get(letter)))
                    .collect::<Result<_, _>>()?;
                CountScorer::Model {
                    model,
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
        if let Spend::GammaGamma { p, q, gamma, .. } = self.spend {
            for (letter, value) in [("p", p), ("q", q - 1.0), ("gamma", gamma)] {
                positive("gamma_gamma", letter, Some(value))?;
            }
        }
        if let Spend::Pooled { amount } = self.spend {
            positive("pooled_spend", "amount", Some(amount))?;
        }
        Ok(Scorer {
            counts,
            spend: self.spend.clone(),
        })
    }
}

/// Expected orders within the horizon, the same discounted, and the interval of their number.
#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    alive: Option<f64>,
    expected: Option<f64>,
    discounted: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

impl Scorer {
    /// Predicts nothing.
    pub(super) fn without_model() -> Self {
        Self {
            counts: CountScorer::Nothing,
            spend: Spend::Nothing,
        }
    }

    /// Predicts for every customer.
    pub fn score(&self, params: &Params, customers: &CustomerHistories<'_>) -> CustomerValues {
        let (histories, row_of) = Histories::collapse(&customers.histories());
        self.score_collapsed(params, customers, &histories, &row_of)
    }

    pub(super) fn score_collapsed(
        &self,
        params: &Params,
        customers: &CustomerHistories<'_>,
        histories: &Histories,
        row_of: &[u32],
    ) -> CustomerValues {
        let periods = Periods::new(params);
        let orders: Vec<Orders> = histories.rows.par_iter().map(|h| self.orders(h, &periods)).collect();
        let n = customers.len();
        let mut out = CustomerValues::default();
        for column in [
            &mut out.alive_prob,
            &mut out.expected_orders,
            &mut out.expected_order_amount,
            &mut out.clv_amount,
            &mut out.clv_low_amount,
            &mut out.clv_high_amount,
        ] {
            column.reserve_exact(n);
        }
        for (i, &row) in row_of.iter().enumerate() {
            let (o, amount, status) = if row == NO_ROW {
                (Orders::default(), None, Status::InvalidHistory)
            } else {
                let (amount, spend_status) = self.amount(customers.x[i], customers.repeat_amount(i));
                match self.counts {
                    CountScorer::Baseline(baseline) => {
                        let known = customers.known(i);
                        let o = baseline_orders(&baseline, &known, &periods);
                        // What a baseline says of amounts is what was judged with it.
                        let amount = amount.and_then(|_| baseline.order_amount(&known));
                        (o, amount, Status::Baseline.min(spend_status))
                    }
                    _ => (orders[row as usize], amount, self.count_status().min(spend_status)),
                }
            };
            let times = |orders: Option<f64>| finite(orders? * amount?);
            // The interval's orders come at the same time as the expected ones.
            let bound = |orders: Option<f64>| match (o.discounted, o.expected) {
                (Some(d), Some(e)) if 0.0 < e => times(orders.map(|orders| orders * (d / e))),
                _ => times(orders),
            };
            out.clv_amount.push(times(o.discounted));
            out.clv_low_amount.push(bound(o.low));
            out.clv_high_amount.push(bound(o.high));
            out.alive_prob.push(o.alive);
            out.expected_orders.push(o.expected);
            out.expected_order_amount.push(amount);
            out.clv_status.push(status);
        }
        out
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

    /// Expected amount of an order and where it comes from.
    fn amount(&self, x: u32, mean_repeat_amount: Option<f64>) -> (Option<f64>, Status) {
        match self.spend {
            Spend::GammaGamma { p, q, gamma, .. } => {
                let model = GammaGamma { p, q, gamma };
                match mean_repeat_amount {
                    Some(z) if 0 < x && z.is_finite() && 0.0 < z => (finite(model.expected_amount(x, z)), Status::Ok),
                    _ => (finite(model.population_mean()), Status::PopulationSpend),
                }
            }
            Spend::Pooled { amount } => (Some(amount), Status::PooledSpend),
            Spend::Nothing => (None, Status::NoSpend),
        }
    }

    fn orders(&self, h: &History, periods: &Periods) -> Orders {
        let mut within = vec![0.0; periods.ends.len()];
        let (alive, tail) = match &self.counts {
            CountScorer::Nothing | CountScorer::Baseline(_) => return Orders::default(),
            CountScorer::PooledRenewal { renewal_prob } => {
                let here = if f64::from(h.x) < h.age { 0.0 } else { 1.0 };
                for (orders, end) in within.iter_mut().zip(&periods.ends) {
                    *orders = here * renewals(*renewal_prob, *end);
                }
                (Some(here), None)
            }
            CountScorer::PooledRate { orders_per_day } => {
                for (orders, end) in within.iter_mut().zip(&periods.ends) {
                    *orders = orders_per_day * end;
                }
                (None, None)
            }
            CountScorer::Model { model, params, .. } => {
                model.expected_orders(params, h, &periods.ends, &mut within);
                let tail = model.order_tail(params, h, periods.horizon(), OUTSIDE, MOST_ORDERS);
                let whole = tail.len() < MOST_ORDERS;
                (finite(model.alive_prob(params, h)), whole.then_some(tail))
            }
        };
        let mut before = 0.0;
        let mut discounted = 0.0;
        for (orders, discount) in within.iter().zip(&periods.discounts) {
            // Where everybody has left, equal expectations may differ in the last bit.
            discounted += (orders - before).max(0.0) * discount;
            before = *orders;
        }
        let low = |tail: &Vec<f64>| tail.iter().filter(|p| 1.0 - OUTSIDE < **p).count() as f64;
        Orders {
            alive,
            expected: finite(before),
            discounted: finite(discounted),
            low: tail.as_ref().map(low),
            high: tail.as_ref().map(|tail| tail.len() as f64),
        }
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
fn baseline_orders(baseline: &Baseline, known: &Known, periods: &Periods) -> Orders {
    let horizon = periods.horizon();
    let expected = baseline.expected_orders(known, horizon);
    let mut before = 0.0;
    let mut discount = 0.0;
    for (end, factor) in periods.ends.iter().zip(&periods.discounts) {
        discount += (end - before) / horizon * factor;
        before = *end;
    }
    Orders {
        expected,
        discounted: expected.and_then(|orders| finite(orders * discount)),
        ..Orders::default()
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

/// Ends of the periods and the discount factors there.
struct Periods {
    ends: Vec<f64>,
    discounts: Vec<f64>,
}

impl Periods {
    fn new(params: &Params) -> Self {
        let horizon = params.horizon_days;
        let ends: Vec<f64> = (1..=horizon.div_ceil(params.period_days))
            .map(|i| f64::from(i.saturating_mul(params.period_days).min(horizon)))
            .collect();
        let ln_growth = params.annual_discount_rate.ln_1p() / 365.0;
        let discounts = ends.iter().map(|end| (-ln_growth * end).exp()).collect();
        Self { ends, discounts }
    }

    fn horizon(&self) -> f64 {
        self.ends.last().copied().unwrap_or(0.0)
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
