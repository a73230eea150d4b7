//! Descriptions of the published tables: one source for the check before writing, for `quintile schema`,
//! for the Parquet metadata and for the README.
//!
//! In: a data frame and the [`Table`] that it claims to be. Out: nothing, or every way in which it is not.
//! Cost: linear in cells, one pass for each column.

pub mod parts;

use std::fmt::Write as _;

use polars::prelude::{AnyValue, Column as Series, DataFrame, DataType};

/// Version of the published layout. A column once published keeps its name, type and meaning within it.
pub const SCHEMA_VERSION: &str = "1";

/// What the names of columns begin with that come from the user's own table of customers. A table may end in them;
/// they are nullable text, and their names are the user's.
pub const ATTRIBUTE_PREFIX: &str = "attribute_";

/// Physical type of a published column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Str,
    Date,
    U8,
    U16,
    U32,
    U64,
    F64,
    Bool,
    /// A list of strings.
    StrList,
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Date => "date",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F64 => "f64",
            Self::Bool => "bool",
            Self::StrList => "list of str",
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Str => DataType::String,
            Self::Date => DataType::Date,
            Self::U8 => DataType::UInt8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::F64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::StrList => DataType::List(Box::new(DataType::String)),
        }
    }
}

/// One published column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub ty: Type,
    pub nullable: bool,
    /// Meaning and unit, one line.
    pub doc: &'static str,
}

/// A column that is never null.
pub const fn column(name: &'static str, ty: Type, doc: &'static str) -> Column {
    Column {
        name,
        ty,
        nullable: false,
        doc,
    }
}

/// A column that is null where the value is unknown; a status or a count beside it says why.
pub const fn nullable(name: &'static str, ty: Type, doc: &'static str) -> Column {
    Column {
        name,
        ty,
        nullable: true,
        doc,
    }
}

/// One published table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub doc: &'static str,
    /// Columns by which the rows are sorted; unique together.
    pub sorted_by: &'static [&'static str],
    /// The columns, in parts: a table joined from several stages has one part a stage.
    pub parts: &'static [&'static [Column]],
}

/// One way in which a frame is not the table that it claims to be. Always a bug of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Violation {
    #[error("{table}: columns are {found:?}, expected {expected:?}")]
    Columns {
        table: &'static str,
        found: Vec<String>,
        expected: Vec<String>,
    },
    #[error("{table}.{column}: type is {found}, expected {expected}")]
    Type {
        table: &'static str,
        column: &'static str,
        found: String,
        expected: &'static str,
    },
    #[error("{table}.{column}: {n} nulls in a column that has none")]
    Nulls {
        table: &'static str,
        column: &'static str,
        n: usize,
    },
    #[error("{table}.{column}: row {row} is not a finite number")]
    NotFinite {
        table: &'static str,
        column: &'static str,
        row: usize,
    },
    #[error("{table}: row {row} is not in ascending order of {sorted_by:?}")]
    Order {
        table: &'static str,
        row: usize,
        sorted_by: &'static [&'static str],
    },
}

impl Table {
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// Every violation of names, types, nulls, finiteness and order; empty means that the frame may be published.
    pub fn check(&self, frame: &DataFrame) -> Vec<Violation> {
        let mut found: Vec<String> = frame.get_column_names().iter().map(|n| n.to_string()).collect();
        while found.last().is_some_and(|name| name.starts_with(ATTRIBUTE_PREFIX)) {
            found.pop();
        }
        let expected: Vec<String> = self.columns().map(|c| c.name.to_string()).collect();
        if found != expected {
            return vec![Violation::Columns {
                table: self.name,
                found,
                expected,
            }];
        }
        let mut violations = Vec::new();
        for (described, series) in self.columns().zip(frame.columns()) {
            self.check_column(described, series, &mut violations);
        }
        if violations.is_empty()
            && let Some(row) = self.first_unsorted_row(frame)
        {
            violations.push(Violation::Order {
                table: self.name,
                row,
                sorted_by: self.sorted_by,
            });
        }
        violations
    }

