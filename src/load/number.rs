//! Decimal numbers, from text or floats to exact scaled integers.
//!
//! In: the bytes of one field as they stand in a file (`6`, `-1,234.50`, `1.234,50 €`, `(12.00)`, `¥１２`).
//! Out: the value times `10^decimals`, rounded half away from zero, as an `i64`. Nothing goes through `f64`,
//! so `0.1` is one tenth and a file that is read twice gives the same integers.
//! Cost: linear in the length, no allocation; plain `-123.45` takes a path of its own.
//!
//! Accepted: blanks around; one sign before or after, or parentheses for a negative; a currency sign or code on
//! either side; thousands in groups of three (the other one of `,` and `.`, blank, no-break blank, apostrophe:
//! one kind per number) or as in India (`1,23,456.78`); a stroke for no cents (`12,-`, `12.–`); full-width, Arabic
//! and Devanagari digits; an exponent. A percent sign is read by [`parse_discount`] alone. All else is refused,
//! never guessed: `0x10`, `1_000`, `NaN`, `∞`, `½`; and `5.00 CR`, which takes money off one side's books and adds it
//! to the other's.

mod affix;
mod detect;
mod float;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use affix::Affixes;
pub use detect::{Detection, NumberDetector};
pub use float::{price_micros_from_f64, scaled_from_decimal, scaled_from_f32, scaled_from_f64};

/// Which character stands between units and fractions. The other one of `.` and `,` may group thousands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberFormat {
    /// `1,234.50`
    #[default]
    Point,
    /// `1.234,50`
    Comma,
}

/// Why a field is no number. Small and `Copy`: it is made once for every bad line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum NumberError {
    #[error("number is empty")]
    Empty,
    #[error("not a number")]
    NotANumber,
    #[error("number is too large")]
    Overflow,
}

impl NumberError {
    pub fn hint(self) -> &'static str {
        match self {
            Self::Empty => "fill the field, or map another column with `--map`",
            Self::NotANumber => "check the column mapping (`--map`) and the decimal mark (`point` or `comma`)",
            Self::Overflow => "check the column mapping (`--map`): this looks like an identifier, not a number",
        }
    }
}

impl NumberFormat {
    pub const ALL: [Self; 2] = [Self::Point, Self::Comma];

    /// The decimal mark, `b'.'` or `b','`.
    pub fn decimal(self) -> u8 {
        match self {
            Self::Point => b'.',
            Self::Comma => b',',
        }
    }

    /// Decides between decimal point and comma on all the values given, by [`NumberDetector`].
    pub fn detect<'a>(samples: impl IntoIterator<Item = &'a [u8]>) -> Detection {
        let mut detector = NumberDetector::default();
        samples.into_iter().for_each(|value| detector.add(value));
        detector.finish()
    }
}

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Point => "point",
            Self::Comma => "comma",
        })
    }
}

impl FromStr for NumberFormat {
    type Err = UnknownNumberFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "point" | "." => Ok(Self::Point),
            "comma" | "," => Ok(Self::Comma),
            _ => Err(UnknownNumberFormat { name: name.to_owned() }),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown decimal mark {name:?}")]
pub struct UnknownNumberFormat {
    pub name: String,
}

impl UnknownNumberFormat {
    pub fn hint(&self) -> &'static str {
        "use `point` or `comma`"
    }
}

const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1_u64; 20];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// The number in `bytes` times `10^decimals`, rounded half away from zero. Symmetric: magnitudes up to
/// `i64::MAX`.
///
/// # Errors
/// `Empty` for nothing but blanks, `Overflow` beyond `i64`, `NotANumber` for all else that is no number.
#[inline]
pub fn parse_scaled(bytes: &[u8], format: NumberFormat, decimals: u32) -> Result<i64, NumberError> {
    match parse_plain(bytes, format.decimal(), decimals) {
        Some(value) => Ok(value),
        None => parse_any(bytes, format, decimals),
    }
}

