//! Groups of customers who behave alike: k-means on transformed, standardised features.
//!
//! In: [`Summary`]. Out: a cluster from 1 (most valuable) to k for each customer, readable names, centroids.
//! Cost: linear in customers; k is chosen and the centroids are fitted on at most `max_fit_customers` of them,
//! picked by a hash of their id, and everybody is then assigned to the nearest centroid.
//!
//! # Formula
//! Features are `sign(v) ln(1 + |v|)`, less their mean, over their population standard deviation. k-means by
//! Lloyd's algorithm from k-means++ starts (Arthur & Vassilvitskii 2007), as in the crate linfa-clustering. The
//! number of clusters is the one with the best mean silhouette (Rousseeuw 1987) in `[k_min, k_max]`.
//! Inertia and labels are computed from the returned centroids, never taken from the last run of the fit.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::KMeans;
use linfa_clustering::KMeansInit;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use polars::prelude::{Column as Series, DataFrame, PolarsResult};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::diagnostics::{Problem, Warning};
use crate::load::batch::hash;
use crate::schema::{Column, Table, Type, column, nullable};
use crate::summary::Summary;
use crate::units::{median, sum_known, sum_to_f64};

/// The columns of `customers.parquet` that this stage makes.
pub const COLUMNS: &[Column] = &[
    column("cluster", Type::U16, "1 = the cluster with the highest mean net amount"),
    column("cluster_name", Type::Str, "what sets it apart, in words"),
];

/// Sizes, money and centroids of the clusters.
pub const TABLE: Table = Table {
    name: "clusters",
    doc: "One row per cluster; the centroid in the features' own units (transformed back).",
    sorted_by: &["cluster"],
    parts: &[&[
        column("cluster", Type::U16, "1 = the cluster with the highest mean net amount"),
        column("cluster_name", Type::Str, "what sets it apart, in words"),
        column("customers", Type::U64, "customers in it"),
        column("net_amount", Type::F64, "their net money"),
        column("mean_net_amount", Type::F64, "net money a customer"),
        nullable("clv_amount", Type::F64, "sum of their clv_amount, null without a model"),
        column("median_days_since_last", Type::F64, "median"),
        column("median_orders", Type::F64, "median"),
        column("median_net_amount", Type::F64, "median"),
        nullable(
            "centroid_days_since_last",
            Type::F64,
            "centroid, null where the feature is not used",
        ),
        nullable(
            "centroid_orders",
            Type::F64,
            "centroid, null where the feature is not used",
        ),
        nullable(
            "centroid_net_amount",
            Type::F64,
            "centroid, null where the feature is not used",
        ),
    ]],
};

/// Section `[clusters]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub features: Vec<Feature>,
    pub k_min: usize,
    pub k_max: usize,
    pub n_starts: usize,
    pub max_fit_customers: usize,
}

/// What a customer is described by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    DaysSinceLast,
    Orders,
    NetAmount,
    GrossAmount,
}

impl Feature {
    fn values(self, summary: &Summary) -> Vec<f64> {
        match self {
            Self::DaysSinceLast => summary.days_since_last(),
            Self::Orders => summary.orders.iter().map(|n| f64::from(*n)).collect(),
            Self::NetAmount => summary.net_amount.clone(),
            Self::GrossAmount => summary.gross_amount.clone(),
        }
    }

    /// Words for a centroid far below and far above the mean.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::DaysSinceLast => ["recent", "long silent"],
            Self::Orders => ["few orders", "many orders"],
            Self::NetAmount | Self::GrossAmount => ["low spend", "high spend"],
        }
    }
}

/// Checked settings; only made by [`Config::check`].
#[derive(Clone, Debug)]
pub struct Params {
    features: Vec<Feature>,
    k_min: usize,
    k_max: usize,
    n_starts: usize,
    max_fit_customers: usize,
    seed: u64,
}

