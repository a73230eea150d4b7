//! Clean lines in partitions: all lines of one customer stand in one partition, in no particular order.
//!
//! A line is kept in 32 bytes ([`Packed`]); the few that do not fit are kept whole. Every thread fills partitions of its
//! own, without a lock. Where a memory cap says so, a thread puts what it holds to disk, partition by partition, and a
//! partition is read back when its turn comes: the same lines in either case.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::spill::{Memory, Segment, SpillFile};

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

    const BYTES: usize = size_of::<Self>();

    fn write(self, into: &mut Vec<u8>) {
        for word in [self.order, self.row] {
            into.extend(word.to_le_bytes());
        }
        for word in [self.quantity, self.amount, self.cost] {
            into.extend(word.to_le_bytes());
        }
        for half in [self.customer, self.product, self.minute] {
            into.extend(half.to_le_bytes());
        }
        into.extend(self.file.to_le_bytes());
        into.extend([self.flags, self.group]);
    }

    fn read(from: &[u8; Self::BYTES]) -> Self {
        let half = |at: usize| u32::from_le_bytes([from[at], from[at + 1], from[at + 2], from[at + 3]]);
        let word = |at: usize| u64::from(half(at)) | u64::from(half(at + 4)) << 32;
        Self {
            order: word(0),
            row: word(8),
            quantity: word(16) as i64,
            amount: word(24) as i64,
            cost: word(32) as i64,
            customer: half(40),
            product: half(44),
            minute: half(48),
            file: u16::from_le_bytes([from[52], from[53]]),
            flags: from[54],
            group: from[55],
        }
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

/// A [`Line`] without its row, as it is kept. Pieces and money up to 214,748 fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Packed {
    order: u64,
    minute: u32,
    /// Flags in the lowest bits.
    product: u32,
    /// Group in the lowest byte.
    customer: u32,
    quantity: i32,
    amount: i32,
    cost: i32,
}

impl Packed {
    const BYTES: usize = size_of::<Self>();
    const FLAG_BITS: u32 = 3;
    const NO_PRODUCT: u32 = u32::MAX >> Self::FLAG_BITS;
    const GROUP_BITS: u32 = 8;
    const NO_CUSTOMER: u32 = u32::MAX >> Self::GROUP_BITS;
    const NO_COST: i32 = i32::MIN;

    #[inline]
    fn of(line: &Line) -> Option<Self> {
        let code = |code: u32, none: u32| match code {
            NONE => Some(none),
            code if code < none => Some(code),
            _ => None,
        };
        let cost = match line.cost {
            NO_COST => Self::NO_COST,
            cost => i32::try_from(cost).ok().filter(|cost| *cost != Self::NO_COST)?,
        };
        Some(Self {
            order: line.order,
            minute: line.minute,
            product: code(line.product, Self::NO_PRODUCT)? << Self::FLAG_BITS | u32::from(line.flags),
            customer: code(line.customer, Self::NO_CUSTOMER)? << Self::GROUP_BITS | u32::from(line.group),
            quantity: i32::try_from(line.quantity).ok()?,
            amount: i32::try_from(line.amount).ok()?,
            cost,
        })
    }

    #[inline]
    fn customer(self) -> u32 {
        match self.customer >> Self::GROUP_BITS {
            Self::NO_CUSTOMER => NONE,
            code => code,
        }
    }

    #[inline]
    fn to_line(self) -> Line {
        Line {
            order: self.order,
            quantity: i64::from(self.quantity),
            amount: i64::from(self.amount),
            cost: if self.cost == Self::NO_COST {
                NO_COST
            } else {
                i64::from(self.cost)
            },
            row: 0,
            customer: self.customer(),
            product: match self.product >> Self::FLAG_BITS {
                Self::NO_PRODUCT => NONE,
                code => code,
            },
            minute: self.minute,
            file: 0,
            flags: (self.product & ((1 << Self::FLAG_BITS) - 1)) as u8,
            group: self.customer as u8,
        }
    }

    fn write(self, into: &mut Vec<u8>) {
        into.extend(self.order.to_le_bytes());
        for half in [self.minute, self.product, self.customer] {
            into.extend(half.to_le_bytes());
        }
        for half in [self.quantity, self.amount, self.cost] {
            into.extend(half.to_le_bytes());
        }
    }

    fn read(from: &[u8; Self::BYTES]) -> Self {
        let half = |at: usize| [from[at], from[at + 1], from[at + 2], from[at + 3]];
        let order = [half(0), half(4)];
        Self {
            order: u64::from(u32::from_le_bytes(order[0])) | u64::from(u32::from_le_bytes(order[1])) << 32,
            minute: u32::from_le_bytes(half(8)),
            product: u32::from_le_bytes(half(12)),
            customer: u32::from_le_bytes(half(16)),
            quantity: i32::from_le_bytes(half(20)),
            amount: i32::from_le_bytes(half(24)),
            cost: i32::from_le_bytes(half(28)),
        }
    }
}

