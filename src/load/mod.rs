//! Files → raw typed lines.
//!
//! In: paths of files and folders. Out: a [`Plan`] (which files, how they are written, which column is which, and
//! the evidence), then [`RawBatch`](batch::RawBatch)es handed to a sink from all threads. Formats: delimited text, JSON
//! Lines, Parquet, Arrow IPC and Excel workbooks, each plain, gzip or zstd, on this machine or in an S3-compatible
//! object store ([`remote`]). Cost: one pass; memory is a few blocks for
//! each thread, whatever the size of the input.

pub mod arrow_file;
mod arrow_sizes;
pub mod batch;
pub mod columnar;
mod compound;
pub mod date;
pub mod encoding;
pub mod guard;
pub mod header;
pub mod json;
pub mod line_type;
pub mod mapping;
pub mod number;
mod open;
mod plan;
pub mod remote;
mod resolve;
mod rows;
pub mod side;
pub mod sniff;
mod source;
pub mod spool;
mod tally;
pub mod text;
pub mod workbook;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use crate::diagnostics::Problem;
use date::{DateDetectError, DateFormat};
use header::{Canonical, CostBasis, DiscountBasis, HeaderError};
use number::NumberFormat;
use workbook::WorkbookError;

pub use open::record_fields;
pub use plan::{Column, FilePlan, Format, Plan, plan, plan_of_sample};
#[cfg(feature = "spark")]
pub use resolve::unescaped;
pub use source::stream;

/// Section `[load]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub columns: Vec<String>,
    pub delimiter: String,
    pub encoding: String,
    pub decimal: String,
    pub date_format: String,
    pub cost: String,
    pub discount: String,
    pub sheet: String,
    pub customers: String,
    pub customers_id: String,
    pub customer_map: String,
    pub map: BTreeMap<String, String>,
}

/// Checked settings; only made by [`Config::check`]. `None` is found out from the files.
#[derive(Clone, Debug)]
pub struct Params {
    columns: Vec<String>,
    delimiter: Option<sniff::Delimiter>,
    encoding: Option<&'static encoding_rs::Encoding>,
    decimal: Option<NumberFormat>,
    date_format: Option<DateFormat>,
    cost: Option<CostBasis>,
    discount: Option<DiscountBasis>,
    sheet: String,
    customers: Option<PathBuf>,
    customers_id: Option<String>,
    customer_map: Option<PathBuf>,
    map: Vec<(Canonical, String)>,
    timezone: chrono_tz::Tz,
    group: Option<Canonical>,
}

impl Params {
    /// Reads this column too, so that lines can be grouped by it.
    pub fn group_by(&mut self, column: Canonical) {
        self.group = Some(column);
    }
}

impl Config {
    pub fn check(&self, timezone: chrono_tz::Tz, problems: &mut Vec<Problem>) -> Option<Params> {
        let before = problems.len();
        let delimiter = match self.delimiter.as_str() {
            "auto" => None,
            "tab" | "\t" => Some(sniff::Delimiter::Byte(b'\t')),
            "blank" | " " => Some(sniff::Delimiter::Whitespace),
            one if one.len() == 1 && one.is_ascii() && !matches!(one, "\"" | "\n" | "\r") => {
                Some(sniff::Delimiter::Byte(one.as_bytes()[0]))
            }
            other => {
                let hint = "use auto, a single ASCII character such as ; or one of tab, blank";
                problems.push(Problem::new("load.delimiter", other, "is not a delimiter", hint));
                None
            }
        };
        let encoding = match self.encoding.as_str() {
            "auto" => None,
            label => {
                let found = encoding_rs::Encoding::for_label(label.as_bytes());
                if found.is_none() {
                    let hint = "use auto, utf-8, utf-16le, gb18030, big5, windows-1252 or another WHATWG label";
                    problems.push(Problem::new("load.encoding", label, "is not a known encoding", hint));
                }
                found
            }
        };
        let decimal = parsed(&self.decimal, "load.decimal", "use auto, point or comma", problems);
        let names: Vec<&str> = DateFormat::ALL.iter().map(|f| f.name()).collect();
        let hint = format!("use auto or one of {}", names.join(", "));
        let date_format = parsed(&self.date_format, "load.date_format", &hint, problems);
        let cost = parsed(&self.cost, "load.cost", "use auto, unit or line", problems);
        let hint = "use auto, line, unit, percent or share";
        let discount = parsed(&self.discount, "load.discount", hint, problems);
        let said = |text: &String| (!text.is_empty()).then(|| text.clone());
        let mut map = Vec::new();
        for (canonical, header) in &self.map {
            match canonical.parse::<Canonical>() {
                Ok(canonical) => map.push((canonical, header.clone())),
                Err(error) => {
                    let key = format!("load.map.{canonical}");
                    problems.push(Problem::new(
                        &key,
                        header,
                        "is no column that quintile knows",
                        &error.hint(),
                    ));
                }
            }
        }
        let mut named: Vec<&String> = self.columns.iter().filter(|c| *c != "_").collect();
        named.sort_unstable();
        if let Some(twice) = named.windows(2).find(|pair| pair[0] == pair[1]) {
            problems.push(Problem::new(
                "load.columns",
                twice[0],
                "is named twice",
                "name a column to skip \"_\"",
            ));
        }
        (problems.len() == before).then(|| Params {
            columns: self.columns.clone(),
            delimiter,
            encoding,
            decimal,
            date_format,
            cost,
            discount,
            sheet: self.sheet.clone(),
            customers: said(&self.customers).map(PathBuf::from),
            customers_id: said(&self.customers_id),
            customer_map: said(&self.customer_map).map(PathBuf::from),
            map,
            timezone,
            group: None,
        })
    }
}

