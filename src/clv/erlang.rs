//! The family of count models with regular orders: BG/CNBD-k and MBG/CNBD-k. Gaps between orders are Erlang-k, the
//! sum of k exponential stages; k = 1 is BG/NBD and MBG/NBD.
//!
//! In: parameters (k, r, alpha, a, b), histories, and the sum of the logarithms of the gaps. Out: likelihood with
//! derivatives by (r, alpha, a, b), P(alive), future orders. Cost of a likelihood: as `beta_geometric`, and O(k) a
//! distinct history.
//!
//! # Formula
//! With R = r + k x, n = x + `first_chances` chances to drop out, v = (T − t_x)/(alpha+T) and
//! S = Σ_{j<k} Γ(R+j)/(Γ(R) j!) v^j,
//!
//! ln L = (k−1) Σ ln gap − x ln Γ(k) + ln Γ(R)/Γ(r) + r ln alpha − R ln(alpha+T) + ln B(a, b+n)/B(a, b)
//!        + ln(S + e^w),  w = ln a/(b+n−1) + R ln (alpha+T)/(alpha+t_x),  P(alive) = S/(S + e^w),
//!
//! and no e^w (customer alive for certain) when n = 0. Reutterer, Platzer and Schröder (2021), *Leveraging purchase
//! regularity for predicting customer behavior the easy way*, IJRM 38(1), 194-215; idea and MCMC version in Platzer and
//! Reutterer (2016), *Ticking away the moments*, Marketing Science 35(5), 779-799. The gaps enter through one sum over
//! all customers, so that equal (x, t_x, T) stay one row.

use super::beta_geometric;
use super::histories::{Histories, History, sum_in_order};
use super::model::{CountModel, FitStatus};
use super::nbd::{add_exposure_of, add_rising, mirror};
use super::optimise::Derivatives;
use super::special::{RisingSums, ln_gamma, rising_sums, survival_sums};
use super::stages::{MOST_STAGES, Renewal, stage_weights};

pub const LETTERS: &[&str] = &["k", "r", "alpha", "a", "b"];
pub const TIME_POWERS: &[i32] = &[0, 0, 1, 0, 0];

/// Regularities that are tried. Gaps of k = 12 vary by 29 % of their mean; beyond that purchases follow a schedule.
pub const SHAPES: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0];

/// Points to search from. A gap of k stages needs a stage rate k times that of the orders.
pub fn starts(nbd: [f64; 2]) -> Vec<Vec<f64>> {
    let [r, alpha] = nbd;
    beta_geometric::starts([r, 0.4 * alpha])
}

/// Splits off k; `None` unless there are five numbers and k is whole and in range.
fn split(params: &[f64]) -> Option<(usize, [f64; 4])> {
    let &[k, r, alpha, a, b] = params else { return None };
    let whole = 1.0 <= k && k <= MOST_STAGES as f64 && k.fract() == 0.0;
    whole.then_some((k as usize, [r, alpha, a, b]))
}

/// Log-likelihood of all histories with derivatives by (r, alpha, a, b).
pub fn log_likelihood(params: &[f64], histories: &Histories, first_chances: u32) -> Derivatives {
    match (split(params), histories.sum_ln_gaps) {
        (Some((1, rest)), _) => beta_geometric::log_likelihood(&rest, histories, first_chances),
        (Some((k, rest)), Some(sum_ln_gaps)) => regular_likelihood(k, rest, histories, sum_ln_gaps, first_chances),
        // Without the gaps nothing is known of their regularity.
        _ => Derivatives {
            value: f64::NAN,
            ..Derivatives::default()
        },
    }
}

