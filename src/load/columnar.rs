//! Parquet, read by row group: only the mapped columns are decoded, text comes as dictionary codes,
//! and a dictionary is copied once, however many batches share it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;

use super::batch::{MISSING, MISSING_CODE, OVERFLOW, RawBatch, RawRows, Strings, TextBuilder, TextColumn};
use super::date::LocalClock;
use super::guard;
use super::header::Canonical;
use super::mapping::{Mapping, NUMBERS, Positions, reserved};
use super::number::{scaled_from_decimal, scaled_from_f32, scaled_from_f64};
use super::spool::Bytes;

/// Rows decoded at a time: the columns of a batch stay near the processor.
const BATCH_ROWS: usize = 32 * 1024;

/// A Parquet file whose footer has been read.
#[derive(Clone)]
pub struct ParquetFile {
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile")
            .field("n_row_groups", &self.n_row_groups())
            .finish()
    }
}

/// A damaged file can make the decoder panic: that is an error of the file like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    guard::guarded(work).unwrap_or_else(|| Err(ParquetError::General("a page or the footer is damaged".into())))
}

impl ParquetFile {
    pub fn open(bytes: &Bytes) -> Result<Self, ParquetError> {
        guarded(|| Self::open_unguarded(bytes))
    }

    fn open_unguarded(bytes: &Bytes) -> Result<Self, ParquetError> {
        let plain = ArrowReaderMetadata::load(&bytes.footer()?, ArrowReaderOptions::new())?;
        // Text as dictionaries: a dictionary page becomes codes without a look at each row.
        let as_dictionary = |field: &Arc<Field>| match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                Arc::new(field.as_ref().clone().with_data_type(dictionary))
            }
            _ => field.clone(),
        };
        let fields: Vec<_> = plain.schema().fields().iter().map(as_dictionary).collect();
        let hinted = Arc::new(Schema::new_with_metadata(fields, plain.schema().metadata().clone()));
        let options = ArrowReaderOptions::new().with_schema(hinted);
        let metadata = ArrowReaderMetadata::try_new(plain.metadata().clone(), options).unwrap_or(plain);
        Ok(Self {
            bytes: bytes.clone(),
            metadata,
        })
    }

    pub fn headers(&self) -> Vec<String> {
        self.metadata
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect()
    }

    pub fn n_row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    pub fn n_rows(&self, group: usize) -> u64 {
        self.metadata.metadata().row_group(group).num_rows().max(0) as u64
    }

    /// The first rows of the file as text, one vector a column, for guessing what the columns are.
    pub fn sample(&self, n_rows: usize) -> Result<Vec<Vec<Vec<u8>>>, ParquetError> {
        let mut columns = vec![Vec::new(); self.metadata.schema().fields().len()];
        self.each_batch(n_rows, ProjectionMask::all(), |batch| {
            for (column, values) in columns.iter_mut().zip(sample_texts(batch)) {
                column.extend(values);
            }
            true
        })?;
        Ok(columns)
    }

    /// Gives every value of one column as text, until that says to stop.
    pub fn each_value(&self, column: usize, give: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), ParquetError> {
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), [column]);
        self.each_batch(usize::MAX, mask, |batch| {
            sample_texts(batch).iter().flatten().all(|value| give(value))
        })
    }

    /// Gives batches of the first rows until `give` says to stop.
    fn each_batch(
        &self,
        n_rows: usize,
        mask: ProjectionMask,
        mut give: impl FnMut(&RecordBatch) -> bool,
    ) -> Result<(), ParquetError> {
        guarded(|| {
            let n_columns = self.parts(0..self.n_row_groups().min(1), &mask).len();
            let parts = || self.parts(0..self.n_row_groups(), &mask);
            let chunks = self.bytes.columns(n_columns, parts)?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone());
            let builder = builder.with_projection(mask).with_batch_size(n_rows.min(BATCH_ROWS));
            for batch in builder.with_limit(n_rows).build()? {
                if !give(&batch?) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Where the columns lie in the file.
    fn parts(&self, groups: Range<usize>, mask: &ProjectionMask) -> Vec<Range<u64>> {
        let groups = groups.map(|group| self.metadata.metadata().row_group(group));
        let columns = groups.flat_map(|group| group.columns().iter().enumerate());
        let part = |column: &ColumnChunkMetaData| {
            let (start, length) = column.byte_range();
            start..start.saturating_add(length)
        };
        columns
            .filter(|(leaf, _)| mask.leaf_included(*leaf))
            .map(|(_, column)| part(column))
            .collect()
    }

    /// Tells that a row group will be decoded.
    pub fn fetch_ahead(&self, group: usize, mapping: &Mapping) {
        let wanted = mapping.positions.iter().flatten().copied();
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), wanted);
        self.bytes.fetch_ahead(group, || self.parts(group..group + 1, &mask));
    }

    /// Decodes one row group, a batch at a time.
    pub fn decode(
        &self,
        group: usize,
        file: u32,
        mapping: &Mapping,
        clock: &mut LocalClock,
        give: &mut dyn FnMut(RawBatch),
    ) -> Result<(), ParquetError> {
        let wanted: Vec<usize> = mapping.positions.iter().flatten().copied().collect();
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), wanted.iter().copied());
        let chunks = self.bytes.group(group, || self.parts(group..group + 1, &mask))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_batch_size(BATCH_ROWS)
            .build()?;
        // The projection keeps the order of the file.
        let mut in_file: Vec<usize> = wanted;
        in_file.sort_unstable();
        in_file.dedup();
        let projected = mapping
            .positions
            .map(|position| position.and_then(|p| in_file.binary_search(&p).ok()));
        let mut first_row = 1 + (0..group).map(|g| self.n_rows(g)).sum::<u64>();
        let mut reader = reader;
        let mut dictionaries = Dictionaries::default();
        while let Some(batch) = guarded(|| reader.next().transpose().map_err(ParquetError::from))? {
            let n_rows = batch.num_rows() as u64;
            give(to_raw(
                batch,
                &projected,
                mapping,
                file,
                first_row,
                clock,
                &mut dictionaries,
            ));
            first_row += n_rows;
        }
        Ok(())
    }
}

