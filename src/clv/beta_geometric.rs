//! The family of count models in which a customer may drop out right after an order: BG/NBD and MBG/NBD.
//!
//! In: parameters (r, alpha, a, b) and histories. Out: likelihood with derivatives, P(alive), future orders.
//! The two differ in one number only: how many chances to drop out there were before the first repeat order.
//! Cost of a likelihood: two logarithms and an exponential per distinct history, some 30 ns.
//!
//! # Formula
//! With n = x + `first_chances` chances,
//!
//! ln L = ln Γ(r+x)/Γ(r) + r ln alpha − (r+x) ln(alpha+T) + ln B(a, b+n)/B(a, b) + ln(1 + e^w),
//! w = ln a/(b+n−1) + (r+x) ln (alpha+T)/(alpha+t_x),  P(alive) = 1/(1 + e^w),
//!
//! and no w (customer alive for certain) when n = 0. Fader, Hardie and Lee (2005), *Counting Your Customers the
//! Easy Way*, Marketing Science 24(2), equation (6), with `first_chances` 0; Batislam, Denizel and Filiztekin
//! (2007), *Empirical validation and comparison of models for customer base analysis*, IJRM 24(3), with 1.

use super::histories::{Histories, History, sum_in_order};
use super::model::{CountModel, FitStatus};
use super::nbd::{EQUAL_RATES_FROM, add_rising, mirror};
use super::optimise::Derivatives;
use super::orders::Posterior;
use super::special::{SurvivalSums, rising_sums, survival_sums};

pub const LETTERS: &[&str] = &["r", "alpha", "a", "b"];
pub const TIME_POWERS: &[i32] = &[0, 1, 0, 0];

/// Dropout beta distributions beyond this are one common probability.
const COMMON_DROPOUT_FROM: f64 = 1e4;

/// Points to search from: little and much dropout, alike and different customers.
pub fn starts(nbd: [f64; 2]) -> Vec<Vec<f64>> {
    let [r, alpha] = nbd;
    [
        (1.0, 0.8, 2.5),
        (2.0, 0.5, 1.0),
        (1.0, 3.0, 12.0),
        (1.0, 0.05, 0.5),
        (1.0, 0.005, 8.0),
        (1.0, 1e-4, 50.0),
    ]
    .into_iter()
    .map(|(factor, a, b)| vec![r * factor, alpha * factor, a, b])
    .collect()
}

/// Log-likelihood of all histories with derivatives by (r, alpha, a, b).
pub fn log_likelihood(params: &[f64], histories: &Histories, first_chances: u32) -> Derivatives {
    let &[r, alpha, a, b] = params else {
        return Derivatives {
            value: f64::NAN,
            ..Derivatives::default()
        };
    };
    let mut sum = sum_in_order(histories.rows.len(), |from, to| {
        RowSums::over(
            &histories.rows[from..to],
            &histories.counts[from..to],
            [r, alpha, a, b],
            first_chances,
        )
    });
    let chances: Vec<u32> = histories
        .x_values
        .iter()
        .map(|x| x.saturating_add(first_chances))
        .collect();
    let rising = rising_sums(r, &histories.x_values);
    let survival = survival_sums(a, b, &chances);
    for ((rising, survival), n) in rising.iter().zip(&survival).zip(&histories.x_counts) {
        add_rising(&mut sum, *n, rising);
        add_survival(&mut sum, *n, survival);
    }
    mirror(&mut sum);
    sum
}

/// ln B(a, b+n)/B(a, b).
pub fn add_survival(sum: &mut Derivatives, weight: f64, survival: &SurvivalSums) {
    sum.value -= weight * survival.hazard;
    sum.gradient[2] -= weight * survival.by_a;
    sum.gradient[3] += weight * survival.minus_by_b;
    sum.hessian[2][2] += weight * survival.inverse_squared;
    sum.hessian[2][3] += weight * survival.inverse_squared;
    sum.hessian[3][3] -= weight * survival.inverse_squared_gap;
}

