//! What must hold for lifetime value as a whole, from histories to predictions: for any input, order and threads.

use proptest::prelude::*;
use quintile::clv::histories::History;
use quintile::clv::model::Setting;
use quintile::clv::{self, ClvResult, Config, CustomerHistories, Status};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Customers with known parameters (MBG/NBD in days), in a fixed order.
fn simulated(n: usize, seed: u64, [r, alpha, a, b]: [f64; 4]) -> Vec<(History, f64)> {
    use rand_distr::{Beta, Distribution, Exp, Gamma};
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let rates = Gamma::new(r, 1.0 / alpha).unwrap();
    let drops = Beta::new(a, b).unwrap();
    let amounts = Gamma::new(4.0, 1.0 / 4.0).unwrap();
    (0..n)
        .map(|_| {
            let (rate, drop) = (rates.sample(&mut rng), drops.sample(&mut rng));
            let age = f64::from(rng.gen_range(100..700));
            let gaps = Exp::new(rate.max(1e-12)).unwrap();
            let (mut x, mut t_x) = (0, 0.0);
            while !rng.gen_bool(drop) {
                let next = t_x + gaps.sample(&mut rng);
                if age < next {
                    break;
                }
                x += 1;
                t_x = next;
            }
            let amount = 20.0 * amounts.sample(&mut rng) / amounts.sample(&mut rng);
            (History { x, t_x, age }, amount)
        })
        .collect()
}

fn run(customers: &[(History, f64)], config: &Config) -> ClvResult {
    let x: Vec<u32> = customers.iter().map(|(h, _)| h.x).collect();
    let t_x: Vec<f64> = customers.iter().map(|(h, _)| h.t_x).collect();
    let age: Vec<f64> = customers.iter().map(|(h, _)| h.age).collect();
    let repeat: Vec<Option<f64>> = customers.iter().map(|(h, z)| (0 < h.x).then_some(*z)).collect();
    let all: Vec<f64> = customers.iter().map(|(_, z)| *z).collect();
    let input = CustomerHistories {
        x: &x,
        t_x_days: &t_x,
        age_days: &age,
        mean_repeat_amount: &repeat,
        mean_amount_all: &all,
        ..CustomerHistories::default()
    };
    clv::run(&config.check().unwrap(), &input)
}

/// Every number finite and in its range, every null explained by the status.
fn assert_sound(result: &ClvResult) {
    let c = &result.customers;
    for (i, status) in c.clv_status.iter().enumerate() {
        let finite = |v: Option<f64>| v.is_none_or(|v| v.is_finite() && 0.0 <= v);
        for column in [
            &c.alive_prob,
            &c.expected_orders,
            &c.expected_order_amount,
            &c.clv_amount,
            &c.clv_low_amount,
            &c.clv_high_amount,
            &c.order_prob,
            &c.residual_amount,
        ] {
            assert!(finite(column[i].get()), "{status:?}");
        }
        assert!(c.alive_prob[i].get().is_none_or(|p| p <= 1.0));
        let known = ![Status::InvalidHistory, Status::NotEnoughHistory].contains(status);
        assert_eq!(c.expected_orders[i].get().is_some(), known, "{status:?}");
        let priced = known && c.expected_order_amount[i].get().is_some();
        assert_eq!(c.clv_amount[i].get().is_some(), priced, "{status:?}");
        if let (Some(low), Some(high)) = (c.clv_low_amount[i].get(), c.clv_high_amount[i].get()) {
            assert!(low <= high);
        }
        assert_eq!(c.orders_low[i].is_some(), c.orders_high[i].is_some());
        assert!(c.orders_low[i] <= c.orders_high[i]);
        if let (Some(some), Some(alive), Some(expected)) =
            (c.order_prob[i].get(), c.alive_prob[i].get(), c.expected_orders[i].get())
        {
            // Markov's inequality, and nobody orders who is not alive.
            let rounding = 1.0 + 1e-9;
            assert!(
                some <= alive * rounding && some <= expected * rounding,
                "{some} {alive} {expected}"
            );
        }
        if let (Some(residual), Some(value)) = (c.residual_amount[i].get(), c.clv_amount[i].get()) {
            // Period ends come after the orders, so that everything ahead is worth no less than its first year.
            assert!(value <= residual * (1.0 + 1e-9), "{value} {residual}");
        }
    }
    for fit in &result.models {
        let text = serde_json::to_string(fit).unwrap();
        assert!(!text.contains("NaN") && !text.contains("inf\""), "{text}");
    }
    assert!(!result.selection_reason.is_empty());
    let _ = result.model.scorer().unwrap();
}

#[test]
fn the_fit_finds_the_parameters_that_made_the_data() {
    let truth = [1.2, 60.0, 0.7, 2.0];
    let result = run(&simulated(20_000, 11, truth), &Config::default());
    assert_eq!(result.selected_model, "mbg_nbd", "{}", result.selection_reason);
    let fit = result.models.iter().find(|fit| fit.name == "mbg_nbd").unwrap();
    for (letter, want) in ["r", "alpha", "a", "b"].into_iter().zip(truth) {
        let (got, error) = (
            fit.params.get(letter).unwrap(),
            fit.standard_errors.get(letter).unwrap(),
        );
        assert!(
            (got - want).abs() < 3.5 * error && error < 0.15 * want,
            "{letter} {got} ± {error}"
        );
    }
}

