//! How often intervals hold: of fitted parameters, of customers' future orders, and of what they spend.
//!
//! `cargo run --release --example coverage -- [parameters|customers] [data sets] [customers each] [model ...]`
//!
//! Simulates customers with known parameters, fits, and counts. For parameters: Wald intervals of 95 % on their
//! logarithms. For customers: intervals of 90 % over the year after as-of, the closed interval and, because orders are
//! whole numbers and most money is none, the same with its end points counted by the share that makes them nominal.

#[path = "../tests/it/simulate.rs"]
mod simulate;

use quintile::clv::fit::{self, Data, Fitted, Penalty};
use quintile::clv::gamma_gamma::{self, Spenders};
use quintile::clv::histories::Histories;
use quintile::clv::model::{self, FitStatus, ModelFit};
use quintile::clv::{self, Config};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use simulate::{Coverage, Leaving, Process};

const MODELS: [&str; 6] = ["nbd", "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd_k", "mbg_cnbd_k"];
const SPEND: [f64; 3] = [4.0, 3.5, 25.0];
const LEVEL: f64 = 0.9;

/// The process that a model is true for, and its parameters by letter.
fn truth(model: &str) -> Option<(Process, Vec<(&'static str, f64)>)> {
    let (k, leaving, letters): (u32, Leaving, &[&'static str]) = match model {
        "nbd" => (1, Leaving::Never, &[]),
        "bg_nbd" | "mbg_nbd" | "bg_cnbd_k" | "mbg_cnbd_k" => {
            let after_first = model.starts_with('m');
            let (a, b) = (0.8, 2.5);
            let k = if model.ends_with('k') { 3 } else { 1 };
            (k, Leaving::AfterOrders { a, b, after_first }, &["a", "b"])
        }
        "pareto_nbd" => (1, Leaving::AtAnyTime { s: 0.7, beta: 120.0 }, &["s", "beta"]),
        _ => return None,
    };
    let (r, alpha) = (0.9, 50.0 / f64::from(k));
    let mut params = vec![("r", r), ("alpha", alpha)];
    match leaving {
        Leaving::Never => {}
        Leaving::AfterOrders { a, b, .. } => params.extend(letters.iter().copied().zip([a, b])),
        Leaving::AtAnyTime { s, beta } => params.extend(letters.iter().copied().zip([s, beta])),
    }
    let process = Process {
        k,
        r,
        alpha,
        leaving,
        spend: SPEND,
    };
    Some((process, params))
}

/// Whether each parameter lies within its 95 % interval; `None` without a proper maximum.
fn inside(fit: &ModelFit, truth: &[(&str, f64)]) -> Option<Vec<bool>> {
    let covariance = fit.covariance.as_ref()?;
    let letters: Vec<&String> = fit.params.0.iter().map(|(letter, _)| letter).collect();
    truth
        .iter()
        .map(|(letter, want)| {
            let i = letters.iter().position(|l| l == letter)?;
            let distance = (fit.params.get(letter)? / want).ln().abs();
            Some(distance <= 1.959_963_985 * covariance[i][i].sqrt())
        })
        .collect()
}

fn print_shares(name: &str, truth: &[(&str, f64)], hits: &[Option<Vec<bool>>]) {
    let proper: Vec<&Vec<bool>> = hits.iter().flatten().collect();
    print!("{name:<12} {:>4} of {} proper", proper.len(), hits.len());
    for (i, (letter, want)) in truth.iter().enumerate() {
        let inside = proper.iter().filter(|hit| hit[i]).count();
        print!(
            "  {letter} {want}: {:.1} %",
            100.0 * inside as f64 / proper.len().max(1) as f64
        );
    }
    println!();
}

fn parameters(names: &[String], data_sets: u64, n: usize) {
    println!("95 % intervals of parameters, {data_sets} data sets of {n} customers");
    let mut spend_hits = Vec::new();
    for name in names {
        let (Some(model), Some((process, truth))) = (model::find(name), truth(name)) else {
            println!("{name:<12} is not here");
            continue;
        };
        let mut hits = Vec::new();
        for seed in 0..data_sets {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let simulated = process.simulate(n, 0.0, &mut rng);
            let rows: Vec<_> = (0..n).map(|i| simulated.history(i)).collect();
            let (mut histories, _) = Histories::collapse(&rows);
            histories.sum_ln_gaps = Some(simulated.sum_ln_gaps);
            let data = Data::new(&histories, model.setting());
            let limit: Option<Fitted> = model
                .without_dropout()
                .and_then(model::find)
                .map(|limit| fit::fit(limit, &data, &[], None));
            let no_penalty: Option<&Penalty> = None;
            let fitted = fit::fit(model, &data, limit.as_slice(), no_penalty);
            let is_proper = fitted.report.status == FitStatus::Ok;
            hits.push(inside(&fitted.report, &truth).filter(|_| is_proper));
            if name == &names[0] {
                let pairs = simulated.x.iter().zip(&simulated.mean_repeat);
                let spenders = Spenders::new(pairs.filter_map(|(x, z)| Some((*x, (*z)?))));
                spend_hits.push(inside(&gamma_gamma::fit(&spenders).0, &spend_truth()));
            }
        }
        print_shares(name, &truth, &hits);
    }
    print_shares(gamma_gamma::NAME, &spend_truth(), &spend_hits);
}

fn spend_truth() -> Vec<(&'static str, f64)> {
    gamma_gamma::LETTERS.iter().copied().zip(SPEND).collect()
}

/// Discounted as the predictions are: from the end of each order's period.
fn worth(future: &[(f64, f64)], config: &Config) -> f64 {
    let period = f64::from(config.period_days);
    let end = |t: f64| ((t / period).ceil() * period).min(f64::from(config.horizon_days));
    future
        .iter()
        .map(|(t, amount)| amount * (1.0 + config.annual_discount_rate).powf(-end(*t) / 365.0))
        .sum()
}

fn customers(names: &[String], data_sets: u64, n: usize) {
    println!("90 % intervals over a year, {data_sets} data sets of {n} customers; inside [below, above], per cent");
    for name in names {
        let (Some(_), Some((process, _))) = (model::find(name), truth(name)) else {
            println!("{name:<12} is not here");
            continue;
        };
        let config = Config {
            model: name.clone(),
            interval: LEVEL,
            ..Config::default()
        };
        let params = config.check().expect("a checked config");
        let floors = [0.0, 0.1, 1.0, 5.0];
        let mut shares = [Coverage::default(); 4];
        let mut others = 0;
        for seed in 0..data_sets {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(1_000_000 + seed);
            let simulated = process.simulate(n, 365.0, &mut rng);
            let result = clv::run(&params, &simulated.customers());
            if &result.selected_model != name {
                others += 1;
            }
            let Ok(scorer) = result.model.scorer() else { continue };
            let c = &result.customers;
            for i in 0..n {
                let numbers = || {
                    Some((
                        scorer.order_tail(&simulated.history(i), 365.0, 1e-9)?,
                        (c.orders_low[i]?, c.orders_high[i]?),
                        (c.clv_low_amount[i].get()?, c.clv_high_amount[i].get()?),
                        c.expected_orders[i].get()?,
                    ))
                };
                let Some((tail, orders, money, expected)) = numbers() else {
                    continue;
                };
                let future = &simulated.future[i];
                let happened = (future.len() as u32, worth(future, &config));
                for (share, _) in shares.iter_mut().zip(floors).filter(|(_, floor)| *floor <= expected) {
                    share.count(&tail, 0.5 * (1.0 - LEVEL), orders, money, happened);
                }
            }
        }
        println!("{name}: {others} of {data_sets} data sets took another model");
        for (c, floor) in shares.iter().zip(floors) {
            let of = |v: [f64; 3]| {
                let part = |i: usize| 100.0 * v[i] / c.n.max(1.0);
                format!("{:5.1} [{:4.1}, {:4.1}]", part(0), part(1), part(2))
            };
            println!(
                "  expected >= {floor:<4} n {:>8}  orders {}  nominal ends {}  money {}  nominal ends {}",
                c.n,
                of(c.orders),
                of(c.orders_exact),
                of(c.money),
                of(c.money_exact)
            );
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, otherwise: u64| arguments.get(i).and_then(|a| a.parse().ok()).unwrap_or(otherwise);
    let named = arguments.get(3..).unwrap_or_default();
    let names: Vec<String> = if named.is_empty() {
        MODELS.map(str::to_owned).to_vec()
    } else {
        named.to_vec()
    };
    match arguments.first().map(String::as_str) {
        Some("parameters") => parameters(&names, number(1, 500), number(2, 3_000) as usize),
        Some("customers") => customers(&names, number(1, 40), number(2, 2_000) as usize),
        _ => {
            parameters(&names, number(1, 500), number(2, 3_000) as usize);
            customers(&names, number(1, 40), number(2, 2_000) as usize);
        }
    }
}
