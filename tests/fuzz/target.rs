//! One execution on whole files: plan, stream, look at every value, do it again and compare.
//!
//! In: the bytes of a file. Out: what became of it ([`Seen`]); a panic where something does not hold. Everything that
//! is chosen at random (settings, a second file, a folder that names a column) is drawn from a hash of the bytes, so
//! that the bytes alone bring a failure back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use quintile::load::batch::{MISSING_CODE, RawBatch, RawRows, TextColumn, is_value};
use quintile::load::date::DateFormat;
use quintile::load::header::Canonical;
use quintile::load::{Config, Error, Params, Plan, plan, record_fields, stream};
use rand::{Rng, SeedableRng};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::{Random, corpus, parsers};

/// What became of a file.
#[derive(Debug, Default)]
pub struct Seen {
    pub is_planned: bool,
    pub is_streamed: bool,
    pub n_rows: u64,
    /// What is new about it if no file before had it: the decisions or the error, without names and numbers.
    pub shape: String,
}

pub struct Target {
    folder: PathBuf,
    good: PathBuf,
    settings: Vec<Params>,
    parsers: parsers::Parsers,
}

/// Folders in which the file may lie; some name a column of it.
const PLACES: [&str; 6] = [
    "",
    "currency=EUR",
    "ordered_at=2024-01-05",
    "amount=%31%30,5",
    "customer_id=k1",
    "product_id=__HIVE_DEFAULT_PARTITION__",
];

impl Target {
    /// Files are written to `folder`, which must be there.
    pub fn new(folder: &Path) -> Self {
        let good = folder.join("good.csv");
        fs::write(&good, corpus::good()).expect("a folder to write to");
        for place in PLACES {
            fs::create_dir_all(folder.join(place)).expect("a folder to write to");
        }
        let path = folder.join("input");
        fs::write(&path, b"").expect("a folder to write to");
        Self {
            settings: settings(&path),
            folder: folder.to_path_buf(),
            good,
            parsers: parsers::Parsers::default(),
        }
    }

    pub fn run(&mut self, bytes: &[u8]) -> Seen {
        let mut rng = Random::seed_from_u64(xxh3_64(bytes));
        self.parsers.run(bytes, &mut rng);
        self.files(bytes, &mut rng)
    }

    fn files(&self, bytes: &[u8], rng: &mut Random) -> Seen {
        let place = if rng.gen_ratio(1, 6) {
            rng.gen_range(0..PLACES.len())
        } else {
            0
        };
        let path = self.folder.join(PLACES[place]).join("input");
        fs::write(&path, bytes).expect("a folder to write to");
        // Settings that name a table beside it mean the file in the folder itself.
        if place != 0 {
            fs::write(self.folder.join("input"), bytes).expect("a folder to write to");
        }
        // Half of all files are read with nothing said about them.
        let at = if rng.gen_ratio(1, 2) {
            0
        } else {
            rng.gen_range(0..self.settings.len())
        };
        let params = &self.settings[at];
        let inputs = match rng.gen_range(0..12) {
            0 => vec![path.clone(), self.good.clone()],
            1 => vec![self.good.clone(), path.clone()],
            _ => vec![path.clone()],
        };
        let mut seen = Seen::default();
        let found = match plan(params, &inputs) {
            Ok(found) => found,
            Err(error) => {
                seen.shape = check_error(&error);
                if rng.gen_ratio(1, 8) {
                    let again = plan(params, &inputs).map(drop).map_err(|error| error.to_string());
                    assert_eq!(again, Err(error.to_string()), "the second plan differs");
                }
                return seen;
            }
        };
        seen.is_planned = true;
        check_plan(&found);
        let first = read(&found, 1);
        match &first {
            Ok(rows) => {
                seen.is_streamed = true;
                seen.n_rows = rows.n;
                seen.shape = plan_shape(&found, rows);
            }
            Err(error) => seen.shape = check_error(error),
        }
        if rng.gen_ratio(1, 4) {
            same_again(params, &inputs, &found, &first);
        }
        seen
    }
}

/// A second plan says the same and a second reading gives the same rows, whatever the number of threads.
fn same_again(params: &Params, inputs: &[PathBuf], found: &Plan, first: &Result<Rows, Error>) {
    let again = plan(params, inputs).expect("the first plan was made");
    assert_eq!(again.columns, found.columns, "the columns of the second plan");
    assert_eq!(again.found_out(), found.found_out(), "what the second plan found out");
    for n_threads in [1, 2] {
        match (&first, read(&again, n_threads)) {
            (Ok(first), Ok(rows)) => {
                assert_eq!(rows.n, first.n, "rows read with {n_threads} threads");
                assert!(
                    rows.hashes == first.hashes,
                    "values read with {n_threads} threads differ"
                );
            }
            (Err(first), Err(error)) if n_threads == 1 => assert_eq!(error.to_string(), first.to_string()),
            (Err(_), Err(_)) => {}
            (first, rows) => panic!(
                "{n_threads} threads: {:?}, at first {:?}",
                rows.map(|rows| rows.n),
                first.as_ref().map(|rows| rows.n)
            ),
        }
    }
}