fn regular_likelihood(
    k: usize,
    params: [f64; 4],
    histories: &Histories,
    sum_ln_gaps: f64,
    first_chances: u32,
) -> Derivatives {
    let [r, alpha, a, b] = params;
    let mut sum = sum_in_order(histories.rows.len(), |from, to| {
        let mut part = Derivatives::default();
        for i in from..to {
            let (h, weight) = (&histories.rows[i], histories.counts[i]);
            add_exposure_of(&mut part, weight, r, alpha, k as f64 * f64::from(h.x), h.age);
            add_ending(&mut part, weight, &Ending::of(k, params, h, first_chances));
        }
        part
    });
    let chances: Vec<u32> = histories
        .x_values
        .iter()
        .map(|x| x.saturating_add(first_chances))
        .collect();
    let survival = survival_sums(a, b, &chances);
    let rising = stage_rising_sums(k, r, &histories.x_values);
    for ((rising, survival), n) in rising.iter().zip(&survival).zip(&histories.x_counts) {
        add_rising(&mut sum, *n, rising);
        beta_geometric::add_survival(&mut sum, *n, survival);
    }
    sum.value += (k as f64 - 1.0) * sum_ln_gaps - histories.total_x() * ln_gamma(k as f64);
    mirror(&mut sum);
    sum
}

/// ln Γ(r + k x)/Γ(r) with derivatives for every x of `x_values`. The product of kx factors is sorted by their
/// remainder modulo k, because k x might be no u32: Σ_{i<k} [x ln k + ln Γ((r+i)/k + x)/Γ((r+i)/k)].
fn stage_rising_sums(k: usize, r: f64, x_values: &[u32]) -> Vec<RisingSums> {
    let kf = k as f64;
    let mut out: Vec<RisingSums> = x_values
        .iter()
        .map(|x| RisingSums {
            ln: kf * f64::from(*x) * kf.ln(),
            ..RisingSums::default()
        })
        .collect();
    for i in 0..k {
        for (out, part) in out.iter_mut().zip(rising_sums((r + i as f64) / kf, x_values)) {
            out.ln += part.ln;
            out.inverse += part.inverse / kf;
            out.inverse_squared += part.inverse_squared / (kf * kf);
        }
    }
    out
}

/// ln S with derivatives by R and by alpha.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    ln: f64,
    by_shape: f64,
    by_alpha: f64,
    by_shape_shape: f64,
    by_shape_alpha: f64,
    by_alpha_alpha: f64,
}

impl Waiting {
    /// `at_end` is 1/(alpha+T).
    fn of(k: usize, shape: f64, silence: f64, at_end: f64) -> Self {
        let v = silence * at_end;
        // The term j of S, its first and second derivative by R; and sums of them, and of j and j² times them.
        let (mut term, mut slope, mut curve) = (1.0, 0.0, 0.0);
        let (mut sum, mut slopes, mut curves) = (1.0, 0.0, 0.0);
        let (mut first, mut second, mut mixed) = (0.0, 0.0, 0.0);
        for j in 1..k {
            let j = j as f64;
            let (factor, gain) = ((shape + j - 1.0) * v / j, v / j);
            curve = curve * factor + 2.0 * slope * gain;
            slope = slope * factor + term * gain;
            term *= factor;
            sum += term;
            slopes += slope;
            curves += curve;
            first += j * term;
            second += j * j * term;
            mixed += j * slope;
        }
        let (by_shape, passed) = (slopes / sum, first / sum);
        let spread = second / sum - passed * passed;
        Self {
            ln: sum.ln(),
            by_shape,
            by_alpha: -passed * at_end,
            by_shape_shape: curves / sum - by_shape * by_shape,
            by_shape_alpha: -(mixed / sum - by_shape * passed) * at_end,
            by_alpha_alpha: (spread + passed) * at_end * at_end,
        }
    }
}

/// The two ways a history can end, alive with ln S and not alive with w, with derivatives.
struct Ending {
    waiting: Waiting,
    /// w and its derivatives; `None` if there was no chance to drop out.
    dropout: Option<Dropout>,
}

struct Dropout {
    ln: f64,
    by_shape: f64,
    by_alpha: f64,
    by_shape_alpha: f64,
    by_alpha_alpha: f64,
    by_a: f64,
    by_b: f64,
}

