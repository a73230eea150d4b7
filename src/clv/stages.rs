//! Future orders of a customer who is still alive, when orders are k stages apart: Erlang-k gaps with a gamma
//! distributed rate, and a beta distributed dropout probability at every order. k = 1 is the Poisson process of BG/NBD.
//!
//! In: what is known of the rate, of the time since the last order and of dropout ([`Renewal`]), and a length of time.
//! Out: expected orders, the distribution of their number, survival. Cost: O(k stages + 40 k) for a horizon, where the
//! stages are k times the orders expected; beyond 4,096 stages an integral of some hundred points.
//!
//! # Formula
//! After the last order the customer has passed j < k stages of the next gap, nobody sees how many. With R = r + k x,
//! A = alpha + T, silence s = T − t_x and v = s/A, stage j has weight w_j ∝ Γ(R+j)/(Γ(R) j!) v^j, and given j the rate
//! is Gamma(R + j, A). In time t = u A the stages passed since the last order, J, have
//!
//! P(J = m) = Σ_j w_j Γ(R+m)/(Γ(R+j) (m−j)!) (1+u)^−(R+j) z^(m−j),  z = u/(1+u);
//!
//! M = ⌊J/k⌋ orders would be made if nobody dropped out, and with s_i = B(a, b+i)/B(a, b), the chance to survive i
//! chances to drop out,
//!
//! P(N > i) = P(M > i) s_i,  E\[N\] = Σ_n P(M = n) Σ_{i<n} s_i,  P(still there) = Σ_n P(M = n) s_n.
//!
//! All terms are positive, so small results keep their digits. Where the sums are long, `roots` takes their place;
//! discounted orders to infinity are in `discounting`. The published package (BTYDplus) takes E\[N\] from the BG/NBD
//! with alpha times k, blind to the stages already passed, and scales all customers to the right total; here it is exact.

use super::means::beta_mean;
use super::roots::Orders;

/// The largest k; the number of stages kept at once.
pub const MOST_STAGES: usize = 12;

/// Sums over more stages than this become integrals.
const LONGEST_SERIES: f64 = 4096.0;

/// Horizons that are summed together; the compiler makes vector instructions of them.
const LANES: usize = 8;

/// Below e^−this the first probability is taken for none, and the scale moves.
const UNDERFLOW: f64 = 500.0;

/// Stages after which [`Renewal::order_tail`] stops adding up the far tail.
const FARTHEST_STAGE: u32 = 1 << 22;

/// What is known of an alive customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Renewal {
    /// Stages of a gap, 1 to [`MOST_STAGES`].
    pub k: usize,
    /// Shape of the gamma distribution of the rate at the last order, r + k x.
    pub shape: f64,
    /// alpha + T.
    pub exposure: f64,
    /// T − t_x; has no influence if k is 1.
    pub silence: f64,
    /// Beta distribution of the dropout probability at the next order.
    pub a: f64,
    pub b: f64,
}

/// Γ(R+j)/(Γ(R) j!) v^j for j = 0 .. k−1, and their sum.
pub fn stage_weights(shape: f64, v: f64, k: usize) -> ([f64; MOST_STAGES], f64) {
    let mut weights = [0.0; MOST_STAGES];
    let (mut term, mut sum) = (1.0, 0.0);
    for (j, weight) in weights.iter_mut().enumerate().take(k) {
        *weight = term;
        sum += term;
        term *= (shape + j as f64) / (j as f64 + 1.0) * v;
    }
    (weights, sum)
}

/// Probabilities of the number of stages, one after the other, all times e^−`ln_scale`: the first ones may be too
/// small for a number, and the scale moves up as they grow.
pub(super) struct StageSeries {
    k: usize,
    shape: f64,
    /// Next number of stages.
    m: f64,
    z: f64,
    /// z v / u.
    zq: f64,
    /// Σ over these is P(J = m); entry j is for those who had passed j stages before.
    parts: [f64; MOST_STAGES],
    pub(super) ln_scale: f64,
}

/// The scale moves when a probability reaches this.
const RESCALE_FROM: f64 = 1e200;

