//! The sizes that an Arrow file states, checked before a reader believes them.
//!
//! A reader reserves what a message says that it holds, so that sixteen wrong bytes ask for more memory than there is,
//! which ends the program. In: a path. Out: an error if a footer, a message or an unpacked buffer would be larger than
//! the file allows, or a batch have more rows than its bytes could hold. Cost: the metadata, and eight bytes of each
//! packed buffer.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use arrow::error::ArrowError;
use arrow::ipc::reader::read_footer_length;
use arrow::ipc::{Block, Message, RecordBatch, root_as_footer, root_as_message};

/// What stands before each message of files since 2019.
const CONTINUATION: [u8; 4] = [0xFF; 4];

fn damaged(what: &str) -> ArrowError {
    ArrowError::IpcError(format!("{what}: the file is cut short or damaged"))
}

struct Sized {
    reader: BufReader<File>,
    length: u64,
}

impl Sized {
    fn open(path: &Path) -> Result<Self, ArrowError> {
        let file = File::open(path)?;
        Ok(Self {
            length: file.metadata()?.len(),
            reader: BufReader::new(file),
        })
    }

    /// `n` bytes from `at`.
    fn bytes(&mut self, at: u64, n: u64, what: &str) -> Result<Vec<u8>, ArrowError> {
        if at.checked_add(n).is_none_or(|end| self.length < end) {
            return Err(damaged(what));
        }
        self.reader.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; n as usize];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// A message whose body of `body` bytes starts at `at`.
    fn message(&mut self, message: &Message<'_>, at: u64, body: u64) -> Result<(), ArrowError> {
        if at.checked_add(body).is_none_or(|end| self.length < end) {
            return Err(damaged("a message goes beyond the end"));
        }
        let dictionary = || message.header_as_dictionary_batch()?.data();
        match message.header_as_record_batch().or_else(dictionary) {
            Some(batch) => self.batch(&batch, at, body),
            None => Ok(()),
        }
    }

    fn batch(&mut self, batch: &RecordBatch<'_>, at: u64, body: u64) -> Result<(), ArrowError> {
        /// So much is harmless whatever the ratio.
        const FREE: u64 = 256 << 20;
        const MAX_RATIO: u64 = 2_000;
        /// Rows that need no bytes: those of columns of nulls and of one value.
        const FREE_ROWS: u64 = 1 << 20;
        let mut unpacked = body;
        if batch.compression().is_some() {
            unpacked = 0;
            for buffer in batch.buffers().into_iter().flatten() {
                let place = (u64::try_from(buffer.offset()), u64::try_from(buffer.length()));
                let (Ok(offset), Ok(length)) = place else {
                    return Err(damaged("a buffer has no place"));
                };
                if offset.checked_add(length).is_none_or(|end| body < end) {
                    return Err(damaged("a buffer goes beyond its message"));
                }
                let mut stated = length;
                if 8 <= length {
                    let bytes = self.bytes(at + offset, 8, "a packed buffer")?;
                    let size = bytes.try_into().map_or(0, i64::from_le_bytes);
                    // -1 stands for bytes that are not packed.
                    stated = u64::try_from(size).unwrap_or(length);
                }
                unpacked = unpacked.saturating_add(stated);
            }
            if body.saturating_mul(MAX_RATIO).max(FREE) < unpacked {
                return Err(damaged("a record batch unpacks to far more than data would"));
            }
        }
        let limit = unpacked.saturating_mul(8).max(FREE_ROWS);
        let nodes = batch.nodes().into_iter().flatten().map(|node| node.length());
        for n_rows in nodes.chain([batch.length()]) {
            if u64::try_from(n_rows).is_ok_and(|n_rows| limit < n_rows) {
                return Err(damaged("a record batch has more rows than bytes for them"));
            }
        }
        Ok(())
    }
}

/// Checks a file with a footer.
pub fn check_file(path: &Path) -> Result<(), ArrowError> {
    let mut file = Sized::open(path)?;
    let end = file
        .length
        .checked_sub(10)
        .ok_or_else(|| damaged("there is no footer"))?;
    let last = file.bytes(end, 10, "the footer")?;
    let length = read_footer_length(last.try_into().map_err(|_| damaged("the footer"))?)?;
    let start = end
        .checked_sub(length as u64)
        .ok_or_else(|| damaged("the footer is longer than the file"))?;
    let footer = file.bytes(start, length as u64, "the footer")?;
    let footer = root_as_footer(&footer).map_err(|error| ArrowError::ParseError(error.to_string()))?;
    let batches = footer.recordBatches().into_iter().flatten();
    let mut left = file.length;
    for block in batches.chain(footer.dictionaries().into_iter().flatten()) {
        let (offset, metadata, body) = place(block).ok_or_else(|| damaged("a record batch has no place"))?;
        // What stands in the file once is read once.
        left = metadata
            .checked_add(body)
            .and_then(|size| left.checked_sub(size))
            .ok_or_else(|| damaged("the record batches are larger than the file"))?;
        let bytes = file.bytes(offset, metadata, "a record batch")?;
        let skip = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
        let message = root_as_message(bytes.get(skip..).unwrap_or_default());
        let message = message.map_err(|error| ArrowError::ParseError(error.to_string()))?;
        file.message(&message, offset + metadata, body)?;
    }
    Ok(())
}

