//! What kind of table a text is: its delimiter, and whether its first line is a header.
//!
//! In: the first bytes of a file (or the fields of its first records). Out: a decision and one line of
//! evidence for the user. Everything here looks at a sample once; nothing runs per line of the file.

use super::date::looks_like_date;
use super::number::{NumberFormat, parse_scaled};

/// What stands between the fields of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    Byte(u8),
    /// Runs of blanks and tabs; those at either end of a line count for nothing.
    Whitespace,
}

impl std::fmt::Display for Delimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Byte(b'\t') => f.write_str("tab"),
            Self::Byte(byte) => write!(f, "{:?}", char::from(*byte)),
            Self::Whitespace => f.write_str("blanks"),
        }
    }
}

impl Delimiter {
    /// As the configuration names it.
    pub fn setting(self) -> String {
        match self {
            Self::Byte(b'\t') => "tab".into(),
            Self::Byte(byte) => char::from(byte).to_string(),
            Self::Whitespace => "blank".into(),
        }
    }
}

/// How the records of a file are divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: Delimiter,
    /// Fields of most records.
    pub n_fields: usize,
    /// Whether a quotation mark opens a field anywhere in the sample and quoting makes sense of it.
    pub quoted: bool,
    /// Bytes of a first line `sep=;`, which spreadsheets write and which is no record; else 0.
    pub preamble_length: usize,
    /// One line for the user.
    pub evidence: String,
}

/// Tells the delimiter from a sample of UTF-8 text, without byte order mark, that starts with the file: the
/// one that gives most complete records the same number of fields, two or more. Among equals the one whose
/// fields are more often numbers and dates, then tab, semicolon, bar, comma. Blanks are considered only if none of
/// these divides nine records in ten alike. A quotation mark counts at the start of a field only.
pub fn sniff_delimiter(sample: &[u8]) -> Dialect {
    const BYTES: [u8; 4] = [b'\t', b';', b'|', b','];
    if let Some((delimiter, preamble_length)) = declared(sample) {
        let split = Split::of(&sample[preamble_length..], Delimiter::Byte(delimiter));
        let evidence = format!("the first line says sep={}", char::from(delimiter));
        return split.dialect(preamble_length, evidence);
    }
    let splits = BYTES.map(|byte| Split::of(sample, Delimiter::Byte(byte)));
    // The first of equals, in the order of preference.
    let by_byte = splits
        .into_iter()
        .filter(Split::is_consistent)
        .rev()
        .max_by_key(Split::rank);
    let best = by_byte.or_else(|| Some(Split::of(sample, Delimiter::Whitespace)).filter(Split::is_consistent));
    match best {
        Some(split) => {
            let (delimiter, n, n_alike) = (split.delimiter, split.n_records, split.n_alike);
            let evidence = format!(
                "{n_alike} of {n} records have {} fields when divided by {delimiter}",
                split.n_fields
            );
            split.dialect(0, evidence)
        }
        None => {
            let evidence = "no delimiter divides the records alike; one column is assumed".to_owned();
            Split::of(sample, Delimiter::Byte(b',')).dialect(0, evidence)
        }
    }
}

/// Bytes of a first line such as `sep=;`, else 0.
pub fn preamble_length(sample: &[u8]) -> usize {
    declared(sample).map_or(0, |(_, length)| length)
}

/// The delimiter and length of a first line such as `sep=;`.
fn declared(sample: &[u8]) -> Option<(u8, usize)> {
    let end = memchr::memchr(b'\n', sample)?;
    let line = sample[..end].strip_suffix(b"\r").unwrap_or(&sample[..end]);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => {
            let can_divide = delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\r');
            can_divide.then_some((*delimiter, end + 1))
        }
        _ => None,
    }
}

/// A sample divided by one delimiter.
struct Split {
    delimiter: Delimiter,
    n_records: usize,
    /// The most frequent number of fields.
    n_fields: usize,
    /// Records of that many fields.
    n_alike: usize,
    /// Fields of the first record.
    n_first: usize,
    quoted: bool,
    n_all_fields: usize,
    /// Fields that are numbers or dates.
    n_typed: usize,
}

