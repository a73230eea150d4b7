//! A day in the past to predict from: what was known then, and what has come since.
//!
//! In: purchase days, the day the data ends, a length. Out: a [`Split`]: histories as of the cut, and what each of
//! those customers bought in the holdout after it. Cost: two passes over the purchase days and one sort of customers.
//!
//! The cut lies between two days, never within one, and nothing after it reaches the calibration. Customers who first
//! bought in the holdout are in neither part: no model here predicts who comes.
//!
//! # How long
//! As long as the horizon that is valued, but at most a third of the history: the calibration keeps two thirds.
//! Below [`LEAST_DAYS`] there is no holdout by default, and models are chosen without one.
//!
//! # Check
//! `holdout::holdout_of_the_reference` holds customers and orders of CDNOW and Online Retail at the reference's cuts.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::histories::History;
use super::model::Setting;
use super::opportunities::{self, Opportunity};
use super::purchases::{Observed, PurchaseDays};
use super::{CustomerHistories, Recent};

/// Fewer customers than this, or fewer repeaters than [`FEWEST_REPEATERS`], cannot tell dropout from silence.
pub const FEWEST_CUSTOMERS: f64 = 30.0;
pub const FEWEST_REPEATERS: f64 = 10.0;

/// Four weeks: in less, the days of the week and of the month's wages decide.
pub const LEAST_DAYS: u32 = 28;

/// The default holdout is at most one part in so many of the history.
pub const PARTS: u32 = 3;

/// What the user may set; everything left out follows from the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoldoutConfig {
    /// Length of the holdout.
    pub holdout_days: Option<u32>,
    /// Last day of calibration; without `holdout_days` the holdout lasts until the end of the data.
    pub cut_day: Option<i32>,
}

/// Why there is no holdout.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoHoldout {
    #[error(
        "the {span_days} days of history are too short for a holdout of {LEAST_DAYS} days after two thirds of them"
    )]
    TooShort { span_days: i64 },
    #[error(
        "only {customers} customers, {repeaters} of them with repeat orders, had bought by the cut, and {FEWEST_CUSTOMERS} and {FEWEST_REPEATERS} are needed"
    )]
    TooFew { customers: u64, repeaters: u64 },
    #[error("the holdout that was asked for does not lie within the history")]
    Outside,
    #[error("purchase days are not known, only counts of them")]
    NoPurchaseDays,
}

/// Customers as of the cut, and their holdout. One entry a customer in every column, ascending by history and then
/// by everything else, so that sums over customers do not depend on the order of the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    pub setting: Setting,
    pub cut_day: i32,
    pub last_day: i32,
    /// The clock of the histories.
    pub clock: Clock,
    /// Length of the holdout in the unit of the histories: days on the clock, or opportunities.
    pub horizon: f64,
    /// As of the cut; only valid histories.
    pub observed: Observed,
    /// Calendar days before the cut that `recent_orders` and `recent_amount` hold: as long as the holdout, unless
    /// the history before the cut is shorter.
    pub window_days: u32,
    pub recent_orders: Vec<u32>,
    pub recent_amount: Vec<f64>,
    /// Purchase days in the holdout, and their net amount.
    pub orders: Vec<u32>,
    pub amount: Vec<f64>,
    /// Customers of whom these are all, or a sample.
    pub of_customers: usize,
    /// First purchase day of every customer, ascending.
    pub first_days: Vec<i32>,
    /// Repeat purchase days of these customers by day, up to the end of the holdout, ascending.
    pub repeats_by_day: Vec<(i32, u64)>,
}

impl Split {
    /// Calibration up to and including `cut_day`, holdout after it up to and including `last_day`.
    pub fn new(purchases: &PurchaseDays, cut_day: i32, last_day: i32, clock: &Clock) -> Self {
        let observed = purchases.until(cut_day, clock);
        let last_window =
            RecentPurchases::new(purchases, &observed.customers, cut_day, days_between(cut_day, last_day));
        let rows: Vec<Row> = (0..observed.customers.len())
            .map(|i| {
                let customer = observed.customers[i] as usize;
                Row {
                    history: History {
                        x: observed.x[i],
                        t_x: observed.t_x_days[i],
                        age: observed.age_days[i],
                    },
                    orders: purchases.count_between(customer, cut_day, last_day),
                    recent_orders: last_window.orders[i],
                    amount: purchases.amount_between(customer, cut_day, last_day),
                    recent_amount: last_window.amount[i],
                    mean_repeat_amount: observed.mean_repeat_amount[i],
                    mean_amount_all: observed.mean_amount_all[i],
                    customer: observed.customers[i],
                }
            })
            .filter(|row| row.history.is_valid())
            .collect();
        let mut out = Self {
            setting: Setting::Noncontractual,
            cut_day,
            last_day,
            clock: clock.clone(),
            horizon: clock.elapsed(cut_day, last_day),
            window_days: last_window.window_days,
            ..Self::default()
        };
        out.observed.sum_ln_gaps = observed.sum_ln_gaps;
        out.with_rows(rows, purchases)
    }

