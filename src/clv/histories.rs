//! Customers with the same history (x, t_x, T) are one row with a count.
//!
//! In: a purchase history per customer. Out: the distinct histories in ascending order, how many customers
//! share each, and which one each customer has. Cost: one sort, O(n log n) time, 16 bytes a customer where times are
//! whole days (0.05 µs a customer on two cores), 40 otherwise.
//! Order of customers has no influence on the distinct rows, so it has none on any fit.

use rayon::prelude::*;

use super::optimise::Derivatives;

/// A customer's purchase history, in days or in any other unit of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// Purchase days after the first one.
    pub x: u32,
    /// Time from the first to the last purchase; 0 if x is 0.
    pub t_x: f64,
    /// Time from the first purchase to the end of observation (T in the papers).
    pub age: f64,
}

impl History {
    /// Somebody who has just made the first purchase.
    pub const NEW: Self = Self {
        x: 0,
        t_x: 0.0,
        age: 0.0,
    };

    /// Whether the models are defined for it: 0 ≤ t_x ≤ T, finite, and t_x is positive exactly if x is.
    pub fn is_valid(&self) -> bool {
        self.age.is_finite() && 0.0 <= self.t_x && self.t_x <= self.age && (0.0 < self.t_x) == (0 < self.x)
    }

    fn key(&self) -> (u32, u64, u64) {
        // Bits of non-negative floats ascend with the numbers; adding 0.0 makes -0.0 the same as 0.0.
        (self.x, (self.t_x + 0.0).to_bits(), (self.age + 0.0).to_bits())
    }
}

/// Distinct histories, ascending by (x, t_x, T).
#[derive(Clone, Debug, Default)]
pub struct Histories {
    pub rows: Vec<History>,
    /// Customers with each row's history, as a weight in sums.
    pub counts: Vec<f64>,
    /// The distinct x, ascending.
    pub x_values: Vec<u32>,
    /// Customers with each x.
    pub x_counts: Vec<f64>,
    /// Place of each row's x in `x_values`.
    pub x_index: Vec<u32>,
    /// Σ ln of the gaps between neighbouring purchase days, over all customers and in the unit of the rows; `None`
    /// where only x, t_x and T are known. What the regularity of purchases is estimated from.
    pub sum_ln_gaps: Option<f64>,
}

/// Where x, t_x and T are whole numbers that, with the customer's place, fit into 64 bits, a history is one integer that
/// sorts as the history does, in a quarter of the memory.
struct Packing {
    t_x_bits: u32,
    age_bits: u32,
    place_bits: u32,
}

impl Packing {
    fn of(customers: &[History]) -> Option<Self> {
        let whole = |t: f64| t.is_finite() && t == f64::from(t as u32);
        // (all whole, largest x, largest T) of the valid ones; t_x is no larger than T.
        let (all_whole, x, age) = customers
            .par_iter()
            .filter(|h| h.is_valid())
            .map(|h| (whole(h.t_x) && whole(h.age), h.x, h.age as u32))
            .reduce(|| (true, 0, 0), |a, b| (a.0 && b.0, a.1.max(b.1), a.2.max(b.2)));
        let bits = |n: u32| u32::BITS - n.leading_zeros();
        let packing = Self {
            t_x_bits: bits(age),
            age_bits: bits(age),
            place_bits: bits(u32::try_from(customers.len()).ok()?),
        };
        let needed = bits(x) + packing.t_x_bits + packing.age_bits + packing.place_bits;
        (all_whole && needed <= u64::BITS).then_some(packing)
    }

    fn pack(&self, h: &History, place: usize) -> u64 {
        let mut key = u64::from(h.x);
        key = (key << self.t_x_bits) | h.t_x as u64;
        key = (key << self.age_bits) | h.age as u64;
        (key << self.place_bits) | place as u64
    }

    fn unpack(&self, key: u64) -> (History, usize) {
        let take = |key: u64, bits: u32| (key >> bits, key & ((1 << bits) - 1));
        let (key, place) = take(key, self.place_bits);
        let (key, age) = take(key, self.age_bits);
        let (x, t_x) = take(key, self.t_x_bits);
        let history = History {
            x: x as u32,
            t_x: t_x as f64,
            age: age as f64,
        };
        (history, place as usize)
    }
}

