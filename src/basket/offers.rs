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
//! An offer is stored as the links behind it, 12 bytes: they know the product, the score and the amount. The
//! candidates of a product stand in falling order of amount, so for a few offers a customer the walk through them
//! ends at the first that is no better than the offers found so far.
//!
//! **Cost:** for each customer, O(owned products · (log partners + candidates looked at, mostly one or two)); for
//! more than 32 offers a customer a sort of all his candidates. Memory 32 bytes a link, 12 bytes an offer,
//! 16 bytes a customer, 4 bytes a product and thread. Same result for any thread count, chunking and order of
//! customers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Baskets, Error, Links, PairCount, check_sets, limit};
pub use crate::summary::OwnedProducts;

/// Products named as the reason for an offer.
const REASONS: usize = 3;
/// Fills up the reasons of an offer that has fewer.
const NO_LINK: u32 = u32::MAX;
/// Customers worked on in one piece.
const BLOCK: usize = 4_096;
/// Up to so many offers a customer are kept in order while his candidates are looked at.
const FEW: usize = 32;

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

/// A product that a customer has, and one that it brings up.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Link {
    from: u32,
    to: u32,
    score: f64,
    expected_amount: f64,
}

impl Link {
    /// Which of two is offered first: the better, if one product; otherwise by amount, ties by product code.
    fn order(&self, other: &Self) -> Ordering {
        let by_amount = other.expected_amount.total_cmp(&self.expected_amount);
        let by_product = by_amount.then(self.to.cmp(&other.to));
        by_product.then(other.score.total_cmp(&self.score))
    }
}

/// The links behind an offer, strongest first; [`NO_LINK`] in the places that are left over.
type Reasons = [u32; REASONS];

/// The offers of [`BLOCK`] customers; the last block may have fewer.
#[derive(Clone, Debug, Default)]
struct Block {
    /// The offers of the block's customer `i` are `offers[ends[i - 1]..ends[i]]` (from 0 for the first).
    ends: Vec<usize>,
    offers: Vec<Reasons>,
}

/// The offers of every customer, by his code.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    links: Vec<Link>,
    blocks: Vec<Block>,
}

/// One offer.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    links: &'a [Link],
    reasons: &'a Reasons,
}

impl<'a> Offer<'a> {
    fn best(&self) -> &'a Link {
        &self.links[self.reasons[0] as usize]
    }

    pub fn product(&self) -> u32 {
        self.best().to
    }

    /// Above 0, at most 1.
    pub fn score(&self) -> f64 {
        self.best().score
    }

    /// In the unit of the sale amounts.
    pub fn expected_amount(&self) -> f64 {
        self.best().expected_amount
    }

    /// The products behind the offer, 1 to 3, strongest first.
    pub fn because_of(&self) -> impl Iterator<Item = u32> + use<'a> {
        let links = self.links;
        let known = self.reasons.iter().take_while(|&&link| link != NO_LINK);
        known.map(|&link| links[link as usize].from)
    }
}

impl Offers {
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.offers.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.iter().all(|block| block.offers.is_empty())
    }

    /// The offers of a customer, the first one first.
    pub fn of(&self, customer: usize) -> impl ExactSizeIterator<Item = Offer<'_>> {
        let reasons = self.reasons(customer).iter();
        reasons.map(|reasons| Offer {
            links: &self.links,
            reasons,
        })
    }

    /// How many offers a customer has.
    pub fn n_of(&self, customer: usize) -> usize {
        self.reasons(customer).len()
    }

    fn reasons(&self, customer: usize) -> &[Reasons] {
        let Some(block) = self.blocks.get(customer / BLOCK) else {
            return &[];
        };
        let place = customer % BLOCK;
        let start = place.checked_sub(1).map_or(0, |before| block.ends[before]);
        block.ends.get(place).map_or(&[], |&end| &block.offers[start..end])
    }
}