/// Something found out about how the input is written: setting, value, evidence. Set, it is found out no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub setting: &'static str,
    pub value: String,
    pub evidence: String,
    /// What everybody would expect: written into a config, not worth a line on the screen.
    pub is_plain: bool,
}

impl Decision {
    /// `decimal: comma (3 of 3 values ...)`.
    pub fn to_line(&self) -> String {
        let name = self.setting.trim_start_matches("load.").replace('_', " ");
        format!("{name}: {} ({})", self.value, self.evidence)
    }
}

fn parsed<T: std::str::FromStr>(text: &str, key: &str, hint: &str, problems: &mut Vec<Problem>) -> Option<T> {
    if text == "auto" {
        return None;
    }
    let value = text.parse().ok();
    if value.is_none() {
        problems.push(Problem::new(key, text, "is not one of the choices", hint));
    }
    value
}

/// The input cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no input was given")]
    NoInput,
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} matches no file", pattern)]
    NoMatch { pattern: String },
    #[error("{} holds no file that quintile can read", path.display())]
    EmptyFolder { path: PathBuf },
    #[error("{} is empty", path.display())]
    EmptyFile { path: PathBuf },
    #[error("{} has a header but no data", path.display())]
    NoRows { path: PathBuf },
    #[error("{} is {what}, which quintile cannot read", path.display())]
    Format { path: PathBuf, what: &'static str },
    #[error("{} cannot be read as Parquet: {source}", path.display())]
    Parquet { path: PathBuf, source: ParquetError },
    #[error("{} cannot be read as Arrow IPC: {source}", path.display())]
    Arrow { path: PathBuf, source: ArrowError },
    #[error("{} cannot be read: {source}", path.display())]
    Workbook { path: PathBuf, source: WorkbookError },
    #[error("{}: no column holds customer ids; the columns are {}", path.display(), headers.join(", "))]
    NoCustomerColumn { path: PathBuf, headers: Vec<String> },
    #[error("{}: cannot tell which column holds the ids and which the persons; the columns are {}", path.display(), headers.join(", "))]
    NoMapColumns { path: PathBuf, headers: Vec<String> },
    #[error("{}: {why}", path.display())]
    CustomerMap { path: PathBuf, why: String },
    #[error("{} was replaced while it was read", path.display())]
    Changed { path: PathBuf },
    #[error("{}:{line}: a quoted field opens here and never ends", path.display())]
    OpenQuote { path: PathBuf, line: u64 },
    #[error("{}:{line}: this record is longer than {} MiB", path.display(), text::MAX_RECORD_BYTES >> 20)]
    LongRecord { path: PathBuf, line: u64 },
    #[error("{}: the first line holds data, not column names: {first_line}", path.display())]
    Headerless {
        path: PathBuf,
        first_line: String,
        n_fields: usize,
    },
    #[error("{}: --columns names {named} columns, the file has {found}", path.display())]
    ColumnCount { path: PathBuf, named: usize, found: usize },
    #[error("{}: the header has {n_header} fields, the rows below it have {n_rows} fields", path.display())]
    NarrowRows {
        path: PathBuf,
        n_header: usize,
        n_rows: usize,
    },
    #[error("{}: {n} columns are more than {limit}", path.display())]
    TooManyColumns { path: PathBuf, n: usize, limit: usize },
    #[error("{}: {n} columns are called {header:?}, and {canonical} is to be read from one of them", path.display())]
    TwinColumns {
        path: PathBuf,
        header: String,
        n: usize,
        canonical: Canonical,
    },
    #[error("{}: there is only one column, {header:?}", path.display())]
    OneColumn { path: PathBuf, header: String },
    #[error("{}: no column is called {header:?}; the columns are {}", path.display(), headers.join(", "))]
    UnknownHeader {
        path: PathBuf,
        canonical: Canonical,
        header: String,
        closest: Option<String>,
        headers: Vec<String>,
    },
    #[error("{}: {}\n  the columns are {}", path.display(), listed(problems), headers.join(", "))]
    Columns {
        path: PathBuf,
        problems: Vec<HeaderError>,
        headers: Vec<String>,
    },
    #[error("{}: column {header:?} (ordered_at): {source}", path.display())]
    Date {
        path: PathBuf,
        header: String,
        source: DateDetectError,
    },
    #[error("{}: column {header:?}: {why}", path.display())]
    Number { path: PathBuf, header: String, why: String },
    #[error("cannot read {url}: {cause}")]
    Remote { url: String, cause: remote::Cause },
    #[error("{} files are more than {limit}", n)]
    TooManyFiles { n: usize, limit: usize },
}

