//! One complete row per customer: what every stage found, who needs attention and why, the next offer.
//!
//! In: the results of all stages, each in the order of customer ids. Out: flags and ranks, and the columns of
//! `customers.parquet`, which are made when they are written. Cost: one sort for the rank by value; otherwise linear.

mod attributes;
mod columns;
pub mod forecasts;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::basket::offers::Offers;
use crate::cluster::{self, Clusters};
use crate::clv::{CustomerValues, Status};
use crate::contributors::{self, Contributors};
use crate::diagnostics::{Problem, Warning};
use crate::rfm::{self, Rfm};
use crate::schema::parts::PartColumn;
use crate::schema::{Column, Table, Type, column, nullable};
use crate::summary::{self, Summary};
use crate::units::MaybeF64;

pub use attributes::{Attributes, Facts as AttributeFacts};

/// The columns that the lifetime-value stage fills.
const CLV_COLUMNS: &[Column] = &[
    nullable(
        "alive_prob",
        Type::F64,
        "probability that the customer will ever order again, by the count model",
    ),
    nullable(
        "expected_orders",
        Type::F64,
        "expected purchase days in the next horizon_days",
    ),
    nullable(
        "order_prob",
        Type::F64,
        "probability of at least one order in the next horizon_days",
    ),
    nullable(
        "orders_low",
        Type::U32,
        "interval of the number of orders: at most half of 1 - clv.interval lies below",
    ),
    nullable("orders_high", Type::U32, "and at most as much above"),
    nullable("expected_order_amount", Type::F64, "expected money of one purchase day"),
    nullable(
        "clv_amount",
        Type::F64,
        "expected discounted money of the next horizon_days",
    ),
    nullable(
        "clv_low_amount",
        Type::F64,
        "interval of what will come, discounted: chance, unknown rate and amount, and the error of the fit",
    ),
    nullable(
        "clv_high_amount",
        Type::F64,
        "its upper end; may lie below clv_amount where a small chance of many orders makes that",
    ),
    nullable(
        "residual_amount",
        Type::F64,
        "expected discounted money from as_of to infinity",
    ),
    nullable(
        "clv_group",
        Type::Str,
        "the group whose parameters were used, see clv.group_by; null without groups",
    ),
    column("horizon_days", Type::U32, "days that the lifetime value looks ahead"),
    column(
        "clv_status",
        Type::Str,
        "ok, or which fallback was used, or why the value is null",
    ),
];

const VALUE_COLUMNS: &[Column] = &[
    column(
        "value_rank",
        Type::U32,
        "1 = highest clv_amount; unknown last; ties by customer id",
    ),
    column(
        "is_top_value",
        Type::Bool,
        "among the first ceil(0.2 n) by value_rank, with a known value",
    ),
    nullable(
        "watch",
        Type::Str,
        "dormant_top, rising, loss_maker, slipping or new_top",
    ),
    nullable("next_product_id", Type::Str, "the first offer; null without one"),
    nullable("next_product_score", Type::F64, "its score, see offers.parquet"),
    column("reason", Type::Str, "one line: why this segment and this watch flag"),
    nullable(
        "data_flag",
        Type::Str,
        "test_customer or wholesale: counted like all others, to be looked at apart",
    ),
];

/// The joined table.
pub const TABLE: Table = Table {
    name: "customers",
    doc: "One row per customer with at least one kept sale.",
    sorted_by: &["customer_id"],
    parts: &[
        summary::COLUMNS,
        rfm::COLUMNS,
        CLV_COLUMNS,
        cluster::COLUMNS,
        contributors::COLUMNS,
        VALUE_COLUMNS,
    ],
};

/// Section `[watch]`: who needs attention.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub dormant_alive_prob: f64,
    pub dormant_days: f64,
    pub slipping_gaps: f64,
    pub rising_factor: f64,
    pub new_days: f64,
    pub wholesale_factor: f64,
}

/// Checked settings; only made by [`Config::check`].
#[derive(Clone, Debug)]
pub struct Params(Config);

