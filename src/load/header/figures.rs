//! What the numbers of a sample say about one another: a product of two columns, a total that is repeated.
//!
//! In: the sample, column by column, rows in the same order in all. Floats serve as evidence only.

use std::collections::{HashMap, HashSet};

use crate::load::number::{NumberFormat, parse_scaled};

/// Fewer rows show nothing.
const MIN_ROWS: usize = 3;

/// The sample of a file, which may be missing.
#[derive(Clone, Copy)]
pub(super) struct Sample<'a> {
    columns: &'a [Vec<Vec<u8>>],
    format: NumberFormat,
}

/// What the lines of an order have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WithinOrders {
    /// The same value on all lines, while the lines differ.
    Repeated,
    /// A value on one line, and none on the others.
    Once,
}

/// Whether a price grows with the quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PriceOf {
    Piece,
    Line,
}

impl<'a> Sample<'a> {
    /// `money` are the columns whose numbers decide how numbers are written.
    pub(super) fn new(columns: &'a [Vec<Vec<u8>>], money: impl Iterator<Item = usize>) -> Self {
        let values = money.filter_map(|at| columns.get(at)).flatten().map(Vec::as_slice);
        Self {
            columns,
            format: NumberFormat::detect(values).format,
        }
    }

    fn values(&self, column: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let values = self.columns.get(column).map_or(&[][..], Vec::as_slice);
        values.iter().map(|value| value.trim_ascii())
    }

    fn numbers(&self, column: usize) -> Vec<Option<f64>> {
        const DECIMALS: u32 = 6;
        let number = |value| parse_scaled(value, self.format, DECIMALS).ok();
        let numbers = self.values(column).map(number);
        numbers.map(|number| number.map(|number| number as f64 / 1e6)).collect()
    }

    /// The rows on which all columns have a number.
    fn rows<const N: usize>(&self, columns: [usize; N]) -> Vec<[f64; N]> {
        let numbers = columns.map(|column| self.numbers(column));
        let n_rows = numbers.iter().map(Vec::len).min().unwrap_or(0);
        let row = |row: usize| {
            let mut values = [0.0; N];
            for (value, numbers) in values.iter_mut().zip(&numbers) {
                *value = numbers[row]?;
            }
            Some(values)
        };
        (0..n_rows).filter_map(row).collect()
    }

    pub(super) fn are_equal(&self, a: usize, b: usize) -> bool {
        let n_values = self.values(a).filter(|value| !value.is_empty()).count();
        MIN_ROWS <= n_values && self.values(a).eq(self.values(b))
    }

    /// Whether each value of one column stands with one of the other only, and some do so more than once.
    pub(super) fn are_one_to_one(&self, a: usize, b: usize) -> bool {
        let (mut of_a, mut of_b) = (HashMap::new(), HashMap::new());
        let mut n_rows = 0;
        for (a, b) in self.values(a).zip(self.values(b)) {
            if *of_a.entry(a).or_insert(b) != b || *of_b.entry(b).or_insert(a) != a {
                return false;
            }
            n_rows += 1;
        }
        1 < of_a.len() && of_a.len() < n_rows
    }

    /// Whether `amount` is `quantity` times `price`, whatever the signs; `None` if too few rows tell.
    pub(super) fn is_product(&self, amount: usize, quantity: usize, price: usize) -> Option<bool> {
        let rows = self.telling([amount, quantity, price]);
        let fits = |[amount, quantity, price]: &&[f64; 3]| {
            // Prices are rounded to the cent before they are printed.
            let rounding = 0.005 * quantity.abs() + 0.011;
            (amount.abs() - (quantity * price).abs()).abs() <= rounding
        };
        (MIN_ROWS <= rows.len()).then(|| rows.len() * 9 <= rows.iter().filter(fits).count() * 10)
    }

    /// Whether `amount` is nowhere near `quantity` times `price`, as tax and discounts leave it.
    pub(super) fn is_far_from_product(&self, amount: usize, quantity: usize, price: usize) -> bool {
        const MIN_FAR: usize = 5;
        let rows = self.telling([amount, quantity, price]);
        let near = |[amount, quantity, price]: &&[f64; 3]| {
            let share = (amount / (quantity * price)).abs();
            (0.2..=2.0).contains(&share)
        };
        MIN_FAR <= rows.len() && rows.iter().filter(near).count() * 5 < rows.len()
    }