/// Sums over rows with one x, from which their part of the log-likelihood follows: −(r+x) ln(alpha+T) and ln(1 + e^w)
/// with derivatives. Rows are sorted by x and then t_x, so what depends on these alone is computed once a run, and a
/// row needs one logarithm for the time after t_x, and an exponential and a logarithm for its odds.
#[derive(Default)]
struct RowSums {
    value: f64,
    /// Customers' ln (alpha+T)/alpha.
    growth: f64,
    /// Of E = 1/(alpha+T) and of T E.
    end: f64,
    end_squared: f64,
    age_end: f64,
    age_end_squared: f64,
    /// Of P(dead) and of P(dead) times G = ln (alpha+T)/(alpha+t_x), A = dG/dalpha, and −dA/dalpha.
    dead: f64,
    dead_a: f64,
    dead_g: f64,
    dead_aa: f64,
    /// Of P(dead) P(alive) times 1, G, A, G², GA, A².
    both: f64,
    both_g: f64,
    both_a: f64,
    both_gg: f64,
    both_ga: f64,
    both_aa: f64,
}

/// Rows that are worked on together, one step after the other, so that the compiler makes vector instructions of the
/// steps between logarithms and exponentials.
const BLOCK: usize = 64;
const LANES: usize = 2;
const SUMS: usize = 16;

/// Some rows of one x, column by column.
struct Block {
    len: usize,
    weight: [f64; BLOCK],
    age: [f64; BLOCK],
    silence: [f64; BLOCK],
    /// 1/(alpha+t_x).
    last: [f64; BLOCK],
    /// ln (alpha+t_x)/alpha.
    before: [f64; BLOCK],
    /// r ln (alpha+t_x)/alpha + x ln(alpha+t_x).
    exposure: [f64; BLOCK],
}

impl Block {
    const EMPTY: Self = Self {
        len: 0,
        weight: [0.0; BLOCK],
        age: [0.0; BLOCK],
        silence: [0.0; BLOCK],
        last: [1.0; BLOCK],
        before: [0.0; BLOCK],
        exposure: [0.0; BLOCK],
    };

    fn push(&mut self, weight: f64, age: f64, order: &LastOrder) {
        let i = self.len;
        self.weight[i] = weight;
        self.age[i] = age;
        self.silence[i] = age - order.t_x;
        self.last[i] = order.inverse;
        self.before[i] = order.ln_growth;
        self.exposure[i] = order.exposure;
        self.len += 1;
    }

    /// Adds up and empties the block. What is left of the last lanes gets no weight.
    fn sum_into(&mut self, sums: &mut [[f64; LANES]; SUMS], alpha: f64, odds: &Odds) {
        let len = self.len.next_multiple_of(LANES);
        self.weight[self.len..len].fill(0.0);
        self.len = 0;
        let (mut growth, mut end) = ([0.0; BLOCK], [0.0; BLOCK]);
        for i in 0..len {
            end[i] = 1.0 / (alpha + self.age[i]);
            growth[i] = self.silence[i] * self.last[i];
        }
        growth[..len].iter_mut().for_each(|y| *y = ln_1p(*y));
        let (mut small, mut soft) = ([0.0; BLOCK], [0.0; BLOCK]);
        for i in 0..len {
            small[i] = -(odds.ln_least + odds.shape * growth[i]).abs();
        }
        small[..len].iter_mut().for_each(|y| *y = y.exp());
        for i in 0..len {
            soft[i] = (1.0 + small[i]).ln();
        }
        for start in (0..len).step_by(LANES) {
            for lane in 0..LANES {
                let i = start + lane;
                let (weight, end, growth) = (self.weight[i], end[i], growth[i]);
                let ending = odds.shape * growth;
                // e^w and 1 or 1 and e^−w, so that nothing overflows.
                let likely = 1.0 / (1.0 + small[i]);
                let unlikely = small[i] * likely;
                let dead = weight * if 0.0 < odds.ln_least + ending { likely } else { unlikely };
                let both = weight * likely * unlikely;
                // −(r+x) G + ln(1 + e^w) without the large numbers that cancel.
                let value = odds.ln_least.max(-ending) - self.exposure[i] + soft[i];
                let by_alpha = -self.silence[i] * self.last[i] * end;
                let weighted_end = weight * end;
                let age_end = weighted_end * self.age[i];
                let (dead_a, both_g, both_a) = (dead * by_alpha, both * growth, both * by_alpha);
                let terms = [
                    weight * value,
                    weight * (self.before[i] + growth),
                    weighted_end,
                    weighted_end * end,
                    age_end,
                    age_end * end,
                    dead,
                    dead_a,
                    dead * growth,
                    dead_a * (self.last[i] + end),
                    both,
                    both_g,
                    both_a,
                    both_g * growth,
                    both_g * by_alpha,
                    both_a * by_alpha,
                ];
                for (sum, term) in sums.iter_mut().zip(terms) {
                    sum[lane] += term;
                }
            }
        }
    }
}

