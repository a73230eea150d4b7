//! What a run publishes: tables, the model, the manifest.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Timings;
use crate::basket::tables;
use crate::clean;
use crate::cluster;
use crate::config::{Config, without_secrets};
use crate::contributors;
use crate::customers;
use crate::diagnostics::Warning;
use crate::error::Error;
use crate::load;
use crate::output::manifest::{Amounts, Clv, Input, Manifest, MappedColumn, Pairs, Rows, RuleCount, SideInput};
use crate::output::publish::Staging;
use crate::output::rejects;
use crate::results::Results;
use crate::rfm;
use crate::schema::SCHEMA_VERSION;
use crate::schema::parts::parts_of;
use crate::units::sum_to_f64;

pub(super) fn write_tables(results: &Results, with_rejects_csv: bool, staging: &mut Staging) -> Result<(), Error> {
    let summary = results.summary();
    let clv = &results.clv.customers;
    let groups = results.clv.groups.as_ref();
    let groups = groups.map_or_else(Vec::new, |groups| groups.labels());
    let stages = results.stages(&groups);
    staging.columns(
        &customers::TABLE,
        &parts_of(summary.n_customers()),
        &results.customers.columns(&stages),
    )?;
    if !clv.horizons.is_empty() {
        let (columns, parts) = customers::forecasts::columns(&summary.ids, clv);
        staging.columns(&customers::forecasts::TABLE, &parts, &columns)?;
    }
    staging.table(&rfm::TABLE, &mut results.rfm.to_frame(&results.segments)?)?;
    staging.table(
        &cluster::TABLE,
        &mut results.clusters.to_frame(summary, &clv.clv_amount)?,
    )?;
    staging.table(&contributors::TABLE, &mut results.contributors.to_frame()?)?;
    staging.table(
        &tables::PAIRS,
        &mut tables::pairs_frame(&results.found.pairs, &results.products)?,
    )?;
    let (columns, parts) = tables::offers_columns(&results.offers, &summary.ids, &results.products);
    staging.columns(&tables::OFFERS, &parts, &columns)?;
    rejects::write(&results.plan, &results.report.rejects, with_rejects_csv, staging)?;
    Ok(())
}

pub(super) fn input_facts(results: &Results) -> Result<Vec<Input>, Error> {
    let facts = |(file, rows): (&load::FilePlan, &u64)| {
        let hash = file.bytes.hash().map_err(|source| load::Error::Io {
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
pub(super) fn model_json(config: &Config, results: &Results) -> Vec<u8> {
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
        "clv": {
            "selected_model": results.clv.selected_model,
            "model": results.clv.model,
            "season": results.clv.season.season(),
            "groups": results.clv.groups,
            "covariates": results.clv.covariates.as_ref().and_then(|covariates| covariates.model.as_ref()),
            "config": config.clv,
        },
        "clusters": { "model": results.clusters.model, "names": results.clusters.names },
    });
    let mut bytes = serde_json::to_vec_pretty(&model).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

pub(super) fn manifest(
    config: &Config,
    results: &Results,
    inputs: Vec<Input>,
    timings: Timings,
    staging: &Staging,
) -> Manifest {
    let summary = results.summary();
    let mut shown = config.clone();
    shown.run.cluster = without_secrets(&config.run.cluster).to_owned();
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
        config: serde_json::to_value(shown).unwrap_or(Value::Null),
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
        clv: Clv {
            setting: config.clv.setting.name(),
            competition: results.clv.competition.clone(),
            sample: results.clv.sample,
            season: results.clv.season.clone(),
            spend_independence: results.clv.spend_independence,
            groups: results.clv.groups.clone(),
            covariates: results.clv.covariates.as_ref().map(|covariates| covariates.fit.clone()),
            regularity: results.clv.regularity,
            resumed_customers: results.clv.resumed_customers,
        },
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
        spilled_bytes: results.report.spilled_bytes + results.summarised.spilled_bytes,
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
