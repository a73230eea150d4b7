//! BG/BB: at every opportunity a customer orders or not, with a probability of its own, until it drops out unseen.
//!
//! Assumes that opportunities come one after another (a month, a year, an event), that a customer uses each with a
//! probability that differs between customers (beta) and does not change, and that before each opportunity the
//! customer drops out for good with another beta distributed probability, independent of the first.
//! In: parameters (alpha, beta, gamma, delta) and histories of [`Setting::Discrete`]. Out: likelihood with
//! derivatives, P(alive), future orders. Cost of a likelihood: two exponentials and a logarithm for every
//! opportunity after the last use, once per distinct (x, t_x).
//! Source: Fader, Hardie and Shang (2010), *Customer-Base Analysis in a Discrete-Time Noncontractual Setting*,
//! Marketing Science 29(6), 1086-1108.
//!
//! # Formula
//! The likelihood is a sum over the opportunities m from t_x to n after which the customer may have dropped out,
//! L = Σ B(alpha+x, beta+m−x)/B(alpha, beta) · w(m) with w(m) = B(gamma+1, delta+m)/B(gamma, delta) for m below n, and
//! w(n) = B(gamma, delta+n)/B(gamma, delta) for a customer still there (equation 5). All terms are positive and the sum
//! is kept as a logarithm with its mean gradient and covariance, so nothing cancels. P(alive) is that of being there at
//! opportunity n + 1 (equation 11). Expected orders (equation 13): for a customer who is there at n + 1, the mean of
//! Beta(alpha+x, beta+n−x) times the expected opportunities before dropout; the paper divides by gamma − 1, the form
//! here does not. DERT (equation 14): opportunity n + k is discounted k times. The distribution of future orders: the
//! (i+1)-th falls on some opportunity until which the customer stayed, again a sum of positive terms.
//!
//! # Shapes and units
//! All parameters are numbers; x, t_x, n and horizons count opportunities. Fractions of an opportunity are dropped, and
//! a horizon ends after [`MOST_OPPORTUNITIES`](super::beta_survival::MOST_OPPORTUNITIES).
//!
//! # Domain
//! All parameters positive. Without dropout it is BB (`clv/bb.rs`).
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `tests::donations` holds the paper's 1.204, .750, .657, 2.783, −33225.6 and its P(alive).

use super::bb::{self, counts, is_one_probability, posterior, undefined, use_prob, uses_until};
use super::beta_survival::{Chances, whole};
use super::histories::{Histories, History, sum_in_order};
use super::model::{CountModel, FitStatus, Setting};
use super::nbd::mirror;
use super::optimise::Derivatives;

pub const NAME: &str = "bg_bb";

pub struct BgBb;

