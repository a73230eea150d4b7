//! Means over beta and gamma distributed quantities by the trapezoidal rule.
//!
//! In: the shape parameters. Out: points with weights, or the mean of a smooth function. Cost: 20 to 80 points a level
//! and two to four levels, more where a shape parameter is far below 1.
//!
//! # Formula
//! On the logit (beta) or the logarithm (gamma) y both densities have one peak, at c and about w wide. With
//! y = c + w sinh s the integrand falls doubly exponentially in s, and the trapezoidal rule in s gains digits in
//! proportion to the number of points (Takahasi and Mori 1974, *Double exponential formulas for numerical
//! integration*). The same points give the normalising constant, whose error then cancels.

/// A dropout probability with what the models need of it.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    pub p: f64,
    /// 1 − p, with all its digits.
    pub q: f64,
    /// −ln(1 − p), with all its digits.
    pub hazard: f64,
}

/// Smallest probability that is told from 0: its square still is a number.
const LEAST_CHANCE: f64 = 1e-150;

/// The distribution of y, relative to its peak.
struct Peak {
    centre: f64,
    width: f64,
}

impl Peak {
    fn at(&self, s: f64) -> (f64, f64) {
        let (up, down) = (s.exp(), (-s).exp());
        (self.centre + self.width * 0.5 * (up - down), 0.5 * (up + down))
    }
}

/// Beta(a, b) distributed chance at the logit y, and the logarithm of its density by y, up to a constant.
fn chance_at(a: f64, b: f64, y: f64) -> (Chance, f64) {
    // ln p = −ln(1+e^−y) and ln(1−p) = −ln(1+e^y), without overflow.
    let small = (-y.abs()).exp().ln_1p();
    let (ln_p, ln_q) = (-small + y.min(0.0), -small - y.max(0.0));
    let chance = Chance {
        p: ln_p.exp().max(LEAST_CHANCE),
        q: ln_q.exp(),
        hazard: (-ln_q).max(LEAST_CHANCE),
    };
    (chance, a * ln_p + b * ln_q)
}

fn beta_peak(a: f64, b: f64) -> Peak {
    Peak {
        centre: (a / b).ln(),
        width: ((a + b) / a / b).sqrt().min(1.0),
    }
}

/// Both directions end here at the latest: e^40 widths.
const FARTHEST: f64 = 40.0;

/// Levels of halved steps before the last estimate is taken.
const MOST_HALVINGS: u32 = 9;

/// Mean of `f` over Beta(a, b). Points whose weight is below `least` of the peak's are left out; take it small where
/// `f` has its bulk in the tail.
pub fn beta_mean(a: f64, b: f64, least: f64, f: impl Fn(&Chance) -> f64) -> f64 {
    let peak = beta_peak(a, b);
    let top = chance_at(a, b, peak.centre).1;
    let weighted = |s: f64| {
        let (y, stretch) = peak.at(s);
        let (chance, ln_density) = chance_at(a, b, y);
        let weight = (ln_density - top).exp() * stretch;
        (weight, weight * f(&chance))
    };
    let both_ways = |step: f64, first: u32, stride: u32| {
        let (mut weights, mut sum) = (0.0, 0.0);
        for sign in [1.0, -1.0] {
            let mut i = first;
            while f64::from(i) * step < FARTHEST {
                let (weight, part) = weighted(sign * f64::from(i) * step);
                weights += weight;
                sum += part;
                if weight < least {
                    break;
                }
                i += stride;
            }
        }
        (weights, sum)
    };
    let mut step = 0.25;
    let (mut weights, mut sum) = weighted(0.0);
    let (more_weights, more) = both_ways(step, 1, 1);
    weights += more_weights;
    sum += more;
    let mut mean = sum / weights;
    for _ in 0..MOST_HALVINGS {
        step *= 0.5;
        let (more_weights, more) = both_ways(step, 1, 2);
        weights += more_weights;
        sum += more;
        let finer = sum / weights;
        let change = (finer - mean).abs();
        mean = finer;
        if change <= 1e-13 * mean.abs() {
            break;
        }
    }
    mean
}

