//! What the published numbers say, against the truth that the generator kept and against the lines themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use serde_json::Value;

use crate::plain::{self, baskets, pair_counts, sample_lines};
use crate::support::{Bench, Frame, Snapshot, assert_close, both, data, json, messy_sample, sample};

#[test]
fn the_counts_are_those_of_the_generator() {
    let truth = json(&data("truth.json"));
    let (snapshot, number) = (sample(), |value: &Value| value.as_f64().unwrap());
    let kind = |name: &str, what: &str| number(&truth["kinds"][name][what]);
    assert_eq!(snapshot.value("customers"), &truth["customers"]);
    // No order is returned whole but the mistakes, which are cancelled.
    assert_eq!(snapshot.value("orders"), &truth["orders"]);
    assert_eq!(snapshot.count("rows.read"), truth["lines"]);
    assert_eq!(
        snapshot.rejected_by_rule(),
        BTreeMap::from([("missing_customer".into(), 1756)])
    );
    let flagged = |rule: &str, what: &str| number(&snapshot.value("rows.flagged_by_rule")[rule][what]);
    for (rule, kinds) in [
        ("missing_customer", vec!["anonymous"]),
        ("return_line", vec!["return", "cancellation"]),
        ("cancelled_order", vec!["return", "cancellation"]),
        ("exact_duplicate", vec!["duplicate"]),
        ("non_product", vec!["postage"]),
    ] {
        for (ours, theirs) in [("rows", "lines"), ("amount", "amount")] {
            let expected = kinds.iter().map(|name| kind(name, theirs)).sum();
            assert_close(flagged(rule, ours), expected, 1e-12, &format!("{ours} of {rule}"));
        }
    }
    let sum = |kinds: [&str; 4]| kinds.iter().map(|name| kind(name, "amount")).sum::<f64>();
    let gross = sum(["sale", "duplicate", "postage", "mistake"]);
    assert_close(snapshot.number("amounts.gross"), gross, 1e-12, "gross");
    let returned = -kind("return", "amount") - kind("cancellation", "amount");
    assert_close(snapshot.number("amounts.returned"), returned, 1e-12, "returned");
    let customers = snapshot.table("customers");
    let repeats: f64 = customers.numbers("repeat_days").iter().sum();
    assert_eq!(repeats, number(&truth["repeat_days"]));
    let n_repeaters = customers.numbers("repeat_days").iter().filter(|x| **x > 0.0).count();
    assert_eq!(truth["repeat_customers"], n_repeaters);
}

#[test]
fn the_fitted_parameters_are_those_of_the_generator() {
    let truth = json(&data("truth.json"));
    for (model, params) in [
        ("bg_nbd", &truth["process"]["params"]),
        ("gamma_gamma", &truth["spend"]["params"]),
    ] {
        let fit = sample().value(&format!("models.{model}"));
        for (letter, expected) in params.as_object().unwrap() {
            let [found, expected] = [&fit["params"][letter], expected].map(|value| value.as_f64().unwrap());
            let error = fit["standard_errors"][letter].as_f64().unwrap();
            let deviation = (found - expected) / error;
            assert!(
                deviation.abs() < 3.0,
                "{model} {letter}: {found} is {deviation:.1} errors from {expected}"
            );
        }
    }
}

#[test]
fn every_customer_is_what_his_lines_say() {
    let lines = sample_lines();
    let as_of = lines
        .iter()
        .map(|line| line.minute / plain::MINUTES_A_DAY)
        .max()
        .unwrap();
    plain::assert_customers(&sample().table("customers"), &lines, as_of);
}

