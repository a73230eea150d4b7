//! The same bytes given to each parser and detector on its own, with what must hold between them.

use std::io::{self, BufReader, Read};

use quintile::load::batch::RawBatch;
use quintile::load::date::{self, DateFormat, LocalClock, Moment};
use quintile::load::header::{self, Canonical, ColumnContent};
use quintile::load::line_type::LineType;
use quintile::load::mapping::Mapping;
use quintile::load::number::{
    NumberDetector, NumberFormat, parse_discount, parse_scaled, scaled_from_decimal, scaled_from_f32, scaled_from_f64,
};
use quintile::load::sniff::{self, Delimiter};
use quintile::load::text::{self, Blocks, CutError, Layout, TextBlock};
use quintile::load::{encoding, json};
use rand::Rng;

use crate::Random;
use crate::target::{check_batch, row_hashes};

/// Clocks cost more to make than all else.
pub struct Parsers {
    clocks: [LocalClock; 2],
}

impl Default for Parsers {
    fn default() -> Self {
        let zones = [chrono_tz::UTC, chrono_tz::America::St_Johns];
        Self {
            clocks: zones.map(LocalClock::new),
        }
    }
}

/// Beyond this, more of the same is not worth its time.
const MAX_TEXT: usize = 16 << 10;
const MAX_FIELDS: usize = 48;

impl Parsers {
    pub fn run(&mut self, bytes: &[u8], rng: &mut Random) {
        let start = rng.gen_range(0..=bytes.len().saturating_sub(MAX_TEXT));
        let start = if rng.gen_ratio(1, 2) { 0 } else { start };
        let text = &bytes[start..bytes.len().min(start + MAX_TEXT)];
        let ends = |byte: &u8| matches!(byte, b',' | b';' | b'\t' | b'|' | b'\n' | b'"' | b'<' | b'>');
        let fields: Vec<&[u8]> = text
            .split(ends)
            .filter(|field| field.len() < 200)
            .take(MAX_FIELDS)
            .collect();
        for field in &fields {
            numbers(field);
            self.dates(field);
            let _ = text_words(field);
        }
        binary_numbers(text);
        detectors(&fields, rng);
        // Comparing names takes longer than all else.
        if rng.gen_ratio(1, 4) {
            names(text, &fields);
        }
        samples(text, rng);
        self.blocks(text, rng);
        self.objects(text, rng);
    }

    fn dates(&mut self, field: &[u8]) {
        let mut is_date = false;
        for format in DateFormat::ALL {
            let Ok(moment) = date::parse(field, format) else {
                continue;
            };
            is_date = true;
            let (Moment::Local(seconds) | Moment::Instant(seconds)) = moment;
            for clock in &mut self.clocks {
                let local = moment.local_seconds(clock);
                assert!(local.abs_diff(seconds) <= 86_400, "{seconds} is {local} by the clock");
            }
            let spaced = [b" ", field, b"\t"].concat();
            assert_eq!(
                date::parse(&spaced, format),
                Ok(moment),
                "blanks around a date, {format}"
            );
            // What was read and written as ISO is read as the same.
            if let Some(at) = chrono::DateTime::from_timestamp(seconds, 0)
                && let Moment::Local(_) = moment
                && (0..=9_999).contains(&chrono::Datelike::year(&at))
            {
                let iso = at.format("%Y-%m-%dT%H:%M:%S").to_string();
                assert_eq!(date::parse(iso.as_bytes(), DateFormat::Iso), Ok(moment), "{iso}");
            }
        }
        assert!(is_date || !date::looks_like_date(field), "a date that no format reads");
    }

