//! Surviving one chance to leave after another when the probability to leave is beta distributed over customers.
//!
//! In: the beta distribution (a, b) and numbers of chances. Out: the cumulative hazard −ln B(a, b+d)/B(a, b) with
//! derivatives, for d that need not be whole; the expected number of chances survived, and the same discounted.
//! Cost: a hazard is at most [`ASYMPTOTIC_FROM`] steps of a few divisions; a discounted sum some 200 exponentials.
//! BG/BB, sBG and BdW share it.
//!
//! # Formula
//! B(a, b+d)/B(a, b) = Γ(b+d) Γ(a+b) / (Γ(b) Γ(a+b+d)), so the hazard is a second difference of ln Γ:
//! \[ln Γ(b+a+d) − ln Γ(b+a)\] − \[ln Γ(b+d) − ln Γ(b)\]. Every part of it is written as a difference that does not
//! cancel: ln Γ(y) = ln Γ(y+1) − ln y until y is [`ASYMPTOTIC_FROM`], then Stirling's series term by term.
//!
//! # Check
//! `hazards_agree_with_high_precision` and `sums_agree_with_high_precision` below.

use super::special::{ASYMPTOTIC_FROM, digamma_gap, trigamma, trigamma_gap};

/// A century of days: no history has more opportunities, and no horizon.
pub const MOST_OPPORTUNITIES: u32 = 36_525;

/// Complete opportunities in a time that is counted in opportunities.
pub fn whole(time: f64) -> u32 {
    time.clamp(0.0, f64::from(MOST_OPPORTUNITIES)) as u32
}

/// A hazard with its derivatives by (a, b, d).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hazard {
    pub value: f64,
    pub gradient: [f64; 3],
    pub hessian: [[f64; 3]; 3],
}

/// −ln B(a, b+d)/B(a, b) for positive a and b, d not negative.
pub fn hazard(a: f64, b: f64, d: f64) -> f64 {
    let mut y = b;
    let mut sum = 0.0;
    while y < ASYMPTOTIC_FROM {
        sum += ((a / y) * (d / (y + a + d))).ln_1p();
        y += 1.0;
    }
    sum + far_hazard(a, y, d)
}

/// The same for b of [`ASYMPTOTIC_FROM`] and more: the second differences of y ln y, −½ ln y, 1/(12y), …
fn far_hazard(a: f64, y: f64, d: f64) -> f64 {
    let ln_ratio = ((a / y) * (d / (y + a + d))).ln_1p();
    let power = |n: i32| power_difference(a, y, d, n);
    (a * (d / (y + a)).ln_1p() + d * (a / (y + d)).ln_1p() - y * ln_ratio)
        + 0.5 * ln_ratio
        + inverse_difference(a, y, d) / 12.0
        - power(3) / 360.0
        + power(5) / 1260.0
        - power(7) / 1680.0
}

/// The second difference of y^−n, in which only the step of d is left to cancel; for the small terms only.
fn power_difference(a: f64, y: f64, d: f64, n: i32) -> f64 {
    let step = |y: f64| {
        let (u, v) = (1.0 / y, 1.0 / (y + a));
        a * u * v * (0..n).map(|k| u.powi(n - 1 - k) * v.powi(k)).sum::<f64>()
    };
    step(y) - step(y + d)
}

/// The second difference of 1/y.
fn inverse_difference(a: f64, y: f64, d: f64) -> f64 {
    let end = y + a + d;
    (a / (y + a)) * (d / (y + d)) * ((1.0 + y / end) / y)
}