impl CountModel for BgBb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn setting(&self) -> Setting {
        Setting::Discrete
    }

    fn letters(&self) -> &'static [&'static str] {
        &["alpha", "beta", "gamma", "delta"]
    }

    fn time_powers(&self) -> &'static [i32] {
        &[0, 0, 0, 0]
    }

    fn has_dropout(&self) -> bool {
        true
    }

    fn without_dropout(&self) -> Option<&'static str> {
        Some(bb::NAME)
    }

    fn start_at(&self, simpler: &str, params: &[f64]) -> Option<Vec<f64>> {
        match (simpler, params) {
            // One customer in a thousand leaves at each chance.
            (bb::NAME, &[alpha, beta]) => Some(vec![alpha, beta, 0.01, 10.0]),
            _ => None,
        }
    }

    fn forgets_last_order(&self) -> bool {
        true
    }

    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>> {
        let [alpha, beta] = nbd;
        [
            (1.0, 0.5, 3.0),
            (2.0, 1.0, 1.0),
            (1.0, 3.0, 30.0),
            (1.0, 0.02, 0.5),
            (0.5, 1e-3, 10.0),
        ]
        .into_iter()
        .map(|(factor, gamma, delta)| vec![alpha * factor, beta * factor, gamma, delta])
        .chain([vec![1.0, 1.0, 0.5, 3.0]])
        .collect()
    }

    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let &[alpha, beta, gamma, delta] = params else {
            return undefined();
        };
        let last = whole(histories.longest_age());
        let stays = stays_until(gamma, delta, last);
        let mut sum = sum_in_order(histories.rows.len(), |from, to| {
            let mut part = Derivatives::default();
            let (mut table_x, mut uses) = (u32::MAX, Vec::new());
            // Dropout after t_x, …, `until` − 1; the next row often continues where this one ends.
            let (mut group, mut until, mut left) = ((u32::MAX, 0, 0), 0, LogMixture::EMPTY);
            for i in from..to {
                let [x, t_x, n] = counts(&histories.rows[i]);
                if table_x != x {
                    (table_x, uses) = (x, uses_until(alpha, beta, x, last));
                }
                if (group.0, group.1) != (x, t_x) || n < group.2 {
                    (until, left) = (t_x, LogMixture::EMPTY);
                }
                for m in until..n {
                    let stay = &stays[m as usize];
                    let share = left.add(&term(&uses[(m - x) as usize], stay).then_left(gamma, delta, m));
                    // The terms fall with m, so the rest is less than this share each.
                    if share < NEGLIGIBLE {
                        until = last;
                        break;
                    }
                }
                (group, until) = ((x, t_x, n), until.max(n));
                let mut all = left;
                all.add(&term(&uses[(n - x) as usize], &stays[n as usize]));
                all.sum.scale(histories.counts[i]);
                part.add(&all.sum);
            }
            part
        });
        mirror(&mut sum);
        sum
    }

    fn alive_prob(&self, params: &[f64], h: &History) -> f64 {
        1.0 / (1.0 + dead_odds(params, h))
    }

    fn alive_prob_after(&self, params: &[f64], h: &History, ahead: f64) -> f64 {
        self.alive_prob(params, h) * chances(params, h).survival(whole(ahead))
    }

    fn expected_orders(&self, params: &[f64], h: &History, horizons: &[f64], out: &mut [f64]) {
        let per_chance = self.alive_prob(params, h) * use_prob(params, h);
        let opportunities: Vec<u32> = horizons.iter().map(|t| whole(*t)).collect();
        for (out, there) in out.iter_mut().zip(chances(params, h).survived(&opportunities)) {
            *out = per_chance * there;
        }
    }

    fn order_tail(&self, params: &[f64], h: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64> {
        let alive = self.alive_prob(params, h);
        let asked = least;
        let least = least / alive.max(f64::MIN_POSITIVE);
        let mut tail = future_tail(
            posterior(params, h),
            Some(chances(params, h)),
            whole(horizon),
            least,
            max_len,
        );
        tail.iter_mut().for_each(|p| *p *= alive);
        // The product of two tiny probabilities may be nothing.
        tail.truncate(tail.partition_point(|p| asked < *p));
        tail
    }

    fn residual_orders(&self, params: &[f64], h: &History, rate: f64) -> f64 {
        let first = self.alive_prob(params, h) * use_prob(params, h) * (-rate).exp();
        first * chances(params, h).discounted(rate)
    }

    fn limit(&self, params: &[f64]) -> Option<FitStatus> {
        let &[alpha, beta, gamma, delta] = params else {
            return None;
        };
        if is_one_probability(alpha, beta) {
            Some(FitStatus::EqualRatesLimit)
        } else if is_one_probability(gamma, delta) {
            Some(FitStatus::CommonDropoutLimit)
        } else {
            None
        }
    }
}

/// Still there at n + 1: the chances to drop out before the opportunities after that.
fn chances(params: &[f64], h: &History) -> Chances {
    let [_, _, n] = counts(h);
    Chances {
        a: params[2],
        b: params[3] + f64::from(n) + 1.0,
    }
}

/// A share of the sum that even [`MOST_OPPORTUNITIES`](super::beta_survival::MOST_OPPORTUNITIES) times does not show.
const NEGLIGIBLE: f64 = 1e-24;

/// Odds of having dropped out before opportunity n + 1: the terms of the likelihood over that of being there, each from
/// the one after it, so that the odds are exact when they are tiny and infinite at worst.
fn dead_odds(params: &[f64], h: &History) -> f64 {
    let &[alpha, beta, gamma, delta] = params else {
        return f64::INFINITY;
    };
    let [x, t_x, n] = counts(h);
    let x = f64::from(x);
    let mut ratio = 1.0 + gamma / (delta + f64::from(n));
    let mut odds = gamma / (delta + f64::from(n));
    for m in (t_x..n).rev().map(f64::from) {
        ratio *= (1.0 + (alpha + x) / (beta + m - x)) * (1.0 + gamma / (delta + m));
        odds += ratio * (gamma / (gamma + delta + m));
        if odds.is_infinite() {
            break;
        }
    }
    odds
}

