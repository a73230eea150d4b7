//! Offers: for each customer, the products he does not have that are likely to bring most.
//!
//! **In:** what each customer owns, the [`Links`] of the pair step, and the typical amount of one sale of each product.
//! **Out:** [`Offers`], at most `per_customer` rows a customer.
//!
//! # Formula
//!
//! A candidate y is a product that the customer does not have and that a significant pair, of a lift above 1 and at
//! least `min_lift`, links to one x that he has. With n_x baskets that hold x, n_xy that hold both, and y in the
//! share s_y of all baskets:
//!
//! - likelihood of y given x = (n_xy + k s_y) / (n_x + k), k = `prior_orders`: of the orders with x, the share that
//!   has y too, pulled towards what y sells anyway as if k ordinary orders had been seen besides. The pull keeps
//!   "10 of 10" from outranking "900 of 1,000" by luck.
//! - score of y = the greatest likelihood over the x he has. The sum or the noisy-or over all x would count the same
//!   habit once for each of its products, and give a customer of 500 products a certainty of everything. The
//!   greatest one can be read to him: "of those who take x, 4 in 10 take y".
//! - `expected_amount` = score · typical amount of one sale of y. This ranks; ties by product code. The caller
//!   chooses what is typical: a median holds, a mean follows its outliers (in the public Online Retail set one sale
//!   of 77,183 would have a single jar offered to nine customers in ten).
//! - `because_of` = the up to three x of the greatest likelihood, falling, ties by product code.
//!
//! Products whose sale amount is not a positive number bring nothing and are not offered. Each product keeps its
//! `partners` best candidates by expected amount; a customer who has all of those sees nothing more through it.
//! A customer whose products link to nothing new gets no row.
//!
//! **Cost:** O(Σ over owned products of their partners) time; memory 16 bytes a link, 16 bytes a product and
//! partner (twice that while they are joined), 12 bytes a product and thread. Same result for any thread count,
//! chunking and order of customers.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Error, Links, check_sets, limit};
pub use crate::summary::OwnedProducts;

/// Products named as the reason for an offer.
const REASONS: usize = 3;
/// Customers worked on in one piece.
const BLOCK: usize = 4_096;

/// The section `[offers]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Offers for each customer; 0 for every candidate.
    pub per_customer: u64,
    /// Only pairs of at least this lift lead to an offer.
    pub min_lift: f64,
    /// Candidates that one owned product can bring up; 0 for all its links.
    pub partners: u64,
    /// Ordinary orders that weigh against the evidence of a pair.
    pub prior_orders: f64,
}

impl Config {
    /// The checked form, or every problem.
    pub fn check(&self) -> Result<Params, Vec<Error>> {
        let numbers = [
            ("offers.min_lift", self.min_lift),
            ("offers.prior_orders", self.prior_orders),
        ];
        let errors: Vec<Error> = numbers
            .into_iter()
            .filter(|(_, value)| !(value.is_finite() && 0.0 <= *value))
            .map(|(key, value)| Error::OutOfRange {
                key,
                value: value.to_string(),
                allowed: "0 or more",
            })
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Params {
            per_customer: limit(self.per_customer),
            min_lift: self.min_lift,
            partners: limit(self.partners),
            prior_orders: self.prior_orders,
        })
    }
}

/// Checked [`Config`]; only [`Config::check`] makes one.
#[derive(Clone, Debug)]
pub struct Params {
    per_customer: usize,
    min_lift: f64,
    partners: usize,
    prior_orders: f64,
}

/// One offer a row, sorted by (`customer`, `rank`); the vectors have the same length, but for `because_of`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offers {
    pub customer: Vec<u32>,
    /// From 1 for each customer.
    pub rank: Vec<u32>,
    pub product: Vec<u32>,
    /// Above 0, at most 1.
    pub score: Vec<f64>,
    /// In the unit of the sale amounts.
    pub expected_amount: Vec<f64>,
    /// The products behind offer `i` are `because_of[because_ends[i - 1]..because_ends[i]]` (from 0 for the first): 1 to 3.
    pub because_ends: Vec<u64>,
    pub because_of: Vec<u32>,
}

impl Offers {
    pub fn len(&self) -> usize {
        self.customer.len()
    }

    pub fn is_empty(&self) -> bool {
        self.customer.is_empty()
    }