impl Split {
    fn of(sample: &[u8], delimiter: Delimiter) -> Self {
        let (split, open) = Self::read(sample, delimiter, true);
        // A quote that swallows most of the sample is no quote, as in `6" pipe` at the start of a field.
        if sample.len() < open * 2 {
            Self::read(sample, delimiter, false).0
        } else {
            split
        }
    }

    /// Also gives the bytes from a quote that is never closed, else 0.
    fn read(sample: &[u8], delimiter: Delimiter, quotes: bool) -> (Self, usize) {
        const MAX_RECORDS: usize = 2_000;
        let mut split = Self {
            delimiter,
            n_records: 0,
            n_fields: 0,
            n_alike: 0,
            n_first: 0,
            quoted: false,
            n_all_fields: 0,
            n_typed: 0,
        };
        let mut counts: Vec<usize> = Vec::new();
        let mut reader = Reader {
            bytes: sample,
            at: 0,
            delimiter,
            quotes,
            quoted: false,
        };
        let mut record = Vec::new();
        let mut open = 0;
        while counts.len() < MAX_RECORDS && reader.at < sample.len() {
            let start = reader.at;
            match reader.record(&mut record) {
                End::Line => {}
                // The last record may be cut; it counts if it is the only one.
                End::Sample if counts.is_empty() => {}
                End::Sample => break,
                End::OpenQuote => {
                    open = sample.len() - start;
                    break;
                }
            }
            if !matches!(record.as_slice(), [] | [[]]) {
                counts.push(record.len());
                split.n_all_fields += record.len();
                split.n_typed += record.iter().filter(|field| is_typed(field)).count();
            }
        }
        split.quoted = reader.quoted && open == 0;
        split.n_records = counts.len();
        split.n_first = counts.first().copied().unwrap_or(0);
        counts.sort_unstable();
        for alike in counts.chunk_by(|a, b| a == b) {
            if split.n_alike < alike.len() {
                (split.n_fields, split.n_alike) = (alike[0], alike.len());
            }
        }
        (split, open)
    }

    /// Nine records in ten are alike, or more than half of them and the header with them: a small file may be a bad one.
    fn is_consistent(&self) -> bool {
        let most = self.n_records * 9 <= self.n_alike * 10;
        let with_header = 3 <= self.n_fields && self.n_first == self.n_fields && self.n_records < self.n_alike * 2;
        2 <= self.n_fields && (most || with_header)
    }

    /// Share of records that are alike, then share of fields that are typed, both in thousandths.
    fn rank(&self) -> (usize, usize) {
        let share = |n: usize, of: usize| (n * 1_000).checked_div(of).unwrap_or(0);
        (
            share(self.n_alike, self.n_records),
            share(self.n_typed, self.n_all_fields),
        )
    }

    fn dialect(self, preamble_length: usize, evidence: String) -> Dialect {
        let Self {
            delimiter,
            n_fields,
            quoted,
            ..
        } = self;
        Dialect {
            delimiter,
            n_fields,
            quoted,
            preamble_length,
            evidence,
        }
    }
}

enum End {
    Line,
    Sample,
    OpenQuote,
}

/// Reads records the way the loader's CSV reader does: doubled quotes inside quoted fields, either line end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    delimiter: Delimiter,
    quotes: bool,
    quoted: bool,
}

impl<'a> Reader<'a> {
    /// The fields of the next record, without enclosing quotes; doubled quotes stay doubled.
    fn record(&mut self, fields: &mut Vec<&'a [u8]>) -> End {
        fields.clear();
        loop {
            if self.delimiter == Delimiter::Whitespace {
                self.skip_blanks();
                if fields.is_empty() || self.at < self.bytes.len() {
                    // Blanks at the end of a line open no field.
                    if let Some(end) = self.line_end() {
                        return end;
                    }
                }
            }
            let start = self.at;
            let mut field_end = None;
            if self.quotes && self.bytes.get(self.at) == Some(&b'"') {
                self.quoted = true;
                let Some(close) = closing_quote(self.bytes, self.at + 1) else {
                    self.at = self.bytes.len();
                    return End::OpenQuote;
                };
                self.at = close + 1;
                field_end = Some(close);
            }
            let rest = &self.bytes[self.at..];
            self.at += rest
                .iter()
                .position(|byte| self.ends_field(*byte))
                .unwrap_or(rest.len());
            fields.push(match field_end {
                Some(close) => &self.bytes[start + 1..close],
                None => &self.bytes[start..self.at],
            });
            if let Some(end) = self.line_end() {
                return end;
            }
            self.at += 1;
        }
    }

