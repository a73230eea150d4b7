//! Recency, frequency and monetary scores from 1 to 5 (5 best), and named segments.
//!
//! In: [`Summary`]. Out: scores, `rfm_score`, segment names, and the cut points that give tomorrow's customers
//! the same scores. Cost: one sort for each of the three measures.
//!
//! # Formula
//! `score = ceil(5 * rank / n)` with `rank` the mean rank of equal values (1 = worst), so that equal values have
//! equal scores. A cut point is the best value that still has a score; recency is measured as minus
//! `days_since_last`, so that more is better throughout.
//! Source: A. M. Hughes, "Strategic Database Marketing" (1994), with ties as in Wikipedia's fractional ranking.

use polars::prelude::{Column as Series, DataFrame, PolarsResult};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::diagnostics::Problem;
use crate::schema::parts::PartColumn;
use crate::schema::{Column, Table, Type, column, nullable};
use crate::summary::Summary;
use crate::units::{MaybeF64, median, sum_known, sum_to_f64};

/// The columns of `customers.parquet` that this stage makes.
pub const COLUMNS: &[Column] = &[
    column("r_score", Type::U8, "recency score, 1 to 5, 5 most recent"),
    column("f_score", Type::U8, "frequency score, 1 to 5, 5 most orders"),
    column("m_score", Type::U8, "monetary score, 1 to 5, 5 most money"),
    column("rfm_score", Type::U16, "100 r_score + 10 f_score + m_score"),
    column(
        "segment",
        Type::Str,
        "name of the first segment in the config whose ranges hold the three scores",
    ),
];

/// Sizes and money of the segments.
pub const TABLE: Table = Table {
    name: "segments",
    doc: "One row per segment that the config names, empty ones too.",
    sorted_by: &["position"],
    parts: &[&[
        column("position", Type::U16, "place in the config's table, from 1"),
        column("segment", Type::Str, "name"),
        column("customers", Type::U64, "customers in it"),
        column("customer_share", Type::F64, "share of all customers"),
        column("net_amount", Type::F64, "their net money"),
        column(
            "amount_share",
            Type::F64,
            "share of the net total; 0 where that is not positive",
        ),
        nullable(
            "clv_amount",
            Type::F64,
            "sum of their clv_amount over horizon_days, null without a model",
        ),
        nullable("median_days_since_last", Type::F64, "median, null for an empty segment"),
        nullable("median_orders", Type::F64, "median, null for an empty segment"),
        nullable("median_net_amount", Type::F64, "median, null for an empty segment"),
        nullable("mean_alive_prob", Type::F64, "mean of alive_prob where known"),
        column("action", Type::Str, "what to do, from the config"),
    ]],
};

/// Section `[rfm]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub frequency: Frequency,
    pub monetary: Monetary,
    pub segments: Vec<Segment>,
}

/// What F counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    Orders,
    PurchaseDays,
}

/// What M adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monetary {
    Net,
    Gross,
}

/// A named block of scores, ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub name: String,
    pub r: [u8; 2],
    pub f: [u8; 2],
    #[serde(default = "all_scores")]
    pub m: [u8; 2],
    /// What to do with these customers, one line.
    pub action: String,
    /// Whether the segment counts as valuable but slipping away, for the headline.
    #[serde(default)]
    pub at_risk: bool,
}

fn all_scores() -> [u8; 2] {
    [1, 5]
}

impl Segment {
    fn holds(&self, [r, f, m]: [u8; 3]) -> bool {
        [(self.r, r), (self.f, f), (self.m, m)]
            .iter()
            .all(|([low, high], score)| (low..=high).contains(&score))
    }
}

/// Checked settings; only made by [`Config::check`].
#[derive(Clone, Debug)]
pub struct Params {
    frequency: Frequency,
    monetary: Monetary,
    segments: Vec<Segment>,
    /// Segment of each of the 125 scores.
    of_score: [u16; 125],
}