/// [`hazard`] with derivatives.
pub fn hazard_with_derivatives(a: f64, b: f64, d: f64) -> Hazard {
    let mut y = b;
    let mut value = 0.0;
    let (mut by_a, mut minus_by_b, mut by_d) = (0.0, 0.0, 0.0);
    let (mut minus_aa, mut ad, mut minus_dd, mut bb) = (0.0, 0.0, 0.0, 0.0);
    while y < ASYMPTOTIC_FROM {
        let (u, v, w, z) = (1.0 / y, 1.0 / (y + a), 1.0 / (y + d), 1.0 / (y + a + d));
        value += (a * u * (d * z)).ln_1p();
        by_a += d * z * v;
        by_d += a * w * z;
        minus_by_b += inverse_difference(a, y, d);
        minus_aa += d * z * v * (v + z);
        minus_dd += a * w * z * (w + z);
        ad += z * z;
        bb += a * u * v * (u + v) - a * w * z * (w + z);
        y += 1.0;
    }
    let ln_ratio = ((a / y) * (d / (y + a + d))).ln_1p();
    let power = |n: i32| power_difference(a, y, d, n);
    value += far_hazard(a, y, d);
    by_a += digamma_gap(y + a, d);
    by_d += digamma_gap(y + d, a);
    minus_by_b += ln_ratio + 0.5 * inverse_difference(a, y, d) + power(2) / 12.0 - power(4) / 120.0 + power(6) / 252.0
        - power(8) / 240.0;
    minus_aa += trigamma_gap(y + a, d);
    minus_dd += trigamma_gap(y + d, a);
    ad += trigamma(y + a + d);
    // Symmetric in a and d; the wider step is the one whose difference keeps more digits.
    let (narrow, wide) = if a < d { (a, d) } else { (d, a) };
    bb += trigamma_gap(y, narrow) - trigamma_gap(y + wide, narrow);
    Hazard {
        value,
        gradient: [by_a, -minus_by_b, by_d],
        hessian: [
            [-minus_aa, -minus_aa, ad],
            [-minus_aa, bb, -minus_dd],
            [ad, -minus_dd, -minus_dd],
        ],
    }
}

/// Somebody who leaves at each chance with a probability of which a Beta(a, b) is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chances {
    pub a: f64,
    pub b: f64,
}

impl Chances {
    /// Probability of surviving `n` chances.
    pub fn survival(self, n: u32) -> f64 {
        (-hazard(self.a, self.b, f64::from(n))).exp()
    }

    /// Σ of [`Chances::survival`] of k = 0 .. n−1, for every n of `counts`.
    ///
    /// With e = a − 1 it is (e+b)/e (1 − B(e, b+n)/B(e, b)); written with the hazard of e, which is defined for
    /// e > −b and changes its sign with e, it has no singularity at a = 1 but the quotient 0/0 itself.
    pub fn survived(self, counts: &[u32]) -> Vec<f64> {
        let e = if self.a == 1.0 { NEXT_TO_NOTHING } else { self.a - 1.0 };
        let mean_chances = e + self.b;
        if mean_chances < 0.5 {
            // The form above needs e + b well above 0: take the first chance apart.
            let first = self.b / (self.a + self.b);
            let after = Self {
                b: self.b + 1.0,
                ..self
            };
            let fewer: Vec<u32> = counts.iter().map(|n| n.saturating_sub(1)).collect();
            let rest = after.survived(&fewer);
            return counts
                .iter()
                .zip(rest)
                .map(|(n, rest)| if *n == 0 { 0.0 } else { 1.0 + first * rest })
                .collect();
        }
        counts
            .iter()
            .map(|n| mean_chances * (-(-hazard(e, self.b, f64::from(*n))).exp_m1() / e))
            .collect()
    }

    /// Σ over k from 0 to infinity of e^(−rate k) times [`Chances::survival`] of k: the expectation over the
    /// probability p of 1/(1 − e^−rate (1 − p)), which is the ₂F₁(1, b; a+b; e^−rate) of the papers.
    pub fn discounted(self, rate: f64) -> f64 {
        let rate = rate.max(SMALLEST_RATE);
        let kept = (-rate).exp();
        let lost = -(-rate).exp_m1();
        self.mean_of(|p| 1.0 / (lost + kept * p))
    }

