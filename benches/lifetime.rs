//! Lifetime value of simulated customers: the fits, the predictions, and the whole stage.
//!
//! `fit_MODEL` fits one model to the distinct histories of all customers, starting from the fits before it, as the stage
//! does; `score` predicts every customer with the model that the stage chose; `whole` does everything from purchase days
//! on: season, competition on a holdout, fit, predictions. Throughput is in customers. Sizes: 1,000,000 customers, or
//! `QUINTILE_BENCH_CUSTOMERS=100000,1000000`. Customers buy and leave as in MBG/NBD over three years; the truth, the
//! likelihoods, what was found and a checksum of the predictions are printed beside the times.

mod answer;
mod measure;
mod sizes;

use criterion::Criterion;
use measure::measure;
use quintile::clv::clock::Clock;
use quintile::clv::fit::{self, Data, Fitted};
use quintile::clv::histories::Histories;
use quintile::clv::model::{MODELS, Setting};
use quintile::clv::purchases::PurchaseDays;
use quintile::clv::{self, Config, CustomerValues, Input};
use quintile::units::MaybeF64;
use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp1, Gamma, Normal};
use rand_xoshiro::Xoshiro256PlusPlus;

const SEED: u64 = 7;
const TEST_CUSTOMERS: usize = 2_000;

const DAYS: i32 = 1_095;
const LAST_DAY: i32 = DAYS - 1;
const R: f64 = 0.9;
const ALPHA: f64 = 60.0;
const A: f64 = 0.8;
const B: f64 = 4.0;

fn main() {
    sizes::run("QUINTILE_BENCH_CUSTOMERS", TEST_CUSTOMERS, bench);
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

    let mut group = sizes::group(criterion, "lifetime", customers);
    println!("answer/{customers}: truth mbg_nbd r {R} alpha {ALPHA} a {A} b {B}");
    let mut earlier: Vec<Fitted> = Vec::new();
    for model in MODELS {
        if model.setting() != Setting::Noncontractual {
            continue;
        }
        let fit = || fit::fit(model, &data, &earlier, None);
        measure(
            &mut group,
            &format!("fit_{}", model.name()),
            customers,
            || (),
            |()| fit(),
        );
        let fitted = fit();
        let log_likelihood = fitted.report.log_likelihood.unwrap_or(f64::NAN);
        println!(
            "answer/{customers}: {} log-likelihood {log_likelihood:.6}",
            model.name()
        );
        earlier.push(fitted);
    }
    let whole = || clv::run_purchases(&params, &input);
    measure(&mut group, "whole", customers, || (), |()| whole());
    let found = whole();
    println!(
        "answer/{customers}: {} {:?}, crc {:08x}",
        found.selected_model,
        found.model.counts,
        answer_of(&found.customers)
    );
    let scorer = found.model.scorer().expect("a model was chosen");
    let score = || clv::score(&params, &scorer, &observed.histories());
    measure(&mut group, "score", customers, || (), |()| score());
    println!("answer/{customers}: without season, crc {:08x}", answer_of(&score()));
    group.finish();
}

/// Rows `alive_prob,expected_orders,clv_amount,clv_low_amount,clv_high_amount`, empty where there is none.
fn answer_of(values: &CustomerValues) -> u32 {
    let columns = [
        &values.alive_prob,
        &values.expected_orders,
        &values.clv_amount,
        &values.clv_low_amount,
        &values.clv_high_amount,
    ];
    let text = |value: MaybeF64| value.get().map_or(String::new(), |value| value.to_string());
    answer::of_rows((0..values.clv_amount.len()).map(|i| columns.map(|column| text(column[i])).join(",")))
}
