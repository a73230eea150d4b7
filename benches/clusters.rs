//! k-means on generated points: the fit, one pass over all points by us and by linfa, and silhouettes.
//!
//! `fit` is that of 8 clusters from 10 starts on 4 features; `assign` finds the nearest centroid of each point; `pass`
//! moves given centroids once, and `linfa_pass` is the same step by linfa-clustering, for comparison; `silhouette` is that of
//! 2,000 points, as the stage computes it. Throughput is in points. Sizes: 1,000,000 points, or
//! `QUINTILE_BENCH_POINTS=1000000,10000000`. The inertia is printed beside the times, with a
//! checksum of the nearest centroids, so that fast and wrong shows.

mod answer;
mod measure;
mod sizes;

use criterion::{Criterion, Throughput};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use measure::measure;
use ndarray::{Array2, s};
use quintile::cluster;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

const SEED: u64 = 7;
const FEATURES: usize = 4;
const K: usize = 8;
const STARTS: usize = 10;
const SILHOUETTE_POINTS: usize = 2_000;
const TEST_POINTS: usize = 10_000;

fn main() {
    sizes::run("QUINTILE_BENCH_POINTS", TEST_POINTS, bench);
}

/// Twelve overlapping groups, so that eight clusters have to compromise.
fn points(n: usize) -> Array2<f64> {
    const GROUPS: usize = 12;
    let mut random = Xoshiro256Plus::seed_from_u64(SEED);
    let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
    let centres = Array2::from_shape_simple_fn((GROUPS, FEATURES), || 1.5 * normal());
    Array2::from_shape_fn((n, FEATURES), |(i, j)| centres[[i % GROUPS, j]] + normal())
}

fn linfa_pass(points: &Array2<f64>, from: &Array2<f64>) -> Array2<f64> {
    let params = KMeans::params_with_rng(K, Xoshiro256Plus::seed_from_u64(SEED));
    let params = params
        .n_runs(1)
        .max_n_iterations(1)
        .init_method(KMeansInit::Precomputed(from.clone()));
    let fitted = params.fit(&DatasetBase::from(points.view()));
    fitted.expect("the points are finite").centroids().clone()
}

fn bench(criterion: &mut Criterion, n: usize) {
    let points = points(n);
    let start = points.slice(s![..K, ..]).to_owned();
    let centroids = cluster::fit(&points, K, STARTS, SEED);
    let (labels, inertia) = cluster::assign(&points, &centroids);
    let (_, at_start) = cluster::assign(&points, &start);
    let crc = answer::of_rows(labels.iter().map(u16::to_string));
    println!("answer/{n}: inertia {inertia:.6}, {at_start:.6} of the first points as centroids, crc {crc:08x}");
    drop(labels);

    let mut group = sizes::group(criterion, "clusters", n);
    let size = |n: usize| format!("{n}x{FEATURES}");
    let fit = |()| cluster::fit(&points, K, STARTS, SEED);
    measure(&mut group, "fit", size(n), || (), fit);
    let assign = |()| cluster::assign(&points, &centroids);
    measure(&mut group, "assign", size(n), || (), assign);
    let pass = |start| cluster::refine(&points, start, f64::INFINITY);
    measure(&mut group, "pass", size(n), || start.clone(), pass);
    let linfa_pass = |()| linfa_pass(&points, &start);
    measure(&mut group, "linfa_pass", size(n), || (), linfa_pass);
    let few = points.slice(s![..SILHOUETTE_POINTS.min(n), ..]).to_owned();
    group.throughput(Throughput::Elements(few.nrows() as u64));
    let silhouette = |()| cluster::silhouette(&few, &centroids);
    measure(&mut group, "silhouette", size(few.nrows()), || (), silhouette);
    group.finish();
}
