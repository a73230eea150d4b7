//! Rows of text → a [`RawBatch`], field by field: what delimited text and JSON Lines have in common.

use super::batch::{MISSING, RawBatch, RawRows, TextBuilder};
use super::date::LocalClock;
use super::header::Canonical;
use super::mapping::{Mapping, NUMBERS};

/// The columns of a batch while they grow.
pub struct Rows<'a> {
    mapping: &'a Mapping,
    n_rows: usize,
    texts: [Option<TextBuilder>; Canonical::ALL.len()],
    numbers: [Option<Vec<i64>>; Canonical::ALL.len()],
    ordered_at: Vec<i64>,
    ragged: Vec<u32>,
    broken: Vec<u32>,
}

impl<'a> Rows<'a> {
    pub fn new(mapping: &'a Mapping) -> Self {
        let has = |c: Canonical| mapping.positions[c as usize].is_some();
        let mut texts = [const { None }; Canonical::ALL.len()];
        let mut numbers = [const { None }; Canonical::ALL.len()];
        for column in mapping.texts().filter(|c| has(*c)) {
            texts[column as usize] = Some(TextBuilder::default());
        }
        for (column, _) in NUMBERS.into_iter().filter(|(c, _)| has(*c)) {
            numbers[column as usize] = Some(Vec::new());
        }
        Self {
            mapping,
            n_rows: 0,
            texts,
            numbers,
            ordered_at: Vec::new(),
            ragged: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Makes room for so many more rows.
    pub fn reserve(&mut self, n_rows: usize) {
        self.texts
            .iter_mut()
            .flatten()
            .for_each(|builder| builder.reserve(n_rows));
        self.numbers
            .iter_mut()
            .flatten()
            .for_each(|numbers| numbers.reserve(n_rows));
        self.ordered_at.reserve(n_rows);
    }

    /// Adds a row whose fields are where the mapping says.
    #[inline]
    pub fn push<'b>(&mut self, field: impl Fn(usize) -> &'b [u8], clock: &mut LocalClock) {
        self.extend(1, |_, i| field(i), clock);
    }

    /// Adds so many rows, column by column: `field` of a row and a position is where the mapping says.
    pub fn extend<'b>(&mut self, n_rows: usize, field: impl Fn(usize, usize) -> &'b [u8], clock: &mut LocalClock) {
        self.n_rows += n_rows;
        let mapping = self.mapping;
        let position = |c: Canonical| mapping.positions[c as usize];
        for column in mapping.texts() {
            if let (Some(builder), Some(i)) = (&mut self.texts[column as usize], position(column)) {
                (0..n_rows).for_each(|row| builder.push(field(row, i)));
            }
        }
        for (column, decimals) in NUMBERS {
            if let (Some(numbers), Some(i)) = (&mut self.numbers[column as usize], position(column)) {
                numbers.extend((0..n_rows).map(|row| mapping.number(column, field(row, i), decimals)));
            }
        }
        let Some(i) = position(Canonical::OrderedAt) else {
            self.ordered_at.resize(self.n_rows, MISSING);
            return;
        };
        // Lines of one order have the same time.
        let (mut before, mut seconds) = (&[][..], MISSING);
        self.ordered_at.extend((0..n_rows).map(|row| {
            let text = field(row, i);
            if text != before {
                (before, seconds) = (text, mapping.seconds(text, clock));
            }
            seconds
        }));
    }

    /// Adds a row whose fields cannot be told apart.
    pub fn push_ragged(&mut self, clock: &mut LocalClock) {
        self.mark_ragged(self.n_rows);
        self.push(|_| &[], clock);
    }

    /// Says that the fields of a row cannot be told apart. In ascending order.
    pub fn mark_ragged(&mut self, row: usize) {
        self.ragged.push(row as u32);
    }

    /// Says that a row holds bytes that are no text in the file's encoding. In ascending order.
    pub fn mark_broken(&mut self, row: usize) {
        self.broken.push(row as u32);
    }

    pub fn finish(self, file: u32, raw: RawRows, clock: &mut LocalClock) -> RawBatch {
        let Self {
            mapping,
            n_rows,
            mut texts,
            mut numbers,
            ordered_at,
            ragged,
            broken,
        } = self;
        let mut batch = RawBatch::new(file, n_rows, mapping.basis, raw);
        batch.ordered_at = ordered_at;
        batch.ragged = ragged;
        batch.broken = broken;
        for column in mapping.texts() {
            batch.set_text(column, texts[column as usize].take().map(TextBuilder::finish));
        }
        for (column, _) in NUMBERS {
            batch.set_numbers(column, numbers[column as usize].take());
        }
        batch.fill_constants(mapping, clock);
        batch
    }
}
