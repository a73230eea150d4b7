//! The whole stage, from purchase days to predictions of every customer.
//!
//! In: purchase days of all customers, the day that is predicted from, groups or attributes of customers if parameters
//! are to differ by them. Out: [`ClvResult`] with an entry for every customer of the purchase days. Cost: that of its
//! parts: two sets of fits (all data, and the calibration part if models compete), one pass of predictions.
//!
//! # Steps
//! 1. The setting says what x, t_x and T count; without a contract or opportunities, a season makes the clock.
//! 2. The same as of an earlier day, with what came after it, is the holdout that models compete on. Its season is
//!    that of the calibration part.
//! 3. Fits, choice, predictions ([`super::run_on`]). With more customers than `clv.max_holdout_customers`, models
//!    compete on every n-th of them, in the order of the purchase days, and the holdout is of those.
//! 4. Groups: the chosen model's parameters in each group, drawn toward the whole. Covariates: its parameters as a
//!    function of attributes. Predictions are made anew with them.

use rayon::prelude::*;
use serde::Serialize;

use super::clock::Clock;
use super::covariates::coding::{Attribute, Coded, Coding};
use super::covariates::{self, CovariateFit, CovariateModel, blocks::blocks};
use super::gamma_gamma::GammaGamma;
use super::groups::{self, GroupBy, GroupedFit, Labels, NO_GROUP};
use super::holdout::{self, Holdout, NoHoldout, RecentPurchases};
use super::horizon::Horizons;
use super::model::{self, CountModel, Letters, Setting};
use super::opportunities;
use super::purchases::{Observed, PurchaseDays, Purchases};
use super::regularity;
use super::season::{self, SeasonFinding};
use super::select::{ClvModel, Counts, Spend};
use super::{
    ClvResult, CustomerHistories, CustomerValues, HorizonValues, Params, Recent, Sample, Scorer, Status, Warning,
};
use crate::units::{Day, MaybeF64};

/// More than one customer in so many who paid again after a period without payment, and it is no contract.
const MANY_RESUMED: u64 = 10;

/// What lifetime value is computed from. Vectors have an entry for every customer of the purchase days.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub purchases: &'a PurchaseDays,
    /// Last day that counts.
    pub as_of_day: i32,
    /// The group of each customer, where the config names a column; cohorts follow from the purchase days.
    pub groups: &'a [Option<&'a str>],
    /// The attributes that the config names as covariates.
    pub attributes: &'a [Attribute<'a>],
}

/// The chosen models by group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Groups {
    pub by: String,
    /// Group of every customer of the purchase days, as a place in the labels.
    #[serde(skip)]
    pub of_customers: Vec<Option<u32>>,
    pub counts: GroupedFit,
    /// `None` without a usable Gamma-Gamma.
    pub spend: Option<GroupedFit>,
}

impl Groups {
    /// The label of every customer's group.
    pub fn labels(&self) -> Vec<Option<&str>> {
        let label = |place: &Option<u32>| {
            let group = self.counts.groups.get((*place)? as usize)?;
            Some(group.label.as_str())
        };
        self.of_customers.iter().map(label).collect()
    }
}

/// The chosen count model with covariates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Covariates {
    pub fit: CovariateFit,
    /// What scoring needs; `None` where the fit must not be used.
    pub model: Option<CovariateModel>,
    /// For each attribute, customers whose value is rare or unknown.
    pub n_unlisted: Vec<(String, u64)>,
}

/// Histories as of a day, in the unit of the setting.
struct Known {
    observed: Observed,
    clock: Clock,
    season: SeasonFinding,
    resumed: u64,
}

impl Known {
    fn new(params: &Params, of: &Purchases<'_>, day: i32) -> Self {
        let purchases = of.all;
        let calendar = |observed| Self {
            observed,
            clock: Clock::calendar(),
            season: SeasonFinding::Off,
            resumed: 0,
        };
        match params.setting {
            Setting::Noncontractual => {
                let season = season::find(&params.season, of, day, params.horizon_days, &params.model);
                let clock = season.clock();
                Self {
                    observed: purchases.until(day, &clock),
                    clock,
                    season,
                    resumed: 0,
                }
            }
            Setting::Discrete => calendar(opportunities::discrete(purchases, params.opportunity, day)),
            Setting::Contractual => {
                let contracts = opportunities::contractual(purchases, params.opportunity, day, params.grace_days);
                Self {
                    resumed: contracts.resumed,
                    ..calendar(contracts.observed)
                }
            }
        }
    }
}

