//! The whole job: the only file that knows the order of the stages.
//!
//! load → clean → summarise → { RFM · CLV · clusters · contributors } + { product pairs → offers } → one row per
//! customer → publish.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::basket::{self, offers, tables};
use crate::clean::{self, CleanReport, Cleaner, People, Profiler, Rule, Transactions};
use crate::cluster::{self, Clusters};
use crate::clv::{self, ClvResult, CustomerHistories, CustomerValues, Status};
use crate::config::{self, Config, Params};
use crate::contributors::{self, Contributors};
use crate::customers::{self, Attributes, Stages};
use crate::diagnostics::Warning;
use crate::error::Error;
use crate::gates::{self, Gate};
use crate::load::header::Canonical;
use crate::load::{self, Plan};
use crate::output::manifest::{Amounts, Input, Manifest, MappedColumn, Pairs, Rows, RuleCount, SideInput};
use crate::output::overview;
use crate::output::publish::Staging;
use crate::output::rejects;
use crate::output::report::render;
use crate::quality::{self, Quality};
use crate::results::Results;
use crate::rfm;
use crate::schema::{SCHEMA_VERSION, Table};
use crate::summary::{self, Summarised, Summary};
use crate::units::{Day, sum_to_f64};

/// Every published table.
pub const TABLES: [&Table; 7] = [
    &customers::TABLE,
    &rfm::TABLE,
    &cluster::TABLE,
    &contributors::TABLE,
    &tables::PAIRS,
    &tables::OFFERS,
    &clean::TABLE,
];

