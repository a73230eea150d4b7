//! What stands in the columns: nulls, distinct values, smallest and largest, lines of each day and currency.
//!
//! In: [`RawBatch`]es from many threads. Out: a [`Profile`] that does not depend on their order. Memory: 8 bytes for
//! each distinct value, at most [`MAX_DISTINCT`] a column; beyond that the count is a lower bound.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;
use serde::Serialize;

use crate::load::batch::{MISSING, MISSING_CODE, RawBatch, TextColumn, hash, is_value};
use crate::load::header::Canonical;
use crate::load::mapping::NUMBERS;
use crate::units::Day;

/// Distinct values that are counted exactly.
pub const MAX_DISTINCT: usize = 5_000_000;

/// What stands in one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnProfile {
    pub column: Canonical,
    pub rows: u64,
    /// Empty fields.
    pub nulls: u64,
    /// Fields that cannot be read.
    pub unreadable: u64,
    pub distinct: u64,
    /// Whether there are more distinct values than were counted.
    pub distinct_is_lower_bound: bool,
    pub min: Option<String>,
    pub max: Option<String>,
}

/// What stands in the input, before any rule.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    pub columns: Vec<ColumnProfile>,
    /// Lines by day; days without lines are left out.
    pub lines_by_day: BTreeMap<i32, u64>,
    pub lines_by_currency: BTreeMap<String, u64>,
}

/// Takes batches from many threads.
#[derive(Default)]
pub struct Profiler {
    columns: Mutex<BTreeMap<Canonical, Column>>,
    lines_by_day: Mutex<BTreeMap<i32, u64>>,
    lines_by_currency: Mutex<BTreeMap<String, u64>>,
}

#[derive(Default)]
struct Column {
    rows: u64,
    nulls: u64,
    unreadable: u64,
    distinct: HashSet<u64>,
    texts: Option<(Vec<u8>, Vec<u8>)>,
    numbers: Option<(i64, i64)>,
}

fn widen<T: Ord + Clone>(range: &mut Option<(T, T)>, value: &T) {
    match range {
        None => *range = Some((value.clone(), value.clone())),
        Some((min, max)) => {
            if value < &*min {
                min.clone_from(value);
            }
            if &*max < value {
                max.clone_from(value);
            }
        }
    }
}

impl Column {
    fn count(&mut self, hash: u64) {
        if self.distinct.len() < MAX_DISTINCT {
            self.distinct.insert(hash);
        }
    }

    fn add_texts(&mut self, column: &TextColumn) {
        let mut used = vec![false; column.values.len()];
        for &code in &column.codes {
            if code == MISSING_CODE {
                self.nulls += 1;
            } else {
                used[code as usize] = true;
            }
        }
        self.rows += column.codes.len() as u64;
        for (value, _) in column.values.iter().zip(used).filter(|(_, used)| *used) {
            self.count(hash(value));
            // Only a value beyond the range needs a copy.
            if self
                .texts
                .as_ref()
                .is_none_or(|(min, max)| value < min.as_slice() || max.as_slice() < value)
            {
                widen(&mut self.texts, &value.to_vec());
            }
        }
    }