/// `-123.45` and nothing fancier; `None` sends the value down the general path.
#[inline]
fn parse_plain(bytes: &[u8], mark: u8, decimals: u32) -> Option<i64> {
    /// So that the mantissa fits 64 bits without a check.
    const MAX_DIGITS: usize = 19;
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.len() > MAX_DIGITS {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut at = 0;
    while at < digits.len() {
        let digit = digits[at].wrapping_sub(b'0');
        if 9 < digit {
            break;
        }
        mantissa = mantissa * 10 + u64::from(digit);
        at += 1;
    }
    let mut fraction_digits = 0;
    if at < digits.len() {
        if digits[at] != mark {
            return None;
        }
        let fraction = &digits[at + 1..];
        for byte in fraction {
            let digit = byte.wrapping_sub(b'0');
            if 9 < digit {
                return None;
            }
            mantissa = mantissa * 10 + u64::from(digit);
        }
        fraction_digits = fraction.len();
    }
    if at + fraction_digits == 0 {
        return None;
    }
    let decimals = decimals as usize;
    let magnitude = if fraction_digits <= decimals {
        mantissa.checked_mul(*POWERS_OF_TEN.get(decimals - fraction_digits)?)?
    } else {
        divide_rounded(mantissa, POWERS_OF_TEN[fraction_digits - decimals])
    };
    signed(magnitude, negative).ok()
}

/// Half away from zero, without the overflow of adding half first.
fn divide_rounded(magnitude: u64, divisor: u64) -> u64 {
    let (quotient, rest) = (magnitude / divisor, magnitude % divisor);
    quotient + u64::from(divisor - rest <= rest)
}

fn signed(magnitude: u64, negative: bool) -> Result<i64, NumberError> {
    let value = i64::try_from(magnitude).map_err(|_| NumberError::Overflow)?;
    Ok(if negative { -value } else { value })
}

#[cold]
fn parse_any(bytes: &[u8], format: NumberFormat, decimals: u32) -> Result<i64, NumberError> {
    match parse_with_affixes(bytes, format, decimals)? {
        (value, false) => Ok(value),
        (_, true) => Err(NumberError::NotANumber),
    }
}

/// The number in `bytes` and whether a percent sign stands at it: `10%`, `10 %`, `％12,5`. A discount is written as
/// an amount, as percent or as a share; this reads what is written and leaves the meaning to the caller: `10%`
/// gives 10, not a tenth.
///
/// # Errors
/// As [`parse_scaled`]; a percent sign beside a currency is `NotANumber`.
#[inline]
pub fn parse_discount(bytes: &[u8], format: NumberFormat, decimals: u32) -> Result<(i64, bool), NumberError> {
    match parse_plain(bytes, format.decimal(), decimals) {
        Some(value) => Ok((value, false)),
        None => parse_with_affixes(bytes, format, decimals),
    }
}

/// The general path, with whether a percent sign was found.
#[cold]
fn parse_with_affixes(bytes: &[u8], format: NumberFormat, decimals: u32) -> Result<(i64, bool), NumberError> {
    let text = std::str::from_utf8(bytes).map_err(|_| NumberError::NotANumber)?;
    let text = affix::trim(text);
    if text.is_empty() {
        return Err(NumberError::Empty);
    }
    let affixes = Affixes::strip(text, format).ok_or(NumberError::NotANumber)?;
    let shape = Shape::of(affixes.number, format).ok_or(NumberError::NotANumber)?;
    Ok((signed(shape.magnitude(decimals)?, affixes.negative)?, affixes.percent))
}

/// ASCII, full-width, Arabic, Persian and Devanagari digits.
#[inline]
fn digit(c: char) -> Option<u8> {
    /// Where the other rows of ten digits start.
    const ZEROS: [char; 4] = ['０', '\u{660}', '\u{6F0}', '\u{966}'];
    let from = |zero: char| {
        let value = u32::from(c).wrapping_sub(u32::from(zero));
        (value < 10).then_some(value as u8)
    };
    if c.is_ascii() {
        return from('0');
    }
    ZEROS.into_iter().find_map(from)
}

/// A number whose form has been checked.
struct Shape<'a> {
    /// Digits, marks and separators, without the exponent.
    text: &'a str,
    integer_digits: i64,
    digits: i64,
    exponent: i64,
}

