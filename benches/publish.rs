//! From the results of the stages to published tables: offers, the joined customers, and writing both as Parquet.
//!
//! Customers are made up, so that no model has to be fitted first: histories, values and owned products are drawn from
//! a fixed seed. Throughput is in customers. Sizes: 1,000,000, or `QUINTILE_BENCH_CUSTOMERS=1000000,4000000`.

mod measure;
mod sizes;

use std::path::Path;

use criterion::Criterion;
use measure::measure;
use quintile::basket::offers::{self, Offers, OwnedProducts};
use quintile::basket::{self, Baskets, tables};
use quintile::clv::{CustomerValues, Status};
use quintile::config::Config;
use quintile::customers::{self, Attributes, Stages};
use quintile::output::publish::Staging;
use quintile::schema::parts::parts_of;
use quintile::spill::Memory;
use quintile::summary::Summary;
use quintile::units::{Day, MaybeF64, sum_to_f64};
use quintile::{cluster, contributors, rfm};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const SEED: u64 = 7;
const PRODUCTS: u32 = 5_000;
/// Products of one kind: what is bought together comes from one.
const KIND: u32 = 50;
const AS_OF: i32 = 20_000;
const TEST_CUSTOMERS: usize = 2_000;

fn main() {
    sizes::run("QUINTILE_BENCH_CUSTOMERS", TEST_CUSTOMERS, bench);
}

fn summary(n: usize, random: &mut Xoshiro256PlusPlus) -> Summary {
    let mut summary = Summary {
        as_of: Day(AS_OF),
        ..Summary::default()
    };
    for i in 0..n {
        let first_day = AS_OF - random.gen_range(30..1_000);
        let orders = 1 + random.gen_range(0.0f64..2.0).exp2().powi(3) as u32;
        let last_day = if orders == 1 {
            first_day
        } else {
            random.gen_range(first_day + 1..=AS_OF)
        };
        let net = i128::from(orders) * random.gen_range(1_000..60_000) * 100;
        summary.ids.push(&format!("C{i:08}"));
        summary.first_day.push(first_day);
        summary.last_day.push(last_day);
        summary.orders.push(orders);
        summary.purchase_days.push(orders);
        summary.products.push(orders * 2);
        summary.units.push(f64::from(orders * 3));
        summary.gross_amount.push(sum_to_f64(net));
        summary.returned_amount.push(0.0);
        summary.net_amount.push(sum_to_f64(net));
        summary.net.push(net);
        summary.margin_amount.push(None.into());
        summary.repeat_days.push(orders - 1);
        summary.recent_amount.push(0.0);
        summary.previous_amount.push(0.0);
    }
    summary
}

fn values(n: usize, random: &mut Xoshiro256PlusPlus) -> CustomerValues {
    let mut column = |scale: f64| {
        (0..n)
            .map(|_| MaybeF64::finite(random.gen_range(0.0..scale)))
            .collect::<Vec<_>>()
    };
    CustomerValues {
        alive_prob: column(1.0),
        expected_orders: column(10.0),
        order_prob: column(1.0),
        expected_order_amount: column(100.0),
        clv_amount: column(1_000.0),
        clv_low_amount: column(100.0),
        clv_high_amount: column(5_000.0),
        residual_amount: column(9_000.0),
        orders_low: vec![Some(0); n],
        orders_high: (0..n).map(|i| Some(i as u32 % 30)).collect(),
        clv_status: vec![Status::Ok; n],
        ..CustomerValues::default()
    }
}

/// A few products of a kind, ascending and distinct.
fn products(random: &mut Xoshiro256PlusPlus, most: usize) -> Vec<u32> {
    let kind = random.gen_range(0..PRODUCTS / KIND) * KIND;
    let n = random.gen_range(1..=most);
    let mut products: Vec<u32> = (0..n).map(|_| kind + random.gen_range(0..KIND)).collect();
    products.sort_unstable();
    products.dedup();
    products
}

fn bench(criterion: &mut Criterion, n: usize) {
    let params = Config::read(None, &[])
        .expect("the defaults are TOML")
        .check()
        .expect("the defaults pass their check");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let summary = summary(n, &mut random);
    let values = values(n, &mut random);
    let mut baskets = Baskets::default();
    let mut sets = Baskets::default();
    for _ in 0..n {
        baskets.push(&products(&mut random, 5));
        let mut set = [products(&mut random, 12), products(&mut random, 12)].concat();
        set.sort_unstable();
        set.dedup();
        sets.push(&set);
    }
    let n_products = PRODUCTS as usize;
    let names: Vec<String> = (0..PRODUCTS).map(|product| format!("P{product:05}")).collect();
    let amounts: Vec<f64> = (0..PRODUCTS).map(|product| f64::from(product % 97 + 3)).collect();
    let links = basket::run(&[baskets.into()], n_products, &params.pairs, &Memory::unlimited())
        .expect("the baskets are counted")
        .links;
    let owned = [OwnedProducts {
        customers: (0..n as u32).collect(),
        sets: sets.into(),
    }];
    let offer =
        || offers::run(&owned, n, &links, &amounts, &params.offers).expect("the owned products are well formed");
    let offers = offer();

    let rfm = rfm::run(&params.rfm, &summary);
    let clusters = cluster::run(&params.clusters, &summary);
    let contributors = contributors::run(&summary);
    let attributes = Attributes::default();
    let stages = Stages {
        summary: &summary,
        rfm: &rfm,
        clv: &values,
        groups: &[],
        horizon_days: 365,
        clusters: &clusters,
        contributors: &contributors,
        offers: &offers,
        products: &names,
        attributes: &attributes,
    };
    let join = || customers::run(&params.watch, &stages, &|_| false);
    let customers = join();
    let write = || {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("publish");
        let mut staging = Staging::begin(&out).expect("the folder for temporary files can be written");
        let columns = customers.columns(&stages);
        staging
            .columns(&customers::TABLE, &parts_of(n), &columns)
            .expect("the customers are published");
        let (columns, parts) = tables::offers_columns(&offers, &summary.ids, &names);
        staging
            .columns(&tables::OFFERS, &parts, &columns)
            .expect("the offers are published");
        staging
    };
    println!("answer/{n}: {}", answer(&offers, n));
    for file in write().files() {
        println!(
            "answer/{n}: {} {} rows {}",
            file.path,
            file.rows.unwrap_or(0),
            file.hash
        );
    }

    let mut group = sizes::group(criterion, "publish", n);
    measure(&mut group, "offers", n, || (), |()| offer());
    measure(&mut group, "customers", n, || (), |()| join());
    measure(&mut group, "write", n, || (), |()| write());
    group.finish();
}

fn answer(offers: &Offers, n_customers: usize) -> String {
    let all = (0..n_customers).flat_map(|customer| offers.of(customer));
    let amount: f64 = all.map(|offer| offer.expected_amount()).sum();
    format!("{} offers, expected to bring {amount:.2}", offers.len())
}