/// Offers for every customer of `owned`, whose codes are below `n_customers`. `sale_amount[i]` is the typical amount
/// of one sale of product `i`, for every product code that `links` was made with; a product without one (NaN, zero,
/// negative) is not offered.
pub fn run(
    owned: &[OwnedProducts],
    n_customers: usize,
    links: &Links,
    sale_amount: &[f64],
    params: &Params,
) -> Result<Offers, Error> {
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
        owned.par_iter().map(|chunk| Ok(chunk.sets.get()?)),
    )?;
    let sets: Vec<Cow<'_, Baskets>> = owned.iter().map(|chunk| chunk.sets.get()).collect::<Result<_, _>>()?;
    let places = places(owned, &sets, n_customers)?;
    let partners = Partners::new(links, sale_amount, params);
    let blocks = places
        .par_chunks(BLOCK)
        .map_init(
            || Scratch::new(n_products),
            |scratch, places| {
                let mut block = Block::default();
                block.ends.reserve_exact(places.len());
                for place in places {
                    scratch.offer(place.items(&sets), &partners, params.per_customer, &mut block.offers);
                    block.ends.push(block.offers.len());
                }
                block.offers.shrink_to_fit();
                block
            },
        )
        .collect();
    Ok(Offers {
        links: partners.links,
        blocks,
    })
}

/// Where a customer's products stand.
#[derive(Clone, Copy)]
struct Place {
    chunk: u32,
    set: u32,
}

impl Place {
    const NOWHERE: Self = Self {
        chunk: u32::MAX,
        set: u32::MAX,
    };

