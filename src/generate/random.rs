//! Seeded streams and the few draws that everything else is made of.
//!
//! Every customer has his own stream, made from the seed and his number alone. Which thread draws it, in
//! which block he stands and how many files are written cannot change him.

use rand::RngCore;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

pub(super) type Rng = Xoshiro256PlusPlus;

/// What a stream is for; the same index in two domains gives unrelated streams.
#[derive(Clone, Copy)]
pub(super) enum Domain {
    Catalogue = 1,
    Customer = 2,
    Mess = 3,
}

/// The stream of item `index` of a domain.
pub(super) fn stream(seed: u64, domain: Domain, index: u64) -> Rng {
    // Each step is a bijection, so two indices of one domain never share a stream.
    Rng::seed_from_u64(mix(mix(mix(seed) ^ domain as u64) ^ index))
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014).
fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Uniform on [0, 1), 53 bits.
pub(super) fn uniform(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// True with probability `prob`.
pub(super) fn chance(rng: &mut Rng, prob: f64) -> bool {
    uniform(rng) < prob
}

/// Uniform on 0..n; the bias is below n / 2^32.
pub(super) fn below(rng: &mut Rng, n: u32) -> u32 {
    (((rng.next_u64() >> 32) * u64::from(n)) >> 32) as u32
}

/// Exponential with mean 1.
pub(super) fn exponential(rng: &mut Rng) -> f64 {
    -(1.0 - uniform(rng)).ln()
}

/// An index drawn with given weights in constant time (Vose's alias method).
#[derive(Debug)]
pub(super) struct Alias {
    threshold: Vec<u32>,
    other: Vec<u32>,
}

impl Alias {
    /// `weights`: at least one, finite, none negative, with a positive sum.
    pub(super) fn new(weights: &[f64]) -> Self {
        let n = weights.len();
        let total: f64 = weights.iter().sum();
        let mut scaled: Vec<f64> = weights.iter().map(|w| w / total * n as f64).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| scaled[i] < 1.0);
        let mut threshold = vec![u32::MAX; n];
        let mut other: Vec<u32> = (0..n as u32).collect();
        while let (Some(&s), Some(&l)) = (small.last(), large.last()) {
            small.pop();
            threshold[s] = (scaled[s] * 4_294_967_296.0) as u32;
            other[s] = l as u32;
            scaled[l] -= 1.0 - scaled[s];
            if scaled[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        Self { threshold, other }
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> u32 {
        let bits = rng.next_u64();
        let slot = (((bits >> 32) * self.threshold.len() as u64) >> 32) as usize;
        if (bits as u32) < self.threshold[slot] {
            slot as u32
        } else {
            self.other[slot]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alias_draws_follow_the_weights() {
        let weights = [5.0, 0.0, 1.0, 3.0, 1.0];
        let alias = Alias::new(&weights);
        let mut rng = stream(7, Domain::Customer, 0);
        let n = 200_000;
        let mut counts = [0_u32; 5];
        for _ in 0..n {
            counts[alias.draw(&mut rng) as usize] += 1;
        }
        assert_eq!(counts[1], 0);
        for (count, weight) in counts.iter().zip(weights) {
            let prob = weight / 10.0;
            let error = (prob * (1.0 - prob) / f64::from(n)).sqrt();
            assert!((f64::from(*count) / f64::from(n) - prob).abs() <= 4.0 * error);
        }
    }

    #[test]
    fn streams_differ_by_seed_domain_and_index() {
        let first = |seed, domain, index| stream(seed, domain, index).next_u64();
        let base = first(1, Domain::Customer, 0);
        assert_ne!(base, first(2, Domain::Customer, 0));
        assert_ne!(base, first(1, Domain::Mess, 0));
        assert_ne!(base, first(1, Domain::Customer, 1));
        assert_eq!(base, first(1, Domain::Customer, 0));
    }
}
