//! Intervals hold what happens to simulated customers as often as they say, when the models are fitted to them.

use quintile::clv::{self, Config};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::simulate::{Coverage, Leaving, Process};

const SPEND: [f64; 3] = [4.0, 3.5, 25.0];

/// The rate is that of stages, of which an order takes `k`.
fn process(k: u32, leaving: Leaving) -> Process {
    Process {
        k,
        r: 0.9,
        alpha: 50.0 / f64::from(k),
        leaving,
        spend: SPEND,
    }
}

/// Coverage among all customers and among those from whom at least one order is expected.
fn coverage(model: &str, process: &Process, n: usize, data_sets: u64, level: f64) -> [Coverage; 2] {
    let config = Config {
        model: model.to_owned(),
        annual_discount_rate: 0.0,
        interval: level,
        ..Config::default()
    };
    let params = config.check().unwrap();
    let mut out = [Coverage::default(); 2];
    for seed in 0..data_sets {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1000 + seed);
        let simulated = process.simulate(n, 365.0, &mut rng);
        let result = clv::run(&params, &simulated.customers());
        assert_eq!(result.selected_model, model, "{}", result.selection_reason);
        let scorer = result.model.scorer().unwrap();
        let c = &result.customers;
        for i in 0..n {
            let tail = scorer.order_tail(&simulated.history(i), 365.0, 1e-9).unwrap();
            let happened: f64 = simulated.future[i].iter().map(|(_, amount)| amount).sum();
            let wanted = 1.0 <= c.expected_orders[i].get().unwrap();
            for coverage in &mut out[..1 + usize::from(wanted)] {
                coverage.count(
                    &tail,
                    0.5 * (1.0 - level),
                    (c.orders_low[i].unwrap(), c.orders_high[i].unwrap()),
                    (c.clv_low_amount[i].get().unwrap(), c.clv_high_amount[i].get().unwrap()),
                    (simulated.future[i].len() as u32, happened),
                );
            }
        }
    }
    out
}

/// Within two points of nominal where chance decides the ends; at least nominal where an end of the closed interval is
/// a whole number of orders, or nothing.
#[test]
fn intervals_cover_what_happens_as_often_as_they_say() {
    let beta = |after_first| Leaving::AfterOrders {
        a: 0.8,
        b: 2.5,
        after_first,
    };
    for (model, k, leaving) in [
        ("mbg_nbd", 1, beta(true)),
        ("bg_nbd", 1, beta(false)),
        ("bg_cnbd_k", 3, beta(false)),
        ("nbd", 1, Leaving::Never),
    ] {
        // Few customers, so that the uncertainty of the fit counts.
        for (level, n) in [(0.9, 600), (0.5, 600)] {
            for (who, c) in ["all", "active"]
                .iter()
                .zip(coverage(model, &process(k, leaving), n, 12, level))
            {
                let near = |share: f64| (share - level).abs() < 0.02;
                assert!(near(c.orders_exact[0] / c.n), "{model} {who} {level} orders {c:?}");
                assert!(near(c.money_exact[0] / c.n), "{model} {who} {level} money {c:?}");
                assert!(
                    level - 0.02 < c.orders[0] / c.n && level - 0.02 < c.money[0] / c.n,
                    "{model} {who} {c:?}"
                );
            }
        }
    }
}
