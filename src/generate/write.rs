//! Orders and lines as Parquet row groups or as text.
//!
//! In: a block and a range of its orders. Out: encoded bytes, ready to be appended to a file. A block is
//! encoded by one thread, so the bytes do not depend on how many there are.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use chrono::{Days, NaiveDate};
use flate2::Compression as GzipLevel;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, TypePtr};

use super::catalogue::{Catalogue, POSTAGE};
use super::history::{Block, CHANNELS, Line, Order};
use super::mess::{self, Mess};

const MINUTES_PER_DAY: u32 = 1_440;
const MILLIS_PER_MINUTE: i64 = 60_000;
/// A row group ends with the order that reaches this many rows.
const ROW_GROUP_ROWS: usize = 524_288;
/// The number of the first order.
const FIRST_ORDER: u64 = 100_001;

const HEADER: &str = "order_id,customer_id,ordered_at,product_id,product_name,category,\
    business_line,channel,quantity,unit_price,cost,currency\n";

/// How lines are written down.
pub(super) enum Notation {
    Parquet(ParquetLayout),
    Csv,
    Messy,
}

/// Encoded lines of one file, in the order in which they are to be appended.
pub(super) struct Encoded {
    pub rows: u64,
    pub data: EncodedData,
}

pub(super) enum EncodedData {
    RowGroups(Vec<Vec<ArrowColumnChunk>>),
    Text(Vec<u8>),
}

/// Lines to encode.
pub(super) struct Segment<'a> {
    pub block: &'a Block,
    /// Numbers given to orders of earlier blocks.
    pub numbers_before: u64,
    pub orders: Range<usize>,
    /// Whether these are the first lines of a file, so that the header goes before them.
    pub starts_file: bool,
}

impl Segment<'_> {
    fn orders(&self, range: Range<usize>) -> impl Iterator<Item = (&Order, u64, &[Line])> {
        let first = FIRST_ORDER + self.numbers_before;
        self.block
            .orders(range)
            .map(move |(order, rank, lines)| (order, first + u64::from(rank), lines))
    }
}

/// Every text that can stand in a line, made once.
pub(super) struct Labels {
    /// Products, then postage.
    pub products: Vec<ProductLabel>,
    pub currency: String,
    customer_width: usize,
    first_day: i64,
    days: Vec<DayLabel>,
}

pub(super) struct ProductLabel {
    pub id: String,
    pub name: String,
    pub name_quoted: String,
    pub name_doubled_quotes: String,
    pub category: &'static str,
    pub business_line: &'static str,
    pub cost_cents: i64,
    category_key: Option<i32>,
    business_line_key: Option<i32>,
}

struct DayLabel {
    iso: String,
    day_first: String,
}

impl Labels {
    pub(super) fn new(catalogue: &Catalogue, start: NaiveDate, days: u32, n_customers: u64, currency: &str) -> Self {
        let label = |id: &str, name: &str, cost_cents: i64| ProductLabel {
            id: id.to_owned(),
            name: name.to_owned(),
            name_quoted: if name.contains([',', '"']) {
                format!("\"{}\"", name.replace('"', "\"\""))
            } else {
                name.to_owned()
            },
            name_doubled_quotes: name.replace('"', "\"\""),
            category: "",
            business_line: "",
            cost_cents,
            category_key: None,
            business_line_key: None,
        };
        let mut products: Vec<ProductLabel> = catalogue
            .products
            .iter()
            .map(|product| ProductLabel {
                category: Catalogue::category_name(product.category),
                business_line: Catalogue::business_line_name(product.business_line),
                category_key: Some(product.category as i32),
                business_line_key: Some(product.business_line as i32),
                ..label(&product.id, &product.name, product.cost_cents)
            })
            .collect();
        products.push(label(POSTAGE.id, POSTAGE.name, POSTAGE.cost_cents));
        let day = |date: NaiveDate| DayLabel {
            iso: date.format("%Y-%m-%d").to_string(),
            day_first: date.format("%d/%m/%Y").to_string(),
        };
        Self {
            products,
            currency: currency.to_owned(),
            customer_width: n_customers.to_string().len().max(5),
            first_day: start.signed_duration_since(NaiveDate::default()).num_days(),
            days: (0..u64::from(days))
                .filter_map(|i| start.checked_add_days(Days::new(i)))
                .map(day)
                .collect(),
        }
    }