impl RowSums {
    /// Sums over sorted rows.
    fn over(rows: &[History], counts: &[f64], params: [f64; 4], first_chances: u32) -> Derivatives {
        let mut out = Derivatives::default();
        let mut counts = counts.iter();
        let mut block = Block::EMPTY;
        let ln_alpha = params[1].ln();
        for rows in rows.chunk_by(|one, next| one.x == next.x) {
            let x = rows[0].x;
            let odds = Odds::of(params, x, first_chances);
            let mut sums = [[0.0; LANES]; SUMS];
            for rows in rows.chunk_by(|one, next| one.t_x == next.t_x) {
                let order = LastOrder::at(params, ln_alpha, x, rows[0].t_x);
                for (h, weight) in rows.iter().zip(&mut counts) {
                    block.push(*weight, h.age, &order);
                    if block.len == BLOCK {
                        block.sum_into(&mut sums, params[1], &odds);
                    }
                }
            }
            block.sum_into(&mut sums, params[1], &odds);
            Self::from(sums.map(|lanes| lanes.iter().sum())).fold_into(&mut out, params, x, &odds);
        }
        out
    }

    /// In the order of the terms in [`Block::sum_into`].
    fn from(sums: [f64; SUMS]) -> Self {
        let [value, growth, end, end_squared, age_end, age_end_squared, rest @ ..] = sums;
        let [
            dead,
            dead_a,
            dead_g,
            dead_aa,
            both,
            both_g,
            both_a,
            both_gg,
            both_ga,
            both_aa,
        ] = rest;
        Self {
            value,
            growth,
            end,
            end_squared,
            age_end,
            age_end_squared,
            dead,
            dead_a,
            dead_g,
            dead_aa,
            both,
            both_g,
            both_a,
            both_gg,
            both_ga,
            both_aa,
        }
    }

    fn fold_into(&self, sum: &mut Derivatives, [r, alpha, a, _]: [f64; 4], x: u32, odds: &Odds) {
        let x = f64::from(x);
        let shape = odds.shape;
        let by_alpha = self.age_end / alpha;
        sum.value += self.value;
        sum.gradient[0] -= self.growth;
        sum.gradient[1] += r * by_alpha - x * self.end;
        sum.hessian[0][1] += by_alpha;
        sum.hessian[1][1] += x * self.end_squared - r * (by_alpha / alpha + self.age_end_squared / alpha);
        if !odds.exist {
            return;
        }
        let (by_a, by_b) = (1.0 / a, -1.0 / odds.survivals);
        sum.gradient[0] += self.dead_g;
        sum.gradient[1] += shape * self.dead_a;
        sum.gradient[2] += by_a * self.dead;
        sum.gradient[3] += by_b * self.dead;
        sum.hessian[0][0] += self.both_gg;
        sum.hessian[0][1] += shape * self.both_ga + self.dead_a;
        sum.hessian[0][2] += by_a * self.both_g;
        sum.hessian[0][3] += by_b * self.both_g;
        sum.hessian[1][1] += shape * (shape * self.both_aa - self.dead_aa);
        sum.hessian[1][2] += by_a * shape * self.both_a;
        sum.hessian[1][3] += by_b * shape * self.both_a;
        sum.hessian[2][2] += by_a * by_a * (self.both - self.dead);
        sum.hessian[2][3] += by_a * by_b * self.both;
        sum.hessian[3][3] += by_b * by_b * (self.both + self.dead);
    }
}

/// ln(1 + y) for y ≥ 0 to a few units in the last place, in three quarters of the library's time: the rounding of 1 + y
/// cancels (Kahan).
fn ln_1p(y: f64) -> f64 {
    let rounded = 1.0 + y;
    let added = rounded - 1.0;
    if added == 0.0 { y } else { rounded.ln() * (y / added) }
}

/// What the log-odds of having dropped out owe to x alone.
struct Odds {
    exist: bool,
    shape: f64,
    survivals: f64,
    /// The log-odds without any silence; −∞ without any chance.
    ln_least: f64,
}

impl Odds {
    fn of([r, _, a, b]: [f64; 4], x: u32, first_chances: u32) -> Self {
        let chances = f64::from(x) + f64::from(first_chances);
        let survivals = b + (chances - 1.0);
        let exist = 1.0 <= chances;
        Self {
            exist,
            shape: r + f64::from(x),
            survivals,
            ln_least: if exist { (a / survivals).ln() } else { f64::NEG_INFINITY },
        }
    }
}

