//! The silence after the last order: how likely it is that the customer left in it, against having stayed.
//!
//! In: parameters (r, alpha, s, beta) and a history. Out: the log-odds of having left, and the moments that the
//! derivatives of the likelihood need. Cost: one integral, three elementary functions a point.
//!
//! # Formula
//! With R = r + x, A = alpha + t_x, B = beta + t_x and D = T − t_x, time w after the last order,
//!
//! odds = (1 + D/A)^R (1 + D/B)^s s/B J,  J = ∫₀^D (1 + w/A)^−R (1 + w/B)^−(s+1) dw.
//!
//! With S the smaller of A and B and w = S (e^y − 1) the integrand is log-concave in y, and analytic within π of the
//! real axis whatever the parameters are.

use super::super::histories::History;
use super::super::quadrature::integrate;

/// e^600: ratios of times beyond this are not told apart.
const LARGEST_RANGE: f64 = 600.0;

/// A history's silence under given parameters.
pub struct Silence {
    /// r + x.
    pub orders: f64,
    /// alpha + t_x.
    pub alpha_at_last: f64,
    /// beta + t_x.
    pub beta_at_last: f64,
    /// T − t_x.
    pub length: f64,
    /// ln (1 + D/A) and ln (1 + D/B).
    pub ln_growth: [f64; 2],
    s: f64,
}

/// Means over the time w at which a customer who left did so; the order is (ln(1 + w/A), w/(A+w), ln(1 + w/B),
/// w/(B+w)).
#[derive(Clone, Copy, Default)]
pub struct Moments {
    pub first: [f64; 4],
    pub second: [[f64; 4]; 4],
}

impl Silence {
    pub fn of([r, alpha, s, beta]: [f64; 4], h: &History) -> Self {
        let (alpha_at_last, beta_at_last) = (alpha + h.t_x, beta + h.t_x);
        let length = h.age - h.t_x;
        Self {
            orders: r + f64::from(h.x),
            alpha_at_last,
            beta_at_last,
            length,
            ln_growth: [(length / alpha_at_last).ln_1p(), (length / beta_at_last).ln_1p()],
            s,
        }
    }

    /// ln s/B J; −∞ if there is no silence.
    pub fn ln_left(&self) -> f64 {
        self.ln_scaled(self.walk(|_, _, _, _, _| {}))
    }

    /// ln of the odds of having left.
    pub fn ln_odds(&self) -> f64 {
        self.ln_left() + self.ln_growth_of_odds()
    }

    /// What `ln_left` is increased by to have the odds.
    pub fn ln_growth_of_odds(&self) -> f64 {
        self.orders * self.ln_growth[0] + self.s * self.ln_growth[1]
    }

    /// [`Self::ln_left`] and the moments.
    pub fn with_moments(&self) -> (f64, Moments) {
        let mut sum = Moments::default();
        let total = self.walk(|weight, ln_near, near, ln_far, far| {
            let values = [ln_near, near, ln_far, far];
            for (i, value) in values.into_iter().enumerate() {
                let part = weight * value;
                sum.first[i] += part;
                for (cell, other) in sum.second[i].iter_mut().zip(values) {
                    *cell += part * other;
                }
            }
        });
        let place: [usize; 4] = if self.alpha_is_near() {
            [0, 1, 2, 3]
        } else {
            [2, 3, 0, 1]
        };
        let mut moments = Moments::default();
        for i in 0..4 {
            moments.first[i] = sum.first[place[i]] / total;
            for j in 0..4 {
                moments.second[i][j] = sum.second[place[i]][place[j]] / total;
            }
        }
        (self.ln_scaled(total), moments)
    }

    fn alpha_is_near(&self) -> bool {
        self.alpha_at_last <= self.beta_at_last
    }

    fn ln_scaled(&self, integral: f64) -> f64 {
        let scale = self.alpha_at_last.min(self.beta_at_last) / self.beta_at_last;
        self.s.ln() + scale.ln() + integral.ln()
    }

    /// J/S. `visit` gets the weight and, for the nearer and the farther scale, ln(1 + w/scale) and w/(scale + w).
    fn walk(&self, mut visit: impl FnMut(f64, f64, f64, f64, f64)) -> f64 {
        if self.length <= 0.0 {
            return 0.0;
        }
        let (a, b) = (self.alpha_at_last, self.beta_at_last);
        let (ratio, near_power, far_power, end) = if self.alpha_is_near() {
            (a / b, self.orders - 1.0, self.s + 1.0, self.ln_growth[0])
        } else {
            (b / a, self.s, self.orders, self.ln_growth[1])
        };
        let steepness = |y: f64| {
            let grown = ratio * y.exp();
            near_power + far_power * grown / (1.0 + (grown - ratio))
        };
        integrate(end.min(LARGEST_RANGE), steepness, |y, width| {
            let near = y.exp_m1();
            let far = ratio * near;
            let ln_far = far.ln_1p();
            let weight = width * (-near_power * y - far_power * ln_far).exp();
            visit(weight, y, near / (1.0 + near), ln_far, far / (1.0 + far));
            weight
        })
    }
}
