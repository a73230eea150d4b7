//! Special functions and sums, in forms that keep their digits where the textbook forms lose them.
//!
//! In: positive numbers of any size. Out: the value, to about 1e-14 relative unless said otherwise.
//! The differences of ln-gamma that the count models are made of are sums over purchases here, because
//! `ln_gamma(b + x) - ln_gamma(b)` with b near 1e6 keeps only ten digits.
//!
//! Incomplete gamma and beta functions: `special/incomplete.rs`; Gauss's hypergeometric: `special/hypergeometric.rs`.
//!
//! Source: Abramowitz and Stegun, *Handbook of Mathematical Functions*, 6.1.41, 6.3.18 and 6.4.12.

mod hypergeometric;
mod incomplete;
#[cfg(test)]
#[allow(clippy::approx_constant)]
mod table;

pub use hypergeometric::ln_hyp2f1;
pub use incomplete::{Tails, beta_inc_reg, gamma_inc_reg};

/// From here on the asymptotic series below are exact to double precision.
pub const ASYMPTOTIC_FROM: f64 = 32.0;

/// Longest run of terms that is added one by one; a longer gap is bridged by the asymptotic series.
const LONGEST_WALK: u32 = 64;

/// ln of the gamma function, for positive arguments.
pub fn ln_gamma(y: f64) -> f64 {
    libm::lgamma(y)
}

/// What Stirling's formula leaves out of ln-gamma, for y of 10 and more.
fn stirling_rest(y: f64) -> f64 {
    let u = 1.0 / (y * y);
    (1.0 / 12.0
        - u * (1.0 / 360.0
            - u * (1.0 / 1260.0 - u * (1.0 / 1680.0 - u * (1.0 / 1188.0 - u * (691.0 / 360_360.0 - u / 156.0))))))
        / y
}

/// ln of the beta function B(u, v), without cancellation when one or both arguments are huge.
pub fn ln_beta(u: f64, v: f64) -> f64 {
    let (small, large) = if u < v { (u, v) } else { (v, u) };
    let share = small / (small + large);
    let ln_rest = (-share).ln_1p();
    if 10.0 <= small {
        let rest = stirling_rest(small) + stirling_rest(large) - stirling_rest(small + large);
        0.5 * (std::f64::consts::TAU.ln() - large.ln()) + rest + (small - 0.5) * share.ln() + large * ln_rest
    } else if 10.0 <= large {
        ln_gamma(small) + stirling_rest(large) - stirling_rest(small + large) + small - small * (small + large).ln()
            + (large - 0.5) * ln_rest
    } else {
        ln_gamma(small) + ln_gamma(large) - ln_gamma(small + large)
    }
}

/// The first derivative of ln-gamma, for positive arguments.
pub fn digamma(y: f64) -> f64 {
    let mut y = y;
    let mut sum = 0.0;
    while y < 16.0 {
        sum -= 1.0 / y;
        y += 1.0;
    }
    let u = 1.0 / (y * y);
    sum + y.ln()
        - 0.5 / y
        - u * (1.0 / 12.0
            - u * (1.0 / 120.0 - u * (1.0 / 252.0 - u * (1.0 / 240.0 - u * (1.0 / 132.0 - u * 691.0 / 32_760.0)))))
}

/// The second derivative of ln-gamma, for positive arguments.
pub fn trigamma(y: f64) -> f64 {
    let mut y = y;
    let mut sum = 0.0;
    while y < 16.0 {
        sum += 1.0 / (y * y);
        y += 1.0;
    }
    let u = 1.0 / (y * y);
    sum + 1.0 / y
        + 0.5 * u
        + u / y
            * (1.0 / 6.0
                - u * (1.0 / 30.0 - u * (1.0 / 42.0 - u * (1.0 / 30.0 - u * (5.0 / 66.0 - u * 691.0 / 2730.0)))))
}

/// Sums over j = 0 .. n-1 that a gamma mixture of Poisson rates needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RisingSums {
    /// Σ ln(r + j) = ln Γ(r+n) − ln Γ(r).
    pub ln: f64,
    /// Σ 1/(r + j), the derivative of the above by r.
    pub inverse: f64,
    /// Σ 1/(r + j)².
    pub inverse_squared: f64,
}