fn cell([r, f, m]: [u8; 3]) -> usize {
    (usize::from(r) - 1) * 25 + (usize::from(f) - 1) * 5 + usize::from(m) - 1
}

impl Config {
    /// Proves that every score has exactly one segment: the first that holds it, and that none is unreachable.
    pub fn check(&self, problems: &mut Vec<Problem>) -> Option<Params> {
        let before = problems.len();
        for (i, segment) in self.segments.iter().enumerate() {
            let key = format!("rfm.segments[{i}]");
            let bad = |[low, high]: [u8; 2]| !(1 <= low && low <= high && high <= 5);
            if bad(segment.r) || bad(segment.f) || bad(segment.m) {
                let why = "a range must be [low, high] with 1 <= low <= high <= 5";
                problems.push(Problem::new(&key, &segment.name, why, "write r = [4, 5], for example"));
            }
            if segment.name.trim().is_empty() || self.segments[..i].iter().any(|other| other.name == segment.name) {
                problems.push(Problem::new(
                    &key,
                    &segment.name,
                    "is empty or used twice",
                    "give it a name of its own",
                ));
            }
        }
        let mut of_score = [u16::MAX; 125];
        let mut uncovered = Vec::new();
        for scores in all_cells() {
            match self.segments.iter().position(|segment| segment.holds(scores)) {
                Some(i) => of_score[cell(scores)] = i as u16,
                None => uncovered.push(scores.map(|s| s.to_string()).concat()),
            }
        }
        if !uncovered.is_empty() {
            let value = format!("{} and {} more", uncovered[0], uncovered.len() - 1);
            let hint = "end the table with a segment r = [1, 5], f = [1, 5]";
            problems.push(Problem::new("rfm.segments", value, "scores without a segment", hint));
        }
        for (i, segment) in self.segments.iter().enumerate() {
            if problems.len() == before && !of_score.contains(&(i as u16)) {
                let why = "can never be reached: earlier segments hold all its scores";
                problems.push(Problem::new(
                    &format!("rfm.segments[{i}]"),
                    &segment.name,
                    why,
                    "move it up or delete it",
                ));
            }
        }
        (problems.len() == before).then(|| Params {
            frequency: self.frequency,
            monetary: self.monetary,
            segments: self.segments.clone(),
            of_score,
        })
    }
}

fn all_cells() -> impl Iterator<Item = [u8; 3]> {
    (0..125u8).map(|i| [i / 25 + 1, i / 5 % 5 + 1, i % 5 + 1])
}

/// The best value that still has score 1, 2, 3, 4; a value above the last has score 5. `None` where nobody has
/// that score or a lower one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cuts(pub [Option<f64>; 4]);

impl Cuts {
    /// The score of a value, the same that its equals had when the cuts were made.
    pub fn score(&self, value: f64) -> u8 {
        1 + self.0.iter().filter(|cut| cut.is_none_or(|cut| value > cut)).count() as u8
    }
}

/// Scores and segments of all customers, and what makes them again.
#[derive(Clone, Debug)]
pub struct Rfm {
    pub r: Vec<u8>,
    pub f: Vec<u8>,
    pub m: Vec<u8>,
    /// Position of the segment in `segments`.
    pub segment: Vec<u16>,
    pub segments: Vec<Segment>,
    /// Cut points of minus days_since_last, of frequency, of money.
    pub cuts: [Cuts; 3],
}

