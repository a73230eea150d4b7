//! What customers are grouped by: transformed, standardised features, computed as they are read.
//!
//! In: [`Summary`]. Out: [`Points`], without a table of all values. Cost: reading, and a logarithm for
//! each amount; a run reads twice, once for means and deviations, once to assign.

use std::ops::Range;
use std::sync::LazyLock;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Feature;
use super::k_means::{Block, CHUNK, Points};
use crate::summary::Summary;

/// A feature that deviates less than this is left out.
const MIN_DEVIATION: f64 = 1e-9;

impl Feature {
    /// The feature's value of one customer.
    pub(super) fn value(self, summary: &Summary, i: usize) -> f64 {
        match self {
            Self::DaysSinceLast => f64::from(summary.as_of.0 - summary.last_day[i]),
            Self::Orders => f64::from(summary.orders[i]),
            Self::NetAmount => summary.net_amount[i],
            Self::GrossAmount => summary.gross_amount[i],
        }
    }

    /// Puts `of(transformed value)` of the customers into the beginning of `into`.
    fn read(self, summary: &Summary, rows: Range<usize>, into: &mut [f64], of: impl Fn(f64) -> f64) {
        let logarithms = &*LOGARITHMS;
        let whole = |value: f64| match logarithms.get(value as usize) {
            Some(logarithm) if 0.0 <= value => *logarithm,
            _ => transform(value),
        };
        let rows = into.iter_mut().zip(rows);
        match self {
            Self::DaysSinceLast | Self::Orders => rows.for_each(|(to, i)| *to = of(whole(self.value(summary, i)))),
            Self::NetAmount | Self::GrossAmount => rows.for_each(|(to, i)| *to = of(transform(self.value(summary, i)))),
        }
    }
}

/// The transform of small whole numbers: a logarithm takes longer than all else that is done to a value.
static LOGARITHMS: LazyLock<Vec<f64>> = LazyLock::new(|| (0..4_096).map(|n| transform(f64::from(n))).collect());

/// One feature's transform: `(sign(v) ln(1 + |v|) - mean) / deviation`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    pub feature: Feature,
    pub mean: f64,
    pub deviation: f64,
}

impl Scale {
    /// Over all customers; `None` without spread.
    fn of(feature: Feature, summary: &Summary) -> Option<Self> {
        let chunks = (0..summary.n_customers().div_ceil(CHUNK)).into_par_iter();
        let of_chunk = |c: usize| {
            let rows = c * CHUNK..summary.n_customers().min((c + 1) * CHUNK);
            let mut values = vec![0.0; rows.len()];
            feature.read(summary, rows, &mut values, |value| value);
            Moments::of(&values)
        };
        let chunks: Vec<Moments> = chunks.map(of_chunk).collect();
        // In order of chunks: the same bits for any number of threads.
        let all = chunks.into_iter().fold(Moments::default(), Moments::merge);
        let deviation = (all.squares / all.n).sqrt();
        (deviation > MIN_DEVIATION).then_some(Self {
            feature,
            mean: all.mean,
            deviation,
        })
    }

    fn standardise(self, transformed: f64) -> f64 {
        (transformed - self.mean) / self.deviation
    }

    /// A standardised value in the feature's own unit.
    pub(super) fn restore(self, value: f64) -> f64 {
        let value = self.mean + value * self.deviation;
        value.signum() * value.abs().exp_m1()
    }
}

fn transform(value: f64) -> f64 {
    value.signum() * value.abs().ln_1p()
}

/// Number, mean, and sum of squared deviations, merged as by Chan, Golub & LeVeque (1983).
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum();
        Self {
            n: values.len() as f64,
            mean,
            squares,
        }
    }

    fn merge(self, other: Self) -> Self {
        let n = self.n + other.n;
        if n == 0.0 {
            return self;
        }
        let apart = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + apart * (other.n / n),
            squares: self.squares + other.squares + apart * apart * (self.n * other.n / n),
        }
    }
}