/// [`RisingSums`] for every n of `counts`, which must ascend.
pub fn rising_sums(r: f64, counts: &[u32]) -> Vec<RisingSums> {
    prefix_sums(r, counts, RisingSums::default(), |sums, from, to| {
        if let Some(to) = to {
            sums.ln += ln_gamma_step(from, to - from);
            sums.inverse += digamma_gap(from, to - from);
            sums.inverse_squared += trigamma_gap(from, to - from);
        } else {
            sums.ln += from.ln();
            sums.inverse += 1.0 / from;
            sums.inverse_squared += 1.0 / (from * from);
        }
    })
}

/// Sums over j = 0 .. n-1 that a beta mixture of dropout probabilities needs. With n chances to drop out,
/// `exp(-hazard)` is the probability of surviving them all, B(a, b+n) / B(a, b).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SurvivalSums {
    /// Σ ln(1 + a/(b+j)).
    pub hazard: f64,
    /// Σ 1/(a+b+j), the derivative of `hazard` by a.
    pub by_a: f64,
    /// Σ a/((b+j)(a+b+j)), minus the derivative of `hazard` by b.
    pub minus_by_b: f64,
    /// Σ 1/(a+b+j)².
    pub inverse_squared: f64,
    /// Σ 1/(b+j)² − 1/(a+b+j)².
    pub inverse_squared_gap: f64,
}

/// [`SurvivalSums`] for every n of `counts`, which must ascend.
pub fn survival_sums(a: f64, b: f64, counts: &[u32]) -> Vec<SurvivalSums> {
    prefix_sums(b, counts, SurvivalSums::default(), |sums, from, to| {
        if let Some(to) = to {
            sums.hazard += ln_gamma_gap(from, to, a);
            sums.by_a += digamma_gap(from + a, to - from);
            sums.minus_by_b += digamma_gap(from, a) - digamma_gap(to, a);
            sums.inverse_squared += trigamma_gap(from + a, to - from);
            sums.inverse_squared_gap += trigamma_gap(from, a) - trigamma_gap(to, a);
        } else {
            let (u, v) = (1.0 / from, 1.0 / (from + a));
            sums.hazard += (a * u).ln_1p();
            sums.by_a += v;
            sums.minus_by_b += a * u * v;
            sums.inverse_squared += v * v;
            sums.inverse_squared_gap += a * u * v * (u + v);
        }
    })
}

/// Walks j from 0 to the largest count. `add(sums, y, None)` adds the term at y = start + j;
/// `add(sums, y, Some(z))` adds all the terms from y up to but not including z in one step.
fn prefix_sums<S: Copy>(start: f64, counts: &[u32], zero: S, add: impl Fn(&mut S, f64, Option<f64>)) -> Vec<S> {
    let mut sums = zero;
    let mut j = 0_u32;
    let mut out = Vec::with_capacity(counts.len());
    for &n in counts {
        while j < n {
            let y = start + f64::from(j);
            if ASYMPTOTIC_FROM <= y && LONGEST_WALK < n - j {
                add(&mut sums, y, Some(start + f64::from(n)));
                j = n;
            } else {
                add(&mut sums, y, None);
                j += 1;
            }
        }
        out.push(sums);
    }
    out
}

/// ln Γ(y+d) − ln Γ(y) for y of [`ASYMPTOTIC_FROM`] and more.
fn ln_gamma_step(y: f64, d: f64) -> f64 {
    (y - 0.5) * (d / y).ln_1p() + d * (y + d).ln() - d + stirling_rest(y + d) - stirling_rest(y)
}

/// [ln Γ(z+a) − ln Γ(z)] − [ln Γ(y+a) − ln Γ(y)] for y and z of [`ASYMPTOTIC_FROM`] and more.
fn ln_gamma_gap(y: f64, z: f64, a: f64) -> f64 {
    let part = |y: f64| (y - 0.5) * (a / y).ln_1p() + stirling_rest(y + a) - stirling_rest(y);
    part(z) - part(y) + a * ((z - y) / (y + a)).ln_1p()
}

