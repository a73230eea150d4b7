//! Times the fit of every count model, and the scoring of all customers, on given histories, and prints one line of
//! JSON for each step (see `benches/peers/fits.py`, which makes the histories and fits them elsewhere too).
//!
//! ```text
//! cargo run --release --example fits -- histories.bin [MODEL...]
//! ```
//!
//! The file holds n values of x (u32), then n of t_x and n of T in days (f64), then n mean repeat amounts (f64, 0
//! without repeat orders), little-endian.

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use quintile::clv::fit::{self, Data, Fitted};
use quintile::clv::histories::{Histories, History};
use quintile::clv::model::{self, CountModel, MODELS};
use quintile::clv::{self, Config, CustomerHistories};
use serde_json::{Value, json};

// As the program has it: memory and time depend on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next();
    let models: Vec<String> = arguments.collect();
    match file.map(|file| (fs::read(&file), file)) {
        Some((Ok(bytes), _)) => match Customers::read(&bytes) {
            Some(customers) => {
                measure(&customers, &models);
                ExitCode::SUCCESS
            }
            None => {
                eprintln!("error: the file is not 28 bytes a customer");
                ExitCode::from(3)
            }
        },
        Some((Err(error), file)) => {
            eprintln!("error: cannot read {file}: {error}");
            ExitCode::from(3)
        }
        None => {
            eprintln!("usage: fits FILE [MODEL...]");
            ExitCode::from(2)
        }
    }
}

struct Customers {
    x: Vec<u32>,
    t_x: Vec<f64>,
    age: Vec<f64>,
    amount: Vec<Option<f64>>,
    amount_all: Vec<f64>,
}

impl Customers {
    fn read(bytes: &[u8]) -> Option<Self> {
        let n = bytes.len() / 28;
        if n == 0 || n * 28 != bytes.len() {
            return None;
        }
        let (x, rest) = bytes.split_at(4 * n);
        let floats = |k: usize| -> Vec<f64> {
            let values = rest[8 * k * n..8 * (k + 1) * n].chunks_exact(8);
            values
                .map(|v| f64::from_le_bytes(v.try_into().unwrap_or_default()))
                .collect()
        };
        let amount_all = floats(2);
        Some(Self {
            x: x.chunks_exact(4)
                .map(|v| u32::from_le_bytes(v.try_into().unwrap_or_default()))
                .collect(),
            t_x: floats(0),
            age: floats(1),
            amount: amount_all.iter().map(|a| (0.0 < *a).then_some(*a)).collect(),
            amount_all,
        })
    }

    fn histories(&self) -> Vec<History> {
        let rows = self.x.iter().zip(&self.t_x).zip(&self.age);
        rows.map(|((&x, &t_x), &age)| History { x, t_x, age }).collect()
    }
}

fn seconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

fn say(step: &str, seconds: f64, facts: Value) {
    let mut line = json!({ "step": step, "seconds": seconds });
    if let (Some(line), Value::Object(facts)) = (line.as_object_mut(), facts) {
        line.extend(facts);
    }
    println!("{line}");
}

fn measure(customers: &Customers, names: &[String]) {
    let all = customers.histories();
    let ((histories, _), taken) = seconds(|| Histories::collapse(&all));
    let n_distinct = histories.rows.len();
    say(
        "collapse",
        taken,
        json!({ "customers": all.len(), "distinct": n_distinct }),
    );
    let mut fits: Vec<Fitted> = Vec::new();
    for model in MODELS {
        let wanted = names.is_empty() || names.iter().any(|name| name == model.name());
        let is_limit = names
            .iter()
            .filter_map(|name| model::find(name))
            .any(|wanted| wanted.without_dropout() == Some(model.name()));
        if model.setting() != model::Setting::Noncontractual || !(wanted || is_limit) {
            continue;
        }
        let model: &'static dyn CountModel = model;
        let (fitted, taken) = seconds(|| fit::fit(model, &Data::new(&histories, model.setting()), &fits, None));
        let report = serde_json::to_value(&fitted.report).unwrap_or_default();
        let facts = ["params", "log_likelihood", "evaluations", "status"];
        let facts = facts.map(|key| (key.to_owned(), report[key].clone()));
        say(model.name(), taken, Value::Object(facts.into_iter().collect()));
        fits.push(fitted);
    }
    let input = CustomerHistories {
        x: &customers.x,
        t_x_days: &customers.t_x,
        age_days: &customers.age,
        mean_repeat_amount: &customers.amount,
        mean_amount_all: &customers.amount_all,
        sum_ln_gaps: None,
        recent: None,
    };
    let model = names.first().map_or("mbg_nbd", String::as_str).to_owned();
    let config = Config {
        model,
        ..Config::default()
    };
    let Ok(params) = config.check() else { return };
    let (result, taken) = seconds(|| clv::run(&params, &input));
    let (count, amount) = (
        result.customers.clv_amount.len(),
        result.customers.clv_amount.iter().flatten(),
    );
    say(
        "run",
        taken,
        json!({ "customers": count, "clv_amount": amount.sum::<f64>(), "selected_model": result.selected_model }),
    );
    let Ok(scorer) = result.model.scorer() else { return };
    let (values, taken) = seconds(|| clv::score(&params, &scorer, &input));
    let orders: f64 = values.expected_orders.iter().flatten().sum();
    say("score", taken, json!({ "customers": count, "expected_orders": orders }));
}
