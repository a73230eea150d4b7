//! The fast program against a plain one, and against itself: threads, row order, files and formats must not show.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray};
use parquet::arrow::ArrowWriter;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::plain::{self, HEADER, Line, MINUTES_A_DAY, baskets, csv, pair_counts};
use crate::support::{Bench, Snapshot, assert_close, assert_same_results, quintile};

/// 2024-01-01 in minutes since 1970-01-01.
const START: i64 = 19_723 * MINUTES_A_DAY;

/// Settings that let every pair through.
const ALL_PAIRS: [&str; 14] = [
    "--set",
    "pairs.min_orders=1",
    "--set",
    "pairs.min_support=0",
    "--set",
    "pairs.min_lift=0",
    "--set",
    "pairs.max_q_value=1",
    "--set",
    "pairs.top=0",
    "--set",
    "offers.min_lift=1",
    "--set",
    "clean.max_reject_share=1",
];

/// A history with returns before, after and beyond the sale, whole orders returned, cancelled orders, anonymous orders
/// and duplicates. Every order has a minute of its own, because nothing decides between orders of the same minute.
fn history(seed: u64, n_customers: usize) -> Vec<Line> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut lines: Vec<Line> = Vec::new();
    let mut n_orders = 0;
    let mut next_order = |rng: &mut Xoshiro256PlusPlus, minute: i64| {
        n_orders += 1;
        // Not in the order of time, so that ids cannot stand in for it.
        (
            format!("{}", 10_000 + (n_orders * 7_919) % 10_007),
            minute * 11 + rng.gen_range(0..11),
        )
    };
    let mut minutes: Vec<i64> = (0..40_000).collect();
    minutes.shuffle(&mut rng);
    for c in 0..n_customers {
        let customer = (!rng.gen_bool(0.05)).then(|| format!("K{:03}", (c * 17) % 1_000));
        for _ in 0..rng.gen_range(1..8) {
            let (order, minute) = next_order(&mut rng, minutes.pop().unwrap());
            let minute = START + minute;
            let first = lines.len();
            for _ in 0..rng.gen_range(1..6) {
                let quantity = rng.gen_range(1..5);
                lines.push(Line {
                    customer: customer.clone(),
                    order: order.clone(),
                    minute,
                    product: Some(match rng.gen_range(0..20).min(rng.gen_range(0..20)) {
                        0 => "POST".into(),
                        p => format!("P{p:02}"),
                    }),
                    quantity,
                    amount: quantity * rng.gen_range(1..2_000),
                });
            }
            if rng.gen_bool(0.1) {
                lines.push(lines[first].clone());
            }
            let whole = rng.gen_bool(0.15);
            for i in first..lines.len() {
                if !(whole || rng.gen_bool(0.1)) {
                    continue;
                }
                let sale = lines[i].clone();
                // Some come back before they were sold, some twice as many as were sold.
                let (number, minute) = next_order(&mut rng, minutes.pop().unwrap());
                let quantity = if rng.gen_bool(0.2) {
                    2 * sale.quantity
                } else {
                    rng.gen_range(1..=sale.quantity)
                };
                let quantity = if whole { sale.quantity } else { quantity };
                let later = if whole {
                    sale.minute + (i - first) as i64 % 2
                } else {
                    START + minute
                };
                lines.push(Line {
                    order: if rng.gen_bool(0.5) {
                        format!("C{}", sale.order)
                    } else {
                        number
                    },
                    minute: later,
                    quantity: -quantity,
                    amount: -quantity * (sale.amount / sale.quantity),
                    ..sale
                });
            }
        }
    }
    lines
}

