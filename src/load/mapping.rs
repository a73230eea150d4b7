//! Which column of a file is which, and how its values become integers: shared by all readers.

use super::batch::{BAD, MISSING, OVERFLOW};
use super::date::{self, DateFormat, LocalClock};
use super::header::{Canonical, CostBasis, DiscountBasis};
use super::number::{NumberError, NumberFormat, parse_discount, parse_scaled};

/// Where each canonical column stands in the records of one file.
pub type Positions = [Option<usize>; Canonical::ALL.len()];

/// How the values of one file are to be read.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub positions: Positions,
    /// Columns with one value for the whole file, from the names of its folders.
    pub constants: Vec<(Canonical, String)>,
    pub decimal: NumberFormat,
    pub date_format: DateFormat,
    pub basis: MoneyBasis,
    /// The column whose values group the lines, if one is asked for.
    pub group: Option<Canonical>,
}

/// What costs and discounts count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyBasis {
    pub cost: CostBasis,
    pub discount: DiscountBasis,
}

/// Text columns that are always read.
pub const TEXTS: [Canonical; 6] = [
    Canonical::CustomerId,
    Canonical::OrderId,
    Canonical::ProductId,
    Canonical::ProductName,
    Canonical::Currency,
    Canonical::LineType,
];

/// Number columns and their decimals.
pub const NUMBERS: [(Canonical, u32); 5] = [
    (Canonical::Amount, 4),
    (Canonical::Quantity, 4),
    (Canonical::UnitPrice, 6),
    (Canonical::Cost, 6),
    (Canonical::Discount, 6),
];

impl Mapping {
    /// Plain numbers and ISO dates in columns that stand in the order of `columns`.
    pub fn by_position(columns: &[Canonical]) -> Self {
        let mut positions = [None; Canonical::ALL.len()];
        for (i, column) in columns.iter().enumerate() {
            positions[*column as usize] = Some(i);
        }
        Self {
            positions,
            constants: Vec::new(),
            decimal: NumberFormat::Point,
            date_format: DateFormat::Iso,
            basis: MoneyBasis {
                cost: CostBasis::Line,
                discount: DiscountBasis::Line,
            },
            group: None,
        }
    }

    /// The text columns that are read.
    pub fn texts(&self) -> impl Iterator<Item = Canonical> + use<> {
        TEXTS.into_iter().chain(self.group)
    }

    /// Whether the column stands in the file or in the names of its folders.
    pub fn has(&self, canonical: Canonical) -> bool {
        self.positions[canonical as usize].is_some() || self.constant(canonical).is_some()
    }

    pub fn constant(&self, canonical: Canonical) -> Option<&str> {
        let found = self.constants.iter().find(|(other, _)| *other == canonical)?;
        Some(&found.1)
    }

    /// A field of a number column as a scaled integer or one of the reserved values.
    #[inline]
    pub fn number(&self, column: Canonical, field: &[u8], decimals: u32) -> i64 {
        if column == Canonical::Discount {
            // `10 %`: what it is a percentage of, the basis says.
            return reserved(parse_discount(field, self.decimal, decimals).map(|(number, _)| number));
        }
        reserved(parse_scaled(field, self.decimal, decimals))
    }

    /// A field as wall-clock seconds or one of the reserved values.
    #[inline]
    pub fn seconds(&self, field: &[u8], clock: &mut LocalClock) -> i64 {
        if field.trim_ascii().is_empty() {
            return MISSING;
        }
        date::parse(field, self.date_format).map_or(BAD, |moment| moment.local_seconds(clock))
    }
}

/// A parsed number, or the reserved value that says why there is none.
#[inline]
pub fn reserved(result: Result<i64, NumberError>) -> i64 {
    match result {
        Ok(value) => value.max(OVERFLOW + 1),
        Err(NumberError::Empty) => MISSING,
        Err(NumberError::NotANumber) => BAD,
        Err(NumberError::Overflow) => OVERFLOW,
    }
}
