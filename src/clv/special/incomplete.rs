//! The regularised incomplete gamma and beta functions: both tails of the gamma and beta distributions.
//!
//! In: positive shapes of any size and a point. Out: the lower and the upper tail, each to about 1e-14 relative
//! (times the size of the exponent where a tail is tiny), so that neither is one minus the other where that has no
//! digits. Cost: one or two integrals of about 60 points.
//!
//! # Formula
//! A tail is the density's kernel at the point times the integral of its decline from there: with t = x e^−y
//! (or e^y), Γ(a) P(a, x) = x^a e^−x ∫₀^∞ exp(x (1 − e^−y) − a y) dy; with t/(1−t) = e^−y x/(1−x),
//! B(a, b) I_x(a, b) = x^a (1−x)^b ∫₀^∞ exp(−a y − (a+b) ln(1 − x + x e^−y)) dy. Both integrands are log-concave.
//! The kernel at the point is taken by its distance from the mean (Loader 2000, *Fast and Accurate Computation of
//! Binomial Probabilities*), since for shapes of a million its factors have no digits left.
//!
//! # Check
//! `special::tests` hold both functions against arbitrary precision.

use super::super::quadrature::integrate;
use super::{ln_beta, ln_gamma, stirling_rest};

/// Both tails of a distribution; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// Up to the point.
    pub lower: f64,
    /// From the point on.
    pub upper: f64,
}

impl Tails {
    const BEFORE: Self = Self { lower: 0.0, upper: 1.0 };
    const AFTER: Self = Self { lower: 1.0, upper: 0.0 };

    /// The tail computed first is exact; the other is its complement where that keeps the digits.
    fn of_lower(lower: f64, upper: impl Fn() -> f64) -> Self {
        let lower = lower.clamp(0.0, 1.0);
        let upper = if lower < KEEPS_DIGITS { 1.0 - lower } else { upper() };
        Self {
            lower,
            upper: upper.clamp(0.0, 1.0),
        }
    }

    fn swapped(self) -> Self {
        Self {
            lower: self.upper,
            upper: self.lower,
        }
    }
}

const KEEPS_DIGITS: f64 = 0.7;

/// From here on ln-gamma is Stirling's series.
const LARGE: f64 = 10.0;

/// e^−42 is nothing beside 1.
const NOTHING: f64 = 42.0;

/// P(a, x) and Q(a, x), for positive a: the tails at x of a gamma distribution of shape a and unit rate.
pub fn gamma_inc_reg(a: f64, x: f64) -> Tails {
    if x <= 0.0 {
        return Tails::BEFORE;
    }
    if x == f64::INFINITY {
        return Tails::AFTER;
    }
    let lower = || {
        // Where x e^−y is nothing, the rest of the integral is that of an exponential.
        let end = (x.ln() + NOTHING).max(0.0);
        let integral = integrate(
            end,
            |y| a - x * (-y).exp(),
            |y, width| width * (-x * (-y).exp_m1() - a * y).exp(),
        );
        gamma_kernel(a, x, integral) + gamma_kernel(a, x, (x - a * end).exp() / a)
    };
    let upper = || {
        let integral = integrate(
            f64::INFINITY,
            |y| x * y.exp() - a,
            |y, width| width * (a * y - x * y.exp_m1()).exp(),
        );
        gamma_kernel(a, x, integral)
    };
    if x < a {
        Tails::of_lower(lower(), upper)
    } else {
        Tails::of_lower(upper(), lower).swapped()
    }
}

/// x^a e^−x / Γ(a) times `factor`.
fn gamma_kernel(a: f64, x: f64, factor: f64) -> f64 {
    if factor <= 0.0 {
        0.0
    } else if LARGE <= a {
        let ln = -stirling_rest(a) - a * shortfall((x - a) / a, x / a);
        (a / std::f64::consts::TAU).sqrt() * factor * ln.exp()
    } else {
        a * factor * (a * x.ln() - x - ln_gamma(1.0 + a)).exp()
    }
}

/// I_x(a, b) and 1 − I_x(a, b), for positive a and b: the tails at x of a beta distribution.
pub fn beta_inc_reg(a: f64, b: f64, x: f64) -> Tails {
    if x <= 0.0 {
        return Tails::BEFORE;
    }
    if 1.0 <= x {
        return Tails::AFTER;
    }
    let y = 1.0 - x;
    if x * b < y * a {
        Tails::of_lower(beta_lower(a, b, x, y), || beta_lower(b, a, y, x))
    } else {
        Tails::of_lower(beta_lower(b, a, y, x), || beta_lower(a, b, x, y)).swapped()
    }
}

/// I_x(a, b), y = 1 − x, of which the smaller has all its digits.
fn beta_lower(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let (ln_x, ln_y) = if x < y {
        (x.ln(), (-x).ln_1p())
    } else {
        ((-y).ln_1p(), y.ln())
    };
    let end = (ln_x - ln_y + (1.0 + n).ln() + NOTHING).max(0.0);
    let integral = integrate(
        end,
        |v| {
            let rest = x * (-v).exp();
            a - n * rest / (y + rest)
        },
        |v, width| {
            // One function in three forms, each where it cancels nothing.
            let (change, grown) = (x * (-v).exp_m1(), y * v.exp_m1());
            let exponent = if -0.5 < change {
                -a * v - n * change.ln_1p()
            } else if grown < 1.0 {
                b * v - n * grown.ln_1p()
            } else {
                -a * v - n * (y + x * (-v).exp()).ln()
            };
            width * exponent.exp()
        },
    );
    let ln_kernel = if LARGE <= a && LARGE <= b {
        let distance = x * b - y * a;
        0.5 * (a / std::f64::consts::TAU * (b / n)).ln()
            - (stirling_rest(a) + stirling_rest(b) - stirling_rest(n))
            - a * shortfall(distance / a, x * n / a)
            - b * shortfall(-distance / b, y * n / b)
    } else {
        a * ln_x + b * ln_y - ln_beta(a, b)
    };
    let ln_rest = -a * end - n * ln_y - a.ln();
    ln_kernel.exp() * integral + (ln_kernel + ln_rest).exp()
}

/// u − ln(1 + u), for u of −1 and more; `more` is 1 + u.
fn shortfall(u: f64, more: f64) -> f64 {
    if 0.3 < u.abs() {
        return u - more.ln();
    }
    // ln(1 + u) = 2 artanh v.
    let v = u / (2.0 + u);
    let square = v * v;
    let mut sum = 0.0;
    for k in (1..=12).rev() {
        sum = (sum + 1.0 / f64::from(2 * k + 1)) * square;
    }
    v * (u - 2.0 * sum)
}
