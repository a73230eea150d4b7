//! The reduction of one customer: his lines in, his row, products and baskets out.
//!
//! Cost: O(L log L) in his lines. Nothing depends on the order in which the lines arrive.

use std::cmp::Reverse;

use super::plain::Plain;
use crate::clean::{IN_BASKET, IS_RETURN, Line, NO_COST, NO_GROUP, NON_PRODUCT, NONE};

/// Everything that later stages need of one customer; money and pieces in ten-thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerRow {
    /// Code within the partition.
    pub code: u32,
    pub first_day: i32,
    pub last_day: i32,
    pub orders: u32,
    pub purchase_days: u32,
    pub products: u32,
    pub units: i128,
    pub gross: i128,
    pub returned: i128,
    /// Amount less cost over the lines whose cost is known; `None` when no line has a cost.
    pub margin: Option<i128>,
    /// Net amount of the last `recent_days`, and of the `recent_days` before them.
    pub recent_amount: i128,
    pub previous_amount: i128,
    /// Group in which most of the net amount was spent, the first of equal ones; [`NO_GROUP`] without one.
    pub group: u8,
}

impl CustomerRow {
    pub fn net(&self) -> i128 {
        self.gross - self.returned
    }
}

/// What the reduction of many customers adds up, beside their rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub unmatched_return_lines: u64,
    pub unmatched_return_amount: i128,
    pub duplicate_lines: u64,
    pub duplicate_amount: i128,
}

/// Reusable working memory for one customer after another.
#[derive(Default)]
pub struct Reducer {
    /// A return undoes a sale at most so many minutes before it; `None` for any earlier sale.
    return_window_minutes: Option<u32>,
    /// Of each sale line: pieces (or money) not returned, and the money returned.
    remaining: Vec<i64>,
    refunded: Vec<i64>,
    by_product: Vec<u32>,
    /// Products of which something came back.
    returned: Vec<u32>,
    open_sales: Vec<u32>,
    by_order: Vec<u32>,
    pub(super) plain: Plain,
    /// (day, net amount) of the orders that stand.
    standing: Vec<(i32, i128)>,
    /// Distinct products that the customer has, ascending.
    pub owned: Vec<u32>,
    /// Net amount by group.
    by_group: Vec<(u8, i128)>,
    /// The customer's purchase days, ascending, and the net amount of each.
    pub purchases: Vec<(i32, i128)>,
}

/// The order of lines within a customer: in time, then by content, so that the row number decides only between
/// lines that are equal.
pub fn sort_key(line: &Line) -> (u32, u32, i64, i64, u64, i64, u16, u64) {
    (
        line.minute,
        line.product,
        line.quantity,
        line.amount,
        line.order,
        line.cost,
        line.file,
        line.row,
    )
}

/// Whether two neighbours in the order of [`sort_key`] are the same line twice.
pub fn is_duplicate(a: &Line, b: &Line) -> bool {
    let key = |l: &Line| (l.minute, l.product, l.quantity, l.amount, l.order, l.cost);
    key(a) == key(b)
}

/// What a return takes away: pieces of a known product, otherwise money.
pub(super) fn measure(line: &Line) -> i64 {
    if line.product != NONE && line.quantity != 0 {
        line.quantity.abs()
    } else {
        line.amount.abs()
    }
}

impl Reducer {
    pub fn new(return_window_minutes: Option<u32>) -> Self {
        Self {
            return_window_minutes,
            ..Self::default()
        }
    }

    /// `lines` are those of one customer, sorted by [`sort_key`]. `None` for a customer without a sale.
    pub fn reduce(&mut self, lines: &[Line], as_of: i32, recent_days: i32, totals: &mut Totals) -> Option<CustomerRow> {
        let first = lines.first()?;
        if lines.iter().all(|line| line.is(IS_RETURN)) {
            return None;
        }
        self.match_returns(lines, totals);
        self.collect_orders(lines);
        let mut row = self.sums(first.customer, lines, as_of, recent_days);
        row.orders = self.standing.len() as u32;
        self.collect_days(lines, &mut row);
        self.collect_products(lines);
        row.products = self.owned.len() as u32;
        Some(row)
    }

    /// What is a sum over the lines, in whatever order they stand.
    pub(super) fn sums(&mut self, code: u32, lines: &[Line], as_of: i32, recent_days: i32) -> CustomerRow {
        let mut row = CustomerRow {
            code,
            ..CustomerRow::default()
        };
        let mut margin = None;
        self.by_group.clear();
        for line in lines {
            let amount = i128::from(line.amount);
            if line.is(IS_RETURN) {
                row.returned -= amount;
            } else {
                row.gross += amount;
            }
            row.units += i128::from(line.quantity);
            if line.group != NO_GROUP {
                self.add_to_group(line);
            }
            if line.cost != NO_COST {
                *margin.get_or_insert(0) += amount - i128::from(line.cost);
            }
            let age = as_of - line.day();
            if age < recent_days {
                row.recent_amount += amount;
            } else if age < 2 * recent_days {
                row.previous_amount += amount;
            }
        }
        let largest = self.by_group.iter().max_by_key(|(group, sum)| (*sum, Reverse(*group)));
        row.group = largest.map_or(NO_GROUP, |(group, _)| *group);
        row.margin = margin;
        row
    }

