//! Orders to infinity of a customer who is still alive, discounted (discounted expected residual transactions, DERT).
//!
//! In: what is known of the customer ([`Renewal`]) and a discount rate δ per unit of time. Out: the expected orders, each
//! times e^(−δ t), to ten digits. Cost: some 5,000 divisions, 20 µs; more where a shape parameter is far below 1.
//!
//! # Formula
//! Given rate λ, stage j and dropout probability p = 1 − η, the next order is worth φ^(k−j) and every later one η φ^k of
//! the one before, φ = λ/(λ+δ) being the Laplace transform of a stage, so that all are worth φ^(k−j)/(1 − η φ^k); its mean
//! over λ, j and p is taken by a product of two trapezoidal rules. For k = 1 and p = 0 it is λ/δ, the NBD's, for k = 1
//! λ/(δ + p λ). A closed form for BG/NBD is a double series; this converges as fast for any parameters.
//!
//! # Check
//! `tests` here for the NBD; `stages::tests` holds 40-digit values for k from 1 to 12.

use super::means::{beta_rule, gamma_rule};
use super::stages::Renewal;

impl Renewal {
    /// Expected orders to infinity, discounted by exp(−rate t), to ten digits.
    pub fn residual_orders(&self, rate: f64) -> f64 {
        let mut step = 0.1;
        loop {
            let (fine, coarse) = self.residual_with(rate, step);
            if (fine - coarse).abs() <= ALIKE * fine || step < LEAST_STEP {
                return fine;
            }
            step *= 0.5;
        }
    }

    /// The mean of φ^(k−j)/(1 − η φ^k) over rates, stages and dropout by a product of two rules; and with twice the step.
    fn residual_with(&self, rate: f64, step: f64) -> (f64, f64) {
        let v = self.v();
        let k = self.k as f64;
        let before = self.stages_expected(0.0).0;
        // Σ_j (λs)^j/j!, by which silence changes the density of the rate.
        let silent = |rate: f64| {
            let (mut term, mut sum) = (1.0, 1.0);
            for j in 1..self.k {
                term *= rate * v / j as f64;
                sum += term;
            }
            sum
        };
        let rates = gamma_rule(self.shape, self.shape + before, step, silent);
        let chances = beta_rule(self.a, self.b, step);
        let dropout: Vec<f64> = chances.points.iter().map(|c| c.p).collect();
        let discount = rate * self.exposure;
        let (mut fine, mut coarse) = (0.0, 0.0);
        for ((rate, weight), coarse_weight) in rates.points.iter().zip(&rates.weights).zip(&rates.coarse) {
            let ln_phi = -(discount / rate).ln_1p();
            let phi = ln_phi.exp();
            let gap = (k * ln_phi).exp();
            let lost = -(k * ln_phi).exp_m1();
            // Σ_j (λs)^j/j! φ^(k−1−j).
            let (mut stage, mut first) = (1.0, 1.0);
            for j in 1..self.k {
                stage *= rate * v / j as f64;
                first = first * phi + stage;
            }
            let next_order = first * phi / silent(*rate);
            let (later, coarse_later) = later_orders(lost, gap, &dropout, &chances.weights, &chances.coarse);
            fine += weight * next_order * later;
            coarse += coarse_weight * next_order * coarse_later;
        }
        (fine, coarse)
    }
}

/// Mean of 1/(1 − (1−p) gap) over p with two sets of weights; `lost` is 1 − gap. Four sums at a time, which the compiler
/// makes vector instructions of.
fn later_orders(lost: f64, gap: f64, dropout: &[f64], weights: &[f64], coarse: &[f64]) -> (f64, f64) {
    const LANES: usize = 4;
    let mut sums = [[0.0; LANES]; 2];
    let chunks = dropout
        .chunks_exact(LANES)
        .zip(weights.chunks_exact(LANES))
        .zip(coarse.chunks_exact(LANES));
    for ((p, weights), coarse) in chunks {
        for lane in 0..LANES {
            let orders = 1.0 / (lost + p[lane] * gap);
            sums[0][lane] += weights[lane] * orders;
            sums[1][lane] += coarse[lane] * orders;
        }
    }
    for i in dropout.len() / LANES * LANES..dropout.len() {
        let orders = 1.0 / (lost + dropout[i] * gap);
        sums[0][0] += weights[i] * orders;
        sums[1][0] += coarse[i] * orders;
    }
    let [fine, coarse] = sums.map(|lanes| lanes.iter().sum());
    (fine, coarse)
}

/// Two rules this much alike: the finer one is good to ten digits, since halving the step doubles their number.
const ALIKE: f64 = 1e-6;
const LEAST_STEP: f64 = 1.0 / 64.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// Without dropout, orders are worth what the NBD says, (r+x)/(alpha+T)/δ.
    #[test]
    fn discounted_orders_without_dropout_are_those_of_the_nbd() {
        for (shape, exposure) in [(0.2, 4.0), (30.5, 400.0), (4000.0, 365.0)] {
            let r = Renewal {
                k: 1,
                shape,
                exposure,
                silence: 0.0,
                a: 1e-13,
                b: 7.0,
            };
            for rate in [1e-5, 3e-4, 0.1] {
                let (got, want) = (r.residual_orders(rate), shape / exposure / rate);
                // The dropout that there is costs a/(a+b) of it an order.
                assert!(
                    (got / want - 1.0).abs() < 2e-9,
                    "{shape} {exposure} {rate}: {got} {want}"
                );
            }
        }
    }
}
