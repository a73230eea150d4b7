//! From a plan to batches: threads pull blocks from one source, decode them and hand them to the sink.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::batch::RawBatch;
use super::date::LocalClock;
use super::open::open_text;
use super::plan::{FilePlan, Format, Plan};
use super::sniff::Delimiter;
use super::text::{Blocks, CutError, TextBlock, decode};
use super::{Error, io_error, json};

/// Something for one thread to decode.
enum Block {
    Text(u32, TextBlock),
    /// A row group of Parquet, a record batch of Arrow.
    Group(u32, usize),
}

/// Where the next block comes from; behind one lock, so that reading is sequential.
struct Source<'a> {
    plan: &'a Plan,
    next_file: usize,
    open: Option<Open<'a>>,
    /// Row groups of objects that are fetched while those before them are decoded.
    ahead: VecDeque<Block>,
    n_ahead: usize,
}

enum Open<'a> {
    Text(u32, &'a FilePlan, Blocks<Box<dyn Read + Send>>),
    Groups(u32, std::ops::Range<usize>),
}

impl Source<'_> {
    fn next_block(&mut self) -> Result<Option<Block>, Error> {
        while self.ahead.back().is_none_or(|block| self.is_fetched(block)) && self.ahead.len() <= self.n_ahead {
            let Some(block) = self.advance()? else { break };
            if let (Block::Group(file, group), true) = (&block, self.is_fetched(&block))
                && let FilePlan {
                    format: Format::Parquet(parquet),
                    mapping,
                    ..
                } = &self.plan.files[*file as usize]
            {
                parquet.fetch_ahead(*group, mapping);
            }
            self.ahead.push_back(block);
        }
        Ok(self.ahead.pop_front())
    }

    fn is_fetched(&self, block: &Block) -> bool {
        matches!(block, Block::Group(file, _) if self.plan.files[*file as usize].bytes.is_ranged())
    }

    fn advance(&mut self) -> Result<Option<Block>, Error> {
        loop {
            match &mut self.open {
                Some(Open::Text(file, plan, blocks)) => {
                    let block = blocks.next_block();
                    if let Some(block) = block.map_err(|error| cut_error(plan.path(), error))? {
                        return Ok(Some(Block::Text(*file, block)));
                    }
                }
                Some(Open::Groups(file, groups)) => {
                    if let Some(group) = groups.next() {
                        return Ok(Some(Block::Group(*file, group)));
                    }
                }
                None => {}
            }
            let Some(plan) = self.plan.files.get(self.next_file) else {
                return Ok(None);
            };
            let file = self.next_file as u32;
            self.next_file += 1;
            self.open = Some(open(file, plan)?);
        }
    }
}

fn open(file: u32, plan: &FilePlan) -> Result<Open<'_>, Error> {
    let (compression, encoding, delimiter, preamble) = match &plan.format {
        Format::Parquet(parquet) => return Ok(Open::Groups(file, 0..parquet.n_row_groups())),
        Format::Arrow(arrow) => return Ok(Open::Groups(file, 0..arrow.n_batches())),
        // A line break within a text of JSON is written as `\n`: every line end is one.
        Format::Json {
            compression, encoding, ..
        } => (compression, encoding, Delimiter::Whitespace, 0),
        Format::Text {
            layout,
            compression,
            encoding,
            preamble,
            ..
        } => (compression, encoding, layout.delimiter, *preamble),
    };
    let reader = open_text(&plan.bytes, *compression, encoding)?;
    let blocks = Blocks::new(reader, delimiter, preamble).map_err(io_error(plan.path()))?;
    Ok(Open::Text(file, plan, blocks))
}

pub fn cut_error(path: &Path, error: CutError) -> Error {
    let path = path.to_path_buf();
    match error {
        CutError::Read(source) => Error::Io { path, source },
        CutError::OpenQuote { line } => Error::OpenQuote { path, line },
        CutError::LongRecord { line } => Error::LongRecord { path, line },
    }
}

/// Reads all files of the plan with `n_threads` threads. Each has a sink of its own, made by `new_sink` and dropped when
/// there is nothing left; to each sink batches come in the order of the input.
pub fn stream<S: FnMut(RawBatch)>(plan: &Plan, n_threads: usize, new_sink: impl Fn() -> S + Sync) -> Result<(), Error> {
    let source = Mutex::new(Source {
        plan,
        next_file: 0,
        open: None,
        ahead: VecDeque::new(),
        n_ahead: n_threads.max(1),
    });
    let failed = AtomicBool::new(false);
    let error: Mutex<Option<Error>> = Mutex::new(None);
    let work = || {
        let mut clock = LocalClock::new(plan.timezone);
        let mut sink = new_sink();
        while !failed.load(Ordering::Relaxed) {
            let block = source.lock().unwrap_or_else(PoisonError::into_inner).next_block();
            let done = match block {
                Ok(None) => break,
                Ok(Some(block)) => decode_block(plan, block, &mut clock, &mut sink),
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
    // A file that was replaced while it was read may have been read half and half, whatever came of it.
    if let Some(file) = plan.files.iter().find(|file| file.bytes.is_changed()) {
        let path = file.path().to_path_buf();
        return Err(Error::Changed { path });
    }
    match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(plan.files.iter().find_map(|file| file.bytes.failure()).unwrap_or(error)),
        None => Ok(()),
    }
}

fn decode_block(
    plan: &Plan,
    block: Block,
    clock: &mut LocalClock,
    sink: &mut dyn FnMut(RawBatch),
) -> Result<(), Error> {
    let (Block::Text(file, _) | Block::Group(file, _)) = block;
    let file_plan = &plan.files[file as usize];
    let mapping = &file_plan.mapping;
    let path = || file_plan.path().to_path_buf();
    match (block, &file_plan.format) {
        (Block::Text(_, mut block), Format::Text { layout, has_header, .. }) => {
            if *has_header && block.is_first {
                skip_header(&mut block, layout.delimiter);
            }
            sink(decode(block, layout, mapping, file, clock));
        }
        (Block::Text(_, block), Format::Json { keys, .. }) => sink(json::decode(block, keys, mapping, file, clock)),
        (Block::Group(_, group), Format::Parquet(parquet)) => {
            let decoded = parquet.decode(group, file, mapping, clock, sink);
            decoded.map_err(|source| Error::Parquet { path: path(), source })?;
        }
        (Block::Group(_, at), Format::Arrow(arrow)) => {
            let decoded = arrow.decode(at, file, mapping, clock, sink);
            decoded.map_err(|source| Error::Arrow { path: path(), source })?;
        }
        // Blocks are made by the format of their file.
        (Block::Text(..), Format::Parquet(_) | Format::Arrow(_))
        | (Block::Group(..), Format::Text { .. } | Format::Json { .. }) => {
            let source = io::Error::other("the file changed its kind");
            return Err(Error::Io { path: path(), source });
        }
    }
    Ok(())
}

/// Takes the first record off a block, blank lines before it included.
fn skip_header(block: &mut TextBlock, delimiter: Delimiter) {
    let end = super::text::first_record_end(&block.bytes, delimiter);
    block.first_line += memchr::memchr_iter(b'\n', &block.bytes[..end]).count() as u64;
    block.bytes.drain(..end);
}