impl StageSeries {
    pub(super) fn new(renewal: &Renewal, u: f64) -> Self {
        let v = renewal.v();
        let (_, sum) = stage_weights(renewal.shape, v, renewal.k);
        let ln_first = -renewal.shape * u.ln_1p() - sum.ln();
        let mut parts = [0.0; MOST_STAGES];
        let underflows = ln_first < -UNDERFLOW;
        parts[0] = if underflows { 1.0 } else { ln_first.exp() };
        Self {
            k: renewal.k,
            shape: renewal.shape,
            m: 0.0,
            z: u / (1.0 + u),
            zq: v / (1.0 + u),
            parts,
            ln_scale: if underflows { ln_first } else { 0.0 },
        }
    }

    /// P(J = m) for the next m.
    fn next(&mut self) -> f64 {
        let probability: f64 = self.parts[..self.k].iter().sum();
        let growth = (self.shape + self.m) / (self.m + 1.0);
        let (stay, pass) = (growth * self.z, growth * self.zq);
        for j in (1..self.k).rev() {
            self.parts[j] = stay * self.parts[j] + pass * self.parts[j - 1];
        }
        self.parts[0] *= stay;
        self.m += 1.0;
        probability
    }

    /// Moves the scale if need be; what has been added up must be multiplied by the result.
    pub(super) fn rescale(&mut self) -> f64 {
        let largest = self.parts[..self.k].iter().fold(0.0, |m: f64, p| m.max(*p));
        if largest < RESCALE_FROM {
            return 1.0;
        }
        let mut factor = 1.0 / RESCALE_FROM;
        self.ln_scale += RESCALE_FROM.ln();
        // Not sooner, because the product must be a number.
        if -200.0 < self.ln_scale {
            factor *= self.ln_scale.exp();
            self.ln_scale = 0.0;
        }
        for part in &mut self.parts {
            *part *= factor;
        }
        factor
    }

    /// Probability of the stages of n orders, for the next n, and a bound on what follows: P(J = m + i) is at most
    /// the second times the i-th power of the third.
    pub(super) fn next_order(&mut self) -> (f64, f64, f64) {
        let (mut sum, mut last) = (0.0, 0.0);
        for _ in 0..self.k {
            last = self.next();
            sum += last;
        }
        // The ratio of each part to the one before is (R+m)/(m+1−j) z, which falls to z, or rises to it if R + j < 1.
        let m = self.m - 1.0;
        let ratio = self.z * ((self.shape + m) / (m + 2.0 - self.k as f64)).max(1.0);
        (sum, last, ratio)
    }
}

/// Probabilities of the number of orders made if nobody dropped out, P(M = n), one after the other.
enum Made {
    /// k is 1 and the first one is a number: each is a product of the one before.
    Product {
        probability: f64,
        shape: f64,
        z: f64,
        m: f64,
    },
    Stages(StageSeries),
}

impl Made {
    fn new(renewal: &Renewal, u: f64) -> Self {
        let ln_first = -renewal.shape * u.ln_1p();
        if renewal.k == 1 && -UNDERFLOW <= ln_first {
            Self::Product {
                probability: ln_first.exp(),
                shape: renewal.shape,
                z: u / (1.0 + u),
                m: 0.0,
            }
        } else {
            Self::Stages(StageSeries::new(renewal, u))
        }
    }

    fn next(&mut self) -> f64 {
        match self {
            Self::Product {
                probability,
                shape,
                z,
                m,
            } => {
                let here = *probability;
                *probability *= *z * (*shape + *m) / (*m + 1.0);
                *m += 1.0;
                here
            }
            Self::Stages(series) => {
                let scale = series.ln_scale;
                let (probability, _, _) = series.next_order();
                series.rescale();
                if scale == 0.0 {
                    probability
                } else {
                    probability * scale.exp()
                }
            }
        }
    }
}

impl Renewal {
    pub(super) fn v(&self) -> f64 {
        if self.k == 1 { 0.0 } else { self.silence / self.exposure }
    }

