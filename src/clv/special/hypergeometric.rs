//! Gauss's hypergeometric function for positive parameters, where the closed forms of the count models need it.
//!
//! In: a, b, c positive, z in [0, 1) together with 1 − z, so that z may come as near to 1 as 1e-300. Out: ln ₂F₁,
//! with an error of about 1e-14 absolute (relative to ₂F₁) unless the parameters are large: then times a few of
//! them. Cost: a series of up to about 100 terms, or one integral of 60 to 200 points; where c is below a and b, two
//! integrals and min(a, b) − c steps.
//!
//! # Formula
//! With b below c (a and b may change places), Euler's integral (Abramowitz and Stegun 15.3.1) in the logit of t,
//!
//! B(b, c−b) ₂F₁(a, b; c; z) = ∫ t^b (1−t)^(c−b) (1 − z t)^−a dv,  v = ln t/(1−t),
//!
//! whose integrand is positive, has one top, and falls off exponentially: nothing cancels, and c − a − b may be a whole
//! number. Where c is below a and b, A. and S. 15.2.12 leads down from c + k and c + k + 1, on which the function
//! grows, so that errors do not.
//!
//! # Domain
//! min(a, b) − c up to a million.
//!
//! # Check
//! `special::tests` hold it against arbitrary precision, and the likelihood of Pareto/NBD against the closed form.

use super::super::quadrature::integrate;
use super::ln_beta;

/// e^−42 is nothing beside 1.
const NOTHING: f64 = 42.0;

/// Where the series has few terms.
const SERIES_UP_TO: f64 = 0.5;
const LARGEST_FIRST_TERM: f64 = 4.0;

/// Largest second derivative of ln f over a panel of length 1, of either sign.
const LARGEST_BEND: f64 = 14.0;

/// Steps down in c beyond any use: NaN.
const MOST_STEPS: f64 = 1e6;

/// ln ₂F₁(a, b; c; z) for positive a, b, c; `rest` is 1 − z.
pub fn ln_hyp2f1(a: f64, b: f64, c: f64, z: f64, rest: f64) -> f64 {
    let (a, b) = if a < b { (b, a) } else { (a, b) };
    if z <= SERIES_UP_TO && a * b * z <= LARGEST_FIRST_TERM * c && a * z <= 20.0 * SERIES_UP_TO {
        return series(a, b, c, z);
    }
    if b < c {
        return ln_integral(a, b, c, z, rest);
    }
    let steps = (b - c).floor() + 1.0;
    if MOST_STEPS < steps {
        return f64::NAN;
    }
    let mut at = c + steps;
    // ln F(at), and F(at + 1) / F(at).
    let mut ln = ln_integral(a, b, at, z, rest);
    let mut ratio = (ln_integral(a, b, at + 1.0, z, rest) - ln).exp();
    for _ in 0..steps as u32 {
        let below = at - 1.0;
        let up = at * (below * rest + (a + b - at) * z) + (at - a) * (at - b) * z * ratio;
        let growth = up / (at * below * rest);
        ln += growth.ln();
        ratio = 1.0 / growth;
        at = below;
    }
    ln
}

fn series(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0, 0.0, 0.0);
    // Terms fall by z at least once n is beyond a and b.
    while n < 4096.0 {
        term *= (a + n) / (c + n) * ((b + n) / (n + 1.0)) * z;
        sum += term;
        n += 1.0;
        if term <= 1e-18 * sum {
            break;
        }
    }
    f64::ln_1p(sum)
}

fn ln_integral(a: f64, b: f64, c: f64, z: f64, rest: f64) -> f64 {
    let gap = c - b;
    // Steepness of ln f, downwards in v: zero at the top, where z (c−a) u² + linear u = gap rest, u = 1 − t.
    let linear = c * rest + z * (a + b - c);
    let root = (linear * linear + 4.0 * z * (c - a) * gap * rest).max(0.0).sqrt();
    let u = if 0.0 <= linear {
        2.0 * gap * rest / (linear + root)
    } else {
        (root - linear) / (2.0 * z * (c - a))
    };
    let top = (1.0 - u).max(f64::EPSILON).ln() - u.ln();

    let ln_f = |v: f64| {
        let small = (-v.abs()).exp().ln_1p();
        let (ln_t, ln_u) = (v.min(0.0) - small, -v.max(0.0) - small);
        b * ln_t + gap * ln_u - a * (rest + z * ln_u.exp()).ln()
    };
    let fall = |v: f64| {
        let (t, u) = (1.0 / (1.0 + (-v).exp()), 1.0 / (1.0 + v.exp()));
        gap * t - b * u - a * (z * t * u / (rest + z * u))
    };
    let at_top = ln_f(top);
    // Beyond these f is an exponential to the last digit.
    let last = (NOTHING + (1.0 + a + c).ln() - rest.ln()).max(top);
    let first = (-NOTHING - (1.0 + a + c).ln()).min(top);
    let right = integrate(last - top, |y| fall(top + y), |y, w| w * (ln_f(top + y) - at_top).exp());
    // With c below a, ln f is not concave: its slope to the left rises and then falls to b, and is a difference of
    // larger ones that bend. Panels look back, and are short where either bends.
    let bend = |v: f64| {
        let (t, u) = (1.0 / (1.0 + (-v).exp()), 1.0 / (1.0 + v.exp()));
        (LARGEST_BEND * t * u * (c + a * z / (rest + z * u))).sqrt()
    };
    let rise = |y: f64| {
        let plain = -fall(top - y);
        if a <= c {
            plain
        } else {
            let (v, back) = (top - y, top - 0.5 * y);
            plain.max(-fall(back)) + bend(v).max(bend(back))
        }
    };
    let left = integrate(top - first, rise, |y, w| w * (ln_f(top - y) - at_top).exp());
    let tails = (ln_f(last) - at_top).exp() / gap + (ln_f(first) - at_top).exp() / b;
    at_top + (right + left + tails).ln() - ln_beta(b, gap)
}
