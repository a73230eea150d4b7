//! Whole runs, read back from their files.

mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{Days, NaiveDate};
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use reading::{Row, cents, clean, kinds, read_csv, read_parquet};

fn small() -> Config {
    Config {
        customers: Some(300),
        days: 400,
        ..Config::default()
    }
}

fn generate(config: &Config, dir: &Path) -> Truth {
    let config = Config {
        out: dir.to_owned(),
        ..config.clone()
    };
    run(&config.check().unwrap(), &|_| {}).unwrap()
}

/// The same, with blocks of so many customers.
fn generate_in_blocks(config: &Config, dir: &Path, block_customers: u64) -> Truth {
    let config = Config {
        out: dir.to_owned(),
        ..config.clone()
    };
    let mut params = config.check().unwrap();
    params.block_customers = block_customers;
    run(&params, &|_| {}).unwrap()
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    files
        .map(|f| (f.file_name().into_string().unwrap(), fs::read(f.path()).unwrap()))
        .collect()
}

fn assert_truth_is_in_the_rows(truth: &Truth, rows: &[Row]) {
    let kinds = kinds(rows);
    for (kind, totals) in &truth.kinds {
        let mine = || rows.iter().zip(&kinds).filter(|(_, k)| *k == kind).map(|(row, _)| row);
        assert!(0 < totals.lines, "{kind:?} is not tested");
        assert_eq!(mine().count() as u64, totals.lines, "{kind:?}");
        assert_eq!(mine().map(|row| row.quantity).sum::<i64>(), totals.units);
        assert_eq!(mine().map(Row::cents).sum::<i64>(), cents(totals.amount));
        let orders: BTreeSet<&str> = mine().map(|row| &*row.order_id).collect();
        let is_line_of_a_sale = matches!(kind, Kind::Duplicate | Kind::Postage);
        let n_orders = if is_line_of_a_sale { 0 } else { orders.len() as u64 };
        assert_eq!(n_orders, totals.orders);
    }
    assert_eq!(truth.kinds.len(), Kind::ALL.len());

    let sales = || {
        rows.iter()
            .zip(&kinds)
            .filter(|(_, k)| **k == Kind::Sale)
            .map(|(row, _)| row)
    };
    let mut days: BTreeMap<&str, BTreeSet<NaiveDate>> = BTreeMap::new();
    let mut orders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut baskets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in sales() {
        days.entry(&row.customer_id).or_default().insert(row.ordered_at.date());
        orders.entry(&row.customer_id).or_default().insert(&row.order_id);
        baskets.entry(&row.order_id).or_default().insert(&row.product_id);
    }
    let n = orders.len();
    assert_eq!(truth.customers, n as u64);
    assert_eq!(truth.orders, baskets.len() as u64);
    assert_eq!(truth.repeat_orders, (baskets.len() - n) as u64);
    let repeaters = orders.values().filter(|orders| 1 < orders.len()).count();
    assert_eq!(truth.repeat_customers, repeaters as u64);
    let n_days: usize = days.values().map(BTreeSet::len).sum();
    assert_eq!(truth.repeat_days, (n_days - n) as u64);
    assert_eq!(truth.repeat_days, truth.repeat_orders);
    let sold: BTreeSet<&str> = sales().map(|row| &*row.product_id).collect();
    assert_eq!(truth.products_sold, sold.len() as u32);
    let gross: i64 = sales().map(Row::cents).sum();
    assert_eq!(cents(truth.gross_amount), gross);
    let net = gross + cents(truth.returned_amount);
    assert_eq!(cents(truth.net_amount), net);

    let holding = |products: &[&String]| {
        let all = |basket: &&BTreeSet<&str>| products.iter().all(|p| basket.contains(p.as_str()));
        baskets.values().filter(all).count() as u64
    };
    for pair in &truth.pairs {
        assert_eq!(pair.n_a, holding(&[&pair.product_a]));
        assert_eq!(pair.n_b, holding(&[&pair.product_b]));
        assert_eq!(pair.n_ab, holding(&[&pair.product_a, &pair.product_b]));
        assert_eq!(pair.n_baskets, truth.orders);
    }

    let first: NaiveDate = truth.start_date.parse().unwrap();
    let last = first + Days::new(u64::from(truth.days) - 1);
    assert_eq!(truth.end_date, last.to_string());
    assert!(rows.iter().all(|row| (first..=last).contains(&row.ordered_at.date())));
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let csv = Config {
        format: Some(Format::Csv),
        gzip: true,
        files: 3,
        ..small()
    };
    let messy = Config {
        messy: true,
        files: 2,
        ..small()
    };
    for config in [small(), csv, messy] {
        let bytes = |threads| {
            let dir = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| generate_in_blocks(&config, dir.path(), 7));
            contents(dir.path())
        };
        assert!(bytes(1) == bytes(4));
    }
}

