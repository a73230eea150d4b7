//! JSON Lines, read like delimited text: one object a line, its keys are the columns.
//!
//! Objects within an object are columns too, named `outer.inner`. An array of objects, and objects that go over
//! several lines, are first copied to one object a line ([`to_lines`]). A line that is no object is a rejected line,
//! not a broken file. Cost: one pass; only the values of mapped columns are decoded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::batch::{RawBatch, RawRows, Record};
use super::date::LocalClock;
use super::mapping::Mapping;
use super::rows::Rows;
use super::text::TextBlock;

/// Objects deeper than this within one another are refused.
const MAX_DEPTH: usize = 32;

/// The columns of a file: where each key stands.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    names: Vec<String>,
    index: HashMap<String, usize>,
}

impl Keys {
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn add(&mut self, name: &str) -> usize {
        if let Some(&i) = self.index.get(name) {
            return i;
        }
        let i = self.names.len();
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), i);
        i
    }
}

/// The columns of the first lines, in order of appearance, and their values; lines that are no objects give none.
pub fn sample(text: &[u8], max_rows: usize, max_keys: usize) -> (Keys, Vec<Vec<Vec<u8>>>) {
    let mut keys = Keys::default();
    let mut rows: Vec<Vec<(usize, Vec<u8>)>> = Vec::new();
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !is_blank(line))
        .take(max_rows)
    {
        let mut row = Vec::new();
        let read = each_value(line, &mut |key, value| {
            if keys.names.len() <= max_keys {
                row.push((keys.add(key), value.into_owned()));
            }
        });
        if read.is_some() {
            rows.push(row);
        }
    }
    let mut columns = vec![vec![Vec::new(); rows.len()]; keys.names.len()];
    for (at, row) in rows.into_iter().enumerate() {
        for (column, value) in row {
            columns[column][at] = value;
        }
    }
    (keys, columns)
}

/// Names and values of one object; none if the line is no object.
pub fn fields(line: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let read = each_value(line.as_bytes(), &mut |key, value| {
        fields.push((key.to_owned(), String::from_utf8_lossy(&value).into_owned()));
    });
    if read.is_some() { fields } else { Vec::new() }
}

/// Parses a block of lines.
pub fn decode(block: TextBlock, keys: &Keys, mapping: &Mapping, file: u32, clock: &mut LocalClock) -> RawBatch {
    let mut rows = Rows::new(mapping);
    let mut wanted = vec![false; keys.names.len()];
    for position in mapping.positions.iter().flatten() {
        wanted[*position] = true;
    }
    let mut records = Vec::new();
    let mut values: Vec<Vec<u8>> = vec![Vec::new(); keys.names.len()];
    let mut start = 0;
    for (n_lines_before, line) in (0..).zip(block.bytes.split_inclusive(|byte| *byte == b'\n')) {
        if !is_blank(line) {
            values.iter_mut().for_each(Vec::clear);
            records.push(Record {
                start: start as u32,
                end: (start + line.len()) as u32,
                n_lines_before,
            });
            let read = each_value(line, &mut |key, value| {
                if let Some(&i) = keys.index.get(key)
                    && wanted[i]
                {
                    values[i].clear();
                    values[i].extend_from_slice(&value);
                }
            });
            match read {
                Some(()) => rows.push(|i| &values[i], clock),
                None => rows.push_ragged(clock),
            }
        }
        start += line.len();
    }
    let raw = RawRows::Text {
        bytes: block.bytes,
        first_line: block.first_line,
        records,
    };
    rows.finish(file, raw, clock)
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

/// Gives every value of an object with its key as text; `None` if the line is no object.
fn each_value<'a>(line: &'a [u8], give: &mut dyn FnMut(&str, Cow<'a, [u8]>)) -> Option<()> {
    let text = std::str::from_utf8(line).ok()?;
    object(text, "", 0, give)
}

fn object<'a>(text: &'a str, outer: &str, depth: usize, give: &mut dyn FnMut(&str, Cow<'a, [u8]>)) -> Option<()> {
    struct Pairs<'g, 'a> {
        outer: &'g str,
        depth: usize,
        give: &'g mut dyn FnMut(&str, Cow<'a, [u8]>),
    }

    impl<'de> Visitor<'de> for Pairs<'_, 'de> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
            while let Some((key, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                let name = if self.outer.is_empty() {
                    key
                } else {
                    Cow::Owned(format!("{}.{key}", self.outer))
                };
                let raw = value.get();
                match raw.as_bytes() {
                    [b'{', ..] => {
                        let inner = object(raw, &name, self.depth + 1, self.give);
                        inner.ok_or_else(|| serde::de::Error::custom("objects too deep within one another"))?;
                    }
                    [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => (self.give)(&name, Cow::Borrowed(inner)),
                    [b'"', ..] => {
                        let text: String = serde_json::from_str(raw).map_err(serde::de::Error::custom)?;
                        (self.give)(&name, Cow::Owned(text.into_bytes()));
                    }
                    b"null" => (self.give)(&name, Cow::Borrowed(b"")),
                    other => (self.give)(&name, Cow::Borrowed(other)),
                }
            }
            Ok(())
        }
    }

    if MAX_DEPTH < depth {
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text.trim());
    deserializer.deserialize_map(Pairs { outer, depth, give }).ok()?;
    deserializer.end().ok()
}

