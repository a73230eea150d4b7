//! A season as weights of the days of a year: as it is saved with a model, as the config gives it, and in words.
//!
//! In: harmonics or a weight a month or week. Out: a weight a day, and the clock made of them. Cost: nothing.
//!
//! # Domain
//! Weights in config are positive and within a factor of 20 of their mean; what is saved may be anything, and the clock
//! makes the best of it.

use serde::{Deserialize, Serialize};

use super::harmonics::{Curve, WEEK};
use crate::clv::clock::{Clock, YEAR};

/// What the user may set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeasonConfig {
    /// `auto`: used where it has been seen twice and repeats; `off`: every day of the year is the same.
    pub season: String,
    /// How busy the 12 months, or the 52 or 53 weeks from 1 January, are relative to one another, for every day in
    /// them alike. If given, nothing is estimated.
    pub season_weights: Vec<f64>,
}

impl Default for SeasonConfig {
    fn default() -> Self {
        Self {
            season: AUTO.to_owned(),
            season_weights: Vec::new(),
        }
    }
}

pub(super) const AUTO: &str = "auto";
const OFF: &str = "off";

/// A checked [`SeasonConfig`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeasonParams {
    Auto,
    Off,
    Given(Season),
}

/// Widest that weights may lie apart from their mean, either way; the clock holds no more.
const WIDEST: f64 = 20.0;

/// What is wrong with a config value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SeasonProblem {
    #[error("season `{value}` is neither `{AUTO}` nor `{OFF}`")]
    UnknownSeason { value: String },
    #[error("season_weights has {len} numbers, which are neither months nor weeks")]
    Length { len: usize },
    #[error("season_weights number {number} is {value}, not a positive number")]
    NotPositive { number: usize, value: f64 },
    #[error("season_weights number {number} is {value}, more than {WIDEST} times away from the mean of {mean}")]
    TooFar { number: usize, value: f64, mean: f64 },
}

impl SeasonProblem {
    /// The config key.
    pub fn key(&self) -> &'static str {
        match self {
            Self::UnknownSeason { .. } => "season",
            Self::Length { .. } | Self::NotPositive { .. } | Self::TooFar { .. } => "season_weights",
        }
    }

    /// What to change.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownSeason { .. } => {
                format!("use `{AUTO}` or `{OFF}`, and season_weights for a season of your own")
            }
            Self::Length { .. } => {
                "give 12 numbers for the months, or 52 or 53 for the weeks from 1 January".to_owned()
            }
            Self::NotPositive { .. } => "use 1 for an ordinary month and 0.1 for a quiet one".to_owned(),
            Self::TooFar { mean, .. } => format!("stay between {} and {}", mean / WIDEST, mean * WIDEST),
        }
    }
}

impl SeasonConfig {
    /// Checks everything and reports every problem.
    pub fn check(&self) -> Result<SeasonParams, Vec<SeasonProblem>> {
        let mut problems = Vec::new();
        if ![AUTO, OFF].contains(&self.season.as_str()) {
            problems.push(SeasonProblem::UnknownSeason {
                value: self.season.clone(),
            });
        }
        let weights = &self.season_weights;
        if ![0, 12, 52, 53].contains(&weights.len()) {
            problems.push(SeasonProblem::Length { len: weights.len() });
        }
        let mean = weights.iter().map(|w| w / weights.len() as f64).sum::<f64>();
        for (number, &value) in (1..).zip(weights) {
            if !(value.is_finite() && 0.0 < value) {
                problems.push(SeasonProblem::NotPositive { number, value });
            } else if mean.is_finite() && !(mean / WIDEST..=mean * WIDEST).contains(&value) {
                problems.push(SeasonProblem::TooFar { number, value, mean });
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(if self.season == OFF {
            SeasonParams::Off
        } else if weights.is_empty() {
            SeasonParams::Auto
        } else {
            SeasonParams::Given(Season::Weights {
                weights: weights.clone(),
            })
        })
    }
}

/// How busy the days of a year are; small and readable as JSON, saved with the model that was fitted on its clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Season {
    /// The logarithm of the intensity is the sum of cosines and sines of 1, 2, … cycles a year.
    Harmonics { cos: Vec<f64>, sin: Vec<f64> },
    /// Of the 12 months, or the 52 or 53 weeks from 1 January.
    Weights { weights: Vec<f64> },
}

/// Last places of the months but December.
const MONTH_ENDS: [usize; 11] = [31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

impl Season {
    /// Relative weights of 1 January to 31 December, not yet divided by their mean.
    pub fn day_weights(&self) -> [f64; YEAR] {
        match self {
            Self::Harmonics { cos, sin } => {
                let curve = Curve {
                    cos: cos.clone(),
                    sin: sin.clone(),
                };
                std::array::from_fn(|day| curve.at(place(day as f64)).exp())
            }
            Self::Weights { weights } => std::array::from_fn(|day| {
                let part = if weights.len() == 12 {
                    MONTH_ENDS.partition_point(|end| *end <= day)
                } else {
                    (day / WEEK).min(weights.len().saturating_sub(1))
                };
                weights.get(part).copied().unwrap_or(1.0)
            }),
        }
    }

    /// The clock that runs with it.
    pub fn clock(&self) -> Clock {
        Clock::seasonal(&self.day_weights())
    }

    /// Mean weight of each week of seven days from 1 January, the 53rd being 31 December; their mean is 1.
    pub fn by_week(&self) -> Vec<f64> {
        // 2023 is a common year.
        const NEW_YEAR_2023: i32 = 19_358;
        let clock = self.clock();
        let days: Vec<f64> = (0..YEAR as i32).map(|day| clock.weight(NEW_YEAR_2023 + day)).collect();
        let mean = |week: &[f64]| week.iter().sum::<f64>() / week.len() as f64;
        days.chunks(WEEK).map(mean).collect()
    }

    /// The busiest and the quietest week in words.
    pub(super) fn extremes(&self) -> String {
        let weeks = self.by_week();
        let (mut least, mut most) = (0, 0);
        // The single day of the 53rd is no week.
        for (i, weight) in weeks.iter().enumerate().take(52) {
            // Weights are rounded to the clock's ticks; of equals the first is named.
            if *weight < weeks[least] - 1e-5 {
                least = i;
            }
            if weeks[most] + 1e-5 < *weight {
                most = i;
            }
        }
        let day = |week: usize| {
            let slot = week * WEEK;
            let month = MONTH_ENDS.partition_point(|end| *end <= slot);
            let before = month.checked_sub(1).map_or(0, |m| MONTH_ENDS[m]);
            const NAMES: [&str; 12] = [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ];
            format!("{} {}", slot - before + 1, NAMES[month])
        };
        format!(
            "the week from {} is the busiest with {:.2} times the mean, the one from {} the quietest with {:.2}",
            day(most),
            weeks[most],
            day(least),
            weeks[least]
        )
    }
}

/// Middle of a day as a fraction of the year.
pub(super) fn place(slot: f64) -> f64 {
    (slot + 0.5) / YEAR as f64
}
