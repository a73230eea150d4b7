//! What this machine can do at best, as a floor for the whole job: decoding the Parquet columns that it needs, and the
//! rates of the few things it does with every line. One line of JSON each; `benches/BUDGET.md` is made of them.
//!
//! ```text
//! cargo run --release --example floor -- history/transactions.parquet
//! cargo run --release --example floor -- --threads 1 --repeats 5 --only decode --only copy FILE...
//! ```
//!
//! Everything is measured on one thread and on all (`--threads`), `--repeats` times, and the best counts: the least
//! seconds on the wall and the least of the processors, which a busy machine disturbs less (they are counted in
//! hundredths). `per_second` is of the wall, `per_processor_second` of the processors.
//!
//! - `decode`: row groups are shared out to the threads and decoded to Arrow arrays, which are dropped. Text stays a
//!   dictionary where the file has dictionaries, and is copied where it has none. `needed` are the columns without
//!   which the job is another one, `mapped` are all that quintile decodes today, and then each column alone.
//! - `touch`: the first byte of each page of 256 MiB of memory that nobody had before.
//! - `copy`: memory to memory, in pieces far larger than the cache; bytes are those copied, traffic is twice that.
//! - `hash`: a 64-bit key at random is found or inserted and its count raised, in a table that begins empty.
//! - `scatter`: lines are appended to 256 buffers with room, by the hash of a key.
//! - `sort`: unsigned 64-bit keys in pieces of 20, as the lines of a customer.
//! - `write`: rows like those of customers (an id, a name out of ten, a date, two counts, four figures) to Parquet with
//!   Zstandard in memory; bytes are those in Arrow arrays.

#[path = "../benches/usage/mod.rs"]
mod usage;

use std::fs::File;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use arrow::array::{ArrayRef, Date32Array, DictionaryArray, Float64Array, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

// As the program has it: memory and time depend on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH_ROWS: usize = 128 * 1024;
const NEEDED: &[&str] = &[
    "order_id",
    "customer_id",
    "ordered_at",
    "product_id",
    "quantity",
    "unit_price",
];
const RATES: [&str; 7] = ["touch", "decode", "copy", "hash", "scatter", "sort", "write"];
const PARTITIONS: usize = 256;
/// Large enough that nothing of it stays in a cache.
const BUFFER_BYTES: usize = 512 << 20;
const KEYS: usize = 20_000_000;
const LINES: usize = 4_000_000;
const ROWS: usize = 1_000_000;

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read() else {
        eprintln!("usage: floor [--threads N] [--repeats N] [--only RATE]... FILE...");
        return ExitCode::from(2);
    };
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

struct Arguments {
    threads: usize,
    repeats: usize,
    only: Vec<String>,
    files: Vec<String>,
}

impl Arguments {
    fn read() -> Option<Self> {
        let mut found = Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            repeats: 3,
            only: Vec::new(),
            files: Vec::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--threads" => found.threads = arguments.next()?.parse().ok().filter(|n| 0 < *n)?,
                "--repeats" => found.repeats = arguments.next()?.parse().ok().filter(|n| 0 < *n)?,
                "--only" => found
                    .only
                    .push(arguments.next().filter(|name| RATES.contains(&name.as_str()))?),
                _ => found.files.push(argument),
            }
        }
        (!found.files.is_empty()).then_some(found)
    }
}

fn measure(arguments: &Arguments) -> Result<(), ParquetError> {
    let bench = Bench {
        repeats: arguments.repeats,
        threads: if arguments.threads == 1 {
            vec![1]
        } else {
            vec![1, arguments.threads]
        },
    };
    // Touching comes first, while the allocator has nothing to give that was touched before.
    for name in RATES {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            continue;
        }
        match name {
            "touch" => touch(&bench),
            "decode" => decode(&bench, &arguments.files)?,
            "copy" => copy(&bench),
            "hash" => [10_000, 1_000_000, 10_000_000]
                .into_iter()
                .for_each(|n| hash(&bench, n)),
            "scatter" => {
                scatter::<4>(&bench);
                scatter::<7>(&bench);
            }
            "sort" => sort(&bench),
            _ => write(&bench)?,
        }
    }
    Ok(())
}