impl Known {
    /// Histories of other customers on the same clock.
    fn of(&self, params: &Params, purchases: &PurchaseDays, day: i32) -> Observed {
        match params.setting {
            Setting::Noncontractual => purchases.until(day, &self.clock),
            Setting::Discrete => opportunities::discrete(purchases, params.opportunity, day),
            Setting::Contractual => {
                opportunities::contractual(purchases, params.opportunity, day, params.grace_days).observed
            }
        }
    }
}

/// The holdout of the config, with the season of its calibration part.
fn holdout(params: &Params, of: &Purchases<'_>, as_of_day: i32) -> Result<Holdout, NoHoldout> {
    let mut holdout = holdout_of(params, of, as_of_day)?;
    if of.is_sampled() {
        holdout.outer.of_customers = of.all.n_known(holdout.outer.cut_day);
    }
    Ok(holdout)
}

fn holdout_of(params: &Params, of: &Purchases<'_>, as_of_day: i32) -> Result<Holdout, NoHoldout> {
    let purchases = of.sample;
    let horizon_days = params.horizon_days;
    if params.setting != Setting::Noncontractual {
        return Holdout::in_periods(
            purchases,
            params.setting,
            params.opportunity,
            params.grace_days,
            as_of_day,
            horizon_days,
            params.holdout,
        );
    }
    let (first_day, _) = purchases.span().ok_or(NoHoldout::TooShort { span_days: 0 })?;
    let (cut_day, _) = holdout::place(first_day, as_of_day, horizon_days, params.holdout)?;
    let clock = season::clock(&params.season, of, cut_day, &params.model);
    Holdout::new(purchases, as_of_day, horizon_days, params.holdout, &clock)
}

/// Fits, chooses and predicts for every customer; who has no purchase day has the status `all_returned`.
pub fn run_purchases(params: &Params, input: &Input<'_>) -> ClvResult {
    let Input {
        purchases, as_of_day, ..
    } = *input;
    let step = purchases.n_customers().div_ceil(params.max_holdout_customers).max(1);
    let sample = (1 < step).then(|| purchases.every(step));
    let of = Purchases {
        all: purchases,
        sample: sample.as_ref().unwrap_or(purchases),
    };
    let competes = params.model == super::config::AUTO;
    let (known, holdout) = rayon::join(
        || Known::new(params, &of, as_of_day),
        || {
            if competes {
                holdout(params, &of, as_of_day)
            } else {
                Err(NoHoldout::NoPurchaseDays)
            }
        },
    );
    let horizons = match params.setting {
        Setting::Noncontractual => Horizons::new(params, &known.clock, as_of_day),
        Setting::Discrete | Setting::Contractual => Horizons::in_opportunities(params, params.opportunity),
    };
    let recent = match params.setting {
        Setting::Noncontractual => Some(RecentPurchases::new(
            purchases,
            &known.observed.customers,
            as_of_day,
            params.horizon_days,
        )),
        Setting::Discrete | Setting::Contractual => None,
    };
    let customers = CustomerHistories {
        recent: recent.as_ref().map(RecentPurchases::borrow),
        ..known.observed.histories()
    };
    let holdout = holdout.as_ref().map_err(|why| *why);
    let known_sample = (competes && of.is_sampled()).then(|| known.of(params, of.sample, as_of_day));
    let sample = known_sample.as_ref().map(Observed::histories);
    let (mut result, regular) = rayon::join(
        || super::run_ahead(params, &customers, &horizons, holdout, sample.as_ref()),
        || match params.setting {
            Setting::Noncontractual => regularity::regularity(purchases, as_of_day, &known.clock),
            Setting::Discrete | Setting::Contractual => None,
        },
    );
    result.regularity = regular;
    result.sample = sample.map(|sample| Sample {
        every: step as u64,
        n_customers: sample.len() as u64,
        of_customers: customers.len() as u64,
    });
    if !params.covariates.is_empty() {
        with_covariates(params, input, &customers, &known.observed, &horizons, &mut result);
    } else if params.group_by != GroupBy::Nothing {
        by_group(params, input, &customers, &known.observed, &horizons, &mut result);
    }
    if known.season.is_risk() || matches!(known.season, SeasonFinding::Found { .. }) {
        result.warnings.push(Warning::Season {
            code: known.season.code(),
            message: known.season.message(),
            hint: known.season.hint(),
        });
    }
    let of = purchases.n_customers() as u64;
    if of < known.resumed.saturating_mul(MANY_RESUMED) {
        result.warnings.push(Warning::PaidAgain {
            customers: known.resumed,
            of,
        });
    }
    result.resumed_customers = known.resumed;
    result.season = known.season;
    if known.observed.customers.len() < purchases.n_customers() {
        result.customers = spread(&result.customers, &known.observed.customers, purchases.n_customers());
    }
    result
}

