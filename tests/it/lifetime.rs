//! Lifetime value through the program: settings, groups, covariates, season, horizons, and the evaluation.

use std::fmt::Write as _;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::support::{Bench, Frame, Snapshot, assert_same_results, data, json, quintile};

fn sample_file() -> String {
    data("transactions.parquet").to_str().unwrap().to_owned()
}

fn set<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    settings.iter().flat_map(|setting| ["--set", *setting]).collect()
}

fn alive(snapshot: &Snapshot) -> Vec<Option<f64>> {
    snapshot.table("customers").optional_numbers("alive_prob")
}

/// Members who pay every 30 days or so until they leave, with probability `leaves` at every renewal.
fn members(n: usize, leaves: f64, seed: u64) -> String {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut text = "customer_id,order_id,ordered_at,amount,channel\n".to_owned();
    let start = chrono::NaiveDate::from_ymd_opt(2023, 1, 1).unwrap();
    for member in 0..n {
        let first: u64 = rng.gen_range(0..300);
        for payment in 0.. {
            let drift: u64 = rng.gen_range(0..3);
            let day = first + 30 * payment + drift;
            if 730 < day {
                break;
            }
            let date = start + chrono::Days::new(day);
            let channel = if member % 2 == 0 { "web" } else { "store" };
            let _ = writeln!(text, "M{member:04},{member}-{payment},{date},9.90,{channel}");
            if rng.gen_bool(leaves) {
                break;
            }
        }
    }
    text
}

#[test]
fn contracts_are_valued_by_renewals() {
    let bench = Bench::new();
    let input = bench.write("members.csv", members(400, 0.08, 1));
    let flags = ["--setting", "contractual", "--set", "clv.opportunity=30"];
    let snapshot = bench.snapshot(&input, "out", &flags);
    assert_eq!(snapshot.value("clv.setting"), "contractual");
    let selected = snapshot.value("selected_model").as_str().unwrap();
    assert!(["geometric", "sbg", "bdw"].contains(&selected), "{selected}");
    // Who has left is known, and who has not, too.
    let alive = alive(&snapshot);
    assert!(alive.iter().all(|p| *p == Some(0.0) || *p == Some(1.0)));
    let expected = snapshot.table("customers").numbers("expected_orders");
    let here: Vec<f64> = (expected.iter().zip(&alive))
        .filter(|(_, alive)| **alive == Some(1.0))
        .map(|(orders, _)| *orders)
        .collect();
    assert!(20 < here.len() && here.len() < 380, "{}", here.len());
    // Twelve renewals at 92 % each: 0.92 + 0.92² + … = 7.27.
    let mean = here.iter().sum::<f64>() / here.len() as f64;
    assert!((mean - 7.27).abs() < 0.8, "{mean}");
    let left: f64 = expected.iter().sum::<f64>() - here.iter().sum::<f64>();
    assert_eq!(left, 0.0);
}

#[test]
fn opportunities_are_counted_by_period() {
    let bench = Bench::new();
    let flags = ["--setting", "discrete", "--set", "clv.opportunity=quarter"];
    let snapshot = bench.snapshot(&sample_file(), "out", &flags);
    let selected = snapshot.value("selected_model").as_str().unwrap().to_owned();
    assert!(["bb", "bg_bb"].contains(&selected.as_str()), "{selected}");
    assert_eq!(snapshot.value(&format!("models.{selected}.time_unit")), "opportunities");
    // No more orders than quarters in a year.
    let expected = snapshot.table("customers").numbers("expected_orders");
    assert!(expected.iter().all(|orders| (0.0..=4.0).contains(orders)));
    let high = snapshot.table("customers").numbers("orders_high");
    assert!(high.iter().all(|orders| *orders <= 4.0));
}

