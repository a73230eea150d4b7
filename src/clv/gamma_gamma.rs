//! Gamma-Gamma: what a customer spends on an order, on average.
//!
//! In: x repeat purchase days and the mean amount of those days, for customers with both positive. Out: the
//! expected amount of a future order of each customer. Cost: two logarithms a customer an evaluation.
//! Assumes that order amounts are gamma distributed around the customer's own mean, that means differ between
//! customers (inverse gamma), and that the mean does not depend on how often a customer orders; that is tested
//! ([`super::independence`]), because the third assumption is the one that fails.
//! Source: Fader and Hardie (2013), *The Gamma-Gamma Model of Monetary Value*, note 025 (brucehardie.com);
//! Colombo and Jiang (1999).
//!
//! # Formula
//! Likelihood of a mean amount z over x orders: equation (1a) of the note,
//! Γ(px+q)/(Γ(px)Γ(q)) gamma^q z^(px−1) x^px / (gamma+xz)^(px+q). Expected amount: equation (5),
//! (q−1)/(px+q−1) · p gamma/(q−1) + px/(px+q−1) · z, which for x = 0 is the population mean p gamma/(q−1).
//!
//! # Shapes and units
//! p and q are numbers; gamma is money, in the unit of z.
//!
//! # Domain
//! p, q, gamma positive; the population mean exists for q above 1 only ([`FitStatus::InfiniteMean`]).
//!
//! # Errors
//! None: limits of the fit are named by [`FitStatus`].
//!
//! # Check
//! `published::cdnow_calibration` holds 6.24957, 3.74422, 15.44352, −4055.9177 and the note's ten customers.

use rayon::prelude::*;

use super::fit::{self, Information, Likelihood, THIN_ROWS};
use super::histories::sum_in_order;
use super::model::{FitStatus, Letters, ModelFit};
use super::optimise::{Derivatives, Termination};
use super::special::{digamma, ln_beta, trigamma};

pub const NAME: &str = "gamma_gamma";
pub const LETTERS: &[&str] = &["p", "q", "gamma"];

/// With fewer repeaters three parameters say more about chance than about customers.
pub const FEWEST_REPEATERS: usize = 10;

/// Shapes above this leave a coefficient of variation below 1 %.
const LIMIT_FROM: f64 = 1e4;

/// exp of this, 5e8, is as good as infinity for a parameter in units of the mean amount; beyond it the likelihood
/// is rounding.
const BOUND: f64 = 20.0;

/// Customers with repeat orders and a positive mean amount, ascending by (x, z) so that sums do not depend on the
/// order of customers.
#[derive(Clone, Debug, Default)]
pub struct Spenders {
    rows: Vec<(u32, f64)>,
}

