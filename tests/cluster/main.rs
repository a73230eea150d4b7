//! One list of cases, run here and on a real Spark cluster: the tables are equal to the byte.
//!
//! A standalone master, two worker processes and the Connect server are started on loopback from a wheel of pyspark:
//! QUINTILE_PYSPARK names the virtual environment that has it (`.ci/run` makes one). Without it, or without Java 17, the
//! tests say that they are skipped. In the same way QUINTILE_PYSAIL names one with pysail, whose server needs no Java.

mod histories;
mod sail;
mod spark;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use histories::History;
use sail::Sail;
use spark::Spark;

/// Settings under which an input is run, beside the defaults.
struct Case {
    name: &'static str,
    history: History,
    args: &'static [&'static str],
}

const NOTHING: History = History::PLAIN;

const CASES: [Case; 12] = [
    Case {
        name: "messy",
        history: NOTHING,
        args: &[],
    },
    Case {
        name: "dropped duplicates, a window for returns, upper case",
        history: NOTHING,
        args: &[
            "--set",
            "clean.rules.exact_duplicate=reject",
            "--set",
            "summary.return_window_days=20",
            "--set",
            "clean.product_case=upper",
        ],
    },
    Case {
        name: "everything kept that may be kept",
        history: NOTHING,
        args: &[
            "--set",
            "clean.rules.zero_price=keep",
            "--set",
            "clean.rules.negative_price=keep",
            "--set",
            "clean.rules.lost_digits=keep",
            "--set",
            "clean.rules.zero_quantity=keep",
            "--set",
            "pairs.non_products=true",
            "--set",
            "pairs.min_orders=2",
        ],
    },
    Case {
        name: "returns ignored, no anonymous baskets, an earlier last day",
        history: NOTHING,
        args: &[
            "--set",
            "clean.returns=ignore",
            "--set",
            "pairs.anonymous=false",
            "--as-of",
            "2024-06-30",
        ],
    },
    Case {
        name: "no products",
        history: History {
            products: false,
            ..NOTHING
        },
        args: &[],
    },
    Case {
        name: "no orders",
        history: History {
            orders: false,
            ..NOTHING
        },
        args: &[],
    },
    Case {
        name: "no orders and no products",
        history: History {
            orders: false,
            products: false,
            ..NOTHING
        },
        args: &["--set", "clean.rules.exact_duplicate=reject"],
    },
    Case {
        name: "amounts as decimals, customers as floats, days",
        history: History {
            amounts: true,
            float_customers: true,
            days: true,
            ..NOTHING
        },
        args: &[],
    },
    Case {
        name: "instants in a zone with summer time",
        history: History {
            instants: true,
            ..NOTHING
        },
        args: &["--timezone", "Europe/Berlin", "--date-format", "iso"],
    },
    Case {
        name: "costs, discounts, types and groups",
        history: History {
            extras: true,
            ..NOTHING
        },
        args: &["--set", "clv.group_by=channel"],
    },
    Case {
        name: "small baskets and few pairs",
        history: NOTHING,
        args: &[
            "--set",
            "pairs.max_basket_products=3",
            "--set",
            "pairs.max_tested_pairs=5",
            "--set",
            "pairs.min_orders=1",
        ],
    },
    Case {
        name: "three files in a folder",
        history: History { files: 3, ..NOTHING },
        args: &[],
    },
];

/// What a run left.
struct Snapshot(PathBuf);

impl Snapshot {
    fn tables(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.retain(|name| name.ends_with(".parquet") || name == "model.json");
        names.sort();
        names
    }

    /// The manifest without what depends on where and how long it ran.
    fn facts(&self) -> Value {
        let text = fs::read_to_string(self.0.join("manifest.json")).unwrap();
        let mut manifest: Value = serde_json::from_str(&text).unwrap();
        for key in ["timings_seconds", "peak_memory_bytes", "outputs"] {
            manifest.as_object_mut().unwrap().remove(key);
        }
        for key in ["out", "cluster", "input"] {
            manifest["config"]["run"].as_object_mut().unwrap().remove(key);
        }
        for input in manifest["inputs"].as_array_mut().unwrap() {
            input.as_object_mut().unwrap().remove("hash");
        }
        manifest
    }
}

