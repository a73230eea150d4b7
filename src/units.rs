//! Money and quantities as integers, numbers that may be missing, calendar days, horizons.
//!
//! In: decimal numbers and dates as they stand in files. Out: exact integers, so that a sum does not depend
//! on the order of its terms, on threads or on how a file was split.

use std::fmt;

use chrono::{Datelike, NaiveDate};

/// Ten-thousandths in one unit: enough for prices such as 0.001 and weights such as 0.345 kg.
pub const UNITS_PER_ONE: i64 = 10_000;

/// The largest magnitude that a single line may carry, in whole units. Beyond it a number is taken for
/// garbage (rule `bad_amount`); below it 9,000 such lines of one customer still fit an `i64`.
pub const LINE_LIMIT: f64 = 1e11;

/// An amount of money or a quantity, in ten-thousandths of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(pub i64);

impl Fixed {
    pub const ZERO: Self = Self(0);

    /// The nearest ten-thousandth; `None` for NaN, infinities and magnitudes beyond [`LINE_LIMIT`].
    pub fn from_f64(value: f64) -> Option<Self> {
        (value.abs() <= LINE_LIMIT).then(|| Self((value * UNITS_PER_ONE as f64).round() as i64))
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / UNITS_PER_ONE as f64
    }

    /// `quantity` (ten-thousandths) times `price` in millionths of a currency unit, rounded half away from
    /// zero; `None` beyond [`LINE_LIMIT`].
    pub fn quantity_times_price(quantity: Self, price_micros: i64) -> Option<Self> {
        const MICROS: i128 = 1_000_000;
        // Nearly every product fits 64 bits, whose division by a constant is a multiplication.
        if let Some(product) = quantity.0.checked_mul(price_micros)
            && product.unsigned_abs() < 1 << 62
        {
            let half = if product < 0 {
                -(MICROS as i64) / 2
            } else {
                MICROS as i64 / 2
            };
            return Some(Self((product + half) / MICROS as i64));
        }
        let product = i128::from(quantity.0) * i128::from(price_micros);
        let half = if product < 0 { -MICROS / 2 } else { MICROS / 2 };
        let rounded = (product + half) / MICROS;
        let limit = LINE_LIMIT as i128 * i128::from(UNITS_PER_ONE);
        (rounded.abs() <= limit).then_some(Self(rounded as i64))
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.to_f64())
    }
}

/// A number that may be missing, in the eight bytes of the number, where `Option<f64>` takes sixteen. NaN is missing.
#[derive(Clone, Copy)]
pub struct MaybeF64(f64);

impl MaybeF64 {
    pub const NONE: Self = Self(f64::NAN);

    /// The number, if it is one: neither missing nor infinite.
    pub fn finite(value: f64) -> Self {
        if value.is_finite() { Self(value) } else { Self::NONE }
    }

    pub fn get(self) -> Option<f64> {
        (!self.0.is_nan()).then_some(self.0)
    }
}

impl From<Option<f64>> for MaybeF64 {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::NONE, Self)
    }
}

impl PartialEq for MaybeF64 {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl PartialOrd for MaybeF64 {
    /// A missing number comes first, as with `Option`.
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

impl fmt::Debug for MaybeF64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl IntoIterator for &MaybeF64 {
    type Item = f64;
    type IntoIter = std::option::IntoIter<f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.get().into_iter()
    }
}

/// A sum of ten-thousandths as a number of units.
pub fn sum_to_f64(sum: i128) -> f64 {
    sum as f64 / UNITS_PER_ONE as f64
}

/// The median; the mean of the middle two for an even count. `None` for nothing. Linear in the values.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    match lower {
        Some(lower) if n.is_multiple_of(2) => Some((lower + upper) / 2.0),
        _ => Some(upper),
    }
}

/// The sum of the known values; `None` when none is known.
pub fn sum_known(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values
        .flatten()
        .fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

/// A calendar day in the run's time zone: days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    const UNIX_EPOCH_FROM_CE: i32 = 719_163;

    pub fn from_date(date: NaiveDate) -> Self {
        Self(date.num_days_from_ce() - Self::UNIX_EPOCH_FROM_CE)
    }

    pub fn to_date(self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(self.0.saturating_add(Self::UNIX_EPOCH_FROM_CE)).unwrap_or(if self.0 < 0 {
            NaiveDate::MIN
        } else {
            NaiveDate::MAX
        })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_date().format("%Y-%m-%d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_number_behaves_as_none() {
        assert_eq!(size_of::<MaybeF64>(), 8);
        let [none, one, two] = [None, Some(1.0), Some(2.0)].map(MaybeF64::from);
        assert_eq!(
            (none.get(), one.get(), format!("{none:?} {two:?}")),
            (None, Some(1.0), "None Some(2.0)".to_owned())
        );
        assert!(none == MaybeF64::finite(f64::NEG_INFINITY) && none < one && one < two && MaybeF64::finite(1.0) == one);
        assert_eq!([none, one, none, two].iter().flatten().sum::<f64>(), 3.0);
    }

    #[test]
    fn price_times_quantity_is_exact() {
        let six = Fixed(6 * UNITS_PER_ONE);
        assert_eq!(Fixed::quantity_times_price(six, 2_550_000), Some(Fixed(153_000)));
        assert_eq!(Fixed::quantity_times_price(Fixed(-10_000), 1_000), Some(Fixed(-10)));
        assert_eq!(Fixed::quantity_times_price(Fixed(i64::MAX), i64::MAX), None);
    }

    #[test]
    fn floats_that_are_no_amount_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1.1e11] {
            assert_eq!(Fixed::from_f64(bad), None);
        }
        assert_eq!(Fixed::from_f64(29.33), Some(Fixed(293_300)));
    }

    #[test]
    fn days_round_trip() {
        let date = NaiveDate::from_ymd_opt(2011, 12, 9).unwrap();
        assert_eq!(Day::from_date(date).to_date(), date);
        assert_eq!(Day(0).to_string(), "1970-01-01");
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }
}