/// The same values, with all zones called `+00:00`: a time with a zone is an instant, and few names of zones can be shown.
fn showable(batch: RecordBatch) -> RecordBatch {
    let in_utc = |ty: &DataType| match ty {
        DataType::Timestamp(unit, Some(_)) => Some(DataType::Timestamp(*unit, Some("+00:00".into()))),
        _ => None,
    };
    let schema = batch.schema();
    if !schema.fields().iter().any(|field| in_utc(field.data_type()).is_some()) {
        return batch;
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let again = in_utc(field.data_type()).and_then(|ty| cast(column, &ty).ok());
        let column = again.unwrap_or_else(|| column.clone());
        fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap_or(batch)
}

/// The values of each column as text, for guessing what the columns are.
pub fn sample_texts(batch: &RecordBatch) -> Vec<Vec<Vec<u8>>> {
    let batch = showable(batch.clone());
    let options = FormatOptions::default();
    let texts = |array: &ArrayRef| -> Vec<Vec<u8>> {
        match ArrayFormatter::try_new(array.as_ref(), &options) {
            Ok(formatter) => (0..array.len())
                .map(|row| formatter.value(row).to_string().into_bytes())
                .collect(),
            // A type that cannot be shown: as many blanks.
            Err(_) => vec![Vec::new(); array.len()],
        }
    };
    batch.columns().iter().map(texts).collect()
}

/// The columns of a batch, which stand where `positions` says.
pub fn to_raw(
    batch: RecordBatch,
    positions: &Positions,
    mapping: &Mapping,
    file: u32,
    first_row: u64,
    clock: &mut LocalClock,
    dictionaries: &mut Dictionaries,
) -> RawBatch {
    let batch = showable(batch);
    let array = |c: Canonical| positions[c as usize].map(|i| batch.column(i).clone());
    let texts: Vec<_> = mapping
        .texts()
        .map(|c| {
            let known = &mut dictionaries.0[c as usize];
            let column = |a| dictionary_column(&a, known).unwrap_or_else(|| text_column(&a));
            (c, array(c).map(column))
        })
        .collect();
    let numbers = NUMBERS.map(|(c, decimals)| (c, array(c).map(|a| number_column(&a, c, mapping, decimals))));
    let ordered_at = array(Canonical::OrderedAt).map(|a| time_column(&a, mapping, clock));
    let n_rows = batch.num_rows();
    let mut raw = RawBatch::new(file, n_rows, mapping.basis, RawRows::Columns { batch, first_row });
    for (column, values) in texts {
        raw.set_text(column, values);
    }
    for (column, values) in numbers {
        raw.set_numbers(column, values);
    }
    if let Some(ordered_at) = ordered_at {
        raw.ordered_at = ordered_at;
    }
    raw.fill_constants(mapping, clock);
    mark_broken(&mut raw);
    raw
}

/// The same for rows that do not follow each other; `rows` are their 1-based numbers in the file.
pub fn to_raw_picked(
    batch: RecordBatch,
    positions: &Positions,
    mapping: &Mapping,
    file: u32,
    rows: Vec<u64>,
    clock: &mut LocalClock,
) -> RawBatch {
    let batch = showable(batch);
    let mut raw = to_raw(
        batch.clone(),
        positions,
        mapping,
        file,
        0,
        clock,
        &mut Dictionaries::default(),
    );
    raw.raw = RawRows::Picked { batch, rows };
    raw
}

/// Columns of bytes may hold what is no text.
fn mark_broken(raw: &mut RawBatch) {
    let mut broken = Vec::new();
    let texts = [
        &raw.order,
        &raw.product,
        &raw.product_name,
        &raw.currency,
        &raw.line_type,
        &raw.group,
    ];
    for column in texts.into_iter().flatten().chain([&raw.customer]) {
        let is_broken: Vec<bool> = column
            .values
            .iter()
            .map(|value| std::str::from_utf8(value).is_err())
            .collect();
        if is_broken.contains(&true) {
            let codes = column.codes.iter().enumerate();
            let rows = codes.filter(|(_, code)| **code != MISSING_CODE && is_broken[**code as usize]);
            broken.extend(rows.map(|(row, _)| row as u32));
        }
    }
    broken.sort_unstable();
    broken.dedup();
    raw.broken = broken;
}

/// The dictionary that a column had last: the batches of a row group share theirs, and it need not be copied again.
#[derive(Default)]
pub struct Dictionaries([Option<Dictionary>; Canonical::ALL.len()]);

struct Dictionary {
    /// Holds the buffers, so that no other dictionary can lie in their place.
    of: StringArray,
    values: Arc<Strings>,
    has_blank: bool,
}

impl Dictionary {
    fn new(of: &StringArray) -> Self {
        let mut values = Strings::default();
        for value in of {
            values.push(value.unwrap_or_default().trim_ascii().as_bytes());
        }
        let has_blank = values.iter().any(<[u8]>::is_empty);
        Self {
            of: of.clone(),
            has_blank,
            values: Arc::new(values),
        }
    }

    fn is_of(&self, other: &StringArray) -> bool {
        let place = |array: &StringArray| (array.value_data().as_ptr(), array.value_offsets().as_ptr(), array.len());
        place(&self.of) == place(other)
    }
}

/// A column of dictionary codes, if it is one; `known` is the dictionary of the batch before.
fn dictionary_column(array: &ArrayRef, known: &mut Option<Dictionary>) -> Option<TextColumn> {
    let array = array.as_dictionary_opt::<Int32Type>()?;
    let values = array.values().as_string_opt::<i32>()?;
    if !known.as_ref().is_some_and(|known| known.is_of(values)) {
        *known = Some(Dictionary::new(values));
    }
    let dictionary = known.as_ref()?;
    let keys = array.keys();
    let codes = if keys.null_count() == 0 && !dictionary.has_blank {
        keys.values().iter().map(|key| *key as u32).collect()
    } else {
        let code = |row: usize| match keys.is_null(row) {
            true => MISSING_CODE,
            false if dictionary.values.get(keys.value(row) as usize).is_empty() => MISSING_CODE,
            false => keys.value(row) as u32,
        };
        (0..keys.len()).map(code).collect()
    };
    Some(TextColumn {
        codes,
        values: dictionary.values.clone(),
    })
}

/// A column of ids. Whole numbers are written without a fraction, whatever their type.
fn text_column(array: &ArrayRef) -> TextColumn {
    if let Some(column) = dictionary_column(array, &mut None) {
        return column;
    }
    fn strings<'a>(values: impl Iterator<Item = Option<&'a str>>) -> TextColumn {
        let mut builder = TextBuilder::default();
        values.for_each(|value| builder.push(value.unwrap_or_default().as_bytes()));
        builder.finish()
    }
    /// Bytes are text until they prove to be none.
    fn bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> TextColumn {
        let mut builder = TextBuilder::default();
        values.for_each(|value| builder.push(value.unwrap_or_default()));
        builder.finish()
    }
    match array.data_type() {
        DataType::Binary => return bytes(array.as_binary::<i32>().iter()),
        DataType::LargeBinary => return bytes(array.as_binary::<i64>().iter()),
        DataType::BinaryView => return bytes(array.as_binary_view().iter()),
        DataType::Utf8 => return strings(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => return strings(array.as_string::<i64>().iter()),
        DataType::Utf8View => return strings(array.as_string_view().iter()),
        _ => {}
    }
    let mut builder = TextBuilder::default();
    let floats = match array.data_type() {
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().clone()),
        DataType::Float32 => Some(array.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from)),
        _ => None,
    };
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options);
    let mut text = String::new();
    for row in 0..array.len() {
        text.clear();
        if array.is_valid(row) {
            match (&floats, &formatter) {
                (Some(floats), _) => text.push_str(&floats.value(row).to_string()),
                (None, Ok(formatter)) => {
                    use std::fmt::Write as _;
                    let _ = write!(text, "{}", formatter.value(row));
                }
                (None, Err(_)) => {}
            }
        }
        builder.push(text.as_bytes());
    }
    builder.finish()
}