    /// The same counted in opportunities or renewals: the last `periods` of them before `last_day` are the holdout.
    pub fn in_periods(
        purchases: &PurchaseDays,
        setting: Setting,
        opportunity: Opportunity,
        grace_days: u32,
        periods: u32,
        last_day: i32,
    ) -> Self {
        let observe = |day: i32| match setting {
            Setting::Contractual => opportunities::contractual(purchases, opportunity, day, grace_days).observed,
            Setting::Noncontractual | Setting::Discrete => opportunities::discrete(purchases, opportunity, day),
        };
        let cut_day = opportunity.end_before(periods, last_day);
        let window_start = opportunity.end_before(periods, cut_day);
        let (before, known, after) = (observe(window_start), observe(cut_day), observe(last_day));
        let x_of = |observed: &Observed, customer: u32| {
            let place = observed.customers.binary_search(&customer).ok()?;
            observed.x.get(place).copied()
        };
        let rows = (0..known.customers.len())
            .map(|i| {
                let (customer, x) = (known.customers[i], known.x[i]);
                let row = customer as usize;
                Row {
                    history: History {
                        x,
                        t_x: known.t_x_days[i],
                        age: known.age_days[i],
                    },
                    orders: x_of(&after, customer).map_or(0, |later| later.saturating_sub(x)),
                    recent_orders: x.saturating_sub(x_of(&before, customer).unwrap_or(0)),
                    amount: purchases.amount_between(row, cut_day, last_day),
                    recent_amount: purchases.amount_between(row, window_start, cut_day),
                    mean_repeat_amount: known.mean_repeat_amount[i],
                    mean_amount_all: known.mean_amount_all[i],
                    customer,
                }
            })
            .filter(|row| setting.admits(&row.history))
            .collect();
        let out = Self {
            setting,
            cut_day,
            last_day,
            horizon: f64::from(periods),
            window_days: periods,
            ..Self::default()
        };
        out.with_rows(rows, purchases)
    }

    /// Fills the columns, in an order that does not depend on that of the customers.
    fn with_rows(mut self, mut rows: Vec<Row>, purchases: &PurchaseDays) -> Self {
        rows.par_sort_unstable_by(Row::compare);
        let out = &mut self;
        let last_day = out.last_day;
        let mut repeats = std::collections::BTreeMap::<i32, u64>::new();
        for row in rows {
            out.observed.customers.push(row.customer);
            out.observed.x.push(row.history.x);
            out.observed.t_x_days.push(row.history.t_x);
            out.observed.age_days.push(row.history.age);
            out.observed.mean_repeat_amount.push(row.mean_repeat_amount);
            out.observed.mean_amount_all.push(row.mean_amount_all);
            out.recent_orders.push(row.recent_orders);
            out.recent_amount.push(row.recent_amount);
            out.orders.push(row.orders);
            out.amount.push(row.amount);
            let days = purchases.days(row.customer as usize);
            out.first_days.extend(days.first());
            for day in days.iter().skip(1).take_while(|day| **day <= last_day) {
                *repeats.entry(*day).or_default() += 1;
            }
        }
        out.of_customers = out.orders.len();
        out.first_days.sort_unstable();
        out.repeats_by_day = repeats.into_iter().collect();
        self
    }

    pub fn n_customers(&self) -> usize {
        self.orders.len()
    }

    /// Calendar days of the holdout.
    pub fn holdout_days(&self) -> u32 {
        days_between(self.cut_day, self.last_day)
    }

    /// Histories as of the cut, with what happened in the window before it.
    pub fn histories(&self) -> CustomerHistories<'_> {
        CustomerHistories {
            recent: Some(Recent {
                window_days: self.window_days,
                orders: &self.recent_orders,
                amount: &self.recent_amount,
            }),
            ..self.observed.histories()
        }
    }

    pub fn history(&self, i: usize) -> History {
        History {
            x: self.observed.x[i],
            t_x: self.observed.t_x_days[i],
            age: self.observed.age_days[i],
        }
    }
}

/// What the baseline `last_period` repeats: purchases of the last days up to a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentPurchases {
    /// As many as asked for, but no more than there are.
    pub window_days: u32,
    pub orders: Vec<u32>,
    pub amount: Vec<f64>,
}