impl Spenders {
    /// Keeps the pairs that the model is defined for: x and z positive, z finite.
    pub fn new(pairs: impl Iterator<Item = (u32, f64)>) -> Self {
        let mut rows: Vec<(u32, f64)> = pairs.filter(|(x, z)| 0 < *x && z.is_finite() && 0.0 < *z).collect();
        rows.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        Self { rows }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// (x, z), ascending.
    pub fn rows(&self) -> &[(u32, f64)] {
        &self.rows
    }

    /// Mean of the customers' means; 0 if there are none.
    pub fn mean(&self) -> f64 {
        self.rows.iter().map(|(_, z)| z).sum::<f64>() / (self.len() as f64).max(1.0)
    }

    pub fn smallest(&self) -> f64 {
        self.rows.iter().fold(f64::INFINITY, |m, (_, z)| z.min(m))
    }

    pub fn largest(&self) -> f64 {
        self.rows.iter().fold(0.0, |m, (_, z)| z.max(m))
    }

    /// Pearson correlation of x and z; `None` if either is constant.
    pub fn correlation(&self) -> Option<f64> {
        let n = self.len() as f64;
        let mean_x = self.rows.iter().map(|(x, _)| f64::from(*x)).sum::<f64>() / n;
        let mean_z = self.mean();
        let (mut xx, mut xz, mut zz) = (0.0, 0.0, 0.0);
        for (x, z) in &self.rows {
            let (dx, dz) = (f64::from(*x) - mean_x, z - mean_z);
            xx += dx * dx;
            xz += dx * dz;
            zz += dz * dz;
        }
        let correlation = xz / (xx.sqrt() * zz.sqrt());
        correlation.is_finite().then(|| correlation.clamp(-1.0, 1.0))
    }

    fn in_units_of(&self, unit: f64) -> Self {
        Self {
            rows: self.rows.iter().map(|(x, z)| (*x, z / unit)).collect(),
        }
    }

    fn thinned(&self, max_rows: usize) -> Self {
        let step = self.len().div_ceil(max_rows).max(1);
        Self {
            rows: self.rows.iter().copied().step_by(step).collect(),
        }
    }

    /// Log-likelihood with derivatives by (p, q, gamma).
    pub fn log_likelihood(&self, params: &[f64]) -> Derivatives {
        let &[p, q, gamma] = params else {
            return Derivatives {
                value: f64::NAN,
                ..Derivatives::default()
            };
        };
        let mut sum = sum_in_order(self.len(), |from, to| {
            let mut part = Derivatives::default();
            for &(x, z) in &self.rows[from..to] {
                add_amount(&mut part, [p, q, gamma], f64::from(x), z);
            }
            part
        });
        for group in self.rows.chunk_by(|a, b| a.0 == b.0) {
            add_shape(&mut sum, group.len() as f64, p, q, f64::from(group[0].0));
        }
        super::nbd::mirror(&mut sum);
        sum
    }
}

/// −ln B(px, q), the part that depends on x alone.
fn add_shape(sum: &mut Derivatives, weight: f64, p: f64, q: f64, x: f64) {
    let (px, total) = (p * x, p * x + q);
    let (psi, psi_1) = (digamma(total), trigamma(total));
    sum.value -= weight * ln_beta(px, q);
    sum.gradient[0] += weight * x * (psi - digamma(px));
    sum.gradient[1] += weight * (psi - digamma(q));
    sum.hessian[0][0] += weight * x * x * (psi_1 - trigamma(px));
    sum.hessian[0][1] += weight * x * psi_1;
    sum.hessian[1][1] += weight * (psi_1 - trigamma(q));
}

/// px ln(xz/M) + q ln(gamma/M) − ln z with M = gamma + xz.
fn add_amount(sum: &mut Derivatives, [p, q, gamma]: [f64; 3], x: f64, z: f64) {
    let spent = x * z;
    let total = gamma + spent;
    let ln_spent_share = -(gamma / spent).ln_1p();
    let ln_rest_share = -(spent / gamma).ln_1p();
    sum.value += p * x * ln_spent_share + q * ln_rest_share - z.ln();
    sum.gradient[0] += x * ln_spent_share;
    sum.gradient[1] += ln_rest_share;
    sum.gradient[2] += (q * spent - p * x * gamma) / (gamma * total);
    sum.hessian[0][2] -= x / total;
    sum.hessian[1][2] += spent / (gamma * total);
    sum.hessian[2][2] += (p * x + q) / (total * total) - q / (gamma * gamma);
}

/// Fitted parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaGamma {
    pub p: f64,
    pub q: f64,
    pub gamma: f64,
}

impl GammaGamma {
    /// p gamma/(q−1): what an unknown customer spends on an order. Infinite or negative for q ≤ 1.
    pub fn population_mean(&self) -> f64 {
        self.p * self.gamma / (self.q - 1.0)
    }

    /// Expected amount of a future order, given a mean of z over x orders. The population mean if x is 0.
    pub fn expected_amount(&self, x: u32, z: f64) -> f64 {
        let x = f64::from(x);
        self.p * (self.gamma + x * z) / (self.p * x + self.q - 1.0)
    }
}

