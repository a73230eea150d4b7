//! Clean lines → one row per customer, and the baskets and owned products that pairs and offers are made of.
//!
//! In: [`Transactions`], partitioned by customer. Out: [`Summary`], a struct of vectors sorted by customer id.
//! Cost: one pass over the lines, each partition sorted in cache-sized pieces by one thread without locks;
//! all sums are integers, so that neither threads nor row order show.

mod customer;
mod sets;

use std::cmp::Ordering;

use polars::prelude::{Column as Series, DataType, PolarsResult};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::clean::{
    Action, Actions, IN_BASKET, IS_RETURN, Line, N_CUSTOMER_PARTITIONS, NO_GROUP, NONE, Partition, Rule, Transactions,
};
use crate::diagnostics::{Problem, Warning};
use crate::schema::{Column, Type, column, nullable};
use crate::units::{Day, UNITS_PER_ONE, sum_to_f64};

use customer::{CustomerRow, Reducer, Totals, is_duplicate, sort_key};
pub use sets::{Baskets, OwnedProducts};

/// The columns of `customers.parquet` that this stage makes.
pub const COLUMNS: &[Column] = &[
    column("customer_id", Type::Str, "the customer"),
    column("first_order_date", Type::Date, "day of the first order that stands"),
    column("last_order_date", Type::Date, "day of the last order that stands"),
    column("orders", Type::U32, "orders of which not everything was returned"),
    column("purchase_days", Type::U32, "distinct days with such an order"),
    column("products", Type::U32, "distinct products bought and not returned"),
    column(
        "units",
        Type::F64,
        "pieces sold less pieces returned; 0 without a quantity column",
    ),
    column("gross_amount", Type::F64, "money of all sales"),
    column(
        "returned_amount",
        Type::F64,
        "money of returns and cancellations, positive",
    ),
    column("net_amount", Type::F64, "gross_amount - returned_amount"),
    column(
        "average_order_amount",
        Type::F64,
        "net_amount / orders; 0 without orders",
    ),
    nullable(
        "margin_amount",
        Type::F64,
        "amount less cost over the lines whose cost is known",
    ),
    column(
        "days_since_last",
        Type::F64,
        "days from last_order_date to as_of (recency of RFM)",
    ),
    column(
        "age_days",
        Type::F64,
        "days from first_order_date to as_of (T of the models)",
    ),
    column(
        "t_x_days",
        Type::F64,
        "days from first_order_date to last_order_date (t_x of the models)",
    ),
    column(
        "repeat_days",
        Type::U32,
        "purchase days after the first (x of the models)",
    ),
    nullable(
        "mean_gap_days",
        Type::F64,
        "t_x_days / repeat_days, null without a repeat purchase",
    ),
];

/// Section `[summary]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub recent_days: u32,
    pub return_window_days: u32,
}

/// Checked settings; only made by [`Config::check`].
#[derive(Clone, Debug)]
pub struct Params {
    recent_days: i32,
    return_window_minutes: Option<u32>,
    reject_duplicates: bool,
    /// Whether postage and the like count as products of a basket.
    non_products: bool,
}

impl Config {
    pub fn check(&self, actions: &Actions, non_products: bool, problems: &mut Vec<Problem>) -> Option<Params> {
        if !(1..=3_650).contains(&self.recent_days) {
            let why = "must be a number of days from 1 to 3650";
            problems.push(Problem::new(
                "summary.recent_days",
                self.recent_days,
                why,
                "the default is 90",
            ));
            return None;
        }
        Some(Params {
            recent_days: self.recent_days as i32,
            // A window of more than a thousand years would be none.
            return_window_minutes: (1..=365_000)
                .contains(&self.return_window_days)
                .then(|| self.return_window_days * 24 * 60),
            reject_duplicates: actions.of(Rule::ExactDuplicate) == Action::Reject,
            non_products,
        })
    }
}