#[test]
fn many_blocks_hold_what_one_block_holds() {
    let dir = tempfile::tempdir().unwrap();
    let rows_in = |block_customers, name| {
        let out = dir.path().join(name);
        let truth = generate_in_blocks(&small(), &out, block_customers);
        let rows = read_parquet(&out.join("transactions.parquet"));
        assert_truth_is_in_the_rows(&truth, &rows);
        // Order numbers tell the blocks apart, so they are left out.
        let mut lines: Vec<Row> = rows
            .into_iter()
            .map(|row| Row {
                order_id: row.order_id.chars().filter(|c| *c == 'C').collect(),
                ..row
            })
            .collect();
        lines.sort();
        lines
    };
    assert!(rows_in(7, "many") == rows_in(300, "one"));
}

#[test]
fn the_truth_is_what_stands_in_the_files() {
    for model in [Model::BgNbd, Model::MbgNbd, Model::ParetoNbd] {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            model,
            customers: Some(1_500),
            acquisition_days: Some(200),
            ..small()
        };
        let truth = generate(&config, dir.path());
        let rows = read_parquet(&dir.path().join("transactions.parquet"));
        assert_eq!(truth.lines, rows.len() as u64);
        assert_eq!(truth.defects, Defects::default());
        assert_truth_is_in_the_rows(&truth, &rows);
        assert!(rows.is_sorted_by_key(|row| row.ordered_at));

        let written = fs::read_to_string(dir.path().join("truth.json")).unwrap();
        assert_eq!(serde_json::from_str::<Truth>(&written).unwrap(), truth);
        assert!(!written.contains(dir.path().to_str().unwrap()));
        assert_eq!(contents(dir.path()).len(), 2);
    }
}

#[test]
fn every_notation_and_number_of_files_holds_the_same_lines() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path();
    let truth = generate(&small(), &base.join("parquet"));
    let rows = read_parquet(&base.join("parquet/transactions.parquet"));

    let csv = Config {
        format: Some(Format::Csv),
        ..small()
    };
    let of_csv = generate(&csv, &base.join("csv"));
    assert_eq!(read_csv(&fs::read(base.join("csv/transactions.csv")).unwrap()), rows);
    assert_eq!(of_csv.kinds, truth.kinds);

    let gzip = Config {
        gzip: true,
        files: 7,
        ..csv
    };
    let in_seven = generate(&gzip, &base.join("gzip"));
    let mut all = Vec::new();
    assert_eq!(in_seven.files.len(), 7);
    for file in &in_seven.files {
        let packed = fs::File::open(base.join("gzip").join(&file.path)).unwrap();
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut MultiGzDecoder::new(packed), &mut text).unwrap();
        let part = read_csv(&text);
        assert_eq!(part.len() as u64, file.rows);
        assert!(!part.is_empty());
        all.extend(part);
    }
    assert_eq!(all, rows);
    assert_eq!(in_seven.files[0].path, "transactions_001.csv.gz");

    let in_three = Config { files: 3, ..small() };
    let in_three = generate(&in_three, &base.join("three"));
    let parts = in_three.files.iter().map(|file| base.join("three").join(&file.path));
    assert_eq!(parts.flat_map(|path| read_parquet(&path)).collect::<Vec<_>>(), rows);

    let messy = Config {
        messy: true,
        gzip: false,
        defect_share: 0.1,
        ..small()
    };
    let of_messy = generate(&messy, &base.join("csv"));
    let bytes = fs::read(base.join("csv/transactions_messy.csv")).unwrap();
    let (cleaned, defects) = clean(&bytes);
    assert_eq!(cleaned, rows);
    assert_eq!(defects, of_messy.defects);
    assert_eq!(of_messy.lines, rows.len() as u64 + defects.lines());
    assert_eq!(of_messy.kinds, truth.kinds);
    let Defects {
        broken_date,
        missing_date,
        non_numeric_quantity,
        non_numeric_price,
        zero_price,
    } = defects;
    let each = [
        broken_date,
        missing_date,
        non_numeric_quantity,
        non_numeric_price,
        zero_price,
    ];
    assert!(each.iter().all(|count| 0 < *count));
    // The clean truth is still there, beside the messy one.
    assert_eq!(contents(&base.join("csv")).len(), 4);
}