/// The count model behind the predictions with its parameters.
fn chosen(result: &ClvResult) -> Option<(&'static dyn CountModel, Vec<f64>)> {
    let Counts::Model { name, params, .. } = &result.model.counts else {
        return None;
    };
    let model = model::find(name)?;
    let params: Option<Vec<f64>> = model.letters().iter().map(|letter| params.get(letter)).collect();
    Some((model, params?))
}

/// `model` with other parameters of its count model. The uncertainty stays that of the whole: around other values,
/// but as wide in logarithms.
fn with_params(model: &ClvModel, letters: Letters) -> ClvModel {
    let mut out = model.clone();
    if let Counts::Model { params, .. } = &mut out.counts {
        *params = letters;
    }
    out
}

fn by_group(
    params: &Params,
    input: &Input<'_>,
    customers: &CustomerHistories<'_>,
    observed: &Observed,
    horizons: &Horizons,
    result: &mut ClvResult,
) {
    let Some((model, whole)) = chosen(result) else {
        result.warnings.push(Warning::GroupsNotUsed {
            model: result.selected_model.clone(),
        });
        return;
    };
    let (by, labels) = match &params.group_by {
        GroupBy::Column(column) => {
            let of = |i: &u32| input.groups.get(*i as usize).copied().flatten();
            (column.clone(), Labels::new(observed.customers.iter().map(of)))
        }
        cohort => {
            let first = |i: &u32| input.purchases.days(*i as usize).first().copied();
            let names: Vec<Option<String>> = (observed.customers.iter())
                .map(|i| groups::cohort(cohort, Day(first(i)?)))
                .collect();
            (
                cohort.name().to_owned(),
                Labels::new(names.iter().map(Option::as_deref)),
            )
        }
    };
    let counts = groups::fit_counts(model, &whole, &customers.histories(), &labels);
    let spend = match &result.model.spend {
        Spend::GammaGamma { p, q, gamma, .. } => {
            let spender = |i| (customers.x[i], customers.repeat_amount(i).unwrap_or(0.0));
            let spenders: Vec<(u32, f64)> = (0..customers.len()).map(spender).collect();
            let whole = GammaGamma {
                p: *p,
                q: *q,
                gamma: *gamma,
            };
            Some(groups::fit_spend(&whole, &spenders, &labels))
        }
        Spend::Pooled { .. } | Spend::Nothing => None,
    };
    let mut parts: Vec<Vec<usize>> = vec![Vec::new(); labels.names().len() + 1];
    for (i, group) in labels.of_customers().iter().enumerate() {
        let place = if *group == NO_GROUP {
            parts.len() - 1
        } else {
            *group as usize
        };
        parts[place].push(i);
    }
    let scorer = |place: usize| -> Scorer {
        let label = labels.names().get(place).map(String::as_str);
        let mut of_group = with_params(&result.model, counts.params_of(label).clone());
        if let (Some(spend), Spend::GammaGamma { p, q, gamma, .. }) = (&spend, &mut of_group.spend) {
            let letters = spend.params_of(label);
            for (value, letter) in [(p, "p"), (q, "q"), (gamma, "gamma")] {
                *value = letters.get(letter).unwrap_or(*value);
            }
        }
        of_group
            .scorer()
            .or_else(|_| result.model.scorer())
            .unwrap_or_else(|_| Scorer::without_model())
    };
    score_parts(params, customers, horizons, &parts, scorer, &mut result.customers);
    let mut of_customers = vec![None; input.purchases.n_customers()];
    for (customer, group) in observed.customers.iter().zip(labels.of_customers()) {
        of_customers[*customer as usize] = (*group != NO_GROUP).then_some(*group);
    }
    result.groups = Some(Groups {
        by,
        of_customers,
        counts,
        spend,
    });
}

