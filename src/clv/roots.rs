//! The number of orders M that would be made if nobody dropped out, through its generating function: what `stages` uses
//! where its sums are long.
//!
//! In: what is known of a customer ([`Renewal`]), a length of time, and a dropout probability. Out: E\[η^M\] and
//! E\[1 − η^M\]/p, η = 1 − p, to 1e-15 absolutely. Cost: k/2 complex powers.
//!
//! # Formula
//! M = ⌊J/k⌋ for J stages, whose generating function is G(x) = Σ_j w_j x^j (1 + u(1−x))^−(R+j). Taking J modulo k out by
//! roots of unity, x_l = η^(1/k) e^(2πi l/k),
//!
//! E\[η^M\] = p/(kη) Σ_{l<k} G(x_l) x_l/(1 − x_l).
//!
//! The term l = 0 holds what cancels in 1 − E\[η^M\] for small p and is written with expm1; the others are small there.

use super::means::Chance;
use super::stages::{MOST_STAGES, Renewal, StageSeries, stage_weights};

/// The number of orders M that would be made within u exposures if nobody dropped out, through its generating
/// function.
pub(super) struct Orders {
    k: usize,
    shape: f64,
    u: f64,
    /// Probabilities of the stages passed before.
    stages: [f64; MOST_STAGES],
    /// P(M = n) for the first few n.
    few: [f64; FEW],
}

/// Orders that somebody with a dropout probability above 1 − [`LEAST_LOYALTY`] can be expected to survive.
const FEW: usize = 9;
const LEAST_LOYALTY: f64 = 0.01;

impl Orders {
    pub(super) fn new(renewal: &Renewal, u: f64) -> Self {
        let (mut stages, sum) = stage_weights(renewal.shape, renewal.v(), renewal.k);
        stages.iter_mut().for_each(|w| *w /= sum);
        let mut few = [0.0; FEW];
        let mut series = StageSeries::new(renewal, u);
        for probability in &mut few {
            let scale = series.ln_scale.exp();
            *probability = series.next_order().0 * scale;
            series.rescale();
        }
        Self {
            k: renewal.k,
            shape: renewal.shape,
            u,
            stages,
            few,
        }
    }

    /// E\[η^M\].
    pub(super) fn survival(&self, chance: &Chance) -> f64 {
        if chance.q < LEAST_LOYALTY {
            return self.few.iter().rev().fold(0.0, |sum, p| sum * chance.q + p);
        }
        let (missing, rise, others) = self.by_roots(chance);
        (1.0 + rise) * (1.0 - missing) + chance.p / chance.q * others
    }

    /// E\[1 − η^M\]/p.
    pub(super) fn expected(&self, chance: &Chance) -> f64 {
        if chance.q < LEAST_LOYALTY {
            return (1.0 - self.survival(chance)) / chance.p;
        }
        let (missing, rise, others) = self.by_roots(chance);
        (missing - (1.0 - missing) * rise) / chance.p - others / chance.q
    }

    /// 1 − G(y) with y = η^(1/k); by how much the mean of y^−c over c = 0 .. k−1 exceeds 1; and the mean of
    /// G(x) x/(1−x) over the other roots of η, counted as one k-th each.
    fn by_roots(&self, chance: &Chance) -> (f64, f64, f64) {
        let k = self.k as f64;
        let h = chance.hazard / k;
        let step = -(-h).exp_m1();
        let ln_growth = (self.u * step).ln_1p();
        let stages = || (0_u32..).map(f64::from).zip(&self.stages[..self.k]);
        let missing: f64 = stages()
            .map(|(j, w)| -w * (-(self.shape + j) * ln_growth - j * h).exp_m1())
            .sum();
        let rise = stages().map(|(c, _)| (c * h).exp_m1()).sum::<f64>() / k;
        let others: f64 = (1..=self.k / 2)
            .map(|l| {
                let pair = if 2 * l == self.k { 1.0 } else { 2.0 };
                pair * self.at_root(h, std::f64::consts::TAU * l as f64 / k)
            })
            .sum();
        (missing, rise, others / k)
    }

    /// Real part of G(x) x/(1−x) at x = e^(−h + i angle).
    fn at_root(&self, h: f64, angle: f64) -> f64 {
        let y = (-h).exp();
        let x = Complex(y * angle.cos(), y * angle.sin());
        // 1 − x, without cancellation near 1.
        let below = Complex(-(-h).exp_m1() + 2.0 * y * (0.5 * angle).sin().powi(2), -x.1);
        let d = Complex(1.0 + self.u * below.0, self.u * below.1);
        let ratio = x.over(d);
        let sum = self.stages[..self.k].iter().rev().fold(Complex(0.0, 0.0), |sum, w| {
            let next = sum.times(ratio);
            Complex(next.0 + w, next.1)
        });
        let size = (-self.shape * d.0.hypot(d.1).ln()).exp();
        let turn = -self.shape * d.1.atan2(d.0);
        let power = Complex(size * turn.cos(), size * turn.sin());
        power.times(sum).times(x.over(below)).0
    }
}

#[derive(Clone, Copy)]
struct Complex(f64, f64);

impl Complex {
    fn times(self, other: Self) -> Self {
        Self(self.0 * other.0 - self.1 * other.1, self.0 * other.1 + self.1 * other.0)
    }

    fn over(self, other: Self) -> Self {
        let size = other.0 * other.0 + other.1 * other.1;
        let product = self.times(Self(other.0, -other.1));
        Self(product.0 / size, product.1 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::super::means::beta_mean;
    use super::*;

    #[test]
    fn series_and_roots_of_unity_agree_where_both_apply() {
        for k in [1, 2, 3, 5, 8, 12] {
            for (shape, v) in [(0.2, 0.0), (0.2, 0.9), (7.0, 0.3), (300.0, 0.01), (300.0, 0.2)] {
                for u in [0.5, 7.0, 40.0] {
                    for (a, b) in [
                        (0.003, 6.7),
                        (0.8, 0.3),
                        (1.0, 12.0),
                        (40.0, 1e6),
                        (1e5, 1e5),
                        (1e-9, 1e6),
                    ] {
                        let r = Renewal {
                            k,
                            shape,
                            exposure: 1.0,
                            silence: v,
                            a,
                            b,
                        };
                        let orders = Orders::new(&r, u);
                        let (sum, integral) = (
                            r.sum(u, |made, survival| (made, survival)),
                            beta_mean(a, b, 1e-30, |c| orders.expected(c)),
                        );
                        assert!(
                            (sum - integral).abs() <= 1e-9 * sum + 1e-14,
                            "{r:?} {u}: {sum:e} {integral:e}"
                        );
                        let (sum, integral) = (
                            r.sum(u, |_, survival| (survival, 0.0)),
                            beta_mean(a, b, 1e-250, |c| orders.survival(c)),
                        );
                        assert!(
                            (sum - integral).abs() <= 1e-9 * sum + 1e-14,
                            "{r:?} {u}: {sum:e} {integral:e}"
                        );
                    }
                }
            }
        }
    }
}
