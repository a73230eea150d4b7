//! Sound Parquet and Arrow files of odd schemas: every type that a column may have, with nulls, extremes and nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, NullArray, StringArray, StructArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use arrow::ipc::CompressionType;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::Random;
use crate::corpus::{Body, Seed, arrow_file, arrow_stream, parquet_bytes};

const NAMES: [&str; 14] = [
    "customer_id",
    "order_id",
    "ordered_at",
    "product_id",
    "quantity",
    "amount",
    "unit_price",
    "cost",
    "discount",
    "currency",
    "line_type",
    "客户编号",
    "amount",
    "",
];

const TEXTS: [&str; 16] = [
    "k1",
    " k1 ",
    "k2",
    "",
    "  ",
    "1,234.50",
    "1.234,50",
    "-3",
    "9e99",
    "2024-02-30",
    "2024-01-05T10:00:00+08:00",
    "5/13/2024",
    "20240105",
    "NaN",
    "\u{0}",
    "日本\u{FFFD}",
];

const INTEGERS: [i64; 14] = [
    0,
    1,
    -1,
    7,
    45_292,
    20_240_105,
    1_704_067_200,
    1_704_067_200_000,
    i64::MIN,
    i64::MIN + 1,
    i64::MIN + 2,
    i64::MAX,
    i32::MIN as i64,
    u32::MAX as i64,
];

