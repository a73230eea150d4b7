//! The reduction of a customer who never gave anything back: the common case, and a simple one.
//!
//! No line has to be matched with another, so one sort by (minute, order, product) brings together the lines of an order,
//! their products in the order of a basket, and the orders in the order of time. Same answers as the general reduction in
//! `customer`, which the tests hold it to.
//!
//! Cost: O(L log L) in the customer's lines; a check in O(L) where they come sorted.

use super::customer::{CustomerRow, Reducer, Totals, measure};
use crate::clean::{IN_BASKET, Line, NON_PRODUCT, NONE, day_of};

/// Working memory, for one customer after another.
#[derive(Default)]
pub struct Plain {
    keys: Vec<Key>,
    runs: Vec<Run>,
    /// (order, place in `runs`).
    by_order: Vec<(u64, u32)>,
    basket: Vec<u32>,
}

/// A line by what it is sorted by, and its place.
#[derive(Clone, Copy)]
struct Key {
    /// Minute, order and product, from the highest bit.
    content: u128,
    place: u32,
}

impl Key {
    const PRODUCT_BITS: u32 = 32;

    fn new(place: usize, line: &Line) -> Self {
        Self {
            content: u128::from(line.minute) << 96
                | u128::from(line.order) << Self::PRODUCT_BITS
                | u128::from(line.product),
            place: place as u32,
        }
    }

    /// Minute and order.
    fn occasion(self) -> u128 {
        self.content >> Self::PRODUCT_BITS
    }
}

/// Lines of one order in one minute: nearly always the whole order.
#[derive(Clone, Copy)]
struct Run {
    minute: u32,
    /// Places in the sorted keys.
    start: u32,
    end: u32,
    /// An earlier run belongs to the same order.
    is_later_part: bool,
    net: i128,
}

impl Reducer {
    /// `lines` are those of one customer, at least one, none of them a return, in any order. `push` takes the baskets.
    pub fn reduce_plain(
        &mut self,
        lines: &[Line],
        (as_of, recent_days): (i32, i32),
        non_products: bool,
        totals: &mut Totals,
        mut push: impl FnMut(&[u32]),
    ) -> CustomerRow {
        let code = lines.first().map_or(NONE, |line| line.customer);
        let mut row = self.sums(code, lines, as_of, recent_days);
        let mut plain = std::mem::take(&mut self.plain);
        plain.sort(lines, totals);
        let n_orders = plain.find_orders(lines);
        row.orders = n_orders;

        self.purchases.clear();
        for run in plain.runs.iter().filter(|run| !run.is_later_part) {
            let day = day_of(run.minute);
            match self.purchases.last_mut() {
                Some((last, amount)) if *last == day => *amount += run.net,
                _ => self.purchases.push((day, run.net)),
            }
        }
        row.purchase_days = self.purchases.len() as u32;
        if let (Some((first, _)), Some((last, _))) = (self.purchases.first(), self.purchases.last()) {
            (row.first_day, row.last_day) = (*first, *last);
        }

        self.owned.clear();
        let is_owned = |line: &&Line| line.product != NONE && !line.is(NON_PRODUCT) && 0 < measure(line);
        self.owned
            .extend(lines.iter().filter(is_owned).map(|line| line.product));
        self.owned.sort_unstable();
        self.owned.dedup();
        row.products = self.owned.len() as u32;

        plain.baskets(lines, non_products, &mut push);
        self.plain = plain;
        row
    }
}

impl Plain {
    /// Sorts the keys and counts lines that are there twice.
    fn sort(&mut self, lines: &[Line], totals: &mut Totals) {
        self.keys.clear();
        self.keys
            .extend(lines.iter().enumerate().map(|(place, line)| Key::new(place, line)));
        // Files are in the order of time more often than not.
        if !self.keys.is_sorted_by_key(|key| key.content) {
            self.keys.sort_unstable_by_key(|key| key.content);
        }
        for alike in self
            .keys
            .chunk_by(|a, b| a.content == b.content)
            .filter(|alike| 1 < alike.len())
        {
            let rest = |key: &Key| {
                let line = &lines[key.place as usize];
                (line.quantity, line.amount, line.cost)
            };
            let mut rests: Vec<_> = alike.iter().map(rest).collect();
            rests.sort_unstable();
            for twice in rests.windows(2).filter(|pair| pair[0] == pair[1]) {
                totals.duplicate_lines += 1;
                totals.duplicate_amount += i128::from(twice[1].1);
            }
        }
    }

