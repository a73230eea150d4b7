//! Who brings the money: ranks, cumulative shares, deciles, the top 20 %, and the share curve.
//!
//! In: [`Summary`]. Out: one entry a customer, and the curve at every percentile of customers.
//! Cost: one sort. Ranks go by net money, ties by customer id; shares are of the net total, summed in integers.
//!
//! # Formula
//! Gini of the ranked amounts `y_1 <= ... <= y_n`: `(2 sum_i i y_i) / (n sum y) - (n + 1) / n`.
//! Source: Lorenz (1905); the top 20 % are the first `ceil(0.2 n)` customers.

use std::cmp::Reverse;

use polars::prelude::{Column as Series, DataFrame, PolarsResult};
use serde::Serialize;

use crate::diagnostics::Warning;
use crate::schema::{Column, Table, Type, column};
use crate::summary::Summary;
use crate::units::sum_to_f64;

/// The columns of `customers.parquet` that this stage makes.
pub const COLUMNS: &[Column] = &[
    column(
        "contribution_rank",
        Type::U32,
        "1 = most net money; ties by customer id",
    ),
    column(
        "contribution_cum_share",
        Type::F64,
        "share of the net total of this customer and all before him; 0 where that is not positive",
    ),
    column("contribution_decile", Type::U8, "tenth of the customers by rank, 1 top"),
    column("is_top_contributor", Type::Bool, "among the first ceil(0.2 n) by rank"),
];

/// The share curve.
pub const TABLE: Table = Table {
    name: "contributors",
    doc: "The share curve: what the best percentiles of customers bring together.",
    sorted_by: &["percentile"],
    parts: &[&[
        column("percentile", Type::U8, "0 to 100"),
        column(
            "customers",
            Type::U64,
            "ceil(percentile / 100 * customers), the best ones",
        ),
        column("net_amount", Type::F64, "their net money together"),
        column(
            "net_share",
            Type::F64,
            "share of the net total; above 1 where the tail is negative",
        ),
        column("gross_amount", Type::F64, "gross money of the best by gross"),
        column("gross_share", Type::F64, "share of the gross total"),
    ]],
};

/// What the manifest says; the gross figures stand beside the net ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Concentration {
    pub top_20_share: f64,
    pub gini: f64,
    pub customers_for_80_share: u64,
    pub gross_top_20_share: f64,
    pub gross_gini: f64,
    pub gross_customers_for_80_share: u64,
}

/// Ranks of all customers and the curve.
#[derive(Clone, Debug, Default)]
pub struct Contributors {
    pub rank: Vec<u32>,
    pub cum_share: Vec<f64>,
    pub decile: Vec<u8>,
    pub is_top: Vec<bool>,
    pub concentration: Concentration,
    pub warnings: Vec<Warning>,
    net: Ranked,
    gross: Ranked,
}

/// Customers by money: `order[0]` is the best; `cumulative[i]` the sum up to and with him.
#[derive(Clone, Debug, Default)]
struct Ranked {
    order: Vec<u32>,
    cumulative: Vec<i128>,
}

/// `ceil(n * percent / 100)`.
fn first_percent(n: usize, percent: usize) -> usize {
    (n * percent).div_ceil(100)
}

impl Ranked {
    /// Customers are given in the order of their ids, which decides ties.
    fn new(amounts: &[i128]) -> Self {
        let mut order: Vec<u32> = (0..amounts.len() as u32).collect();
        order.sort_by_key(|&i| Reverse(amounts[i as usize]));
        let mut sum = 0;
        let add = |&i: &u32| {
            sum += amounts[i as usize];
            sum
        };
        let cumulative = order.iter().map(add).collect();
        Self { order, cumulative }
    }

    fn total(&self) -> i128 {
        self.cumulative.last().copied().unwrap_or(0)
    }

    /// The sum of the first `n` customers.
    fn sum_of_first(&self, n: usize) -> i128 {
        if n == 0 { 0 } else { self.cumulative[n - 1] }
    }

    fn share(&self, amount: i128) -> f64 {
        let total = self.total();
        if total > 0 { amount as f64 / total as f64 } else { 0.0 }
    }

    /// The fewest best customers who bring 80 % of the total.
    fn customers_for_80_share(&self) -> u64 {
        let enough = |sum: &i128| 10 * sum >= 8 * self.total();
        if self.total() > 0 {
            1 + self.cumulative.iter().position(enough).unwrap_or(0) as u64
        } else {
            0
        }
    }

    fn gini(&self) -> f64 {
        let (n, total) = (self.cumulative.len() as f64, self.total());
        if total <= 0 {
            return 0.0;
        }
        // Summing the cumulative sums of the best-first order gives sum_i (n - i + 1) y_(i): the same formula.
        let area: i128 = self.cumulative.iter().sum();
        (2.0 * (area as f64 / total as f64) - n - 1.0) / n
    }
}

