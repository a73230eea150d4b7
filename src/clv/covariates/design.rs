//! Customers as the likelihood with covariates needs them: equal (z, x, t_x, T) once, with a count, and those of one z
//! together.
//!
//! Columns are centred and divided by their standard deviation, so that the search sees numbers of one size; times are
//! in units of the longest history. Constant and collinear columns are found here.
//!
//! # Formula
//! ln p_k(z) = θ_k + sign γ'z for the parameters that a block of effects moves, ln p_k = θ_k for the others. By the chain
//! rule the derivatives by (θ, γ) of all customers with one z are those by ln p of the model itself, times 1 and z.

use rayon::prelude::*;

use super::blocks::Block;
use super::coding::{Coded, DropReason};
use crate::clv::histories::{Histories, History};
use crate::clv::model::CountModel;
use crate::clv::optimise::Derivatives;

/// Parameters of a model with its effects: four, and three blocks of [`super::coding::MAX_COLUMNS`].
pub const MOST_PARAMS: usize = 64;

/// A column whose standard deviation is below this share of its mean is constant.
const LEAST_SPREAD: f64 = 1e-10;

/// A column with less than this share of its variance left, once the columns before it are known, is collinear.
const LEAST_OWN_VARIANCE: f64 = 1e-7;

/// Rows of one task, at least; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 4096;

/// A coded column that is in the fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// Place among the coded columns.
    pub column: usize,
    pub centre: f64,
    pub spread: f64,
}

/// Distinct rows by distinct z.
#[derive(Clone, Debug, Default)]
pub struct Design {
    pub kept: Vec<Kept>,
    pub dropped: Vec<(usize, DropReason)>,
    /// The distinct z of the kept columns, standardised, one after the other.
    patterns: Vec<f64>,
    /// Where each pattern's rows end.
    ends: Vec<usize>,
    rows: Vec<History>,
    counts: Vec<f64>,
    pub unit_days: f64,
}

fn order(a: &History, b: &History) -> std::cmp::Ordering {
    a.x.cmp(&b.x)
        .then(a.t_x.total_cmp(&b.t_x))
        .then(a.age.total_cmp(&b.age))
}