    /// Makes the runs; returns the number of orders.
    fn find_orders(&mut self, lines: &[Line]) -> u32 {
        let Self {
            keys, runs, by_order, ..
        } = self;
        runs.clear();
        by_order.clear();
        let mut start = 0;
        for of_run in keys.chunk_by(|a, b| a.occasion() == b.occasion()) {
            let first = &lines[of_run[0].place as usize];
            by_order.push((first.order, runs.len() as u32));
            let end = start + of_run.len() as u32;
            runs.push(Run {
                minute: first.minute,
                start,
                end,
                is_later_part: false,
                net: of_run
                    .iter()
                    .map(|key| i128::from(lines[key.place as usize].amount))
                    .sum(),
            });
            start = end;
        }
        by_order.sort_unstable();
        let mut n_orders = 0;
        for parts in by_order.chunk_by(|a, b| a.0 == b.0) {
            n_orders += 1;
            let (first, later) = (parts[0].1 as usize, &parts[1..]);
            for (_, part) in later {
                runs[*part as usize].is_later_part = true;
                runs[first].net += runs[*part as usize].net;
            }
        }
        n_orders
    }

    /// Distinct products of each order that has any, ascending.
    fn baskets(&mut self, lines: &[Line], non_products: bool, push: &mut impl FnMut(&[u32])) {
        let Self {
            keys,
            runs,
            by_order,
            basket,
        } = self;
        for parts in by_order.chunk_by(|a, b| a.0 == b.0) {
            basket.clear();
            for (_, part) in parts {
                let Run { start, end, .. } = runs[*part as usize];
                for key in &keys[start as usize..end as usize] {
                    let line = &lines[key.place as usize];
                    let counts = line.is(IN_BASKET) && (non_products || !line.is(NON_PRODUCT));
                    if counts && basket.last() != Some(&line.product) {
                        basket.push(line.product);
                    }
                }
            }
            if 1 < parts.len() {
                basket.sort_unstable();
                basket.dedup();
            }
            if !basket.is_empty() {
                push(basket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::customer::sort_key;
    use super::*;
    use crate::clean::NO_COST;

    fn line() -> impl Strategy<Value = Line> {
        let content = (0..4_u64, 0..5_u32, 0..3_u32, 0..3_i64, 0..4_i64);
        let rest = (0..3_i64, prop::bool::ANY, prop::bool::ANY, 0..3_u8);
        (content, rest).prop_map(
            |((order, minute, product, quantity, amount), (cost, basket, fee, group))| Line {
                order: order.wrapping_mul(0x9E37_79B9_7F4A_7C15),
                minute: 100_000 + minute * 700,
                product: if product == 2 { NONE } else { product },
                quantity,
                amount,
                cost: if cost == 2 { NO_COST } else { cost },
                flags: if basket && product != 2 { IN_BASKET } else { 0 } | if fee { NON_PRODUCT } else { 0 },
                group: if group == 2 { u8::MAX } else { group },
                ..Line::default()
            },
        )
    }

    proptest! {
        /// The general reduction, for which lines are sorted by all they hold, says the same.
        #[test]
        fn the_plain_way_and_the_general_one_agree(lines in prop::collection::vec(line(), 1..30), non_products: bool) {
            let mut sorted = lines.clone();
            sorted.sort_unstable_by_key(sort_key);
            let (mut general, mut expected_totals) = (Reducer::default(), Totals::default());
            let twice = sorted.windows(2).filter(|pair| super::super::customer::is_duplicate(&pair[0], &pair[1]));
            for pair in twice {
                expected_totals.duplicate_lines += 1;
                expected_totals.duplicate_amount += i128::from(pair[1].amount);
            }
            let expected = general.reduce(&sorted, -25_500, 2, &mut expected_totals);
            let (mut expected_baskets, mut baskets) = (Vec::new(), Vec::new());
            general.baskets(&sorted, non_products, |basket| expected_baskets.push(basket.to_vec()));

            let (mut plain, mut totals) = (Reducer::default(), Totals::default());
            // Working memory that was used before changes nothing.
            for _ in 0..2 {
                (totals, baskets) = (Totals::default(), Vec::new());
                let row = plain.reduce_plain(&lines, (-25_500, 2), non_products, &mut totals, |basket| baskets.push(basket.to_vec()));
                prop_assert_eq!(Some(&row), expected.as_ref());
            }
            prop_assert_eq!(totals, expected_totals);
            prop_assert_eq!(&plain.purchases, &general.purchases);
            prop_assert_eq!(&plain.owned, &general.owned);
            baskets.sort();
            expected_baskets.sort();
            prop_assert_eq!(baskets, expected_baskets);
        }
    }
}