impl Ending {
    fn of(k: usize, [r, alpha, a, b]: [f64; 4], h: &History, first_chances: u32) -> Self {
        let x = f64::from(h.x);
        let chances = x + f64::from(first_chances);
        let shape = r + k as f64 * x;
        let silence = h.age - h.t_x;
        let at_last = 1.0 / (alpha + h.t_x);
        let at_end = 1.0 / (alpha + h.age);
        let dropout = (1.0 <= chances).then(|| {
            let survivals = b + (chances - 1.0);
            let ln_growth = (silence * at_last).ln_1p();
            let by_alpha = -silence * at_last * at_end;
            Dropout {
                ln: (a / survivals).ln() + shape * ln_growth,
                by_shape: ln_growth,
                by_alpha: shape * by_alpha,
                by_shape_alpha: by_alpha,
                by_alpha_alpha: -shape * by_alpha * (at_last + at_end),
                by_a: 1.0 / a,
                by_b: -1.0 / survivals,
            }
        });
        Self {
            waiting: Waiting::of(k, shape, silence, at_end),
            dropout,
        }
    }

    /// ln of the odds of having dropped out.
    fn ln_odds(&self) -> f64 {
        self.dropout
            .as_ref()
            .map_or(f64::NEG_INFINITY, |d| d.ln - self.waiting.ln)
    }
}

/// ln(S + e^w).
fn add_ending(sum: &mut Derivatives, weight: f64, ending: &Ending) {
    let ln_odds = ending.ln_odds();
    let small = (-ln_odds.abs()).exp();
    let (alive, dead) = if 0.0 < ln_odds {
        (small / (1.0 + small), 1.0 / (1.0 + small))
    } else {
        (1.0 / (1.0 + small), small / (1.0 + small))
    };
    let s = &ending.waiting;
    sum.value += weight * (s.ln + ln_odds.max(0.0) + small.ln_1p());
    let lives = weight * alive;
    sum.gradient[0] += lives * s.by_shape;
    sum.gradient[1] += lives * s.by_alpha;
    sum.hessian[0][0] += lives * s.by_shape_shape;
    sum.hessian[0][1] += lives * s.by_shape_alpha;
    sum.hessian[1][1] += lives * s.by_alpha_alpha;
    let Some(w) = &ending.dropout else { return };
    let dies = weight * dead;
    let gradient = [w.by_shape, w.by_alpha, w.by_a, w.by_b];
    for (sum, slope) in sum.gradient.iter_mut().zip(gradient) {
        *sum += dies * slope;
    }
    sum.hessian[0][1] += dies * w.by_shape_alpha;
    sum.hessian[1][1] += dies * w.by_alpha_alpha;
    sum.hessian[2][2] -= dies * w.by_a * w.by_a;
    sum.hessian[3][3] += dies * w.by_b * w.by_b;
    let gap = [w.by_shape - s.by_shape, w.by_alpha - s.by_alpha, w.by_a, w.by_b];
    let both = weight * alive * dead;
    for i in 0..4 {
        for j in i..4 {
            sum.hessian[i][j] += both * gap[i] * gap[j];
        }
    }
}

/// P(alive) at the end of observation.
pub fn alive_prob(params: &[f64], h: &History, first_chances: u32) -> f64 {
    let Some((k, params)) = split(params) else {
        return f64::NAN;
    };
    if k == 1 {
        return beta_geometric::alive_prob(&params, h, first_chances);
    }
    let [r, alpha, a, b] = params;
    let x = f64::from(h.x);
    let chances = x + f64::from(first_chances);
    if chances < 1.0 {
        return 1.0;
    }
    let shape = r + k as f64 * x;
    let silence = h.age - h.t_x;
    let (_, waiting) = stage_weights(shape, silence / (alpha + h.age), k);
    let ln_growth = (silence / (alpha + h.t_x)).ln_1p();
    let ln_odds = (a / (b + (chances - 1.0))).ln() + (shape * ln_growth - waiting.ln());
    1.0 / (1.0 + ln_odds.exp())
}

