//! Two real data sets against counts that are known and results that others computed.
//!
//! The data is not part of this repository. `QUINTILE_REAL_DATA` names a folder with `online_retail_raw.csv.gz`,
//! `online_retail.parquet`, `cdnow_sample.txt` and, beside that folder, `reference/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use ndarray::Array2;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use quintile::cluster;
use quintile::config::{Config, parse_setting};
use quintile::pipeline::{self, Silent};
use quintile::summary::{self, Summarised};
use serde_json::Value;

use crate::support::{Bench, Snapshot, assert_close, json, real_data};

/// Sales alone, as the reference counts them.
const SALES_ALONE: [&str; 4] = ["--set", "clean.returns=ignore", "--set", "rfm.monetary=gross"];

const CDNOW: [&str; 2] = ["--columns", "_,customer_id,ordered_at,quantity,amount"];

struct Real {
    data: PathBuf,
}

impl Real {
    /// Nothing, and a line that says so, where the data is missing.
    fn find() -> Option<Self> {
        real_data().map(|data| Self { data })
    }

    fn file(&self, name: &str) -> String {
        self.data.join(name).to_str().expect("a UTF-8 path").to_owned()
    }

    fn reference(&self, name: &str) -> PathBuf {
        self.data.join("../reference").join(name)
    }

    fn json(&self, name: &str) -> Value {
        json(&self.reference(name))
    }

    fn table(&self, name: &str) -> Reference {
        Reference::read(&self.reference(name))
    }
}

/// A table that others made, with types of their own.
struct Reference(RecordBatch);

impl Reference {
    fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let schema = builder.schema().clone();
        let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
        Self(concat_batches(&schema, &batches).unwrap())
    }

    fn column(&self, name: &str, ty: &DataType) -> arrow::array::ArrayRef {
        let column = self
            .0
            .column_by_name(name)
            .unwrap_or_else(|| panic!("no column {name}"));
        cast(column, ty).unwrap()
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        let column = self.column(name, &DataType::Float64);
        assert_eq!(column.null_count(), 0, "{name}");
        column.as_primitive::<Float64Type>().values().to_vec()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let column = self.column(name, &DataType::Utf8);
        column
            .as_string::<i32>()
            .iter()
            .map(|text| text.unwrap().to_owned())
            .collect()
    }

    /// Rows by customer id as a number: files differ in leading zeros.
    fn by_customer(&self) -> BTreeMap<u64, usize> {
        by_number(self.texts("customer_id"))
    }
}

fn by_number<T: AsRef<str>>(ids: impl IntoIterator<Item = T>) -> BTreeMap<u64, usize> {
    let mut rows = BTreeMap::new();
    for (row, id) in ids.into_iter().enumerate() {
        let twice = rows.insert(id.as_ref().parse().expect("a number"), row);
        assert_eq!(twice, None, "an id is there twice");
    }
    rows
}