    fn add_to_group(&mut self, line: &Line) {
        let amount = i128::from(line.amount);
        match self.by_group.iter_mut().find(|(group, _)| *group == line.group) {
            Some((_, sum)) => *sum += amount,
            None => self.by_group.push((line.group, amount)),
        }
    }

    /// Last in, first out within a product: a return undoes the customer's latest earlier sale of it.
    fn match_returns(&mut self, lines: &[Line], totals: &mut Totals) {
        self.remaining.clear();
        self.refunded.clear();
        self.remaining.extend(
            lines
                .iter()
                .map(|line| if line.is(IS_RETURN) { 0 } else { measure(line) }),
        );
        self.refunded.resize(lines.len(), 0);
        self.returned.clear();
        let returns = lines.iter().filter(|line| line.is(IS_RETURN));
        self.returned.extend(returns.map(|line| line.product));
        if self.returned.is_empty() {
            return;
        }
        self.returned.sort_unstable();
        self.returned.dedup();
        // Few products come back: the others need not be sorted.
        let comes_back = |&i: &u32| self.returned.binary_search(&lines[i as usize].product).is_ok();
        self.by_product.clear();
        self.by_product.extend((0..lines.len() as u32).filter(comes_back));
        // Within a minute sales come first: a return can undo a sale of the same minute.
        self.by_product.sort_by_key(|&i| {
            let line = &lines[i as usize];
            (line.product, line.minute, line.is(IS_RETURN))
        });
        let mut product = NONE;
        self.open_sales.clear();
        for &i in &self.by_product {
            let line = &lines[i as usize];
            if line.product != product {
                product = line.product;
                self.open_sales.clear();
            }
            if !line.is(IS_RETURN) {
                self.open_sales.push(i);
                continue;
            }
            let earliest = self
                .return_window_minutes
                .map_or(0, |window| line.minute.saturating_sub(window));
            let is_credit = line.product != NONE && line.quantity >= 0;
            let mut wanted = if is_credit { 0 } else { measure(line) };
            let asked = wanted;
            if line.product == NONE {
                wanted = take_equal(
                    &mut self.open_sales,
                    &mut self.remaining,
                    &mut self.refunded,
                    lines,
                    wanted,
                    earliest,
                );
            }
            while wanted > 0
                && let Some(&sale) = self.open_sales.last()
                && earliest <= lines[sale as usize].minute
            {
                let sale = sale as usize;
                let taken = wanted.min(self.remaining[sale]);
                wanted -= taken;
                self.remaining[sale] -= taken;
                self.refunded[sale] += share(lines[sale].amount, taken, measure(&lines[sale]));
                if self.remaining[sale] == 0 {
                    self.refunded[sale] = lines[sale].amount;
                    self.open_sales.pop();
                }
            }
            if wanted > 0 || asked == 0 {
                totals.unmatched_return_lines += 1;
                totals.unmatched_return_amount += i128::from(if asked == 0 {
                    -line.amount
                } else {
                    share(-line.amount, wanted, asked)
                });
            }
        }
    }

    /// The orders that stand: at least one line was not returned in full.
    fn collect_orders(&mut self, lines: &[Line]) {
        self.by_order.clear();
        self.by_order
            .extend((0..lines.len() as u32).filter(|&i| !lines[i as usize].is(IS_RETURN)));
        self.by_order.sort_by_key(|&i| (lines[i as usize].order, i));
        self.standing.clear();
        for order in self
            .by_order
            .chunk_by(|&a, &b| lines[a as usize].order == lines[b as usize].order)
        {
            let stands = |&i: &u32| self.remaining[i as usize] > 0 || measure(&lines[i as usize]) == 0;
            if order.iter().any(stands) {
                let day = lines[order[0] as usize].day();
                let net = |&i: &u32| i128::from(lines[i as usize].amount - self.refunded[i as usize]);
                self.standing.push((day, order.iter().map(net).sum()));
            }
        }
        self.standing.sort_unstable();
    }

