//! Lifetime value of simulated customers: the fits, the predictions, and the whole stage.
//!
//! `fit` fits one model to the distinct histories of all customers, `score` predicts every customer with a fitted one,
//! `lifetime` does everything from purchase days on: season, competition on a holdout, fit, predictions. Throughput is
//! in customers. Sizes: 1,000,000 customers, or `QUINTILE_BENCH_CUSTOMERS=100000,1000000`. Customers buy and leave as in
//! MBG/NBD over three years; the truth and what was found are printed beside the times.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use quintile::clv::clock::Clock;
use quintile::clv::fit::{self, Data, Fitted};
use quintile::clv::histories::Histories;
use quintile::clv::model::{self, Setting};
use quintile::clv::purchases::PurchaseDays;
use quintile::clv::{self, Config, Input};
use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp1, Gamma, Normal};
use rand_xoshiro::Xoshiro256PlusPlus;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 7;
const DEFAULT_CUSTOMERS: usize = 1_000_000;
/// For `cargo test --benches`, which only asks whether everything still runs.
const TEST_CUSTOMERS: usize = 2_000;

const DAYS: i32 = 1_095;
const LAST_DAY: i32 = DAYS - 1;
const R: f64 = 0.9;
const ALPHA: f64 = 60.0;
const A: f64 = 0.8;
const B: f64 = 4.0;

fn main() {
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let mut criterion = Criterion::default().configure_from_args();
    for customers in sizes(measuring) {
        bench(&mut criterion, customers);
    }
    criterion.final_summary();
}

fn sizes(measuring: bool) -> Vec<usize> {
    if !measuring {
        return vec![TEST_CUSTOMERS];
    }
    match std::env::var("QUINTILE_BENCH_CUSTOMERS") {
        Ok(sizes) => sizes
            .split(',')
            .map(|size| {
                size.trim()
                    .parse()
                    .expect("QUINTILE_BENCH_CUSTOMERS is a list such as 100000,1000000")
            })
            .collect(),
        Err(_) => vec![DEFAULT_CUSTOMERS],
    }
}

/// Customers who come on any day, order as Poisson processes and may leave with every order.
fn simulate(customers: usize) -> PurchaseDays {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let rates = Gamma::new(R, 1.0 / ALPHA).expect("positive");
    let leaving = Beta::new(A, B).expect("positive");
    let spend = Normal::new(3.0, 0.5).expect("positive");
    let mut out = PurchaseDays::default();
    for _ in 0..customers {
        let rate: f64 = rates.sample(&mut rng);
        let leaves: f64 = leaving.sample(&mut rng);
        let typical: f64 = spend.sample(&mut rng);
        let mut time = f64::from(rng.gen_range(0..DAYS));
        let mut days = vec![time as i32];
        while leaves <= rng.gen_range(0.0..1.0) {
            let gap: f64 = Exp1.sample(&mut rng);
            time += gap / rate.max(1e-9);
            if f64::from(DAYS) <= time {
                break;
            }
            if days.last() != Some(&(time as i32)) {
                days.push(time as i32);
            }
        }
        out.push(days.into_iter().map(|day| {
            let noise: f64 = spend.sample(&mut rng);
            (day, (100.0 * (typical + 0.5 * (noise - 3.0)).exp()).round() / 100.0)
        }));
    }
    out
}

fn bench(criterion: &mut Criterion, customers: usize) {
    let purchases = simulate(customers);
    let params = Config::default().check().expect("the defaults pass their check");
    let input = Input {
        purchases: &purchases,
        as_of_day: LAST_DAY,
        groups: &[],
        attributes: &[],
    };
    let observed = purchases.until(LAST_DAY, &Clock::calendar());
    let (mut histories, _) = Histories::collapse(&observed.histories().histories());
    histories.sum_ln_gaps = observed.sum_ln_gaps;
    let data = Data::new(&histories, Setting::Noncontractual);

    let mut group = criterion.benchmark_group("lifetime");
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(20));
    group.throughput(Throughput::Elements(customers as u64));
    let limit = model::find("nbd").map(|nbd| fit::fit(nbd, &data, &[], None));
    let earlier: Vec<Fitted> = limit.into_iter().collect();
    for name in ["mbg_nbd", "pareto_nbd"] {
        let model = model::find(name).expect("in the registry");
        group.bench_function(BenchmarkId::new(format!("fit_{name}"), customers), |b| {
            b.iter(|| black_box(fit::fit(model, &data, &earlier, None)));
        });
    }
    let result = clv::run_purchases(&params, &input);
    println!("truth: mbg_nbd r {R} alpha {ALPHA} a {A} b {B}");
    println!("found: {} {:?}", result.selected_model, result.model.counts);
    if let Ok(scorer) = result.model.scorer() {
        group.bench_function(BenchmarkId::new("score", customers), |b| {
            b.iter(|| black_box(clv::score(&params, &scorer, &observed.histories())));
        });
    }
    group.bench_function(BenchmarkId::new("whole", customers), |b| {
        b.iter(|| black_box(clv::run_purchases(&params, &input)));
    });
    group.finish();
}
