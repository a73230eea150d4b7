//! Messy histories in Parquet: everything that the rules of cleaning look at, many equal times, returns of all kinds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;

/// What a history looks like.
#[derive(Clone, Copy)]
pub struct History {
    pub lines: usize,
    pub files: usize,
    pub products: bool,
    pub orders: bool,
    /// An amount as a decimal instead of a price.
    pub amounts: bool,
    pub float_customers: bool,
    pub days: bool,
    pub instants: bool,
    /// Cost, discount, type and channel.
    pub extras: bool,
}

impl History {
    pub const PLAIN: Self = Self {
        lines: 6_000,
        files: 1,
        products: true,
        orders: true,
        amounts: false,
        float_customers: false,
        days: false,
        instants: false,
        extras: false,
    };
}

/// One of the small generators that are good enough to shuffle with.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }

    fn of<'a>(&mut self, values: &[&'a str]) -> &'a str {
        values[self.roll(values.len() as u64) as usize]
    }
}

#[derive(Clone, Default)]
struct Line {
    customer: Option<String>,
    customer_number: Option<f64>,
    order: Option<String>,
    second: Option<i64>,
    product: Option<String>,
    name: Option<String>,
    quantity: Option<i64>,
    price: Option<f64>,
    amount: Option<i128>,
    cost: Option<f64>,
    discount: Option<f64>,
    kind: Option<String>,
    channel: Option<String>,
}

const ODD_CUSTOMERS: [&str; 12] = [
    "17850.0",
    "1.785E+04",
    "1.79E+12",
    " guest ",
    "NULL",
    "",
    "test_7",
    "Müller",
    "  C0003 ",
    "walk-in",
    "C'4\\5",
    "散客",
];
const ODD_ORDERS: [&str; 6] = ["-", "", "5.36365E+05", "CASH1", "n/a", " 700001 "];
const ODD_PRODUCTS: [&str; 6] = ["POST", "p01", "日本-1", "", "85123.0", "Bank charges"];
/// 2024-01-01.
const START: i64 = 1_704_067_200;

impl History {
    fn lines(&self) -> Vec<Line> {
        let mut dice = Dice(42);
        let mut lines: Vec<Line> = Vec::new();
        let n_customers = (self.lines / 20) as u64;
        let mut order = 700_000;
        while lines.len() < self.lines {
            order += 1;
            let number = dice.roll(n_customers);
            let mut customer = Some(format!("C{number:04}"));
            let mut customer_number = Some(17_000.0 + number as f64);
            if dice.one_in(25) {
                customer = (!dice.one_in(3)).then(|| dice.of(&ODD_CUSTOMERS).to_owned());
                customer_number = [None, Some(f64::NAN), Some(17_850.5), Some(0.0), Some(-3.0)][dice.roll(5) as usize];
            }
            let mut id = Some(order.to_string());
            if dice.one_in(40) {
                id = (!dice.one_in(3)).then(|| dice.of(&ODD_ORDERS).to_owned());
            }
            // Few times, so that many lines of a customer stand at the same one.
            let mut second = Some(
                START
                    + dice.roll(400) as i64 * 86_400
                    + dice.roll(3) as i64 * 3_599
                    + 86_000 * i64::from(dice.one_in(9)),
            );
            if dice.one_in(150) {
                second = [None, Some(-700_000_000), Some(9_000_000_000)][dice.roll(3) as usize];
            }
            let earlier = lines.last().cloned();
            let is_cancelled = dice.one_in(30);
            for _ in 0..=dice.roll(6) {
                let mut product = Some(format!("P{:02}", (dice.roll(40) * dice.roll(40)) / 40));
                let mut name = product.as_ref().map(|product| format!("Name of {product}"));
                if dice.one_in(30) {
                    product = (!dice.one_in(4)).then(|| dice.of(&ODD_PRODUCTS).to_owned());
                    name = [None, Some("Postage"), Some(" Name  "), Some("Manual")][dice.roll(4) as usize]
                        .map(str::to_owned);
                }
                let mut quantity = Some(1 + dice.roll(4) as i64);
                let cents = 1 + dice.roll(900) as i64;
                let mut price = Some(cents as f64 / 100.0);
                match dice.roll(120) {
                    0 => price = Some(0.0),
                    1 => price = Some(-2.5),
                    2 => price = [None, Some(f64::NAN), Some(f64::INFINITY), Some(1e13)][dice.roll(4) as usize],
                    3 => quantity = [None, Some(0)][dice.roll(2) as usize],
                    // Halves of what is kept.
                    4..12 => price = Some((cents as f64 + 0.5) / 1e6),
                    12..20 => price = Some(1.000_000_5 * cents as f64),
                    _ => {}
                }
                let mut line = Line {
                    customer: customer.clone(),
                    customer_number,
                    order: id.clone(),
                    second,
                    product,
                    name,
                    quantity,
                    price,
                    amount: quantity.map(|quantity| i128::from(quantity * cents * 10 + dice.roll(3) as i64)),
                    cost: (!dice.one_in(10)).then(|| cents as f64 / 170.0),
                    discount: (!dice.one_in(3)).then(|| (cents % 7) as f64 / 100.0),
                    kind: (!dice.one_in(20)).then(|| {
                        dice.of(&["Sale", "sale", "invoice", "Return", "payment", "?", "Umbuchung"])
                            .to_owned()
                    }),
                    channel: (!dice.one_in(15)).then(|| dice.of(&["web", "shop", "phone", "NULL"]).to_owned()),
                };
                let back = |line: &mut Line| {
                    line.quantity = line.quantity.map(|quantity| -quantity);
                    line.amount = line.amount.map(|amount| -amount);
                };
                if is_cancelled {
                    line.order = line.order.map(|order| format!("C{order}"));
                    back(&mut line);
                } else if dice.one_in(9) {
                    // Back comes what somebody bought, in whole or in part, or more of it.
                    if let Some(sale) = &earlier {
                        (line.customer, line.customer_number) = (sale.customer.clone(), sale.customer_number);
                        line.product.clone_from(&sale.product);
                        line.price = sale.price;
                        line.amount = sale.amount;
                        line.quantity = sale
                            .quantity
                            .map(|quantity| (quantity + dice.roll(3) as i64 - 1).max(0));
                        if dice.one_in(2) {
                            line.second = sale.second;
                        }
                    }
                    back(&mut line);
                }
                if dice.one_in(30) {
                    lines.push(line.clone());
                }
                lines.push(line);
            }
        }
        lines.truncate(self.lines);
        lines
    }