    /// The expectation of a bounded, smooth function of ln p. With p = 1/(1+e^−y) and y = centre + width sinh s the
    /// trapezoidal rule in s converges exponentially; numerator and normalising constant use the same points.
    fn mean_of(self, f: impl Fn(f64) -> f64) -> f64 {
        let (a, b) = (self.a, self.b);
        let centre = (a / b).ln();
        let width = ((1.0 + a / b) / a).sqrt().min(1.0);
        let ln_weight = |y: f64| {
            let small = (-y.abs()).exp().ln_1p();
            a * (y.min(0.0) - small) + b * (-small - y.max(0.0))
        };
        let top = ln_weight(centre);
        let integrand = |s: f64| {
            let y = centre + width * s.sinh();
            let weight = (ln_weight(y) - top).exp() * s.cosh();
            (weight, weight * f(1.0 / (1.0 + (-y).exp())))
        };
        let one_way = |step: f64, stride: u32| {
            let (mut weights, mut sum) = (0.0, 0.0);
            for sign in [1.0, -1.0] {
                let mut k = 1;
                while f64::from(k) * step < 40.0 {
                    let (weight, part) = integrand(sign * f64::from(k) * step);
                    weights += weight;
                    sum += part;
                    if weight < 1e-30 && part <= 1e-18 * sum {
                        break;
                    }
                    k += stride;
                }
            }
            (weights, sum)
        };
        let mut step = 0.25;
        let (mut weights, mut sum) = one_way(step, 1);
        let (at_centre, part_at_centre) = integrand(0.0);
        weights += at_centre;
        sum += part_at_centre;
        let mut estimate = sum / weights;
        for _ in 0..9 {
            step *= 0.5;
            let (more_weights, more) = one_way(step, 2);
            weights += more_weights;
            sum += more;
            let finer = sum / weights;
            let change = (finer - estimate).abs();
            estimate = finer;
            if change <= 1e-13 * estimate {
                break;
            }
        }
        estimate
    }
}

/// Stands for 0 where a quotient 0/0 has a limit.
const NEXT_TO_NOTHING: f64 = 1e-200;

