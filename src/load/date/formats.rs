//! Dates written with digits alone, and what all readers share: the calendar, times of day, offsets.
//!
//! All take bytes that are trimmed and not empty.

use super::cursor::{Cursor, Zone};
use super::names::is_weekday;
use super::{DateError, Moment, SECONDS_PER_DAY};

/// 0001-01-01T00:00:00 and 9999-12-31T23:59:59.
pub(super) const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The year 1 of the Republic of China is 1912.
pub(super) const ROC_YEAR_0: u32 = 1_911;

/// Days since 1970-01-01 of a day of the Gregorian calendar, in years 1 to 9999.
pub(super) fn days_from_civil(year: u32, month: u32, day: u32) -> Result<i64, DateError> {
    /// Days before a month in a year that is taken to start in March, so that leap days come last.
    const BEFORE: [u32; 12] = [306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275];
    const LENGTH: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    /// From 0000-03-01 to 1970-01-01.
    const EPOCH: i64 = 719_468;
    let at = month.wrapping_sub(1) as usize;
    let (Some(before), Some(length)) = (BEFORE.get(at), LENGTH.get(at)) else {
        return Err(DateError::OutOfRange);
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if day == 0 || length + u32::from(leap && month == 2) < day || !(1..=9_999).contains(&year) {
        return Err(DateError::OutOfRange);
    }
    let year = year - u32::from(month < 3);
    Ok(i64::from(365 * year + year / 4 - year / 100 + year / 400 + before + day - 1) - EPOCH)
}

fn seconds_of_day(hour: u32, minute: u32, second: u32) -> Result<i64, DateError> {
    if 23 < hour || 59 < minute || 60 < second {
        return Err(DateError::OutOfRange);
    }
    // A leap second counts as the second before it, to stay on its day.
    Ok(i64::from(hour * 3_600 + minute * 60 + second.min(59)))
}

/// `bytes` as a number; `None` if any is no digit.
#[inline]
fn fixed<const N: usize>(bytes: &[u8]) -> Option<u32> {
    let mut value = 0;
    let mut bad = bytes.len() != N;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        bad |= 9 < digit;
        value = value * 10 + u32::from(digit);
    }
    (!bad).then_some(value)
}

/// `2011-12-09`, `2011-12-09 12:50:00`, `2011-12-09T12:50:00.123Z`, nothing around; `None` sends the value down the
/// general path.
#[inline]
pub(super) fn plain_iso(bytes: &[u8]) -> Option<Moment> {
    let Some((&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1], rest)) = bytes.split_first_chunk::<10>() else {
        return None;
    };
    let midnight = fixed_day([y0, y1, y2, y3], [m0, m1], [d0, d1]).ok()?;
    if rest.is_empty() {
        return Some(Moment::Local(midnight));
    }
    let Some((&[b' ' | b'T', h0, h1, b':', m0, m1, b':', s0, s1], after)) = rest.split_first_chunk::<9>() else {
        return None;
    };
    let seconds = midnight + fixed_clock([h0, h1], [m0, m1], [s0, s1]).ok()?;
    if after.is_empty() {
        return Some(Moment::Local(seconds));
    }
    let mut cursor = Cursor::new(after);
    cursor.fraction();
    match cursor.rest() {
        [] => Some(Moment::Local(seconds)),
        [b'Z'] => Some(Moment::Instant(seconds)),
        _ => None,
    }
}

/// `20111209` and `20111209125000`, nothing around.
#[inline]
pub(super) fn plain_compact(bytes: &[u8]) -> Option<Moment> {
    let (&[y0, y1, y2, y3, m0, m1, d0, d1], rest) = bytes.split_first_chunk::<8>()?;
    let midnight = fixed_day([y0, y1, y2, y3], [m0, m1], [d0, d1]).ok()?;
    match *rest {
        [] => Some(Moment::Local(midnight)),
        [h0, h1, m0, m1, s0, s1] => {
            let seconds = fixed_clock([h0, h1], [m0, m1], [s0, s1]).ok()?;
            Some(Moment::Local(midnight + seconds))
        }
        _ => None,
    }
}

