//! Deciding how to read the input before reading it: files, encoding, delimiter, columns, number and date format.
//!
//! Every decision is made on a sample of the first file and kept with its evidence, so that it can be printed; the
//! other files must have the same columns by name, in any order.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8};

use super::columnar::{Columns, Formats, ParquetFile};
use super::date::{self, DateDetectError, DateFormat};
use super::header::{self, Canonical, ColumnContent, HeaderError, Outcome};
use super::number::NumberFormat;
use super::sniff::{self, Delimiter};
use super::source::{Compression, open_text};
use super::text::{Layout, Positions, first_record_end};
use super::{Error, Params, io_error};

/// Bytes of text looked at to decide; a column of dates that leaves day and month open gets the longer look.
const SAMPLE_BYTES: u64 = 1 << 20;
const LONG_SAMPLE_BYTES: u64 = 64 << 20;
const SAMPLE_ROWS: usize = 5_000;
const LONG_SAMPLE_ROWS: usize = 500_000;
const MAX_FILES: usize = u16::MAX as usize;
/// A table of transactions has tens of columns; each is compared with every known name.
const MAX_COLUMNS: usize = 1_000;

/// The columns that a later stage looks at; only these are decoded.
const USED: [Canonical; 10] = [
    Canonical::CustomerId,
    Canonical::OrderId,
    Canonical::OrderedAt,
    Canonical::Amount,
    Canonical::Quantity,
    Canonical::UnitPrice,
    Canonical::ProductId,
    Canonical::ProductName,
    Canonical::Cost,
    Canonical::Currency,
];

/// What is to be read and how.
#[derive(Debug)]
pub struct Plan {
    pub files: Vec<FilePlan>,
    /// The mapping of the first file, in canonical order.
    pub columns: Vec<Column>,
    pub formats: Formats,
    pub timezone: chrono_tz::Tz,
    /// What else was found out, one line each: encoding, delimiter, decimal mark, date format.
    pub notes: Vec<String>,
}

/// A mapped column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub canonical: Canonical,
    pub header: String,
    pub evidence: String,
}

#[derive(Debug)]
pub struct FilePlan {
    pub path: PathBuf,
    pub bytes: u64,
    pub format: Format,
}

#[derive(Debug)]
pub enum Format {
    Text {
        layout: Layout,
        compression: Compression,
        encoding: &'static Encoding,
        has_header: bool,
        /// Bytes before the first record, such as the line `sep=;` of a spreadsheet.
        preamble: usize,
    },
    Parquet {
        parquet: ParquetFile,
        columns: Columns,
    },
}

impl Plan {
    pub fn has(&self, canonical: Canonical) -> bool {
        self.columns.iter().any(|column| column.canonical == canonical)
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Looks at the input and decides.
pub fn plan(params: &Params, inputs: &[PathBuf]) -> Result<Plan, Error> {
    let mut notes = Vec::new();
    let paths = resolve(inputs, &mut notes)?;
    if paths.len() > MAX_FILES {
        return Err(Error::TooManyFiles {
            n: paths.len(),
            limit: MAX_FILES,
        });
    }
    let (first_path, other_paths) = paths.split_first().ok_or(Error::NoInput)?;
    let first = Opened::open(params, first_path)?;
    let (positions, columns) = first.map_columns(params)?;
    notes.extend(first.notes.iter().cloned());
    let formats = first.formats(params, &positions, &mut notes)?;
    let mut files = vec![first.finish(positions, formats)?];
    for path in other_paths {
        let opened = Opened::open(params, path)?;
        let positions = opened.same_columns(&columns)?;
        files.push(opened.finish(positions, formats)?);
    }
    Ok(Plan {
        files,
        columns,
        formats,
        timezone: params.timezone,
        notes,
    })
}

/// Files behind paths, folders and globs; each folder's files in order of name.
fn resolve(inputs: &[PathBuf], notes: &mut Vec<String>) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for input in inputs {
        let pattern = input.to_string_lossy();
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => {
                let before = paths.len();
                collect_folder(input, 0, &mut paths)?;
                if paths.len() == before {
                    return Err(Error::EmptyFolder { path: input.clone() });
                }
            }
            Ok(_) => paths.push(input.clone()),
            Err(_) if pattern.contains(['*', '?', '[']) => {
                let before = paths.len();
                let found = glob::glob(&pattern).map_err(|_| Error::NoMatch {
                    pattern: pattern.to_string(),
                })?;
                paths.extend(found.flatten().filter(|path| path.is_file()));
                if paths.len() == before {
                    return Err(Error::NoMatch {
                        pattern: pattern.to_string(),
                    });
                }
            }
            Err(error) => return Err(io_error(input)(error)),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| {
        let is_new = seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
        if !is_new {
            notes.push(format!("{} is named twice and read once", path.display()));
        }
        is_new
    });
    Ok(paths)
}

const EXTENSIONS: [&str; 4] = ["csv", "tsv", "txt", "parquet"];
const PACKED_EXTENSIONS: [&str; 2] = ["gz", "zst"];
/// Folders within folders are followed this far, so that a link that leads back cannot trap us.
const MAX_DEPTH: usize = 16;

fn collect_folder(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        entries.push(entry.map_err(io_error(folder))?.path());
    }
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if name.starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            if depth < MAX_DEPTH {
                collect_folder(&path, depth + 1, paths)?;
            }
            continue;
        }
        let mut parts = name.rsplit('.');
        let extension = parts.find(|part| !PACKED_EXTENSIONS.contains(part)).unwrap_or_default();
        if EXTENSIONS.contains(&extension) {
            paths.push(path);
        }
    }
    Ok(())
}