    pub(super) fn channel(&self, order: &Order) -> &'static str {
        CHANNELS[usize::from(order.channel)].0
    }

    /// `31/12/2024 09:05`.
    pub(super) fn push_day_first(&self, minute: u32, out: &mut Vec<u8>) {
        let day = &self.days[(minute / MINUTES_PER_DAY) as usize];
        push_minute(&day.day_first, minute, out);
    }

    /// `2024-12-31 09:05:00`.
    fn push_iso(&self, minute: u32, out: &mut Vec<u8>) {
        push_minute(&self.days[(minute / MINUTES_PER_DAY) as usize].iso, minute, out);
        out.extend_from_slice(b":00");
    }

    fn millis(&self, minute: u32) -> i64 {
        (self.first_day * i64::from(MINUTES_PER_DAY) + i64::from(minute)) * MILLIS_PER_MINUTE
    }

    fn write_customer(&self, customer: u64, out: &mut impl std::fmt::Write) {
        let width = self.customer_width;
        // Writing to a string in memory cannot fail.
        let _ = write!(out, "C{:0width$}", customer + 1);
    }

    fn set_order_id(order: &Order, number: u64, id: &mut String) {
        use std::fmt::Write;
        id.clear();
        if order.kind.takes_back() {
            id.push('C');
        }
        let _ = write!(id, "{number}");
    }
}

impl Notation {
    /// Encodes the segments of one block, each for its own file. `mess`: the block's.
    pub(super) fn encode(
        &self,
        labels: &Labels,
        segments: &[Segment<'_>],
        gzip: bool,
        mess: &mut Mess,
    ) -> Result<Vec<Encoded>, ParquetError> {
        let encode = |segment: &Segment<'_>| match self {
            Self::Parquet(layout) => layout.encode(labels, segment),
            Self::Csv | Self::Messy => {
                let mut text = Vec::new();
                let rows = match self {
                    Self::Messy => push_messy(labels, segment, mess, &mut text),
                    _ => push_csv(labels, segment, &mut text),
                };
                let text = if gzip { compress(&text)? } else { text };
                Ok(Encoded {
                    rows,
                    data: EncodedData::Text(text),
                })
            }
        };
        segments.iter().map(encode).collect()
    }
}

fn compress(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), GzipLevel::default());
    encoder.write_all(text)?;
    encoder.finish()
}

fn push_csv(labels: &Labels, segment: &Segment<'_>, out: &mut Vec<u8>) -> u64 {
    if segment.starts_file {
        out.extend_from_slice(HEADER.as_bytes());
    }
    let (mut rows, mut order_id, mut customer_id) = (0, String::new(), String::new());
    for (order, number, lines) in segment.orders(segment.orders.clone()) {
        Labels::set_order_id(order, number, &mut order_id);
        customer_id.clear();
        if let Some(customer) = order.customer {
            labels.write_customer(customer, &mut customer_id);
        }
        for line in lines {
            let product = &labels.products[line.product as usize];
            for text in [&order_id, &customer_id] {
                out.extend_from_slice(text.as_bytes());
                out.push(b',');
            }
            labels.push_iso(order.minute, out);
            let channel = labels.channel(order);
            let texts: [&str; 5] = [
                &product.id,
                &product.name_quoted,
                product.category,
                product.business_line,
                channel,
            ];
            for text in texts {
                out.push(b',');
                out.extend_from_slice(text.as_bytes());
            }
            out.push(b',');
            push_int(i64::from(line.quantity), out);
            out.push(b',');
            push_cents(i64::from(line.price_cents), b'.', out);
            out.push(b',');
            push_cents(product.cost_cents, b'.', out);
            out.push(b',');
            out.extend_from_slice(labels.currency.as_bytes());
            out.push(b'\n');
        }
        rows += lines.len() as u64;
    }
    rows
}

fn push_messy(labels: &Labels, segment: &Segment<'_>, mess: &mut Mess, out: &mut Vec<u8>) -> u64 {
    if segment.starts_file {
        out.extend_from_slice(mess::HEADER.as_bytes());
    }
    let (mut rows, mut order_id) = (0, String::new());
    for (order, number, lines) in segment.orders(segment.orders.clone()) {
        Labels::set_order_id(order, number, &mut order_id);
        for line in lines {
            rows += mess.push_line(labels, order, &order_id, line, out);
        }
    }
    rows
}

