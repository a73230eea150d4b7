//! Product pairs: which two products stand in the same basket, how often, how strongly and how surely.
//!
//! **In:** baskets of product codes. A basket is whatever the caller groups by; here one order, each product once
//! however many lines it has. **Out:** [`Found`]: the published [`Pairs`], and the [`Links`] from which
//! [`offers`] are made.
//!
//! What counts, what is tested, what is kept:
//!
//! 1. Every basket counts, those with one product too, except baskets of more than `max_basket_products`
//!    products: those are rather a stock transfer or a missing order number than a purchase, and cost the square
//!    of their size. They enter no figure, and are reported (`n_oversized_baskets`, `n_oversized_lines`).
//! 2. A pair is *tested* when it is in at least `min_count` = max(`min_orders`, ⌈`min_support` · n_baskets⌉) baskets.
//!    The product is taken exactly, on the decimal number that the user wrote: 0.001 of 9,835 baskets is 10, 0.07
//!    of 100 is 7. If more than `max_tested_pairs` pairs reach it, it is doubled until they do not: memory stays
//!    bounded for any input, and `min_count` beside `min_count_asked` says so.
//! 3. q-values are Benjamini-Hochberg over all tested pairs, attracted or repelled.
//! 4. A pair is *significant* when `lift >= min_lift` and `q_value <= max_q_value`. Offers use all significant
//!    pairs with a lift above 1, published or not: `top` must not narrow what a customer can be offered.
//! 5. The `top` significant pairs by leverage are *published*, ties by product codes. Leverage times n_baskets is
//!    the number of baskets with both products beyond what chance would bring: a pair seen 1,000 times where 500
//!    were expected (500 extra) goes before one of lift 1,000 seen 5 times (5 extra). Lift and chi-square would
//!    turn these two round, and fill the list with curiosities that bring nobody any revenue.
//!
//! Chi-square overstates significance where fewer than about 5 joint baskets are expected; with a joint count of
//! 10 and more the pairs that this concerns (expected below 5, seen at least 10) are attracted by a factor of
//! two at least, so their sign is sure while their exact p-value is not. All such tests take baskets for alike:
//! where a few huge ones hold a bit of everything (wholesale), nearly every pair comes out attracted and
//! significant. There the q-value sorts out little, and leverage and lift have to.
//!
//! **Cost:** O(lines + pairs seen) time, where a basket of k products shows k(k-1)/2 pairs. Memory beside the input:
//! 4 bytes a line, 256 MiB of index at most (plus one row), 28 bytes a tested pair. Same result for any thread count, any chunking
//! and any order of baskets.
//!
//! **Sources:** [`measures`] for the statistics; the kernel is described in `count.rs`.

mod count;
pub mod measures;
pub mod offers;
pub mod tables;

use std::borrow::Cow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use count::{PairCount, ProductCounts, Ranks};
use measures::{FalseDiscovery, PairTable, p_value};

use crate::spill::Memory;
pub use crate::summary::{Baskets, Kept};

/// Places of the inverted index held at a time, where there is memory for them: 256 MiB.
const INDEX_PLACES: usize = 1 << 26;

/// The section `[pairs]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Orders without a customer count too.
    pub anonymous: bool,
    /// Postage and the like count as products.
    pub non_products: bool,
    /// A pair needs at least this many baskets, however few there are.
    pub min_orders: u64,
    /// A pair needs at least this share of all baskets; 0 to leave it to `min_orders`.
    pub min_support: f64,
    /// Baskets of more products are left out and reported; 0 for no limit.
    pub max_basket_products: u64,
    /// Above this many tested pairs the threshold is doubled until they fit.
    pub max_tested_pairs: u64,
    /// Significant pairs have at least this lift; below 1 lets in pairs that repel each other.
    pub min_lift: f64,
    /// The share of false discoveries to put up with among the significant pairs.
    pub max_q_value: f64,
    /// Pairs to publish, strongest leverage first; 0 for all significant ones.
    pub top: u64,
}

impl Config {
    /// The checked form, or every problem.
    pub fn check(&self) -> Result<Params, Vec<Error>> {
        let mut errors = Vec::new();
        let mut range = |is_good: bool, key: &'static str, value: String, allowed: &'static str| {
            if !is_good {
                errors.push(Error::OutOfRange { key, value, allowed });
            }
        };
        range(
            1 <= self.min_orders,
            "pairs.min_orders",
            self.min_orders.to_string(),
            "1 or more",
        );
        range(
            is_share(self.min_support),
            "pairs.min_support",
            self.min_support.to_string(),
            "0 to 1",
        );
        range(
            1 <= self.max_tested_pairs,
            "pairs.max_tested_pairs",
            self.max_tested_pairs.to_string(),
            "1 or more",
        );
        let is_lift = self.min_lift.is_finite() && 0.0 <= self.min_lift;
        range(is_lift, "pairs.min_lift", self.min_lift.to_string(), "0 or more");
        range(
            is_share(self.max_q_value),
            "pairs.max_q_value",
            self.max_q_value.to_string(),
            "0 to 1",
        );
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Params {
            min_orders: self.min_orders,
            min_support: self.min_support,
            max_basket_products: limit(self.max_basket_products),
            max_tested_pairs: self.max_tested_pairs,
            min_lift: self.min_lift,
            max_q_value: self.max_q_value,
            top: limit(self.top),
        })
    }
}

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