/// One row per customer with a sale, sorted by id. All vectors have one entry a customer.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub ids: Vec<String>,
    pub first_day: Vec<i32>,
    pub last_day: Vec<i32>,
    pub orders: Vec<u32>,
    pub purchase_days: Vec<u32>,
    pub products: Vec<u32>,
    pub units: Vec<f64>,
    pub gross_amount: Vec<f64>,
    pub returned_amount: Vec<f64>,
    pub net_amount: Vec<f64>,
    /// As `net_amount`, exact, in ten-thousandths.
    pub net: Vec<i128>,
    pub margin_amount: Vec<Option<f64>>,
    pub repeat_days: Vec<u32>,
    /// Mean net amount of the repeat days, of all purchase days; `None` without such days.
    pub mean_repeat_amount: Vec<Option<f64>>,
    pub mean_purchase_amount: Vec<Option<f64>>,
    pub recent_amount: Vec<f64>,
    pub previous_amount: Vec<f64>,
    /// Position in the groups of the transactions, where lines are grouped.
    pub group: Vec<Option<u8>>,
    pub as_of: Day,
}

impl Summary {
    pub fn n_customers(&self) -> usize {
        self.ids.len()
    }

    pub fn days_since_last(&self) -> Vec<f64> {
        self.last_day.iter().map(|day| f64::from(self.as_of.0 - day)).collect()
    }

    pub fn age_days(&self) -> Vec<f64> {
        self.first_day.iter().map(|day| f64::from(self.as_of.0 - day)).collect()
    }

    pub fn t_x_days(&self) -> Vec<f64> {
        self.first_day
            .iter()
            .zip(&self.last_day)
            .map(|(first, last)| f64::from(last - first))
            .collect()
    }

    /// The columns of [`COLUMNS`].
    pub fn to_columns(&self) -> PolarsResult<Vec<Series>> {
        let average = self.net_amount.iter().zip(&self.orders);
        let average: Vec<f64> = average
            .map(|(net, n)| if *n == 0 { 0.0 } else { net / f64::from(*n) })
            .collect();
        let t_x = self.t_x_days();
        let gap = t_x
            .iter()
            .zip(&self.repeat_days)
            .map(|(t_x, x)| (*x > 0).then(|| t_x / f64::from(*x)));
        let gap: Vec<Option<f64>> = gap.collect();
        let date = |name: &str, days: &[i32]| Series::new(name.into(), days).cast(&DataType::Date);
        Ok(vec![
            Series::new("customer_id".into(), &self.ids),
            date("first_order_date", &self.first_day)?,
            date("last_order_date", &self.last_day)?,
            Series::new("orders".into(), &self.orders),
            Series::new("purchase_days".into(), &self.purchase_days),
            Series::new("products".into(), &self.products),
            Series::new("units".into(), &self.units),
            Series::new("gross_amount".into(), &self.gross_amount),
            Series::new("returned_amount".into(), &self.returned_amount),
            Series::new("net_amount".into(), &self.net_amount),
            Series::new("average_order_amount".into(), average),
            Series::new("margin_amount".into(), &self.margin_amount),
            Series::new("days_since_last".into(), self.days_since_last()),
            Series::new("age_days".into(), self.age_days()),
            Series::new("t_x_days".into(), t_x),
            Series::new("repeat_days".into(), &self.repeat_days),
            Series::new("mean_gap_days".into(), gap),
        ])
    }
}

/// Purchase days of all customers, one customer after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Purchases {
    /// Where each customer's days end.
    pub ends: Vec<usize>,
    /// Ascending within a customer.
    pub days: Vec<i32>,
    /// Net amount of each day, less what was returned of it.
    pub amounts: Vec<f64>,
}

/// What the pass over the lines gives.
#[derive(Debug, Default)]
pub struct Summarised {
    pub summary: Summary,
    /// One chunk a partition, anonymous baskets last.
    pub baskets: Vec<Baskets>,
    pub owned: Vec<OwnedProducts>,
    /// Geometric mean of the money of a sale line of each product, 0 without one: a single giant sale does not set
    /// the price.
    pub product_amount: Vec<f64>,
    /// The purchase days of every row of the summary.
    pub purchases: Purchases,
    /// The first day of any customer.
    pub first_day: Day,
    pub n_returns_only_customers: u64,
    pub n_anonymous_baskets: u64,
    /// Kept lines that are exact duplicates of others, and those to drop where that was asked for.
    pub duplicates: (u64, i128),
    pub rejected_duplicates: Vec<Line>,
    /// Returns that undo no earlier sale.
    pub unmatched_returns: (u64, i128),
    pub gross: i128,
    pub returned: i128,
    pub warnings: Vec<Warning>,
}

