//! Arrow IPC files (Feather version 2) and streams, read a record batch at a time.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::ipc::writer::FileWriter;

use super::batch::RawBatch;
use super::columnar::{sample_texts, to_raw};
use super::date::LocalClock;
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
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(damaged()))
}

fn reader(path: &Path, projection: Option<Vec<usize>>) -> Result<FileReader<BufReader<File>>, ArrowError> {
    FileReader::try_new(BufReader::new(File::open(path)?), projection)
}

impl ArrowFile {
    pub fn open(bytes: &Bytes) -> Result<Self, ArrowError> {
        guarded(|| {
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

    /// Decodes one record batch.
    pub fn decode(
        &self,
        at: usize,
        file: u32,
        mapping: &Mapping,
        clock: &mut LocalClock,
    ) -> Result<RawBatch, ArrowError> {
        guarded(|| {
            let mut wanted: Vec<usize> = mapping.positions.iter().flatten().copied().collect();
            wanted.sort_unstable();
            wanted.dedup();
            let projected = mapping
                .positions
                .map(|position| position.and_then(|p| wanted.binary_search(&p).ok()));
            let mut reader = reader(self.bytes.path(), Some(wanted))?;
            reader.set_index(at)?;
            let batch = reader
                .next()
                .ok_or_else(|| ArrowError::IpcError("a record batch is missing".into()))??;
            Ok(to_raw(batch, &projected, mapping, file, 1 + self.starts[at], clock))
        })
    }
}

/// A message that says to be larger than what is left of the file would have memory reserved for it.
fn refuse_oversized(path: &Path) -> Result<(), ArrowError> {
    let mut file = File::open(path)?;
    let mut left = file.metadata()?.len();
    let mut word = [0; 4];
    let damaged = || ArrowError::IpcError("a message is longer than the file".into());
    loop {
        if left < 4 || file.read_exact(&mut word).is_err() {
            return Ok(());
        }
        left -= 4;
        if word == [0xff; 4] {
            file.read_exact(&mut word)?;
            left = left.saturating_sub(4);
        }
        let length = u64::from(u32::from_le_bytes(word));
        if length == 0 {
            return Ok(());
        }
        left = left.checked_sub(length).ok_or_else(damaged)?;
        let mut metadata = vec![0; length as usize];
        file.read_exact(&mut metadata)?;
        let message =
            arrow::ipc::root_as_message(&metadata).map_err(|error| ArrowError::IpcError(error.to_string()))?;
        let body = u64::try_from(message.bodyLength()).map_err(|_| damaged())?;
        left = left.checked_sub(body).ok_or_else(damaged)?;
        file.seek(SeekFrom::Current(body as i64))?;
    }
}

/// Copies a stream as a file, whose batches can be read in any order.
pub fn stream_to_file(path: &Path, into: &mut dyn Write) -> Result<(), ArrowError> {
    guarded(|| {
        refuse_oversized(path)?;
        let stream = StreamReader::try_new(BufReader::new(File::open(path)?), None)?;
        let mut file = FileWriter::try_new(into, &stream.schema())?;
        for batch in stream {
            file.write(&batch?)?;
        }
        file.finish()
    })
}