/// The midnight at which the day begins.
#[inline]
fn fixed_day(year: [u8; 4], month: [u8; 2], day: [u8; 2]) -> Result<i64, DateError> {
    match (fixed::<4>(&year), fixed::<2>(&month), fixed::<2>(&day)) {
        (Some(year), Some(month), Some(day)) => Ok(days_from_civil(year, month, day)? * SECONDS_PER_DAY),
        _ => Err(DateError::NotADate),
    }
}

#[inline]
fn fixed_clock(hour: [u8; 2], minute: [u8; 2], second: [u8; 2]) -> Result<i64, DateError> {
    match (fixed::<2>(&hour), fixed::<2>(&minute), fixed::<2>(&second)) {
        (Some(hour), Some(minute), Some(second)) => seconds_of_day(hour, minute, second),
        _ => Err(DateError::NotADate),
    }
}

pub(super) fn parse_iso(bytes: &[u8]) -> Result<Moment, DateError> {
    let Some((&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1], rest)) = bytes.split_first_chunk::<10>() else {
        return Err(DateError::NotADate);
    };
    let midnight = fixed_day([y0, y1, y2, y3], [m0, m1], [d0, d1])?;
    if let Some((&[b' ' | b'T', h0, h1, b':', m0, m1, b':', s0, s1], after)) = rest.split_first_chunk::<9>()
        && let Ok(seconds) = fixed_clock([h0, h1], [m0, m1], [s0, s1])
    {
        let mut cursor = Cursor::new(after);
        cursor.fraction();
        if matches!(cursor.rest(), [] | [b'Z' | b'+' | b'-', ..]) {
            return finish(midnight + seconds, cursor);
        }
    }
    with_time(midnight, Cursor::new(rest))
}

/// Three numbers with the same separator between them, put into the order year, month, day.
#[inline]
pub(super) fn parse_numeric(bytes: &[u8], order: impl FnOnce([usize; 3]) -> [usize; 3]) -> Result<Moment, DateError> {
    numeric(bytes, order, full_year)
}

/// Years of the Republic of China: `100/12/09`, `99.1.31`.
pub(super) fn parse_roc(bytes: &[u8]) -> Result<Moment, DateError> {
    numeric(
        bytes,
        |[a, b, c]| [a, b, c],
        |(year, width), _| {
            (width < 4 && 0 < year)
                .then_some(year + ROC_YEAR_0)
                .ok_or(DateError::NotADate)
        },
    )
}

/// `full_year` is given the digits of the year, their number, and whether they may be two.
#[inline]
fn numeric(
    bytes: &[u8],
    order: impl FnOnce([usize; 3]) -> [usize; 3],
    full_year: impl FnOnce((u32, usize), bool) -> Result<u32, DateError>,
) -> Result<Moment, DateError> {
    let mut cursor = Cursor::new(bytes);
    if !bytes.first().is_some_and(u8::is_ascii_digit) {
        skip_weekday_before(&mut cursor);
    }
    let mut fields = [(0, 0); 3];
    let mut separator = None;
    for (at, field) in fields.iter_mut().enumerate() {
        if 0 < at {
            cursor.skip_blanks_before(|byte| matches!(byte, b'-' | b'/' | b'.'));
            let found = cursor
                .next()
                .filter(|byte| matches!(byte, b'-' | b'/' | b'.' | b' '))
                .ok_or(DateError::NotADate)?;
            if *separator.get_or_insert(found) != found {
                return Err(DateError::NotADate);
            }
            cursor.skip_blanks();
        }
        *field = cursor.digits(4).ok_or(DateError::NotADate)?;
    }
    let [year_at, month_at, day_at] = order([0, 1, 2]);
    let ((month, month_width), (day, day_width)) = (fields[month_at], fields[day_at]);
    if 2 < month_width || 2 < day_width {
        return Err(DateError::NotADate);
    }
    let year = full_year(fields[year_at], year_at != 0)?;
    // Hungarians, Croats and Koreans put a point after the last number too.
    if separator == Some(b'.')
        && let [b'.'] | [b'.', b' ', ..] = cursor.rest()
    {
        cursor.accept(b'.');
    }
    with_time(days_from_civil(year, month, day)? * SECONDS_PER_DAY, cursor)
}

