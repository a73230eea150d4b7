//! The format of a column of dates, decided on all the values given.

use thiserror::Error;

use super::{DateFormat, SECONDS_PER_DAY, parse};
use crate::load::tally::Tally;

/// The format of a column, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateDetection {
    pub format: DateFormat,
    /// One line for the user, with counts and an example.
    pub evidence: String,
    /// Values that are not blank.
    pub n_checked: usize,
    /// Values among them that `format` refuses.
    pub n_failed: usize,
    /// The first of those, for a warning: the way of writing may have changed on the way.
    pub failed_example: Option<String>,
}

/// Why no format could be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DateDetectError {
    #[error("no value to tell the date format from")]
    NoValues,
    #[error("only {n_dates} of {n_checked} values are dates in any one format, for example {example:?} is not")]
    NotDates {
        n_checked: usize,
        n_dates: usize,
        example: String,
    },
    #[error("{example:?} and all other {n_checked} values fit both {} and {}", candidates[0], candidates[1])]
    Ambiguous {
        candidates: [DateFormat; 2],
        n_checked: usize,
        example: String,
    },
    #[error("dates are mixed: {first_example:?} can only be {first}, {second_example:?} can only be {second}")]
    Mixed {
        first: DateFormat,
        first_example: String,
        second: DateFormat,
        second_example: String,
    },
}

impl DateDetectError {
    pub fn hint(&self) -> String {
        match self {
            Self::NoValues => "map the column of order dates with `--map ordered_at=HEADER`".to_owned(),
            Self::NotDates { .. } => {
                "map the column of order dates with `--map ordered_at=HEADER`, or set `--date-format`".to_owned()
            }
            Self::Ambiguous { candidates: [a, b], .. } => {
                format!("say which with `--date-format {a}` or `--date-format {b}`")
            }
            Self::Mixed { first, second, .. } => {
                format!(
                    "write all dates in one order, or set `--date-format {first}` or `{second}` and let the rest be rejected"
                )
            }
        }
    }
}

/// What is kept of the values that one format reads and of those that it does not.
#[derive(Clone, Debug, Default)]
struct Fit {
    read: Tally,
    failed: Tally,
}

const N_FORMATS: usize = DateFormat::ALL.len();
const RIVALS: [DateFormat; 2] = [DateFormat::DayMonthYear, DateFormat::MonthDayYear];

/// Decides how a column of dates is written. Every value counts: one day beyond 12 among 100,000 values decides
/// between day-month-year and month-day-year. Numbers are taken for dates only if they fall between 1900
/// (compact), 1954 (spreadsheet) or 1980 (epoch) and 2100.
///
/// Takes the values one by one, of as many samples or files as there are; its size does not depend on their number.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    any: Tally,
    /// Values that no format reads.
    unread: Tally,
    /// In the order of [`DateFormat::ALL`].
    fits: [Fit; N_FORMATS],
    only_day_first: Tally,
    only_month_first: Tally,
}

impl Detector {
    pub fn add(&mut self, value: &[u8]) {
        if value.trim_ascii().is_empty() {
            return;
        }
        self.any.add(value);
        let (mut is_read, mut day_first, mut month_first) = (false, false, false);
        for (fit, format) in self.fits.iter_mut().zip(DateFormat::ALL) {
            let fits = is_plausible(value, format);
            let tally = if fits { &mut fit.read } else { &mut fit.failed };
            tally.add(value);
            is_read |= fits;
            match format {
                DateFormat::DayMonthYear => day_first = fits,
                DateFormat::MonthDayYear => month_first = fits,
                _ => {}
            }
        }
        if !is_read {
            self.unread.add(value);
        }
        match (day_first, month_first) {
            (true, false) => self.only_day_first.add(value),
            (false, true) => self.only_month_first.add(value),
            _ => {}
        }
    }