/// Money alone: no products, no pieces. Refunds of exactly one earlier payment, and of parts.
fn payments(seed: u64) -> Vec<Line> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut lines: Vec<Line> = Vec::new();
    let mut minutes: Vec<i64> = (0..60_000).collect();
    minutes.shuffle(&mut rng);
    for i in 0..600 {
        let customer = Some(format!("{:02}", rng.gen_range(0..60)));
        let earlier: Vec<i64> = lines
            .iter()
            .filter(|l| l.customer == customer)
            .map(|l| l.amount.abs())
            .collect();
        let amount = match rng.gen_range(0..4) {
            0 if !earlier.is_empty() => -earlier[rng.gen_range(0..earlier.len())],
            1 => -rng.gen_range(1..3_000),
            _ => rng.gen_range(1..10_000),
        };
        lines.push(Line {
            customer,
            order: format!("{i}"),
            minute: START + minutes.pop().unwrap() * 7,
            product: None,
            quantity: 0,
            amount,
        });
    }
    lines
}

fn last_day(lines: &[Line], of_everybody: bool) -> i64 {
    let kept = lines.iter().filter(|line| of_everybody || line.customer.is_some());
    kept.map(|line| line.minute.div_euclid(MINUTES_A_DAY)).max().unwrap()
}

#[test]
fn customers_are_those_of_a_plain_reimplementation() {
    for seed in 1..=6 {
        let bench = Bench::new();
        let lines = history(seed, 150);
        let kept: i64 = lines.iter().filter(|l| l.customer.is_some()).map(|l| l.amount).sum();
        let snapshot = bench.snapshot(&bench.write("sales.csv", csv(&lines)), "out", &ALL_PAIRS);
        plain::assert_customers(&snapshot.table("customers"), &lines, last_day(&lines, false));
        assert_close(snapshot.number("amounts.net"), kept as f64 / 100.0, 1e-12, "net");
        assert!(snapshot.number("amounts.returned") > 0.0);
        let ids: BTreeSet<_> = lines.iter().filter_map(|line| line.customer.clone()).collect();
        let with_sale = plain::customers(&lines).len();
        assert_eq!(snapshot.count("returns_only_customers"), (ids.len() - with_sale) as u64);
    }
}

#[test]
fn customers_without_products_are_those_of_a_plain_reimplementation() {
    for seed in 1..=4 {
        let bench = Bench::new();
        let lines = payments(seed);
        let mut text = String::from("customer_id,order_id,ordered_at,amount\n");
        for row in csv(&lines).lines().skip(1) {
            let fields: Vec<&str> = row.split(',').collect();
            text += &format!("{},{},{},{}\n", fields[0], fields[1], fields[2], fields[5]);
        }
        let snapshot = bench.snapshot(&bench.write("payments.csv", text), "out", &[]);
        plain::assert_customers(&snapshot.table("customers"), &lines, last_day(&lines, false));
        assert!(snapshot.warnings().contains(&"no_product_column"));
        assert_eq!(snapshot.table("pairs").n_rows(), 0);
        assert_eq!(snapshot.table("offers").n_rows(), 0);
    }
}

#[test]
fn pairs_are_those_of_brute_force() {
    for (seed, anonymous) in [(1, true), (2, false), (3, true)] {
        let bench = Bench::new();
        let lines = history(seed, 200);
        let counted: Vec<Line> = lines
            .iter()
            .filter(|l| anonymous || l.customer.is_some())
            .cloned()
            .collect();
        let all = baskets(&counted);
        let (single, both) = pair_counts(&all);
        let setting = format!("pairs.anonymous={anonymous}");
        let more = [&ALL_PAIRS[..], &["--set", &setting]].concat();
        let snapshot = bench.snapshot(&bench.write("sales.csv", csv(&lines)), "out", &more);
        assert_eq!(snapshot.number("pairs.n_baskets"), all.len() as f64);
        let pairs = snapshot.table("pairs");
        let keys = pairs.texts("product_a").into_iter().zip(pairs.texts("product_b"));
        let found: BTreeMap<(String, String), u64> = keys
            .clone()
            .zip(pairs.numbers("n_ab").into_iter().map(|n| n as u64))
            .collect();
        assert_eq!(found, both);
        for ((a, b), (n_a, n_b)) in keys.zip(pairs.numbers("n_a").into_iter().zip(pairs.numbers("n_b"))) {
            assert_eq!((n_a as u64, n_b as u64), (single[&a], single[&b]), "{a} {b}");
        }
        assert!(both.len() > 100, "a test of {} pairs", both.len());
    }
}