    fn check_column(&self, described: &'static Column, series: &Series, out: &mut Vec<Violation>) {
        let (table, column) = (self.name, described.name);
        if series.dtype() != &described.ty.data_type() {
            let found = series.dtype().to_string();
            out.push(Violation::Type {
                table,
                column,
                found,
                expected: described.ty.name(),
            });
            return;
        }
        let n = series.null_count();
        if n > 0 && !described.nullable {
            out.push(Violation::Nulls { table, column, n });
        }
        if let Ok(values) = series.f64()
            && let Some(row) = values.iter().position(|v| v.is_some_and(|v| !v.is_finite()))
        {
            out.push(Violation::NotFinite { table, column, row });
        }
    }

    fn first_unsorted_row(&self, frame: &DataFrame) -> Option<usize> {
        let keys: Vec<&Series> = self.sorted_by.iter().filter_map(|k| frame.column(k).ok()).collect();
        if let [key] = keys[..]
            && let Ok(texts) = key.str()
        {
            let mut previous: Option<&str> = None;
            return texts.iter().position(|text| {
                let unsorted = previous.is_some() && previous >= text;
                previous = text;
                unsorted
            });
        }
        let value = |key: &Series, row: usize| key.get(row).map(AnyValue::into_static).ok();
        (1..frame.height()).find(|&row| {
            let ordering = keys
                .iter()
                .map(|key| value(key, row - 1).partial_cmp(&value(key, row)))
                .find(|ordering| *ordering != Some(std::cmp::Ordering::Equal));
            ordering != Some(Some(std::cmp::Ordering::Less))
        })
    }

    /// The table as a Markdown section, as it stands in the README.
    pub fn to_markdown(&self) -> String {
        let mut text = format!(
            "### `{}.parquet`\n{} Sorted by {}.\n\n| column | type | meaning |\n|---|---|---|\n",
            self.name,
            self.doc,
            self.sorted_by
                .iter()
                .map(|k| format!("`{k}`"))
                .collect::<Vec<_>>()
                .join(", "),
        );
        for column in self.columns() {
            let optional = if column.nullable { "?" } else { "" };
            let _ = writeln!(
                text,
                "| `{}` | {}{optional} | {} |",
                column.name,
                column.ty.name(),
                column.doc
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::df;

    const PEOPLE: Table = Table {
        name: "people",
        doc: "Test.",
        sorted_by: &["id"],
        parts: &[&[column("id", Type::Str, "who"), nullable("worth", Type::F64, "EUR")]],
    };

    #[test]
    fn a_frame_that_fits_has_no_violation() {
        let frame = df!("id" => ["a", "b"], "worth" => [Some(1.0), None]).unwrap();
        assert_eq!(PEOPLE.check(&frame), vec![]);
    }

    #[test]
    fn nan_nulls_order_and_names_are_found() {
        let nan = df!("id" => ["a"], "worth" => [f64::NAN]).unwrap();
        assert!(matches!(PEOPLE.check(&nan)[..], [Violation::NotFinite { row: 0, .. }]));
        let null = df!("id" => [Some("a"), None], "worth" => [1.0, 2.0]).unwrap();
        assert!(matches!(PEOPLE.check(&null)[..], [Violation::Nulls { n: 1, .. }]));
        let twice = df!("id" => ["a", "a"], "worth" => [1.0, 2.0]).unwrap();
        assert!(matches!(PEOPLE.check(&twice)[..], [Violation::Order { row: 1, .. }]));
        let renamed = df!("who" => ["a"], "worth" => [1.0]).unwrap();
        assert!(matches!(PEOPLE.check(&renamed)[..], [Violation::Columns { .. }]));
        let narrow = df!("id" => ["a"], "worth" => [1u32]).unwrap();
        assert!(matches!(PEOPLE.check(&narrow)[..], [Violation::Type { .. }]));
    }
}