/// Every value of a primitive column through `convert`; nulls are [`MISSING`].
fn values<T: ArrowPrimitiveType>(array: &ArrayRef, mut convert: impl FnMut(T::Native) -> i64) -> Vec<i64> {
    let array = array.as_primitive::<T>();
    let value = |i: usize| {
        if array.is_null(i) {
            MISSING
        } else {
            convert(array.value(i))
        }
    };
    (0..array.len()).map(value).collect()
}

/// A column of numbers as integers with `decimals` decimals. A NaN stands for an absent number in files written by
/// data-frame libraries.
fn number_column(array: &ArrayRef, column: Canonical, mapping: &Mapping, decimals: u32) -> Vec<i64> {
    fn integers<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &ArrayRef, decimals: u32) -> Vec<i64> {
        values::<T>(array, |v| reserved(scaled_from_decimal(v.into(), 0, decimals)))
    }
    match array.data_type() {
        DataType::Float64 => values::<Float64Type>(array, |v| match v.is_nan() {
            true => MISSING,
            false => reserved(scaled_from_f64(v, decimals)),
        }),
        DataType::Float32 => values::<Float32Type>(array, |v| match v.is_nan() {
            true => MISSING,
            false => reserved(scaled_from_f32(v, decimals)),
        }),
        DataType::Decimal128(_, scale) => {
            let scale = i32::from(*scale);
            values::<Decimal128Type>(array, |v| reserved(scaled_from_decimal(v, scale, decimals)))
        }
        DataType::Int8 => integers::<Int8Type>(array, decimals),
        DataType::Int16 => integers::<Int16Type>(array, decimals),
        DataType::Int32 => integers::<Int32Type>(array, decimals),
        DataType::Int64 => integers::<Int64Type>(array, decimals),
        DataType::UInt8 => integers::<UInt8Type>(array, decimals),
        DataType::UInt16 => integers::<UInt16Type>(array, decimals),
        DataType::UInt32 => integers::<UInt32Type>(array, decimals),
        DataType::UInt64 => integers::<UInt64Type>(array, decimals),
        _ => by_value(&text_column(array), |text| mapping.number(column, text, decimals)),
    }
}

