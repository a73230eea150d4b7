//! What the two reductions answered, in one number each.

use quintile::basket::Pairs;
use quintile::summary::Summary;

use crate::answer::of_rows;

/// Rows `customer_id,orders,products,first_day,last_day,net_cents`, sorted by id; days since 1970-01-01.
pub fn of_customers(summary: &Summary) -> u32 {
    of_rows((0..summary.n_customers()).map(|i| {
        format!(
            "{},{},{},{},{},{}",
            &summary.ids[i],
            summary.orders[i],
            summary.products[i],
            summary.first_day[i],
            summary.last_day[i],
            summary.net[i] / 100,
        )
    }))
}

/// Rows `product_a,product_b,n_ab`, sorted; `product_a < product_b` in byte order.
pub fn of_pairs(pairs: &Pairs, products: &[String]) -> u32 {
    of_rows((0..pairs.len()).map(|i| {
        let (a, b) = (pairs.product_a[i] as usize, pairs.product_b[i] as usize);
        format!("{},{},{}", products[a], products[b], pairs.n_ab[i])
    }))
}
