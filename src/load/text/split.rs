//! Records and fields of a block, found in place.
//!
//! In: whole records. Out: for each record where its fields stand, without copying them; only a quoted field that
//! holds quotes is put together elsewhere. What counts as a record, a field and a quote is what the `csv` crate says,
//! and the tests hold both against each other:
//!
//! - a record ends with `\n`, `\r` or the text; blank lines are none;
//! - a quote opens a quoted field only at the start of the field, and a quote or the text ends it; within, a doubled
//!   quote is one, and delimiters and line ends are text;
//! - what follows the closing quote, up to the delimiter, belongs to the field as it stands.
//!
//! One thing differs on purpose: a byte order mark is text. The reader of the file has taken it off already, and the
//! `csv` crate would take off that of any block which happens to begin with one.
//!
//! Cost: every byte is compared with three others in vectors, every field costs a look at its first and its last byte.
//! The `csv` crate looks at every byte of short fields in turn and copies them, which took 2.3 and 2.4 times the processor
//! seconds on two files of 10 million lines.

use memchr::{memchr, memchr_iter};

use crate::load::batch::Record;

/// Bytes compared at once: one for each bit of a mask.
const WORD: usize = 64;
/// Bytes in which delimiters and line ends are looked up before they are used; a few kilobytes stay in the nearest
/// cache.
const WINDOW: usize = 64 * WORD;
/// Marks of a word that are noted without a look at how many there are; a word of a usual file has fewer.
const AT_ONCE: usize = 10;

/// Where a field stands: in the text, or, with [`UNQUOTED`] added to its start, in `Splitter::unquoted`.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

const UNQUOTED: u32 = 1 << 31;

/// Splits a text, record by record, and holds the fields of the records since [`Splitter::clear`].
pub struct Splitter<'b> {
    text: &'b [u8],
    delimiter: u8,
    marks: Marks<'b>,
    /// Where the next record starts, or blank lines before it.
    at: usize,
    /// Line ends before `at`.
    n_lines: u32,
    spans: Vec<Span>,
    /// Where the fields of the last record start in `spans`.
    last: usize,
    /// Quoted fields that hold quotes, without those that do not belong to them.
    unquoted: Vec<u8>,
}

impl<'b> Splitter<'b> {
    /// `text` is shorter than 2 GiB; a block is.
    pub fn new(text: &'b [u8], delimiter: u8) -> Self {
        Self {
            text,
            delimiter,
            marks: Marks::new(text, delimiter),
            at: 0,
            n_lines: 0,
            spans: Vec::new(),
            last: 0,
            unquoted: Vec::new(),
        }
    }

    /// Forgets the fields found so far.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.unquoted.clear();
    }

    /// Finds the next record.
    #[inline]
    pub fn next_record(&mut self) -> Option<Record> {
        self.last = self.spans.len();
        while let Some(b'\r' | b'\n') = self.text.get(self.at) {
            self.end_line(self.at);
            self.at = self.marks.next() + 1;
        }
        let start = self.at;
        let n_lines_before = self.n_lines;
        if start == self.text.len() {
            return None;
        }
        let mut at = start;
        loop {
            let end = if self.text.get(at) == Some(&b'"') {
                self.quoted(at)
            } else {
                let end = self.marks.next();
                self.push(at, end);
                end
            };
            match self.text.get(end) {
                Some(&byte) if byte == self.delimiter => at = end + 1,
                None => {
                    self.at = end;
                    break;
                }
                Some(_) => {
                    self.end_line(end);
                    self.at = end + 1;
                    break;
                }
            }
        }
        Some(Record {
            start: start as u32,
            end: self.at as u32,
            n_lines_before,
        })
    }

    /// Makes the last record one of `n_fields` fields; whether it was, blank ones at its end aside. One that was not
    /// becomes empty fields.
    #[inline]
    pub fn fit(&mut self, n_fields: usize) -> bool {
        self.spans.len() - self.last == n_fields || self.refit(n_fields)
    }

    #[cold]
    fn refit(&mut self, n_fields: usize) -> bool {
        let end = self.last + n_fields;
        let fits = (end..self.spans.len()).all(|at| self.get(at).trim_ascii().is_empty()) && end <= self.spans.len();
        self.spans.truncate(if fits { end } else { self.last });
        self.spans.resize(end, Span { start: 0, end: 0 });
        fits
    }

    /// Field `at`, counted through all records.
    #[inline]
    pub fn get(&self, at: usize) -> &[u8] {
        let Span { start, end } = self.spans[at];
        if start < UNQUOTED {
            &self.text[start as usize..end as usize]
        } else {
            &self.unquoted[(start - UNQUOTED) as usize..end as usize]
        }
    }

    /// The fields of the last record.
    #[cfg(test)]
    pub fn last_fields(&self) -> impl Iterator<Item = &[u8]> {
        (self.last..self.spans.len()).map(|at| self.get(at))
    }

    #[inline]
    fn push(&mut self, start: usize, end: usize) {
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
        });
    }

    #[inline]
    fn end_line(&mut self, at: usize) {
        self.n_lines += u32::from(self.text[at] == b'\n');
    }

    /// Reads the field whose quote opens at `open`; where it ends.
    fn quoted(&mut self, open: usize) -> usize {
        let unquoted_from = self.unquoted.len();
        // What has been read and stands nowhere yet.
        let mut from = open + 1;
        let (close, end) = loop {
            let Some(hop) = memchr(b'"', &self.text[from..]) else {
                break (self.text.len(), self.text.len());
            };
            let quote = from + hop;
            if self.text.get(quote + 1) != Some(&b'"') {
                break (quote, self.marks.next_from(quote + 1));
            }
            self.unquoted.extend_from_slice(&self.text[from..=quote]);
            from = quote + 2;
        };
        self.n_lines += memchr_iter(b'\n', &self.text[open..close]).count() as u32;
        let after = self.text.get(close + 1..end).unwrap_or_default();
        if from == open + 1 && after.is_empty() {
            self.push(from, close);
        } else {
            self.unquoted.extend_from_slice(&self.text[from..close]);
            self.unquoted.extend_from_slice(after);
            self.push(unquoted_from + UNQUOTED as usize, self.unquoted.len());
        }
        end
    }
}

