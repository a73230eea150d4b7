//! The count models as a statistician would use them: fits side by side with standard errors, likelihood-ratio tests,
//! regularity, one customer under every model, the two other settings, and published tables by hand.
//!
//! ```text
//! cargo run --example fit_models                        the bundled sample
//! cargo run --example fit_models -- purchases.csv       your own transactions
//! ```
//!
//! Nothing here needs a file: [`quintile::clv`] takes plain slices. Times are in days unless a line says otherwise.

use std::path::PathBuf;
use std::process::ExitCode;

use quintile::clv::clock::Clock;
use quintile::clv::fit::{self, Data, Fitted};
use quintile::clv::histories::{Histories, History};
use quintile::clv::model::{MODELS, ModelFit, Setting};
use quintile::clv::purchases::PurchaseDays;
use quintile::config::Config;
use quintile::error::Error;
use quintile::pipeline::{Silent, load_and_clean, plan};
use quintile::summary;

fn main() -> ExitCode {
    let mut inputs: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    if inputs.is_empty() {
        inputs.push("data/transactions.parquet".into());
    }
    match purchases(&inputs) {
        Ok((purchases, as_of)) => {
            noncontractual(&purchases, as_of);
            donations();
            subscribers();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}\nhint: {}", error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}

/// Transactions as they are, down to the days on which each customer bought.
fn purchases(inputs: &[PathBuf]) -> Result<(PurchaseDays, i32), Error> {
    let params = Config::read(None, &[])?.check().map_err(Error::Problems)?;
    let plan = plan(&params, inputs, &Silent)?;
    let mut cleaned = load_and_clean(&params, plan, &Silent).map_err(|failure| failure.error)?;
    let first_day = cleaned.transactions.report.first_day.unwrap_or(cleaned.as_of);
    let found = summary::run(&params.summary, &mut cleaned.transactions, first_day, cleaned.as_of)?.purchases;
    Ok((
        PurchaseDays::new(found.ends, found.days, found.amounts),
        cleaned.as_of.0,
    ))
}

/// Fits every model of a setting, the simplest first: the others start from those, and never end below them.
fn fits(histories: &Histories, setting: Setting) -> Vec<Fitted> {
    let data = Data::new(histories, setting);
    let mut fits: Vec<Fitted> = Vec::new();
    for model in MODELS.into_iter().filter(|model| model.setting() == setting) {
        let fitted = fit::fit(model, &data, &fits, None);
        fits.push(fitted);
    }
    fits
}

/// `r 0.553 ± 0.048  alpha 74.0 ± 4.1`
fn estimates(report: &ModelFit) -> String {
    let letters = report.params.0.iter().map(|(letter, value)| {
        let error = report.standard_errors.get(letter);
        match (value, error) {
            (Some(value), Some(error)) => format!("{letter} {value:.4} ± {error:.4}"),
            (Some(value), None) => format!("{letter} {value:.4}"),
            (None, _) => format!("{letter} -"),
        }
    });
    letters.collect::<Vec<_>>().join("  ")
}

fn print_fits(fits: &[Fitted]) {
    let mut reports: Vec<&ModelFit> = fits.iter().map(|fit| &fit.report).collect();
    reports.sort_by(|a, b| {
        a.bic
            .unwrap_or(f64::INFINITY)
            .total_cmp(&b.bic.unwrap_or(f64::INFINITY))
    });
    println!("{:<11} {:>14} {:>12}  estimates", "model", "log-likelihood", "BIC");
    for report in reports {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
        println!(
            "{:<11} {:>14} {:>12}  {}  [{:?}, {} evaluations, gradient {:.0e}]",
            report.name,
            number(report.log_likelihood),
            number(report.bic),
            estimates(report),
            report.status,
            report.evaluations,
            report.gradient_norm.unwrap_or(0.0),
        );
    }
}

fn noncontractual(purchases: &PurchaseDays, as_of: i32) {
    // What was known on a day: equal histories collapse to one row with a count.
    let observed = purchases.until(as_of, &Clock::calendar());
    let customers = observed.histories().histories();
    let (mut histories, _) = Histories::collapse(&customers);
    histories.sum_ln_gaps = observed.sum_ln_gaps;
    println!(
        "Purchases: {} customers, {} with repeat purchases, {} distinct histories (x, t_x, T)\n",
        histories.n_customers(),
        histories.n_repeaters(),
        histories.rows.len()
    );
    let fits = fits(&histories, Setting::Noncontractual);
    print_fits(&fits);

    // One customer under every model: who is silent for three of his gaps is not who is silent for one.
    let Some(last) = customers.iter().max_by_key(|h| h.x).copied() else {
        return;
    };
    let silent = History {
        age: last.age + 3.0 * last.t_x / f64::from(last.x.max(1)),
        ..last
    };
    for (who, h) in [
        ("the most frequent customer", last),
        ("the same, three gaps later", silent),
    ] {
        println!("\n{who}: x {}, t_x {:.0}, T {:.0}", h.x, h.t_x, h.age);
        println!(
            "{:<11} {:>8} {:>14} {:>12} {:>12} {:>16}  next quarter's orders, most likely first",
            "model", "P(alive)", "P(alive) +90 d", "orders 90 d", "orders 365 d", "DERT at 10 %"
        );
        for fit in fits.iter().filter(|fit| fit.report.status.is_usable()) {
            let (model, params) = (fit.model, fit.params_days.as_slice());
            let mut orders = [0.0; 2];
            model.expected_orders(params, &h, &[90.0, 365.0], &mut orders);
            println!(
                "{:<11} {:>8.4} {:>14.4} {:>12.3} {:>12.3} {:>16.3}  {}",
                fit.report.name,
                model.alive_prob(params, &h),
                model.alive_prob_after(params, &h, 90.0),
                orders[0],
                orders[1],
                model.residual_orders(params, &h, 1.1_f64.ln() / 365.0),
                likeliest(&model.order_tail(params, &h, 90.0, 1e-6, 200)),
            );
        }
    }
}

/// The three likeliest numbers of orders, from P(N > i).
fn likeliest(tail: &[f64]) -> String {
    let above = std::iter::once(1.0).chain(tail.iter().copied());
    let below = tail.iter().copied().chain(std::iter::once(0.0));
    let mut probabilities: Vec<(usize, f64)> = above.zip(below).map(|(a, b)| a - b).enumerate().collect();
    probabilities.sort_by(|a, b| b.1.total_cmp(&a.1));
    let text = |(n, p): &(usize, f64)| format!("{n}: {:.0} %", 100.0 * p);
    probabilities.iter().take(3).map(text).collect::<Vec<_>>().join(", ")
}

/// Donors by year, from Fader, Hardie and Shang (2010), table 1: who gave x times in six years, the last time in t_x.
fn donations() {
    let cells: [(u32, u32, u32); 22] = [
        (0, 0, 3464),
        (1, 1, 1091),
        (1, 2, 277),
        (1, 3, 129),
        (1, 4, 78),
        (1, 5, 119),
        (1, 6, 129),
        (2, 2, 613),
        (2, 3, 255),
        (2, 4, 155),
        (2, 5, 173),
        (2, 6, 234),
        (3, 3, 322),
        (3, 4, 181),
        (3, 5, 225),
        (3, 6, 357),
        (4, 4, 240),
        (4, 5, 284),
        (4, 6, 512),
        (5, 5, 335),
        (5, 6, 728),
        (6, 6, 1203),
    ];
    let donors: Vec<History> = cells
        .iter()
        .flat_map(|&(x, t_x, n)| {
            std::iter::repeat_n(
                History {
                    x,
                    t_x: f64::from(t_x),
                    age: 6.0,
                },
                n as usize,
            )
        })
        .collect();
    let (histories, _) = Histories::collapse(&donors);
    println!(
        "\nDiscrete opportunities: {} donors, six years (paper: 1.204, 0.750, 0.657, 2.783; -33225.6)",
        donors.len()
    );
    print_fits(&fits(&histories, Setting::Discrete));
}

/// Subscribers of a regular cohort, from Fader and Hardie (2007), table 1: how many are left after each year.
fn subscribers() {
    let left = [1000_u32, 631, 468, 382, 326, 289, 262, 241];
    let due = left.len() as f64 - 1.0;
    let leavers = (0_u32..)
        .zip(left.windows(2))
        .map(|(made, pair)| (made, pair[0] - pair[1]));
    let stayers = (left.len() as u32 - 1, left[left.len() - 1]);
    let customers: Vec<History> = leavers
        .chain([stayers])
        .flat_map(|(made, n)| {
            let history = History {
                x: made,
                t_x: f64::from(made),
                age: due,
            };
            std::iter::repeat_n(history, n as usize)
        })
        .collect();
    let (histories, _) = Histories::collapse(&customers);
    println!(
        "\nContracts: {} subscribers, seven renewals (paper: sBG 0.704, 1.182)",
        customers.len()
    );
    print_fits(&fits(&histories, Setting::Contractual));
}