/// Points with weights that add up to 1, and the weights of every other point as a rule of twice the step: where the
/// two agree to d digits, the finer one is good to about 2 d.
#[derive(Clone, Debug)]
pub struct Rule<P> {
    pub points: Vec<P>,
    pub weights: Vec<f64>,
    pub coarse: Vec<f64>,
}

/// Points of Beta(a, b).
pub fn beta_rule(a: f64, b: f64, step: f64) -> Rule<Chance> {
    rule(&beta_peak(a, b), step, |y| chance_at(a, b, y))
}

/// Points of a distribution over positive numbers with density ∝ λ^shape e^−λ g(λ) by ln λ, where g is a slowly growing
/// factor that moves the mean to `mean`.
pub fn gamma_rule(shape: f64, mean: f64, step: f64, factor: impl Fn(f64) -> f64) -> Rule<f64> {
    let peak = Peak {
        centre: mean.ln(),
        width: (1.0 / mean.sqrt()).min(1.0),
    };
    rule(&peak, step, |y| {
        let rate = y.exp();
        // Far outside, where the factor might overflow, the density is 0 anyway.
        if rate < 4.0 * mean + 4096.0 {
            (rate, shape * y - rate + factor(rate).ln())
        } else {
            (rate, f64::NEG_INFINITY)
        }
    })
}

/// Weights below this share of the peak's are not worth a point.
const LEAST_WEIGHT: f64 = 1e-20;

fn rule<P: Copy>(peak: &Peak, step: f64, at: impl Fn(f64) -> (P, f64)) -> Rule<P> {
    let top = at(peak.centre).1;
    let mut out = Rule {
        points: Vec::new(),
        weights: Vec::new(),
        coarse: Vec::new(),
    };
    let (mut total, mut coarse_total) = (0.0, 0.0);
    for (sign, first) in [(1.0, 0_u32), (-1.0, 1)] {
        for i in first.. {
            let s = step * f64::from(i);
            let (y, stretch) = peak.at(sign * s);
            let (point, ln_density) = at(y);
            let weight = (ln_density - top).exp() * stretch;
            if !(LEAST_WEIGHT <= weight && s < FARTHEST) {
                break;
            }
            let coarse = if i % 2 == 0 { weight } else { 0.0 };
            total += weight;
            coarse_total += coarse;
            out.points.push(point);
            out.weights.push(weight);
            out.coarse.push(coarse);
        }
    }
    out.weights.iter_mut().for_each(|w| *w /= total);
    out.coarse.iter_mut().for_each(|w| *w /= coarse_total);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_beta_distribution() {
        for (a, b) in [
            (0.8, 2.4),
            (1e-3, 5.0),
            (3.0, 1e6),
            (1e5, 1e5),
            (40.0, 0.02),
            (0.003, 0.004),
        ] {
            let mean = beta_mean(a, b, 1e-30, |c| c.p);
            assert!((mean - a / (a + b)).abs() <= 1e-12 * mean, "{a} {b} {mean}");
            let second = beta_mean(a, b, 1e-30, |c| c.q * c.q);
            let want = b / (a + b) * (b + 1.0) / (a + b + 1.0);
            assert!((second - want).abs() <= 1e-12 * want, "{a} {b} {second}");
            let rule = beta_rule(a, b, 1.0 / 32.0);
            for (weights, tolerance) in [(&rule.weights, 1e-12), (&rule.coarse, 1e-6)] {
                let mean: f64 = rule.points.iter().zip(weights).map(|(c, w)| c.q * w).sum();
                let error = mean * (a + b) / b - 1.0;
                assert!(error.abs() <= tolerance, "{a} {b} {error:e}");
            }
        }
    }

    #[test]
    fn moments_of_the_gamma_distribution() {
        for shape in [0.05, 0.7, 3.0, 90.0, 1e5] {
            let rule = gamma_rule(shape, shape, 1.0 / 32.0, |_| 1.0);
            let mean: f64 = rule.points.iter().zip(&rule.weights).map(|(rate, w)| rate * w).sum();
            assert!((mean - shape).abs() <= 1e-11 * shape, "{shape} {mean}");
        }
    }
}
