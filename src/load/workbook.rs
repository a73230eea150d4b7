//! Excel workbooks: one sheet becomes delimited text, which is then read like any other.
//!
//! Rows of the sheet are lines of the text, so that a row number means the same in both; line breaks within a cell
//! are read as blanks. Dates are written as ISO, numbers with a point. Cost: one pass over the cells; memory for the
//! sheet's distinct texts, which the format keeps apart.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use calamine::{Data, DataRef, ExcelDateTime, Reader, Xls, Xlsx, XlsxError};

use super::spool::{Bomb, Limit};
use super::{compound, guard};

/// The delimiter of the text that is made.
pub const DELIMITER: u8 = b',';

#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it has no sheet {sheet:?}; the sheets are {}", sheets.join(", "))]
    NoSheet { sheet: String, sheets: Vec<String> },
    #[error("it has no sheet")]
    Empty,
    #[error("it is damaged: {why}")]
    Damaged { why: String },
    #[error("it holds neither a workbook nor one file of data")]
    NotAWorkbook,
}

fn damaged(error: impl std::fmt::Display) -> WorkbookError {
    WorkbookError::Damaged { why: error.to_string() }
}

/// A damaged file can make its decoder panic: that is an error of the file like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, WorkbookError>) -> Result<T, WorkbookError> {
    guard::guarded(work).unwrap_or_else(|| Err(damaged("a part of it is not what it says")))
}

/// What a zip archive holds.
pub enum Archive {
    Workbook,
    /// One file, such as `sales.csv` in `sales.zip`.
    Single(String),
}

/// Looks into a zip archive. Every part is unpacked once and counted, so that nothing later can swell.
pub fn look_into(path: &Path) -> Result<Archive, WorkbookError> {
    guarded(|| look_into_unguarded(path))
}

fn look_into_unguarded(path: &Path) -> Result<Archive, WorkbookError> {
    /// So much is harmless whatever the ratio.
    const FREE: u64 = 256 << 20;
    const MAX_RATIO: u64 = 200;
    /// Where the number of texts is stated, for which the reader reserves memory.
    const START_BYTES: u64 = 4 << 10;
    /// `<si/>`.
    const MIN_TEXT_BYTES: u64 = 5;
    let file = File::open(path)?;
    let limit = file.metadata()?.len().saturating_mul(MAX_RATIO).max(FREE);
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    let names: Vec<String> = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .collect();
    let is_workbook = names.iter().any(|name| name == "xl/workbook.xml");
    if is_workbook {
        let mut left = limit;
        for i in 0..archive.len() {
            let mut part = archive.by_index(i).map_err(damaged)?;
            let mut start = Vec::new();
            let mut rest = part.by_ref().take(left + 1);
            rest.by_ref()
                .take(START_BYTES)
                .read_to_end(&mut start)
                .map_err(damaged)?;
            let n = start.len() as u64 + io::copy(&mut rest, &mut io::sink()).map_err(damaged)?;
            left = left.checked_sub(n).ok_or_else(|| io::Error::other(Bomb))?;
            if n < stated_texts(&start).saturating_mul(MIN_TEXT_BYTES) {
                return Err(damaged("it states more texts than it holds"));
            }
        }
        return Ok(Archive::Workbook);
    }
    let is_data = |name: &&String| !name.ends_with('/') && !name.starts_with("__MACOSX") && !name.contains("/.");
    match names.iter().filter(is_data).collect::<Vec<_>>()[..] {
        [single] => Ok(Archive::Single(single.clone())),
        _ => Err(WorkbookError::NotAWorkbook),
    }
}

/// The number of distinct texts that the beginning of a part states, 0 without one.
fn stated_texts(start: &[u8]) -> u64 {
    const NAME: &[u8] = b"uniqueCount";
    let Some(at) = memchr::memmem::find(start, NAME) else {
        return 0;
    };
    let value = start[at + NAME.len()..]
        .iter()
        .skip_while(|byte| !byte.is_ascii_digit());
    let digits = value.take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |n: u64, digit| {
        n.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    })
}

