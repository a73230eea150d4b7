//! Typed lines, one block at a time: what every reader hands to cleaning.
//!
//! Text columns are dictionary coded within the block, so that rules about ids look at each distinct value
//! once; numbers and times are integers with three reserved values for what could not be read.

use std::fmt::Write;
use std::hash::Hasher;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;
use xxhash_rust::xxh64::xxh64;

use super::date::LocalClock;
use super::header::Canonical;
use super::mapping::{Mapping, MoneyBasis, NUMBERS};

/// Code of a value that is absent: an empty field, a null.
pub const MISSING_CODE: u32 = u32::MAX;

/// Reserved integers of number and time columns.
pub const MISSING: i64 = i64::MIN;
pub const BAD: i64 = i64::MIN + 1;
pub const OVERFLOW: i64 = i64::MIN + 2;

/// Whether an integer of a number or time column is a value and none of the reserved ones.
pub fn is_value(number: i64) -> bool {
    number > OVERFLOW
}

/// The distinct byte strings of a column, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.bytes[start..self.ends[i]]
    }

    /// The text of value `i`; broken sequences are shown as U+FFFD.
    pub fn text(&self, i: usize) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.get(i))
    }

    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|i| self.get(i))
    }
}

/// A set of strings with dense codes in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    table: HashTable<u32>,
    strings: Strings,
    hashes: Vec<u64>,
}

impl Interner {
    pub fn intern(&mut self, value: &[u8]) -> u32 {
        self.intern_hashed(value, hash(value))
    }

    /// As [`Interner::intern`], for a caller that has hashed the value with [`hash`] already.
    pub fn intern_hashed(&mut self, value: &[u8], hash: u64) -> u32 {
        let Self { table, strings, hashes } = self;
        let same = |&code: &u32| hashes[code as usize] == hash && strings.get(code as usize) == value;
        if let Some(&code) = table.find(hash, same) {
            return code;
        }
        let code = strings.len() as u32;
        table.insert_unique(hash, code, |&other| hashes[other as usize]);
        strings.push(value);
        hashes.push(hash);
        code
    }

    pub fn strings(&self) -> &Strings {
        &self.strings
    }

    pub fn into_strings(self) -> Strings {
        self.strings
    }
}

/// The hash of an id: stable across runs, machines and versions, so that it may decide the order of ties.
pub fn hash(value: &[u8]) -> u64 {
    xxh3_64(value)
}

/// The hash of an order id, which decides the order of a customer's equal lines. Spark's `xxhash64`, so that lines on a
/// cluster stand in the same order.
pub fn order_hash(value: &[u8]) -> u64 {
    const SPARK_SEED: u64 = 42;
    xxh64(value, SPARK_SEED)
}

/// A seeded-once hasher for small maps of integers; never iterated.
#[derive(Default)]
pub struct IntHasher(u64);

