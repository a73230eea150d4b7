//! What a reduction answered, in one number: the CRC-32 of its rows as text, which a script in any language makes
//! again. Fast and wrong shows beside the time.

use std::fmt::Write as _;

use flate2::Crc;
use quintile::basket::Pairs;
use quintile::summary::Summary;

/// Rows collected before they go into the checksum.
const FLUSH_BYTES: usize = 1 << 16;

#[derive(Default)]
struct Rows {
    crc: Crc,
    text: String,
}

impl Rows {
    fn push(&mut self, row: std::fmt::Arguments<'_>) {
        // Writing to a string in memory cannot fail.
        let _ = self.text.write_fmt(row);
        if self.text.len() >= FLUSH_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.crc.update(self.text.as_bytes());
        self.text.clear();
    }

    fn checksum(mut self) -> u32 {
        self.flush();
        self.crc.sum()
    }
}

/// Rows `customer_id,orders,products,first_day,last_day,net_cents`, sorted by id; days since 1970-01-01.
pub fn of_customers(summary: &Summary) -> u32 {
    let mut rows = Rows::default();
    for i in 0..summary.n_customers() {
        rows.push(format_args!(
            "{},{},{},{},{},{}\n",
            &summary.ids[i],
            summary.orders[i],
            summary.products[i],
            summary.first_day[i],
            summary.last_day[i],
            summary.net[i] / 100,
        ));
    }
    rows.checksum()
}

/// Rows `product_a,product_b,n_ab`, sorted; `product_a < product_b` in byte order.
pub fn of_pairs(pairs: &Pairs, products: &[String]) -> u32 {
    let mut rows = Rows::default();
    for i in 0..pairs.len() {
        let (a, b) = (pairs.product_a[i] as usize, pairs.product_b[i] as usize);
        rows.push(format_args!("{},{},{}\n", products[a], products[b], pairs.n_ab[i]));
    }
    rows.checksum()
}
