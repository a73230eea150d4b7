//! Raw lines → clean lines, and rejects with their reasons.
//!
//! In: [`RawBatch`]es, from many threads, in any order. Out: [`Transactions`]: integer-coded lines partitioned
//! by customer, the ids behind the codes, and a [`CleanReport`] whose counts add up.
//! Cost: one pass over the lines; rules about ids run once for each distinct id of a block. Memory: 56 bytes a
//! kept line, each distinct id once, each rejected line as it stood.

mod lines;
mod rules;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use crate::diagnostics::{Problem, Warning};
use crate::load::batch::{self, IntMap, Interner, MISSING_CODE, RawBatch, Strings, TextColumn, is_value};
use crate::schema::{Table, Type, column, nullable};
use crate::units::{Day, Fixed};

pub use lines::{
    IN_BASKET, IS_RETURN, Line, N_CUSTOMER_PARTITIONS, N_PARTITIONS, NO_COST, NON_PRODUCT, NONE, Partition, minute_of,
};
use lines::{N_ANONYMOUS_PARTITIONS, Store};
pub use rules::{Action, Actions, N_RULES, Rule, rules_to_markdown};

/// The rejected lines.
pub const TABLE: Table = Table {
    name: "rejects",
    doc: "One row per rejected line.",
    sorted_by: &["file", "row"],
    parts: &[&[
        column("file", Type::Str, "source file"),
        column(
            "row",
            Type::U64,
            "line of a text file (the header counts), row of a Parquet file; from 1",
        ),
        column("rule", Type::Str, "the first rule that rejects the line"),
        nullable("amount", Type::F64, "money on the line, null where it cannot be read"),
        nullable("line", Type::Str, "the line as it stood; null for a dropped duplicate"),
    ]],
};

/// Section `[clean]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub returns: Returns,
    pub cancelled_order_prefix: String,
    pub product_case: ProductCase,
    pub non_product_pattern: String,
    pub min_year: i32,
    pub max_year: i32,
    pub outlier_factor: f64,
    pub max_reject_share: f64,
    pub rules: BTreeMap<Rule, Action>,
}

/// What becomes of returns and cancelled orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returns {
    /// Deducted from what the customer brought; an order of which everything came back is no purchase.
    Net,
    /// Rejected: sales alone are looked at.
    Ignore,
}

/// Whether product ids that differ in case are the same product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductCase {
    Keep,
    Upper,
}

/// Checked settings; only made by [`Config::check`].
#[derive(Clone, Debug)]
pub struct Params {
    returns: Returns,
    cancelled_order_prefix: Vec<u8>,
    product_case: ProductCase,
    non_product: Option<Regex>,
    /// Wall-clock seconds since 1970-01-01.
    min_second: i64,
    end_second: i64,
    outlier_factor: f64,
    max_reject_share: f64,
    actions: Actions,
    as_of: Option<Day>,
    anonymous_baskets: bool,
}

impl Config {
    /// `as_of` is the last day that counts; `anonymous_baskets` keeps the baskets of lines without a customer.
    pub fn check(&self, as_of: Option<Day>, anonymous_baskets: bool, problems: &mut Vec<Problem>) -> Option<Params> {
        let before = problems.len();
        let non_product = match self.non_product_pattern.as_str() {
            "" => None,
            pattern => Regex::new(pattern)
                .map_err(|error| {
                    let why = format!("is not a regular expression: {error}");
                    problems.push(Problem::new(
                        "clean.non_product_pattern",
                        pattern,
                        &why,
                        "\"\" switches the rule off",
                    ));
                })
                .ok(),
        };
        let january_first =
            |year| chrono::NaiveDate::from_ymd_opt(year, 1, 1).map(|d| i64::from(Day::from_date(d).0) * 86_400);
        if !(1900..=2200).contains(&self.min_year) || !(self.min_year..=2200).contains(&self.max_year) {
            let value = format!("{} / {}", self.min_year, self.max_year);
            problems.push(Problem::new(
                "clean.min_year, clean.max_year",
                value,
                "must be years from 1900 to 2200, the smaller first",
                "the defaults 1970 and 2100 fit most data",
            ));
        }
        if !(self.outlier_factor.is_finite() && 1.0 <= self.outlier_factor) {
            problems.push(Problem::new(
                "clean.outlier_factor",
                self.outlier_factor,
                "must be 1 or more",
                "the default is 50",
            ));
        }
        if !(self.max_reject_share.is_finite() && (0.0..=1.0).contains(&self.max_reject_share)) {
            problems.push(Problem::new(
                "clean.max_reject_share",
                self.max_reject_share,
                "must be a share from 0 to 1",
                "1 switches the gate off",
            ));
        }
        let actions = Actions::check(&self.rules, problems);
        if problems.len() > before {
            return None;
        }
        Some(Params {
            returns: self.returns,
            cancelled_order_prefix: self.cancelled_order_prefix.to_ascii_uppercase().into_bytes(),
            product_case: self.product_case,
            non_product,
            min_second: january_first(self.min_year)?,
            end_second: january_first(self.max_year + 1)?,
            outlier_factor: self.outlier_factor,
            max_reject_share: self.max_reject_share,
            actions,
            as_of,
            anonymous_baskets,
        })
    }
}

