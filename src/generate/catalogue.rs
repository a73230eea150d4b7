//! What can be bought and what goes into a basket: products, prices, popularity, planted pairs.
//!
//! # Formula
//! A basket makes K draws, K - 1 ~ Poisson(d - 1), so E\[K\] = d and G(z) = E\[z^K\] = z e^((d-1)(z-1)). Every
//! customer has a home business line, m with probability W_m (the line's share of all popularity). A draw
//! comes from the home line with probability `focus_share`, else from everything; within either by
//! popularity w_i, which falls as rank^-zipf. Equal draws are one line. So for home line m, with draw
//! weights v_i = f w_i / W_m \[i in m\] + (1 - f) w_i,
//! P(i) = 1 - G(1 - v_i) and P(i and j) = 1 - G(1 - v_i) - G(1 - v_j) + G(1 - v_i - v_j); the mean over m
//! is exact for all baskets. A planted pair (a, b, π) then adds b with probability π to every basket that
//! holds a and not yet b. No product stands in two planted pairs, so lift is exact too.

use super::random::{Alias, Domain, Rng, chance, stream, uniform};
use super::words::{BUSINESS_LINES, COLOURS, Category, PACKS};

/// Business lines that there are words for.
pub(super) const MAX_BUSINESS_LINES: u32 = BUSINESS_LINES.len() as u32;
/// Categories of a business line; each can hold one planted pair.
pub(super) const CATEGORIES: u32 = 4;

/// The line that is no product.
pub(super) const POSTAGE: Postage = Postage {
    id: "POST",
    name: "Postage",
    price_cents: 495,
    cost_cents: 410,
};

pub(super) struct Postage {
    pub id: &'static str,
    pub name: &'static str,
    pub price_cents: i64,
    pub cost_cents: i64,
}

/// One product of the shop.
#[derive(Debug)]
pub(super) struct Product {
    pub id: String,
    pub name: String,
    pub business_line: u32,
    pub category: u32,
    pub list_cents: i64,
    pub cost_cents: i64,
}

/// A planted affinity: a basket with `a` gets `b` too, with `prob`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub a: u32,
    pub b: u32,
    pub prob: f64,
}

/// What is expected of a pair, per basket.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairProbs {
    pub a: f64,
    pub b: f64,
    pub ab: f64,
}

/// What the catalogue is made from; checked by the caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub products: u32,
    pub business_lines: u32,
    pub zipf_exponent: f64,
    pub basket_draws: f64,
    pub focus_share: f64,
    pub pairs: u32,
    pub pair_prob: f64,
}

#[derive(Debug)]
pub(super) struct Catalogue {
    shape: Shape,
    pub products: Vec<Product>,
    pub pairs: Vec<Pair>,
    /// For each product the pair that it starts or completes.
    pub pair_of: Vec<Option<u32>>,
    /// Share of all draws, sums to 1.
    popularity: Vec<f64>,
    /// First product of each business line, and one past the last.
    bounds: Vec<u32>,
    line_popularity: Vec<f64>,
    anything: Alias,
    of_line: Vec<Alias>,
    home_line: Alias,
    /// P(K <= k) for k = 1, 2, ...
    draws_cdf: Vec<f64>,
}

