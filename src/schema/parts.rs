//! Columns that are made a part at a time, for tables too large to be held twice, and their check.
//!
//! In: for each column a function from a row to its value. Out: an Arrow array of any range of rows, or every way in
//! which it is not the column that the [`Table`] describes. Names of a few kinds (segments, products) are codes into
//! a dictionary, never a string a row. Cost: linear in the rows of the range; nothing is kept.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, DictionaryArray, Float64Array, LargeStringArray,
    LargeStringBuilder, PrimitiveArray, make_comparator,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Date32Type, Field, Float64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow::error::ArrowError;

use super::{ATTRIBUTE_PREFIX, Column, Table, Type, Violation};

/// Rows of a part: a row group of the published file.
pub const PART_ROWS: usize = 1 << 18;

/// The parts of a table of so many rows.
pub fn parts_of(n_rows: usize) -> Vec<Range<usize>> {
    let starts = (0..n_rows).step_by(PART_ROWS);
    starts.map(|start| start..n_rows.min(start + PART_ROWS)).collect()
}

type Make<'a> = dyn Fn(Range<usize>) -> ArrayRef + Send + Sync + 'a;

/// A column of a table; what a row is, a customer or all offers of one, is the same for all columns of a table.
pub struct PartColumn<'a> {
    pub name: String,
    /// Whether values come again so often that a dictionary of them pays.
    pub repeats: bool,
    make: Box<Make<'a>>,
}

impl<'a> PartColumn<'a> {
    pub fn new(name: &str, make: impl Fn(Range<usize>) -> ArrayRef + Send + Sync + 'a) -> Self {
        Self {
            name: name.to_owned(),
            repeats: false,
            make: Box::new(make),
        }
    }

    /// Says that values come again and again.
    pub fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }

    fn primitive<T: ArrowPrimitiveType>(name: &str, value: impl Fn(usize) -> T::Native + Send + Sync + 'a) -> Self {
        Self::new(name, move |rows| {
            Arc::new(PrimitiveArray::<T>::from_iter_values(rows.map(&value)))
        })
    }

    fn nullable<T: ArrowPrimitiveType>(
        name: &str,
        value: impl Fn(usize) -> Option<T::Native> + Send + Sync + 'a,
    ) -> Self {
        Self::new(name, move |rows| {
            Arc::new(rows.map(&value).collect::<PrimitiveArray<T>>())
        })
    }

    pub fn f64s(name: &str, value: impl Fn(usize) -> f64 + Send + Sync + 'a) -> Self {
        Self::primitive::<Float64Type>(name, value)
    }

    pub fn maybe_f64s(name: &str, value: impl Fn(usize) -> Option<f64> + Send + Sync + 'a) -> Self {
        Self::nullable::<Float64Type>(name, value)
    }

    pub fn u8s(name: &str, value: impl Fn(usize) -> u8 + Send + Sync + 'a) -> Self {
        Self::primitive::<UInt8Type>(name, value).repeating()
    }

    pub fn u16s(name: &str, value: impl Fn(usize) -> u16 + Send + Sync + 'a) -> Self {
        Self::primitive::<UInt16Type>(name, value).repeating()
    }

    /// Counts; ranks do not repeat.
    pub fn u32s(name: &str, value: impl Fn(usize) -> u32 + Send + Sync + 'a) -> Self {
        Self::primitive::<UInt32Type>(name, value)
    }

    /// Positions, which do not repeat.
    pub fn u64s(name: &str, value: impl Fn(usize) -> u64 + Send + Sync + 'a) -> Self {
        Self::primitive::<UInt64Type>(name, value)
    }

    pub fn maybe_u32s(name: &str, value: impl Fn(usize) -> Option<u32> + Send + Sync + 'a) -> Self {
        Self::nullable::<UInt32Type>(name, value).repeating()
    }

    /// Days since 1970-01-01.
    pub fn dates(name: &str, value: impl Fn(usize) -> i32 + Send + Sync + 'a) -> Self {
        Self::primitive::<Date32Type>(name, value).repeating()
    }

    pub fn bools(name: &str, value: impl Fn(usize) -> bool + Send + Sync + 'a) -> Self {
        Self::new(name, move |rows| {
            let values = BooleanBuffer::collect_bool(rows.len(), |i| value(rows.start + i));
            Arc::new(BooleanArray::new(values, None))
        })
    }

    /// Texts of which few are equal, such as ids.
    pub fn texts(name: &str, value: impl Fn(usize) -> Option<&'a str> + Send + Sync + 'a) -> Self {
        Self::new(name, move |rows| {
            Arc::new(rows.map(&value).collect::<LargeStringArray>())
        })
    }

    /// Texts that are composed for each row.
    pub fn written(
        name: &str,
        write: impl Fn(usize, &mut LargeStringBuilder) -> fmt::Result + Send + Sync + 'a,
    ) -> Self {
        Self::new(name, move |rows| {
            let mut texts = LargeStringBuilder::new();
            for row in rows {
                // Writing into memory does not fail.
                let _ = write(row, &mut texts);
                texts.append_value("");
            }
            Arc::new(texts.finish())
        })
    }

    /// One of `names` for each row, by its position; a position beyond them is null.
    pub fn names(
        name: &str,
        names: impl IntoIterator<Item = &'a str>,
        position: impl Fn(usize) -> Option<usize> + Send + Sync + 'a,
    ) -> Self {
        let names: ArrayRef = Arc::new(names.into_iter().map(Some).collect::<LargeStringArray>());
        Self::new(name, move |rows| {
            coded(&names, rows.map(|row| position(row).map(|code| code as u32)))
        })
        .repeating()
    }

    /// The values of these rows.
    pub fn make(&self, rows: Range<usize>) -> ArrayRef {
        (self.make)(rows)
    }
}