/// 0 stands for no limit.
fn limit(value: u64) -> usize {
    if value == 0 {
        usize::MAX
    } else {
        usize::try_from(value).unwrap_or(usize::MAX)
    }
}

/// Checked [`Config`]; only [`Config::check`] makes one.
#[derive(Clone, Debug)]
pub struct Params {
    min_orders: u64,
    min_support: f64,
    max_basket_products: usize,
    max_tested_pairs: u64,
    min_lift: f64,
    max_q_value: f64,
    top: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{key} is {value}, allowed is {allowed}")]
    OutOfRange {
        key: &'static str,
        value: String,
        allowed: &'static str,
    },
    #[error("{n_baskets} baskets are more than the 4,294,967,295 that can be counted")]
    TooManyBaskets { n_baskets: u64 },
    #[error(
        "{n_lines} lines in baskets of two and more frequent products are more than the 4,294,967,294 that can be indexed"
    )]
    TooManyLines { n_lines: u64 },
    #[error("{n_products} products are more than the 2,147,483,647 that can be numbered")]
    TooManyProducts { n_products: usize },
    #[error("what does not fit the memory cap cannot be read back: {why}")]
    Disk { why: String },
    #[error("chunk {chunk} of {table} is malformed: {what}")]
    Malformed {
        table: &'static str,
        chunk: usize,
        what: &'static str,
    },
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Disk { why: error.to_string() }
    }
}

impl Error {
    /// What to change.
    pub fn hint(&self) -> String {
        match self {
            Self::OutOfRange { key, allowed, .. } => format!("set {key} to a number in this range: {allowed}"),
            Self::TooManyBaskets { .. } => "shorten the time window, or run on a cluster with --cluster".into(),
            Self::TooManyLines { .. } => {
                "raise pairs.min_orders or pairs.min_support so that rare products drop out, or shorten the time window"
                    .into()
            }
            Self::TooManyProducts { .. } => "use a coarser product column, such as the category".into(),
            Self::Disk { .. } => {
                "--spill-dir names another folder for temporary files, --memory allows more memory".into()
            }
            Self::Malformed { .. } => "this is a bug in quintile, please report it".into(),
        }
    }
}

/// The published pairs, one row each, sorted by (`product_a`, `product_b`); all vectors have the same length.
/// Definitions in [`measures`]. No NaN, no infinity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    /// Product codes, `product_a < product_b`.
    pub product_a: Vec<u32>,
    pub product_b: Vec<u32>,
    /// Baskets with a, with b, with both.
    pub n_a: Vec<u64>,
    pub n_b: Vec<u64>,
    pub n_ab: Vec<u64>,
    pub support: Vec<f64>,
    pub confidence_ab: Vec<f64>,
    pub confidence_ba: Vec<f64>,
    pub lift: Vec<f64>,
    pub leverage: Vec<f64>,
    /// `None` where the confidence is 1: infinite.
    pub conviction_ab: Vec<Option<f64>>,
    pub conviction_ba: Vec<Option<f64>>,
    pub jaccard: Vec<f64>,
    pub cosine: Vec<f64>,
    pub kulczynski: Vec<f64>,
    pub imbalance_ratio: Vec<f64>,
    pub zhang_ab: Vec<f64>,
    pub zhang_ba: Vec<f64>,
    pub chi_square: Vec<f64>,
    pub p_value: Vec<f64>,
    pub q_value: Vec<f64>,
    /// 1 for the strongest leverage.
    pub rank: Vec<u32>,
    pub summary: Summary,
}

impl Pairs {
    pub fn len(&self) -> usize {
        self.product_a.len()
    }

    pub fn is_empty(&self) -> bool {
        self.product_a.is_empty()
    }

