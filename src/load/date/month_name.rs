//! Dates with the name of their month, in the order of any language: `9-Dec-2011`, `Dec 9, 2011`, `9 déc. 2011`,
//! `vendredi 9 décembre 2011 à 15h05`, `9 de diciembre de 2011`, `Fri Dec 09 15:05:00 CST 2011`.

use super::cursor::Cursor;
use super::formats::{clock_time, days_from_civil, full_year, in_zone, time_of_day, with_time};
use super::names;
use super::{DateError, Moment, SECONDS_PER_DAY};

pub(super) fn parse_month_name(bytes: &[u8]) -> Result<Moment, DateError> {
    let mut cursor = Cursor::new(bytes);
    let mut numbers = [(0, 0); 2];
    let (mut n_numbers, mut month) = (0, None);
    // The day of the week, if it has been read, and whether it was taken for the month.
    let (mut weekday, mut weekday_as_month) = (false, false);
    while n_numbers < 2 || month.is_none() {
        cursor.skip(|byte| matches!(byte, b' ' | b'\t' | b',' | b'-' | b'/' | b'.'));
        let word = cursor.letters();
        if !word.is_empty() {
            let found = names::month(word);
            let may_be_weekday = month.is_none() && n_numbers == 0 && !weekday;
            if let Some(found) = found
                && (month.is_none() || weekday_as_month)
            {
                weekday_as_month = may_be_weekday && word.len() == 3 && names::is_weekday(word);
                month = Some((found, n_numbers));
            } else if may_be_weekday && names::is_weekday(word) {
                weekday = true;
            } else if !is_filler(word, n_numbers, weekday) {
                return Err(DateError::NotADate);
            }
            continue;
        }
        let before = cursor;
        let Some(number) = cursor.digits(4).filter(|_| n_numbers < 2) else {
            return Err(DateError::NotADate);
        };
        if let (Some((month, 0)), 1, 1..=2, [b':', ..]) = (month, n_numbers, number.1, cursor.rest()) {
            return with_year_last(month, numbers[0], before);
        }
        numbers[n_numbers] = number;
        n_numbers += 1;
        cursor.skip_ordinal();
    }
    let (year, (day, day_width)) = match month {
        Some((_, 1)) if numbers[0].1 == 4 => (numbers[0], numbers[1]),
        Some((_, 0 | 1)) => (numbers[1], numbers[0]),
        _ => return Err(DateError::NotADate),
    };
    let month = month.map_or(0, |(month, _)| month);
    if 2 < day_width {
        return Err(DateError::NotADate);
    }
    let midnight = days_from_civil(full_year(year, true)?, month, day)? * SECONDS_PER_DAY;
    if year.1 == 4 {
        // SAS and web server logs: `09DEC2011:12:50:00`. After a short year this would be a time without one.
        cursor.accept(b':');
    }
    match skip_at(cursor) {
        Some(cursor) => time_of_day(midnight, cursor),
        None => with_time(midnight, cursor),
    }
}

/// Articles and prepositions: `den 9. Dezember`, `9 de diciembre del 2011`, `9th of December`; and the second word of
/// Portuguese days of the week.
fn is_filler(word: &[u8], n_numbers: usize, weekday: bool) -> bool {
    let is_one_of = |words: &[&[u8]]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
    match n_numbers {
        0 => is_one_of(&[b"den", b"der", b"le", b"the"]) || (weekday && is_one_of(&[b"feira"])),
        _ => is_one_of(&[b"de", b"del", b"of"]),
    }
}

/// After the word before a time of day, if there is one: `December 9, 2011 at 3:05 PM`.
fn skip_at(mut cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    const WORDS: [&str; 9] = [
        "at ",
        "um ",
        "à ",
        "a las ",
        "a la ",
        "às ",
        "alle ore ",
        "alle ",
        "om ",
    ];
    cursor.skip_separators();
    if cursor.rest().first().is_none_or(u8::is_ascii_digit) {
        return None;
    }
    cursor.accept_any(&WORDS).then_some(cursor)
}

/// `15:05:00 CST 2011`: the rest of what C and Java write of their own accord.
fn with_year_last(month: u32, (day, day_width): (u32, usize), mut cursor: Cursor<'_>) -> Result<Moment, DateError> {
    let seconds = clock_time(&mut cursor)?;
    cursor.skip_blanks();
    let zone = if cursor.rest().first().is_some_and(u8::is_ascii_digit) {
        None
    } else {
        Some(cursor.zone().ok_or(DateError::NotADate)?)
    };
    cursor.skip_blanks();
    let year = cursor.digits(4).ok_or(DateError::NotADate)?;
    if 2 < day_width || !cursor.is_at_end() {
        return Err(DateError::NotADate);
    }
    let local = days_from_civil(full_year(year, false)?, month, day)? * SECONDS_PER_DAY + seconds;
    zone.map_or(Ok(Moment::Local(local)), |zone| in_zone(local, zone))
}