struct Bench {
    repeats: usize,
    threads: Vec<usize>,
}

impl Bench {
    /// Prints the best of the repeats for each number of threads. `prepare` gets the thread's number; neither it nor
    /// the dropping of what `work` returns is measured. `units` is what one thread does.
    fn run<T: Send, R: Send>(
        &self,
        name: &str,
        facts: &Value,
        units: &[(&str, usize)],
        prepare: impl Fn(usize) -> T,
        work: impl Fn(T) -> R + Sync,
    ) {
        for &threads in &self.threads {
            let mut best = Best::default();
            for _ in 0..self.repeats {
                let prepared: Vec<T> = (0..threads).map(&prepare).collect();
                let clock = Clock::start();
                let done: Vec<_> = std::thread::scope(|scope| {
                    let started: Vec<_> = prepared.into_iter().map(|input| scope.spawn(|| work(input))).collect();
                    started.into_iter().map(|thread| thread.join().ok()).collect()
                });
                best.see(&clock);
                drop(black_box(done));
            }
            let done: Vec<_> = units.iter().map(|(unit, n)| (*unit, n * threads)).collect();
            say(name, facts, threads, &best, &done);
        }
    }
}

struct Clock {
    start: Instant,
    processor: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self {
            processor: usage::processor_seconds(),
            start: Instant::now(),
        }
    }
}

/// The least seconds seen, on the wall and of the processors.
#[derive(Default)]
struct Best {
    seconds: Option<f64>,
    processor: Option<f64>,
}

impl Best {
    fn see(&mut self, clock: &Clock) {
        let least = |seen: Option<f64>, now: f64| Some(seen.map_or(now, |seen| seen.min(now)));
        self.seconds = least(self.seconds, clock.start.elapsed().as_secs_f64());
        if let (Some(before), Some(after)) = (clock.processor, usage::processor_seconds()) {
            self.processor = least(self.processor, after - before);
        }
    }
}

fn say(name: &str, facts: &Value, threads: usize, best: &Best, done: &[(&str, usize)]) {
    let mut line = json!({ "rate": name });
    let mut add = |more: Value| {
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
    };
    let round = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1e4).round() / 1e4);
    add(facts.clone());
    add(json!({
        "threads": threads,
        "seconds": round(best.seconds),
        "processor_seconds": round(best.processor),
    }));
    for (unit, n) in done {
        let rate = |seconds: Option<f64>| seconds.filter(|s| 0.0 < *s).map(|s| (*n as f64 / s).round());
        add(json!({
            *unit: n,
            format!("{unit}_per_second"): rate(best.seconds),
            format!("{unit}_per_processor_second"): rate(best.processor),
        }));
    }
    println!("{line}");
}

/// The same for every run; quick, and good enough to leave no pattern that a processor could foresee.
fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

struct Opened {
    path: String,
    metadata: ArrowReaderMetadata,
}

fn open(path: &str) -> Result<Opened, ParquetError> {
    let file = File::open(path)?;
    let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let has_dictionary = |name: &str| {
        let groups = plain.metadata().row_groups().iter();
        let mut columns = groups.flat_map(|group| group.columns().iter().filter(|c| c.column_path().string() == name));
        columns.all(|column| column.encodings().any(|e| e == Encoding::RLE_DICTIONARY))
    };
    let kept = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 if has_dictionary(field.name()) => {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(dictionary))
        }
        _ => field.clone(),
    };
    let fields: Vec<_> = plain.schema().fields().iter().map(kept).collect();
    let schema = Arc::new(Schema::new(fields));
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_schema(schema))?;
    Ok(Opened {
        path: path.to_owned(),
        metadata,
    })
}

fn decode(bench: &Bench, paths: &[String]) -> Result<(), ParquetError> {
    let files: Vec<Opened> = paths.iter().map(|path| open(path)).collect::<Result<_, _>>()?;
    let Some(first) = files.first() else { return Ok(()) };
    let all: Vec<&str> = first
        .metadata
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().as_str())
        .collect();
    let needed: Vec<&str> = NEEDED.iter().copied().filter(|name| all.contains(name)).collect();
    let mut sets = vec![("needed", needed), ("mapped", all.clone())];
    sets.extend(all.iter().map(|name| (*name, vec![*name])));
    for (name, columns) in sets {
        decode_columns(bench, name, &columns, &files)?;
    }
    Ok(())
}