#[test]
fn threads_do_not_show() {
    let bench = Bench::new();
    let input = bench.write("sales.csv", csv(&history(11, 400)));
    let runs = ["1", "2", "4"].map(|n| bench.snapshot(&input, n, &[&ALL_PAIRS[..], &["--threads", n]].concat()));
    for run in &runs[1..] {
        assert_same_results(&runs[0], run, "by the number of threads");
        assert!(run.bytes("rejects.parquet") == runs[0].bytes("rejects.parquet"));
        for key in [
            "rows",
            "amounts",
            "models",
            "clusters",
            "contributors",
            "pairs",
            "warnings",
            "config_hash",
        ] {
            assert_eq!(run.value(key), runs[0].value(key), "{key}");
        }
    }
}

/// The sample is large enough for many row groups and blocks at once.
#[test]
fn threads_do_not_show_on_the_sample() {
    let bench = Bench::new();
    let messy = crate::support::data("transactions_messy.csv.gz");
    let one = bench.snapshot(messy.to_str().unwrap(), "one", &["--threads", "1"]);
    assert_same_results(&one, crate::support::messy_sample(), "by the number of threads");
    let clean = crate::support::data("transactions.parquet");
    let four = bench.snapshot(clean.to_str().unwrap(), "four", &["--threads", "4"]);
    assert_same_results(&four, crate::support::sample(), "by the number of threads");
}

/// Lines that go to disk come back the same: sales and returns, lines to be dropped by row, anonymous baskets.
#[test]
fn the_memory_cap_does_not_show() {
    let bench = Bench::new();
    let spill_dir = bench.path("spill");
    fs::create_dir(&spill_dir).unwrap();
    let drops = ["--set", "clean.rules.exact_duplicate=reject"];
    for (i, (input, settings)) in [
        ("data/transactions.parquet", &[][..]),
        ("data/transactions_messy.csv.gz", &[]),
        ("data/transactions_messy.csv.gz", &drops),
    ]
    .into_iter()
    .enumerate()
    {
        let free = bench.snapshot(input, &format!("free-{i}"), settings);
        assert_eq!(free.count("spilled_bytes"), 0);
        for threads in ["1", "3"] {
            let capped = [
                "--memory",
                "1MiB",
                "--spill-dir",
                spill_dir.to_str().unwrap(),
                "--threads",
                threads,
            ];
            let capped = bench.snapshot(input, &format!("capped-{i}-{threads}"), &[&capped, settings].concat());
            assert!(capped.count("spilled_bytes") > 0, "{input}: nothing went to disk");
            assert_same_results(&free, &capped, input);
        }
    }
    assert_eq!(fs::read_dir(&spill_dir).unwrap().count(), 0, "files are left behind");
}

#[test]
fn a_memory_cap_or_a_folder_that_is_none_is_said() {
    let bench = Bench::new();
    let input = "data/transactions.parquet";
    for size in ["lots", "0", "10KB"] {
        bench.run_fails(input, &["--memory", size], 2, &["run.memory", "hint:", "2GB"]);
    }
    bench.run_fails(
        input,
        &["--spill-dir", "/nowhere/at/all"],
        2,
        &["run.spill_dir", "hint:"],
    );
}

fn shuffled(text: &str, seed: u64) -> Vec<&str> {
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    rows
}

