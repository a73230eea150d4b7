//! Clean lines as bytes: what a line shares with the one before is not said again, and numbers take what they need.
//!
//! Lines of an order come one after another more often than not, so order, customer and minute stand once for a run of
//! lines. A line of an order of four takes 14 bytes where a [`Line`] takes 56; 26 where each is an order of its own.
//!
//! ```text
//! head    2   whether a run starts, flags, what is there, two bits for the bytes of each number
//! run    16   order, customer, minute: only where a run starts
//! group   1   where there is one
//! row    10   row and file: where they are asked for
//! numbers     quantity, amount, cost, product, 0, 2, 4 or 8 bytes each
//! ```
//!
//! All is little endian. Numbers are read eight bytes at a time, so behind the last line stand [`SLACK`] bytes more.

use super::lines::{Line, NO_COST, NO_GROUP, NONE};
use crate::units::UNITS_PER_ONE;

/// Bytes that have to stand behind the last line when lines are read.
pub const SLACK: usize = 8;

/// So large that the allocator gives each its own pages, and takes them back when it is freed.
const CHUNK_BYTES: usize = 1 << 18;
/// Up to here the first chunk grows as it fills: most runs of the program are small.
const SMALL_BYTES: usize = 1 << 13;
/// The longest line, rounded up.
const MOST_BYTES: usize = 64;

const STARTS_RUN: u16 = 1;
const FLAGS_AT: u32 = 1;
const FLAGS: u16 = 0b111;
const HAS_GROUP: u16 = 1 << 4;
const HAS_ROW: u16 = 1 << 5;
const NUMBERS_AT: u32 = 6;

const HEAD_BYTES: usize = 2;
const RUN_BYTES: usize = 16;
const GROUP_BYTES: usize = 1;
const ROW_BYTES: usize = 10;

/// A number of a line: what is written as nothing, and of what it is a multiple where it is written short.
#[derive(Clone, Copy)]
struct Number {
    absent: i64,
    unit: i64,
}

/// Money in cents.
const CENT: i64 = UNITS_PER_ONE / 100;
const QUANTITY: Number = Number {
    absent: 0,
    unit: UNITS_PER_ONE,
};
const AMOUNT: Number = Number { absent: 0, unit: CENT };
const COST: Number = Number {
    absent: NO_COST,
    unit: CENT,
};
const PRODUCT: Number = Number {
    absent: NONE as i64,
    unit: 1,
};

impl Number {
    /// How the number is written: by nothing, by 16 bits in units, by 32 bits, or as it is.
    #[inline]
    fn written(self, number: i64) -> (u16, i64) {
        let in_units = number / self.unit;
        if number == self.absent {
            (0, 0)
        } else if i64::from(in_units as i16) * self.unit == number {
            (1, in_units)
        } else if i64::from(number as i32) == number {
            (2, number)
        } else {
            (3, number)
        }
    }

    #[inline]
    fn read(self, class: u16, word: i64) -> i64 {
        match class {
            0 => self.absent,
            1 => word * self.unit,
            _ => word,
        }
    }
}

/// Bytes of a number that is written in one of the four ways.
const fn bytes_of(class: u16) -> usize {
    (1 << class) & !1
}

/// Bytes of all four numbers, by their bits in the head.
const BYTES_OF_NUMBERS: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut bits = 0;
    while bits < 256 {
        let of = bytes_of(bits & 3) + bytes_of(bits >> 2 & 3) + bytes_of(bits >> 4 & 3) + bytes_of(bits >> 6 & 3);
        bytes[bits as usize] = of as u8;
        bits += 1;
    }
    bytes
};

/// Bytes of the line with this head.
#[inline]
fn length(head: u16) -> usize {
    let part = |flag: u16, bytes: usize| if head & flag != 0 { bytes } else { 0 };
    HEAD_BYTES
        + part(STARTS_RUN, RUN_BYTES)
        + part(HAS_GROUP, GROUP_BYTES)
        + part(HAS_ROW, ROW_BYTES)
        + usize::from(BYTES_OF_NUMBERS[usize::from(head >> NUMBERS_AT & 0xFF)])
}

/// Chunks that were written and may be written again: memory that was touched once is not touched for the first time again.
pub type Spare = Vec<Vec<u8>>;

/// Lines that were written one after another.
#[derive(Clone, Debug, Default)]
pub struct PackedLines {
    /// Never moved once full.
    full: Vec<Vec<u8>>,
    open: Vec<u8>,
    /// Order, customer and minute of the last line in `open`.
    run: Option<(u64, u32, u32)>,
}