impl Catalogue {
    pub(super) fn new(shape: Shape, seed: u64) -> Self {
        let mut rng = stream(seed, Domain::Catalogue, 0);
        let (n, n_lines) = (shape.products, shape.business_lines);
        let bounds: Vec<u32> = (0..=n_lines)
            .map(|l| (u64::from(n) * u64::from(l) / u64::from(n_lines)) as u32)
            .collect();
        let width = n.to_string().len().max(4);
        let mut products = Vec::with_capacity(n as usize);
        for line in 0..n_lines {
            for k in 0..bounds[line as usize + 1] - bounds[line as usize] {
                let category = k % CATEGORIES;
                let words = &BUSINESS_LINES[line as usize].categories[category as usize];
                let (name, usual_cents) = name_product(words, k / CATEGORIES);
                let list_cents = (usual_cents as f64 * (0.7 + 0.6 * uniform(&mut rng)) / 10.0).ceil() as i64 * 10 - 5;
                let cost_cents = (list_cents as f64 * (0.3 + 0.25 * uniform(&mut rng))) as i64;
                products.push(Product {
                    id: format!("P{:0width$}", products.len() + 1),
                    name,
                    business_line: line,
                    category: line * CATEGORIES + category,
                    list_cents,
                    cost_cents,
                });
            }
        }

        let mut pairs = Vec::new();
        let mut pair_of = vec![None; n as usize];
        for i in 0..shape.pairs {
            let a = bounds[(i % n_lines) as usize] + i / n_lines;
            let b = a + CATEGORIES;
            pair_of[a as usize] = Some(i);
            pair_of[b as usize] = Some(i);
            pairs.push(Pair {
                a,
                b,
                prob: shape.pair_prob,
            });
        }

        let popularity = popularity(&shape, &pairs, &mut rng);
        let slices: Vec<&[f64]> = bounds
            .windows(2)
            .map(|w| &popularity[w[0] as usize..w[1] as usize])
            .collect();
        let line_popularity: Vec<f64> = slices.iter().map(|s| s.iter().sum()).collect();
        Self {
            anything: Alias::new(&popularity),
            of_line: slices.iter().map(|s| Alias::new(s)).collect(),
            home_line: Alias::new(&line_popularity),
            draws_cdf: shifted_poisson_cdf(shape.basket_draws - 1.0),
            shape,
            products,
            pairs,
            pair_of,
            popularity,
            bounds,
            line_popularity,
        }
    }

    pub(super) fn business_line_name(line: u32) -> &'static str {
        BUSINESS_LINES[line as usize].name
    }

    pub(super) fn category_name(category: u32) -> &'static str {
        let line = &BUSINESS_LINES[(category / CATEGORIES) as usize];
        line.categories[(category % CATEGORIES) as usize].name
    }

    /// Draws the home business line of a customer.
    pub(super) fn draw_home_line(&self, rng: &mut Rng) -> u32 {
        self.home_line.draw(rng)
    }

    /// Draws the distinct products of one basket into `basket`.
    pub(super) fn draw_basket(&self, home_line: u32, rng: &mut Rng, basket: &mut Vec<u32>) {
        basket.clear();
        let u = uniform(rng);
        let n_draws = 1 + self.draws_cdf.partition_point(|&cdf| cdf <= u);
        for _ in 0..n_draws {
            let product = if chance(rng, self.shape.focus_share) {
                self.bounds[home_line as usize] + self.of_line[home_line as usize].draw(rng)
            } else {
                self.anything.draw(rng)
            };
            if !basket.contains(&product) {
                basket.push(product);
            }
        }
        for i in 0..basket.len() {
            if let Some(pair) = self.pair_of[basket[i] as usize] {
                let Pair { a, b, prob } = self.pairs[pair as usize];
                if basket[i] == a && !basket.contains(&b) && chance(rng, prob) {
                    basket.push(b);
                }
            }
        }
    }

    /// The expected number of lines of a basket.
    pub(super) fn expected_lines(&self) -> f64 {
        let drawn: f64 = (0..self.products.len() as u32).map(|i| self.drawn_probs(i, i).0).sum();
        let added: f64 = self
            .pairs
            .iter()
            .map(|pair| {
                let (a, _, ab) = self.drawn_probs(pair.a, pair.b);
                (a - ab) * pair.prob
            })
            .sum();
        drawn + added
    }

    /// The probabilities that a basket holds a, b and both, after the planted additions.
    pub(super) fn expected_pair(&self, pair: &Pair) -> PairProbs {
        let (a, b, ab) = self.drawn_probs(pair.a, pair.b);
        let added = (a - ab) * pair.prob;
        PairProbs {
            a,
            b: b + added,
            ab: ab + added,
        }
    }

    /// The probabilities that the draws hold i, j and both.
    fn drawn_probs(&self, i: u32, j: u32) -> (f64, f64, f64) {
        let misses = |share: f64| {
            let z = 1.0 - share;
            z * ((self.shape.basket_draws - 1.0) * (z - 1.0)).exp()
        };
        let focus = self.shape.focus_share;
        let (mut has_i, mut has_j, mut has_both) = (0.0, 0.0, 0.0);
        for (line, &line_share) in self.line_popularity.iter().enumerate() {
            let share = |product: u32| {
                let at_home = (self.bounds[line]..self.bounds[line + 1]).contains(&product);
                let w = self.popularity[product as usize];
                (1.0 - focus) * w + if at_home { focus * w / line_share } else { 0.0 }
            };
            let (v_i, v_j) = (share(i), share(j));
            has_i += line_share * (1.0 - misses(v_i));
            has_j += line_share * (1.0 - misses(v_j));
            has_both += line_share * (1.0 - misses(v_i) - misses(v_j) + misses((v_i + v_j).min(1.0)));
        }
        (has_i, has_j, has_both)
    }
}