/// Where a message stands: its offset, the length of its metadata, that of its body.
fn place(block: &Block) -> Option<(u64, u64, u64)> {
    let offset = u64::try_from(block.offset()).ok()?;
    let metadata = u64::try_from(block.metaDataLength()).ok()?;
    Some((offset, metadata, u64::try_from(block.bodyLength()).ok()?))
}

/// Checks a stream of messages up to its end or the first that is no message, which the reader will say better.
pub fn check_stream(path: &Path) -> Result<(), ArrowError> {
    let mut file = Sized::open(path)?;
    let mut at = 0;
    while at + 4 <= file.length {
        let mut word = file.bytes(at, 4, "a message")?;
        at += 4;
        if word == CONTINUATION {
            word = file.bytes(at, 4, "a message")?;
            at += 4;
        }
        let length = word.try_into().map_or(0, i32::from_le_bytes);
        let Some(length) = u64::try_from(length).ok().filter(|length| 0 < *length) else {
            break;
        };
        let bytes = file.bytes(at, length, "a message")?;
        at += length;
        let message = root_as_message(&bytes).map_err(|error| ArrowError::ParseError(error.to_string()))?;
        let body = u64::try_from(message.bodyLength()).map_err(|_| damaged("a message has no length"))?;
        file.message(&message, at, body)?;
        at += body;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, NullArray};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
    use arrow::record_batch;

    use super::*;

    /// A file and a stream of one batch.
    fn written(column: ArrayRef, compression: Option<CompressionType>) -> [Vec<u8>; 2] {
        let batch = record_batch::RecordBatch::try_from_iter([("a", column)]).unwrap();
        let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let (mut file, mut stream) = (Vec::new(), Vec::new());
        let mut writer = FileWriter::try_new_with_options(&mut file, &batch.schema(), options.clone()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let mut writer = StreamWriter::try_new_with_options(&mut stream, &batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        [file, stream]
    }

    fn checked(bytes: &[u8]) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, bytes).unwrap();
        let check = if bytes.starts_with(b"ARROW1") {
            check_file
        } else {
            check_stream
        };
        check(file.path()).map_err(|error| error.to_string())
    }

    fn replaced(bytes: &[u8], from: i64, to: i64) -> Vec<u8> {
        let (from, to) = (from.to_le_bytes(), to.to_le_bytes());
        let mut bytes = bytes.to_vec();
        let places: Vec<usize> = (0..bytes.len() - 8).filter(|at| bytes[*at..*at + 8] == from).collect();
        assert!(!places.is_empty());
        for at in places {
            bytes[at..at + 8].copy_from_slice(&to);
        }
        bytes
    }

    #[test]
    fn sizes_that_hold_are_accepted() {
        for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            for bytes in written(Arc::new(Int64Array::from_iter_values(0..5_000)), compression) {
                assert_eq!(checked(&bytes), Ok(()));
            }
        }
        for bytes in written(Arc::new(NullArray::new(100_000)), None) {
            assert_eq!(checked(&bytes), Ok(()));
        }
    }

    #[test]
    fn sizes_beyond_the_file_are_refused() {
        for compression in [None, Some(CompressionType::LZ4_FRAME)] {
            for bytes in written(Arc::new(Int64Array::from_iter_values(0..4_999)), compression) {
                // The number of rows, wherever it is stated.
                let more = checked(&replaced(&bytes, 4_999, 1 << 40)).unwrap_err();
                assert!(more.contains("more rows than bytes"), "{more}");
                for n in [bytes.len() / 2, 9, 300] {
                    assert!(checked(&bytes[..n]).is_err());
                }
            }
        }
        for bytes in written(
            Arc::new(Int64Array::from_iter_values(0..5_000)),
            Some(CompressionType::LZ4_FRAME),
        ) {
            let more = checked(&replaced(&bytes, 40_000, 1 << 40)).unwrap_err();
            assert!(more.contains("unpacks to far more"), "{more}");
        }
        // The length of the body, as the footer and the message state it.
        for bytes in written(Arc::new(Int64Array::from_iter_values(0..5_000)), None) {
            let states = |n: &i64| bytes.windows(8).any(|part| part == n.to_le_bytes());
            let larger = (40_000..41_000)
                .filter(states)
                .fold(bytes.clone(), |bytes, n| replaced(&bytes, n, 43_000_000_000));
            let error = checked(&larger).unwrap_err();
            assert!(
                error.contains("larger than the file") || error.contains("beyond the end"),
                "{error}"
            );
        }
    }
}
