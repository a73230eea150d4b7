//! The whole job: the only file that knows the order of the stages.
//!
//! load → clean → summarise → { RFM · CLV · clusters · contributors } + { product pairs → offers } → one row per
//! customer → publish.

mod engine;
mod evaluate;
mod snapshot;

use std::path::PathBuf;
use std::time::Instant;

use crate::basket::{self, offers, tables};
use crate::clean::{self, CleanReport, Cleaner, People, Profiler, Rule, Transactions};
use crate::cluster::{self, Clusters};
use crate::clv::covariates::coding::Attribute;
use crate::clv::groups::GroupBy;
use crate::clv::purchases::PurchaseDays;
use crate::clv::{self, ClvResult};
use crate::config::{self, Config, Params, line_group};
use crate::contributors::{self, Contributors};
use crate::customers::{self, Attributes, Stages};
use crate::diagnostics::{Problem, Warning};
use crate::error::Error;
use crate::gates::{self, Gate};
use crate::load::header::Canonical;
use crate::load::{self, Plan};
use crate::output::evaluation;
use crate::output::manifest::Manifest;
use crate::output::overview;
use crate::output::publish::Staging;
use crate::output::report::render;
use crate::quality::{self, Quality};
use crate::results::Results;
use crate::rfm;
use crate::schema::Table;
use crate::summary::{self, Summarised, Summary};
use crate::units::Day;

use engine::Engine;
pub use evaluate::{Evaluated, evaluate};
use snapshot::{manifest, model_json, write_tables};

/// Every published table.
pub const TABLES: [&Table; 11] = [
    &customers::TABLE,
    &customers::forecasts::TABLE,
    &rfm::TABLE,
    &cluster::TABLE,
    &contributors::TABLE,
    &tables::PAIRS,
    &tables::OFFERS,
    &clean::TABLE,
    &evaluation::tables::EVALUATION,
    &evaluation::tables::FREQUENCY,
    &evaluation::tables::TRACKING,
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
    let sink = || {
        let mut worker = cleaner.worker();
        move |batch: load::batch::RawBatch| {
            beside(&batch);
            worker.add(&batch);
            observer.lines(batch.n_rows as u64);
        }
    };
    load::stream(&plan, rayon::current_num_threads(), sink).map_err(|error| CleanFailure::new(error.into()))?;
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
    engine: &mut Engine,
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
    let mut summarised = timings.time(observer, "summarise", || {
        engine.summarise(params, &mut transactions, first_day, as_of)
    })?;
    transactions.customers = Vec::new();
    let mut report = transactions.report;
    settle_duplicates(&mut report, &summarised);
    let gates = gates::run(&params.gates, &summarised, plan.has(Canonical::ProductId));
    gates::stop(&params.gates, &gates)?;

    let summary = &summarised.summary;
    let rfm = timings.time(observer, "rfm", || rfm::run(&params.rfm, summary));
    let attributes = match &plan.customers {
        Some(table) => Attributes::join(table, &people, &summary.ids),
        None => Attributes::default(),
    };
    let purchases = purchase_days(&mut summarised);
    let summary = &summarised.summary;
    let clv = timings.time(observer, "clv", || {
        let of = Customers {
            plan: &plan,
            summary,
            line_groups: &transactions.groups,
            attributes: &attributes,
        };
        lifetime_value(&params.clv, &of, &purchases)
    })?;
    let repeats_by_day = purchases.repeats_by_day(as_of.0);
    drop(purchases);
    let clusters = timings.time(observer, "clusters", || cluster::run(&params.clusters, summary));
    let contributors = timings.time(observer, "contributors", || contributors::run(summary));
    let n_products = transactions.products.len();
    let found = timings.time(observer, "pairs", || {
        engine.pairs(params, &summarised, n_products, &transactions.memory)
    })?;
    let offers = timings.time(observer, "offers", || {
        offers::run(
            &summarised.owned,
            summary.n_customers(),
            &found.links,
            &summarised.product_amount,
            &params.offers,
        )
    })?;
    // Nothing later asks for them, and they are as large as the lines.
    (summarised.baskets, summarised.owned) = (Vec::new(), Vec::new());
    let summary = &summarised.summary;
    let horizon_days = params.clv.horizon_days();
    let customers = timings.time(observer, "customers", || {
        let stages = Stages {
            summary,
            rfm: &rfm,
            clv: &clv.customers,
            groups: &[],
            horizon_days,
            clusters: &clusters,
            contributors: &contributors,
            offers: &offers,
            products: &transactions.products,
            attributes: &attributes,
        };
        customers::run(&params.watch, &stages, &|id| params.clean.is_test_customer(id))
    });
    let values = &clv.customers;
    let segments = rfm.profiles(summary, &values.clv_amount, &values.alive_prob);
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
        repeats_by_day,
        rfm,
        segments,
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
            mut transactions,
            as_of,
            ..
        }) => {
            let first_day = transactions.report.first_day.unwrap_or(as_of);
            observer.stage("summarise");
            let summarised = match summary::run(&params.summary, &mut transactions, first_day, as_of) {
                Ok(summarised) => summarised,
                Err(error) => return (None, Some(error.into())),
            };
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

/// The purchase days of all customers; they are moved.
fn purchase_days(summarised: &mut Summarised) -> PurchaseDays {
    let purchases = std::mem::take(&mut summarised.purchases);
    PurchaseDays::new(purchases.ends, purchases.days, purchases.amounts)
}

/// What parameters may differ by.
struct Customers<'a> {
    plan: &'a Plan,
    summary: &'a Summary,
    line_groups: &'a [String],
    attributes: &'a Attributes,
}

