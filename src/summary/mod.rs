//! Clean lines → one row per customer, and the baskets and owned products that pairs and offers are made of.
//!
//! In: [`Transactions`], partitioned by customer. Out: [`Summary`], a struct of vectors sorted by customer id.
//! Cost: one pass over the lines, each partition sorted in cache-sized pieces by one thread without locks;
//! all sums are integers, so that neither threads nor row order show.

mod assemble;
mod customer;
pub mod elsewhere;
mod ids;
mod plain;
mod sets;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::clean::{
    Action, Actions, IN_BASKET, IS_RETURN, Line, N_CUSTOMER_PARTITIONS, NO_GROUP, NONE, Partition, Renumbered, Room,
    Rule, Transactions,
};
use crate::diagnostics::{Problem, Warning};
use crate::load::batch::Strings;
use crate::schema::{Column, Type, column, nullable};
use crate::spill::{Memory, SpillFile};
use crate::units::{Day, MaybeF64, sum_to_f64};

use assemble::assemble;
use customer::{CustomerRow, Reducer, Totals, is_duplicate, sort_key};
pub use ids::Ids;
pub use sets::{Baskets, Kept, OwnedProducts};

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
    pub ids: Ids,
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
    pub margin_amount: Vec<MaybeF64>,
    pub repeat_days: Vec<u32>,
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
    pub baskets: Vec<Kept>,
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
    /// Baskets of two products or more.
    pub n_several_baskets: u64,
    /// Baskets and owned products that were put to disk for want of memory.
    pub spilled_bytes: u64,
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
    anonymous_baskets: u64,
    several_baskets: u64,
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
        self.several_baskets += other.several_baskets;
        let add = |a: &mut Vec<u64>, b: &[u64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut self.product_lines, &other.product_lines);
        self.product_log_amount
            .iter_mut()
            .zip(&other.product_log_amount)
            .for_each(|(a, b)| *a += b);
        self
    }
}

/// What one partition gives. Rows are in the order of the customers' codes.
#[derive(Default)]
struct Part {
    /// Code of the customer of each row.
    codes: Vec<u32>,
    /// The columns of the rows, without ids.
    columns: Summary,
    baskets: Kept,
    /// Owned products of each row.
    owned: Kept,
    /// Purchase days of each row, one after another.
    days: Vec<i32>,
    amounts: Vec<f64>,
    dropped: Vec<Line>,
}

/// What the memory cap put to disk cannot be written or read back.
#[derive(Debug, thiserror::Error)]
#[error("what does not fit the memory cap cannot be put to disk and back: {source}")]
pub struct Error {
    #[from]
    source: std::io::Error,
}

impl Error {
    pub fn hint(&self) -> String {
        "--spill-dir names another folder for temporary files, --memory allows more memory".into()
    }
}

/// Reduces all lines, which are taken. `first_day` is the first day of any kept line, `as_of` the last that counts.
///
/// # Errors
/// What the memory cap puts to disk cannot be written or read back.
pub fn run(params: &Params, transactions: &mut Transactions, first_day: Day, as_of: Day) -> Result<Summarised, Error> {
    let n_products = transactions.products.len();
    let mut customer_lines = std::mem::take(&mut transactions.partitions);
    let anonymous_lines = customer_lines.split_off(N_CUSTOMER_PARTITIONS.min(customer_lines.len()));
    let pass = Pass {
        params,
        as_of: as_of.0,
        codes: &transactions.codes,
        shelf: Shelf::new(&transactions.memory),
    };
    let mut numbered = customer_lines.into_iter().zip(&transactions.customers);
    let chunk = N_CUSTOMER_PARTITIONS.div_ceil(rayon::current_num_threads().max(1) * 4);
    let next_chunk = || Some(numbered.by_ref().take(chunk).collect()).filter(|chunk: &Vec<_>| !chunk.is_empty());
    let chunks: Vec<Vec<_>> = std::iter::from_fn(next_chunk).collect();
    let reduce_chunk = |partitions: Vec<(Partition, &Strings)>| {
        let (mut sums, mut working) = (Sums::new(n_products), Working::new(params));
        let reduce =
            |(lines, customers): (Partition, &Strings)| pass.reduce(lines, customers.len(), &mut working, &mut sums);
        let parts: Vec<Part> = partitions.into_iter().map(reduce).collect::<Result<_, Error>>()?;
        Ok::<_, Error>((parts, sums))
    };
    let reduced: Vec<(Vec<Part>, Sums)> = chunks.into_par_iter().map(reduce_chunk).collect::<Result<_, Error>>()?;
    let mut parts = Vec::with_capacity(N_CUSTOMER_PARTITIONS);
    let mut sums = Sums::new(n_products);
    for (chunk_parts, chunk_sums) in reduced {
        parts.extend(chunk_parts);
        sums = sums.merge(chunk_sums);
    }
    let anonymous: Vec<(Kept, u64, u64)> = anonymous_lines
        .into_par_iter()
        .map(|lines| pass.anonymous_baskets(lines))
        .collect::<Result<_, Error>>()?;
    sums.anonymous_baskets = anonymous.iter().map(|(_, n, _)| n).sum();
    sums.several_baskets += anonymous.iter().map(|(_, _, n)| n).sum::<u64>();
    let anonymous = anonymous.into_iter().map(|(baskets, _, _)| baskets).collect();
    Ok(Summarised {
        spilled_bytes: pass.shelf.spilled.into_inner(),
        ..assemble(transactions, parts, sums, anonymous, first_day, as_of)
    })
}

