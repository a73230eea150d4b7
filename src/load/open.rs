//! Looking at one file: what it is, what its columns are called, and what stands in its first rows.

use std::io::{self, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::arrow_file::{self, ArrowFile};
use super::columnar::ParquetFile;
use super::encoding::{self, Confidence};
use super::json;
use super::plan::{FilePlan, Format};
use super::resolve::{Found, STDIN};
use super::sniff::{self, Delimiter};
use super::spool::{Bytes, Compression};
use super::text::{Blocks, first_record_end, open_quote_line};
use super::workbook::{self, Archive, WorkbookError};
use super::{Decision, Error, Params, io_error};

/// Bytes of text looked at to decide.
const SAMPLE_BYTES: u64 = 1 << 20;
/// How far a text of nothing but ASCII is searched for the first character that shows its encoding.
const ENCODING_SEARCH_BYTES: u64 = 64 << 20;
const SAMPLE_ROWS: usize = 5_000;
/// A table of transactions has tens of columns; each is compared with every known name.
const MAX_COLUMNS: usize = 1_000;
/// Lines of a title and such that may stand above the header.
const MAX_TITLE_LINES: usize = 20;

/// A file whose kind, headers and first rows are known.
pub struct Opened {
    pub bytes: Bytes,
    /// Names of the columns in the file, then of those that its folders name.
    pub headers: Vec<String>,
    /// Values of each column in the first rows.
    pub sample: Vec<Vec<Vec<u8>>>,
    /// Columns that the folders name, with their value, after those of the file.
    pub keys: Vec<(String, String)>,
    pub kind: Kind,
    /// What was found out beside the decisions.
    pub notes: Vec<String>,
    pub decisions: Vec<Decision>,
}

#[derive(Debug)]
pub enum Kind {
    Text(TextKind),
    Json {
        compression: Compression,
        encoding: &'static Encoding,
        keys: json::Keys,
    },
    Parquet(ParquetFile),
    Arrow(ArrowFile),
}

#[derive(Clone, Copy, Debug)]
pub struct TextKind {
    pub delimiter: Delimiter,
    pub compression: Compression,
    pub encoding: &'static Encoding,
    pub has_header: bool,
    /// Bytes before the header, such as the line `sep=;` of a spreadsheet or a title.
    pub preamble: usize,
    pub n_fields: usize,
}

/// The text of a file as UTF-8, whatever its compression and encoding.
pub fn open_text(
    bytes: &Bytes,
    compression: Compression,
    encoding: &'static Encoding,
) -> Result<Box<dyn Read + Send>, Error> {
    let plain = bytes.unpacked(compression).map_err(io_error(&bytes.shown))?;
    // A byte order mark wins over the encoding. Without an encoding the bytes pass through unread: UTF-8 as it is,
    // broken sequences included, which cleaning finds.
    let declared = (encoding != UTF_8).then_some(encoding);
    let mut decoder = DecodeReaderBytesBuilder::new();
    decoder
        .encoding(declared)
        .utf8_passthru(true)
        .strip_bom(true)
        .bom_override(true);
    Ok(Box::new(decoder.build(plain)))
}

fn workbook_error(path: &Path) -> impl FnOnce(WorkbookError) -> Error {
    let path = path.to_path_buf();
    move |source| match source {
        WorkbookError::Io(source) => Error::Io { path, source },
        source => Error::Workbook { path, source },
    }
}

impl Opened {
    pub fn open(params: &Params, found: &Found) -> Result<Self, Error> {
        let path = &found.path;
        let bytes = match &found.object {
            Some(object) => object.open()?,
            None if path.as_os_str() == STDIN => {
                let copy = Bytes::copy::<io::Error>(path, |into| io::copy(&mut io::stdin().lock(), into).map(drop));
                copy.map_err(io_error(path))?
            }
            None => Bytes::file(path).map_err(io_error(path))?,
        };
        let looked = Self::look(params, bytes.clone(), 0);
        let mut opened = looked.map_err(|error| bytes.failure().unwrap_or(error))?;
        for (key, value) in &found.keys {
            // What stands in the file is nearer than what its folder is called.
            if !opened.headers.contains(key) {
                let n_rows = opened.sample.first().map_or(0, Vec::len).min(100);
                opened.headers.push(key.clone());
                opened.sample.push(vec![value.clone().into_bytes(); n_rows]);
                opened.keys.push((key.clone(), value.clone()));
            }
        }
        Ok(opened)
    }

    /// Opens files side by side.
    pub fn open_all(params: &Params, found: &[Found]) -> Vec<Result<Self, Error>> {
        if let [only] = found {
            return vec![Self::open(params, only)];
        }
        let all = std::thread::scope(|scope| {
            let started: Vec<_> = found
                .iter()
                .map(|found| scope.spawn(|| Self::open(params, found)))
                .collect();
            started
                .into_iter()
                .map(std::thread::ScopedJoinHandle::join)
                .collect::<Vec<_>>()
        });
        all.into_iter()
            .map(|opened| opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    }

    /// `depth` counts the packings around it.
    pub fn look(params: &Params, bytes: Bytes, depth: usize) -> Result<Self, Error> {
        const MAX_DEPTH: usize = 2;
        let path = bytes.shown.clone();
        if bytes.length() == 0 {
            return Err(Error::EmptyFile { path });
        }
        let outer = bytes.start(8).map_err(io_error(&path))?;
        let compression = Compression::of(&outer);
        let mut magic = Vec::new();
        if compression == Compression::None {
            magic = outer;
        } else {
            let unpacked = bytes.unpacked(compression).map_err(io_error(&path))?;
            unpacked.take(8).read_to_end(&mut magic).map_err(io_error(&path))?;
        }
        let is_binary = matches!(
            magic[..],
            [b'P', b'A', b'R', b'1', ..]
                | [b'P', b'K', 3, 4, ..]
                | [0xd0, 0xcf, 0x11, 0xe0, ..]
                | [b'A', b'R', b'R', b'O', b'W', b'1', ..]
                | [0xff, 0xff, 0xff, 0xff, ..]
        );
        if is_binary && compression != Compression::None {
            let copy = Bytes::copy::<io::Error>(&path, |into| {
                io::copy(&mut bytes.unpacked(compression)?, into).map(drop)
            });
            return Self::look(params, copy.map_err(io_error(&path))?, depth + 1);
        }
        let refused = |what| {
            Err(Error::Format {
                path: path.clone(),
                what,
            })
        };
        if compression != Compression::None && Compression::of(&magic) != Compression::None || MAX_DEPTH < depth {
            return refused("packed twice or more");
        }
        match magic[..] {
            [b'P', b'A', b'R', b'1', ..] => Self::parquet(bytes),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Self::arrow(bytes),
            [0xff, 0xff, 0xff, 0xff, ..] => {
                let copy = Bytes::copy(&path, |into| arrow_file::stream_to_file(bytes.path(), into));
                Self::arrow(copy.map_err(|source| Error::Arrow { path, source })?)
            }
            [b'P', b'K', 3, 4, ..] => match workbook::look_into(bytes.path()).map_err(workbook_error(&path))? {
                Archive::Workbook => Self::workbook(params, &bytes, workbook::xlsx_to_text),
                Archive::Single(name) => {
                    let copy = Bytes::copy(&path, |into| workbook::unzip(bytes.path(), &name, into));
                    let mut opened = Self::look(params, copy.map_err(workbook_error(&path))?, depth + 1)?;
                    opened.notes.insert(0, format!("{name:?} in the archive is read"));
                    Ok(opened)
                }
            },
            [b'P', b'K', 5, 6, ..] => refused("an empty archive"),
            [0xd0, 0xcf, 0x11, 0xe0, ..] => Self::workbook(params, &bytes, workbook::xls_to_text),
            [b'F', b'E', b'A', b'1', ..] => refused("a Feather file of version 1"),
            [b'S', b'Q', b'L', b'i', ..] => refused("an SQLite database"),
            [b'O', b'b', b'j', 1, ..] | [b'O', b'R', b'C', ..] => refused("an ORC or Avro file"),
            [b'%', b'P', b'D', b'F', ..] => refused("a PDF document"),
            [b'<', ..] => refused("XML or HTML"),
            [b'B', b'Z', b'h', ..] => refused("packed with bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => refused("packed with xz"),
            [b'7', b'z', 0xbc, 0xaf, ..] => refused("a 7z archive"),
            _ => Self::text(params, bytes, compression),
        }
    }

    fn new(bytes: Bytes, headers: Vec<String>, sample: Vec<Vec<Vec<u8>>>, kind: Kind) -> Result<Self, Error> {
        let (n, limit) = (headers.len(), MAX_COLUMNS);
        if n > limit {
            let path = bytes.shown;
            return Err(Error::TooManyColumns { path, n, limit });
        }
        Ok(Self {
            bytes,
            headers,
            sample,
            keys: Vec::new(),
            kind,
            notes: Vec::new(),
            decisions: Vec::new(),
        })
    }

    fn parquet(bytes: Bytes) -> Result<Self, Error> {
        let path = bytes.shown.clone();
        let error = |source| Error::Parquet {
            path: path.clone(),
            source,
        };
        let parquet = ParquetFile::open(&bytes).map_err(error)?;
        let sample = parquet.sample(SAMPLE_ROWS).map_err(error)?;
        if sample.iter().all(Vec::is_empty) {
            return Err(Error::NoRows { path });
        }
        Self::new(bytes, parquet.headers(), sample, Kind::Parquet(parquet))
    }

    fn arrow(bytes: Bytes) -> Result<Self, Error> {
        let path = bytes.shown.clone();
        let error = |source| Error::Arrow {
            path: path.clone(),
            source,
        };
        let arrow = ArrowFile::open(&bytes).map_err(error)?;
        let sample = arrow.sample(SAMPLE_ROWS).map_err(error)?;
        if sample.iter().all(Vec::is_empty) {
            return Err(Error::NoRows { path });
        }
        Self::new(bytes, arrow.headers(), sample, Kind::Arrow(arrow))
    }

    fn workbook(
        params: &Params,
        bytes: &Bytes,
        to_text: impl Fn(&Path, &str, &mut dyn io::Write) -> Result<(String, usize), WorkbookError>,
    ) -> Result<Self, Error> {
        let mut chosen = (String::new(), 0);
        let copy = Bytes::copy(&bytes.shown, |into| {
            chosen = to_text(bytes.path(), &params.sheet, into)?;
            Ok(())
        });
        let copy = copy.map_err(workbook_error(&bytes.shown))?;
        if copy.length() == 0 {
            let path = bytes.shown.clone();
            return Err(Error::EmptyFile { path });
        }
        let params = Params {
            delimiter: Some(Delimiter::Byte(workbook::DELIMITER)),
            encoding: Some(UTF_8),
            ..params.clone()
        };
        let mut opened = Self::text(&params, copy, Compression::None)?;
        let (name, n_sheets) = chosen;
        let others = if n_sheets > 1 {
            format!(", the first of {n_sheets}; --sheet NAME reads another")
        } else {
            String::new()
        };
        let note = if params.sheet.is_empty() {
            format!("sheet: {name:?}{others}")
        } else {
            format!("sheet: {name:?}, as asked for")
        };
        opened.notes.insert(0, note);
        Ok(opened)
    }

    fn text(params: &Params, bytes: Bytes, compression: Compression) -> Result<Self, Error> {
        let path = bytes.shown.clone();
        let mut decisions = Vec::new();
        let encoding = match params.encoding {
            Some(encoding) => encoding,
            None => {
                let guess = encoding::detect(&encoding_sample(&bytes, compression)?);
                decisions.push(Decision {
                    setting: "load.encoding",
                    value: guess.encoding.name().to_lowercase(),
                    evidence: format!("{} confidence: {}", guess.confidence, guess.evidence),
                    is_plain: (guess.encoding, guess.confidence) == (UTF_8, Confidence::Certain),
                });
                guess.encoding
            }
        };
        let text = read_sample(&bytes, compression, encoding)?;
        if text.trim_ascii().is_empty() {
            return Err(Error::EmptyFile { path });
        }
        if text.contains(&b'\r') && !text.contains(&b'\n') {
            let mut reader = open_text(&bytes, compression, encoding)?;
            let copy = Bytes::copy::<io::Error>(&path, |into| with_line_feeds(&mut reader, into));
            let params = Params {
                encoding: Some(UTF_8),
                ..params.clone()
            };
            let mut opened = Self::text(&params, copy.map_err(io_error(&path))?, Compression::None)?;
            opened
                .notes
                .insert(0, "line ends: carriage returns, as old Macs write them".into());
            return Ok(opened);
        }
        // A few NULs are broken lines, many are no text.
        if text.len() < 100 * memchr::memchr_iter(0, &text).count() {
            let what = "a binary file";
            return Err(Error::Format { path, what });
        }
        let start = text.trim_ascii_start();
        if start.starts_with(b"{") && params.delimiter.is_none() || start.starts_with(b"[{") || is_array(start) {
            return Self::json(bytes, compression, encoding, &text, decisions);
        }
        let (delimiter, mut preamble) = match params.delimiter {
            Some(delimiter) => (delimiter, sniff::preamble_length(&text)),
            None => {
                let found = sniff::sniff_delimiter(&text);
                decisions.push(Decision {
                    setting: "load.delimiter",
                    value: found.delimiter.setting(),
                    evidence: found.evidence,
                    is_plain: false,
                });
                (found.delimiter, found.preamble_length)
            }
        };
        if delimiter == Delimiter::Whitespace {
            preamble += blank_lines(&text[preamble..]);
        }
        // A file of rejected lines names the columns that the user named.
        let names_columns = || {
            let start = records(&text[preamble..], delimiter, 1).pop().unwrap_or_default();
            start.len() > params.columns.len() && start.iter().zip(&params.columns).all(|(a, b)| a == b.as_bytes())
        };
        let has_header = params.columns.is_empty() || names_columns();
        let (title, n_title_lines) = title_length(&text[preamble..], delimiter);
        if has_header {
            preamble += title;
        }
        let text = &text[preamble..];
        let first_end = first_record_end(text, delimiter);
        let first = records(&text[..first_end], delimiter, 1).pop().unwrap_or_default();
        let rows = records(&text[first_end..], delimiter, SAMPLE_ROWS);
        if has_header && sniff::looks_headerless(&first, &rows) {
            let first_line = String::from_utf8_lossy(&text[..first_end]).trim().to_string();
            let n_fields = first.len();
            return Err(Error::Headerless {
                path,
                first_line,
                n_fields,
            });
        }
        let mut headers: Vec<String> = if has_header {
            let names = first
                .iter()
                .map(|name| String::from_utf8_lossy(name).trim().to_string());
            names.collect()
        } else if params.columns.len() == first.len() {
            params.columns.clone()
        } else {
            let (named, found) = (params.columns.len(), first.len());
            return Err(Error::ColumnCount { path, named, found });
        };
        let is_blank = |row: &Vec<Vec<u8>>| row.iter().all(|field| field.trim_ascii().is_empty());
        if has_header && rows.iter().all(is_blank) {
            return Err(Error::NoRows { path });
        }
        // A delimiter behind the last name opens no column unless something stands in it.
        let is_used = |at: usize| {
            let value = |row: &Vec<Vec<u8>>| row.get(at).is_some_and(|value| !value.trim_ascii().is_empty());
            rows.iter().any(value)
        };
        while headers.last().is_some_and(String::is_empty) && !is_used(headers.len() - 1) {
            headers.pop();
        }
        // None at all, where only the rows below go further than a header of blanks.
        if headers.len() <= 1 {
            let header = headers.pop().unwrap_or_default();
            return Err(Error::OneColumn { path, header });
        }
        let n_fields_of_rows = rows.first().map_or(0, Vec::len);
        let mut sample = vec![Vec::new(); headers.len()];
        let data = rows.into_iter().chain((!has_header).then_some(first));
        for row in data.filter(|row| row.len() >= headers.len()) {
            let columns = sample.iter_mut().zip(row);
            columns.for_each(|(column, value)| column.push(value));
        }
        if sample[0].is_empty() {
            if let Some(line) = open_quote_line(text, delimiter) {
                let line = line + n_title_lines as u64;
                return Err(Error::OpenQuote { path, line });
            }
            let (n_header, n_rows) = (headers.len(), n_fields_of_rows);
            return Err(Error::NarrowRows { path, n_header, n_rows });
        }
        let kind = TextKind {
            delimiter,
            compression,
            encoding,
            has_header,
            preamble,
            n_fields: headers.len(),
        };
        let mut opened = Self::new(bytes, headers, sample, Kind::Text(kind))?;
        opened.decisions = decisions;
        if has_header && n_title_lines > 0 {
            opened
                .notes
                .push(format!("header: on line {}, below a title", n_title_lines + 1));
        }
        Ok(opened)
    }

    fn json(
        mut bytes: Bytes,
        mut compression: Compression,
        mut encoding: &'static Encoding,
        text: &[u8],
        decisions: Vec<Decision>,
    ) -> Result<Self, Error> {
        let path = bytes.shown.clone();
        let mut text = text.to_vec();
        if !json::is_lines(&text) {
            let reader = io::BufReader::new(open_text(&bytes, compression, encoding)?);
            let copy = Bytes::copy::<io::Error>(&path, |into| json::to_lines(reader, into));
            bytes = copy.map_err(io_error(&path))?;
            (compression, encoding) = (Compression::None, UTF_8);
            text = read_sample(&bytes, compression, encoding)?;
        }
        let (keys, sample) = json::sample(&text, SAMPLE_ROWS, MAX_COLUMNS);
        let n_rows = sample.first().map_or(0, Vec::len);
        if n_rows == 1 && sample.iter().flatten().any(|value| is_array(value)) {
            let what = "a JSON object around an array, and not one object for each line of a transaction";
            return Err(Error::Format { path, what });
        }
        if n_rows == 0 {
            let what = "no JSON with one object for each line of a transaction";
            return Err(Error::Format { path, what });
        }
        let headers = keys.names().to_vec();
        let kind = Kind::Json {
            compression,
            encoding,
            keys,
        };
        let mut opened = Self::new(bytes, headers, sample, kind)?;
        opened.decisions = decisions;
        Ok(opened)
    }

    /// Every row of the file, one vector a column; for tables that are small.
    pub fn read_all(&self) -> Result<Vec<Vec<Vec<u8>>>, Error> {
        let path = &self.bytes.shown;
        let mut columns = vec![Vec::new(); self.headers.len()];
        match &self.kind {
            Kind::Text(kind) => {
                let reader = open_text(&self.bytes, kind.compression, kind.encoding)?;
                let mut blocks = Blocks::new(reader, kind.delimiter, kind.preamble).map_err(io_error(path))?;
                while let Some(block) = blocks
                    .next_block()
                    .map_err(|error| super::source::cut_error(path, error))?
                {
                    let skip = usize::from(kind.has_header && block.is_first);
                    for mut row in records(&block.bytes, kind.delimiter, usize::MAX).into_iter().skip(skip) {
                        row.resize(columns.len(), Vec::new());
                        columns
                            .iter_mut()
                            .zip(row)
                            .for_each(|(column, value)| column.push(value));
                    }
                }
            }
            Kind::Json {
                compression, encoding, ..
            } => {
                let mut text = Vec::new();
                let mut reader = open_text(&self.bytes, *compression, encoding)?;
                reader.read_to_end(&mut text).map_err(io_error(path))?;
                columns = json::sample(&text, usize::MAX, MAX_COLUMNS).1;
                columns.truncate(self.headers.len());
            }
            Kind::Parquet(parquet) => {
                let all = parquet.sample(usize::MAX);
                let error = |source| Error::Parquet {
                    path: path.clone(),
                    source,
                };
                columns = all.map_err(|source| self.bytes.failure().unwrap_or_else(|| error(source)))?;
            }
            Kind::Arrow(arrow) => {
                let all = arrow.sample(usize::MAX);
                columns = all.map_err(|source| Error::Arrow {
                    path: path.clone(),
                    source,
                })?;
            }
        }
        Ok(columns)
    }

    /// Gives every value of one column of the file to `give` until that says to stop.
    pub fn each_value(&self, column: usize, give: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Error> {
        let path = &self.bytes.shown;
        let kind = match &self.kind {
            Kind::Text(kind) => kind,
            Kind::Parquet(parquet) => {
                let each = parquet.each_value(column, give);
                let error = |source| Error::Parquet {
                    path: path.clone(),
                    source,
                };
                return each.map_err(|source| self.bytes.failure().unwrap_or_else(|| error(source)));
            }
            Kind::Json { .. } | Kind::Arrow(_) => {
                let all = self.read_all()?;
                let _ = all.get(column).into_iter().flatten().all(|value| give(value));
                return Ok(());
            }
        };
        let reader = open_text(&self.bytes, kind.compression, kind.encoding)?;
        let mut blocks = Blocks::new(reader, kind.delimiter, kind.preamble).map_err(io_error(path))?;
        while let Some(block) = blocks
            .next_block()
            .map_err(|error| super::source::cut_error(path, error))?
        {
            let skip = usize::from(kind.has_header && block.is_first);
            for row in records(&block.bytes, kind.delimiter, usize::MAX).iter().skip(skip) {
                if let Some(value) = row.get(column)
                    && !give(value)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Copies a text whose lines end in carriage returns.
fn with_line_feeds(reader: &mut dyn Read, into: &mut dyn io::Write) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = reader.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        buffer[..n]
            .iter_mut()
            .filter(|byte| **byte == b'\r')
            .for_each(|byte| *byte = b'\n');
        into.write_all(&buffer[..n])?;
    }
}

/// Bytes of the lines at the start that hold nothing but blanks, which are records only where blanks do not divide.
fn blank_lines(text: &[u8]) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let blank = lines.take_while(|line| line.trim_ascii().is_empty() && line.ends_with(b"\n"));
    blank.map(<[u8]>::len).sum()
}

/// `[`, blanks, `{`.
fn is_array(text: &[u8]) -> bool {
    text.strip_prefix(b"[")
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"))
}

/// The bytes that show the encoding: the first of the file, and if they are all ASCII, the first that are not.
fn encoding_sample(bytes: &Bytes, compression: Compression) -> Result<Vec<u8>, Error> {
    let mut reader = bytes.unpacked(compression).map_err(io_error(&bytes.shown))?;
    let mut sample = Vec::new();
    let mut chunk = |sample: &mut Vec<u8>| {
        sample.clear();
        let read = reader.by_ref().take(SAMPLE_BYTES).read_to_end(sample);
        read.map_err(io_error(&bytes.shown))
    };
    let mut left = ENCODING_SEARCH_BYTES;
    loop {
        let n = chunk(&mut sample)? as u64;
        left = left.saturating_sub(SAMPLE_BYTES);
        if n < SAMPLE_BYTES || left == 0 || !sample.is_ascii() {
            return Ok(sample);
        }
    }
}

/// The first whole records of a text file, at most about [`SAMPLE_BYTES`].
fn read_sample(bytes: &Bytes, compression: Compression, encoding: &'static Encoding) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let mut reader = open_text(bytes, compression, encoding)?.take(SAMPLE_BYTES);
    reader.read_to_end(&mut text).map_err(io_error(&bytes.shown))?;
    if text.len() as u64 == SAMPLE_BYTES
        && let Some(end) = memchr::memrchr(b'\n', &text)
    {
        text.truncate(end + 1);
    }
    Ok(text)
}

/// Bytes and lines of what stands above the header: lines with fewer than half of the fields of most records.
fn title_length(text: &[u8], delimiter: Delimiter) -> (usize, usize) {
    let head = records(text, delimiter, 200);
    let filled = |row: &Vec<Vec<u8>>| row.iter().filter(|field| !field.trim_ascii().is_empty()).count();
    let mut widths: Vec<usize> = head.iter().map(filled).collect();
    widths.sort_unstable();
    let usual = widths.get(widths.len() / 2).copied().unwrap_or(0);
    let mut at = 0;
    let mut n_titles = 0;
    for row in head.iter().take(MAX_TITLE_LINES) {
        if usual < 3 || usual <= 2 * filled(row) {
            break;
        }
        at += first_record_end(&text[at..], delimiter);
        n_titles += 1;
    }
    if n_titles == 0 || n_titles == MAX_TITLE_LINES {
        return (0, 0);
    }
    (at, memchr::memchr_iter(b'\n', &text[..at]).count())
}

/// The fields of a line as it stands in the rejects, in order, with their names where the line itself has them.
pub fn record_fields(file: &FilePlan, line: &str) -> Vec<(Option<String>, String)> {
    match &file.format {
        Format::Text { layout, .. } => {
            let fields = records(line.as_bytes(), layout.delimiter, 1).pop().unwrap_or_default();
            let text = |field: Vec<u8>| (None, String::from_utf8_lossy(&field).into_owned());
            fields.into_iter().map(text).collect()
        }
        Format::Json { .. } | Format::Parquet(_) | Format::Arrow(_) => json::fields(line)
            .into_iter()
            .map(|(name, value)| (Some(name), value))
            .collect(),
    }
}

/// The fields of the first records of a text.
fn records(text: &[u8], delimiter: Delimiter, limit: usize) -> Vec<Vec<Vec<u8>>> {
    let Delimiter::Byte(delimiter) = delimiter else {
        let fields = |line: &[u8]| -> Vec<Vec<u8>> {
            line.split(u8::is_ascii_whitespace)
                .filter(|f| !f.is_empty())
                .map(<[u8]>::to_vec)
                .collect()
        };
        return text
            .split(|b| *b == b'\n')
            .map(fields)
            .filter(|row| !row.is_empty())
            .take(limit)
            .collect();
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text);
    let to_fields = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
    reader
        .byte_records()
        .take(limit)
        .filter_map(Result::ok)
        .map(to_fields)
        .collect()
}

#[cfg(test)]
mod tests;
