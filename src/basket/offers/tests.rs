use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::basket::{Baskets, PairCount, count::count_products};

fn config() -> Config {
    Config {
        per_customer: 3,
        min_lift: 1.0,
        partners: 0,
        prior_orders: 0.0,
    }
}

fn owned(customers: &[(u32, Vec<u32>)]) -> OwnedProducts {
    let mut sets = Baskets::default();
    for (_, items) in customers {
        sets.push(items);
    }
    OwnedProducts {
        customers: customers.iter().map(|(customer, _)| *customer).collect(),
        sets: sets.into(),
    }
}

/// What an offer says, one a row in the order of customers.
#[derive(Debug, Default, PartialEq)]
struct Rows {
    customer: Vec<u32>,
    rank: Vec<u32>,
    product: Vec<u32>,
    score: Vec<f64>,
    expected_amount: Vec<f64>,
    because_of: Vec<Vec<u32>>,
}

fn rows(offers: &Offers) -> Rows {
    let mut rows = Rows::default();
    for customer in 0..N_CUSTOMERS {
        assert_eq!(offers.n_of(customer), offers.of(customer).len());
        for (offer, rank) in offers.of(customer).zip(1..) {
            rows.customer.push(customer as u32);
            rows.rank.push(rank);
            rows.product.push(offer.product());
            rows.score.push(offer.score());
            rows.expected_amount.push(offer.expected_amount());
            rows.because_of.push(offer.because_of().collect());
        }
    }
    assert_eq!(offers.len(), rows.rank.len());
    assert_eq!(offers.is_empty(), rows.rank.is_empty());
    rows
}

/// More than one block of customers.
const N_CUSTOMERS: usize = 2 * BLOCK + 1;

/// 100 baskets. Product 0 in 40, 1 in 20, 2 in 10, 3 in 10.
fn links() -> Links {
    let pairs = vec![
        PairCount { a: 0, b: 1, n_ab: 16 },
        PairCount { a: 0, b: 2, n_ab: 8 },
        PairCount { a: 1, b: 3, n_ab: 5 },
    ];
    Links {
        pairs,
        n_a: vec![40, 20, 10, 10],
        n_baskets: 100,
    }
}

#[test]
fn agrees_with_hand_work() {
    let customers = [
        (7, vec![0]),
        (2, vec![1]),
        (5, vec![2, 3]),
        (9, vec![]),
        (4, vec![0, 1, 2, 3]),
    ];
    let mean = [1.0, 10.0, 30.0, 20.0];
    let offers = run(
        &[owned(&customers)],
        N_CUSTOMERS,
        &links(),
        &mean,
        &config().check().unwrap(),
    )
    .unwrap();
    let offers = rows(&offers);
    // 2 has 1: 3 at 5/20 of 20, 0 at 16/20 of 1. 5 has 2 and 3: 1 at 5/10 of 10, 0 at 8/10 of 1.
    // 7 has 0: 2 at 8/40 of 30, 1 at 16/40 of 10.
    assert_eq!(offers.customer, [2, 2, 5, 5, 7, 7]);
    assert_eq!(offers.rank, [1, 2, 1, 2, 1, 2]);
    assert_eq!(offers.product, [3, 0, 1, 0, 2, 1]);
    assert_eq!(offers.score, [0.25, 0.8, 0.5, 0.8, 0.2, 0.4]);
    assert_eq!(offers.expected_amount, [5.0, 0.8, 5.0, 0.8, 6.0, 4.0]);
    assert_eq!(offers.because_of, [[1], [1], [3], [2], [0], [0]]);
}

#[test]
fn the_prior_pulls_towards_what_a_product_sells_anyway() {
    let params = Config {
        prior_orders: 20.0,
        ..config()
    }
    .check()
    .unwrap();
    let offers = run(&[owned(&[(0, vec![2])])], N_CUSTOMERS, &links(), &[1.0; 4], &params).unwrap();
    // (8 + 20 * 0.4) / (10 + 20)
    assert_eq!(rows(&offers).score, [16.0 / 30.0]);
}

#[test]
fn what_brings_nothing_or_lifts_too_little_is_not_offered() {
    for amount in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mean = [1.0, 1.0, amount, 1.0];
        let offers = run(
            &[owned(&[(0, vec![0])])],
            N_CUSTOMERS,
            &links(),
            &mean,
            &config().check().unwrap(),
        )
        .unwrap();
        assert_eq!(rows(&offers).product, [1]);
    }
    // Lifts: 2, 2, 2.5.
    let params = Config {
        min_lift: 2.5,
        ..config()
    }
    .check()
    .unwrap();
    let offers = run(&[owned(&[(0, vec![1])])], N_CUSTOMERS, &links(), &[1.0; 4], &params).unwrap();
    assert_eq!(rows(&offers).product, [3]);
}

#[test]
fn equal_offers_stand_in_the_order_of_their_codes() {
    let pairs = (1..6).map(|b| PairCount { a: 0, b, n_ab: 4 }).collect();
    let links = Links {
        pairs,
        n_a: vec![10; 6],
        n_baskets: 100,
    };
    let customers = [(1, vec![0]), (2, vec![1, 2, 3, 4])];
    let params = config().check().unwrap();
    let offers = run(&[owned(&customers)], N_CUSTOMERS, &links, &[2.0; 6], &params).unwrap();
    let offers = rows(&offers);
    assert_eq!(offers.product, [1, 2, 3, 0]);
    assert_eq!(offers.because_of[3], [1, 2, 3]);
}