#[test]
fn scores_are_equal_for_equal_values_and_segments_are_those_of_the_config() {
    for snapshot in both() {
        let customers = snapshot.table("customers");
        let n = customers.n_rows();
        let scores = ["r_score", "f_score", "m_score"].map(|column| customers.numbers(column));
        let recency: Vec<f64> = customers.numbers("days_since_last").iter().map(|days| -days).collect();
        let values = [recency, customers.numbers("orders"), customers.numbers("net_amount")];
        for (values, scores) in values.iter().zip(&scores) {
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
            let mut start = 0;
            for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
                // ceil(5 * mean rank / n), in halves: ranks from start + 1 to start + length.
                let twice_rank = 2 * start + equal.len() + 1;
                let expected = (5 * twice_rank).div_ceil(2 * n) as f64;
                assert!(
                    equal.iter().all(|&i| scores[i] == expected),
                    "{expected} for {}",
                    values[equal[0]]
                );
                start += equal.len();
            }
        }
        let segments = snapshot.value("config.rfm.segments").as_array().unwrap();
        let names = customers.texts("segment");
        let rfm = customers.numbers("rfm_score");
        let mut sizes = vec![0u64; segments.len()];
        for i in 0..n {
            let [r, f, m] = [0, 1, 2].map(|s| scores[s][i]);
            assert_eq!(rfm[i], 100.0 * r + 10.0 * f + m);
            let holds = |segment: &Value| {
                [("r", r), ("f", f), ("m", m)].iter().all(|(key, score)| {
                    let end = |e: usize| segment[key][e].as_f64().unwrap();
                    end(0) <= *score && *score <= end(1)
                })
            };
            let first = segments.iter().position(holds).expect("every score has a segment");
            assert_eq!(segments[first]["name"], names[i]);
            sizes[first] += 1;
        }
        let table = snapshot.table("segments");
        let stated: Vec<u64> = table.numbers("customers").iter().map(|n| *n as u64).collect();
        assert_eq!(stated, sizes);
        assert_close(
            table.numbers("customer_share").iter().sum(),
            1.0,
            1e-12,
            "customer shares",
        );
        assert_close(table.numbers("amount_share").iter().sum(), 1.0, 1e-12, "amount shares");
    }
}

#[test]
fn contribution_ranks_are_a_permutation_by_money_and_shares_end_at_1() {
    for snapshot in both() {
        let customers = snapshot.table("customers");
        let n = customers.n_rows();
        let [net, share, decile] =
            ["net_amount", "contribution_cum_share", "contribution_decile"].map(|column| customers.numbers(column));
        let ids = customers.texts("customer_id");
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| net[b].total_cmp(&net[a]).then(ids[a].cmp(&ids[b])));
        let rank = customers.numbers("contribution_rank");
        let is_top = customers.booleans("is_top_contributor");
        let (total, mut sum) = (net.iter().sum::<f64>(), 0.0);
        for (position, &i) in order.iter().enumerate() {
            assert_eq!(rank[i], position as f64 + 1.0, "{}", ids[i]);
            sum += net[i];
            assert_close(share[i], sum / total, 1e-12, "share");
            assert_eq!(is_top[i], position < n.div_ceil(5));
            assert_eq!(decile[i], (10 * position / n) as f64 + 1.0);
        }
        assert_eq!(share[order[n - 1]], 1.0);
        let rising = order
            .windows(2)
            .all(|pair| share[pair[0]] <= share[pair[1]] || net[pair[1]] < 0.0);
        assert!(rising, "the share falls though money is brought");

        let curve = snapshot.table("contributors");
        assert_eq!(
            curve.numbers("percentile"),
            (0..=100).map(f64::from).collect::<Vec<_>>()
        );
        for (percent, (counted, stated)) in curve
            .numbers("customers")
            .into_iter()
            .zip(curve.numbers("net_share"))
            .enumerate()
        {
            assert_eq!(counted, (percent * n).div_ceil(100) as f64);
            let expected = if counted == 0.0 {
                0.0
            } else {
                share[order[counted as usize - 1]]
            };
            assert_eq!(stated, expected, "{percent} %");
        }
        let top_20 = share[order[n.div_ceil(5) - 1]];
        assert_eq!(snapshot.number("contributors.top_20_share"), top_20);
        let for_80 = 1 + order.iter().position(|&i| share[i] >= 0.8).unwrap() as u64;
        assert_eq!(snapshot.count("contributors.customers_for_80_share"), for_80);
        let weighted: f64 = order
            .iter()
            .rev()
            .enumerate()
            .map(|(i, &c)| (i as f64 + 1.0) * net[c])
            .sum();
        let gini = 2.0 * weighted / (n as f64 * total) - (n as f64 + 1.0) / n as f64;
        assert_close(snapshot.number("contributors.gini"), gini, 1e-12, "Gini");
    }
}