/// ln B(gamma, delta+m)/B(gamma, delta) with derivatives.
#[derive(Clone, Copy, Debug, Default)]
struct Stay {
    ln: f64,
    gradient: [f64; 2],
    hessian: [f64; 3],
}

fn stays_until(gamma: f64, delta: f64, last: u32) -> Vec<Stay> {
    let mut stay = Stay::default();
    let mut out = vec![stay];
    for m in 0..last {
        let y = delta + f64::from(m);
        let (u, v) = (1.0 / y, 1.0 / (y + gamma));
        stay.ln -= (gamma * u).ln_1p();
        stay.gradient[0] -= v;
        stay.gradient[1] += gamma * u * v;
        stay.hessian[0] += v * v;
        stay.hessian[1] += v * v;
        stay.hessian[2] -= gamma * u * v * (u + v);
        out.push(stay);
    }
    out
}

/// The term of the likelihood with m opportunities before the end, as a logarithm with derivatives.
fn term(uses: &bb::Uses, stay: &Stay) -> Term {
    let mut out = Derivatives {
        value: uses.ln + stay.ln,
        gradient: [uses.gradient[0], uses.gradient[1], stay.gradient[0], stay.gradient[1]],
        ..Derivatives::default()
    };
    for (at, [aa, ab, bb]) in [(0, uses.hessian), (2, stay.hessian)] {
        out.hessian[at][at] = aa;
        out.hessian[at][at + 1] = ab;
        out.hessian[at + 1][at] = ab;
        out.hessian[at + 1][at + 1] = bb;
    }
    Term(out)
}

struct Term(Derivatives);

impl Term {
    /// Times the probability gamma/(gamma+delta+m) to leave at the next chance.
    fn then_left(mut self, gamma: f64, delta: f64, m: u32) -> Self {
        let y = delta + f64::from(m);
        let v = 1.0 / (y + gamma);
        let out = &mut self.0;
        out.value -= (y / gamma).ln_1p();
        out.gradient[2] += y * v / gamma;
        out.gradient[3] -= v;
        out.hessian[2][2] += v * v - 1.0 / (gamma * gamma);
        out.hessian[2][3] += v * v;
        out.hessian[3][2] += v * v;
        out.hessian[3][3] += v * v;
        self
    }
}

/// ln of a sum of positive terms given by their logarithms, with derivatives: the gradient is the mean of theirs, the
/// Hessian the mean of theirs plus the covariance of the gradients.
#[derive(Clone, Copy)]
struct LogMixture {
    sum: Derivatives,
}

impl LogMixture {
    const EMPTY: Self = Self {
        sum: Derivatives {
            value: f64::NEG_INFINITY,
            gradient: [0.0; 4],
            hessian: [[0.0; 4]; 4],
        },
    };

    /// Adds a term, and returns its share of the sum so far.
    fn add(&mut self, Term(term): &Term) -> f64 {
        let sum = &mut self.sum;
        let odds = term.value - sum.value;
        let smaller = (-odds.abs()).exp();
        let (most, least) = (1.0 / (1.0 + smaller), smaller / (1.0 + smaller));
        let (new, old) = if 0.0 < odds { (most, least) } else { (least, most) };
        sum.value = sum.value.max(term.value) + smaller.ln_1p();
        let gap: [f64; 4] = std::array::from_fn(|i| term.gradient[i] - sum.gradient[i]);
        for i in 0..4 {
            sum.gradient[i] += new * gap[i];
            // The upper triangle; the likelihood mirrors its sum.
            for j in i..4 {
                sum.hessian[i][j] = old * sum.hessian[i][j] + new * (term.hessian[i][j] + old * gap[i] * gap[j]);
            }
        }
        new
    }
}