/// Working memory of a thread, for one partition after another.
struct Working {
    room: Room,
    reducer: Reducer,
    baskets: Baskets,
    owned: Baskets,
    days: Vec<i32>,
    amounts: Vec<f64>,
}

impl Working {
    fn new(params: &Params) -> Self {
        Self {
            room: Room::default(),
            reducer: Reducer::new(params.return_window_minutes),
            baskets: Baskets::default(),
            owned: Baskets::default(),
            days: Vec::new(),
            amounts: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.baskets.clear();
        self.owned.clear();
        self.days.clear();
        self.amounts.clear();
    }
}

struct Pass<'a> {
    params: &'a Params,
    as_of: i32,
    codes: &'a Renumbered,
    shelf: Shelf<'a>,
}

impl Pass<'_> {
    fn reduce(
        &self,
        lines: Partition,
        n_customers: usize,
        working: &mut Working,
        sums: &mut Sums,
    ) -> Result<Part, Error> {
        let Params {
            recent_days,
            non_products,
            reject_duplicates,
            ..
        } = *self.params;
        working.clear();
        let Working {
            room,
            reducer,
            baskets,
            owned,
            days,
            amounts,
        } = working;
        let mut part = Part::with_room(n_customers);
        lines.for_each_customer(n_customers, self.codes, room, |of_customer| {
            let row = if !reject_duplicates && !of_customer.iter().any(|line| line.is(IS_RETURN)) {
                sums.add_prices(of_customer);
                let ahead = (self.as_of, recent_days);
                let push = |products: &[u32]| baskets.push(products);
                reducer.reduce_plain(of_customer, ahead, non_products, &mut sums.totals, push)
            } else {
                of_customer.sort_unstable_by_key(sort_key);
                let kept = self.drop_duplicates(of_customer, &mut part.dropped, &mut sums.totals);
                let of_customer = &of_customer[..kept];
                sums.add_prices(of_customer);
                let Some(row) = reducer.reduce(of_customer, self.as_of, recent_days, &mut sums.totals) else {
                    sums.returns_only_customers += 1;
                    sums.returned -= of_customer.iter().map(|line| i128::from(line.amount)).sum::<i128>();
                    return;
                };
                reducer.baskets(of_customer, non_products, |products| baskets.push(products));
                row
            };
            sums.add_customer(&row);
            part.codes.push(row.code);
            part.columns.push(&row);
            owned.push(&reducer.owned);
            add_purchases(&reducer.purchases, days, amounts);
        })?;
        sums.several_baskets += baskets.n_with_several() as u64;
        (part.baskets, part.owned) = (self.shelf.keep(baskets)?, self.shelf.keep(owned)?);
        (part.days, part.amounts) = (days.clone(), amounts.clone());
        Ok(part)
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

    /// The baskets, their number, and that of baskets of two products or more.
    fn anonymous_baskets(&self, lines: Partition) -> Result<(Kept, u64, u64), Error> {
        let mut sorted = lines.into_lines(self.codes)?;
        sorted.retain(|line| line.is(IN_BASKET));
        sorted.sort_unstable_by_key(|line| line.order);
        let mut reducer = Reducer::default();
        let mut baskets = Baskets::default();
        for order in sorted.chunk_by(|a, b| a.order == b.order) {
            reducer.baskets(order, self.params.non_products, |products| baskets.push(products));
        }
        let (n, n_several) = (baskets.ends.len() as u64, baskets.n_with_several() as u64);
        Ok((self.shelf.keep(&baskets)?, n, n_several))
    }
}

