//! Large tables as Parquet, a row group at a time.
//!
//! In: the columns of a table, each a function from rows to values, and the parts in which to write them. Out: a
//! file, read back and compared. No more than one part is held: its columns are made, checked and encoded by all
//! threads, then appended in their order. What was made is remembered as a [`Digest`] and compared with what the
//! file gives, so nothing is made twice. Same bytes for any number of threads.
//!
//! Cost: each value is made, compressed, decompressed and hashed once.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Schema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, ProjectionMask, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::schema::parts::PartColumn;
use crate::schema::{Column, Table, Violation};

/// Level 3 packs 3 % tighter and takes 1.4 times as long.
const ZSTD_LEVEL: i32 = 1;
/// Rows that are decoded at a time when a file is read back.
const READ_ROWS: usize = 1 << 14;

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Parquet(ParquetError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Schema(Vec<Violation>),
    #[error("it reads back differently")]
    Changed,
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        match error {
            // A full disk is the disk's fault, not the encoder's.
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(source) => Self::Io(*source),
                Err(source) => Self::Parquet(ParquetError::External(source)),
            },
            other => Self::Parquet(other),
        }
    }
}

/// What was written.
pub(super) struct Written {
    pub rows: u64,
    /// BLAKE3 of the bytes of the file.
    pub hash: blake3::Hash,
}

/// A table that is being written, a row group after another.
pub(super) struct Writer<'a> {
    path: &'a Path,
    table: &'a Table,
    described: Vec<Column>,
    file: File,
    inner: SerializedFileWriter<File>,
    factory: ArrowRowGroupWriterFactory,
    /// The keys of the last row.
    last: Vec<ArrayRef>,
    digests: Vec<Vec<Digest>>,
    n_rows: usize,
}