    fn push(&mut self, pair: &PairCount, table: PairTable, q_value: f64, rank: u32) {
        let chi_square = table.chi_square();
        self.product_a.push(pair.a);
        self.product_b.push(pair.b);
        self.n_a.push(table.n_a);
        self.n_b.push(table.n_b);
        self.n_ab.push(table.n_ab);
        self.support.push(table.support());
        self.confidence_ab.push(table.confidence());
        self.confidence_ba.push(table.swapped().confidence());
        self.lift.push(table.lift());
        self.leverage.push(table.leverage());
        self.conviction_ab.push(table.conviction());
        self.conviction_ba.push(table.swapped().conviction());
        self.jaccard.push(table.jaccard());
        self.cosine.push(table.cosine());
        self.kulczynski.push(table.kulczynski());
        self.imbalance_ratio.push(table.imbalance_ratio());
        self.zhang_ab.push(table.zhang());
        self.zhang_ba.push(table.swapped().zhang());
        self.chi_square.push(chi_square);
        self.p_value.push(p_value(chi_square));
        self.q_value.push(q_value);
        self.rank.push(rank);
    }
}

/// What was counted, for the manifest and for warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Baskets that count; the oversized ones are not among them.
    pub n_baskets: u64,
    /// Products in at least one of these baskets.
    pub n_products: u64,
    /// Pairs in at least `min_count` baskets.
    pub n_tested: u64,
    /// Tested pairs that pass `min_lift` and `max_q_value`.
    pub n_significant: u64,
    /// Published pairs.
    pub n_kept: u64,
    /// The threshold that config asks for, and the one that was used: higher only if `max_tested_pairs` made it so.
    pub min_count_asked: u64,
    pub min_count: u64,
    /// Baskets of more than `max_basket_products` products, and their lines.
    pub n_oversized_baskets: u64,
    pub n_oversized_lines: u64,
}

/// All significant pairs with a lift above 1, for [`offers::run`].
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// In no particular order.
    pairs: Vec<PairCount>,
    /// Baskets by product code; its length is the number of product codes.
    n_a: Vec<u32>,
    n_baskets: u64,
}

