//! Times k-means on given points and prints one line of JSON: seconds, processor seconds, inertia, and the centroids
//! (see `benches/peers/clusters.py`, which makes the points and fits them elsewhere too).
//!
//! ```text
//! cargo run --release --example clusters -- points.bin N_FEATURES K N_STARTS [SEED]
//! cargo run --release --example clusters -- points.bin N_FEATURES from centroids.bin MOVEMENT
//! ```
//!
//! The files hold one row after the other, f64, little-endian. The second form refines given centroids until all of
//! them together move by no more than that, which is the time of passes alone.

use std::process::ExitCode;
use std::time::Instant;

use ndarray::Array2;
use quintile::cluster;
use serde_json::json;

// As the program has it: memory and time depend on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [points, d, "from", centroids, movement] => refine(points, d, centroids, movement),
        [points, d, k, n_starts] => fit(points, d, k, n_starts, "1"),
        [points, d, k, n_starts, seed] => fit(points, d, k, n_starts, seed),
        _ => Err("usage: clusters FILE N_FEATURES K N_STARTS [SEED]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

fn fit(points: &str, d: &str, k: &str, n_starts: &str, seed: &str) -> Result<(), String> {
    let points = read(points, number(d)?)?;
    let (k, n_starts, seed) = (number(k)?, number(n_starts)?, number(seed)? as u64);
    say(&points, || cluster::fit(&points, k, n_starts, seed));
    Ok(())
}

fn refine(points: &str, d: &str, centroids: &str, movement: &str) -> Result<(), String> {
    let movement = movement.parse().map_err(|_| format!("{movement} is no number"))?;
    let (points, centroids) = (read(points, number(d)?)?, read(centroids, number(d)?)?);
    say(&points, || cluster::refine(&points, centroids, movement));
    Ok(())
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text} is no whole number"))
}

fn read(file: &str, d: usize) -> Result<Array2<f64>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    let values = bytes.chunks_exact(8);
    let values: Vec<f64> = values
        .map(|v| f64::from_le_bytes(v.try_into().unwrap_or_default()))
        .collect();
    Array2::from_shape_vec((values.len() / d.max(1), d), values)
        .map_err(|_| format!("{file} does not hold rows of {d} values"))
}

fn say(points: &Array2<f64>, work: impl FnOnce() -> Array2<f64>) {
    let (start, processor) = (Instant::now(), processor_seconds());
    let centroids = work();
    let (seconds, after) = (start.elapsed().as_secs_f64(), processor_seconds());
    let (_, inertia) = cluster::assign(points, &centroids);
    let rows: Vec<Vec<f64>> = centroids.rows().into_iter().map(|row| row.to_vec()).collect();
    let line = json!({
        "seconds": seconds,
        "processor_seconds": after.zip(processor).map(|(after, before)| after - before),
        "inertia": inertia,
        "centroids": rows,
    });
    println!("{line}");
}

/// Of all threads, in hundredths; `None` where the system does not say.
fn processor_seconds() -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name of the program, which may hold anything: state is the first field, user time the twelfth.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS_A_SECOND)
}
