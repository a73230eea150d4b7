//! The two reductions once more, as plainly and slowly as their rules can be written down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{Frame, data};

pub const MINUTES_A_DAY: i64 = 1_440;

/// A transaction line; money in cents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub customer: Option<String>,
    pub order: String,
    /// Minutes since 1970-01-01.
    pub minute: i64,
    pub product: Option<String>,
    pub quantity: i64,
    pub amount: i64,
}

impl Line {
    fn is_cancelled(&self) -> bool {
        let number = self.order.strip_prefix(['C', 'c']);
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    }

    fn is_return(&self) -> bool {
        self.is_cancelled() || self.quantity < 0 || self.amount < 0
    }

    fn is_product(&self) -> bool {
        self.product.as_ref().is_some_and(|product| product != "POST")
    }

    fn day(&self) -> i64 {
        self.minute.div_euclid(MINUTES_A_DAY)
    }
}

/// What a customer's lines come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Customer {
    pub first_day: i64,
    pub last_day: i64,
    pub orders: usize,
    pub purchase_days: usize,
    pub units: i64,
    pub gross: i64,
    pub returned: i64,
    pub owned: BTreeSet<String>,
}

/// Customers with a sale, by id.
pub fn customers(lines: &[Line]) -> BTreeMap<String, Customer> {
    let mut by_customer: BTreeMap<String, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        if let Some(customer) = &line.customer {
            by_customer.entry(customer.clone()).or_default().push(line);
        }
    }
    by_customer.retain(|_, lines| lines.iter().any(|line| !line.is_return()));
    let reduced = by_customer.iter();
    reduced.map(|(id, lines)| (id.clone(), customer(lines))).collect()
}

fn customer(lines: &[&Line]) -> Customer {
    // A return undoes the latest earlier sale of the product; without products, one of its own money first.
    let pieces = |line: &Line| {
        if line.product.is_some() {
            line.quantity
        } else {
            line.amount
        }
    };
    let mut left: Vec<i64> = lines.iter().map(|line| pieces(line)).collect();
    let mut returns: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].is_return()).collect();
    returns.sort_by_key(|&i| lines[i].minute);
    for i in returns {
        let mut wanted = -pieces(lines[i]);
        let earlier = |&s: &usize| {
            !lines[s].is_return() && lines[s].product == lines[i].product && lines[s].minute <= lines[i].minute
        };
        while wanted > 0 {
            let open: Vec<usize> = (0..lines.len()).filter(earlier).filter(|&s| left[s] > 0).collect();
            let latest = |sales: &mut dyn Iterator<Item = usize>| sales.max_by_key(|&s| (lines[s].minute, s));
            let equal = match lines[i].product {
                None => latest(&mut open.iter().copied().filter(|&s| left[s] == wanted)),
                Some(_) => None,
            };
            let Some(sale) = equal.or_else(|| latest(&mut open.into_iter())) else {
                break;
            };
            let taken = wanted.min(left[sale]);
            left[sale] -= taken;
            wanted -= taken;
        }
    }
    let sales: Vec<usize> = (0..lines.len()).filter(|&i| !lines[i].is_return()).collect();
    let standing: BTreeSet<&String> = sales
        .iter()
        .filter(|&&i| left[i] > 0)
        .map(|&i| &lines[i].order)
        .collect();
    let days_of = |sales: &mut dyn Iterator<Item = &usize>| sales.map(|&i| lines[i].day()).collect::<BTreeSet<i64>>();
    let mut days = days_of(&mut sales.iter().filter(|&&i| standing.contains(&lines[i].order)));
    let purchase_days = days.len();
    if days.is_empty() {
        days = days_of(&mut sales.iter());
    }
    let owned = sales.iter().filter(|&&i| left[i] > 0 && lines[i].is_product());
    let money = |is_return: bool| -> i64 {
        let of_kind = lines.iter().filter(|line| line.is_return() == is_return);
        of_kind.map(|line| line.amount).sum()
    };
    Customer {
        first_day: days.first().copied().unwrap_or_default(),
        last_day: days.last().copied().unwrap_or_default(),
        orders: standing.len(),
        purchase_days,
        units: lines.iter().map(|line| line.quantity).sum(),
        gross: money(false),
        returned: -money(true),
        owned: owned.filter_map(|&i| lines[i].product.clone()).collect(),
    }
}

/// Orders as sets of products, those without a customer too.
pub fn baskets(lines: &[Line]) -> Vec<BTreeSet<String>> {
    let mut baskets: BTreeMap<(&Option<String>, &String), BTreeSet<String>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.is_return() && line.is_product()) {
        let basket = baskets.entry((&line.customer, &line.order)).or_default();
        basket.extend(line.product.clone());
    }
    baskets.into_values().collect()
}