impl Params {
    /// The rules that reject, as a set of [`Rule::bit`]s.
    fn rejecting(&self) -> u32 {
        match self.returns {
            Returns::Net => self.actions.rejecting(),
            Returns::Ignore => self.actions.rejecting() | Rule::ReturnLine.bit() | Rule::CancelledOrder.bit(),
        }
    }
}

/// The data is too bad to go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("no line is left of {read}: {}", main_rules(by_rule))]
    NothingLeft {
        read: u64,
        by_rule: Vec<(&'static str, u64)>,
    },
    #[error(
        "{rejected} of {read} lines were rejected, more than clean.max_reject_share = {limit}: {}",
        main_rules(by_rule)
    )]
    TooManyRejects {
        read: u64,
        rejected: u64,
        limit: f64,
        by_rule: Vec<(&'static str, u64)>,
    },
    #[error("no sale is left: all {returns} kept lines are returns or credits")]
    ReturnsOnly { returns: u64 },
}

fn main_rules(by_rule: &[(&'static str, u64)]) -> String {
    by_rule
        .iter()
        .take(3)
        .map(|(rule, n)| format!("{n} by {rule}"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Error {
    pub fn hint(&self) -> String {
        match self {
            Self::NothingLeft { by_rule, .. } => match by_rule.first() {
                Some(("missing_date" | "bad_date" | "date_out_of_range", _)) => {
                    "is ordered_at the right column and format? See --map ordered_at=HEADER and --date-format".into()
                }
                Some(("missing_amount" | "bad_amount", _)) => {
                    "is the amount the right column? See --map amount=HEADER and --decimal".into()
                }
                Some(("missing_customer", _)) => "is customer_id the right column? See --map customer_id=HEADER".into(),
                Some(("after_as_of", _)) => "every line is later than --as-of; choose a later day".into(),
                _ => "run `quintile check` on the same input to see what each rule found".into(),
            },
            Self::TooManyRejects { .. } => {
                "run `quintile check` on the same input; if the rejects are right, raise --set clean.max_reject_share"
                    .into()
            }
            Self::ReturnsOnly { .. } => "is the sign of the amounts turned round?".into(),
        }
    }
}

/// How often a rule matched and what money stood on those lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub rows: u64,
    pub amount: i128,
}

impl Count {
    fn add(&mut self, amount: Option<Fixed>) {
        self.rows += 1;
        self.amount += i128::from(amount.unwrap_or_default().0);
    }

    fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.amount += other.amount;
    }
}

/// A rejected line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub file: u32,
    pub row: u64,
    pub rule: Rule,
    pub amount: Option<Fixed>,
    pub line: Option<String>,
}

/// What cleaning did. `read = kept + rejected`, by count and by money.
#[derive(Clone, Debug, Default)]
pub struct CleanReport {
    pub read: Count,
    pub kept: Count,
    pub rejected: Count,
    /// First rejecting rule of each line: a partition of `rejected`.
    pub rejected_by_rule: [Count; N_RULES],
    /// Every rule that matched, kept or rejected: these overlap.
    pub matched_by_rule: [Count; N_RULES],
    pub rejects: Vec<Reject>,
    pub rows_by_file: Vec<u64>,
    pub currencies: Vec<String>,
    pub first_day: Option<Day>,
    pub last_day: Option<Day>,
    kept_returns: u64,
    outlier_threshold: f64,
    products_differing_in_case: (u64, String),
}

impl CleanReport {
    /// Files a kept line under a rule that rejects it after all.
    pub fn reject_kept(&mut self, rule: Rule, line: &Line) {
        let amount = Some(Fixed(line.amount));
        let count = Count {
            rows: 1,
            amount: i128::from(line.amount),
        };
        self.kept.rows -= 1;
        self.kept.amount -= count.amount;
        self.rejected.merge(count);
        self.rejected_by_rule[rule as usize].merge(count);
        self.rejects.push(Reject {
            file: u32::from(line.file),
            row: line.row,
            rule,
            amount,
            line: None,
        });
    }

    /// The rejecting rules that met at least one line, most lines first.
    pub fn by_rule(&self) -> Vec<(&'static str, u64)> {
        let mut by_rule: Vec<_> = Rule::ALL
            .iter()
            .map(|rule| (rule.id(), self.rejected_by_rule[*rule as usize].rows))
            .filter(|(_, rows)| *rows > 0)
            .collect();
        by_rule.sort_by_key(|(id, rows)| (std::cmp::Reverse(*rows), *id));
        by_rule
    }

    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.currencies.len() > 1 {
            warnings.push(Warning::MixedCurrencies {
                currencies: self.currencies.clone(),
            });
        }
        let share = self.rejected.rows as f64 / self.read.rows.max(1) as f64;
        if let Some((main_rule, _)) = self.by_rule().first()
            && 0.1 < share
        {
            warnings.push(Warning::ManyRejects { share, main_rule });
        }
        let outliers = self.matched_by_rule[Rule::Outlier as usize];
        if outliers.rows > 0 {
            warnings.push(Warning::Outliers {
                lines: outliers.rows,
                threshold: self.outlier_threshold,
            });
        }
        let (n, example) = &self.products_differing_in_case;
        if *n > 0 {
            warnings.push(Warning::ProductsDifferInCase {
                n: *n,
                example: example.clone(),
            });
        }
        warnings
    }
}

/// Clean lines and the ids behind their codes.
pub struct Transactions {
    /// [`N_CUSTOMER_PARTITIONS`] partitions of customers, then those of anonymous baskets.
    pub partitions: Vec<Partition>,
    /// Customer ids of each customer partition, by code.
    pub customers: Vec<Strings>,
    /// Product ids in byte order; a line's product code is the position.
    pub products: Vec<String>,
    /// The most frequent name of each product, if any.
    pub product_names: Vec<Option<String>>,
    pub report: CleanReport,
}

/// Cleans batches from many threads into one store.
pub struct Cleaner<'a> {
    params: &'a Params,
    rejecting: u32,
    store: Store,
    customers: Vec<Mutex<Interner>>,
    shared: Mutex<Shared>,
    /// Rules counted over all lines, and everything else that is summed.
    report: Mutex<(CleanReport, Histogram)>,
}