/// Whether the text is one object a line already.
pub fn is_lines(start: &[u8]) -> bool {
    let mut lines = start.split(|byte| *byte == b'\n').filter(|line| !is_blank(line));
    let first = lines.next().unwrap_or_default();
    // A first line that the sample cuts short is an object if it only lacks its end.
    each_value(first, &mut |_, _| {}).is_some()
        || (first.trim_ascii_start().starts_with(b"{\"") && lines.next().is_none())
}

/// Copies an array of objects, or objects over several lines, as one object a line. What stands between the objects
/// and is none becomes a line of its own, to be rejected as such. Cost: one pass, byte by byte.
///
/// # Errors
/// `UnexpectedEof` if the array or an object has no end.
pub fn to_lines(mut reader: impl BufRead, into: &mut dyn Write) -> io::Result<()> {
    let mut depth = 0_usize;
    let (mut in_text, mut after_backslash) = (false, false);
    let (mut is_array, mut is_closed) = (None, false);
    // Whether the line that is being written is no object.
    let mut is_stray = false;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            if depth > 0 || is_array == Some(true) && !is_closed {
                let what = "the JSON is cut short";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
            }
            return if is_stray { into.write_all(b"\n") } else { Ok(()) };
        }
        let mut line = Vec::with_capacity(chunk.len() + 16);
        for &byte in chunk {
            if in_text {
                in_text = after_backslash || byte != b'"';
                after_backslash = !after_backslash && byte == b'\\';
                line.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
                continue;
            }
            if depth == 0 && byte != b'{' {
                match byte {
                    b'[' if !is_stray && (is_array.is_none() || is_closed) => {
                        (is_array, is_closed) = (Some(true), false)
                    }
                    b']' if is_array == Some(true) && !is_closed && !is_stray => is_closed = true,
                    b',' | b'\n' | b'\r' | b' ' | b'\t' if !is_stray => {}
                    b',' | b'\n' => {
                        line.push(b'\n');
                        is_stray = false;
                    }
                    byte => {
                        is_stray = true;
                        line.push(byte);
                    }
                }
                continue;
            }
            match byte {
                b'{' => {
                    if std::mem::take(&mut is_stray) {
                        line.push(b'\n');
                    }
                    is_array.get_or_insert(false);
                    depth += 1;
                }
                b'"' => in_text = true,
                b'}' => depth -= 1,
                _ => {}
            }
            line.push(if matches!(byte, b'\n' | b'\r' | b'\t') {
                b' '
            } else {
                byte
            });
            if depth == 0 {
                line.push(b'\n');
            }
        }
        let n = chunk.len();
        into.write_all(&line)?;
        reader.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::header::Canonical;

    fn values(line: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        each_value(line.as_bytes(), &mut |key, value| {
            found.push((key.to_owned(), String::from_utf8_lossy(&value).into_owned()));
        })?;
        Some(found)
    }

    fn pairs(expected: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(
            expected
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn values_are_texts_whatever_their_type() {
        assert_eq!(
            values(
                r#"{"id": 17850, "price":2.50,"name":"6\" \u4e2d","ok":true,"gone":null,"at":{"day":"x","of":{"y":1}},"l":[1,2]}"#
            ),
            pairs(&[
                ("id", "17850"),
                ("price", "2.50"),
                ("name", "6\" 中"),
                ("ok", "true"),
                ("gone", ""),
                ("at.day", "x"),
                ("at.of.y", "1"),
                ("l", "[1,2]"),
            ])
        );
        for bad in ["", "[1]", "7", "{", r#"{"a":1} x"#, r#"{"a":}"#, "\u{feff}"] {
            assert_eq!(values(bad), None, "{bad}");
        }
        let deep = "{\"a\":".repeat(200) + "1" + &"}".repeat(200);
        assert_eq!(values(&deep), None);
        assert_eq!(values(&("[".repeat(100_000))), None);
    }

    #[test]
    fn arrays_and_spread_objects_become_lines() {
        let text = "[\n {\"a\": 1,\n  \"b\": \"x]},{\\\"y\"},\n {\"a\": {\"c\": []}}\n]\n";
        let mut lines = Vec::new();
        to_lines(io::BufReader::with_capacity(3, text.as_bytes()), &mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        assert_eq!(lines, "{\"a\": 1,   \"b\": \"x]},{\\\"y\"}\n{\"a\": {\"c\": []}}\n");
        assert!(!is_lines(text.as_bytes()) && is_lines(lines.as_bytes()));
        let copied = |text: &str| {
            let mut lines = Vec::new();
            to_lines(text.as_bytes(), &mut lines).map(|()| String::from_utf8(lines).unwrap())
        };
        assert_eq!(
            copied("[{\"a\":1},7,{\"a\":2}]\nthe end").unwrap(),
            "{\"a\":1}\n7\n{\"a\":2}\nthe end\n"
        );
        for cut in ["[{\"a\":1}", "[{\"a\":1},{\"a\"", "{\"a\":\n"] {
            assert_eq!(copied(cut).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
        assert!(is_lines(b"{\"a\":1}\n{\"a\":2"));
        assert!(!is_lines(b"{\n\"a\":1}\n"));
    }

    #[test]
    fn lines_that_are_no_objects_are_ragged() {
        let text = "{\"c\":\"k1\",\"x\":1}\n\nnonsense\n{\"c\":\"k2\"}\n";
        let (keys, columns) = sample(text.as_bytes(), 10, 100);
        assert_eq!(keys.names(), ["c", "x"]);
        assert_eq!(
            columns,
            [vec![b"k1".to_vec(), b"k2".to_vec()], vec![b"1".to_vec(), Vec::new()]]
        );
        let block = TextBlock {
            bytes: text.as_bytes().to_vec(),
            first_line: 1,
            is_first: true,
        };
        let mapping = Mapping::by_position(&[Canonical::CustomerId]);
        let batch = decode(block, &keys, &mapping, 0, &mut LocalClock::new(chrono_tz::UTC));
        assert_eq!((batch.n_rows, &batch.ragged[..]), (3, &[1][..]));
        assert_eq!(batch.customer.value(2), Some(&b"k2"[..]));
        assert_eq!((batch.raw.number(1), batch.raw.text(1)), (3, "nonsense".to_owned()));
    }
}
