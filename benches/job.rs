//! The whole job as users run it: `quintile run` with its defaults, from a generated file to the published snapshot.
//!
//! Every run is a process of its own with an output folder of its own, which is removed outside the measured time. A run
//! before those that count brings the file into the system's cache. Where that took less than ten seconds, criterion
//! times the others; beyond, three are made and criterion is left alone. Below that stand the figures of the run with
//! the median time: lines a second, processor seconds, peak memory and bytes put to disk of that process, and seconds of
//! its stages from the manifest (the peak is that until the manifest is written, as the last file). The checksum is that
//! of the hashes of all published tables; a run that publishes other bytes than the first ends the bench.
//!
//! Sizes: 1,000,000 lines, or `QUINTILE_BENCH_LINES=1000000,10000000,100000000`. `QUINTILE_BENCH_MEMORY=2GiB` is passed
//! on as `--memory`; the checksum must not change by it. `QUINTILE_BENCH_DATA` names the folder of the generated files,
//! some 1 GB of Parquet for 100 million lines, and of the output. What does not fit in memory goes to the system's folder
//! for temporary files.

mod answer;
mod history;
mod sizes;
#[path = "usage/mod.rs"]
mod usage;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use serde::Deserialize;
use usage::processor_seconds;

const TEST_LINES: usize = 10_000;
/// With runs that take longer, criterion would need its ten samples too long to be of use.
const LONG: Duration = Duration::from_secs(10);
const LONG_RUNS: usize = 3;

fn main() {
    sizes::run("QUINTILE_BENCH_LINES", TEST_LINES, bench);
}

fn bench(criterion: &mut Criterion, lines: usize) {
    let history = history::file(lines);
    let memory = std::env::var("QUINTILE_BENCH_MEMORY").ok();
    let run = || Run::of(&history, memory.as_deref());
    let first = run();
    let mut runs = Vec::new();
    let mut again = || {
        let run = run();
        assert_eq!(
            run.checksum, first.checksum,
            "a run published other tables than the first"
        );
        let elapsed = run.elapsed;
        runs.push(run);
        elapsed
    };
    if first.elapsed < LONG {
        let mut group = sizes::group(criterion, "job", first.manifest.rows.read);
        let name = memory.as_ref().map_or("run".to_string(), |cap| format!("run_{cap}"));
        group.bench_function(BenchmarkId::new(name, lines), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| again()).sum())
        });
        group.finish();
    } else {
        for _ in 0..LONG_RUNS {
            again();
        }
    }
    runs.sort_by_key(|run| run.elapsed);
    if let Some(median) = runs.get(runs.len() / 2) {
        median.print(lines, runs.len());
    }
}

struct Run {
    elapsed: Duration,
    processor_seconds: Option<f64>,
    manifest: Manifest,
    checksum: u32,
}

/// What the bench needs of `manifest.json`.
#[derive(Deserialize)]
struct Manifest {
    rows: Rows,
    customers: u64,
    timings_seconds: serde_json::Map<String, serde_json::Value>,
    peak_memory_bytes: Option<u64>,
    spilled_bytes: u64,
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Rows {
    read: usize,
    kept: usize,
}

#[derive(Deserialize)]
struct Output {
    path: String,
    /// Of tables alone.
    rows: Option<u64>,
    hash: String,
}

impl Run {
    fn of(history: &Path, memory: Option<&str>) -> Self {
        let folder = history.parent().expect("a history lies in a folder");
        let out = tempfile::tempdir_in(folder).expect("the folder of the history can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_quintile"));
        command.arg("run").arg("--input").arg(history);
        command.arg("--out").arg(out.path());
        command.args(memory.into_iter().flat_map(|cap| ["--memory", cap]));

        let (start, before) = (Instant::now(), processor_seconds());
        let ended = command.output().expect("the program was built");
        let elapsed = start.elapsed();
        let processor_seconds = processor_seconds().zip(before).map(|(after, before)| after - before);
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

        let manifest = Manifest::read(out.path());
        let tables = manifest.tables().map(|table| format!("{},{}", table.path, table.hash));
        Self {
            elapsed,
            processor_seconds,
            checksum: answer::of_rows(tables),
            manifest,
        }
    }

    fn print(&self, lines: usize, n_runs: usize) {
        let Manifest { rows, customers, .. } = &self.manifest;
        println!(
            "answer/{lines}: {} lines read, {} kept, {customers} customers, {} tables, crc {:08x}",
            rows.read,
            rows.kept,
            self.manifest.tables().count(),
            self.checksum
        );
        let seconds = self.elapsed.as_secs_f64();
        let figure = |value: Option<f64>| value.map_or("?".to_string(), |value| format!("{value:.2}"));
        println!(
            "usage/{lines}: {seconds:.2} s, the median of {n_runs}; {:.2} million lines/s, {} processor seconds, peak {} MB, \
             {:.0} MB on disk",
            rows.read as f64 / seconds / 1e6,
            figure(self.processor_seconds),
            figure(self.manifest.peak_memory_bytes.map(|bytes| bytes as f64 / 1e6)),
            self.manifest.spilled_bytes as f64 / 1e6
        );
        let stages = self.manifest.timings_seconds.iter();
        let stages = stages.map(|(stage, seconds)| format!("{stage} {}", figure(seconds.as_f64())));
        println!("stages/{lines}: {}", stages.collect::<Vec<_>>().join(", "));
    }
}

impl Manifest {
    fn read(out: &Path) -> Self {
        let snapshots = fs::read_dir(out).expect("the run has made its folder").flatten();
        let mut manifests = snapshots.map(|snapshot| snapshot.path().join("manifest.json"));
        let path = manifests
            .find(|path| path.exists())
            .expect("the run has published a snapshot");
        let text = fs::read(path).expect("the manifest can be read");
        serde_json::from_slice(&text).expect("the manifest has the keys of its contract")
    }

    fn tables(&self) -> impl Iterator<Item = &Output> {
        self.outputs.iter().filter(|output| output.rows.is_some())
    }
}
