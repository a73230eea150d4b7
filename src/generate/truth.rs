//! What was planted, and exact counts of what was written: `truth.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use super::config::{Config, Params};
use super::history::Line;
use super::process::Model;

const TRUTH_VERSION: u32 = 1;

/// Why a line is in the history. Every line written has exactly one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An order of the buying process: what is left when everything else is cleaned away
    Sale,
    /// A copy of a sale line, equal in every column
    Duplicate,
    /// A line that is no product
    Postage,
    /// Part of a sale, brought back days later on a `C` order
    Return,
    /// An order placed by mistake, minutes before it is cancelled
    Mistake,
    /// The `C` order that takes a mistake back whole
    Cancellation,
    /// An order without a customer
    Anonymous,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Sale,
        Self::Duplicate,
        Self::Postage,
        Self::Return,
        Self::Mistake,
        Self::Cancellation,
        Self::Anonymous,
    ];

    /// Whether orders of this kind are written with a `C` before the number of the order they take back.
    pub(super) fn takes_back(self) -> bool {
        matches!(self, Self::Return | Self::Cancellation)
    }
}

/// How much of one kind there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindTotals {
    /// Orders of this kind; 0 for duplicates and postage, which are lines of sale orders.
    pub orders: u64,
    pub lines: u64,
    /// Sum of quantities, with their signs.
    pub units: i64,
    /// Sum of quantity times price, with its sign, in currency units.
    pub amount: f64,
}

/// A planted pair: every basket that holds `product_a` and not yet `product_b` gets `product_b` too, with
/// probability `added_prob`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlantedPair {
    pub product_a: String,
    pub product_b: String,
    pub name_a: String,
    pub name_b: String,
    pub added_prob: f64,
    /// P(a and b) / (P(a) P(b)) of the basket process, exact.
    pub expected_lift: f64,
    /// Sale orders that hold a, b and both, and all sale orders.
    pub n_a: u64,
    pub n_b: u64,
    pub n_ab: u64,
    pub n_baskets: u64,
    /// n_ab n_baskets / (n_a n_b); null where a or b was never sold.
    pub lift: Option<f64>,
}

/// The count process, in days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessTruth {
    pub model: Model,
    pub time_unit: String,
    /// Under the papers' letters.
    pub params: BTreeMap<String, f64>,
    /// E[X(T)] over customers, T uniform on days - acquisition_days .. days - 1.
    pub expected_repeat_orders: f64,
}

/// Gamma-Gamma spend, in currency units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendTruth {
    pub params: BTreeMap<String, f64>,
    /// p gamma / (q - 1).
    pub expected_order_amount: f64,
}

/// Lines that were broken on purpose, each a broken copy of a sale line that is also there whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defects {
    /// A day or hour that does not exist, or no date at all.
    pub broken_date: u64,
    pub missing_date: u64,
    pub non_numeric_quantity: u64,
    pub non_numeric_price: u64,
    pub zero_price: u64,
}

impl Defects {
    pub(super) fn merge(&mut self, other: &Self) {
        self.broken_date += other.broken_date;
        self.missing_date += other.missing_date;
        self.non_numeric_quantity += other.non_numeric_quantity;
        self.non_numeric_price += other.non_numeric_price;
        self.zero_price += other.zero_price;
    }

    /// All broken lines.
    pub fn lines(&self) -> u64 {
        self.broken_date + self.missing_date + self.non_numeric_quantity + self.non_numeric_price + self.zero_price
    }
}

/// What is odd about the writing of lines that are otherwise sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oddities {
    /// Cells with blanks after their text.
    pub padded_customer_id: u64,
    pub padded_product_id: u64,
    pub padded_product_name: u64,
    /// Anonymous lines whose customer is blanks, not nothing.
    pub blanks_for_customer: u64,
    /// Names that hold the delimiter or a quotation mark.
    pub delimiter_or_quote_in_name: u64,
}