/// `Fr., 9.12.2011`
#[cold]
fn skip_weekday_before(cursor: &mut Cursor<'_>) {
    let mut ahead = *cursor;
    if is_weekday(ahead.letters()) {
        ahead.skip(|byte| matches!(byte, b' ' | b'\t' | b',' | b'.'));
        *cursor = ahead;
    }
}

/// Years of two digits as POSIX reads them, where they are allowed.
pub(super) fn full_year((year, width): (u32, usize), two_digits: bool) -> Result<u32, DateError> {
    const PIVOT: u32 = 69;
    match width {
        4 => Ok(year),
        2 if two_digits => Ok(year + if year < PIVOT { 2_000 } else { 1_900 }),
        _ => Err(DateError::NotADate),
    }
}

pub(super) fn parse_compact(bytes: &[u8]) -> Result<Moment, DateError> {
    let Some((&[y0, y1, y2, y3, m0, m1, d0, d1], rest)) = bytes.split_first_chunk::<8>() else {
        return Err(DateError::NotADate);
    };
    let midnight = fixed_day([y0, y1, y2, y3], [m0, m1], [d0, d1])?;
    let time = match rest {
        [b'T' | b't' | b' ' | b'-' | b'_', time @ ..] => time,
        time => time,
    };
    let n_digits = time.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if n_digits != 4 && n_digits != 6 {
        return with_time(midnight, Cursor::new(rest));
    }
    let pair = |at: usize| time.get(at..at + 2).and_then(fixed::<2>);
    let (hour, minute) = (pair(0).ok_or(DateError::NotADate)?, pair(2).ok_or(DateError::NotADate)?);
    let second = if n_digits == 6 {
        pair(4).ok_or(DateError::NotADate)?
    } else {
        0
    };
    let mut cursor = Cursor::new(&time[n_digits..]);
    cursor.fraction();
    finish(midnight + seconds_of_day(hour, minute, second)?, cursor)
}

/// The rest after a date: nothing, or a separator and a time of day.
pub(super) fn with_time(midnight: i64, mut cursor: Cursor<'_>) -> Result<Moment, DateError> {
    if cursor.is_at_end() {
        return Ok(Moment::Local(midnight));
    }
    if let Some(seconds) = plain_time(cursor.rest()) {
        return Ok(Moment::Local(midnight + seconds));
    }
    let before = cursor;
    if !(cursor.accept(b'T') || cursor.accept(b't')) {
        cursor.skip_separators();
        if cursor.skip_weekday() {
            if cursor.is_at_end() {
                return Ok(Moment::Local(midnight));
            }
            cursor.skip_separators();
        }
        // `09DEC2011:12:50`: the colon that stands for a blank has been taken already.
        if cursor == before && cursor.taken() != Some(b':') {
            return Err(DateError::NotADate);
        }
    }
    time_of_day(midnight, cursor)
}

/// ` 8:26` or ` 12:50:00` up to the end; `None` sends the rest down the general path.
fn plain_time(bytes: &[u8]) -> Option<i64> {
    let (hour, rest) = match *bytes {
        [b' ' | b'T', h0, b':', ref rest @ ..] => (fixed::<1>(&[h0])?, rest),
        [b' ' | b'T', h0, h1, b':', ref rest @ ..] => (fixed::<2>(&[h0, h1])?, rest),
        _ => return None,
    };
    match *rest {
        [m0, m1] => seconds_of_day(hour, fixed::<2>(&[m0, m1])?, 0).ok(),
        [m0, m1, b':', s0, s1] => seconds_of_day(hour, fixed::<2>(&[m0, m1])?, fixed::<2>(&[s0, s1])?).ok(),
        _ => None,
    }
}