/// P(more than i orders at the next `n` opportunities) for i = 0, 1, … while it is above `least`, at most `max_len`
/// numbers, of a customer who uses each with a Beta(alpha, beta) probability, is there at the first of them and has the
/// `chances` to leave before each of the others.
///
/// The (i+1)-th order falls on opportunity m with probability C(m−1, i) B(alpha+i+1, beta+m−i−1)/B(alpha, beta).
pub fn future_tail([alpha, beta]: [f64; 2], chances: Option<Chances>, n: u32, least: f64, max_len: usize) -> Vec<f64> {
    let Chances { a, b } = chances.unwrap_or(Chances { a: 0.0, b: 1.0 });
    let mut out = Vec::new();
    let mut ln_first = -(beta / alpha).ln_1p();
    let mut last = 1.0_f64;
    for i in 0..n {
        if max_len <= out.len() {
            break;
        }
        let (made, next) = (f64::from(i), f64::from(i) + 1.0);
        let (mut term, mut sum, mut ln_scale) = (1.0, 1.0, ln_first);
        for m in (i + 1..n).map(f64::from) {
            term *= (m / (m - made)) * ((beta + m - next) / (alpha + beta + m)) * ((b + m - 1.0) / (a + b + m - 1.0));
            sum += term;
            if RESCALE_FROM < term {
                term /= RESCALE_FROM;
                sum /= RESCALE_FROM;
                ln_scale += RESCALE_FROM.ln();
            }
            if term <= 0.0 {
                break;
            }
        }
        let tail = (sum.ln() + ln_scale).exp().min(last);
        if tail.is_nan() || tail <= least {
            break;
        }
        out.push(tail);
        last = tail;
        ln_first -= (beta / (alpha + next)).ln_1p() + (a / (b + made)).ln_1p();
    }
    out
}

