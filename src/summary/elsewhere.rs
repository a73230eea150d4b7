//! Customers that another engine reduced.
//!
//! In: one [`Reduced`] a customer, in any order, and sums over all lines. Out: [`Summarised`], as [`super::run`] makes
//! it, but for the baskets, which stay where the lines are.

use super::customer::{CustomerRow, Totals};
use super::{Baskets, Params, Part, Summarised, Sums, add_purchases, assemble};
use crate::clean::{CleanReport, Line, NO_GROUP, Renumbered, Transactions};
use crate::load::batch::Strings;
use crate::spill::Memory;
use crate::units::Day;

/// Customers of one part.
const PART_ROWS: usize = 1 << 16;

/// What an engine needs to know of the settings.
pub struct Settings {
    pub recent_days: i32,
    /// A return undoes a sale at most so many minutes before it; `None` for any earlier sale.
    pub return_window_minutes: Option<u32>,
    pub reject_duplicates: bool,
    /// Whether postage and the like count as products of a basket.
    pub non_products: bool,
}

impl Params {
    pub fn settings(&self) -> Settings {
        Settings {
            recent_days: self.recent_days,
            return_window_minutes: self.return_window_minutes,
            reject_duplicates: self.reject_duplicates,
            non_products: self.non_products,
        }
    }
}

/// One customer with at least one line; money and pieces in ten-thousandths.
#[derive(Clone, Debug, Default)]
pub struct Reduced {
    pub id: String,
    /// Without a sale, nothing counts but `returned`.
    pub has_sale: bool,
    /// The first and the last day with a sale, whether it stands or not.
    pub sale_days: (i32, i32),
    pub units: i128,
    pub gross: i128,
    pub returned: i128,
    pub margin: Option<i128>,
    pub recent_amount: i128,
    pub previous_amount: i128,
    pub group: Option<u8>,
    /// Orders that stand.
    pub orders: u32,
    /// The days of these orders, ascending, and the net amount of each.
    pub purchases: Vec<(i32, i128)>,
    /// Product codes, ascending and distinct.
    pub owned: Vec<u32>,
    /// Returns that undo no earlier sale, and what they are worth.
    pub unmatched_returns: (u64, i128),
}

/// Takes customers one by one.
pub struct Collector {
    parts: Vec<Part>,
    ids: Vec<Strings>,
    /// Owned products of the customers of each part.
    owned: Vec<Baskets>,
    sums: Sums,
}

impl Collector {
    pub fn new(n_products: usize) -> Self {
        Self {
            parts: Vec::new(),
            ids: Vec::new(),
            owned: Vec::new(),
            sums: Sums::new(n_products),
        }
    }

    pub fn add(&mut self, found: &Reduced) {
        self.sums.returned += found.returned;
        if !found.has_sale {
            self.sums.returns_only_customers += 1;
            return;
        }
        self.sums.gross += found.gross;
        self.sums.totals.unmatched_return_lines += found.unmatched_returns.0;
        self.sums.totals.unmatched_return_amount += found.unmatched_returns.1;
        if self.parts.last().is_none_or(|part| part.codes.len() == PART_ROWS) {
            self.parts.push(Part::default());
            self.ids.push(Strings::default());
            self.owned.push(Baskets::default());
        }
        let (Some(part), Some(ids), Some(owned)) = (self.parts.last_mut(), self.ids.last_mut(), self.owned.last_mut())
        else {
            return;
        };
        let mut row = CustomerRow {
            code: ids.len() as u32,
            first_day: found.sale_days.0,
            last_day: found.sale_days.1,
            orders: found.orders,
            purchase_days: found.purchases.len() as u32,
            products: found.owned.len() as u32,
            units: found.units,
            gross: found.gross,
            returned: found.returned,
            margin: found.margin,
            recent_amount: found.recent_amount,
            previous_amount: found.previous_amount,
            group: found.group.unwrap_or(NO_GROUP),
        };
        if let (Some(first), Some(last)) = (found.purchases.first(), found.purchases.last()) {
            (row.first_day, row.last_day) = (first.0, last.0);
        }
        ids.push(found.id.as_bytes());
        part.codes.push(row.code);
        part.columns.push(&row);
        add_purchases(&found.purchases, &mut part.days, &mut part.amounts);
        owned.push(&found.owned);
    }

    /// Counts `n` sale lines of this product and this amount.
    pub fn add_sales(&mut self, product: u32, amount: i64, n: u64) {
        let of_line = ((amount as f64).ln() * 1e6).round() as i64;
        if let (Some(lines), Some(logs)) = (
            self.sums.product_lines.get_mut(product as usize),
            self.sums.product_log_amount.get_mut(product as usize),
        ) {
            *lines += n;
            *logs += of_line * n as i64;
        }
    }

    /// Kept lines that are exact duplicates of others, and those to drop.
    pub fn add_duplicates(&mut self, rows: u64, amount: i128, dropped: Vec<Line>) {
        self.sums.totals = Totals {
            duplicate_lines: rows,
            duplicate_amount: amount,
            ..self.sums.totals
        };
        if !dropped.is_empty() {
            // A part of its own without customers.
            self.parts.push(Part {
                dropped,
                ..Part::default()
            });
            self.ids.push(Strings::default());
            self.owned.push(Baskets::default());
        }
    }

    /// Sorts and finishes; `first_day` is the first day of any kept line. `n_anonymous_baskets` and
    /// `n_baskets_with_several` are of baskets that stay where they are.
    pub fn finish(
        mut self,
        first_day: Day,
        as_of: Day,
        n_anonymous_baskets: u64,
        n_baskets_with_several: u64,
    ) -> Summarised {
        for (part, owned) in self.parts.iter_mut().zip(self.owned) {
            part.owned = owned.into();
        }
        let of_ids = Transactions {
            partitions: Vec::new(),
            codes: Renumbered::default(),
            memory: Memory::new(u64::MAX, None),
            customers: self.ids,
            products: Vec::new(),
            product_names: Vec::new(),
            groups: Vec::new(),
            report: CleanReport::default(),
        };
        Summarised {
            n_anonymous_baskets,
            n_several_baskets: n_baskets_with_several,
            ..assemble(&of_ids, self.parts, self.sums, Vec::new(), first_day, as_of)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_sorted_and_those_without_a_sale_are_counted() {
        let mut collector = Collector::new(2);
        for (id, has_sale) in [("b", true), ("c", false), ("a", true)] {
            collector.add(&Reduced {
                id: id.to_owned(),
                has_sale,
                gross: if has_sale { 30_000 } else { 0 },
                returned: 10_000,
                orders: 2,
                purchases: vec![(10, 10_000), (12, 20_000)],
                owned: vec![0, 1],
                ..Reduced::default()
            });
        }
        collector.add_sales(1, 20_000, 3);
        let found = collector.finish(Day(5), Day(20), 7, 9);
        assert_eq!(found.summary.ids.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found.summary.net, [20_000, 20_000]);
        assert_eq!(found.purchases.amounts, [1.0, 2.0, 1.0, 2.0]);
        assert_eq!((found.n_returns_only_customers, found.returned), (1, 30_000));
        assert_eq!((found.n_anonymous_baskets, found.n_several_baskets), (7, 9));
        assert_eq!(found.first_day, Day(10));
        assert!((found.product_amount[1] - 2.0).abs() < 1e-6 && found.product_amount[0] == 0.0);
    }
}