fn with_covariates(
    params: &Params,
    input: &Input<'_>,
    customers: &CustomerHistories<'_>,
    observed: &Observed,
    horizons: &Horizons,
    result: &mut ClvResult,
) {
    let chosen = chosen(result).filter(|(model, _)| blocks(model.name()).is_some());
    let Some((model, _)) = chosen else {
        result.warnings.push(Warning::CovariatesNotUsed {
            model: result.selected_model.clone(),
        });
        return;
    };
    // The attributes of the customers who had bought by as-of.
    let pick = |attribute: &Attribute<'_>| -> Vec<Option<String>> {
        let of = |i: &u32| attribute.values.get(*i as usize).cloned().flatten();
        observed.customers.iter().map(of).collect()
    };
    let values: Vec<Vec<Option<String>>> = input.attributes.iter().map(pick).collect();
    let attributes: Vec<Attribute<'_>> = (input.attributes.iter().zip(&values))
        .map(|(attribute, values)| Attribute {
            name: attribute.name,
            values,
        })
        .collect();
    let coding = Coding::learn(&attributes);
    let coded = coding.encode(&attributes, customers.len());
    let (fit, fitted) = covariates::fit(model, &customers.histories(), &coding, &coded);
    if let Some(with) = fitted.clone().and_then(|fitted| fitted.check().ok()) {
        let parts = alike(&coded);
        let scorer = |place: usize| -> Scorer {
            let z = parts[place].first().map_or(&[][..], |i| coded.row(*i));
            let own = with.params_of(z);
            let letters = Letters::new(model.letters(), &own[..model.letters().len()]);
            with_params(&result.model, letters)
                .scorer()
                .or_else(|_| result.model.scorer())
                .unwrap_or_else(|_| Scorer::without_model())
        };
        score_parts(params, customers, horizons, &parts, scorer, &mut result.customers);
    } else {
        result.warnings.push(Warning::CovariatesNotUsed {
            model: result.selected_model.clone(),
        });
    }
    result.covariates = Some(Covariates {
        fit,
        model: fitted,
        n_unlisted: coded.n_unlisted,
    });
}

/// Customers with equal numbers, in the order of the numbers.
fn alike(coded: &Coded) -> Vec<Vec<usize>> {
    let key = |i: usize| -> Vec<u64> { coded.row(i).iter().map(|v| (v + 0.0).to_bits()).collect() };
    let mut parts = std::collections::BTreeMap::<Vec<u64>, Vec<usize>>::new();
    for i in 0..coded.n_customers {
        parts.entry(key(i)).or_default().push(i);
    }
    parts.into_values().collect()
}

/// Predicts each part of the customers with its own scorer, into the columns of all.
fn score_parts(
    params: &Params,
    customers: &CustomerHistories<'_>,
    horizons: &Horizons,
    parts: &[Vec<usize>],
    scorer: impl Fn(usize) -> Scorer + Sync,
    out: &mut CustomerValues,
) {
    let predicted: Vec<CustomerValues> = parts
        .par_iter()
        .enumerate()
        .map(|(place, members)| {
            let part = Part::new(customers, members);
            scorer(place).score_ahead(params, horizons, &part.borrow())
        })
        .collect();
    for (members, values) in parts.iter().zip(&predicted) {
        scatter(values, members, out);
    }
}

/// Some of the customers, with copies of their numbers.
struct Part {
    x: Vec<u32>,
    t_x_days: Vec<f64>,
    age_days: Vec<f64>,
    mean_repeat_amount: Vec<Option<f64>>,
    mean_amount_all: Vec<f64>,
    recent: Option<(u32, Vec<u32>, Vec<f64>)>,
}