/// ψ(y+a) − ψ(y) for y of [`ASYMPTOTIC_FROM`] and more.
pub fn digamma_gap(y: f64, a: f64) -> f64 {
    let (u, v) = (1.0 / y, 1.0 / (y + a));
    let (uu, vv) = (u * u, v * v);
    let gap = a * u * v;
    let square_gap = gap * (u + v);
    (a / y).ln_1p()
        + 0.5 * gap
        + square_gap
            * (1.0 / 12.0 - (uu + vv) / 120.0 + (uu * uu + uu * vv + vv * vv) / 252.0
                - (uu + vv) * (uu * uu + vv * vv) / 240.0)
}

/// ψ′(y) − ψ′(y+a) for y of [`ASYMPTOTIC_FROM`] and more.
pub fn trigamma_gap(y: f64, a: f64) -> f64 {
    let (u, v) = (1.0 / y, 1.0 / (y + a));
    let gap = a * u * v;
    // (uⁿ − vⁿ) / (u − v)
    let ratio = |n: i32| (0..n).map(|k| u.powi(n - 1 - k) * v.powi(k)).sum::<f64>();
    gap * (1.0 + ratio(2) / 2.0 + ratio(3) / 6.0 - ratio(5) / 30.0 + ratio(7) / 42.0 - ratio(9) / 30.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(got: f64, want: f64, relative: f64) {
        assert!(
            (got - want).abs() <= relative * want.abs(),
            "got {got:e}, want {want:e}"
        );
    }

    /// The largest error of each function over the table, relative to the value; of ln-gamma and digamma, which
    /// have zeros, relative to the value or absolute, whichever is smaller.
    #[test]
    fn functions_agree_with_arbitrary_precision() {
        let mut worst = [0.0_f64; 4];
        let error = |got: f64, want: f64| (got - want).abs() / want.abs().max(1.0);
        for [y, ln, first, second] in table::GAMMA {
            worst[0] = worst[0].max(error(ln_gamma(y), ln));
            worst[1] = worst[1].max(error(digamma(y), first));
            worst[2] = worst[2].max((trigamma(y) / second - 1.0).abs());
        }
        for [u, v, ln] in table::LN_BETA {
            worst[3] = worst[3].max(error(ln_beta(u, v), ln));
        }
        println!("ln_gamma, digamma, trigamma, ln_beta: {worst:?}");
        assert!(worst.iter().all(|w| *w < 1e-15), "{worst:?}");
    }

    /// Relative, over the size of the logarithm: a tail of e^−300 has 300 times the rounding of its exponent.
    #[test]
    fn both_tails_of_the_incomplete_functions_agree_with_arbitrary_precision() {
        let error = |got: f64, want: f64| (got / want - 1.0).abs() / (1.0 + want.ln().abs());
        let mut worst = [0.0_f64; 2];
        for [a, x, lower, upper] in table::GAMMA_INC {
            let got = gamma_inc_reg(a, x);
            let e = error(got.lower, lower).max(error(got.upper, upper));
            worst[0] = worst[0].max(e);
        }
        for [a, b, x, lower, upper] in table::BETA_INC {
            let got = beta_inc_reg(a, b, x);
            let e = error(got.lower, lower).max(error(got.upper, upper));
            worst[1] = worst[1].max(e);
        }
        println!("gamma_inc_reg, beta_inc_reg: {worst:?}");
        assert!(worst.iter().all(|w| *w < 2e-14), "{worst:?}");
    }

    #[test]
    fn hypergeometric_function_agrees_with_arbitrary_precision() {
        let mut worst = 0.0_f64;
        for [a, b, c, z, rest, ln] in table::LN_HYP2F1 {
            let got = ln_hyp2f1(a, b, c, z, rest);
            let e = (got - ln).abs() / (1.0 + ln.abs());
            worst = worst.max(e);
        }
        println!("ln_hyp2f1: {worst:.1e}");
        assert!(worst < 1e-14, "{worst:e}");
    }

    #[test]
    fn incomplete_functions_at_their_ends() {
        for (a, b) in [(1e-3, 2.0), (5.0, 1e6), (1e10, 1e10)] {
            assert_eq!(gamma_inc_reg(a, 0.0), Tails { lower: 0.0, upper: 1.0 });
            assert_eq!(gamma_inc_reg(a, f64::INFINITY), Tails { lower: 1.0, upper: 0.0 });
            assert_eq!(beta_inc_reg(a, b, 0.0), Tails { lower: 0.0, upper: 1.0 });
            assert_eq!(beta_inc_reg(a, b, 1.0), Tails { lower: 1.0, upper: 0.0 });
        }
    }

    #[test]
    fn polygammas_have_their_known_values() {
        let euler = 0.577_215_664_901_532_9;
        let pi_squared = std::f64::consts::PI.powi(2);
        assert_close(digamma(1.0), -euler, 1e-14);
        assert_close(digamma(0.5), -euler - 2.0 * 2_f64.ln(), 1e-14);
        assert_close(trigamma(1.0), pi_squared / 6.0, 1e-14);
        assert_close(trigamma(0.5), pi_squared / 2.0, 1e-14);
        assert_close(trigamma(1e9), 1e-9 + 0.5e-18, 1e-14);
    }

    #[test]
    fn ln_beta_agrees_with_the_binomial_and_keeps_digits_when_an_argument_is_huge() {
        assert_close(ln_beta(3.0, 4.0), -(60_f64.ln()), 1e-14);
        assert_close(ln_beta(21.0, 31.0), -(51.0 * 47_129_212_243_960_f64).ln(), 1e-14);
        // B(1, v) = 1/v and B(2, v) = 1/(v(v+1)), also where ln-gamma differences are noise.
        for v in [0.3, 7.0, 12.0, 1e6, 1e12] {
            assert_close(ln_beta(1.0, v), -v.ln(), 1e-13);
            assert_close(ln_beta(2.0, v), -(v.ln() + (v + 1.0).ln()), 1e-13);
        }
    }

    #[test]
    fn bridged_sums_equal_sums_term_by_term() {
        let counts = [0, 1, 40, 60, 1_000, 1_010, 50_000];
        for (a, b) in [(0.8, 2.4), (1e-9, 1e6), (1e6, 1e6), (3.0, 1e12), (1e-3, 0.01)] {
            let got = survival_sums(a, b, &counts);
            let rising = rising_sums(b, &counts);
            for (k, &n) in counts.iter().enumerate() {
                let mut want = SurvivalSums::default();
                let mut want_rising = RisingSums::default();
                for j in 0..n {
                    let y = b + f64::from(j);
                    want.hazard += (a / y).ln_1p();
                    want.by_a += 1.0 / (y + a);
                    want.minus_by_b += a / (y * (y + a));
                    want.inverse_squared += 1.0 / (y + a).powi(2);
                    want.inverse_squared_gap += a / (y * (y + a)) * (1.0 / y + 1.0 / (y + a));
                    want_rising.ln += y.ln();
                    want_rising.inverse += 1.0 / y;
                    want_rising.inverse_squared += 1.0 / (y * y);
                }
                // Where a gap is many orders below b, what counts is the error relative to one customer's
                // log-likelihood and its derivatives by ln a and ln b.
                let near = |got: f64, want: f64, unit: f64| {
                    assert!(
                        (got - want).abs() <= 1e-10 * want.abs() + 1e-13 * unit,
                        "a {a} b {b} n {n}: got {got:e}, want {want:e}"
                    );
                };
                near(got[k].hazard, want.hazard, a.max(1.0));
                near(got[k].by_a, want.by_a, 1.0 / a);
                near(got[k].minus_by_b, want.minus_by_b, a.max(1.0) / b);
                near(got[k].inverse_squared, want.inverse_squared, 1.0 / (a * a));
                near(
                    got[k].inverse_squared_gap,
                    want.inverse_squared_gap,
                    a.max(1.0) / (b * b),
                );
                near(rising[k].ln, want_rising.ln, 0.0);
                near(rising[k].inverse, want_rising.inverse, 0.0);
                near(rising[k].inverse_squared, want_rising.inverse_squared, 0.0);
            }
        }
    }
}
