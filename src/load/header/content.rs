//! What the values below a header say about it.

use std::collections::{HashMap, HashSet};

use super::Canonical;
use crate::load::date::looks_like_date;
use crate::load::line_type::LineType;
use crate::load::number::{NumberFormat, parse_discount, parse_scaled};

/// What a sample of a column looks like, in numbers of values. All zero stands for "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnContent {
    /// Values that are not blank.
    pub n_values: usize,
    pub n_blank: usize,
    pub n_distinct: usize,
    /// Written as a date, or a number that can count days or seconds of our times.
    pub n_dates: usize,
    pub n_numbers: usize,
    /// Numbers without a fraction; `17850.0` is one.
    pub n_integers: usize,
    /// Numbers with a percent sign; they are not among `n_numbers`.
    pub n_percents: usize,
    /// Numbers that are written with hundredths, even if they are none: `20.00`.
    pub n_cents: usize,
    /// Words for a sale or a return, and those for a return among them.
    pub n_line_types: usize,
    pub n_returns: usize,
    /// Words for a sale, and for a payment, which may be one.
    pub n_sales: usize,
    pub n_payments: usize,
    /// Words among them that stand for nothing but the type of a line: `Regular` may be a customer.
    pub n_telling_types: usize,
    /// A prefix and digits: `#1001`, `SO-1001`, `1001`.
    pub n_numbered: usize,
}

