//! Generated messes of fields: every line is counted once, with its money, and nothing panics.

use std::path::PathBuf;

use quintile::config::{Config, parse_setting};
use quintile::pipeline::{self, Silent};
use quintile::units::sum_to_f64;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::hostile::assert_identity;
use crate::support::{Bench, Snapshot};

/// Any mess of fields: every line is counted once, with its money, and nothing panics.
#[test]
fn any_mess_adds_up() {
    let folder = Bench::new();
    let mut outcomes = [0; 4];
    for seed in 0..300 {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let text = mess(&mut rng);
        let path = PathBuf::from(folder.write("mess.csv", &text));
        let case = || format!("seed {seed}:\n{}", String::from_utf8_lossy(&text));
        let config = Config::read(None, &[parse_setting("clean.max_reject_share=1").unwrap()]).unwrap();
        let params = config.check().unwrap();
        let plan = match pipeline::plan(&params, &[path], &Silent) {
            Ok(plan) => plan,
            Err(error) => {
                assert_eq!(error.exit_code(), 3, "{error}\n{}", case());
                assert!(!error.hint().is_empty(), "{error}\n{}", case());
                outcomes[0] += 1;
                continue;
            }
        };
        let report = match pipeline::load_and_clean(&params, plan, &Silent) {
            Ok(cleaned) => {
                outcomes[1] += 1;
                cleaned.transactions.report
            }
            Err(failure) => {
                assert!(!failure.error.hint().is_empty(), "{}", case());
                let Some(found) = failure.found else {
                    assert_eq!(failure.error.exit_code(), 3, "{}", case());
                    outcomes[2] += 1;
                    continue;
                };
                assert_eq!(failure.error.exit_code(), 4, "{}", case());
                outcomes[3] += 1;
                found.1
            }
        };
        assert_eq!(report.read.rows, report.kept.rows + report.rejected.rows, "{}", case());
        assert_eq!(
            report.read.amount,
            report.kept.amount + report.rejected.amount,
            "{}",
            case()
        );
        let by_rule: (u64, i128) = report
            .rejected_by_rule
            .iter()
            .fold((0, 0), |sum, count| (sum.0 + count.rows, sum.1 + count.amount));
        assert_eq!(by_rule, (report.rejected.rows, report.rejected.amount), "{}", case());
        assert_eq!(report.rejects.len(), report.rejected.rows, "{}", case());
        let mut money = 0;
        let read = report.rejects.in_order(
            |file| file as usize,
            7,
            |part| {
                let amounts = part.iter().filter_map(|reject| reject.amount);
                money += amounts.map(|amount| i128::from(amount.0)).sum::<i128>();
                Ok::<_, std::io::Error>(())
            },
        );
        read.unwrap();
        assert_eq!(money, report.rejected.amount, "{}", case());
        assert!(sum_to_f64(report.read.amount).is_finite());
    }
    let [refused, cleaned, unreadable, rejected] = outcomes;
    assert!(
        cleaned > 100 && refused > 2,
        "{refused} refused, {cleaned} cleaned, {unreadable} unreadable, {rejected} rejected"
    );
}

/// The same messes through the whole program.
#[test]
fn a_few_messes_go_through_the_whole_program() {
    for seed in 1_000..1_025 {
        let bench = Bench::new();
        let text = mess(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
        let input = bench.write("mess.csv", &text);
        let ran = bench.run(&input, "out", &["--set", "clean.max_reject_share=1"]);
        if ran.code == 0 {
            assert_identity(&Snapshot::only_one_in(&bench.path("out")));
        } else {
            assert!([3, 4].contains(&ran.code), "seed {seed}: {}", ran.stderr);
            ran.fails(if bench.path("out").exists() { 4 } else { 3 }, &[]);
        }
    }
}

fn mess(rng: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let ids = [
        "a", "b", "c", "d.0", "17850.0", "", " ", "null", "é", "\"q\"", "\"a,b\"", "\u{0}", "NaN", "C1",
    ];
    let dates = [
        "2024-01-05",
        "2024-02-05 10:00",
        "2023-11-30T23:59:59Z",
        "2024-01-05 25:00",
        "",
        "soon",
        "0000-00-00",
        "9999-12-31",
        "1900-01-01",
        "2024-02-30",
        "20240105",
        "45296",
        "-1",
        "2024-01-05 10:00:00.123456+14:00",
    ];
    let numbers = [
        "1",
        "2.50",
        "-3",
        "0",
        "",
        "1,5",
        "x",
        "1e3",
        "-0.00",
        "99999999999999999999",
        "1e-9",
        "NaN",
        "-inf",
        "(5.00)",
        "€ 4.20",
        "1 000",
        "100000000000",
        "-100000000000",
        "0.00005",
        "+7",
    ];
    // Mostly good fields, so that many files get as far as cleaning.
    let share = [0.0, 0.02, 0.1, 0.5][rng.gen_range(0..4)];
    let mut text = b"customer_id,order_id,ordered_at,product_id,quantity,unit_price,amount\n".to_vec();
    for i in 0..rng.gen_range(0..80) {
        let mut bad = |good: String, choices: &[&str]| {
            if rng.gen_bool(share) {
                (*choices.choose(rng).unwrap()).to_string()
            } else {
                good
            }
        };
        let fields = [
            bad(format!("k{}", i % 9), &ids),
            bad(format!("{}", i / 2), &ids),
            bad(format!("2024-0{}-1{}", 1 + i % 9, i % 9), &dates),
            bad(format!("p{}", i % 5), &ids),
            bad(format!("{}", 1 + i % 4), &numbers),
            bad("2.50".into(), &numbers),
            bad(format!("{}.50", 1 + i % 7), &numbers),
        ];
        let mut fields: Vec<String> = fields.into();
        if rng.gen_bool(share / 4.0) {
            let n = rng.gen_range(0..9);
            fields.resize(n, "extra".into());
        }
        text.extend(fields.join(",").as_bytes());
        text.extend(if rng.gen_bool(share) { &b"\r\n"[..] } else { &b"\n"[..] });
        if rng.gen_bool(share / 20.0) {
            text.extend(
                (0..rng.gen_range(1..30))
                    .map(|_| rng.gen_range(0..=255u8))
                    .collect::<Vec<u8>>(),
            );
        }
    }
    text
}