/// Lines of one partition.
#[derive(Clone, Debug, Default)]
pub struct Partition {
    /// Never moved once full.
    chunks: Vec<Vec<Packed>>,
    whole: Vec<Line>,
    on_disk: Vec<OnDisk>,
}

/// Lines of one partition that a thread put to disk at one time.
#[derive(Clone, Debug)]
struct OnDisk {
    file: Arc<SpillFile>,
    packed: Segment,
    whole: Segment,
}

/// Codes in byte order of the ids, by the codes in order of arrival that lines are kept with.
#[derive(Clone, Debug, Default)]
pub struct Renumbered {
    pub products: Vec<u32>,
    pub groups: Vec<u8>,
}

impl Renumbered {
    #[inline]
    fn apply(&self, line: &mut Line) {
        if line.product != NONE {
            line.product = self.products[line.product as usize];
        }
        if line.group != NO_GROUP {
            line.group = self.groups[usize::from(line.group)];
        }
    }
}

impl Partition {
    /// So large that the allocator gives each its own pages, and takes them back when it is freed.
    const CHUNK: usize = 8192;

    #[inline]
    fn push(&mut self, line: &Line, whole: bool) {
        match Packed::of(line) {
            Some(packed) if !whole => {
                match self.chunks.last_mut() {
                    Some(chunk) if chunk.len() < Self::CHUNK => chunk.push(packed),
                    // The first grows as it fills: most runs are small.
                    None => self.chunks.push(vec![packed]),
                    Some(_) => {
                        let mut chunk = Vec::with_capacity(Self::CHUNK);
                        chunk.push(packed);
                        self.chunks.push(chunk);
                    }
                }
            }
            _ => self.whole.push(*line),
        }
    }

    fn merge(&mut self, other: Self) {
        self.chunks.extend(other.chunks);
        self.whole.extend(other.whole);
        self.on_disk.extend(other.on_disk);
    }

    /// Moves the lines to disk.
    fn spill(&mut self, file: &Arc<SpillFile>, buffer: &mut Vec<u8>) -> io::Result<()> {
        if self.chunks.is_empty() && self.whole.is_empty() {
            return Ok(());
        }
        buffer.clear();
        for packed in self.chunks.drain(..).flatten() {
            packed.write(buffer);
        }
        let packed = file.append(buffer)?;
        buffer.clear();
        for line in self.whole.drain(..) {
            line.write(buffer);
        }
        let whole = file.append(buffer)?;
        self.on_disk.push(OnDisk {
            file: file.clone(),
            packed,
            whole,
        });
        Ok(())
    }

    /// Gives the lines of one of `n_customers` after another, in no particular order, and none of who has none. A counting
    /// sort of the packed lines; they are unpacked for one customer at a time.
    ///
    /// # Errors
    /// Lines on disk cannot be read back.
    pub fn for_each_customer(
        mut self,
        n_customers: usize,
        codes: &Renumbered,
        room: &mut Room,
        mut each: impl FnMut(&mut [Line]),
    ) -> io::Result<()> {
        let Room {
            bytes,
            places,
            sorted,
            of_customer,
        } = room;
        self.read_back(bytes)?;
        let in_memory = self.chunks.iter().flatten().copied();
        let packed = in_memory.chain(bytes.as_chunks().0.iter().map(Packed::read));
        places.clear();
        places.resize(n_customers + 1, 0);
        packed
            .clone()
            .for_each(|line| places[line.customer() as usize + 1] += 1);
        for c in 0..n_customers {
            places[c + 1] += places[c];
        }
        // What stands there from the last partition is overwritten: every place is taken.
        sorted.resize(places[n_customers] as usize, Packed::default());
        packed.for_each(|line| {
            let place = &mut places[line.customer() as usize];
            sorted[*place as usize] = line;
            *place += 1;
        });
        self.chunks = Vec::new();
        self.whole.sort_unstable_by_key(|line| line.customer);
        let (mut start, mut whole) = (0, &self.whole[..]);
        // Each place has moved to the end of its customer.
        for (customer, end) in (0..).zip(&places[..n_customers]) {
            let end = *end as usize;
            let n_whole = whole.iter().take_while(|line| line.customer == customer).count();
            of_customer.clear();
            of_customer.extend(sorted[start..end].iter().map(|line| line.to_line()));
            of_customer.extend_from_slice(&whole[..n_whole]);
            (start, whole) = (end, &whole[n_whole..]);
            if !of_customer.is_empty() {
                of_customer.iter_mut().for_each(|line| codes.apply(line));
                each(of_customer);
            }
        }
        Ok(())
    }