impl RecentPurchases {
    /// One entry for each of `customers` (places in `purchases`): the `days` up to and including `last_day`.
    pub fn new(purchases: &PurchaseDays, customers: &[u32], last_day: i32, days: u32) -> Self {
        let first_day = purchases.span().map_or(last_day, |(first, _)| first);
        let known_days = days_between(first_day.saturating_sub(1), last_day);
        let window_days = days.min(known_days);
        let before = (i64::from(last_day) - i64::from(window_days)).max(i64::from(i32::MIN)) as i32;
        let customers = || customers.par_iter().map(|customer| *customer as usize);
        Self {
            window_days,
            orders: customers()
                .map(|c| purchases.count_between(c, before, last_day))
                .collect(),
            amount: customers()
                .map(|c| purchases.amount_between(c, before, last_day))
                .collect(),
        }
    }

    pub fn borrow(&self) -> Recent<'_> {
        Recent {
            window_days: self.window_days,
            orders: &self.orders,
            amount: &self.amount,
        }
    }
}

struct Row {
    history: History,
    orders: u32,
    recent_orders: u32,
    amount: f64,
    recent_amount: f64,
    mean_repeat_amount: Option<f64>,
    mean_amount_all: f64,
    customer: u32,
}

impl Row {
    /// Rows that compare equal are the same in all that any sum uses.
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let counts = |row: &Self| (row.orders, row.recent_orders);
        let repeat_amount = |row: &Self| row.mean_repeat_amount.unwrap_or(f64::NEG_INFINITY);
        (self.history.x.cmp(&other.history.x))
            .then(self.history.t_x.total_cmp(&other.history.t_x))
            .then(self.history.age.total_cmp(&other.history.age))
            .then(counts(self).cmp(&counts(other)))
            .then(self.amount.total_cmp(&other.amount))
            .then(self.recent_amount.total_cmp(&other.recent_amount))
            .then(repeat_amount(self).total_cmp(&repeat_amount(other)))
            .then(self.mean_amount_all.total_cmp(&other.mean_amount_all))
            .then(self.customer.cmp(&other.customer))
    }
}

fn days_between(from: i32, to: i32) -> u32 {
    (i64::from(to) - i64::from(from)).clamp(0, i64::from(u32::MAX)) as u32
}

/// The split to be judged by, and an earlier one inside its calibration, for what a baseline has to learn.
#[derive(Clone, Debug, PartialEq)]
pub struct Holdout {
    pub outer: Split,
    /// `None` where the calibration is too short to be split again.
    pub inner: Option<Split>,
}

impl Holdout {
    /// The holdout for predictions of `horizon_days` after `as_of_day`, the last day of the data.
    pub fn new(
        purchases: &PurchaseDays,
        as_of_day: i32,
        horizon_days: u32,
        config: HoldoutConfig,
        clock: &Clock,
    ) -> Result<Self, NoHoldout> {
        let (first_day, _) = purchases.span().ok_or(NoHoldout::TooShort { span_days: 0 })?;
        let (cut_day, last_day) = place(first_day, as_of_day, horizon_days, config)?;
        let outer = Split::new(purchases, cut_day, last_day, clock);
        let customers = outer.n_customers() as u64;
        let repeaters = outer.observed.x.iter().filter(|x| 0 < **x).count() as u64;
        if (customers as f64) < FEWEST_CUSTOMERS || (repeaters as f64) < FEWEST_REPEATERS {
            return Err(NoHoldout::TooFew { customers, repeaters });
        }
        let inner_days = outer
            .holdout_days()
            .min(days_between(first_day, cut_day) / PARTS)
            .min(i32::MAX as u32) as i32;
        let inner = (0 < inner_days).then(|| Split::new(purchases, cut_day - inner_days, cut_day, clock));
        Ok(Self { outer, inner })
    }
}

impl Holdout {
    /// The same counted in opportunities or renewals. A cut that the config names lies at the end of the period that
    /// it is in.
    pub fn in_periods(
        purchases: &PurchaseDays,
        setting: Setting,
        opportunity: Opportunity,
        grace_days: u32,
        as_of_day: i32,
        horizon_days: u32,
        config: HoldoutConfig,
    ) -> Result<Self, NoHoldout> {
        let (first_day, _) = purchases.span().ok_or(NoHoldout::TooShort { span_days: 0 })?;
        let (cut_day, last_day) = place(first_day, as_of_day, horizon_days, config)?;
        let periods = opportunity.within(days_between(cut_day, last_day)).max(1);
        let split = |periods, day| Split::in_periods(purchases, setting, opportunity, grace_days, periods, day);
        let outer = split(periods, last_day);
        if outer.cut_day <= first_day {
            let span_days = i64::from(last_day) - i64::from(first_day);
            return Err(NoHoldout::TooShort { span_days });
        }
        let customers = outer.n_customers() as u64;
        let repeaters = outer.observed.x.iter().filter(|x| 0 < **x).count() as u64;
        if (customers as f64) < FEWEST_CUSTOMERS || (repeaters as f64) < FEWEST_REPEATERS {
            return Err(NoHoldout::TooFew { customers, repeaters });
        }
        let inner_periods = periods.min(opportunity.within(days_between(first_day, outer.cut_day) / PARTS));
        let inner = (0 < inner_periods).then(|| split(inner_periods, outer.cut_day));
        Ok(Self { outer, inner })
    }
}