/// Copies the one file of an archive.
pub fn unzip(path: &Path, name: &str, into: &mut dyn Write) -> Result<(), WorkbookError> {
    guarded(|| unzip_unguarded(path, name, into))
}

fn unzip_unguarded(path: &Path, name: &str, into: &mut dyn Write) -> Result<(), WorkbookError> {
    const MAX_BYTES: u64 = 64 << 30;
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?)).map_err(damaged)?;
    let part = archive.by_name(name).map_err(damaged)?;
    let n = io::copy(&mut part.take(MAX_BYTES + 1), into).map_err(damaged)?;
    if MAX_BYTES < n {
        return Err(io::Error::other(Bomb).into());
    }
    Ok(())
}

/// The sheet to read: the one that is asked for, else the first.
fn choose(sheet: &str, sheets: Vec<String>) -> Result<String, WorkbookError> {
    match sheets.iter().find(|name| sheet.is_empty() || *name == sheet) {
        Some(found) => Ok(found.clone()),
        None if sheets.is_empty() => Err(WorkbookError::Empty),
        None => Err(WorkbookError::NoSheet {
            sheet: sheet.to_owned(),
            sheets,
        }),
    }
}

/// Writes a sheet of an `.xlsx` as delimited text; gives its name and how many sheets there are.
pub fn xlsx_to_text(path: &Path, sheet: &str, into: &mut dyn Write) -> Result<(String, usize), WorkbookError> {
    guarded(|| xlsx_to_text_unguarded(path, sheet, into))
}

fn xlsx_to_text_unguarded(path: &Path, sheet: &str, into: &mut dyn Write) -> Result<(String, usize), WorkbookError> {
    let mut workbook: Xlsx<_> =
        calamine::open_workbook_from_rs(BufReader::new(File::open(path)?)).map_err(|e: XlsxError| damaged(e))?;
    let sheets = workbook.sheet_names();
    let n_sheets = sheets.len();
    let name = choose(sheet, sheets)?;
    let mut cells = workbook.worksheet_cells_reader(&name).map_err(damaged)?;
    let mut lines = Lines::new(into, Limit::of(path.metadata()?.len()));
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        let text = match cell.get_value() {
            DataRef::SharedString(text) => (*text).to_owned(),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
            DataRef::Int(number) => number.to_string(),
            DataRef::Float(number) => number.to_string(),
            DataRef::Bool(is) => is.to_string(),
            DataRef::DateTime(moment) => date_text(moment),
            DataRef::Error(error) => error.to_string(),
            DataRef::Empty => continue,
        };
        lines.put(row, column, text)?;
    }
    lines.finish()?;
    Ok((name, n_sheets))
}

/// The same for an old `.xls`.
pub fn xls_to_text(path: &Path, sheet: &str, into: &mut dyn Write) -> Result<(String, usize), WorkbookError> {
    guarded(|| xls_to_text_unguarded(path, sheet, into))
}

fn xls_to_text_unguarded(path: &Path, sheet: &str, into: &mut dyn Write) -> Result<(String, usize), WorkbookError> {
    compound::check(path)?;
    let mut workbook: Xls<_> = calamine::open_workbook_from_rs(BufReader::new(File::open(path)?))
        .map_err(|e: calamine::XlsError| damaged(e))?;
    let sheets = workbook.sheet_names();
    let n_sheets = sheets.len();
    let name = choose(sheet, sheets)?;
    let range = workbook.worksheet_range(&name).map_err(damaged)?;
    let (first_row, first_column) = range.start().unwrap_or_default();
    let mut lines = Lines::new(into, Limit::of(path.metadata()?.len()));
    for (row, column, value) in range.used_cells() {
        let text = match value {
            Data::DateTime(moment) => date_text(moment),
            other => other.to_string(),
        };
        lines.put(first_row + row as u32, first_column + column as u32, text)?;
    }
    lines.finish()?;
    Ok((name, n_sheets))
}

