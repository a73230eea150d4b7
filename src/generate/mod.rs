//! `quintile generate`: a transaction history of any size whose truth is known.
//!
//! In: a [`Config`]. Out: transaction lines in Parquet or CSV, in one file or many, and `truth.json` with the
//! parameters, the planted pairs and exact counts. Cost: one pass over the lines on all threads; memory is a
//! few blocks for each thread, whatever the size of the history.
//!
//! # What is true
//! - Customers are drawn from a count process (`process.rs`, time in days); the first order falls on a day
//!   uniform over the first `acquisition_days`. Repeat orders are put on the nearest day that is free, so x, the
//!   days with repeat orders, is exact, T is exact in whole days, and t_x is to the nearest day or a little later.
//! - The lines of an order of that process ("sale" lines) sum to its Gamma-Gamma amount to the cent; with a
//!   single line, to within half a cent for each unit. Amounts are clamped below at n² cents for n lines.
//! - Baskets, planted pairs and their exact lift: `catalogue.rs`.
//! - Everything else ([`Kind`]) is put beside the sale lines and changes none of them. Clean away duplicates,
//!   postage, anonymous orders and cancelled ones, and the process is left; an order is never returned whole.
//! - There is no season, no trend, no weekday, and no link between what is bought, how often and for how much.
//!
//! # Determinism
//! A customer is drawn from a stream of (seed, number). Lines and files are the same bytes for any number of
//! threads, and the same lines for any number of files and every notation of them. Lines stand in time order
//! within blocks of customers; a small history is one block.

mod catalogue;
mod config;
mod files;
mod history;
mod mess;
mod process;
mod random;
mod truth;
mod words;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use rayon::prelude::*;

use files::Output;
use history::Block;
use mess::Mess;
use random::{Domain, stream};
use truth::Tally;
use write::{Labels, Notation, ParquetLayout, Segment};

pub use config::{Config, Format, Params};
pub use process::Model;
pub use truth::{Defects, FileTruth, Kind, KindTotals, Oddities, PlantedPair, ProcessTruth, SpendTruth, Truth};

/// Blocks in memory: enough that threads seldom wait for each other, and not too many.
const BLOCKS_PER_THREAD: usize = 4;
const MAX_BLOCKS_AT_ONCE: usize = 64;

/// A value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub key: &'static str,
    pub value: String,
    pub need: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, must be {}", self.key, self.value, self.need)
    }
}

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot generate: {}", list(problems))]
    Config { problems: Vec<Problem> },
    #[error("{path} is of an earlier run and would stand beside the new files")]
    Leftover { path: PathBuf },
    #[error("cannot write {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}: {source}")]
    Parquet { path: PathBuf, source: ParquetError },
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("; ")
}

impl Error {
    /// What to change.
    pub fn hint(&self) -> String {
        match self {
            Self::Config { problems } => {
                let keys: Vec<String> = problems
                    .iter()
                    .map(|problem| format!("--{}", problem.key.replace('_', "-")))
                    .collect();
                format!("change {}", keys.join(", "))
            }
            Self::Leftover { path } => {
                format!("remove {}, or choose another folder with --out", path.display())
            }
            Self::Io { .. } | Self::Parquet { .. } => {
                "choose a folder with --out that can be written to and has room".to_owned()
            }
        }
    }

    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    fn parquet(path: &Path, source: ParquetError) -> Self {
        Self::Parquet {
            path: path.to_owned(),
            source,
        }
    }
}

/// Generates the history into the folder of the config, on the current rayon pool, and returns its truth,
/// which is also written: as `truth.json`, or `truth_messy.json`. `progress` gets the lines written so far.
///
/// # Errors
/// [`Error::Leftover`], [`Error::Io`] and [`Error::Parquet`]. Files get their names when all are complete, the
/// truth last; only if giving a name fails can some files of an incomplete set have theirs, without a truth.
pub fn run(params: &Params, progress: &dyn Fn(u64)) -> Result<Truth, Error> {
    let Params { config, world, .. } = params;
    let (days, currency) = (config.days, &config.currency);
    let labels = Labels::new(&world.catalogue, params.start, days, params.customers, currency);
    let (notation, stem, suffix) = match (config.messy, config.format) {
        (true, _) => (Notation::Messy, "transactions_messy", ".csv"),
        (false, Some(Format::Csv)) => (Notation::Csv, "transactions", ".csv"),
        (false, _) => {
            let layout = ParquetLayout::new(&labels).map_err(|e| Error::parquet(&config.out, e))?;
            (Notation::Parquet(layout), "transactions", ".parquet")
        }
    };
    let suffix = format!("{suffix}{}", if config.gzip { ".gz" } else { "" });
    let mut output = Output::create(&config.out, stem, &suffix, config.files)?;

    let mut tally = Tally::new(&world.catalogue);
    let mut defects = Defects::default();
    let mut oddities = Oddities::default();
    let at_once = (BLOCKS_PER_THREAD * rayon::current_num_threads()).clamp(1, MAX_BLOCKS_AT_ONCE);
    let (mut numbers, mut rows) = (0, 0);
    for first in (0..params.n_blocks()).step_by(at_once) {
        let indices = first..(first + at_once as u64).min(params.n_blocks());
        let mut wave: Vec<(u64, Block, u64)> = indices
            .into_par_iter()
            .map(|index| (index, Block::draw(world, params.block(index)), 0))
            .collect();
        for (_, block, numbers_before) in &mut wave {
            *numbers_before = numbers;
            numbers += block.n_numbers();
            tally.merge(&block.tally);
        }
        let encoded: Vec<_> = wave
            .into_par_iter()
            .map(|(index, block, numbers_before)| {
                let customers = params.block(index);
                let cuts = files::cut(&customers, block.n_orders(), params.customers, config.files);
                let segment = |(_, starts_file, orders): &(u32, bool, Range<usize>)| Segment {
                    block: &block,
                    numbers_before,
                    orders: orders.clone(),
                    starts_file: *starts_file,
                };
                let segments: Vec<Segment<'_>> = cuts.iter().map(segment).collect();
                let rng = stream(world.seed, Domain::Mess, index);
                let mut mess = Mess::new(rng, config.defect_share);
                let encoded = notation.encode(&labels, &segments, config.gzip, &mut mess)?;
                let files: Vec<u32> = cuts.iter().map(|(file, _, _)| *file).collect();
                Ok((files, encoded, mess.defects, mess.oddities))
            })
            .collect();
        for block in encoded {
            let (files, encoded, block_defects, block_oddities) = block.map_err(|e| Error::parquet(&config.out, e))?;
            defects.merge(&block_defects);
            oddities.merge(&block_oddities);
            for (file, encoded) in files.into_iter().zip(encoded) {
                rows += encoded.rows;
                output.append(&notation, file, encoded)?;
            }
        }
        progress(rows);
    }

    let truth = Truth {
        lines: rows,
        defects,
        oddities,
        files: output.finish_data()?,
        ..Truth::new(params, &tally)
    };
    let name = if config.messy { "truth_messy.json" } else { "truth.json" };
    let mut text = serde_json::to_string_pretty(&truth).map_err(|e| Error::io(&config.out.join(name), e.into()))?;
    text.push('\n');
    output.publish(name, &text)?;
    Ok(truth)
}
