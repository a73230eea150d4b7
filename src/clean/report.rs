//! What cleaning did, in counts that add up.

use super::{Line, N_RULES, Rejects, Rule};
use crate::diagnostics::Warning;
use crate::units::{Day, Fixed, UNITS_PER_ONE};

/// How often a rule matched and what money stood on those lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub rows: u64,
    pub amount: i128,
}

impl Count {
    pub(super) fn add(&mut self, amount: Option<Fixed>) {
        self.rows += 1;
        self.amount += i128::from(amount.unwrap_or_default().0);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.amount += other.amount;
    }
}

/// A rejected line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub file: u32,
    pub row: u64,
    pub rule: Rule,
    pub amount: Option<Fixed>,
    pub line: Option<String>,
}

/// A line that a rule matched, for people to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Example {
    pub file: u32,
    pub row: u64,
    pub line: String,
}

/// Examples of each rule.
pub const N_EXAMPLES: usize = 3;

/// What cleaning did. `read = kept + rejected`, by count and by money.
#[derive(Debug, Default)]
pub struct CleanReport {
    pub read: Count,
    pub kept: Count,
    pub rejected: Count,
    /// First rejecting rule of each line: a partition of `rejected`.
    pub rejected_by_rule: [Count; N_RULES],
    /// Every rule that matched, kept or rejected: these overlap.
    pub matched_by_rule: [Count; N_RULES],
    /// The first lines that each rule matched, three at most.
    pub examples: [Vec<Example>; N_RULES],
    pub rejects: Rejects,
    pub rows_by_file: Vec<u64>,
    pub currencies: Vec<String>,
    pub first_day: Option<Day>,
    pub last_day: Option<Day>,
    /// Lines that were put to disk for want of memory.
    pub spilled_bytes: u64,
    pub(super) spool_error: Option<String>,
    pub(super) kept_returns: u64,
    pub(super) outlier_threshold: f64,
    pub(super) products_differing_in_case: (u64, String),
}

impl CleanReport {
    /// Files a kept line under a rule that rejects it after all.
    pub fn reject_kept(&mut self, rule: Rule, line: &Line) {
        let amount = Some(Fixed(line.amount));
        let count = Count {
            rows: 1,
            amount: i128::from(line.amount),
        };
        self.kept.rows -= 1;
        self.kept.amount -= count.amount;
        self.rejected.merge(count);
        self.rejected_by_rule[rule as usize].merge(count);
        self.rejects.add_late(Reject {
            file: u32::from(line.file),
            row: line.row,
            rule,
            amount,
            line: None,
        });
    }

    /// The rejecting rules that met at least one line, most lines first.
    pub fn by_rule(&self) -> Vec<(&'static str, u64)> {
        let mut by_rule: Vec<_> = Rule::ALL
            .iter()
            .map(|rule| (rule.id(), self.rejected_by_rule[*rule as usize].rows))
            .filter(|(_, rows)| *rows > 0)
            .collect();
        by_rule.sort_by_key(|(id, rows)| (std::cmp::Reverse(*rows), *id));
        by_rule
    }

    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.currencies.len() > 1 {
            warnings.push(Warning::MixedCurrencies {
                currencies: self.currencies.clone(),
            });
        }
        let share = self.rejected.rows as f64 / self.read.rows.max(1) as f64;
        if let Some((main_rule, _)) = self.by_rule().first()
            && 0.1 < share
        {
            warnings.push(Warning::ManyRejects { share, main_rule });
        }
        let outliers = self.matched_by_rule[Rule::Outlier as usize];
        if outliers.rows > 0 {
            warnings.push(Warning::Outliers {
                lines: outliers.rows,
                threshold: self.outlier_threshold,
            });
        }
        let (n, example) = &self.products_differing_in_case;
        if *n > 0 {
            warnings.push(Warning::ProductsDifferInCase {
                n: *n,
                example: example.clone(),
            });
        }
        warnings
    }
}

/// The first of the examples of two parts.
pub(super) fn merge_examples(into: &mut Vec<Example>, from: Vec<Example>) {
    into.extend(from);
    into.sort_unstable();
    into.truncate(N_EXAMPLES);
}

/// Lines by size of amount: four buckets an octave.
pub(super) struct Histogram(pub [Count; 256]);

impl Default for Histogram {
    fn default() -> Self {
        Self([Count::default(); 256])
    }
}

impl Histogram {
    pub fn bucket(amount: i64) -> usize {
        let size = amount.unsigned_abs().max(4);
        let octave = size.ilog2();
        (octave as usize * 4) | (size >> (octave - 2)) as usize & 3
    }

    fn lower_edge(bucket: usize) -> f64 {
        (1.0 + (bucket % 4) as f64 / 4.0) * (bucket as f64 / 4.0).floor().exp2()
    }

    /// Lines larger than `factor` times the 99.9th percentile (rounded up to a bucket), and that threshold.
    pub fn outliers(&self, factor: f64) -> (Count, f64) {
        let rows: u64 = self.0.iter().map(|c| c.rows).sum();
        let mut below = 0;
        let percentile = self.0.iter().position(|c| {
            below += c.rows;
            below as f64 >= 0.999 * rows as f64
        });
        let threshold = factor * Self::lower_edge(percentile.unwrap_or(0) + 1);
        let mut outliers = Count::default();
        for (bucket, count) in self.0.iter().enumerate() {
            if Self::lower_edge(bucket) >= threshold {
                outliers.merge(*count);
            }
        }
        (outliers, threshold / UNITS_PER_ONE as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_are_counted_beyond_the_stated_threshold() {
        let mut histogram = Histogram::default();
        for _ in 0..5_000 {
            histogram.0[Histogram::bucket(100_000)].add(Some(Fixed(100_000)));
        }
        histogram.0[Histogram::bucket(1_684_696_000)].add(Some(Fixed(1_684_696_000)));
        let (outliers, threshold) = histogram.outliers(50.0);
        assert_eq!(
            outliers,
            Count {
                rows: 1,
                amount: 1_684_696_000
            }
        );
        assert!((500.0..700.0).contains(&threshold), "{threshold}");
    }

    #[test]
    fn buckets_ascend_with_the_amount() {
        let buckets: Vec<_> = [0, 1, 4, 5, 100, 10_000, -10_000, i64::MAX]
            .map(Histogram::bucket)
            .to_vec();
        assert_eq!(buckets[0], buckets[1]);
        assert_eq!(buckets[5], buckets[6]);
        assert!(buckets[5] < buckets[7] && buckets[7] < 256);
        assert!(Histogram::lower_edge(Histogram::bucket(10_000)) <= 10_000.0);
    }
}
