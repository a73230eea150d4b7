//! Dates and times of day, from text to seconds.
//!
//! In: the bytes of one field and the format of its column (`2011-12-09 12:50:00`, `9/12/11 3:05 PM`,
//! `12-Jan-2011`, `9. Dezember 2011`, `1323435000`, `2011年12月9日`). Out: a [`Moment`] in whole seconds, either by the wall clock
//! or, where the text carries an offset or counts from the epoch, an instant. Fractions of a second are cut.
//! Cost: linear in the length, no allocation; ISO and compact dates take a path of their own.
//!
//! The format of a column is decided once, by [`detect()`] or by the user, never value by value: `03/04/2011`
//! means the same on every line. Calendar arithmetic: H. Hinnant, "chrono-compatible low-level date algorithms".

mod cjk;
mod clock;
mod counts;
mod cursor;
mod detect;
mod fold;
mod formats;
mod month_name;
mod names;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use clock::{LocalClock, to_local_seconds};
pub use detect::{DateDetectError, DateDetection, Detector, detect, looks_like_date};

/// How the dates of a column are written. A time of day (`12:50`, `12:50:30.5`, `3:05 PM`, `15h05`, `15:05 Uhr`) and
/// an offset (`Z`, `UTC`, `+01:00`) may follow every date. Abbreviations such as `CST` stand for several zones: such
/// times are taken by the wall clock. `24:00` is refused: by ISO it ends a day, by a slip that is common in Java
/// (`kk` for `HH`) it starts one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DateFormat {
    /// `2011-12-09`, and with a time after a blank or `T`.
    Iso,
    /// `2011/12/9`: year first, any of `- / .` or blank between. Years have four digits.
    YearMonthDay,
    /// `9.12.2011`, `09/12/11`. Years of two digits: 00 to 68 are 2000 to 2068, 69 to 99 are 1969 to 1999.
    DayMonthYear,
    /// `12/9/2011`, `12/9/11`; years as in `DayMonthYear`.
    MonthDayYear,
    /// `20111209`, `201112091250`, `20111209125030`, `20111209T125030Z`, `20111209 125030`.
    Compact,
    /// `12-Jan-2011`, `Jan 12, 2011`, `2011 January 12`, `12JAN11`, `9. Dezember 2011`, `9 déc. 2011`,
    /// `9 de diciembre de 2011`, `Fri Dec 09 15:05:00 CST 2011`; names in English, German, French, Spanish,
    /// Portuguese, Italian and Dutch; years as in `DayMonthYear`.
    MonthName,
    /// Seconds since 1970-01-01T00:00:00Z.
    EpochSeconds,
    /// Milliseconds since 1970-01-01T00:00:00Z; also `/Date(1323435900000)/`.
    EpochMillis,
    /// Microseconds since 1970-01-01T00:00:00Z.
    EpochMicros,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    EpochNanos,
    /// Days of the 1900 system of spreadsheets, the time of day as a fraction; 25569 is 1970-01-01.
    ExcelSerial,
    /// `2011年12月9日`, with `12:50`, `下午3:05` or `12时50分`; Japanese writes the same, Korean `2011년 12월 9일`.
    /// Years by era too: `民國100年`, `平成23年`, `令和元年`.
    Chinese,
    /// `100/12/09`: years of the Republic of China, 1 is 1912. Never guessed.
    Roc,
}

impl DateFormat {
    /// In the order in which detection prefers them.
    pub const ALL: [Self; 13] = [
        Self::Iso,
        Self::Compact,
        Self::YearMonthDay,
        Self::Chinese,
        Self::MonthName,
        Self::DayMonthYear,
        Self::MonthDayYear,
        Self::EpochSeconds,
        Self::EpochMillis,
        Self::EpochMicros,
        Self::EpochNanos,
        Self::ExcelSerial,
        Self::Roc,
    ];

    /// The value of `--date-format` and of the config key `date_format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iso => "iso",
            Self::YearMonthDay => "ymd",
            Self::DayMonthYear => "dmy",
            Self::MonthDayYear => "mdy",
            Self::Compact => "yyyymmdd",
            Self::MonthName => "month_name",
            Self::EpochSeconds => "epoch_seconds",
            Self::EpochMillis => "epoch_millis",
            Self::EpochMicros => "epoch_micros",
            Self::EpochNanos => "epoch_nanos",
            Self::ExcelSerial => "excel",
            Self::Chinese => "chinese",
            Self::Roc => "roc",
        }
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DateFormat {
    type Err = UnknownDateFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownDateFormat { name: name.to_owned() };
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(unknown)
    }
}