    fn add_numbers(&mut self, numbers: &[i64]) {
        self.rows += numbers.len() as u64;
        let mut previous = MISSING;
        for &number in numbers {
            match number {
                MISSING => self.nulls += 1,
                number if !is_value(number) => self.unreadable += 1,
                number if number == previous => {}
                number => {
                    self.count(number as u64);
                    widen(&mut self.numbers, &number);
                }
            }
            previous = number;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Profiler {
    pub fn add(&self, batch: &RawBatch) {
        let texts = [
            (Canonical::CustomerId, Some(&batch.customer)),
            (Canonical::OrderId, batch.order.as_ref()),
            (Canonical::ProductId, batch.product.as_ref()),
            (Canonical::ProductName, batch.product_name.as_ref()),
            (Canonical::Currency, batch.currency.as_ref()),
            (Canonical::LineType, batch.line_type.as_ref()),
        ];
        let numbers = [
            (Canonical::OrderedAt, Some(&batch.ordered_at)),
            (Canonical::Amount, batch.amount.as_ref()),
            (Canonical::Quantity, batch.quantity.as_ref()),
            (Canonical::UnitPrice, batch.unit_price.as_ref()),
            (Canonical::Discount, batch.discount.as_ref()),
            (Canonical::Cost, batch.cost.as_ref()),
        ];
        let mut columns = lock(&self.columns);
        for (column, values) in texts {
            if let Some(values) = values {
                columns.entry(column).or_default().add_texts(values);
            }
        }
        for (column, values) in numbers {
            if let Some(values) = values {
                columns.entry(column).or_default().add_numbers(values);
            }
        }
        drop(columns);
        let mut days: BTreeMap<i32, u64> = BTreeMap::new();
        for second in batch.ordered_at.iter().filter(|second| is_value(**second)) {
            *days.entry(second.div_euclid(86_400) as i32).or_default() += 1;
        }
        let mut by_day = lock(&self.lines_by_day);
        for (day, n) in days {
            *by_day.entry(day).or_default() += n;
        }
        drop(by_day);
        if let Some(currency) = &batch.currency {
            let mut counts = vec![0_u64; currency.values.len()];
            for &code in currency.codes.iter().filter(|code| **code != MISSING_CODE) {
                counts[code as usize] += 1;
            }
            let mut by_currency = lock(&self.lines_by_currency);
            for (i, n) in counts.into_iter().enumerate().filter(|(_, n)| *n > 0) {
                *by_currency.entry(currency.values.text(i).into_owned()).or_default() += n;
            }
        }
    }

    pub fn finish(self) -> Profile {
        let columns = self.columns.into_inner().unwrap_or_else(PoisonError::into_inner);
        let profile = |(canonical, column): (Canonical, Column)| {
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let decimals = NUMBERS
                .iter()
                .find(|(number, _)| *number == canonical)
                .map(|(_, decimals)| *decimals);
            let number = |value: i64| match decimals {
                Some(decimals) => decimal_text(value, decimals),
                None => moment_text(value),
            };
            let range = match (column.texts, column.numbers) {
                (Some((min, max)), _) => Some((text(min), text(max))),
                (None, Some((min, max))) => Some((number(min), number(max))),
                (None, None) => None,
            };
            let (min, max) = range.unzip();
            ColumnProfile {
                column: canonical,
                rows: column.rows,
                nulls: column.nulls,
                unreadable: column.unreadable,
                distinct: column.distinct.len() as u64,
                distinct_is_lower_bound: column.distinct.len() >= MAX_DISTINCT,
                min,
                max,
            }
        };
        Profile {
            columns: columns.into_iter().map(profile).collect(),
            lines_by_day: self.lines_by_day.into_inner().unwrap_or_else(PoisonError::into_inner),
            lines_by_currency: self
                .lines_by_currency
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// A scaled integer without the zeros at its end.
fn decimal_text(value: i64, decimals: u32) -> String {
    let one = 10_u64.pow(decimals);
    let (whole, part) = (value.unsigned_abs() / one, value.unsigned_abs() % one);
    let sign = if value < 0 { "-" } else { "" };
    let fraction = format!("{part:0width$}", width = decimals as usize);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// Wall-clock seconds as a day and, where there is one, a time of day.
fn moment_text(second: i64) -> String {
    let day = Day(second.div_euclid(86_400) as i32);
    match second.rem_euclid(86_400) {
        0 => day.to_string(),
        time => format!("{day} {:02}:{:02}:{:02}", time / 3_600, time / 60 % 60, time % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::batch::{BAD, RawRows, TextBuilder};
    use crate::load::header::{CostBasis, DiscountBasis};
    use crate::load::mapping::MoneyBasis;

    fn batch(customers: &[&str], amounts: &[i64]) -> RawBatch {
        let mut builder = TextBuilder::default();
        customers.iter().for_each(|customer| builder.push(customer.as_bytes()));
        let basis = MoneyBasis {
            cost: CostBasis::Line,
            discount: DiscountBasis::Line,
        };
        let raw = RawRows::Text {
            bytes: Vec::new(),
            first_line: 1,
            records: Vec::new(),
        };
        let mut batch = RawBatch::new(0, customers.len(), basis, raw);
        batch.customer = builder.finish();
        batch.ordered_at = vec![86_400 * 365; customers.len()];
        batch.amount = Some(amounts.to_vec());
        batch
    }

    #[test]
    fn columns_are_counted_over_all_batches() {
        let profiler = Profiler::default();
        profiler.add(&batch(&["b", "", "a"], &[12_500, MISSING, BAD]));
        profiler.add(&batch(&["b", "c"], &[-20_000, 12_500]));
        let profile = profiler.finish();
        let of = |canonical| {
            profile
                .columns
                .iter()
                .find(|column| column.column == canonical)
                .unwrap()
        };
        let customer = of(Canonical::CustomerId);
        assert_eq!((customer.rows, customer.nulls, customer.distinct), (5, 1, 3));
        assert_eq!(
            (customer.min.as_deref(), customer.max.as_deref()),
            (Some("a"), Some("c"))
        );
        let amount = of(Canonical::Amount);
        assert_eq!((amount.nulls, amount.unreadable, amount.distinct), (1, 1, 2));
        assert_eq!(
            (amount.min.as_deref(), amount.max.as_deref()),
            (Some("-2"), Some("1.25"))
        );
        assert_eq!(of(Canonical::OrderedAt).max.as_deref(), Some("1971-01-01"));
        assert_eq!(profile.lines_by_day, BTreeMap::from([(365, 5)]));
    }
}
