//! What the tests share: running the program, reading what it published, writing inputs for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use polars::prelude::{DataFrame, DataType, ParquetReader, SerReader};
use serde_json::Value;
use tempfile::TempDir;

/// How a call of the program ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program in the root of the repository.
pub fn quintile(args: &[&str]) -> Ran {
    quintile_in(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

pub fn quintile_in(folder: &Path, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_quintile"))
        .args(args)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .output()
        .expect("the binary under test starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs the program with this on its standard input.
pub fn quintile_reading(bytes: &[u8], args: &[&str]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quintile"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary under test starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that fails early closes the pipe.
    let _ = stdin.write_all(bytes);
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Ran {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Ended with this code and an error that says all of `says`, with a hint, without a panic.
    #[track_caller]
    pub fn fails(self, code: i32, says: &[&str]) -> Self {
        let Self { stderr, .. } = &self;
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert_eq!(self.code, code, "{}\n{stderr}", self.stdout);
        assert!(stderr.contains("error: "), "{stderr}");
        assert!(stderr.contains("hint: "), "{stderr}");
        for text in says {
            assert!(stderr.contains(text), "{text:?} is not in\n{stderr}");
        }
        self
    }
}

/// A folder for the input and output of one test, gone at its end.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a UTF-8 path").to_owned()
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        fs::write(&path, bytes).expect("a file is written");
        self.text(name)
    }

    /// `quintile run` on `input` into the folder `out` of this bench.
    pub fn run(&self, input: &str, out: &str, more: &[&str]) -> Ran {
        let out = self.text(out);
        let mut args = vec!["run", "--quiet", "--out", &out, "--input", input];
        args.extend(more);
        quintile(&args)
    }

    /// The same, and what it published.
    #[track_caller]
    pub fn snapshot(&self, input: &str, out: &str, more: &[&str]) -> Snapshot {
        self.run(input, out, more).ok();
        Snapshot::only_one_in(&self.path(out))
    }

    /// The run fails as [`Ran::fails`] says and leaves no snapshot.
    #[track_caller]
    pub fn run_fails(&self, input: &str, more: &[&str], code: i32, says: &[&str]) -> Ran {
        let ran = self.run(input, "out", more).fails(code, says);
        let rest = snapshots_in(&self.path("out"));
        assert!(rest.is_empty(), "published after a failure: {rest:?}");
        assert!(!self.path("out/.staging").exists(), "left its staging folder");
        assert_eq!(ran.stdout, "", "a failed run has no result");
        ran
    }
}

fn snapshots_in(out: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(out) else {
        return Vec::new();
    };
    let is_snapshot = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with("as_of="))
    };
    entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter(is_snapshot)
        .collect()
}

/// A published folder.
pub struct Snapshot {
    pub place: PathBuf,
    pub manifest: Value,
}

impl Snapshot {
    #[track_caller]
    pub fn only_one_in(out: &Path) -> Self {
        let found = snapshots_in(out);
        let [place] = &found[..] else {
            panic!("{} holds {found:?}", out.display());
        };
        let text = fs::read_to_string(place.join("manifest.json")).expect("a manifest");
        Self {
            place: place.clone(),
            manifest: serde_json::from_str(&text).expect("JSON"),
        }
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.place.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn table(&self, name: &str) -> Frame {
        Frame::read(&self.place.join(format!("{name}.parquet")))
    }

    /// A number of the manifest, as in `rows.read`.
    #[track_caller]
    pub fn number(&self, keys: &str) -> f64 {
        let value = self.value(keys);
        value.as_f64().unwrap_or_else(|| panic!("{keys} is {value}"))
    }

    #[track_caller]
    pub fn count(&self, keys: &str) -> u64 {
        let value = self.value(keys);
        value.as_u64().unwrap_or_else(|| panic!("{keys} is {value}"))
    }

    #[track_caller]
    pub fn value(&self, keys: &str) -> &Value {
        keys.split('.').fold(&self.manifest, |value, key| {
            value.get(key).unwrap_or_else(|| panic!("the manifest has no {keys}"))
        })
    }

    /// Codes of the warnings.
    pub fn warnings(&self) -> Vec<&str> {
        let warnings = self.value("warnings").as_array().expect("a list");
        warnings.iter().map(|w| w["code"].as_str().expect("a code")).collect()
    }

    /// Rejected lines by rule.
    pub fn rejected_by_rule(&self) -> BTreeMap<String, u64> {
        let rules = self.value("rows.rejected_by_rule").as_object().expect("an object");
        rules
            .iter()
            .map(|(rule, count)| (rule.clone(), count["rows"].as_u64().expect("a count")))
            .collect()
    }

    /// Everything that must be equal for equal input: all tables but the rejects, which name files and rows.
    pub fn result_bytes(&self) -> BTreeMap<&'static str, Vec<u8>> {
        ["customers", "pairs", "offers", "segments", "clusters", "contributors"]
            .map(|table| (table, self.bytes(&format!("{table}.parquet"))))
            .into()
    }
}

/// The first table that differs, if any.
#[track_caller]
pub fn assert_same_results(a: &Snapshot, b: &Snapshot, what: &str) {
    for (table, bytes) in a.result_bytes() {
        assert!(bytes == b.result_bytes()[table], "{table}.parquet differs: {what}");
    }
}

/// The bundled sample, run once for all tests.
pub fn sample() -> &'static Snapshot {
    static SAMPLE: OnceLock<Snapshot> = OnceLock::new();
    SAMPLE.get_or_init(|| bundled("transactions.parquet", "sample"))
}