impl Part {
    fn new(all: &CustomerHistories<'_>, members: &[usize]) -> Self {
        fn pick<T: Copy>(values: &[T], members: &[usize]) -> Vec<T> {
            members.iter().filter_map(|i| values.get(*i).copied()).collect()
        }
        Self {
            x: pick(all.x, members),
            t_x_days: pick(all.t_x_days, members),
            age_days: pick(all.age_days, members),
            mean_repeat_amount: pick(all.mean_repeat_amount, members),
            mean_amount_all: pick(all.mean_amount_all, members),
            recent: all
                .recent
                .map(|r| (r.window_days, pick(r.orders, members), pick(r.amount, members))),
        }
    }

    fn borrow(&self) -> CustomerHistories<'_> {
        CustomerHistories {
            x: &self.x,
            t_x_days: &self.t_x_days,
            age_days: &self.age_days,
            mean_repeat_amount: &self.mean_repeat_amount,
            mean_amount_all: &self.mean_amount_all,
            sum_ln_gaps: None,
            recent: self.recent.as_ref().map(|(window_days, orders, amount)| Recent {
                window_days: *window_days,
                orders,
                amount,
            }),
        }
    }
}

/// Puts the numbers of `members` in their places.
fn scatter(values: &CustomerValues, members: &[usize], out: &mut CustomerValues) {
    fn put<T: Copy>(values: &[T], members: &[usize], out: &mut [T]) {
        for (i, value) in members.iter().zip(values) {
            if let Some(place) = out.get_mut(*i) {
                *place = *value;
            }
        }
    }
    put(&values.alive_prob, members, &mut out.alive_prob);
    put(&values.expected_orders, members, &mut out.expected_orders);
    put(&values.order_prob, members, &mut out.order_prob);
    put(&values.orders_low, members, &mut out.orders_low);
    put(&values.orders_high, members, &mut out.orders_high);
    put(&values.expected_order_amount, members, &mut out.expected_order_amount);
    put(&values.clv_amount, members, &mut out.clv_amount);
    put(&values.clv_low_amount, members, &mut out.clv_low_amount);
    put(&values.clv_high_amount, members, &mut out.clv_high_amount);
    put(&values.residual_amount, members, &mut out.residual_amount);
    put(&values.clv_status, members, &mut out.clv_status);
    for (from, to) in values.horizons.iter().zip(&mut out.horizons) {
        put(&from.alive_prob, members, &mut to.alive_prob);
        put(&from.expected_orders, members, &mut to.expected_orders);
        put(&from.order_prob, members, &mut to.order_prob);
        put(&from.orders_low, members, &mut to.orders_low);
        put(&from.orders_high, members, &mut to.orders_high);
        put(&from.clv_amount, members, &mut to.clv_amount);
        put(&from.clv_low_amount, members, &mut to.clv_low_amount);
        put(&from.clv_high_amount, members, &mut to.clv_high_amount);
    }
}

/// Numbers of the customers at `places`, spread over all `n`; the others came back with everything they bought.
fn spread(values: &CustomerValues, places: &[u32], n: usize) -> CustomerValues {
    let numbers = || vec![MaybeF64::NONE; n];
    let counts = || vec![None; n];
    let horizon = |h: &HorizonValues| HorizonValues {
        horizon_days: h.horizon_days,
        alive_prob: numbers(),
        expected_orders: numbers(),
        order_prob: numbers(),
        orders_low: counts(),
        orders_high: counts(),
        clv_amount: numbers(),
        clv_low_amount: numbers(),
        clv_high_amount: numbers(),
    };
    let mut out = CustomerValues {
        alive_prob: numbers(),
        expected_orders: numbers(),
        order_prob: numbers(),
        orders_low: counts(),
        orders_high: counts(),
        expected_order_amount: numbers(),
        clv_amount: numbers(),
        clv_low_amount: numbers(),
        clv_high_amount: numbers(),
        residual_amount: numbers(),
        clv_status: vec![Status::AllReturned; n],
        horizons: values.horizons.iter().map(horizon).collect(),
    };
    let members: Vec<usize> = places.iter().map(|place| *place as usize).collect();
    scatter(values, &members, &mut out);
    out
}