impl Config {
    pub fn check(&self, seed: u64, problems: &mut Vec<Problem>) -> Option<Params> {
        let before = problems.len();
        let twice = |f: &Feature| self.features.iter().filter(|other| *other == f).count() > 1;
        if self.features.is_empty() || self.features.iter().any(twice) {
            let value = format!("{:?}", self.features);
            let hint = "use [\"days_since_last\", \"orders\", \"net_amount\"]";
            problems.push(Problem::new(
                "clusters.features",
                value,
                "must name each feature once, at least one",
                hint,
            ));
        }
        if !(2 <= self.k_min && self.k_min <= self.k_max && self.k_max <= 50) {
            let value = format!("{} / {}", self.k_min, self.k_max);
            let why = "must be from 2 to 50, the smaller first";
            problems.push(Problem::new(
                "clusters.k_min, clusters.k_max",
                value,
                why,
                "the defaults are 3 and 8",
            ));
        }
        if !(1..=1_000).contains(&self.n_starts) {
            problems.push(Problem::new(
                "clusters.n_starts",
                self.n_starts,
                "must be from 1 to 1000",
                "the default is 10",
            ));
        }
        if self.max_fit_customers < 1_000 {
            let hint = "the default is 50000";
            problems.push(Problem::new(
                "clusters.max_fit_customers",
                self.max_fit_customers,
                "must be 1000 or more",
                hint,
            ));
        }
        (problems.len() == before).then(|| Params {
            features: self.features.clone(),
            k_min: self.k_min,
            k_max: self.k_max,
            n_starts: self.n_starts,
            max_fit_customers: self.max_fit_customers,
            seed,
        })
    }
}

/// The most customers among whom silhouettes, which cost a square, are computed.
const MAX_SILHOUETTE_CUSTOMERS: usize = 2_000;
/// Starts of each candidate while the number of clusters is chosen.
const CHOICE_STARTS: usize = 4;
/// Fewer customers than this are not grouped.
const MIN_CUSTOMERS: usize = 20;
/// A centroid this many standard deviations from the mean gets a word for it.
const NAMED_DEVIATION: f64 = 0.5;

/// What the manifest says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    pub method: &'static str,
    pub k: usize,
    /// Sum of squared distances to the nearest centroid over all customers, in standard deviations.
    pub inertia: f64,
    pub silhouette: Option<f64>,
    pub selection: String,
}

/// The cluster of every customer, and what the clusters are.
#[derive(Clone, Debug)]
pub struct Clusters {
    /// From 1.
    pub of_customer: Vec<u16>,
    pub names: Vec<String>,
    pub facts: Facts,
    pub warnings: Vec<Warning>,
    pub model: Model,
}

/// What assigns new customers to the same clusters: transforms and centroids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub features: Vec<Scale>,
    /// One row a cluster, one standardised value a feature.
    pub centroids: Vec<Vec<f64>>,
}

/// One feature's transform: `(sign(v) ln(1 + |v|) - mean) / deviation`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    pub feature: Feature,
    pub mean: f64,
    pub deviation: f64,
}

fn transform(value: f64) -> f64 {
    value.signum() * value.abs().ln_1p()
}

fn transform_back(value: f64) -> f64 {
    value.signum() * value.abs().exp_m1()
}

/// Groups all customers. `summary` has at least one.
pub fn run(params: &Params, summary: &Summary) -> Clusters {
    let (points, scales) = features(&params.features, summary);
    let fit_rows = sample(&summary.ids, params.max_fit_customers);
    let fit_points = if fit_rows.len() == points.nrows() {
        points.clone()
    } else {
        points.select(Axis(0), &fit_rows)
    };
    let n_distinct = n_distinct_rows(&fit_points);
    let k_max = params.k_max.min(n_distinct.saturating_sub(1));
    if summary.n_customers() < MIN_CUSTOMERS || k_max < 2 {
        return single(summary);
    }
    let k_min = params.k_min.min(k_max);
    let silhouette_points = fit_points
        .slice(ndarray::s![..fit_points.nrows().min(MAX_SILHOUETTE_CUSTOMERS), ..])
        .to_owned();
    // The number of clusters is chosen on the customers of the silhouette; the centroids are then fitted on all.
    let candidates: Vec<(usize, f64)> = (k_min..=k_max)
        .map(|k| {
            let centroids = fit(&silhouette_points, k, CHOICE_STARTS.min(params.n_starts), params.seed);
            (k, silhouette(&silhouette_points, &centroids))
        })
        .collect();
    // Strictly better only: among equals the smaller k.
    let best = candidates
        .iter()
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    let Some(&(k, index)) = best else {
        return single(summary);
    };
    let centroids = &fit(&fit_points, k, params.n_starts, params.seed);
    let tried: Vec<String> = candidates.iter().map(|(k, s)| format!("{k}: {s:.3}")).collect();
    let selection = format!(
        "best mean silhouette of {} customers ({})",
        silhouette_points.nrows(),
        tried.join(", ")
    );
    named(
        summary,
        &points,
        &scales,
        centroids,
        Facts {
            method: "k_means",
            k,
            inertia: 0.0,
            silhouette: Some(index),
            selection,
        },
    )
}