#[test]
fn row_order_and_split_into_files_do_not_show() {
    let bench = Bench::new();
    let text = csv(&history(12, 400));
    let whole = bench.snapshot(&bench.write("sales.csv", &text), "whole", &ALL_PAIRS);
    for seed in 1..=3 {
        let rows = shuffled(&text, seed);
        let input = bench.write(&format!("{seed}.csv"), format!("{HEADER}{}\n", rows.join("\n")));
        let run = bench.snapshot(&input, &format!("shuffled {seed}"), &ALL_PAIRS);
        assert_same_results(&whole, &run, "by the order of rows");

        let folder = format!("parts {seed}");
        for (i, part) in rows.chunks(rows.len().div_ceil(3 + seed as usize)).enumerate() {
            bench.write(&format!("{folder}/{i}.csv"), format!("{HEADER}{}\n", part.join("\n")));
        }
        let run = bench.snapshot(&bench.text(&folder), &format!("split {seed}"), &ALL_PAIRS);
        assert_eq!(run.value("inputs").as_array().unwrap().len(), 3 + seed as usize);
        assert_same_results(&whole, &run, "by the split into files");
        let glob = bench.text(&format!("{folder}/*.csv"));
        let run = bench.snapshot(&glob, &format!("glob {seed}"), &ALL_PAIRS);
        assert_same_results(&whole, &run, "by the glob");
        assert_eq!(whole.value("rows"), run.value("rows"));
        assert_eq!(whole.value("amounts"), run.value("amounts"));
    }
}

/// Lines that are equal but for their cost are no duplicates of each other, whatever stands between them.
#[test]
fn row_order_does_not_show_where_duplicates_are_dropped() {
    let bench = Bench::new();
    let header = "customer_id,order_id,ordered_at,product_id,quantity,amount,cost\n";
    let rows = [
        "a,1,2024-01-01,tea,1,5.00,2.00\n",
        "a,1,2024-01-01,tea,1,5.00,3.00\n",
        "a,1,2024-01-01,tea,1,5.00,2.00\n",
    ];
    let more = ["--set", "clean.rules.exact_duplicate=reject"];
    let runs = [[0, 1, 2], [0, 2, 1], [1, 0, 2]].map(|order| {
        let text = format!(
            "{header}{}{}",
            order.map(|i| rows[i]).concat(),
            "b,2,2024-02-01,cup,1,7.00,1.00\n"
        );
        let name = format!("{order:?}");
        bench.snapshot(&bench.write(&format!("{name}.csv"), text), &name, &more)
    });
    for run in &runs {
        assert_eq!(
            run.rejected_by_rule(),
            BTreeMap::from([("exact_duplicate".to_string(), 1)])
        );
        assert_same_results(&runs[0], run, "by the order of rows");
        assert_eq!(run.table("customers").numbers("gross_amount"), [10.0, 7.0]);
    }
}

fn write_parquet(bench: &Bench, name: &str, lines: &[Line]) -> String {
    write_parquet_in(bench, name, lines, None)
}

