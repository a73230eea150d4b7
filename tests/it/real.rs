//! Real files: the counts that others have published, and the reference results to their digits.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::AsArray;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

fn data() -> Option<PathBuf> {
    let found = std::env::var_os("QUINTILE_REAL_DATA").map(PathBuf::from);
    if found.is_none() {
        eprintln!("skipped: QUINTILE_REAL_DATA is not set");
    }
    found
}

struct Snapshot {
    _folder: tempfile::TempDir,
    place: PathBuf,
    manifest: Value,
}

fn run(input: &Path, arguments: &[&str]) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_quintile"))
        .args(["run", "--quiet", "--out"])
        .arg(folder.path())
        .arg("--input")
        .arg(input)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let is_snapshot = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("as_of=");
    let mut entries = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let place = entries.find(is_snapshot).unwrap();
    let manifest = serde_json::from_slice(&std::fs::read(place.join("manifest.json")).unwrap()).unwrap();
    Snapshot {
        _folder: folder,
        place,
        manifest,
    }
}

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn texts(table: &RecordBatch, column: &str) -> Vec<String> {
    let array = cast(table.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    array
        .as_string::<i32>()
        .iter()
        .map(|text| text.unwrap().to_string())
        .collect()
}

/// Numbers of any type; a null is infinity, as conviction means it.
fn numbers(table: &RecordBatch, column: &str) -> Vec<f64> {
    let array = cast(table.column_by_name(column).unwrap(), &DataType::Float64).unwrap();
    array
        .as_primitive::<Float64Type>()
        .iter()
        .map(|number| number.unwrap_or(f64::INFINITY))
        .collect()
}

fn by_customer(table: &RecordBatch, column: &str) -> HashMap<String, f64> {
    texts(table, "customer_id")
        .into_iter()
        .zip(numbers(table, column))
        .collect()
}

/// Every customer of the reference has our value within `tolerance`, and there is nobody else.
fn assert_same(ours: &RecordBatch, column: &str, reference: &RecordBatch, other: &str, tolerance: f64) {
    let (ours, reference) = (by_customer(ours, column), by_customer(reference, other));
    assert_eq!(ours.len(), reference.len());
    for (id, expected) in reference {
        let found = ours[&id];
        assert!(
            (found - expected).abs() <= tolerance,
            "{column} of {id}: {found}, reference {expected}"
        );
    }
}

fn count(manifest: &Value, path: &str) -> u64 {
    manifest
        .pointer(path)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("manifest has no {path}"))
}

fn close(manifest: &Value, path: &str, expected: f64) {
    let found = manifest.pointer(path).and_then(Value::as_f64).unwrap();
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{path}: {found}, reference {expected}"
    );
}

#[test]
fn online_retail_has_the_published_counts_and_is_the_same_from_csv_and_parquet() {
    let Some(data) = data() else { return };
    let csv = run(&data.join("online_retail_raw.csv.gz"), &[]);
    assert_eq!(count(&csv.manifest, "/rows/read"), 541_909);
    assert_eq!(
        count(&csv.manifest, "/rows/flagged_by_rule/missing_customer/rows"),
        135_080
    );
    assert_eq!(
        count(&csv.manifest, "/rows/rejected_by_rule/missing_customer/rows"),
        135_080
    );
    assert_eq!(
        count(&csv.manifest, "/rows/flagged_by_rule/cancelled_order/rows"),
        9_288
    );
    assert_eq!(count(&csv.manifest, "/customers"), 4_338);
    // rfm.json, net.
    close(&csv.manifest, "/contributors/top_20_share", 0.735_855_697_725_147_7);
    close(&csv.manifest, "/contributors/gini", 0.704_844_541_275_571_5);
    assert_eq!(count(&csv.manifest, "/contributors/customers_for_80_share"), 1_177);
    let parquet = run(&data.join("online_retail.parquet"), &[]);
    for table in [
        "customers.parquet",
        "pairs.parquet",
        "offers.parquet",
        "segments.parquet",
        "clusters.parquet",
    ] {
        let bytes = |snapshot: &Snapshot| std::fs::read(snapshot.place.join(table)).unwrap();
        assert!(
            bytes(&csv) == bytes(&parquet),
            "{table} differs between CSV and Parquet"
        );
    }
}