/// Rate, stage and dropout of a customer, given the history and being alive.
fn renewal(params: &[f64], h: &History, first_chances: u32) -> Option<Renewal> {
    let (k, [r, alpha, a, b]) = split(params)?;
    let x = f64::from(h.x);
    Some(Renewal {
        k,
        shape: r + k as f64 * x,
        exposure: alpha + h.age,
        silence: h.age - h.t_x,
        a,
        b: b + x + f64::from(first_chances),
    })
}

/// P(still there `ahead` after the end of observation).
pub fn alive_prob_after(params: &[f64], h: &History, first_chances: u32, ahead: f64) -> f64 {
    renewal(params, h, first_chances).map_or(f64::NAN, |renewal| {
        alive_prob(params, h, first_chances) * renewal.survival(ahead)
    })
}

/// Discounted expected orders to infinity.
pub fn residual_orders(params: &[f64], h: &History, first_chances: u32, rate: f64) -> f64 {
    renewal(params, h, first_chances).map_or(f64::NAN, |renewal| {
        alive_prob(params, h, first_chances) * renewal.residual_orders(rate)
    })
}

/// Expected orders within each horizon.
pub fn expected_orders(params: &[f64], h: &History, first: u32, horizons: &[f64], out: &mut [f64]) {
    match split(params) {
        Some((1, rest)) => beta_geometric::expected_orders(&rest, h, first, horizons, out),
        _ => {
            let alive = alive_prob(params, h, first);
            match renewal(params, h, first) {
                Some(renewal) => renewal.expected_orders(horizons, out),
                None => out.fill(f64::NAN),
            }
            for expected in out {
                *expected *= alive;
            }
        }
    }
}

/// P(more than i orders); see [`Renewal::order_tail`].
pub fn order_tail(
    params: &[f64],
    h: &History,
    first_chances: u32,
    horizon: f64,
    least: f64,
    max_len: usize,
) -> Vec<f64> {
    let Some(renewal) = renewal(params, h, first_chances) else {
        return Vec::new();
    };
    let alive = alive_prob(params, h, first_chances);
    let mut tail = renewal.order_tail(horizon, least / alive.max(f64::MIN_POSITIVE), max_len);
    tail.iter_mut().for_each(|p| *p *= alive);
    // Rounding, or a chance to be alive that is none.
    tail.truncate(tail.partition_point(|p| least < *p));
    tail
}

/// Limits other than the one without dropout.
pub fn limit(params: &[f64]) -> Option<FitStatus> {
    beta_geometric::limit(params.get(1..)?)
}

/// The model of the family with so many chances to drop out before the first repeat order.
pub struct Cnbd {
    pub name: &'static str,
    /// The model that it is with k = 1.
    pub without_shape: &'static str,
    pub first_chances: u32,
}

