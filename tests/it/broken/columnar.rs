//! Parquet and Arrow files that are cut short, damaged or of odd types.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, NullArray,
    RecordBatch, StringArray, StructArray, TimestampMillisecondArray, TimestampSecondArray,
};
use arrow::datatypes::Int64Type;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::{Case, Expect, GOOD, file, good, joined, table, unreadable, works};

/// 2024-01-01 in seconds and days since 1970.
const SECONDS: i64 = 1_704_067_200;
const DAYS: i32 = 19_723;

type Columns = Vec<(&'static str, ArrayRef)>;

/// Good lines; the first columns are customer, date, amount and product.
fn columns(n: usize) -> Columns {
    let texts = |prefix: &str, of: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            (0..n).map(|i| format!("{prefix}{}", i % of)),
        ))
    };
    let days = (0..n as i64).map(|i| SECONDS + i * 86_400);
    vec![
        ("customer_id", texts("k", 6)),
        ("ordered_at", Arc::new(TimestampSecondArray::from_iter_values(days))),
        (
            "amount",
            Arc::new(Float64Array::from_iter_values((0..n).map(|i| 10.5 + i as f64))),
        ),
        ("product_id", texts("p", 4)),
    ]
}

fn batch(columns: Columns) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)))
        .expect("columns of one length")
}

/// Good lines, with this in place of one column.
fn replaced(name: &str, values: ArrayRef) -> RecordBatch {
    let mut columns = columns(values.len());
    columns
        .iter_mut()
        .filter(|(own, _)| *own == name)
        .for_each(|(_, own)| *own = values.clone());
    batch(columns)
}

/// In row groups of ten lines.
fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(10))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("memory is written");
    writer.close().expect("memory is written");
    bytes
}

fn plain() -> Vec<u8> {
    parquet(&batch(columns(30)))
}

fn arrow() -> Vec<u8> {
    let batch = batch(columns(30));
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    writer.write(&batch).expect("memory is written");
    writer.into_inner().expect("memory is written")
}

fn stream() -> Vec<u8> {
    let batch = batch(columns(30));
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    writer.write(&batch).expect("memory is written");
    writer.into_inner().expect("memory is written")
}

/// With `n` bytes from a share of the length on set to `to`.
fn damaged(mut bytes: Vec<u8>, share: f64, n: usize, to: u8) -> Vec<u8> {
    let at = (bytes.len() as f64 * share) as usize;
    let end = bytes.len().min(at + n);
    bytes[at..end].fill(to);
    bytes
}

/// Ends as a Parquet file does that says its footer is so long.
fn footer_of(length: u32) -> Vec<u8> {
    joined(&[b"PAR1", &[7; 100], &length.to_le_bytes(), b"PAR1"])
}

/// A Parquet file of good lines but for this column.
fn odd(name: &'static str, column: &'static str, values: fn() -> ArrayRef, expect: Expect) -> Case {
    file(name, move || parquet(&replaced(column, values())), expect)
}

fn amounts(first: [Option<f64>; 4]) -> ArrayRef {
    let rest = (4..30).map(|i| Some(f64::from(i)));
    Arc::new(first.into_iter().chain(rest).collect::<Float64Array>())
}

pub(super) fn cases() -> Vec<Case> {
    [parquets(), types(), arrows()].into_iter().flatten().collect()
}