#[test]
fn oddities_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { messy: true, ..small() };
    let truth = generate(&config, dir.path());
    let text = fs::read_to_string(dir.path().join("transactions_messy.csv")).unwrap();
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
    let mut oddities = Oddities::default();
    let mut seen = BTreeSet::new();
    for record in reader.records() {
        let r = record.unwrap();
        // Broken copies are not padded, and their names are counted with the line they copy.
        let broken = r[2].len() != 16
            || r[2].starts_with("31/02")
            || r[2].starts_with("00/00")
            || r[8].parse::<i64>().is_err()
            || r[9].replace(',', ".").parse::<f64>().is_ok_and(|price| price == 0.0)
            || r[9].replace(',', ".").parse::<f64>().is_err();
        let padded = |cell: &str| u64::from(cell.ends_with("  "));
        oddities.blanks_for_customer += u64::from(&r[1] == "   ");
        oddities.padded_customer_id += u64::from(r[1].contains('.')) * padded(&r[1]);
        oddities.padded_product_id += padded(&r[3]);
        oddities.padded_product_name += padded(&r[4]);
        oddities.delimiter_or_quote_in_name += u64::from(!broken && r[4].contains([';', '"']));
        seen.insert(r[4].trim_end().to_owned());
    }
    assert_eq!(oddities, truth.oddities);
    let Oddities {
        padded_customer_id,
        padded_product_id,
        padded_product_name,
        blanks_for_customer,
        delimiter_or_quote_in_name,
    } = oddities;
    assert!(0 < padded_customer_id.min(padded_product_id).min(padded_product_name));
    assert!(0 < blanks_for_customer.min(delimiter_or_quote_in_name));
    assert!(seen.iter().any(|name| name.contains(" 12\"")));
    assert!(seen.iter().any(|name| name.contains("; gift boxed")));
}