    fn append(&mut self, mut other: Self) {
        let offset = self.because_of.len() as u64;
        self.customer.append(&mut other.customer);
        self.rank.append(&mut other.rank);
        self.product.append(&mut other.product);
        self.score.append(&mut other.score);
        self.expected_amount.append(&mut other.expected_amount);
        self.because_ends
            .extend(other.because_ends.iter().map(|end| offset + end));
        self.because_of.append(&mut other.because_of);
    }
}

/// Offers for every customer of `owned`. `sale_amount[i]` is the typical amount of one sale of product `i`, for every
/// product code that `links` was made with; a product without one (NaN, zero, negative) is not offered.
pub fn run(owned: &[OwnedProducts], links: &Links, sale_amount: &[f64], params: &Params) -> Result<Offers, Error> {
    let n_products = links.n_a.len();
    if sale_amount.len() != n_products {
        return Err(Error::Malformed {
            table: "sale amounts",
            chunk: 0,
            what: "not one for each product",
        });
    }
    check_sets(
        "owned products",
        n_products,
        owned.par_iter().map(|chunk| (&*chunk.ends, &*chunk.items)),
    )?;
    let customers = customers(owned)?;
    let partners = Partners::new(links, sale_amount, params);
    let blocks: Vec<Offers> = customers
        .par_chunks(BLOCK)
        .map_init(
            || Scratch::new(n_products),
            |scratch, block| {
                let mut offers = Offers::default();
                for &(customer, items) in block {
                    scratch.offer(customer, items, &partners, sale_amount, params, &mut offers);
                }
                offers
            },
        )
        .collect();
    let mut offers = Offers::default();
    for block in blocks {
        offers.append(block);
    }
    Ok(offers)
}

/// Every customer with what he owns, by code.
fn customers(owned: &[OwnedProducts]) -> Result<Vec<(u32, &[u32])>, Error> {
    let mut customers = Vec::with_capacity(owned.iter().map(|chunk| chunk.customers.len()).sum());
    for (chunk, sets) in owned.iter().enumerate() {
        if sets.customers.len() != sets.ends.len() {
            let what = "not one set for each customer";
            return Err(Error::Malformed {
                table: "owned products",
                chunk,
                what,
            });
        }
        let mut start = 0;
        for (&customer, &end) in sets.customers.iter().zip(&sets.ends) {
            customers.push((customer, &sets.items[start..end as usize]));
            start = end as usize;
        }
    }
    customers.par_sort_unstable_by_key(|&(customer, _)| customer);
    if let Some(pair) = customers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let has_twice = |sets: &OwnedProducts| sets.customers.contains(&pair[0].0);
        let chunk = owned.iter().rposition(has_twice).unwrap_or(0);
        return Err(Error::Malformed {
            table: "owned products",
            chunk,
            what: "a customer is there twice",
        });
    }
    Ok(customers)
}

/// For each product, the products it makes likely.
struct Partners {
    /// The candidates of product `i` are `candidates[ends[i - 1]..ends[i]]` (from 0 for the first).
    ends: Vec<usize>,
    candidates: Vec<(u32, f64)>,
}