    /// Expected number of stages passed within `u` exposures, those before included, and their standard deviation.
    pub(super) fn stages_expected(&self, u: f64) -> (f64, f64) {
        let (weights, sum) = stage_weights(self.shape, self.v(), self.k);
        let before: f64 = (0_u32..).zip(&weights).map(|(j, w)| f64::from(j) * w / sum).sum();
        let ahead = (self.shape + before) * u;
        (before + ahead, (ahead * (1.0 + u)).sqrt())
    }

    fn series_is_long(&self, u: f64) -> bool {
        let (mean, deviation) = self.stages_expected(u);
        let short = mean + 9.0 * deviation + 40.0 * (1.0 + u) <= LONGEST_SERIES;
        !short
    }

    /// Expected orders within each of `horizons` (ascending), written to `out`, which is as long.
    pub fn expected_orders(&self, horizons: &[f64], out: &mut [f64]) {
        for (lanes, out) in horizons.chunks(LANES).zip(out.chunks_mut(LANES)) {
            let us = |t: &f64| t / self.exposure;
            let longest = lanes.iter().map(us).fold(0.0, f64::max);
            if self.series_is_long(longest) || UNDERFLOW < self.shape * longest.ln_1p() {
                for (u, out) in lanes.iter().map(us).zip(out) {
                    *out = self.expected_within(u);
                }
            } else {
                let expected = match self.k {
                    2 => self.sum_lanes::<2>(lanes, longest),
                    3 => self.sum_lanes::<3>(lanes, longest),
                    4 => self.sum_lanes::<4>(lanes, longest),
                    _ => self.sum_lanes::<MOST_STAGES>(lanes, longest),
                };
                out.copy_from_slice(&expected[..lanes.len()]);
            }
        }
    }

    fn expected_within(&self, u: f64) -> f64 {
        if u <= 0.0 {
            0.0
        } else if self.series_is_long(u) {
            let orders = Orders::new(self, u);
            beta_mean(self.a, self.b, 1e-30, |chance| orders.expected(chance))
        } else {
            self.sum(u, |made, survival| (made, survival))
        }
    }

    /// [`Renewal::sum`] of expected orders for several horizons at once, k at most K, without any change of scale.
    fn sum_lanes<const K: usize>(&self, horizons: &[f64], longest: f64) -> [f64; LANES] {
        let v = self.v();
        let (_, weight) = stage_weights(self.shape, v, self.k);
        let (mut z, mut zq) = ([0.0; LANES], [0.0; LANES]);
        let mut parts = [[0.0; LANES]; K];
        for (lane, t) in horizons.iter().enumerate() {
            let u = t / self.exposure;
            z[lane] = u / (1.0 + u);
            zq[lane] = v / (1.0 + u);
            parts[0][lane] = (-self.shape * u.ln_1p() - weight.ln()).exp();
        }
        let longest_z = longest / (1.0 + longest);
        let last_lane = horizons.len().saturating_sub(1);
        let (mut made, mut survival, mut n, mut m) = (0.0, 1.0, 0.0, 0.0);
        let mut expected = [0.0; LANES];
        while m < 2.0 * self.k as f64 * LONGEST_SERIES {
            let mut last = 0.0;
            for _ in 0..self.k {
                let mut probability = [0.0; LANES];
                for part in parts.iter().take(self.k) {
                    for lane in 0..LANES {
                        probability[lane] += part[lane];
                    }
                }
                let growth = (self.shape + m) / (m + 1.0);
                for j in (1..self.k).rev() {
                    for lane in 0..LANES {
                        parts[j][lane] = growth * (z[lane] * parts[j][lane] + zq[lane] * parts[j - 1][lane]);
                    }
                }
                for lane in 0..LANES {
                    parts[0][lane] *= growth * z[lane];
                    expected[lane] += probability[lane] * made;
                }
                last = probability[last_lane];
                m += 1.0;
            }
            // A longer horizon has the heavier tail, so its share that is left bounds the others'.
            let ratio = longest_z * ((self.shape + m - 1.0) / (m + 1.0 - self.k as f64)).max(1.0);
            if ratio < 1.0 {
                let left = last * (made + survival / (1.0 - ratio)) * ratio / (1.0 - ratio);
                if left <= 1e-17 * expected[last_lane] {
                    break;
                }
            }
            made += survival;
            survival *= (self.b + n) / (self.a + self.b + n);
            n += 1.0;
        }
        expected
    }

