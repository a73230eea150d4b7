//! The command line as its users meet it: help, exit codes, what goes where, configuration.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use serde_json::Value;

use crate::support::{Bench, json, quintile, quintile_in, sample};

const COMMANDS: [&str; 7] = ["run", "check", "generate", "config", "init", "schema", "completions"];

/// A small history that every command can read.
pub const SMALL: &str = "\
customer_id,order_id,ordered_at,product_id,quantity,amount
a,1,2024-01-02,tea,1,10.00
a,2,2024-02-02,cup,2,20.00
b,3,2024-01-15,tea,1,10.00
b,4,2024-03-15,pot,1,35.50
c,5,2024-03-20,tea,3,30.00
,6,2024-03-21,tea,1,10.00
";

fn flags(text: &str) -> BTreeSet<String> {
    let flag = Regex::new(r"(?:^|[\s\[(`'=])(--[a-z][a-z-]*)").unwrap();
    flag.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// Flags that a command defines: lines of its help that begin with them.
fn defined_flags(help: &str) -> BTreeSet<String> {
    let flag = Regex::new(r"(?m)^\s+(?:-[a-zA-Z], )?(--[a-z][a-z-]*)").unwrap();
    flag.captures_iter(help).map(|found| found[1].to_owned()).collect()
}

#[test]
fn help_lists_every_command_with_an_example_and_the_exit_codes() {
    let help = quintile(&["--help"]).ok();
    assert_eq!(help.stderr, "");
    for command in COMMANDS {
        assert!(
            Regex::new(&format!(r"(?m)^  {command} "))
                .unwrap()
                .is_match(&help.stdout),
            "{command}"
        );
    }
    assert!(help.stdout.contains("Examples:\n  quintile run"));
    let codes = [
        "0  ok",
        "1  a bug",
        "2  usage or configuration",
        "3  input",
        "4  data-quality gate",
        "5  no model",
        "6  output",
        "7  another run holds the lock",
        "8  cluster",
        "9  drift gate",
    ];
    for code in codes {
        assert!(help.stdout.contains(&format!("\n  {code}")), "{code}");
    }
    assert!(quintile(&["-h"]).ok().stdout.len() < help.stdout.len());
}

/// Every flag in any help text or example exists in the command that it is shown for, so that no text has a typo.
#[test]
fn examples_name_only_commands_and_flags_that_exist() {
    let mut texts = vec![quintile(&["--help"]).ok().stdout];
    for command in COMMANDS {
        let help = quintile(&[command, "--help"]).ok();
        assert_eq!(help.stderr, "", "{command}");
        assert!(
            help.stdout.contains(&format!("Example:\n  quintile {command}")),
            "{command} has no example"
        );
        let before_example = help.stdout.split("Example:").next().unwrap();
        let (defined, named) = (defined_flags(&help.stdout), flags(before_example));
        assert!(
            named.is_subset(&defined),
            "{command}: {:?}",
            named.difference(&defined).collect::<Vec<_>>()
        );
        texts.push(help.stdout);
    }
    let example = Regex::new(r"quintile ([a-z]+)([^\n|&>]*)").unwrap();
    let mut n_examples = 0;
    for text in &texts {
        let examples = text.split_once("Example").map_or("", |(_, examples)| examples);
        for found in example.captures_iter(examples) {
            let (command, rest) = (&found[1], &found[2]);
            assert!(COMMANDS.contains(&command), "an example has quintile {command}");
            let defined = defined_flags(&quintile(&[command, "--help"]).stdout);
            let named = flags(rest);
            assert!(
                named.is_subset(&defined),
                "{command}: {:?}",
                named.difference(&defined).collect::<Vec<_>>()
            );
            n_examples += 1;
        }
    }
    assert!(n_examples >= COMMANDS.len() + 4, "only {n_examples}");
}

#[test]
fn every_flag_has_a_help_text() {
    let line = Regex::new(r"(?m)^ +(?:-[a-zA-Z], )?(--[a-z-]+)([^\n]*?)(  \S.*)?\n(.*)$").unwrap();
    for command in COMMANDS {
        let help = quintile(&[command, "--help"]).ok().stdout;
        // On the line of the flag after two blanks, or on the next one.
        let mut n_flags = 0;
        for found in line.captures_iter(&help) {
            let text = found.get(3).map_or("", |text| text.as_str()).len() + found[4].trim().len();
            assert!(text > 0, "{command} {} has no text", &found[1]);
            n_flags += 1;
        }
        assert!(n_flags >= 1, "{command}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = quintile(&["--version"]).ok();
    assert_eq!(version.stdout, format!("quintile {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(version.stderr, "");
}

#[test]
fn wrong_usage_ends_with_code_2_and_says_what_is_possible() {
    for (args, says) in [
        (vec![], "Usage: quintile"),
        (vec!["rum"], "'run'"),
        (vec!["run", "--inptu", "x"], "'--input'"),
        (vec!["run", "--seed", "many"], "many"),
        (vec!["run", "--log-format", "xml"], "json"),
        (vec!["completions", "klingon"], "bash"),
    ] {
        let ran = quintile(&args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn wrong_settings_are_all_reported_each_with_a_hint() {
    let ran = quintile(&[
        "run",
        "--set",
        "clv.horizon_days=0",
        "--set",
        "pairs.max_q_value=3",
        "--set",
        "clean.rules.bad_date=keep",
        "--timezone",
        "Mars/Base",
        "--as-of",
        "31.12.2025",
        "--delimiter",
        "::",
        "--encoding",
        "ebcdic",
        "--decimal",
        "dot",
        "--date-format",
        "german",
        "--map",
        "customer=Kunde",
    ]);
    let ran = ran.fails(
        2,
        &[
            "10 wrong settings",
            "Mars/Base",
            "31.12.2025",
            "ebcdic",
            "german",
            "horizon_days",
        ],
    );
    assert_eq!(ran.stderr.matches("hint: ").count(), 10, "{}", ran.stderr);
    for (args, says) in [
        (["--set", "clean.retruns=ignore"], "retruns"),
        (["--set", "returns=ignore"], "section.key"),
        (["--set", "clean.returns"], "="),
        (["--set", "clean.returns=maybe"], "net"),
        (["--set", "clv.horizon_days=soon"], "horizon_days"),
        (["--map", "customer_id"], "canonical=header"),
        (["--config", "/nowhere/quintile.toml"], "/nowhere/quintile.toml"),
    ] {
        let ran = quintile(&["run", args[0], args[1]]).fails(2, &[says]);
        assert_eq!(ran.stdout, "");
    }
    let bench = Bench::new();
    let broken = bench.write("broken.toml", "[clean\nreturns = 1");
    quintile(&["config", "--config", &broken]).fails(2, &["broken.toml", "line 1"]);
}

#[test]
fn results_go_to_standard_output_and_the_log_to_standard_error() {
    let bench = Bench::new();
    let input = bench.write("sales.csv", SMALL);
    let out = bench.text("out");
    let args = ["run", "--input", &input, "--out", &out];
    let ran = quintile(&args).ok();
    for line in [
        "customers   3 as of 2024-03-20",
        "top 20 %",
        "at risk",
        "best pair",
        "value",
        "results     ",
        "report      ",
    ] {
        assert!(ran.stdout.contains(line), "{line:?} is not in\n{}", ran.stdout);
        assert!(!ran.stderr.contains(line));
    }
    assert!(ran.stdout.contains("lines       6 read = 5 kept + 1 rejected"));
    assert!(
        ran.stderr.contains("customer_id") && ran.stderr.contains("sales.csv"),
        "{}",
        ran.stderr
    );

    let quiet = quintile(&[&args[..], &["--quiet"]].concat()).ok();
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.stdout, ran.stdout);

    let logged = quintile(&[&args[..], &["--log-format", "json"]].concat()).ok();
    assert_eq!(logged.stdout, ran.stdout);
    assert!(logged.stderr.lines().count() >= 4);
    for line in logged.stderr.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(entry["level"], "INFO");
        assert!(
            entry["fields"]["message"].is_string() && entry["timestamp"].is_string(),
            "{line}"
        );
    }
    for text in [&ran.stdout, &ran.stderr, &logged.stderr, &quintile(&["--help"]).stdout] {
        assert!(!text.contains('\u{1b}'), "a colour code in a pipe");
    }
    assert!(!ran.stderr.contains('\r'), "a progress bar in a pipe");

    let failed = quintile(&["run", "--quiet", "--input", "/nowhere.csv"]).fails(3, &["/nowhere.csv"]);
    assert_eq!(failed.stdout, "");
}

#[test]
fn a_closed_pipe_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_quintile"))
        .args(["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn check_reports_and_writes_nothing() {
    let bench = Bench::new();
    bench.write("sales.csv", SMALL);
    let ran = quintile_in(&bench.path(""), &["check", "--quiet", "--input", "sales.csv"]).ok();
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("missing_customer"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("row 7: ,6,2024-03-21,tea,1,10.00"),
        "{}",
        ran.stdout
    );
    let left: Vec<_> = fs::read_dir(bench.path(""))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["sales.csv"]);
    // The gate of a run is the gate of check, and what was found is still printed.
    let gated = quintile_in(
        &bench.path(""),
        &["check", "--input", "sales.csv", "--set", "clean.max_reject_share=0.1"],
    );
    let gated = gated.fails(4, &["1 of 6 lines"]);
    assert!(gated.stdout.contains("missing_customer"), "{}", gated.stdout);
}

#[test]
fn the_printed_config_is_a_config_with_the_same_hash() {
    let bench = Bench::new();
    let input = bench.write("sales.csv", SMALL);
    let changes = [
        "--set",
        "clv.horizon_days=90",
        "--set",
        "clean.rules.zero_price=keep",
        "--seed",
        "7",
    ];
    let map = ["--map", "product_id=product_id", "--timezone", "Asia/Shanghai"];
    let printed = quintile(&[&["config"], &changes[..], &map[..]].concat()).ok();
    assert_eq!(printed.stderr, "");
    let file = bench.write("effective.toml", &printed.stdout);
    assert_eq!(quintile(&["config", "--config", &file]).ok().stdout, printed.stdout);

    let by_flags = bench.snapshot(&input, "flags", &[&changes[..], &map[..]].concat());
    let by_file = bench.snapshot(&input, "file", &["--config", &file]);
    assert_eq!(by_flags.value("config_hash"), by_file.value("config_hash"));
    assert_eq!(by_flags.value("seed"), 7);
    assert_eq!(by_flags.value("config.clv.horizon_days"), 90);
    assert_eq!(by_flags.value("config.clean.rules.zero_price"), "keep");
    assert_eq!(by_flags.value("timezone"), "Asia/Shanghai");
    let other = bench.snapshot(&input, "other", &["--config", &file, "--set", "clv.horizon_days=91"]);
    assert_ne!(other.value("config_hash"), by_file.value("config_hash"));
    assert_eq!(other.table("customers").numbers("horizon_days"), [91.0; 3]);
}

#[test]
fn a_config_file_holds_only_what_differs_and_flags_override_it() {
    let bench = Bench::new();
    let file = bench.write("quintile.toml", "[clv]\nhorizon_days = 30\n[run]\nseed = 5\n");
    let printed = quintile(&["config", "--config", &file, "--seed", "6"]).ok().stdout;
    let config: toml::Table = printed.parse().unwrap();
    assert_eq!(config["clv"]["horizon_days"].as_integer(), Some(30));
    assert_eq!(config["run"]["seed"].as_integer(), Some(6));
    assert_eq!(config["clv"]["period_days"].as_integer(), Some(30));
    let unknown = bench.write("unknown.toml", "[clvv]\nhorizon_days = 30\n");
    quintile(&["config", "--config", &unknown]).fails(2, &["clvv"]);
}

#[test]
fn init_writes_the_commented_defaults_and_never_overwrites() {
    let bench = Bench::new();
    let folder = bench.path("");
    let ran = quintile_in(&folder, &["init"]).ok();
    assert!(ran.stdout.contains("quintile.toml"));
    let written = fs::read_to_string(bench.path("quintile.toml")).unwrap();
    assert!(written.contains("# "));
    let defaults = quintile(&["config"]).ok().stdout;
    assert_eq!(
        quintile_in(&folder, &["config", "--config", "quintile.toml"])
            .ok()
            .stdout,
        defaults
    );

    fs::write(bench.path("quintile.toml"), "# mine").unwrap();
    let again = quintile_in(&folder, &["init"]);
    assert_ne!(again.code, 0);
    assert!(
        again.stderr.contains("quintile.toml") && again.stderr.contains("hint: "),
        "{}",
        again.stderr
    );
    assert_eq!(fs::read_to_string(bench.path("quintile.toml")).unwrap(), "# mine");
    quintile_in(&folder, &["init", "other.toml"]).ok();
    assert_eq!(fs::read_to_string(bench.path("other.toml")).unwrap(), written);
}

#[test]
fn schema_prints_every_published_column() {
    let printed = quintile(&["schema"]).ok().stdout;
    for table in [
        "customers",
        "segments",
        "clusters",
        "contributors",
        "pairs",
        "offers",
        "rejects",
    ] {
        let (_, section) = printed.split_once(&format!("### `{table}.parquet`")).expect(table);
        let section = section.split("###").next().unwrap();
        for (column, _) in sample().table(table).layout() {
            assert!(section.contains(&format!("| `{column}` |")), "{table}.{column}");
        }
    }
    let rules = quintile(&["schema", "--rules"]).ok().stdout;
    for rule in sample().value("rows.flagged_by_rule").as_object().unwrap().keys() {
        assert!(rules.contains(&format!("| `{rule}` |")), "{rule}");
    }
}

#[test]
fn completions_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = quintile(&["completions", shell]).ok().stdout;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn generate_writes_what_run_reads_and_its_truth_is_true() {
    let bench = Bench::new();
    let out = bench.text("history");
    let args = [
        "generate",
        "--quiet",
        "--customers",
        "120",
        "--seed",
        "3",
        "--days",
        "200",
        "--out",
        &out,
    ];
    let ran = quintile(&args).ok();
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("history"), "{}", ran.stdout);
    let truth = json(&bench.path("history/truth.json"));
    let snapshot = bench.snapshot(&out, "out", &[]);
    assert_eq!(snapshot.value("rows.read"), &truth["lines"]);
    assert_eq!(snapshot.value("customers"), &truth["customers"]);
    assert_eq!(snapshot.value("orders"), &truth["orders"]);

    // Another seed, other lines; the same seed, the same bytes.
    let first = fs::read(bench.path("history/transactions.parquet")).unwrap();
    for (seed, same) in [("3", true), ("4", false)] {
        let out = bench.text(seed);
        quintile(&[
            "generate",
            "--quiet",
            "--customers",
            "120",
            "--seed",
            seed,
            "--days",
            "200",
            "--out",
            &out,
        ])
        .ok();
        let again = fs::read(bench.path(&format!("{seed}/transactions.parquet"))).unwrap();
        assert_eq!(again == first, same);
    }
    quintile(&["generate", "--customers", "0"]).fails(2, &["customers"]);
}