/// Ids that all threads share; the codes are in order of arrival until [`Cleaner::finish`] sorts them.
#[derive(Default)]
struct Shared {
    products: Interner,
    names: Interner,
    currencies: Interner,
    /// Lines by (product, name).
    named: IntMap<u64, u64>,
}

/// Lines by size of amount: four buckets an octave.
struct Histogram([Count; 256]);

impl Histogram {
    fn bucket(amount: i64) -> usize {
        let size = amount.unsigned_abs().max(4);
        let octave = size.ilog2();
        (octave as usize * 4) | (size >> (octave - 2)) as usize & 3
    }

    fn lower_edge(bucket: usize) -> f64 {
        (1.0 + (bucket % 4) as f64 / 4.0) * (bucket as f64 / 4.0).floor().exp2()
    }

    /// Lines larger than `factor` times the 99.9th percentile (rounded up to a bucket), and that threshold.
    fn outliers(&self, factor: f64) -> (Count, f64) {
        let rows: u64 = self.0.iter().map(|c| c.rows).sum();
        let mut below = 0;
        let percentile = self.0.iter().position(|c| {
            below += c.rows;
            below as f64 >= 0.999 * rows as f64
        });
        let threshold = factor * Self::lower_edge(percentile.unwrap_or(0) + 1);
        let mut outliers = Count::default();
        for (bucket, count) in self.0.iter().enumerate() {
            if Self::lower_edge(bucket) >= threshold {
                outliers.merge(*count);
            }
        }
        (outliers, threshold / crate::units::UNITS_PER_ONE as f64)
    }
}