/// Rows read, and a hash of each with its file and place, in this order.
pub struct Rows {
    pub n: u64,
    pub hashes: Vec<(u32, u64, u64)>,
    is_odd: bool,
}

fn read(plan: &Plan, n_threads: usize) -> Result<Rows, Error> {
    let rows = Mutex::new(Rows {
        n: 0,
        hashes: Vec::new(),
        is_odd: false,
    });
    let sink = |batch: RawBatch| {
        assert!((batch.file as usize) < plan.files.len());
        check_batch(&batch);
        if batch.n_rows > 0 {
            record_fields(&plan.files[batch.file as usize], &batch.raw.text(batch.n_rows - 1));
        }
        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.n += batch.n_rows as u64;
        rows.is_odd |= !batch.ragged.is_empty() || !batch.broken.is_empty();
        row_hashes(&batch, MAX_ROWS, &mut rows.hashes);
    };
    stream(plan, n_threads, || |batch| sink(batch))?;
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.hashes.sort_unstable();
    Ok(rows)
}

/// So many rows of a batch are looked at one by one; a file of few bytes may have millions that are alike.
const MAX_ROWS: usize = 20_000;

fn texts(batch: &RawBatch) -> [Option<&TextColumn>; 6] {
    [
        Some(&batch.customer),
        batch.order.as_ref(),
        batch.product.as_ref(),
        batch.product_name.as_ref(),
        batch.currency.as_ref(),
        batch.line_type.as_ref(),
    ]
}

fn numbers(batch: &RawBatch) -> [Option<&Vec<i64>>; 6] {
    [
        Some(&batch.ordered_at),
        batch.amount.as_ref(),
        batch.quantity.as_ref(),
        batch.unit_price.as_ref(),
        batch.cost.as_ref(),
        batch.discount.as_ref(),
    ]
}

/// A hash of every row up to `limit`, which does not depend on how rows are put into batches.
pub fn row_hashes(batch: &RawBatch, limit: usize, into: &mut Vec<(u32, u64, u64)>) {
    for i in 0..batch.n_rows.min(limit) {
        let mut hasher = Xxh3::new();
        for column in texts(batch) {
            let value = column.and_then(|column| column.value(i)).unwrap_or_default();
            hasher.update(&value.len().to_le_bytes());
            hasher.update(value);
        }
        for column in numbers(batch) {
            hasher.update(&column.map_or(0, |column| column[i]).to_le_bytes());
        }
        let row = i as u32;
        hasher.update(&[
            u8::from(batch.ragged.binary_search(&row).is_ok()),
            u8::from(batch.broken.binary_search(&row).is_ok()),
        ]);
        hasher.update(batch.raw.text(i).as_bytes());
        into.push((batch.file, batch.raw.number(i), hasher.digest()));
    }
}

/// Everything that later stages rely on.
pub fn check_batch(batch: &RawBatch) {
    let n = batch.n_rows;
    for column in texts(batch).into_iter().flatten() {
        assert_eq!(column.codes.len(), n, "codes of a text column");
        for &code in column.codes.iter().filter(|code| **code != MISSING_CODE) {
            assert!((code as usize) < column.values.len(), "code {code} has no value");
        }
        for i in 0..n.min(MAX_ROWS) {
            if let Some(value) = column.value(i) {
                assert!(!value.is_empty() && value == value.trim_ascii(), "text {value:?}");
            }
        }
        for i in 0..column.values.len().min(MAX_ROWS) {
            let _ = column.values.text(i);
        }
    }
    for column in numbers(batch).into_iter().flatten() {
        assert_eq!(column.len(), n, "values of a number column");
    }
    for rows in [&batch.ragged, &batch.broken] {
        assert!(rows.is_sorted_by(|a, b| a < b), "odd rows out of order");
        assert!(
            rows.last().is_none_or(|last| (*last as usize) < n),
            "an odd row that is none"
        );
    }
    let mut previous = 0;
    for i in 0..n.min(MAX_ROWS) {
        let number = batch.raw.number(i);
        // Records that end with a carriage return alone share a line.
        assert!(previous <= number && 0 < number, "row {number} after row {previous}");
        previous = number;
        let _ = batch.raw.text(i);
    }
    if let RawRows::Text { bytes, records, .. } = &batch.raw {
        assert_eq!(records.len(), n, "places of rows");
        let mut last = 0;
        for record in records {
            let is_in_order = last <= record.start && record.start <= record.end;
            assert!(
                is_in_order && record.end as usize <= bytes.len(),
                "places of rows overlap"
            );
            last = record.end;
        }
        // What a text says of its dates is a year of chrono's calendar.
        let is_sane = |second: &&i64| !is_value(**second) || second.unsigned_abs() < 1 << 44;
        assert_eq!(
            batch.ordered_at.iter().find(|second| !is_sane(second)),
            None,
            "a moment"
        );
    }
}