/// Baskets of each product, and of each pair `a < b` that stands together in any.
pub type Counts = (BTreeMap<String, u64>, BTreeMap<(String, String), u64>);

pub fn pair_counts(baskets: &[BTreeSet<String>]) -> Counts {
    let (mut single, mut both) = Counts::default();
    for basket in baskets {
        for a in basket {
            *single.entry(a.clone()).or_default() += 1;
            for b in basket.iter().filter(|b| a < *b) {
                *both.entry((a.clone(), b.clone())).or_default() += 1;
            }
        }
    }
    (single, both)
}

/// `customers.parquet` says of every customer what `lines` say; `as_of` in days since 1970-01-01.
#[track_caller]
pub fn assert_customers(frame: &Frame, lines: &[Line], as_of: i64) {
    let expected = customers(lines);
    assert_eq!(frame.texts("customer_id"), expected.keys().cloned().collect::<Vec<_>>());
    type Fact = fn(&Customer, i64) -> f64;
    let facts: [(&str, Fact); 13] = [
        ("first_order_date", |c, _| c.first_day as f64),
        ("last_order_date", |c, _| c.last_day as f64),
        ("orders", |c, _| c.orders as f64),
        ("purchase_days", |c, _| c.purchase_days as f64),
        ("products", |c, _| c.owned.len() as f64),
        ("units", |c, _| c.units as f64),
        ("gross_amount", |c, _| c.gross as f64 / 100.0),
        ("returned_amount", |c, _| c.returned as f64 / 100.0),
        ("net_amount", |c, _| (c.gross - c.returned) as f64 / 100.0),
        ("days_since_last", |c, as_of| (as_of - c.last_day) as f64),
        ("age_days", |c, as_of| (as_of - c.first_day) as f64),
        ("t_x_days", |c, _| (c.last_day - c.first_day) as f64),
        ("repeat_days", |c, _| c.purchase_days.saturating_sub(1) as f64),
    ];
    for (column, expected_of) in facts {
        for ((id, customer), found) in expected.iter().zip(frame.numbers(column)) {
            assert_eq!(found, expected_of(customer, as_of), "{column} of {id}");
        }
    }
}

/// The lines of the bundled sample.
pub fn sample_lines() -> Vec<Line> {
    let file = std::fs::File::open(data("transactions.parquet")).expect("the sample");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mut lines = Vec::new();
    for batch in reader.build().expect("Parquet") {
        let batch = batch.expect("a batch");
        let column = |name: &str, ty: &DataType| cast(batch.column_by_name(name).expect(name), ty).expect(name);
        let texts = ["customer_id", "order_id", "product_id"].map(|name| column(name, &DataType::Utf8));
        let [customer, order, product] = texts.each_ref().map(|array| array.as_string::<i32>());
        let [millis, quantity] = ["ordered_at", "quantity"].map(|name| column(name, &DataType::Int64));
        let price = column("unit_price", &DataType::Float64);
        for i in 0..batch.num_rows() {
            let quantity = quantity.as_primitive::<Int64Type>().value(i);
            let cents = (100.0 * price.as_primitive::<Float64Type>().value(i)).round() as i64;
            lines.push(Line {
                customer: customer.is_valid(i).then(|| customer.value(i).to_owned()),
                order: order.value(i).to_owned(),
                minute: millis.as_primitive::<Int64Type>().value(i).div_euclid(60_000),
                product: Some(product.value(i).to_owned()),
                quantity,
                amount: quantity * cents,
            });
        }
    }
    lines
}

/// `2024-01-31 08:05`.
pub fn time(minute: i64) -> String {
    let date = chrono::DateTime::from_timestamp(minute * 60, 0).expect("a time");
    date.format("%Y-%m-%d %H:%M").to_string()
}

pub const HEADER: &str = "customer_id,order_id,ordered_at,product_id,quantity,amount\n";

/// A CSV file of the lines, with [`HEADER`].
pub fn csv(lines: &[Line]) -> String {
    let mut text = HEADER.to_owned();
    for line in lines {
        let [customer, product] = [&line.customer, &line.product].map(|id| id.as_deref().unwrap_or(""));
        let (order, quantity) = (&line.order, line.quantity);
        let (sign, cents) = (if line.amount < 0 { "-" } else { "" }, line.amount.abs());
        let (whole, part) = (cents / 100, cents % 100);
        let at = time(line.minute);
        let _ = writeln!(
            text,
            "{customer},{order},{at},{product},{quantity},{sign}{whole}.{part:02}"
        );
    }
    text
}