    /// As if the values of `other` had been added after those of `self`.
    pub fn merge(&mut self, other: &Self) {
        self.any.merge(&other.any);
        self.unread.merge(&other.unread);
        for (fit, other) in self.fits.iter_mut().zip(&other.fits) {
            fit.read.merge(&other.read);
            fit.failed.merge(&other.failed);
        }
        self.only_day_first.merge(&other.only_day_first);
        self.only_month_first.merge(&other.only_month_first);
    }

    /// The format that reads most values: the first of equals, in the order of preference.
    fn best(&self) -> Option<(DateFormat, &Fit)> {
        let all = DateFormat::ALL.into_iter().zip(&self.fits);
        all.rev().max_by_key(|(_, fit)| fit.read.n)
    }

    /// Whether a caller may stop looking: 20 values speak for one order of day and month and none for the other, or
    /// 20 values, and at least half of all, are in a format that leaves the order in no doubt.
    pub fn is_decided(&self) -> bool {
        const ENOUGH: usize = 20;
        let Some((format, fit)) = self.best() else {
            return false;
        };
        if RIVALS.contains(&format) {
            let (day_first, month_first) = (self.only_day_first.n, self.only_month_first.n);
            ENOUGH <= day_first.max(month_first) && day_first.min(month_first) == 0
        } else {
            ENOUGH <= fit.read.n && self.any.n <= fit.read.n * 2
        }
    }

    /// # Errors
    /// If there is no value, if no format reads half of them, if day and month cannot be told apart, or if more
    /// than one in twenty of the values that decide the order contradict the others.
    pub fn finish(&self) -> Result<DateDetection, DateDetectError> {
        const MIXED_SHARE: usize = 20;
        let n_checked = self.any.n;
        let Some((format, fit)) = self.best().filter(|_| 0 < n_checked) else {
            return Err(DateDetectError::NoValues);
        };
        let n_read = fit.read.n;
        if n_read * 2 < n_checked {
            let unread = if self.unread.n == 0 { &self.any } else { &self.unread };
            return Err(DateDetectError::NotDates {
                n_checked,
                n_dates: n_read,
                example: unread.example(),
            });
        }
        let evidence = if RIVALS.contains(&format) {
            let (day_first, month_first) = (&self.only_day_first, &self.only_month_first);
            if day_first.n == 0 && month_first.n == 0 {
                return Err(DateDetectError::Ambiguous {
                    candidates: RIVALS,
                    n_checked,
                    example: fit.read.example(),
                });
            }
            if day_first.n.max(month_first.n) < day_first.n.min(month_first.n) * MIXED_SHARE {
                return Err(DateDetectError::Mixed {
                    first: DateFormat::DayMonthYear,
                    first_example: day_first.example(),
                    second: DateFormat::MonthDayYear,
                    second_example: month_first.example(),
                });
            }
            let decided = if format == DateFormat::DayMonthYear {
                day_first
            } else {
                month_first
            };
            let (n, example) = (decided.n, decided.example());
            format!("{n} of {n_checked} values can only be {format}, such as {example:?}")
        } else {
            let example = fit.read.example();
            format!("{n_read} of {n_checked} values are {format}, such as {example:?}")
        };
        Ok(DateDetection {
            format,
            evidence,
            n_checked,
            n_failed: fit.failed.n,
            failed_example: (0 < fit.failed.n).then(|| fit.failed.example()),
        })
    }
}

/// [`Detector`] on all the values at once.
///
/// # Errors
/// As [`Detector::finish`].
pub fn detect<'a>(samples: impl IntoIterator<Item = &'a [u8]>) -> Result<DateDetection, DateDetectError> {
    let mut detector = Detector::default();
    samples.into_iter().for_each(|value| detector.add(value));
    detector.finish()
}