    /// All lines.
    ///
    /// # Errors
    /// Lines on disk cannot be read back.
    pub fn into_lines(mut self, codes: &Renumbered) -> io::Result<Vec<Line>> {
        let mut bytes = Vec::new();
        self.read_back(&mut bytes)?;
        let mut lines = self.whole;
        lines.extend(self.chunks.iter().flatten().map(|line| line.to_line()));
        lines.extend(bytes.as_chunks().0.iter().map(|line| Packed::read(line).to_line()));
        lines.iter_mut().for_each(|line| codes.apply(line));
        Ok(lines)
    }

    /// Lines on disk: packed ones to `packed`, the others to those in memory.
    fn read_back(&mut self, packed: &mut Vec<u8>) -> io::Result<()> {
        packed.clear();
        let mut bytes = Vec::new();
        for part in &self.on_disk {
            part.file.read(part.packed, packed)?;
            bytes.clear();
            part.file.read(part.whole, &mut bytes)?;
            self.whole.extend(bytes.as_chunks().0.iter().map(Line::read));
        }
        Ok(())
    }
}

/// Working memory for one partition after another: what was touched once is not touched for the first time again.
#[derive(Debug, Default)]
pub struct Room {
    /// Packed lines as they come from disk.
    bytes: Vec<u8>,
    places: Vec<u32>,
    sorted: Vec<Packed>,
    of_customer: Vec<Line>,
}

/// Takes lines from many threads at once.
#[derive(Debug)]
pub struct Store {
    partitions: Vec<Mutex<Partition>>,
    memory: Memory,
    /// Bytes of lines that all threads hold.
    held: AtomicU64,
    spilled: AtomicU64,
    failed: Mutex<Option<io::Error>>,
    /// Rows of lines are asked for, so all are kept whole.
    whole: bool,
}

impl Store {
    pub fn new(memory: Memory, whole: bool) -> Self {
        Self {
            partitions: (0..N_PARTITIONS).map(|_| Mutex::default()).collect(),
            memory,
            held: AtomicU64::new(0),
            spilled: AtomicU64::new(0),
            failed: Mutex::new(None),
            whole,
        }
    }

    /// The place of one thread's lines.
    pub fn local(&self) -> Local<'_> {
        Local {
            store: self,
            partitions: (0..N_PARTITIONS).map(|_| Partition::default()).collect(),
            unreported: 0,
            held: 0,
            file: None,
        }
    }

    /// The partitions, and how many bytes of them are on disk.
    ///
    /// # Errors
    /// Lines could not be put to disk.
    pub fn into_partitions(self) -> io::Result<(Vec<Partition>, u64)> {
        if let Some(error) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let open = |p: Mutex<Partition>| p.into_inner().unwrap_or_else(PoisonError::into_inner);
        let spilled = self.spilled.into_inner();
        Ok((self.partitions.into_iter().map(open).collect(), spilled))
    }
}

/// Lines of one thread; joined with the others when dropped.
pub struct Local<'a> {
    store: &'a Store,
    partitions: Vec<Partition>,
    /// Bytes taken since the store was told.
    unreported: u64,
    /// Bytes that are in memory here.
    held: u64,
    file: Option<Arc<SpillFile>>,
}

impl Local<'_> {
    #[inline]
    pub fn push(&mut self, partition: u16, line: &Line) {
        self.partitions[usize::from(partition)].push(line, self.store.whole);
        let bytes = if self.store.whole { Line::BYTES } else { Packed::BYTES };
        self.unreported += bytes as u64;
    }

    /// To be called now and then: puts lines to disk where all threads together hold too many.
    pub fn settle(&mut self) {
        self.held += self.unreported;
        let held = self.store.held.fetch_add(self.unreported, Ordering::Relaxed) + self.unreported;
        self.unreported = 0;
        // A thread that holds little would write many small pieces.
        let share = self.store.memory.lines_bytes() / 8;
        if held <= self.store.memory.lines_bytes() || self.held < share {
            return;
        }
        if let Err(error) = self.spill() {
            let mut failed = self.store.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert(error);
        }
        self.store.held.fetch_sub(self.held, Ordering::Relaxed);
        self.store.spilled.fetch_add(self.held, Ordering::Relaxed);
        self.held = 0;
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(Arc::new(SpillFile::create(&self.store.memory)?)),
        };
        let mut buffer = Vec::new();
        for partition in &mut self.partitions {
            partition.spill(file, &mut buffer)?;
        }
        Ok(())
    }
}