/// Codes into `names`; one beyond them is null.
pub fn coded(names: &ArrayRef, codes: impl Iterator<Item = Option<u32>>) -> ArrayRef {
    let n_names = names.len();
    let known = codes.map(|code| code.filter(|&code| (code as usize) < n_names));
    let keys: PrimitiveArray<UInt32Type> = known.collect();
    // Every key is below the number of names, which is all that could be wrong.
    match DictionaryArray::try_new(keys, names.clone()) {
        Ok(array) => Arc::new(array),
        Err(_) => Arc::new(LargeStringArray::new_null(0)),
    }
}

impl Type {
    /// What readers of a published file see.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Str => DataType::Utf8View,
            Self::Date => DataType::Date32,
            Self::U8 => DataType::UInt8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::F64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::StrList => DataType::LargeList(Arc::new(Field::new("element", DataType::Utf8View, true))),
        }
    }

    fn is_made_as(self, made: &DataType) -> bool {
        match (self, made) {
            (Self::Str, DataType::Dictionary(_, values)) => Self::Str.is_made_as(values),
            (Self::Str, made) => *made == DataType::LargeUtf8,
            (Self::StrList, DataType::LargeList(element)) => Self::Str.is_made_as(element.data_type()),
            (_, made) => self.arrow() == *made,
        }
    }
}