#[test]
fn groups_come_from_lines_cohorts_and_attributes() {
    let bench = Bench::new();
    let whole = bench.snapshot(&sample_file(), "whole", &[]);
    let by_line = bench.snapshot(&sample_file(), "line", &set(&["clv.group_by=business_line"]));
    let labels = by_line.table("customers").optional_texts("clv_group");
    let groups = by_line.value("clv.groups.counts.groups").as_array().unwrap();
    let names: Vec<&str> = groups.iter().map(|group| group["label"].as_str().unwrap()).collect();
    assert!(1 < names.len() && names.is_sorted(), "{names:?}");
    assert!(labels.iter().flatten().all(|label| names.contains(&label.as_str())));
    assert!(labels.iter().flatten().count() * 10 > 9 * labels.len());
    let members: u64 = groups.iter().map(|group| group["n_customers"].as_u64().unwrap()).sum();
    assert_eq!(members as usize, labels.iter().flatten().count());
    // All else is as without groups.
    let column = |snapshot: &Snapshot, name: &str| snapshot.table("customers").numbers(name);
    assert_eq!(column(&whole, "net_amount"), column(&by_line, "net_amount"));
    assert!(
        whole
            .table("customers")
            .optional_texts("clv_group")
            .iter()
            .all(Option::is_none)
    );

    let by_cohort = bench.snapshot(&sample_file(), "cohort", &set(&["clv.group_by=cohort_year"]));
    let labels = by_cohort.table("customers").optional_texts("clv_group");
    assert!(
        labels
            .iter()
            .all(|label| label.as_deref().is_some_and(|year| year.len() == 4))
    );

    let ids = whole.table("customers").texts("customer_id");
    let mut table = "customer_id,region\n".to_owned();
    for (i, id) in ids.iter().enumerate() {
        let _ = writeln!(table, "{id},{}", ["north", "south", "east"][i % 3]);
    }
    let table = bench.write("regions.csv", table);
    let by_region = bench.snapshot(
        &sample_file(),
        "region",
        &["--customers", &table, "--set", "clv.group_by=region"],
    );
    let labels = by_region.table("customers").optional_texts("clv_group");
    assert_eq!(
        labels[..3],
        ["north", "south", "east"].map(|name| Some(name.to_owned()))
    );
    // Regions that do not differ stay nearly what the whole is.
    let clv = |snapshot: &Snapshot| snapshot.table("customers").numbers("clv_amount").iter().sum::<f64>();
    assert!((clv(&by_region) / clv(&whole) - 1.0).abs() < 0.02);

    bench.run_fails(
        &sample_file(),
        &set(&["clv.group_by=planet"]),
        2,
        &["planet", "--customers"],
    );
}

#[test]
fn covariates_move_parameters_and_are_tested() {
    let bench = Bench::new();
    // Customers of the city order three times as often.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let (mut lines, mut table) = (
        "customer_id,ordered_at,amount\n".to_owned(),
        "customer_id,place,colour\n".to_owned(),
    );
    let start = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    for customer in 0..800_u32 {
        let city = customer % 2 == 0;
        let place = if city { "city" } else { "country" };
        let colour = ["red", "green"][rng.gen_range(0..2)];
        let _ = writeln!(table, "C{customer:04},{place},{colour}");
        let rate = if city { 0.03 } else { 0.01 } * rng.gen_range(0.3..1.7);
        let mut day = rng.gen_range(0.0..120.0_f64);
        while day < 500.0 {
            let date = start + chrono::Days::new(day as u64);
            let _ = writeln!(lines, "C{customer:04},{date},{:.2}", rng.gen_range(5.0..50.0));
            if rng.gen_bool(0.06) {
                break;
            }
            day += -rng.gen_range(1e-9..1.0_f64).ln() / rate;
        }
    }
    let (input, table) = (bench.write("lines.csv", lines), bench.write("customers.csv", table));
    let flags = ["--customers", &table, "--set", "clv.model=mbg_nbd"];
    let more = ["--set", "clv.covariates=[\"place\", \"colour\"]"];
    let with = bench.snapshot(&input, "with", &[&flags[..], &more[..]].concat());
    let tests = with.value("clv.covariates.tests").as_array().unwrap();
    let p_value = |name: &str| {
        let test = tests.iter().find(|test| test["covariate"] == name).unwrap();
        test["p_value"].as_f64().unwrap()
    };
    assert!(p_value("place") < 1e-6 && 1e-3 < p_value("colour"), "{tests:?}");
    let gain = with.number("clv.covariates.log_likelihood") - with.number("clv.covariates.log_likelihood_without");
    assert!(20.0 < gain, "{gain}");
    // Three times as often: the coefficient of the rate is ln 3 either way round.
    let effects = with.value("clv.covariates.effects").as_array().unwrap();
    let effect = effects
        .iter()
        .find(|effect| effect["covariate"] == "place" && effect["moves"] == "transactions")
        .unwrap();
    let coefficient = effect["coefficient"].as_f64().unwrap();
    assert!((coefficient.abs() - 3_f64.ln()).abs() < 0.2, "{effect}");
    assert_eq!(effect["level"] == "country", coefficient < 0.0, "{effect}");
    bench.run_fails(
        &input,
        &set(&["clv.covariates=[\"place\"]"]),
        2,
        &["place", "--customers"],
    );
}