/// Sums over all lines of all partitions; integers, so that the order of merging does not matter.
#[derive(Clone, Default)]
struct Sums {
    totals: Totals,
    gross: i128,
    returned: i128,
    returns_only_customers: u64,
    product_lines: Vec<u64>,
    /// Sum of the logarithms of the amounts, in millionths.
    product_log_amount: Vec<i64>,
}

impl Sums {
    fn new(n_products: usize) -> Self {
        Self {
            product_lines: vec![0; n_products],
            product_log_amount: vec![0; n_products],
            ..Self::default()
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.totals.unmatched_return_lines += other.totals.unmatched_return_lines;
        self.totals.unmatched_return_amount += other.totals.unmatched_return_amount;
        self.totals.duplicate_lines += other.totals.duplicate_lines;
        self.totals.duplicate_amount += other.totals.duplicate_amount;
        self.gross += other.gross;
        self.returned += other.returned;
        self.returns_only_customers += other.returns_only_customers;
        let add = |a: &mut Vec<u64>, b: &[u64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut self.product_lines, &other.product_lines);
        self.product_log_amount
            .iter_mut()
            .zip(&other.product_log_amount)
            .for_each(|(a, b)| *a += b);
        self
    }
}

/// What one partition gives.
#[derive(Default)]
struct Part {
    rows: Vec<CustomerRow>,
    baskets: Baskets,
    /// Owned products of each entry of `rows`.
    owned_ends: Vec<u32>,
    owned_items: Vec<u32>,
    /// Purchase days of each entry of `rows`, one after another.
    purchases: Vec<(i32, i128)>,
    dropped: Vec<Line>,
}

/// Reduces all lines. `first_day` is the first day of any kept line, `as_of` the last that counts.
pub fn run(params: &Params, transactions: &Transactions, first_day: Day, as_of: Day) -> Summarised {
    let n_products = transactions.products.len();
    let pass = Pass { params, as_of: as_of.0 };
    let (customer_lines, anonymous_lines) = transactions.partitions.split_at(N_CUSTOMER_PARTITIONS);

    let chunk = customer_lines.len().div_ceil(rayon::current_num_threads().max(1) * 4);
    let reduce_chunk = |(c, partitions): (usize, &[Partition])| {
        let mut sums = Sums::new(n_products);
        let n_customers = |i: usize| transactions.customers[c * chunk + i].len();
        let reduce = |(i, lines)| pass.reduce(lines, n_customers(i), &mut sums);
        let parts: Vec<Part> = partitions.iter().enumerate().map(reduce).collect();
        (parts, sums)
    };
    let chunks: Vec<(Vec<Part>, Sums)> = customer_lines.par_chunks(chunk).enumerate().map(reduce_chunk).collect();
    let mut parts = Vec::with_capacity(customer_lines.len());
    let mut sums = Sums::new(n_products);
    for (chunk_parts, chunk_sums) in chunks {
        parts.extend(chunk_parts);
        sums = sums.merge(chunk_sums);
    }
    let anonymous: Vec<Baskets> = anonymous_lines
        .par_iter()
        .map(|lines| pass.anonymous_baskets(lines))
        .collect();
    assemble(transactions, parts, sums, anonymous, first_day, as_of)
}

struct Pass<'a> {
    params: &'a Params,
    as_of: i32,
}