/// Terms are brought back to size from here on.
const RESCALE_FROM: f64 = 1e200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clv::bb::Bb;
    use crate::clv::fit::{self, Likelihood, Maximum};

    /// Donations to a charity, 1995 cohort, six yearly opportunities: (x, t_x, donors), table 3 of the paper.
    const DONATIONS: [(u32, u32, u32); 22] = [
        (0, 0, 3464),
        (1, 1, 1091),
        (1, 2, 277),
        (1, 3, 129),
        (1, 4, 78),
        (1, 5, 119),
        (1, 6, 129),
        (2, 2, 613),
        (2, 3, 255),
        (2, 4, 155),
        (2, 5, 173),
        (2, 6, 234),
        (3, 3, 322),
        (3, 4, 181),
        (3, 5, 225),
        (3, 6, 357),
        (4, 4, 240),
        (4, 5, 284),
        (4, 6, 512),
        (5, 5, 335),
        (5, 6, 728),
        (6, 6, 1203),
    ];

    /// As the paper rounds them.
    const PUBLISHED: [f64; 4] = [1.20352, 0.74972, 0.65672, 2.78344];

    fn history(x: u32, t_x: u32, n: u32) -> History {
        History {
            x,
            t_x: f64::from(t_x),
            age: f64::from(n),
        }
    }

    fn donors() -> Histories {
        let customers: Vec<History> = DONATIONS
            .iter()
            .flat_map(|(x, t_x, donors)| std::iter::repeat_n(history(*x, *t_x, 6), *donors as usize))
            .collect();
        Histories::collapse(&customers).0
    }

    fn maximum(model: &dyn CountModel, histories: &Histories) -> Maximum {
        let full = |params: &[f64]| model.log_likelihood(params, histories);
        let n = histories.n_customers();
        fit::maximise(
            Likelihood { at: &full, n },
            None,
            &model.starts([0.5, 0.5]),
            fit::BOUND,
            &[],
        )
        .unwrap()
    }

    #[track_caller]
    fn assert_close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "got {got}, want {want}");
    }

    #[test]
    fn donations() {
        let histories = donors();
        let found = maximum(&BgBb, &histories);
        // 30 digits, from the same table.
        let precise = [1.20352235160191, 0.749716358172939, 0.656718208441832, 2.78344223257738];
        for (got, (want, published)) in found.params.iter().zip(precise.iter().zip(PUBLISHED)) {
            assert_close(*got, *want, 1e-8);
            assert!((got - published).abs() < 1e-5);
        }
        assert!((found.log_likelihood + 33_225.581_274_347).abs() < 1e-8);
        assert!(
            fit::Information::of(&found, histories.n_customers())
                .covariance
                .is_some()
        );
        assert_eq!(BgBb.limit(&found.params), None);
        for (x, t_x, published) in [(0, 0, 0.11), (2, 4, 0.59), (6, 6, 0.93)] {
            let alive = BgBb.alive_prob(&PUBLISHED, &history(x, t_x, 6));
            assert!((alive - published).abs() < 0.005, "{x} {t_x} {alive}");
        }
    }

    /// P(alive) at 7 and at 10, expected donations at the next five, DERT at 10 % and at almost nothing: 40 digits.
    type Precise = ((u32, u32), [f64; 5]);
    const PRECISE: [Precise; 5] = [
        (
            (0, 0),
            [
                0.108133453898049,
                0.0904723482794278,
                0.0728632793773006,
                0.114752552558379,
                9.33256332821252,
            ],
        ),
        (
            (2, 4),
            [
                0.589656711874691,
                0.493349888299384,
                1.0576013901756,
                1.66561895304631,
                135.460989872688,
            ],
        ),
        (
            (6, 6),
            [
                0.930433382485043,
                0.778468549708569,
                3.75254040427636,
                5.90988483704339,
                480.637452278816,
            ],
        ),
        (
            (1, 1),
            [
                0.0694619911652687,
                0.0581169770348018,
                0.0856958028951884,
                0.134962524467794,
                10.9761942409981,
            ],
        ),
        (
            (4, 5),
            [
                0.696799770374093,
                0.58299359942527,
                2.03002110935252,
                3.19708508917547,
                260.011637172382,
            ],
        ),
    ];

    #[test]
    fn predictions_agree_with_high_precision() {
        for ((x, t_x), [alive, later, orders, dert, undiscounted]) in PRECISE {
            let h = history(x, t_x, 6);
            let mut out = [0.0; 2];
            BgBb.expected_orders(&PUBLISHED, &h, &[5.0, 5.9], &mut out);
            assert_close(BgBb.alive_prob(&PUBLISHED, &h), alive, 3e-14);
            assert_close(BgBb.alive_prob_after(&PUBLISHED, &h, 3.0), later, 3e-14);
            assert_close(out[0], orders, 3e-14);
            assert_eq!(out[0], out[1], "a part of an opportunity is none");
            assert_close(BgBb.residual_orders(&PUBLISHED, &h, 1.1_f64.ln()), dert, 3e-13);
            assert_close(BgBb.residual_orders(&PUBLISHED, &h, 1e-5), undiscounted, 3e-13);
        }
        let tail = BgBb.order_tail(&PUBLISHED, &history(4, 5, 6), 5.0, 0.0, 100);
        let want = [
            0.661582539773679,
            0.562944177174599,
            0.431949264086579,
            0.268633305167225,
            0.104911823150435,
        ];
        assert_eq!(tail.len(), want.len());
        for (got, want) in tail.iter().zip(want) {
            assert_close(*got, want, 3e-14);
        }
    }

    /// Every way to use or not to use n opportunities has its history; their probabilities must add up, and those of
    /// the histories' x must be what the tail of a new customer says.
    #[test]
    fn probabilities_of_all_histories_sum_to_one() {
        let n = 9;
        for params in [
            PUBLISHED,
            [0.02, 7.0, 1.0, 0.3],
            [300.0, 500.0, 1e-6, 1e6],
            [5.0, 1e-3, 40.0, 2.0],
        ] {
            for model in [&BgBb as &dyn CountModel, &Bb] {
                let params = &params[..model.letters().len()];
                let mut by_x = vec![0.0; n as usize + 1];
                for uses in 0_u32..1 << n {
                    let h = history(uses.count_ones(), u32::BITS - uses.leading_zeros(), n);
                    let (rows, _) = Histories::collapse(&[h]);
                    by_x[h.x as usize] += model.log_likelihood(params, &rows).value.exp();
                }
                assert_close(by_x.iter().sum(), 1.0, 1e-13);
                // A customer before the first opportunity may drop out before it, as in the likelihood.
                let tail = model.order_tail(params, &History::NEW, f64::from(n), 0.0, 100);
                let mut above = 1.0;
                for (x, share) in by_x.iter().enumerate() {
                    above -= share;
                    let got = tail.get(x).copied().unwrap_or(0.0);
                    assert!(
                        (got - above).abs() < 1e-13,
                        "{} {params:?} {x}: {got} {above}",
                        model.name()
                    );
                }
            }
        }
    }

    #[test]
    fn the_tail_sums_to_the_expectation_also_when_its_first_terms_underflow() {
        let cases = [
            (PUBLISHED, history(4, 5, 6), 40.0),
            ([0.5, 40.0, 1e-3, 5.0], history(3, 90, 100), 2_000.0),
            ([2_000.0, 5_000.0, 1e-4, 1e4], history(40, 100, 100), 3_000.0),
            ([0.3, 1e-3, 2.0, 0.01], history(0, 0, 3), 400.0),
        ];
        for (params, h, horizon) in cases {
            for model in [&BgBb as &dyn CountModel, &Bb] {
                let params = &params[..model.letters().len()];
                let tail = model.order_tail(params, &h, horizon, 0.0, 100_000);
                let mut out = [0.0];
                model.expected_orders(params, &h, &[horizon], &mut out);
                assert_close(tail.iter().sum(), out[0], 1e-11);
            }
        }
    }

    #[test]
    fn without_dropout_it_is_the_beta_binomial() {
        let histories = donors();
        let almost = BgBb.log_likelihood(&[0.8, 1.1, 1e-13, 1.0], &histories).value;
        let never = Bb.log_likelihood(&[0.8, 1.1], &histories).value;
        assert_close(almost, never, 1e-12);
        // ln B(0.8 + 2, 1.1 + 4)/B(0.8, 1.1), term by term.
        let (rows, _) = Histories::collapse(&[history(2, 4, 6)]);
        let product: f64 = [0.8 / 1.9, 1.8 / 2.9, 1.1 / 3.9, 2.1 / 4.9, 3.1 / 5.9, 4.1 / 6.9]
            .iter()
            .product();
        assert_close(Bb.log_likelihood(&[0.8, 1.1], &rows).value, product.ln(), 1e-14);
        assert!(maximum(&Bb, &histories).log_likelihood < maximum(&BgBb, &histories).log_likelihood - 1_000.0);
    }

    #[test]
    fn cohorts_of_different_length_are_summed_as_if_alone() {
        let mut customers = Vec::new();
        for n in [1, 2, 7, 8, 30, 300] {
            for t_x in 0..=n.min(12) {
                for x in u32::from(0 < t_x)..=t_x.min(5) {
                    customers.push(history(x, t_x, n));
                }
            }
        }
        let together = BgBb.log_likelihood(&PUBLISHED, &Histories::collapse(&customers).0);
        let mut apart = Derivatives::default();
        for h in &customers {
            apart.add(&BgBb.log_likelihood(&PUBLISHED, &Histories::collapse(&[*h]).0));
        }
        assert_close(together.value, apart.value, 1e-13);
        for i in 0..4 {
            assert_close(together.gradient[i], apart.gradient[i], 1e-11);
            for j in 0..4 {
                assert_close(together.hessian[i][j], apart.hessian[i][j], 1e-10);
            }
        }
    }

    #[test]
    fn data_without_a_maximum_end_in_a_named_limit() {
        let many = |h: History, n: usize| vec![h; n];
        // Everybody uses half of the opportunities, spread evenly: one probability, nobody leaves.
        let alike: Vec<History> = (0..64)
            .map(|uses: u32| history(2 + uses % 2, 5 + uses % 2, 6))
            .collect();
        let equal = maximum(&Bb, &Histories::collapse(&alike).0);
        assert_eq!(Bb.limit(&equal.params), Some(FitStatus::EqualRatesLimit));
        for customers in [
            alike,
            many(history(0, 0, 6), 100),
            many(history(6, 6, 6), 100),
            many(history(3, 3, 6), 100),
            many(history(0, 0, 0), 5),
            [many(history(6, 6, 6), 60), many(history(0, 0, 6), 40)].concat(),
            [many(history(300, 300, 300), 60), many(history(1, 300, 300), 40)].concat(),
        ] {
            let histories = Histories::collapse(&customers).0;
            let (with, without) = (maximum(&BgBb, &histories), maximum(&Bb, &histories));
            assert!(
                without.log_likelihood <= with.log_likelihood + 1e-6,
                "{with:?} {without:?}"
            );
            for h in &histories.rows {
                let mut out = [0.0];
                BgBb.expected_orders(&with.params, h, &[12.0], &mut out);
                assert!((0.0..=12.0).contains(&out[0]));
                assert!((0.0..=1.0).contains(&BgBb.alive_prob(&with.params, h)));
            }
        }
    }
}
