//! Hostile files, made at random, for the readers and parsers of `quintile::load`: no panic, no hang, no memory
//! without bound, and what must hold of every plan and batch.
//!
//! ```text
//! cargo test --test fuzz                                  a fixed number of executions, some seconds
//! cargo test --test fuzz -- --seconds 600 --seed 7        as long as that
//! cargo test --test fuzz -- --input FILE                  one file again, as a failure has left it
//! ```
//!
//! `--executions N` sets their number, `--all` goes on after a panic and lists them at the end, and `--formats a,b`
//! keeps to seeds of these formats. Arguments of the common test harness are understood or passed over: `--list` lists,
//! and a filter that is no part of `fuzz` runs nothing.
//!
//! Seeds of every format ([`corpus`], [`xls`], [`tables`]) are changed and packed ([`mutate`]) and given to the library
//! end to end ([`target`]) and to its parsers one by one ([`parsers`]). A changed file that meets with something new (a
//! decision, a kind of error) is changed further later on. A failure prints the seed, the number of the execution and
//! where its input lies. It is a failure, too, if an execution takes 10 seconds, if more than 1.5 GiB are asked for, or
//! if code of quintile panics where the reader of a binary file catches panics of decoders.

mod corpus;
mod mutate;
mod parsers;
mod tables;
mod target;
mod xls;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use corpus::{Body, Seed};

pub type Random = rand_xoshiro::Xoshiro256PlusPlus;

/// What `cargo test` runs.
const EXECUTIONS: u64 = 300;
const MAX_SECONDS_EACH: u64 = 10;
const MAX_MEMORY: usize = 3 << 29;

/// The system's allocator, with a count of what is in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// A failure is being told: memory is not counted any more.
static IS_OVER: AtomicBool = AtomicBool::new(false);

fn grow(n: usize) {
    let now = IN_USE.fetch_add(n, Relaxed) + n;
    PEAK.fetch_max(now, Relaxed);
    if now > MAX_MEMORY && !IS_OVER.swap(true, Relaxed) {
        eprintln!("{}", std::backtrace::Backtrace::force_capture());
        give_up(&format!("{now} bytes of memory are asked for, {n} of them at once"));
    }
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is being executed, for whoever has to tell of its failure.
struct Now {
    seed: u64,
    n: u64,
    input: Vec<u8>,
    since: Option<Instant>,
}

static NOW: Mutex<Now> = Mutex::new(Now {
    seed: 0,
    n: 0,
    input: Vec::new(),
    since: None,
});
/// Where files are written; removed at the end.
static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);
/// Messages and places of panics since they were last taken.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static N_GUARDED: AtomicU64 = AtomicU64::new(0);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says what failed and keeps its input.
fn tell(why: &str) {
    let now = lock(&NOW);
    let path = std::env::temp_dir().join(format!("quintile-fuzz-{}-{}", now.seed, now.n));
    let kept = fs::write(&path, &now.input).map_or_else(|error| error.to_string(), |()| path.display().to_string());
    eprintln!(
        "fuzz: FAILED: {why}\n  seed {}, execution {}, input kept as {kept}",
        now.seed, now.n
    );
}

fn give_up(why: &str) -> ! {
    tell(why);
    clean_up();
    std::process::exit(1)
}

fn clean_up() {
    if let Some(folder) = lock(&FOLDER).take() {
        let _ = fs::remove_dir_all(folder);
    }
}

