//! k-means: starts by linfa on a sample, then exact Lloyd passes over all points; silhouettes.
//!
//! In: points, read block by block. Out: centroids, the nearest centroid of each point, inertia.
//! Cost: a pass over n points of d features is O(n k d), on all threads, and keeps a few kilobytes a thread. Starts see
//! at most 16,384 points. Up to 131,072 points the centroids are refined until they rest; more points need a handful
//! of passes, because the centroids come from a sample of them where they rest already.
//!
//! A block of rows is read feature by feature, so that one instruction works on several rows, and is assigned and added
//! up before it leaves the cache. Sums are added within chunks of fixed size, chunk after chunk: the same bits for any
//! number of threads.
//!
//! Sources: Lloyd (1982), Least squares quantization in PCM; Arthur & Vassilvitskii (2007), k-means++: the advantages
//! of careful seeding; Rousseeuw (1987), Silhouettes: a graphical aid.

use std::ops::Range;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView1, Axis};
use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use rayon::prelude::*;

/// Rows that are read and assigned together: with four features they fill half of a small L1 cache.
pub const BLOCK: usize = 512;
/// Rows that one task assigns and whose sums it adds in order.
pub const CHUNK: usize = 8 * BLOCK;
/// Rows whose distances are computed side by side; with four features they just fit the registers of any x86-64.
const LANES: usize = 4;
/// The most points on which starts are tried.
const START_POINTS: usize = 16_384;
/// Each later stage sees so many times the points of the one before.
const GROWTH: usize = 8;
/// Up to so many points, passes cost little enough to go on until the centroids rest.
const EXACT_POINTS: usize = START_POINTS * GROWTH;
/// Movement of all centroids together that counts as rest.
const REST: f64 = 1e-7;
/// The same while stages and starts follow, in standard deviations of the points: a tenth of scikit-learn's default.
const ALMOST_REST: f64 = 1e-3;
const MAX_PASSES: usize = 300;

/// Values of consecutive rows: one array a feature.
pub type Block = Vec<[f64; BLOCK]>;

/// Points that several threads can read a block at a time.
pub trait Points: Sync {
    fn n_rows(&self) -> usize;
    fn n_features(&self) -> usize;
    /// Reads the rows, at most as many as an array holds, to the beginning of each array.
    fn read(&self, rows: Range<usize>, into: &mut Block);
}

/// One row a point.
impl Points for Array2<f64> {
    fn n_rows(&self) -> usize {
        self.nrows()
    }

    fn n_features(&self) -> usize {
        self.ncols()
    }

    fn read(&self, rows: Range<usize>, into: &mut Block) {
        let rows = self.slice(ndarray::s![rows, ..]);
        for (j, (to, column)) in into.iter_mut().zip(rows.columns()).enumerate() {
            match rows.as_slice() {
                // Many times faster than the general way, for the usual layout.
                Some(values) => copy(values.iter().skip(j).step_by(self.ncols()), to),
                None => copy(column.iter(), to),
            }
        }
    }
}

