use std::io::Read;

use csv::ByteRecord;
use proptest::prelude::*;

use super::*;
use crate::load::batch::{BAD, MISSING};
use crate::load::header::Canonical;

/// A record as anyone would write it down: its fields, the line on which it starts, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    fields: Vec<Vec<u8>>,
    line: u64,
    start: usize,
    text: Vec<u8>,
}

/// What the `csv` crate makes of a text.
fn rows_of_csv(text: &[u8], delimiter: u8) -> Vec<Row> {
    // Behind a blank line a byte order mark is text.
    let text = [b"\n", text].concat();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&text[..]);
    let mut record = ByteRecord::new();
    let mut rows = Vec::new();
    while reader.read_byte_record(&mut record).unwrap() {
        let position = record.position().unwrap();
        let end = reader.position().byte() as usize;
        let whole = &text[position.byte() as usize..end];
        // The reader counts blank lines to the record that follows them.
        let blank = whole.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        rows.push(Row {
            fields: record.iter().map(<[u8]>::to_vec).collect(),
            line: position.line() - 1 + count_lines(&whole[..blank]),
            start: position.byte() as usize + blank - 1,
            text: whole[blank..].to_vec(),
        });
    }
    rows
}

/// What the splitter makes of a text that starts at `start` on `first_line`.
fn rows_of_splitter(text: &[u8], delimiter: u8, start: usize, first_line: u64, clear_every: usize) -> Vec<Row> {
    let mut splitter = Splitter::new(text, delimiter);
    let mut rows = Vec::new();
    while let Some(record) = splitter.next_record() {
        let (record_start, record_end) = (record.start as usize, record.end as usize);
        rows.push(Row {
            fields: splitter.last_fields().map(<[u8]>::to_vec).collect(),
            line: first_line + u64::from(record.n_lines_before),
            start: start + record_start,
            text: text[record_start..record_end].to_vec(),
        });
        if rows.len() % clear_every == 0 {
            splitter.clear();
        }
    }
    rows
}

/// Where the quoted field opens that never ends, byte by byte.
fn open_quote(text: &[u8], delimiter: u8) -> Option<usize> {
    enum In {
        Start,
        Plain,
        Quoted(usize),
        AfterQuote(usize),
    }
    let mut state = In::Start;
    for (at, &byte) in text.iter().enumerate() {
        state = match (state, byte) {
            (In::Start, b'"') => In::Quoted(at),
            (In::Quoted(open), b'"') => In::AfterQuote(open),
            (In::AfterQuote(open), b'"') | (In::Quoted(open), _) => In::Quoted(open),
            (_, b'\r' | b'\n') => In::Start,
            (_, other) if other == delimiter => In::Start,
            _ => In::Plain,
        };
    }
    match state {
        In::Quoted(open) => Some(open),
        _ => None,
    }
}

/// Gives a text in pieces of all sizes, with interruptions.
struct Pieces<'a> {
    text: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = *self.sizes.next().unwrap();
        if size == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = size.min(into.len()).min(self.text.len());
        into[..n].copy_from_slice(&self.text[..n]);
        self.text = &self.text[n..];
        Ok(n)
    }
}

fn blocks_of(reader: impl Read, delimiter: u8, block_bytes: usize) -> Result<Vec<TextBlock>, CutError> {
    let mut blocks = Blocks::new(reader, Delimiter::Byte(delimiter), 0).unwrap();
    blocks.block_bytes = block_bytes;
    let mut all = Vec::new();
    while let Some(block) = blocks.next_block()? {
        all.push(block);
    }
    Ok(all)
}

fn delimiters() -> impl Strategy<Value = u8> {
    prop::sample::select(&b",;\t| a\0~"[..])
}

/// Texts of what has a meaning and of what has none, some of it across the words and windows of the splitter.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => Just(b"\"".to_vec()),
        2 => Just(b"\"\"".to_vec()),
        5 => Just(b",".to_vec()),
        2 => Just(b";".to_vec()),
        3 => Just(b"\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        3 => Just(b"a".to_vec()),
        2 => Just(b" ".to_vec()),
        1 => Just(b"\t".to_vec()),
        1 => Just(b"|".to_vec()),
        1 => Just(b"\0".to_vec()),
        1 => Just(b"\xef\xbb\xbf".to_vec()),
        1 => Just("é".as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => (1_usize..140).prop_map(|n| vec![b'x'; n]),
    ];
    let near_window = prop_oneof![
        12 => Just(0_usize),
        2 => 0_usize..200,
        1 => 4_000_usize..4_200,
        1 => 8_100_usize..8_300,
    ];
    let pieces = proptest::collection::vec(piece, 0..60);
    (near_window, any::<bool>(), pieces).prop_map(|(n, lines, pieces)| {
        let filler = if lines { b"x\n" } else { b"xx" };
        [filler.repeat(n / 2), pieces.concat()].concat()
    })
}

