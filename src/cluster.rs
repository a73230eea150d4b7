//! Groups of customers who behave alike: k-means on transformed, standardised features.
//!
//! In: [`Summary`]. Out: a cluster from 1 (most valuable) to k for each customer, readable names, centroids.
//! Cost: k is chosen and the centroids are fitted on at most `max_fit_customers` customers, picked by a hash of their
//! id, so that this costs the same for any number. Three passes over all customers remain, each on all threads:
//! moments of the features, hashes, the nearest centroid; the table reads them once more for medians and sums. No copy
//! of the features is made; two bytes a customer are kept.
//!
//! # Formula
//! Features are `sign(v) ln(1 + |v|)`, less their mean, over their population standard deviation. k-means by
//! Lloyd's algorithm from k-means++ starts (Arthur & Vassilvitskii 2007): linfa-clustering makes the starts, the passes
//! after it are our own. The number of clusters is the one with the best mean silhouette (Rousseeuw 1987) in
//! `[k_min, k_max]`. Inertia and labels are computed from the returned centroids, never taken from the last run of the
//! fit.

mod features;
mod k_means;

use ndarray::{Array1, Array2};
use polars::prelude::{Column as Series, DataFrame, PolarsResult};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::diagnostics::{Problem, Warning};
use crate::load::batch::hash;
use crate::schema::{Column, Table, Type, column, nullable};
use crate::summary::Summary;
use crate::units::{MaybeF64, sum_to_f64};

use features::Features;
pub use features::Scale;
pub use k_means::{Points, assign, fit, refine, silhouette};

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