    fn blocks(&mut self, text: &[u8], rng: &mut Random) {
        let delimiter = match rng.gen_range(0..8) {
            0 => Delimiter::Whitespace,
            1 => sniff::sniff_delimiter(text).delimiter,
            at => Delimiter::Byte(b",;\t|, "[at - 2]),
        };
        let preamble = if rng.gen_ratio(1, 4) {
            rng.gen_range(0..=text.len() + 2)
        } else {
            0
        };
        let plain = cut(text, delimiter, preamble);
        let odd = cut(
            Odd {
                bytes: text,
                at: 0,
                step: rng.gen_range(0..6),
            },
            delimiter,
            preamble,
        );
        assert_eq!(plain, odd, "what a reader gives at a time makes a difference");
        let text = &text[preamble.min(text.len())..];
        let Ok(blocks) = plain else { return };
        let joined: Vec<u8> = blocks.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        assert!(joined == text, "blocks lose bytes");
        let layout = Layout {
            delimiter,
            n_fields: rng.gen_range(2..8),
            is_transcoded: rng.gen_ratio(1, 2),
        };
        let mut mapping = mapping(rng);
        // A plan maps columns of the header alone.
        for position in mapping.positions.iter_mut() {
            *position = position.filter(|position| *position < layout.n_fields);
        }
        let mut decode = |bytes: &[u8], first_line: u64| {
            let block = TextBlock {
                bytes: bytes.to_vec(),
                first_line,
                is_first: first_line == 1,
            };
            checked(text::decode(block, &layout, &mapping, 0, &mut self.clocks[0]))
        };
        // Cut anywhere between records, the rows are the same.
        let short = &text[..text.len().min(4_096)];
        let end = last_end(short, delimiter);
        let whole = decode(&short[..end], 1);
        let (mut at, mut line, mut parts) = (0, 1, Vec::new());
        while at < end {
            let mut next = at;
            for _ in 0..rng.gen_range(1..4) {
                next += text::first_record_end(&short[next..end], delimiter);
            }
            parts.extend(decode(&short[at..next], line));
            line += memchr::memchr_iter(b'\n', &short[at..next]).count() as u64;
            at = next;
        }
        assert!(
            whole == parts,
            "{} rows in one block, {} in several, divided by {delimiter:?}",
            whole.len(),
            parts.len()
        );
        // The same at the size that blocks have, now and then, since it takes a second.
        if rng.gen_ratio(1, 1_500) && end > 0 {
            let long = short[..end].repeat((text::BLOCK_BYTES + text::BLOCK_BYTES / 8) / end);
            let Ok(blocks) = cut(&long[..], delimiter, 0) else {
                return;
            };
            let parts: Vec<_> = blocks.iter().flat_map(|(bytes, line)| decode(bytes, *line)).collect();
            assert!(decode(&long, 1) == parts, "a block cut at its size gives other rows");
        }
    }

    fn objects(&mut self, text: &[u8], rng: &mut Random) {
        let max_keys = rng.gen_range(1..40);
        let (keys, columns) = json::sample(text, 200, max_keys);
        assert_eq!(keys.names().len(), columns.len());
        assert!(columns.iter().all(|column| column.len() == columns[0].len()));
        assert!(columns.len() <= max_keys + 1);
        let _ = json::is_lines(text);
        let lines = |text: &[u8], size: usize| {
            let mut lines = Vec::new();
            let read = json::to_lines(BufReader::with_capacity(size, text), &mut lines);
            (lines, read.map_err(|error| error.to_string()))
        };
        let (one, other) = (lines(text, 1), lines(text, rng.gen_range(2..9_000)));
        assert!(one == other, "what a reader gives at a time makes a difference");
        let is_object = |line: &[u8]| serde_json::from_slice::<serde_json::Map<_, _>>(line).is_ok();
        if one.1.is_ok()
            && one
                .0
                .split(|byte| *byte == b'\n')
                .all(|line| line.is_empty() || is_object(line))
        {
            assert!(lines(&one.0, 8_192) == one, "objects one a line stay as they are");
        }
        let mut mapping = mapping(rng);
        for position in mapping.positions.iter_mut() {
            *position = position.filter(|position| *position < keys.names().len());
        }
        let n_lines = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
            .count();
        let block = TextBlock {
            bytes: text.to_vec(),
            first_line: 1,
            is_first: true,
        };
        let rows = checked(json::decode(block, &keys, &mapping, 0, &mut self.clocks[1]));
        assert_eq!(rows.len(), n_lines, "every line that is not blank is a row");
        for line in String::from_utf8_lossy(text).lines().take(20) {
            let _ = json::fields(line);
        }
    }
}

type Cuts = Result<Vec<(Vec<u8>, u64)>, String>;

