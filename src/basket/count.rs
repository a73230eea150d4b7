//! The counting kernel: baskets of product codes -> how many baskets hold each product, and each pair.
//!
//! Exact integers throughout; nothing is sampled, no cross product of the lines is ever stored.
//!
//! 1. [`count_products`]: one pass, one counter a product.
//! 2. [`Ranks`]: a pair cannot be in more baskets than either of its products, so only products that reach
//!    `min_count` take part. They are renumbered by falling frequency: rank 0 is in most baskets.
//! 3. [`encode`]: one pass copies the baskets in ranks, ascending within a basket, without the products that
//!    fell out and without baskets that have fewer than two left. 4 bytes a line.
//! 4. [`count_pairs`]: a pair belongs to the row of its rarer product. For each row, an inverted list holds the
//!    places of that product in the encoded lines; everything before it in the same basket is a commoner
//!    partner, counted into one array that is as long as the row's rank. 4 bytes a place, for at most
//!    `index_places` places at a time.
//!
//! Why rows and not a triangle of counters for each thread: a row's counters fit the second-level cache where a
//! triangle is a random write into main memory; memory does not multiply by threads, and there is nothing to
//! merge. Why not sort the pairs: a basket of k products has k lines but k(k-1)/2 pairs, and the sort moves 8
//! bytes for each of those.
//!
//! Cost: O(lines + pairs seen), where a basket of k products shows k(k-1)/2 pairs. Memory: 4 bytes a line, 4 bytes
//! times `index_places`, 4 bytes a product and thread, 12 bytes a counted pair.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rayon::prelude::*;

use super::{Baskets, Error, Kept};

/// Set on the first (most frequent) product of an encoded basket.
const FIRST: u32 = 1 << 31;
const UNRANKED: u32 = u32::MAX;

/// A pair of product codes, `a < b`, and the number of baskets that hold both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PairCount {
    pub a: u32,
    pub b: u32,
    pub n_ab: u32,
}

/// Baskets by product, and what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ProductCounts {
    /// Baskets that hold product `i`; length `n_products`.
    pub n_a: Vec<u32>,
    pub n_baskets: u64,
    pub n_oversized_baskets: u64,
    pub n_oversized_lines: u64,
}

impl ProductCounts {
    fn empty(n_products: usize) -> Self {
        Self {
            n_a: vec![0; n_products],
            ..Self::default()
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.n_a.iter_mut().zip(&other.n_a) {
            *mine = mine.wrapping_add(*theirs);
        }
        self.n_baskets += other.n_baskets;
        self.n_oversized_baskets += other.n_oversized_baskets;
        self.n_oversized_lines += other.n_oversized_lines;
        self
    }
}

/// Counts baskets and, for each product, the baskets that hold it. A basket of more than `max_basket_products`
/// products counts nowhere but in the two `n_oversized_*` figures.
pub(super) fn count_products(
    chunks: &[Kept],
    n_products: usize,
    max_basket_products: usize,
) -> Result<ProductCounts, Error> {
    let counts = chunks
        .par_iter()
        .try_fold(
            || ProductCounts::empty(n_products),
            |mut counts, chunk| {
                for basket in chunk.get()?.iter() {
                    if max_basket_products < basket.len() {
                        counts.n_oversized_baskets += 1;
                        counts.n_oversized_lines += basket.len() as u64;
                        continue;
                    }
                    counts.n_baskets += 1;
                    for &product in basket {
                        // Cannot wrap unless there are too many baskets, which is refused below.
                        let count = &mut counts.n_a[product as usize];
                        *count = count.wrapping_add(1);
                    }
                }
                Ok::<_, Error>(counts)
            },
        )
        .try_reduce_with(|left, right| Ok(left.plus(&right)))
        .unwrap_or_else(|| Ok(ProductCounts::empty(n_products)))?;
    if u64::from(u32::MAX) < counts.n_baskets {
        return Err(Error::TooManyBaskets {
            n_baskets: counts.n_baskets,
        });
    }
    Ok(counts)
}

/// Products that reach a count, numbered by falling frequency, ties by code.
pub(super) struct Ranks {
    /// Length `n_products`; [`UNRANKED`] for a product below the count.
    rank_of: Vec<u32>,
    product_of: Vec<u32>,
}

impl Ranks {
    pub fn new(n_a: &[u32], min_count: u64) -> Self {
        let mut product_of: Vec<u32> = (0u32..)
            .zip(n_a)
            .filter(|&(_, &n)| min_count <= u64::from(n))
            .map(|(product, _)| product)
            .collect();
        product_of.sort_unstable_by_key(|&product| (std::cmp::Reverse(n_a[product as usize]), product));
        let mut rank_of = vec![UNRANKED; n_a.len()];
        for (rank, &product) in (0u32..).zip(&product_of) {
            rank_of[product as usize] = rank;
        }
        Self { rank_of, product_of }
    }