/// What the ids of one batch mean, one entry for each distinct value.
struct Coded<T> {
    by_code: Vec<T>,
}

impl<T: Copy> Coded<T> {
    fn new(column: &TextColumn, of_value: impl FnMut(&[u8]) -> T) -> Self {
        Self {
            by_code: column.values.iter().map(of_value).collect(),
        }
    }

    fn get(&self, column: &TextColumn, row: usize) -> Option<T> {
        match column.codes[row] {
            MISSING_CODE => None,
            code => Some(self.by_code[code as usize]),
        }
    }
}

#[derive(Clone, Copy)]
struct CustomerKey {
    partition: u16,
    code: u32,
    rules: u32,
}

#[derive(Clone, Copy)]
struct OrderKey {
    hash: u64,
    rules: u32,
}

#[derive(Clone, Copy)]
struct ProductKey {
    code: u32,
    rules: u32,
}

/// `17850.0` as a spreadsheet writes the id `17850`.
fn without_decimal_zeros(id: &[u8]) -> Option<&[u8]> {
    let dot = id.iter().position(|b| *b == b'.')?;
    let (whole, zeros) = (&id[..dot], &id[dot + 1..]);
    let digits = !whole.is_empty() && whole.iter().all(u8::is_ascii_digit);
    (digits && !zeros.is_empty() && zeros.iter().all(|b| *b == b'0')).then_some(whole)
}

/// What people write into a field to say that it is empty.
fn means_missing(id: &[u8]) -> bool {
    const WORDS: [&[u8]; 7] = [b"null", b"nan", b"n/a", b"na", b"none", b"#n/a", b"\\n"];
    WORDS.iter().any(|word| id.eq_ignore_ascii_case(word))
}

impl<'a> Cleaner<'a> {
    pub fn new(params: &'a Params, n_files: usize) -> Self {
        let report = CleanReport {
            rows_by_file: vec![0; n_files],
            ..CleanReport::default()
        };
        Self {
            params,
            rejecting: params.rejecting(),
            store: Store::new(),
            customers: (0..N_CUSTOMER_PARTITIONS).map(|_| Mutex::default()).collect(),
            shared: Mutex::default(),
            report: Mutex::new((report, Histogram([Count::default(); 256]))),
        }
    }

    /// Judges every row of a batch. Called from many threads; the result does not depend on their order.
    pub fn add(&self, batch: &RawBatch) {
        let keys = BatchKeys {
            customers: Coded::new(&batch.customer, |id| self.customer_key(id)),
            orders: batch
                .order
                .as_ref()
                .map(|column| Coded::new(column, |id| self.order_key(id))),
            products: batch.product.as_ref().map(|column| self.product_keys(column)),
            names: batch
                .product_name
                .as_ref()
                .map(|column| Coded::new(column, |name| self.is_non_product(name))),
        };
        self.count_names(batch, &keys);
        let mut lines = Vec::with_capacity(batch.n_rows);
        let mut report = CleanReport::default();
        let mut histogram = Histogram([Count::default(); 256]);
        let mut ragged = batch.ragged.iter().peekable();
        for row in 0..batch.n_rows {
            let is_ragged = ragged.next_if(|r| **r as usize == row).is_some();
            let judged = self.judge(batch, &keys, row, is_ragged);
            report.read.add(judged.amount);
            let mut matched = judged.matched;
            while matched != 0 {
                report.matched_by_rule[matched.trailing_zeros() as usize].add(judged.amount);
                matched &= matched - 1;
            }
            let rejecting = judged.matched & self.rejecting;
            if rejecting == 0 {
                report.kept.add(judged.amount);
                report.kept_returns += u64::from(judged.line.is(IS_RETURN));
                histogram.0[Histogram::bucket(judged.line.amount)].add(judged.amount);
                let day = Day(judged.line.day());
                report.first_day = Some(report.first_day.map_or(day, |d| d.min(day)));
                report.last_day = Some(report.last_day.map_or(day, |d| d.max(day)));
                lines.push((judged.partition, judged.line));
                continue;
            }
            let rule = Rule::ALL[rejecting.trailing_zeros() as usize];
            report.rejected.add(judged.amount);
            report.rejected_by_rule[rule as usize].add(judged.amount);
            report.rejects.push(Reject {
                file: batch.file,
                row: batch.raw.number(row),
                rule,
                amount: judged.amount,
                line: Some(batch.raw.text(row)),
            });
            let only_customer_missing = rejecting == Rule::MissingCustomer.bit();
            let order_known = batch.order.is_some() && judged.matched & Rule::MissingOrder.bit() == 0;
            if only_customer_missing && order_known && self.params.anonymous_baskets && judged.line.is(IN_BASKET) {
                let partition = N_CUSTOMER_PARTITIONS + judged.line.order as usize % N_ANONYMOUS_PARTITIONS;
                lines.push((
                    partition as u16,
                    Line {
                        customer: NONE,
                        ..judged.line
                    },
                ));
            }
        }
        self.store.scatter(&lines);
        self.merge(batch, report, &histogram);
    }

