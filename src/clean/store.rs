//! Clean lines in partitions: all lines of one customer stand in one partition, in no particular order.
//!
//! Every thread fills partitions of its own, without a lock. Where a memory cap says so, a thread puts what it holds to
//! disk, partition by partition, and a partition is read back when its turn comes: the same lines in either case.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::lines::{Line, Renumbered};
use super::packed::{PackedLines, SLACK, Spare, lines_of_run, runs};
use crate::spill::{Memory, Segment, SpillFile};

/// Number of customer partitions; a customer's partition is the top byte of the hash of its id.
pub const N_CUSTOMER_PARTITIONS: usize = 256;
/// Baskets of lines without a customer, partitioned by order.
pub const N_ANONYMOUS_PARTITIONS: usize = 16;
pub const N_PARTITIONS: usize = N_CUSTOMER_PARTITIONS + N_ANONYMOUS_PARTITIONS;

/// Lines of one partition.
#[derive(Clone, Debug, Default)]
pub struct Partition {
    /// Of each thread.
    in_memory: Vec<PackedLines>,
    on_disk: Vec<(Arc<SpillFile>, Segment)>,
}

impl Partition {
    /// Gives the lines of one of `n_customers` after another, in no particular order, and none of who has none. A counting
    /// sort of the runs of lines; they are unpacked for one customer at a time.
    ///
    /// # Errors
    /// Lines on disk cannot be read back.
    pub fn for_each_customer(
        self,
        n_customers: usize,
        codes: &Renumbered,
        room: &mut Room,
        mut each: impl FnMut(&mut [Line]),
    ) -> io::Result<()> {
        let Room {
            bytes,
            places,
            runs: found,
            sorted,
            of_customer,
        } = room;
        self.read(bytes)?;
        found.clear();
        found.extend(runs(bytes));
        places.clear();
        places.resize(n_customers + 1, 0);
        for (customer, _) in &*found {
            places[*customer as usize + 1] += 1;
        }
        for c in 0..n_customers {
            places[c + 1] += places[c];
        }
        // What stands there from the last partition is overwritten: every place is taken.
        sorted.resize(found.len(), 0);
        for (customer, at) in &*found {
            let place = &mut places[*customer as usize];
            sorted[*place as usize] = *at;
            *place += 1;
        }
        let mut start = 0;
        // Each place has moved to the end of its customer.
        for end in &places[..n_customers] {
            let end = *end as usize;
            of_customer.clear();
            for at in &sorted[start..end] {
                lines_of_run(bytes, *at, |line| of_customer.push(codes.renumbered(line)));
            }
            start = end;
            if !of_customer.is_empty() {
                each(of_customer);
            }
        }
        Ok(())
    }

    /// All lines.
    ///
    /// # Errors
    /// Lines on disk cannot be read back.
    pub fn into_lines(self, codes: &Renumbered) -> io::Result<Vec<Line>> {
        let (mut bytes, mut lines) = (Vec::new(), Vec::new());
        self.read(&mut bytes)?;
        for (_, at) in runs(&bytes) {
            lines_of_run(&bytes, at, |line| lines.push(codes.renumbered(line)));
        }
        Ok(lines)
    }

    /// Puts all lines one behind the other.
    fn read(self, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        for (file, segment) in &self.on_disk {
            file.read(*segment, bytes)?;
        }
        for part in self.in_memory.iter().flat_map(PackedLines::parts) {
            bytes.extend_from_slice(part);
        }
        bytes.extend([0; SLACK]);
        Ok(())
    }
}

/// Working memory for one partition after another: what was touched once is not touched for the first time again.
#[derive(Debug, Default)]
pub struct Room {
    /// Packed lines.
    bytes: Vec<u8>,
    places: Vec<u32>,
    /// Customer and place of each run, as they come and by customer.
    runs: Vec<(u32, usize)>,
    sorted: Vec<usize>,
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
    /// Rows of lines are asked for.
    with_rows: bool,
}

impl Store {
    pub fn new(memory: Memory, with_rows: bool) -> Self {
        Self {
            partitions: (0..N_PARTITIONS).map(|_| Mutex::default()).collect(),
            memory,
            held: AtomicU64::new(0),
            spilled: AtomicU64::new(0),
            failed: Mutex::new(None),
            with_rows,
        }
    }

    /// The place of one thread's lines.
    pub fn local(&self) -> Local<'_> {
        Local {
            store: self,
            partitions: (0..N_PARTITIONS).map(|_| PackedLines::default()).collect(),
            spare: Spare::new(),
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

    fn partition(&self, i: usize, change: impl FnOnce(&mut Partition)) {
        change(&mut self.partitions[i].lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Lines of one thread; joined with the others when dropped.
pub struct Local<'a> {
    store: &'a Store,
    partitions: Vec<PackedLines>,
    spare: Spare,
    /// Bytes taken since the store was told.
    unreported: usize,
    /// Bytes that are in memory here.
    held: u64,
    file: Option<Arc<SpillFile>>,
}

impl Local<'_> {
    #[inline]
    pub fn push(&mut self, partition: u16, line: &Line) {
        let packed = &mut self.partitions[usize::from(partition)];
        self.unreported += packed.push(line, self.store.with_rows, &mut self.spare);
    }

    /// To be called now and then: puts lines to disk where all threads together hold too many.
    pub fn settle(&mut self) {
        let new = std::mem::take(&mut self.unreported) as u64;
        self.held += new;
        let held = self.store.held.fetch_add(new, Ordering::Relaxed) + new;
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
        for (i, lines) in self.partitions.iter_mut().enumerate() {
            if !lines.is_empty() {
                let segment = file.append(lines.parts())?;
                lines.clear(&mut self.spare);
                self.store.partition(i, |p| p.on_disk.push((file.clone(), segment)));
            }
        }
        Ok(())
    }
}

impl Drop for Local<'_> {
    fn drop(&mut self) {
        for (i, lines) in self.partitions.drain(..).enumerate() {
            if !lines.is_empty() {
                self.store.partition(i, |p| p.in_memory.push(lines));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
        lines.sort_by_key(|l| (l.customer, l.product, l.order));
        lines
    }

    #[test]
    fn lines_come_back_from_memory_and_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<Line> = (0..20_000_u32)
            .map(|i| Line {
                customer: i % 11,
                product: i % 5,
                order: u64::from(i) / 3,
                amount: i64::from(i % 7) * 1_234,
                ..Line::default()
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
        for (cap, with_rows) in [(u64::MAX, false), (1 << 16, false), (1 << 16, true)] {
            let store = Store::new(Memory::new(cap, Some(folder.path())), with_rows);
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