#[test]
fn files_hold_the_process_the_spend_and_the_pairs() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        customers: Some(20_000),
        days: 365,
        acquisition_days: Some(1),
        seed: 3,
        ..Config::default()
    };
    let truth = generate(&config, dir.path());
    let rows = read_parquet(&dir.path().join("transactions.parquet"));
    let kinds = kinds(&rows);
    let mut orders: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for (row, _) in rows.iter().zip(&kinds).filter(|(_, kind)| **kind == Kind::Sale) {
        let order = orders.entry(&row.customer_id).or_default();
        *order.entry(&row.order_id).or_default() += row.cents();
    }
    let n = orders.len() as f64;
    let mean_and_error = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, (variance / n).sqrt())
    };

    let repeats: Vec<f64> = orders.values().map(|o| o.len() as f64 - 1.0).collect();
    let (mean, error) = mean_and_error(&repeats);
    assert!(error / mean < 0.02, "too rough to tell");
    let expected = truth.process.expected_repeat_orders;
    assert!(
        (mean - expected).abs() <= 3.0 * error,
        "{mean} +- {error} for {expected}"
    );

    // One amount of each customer: the orders of one customer are alike.
    let amounts: Vec<f64> = orders
        .values()
        .filter_map(|o| o.values().next().map(|&cents| cents as f64 / 100.0))
        .collect();
    let (mean, error) = mean_and_error(&amounts);
    assert!(error / mean < 0.02, "too rough to tell");
    let expected = truth.spend.expected_order_amount;
    assert!(
        (mean - expected).abs() <= 3.0 * error,
        "{mean} +- {error} for {expected}"
    );

    assert_eq!(truth.pairs.len(), 8);
    for pair in &truth.pairs {
        // The joint count is the rarest, and rules the error of the logarithm; orders of one customer share
        // a home line, which adds a little.
        let error = (1.0 / pair.n_ab as f64).sqrt();
        assert!(error < 0.05, "too rough to tell");
        let ratio = (pair.lift.unwrap() / pair.expected_lift).ln();
        assert!(ratio.abs() <= 3.0 * error, "{pair:?}");
        assert!(5.0 < pair.expected_lift);
    }
    let shares = [
        (Kind::Return, Kind::Sale, config.return_share),
        (Kind::Duplicate, Kind::Sale, config.duplicate_share),
    ];
    for (kind, of, share) in shares {
        let [kind, of] = [kind, of].map(|kind| truth.kinds[&kind].lines as f64);
        // Returns are a little fewer: some would come after the last day.
        assert!((kind / of / share - 1.0).abs() < 0.08, "{} for {share}", kind / of);
    }
    let orders = |kind| truth.kinds[&kind].orders as f64;
    let placed = orders(Kind::Sale) + orders(Kind::Mistake) + orders(Kind::Anonymous);
    for (kind, share) in [(Kind::Mistake, 0.01), (Kind::Anonymous, 0.03)] {
        assert!((orders(kind) / placed / share - 1.0).abs() < 0.05);
    }
}

#[test]
fn lines_aimed_at_are_met() {
    for (lines, model) in [(50_000, Model::BgNbd), (400_000, Model::ParetoNbd)] {
        for messy in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let config = Config {
                lines: Some(lines),
                model,
                messy,
                ..Config::default()
            };
            let truth = generate(&config, dir.path());
            let bound = 2.5 / (truth.customers as f64).sqrt();
            let off = truth.lines as f64 / lines as f64 - 1.0;
            assert!(off.abs() <= bound, "off by {off}, bound {bound}");
            assert!((truth.lines_expected / lines as f64 - 1.0).abs() < 1e-3);
        }
    }
}

#[test]
fn files_of_another_run_are_not_left_beside_the_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let split = Config { files: 2, ..small() };
    generate(&split, dir.path());
    let before = contents(dir.path());
    let whole = Config {
        out: dir.path().to_owned(),
        ..small()
    };
    let error = run(&whole.check().unwrap(), &|_| {}).unwrap_err();
    assert!(matches!(&error, Error::Leftover { .. }));
    assert!(error.hint().contains("--out"));
    assert!(contents(dir.path()) == before);
    // The same split replaces them.
    generate(&Config { seed: 2, ..split }, dir.path());
    assert!(contents(dir.path()) != before);
}

#[test]
fn a_run_that_fails_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    // A folder where the file should go: everything is written, and cannot be renamed.
    fs::create_dir_all(dir.path().join("transactions.parquet/x")).unwrap();
    let config = Config {
        out: dir.path().to_owned(),
        ..small()
    };
    let error = run(&config.check().unwrap(), &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    let names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["transactions.parquet"]);
}