    fn collect_days(&mut self, lines: &[Line], row: &mut CustomerRow) {
        self.purchases.clear();
        let mut sale_days = lines.iter().filter(|line| !line.is(IS_RETURN)).map(Line::day);
        let (Some(first), Some(last)) = (self.standing.first(), self.standing.last()) else {
            // Everything came back: the dates are those of the sales, there is no purchase day.
            row.first_day = sale_days.next().unwrap_or_default();
            row.last_day = sale_days.next_back().unwrap_or(row.first_day);
            return;
        };
        (row.first_day, row.last_day) = (first.0, last.0);
        for day in self.standing.chunk_by(|a, b| a.0 == b.0) {
            let amount: i128 = day.iter().map(|order| order.1).sum();
            row.purchase_days += 1;
            self.purchases.push((day[0].0, amount));
        }
    }

    fn collect_products(&mut self, lines: &[Line]) {
        self.owned.clear();
        for (line, remaining) in lines.iter().zip(&self.remaining) {
            let has = *remaining > 0 && !line.is(IS_RETURN) && line.product != NONE && !line.is(NON_PRODUCT);
            if has {
                self.owned.push(line.product);
            }
        }
        self.owned.sort_unstable();
        self.owned.dedup();
    }

    /// The baskets of the customer's orders as pushed by `push`: distinct products, ascending. Sale lines count,
    /// returned or not: what was chosen together stays evidence.
    pub fn baskets(&mut self, lines: &[Line], non_products: bool, mut push: impl FnMut(&[u32])) {
        let in_basket = |line: &Line| line.is(IN_BASKET) && (non_products || !line.is(NON_PRODUCT));
        self.by_order.clear();
        self.by_order
            .extend((0..lines.len() as u32).filter(|&i| in_basket(&lines[i as usize])));
        self.by_order
            .sort_unstable_by_key(|&i| (lines[i as usize].order, lines[i as usize].product));
        for order in self
            .by_order
            .chunk_by(|&a, &b| lines[a as usize].order == lines[b as usize].order)
        {
            self.by_product.clear();
            self.by_product.extend(order.iter().map(|&i| lines[i as usize].product));
            self.by_product.dedup();
            push(&self.by_product);
        }
    }
}

/// Undoes the latest open sale of exactly this money, if there is one; returns what is still wanted.
fn take_equal(
    open: &mut Vec<u32>,
    remaining: &mut [i64],
    refunded: &mut [i64],
    lines: &[Line],
    wanted: i64,
    earliest: u32,
) -> i64 {
    const LOOK_BACK: usize = 1_000;
    let equal = |&&i: &&u32| remaining[i as usize] == wanted && wanted > 0 && earliest <= lines[i as usize].minute;
    let Some(from_end) = open.iter().rev().take(LOOK_BACK).position(|i| equal(&i)) else {
        return wanted;
    };
    let sale = open.remove(open.len() - 1 - from_end) as usize;
    remaining[sale] = 0;
    refunded[sale] = lines[sale].amount;
    0
}

