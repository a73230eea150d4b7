//! One reader for each way to write a date, and what they share: the calendar, times of day, offsets.
//!
//! All take bytes that are trimmed and not empty.

use super::cursor::{self, Cursor};
use super::{DateError, Moment, SECONDS_PER_DAY};

/// 0001-01-01T00:00:00 and 9999-12-31T23:59:59.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Days since 1970-01-01 of a day of the Gregorian calendar, in years 1 to 9999.
fn days_from_civil(year: u32, month: u32, day: u32) -> Result<i64, DateError> {
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

#[inline]
pub(super) fn parse_iso(bytes: &[u8]) -> Result<Moment, DateError> {
    let Some((&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1], rest)) = bytes.split_first_chunk::<10>() else {
        return Err(DateError::NotADate);
    };
    let (Some(year), Some(month), Some(day)) = (
        fixed::<4>(&[y0, y1, y2, y3]),
        fixed::<2>(&[m0, m1]),
        fixed::<2>(&[d0, d1]),
    ) else {
        return Err(DateError::NotADate);
    };
    let midnight = days_from_civil(year, month, day)? * SECONDS_PER_DAY;
    if rest.is_empty() {
        return Ok(Moment::Local(midnight));
    }
    if let Some((&[b' ' | b'T', h0, h1, b':', m0, m1, b':', s0, s1], after)) = rest.split_first_chunk::<9>()
        && let (Some(hour), Some(minute), Some(second)) =
            (fixed::<2>(&[h0, h1]), fixed::<2>(&[m0, m1]), fixed::<2>(&[s0, s1]))
    {
        let mut cursor = Cursor::new(after);
        cursor.fraction();
        if matches!(cursor.rest(), [] | [b'Z' | b'+' | b'-', ..]) {
            return finish(midnight + seconds_of_day(hour, minute, second)?, cursor);
        }
    }
    with_time(midnight, Cursor::new(rest))
}

/// Three numbers with the same separator between them, put into the order year, month, day.
pub(super) fn parse_numeric(bytes: &[u8], order: impl FnOnce([usize; 3]) -> [usize; 3]) -> Result<Moment, DateError> {
    let mut cursor = Cursor::new(bytes);
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
    with_time(days_from_civil(year, month, day)? * SECONDS_PER_DAY, cursor)
}