/// Parses each distinct text once.
fn by_value(column: &TextColumn, mut parse: impl FnMut(&[u8]) -> i64) -> Vec<i64> {
    let parsed: Vec<i64> = column.values.iter().map(&mut parse).collect();
    let of_code = |&code: &u32| {
        if code == MISSING_CODE {
            MISSING
        } else {
            parsed[code as usize]
        }
    };
    column.codes.iter().map(of_code).collect()
}

/// A column of dates or times as wall-clock seconds. Times with a zone are instants.
fn time_column(array: &ArrayRef, mapping: &Mapping, clock: &mut LocalClock) -> Vec<i64> {
    let mut local = |second: i64, zone: &Option<Arc<str>>| match zone {
        Some(_) => clock.to_local_seconds(second),
        None => second,
    };
    match array.data_type() {
        DataType::Date32 => values::<Date32Type>(array, |days| i64::from(days) * 86_400),
        DataType::Date64 => values::<Date64Type>(array, |millis| millis.div_euclid(1_000)),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            values::<TimestampSecondType>(array, |second| local(second, zone).max(OVERFLOW + 1))
        }
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            values::<TimestampMillisecondType>(array, |t| local(t.div_euclid(1_000), zone))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            values::<TimestampMicrosecondType>(array, |t| local(t.div_euclid(1_000_000), zone))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            values::<TimestampNanosecondType>(array, |t| local(t.div_euclid(1_000_000_000), zone))
        }
        _ => by_value(&text_column(array), |text| mapping.seconds(text, clock)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Float64Array, Int64Array, StringArray, TimestampSecondArray};

    #[test]
    fn ids_of_any_type_are_the_same_text() {
        let dictionary: DictionaryArray<Int32Type> = vec![Some("17850"), None, Some("  ")].into_iter().collect();
        let arrays: [ArrayRef; 4] = [
            Arc::new(dictionary),
            Arc::new(Int64Array::from(vec![Some(17_850), None, None])),
            Arc::new(Float64Array::from(vec![Some(17_850.0), None, None])),
            Arc::new(StringArray::from(vec![Some(" 17850 "), None, Some("")])),
        ];
        for array in arrays {
            let column = text_column(&array);
            assert_eq!(column.value(0), Some(&b"17850"[..]), "{:?}", array.data_type());
            assert_eq!((column.value(1), column.value(2)), (None, None));
        }
    }

    #[test]
    fn numbers_of_any_type_are_the_same_integer() {
        let arrays: [ArrayRef; 3] = [
            Arc::new(Float64Array::from(vec![Some(2.0), Some(f64::NAN), Some(f64::INFINITY)])),
            Arc::new(Int64Array::from(vec![Some(2), None, Some(i64::MAX)])),
            Arc::new(StringArray::from(vec![Some("2.00"), None, Some("9e99")])),
        ];
        for array in arrays {
            let numbers = number_column(&array, Canonical::Quantity, &Mapping::by_position(&[]), 4);
            assert_eq!(numbers[..2], [20_000, MISSING], "{:?}", array.data_type());
            assert!(!super::super::batch::is_value(numbers[2]), "{:?}", array.data_type());
        }
    }

    #[test]
    fn a_time_is_shown_as_an_instant_whatever_its_zone_is_called() {
        let times = TimestampSecondArray::from(vec![Some(1), None]).with_timezone("Mars/Base");
        let columns: [(&str, ArrayRef); 2] = [
            ("id", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("at", Arc::new(times)),
        ];
        let texts = sample_texts(&RecordBatch::try_from_iter(columns).unwrap());
        assert_eq!(texts[1], [b"1970-01-01T00:00:01Z".to_vec(), b"".to_vec()]);
    }
}
