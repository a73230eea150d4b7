//! A clean transaction line, and the codes that stand in it.

/// Code of a product or customer that is absent.
pub const NONE: u32 = u32::MAX;
/// Group of a line that has none.
pub const NO_GROUP: u8 = u8::MAX;
/// Cost of a line that is not known.
pub const NO_COST: i64 = i64::MIN;

/// A quantity or amount below zero, or a line of a cancelled order.
pub const IS_RETURN: u8 = 1;
/// The line is evidence for product pairs.
pub const IN_BASKET: u8 = 2;
/// Postage, fees and the like.
pub const NON_PRODUCT: u8 = 4;

/// One clean transaction line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Hash of the order id; only compared within one customer.
    pub order: u64,
    /// Ten-thousandths of a piece; 0 where the file has no quantity.
    pub quantity: i64,
    /// Ten-thousandths of a currency unit, negative for returns.
    pub amount: i64,
    /// Ten-thousandths of a currency unit, with the sign of the amount; [`NO_COST`] where unknown.
    pub cost: i64,
    /// Row in its file, as in the rejects table; 0 where no rule asks for it.
    pub row: u64,
    /// Code of the customer within its partition.
    pub customer: u32,
    /// Code of the product, [`NONE`] without one.
    pub product: u32,
    /// Minutes since 1900-01-01 on the wall clock of the run's time zone.
    pub minute: u32,
    pub file: u16,
    pub flags: u8,
    /// Code of the group, [`NO_GROUP`] without one.
    pub group: u8,
}

impl Line {
    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Days since 1970-01-01.
    pub fn day(&self) -> i32 {
        day_of(self.minute)
    }
}

/// Days since 1970-01-01 of minutes since 1900-01-01.
pub fn day_of(minute: u32) -> i32 {
    (minute / MINUTES_A_DAY) as i32 + DAY_1900
}

const MINUTES_A_DAY: u32 = 24 * 60;
/// 1900-01-01 in days since 1970-01-01.
const DAY_1900: i32 = -25_567;

/// Minutes since 1900-01-01 of a wall-clock time in seconds since 1970-01-01; `None` before 1900 or after 9999.
pub fn minute_of(seconds: i64) -> Option<u32> {
    u32::try_from(seconds.div_euclid(60) - i64::from(DAY_1900) * i64::from(MINUTES_A_DAY)).ok()
}

/// Codes in byte order of the ids, by the codes in order of arrival that lines are kept with.
#[derive(Clone, Debug, Default)]
pub struct Renumbered {
    pub products: Vec<u32>,
    pub groups: Vec<u8>,
}

impl Renumbered {
    #[inline]
    pub(super) fn renumbered(&self, mut line: Line) -> Line {
        if line.product != NONE {
            line.product = self.products[line.product as usize];
        }
        if line.group != NO_GROUP {
            line.group = self.groups[usize::from(line.group)];
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Day;
    use chrono::NaiveDate;

    #[test]
    fn minutes_keep_the_day() {
        for (y, m, d) in [(1900, 1, 1), (1969, 12, 31), (1970, 1, 1), (2011, 12, 9), (2200, 2, 28)] {
            let day = Day::from_date(NaiveDate::from_ymd_opt(y, m, d).unwrap());
            let last_second = i64::from(day.0) * 86_400 + 86_399;
            let line = Line {
                minute: minute_of(last_second).unwrap(),
                ..Line::default()
            };
            assert_eq!(line.day(), day.0);
        }
        assert_eq!(minute_of(-100 * 366 * 86_400), None);
    }
}