/// Transformed, standardised features: one row a customer; a feature without spread is left out.
fn features(wanted: &[Feature], summary: &Summary) -> (Array2<f64>, Vec<Scale>) {
    let n = summary.n_customers();
    let mut scales = Vec::new();
    let mut columns = Vec::new();
    for &feature in wanted {
        let values: Vec<f64> = feature.values(summary).into_iter().map(transform).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
        if deviation > 1e-9 {
            columns.extend(values.iter().map(|v| (v - mean) / deviation));
            scales.push(Scale {
                feature,
                mean,
                deviation,
            });
        }
    }
    let by_feature = Array2::from_shape_vec((scales.len(), n), columns).unwrap_or_else(|_| Array2::zeros((0, n)));
    (by_feature.reversed_axes().as_standard_layout().into_owned(), scales)
}

/// Positions of at most `limit` customers, chosen and ordered by the hash of their id.
fn sample(ids: &[String], limit: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..ids.len()).collect();
    rows.sort_by_cached_key(|&i| hash(ids[i].as_bytes()));
    rows.truncate(limit);
    rows
}

fn n_distinct_rows(points: &Array2<f64>) -> usize {
    let mut rows: Vec<Vec<u64>> = points
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|v| v.to_bits()).collect())
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows.len()
}

/// Centroids of the best of `n_starts` runs, each from its own k-means++ start, refined until they rest; shape (k,
/// n_features).
pub fn fit(points: &Array2<f64>, k: usize, n_starts: usize, seed: u64) -> Array2<f64> {
    const ROUGH: f64 = 1e-2;
    const FINE: f64 = 1e-7;
    let start_seed = |start: u64| seed ^ start.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((k as u64) << 48);
    let starts: Vec<Array2<f64>> = (0..n_starts as u64)
        .into_par_iter()
        .filter_map(|start| k_means(points, k, KMeansInit::KMeansPlusPlus, start_seed(start), ROUGH))
        .collect();
    let best = starts
        .into_iter()
        .map(|centroids| (assign(points, &centroids).1, centroids));
    let best = best.reduce(|best, next| if next.0 < best.0 { next } else { best });
    let best = best.map_or_else(
        || points.slice(ndarray::s![..k, ..]).to_owned(),
        |(_, centroids)| centroids,
    );
    k_means(points, k, KMeansInit::Precomputed(best.clone()), seed, FINE).unwrap_or(best)
}

/// One run of the crate's k-means; `None` if it gives no finite centroids.
fn k_means(points: &Array2<f64>, k: usize, init: KMeansInit<f64>, seed: u64, tolerance: f64) -> Option<Array2<f64>> {
    let params = KMeans::params_with_rng(k, Xoshiro256Plus::seed_from_u64(seed));
    let params = params
        .n_runs(1)
        .tolerance(tolerance)
        .max_n_iterations(300)
        .init_method(init);
    let fitted = params.fit(&DatasetBase::from(points.view())).ok()?;
    fitted
        .centroids()
        .iter()
        .all(|c| c.is_finite())
        .then(|| fitted.centroids().clone())
}

fn squared_distance(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
}

/// Nearest centroid of each point (from 0; the first of equals), and the inertia.
pub fn assign(points: &Array2<f64>, centroids: &Array2<f64>) -> (Vec<u16>, f64) {
    let nearest = |point: ArrayView1<f64>| {
        let distances = centroids
            .rows()
            .into_iter()
            .enumerate()
            .map(|(c, centroid)| (squared_distance(point, centroid), c as u16));
        distances
            .reduce(|best, next| if next.0 < best.0 { next } else { best })
            .unwrap_or((0.0, 0))
    };
    let rows: Vec<ArrayView1<f64>> = points.rows().into_iter().collect();
    let found: Vec<(f64, u16)> = rows.into_par_iter().map(nearest).collect();
    // Summed in order of customers: the same bits for any number of threads.
    let inertia = found.iter().map(|(distance, _)| distance).sum();
    (found.into_iter().map(|(_, c)| c).collect(), inertia)
}

