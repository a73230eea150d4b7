//! Putting parts together: rows in the order of customer ids.
//!
//! In: what each partition gave, in the order of the codes of its customers. Out: [`Summarised`]. Cost: a sort of the ids by
//! their first eight bytes, and each column read and written once; a column of the parts is freed before the next is made.

use rayon::prelude::*;

use super::sets::{Kept, OwnedProducts};
use super::{Ids, Part, Purchases, Summarised, Summary, Sums, warnings};
use crate::clean::Transactions;
use crate::units::{Day, UNITS_PER_ONE};

/// Where a row stands before the rows are sorted.
#[derive(Clone, Copy)]
struct Place {
    /// The first bytes of the id, so that most comparisons need no look at it.
    prefix: u64,
    part: u32,
    row: u32,
}

impl Place {
    fn new(id: &[u8], part: usize, row: usize) -> Self {
        let mut first = [0; 8];
        let n = id.len().min(first.len());
        first[..n].copy_from_slice(&id[..n]);
        Self {
            prefix: u64::from_be_bytes(first),
            part: part as u32,
            row: row as u32,
        }
    }
}

pub(super) fn assemble(
    transactions: &Transactions,
    mut parts: Vec<Part>,
    sums: Sums,
    anonymous: Vec<Kept>,
    first_day: Day,
    as_of: Day,
) -> Summarised {
    let id_of = |part: usize, code: u32| transactions.customers[part].get(code as usize);
    let mut order: Vec<Place> = Vec::with_capacity(parts.iter().map(|part| part.codes.len()).sum());
    for (p, part) in parts.iter().enumerate() {
        order.extend((0..part.codes.len()).map(|row| Place::new(id_of(p, part.codes[row]), p, row)));
    }
    let id = |place: &Place| {
        id_of(
            place.part as usize,
            parts[place.part as usize].codes[place.row as usize],
        )
    };
    order.par_sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| id(a).cmp(id(b))));

    let texts = |places: &[Place]| -> Ids { places.iter().map(|place| String::from_utf8_lossy(id(place))).collect() };
    let mut ids = Ids::default();
    let pieces: Vec<Ids> = order.par_chunks(1 << 16).map(texts).collect();
    pieces.iter().for_each(|piece| ids.append(piece));
    let purchases = purchases(&mut parts, &order);
    let mut rank: Vec<Vec<u32>> = parts.iter().map(|part| vec![0; part.codes.len()]).collect();
    for (position, place) in order.iter().enumerate() {
        rank[place.part as usize][place.row as usize] = position as u32;
    }
    let columns: Vec<Summary> = parts.iter_mut().map(|part| std::mem::take(&mut part.columns)).collect();
    let summary = Summary {
        ids,
        as_of,
        ..Summary::gathered(columns, &order)
    };
    let mut out = Summarised {
        purchases,
        n_anonymous_baskets: sums.anonymous_baskets,
        n_several_baskets: sums.several_baskets,
        ..Summarised::default()
    };
    for (part, customers) in parts.into_iter().zip(rank) {
        out.baskets.push(part.baskets);
        out.owned.push(OwnedProducts {
            customers,
            sets: part.owned,
        });
        out.rejected_duplicates.extend(part.dropped);
    }
    out.baskets.extend(anonymous);
    out.rejected_duplicates
        .sort_unstable_by_key(|line| (line.file, line.row));
    let mean = |(n, logs): (&u64, &i64)| match n {
        0 => 0.0,
        n => (*logs as f64 / 1e6 / *n as f64).exp() / UNITS_PER_ONE as f64,
    };
    out.product_amount = sums
        .product_lines
        .iter()
        .zip(&sums.product_log_amount)
        .map(mean)
        .collect();
    out.first_day = summary.first_day.iter().min().map_or(first_day, |day| Day(*day));
    out.n_returns_only_customers = sums.returns_only_customers;
    out.unmatched_returns = (sums.totals.unmatched_return_lines, sums.totals.unmatched_return_amount);
    out.duplicates = (sums.totals.duplicate_lines, sums.totals.duplicate_amount);
    out.gross = sums.gross;
    out.returned = sums.returned;
    out.warnings = warnings(&summary, &sums, &out);
    out.summary = summary;
    out
}

/// The purchase days of all rows, in the order of the summary.
fn purchases(parts: &mut [Part], order: &[Place]) -> Purchases {
    let end = |end: &mut usize, n: &u32| {
        *end += *n as usize;
        Some(*end)
    };
    let ends: Vec<Vec<usize>> = parts
        .iter()
        .map(|part| part.columns.purchase_days.iter().scan(0, end).collect())
        .collect();
    let n_days = parts.iter().map(|part| part.days.len()).sum();
    let mut out = Purchases {
        ends: Vec::with_capacity(order.len()),
        days: Vec::with_capacity(n_days),
        amounts: Vec::with_capacity(n_days),
    };
    for place in order {
        let (part, ends, row) = (
            &parts[place.part as usize],
            &ends[place.part as usize],
            place.row as usize,
        );
        let start = row.checked_sub(1).map_or(0, |before| ends[before]);
        out.days.extend_from_slice(&part.days[start..ends[row]]);
        out.amounts.extend_from_slice(&part.amounts[start..ends[row]]);
        out.ends.push(out.days.len());
    }
    for part in parts {
        (part.days, part.amounts) = (Vec::new(), Vec::new());
    }
    out
}

impl Summary {
    /// All rows of `parts`, in the order of `places`; ids are left out. Each part's column is freed as soon as it is read.
    fn gathered(mut parts: Vec<Self>, places: &[Place]) -> Self {
        fn gather<T: Copy + Send + Sync>(
            parts: &mut [Summary],
            places: &[Place],
            column: impl Fn(&mut Summary) -> &mut Vec<T>,
        ) -> Vec<T> {
            let columns: Vec<Vec<T>> = parts.iter_mut().map(|part| std::mem::take(column(part))).collect();
            let value = |place: &Place| columns[place.part as usize][place.row as usize];
            places.par_iter().map(value).collect()
        }
        let parts = &mut parts[..];
        Self {
            first_day: gather(parts, places, |s| &mut s.first_day),
            last_day: gather(parts, places, |s| &mut s.last_day),
            orders: gather(parts, places, |s| &mut s.orders),
            purchase_days: gather(parts, places, |s| &mut s.purchase_days),
            products: gather(parts, places, |s| &mut s.products),
            units: gather(parts, places, |s| &mut s.units),
            gross_amount: gather(parts, places, |s| &mut s.gross_amount),
            returned_amount: gather(parts, places, |s| &mut s.returned_amount),
            net_amount: gather(parts, places, |s| &mut s.net_amount),
            net: gather(parts, places, |s| &mut s.net),
            margin_amount: gather(parts, places, |s| &mut s.margin_amount),
            repeat_days: gather(parts, places, |s| &mut s.repeat_days),
            recent_amount: gather(parts, places, |s| &mut s.recent_amount),
            previous_amount: gather(parts, places, |s| &mut s.previous_amount),
            group: gather(parts, places, |s| &mut s.group),
            ..Self::default()
        }
    }
}
