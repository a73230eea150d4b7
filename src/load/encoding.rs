//! How the bytes of a file become text.
//!
//! In: the first bytes of a file. Out: an encoding, how sure that is, and one line of evidence for the user. Cost: a
//! pass over the sample; if it is not UTF-8, also a pass over at most 16 KiB of it for each encoding.
//!
//! A byte order mark decides, then the NUL bytes of UTF-16, then UTF-8. What remains is weighed: each encoding is
//! charged for the text that it makes of the sample (see `model`), and the one that `chardetng` names gets
//! something off. `chardetng` knows how letters follow each other in running text; the charge knows the words of
//! tables, where short fields of rare words stand between numbers.

mod common;
mod model;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};

use model::{CANDIDATES, Fit};

/// Distinct fields beyond ASCII that are weighed; more of them would not change the outcome.
const EXCERPT_BYTES: usize = 16 << 10;

/// What the encoding is taken to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodingGuess {
    pub encoding: &'static Encoding,
    /// Bytes of the byte order mark, to be skipped.
    pub bom_length: usize,
    /// One line for the user.
    pub evidence: String,
    pub confidence: Confidence,
}

/// How sure a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Another encoding fits nearly as well; the evidence names it.
    Low,
    High,
    /// A byte order mark or valid UTF-8.
    Certain,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Certain => "certain",
        })
    }
}

/// Tells the encoding of a sample that starts with the file and may end inside a character.
pub fn detect(sample: &[u8]) -> EncodingGuess {
    let certain = |encoding, bom_length, evidence| EncodingGuess {
        encoding,
        bom_length,
        evidence,
        confidence: Confidence::Certain,
    };
    if let Some((encoding, bom_length)) = Encoding::for_bom(sample) {
        let evidence = format!("starts with the byte order mark of {}", encoding.name());
        return certain(encoding, bom_length, evidence);
    }
    if let Some(guess) = unmarked_utf16(sample) {
        return guess;
    }
    if sample.is_ascii() {
        return certain(UTF_8, 0, "nothing beyond ASCII".to_owned());
    }
    let lines = Lines::count(sample);
    if lines.n_broken == 0 && (0 < lines.n_valid || lines.is_cut_in_utf8) {
        let evidence = format!("valid UTF-8, beyond ASCII in {}", counted(lines.n_valid, "line"));
        return certain(UTF_8, 0, evidence);
    }
    if lines.n_broken * 9 <= lines.n_surely_valid {
        return EncodingGuess {
            encoding: UTF_8,
            bom_length: 0,
            evidence: lines.evidence(),
            confidence: Confidence::High,
        };
    }
    weigh(sample, &lines)
}

/// Lines beyond ASCII, as UTF-8.
#[derive(Debug, Default)]
struct Lines {
    n_valid: usize,
    /// Valid ones with a character of three bytes or more, which no other encoding gives by chance.
    n_surely_valid: usize,
    n_broken: usize,
    /// The first broken one, counted from 1.
    first_broken: usize,
    /// The sample ends inside a character of which more is there than one byte, which could be anything.
    is_cut_in_utf8: bool,
}

impl Lines {
    fn count(sample: &[u8]) -> Self {
        let mut lines = Self::default();
        for (i, line) in sample.split(|byte| *byte == b'\n').enumerate() {
            if line.is_ascii() {
                continue;
            }
            let is_last = line.as_ptr_range().end == sample.as_ptr_range().end;
            match std::str::from_utf8(line) {
                Ok(_) => {
                    lines.n_valid += 1;
                    lines.n_surely_valid += usize::from(line.iter().any(|byte| 0xE0 <= *byte));
                }
                Err(error) if is_last && error.error_len().is_none() => {
                    let whole = &line[..error.valid_up_to()];
                    if !whole.is_ascii() {
                        lines.n_valid += 1;
                    }
                    lines.is_cut_in_utf8 = 1 < line.len() - whole.len();
                    // A single byte at the end of a text without any other is as likely a letter of its own.
                    if whole.is_ascii() && !lines.is_cut_in_utf8 && lines.n_valid == 0 {
                        lines.n_broken += 1;
                    }
                }
                Err(_) => lines.n_broken += 1,
            }
            if lines.n_broken == 1 && lines.first_broken == 0 {
                lines.first_broken = i + 1;
            }
        }
        lines
    }

    /// Of UTF-8 with some broken lines.
    fn evidence(&self) -> String {
        let verb = if self.n_broken == 1 { "is" } else { "are" };
        format!(
            "{} beyond ASCII valid as UTF-8, {} {verb} not, first line {}",
            counted(self.n_valid, "line"),
            self.n_broken,
            self.first_broken
        )
    }
}

/// A reading of the sample.
struct Reading {
    encoding: &'static Encoding,
    fit: Fit,
}

