//! Future orders of a customer who is still alive, when the order rate is gamma distributed and every order
//! ends the relation with a beta distributed probability. BG/NBD and MBG/NBD share it.
//!
//! In: the posterior (rate ~ Gamma(shape, rate `exposure`), dropout ~ Beta(a, b)) and a length of time.
//! Out: the expected orders and the distribution of their number. Cost: O(expected orders + 40) per customer
//! for all horizons together; O(1,000) when a horizon is a hundred times the exposure.
//!
//! # Formula
//! Let K be the orders that would be made if nobody ever dropped out: negative binomial with
//! P(K = k) = Γ(R+k)/(Γ(R) k!) (1−z)^R z^k, z = t/(A+t), R the shape and A the exposure. Order i + 1 is made if
//! K > i and the customer survived i chances to drop out, and the two are independent, so
//!
//! P(N > i) = P(K > i) B(a, b+i)/B(a, b),  E\[N\] = Σ P(N > i).
//!
//! This is the series form of the expression with ₂F₁ over (a − 1) of Fader, Hardie and Lee (2005), equation
//! (10): expand ₂F₁ by Euler's transformation and collect. All terms are positive, so nothing cancels; a = 1 is
//! no special point, and b may be 1e12.

use super::means::{Chance, beta_mean};
use super::stages::Renewal;

/// Horizons that are summed together; the compiler makes vector instructions of them.
const LANES: usize = 8;

/// Above this the first probability of the series underflows or the series is long: integrate instead.
const LONGEST_SERIES: f64 = 4096.0;
const DEEPEST_EXPONENT: f64 = 600.0;

/// What is known of an alive customer's rate and dropout probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// Shape of the gamma distribution of the rate, r + x.
    pub shape: f64,
    /// Its rate parameter, alpha + T, in units of time.
    pub exposure: f64,
    /// Beta distribution of the dropout probability at the next order.
    pub a: f64,
    pub b: f64,
}

impl Posterior {
    /// Expected orders within each of `horizons` (ascending), written to `out`, which is as long.
    pub fn expected_orders(&self, horizons: &[f64], out: &mut [f64]) {
        for (lanes, out) in horizons.chunks(LANES).zip(out.chunks_mut(LANES)) {
            let longest = lanes.iter().fold(0.0, |m: f64, t| m.max(*t));
            if self.series_is_long(longest) {
                for (t, out) in lanes.iter().zip(out) {
                    *out = if self.series_is_long(*t) {
                        self.integrate(*t / self.exposure)
                    } else {
                        self.sum_series(&[*t])[0]
                    };
                }
            } else {
                out.copy_from_slice(&self.sum_series(lanes)[..lanes.len()]);
            }
        }
    }

    fn series_is_long(&self, t: f64) -> bool {
        let u = t / self.exposure;
        let mean = self.shape * u;
        let terms = mean + 9.0 * (mean * (1.0 + u)).sqrt() + 40.0 * (1.0 + u);
        let short = terms <= LONGEST_SERIES && self.shape * u.ln_1p() <= DEEPEST_EXPONENT;
        !short
    }

    fn sum_series(&self, horizons: &[f64]) -> [f64; LANES] {
        let mut z = [0.0; LANES];
        let mut probability = [0.0; LANES];
        let mut tail = [0.0; LANES];
        let mut longest = 0;
        for (lane, t) in horizons.iter().enumerate() {
            let u = t / self.exposure;
            let ln_none = -self.shape * u.ln_1p();
            z[lane] = u / (1.0 + u);
            probability[lane] = ln_none.exp();
            tail[lane] = -ln_none.exp_m1();
            if z[longest] < z[lane] {
                longest = lane;
            }
        }
        let mut survival = 1.0;
        let mut expected = [0.0; LANES];
        let mut i = 0.0;
        for _ in 0..2 * LONGEST_SERIES as u32 {
            let growth = (self.shape + i) / (i + 1.0);
            for lane in 0..LANES {
                expected[lane] += tail[lane] * survival;
                probability[lane] *= z[lane] * growth;
                // Rounding may leave a tail of -1e-17 where the true one is 1e-30.
                tail[lane] = (tail[lane] - probability[lane]).max(0.0);
            }
            survival *= (self.b + i) / (self.a + self.b + i);
            i += 1.0;
            // A longer horizon has the heavier tail, so what is left of its series bounds the others'. Bounded by
            // probabilities, not by `tail`, whose last digits are rounding.
            let ratio = (z[longest] * growth).max(z[longest]);
            if ratio < 1.0 {
                let left = survival * probability[longest] / ((1.0 - ratio) * (1.0 - ratio));
                if left <= 1e-16 * expected[longest] {
                    break;
                }
            }
        }
        expected
    }

    /// E(N) = E over p of (1 − (1 + pu)^−R) / p, with u = t/A: a smooth, bounded function of p.
    fn integrate(&self, u: f64) -> f64 {
        beta_mean(self.a, self.b, 1e-30, |Chance { p, .. }| {
            if p * u * (self.shape + 1.0) < 1e-18 {
                self.shape * u
            } else {
                -(-self.shape * (p * u).ln_1p()).exp_m1() / p
            }
        })
    }

