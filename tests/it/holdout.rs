//! Holdouts: the reference's errors, who wins where the truth is known, and when a baseline wins.

use std::collections::BTreeMap;
use std::path::Path;

use quintile::clv::clock::Clock;
use quintile::clv::competition::Verdict;
use quintile::clv::evaluation::{Evaluation, Kind, ModelScore};
use quintile::clv::holdout::{Holdout, HoldoutConfig, NoHoldout, RecentPurchases, Split};
use quintile::clv::model::FitStatus;
use quintile::clv::purchases::{PurchaseDays, Purchases};
use quintile::clv::season::{self, SeasonFinding, SeasonParams};
use quintile::clv::tracking;
use quintile::clv::trial::Trial;
use quintile::clv::{self, ClvResult, Config, Status};
use quintile::units::Day;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp, Gamma, Uniform};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::published::{END_OF_CALIBRATION, batches, days, floats, integers, number, real_data, reference, texts};

/// Purchase days of the reference's definition, customers in the order of their ids.
fn cdnow(folder: &Path) -> PurchaseDays {
    let batches = batches(&folder.join("cdnow_sample.parquet"));
    let rows = texts(&batches, "customer_id").into_iter().zip(days(&batches, "date"));
    let rows = rows.zip(floats(&batches, "amount"));
    purchases(rows.filter_map(|((customer, day), amount)| Some((customer?, day, amount))))
}

fn online_retail(folder: &Path) -> PurchaseDays {
    let batches = batches(&folder.join("online_retail.parquet"));
    let rows = texts(&batches, "customer_id")
        .into_iter()
        .zip(days(&batches, "timestamp"));
    let rows = rows.zip(texts(&batches, "invoice"));
    let amounts = integers(&batches, "quantity")
        .into_iter()
        .zip(floats(&batches, "unit_price"));
    purchases(
        rows.zip(amounts)
            .filter_map(|(((customer, day), invoice), (quantity, price))| {
                let amount = quantity as f64 * price;
                let is_purchase = 0 < quantity && 0.0 < amount && !invoice?.starts_with('C');
                is_purchase.then_some((customer?, day, amount))
            }),
    )
}

fn purchases(rows: impl Iterator<Item = (String, i32, f64)>) -> PurchaseDays {
    let mut customers = BTreeMap::<String, BTreeMap<i32, f64>>::new();
    for (customer, day, amount) in rows {
        *customers.entry(customer).or_default().entry(day).or_default() += amount;
    }
    let mut out = PurchaseDays::default();
    for by_day in customers.into_values() {
        out.push(by_day);
    }
    out
}

fn cut_at(cut_day: i32) -> HoldoutConfig {
    HoldoutConfig {
        cut_day: Some(cut_day),
        holdout_days: None,
    }
}

fn holdout(purchases: &PurchaseDays, config: HoldoutConfig) -> Result<Holdout, NoHoldout> {
    let (_, last) = purchases.span().unwrap();
    Holdout::new(purchases, last, 365, config, &Clock::calendar())
}

/// Fits to everything, chooses on the holdout.
fn choose(purchases: &PurchaseDays, config: HoldoutConfig) -> ClvResult {
    let (_, last) = purchases.span().unwrap();
    let observed = purchases.until(last, &Clock::calendar());
    let recent = RecentPurchases::new(purchases, &observed.customers, last, 365);
    let customers = clv::CustomerHistories {
        recent: Some(recent.borrow()),
        ..observed.histories()
    };
    let holdout = holdout(purchases, config);
    let params = Config::default().check().unwrap().competing();
    clv::run_on(&params, &customers, holdout.as_ref().map_err(|why| *why))
}