    fn len(&self) -> usize {
        self.product_of.len()
    }

    fn pair(&self, row: usize, column: usize, n_ab: u32) -> PairCount {
        let (x, y) = (self.product_of[row], self.product_of[column]);
        PairCount {
            a: x.min(y),
            b: x.max(y),
            n_ab,
        }
    }
}

/// The baskets in ranks: ascending within a basket, the first one of each marked [`FIRST`]; only baskets with at
/// least two ranked products.
pub(super) fn encode(chunks: &[Kept], ranks: &Ranks, max_basket_products: usize) -> Result<Vec<u32>, Error> {
    let is_counted = |basket: &&[u32]| basket.len() <= max_basket_products;
    let sizes: Vec<usize> = chunks
        .par_iter()
        .map(|chunk| {
            let ranked = |basket: &[u32]| {
                basket
                    .iter()
                    .filter(|&&p| ranks.rank_of[p as usize] != UNRANKED)
                    .count()
            };
            let sizes = |chunk: &Baskets| chunk.iter().filter(is_counted).map(ranked).filter(|&n| 2 <= n).sum();
            Ok(sizes(chunk.get()?.as_ref()))
        })
        .collect::<Result<_, Error>>()?;
    let n_lines: usize = sizes.iter().sum();
    if u32::MAX as usize <= n_lines {
        return Err(Error::TooManyLines {
            n_lines: n_lines as u64,
        });
    }
    let mut lines = vec![0; n_lines];
    let mut parts = Vec::with_capacity(chunks.len());
    let mut rest = lines.as_mut_slice();
    for size in sizes {
        let (part, tail) = rest.split_at_mut(size);
        parts.push(part);
        rest = tail;
    }
    parts
        .into_par_iter()
        .zip(chunks)
        .try_for_each_init(Vec::new, |ranked: &mut Vec<u32>, (part, chunk)| {
            let mut free = part;
            for basket in chunk.get()?.iter().filter(is_counted) {
                ranked.clear();
                ranked.extend(
                    basket
                        .iter()
                        .map(|&p| ranks.rank_of[p as usize])
                        .filter(|&rank| rank != UNRANKED),
                );
                if ranked.len() < 2 {
                    continue;
                }
                ranked.sort_unstable();
                ranked[0] |= FIRST;
                let (mine, tail) = std::mem::take(&mut free).split_at_mut(ranked.len());
                mine.copy_from_slice(ranked);
                free = tail;
            }
            Ok::<_, Error>(())
        })?;
    Ok(lines)
}

/// For each row (rank), where it stands in the encoded lines, without the places at which it is first and has no
/// commoner partner. Counted by stretch of lines, so that a band of rows can be filled in parallel.
struct Places {
    /// `by_stretch[s][row]`: places of the row in stretch `s` of the lines.
    by_stretch: Vec<Vec<u32>>,
    stretch_len: usize,
    /// Places of the row in all lines.
    by_row: Vec<u32>,
}

impl Places {
    fn count(lines: &[u32], n_rows: usize) -> Self {
        let stretch_len = lines.len().div_ceil(2 * rayon::current_num_threads()).max(1);
        let by_stretch: Vec<Vec<u32>> = lines
            .par_chunks(stretch_len)
            .map(|stretch| {
                let mut counts = vec![0; n_rows];
                for &line in stretch.iter().filter(|&&line| line & FIRST == 0) {
                    counts[line as usize] += 1;
                }
                counts
            })
            .collect();
        let mut by_row = vec![0; n_rows];
        for counts in &by_stretch {
            for (total, count) in by_row.iter_mut().zip(counts) {
                *total += count;
            }
        }
        Self {
            by_stretch,
            stretch_len,
            by_row,
        }
    }

    /// The end of the longest band of rows from `start` that holds at most `limit` places, but at least one row.
    fn band_end(&self, start: usize, limit: usize) -> usize {
        let mut sum = 0;
        let fits = |&&count: &&u32| {
            sum += count as usize;
            sum <= limit
        };
        let fitting = self.by_row[start..].iter().take_while(fits).count();
        start + fitting.max(1)
    }

