use std::collections::BTreeMap;

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

const PLENTY: Memory = Memory::unlimited();

/// Everything that was seen, nothing filtered.
fn everything() -> Config {
    Config {
        anonymous: true,
        non_products: false,
        min_orders: 1,
        min_support: 0.0,
        max_basket_products: 0,
        max_tested_pairs: 1_000_000,
        min_lift: 0.0,
        max_q_value: 1.0,
        top: 0,
    }
}

fn chunk(baskets: &[Vec<u32>]) -> Kept {
    let mut chunk = Baskets::default();
    for basket in baskets {
        chunk.items.extend(basket);
        chunk.ends.push(chunk.items.len() as u32);
    }
    chunk.into()
}

fn find_in(baskets: &[Vec<u32>], config: &Config) -> Found {
    run(&[chunk(baskets)], 1_000, &config.check().unwrap(), &PLENTY).unwrap()
}

/// Skewed like a shop: low draws are common; codes are mixed so that they say nothing about frequency.
fn random_baskets(rng: &mut impl Rng, n_baskets: usize, n_products: u32) -> Vec<Vec<u32>> {
    let mut codes: Vec<u32> = (0..n_products).collect();
    codes.shuffle(rng);
    let mut basket = || {
        let size = rng.gen_range(0..9);
        let draw = |_| codes[(f64::from(n_products) * rng.r#gen::<f64>().powi(3)) as usize];
        let mut basket: Vec<u32> = (0..size).map(draw).collect();
        basket.sort_unstable();
        basket.dedup();
        basket
    };
    (0..n_baskets).map(|_| basket()).collect()
}

/// The plain way: (a, b) -> n_ab, and (a, a) -> n_a.
fn plain_counts(baskets: &[Vec<u32>]) -> BTreeMap<(u32, u32), u64> {
    let mut counts = BTreeMap::new();
    for basket in baskets {
        for (i, &a) in basket.iter().enumerate() {
            for &b in &basket[i..] {
                *counts.entry((a, b)).or_insert(0) += 1;
            }
        }
    }
    counts
}

fn links(found: &Found) -> Vec<PairCount> {
    let mut pairs = found.links.pairs.clone();
    pairs.sort_unstable();
    pairs
}

#[test]
fn counts_equal_the_plain_way_for_any_threshold_band_chunking_order_and_thread_count() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    for round in 0..60 {
        // Few products fill every row; many leave most rows with a handful of places.
        let n_products = rng.gen_range(1..[60, 3_000][round % 2]);
        let n_baskets = rng.gen_range(0..300);
        let mut baskets = random_baskets(&mut rng, n_baskets, n_products);
        let min_orders = rng.gen_range(1..6);
        let params = Config {
            min_orders,
            ..everything()
        }
        .check()
        .unwrap();
        let plain = plain_counts(&baskets);
        let expected: Vec<((u32, u32), u64)> = plain
            .iter()
            .filter(|&(&(a, b), &n)| a != b && min_orders <= n)
            .map(|(&pair, &n)| (pair, n))
            .collect();

        let n_products = n_products as usize;
        let found = run(&[chunk(&baskets)], n_products, &params, &PLENTY).unwrap();
        let pairs = &found.pairs;
        let got: Vec<((u32, u32), u64)> = (0..pairs.len())
            .map(|i| ((pairs.product_a[i], pairs.product_b[i]), pairs.n_ab[i]))
            .collect();
        assert_eq!(got, expected, "round {round}");
        for i in 0..pairs.len() {
            let (a, b) = (pairs.product_a[i], pairs.product_b[i]);
            assert_eq!((pairs.n_a[i], pairs.n_b[i]), (plain[&(a, a)], plain[&(b, b)]));
        }
        assert_eq!(pairs.summary.n_baskets, n_baskets as u64);
        assert_eq!(pairs.summary.n_tested, expected.len() as u64);

        baskets.shuffle(&mut rng);
        let chunks: Vec<Kept> = baskets.chunks(rng.gen_range(1..40)).map(chunk).collect();
        for n_threads in [1, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            for index_places in [1, 50, INDEX_PLACES] {
                let other = pool
                    .install(|| find(&chunks, n_products, &params, index_places))
                    .unwrap();
                assert_eq!(other.pairs, *pairs);
                assert_eq!(links(&other), links(&found));
            }
        }
    }
}

#[test]
fn thresholds_are_exact_on_the_decimal_that_was_written() {
    for (share, n, expected) in [
        (0.001, 9_835, 10),
        (0.07, 100, 7),
        (0.01, 100, 1),
        (0.29, 100, 29),
        (0.57, 100, 57),
        (1.1e-5, 1_000_000, 11),
        (0.1 + 0.2, 10, 4),
        (1.0, u64::MAX, u64::MAX),
        (0.5, u64::MAX, 1 << 63),
        (0.0, u64::MAX, 0),
        (5e-324, u64::MAX, 1),
        (1e-30, 7, 1),
        (0.3, 0, 0),
    ] {
        assert_eq!(ceil_share(share, n), expected, "{share} of {n}");
    }
    for thousandths in 0..=1_000u64 {
        let share: f64 = format!("0.{thousandths:03}").parse().unwrap();
        let share = if thousandths == 1_000 { 1.0 } else { share };
        for n in [1, 7, 100, 999, 1_000, 20_728, 4_294_967_295] {
            assert_eq!(ceil_share(share, n), (thousandths * n).div_ceil(1_000));
        }
    }
}

/// 100 baskets, (1, 2) in 7 of them, (3, 4) in 6.
#[test]
fn a_pair_on_the_threshold_is_tested() {
    let mut baskets = vec![vec![0]; 87];
    baskets.extend(vec![vec![1, 2]; 7]);
    baskets.extend(vec![vec![3, 4]; 6]);
    let pairs = find_in(
        &baskets,
        &Config {
            min_support: 0.07,
            ..everything()
        },
    )
    .pairs;
    assert_eq!((pairs.product_a, pairs.product_b), (vec![1], vec![2]));
    assert_eq!((pairs.summary.n_baskets, pairs.summary.min_count), (100, 7));
    let pairs = find_in(
        &baskets,
        &Config {
            min_orders: 8,
            ..everything()
        },
    )
    .pairs;
    assert!(pairs.is_empty());
}

#[test]
fn nothing_to_pair_is_no_error() {
    let params = everything().check().unwrap();
    for chunks in [vec![], vec![Kept::default()], vec![chunk(&[vec![]]), Kept::default()]] {
        let found = run(&chunks, 0, &params, &PLENTY).unwrap();
        assert!(found.pairs.is_empty() && found.links.pairs.is_empty());
    }
    let found = find_in(&vec![vec![3]; 9], &everything());
    assert!(found.pairs.is_empty());
    assert_eq!((found.pairs.summary.n_baskets, found.pairs.summary.n_products), (9, 1));
}

#[test]
fn where_all_baskets_are_the_same_no_pair_means_anything() {
    for n in [1, 50] {
        let baskets = vec![vec![2, 5, 9]; n];
        let pairs = find_in(&baskets, &everything()).pairs;
        assert_eq!(pairs.n_ab, [n as u64; 3]);
        assert_eq!(pairs.lift, [1.0; 3]);
        assert_eq!(pairs.conviction_ab, [None; 3]);
        assert_eq!((pairs.zhang_ab, pairs.chi_square), (vec![0.0; 3], vec![0.0; 3]));
        assert_eq!((pairs.p_value, pairs.q_value), (vec![1.0; 3], vec![1.0; 3]));
        assert_eq!(pairs.rank, [1, 2, 3]);
        let strict = Config {
            max_q_value: 0.05,
            ..everything()
        };
        let found = find_in(&baskets, &strict);
        assert_eq!((found.pairs.len(), found.links.pairs.len()), (0, 0));
        assert_eq!(found.pairs.summary.n_tested, 3);
    }
}

/// 500 more joint baskets than chance brings go before a lift of 1,000.
#[test]
fn the_first_pair_is_the_one_with_most_baskets_beyond_chance() {
    let mut baskets = vec![vec![0, 1]; 1_000];
    baskets.extend(vec![vec![0]; 1_000]);
    baskets.extend(vec![vec![1]; 1_000]);
    baskets.extend(vec![vec![7, 8]; 5]);
    baskets.extend(vec![vec![9]; 2_000]);
    let pairs = find_in(&baskets, &Config { top: 1, ..everything() }).pairs;
    assert_eq!((pairs.product_a[0], pairs.product_b[0], pairs.rank[0]), (0, 1, 1));
    assert_eq!((pairs.summary.n_kept, pairs.summary.n_significant), (1, 2));
    let pairs = find_in(&baskets, &everything()).pairs;
    assert_eq!(pairs.rank, [1, 2]);
    assert!(pairs.lift[0] < 1.3 && 1_000.0 < pairs.lift[1]);
    assert!(pairs.chi_square[0] < pairs.chi_square[1]);
}

#[test]
fn offers_see_pairs_that_are_not_published() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let baskets = random_baskets(&mut rng, 2_000, 40);
    let config = Config {
        min_lift: 1.0,
        max_q_value: 0.2,
        ..everything()
    };
    let all = find_in(&baskets, &config);
    let few = find_in(&baskets, &Config { top: 3, ..config });
    assert_eq!(links(&all), links(&few));
    assert!(3 < links(&all).len());
    assert_eq!(few.pairs.len(), 3);
    // The few are the first of all, with the same figures.
    for i in 0..3 {
        let row = (0..all.pairs.len())
            .find(|&row| all.pairs.rank[row] == few.pairs.rank[i])
            .unwrap();
        assert!(all.pairs.rank[row] <= 3);
        assert_eq!(all.pairs.product_a[row], few.pairs.product_a[i]);
        assert_eq!(all.pairs.product_b[row], few.pairs.product_b[i]);
        assert_eq!(all.pairs.q_value[row], few.pairs.q_value[i]);
    }
    assert!(all.pairs.q_value.iter().all(|&q| q <= 0.2));
    assert!(all.pairs.lift.iter().all(|&lift| 1.0 <= lift));
}