/// What rows of one (x, t_x) share.
struct LastOrder {
    t_x: f64,
    /// 1/(alpha+t_x).
    inverse: f64,
    /// ln (alpha+t_x)/alpha.
    ln_growth: f64,
    /// r ln (alpha+t_x)/alpha + x ln(alpha+t_x).
    exposure: f64,
}

impl LastOrder {
    fn at([r, alpha, _, _]: [f64; 4], ln_alpha: f64, x: u32, t_x: f64) -> Self {
        let ln_growth = ln_1p(t_x / alpha);
        Self {
            t_x,
            inverse: 1.0 / (alpha + t_x),
            ln_growth,
            exposure: r * ln_growth + f64::from(x) * (ln_alpha + ln_growth),
        }
    }
}

/// P(alive) at the end of observation.
pub fn alive_prob(params: &[f64], h: &History, first_chances: u32) -> f64 {
    let &[r, alpha, a, b] = params else {
        return f64::NAN;
    };
    let odds = Odds::of([r, alpha, a, b], h.x, first_chances);
    if !odds.exist {
        return 1.0;
    }
    let growth = ((h.age - h.t_x) / (alpha + h.t_x)).ln_1p();
    // Not 1 − P(dead), which would lose the digits of a small probability.
    1.0 / (1.0 + (odds.ln_least + odds.shape * growth).exp())
}

/// P(still there `ahead` after the end of observation).
pub fn alive_prob_after(params: &[f64], h: &History, first_chances: u32, ahead: f64) -> f64 {
    alive_prob(params, h, first_chances) * posterior(params, h, first_chances).survival(ahead)
}

/// Discounted expected orders to infinity.
pub fn residual_orders(params: &[f64], h: &History, first_chances: u32, rate: f64) -> f64 {
    alive_prob(params, h, first_chances) * posterior(params, h, first_chances).residual_orders(rate)
}

/// Rate and dropout of a customer, given the history and being alive.
fn posterior(params: &[f64], h: &History, first_chances: u32) -> Posterior {
    let x = f64::from(h.x);
    Posterior {
        shape: params[0] + x,
        exposure: params[1] + h.age,
        a: params[2],
        b: params[3] + x + f64::from(first_chances),
    }
}

/// Expected orders within each horizon; see [`Posterior::expected_orders`].
pub fn expected_orders(params: &[f64], h: &History, first: u32, horizons: &[f64], out: &mut [f64]) {
    posterior(params, h, first).expected_orders(horizons, out);
    let alive = alive_prob(params, h, first);
    for expected in out {
        *expected *= alive;
    }
}

/// P(more than i orders); see [`Posterior::order_tail`].
pub fn order_tail(
    params: &[f64],
    h: &History,
    first_chances: u32,
    horizon: f64,
    least: f64,
    max_len: usize,
) -> Vec<f64> {
    let alive = alive_prob(params, h, first_chances);
    let mut tail =
        posterior(params, h, first_chances).order_tail(horizon, least / alive.max(f64::MIN_POSITIVE), max_len);
    tail.iter_mut().for_each(|p| *p *= alive);
    // Rounding, or a chance to be alive that is none.
    tail.truncate(tail.partition_point(|p| least < *p));
    tail
}

/// Limits other than the one without dropout.
pub fn limit(params: &[f64]) -> Option<FitStatus> {
    if EQUAL_RATES_FROM < params[0] {
        Some(FitStatus::EqualRatesLimit)
    } else if COMMON_DROPOUT_FROM < params[2] && COMMON_DROPOUT_FROM < params[3] {
        Some(FitStatus::CommonDropoutLimit)
    } else {
        None
    }
}

/// The model of the family with so many chances to drop out before the first repeat order.
pub struct BetaGeometric {
    pub name: &'static str,
    pub first_chances: u32,
}

impl CountModel for BetaGeometric {
    fn name(&self) -> &'static str {
        self.name
    }

    fn letters(&self) -> &'static [&'static str] {
        LETTERS
    }

    fn time_powers(&self) -> &'static [i32] {
        TIME_POWERS
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn forgets_last_order(&self) -> bool {
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
        posterior(params, h, self.first_chances).order_probs(horizon, out);
    }

    fn residual_orders(&self, params: &[f64], history: &History, rate: f64) -> f64 {
        residual_orders(params, history, self.first_chances, rate)
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        limit(params)
    }
}