/// Scores every customer. `summary` has at least one.
pub fn run(params: &Params, summary: &Summary) -> Rfm {
    let recency: Vec<f64> = summary.days_since_last().iter().map(|days| -days).collect();
    let counts = match params.frequency {
        Frequency::Orders => &summary.orders,
        Frequency::PurchaseDays => &summary.purchase_days,
    };
    let frequency: Vec<f64> = counts.iter().map(|n| f64::from(*n)).collect();
    let money = match params.monetary {
        Monetary::Net => &summary.net_amount,
        Monetary::Gross => &summary.gross_amount,
    };
    let scored = |values: &[f64]| {
        let cuts = quintile_cuts(values);
        let scores: Vec<u8> = values.par_iter().map(|value| cuts.score(*value)).collect();
        (scores, cuts)
    };
    let ((r, r_cuts), (f, f_cuts), (m, m_cuts)) = (scored(&recency), scored(&frequency), scored(money));
    let cuts = [r_cuts, f_cuts, m_cuts];
    let segment = (0..r.len())
        .map(|i| params.of_score[cell([r[i], f[i], m[i]])])
        .collect();
    Rfm {
        r,
        f,
        m,
        segment,
        segments: params.segments.clone(),
        cuts,
    }
}

/// Cut points of `ceil(5 * mean rank / n)`.
fn quintile_cuts(values: &[f64]) -> Cuts {
    let mut sorted = values.to_vec();
    sorted.par_sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let mut cuts = [None; 4];
    let mut below = 0;
    for equal in sorted.chunk_by(|a, b| a == b) {
        // Twice the mean rank of the run is the sum of its first and last rank: exact in integers.
        let twice_rank = 2 * below + equal.len() + 1;
        below += equal.len();
        let score = (5 * twice_rank).div_ceil(2 * n);
        for cut in &mut cuts[(score - 1).min(4)..] {
            *cut = Some(equal[0]);
        }
    }
    Cuts(cuts)
}

impl Rfm {
    pub fn segment_name(&self, customer: usize) -> &str {
        &self.segments[usize::from(self.segment[customer])].name
    }

    /// The columns of [`COLUMNS`].
    pub fn columns(&self) -> Vec<PartColumn<'_>> {
        let score = |i: usize| 100 * u16::from(self.r[i]) + 10 * u16::from(self.f[i]) + u16::from(self.m[i]);
        let names = self.segments.iter().map(|segment| segment.name.as_str());
        vec![
            PartColumn::u8s("r_score", |i| self.r[i]),
            PartColumn::u8s("f_score", |i| self.f[i]),
            PartColumn::u8s("m_score", |i| self.m[i]),
            PartColumn::u16s("rfm_score", score),
            PartColumn::names("segment", names, |i| Some(usize::from(self.segment[i]))),
        ]
    }
}

/// The customers of a segment together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub customers: u64,
    /// Net money, exact, in ten-thousandths.
    pub net: i128,
    pub clv_amount: Option<f64>,
    pub median_days_since_last: Option<f64>,
    pub median_orders: Option<f64>,
    pub median_net_amount: Option<f64>,
    pub mean_alive_prob: Option<f64>,
}