#[test]
fn a_season_of_ones_own_moves_orders_within_the_year() {
    let bench = Bench::new();
    let weights = "clv.season_weights=[4, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1]";
    let fixed = ["clv.model=mbg_nbd", "clv.horizons_days=[90]", "clv.season=off"];
    let plain = bench.snapshot(&sample_file(), "plain", &set(&fixed));
    let seasonal = bench.snapshot(&sample_file(), "season", &set(&[&fixed[..2], &[weights]].concat()));
    assert_eq!(seasonal.value("clv.season.finding"), "given");
    let sum = |snapshot: &Snapshot, table: &str| snapshot.table(table).numbers("expected_orders").iter().sum::<f64>();
    // The sample ends with a year, so that the next 90 days are the busy ones: 4 of 7 parts instead of 1 of 4.
    let share = |snapshot: &Snapshot| sum(snapshot, "forecasts") / sum(snapshot, "customers");
    assert!(
        1.5 * share(&plain) < share(&seasonal),
        "{} {}",
        share(&plain),
        share(&seasonal)
    );
    let forecasts = seasonal.table("forecasts");
    assert_eq!(forecasts.n_rows(), seasonal.table("customers").n_rows());
    assert!(forecasts.numbers("horizon_days").iter().all(|days| *days == 90.0));
}

#[test]
fn further_horizons_ascend_and_threads_change_nothing() {
    let bench = Bench::new();
    let settings = set(&["clv.horizons_days=[365, 30, 180]", "clv.group_by=channel"]);
    let one = bench.snapshot(&sample_file(), "one", &[&settings[..], &["--threads", "1"]].concat());
    let two = bench.snapshot(&sample_file(), "two", &[&settings[..], &["--threads", "2"]].concat());
    assert_same_results(&one, &two, "one and two threads");
    let forecasts = one.table("forecasts");
    let days = forecasts.numbers("horizon_days");
    assert_eq!(days[..3], [30.0, 180.0, 365.0]);
    let expected = forecasts.numbers("expected_orders");
    assert!(expected.chunks(3).all(|of| of[0] <= of[1] && of[1] <= of[2]));
    let customers = one.table("customers").numbers("expected_orders");
    assert!(expected.chunks(3).zip(&customers).all(|(of, orders)| of[2] == *orders));
}

#[test]
fn an_evaluation_is_printed_and_published() {
    let bench = Bench::new();
    let out = bench.text("out");
    let input = sample_file();
    let ran = quintile(&[
        "evaluate",
        "--quiet",
        "--out",
        &out,
        "--input",
        &input,
        "--holdout-days",
        "120",
    ])
    .ok();
    for text in [
        "mbg_nbd",
        "pareto_nbd",
        "last_period",
        "in the 120 days after",
        "used ",
        "interval",
    ] {
        assert!(ran.stdout.contains(text), "{text} is not in\n{}", ran.stdout);
    }
    assert!(
        ran.stdout
            .lines()
            .all(|line| line.chars().count() <= 100 || line.starts_with("used "))
    );
    let folder = bench.path("out/evaluation");
    let place = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let place = place.into_iter().find(|path| path.is_dir()).unwrap();
    let found = json(&place.join("evaluation.json"));
    assert_eq!(found["evaluation"]["holdout_days"], 120);
    let table = Frame::read(&place.join("evaluation.parquet"));
    let names = table.texts("contender");
    assert!(names.is_sorted() && !names.iter().any(|name| name == "bg_bb"));
    assert_eq!(table.booleans("is_best").iter().filter(|best| **best).count(), 1);
    let page = std::fs::read_to_string(place.join("report.html")).unwrap();
    assert!(page.to_lowercase().starts_with("<!doctype html>") && !page.contains("<script"));
    // A run takes the model that the evaluation says it would take.
    let snapshot = bench.snapshot(&input, "run", &set(&["clv.holdout_days=120"]));
    assert_eq!(snapshot.value("selected_model"), &found["chosen"]);
}

#[test]
fn an_evaluation_needs_days_to_look_back_on() {
    let bench = Bench::new();
    let mut lines = "customer_id,ordered_at,amount\n".to_owned();
    for day in 1..29 {
        let _ = writeln!(lines, "A{},2024-01-{day:02},10", day % 7);
    }
    let input = bench.write("short.csv", lines);
    let out = bench.text("out");
    let evaluate =
        |more: &[&str]| quintile(&[&["evaluate", "--quiet", "--out", &out, "--input", &input], more].concat());
    evaluate(&[]).fails(4, &["no holdout", "27 days"]);
    evaluate(&["--cut", "2024-03-01"]).fails(4, &["does not lie within the history"]);
    assert_eq!(evaluate(&["--cut", "soon"]).code, 2);
    assert_eq!(evaluate(&["--setting", "barter"]).code, 2);
    assert!(!bench.path("out/evaluation/as_of=2024-01-28").exists());
}