/// Ends everything when one execution does not end.
fn watch() {
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let since = lock(&NOW).since;
        if since.is_some_and(|since| since.elapsed().as_secs() >= MAX_SECONDS_EACH) && !IS_OVER.swap(true, Relaxed) {
            give_up(&format!("no end after {MAX_SECONDS_EACH} s"));
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
struct Wanted {
    seed: u64,
    seconds: Option<u64>,
    executions: u64,
    input: Option<PathBuf>,
    formats: Option<String>,
    goes_on: bool,
    runs: bool,
}

fn wanted(args: impl Iterator<Item = String>) -> Wanted {
    let mut wanted = Wanted {
        seed: 1,
        seconds: None,
        executions: EXECUTIONS,
        input: None,
        formats: None,
        goes_on: false,
        runs: true,
    };
    let mut filters = Vec::new();
    let mut skips = Vec::new();
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        let (name, mut value) = match arg.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (arg, None),
        };
        let mut value = || value.take().or_else(|| args.next()).unwrap_or_default();
        let number = |text: String| text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
        match name.as_str() {
            "--seconds" => wanted.seconds = Some(number(value())),
            "--seed" => wanted.seed = number(value()),
            "--executions" => wanted.executions = number(value()),
            "--input" => wanted.input = Some(value().into()),
            "--formats" => wanted.formats = Some(value()),
            "--all" => wanted.goes_on = true,
            "--list" | "--ignored" => wanted.runs = false,
            "--skip" => skips.push(value()),
            // Options of the common harness that take a value, so that it is not taken for a filter.
            "--test-threads" | "--format" | "--color" | "--logfile" | "--shuffle-seed" | "-Z" => drop(value()),
            _ if name.starts_with('-') => {}
            _ => filters.push(name),
        }
    }
    let is_meant = |part: &String| "fuzz".contains(part.as_str());
    wanted.runs &= (filters.is_empty() || filters.iter().any(is_meant)) && !skips.iter().any(is_meant);
    wanted
}

/// How often a format was met, and with what success.
#[derive(Default)]
struct Figures {
    executions: u64,
    planned: u64,
    streamed: u64,
    rows: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let wanted = wanted(args.iter().cloned());
    if args.iter().any(|arg| arg == "--list") && !args.iter().any(|arg| arg == "--ignored") {
        println!("fuzz: test");
    }
    if !wanted.runs {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("a panic");
        lock(&PANICS).push(format!("{message}, at {place}"));
    }));
    // In memory where there is such a folder: thousands of small files are written.
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_path_buf()
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::Builder::new().prefix("quintile-fuzz").tempdir_in(&parent);
    let folder = folder
        .or_else(|_| tempfile::tempdir())
        .expect("a folder to write to")
        .keep();
    // What the library unpacks is written there as well.
    let _ = tempfile::env::override_temp_dir(&folder);
    *lock(&FOLDER) = Some(folder.clone());
    std::thread::spawn(watch);
    let mut target = target::Target::new(&folder);
    let n_failed = match &wanted.input {
        Some(path) => {
            let bytes = fs::read(path).unwrap_or_else(|error| give_up(&format!("{}: {error}", path.display())));
            let seen = execute(&mut target, wanted.seed, 0, bytes);
            println!("{seen:?}");
            u64::from(seen.is_err())
        }
        None => fuzz(&mut target, &wanted),
    };
    clean_up();
    std::process::exit(i32::from(n_failed > 0));
}

/// One execution; what went wrong, if anything.
fn execute(target: &mut target::Target, seed: u64, n: u64, input: Vec<u8>) -> Result<target::Seen, String> {
    lock(&PANICS).clear();
    let bytes = input.clone();
    *lock(&NOW) = Now {
        seed,
        n,
        input,
        since: Some(Instant::now()),
    };
    let seen = catch_unwind(AssertUnwindSafe(|| target.run(&bytes)));
    lock(&NOW).since = None;
    let panics = std::mem::take(&mut *lock(&PANICS));
    match seen {
        Err(_) => Err(panics.join("; ")),
        Ok(seen) => match panics.iter().find(|panic| panic.contains("src/load/")) {
            Some(own) => Err(format!("caught as if a decoder had panicked: {own}")),
            None => {
                N_GUARDED.fetch_add(panics.len() as u64, Relaxed);
                Ok(seen)
            }
        },
    }
}

