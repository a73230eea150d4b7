//! How regular the gaps between purchases are: a diagnostic beside the models that assume it.
//!
//! In: every customer's purchase days. Out: an estimate of k, the shape of gamma distributed gaps: 1 is what chance
//! alone gives, 2 and more is regular, below 1 purchases come in clusters. Cost: one pass over the purchase days.
//!
//! # Formula
//! Of two neighbouring gaps of one customer, the share M = g₁/(g₁+g₂) is Beta(k, k) whatever the customer's rate, with
//! variance 1/(4(2k+1)), so k = (1 − 4 Var M)/(8 Var M). Wheat and Morrison (1990), *Estimating Purchase Regularity
//! with Two Interpurchase Times*, Journal of Marketing Research 27(1), 87-93.
//!
//! They take two gaps of a customer; here the mean over all the pairs of gaps that do not overlap stands for a customer,
//! so that nothing is thrown away and heavy buyers weigh no more than others. Var M is taken around ½, the mean it has.
//!
//! # Domain
//! Gaps are whole days at least 1, which makes short ones look alike: where most gaps are a few days long, k comes out
//! too high. It is a diagnostic; the models choose their k by likelihood.
//!
//! # Check
//! `tests::regularity_of_simulated_gaps_is_found`.

use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::purchases::PurchaseDays;

/// Fewer customers with two gaps than this say nothing.
const FEWEST_CUSTOMERS: u64 = 30;

/// Regularity of the gaps between purchase days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regularity {
    /// Wheat and Morrison's estimate of the shape of the gaps.
    pub k: f64,
    pub standard_error: f64,
    /// Customers with two gaps or more.
    pub n_customers: u64,
}

/// Regularity of the purchases up to the end of `last_day`; `None` with fewer than 30 customers who
/// bought three times, and where the gaps of everybody are equal.
pub fn regularity(purchases: &PurchaseDays, last_day: i32, clock: &Clock) -> Option<Regularity> {
    let (mut n, mut sum, mut squares) = (0_u64, 0.0, 0.0);
    for customer in 0..purchases.n_customers() {
        let days = purchases.days(customer);
        let days = &days[..days.partition_point(|day| *day <= last_day)];
        // Three purchases bound two gaps; the last purchase of a triple is the first of the next.
        let (mut pairs, mut distance) = (0.0, 0.0);
        for triple in days.windows(3).step_by(2) {
            let [first, both] = [1, 2].map(|i| clock.elapsed(triple[0], triple[i]));
            if 0.0 < both {
                pairs += 1.0;
                distance += (first / both - 0.5).powi(2);
            }
        }
        if 0.0 < pairs {
            let mean = distance / pairs;
            n += 1;
            sum += mean;
            squares += mean * mean;
        }
    }
    let customers = n as f64;
    let variance = sum / customers;
    let k = (1.0 - 4.0 * variance) / (8.0 * variance);
    // dk/dVar = −1/(8 Var²).
    let error_of_variance = ((squares / customers - variance * variance).max(0.0) / customers).sqrt();
    let standard_error = error_of_variance / (8.0 * variance * variance);
    let known = FEWEST_CUSTOMERS <= n && k.is_finite() && standard_error.is_finite();
    known.then_some(Regularity {
        // Two gaps can be no less alike than one of them 0.
        k: k.max(0.0),
        standard_error,
        n_customers: n,
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, Gamma};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// Customers with different rates whose gaps have shape k, in days of which a gap has many thousands.
    fn purchases(n: usize, k: f64) -> PurchaseDays {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let rates = Gamma::new(2.0, 1.0).unwrap();
        let mut out = PurchaseDays::default();
        for _ in 0..n {
            let rate: f64 = rates.sample(&mut rng);
            let gaps = Gamma::new(k, 100_000.0 / (rate + 0.1)).unwrap();
            let mut days = vec![(0, 1.0)];
            for _ in 0..7 {
                let gap: f64 = gaps.sample(&mut rng);
                days.push((days[days.len() - 1].0 + 1 + gap as i32, 1.0));
            }
            out.push(days);
        }
        out
    }

    #[test]
    fn regularity_of_simulated_gaps_is_found() {
        for k in [0.6, 1.0, 2.0, 5.0] {
            let got = regularity(&purchases(20_000, k), i32::MAX, &Clock::calendar()).unwrap();
            let error = got.k - k;
            assert!(error.abs() < 3.5 * got.standard_error + 0.01 * k, "{k}: {got:?}");
            assert!(got.standard_error < 0.02 * (1.0 + k), "{k}: {got:?}");
            assert_eq!(got.n_customers, 20_000);
        }
    }

    #[test]
    fn what_says_nothing_is_none() {
        let clock = Clock::calendar();
        assert_eq!(regularity(&PurchaseDays::default(), 0, &clock), None);
        assert_eq!(regularity(&purchases(29, 2.0), i32::MAX, &clock), None);
        // Two purchases each.
        assert_eq!(regularity(&purchases(100, 2.0), 1, &clock), None);
        let mut equal = PurchaseDays::default();
        for _ in 0..100 {
            equal.push([(0, 1.0), (7, 1.0), (14, 1.0)]);
        }
        assert_eq!(regularity(&equal, i32::MAX, &clock), None);
    }
}