/// `amount * part / whole`, rounded toward zero; `part <= whole`.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        0
    } else {
        (i128::from(amount) * i128::from(part) / i128::from(whole)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i64 = 10_000;
    const DAY_MINUTES: u32 = 1_440;
    /// Day 0 of the tests, in days since 1970-01-01: 1900-01-01.
    const DAY_ZERO: i32 = -25_567;

    fn line(day: u32, order: u64, product: u32, quantity: i64, amount: i64) -> Line {
        let flags = if quantity < 0 || amount < 0 {
            IS_RETURN
        } else {
            IN_BASKET
        };
        Line {
            minute: day * DAY_MINUTES,
            order,
            product,
            quantity: quantity * ONE,
            amount: amount * ONE,
            cost: NO_COST,
            flags,
            ..Line::default()
        }
    }

    /// Purchase days since [`DAY_ZERO`] with their whole money stand beside.
    type Reduced = (Option<CustomerRow>, Totals, Vec<(i32, i64)>);

    fn reduce(lines: Vec<Line>) -> Reduced {
        reduce_within(lines, None)
    }

    fn reduce_within(mut lines: Vec<Line>, return_window_days: Option<u32>) -> Reduced {
        lines.sort_unstable_by_key(sort_key);
        let mut totals = Totals::default();
        let mut reducer = Reducer::new(return_window_days.map(|days| days * DAY_MINUTES));
        let row = reducer.reduce(&lines, DAY_ZERO + 400, 90, &mut totals);
        let whole = |(day, amount): &(i32, i128)| (day - DAY_ZERO, *amount as i64 / ONE);
        (row, totals, reducer.purchases.iter().map(whole).collect())
    }

    #[test]
    fn two_orders_of_a_day_are_one_purchase_day() {
        let (row, _, purchases) = reduce(vec![
            line(0, 1, 1, 1, 10),
            line(5, 2, 1, 1, 20),
            line(5, 3, 2, 1, 30),
            line(9, 4, 1, 2, 40),
        ]);
        let row = row.unwrap();
        assert_eq!((row.orders, row.purchase_days, row.products), (4, 3, 2));
        assert_eq!((row.first_day, row.last_day), (DAY_ZERO, DAY_ZERO + 9));
        assert_eq!(purchases, [(0, 10), (5, 50), (9, 40)]);
    }

    #[test]
    fn a_return_after_the_window_undoes_nothing() {
        for product in [7, NONE] {
            let quantity = if product == NONE { 0 } else { 1 };
            let lines = || vec![line(0, 1, product, quantity, 10), line(30, 9, product, -quantity, -10)];
            for (window, orders, unmatched) in [(None, 0, 0), (Some(30), 0, 0), (Some(29), 1, 1)] {
                let (row, totals, _) = reduce_within(lines(), window);
                assert_eq!(row.map(|row| row.orders), Some(orders), "{window:?}");
                assert_eq!(totals.unmatched_return_lines, unmatched, "{window:?}");
            }
        }
    }

    #[test]
    fn a_return_undoes_the_latest_sale_of_the_product() {
        let (row, totals, purchases) = reduce(vec![
            line(0, 1, 7, 2, 20),
            line(10, 2, 7, 2, 20),
            line(20, 3, 8, 1, 5),
            line(30, 9, 7, -2, -20),
        ]);
        let row = row.unwrap();
        assert_eq!(
            (row.orders, row.purchase_days),
            (2, 2),
            "the order of day 10 came back in full"
        );
        assert_eq!(row.last_day, DAY_ZERO + 20);
        assert_eq!(row.net(), i128::from(25 * ONE));
        assert_eq!(purchases, [(0, 20), (20, 5)]);
        assert_eq!(totals, Totals::default());
    }

    #[test]
    fn a_return_before_any_sale_matches_nothing_but_its_money_counts() {
        let (row, totals, _) = reduce(vec![line(0, 9, 7, -1, -10), line(3, 1, 7, 2, 20)]);
        let row = row.unwrap();
        assert_eq!(row.orders, 1);
        assert_eq!(row.net(), i128::from(10 * ONE));
        assert_eq!(
            (totals.unmatched_return_lines, totals.unmatched_return_amount),
            (1, i128::from(10 * ONE))
        );
    }

    #[test]
    fn a_partial_return_leaves_the_order_and_lowers_its_day() {
        let (row, totals, purchases) = reduce(vec![line(0, 1, 7, 1, 10), line(4, 2, 7, 4, 40), line(6, 9, 7, -1, -10)]);
        let row = row.unwrap();
        assert_eq!((row.orders, purchases), (2, vec![(0, 10), (4, 30)]));
        assert_eq!(totals.unmatched_return_lines, 0);
    }

    #[test]
    fn without_products_a_refund_finds_the_sale_of_the_same_money() {
        let (row, ..) = reduce(vec![
            line(0, 1, NONE, 0, 30),
            line(4, 2, NONE, 0, 50),
            line(6, 9, NONE, 0, -30),
        ]);
        let row = row.unwrap();
        assert_eq!((row.orders, row.first_day), (1, DAY_ZERO + 4));
    }

    #[test]
    fn everything_returned_leaves_a_customer_without_orders() {
        let (row, ..) = reduce(vec![line(2, 1, 7, 74_215, 77_183), line(2, 9, 7, -74_215, -77_183)]);
        let row = row.unwrap();
        assert_eq!((row.orders, row.purchase_days, row.products, row.net()), (0, 0, 0, 0));
        assert_eq!(row.first_day, DAY_ZERO + 2);
    }

    #[test]
    fn returns_alone_make_no_customer() {
        assert_eq!(reduce(vec![line(2, 9, 7, -1, -10)]).0, None);
    }

    #[test]
    fn recent_and_previous_money_are_split_at_the_window() {
        let (row, ..) = reduce(vec![
            line(400, 1, 1, 1, 1),
            line(311, 2, 1, 1, 10),
            line(310, 3, 1, 1, 100),
            line(220, 4, 1, 1, 1000),
        ]);
        let row = row.unwrap();
        assert_eq!(row.recent_amount, i128::from(11 * ONE));
        assert_eq!(row.previous_amount, i128::from(100 * ONE));
    }

    #[test]
    fn a_product_counts_once_in_a_basket() {
        let lines = vec![
            line(0, 1, 5, 1, 1),
            line(0, 1, 3, 1, 1),
            line(0, 1, 5, 2, 2),
            line(1, 2, 4, 1, 1),
        ];
        let mut baskets = Vec::new();
        Reducer::default().baskets(&lines, false, |products| baskets.push(products.to_vec()));
        assert_eq!(baskets, [vec![3, 5], vec![4]]);
    }
}