fn listed(problems: &[HeaderError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Error {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoInput => 2,
            Self::Remote { cause, .. } => cause.exit_code(),
            _ => 3,
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::NoInput => "name files or folders with --input".into(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the path; globs such as 'sales/*.csv' work too".into()
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "make the file readable for this user".into()
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::UnexpectedEof => {
                "the file is cut short: fetch it again".into()
            }
            Self::Io { source, .. } if source.get_ref().is_some_and(|inner| inner.is::<spool::Bomb>()) => {
                "unpack it yourself if you trust it, and give quintile the unpacked file".into()
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room in the folder of temporary files, or name another one with TMPDIR".into()
            }
            Self::Io { .. } => "the file may be damaged or no longer there: fetch it again".into(),
            Self::NoMatch { .. } => "check the pattern; put it in quotes so that the shell leaves it alone".into(),
            Self::EmptyFolder { .. } => {
                "quintile reads .csv, .tsv, .txt, .jsonl, .parquet, .arrow and .xlsx, also .gz and .zst".into()
            }
            Self::EmptyFile { .. } | Self::NoRows { .. } => "check the export that made this file".into(),
            Self::Format { .. } => "export it as CSV or Parquet".into(),
            Self::Workbook {
                source: WorkbookError::NoSheet { .. },
                ..
            } => "name one of them with --sheet".into(),
            Self::Workbook {
                source: WorkbookError::NotAWorkbook,
                ..
            } => "unpack it and name the files with --input".into(),
            Self::Workbook { .. } => "open it in a spreadsheet program and save it again, or as CSV".into(),
            Self::NoCustomerColumn { .. } => "name it with --set 'load.customers_id=\"HEADER\"'".into(),
            Self::NoMapColumns { .. } => "keep two columns, called old_id and master_id".into(),
            Self::CustomerMap { .. } => "correct the map so that every id leads to one person".into(),
            Self::Changed { .. } => "run again when the export that writes it is done".into(),
            Self::Parquet { .. } | Self::Arrow { .. } => {
                "the file may be cut short or still being written: fetch it again".into()
            }
            Self::OpenQuote { .. } => "close the quote in that line, or double it if it belongs to the text".into(),
            Self::LongRecord { .. } => "is it the right delimiter? See --delimiter".into(),
            Self::Headerless { n_fields, .. } => {
                let columns = ["customer_id", "order_id", "ordered_at", "amount", "quantity"];
                let example: Vec<&str> = columns
                    .iter()
                    .copied()
                    .chain(std::iter::repeat("_"))
                    .take(*n_fields)
                    .collect();
                format!(
                    "name the {n_fields} columns in order, _ for one to skip: --columns {}",
                    example.join(",")
                )
            }
            Self::ColumnCount { found, .. } => format!("name all {found} columns in order, _ for one to skip"),
            Self::NarrowRows { .. } => "is it the right delimiter, and is the header complete? See --delimiter".into(),
            Self::TooManyColumns { .. } => "is it the right delimiter? See --delimiter; or export fewer columns".into(),
            Self::TwinColumns { .. } => "rename them in the file so that each has a name of its own".into(),
            Self::OneColumn { .. } => "is it another delimiter? Set --delimiter ';' or --delimiter tab".into(),
            Self::UnknownHeader { canonical, closest, .. } => match closest {
                Some(closest) => format!("did you mean --map '{canonical}={closest}'?"),
                None => format!("use --map {canonical}=HEADER with one of them"),
            },
            Self::Columns { problems, .. } => problems.first().map(HeaderError::hint).unwrap_or_default(),
            Self::Date { source, .. } => source.hint(),
            Self::Number { .. } => {
                "say which with --decimal point or --decimal comma, or map another column with --map".into()
            }
            Self::Remote { cause, .. } => cause.hint(),
            Self::TooManyFiles { .. } => "join the files, or run on one folder after another".into(),
        }
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { path, source }
}
