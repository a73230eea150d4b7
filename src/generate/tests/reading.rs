//! Reads what was written, with readers that share no code with the writers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use chrono::NaiveDateTime;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::{Defects, Kind};

/// A line as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) order_id: String,
    pub(super) customer_id: String,
    pub(super) ordered_at: NaiveDateTime,
    pub(super) product_id: String,
    pub(super) product_name: String,
    pub(super) category: String,
    pub(super) business_line: String,
    pub(super) channel: String,
    pub(super) quantity: i64,
    pub(super) price_cents: i64,
    pub(super) cost_cents: i64,
    pub(super) currency: String,
}

impl Row {
    pub(super) fn cents(&self) -> i64 {
        self.quantity * self.price_cents
    }
}

pub(super) fn cents(value: f64) -> i64 {
    assert!((value * 100.0 - (value * 100.0).round()).abs() < 1e-6);
    (value * 100.0).round() as i64
}

pub(super) fn read_parquet(path: &Path) -> Vec<Row> {
    let file = fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let text = |name: &str, i: usize| {
            let texts = column(name).as_string::<i32>();
            if texts.is_null(i) {
                String::new()
            } else {
                texts.value(i).to_owned()
            }
        };
        for i in 0..batch.num_rows() {
            let number = |name| column(name).as_primitive::<Float64Type>().value(i);
            let time = column("ordered_at").as_primitive::<TimestampMillisecondType>();
            rows.push(Row {
                order_id: text("order_id", i),
                customer_id: text("customer_id", i),
                ordered_at: time.value_as_datetime(i).unwrap(),
                product_id: text("product_id", i),
                product_name: text("product_name", i),
                category: text("category", i),
                business_line: text("business_line", i),
                channel: text("channel", i),
                quantity: column("quantity").as_primitive::<Int64Type>().value(i),
                price_cents: cents(number("unit_price")),
                cost_cents: cents(number("cost")),
                currency: text("currency", i),
            });
        }
    }
    rows
}

pub(super) fn read_csv(bytes: &[u8]) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(bytes);
    let records = reader.records().map(|record| record.unwrap());
    let row = |r: csv::StringRecord| Row {
        order_id: r[0].to_owned(),
        customer_id: r[1].to_owned(),
        ordered_at: NaiveDateTime::parse_from_str(&r[2], "%Y-%m-%d %H:%M:%S").unwrap(),
        product_id: r[3].to_owned(),
        product_name: r[4].to_owned(),
        category: r[5].to_owned(),
        business_line: r[6].to_owned(),
        channel: r[7].to_owned(),
        quantity: r[8].parse().unwrap(),
        price_cents: cents(r[9].parse().unwrap()),
        cost_cents: cents(r[10].parse().unwrap()),
        currency: r[11].to_owned(),
    };
    records.map(row).collect()
}

/// What a careful cleaner makes of the messy file: the sound lines, and how many lines each defect broke.
pub(super) fn clean(bytes: &[u8]) -> (Vec<Row>, Defects) {
    let text = std::str::from_utf8(bytes).unwrap().strip_prefix('\u{feff}').unwrap();
    assert!(text.lines().count() == text.matches("\r\n").count());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b';')
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let number = |text: &str| text.replace(',', ".").parse::<f64>().ok();
    let mut defects = Defects::default();
    let mut rows = Vec::new();
    for record in reader.records() {
        let r = record.unwrap();
        let ordered_at = NaiveDateTime::parse_from_str(&r[2], "%d/%m/%Y %H:%M");
        let quantity = r[8].parse::<i64>();
        let price = number(&r[9]);
        match (ordered_at, quantity, price) {
            (Err(_), ..) if r[2].is_empty() => defects.missing_date += 1,
            (Err(_), ..) => defects.broken_date += 1,
            (_, Err(_), _) => defects.non_numeric_quantity += 1,
            (_, _, None) => defects.non_numeric_price += 1,
            (_, _, Some(0.0)) => defects.zero_price += 1,
            (Ok(ordered_at), Ok(quantity), Some(price)) => rows.push(Row {
                order_id: r[0].to_owned(),
                customer_id: match r[1].strip_suffix(".0") {
                    Some(number) => format!("C{number:0>5}"),
                    None => r[1].to_owned(),
                },
                ordered_at,
                product_id: r[3].to_owned(),
                product_name: r[4].to_owned(),
                category: r[5].to_owned(),
                business_line: r[6].to_owned(),
                channel: r[7].to_owned(),
                quantity,
                price_cents: cents(price),
                cost_cents: cents(number(&r[10]).unwrap()),
                currency: r[11].to_owned(),
            }),
        }
    }
    (rows, defects)
}

/// The kind of every line, found from the lines alone.
pub(super) fn kinds(rows: &[Row]) -> Vec<Kind> {
    let orders: BTreeSet<&str> = rows.iter().map(|row| &*row.order_id).collect();
    let mut returned: BTreeMap<&str, i64> = BTreeMap::new();
    let mut ordered: BTreeMap<&str, i64> = BTreeMap::new();
    for row in rows {
        match row.order_id.strip_prefix('C') {
            Some(order) => *returned.entry(order).or_default() -= row.quantity,
            None => *ordered.entry(&row.order_id).or_default() += row.quantity,
        }
    }
    let is_mistake = |order: &str| returned.get(order) == ordered.get(order);
    let mut seen = BTreeSet::new();
    let kind = |row: &Row| {
        let first = seen.insert(row.clone());
        match row.order_id.strip_prefix('C') {
            Some(order) => {
                assert!(row.quantity < 0 && orders.contains(order));
                if is_mistake(order) {
                    Kind::Cancellation
                } else {
                    Kind::Return
                }
            }
            None if row.customer_id.is_empty() => Kind::Anonymous,
            None if row.product_id == "POST" => Kind::Postage,
            None if is_mistake(&row.order_id) => Kind::Mistake,
            None if !first => Kind::Duplicate,
            None => Kind::Sale,
        }
    };
    rows.iter().map(kind).collect()
}