    /// Probability that the customer is still there after `t`.
    pub fn survival(&self, t: f64) -> f64 {
        let u = t / self.exposure;
        if u <= 0.0 {
            return 1.0;
        }
        let survival = if self.series_is_long(u) {
            let orders = Orders::new(self, u);
            beta_mean(self.a, self.b, 1e-250, |chance| orders.survival(chance))
        } else {
            self.sum(u, |_, survival| (survival, 0.0))
        };
        survival.clamp(0.0, 1.0)
    }

    /// Σ P(M = n) value(n). `value` is given the orders made by n chances to order, Σ s_i over i < n, and s_n; it
    /// returns the value and by how much it can grow with n.
    pub(super) fn sum(&self, u: f64, value: impl Fn(f64, f64) -> (f64, f64)) -> f64 {
        let mut series = StageSeries::new(self, u);
        let (mut made, mut survival, mut n) = (0.0, 1.0, 0.0);
        let mut sum = 0.0;
        for _ in 0..FARTHEST_STAGE {
            let (probability, last, ratio) = series.next_order();
            let (worth, growth) = value(made, survival);
            sum += probability * worth;
            if ratio < 1.0 {
                let left = last * (worth + growth / (1.0 - ratio)) * ratio / (1.0 - ratio);
                if left <= 1e-17 * sum {
                    break;
                }
            }
            sum *= series.rescale();
            made += survival;
            survival *= (self.b + n) / (self.a + self.b + n);
            n += 1.0;
        }
        sum * series.ln_scale.exp()
    }

    /// P(N > i) for i = 0, 1, … while it is above `least`, at most `max_len` numbers. Where `least` is above
    /// 4e-4 they are one minus the probabilities of fewer orders, good to 1e-13; else they are summed from the
    /// far end and keep all digits.
    pub fn order_tail(&self, t: f64, least: f64, max_len: usize) -> Vec<f64> {
        let u = t / self.exposure;
        if u <= 0.0 {
            return Vec::new();
        }
        if COARSE <= least {
            return self.upper_tail(u, least, max_len);
        }
        if self.k == 1 && max_len == 1 {
            // The chance of no order is a power of one number.
            let some = -(-self.shape * u.ln_1p()).exp_m1();
            return if least < some { vec![some] } else { Vec::new() };
        }
        let (counts, mut above) = self.order_counts(u, least, max_len);
        let mut tail = vec![0.0; counts.len()];
        for (tail, probability) in tail.iter_mut().zip(&counts).rev() {
            *tail = above;
            above = (above + probability).min(1.0);
        }
        let mut survival = 1.0;
        let mut n = 0.0;
        let mut out = Vec::new();
        for more in tail.into_iter().take(max_len) {
            if more * survival <= least {
                break;
            }
            out.push(more * survival);
            survival *= (self.b + n) / (self.a + self.b + n);
            n += 1.0;
        }
        out
    }

    /// P(N = i) for i = 0 … `out.len()` − 1, good to 1e-15 of all.
    pub fn order_probs(&self, t: f64, out: &mut [f64]) {
        let u = t / self.exposure;
        out.fill(0.0);
        if u <= 0.0 {
            out.iter_mut().take(1).for_each(|p| *p = 1.0);
            return;
        }
        let mut made = Made::new(self, u);
        // Chances to drop out that were survived before the last of i orders, and then that one too.
        let (mut before, mut survival, mut cumulated, mut n) = (1.0, 1.0, 0.0, 0.0);
        for out in out {
            let probability = made.next();
            cumulated += probability;
            *out = (before * probability + (1.0_f64 - cumulated).max(0.0) * (before - survival)).min(1.0);
            before = survival;
            survival *= (self.b + n) / (self.a + self.b + n);
            n += 1.0;
        }
    }