impl Table {
    /// The description of each column that is made: those of the table in their order, then attributes.
    pub fn describe(&self, made: &[PartColumn<'_>]) -> Result<Vec<Column>, Violation> {
        let expected: Vec<&'static Column> = self.columns().collect();
        let n_attributes = made.len().saturating_sub(expected.len());
        let (of_table, attributes) = made.split_at(made.len() - n_attributes);
        let fits = of_table
            .iter()
            .map(|column| column.name.as_str())
            .eq(expected.iter().map(|c| c.name))
            && attributes
                .iter()
                .all(|column| column.name.starts_with(ATTRIBUTE_PREFIX));
        if !fits {
            return Err(Violation::Columns {
                table: self.name,
                found: made.iter().map(|column| column.name.clone()).collect(),
                expected: expected.iter().map(|column| column.name.to_owned()).collect(),
            });
        }
        let attribute = super::nullable("attribute", Type::Str, "from the table of customers");
        Ok(expected
            .into_iter()
            .copied()
            .chain(attributes.iter().map(|_| attribute))
            .collect())
    }

    /// What is wrong with the values of one column, of which `before` rows stand in earlier parts.
    pub fn check_values(&self, described: &Column, values: &dyn Array, before: usize) -> Option<Violation> {
        let (table, column) = (self.name, described.name);
        if !described.ty.is_made_as(values.data_type()) {
            return Some(Violation::Type {
                table,
                column,
                found: values.data_type().to_string(),
                expected: described.ty.name(),
            });
        }
        let n = values.logical_null_count();
        if n > 0 && !described.nullable {
            return Some(Violation::Nulls { table, column, n });
        }
        let floats = values.as_any().downcast_ref::<Float64Array>()?;
        let row = if n == 0 {
            floats.values().iter().position(|value| !value.is_finite())
        } else {
            floats
                .iter()
                .position(|value| value.is_some_and(|value| !value.is_finite()))
        };
        row.map(|row| Violation::NotFinite {
            table,
            column,
            row: before + row,
        })
    }

    /// Whether the rows ascend by the columns that the table is sorted by, given in their order; `last` is the row
    /// before the first of them, and becomes the last.
    pub fn check_order(
        &self,
        keys: &[ArrayRef],
        last: &mut Vec<ArrayRef>,
        before: usize,
    ) -> Result<Option<Violation>, ArrowError> {
        let n_rows = keys.first().map_or(0, |key| key.len());
        let Some(end) = n_rows.checked_sub(1) else {
            return Ok(None);
        };
        let compare = |lefts: &[ArrayRef]| -> Result<Vec<_>, ArrowError> {
            let pairs = lefts.iter().zip(keys);
            pairs
                .map(|(left, right)| make_comparator(left, right, SortOptions::default()))
                .collect()
        };
        let (with_last, among) = (compare(last)?, compare(keys)?);
        let rises = |comparators: &[_], left: usize, right: usize| {
            let by_key = |compare: &arrow::array::DynComparator| compare(left, right);
            let first_unlike = comparators
                .iter()
                .map(by_key)
                .find(|ordering| *ordering != Ordering::Equal);
            first_unlike == Some(Ordering::Less)
        };
        let unsorted = if !last.is_empty() && !rises(&with_last, 0, 0) {
            Some(0)
        } else {
            (1..n_rows).find(|&row| !rises(&among, row - 1, row))
        };
        *last = keys.iter().map(|key| key.slice(end, 1)).collect();
        Ok(unsorted.map(|row| Violation::Order {
            table: self.name,
            row: before + row,
            sorted_by: self.sorted_by,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::schema::{column, nullable};

    const PEOPLE: Table = Table {
        name: "people",
        doc: "Test.",
        sorted_by: &["id", "year"],
        parts: &[&[
            column("id", Type::Str, "who"),
            column("year", Type::U32, "when"),
            nullable("worth", Type::F64, "EUR"),
        ]],
    };

    fn columns<'a>(ids: &'a [&'a str], years: &'a [u32], worth: &'a [Option<f64>]) -> Vec<PartColumn<'a>> {
        vec![
            PartColumn::texts("id", |i| Some(ids[i])),
            PartColumn::u32s("year", |i| years[i]),
            PartColumn::maybe_f64s("worth", |i| worth[i]),
        ]
    }

    #[test]
    fn columns_are_named_as_the_table_says_and_may_end_in_attributes() {
        let mut made = columns(&[], &[], &[]);
        assert!(PEOPLE.describe(&made[..2]).is_err());
        made.push(PartColumn::texts("attribute_region", |_| None));
        let described = PEOPLE.describe(&made).unwrap();
        assert_eq!(described.len(), 4);
        assert!(described[3].nullable && described[3].ty == Type::Str);
        made.push(PartColumn::texts("region", |_| None));
        assert!(matches!(PEOPLE.describe(&made), Err(Violation::Columns { .. })));
    }

    #[test]
    fn types_nulls_and_numbers_that_are_not_finite_are_found() {
        let made = columns(&["a", "b"], &[1, 2], &[None, Some(f64::NAN)]);
        let described = PEOPLE.describe(&made).unwrap();
        let check = |column: usize, values: &ArrayRef| PEOPLE.check_values(&described[column], values, 10);
        assert_eq!(check(0, &made[0].make(0..2)), None);
        assert_eq!(check(2, &made[2].make(0..1)), None);
        let nan = check(2, &made[2].make(0..2));
        assert!(matches!(nan, Some(Violation::NotFinite { row: 11, .. })), "{nan:?}");
        assert!(matches!(check(1, &made[2].make(0..1)), Some(Violation::Type { .. })));
        let names = PartColumn::names("id", ["x", "y"], |i| [Some(1), None, Some(2)].get(i).copied().flatten());
        assert_eq!(check(0, &names.make(0..1)), None);
        assert!(matches!(
            check(0, &names.make(0..3)),
            Some(Violation::Nulls { n: 2, .. })
        ));
    }

    #[test]
    fn order_is_checked_across_parts() {
        let ids = ["a", "a", "b", "b", "a"];
        let years = [1, 2, 1, 1, 9];
        let made = columns(&ids, &years, &[None; 5]);
        let check = |last: &mut Vec<ArrayRef>, rows: Range<usize>| {
            let keys = [made[0].make(rows.clone()), made[1].make(rows.clone())];
            PEOPLE.check_order(&keys, last, rows.start).unwrap()
        };
        let mut last = Vec::new();
        assert_eq!(check(&mut last, 0..2), None);
        assert_eq!(check(&mut last, 2..3), None);
        let row_of = |found: Option<Violation>| match found {
            Some(Violation::Order { row, .. }) => Some(row),
            _ => None,
        };
        assert_eq!(row_of(check(&mut last, 3..5)), Some(3));
        assert_eq!(row_of(check(&mut Vec::new(), 0..5)), Some(3));
        assert_eq!(row_of(check(&mut last, 4..4)), None);
        assert_eq!(row_of(check(&mut last, 0..1)), Some(0));
    }

    #[test]
    fn texts_are_written_one_a_row() {
        let column = PartColumn::written("text", |i, text| write!(text, "row {i}"));
        let made = column.make(3..5);
        let texts = made.as_any().downcast_ref::<LargeStringArray>().unwrap();
        assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["row 3", "row 4"]);
    }
}