/// Places of delimiters and line ends, a window at a time.
struct Marks<'b> {
    text: &'b [u8],
    delimiter: u8,
    /// The first `n_found` are those of the window, ascending; `next` is the first that has not been passed.
    found: Vec<u32>,
    n_found: usize,
    next: usize,
    /// Where the next window starts.
    window: usize,
}

impl<'b> Marks<'b> {
    fn new(text: &'b [u8], delimiter: u8) -> Self {
        Self {
            text,
            delimiter,
            found: vec![0; WINDOW + AT_ONCE],
            n_found: 0,
            next: 0,
            window: 0,
        }
    }

    /// Passes the next mark: where it stands, or the end of the text.
    #[inline]
    fn next(&mut self) -> usize {
        loop {
            if self.next < self.n_found {
                self.next += 1;
                return self.found[self.next - 1] as usize;
            }
            if self.text.len() <= self.window {
                return self.text.len();
            }
            self.look(0);
        }
    }

    /// Passes all marks before `at` and the one after them.
    fn next_from(&mut self, at: usize) -> usize {
        if self.window <= at && self.window < self.text.len() {
            self.look(at);
        }
        loop {
            let mark = self.next();
            if at <= mark {
                return mark;
            }
        }
    }

    /// Looks up the marks of the next window, leaving out what lies before `at`.
    #[inline(never)]
    fn look(&mut self, at: usize) {
        self.n_found = 0;
        self.next = 0;
        self.window = self.window.max(at / WORD * WORD);
        let window = &self.text[self.window.min(self.text.len())..];
        let window = &window[..window.len().min(WINDOW)];
        let (words, rest) = window.as_chunks::<WORD>();
        let mut start = self.window as u32;
        for word in words {
            self.found_in(start, marks(word, self.delimiter));
            start += WORD as u32;
        }
        if !rest.is_empty() {
            let mut word = [0; WORD];
            word[..rest.len()].copy_from_slice(rest);
            let within = (1 << rest.len()) - 1;
            self.found_in(start, marks(&word, self.delimiter) & within);
        }
        self.window += window.len();
    }

    /// Notes the marks of a word. Always [`AT_ONCE`] of them, of which the last may be none, so that the processor
    /// need not guess how many there are.
    #[inline]
    fn found_in(&mut self, start: u32, mut mask: u64) {
        let mut at = self.n_found;
        self.n_found += mask.count_ones() as usize;
        while mask != 0 {
            for place in &mut self.found[at..at + AT_ONCE] {
                *place = start + mask.trailing_zeros();
                mask &= mask.wrapping_sub(1);
            }
            at += AT_ONCE;
        }
    }
}

/// A bit for each byte, the first one lowest: whether it is the delimiter or ends a line.
#[inline]
fn marks(word: &[u8; WORD], delimiter: u8) -> u64 {
    // Moves the lowest bits of eight bytes into the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let is_mark = word.map(|byte| u8::from((byte == delimiter) | (byte == b'\n') | (byte == b'\r')));
    let (eights, _) = is_mark.as_chunks::<8>();
    let mut mask = 0;
    for (at, eight) in eights.iter().enumerate() {
        mask |= (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) << (8 * at);
    }
    mask
}