impl CountModel for Cnbd {
    fn name(&self) -> &'static str {
        self.name
    }

    fn letters(&self) -> &'static [&'static str] {
        LETTERS
    }

    fn shapes(&self) -> &'static [f64] {
        SHAPES
    }

    fn is_with_shape(&self, shape: f64) -> Option<&'static str> {
        (shape == 1.0).then_some(self.without_shape)
    }

    fn time_powers(&self) -> &'static [i32] {
        TIME_POWERS
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>> {
        starts(nbd)
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        log_likelihood(params, histories, self.first_chances)
    }

    fn alive_prob(&self, params: &[f64], history: &History) -> f64 {
        alive_prob(params, history, self.first_chances)
    }

    fn alive_prob_after(&self, params: &[f64], history: &History, ahead: f64) -> f64 {
        alive_prob_after(params, history, self.first_chances, ahead)
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        expected_orders(params, h, self.first_chances, horizons, out);
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        order_tail(params, h, self.first_chances, horizon, least, max_len)
    }

    fn order_probs(&self, params: &[f64], h: &History, horizon: f64, out: &mut [f64]) {
        match renewal(params, h, self.first_chances) {
            Some(renewal) => renewal.order_probs(horizon, out),
            None => out.fill(f64::NAN),
        }
    }

    fn residual_orders(&self, params: &[f64], history: &History, rate: f64) -> f64 {
        residual_orders(params, history, self.first_chances, rate)
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        limit(params)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_distr::{Beta, Distribution, Gamma};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::super::fit::{BOUND, Information, Likelihood, Maximum, maximise};
    use super::*;

    fn histories(customers: &[History], sum_ln_gaps: f64) -> Histories {
        let mut out = Histories::collapse(customers).0;
        out.sum_ln_gaps = Some(sum_ln_gaps);
        out
    }

    fn some_customers() -> Vec<History> {
        let rows = [
            (0, 0.0, 39.0),
            (1, 1.7, 38.9),
            (2, 30.4, 38.9),
            (26, 30.9, 31.0),
            (4, 3.0, 27.0),
            (7, 20.0, 20.0),
        ];
        rows.iter().map(|&(x, t_x, age)| History { x, t_x, age }).collect()
    }

    #[test]
    fn one_stage_is_the_beta_geometric_family() {
        let rows = histories(&some_customers(), 12.3);
        for first in [0, 1] {
            for params in [[0.24, 4.4, 0.8, 2.4], [3.0, 1e3, 1e-6, 1e5], [1e5, 1e6, 20.0, 0.1]] {
                let want = beta_geometric::log_likelihood(&params, &rows, first);
                let whole: Vec<f64> = [&[1.0][..], &params].concat();
                assert_eq!(log_likelihood(&whole, &rows, first), want);
                // And the formulas for k stages, which the line above does not go through.
                let got = regular_likelihood(1, params, &rows, 12.3, first);
                let near = |got: f64, want: f64, unit: f64| {
                    assert!(
                        (got - want).abs() <= 1e-13 * (want.abs() + unit),
                        "{params:?}: {got} {want}"
                    );
                };
                near(got.value, want.value, 1e3);
                for i in 0..4 {
                    near(got.gradient[i], want.gradient[i], 1e3 / params[i]);
                    for j in 0..4 {
                        near(got.hessian[i][j], want.hessian[i][j], 1e3 / params[i] / params[j]);
                    }
                }
                for h in &rows.rows {
                    let near = |got: f64, want: f64| assert!((got - want).abs() <= 1e-12 * want, "{got} {want}");
                    let (mut got, mut want) = ([0.0], [0.0]);
                    renewal(&whole, h, first).unwrap().expected_orders(&[20.0], &mut got);
                    beta_geometric::expected_orders(&params, h, first, &[20.0], &mut want);
                    near(got[0] * alive_prob(&whole, h, first), want[0]);
                }
            }
        }
    }

    /// The formula as the paper's package has it: products and powers, no logarithms.
    fn as_published(k: i32, [r, alpha, a, b]: [f64; 4], h: &History, sum_ln_gaps: f64, first: u32) -> f64 {
        let (kf, x, n) = (f64::from(k), f64::from(h.x), f64::from(h.x) + f64::from(first));
        let shape = r + kf * x;
        let ln_beta = |u: f64, v: f64| ln_gamma(u) + ln_gamma(v) - ln_gamma(u + v);
        let regular = (kf - 1.0) * sum_ln_gaps - x * ln_gamma(kf);
        let survive = ln_beta(a, b + n) - ln_beta(a, b);
        let rates = ln_gamma(shape) - ln_gamma(r) + r * alpha.ln() - shape * (alpha + h.age).ln();
        let dead = if n < 1.0 {
            0.0
        } else {
            a / (b + n - 1.0) * ((alpha + h.age) / (alpha + h.t_x)).powf(shape)
        };
        let mut alive = 1.0;
        for j in 1..k {
            let rising: f64 = (0..j).map(|i| shape + f64::from(i)).product();
            let factorial: f64 = (1..=j).map(f64::from).product();
            alive += rising * (h.age - h.t_x).powi(j) / (factorial * (alpha + h.age).powi(j));
        }
        regular + survive + rates + (dead + alive).ln()
    }

    #[test]
    fn likelihood_agrees_with_the_published_formula() {
        for first in [0, 1] {
            for k in 1..=12 {
                for params in [[0.24, 4.4, 0.8, 2.4], [1.9, 13.0, 0.3, 0.9]] {
                    for h in some_customers() {
                        let sum_ln_gaps = f64::from(h.x) * 0.37;
                        let whole: Vec<f64> = [&[f64::from(k)][..], &params].concat();
                        let got = log_likelihood(&whole, &histories(&[h], sum_ln_gaps), first).value;
                        let want = as_published(k, params, &h, sum_ln_gaps, first);
                        assert!(
                            (got - want).abs() <= 1e-12 * want.abs().max(100.0),
                            "{k} {h:?}: {got} {want}"
                        );
                    }
                }
            }
        }
    }

    /// x, t_x, T and the gaps of `n` customers.
    fn simulated(n: usize, seed: u64, k: usize, [r, alpha, a, b]: [f64; 4], first_chances: u32) -> Histories {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (rates, drops) = (Gamma::new(r, 1.0 / alpha).unwrap(), Beta::new(a, b).unwrap());
        let mut sum_ln_gaps = 0.0;
        let customers: Vec<History> = (0..n)
            .map(|_| {
                let (rate, drop): (f64, f64) = (rates.sample(&mut rng), drops.sample(&mut rng));
                let gaps = Gamma::new(k as f64, 1.0 / rate.max(1e-12)).unwrap();
                let age = 300.0 + 400.0 * rng.gen_range(0.0..1.0_f64);
                let mut h = History { x: 0, t_x: 0.0, age };
                let mut leaves = 0 < first_chances && rng.gen_bool(drop);
                while !leaves {
                    let gap: f64 = gaps.sample(&mut rng);
                    if age < h.t_x + gap {
                        break;
                    }
                    h.x += 1;
                    h.t_x += gap;
                    sum_ln_gaps += gap.ln();
                    leaves = rng.gen_bool(drop);
                }
                h
            })
            .collect();
        histories(&customers, sum_ln_gaps)
    }

    fn best(k: f64, rows: &Histories, first_chances: u32) -> Maximum {
        let at = |params: &[f64]| log_likelihood(&[&[k][..], params].concat(), rows, first_chances);
        let likelihood = Likelihood {
            at: &at,
            n: rows.n_customers(),
        };
        maximise(likelihood, None, &starts([1.0, 20.0]), BOUND, &[]).unwrap()
    }

    #[test]
    fn the_likelihood_chooses_the_regularity_that_made_the_data() {
        let truth = [1.2, 18.0, 0.7, 2.0];
        for (first, seed) in [(0, 1), (1, 2)] {
            let rows = simulated(2_000, seed, 3, truth, first);
            let fits: Vec<Maximum> = SHAPES[..6].iter().map(|k| best(*k, &rows, first)).collect();
            let gains: Vec<f64> = fits.iter().map(|f| f.log_likelihood - fits[2].log_likelihood).collect();
            for (k, gain) in SHAPES.iter().zip(&gains) {
                assert!(*k == 3.0 || *gain < -20.0, "{gains:?}");
            }
            let information = Information::of(&fits[2], rows.n_customers());
            let errors = information.standard_errors(&fits[2].params).unwrap();
            for ((got, want), error) in fits[2].params.iter().zip(truth).zip(errors) {
                assert!((got - want).abs() < 3.5 * error, "{got} {want} {error}");
            }
        }
    }
}
