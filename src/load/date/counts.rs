//! Dates that are a number: seconds and their fractions since 1970, days since 1900.

use super::cursor::Cursor;
use super::formats::RANGE;
use super::{DateError, Moment, SECONDS_PER_DAY};

/// A count since 1970-01-01T00:00:00Z, of which `per_second` make a second.
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

/// Milliseconds, also as .NET wraps them: `/Date(1323435900000)/`, `/Date(1323435900000+0100)/`. The offset there
/// says where it was written and moves nothing.
pub(super) fn parse_epoch_millis(bytes: &[u8]) -> Result<Moment, DateError> {
    parse_epoch(unwrapped(bytes).unwrap_or(bytes), 1_000)
}

fn unwrapped(bytes: &[u8]) -> Option<&[u8]> {
    let inner = bytes.strip_prefix(b"/Date(")?.strip_suffix(b")/")?;
    Some(match inner {
        [count @ .., b'+' | b'-', a, b, c, d] if [a, b, c, d].into_iter().all(u8::is_ascii_digit) => count,
        _ => inner,
    })
}

/// Days of the 1900 system of spreadsheets.
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
