//! A Parquet object where it lies: the byte ranges of column chunks, fetched in windows.
//!
//! The first window of every column is fetched at once, neighbours with one request; a longer column goes on window by
//! window, the next fetched while one is decoded.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes as Buffer;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::object::Object;
use super::store::Started;
use super::{Cause, Error, WINDOW};

/// The first window where only the first rows may be wanted; the next are twice as long, up to [`WINDOW`].
const SMALL_WINDOW: u64 = 128 << 10;

/// A Parquet object, read in parts.
#[derive(Clone)]
pub struct Ranged(Arc<Shared>);

struct Shared {
    object: Object,
    start: Buffer,
    /// Why the first request that failed did: decoders make prose of it.
    failure: Mutex<Option<Cause>>,
    /// Row groups on their way.
    ahead: Mutex<BTreeMap<usize, Chunks>>,
}

impl std::fmt::Debug for Ranged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ranged").field(&self.0.object.shown()).finish()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ranged {
    /// `start` are the first bytes of the object.
    pub fn new(object: Object, start: Buffer) -> Self {
        Self(Arc::new(Shared {
            object,
            start,
            failure: Mutex::new(None),
            ahead: Mutex::new(BTreeMap::new()),
        }))
    }

    pub fn length(&self) -> u64 {
        self.0.object.length()
    }

    pub fn start(&self) -> &[u8] {
        &self.0.start
    }

    pub fn version(&self) -> String {
        self.0.object.version()
    }

    pub fn failure(&self) -> Option<Error> {
        let cause = locked(&self.0.failure).clone()?;
        Some(self.0.object.error(cause))
    }

    /// The footer, or the start of some columns.
    pub fn sparse(&self, parts: Vec<Range<u64>>, n_at_once: usize) -> Chunks {
        Chunks::new(self, parts, SMALL_WINDOW, n_at_once)
    }

    /// The columns of a row group, which may be on their way.
    pub fn group(&self, group: usize, parts: impl FnOnce() -> Vec<Range<u64>>) -> Chunks {
        let ahead = locked(&self.0.ahead).remove(&group);
        ahead.unwrap_or_else(|| Chunks::new(self, parts(), WINDOW, usize::MAX))
    }

    /// Starts to fetch what [`Self::group`] will be asked for.
    pub fn fetch_ahead(&self, group: usize, parts: Vec<Range<u64>>) {
        let chunks = Chunks::new(self, parts, WINDOW, usize::MAX);
        locked(&self.0.ahead).insert(group, chunks);
    }

    fn fail(&self, cause: Cause) -> ParquetError {
        let error = ParquetError::General(cause.to_string());
        locked(&self.0.failure).get_or_insert(cause);
        error
    }
}

/// Parts of an object as a decoder of Parquet wants them.
#[derive(Clone)]
pub struct Chunks {
    file: Weak,
    parts: Arc<[(Range<u64>, Mutex<Part>)]>,
    /// The first windows of the first parts.
    first: Arc<Mutex<Option<Started<Vec<Buffer>>>>>,
}

/// What the file keeps for later must not keep the file.
type Weak = std::sync::Weak<Shared>;

/// What is held of one column chunk.
struct Part {
    held_from: u64,
    held: Buffer,
    next: Option<(Range<u64>, Started<Vec<Buffer>>)>,
    window: u64,
}

impl Chunks {
    fn new(file: &Ranged, mut parts: Vec<Range<u64>>, window: u64, n_at_once: usize) -> Self {
        let length = file.length();
        parts
            .iter_mut()
            .for_each(|part| *part = part.start.min(length)..part.end.min(length));
        parts.retain(|part| part.start < part.end);
        parts.sort_unstable_by_key(|part| part.start);
        let first = |part: &Range<u64>| part.start..part.end.min(part.start.saturating_add(window));
        let firsts: Vec<_> = parts.iter().take(n_at_once).map(first).collect();
        let started = (!firsts.is_empty()).then(|| file.0.object.fetch(firsts));
        let part = |range: Range<u64>| {
            let part = Part {
                held_from: range.start,
                held: Buffer::new(),
                next: None,
                window,
            };
            (range, Mutex::new(part))
        };
        Self {
            file: Arc::downgrade(&file.0),
            parts: parts.into_iter().map(part).collect(),
            first: Arc::new(Mutex::new(started)),
        }
    }

    fn file(&self) -> Result<Ranged, ParquetError> {
        let closed = || ParquetError::General("the object was closed".into());
        self.file.upgrade().map(Ranged).ok_or_else(closed)
    }

    /// Bytes from here on, at least one unless this is the end; `want` if they must be fetched and can.
    fn at(&self, at: u64, want: u64) -> Result<Buffer, ParquetError> {
        let file = self.file()?;
        let end = file.length();
        if end <= at {
            return Ok(Buffer::new());
        }
        let fail = |cause| file.fail(cause);
        if let Some(first) = locked(&self.first).take() {
            let windows = first.wait().map_err(fail)?;
            for ((_, part), window) in self.parts.iter().zip(windows) {
                locked(part).held = window;
            }
        }
        let i = self.parts.partition_point(|(range, _)| range.start <= at);
        match i.checked_sub(1).map(|i| &self.parts[i]) {
            Some((range, part)) if at < range.end => locked(part).at(&file.0.object, range, at, want).map_err(fail),
            // Nothing that was announced, such as the footer's first half.
            _ => {
                let range = at..end.min(at.saturating_add(want.max(SMALL_WINDOW)));
                one(file.0.object.fetch(vec![range])).map_err(fail)
            }
        }
    }
}