    fn judge(&self, batch: &RawBatch, keys: &BatchKeys, row: usize, is_ragged: bool) -> Judged {
        let mut matched = if is_ragged { Rule::RaggedRow.bit() } else { 0 };
        let mut line = Line {
            product: NONE,
            cost: NO_COST,
            row: batch.raw.number(row),
            ..Line::default()
        };
        line.file = batch.file as u16;

        let customer = keys.customers.get(&batch.customer, row);
        matched |= customer.map_or(Rule::MissingCustomer.bit(), |key| key.rules);
        line.customer = customer.map_or(NONE, |key| key.code);

        let second = batch.ordered_at[row];
        matched |= self.judge_time(second);
        line.minute = if is_value(second) {
            minute_of(second).unwrap_or(0)
        } else {
            0
        };

        line.order = match (&batch.order, &keys.orders) {
            (Some(column), Some(orders)) => match orders.get(column, row) {
                Some(key) => {
                    matched |= key.rules;
                    key.hash
                }
                None => {
                    matched |= Rule::MissingOrder.bit();
                    u64::from(line.minute)
                }
            },
            // Without order ids, a file of items has one order a day, a file without products one order a line.
            _ if batch.product.is_some() => line.day() as u64,
            _ => line.row << 16 | u64::from(line.file),
        };
        if let (Some(column), Some(products)) = (&batch.product, &keys.products)
            && let Some(key) = products.get(column, row)
        {
            matched |= key.rules;
            line.product = key.code;
        }
        if let (Some(column), Some(names)) = (&batch.product_name, &keys.names)
            && names.get(column, row) == Some(true)
        {
            matched |= Rule::NonProduct.bit();
        }
        let amount = self.judge_money(batch, row, &mut line, &mut matched);
        if matched & Rule::NonProduct.bit() != 0 {
            line.flags |= NON_PRODUCT;
        }
        Judged {
            matched,
            amount,
            partition: customer.map_or(0, |key| key.partition),
            line,
        }
    }

    fn judge_time(&self, second: i64) -> u32 {
        match second {
            batch::MISSING => Rule::MissingDate.bit(),
            batch::BAD | batch::OVERFLOW => Rule::BadDate.bit(),
            _ if !(self.params.min_second..self.params.end_second).contains(&second) => Rule::DateOutOfRange.bit(),
            _ if self
                .params
                .as_of
                .is_some_and(|day| second.div_euclid(86_400) > i64::from(day.0)) =>
            {
                Rule::AfterAsOf.bit()
            }
            _ => 0,
        }
    }

