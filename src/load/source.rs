//! From a plan to batches: threads pull blocks from one source, decode them and hand them to the sink.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use encoding_rs_io::DecodeReaderBytesBuilder;

use super::batch::RawBatch;
use super::columnar::ParquetFile;
use super::date::LocalClock;
use super::plan::{FilePlan, Format, Plan};
use super::text::{Blocks, CutError, TextBlock, decode};
use super::{Error, io_error};

/// How the bytes of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// The text of a file as UTF-8, whatever its compression and encoding.
pub fn open_text(
    path: &Path,
    compression: Compression,
    encoding: &'static encoding_rs::Encoding,
) -> Result<Box<dyn Read + Send>, Error> {
    let file = BufReader::with_capacity(1 << 20, File::open(path).map_err(io_error(path))?);
    let plain: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(file).map_err(io_error(path))?),
    };
    // A byte order mark wins over the encoding. Without an encoding the bytes pass through unread: UTF-8 as it is,
    // broken sequences included, which cleaning finds.
    let declared = (encoding != encoding_rs::UTF_8).then_some(encoding);
    let mut decoder = DecodeReaderBytesBuilder::new();
    decoder
        .encoding(declared)
        .utf8_passthru(true)
        .strip_bom(true)
        .bom_override(true);
    Ok(Box::new(decoder.build(plain)))
}

/// Something for one thread to decode.
enum Block {
    Text(u32, TextBlock),
    RowGroup(u32, usize),
}

/// Where the next block comes from; behind one lock, so that reading is sequential.
struct Source<'a> {
    plan: &'a Plan,
    next_file: usize,
    open: Option<Open<'a>>,
}

enum Open<'a> {
    Text(u32, &'a FilePlan, Blocks<Box<dyn Read + Send>>),
    Parquet(u32, &'a ParquetFile, usize),
}

impl Source<'_> {
    fn next_block(&mut self) -> Result<Option<Block>, Error> {
        loop {
            match &mut self.open {
                Some(Open::Text(file, plan, blocks)) => {
                    if let Some(block) = blocks.next_block().map_err(|error| cut_error(&plan.path, error))? {
                        return Ok(Some(Block::Text(*file, block)));
                    }
                }
                Some(Open::Parquet(file, parquet, next_group)) if *next_group < parquet.n_row_groups() => {
                    *next_group += 1;
                    return Ok(Some(Block::RowGroup(*file, *next_group - 1)));
                }
                _ => {}
            }
            let Some(plan) = self.plan.files.get(self.next_file) else {
                return Ok(None);
            };
            let file = self.next_file as u32;
            self.next_file += 1;
            self.open = Some(match &plan.format {
                Format::Parquet { parquet, .. } => Open::Parquet(file, parquet, 0),
                Format::Text {
                    layout,
                    compression,
                    encoding,
                    preamble,
                    ..
                } => {
                    let reader = open_text(&plan.path, *compression, encoding)?;
                    let blocks = Blocks::new(reader, layout.delimiter, *preamble).map_err(io_error(&plan.path))?;
                    Open::Text(file, plan, blocks)
                }
            });
        }
    }
}

pub fn cut_error(path: &Path, error: CutError) -> Error {
    let path = path.to_path_buf();
    match error {
        CutError::Read(source) => Error::Io { path, source },
        CutError::OpenQuote { line } => Error::OpenQuote { path, line },
        CutError::LongRecord { line } => Error::LongRecord { path, line },
    }
}

/// Reads all files of the plan with `n_threads` threads; `sink` is called from all of them, in no order.
pub fn stream(plan: &Plan, n_threads: usize, sink: &(dyn Fn(RawBatch) + Sync)) -> Result<(), Error> {
    let source = Mutex::new(Source {
        plan,
        next_file: 0,
        open: None,
    });
    let failed = AtomicBool::new(false);
    let error: Mutex<Option<Error>> = Mutex::new(None);
    let work = || {
        let mut clock = LocalClock::new(plan.timezone);
        while !failed.load(Ordering::Relaxed) {
            let block = source.lock().unwrap_or_else(PoisonError::into_inner).next_block();
            let done = match block {
                Ok(None) => break,
                Ok(Some(block)) => decode_block(plan, block, &mut clock, sink),
                Err(error) => Err(error),
            };
            if let Err(found) = done {
                failed.store(true, Ordering::Relaxed);
                error
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(found);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..n_threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn decode_block(
    plan: &Plan,
    block: Block,
    clock: &mut LocalClock,
    sink: &(dyn Fn(RawBatch) + Sync),
) -> Result<(), Error> {
    match block {
        Block::Text(file, mut block) => {
            let file_plan = &plan.files[file as usize];
            if let Format::Text { layout, has_header, .. } = &file_plan.format {
                if *has_header && block.is_first {
                    skip_header(&mut block, layout.delimiter);
                }
                sink(decode(block, layout, file, clock));
            }
        }
        Block::RowGroup(file, group) => {
            let file_plan = &plan.files[file as usize];
            if let Format::Parquet { parquet, columns } = &file_plan.format {
                let path = file_plan.path.clone();
                let decoded = parquet.decode(group, file, columns, clock, sink);
                decoded.map_err(|source| Error::Parquet { path, source })?;
            }
        }
    }
    Ok(())
}

/// Takes the first record off a block, blank lines before it included.
fn skip_header(block: &mut TextBlock, delimiter: super::sniff::Delimiter) {
    let end = super::text::first_record_end(&block.bytes, delimiter);
    block.first_line += memchr::memchr_iter(b'\n', &block.bytes[..end]).count() as u64;
    block.bytes.drain(..end);
}
