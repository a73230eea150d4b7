//! The decimal mark of a column, decided on all the values given.

use super::{NumberError, NumberFormat, parse_scaled};
use crate::load::tally::Tally;

/// What the values of a column say about their decimal mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The format to use; if `ambiguous`, the one that is assumed.
    pub format: NumberFormat,
    /// One line for the user, with counts and an example.
    pub evidence: String,
    /// Values such as `1,234` differ a thousandfold between the formats, and nothing in the sample decides.
    pub ambiguous: bool,
    /// Whether any value decided, and not merely nothing spoke against it.
    pub is_decided: bool,
    /// Whether it was decided by what is grouped in thousands and what is not.
    pub is_grouped: bool,
    /// Values that are not blank.
    pub n_checked: usize,
    /// Values among them that `format` refuses.
    pub n_failed: usize,
}

/// Decides between decimal point and comma. Each value that only one format can read is a vote; `1,234` and
/// `1.234` can be read by both and are none. Takes the values one by one, of as many samples or files as there
/// are; its size does not depend on their number.
#[derive(Clone, Debug, Default)]
pub struct NumberDetector {
    n_checked: usize,
    n_neither: usize,
    point: Tally,
    comma: Tally,
    either: Tally,
    /// Those of `either` whose mark is a comma.
    n_either_comma: usize,
    /// Whole numbers without a mark, below a thousand and from a thousand on.
    n_below_thousand: usize,
    n_from_thousand: usize,
}

impl NumberDetector {
    pub fn add(&mut self, value: &[u8]) {
        const DECIMALS: u32 = 6;
        /// Whole numbers of so many digits fit in every format.
        const SHORT: usize = 12;
        if (1..=SHORT).contains(&value.len()) && value.iter().all(u8::is_ascii_digit) {
            self.n_checked += 1;
            if value.len() <= 3 {
                self.n_below_thousand += 1;
            } else {
                self.n_from_thousand += 1;
            }
            return;
        }
        let as_point = parse_scaled(value, NumberFormat::Point, DECIMALS);
        let as_comma = parse_scaled(value, NumberFormat::Comma, DECIMALS);
        if as_point == Err(NumberError::Empty) {
            return;
        }
        self.n_checked += 1;
        match (as_point.is_ok(), as_comma.is_ok()) {
            (true, false) => self.point.add(value),
            (false, true) => self.comma.add(value),
            (true, true) if as_point != as_comma => {
                self.either.add(value);
                self.n_either_comma += usize::from(value.contains(&b','));
            }
            (true, true) => {}
            (false, false) => self.n_neither += 1,
        }
    }

    /// As if the values of `other` had been added after those of `self`.
    pub fn merge(&mut self, other: &Self) {
        self.n_checked += other.n_checked;
        self.n_neither += other.n_neither;
        self.point.merge(&other.point);
        self.comma.merge(&other.comma);
        self.either.merge(&other.either);
        self.n_either_comma += other.n_either_comma;
        self.n_below_thousand += other.n_below_thousand;
        self.n_from_thousand += other.n_from_thousand;
    }

    /// Of one column that nothing else decides: whether all numbers from a thousand on have the mark and all smaller
    /// ones have none. Then it groups thousands; three decimals would stand behind the small ones too.
    pub fn grouped(&self) -> Option<Detection> {
        const ENOUGH: usize = 3;
        let one_mark = self.n_either_comma == 0 || self.n_either_comma == self.either.n;
        let plain = self.point.n + self.comma.n == 0 && self.n_from_thousand == 0;
        if !(one_mark && plain && ENOUGH <= self.either.n.min(self.n_below_thousand)) {
            return None;
        }
        let format = if self.n_either_comma > 0 {
            NumberFormat::Point
        } else {
            NumberFormat::Comma
        };
        let (n, example) = (self.either.n, self.either.example());
        Some(Detection {
            format,
            evidence: format!(
                "{n} values of a thousand or more are grouped, such as {example:?}, and {} smaller ones have no mark",
                self.n_below_thousand
            ),
            ambiguous: false,
            is_decided: true,
            is_grouped: true,
            n_checked: self.n_checked,
            n_failed: self.n_neither,
        })
    }