    /// The places of rows `start..end`, row after row, and each row's end in that list.
    fn list(&self, lines: &[u32], start: usize, end: usize) -> (Vec<AtomicU32>, Vec<usize>) {
        let ends: Vec<usize> = self.by_row[start..end]
            .iter()
            .scan(0, |sum, &count| {
                *sum += count as usize;
                Some(*sum)
            })
            .collect();
        let n_places = ends.last().copied().unwrap_or(0);
        let mut cursors = Vec::with_capacity(self.by_stretch.len());
        let mut next: Vec<usize> = std::iter::once(0)
            .chain(ends.iter().copied())
            .take(end - start)
            .collect();
        for counts in &self.by_stretch {
            cursors.push(next.clone());
            for (at, &count) in next.iter_mut().zip(&counts[start..end]) {
                *at += count as usize;
            }
        }
        // Atomic only so that several threads may fill one list; each place is written once, by one thread.
        let list: Vec<AtomicU32> = (0..n_places).into_par_iter().map(|_| AtomicU32::new(0)).collect();
        lines
            .par_chunks(self.stretch_len)
            .zip(cursors)
            .enumerate()
            .for_each(|(stretch, (part, mut cursor))| {
                let offset = stretch * self.stretch_len;
                for (i, &line) in part.iter().enumerate() {
                    // A marked first line is above every row.
                    if let Some(at) = (line as usize).checked_sub(start).and_then(|row| cursor.get_mut(row)) {
                        list[*at].store((offset + i) as u32, Ordering::Relaxed);
                        *at += 1;
                    }
                }
            });
        (list, ends)
    }
}

/// Counters of one row at a time; all zero between rows.
struct Row {
    counts: Vec<u32>,
    touched: Vec<u32>,
    pairs: Vec<PairCount>,
}

impl Row {
    fn new(n_rows: usize) -> Self {
        Self {
            counts: vec![0; n_rows],
            touched: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Counts the partners before each place and keeps the pairs that reach `min_count`; returns how many.
    fn count(&mut self, lines: &[u32], places: &[AtomicU32], row: usize, min_count: u64, ranks: &Ranks) -> u64 {
        let before = self.pairs.len();
        // A pair is in at most as many baskets as its row has places.
        if (places.len() as u64) < min_count {
            return 0;
        }
        // Remembering which counters were touched costs a branch a pair; looking through all of them costs the
        // row's length once.
        if places.len() < row / 16 {
            for_each_partner(lines, places, |partner| {
                let count = &mut self.counts[partner];
                if *count == 0 {
                    self.touched.push(partner as u32);
                }
                *count += 1;
            });
            for column in self.touched.drain(..) {
                let count = std::mem::take(&mut self.counts[column as usize]);
                if min_count <= u64::from(count) {
                    self.pairs.push(ranks.pair(row, column as usize, count));
                }
            }
        } else {
            for_each_partner(lines, places, |partner| self.counts[partner] += 1);
            for (column, count) in self.counts[..row].iter_mut().enumerate() {
                let count = std::mem::take(count);
                if 0 < count && min_count <= u64::from(count) {
                    self.pairs.push(ranks.pair(row, column, count));
                }
            }
        }
        (self.pairs.len() - before) as u64
    }
}

/// Calls `count` with the commoner products in the basket of each place.
///
/// Every place is a cache miss, and the end of a basket a branch that cannot be foreseen: walked one by one, the
/// misses wait for each other. So the lines before some places are fetched first, without a branch, all at once.
fn for_each_partner(lines: &[u32], places: &[AtomicU32], mut count: impl FnMut(usize)) {
    const AHEAD: usize = 32;
    let mut nearest = [(0, 0); AHEAD];
    for some in places.chunks(AHEAD) {
        for (nearest, place) in nearest.iter_mut().zip(some) {
            // Never 0: the first line of all is marked, and marked lines have no place.
            let before = place.load(Ordering::Relaxed) as usize - 1;
            *nearest = (before, lines[before]);
        }
        for &(before, line) in &nearest[..some.len()] {
            let (mut at, mut line) = (before, line);
            while line & FIRST == 0 {
                count(line as usize);
                at -= 1;
                line = lines[at];
            }
            count((line & !FIRST) as usize);
        }
    }
}

/// All pairs in at least `min_count` baskets, in no particular order; `None` if there are more than `max_pairs`.
/// `min_count` is at least the one that `ranks` was made with.
pub(super) fn count_pairs(
    lines: &[u32],
    ranks: &Ranks,
    min_count: u64,
    max_pairs: u64,
    index_places: usize,
) -> Option<Vec<PairCount>> {
    let n_rows = ranks.len();
    let places = Places::count(lines, n_rows);
    let n_found = AtomicU64::new(0);
    let mut pairs = Vec::new();
    let mut start = 0;
    while start < n_rows {
        let end = places.band_end(start, index_places);
        let (list, ends) = places.list(lines, start, end);
        let found: Vec<Vec<PairCount>> = (start..end)
            .into_par_iter()
            .fold(
                || Row::new(n_rows),
                |mut state, row| {
                    // Stopping early is only a saving: whether the total passes the limit does not depend on it.
                    if n_found.load(Ordering::Relaxed) <= max_pairs {
                        let at = row - start;
                        let from = if at == 0 { 0 } else { ends[at - 1] };
                        let n = state.count(lines, &list[from..ends[at]], row, min_count, ranks);
                        n_found.fetch_add(n, Ordering::Relaxed);
                    }
                    state
                },
            )
            .map(|state| state.pairs)
            .collect();
        if max_pairs < n_found.load(Ordering::Relaxed) {
            return None;
        }
        for part in found {
            pairs.extend(part);
        }
        start = end;
    }
    Some(pairs)
}