fn decode_columns(bench: &Bench, name: &str, columns: &[&str], files: &[Opened]) -> Result<(), ParquetError> {
    let groups: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(file, opened)| (0..opened.metadata.metadata().num_row_groups()).map(move |group| (file, group)))
        .collect();
    let (mut rows, mut compressed, mut encoded) = (0, 0, 0);
    for group in files.iter().flat_map(|opened| opened.metadata.metadata().row_groups()) {
        rows += group.num_rows().max(0) as usize;
        for column in group.columns() {
            if columns.contains(&column.column_path().string().as_str()) {
                compressed += column.compressed_size().max(0) as usize;
                encoded += column.uncompressed_size().max(0) as usize;
            }
        }
    }
    for &threads in &bench.threads {
        let (mut best, mut arrow) = (Best::default(), 0);
        for _ in 0..bench.repeats {
            let (next, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let clock = Clock::start();
            let ended: Result<Vec<()>, ParquetError> = std::thread::scope(|scope| {
                let worker = || -> Result<(), ParquetError> {
                    while let Some(&(file, group)) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                        bytes.fetch_add(decode_group(&files[file], group, columns)?, Ordering::Relaxed);
                    }
                    Ok(())
                };
                let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
                let panicked = || ParquetError::General("the decoder panicked".to_owned());
                workers
                    .into_iter()
                    .map(|worker| worker.join().map_err(|_| panicked())?)
                    .collect()
            });
            ended?;
            best.see(&clock);
            arrow = bytes.into_inner();
        }
        let sizes = [
            ("rows", rows),
            ("file_bytes", compressed),
            ("encoded_bytes", encoded),
            ("arrow_bytes", arrow),
        ];
        say("decode", &json!({ "columns": name }), threads, &best, &sizes);
    }
    Ok(())
}

/// The bytes of the arrays of a row group.
fn decode_group(opened: &Opened, group: usize, columns: &[&str]) -> Result<usize, ParquetError> {
    let file = File::open(&opened.path)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, opened.metadata.clone());
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder
        .with_projection(mask)
        .with_row_groups(vec![group])
        .with_batch_size(BATCH_ROWS)
        .build()?;
    let mut bytes = 0;
    for batch in reader {
        bytes += black_box(batch?).get_array_memory_size();
    }
    Ok(bytes)
}

fn touch(bench: &Bench) {
    const PAGE: usize = 4096;
    const TOUCHED_BYTES: usize = 256 << 20;
    let work = |size: usize| {
        // Zeroed memory of that size comes from the system untouched; kept for ever, so that the next is new too.
        let mut memory = vec![0u8; size];
        for byte in memory.iter_mut().step_by(PAGE) {
            *byte = 1;
        }
        memory.leak().len()
    };
    bench.run(
        "touch",
        &json!({}),
        &[("bytes", TOUCHED_BYTES)],
        |_| TOUCHED_BYTES,
        work,
    );
}

fn copy(bench: &Bench) {
    let prepare = |_| (vec![1u8; BUFFER_BYTES], vec![2u8; BUFFER_BYTES]);
    let work = |(from, mut to): (Vec<u8>, Vec<u8>)| {
        for _ in 0..4 {
            to.copy_from_slice(black_box(&from));
            black_box(&mut to);
        }
        (from, to)
    };
    bench.run("copy", &json!({}), &[("bytes", 4 * BUFFER_BYTES)], prepare, work);
}

fn hash(bench: &Bench, n_keys: usize) {
    let work = |seed: u64| {
        let mut table: HashMap<u64, u32> = HashMap::with_capacity(n_keys);
        for n in 0..KEYS as u64 {
            // Two rounds, so that keys are spread over all 64 bits and are not what the loop counts.
            let key = mix(mix(n ^ seed) % n_keys as u64);
            *table.entry(key).or_insert(0) += 1;
        }
        table
    };
    let prepare = |thread: usize| mix(thread as u64 + 1) & !0xffff_ffff;
    bench.run(
        "hash",
        &json!({ "table_keys": n_keys }),
        &[("keys", KEYS)],
        prepare,
        work,
    );
}