impl Links {
    fn table(&self, pair: &PairCount) -> PairTable {
        PairTable {
            n_a: u64::from(self.n_a[pair.a as usize]),
            n_b: u64::from(self.n_a[pair.b as usize]),
            n_ab: u64::from(pair.n_ab),
            n_baskets: self.n_baskets,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Found {
    pub pairs: Pairs,
    pub links: Links,
}

/// What was counted, before anything is tested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    products: ProductCounts,
    min_count_asked: u64,
    min_count: u64,
    /// All pairs in at least `min_count` baskets, in no particular order.
    pairs: Vec<PairCount>,
}

impl Counted {
    /// What another engine counted: baskets by product code, and what [`Params::min_count`] asks for.
    pub fn new(n_a: Vec<u32>, n_baskets: u64, n_oversized_baskets: u64, n_oversized_lines: u64, asked: u64) -> Self {
        Self {
            products: ProductCounts {
                n_a,
                n_baskets,
                n_oversized_baskets,
                n_oversized_lines,
            },
            min_count_asked: asked,
            min_count: asked,
            pairs: Vec::new(),
        }
    }

    /// All pairs `(a, b, baskets with both)` in at least `min_count` baskets, `a < b`.
    pub fn set_pairs(&mut self, min_count: u64, pairs: impl Iterator<Item = (u32, u32, u32)>) {
        self.min_count = min_count;
        self.pairs = pairs.map(|(a, b, n_ab)| PairCount { a, b, n_ab }).collect();
    }
}

impl Params {
    /// The fewest baskets of a pair that is tested.
    pub fn min_count(&self, n_baskets: u64) -> u64 {
        self.min_orders.max(ceil_share(self.min_support, n_baskets))
    }

    pub fn max_basket_products(&self) -> usize {
        self.max_basket_products
    }

    pub fn max_tested_pairs(&self) -> u64 {
        self.max_tested_pairs
    }
}

/// Counts, tests and ranks the pairs of `chunks`, whose product codes are below `n_products`. With little `memory` the
/// baskets are gone through more often, with the same answers.
///
/// No baskets give no pairs, not an error.
pub fn run(chunks: &[Kept], n_products: usize, params: &Params, memory: &Memory) -> Result<Found, Error> {
    let index_places = (memory.index_bytes() / size_of::<u32>() as u64).min(INDEX_PLACES as u64);
    find(chunks, n_products, params, index_places as usize)
}

fn find(chunks: &[Kept], n_products: usize, params: &Params, index_places: usize) -> Result<Found, Error> {
    Ok(test(count(chunks, n_products, params, index_places)?, params))
}

fn count(chunks: &[Kept], n_products: usize, params: &Params, index_places: usize) -> Result<Counted, Error> {
    if (i32::MAX as usize) < n_products {
        return Err(Error::TooManyProducts { n_products });
    }
    check_sets("baskets", n_products, chunks.par_iter().map(|chunk| Ok(chunk.get()?)))?;

    let products = count::count_products(chunks, n_products, params.max_basket_products)?;
    let min_count_asked = params.min_count(products.n_baskets);
    let ranks = Ranks::new(&products.n_a, min_count_asked);
    let lines = count::encode(chunks, &ranks, params.max_basket_products)?;
    let mut min_count = min_count_asked;
    let pairs = loop {
        match count::count_pairs(&lines, &ranks, min_count, params.max_tested_pairs, index_places) {
            Some(pairs) => break pairs,
            None => min_count = min_count.saturating_mul(2),
        }
    };
    Ok(Counted {
        products,
        min_count_asked,
        min_count,
        pairs,
    })
}

/// Tests and ranks what was counted.
pub fn test(counted: Counted, params: &Params) -> Found {
    let Counted {
        products:
            ProductCounts {
                n_a,
                n_baskets,
                n_oversized_baskets,
                n_oversized_lines,
            },
        min_count_asked,
        min_count,
        pairs: tested,
    } = counted;
    let mut links = Links {
        pairs: Vec::new(),
        n_a,
        n_baskets,
    };
    let table = |pair: &PairCount| links.table(pair);
    let discovery = FalseDiscovery::new(tested.par_iter().map(|pair| table(pair).chi_square()).collect());
    let weakest = discovery.weakest(params.max_q_value);
    let mut significant = tested;
    significant.retain(|pair| {
        let table = table(pair);
        weakest.is_some_and(|weakest| weakest <= table.chi_square()) && params.min_lift <= table.lift()
    });

    let summary = Summary {
        n_baskets,
        n_products: links.n_a.iter().filter(|&&n| 0 < n).count() as u64,
        n_tested: discovery.n_tested(),
        n_significant: significant.len() as u64,
        n_kept: significant.len().min(params.top) as u64,
        min_count_asked,
        min_count,
        n_oversized_baskets,
        n_oversized_lines,
    };
    let mut pairs = Pairs {
        summary,
        ..Pairs::default()
    };
    for (rank, pair) in strongest(&mut significant, params.top, |pair| table(pair).excess()) {
        let table = table(&pair);
        pairs.push(&pair, table, discovery.q_value(table.chi_square()), rank);
    }
    significant.retain(|pair| 0 < table(pair).excess());
    links.pairs = significant;
    Found { pairs, links }
}

/// The `top` pairs of most excess, ties by codes, with their rank from 1; sorted by codes.
fn strongest(pairs: &mut [PairCount], top: usize, excess: impl Fn(&PairCount) -> i128 + Sync) -> Vec<(u32, PairCount)> {
    let order = |left: &PairCount, right: &PairCount| excess(right).cmp(&excess(left)).then(left.cmp(right));
    let end = top.min(pairs.len());
    if 0 < end && end < pairs.len() {
        pairs.select_nth_unstable_by(end - 1, order);
    }
    let chosen = &mut pairs[..end];
    chosen.par_sort_unstable_by(order);
    let mut ranked: Vec<(u32, PairCount)> = (1u32..).zip(chosen.iter().copied()).collect();
    ranked.par_sort_unstable_by_key(|&(_, pair)| pair);
    ranked
}

/// Refuses chunks of sets that are not what their type says, so that nothing later can index out of bounds.
fn check_sets<'a>(
    table: &'static str,
    n_products: usize,
    chunks: impl IndexedParallelIterator<Item = Result<Cow<'a, Baskets>, Error>>,
) -> Result<(), Error> {
    let problem = |Baskets { ends, items }: &Baskets| {
        if !ends.is_sorted() {
            return Some("set ends fall");
        }
        if ends.last().map_or(0, |&end| end as usize) != items.len() {
            return Some("the last set does not end with the items");
        }
        if items.iter().any(|&item| n_products <= item as usize) {
            return Some("a product code is too high");
        }
        let mut start = 0;
        for &end in ends {
            let set = &items[start..end as usize];
            if !set.is_sorted_by(|left, right| left < right) {
                return Some("the codes of a set do not ascend");
            }
            start = end as usize;
        }
        None
    };
    let first = chunks.enumerate().find_map_first(|(chunk, sets)| match sets {
        Ok(sets) => problem(&sets).map(|what| Error::Malformed { table, chunk, what }),
        Err(error) => Some(error),
    });
    first.map_or(Ok(()), Err)
}

/// ⌈`share` · `n`⌉ for the decimal number that `share` was written as (0.07 is 7/100, not the double next to it).
/// `share` is within 0 to 1.
fn ceil_share(share: f64, n: u64) -> u64 {
    // The shortest decimal that reads back as the same double: at most 17 digits, as in 1.25e-3.
    let text = format!("{share:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().unwrap_or(0);
    // share = digits / 10^places, with digits * n below 10^37.
    let places = (fraction.len() as i32 - exponent).max(0) as u32;
    match 10u128.checked_pow(places) {
        Some(scale) => (digits * u128::from(n)).div_ceil(scale) as u64,
        // Below 10^-38 of a basket.
        None => u64::from(0 < digits && 0 < n),
    }
}

#[cfg(test)]
mod tests;