fn score<'a>(evaluation: &'a Evaluation, name: &str) -> &'a ModelScore {
    let mut models = evaluation.models.iter();
    models
        .find(|score| score.name == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

#[track_caller]
fn assert_near(what: &str, got: Option<f64>, want: f64, tolerance: f64) {
    let got = got.unwrap();
    assert!((got - want).abs() <= tolerance * want.abs(), "{what}: {got} {want}");
}

/// A line a contender, for the eye: `--nocapture` shows it.
fn print_table(name: &str, evaluation: &Evaluation) {
    println!(
        "{name}: {} customers, holdout {} days, {} orders, amount {:.0}",
        evaluation.n_customers, evaluation.holdout_days, evaluation.actual_orders, evaluation.actual_amount
    );
    let number = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.4}"));
    for m in &evaluation.models {
        println!(
            "{:>12} bic {:>12} log score {:>11} total {:>10} MAE {:>7} RMSE {:>7} bias {:>7} | money MAE {:>9} RMSE {:>10} bias {:>7} | top {:>6} | cover {} {} {}",
            m.name,
            number(m.bic),
            number(m.log_score),
            number(m.orders.predicted),
            number(m.orders.mae),
            number(m.orders.rmse),
            number(m.orders.bias),
            number(m.amount.mae),
            number(m.amount.rmse),
            number(m.amount.bias),
            number(m.top_fifth_share),
            number(m.coverage.map(|c| c.orders)),
            number(m.coverage.map(|c| c.orders_randomised)),
            number(m.coverage.and_then(|c| c.amount)),
        );
    }
}

/// Totals, MAE and RMSE of every model and of the naive rate, with the reference's cuts.
#[test]
fn holdout_of_the_reference() {
    let Some(folder) = real_data() else { return };
    let cases = [
        ("cdnow_sample", cdnow(&folder), END_OF_CALIBRATION),
        // 2011-08-31
        ("online_retail", online_retail(&folder), 15_217),
    ];
    for (set, purchases, cut_day) in cases {
        let wanted = reference(&folder, &format!("{set}/calibration_holdout.json"));
        let holdout = holdout(&purchases, cut_at(cut_day)).unwrap();
        let evaluation = Trial::new("auto", 0.0, &holdout).evaluation();
        print_table(set, &evaluation);
        assert_eq!(evaluation.n_customers as f64, number(&wanted["customers"]));
        assert_eq!(f64::from(evaluation.holdout_days), number(&wanted["holdout_days"]));
        assert_eq!(evaluation.actual_orders as f64, number(&wanted["actual_total"]));
        for (ours, theirs) in [("bg_nbd", "bgnbd"), ("mbg_nbd", "mbgnbd"), ("pareto_nbd", "pnbd")] {
            let Some(score) = evaluation.models.iter().find(|m| m.name == ours) else {
                continue;
            };
            let theirs = &wanted["models"][theirs];
            let log_likelihood = score.log_likelihood.unwrap();
            assert!(
                (log_likelihood - number(&theirs["log_likelihood"])).abs() < 1e-6,
                "{ours}: {log_likelihood}"
            );
            assert_near(ours, score.orders.predicted, number(&theirs["predicted_total"]), 3e-6);
            assert_near(ours, score.orders.mae, number(&theirs["mae"]), 3e-6);
            assert_near(ours, score.orders.rmse, number(&theirs["rmse"]), 3e-6);
        }
        let (rate, naive) = (score(&evaluation, "rate"), &wanted["naive_rate"]);
        assert_near("rate", rate.orders.predicted, number(&naive["predicted_total"]), 1e-12);
        assert_near("rate", rate.orders.mae, number(&naive["mae"]), 1e-12);
        assert_near("rate", rate.orders.rmse, number(&naive["rmse"]), 1e-12);
        if set == "cdnow_sample" {
            for (name, total) in [("bg_nbd", 1653.4), ("mbg_nbd", 1576.7), ("nbd", 2929.8)] {
                let predicted = score(&evaluation, name).orders.predicted.unwrap();
                assert!((predicted - total).abs() <= 0.05, "{name}: {predicted}");
            }
            let track = evaluation.tracking.iter().find(|track| track.name == "bg_nbd").unwrap();
            let last = track.points.last().unwrap();
            assert_eq!(last.actual, 2457 + 1882);
        }
        let bins: u64 = evaluation.by_frequency.iter().map(|bin| bin.n_customers).sum();
        assert_eq!(bins, evaluation.n_customers);
    }
}