impl PackedLines {
    /// Adds a line, and its row and file where they are asked for. Returns the bytes that it takes.
    #[inline]
    pub fn push(&mut self, line: &Line, with_row: bool, spare: &mut Spare) -> usize {
        if CHUNK_BYTES < self.open.len() + MOST_BYTES + SLACK {
            let next = spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES));
            self.full.push(std::mem::replace(&mut self.open, next));
            self.run = None;
        }
        let mut bytes = [0; MOST_BYTES + SLACK];
        let mut at = HEAD_BYTES;
        let mut put = |word: u64, n_bytes: usize| {
            bytes[at..at + SLACK].copy_from_slice(&word.to_le_bytes());
            at += n_bytes;
        };
        let mut head = u16::from(line.flags) << FLAGS_AT;
        let run = Some((line.order, line.customer, line.minute));
        if self.run != run {
            self.run = run;
            head |= STARTS_RUN;
            put(line.order, 8);
            put(u64::from(line.customer) | u64::from(line.minute) << 32, 8);
        }
        if line.group != NO_GROUP {
            head |= HAS_GROUP;
            put(u64::from(line.group), GROUP_BYTES);
        }
        if with_row {
            head |= HAS_ROW;
            put(line.row, 8);
            put(u64::from(line.file), 2);
        }
        let numbers = [
            QUANTITY.written(line.quantity),
            AMOUNT.written(line.amount),
            COST.written(line.cost),
            PRODUCT.written(i64::from(line.product)),
        ];
        for (place, (class, word)) in (0..).zip(numbers) {
            head |= class << (NUMBERS_AT + 2 * place);
            put(word as u64, bytes_of(class));
        }
        bytes[..HEAD_BYTES].copy_from_slice(&head.to_le_bytes());
        if self.open.capacity() < self.open.len() + bytes.len() && SMALL_BYTES <= self.open.len() {
            self.open.reserve_exact(CHUNK_BYTES - self.open.len());
        }
        // As many bytes as the compiler knows are a few stores, as many as it does not know are a call.
        let length = self.open.len() + at;
        self.open.extend_from_slice(&bytes);
        self.open.truncate(length);
        at
    }

    /// The lines as they stand in memory: put one behind the other they are lines again.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.full.iter().chain([&self.open]).map(Vec::as_slice)
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.full.is_empty()
    }

    /// Forgets the lines.
    pub fn clear(&mut self, spare: &mut Spare) {
        spare.extend(self.full.drain(..).map(|mut chunk| {
            chunk.clear();
            chunk
        }));
        self.open.clear();
        self.run = None;
    }
}

/// The eight bytes from `at`.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    let from = bytes.get(at..).unwrap_or_default();
    from.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

#[inline]
fn head(bytes: &[u8], at: usize) -> u16 {
    word(bytes, at) as u16
}

/// Where each run starts, and whose it is. [`SLACK`] bytes of `bytes` stand behind the last line.
pub fn runs(bytes: &[u8]) -> impl Iterator<Item = (u32, usize)> {
    let end = bytes.len().saturating_sub(SLACK);
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < end {
            let (start, head) = (at, head(bytes, at));
            at += length(head);
            if head & STARTS_RUN != 0 {
                return Some((word(bytes, start + HEAD_BYTES + 8) as u32, start));
            }
        }
        None
    })
}