impl ColumnContent {
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a [u8]>) -> Self {
        const DECIMALS: u32 = 4;
        const ONE: i64 = 10_i64.pow(DECIMALS);
        /// A column that marks returns has a handful of different values.
        const MAX_LINE_TYPES: usize = 20;
        let mut content = Self::default();
        let mut distinct = HashSet::new();
        let trimmed = samples.into_iter().map(<[u8]>::trim_ascii);
        let (values, blank): (Vec<&[u8]>, Vec<&[u8]>) = trimmed.partition(|value| !value.is_empty());
        content.n_blank = blank.len();
        for &value in &values {
            content.n_values += 1;
            distinct.insert(value);
            content.n_dates += usize::from(looks_like_date(value));
            content.n_numbered += usize::from(is_numbered(value));
            if let Some(number) = NumberFormat::ALL
                .iter()
                .find_map(|format| parse_scaled(value, *format, DECIMALS).ok())
            {
                content.n_numbers += 1;
                content.n_integers += usize::from(number % ONE == 0);
                content.n_cents += usize::from(has_cents(value));
            } else if value.ends_with(b"%") || value.ends_with("％".as_bytes()) {
                let reads = |format: &NumberFormat| parse_discount(value, *format, DECIMALS).is_ok();
                content.n_percents += usize::from(NumberFormat::ALL.iter().any(reads));
            }
        }
        content.n_distinct = distinct.len();
        if distinct.len() <= MAX_LINE_TYPES {
            let types: HashMap<&[u8], LineType> = distinct
                .into_iter()
                .filter_map(|value| Some((value, LineType::of(std::str::from_utf8(value).ok()?)?)))
                .collect();
            for (value, line_type) in values.iter().filter_map(|value| Some((value, types.get(value)?))) {
                content.n_line_types += 1;
                content.n_returns += usize::from(*line_type == LineType::Return);
                let is_telling = std::str::from_utf8(value).is_ok_and(LineType::is_telling);
                content.n_telling_types += usize::from(is_telling);
                content.n_sales += usize::from(*line_type == LineType::Sale);
                content.n_payments += usize::from(*line_type == LineType::Other && !is_telling);
            }
        }
        content
    }

    pub(super) fn is_known(&self) -> bool {
        0 < self.n_values
    }

    /// Whether rows were seen, and none has a value.
    pub(super) fn is_blank(&self) -> bool {
        self.n_values == 0 && 0 < self.n_blank
    }

    pub(super) fn repeats(&self) -> bool {
        self.n_distinct < self.n_values
    }

    pub(super) fn is_numbered(&self) -> bool {
        self.is_known() && self.n_numbered == self.n_values
    }

    /// Whether the values are dates that are no plain numbers.
    pub(super) fn is_written_date(&self) -> bool {
        self.is_known() && self.n_values * 9 <= self.n_dates * 10 && !self.mostly(self.n_numbers)
    }

    fn mostly(&self, n: usize) -> bool {
        self.n_values < 2 * n
    }

    /// Whether the values can be what the canonical column holds. What is not known can.
    pub(super) fn allows(&self, canonical: Canonical) -> bool {
        if !self.is_known() {
            return true;
        }
        match canonical {
            Canonical::OrderedAt => self.mostly(self.n_dates),
            Canonical::Amount | Canonical::Quantity | Canonical::UnitPrice | Canonical::Cost => {
                self.mostly(self.n_numbers)
            }
            Canonical::Discount => self.mostly(self.n_numbers + self.n_percents),
            Canonical::CustomerId | Canonical::OrderId | Canonical::ProductId => {
                let is_date = self.mostly(self.n_dates) && !self.mostly(self.n_numbers);
                !is_date && !self.mostly(self.n_numbers - self.n_integers.min(self.n_numbers))
            }
            Canonical::ProductName | Canonical::Category | Canonical::BusinessLine => true,
            Canonical::Channel | Canonical::Currency => true,
            // A type may be one of customers or payments: the words decide, and a sample without returns may do.
            Canonical::LineType => {
                let both = 0 < self.n_returns && self.n_returns < self.n_line_types;
                self.n_values * 9 <= self.n_line_types * 10
                    && (0 < self.n_telling_types || both)
                    && (self.n_payments == 0 || 0 < self.n_sales)
            }
        }
    }

    /// Tie-break: whether the values are what such a column usually holds.
    pub(super) fn suits(&self, canonical: Canonical) -> bool {
        self.is_known()
            && match canonical {
                Canonical::CustomerId => self.n_distinct < self.n_values,
                Canonical::OrderId => self.n_distinct == self.n_values,
                Canonical::Quantity => self.n_integers == self.n_numbers,
                Canonical::Amount | Canonical::UnitPrice | Canonical::Cost => 0 < self.n_cents,
                Canonical::ProductName => !self.mostly(self.n_numbers),
                Canonical::OrderedAt | Canonical::ProductId | Canonical::Category => false,
                Canonical::BusinessLine | Canonical::Channel | Canonical::Currency => false,
                Canonical::Discount | Canonical::LineType => false,
            }
    }
}

/// A point or comma among the last digits; not `17850.0`, which programs make of whole numbers.
fn has_cents(value: &[u8]) -> bool {
    let digits = value
        .trim_ascii_end()
        .iter()
        .rev()
        .skip_while(|byte| !byte.is_ascii_digit());
    let fraction: Vec<u8> = digits
        .clone()
        .take_while(|byte| byte.is_ascii_digit())
        .copied()
        .collect();
    let mark = digits.clone().nth(fraction.len());
    matches!(mark, Some(b'.' | b',')) && fraction != [b'0'] && fraction.len() != 3
}

/// `#1001`, `SO-1001`, `INV/2024/0007`: at least three digits in a row at the end, and no blanks.
fn is_numbered(value: &[u8]) -> bool {
    let n_digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    2 < n_digits && !value.iter().any(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_by_what_they_look_like() {
        let values = ["17850.0", "17850.0", "", " 2,5 ", "2011-12-09", "x", "20111209"];
        assert_eq!(
            ColumnContent::of(values.iter().map(|value| value.as_bytes())),
            ColumnContent {
                n_values: 6,
                n_blank: 1,
                n_numbered: 1,
                n_distinct: 5,
                n_dates: 2,
                n_numbers: 4,
                n_integers: 3,
                n_cents: 1,
                ..ColumnContent::default()
            }
        );
    }
}