/// What `auto` takes on both sets, with the holdout that follows from the data and without one.
#[test]
fn choice_on_real_data() {
    let Some(folder) = real_data() else { return };
    for (set, purchases) in [("cdnow", cdnow(&folder)), ("online retail", online_retail(&folder))] {
        let alone = choose(&purchases, cut_at(i32::MIN));
        let result = choose(&purchases, HoldoutConfig::default());
        println!("{}\n{}", result.selection_reason, alone.selection_reason);
        print_table(set, result.evaluation.as_ref().unwrap());
        let chosen: Vec<&str> = result
            .competition
            .iter()
            .inspect(|standing| println!("{standing:?}"))
            .filter(|standing| standing.verdict == Verdict::Chosen)
            .map(|standing| standing.name.as_str())
            .collect();
        assert_eq!(chosen, [result.selected_model.as_str()]);
        assert!(alone.competition.is_empty() && alone.selection_reason.contains("by likelihood alone"));
    }
}

struct Simulation {
    r: f64,
    alpha: f64,
    /// Beta distribution of the chance to leave at each order, the first included; `None` for nobody leaves.
    dropout: Option<[f64; 2]>,
}

/// Purchases of `n` customers who first buy within the first half of `n_days`, of one amount each.
fn simulate(n: usize, n_days: i32, seed: u64, truth: &Simulation) -> PurchaseDays {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let rates = Gamma::new(truth.r, 1.0 / truth.alpha).unwrap();
    let mut out = PurchaseDays::default();
    for _ in 0..n {
        let first = rng.gen_range(0..n_days / 2);
        let rate: f64 = rates.sample(&mut rng);
        let leaves: f64 = truth.dropout.map_or(0.0, |[a, b]| {
            let (x, y): (f64, f64) = (
                Gamma::new(a, 1.0).unwrap().sample(&mut rng),
                Gamma::new(b, 1.0).unwrap().sample(&mut rng),
            );
            x / (x + y)
        });
        let amount = (10.0 * rng.gen_range(1.0_f64..10.0)).round();
        let mut day = f64::from(first);
        let mut days = vec![first];
        while leaves <= rng.gen_range(0.0..1.0) {
            day += Exp::new(rate.max(1e-9)).unwrap().sample(&mut rng);
            if f64::from(n_days) <= day {
                break;
            }
            days.push(day as i32);
        }
        days.dedup();
        out.push(days.into_iter().map(|day| (day, amount)));
    }
    out
}

/// The model that made the data is chosen, or loses to one whose log score is no worse by a standard error.
#[test]
fn the_truth_wins_or_ties() {
    let nbd = Simulation {
        r: 0.8,
        alpha: 120.0,
        dropout: None,
    };
    let mbg = Simulation {
        r: 0.8,
        alpha: 60.0,
        dropout: Some([0.8, 2.0]),
    };
    for (truth, simulation) in [("nbd", nbd), ("mbg_nbd", mbg)] {
        for seed in 1..=3 {
            let purchases = simulate(3_000, 900, seed, &simulation);
            let result = choose(&purchases, HoldoutConfig::default());
            let standing = result.competition.iter().find(|s| s.name == truth).unwrap();
            let gap = standing.log_score_gap.unwrap();
            assert!(
                gap <= 2.0 * standing.log_score_gap_error.unwrap().max(1e-9),
                "{truth} {seed}: {standing:?}"
            );
            assert_eq!(result.selected_model, truth, "{seed}: {}", result.selection_reason);
            let evaluation = result.evaluation.unwrap();
            let coverage = score(&evaluation, truth).coverage.unwrap();
            // 3,000 customers: a standard error is half a point.
            assert!(
                (coverage.orders_randomised - 0.9).abs() < 0.02,
                "{truth} {seed}: {coverage:?}"
            );
            assert!(0.88 < coverage.orders, "{coverage:?}");
            let bias = score(&evaluation, truth).orders.bias.unwrap();
            assert!(bias.abs() < 0.1, "{truth} {seed}: {bias}");
        }
    }
}