/// The messy copy of the sample, run once for all tests.
pub fn messy_sample() -> &'static Snapshot {
    static SAMPLE: OnceLock<Snapshot> = OnceLock::new();
    SAMPLE.get_or_init(|| bundled("transactions_messy.csv.gz", "messy_sample"))
}

fn bundled(name: &str, out: &str) -> Snapshot {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(out);
    let _ = fs::remove_dir_all(&out);
    let input = data(name);
    let [input, out_text] = [&input, &out].map(|path| path.to_str().expect("a UTF-8 path"));
    quintile(&["run", "--quiet", "--input", input, "--out", out_text]).ok();
    Snapshot::only_one_in(&out)
}

/// A file of the repository's `data/`.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

pub fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A Parquet file as a data frame.
pub struct Frame(pub DataFrame);

impl Frame {
    pub fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let frame = ParquetReader::new(file).finish();
        Self(frame.unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    pub fn n_rows(&self) -> usize {
        self.0.height()
    }

    /// Names and types of the columns, in order.
    pub fn layout(&self) -> Vec<(String, String)> {
        let columns = self.0.columns().iter();
        columns
            .map(|column| (column.name().to_string(), column.dtype().to_string()))
            .collect()
    }

    #[track_caller]
    pub fn optional_numbers(&self, column: &str) -> Vec<Option<f64>> {
        let series = self.0.column(column).expect("a column");
        let series = series.cast(&DataType::Float64).expect("numbers");
        series.f64().expect("numbers").iter().collect()
    }

    #[track_caller]
    pub fn numbers(&self, column: &str) -> Vec<f64> {
        let values = self.optional_numbers(column).into_iter();
        values
            .map(|value| value.unwrap_or_else(|| panic!("{column} has a null")))
            .collect()
    }

    #[track_caller]
    pub fn optional_texts(&self, column: &str) -> Vec<Option<String>> {
        let series = self.0.column(column).expect("a column");
        let texts = series.str().expect("texts").iter();
        texts.map(|text| text.map(str::to_owned)).collect()
    }

    #[track_caller]
    pub fn texts(&self, column: &str) -> Vec<String> {
        let values = self.optional_texts(column).into_iter();
        values
            .map(|value| value.unwrap_or_else(|| panic!("{column} has a null")))
            .collect()
    }

    #[track_caller]
    pub fn booleans(&self, column: &str) -> Vec<bool> {
        let series = self.0.column(column).expect("a column");
        series.bool().expect("booleans").iter().map(Option::unwrap).collect()
    }
}

/// `|a - b| <= tolerance * max(1, |b|)`.
#[track_caller]
pub fn assert_close(a: f64, b: f64, tolerance: f64, what: &str) {
    let scale = b.abs().max(1.0);
    assert!((a - b).abs() <= tolerance * scale, "{what}: {a} is not {b}");
}

/// Where the real data lies, if this machine has it.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("QUINTILE_REAL_DATA");
    if folder.is_none() {
        println!("skipped: QUINTILE_REAL_DATA is not set");
    }
    folder.map(PathBuf::from)
}

pub fn both() -> [&'static Snapshot; 2] {
    [sample(), messy_sample()]
}
