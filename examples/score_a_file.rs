//! quintile as a library: from a transaction file to its ten best customers, with score and segment, as CSV.
//!
//! ```text
//! cargo run --example score_a_file -- data/transactions.parquet
//! ```
//!
//! A stage is a function from what the stages before it found to what it finds, so a program takes the stages that
//! it needs. For the whole job and a published snapshot call [`quintile::pipeline::run`] instead.

use std::path::PathBuf;
use std::process::ExitCode;

use quintile::config::{Config, parse_setting};
use quintile::error::Error;
use quintile::pipeline::{Silent, load_and_clean, plan};
use quintile::{contributors, rfm, summary};

fn main() -> ExitCode {
    let mut inputs: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    if inputs.is_empty() {
        inputs.push("data/transactions.parquet".into());
    }
    match score(&inputs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\nhint: {}", error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}

fn score(inputs: &[PathBuf]) -> Result<(), Error> {
    // Defaults, with one setting changed; checking them reports every problem at once.
    let settings = [parse_setting("rfm.frequency=purchase_days")?];
    let params = Config::read(None, &settings)?.check().map_err(Error::Problems)?;

    // Files of any supported form: columns, delimiter, dates and decimals are found out.
    let plan = plan(&params, inputs, &Silent)?;
    let mut cleaned = load_and_clean(&params, plan, &Silent).map_err(|failure| failure.error)?;
    let lines = &mut cleaned.transactions;
    for column in &cleaned.plan.columns {
        eprintln!(
            "{} is read from {:?}: {}",
            column.canonical, column.header, column.evidence
        );
    }
    eprintln!("{} of {} lines kept", lines.report.kept.rows, lines.report.read.rows);

    // One row per customer; every later stage gives one entry for each of these rows, in the same order.
    let first_day = lines.report.first_day.unwrap_or(cleaned.as_of);
    let customers = summary::run(&params.summary, lines, first_day, cleaned.as_of)?.summary;
    let scores = rfm::run(&params.rfm, &customers);
    let money = contributors::run(&customers);
    let top_share = money.concentration.top_20_share;
    eprintln!(
        "the top 20 % of {} customers bring {:.1} % of the money",
        customers.n_customers(),
        100.0 * top_share
    );

    let mut best: Vec<usize> = (0..customers.n_customers()).collect();
    best.sort_by_key(|&i| money.rank[i]);
    println!("customer_id,net_amount,days_since_last,r,f,m,segment");
    let days_since_last = customers.days_since_last();
    for &i in best.iter().take(10) {
        println!(
            "{},{:.2},{},{},{},{},{}",
            &customers.ids[i],
            customers.net_amount[i],
            days_since_last[i],
            scores.r[i],
            scores.f[i],
            scores.m[i],
            scores.segment_name(i),
        );
    }
    Ok(())
}