#[test]
fn online_retail_has_its_known_counts() {
    let Some(real) = Real::find() else { return };
    let bench = Bench::new();
    let snapshot = bench.snapshot(&real.file("online_retail_raw.csv.gz"), "out", &[]);
    assert_eq!(snapshot.count("rows.read"), 541_909);
    let flagged = |rule: &str| snapshot.value("rows.flagged_by_rule")[rule]["rows"].as_u64().unwrap();
    assert_eq!(flagged("missing_customer"), 135_080);
    assert_eq!(flagged("cancelled_order"), 9_288);
    assert_eq!(
        flagged("missing_customer"),
        snapshot.rejected_by_rule()["missing_customer"]
    );
    assert_eq!(snapshot.count("customers"), 4_338);
    assert_eq!(
        snapshot.count("rows.read"),
        snapshot.count("rows.kept") + snapshot.count("rows.rejected")
    );
    let money = |key: &str| snapshot.number(&format!("amounts.{key}"));
    assert_close(money("read"), money("kept") + money("rejected"), 1e-12, "money");
    assert_eq!(snapshot.value("as_of"), "2011-12-09");
    // 4,372 customers have a line; those without a sale are counted, not scored.
    assert_eq!(
        snapshot.count("customers") + snapshot.count("returns_only_customers"),
        4_371
    );

    // The same lines from Parquet, where the ids are texts, give the same bytes.
    let parquet = bench.snapshot(&real.file("online_retail.parquet"), "parquet", &[]);
    for table in ["customers", "segments", "clusters", "contributors", "pairs", "offers"] {
        let name = format!("{table}.parquet");
        assert!(
            parquet.bytes(&name) == snapshot.bytes(&name),
            "{name} differs from that of the CSV file"
        );
    }
    assert_eq!(parquet.value("amounts"), snapshot.value("amounts"));
    assert_eq!(
        parquet.value("rows.rejected_by_rule"),
        snapshot.value("rows.rejected_by_rule")
    );
    // Only the CSV file has the ids as a spreadsheet writes them: those of all lines with a customer.
    let repaired = snapshot.value("rows.flagged_by_rule")["spreadsheet_id"]["rows"].as_u64();
    assert_eq!(repaired, Some(541_909 - 135_080));
    assert_eq!(parquet.value("rows.flagged_by_rule").get("spreadsheet_id"), None);

    // Net and gross concentration, with returns netted as they are by default.
    let expected = real.json("online_retail/rfm.json");
    assert_concentration(&snapshot, "", &expected["net"]);
}

#[track_caller]
fn assert_concentration(snapshot: &Snapshot, prefix: &str, expected: &Value) {
    for (ours, theirs) in [
        ("top_20_share", "top_20pct_share"),
        ("gini", "gini"),
        ("customers_for_80_share", "customers_for_80pct_revenue"),
    ] {
        let found = snapshot.number(&format!("contributors.{prefix}{ours}"));
        assert_close(found, expected[theirs].as_f64().unwrap(), 1e-9, ours);
    }
}

fn assert_rfm(real: &Real, folder: &str, snapshot: &Snapshot) {
    let reference = real.table(&format!("{folder}/rfm.parquet"));
    let customers = snapshot.table("customers");
    let (theirs, ours) = (reference.by_customer(), by_number(customers.texts("customer_id")));
    assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
    for (column, expected, tolerance) in [
        ("days_since_last", "recency_days", 0.0),
        ("orders", "invoices", 0.0),
        ("gross_amount", "monetary", 1e-9),
        ("r_score", "R_avg", 0.0),
        ("f_score", "F_avg", 0.0),
        ("m_score", "M_avg", 0.0),
    ] {
        let (found, expected) = (customers.numbers(column), reference.numbers(expected));
        for (id, row) in &ours {
            assert_close(
                found[*row],
                expected[theirs[id]],
                tolerance,
                &format!("{column} of {id}"),
            );
        }
    }
    let known = real.json(&format!("{folder}/rfm.json"));
    assert_concentration(snapshot, "gross_", &known["gross"]);
    let n_scores = |rfm: f64| {
        customers
            .numbers("rfm_score")
            .iter()
            .filter(|score| **score == rfm)
            .count()
    };
    assert_eq!(known["count_555_avg"], n_scores(555.0));
    assert_eq!(known["count_111_avg"], n_scores(111.0));
    let n_top = customers
        .booleans("is_top_contributor")
        .iter()
        .filter(|top| **top)
        .count();
    assert_eq!(known["gross"]["top_20pct_customers"], n_top);
}

