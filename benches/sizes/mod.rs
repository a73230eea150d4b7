//! The sizes of a bench, and criterion as all benches use it.

use std::process::{Command, exit};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};

const DEFAULT: usize = 1_000_000;

/// Runs `bench` for each size that the environment variable lists, one million where it is not set. `cargo test
/// --benches` only asks whether everything still runs, and that with `tiny`. Several sizes are several processes, so that
/// memory that one leaves behind is not counted for the next.
pub fn run(variable: &str, tiny: usize, bench: impl Fn(&mut Criterion, usize)) {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let sizes: Vec<usize> = match std::env::var(variable) {
        _ if !measuring => vec![tiny],
        Ok(list) => list
            .split(',')
            .map(|size| size.trim().parse().ok())
            .collect::<Option<_>>()
            .unwrap_or_else(|| panic!("{variable} is a list such as 1000000,10000000, not {list:?}")),
        Err(_) => vec![DEFAULT],
    };
    if let [n] = sizes[..] {
        let mut criterion = Criterion::default().configure_from_args();
        bench(&mut criterion, n);
        return criterion.final_summary();
    }
    let program = std::env::current_exe().expect("a process knows its program");
    for n in sizes {
        let mut alone = Command::new(&program);
        alone.args(std::env::args_os().skip(1)).env(variable, n.to_string());
        let ended = alone.status().expect("the program can be started again");
        if !ended.success() {
            exit(ended.code().unwrap_or(1));
        }
    }
}

/// Few samples of the same length, for work that takes from milliseconds to minutes; throughput is in rows.
pub fn group<'a>(criterion: &'a mut Criterion, name: &str, n_rows: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .throughput(Throughput::Elements(n_rows as u64));
    group
}