/// Years of two digits as POSIX reads them, where they are allowed.
fn full_year((year, width): (u32, usize), two_digits: bool) -> Result<u32, DateError> {
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
    let (Some(year), Some(month), Some(day)) = (
        fixed::<4>(&[y0, y1, y2, y3]),
        fixed::<2>(&[m0, m1]),
        fixed::<2>(&[d0, d1]),
    ) else {
        return Err(DateError::NotADate);
    };
    let midnight = days_from_civil(year, month, day)? * SECONDS_PER_DAY;
    if rest.is_empty() {
        return Ok(Moment::Local(midnight));
    }
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

pub(super) fn parse_month_name(bytes: &[u8]) -> Result<Moment, DateError> {
    let mut cursor = Cursor::new(bytes);
    let mut numbers = [(0, 0); 2];
    let (mut n_numbers, mut month, mut weekday) = (0, None, false);
    while n_numbers < 2 || month.is_none() {
        cursor.skip(|byte| matches!(byte, b' ' | b'\t' | b',' | b'-' | b'/' | b'.'));
        let word = cursor.word();
        if !word.is_empty() {
            if month.is_none()
                && let Some(found) = cursor::month(word)
            {
                month = Some((found, n_numbers));
            } else if month.is_none() && n_numbers == 0 && !weekday && cursor::is_weekday(word) {
                weekday = true;
            } else {
                return Err(DateError::NotADate);
            }
        } else if n_numbers < 2
            && let Some(number) = cursor.digits(4)
        {
            numbers[n_numbers] = number;
            n_numbers += 1;
            cursor.skip_ordinal();
        } else {
            return Err(DateError::NotADate);
        }
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
    with_time(midnight, cursor)
}

pub(super) fn parse_chinese(bytes: &[u8]) -> Result<Moment, DateError> {
    let mut cursor = Cursor::new(bytes);
    let mut numbers = [(0, 0); 3];
    for (number, units) in numbers.iter_mut().zip([&["年"][..], &["月"], &["日", "号", "號"]]) {
        cursor.skip_blanks();
        *number = cursor.digits(4).ok_or(DateError::NotADate)?;
        cursor.skip_blanks();
        if !units.iter().any(|unit| cursor.accept_text(unit)) {
            return Err(DateError::NotADate);
        }
    }
    let [year, (month, _), (day, _)] = numbers;
    let midnight = days_from_civil(full_year(year, false)?, month, day)? * SECONDS_PER_DAY;
    if !cursor.is_at_end() {
        cursor.skip_blanks();
        return time_of_day(midnight, cursor);
    }
    Ok(Moment::Local(midnight))
}

/// The rest after a date: nothing, or a separator and a time of day.
fn with_time(midnight: i64, mut cursor: Cursor<'_>) -> Result<Moment, DateError> {
    if cursor.is_at_end() {
        return Ok(Moment::Local(midnight));
    }
    if let Some(seconds) = plain_time(cursor.rest()) {
        return Ok(Moment::Local(midnight + seconds));
    }
    let before = cursor;
    if !(cursor.accept(b'T') || cursor.accept(b't')) {
        cursor.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
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

fn time_of_day(midnight: i64, mut cursor: Cursor<'_>) -> Result<Moment, DateError> {
    let mut half = cursor.half_of_day();
    cursor.skip_blanks();
    let (hour, _) = cursor.digits(2).ok_or(DateError::NotADate)?;
    let (mut minute, mut second) = (0, 0);
    let two_digits = |cursor: &mut Cursor<'_>| match cursor.digits(2) {
        Some((value, 2)) => Ok(value),
        _ => Err(DateError::NotADate),
    };
    if cursor.accept_text("时") || cursor.accept_text("時") || cursor.accept_text("点") {
        if !cursor.is_at_end() {
            (minute, _) = cursor.digits(2).ok_or(DateError::NotADate)?;
            if !cursor.accept_text("分") {
                return Err(DateError::NotADate);
            }
        }
        if !cursor.is_at_end() {
            (second, _) = cursor.digits(2).ok_or(DateError::NotADate)?;
            if !cursor.accept_text("秒") {
                return Err(DateError::NotADate);
            }
        }
    } else {
        let separator = cursor
            .next()
            .filter(|byte| matches!(byte, b':' | b'.'))
            .ok_or(DateError::NotADate)?;
        minute = two_digits(&mut cursor)?;
        if cursor.accept(separator) {
            second = two_digits(&mut cursor)?;
            cursor.fraction();
        }
    }
    let blank = cursor;
    cursor.skip_blanks();
    half = half.or_else(|| cursor.half_of_day());
    let hour = match half {
        Some(_) if !(1..=12).contains(&hour) => return Err(DateError::OutOfRange),
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
        None => {
            cursor = blank;
            hour
        }
    };
    finish(midnight + seconds_of_day(hour, minute, second)?, cursor)
}

/// The rest after a time of day: nothing, or an offset.
fn finish(local: i64, mut cursor: Cursor<'_>) -> Result<Moment, DateError> {
    if cursor.is_at_end() {
        return Ok(Moment::Local(local));
    }
    let instant = local - cursor.offset().ok_or(DateError::NotADate)?;
    if !cursor.is_at_end() {
        return Err(DateError::NotADate);
    }
    RANGE
        .contains(&instant)
        .then_some(Moment::Instant(instant))
        .ok_or(DateError::OutOfRange)
}

pub(super) fn parse_epoch(bytes: &[u8], per_second: i64) -> Result<Moment, DateError> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut cursor = Cursor::new(&digits[whole..]);
    let fraction = cursor.fraction();
    if whole == 0 || !cursor.is_at_end() {
        return Err(DateError::NotADate);
    }
    let step = |sum: i64, byte: &u8| sum.checked_mul(10)?.checked_add(i64::from(byte - b'0'));
    let count = digits[..whole].iter().try_fold(0, step).ok_or(DateError::OutOfRange)?;
    let count = if negative { -count - i64::from(fraction) } else { count };
    let seconds = count.div_euclid(per_second);
    RANGE
        .contains(&seconds)
        .then_some(Moment::Instant(seconds))
        .ok_or(DateError::OutOfRange)
}

pub(super) fn parse_excel(bytes: &[u8]) -> Result<Moment, DateError> {
    /// 9999-12-31.
    const LAST: u32 = 2_958_465;
    /// 1900-02-29, a day that spreadsheets have and the calendar does not.
    const NO_DAY: u32 = 60;
    const EPOCH: i64 = 25_569;
    let mut cursor = Cursor::new(bytes);
    let (serial, _) = cursor.digits(7).ok_or(DateError::NotADate)?;
    // Twelve decimals are finer than a microsecond, and times 86,400 still fit 64 bits.
    let (mut numerator, mut denominator) = (0_i64, 1_i64);
    if cursor.accept(b'.') || cursor.accept(b',') {
        while let Some(byte) = cursor.next() {
            if !byte.is_ascii_digit() {
                return Err(DateError::NotADate);
            }
            if denominator < 1_000_000_000_000 {
                numerator = numerator * 10 + i64::from(byte - b'0');
                denominator *= 10;
            }
        }
    }
    if !cursor.is_at_end() {
        return Err(DateError::NotADate);
    }
    if serial == 0 || serial == NO_DAY || LAST < serial {
        return Err(DateError::OutOfRange);
    }
    let days = i64::from(serial) + i64::from(serial < NO_DAY) - EPOCH;
    let seconds = days * SECONDS_PER_DAY + (numerator * SECONDS_PER_DAY + denominator / 2) / denominator;
    RANGE
        .contains(&seconds)
        .then_some(Moment::Local(seconds))
        .ok_or(DateError::OutOfRange)
}
