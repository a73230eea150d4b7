//! What is known of the input after reading and cleaning it: the report of `quintile check`.
//!
//! In: how the input was understood, what cleaning did, what stands in the columns, and the customers that came of
//! it. Out: a [`Quality`], as a table for people and as JSON for programs.

use serde::Serialize;

use crate::clean::{Actions, CleanReport, ColumnProfile, Count, Example, Profile, Rule};
use crate::diagnostics::{Warning, WarningText};
use crate::gates::Gate;
use crate::load::{Decision, Plan};
use crate::summary::Summarised;
use crate::units::{Day, sum_to_f64};

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Quality {
    pub inputs: Vec<Input>,
    pub mapping: Vec<Mapped>,
    pub decisions: Vec<Decided>,
    pub notes: Vec<String>,
    pub rows: Sides<u64>,
    pub amounts: Sides<f64>,
    pub rules: Vec<RuleFound>,
    pub columns: Vec<ColumnFound>,
    pub dates: Option<Dates>,
    pub currencies: Vec<Currency>,
    pub customers: u64,
    pub repeat_customers: u64,
    pub orders: u64,
    pub products: u64,
    pub duplicates: LinesAndMoney,
    pub unmatched_returns: LinesAndMoney,
    pub gates: Vec<Gate>,
    pub warnings: Vec<WarningText>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Input {
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Mapped {
    pub column: &'static str,
    pub header: String,
    pub evidence: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    pub setting: &'static str,
    pub value: String,
    pub evidence: String,
}

/// `read = kept + rejected`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sides<T> {
    pub read: T,
    pub kept: T,
    pub rejected: T,
}

/// What one rule found.
#[derive(Clone, Debug, Serialize)]
pub struct RuleFound {
    pub rule: Rule,
    pub action: &'static str,
    pub matched_rows: u64,
    pub matched_amount: f64,
    pub rejected_rows: u64,
    pub rejected_amount: f64,
    pub examples: Vec<ExampleFound>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExampleFound {
    pub file: String,
    pub row: u64,
    pub line: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct ColumnFound {
    pub header: String,
    #[serde(flatten)]
    pub profile: ColumnProfile,
}

/// The days that the lines cover, whatever rules say of them.
#[derive(Clone, Debug, Serialize)]
pub struct Dates {
    pub first: String,
    pub last: String,
    pub days: u64,
    pub days_with_lines: u64,
    /// The longest stretches without a line.
    pub gaps: Vec<Gap>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// First and last day without a line.
    pub from: String,
    pub to: String,
    pub days: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Currency {
    pub currency: String,
    pub rows: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct LinesAndMoney {
    pub rows: u64,
    pub amount: f64,
}

fn lines_and_money((rows, amount): (u64, i128)) -> LinesAndMoney {
    LinesAndMoney {
        rows,
        amount: sum_to_f64(amount),
    }
}

/// What is reported together.
pub struct Facts<'a> {
    pub plan: &'a Plan,
    pub actions: &'a Actions,
    pub report: &'a CleanReport,
    pub profile: &'a Profile,
    /// `None` where nothing was left to summarise.
    pub summarised: Option<&'a Summarised>,
    pub products: u64,
    pub gates: Vec<Gate>,
    pub warnings: &'a [Warning],
}

impl Quality {
    pub fn new(facts: Facts<'_>) -> Self {
        let Facts {
            plan, report, profile, ..
        } = facts;
        let path = |file: u32| plan.files[file as usize].path().display().to_string();
        let sides = |of: fn(&Count) -> u64| Sides {
            read: of(&report.read),
            kept: of(&report.kept),
            rejected: of(&report.rejected),
        };
        let money = |count: &Count| sum_to_f64(count.amount);
        let example = |example: &Example| ExampleFound {
            file: path(example.file),
            row: example.row,
            line: example.line.clone(),
        };
        let rule = |rule: Rule| {
            let matched = report.matched_by_rule[rule as usize];
            let rejected = report.rejected_by_rule[rule as usize];
            (matched.rows > 0).then(|| RuleFound {
                rule,
                action: facts.actions.of(rule).as_str(),
                matched_rows: matched.rows,
                matched_amount: money(&matched),
                rejected_rows: rejected.rows,
                rejected_amount: money(&rejected),
                examples: report.examples[rule as usize].iter().map(example).collect(),
            })
        };
        let header = |profile: &ColumnProfile| {
            let mapped = plan.columns.iter().find(|column| column.canonical == profile.column);
            mapped.map(|column| column.header.clone())
        };
        let column = |profile: &ColumnProfile| {
            Some(ColumnFound {
                header: header(profile)?,
                profile: profile.clone(),
            })
        };
        let summary = facts.summarised.map(|summarised| &summarised.summary);
        let count = |of: fn(&crate::summary::Summary) -> u64| summary.map_or(0, of);
        Self {
            inputs: plan
                .files
                .iter()
                .zip(&report.rows_by_file)
                .map(|(file, rows)| Input {
                    path: file.path().display().to_string(),
                    bytes: file.bytes.length(),
                    rows: *rows,
                })
                .collect(),
            mapping: plan
                .columns
                .iter()
                .map(|column| Mapped {
                    column: column.canonical.name(),
                    header: column.header.clone(),
                    evidence: column.evidence.clone(),
                })
                .collect(),
            decisions: plan.decisions.iter().map(decided).collect(),
            notes: plan.notes.clone(),
            rows: sides(|count| count.rows),
            amounts: Sides {
                read: money(&report.read),
                kept: money(&report.kept),
                rejected: money(&report.rejected),
            },
            rules: Rule::ALL.into_iter().filter_map(rule).collect(),
            columns: profile.columns.iter().filter_map(column).collect(),
            dates: dates(profile),
            currencies: profile
                .lines_by_currency
                .iter()
                .map(|(currency, rows)| Currency {
                    currency: currency.clone(),
                    rows: *rows,
                })
                .collect(),
            customers: count(|summary| summary.n_customers() as u64),
            repeat_customers: count(|summary| summary.repeat_days.iter().filter(|n| **n > 0).count() as u64),
            orders: count(|summary| summary.orders.iter().map(|n| u64::from(*n)).sum()),
            products: facts.products,
            duplicates: lines_and_money(facts.summarised.map_or((0, 0), |summarised| summarised.duplicates)),
            unmatched_returns: lines_and_money(
                facts
                    .summarised
                    .map_or((0, 0), |summarised| summarised.unmatched_returns),
            ),
            gates: facts.gates,
            warnings: facts.warnings.iter().map(Warning::to_text).collect(),
        }
    }

    /// Indented JSON with a line end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

fn decided(decision: &Decision) -> Decided {
    Decided {
        setting: decision.setting,
        value: decision.value.clone(),
        evidence: decision.evidence.clone(),
    }
}

/// Days of the input; those that no shop can have seen are left to the rule `date_out_of_range`.
fn dates(profile: &Profile) -> Option<Dates> {
    const N_GAPS: usize = 3;
    /// 1900-01-01 and 2200-01-01.
    const SEEN: std::ops::Range<i32> = -25_567..84_006;
    let days: Vec<i32> = profile
        .lines_by_day
        .keys()
        .copied()
        .filter(|day| SEEN.contains(day))
        .collect();
    let (first, last) = (*days.first()?, *days.last()?);
    let mut gaps: Vec<(i32, i32)> = days
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > 1)
        .map(|pair| (pair[0] + 1, pair[1] - 1))
        .collect();
    gaps.sort_by_key(|(from, to)| (std::cmp::Reverse(to - from), *from));
    let gap = |(from, to): (i32, i32)| Gap {
        from: Day(from).to_string(),
        to: Day(to).to_string(),
        days: (to - from + 1) as u64,
    };
    Some(Dates {
        first: Day(first).to_string(),
        last: Day(last).to_string(),
        days: (last - first + 1) as u64,
        days_with_lines: days.len() as u64,
        gaps: gaps.into_iter().take(N_GAPS).map(gap).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn gaps_are_days_without_a_line() {
        let profile = Profile {
            lines_by_day: BTreeMap::from([(0, 1), (1, 1), (4, 2), (6, 1), (9_999_999, 1)]),
            ..Profile::default()
        };
        let dates = dates(&profile).unwrap();
        assert_eq!((dates.days, dates.days_with_lines), (7, 4));
        let gap = |from: &str, to: &str, days| Gap {
            from: from.into(),
            to: to.into(),
            days,
        };
        assert_eq!(
            dates.gaps,
            [gap("1970-01-03", "1970-01-04", 2), gap("1970-01-06", "1970-01-06", 1)]
        );
    }
}
