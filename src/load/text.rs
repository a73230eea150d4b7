//! Delimited text, read as blocks of whole records.
//!
//! A block is cut at the last record end that fits it, found by hopping from quote to newline, so that reading is
//! sequential and cheap and everything else (splitting into fields, parsing, cleaning) runs on many threads.
//! Memory: a few blocks, whatever the size of the file.

use std::io::{self, Read};

use csv::ByteRecord;
use memchr::{memchr, memchr_iter, memchr2};

use super::batch::{RawBatch, RawRows};
use super::date::LocalClock;
use super::mapping::Mapping;
use super::rows::Rows;
use super::sniff::Delimiter;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 4 << 20;
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
            carried: Vec::new(),
            next_line: 1 + count_lines(&skipped),
            started: false,
            ended: false,
        })
    }

    /// The next block; `None` at the end.
    pub fn next_block(&mut self) -> Result<Option<TextBlock>, CutError> {
        let mut bytes = std::mem::take(&mut self.carried);
        let mut wanted = BLOCK_BYTES;
        loop {
            if !self.ended && bytes.len() < wanted {
                let missing = (wanted - bytes.len()) as u64;
                let n = self
                    .reader
                    .by_ref()
                    .take(missing)
                    .read_to_end(&mut bytes)
                    .map_err(CutError::Read)?;
                self.ended = (n as u64) < missing;
            }
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
                Cut { end: 0, .. } if bytes.len() < MAX_RECORD_BYTES => {
                    wanted = bytes.len() * 2;
                    continue;
                }
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
            self.carried = bytes.split_off(end);
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
    let (mut at, mut end) = (0, 0);
    while let Some(hop) = memchr2(b'"', b'\n', &bytes[at..]) {
        let here = at + hop;
        at = here + 1;
        if bytes[here] == b'\n' {
            end = at;
            continue;
        }
        let opens = here == 0 || bytes[here - 1] == delimiter || matches!(bytes[here - 1], b'\n' | b'\r');
        if !opens {
            continue;
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
    let mut spans = Vec::new();
    let mut line_numbers = Vec::new();
    match layout.delimiter {
        Delimiter::Byte(delimiter) => {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .from_reader(&block.bytes[..]);
            let mut record = ByteRecord::new();
            // Reading from memory cannot fail, and byte records cannot be malformed.
            while reader.read_byte_record(&mut record).unwrap_or(false) {
                let position = record.position().map_or((0, 1), |p| (p.byte() as usize, p.line()));
                let end = reader.position().byte() as usize;
                // The reader counts blank lines to the record that follows them.
                let text = &block.bytes[position.0..end];
                let blank = text.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
                spans.push((position.0 + blank, end));
                line_numbers.push(block.first_line + position.1 - 1 + count_lines(&text[..blank]));
                let field = |i| record.get(i).unwrap_or_default();
                layout.push(&mut rows, record.len(), field, clock);
                if !is_sound && layout.is_broken(text) {
                    rows.mark_broken();
                }
            }
        }
        Delimiter::Whitespace => {
            let mut start = 0;
            let mut fields: Vec<&[u8]> = Vec::new();
            for (line_number, line) in (block.first_line..).zip(block.bytes.split_inclusive(|b| *b == b'\n')) {
                fields.clear();
                fields.extend(line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()));
                if !fields.is_empty() {
                    spans.push((start, start + line.len()));
                    line_numbers.push(line_number);
                    let field = |i| fields.get(i).copied().unwrap_or_default();
                    layout.push(&mut rows, fields.len(), field, clock);
                    if !is_sound && layout.is_broken(line) {
                        rows.mark_broken();
                    }
                }
                start += line.len();
            }
        }
    }
    let raw = RawRows::Text {
        bytes: block.bytes,
        spans,
        line_numbers,
    };
    rows.finish(file, raw, clock)
}

impl Layout {
    fn push<'b>(
        &self,
        rows: &mut Rows<'_>,
        n_fields: usize,
        field: impl Fn(usize) -> &'b [u8],
        clock: &mut LocalClock,
    ) {
        let surplus_is_blank = || (self.n_fields..n_fields).all(|i| field(i).trim_ascii().is_empty());
        if n_fields < self.n_fields || !surplus_is_blank() {
            rows.push_ragged(clock);
        } else {
            rows.push(field, clock);
        }
    }

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
mod tests {
    use super::*;

    fn cut(text: &[u8]) -> Vec<TextBlock> {
        let mut blocks = Blocks::new(text, Delimiter::Byte(b','), 0).unwrap();
        let mut all = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            all.push(block);
        }
        all
    }

    #[test]
    fn blocks_end_between_records_and_know_their_line() {
        let record = "1,\"two\nlines, \"\"quoted\"\"\",5\" pipe\n";
        let text = record.repeat(200_000);
        let blocks = cut(text.as_bytes());
        assert!(blocks.len() > 1);
        assert_eq!(blocks.iter().map(|b| b.bytes.len()).sum::<usize>(), text.len());
        for block in &blocks {
            assert!(block.bytes.starts_with(b"1,") && block.bytes.ends_with(b"pipe\n"));
        }
        let records_before = blocks[0].bytes.len() / record.len();
        assert_eq!(blocks[1].first_line, 1 + 2 * records_before as u64);
    }

    #[test]
    fn a_last_line_without_an_end_is_a_record() {
        let blocks = cut(b"a,b\n1,2");
        assert_eq!(blocks[0].bytes, b"a,b\n1,2");
    }

    #[test]
    fn an_open_quote_is_found_with_its_line() {
        let mut blocks = Blocks::new(&b"a,b\n1,2\n3,\"4\n5,6\n"[..], Delimiter::Byte(b','), 0).unwrap();
        assert!(matches!(blocks.next_block(), Err(CutError::OpenQuote { line: 3 })));
    }
}