impl Oddities {
    pub(super) fn merge(&mut self, other: &Self) {
        self.padded_customer_id += other.padded_customer_id;
        self.padded_product_id += other.padded_product_id;
        self.padded_product_name += other.padded_product_name;
        self.blanks_for_customer += other.blanks_for_customer;
        self.delimiter_or_quote_in_name += other.delimiter_or_quote_in_name;
    }
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTruth {
    /// Relative to the output folder.
    pub path: String,
    /// Without the header.
    pub rows: u64,
}

/// Everything that is known about a generated history; written as `truth.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    pub truth_version: u32,
    pub seed: u64,
    /// How to read the rest.
    pub notes: Vec<String>,
    pub process: ProcessTruth,
    pub spend: SpendTruth,
    pub start_date: String,
    /// The last day of the history; the `--as-of` that all figures belong to.
    pub end_date: String,
    pub days: u32,
    pub customers: u64,
    /// Customers alive after the last day.
    pub alive_customers: u64,
    /// Customers with x > 0.
    pub repeat_customers: u64,
    /// Sale orders but the first of each customer.
    pub repeat_orders: u64,
    /// Sum of x: days with a sale order but the first of each customer. Equal to `repeat_orders` unless a
    /// customer has more orders than days.
    pub repeat_days: u64,
    /// Sale orders.
    pub orders: u64,
    /// Lines written, broken ones included.
    pub lines: u64,
    pub lines_expected: f64,
    pub gross_amount: f64,
    pub returned_amount: f64,
    /// Sale and return lines together: what the customers brought.
    pub net_amount: f64,
    /// All lines by kind; broken lines are counted in `defects` only.
    pub kinds: BTreeMap<Kind, KindTotals>,
    pub products: u32,
    /// Products that stand on a sale line.
    pub products_sold: u32,
    pub pairs: Vec<PlantedPair>,
    pub defects: Defects,
    pub oddities: Oddities,
    pub files: Vec<FileTruth>,
    pub config: Config,
}

impl Truth {
    /// All but what only the writing tells: rows, files and mess.
    pub(super) fn new(params: &Params, tally: &Tally) -> Self {
        let Params { config, world, .. } = params;
        let named = |letters: Vec<(&str, f64)>| {
            let named = letters.into_iter();
            named.map(|(letter, v)| (letter.to_owned(), v)).collect()
        };
        Self {
            truth_version: TRUTH_VERSION,
            seed: config.seed,
            notes: notes(config.messy),
            process: ProcessTruth {
                model: world.process.model(),
                time_unit: "days".to_owned(),
                params: named(world.process.letters()),
                expected_repeat_orders: params.expected_repeats,
            },
            spend: SpendTruth {
                params: named(world.spend.letters()),
                expected_order_amount: world.spend.mean(),
            },
            start_date: params.start.to_string(),
            end_date: params.end.to_string(),
            days: config.days,
            customers: tally.customers,
            alive_customers: tally.alive_customers,
            repeat_customers: tally.repeat_customers,
            repeat_orders: tally.repeat_orders,
            repeat_days: tally.repeat_days,
            orders: tally.of(Kind::Sale).orders,
            lines: tally.lines(),
            lines_expected: params.lines_expected,
            gross_amount: tally.amount(&[Kind::Sale]),
            returned_amount: tally.amount(&[Kind::Return]),
            net_amount: tally.amount(&[Kind::Sale, Kind::Return]),
            kinds: tally.kinds(),
            products: config.products,
            products_sold: tally.products_sold(),
            pairs: tally.pairs(&world.catalogue),
            defects: Defects::default(),
            oddities: Oddities::default(),
            files: Vec::new(),
            // Where it was written is no part of what was written.
            config: Config {
                out: Config::default().out,
                ..config.clone()
            },
        }
    }
}

fn notes(messy: bool) -> Vec<String> {
    let mut notes = vec![
        "times are days, amounts are in the currency of the lines; every line has exactly one of the \
         kinds, and lines of kind sale are the process with the params",
        "the first order of a customer falls on a day uniform over the first acquisition_days of the \
         config; repeat orders are put on the nearest day on which the customer has no order yet, so x is \
         exact, T is exact in whole days, and t_x is to the nearest day or a little later",
        "sale lines of an order sum to its Gamma-Gamma amount to the cent; with a single line, to within \
         half a cent for each unit",
        "postage stands on sale orders, beside that amount; duplicates equal their sale line in every \
         column; a return repeats the number of its order after a C, and no order is returned whole",
        "a mistake is an order that is cancelled minutes later by a C order with the same number and \
         lines; anonymous orders are further orders without a customer",
        "pairs are counted over orders of kind sale; expected_lift is exact for the basket process",
    ];
    if messy {
        notes.push(
            "the messy file has every line of the clean one with the same config, with customer C00123 \
             written as 123.0; defects are further lines, broken copies of sale lines; oddities are \
             in the writing only",
        );
    }
    notes.into_iter().map(str::to_owned).collect()
}

/// Counts of one or more blocks. Integers only, so that the order of merging does not matter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tally {
    pub customers: u64,
    pub alive_customers: u64,
    pub repeat_customers: u64,
    pub repeat_orders: u64,
    pub repeat_days: u64,
    kinds: [KindTally; Kind::ALL.len()],
    pairs: Vec<[u64; 3]>,
    sold: Vec<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct KindTally {
    orders: u64,
    lines: u64,
    units: i64,
    cents: i128,
}

