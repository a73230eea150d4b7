//! The format of a column of dates, decided on all the values given.

use thiserror::Error;

use super::{DateFormat, SECONDS_PER_DAY, parse};

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

/// How many values a format reads, and which of its rival's it does not.
#[derive(Clone, Default)]
struct Tally<'a> {
    n: usize,
    first: Option<&'a [u8]>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, value: &'a [u8]) {
        self.n += 1;
        self.first.get_or_insert(value);
    }

    fn example(&self) -> String {
        String::from_utf8_lossy(self.first.unwrap_or_default())
            .trim()
            .to_owned()
    }
}

/// Decides how a column of dates is written. Every value counts: one day beyond 12 among 100,000 values decides
/// between day-month-year and month-day-year. Numbers are taken for dates only if they fall between 1900
/// (compact), 1954 (spreadsheet) or 1980 (epoch) and 2100.
///
/// # Errors
/// If there is no value, if no format reads half of them, if day and month cannot be told apart, or if more
/// than one in twenty of the values that decide the order contradict the others.
pub fn detect<'a>(samples: impl IntoIterator<Item = &'a [u8]>) -> Result<DateDetection, DateDetectError> {
    const MIXED_SHARE: usize = 20;
    let mut read = vec![0_usize; DateFormat::ALL.len()];
    let (mut any, mut dated, mut unread) = (Tally::default(), Tally::default(), Tally::default());
    let (mut only_day_first, mut only_month_first) = (Tally::default(), Tally::default());
    for value in samples {
        if value.trim_ascii().is_empty() {
            continue;
        }
        any.add(value);
        let fits = DateFormat::ALL.map(|format| is_plausible(value, format));
        for (count, fits) in read.iter_mut().zip(fits) {
            *count += usize::from(fits);
        }
        if fits.contains(&true) {
            dated.add(value)
        } else {
            unread.add(value)
        }
        match (
            is_plausible(value, DateFormat::DayMonthYear),
            is_plausible(value, DateFormat::MonthDayYear),
        ) {
            (true, false) => only_day_first.add(value),
            (false, true) => only_month_first.add(value),
            _ => {}
        }
    }
    let n_checked = any.n;
    if n_checked == 0 {
        return Err(DateDetectError::NoValues);
    }
    // The first of equals, in the order of preference.
    let (format, n_read) = DateFormat::ALL
        .into_iter()
        .zip(read)
        .rev()
        .max_by_key(|(_, n_read)| *n_read)
        .unwrap_or((DateFormat::Iso, 0));
    if n_read * 2 < n_checked {
        let example = if unread.n == 0 { any.example() } else { unread.example() };
        return Err(DateDetectError::NotDates {
            n_checked,
            n_dates: n_read,
            example,
        });
    }
    let rivals = [DateFormat::DayMonthYear, DateFormat::MonthDayYear];
    let evidence = if rivals.contains(&format) {
        let (n_day_first, n_month_first) = (only_day_first.n, only_month_first.n);
        if n_day_first == 0 && n_month_first == 0 {
            return Err(DateDetectError::Ambiguous {
                candidates: rivals,
                n_checked,
                example: dated.example(),
            });
        }
        if n_day_first.max(n_month_first) < n_day_first.min(n_month_first) * MIXED_SHARE {
            return Err(DateDetectError::Mixed {
                first: DateFormat::DayMonthYear,
                first_example: only_day_first.example(),
                second: DateFormat::MonthDayYear,
                second_example: only_month_first.example(),
            });
        }
        let decided = if format == DateFormat::DayMonthYear {
            only_day_first
        } else {
            only_month_first
        };
        format!(
            "{} of {n_checked} values can only be {format}, such as {:?}",
            decided.n,
            decided.example()
        )
    } else {
        format!(
            "{n_read} of {n_checked} values are {format}, such as {:?}",
            dated.example()
        )
    };
    Ok(DateDetection {
        format,
        evidence,
        n_checked,
        n_failed: n_checked - n_read,
    })
}

/// Whether any format reads this value as a date between the years that [`detect`] allows.
pub fn looks_like_date(value: &[u8]) -> bool {
    DateFormat::ALL.into_iter().any(|format| is_plausible(value, format))
}

fn is_plausible(value: &[u8], format: DateFormat) -> bool {
    const DAYS_1900_TO_2100: std::ops::Range<i64> = -25_567..47_482;
    const DAYS_1954_TO_2100: std::ops::Range<i64> = -5_844..47_482;
    const DAYS_1980_TO_2100: std::ops::Range<i64> = 3_652..47_482;
    let Ok(moment) = parse(value, format) else {
        return false;
    };
    let day = moment.seconds().div_euclid(SECONDS_PER_DAY);
    match format {
        DateFormat::Compact => DAYS_1900_TO_2100.contains(&day),
        DateFormat::ExcelSerial => DAYS_1954_TO_2100.contains(&day),
        DateFormat::EpochSeconds | DateFormat::EpochMillis => DAYS_1980_TO_2100.contains(&day),
        DateFormat::Iso | DateFormat::YearMonthDay | DateFormat::DayMonthYear => true,
        DateFormat::MonthDayYear | DateFormat::MonthName | DateFormat::Chinese => true,
    }
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
        ] {
            assert!(
                matches!(detect_text(values), Err(DateDetectError::NotDates { .. })),
                "{values:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_values_are_detected_or_refused(values: Vec<Vec<u8>>, near in prop::collection::vec("[0-9/. :-]{0,16}", 0..8)) {
            let samples = values.iter().map(Vec::as_slice).chain(near.iter().map(|text| text.as_bytes()));
            if let Ok(found) = detect(samples) {
                prop_assert!(found.n_failed * 2 <= found.n_checked);
            }
        }
    }
}
