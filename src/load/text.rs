//! Delimited text, read as blocks of whole records.
//!
//! A block is cut at the last record end that fits it, found by hopping from quote to newline, so that reading is
//! sequential and cheap and everything else (splitting into fields, parsing, cleaning) runs on many threads.
//! Memory: a few blocks, whatever the size of the file.

mod split;

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

use super::batch::{RawBatch, RawRows, Record};
use super::date::LocalClock;
use super::mapping::Mapping;
use super::rows::Rows;
use super::sniff::Delimiter;
use split::Splitter;

/// Bytes of a block: it stays in the second-level cache from being read to being parsed. With 4 MiB, reading took a
/// quarter longer.
pub const BLOCK_BYTES: usize = 1 << 20;
/// Records split before their fields are read, column by column: few enough that their places and bytes stay in the
/// nearest cache, enough to make each column a loop of its own.
const RECORDS_AT_ONCE: usize = 256;
/// A record longer than this is taken for a broken file, not for a record.
pub const MAX_RECORD_BYTES: usize = 32 << 20;

/// How the records of one file are to be read.
#[derive(Clone, Debug)]
pub struct Layout {
    pub delimiter: Delimiter,
    pub n_fields: usize,
    /// The text was made from another encoding, so that a replacement character stands for broken bytes.
    pub is_transcoded: bool,
}

/// Whole records of a file.
#[derive(Debug)]
pub struct TextBlock {
    pub bytes: Vec<u8>,
    /// Physical line of the file on which the block starts, from 1.
    pub first_line: u64,
    /// Whether it is the first block of its file.
    pub is_first: bool,
}

/// Why a text cannot be cut into records.
#[derive(Debug)]
pub enum CutError {
    Read(io::Error),
    /// A quoted field opens on this line and never ends.
    OpenQuote {
        line: u64,
    },
    /// The record that starts on this line is longer than [`MAX_RECORD_BYTES`].
    LongRecord {
        line: u64,
    },
}

/// Cuts a reader into blocks of whole records.
pub struct Blocks<R> {
    reader: R,
    /// `None` where a quote has no meaning (records separated by blanks).
    delimiter: Option<u8>,
    block_bytes: usize,
    carried: Vec<u8>,
    next_line: u64,
    started: bool,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// `preamble` bytes at the start are no records and are passed over.
    pub fn new(mut reader: R, delimiter: Delimiter, preamble: usize) -> io::Result<Self> {
        let mut skipped = Vec::new();
        reader.by_ref().take(preamble as u64).read_to_end(&mut skipped)?;
        let delimiter = match delimiter {
            Delimiter::Byte(byte) => Some(byte),
            Delimiter::Whitespace => None,
        };
        Ok(Self {
            reader,
            delimiter,
            block_bytes: BLOCK_BYTES,
            carried: Vec::new(),
            next_line: 1 + count_lines(&skipped),
            started: false,
            ended: false,
        })
    }

    /// The next block; `None` at the end.
    pub fn next_block(&mut self) -> Result<Option<TextBlock>, CutError> {
        let mut bytes = Vec::with_capacity(self.carried.len() + self.block_bytes);
        bytes.extend_from_slice(&self.carried);
        loop {
            // Never more than shows that a record is too long.
            let room = (MAX_RECORD_BYTES + 1).saturating_sub(bytes.len()).max(1);
            let wanted = bytes.len().max(self.block_bytes).min(room);
            self.read(&mut bytes, wanted).map_err(CutError::Read)?;
            let cut = last_record_end(&bytes, self.delimiter);
            let end = match cut {
                Cut {
                    open_quote: Some(at), ..
                } if self.ended => {
                    return Err(CutError::OpenQuote {
                        line: self.next_line + count_lines(&bytes[..at]),
                    });
                }
                _ if self.ended => bytes.len(),
                Cut { end: 0, .. } if bytes.len() < MAX_RECORD_BYTES => continue,
                Cut {
                    end: 0,
                    open_quote: Some(at),
                } => {
                    return Err(CutError::OpenQuote {
                        line: self.next_line + count_lines(&bytes[..at]),
                    });
                }
                Cut { end: 0, .. } => return Err(CutError::LongRecord { line: self.next_line }),
                Cut { end, .. } => end,
            };
            self.carried.clear();
            self.carried.extend_from_slice(&bytes[end..]);
            bytes.truncate(end);
            if bytes.is_empty() {
                return Ok(None);
            }
            let first_line = self.next_line;
            self.next_line += count_lines(&bytes);
            let is_first = !std::mem::replace(&mut self.started, true);
            return Ok(Some(TextBlock {
                bytes,
                first_line,
                is_first,
            }));
        }
    }

