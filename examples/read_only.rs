//! Reads given files as `quintile run` does and throws the lines away: what reading alone costs. Prints one line of
//! JSON: seconds, processor seconds, rows, and a checksum of the columns read (see `benches/peers/reading.py`).
//!
//! ```text
//! cargo run --release --example read_only -- history/transactions.csv
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use quintile::config::Config;
use quintile::error::Error;
use quintile::load;
use quintile::load::batch::{RawBatch, is_value};
use serde_json::{Value, json};

// As the program has it: memory and time depend on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let inputs: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    if inputs.is_empty() {
        eprintln!("usage: read_only FILE...");
        return ExitCode::from(2);
    }
    match measure(&inputs) {
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

fn measure(inputs: &[PathBuf]) -> Result<Value, Error> {
    let params = Config::read(None, &[])?.check().map_err(Error::Problems)?;
    let n_threads = rayon::current_num_threads();
    let (start, processor) = (Instant::now(), processor_seconds());
    let plan = load::plan(&params.load, inputs)?;
    let (rows, quantity, last) = (AtomicU64::new(0), AtomicI64::new(0), AtomicI64::new(i64::MIN));
    let sink = |batch: RawBatch| {
        let values = batch.quantity.iter().flatten().filter(|value| is_value(**value));
        rows.fetch_add(batch.n_rows as u64, Ordering::Relaxed);
        quantity.fetch_add(values.sum(), Ordering::Relaxed);
        last.fetch_max(
            batch.ordered_at.iter().copied().max().unwrap_or(i64::MIN),
            Ordering::Relaxed,
        );
    };
    load::stream(&plan, n_threads, || |batch| sink(batch))?;
    let seconds = start.elapsed().as_secs_f64();
    let rows = rows.into_inner();
    Ok(json!({
        "threads": n_threads,
        "seconds": seconds,
        "processor_seconds": processor_seconds().zip(processor).map(|(after, before)| after - before),
        "rows": rows,
        "rows_per_second": rows as f64 / seconds,
        "bytes": plan.bytes(),
        // Numbers are read as ten-thousandths.
        "quantity": quantity.into_inner() / 10_000,
        "last_second": last.into_inner(),
    }))
}

/// User and system time of all threads; `None` where the system does not tell as Linux does.
fn processor_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets; user and system ticks are the 14th and 15th.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}