/// Gives the lines of the run that starts at `at`. [`SLACK`] bytes of `bytes` stand behind the last line.
#[inline]
pub fn lines_of_run(bytes: &[u8], mut at: usize, mut each: impl FnMut(Line)) {
    let end = bytes.len().saturating_sub(SLACK);
    let order = word(bytes, at + HEAD_BYTES);
    let customer_and_minute = word(bytes, at + HEAD_BYTES + 8);
    let mut line = Line {
        order,
        customer: customer_and_minute as u32,
        minute: (customer_and_minute >> 32) as u32,
        ..Line::default()
    };
    let mut bits = head(bytes, at);
    loop {
        let next = at + length(bits);
        at += HEAD_BYTES + if bits & STARTS_RUN != 0 { RUN_BYTES } else { 0 };
        line.flags = (bits >> FLAGS_AT & FLAGS) as u8;
        line.group = NO_GROUP;
        if bits & HAS_GROUP != 0 {
            line.group = word(bytes, at) as u8;
            at += GROUP_BYTES;
        }
        if bits & HAS_ROW != 0 {
            (line.row, line.file) = (word(bytes, at), word(bytes, at + 8) as u16);
            at += ROW_BYTES;
        }
        let mut classes = bits >> NUMBERS_AT;
        let mut number = |of: Number| {
            let (class, n_bytes) = (classes & 3, bytes_of(classes & 3));
            let unused_bits = (64 - 8 * n_bytes as u32) & 63;
            let number = of.read(class, (word(bytes, at) << unused_bits) as i64 >> unused_bits);
            classes >>= 2;
            at += n_bytes;
            number
        };
        line.quantity = number(QUANTITY);
        line.amount = number(AMOUNT);
        line.cost = number(COST);
        line.product = number(PRODUCT) as u32;
        each(line);
        at = next;
        if end <= at {
            return;
        }
        bits = head(bytes, at);
        if bits & STARTS_RUN != 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::{IS_RETURN, NON_PRODUCT};
    use super::*;

    /// Every kind of line that packing could harm: at the limits of what fits and just beyond.
    pub fn lines() -> Vec<Line> {
        let plain = Line {
            order: 0xFEDC_BA98_7654_3210,
            quantity: -7 * UNITS_PER_ONE,
            amount: 123_400,
            cost: 9_900,
            customer: 3,
            product: 5,
            minute: 4_000_000_000,
            flags: IS_RETURN | NON_PRODUCT,
            group: 7,
            ..Line::default()
        };
        let mut lines = vec![plain];
        let shorts = [i64::from(i16::MIN), i64::from(i16::MAX)].map(|n| [n - 1, n, n + 1]);
        let longs = [i64::from(i32::MIN), i64::from(i32::MAX)].map(|n| [n - 1, n, n + 1]);
        let limits = shorts.into_iter().chain(longs).flatten();
        let limits = limits.flat_map(|n| [n, n * CENT, n * UNITS_PER_ONE, n * CENT + 1]);
        for number in limits.chain([0, 1, -1, CENT, -CENT, NO_COST + 1, i64::MAX, 1 << 50]) {
            lines.push(Line {
                quantity: number,
                ..plain
            });
            lines.push(Line {
                amount: number,
                ..plain
            });
            lines.push(Line { cost: number, ..plain });
        }
        lines.push(Line { cost: NO_COST, ..plain });
        for product in [0, 32_767, 32_768, 65_536, i32::MAX as u32, 1 << 31, NONE - 1, NONE] {
            lines.push(Line { product, ..plain });
        }
        for customer in [0, NONE - 1, NONE] {
            lines.push(Line { customer, ..plain });
        }
        for (order, minute) in [(0, 0), (u64::MAX, u32::MAX)] {
            lines.push(Line { order, minute, ..plain });
        }
        for group in [0, NO_GROUP - 1, NO_GROUP] {
            lines.push(Line {
                group,
                flags: 7,
                ..plain
            });
        }
        lines
    }

    fn unpacked(packed: &PackedLines) -> Vec<Line> {
        let mut bytes: Vec<u8> = packed.parts().flatten().copied().collect();
        bytes.extend([0; SLACK]);
        let mut lines = Vec::new();
        for (customer, at) in runs(&bytes) {
            let first = lines.len();
            lines_of_run(&bytes, at, |line| lines.push(line));
            assert!(lines[first..].iter().all(|line| line.customer == customer));
        }
        lines
    }

    #[test]
    fn lines_come_back_as_they_were() {
        let mut spare = Spare::new();
        for with_row in [false, true] {
            let lines: Vec<Line> = (1..)
                .zip(lines())
                .map(|(row, line)| Line {
                    row: if with_row { row << 40 } else { 0 },
                    file: if with_row { row as u16 } else { 0 },
                    ..line
                })
                .collect();
            let mut packed = PackedLines::default();
            // More than one chunk.
            for _ in 0..100 {
                for line in &lines {
                    packed.push(line, with_row, &mut spare);
                }
            }
            assert!(!packed.full.is_empty());
            let again = unpacked(&packed);
            assert_eq!(again.len(), 100 * lines.len());
            for same in again.chunks(lines.len()) {
                assert_eq!(same, lines);
            }
            packed.clear(&mut spare);
            assert!(packed.is_empty() && unpacked(&packed).is_empty());
            assert!(!spare.is_empty());
        }
    }

    #[test]
    fn a_line_is_as_small_as_it_is_said_to_be() {
        let of_order = |order, product| Line {
            order,
            product,
            quantity: UNITS_PER_ONE,
            amount: 19_900,
            cost: 9_900,
            group: NO_GROUP,
            ..Line::default()
        };
        let (mut packed, mut spare) = (PackedLines::default(), Spare::new());
        let mut bytes = |line| packed.push(&line, false, &mut spare);
        assert_eq!(
            [0, 1, 2, 3].map(|product| bytes(of_order(7, product))),
            [26, 10, 10, 10]
        );
        assert_eq!(bytes(of_order(8, 0)), 26);
        let longest = Line {
            quantity: i64::MAX,
            amount: i64::MAX,
            cost: i64::MAX,
            product: NONE - 1,
            ..Line::default()
        };
        let most = packed.push(&longest, true, &mut spare);
        assert!(most <= MOST_BYTES, "{most}");
    }
}
