//! Whether what customers spend on an order depends on how often they order: the assumption of Gamma-Gamma that fails.
//!
//! In: [`Spenders`]. Out: two correlations with p-values. Cost: one sort.
//! Pearson's correlation of ln x and ln z sees proportions; Spearman's of their ranks sees any rising or falling
//! relation and is not moved by a few large customers. z is a mean over x orders: under the model ln z lies below the
//! logarithm of the customer's mean by about 1/(2px), so with p near 1 and very many customers a small correlation is
//! significant although the assumption holds. Hence the warning wants a correlation that is large as well.
//!
//! # Formula
//! Under independence t = r √((n−2)/(1−r²)) has Student's distribution with n − 2 degrees of freedom, whose two tails
//! together are an incomplete beta function of 1 − r² (Abramowitz and Stegun 26.7.1).
//!
//! # Domain
//! At least three spenders, neither number the same for all.
//!
//! # Check
//! `tests::p_values_are_those_of_student` and `tests::correlations_are_those_of_a_worked_example` hold values from scipy.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::gamma_gamma::Spenders;
use super::special::beta_inc_reg;

/// A correlation and the probability of one as large or larger, of either sign, if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    pub value: f64,
    pub p_value: f64,
}

/// Correlations of the number of repeat orders and their mean amount.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Independence {
    pub n_customers: u64,
    /// Pearson's, of the logarithms.
    pub pearson_of_logs: Correlation,
    /// Spearman's, ties with their mean rank.
    pub spearman: Correlation,
}

/// Below this p-value a correlation is called significant.
const SIGNIFICANT: f64 = 0.01;

/// A correlation beyond this changes sums worth warning about (Fader and Hardie have 0.11 in CDNOW).
const NOTABLE: f64 = 0.3;

impl Independence {
    /// `None` without three customers that differ in both numbers.
    pub fn of(spenders: &Spenders) -> Option<Self> {
        let rows = spenders.rows();
        let logs = rows.iter().map(|(x, z)| (f64::from(*x).ln(), z.ln()));
        // The rows ascend by x.
        let ranks_x = mean_ranks(rows.iter().map(|(x, _)| f64::from(*x)));
        let mut by_z: Vec<usize> = (0..rows.len()).collect();
        by_z.par_sort_unstable_by(|i, j| rows[*i].1.total_cmp(&rows[*j].1).then(i.cmp(j)));
        let mut ranks_z = vec![0.0; rows.len()];
        for (i, rank) in by_z.iter().zip(mean_ranks(by_z.iter().map(|i| rows[*i].1))) {
            ranks_z[*i] = rank;
        }
        Some(Self {
            n_customers: rows.len() as u64,
            pearson_of_logs: correlation(logs)?,
            spearman: correlation(ranks_x.into_iter().zip(ranks_z))?,
        })
    }

    /// The stronger of those that are both significant and large.
    pub fn notable(&self) -> Option<Correlation> {
        [self.spearman, self.pearson_of_logs]
            .into_iter()
            .filter(|c| c.p_value < SIGNIFICANT && NOTABLE < c.value.abs())
            .max_by(|a, b| a.value.abs().total_cmp(&b.value.abs()))
    }
}

/// Ranks of ascending values, equal ones with the mean of theirs.
fn mean_ranks(ascending: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = ascending.collect();
    let mut out = Vec::with_capacity(values.len());
    for equal in values.chunk_by(|a, b| a == b) {
        let rank = out.len() as f64 + 0.5 * (equal.len() as f64 + 1.0);
        out.resize(out.len() + equal.len(), rank);
    }
    out
}

fn correlation(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Correlation> {
    let n = pairs.clone().count() as f64;
    let sum = pairs.clone().fold((0.0, 0.0), |sum, (u, v)| (sum.0 + u, sum.1 + v));
    let mean = (sum.0 / n, sum.1 / n);
    let (mut uu, mut uv, mut vv) = (0.0, 0.0, 0.0);
    for (u, v) in pairs {
        let (du, dv) = (u - mean.0, v - mean.1);
        uu += du * du;
        uv += du * dv;
        vv += dv * dv;
    }
    // Where all are equal, what is left is rounding.
    let differs = |squares: f64, mean: f64| n * 1e-24 * (1.0 + mean * mean) < squares;
    if n < 3.0 || !differs(uu, mean.0) || !differs(vv, mean.1) {
        return None;
    }
    let value = (uv / (uu.sqrt() * vv.sqrt())).clamp(-1.0, 1.0);
    value.is_finite().then(|| Correlation {
        value,
        p_value: p_value(value, n),
    })
}

/// Two-sided, by Student's t with n − 2 degrees of freedom: v/(v + t²) is 1 − correlation².
fn p_value(correlation: f64, n: f64) -> f64 {
    beta_inc_reg(0.5 * (n - 2.0), 0.5, 1.0 - correlation * correlation).lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_student() {
        for (correlation, n, want) in [
            (0.3, 12.0, 0.3434385710546876),
            (0.1, 1000.0, 0.0015441161074010938),
            (-0.8, 10.0, 0.005455999999999987),
            (0.02, 1e5, 2.530541393645708e-10),
            (0.5, 40.0, 0.001019132728961268),
        ] {
            let got = p_value(correlation, n);
            assert!((got / want - 1.0_f64).abs() < 1e-9, "{correlation} {n}: {got} {want}");
        }
        assert_eq!((p_value(0.0, 50.0), p_value(1.0, 50.0)), (1.0, 0.0));
    }

    #[test]
    fn correlations_are_those_of_a_worked_example() {
        let x = [1, 1, 2, 3, 3, 3, 5, 8, 13, 1, 2, 4];
        let z = [10.0, 12.0, 9.0, 30.0, 25.0, 30.0, 28.0, 60.0, 44.0, 11.0, 14.0, 20.0];
        let got = Independence::of(&Spenders::new(x.into_iter().zip(z))).unwrap();
        assert!((got.spearman.value - 0.8399427550622842).abs() < 1e-14, "{got:?}");
        assert!(
            (got.pearson_of_logs.value - 0.8802587542413922).abs() < 1e-14,
            "{got:?}"
        );
        assert_eq!(got.notable(), Some(got.pearson_of_logs));
        let falling = Independence::of(&Spenders::new(x.into_iter().zip(z.map(|z| 100.0 / z)))).unwrap();
        assert!((falling.spearman.value + got.spearman.value).abs() < 1e-14);
    }

    #[test]
    fn what_cannot_be_said_is_not() {
        let of = |rows: &[(u32, f64)]| Independence::of(&Spenders::new(rows.iter().copied()));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(1, 2.0), (2, 3.0)]), None);
        assert_eq!(of(&[(1, 2.0), (1, 3.0), (1, 4.0)]), None);
        assert_eq!(of(&[(1, 5.1), (2, 5.1), (3, 5.1)]), None);
        // Large but by chance; significant but small.
        let few = of(&[(1, 2.0), (2, 1.9), (3, 2.6), (4, 2.1)]).unwrap();
        assert!(0.3 < few.spearman.value && few.notable().is_none(), "{few:?}");
        let many: Vec<(u32, f64)> = (0..40_000_u32)
            .map(|i| (1 + i % 7, 10.0 + f64::from(i % 11) + 0.05 * f64::from(i % 7)))
            .collect();
        let many = of(&many).unwrap();
        assert!(many.spearman.p_value < 1e-3 && many.notable().is_none(), "{many:?}");
    }
}