fn parquets() -> Vec<Case> {
    let cut = || unreadable(&["Parquet", "cut short"]);
    vec![
        file("plain.parquet", plain, works(&[], GOOD)),
        file("magic_alone.parquet", || b"PAR1".to_vec(), cut()),
        file("magic_twice.parquet", || b"PAR1PAR1".to_vec(), cut()),
        file("footer_of_no_length.parquet", || footer_of(0), cut()),
        file("footer_of_garbage.parquet", || footer_of(100), cut()),
        file("footer_longer_than_the_file.parquet", || footer_of(1_000_000), cut()),
        file("footer_of_four_gigabytes.parquet", || footer_of(u32::MAX), cut()),
        file("cut_in_the_first_page.parquet", || plain()[..60].to_vec(), cut()),
        file(
            "cut_in_the_middle.parquet",
            || plain()[..plain().len() / 2].to_vec(),
            cut(),
        ),
        file(
            "cut_in_the_footer.parquet",
            || plain()[..plain().len() - 100].to_vec(),
            cut(),
        ),
        file(
            "cut_by_one_byte.parquet",
            || plain()[..plain().len() - 1].to_vec(),
            cut(),
        ),
        file(
            "without_its_first_bytes.parquet",
            || plain()[40..].to_vec(),
            unreadable(&[]),
        ),
        file(
            "with_wrong_magic_at_the_end.parquet",
            || joined(&[&plain()[..plain().len() - 4], b"PAR2"]),
            cut(),
        ),
        file(
            "encrypted.parquet",
            || joined(&[&plain()[..plain().len() - 4], b"PARE"]),
            unreadable(&["encrypted"]),
        ),
        file("with_garbage_behind.parquet", || joined(&[&plain(), b"garbage"]), cut()),
        file(
            "flipped_in_the_first_page.parquet",
            || damaged(plain(), 0.02, 40, 0xff),
            unreadable(&["Parquet"]),
        ),
        file(
            "flipped_in_the_last_page.parquet",
            || damaged(plain(), 0.45, 300, 0xff),
            unreadable(&["Parquet"]),
        ),
        file(
            "zeroed_in_a_page.parquet",
            || damaged(plain(), 0.1, 200, 0),
            unreadable(&["Parquet"]),
        ),
        file(
            "flipped_in_the_footer.parquet",
            || damaged(plain(), 0.9, 40, 0xff),
            unreadable(&["Parquet"]),
        ),
        file(
            "zero_rows.parquet",
            || parquet(&batch(columns(0))),
            unreadable(&["no data"]),
        ),
        file("packed.parquet.gz", || super::packed::gzip(plain()), works(&[], GOOD)),
        file(
            "packed_and_cut_inside.parquet.gz",
            || super::packed::gzip(&plain()[..400]),
            cut(),
        ),
        file(
            "packed_and_cut_outside.parquet.gz",
            || super::packed::gzip(plain())[..400].to_vec(),
            unreadable(&["cut short"]),
        ),
        file("parquet_with_the_name_of_csv.csv", plain, works(&[], GOOD)),
        file(
            "csv_with_the_name_of_parquet.parquet",
            || table().into_bytes(),
            works(&[], GOOD),
        ),
        file(
            "csv_that_begins_like_parquet.csv",
            || format!("PAR1{}", good()).into_bytes(),
            cut(),
        ),
        file(
            "no_columns_that_are_needed.parquet",
            || parquet(&batch(vec![("shoe_size", Arc::new(Int64Array::from(vec![42; 30])))])),
            unreadable(&["customer_id", "shoe_size"]),
        ),
        file(
            "two_columns_of_one_name.parquet",
            || {
                let mut both = columns(30);
                both.push(("amount", both[2].1.clone()));
                parquet(&batch(both))
            },
            unreadable(&["amount"]),
        ),
        file(
            "columns_by_the_thousand.parquet",
            || {
                let mut all = columns(2);
                let ones: ArrayRef = Arc::new(Int64Array::from(vec![1, 1]));
                let names = (0..1_500).map(|i| &*format!("c{i}").leak());
                all.extend(names.map(|name| (name, ones.clone())));
                parquet(&batch(all))
            },
            unreadable(&["1504 columns"]),
        ),
    ]
}

