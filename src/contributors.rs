//! Who brings the money: ranks, cumulative shares, deciles, the top 20 %, and the share curve.
//!
//! In: [`Summary`]. Out: one entry a customer, and the curve at every percentile of customers.
//! Cost: one sort. Ranks go by net money, ties by customer id; shares are of the net total, summed in integers.
//!
//! # Formula
//! Gini of the ranked amounts `y_1 <= ... <= y_n`: `(2 sum_i i y_i) / (n sum y) - (n + 1) / n`.
//! Source: Lorenz (1905); the top 20 % are the first `ceil(0.2 n)` customers.

use polars::prelude::{Column as Series, DataFrame, PolarsResult};
use rayon::prelude::*;
use serde::Serialize;

use crate::diagnostics::Warning;
use crate::schema::parts::PartColumn;
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
    pub concentration: Concentration,
    pub warnings: Vec<Warning>,
    net: Percentiles,
    gross: Percentiles,
}

/// Customers by money: `order[0]` is the best; `cumulative[i]` the sum up to and with him.
#[derive(Clone, Debug, Default)]
struct Ranked {
    order: Vec<u32>,
    cumulative: Vec<i128>,
}

/// The sums of the best 0 to 100 % of the customers.
#[derive(Clone, Debug, Default)]
struct Percentiles(Vec<i128>);

impl Percentiles {
    fn share(&self, amount: i128) -> f64 {
        share(amount, self.0.last().copied().unwrap_or(0))
    }
}

fn share(amount: i128, total: i128) -> f64 {
    if total > 0 { amount as f64 / total as f64 } else { 0.0 }
}

/// `ceil(n * percent / 100)`.
fn first_percent(n: usize, percent: usize) -> usize {
    (n * percent).div_ceil(100)
}

impl Ranked {
    /// Customers are given in the order of their ids, which decides ties.
    fn new(amounts: &[i128]) -> Self {
        let mut order: Vec<u32> = (0..amounts.len() as u32).collect();
        order.par_sort_unstable_by(|&a, &b| amounts[b as usize].cmp(&amounts[a as usize]).then(a.cmp(&b)));
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
        share(amount, self.total())
    }

    fn percentiles(&self) -> Percentiles {
        let n = self.order.len();
        Percentiles((0..=100).map(|p| self.sum_of_first(first_percent(n, p))).collect())
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
    let to_fixed = |amount: &f64| (amount * crate::units::UNITS_PER_ONE as f64).round() as i128;
    let (net, gross) = rayon::join(
        || Ranked::new(&summary.net),
        || Ranked::new(&summary.gross_amount.iter().map(to_fixed).collect::<Vec<_>>()),
    );
    let n_top = first_percent(n, 20);
    let mut out = Contributors {
        rank: vec![0; n],
        cum_share: vec![0.0; n],
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
    }
    if net.total() <= 0 {
        out.warnings.push(Warning::NetTotalNotPositive {
            net_amount: sum_to_f64(net.total()),
        });
    }
    (out.net, out.gross) = (net.percentiles(), gross.percentiles());
    out
}

impl Contributors {
    /// The tenth of the customers, 1 the best.
    pub fn decile(&self, customer: usize) -> u8 {
        let position = self.rank[customer] as usize - 1;
        (position * 10 / self.rank.len()) as u8 + 1
    }

    /// Whether a customer is among the best fifth.
    pub fn is_top(&self, customer: usize) -> bool {
        self.rank[customer] as usize <= first_percent(self.rank.len(), 20)
    }

    /// Points of the curve: (share of customers, share of net money), 101 of them.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let points = self.net.0.iter().enumerate();
        points
            .map(|(p, sum)| (p as f64 / 100.0, self.net.share(*sum)))
            .collect()
    }

    /// The columns of [`COLUMNS`].
    pub fn columns(&self) -> Vec<PartColumn<'_>> {
        vec![
            PartColumn::u32s("contribution_rank", |i| self.rank[i]),
            PartColumn::f64s("contribution_cum_share", |i| self.cum_share[i]),
            PartColumn::u8s("contribution_decile", |i| self.decile(i)),
            PartColumn::bools("is_top_contributor", |i| self.is_top(i)),
        ]
    }

    /// The frame of [`TABLE`].
    pub fn to_frame(&self) -> PolarsResult<DataFrame> {
        let n = self.rank.len();
        let customers: Vec<usize> = (0..=100).map(|p| first_percent(n, p)).collect();
        let amounts = |sums: &Percentiles| sums.0.iter().map(|sum| sum_to_f64(*sum)).collect::<Vec<f64>>();
        let shares = |sums: &Percentiles| sums.0.iter().map(|sum| sums.share(*sum)).collect::<Vec<f64>>();
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
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|i| out.is_top(i)),
            [true, true, false, false, false, false]
        );
        assert_eq!(out.cum_share[5], 1.0);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|i| out.decile(i)), [2, 1, 4, 6, 7, 9]);
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