const FLOATS: [f64; 12] = [
    0.0,
    -0.0,
    2.675,
    10.5,
    -3.0,
    1e11,
    1e300,
    -1e300,
    5e-324,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

fn data_type(rng: &mut Random, depth: u32) -> DataType {
    let units = [
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ];
    let unit = units[rng.gen_range(0..4)];
    let zones = [
        None,
        Some("UTC"),
        Some("+08:00"),
        Some("Europe/Berlin"),
        Some("Mars/Base"),
    ];
    let zone = zones.choose(rng).copied().flatten().map(Arc::from);
    let field = |name: &str, rng: &mut Random| Arc::new(Field::new(name, data_type(rng, depth + 1), true));
    match rng.gen_range(0..if depth < 2 { 42 } else { 34 }) {
        0 => DataType::Int8,
        1 => DataType::Int16,
        2 => DataType::Int32,
        3 => DataType::Int64,
        4 => DataType::UInt8,
        5 => DataType::UInt16,
        6 => DataType::UInt32,
        7 => DataType::UInt64,
        8 => DataType::Float16,
        9 => DataType::Float32,
        10..13 => DataType::Float64,
        13 => DataType::Decimal128(rng.gen_range(1..=38), rng.gen_range(-10..=38)),
        14 => DataType::Decimal256(rng.gen_range(1..=76), rng.gen_range(-10..=76)),
        15 => DataType::Decimal32(rng.gen_range(1..=9), rng.gen_range(0..=9)),
        16 => DataType::Decimal64(rng.gen_range(1..=18), rng.gen_range(-5..=18)),
        17 => DataType::Date32,
        18 => DataType::Date64,
        19..22 => DataType::Timestamp(unit, zone),
        22 => DataType::Time32(units[rng.gen_range(0..2)]),
        23 => DataType::Time64(units[rng.gen_range(2..4)]),
        24 => DataType::Duration(unit),
        25 => DataType::Interval(IntervalUnit::MonthDayNano),
        26 => DataType::Boolean,
        27 => DataType::Null,
        28 => DataType::LargeUtf8,
        29 => DataType::Utf8View,
        30 => DataType::Binary,
        31 => DataType::FixedSizeBinary(rng.gen_range(0..9)),
        32 | 33 => DataType::Utf8,
        34 => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        35 => {
            let keys = [DataType::Int8, DataType::UInt16, DataType::Int64, DataType::UInt64];
            let values = Box::new(data_type(rng, 2));
            DataType::Dictionary(Box::new(keys[rng.gen_range(0..4)].clone()), values)
        }
        36 => DataType::List(field("item", rng)),
        37 => DataType::LargeList(field("item", rng)),
        38 => DataType::FixedSizeList(field("item", rng), rng.gen_range(0..3)),
        39 => DataType::BinaryView,
        40 => {
            let values = Arc::new(Field::new("values", data_type(rng, 2), true));
            DataType::RunEndEncoded(Arc::new(Field::new("run_ends", DataType::Int32, false)), values)
        }
        _ => DataType::Struct(Fields::from(vec![field("a", rng), field("b", rng)])),
    }
}

/// Values that fit the name often enough for a plan, of the type if they can be cast to it.
fn column(rng: &mut Random, name: &str, data_type: &DataType, n_rows: usize) -> ArrayRef {
    if let DataType::Struct(fields) = data_type {
        let columns: Vec<ArrayRef> = fields
            .iter()
            .map(|field| column(rng, name, field.data_type(), n_rows))
            .collect();
        return Arc::new(StructArray::new(fields.clone(), columns, None));
    }
    let is_odd = rng.gen_ratio(1, 3);
    let nulls = *[0.0, 0.0, 0.2, 1.0].choose(rng).unwrap_or(&0.0);
    let is_there = |rng: &mut Random| !rng.gen_bool(nulls);
    let source: ArrayRef = match rng.gen_range(0..3) {
        0 => Arc::new(StringArray::from_iter((0..n_rows).map(|i| {
            let plain = match name {
                "ordered_at" => format!("2024-01-{:02}", 1 + i % 28),
                "quantity" | "amount" | "unit_price" => format!("{i}.25"),
                _ => format!("{}{}", &name[..name.len().min(1)], i % 5),
            };
            let odd = (*TEXTS.choose(rng).unwrap_or(&"")).to_owned();
            is_there(rng).then_some(if is_odd { odd } else { plain })
        }))),
        1 => Arc::new(Int64Array::from_iter((0..n_rows).map(|i| {
            let odd = *INTEGERS.choose(rng).unwrap_or(&0);
            is_there(rng).then_some(if is_odd { odd } else { 19_700 + i as i64 })
        }))),
        _ => Arc::new(Float64Array::from_iter((0..n_rows).map(|i| {
            let odd = *FLOATS.choose(rng).unwrap_or(&0.0);
            is_there(rng).then_some(if is_odd { odd } else { 10.0 + i as f64 / 8.0 })
        }))),
    };
    cast(&source, data_type).unwrap_or_else(|_| match data_type {
        DataType::Null => Arc::new(NullArray::new(n_rows)),
        _ => new_null_array(data_type, n_rows),
    })
}

fn batch(rng: &mut Random) -> RecordBatch {
    let n_rows = *[0, 1, 2, 9, 40, 400].choose(rng).unwrap_or(&9);
    // The columns that a plan needs, in any order, and some more; now and then one of them is missing.
    let mut names: Vec<&str> = NAMES[..6].to_vec();
    for _ in 0..rng.gen_range(0..3) {
        names.push(NAMES.choose(rng).copied().unwrap_or(""));
    }
    if rng.gen_ratio(1, 4) {
        names.remove(rng.gen_range(0..names.len()));
    }
    names.shuffle(rng);
    let is_wild = rng.gen_ratio(1, 2);
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for name in names {
        let plain = match name {
            "ordered_at" => DataType::Timestamp(TimeUnit::Millisecond, None),
            "quantity" | "amount" => DataType::Float64,
            _ => DataType::Utf8,
        };
        let data_type = if is_wild || rng.gen_ratio(1, 4) {
            data_type(rng, 0)
        } else {
            plain
        };
        let array = column(rng, name, &data_type, n_rows);
        fields.push(Field::new(name, array.data_type().clone(), true));
        columns.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
    let schema = Arc::new(Schema::new(fields));
    RecordBatch::try_new_with_options(schema, columns, &options).expect("columns of one length")
}

fn parquet_properties(rng: &mut Random) -> WriterProperties {
    let compressions = [
        Compression::UNCOMPRESSED,
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
    ];
    let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let statistics = [
        EnabledStatistics::None,
        EnabledStatistics::Chunk,
        EnabledStatistics::Page,
    ];
    WriterProperties::builder()
        .set_compression(compressions[rng.gen_range(0..compressions.len())])
        .set_writer_version(versions[rng.gen_range(0..2)])
        .set_statistics_enabled(statistics[rng.gen_range(0..3)])
        .set_dictionary_enabled(rng.gen_range(0..2) == 0)
        .set_max_row_group_row_count(Some(*[3, 50, 10_000].choose(rng).unwrap_or(&50)))
        .set_data_page_row_count_limit(*[2, 20_000].choose(rng).unwrap_or(&20_000))
        .set_write_batch_size(*[1, 1_024].choose(rng).unwrap_or(&1_024))
        .build()
}

/// A new file; `None` for a type that the writer does not take.
pub fn seed(rng: &mut Random) -> Option<Seed> {
    // A writer that panics on a type is no finding about a reader.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let batch = batch(rng);
        let packings = [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)];
        let packing = packings[rng.gen_range(0..3)];
        let (label, bytes) = match rng.gen_range(0..4) {
            0 => ("arrow file", arrow_file(&batch, packing)),
            1 => ("arrow stream", arrow_stream(&batch, packing)),
            _ => ("parquet", parquet_bytes(&batch, parquet_properties(rng))),
        };
        Some(Seed {
            label,
            body: Body::Flat(bytes.ok()?),
        })
    }));
    made.ok().flatten()
}