    fn upper_tail(&self, u: f64, least: f64, max_len: usize) -> Vec<f64> {
        let mut made = Made::new(self, u);
        let (mut cumulated, mut survival, mut n) = (0.0, 1.0, 0.0);
        let mut out = Vec::new();
        while out.len() < max_len && n * (self.k as f64) < f64::from(FARTHEST_STAGE) {
            cumulated += made.next();
            let more = (1.0_f64 - cumulated).min(1.0) * survival;
            if more <= least {
                break;
            }
            out.push(more);
            survival *= (self.b + n) / (self.a + self.b + n);
            n += 1.0;
        }
        out
    }

    /// P(M = n) for n = 0, 1, … as far as a tail above `least` with at most `max_len` entries needs it, and the rest.
    fn order_counts(&self, u: f64, least: f64, max_len: usize) -> (Vec<f64>, f64) {
        let mut series = StageSeries::new(self, u);
        let mut counts = Vec::new();
        let (mut total, mut beyond) = (0.0, 0.0);
        while series.m < f64::from(FARTHEST_STAGE) {
            let scale = series.ln_scale.exp();
            let (probability, last, ratio) = series.next_order();
            series.rescale();
            counts.push(probability * scale);
            total += probability * scale;
            if max_len < counts.len() {
                beyond += probability * scale;
            }
            if ratio < 1.0 {
                let left = last * scale * ratio / (1.0 - ratio);
                if left <= 1e-17 * least.max(beyond) || last * scale <= f64::MIN_POSITIVE {
                    return (counts, left);
                }
            }
        }
        (counts, (1.0_f64 - total).max(0.0))
    }
}

/// Tails above this are taken from 1.
const COARSE: f64 = 4e-4;

#[cfg(test)]
mod tests {
    use super::*;

    /// (k, R, A, s, a, b, t, rate), expected orders, survival, discounted orders: sums over stages in 40 digits, and
    /// 2F1 under an integral over the rate (mpmath).
    #[allow(clippy::type_complexity)]
    const PRECISE: &[((usize, f64, f64, f64, f64, f64, f64, f64), [f64; 3])] = &[
        (
            (1, 2.2426, 43.27, 0.0, 0.7929, 4.4259, 39.0, 0.002),
            [1.6872910291665746, 0.7805936770981502, 8.360296432681599],
        ),
        (
            (1, 26.2426, 35.41, 0.0, 0.7929, 28.4259, 52.0, 0.002),
            [26.587588582044795, 0.5137490494937075, 84.46274767665984],
        ),
        (
            (2, 2.5, 43.27, 8.0, 0.7929, 4.4259, 39.0, 0.002),
            [1.079668224043556, 0.8492881485825848, 6.518829850586238],
        ),
        (
            (3, 9.6, 35.41, 12.0, 0.7929, 6.4259, 52.0, 0.002),
            [4.377532324539869, 0.620077715214354, 15.25954216955537],
        ),
        (
            (3, 0.6, 4.4, 4.0, 0.3, 1.2, 52.0, 0.01),
            [3.2784573354231537, 0.6839066707813395, 4.956578056400243],
        ),
        (
            (4, 1.2, 4.4, 0.0, 1.0, 2.4, 0.001, 0.01),
            [3.9406756397675566e-15, 0.9999999999999989, 2.399747436015048],
        ),
        (
            (4, 17.2, 300.0, 280.0, 2.0, 9.4, 0.5, 0.0003),
            [0.027910430305796465, 0.9951034332851123, 7.540964600690169],
        ),
        (
            (12, 144.7, 365.0, 3.0, 0.6, 14.2, 365.0, 0.00026),
            [9.833791545136705, 0.6940669138189076, 46.25792810694448],
        ),
        (
            (12, 0.7, 30.0, 29.0, 0.6, 1.2, 90.0, 0.00026),
            [0.9180298533679346, 0.7422153100188201, 7.798857699997778],
        ),
        (
            (5, 2500.5, 365.0, 1.0, 0.4, 510.2, 365.0, 0.00026),
            [431.6189995463573, 0.760556805944692, 2495.952505808281],
        ),
        (
            (2, 0.3, 0.05, 0.02, 1.4, 0.9, 365.0, 0.00026),
            [2.603720923599237, 0.0987044228347646, 2.817268930471398],
        ),
        (
            (6, 0.8, 0.9, 0.0, 0.05, 0.4, 400.0, 0.001),
            [43.86771202667059, 0.7564059794344027, 102.89190286052043],
        ),
        (
            (3, 0.02, 0.1, 0.05, 3.0, 0.2, 900.0, 0.0001),
            [0.1652925377384752, 0.8490868635192773, 0.1985986470244057],
        ),
    ];

