//! Floats and binary decimals of typed files, to the same integers that their text would give.

use std::fmt;

use super::{NumberError, NumberFormat, POWERS_OF_TEN, parse_any, signed};

/// What [`super::parse_scaled`] makes of the shortest decimal text that reads back as `value`: `2.675` gives 2.68 at
/// two decimals although the float lies below it.
///
/// # Errors
/// `NotANumber` for NaN and infinities, `Overflow` beyond `i64`.
#[inline]
pub fn scaled_from_f64(value: f64, decimals: u32) -> Result<i64, NumberError> {
    // The text and the float differ by half an ulp at most, the product by another half.
    scaled_from_float(value, decimals, f64::EPSILON * 2.0, |buffer| {
        fmt::write(buffer, format_args!("{value:e}"))
    })
}

/// The same for single precision: `2.55_f32` is 2.55, not 2.5499999523.
///
/// # Errors
/// As [`scaled_from_f64`].
#[inline]
pub fn scaled_from_f32(value: f32, decimals: u32) -> Result<i64, NumberError> {
    let slack = f64::from(f32::EPSILON) * 2.0;
    scaled_from_float(f64::from(value), decimals, slack, |buffer| {
        fmt::write(buffer, format_args!("{value:e}"))
    })
}

/// A unit price in millionths.
///
/// # Errors
/// As [`scaled_from_f64`].
#[inline]
pub fn price_micros_from_f64(value: f64) -> Result<i64, NumberError> {
    scaled_from_f64(value, 6)
}

#[inline]
fn scaled_from_float(
    value: f64,
    decimals: u32,
    slack: f64,
    write: impl FnOnce(&mut Buffer) -> fmt::Result,
) -> Result<i64, NumberError> {
    /// Where a float still has bits for halves to spare.
    const LIMIT: f64 = (1_u64 << 50) as f64;
    if !value.is_finite() {
        return Err(NumberError::NotANumber);
    }
    if let Some(&power) = POWERS_OF_TEN.get(decimals as usize) {
        let scaled = value.abs() * power as f64;
        let whole = scaled as u64;
        if scaled < LIMIT && scaled * slack < (scaled - whole as f64 - 0.5).abs() {
            return signed(whole + u64::from(0.5 < scaled - whole as f64), value < 0.0);
        }
    }
    let mut buffer = Buffer {
        bytes: [0; 32],
        length: 0,
    };
    write(&mut buffer).map_err(|_| NumberError::NotANumber)?;
    parse_any(&buffer.bytes[..buffer.length], NumberFormat::Point, decimals)
}

/// Holds the longest `{:e}` text of a double, 24 bytes.
struct Buffer {
    bytes: [u8; 32],
    length: usize,
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A Parquet or Arrow decimal (`unscaled / 10^scale`) times `10^decimals`, rounded half away from zero.
///
/// # Errors
/// `Overflow` beyond `i64`.
pub fn scaled_from_decimal(unscaled: i128, scale: i32, decimals: u32) -> Result<i64, NumberError> {
    let shift = i64::from(decimals) - i64::from(scale);
    let power = u32::try_from(shift.unsigned_abs())
        .ok()
        .and_then(|power| 10_u128.checked_pow(power));
    let magnitude = unscaled.unsigned_abs();
    let scaled = match power {
        Some(power) if shift < 0 => {
            let (quotient, rest) = (magnitude / power, magnitude % power);
            quotient + u128::from(power - rest <= rest)
        }
        Some(power) => magnitude.checked_mul(power).ok_or(NumberError::Overflow)?,
        None if shift < 0 || magnitude == 0 => 0,
        None => return Err(NumberError::Overflow),
    };
    signed(u64::try_from(scaled).map_err(|_| NumberError::Overflow)?, unscaled < 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parse_scaled;
    use super::NumberError::{NotANumber, Overflow};
    use super::NumberFormat::Point;
    use super::*;

    #[test]
    fn floats_become_what_their_text_says() {
        for (value, decimals, expected) in [
            (2.55, 4, Ok(25_500)),
            (2.675, 2, Ok(268)),
            (1.005, 2, Ok(101)),
            (-1.005, 2, Ok(-101)),
            (0.00005, 4, Ok(1)),
            (1e-320, 4, Ok(0)),
            (-0.0, 4, Ok(0)),
            (1e15, 4, Err(Overflow)),
            (f64::MAX, 4, Err(Overflow)),
            (f64::NAN, 4, Err(NotANumber)),
            (f64::INFINITY, 4, Err(NotANumber)),
        ] {
            assert_eq!(scaled_from_f64(value, decimals), expected, "{value}");
        }
        assert_eq!(scaled_from_f32(2.55, 4), Ok(25_500));
        assert_eq!(scaled_from_f32(1.005, 2), Ok(101));
        assert_eq!(price_micros_from_f64(0.000_000_5), Ok(1));
    }

    #[test]
    fn decimals_are_rescaled() {
        assert_eq!(scaled_from_decimal(255, 2, 4), Ok(25_500));
        assert_eq!(scaled_from_decimal(-125, 2, 1), Ok(-13));
        assert_eq!(scaled_from_decimal(7, -2, 4), Ok(7_000_000));
        assert_eq!(scaled_from_decimal(i128::MIN, 38, 4), Ok(-17_014));
        assert_eq!(scaled_from_decimal(i128::MAX, 0, 4), Err(Overflow));
        assert_eq!(scaled_from_decimal(9, i32::MAX, 4), Ok(0));
        assert_eq!(scaled_from_decimal(9, i32::MIN, 4), Err(Overflow));
    }

    proptest! {
        #[test]
        fn floats_and_their_text_agree(value: f64, small in -1e9..1e9_f64, cents in -100_000_000_i64..100_000_000, decimals in 0_u32..8) {
            for value in [value, small, cents as f64 / 1e5, (cents as f64 + 0.5) / 1e4] {
                let expected = parse_scaled(value.to_string().as_bytes(), Point, decimals);
                prop_assert_eq!(scaled_from_f64(value, decimals), expected, "{}", value);
                let single = value as f32;
                let expected = parse_scaled(single.to_string().as_bytes(), Point, decimals);
                if single.is_finite() {
                    prop_assert_eq!(scaled_from_f32(single, decimals), expected, "{}", single);
                }
            }
        }
    }
}