    /// Whether `sum` is `a` and `b` together.
    pub(super) fn is_sum(&self, sum: usize, a: usize, b: usize) -> bool {
        let mut rows = self.rows([sum, a, b]);
        rows.retain(|[_, a, b]| *a != 0.0 && *b != 0.0);
        let fits = |[sum, a, b]: &&[f64; 3]| (sum - a - b).abs() < 0.011;
        MIN_ROWS <= rows.len() && rows.len() * 9 <= rows.iter().filter(fits).count() * 10
    }

    /// Whether `a` is nowhere more than `b`, whatever the signs, and somewhere less.
    pub(super) fn is_below(&self, a: usize, b: usize) -> bool {
        let rows = self.rows([a, b]);
        rows.iter().all(|[a, b]| a.abs() <= b.abs()) && rows.iter().any(|[a, b]| a.abs() < b.abs())
    }

    /// Whether the two are the same number where several pieces were sold.
    pub(super) fn is_price_of_piece(&self, amount: usize, quantity: usize, price: usize) -> bool {
        let rows = self.telling([amount, quantity, price]);
        let same = |[amount, _, price]: &&[f64; 3]| amount == price;
        MIN_ROWS <= rows.len() && rows.len() * 9 <= rows.iter().filter(same).count() * 10
    }

    /// Whether a cost is mostly above the price where several pieces were sold, as that of a piece would not be.
    pub(super) fn mostly_exceeds(&self, cost: usize, quantity: usize, price: usize) -> bool {
        const MIN_COSTS: usize = 5;
        let rows = self.telling([cost, quantity, price]);
        let above = |[cost, _, price]: &&[f64; 3]| price.abs() < cost.abs();
        MIN_COSTS <= rows.len() && rows.len() * 4 <= rows.iter().filter(above).count() * 5
    }

    /// Rows with several pieces and a price.
    fn telling(&self, columns: [usize; 3]) -> Vec<[f64; 3]> {
        let mut rows = self.rows(columns);
        rows.retain(|[amount, quantity, price]| {
            *amount != 0.0 && *price != 0.0 && *quantity != 0.0 && quantity.abs() != 1.0
        });
        rows
    }

    /// Whether `count` holds small whole numbers that are far below those of `price`: as pieces are, and the money
    /// of a line is not.
    pub(super) fn counts_pieces(&self, count: usize, price: usize) -> bool {
        const MIN_COUNTED: usize = 5;
        let rows = self.rows([count, price]);
        let whole = rows
            .iter()
            .all(|[count, _]| count.fract() == 0.0 && count.abs() < 10_000.0);
        let few = rows.iter().filter(|[count, _]| count.abs() <= 12.0).count();
        let below = rows.iter().filter(|[count, price]| count.abs() < price.abs()).count();
        let is_most = |n: usize| rows.len() * 4 <= n * 5;
        MIN_COUNTED <= rows.len() && whole && is_most(few) && is_most(below)
    }

    /// Whether the price of a product stays when more of it is bought, or grows with the pieces.
    pub(super) fn price_of(&self, price: usize, quantity: usize, product: usize) -> Option<PriceOf> {
        let (prices, quantities) = (self.numbers(price), self.numbers(quantity));
        let mut first: HashMap<&[u8], (f64, f64)> = HashMap::new();
        let (mut n_piece, mut n_line) = (0_usize, 0_usize);
        let near = |a: f64, b: f64| (a - b).abs() <= 0.01 * a.abs().max(b.abs());
        for ((product, price), quantity) in self.values(product).zip(&prices).zip(&quantities) {
            let (Some(price), Some(quantity)) = (price.map(f64::abs), quantity.map(f64::abs)) else {
                continue;
            };
            if price == 0.0 || quantity == 0.0 || product.is_empty() {
                continue;
            }
            let (price_before, quantity_before) = *first.entry(product).or_insert((price, quantity));
            if quantity_before != quantity {
                n_piece += usize::from(near(price_before, price));
                n_line += usize::from(near(price_before / quantity_before, price / quantity));
            }
        }
        match (n_piece, n_line) {
            (piece, line) if MIN_ROWS <= line && 2 * piece <= line => Some(PriceOf::Line),
            (piece, line) if MIN_ROWS <= piece && 2 * line <= piece => Some(PriceOf::Piece),
            _ => None,
        }
    }

