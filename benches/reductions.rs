//! The two reductions over all lines, and the pass that feeds them, on generated histories.
//!
//! `load_and_clean` reads Parquet into clean, partitioned lines; `summarise` makes one row per customer, baskets and
//! owned products of them; `pairs` counts, tests and ranks the product pairs of the baskets. Throughput is in lines
//! of the history for all three. Sizes: 1,000,000 lines, or `QUINTILE_BENCH_LINES=1000000,10000000`. Inputs are
//! generated once into cargo's folder for temporary files, by size and seed.

#[path = "answer/mod.rs"]
mod answer;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use quintile::basket::Found;
use quintile::config::{Config, Params};
use quintile::generate;
use quintile::pipeline::{Cleaned, Silent, load_and_clean, plan};
use quintile::summary::Summarised;
use quintile::units::sum_to_f64;
use quintile::{basket, summary};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 7;
/// Enough products that counting pairs is work: the default catalogue has 45 thousand pairs, this has 12 million.
const PRODUCTS: u32 = 5_000;
const DEFAULT_LINES: u64 = 1_000_000;
/// For `cargo test --benches`, which only asks whether everything still runs.
const TEST_LINES: u64 = 10_000;

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let mut criterion = Criterion::default().configure_from_args();
    for lines in sizes(measuring) {
        let history = history(lines);
        let params = Config::read(None, &[])
            .expect("the defaults are TOML")
            .check()
            .expect("the defaults pass their check");
        bench(&mut criterion, lines, &history, &params);
    }
    criterion.final_summary();
}

fn sizes(measuring: bool) -> Vec<u64> {
    if !measuring {
        return vec![TEST_LINES];
    }
    match std::env::var("QUINTILE_BENCH_LINES") {
        Ok(sizes) => sizes
            .split(',')
            .map(|size| {
                size.trim()
                    .parse()
                    .expect("QUINTILE_BENCH_LINES is a list such as 1000000,10000000")
            })
            .collect(),
        Err(_) => vec![DEFAULT_LINES],
    }
}

/// The Parquet file of a generated history, made where it is not there yet. Its truth is written last, so a folder
/// with one is complete.
fn history(lines: u64) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lines={lines}-products={PRODUCTS}-seed={SEED}"));
    if !folder.join("truth.json").exists() {
        let config = generate::Config {
            out: folder.clone(),
            lines: Some(lines),
            products: PRODUCTS,
            seed: SEED,
            ..generate::Config::default()
        };
        let params = config.check().expect("the settings of the bench can be generated");
        generate::run(&params, &|_| {}).expect("the folder for temporary files can be written");
    }
    folder.join("transactions.parquet")
}

fn bench(criterion: &mut Criterion, lines: u64, history: &Path, params: &Params) {
    let inputs = [history.to_path_buf()];
    let clean = || {
        plan(params, &inputs, &Silent)
            .and_then(|plan| load_and_clean(params, plan, &Silent).map_err(|failure| failure.error))
            .expect("a generated history can be cleaned")
    };
    let mut cleaned = clean();
    // Summarising takes the lines.
    let kept = cleaned.transactions.partitions.clone();
    let summarised = summarise(params, &mut cleaned);
    let n_products = cleaned.transactions.products.len();
    let memory = cleaned.transactions.memory.clone();
    let count = || {
        basket::run(&summarised.baskets, n_products, &params.pairs, &memory).expect("a history's baskets are counted")
    };
    let found = count();

    let mut group = criterion.benchmark_group("reductions");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .throughput(Throughput::Elements(lines));
    let report = &cleaned.transactions.report;
    println!(
        "answer/{lines}: {} lines read, {} kept, {} rejected",
        report.read.rows, report.kept.rows, report.rejected.rows
    );
    measure(&mut group, "load_and_clean", lines, || (), |()| clean());
    println!("answer/{lines}: {}", answer_of_summary(&summarised));
    let reduce = |partitions| {
        cleaned.transactions.partitions = partitions;
        summarise(params, &mut cleaned)
    };
    measure(&mut group, "summarise", lines, || kept.clone(), reduce);
    println!("answer/{lines}: {}", answer_of_pairs(&found, &cleaned));
    measure(&mut group, "pairs", lines, || (), |()| count());
    group.finish();
}

fn summarise(params: &Params, cleaned: &mut Cleaned) -> Summarised {
    let first_day = cleaned.transactions.report.first_day.unwrap_or(cleaned.as_of);
    summary::run(&params.summary, &mut cleaned.transactions, first_day, cleaned.as_of).expect("the lines are in memory")
}

fn answer_of_summary(summarised: &Summarised) -> String {
    let summary = &summarised.summary;
    format!(
        "{} customers, net {:.2}, crc {:08x}",
        summary.n_customers(),
        sum_to_f64(summary.net.iter().sum()),
        answer::of_customers(summary)
    )
}

fn answer_of_pairs(found: &Found, cleaned: &Cleaned) -> String {
    let counted = &found.pairs.summary;
    format!(
        "{} baskets, {} pairs tested, {} published, crc {:08x}",
        counted.n_baskets,
        counted.n_tested,
        counted.n_kept,
        answer::of_pairs(&found.pairs, &cleaned.transactions.products)
    )
}

/// Times `work` without the time to free what it made, and holds one result at a time.
fn measure<I, T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    lines: u64,
    mut prepare: impl FnMut() -> I,
    mut work: impl FnMut(I) -> T,
) {
    group.bench_function(BenchmarkId::new(name, lines), |bencher| {
        bencher.iter_custom(|n| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..n {
                let input = prepare();
                let start = Instant::now();
                let result = black_box(work(input));
                elapsed += start.elapsed();
                drop(result);
            }
            elapsed
        });
    });
}