fn scatter<const WORDS: usize>(bench: &Bench) {
    let prepare = |thread: usize| {
        let from: Vec<[u64; WORDS]> = (0..LINES)
            .map(|n| {
                let mut line = [n as u64; WORDS];
                line[0] = mix((n + thread * LINES) as u64);
                line
            })
            .collect();
        // Room for all that may come, touched before.
        let room = LINES / PARTITIONS * 5 / 4;
        let to: Vec<Vec<[u64; WORDS]>> = (0..PARTITIONS)
            .map(|_| {
                let mut buffer = vec![[1; WORDS]; room];
                buffer.clear();
                buffer
            })
            .collect();
        (from, to)
    };
    let work = |(from, mut to): (Vec<[u64; WORDS]>, Vec<Vec<[u64; WORDS]>>)| {
        for line in &from {
            to[(line[0] % PARTITIONS as u64) as usize].push(*line);
        }
        (from, to)
    };
    let bytes = 8 * WORDS;
    let facts = json!({ "line_bytes": bytes, "partitions": PARTITIONS });
    bench.run(
        "scatter",
        &facts,
        &[("lines", LINES), ("bytes", LINES * bytes)],
        prepare,
        work,
    );
}

fn sort(bench: &Bench) {
    const PIECE: usize = 20;
    let prepare = |thread: usize| -> Vec<u64> { (0..KEYS).map(|n| mix((n + thread * KEYS) as u64)).collect() };
    let work = |mut keys: Vec<u64>| {
        keys.chunks_mut(PIECE).for_each(<[u64]>::sort_unstable);
        keys
    };
    bench.run("sort", &json!({ "piece": PIECE }), &[("keys", KEYS)], prepare, work);
}

fn write(bench: &Bench) -> Result<(), ParquetError> {
    let batch = customers()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let file = written(&batch, &properties)?.len();
    let bytes = batch.get_array_memory_size();
    let work = |batch: RecordBatch| written(&batch, &properties).map(|file| file.len());
    let units = [("rows", ROWS), ("bytes", bytes), ("file_bytes", file)];
    bench.run(
        "write",
        &json!({ "compression": "zstd" }),
        &units,
        |_| batch.clone(),
        work,
    );
    Ok(())
}

fn written(batch: &RecordBatch, properties: &WriterProperties) -> Result<Vec<u8>, ParquetError> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.clone()))?;
    writer.write(batch)?;
    writer.into_inner()
}

fn customers() -> Result<RecordBatch, ParquetError> {
    let random = |salt: u64| move |n: usize| mix(n as u64 ^ (salt << 40));
    let share = |salt: u64| move |n: usize| random(salt)(n) as f64 / u64::MAX as f64;
    // Money to the cent, as sums of prices are.
    let money = |salt: u64| move |n: usize| (share(salt)(n) * 1e5).round() / 100.0;
    let ids: StringArray = (0..ROWS).map(|n| Some(format!("C{n:07}"))).collect();
    let segments: Vec<String> = (0..10).map(|n| format!("segment number {n}")).collect();
    let segment: DictionaryArray<Int32Type> = (0..ROWS)
        .map(|n| segments.get((random(1)(n) % 10) as usize).map(String::as_str))
        .collect();
    let floats =
        |of: &dyn Fn(usize) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values((0..ROWS).map(of))) };
    let counts = |salt: u64| -> ArrayRef {
        let values = (0..ROWS).map(|n| (random(salt)(n) % 40) as u32);
        Arc::new(UInt32Array::from_iter_values(values))
    };
    let day = Date32Array::from_iter_values((0..ROWS).map(|n| 19_000 + (random(2)(n) % 730) as i32));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer_id", Arc::new(ids)),
        ("segment", Arc::new(segment)),
        ("last_order_date", Arc::new(day)),
        ("orders", counts(3)),
        ("products", counts(4)),
        ("net_amount", floats(&money(5))),
        ("alive_prob", floats(&share(6))),
        ("expected_orders", floats(&share(7))),
        ("clv_amount", floats(&share(8))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}