impl Hasher for IntHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes) ^ self.0.rotate_left(29);
    }
    fn write_u64(&mut self, value: u64) {
        let mixed = (value ^ self.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

pub type IntMap<K, V> = hashbrown::HashMap<K, V, std::hash::BuildHasherDefault<IntHasher>>;

/// A dictionary-coded text column; one code for each row.
#[derive(Clone, Debug, Default)]
pub struct TextColumn {
    pub codes: Vec<u32>,
    /// May be shared with other batches, and hold values that stand in no row of this one.
    pub values: Arc<Strings>,
}

impl TextColumn {
    /// The same value in every row.
    pub fn constant(value: &[u8], n_rows: usize) -> Self {
        let mut builder = TextBuilder::default();
        builder.push(value);
        let mut column = builder.finish();
        let code = column.codes[0];
        column.codes.resize(n_rows, code);
        column.codes.truncate(n_rows);
        column
    }

    pub fn value(&self, row: usize) -> Option<&[u8]> {
        match self.codes.get(row) {
            Some(&code) if code != MISSING_CODE => Some(self.values.get(code as usize)),
            _ => None,
        }
    }
}

/// A value as it is compared, and its code. Ids are short: their bytes fit two integers, and nothing else needs to be looked at.
#[derive(Clone, Copy)]
struct Key {
    first: u64,
    /// The last eight bytes; beyond [`Key::SHORT`], the hash.
    last: u64,
    length: u32,
    code: u32,
}

impl Key {
    /// Up to here, the first and the last eight bytes are all.
    const SHORT: u32 = 16;

    #[inline]
    fn of(value: &[u8]) -> Self {
        let length = value.len() as u32;
        let (first, last) = match (value.first_chunk(), value.last_chunk()) {
            (Some(first), Some(last)) => {
                let last = if length <= Self::SHORT {
                    u64::from_le_bytes(*last)
                } else {
                    hash(value)
                };
                (u64::from_le_bytes(*first), last)
            }
            _ => match (value.first_chunk(), value.last_chunk()) {
                (Some(first), Some(last)) => (
                    u64::from(u32::from_le_bytes(*first)),
                    u64::from(u32::from_le_bytes(*last)),
                ),
                // Three bytes at most.
                _ => (value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), 0),
            },
        };
        Self {
            first,
            last,
            length,
            code: 0,
        }
    }

    /// Folded multiplication, as wyhash has it.
    #[inline]
    fn hash(self) -> u64 {
        if Self::SHORT < self.length {
            return self.last;
        }
        let first = self.first ^ 0xA076_1D64_78BD_642F;
        let last = self.last ^ 0xE703_7ED1_A0B4_28DB ^ u64::from(self.length);
        let product = u128::from(first) * u128::from(last);
        product as u64 ^ (product >> 64) as u64
    }
}

/// Builds a [`TextColumn`] from one value a row. Lines of one order stand together, so the previous value is
/// tried before the table.
#[derive(Default)]
pub struct TextBuilder {
    codes: Vec<u32>,
    table: HashTable<Key>,
    values: Strings,
    previous: Option<Key>,
}

impl TextBuilder {
    pub fn reserve(&mut self, n_rows: usize) {
        self.codes.reserve(n_rows);
        // Lines of an order, four or so, share its id; a room left empty costs next to nothing.
        self.table.reserve(n_rows / 4, |key| key.hash());
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        let value = value.trim_ascii();
        let code = if value.is_empty() {
            MISSING_CODE
        } else {
            self.code(value)
        };
        self.codes.push(code);
    }

    #[inline]
    fn code(&mut self, value: &[u8]) -> u32 {
        let Self {
            table,
            values,
            previous,
            ..
        } = self;
        let key = Key::of(value);
        let is_same = |other: &Key| {
            (other.first, other.last, other.length) == (key.first, key.last, key.length)
                && (key.length <= Key::SHORT || values.get(other.code as usize) == value)
        };
        if let Some(known) = previous
            && is_same(known)
        {
            return known.code;
        }
        let found = match table.find(key.hash(), is_same) {
            Some(found) => *found,
            None => {
                let code = values.len() as u32;
                let new = Key { code, ..key };
                table.insert_unique(key.hash(), new, |other| other.hash());
                values.push(value);
                new
            }
        };
        *previous = Some(found);
        found.code
    }

    pub fn push_missing(&mut self) {
        self.codes.push(MISSING_CODE);
    }

    pub fn finish(self) -> TextColumn {
        TextColumn {
            codes: self.codes,
            values: Arc::new(self.values),
        }
    }
}

/// Where a record stands in its block, its line end included, and the line ends of the block before it. A block is
/// far shorter than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub start: u32,
    pub end: u32,
    pub n_lines_before: u32,
}

/// The rows as they stood in the file, for the rejects table.
#[derive(Debug)]
pub enum RawRows {
    /// A block of text that starts on this physical line of its file.
    Text {
        bytes: Vec<u8>,
        first_line: u64,
        records: Vec<Record>,
    },
    /// Columns of a binary format; the first row of the batch has this 1-based number in the file.
    Columns { batch: RecordBatch, first_row: u64 },
    /// Some rows of a binary format, each with its 1-based number in the file.
    Picked { batch: RecordBatch, rows: Vec<u64> },
}

impl RawRows {
    /// Where row `i` stands in its file: the physical line of a text file, the 1-based row otherwise.
    pub fn number(&self, i: usize) -> u64 {
        match self {
            Self::Text {
                first_line, records, ..
            } => first_line + u64::from(records[i].n_lines_before),
            Self::Columns { first_row, .. } => first_row + i as u64,
            Self::Picked { rows, .. } => rows[i],
        }
    }

    /// Row `i` as text: see [`RowTexts::row`].
    pub fn text(&self, i: usize) -> String {
        self.texts().row(i)
    }