impl Rfm {
    /// What the customers of each segment are like; `clv` and `alive` have one entry a customer.
    pub fn profiles(&self, summary: &Summary, clv: &[MaybeF64], alive: &[MaybeF64]) -> Vec<Profile> {
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); self.segments.len()];
        for (i, &segment) in self.segment.iter().enumerate() {
            members[usize::from(segment)].push(i as u32);
        }
        let as_of = summary.as_of.0;
        // Sums go by the order of customers, one segment to a thread: the same bits for any number of threads.
        let profile = |of: &Vec<u32>| {
            let each = || of.iter().map(|&i| i as usize);
            let known = each().filter(|&i| alive[i].get().is_some()).count();
            Profile {
                customers: of.len() as u64,
                net: each().map(|i| summary.net[i]).sum(),
                clv_amount: sum_known(each().map(|i| clv[i].get())),
                median_days_since_last: median(each().map(|i| f64::from(as_of - summary.last_day[i])).collect()),
                median_orders: median(each().map(|i| f64::from(summary.orders[i])).collect()),
                median_net_amount: median(each().map(|i| summary.net_amount[i]).collect()),
                mean_alive_prob: sum_known(each().map(|i| alive[i].get())).map(|sum| sum / known as f64),
            }
        };
        members.par_iter().with_max_len(1).map(profile).collect()
    }

    /// The frame of [`TABLE`].
    pub fn to_frame(&self, profiles: &[Profile]) -> PolarsResult<DataFrame> {
        let n = profiles.iter().map(|of| of.customers).sum::<u64>().max(1) as f64;
        let total: i128 = profiles.iter().map(|of| of.net).sum();
        let share = |of: &Profile| if total > 0 { of.net as f64 / total as f64 } else { 0.0 };
        let texts = |of: fn(&Segment) -> &str| self.segments.iter().map(of).collect::<Vec<&str>>();
        let numbers = |of: fn(&Profile) -> Option<f64>| profiles.iter().map(of).collect::<Vec<_>>();
        let customers: Vec<u64> = profiles.iter().map(|of| of.customers).collect();
        let customer_share: Vec<f64> = customers.iter().map(|customers| *customers as f64 / n).collect();
        let net: Vec<f64> = profiles.iter().map(|of| sum_to_f64(of.net)).collect();
        DataFrame::new_infer_height(vec![
            Series::new("position".into(), (1..=self.segments.len() as u16).collect::<Vec<_>>()),
            Series::new("segment".into(), texts(|segment| &segment.name)),
            Series::new("customers".into(), customers),
            Series::new("customer_share".into(), customer_share),
            Series::new("net_amount".into(), net),
            Series::new("amount_share".into(), profiles.iter().map(share).collect::<Vec<_>>()),
            Series::new("clv_amount".into(), numbers(|of| of.clv_amount)),
            Series::new("median_days_since_last".into(), numbers(|of| of.median_days_since_last)),
            Series::new("median_orders".into(), numbers(|of| of.median_orders)),
            Series::new("median_net_amount".into(), numbers(|of| of.median_net_amount)),
            Series::new("mean_alive_prob".into(), numbers(|of| of.mean_alive_prob)),
            Series::new("action".into(), texts(|segment| &segment.action)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(name: &str, r: [u8; 2], f: [u8; 2]) -> Segment {
        Segment {
            name: name.into(),
            r,
            f,
            m: [1, 5],
            action: String::new(),
            at_risk: false,
        }
    }

    fn check(segments: Vec<Segment>) -> Vec<Problem> {
        let mut problems = Vec::new();
        Config {
            frequency: Frequency::Orders,
            monetary: Monetary::Net,
            segments,
        }
        .check(&mut problems);
        problems
    }

    #[test]
    fn equal_values_have_equal_scores_and_cuts_repeat_them() {
        let values: Vec<f64> = [1, 1, 1, 1, 2, 2, 3, 4, 5, 9].map(f64::from).to_vec();
        let cuts = quintile_cuts(&values);
        let scores: Vec<u8> = values.iter().map(|v| cuts.score(*v)).collect();
        // Mean ranks 2.5 2.5 2.5 2.5 5.5 5.5 7 8 9 10 of 10.
        assert_eq!(scores, [2, 2, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(cuts.0, [None, Some(1.0), Some(2.0), Some(4.0)]);
        assert_eq!((cuts.score(0.0), cuts.score(100.0)), (2, 5));
    }

    #[test]
    fn one_customer_and_identical_customers_have_a_score() {
        assert_eq!(quintile_cuts(&[7.0]).score(7.0), 5);
        assert_eq!(quintile_cuts(&[7.0; 4]).score(7.0), 4);
    }

    #[test]
    fn a_gap_in_the_table_and_an_unreachable_segment_are_found() {
        let gap = check(vec![segment("a", [2, 5], [1, 5])]);
        assert!(gap[0].value.starts_with("111"), "{gap:?}");
        let unreachable = check(vec![segment("all", [1, 5], [1, 5]), segment("b", [1, 1], [1, 5])]);
        assert_eq!(unreachable[0].key, "rfm.segments[1]");
        assert!(check(vec![segment("b", [1, 1], [1, 5]), segment("rest", [1, 5], [1, 5])]).is_empty());
        assert_eq!(check(vec![segment("x", [0, 5], [1, 5])]).len(), 1);
    }
}