/// Mean silhouette of the points under their nearest centroids; 0 for a point alone in its cluster.
pub fn silhouette(points: &Array2<f64>, centroids: &Array2<f64>) -> f64 {
    let (labels, _) = assign(points, centroids);
    let k = centroids.nrows();
    let mut sizes = vec![0usize; k];
    labels.iter().for_each(|&c| sizes[usize::from(c)] += 1);
    let of_point = |i: usize| {
        let mut sums = vec![0.0; k];
        for (other, &c) in points.rows().into_iter().zip(&labels) {
            sums[usize::from(c)] += squared_distance(points.row(i), other).sqrt();
        }
        let own = usize::from(labels[i]);
        if sizes[own] < 2 {
            return 0.0;
        }
        let within = sums[own] / (sizes[own] - 1) as f64;
        let others = (0..k)
            .filter(|&c| c != own && sizes[c] > 0)
            .map(|c| sums[c] / sizes[c] as f64);
        let between = others.fold(f64::INFINITY, f64::min);
        let larger = within.max(between);
        if larger > 0.0 && larger.is_finite() {
            (between - within) / larger
        } else {
            0.0
        }
    };
    let values: Vec<f64> = (0..points.nrows()).into_par_iter().map(of_point).collect();
    values.iter().sum::<f64>() / points.nrows().max(1) as f64
}

fn single(summary: &Summary) -> Clusters {
    let n = summary.n_customers();
    Clusters {
        of_customer: vec![1; n],
        names: vec!["all customers".into()],
        facts: Facts {
            method: "none",
            k: 1,
            inertia: 0.0,
            silhouette: None,
            selection: "too few or too similar customers".into(),
        },
        warnings: vec![Warning::ClustersSkipped { n_customers: n }],
        model: Model {
            features: Vec::new(),
            centroids: vec![Vec::new()],
        },
    }
}

/// Renumbers the clusters by mean net amount, drops empty ones, and names them.
fn named(summary: &Summary, points: &Array2<f64>, scales: &[Scale], centroids: &Array2<f64>, facts: Facts) -> Clusters {
    let (labels, inertia) = assign(points, centroids);
    let k = centroids.nrows();
    let (mut sizes, mut net) = (vec![0u64; k], vec![0i128; k]);
    for (i, &c) in labels.iter().enumerate() {
        sizes[usize::from(c)] += 1;
        net[usize::from(c)] += summary.net[i];
    }
    let mut order: Vec<usize> = (0..k).filter(|&c| sizes[c] > 0).collect();
    let mean = |c: usize| net[c] as f64 / sizes[c] as f64;
    order.sort_by(|&a, &b| mean(b).total_cmp(&mean(a)).then_with(|| sizes[a].cmp(&sizes[b])));
    let mut new_label = vec![0u16; k];
    for (position, &c) in order.iter().enumerate() {
        new_label[c] = position as u16 + 1;
    }
    let mut names: Vec<String> = Vec::new();
    for &c in &order {
        let name = name_of(scales, &centroids.row(c).to_owned());
        let n_same = names
            .iter()
            .filter(|other| **other == name || other.starts_with(&format!("{name} (")))
            .count();
        names.push(if n_same == 0 {
            name
        } else {
            format!("{name} ({})", n_same + 1)
        });
    }
    Clusters {
        of_customer: labels.iter().map(|&c| new_label[usize::from(c)]).collect(),
        names,
        facts: Facts {
            inertia,
            k: order.len(),
            ..facts
        },
        warnings: Vec::new(),
        model: Model {
            features: scales.to_vec(),
            centroids: order.iter().map(|&c| centroids.row(c).to_vec()).collect(),
        },
    }
}

fn name_of(scales: &[Scale], centroid: &Array1<f64>) -> String {
    let word = |(scale, z): (&Scale, &f64)| {
        let [below, above] = scale.feature.words();
        match *z {
            z if z < -NAMED_DEVIATION => Some(below),
            z if z > NAMED_DEVIATION => Some(above),
            _ => None,
        }
    };
    let words: Vec<_> = scales.iter().zip(centroid).filter_map(word).collect();
    if words.is_empty() {
        "average".into()
    } else {
        words.join(", ")
    }
}

impl Clusters {
    pub fn name(&self, customer: usize) -> &str {
        &self.names[usize::from(self.of_customer[customer]) - 1]
    }

    /// The columns of [`COLUMNS`].
    pub fn to_columns(&self) -> Vec<Series> {
        let names: Vec<&str> = (0..self.of_customer.len()).map(|i| self.name(i)).collect();
        vec![
            Series::new("cluster".into(), &self.of_customer),
            Series::new("cluster_name".into(), names),
        ]
    }