/// Row of a customer whose history is invalid.
pub const NO_ROW: u32 = u32::MAX;

impl Histories {
    /// Collapses the valid histories. The second vector has each customer's row, or [`NO_ROW`].
    pub fn collapse(customers: &[History]) -> (Self, Vec<u32>) {
        let mut out = Self::default();
        let mut row_of = vec![NO_ROW; customers.len()];
        let mut last = None;
        let mut add = |history: History, customer: usize| {
            let key = history.key();
            if last != Some(key) {
                last = Some(key);
                out.push(history);
            }
            let row = out.rows.len() - 1;
            out.counts[row] += 1.0;
            out.x_counts[out.x_index[row] as usize] += 1.0;
            row_of[customer] = row as u32;
        };
        if let Some(packing) = Packing::of(customers) {
            let valid = |(i, h): (usize, &History)| h.is_valid().then(|| packing.pack(h, i));
            let mut packed: Vec<u64> = customers.par_iter().enumerate().filter_map(valid).collect();
            packed.par_sort_unstable();
            for key in packed {
                let (history, customer) = packing.unpack(key);
                add(history, customer);
            }
        } else {
            let mut keyed: Vec<((u32, u64, u64), u32)> = (0_u32..)
                .zip(customers)
                .filter(|(_, history)| history.is_valid())
                .map(|(i, history)| (history.key(), i))
                .collect();
            keyed.par_sort_unstable();
            for ((x, t_x, age), customer) in keyed {
                let (t_x, age) = (f64::from_bits(t_x), f64::from_bits(age));
                add(History { x, t_x, age }, customer as usize);
            }
        }
        (out, row_of)
    }

    fn push(&mut self, row: History) {
        if self.x_values.last() != Some(&row.x) {
            self.x_values.push(row.x);
            self.x_counts.push(0.0);
        }
        self.x_index.push((self.x_values.len() - 1) as u32);
        self.rows.push(row);
        self.counts.push(0.0);
    }

    /// The same histories with all times divided by `unit`.
    pub fn in_units_of(&self, unit: f64) -> Self {
        let rescale = |h: &History| History {
            t_x: h.t_x / unit,
            age: h.age / unit,
            ..*h
        };
        Self {
            rows: self.rows.iter().map(rescale).collect(),
            sum_ln_gaps: self.sum_ln_gaps.map(|sum| sum - self.total_x() * unit.ln()),
            ..self.clone()
        }
    }

    /// Every k-th row, with the smallest k that leaves at most `max_rows`: enough to find a start near the
    /// optimum, since the rows are sorted.
    pub fn thinned(&self, max_rows: usize) -> Self {
        let step = self.rows.len().div_ceil(max_rows.max(1)).max(1);
        let mut out = Self::default();
        for i in (0..self.rows.len()).step_by(step) {
            out.push(self.rows[i]);
            let row = out.rows.len() - 1;
            out.counts[row] = self.counts[i];
            out.x_counts[out.x_index[row] as usize] += self.counts[i];
        }
        // Whose gaps they were is not known: the mean gap stays.
        out.sum_ln_gaps = self.sum_ln_gaps.map(|sum| sum * out.total_x() / self.total_x());
        out
    }