    /// Fills in quantity, amount, cost and the sign flags; `None` where the line's money cannot be read.
    fn judge_money(&self, batch: &RawBatch, row: usize, line: &mut Line, matched: &mut u32) -> Option<Fixed> {
        let number = |column: &Option<Vec<i64>>| column.as_ref().map(|numbers| numbers[row]);
        let mut readable = |number: Option<i64>| match number {
            Some(batch::MISSING) => {
                *matched |= Rule::MissingAmount.bit();
                None
            }
            Some(batch::BAD | batch::OVERFLOW) => {
                *matched |= Rule::BadAmount.bit();
                None
            }
            number => number,
        };
        let quantity = readable(number(&batch.quantity));
        let unit_price = if batch.amount.is_none() {
            readable(number(&batch.unit_price))
        } else {
            None
        };
        let amount = match &batch.amount {
            Some(_) => readable(number(&batch.amount)).map(Fixed),
            None => quantity.zip(unit_price).and_then(|(quantity, price)| {
                let product = Fixed::quantity_times_price(Fixed(quantity), price);
                if product.is_none() {
                    *matched |= Rule::BadAmount.bit();
                }
                product
            }),
        };
        let known_amount = amount?;
        let has_quantity = batch.quantity.is_some();
        let pieces = quantity.unwrap_or(0);
        line.quantity = pieces;
        line.amount = known_amount.0;
        let cancelled = *matched & Rule::CancelledOrder.bit() != 0;
        let rules = [
            (Rule::NegativePrice, unit_price.is_some_and(|price| price < 0)),
            (Rule::ZeroPrice, unit_price == Some(0)),
            (Rule::ZeroAmount, batch.amount.is_some() && known_amount.0 == 0),
            (Rule::ZeroQuantity, has_quantity && pieces == 0 && known_amount.0 == 0),
            (
                Rule::SignConflict,
                (batch.amount.is_some() && pieces.signum() * known_amount.0.signum() < 0)
                    || (cancelled && (pieces > 0 || known_amount.0 > 0)),
            ),
            (Rule::ReturnLine, pieces < 0 || known_amount.0 < 0),
        ];
        for (rule, matches) in rules {
            *matched |= if matches { rule.bit() } else { 0 };
        }
        if cancelled || pieces < 0 || known_amount.0 < 0 {
            line.flags |= IS_RETURN;
        }
        let is_sale = if has_quantity { pieces > 0 } else { known_amount.0 > 0 };
        if is_sale && !cancelled && line.product != NONE {
            line.flags |= IN_BASKET;
        }
        // A cost beside a unit price is the cost of a piece; otherwise it is the cost of the line.
        if let Some(cost) = number(&batch.cost).filter(|cost| is_value(*cost)) {
            let pieces = if batch.unit_price.is_some() {
                pieces
            } else {
                crate::units::UNITS_PER_ONE
            };
            line.cost = Fixed::quantity_times_price(Fixed(pieces), cost).map_or(NO_COST, |cost| cost.0);
        }
        Some(known_amount)
    }