impl Config {
    pub fn check(&self, problems: &mut Vec<Problem>) -> Option<Params> {
        let before = problems.len();
        let mut demand = |key: &str, value: f64, ok: bool, why: &str, hint: &str| {
            if !(value.is_finite() && ok) {
                problems.push(Problem::new(&format!("watch.{key}"), value, why, hint));
            }
        };
        let (p, days) = (self.dormant_alive_prob, self.dormant_days);
        demand(
            "dormant_alive_prob",
            p,
            (0.0..=1.0).contains(&p),
            "must be a probability",
            "the default is 0.5",
        );
        demand(
            "dormant_days",
            days,
            0.0 < days,
            "must be a number of days above 0",
            "the default is 365",
        );
        demand(
            "slipping_gaps",
            self.slipping_gaps,
            1.0 <= self.slipping_gaps,
            "must be 1 or more",
            "the default is 2",
        );
        demand(
            "rising_factor",
            self.rising_factor,
            1.0 < self.rising_factor,
            "must be above 1",
            "the default is 1.5",
        );
        demand(
            "new_days",
            self.new_days,
            0.0 < self.new_days,
            "must be a number of days above 0",
            "the default is 90",
        );
        demand(
            "wholesale_factor",
            self.wholesale_factor,
            1.0 <= self.wholesale_factor,
            "must be 1 or more",
            "the default is 10",
        );
        (problems.len() == before).then(|| Params(self.clone()))
    }
}

/// Why a customer needs attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    LossMaker,
    DormantTop,
    NewTop,
    Slipping,
    Rising,
}

impl Watch {
    pub const ALL: [Self; 5] = [
        Self::DormantTop,
        Self::Slipping,
        Self::NewTop,
        Self::Rising,
        Self::LossMaker,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::LossMaker => "loss_maker",
            Self::DormantTop => "dormant_top",
            Self::NewTop => "new_top",
            Self::Slipping => "slipping",
            Self::Rising => "rising",
        }
    }

    /// What the flag means, for reports.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::LossMaker => "brought no money once returns and costs are counted",
            Self::DormantTop => "among the top contributors, but probably gone",
            Self::NewTop => "among the top contributors although new",
            Self::Slipping => "above-average contributor, overdue by his own rhythm",
            Self::Rising => "not yet on top, but spending clearly more than before",
        }
    }
}

/// The results that are joined.
pub struct Stages<'a> {
    pub summary: &'a Summary,
    pub rfm: &'a Rfm,
    pub clv: &'a CustomerValues,
    /// Group of each customer; empty without groups.
    pub groups: &'a [Option<&'a str>],
    pub horizon_days: u32,
    pub clusters: &'a Clusters,
    pub contributors: &'a Contributors,
    pub offers: &'a Offers,
    /// Ids by product code.
    pub products: &'a [String],
    pub attributes: &'a Attributes,
}

/// What joining the stages adds to them, one entry a customer.
pub struct Customers {
    pub watch: Vec<Option<Watch>>,
    pub warnings: Vec<Warning>,
    flags: Vec<Option<DataFlag>>,
    value_rank: Vec<u32>,
}

impl Customers {
    /// The columns of [`TABLE`]; `stages` are those that were joined.
    pub fn columns<'a>(&'a self, stages: &'a Stages<'a>) -> Vec<PartColumn<'a>> {
        columns::columns(stages, self)
    }

    fn is_top_value(&self, customer: usize, values: &CustomerValues) -> bool {
        let n_top = self.value_rank.len().div_ceil(5);
        self.value_rank[customer] as usize <= n_top && values.clv_amount[customer].get().is_some()
    }
}

/// Why a customer may be no customer like the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFlag {
    TestCustomer,
    Wholesale,
}

impl DataFlag {
    pub const ALL: [Self; 2] = [Self::TestCustomer, Self::Wholesale];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::TestCustomer => "test_customer",
            Self::Wholesale => "wholesale",
        }
    }
}

/// Joins all stages. Every vector has one entry a customer, in the order of ids; `is_test` says whether an id is that
/// of a test.
pub fn run(params: &Params, stages: &Stages<'_>, is_test: &(dyn Fn(&str) -> bool + Sync)) -> Customers {
    let n = stages.summary.n_customers();
    let watch = (0..n).into_par_iter().map(|i| watch(&params.0, stages, i)).collect();
    let flags = data_flags(&params.0, stages.summary, is_test);
    Customers {
        watch,
        warnings: flag_warnings(&flags, stages.summary),
        flags,
        value_rank: rank_by_value(&stages.clv.clv_amount),
    }
}

/// Tests by their ids; wholesale by mean orders far beyond those of the best retail customers, where there are enough
/// customers to say what that is.
fn data_flags(config: &Config, summary: &Summary, is_test: &(dyn Fn(&str) -> bool + Sync)) -> Vec<Option<DataFlag>> {
    const MIN_CUSTOMERS: usize = 100;
    let mean_order = |i: usize| summary.net_amount[i] / f64::from(summary.orders[i].max(1));
    let mut means: Vec<f64> = (0..summary.n_customers()).map(mean_order).collect();
    let threshold = if means.len() < MIN_CUSTOMERS {
        f64::INFINITY
    } else {
        let top = means.len() * 19 / 20;
        let (_, percentile, _) = means.select_nth_unstable_by(top, f64::total_cmp);
        config.wholesale_factor * percentile.max(0.0)
    };
    let flag = |i: usize| {
        if is_test(&summary.ids[i]) {
            Some(DataFlag::TestCustomer)
        } else {
            (threshold < mean_order(i)).then_some(DataFlag::Wholesale)
        }
    };
    (0..summary.n_customers()).into_par_iter().map(flag).collect()
}