impl Tally {
    pub(super) fn new(catalogue: &Catalogue) -> Self {
        Self {
            customers: 0,
            alive_customers: 0,
            repeat_customers: 0,
            repeat_orders: 0,
            repeat_days: 0,
            kinds: Default::default(),
            pairs: vec![[0; 3]; catalogue.pairs.len()],
            sold: vec![false; catalogue.products.len()],
        }
    }

    /// `days`: those of the customer's sale orders, ascending, the first one included.
    pub(super) fn count_customer(&mut self, days: &[u32], alive: bool) {
        let repeats = days.len().saturating_sub(1) as u64;
        self.customers += 1;
        self.alive_customers += u64::from(alive);
        self.repeat_customers += u64::from(0 < repeats);
        self.repeat_orders += repeats;
        self.repeat_days += days.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64;
    }

    pub(super) fn count_order(&mut self, kind: Kind) {
        self.kinds[kind as usize].orders += 1;
    }

    pub(super) fn count_line(&mut self, line: &Line) {
        let totals = &mut self.kinds[line.kind as usize];
        totals.lines += 1;
        totals.units += i64::from(line.quantity);
        totals.cents += i128::from(line.amount_cents());
        if line.kind == Kind::Sale {
            self.sold[line.product as usize] = true;
        }
    }

    /// Counts the planted pairs of one sale order.
    pub(super) fn count_basket(&mut self, catalogue: &Catalogue, basket: &[u32]) {
        for &product in basket {
            let Some(at) = catalogue.pair_of[product as usize] else {
                continue;
            };
            let pair = &catalogue.pairs[at as usize];
            let counts = &mut self.pairs[at as usize];
            counts[usize::from(product == pair.b)] += 1;
            counts[2] += u64::from(product == pair.a && basket.contains(&pair.b));
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.customers += other.customers;
        self.alive_customers += other.alive_customers;
        self.repeat_customers += other.repeat_customers;
        self.repeat_orders += other.repeat_orders;
        self.repeat_days += other.repeat_days;
        for (mine, theirs) in self.kinds.iter_mut().zip(&other.kinds) {
            mine.orders += theirs.orders;
            mine.lines += theirs.lines;
            mine.units += theirs.units;
            mine.cents += theirs.cents;
        }
        for (mine, theirs) in self.pairs.iter_mut().zip(&other.pairs) {
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine += theirs;
            }
        }
        for (mine, theirs) in self.sold.iter_mut().zip(&other.sold) {
            *mine |= theirs;
        }
    }

    fn lines(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.lines).sum()
    }

    fn products_sold(&self) -> u32 {
        self.sold.iter().filter(|sold| **sold).count() as u32
    }

    fn kinds(&self) -> BTreeMap<Kind, KindTotals> {
        let totals = |kind: Kind| {
            let tally = self.of(kind);
            let totals = KindTotals {
                orders: tally.orders,
                lines: tally.lines,
                units: tally.units,
                amount: tally.cents as f64 / 100.0,
            };
            (kind, totals)
        };
        Kind::ALL.into_iter().map(totals).collect()
    }

    fn of(&self, kind: Kind) -> KindTally {
        self.kinds[kind as usize]
    }

    fn amount(&self, kinds: &[Kind]) -> f64 {
        let cents: i128 = kinds.iter().map(|&k| self.of(k).cents).sum();
        cents as f64 / 100.0
    }

    fn pairs(&self, catalogue: &Catalogue) -> Vec<PlantedPair> {
        let n_baskets = self.of(Kind::Sale).orders;
        let planted = catalogue.pairs.iter().zip(&self.pairs);
        planted
            .map(|(pair, &[n_a, n_b, n_ab])| {
                let [a, b] = [pair.a, pair.b].map(|p| &catalogue.products[p as usize]);
                let expected = catalogue.expected_pair(pair);
                let seen = n_ab as f64 * n_baskets as f64 / (n_a as f64 * n_b as f64);
                PlantedPair {
                    product_a: a.id.clone(),
                    product_b: b.id.clone(),
                    name_a: a.name.clone(),
                    name_b: b.name.clone(),
                    added_prob: pair.prob,
                    expected_lift: expected.ab / (expected.a * expected.b),
                    n_a,
                    n_b,
                    n_ab,
                    n_baskets,
                    lift: (0 < n_a && 0 < n_b).then_some(seen),
                }
            })
            .collect()
    }
}