    pub fn texts(&self) -> RowTexts<'_> {
        let mut columns: Vec<(String, Option<ArrayFormatter<'_>>)> = Vec::new();
        if let Self::Columns { batch, .. } | Self::Picked { batch, .. } = self {
            const OPTIONS: FormatOptions<'_> = FormatOptions::new().with_null("");
            for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
                let key = serde_json::Value::from(field.name().as_str()).to_string();
                let formatter = ArrayFormatter::try_new(array.as_ref(), &OPTIONS).ok();
                // Of columns of the same name the last counts.
                match columns.iter_mut().find(|(of, _)| *of == key) {
                    Some((_, before)) => *before = formatter,
                    None => columns.push((key, formatter)),
                }
            }
        }
        RowTexts { raw: self, columns }
    }
}

/// Rows of a batch as text; what is the same for every row is made once.
pub struct RowTexts<'a> {
    raw: &'a RawRows,
    /// Names as JSON. Values that cannot be written stay empty.
    columns: Vec<(String, Option<ArrayFormatter<'a>>)>,
}

impl RowTexts<'_> {
    /// Row `i`: the line itself, or a JSON object of the columns that are read.
    pub fn row(&self, i: usize) -> String {
        match self.raw {
            RawRows::Text { bytes, records, .. } => {
                let Record { start, end, .. } = records[i];
                String::from_utf8_lossy(&bytes[start as usize..end as usize])
                    .trim_end_matches(['\r', '\n'])
                    .to_string()
            }
            RawRows::Columns { .. } | RawRows::Picked { .. } => {
                let (mut object, mut value) = (vec![b'{'], String::new());
                for (n, (key, formatter)) in self.columns.iter().enumerate() {
                    value.clear();
                    // Writing into memory does not fail.
                    if let Some(formatter) = formatter {
                        let _ = write!(value, "{}", formatter.value(i));
                    }
                    object.extend(if n == 0 { "" } else { "," }.bytes().chain(key.bytes()).chain([b':']));
                    let _ = serde_json::to_writer(&mut object, &value);
                }
                object.push(b'}');
                String::from_utf8(object).unwrap_or_default()
            }
        }
    }
}

/// One block of lines. Optional columns that the input does not have are `None`; all others have one value a
/// row.
#[derive(Debug)]
pub struct RawBatch {
    /// Position of the file in the list of inputs.
    pub file: u32,
    pub n_rows: usize,
    pub customer: TextColumn,
    pub order: Option<TextColumn>,
    pub product: Option<TextColumn>,
    pub product_name: Option<TextColumn>,
    pub currency: Option<TextColumn>,
    pub line_type: Option<TextColumn>,
    /// Business line, channel or category, where lines are to be grouped by it.
    pub group: Option<TextColumn>,
    /// Seconds since 1970-01-01 on the wall clock of the run's time zone.
    pub ordered_at: Vec<i64>,
    /// Ten-thousandths of a currency unit.
    pub amount: Option<Vec<i64>>,
    /// Ten-thousandths of a piece.
    pub quantity: Option<Vec<i64>>,
    /// Millionths of a currency unit.
    pub unit_price: Option<Vec<i64>>,
    /// Millionths of a currency unit; of a piece or a line, says `basis`.
    pub cost: Option<Vec<i64>>,
    /// Millionths of what `basis` says.
    pub discount: Option<Vec<i64>>,
    pub basis: MoneyBasis,
    /// Rows with a number of fields other than the header's, ascending.
    pub ragged: Vec<u32>,
    /// Rows that hold bytes that are no text in the file's encoding, ascending.
    pub broken: Vec<u32>,
    pub raw: RawRows,
}

impl RawBatch {
    /// A batch without columns.
    pub fn new(file: u32, n_rows: usize, basis: MoneyBasis, raw: RawRows) -> Self {
        Self {
            file,
            n_rows,
            customer: TextColumn {
                codes: vec![MISSING_CODE; n_rows],
                values: Arc::default(),
            },
            order: None,
            product: None,
            product_name: None,
            currency: None,
            line_type: None,
            group: None,
            ordered_at: vec![MISSING; n_rows],
            amount: None,
            quantity: None,
            unit_price: None,
            cost: None,
            discount: None,
            basis,
            ragged: Vec::new(),
            broken: Vec::new(),
            raw,
        }
    }

    /// Puts one of [`Mapping::texts`] in its place.
    pub fn set_text(&mut self, column: Canonical, values: Option<TextColumn>) {
        match column {
            Canonical::CustomerId => {
                if let Some(values) = values {
                    self.customer = values;
                }
            }
            Canonical::OrderId => self.order = values,
            Canonical::ProductId => self.product = values,
            Canonical::ProductName => self.product_name = values,
            Canonical::Currency => self.currency = values,
            Canonical::LineType => self.line_type = values,
            Canonical::BusinessLine | Canonical::Channel | Canonical::Category => self.group = values,
            _ => {}
        }
    }

