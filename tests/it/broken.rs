//! Broken, odd and hostile files by name, each with what must come of it: an error that names the file and says what
//! to do, or a run that works with the bad lines rejected under the right rule. All files are made here.

mod columnar;
mod encodings;
mod json;
mod packed;
mod places;
mod shape;
mod values;
mod workbooks;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Ran;

const HEADER: &str = "customer_id,order_id,ordered_at,product_id,quantity,amount\n";
/// Lines of [`good`].
const GOOD: u64 = 30;
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A file and what must come of it.
struct Case {
    /// Also the name of the file.
    name: &'static str,
    put: Put,
    args: &'static [&'static str],
    expect: Expect,
}

enum Put {
    /// This content under the name of the case.
    Bytes(Box<dyn Fn() -> Vec<u8>>),
    /// This content on standard input.
    Piped(Box<dyn Fn() -> Vec<u8>>),
    /// Whatever this makes in an empty folder.
    Made(fn(&Path)),
}

enum Expect {
    /// Ends with this code; the message names the file and says all of `says`.
    Fails { code: i32, says: &'static [&'static str] },
    /// Lines rejected by rule, and lines kept.
    Works {
        rejected: &'static [(&'static str, u64)],
        kept: u64,
    },
}

/// The input cannot be read.
const fn unreadable(says: &'static [&'static str]) -> Expect {
    Expect::Fails { code: 3, says }
}

const fn works(rejected: &'static [(&'static str, u64)], kept: u64) -> Expect {
    Expect::Works { rejected, kept }
}

fn file(name: &'static str, content: impl Fn() -> Vec<u8> + 'static, expect: Expect) -> Case {
    Case {
        name,
        put: Put::Bytes(Box::new(content)),
        args: &[],
        expect,
    }
}

fn text(name: &'static str, content: impl Fn() -> String + 'static, expect: Expect) -> Case {
    file(name, move || content().into_bytes(), expect)
}

/// Good lines and these behind them.
fn lines(name: &'static str, more: &'static str, expect: Expect) -> Case {
    text(name, move || table() + more, expect)
}

/// A file of nothing but this.
fn just(name: &'static str, content: &'static str, expect: Expect) -> Case {
    text(name, || content.to_owned(), expect)
}

/// Something in a folder that is no ordinary file.
fn made(name: &'static str, make: fn(&Path), expect: Expect) -> Case {
    Case {
        name,
        put: Put::Made(make),
        args: &[],
        expect,
    }
}

impl Case {
    fn with(mut self, args: &'static [&'static str]) -> Self {
        self.args = args;
        self
    }
}

/// Good lines of six customers, without a header.
fn good() -> String {
    let line = |i: u64| {
        let (month, day) = (1 + i % 9, 1 + i % 28);
        format!("k{},{i},2024-0{month}-{day:02},p{},1,{}.50\n", i % 6, i % 4, 10 + i)
    };
    (0..GOOD).map(line).collect()
}