#[test]
fn values_are_in_their_ranges_and_ranked() {
    for snapshot in both() {
        let customers = snapshot.table("customers");
        let [alive, orders, spend, clv, low, high] = [
            "alive_prob",
            "expected_orders",
            "expected_order_amount",
            "clv_amount",
            "clv_low_amount",
            "clv_high_amount",
        ]
        .map(|column| customers.numbers(column));
        for i in 0..customers.n_rows() {
            assert!((0.0..=1.0).contains(&alive[i]));
            assert!(0.0 <= low[i] && low[i] <= high[i], "{} {} {}", low[i], clv[i], high[i]);
            // A small chance of many orders makes a mean above what 95 % stay below.
            assert!(
                low[i] <= clv[i] && clv[i] <= high[i] || alive[i] < 0.5,
                "{} outside {} to {}",
                clv[i],
                low[i],
                high[i]
            );
            // Discounting over a year at 10 % takes less than a tenth.
            let undiscounted = orders[i] * spend[i];
            assert!(
                0.9 * undiscounted < clv[i] && clv[i] < undiscounted,
                "{} {undiscounted}",
                clv[i]
            );
        }
        let rank = customers.numbers("value_rank");
        let ids = customers.texts("customer_id");
        let mut order: Vec<usize> = (0..rank.len()).collect();
        order.sort_by(|&a, &b| clv[b].total_cmp(&clv[a]).then(ids[a].cmp(&ids[b])));
        let is_top = customers.booleans("is_top_value");
        for (position, &i) in order.iter().enumerate() {
            assert_eq!(rank[i], position as f64 + 1.0);
            assert_eq!(is_top[i], position < rank.len().div_ceil(5));
        }
        let watch: BTreeSet<String> = customers.optional_texts("watch").into_iter().flatten().collect();
        let known = ["dormant_top", "rising", "loss_maker", "slipping", "new_top"].map(String::from);
        assert!(watch.is_subset(&known.into()), "{watch:?}");
    }
}

#[test]
fn clusters_are_numbered_by_money_and_add_up() {
    for snapshot in both() {
        let (customers, clusters) = (snapshot.table("customers"), snapshot.table("clusters"));
        let of_customer = customers.numbers("cluster");
        let net = customers.numbers("net_amount");
        let mean = clusters.numbers("mean_net_amount");
        assert_eq!(clusters.n_rows() as u64, snapshot.count("clusters.k"));
        assert!(mean.windows(2).all(|pair| pair[0] >= pair[1]), "{mean:?}");
        for (k, (size, money)) in clusters
            .numbers("customers")
            .into_iter()
            .zip(clusters.numbers("net_amount"))
            .enumerate()
        {
            let members: Vec<usize> = (0..net.len()).filter(|&i| of_customer[i] == k as f64 + 1.0).collect();
            assert_eq!(members.len() as f64, size);
            assert_close(members.iter().map(|&i| net[i]).sum(), money, 1e-9, "money of a cluster");
            assert!(size > 0.0);
        }
    }
}

#[test]
fn offers_are_products_that_the_customer_has_not_kept() {
    let known = plain::customers(&sample_lines());
    let offers = sample().table("offers");
    let customers = offers.texts("customer_id");
    let because = offers.0.column("because_of").unwrap().list().unwrap().clone();
    let [rank, amount, score] = ["rank", "expected_amount", "score"].map(|column| offers.numbers(column));
    let products = offers.texts("product_id");
    let mut first: BTreeMap<&str, (&str, f64)> = BTreeMap::new();
    for i in 0..customers.len() {
        let owned = &known[&customers[i]].owned;
        assert!(!owned.contains(&products[i]), "{} has {}", customers[i], products[i]);
        let reasons = because.get_as_series(i).unwrap();
        let reasons: Vec<&str> = reasons.str().unwrap().iter().flatten().collect();
        assert!((1..=3).contains(&reasons.len()));
        for reason in reasons {
            assert!(owned.contains(reason), "{} does not have {reason}", customers[i]);
        }
        assert!(0.0 < score[i] && score[i] <= 1.0 && 0.0 < amount[i]);
        if rank[i] > 1.0 {
            assert_eq!(
                (customers[i - 1].as_str(), rank[i - 1]),
                (customers[i].as_str(), rank[i] - 1.0)
            );
            assert!(amount[i] <= amount[i - 1], "the better offer comes first");
        } else {
            first.insert(&customers[i], (&products[i], score[i]));
        }
        assert!(rank[i] <= 3.0);
    }
    let table = sample().table("customers");
    let next = table
        .optional_texts("next_product_id")
        .into_iter()
        .zip(table.optional_numbers("next_product_score"));
    for (id, (product, score)) in table.texts("customer_id").iter().zip(next) {
        assert_eq!(first.get(id.as_str()).copied(), product.as_deref().zip(score), "{id}");
    }
    assert!(
        first.len() * 10 > table.n_rows() * 9,
        "only {} customers have an offer",
        first.len()
    );
}