fn copy<'a>(from: impl Iterator<Item = &'a f64>, to: &mut [f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

fn square(value: f64) -> f64 {
    value * value
}

/// Nearest centroids of the rows of a block, the first of equals, and their squared distances.
struct Nearest {
    distance: [f64; BLOCK],
    /// Whole numbers, as wide as the distances so that both are chosen by one mask.
    label: [f64; BLOCK],
}

impl Nearest {
    fn find(&mut self, block: &Block, centroids: &Array2<f64>) {
        match block.as_slice() {
            [a] => self.among([a], centroids),
            [a, b] => self.among([a, b], centroids),
            [a, b, c] => self.among([a, b, c], centroids),
            [a, b, c, d] => self.among([a, b, c, d], centroids),
            _ => self.among_wide(block, centroids),
        }
    }

    /// With the number of features known, the rows stay in registers while the centroids pass by.
    fn among<const D: usize>(&mut self, block: [&[f64; BLOCK]; D], centroids: &Array2<f64>) {
        let rows = centroids.rows().into_iter();
        let centroids: Vec<[f64; D]> = rows.map(|row| std::array::from_fn(|j| row[j])).collect();
        let block = block.map(|column| column.as_chunks::<LANES>().0);
        let distances = self.distance.as_chunks_mut::<LANES>().0;
        let labels = self.label.as_chunks_mut::<LANES>().0;
        for (group, (nearest, label)) in distances.iter_mut().zip(labels).enumerate() {
            let x: [[f64; LANES]; D] = std::array::from_fn(|j| block[j][group]);
            let (mut least, mut of) = ([f64::INFINITY; LANES], [0.0; LANES]);
            let mut number = 0.0;
            for centroid in &centroids {
                let mut distance = [0.0; LANES];
                for j in 0..D {
                    for i in 0..LANES {
                        distance[i] += square(x[j][i] - centroid[j]);
                    }
                }
                for i in 0..LANES {
                    let nearer = distance[i] < least[i];
                    least[i] = if nearer { distance[i] } else { least[i] };
                    of[i] = if nearer { number } else { of[i] };
                }
                number += 1.0;
            }
            (*nearest, *label) = (least, of);
        }
    }

    fn among_wide(&mut self, block: &Block, centroids: &Array2<f64>) {
        self.distance.fill(f64::INFINITY);
        self.label.fill(0.0);
        for (number, centroid) in centroids.rows().into_iter().enumerate() {
            let mut distances = [0.0; BLOCK];
            for (column, value) in block.iter().zip(centroid) {
                for (distance, x) in distances.iter_mut().zip(column) {
                    *distance += square(x - value);
                }
            }
            for (i, distance) in distances.into_iter().enumerate() {
                if distance < self.distance[i] {
                    (self.distance[i], self.label[i]) = (distance, number as f64);
                }
            }
        }
    }
}

/// Gives each block of the rows, and how many of its rows count, to `visit` with the nearest centroids.
fn scan(
    points: &impl Points,
    centroids: &Array2<f64>,
    rows: Range<usize>,
    mut visit: impl FnMut(Range<usize>, &Block, &Nearest),
) {
    let mut block = vec![[0.0; BLOCK]; points.n_features()];
    let mut nearest = Nearest {
        distance: [0.0; BLOCK],
        label: [0.0; BLOCK],
    };
    for first in rows.clone().step_by(BLOCK) {
        let rows = first..rows.end.min(first + BLOCK);
        points.read(rows.clone(), &mut block);
        nearest.find(&block, centroids);
        visit(rows, &block, &nearest);
    }
}

fn chunks(n_rows: usize) -> impl IndexedParallelIterator<Item = Range<usize>> {
    let chunks = (0..n_rows.div_ceil(CHUNK)).into_par_iter();
    chunks.map(move |c| c * CHUNK..n_rows.min((c + 1) * CHUNK))
}

/// Sums and counts of the points of each cluster, and the inertia.
struct Tally {
    sums: Array2<f64>,
    counts: Vec<u64>,
    inertia: f64,
}

impl Tally {
    fn zero(like: &Array2<f64>) -> Self {
        Self {
            sums: Array2::zeros(like.raw_dim()),
            counts: vec![0; like.nrows()],
            inertia: 0.0,
        }
    }

    fn of(points: &impl Points, centroids: &Array2<f64>) -> Self {
        let of_chunk = |rows| {
            let mut tally = Self::zero(centroids);
            scan(points, centroids, rows, |rows, block, nearest| {
                tally.add(rows.len(), block, nearest);
            });
            tally
        };
        let parts: Vec<Self> = chunks(points.n_rows()).map(of_chunk).collect();
        parts.iter().fold(Self::zero(centroids), |mut all, part| {
            all.sums += &part.sums;
            all.counts.iter_mut().zip(&part.counts).for_each(|(all, n)| *all += n);
            all.inertia += part.inertia;
            all
        })
    }

    fn add(&mut self, n: usize, block: &Block, nearest: &Nearest) {
        self.inertia += nearest.distance[..n].iter().sum::<f64>();
        let labels = &nearest.label[..n];
        labels.iter().for_each(|&label| self.counts[label as usize] += 1);
        let Some(sums) = self.sums.as_slice_mut() else { return };
        match block.as_slice() {
            [a] => add_rows(sums, labels, [a]),
            [a, b] => add_rows(sums, labels, [a, b]),
            [a, b, c] => add_rows(sums, labels, [a, b, c]),
            [a, b, c, d] => add_rows(sums, labels, [a, b, c, d]),
            _ => {
                for (i, &label) in labels.iter().enumerate() {
                    let sums = sums.iter_mut().skip(label as usize * block.len());
                    sums.zip(block).for_each(|(sum, column)| *sum += column[i]);
                }
            }
        }
    }

    /// The means of the clusters; one without points stays where it was.
    fn means(&self, old: &Array2<f64>) -> Array2<f64> {
        let mut means = self.sums.clone();
        for ((mut mean, old), &n) in means.rows_mut().into_iter().zip(old.rows()).zip(&self.counts) {
            if n == 0 {
                mean.assign(&old);
            } else {
                mean /= n as f64;
            }
        }
        means
    }
}

fn add_rows<const D: usize>(sums: &mut [f64], labels: &[f64], block: [&[f64; BLOCK]; D]) {
    let sums = sums.as_chunks_mut::<D>().0;
    for (i, &label) in labels.iter().enumerate() {
        let sum = &mut sums[label as usize];
        for j in 0..D {
            sum[j] += block[j][i];
        }
    }
}

/// Lloyd's algorithm from given centroids until all of them together move by `tolerance` or less. A cluster that
/// loses all its points gets the point that is farthest from its centroid.
pub fn refine(points: &impl Points, mut centroids: Array2<f64>, tolerance: f64) -> Array2<f64> {
    for _ in 0..MAX_PASSES {
        let tally = Tally::of(points, &centroids);
        let mut next = tally.means(&centroids);
        if let Some(empty) = tally.counts.iter().position(|n| *n == 0)
            && let Some(point) = farthest(points, &next)
        {
            next.row_mut(empty).assign(&ArrayView1::from(&point));
        }
        let moved = (&next - &centroids).iter().map(|v| square(*v)).sum::<f64>().sqrt();
        centroids = next;
        if moved <= tolerance || moved.is_nan() {
            break;
        }
    }
    centroids
}

/// The point farthest from its nearest centroid, the first of equals; `None` if all lie on one.
fn farthest(points: &impl Points, centroids: &Array2<f64>) -> Option<Vec<f64>> {
    let of_chunk = |rows| {
        let mut best = (0.0, None);
        scan(points, centroids, rows, |rows, block, nearest| {
            for i in 0..rows.len() {
                if best.0 < nearest.distance[i] {
                    best = (
                        nearest.distance[i],
                        Some(block.iter().map(|column| column[i]).collect()),
                    );
                }
            }
        });
        best
    };
    let parts: Vec<(f64, Option<Vec<f64>>)> = chunks(points.n_rows()).map(of_chunk).collect();
    let best = parts
        .into_iter()
        .reduce(|best, next| if best.0 < next.0 { next } else { best });
    best.and_then(|(_, point)| point)
}

/// Centroids of the best of `n_starts` runs, each from its own k-means++ start, refined on all points; shape (k,
/// n_features), or fewer rows if there are fewer points.
pub fn fit(points: &Array2<f64>, k: usize, n_starts: usize, seed: u64) -> Array2<f64> {
    let n = points.nrows();
    let k = k.min(n);
    if k == 0 || points.ncols() == 0 {
        return Array2::zeros((k, points.ncols()));
    }
    let few = sample(points, START_POINTS, seed);
    let almost = ALMOST_REST * (few.var_axis(Axis(0), 0.0).sum() / few.ncols() as f64).sqrt();
    let starts: Vec<(f64, Array2<f64>)> = (0..n_starts as u64)
        .into_par_iter()
        .filter_map(|start| {
            let centroids = refine(&few, k_means_plus_plus(&few, k, start_seed(seed, start, k))?, almost);
            Some((Tally::of(&few, &centroids).inertia, centroids))
        })
        .collect();
    let best = starts
        .into_iter()
        .reduce(|best, next| if next.0 < best.0 { next } else { best });
    let mut centroids = best.map_or_else(|| few.slice(ndarray::s![..k, ..]).to_owned(), |(_, found)| found);
    let mut size = START_POINTS * GROWTH;
    while size < n {
        centroids = refine(&sample(points, size, seed), centroids, almost);
        size *= GROWTH;
    }
    refine(points, centroids, if n <= EXACT_POINTS { REST } else { almost })
}

fn start_seed(seed: u64, start: u64, k: usize) -> u64 {
    seed ^ start.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((k as u64) << 48)
}

/// At most `size` points: one drawn from each of as many equal stretches of the rows.
fn sample(points: &Array2<f64>, size: usize, seed: u64) -> Array2<f64> {
    let n = points.nrows();
    if n <= size {
        return points.as_standard_layout().into_owned();
    }
    let mut random = Xoshiro256Plus::seed_from_u64(seed);
    let stretch = |i: usize| (i as u128 * n as u128 / size as u128) as usize;
    let rows: Vec<usize> = (0..size)
        .map(|i| random.gen_range(stretch(i)..stretch(i + 1)))
        .collect();
    points.select(Axis(0), &rows)
}

/// linfa's k-means++ and its first step; `None` if it gives no finite centroids.
fn k_means_plus_plus(points: &Array2<f64>, k: usize, seed: u64) -> Option<Array2<f64>> {
    let params = KMeans::params_with_rng(k, Xoshiro256Plus::seed_from_u64(seed));
    let params = params
        .n_runs(1)
        .max_n_iterations(1)
        .init_method(KMeansInit::KMeansPlusPlus);
    let fitted = params.fit(&DatasetBase::from(points.view())).ok()?;
    let centroids = fitted.centroids();
    centroids.iter().all(|c| c.is_finite()).then(|| centroids.clone())
}

/// Nearest centroid of each point (from 0; the first of equals), and the inertia.
pub fn assign(points: &impl Points, centroids: &Array2<f64>) -> (Vec<u16>, f64) {
    let mut labels = vec![0; points.n_rows()];
    let of_chunk = |(rows, labels): (Range<usize>, &mut [u16])| {
        let mut inertia = 0.0;
        let first = rows.start;
        scan(points, centroids, rows, |rows, _, nearest| {
            inertia += nearest.distance[..rows.len()].iter().sum::<f64>();
            let labels = &mut labels[rows.start - first..rows.end - first];
            labels
                .iter_mut()
                .zip(&nearest.label)
                .for_each(|(to, from)| *to = *from as u16);
        });
        inertia
    };
    let parts = chunks(points.n_rows()).zip(labels.par_chunks_mut(CHUNK)).map(of_chunk);
    let inertia = parts.collect::<Vec<f64>>().iter().sum();
    (labels, inertia)
}

/// Mean silhouette of the points under their nearest centroids; 0 for a point alone in its cluster.
pub fn silhouette(points: &Array2<f64>, centroids: &Array2<f64>) -> f64 {
    silhouettes(points, std::slice::from_ref(centroids))
        .first()
        .copied()
        .unwrap_or(0.0)
}

/// The [`silhouette`] of each set of centroids. Distances between points, O(n^2), are computed once for all.
pub fn silhouettes(points: &Array2<f64>, candidates: &[Array2<f64>]) -> Vec<f64> {
    let partitions: Vec<Partition> = candidates.iter().map(|c| Partition::new(points, c)).collect();
    let of_point = |i: usize| -> Vec<f64> {
        let point = points.row(i);
        let others = points.rows().into_iter();
        let distances: Vec<f64> = others.map(|other| squared_distance(point, other).sqrt()).collect();
        partitions
            .iter()
            .map(|partition| partition.silhouette(i, &distances))
            .collect()
    };
    let values: Vec<Vec<f64>> = (0..points.nrows()).into_par_iter().map(of_point).collect();
    let mean = |c: usize| values.iter().map(|of| of[c]).sum::<f64>() / points.nrows().max(1) as f64;
    (0..candidates.len()).map(mean).collect()
}

fn squared_distance(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| square(x - y)).sum()
}