impl<'a> Shape<'a> {
    fn of(text: &'a str, format: NumberFormat) -> Option<Self> {
        let mark = char::from(format.decimal());
        let mut shape = Self {
            text,
            integer_digits: 0,
            digits: 0,
            exponent: 0,
        };
        let mut groups = Groups::default();
        let mut after_mark = false;
        let mut run = 0;
        for (at, c) in text.char_indices() {
            let c = match c {
                '．' => '.',
                '，' => ',',
                // Arabic has marks of its own, which leave no doubt.
                '\u{66B}' => mark,
                c => c,
            };
            if digit(c).is_some() {
                run += 1;
                shape.digits += 1;
                shape.integer_digits += i64::from(!after_mark);
            } else if c == mark && !after_mark {
                if !groups.end(run) {
                    return None;
                }
                after_mark = true;
            } else if is_group_separator(c) && !after_mark {
                // A first group of `0` or `012` is never written, which tells `0.125` from thousands.
                if !groups.next(c, run, mark) || text.chars().next().and_then(digit) == Some(0) {
                    return None;
                }
                run = 0;
            } else if matches!(c, 'e' | 'E') && 0 < shape.digits {
                shape.text = &text[..at];
                shape.exponent = exponent(&text[at + 1..])?;
                break;
            } else {
                return None;
            }
        }
        let ends_well = after_mark || groups.end(run);
        (0 < shape.digits && ends_well).then_some(shape)
    }

    fn magnitude(&self, decimals: u32) -> Result<u64, NumberError> {
        // Digits before `cut` are kept; the one at `cut` alone decides the rounding.
        let cut = self.integer_digits + self.exponent + i64::from(decimals);
        let mut magnitude = 0_u64;
        let push = |magnitude: u64, digit: u8| {
            magnitude
                .checked_mul(10)
                .and_then(|m| m.checked_add(u64::from(digit)))
                .ok_or(NumberError::Overflow)
        };
        for (at, digit) in (0_i64..).zip(self.text.chars().filter_map(digit)) {
            if at < cut {
                magnitude = push(magnitude, digit)?;
            } else {
                magnitude += u64::from(at == cut && 5 <= digit && magnitude < u64::MAX);
                return Ok(magnitude);
            }
        }
        if magnitude != 0 {
            for _ in self.digits..cut {
                magnitude = push(magnitude, 0)?;
            }
        }
        Ok(magnitude)
    }
}

/// The thousands of a number, as far as it has been read: groups of three everywhere, and of two before the last
/// three in India (`1,23,45,678.90`, always with commas).
#[derive(Default)]
struct Groups {
    separator: Option<char>,
    /// Digits before the first separator.
    first: usize,
    /// Digits of the groups between the first and the last; 0 while there is none.
    middle: usize,
}

impl Groups {
    /// A separator after `run` digits; whether it may stand there.
    fn next(&mut self, separator: char, run: usize, mark: char) -> bool {
        let Some(same) = self.separator else {
            (self.separator, self.first) = (Some(separator), run);
            return (1..=3).contains(&run);
        };
        let is_indian = run == 2 && self.first <= 2 && separator == ',' && mark == '.';
        let is_like_others = self.middle == 0 || self.middle == run;
        self.middle = run;
        same == separator && is_like_others && (run == 3 || is_indian)
    }

    /// Whether the number may end, or its mark stand, after `run` digits.
    fn end(&self, run: usize) -> bool {
        self.separator.is_none() || run == 3
    }
}

fn is_group_separator(c: char) -> bool {
    matches!(
        c,
        ',' | '.' | ' ' | '\u{A0}' | '\u{2007}' | '\u{2009}' | '\u{202F}' | '\'' | '\u{2019}' | '\u{66C}'
    )
}

