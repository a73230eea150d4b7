//! k-means on generated points: the fit, one pass over all points by us and by linfa, and silhouettes.
//!
//! `fit` is that of 8 clusters from 10 starts on 4 features; `assign` finds the nearest centroid of each point; `pass`
//! moves given centroids once, and `linfa_pass` is the same step by linfa-clustering, for comparison; `silhouette` is that of
//! 2,000 points, as the stage computes it. Throughput is in points. Sizes: 1,000,000 points, or
//! `QUINTILE_BENCH_POINTS=1000000,10000000`. The inertia is printed beside the times, so that fast and wrong shows.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, s};
use quintile::cluster;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 7;
const FEATURES: usize = 4;
const K: usize = 8;
const STARTS: usize = 10;
const SILHOUETTE_POINTS: usize = 2_000;
const DEFAULT_POINTS: usize = 1_000_000;
/// For `cargo test --benches`, which only asks whether everything still runs.
const TEST_POINTS: usize = 10_000;

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let mut criterion = Criterion::default().configure_from_args();
    for n in sizes(measuring) {
        bench(&mut criterion, n);
    }
    criterion.final_summary();
}

fn sizes(measuring: bool) -> Vec<usize> {
    if !measuring {
        return vec![TEST_POINTS];
    }
    match std::env::var("QUINTILE_BENCH_POINTS") {
        Ok(sizes) => sizes
            .split(',')
            .map(|size| {
                size.trim()
                    .parse()
                    .expect("QUINTILE_BENCH_POINTS is a list such as 1000000,10000000")
            })
            .collect(),
        Err(_) => vec![DEFAULT_POINTS],
    }
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
    let (_, inertia) = cluster::assign(&points, &centroids);
    let (_, at_start) = cluster::assign(&points, &start);
    println!("answer/{n}: inertia {inertia:.6}, {at_start:.6} of the first points as centroids");

    let mut group = criterion.benchmark_group("clusters");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1));
    let id = |name: &str, n: usize| BenchmarkId::new(name, format!("{n}x{FEATURES}"));
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function(id("fit", n), |b| {
        b.iter(|| black_box(cluster::fit(&points, K, STARTS, SEED)));
    });
    group.bench_function(id("assign", n), |b| {
        b.iter(|| black_box(cluster::assign(&points, &centroids)));
    });
    group.bench_function(id("pass", n), |b| {
        b.iter(|| black_box(cluster::refine(&points, start.clone(), f64::INFINITY)));
    });
    group.bench_function(id("linfa_pass", n), |b| {
        b.iter(|| black_box(linfa_pass(&points, &start)));
    });
    let few = points.slice(s![..SILHOUETTE_POINTS.min(n), ..]).to_owned();
    group.throughput(Throughput::Elements(few.nrows() as u64));
    group.bench_function(id("silhouette", few.nrows()), |b| {
        b.iter(|| black_box(cluster::silhouette(&few, &centroids)));
    });
    group.finish();
}