impl Drop for Local<'_> {
    fn drop(&mut self) {
        for (whole, part) in self.store.partitions.iter().zip(self.partitions.drain(..)) {
            whole.lock().unwrap_or_else(PoisonError::into_inner).merge(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Day;
    use chrono::NaiveDate;

    #[test]
    fn a_line_is_as_small_as_it_is_said_to_be() {
        assert_eq!((Packed::BYTES, Line::BYTES), (32, 56));
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

    /// Every kind of line that packing could harm: at the limits of what fits and just beyond.
    fn lines() -> Vec<Line> {
        let plain = Line {
            order: 0xFEDC_BA98_7654_3210,
            quantity: -7 * 10_000,
            amount: 123_456,
            cost: 99,
            customer: 3,
            product: 5,
            minute: 4_000_000_000,
            flags: IS_RETURN | NON_PRODUCT,
            group: 7,
            ..Line::default()
        };
        let edge = i64::from(i32::MAX);
        let mut lines = vec![plain];
        for number in [0, -1, edge, -edge, edge + 1, -edge - 1, -edge - 2, 1 << 50, -(1 << 50)] {
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
        lines.push(Line { product: NONE, ..plain });
        lines.push(Line {
            customer: NONE,
            ..plain
        });
        lines.push(Line {
            group: NO_GROUP,
            flags: 7,
            ..plain
        });
        for product in [Packed::NO_PRODUCT - 1, Packed::NO_PRODUCT, NONE - 1] {
            lines.push(Line { product, ..plain });
        }
        for customer in [Packed::NO_CUSTOMER - 1, Packed::NO_CUSTOMER, NONE - 1] {
            lines.push(Line { customer, ..plain });
        }
        lines
    }

    #[test]
    fn a_line_that_is_packed_comes_back_as_it_was() {
        let mut packed = 0;
        for line in lines() {
            let mut bytes = Vec::new();
            line.write(&mut bytes);
            assert_eq!(Line::read(bytes.first_chunk().unwrap()), line);
            let Some(small) = Packed::of(&line) else { continue };
            packed += 1;
            bytes.clear();
            small.write(&mut bytes);
            let again = Packed::read(bytes.first_chunk().unwrap());
            assert_eq!((again, again.to_line()), (small, line));
        }
        // Of each number, 0, -1, ±edge and, where it does not stand for unknown, the least of all.
        assert_eq!(packed, 1 + 5 + 5 + 4 + 4 + 1 + 1);
    }

    fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
        lines.sort_by_key(|l| {
            (
                l.customer, l.product, l.quantity, l.amount, l.cost, l.order, l.flags, l.group,
            )
        });
        lines
    }

    #[test]
    fn lines_come_back_from_memory_and_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<Line> = lines()
            .into_iter()
            .filter(|l| l.customer == 3)
            .cycle()
            .take(20_000)
            .enumerate()
            .map(|(i, line)| Line {
                customer: (i % 11) as u32,
                product: i as u32 % 5,
                order: i as u64,
                group: 0,
                ..line
            })
            .collect();
        let codes = Renumbered {
            products: vec![4, 3, 2, 1, 0],
            groups: vec![9],
        };
        let expected: Vec<Line> = all
            .iter()
            .map(|line| Line {
                product: 4 - line.product,
                group: 9,
                ..*line
            })
            .collect();
        for (cap, whole) in [(u64::MAX, false), (1 << 16, false), (1 << 16, true)] {
            let store = Store::new(Memory::new(cap, Some(folder.path())), whole);
            std::thread::scope(|scope| {
                for half in all.chunks(10_000) {
                    let store = &store;
                    scope.spawn(move || {
                        let mut local = store.local();
                        for some in half.chunks(500) {
                            for line in some {
                                local.push(17, line);
                                local.push(18, line);
                            }
                            local.settle();
                        }
                    });
                }
            });
            let (partitions, spilled) = store.into_partitions().unwrap();
            assert_eq!(
                (partitions[17].on_disk.is_empty(), spilled == 0),
                (cap == u64::MAX, cap == u64::MAX)
            );
            let mut partitions = partitions.into_iter();
            let (mut room, mut lines, mut customers) = (Room::default(), Vec::new(), Vec::new());
            let empty = partitions.next().unwrap();
            let [by_customer, as_they_come] = [partitions.nth(16).unwrap(), partitions.next().unwrap()];
            let each = |of_customer: &mut [Line]| {
                assert!(of_customer.iter().all(|line| line.customer == of_customer[0].customer));
                customers.push(of_customer[0].customer);
                lines.extend_from_slice(of_customer);
            };
            by_customer.for_each_customer(12, &codes, &mut room, each).unwrap();
            assert_eq!(customers, (0..11).collect::<Vec<_>>());
            assert_eq!(sorted(lines), sorted(expected.clone()));
            assert_eq!(
                sorted(as_they_come.into_lines(&codes).unwrap()),
                sorted(expected.clone())
            );
            empty
                .for_each_customer(3, &codes, &mut room, |_| panic!("there is no line"))
                .unwrap();
        }
    }
}
