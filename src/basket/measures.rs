//! How strongly two products go together: every published measure, from four counts.
//!
//! Writing P for a share of all baskets, A and B for "holds product a", "holds product b":
//!
//! | measure | formula | range |
//! |---|---|---|
//! | support | P(AB) | 0 to 1 |
//! | confidence a→b | P(AB) / P(A) | 0 to 1 |
//! | lift | P(AB) / (P(A) P(B)) | 0 up; 1 = independent |
//! | leverage | P(AB) - P(A) P(B) | -0.25 to 0.25 |
//! | conviction a→b | (1 - P(B)) / (1 - confidence) | 0 up; none where confidence = 1 |
//! | jaccard | P(AB) / P(A or B) | 0 to 1 |
//! | cosine | P(AB) / √(P(A) P(B)) | 0 to 1 |
//! | kulczynski | mean of the two confidences | 0 to 1 |
//! | imbalance ratio | \|P(A) - P(B)\| / P(A or B) | 0 to 1; 0 = equally frequent |
//! | zhang a→b | leverage / max(P(AB)(1 - P(A)), P(A)(P(B) - P(AB))) | -1 to 1; 0 where the divisor is 0 |
//! | chi-square | n (n·n_ab - n_a·n_b)² / (n_a (n - n_a) n_b (n - n_b)) | 0 up; 0 where the divisor is 0 |
//! | p-value | erfc(√(chi-square / 2)) | 0 to 1 |
//! | q-value | Benjamini-Hochberg over all tested pairs | 0 to 1 |
//!
//! Definitions as in mlxtend 0.25 where it has them. Differences are taken in integers before anything is divided,
//! so that nothing cancels.
//!
//! Sources: Agrawal, Imieliński & Swami 1993 (support, confidence); Brin, Motwani, Ullman & Tsur 1997 (lift,
//! conviction, chi-square); Piatetsky-Shapiro 1991 (leverage); Zhang 2000; Wu, Chen & Han 2010 (Kulczynski,
//! imbalance ratio); Benjamini & Hochberg 1995.

use rayon::prelude::*;

/// The counts behind one pair. `n_ab <= min(n_a, n_b)`, `max(n_a, n_b) <= n_baskets`, `1 <= n_ab`, all below 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairTable {
    pub n_a: u64,
    pub n_b: u64,
    pub n_ab: u64,
    pub n_baskets: u64,
}

impl PairTable {
    /// The same pair seen from the other product: `confidence_ba` is `swapped().confidence()`.
    pub fn swapped(self) -> Self {
        Self {
            n_a: self.n_b,
            n_b: self.n_a,
            ..self
        }
    }

    /// `n_baskets` squared times the leverage, exactly: its sign says whether the lift is above 1, its order is
    /// the order of leverage.
    pub fn excess(self) -> i128 {
        i128::from(self.n_ab) * i128::from(self.n_baskets) - i128::from(self.n_a) * i128::from(self.n_b)
    }

    fn n_either(self) -> f64 {
        (self.n_a + self.n_b - self.n_ab) as f64
    }

    pub fn support(self) -> f64 {
        self.n_ab as f64 / self.n_baskets as f64
    }

    /// Share of the baskets with a that hold b too.
    pub fn confidence(self) -> f64 {
        self.n_ab as f64 / self.n_a as f64
    }

    pub fn lift(self) -> f64 {
        (self.n_ab as f64 * self.n_baskets as f64) / (self.n_a as f64 * self.n_b as f64)
    }

    pub fn leverage(self) -> f64 {
        let n = self.n_baskets as f64;
        self.excess() as f64 / (n * n)
    }

    /// `None` where every basket with a holds b: the quotient is infinite.
    pub fn conviction(self) -> Option<f64> {
        let without_b = (self.n_baskets - self.n_b) as f64 * self.n_a as f64;
        (self.n_ab < self.n_a).then(|| without_b / (self.n_baskets as f64 * (self.n_a - self.n_ab) as f64))
    }

    pub fn jaccard(self) -> f64 {
        self.n_ab as f64 / self.n_either()
    }

    pub fn cosine(self) -> f64 {
        self.n_ab as f64 / (self.n_a as f64 * self.n_b as f64).sqrt()
    }

    pub fn kulczynski(self) -> f64 {
        (self.confidence() + self.swapped().confidence()) / 2.0
    }

    pub fn imbalance_ratio(self) -> f64 {
        self.n_a.abs_diff(self.n_b) as f64 / self.n_either()
    }

    pub fn zhang(self) -> f64 {
        let attracted = u128::from(self.n_ab) * u128::from(self.n_baskets - self.n_a);
        let repelled = u128::from(self.n_a) * u128::from(self.n_b - self.n_ab);
        match attracted.max(repelled) {
            0 => 0.0,
            divisor => self.excess() as f64 / divisor as f64,
        }
    }