    /// Whether a column belongs to the order and not to its lines. `lines` are columns in which lines differ; `pieces`
    /// are quantity and price; `is_named` is whether the header speaks of an order.
    pub(super) fn within_orders(
        &self,
        column: usize,
        orders: usize,
        lines: &[usize],
        pieces: Option<(usize, usize)>,
        is_named: bool,
    ) -> Option<WithinOrders> {
        let values: Vec<&[u8]> = self.values(column).collect();
        // Far more than the line alone comes to, even with tax.
        let is_more: Vec<bool> = pieces.map_or_else(Vec::new, |(quantity, price)| {
            let (amounts, quantities, prices) = (self.numbers(column), self.numbers(quantity), self.numbers(price));
            let lines = amounts.iter().zip(quantities.iter().zip(&prices));
            lines
                .map(|line| match line {
                    (Some(amount), (Some(quantity), Some(price))) => (quantity * price).abs() < 0.7 * amount.abs(),
                    _ => false,
                })
                .collect()
        });
        let mut rows_of: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (row, order) in self.values(orders).enumerate().filter(|(_, order)| !order.is_empty()) {
            rows_of.entry(order).or_default().push(row);
        }
        let lines: Vec<Vec<&[u8]>> = lines.iter().map(|line| self.values(*line).collect()).collect();
        let differ = |rows: &Vec<usize>| {
            let line = |row: usize| lines.iter().map(move |values| values.get(row).copied());
            rows.iter().any(|row| !line(*row).eq(line(rows[0])))
                || rows.iter().all(|row| is_more.get(*row).copied().unwrap_or_default())
        };
        let (mut n_orders, mut n_repeated, mut n_once) = (0, 0, 0);
        let mut distinct = HashSet::new();
        for rows in rows_of.values().filter(|rows| 1 < rows.len() && differ(rows)) {
            let filled = || {
                let values = rows.iter().filter_map(|row| values.get(*row).copied());
                values.filter(|value| !value.is_empty())
            };
            let Some(first) = filled().next() else { continue };
            n_orders += 1;
            let n_filled = filled().count();
            if n_filled == 1 {
                n_once += 1;
            } else if n_filled == rows.len() && filled().all(|value| value == first) {
                n_repeated += 1;
                distinct.insert(first);
            }
        }
        // Lines that cost the same are rarer where their prices are seen to differ.
        let (min_orders, min_distinct) = match (is_named, pieces) {
            (true, _) => (1, 1),
            (false, Some(_)) => (2, 2),
            (false, None) => (5, n_orders / 2),
        };
        let is_most = |n: usize| n_orders * 9 <= n * 10;
        if 2 <= n_orders && is_most(n_once) {
            Some(WithinOrders::Once)
        } else if min_orders <= n_orders && is_most(n_repeated) && min_distinct <= distinct.len() {
            Some(WithinOrders::Repeated)
        } else {
            None
        }
    }

    /// Whether most of the ids that stand on several lines stand there for several customers.
    pub(super) fn is_shared(&self, ids: usize, customers: usize) -> bool {
        const MIN_IDS: usize = 5;
        let mut customers_of: HashMap<&[u8], (usize, HashSet<&[u8]>)> = HashMap::new();
        for (id, customer) in self.values(ids).zip(self.values(customers)) {
            if !id.is_empty() && !customer.is_empty() {
                let (n_lines, customers) = customers_of.entry(id).or_default();
                *n_lines += 1;
                customers.insert(customer);
            }
        }
        let several = customers_of.values().filter(|(n_lines, _)| 1 < *n_lines);
        let n_several = several.clone().count();
        MIN_IDS <= n_several && n_several < 2 * several.filter(|(_, customers)| 1 < customers.len()).count()
    }

    /// The values of a column, each once, in their order.
    pub(super) fn distinct(&self, column: usize, limit: usize) -> Vec<String> {
        let mut seen = HashSet::new();
        let fresh = self
            .values(column)
            .filter(|value| !value.is_empty() && seen.insert(*value));
        fresh
            .take(limit)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }
}