/// The name and usual price of the `j`-th product of a category; names differ for every `j`.
fn name_product(words: &Category, j: u32) -> (String, i64) {
    let j = j as usize;
    let noun_at = j % words.nouns.len();
    let (noun, cents) = words.nouns[noun_at];
    let round = j / words.nouns.len();
    let qualifier = words.qualifiers[(round + noun_at) % words.qualifiers.len()];
    let round = round / words.qualifiers.len();
    let mut name = format!("{qualifier} {noun}");
    if 0 < round {
        name = format!("{} {name}", COLOURS[(round - 1) % COLOURS.len()]);
    }
    let round = round.saturating_sub(1) / COLOURS.len();
    if 0 < round {
        name = format!("{name} No. {}", round + 1);
    }
    // Not the first of each noun: the planted pairs keep plain names.
    if words.nouns.len() <= j && j % 5 == 2 {
        name.push_str(PACKS[j / 5 % PACKS.len()]);
    }
    (name, cents)
}

/// Zipf weights over shuffled ranks. Planted products stand in the upper middle: often enough to be found,
/// not so often that everything goes with them.
fn popularity(shape: &Shape, pairs: &[Pair], rng: &mut Rng) -> Vec<f64> {
    let n = shape.products as usize;
    let mut ranked: Vec<u32> = (0..shape.products).collect();
    for i in (1..n).rev() {
        let other = (uniform(rng) * (i + 1) as f64) as usize;
        ranked.swap(i, other);
    }
    let first = (n / 20).min(40).min(n.saturating_sub(2 * pairs.len()));
    let planted = pairs.iter().flat_map(|pair| [pair.a, pair.b]);
    for (rank, product) in (first..).zip(planted) {
        if let Some(now) = ranked.iter().position(|&p| p == product) {
            ranked.swap(rank, now);
        }
    }
    let weight = |rank: usize| ((rank + 1) as f64).powf(-shape.zipf_exponent);
    let total: f64 = (0..n).map(weight).sum();
    let mut popularity = vec![0.0; n];
    for (rank, &product) in ranked.iter().enumerate() {
        popularity[product as usize] = weight(rank) / total;
    }
    popularity
}