    /// Pearson's statistic of the 2x2 table, one degree of freedom, without continuity correction.
    pub fn chi_square(self) -> f64 {
        let margin_a = u128::from(self.n_a) * u128::from(self.n_baskets - self.n_a);
        let margin_b = u128::from(self.n_b) * u128::from(self.n_baskets - self.n_b);
        if margin_a == 0 || margin_b == 0 {
            return 0.0;
        }
        let excess = self.excess() as f64;
        (excess / margin_a as f64) * (excess / margin_b as f64) * self.n_baskets as f64
    }
}

/// Upper tail of the chi-square distribution with one degree of freedom. `chi_square` is finite and not negative.
/// Accurate to 12 digits down to the smallest normal double (a statistic of 1,409); from there it loses digits, and
/// above about 1,490 it is exactly 0.
pub fn p_value(chi_square: f64) -> f64 {
    libm::erfc((chi_square / 2.0).sqrt())
}

/// Benjamini-Hochberg q-values of a family of chi-square tests: for the j-th smallest of m p-values, the least
/// p·m/k over all k from j on; at most 1.
pub struct FalseDiscovery {
    /// Every statistic of the family, falling: the order of rising p-values, without their ties at 0.
    chi_squares: Vec<f64>,
    q_values: Vec<f64>,
}

impl FalseDiscovery {
    /// O(m log m) for m statistics, in any order; none is NaN.
    pub fn new(mut chi_squares: Vec<f64>) -> Self {
        chi_squares.par_sort_unstable_by(|left, right| right.total_cmp(left));
        let m = chi_squares.len() as f64;
        let mut q_values: Vec<f64> = chi_squares
            .par_iter()
            .enumerate()
            .map(|(i, &chi)| p_value(chi) * m / (i + 1) as f64)
            .collect();
        let mut least: f64 = 1.0;
        for q in q_values.iter_mut().rev() {
            least = least.min(*q);
            *q = least;
        }
        Self { chi_squares, q_values }
    }

    /// The q-value of a member of the family; of a statistic that is none, that of the next weaker member (1
    /// below all of them).
    pub fn q_value(&self, chi_square: f64) -> f64 {
        let stronger = self.chi_squares.partition_point(|&other| chi_square < other);
        self.q_values.get(stronger).copied().unwrap_or(1.0)
    }

    /// The least statistic whose q-value is at most `max_q_value`.
    pub fn weakest(&self, max_q_value: f64) -> Option<f64> {
        let n = self.q_values.partition_point(|&q| q <= max_q_value);
        n.checked_sub(1).map(|last| self.chi_squares[last])
    }