#[test]
fn every_problem_is_reported() {
    let config = Config {
        days: 1,
        start_date: "31.12.2024".to_owned(),
        model: Model::ParetoNbd,
        a: Some(1.0),
        r: Some(f64::NAN),
        q: 1.0,
        gamma: f64::INFINITY,
        products: 5,
        pairs: 17,
        pair_prob: 1.5,
        messy: true,
        format: Some(Format::Parquet),
        customers: Some(3),
        lines: Some(3),
        currency: "eur;".to_owned(),
        ..Config::default()
    };
    let error = config.check().unwrap_err();
    let Error::Config { problems } = &error else {
        panic!("{error}");
    };
    let keys: BTreeSet<&str> = problems.iter().map(|problem| problem.key).collect();
    let expected = [
        "a",
        "currency",
        "days",
        "format",
        "gamma",
        "lines",
        "pair_prob",
        "pairs",
        "products",
        "q",
        "r",
        "start_date",
    ];
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), expected);
    assert!(error.hint().contains("--pair-prob"));
}

#[test]
fn the_ends_of_what_is_allowed_work() {
    let corners = [
        Config {
            customers: Some(1),
            days: 2,
            products: 8,
            business_lines: 1,
            pairs: 4,
            basket_draws: 1.0,
            ..Config::default()
        },
        Config {
            customers: Some(50),
            products: 48,
            business_lines: 6,
            pairs: 24,
            pair_prob: 1.0,
            basket_draws: 50.0,
            zipf_exponent: 3.0,
            focus_share: 1.0,
            r: Some(0.05),
            a: Some(0.05),
            b: Some(0.05),
            p: 0.05,
            q: 1.001,
            gamma: 1e6,
            return_share: 0.5,
            cancelled_order_share: 0.25,
            anonymous_share: 0.25,
            duplicate_share: 0.5,
            postage_share: 1.0,
            files: 50,
            ..Config::default()
        },
        Config {
            customers: Some(20),
            model: Model::MbgNbd,
            start_date: "1960-02-29".to_owned(),
            gamma: 0.01,
            alpha: Some(1e6),
            ..Config::default()
        },
    ];
    for config in corners {
        for messy in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let config = Config {
                messy,
                ..config.clone()
            };
            let truth = generate(&config, dir.path());
            assert_eq!(truth.customers, config.customers.unwrap());
            assert_eq!(truth.lines, truth.files.iter().map(|file| file.rows).sum::<u64>());
            let path = |file: &FileTruth| dir.path().join(&file.path);
            let mut returned: BTreeMap<(String, String), i64> = BTreeMap::new();
            let rows: Vec<Row> = match messy {
                true => truth
                    .files
                    .iter()
                    .flat_map(|f| clean(&fs::read(path(f)).unwrap()).0)
                    .collect(),
                false => truth.files.iter().flat_map(|f| read_parquet(&path(f))).collect(),
            };
            assert_eq!(rows.len() as u64 + truth.defects.lines(), truth.lines);
            // Nobody brings back more than he has.
            for row in rows.iter().filter(|row| row.product_id != "POST") {
                let order = row.order_id.trim_start_matches('C').to_owned();
                *returned.entry((order, row.product_id.clone())).or_default() += row.quantity;
                assert!(0 < row.price_cents);
            }
            assert!(returned.values().all(|left| 0 <= *left));
        }
    }
}

#[test]
fn parquet_columns_have_plain_types() {
    let dir = tempfile::tempdir().unwrap();
    generate(&small(), dir.path());
    let file = fs::File::open(dir.path().join("transactions.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let columns: Vec<(&str, &DataType)> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), field.data_type()))
        .collect();
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    let expected = [
        ("order_id", &DataType::Utf8),
        ("customer_id", &DataType::Utf8),
        ("ordered_at", &time),
        ("product_id", &DataType::Utf8),
        ("product_name", &DataType::Utf8),
        ("category", &DataType::Utf8),
        ("business_line", &DataType::Utf8),
        ("channel", &DataType::Utf8),
        ("quantity", &DataType::Int64),
        ("unit_price", &DataType::Float64),
        ("cost", &DataType::Float64),
        ("currency", &DataType::Utf8),
    ];
    assert_eq!(columns, expected);
}
