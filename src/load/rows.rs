//! Rows of text → a [`RawBatch`], field by field: what delimited text and JSON Lines have in common.

use super::batch::{RawBatch, RawRows, TextBuilder};
use super::date::LocalClock;
use super::header::Canonical;
use super::mapping::{Mapping, NUMBERS, TEXTS};

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
        for column in TEXTS.into_iter().filter(|c| has(*c)) {
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

    /// Adds a row whose fields are where the mapping says.
    #[inline]
    pub fn push<'b>(&mut self, field: impl Fn(usize) -> &'b [u8], clock: &mut LocalClock) {
        self.n_rows += 1;
        let positions = &self.mapping.positions;
        let value = |c: Canonical| positions[c as usize].map_or(&[][..], &field);
        for column in TEXTS {
            if let Some(builder) = &mut self.texts[column as usize] {
                builder.push(value(column));
            }
        }
        for (column, decimals) in NUMBERS {
            if let Some(numbers) = &mut self.numbers[column as usize] {
                numbers.push(self.mapping.number(column, value(column), decimals));
            }
        }
        self.ordered_at
            .push(self.mapping.seconds(value(Canonical::OrderedAt), clock));
    }

    /// Adds a row whose fields cannot be told apart.
    pub fn push_ragged(&mut self, clock: &mut LocalClock) {
        self.ragged.push(self.n_rows as u32);
        self.push(|_| &[], clock);
    }

    /// Says that the last row holds bytes that are no text in the file's encoding.
    pub fn mark_broken(&mut self) {
        self.broken.push((self.n_rows as u32).saturating_sub(1));
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
        for column in TEXTS {
            batch.set_text(column, texts[column as usize].take().map(TextBuilder::finish));
        }
        for (column, _) in NUMBERS {
            batch.set_numbers(column, numbers[column as usize].take());
        }
        batch.fill_constants(mapping, clock);
        batch
    }
}