fn check_plan(plan: &Plan) {
    assert!(!plan.files.is_empty());
    assert!(plan.has(Canonical::CustomerId) && plan.has(Canonical::OrderedAt));
    for file in &plan.files {
        let in_file = |position: &usize| *position < file.headers.len();
        assert!(
            file.mapping.positions.iter().flatten().all(in_file),
            "a column that is none"
        );
    }
    for line in plan.found_out() {
        assert!(!line.is_empty());
    }
    for decision in &plan.decisions {
        assert!(
            !decision.value.is_empty() && !decision.evidence.is_empty(),
            "{decision:?}"
        );
    }
    if let Some(customers) = &plan.customers {
        assert!(customers.id < customers.table.columns.len());
        let n_rows = customers.table.n_rows();
        assert!(
            customers.table.columns.iter().all(|column| column.len() == n_rows),
            "rows of a side table"
        );
    }
    if let Some(map) = &plan.customer_map {
        assert_eq!(map.table.pairs(map.from, map.to).count(), map.table.n_rows());
    }
}

/// A message and a hint; without what differs between files of one kind.
fn check_error(error: &Error) -> String {
    let (message, hint) = (error.to_string(), error.hint());
    assert!(
        !message.trim().is_empty() && !hint.trim().is_empty(),
        "{error:?} has no message or hint"
    );
    assert!(matches!(error.exit_code(), 2 | 3));
    let kind = format!("{error:?}");
    let kind: String = kind.chars().take_while(|c| c.is_alphanumeric()).collect();
    let words = message.split_once(": ").map_or("", |(_, what)| what).split_whitespace();
    let plain: Vec<&str> = words
        .filter(|word| word.chars().all(|c| c.is_ascii_alphabetic()))
        .take(6)
        .collect();
    format!("{kind} {}", plain.join(" "))
}

fn plan_shape(plan: &Plan, rows: &Rows) -> String {
    let columns: Vec<&str> = plan.columns.iter().map(|column| column.canonical.name()).collect();
    let decisions: Vec<&str> = plan.decisions.iter().map(|decision| decision.value.as_str()).collect();
    let format = format!("{:?}", plan.files[0].format);
    let format: String = format.chars().take_while(|c| c.is_alphanumeric()).collect();
    let size = rows.n.checked_ilog2();
    format!(
        "{format} {} {} {size:?} {}",
        columns.join(","),
        decisions.join(","),
        rows.is_odd
    )
}

/// All that may be said about the input, one thing at a time. The first says nothing.
fn settings(input: &Path) -> Vec<Params> {
    let auto = || Config {
        columns: Vec::new(),
        delimiter: "auto".to_owned(),
        encoding: "auto".to_owned(),
        decimal: "auto".to_owned(),
        date_format: "auto".to_owned(),
        cost: "auto".to_owned(),
        discount: "auto".to_owned(),
        sheet: String::new(),
        customers: String::new(),
        customers_id: String::new(),
        customer_map: String::new(),
        map: Default::default(),
    };
    let mut configs = vec![auto()];
    let mut with = |change: &dyn Fn(&mut Config)| {
        let mut config = auto();
        change(&mut config);
        configs.push(config);
    };
    for delimiter in [",", ";", "|", "tab", "blank", "a", "0"] {
        with(&|config| config.delimiter = delimiter.to_owned());
    }
    for encoding in [
        "utf-8",
        "utf-16le",
        "utf-16be",
        "gb18030",
        "big5",
        "shift_jis",
        "iso-2022-jp",
        "windows-1252",
    ] {
        with(&|config| config.encoding = encoding.to_owned());
    }
    for decimal in ["point", "comma"] {
        with(&|config| config.decimal = decimal.to_owned());
    }
    for format in DateFormat::ALL {
        with(&|config| config.date_format = format.name().to_owned());
    }
    with(&|config| config.cost = "unit".to_owned());
    with(&|config| config.discount = "percent".to_owned());
    for sheet in ["Sheet1", "missing"] {
        with(&|config| config.sheet = sheet.to_owned());
    }
    let names = [
        "customer_id",
        "order_id",
        "ordered_at",
        "product_id",
        "quantity",
        "amount",
    ];
    with(&|config| config.columns = names.map(str::to_owned).to_vec());
    with(&|config| config.columns = ["customer_id", "_", "ordered_at", "amount"].map(str::to_owned).to_vec());
    let input = input.display().to_string();
    with(&|config| config.customers = input.clone());
    with(&|config| {
        config.customers = input.clone();
        config.customers_id = "customer_id".to_owned();
    });
    with(&|config| config.customer_map = input.clone());
    for map in [
        &[("customer_id", "CUSTOMER_ID"), ("amount", "_")][..],
        &[
            ("customer_id", "amount"),
            ("amount", "amount"),
            ("ordered_at", "ordered_at"),
        ],
        &[("customer_id", "missing")],
    ] {
        with(&|config| config.map = map.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    }
    let zones = [
        chrono_tz::UTC,
        chrono_tz::Europe::Berlin,
        chrono_tz::Asia::Shanghai,
        chrono_tz::America::St_Johns,
    ];
    let check = |(i, config): (usize, &Config)| {
        let mut problems = Vec::new();
        let params = config.check(zones[i % zones.len()], &mut problems);
        params.unwrap_or_else(|| panic!("{problems:?}"))
    };
    configs.iter().enumerate().map(check).collect()
}