    pub fn n_customers(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Customers with at least one repeat purchase.
    pub fn n_repeaters(&self) -> f64 {
        self.weighted(|h| if 0 < h.x { 1.0 } else { 0.0 })
    }

    /// Repeat purchases of all customers.
    pub fn total_x(&self) -> f64 {
        self.weighted(|h| f64::from(h.x))
    }

    pub fn total_age(&self) -> f64 {
        self.weighted(|h| h.age)
    }

    pub fn longest_age(&self) -> f64 {
        self.rows.iter().fold(0.0, |longest, h| h.age.max(longest))
    }

    fn weighted(&self, f: impl Fn(&History) -> f64) -> f64 {
        self.rows.iter().zip(&self.counts).map(|(h, count)| count * f(h)).sum()
    }
}

/// Rows that one task sums before the partial sums are added in order; fixed, so that the bits of a sum do not
/// depend on the number of threads.
const CHUNK: usize = 4096;

/// Sums `part(first, last)` over fixed ranges of 0 .. n in parallel, combining in order.
pub fn sum_in_order<const N: usize>(n: usize, part: impl Fn(usize, usize) -> Derivatives<N> + Sync) -> Derivatives<N> {
    let parts: Vec<Derivatives<N>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|c| part(c * CHUNK, n.min((c + 1) * CHUNK)))
        .collect();
    let mut sum = Derivatives::default();
    for p in &parts {
        sum.add(p);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_histories_share_a_row_and_invalid_ones_have_none() {
        let h = |x, t_x, age| History { x, t_x, age };
        let customers = [
            h(2, 30.0, 90.0),
            h(0, 0.0, 90.0),
            h(2, 30.0, 90.0),
            h(1, 0.0, 5.0),
            h(0, -0.0, 90.0),
            h(3, 91.0, 90.0),
            h(0, 0.0, f64::NAN),
            h(0, 0.0, -1.0),
        ];
        let (rows, row_of) = Histories::collapse(&customers);
        assert_eq!(rows.rows, [h(0, 0.0, 90.0), h(2, 30.0, 90.0)]);
        assert_eq!(rows.counts, [2.0, 2.0]);
        assert_eq!(
            (rows.x_values.as_slice(), rows.x_counts.as_slice()),
            (&[0, 2][..], &[2.0, 2.0][..])
        );
        assert_eq!(row_of, [1, 0, 1, NO_ROW, 0, NO_ROW, NO_ROW, NO_ROW]);
        assert_eq!(
            (rows.n_customers(), rows.n_repeaters(), rows.total_x()),
            (4.0, 2.0, 4.0)
        );
    }

    #[test]
    fn packed_and_plain_sorting_give_the_same_rows() {
        let h = |x, t_x, age| History { x, t_x, age };
        let mut customers: Vec<History> = (0..3_000_u32)
            .map(|i| {
                let age = f64::from(i * 7919 % 731);
                let x = i * 31 % 5;
                h(x, if x == 0 { 0.0 } else { f64::from(i % 97) }, age)
            })
            .collect();
        customers.extend([h(0, -0.0, 4.0), h(0, 0.0, f64::NAN), h(1, 2.0, f64::INFINITY)]);
        assert!(Packing::of(&customers).is_some());
        let packed = Histories::collapse(&customers);
        // One customer whose days are not whole sends all the other way; it sorts last.
        let mut mixed = customers.clone();
        mixed.push(h(u32::MAX, 0.5, 1.5));
        assert!(Packing::of(&mixed).is_none());
        let mut plain = Histories::collapse(&mixed);
        let row = plain.1.pop().unwrap() as usize;
        assert_eq!(row + 1, plain.0.rows.len());
        plain.0.rows.pop();
        assert_eq!((packed.0.rows, packed.1), (plain.0.rows, plain.1));
        assert_eq!(packed.0.counts, plain.0.counts[..row]);
        // 64 bits and no more.
        let long = |x: u32, age: f64| Packing::of(&[h(x, 1.0, age), h(x, 1.0, age)]).is_some();
        assert!(long(1 << 13, 16_777_215.0) && !long(1 << 14, 16_777_216.0) && !long(1, 4_294_967_296.0));
        let largest = h((1 << 14) - 1, 16_777_215.0, 16_777_215.0);
        let (rows, _) = Histories::collapse(&[largest, largest]);
        assert_eq!((rows.rows, rows.counts), (vec![largest], vec![2.0]));
    }

    #[test]
    fn thinning_keeps_the_order_and_the_counts_of_the_kept_rows() {
        let customers: Vec<History> = (0..100)
            .map(|i| History {
                x: i % 5,
                t_x: f64::from(i % 5),
                age: f64::from(i + 5),
            })
            .collect();
        let (rows, _) = Histories::collapse(&customers);
        let thin = rows.thinned(30);
        assert_eq!(thin.rows.len(), 25);
        assert_eq!(thin.x_counts.iter().sum::<f64>(), 25.0);
        assert!(thin.rows.windows(2).all(|w| w[0].key() < w[1].key()));
    }
}