/// A time of day and an offset, up to the end.
pub(super) fn time_of_day(midnight: i64, mut cursor: Cursor<'_>) -> Result<Moment, DateError> {
    let seconds = clock_time(&mut cursor)?;
    finish(midnight + seconds, cursor)
}

/// `8:26`, `12:50:00.5`, `3:05 PM`, `오후 3:05`, `15時05分`, `15h05`, `15.05 Uhr`: seconds since midnight.
pub(super) fn clock_time(cursor: &mut Cursor<'_>) -> Result<i64, DateError> {
    let half = cursor.half_of_day();
    cursor.skip_blanks();
    let (hour, _) = cursor.digits(2).ok_or(DateError::NotADate)?;
    let (mut minute, mut second) = (0, 0);
    if cursor.accept_any(&["时", "時", "点", "點", "시"]) {
        minute = counted(cursor, &["分", "분"])?;
        second = counted(cursor, &["秒", "초"])?;
    } else if cursor.accept(b'h') || cursor.accept(b'H') {
        if cursor.rest().first().is_some_and(u8::is_ascii_digit) {
            minute = two_digits(cursor)?;
        }
    } else {
        let separator = cursor
            .next()
            .filter(|byte| matches!(byte, b':' | b'.'))
            .ok_or(DateError::NotADate)?;
        minute = two_digits(cursor)?;
        if cursor.accept(separator) {
            second = two_digits(cursor)?;
            cursor.fraction();
        }
    }
    let mut ahead = *cursor;
    ahead.skip_blanks();
    let half = match half.or_else(|| ahead.half_of_day()) {
        Some(half) => {
            *cursor = ahead;
            Some(half)
        }
        None => {
            if ahead.accept_any_word(&["uhr", "uur", "h", "hs", "hrs"]) {
                *cursor = ahead;
            }
            None
        }
    };
    let hour = match half {
        Some(_) if !(1..=12).contains(&hour) => return Err(DateError::OutOfRange),
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
        None => hour,
    };
    seconds_of_day(hour, minute, second)
}

fn two_digits(cursor: &mut Cursor<'_>) -> Result<u32, DateError> {
    match cursor.digits(2) {
        Some((value, 2)) => Ok(value),
        _ => Err(DateError::NotADate),
    }
}

/// A number with its unit behind it; 0 if there is no number.
fn counted(cursor: &mut Cursor<'_>, units: &[&str]) -> Result<u32, DateError> {
    cursor.skip_blanks_before(|byte| byte.is_ascii_digit());
    if !cursor.rest().first().is_some_and(u8::is_ascii_digit) {
        return Ok(0);
    }
    let (value, _) = cursor.digits(2).ok_or(DateError::NotADate)?;
    cursor.accept_any(units).then_some(value).ok_or(DateError::NotADate)
}

/// The rest after a time of day: nothing, an offset, or the abbreviation of a zone. `CST` is a zone of Chicago, of
/// Havana and of Shanghai: such a time stays on the wall clock.
pub(super) fn finish(local: i64, mut cursor: Cursor<'_>) -> Result<Moment, DateError> {
    if cursor.is_at_end() {
        return Ok(Moment::Local(local));
    }
    let zone = cursor.zone().ok_or(DateError::NotADate)?;
    if !cursor.is_at_end() {
        return Err(DateError::NotADate);
    }
    in_zone(local, zone)
}

pub(super) fn in_zone(local: i64, zone: Zone) -> Result<Moment, DateError> {
    let Zone::Offset(offset) = zone else {
        return Ok(Moment::Local(local));
    };
    let instant = local - offset;
    RANGE
        .contains(&instant)
        .then_some(Moment::Instant(instant))
        .ok_or(DateError::OutOfRange)
}