/// All blocks with their lines, or why there are none.
fn cut(reader: impl Read, delimiter: Delimiter, preamble: usize) -> Cuts {
    let mut blocks = Blocks::new(reader, delimiter, preamble).expect("reading from memory");
    let mut all: Vec<(Vec<u8>, u64)> = Vec::new();
    let mut line = None;
    loop {
        match blocks.next_block() {
            Ok(None) => return Ok(all),
            Ok(Some(block)) => {
                assert!(!block.bytes.is_empty());
                assert_eq!(block.is_first, all.is_empty());
                assert_eq!(block.first_line, line.unwrap_or(block.first_line));
                let n = memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
                line = Some(block.first_line + n);
                all.push((block.bytes, block.first_line));
            }
            Err(CutError::Read(error)) => panic!("{error}"),
            Err(CutError::OpenQuote { line }) => return Err(format!("open quote in line {line}")),
            Err(CutError::LongRecord { line }) => return Err(format!("long record in line {line}")),
        }
    }
}

/// Where the last record ends, so that the part before it can be cut anywhere.
fn last_end(text: &[u8], delimiter: Delimiter) -> usize {
    let mut end = 0;
    while end < text.len() {
        let next = end + text::first_record_end(&text[end..], delimiter);
        if next == text.len() && !text.ends_with(b"\n") || cut(&text[end..next], delimiter, 0).is_err() {
            break;
        }
        end = next;
    }
    end
}

fn checked(batch: RawBatch) -> Vec<(u32, u64, u64)> {
    check_batch(&batch);
    let mut rows = Vec::new();
    row_hashes(&batch, usize::MAX, &mut rows);
    rows
}

fn mapping(rng: &mut Random) -> Mapping {
    let mut mapping = Mapping::by_position(&[
        Canonical::CustomerId,
        Canonical::OrderId,
        Canonical::OrderedAt,
        Canonical::ProductId,
        Canonical::Quantity,
        Canonical::Amount,
        Canonical::Discount,
    ]);
    mapping.decimal = NumberFormat::ALL[rng.gen_range(0..2)];
    mapping.date_format = DateFormat::ALL[rng.gen_range(0..DateFormat::ALL.len())];
    mapping
}

/// A reader that gives few bytes at a time and is interrupted.
struct Odd<'a> {
    bytes: &'a [u8],
    at: usize,
    step: usize,
}

impl Read for Odd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.step += 1;
        if self.step.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = (1 + self.step * 31 % 90)
            .min(buffer.len())
            .min(self.bytes.len() - self.at);
        buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

fn numbers(field: &[u8]) {
    for format in NumberFormat::ALL {
        for decimals in [0, 2, 4, 6, 18, 25] {
            let scaled = parse_scaled(field, format, decimals);
            match (scaled, parse_discount(field, format, decimals)) {
                (Ok(one), Ok((other, is_percent))) => assert!(one == other && !is_percent),
                (Err(_), Ok((_, is_percent))) => assert!(is_percent, "a discount that is no number"),
                (Ok(_), Err(error)) => panic!("a number that is no discount: {error}"),
                (Err(one), Err(other)) => assert_eq!(one, other),
            }
            let Ok(value) = scaled else { continue };
            assert!(i64::MIN < value);
            // Written out plainly, it is read as the same.
            let digits = format!("{:0width$}", value.unsigned_abs(), width = decimals as usize + 1);
            let (units, rest) = digits.split_at(digits.len() - decimals as usize);
            let sign = if value < 0 { "-" } else { "" };
            let plain = format!("{sign}{units}{}{rest}", char::from(format.decimal()));
            assert_eq!(parse_scaled(plain.as_bytes(), format, decimals), Ok(value), "{plain}");
        }
    }
}

/// Floats and decimals as they stand in binary files.
fn binary_numbers(bytes: &[u8]) {
    for chunk in bytes.chunks_exact(16).take(20) {
        let Ok(whole) = <[u8; 16]>::try_from(chunk) else {
            continue;
        };
        let whole = u128::from_le_bytes(whole);
        let (float, single) = (f64::from_bits(whole as u64), f32::from_bits((whole >> 64) as u32));
        let scale = i32::from((whole >> 96) as i8);
        for decimals in [0, 4, 6] {
            let scaled = scaled_from_f64(float, decimals);
            if float.is_finite() {
                let text = parse_scaled(float.to_string().as_bytes(), NumberFormat::Point, decimals);
                assert_eq!(scaled, text, "{float} at {decimals} decimals");
            }
            let _ = scaled_from_f32(single, decimals);
            if let Ok(value) = scaled_from_decimal(whole as i128, scale, decimals) {
                assert!(i64::MIN < value);
            }
        }
    }
}