#[test]
fn pair_counts_and_measures_are_those_of_the_data() {
    let lines = sample_lines();
    let all = baskets(&lines);
    let (single, both) = pair_counts(&all);
    let pairs = sample().table("pairs");
    let n = all.len() as f64;
    assert_eq!(sample().number("pairs.n_baskets"), n);
    assert_eq!(sample().count("pairs.n_products"), single.len() as u64);
    assert_eq!(
        sample().count("pairs.n_tested"),
        both.values().filter(|n_ab| **n_ab >= 10).count() as u64
    );
    assert_eq!(sample().count("pairs.n_kept"), pairs.n_rows() as u64);
    let (a, b) = (pairs.texts("product_a"), pairs.texts("product_b"));
    let column = |name: &str| pairs.numbers(name);
    let measures = [
        "support",
        "confidence_ab",
        "confidence_ba",
        "lift",
        "leverage",
        "jaccard",
        "cosine",
        "kulczynski",
    ];
    let more = ["imbalance_ratio", "zhang_ab", "zhang_ba", "chi_square", "p_value"];
    let found: Vec<Vec<f64>> = measures.iter().chain(&more).map(|name| column(name)).collect();
    let conviction = ["conviction_ab", "conviction_ba"].map(|name| pairs.optional_numbers(name));
    let (n_a, n_b, n_ab, q) = (column("n_a"), column("n_b"), column("n_ab"), column("q_value"));
    for i in 0..pairs.n_rows() {
        let pair = (a[i].clone(), b[i].clone());
        let [na, nb, nab] = [single[&a[i]], single[&b[i]], both[&pair]].map(|count| count as f64);
        assert_eq!([n_a[i], n_b[i], n_ab[i]], [na, nb, nab], "{pair:?}");
        assert_eq!(column_is(&pairs, "n_baskets", i), n);
        let (pa, pb, pab) = (na / n, nb / n, nab / n);
        let zhang = |pa: f64, pb: f64| (pab - pa * pb) / f64::max(pab * (1.0 - pa), pa * (pb - pab));
        let chi_square = n * (pab - pa * pb).powi(2) / (pa * pb * (1.0 - pa) * (1.0 - pb));
        let expected = [
            pab,
            pab / pa,
            pab / pb,
            pab / (pa * pb),
            pab - pa * pb,
            nab / (na + nb - nab),
            nab / (na * nb).sqrt(),
            (pab / pa + pab / pb) / 2.0,
            (na - nb).abs() / (na + nb - nab),
            zhang(pa, pb),
            zhang(pb, pa),
            chi_square,
            libm::erfc((chi_square / 2.0).sqrt()),
        ];
        for (k, expected) in expected.into_iter().enumerate() {
            let name = measures.iter().chain(&more).nth(k).unwrap();
            assert!(
                (found[k][i] - expected).abs() <= 1e-9 * expected.abs() + 1e-12,
                "{name} of {pair:?}: {} is not {expected}",
                found[k][i]
            );
        }
        for (found, (from, to)) in conviction.iter().zip([(pa, pb), (pb, pa)]) {
            match found[i] {
                Some(found) => assert_close(found, (1.0 - to) / (1.0 - pab / from), 1e-9, "conviction"),
                None => assert_eq!(pab, from),
            }
        }
        assert!(found[12][i] <= q[i] && q[i] <= 0.05 && found[3][i] >= 1.0);
    }
}

fn column_is(frame: &Frame, column: &str, row: usize) -> f64 {
    frame.numbers(column)[row]
}

#[test]
fn planted_pairs_are_the_strongest() {
    let truth = json(&data("truth.json"));
    for snapshot in both() {
        let pairs = snapshot.table("pairs");
        let (a, b) = (pairs.texts("product_a"), pairs.texts("product_b"));
        let [leverage, lift, n_ab] = ["leverage", "lift", "n_ab"].map(|column| pairs.numbers(column));
        let mut order: Vec<usize> = (0..a.len()).collect();
        order.sort_by(|&i, &j| leverage[j].total_cmp(&leverage[i]));
        let planted = truth["pairs"].as_array().unwrap();
        for pair in planted {
            let [id_a, id_b] = ["product_a", "product_b"].map(|key| pair[key].as_str().unwrap());
            let rank = order.iter().position(|&i| a[i] == id_a && b[i] == id_b);
            let rank = rank.unwrap_or_else(|| panic!("{id_a} and {id_b} are not found"));
            assert!(rank < planted.len(), "{id_a} and {id_b} are only number {}", rank + 1);
            let i = order[rank];
            // Mistaken and anonymous orders count too, so that there are a few more than in the truth.
            assert!(n_ab[i] >= pair["n_ab"].as_f64().unwrap());
            let expected = pair["expected_lift"].as_f64().unwrap();
            let error = expected / n_ab[i].sqrt();
            assert!(
                (lift[i] - expected).abs() < 3.0 * error,
                "{id_a} and {id_b}: lift {} for {expected}",
                lift[i]
            );
        }
    }
}