    fn ends_field(&self, byte: u8) -> bool {
        matches!(byte, b'\n' | b'\r')
            || match self.delimiter {
                Delimiter::Byte(delimiter) => byte == delimiter,
                Delimiter::Whitespace => matches!(byte, b' ' | b'\t'),
            }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Steps over the end of a line or of the sample, if it is here.
    fn line_end(&mut self) -> Option<End> {
        match self.bytes.get(self.at) {
            None => Some(End::Sample),
            Some(b'\r') => {
                self.at += if self.bytes.get(self.at + 1) == Some(&b'\n') {
                    2
                } else {
                    1
                };
                Some(End::Line)
            }
            Some(b'\n') => {
                self.at += 1;
                Some(End::Line)
            }
            Some(_) => None,
        }
    }
}

fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

fn is_typed(field: &[u8]) -> bool {
    NumberFormat::ALL
        .iter()
        .any(|format| parse_scaled(field, *format, 4).is_ok())
        || looks_like_date(field)
}

/// Whether the first record is data. Columns that hold numbers or dates below must do so in the first record
/// too; a file of texts only is taken to have a header, unless its first record alone is all numbers and dates.
pub fn looks_headerless<A: AsRef<[u8]>, B: AsRef<[u8]>>(first: &[A], next: &[Vec<B>]) -> bool {
    let filled = |field: &[u8]| !field.trim_ascii().is_empty();
    let first: Vec<&[u8]> = first.iter().map(AsRef::as_ref).collect();
    if next.is_empty() {
        return first.iter().any(|field| filled(field)) && first.iter().all(|field| !filled(field) || is_typed(field));
    }
    let mut n_typed_columns = 0;
    for (at, field) in first.iter().enumerate() {
        let below = next
            .iter()
            .filter_map(|record| record.get(at))
            .map(AsRef::as_ref)
            .filter(|field| filled(field));
        let (n, n_typed) = below.fold((0, 0), |(n, n_typed), field| {
            (n + 1, n_typed + usize::from(is_typed(field)))
        });
        let is_typed_column = 0 < n && n * 9 <= n_typed * 10;
        if is_typed_column && filled(field) {
            if !is_typed(field) {
                return false;
            }
            n_typed_columns += 1;
        }
    }
    0 < n_typed_columns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delimiter(sample: &str) -> (Delimiter, usize) {
        let dialect = sniff_delimiter(sample.as_bytes());
        (dialect.delimiter, dialect.n_fields)
    }

    #[test]
    fn delimiters_are_told_from_counts() {
        use Delimiter::{Byte, Whitespace};
        for (sample, expected) in [
            ("a,b,c\n1,2,3\n4,5,6\n", (Byte(b','), 3)),
            ("a;b;c\n1,5;2;3\n4,5;6,1;7\n", (Byte(b';'), 3)),
            ("1,50;2,50\n3,25;4,75\n", (Byte(b';'), 2)),
            ("a\tb\nx, y\tz\n", (Byte(b'\t'), 2)),
            ("a|b|c\n1|2|3\n", (Byte(b'|'), 3)),
            (
                "id,when,text\n1,2011-12-09 12:50:00,\"a;b\nc,d\"\n2,2011-12-09 12:50:00,x\n",
                (Byte(b','), 3),
            ),
            ("a,b\r1,2\r3,4\r", (Byte(b','), 2)),
            (
                " 00004 0001 19970101  2   29.33\r\n 00021 0002 19970101  3   63.34\r\n",
                (Whitespace, 5),
            ),
            ("id date\t x \n1 2 3\n", (Whitespace, 3)),
            ("name\nMary Ann\nBob\n", (Byte(b','), 1)),
            ("", (Byte(b','), 0)),
            ("\n\n\n", (Byte(b','), 0)),
            ("a,b,c", (Byte(b','), 3)),
            ("a,b,c\n1,2,3\n4,5", (Byte(b','), 3)),
            ("name\tsize\n\"6 inch\t1\npipe\t2\nrod\t3\n", (Byte(b'\t'), 2)),
            ("a,b\n6\" pipe,2\n5\" pipe,3\n", (Byte(b','), 2)),
        ] {
            assert_eq!(delimiter(sample), expected, "{sample:?}");
        }
    }

    #[test]
    fn quotes_and_declared_delimiters_are_reported() {
        let dialect = sniff_delimiter(b"a,b\n\"1, \"\"2\"\"\",3\n");
        assert_eq!((dialect.quoted, dialect.n_fields), (true, 2));
        assert_eq!(dialect.evidence, "2 of 2 records have 2 fields when divided by ','");
        assert!(!sniff_delimiter(b"a,b\n6\" pipe,3\n").quoted);
        assert!(!sniff_delimiter(b"name\tsize\n\"6 inch\t1\npipe\t2\nrod\t3\n").quoted);
        let dialect = sniff_delimiter(b"sep=;\r\na,x;b\r\n1,2;3\r\n");
        assert_eq!(
            (dialect.delimiter, dialect.preamble_length, dialect.n_fields),
            (Delimiter::Byte(b';'), 7, 2)
        );
        // What opens a field or ends a line cannot divide one.
        for odd in ["sep=\"\na,b\n1,2\n", "sep=\r\r\na,b\n1,2\n"] {
            assert_eq!(preamble_length(odd.as_bytes()), 0, "{odd:?}");
        }
    }

    fn headerless(first: &[&str], next: &[&[&str]]) -> bool {
        let next: Vec<Vec<&str>> = next.iter().map(|record| record.to_vec()).collect();
        looks_headerless(first, &next)
    }

    #[test]
    fn a_first_record_of_data_is_no_header() {
        let cdnow = ["00004", "0001", "19970101", "2", "29.33"];
        assert!(headerless(&cdnow, &[&["00021", "0002", "19970101", "3", "63.34"]]));
        assert!(headerless(&cdnow, &[]));
        assert!(headerless(
            &["U1", "2011-12-09", "", "5"],
            &[&["U2", "2011-12-10", "7", "6"]]
        ));
        assert!(!headerless(&["id", "date", "x"], &[&["U2", "2011-12-10", "7"]]));
        assert!(!headerless(&["id", "2011"], &[&["7", "12"]]));
        assert!(!headerless(&["a", "b"], &[&["c", "d"]]));
        assert!(!headerless(&["a", "1"], &[]));
        assert!(!headerless(&["", " "], &[]));
        assert!(!headerless(&[], &[]));
    }

    proptest! {
        #[test]
        fn any_sample_is_sniffed(bytes: Vec<u8>, text in "[ab\",;|\t \r\n0-9]{0,60}") {
            for sample in [bytes.as_slice(), text.as_bytes()] {
                let dialect = sniff_delimiter(sample);
                prop_assert!(dialect.preamble_length <= sample.len());
            }
        }

        #[test]
        fn written_tables_come_back(
            table in prop::collection::vec(prop::collection::vec("[a-z ,;|\t\n\"]{0,8}", 4), 3..12),
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        ) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |record: &Vec<String>| record.iter().map(quote).collect::<Vec<_>>().join(&char::from(delimiter).to_string());
            let text = table.iter().map(|record| line(record) + "\n").collect::<String>();
            let mut reader =
                Reader { bytes: text.as_bytes(), at: 0, delimiter: Delimiter::Byte(delimiter), quotes: true, quoted: false };
            let mut fields = Vec::new();
            for record in &table {
                prop_assert!(matches!(reader.record(&mut fields), End::Line));
                let expected: Vec<String> = record.iter().map(|field| field.replace('"', "\"\"")).collect();
                let found: Vec<String> = fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