    fn fixed_id<'b>(&self, id: &'b [u8]) -> (&'b [u8], u32) {
        match without_decimal_zeros(id) {
            Some(whole) if self.params.actions.of(Rule::SpreadsheetId) == Action::Fix => {
                (whole, Rule::SpreadsheetId.bit())
            }
            _ if std::str::from_utf8(id).is_err() => (id, Rule::BadEncoding.bit()),
            _ => (id, 0),
        }
    }

    fn customer_key(&self, id: &[u8]) -> CustomerKey {
        let (id, rules) = self.fixed_id(id);
        if means_missing(id) {
            return CustomerKey {
                partition: 0,
                code: NONE,
                rules: Rule::MissingCustomer.bit(),
            };
        }
        if rules & self.rejecting != 0 {
            return CustomerKey {
                partition: 0,
                code: NONE,
                rules,
            };
        }
        let hash = batch::hash(id);
        let partition = (hash >> 56) as usize;
        let code = lock(&self.customers[partition]).intern_hashed(id, hash);
        CustomerKey {
            partition: partition as u16,
            code,
            rules,
        }
    }

    fn order_key(&self, id: &[u8]) -> OrderKey {
        let (id, rules) = self.fixed_id(id);
        let prefix = &self.params.cancelled_order_prefix;
        // `C536379` is the cancellation of an order; `CASH1` and `customer-7` are ordinary ids.
        let cancelled = !prefix.is_empty()
            && id.len() > prefix.len()
            && id[..prefix.len()].eq_ignore_ascii_case(prefix)
            && id[prefix.len()..].iter().all(u8::is_ascii_digit);
        OrderKey {
            hash: batch::hash(id),
            rules: rules | if cancelled { Rule::CancelledOrder.bit() } else { 0 },
        }
    }

    fn product_keys(&self, column: &TextColumn) -> Coded<ProductKey> {
        let mut shared = lock(&self.shared);
        Coded::new(column, |id| {
            let (id, mut rules) = self.fixed_id(id);
            if means_missing(id) || rules & self.rejecting != 0 {
                return ProductKey { code: NONE, rules };
            }
            if self.is_non_product(id) {
                rules |= Rule::NonProduct.bit();
            }
            let code = match self.params.product_case {
                ProductCase::Keep => shared.products.intern(id),
                ProductCase::Upper => shared
                    .products
                    .intern(String::from_utf8_lossy(id).to_uppercase().as_bytes()),
            };
            ProductKey { code, rules }
        })
    }

    fn is_non_product(&self, text: &[u8]) -> bool {
        self.params
            .non_product
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(text))
    }

    /// Counts lines by product and name, so that the most frequent name can be chosen, and notes currencies.
    fn count_names(&self, batch: &RawBatch, keys: &BatchKeys) {
        if let Some(column) = &batch.currency {
            let mut shared = lock(&self.shared);
            for value in column.values.iter() {
                shared.currencies.intern(value);
            }
        }
        let (Some(products), Some(names), Some(product_keys)) = (&batch.product, &batch.product_name, &keys.products)
        else {
            return;
        };
        let mut counts: IntMap<u64, u64> = IntMap::default();
        for row in 0..batch.n_rows {
            if let Some(key) = product_keys.get(products, row)
                && key.code != NONE
                && names.codes[row] != MISSING_CODE
            {
                *counts
                    .entry(u64::from(key.code) << 32 | u64::from(names.codes[row]))
                    .or_default() += 1;
            }
        }
        let mut shared = lock(&self.shared);
        let of_batch: Vec<u32> = names.values.iter().map(|name| shared.names.intern(name)).collect();
        for (pair, n) in counts {
            let name = u64::from(of_batch[(pair & u64::from(u32::MAX)) as usize]);
            *shared.named.entry(pair >> 32 << 32 | name).or_default() += n;
        }
    }

    fn merge(&self, batch: &RawBatch, part: CleanReport, part_histogram: &Histogram) {
        let mut guard = lock(&self.report);
        let (report, histogram) = &mut *guard;
        report.rows_by_file[batch.file as usize] += batch.n_rows as u64;
        report.read.merge(part.read);
        report.kept.merge(part.kept);
        report.rejected.merge(part.rejected);
        for rule in 0..N_RULES {
            report.rejected_by_rule[rule].merge(part.rejected_by_rule[rule]);
            report.matched_by_rule[rule].merge(part.matched_by_rule[rule]);
        }
        for (sum, bucket) in histogram.0.iter_mut().zip(&part_histogram.0) {
            sum.merge(*bucket);
        }
        report.rejects.extend(part.rejects);
        report.kept_returns += part.kept_returns;
        report.first_day = [report.first_day, part.first_day].into_iter().flatten().min();
        report.last_day = [report.last_day, part.last_day].into_iter().flatten().max();
    }

    /// Sorts the product codes by id and checks that enough is left.
    pub fn finish(self) -> Result<Transactions, (Error, CleanReport)> {
        let (mut report, histogram) = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.rejects.sort_by_key(|reject| (reject.file, reject.row));
        let (outliers, threshold) = histogram.outliers(self.params.outlier_factor);
        report.matched_by_rule[Rule::Outlier as usize] = outliers;
        report.outlier_threshold = threshold;
        let shared = self.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.currencies = sorted(shared.currencies.strings());
        if let Err(error) = enough(&report, self.params.max_reject_share) {
            return Err((error, report));
        }
        let products = sorted(shared.products.strings());
        let new_codes = positions(shared.products.strings());
        report.products_differing_in_case = differing_in_case(&products);
        let product_names = most_frequent_names(&shared, &new_codes);
        let open = |interner: Mutex<Interner>| {
            interner
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .into_strings()
        };
        let mut partitions = self.store.into_partitions();
        for line in partitions
            .iter_mut()
            .flat_map(Partition::iter_mut)
            .filter(|line| line.product != NONE)
        {
            line.product = new_codes[line.product as usize];
        }
        Ok(Transactions {
            partitions,
            customers: self.customers.into_iter().map(open).collect(),
            products,
            product_names,
            report,
        })
    }
}