fn types() -> Vec<Case> {
    vec![
        odd(
            "customers_missing.parquet",
            "customer_id",
            || {
                Arc::new(
                    (0..30)
                        .map(|i| (i % 6 != 0).then(|| format!("k{i}")))
                        .collect::<StringArray>(),
                )
            },
            works(&[("missing_customer", 5)], 25),
        ),
        odd(
            "customers_of_numbers.parquet",
            "customer_id",
            || Arc::new(Int64Array::from_iter_values(0..30)),
            works(&[], 30),
        ),
        odd(
            "customers_as_floats.parquet",
            "customer_id",
            || {
                Arc::new(Float64Array::from_iter_values(
                    (0..30).map(|i| 17_850.0 + f64::from(i % 6)),
                ))
            },
            works(&[], 30),
        ),
        odd(
            "customers_as_broken_bytes.parquet",
            "customer_id",
            || {
                Arc::new(BinaryArray::from_iter_values(
                    (0..30).map(|i| if i == 7 { &b"k\xff"[..] } else { b"k1" }),
                ))
            },
            works(&[("bad_encoding", 1)], 29),
        ),
        odd(
            "customers_of_a_list.parquet",
            "customer_id",
            || {
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(
                    (0..30).map(|i| Some(vec![Some(i)])),
                ))
            },
            works(&[], 30),
        ),
        odd(
            "customers_all_null.parquet",
            "customer_id",
            || Arc::new(NullArray::new(30)),
            Expect::Fails {
                code: 4,
                says: &["30 by missing_customer"],
            },
        ),
        odd(
            "amounts_nan_and_infinite.parquet",
            "amount",
            || amounts([Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY), None]),
            works(&[("bad_amount", 2), ("missing_amount", 2)], 26),
        ),
        odd(
            "amounts_far_too_large.parquet",
            "amount",
            || amounts([Some(1e300), Some(-1e30), Some(1e12), Some(1e11)]),
            works(&[("bad_amount", 3)], 27),
        ),
        odd(
            "amounts_as_texts.parquet",
            "amount",
            || {
                Arc::new(StringArray::from_iter_values(
                    (0..30).map(|i| if i == 3 { "much".into() } else { format!("{i}.50") }),
                ))
            },
            works(&[("bad_amount", 1)], 29),
        ),
        odd(
            "amounts_as_decimals.parquet",
            "amount",
            || {
                Arc::new(
                    Decimal128Array::from_iter_values((0..30).map(|i| 1_050 + i))
                        .with_precision_and_scale(38, 2)
                        .expect("a decimal"),
                )
            },
            works(&[], 30),
        ),
        odd(
            "amounts_as_huge_decimals.parquet",
            "amount",
            || {
                Arc::new(
                    Decimal128Array::from_iter_values(
                        (0..30).map(|i| if i == 0 { 10_i128.pow(37) } else { 1_050 + i }),
                    )
                    .with_precision_and_scale(38, 2)
                    .expect("a decimal"),
                )
            },
            works(&[("bad_amount", 1)], 29),
        ),
        odd(
            "amounts_as_booleans.parquet",
            "amount",
            || Arc::new(BooleanArray::from(vec![true; 30])),
            unreadable(&["amount"]),
        ),
        odd(
            "dates_as_days.parquet",
            "ordered_at",
            || Arc::new(Date32Array::from_iter_values((0..30).map(|i| DAYS + i))),
            works(&[], 30),
        ),
        odd(
            "dates_at_the_ends_of_time.parquet",
            "ordered_at",
            || {
                Arc::new(Date32Array::from_iter_values((0..30).map(|i| match i {
                    0 => i32::MIN,
                    1 => i32::MAX,
                    _ => DAYS + i,
                })))
            },
            works(&[("date_out_of_range", 2)], 28),
        ),
        odd(
            "moments_at_the_ends_of_time.parquet",
            "ordered_at",
            || {
                Arc::new(TimestampMillisecondArray::from_iter_values((0..30).map(|i| match i {
                    0 => i64::MIN,
                    1 => i64::MAX,
                    2 => -1,
                    _ => SECONDS * 1_000 + i,
                })))
            },
            works(&[("date_out_of_range", 3)], 27),
        ),
        odd(
            "dates_missing.parquet",
            "ordered_at",
            || {
                Arc::new(
                    (0..30)
                        .map(|i| (i != 9).then_some(SECONDS + i))
                        .collect::<TimestampSecondArray>(),
                )
            },
            works(&[("missing_date", 1)], 29),
        ),
        odd(
            "dates_as_booleans.parquet",
            "ordered_at",
            || Arc::new(BooleanArray::from(vec![true; 30])),
            unreadable(&["ordered_at"]),
        ),
        odd(
            "products_of_a_structure.parquet",
            "product_id",
            || {
                let id: ArrayRef = Arc::new(StringArray::from_iter_values((0..30).map(|i| format!("p{i}"))));
                Arc::new(StructArray::try_from(vec![("id", id)]).expect("a structure"))
            },
            works(&[], 30),
        ),
    ]
}

fn arrows() -> Vec<Case> {
    let broken = || unreadable(&["Arrow"]);
    vec![
        file("plain.arrow", arrow, works(&[], GOOD)),
        file("plain_stream.arrow", stream, works(&[], GOOD)),
        file(
            "stream_without_an_end.arrows",
            || stream()[..stream().len() - 8].to_vec(),
            works(&[], GOOD),
        ),
        file(
            "stream_cut_in_its_batch.arrows",
            || stream()[..stream().len() - 200].to_vec(),
            broken(),
        ),
        file("stream_cut_in_its_schema.arrows", || stream()[..40].to_vec(), broken()),
        file("stream_of_four_bytes.arrows", || vec![0xff; 4], broken()),
        file("stream_of_garbage.arrows", || vec![0xff; 400], broken()),
        file(
            "stream_of_a_huge_message.arrows",
            || joined(&[&[0xff; 4], &i32::MAX.to_le_bytes(), &[0; 64]]),
            broken(),
        ),
        file("magic_alone.arrow", || b"ARROW1".to_vec(), broken()),
        file("magic_twice.arrow", || b"ARROW1\0\0ARROW1".to_vec(), broken()),
        file(
            "cut_in_the_middle.arrow",
            || arrow()[..arrow().len() / 2].to_vec(),
            broken(),
        ),
        file(
            "cut_by_one_byte.arrow",
            || arrow()[..arrow().len() - 1].to_vec(),
            broken(),
        ),
        file("flipped_in_a_batch.arrow", || damaged(arrow(), 0.4, 60, 0xff), broken()),
        file(
            "flipped_in_the_footer.arrow",
            || damaged(arrow(), 0.9, 40, 0xff),
            broken(),
        ),
        file(
            "zero_batches.arrow",
            || {
                let mut writer = FileWriter::try_new(Vec::new(), &batch(columns(0)).schema()).expect("a writer");
                writer.finish().expect("memory is written");
                writer.into_inner().expect("memory is written")
            },
            unreadable(&["no data"]),
        ),
    ]
}