fn detectors(fields: &[&[u8]], rng: &mut Random) {
    let middle = rng.gen_range(0..=fields.len());
    let of_dates = |fields: &[&[u8]]| {
        let mut detector = date::Detector::default();
        fields.iter().for_each(|field| detector.add(field));
        detector
    };
    let (whole, mut one) = (of_dates(fields), of_dates(&fields[..middle]));
    one.merge(&of_dates(&fields[middle..]));
    let found = whole.finish();
    assert_eq!(found, one.finish(), "dates looked at in two parts");
    assert_eq!(whole.is_decided(), one.is_decided());
    if let Err(error) = &found {
        assert!(!error.to_string().is_empty() && !error.hint().is_empty());
    }
    let of_numbers = |fields: &[&[u8]]| {
        let mut detector = NumberDetector::default();
        fields.iter().for_each(|field| detector.add(field));
        detector
    };
    let (whole, mut one) = (of_numbers(fields), of_numbers(&fields[..middle]));
    one.merge(&of_numbers(&fields[middle..]));
    let found = whole.finish();
    assert_eq!(
        format!("{found:?}"),
        format!("{:?}", one.finish()),
        "numbers looked at in two parts"
    );
    assert!(!found.evidence.is_empty() && found.n_failed <= found.n_checked);
}

fn text_words(field: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(field);
    assert!(
        !LineType::is_telling(&text) || LineType::of(&text).is_some(),
        "{text:?} tells nothing"
    );
    let words = header::fold_words(&text);
    assert!(words.iter().all(|word| !word.is_empty()), "{text:?} has an empty word");
    words
}

/// Which column is which, of the fields of the first line and what stands below.
fn names(text: &[u8], fields: &[&[u8]]) {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let headers: Vec<String> = first
        .split(|byte| matches!(byte, b',' | b';' | b'\t' | b'|'))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .take(30)
        .collect();
    let mut sample: Vec<Vec<Vec<u8>>> = vec![Vec::new(); headers.len()];
    for row in fields
        .get(headers.len()..)
        .unwrap_or_default()
        .chunks_exact(headers.len())
    {
        sample
            .iter_mut()
            .zip(row)
            .for_each(|(column, value)| column.push(value.to_vec()));
    }
    let content: Vec<ColumnContent> = sample
        .iter()
        .map(|values| ColumnContent::of(values.iter().map(Vec::as_slice)))
        .collect();
    let by_name = header::guess(&headers, &[], &[]);
    let by_content = header::guess_from(&headers, &content, &sample, &[]);
    let given = header::guess_from(&headers, &content, &sample, &[(Canonical::Amount, headers.len() - 1)]);
    assert_eq!(given.column(Canonical::Amount), Some(headers.len() - 1));
    for guesses in [by_name, by_content, given] {
        for canonical in Canonical::ALL {
            assert!(guesses.column(canonical).is_none_or(|column| column < headers.len()));
        }
        for problem in guesses.problems() {
            assert!(!problem.to_string().is_empty() && !problem.hint().is_empty());
        }
    }
}

/// What a sample says of its encoding and delimiter.
fn samples(text: &[u8], rng: &mut Random) {
    let text = &text[..rng.gen_range(0..=text.len())];
    let guess = encoding::detect(text);
    assert!(guess.bom_length <= text.len() && !guess.evidence.is_empty());
    let (decoded, ..) = guess.encoding.decode(text);
    for sample in [text, decoded.as_bytes()] {
        let dialect = sniff::sniff_delimiter(sample);
        assert!(dialect.preamble_length <= sample.len() && !dialect.evidence.is_empty());
        assert_eq!(dialect.preamble_length, sniff::preamble_length(sample));
        assert!(
            !matches!(dialect.delimiter, Delimiter::Byte(b'"' | b'\n' | b'\r')),
            "{:?}",
            dialect.delimiter
        );
    }
}