    /// The frame of [`TABLE`]; `clv` has one entry a customer.
    pub fn to_frame(&self, summary: &Summary, clv: &[Option<f64>]) -> PolarsResult<DataFrame> {
        let k = self.names.len();
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); k];
        for (i, &cluster) in self.of_customer.iter().enumerate() {
            members[usize::from(cluster) - 1].push(i);
        }
        let sum = |of: &Vec<usize>| sum_to_f64(of.iter().map(|&i| summary.net[i]).sum());
        let sizes: Vec<u64> = members.iter().map(|of| of.len() as u64).collect();
        let net: Vec<f64> = members.iter().map(sum).collect();
        let mean: Vec<f64> = net
            .iter()
            .zip(&sizes)
            .map(|(net, n)| net / (*n).max(1) as f64)
            .collect();
        let clv: Vec<Option<f64>> = members.iter().map(|of| sum_known(of.iter().map(|&i| clv[i]))).collect();
        let days = summary.days_since_last();
        let medians = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
            members
                .iter()
                .map(|of| median(of.iter().map(|&i| value(i)).collect()).unwrap_or(0.0))
                .collect()
        };
        let centroid = |wanted: Feature| -> Vec<Option<f64>> {
            let Some(i) = self.model.features.iter().position(|scale| scale.feature == wanted) else {
                return vec![None; k];
            };
            let scale = self.model.features[i];
            let back = |row: &Vec<f64>| transform_back(scale.mean + row[i] * scale.deviation);
            self.model.centroids.iter().map(|row| Some(back(row))).collect()
        };
        DataFrame::new_infer_height(vec![
            Series::new("cluster".into(), (1..=k as u16).collect::<Vec<_>>()),
            Series::new("cluster_name".into(), &self.names),
            Series::new("customers".into(), sizes),
            Series::new("net_amount".into(), net),
            Series::new("mean_net_amount".into(), mean),
            Series::new("clv_amount".into(), clv),
            Series::new("median_days_since_last".into(), medians(&|i| days[i])),
            Series::new("median_orders".into(), medians(&|i| f64::from(summary.orders[i]))),
            Series::new("median_net_amount".into(), medians(&|i| summary.net_amount[i])),
            Series::new("centroid_days_since_last".into(), centroid(Feature::DaysSinceLast)),
            Series::new("centroid_orders".into(), centroid(Feature::Orders)),
            Series::new("centroid_net_amount".into(), centroid(Feature::NetAmount)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customers(n: usize, of: impl Fn(usize) -> (i32, u32, f64)) -> Summary {
        let mut summary = Summary {
            as_of: crate::units::Day(1_000),
            ..Summary::default()
        };
        for i in 0..n {
            let (days_since_last, orders, net) = of(i);
            summary.ids.push(format!("{i:05}"));
            summary.last_day.push(1_000 - days_since_last);
            summary.orders.push(orders);
            summary.net.push((net * 10_000.0) as i128);
            summary.net_amount.push(net);
        }
        summary
    }

    fn params() -> Params {
        let features = vec![Feature::DaysSinceLast, Feature::Orders, Feature::NetAmount];
        let config = Config {
            features,
            k_min: 2,
            k_max: 6,
            n_starts: 5,
            max_fit_customers: 1_000,
        };
        config.check(1, &mut Vec::new()).unwrap()
    }

    #[test]
    fn three_planted_groups_are_found_and_numbered_by_value() {
        let summary = customers(300, |i| {
            let jitter = (i / 3 % 10) as f64 / 100.0;
            match i % 3 {
                0 => (300, 1, 20.0 + jitter),
                1 => (60, 6, 400.0 + jitter),
                _ => (3, 60, 9_000.0 + jitter),
            }
        });
        let clusters = run(&params(), &summary);
        assert_eq!(clusters.facts.k, 3);
        assert!((0..300).all(|i| clusters.of_customer[i] == [3, 2, 1][i % 3]));
        assert_eq!(clusters.names[0], "recent, many orders, high spend");
        assert_eq!(clusters.names[2], "long silent, few orders, low spend");
    }

    #[test]
    fn identical_or_few_customers_are_one_cluster_with_a_warning() {
        for summary in [
            customers(500, |_| (5, 2, 10.0)),
            customers(3, |i| (i as i32, 1, i as f64)),
        ] {
            let clusters = run(&params(), &summary);
            assert_eq!(clusters.names, ["all customers"]);
            assert_eq!(clusters.warnings.len(), 1);
        }
    }

    #[test]
    fn silhouette_of_two_far_pairs_is_as_computed_by_hand() {
        let points = ndarray::array![[0.0], [1.0], [10.0], [11.0]];
        let centroids = ndarray::array![[0.5], [10.5]];
        // a = 1 for all; b = 10.5, 9.5, 9.5, 10.5.
        let expected = (2.0 * (9.5 / 10.5) + 2.0 * (8.5 / 9.5)) / 4.0;
        assert!((silhouette(&points, &centroids) - expected).abs() < 1e-15);
    }
}