fn order_z(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    let by_number = |(a, b): (&f64, &f64)| (a + 0.0).total_cmp(&(b + 0.0));
    a.iter()
        .zip(b)
        .map(by_number)
        .find(|o| o.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}

impl Design {
    /// Customers whose history is invalid are left out. `histories` are in days.
    pub fn new(histories: &[History], coded: &Coded) -> Self {
        let unit_days = histories
            .iter()
            .filter(|h| h.is_valid())
            .fold(0.0, |m: f64, h| m.max(h.age));
        let width = coded.columns.len();
        let mut valid: Vec<usize> = (0..histories.len().min(coded.n_customers))
            .filter(|&i| histories[i].is_valid() && coded.row(i).iter().all(|z| z.is_finite()))
            .collect();
        valid.par_sort_unstable_by(|&a, &b| {
            order_z(coded.row(a), coded.row(b)).then_with(|| order(&histories[a], &histories[b]))
        });
        let mut out = Self {
            unit_days,
            ..Self::default()
        };
        let mut raw: Vec<f64> = Vec::new();
        let mut last: Option<usize> = None;
        for &i in &valid {
            let same_z = last.is_some_and(|l| order_z(coded.row(l), coded.row(i)).is_eq());
            if !same_z {
                raw.extend_from_slice(coded.row(i));
                out.ends.push(out.rows.len());
            }
            let same_row = same_z && last.is_some_and(|l| order(&histories[l], &histories[i]).is_eq());
            if !same_row {
                let h = &histories[i];
                out.rows.push(History {
                    x: h.x,
                    t_x: h.t_x / unit_days,
                    age: h.age / unit_days,
                });
                out.counts.push(0.0);
            }
            if let (Some(count), Some(end)) = (out.counts.last_mut(), out.ends.last_mut()) {
                *count += 1.0;
                *end = out.rows.len();
            }
            last = Some(i);
        }
        out.standardise(&raw, width);
        out
    }

    /// Chooses the columns to keep and fills `patterns`.
    fn standardise(&mut self, raw: &[f64], width: usize) {
        let weights: Vec<f64> = (0..self.ends.len())
            .map(|p| self.counts[self.range(p)].iter().sum())
            .collect();
        let n: f64 = weights.iter().sum();
        let mean = |f: &dyn Fn(usize) -> f64| weights.iter().enumerate().map(|(p, w)| w / n * f(p)).sum::<f64>();
        // The rows of the Cholesky factor of the correlations of the kept columns.
        let mut factor: Vec<Vec<f64>> = Vec::new();
        for column in 0..width {
            let at = |p: usize| raw[p * width + column];
            let centre = mean(&at);
            let spread = mean(&|p| (at(p) - centre).powi(2)).sqrt();
            if !spread.is_finite() || spread <= LEAST_SPREAD * centre.abs() {
                self.dropped.push((column, DropReason::Constant));
                continue;
            }
            let mut own = 1.0;
            let mut row: Vec<f64> = Vec::with_capacity(self.kept.len() + 1);
            for (other, of_other) in self.kept.iter().zip(&factor) {
                let z = |p: usize| (raw[p * width + other.column] - other.centre) / other.spread;
                let correlation = mean(&|p| (at(p) - centre) / spread * z(p));
                let known: f64 = row.iter().zip(of_other).map(|(a, b)| a * b).sum();
                let last = of_other.last().copied().unwrap_or(1.0);
                let entry = (correlation - known) / last;
                row.push(entry);
                own -= entry * entry;
            }
            if own < LEAST_OWN_VARIANCE {
                self.dropped.push((column, DropReason::Collinear));
                continue;
            }
            row.push(own.sqrt());
            factor.push(row);
            self.kept.push(Kept { column, centre, spread });
        }
        self.patterns = (0..self.ends.len())
            .flat_map(|p| {
                self.kept
                    .iter()
                    .map(move |k| (raw[p * width + k.column] - k.centre) / k.spread)
            })
            .collect();
    }

    fn range(&self, pattern: usize) -> std::ops::Range<usize> {
        let start = pattern.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[pattern]
    }

    pub fn n_customers(&self) -> f64 {
        self.counts.iter().sum()
    }

    pub fn n_distinct(&self) -> usize {
        self.rows.len()
    }

    pub fn total_x(&self) -> f64 {
        self.rows
            .iter()
            .zip(&self.counts)
            .map(|(h, n)| n * f64::from(h.x))
            .sum()
    }

    /// All customers, whatever their z, in units of `unit_days`.
    pub fn whole(&self) -> Histories {
        let (mut whole, row_of) = Histories::collapse(&self.rows);
        whole.counts.fill(0.0);
        whole.x_counts.fill(0.0);
        for (&row, n) in row_of.iter().zip(&self.counts) {
            whole.counts[row as usize] += n;
            whole.x_counts[whole.x_index[row as usize] as usize] += n;
        }
        whole
    }

    /// Every k-th row, with the smallest k that leaves at most `max_rows`.
    pub fn thinned(&self, max_rows: usize) -> Self {
        let step = self.rows.len().div_ceil(max_rows.max(1)).max(1);
        let width = self.kept.len();
        let mut out = Self {
            patterns: Vec::new(),
            ends: Vec::new(),
            rows: Vec::new(),
            counts: Vec::new(),
            ..self.clone()
        };
        for p in 0..self.ends.len() {
            let before = out.rows.len();
            for i in self.range(p).filter(|i| i % step == 0) {
                out.rows.push(self.rows[i]);
                out.counts.push(self.counts[i]);
            }
            if before < out.rows.len() {
                out.patterns
                    .extend_from_slice(&self.patterns[p * width..(p + 1) * width]);
                out.ends.push(out.rows.len());
            }
        }
        out
    }

    /// Smallest and largest value of γ'z, γ for the standardised kept columns.
    pub fn range_of(&self, gamma: &[f64]) -> [f64; 2] {
        let mut range = [0.0_f64; 2];
        for z in self.patterns.chunks_exact(self.kept.len().max(1)) {
            let eta: f64 = z.iter().zip(gamma).map(|(z, g)| z * g).sum();
            range = [range[0].min(eta), range[1].max(eta)];
        }
        range
    }

    /// Patterns of each task.
    fn chunks(&self) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        let (mut from, mut start) = (0, 0);
        for (p, &end) in self.ends.iter().enumerate() {
            if CHUNK <= end - start || p + 1 == self.ends.len() {
                out.push((from, p + 1));
                (from, start) = (p + 1, end);
            }
        }
        out
    }

    /// Log-likelihood with derivatives by θ and then the γ of each block, of the kept columns `active` only.
    pub fn log_likelihood(
        &self,
        model: &dyn CountModel,
        blocks: &[Block],
        active: &[usize],
        theta: &[f64],
    ) -> Derivatives<MOST_PARAMS> {
        let n_params = model.letters().len();
        let parts: Vec<Derivatives<MOST_PARAMS>> = self
            .chunks()
            .into_par_iter()
            .map(|(from, to)| {
                let mut part = Derivatives::default();
                let mut cell = Histories::default();
                let mut z = vec![0.0; active.len()];
                for p in from..to {
                    self.fill(&mut cell, p);
                    for (z, &c) in z.iter_mut().zip(active) {
                        *z = self.patterns[p * self.kept.len() + c];
                    }
                    let mut params: Vec<f64> = theta[..n_params].to_vec();
                    for (block, gamma) in blocks.iter().zip(theta[n_params..].chunks_exact(z.len().max(1))) {
                        let eta: f64 = z.iter().zip(gamma).map(|(z, g)| z * g).sum();
                        params[block.param] += block.sign * eta;
                    }
                    params.iter_mut().for_each(|p| *p = p.exp());
                    let mut at = model.log_likelihood(&params, &cell);
                    at.by_logarithms(&params);
                    add_by_chain_rule(&mut part, &at, n_params, blocks, &z);
                }
                part
            })
            .collect();
        let mut sum = Derivatives::default();
        for part in &parts {
            sum.add(part);
        }
        let k = theta.len();
        for i in 0..k {
            for j in 0..i {
                sum.hessian[i][j] = sum.hessian[j][i];
            }
        }
        sum
    }

    /// Makes `cell` the histories of one pattern.
    fn fill(&self, cell: &mut Histories, pattern: usize) {
        let range = self.range(pattern);
        cell.rows.clear();
        cell.counts.clear();
        cell.x_values.clear();
        cell.x_counts.clear();
        cell.x_index.clear();
        for (row, n) in self.rows[range.clone()].iter().zip(&self.counts[range]) {
            if cell.x_values.last() != Some(&row.x) {
                cell.x_values.push(row.x);
                cell.x_counts.push(0.0);
            }
            if let Some(of_x) = cell.x_counts.last_mut() {
                *of_x += n;
            }
            cell.x_index.push((cell.x_values.len() - 1) as u32);
            cell.rows.push(*row);
            cell.counts.push(*n);
        }
    }
}

/// Adds `at`, derivatives by ln p of customers with one z; the upper triangle of the Hessian only.
fn add_by_chain_rule(
    sum: &mut Derivatives<MOST_PARAMS>,
    at: &Derivatives,
    n_params: usize,
    blocks: &[Block],
    z: &[f64],
) {
    sum.value += at.value;
    for k in 0..n_params {
        sum.gradient[k] += at.gradient[k];
        for l in k..n_params {
            sum.hessian[k][l] += at.hessian[k][l];
        }
    }
    for (b, block) in blocks.iter().enumerate() {
        let start = n_params + b * z.len();
        for (i, z_i) in z.iter().enumerate() {
            let slope = block.sign * z_i;
            sum.gradient[start + i] += slope * at.gradient[block.param];
            for k in 0..n_params {
                sum.hessian[k][start + i] += slope * at.hessian[k][block.param];
            }
            for (c, other) in blocks.iter().enumerate().skip(b) {
                let curve = slope * other.sign * at.hessian[block.param][other.param];
                let other_start = n_params + c * z.len();
                for (j, z_j) in z.iter().enumerate() {
                    sum.hessian[start + i][other_start + j] += curve * z_j;
                }
            }
        }
    }
}
