//! Arrow IPC files (Feather version 2) and streams, read a record batch at a time.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::ipc::writer::FileWriter;

use super::arrow_sizes::{check_file, check_stream};
use super::batch::RawBatch;
use super::columnar::{Dictionaries, sample_texts, to_raw};
use super::date::LocalClock;
use super::guard;
use super::mapping::Mapping;
use super::spool::Bytes;

/// An Arrow file whose footer has been read.
#[derive(Clone, Debug)]
pub struct ArrowFile {
    bytes: Bytes,
    schema: SchemaRef,
    /// Rows before each record batch, and in all.
    starts: Vec<u64>,
}

/// A damaged file can make the decoder panic: that is an error of the file like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    let damaged = || ArrowError::IpcError("a record batch or the footer is damaged".into());
    guard::guarded(work).unwrap_or_else(|| Err(damaged()))
}

fn reader(path: &Path, projection: Option<Vec<usize>>) -> Result<FileReader<BufReader<File>>, ArrowError> {
    FileReader::try_new(BufReader::new(File::open(path)?), projection)
}

impl ArrowFile {
    pub fn open(bytes: &Bytes) -> Result<Self, ArrowError> {
        guarded(|| {
            check_file(bytes.path())?;
            let reader = reader(bytes.path(), Some(Vec::new()))?;
            let full = self::reader(bytes.path(), None)?;
            let mut starts = vec![0];
            let mut n_rows = 0;
            for batch in reader {
                n_rows += batch?.num_rows() as u64;
                starts.push(n_rows);
            }
            Ok(Self {
                bytes: bytes.clone(),
                schema: full.schema(),
                starts,
            })
        })
    }

    pub fn headers(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    pub fn n_batches(&self) -> usize {
        self.starts.len() - 1
    }

    /// The first rows as text, one vector a column.
    pub fn sample(&self, n_rows: usize) -> Result<Vec<Vec<Vec<u8>>>, ArrowError> {
        guarded(|| {
            let mut columns = vec![Vec::new(); self.schema.fields().len()];
            let mut left = n_rows;
            for batch in reader(self.bytes.path(), None)? {
                let batch = batch?;
                let part = batch.slice(0, left.min(batch.num_rows()));
                left -= part.num_rows();
                for (column, values) in columns.iter_mut().zip(sample_texts(&part)) {
                    column.extend(values);
                }
                if left == 0 {
                    break;
                }
            }
            Ok(columns)
        })
    }

    /// Decodes one record batch, a part at a time.
    pub fn decode(
        &self,
        at: usize,
        file: u32,
        mapping: &Mapping,
        clock: &mut LocalClock,
        give: &mut dyn FnMut(RawBatch),
    ) -> Result<(), ArrowError> {
        /// A column of nulls, or of one value many times, has more rows than bytes.
        const PART_ROWS: usize = 1 << 20;
        let mut dictionaries = Dictionaries::default();
        let mut wanted: Vec<usize> = mapping.positions.iter().flatten().copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let projected = mapping
            .positions
            .map(|position| position.and_then(|p| wanted.binary_search(&p).ok()));
        let batch = guarded(|| {
            let mut reader = reader(self.bytes.path(), Some(wanted))?;
            reader.set_index(at)?;
            let missing = || ArrowError::IpcError("a record batch is missing".into());
            reader.next().ok_or_else(missing)?
        })?;
        let mut start = 0;
        while start < batch.num_rows() {
            let part = batch.slice(start, PART_ROWS.min(batch.num_rows() - start));
            let first_row = 1 + self.starts[at] + start as u64;
            start += part.num_rows();
            give(guarded(|| {
                Ok(to_raw(
                    part,
                    &projected,
                    mapping,
                    file,
                    first_row,
                    clock,
                    &mut dictionaries,
                ))
            })?);
        }
        Ok(())
    }
}

/// Copies a stream as a file, whose batches can be read in any order.
pub fn stream_to_file(path: &Path, into: &mut dyn Write) -> Result<(), ArrowError> {
    guarded(|| {
        check_stream(path)?;
        let stream = StreamReader::try_new(BufReader::new(File::open(path)?), None)?;
        let mut file = FileWriter::try_new(into, &stream.schema())?;
        for batch in stream {
            file.write(&batch?)?;
        }
        file.finish()
    })
}