/// ISO, with a time of day where there is one.
fn date_text(moment: &ExcelDateTime) -> String {
    match moment.as_datetime() {
        Some(at) if moment.is_datetime() => {
            let midnight = at.time() == chrono::NaiveTime::MIN;
            at.format(if midnight { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" })
                .to_string()
        }
        _ => moment.as_f64().to_string(),
    }
}

/// Puts cells, in order of rows, into lines of text.
struct Lines<'a> {
    into: &'a mut dyn Write,
    /// Lines ended so far.
    n_lines: u32,
    row: Vec<String>,
    n_columns: usize,
    /// Bytes that may still be written: a text that many cells share stands in the workbook once.
    left: u64,
}

impl<'a> Lines<'a> {
    fn new(into: &'a mut dyn Write, limit: Limit) -> Self {
        Self {
            left: limit.0,
            into,
            n_lines: 0,
            row: Vec::new(),
            n_columns: 0,
        }
    }

    fn put(&mut self, row: u32, column: u32, text: String) -> Result<(), WorkbookError> {
        const MAX_COLUMNS: u32 = 16_384;
        const MAX_ROWS: u32 = 1 << 20;
        if row < self.n_lines || MAX_ROWS <= row || MAX_COLUMNS <= column {
            return Err(damaged(format!(
                "a cell in row {} stands out of order",
                u64::from(row) + 1
            )));
        }
        while self.n_lines < row {
            self.end_line()?;
        }
        let column = column as usize;
        if self.row.len() <= column {
            self.row.resize(column + 1, String::new());
        }
        self.row[column] = text.replace(['\r', '\n'], " ");
        Ok(())
    }

    /// Empty rows are empty lines; all others are as wide as the widest before them.
    fn end_line(&mut self) -> Result<(), WorkbookError> {
        self.n_lines += 1;
        self.n_columns = self.n_columns.max(self.row.len());
        let mut row = std::mem::take(&mut self.row);
        if row.is_empty() {
            self.into.write_all(b"\n")?;
        } else {
            row.resize(self.n_columns, String::new());
            let n = row.iter().map(|cell| cell.len() as u64 + 1).sum();
            self.left = self.left.checked_sub(n).ok_or_else(|| io::Error::other(Bomb))?;
            let mut line = csv::WriterBuilder::new().delimiter(DELIMITER).from_writer(Vec::new());
            line.write_record(&row).map_err(io::Error::from)?;
            self.into
                .write_all(&line.into_inner().map_err(|error| damaged(error.error()))?)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), WorkbookError> {
        if !self.row.is_empty() {
            self.end_line()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_texts_is_read_where_it_is_stated() {
        assert_eq!(
            stated_texts(b"<sst count=\"6\" uniqueCount=\"70066763\"><si>"),
            70_066_763
        );
        assert_eq!(stated_texts(b"<sst count=\"6\"><si>"), 0);
        assert_eq!(stated_texts(b"uniqueCount='99999999999999999999999'"), u64::MAX);
    }

    #[test]
    fn rows_are_lines() {
        let mut text = Vec::new();
        let mut lines = Lines::new(&mut text, Limit(100));
        for (row, column, value) in [
            (1, 0, "id"),
            (1, 2, "note"),
            (3, 0, "7"),
            (3, 1, "a,b"),
            (4, 0, "two\nlines"),
        ] {
            lines.put(row, column, value.to_owned()).unwrap();
        }
        assert!(lines.put(2, 0, "late".to_owned()).is_err());
        lines.finish().unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "\nid,,note\n\n7,\"a,b\",\ntwo lines,,\n");
    }

    #[test]
    fn a_text_in_many_cells_is_a_bomb() {
        let mut text = Vec::new();
        let mut lines = Lines::new(&mut text, Limit(10_000));
        let error = (0..1_000).find_map(|row| lines.put(row, 0, "x".repeat(100)).err());
        assert!(error.is_some_and(|error| error.to_string().contains("unpacks to more")));
        assert!(text.len() < 10_100);
    }
}