/// Who watches a run.
pub trait Observer: Sync {
    /// The decisions about the input, before it is read.
    fn plan(&self, _plan: &Plan) {}
    /// A stage begins.
    fn stage(&self, _name: &'static str) {}
    /// So many lines were read since the last call; from many threads.
    fn lines(&self, _n: u64) {}
}

/// Nobody watches.
pub struct Silent;

impl Observer for Silent {}

/// Lines read and cleaned, and how the input was understood.
pub struct Cleaned {
    pub plan: Plan,
    pub people: People,
    pub transactions: Transactions,
    pub as_of: Day,
}

/// What was published.
pub struct Outcome {
    pub place: PathBuf,
    pub manifest: Manifest,
    pub headline: overview::Headline,
}

/// Seconds of each stage, for the manifest.
#[derive(Default)]
struct Timings(Vec<(&'static str, f64)>);

impl Timings {
    fn time<T>(&mut self, observer: &dyn Observer, stage: &'static str, work: impl FnOnce() -> T) -> T {
        observer.stage(stage);
        let start = Instant::now();
        let result = work();
        self.0.push((stage, start.elapsed().as_secs_f64()));
        result
    }
}

/// Decides how to read the input.
pub fn plan(params: &Params, inputs: &[PathBuf], observer: &dyn Observer) -> Result<Plan, Error> {
    let plan = load::plan(&params.load, inputs)?;
    observer.plan(&plan);
    Ok(plan)
}

/// Reads and cleans.
pub fn load_and_clean(params: &Params, plan: Plan, observer: &dyn Observer) -> Result<Cleaned, CleanFailure> {
    load_and_clean_beside(params, plan, observer, &|_| {})
}

/// The same; every batch is shown to `beside` first.
fn load_and_clean_beside(
    params: &Params,
    plan: Plan,
    observer: &dyn Observer,
    beside: &(dyn Fn(&load::batch::RawBatch) + Sync),
) -> Result<Cleaned, CleanFailure> {
    let people = people(&plan).map_err(|error| CleanFailure::new(error.into()))?;
    let cleaner = Cleaner::new(&params.clean, &people, plan.files.len());
    let sink = |batch: load::batch::RawBatch| {
        beside(&batch);
        cleaner.add(&batch);
        observer.lines(batch.n_rows as u64);
    };
    load::stream(&plan, rayon::current_num_threads(), &sink).map_err(|error| CleanFailure::new(error.into()))?;
    let transactions = match cleaner.finish() {
        Ok(transactions) => transactions,
        Err(refused) => {
            let (error, report) = *refused;
            return Err(CleanFailure {
                error: error.into(),
                found: Some(Box::new((plan, report))),
            });
        }
    };
    let as_of = params.as_of.or(transactions.report.last_day).unwrap_or_default();
    Ok(Cleaned {
        plan,
        people,
        transactions,
        as_of,
    })
}

/// Which ids are the same person, as the user's map says.
fn people(plan: &Plan) -> Result<People, load::Error> {
    let Some(map) = &plan.customer_map else {
        return Ok(People::default());
    };
    People::new(map.table.pairs(map.from, map.to)).map_err(|error| load::Error::CustomerMap {
        path: PathBuf::from(&map.table.path),
        why: error.to_string(),
    })
}

/// A run that ended before there were transactions, with what cleaning had found.
pub struct CleanFailure {
    pub error: Error,
    pub found: Option<Box<(Plan, CleanReport)>>,
}

impl CleanFailure {
    fn new(error: Error) -> Self {
        Self { error, found: None }
    }
}

/// Everything after cleaning, up to what is to be published.
fn analyse(
    params: &Params,
    cleaned: Cleaned,
    observer: &dyn Observer,
    timings: &mut Timings,
) -> Result<Results, Error> {
    let Cleaned {
        plan,
        people,
        mut transactions,
        as_of,
    } = cleaned;
    let first_day = transactions.report.first_day.unwrap_or(as_of);
    let summarised = timings.time(observer, "summarise", || {
        summary::run(&params.summary, &transactions, first_day, as_of)
    });
    transactions.partitions = Vec::new();
    transactions.customers = Vec::new();
    let mut report = transactions.report;
    settle_duplicates(&mut report, &summarised);
    let gates = gates::run(&params.gates, &summarised, plan.has(Canonical::ProductId));
    gates::stop(&params.gates, &gates)?;

    let summary = &summarised.summary;
    let rfm = timings.time(observer, "rfm", || rfm::run(&params.rfm, summary));
    let clv = timings.time(observer, "clv", || lifetime_value(&params.clv, summary));
    let clusters = timings.time(observer, "clusters", || cluster::run(&params.clusters, summary));
    let contributors = timings.time(observer, "contributors", || contributors::run(summary));
    let n_products = transactions.products.len();
    let found = timings.time(observer, "pairs", || {
        basket::run(&summarised.baskets, n_products, &params.pairs)
    })?;
    let offers = timings.time(observer, "offers", || {
        offers::run(
            &summarised.owned,
            &found.links,
            &summarised.product_amount,
            &params.offers,
        )
    })?;
    let horizon_days = params.clv.horizon_days();
    let attributes = match &plan.customers {
        Some(table) => Attributes::join(table, &people, &summary.ids),
        None => Attributes::default(),
    };
    let customers = timings.time(observer, "customers", || {
        let mut next_product = vec![None; summary.n_customers()];
        for i in (0..offers.len()).filter(|&i| offers.rank[i] == 1) {
            let product = transactions.products[offers.product[i] as usize].as_str();
            next_product[offers.customer[i] as usize] = Some((product, offers.score[i]));
        }
        let next_product = &next_product;
        let clv = &clv.customers;
        let (rfm, clusters, contributors) = (&rfm, &clusters, &contributors);
        customers::run(
            &params.watch,
            &Stages {
                summary,
                rfm,
                clv,
                horizon_days,
                clusters,
                contributors,
                next_product,
                attributes: &attributes,
                is_test: &|id| params.clean.is_test_customer(id),
            },
        )
    })?;
    let said = Said {
        clv: &clv,
        clusters: &clusters,
        contributors: &contributors,
        found: &found,
        attributes: &attributes,
        gates: &gates,
    };
    let mut warnings = warnings(&plan, &report, &summarised, &said);
    warnings.extend(customers.warnings.iter().cloned());
    Ok(Results {
        plan,
        report,
        as_of,
        products: transactions.products,
        product_names: transactions.product_names,
        summarised,
        rfm,
        clv,
        horizon_days,
        clusters,
        contributors,
        found,
        offers,
        customers,
        attributes,
        warnings,
    })
}

/// Duplicates show only when a customer's lines stand together.
fn settle_duplicates(report: &mut CleanReport, summarised: &Summarised) {
    for line in &summarised.rejected_duplicates {
        report.reject_kept(Rule::ExactDuplicate, line);
    }
    let (rows, amount) = summarised.duplicates;
    report.matched_by_rule[Rule::ExactDuplicate as usize] = clean::Count { rows, amount };
}

/// Reads, cleans and summarises, and reports what was found; beside the error where a run would end.
pub fn inspect(
    config: &Config,
    params: &Params,
    plan: Plan,
    observer: &dyn Observer,
) -> (Option<Quality>, Option<Error>) {
    let profiler = Profiler::default();
    let cleaned = load_and_clean_beside(params, plan, observer, &|batch| profiler.add(batch));
    let actions = clean::Actions::check(&config.clean.rules, &mut Vec::new());
    let profile = profiler.finish();
    match cleaned {
        Ok(Cleaned {
            plan,
            transactions,
            as_of,
            ..
        }) => {
            let first_day = transactions.report.first_day.unwrap_or(as_of);
            observer.stage("summarise");
            let summarised = summary::run(&params.summary, &transactions, first_day, as_of);
            let mut report = transactions.report;
            settle_duplicates(&mut report, &summarised);
            let gates = gates::run(&params.gates, &summarised, plan.has(Canonical::ProductId));
            let stopped = gates::stop(&params.gates, &gates).err().map(Error::from);
            let mut warnings = input_warnings(&plan, &report);
            warnings.extend(summarised.warnings.iter().cloned());
            let quality = Quality::new(quality::Facts {
                plan: &plan,
                actions: &actions,
                report: &report,
                profile: &profile,
                summarised: Some(&summarised),
                products: transactions.products.len() as u64,
                gates,
                warnings: &warnings,
            });
            (Some(quality), stopped)
        }
        Err(CleanFailure { error, found }) => {
            let quality = found.map(|found| {
                let (plan, report) = *found;
                Quality::new(quality::Facts {
                    plan: &plan,
                    actions: &actions,
                    report: &report,
                    profile: &profile,
                    summarised: None,
                    products: 0,
                    gates: Vec::new(),
                    warnings: &input_warnings(&plan, &report),
                })
            });
            (quality, Some(error))
        }
    }
}

/// Lifetime value of everybody who has an order that stands; the others get the status `all_returned`.
fn lifetime_value(params: &clv::Params, summary: &Summary) -> ClvResult {
    let standing: Vec<usize> = (0..summary.n_customers())
        .filter(|&i| summary.purchase_days[i] > 0)
        .collect();
    let (t_x_days, age_days) = (summary.t_x_days(), summary.age_days());
    let pick = |values: &[f64]| standing.iter().map(|&i| values[i]).collect::<Vec<f64>>();
    let mut result = clv::run(
        params,
        &CustomerHistories {
            x: &standing.iter().map(|&i| summary.repeat_days[i]).collect::<Vec<_>>(),
            t_x_days: &pick(&t_x_days),
            age_days: &pick(&age_days),
            mean_repeat_amount: &standing
                .iter()
                .map(|&i| summary.mean_repeat_amount[i])
                .collect::<Vec<_>>(),
            mean_amount_all: &standing
                .iter()
                .map(|&i| summary.mean_purchase_amount[i].unwrap_or(0.0))
                .collect::<Vec<_>>(),
            ..CustomerHistories::default()
        },
    );
    if standing.len() < summary.n_customers() {
        result.customers = spread(&result.customers, &standing, summary.n_customers());
    }
    result
}

/// Values of the customers at `positions`, spread over all `n`.
fn spread(values: &CustomerValues, positions: &[usize], n: usize) -> CustomerValues {
    let numbers = |of: &[Option<f64>]| {
        let mut all = vec![None; n];
        positions.iter().zip(of).for_each(|(&i, value)| all[i] = *value);
        all
    };
    let mut clv_status = vec![Status::AllReturned; n];
    positions
        .iter()
        .zip(&values.clv_status)
        .for_each(|(&i, status)| clv_status[i] = *status);
    CustomerValues {
        alive_prob: numbers(&values.alive_prob),
        expected_orders: numbers(&values.expected_orders),
        expected_order_amount: numbers(&values.expected_order_amount),
        clv_amount: numbers(&values.clv_amount),
        clv_low_amount: numbers(&values.clv_low_amount),
        clv_high_amount: numbers(&values.clv_high_amount),
        clv_status,
    }
}

/// What the stages after the summary have to say.
struct Said<'a> {
    clv: &'a ClvResult,
    clusters: &'a Clusters,
    contributors: &'a Contributors,
    found: &'a basket::Found,
    attributes: &'a Attributes,
    gates: &'a [Gate],
}

fn warnings(plan: &Plan, report: &CleanReport, summarised: &Summarised, said: &Said<'_>) -> Vec<Warning> {
    let Said {
        clv,
        clusters,
        contributors,
        found,
        attributes,
        gates,
    } = said;
    let mut warnings = input_warnings(plan, report);
    warnings.extend(summarised.warnings.iter().cloned());
    warnings.extend(gates::warning(gates));
    warnings.extend(contributors.warnings.iter().cloned());
    if plan.customers.is_some() {
        warnings.extend(attributes.warning());
    }
    warnings.extend(clv.warnings.iter().map(|w| Warning::Clv {
        status: w.code(),
        message: w.message(),
        hint: w.hint(),
    }));
    warnings.extend(clusters.warnings.iter().cloned());
    let pairs = &found.pairs.summary;
    if pairs.n_oversized_baskets > 0 {
        warnings.push(Warning::OversizedBaskets {
            n: pairs.n_oversized_baskets,
        });
    }
    if pairs.min_count > pairs.min_count_asked {
        warnings.push(Warning::PairThresholdRaised {
            from: pairs.min_count_asked,
            to: pairs.min_count,
        });
    }
    if plan.has(Canonical::ProductId) && found.pairs.is_empty() {
        warnings.push(Warning::NoPairs {
            min_count: pairs.min_count,
            n_baskets: pairs.n_baskets,
        });
    }
    warnings
}

/// What the columns and the cleaning have to say.
fn input_warnings(plan: &Plan, report: &CleanReport) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let has_products = plan.has(Canonical::ProductId);
    if !plan.has(Canonical::OrderId) {
        let assumed = if has_products {
            "a customer's lines of one day are one order"
        } else {
            "every line is an order"
        };
        warnings.push(Warning::NoOrderColumn { assumed });
    }
    if !has_products {
        warnings.push(Warning::NoProductColumn);
    }
    warnings.extend(report.warnings());
    warnings
}

/// The whole job, from files to a published snapshot.
pub fn run(config: &Config, params: &Params, inputs: &[PathBuf], observer: &dyn Observer) -> Result<Outcome, Error> {
    let mut timings = Timings::default();
    let plan = timings.time(observer, "plan", || plan(params, inputs, observer))?;
    // The lock is taken before the long work, so that a second run ends at once.
    let mut staging = Staging::begin(&config.run.out)?;
    let cleaned = timings.time(observer, "load_and_clean", || load_and_clean(params, plan, observer));
    let cleaned = cleaned.map_err(|failure| failure.error)?;
    let results = analyse(params, cleaned, observer, &mut timings)?;
    timings.time(observer, "write", || {
        write_tables(&results, config.run.rejects == config::Rejects::Csv, &mut staging)
    })?;
    let files = timings.time(observer, "hash_inputs", || input_facts(&results))?;
    let headline = overview::headline(&results);
    let page = overview::report(
        &results,
        &config.hash(),
        &clean::Actions::check(&config.clean.rules, &mut Vec::new()),
    );
    staging.file("report.html", render(&page).as_bytes())?;
    staging.file("model.json", &model_json(config, &results))?;
    let manifest = manifest(config, &results, files, timings, &staging);
    staging.file("manifest.json", &manifest.to_json())?;
    let place = staging.publish(&format!("as_of={}", results.as_of))?;
    Ok(Outcome {
        place,
        manifest,
        headline,
    })
}

fn write_tables(results: &Results, with_rejects_csv: bool, staging: &mut Staging) -> Result<(), Error> {
    let summary = results.summary();
    let clv = &results.clv.customers;
    let mut customers = results.customers.frame.clone();
    staging.table(&customers::TABLE, &mut customers)?;
    staging.table(
        &rfm::TABLE,
        &mut results.rfm.to_frame(summary, &clv.clv_amount, &clv.alive_prob)?,
    )?;
    staging.table(
        &cluster::TABLE,
        &mut results.clusters.to_frame(summary, &clv.clv_amount)?,
    )?;
    staging.table(&contributors::TABLE, &mut results.contributors.to_frame()?)?;
    staging.table(
        &tables::PAIRS,
        &mut tables::pairs_frame(&results.found.pairs, &results.products)?,
    )?;
    let mut offers = tables::offers_frame(&results.offers, &summary.ids, &results.products)?;
    staging.table(&tables::OFFERS, &mut offers)?;
    rejects::write(&results.plan, &results.report.rejects, with_rejects_csv, staging)?;
    Ok(())
}

fn input_facts(results: &Results) -> Result<Vec<Input>, Error> {
    let facts = |(file, rows): (&load::FilePlan, &u64)| {
        let hash = hash_file(file.bytes.path()).map_err(|source| load::Error::Io {
            path: file.path().to_path_buf(),
            source,
        })?;
        Ok(Input {
            path: file.path().display().to_string(),
            bytes: file.bytes.length(),
            hash,
            rows: *rows,
        })
    };
    results
        .plan
        .files
        .iter()
        .zip(&results.report.rows_by_file)
        .map(facts)
        .collect()
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(format!("blake3:{}", hasher.finalize().to_hex()))
}

/// The tables beside the transactions.
fn side_inputs(results: &Results) -> BTreeMap<&'static str, SideInput> {
    let input = |table: &load::side::SideTable, facts: Value| SideInput {
        path: table.path.clone(),
        bytes: table.bytes,
        hash: table.hash.clone(),
        rows: table.n_rows() as u64,
        facts,
    };
    let mut inputs = BTreeMap::new();
    if let Some(customers) = &results.plan.customers {
        let facts = serde_json::to_value(results.attributes.facts).unwrap_or_default();
        inputs.insert("customers", input(&customers.table, facts));
    }
    if let Some(map) = &results.plan.customer_map {
        let header = |i: usize| &map.table.headers[i];
        let facts = json!({ "from": header(map.from), "to": header(map.to) });
        inputs.insert("customer_map", input(&map.table, facts));
    }
    inputs
}

