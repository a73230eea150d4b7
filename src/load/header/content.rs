//! What the values below a header say about it.

use std::collections::{HashMap, HashSet};

use super::Canonical;
use crate::load::date::looks_like_date;
use crate::load::line_type::LineType;
use crate::load::number::{NumberFormat, parse_scaled};

/// What a sample of a column looks like, in numbers of values. All zero stands for "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnContent {
    /// Values that are not blank.
    pub n_values: usize,
    pub n_distinct: usize,
    /// Written as a date, or a number that can count days or seconds of our times.
    pub n_dates: usize,
    pub n_numbers: usize,
    /// Numbers without a fraction; `17850.0` is one.
    pub n_integers: usize,
    /// Words for a sale or a return, and those for a return among them.
    pub n_line_types: usize,
    pub n_returns: usize,
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
        let values: Vec<&[u8]> = trimmed.filter(|value| !value.is_empty()).collect();
        for &value in &values {
            content.n_values += 1;
            distinct.insert(value);
            content.n_dates += usize::from(looks_like_date(value));
            if let Some(number) = NumberFormat::ALL
                .iter()
                .find_map(|format| parse_scaled(value, *format, DECIMALS).ok())
            {
                content.n_numbers += 1;
                content.n_integers += usize::from(number % ONE == 0);
            }
        }
        content.n_distinct = distinct.len();
        if distinct.len() <= MAX_LINE_TYPES {
            let types: HashMap<&[u8], LineType> = distinct
                .into_iter()
                .filter_map(|value| Some((value, LineType::of(std::str::from_utf8(value).ok()?)?)))
                .collect();
            for line_type in values.iter().filter_map(|value| types.get(value)) {
                content.n_line_types += 1;
                content.n_returns += usize::from(*line_type == LineType::Return);
            }
        }
        content
    }

    pub(super) fn is_known(&self) -> bool {
        0 < self.n_values
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
            Canonical::Amount | Canonical::Quantity | Canonical::UnitPrice | Canonical::Cost | Canonical::Discount => {
                self.mostly(self.n_numbers)
            }
            Canonical::CustomerId | Canonical::OrderId | Canonical::ProductId => {
                let is_date = self.mostly(self.n_dates) && !self.mostly(self.n_numbers);
                !is_date && !self.mostly(self.n_numbers - self.n_integers.min(self.n_numbers))
            }
            Canonical::ProductName | Canonical::Category | Canonical::BusinessLine => true,
            Canonical::Channel | Canonical::Currency => true,
            // A type may be one of customers or payments: the words decide, and a sample without returns may do.
            Canonical::LineType => self.n_values * 9 <= self.n_line_types * 10,
        }
    }

    /// Tie-break: whether the values are what such a column usually holds.
    pub(super) fn suits(&self, canonical: Canonical) -> bool {
        self.is_known()
            && match canonical {
                Canonical::CustomerId => self.n_distinct < self.n_values,
                Canonical::OrderId => self.n_distinct == self.n_values,
                Canonical::Quantity => self.n_integers == self.n_numbers,
                Canonical::Amount | Canonical::UnitPrice | Canonical::Cost => self.n_integers < self.n_numbers,
                Canonical::ProductName => !self.mostly(self.n_numbers),
                Canonical::OrderedAt | Canonical::ProductId | Canonical::Category => false,
                Canonical::BusinessLine | Canonical::Channel | Canonical::Currency => false,
                Canonical::Discount | Canonical::LineType => false,
            }
    }
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
                n_distinct: 5,
                n_dates: 2,
                n_numbers: 4,
                n_integers: 3,
                ..ColumnContent::default()
            }
        );
    }
}
