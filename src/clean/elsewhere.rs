//! Cleaning of lines that are somewhere else.
//!
//! What a value means is decided here, by the code that decides it for lines that are read here; an engine that holds
//! the lines gets the answers as tables, applies them, and sends back its counts and the lines that it rejected. In:
//! distinct values, [`Found`] counts, rejected lines. Out: [`Transactions`] without lines.

use std::sync::PoisonError;

use super::cleaner::{Cleaner, lock};
use super::ids::{ANONYMOUS, MISSING, positions};
use super::report::Histogram;
use super::{CleanReport, Count, Error, N_RULES, NO_GROUP, NONE, Params, People, Rule, Transactions};
use crate::load::batch::RawBatch;
use crate::load::line_type::LineType;
use crate::units::Day;

/// What an engine needs to know of the settings to judge a line.
pub struct LineRules<'a> {
    /// The rules that reject, as a set of [`Rule::bit`]s.
    pub rejecting: u32,
    /// In ASCII upper case; empty for none.
    pub cancelled_order_prefix: &'a [u8],
    pub test_customer: Option<&'a str>,
    /// Wall-clock seconds since 1970-01-01, `end_second` excluded.
    pub min_second: i64,
    pub end_second: i64,
    pub as_of: Option<Day>,
    pub anonymous_baskets: bool,
}

impl Params {
    pub fn line_rules(&self) -> LineRules<'_> {
        LineRules {
            rejecting: self.rejecting(),
            cancelled_order_prefix: &self.cancelled_order_prefix,
            test_customer: self.test_customer.as_ref().map(regex::bytes::Regex::as_str),
            min_second: self.min_second,
            end_second: self.end_second,
            as_of: self.as_of,
            anonymous_baskets: self.anonymous_baskets,
        }
    }
}

/// Words of printable ASCII, in lower case, that are no id: those for every id, and those for customers alone.
pub fn ascii_words() -> (Vec<&'static str>, Vec<&'static str>) {
    let ascii = |words: &[&'static str]| words.iter().copied().filter(|word| word.is_ascii()).collect();
    (ascii(&MISSING), ascii(&ANONYMOUS))
}

/// Lines that an engine has judged alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// The rules that matched, as a set of [`Rule::bit`]s.
    pub matched: u32,
    /// [`size_class`] of the amounts.
    pub size_class: usize,
    pub count: Count,
    pub returns: u64,
    pub first_day: Option<Day>,
    pub last_day: Option<Day>,
}

/// The class of an amount by size: octaves (the position of the highest bit of the amount or of 4, whichever is
/// larger) in four parts each.
pub fn size_class(amount: i64) -> usize {
    Histogram::bucket(amount)
}

/// The engine and this program judged a line differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster rejects {} lines by {rule}, this program {}: results would not be those of a run on one machine",
    .there.rows,
    .here.rows
)]
pub struct Disagreement {
    pub rule: &'static str,
    pub there: Count,
    pub here: Count,
}

/// Distinct values, judged one by one.
pub struct Values<'a> {
    cleaner: Cleaner<'a>,
    rejected: Cleaner<'a>,
}

impl<'a> Values<'a> {
    pub fn new(params: &'a Params, people: &'a People, n_files: usize) -> Self {
        Self {
            cleaner: Cleaner::new(params, people, n_files),
            rejected: Cleaner::new(params, people, n_files),
        }
    }

    /// The id of the customer behind a value, if there is one, and the rules that match.
    pub fn customer(&self, value: &str) -> (Option<String>, u32) {
        let value = value.trim_ascii();
        if value.is_empty() {
            return (None, Rule::MissingCustomer.bit());
        }
        let key = self.cleaner.customer_key(value.as_bytes());
        let id = (key.code != NONE).then(|| {
            let of_partition = lock(&self.cleaner.customers[key.partition as usize]);
            of_partition.strings().text(key.code as usize).into_owned()
        });
        (id, key.rules)
    }

    /// The hash of an order id and the rules that match; `None` for a value that says that there is none.
    pub fn order(&self, value: &str) -> Option<(u64, u32)> {
        let value = value.trim_ascii();
        let key = (!value.is_empty()).then(|| self.cleaner.order_key(value.as_bytes()))??;
        Some((key.hash, key.rules))
    }