/// Buyers with fixed days of the year: what they did last year is what they do, and no model here knows of years.
fn yearly_buyers() -> PurchaseDays {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let day_of_year = Uniform::new(0, 365);
    let mut out = PurchaseDays::default();
    for i in 0..600 {
        let mut dates: Vec<i32> = (0..1 + i % 4).map(|_| day_of_year.sample(&mut rng)).collect();
        dates.sort_unstable();
        dates.dedup();
        let since = i % 3;
        let amount = f64::from(20 + i % 50);
        out.push((since..5).flat_map(|year| {
            dates
                .iter()
                .map(move |day| (365 * year + day, amount))
                .collect::<Vec<_>>()
        }));
    }
    out
}

#[test]
fn a_baseline_that_wins_is_used_and_named() {
    let purchases = yearly_buyers();
    let config = HoldoutConfig {
        holdout_days: Some(365),
        cut_day: None,
    };
    let result = choose(&purchases, config);
    assert_eq!(result.selected_model, "last_period", "{}", result.selection_reason);
    assert!(
        result.selection_reason.contains("RMSE 0.0"),
        "{}",
        result.selection_reason
    );
    let standing = result
        .competition
        .iter()
        .find(|s| s.verdict == Verdict::Chosen)
        .unwrap();
    assert_eq!((standing.name.as_str(), standing.kind), ("last_period", Kind::Baseline));
    assert!(
        result
            .competition
            .iter()
            .any(|s| s.verdict == Verdict::BeatenByBaseline)
    );
    assert!(result.warnings.iter().any(|w| w.code() == "clv_baseline_wins"));
    let customers = &result.customers;
    let (_, last) = purchases.span().unwrap();
    for i in 0..purchases.n_customers() {
        let orders = f64::from(purchases.count_between(i, last - 365, last));
        assert_eq!(customers.clv_status[i], Status::Baseline);
        assert_eq!(customers.expected_orders[i].get(), Some(orders));
        let amount = purchases.amounts(i)[0];
        assert_eq!(customers.expected_order_amount[i].get(), Some(amount));
        let value = customers.clv_amount[i].get().unwrap();
        assert!(0.9 * orders * amount < value && value < orders * amount);
        assert_eq!(
            (customers.alive_prob[i].get(), customers.clv_low_amount[i].get()),
            (None, None)
        );
    }
    let saved = serde_json::to_string(&result.model).unwrap();
    assert_eq!(
        serde_json::from_str::<clv::select::ClvModel>(&saved).unwrap(),
        result.model
    );
}