#[test]
fn an_oversized_basket_enters_no_figure_and_is_reported() {
    let usual = vec![vec![1, 2], vec![1, 2, 3], vec![4]];
    let mut with_giant = usual.clone();
    with_giant.push((0..1_000).collect());
    let config = Config {
        max_basket_products: 3,
        ..everything()
    };
    let (found, expected) = (find_in(&with_giant, &config), find_in(&usual, &config));
    assert_eq!(
        (
            found.pairs.summary.n_oversized_baskets,
            found.pairs.summary.n_oversized_lines
        ),
        (1, 1_000)
    );
    let mut pairs = found.pairs;
    pairs.summary.n_oversized_baskets = 0;
    pairs.summary.n_oversized_lines = 0;
    assert_eq!(pairs, expected.pairs);
}

/// 5 billion pairs in one order: the threshold rises until they fit, here above the one basket there is.
#[test]
fn a_basket_of_100_000_products_neither_overflows_nor_fills_memory() {
    let giant = chunk(&[(0..100_000).collect()]);
    let config = Config {
        max_tested_pairs: 1_000,
        ..everything()
    };
    let found = run(&[giant], 100_000, &config.check().unwrap(), &PLENTY).unwrap();
    assert!(found.pairs.is_empty());
    assert_eq!(
        (found.pairs.summary.min_count_asked, found.pairs.summary.min_count),
        (1, 2)
    );
}