/// Groups all customers. `summary` has at least one.
pub fn run(params: &Params, summary: &Summary) -> Clusters {
    let features = Features::new(&params.features, summary);
    let fit_rows = sample(summary.n_customers(), params.max_fit_customers, |i| {
        hash_of_id(summary, i)
    });
    let fit_points = features.select(&fit_rows);
    let n_distinct = n_distinct_rows(&fit_points, params.k_max + 1);
    let k_max = params.k_max.min(n_distinct.saturating_sub(1));
    if summary.n_customers() < MIN_CUSTOMERS || k_max < 2 {
        return single(summary);
    }
    let silhouette_points = fit_points
        .slice(ndarray::s![..fit_points.nrows().min(MAX_SILHOUETTE_CUSTOMERS), ..])
        .to_owned();
    // The number of clusters is chosen on the customers of the silhouette; the centroids are then fitted on all.
    let tried: Vec<usize> = (params.k_min.min(k_max)..=k_max).collect();
    let n_starts = CHOICE_STARTS.min(params.n_starts);
    let candidates: Vec<Array2<f64>> = tried
        .par_iter()
        .map(|&k| fit(&silhouette_points, k, n_starts, params.seed))
        .collect();
    let indices = k_means::silhouettes(&silhouette_points, &candidates);
    // Strictly better only: among equals the smaller k.
    let best = tried.iter().zip(&indices);
    let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
    let Some((&k, &index)) = best else {
        return single(summary);
    };
    let centroids = &fit(&fit_points, k, params.n_starts, params.seed);
    let tried: Vec<String> = tried
        .iter()
        .zip(&indices)
        .map(|(k, s)| format!("{k}: {s:.3}"))
        .collect();
    let selection = format!(
        "best mean silhouette of {} customers ({})",
        silhouette_points.nrows(),
        tried.join(", ")
    );
    named(
        summary,
        &features,
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

fn hash_of_id(summary: &Summary, customer: usize) -> u64 {
    hash(summary.ids[customer].as_bytes())
}

/// All positions in order, or, of more than `limit`, those with the smallest hashes, in order of the hash; the first
/// of equals comes first.
fn sample(n: usize, limit: usize, hash_of: impl Fn(usize) -> u64 + Sync) -> Vec<usize> {
    if n <= limit {
        return (0..n).collect();
    }
    // Hashes are spread evenly: below this one lie a few more than are needed.
    let mut highest = (u64::MAX as f64 * (1.1 * limit as f64 / n as f64)) as u64;
    loop {
        let hashes = (0..n).into_par_iter().map(|i| (hash_of(i), i));
        let mut found: Vec<(u64, usize)> = hashes.filter(|(hash, _)| *hash <= highest).collect();
        if limit <= found.len() {
            found.par_sort_unstable();
            return found.into_iter().take(limit).map(|(_, i)| i).collect();
        }
        highest = highest.saturating_mul(2).max(1);
    }
}

/// The number of different rows, counted no further than to `enough`.
fn n_distinct_rows(points: &Array2<f64>, enough: usize) -> usize {
    let mut distinct: Vec<Vec<u64>> = Vec::new();
    for row in points.rows() {
        let is_new = |known: &Vec<u64>| !known.iter().zip(row).all(|(known, v)| *known == v.to_bits());
        if distinct.iter().all(is_new) {
            distinct.push(row.iter().map(|v| v.to_bits()).collect());
        }
        if distinct.len() == enough {
            break;
        }
    }
    distinct.len()
}

/// Number of customers and net amount of each cluster.
fn totals(labels: &[u16], net: &[i128], k: usize) -> Vec<(u64, i128)> {
    let zero = || vec![(0, 0); k];
    let of_chunk = |(labels, net): (&[u16], &[i128])| {
        let mut totals = zero();
        for (&c, net) in labels.iter().zip(net) {
            let (size, sum) = &mut totals[usize::from(c)];
            *size += 1;
            *sum += net;
        }
        totals
    };
    let add = |mut all: Vec<(u64, i128)>, part: Vec<(u64, i128)>| {
        for ((size, sum), (size_of_part, sum_of_part)) in all.iter_mut().zip(part) {
            *size += size_of_part;
            *sum += sum_of_part;
        }
        all
    };
    let chunks = labels.par_chunks(k_means::CHUNK).zip(net.par_chunks(k_means::CHUNK));
    chunks.map(of_chunk).reduce(zero, add)
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
fn named(summary: &Summary, features: &Features, centroids: &Array2<f64>, facts: Facts) -> Clusters {
    let (mut labels, inertia) = assign(features, centroids);
    let k = centroids.nrows();
    let totals = totals(&labels, &summary.net, k);
    let mut order: Vec<usize> = (0..k).filter(|&c| totals[c].0 > 0).collect();
    let mean = |c: usize| totals[c].1 as f64 / totals[c].0 as f64;
    order.sort_by(|&a, &b| mean(b).total_cmp(&mean(a)).then_with(|| totals[a].0.cmp(&totals[b].0)));
    let mut new_label = vec![0u16; k];
    for (position, &c) in order.iter().enumerate() {
        new_label[c] = position as u16 + 1;
    }
    labels
        .par_iter_mut()
        .for_each(|label| *label = new_label[usize::from(*label)]);
    let mut names: Vec<String> = Vec::new();
    for &c in &order {
        let name = name_of(&features.scales, &centroids.row(c).to_owned());
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
        of_customer: labels,
        names,
        facts: Facts {
            inertia,
            k: order.len(),
            ..facts
        },
        warnings: Vec::new(),
        model: Model {
            features: features.scales.clone(),
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

    /// The frame of [`TABLE`]; `clv` has one entry a customer.
    pub fn to_frame(&self, summary: &Summary, clv: &[MaybeF64]) -> PolarsResult<DataFrame> {
        let k = self.names.len();
        // Label 0 is nobody's.
        let totals = totals(&self.of_customer, &summary.net, k + 1);
        let sizes: Vec<u64> = totals[1..].iter().map(|(size, _)| *size).collect();
        let net: Vec<f64> = totals[1..].iter().map(|(_, net)| sum_to_f64(*net)).collect();
        let mean: Vec<f64> = net
            .iter()
            .zip(&sizes)
            .map(|(net, n)| net / (*n).max(1) as f64)
            .collect();
        // One measure after the other: only one is copied at a time.
        let measures = [Feature::DaysSinceLast, Feature::Orders, Feature::NetAmount];
        let medians = || measures.map(|measure| self.medians(summary, &sizes, measure));
        let (clv, [days, orders, amounts]) = rayon::join(|| self.sums_of(clv), medians);
        let centroid = |wanted: Feature| -> Vec<Option<f64>> {
            let Some(i) = self.model.features.iter().position(|scale| scale.feature == wanted) else {
                return vec![None; k];
            };
            let scale = self.model.features[i];
            let back = |row: &Vec<f64>| scale.restore(row[i]);
            self.model.centroids.iter().map(|row| Some(back(row))).collect()
        };
        DataFrame::new_infer_height(vec![
            Series::new("cluster".into(), (1..=k as u16).collect::<Vec<_>>()),
            Series::new("cluster_name".into(), &self.names),
            Series::new("customers".into(), sizes),
            Series::new("net_amount".into(), net),
            Series::new("mean_net_amount".into(), mean),
            Series::new("clv_amount".into(), clv),
            Series::new("median_days_since_last".into(), days),
            Series::new("median_orders".into(), orders),
            Series::new("median_net_amount".into(), amounts),
            Series::new("centroid_days_since_last".into(), centroid(Feature::DaysSinceLast)),
            Series::new("centroid_orders".into(), centroid(Feature::Orders)),
            Series::new("centroid_net_amount".into(), centroid(Feature::NetAmount)),
        ])
    }

    /// Sum of the known values of each cluster, in order of customers; `None` where none is known.
    fn sums_of(&self, values: &[MaybeF64]) -> Vec<Option<f64>> {
        let mut sums = vec![None; self.names.len()];
        for (&c, value) in self.of_customer.iter().zip(values) {
            if let Some(value) = value.get() {
                let sum = &mut sums[usize::from(c) - 1];
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
        sums
    }

    /// Median of the measure in each cluster; 0 for a cluster without customers.
    fn medians(&self, summary: &Summary, sizes: &[u64], measure: Feature) -> Vec<f64> {
        let mut groups: Vec<Vec<f64>> = sizes.iter().map(|n| Vec::with_capacity(*n as usize)).collect();
        for (i, &c) in self.of_customer.iter().enumerate() {
            groups[usize::from(c) - 1].push(measure.value(summary, i));
        }
        groups
            .par_iter_mut()
            .map(|values| median_by_selection(values))
            .collect()
    }
}

/// The median in linear time; 0 without values.
fn median_by_selection(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return 0.0;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if n.is_multiple_of(2) => (lower + upper) / 2.0,
        _ => upper,
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
            summary.ids.push(&format!("{i:05}"));
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
    fn the_sample_is_the_beginning_of_all_customers_sorted_by_hash() {
        let sorted = |n: usize, limit: usize, hash_of: &dyn Fn(usize) -> u64| {
            let mut rows: Vec<usize> = (0..n).collect();
            rows.sort_by_cached_key(|&i| hash_of(i));
            rows.truncate(limit);
            rows
        };
        let of_id = |i: usize| hash(format!("C{i}").as_bytes());
        for (n, limit) in [(1_001, 1_000), (5_000, 1_000), (100_000, 1_000), (30_000, 29_999)] {
            assert_eq!(sample(n, limit, of_id), sorted(n, limit, &of_id), "{limit} of {n}");
        }
        assert_eq!(sample(1_000, 1_000, of_id), (0..1_000).collect::<Vec<_>>());
        // Nothing but large hashes, and many equal ones.
        for hash_of in [|i: usize| u64::MAX - (i % 3) as u64, |_: usize| u64::MAX, |_: usize| 0] {
            assert_eq!(sample(3_000, 1_000, hash_of), sorted(3_000, 1_000, &hash_of));
        }
    }

    #[test]
    fn distinct_rows_are_counted_up_to_enough() {
        let points = Array2::from_shape_fn((100, 2), |(i, j)| (i % 3 + j) as f64);
        assert_eq!(n_distinct_rows(&points, 9), 3);
        assert_eq!(n_distinct_rows(&points, 2), 2);
        assert_eq!(n_distinct_rows(&Array2::zeros((4, 0)), 9), 1);
    }

    #[test]
    fn medians_by_selection_are_those_of_sorting() {
        for n in 0..40u64 {
            let mut values: Vec<f64> = (0..n).map(|i| hash(&i.to_le_bytes()) as i16 as f64 / 7.0).collect();
            let expected = crate::units::median(values.clone()).unwrap_or(0.0);
            assert_eq!(median_by_selection(&mut values), expected, "{n} values");
        }
    }

    #[test]
    fn one_thread_and_two_give_the_same_clusters() {
        let summary = customers(12_345, |i| {
            let days = hash(&i.to_le_bytes()) % 900;
            (days as i32, 1 + (i * i % 13) as u32, (i * i * i % 10_007) as f64 / 3.0)
        });
        let of = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let clusters = pool.install(|| run(&params(), &summary));
            let bits = clusters.model.centroids.concat().into_iter().map(f64::to_bits);
            let scales = clusters.model.features.iter();
            let bits: Vec<u64> = bits
                .chain(scales.flat_map(|scale| [scale.mean.to_bits(), scale.deviation.to_bits()]))
                .collect();
            (clusters.of_customer, clusters.names, clusters.facts, bits)
        };
        let one = of(1);
        assert_eq!(one.0.len(), 12_345);
        assert!(of(2) == one && of(5) == one);
    }
}