    pub fn finish(&self) -> Detection {
        let n_checked = self.n_checked;
        let format = if self.point.n < self.comma.n {
            NumberFormat::Comma
        } else {
            NumberFormat::Point
        };
        let (winner, loser) = match format {
            NumberFormat::Point => (&self.point, &self.comma),
            NumberFormat::Comma => (&self.comma, &self.point),
        };
        let ambiguous = (0 < winner.n && winner.n == loser.n) || (winner.n == 0 && 0 < self.either.n);
        let evidence = if self.n_neither == n_checked {
            format!("none of {n_checked} values is a number; decimal {format} is assumed")
        } else if winner.n == 0 && self.either.n == 0 {
            format!("{n_checked} values, none with a decimal mark; decimal {format} is assumed")
        } else if winner.n == 0 {
            let (example, n) = (self.either.example(), self.either.n);
            format!("{n} values such as {example:?} fit decimal point and decimal comma; decimal {format} is assumed")
        } else {
            let (example, n) = (winner.example(), winner.n);
            let mut text =
                format!("{n} of {n_checked} values can only be read with a decimal {format}, such as {example:?}");
            if 0 < loser.n {
                text += &format!("; {} cannot, such as {:?}", loser.n, loser.example());
            }
            text
        };
        Detection {
            format,
            evidence,
            ambiguous,
            is_decided: loser.n < winner.n,
            is_grouped: false,
            n_checked,
            n_failed: self.n_neither + loser.n,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::NumberFormat::{Comma, Point};
    use super::*;

    fn detect(values: &[&str]) -> Detection {
        NumberFormat::detect(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn thousands_are_told_by_the_smaller_numbers_that_have_no_mark() {
        let column = |values: &[&str]| {
            let mut detector = NumberDetector::default();
            values.iter().for_each(|value| detector.add(value.as_bytes()));
            detector.grouped().map(|found| found.format)
        };
        assert_eq!(column(&["2,084", "1,200", "19,800", "980", "500", "35"]), Some(Point));
        assert_eq!(column(&["2.084", "1.200", "19.800", "980", "500", "35"]), Some(Comma));
        assert_eq!(column(&["2,084", "1,200", "19,800", "980", "500", "3500"]), None);
        assert_eq!(column(&["1,459", "1,479", "1,389", "1,399"]), None);
        assert_eq!(column(&["2,084", "1.200", "19,800", "980", "500", "35"]), None);
        assert_eq!(column(&["2,084", "1,200", "19,800", "980", "500", "3,5"]), None);
    }

    #[test]
    fn the_decimal_mark_is_decided_by_values_that_fit_one_format_only() {
        let found = detect(&["1,234", "2,5", "", "7"]);
        assert_eq!(
            (found.format, found.ambiguous, found.n_checked, found.n_failed),
            (Comma, false, 3, 0)
        );
        assert_eq!(
            found.evidence,
            "1 of 3 values can only be read with a decimal comma, such as \"2,5\""
        );
        let found = detect(&["1,234", "0.125", "x"]);
        assert_eq!((found.format, found.ambiguous, found.n_failed), (Point, false, 1));
        let found = detect(&["1.234,5", "2,5", "2.55"]);
        assert_eq!((found.format, found.ambiguous, found.n_failed), (Comma, false, 1));
        assert!(
            found.evidence.ends_with("; 1 cannot, such as \"2.55\""),
            "{}",
            found.evidence
        );
        for (value, format) in [
            ("1,23,456", Point),
            ("12,-", Comma),
            ("12.–", Point),
            ("1.234.567,8", Comma),
        ] {
            assert_eq!(detect(&[value]).format, format, "{value}");
        }
    }

    #[test]
    fn a_thousandfold_doubt_is_reported() {
        for values in [&["1,234", "5"][..], &["1.234"], &["2,5", "2.5"]] {
            let found = detect(values);
            assert_eq!((found.format, found.ambiguous), (Point, true), "{values:?}");
        }
        for values in [&["1", "200"][..], &[], &["abc"]] {
            let found = detect(values);
            assert_eq!((found.format, found.ambiguous), (Point, false), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_say_what_the_whole_says(values in prop::collection::vec("[0-9]{0,14}|[0-9]{1,3}[.,][0-9]{1,3}|[a-z ]{0,3}", 0..40), cut: prop::sample::Index) {
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            let (left, right) = values.split_at(cut.index(values.len() + 1));
            let (mut one, mut two) = (NumberDetector::default(), NumberDetector::default());
            left.iter().for_each(|value| one.add(value));
            right.iter().for_each(|value| two.add(value));
            one.merge(&two);
            prop_assert_eq!(one.finish(), NumberFormat::detect(values));
        }
    }
}