/// Discounting below this is none at all; without it the sum to infinity need not exist.
pub const SMALLEST_RATE: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(what: &str, got: f64, want: f64, relative: f64) {
        assert!(
            (got - want).abs() <= relative * want.abs(),
            "{what}: got {got:e}, want {want:e}"
        );
    }

    /// (a, b, d), then the hazard, its derivatives by a, b and d, and the second ones by aa, bb, ad and dd: 250 digits.
    type Precise = ([f64; 3], [f64; 8]);
    const PRECISE: [Precise; 11] = [
        (
            [0.704, 1.182, 1.0],
            [
                0.4672502652273593,
                0.5302226935312832,
                -0.31580099513199944,
                0.3428016966617095,
                -0.28113610473556905,
                0.4346199770438579,
                0.413311072005545,
                -0.16545050172349055,
            ],
        ),
        (
            [0.704, 1.182, 7.0],
            [
                1.431079859566234,
                1.7806473083716765,
                -0.5710319313932705,
                0.0875707604004385,
                -0.5753414221628252,
                0.5891845449545595,
                0.11910575457828883,
                -0.010885933812788995,
            ],
        ),
        (
            [0.668, 3.806, 2.639015821545789],
            [
                0.3634515938259512,
                0.5076056285953903,
                -0.07662780776131296,
                0.1062624525051104,
                -0.09940484287390776,
                0.033022954789668504,
                0.15093105227083292,
                -0.016884315342548636,
            ],
        ),
        (
            [1e-06, 1000000.0, 3.0],
            [
                2.9999970000034998e-12,
                2.999997000002e-06,
                -2.9999940000119998e-18,
                9.999975000056666e-13,
                -2.999994000009e-12,
                5.999982000051e-24,
                9.999975000051667e-07,
                -9.999950000175e-19,
            ],
        ),
        (
            [1000000.0, 1000000000000.0, 1.0],
            [
                9.999995000003334e-07,
                9.99999000001e-13,
                -9.99999000001e-19,
                9.999994999998334e-07,
                -9.99998000003e-25,
                1.999997000004e-30,
                9.999990000005e-13,
                -9.99999e-19,
            ],
        ),
        (
            [1e-09, 0.5, 2.5],
            [
                2.8862943588499567e-09,
                2.8862943565800223,
                -4.5398681253591116e-09,
                3.949340667711696e-10,
                -4.53986811702177,
                1.6674682789270058e-08,
                0.39493406669411263,
                -1.5411380625971888e-10,
            ],
        ),
        (
            [100000.0, 100000.0, 300.0],
            [
                207.7202393967918,
                0.0014988798681255526,
                -0.0014966440668572982,
                0.691653036499338,
                -7.488804265612316e-09,
                2.2421763583681283e-08,
                4.992523695755221e-06,
                -4.977615736562152e-06,
            ],
        ),
        (
            [3.0, 1e-05, 40.0],
            [
                21.959885155571982,
                2.8267390925986127,
                -100001.42678775026,
                0.07319974984419299,
                -0.3714042048320408,
                10000000001.24819,
                0.02352832088406943,
                -0.0017867765490204995,
            ],
        ),
        (
            [0.001, 50.0, 0.0001],
            [
                2.020110878589031e-09,
                2.0200904751803128e-06,
                -4.080709220114442e-11,
                2.020108838235795e-05,
                -4.080626791700616e-08,
                1.6485849264385374e-12,
                0.020200884348682904,
                -4.080700977198134e-07,
            ],
        ),
        (
            [100000000.0, 3.0, 1e+60],
            [
                12073442437.291544,
                119.73442481069038,
                -17.4978964338539,
                1e-52,
                -9.999999750000006e-09,
                0.3949340568482267,
                1.0000000000000001e-60,
                -1.0000000000000001e-112,
            ],
        ),
        (
            [2.5, 40.0, 365.25],
            [
                5.747569371535825,
                2.271734262208946,
                -0.055208210653903945,
                0.006157651811346544,
                -0.021352906309626066,
                0.0014915378866479242,
                0.0024554929344303487,
                -1.5166710586688529e-05,
            ],
        ),
    ];

    #[test]
    fn hazards_agree_with_high_precision() {
        for ([a, b, d], want) in PRECISE {
            let got = hazard_with_derivatives(a, b, d);
            let what = format!("{a} {b} {d}");
            assert_close(&what, hazard(a, b, d), want[0], 1e-14);
            let ([by_a, by_b, by_d], second) = (got.gradient, got.hessian);
            let first = [got.value, by_a, by_b, by_d];
            // The derivative by b is of second order in a/b and d/b, and the last to keep its digits.
            for ((got, want), relative) in first.iter().zip(want).zip([1e-14, 1e-14, 1e-12, 1e-14]) {
                assert_close(&what, *got, want, relative);
            }
            let second_order = [second[0][0], second[1][1], second[0][2], second[2][2]];
            for ((got, want), relative) in second_order.iter().zip(&want[4..]).zip([1e-13, 1e-9, 1e-14, 1e-13]) {
                assert_close(&what, *got, *want, relative);
            }
            assert_eq!((second[0][1], second[1][2]), (second[0][0], second[2][2]));
        }
    }

    /// (a, b, n, rate), the chances survived of n, and the discounted sum: 250 digits.
    const SUMS: [(f64, f64, u32, f64, f64, f64); 9] = [
        (0.65672, 9.78344, 6, 0.1, 5.212463390152649, 7.454832259141973),
        (1.0, 9.0, 50, 0.01, 17.35557705797, 19.405050816788027),
        (1.0000000001, 3.0, 1000, 0.0001, 17.962403591786277, 23.138711633581096),
        (0.2, 0.1, 20, 0.5, 5.054491792939342, 1.442037871160348),
        (0.0001, 2.0, 300, 0.00026, 299.8709218664214, 3843.8633668097577),
        (10000.0, 10000.0, 10, 1e-09, 1.9981414108681523, 2.0001000080005),
        (1e-06, 100000000.0, 365, 1e-06, 364.9999999993357, 1000000.4900981411),
        (50.0, 0.3, 5, 3.0, 1.0061224128665136, 1.0002973162268838),
        (0.9, 1.1, 1000, 1e-09, 10.974093874399607, 69.4328235458326),
    ];

    #[test]
    fn sums_agree_with_high_precision() {
        for (a, b, n, rate, survived, discounted) in SUMS {
            let chances = Chances { a, b };
            let what = format!("{a} {b} {n} {rate}");
            assert_close(&what, chances.survived(&[n])[0], survived, 1e-13);
            assert_close(&what, chances.discounted(rate), discounted, 2e-13);
        }
        // a = 1 is the 0/0 of the closed form: Σ b/(b+k).
        let sum: f64 = (0..50).map(|k| 3.0 / (3.0 + f64::from(k))).sum();
        assert_close("a = 1", Chances { a: 1.0, b: 3.0 }.survived(&[0, 50])[1], sum, 1e-14);
    }
}