/// Every third customer says the same as all: the model, and its parameters, which are those of all.
#[test]
fn very_many_customers_are_judged_by_a_sample_and_fitted_all() {
    let truth = Simulation {
        r: 0.8,
        alpha: 60.0,
        dropout: Some([0.8, 2.0]),
    };
    let purchases = simulate(3_000, 900, 2, &truth);
    let run = |max_holdout_customers: u32| {
        let config = Config {
            max_holdout_customers,
            ..Config::default()
        };
        let input = clv::Input {
            purchases: &purchases,
            as_of_day: 899,
            groups: &[],
            attributes: &[],
        };
        clv::run_purchases(&config.check().unwrap(), &input)
    };
    let (some, all) = (run(1_000), run(0));
    assert_eq!((all.sample, all.evaluation), (None, None));
    let sample = some.sample.unwrap();
    assert_eq!(
        (sample.every, sample.n_customers, sample.of_customers),
        (3, 1_000, 3_000)
    );
    assert_eq!(
        (some.selected_model.as_str(), all.selected_model.as_str()),
        ("mbg_nbd", "mbg_nbd")
    );
    for (of_some, of_all) in some.models.iter().zip(&all.models) {
        let is_of_all = ["mbg_nbd", "nbd", "gamma_gamma"].contains(&of_some.name.as_str());
        if of_some.status == FitStatus::NotEnoughHistory {
            continue;
        }
        assert_eq!(of_some.n_customers == of_all.n_customers, is_of_all, "{of_some:?}");
        if is_of_all {
            for ((letter, got), (_, want)) in of_some.params.0.iter().zip(&of_all.params.0) {
                assert_near(letter, *got, want.unwrap(), 1e-6);
            }
            let (got, want) = (of_some.log_likelihood.unwrap(), of_all.log_likelihood.unwrap());
            assert!((got - want).abs() < 1e-7, "{}: {got} {want}", of_some.name);
        }
    }
    assert_eq!(some.customers.clv_status, all.customers.clv_status);
    for (got, want) in some.customers.clv_amount.iter().zip(&all.customers.clv_amount) {
        assert_near("clv", got.get(), want.get().unwrap(), 1e-6);
    }
    assert!(
        some.selection_reason.contains(" of 3,000 customers")
            && some
                .selection_reason
                .contains("fitted to all 3,000 customers, chosen by the fits to 1,000"),
        "{}",
        some.selection_reason
    );
}

#[test]
fn the_order_of_customers_changes_no_bit() {
    let truth = Simulation {
        r: 0.8,
        alpha: 60.0,
        dropout: Some([0.8, 2.0]),
    };
    let purchases = simulate(500, 400, 3, &truth);
    let mut reversed = PurchaseDays::default();
    for i in (0..purchases.n_customers()).rev() {
        let days = purchases.days(i).iter().copied();
        reversed.push(days.zip(purchases.amounts(i).iter().copied()));
    }
    let one = choose(&purchases, HoldoutConfig::default());
    let other = choose(&reversed, HoldoutConfig::default());
    assert_eq!(one.competition, other.competition);
    assert_eq!(one.evaluation, other.evaluation);
    assert_eq!((one.model, one.selection_reason), (other.model, other.selection_reason));
}

#[test]
fn too_short_a_history_is_chosen_for_by_likelihood_and_that_is_said() {
    let truth = Simulation {
        r: 0.8,
        alpha: 20.0,
        dropout: Some([0.8, 2.0]),
    };
    let result = choose(&simulate(500, 80, 4, &truth), HoldoutConfig::default());
    assert!(result.competition.is_empty() && result.evaluation.is_none());
    assert!(
        result
            .selection_reason
            .contains("by likelihood alone, because the 79 days of history are too short"),
        "{}",
        result.selection_reason
    );
    let few = choose(&simulate(20, 900, 5, &truth), HoldoutConfig::default());
    assert!(few.competition.is_empty());
    assert!(
        few.selection_reason.contains("had bought by the cut"),
        "{}",
        few.selection_reason
    );
}