/// What is predicted for a horizon does not depend on the horizons beside it, and times that contain each other have
/// predictions that do.
#[test]
fn further_horizons_are_what_they_would_be_alone() {
    let customers = simulated(1_500, 12, [1.2, 60.0, 0.7, 2.0]);
    let with = |horizon_days: u32, horizons_days: &[u32]| {
        let config = Config {
            horizon_days,
            horizons_days: horizons_days.to_vec(),
            ..Config::default()
        };
        run(&customers, &config).customers
    };
    let all = with(365, &[90, 0x2000, 45]);
    assert_eq!(all.horizons.len(), 3);
    for further in &all.horizons {
        let alone = with(further.horizon_days, &[]);
        assert!(further.orders_low == alone.orders_low && further.orders_high == alone.orders_high);
        for (together, alone) in [
            (&further.expected_orders, &alone.expected_orders),
            (&further.order_prob, &alone.order_prob),
            (&further.clv_amount, &alone.clv_amount),
            (&further.clv_low_amount, &alone.clv_low_amount),
            (&further.clv_high_amount, &alone.clv_high_amount),
        ] {
            for (together, alone) in together.iter().zip(alone) {
                let (together, alone) = (together.get().unwrap(), alone.get().unwrap());
                assert!(
                    (together - alone).abs() <= 1e-5 * alone.abs() + 1e-12,
                    "{together} {alone}"
                );
            }
        }
    }
    let (short, long) = (&all.horizons[2], &all.horizons[0]);
    for i in 0..customers.len() {
        assert!(short.expected_orders[i] <= long.expected_orders[i]);
        assert!(long.alive_prob[i] <= short.alive_prob[i] && short.alive_prob[i] <= all.alive_prob[i]);
        assert!(short.orders_high[i] <= long.orders_high[i] && short.clv_high_amount[i] <= long.clv_high_amount[i]);
    }
}

#[test]
fn the_order_of_customers_changes_nothing() {
    let customers = simulated(12_000, 13, [0.8, 40.0, 0.6, 1.5]);
    let forward = run(&customers, &Config::default());
    let mut reversed = customers;
    reversed.reverse();
    let mut backward = run(&reversed, &Config::default());
    for column in [
        &mut backward.customers.alive_prob,
        &mut backward.customers.expected_orders,
        &mut backward.customers.expected_order_amount,
        &mut backward.customers.clv_amount,
        &mut backward.customers.clv_low_amount,
        &mut backward.customers.clv_high_amount,
        &mut backward.customers.order_prob,
        &mut backward.customers.residual_amount,
    ] {
        column.reverse();
    }
    backward.customers.orders_low.reverse();
    backward.customers.orders_high.reverse();
    backward.customers.clv_status.reverse();
    assert!(forward == backward);
    assert_sound(&forward);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let customers = simulated(25_000, 18, [0.8, 40.0, 0.6, 1.5]);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&customers, &Config::default()))
    };
    let one = with(1);
    assert!(
        one.models.iter().any(|fit| 8_192 < fit.n_distinct),
        "the search on a part of the rows is not reached"
    );
    assert!(one == with(5));
}

#[test]
fn a_saved_model_scores_as_the_fitted_one() {
    let customers = simulated(2_000, 14, [0.8, 40.0, 0.6, 1.5]);
    let result = run(&customers, &Config::default());
    let text = serde_json::to_string(&result.model).unwrap();
    let saved: clv::select::ClvModel = serde_json::from_str(&text).unwrap();
    let x: Vec<u32> = customers.iter().map(|(h, _)| h.x).collect();
    let t_x: Vec<f64> = customers.iter().map(|(h, _)| h.t_x).collect();
    let age: Vec<f64> = customers.iter().map(|(h, _)| h.age).collect();
    let repeat: Vec<Option<f64>> = customers.iter().map(|(h, z)| (0 < h.x).then_some(*z)).collect();
    let input = CustomerHistories {
        x: &x,
        t_x_days: &t_x,
        age_days: &age,
        mean_repeat_amount: &repeat,
        mean_amount_all: &[],
        ..CustomerHistories::default()
    };
    let params = Config::default().check().unwrap();
    assert_eq!(clv::score(&params, &saved.scorer().unwrap(), &input), result.customers);
}