    fn items<'a>(self, owned: &'a [Cow<'_, Baskets>]) -> &'a [u32] {
        let Some(sets) = owned.get(self.chunk as usize) else {
            return &[];
        };
        let set = self.set as usize;
        let start = set.checked_sub(1).map_or(0, |before| sets.ends[before]);
        &sets.items[start as usize..sets.ends[set] as usize]
    }
}

/// The place of every customer, by code.
fn places(owned: &[OwnedProducts], sets: &[Cow<'_, Baskets>], n_customers: usize) -> Result<Vec<Place>, Error> {
    let mut places = vec![Place::NOWHERE; n_customers];
    for (chunk, (OwnedProducts { customers, .. }, sets)) in owned.iter().zip(sets).enumerate() {
        let malformed = |what| Error::Malformed {
            table: "owned products",
            chunk,
            what,
        };
        if customers.len() != sets.ends.len() {
            return Err(malformed("not one set for each customer"));
        }
        for (set, &customer) in customers.iter().enumerate() {
            let place = places.get_mut(customer as usize);
            let place = place.ok_or_else(|| malformed("a customer code is too high"))?;
            if place.chunk != Place::NOWHERE.chunk {
                return Err(malformed("a customer is there twice"));
            }
            *place = Place {
                chunk: chunk as u32,
                set: set as u32,
            };
        }
    }
    Ok(places)
}

/// For each product, the products it makes likely.
struct Partners {
    /// By product it leads from; of one product, first what is offered first.
    links: Vec<Link>,
    /// The links of product `i` are `links[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
    /// The products to which those links lead, ascending, and where the link stands.
    targets: Vec<u32>,
    places: Vec<u32>,
}

impl Partners {
    fn new(links: &Links, sale_amount: &[f64], params: &Params) -> Self {
        let n_products = links.n_a.len();
        let is_offered = |product: u32| {
            let amount = sale_amount[product as usize];
            amount.is_finite() && 0.0 < amount
        };
        let is_linked = |pair: &&PairCount| params.min_lift <= links.table(pair).lift();
        let pairs: Vec<&PairCount> = links.pairs.par_iter().filter(is_linked).collect();
        // From owned to offered product, both ways.
        let directed = || {
            pairs
                .iter()
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
        let best = |from: usize| {
            let link = |&(to, n_ab): &(u32, u32)| {
                let share = f64::from(links.n_a[to as usize]) / links.n_baskets as f64;
                let seen = f64::from(n_ab) + params.prior_orders * share;
                let score = seen / (f64::from(links.n_a[from]) + params.prior_orders);
                Link {
                    from: from as u32,
                    to,
                    score,
                    expected_amount: score * sale_amount[to as usize],
                }
            };
            let mut best: Vec<Link> = all[starts[from]..starts[from + 1]].iter().map(link).collect();
            if (1..best.len()).contains(&params.partners) {
                best.select_nth_unstable_by(params.partners - 1, Link::order);
                best.truncate(params.partners);
            }
            best.sort_unstable_by(Link::order);
            best
        };
        let best: Vec<Vec<Link>> = (0..n_products).into_par_iter().map(best).collect();
        let ends = best.iter().scan(0, |end, links| {
            *end += links.len();
            Some(*end)
        });
        let starts: Vec<usize> = [0].into_iter().chain(ends).collect();
        let mut by_target: Vec<(u32, u32)> = Vec::with_capacity(starts[n_products]);
        for (of_product, &start) in best.iter().zip(&starts) {
            by_target.extend(
                of_product
                    .iter()
                    .zip(start as u32..)
                    .map(|(link, place)| (link.to, place)),
            );
            by_target[start..].sort_unstable();
        }
        Self {
            links: best.concat(),
            starts,
            targets: by_target.iter().map(|(target, _)| *target).collect(),
            places: by_target.iter().map(|(_, place)| *place).collect(),
        }
    }

    fn range(&self, from: u32) -> Range<usize> {
        self.starts[from as usize]..self.starts[from as usize + 1]
    }

    /// The link between two products, if it was kept.
    fn find(&self, from: u32, to: u32) -> Option<u32> {
        let range = self.range(from);
        let at = self.targets[range.clone()].binary_search(&to).ok()?;
        Some(self.places[range.start + at])
    }
}

/// One thread's work space.
struct Scratch {
    /// By product: `turn` if the present customer has it, `turn + 1` if it is among the chosen.
    marks: Vec<u32>,
    turn: u32,
    /// The best so far, in order, each product once.
    chosen: Vec<Link>,
}

impl Scratch {
    fn new(n_products: usize) -> Self {
        Self {
            marks: vec![0; n_products],
            turn: 0,
            chosen: Vec::new(),
        }
    }

    /// Appends the offers of a customer who has `owned`.
    fn offer(&mut self, owned: &[u32], partners: &Partners, most: usize, offers: &mut Vec<Reasons>) {
        if self.turn == u32::MAX - 1 {
            self.marks.fill(0);
            self.turn = 0;
        }
        self.turn += 2;
        for &item in owned {
            self.marks[item as usize] = self.turn;
        }
        self.chosen.clear();
        if most <= FEW {
            self.choose_few(owned, partners, most);
        } else {
            self.choose_many(owned, partners, most);
        }
        offers.extend(self.chosen.iter().map(|link| reasons(owned, partners, link.to)));
    }

    fn choose_few(&mut self, owned: &[u32], partners: &Partners, most: usize) {
        for &item in owned {
            for link in &partners.links[partners.range(item)] {
                let is_full = self.chosen.len() == most;
                if is_full && self.chosen.last().is_none_or(|worst| link.order(worst).is_ge()) {
                    break;
                }
                let mark = self.marks[link.to as usize];
                if mark == self.turn {
                    continue;
                }
                if mark == self.turn + 1 {
                    let known = self.chosen.iter().position(|other| other.to == link.to);
                    if let Some(at) = known {
                        if link.order(&self.chosen[at]).is_ge() {
                            continue;
                        }
                        self.chosen.remove(at);
                    }
                } else if is_full && let Some(worst) = self.chosen.pop() {
                    self.marks[worst.to as usize] = 0;
                }
                self.marks[link.to as usize] = self.turn + 1;
                let at = self.chosen.partition_point(|other| other.order(link).is_lt());
                self.chosen.insert(at, *link);
            }
        }
    }

    fn choose_many(&mut self, owned: &[u32], partners: &Partners, most: usize) {
        let (marks, turn) = (&mut self.marks, self.turn);
        for &item in owned {
            let links = partners.links[partners.range(item)].iter();
            self.chosen.extend(links.filter(|link| marks[link.to as usize] != turn));
        }
        self.chosen.sort_unstable_by(Link::order);
        self.chosen.retain(|link| {
            let mark = &mut marks[link.to as usize];
            std::mem::replace(mark, turn + 1) != turn + 1
        });
        self.chosen.truncate(most);
    }
}

/// The links from owned products that make an offer likeliest, ties by product code.
fn reasons(owned: &[u32], partners: &Partners, offered: u32) -> Reasons {
    let mut found = [NO_LINK; REASONS];
    let mut scores = [0.0; REASONS];
    for &item in owned {
        let Some(link) = partners.find(item, offered) else {
            continue;
        };
        let score = partners.links[link as usize].score;
        // Owned products come in the order of their codes, so an equal one goes behind.
        let at = scores.partition_point(|&other| score <= other);
        if at < REASONS {
            found[at..].rotate_right(1);
            scores[at..].rotate_right(1);
            (found[at], scores[at]) = (link, score);
        }
    }
    found
}

#[cfg(test)]
mod tests;