    /// The same customer for [`Renewal`].
    fn renewal(&self) -> Renewal {
        Renewal {
            k: 1,
            shape: self.shape,
            exposure: self.exposure,
            silence: 0.0,
            a: self.a,
            b: self.b,
        }
    }

    /// P(N > i) for i = 0, 1, … while it is above `least`, at most `max_len` numbers.
    pub fn order_tail(&self, t: f64, least: f64, max_len: usize) -> Vec<f64> {
        self.renewal().order_tail(t, least, max_len)
    }

    /// P(N = i) for i = 0 … `out.len()` − 1.
    pub fn order_probs(&self, t: f64, out: &mut [f64]) {
        self.renewal().order_probs(t, out);
    }

    /// Probability that the customer is still there after `t`.
    pub fn survival(&self, t: f64) -> f64 {
        self.renewal().survival(t)
    }

    /// Expected orders to infinity, discounted by exp(−rate t).
    pub fn residual_orders(&self, rate: f64) -> f64 {
        self.renewal().residual_orders(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(shape: f64, exposure: f64, a: f64, b: f64, t: f64) -> f64 {
        let mut out = [0.0];
        Posterior { shape, exposure, a, b }.expected_orders(&[t], &mut out);
        out[0]
    }

    /// (shape, exposure, a, b, t, value): 60-digit evaluations of the closed form with 2F1 (mpmath).
    const PRECISE: [(f64, f64, f64, f64, f64, f64); 16] = [
        (2.2426, 43.27, 0.7929, 4.4259, 39.0, 1.6872910291665745),
        (26.2426, 35.41, 0.7929, 28.4259, 52.0, 26.587588582044795),
        (0.2426, 4.4136, 0.7929, 2.4259, 52.0, 1.4440599948982364),
        (0.2426, 4.4136, 1.000001, 2.4259, 52.0, 1.288166126211584),
        (221.5143, 106.45, 0.2856, 235.1, 52.0, 102.19749339719836),
        (1000.5, 300.0, 0.0034, 1007.0, 365.0, 1215.4211157260835),
        (5000.5, 300.0, 0.6, 5003.0, 365.0, 4687.4599990388413),
        (20000.2, 100.0, 1.7, 3.0, 400.0, 5.281_639_386_155_779),
        (0.5, 0.001, 0.6, 1.3, 365.0, 268.87205777589735),
        (3.3, 0.05, 0.01, 200.0, 365.0, 23150.283756685205),
        (150.8, 400.0, 0.0019, 1200000.0, 365.0, 137.60498491086424),
        (40.0, 300.0, 100000.0, 1000000.0, 365.0, 10.834506645463077),
        (7.3, 500.0, 1e-09, 1000000.0, 180.0, 2.627999999999996),
        (2000.0, 10.0, 0.05, 0.4, 90.0, 10300.378622972071),
        (0.05, 0.01, 3.0, 0.02, 3650.0, 0.477_291_723_061_674_2),
        (1.4, 20000000.0, 0.9, 1.1, 30000000.0, 1.2501339581443838),
    ];

    #[test]
    fn agrees_with_high_precision_integration() {
        for (shape, exposure, a, b, t, want) in PRECISE {
            let got = expected(shape, exposure, a, b, t);
            assert!(
                (got - want).abs() <= 2e-12 * want,
                "{shape} {exposure} {a} {b} {t}: {got} {want}"
            );
        }
    }

    #[test]
    fn series_and_integral_agree_where_both_apply() {
        for shape in [0.2, 3.0, 90.0] {
            for u in [0.01, 0.7, 5.0] {
                for (a, b) in [
                    (0.003, 6.7),
                    (0.8, 2.4),
                    (1.0, 0.3),
                    (40.0, 1e6),
                    (1e5, 1e5),
                    (1e-9, 1e6),
                ] {
                    let p = Posterior {
                        shape,
                        exposure: 1.0,
                        a,
                        b,
                    };
                    let (sum, integral) = (p.sum_series(&[u])[0], p.integrate(u));
                    assert!((sum - integral).abs() <= 1e-11 * sum, "{p:?} {u}: {sum:e} {integral:e}");
                }
            }
        }
    }

    #[test]
    fn is_continuous_through_a_equal_to_one() {
        let at = |a: f64| expected(2.2426, 43.27, a, 4.4259, 39.0);
        assert!((at(1.0 + 1e-9) - at(1.0)).abs() < 1e-8 && (at(1.0 - 1e-9) - at(1.0)).abs() < 1e-8);
        assert!(at(1.01) < at(1.0) && at(1.0) < at(0.99));
    }

    #[test]
    fn tail_sums_to_the_expectation() {
        let p = Posterior {
            shape: 26.24,
            exposure: 35.4,
            a: 0.79,
            b: 28.4,
        };
        let mut out = [0.0];
        p.expected_orders(&[52.0], &mut out);
        let tail = p.order_tail(52.0, 1e-14, 2000);
        assert!((tail.iter().sum::<f64>() - out[0]).abs() < 1e-10);
        assert!(tail.windows(2).all(|w| w[1] <= w[0]));
        assert_eq!(p.order_tail(52.0, 0.0, 3), tail[..3]);
    }
}
