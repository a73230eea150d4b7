//! Clean lines in partitions: all lines of one customer stand in one partition, in no particular order.

use std::sync::{Mutex, PoisonError};

/// Number of customer partitions; a customer's partition is the top byte of the hash of its id.
pub const N_CUSTOMER_PARTITIONS: usize = 256;
/// Baskets of lines without a customer, partitioned by order.
pub const N_ANONYMOUS_PARTITIONS: usize = 16;
pub const N_PARTITIONS: usize = N_CUSTOMER_PARTITIONS + N_ANONYMOUS_PARTITIONS;

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

/// One clean transaction line, 56 bytes.
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
    /// Row in its file, as in the rejects table.
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
        (self.minute / MINUTES_A_DAY) as i32 + DAY_1900
    }
}

const MINUTES_A_DAY: u32 = 24 * 60;
/// 1900-01-01 in days since 1970-01-01.
const DAY_1900: i32 = -25_567;

/// Minutes since 1900-01-01 of a wall-clock time in seconds since 1970-01-01; `None` before 1900 or after 9999.
pub fn minute_of(seconds: i64) -> Option<u32> {
    u32::try_from(seconds.div_euclid(60) - i64::from(DAY_1900) * i64::from(MINUTES_A_DAY)).ok()
}

/// Lines of one partition, in chunks that are never moved once full.
#[derive(Debug, Default)]
pub struct Partition {
    chunks: Vec<Vec<Line>>,
}

impl Partition {
    const CHUNK: usize = 1024;

    fn extend(&mut self, mut lines: &[Line]) {
        while !lines.is_empty() {
            if self.chunks.last().is_none_or(|c| c.len() == Self::CHUNK) {
                self.chunks.push(Vec::with_capacity(Self::CHUNK));
            }
            let Some(last) = self.chunks.last_mut() else { return };
            let (now, later) = lines.split_at(lines.len().min(Self::CHUNK - last.len()));
            last.extend_from_slice(now);
            lines = later;
        }
    }

    pub fn len(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        self.chunks.iter().flatten()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Line> {
        self.chunks.iter_mut().flatten()
    }
}

/// Takes lines from many threads at once.
pub struct Store {
    partitions: Vec<Mutex<Partition>>,
}

impl Store {
    pub fn new() -> Self {
        Self {
            partitions: (0..N_PARTITIONS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Scatters lines over their partitions: one counting sort, then one lock for each partition met.
    pub fn scatter(&self, lines: &[(u16, Line)]) {
        let mut starts = [0usize; N_PARTITIONS + 1];
        for (partition, _) in lines {
            starts[*partition as usize + 1] += 1;
        }
        for p in 0..N_PARTITIONS {
            starts[p + 1] += starts[p];
        }
        let mut next = starts;
        let mut sorted = vec![Line::default(); lines.len()];
        for (partition, line) in lines {
            let slot = &mut next[*partition as usize];
            sorted[*slot] = *line;
            *slot += 1;
        }
        for (p, partition) in self.partitions.iter().enumerate() {
            let part = &sorted[starts[p]..starts[p + 1]];
            if !part.is_empty() {
                partition.lock().unwrap_or_else(PoisonError::into_inner).extend(part);
            }
        }
    }

    pub fn into_partitions(self) -> Vec<Partition> {
        let open = |p: Mutex<Partition>| p.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.partitions.into_iter().map(open).collect()
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Day;
    use chrono::NaiveDate;

    #[test]
    fn a_line_is_as_small_as_it_is_said_to_be() {
        assert_eq!(size_of::<Line>(), 56);
    }

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

    #[test]
    fn scattered_lines_all_arrive_in_their_partition() {
        let store = Store::new();
        let line = |i: u64| {
            (
                (i % 272) as u16,
                Line {
                    row: i,
                    ..Line::default()
                },
            )
        };
        let lines: Vec<_> = (0..5_000).map(line).collect();
        std::thread::scope(|scope| {
            for half in lines.chunks(2_500) {
                let store = &store;
                scope.spawn(move || store.scatter(half));
            }
        });
        let partitions = store.into_partitions();
        assert_eq!(partitions.iter().map(Partition::len).sum::<usize>(), 5_000);
        assert!(
            partitions
                .iter()
                .enumerate()
                .all(|(p, lines)| lines.iter().all(|l| l.row % 272 == p as u64))
        );
    }
}