/// Fits the model. The parameters are `None` where they must not be used; the report says why.
pub fn fit(spenders: &Spenders) -> (ModelFit, Option<GammaGamma>) {
    let missing = |status| (ModelFit::missing(NAME, LETTERS, "currency", status), None);
    let unit = spenders.mean();
    if spenders.len() < FEWEST_REPEATERS || !unit.is_finite() || unit <= 0.0 {
        return missing(FitStatus::NotEnoughHistory);
    }
    if spenders.largest() <= spenders.smallest() * (1.0 + 1e-9) {
        // The likelihood is unbounded: there is nothing to estimate.
        return missing(FitStatus::EqualSpendLimit);
    }
    let n = spenders.len() as f64;
    let scaled = spenders.in_units_of(unit);
    let full = |params: &[f64]| scaled.log_likelihood(params);
    let thinned = (2 * THIN_ROWS < scaled.len()).then(|| scaled.thinned(THIN_ROWS));
    let thin_n = thinned.as_ref().map_or(n, |t| t.len() as f64);
    let thin = |params: &[f64]| thinned.as_ref().unwrap_or(&scaled).log_likelihood(params);
    // gamma = (q − 1)/p puts the mean at one unit.
    let starts: Vec<Vec<f64>> = [(5.0, 3.5), (1.5, 3.0), (2.0, 20.0), (30.0, 4.0), (0.7, 1.5)]
        .iter()
        .map(|(p, q)| vec![*p, *q, (q - 1.0) / p])
        .collect();
    let Some(maximum) = fit::maximise(
        Likelihood { at: &full, n },
        thinned.is_some().then_some(Likelihood { at: &thin, n: thin_n }),
        &starts,
        BOUND,
        &[],
    ) else {
        return missing(FitStatus::NotEnoughHistory);
    };

    let (p, q, scaled_gamma) = (maximum.params[0], maximum.params[1], maximum.params[2]);
    let fitted = GammaGamma {
        p,
        q,
        gamma: scaled_gamma * unit,
    };
    let mean = fitted.population_mean();
    let status = if !maximum.log_likelihood.is_finite() {
        return missing(FitStatus::NotConverged);
    } else if q <= 1.0 || !mean.is_finite() || spenders.largest() < mean {
        FitStatus::InfiniteMean
    } else if LIMIT_FROM < p {
        FitStatus::ConstantSpendLimit
    } else if LIMIT_FROM < q {
        FitStatus::EqualSpendLimit
    } else if maximum.search.termination == Termination::Converged {
        FitStatus::Ok
    } else {
        FitStatus::NotConverged
    };
    let to_money = |v: &[f64]| Letters::new(LETTERS, &[v[0], v[1], v[2] * unit]);
    let Information { condition, covariance } = Information::of(&maximum, n);
    let covariance = covariance.filter(|_| matches!(status, FitStatus::Ok | FitStatus::InfiniteMean));
    let information = Information { condition, covariance };
    let errors = information.standard_errors(&maximum.params);
    // A density of an amount changes by 1/unit with the unit.
    let log_likelihood = maximum.log_likelihood - n * unit.ln();
    let report = ModelFit {
        params: to_money(&maximum.params),
        log_likelihood: Some(log_likelihood),
        bic: Some(fit::bic(log_likelihood, LETTERS.len(), n)),
        n_customers: spenders.len() as u64,
        n_distinct: spenders.rows.chunk_by(|a, b| a == b).count() as u64,
        standard_errors: errors.map_or_else(|| Letters::unknown(LETTERS), |e| to_money(&e)),
        covariance: information.covariance,
        condition,
        on_boundary: maximum.on_bound || status.is_limit(),
        ..ModelFit::missing(NAME, LETTERS, "currency", status).of_search(&maximum)
    };
    (report, status.is_usable().then_some(fitted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_and_hessian_are_those_of_the_value() {
        let rows = [(1, 3.0), (1, 80.0), (4, 22.5), (30, 41.0), (2_000, 12.0)];
        let spenders = Spenders::new(rows.into_iter());
        for params in [[6.2, 3.7, 15.4], [0.3, 0.4, 200.0], [50.0, 12.0, 3.0]] {
            let at = spenders.log_likelihood(&params);
            for i in 0..3 {
                let step = 1e-5 * params[i];
                let (mut up, mut down) = (params, params);
                up[i] += step;
                down[i] -= step;
                let (up, down) = (spenders.log_likelihood(&up), spenders.log_likelihood(&down));
                let slope = (up.value - down.value) / (2.0 * step);
                assert!(
                    (slope - at.gradient[i]).abs() <= 1e-6 * (1.0 + slope.abs()),
                    "{params:?} {i}"
                );
                for j in 0..3 {
                    let curve = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                    assert!(
                        (curve - at.hessian[i][j]).abs() <= 1e-6 * (1.0 + curve.abs()),
                        "{params:?} {i} {j}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_finite_mean_is_said_and_not_used() {
        // Amounts from a tail so heavy that q is below 1.
        let pairs = (1..400_u32).map(|i| (1 + i % 3, (f64::from(i) / 20.0).exp().min(1e9)));
        let (report, fitted) = fit(&Spenders::new(pairs));
        assert_eq!((report.status, fitted), (FitStatus::InfiniteMean, None));
        assert!(report.params.get("q").is_some_and(|q| q < 1.0), "{report:?}");
    }

    #[test]
    fn equal_amounts_end_in_a_named_limit() {
        let equal = Spenders::new((0..50).map(|i| (1 + i % 7, 20.0)));
        let (report, fitted) = fit(&equal);
        assert_eq!((report.status, fitted), (FitStatus::EqualSpendLimit, None));
        assert_eq!(equal.correlation(), None);

        let all_but_one = Spenders::new((0..50).map(|i| (1 + i % 7, if i == 9 { 20.5 } else { 20.0 })));
        let (report, fitted) = fit(&all_but_one);
        assert!(
            report.status.is_usable() && report.status != FitStatus::Ok,
            "{report:?}"
        );
        let amount = fitted.unwrap().expected_amount(3, 20.0);
        assert!((amount - 20.0).abs() < 0.02, "{amount}");
    }

    #[test]
    fn too_few_repeaters_are_not_fitted() {
        let (report, fitted) = fit(&Spenders::new((0..9).map(|i| (1, 5.0 + f64::from(i)))));
        assert_eq!((report.status, fitted), (FitStatus::NotEnoughHistory, None));
        let unusable = [(0, 5.0), (3, 0.0), (3, -2.0), (3, f64::NAN), (3, f64::INFINITY)];
        assert!(Spenders::new(unusable.into_iter()).is_empty());
    }
}