    /// Puts one of [`NUMBERS`] in its place.
    pub fn set_numbers(&mut self, column: Canonical, values: Option<Vec<i64>>) {
        match column {
            Canonical::Amount => self.amount = values,
            Canonical::Quantity => self.quantity = values,
            Canonical::UnitPrice => self.unit_price = values,
            Canonical::Cost => self.cost = values,
            Canonical::Discount => self.discount = values,
            _ => {}
        }
    }

    /// Fills in the columns that have one value for the whole file.
    pub fn fill_constants(&mut self, mapping: &Mapping, clock: &mut LocalClock) {
        for (column, value) in &mapping.constants {
            let value = value.as_bytes();
            if *column == Canonical::OrderedAt {
                self.ordered_at = vec![mapping.seconds(value, clock); self.n_rows];
            } else if mapping.texts().any(|text| text == *column) {
                self.set_text(*column, Some(TextColumn::constant(value, self.n_rows)));
            } else if let Some((_, decimals)) = NUMBERS.iter().find(|(number, _)| number == column) {
                let number = mapping.number(*column, value, *decimals);
                self.set_numbers(*column, Some(vec![number; self.n_rows]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_row_of_columns_is_a_json_object() {
        let columns: [(&str, ArrayRef); 2] = [
            (
                "the \"id\"",
                Arc::new(StringArray::from(vec![Some("a \"b\" \\ \n\u{1}\u{e9}"), None])),
            ),
            ("n", Arc::new(Int64Array::from(vec![1, 2]))),
        ];
        let raw = RawRows::Columns {
            batch: RecordBatch::try_from_iter(columns).unwrap(),
            first_row: 1,
        };
        let first: serde_json::Value = serde_json::from_str(&raw.text(0)).unwrap();
        assert_eq!(
            first,
            serde_json::json!({"the \"id\"": "a \"b\" \\ \n\u{1}\u{e9}", "n": "1"})
        );
        assert_eq!(raw.text(1), r#"{"the \"id\"":"","n":"2"}"#);
    }

    #[test]
    fn text_is_coded_in_order_of_appearance_and_blanks_are_missing() {
        let mut builder = TextBuilder::default();
        for value in ["b", "a", " b ", "", "  "] {
            builder.push(value.as_bytes());
        }
        let column = builder.finish();
        assert_eq!(column.codes, [0, 1, 0, MISSING_CODE, MISSING_CODE]);
        assert_eq!(column.values.text(1), "a");
        assert_eq!(column.value(2), Some(&b"b"[..]));
        assert_eq!(column.value(3), None);
    }

    /// What Spark 4.3 answers to `SELECT xxhash64('C536379'), xxhash64('5'), xxhash64('abc...XYZ')`.
    #[test]
    fn orders_are_hashed_as_spark_does() {
        for (id, hash) in [
            ("C536379", -1_839_018_663_222_104_233),
            ("5", 3_570_466_563_200_151_918),
            (
                "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF",
                1_498_839_116_691_236_264_i64,
            ),
        ] {
            assert_eq!(order_hash(id.as_bytes()) as i64, hash, "{id}");
        }
    }

    /// Values that agree in length, in their first and in their last bytes are told apart all the same.
    #[test]
    fn text_is_told_apart_at_every_length() {
        let mut values: Vec<Vec<u8>> = Vec::new();
        for length in 1..40 {
            for at in 0..length {
                let mut value = vec![b'a'; length];
                value[at] = b'b';
                values.push(value);
            }
            values.push(vec![b'a'; length]);
        }
        let mut builder = TextBuilder::default();
        for value in values.iter().chain(&values) {
            builder.push(value);
            builder.push(value);
        }
        let column = builder.finish();
        assert_eq!(column.values.len(), values.len());
        for (row, value) in values.iter().chain(&values).enumerate() {
            assert_eq!(column.value(2 * row), Some(&value[..]));
            assert_eq!(column.value(2 * row + 1), Some(&value[..]));
        }
    }

    #[test]
    fn equal_strings_have_equal_codes() {
        let mut interner = Interner::default();
        let codes: Vec<u32> = (0..1000)
            .map(|i| interner.intern((i % 97).to_string().as_bytes()))
            .collect();
        assert_eq!(interner.strings().len(), 97);
        assert!((0..1000).all(|i| codes[i] == codes[i % 97]));
    }
}