impl Pass<'_> {
    fn reduce(&self, lines: &Partition, n_customers: usize, sums: &mut Sums) -> Part {
        let (mut sorted, ends) = by_customer(lines, n_customers);
        let mut reducer = Reducer::new(self.params.return_window_minutes);
        let mut part = Part::default();
        let mut start = 0;
        for end in ends {
            let end = end as usize;
            let of_customer = &mut sorted[start..end];
            start = end;
            of_customer.sort_unstable_by_key(sort_key);
            let kept = self.drop_duplicates(of_customer, &mut part.dropped, &mut sums.totals);
            let of_customer = &of_customer[..kept];
            for line in of_customer
                .iter()
                .filter(|line| !line.is(IS_RETURN) && line.product != NONE && line.amount > 0)
            {
                sums.product_lines[line.product as usize] += 1;
                sums.product_log_amount[line.product as usize] += ((line.amount as f64).ln() * 1e6).round() as i64;
            }
            let row = reducer.reduce(of_customer, self.as_of, self.params.recent_days, &mut sums.totals);
            let Some(row) = row else {
                sums.returns_only_customers += u64::from(!of_customer.is_empty());
                sums.returned -= of_customer.iter().map(|line| i128::from(line.amount)).sum::<i128>();
                continue;
            };
            sums.gross += row.gross;
            sums.returned += row.returned;
            part.purchases.extend_from_slice(&reducer.purchases);
            part.owned_items.extend_from_slice(&reducer.owned);
            part.owned_ends.push(part.owned_items.len() as u32);
            part.rows.push(row);
            reducer.baskets(of_customer, self.params.non_products, |products| {
                part.baskets.push(products)
            });
        }
        part
    }

    /// Counts neighbours that are equal and, where asked for, moves the later ones behind the returned length.
    fn drop_duplicates(&self, lines: &mut [Line], dropped: &mut Vec<Line>, totals: &mut Totals) -> usize {
        let mut kept = 0;
        for i in 0..lines.len() {
            let twice = kept > 0 && is_duplicate(&lines[kept - 1], &lines[i]);
            if twice {
                totals.duplicate_lines += 1;
                totals.duplicate_amount += i128::from(lines[i].amount);
            }
            if twice && self.params.reject_duplicates {
                dropped.push(lines[i]);
            } else {
                lines.swap(kept, i);
                kept += 1;
            }
        }
        kept
    }

    fn anonymous_baskets(&self, lines: &Partition) -> Baskets {
        let mut sorted: Vec<Line> = lines.iter().filter(|line| line.is(IN_BASKET)).copied().collect();
        sorted.sort_unstable_by_key(|line| line.order);
        let mut reducer = Reducer::default();
        let mut baskets = Baskets::default();
        for order in sorted.chunk_by(|a, b| a.order == b.order) {
            reducer.baskets(order, self.params.non_products, |products| baskets.push(products));
        }
        baskets
    }
}

/// Counting sort by customer code; `ends[c]` is where customer `c` ends.
fn by_customer(lines: &Partition, n_customers: usize) -> (Vec<Line>, Vec<u32>) {
    let mut starts = vec![0u32; n_customers + 1];
    for line in lines.iter() {
        starts[line.customer as usize + 1] += 1;
    }
    for c in 0..n_customers {
        starts[c + 1] += starts[c];
    }
    let mut next = starts.clone();
    let mut sorted = vec![Line::default(); lines.len()];
    for line in lines.iter() {
        let slot = &mut next[line.customer as usize];
        sorted[*slot as usize] = *line;
        *slot += 1;
    }
    starts.remove(0);
    (sorted, starts)
}

fn assemble(
    transactions: &Transactions,
    parts: Vec<Part>,
    sums: Sums,
    anonymous: Vec<Baskets>,
    first_day: Day,
    as_of: Day,
) -> Summarised {
    let id = |partition: usize, code: u32| transactions.customers[partition].get(code as usize);
    let mut order: Vec<(u32, u32)> = Vec::new();
    for (p, part) in parts.iter().enumerate() {
        order.extend((0..part.rows.len() as u32).map(|r| (p as u32, r)));
    }
    let compare = |a: &(u32, u32), b: &(u32, u32)| -> Ordering {
        let key = |(p, r): (u32, u32)| id(p as usize, parts[p as usize].rows[r as usize].code);
        key(*a).cmp(key(*b))
    };
    order.par_sort_unstable_by(compare);

    let mut summary = Summary {
        as_of,
        ..Summary::default()
    };
    let mut rank: Vec<Vec<u32>> = parts.iter().map(|part| vec![0; part.rows.len()]).collect();
    for (position, &(p, r)) in order.iter().enumerate() {
        rank[p as usize][r as usize] = position as u32;
        let row = &parts[p as usize].rows[r as usize];
        push_row(
            &mut summary,
            String::from_utf8_lossy(id(p as usize, row.code)).into_owned(),
            row,
        );
    }

    let purchases = purchases(&parts, &order);
    let mut out = Summarised {
        purchases,
        n_anonymous_baskets: anonymous.iter().map(|b| b.ends.len() as u64).sum(),
        ..Summarised::default()
    };
    for (part, customers) in parts.into_iter().zip(rank) {
        out.baskets.push(part.baskets);
        out.owned.push(OwnedProducts {
            customers,
            ends: part.owned_ends,
            items: part.owned_items,
        });
        out.rejected_duplicates.extend(part.dropped);
    }
    out.baskets.extend(anonymous);
    out.rejected_duplicates
        .sort_unstable_by_key(|line| (line.file, line.row));
    let mean = |(n, logs): (&u64, &i64)| match n {
        0 => 0.0,
        n => (*logs as f64 / 1e6 / *n as f64).exp() / UNITS_PER_ONE as f64,
    };
    out.product_amount = sums
        .product_lines
        .iter()
        .zip(&sums.product_log_amount)
        .map(mean)
        .collect();
    out.first_day = summary.first_day.iter().min().map_or(first_day, |day| Day(*day));
    out.n_returns_only_customers = sums.returns_only_customers;
    out.unmatched_returns = (sums.totals.unmatched_return_lines, sums.totals.unmatched_return_amount);
    out.duplicates = (sums.totals.duplicate_lines, sums.totals.duplicate_amount);
    out.gross = sums.gross;
    out.returned = sums.returned;
    out.warnings = warnings(&summary, &sums, &out);
    out.summary = summary;
    out
}