/// Last day of calibration and last day of the holdout.
pub(super) fn place(
    first_day: i32,
    as_of_day: i32,
    horizon_days: u32,
    config: HoldoutConfig,
) -> Result<(i32, i32), NoHoldout> {
    let (first, end) = (i64::from(first_day), i64::from(as_of_day));
    let span_days = end - first;
    let days = config.holdout_days.map(i64::from);
    let (cut, last) = match (config.cut_day.map(i64::from), days) {
        (Some(cut), Some(days)) => (cut, cut + days),
        (Some(cut), None) => (cut, end),
        (None, Some(days)) => (end - days, end),
        (None, None) => {
            let days = i64::from(horizon_days).min(span_days / i64::from(PARTS));
            // A horizon of a week is judged over a month.
            let days = days.max(i64::from(LEAST_DAYS));
            if span_days / i64::from(PARTS) < days {
                return Err(NoHoldout::TooShort { span_days });
            }
            (end - days, end)
        }
    };
    if cut <= first || last <= cut || end < last {
        return Err(NoHoldout::Outside);
    }
    // Both lie between first_day and as_of_day.
    Ok((cut as i32, last as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_customers(order: [usize; 3]) -> PurchaseDays {
        let customers = [
            vec![(0, 10.0), (50, 20.0), (99, 30.0), (100, 40.0)],
            vec![(60, 5.0), (61, 6.0)],
            vec![(90, 1.0), (120, 2.0)],
        ];
        let mut purchases = PurchaseDays::default();
        for i in order {
            purchases.push(customers[i].iter().copied());
        }
        purchases
    }

    #[test]
    fn the_cut_day_belongs_to_the_calibration_and_newcomers_to_neither_part() {
        let split = Split::new(&three_customers([0, 1, 2]), 60, 100, &Clock::calendar());
        assert_eq!(split.observed.x, [0, 1]);
        assert_eq!(split.observed.age_days, [0.0, 60.0]);
        assert_eq!(
            (split.orders.as_slice(), split.amount.as_slice()),
            (&[1, 2][..], &[6.0, 70.0][..])
        );
        assert_eq!((split.window_days, split.recent_orders.as_slice()), (40, &[1, 1][..]));
        assert_eq!(split.recent_amount, [5.0, 20.0]);
        assert_eq!((split.holdout_days(), split.horizon), (40, 40.0));
        assert_eq!(split.repeats_by_day, [(50, 1), (61, 1), (99, 1), (100, 1)]);
    }

    #[test]
    fn the_order_of_customers_changes_nothing() {
        let clock = Clock::calendar();
        let mut one = Split::new(&three_customers([0, 1, 2]), 95, 130, &clock);
        let mut other = Split::new(&three_customers([2, 0, 1]), 95, 130, &clock);
        for split in [&mut one, &mut other] {
            split.observed.customers.clear();
        }
        assert_eq!(one, other);
    }

    #[test]
    fn the_holdout_is_the_horizon_but_no_more_than_a_third() {
        let auto = HoldoutConfig::default();
        assert_eq!(place(0, 1000, 90, auto), Ok((910, 1000)));
        assert_eq!(place(0, 1000, 365, auto), Ok((667, 1000)));
        assert_eq!(place(0, 1000, 7, auto), Ok((972, 1000)));
        assert_eq!(place(0, 84, 365, auto), Ok((56, 84)));
        assert_eq!(place(0, 83, 365, auto), Err(NoHoldout::TooShort { span_days: 83 }));
    }

    #[test]
    fn a_holdout_that_was_asked_for_must_lie_within_the_history() {
        let asked = |cut_day, holdout_days| place(0, 100, 365, HoldoutConfig { holdout_days, cut_day });
        assert_eq!(asked(Some(40), None), Ok((40, 100)));
        assert_eq!(asked(Some(40), Some(10)), Ok((40, 50)));
        assert_eq!(asked(None, Some(10)), Ok((90, 100)));
        for (cut_day, days) in [
            (Some(40), Some(61)),
            (Some(0), None),
            (Some(100), None),
            (None, Some(100)),
            (None, Some(0)),
            (Some(i32::MAX), Some(u32::MAX)),
        ] {
            assert_eq!(asked(cut_day, days), Err(NoHoldout::Outside), "{cut_day:?} {days:?}");
        }
    }
}