fn weigh(sample: &[u8], lines: &Lines) -> EncodingGuess {
    let (excerpt, n_fields) = excerpt(sample);
    let n_beyond = excerpt.iter().filter(|byte| !byte.is_ascii()).count() as u64;
    let witness = second_witness(&excerpt);
    let mut encodings = CANDIDATES.to_vec();
    if !encodings.contains(&witness) && witness != UTF_8 {
        encodings.push(witness);
    }
    // A file that joins others may be UTF-8 in most lines only.
    if lines.n_broken < lines.n_valid {
        encodings.insert(0, UTF_8);
    }
    let mut readings: Vec<Reading> = Vec::new();
    for encoding in encodings {
        let mut fit = Fit::of(&excerpt, encoding);
        if encoding != witness {
            fit.cost += 50 + 2 * n_beyond;
        }
        readings.push(Reading { encoding, fit });
    }
    readings.sort_by_key(|reading| reading.fit.cost);
    let Some((best, others)) = readings.split_first() else {
        return EncodingGuess {
            encoding: UTF_8,
            bom_length: 0,
            evidence: "nothing beyond ASCII".to_owned(),
            confidence: Confidence::Low,
        };
    };
    let text = decoded(&excerpt, best.encoding);
    let runner_up = others.iter().find(|other| decoded(&excerpt, other.encoding) != text);
    let margin = runner_up.map_or(u64::MAX, |other| other.fit.cost - best.fit.cost);
    let Fit {
        n_characters,
        n_common,
        n_broken,
        ..
    } = best.fit;
    let is_sure = 120 <= margin && n_characters <= 4 * n_common && n_broken * 50 <= n_characters;
    let mut evidence = if best.encoding == UTF_8 {
        lines.evidence()
    } else {
        let mut text = format!(
            "not UTF-8 in line {}; {n_common} of {} in {} are usual ones",
            lines.first_broken,
            counted(n_characters, "character"),
            counted(n_fields, "distinct field"),
        );
        if 0 < n_broken {
            text += &format!(", {n_broken} cannot be read");
        }
        text
    };
    let mut confidence = Confidence::High;
    let is_sure = if best.encoding == UTF_8 {
        lines.n_broken * 9 <= lines.n_valid
    } else {
        is_sure
    };
    if !is_sure {
        confidence = Confidence::Low;
        if let Some(other) = runner_up {
            evidence = format!("{} or {}: {evidence}", name(best.encoding), name(other.encoding));
        }
    }
    EncodingGuess {
        encoding: best.encoding,
        bom_length: 0,
        evidence,
        confidence,
    }
}

/// The distinct fields beyond ASCII, one on each line, and how many they are. Without the repeats, a thousand lines
/// with the same word count as one. No encoding uses these separators as half of a character.
fn excerpt(sample: &[u8]) -> (Vec<u8>, usize) {
    let mut seen = HashSet::new();
    let mut excerpt = Vec::new();
    let is_separator = |byte: &u8| matches!(byte, b'\n' | b'\r' | b',' | b';' | b'\t' | b'"');
    for field in sample.split(is_separator) {
        if EXCERPT_BYTES <= excerpt.len() {
            break;
        }
        let field = &field[..field.len().min(EXCERPT_BYTES)];
        if !field.is_ascii() && seen.insert(field) {
            if !excerpt.is_empty() {
                excerpt.push(b'\n');
            }
            excerpt.extend_from_slice(field);
        }
    }
    if sample.last().is_some_and(is_separator) {
        excerpt.push(b'\n');
    }
    (excerpt, seen.len())
}

fn second_witness(excerpt: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(excerpt, false);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    if encoding == GBK { GB18030 } else { encoding }
}

fn decoded(bytes: &[u8], encoding: &'static Encoding) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn name(encoding: &'static Encoding) -> String {
    encoding.name().to_ascii_lowercase()
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

/// UTF-16 without a mark: one byte of each ASCII character is NUL, always the first or always the second, and
/// what the other pairs stand for is text.
fn unmarked_utf16(sample: &[u8]) -> Option<EncodingGuess> {
    let (units, _) = sample.as_chunks::<2>();
    let n_low = units.iter().filter(|unit| unit[1] == 0).count();
    let n_high = units.iter().filter(|unit| unit[0] == 0).count();
    let (encoding, n_ascii, n_against) = if n_high <= n_low {
        (UTF_16LE, n_low, n_high)
    } else {
        (UTF_16BE, n_high, n_low)
    };
    // Even tables of Chinese have a digit or separator for every few characters.
    if n_ascii == 0 || n_ascii * 20 < units.len() || n_ascii < n_against * 20 {
        return None;
    }
    // Pairs of plain letters are ASCII that somebody put NULs into, and no Chinese.
    let is_printable = |byte: &u8| (0x20..0x7F).contains(byte);
    let n_plain = units.iter().filter(|unit| unit.iter().all(is_printable)).count();
    if units.len() - n_ascii < 2 * n_plain {
        return None;
    }
    let (text, _) = encoding.decode_without_bom_handling(&sample[..units.len() * 2]);
    let is_strange = |c: &char| {
        matches!(*c, char::REPLACEMENT_CHARACTER | '\u{e000}'..='\u{f8ff}')
            || c.is_control() && !matches!(*c, '\t' | '\n' | '\r' | '\u{1a}')
    };
    let n_strange = text.chars().filter(is_strange).count();
    if units.len() < n_strange * 50 {
        return None;
    }
    let which = if encoding == UTF_16LE { "second" } else { "first" };
    Some(EncodingGuess {
        encoding,
        bom_length: 0,
        evidence: format!(
            "{n_ascii} of {} pairs of bytes have a NUL as their {which}",
            units.len()
        ),
        confidence: Confidence::High,
    })
}