/// The customers' summary, from the library: the mean money of repeat days is in no table.
fn summarised(input: String, settings: &[&str]) -> Summarised {
    let settings: Vec<_> = settings.iter().map(|text| parse_setting(text).unwrap()).collect();
    let params = Config::read(None, &settings).unwrap().check().unwrap();
    let plan = pipeline::plan(&params, &[input.into()], &Silent).unwrap();
    let Ok(mut cleaned) = pipeline::load_and_clean(&params, plan, &Silent) else {
        panic!("the data is rejected");
    };
    let first_day = cleaned.transactions.report.first_day.unwrap();
    let summarised = summary::run(&params.summary, &mut cleaned.transactions, first_day, cleaned.as_of);
    summarised.unwrap()
}

fn assert_summary(real: &Real, folder: &str, Summarised { summary, purchases, .. }: &Summarised) {
    let reference = real.table(&format!("{folder}/summary_D.parquet"));
    let (theirs, ours) = (reference.by_customer(), by_number(summary.ids.iter()));
    assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
    let repeat_days = summary.repeat_days.iter().map(|x| f64::from(*x)).collect();
    let mean_repeat = |(row, end): (usize, &usize)| {
        let start = row.checked_sub(1).map_or(0, |before| purchases.ends[before]);
        let repeats = purchases.amounts[start..*end].get(1..).unwrap_or_default();
        repeats.iter().sum::<f64>() / repeats.len().max(1) as f64
    };
    let repeat_amount = purchases.ends.iter().enumerate().map(mean_repeat).collect();
    let columns: [(&str, Vec<f64>, f64); 4] = [
        ("frequency", repeat_days, 0.0),
        ("recency", summary.t_x_days(), 0.0),
        ("T", summary.age_days(), 0.0),
        ("monetary_value", repeat_amount, 1e-9),
    ];
    for (column, found, tolerance) in columns {
        let expected = reference.numbers(column);
        for (id, row) in &ours {
            assert_close(
                found[*row],
                expected[theirs[id]],
                tolerance,
                &format!("{column} of {id}"),
            );
        }
    }
}

#[test]
fn online_retail_sales_alone_are_those_of_the_reference() {
    let Some(real) = Real::find() else { return };
    let input = real.file("online_retail_raw.csv.gz");
    let bench = Bench::new();
    assert_rfm(&real, "online_retail", &bench.snapshot(&input, "out", &SALES_ALONE));
    assert_summary(&real, "online_retail", &summarised(input, &["clean.returns=ignore"]));
}

#[test]
fn cdnow_is_that_of_the_reference() {
    let Some(real) = Real::find() else { return };
    let input = real.file("cdnow_sample.txt");
    let bench = Bench::new();
    let snapshot = bench.snapshot(&input, "out", &CDNOW);
    assert_eq!(snapshot.count("rows.read"), 6_919);
    assert_eq!(snapshot.count("rows.rejected"), 0);
    assert_eq!(snapshot.count("customers"), 2_357);
    assert_close(snapshot.number("amounts.net"), 244_091.94, 1e-12, "net");
    assert_rfm(&real, "cdnow_sample", &snapshot);
    assert_concentration(&snapshot, "", &real.json("cdnow_sample/rfm.json")["net"]);
    let columns = "load.columns=[\"_\", \"customer_id\", \"ordered_at\", \"quantity\", \"amount\"]";
    assert_summary(&real, "cdnow_sample", &summarised(input, &[columns]));
}