#[test]
fn too_many_pairs_raise_the_threshold_by_doubling_and_say_so() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let baskets = random_baskets(&mut rng, 3_000, 50);
    let plain = plain_counts(&baskets);
    let reach = |count: u64| plain.iter().filter(|&(&(a, b), &n)| a != b && count <= n).count() as u64;
    for max_tested_pairs in [1, 10, 100, 500] {
        let config = Config {
            min_orders: 3,
            max_tested_pairs,
            ..everything()
        };
        let summary = find_in(&baskets, &config).pairs.summary;
        let expected = (0..)
            .map(|k| 3 << k)
            .find(|&count| reach(count) <= max_tested_pairs)
            .unwrap();
        assert_eq!((summary.min_count_asked, summary.min_count), (3, expected));
        assert_eq!(summary.n_tested, reach(expected));
    }
}

#[test]
fn malformed_chunks_are_refused() {
    let params = everything().check().unwrap();
    let malformed = [
        (vec![2, 1], vec![0, 1]),
        (vec![1], vec![0, 1]),
        (vec![], vec![0]),
        (vec![3], vec![0, 1]),
        (vec![2], vec![1, 1]),
        (vec![2], vec![1, 0]),
        (vec![2], vec![0, 5]),
    ];
    for (ends, items) in malformed {
        let chunks = [chunk(&[vec![0, 1]]), Baskets { ends, items }.into()];
        let error = run(&chunks, 5, &params, &PLENTY).unwrap_err();
        assert!(matches!(error, Error::Malformed { chunk: 1, .. }), "{error}");
    }
    let error = run(&[], usize::MAX, &params, &PLENTY).unwrap_err();
    assert!(matches!(error, Error::TooManyProducts { .. }));
}

#[test]
fn check_reports_every_problem() {
    let bad = Config {
        anonymous: true,
        non_products: false,
        min_orders: 0,
        min_support: f64::NAN,
        max_basket_products: 0,
        max_tested_pairs: 0,
        min_lift: f64::INFINITY,
        max_q_value: -0.1,
        top: 0,
    };
    let keys: Vec<&str> = bad
        .check()
        .unwrap_err()
        .iter()
        .map(|error| match error {
            Error::OutOfRange { key, .. } => *key,
            other => panic!("{other}"),
        })
        .collect();
    let expected = [
        "min_orders",
        "min_support",
        "max_tested_pairs",
        "min_lift",
        "max_q_value",
    ];
    assert_eq!(keys, expected.map(|key| format!("pairs.{key}")));
}
