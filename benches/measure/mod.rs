//! One measurement in process: the time of some work by criterion, and its peak memory beside it.
//!
//! The peak is that of the process during the first repetition: the system is told to forget its peak before. What the
//! bench keeps for the work, the answers of earlier steps, and memory that the allocator has not given back since are
//! in it; `before` is how much that was when the work began. Later repetitions would find what the first left behind.
//! Nothing is printed where the system cannot forget its peak as Linux does.

#[path = "../memory/mod.rs"]
mod memory;

use std::fmt::Display;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId};

// As the program has it: memory and time depend on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Times `work` without the time to free what it made, and holds one result at a time.
pub fn measure<I, T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    size: impl Display,
    mut prepare: impl FnMut() -> I,
    mut work: impl FnMut(I) -> T,
) {
    let mut first = None;
    group.bench_function(BenchmarkId::new(name, &size), |bencher| {
        bencher.iter_custom(|times| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..times {
                let input = prepare();
                let before = forget_peak();
                let start = Instant::now();
                let result = black_box(work(input));
                elapsed += start.elapsed();
                first = first.or_else(|| memory::bytes("VmHWM").zip(before));
                drop(result);
            }
            elapsed
        });
    });
    if let Some((peak, before)) = first {
        let [peak, before] = [peak, before].map(|bytes| bytes as f64 / 1e6);
        println!("memory/{size}: {name} peak {peak:.0} MB, before {before:.0} MB");
    }
}

/// Makes the system begin its peak anew; what the process holds now.
fn forget_peak() -> Option<u64> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    memory::bytes("VmRSS")
}