/// P(Poisson(mean) <= k) for k = 0, 1, ... until the rest is below the resolution of a draw.
fn shifted_poisson_cdf(mean: f64) -> Vec<f64> {
    let mut prob = (-mean).exp();
    let mut cdf = vec![prob];
    let mut k = 0.0;
    while 1e-17 < prob || k < mean {
        k += 1.0;
        prob *= mean / k;
        cdf.push(cdf[cdf.len() - 1] + prob);
    }
    cdf
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn shape(products: u32, business_lines: u32, focus_share: f64) -> Shape {
        Shape {
            products,
            business_lines,
            zipf_exponent: 0.8,
            basket_draws: 4.0,
            focus_share,
            pairs: 8.min(business_lines * CATEGORIES),
            pair_prob: 0.5,
        }
    }

    #[test]
    fn names_and_ids_are_unique_at_any_size() {
        for (products, lines) in [(64, 4), (300, 4), (30_000, 6), (4_000, 1)] {
            let catalogue = Catalogue::new(shape(products, lines, 0.5), 1);
            let names: BTreeSet<&str> = catalogue.products.iter().map(|p| &*p.name).collect();
            let ids: BTreeSet<&str> = catalogue.products.iter().map(|p| &*p.id).collect();
            assert_eq!(names.len(), products as usize);
            assert_eq!(ids.len(), products as usize);
            let used: BTreeSet<u32> = catalogue.products.iter().map(|p| p.category).collect();
            assert_eq!(used.len() as u32, lines * CATEGORIES);
        }
    }

    #[test]
    fn planted_pairs_are_disjoint_and_in_one_category() {
        let catalogue = Catalogue::new(
            Shape {
                pairs: 24,
                ..shape(48, 6, 0.5)
            },
            1,
        );
        let ends: BTreeSet<u32> = catalogue.pairs.iter().flat_map(|p| [p.a, p.b]).collect();
        assert_eq!(ends.len(), 48);
        for pair in &catalogue.pairs {
            let [a, b] = [pair.a, pair.b].map(|p| &catalogue.products[p as usize]);
            assert_eq!(a.category, b.category);
        }
        let first = &catalogue.pairs[0];
        assert!(catalogue.products[first.a as usize].name.ends_with("Moka Pot"));
        assert!(catalogue.products[first.b as usize].name.ends_with("Espresso Cups"));
    }

    // Baskets of independent customers, so that the errors are those of a binomial.
    #[test]
    fn baskets_hold_pairs_and_lines_as_often_as_the_formula_says() {
        for focus_share in [0.0, 0.6] {
            let catalogue = Catalogue::new(shape(80, 4, focus_share), 9);
            let n = 200_000_u64;
            let mut counts = vec![[0_u64; 3]; catalogue.pairs.len()];
            let (mut lines, mut squares) = (0_u64, 0_u64);
            let mut basket = Vec::new();
            for i in 0..n {
                let mut rng = stream(2, Domain::Customer, i);
                let home = catalogue.draw_home_line(&mut rng);
                catalogue.draw_basket(home, &mut rng, &mut basket);
                lines += basket.len() as u64;
                squares += (basket.len() * basket.len()) as u64;
                for (pair, count) in catalogue.pairs.iter().zip(&mut counts) {
                    let (a, b) = (basket.contains(&pair.a), basket.contains(&pair.b));
                    count[0] += u64::from(a);
                    count[1] += u64::from(b);
                    count[2] += u64::from(a && b);
                }
            }
            let mean = lines as f64 / n as f64;
            let error = ((squares as f64 / n as f64 - mean * mean) / n as f64).sqrt();
            assert!((mean - catalogue.expected_lines()).abs() <= 3.0 * error);
            for (pair, count) in catalogue.pairs.iter().zip(&counts) {
                let expected = catalogue.expected_pair(pair);
                let probs = [expected.a, expected.b, expected.ab];
                for (seen, prob) in count.iter().zip(probs) {
                    let error = (prob * (1.0 - prob) / n as f64).sqrt();
                    let share = *seen as f64 / n as f64;
                    assert!((share - prob).abs() <= 4.0 * error, "{share} for {prob} +- {error}");
                }
            }
        }
    }

    #[test]
    fn popularity_falls_as_a_power_of_the_rank() {
        let catalogue = Catalogue::new(shape(300, 4, 0.5), 4);
        let mut sorted = catalogue.popularity.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        assert!((sorted.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((sorted[0] / sorted[99] - 100_f64.powf(0.8)).abs() < 1e-9);
    }
}
