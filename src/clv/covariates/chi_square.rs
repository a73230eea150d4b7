//! Tail probabilities of the chi-square and the normal distribution, for tests of coefficients.
//!
//! In: a statistic of zero or more and degrees of freedom. Out: the probability of a larger one, to about 1e-13
//! relative for any p above 1e-300; 0 below. Cost: at most some hundred terms.
//! Source: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.4.19.

use crate::clv::special::gamma_inc_reg;

/// P(chi-square with `degrees` of freedom > `statistic`).
pub fn chi_square_tail(statistic: f64, degrees: usize) -> f64 {
    if degrees == 0 {
        return if 0.0 < statistic { 0.0 } else { 1.0 };
    }
    if statistic.is_nan() || statistic <= 0.0 {
        return 1.0;
    }
    if !statistic.is_finite() {
        return 0.0;
    }
    gamma_inc_reg(0.5 * degrees as f64, 0.5 * statistic).upper
}

/// P(|Z| > |z|) for a standard normal Z.
pub fn two_sided_normal(z: f64) -> f64 {
    chi_square_tail(z * z, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_have_their_known_values() {
        // Even degrees: exp(−y) Σ yʲ/j!; one degree: mpmath, 30 digits.
        let even = |x: f64| (-0.5 * x).exp();
        let cases = [
            (3.0, 2, even(3.0)),
            (0.01, 2, even(0.01)),
            (700.0, 2, even(700.0)),
            (7.0, 4, even(7.0) * (1.0 + 3.5)),
            (12.0, 6, even(12.0) * (1.0 + 6.0 + 18.0)),
            (3.841_458_820_694_124, 1, 0.05),
            (1.0, 1, 0.317_310_507_862_914_1),
            (40.0, 1, 2.539_628_589_470_865e-10),
            (1.0, 3, 0.801_251_956_901_200_8),
            (25.0, 11, 0.009_116_681_125_526_987),
        ];
        for (x, degrees, want) in cases {
            let got = chi_square_tail(x, degrees);
            assert!((got - want).abs() <= 2e-13 * want, "{x} {degrees}: {got:e} {want:e}");
        }
        assert!((two_sided_normal(-1.959_963_984_540_054) - 0.05).abs() < 1e-14);
    }

    #[test]
    fn no_statistic_leaves_the_unit_interval() {
        for degrees in [0, 1, 2, 7, 60] {
            let mut last = 1.0;
            for x in [
                f64::NAN,
                -1.0,
                0.0,
                1e-300,
                1e-3,
                1.0,
                59.0,
                63.0,
                1e4,
                f64::MAX,
                f64::INFINITY,
            ] {
                let p = chi_square_tail(x, degrees);
                assert!((0.0..=1.0).contains(&p) && p <= last, "{x} {degrees}: {p}");
                last = p;
            }
        }
    }
}