proptest! {
    #[test]
    fn records_are_those_of_the_csv_crate(text in hostile(), delimiter in delimiters(), clear_every in 1_usize..5) {
        let found = rows_of_splitter(&text, delimiter, 0, 1, clear_every);
        prop_assert_eq!(found, rows_of_csv(&text, delimiter));
    }

    #[test]
    fn cutting_at_any_size_gives_the_same_records(
        text in hostile(),
        delimiter in delimiters(),
        block_bytes in prop_oneof![1_usize..40, 40_usize..5_000],
        sizes in proptest::collection::vec(0_usize..90, 1..6),
    ) {
        let sizes = [sizes, vec![7]].concat();
        let reader = Pieces { text: &text, sizes: sizes.iter().cycle() };
        match (blocks_of(reader, delimiter, block_bytes), open_quote(&text, delimiter)) {
            (Err(CutError::OpenQuote { line }), Some(open)) => prop_assert_eq!(line, 1 + count_lines(&text[..open])),
            (Ok(blocks), None) => {
                let mut start = 0;
                let mut found = Vec::new();
                for (i, block) in blocks.iter().enumerate() {
                    prop_assert_eq!(block.is_first, i == 0);
                    prop_assert_eq!(&block.bytes[..], &text[start..start + block.bytes.len()]);
                    found.extend(rows_of_splitter(&block.bytes, delimiter, start, block.first_line, 3));
                    start += block.bytes.len();
                }
                prop_assert_eq!(start, text.len());
                prop_assert_eq!(found, rows_of_csv(&text, delimiter));
            }
            (found, expected) => prop_assert!(false, "{found:?}, open quote at {expected:?}"),
        }
    }

    #[test]
    fn records_are_made_to_fit(text in hostile(), delimiter in delimiters(), n_fields in 1_usize..6) {
        let mut splitter = Splitter::new(&text, delimiter);
        let mut n_before = 0;
        for row in rows_of_csv(&text, delimiter) {
            prop_assert!(splitter.next_record().is_some());
            let surplus = row.fields.get(n_fields..);
            let fits = surplus.is_some_and(|surplus| surplus.iter().all(|field| field.trim_ascii().is_empty()));
            prop_assert_eq!(splitter.fit(n_fields), fits);
            for i in 0..n_fields {
                let expected = if fits { &row.fields[i][..] } else { &[] };
                prop_assert_eq!(splitter.get(n_before + i), expected);
            }
            n_before += n_fields;
        }
        prop_assert!(splitter.next_record().is_none());
    }
}

#[test]
fn blocks_end_between_records_and_know_their_line() {
    let record = "1,\"two\nlines, \"\"quoted\"\"\",5\" pipe\n";
    let text = record.repeat(200_000);
    let blocks = blocks_of(text.as_bytes(), b',', BLOCK_BYTES).unwrap();
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
    let blocks = blocks_of(&b"a,b\n1,2"[..], b',', BLOCK_BYTES).unwrap();
    let text: Vec<u8> = blocks.iter().flat_map(|block| block.bytes.clone()).collect();
    assert_eq!(text, b"a,b\n1,2");
    assert_eq!(rows_of_splitter(&text, b',', 0, 1, 1)[1].fields, [b"1", b"2"]);
}

#[test]
fn an_open_quote_is_found_with_its_line() {
    let found = blocks_of(&b"a,b\n1,2\n3,\"4\n5,6\n"[..], b',', BLOCK_BYTES);
    assert!(matches!(found, Err(CutError::OpenQuote { line: 3 })));
}

#[test]
fn a_record_longer_than_any_is_refused() {
    let text = vec![b'x'; MAX_RECORD_BYTES + BLOCK_BYTES];
    let found = blocks_of(&text[..], b',', BLOCK_BYTES);
    assert!(matches!(found, Err(CutError::LongRecord { line: 1 })));
}

#[test]
fn ragged_and_broken_rows_keep_their_place() {
    let bytes = b"1,2011-12-09\n\n2\n\"3\n\",2011-12-10,,\r\n4,2011-12-11 \xff\n5,x,y\n".to_vec();
    let layout = Layout {
        delimiter: Delimiter::Byte(b','),
        n_fields: 2,
        is_transcoded: false,
    };
    let mapping = Mapping::by_position(&[Canonical::CustomerId, Canonical::OrderedAt]);
    let block = TextBlock {
        bytes,
        first_line: 10,
        is_first: true,
    };
    let mut clock = LocalClock::new(chrono_tz::Tz::UTC);
    let batch = decode(block, &layout, &mapping, 0, &mut clock);
    let customers: Vec<Option<&[u8]>> = (0..batch.n_rows).map(|row| batch.customer.value(row)).collect();
    assert_eq!(customers, [Some(&b"1"[..]), None, Some(b"3"), Some(b"4"), None]);
    assert_eq!(batch.ordered_at, [1_323_388_800, MISSING, 1_323_475_200, BAD, MISSING]);
    assert_eq!((&batch.ragged[..], &batch.broken[..]), (&[1, 4][..], &[3][..]));
    let lines: Vec<u64> = (0..batch.n_rows).map(|row| batch.raw.number(row)).collect();
    assert_eq!(lines, [10, 12, 13, 15, 16]);
    assert_eq!(batch.raw.text(2), "\"3\n\",2011-12-10,,");
}