fn push_minute(day: &str, minute: u32, out: &mut Vec<u8>) {
    let minute = minute % MINUTES_PER_DAY;
    let digits = [minute / 600, minute / 60 % 10, minute % 60 / 10, minute % 10];
    let [h1, h2, m1, m2] = digits.map(|digit| b'0' + digit as u8);
    out.extend_from_slice(day.as_bytes());
    out.extend_from_slice(&[b' ', h1, h2, b':', m1, m2]);
}

pub(super) fn push_int(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Not negative: prices have no sign, quantities have.
pub(super) fn push_cents(cents: i64, point: u8, out: &mut Vec<u8>) {
    push_int(cents / 100, out);
    let rest = (cents % 100) as u8;
    out.extend_from_slice(&[point, b'0' + rest / 10, b'0' + rest % 10]);
}

/// The schema of the Parquet files, and what every row group shares.
pub(super) struct ParquetLayout {
    pub root: TypePtr,
    pub properties: WriterPropertiesPtr,
    schema: Arc<Schema>,
    row_groups: ArrowRowGroupWriterFactory,
    product_ids: ArrayRef,
    product_names: ArrayRef,
    categories: ArrayRef,
    business_lines: ArrayRef,
    channels: ArrayRef,
    currencies: ArrayRef,
}

impl ParquetLayout {
    pub(super) fn new(labels: &Labels) -> Result<Self, ParquetError> {
        // Dictionaries are how texts stand in memory; the files hold plain strings, since the schema of the
        // file is made from the Parquet types alone.
        let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![
            Field::new("order_id", DataType::Utf8, false),
            Field::new("customer_id", DataType::Utf8, true),
            Field::new("ordered_at", DataType::Timestamp(TimeUnit::Millisecond, None), false),
            Field::new("product_id", text(), false),
            Field::new("product_name", text(), false),
            Field::new("category", text(), true),
            Field::new("business_line", text(), true),
            Field::new("channel", text(), false),
            Field::new("quantity", DataType::Int64, false),
            Field::new("unit_price", DataType::Float64, false),
            Field::new("cost", DataType::Float64, false),
            Field::new("currency", text(), false),
        ]));
        // Order numbers rise and never come back: a dictionary of them is their own size again.
        let order_id = || ColumnPath::from("order_id");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_column_dictionary_enabled(order_id(), false)
            .set_column_encoding(order_id(), Encoding::DELTA_BYTE_ARRAY)
            .build();
        let properties = Arc::new(properties);
        let root = ArrowSchemaConverter::new().convert(&schema)?.root_schema_ptr();
        let any_file = SerializedFileWriter::new(io::sink(), root.clone(), properties.clone())?;

        let texts = |texts: Vec<&str>| Arc::new(StringArray::from(texts)) as ArrayRef;
        let products = &labels.products;
        // A category or line without a product keeps its place, so that keys are positions.
        let n_categories = products.iter().filter_map(|p| p.category_key).max().unwrap_or(0) + 1;
        let n_lines = products.iter().filter_map(|p| p.business_line_key).max().unwrap_or(0) + 1;
        Ok(Self {
            row_groups: ArrowRowGroupWriterFactory::new(&any_file, schema.clone()),
            root,
            properties,
            schema,
            product_ids: texts(products.iter().map(|p| &*p.id).collect()),
            product_names: texts(products.iter().map(|p| &*p.name).collect()),
            categories: texts((0..n_categories as u32).map(Catalogue::category_name).collect()),
            business_lines: texts((0..n_lines as u32).map(Catalogue::business_line_name).collect()),
            channels: texts(CHANNELS.iter().map(|(name, _)| *name).collect()),
            currencies: texts(vec![&labels.currency]),
        })
    }

    fn encode(&self, labels: &Labels, segment: &Segment<'_>) -> Result<Encoded, ParquetError> {
        let mut rows = 0;
        let mut row_groups = Vec::new();
        let mut columns = Columns::default();
        for (order, number, lines) in segment.orders(segment.orders.clone()) {
            columns.push(labels, order, number, lines);
            if ROW_GROUP_ROWS <= columns.millis.len() {
                rows += columns.millis.len() as u64;
                row_groups.push(self.encode_row_group(std::mem::take(&mut columns))?);
            }
        }
        if !columns.millis.is_empty() {
            rows += columns.millis.len() as u64;
            row_groups.push(self.encode_row_group(columns)?);
        }
        Ok(Encoded {
            rows,
            data: EncodedData::RowGroups(row_groups),
        })
    }

    fn encode_row_group(&self, columns: Columns) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        let arrays = columns.into_arrays(self)?;
        let mut chunks = Vec::with_capacity(arrays.len());
        // The row group's number matters to encrypted files only.
        let writers = self.row_groups.create_column_writers(0)?;
        for ((mut writer, array), field) in writers.into_iter().zip(arrays).zip(self.schema.fields()) {
            for leaf in compute_leaves(field, &array)? {
                writer.write(&leaf)?;
            }
            chunks.push(writer.close()?);
        }
        Ok(chunks)
    }
}