fn flag_warnings(flags: &[Option<DataFlag>], summary: &Summary) -> Vec<Warning> {
    let total: i128 = summary.net.iter().sum();
    let of = |kind: DataFlag| {
        let mut found: Vec<usize> = (0..flags.len()).filter(|&i| flags[i] == Some(kind)).collect();
        let net: i128 = found.iter().map(|&i| summary.net[i]).sum();
        found.sort_by_key(|&i| (std::cmp::Reverse(summary.net[i]), i));
        (!found.is_empty()).then(|| Warning::FlaggedCustomers {
            flag: kind.as_str(),
            n: found.len() as u64,
            net_share: if total > 0 { net as f64 / total as f64 } else { 0.0 },
            examples: found.iter().take(3).map(|&i| summary.ids[i].to_owned()).collect(),
        })
    };
    DataFlag::ALL.into_iter().filter_map(of).collect()
}

/// Ranks by value from 1, unknown values last, ties by position (the order of ids).
fn rank_by_value(clv: &[MaybeF64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..clv.len() as u32).collect();
    order.par_sort_unstable_by(|&a, &b| {
        let by_value = match (clv[a as usize].get(), clv[b as usize].get()) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        by_value.then(a.cmp(&b))
    });
    let mut rank = vec![0; clv.len()];
    for (customer, position) in order.into_iter().zip(1..) {
        rank[customer as usize] = position;
    }
    rank
}

fn watch(config: &Config, stages: &Stages<'_>, i: usize) -> Option<Watch> {
    let summary = stages.summary;
    let days_since_last = f64::from(summary.as_of.0 - summary.last_day[i]);
    let age_days = f64::from(summary.as_of.0 - summary.first_day[i]);
    let is_top = stages.contributors.is_top(i);
    // Without dropout in the model everybody is alive by assumption, which says nothing about this customer.
    let alive_prob = stages.clv.alive_prob[i]
        .get()
        .filter(|_| stages.clv.clv_status[i] != Status::NoDropoutLimit);
    let is_dormant = match alive_prob {
        Some(p) => p < config.dormant_alive_prob,
        None => days_since_last > config.dormant_days,
    };
    let repeats = summary.repeat_days[i];
    let mean_gap = f64::from(summary.last_day[i] - summary.first_day[i]) / f64::from(repeats.max(1));
    let (recent, previous) = (summary.recent_amount[i], summary.previous_amount[i]);
    if summary.net[i] <= 0 || summary.margin_amount[i].get().is_some_and(|margin| margin < 0.0) {
        Some(Watch::LossMaker)
    } else if is_top && is_dormant {
        Some(Watch::DormantTop)
    } else if is_top && age_days <= config.new_days {
        Some(Watch::NewTop)
    } else if repeats >= 2
        && !is_dormant
        && stages.contributors.decile(i) <= 5
        && days_since_last > config.slipping_gaps * mean_gap.max(1.0)
    {
        Some(Watch::Slipping)
    } else if !is_top && !is_dormant && repeats >= 1 && previous > 0.0 && recent >= config.rising_factor * previous {
        Some(Watch::Rising)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_rank_last_and_are_never_top() {
        let top = |clv: &[Option<f64>]| {
            let clv_amount: Vec<MaybeF64> = clv.iter().map(|clv| (*clv).into()).collect();
            let customers = Customers {
                watch: Vec::new(),
                warnings: Vec::new(),
                flags: Vec::new(),
                value_rank: rank_by_value(&clv_amount),
            };
            let values = CustomerValues {
                clv_amount,
                ..CustomerValues::default()
            };
            let is_top = (0..clv.len())
                .map(|i| customers.is_top_value(i, &values))
                .collect::<Vec<_>>();
            (customers.value_rank, is_top)
        };
        let (rank, is_top) = top(&[None, Some(1.0), Some(3.0), Some(1.0), None]);
        assert_eq!(rank, [4, 2, 1, 3, 5]);
        assert_eq!(is_top, [false, false, true, false, false]);
        assert_eq!(top(&[None]).1, [false]);
    }
}