    fn worst(pick: impl Fn(&Renewal, f64, f64) -> f64, column: usize) -> f64 {
        PRECISE.iter().fold(0.0, |worst, (c, want)| {
            let &(k, shape, exposure, silence, a, b, t, rate) = c;
            let renewal = Renewal {
                k,
                shape,
                exposure,
                silence,
                a,
                b,
            };
            let error = (pick(&renewal, t, rate) / want[column] - 1.0).abs();
            println!("{c:?}: {error:e}");
            f64::max(worst, error)
        })
    }

    #[test]
    fn expected_orders_agree_with_high_precision() {
        let error = worst(|r, t, _| r.expected_within(t / r.exposure), 0);
        assert!(error < 1e-11, "{error:e}");
        let together = |r: &Renewal, t: f64, _: f64| {
            let mut out = [0.0; 10];
            r.expected_orders(
                &[
                    0.0,
                    0.1 * t,
                    0.2 * t,
                    0.3 * t,
                    0.4 * t,
                    0.5 * t,
                    t,
                    2.0 * t,
                    2.1 * t,
                    2.2 * t,
                ],
                &mut out,
            );
            out[6]
        };
        let error = worst(together, 0);
        assert!(error < 1e-11, "{error:e}");
    }

    #[test]
    fn survival_agrees_with_high_precision() {
        let error = worst(|r, t, _| r.survival(t), 1);
        assert!(error < 1e-11, "{error:e}");
    }

    #[test]
    fn discounted_orders_agree_with_high_precision() {
        let error = worst(|r, _, rate| r.residual_orders(rate), 2);
        assert!(error < 1e-10, "{error:e}");
    }

    /// (i, P(N > i)) in 40 digits, as incomplete beta functions.
    #[test]
    fn tails_keep_their_digits() {
        type Case = ((usize, f64, f64, f64, f64, f64), f64, &'static [(usize, f64)]);
        let cases: [Case; 3] = [
            (
                (1, 2.2426, 43.27, 0.0, 0.7929, 4.4259),
                39.0,
                &[
                    (0, 0.7633033293056483),
                    (3, 0.1242358547071213),
                    (12, 0.000_246_550_607_849_152_9),
                    (40, 3.4547526379366328e-13),
                ],
            ),
            (
                (3, 9.6, 35.41, 12.0, 0.7929, 6.4259),
                52.0,
                &[
                    (0, 0.999_402_572_542_057),
                    (3, 0.611_561_433_129_629_3),
                    (12, 0.0019680890200267),
                    (40, 6.685342565835031e-18),
                ],
            ),
            (
                (12, 40.0, 365.0, 20.0, 0.3, 4.2),
                30.0,
                &[
                    (0, 0.023213560820105128),
                    (3, 3.0477833767464769e-23),
                    (12, 3.8446393360264626e-122),
                ],
            ),
        ];
        for ((k, shape, exposure, silence, a, b), t, want) in cases {
            let r = Renewal {
                k,
                shape,
                exposure,
                silence,
                a,
                b,
            };
            let (all, coarse) = (r.order_tail(t, 0.0, 60), r.order_tail(t, COARSE, 60));
            for &(i, want) in want {
                let error = (all[i] / want - 1.0).abs();
                assert!(error < 1e-13, "{r:?} {i}: {error:e}");
                if let Some(coarse) = coarse.get(i) {
                    assert!((coarse / want - 1.0).abs() < 1e-12, "{r:?} {i}");
                }
            }
            assert_eq!(coarse.len(), all.iter().filter(|p| COARSE < **p).count());
            assert_eq!(r.order_tail(t, 0.0, 2), all[..2]);
        }
    }
}
