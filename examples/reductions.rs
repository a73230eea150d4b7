//! Times the reductions once on given files and prints one line of JSON: seconds, processor seconds and peak memory of
//! each step, counts, and checksums that other engines can make too (see `benches/peers`).
//!
//! ```text
//! cargo run --release --example reductions -- --min-count 10 history/transactions.parquet
//! ```
//!
//! Every pair that reaches `--min-count` is published, whatever its lift, so that the answers can be compared.

#[path = "../benches/answer/mod.rs"]
mod answer;
#[path = "../benches/memory/mod.rs"]
mod memory;
#[path = "../benches/answer/reductions.rs"]
mod reductions;
#[path = "../benches/usage/mod.rs"]
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use quintile::config::{Config, parse_setting};
use quintile::error::Error;
use quintile::pipeline::{Silent, load_and_clean, plan};
use quintile::units::sum_to_f64;
use quintile::{basket, summary};
use serde_json::{Value, json};
use usage::processor_seconds;

// As the program has it: memory and time depend on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Some((min_count, inputs)) = arguments() else {
        eprintln!("usage: reductions [--min-count N] FILE...");
        return ExitCode::from(2);
    };
    match measure(min_count, &inputs) {
        Ok(found) => {
            println!("{found}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}\nhint: {}", error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}

fn arguments() -> Option<(u64, Vec<PathBuf>)> {
    let mut arguments = std::env::args().skip(1).peekable();
    let min_count = match arguments.next_if(|argument| argument == "--min-count") {
        Some(_) => arguments.next()?.parse().ok()?,
        None => 10,
    };
    let inputs: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    (!inputs.is_empty()).then_some((min_count, inputs))
}

fn measure(min_count: u64, inputs: &[PathBuf]) -> Result<Value, Error> {
    let settings = [
        format!("pairs.min_orders={min_count}"),
        "pairs.min_support=0.0".to_string(),
        "pairs.min_lift=0.0".to_string(),
        "pairs.max_q_value=1.0".to_string(),
        "pairs.top=0".to_string(),
    ];
    let settings = settings
        .iter()
        .map(|text| parse_setting(text))
        .collect::<Result<Vec<_>, _>>()?;
    let params = Config::read(None, &settings)?.check().map_err(Error::Problems)?;

    let (cleaned, load_and_clean) = step(|| {
        let plan = plan(&params, inputs, &Silent)?;
        load_and_clean(&params, plan, &Silent).map_err(|failure| failure.error)
    });
    let mut cleaned = cleaned?;
    let transactions = &mut cleaned.transactions;
    let first_day = transactions.report.first_day.unwrap_or(cleaned.as_of);
    let (summarised, summarise) = step(|| summary::run(&params.summary, transactions, first_day, cleaned.as_of));
    let summarised = summarised?;
    let (found, pairs) = step(|| {
        basket::run(
            &summarised.baskets,
            transactions.products.len(),
            &params.pairs,
            &transactions.memory,
        )
    });
    let (customers, found) = (&summarised.summary, found?.pairs);
    Ok(json!({
        "threads": rayon::current_num_threads(),
        "load_and_clean": load_and_clean,
        "summarise": summarise,
        "count_pairs": pairs,
        "lines_read": transactions.report.read.rows,
        "lines": transactions.report.kept.rows,
        "customers": customers.n_customers(),
        "net_amount": sum_to_f64(customers.net.iter().sum()),
        "customers_crc": reductions::of_customers(customers),
        "baskets": found.summary.n_baskets,
        "min_count": found.summary.min_count,
        "pairs": found.len(),
        "pairs_crc": reductions::of_pairs(&found, &transactions.products),
    }))
}

/// Does `work` and says what it took. On a busy machine processor seconds vary less than those on the wall.
fn step<T>(work: impl FnOnce() -> T) -> (T, Value) {
    let (start, processor) = (Instant::now(), processor_seconds());
    let result = work();
    let used = json!({
        "seconds": start.elapsed().as_secs_f64(),
        "processor_seconds": processor_seconds().zip(processor).map(|(after, before)| after - before),
        "peak_bytes": memory::bytes("VmHWM"),
    });
    (result, used)
}