/// The formula of the module docs, written out plainly.
fn plain(customers: &[(u32, Vec<u32>)], links: &Links, mean: &[f64], params: &Params) -> Rows {
    let mut offers = Rows::default();
    let mut customers = customers.to_vec();
    customers.sort();
    let share = |product: usize| f64::from(links.n_a[product]) / links.n_baskets as f64;
    for (customer, items) in customers {
        let mut candidates = Vec::new();
        for product in (0..links.n_a.len()).filter(|&product| !items.contains(&(product as u32))) {
            let mut reasons: Vec<(u32, f64)> = Vec::new();
            for pair in &links.pairs {
                for (from, to) in [(pair.a, pair.b), (pair.b, pair.a)] {
                    if to as usize == product && items.contains(&from) && params.min_lift <= links.table(pair).lift() {
                        let seen = f64::from(pair.n_ab) + params.prior_orders * share(product);
                        let among = f64::from(links.n_a[from as usize]) + params.prior_orders;
                        reasons.push((from, seen / among));
                    }
                }
            }
            reasons.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            if let Some(&(_, score)) = reasons.first() {
                reasons.truncate(3);
                candidates.push((score * mean[product], product as u32, score, reasons));
            }
        }
        candidates.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        candidates.truncate(params.per_customer);
        for (rank, (amount, product, score, reasons)) in (1..).zip(candidates) {
            offers.customer.push(customer);
            offers.rank.push(rank);
            offers.product.push(product);
            offers.score.push(score);
            offers.expected_amount.push(amount);
            offers.because_of.push(reasons.iter().map(|reason| reason.0).collect());
        }
    }
    offers
}

#[test]
fn offers_equal_the_plain_way_for_any_chunking_order_and_thread_count() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    for round in 0..60 {
        let n_products = rng.gen_range(2..40u32);
        let set =
            |rng: &mut Xoshiro256PlusPlus| -> Vec<u32> { (0..n_products).filter(|_| rng.gen_bool(0.2)).collect() };
        let mut baskets = Baskets::default();
        for _ in 0..200 {
            baskets.items.extend(set(&mut rng));
            baskets.ends.push(baskets.items.len() as u32);
        }
        let n_a = count_products(&[baskets.into()], n_products as usize, usize::MAX)
            .unwrap()
            .n_a;
        let mut pairs = Vec::new();
        for b in 0..n_products {
            for a in 0..b {
                let most = n_a[a as usize].min(n_a[b as usize]);
                if 0 < most && rng.gen_bool(0.3) {
                    pairs.push(PairCount {
                        a,
                        b,
                        n_ab: rng.gen_range(1..=most),
                    });
                }
            }
        }
        pairs.shuffle(&mut rng);
        let links = Links {
            pairs,
            n_a,
            n_baskets: 200,
        };
        // Few different amounts, so that there are ties.
        let mean: Vec<f64> = (0..n_products).map(|_| f64::from(rng.gen_range(1..4u8))).collect();
        let mut customers: Vec<(u32, Vec<u32>)> = (0..rng.gen_range(0..50))
            .map(|customer| (customer * 160, set(&mut rng)))
            .collect();
        customers.shuffle(&mut rng);
        let params = Config {
            // All, so many that they are sorted, and a few.
            per_customer: [0, FEW as u64 + 1, rng.gen_range(1..5)][round % 3],
            min_lift: [0.0, 1.0, 2.0][round / 3 % 3],
            prior_orders: [0.0, 5.0][round % 2],
            ..config()
        }
        .check()
        .unwrap();

        let expected = plain(&customers, &links, &mean, &params);
        let chunks: Vec<OwnedProducts> = customers.chunks(rng.gen_range(1..20)).map(owned).collect();
        for n_threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let offers = pool
                .install(|| run(&chunks, N_CUSTOMERS, &links, &mean, &params))
                .unwrap();
            assert_eq!(rows(&offers), expected, "round {round}");
        }
    }
}

#[test]
fn a_product_brings_up_its_best_partners_only() {
    let params = Config {
        partners: 1,
        ..config()
    }
    .check()
    .unwrap();
    let mean = [1.0, 10.0, 30.0, 20.0];
    let offers = run(&[owned(&[(7, vec![0])])], N_CUSTOMERS, &links(), &mean, &params).unwrap();
    assert_eq!(rows(&offers).product, [2]);
}

#[test]
fn malformed_chunks_are_refused() {
    let params = config().check().unwrap();
    let twice = [owned(&[(1, vec![0])]), owned(&[(1, vec![1])])];
    let too_few = OwnedProducts {
        customers: vec![],
        sets: Baskets {
            ends: vec![1],
            items: vec![0],
        }
        .into(),
    };
    let too_high = owned(&[(1, vec![4])]);
    let nobody = owned(&[(N_CUSTOMERS as u32, vec![0])]);
    for chunks in [&twice[..], &[too_few], &[too_high], &[nobody]] {
        let error = run(chunks, N_CUSTOMERS, &links(), &[1.0; 4], &params).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Malformed {
                    table: "owned products",
                    ..
                }
            ),
            "{error}"
        );
    }
    assert!(run(&[], N_CUSTOMERS, &links(), &[1.0; 3], &params).is_err());
    assert!(run(&[], N_CUSTOMERS, &links(), &[1.0; 4], &params).unwrap().is_empty());
}

#[test]
fn check_reports_every_problem() {
    let bad = Config {
        min_lift: f64::NAN,
        prior_orders: -1.0,
        ..config()
    };
    assert_eq!(bad.check().unwrap_err().len(), 2);
}