struct Partition {
    labels: Vec<u16>,
    sizes: Vec<usize>,
}

impl Partition {
    fn new(points: &Array2<f64>, centroids: &Array2<f64>) -> Self {
        let (labels, _) = assign(points, centroids);
        let mut sizes = vec![0; centroids.nrows()];
        labels.iter().for_each(|&c| sizes[usize::from(c)] += 1);
        Self { labels, sizes }
    }

    /// Of point `i`, whose distances to all points are given.
    fn silhouette(&self, i: usize, distances: &[f64]) -> f64 {
        let own = usize::from(self.labels[i]);
        if self.sizes[own] < 2 {
            return 0.0;
        }
        let mut sums = vec![0.0; self.sizes.len()];
        for (distance, &c) in distances.iter().zip(&self.labels) {
            sums[usize::from(c)] += distance;
        }
        let within = sums[own] / (self.sizes[own] - 1) as f64;
        let others = (0..sums.len()).filter(|&c| c != own && self.sizes[c] > 0);
        let between = others
            .map(|c| sums[c] / self.sizes[c] as f64)
            .fold(f64::INFINITY, f64::min);
        let larger = within.max(between);
        if larger > 0.0 && larger.is_finite() {
            (between - within) / larger
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// Groups of the given number with normal noise around normal centres, `apart` times as far.
    fn groups(n: usize, d: usize, n_groups: usize, apart: f64, seed: u64) -> Array2<f64> {
        let mut random = Xoshiro256Plus::seed_from_u64(seed);
        let mut normal = |_| -> f64 { StandardNormal.sample(&mut random) };
        let centres = Array2::from_shape_fn((n_groups, d), |_| apart * normal(()));
        Array2::from_shape_fn((n, d), |(i, j)| centres[[i * 7 % n_groups, j]] + normal(()))
    }

    fn plain_assign(points: &Array2<f64>, centroids: &Array2<f64>) -> (Vec<u16>, f64) {
        let nearest = |point: ArrayView1<f64>| {
            let distances = centroids.rows().into_iter().map(|c| squared_distance(point, c));
            let distances = distances.enumerate().map(|(c, distance)| (distance, c as u16));
            distances
                .reduce(|best, next| if next.0 < best.0 { next } else { best })
                .unwrap()
        };
        let found: Vec<(f64, u16)> = points.rows().into_iter().map(nearest).collect();
        (found.iter().map(|f| f.1).collect(), found.iter().map(|f| f.0).sum())
    }

    fn linfa_fit(points: &Array2<f64>, k: usize, init: KMeansInit<f64>, seed: u64) -> Array2<f64> {
        let params = KMeans::params_with_rng(k, Xoshiro256Plus::seed_from_u64(seed));
        let params = params.n_runs(1).tolerance(REST).max_n_iterations(500).init_method(init);
        params
            .fit(&DatasetBase::from(points.view()))
            .unwrap()
            .centroids()
            .clone()
    }

    fn threads(n: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap()
    }

    #[test]
    fn blocks_give_the_nearest_centroid_for_any_number_of_rows_and_features() {
        for d in 1..=6 {
            for n in [1, LANES - 1, BLOCK - 1, BLOCK, BLOCK + 1, CHUNK + 3, 3 * CHUNK] {
                let points = groups(n, d, 5, 2.0, (d * n) as u64);
                let centroids = groups(7, d, 7, 2.0, 1);
                let (labels, inertia) = assign(&points, &centroids);
                let (expected, sum) = plain_assign(&points, &centroids);
                assert!(labels == expected, "{n} x {d}");
                assert!((inertia / sum - 1.0).abs() < 1e-12, "{n} x {d}: {inertia} for {sum}");
            }
        }
    }

    #[test]
    fn of_equally_near_centroids_the_first_counts() {
        for d in 1..=6 {
            let points = Array2::zeros((10, d));
            let centroids = Array2::from_shape_fn((4, d), |(c, _)| [3.0, -1.0, 1.0, -1.0][c]);
            assert_eq!(assign(&points, &centroids).0, [1; 10]);
        }
    }

    #[test]
    fn another_layout_of_the_same_points_gives_the_same() {
        let points = groups(5_000, 3, 4, 2.0, 8);
        let turned = points.t().as_standard_layout().into_owned().reversed_axes();
        assert!(!turned.is_standard_layout());
        assert_eq!(fit(&points, 4, 3, 1), fit(&turned, 4, 3, 1));
    }

    #[test]
    fn one_thread_and_two_give_the_same_bits() {
        for n in [3_000, EXACT_POINTS + 5_001] {
            let points = groups(n, 3, 6, 1.0, 2);
            let of = |n_threads| {
                threads(n_threads).install(|| {
                    let centroids = fit(&points, 5, 4, 9);
                    let (labels, inertia) = assign(&points, &centroids);
                    (centroids.mapv(f64::to_bits), labels, inertia.to_bits())
                })
            };
            let one = of(1);
            assert!(
                [2, 3, 7].into_iter().all(|n_threads| of(n_threads) == one),
                "{n} points"
            );
        }
    }

    #[test]
    fn from_the_same_centroids_it_ends_where_linfa_ends() {
        for (d, k) in [(1, 3), (2, 4), (4, 8), (6, 5)] {
            let points = groups(4_000, d, k, 3.0, 11);
            let from = points.slice(ndarray::s![..k, ..]).to_owned();
            let theirs = linfa_fit(&points, k, KMeansInit::Precomputed(from.clone()), 0);
            let ours = refine(&points, from, REST);
            let apart = (&ours - &theirs).iter().fold(0.0f64, |most, v| most.max(v.abs()));
            assert!(apart < 1e-5, "{d} features, {k} clusters: {apart}");
        }
    }

    #[test]
    fn inertia_is_not_above_that_of_linfa() {
        let uniform = |n: usize| {
            let mut random = Xoshiro256Plus::seed_from_u64(5);
            Array2::from_shape_fn((n, 2), |_| random.gen_range(-1.0..1.0))
        };
        let sets = [
            ("far groups", groups(3_000, 3, 6, 6.0, 21), 6),
            ("close groups", groups(3_000, 3, 6, 1.5, 22), 6),
            ("one cloud", groups(3_000, 2, 1, 0.0, 23), 5),
            ("a square", uniform(3_000), 4),
            ("more than starts see", groups(20_000, 4, 8, 3.0, 24), 8),
        ];
        for (name, points, k) in sets {
            // The same draws, so that the sets with many resting places are no matter of luck.
            let seeds = (0..4).map(|start| start_seed(1, start, k));
            let runs = seeds.map(|seed| linfa_fit(&points, k, KMeansInit::KMeansPlusPlus, seed));
            let theirs = runs
                .map(|centroids| assign(&points, &centroids).1)
                .fold(f64::INFINITY, f64::min);
            let ours = assign(&points, &fit(&points, k, 4, 1)).1;
            assert!(ours <= theirs * (1.0 + 1e-9), "{name}: {ours} for {theirs}");
        }
    }

    #[test]
    fn a_cluster_without_points_gets_the_farthest_point() {
        let points = Array2::from_shape_fn((9_000, 2), |(i, _)| if i < 8_998 { 0.0 } else { i as f64 });
        // Nearly every sample of the starts sees equal points only, and two of three centroids begin far off.
        let from = ndarray::array![[0.0, 0.0], [-1e9, 0.0], [-2e9, 0.0]];
        assert_eq!(assign(&points, &refine(&points, from, REST)).1, 0.0);
        let many = Array2::from_shape_fn((100_000, 1), |(i, _)| if i < 99_998 { 0.0 } else { i as f64 });
        assert_eq!(assign(&many, &fit(&many, 3, 2, 1)).1, 0.0);
    }

    #[test]
    fn too_few_or_equal_points_and_no_points_are_no_error() {
        assert_eq!(fit(&Array2::zeros((0, 3)), 4, 2, 1).dim(), (0, 3));
        assert_eq!(fit(&Array2::zeros((5, 0)), 4, 2, 1).dim(), (4, 0));
        assert_eq!(fit(&groups(3, 2, 3, 1.0, 1), 8, 2, 1).dim(), (3, 2));
        assert_eq!(fit(&Array2::zeros((50, 2)), 3, 0, 1), Array2::<f64>::zeros((3, 2)));
        let with_nan = Array2::from_shape_fn((50, 2), |(i, _)| if i == 7 { f64::NAN } else { i as f64 });
        assert_eq!(fit(&with_nan, 3, 2, 1).dim(), (3, 2));
    }

    #[test]
    fn silhouette_of_two_far_pairs_is_as_computed_by_hand() {
        let points = ndarray::array![[0.0], [1.0], [10.0], [11.0]];
        let centroids = ndarray::array![[0.5], [10.5]];
        // a = 1 for all; b = 10.5, 9.5, 9.5, 10.5.
        let expected = (2.0 * (9.5 / 10.5) + 2.0 * (8.5 / 9.5)) / 4.0;
        assert!((silhouette(&points, &centroids) - expected).abs() < 1e-15);
        let alone = ndarray::array![[0.5], [10.0], [11.0]];
        let both = silhouettes(&points, &[alone.clone(), centroids]);
        assert_eq!(both[0], silhouette(&points, &alone));
        assert!((both[1] - expected).abs() < 1e-15);
    }
}
