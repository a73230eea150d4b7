//! `manifest.json`: what went in, what came out, what was decided and why. The keys are contract.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::publish::Published;
use crate::basket;
use crate::clean::{CleanReport, Count, Rule};
use crate::cluster;
use crate::clv::competition::Standing;
use crate::clv::covariates::CovariateFit;
use crate::clv::independence::Independence;
use crate::clv::model::ModelFit;
use crate::clv::regularity::Regularity;
use crate::clv::season::SeasonFinding;
use crate::clv::{Groups, Sample};
use crate::contributors::Concentration;
use crate::diagnostics::WarningText;
use crate::units::sum_to_f64;

/// The manifest of a snapshot, in the order in which it is written.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    pub version: &'static str,
    pub schema_version: &'static str,
    pub as_of: String,
    pub timezone: String,
    pub seed: u64,
    pub config: Value,
    pub config_hash: String,
    pub inputs: Vec<Input>,
    /// The tables beside the transactions: `customers`, `customer_map`.
    pub side_inputs: BTreeMap<&'static str, SideInput>,
    pub columns: BTreeMap<&'static str, MappedColumn>,
    /// What was found out about the files: encoding, delimiter, decimal mark, date format.
    pub input_notes: Vec<String>,
    pub rows: Rows,
    pub amounts: Amounts,
    pub customers: u64,
    pub orders: u64,
    pub products: u64,
    /// People with returns but no sale: counted, not scored.
    pub returns_only_customers: u64,
    pub models: BTreeMap<String, ModelFit>,
    pub selected_model: String,
    pub selection_reason: String,
    pub clv: Clv,
    pub clusters: cluster::Facts,
    pub contributors: Concentration,
    pub pairs: Pairs,
    pub returns_rule: &'static str,
    /// Returns that undo no earlier sale: their money is deducted all the same.
    pub unmatched_returns: RuleCount,
    pub timings_seconds: Vec<(&'static str, f64)>,
    pub peak_memory_bytes: Option<u64>,
    /// Lines, baskets and owned products that the memory cap put to disk.
    pub spilled_bytes: u64,
    pub warnings: Vec<WarningText>,
    pub outputs: Vec<Published>,
}

/// What stands behind the choice of a model and the values.
#[derive(Clone, Debug, Serialize)]
pub struct Clv {
    pub setting: &'static str,
    /// Models and baselines on the holdout; empty where there was none.
    pub competition: Vec<Standing>,
    /// The customers they competed on, where that was not everybody.
    pub sample: Option<Sample>,
    pub season: SeasonFinding,
    /// Test of the assumption that amounts do not depend on how often a customer orders.
    pub spend_independence: Option<Independence>,
    pub groups: Option<Groups>,
    pub covariates: Option<CovariateFit>,
    /// Shape of the gaps between purchase days: 1 at random, more if regular.
    pub regularity: Option<Regularity>,
    /// Contracts: customers who paid again after a missed period.
    pub resumed_customers: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Input {
    pub path: String,
    pub bytes: u64,
    /// BLAKE3 of the bytes; the store's tag of the version where only parts of an object were read.
    pub hash: String,
    pub rows: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct SideInput {
    pub path: String,
    pub bytes: u64,
    /// BLAKE3 of the bytes.
    pub hash: String,
    pub rows: u64,
    /// How it fits the transactions.
    #[serde(flatten)]
    pub facts: Value,
}

#[derive(Clone, Debug, Serialize)]
pub struct MappedColumn {
    pub header: String,
    pub evidence: String,
}

/// Lines: `read = kept + rejected`.
#[derive(Clone, Debug, Serialize)]
pub struct Rows {
    pub read: u64,
    pub kept: u64,
    pub rejected: u64,
    /// Each rejected line under the first rule that rejects it.
    pub rejected_by_rule: BTreeMap<&'static str, RuleCount>,
    /// Every line that a rule matches, kept or rejected: these overlap.
    pub flagged_by_rule: BTreeMap<&'static str, RuleCount>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RuleCount {
    pub rows: u64,
    pub amount: f64,
}

/// Money: `read = kept + rejected`, `kept = net = gross - returned`.
#[derive(Clone, Debug, Serialize)]
pub struct Amounts {
    pub read: f64,
    pub kept: f64,
    pub rejected: f64,
    pub gross: f64,
    pub returned: f64,
    pub net: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Pairs {
    pub n_baskets: u64,
    pub n_products: u64,
    pub n_tested: u64,
    pub n_kept: u64,
    pub n_significant: u64,
    pub n_anonymous_baskets: u64,
    pub min_count: u64,
    pub n_oversized_baskets: u64,
}

impl Pairs {
    pub fn new(summary: &basket::Summary, n_anonymous_baskets: u64) -> Self {
        Self {
            n_baskets: summary.n_baskets,
            n_products: summary.n_products,
            n_tested: summary.n_tested,
            n_kept: summary.n_kept,
            n_significant: summary.n_significant,
            n_anonymous_baskets,
            min_count: summary.min_count,
            n_oversized_baskets: summary.n_oversized_baskets,
        }
    }
}

fn by_rule(counts: &[Count]) -> BTreeMap<&'static str, RuleCount> {
    let met = Rule::ALL.iter().zip(counts).filter(|(_, count)| count.rows > 0);
    met.map(|(rule, count)| {
        (
            rule.id(),
            RuleCount {
                rows: count.rows,
                amount: sum_to_f64(count.amount),
            },
        )
    })
    .collect()
}

impl Rows {
    pub fn new(report: &CleanReport) -> Self {
        Self {
            read: report.read.rows,
            kept: report.kept.rows,
            rejected: report.rejected.rows,
            rejected_by_rule: by_rule(&report.rejected_by_rule),
            flagged_by_rule: by_rule(&report.matched_by_rule),
        }
    }
}

impl Amounts {
    /// `gross` and `returned` are sums over the kept lines, in ten-thousandths.
    pub fn new(report: &CleanReport, gross: i128, returned: i128) -> Self {
        Self {
            read: sum_to_f64(report.read.amount),
            kept: sum_to_f64(report.kept.amount),
            rejected: sum_to_f64(report.rejected.amount),
            gross: sum_to_f64(gross),
            returned: sum_to_f64(returned),
            net: sum_to_f64(gross - returned),
        }
    }
}

impl Manifest {
    /// Indented JSON with a line end.
    pub fn to_json(&self) -> Vec<u8> {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(timings) = value.get_mut("timings_seconds") {
            let map = self
                .timings_seconds
                .iter()
                .map(|(stage, seconds)| ((*stage).to_string(), Value::from(*seconds)));
            *timings = Value::Object(map.collect());
        }
        let mut bytes = serde_json::to_vec_pretty(&value).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
