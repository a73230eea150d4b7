//! What a customer who is still there will do: P(still there later), expected orders, their distribution.
//!
//! In: what the history tells of the two rates, rate ~ Gamma(R, A), leaving ~ Gamma(s, B), with R = r + x,
//! A = alpha + T and B = beta + T. Out: numbers given that the customer is alive. Cost: an elementary function or
//! two; for the distribution, 16 to a few hundred points and one multiplication per point and number of orders.
//!
//! # Formula
//! P(there after t) = (B/(B+t))^s. Expected orders in t: R/A ∫₀^t (B/(B+u))^s du, Fader and Hardie (2005), which is
//! R/A B (e^((1−s) L) − 1)/(1−s) with L = ln(1 + t/B), and s = 1 is no special point. Discounted to infinity:
//! R/A ∫₀^∞ e^(−rate u) (B/(B+u))^s du, the confluent hypergeometric of Fader, Hardie and Lee (2005).
//!
//! P(N > i) = ∫₀^t Γ(R+i+1)/(Γ(R) i!) A^R u^i/(A+u)^(R+i+1) (B/(B+u))^s du: order i + 1 falls at u, and the customer is
//! still there. With u = A sinh² θ the density of θ is 2 Γ(R+i+1)/(Γ(R) i!) tanh^(2i+1) θ cosh^(−2R) θ, whose width
//! 1/(2√R) is the same for every i, so that one set of points serves them all, and each density follows from the one
//! before by a multiplication.

use super::super::histories::History;
use super::super::quadrature::{self, integrate};

/// What is known of a customer who is alive at the end of observation.
pub struct Future {
    /// r + x.
    shape: f64,
    /// alpha + T.
    exposure: f64,
    s: f64,
    /// beta + T.
    lifetime: f64,
}

/// Panels of the distribution of orders, in units of the narrowest thing in them.
const PANEL_IN_WIDTHS: f64 = 3.0;

/// Longest panel in θ, and the largest in units of the distance to the nearest singularity.
const LONGEST_PANEL: f64 = 0.8;
const PANEL_IN_DISTANCES: f64 = 1.2;

/// Largest fall of the logarithm of the survival on a panel.
const LARGEST_FALL: f64 = 6.0;

/// exp(−this) of the customers need not be followed.
const GONE: f64 = 60.0;

/// exp of less is next to nothing.
const ASLEEP_BELOW: f64 = -640.0;

/// One point of the distribution of orders.
struct Point {
    /// Its part of P(N > i), 0 while `ln` is too low for it.
    value: f64,
    ln: f64,
    /// tanh² θ, and its logarithm.
    growth: f64,
    ln_growth: f64,
}

impl Future {
    pub fn of(params: &[f64], h: &History) -> Self {
        let param = |i: usize| params.get(i).copied().unwrap_or(f64::NAN);
        Self {
            shape: param(0) + f64::from(h.x),
            exposure: param(1) + h.age,
            s: param(2),
            lifetime: param(3) + h.age,
        }
    }

    pub fn survival(&self, ahead: f64) -> f64 {
        (-self.s * (ahead / self.lifetime).ln_1p()).exp()
    }

    pub fn expected_orders(&self, horizon: f64) -> f64 {
        let ln_growth = (horizon / self.lifetime).ln_1p();
        let z = (self.s - 1.0) * ln_growth;
        let mean = if z.abs() < 1e-300 { 1.0 } else { -(-z).exp_m1() / z };
        let time = (self.lifetime * ln_growth * mean).min(horizon);
        self.shape / self.exposure * time
    }

    /// With u = B (e^y − 1), ∫ exp(−(s−1) y − rate B (e^y − 1)) dy.
    pub fn residual_orders(&self, rate: f64) -> f64 {
        let (power, z) = (self.s - 1.0, rate * self.lifetime);
        let integral = integrate(
            f64::INFINITY,
            |y| power + z * y.exp(),
            |y, width| width * (-power * y - z * y.exp_m1()).exp(),
        );
        // In time, no more than without leaving.
        self.shape / self.exposure * (self.lifetime * integral).min(1.0 / rate)
    }

    /// P(N > i) for i = 0, 1, … while it is above `least`, at most `max_len` numbers.
    pub fn order_tail(&self, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        let mut out = Vec::new();
        if max_len == 0 || horizon <= 0.0 {
            return out;
        }
        let mut points = self.points(horizon, max_len);
        let mut last = 1.0;
        let mut i = 0.0;
        while out.len() < max_len {
            let sum: f64 = points.iter().map(|p| p.value).sum();
            let probability = sum.min(last);
            if probability <= least {
                break;
            }
            out.push(probability);
            last = probability;
            i += 1.0;
            let common = (self.shape + i) / i;
            let ln_common = common.ln();
            for p in &mut points {
                p.ln += p.ln_growth + ln_common;
                if 0.0 < p.value {
                    p.value *= p.growth * common;
                } else if ASLEEP_BELOW < p.ln {
                    p.value = p.ln.exp();
                }
            }
        }
        out
    }

    /// Points up to `horizon` with the density of the first order, for `n` orders.
    fn points(&self, horizon: f64, n: usize) -> Vec<Point> {
        let (r, s) = (self.shape, self.s);
        // Beyond this no more than n orders have long been exceeded.
        let far = (n as f64 / r).sqrt().asinh() + 20.0 / r.min(r.sqrt());
        let end = (horizon / self.exposure).sqrt().asinh().min(far);
        let ratio = self.exposure / self.lifetime;
        let steepness = |theta: f64| {
            let sinh = theta.sinh();
            s * ratio * (2.0 * theta).sinh() / (1.0 + ratio * sinh * sinh)
        };
        // The survival is singular where sinh² θ = −B/A.
        let singularity = (1.0 / ratio).sqrt().min(1.0).asin();
        let narrow = (PANEL_IN_WIDTHS / (2.0 * (r + 1.0)).sqrt()).min(LONGEST_PANEL);
        let mut points = Vec::new();
        let mut theta = 0.0;
        while theta < end {
            let longest = narrow.min(PANEL_IN_DISTANCES * (singularity + 0.5 * theta));
            let fall = longest * steepness(theta + longest);
            let length = (longest / (fall / LARGEST_FALL).sqrt().max(1.0)).min(end - theta);
            for (share, weight) in quadrature::POINTS_16 {
                let square = (theta + share * length).sinh().powi(2);
                let growth = square / (1.0 + square);
                let ln_growth = -(1.0 / square).ln_1p();
                let ln = (2.0 * r * length * weight).ln() + 0.5 * ln_growth
                    - r * square.ln_1p()
                    - s * (ratio * square).ln_1p();
                points.push(Point {
                    value: if ASLEEP_BELOW < ln { ln.exp() } else { 0.0 },
                    ln,
                    growth,
                    ln_growth,
                });
            }
            theta += length;
            if s * (ratio * theta.sinh().powi(2)).ln_1p() > GONE {
                break;
            }
        }
        points
    }
}
