//! `2011年12月9日`, as China, Japan and, with characters of its own, Korea write dates, and years by their eras.

use super::cursor::Cursor;
use super::formats::{ROC_YEAR_0, days_from_civil, full_year, time_of_day};
use super::{DateError, Moment, SECONDS_PER_DAY};

/// Each era with the year before its first. People go on counting in an era after its end, and so does this.
const ERAS: [(&str, u32); 9] = [
    ("民國", ROC_YEAR_0),
    ("民国", ROC_YEAR_0),
    ("中華民國", ROC_YEAR_0),
    ("中华民国", ROC_YEAR_0),
    ("令和", 2_018),
    ("平成", 1_988),
    ("昭和", 1_925),
    ("大正", 1_911),
    ("明治", 1_867),
];

pub(super) fn parse_cjk(bytes: &[u8]) -> Result<Moment, DateError> {
    let mut cursor = Cursor::new(bytes);
    let before_era = if bytes.first().is_some_and(u8::is_ascii_digit) {
        None
    } else {
        let era = ERAS.iter().find(|(name, _)| cursor.accept_text(name));
        Some(era.ok_or(DateError::NotADate)?.1)
    };
    cursor.skip_blanks();
    let year = match before_era {
        None => full_year(number(&mut cursor)?, false)?,
        Some(before) => match number(&mut cursor) {
            Ok((year @ 1.., 1..=3)) => before + year,
            // The first year of an era has a name.
            Err(_) if cursor.accept_text("元") => before + 1,
            _ => return Err(DateError::NotADate),
        },
    };
    unit(&mut cursor, &["年", "년"])?;
    let (month, _) = number(&mut cursor)?;
    unit(&mut cursor, &["月", "월"])?;
    let (day, _) = number(&mut cursor)?;
    unit(&mut cursor, &["日", "号", "號", "일"])?;
    let midnight = days_from_civil(year, month, day)? * SECONDS_PER_DAY;
    if cursor.is_at_end() {
        return Ok(Moment::Local(midnight));
    }
    cursor.skip_separators();
    if cursor.skip_weekday() {
        if cursor.is_at_end() {
            return Ok(Moment::Local(midnight));
        }
        cursor.skip_separators();
    }
    time_of_day(midnight, cursor)
}

fn number(cursor: &mut Cursor<'_>) -> Result<(u32, usize), DateError> {
    cursor.skip_blanks();
    cursor.digits(4).ok_or(DateError::NotADate)
}

fn unit(cursor: &mut Cursor<'_>, units: &[&str]) -> Result<(), DateError> {
    cursor.skip_blanks();
    cursor.accept_any(units).then_some(()).ok_or(DateError::NotADate)
}