    /// Adds up to `wanted` bytes, and not less than half of that before the end. A reader that holds less than it is
    /// asked for gives it as it is; to insist on the rest would make a buffered one copy everything twice.
    fn read(&mut self, bytes: &mut Vec<u8>, wanted: usize) -> io::Result<()> {
        let mut end = bytes.len();
        let enough = end + wanted.div_ceil(2);
        bytes.resize(end + wanted, 0);
        while !self.ended && end < enough {
            match self.reader.read(&mut bytes[end..]) {
                Ok(n) => {
                    self.ended = n == 0;
                    end += n;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(end);
        Ok(())
    }
}

/// The line on which a quoted field opens that has no end in these bytes.
pub fn open_quote_line(bytes: &[u8], delimiter: Delimiter) -> Option<u64> {
    let Delimiter::Byte(delimiter) = delimiter else {
        return None;
    };
    let at = last_record_end(bytes, Some(delimiter)).open_quote?;
    Some(1 + count_lines(&bytes[..at]))
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

struct Cut {
    /// End of the last whole record, 0 without one.
    end: usize,
    /// Where a quoted field opens that has no end in these bytes.
    open_quote: Option<usize>,
}

/// A quote opens a field only where the field begins; elsewhere it is an inch mark.
fn last_record_end(bytes: &[u8], delimiter: Option<u8>) -> Cut {
    let Some(delimiter) = delimiter else {
        return Cut {
            end: memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1),
            open_quote: None,
        };
    };
    // `outside` is the end of the last quoted field, so that no quoted line end lies behind it.
    let (mut at, mut outside, mut end) = (0, 0, 0);
    while let Some(hop) = memchr(b'"', &bytes[at..]) {
        let here = at + hop;
        at = here + 1;
        let opens = here == 0 || bytes[here - 1] == delimiter || matches!(bytes[here - 1], b'\n' | b'\r');
        if !opens {
            continue;
        }
        if let Some(line_end) = memrchr(b'\n', &bytes[outside..here]) {
            end = outside + line_end + 1;
        }
        loop {
            match memchr(b'"', &bytes[at..]) {
                None => {
                    return Cut {
                        end,
                        open_quote: Some(here),
                    };
                }
                Some(hop) if bytes.get(at + hop + 1) == Some(&b'"') => at += hop + 2,
                Some(hop) => {
                    at += hop + 1;
                    break;
                }
            }
        }
        outside = at;
    }
    if let Some(line_end) = memrchr(b'\n', &bytes[outside..]) {
        end = outside + line_end + 1;
    }
    Cut { end, open_quote: None }
}

/// End of the first record that is not blank.
pub fn first_record_end(bytes: &[u8], delimiter: Delimiter) -> usize {
    let start = bytes.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
    let delimiter = match delimiter {
        Delimiter::Byte(byte) => Some(byte),
        Delimiter::Whitespace => None,
    };
    let mut end = start;
    while let Some(hop) = memchr(b'\n', &bytes[end..]) {
        end += hop + 1;
        if last_record_end(&bytes[start..end], delimiter).end == end - start {
            return end;
        }
    }
    bytes.len()
}

/// Splits and parses a block. `clock` turns instants into the wall clock of the run's time zone.
pub fn decode(block: TextBlock, layout: &Layout, mapping: &Mapping, file: u32, clock: &mut LocalClock) -> RawBatch {
    // Nearly every block is sound, and to know that is cheap.
    let is_sound = !layout.is_broken(&block.bytes);
    let mut rows = Rows::new(mapping);
    let mut records: Vec<Record> = Vec::new();
    match layout.delimiter {
        Delimiter::Byte(delimiter) => {
            let mut splitter = Splitter::new(&block.bytes, delimiter);
            loop {
                splitter.clear();
                let first = records.len();
                while records.len() < first + RECORDS_AT_ONCE
                    && let Some(record) = splitter.next_record()
                {
                    if !splitter.fit(layout.n_fields) {
                        rows.mark_ragged(records.len());
                    }
                    records.push(record);
                }
                let Some(last) = records.last().filter(|_| first < records.len()) else {
                    break;
                };
                if first == 0 {
                    // The first records tell how many there will be, a tenth more or less.
                    let n_rows = records.len() * block.bytes.len() / last.end as usize;
                    rows.reserve(n_rows + n_rows / 8);
                    records.reserve(n_rows / 8 + n_rows - records.len());
                }
                let field = |row: usize, i: usize| splitter.get(row * layout.n_fields + i);
                rows.extend(records.len() - first, field, clock);
            }
        }
        Delimiter::Whitespace => {
            let mut start = 0;
            let mut fields: Vec<&[u8]> = Vec::new();
            for (n_lines_before, line) in (0..).zip(block.bytes.split_inclusive(|b| *b == b'\n')) {
                let end = start + line.len() as u32;
                fields.clear();
                fields.extend(line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()));
                if !fields.is_empty() {
                    if fields.len() == layout.n_fields {
                        rows.push(|i| fields[i], clock);
                    } else {
                        rows.push_ragged(clock);
                    }
                    records.push(Record {
                        start,
                        end,
                        n_lines_before,
                    });
                }
                start = end;
            }
        }
    }
    if !is_sound {
        for (row, record) in records.iter().enumerate() {
            if layout.is_broken(&block.bytes[record.start as usize..record.end as usize]) {
                rows.mark_broken(row);
            }
        }
    }
    let raw = RawRows::Text {
        bytes: block.bytes,
        first_line: block.first_line,
        records,
    };
    rows.finish(file, raw, clock)
}

impl Layout {
    /// Whether there are bytes that are no text in the file's encoding.
    pub(super) fn is_broken(&self, text: &[u8]) -> bool {
        if memchr(0, text).is_some() {
            true
        } else if self.is_transcoded {
            memchr::memmem::find(text, "\u{FFFD}".as_bytes()).is_some()
        } else {
            std::str::from_utf8(text).is_err()
        }
    }
}

#[cfg(test)]
mod tests;