fn fuzz(target: &mut target::Target, wanted: &Wanted) -> u64 {
    const MAX_POOL: usize = 3_000;
    let start = Instant::now();
    let mut pool = corpus::seeds();
    if let Some(formats) = &wanted.formats {
        pool.retain(|seed| formats.split(',').any(|format| format == seed.label));
    }
    let n_seeds = pool.len();
    assert!(n_seeds > 0, "no seeds of these formats");
    let mut shapes = HashSet::new();
    let mut figures: BTreeMap<(&str, &str), Figures> = BTreeMap::new();
    let mut failures: BTreeMap<String, u64> = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    let mut n = 0;
    let goes_on = |n: u64| match wanted.seconds {
        Some(seconds) => start.elapsed().as_secs() < seconds,
        None => n < wanted.executions,
    };
    while goes_on(n) {
        let mut rng = Random::seed_from_u64(wanted.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ n);
        let seed = next_seed(&mut rng, &pool, n_seeds, wanted.formats.is_none());
        let body = mutate::mutate(&mut rng, &seed.body, &pool);
        let (packing, bytes) = mutate::pack(&mut rng, &body);
        let before = Instant::now();
        let result = execute(target, wanted.seed, n, bytes);
        slowest = slowest.max(before.elapsed());
        let figures = figures.entry((seed.label, packing)).or_default();
        figures.executions += 1;
        match result {
            Ok(seen) => {
                figures.planned += u64::from(seen.is_planned);
                figures.streamed += u64::from(seen.is_streamed);
                figures.rows += seen.n_rows;
                if shapes.insert((seed.label, seen.shape)) {
                    let label = seed.label;
                    if pool.len() < MAX_POOL {
                        pool.push(Seed { label, body });
                    } else {
                        pool[rng.gen_range(n_seeds..MAX_POOL)] = Seed { label, body };
                    }
                }
            }
            Err(why) => {
                let times = failures.entry(place_of(&why)).or_default();
                *times += 1;
                if *times <= 2 {
                    tell(&why);
                }
            }
        }
        n += 1;
        if !wanted.goes_on && !failures.is_empty() {
            break;
        }
    }
    if wanted.seconds.is_some() {
        table(&figures);
    }
    for (failure, times) in &failures {
        eprintln!("{times} times: {failure}");
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "fuzz: {n} executions in {seconds:.0} s ({:.0}/s) with seed {}, {} kinds of outcome, {} panics of decoders caught, \
         slowest {} ms, at most {} MiB, {} failures",
        n as f64 / seconds,
        wanted.seed,
        shapes.len(),
        N_GUARDED.load(Relaxed),
        slowest.as_millis(),
        PEAK.load(Relaxed) >> 20,
        failures.values().sum::<u64>(),
    );
    failures.values().sum()
}

/// A seed, something that was new, or a table made now.
fn next_seed(rng: &mut Random, pool: &[Seed], n_seeds: usize, has_tables: bool) -> Seed {
    if has_tables && rng.gen_ratio(1, 5) {
        let made = tables::seed(rng);
        lock(&PANICS).clear();
        if let Some(seed) = made {
            return seed;
        }
    }
    let old = if rng.gen_ratio(1, 2) { &pool[..n_seeds] } else { pool };
    old.choose(rng).cloned().unwrap_or(Seed {
        label: "csv",
        body: Body::Flat(corpus::good()),
    })
}

/// Failures at the same place are one.
fn place_of(why: &str) -> String {
    why.rsplit_once(", at ").map_or(why, |(_, place)| place).to_owned()
}

fn table(figures: &BTreeMap<(&str, &str), Figures>) {
    println!(
        "{:14} {:13} {:>10} {:>9} {:>9} {:>10}",
        "format", "packed", "executions", "planned", "streamed", "rows"
    );
    for ((label, packing), f) in figures {
        println!(
            "{label:14} {packing:13} {:>10} {:>9} {:>9} {:>10}",
            f.executions, f.planned, f.streamed, f.rows
        );
    }
}