#[test]
fn online_retail_pairs_are_those_of_the_reference() {
    let Some(real) = Real::find() else { return };
    let bench = Bench::new();
    let settings = [
        "pairs.non_products=true",
        "clean.rules.zero_price=keep",
        "clean.rules.negative_price=keep",
        "pairs.min_orders=1",
        "pairs.min_support=0.005",
        "pairs.min_lift=0",
        "pairs.max_q_value=1",
        "pairs.top=0",
        "pairs.max_basket_products=0",
    ];
    let more: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let snapshot = bench.snapshot(&real.file("online_retail_raw.csv.gz"), "out", &more);
    let known = real.json("online_retail/pairs.json");
    assert_eq!(snapshot.value("pairs.n_baskets"), &known["baskets"]);
    assert_eq!(snapshot.value("pairs.n_products"), &known["products"]);
    let reference = real.table("online_retail/pairs_at_threshold.parquet");
    let pairs = snapshot.table("pairs");
    let key = |a: String, b: String| if a < b { (a, b) } else { (b, a) };
    let rows = |a: Vec<String>, b: Vec<String>| -> BTreeMap<(String, String), usize> {
        a.into_iter()
            .zip(b)
            .enumerate()
            .map(|(row, (a, b))| (key(a, b), row))
            .collect()
    };
    let ours = rows(pairs.texts("product_a"), pairs.texts("product_b"));
    let (their_a, their_b) = (reference.texts("product_a"), reference.texts("product_b"));
    let is_swapped: Vec<bool> = their_a.iter().zip(&their_b).map(|(a, b)| b < a).collect();
    let theirs = rows(their_a, their_b);
    assert_eq!(ours.len(), 7_259);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (column, [expected, if_swapped], tolerance) in [
        ("n_ab", ["count", "count"], 0.0),
        ("n_a", ["count_a", "count_b"], 0.0),
        ("n_b", ["count_b", "count_a"], 0.0),
        ("support", ["support", "support"], 1e-12),
        ("confidence_ab", ["confidence_ab", "confidence_ba"], 1e-12),
        ("confidence_ba", ["confidence_ba", "confidence_ab"], 1e-12),
        ("lift", ["lift", "lift"], 1e-12),
        ("leverage", ["leverage", "leverage"], 1e-12),
        ("zhang_ab", ["zhang_ab", "zhang_ba"], 1e-12),
        ("zhang_ba", ["zhang_ba", "zhang_ab"], 1e-12),
        ("jaccard", ["jaccard", "jaccard"], 1e-12),
        ("kulczynski", ["kulczynski", "kulczynski"], 1e-12),
        ("cosine", ["cosine", "cosine"], 1e-12),
        ("conviction_ab", ["conviction_ab", "conviction_ba"], 1e-9),
        ("conviction_ba", ["conviction_ba", "conviction_ab"], 1e-9),
    ] {
        let found = pairs.optional_numbers(column);
        let (straight, swapped) = (reference.numbers(expected), reference.numbers(if_swapped));
        for (pair, row) in &ours {
            let their_row = theirs[pair];
            let expected = if is_swapped[their_row] {
                swapped[their_row]
            } else {
                straight[their_row]
            };
            match found[*row] {
                Some(found) => assert_close(found, expected, tolerance, &format!("{column} of {pair:?}")),
                None => assert_eq!(expected, f64::INFINITY, "{column} of {pair:?}"),
            }
        }
    }
}

#[test]
fn k_means_reaches_the_best_inertia_that_is_known() {
    let Some(real) = Real::find() else { return };
    for folder in ["online_retail", "cdnow_sample"] {
        let reference = real.table(&format!("{folder}/rfm.parquet"));
        let columns = ["recency_days", "invoices", "monetary"].map(|name| {
            let values: Vec<f64> = reference.numbers(name).iter().map(|value| value.ln_1p()).collect();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
            values.into_iter().map(|v| (v - mean) / deviation).collect::<Vec<f64>>()
        });
        let points = Array2::from_shape_fn((columns[0].len(), 3), |(row, column)| columns[column][row]);
        let known = real.json(&format!("{folder}/kmeans.json"));
        for (k, expected) in known["k"].as_object().unwrap() {
            // The best that is known is that of 60 starts.
            let best = expected["best_known_inertia"].as_f64().unwrap();
            let centroids = cluster::fit(&points, k.parse().unwrap(), 60, 1);
            let (_, inertia) = cluster::assign(&points, &centroids);
            let excess = inertia / best - 1.0;
            assert!(
                excess.abs() < 5e-4,
                "{folder} k = {k}: {inertia} for {best}, {excess:.1e} off"
            );
        }
    }
}