fn run(input: &Path, out: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quintile"))
        .args(["run", "--quiet", "--input"])
        .arg(input)
        .arg("--out")
        .arg(out)
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn snapshot(out: &Path) -> Option<Snapshot> {
    let places = fs::read_dir(out).ok()?.flatten().map(|entry| entry.path());
    let mut places = places.filter(|path| path.join("manifest.json").is_file());
    places.next().map(Snapshot)
}

/// Runs here and there and compares.
fn same(name: &str, spark: &Spark, input: &Path, args: &[&str]) {
    let folder = TempDir::new().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let local = run(input, &here, args);
    let start = Instant::now();
    let remote = run(input, &there, &[args, &["--cluster", &spark.url]].concat());
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        local.status.code(),
        remote.status.code(),
        "{name}\nhere: {}\nthere: {}",
        said(&local),
        said(&remote)
    );
    let (here, there) = (snapshot(&here), snapshot(&there));
    let (Some(here), Some(there)) = (here, there) else {
        panic!("{name}: no snapshot\n{}\n{}", said(&local), said(&remote));
    };
    assert_eq!(here.tables(), there.tables(), "{name}");
    assert_eq!(here.facts(), there.facts(), "{name}");
    for table in here.tables() {
        let read = |snapshot: &Snapshot| fs::read(snapshot.0.join(&table)).unwrap();
        assert!(read(&here) == read(&there), "{name}: {table} differs");
    }
    println!(
        "{name}: {} equal, {:.0} s",
        here.tables().join(" "),
        start.elapsed().as_secs_f64()
    );
}

#[test]
fn a_cluster_publishes_the_same_bytes() {
    let Some(spark) = Spark::start() else { return };
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/transactions.parquet");
    same("the sample", &spark, &sample, &[]);
    for case in &CASES {
        let folder = TempDir::new().unwrap();
        let input = case.history.write(folder.path());
        same(case.name, &spark, &input, case.args);
    }
}

#[test]
fn what_a_cluster_cannot_do_is_refused() {
    let Some(spark) = Spark::start() else { return };
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let input = History::PLAIN.write(folder.path());
    let text = folder.path().join("sales.csv");
    fs::write(&text, "customer_id,order_id,date,amount\n1,1,2024-01-01,5\n").unwrap();
    let cluster = ["--cluster", spark.url.as_str()];
    let pattern = ["--set", r"clean.test_customer_pattern='\p{L}+'"];
    let missing = folder.path().join("nothing.parquet");
    for (input, args, code, says) in [
        (&text, &[][..], 2, "Parquet only"),
        (&input, &pattern, 2, "test_customer_pattern"),
        (&missing, &[], 8, "nothing.parquet"),
    ] {
        let ran = run(input, &out, &[&cluster, args].concat());
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(code), "{said}");
        assert!(said.contains(says) && said.contains("hint: "), "{said}");
        assert!(snapshot(&out).is_none());
    }
    let nobody = ["--cluster", "sc://127.0.0.1:9"];
    let ran = run(&input, &out, &nobody);
    assert_eq!(ran.status.code(), Some(8), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_server_that_does_not_know_the_row_of_a_line_is_refused() {
    let Some(sail) = Sail::start() else { return };
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let input = History::PLAIN.write(folder.path());
    let ran = run(&input, &out, &["--cluster", &sail.url]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(8), "{said}");
    for part in [&sail.url, "_metadata", "hint: Apache Spark 4"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(snapshot(&out).is_none());
}

#[test]
fn a_lost_executor_changes_nothing_or_ends_the_run() {
    let Some(mut spark) = Spark::start() else { return };
    let folder = TempDir::new().unwrap();
    let input = History {
        lines: 20_000,
        ..History::PLAIN
    }
    .write(folder.path());
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let local = run(&input, &here, &[]);
    assert!(local.status.success());
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_quintile"))
        .args(["run", "--cluster", &spark.url, "--input"])
        .arg(&input)
        .arg("--out")
        .arg(&there)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .spawn()
        .unwrap();
    // Both executors are at work before one is lost.
    spark.wait_for_executors(2);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(
        child.try_wait().unwrap(),
        None,
        "the run was over before an executor was lost"
    );
    spark.kill_worker();
    println!(
        "{:6.1} s: a worker and its executor are killed",
        start.elapsed().as_secs_f64()
    );
    let code = child.wait().unwrap().code();
    println!(
        "{:6.1} s: the run ends with code {code:?}",
        start.elapsed().as_secs_f64()
    );
    match code {
        Some(0) => {
            let (here, there) = (snapshot(&here).unwrap(), snapshot(&there).unwrap());
            assert_eq!(here.facts(), there.facts());
            for table in here.tables() {
                let read = |snapshot: &Snapshot| fs::read(snapshot.0.join(&table)).unwrap();
                assert!(read(&here) == read(&there), "{table} differs");
                println!("          {table} equal");
            }
        }
        Some(8) => assert!(snapshot(&there).is_none()),
        code => panic!("{code:?}"),
    }
    for line in spark.losses() {
        println!("          {line}");
    }
}