/// The purchase days of all rows, in the order of the summary.
fn purchases(parts: &[Part], order: &[(u32, u32)]) -> Purchases {
    let ends: Vec<Vec<usize>> = parts
        .iter()
        .map(|part| {
            let ends = part.rows.iter().scan(0, |end, row| {
                *end += row.purchase_days as usize;
                Some(*end)
            });
            ends.collect()
        })
        .collect();
    let mut out = Purchases::default();
    for &(p, r) in order {
        let (part, ends, r) = (&parts[p as usize], &ends[p as usize], r as usize);
        let start = r.checked_sub(1).map_or(0, |before| ends[before]);
        let days = &part.purchases[start..ends[r]];
        out.days.extend(days.iter().map(|(day, _)| day));
        out.amounts.extend(days.iter().map(|(_, amount)| sum_to_f64(*amount)));
        out.ends.push(out.days.len());
    }
    out
}

fn push_row(summary: &mut Summary, id: String, row: &CustomerRow) {
    let x = row.purchase_days.saturating_sub(1);
    let mean = |sum: i128, n: u32| (n > 0).then(|| sum_to_f64(sum) / f64::from(n));
    summary.ids.push(id);
    summary.first_day.push(row.first_day);
    summary.last_day.push(row.last_day);
    summary.orders.push(row.orders);
    summary.purchase_days.push(row.purchase_days);
    summary.products.push(row.products);
    summary.units.push(sum_to_f64(row.units));
    summary.gross_amount.push(sum_to_f64(row.gross));
    summary.returned_amount.push(sum_to_f64(row.returned));
    summary.net_amount.push(sum_to_f64(row.net()));
    summary.net.push(row.net());
    summary.margin_amount.push(row.margin.map(sum_to_f64));
    summary.repeat_days.push(x);
    summary.mean_repeat_amount.push(mean(row.repeat_amount, x));
    summary
        .mean_purchase_amount
        .push(mean(row.purchase_amount, row.purchase_days));
    summary.recent_amount.push(sum_to_f64(row.recent_amount));
    summary.previous_amount.push(sum_to_f64(row.previous_amount));
    summary.group.push((row.group != NO_GROUP).then_some(row.group));
}

fn warnings(summary: &Summary, sums: &Sums, out: &Summarised) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let totals = &sums.totals;
    if totals.unmatched_return_lines > 0 {
        let amount = sum_to_f64(totals.unmatched_return_amount);
        warnings.push(Warning::UnmatchedReturns {
            lines: totals.unmatched_return_lines,
            amount,
        });
    }
    let fully_returned = summary.orders.iter().filter(|n| **n == 0).count() as u64;
    if fully_returned > 0 {
        warnings.push(Warning::FullyReturnedCustomers { n: fully_returned });
    }
    if out.n_returns_only_customers > 0 {
        warnings.push(Warning::ReturnsOnlyCustomers {
            n: out.n_returns_only_customers,
        });
    }
    let mut last_days: Vec<i32> = summary.last_day.clone();
    last_days.sort_unstable();
    last_days.dedup();
    if let [.., before, last] = last_days[..] {
        let span = last - out.first_day.0;
        let gap_days = last - before;
        if gap_days > 60 && gap_days * 4 > span {
            warnings.push(Warning::LastDayIsolated {
                last_day: Day(last).to_string(),
                gap_days,
            });
        }
    }
    warnings
}