/// What makes the same scores, values and clusters of other customers.
fn model_json(config: &Config, results: &Results) -> Vec<u8> {
    let [recency, frequency, monetary] = &results.rfm.cuts;
    let model = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "schema_version": SCHEMA_VERSION,
        "as_of": results.as_of.to_string(),
        "rfm": {
            "frequency": config.rfm.frequency,
            "monetary": config.rfm.monetary,
            "cuts": { "minus_days_since_last": recency, "frequency": frequency, "monetary": monetary },
            "segments": config.rfm.segments,
        },
        "clv": { "selected_model": results.clv.selected_model, "model": results.clv.model, "config": config.clv },
        "clusters": { "model": results.clusters.model, "names": results.clusters.names },
    });
    let mut bytes = serde_json::to_vec_pretty(&model).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn manifest(config: &Config, results: &Results, inputs: Vec<Input>, timings: Timings, staging: &Staging) -> Manifest {
    let summary = results.summary();
    let mapped = |column: &load::Column| {
        (
            column.canonical.name(),
            MappedColumn {
                header: column.header.clone(),
                evidence: column.evidence.clone(),
            },
        )
    };
    Manifest {
        version: env!("CARGO_PKG_VERSION"),
        schema_version: SCHEMA_VERSION,
        as_of: results.as_of.to_string(),
        timezone: config.run.timezone.clone(),
        seed: config.run.seed,
        config: serde_json::to_value(config).unwrap_or(Value::Null),
        config_hash: config.hash(),
        inputs,
        side_inputs: side_inputs(results),
        columns: results.plan.columns.iter().map(mapped).collect(),
        input_notes: results.plan.found_out(),
        rows: Rows::new(&results.report),
        amounts: Amounts::new(&results.report, results.summarised.gross, results.summarised.returned),
        customers: summary.n_customers() as u64,
        orders: summary.orders.iter().map(|n| u64::from(*n)).sum(),
        products: results.products.len() as u64,
        returns_only_customers: results.summarised.n_returns_only_customers,
        models: results
            .clv
            .models
            .iter()
            .map(|fit| (fit.name.clone(), fit.clone()))
            .collect(),
        selected_model: results.clv.selected_model.clone(),
        selection_reason: results.clv.selection_reason.clone(),
        clusters: results.clusters.facts.clone(),
        contributors: results.contributors.concentration.clone(),
        pairs: Pairs::new(&results.found.pairs.summary, results.summarised.n_anonymous_baskets),
        returns_rule: match config.clean.returns {
            clean::Returns::Net => {
                "net: a return undoes the customer's latest earlier sale of the product; an order of which every line came \
                 back is no purchase; money of returns without such a sale is deducted all the same"
            }
            clean::Returns::Ignore => "ignore: returns and cancelled orders are rejected",
        },
        unmatched_returns: RuleCount {
            rows: results.summarised.unmatched_returns.0,
            amount: sum_to_f64(results.summarised.unmatched_returns.1),
        },
        timings_seconds: timings.0,
        peak_memory_bytes: peak_memory_bytes(),
        warnings: results.warnings.iter().map(Warning::to_text).collect(),
        outputs: staging.files().to_vec(),
    }
}

/// The most memory that the process has held, where the system tells.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}