struct BatchKeys {
    customers: Coded<CustomerKey>,
    orders: Option<Coded<OrderKey>>,
    products: Option<Coded<ProductKey>>,
    names: Option<Coded<bool>>,
}

struct Judged {
    matched: u32,
    amount: Option<Fixed>,
    partition: u16,
    line: Line,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn enough(report: &CleanReport, max_reject_share: f64) -> Result<(), Error> {
    let (read, rejected) = (report.read.rows, report.rejected.rows);
    if report.kept.rows == 0 {
        return Err(Error::NothingLeft {
            read,
            by_rule: report.by_rule(),
        });
    }
    if report.kept_returns == report.kept.rows {
        return Err(Error::ReturnsOnly {
            returns: report.kept_returns,
        });
    }
    if rejected as f64 > max_reject_share * read as f64 {
        return Err(Error::TooManyRejects {
            read,
            rejected,
            limit: max_reject_share,
            by_rule: report.by_rule(),
        });
    }
    Ok(())
}

fn sorted(strings: &Strings) -> Vec<String> {
    let mut texts: Vec<String> = (0..strings.len()).map(|i| strings.text(i).into_owned()).collect();
    texts.sort_unstable();
    texts
}

/// Position in byte order of each string, by its code.
fn positions(strings: &Strings) -> Vec<u32> {
    let mut order: Vec<u32> = (0..strings.len() as u32).collect();
    order.sort_unstable_by_key(|&i| strings.get(i as usize));
    let mut positions = vec![0; order.len()];
    for (position, &code) in order.iter().enumerate() {
        positions[code as usize] = position as u32;
    }
    positions
}

fn differing_in_case(sorted_ids: &[String]) -> (u64, String) {
    let mut folded: Vec<(String, &str)> = sorted_ids.iter().map(|id| (id.to_uppercase(), id.as_str())).collect();
    folded.sort_unstable();
    let twins: Vec<_> = folded.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
    let example = twins
        .first()
        .map(|pair| format!("{} and {}", pair[0].1, pair[1].1))
        .unwrap_or_default();
    (twins.len() as u64, example)
}

fn most_frequent_names(shared: &Shared, new_codes: &[u32]) -> Vec<Option<String>> {
    let mut best: Vec<Option<(u64, &[u8])>> = vec![None; new_codes.len()];
    for (&pair, &n) in &shared.named {
        let product = new_codes[(pair >> 32) as usize] as usize;
        let name = shared.names.strings().get((pair & u64::from(u32::MAX)) as usize);
        let better = best[product].is_none_or(|(m, other)| n > m || (n == m && name < other));
        if better {
            best[product] = Some((n, name));
        }
    }
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    best.into_iter()
        .map(|entry| entry.map(|(_, name)| text(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreadsheet_ids_lose_only_a_zero_fraction() {
        assert_eq!(without_decimal_zeros(b"17850.0"), Some(&b"17850"[..]));
        assert_eq!(without_decimal_zeros(b"17850.5"), None);
        assert_eq!(without_decimal_zeros(b"1.0.0"), None);
        assert_eq!(without_decimal_zeros(b".0"), None);
    }

    #[test]
    fn outliers_are_counted_beyond_the_stated_threshold() {
        let mut histogram = Histogram([Count::default(); 256]);
        for _ in 0..5_000 {
            histogram.0[Histogram::bucket(100_000)].add(Some(Fixed(100_000)));
        }
        histogram.0[Histogram::bucket(1_684_696_000)].add(Some(Fixed(1_684_696_000)));
        let (outliers, threshold) = histogram.outliers(50.0);
        assert_eq!(
            outliers,
            Count {
                rows: 1,
                amount: 1_684_696_000
            }
        );
        assert!((500.0..700.0).contains(&threshold), "{threshold}");
    }

    #[test]
    fn buckets_ascend_with_the_amount() {
        let buckets: Vec<_> = [0, 1, 4, 5, 100, 10_000, -10_000, i64::MAX]
            .map(Histogram::bucket)
            .to_vec();
        assert_eq!(buckets[0], buckets[1]);
        assert_eq!(buckets[5], buckets[6]);
        assert!(buckets[5] < buckets[7] && buckets[7] < 256);
        assert!(Histogram::lower_edge(Histogram::bucket(10_000)) <= 10_000.0);
    }
}