    /// The code of a product, in order of arrival, and the rules that match. The name, if there is one, is counted for
    /// `n` lines.
    pub fn product(&self, value: &str, name: Option<&str>, n: u64) -> (u32, u32) {
        let value = value.trim_ascii();
        if value.is_empty() {
            return (NONE, 0);
        }
        let mut shared = lock(&self.cleaner.shared);
        let key = self.cleaner.product_key(value.as_bytes(), &mut shared);
        let name = name.map(str::trim_ascii).filter(|name| !name.is_empty());
        if let (Some(name), true) = (name, key.code != NONE) {
            let name = shared.names.intern(name.as_bytes());
            *shared
                .named
                .entry(u64::from(key.code) << 32 | u64::from(name))
                .or_default() += n;
        }
        (key.code, key.rules)
    }

    pub fn is_non_product(&self, name: &str) -> bool {
        let name = name.trim_ascii();
        !name.is_empty() && self.cleaner.is_non_product(name.as_bytes())
    }

    /// The code of a group, in order of arrival.
    pub fn group(&self, value: &str) -> u8 {
        match value.trim_ascii() {
            "" => NO_GROUP,
            value => lock(&self.cleaner.shared).group(value.as_bytes()),
        }
    }

    /// What a word says about its line: the rules that match, and whether it is a return.
    pub fn line_type(&self, value: &str) -> (u32, bool) {
        let value = value.trim_ascii();
        if value.is_empty() {
            return (0, false);
        }
        match self.cleaner.line_type(value.as_bytes()) {
            None => (Rule::UnknownType.bit(), false),
            Some(LineType::Other) => (Rule::NoSale.bit(), false),
            Some(found) => (0, found == LineType::Return),
        }
    }

    pub fn currency(&self, value: &str) {
        let value = value.trim_ascii();
        if !value.is_empty() {
            lock(&self.cleaner.shared).currencies.intern(value.as_bytes());
        }
    }

    /// The final codes of the products, by code of arrival. Products come no more after this.
    pub fn product_codes(&self) -> Vec<u32> {
        positions(lock(&self.cleaner.shared).products.strings())
    }

    /// The final codes of the groups, by code of arrival. Groups come no more after this.
    pub fn group_codes(&self) -> Vec<u32> {
        positions(lock(&self.cleaner.shared).groups.strings())
    }

    /// Lines that the engine rejected, ascending in row and of one file.
    pub fn reject(&self, batch: &RawBatch) {
        self.rejected.worker().add(batch);
    }

    /// Puts the counts together and checks that enough is left.
    pub fn finish(
        self,
        found: &[Found],
        rows_by_file: Vec<u64>,
    ) -> Result<Result<Transactions, Box<(Error, CleanReport)>>, Disagreement> {
        let rejecting = self.cleaner.rejecting;
        let (mut report, _) = self
            .rejected
            .report
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut there = [Count::default(); N_RULES];
        for part in found.iter().filter(|part| part.matched & rejecting != 0) {
            there[(part.matched & rejecting).trailing_zeros() as usize].merge(part.count);
        }
        for (rule, (there, here)) in Rule::ALL.iter().zip(there.into_iter().zip(report.rejected_by_rule)) {
            if there != here {
                let rule = rule.id();
                return Err(Disagreement { rule, there, here });
            }
        }
        let mut histogram = Histogram::default();
        for part in found.iter().filter(|part| part.matched & rejecting == 0) {
            report.read.merge(part.count);
            report.kept.merge(part.count);
            report.kept_returns += part.returns;
            for rule in Rule::ALL.into_iter().filter(|rule| part.matched & rule.bit() != 0) {
                report.matched_by_rule[rule as usize].merge(part.count);
            }
            if let Some(bucket) = histogram.0.get_mut(part.size_class) {
                bucket.merge(part.count);
            }
            report.first_day = [report.first_day, part.first_day].into_iter().flatten().min();
            report.last_day = [report.last_day, part.last_day].into_iter().flatten().max();
        }
        report.rows_by_file = rows_by_file;
        *lock(&self.cleaner.report) = (report, histogram);
        Ok(self.cleaner.finish())
    }
}