/// The times have a zone, if one is given.
fn write_parquet_in(bench: &Bench, name: &str, lines: &[Line], zone: Option<&str>) -> String {
    let text = |of: fn(&Line) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from(lines.iter().map(of).collect::<Vec<_>>()))
    };
    let columns: [(&str, ArrayRef); 6] = [
        ("customer_id", text(|l| l.customer.as_deref())),
        ("order_id", text(|l| Some(&l.order))),
        (
            "ordered_at",
            Arc::new(
                TimestampSecondArray::from_iter_values(lines.iter().map(|l| l.minute * 60)).with_timezone_opt(zone),
            ),
        ),
        ("product_id", text(|l| l.product.as_deref())),
        (
            "quantity",
            Arc::new(Int64Array::from_iter_values(lines.iter().map(|l| l.quantity))),
        ),
        (
            "amount",
            Arc::new(Float64Array::from_iter_values(
                lines.iter().map(|l| l.amount as f64 / 100.0),
            )),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    bench.write(name, writer.into_inner().unwrap())
}

/// Times with a zone are instants; the zone may be called as it likes (`UTC` by Spark and pandas).
#[test]
fn what_a_zone_is_called_does_not_show() {
    let bench = Bench::new();
    let mut lines = history(17, 120);
    lines[7].customer = None;
    let plain = bench.snapshot(&write_parquet(&bench, "plain.parquet", &lines), "plain", &[]);
    for (zone, name) in [
        ("UTC", "utc"),
        ("+00:00", "offset"),
        ("Europe/Berlin", "berlin"),
        ("Mars/Base", "mars"),
    ] {
        let input = write_parquet_in(&bench, &format!("{name}.parquet"), &lines, Some(zone));
        let run = bench.snapshot(&input, name, &[]);
        assert_same_results(&plain, &run, zone);
        assert!(run.table("rejects").texts("line")[0].contains(r#"00Z""#), "{zone}");
    }
}

/// It is to be repaired without loss.
#[test]
fn a_rejected_line_of_parquet_shows_every_column_that_is_read() {
    let bench = Bench::new();
    let texts = |values: [Option<&str>; 3]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let columns: [(&str, ArrayRef); 5] = [
        ("customer_id", texts([Some("a"), None, Some("b")])),
        (
            "ordered_at",
            texts([Some("2024-01-01"), Some("2024-01-02"), Some("2024-02-03")]),
        ),
        ("amount", Arc::new(Float64Array::from(vec![1.0, 2.5, 3.0]))),
        ("product_name", texts([Some("kettle"), Some("cup"), Some("kettle")])),
        ("currency", texts([Some("EUR"), Some("EUR"), Some("EUR")])),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let input = bench.write("sales.parquet", writer.into_inner().unwrap());
    let lines = bench.snapshot(&input, "out", &[]).table("rejects").texts("line");
    assert_eq!(lines.len(), 1);
    for part in ["2024-01-02", "2.5", "cup", "EUR"] {
        assert!(lines[0].contains(part), "{part} is not in {}", lines[0]);
    }
}

#[test]
fn the_format_of_the_file_does_not_show() {
    let bench = Bench::new();
    let lines = history(13, 300);
    let text = csv(&lines);
    let plain = bench.snapshot(&bench.write("sales.csv", &text), "csv", &ALL_PAIRS);
    let gzip = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let german: String = text
        .lines()
        .enumerate()
        .map(|(i, row)| if i == 0 { row.replace(',', ";") } else { row.replace(',', ";").replace('.', ",") } + "\r\n")
        .collect();
    let utf_16: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let quoted: String = text
        .lines()
        .map(|row| format!("\"{}\"\n", row.replace(',', "\",\"")))
        .collect();
    let forms = [
        ("Parquet", write_parquet(&bench, "sales.parquet", &lines)),
        ("gzip", bench.write("sales.csv.gz", gzip)),
        (
            "zstd",
            bench.write("sales.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ),
        ("tabs", bench.write("sales.tsv", text.replace(',', "\t"))),
        ("decimal commas", bench.write("german.csv", german)),
        ("UTF-16", bench.write("utf16.csv", utf_16)),
        ("byte order mark", bench.write("bom.csv", format!("\u{feff}{text}"))),
        ("quotes", bench.write("quoted.csv", quoted)),
    ];
    for (what, input) in forms {
        let run = bench.snapshot(&input, what, &ALL_PAIRS);
        assert_same_results(&plain, &run, what);
        assert_eq!(plain.value("rows"), run.value("rows"), "{what}");
        assert_eq!(plain.value("amounts"), run.value("amounts"), "{what}");
    }
}

#[test]
fn a_later_run_of_the_same_day_replaces_the_whole_snapshot() {
    let bench = Bench::new();
    let as_of = ["--as-of", "2025-12-31"];
    let first = bench.snapshot(&bench.write("first.csv", csv(&history(21, 40))), "out", &as_of);
    let before = first.result_bytes();
    let second_lines = history(22, 60);
    let second = bench.snapshot(&bench.write("second.csv", csv(&second_lines)), "out", &as_of);
    assert_eq!(first.place, second.place);
    assert!(before["customers"] != second.bytes("customers.parquet"));
    plain::assert_customers(&second.table("customers"), &second_lines, 20_453);
    let left: BTreeSet<String> = fs::read_dir(bench.path("out"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, [".quintile.lock", "as_of=2025-12-31"].map(String::from).into());

    // The same input again gives the same bytes, and another day another folder beside it.
    let again = bench.snapshot(&bench.text("second.csv"), "out", &as_of);
    assert_same_results(&second, &again, "in a second run");
    bench
        .run(&bench.text("second.csv"), "out", &["--as-of", "2026-01-01"])
        .ok();
    assert!(bench.path("out/as_of=2026-01-01/customers.parquet").exists());
    assert!(bench.path("out/as_of=2025-12-31/customers.parquet").exists());
}

/// Readers open and read `customers.parquet` and `manifest.json` all the time while runs replace them.
#[test]
fn a_reader_sees_the_old_snapshot_or_the_new_one() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let bench = Bench::new();
    let inputs = [31, 32].map(|seed| bench.write(&format!("{seed}.csv"), csv(&history(seed, 30))));
    let as_of = ["--as-of", "2025-12-31"];
    let place = bench.snapshot(&inputs[0], "out", &as_of).place;
    let done = AtomicBool::new(false);
    let n_reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut n_reads = 0;
            while !done.load(Ordering::Relaxed) {
                // A folder that is held open is one snapshot, whatever happens to its name.
                let bytes = fs::read(place.join("customers.parquet")).expect("there is always a snapshot");
                assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
                n_reads += 1;
            }
            n_reads
        });
        for i in 1..=6 {
            bench.run(&inputs[i % 2], "out", &as_of).ok();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(n_reads > 100, "only {n_reads} reads");
}

#[test]
fn a_run_that_fails_leaves_the_old_snapshot_untouched() {
    let bench = Bench::new();
    let as_of = ["--as-of", "2025-12-31"];
    let old = bench.snapshot(&bench.write("good.csv", csv(&history(41, 40))), "out", &as_of);
    let all = |snapshot: &Snapshot| -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(&snapshot.place).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| (name.clone(), snapshot.bytes(&name))).collect()
    };
    let before = all(&old);
    let rejected = format!("{HEADER}{}", ",1,2024-01-01,tea,1,5\n".repeat(20));
    for (name, text, code) in [
        ("gate.csv", rejected.as_str(), 4),
        ("empty.csv", "", 3),
        ("open.csv", "a,b\n\"", 3),
    ] {
        bench.run(&bench.write(name, text), "out", &as_of).fails(code, &[]);
        assert!(all(&Snapshot::only_one_in(&bench.path("out"))) == before, "{name}");
        assert!(!bench.path("out/.staging").exists());
    }
}

#[test]
fn a_second_run_in_the_same_folder_ends_with_code_7() {
    let bench = Bench::new();
    let input = bench.write("sales.csv", csv(&history(51, 20)));
    fs::create_dir(bench.path("out")).unwrap();
    let lock = fs::File::create(bench.path("out/.quintile.lock")).unwrap();
    lock.try_lock().unwrap();
    let ran = bench.run_fails(&input, &[], 7, &["another run holds", ".quintile.lock", "--out"]);
    assert_eq!(ran.stdout, "");
    drop(lock);
    // A lock file that a dead run left behind does not matter.
    bench.run(&input, "out", &[]).ok();
    assert_eq!(quintile(&["check", "--quiet", "--input", &input]).code, 0);
}

#[test]
fn the_seed_and_the_place_of_the_result_do_not_change_what_is_counted() {
    let bench = Bench::new();
    let input = bench.write("sales.csv", csv(&history(61, 200)));
    let [a, b] = ["1", "2"].map(|seed| bench.snapshot(&input, seed, &["--seed", seed]));
    assert!(a.bytes("pairs.parquet") == b.bytes("pairs.parquet"));
    assert!(a.bytes("contributors.parquet") == b.bytes("contributors.parquet"));
    assert_ne!(a.value("config_hash"), b.value("config_hash"));
    let (a, b) = (a.table("customers"), b.table("customers"));
    for column in ["net_amount", "clv_amount", "rfm_score", "alive_prob"] {
        assert_eq!(a.optional_numbers(column), b.optional_numbers(column), "{column}");
    }
}