fn table() -> String {
    format!("{HEADER}{}", good())
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// All that is the matter with a case, as text for people; empty if nothing is.
fn failures(case: &Case) -> String {
    let bench = tempfile::tempdir().expect("a temporary folder");
    let folder = bench.path().join("files");
    fs::create_dir(&folder).expect("a folder is made");
    let mut input = Stdio::null();
    let mut shown = case.name;
    match &case.put {
        Put::Bytes(content) => fs::write(folder.join(case.name), content()).expect("a file is written"),
        Put::Made(make) => make(&folder),
        Put::Piped(content) => {
            let path = bench.path().join("input");
            fs::write(&path, content()).expect("a file is written");
            input = File::open(&path).expect("a file opens").into();
            shown = "-";
        }
    }
    let mut args = vec!["check", "--quiet", "--format", "json"];
    if !case.args.contains(&"--input") {
        args.extend(["--input", shown]);
    }
    args.extend(case.args);
    let Some(ran) = run(bench.path(), &folder, &args, input) else {
        return format!("{:?} has not ended after {TIME_LIMIT:?}\n", case.name);
    };
    let mut wrong = String::new();
    // An escape could do anything to a terminal.
    for panic in ["panicked", "bug in quintile", "overflowed its stack", "\x1b"] {
        if ran.stderr.contains(panic) {
            let _ = writeln!(wrong, "it says {panic:?}");
        }
    }
    match &case.expect {
        Expect::Fails { code, says } => {
            if ran.code != *code {
                let _ = writeln!(wrong, "the code is {}, not {code}", ran.code);
            }
            // Wrong settings and too little data are no matter of one file.
            if *code == 3 && !ran.stderr.contains(shown) {
                let _ = writeln!(wrong, "it does not name the file");
            }
            // So that a name does not stand for what is to be said.
            let message = ran.stderr.replace(shown, "");
            for said in ["error: ", "hint: "].iter().chain(*says) {
                if !message.contains(said) {
                    let _ = writeln!(wrong, "it does not say {said:?}");
                }
            }
            if !ran.stdout.is_empty() && *code != 4 {
                let _ = writeln!(wrong, "it failed with a report");
            }
        }
        Expect::Works { rejected, kept } => {
            if ran.code == 0 {
                wrong += &differences(&ran.stdout, rejected, *kept);
            } else {
                let _ = writeln!(wrong, "the code is {}, not 0", ran.code);
            }
        }
    }
    if wrong.is_empty() {
        return wrong;
    }
    let said: String = ran.stderr.chars().take(1_500).collect();
    format!("{:?}:\n{wrong}{said}\n", case.name)
}

/// How the report differs from what is expected.
fn differences(report: &str, rejected: &[(&str, u64)], kept: u64) -> String {
    let report: Value = serde_json::from_str(report).expect("the report is JSON");
    let rows = |key: &str| report["rows"][key].as_u64().expect("a count");
    let rules = report["rules"].as_array().expect("a list");
    let by_rule: BTreeSet<(&str, u64)> = rules
        .iter()
        .map(|rule| {
            let count = rule["rejected_rows"].as_u64().expect("a count");
            (rule["rule"].as_str().expect("a name"), count)
        })
        .filter(|(_, n)| *n > 0)
        .collect();
    let mut wrong = String::new();
    if rows("read") != rows("kept") + rows("rejected") {
        let _ = writeln!(wrong, "lines are lost: {}", report["rows"]);
    }
    if rows("kept") != kept {
        let _ = writeln!(wrong, "{} lines are kept, not {kept}", rows("kept"));
    }
    if by_rule != rejected.iter().copied().collect() {
        let _ = writeln!(wrong, "rejected are {by_rule:?}, not {rejected:?}: {}", report["rules"]);
    }
    wrong
}

/// Runs the program; `None` if it had to be ended.
fn run(bench: &Path, folder: &Path, args: &[&str], input: Stdio) -> Option<Ran> {
    let (stdout, stderr) = (bench.join("stdout"), bench.join("stderr"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_quintile"))
        .args(args)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        // What a program that had to be ended leaves behind is gone with the folder.
        .env("TMPDIR", bench)
        .stdin(input)
        .stdout(File::create(&stdout).expect("a file is made"))
        .stderr(File::create(&stderr).expect("a file is made"))
        .spawn()
        .expect("the binary under test starts");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill().expect("the child ends");
            child.wait().expect("a child");
            return None;
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let said = |path: &Path| fs::read_to_string(path).expect("the program prints UTF-8");
    Some(Ran {
        code: status.code().unwrap_or(-1),
        stdout: said(&stdout),
        stderr: said(&stderr),
    })
}

#[track_caller]
fn check(cases: &[Case]) {
    let wrong: Vec<String> = cases.iter().map(failures).filter(|wrong| !wrong.is_empty()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn there_are_many_and_no_two_have_the_same_name() {
    let themes = [
        packed::cases(),
        encodings::cases(),
        shape::cases(),
        shape::large(),
        values::cases(),
        json::cases(),
        columnar::cases(),
        workbooks::cases(),
        places::cases(),
        places::beside(),
    ];
    let names: Vec<&str> = themes.iter().flatten().map(|case| case.name).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    let twice: Vec<_> = names
        .iter()
        .filter(|name| names.iter().filter(|other| other == name).count() > 1)
        .collect();
    assert_eq!(names.len(), distinct.len(), "{twice:?}");
    assert!(names.len() >= 150, "{} cases", names.len());
    println!("{} cases", names.len());
}

#[test]
fn packed_files() {
    check(&packed::cases());
}

#[test]
fn texts_in_odd_encodings() {
    check(&encodings::cases());
}

#[test]
fn tables_of_an_odd_shape() {
    check(&shape::cases());
}

#[test]
fn tables_that_are_very_large() {
    check(&shape::large());
}

#[test]
fn values_that_are_odd() {
    check(&values::cases());
}

#[test]
fn broken_json() {
    check(&json::cases());
}

#[test]
fn broken_parquet_and_arrow() {
    check(&columnar::cases());
}

#[test]
fn broken_workbooks_and_archives() {
    check(&workbooks::cases());
}

#[test]
fn places_that_are_no_ordinary_files() {
    check(&places::cases());
}

#[test]
fn broken_tables_beside_the_transactions() {
    check(&places::beside());
}