/// Ranks every customer. `summary` has at least one.
pub fn run(summary: &Summary) -> Contributors {
    let n = summary.n_customers();
    let net = Ranked::new(&summary.net);
    let to_fixed = |amount: &f64| (amount * crate::units::UNITS_PER_ONE as f64).round() as i128;
    let gross = Ranked::new(&summary.gross_amount.iter().map(to_fixed).collect::<Vec<_>>());
    let n_top = first_percent(n, 20);
    let mut out = Contributors {
        rank: vec![0; n],
        cum_share: vec![0.0; n],
        decile: vec![0; n],
        is_top: vec![false; n],
        concentration: Concentration {
            top_20_share: net.share(net.sum_of_first(n_top)),
            gini: net.gini(),
            customers_for_80_share: net.customers_for_80_share(),
            gross_top_20_share: gross.share(gross.sum_of_first(n_top)),
            gross_gini: gross.gini(),
            gross_customers_for_80_share: gross.customers_for_80_share(),
        },
        ..Contributors::default()
    };
    for (position, &customer) in net.order.iter().enumerate() {
        let customer = customer as usize;
        out.rank[customer] = position as u32 + 1;
        out.cum_share[customer] = net.share(net.cumulative[position]);
        out.decile[customer] = (position * 10 / n) as u8 + 1;
        out.is_top[customer] = position < n_top;
    }
    if net.total() <= 0 {
        out.warnings.push(Warning::NetTotalNotPositive {
            net_amount: sum_to_f64(net.total()),
        });
    }
    (out.net, out.gross) = (net, gross);
    out
}

impl Contributors {
    /// Points of the curve: (share of customers, share of net money), 101 of them.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let n = self.rank.len();
        let point = |p| {
            (
                p as f64 / 100.0,
                self.net.share(self.net.sum_of_first(first_percent(n, p))),
            )
        };
        (0..=100).map(point).collect()
    }

    /// The columns of [`COLUMNS`].
    pub fn to_columns(&self) -> Vec<Series> {
        vec![
            Series::new("contribution_rank".into(), &self.rank),
            Series::new("contribution_cum_share".into(), &self.cum_share),
            Series::new("contribution_decile".into(), &self.decile),
            Series::new("is_top_contributor".into(), &self.is_top),
        ]
    }

    /// The frame of [`TABLE`].
    pub fn to_frame(&self) -> PolarsResult<DataFrame> {
        let n = self.rank.len();
        let customers: Vec<usize> = (0..=100).map(|p| first_percent(n, p)).collect();
        let amounts = |ranked: &Ranked| {
            customers
                .iter()
                .map(|&k| sum_to_f64(ranked.sum_of_first(k)))
                .collect::<Vec<f64>>()
        };
        let shares = |ranked: &Ranked| {
            customers
                .iter()
                .map(|&k| ranked.share(ranked.sum_of_first(k)))
                .collect::<Vec<f64>>()
        };
        DataFrame::new_infer_height(vec![
            Series::new("percentile".into(), (0..=100u8).collect::<Vec<_>>()),
            Series::new(
                "customers".into(),
                customers.iter().map(|k| *k as u64).collect::<Vec<_>>(),
            ),
            Series::new("net_amount".into(), amounts(&self.net)),
            Series::new("net_share".into(), shares(&self.net)),
            Series::new("gross_amount".into(), amounts(&self.gross)),
            Series::new("gross_share".into(), shares(&self.gross)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contributors(net: &[i64]) -> Contributors {
        let net: Vec<i128> = net.iter().map(|a| i128::from(*a) * 10_000).collect();
        let amounts: Vec<f64> = net.iter().map(|a| sum_to_f64(*a)).collect();
        let ids = (0..net.len()).map(|i| format!("{i:03}")).collect();
        let summary = Summary {
            ids,
            net,
            net_amount: amounts.clone(),
            gross_amount: amounts,
            ..Summary::default()
        };
        run(&summary)
    }

    #[test]
    fn ties_go_by_id_and_the_top_is_rounded_up() {
        let out = contributors(&[5, 9, 5, 1, 0, 0]);
        assert_eq!(out.rank, [2, 1, 3, 4, 5, 6]);
        assert_eq!(out.is_top, [true, true, false, false, false, false]);
        assert_eq!(out.cum_share[5], 1.0);
        assert_eq!(out.decile, [2, 1, 4, 6, 7, 9]);
    }

    #[test]
    fn gini_of_equals_is_0_and_of_one_among_many_is_1_less_1_over_n() {
        assert_eq!(contributors(&[3; 10]).concentration.gini, 0.0);
        let one = contributors(&[0, 0, 0, 8]).concentration;
        assert!((one.gini - 0.75).abs() < 1e-15);
        assert_eq!(one.customers_for_80_share, 1);
        // By the definition over all pairs: sum |a - b| / (2 n^2 mean) = 20 / (2 * 16 * 2.5).
        assert!((contributors(&[1, 2, 3, 4]).concentration.gini - 0.25).abs() < 1e-15);
    }

    #[test]
    fn a_negative_tail_lifts_the_curve_above_1() {
        let out = contributors(&[100, 50, -30]);
        assert!(out.curve()[66].1 > 1.0);
        assert_eq!(out.curve()[100].1, 1.0);
        assert_eq!(out.curve().len(), 101);
    }

    #[test]
    fn a_total_of_zero_or_less_is_a_warning_not_nan() {
        let out = contributors(&[-1, 1]);
        assert_eq!(out.concentration.top_20_share, 0.0);
        assert_eq!(out.warnings.len(), 1);
    }
}