    pub fn n_tested(&self) -> u64 {
        self.chi_squares.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(n_a: u64, n_b: u64, n_ab: u64, n_baskets: u64) -> PairTable {
        PairTable {
            n_a,
            n_b,
            n_ab,
            n_baskets,
        }
    }

    fn assert_close(got: f64, expected: f64, relative: f64) {
        let error = (got - expected).abs();
        assert!(error <= relative * expected.abs(), "{got:e} is not {expected:e}");
    }

    /// The strongest rule of the public Online Retail set as mlxtend 0.25.0 prints it.
    #[test]
    fn agrees_with_mlxtend() {
        let pair = table(126, 180, 110, 20_728);
        let back = pair.swapped();
        for (got, expected) in [
            (pair.support(), 0.005306831339251254),
            (pair.confidence(), 0.873015873015873),
            (back.confidence(), 0.611111111111111),
            (pair.lift(), 100.53262786596119),
            (pair.leverage(), 0.005254044184952187),
            (pair.conviction().unwrap(), 7.806614241605558),
            (back.conviction().unwrap(), 2.555797540938413),
            (pair.zhang(), 0.9961080565876217),
            (back.zhang(), 0.9987258215796273),
            (pair.jaccard(), 0.5612244897959183),
            (pair.kulczynski(), 0.7420634920634921),
            (pair.cosine(), 0.7304174834821294),
        ] {
            assert_close(got, expected, 2e-15);
        }
    }

    /// 10 baskets, a in 5, b in 4, both in 3: worked by hand.
    #[test]
    fn agrees_with_hand_work() {
        let pair = table(5, 4, 3, 10);
        assert_eq!(pair.excess(), 10);
        for (got, expected) in [
            (pair.support(), 0.3),
            (pair.confidence(), 0.6),
            (pair.swapped().confidence(), 0.75),
            (pair.lift(), 1.5),
            (pair.leverage(), 0.1),
            (pair.conviction().unwrap(), 1.5),
            (pair.swapped().conviction().unwrap(), 2.0),
            (pair.jaccard(), 0.5),
            (pair.imbalance_ratio(), 1.0 / 6.0),
            (pair.kulczynski(), 0.675),
            // 0.1 / max(0.3 * 0.5, 0.5 * 0.1) and 0.1 / max(0.3 * 0.6, 0.4 * 0.2)
            (pair.zhang(), 2.0 / 3.0),
            (pair.swapped().zhang(), 5.0 / 9.0),
            // 10 * (3*4 - 2*1)^2 / (5 * 5 * 4 * 6)
            (pair.chi_square(), 5.0 / 3.0),
        ] {
            assert_close(got, expected, 2e-15);
        }
    }

    #[test]
    fn chi_square_of_a_strong_pair() {
        // 40-digit arithmetic.
        assert_close(table(126, 180, 110, 20_728).chi_square(), 11_001.513_886_724_646, 2e-15);
    }

    #[test]
    fn a_pair_at_the_edge_of_the_table_has_no_nan_and_no_infinity() {
        for n_baskets in 1..6u64 {
            for n_a in 1..=n_baskets {
                for n_b in 1..=n_baskets {
                    let least = (n_a + n_b).saturating_sub(n_baskets).max(1);
                    for n_ab in least..=n_a.min(n_b) {
                        let pair = table(n_a, n_b, n_ab, n_baskets);
                        assert_eq!(pair.conviction().is_none(), n_ab == n_a);
                        assert!(pair.conviction().is_none_or(f64::is_finite));
                        assert!((-1.0..=1.0).contains(&pair.zhang()));
                        assert!((-0.25..=0.25).contains(&pair.leverage()));
                        assert!((0.0..=1.0).contains(&pair.imbalance_ratio()));
                        assert!((0.0..=1.0).contains(&p_value(pair.chi_square())));
                        assert_eq!(pair.lift() > 1.0, pair.excess() > 0);
                        if n_a == n_baskets || n_b == n_baskets {
                            assert_eq!((pair.chi_square(), pair.excess()), (0.0, 0));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_counts_stay_exact() {
        let n = u64::from(u32::MAX);
        let pair = table(n - 1, n - 1, n - 2, n);
        assert_eq!(pair.excess(), -1);
        assert_close(pair.leverage(), -1.0 / (n as f64 * n as f64), 1e-15);
        assert!(pair.chi_square().is_finite() && 0.0 < pair.chi_square());
    }

    /// 40-digit arithmetic: the tail keeps its digits where 1 - erf has none left.
    #[test]
    fn p_values_in_the_far_tail() {
        for (chi_square, expected) in [
            (3.841458820694124, 0.050_000_000_000_000_06),
            (50.0, 1.537_459_794_428_035e-12),
            (500.0, 9.505397766554092e-111),
            (1_000.0, 1.795_832_784_800_726_2e-219),
            (1_400.0, 2.101014516264217e-306),
        ] {
            // The rounding of the square root alone costs chi-square times half an epsilon.
            assert_close(p_value(chi_square), expected, 4e-16 + chi_square * f64::EPSILON);
        }
        assert!(0.0 < p_value(1_480.0));
        assert_eq!(p_value(0.0), 1.0);
        assert_eq!(p_value(1_500.0), 0.0);
    }

    fn statistic(p: f64) -> f64 {
        let (mut low, mut high) = (0.0, 100.0);
        while low < (low + high) / 2.0 && (low + high) / 2.0 < high {
            let middle = (low + high) / 2.0;
            if p_value(middle) < p {
                high = middle
            } else {
                low = middle
            }
        }
        low
    }

    /// Benjamini & Hochberg 1995, section 3.2: 15 p-values, the first four rejected at 0.05.
    #[test]
    fn q_values_of_the_published_example() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        let q = [
            0.0015,
            0.003,
            0.0095,
            0.035625,
            0.0603,
            0.0298 * 15.0 / 7.0,
            0.0298 * 15.0 / 7.0,
            0.0645,
            0.0765,
            0.486,
            0.4262 * 15.0 / 11.0,
            0.714875,
            0.6528 * 15.0 / 13.0,
            0.7590 * 15.0 / 14.0,
            1.0,
        ];
        let chi_squares: Vec<f64> = p.iter().map(|&p| statistic(p)).collect();
        let backwards: Vec<f64> = chi_squares.iter().rev().copied().collect();
        let discovery = FalseDiscovery::new(backwards);
        for (&chi_square, &expected) in chi_squares.iter().zip(&q) {
            assert_close(discovery.q_value(chi_square), expected, 1e-12);
        }
        assert_eq!(discovery.weakest(0.05), Some(chi_squares[3]));
        assert_eq!(discovery.weakest(0.001), None);
        assert_eq!(discovery.n_tested(), 15);
    }

    #[test]
    fn equal_statistics_have_equal_q_values() {
        let discovery = FalseDiscovery::new(vec![4.0, 9.0, 4.0, 1.0, 4.0]);
        assert_close(discovery.q_value(4.0), p_value(4.0) * 5.0 / 4.0, 1e-15);
        assert_eq!(discovery.weakest(discovery.q_value(4.0)), Some(4.0));
        assert_eq!(FalseDiscovery::new(Vec::new()).weakest(1.0), None);
    }
}
