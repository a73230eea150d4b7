//! Raw lines → clean lines, and rejects with their reasons.
//!
//! In: [`RawBatch`](crate::load::batch::RawBatch)es, from many threads, in any order. Out: [`Transactions`]: integer-coded lines partitioned
//! by customer, the ids behind the codes, and a [`CleanReport`] whose counts add up.
//! Cost: one pass over the lines; rules about ids run once for each distinct id of a block. Memory: 10 to 30
//! bytes a kept line, up to the cap, beyond which lines go to disk; each distinct id once; rejected lines are packed, and
//! go to disk where there are many.

mod cleaner;
pub mod elsewhere;
mod ids;
mod judge;
mod lines;
mod packed;
mod people;
mod profile;
mod rejects;
mod report;
mod rules;
mod store;

use std::collections::BTreeMap;

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use crate::diagnostics::Problem;
use crate::load::header::fold_words;
use crate::load::line_type::LineType;
use crate::schema::{Table, Type, column, nullable};
use crate::spill::Memory;
use crate::units::Day;

pub use cleaner::{Cleaner, Transactions, Worker};
pub use lines::{IN_BASKET, IS_RETURN, Line, NO_COST, NO_GROUP, NON_PRODUCT, NONE, Renumbered, day_of, minute_of};
pub use people::{People, PeopleError};
pub use profile::{ColumnProfile, Profile, Profiler};
pub use rejects::Rejects;
pub use report::{CleanReport, Count, Example, Reject};
pub use rules::{Action, Actions, N_RULES, Rule, rules_to_markdown};
pub use store::{N_CUSTOMER_PARTITIONS, N_PARTITIONS, Partition, Room};

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
    pub test_customer_pattern: String,
    pub sale_types: Vec<String>,
    pub return_types: Vec<String>,
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
    test_customer: Option<Regex>,
    /// The user's own words of a type column, folded.
    line_types: BTreeMap<Vec<String>, LineType>,
    /// Wall-clock seconds since 1970-01-01.
    min_second: i64,
    end_second: i64,
    outlier_factor: f64,
    max_reject_share: f64,
    actions: Actions,
    as_of: Option<Day>,
    anonymous_baskets: bool,
    memory: Memory,
}

impl Config {
    /// `as_of` is the last day that counts; `anonymous_baskets` keeps the baskets of lines without a customer.
    pub fn check(&self, as_of: Option<Day>, anonymous_baskets: bool, problems: &mut Vec<Problem>) -> Option<Params> {
        let before = problems.len();
        let mut pattern = |key: &str, pattern: &str| match pattern {
            "" => None,
            pattern => Regex::new(pattern)
                .map_err(|error| {
                    let why = format!("is not a regular expression: {error}");
                    problems.push(Problem::new(key, pattern, &why, "\"\" switches the rule off"));
                })
                .ok(),
        };
        let non_product = pattern("clean.non_product_pattern", &self.non_product_pattern);
        let test_customer = pattern("clean.test_customer_pattern", &self.test_customer_pattern);
        let mut line_types = BTreeMap::new();
        for (words, line_type) in [
            (&self.sale_types, LineType::Sale),
            (&self.return_types, LineType::Return),
        ] {
            for word in words {
                if line_types
                    .insert(fold_words(word), line_type)
                    .is_some_and(|other| other != line_type)
                {
                    let why = "is a sale and a return";
                    let hint = "leave it in one of clean.sale_types and clean.return_types";
                    problems.push(Problem::new("clean.return_types", word, why, hint));
                }
            }
        }
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
            test_customer,
            line_types,
            min_second: january_first(self.min_year)?,
            end_second: january_first(self.max_year + 1)?,
            outlier_factor: self.outlier_factor,
            max_reject_share: self.max_reject_share,
            actions,
            as_of,
            anonymous_baskets,
            memory: Memory::new(u64::MAX, None),
        })
    }
}

impl Params {
    /// Keeps lines within the cap.
    pub fn hold_within(&mut self, memory: &Memory) {
        self.memory = memory.clone();
    }

    /// Whether a customer id is that of a test.
    pub fn is_test_customer(&self, id: &str) -> bool {
        let test = self.test_customer.as_ref();
        test.is_some_and(|test| test.is_match(id.as_bytes()))
    }

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
    #[error("lines cannot be put to disk: {why}")]
    Spool { why: String },
    #[error("no sale is left: all {returns} kept lines are returns or credits")]
    ReturnsOnly { returns: u64 },
    #[error(
        "the column that customers are grouped by has {n} different values, more than {}",
        NO_GROUP
    )]
    TooManyGroups { n: usize },
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
            Self::Spool { .. } => {
                "is there room in the folder for temporary files? --spill-dir names another, --memory allows more memory"
                    .into()
            }
            Self::TooManyGroups { .. } => "give clv.group_by a coarser column".into(),
            Self::ReturnsOnly { .. } => "is the sign of the amounts turned round?".into(),
        }
    }
}