impl Part {
    fn at(&mut self, object: &Object, range: &Range<u64>, at: u64, want: u64) -> Result<Buffer, Cause> {
        let held = |part: &Self| part.held_from..part.held_from + part.held.len() as u64;
        if !held(self).contains(&at) {
            match self.next.take() {
                Some((next, started)) if next.contains(&at) => {
                    self.held = one(started)?;
                    self.held_from = next.start;
                }
                _ => {
                    let next = at..range.end.min(at.saturating_add(self.window.max(want)));
                    self.held = one(object.fetch(vec![next]))?;
                    self.held_from = at;
                }
            }
            let start = held(self).end;
            if self.window == WINDOW && start < range.end {
                let next = start..range.end.min(start + WINDOW);
                self.next = Some((next.clone(), object.fetch(vec![next])));
            }
            self.window = WINDOW.min(2 * self.window);
        }
        let from = (at - self.held_from) as usize;
        Ok(self.held.slice(from.min(self.held.len())..))
    }
}

fn one(started: Started<Vec<Buffer>>) -> Result<Buffer, Cause> {
    Ok(started.wait()?.into_iter().next().unwrap_or_default())
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.file.upgrade().map_or(0, |file| file.object.length())
    }
}

impl ChunkReader for Chunks {
    type T = Reading;

    fn get_read(&self, start: u64) -> Result<Reading, ParquetError> {
        Ok(Reading {
            chunks: self.clone(),
            at: start,
            held: Buffer::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Buffer, ParquetError> {
        let first = self.at(start, length as u64)?;
        if length <= first.len() {
            return Ok(first.slice(..length));
        }
        let mut all = Vec::new();
        let mut part = first;
        loop {
            all.extend_from_slice(&part[..part.len().min(length - all.len())]);
            if all.len() == length {
                return Ok(all.into());
            }
            part = self.at(start + all.len() as u64, (length - all.len()) as u64)?;
            if part.is_empty() {
                return Err(ParquetError::EOF("the object ends within a page".into()));
            }
        }
    }
}

/// Reads on from one place.
pub struct Reading {
    chunks: Chunks,
    at: u64,
    held: Buffer,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.held.is_empty() && !buffer.is_empty() {
            self.held = self.chunks.at(self.at, 0).map_err(io::Error::other)?;
        }
        let n = buffer.len().min(self.held.len());
        buffer[..n].copy_from_slice(&self.held.split_to(n));
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use arrow::record_batch::RecordBatch;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::super::object::tests::stored;
    use super::*;
    use crate::load::batch::{RawBatch, TextColumn};
    use crate::load::columnar::ParquetFile;
    use crate::load::date::LocalClock;
    use crate::load::header::Canonical;
    use crate::load::mapping::Mapping;
    use crate::load::spool::Bytes;

    /// Two row groups; the first column is longer than two windows in the first.
    fn parquet() -> Vec<u8> {
        let mixed = |i: i64| i.wrapping_mul(0x5851_F42D_4C95_7F2D);
        let column =
            |of: &dyn Fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..150_000).map(of))) };
        let columns = [
            ("wide", column(&|i| format!("{:0>70x}", mixed(i)))),
            ("unwanted", column(&|i| format!("{:x}", mixed(i * 3)))),
            ("short", column(&|i| format!("c{}", i % 700))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let settings = WriterProperties::builder().set_max_row_group_row_count(Some(130_000));
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(settings.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    /// Customers and orders of all rows.
    fn rows(file: &ParquetFile) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut mapping = Mapping::by_position(&[]);
        mapping.positions[Canonical::CustomerId as usize] = Some(2);
        mapping.positions[Canonical::OrderId as usize] = Some(0);
        let mut found = Vec::new();
        let mut clock = LocalClock::new(chrono_tz::UTC);
        (0..file.n_row_groups()).for_each(|group| file.fetch_ahead(group, &mapping));
        for group in 0..file.n_row_groups() {
            let mut give = |batch: RawBatch| {
                let text = |column: &TextColumn, row| column.value(row).unwrap_or_default().to_vec();
                let order = batch.order.as_ref().unwrap();
                found.extend((0..batch.n_rows).map(|row| (text(&batch.customer, row), text(order, row))));
            };
            file.decode(group, 0, &mapping, &mut clock, &mut give).unwrap();
        }
        found
    }

    #[test]
    fn an_object_reads_as_the_file_does() {
        let bytes = parquet();
        let (object, put) = stored(&bytes);
        let local = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&local, &bytes).unwrap();
        let remote = object.open().unwrap();
        assert!(remote.is_ranged() && remote.length() == bytes.len() as u64);
        let [there, here] =
            [remote.clone(), Bytes::file(local.path()).unwrap()].map(|b| ParquetFile::open(&b).unwrap());
        assert!(there.n_row_groups() == 2 && bytes.len() as u64 > 2 * WINDOW);
        assert!(there.sample(5_000).unwrap() == here.sample(5_000).unwrap());
        let column = |file: &ParquetFile| {
            let mut all = Vec::new();
            let take = &mut |value: &[u8]| {
                all.extend_from_slice(value);
                true
            };
            file.each_value(0, take).unwrap();
            all
        };
        assert!(column(&there) == column(&here));
        assert!(rows(&there) == rows(&here));
        assert!(remote.failure().is_none());

        put(&vec![b'x'; bytes.len()]);
        assert!(there.sample(5_000).is_err());
        assert!(matches!(remote.failure(), Some(Error::Changed { .. })));
    }
}