/// The features of all customers that have spread.
pub struct Features<'a> {
    summary: &'a Summary,
    pub scales: Vec<Scale>,
}

impl<'a> Features<'a> {
    pub fn new(wanted: &[Feature], summary: &'a Summary) -> Self {
        let scales = wanted.iter().filter_map(|&feature| Scale::of(feature, summary));
        Self {
            summary,
            scales: scales.collect(),
        }
    }

    /// One row for each of the given customers.
    pub fn select(&self, rows: &[usize]) -> Array2<f64> {
        Array2::from_shape_fn((rows.len(), self.scales.len()), |(row, column)| {
            let scale = self.scales[column];
            scale.standardise(transform(scale.feature.value(self.summary, rows[row])))
        })
    }
}

impl Points for Features<'_> {
    fn n_rows(&self) -> usize {
        self.summary.n_customers()
    }

    fn n_features(&self) -> usize {
        self.scales.len()
    }

    fn read(&self, rows: Range<usize>, into: &mut Block) {
        for (column, scale) in into.iter_mut().zip(&self.scales) {
            let feature = scale.feature;
            feature.read(self.summary, rows.clone(), column, |value| scale.standardise(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::k_means::BLOCK;
    use super::*;

    #[test]
    fn blocks_hold_what_single_rows_hold() {
        let n = 5_000;
        let summary = Summary {
            ids: (0..n).map(|i| i.to_string()).collect(),
            orders: (0..n as u32).map(|i| i * 3).collect(),
            net_amount: (0..n).map(|i| f64::from(i) - 300.0).collect(),
            gross_amount: (0..n).map(|i| f64::from(i * i % 77) / 7.0).collect(),
            last_day: (0..n).map(|i| i - 4_500).collect(),
            ..Summary::default()
        };
        let wanted = [
            Feature::DaysSinceLast,
            Feature::Orders,
            Feature::NetAmount,
            Feature::GrossAmount,
        ];
        let features = Features::new(&wanted, &summary);
        for first in [0, 1, 4_000, 4_490] {
            let mut block = vec![[0.0; BLOCK]; 4];
            features.read(first..first + 500, &mut block);
            let rows = features.select(&(first..first + 500).collect::<Vec<_>>());
            for (column, expected) in block.iter().zip(rows.columns()) {
                assert!(column[..500].iter().eq(expected));
            }
        }
    }

    #[test]
    fn standardised_features_have_mean_zero_and_deviation_one() {
        let n = 2 * CHUNK + 17;
        let summary = Summary {
            ids: (0..n).map(|i| i.to_string()).collect(),
            orders: (0..n as u32).map(|i| 1 + i % 9).collect(),
            net_amount: (0..n).map(|i| (i * i % 1_013) as f64 - 200.0).collect(),
            last_day: vec![3; n],
            ..Summary::default()
        };
        let wanted = [Feature::DaysSinceLast, Feature::Orders, Feature::NetAmount];
        let features = Features::new(&wanted, &summary);
        // Everybody bought on the same day, which sets nobody apart.
        let used: Vec<Feature> = features.scales.iter().map(|scale| scale.feature).collect();
        assert_eq!(used, [Feature::Orders, Feature::NetAmount]);
        let rows: Vec<usize> = (0..n).collect();
        let points = features.select(&rows);
        for column in points.columns() {
            assert!(column.mean().unwrap().abs() < 1e-12);
            assert!((column.std(0.0) - 1.0).abs() < 1e-12);
        }
        for (i, row) in points.rows().into_iter().enumerate().step_by(97) {
            let back = features.scales.iter().zip(row).map(|(scale, z)| scale.restore(*z));
            let own = used.iter().map(|feature| feature.value(&summary, i));
            assert!(own.zip(back).all(|(own, back)| (own - back).abs() < 1e-9));
        }
    }
}