impl Partners {
    fn new(links: &Links, sale_amount: &[f64], params: &Params) -> Self {
        let n_products = links.n_a.len();
        let is_offered = |product: u32| {
            let amount = sale_amount[product as usize];
            amount.is_finite() && 0.0 < amount
        };
        // From owned to offered product, both ways.
        let directed = || {
            links
                .pairs
                .iter()
                .filter(|pair| params.min_lift <= links.table(pair).lift())
                .flat_map(|pair| [(pair.a, pair.b, pair.n_ab), (pair.b, pair.a, pair.n_ab)])
                .filter(|&(_, to, _)| is_offered(to))
        };
        let mut starts = vec![0; n_products + 1];
        for (from, _, _) in directed() {
            starts[from as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut cursors = starts.clone();
        let mut all = vec![(0, 0); starts[n_products]];
        for (from, to, n_ab) in directed() {
            let at = &mut cursors[from as usize];
            all[*at] = (to, n_ab);
            *at += 1;
        }
        let best: Vec<Vec<(u32, f64)>> = (0..n_products)
            .into_par_iter()
            .map(|from| {
                let likelihood = |&(to, n_ab): &(u32, u32)| {
                    let share = f64::from(links.n_a[to as usize]) / links.n_baskets as f64;
                    let seen = f64::from(n_ab) + params.prior_orders * share;
                    (to, seen / (f64::from(links.n_a[from]) + params.prior_orders))
                };
                let mut candidates: Vec<(u32, f64)> =
                    all[starts[from]..starts[from + 1]].iter().map(likelihood).collect();
                candidates.sort_unstable_by(|left, right| {
                    let amount = |&(to, score): &(u32, f64)| score * sale_amount[to as usize];
                    amount(right).total_cmp(&amount(left)).then(left.0.cmp(&right.0))
                });
                candidates.truncate(params.partners);
                candidates
            })
            .collect();
        let ends = best
            .iter()
            .scan(0, |end, candidates| {
                *end += candidates.len();
                Some(*end)
            })
            .collect();
        Self {
            ends,
            candidates: best.concat(),
        }
    }

    fn of(&self, product: u32) -> &[(u32, f64)] {
        let product = product as usize;
        let start = if product == 0 { 0 } else { self.ends[product - 1] };
        &self.candidates[start..self.ends[product]]
    }
}

/// One thread's work space; clean between customers.
struct Scratch {
    /// By product: 0 if nothing led to it yet, its score so far, or infinity if the customer has it.
    scores: Vec<f64>,
    /// By product: its rank among the customer's offers, 0 if it is none.
    ranks: Vec<u32>,
    candidates: Vec<u32>,
}

impl Scratch {
    fn new(n_products: usize) -> Self {
        Self {
            scores: vec![0.0; n_products],
            ranks: vec![0; n_products],
            candidates: Vec::new(),
        }
    }

    fn offer(
        &mut self,
        customer: u32,
        owned: &[u32],
        partners: &Partners,
        sale_amount: &[f64],
        params: &Params,
        offers: &mut Offers,
    ) {
        let Self {
            scores,
            ranks,
            candidates,
        } = self;
        for &item in owned {
            scores[item as usize] = f64::INFINITY;
        }
        for &item in owned {
            for &(product, score) in partners.of(item) {
                let best = &mut scores[product as usize];
                if *best < score {
                    if *best == 0.0 {
                        candidates.push(product);
                    }
                    *best = score;
                }
            }
        }
        let amount = |product: u32| scores[product as usize] * sale_amount[product as usize];
        let order = |left: &u32, right: &u32| amount(*right).total_cmp(&amount(*left)).then(left.cmp(right));
        let end = params.per_customer.min(candidates.len());
        if 0 < end && end < candidates.len() {
            candidates.select_nth_unstable_by(end - 1, order);
        }
        let chosen = &mut candidates[..end];
        chosen.sort_unstable_by(order);

        for (rank, &product) in (1u32..).zip(chosen.iter()) {
            ranks[product as usize] = rank;
            offers.customer.push(customer);
            offers.rank.push(rank);
            offers.product.push(product);
            offers.score.push(scores[product as usize]);
            offers.expected_amount.push(amount(product));
        }
        for reasons in reasons(owned, partners, ranks, end) {
            offers.because_of.extend(reasons.iter().map(|&(item, _)| item));
            offers.because_ends.push(offers.because_of.len() as u64);
        }
        for &product in owned.iter().chain(candidates.iter()) {
            scores[product as usize] = 0.0;
            ranks[product as usize] = 0;
        }
        candidates.clear();
    }
}

/// For each of `n_offers` offers, by rank, the owned products that make it likeliest.
fn reasons(owned: &[u32], partners: &Partners, ranks: &[u32], n_offers: usize) -> Vec<Vec<(u32, f64)>> {
    let mut reasons: Vec<Vec<(u32, f64)>> = vec![Vec::with_capacity(REASONS + 1); n_offers];
    if n_offers == 0 {
        return reasons;
    }
    for &item in owned {
        for &(product, score) in partners.of(item) {
            if let Some(slot) = (ranks[product as usize] as usize).checked_sub(1) {
                let found = &mut reasons[slot];
                // Owned products come in the order of their codes, so an equal one goes behind.
                let at = found.partition_point(|&(_, other)| score <= other);
                if at < REASONS {
                    found.insert(at, (item, score));
                    found.truncate(REASONS);
                }
            }
        }
    }
    reasons
}

#[cfg(test)]
mod tests;