/// Nobody buys in the holdout, everybody buys alike, one customer buys a thousand times, amounts are zero or negative:
/// numbers stay finite, shares within 0 and 1.
#[test]
fn odd_holdouts_are_survived() {
    let customer = |n: i32, gap: i32, amount: f64| (0..n).map(move |k| (k * gap, amount)).collect::<Vec<_>>();
    let crowd = |n: usize, days: Vec<(i32, f64)>| vec![days; n];
    let cases = [
        ("nobody comes back", crowd(100, customer(4, 20, 5.0)), 300),
        ("all alike", crowd(100, customer(60, 5, 5.0)), 300),
        ("nothing is paid", crowd(100, customer(10, 30, 0.0)), 300),
        ("all is paid back", crowd(100, customer(10, 30, -3.0)), 300),
        (
            "one heavy buyer",
            [crowd(60, customer(3, 40, 9.0)), crowd(1, customer(300, 1, 1e9))].concat(),
            300,
        ),
        ("one order each", crowd(100, customer(1, 1, 5.0)), 300),
    ];
    for (what, customers, as_of) in cases {
        let mut purchases = PurchaseDays::default();
        for days in customers {
            purchases.push(days);
        }
        let clock = Clock::calendar();
        let split = Split::new(&purchases, 150, as_of, &clock);
        let inner = Some(Split::new(&purchases, 100, 150, &clock));
        let holdout = Holdout { outer: split, inner };
        let params = Config::default().check().unwrap();
        let observed = purchases.until(as_of, &clock);
        let result = clv::run_on(&params, &observed.histories(), Ok(&holdout));
        assert!(!result.selection_reason.is_empty());
        let evaluation = Trial::new("auto", 0.0, &holdout).evaluation();
        for model in &evaluation.models {
            let numbers = [
                model.log_score,
                model.orders.predicted,
                model.orders.mae,
                model.orders.rmse,
                model.orders.bias,
                model.amount.predicted,
                model.amount.bias,
                model.top_fifth_share,
            ];
            assert!(numbers.iter().flatten().all(|v| v.is_finite()), "{what}: {model:?}");
            let shares = model
                .coverage
                .map(|c| [Some(c.orders), Some(c.orders_randomised), c.amount]);
            let shares = shares.into_iter().flatten().chain([model.top_fifth_share]).flatten();
            assert!(
                shares.into_iter().all(|s| (0.0..=1.0 + 1e-12).contains(&s)),
                "{what}: {model:?}"
            );
            assert!(
                model.status != Some(FitStatus::Ok) || model.orders.rmse.is_some(),
                "{what}: {model:?}"
            );
        }
        // JSON has no NaN: it would read back as null where a number must be.
        let text = serde_json::to_string(&evaluation).unwrap();
        assert!(!text.contains("\"actual_mean\":null"), "{what}");
    }
}

/// CDNOW has a year and a half: no season is used, and the risk is told in days and per cent. Its repeat purchases by
/// calendar week are those of the tracking plot of Fader and Hardie (2005): 2,457 in calibration.
#[test]
fn the_published_sample_is_too_short_for_a_season() {
    let Some(folder) = real_data() else { return };
    let purchases = cdnow(&folder);
    // 1997-09-30, the end of calibration, and 39 weeks on.
    let (cut, end) = (10_134, 10_407);
    for (last_day, horizon, never, once) in [(cut, 273, 92, 181), (end, 365, 0, 184)] {
        let finding = season::find(
            &SeasonParams::Auto,
            &Purchases::whole(&purchases),
            last_day,
            horizon,
            "auto",
        );
        let SeasonFinding::NotEnough { risk } = &finding else {
            panic!("{finding:?}");
        };
        assert_eq!((risk.days_never_seen, risk.days_seen_once), (never, once));
        println!("{}", finding.message());
    }
    let calendar = Clock::calendar();
    let observed = purchases.until(cut, &calendar);
    let config = Config {
        model: "mbg_nbd".to_owned(),
        ..Config::default()
    };
    let scorer = clv::run(&config.check().unwrap(), &observed.histories())
        .model
        .scorer()
        .unwrap();
    let (starters, repeats) = (purchases.first_by_day(cut), purchases.repeats_by_day(cut));
    let residuals = tracking::residuals(&scorer, &starters, &repeats, cut, &calendar);
    let last = residuals.weeks.last().unwrap();
    assert_eq!((last.cumulative_actual, last.last_day), (2_457, cut));
    let run = residuals.largest_run.unwrap();
    assert_eq!(
        (Day(run.first_day).to_string(), run.actual),
        ("1997-04-14".to_owned(), 575)
    );
}