/// The columns of one row group.
#[derive(Default)]
struct Columns {
    order_ids: StringBuilder,
    customer_ids: StringBuilder,
    millis: Vec<i64>,
    products: Vec<i32>,
    categories: Vec<Option<i32>>,
    business_lines: Vec<Option<i32>>,
    channels: Vec<i32>,
    quantities: Vec<i64>,
    prices: Vec<f64>,
    costs: Vec<f64>,
    order_id: String,
    customer_id: String,
}

impl Columns {
    fn push(&mut self, labels: &Labels, order: &Order, number: u64, lines: &[Line]) {
        Labels::set_order_id(order, number, &mut self.order_id);
        self.customer_id.clear();
        if let Some(customer) = order.customer {
            labels.write_customer(customer, &mut self.customer_id);
        }
        let millis = labels.millis(order.minute);
        for line in lines {
            let product = &labels.products[line.product as usize];
            self.order_ids.append_value(&self.order_id);
            self.customer_ids
                .append_option(order.customer.map(|_| &self.customer_id));
            self.millis.push(millis);
            self.products.push(line.product as i32);
            self.categories.push(product.category_key);
            self.business_lines.push(product.business_line_key);
            self.channels.push(i32::from(order.channel));
            self.quantities.push(i64::from(line.quantity));
            self.prices.push(f64::from(line.price_cents) / 100.0);
            self.costs.push(product.cost_cents as f64 / 100.0);
        }
    }

    fn into_arrays(mut self, layout: &ParquetLayout) -> Result<Vec<ArrayRef>, ParquetError> {
        let keyed = |keys: Int32Array, values: &ArrayRef| -> Result<ArrayRef, ParquetError> {
            let array = DictionaryArray::<Int32Type>::try_new(keys, values.clone())?;
            Ok(Arc::new(array))
        };
        let n = self.millis.len();
        let products = Int32Array::from(self.products);
        Ok(vec![
            Arc::new(self.order_ids.finish()),
            Arc::new(self.customer_ids.finish()),
            Arc::new(TimestampMillisecondArray::from(self.millis)),
            keyed(products.clone(), &layout.product_ids)?,
            keyed(products, &layout.product_names)?,
            keyed(Int32Array::from(self.categories), &layout.categories)?,
            keyed(Int32Array::from(self.business_lines), &layout.business_lines)?,
            keyed(Int32Array::from(self.channels), &layout.channels)?,
            Arc::new(Int64Array::from(self.quantities)),
            Arc::new(Float64Array::from(self.prices)),
            Arc::new(Float64Array::from(self.costs)),
            keyed(Int32Array::from(vec![0; n]), &layout.currencies)?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_everybody_writes_them() {
        let int = |value| {
            let mut out = Vec::new();
            push_int(value, &mut out);
            String::from_utf8(out).unwrap()
        };
        for value in [0, 7, -7, 10, 1_234_567, i64::MAX, i64::MIN] {
            assert_eq!(int(value), value.to_string());
        }
        let mut out = Vec::new();
        push_cents(123_405, b',', &mut out);
        push_cents(7, b'.', &mut out);
        assert_eq!(out, b"1234,050.07");
        out.clear();
        push_minute("x", 5 * MINUTES_PER_DAY + 20 * 60 + 9, &mut out);
        assert_eq!(out, b"x 20:09");
    }
}
