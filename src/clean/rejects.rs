//! Rejected lines, kept until they are published: packed, and on disk when there are many.
//!
//! Each batch gives one chunk, whose rows ascend; so the order by file and row is the order of chunks. Memory: an
//! entry a chunk, and at most [`MEMORY_BYTES`] of packed lines.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use tempfile::SpooledTempFile;

use super::{Reject, Rule};
use crate::units::Fixed;

/// Packed lines beyond this go to a temporary file.
const MEMORY_BYTES: usize = 64 << 20;
/// Chunks that are unpacked at once.
const READ_AT_ONCE: usize = 32;

/// Where the lines of one batch are.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    file: u32,
    first_row: u64,
    offset: u64,
    length: usize,
    plain_bytes: usize,
}

/// Rejected lines of a run.
#[derive(Debug)]
pub struct Rejects {
    spool: Mutex<SpooledTempFile>,
    chunks: Vec<Chunk>,
    /// Lines that a later stage rejected, without their text.
    late: Vec<Reject>,
    n: u64,
}

impl Default for Rejects {
    fn default() -> Self {
        Self {
            spool: Mutex::new(SpooledTempFile::new(MEMORY_BYTES)),
            chunks: Vec::new(),
            late: Vec::new(),
            n: 0,
        }
    }
}

/// The rejected lines of a batch, ready to be put away.
pub struct Packed {
    file: u32,
    first_row: u64,
    n: u64,
    bytes: Vec<u8>,
    plain_bytes: usize,
}

/// Packs the rejected lines of one batch, whose rows ascend; `None` for none.
pub fn pack(rejects: &[Reject]) -> io::Result<Option<Packed>> {
    const LEVEL: i32 = 1;
    let Some(first) = rejects.first() else {
        return Ok(None);
    };
    let mut plain = Vec::new();
    for reject in rejects {
        let amount = reject.amount.map_or(i64::MIN, |amount| amount.0);
        let line = reject.line.as_deref().unwrap_or_default().as_bytes();
        plain.extend(reject.row.to_le_bytes());
        plain.push(reject.rule as u8);
        plain.extend(amount.to_le_bytes());
        plain.extend((line.len() as u64).to_le_bytes());
        plain.extend(line);
    }
    Ok(Some(Packed {
        file: first.file,
        first_row: first.row,
        n: rejects.len() as u64,
        bytes: zstd::bulk::compress(&plain, LEVEL)?,
        plain_bytes: plain.len(),
    }))
}