/// Sales alone, as the reference looks at them: `--set clean.returns=ignore`.
#[test]
fn online_retail_sales_alone_equal_the_reference() {
    let Some(data) = data() else { return };
    let snapshot = run(
        &data.join("online_retail_raw.csv.gz"),
        &["--set", "clean.returns=ignore"],
    );
    let ours = read(&snapshot.place.join("customers.parquet"));
    same_as_reference(&ours, &data.join("../reference/online_retail"));
    close(
        &snapshot.manifest,
        "/contributors/gross_top_20_share",
        0.746_171_371_867_661_4,
    );
    close(&snapshot.manifest, "/contributors/gross_gini", 0.715_139_617_936_951_4);
    assert_eq!(
        count(&snapshot.manifest, "/contributors/gross_customers_for_80_share"),
        1_133
    );
}

fn same_as_reference(ours: &RecordBatch, reference: &Path) {
    let rfm = read(&reference.join("rfm.parquet"));
    assert_same(ours, "days_since_last", &rfm, "recency_days", 0.0);
    assert_same(ours, "orders", &rfm, "invoices", 0.0);
    assert_same(ours, "gross_amount", &rfm, "monetary", 1e-6);
    assert_same(ours, "r_score", &rfm, "R_avg", 0.0);
    assert_same(ours, "f_score", &rfm, "F_avg", 0.0);
    assert_same(ours, "m_score", &rfm, "M_avg", 0.0);
    let summary = read(&reference.join("summary_D.parquet"));
    assert_same(ours, "repeat_days", &summary, "frequency", 0.0);
    assert_same(ours, "t_x_days", &summary, "recency", 0.0);
    assert_same(ours, "age_days", &summary, "T", 0.0);
}

#[test]
fn cdnow_without_a_header_equals_the_reference() {
    let Some(data) = data() else { return };
    let columns = ["--columns", "master_id,customer_id,ordered_at,quantity,amount"];
    let snapshot = run(&data.join("cdnow_sample.txt"), &columns);
    assert_eq!(count(&snapshot.manifest, "/rows/kept"), 6_919);
    assert_eq!(count(&snapshot.manifest, "/customers"), 2_357);
    assert_eq!(count(&snapshot.manifest, "/contributors/customers_for_80_share"), 777);
    close(&snapshot.manifest, "/amounts/net", 244_091.94);
    let ours = read(&snapshot.place.join("customers.parquet"));
    same_as_reference(&ours, &data.join("../reference/cdnow_sample"));
}

/// All baskets and no filter, as the reference counts them; the switches are the differences by choice.
#[test]
fn online_retail_pairs_equal_the_reference() {
    let Some(data) = data() else { return };
    let switches = [
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
    let arguments: Vec<&str> = switches.iter().flat_map(|switch| ["--set", switch]).collect();
    let snapshot = run(&data.join("online_retail_raw.csv.gz"), &arguments);
    assert_eq!(count(&snapshot.manifest, "/pairs/n_baskets"), 20_728);
    let ours = read(&snapshot.place.join("pairs.parquet"));
    let reference = read(&data.join("../reference/online_retail/pairs_at_threshold.parquet"));
    assert_eq!(ours.num_rows(), reference.num_rows());
    let rows = |table: &RecordBatch| -> HashMap<(String, String), usize> {
        texts(table, "product_a")
            .into_iter()
            .zip(texts(table, "product_b"))
            .zip(0..)
            .collect()
    };
    let (our_rows, reference_rows) = (rows(&ours), rows(&reference));
    let columns = [
        ("n_ab", "count"),
        ("n_a", "count_a"),
        ("n_b", "count_b"),
        ("support", "support"),
        ("confidence_ab", "confidence_ab"),
        ("confidence_ba", "confidence_ba"),
        ("lift", "lift"),
        ("leverage", "leverage"),
        ("conviction_ab", "conviction_ab"),
        ("conviction_ba", "conviction_ba"),
        ("zhang_ab", "zhang_ab"),
        ("zhang_ba", "zhang_ba"),
        ("jaccard", "jaccard"),
        ("kulczynski", "kulczynski"),
        ("cosine", "cosine"),
    ];
    for (column, other) in columns {
        let (ours, reference) = (numbers(&ours, column), numbers(&reference, other));
        for (pair, row) in &reference_rows {
            let (found, expected) = (ours[our_rows[pair]], reference[*row]);
            let same = found == expected || (found - expected).abs() <= 1e-11 * expected.abs().max(1.0);
            assert!(same, "{column} of {pair:?}: {found}, reference {expected}");
        }
    }
}