fn exponent(text: &str) -> Option<i64> {
    /// Far beyond any scale in use, and far from overflow.
    const LIMIT: i64 = 1_000_000;
    let (negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits
        .chars()
        .try_fold(0, |sum: i64, c| Some((sum * 10 + i64::from(digit(c)?)).min(LIMIT)))?;
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::NumberError::{Empty, NotANumber, Overflow};
    use super::NumberFormat::{Comma, Point};
    use super::*;

    fn at_4(text: &str, format: NumberFormat) -> Result<i64, NumberError> {
        parse_scaled(text.as_bytes(), format, 4)
    }

    #[test]
    fn numbers_with_a_decimal_point() {
        let table = "6=60000|2.55=25500|-0.001=-10|  29.33 =293300|.5=5000|5.=50000|+7=70000|-0=0|\
            12-=-120000|(12.50)=-125000|($1,234.50)=-12345000|$(1,234.50)=-12345000|\
            (1,234.50) USD=-12345000|1,234=12340000|12,345,678.9=123456789000|1 234.5=12345000|\
            1\u{A0}234\u{A0}567=12345670000|1\u{202F}234.5=12345000|1'234.50=12345000|\
            1’234.50=12345000|$5=50000|-$5.25=-52500|$-5.25=-52500|$.50=5000|$5.00 USD=50000|\
            US$ 5=50000|HK$5=50000|5 USD=50000|CHF 1'000.05=10000500|eur5=50000|Rs.500=5000000|\
            500 kr.=5000000|£3.39=33900|￥１，２３４．５=12345000|１２元=120000|−3=-30000|1e3=10000000|\
            1.5E-2=150|2.5e+1=250000|0e99999999999999999999=0|1e-99999999999999999999=0|\
            1,234.50-=-12345000|-$5.00=-50000|$-5.00=-50000|１，２３４．５６=12345600|00012=120000|0.00005=1|-0.00005=-1|0.00004999999999999999999999999999=0|\
            0.000050000000000000000000000=1|2.675e0=26750|\
            922337203685477.5807=9223372036854775807|-922337203685477.5807=-9223372036854775807|\
            000000000000000000000000000000001=10000|1,23,456.78=1234567800|12,34,567=12345670000|1,00,00,000=100000000000|\
            ₹ 1,23,456=1234560000|12.-=120000|CHF 12.–=120000|-12.—=-120000|٣=30000|١٬٢٣٤٫٥٠=12345000|\
            ۱۲.۵=125000|१,२३,४५६=1234560000|\u{200F}1,234.50 \u{200F}₪=12345000|\u{61C}-١٢=-120000";
        for (text, expected) in table.split('|').filter_map(|entry| entry.split_once('=')) {
            assert_eq!(at_4(text, Point), Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn numbers_with_a_decimal_comma() {
        let table = "6=60000|2,55=25500|1.234,5=12345000|1.234=12340000|1,234=12340|1 234,50 €=12345000|\
            -1.234.567,89=-12345678900|12,50-=-125000|R$ 1.234,50=12345000|0,125=1250|\
            1\u{202F}234,50=12345000|12,-=120000|12,- €=120000|12,--=120000|12,-- €=120000|12,—=120000|1.234,–=12340000|-5,-=-50000|\
            ١٬٢٣٤٫٥٠=12345000";
        for (text, expected) in table.split('|').filter_map(|entry| entry.split_once('=')) {
            assert_eq!(at_4(text, Comma), Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", " ", "\u{A0}", "\t"] {
            assert_eq!(at_4(text, Point), Err(Empty), "{text:?}");
        }
        let table = "abc|NaN|nan|inf|-inf|Infinity|-|+|.|-.|()|(|)|$|USD|e5|1e|1e+|1e1.5|--5|-5-|-(5)|\
            (-5)|(5|5)|1,23|1,2345|1,23,45|123,45,678|1,23,456,789|1,234,56,789|12 34 567|1234,567|,123|1,234,|1,234 567|0,123|1.2.3|1.234,5|\
            1.234,567.8|0x10|5%|5¢|3万元|$$5|$ $5|5 USD EUR|ABC 5|5 pcs|USD.50|12,-|12.---|.-|12.50.-|5 5|\
            1_000|½|∞|5.00 CR|5.00 DR|5‰|2011-12-09|12:50|C536365";
        for text in table.split('|') {
            assert_eq!(at_4(text, Point), Err(NotANumber), "{text:?}");
        }
        for text in ["12.-", "12-,", "1.23.456", "0.125", "1234.5", "12.5", "1.23"] {
            assert_eq!(at_4(text, Comma), Err(NotANumber), "{text:?}");
        }
        assert_eq!(parse_scaled(b"\xff5", Point, 4), Err(NotANumber));
        for text in [
            "922337203685477.5808",
            "-922337203685477.5808",
            "1e15",
            "1e400",
            "99999999999999999999",
        ] {
            assert_eq!(at_4(text, Point), Err(Overflow), "{text:?}");
        }
    }

    #[test]
    fn a_percent_sign_is_read_and_reported() {
        for (text, format, expected) in [
            ("10", Point, Ok((100_000, false))),
            ("0.10", Point, Ok((1_000, false))),
            ("$5.00", Point, Ok((50_000, false))),
            ("10%", Point, Ok((100_000, true))),
            ("10 %", Point, Ok((100_000, true))),
            ("%10", Point, Ok((100_000, true))),
            (" 12,5% ", Comma, Ok((125_000, true))),
            ("12,5\u{A0}%", Comma, Ok((125_000, true))),
            ("１０％", Point, Ok((100_000, true))),
            ("٪١٢", Point, Ok((120_000, true))),
            ("-10%", Point, Ok((-100_000, true))),
            ("(10%)", Point, Ok((-100_000, true))),
            ("10%-", Point, Ok((-100_000, true))),
            ("", Point, Err(Empty)),
            ("%", Point, Err(NotANumber)),
            ("10%%", Point, Err(NotANumber)),
            ("%10%", Point, Err(NotANumber)),
            ("$10%", Point, Err(NotANumber)),
            ("10% off", Point, Err(NotANumber)),
            ("8折", Point, Err(NotANumber)),
            ("10,-%", Comma, Err(NotANumber)),
        ] {
            assert_eq!(parse_discount(text.as_bytes(), format, 4), expected, "{text}");
        }
    }

    fn grouped(digits: &str, separator: &str) -> String {
        let mut text = String::new();
        for (at, c) in digits.chars().enumerate() {
            if 0 < at && (digits.len() - at).is_multiple_of(3) {
                text += separator;
            }
            text.push(c);
        }
        text
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, decimals in 0_u32..40) {
            for format in NumberFormat::ALL {
                let _ = (parse_scaled(&bytes, format, decimals), parse_discount(&bytes, format, decimals));
            }
        }

        #[test]
        fn any_number_like_text_is_read_or_refused(text in "[-+(). ,'0-9０-９٠-٩eE$€元USDkr%–\u{A0}]{0,30}", decimals in 0_u32..40) {
            for format in NumberFormat::ALL {
                let number = parse_scaled(text.as_bytes(), format, decimals);
                let discount = parse_discount(text.as_bytes(), format, decimals);
                // A discount is any number, and what is a number with a percent sign.
                if !text.contains('%') {
                    prop_assert_eq!(number.map(|value| (value, false)), discount, "{}", text);
                }
            }
        }

        #[test]
        fn written_numbers_come_back(value in -i64::MAX..=i64::MAX, style in 0..8) {
            let (sign, units) = (if value < 0 { "-" } else { "" }, (value.unsigned_abs() / 10_000).to_string());
            let fraction = format!("{:04}", value.unsigned_abs() % 10_000);
            let (text, format) = match style {
                0 => (format!("{sign}{units}.{fraction}"), Point),
                1 => (format!("{sign}{units},{fraction}"), Comma),
                2 => (format!("{sign}{}.{fraction}", grouped(&units, ",")), Point),
                3 => (format!("{}{sign}", grouped(&units, ".") + "," + &fraction), Comma),
                4 => (format!("{sign}$ {}.{fraction}", grouped(&units, "'")), Point),
                5 => (format!("{sign}{},{fraction} EUR", grouped(&units, "\u{202F}")), Comma),
                6 => (format!("{sign}{units}{fraction}e-4"), Point),
                _ => (format!("{sign}0,{units}{fraction}E{}", units.len()), Comma),
            };
            prop_assert_eq!(at_4(&text, format), Ok(value), "{}", text);
        }

        #[test]
        fn plain_and_general_paths_agree(text in "-?[0-9]{0,12}(\\.[0-9]{0,9})?", decimals in 0_u32..12) {
            if let Some(value) = parse_plain(text.as_bytes(), b'.', decimals) {
                prop_assert_eq!(parse_any(text.as_bytes(), Point, decimals), Ok(value), "{}", text);
            }
        }
    }
}