fn unpack(file: u32, packed: &[u8], plain_bytes: usize) -> io::Result<Vec<Reject>> {
    let plain = zstd::bulk::decompress(packed, plain_bytes)?;
    let mut rest = plain.as_slice();
    let mut rejects = Vec::new();
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let number = |rest: &mut &[u8]| {
        let (bytes, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        *rest = after;
        Ok::<_, io::Error>(*bytes)
    };
    while !rest.is_empty() {
        let row = u64::from_le_bytes(number(&mut rest)?);
        let (rule, after) = rest.split_first().ok_or_else(cut)?;
        rest = after;
        let rule = *Rule::ALL.get(usize::from(*rule)).ok_or_else(cut)?;
        let amount = i64::from_le_bytes(number(&mut rest)?);
        let length = u64::from_le_bytes(number(&mut rest)?) as usize;
        let (line, after) = rest.split_at_checked(length).ok_or_else(cut)?;
        rest = after;
        rejects.push(Reject {
            file,
            row,
            rule,
            amount: (amount != i64::MIN).then_some(Fixed(amount)),
            line: Some(String::from_utf8_lossy(line).into_owned()),
        });
    }
    Ok(rejects)
}

impl Rejects {
    pub fn len(&self) -> u64 {
        self.n
    }

    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Puts the lines of a batch away.
    pub(super) fn add(&mut self, packed: Packed) -> io::Result<()> {
        let spool = self.spool.get_mut().unwrap_or_else(PoisonError::into_inner);
        let offset = spool.seek(SeekFrom::End(0))?;
        spool.write_all(&packed.bytes)?;
        self.n += packed.n;
        self.chunks.push(Chunk {
            file: packed.file,
            first_row: packed.first_row,
            offset,
            length: packed.bytes.len(),
            plain_bytes: packed.plain_bytes,
        });
        Ok(())
    }

    /// Adds a line that a later stage rejects.
    pub(super) fn add_late(&mut self, reject: Reject) {
        self.n += 1;
        self.late.push(reject);
    }

    fn read(&self, chunk: Chunk) -> io::Result<Vec<Reject>> {
        let mut bytes = vec![0; chunk.length];
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        spool.seek(SeekFrom::Start(chunk.offset))?;
        spool.read_exact(&mut bytes)?;
        drop(spool);
        unpack(chunk.file, &bytes, chunk.plain_bytes)
    }

    /// Gives all lines in parts of at least `part_rows` (but for the last), file by file in the order of `rank` and
    /// row by row within.
    ///
    /// # Errors
    /// What `give` returns, and whatever keeps the lines from being read back.
    pub fn in_order<E: From<io::Error>>(
        &self,
        rank: impl Fn(u32) -> usize,
        part_rows: usize,
        mut give: impl FnMut(&[Reject]) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = |file: u32, row: u64| (rank(file), row);
        let mut chunks = self.chunks.clone();
        chunks.sort_by_key(|chunk| key(chunk.file, chunk.first_row));
        let mut late: Vec<&Reject> = self.late.iter().collect();
        late.sort_by_key(|reject| key(reject.file, reject.row));
        let mut late = late.into_iter().peekable();
        let mut part: Vec<Reject> = Vec::new();
        for some in chunks.chunks(READ_AT_ONCE) {
            let read: Vec<Vec<Reject>> = some
                .par_iter()
                .map(|chunk| self.read(*chunk))
                .collect::<io::Result<_>>()?;
            for of_batch in read {
                for reject in of_batch {
                    while let Some(earlier) = late.next_if(|l| key(l.file, l.row) < key(reject.file, reject.row)) {
                        part.push(earlier.clone());
                    }
                    part.push(reject);
                }
                if part_rows <= part.len() {
                    give(&part)?;
                    part.clear();
                }
            }
        }
        part.extend(late.cloned());
        if part.is_empty() { Ok(()) } else { give(&part) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(file: u32, row: u64, line: &str) -> Reject {
        Reject {
            file,
            row,
            rule: Rule::BadDate,
            amount: row.is_multiple_of(2).then_some(Fixed(row as i64)),
            line: Some(line.to_owned()),
        }
    }

    #[test]
    fn lines_come_back_in_order_from_memory_and_from_disk() {
        for memory in [usize::MAX, 10] {
            let mut rejects = Rejects {
                spool: Mutex::new(SpooledTempFile::new(memory)),
                ..Rejects::default()
            };
            let second = [reject(0, 500, "e"), reject(0, 502, "f\u{FFFD}")];
            let first = [reject(0, 2, "a"), reject(0, 9, "")];
            let other = [reject(1, 1, "x")];
            for batch in [&second[..], &other, &[], &first] {
                if let Some(packed) = pack(batch).unwrap() {
                    rejects.add(packed).unwrap();
                }
            }
            let late = Reject {
                line: None,
                ..reject(0, 7, "")
            };
            rejects.add_late(late.clone());
            let mut parts = Vec::new();
            let collected = rejects.in_order(
                |file| 1 - file as usize,
                2,
                |part| {
                    parts.push(part.to_vec());
                    Ok::<_, io::Error>(())
                },
            );
            collected.unwrap();
            assert_eq!(rejects.len(), 6);
            let all: Vec<Reject> = parts.concat();
            let [a, b] = first.clone();
            let [e, f] = second;
            assert_eq!(all, [other[0].clone(), a, late, b, e, f]);
            assert!(parts.len() > 1);
        }
    }
}
