//! The two reductions over all lines, and the pass that feeds them, on generated histories.
//!
//! `load_and_clean` reads Parquet into clean, partitioned lines; `summarise` makes one row per customer, baskets and
//! owned products of them; `pairs` counts, tests and ranks the product pairs of the baskets. Throughput is in lines
//! of the history for all three. Sizes: 1,000,000 lines, or `QUINTILE_BENCH_LINES=1000000,10000000`.

mod answer;
#[path = "answer/reductions.rs"]
mod answers;
mod history;
mod measure;
mod sizes;

use answers::{of_customers, of_pairs};
use criterion::Criterion;
use measure::measure;
use quintile::basket::Found;
use quintile::config::{Config, Params};
use quintile::pipeline::{Cleaned, Silent, load_and_clean, plan};
use quintile::summary::Summarised;
use quintile::units::sum_to_f64;
use quintile::{basket, summary};

const TEST_LINES: usize = 10_000;

fn main() {
    sizes::run("QUINTILE_BENCH_LINES", TEST_LINES, bench);
}

fn bench(criterion: &mut Criterion, lines: usize) {
    let params = Config::read(None, &[])
        .expect("the defaults are TOML")
        .check()
        .expect("the defaults pass their check");
    let inputs = [history::file(lines)];
    let clean = || {
        plan(&params, &inputs, &Silent)
            .and_then(|plan| load_and_clean(&params, plan, &Silent).map_err(|failure| failure.error))
            .expect("a generated history can be cleaned")
    };
    let mut group = sizes::group(criterion, "reductions", lines);
    measure(&mut group, "load_and_clean", lines, || (), |()| clean());

    let mut cleaned = clean();
    let report = &cleaned.transactions.report;
    println!(
        "answer/{lines}: {} lines read, {} kept, {} rejected",
        report.read.rows, report.kept.rows, report.rejected.rows
    );
    // Summarising takes the lines.
    let kept = cleaned.transactions.partitions.clone();
    let summarised = summarise(&params, &mut cleaned);
    println!("answer/{lines}: {}", answer_of_summary(&summarised));
    let reduce = |partitions| {
        cleaned.transactions.partitions = partitions;
        summarise(&params, &mut cleaned)
    };
    measure(&mut group, "summarise", lines, || kept.clone(), reduce);
    drop(kept);

    let products = &cleaned.transactions.products;
    let memory = &cleaned.transactions.memory;
    let count = || {
        basket::run(&summarised.baskets, products.len(), &params.pairs, memory)
            .expect("a history's baskets are counted")
    };
    println!("answer/{lines}: {}", answer_of_pairs(&count(), products));
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
        of_customers(summary)
    )
}

fn answer_of_pairs(found: &Found, products: &[String]) -> String {
    let counted = &found.pairs.summary;
    format!(
        "{} baskets, {} pairs tested, {} published, crc {:08x}",
        counted.n_baskets,
        counted.n_tested,
        counted.n_kept,
        of_pairs(&found.pairs, products)
    )
}