#[test]
fn hard_inputs_end_in_a_named_status() {
    let h = |x, t_x, age| (History { x, t_x, age }, 25.0);
    let repeated = |c: (History, f64), n| vec![c; n];
    let year = 365.0 * 86_400.0;
    type Case = (&'static str, Vec<(History, f64)>, &'static [Status]);
    let cases: Vec<Case> = vec![
        ("no customer", vec![], &[]),
        (
            "one customer, one order",
            vec![h(0, 0.0, 50.0)],
            &[Status::NotEnoughHistory],
        ),
        ("one customer", vec![h(5, 80.0, 100.0)], &[Status::PooledRate]),
        (
            "everyone bought once",
            (0..500).map(|i| h(0, 0.0, f64::from(i % 90))).collect(),
            &[Status::NotEnoughHistory],
        ),
        (
            "a single day",
            repeated(h(0, 0.0, 0.0), 1000),
            &[Status::NotEnoughHistory],
        ),
        (
            "identical loyal customers",
            repeated(h(4, 100.0, 100.0), 1000),
            &[Status::PooledRate],
        ),
        (
            "identical silent customers",
            repeated(h(4, 50.0, 400.0), 1000),
            &[Status::PooledSpend],
        ),
        (
            "a time in seconds",
            simulated(3_000, 15, [0.8, 40.0, 0.6, 1.5])
                .into_iter()
                .map(|(h, z)| {
                    (
                        History {
                            t_x: h.t_x * 86_400.0,
                            age: h.age * 86_400.0,
                            ..h
                        },
                        z,
                    )
                })
                .collect(),
            &[Status::Ok, Status::PopulationSpend],
        ),
        (
            "thousands of orders",
            (0..200)
                .map(|i| {
                    (
                        History {
                            x: 1000 + 37 * i,
                            t_x: year - 1.0,
                            age: year + f64::from(i),
                        },
                        5.0 + f64::from(i % 9),
                    )
                })
                .collect(),
            &[Status::NoDropoutLimit],
        ),
        (
            "contradictions among good histories",
            simulated(3_000, 16, [0.8, 40.0, 0.6, 1.5])
                .into_iter()
                .chain([
                    h(1, 0.0, 5.0),
                    h(0, 3.0, 5.0),
                    h(2, 9.0, 5.0),
                    h(0, 0.0, f64::NAN),
                    h(0, 0.0, -1.0),
                    h(1, 1.0, f64::INFINITY),
                ])
                .collect(),
            &[Status::Ok, Status::PopulationSpend, Status::InvalidHistory],
        ),
        (
            "amounts of nothing and less",
            simulated(500, 17, [0.8, 40.0, 0.6, 1.5])
                .into_iter()
                .map(|(h, _)| (h, -3.0))
                .collect(),
            &[Status::NoSpend],
        ),
        (
            "the largest count",
            repeated(h(u32::MAX, 99.0, 100.0), 40),
            &[Status::PooledRate, Status::PooledSpend],
        ),
    ];
    for (name, customers, allowed) in cases {
        let result = run(&customers, &Config::default());
        assert_eq!(result.customers.clv_status.len(), customers.len(), "{name}");
        for status in &result.customers.clv_status {
            assert!(
                allowed.contains(status),
                "{name}: {status:?}, {}",
                result.selection_reason
            );
        }
        assert_sound(&result);
    }
}

#[test]
fn every_problem_of_a_config_is_reported() {
    let config = Config {
        model: "pareto".to_owned(),
        horizon_days: 0,
        period_days: 0,
        annual_discount_rate: f64::NAN,
        ridge: -1.0,
        horizons_days: vec![90, 0],
        interval: 1.0,
        setting: Setting::Discrete,
        covariates: vec!["region".to_owned()],
        group_by: "cohort_year".to_owned(),
        holdout_days: 40_000,
        max_holdout_customers: 999,
        season: "sometimes".to_owned(),
        season_weights: vec![1.0, 2.0],
        ..Config::default()
    };
    let problems = config.check().unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|p| p.key()).collect();
    assert_eq!(
        keys.join(" "),
        "model horizon_days horizons_days period_days annual_discount_rate ridge interval covariates covariates \
         holdout_days max_holdout_customers season season_weights"
    );
    assert!(
        problems
            .iter()
            .all(|p| !p.hint().is_empty() && !p.to_string().is_empty())
    );
}

#[test]
fn statuses_have_distinct_names_and_serialise_as_such() {
    let mut names: Vec<&str> = Status::ALL.iter().map(|s| s.as_str()).collect();
    for (status, name) in Status::ALL.iter().zip(&names) {
        assert_eq!(serde_json::to_string(status).unwrap(), format!("\"{name}\""));
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Status::ALL.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Small, odd data sets: whatever they are, the result is sound.
    #[test]
    fn any_small_data_set_has_a_sound_result(
        rows in proptest::collection::vec((0_u32..40, 0.0_f64..1.0, 0.0_f64..500.0, -5.0_f64..200.0), 0..60),
        scale in prop::sample::select(vec![1e-6, 1.0, 1e7]),
    ) {
        let customers: Vec<(History, f64)> = rows
            .into_iter()
            .map(|(x, share, age, z)| {
                let age = age * scale;
                (History { x, t_x: if x == 0 { 0.0 } else { share * age }, age }, z)
            })
            .collect();
        assert_sound(&run(&customers, &Config::default()));
    }
}