/// Keeps sets in memory as long as the cap allows.
struct Shelf<'a> {
    memory: &'a Memory,
    held: AtomicU64,
    spilled: AtomicU64,
    file: Mutex<Option<Arc<SpillFile>>>,
}

impl<'a> Shelf<'a> {
    fn new(memory: &'a Memory) -> Self {
        Self {
            memory,
            held: AtomicU64::new(0),
            spilled: AtomicU64::new(0),
            file: Mutex::new(None),
        }
    }

    /// A copy without room to spare.
    fn keep(&self, sets: &Baskets) -> Result<Kept, Error> {
        let bytes = sets.bytes();
        if self.held.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.memory.sets_bytes() {
            return Ok(sets.clone().into());
        }
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.spilled.fetch_add(bytes, Ordering::Relaxed);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *file {
            Some(file) => file.clone(),
            none => none.insert(Arc::new(SpillFile::create(self.memory)?)).clone(),
        };
        Ok(Kept::on_disk(sets, &file)?)
    }
}

impl Sums {
    fn add_customer(&mut self, row: &CustomerRow) {
        self.gross += row.gross;
        self.returned += row.returned;
    }

    /// Amounts of sale lines by product.
    fn add_prices(&mut self, lines: &[Line]) {
        for line in lines {
            if !line.is(IS_RETURN) && line.product != NONE && line.amount > 0 {
                self.product_lines[line.product as usize] += 1;
                self.product_log_amount[line.product as usize] += ((line.amount as f64).ln() * 1e6).round() as i64;
            }
        }
    }
}

impl Part {
    fn with_room(n_customers: usize) -> Self {
        let mut part = Self::default();
        part.codes.reserve(n_customers);
        part.columns.reserve(n_customers);
        part
    }
}

/// Adds the purchase days of a customer.
fn add_purchases(purchases: &[(i32, i128)], days: &mut Vec<i32>, amounts: &mut Vec<f64>) {
    days.extend(purchases.iter().map(|(day, _)| *day));
    amounts.extend(purchases.iter().map(|(_, amount)| sum_to_f64(*amount)));
}

impl Summary {
    /// Room for `n` rows, but for their ids.
    fn reserve(&mut self, n: usize) {
        self.first_day.reserve(n);
        self.last_day.reserve(n);
        self.orders.reserve(n);
        self.purchase_days.reserve(n);
        self.products.reserve(n);
        self.units.reserve(n);
        self.gross_amount.reserve(n);
        self.returned_amount.reserve(n);
        self.net_amount.reserve(n);
        self.net.reserve(n);
        self.margin_amount.reserve(n);
        self.repeat_days.reserve(n);
        self.recent_amount.reserve(n);
        self.previous_amount.reserve(n);
        self.group.reserve(n);
    }

    /// Adds a row, but for its id.
    fn push(&mut self, row: &CustomerRow) {
        self.first_day.push(row.first_day);
        self.last_day.push(row.last_day);
        self.orders.push(row.orders);
        self.purchase_days.push(row.purchase_days);
        self.products.push(row.products);
        self.units.push(sum_to_f64(row.units));
        self.gross_amount.push(sum_to_f64(row.gross));
        self.returned_amount.push(sum_to_f64(row.returned));
        self.net_amount.push(sum_to_f64(row.net()));
        self.net.push(row.net());
        self.margin_amount.push(row.margin.map(sum_to_f64).into());
        self.repeat_days.push(row.purchase_days.saturating_sub(1));
        self.recent_amount.push(sum_to_f64(row.recent_amount));
        self.previous_amount.push(sum_to_f64(row.previous_amount));
        self.group.push((row.group != NO_GROUP).then_some(row.group));
    }
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