    /// Writes the history and gives the path to read it from.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let place = folder.join("a history");
        fs::create_dir(&place).unwrap();
        let lines = self.lines();
        let paths: Vec<PathBuf> = (0..self.files)
            .map(|i| place.join(format!("part-{i}.parquet")))
            .collect();
        for (path, part) in paths.iter().zip(lines.chunks(lines.len().div_ceil(self.files))) {
            let batch = self.batch(part);
            let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        }
        if self.files == 1 { paths[0].clone() } else { place }
    }

    fn batch(&self, lines: &[Line]) -> RecordBatch {
        fn texts(lines: &[Line], of: impl Fn(&Line) -> &Option<String>) -> ArrayRef {
            let values: StringArray = lines.iter().map(|line| of(line).as_deref()).collect();
            Arc::new(values)
        }
        fn floats(lines: &[Line], of: impl Fn(&Line) -> Option<f64>) -> ArrayRef {
            let values: Float64Array = lines.iter().map(of).collect();
            Arc::new(values)
        }
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        columns.push(if self.float_customers {
            ("customer_id", floats(lines, |line| line.customer_number))
        } else {
            ("customer_id", texts(lines, |line| &line.customer))
        });
        if self.orders {
            columns.push(("order_id", texts(lines, |line| &line.order)));
        }
        let seconds = || lines.iter().map(|line| line.second);
        let micros =
            || -> TimestampMicrosecondArray { seconds().map(|second| Some(second? * 1_000_000 + 7)).collect() };
        let ordered_at: ArrayRef = match (self.days, self.instants) {
            (true, _) => Arc::new(
                seconds()
                    .map(|second| Some(second?.div_euclid(86_400) as i32))
                    .collect::<Date32Array>(),
            ),
            (_, true) => Arc::new(micros().with_timezone("UTC")),
            _ => Arc::new(micros()),
        };
        columns.push(("ordered_at", ordered_at));
        if self.products {
            columns.push(("product_id", texts(lines, |line| &line.product)));
            columns.push(("product_name", texts(lines, |line| &line.name)));
        }
        let quantity: Int64Array = lines.iter().map(|line| line.quantity).collect();
        columns.push(("quantity", Arc::new(quantity)));
        if self.amounts {
            let amount: Decimal128Array = lines.iter().map(|line| line.amount).collect();
            let amount = amount.with_precision_and_scale(18, 3).unwrap();
            columns.push(("amount", Arc::new(amount)));
        } else {
            columns.push(("unit_price", floats(lines, |line| line.price)));
        }
        if self.extras {
            columns.push(("cost", floats(lines, |line| line.cost)));
            columns.push(("discount", floats(lines, |line| line.discount)));
            columns.push(("transaction_type", texts(lines, |line| &line.kind)));
            columns.push(("channel", texts(lines, |line| &line.channel)));
        }
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }
}