#[test]
fn the_messy_file_loses_exactly_its_planted_defects() {
    let truth = json(&data("truth_messy.json"));
    let defects = |names: &[&str]| {
        names
            .iter()
            .map(|name| truth["defects"][name].as_u64().unwrap())
            .sum::<u64>()
    };
    let expected = BTreeMap::from([
        ("bad_date".to_string(), defects(&["broken_date"])),
        ("missing_date".to_string(), defects(&["missing_date"])),
        (
            "bad_amount".to_string(),
            defects(&["non_numeric_quantity", "non_numeric_price"]),
        ),
        ("zero_price".to_string(), defects(&["zero_price"])),
        (
            "missing_customer".to_string(),
            truth["kinds"]["anonymous"]["lines"].as_u64().unwrap(),
        ),
    ]);
    assert_eq!(messy_sample().rejected_by_rule(), expected);
    assert_eq!(messy_sample().value("rows.read"), &truth["lines"]);
    assert_eq!(messy_sample().value("rows.kept"), sample().value("rows.kept"));
    for key in ["gross", "returned", "net", "kept"] {
        let key = format!("amounts.{key}");
        assert_eq!(messy_sample().value(&key), sample().value(&key));
    }
}

#[test]
fn rejected_lines_are_quoted_from_their_row() {
    use std::io::Read as _;
    let mut text = String::new();
    let file = File::open(data("transactions_messy.csv.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    let rejects = messy_sample().table("rejects");
    for (row, line) in rejects.numbers("row").into_iter().zip(rejects.texts("line")) {
        assert_eq!(line, lines[row as usize - 1], "row {row}");
    }
}

/// After cleaning, the messy file tells of every customer what the clean one tells. Customer 123 is `C00123` there and
/// `123` here, so that the order of ids differs, and with it what ids decide: the ranks of equals, and which customers
/// the clusters are fitted on.
#[test]
fn the_messy_file_gives_the_same_customers_as_the_clean_one() {
    let bench = Bench::new();
    let messy_file = data("transactions_messy.csv.gz");
    let messy_run = bench.snapshot(messy_file.to_str().unwrap(), "out", &[]);
    let (clean, messy) = (sample().table("customers"), messy_run.table("customers"));
    let number = |id: &String| id.trim_start_matches('C').parse::<u32>().unwrap();
    let by_number = |frame: &Frame| -> Vec<usize> {
        let ids: Vec<u32> = frame.texts("customer_id").iter().map(number).collect();
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&i| ids[i]);
        assert!(order.windows(2).all(|pair| ids[pair[0]] < ids[pair[1]]));
        order
    };
    let orders = [by_number(&clean), by_number(&messy)];
    let mut compared = 0;
    for (column, ty) in clean.layout() {
        let decided_by_id = [
            "customer_id",
            "cluster",
            "cluster_name",
            "contribution_rank",
            "value_rank",
        ];
        if decided_by_id.contains(&column.as_str()) || column == "contribution_cum_share" {
            continue;
        }
        compared += 1;
        for (&i, &j) in orders[0].iter().zip(&orders[1]) {
            let value = |frame: &Frame, row: usize| format!("{:?}", frame.0.column(&column).unwrap().get(row).unwrap());
            let (a, b) = (value(&clean, i), value(&messy, j));
            assert_eq!(a, b, "{column} {ty}");
        }
    }
    assert_eq!(compared, clean.layout().len() - 6);
    assert!(
        sample().bytes("pairs.parquet") == messy_run.bytes("pairs.parquet"),
        "pairs differ"
    );
    let products = |snapshot: &Snapshot| {
        let offers = snapshot.table("offers");
        let mut all: Vec<(u32, u32, String)> = offers
            .texts("customer_id")
            .iter()
            .map(number)
            .zip(offers.numbers("rank").into_iter().map(|rank| rank as u32))
            .zip(offers.texts("product_id"))
            .map(|((customer, rank), product)| (customer, rank, product))
            .collect();
        all.sort();
        all
    };
    assert_eq!(products(sample()), products(&messy_run));
}