impl<'a> Writer<'a> {
    /// `columns` are those of `table` in their order; of them only names and types count here.
    pub fn create(
        path: &'a Path,
        table: &'a Table,
        key_values: &[(String, String)],
        columns: &[PartColumn<'_>],
    ) -> Result<Self, Fault> {
        let described = table.describe(columns).map_err(|found| Fault::Schema(vec![found]))?;
        let fields = columns.iter().zip(&described);
        let fields = fields.map(|(column, described)| Field::new(&column.name, described.ty.arrow(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let parquet_schema = ArrowSchemaConverter::new().schema_root("root").convert(&schema)?;
        let mut properties = properties(columns, key_values)?;
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);

        let file = File::create(path)?;
        let root = parquet_schema.root_schema_ptr();
        let inner = SerializedFileWriter::new(file.try_clone()?, root, Arc::new(properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&inner, schema);
        Ok(Self {
            path,
            table,
            described,
            file,
            inner,
            factory,
            last: Vec::new(),
            digests: Vec::new(),
            n_rows: 0,
        })
    }

    /// Writes these rows of `columns`, which are as those that the file was created with.
    pub fn add(&mut self, columns: &[PartColumn<'_>], rows: Range<usize>) -> Result<(), Fault> {
        let writers = self.factory.create_column_writers(self.digests.len())?;
        let (table, n_rows) = (self.table, self.n_rows);
        let encode = || encode(table, &self.described, columns, writers, &rows, n_rows);
        let check_order = || {
            let keys = table.sorted_by.iter();
            let keys = keys.filter_map(|key| columns.iter().find(|column| column.name == *key));
            let keys: Vec<ArrayRef> = keys.map(|key| key.make(rows.clone())).collect();
            table.check_order(&keys, &mut self.last, n_rows)
        };
        let (encoded, unsorted) = rayon::join(encode, check_order);
        let encoded = encoded?;
        if let Some(unsorted) = unsorted? {
            return Err(Fault::Schema(vec![unsorted]));
        }
        self.n_rows += encoded.first().map_or(0, |column| column.n_rows);
        let mut row_group = self.inner.next_row_group()?;
        let mut of_part = Vec::with_capacity(encoded.len());
        for column in encoded {
            column.chunk.append_to_row_group(&mut row_group)?;
            of_part.push(column.digest);
        }
        row_group.close()?;
        self.digests.push(of_part);
        Ok(())
    }

    /// Ends the file, and compares what it gives with what was put in.
    pub fn finish(self) -> Result<Written, Fault> {
        self.inner.close()?;
        self.file.sync_all()?;
        let (same, hash) = rayon::join(|| reads_back(self.path, &self.digests), || hash_file(self.path));
        let same = match same {
            // What cannot be decoded is not what was written.
            Err(Fault::Parquet(_) | Fault::Arrow(_)) => false,
            same => same?,
        };
        if !same {
            return Err(Fault::Changed);
        }
        Ok(Written {
            rows: self.n_rows as u64,
            hash: hash?,
        })
    }
}

fn properties(columns: &[PartColumn<'_>], key_values: &[(String, String)]) -> Result<WriterProperties, ParquetError> {
    let key_value = |(key, value): &(String, String)| KeyValue::new(key.clone(), value.clone());
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(usize::MAX)
        .set_write_batch_size(READ_ROWS)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(key_values.iter().map(key_value).collect()));
    for column in columns.iter().filter(|column| column.repeats) {
        let path = ColumnPath::new(vec![column.name.clone()]);
        builder = builder.set_column_dictionary_enabled(path, true);
        // The elements, if the column is a list.
        let path = ["list", "element"].map(str::to_owned);
        let path = ColumnPath::new([vec![column.name.clone()], path.to_vec()].concat());
        builder = builder.set_column_dictionary_enabled(path, true);
    }
    Ok(builder.build())
}

/// A column of a part, ready to be appended.
struct Encoded {
    chunk: ArrowColumnChunk,
    digest: Digest,
    n_rows: usize,
}

/// Makes, checks and encodes all columns of a part, of which `before` rows stand in earlier ones.
fn encode(
    table: &Table,
    described: &[Column],
    columns: &[PartColumn<'_>],
    writers: Vec<ArrowColumnWriter>,
    part: &Range<usize>,
    before: usize,
) -> Result<Vec<Encoded>, Fault> {
    let encode = |(i, mut writer): (usize, ArrowColumnWriter)| {
        let values = columns[i].make(part.clone());
        if let Some(violation) = table.check_values(&described[i], &values, before) {
            return (i, Err(Fault::Schema(vec![violation])));
        }
        let mut digest = Digest::default();
        digest.add(&values);
        let field = Field::new(&columns[i].name, values.data_type().clone(), true);
        let chunk = compute_leaves(&field, &values)
            .and_then(|leaves| leaves.iter().try_for_each(|leaf| writer.write(leaf)))
            .and_then(|()| writer.close());
        let encoded = chunk.map(|chunk| Encoded {
            chunk,
            digest,
            n_rows: values.len(),
        });
        (i, encoded.map_err(Fault::from))
    };
    // One column after another goes to the thread that is free; the last ones first: long texts stand there.
    let jobs = writers.into_iter().enumerate().rev().par_bridge();
    let mut encoded: Vec<(usize, Result<Encoded, Fault>)> = jobs.map(encode).collect();
    encoded.sort_unstable_by_key(|(i, _)| *i);
    encoded.into_iter().map(|(_, column)| column).collect()
}

/// Whether the file holds what the digests say, by row group and column.
fn reads_back(path: &Path, digests: &[Vec<Digest>]) -> Result<bool, Fault> {
    let metadata = ArrowReaderMetadata::load(&File::open(path)?, ArrowReaderOptions::new())?;
    if metadata.metadata().num_row_groups() != digests.len() {
        return Ok(false);
    }
    let expected: Vec<(usize, usize, Digest)> = digests
        .iter()
        .enumerate()
        .flat_map(|(part, of_part)| of_part.iter().enumerate().map(move |(column, d)| (part, column, *d)))
        .collect();
    let same = |&(part, column, expected): &(usize, usize, Digest)| -> Result<bool, Fault> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(File::open(path)?, metadata.clone());
        let only = ProjectionMask::roots(builder.parquet_schema(), [column]);
        let reader = builder
            .with_projection(only)
            .with_row_groups(vec![part])
            .with_batch_size(READ_ROWS)
            .build()?;
        let mut digest = Digest::default();
        for batch in reader {
            digest.add(batch?.column(0));
        }
        Ok(digest == expected)
    };
    let found: Vec<bool> = expected.par_iter().rev().map(same).collect::<Result<_, Fault>>()?;
    Ok(found.into_iter().all(|same| same))
}

fn hash_file(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// What tells two columns of values apart, however they are cut into batches and encoded in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Digest {
    n_rows: u64,
    /// Of all values, each mixed with its position; of lists, of their lengths.
    sum: u64,
    /// Elements of lists, and the same sum of them.
    n_elements: u64,
    element_sum: u64,
}

/// The word of a row without a value.
const NULL: u64 = 0x6A09_E667_F3BC_C909;

/// A word at a position, well stirred (the finaliser of SplitMix64).
fn mix(word: u64, position: u64) -> u64 {
    let mut z = word ^ position.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn sum_of(first: u64, words: impl Iterator<Item = u64>) -> u64 {
    let sum = |sum: u64, (word, position): (u64, u64)| sum.wrapping_add(mix(word, position));
    words.zip(first..).fold(0, sum)
}

impl Digest {
    fn add(&mut self, values: &ArrayRef) {
        let words = words_of(values, self.n_rows);
        self.sum = self.sum.wrapping_add(words);
        self.n_rows += values.len() as u64;
        if let Some(lists) = values.as_list_opt::<i64>() {
            let (first, last) = (lists.offsets()[0], lists.offsets()[lists.len()]);
            let elements = lists.values().slice(first as usize, (last - first) as usize);
            let words = words_of(&elements, self.n_elements);
            self.element_sum = self.element_sum.wrapping_add(words);
            self.n_elements += elements.len() as u64;
        }
    }
}

/// The digest of values from position `first` on; of lists, that of their lengths.
fn words_of(values: &ArrayRef, first: u64) -> u64 {
    let text = |value: Option<&str>| value.map_or(NULL, |text| xxh3_64(text.as_bytes()));
    match values.data_type() {
        DataType::Float64 => numbers::<Float64Type>(values, first, f64::to_bits),
        DataType::UInt64 => numbers::<UInt64Type>(values, first, |x| x),
        DataType::UInt32 => numbers::<UInt32Type>(values, first, u64::from),
        DataType::UInt16 => numbers::<UInt16Type>(values, first, u64::from),
        DataType::UInt8 => numbers::<UInt8Type>(values, first, u64::from),
        DataType::Date32 => numbers::<Date32Type>(values, first, |x| x as u64),
        DataType::Boolean => {
            let values = values.as_boolean().iter();
            sum_of(first, values.map(|value| value.map_or(NULL, u64::from)))
        }
        DataType::LargeUtf8 => sum_of(first, values.as_string::<i64>().iter().map(text)),
        DataType::Utf8View => sum_of(first, values.as_string_view().iter().map(text)),
        DataType::LargeList(_) => {
            let lists = values.as_list::<i64>();
            let lengths = lists.offsets().windows(2).map(|ends| (ends[1] - ends[0]) as u64);
            let is_null = |row: usize| lists.is_null(row);
            sum_of(
                first,
                lengths.enumerate().map(|(row, n)| if is_null(row) { NULL } else { n }),
            )
        }
        _ => match values.as_dictionary_opt::<UInt32Type>() {
            Some(coded) => {
                let names = coded.values().as_string::<i64>();
                let names: Vec<u64> = names.iter().map(text).collect();
                let word = |code: Option<u32>| code.and_then(|code| names.get(code as usize)).copied().unwrap_or(NULL);
                sum_of(first, coded.keys().iter().map(word))
            }
            // No published type, so the check of types has refused it.
            None => 0,
        },
    }
}

fn numbers<T: ArrowPrimitiveType>(values: &ArrayRef, first: u64, word: impl Fn(T::Native) -> u64) -> u64 {
    let values = values.as_primitive::<T>();
    if values.null_count() == 0 {
        sum_of(first, values.values().iter().map(|value| word(*value)))
    } else {
        sum_of(first, values.iter().map(|value| value.map_or(NULL, &word)))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::schema::parts::coded;
    use crate::schema::{Type, column, nullable};
    use arrow::array::{LargeListArray, LargeStringArray};
    use arrow::buffer::{OffsetBuffer, ScalarBuffer};

    const TABLE: Table = Table {
        name: "t",
        doc: "",
        sorted_by: &["id"],
        parts: &[&[
            column("id", Type::Str, ""),
            column("day", Type::Date, ""),
            column("small", Type::U8, ""),
            column("medium", Type::U16, ""),
            column("count", Type::U32, ""),
            column("money", Type::F64, ""),
            nullable("maybe", Type::F64, ""),
            nullable("maybe_count", Type::U32, ""),
            column("is_even", Type::Bool, ""),
            nullable("name", Type::Str, ""),
            column("names", Type::StrList, ""),
            column("text", Type::Str, ""),
        ]],
    };

    const N: usize = 100_000;

    fn columns(ids: &[String]) -> Vec<PartColumn<'_>> {
        let lists = |rows: Range<usize>| -> ArrayRef {
            let names: ArrayRef = Arc::new(LargeStringArray::from_iter_values(["x", "y", "z"]));
            let of_row = |row: usize| (0..row % 3).map(move |i| Some(((row + i) % 3) as u32));
            let elements = coded(&names, rows.clone().flat_map(of_row));
            let ends = rows.clone().scan(0, |end, row| {
                *end += (row % 3) as i64;
                Some(*end)
            });
            let offsets = OffsetBuffer::new(ScalarBuffer::from([0].into_iter().chain(ends).collect::<Vec<i64>>()));
            let field = Arc::new(Field::new("element", elements.data_type().clone(), true));
            Arc::new(LargeListArray::new(field, offsets, elements, None))
        };
        vec![
            PartColumn::texts("id", |i| Some(ids[i].as_str())),
            PartColumn::dates("day", |i| i as i32 % 1_000 - 500),
            PartColumn::u8s("small", |i| i as u8),
            PartColumn::u16s("medium", |i| i as u16),
            PartColumn::u32s("count", |i| u32::MAX - i as u32),
            PartColumn::f64s("money", |i| (i as f64).sqrt()),
            PartColumn::maybe_f64s("maybe", |i| (i % 3 > 0).then_some(-0.0)).repeating(),
            PartColumn::maybe_u32s("maybe_count", |i| (i % 7 == 0).then_some(i as u32)),
            PartColumn::bools("is_even", |i| i % 2 == 0),
            PartColumn::names("name", ["a", "", "c"], |i| Some(i % 4)),
            PartColumn::new("names", lists).repeating(),
            PartColumn::written("text", |i, text| write!(text, "{i} is a number")),
        ]
    }

    fn write(
        path: &Path,
        key_values: &[(String, String)],
        parts: &[Range<usize>],
        columns: &[PartColumn<'_>],
    ) -> Result<Written, Fault> {
        let mut writer = Writer::create(path, &TABLE, key_values, columns)?;
        parts.iter().try_for_each(|part| writer.add(columns, part.clone()))?;
        writer.finish()
    }

    fn ids() -> Vec<String> {
        (0..N).map(|i| format!("{i:06}")).collect()
    }

    #[test]
    fn a_table_in_parts_reads_back_and_has_the_same_bytes_for_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let ids = ids();
        let key_values = [("who".to_string(), "we".to_string())];
        let parts = [0..40_000, 40_000..40_001, 40_001..N];
        let write = |n_threads: usize| {
            let path = folder.path().join(n_threads.to_string());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let written = pool.install(|| write(&path, &key_values, &parts, &columns(&ids)));
            (written.unwrap(), std::fs::read(path).unwrap())
        };
        let (written, bytes) = write(1);
        assert_eq!(written.rows, N as u64);
        assert_eq!(written.hash, blake3::hash(&bytes));
        assert_eq!(bytes, write(3).1);

        let file = File::open(folder.path().join("1")).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let key_value = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(
            key_value
                .iter()
                .any(|pair| pair.key == "who" && pair.value.as_deref() == Some("we"))
        );
        let sizes: Vec<i64> = reader
            .metadata()
            .row_groups()
            .iter()
            .map(|group| group.num_rows())
            .collect();
        assert_eq!(sizes, [40_000, 1, 59_999]);
        let row: usize = 70_001;
        let batch = reader
            .with_offset(row)
            .with_limit(1)
            .build()
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let made = columns(&ids);
        for (i, column) in made.iter().enumerate() {
            let mut digest = [Digest::default(); 2];
            digest[0].add(batch.column(i));
            digest[1].add(&column.make(row..row + 1));
            assert_eq!(digest[0], digest[1], "{}", column.name);
        }
        assert_eq!(batch.column(11).as_string_view().value(0), "70001 is a number");
    }

    #[test]
    fn no_rows_are_a_table_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        assert_eq!(write(&path, &[], &[], &columns(&[])).unwrap().rows, 0);
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.schema().fields().len(), 12);
    }

    #[test]
    fn rows_out_of_order_and_values_that_are_not_finite_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        let ids = ids();
        let twice = write(&path, &[], &[0..5, 4..9], &columns(&ids));
        assert!(matches!(
            twice.map(|written| written.rows),
            Err(Fault::Schema(found)) if matches!(found[..], [Violation::Order { row: 5, .. }])
        ));
        let mut columns = columns(&ids);
        columns[5] = PartColumn::f64s("money", |i| if i == 7 { f64::INFINITY } else { 0.0 });
        let infinite = write(&path, &[], &[0..5, 5..9], &columns);
        assert!(matches!(
            infinite.map(|written| written.rows),
            Err(Fault::Schema(found)) if matches!(found[..], [Violation::NotFinite { row: 7, .. }])
        ));
    }

    #[test]
    fn digests_tell_values_nulls_and_order_apart() {
        let of = |values: &[Option<&str>]| {
            let mut digest = Digest::default();
            digest.add(&(Arc::new(values.iter().copied().collect::<LargeStringArray>()) as ArrayRef));
            digest
        };
        let one = of(&[Some("a"), Some("b"), None]);
        for other in [
            of(&[Some("b"), Some("a"), None]),
            of(&[Some("a"), None, Some("b")]),
            of(&[Some("a"), Some("b"), Some("")]),
            of(&[Some("a"), Some("b")]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        let ids = ids();
        write(&path, &[], std::slice::from_ref(&(0..9)), &columns(&ids)).unwrap();
        let digests: Vec<Digest> = columns(&ids)
            .iter()
            .map(|column| {
                let mut digest = Digest::default();
                digest.add(&column.make(0..9));
                digest
            })
            .collect();
        assert!(reads_back(&path, std::slice::from_ref(&digests)).unwrap());
        for column in 0..digests.len() {
            let mut others = digests.clone();
            others[column].sum ^= 1;
            assert!(!reads_back(&path, &[others]).unwrap());
        }
        assert!(!reads_back(&path, &[digests.clone(), digests]).unwrap());
    }
}