/// Whether any format reads this value as a date between the years that [`Detector`] allows. Micro- and nanoseconds
/// are left out: a number of 16 to 19 digits on its own is more often an order id.
pub fn looks_like_date(value: &[u8]) -> bool {
    let is_long_count = |format: &DateFormat| matches!(format, DateFormat::EpochMicros | DateFormat::EpochNanos);
    let mut formats = DateFormat::ALL.into_iter().filter(|format| !is_long_count(format));
    formats.any(|format| is_plausible(value, format))
}

fn is_plausible(value: &[u8], format: DateFormat) -> bool {
    const DAYS_1900_TO_2100: std::ops::Range<i64> = -25_567..47_482;
    const DAYS_1954_TO_2100: std::ops::Range<i64> = -5_844..47_482;
    const DAYS_1980_TO_2100: std::ops::Range<i64> = 3_652..47_482;
    let days = match format {
        DateFormat::Roc => return false,
        DateFormat::Compact => DAYS_1900_TO_2100,
        DateFormat::ExcelSerial => DAYS_1954_TO_2100,
        DateFormat::EpochSeconds | DateFormat::EpochMillis => DAYS_1980_TO_2100,
        DateFormat::EpochMicros | DateFormat::EpochNanos => DAYS_1980_TO_2100,
        DateFormat::Iso | DateFormat::YearMonthDay | DateFormat::DayMonthYear => return parse(value, format).is_ok(),
        DateFormat::MonthDayYear | DateFormat::MonthName | DateFormat::Chinese => return parse(value, format).is_ok(),
    };
    parse(value, format).is_ok_and(|moment| days.contains(&moment.seconds().div_euclid(SECONDS_PER_DAY)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detect_text(values: &[&str]) -> Result<DateDetection, DateDetectError> {
        detect(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn columns_are_recognised() {
        for (values, format) in [
            (&["2011-12-09 12:50:00", "", "2011-12-10"][..], DateFormat::Iso),
            (&["2011-12-09T12:50:00.123Z"], DateFormat::Iso),
            (&["2011-12-09", "2011-1-5"], DateFormat::YearMonthDay),
            (&["2011/12/9 12:50"], DateFormat::YearMonthDay),
            (&["19970101", "19980630"], DateFormat::Compact),
            (&["20111209125000"], DateFormat::Compact),
            (&["201112091250"], DateFormat::Compact),
            (&["1/12/2010 8:26", "13/12/2010 9:00"], DateFormat::DayMonthYear),
            (&["12/1/2010 8:26", "12/13/2010 9:00"], DateFormat::MonthDayYear),
            (&["01.02.11", "25.02.11"], DateFormat::DayMonthYear),
            (&["12-Jan-2011"], DateFormat::MonthName),
            (&["Jan 12, 2011", "Feb 3, 2011"], DateFormat::MonthName),
            (&["1323435000", "1323435001"], DateFormat::EpochSeconds),
            (&["1323435000123"], DateFormat::EpochMillis),
            (&["40886", "40886.5347"], DateFormat::ExcelSerial),
            (&["2011年12月9日", "2011年1月10日 12:50"], DateFormat::Chinese),
            (&["2011년 12월 9일"], DateFormat::Chinese),
            (&["9. Dezember 2011", "10. März 2011"], DateFormat::MonthName),
            (&["1323435000123456"], DateFormat::EpochMicros),
            (&["1323435000123456789"], DateFormat::EpochNanos),
        ] {
            assert_eq!(detect_text(values).map(|found| found.format), Ok(format), "{values:?}");
        }
    }

    #[test]
    fn one_day_beyond_twelve_decides_and_is_named() {
        let mut values = vec!["03/04/2011"; 1_000];
        let error = detect_text(&values).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"03/04/2011\" and all other 1000 values fit both dmy and mdy"
        );
        assert_eq!(
            error.hint(),
            "say which with `--date-format dmy` or `--date-format mdy`"
        );
        values.push("04/25/2011");
        let found = detect_text(&values).unwrap();
        assert_eq!(
            (found.format, found.n_checked, found.n_failed),
            (DateFormat::MonthDayYear, 1_001, 0)
        );
        assert_eq!(
            found.evidence,
            "1 of 1001 values can only be mdy, such as \"04/25/2011\""
        );
    }

    #[test]
    fn contradictions_are_reported_unless_they_are_rare() {
        let mixed = ["25/04/2011", "04/25/2011", "01/02/2011"];
        assert!(matches!(detect_text(&mixed), Err(DateDetectError::Mixed { .. })));
        let mut values = vec!["25/04/2011"; 20];
        values.push("04/25/2011");
        let found = detect_text(&values).unwrap();
        assert_eq!((found.format, found.n_failed), (DateFormat::DayMonthYear, 1));
    }

    #[test]
    fn what_are_no_dates_is_refused() {
        assert_eq!(detect_text(&["", " "]), Err(DateDetectError::NoValues));
        for values in [
            &["abc"][..],
            &["17", "3"],
            &["2011-13-01"],
            &["85123A"],
            &["99999999"],
            &["2011-12-09", "x", "y"],
            &["100/12/09"],
            &["2011-12", "12/2011", "Dec-11"],
        ] {
            assert!(
                matches!(detect_text(values), Err(DateDetectError::NotDates { .. })),
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_change_of_format_on_the_way_is_shown() {
        let mut values = vec!["2011-12-09"; 6];
        values.extend(["25.04.2011"; 4]);
        let found = detect_text(&values).unwrap();
        assert_eq!((found.format, found.n_failed), (DateFormat::Iso, 4));
        assert_eq!(found.failed_example.as_deref(), Some("25.04.2011"));
        assert_eq!(detect_text(&values[..6]).unwrap().failed_example, None);
        // The example is one that the format reads, wherever it stands.
        values.rotate_right(4);
        assert_eq!(
            detect_text(&values).unwrap().evidence,
            "6 of 10 values are iso, such as \"2011-12-09\""
        );
    }

    #[test]
    fn a_column_is_decided_when_twenty_values_say_so() {
        let mut detector = Detector::default();
        assert!(!detector.is_decided());
        for _ in 0..1_000 {
            detector.add(b"03/04/2011");
        }
        assert!(!detector.is_decided());
        for n in 1..=20 {
            detector.add(b"25/04/2011");
            assert_eq!(detector.is_decided(), n == 20);
        }
        detector.add(b"04/25/2011");
        assert!(!detector.is_decided());
        let mut detector = Detector::default();
        for n in 1..=20 {
            detector.add(b"2011-12-09");
            assert_eq!(detector.is_decided(), n == 20);
        }
    }

    #[test]
    fn long_numbers_are_dates_only_in_a_column_of_dates() {
        assert!(looks_like_date(b"1323435000") && looks_like_date(b"1323435000123"));
        assert!(!looks_like_date(b"1323435000123456") && !looks_like_date(b"1323435000123456789"));
    }

    proptest! {
        #[test]
        fn pieces_say_what_the_whole_says(values in prop::collection::vec("[0-3][0-9]/[0-3][0-9]/2011|2011-[01][0-9]-[0-3][0-9]|[0-9x ]{0,4}", 0..40), cut: prop::sample::Index) {
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            let (left, right) = values.split_at(cut.index(values.len() + 1));
            let (mut one, mut two) = (Detector::default(), Detector::default());
            left.iter().for_each(|value| one.add(value));
            right.iter().for_each(|value| two.add(value));
            one.merge(&two);
            prop_assert_eq!(one.finish(), detect(values));
        }

        #[test]
        fn any_values_are_detected_or_refused(values: Vec<Vec<u8>>, near in prop::collection::vec("[0-9/. :-]{0,16}", 0..8)) {
            let samples = values.iter().map(Vec::as_slice).chain(near.iter().map(|text| text.as_bytes()));
            if let Ok(found) = detect(samples) {
                prop_assert!(found.n_failed * 2 <= found.n_checked);
            }
        }
    }
}