/// Lifetime value of everybody who has an order that stands; the others get the status `all_returned`.
fn lifetime_value(
    params: &clv::Params,
    customers: &Customers<'_>,
    purchases: &PurchaseDays,
) -> Result<ClvResult, Error> {
    let Customers {
        plan,
        summary,
        line_groups,
        attributes,
    } = customers;
    let groups: Vec<Option<&str>> = match params.group_by() {
        GroupBy::Column(column) if line_group(column).is_some_and(|canonical| plan.has(canonical)) => {
            let name = |group: &Option<u8>| line_groups.get(usize::from((*group)?)).map(String::as_str);
            summary.group.iter().map(name).collect()
        }
        GroupBy::Column(column) => {
            let values = attribute(attributes, "clv.group_by", column)?;
            values.iter().map(Option::as_deref).collect()
        }
        _ => Vec::new(),
    };
    let covariates = params.covariates().iter().map(|name| {
        let values = attribute(attributes, "clv.covariates", name)?;
        Ok(Attribute { name, values })
    });
    let covariates: Vec<Attribute<'_>> = covariates.collect::<Result<_, Error>>()?;
    let input = clv::Input {
        purchases,
        as_of_day: summary.as_of.0,
        groups: &groups,
        attributes: &covariates,
    };
    Ok(clv::run_purchases(params, &input))
}

/// An attribute of the customers, by its header or its published name.
fn attribute<'a>(attributes: &'a Attributes, key: &str, name: &str) -> Result<&'a [Option<String>], Error> {
    attributes.find(name).ok_or_else(|| {
        let known: Vec<&str> = attributes.names().collect();
        let hint = if known.is_empty() {
            "give the table that has it with --customers".to_owned()
        } else {
            format!("the table of customers has {}", known.join(", "))
        };
        let why = "is neither a column of the transactions nor an attribute of the customers";
        Error::Problems(vec![Problem::new(key, name, why, &hint)])
    })
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
    let (mut engine, plan) = timings.time(observer, "plan", || Engine::plan(config, params, inputs))?;
    observer.plan(&plan);
    // The lock is taken before the long work, so that a second run ends at once.
    let mut staging = Staging::begin(&config.run.out)?;
    let cleaned = timings.time(observer, "load_and_clean", || engine.clean(params, plan, observer));
    let cleaned = cleaned.map_err(|failure| failure.error)?;
    let results = analyse(params, cleaned, &mut engine, observer, &mut timings)?;
    timings.time(observer, "write", || {
        write_tables(&results, config.run.rejects == config::Rejects::Csv, &mut staging)
    })?;
    let files = timings.time(observer, "hash_inputs", || engine.input_facts(&results))?;
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