/// A file whose kind, headers and first rows are known.
struct Opened {
    path: PathBuf,
    bytes: u64,
    headers: Vec<String>,
    /// Values of each column in the sample.
    sample: Vec<Vec<Vec<u8>>>,
    kind: Kind,
    notes: Vec<String>,
}

enum Kind {
    Text {
        delimiter: Delimiter,
        compression: Compression,
        encoding: &'static Encoding,
        has_header: bool,
        preamble: usize,
    },
    Parquet(ParquetFile),
}

impl Opened {
    fn open(params: &Params, path: &Path) -> Result<Self, Error> {
        let bytes = fs::metadata(path).map_err(io_error(path))?.len();
        if bytes == 0 {
            return Err(Error::EmptyFile {
                path: path.to_path_buf(),
            });
        }
        let mut magic = Vec::new();
        File::open(path)
            .and_then(|file| file.take(8).read_to_end(&mut magic))
            .map_err(io_error(path))?;
        let refused = |what| {
            Err(Error::Format {
                path: path.to_path_buf(),
                what,
            })
        };
        match magic[..] {
            [b'P', b'A', b'R', b'1', ..] => Self::open_parquet(path, bytes),
            [0x1f, 0x8b, ..] => Self::open_text(params, path, bytes, Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::open_text(params, path, bytes, Compression::Zstd),
            [b'P', b'K', 3, 4, ..] => refused("a zip archive or an Excel workbook"),
            [0xd0, 0xcf, 0x11, 0xe0, ..] => refused("an old Excel workbook"),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => refused("an Arrow file"),
            [b'{' | b'[', ..] => refused("JSON"),
            _ => Self::open_text(params, path, bytes, Compression::None),
        }
    }

    fn open_parquet(path: &Path, bytes: u64) -> Result<Self, Error> {
        let error = |source| Error::Parquet {
            path: path.to_path_buf(),
            source,
        };
        let parquet = ParquetFile::open(path).map_err(error)?;
        let sample = parquet.sample(SAMPLE_ROWS).map_err(error)?;
        let headers = parquet.headers();
        limit_columns(path, headers.len())?;
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
            headers,
            sample,
            kind: Kind::Parquet(parquet),
            notes: Vec::new(),
        })
    }

    fn open_text(params: &Params, path: &Path, bytes: u64, compression: Compression) -> Result<Self, Error> {
        let mut notes = Vec::new();
        let encoding = match params.encoding {
            Some(encoding) => encoding,
            None => {
                // The raw bytes, as if they were UTF-8: passed through unread, but for a byte order mark.
                let raw = read_sample(path, compression, UTF_8, SAMPLE_BYTES)?;
                let guess = sniff::detect_encoding(&raw);
                if guess.encoding != UTF_8 {
                    notes.push(format!("encoding: {} ({})", guess.encoding.name(), guess.evidence));
                }
                guess.encoding
            }
        };
        let text = read_sample(path, compression, encoding, SAMPLE_BYTES)?;
        if text.trim_ascii().is_empty() {
            return Err(Error::EmptyFile {
                path: path.to_path_buf(),
            });
        }
        if text.contains(&0) {
            return Err(Error::Format {
                path: path.to_path_buf(),
                what: "a binary file",
            });
        }
        let (delimiter, preamble) = match params.delimiter {
            Some(delimiter) => (delimiter, 0),
            None => {
                let found = sniff::sniff_delimiter(&text);
                notes.push(format!("delimiter: {}", found.evidence));
                (found.delimiter, found.preamble_length)
            }
        };
        let text = &text[preamble..];
        let first_end = first_record_end(text, delimiter);
        let first = records(&text[..first_end], delimiter, 1).pop().unwrap_or_default();
        let rows = records(&text[first_end..], delimiter, SAMPLE_ROWS);
        let has_header = params.columns.is_empty();
        if has_header && sniff::looks_headerless(&first, &rows) {
            let first_line = String::from_utf8_lossy(&text[..first_end]).trim().to_string();
            return Err(Error::Headerless {
                path: path.to_path_buf(),
                first_line,
                n_fields: first.len(),
            });
        }
        let headers: Vec<String> = if has_header {
            first
                .iter()
                .map(|name| String::from_utf8_lossy(name).trim().to_string())
                .collect()
        } else if params.columns.len() == first.len() {
            params.columns.clone()
        } else {
            let (named, found) = (params.columns.len(), first.len());
            return Err(Error::ColumnCount {
                path: path.to_path_buf(),
                named,
                found,
            });
        };
        if has_header && rows.is_empty() {
            return Err(Error::NoRows {
                path: path.to_path_buf(),
            });
        }
        limit_columns(path, headers.len())?;
        if headers.len() == 1 {
            return Err(Error::OneColumn {
                path: path.to_path_buf(),
                header: headers[0].clone(),
            });
        }
        let mut sample = vec![Vec::new(); headers.len()];
        let data = rows.into_iter().chain((!has_header).then_some(first));
        for row in data.filter(|row| row.len() == headers.len()) {
            sample
                .iter_mut()
                .zip(row)
                .for_each(|(column, value)| column.push(value));
        }
        let kind = Kind::Text {
            delimiter,
            compression,
            encoding,
            has_header,
            preamble,
        };
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
            headers,
            sample,
            kind,
            notes,
        })
    }

    /// Which column is which: what the user says, then what names and contents say.
    fn map_columns(&self, params: &Params) -> Result<(Positions, Vec<Column>), Error> {
        let mut given: Vec<(Canonical, usize)> = Vec::new();
        for (canonical, header) in &params.map {
            given.push((*canonical, self.find(*canonical, header)?));
        }
        for (i, name) in params.columns.iter().enumerate() {
            if let Ok(canonical) = name.parse::<Canonical>()
                && !given.iter().any(|(other, _)| *other == canonical)
            {
                given.push((canonical, i));
            }
        }
        let content: Vec<ColumnContent> = self
            .sample
            .iter()
            .map(|values| ColumnContent::of(values.iter().map(Vec::as_slice)))
            .collect();
        let guesses = header::guess(&self.headers, &content, &given);
        let is_order = |p: &HeaderError| {
            matches!(
                p,
                HeaderError::Missing {
                    canonical: Canonical::OrderId,
                    ..
                }
            )
        };
        let problems: Vec<HeaderError> = guesses.problems().into_iter().filter(|p| !is_order(p)).collect();
        if !problems.is_empty() {
            self.unreadable(&problems, &content)?;
            return Err(Error::Columns {
                path: self.path.clone(),
                problems,
                headers: self.headers.clone(),
            });
        }
        let mut positions: Positions = [None; Canonical::ALL.len()];
        let mut columns = Vec::new();
        for (canonical, outcome) in guesses.iter() {
            let (index, header, evidence) = match outcome {
                Outcome::Given { index, header } => (*index, header.clone(), "given".to_string()),
                Outcome::Guess {
                    index,
                    header,
                    evidence,
                } => (*index, header.clone(), evidence.clone()),
                Outcome::Ambiguous { .. } | Outcome::Missing { .. } => continue,
            };
            if USED.contains(&canonical) {
                positions[canonical as usize] = Some(index);
            }
            let n = self.headers.iter().filter(|other| **other == header).count();
            if n > 1 && params.columns.is_empty() {
                let path = self.path.clone();
                return Err(Error::TwinColumns {
                    path,
                    header,
                    n,
                    canonical,
                });
            }
            columns.push(Column {
                canonical,
                header,
                evidence,
            });
        }
        let product = (Canonical::ProductId as usize, Canonical::ProductName as usize);
        if let (None, Some(index)) = (positions[product.0], positions[product.1]) {
            positions[product.0] = Some(index);
            let evidence = "there is no product id, so the names serve as ids".to_string();
            columns.push(Column {
                canonical: Canonical::ProductId,
                header: self.headers[index].clone(),
                evidence,
            });
        }
        Ok((positions, columns))
    }

    /// A column with the right name that holds something else is a better message than a missing column.
    fn unreadable(&self, problems: &[HeaderError], content: &[ColumnContent]) -> Result<(), Error> {
        let index = |closest: &[String]| self.headers.iter().position(|header| Some(header) == closest.first());
        for problem in problems {
            match problem {
                HeaderError::Missing {
                    canonical: Canonical::OrderedAt,
                    closest,
                } => {
                    if let Some(i) = index(closest)
                        && let Err(source) = date::detect(self.sample[i].iter().map(Vec::as_slice))
                    {
                        return Err(Error::Date {
                            path: self.path.clone(),
                            header: self.headers[i].clone(),
                            source,
                        });
                    }
                }
                HeaderError::NoMoney { closest } => {
                    if let Some(i) = index(closest)
                        && content[i].n_numbers * 2 < content[i].n_values
                    {
                        let example = self.sample[i].iter().find(|value| !value.trim_ascii().is_empty());
                        let example = String::from_utf8_lossy(example.map_or(&[][..], Vec::as_slice)).into_owned();
                        let why = format!("its values are not numbers, for example {example:?}");
                        return Err(Error::Number {
                            path: self.path.clone(),
                            header: self.headers[i].clone(),
                            why,
                        });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn find(&self, canonical: Canonical, header: &str) -> Result<usize, Error> {
        let exact = self.headers.iter().position(|name| name == header);
        let folded = || self.headers.iter().position(|name| name.eq_ignore_ascii_case(header));
        exact.or_else(folded).ok_or_else(|| {
            let similar = |name: &&String| strsim::jaro_winkler(&name.to_lowercase(), &header.to_lowercase());
            let closest = self.headers.iter().max_by(|a, b| similar(a).total_cmp(&similar(b)));
            Error::UnknownHeader {
                path: self.path.clone(),
                canonical,
                header: header.to_string(),
                closest: closest.filter(|name| similar(name) > 0.6).cloned(),
                headers: self.headers.clone(),
            }
        })
    }

    /// The columns of the first file, found here by name; an optional one that is missing here is null.
    fn same_columns(&self, columns: &[Column]) -> Result<Positions, Error> {
        let mut positions: Positions = [None; Canonical::ALL.len()];
        for column in columns.iter().filter(|column| USED.contains(&column.canonical)) {
            let is_optional = column.canonical.need() == header::Need::Optional;
            match self.find(column.canonical, &column.header) {
                Ok(index) => positions[column.canonical as usize] = Some(index),
                Err(_) if is_optional => {}
                Err(error) => return Err(error),
            }
        }
        Ok(positions)
    }

    fn values(&self, positions: &Positions, canonical: Canonical) -> Option<(&String, &Vec<Vec<u8>>)> {
        let i = positions[canonical as usize]?;
        Some((self.headers.get(i)?, self.sample.get(i)?))
    }

    /// Decimal mark and date format, as given or as the sample shows.
    fn formats(&self, params: &Params, positions: &Positions, notes: &mut Vec<String>) -> Result<Formats, Error> {
        let decimal = match params.decimal {
            Some(decimal) => decimal,
            None => self.decimal(positions, notes)?,
        };
        let date_format = match params.date_format {
            Some(format) => format,
            None => self.date_format(positions, notes)?,
        };
        Ok(Formats { decimal, date_format })
    }

    fn decimal(&self, positions: &Positions, notes: &mut Vec<String>) -> Result<NumberFormat, Error> {
        let columns = [
            Canonical::Amount,
            Canonical::UnitPrice,
            Canonical::Cost,
            Canonical::Quantity,
        ];
        let values = columns.iter().filter_map(|c| self.values(positions, *c));
        let all: Vec<&[u8]> = values
            .flat_map(|(_, values)| values.iter().map(Vec::as_slice))
            .collect();
        let found = NumberFormat::detect(all);
        if found.ambiguous {
            let money = [Canonical::Amount, Canonical::UnitPrice, Canonical::Quantity];
            let header = money
                .iter()
                .find_map(|c| self.values(positions, *c))
                .map(|(h, _)| h.clone())
                .unwrap_or_default();
            return Err(Error::Number {
                path: self.path.clone(),
                header,
                why: found.evidence,
            });
        }
        if found.format != NumberFormat::Point {
            notes.push(format!("decimal mark: {} ({})", found.format, found.evidence));
        }
        Ok(found.format)
    }

    fn date_format(&self, positions: &Positions, notes: &mut Vec<String>) -> Result<DateFormat, Error> {
        let Some((header, values)) = self.values(positions, Canonical::OrderedAt) else {
            return Ok(DateFormat::Iso);
        };
        let mut found = date::detect(values.iter().map(Vec::as_slice));
        if let (
            Err(DateDetectError::Ambiguous { .. }),
            Kind::Text {
                delimiter,
                compression,
                encoding,
                has_header,
                preamble,
            },
        ) = (&found, &self.kind)
        {
            let text = read_sample(&self.path, *compression, encoding, LONG_SAMPLE_BYTES)?;
            let skip = usize::from(*has_header);
            let column = positions[Canonical::OrderedAt as usize].unwrap_or_default();
            let rows = records(&text[*preamble..], *delimiter, LONG_SAMPLE_ROWS);
            found = date::detect(
                rows.iter()
                    .skip(skip)
                    .filter_map(|row| row.get(column))
                    .map(Vec::as_slice),
            );
        }
        let found = found.map_err(|source| Error::Date {
            path: self.path.clone(),
            header: header.clone(),
            source,
        })?;
        if found.format != DateFormat::Iso {
            notes.push(format!("date format: {} ({})", found.format, found.evidence));
        }
        Ok(found.format)
    }

    fn finish(self, positions: Positions, formats: Formats) -> Result<FilePlan, Error> {
        let format = match self.kind {
            Kind::Parquet(parquet) => Format::Parquet {
                parquet,
                columns: Columns { positions, formats },
            },
            Kind::Text {
                delimiter,
                compression,
                encoding,
                has_header,
                preamble,
            } => Format::Text {
                layout: Layout {
                    delimiter,
                    n_fields: self.headers.len(),
                    positions,
                    decimal: formats.decimal,
                    date_format: formats.date_format,
                },
                compression,
                encoding,
                has_header,
                preamble,
            },
        };
        Ok(FilePlan {
            path: self.path,
            bytes: self.bytes,
            format,
        })
    }
}

fn limit_columns(path: &Path, n: usize) -> Result<(), Error> {
    let (path, limit) = (path.to_path_buf(), MAX_COLUMNS);
    if n > limit {
        return Err(Error::TooManyColumns { path, n, limit });
    }
    Ok(())
}

/// The first whole records of a text file, at most about `limit` bytes.
fn read_sample(
    path: &Path,
    compression: Compression,
    encoding: &'static Encoding,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let mut reader = open_text(path, compression, encoding)?.take(limit);
    reader.read_to_end(&mut text).map_err(io_error(path))?;
    if text.len() as u64 == limit
        && let Some(end) = memchr::memrchr(b'\n', &text)
    {
        text.truncate(end + 1);
    }
    Ok(text)
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