impl TryFrom<String> for DateFormat {
    type Error = UnknownDateFormat;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<DateFormat> for String {
    fn from(format: DateFormat) -> Self {
        format.name().to_owned()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown date format {name:?}")]
pub struct UnknownDateFormat {
    pub name: String,
}

impl UnknownDateFormat {
    pub fn hint(&self) -> String {
        format!("use one of {}", DateFormat::ALL.map(DateFormat::name).join(", "))
    }
}

/// A point in time, in whole seconds since 1970-01-01T00:00:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// By the wall clock of the place where it was written; the zone is not known.
    Local(i64),
    /// In UTC: the text carried an offset, or counted from the epoch.
    Instant(i64),
}

impl Moment {
    /// Seconds by the clock of the run's time zone. Wall-clock times are taken to be of that zone already.
    #[inline]
    pub fn local_seconds(self, clock: &mut LocalClock) -> i64 {
        match self {
            Self::Local(seconds) => seconds,
            Self::Instant(seconds) => clock.to_local_seconds(seconds),
        }
    }

    fn seconds(self) -> i64 {
        match self {
            Self::Local(seconds) | Self::Instant(seconds) => seconds,
        }
    }
}

/// Why a field is no date. Small and `Copy`: it is made once for every bad line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum DateError {
    #[error("date is empty")]
    Empty,
    #[error("not a date in this format")]
    NotADate,
    #[error("no such day or time of day")]
    OutOfRange,
}

impl DateError {
    pub fn hint(self) -> &'static str {
        match self {
            Self::Empty => "fill the field, or map another column with `--map ordered_at=HEADER`",
            Self::NotADate => "set the format of the column with `--date-format`",
            Self::OutOfRange => "check the order of day and month (`--date-format dmy` or `mdy`)",
        }
    }
}

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// The moment that `bytes` names in `format`. Blanks around are ignored.
///
/// # Errors
/// `Empty` for nothing but blanks, `OutOfRange` for days and times that do not exist and years outside 1 to
/// 9999, `NotADate` for all else.
#[inline]
pub fn parse(bytes: &[u8], format: DateFormat) -> Result<Moment, DateError> {
    let plain = match format {
        DateFormat::Iso => formats::plain_iso(bytes),
        DateFormat::Compact => formats::plain_compact(bytes),
        _ => None,
    };
    match plain {
        Some(moment) => Ok(moment),
        None => parse_any(bytes, format),
    }
}

fn parse_any(bytes: &[u8], format: DateFormat) -> Result<Moment, DateError> {
    match parse_as_it_stands(bytes, format) {
        Err(DateError::NotADate) if !bytes.is_ascii() => parse_folded(bytes, format),
        result => result,
    }
}

/// Again, with the characters of other keyboards made plain.
#[cold]
fn parse_folded(bytes: &[u8], format: DateFormat) -> Result<Moment, DateError> {
    match fold::folded(bytes.trim_ascii(), &mut [0; fold::MAX_BYTES]) {
        Some(folded) => parse_as_it_stands(folded, format),
        None => Err(DateError::NotADate),
    }
}

fn parse_as_it_stands(bytes: &[u8], format: DateFormat) -> Result<Moment, DateError> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Err(DateError::Empty);
    }
    match format {
        DateFormat::Iso => formats::parse_iso(bytes),
        DateFormat::YearMonthDay => formats::parse_numeric(bytes, |[a, b, c]| [a, b, c]),
        DateFormat::DayMonthYear => formats::parse_numeric(bytes, |[a, b, c]| [c, b, a]),
        DateFormat::MonthDayYear => formats::parse_numeric(bytes, |[a, b, c]| [c, a, b]),
        DateFormat::Compact => formats::parse_compact(bytes),
        DateFormat::MonthName => month_name::parse_month_name(bytes),
        DateFormat::EpochSeconds => counts::parse_epoch(bytes, 1),
        DateFormat::EpochMillis => counts::parse_epoch_millis(bytes),
        DateFormat::EpochMicros => counts::parse_epoch(bytes, 1_000_000),
        DateFormat::EpochNanos => counts::parse_epoch(bytes, 1_000_000_000),
        DateFormat::ExcelSerial => counts::parse_excel(bytes),
        DateFormat::Chinese => cjk::parse_cjk(bytes),
        DateFormat::Roc => formats::parse_roc(bytes),
    }
}

#[cfg(test)]
mod tests;
