//! The season of repeat purchases: found where it has been seen twice, taken from config, or reported as a risk.
//!
//! In: purchase days, the last day observed, what the config asks for. Out: a [`SeasonFinding`] with the clock to fit and
//! predict on. Cost: one fit of a count model and first days × weeks look-ups a round, two to four rounds; one round
//! where there is no season.
//!
//! # Method
//! 1. A count model is fitted on the calendar, to some customers if there are very many. It says how many repeat purchases each week should have had, given
//!    the customers that there were (`clv/tracking.rs`).
//! 2. A yearly curve is drawn through actual over expected (`season/harmonics.rs`): harmonics of the log intensity,
//!    their number chosen by an information criterion, each shrunk by its noise.
//! 3. It stands only if all of this holds: two full years of history, so that every time of the year was seen twice;
//!    P < [`LEVEL`] against no season, corrected for overdispersion; and it repeats: the curve of the other years
//!    predicts a year left out better than a constant, in sum and in more than half of the years.
//! 4. The model is fitted anew on the clock that runs with the curve, and the curve is drawn anew, until no day's
//!    weight changes by more than [`SETTLED`], at most [`MOST_ROUNDS`] times.
//!
//! Weeks are seven days that end on the weekday of the last day, so every weekday stands in each of them once. Feasts
//! that move with the moon and anything shorter than a month are smoothed over. First purchases are no witness: they
//! follow campaigns, and in the first months of any file old customers look new.
//!
//! Dropout runs on the same clock: with Pareto/NBD a customer is more likely to leave in a busy week, with the
//! beta-geometric models that is so anyway, since customers leave at orders.
//!
//! # Shapes and units
//! Weights are relative, with mean 1 over the year. Horizons are calendar days.
//!
//! # Domain
//! Any purchases. At most the last [`MOST_CYCLES`] years are looked at.
//!
//! # Errors
//! [`SeasonProblem`] for the config. Finding a season cannot fail: what cannot be known is a finding too.
//!
//! # Check
//! `season/tests.rs`: the weights of a known season come back within 6 % on average and 20 % at worst, the bias of a
//! simulated Christmas quarter falls from -31 % to -2 %, and no season is found where there is none (0 of 100
//! simulations, shops closed at weekends and files that begin in the middle among them). Where demand drifts by 30 % from
//! month to month, two years resemble each other by accident in 9 of 100 (`accidents_are_seldom_taken_for_a_season`);
//! that cannot be told from a season before the third year.

mod harmonics;
#[cfg(test)]
mod tests;
mod weights;

use serde::{Deserialize, Serialize};

use self::harmonics::{Count, WEEK};
use self::weights::{AUTO, place};
pub use self::weights::{Season, SeasonConfig, SeasonParams, SeasonProblem};
use super::clock::{Clock, YEAR, YearDay};
use super::histories::Histories;
use super::ladder;
use super::model::{self, Setting};
use super::purchases::{PurchaseDays, Purchases};
use super::select::{self, ClvModel, Spend};
use super::tracking::{self, Expectation, Run};
use super::value::Scorer;
use crate::units::Day;

/// The figures that a season stands or falls with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Full years of history.
    pub cycles: u32,
    pub weeks: u32,
    /// Repeat purchases in them.
    pub repeats: u64,
    /// Harmonics of the curve, 0 if none earns its place.
    pub harmonics: u32,
    /// Variance of a week's purchases over that of a Poisson number, at least 1.
    pub overdispersion: f64,
    /// Of the curve against no season.
    pub p_value: f64,
    /// Log-likelihood of each year gained by the curve of the other years over a constant, the latest year first.
    pub left_out_gains: Vec<f64>,
    /// Times that the model was fitted and the curve drawn.
    pub rounds: u32,
    /// Largest change of a day's weight in the last round.
    pub last_change: f64,
}

impl Evidence {
    fn repeats_itself(&self) -> bool {
        let better = self.left_out_gains.iter().filter(|gain| 0.0 < **gain).count();
        0.0 < self.left_out_gains.iter().sum::<f64>() && self.left_out_gains.len() < 2 * better
    }

    fn is_enough(&self) -> bool {
        0 < self.harmonics && self.p_value < LEVEL && self.repeats_itself()
    }
}

/// What an unknown season may do to the predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Length of the history in years.
    pub cycles: f64,
    /// Variance of a calendar week's purchases over that of a Poisson number.
    pub overdispersion: Option<f64>,
    /// The 13 weeks whose repeat purchases are farthest from the expected, measured in standard errors. The model was
    /// fitted to these weeks too, so the future may well be farther off. In the first weeks of a file that begins in
    /// the middle of the business, old customers look new and buy more than expected.
    pub largest_quarter: Option<Run>,
    /// Days looked ahead, a year at most.
    pub horizon_days: u32,
    /// Those at a time of the year that the history has never seen.
    pub days_never_seen: u32,
    /// Those at a time of the year that the history has seen once, so that habit and accident look the same.
    pub days_seen_once: u32,
}

/// What is known about the season, and what was done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum SeasonFinding {
    /// The config wants none, or purchases are counted by period.
    Off,
    /// From config.
    Given { season: Season },
    /// It repeats, and is used.
    Found { season: Season, evidence: Evidence },
    /// Two years or more, in which nothing repeats.
    NoSeason { evidence: Evidence },
    /// Less than two years, or hardly any purchases in them: nothing is used, and this is what it may cost.
    NotEnough { risk: Risk },
}

/// Probability of finding a season by chance that is accepted, before it must also repeat.
pub const LEVEL: f64 = 0.01;

/// Weights that change by no more than this from round to round have settled.
pub const SETTLED: f64 = 0.005;

/// Fits and curves at most.
pub const MOST_ROUNDS: u32 = 6;

/// Years that are looked at, from the last day back.
pub const MOST_CYCLES: u32 = 20;

/// Years in which a season must have been seen.
const FEWEST_CYCLES: u32 = 2;

/// Repeat purchases in fewer numbers than one a week say nothing about a week.
const FEWEST_REPEATS_A_WEEK: u64 = 1;

/// Departure of 13 weeks that is worth a warning.
const NOTABLE_DEPARTURE: f64 = 0.10;

/// Standard errors that make it more than chance.
const NOTABLE_ERRORS: f64 = 3.0;

/// The model that says what to expect without a season, where the config leaves the model open.
const PREFERRED: &str = "mbg_nbd";

impl SeasonFinding {
    /// The clock to fit and to predict on.
    pub fn clock(&self) -> Clock {
        self.season().map_or_else(Clock::calendar, Season::clock)
    }

    /// The season in use.
    pub fn season(&self) -> Option<&Season> {
        match self {
            Self::Given { season } | Self::Found { season, .. } => Some(season),
            Self::Off | Self::NoSeason { .. } | Self::NotEnough { .. } => None,
        }
    }

    /// Whether the user should be warned.
    pub fn is_risk(&self) -> bool {
        matches!(self, Self::NotEnough { .. })
    }

    /// What is done about the season, in a word.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Given { .. } | Self::Found { .. } => "used",
            Self::NoSeason { .. } => "none",
            Self::NotEnough { .. } => "unknown",
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::Off => "clv_season_off",
            Self::Given { .. } => "clv_season_given",
            Self::Found { .. } => "clv_season_found",
            Self::NoSeason { .. } => "clv_no_season",
            Self::NotEnough { .. } => "clv_season_unknown",
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::Off => "every day of the year counts the same".to_owned(),
            Self::Given { season } => format!("predictions follow the season that was given: {}", season.extremes()),
            Self::Found { season, evidence } => format!(
                "repeat purchases follow the year in the same way in {} years, and so do the predictions: {}; each year was \
                 foretold from the others better than by an even year in {} of {}",
                evidence.cycles,
                season.extremes(),
                evidence.left_out_gains.iter().filter(|gain| 0.0 < **gain).count(),
                evidence.left_out_gains.len(),
            ),
            Self::NoSeason { evidence } => format!(
                "no season repeats in {} years of repeat purchases, so every day of the year counts the same (such ups and downs come by chance with probability {:.2})",
                evidence.cycles, evidence.p_value
            ),
            Self::NotEnough { risk } => risk.message(),
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::NotEnough { .. } => "give two years of history, or the season you know as clv.season_weights: 12 \
                                       numbers, January first"
                .to_owned(),
            Self::Off | Self::Given { .. } | Self::Found { .. } | Self::NoSeason { .. } => {
                "set clv.season_weights to 12 numbers for a season of your own, or clv.season to off for none"
                    .to_owned()
            }
        }
    }
}

impl Risk {
    fn message(&self) -> String {
        let length = if self.cycles < f64::from(FEWEST_CYCLES) {
            format!(
                "a season shows only when a second year repeats it, and the history is {:.2} years long",
                // 729 days are not yet two years.
                (100.0 * self.cycles).floor() / 100.0
            )
        } else {
            "there are too few repeat purchases to see a season".to_owned()
        };
        let unknown: Vec<String> = [(self.days_never_seen, "not at all"), (self.days_seen_once, "only once")]
            .into_iter()
            .filter(|(days, _)| 0 < *days)
            .map(|(days, how_often)| format!("{days} {how_often}"))
            .collect();
        let ahead = if unknown.is_empty() {
            String::new()
        } else {
            format!(
                "; of the {} days ahead it has seen the time of year of {}",
                self.horizon_days,
                unknown.join(" and of ")
            )
        };
        let notable = self
            .largest_quarter
            .filter(|run| NOTABLE_DEPARTURE <= (run.ratio - 1.0).abs() && NOTABLE_ERRORS <= run.standardised.abs());
        let departure = notable.map_or_else(String::new, |run| {
            format!(
                "; the 13 weeks from {} to {} brought {:.0} % {} repeat purchases than expected without a season, and \
                 predictions may be as far off when such weeks come again",
                Day(run.first_day),
                Day(run.last_day),
                100.0 * (run.ratio - 1.0).abs(),
                if run.ratio < 1.0 { "fewer" } else { "more" },
            )
        });
        format!("{length}{ahead}{departure}")
    }
}

/// Says what is known about the season by the end of `last_day`: the purchases of all are counted, the model is fitted to
/// the sample. `model` is the config's count model or `auto`;
/// `horizon_days` is how far the predictions will look.
pub fn find(
    params: &SeasonParams,
    purchases: &Purchases<'_>,
    last_day: i32,
    horizon_days: u32,
    model: &str,
) -> SeasonFinding {
    if let Some(finding) = without_looking(params, model) {
        return finding;
    }
    let (seen, model) = (Seen::new(purchases.all, last_day), preferred(model));
    settle(&seen, purchases.sample, model).unwrap_or_else(|| SeasonFinding::NotEnough {
        risk: risk(&seen, purchases.sample, horizon_days, model),
    })
}

/// The clock of [`find`] alone: where too little is known of a season, nothing is fitted.
pub fn clock(params: &SeasonParams, purchases: &Purchases<'_>, last_day: i32, model: &str) -> Clock {
    let finding = without_looking(params, model).or_else(|| {
        let seen = Seen::new(purchases.all, last_day);
        settle(&seen, purchases.sample, preferred(model))
    });
    finding.map_or_else(Clock::calendar, |finding| finding.clock())
}

/// What is said where no season is to be looked for.
fn without_looking(params: &SeasonParams, model: &str) -> Option<SeasonFinding> {
    match params {
        SeasonParams::Off => Some(SeasonFinding::Off),
        SeasonParams::Given(season) => Some(SeasonFinding::Given { season: season.clone() }),
        SeasonParams::Auto => {
            let other = |model: &&dyn model::CountModel| model.setting() != Setting::Noncontractual;
            model::find(preferred(model)).filter(other).map(|_| SeasonFinding::Off)
        }
    }
}

/// The model that says what to expect without a season.
fn preferred(model: &str) -> &str {
    if model == AUTO { PREFERRED } else { model }
}

/// Fits and draws in turn until the weights stay; `None` if too little was seen, or there is nothing to draw a curve
/// through.
fn settle(seen: &Seen, purchases: &PurchaseDays, model: &str) -> Option<SeasonFinding> {
    if seen.cycles() < FEWEST_CYCLES || seen.n_repeats() < FEWEST_REPEATS_A_WEEK * u64::from(seen.n_weeks()) {
        return None;
    }
    let mut clock = Clock::calendar();
    let mut round = 1;
    loop {
        let scorer = stationary(purchases, seen.last_day, &clock, model)?;
        let weeks = seen.weeks(&scorer, &clock)?;
        let found = harmonics::find(&weeks, seen.cycles() as usize)?;
        let season = Season::Harmonics {
            cos: found.curve.cos.clone(),
            sin: found.curve.sin.clone(),
        };
        let next = season.clock();
        let last_change = largest_change(&clock, &next);
        let evidence = Evidence {
            cycles: seen.cycles(),
            weeks: weeks.len() as u32,
            repeats: weeks.iter().map(|week| week.actual).sum::<f64>() as u64,
            harmonics: found.curve.cos.len() as u32,
            overdispersion: found.overdispersion,
            p_value: found.p_value,
            left_out_gains: found.gains,
            rounds: round,
            last_change,
        };
        if !evidence.is_enough() {
            return Some(SeasonFinding::NoSeason { evidence });
        }
        if last_change <= SETTLED || MOST_ROUNDS <= round {
            return Some(SeasonFinding::Found { season, evidence });
        }
        clock = next;
        round += 1;
    }
}

fn largest_change(before: &Clock, after: &Clock) -> f64 {
    (0..YEAR as i32)
        .map(|day| (after.weight(day) - before.weight(day)).abs())
        .fold(0.0, f64::max)
}

/// The count model on a clock.
fn stationary(purchases: &PurchaseDays, last_day: i32, clock: &Clock, model: &str) -> Option<Scorer> {
    let observed = purchases.until(last_day, clock);
    let (mut histories, _) = Histories::collapse(&observed.histories().histories());
    histories.sum_ln_gaps = observed.sum_ln_gaps;
    let fits = select::fit_counts(model, Setting::Noncontractual, 0.0, &histories);
    let counts = ladder::choose(model, &fits).counts;
    let spend = Spend::Nothing;
    ClvModel { counts, spend }.scorer().ok()
}

/// What had happened by the end of a day.
struct Seen {
    last_day: i32,
    /// Customers by first day.
    starters: Vec<(i32, u64)>,
    /// Repeat purchases by day.
    repeats: Vec<(i32, u64)>,
}

impl Seen {
    fn new(purchases: &PurchaseDays, last_day: i32) -> Self {
        Self {
            last_day,
            starters: purchases.first_by_day(last_day),
            repeats: purchases.repeats_by_day(last_day),
        }
    }

    fn first_day(&self) -> i32 {
        self.starters.first().map_or(self.last_day, |(day, _)| *day)
    }

    fn days(&self) -> i64 {
        i64::from(self.last_day) - i64::from(self.first_day()) + 1
    }

    fn years(&self) -> f64 {
        self.days() as f64 / YEAR as f64
    }

    /// Full years, as many as are looked at.
    fn cycles(&self) -> u32 {
        self.years().min(f64::from(MOST_CYCLES)) as u32
    }

    fn n_weeks(&self) -> u32 {
        let most = i64::from(MOST_CYCLES) * YEAR as i64;
        (self.days().min(most) / WEEK as i64) as u32
    }

    fn n_repeats(&self) -> u64 {
        self.repeats.iter().map(|(_, n)| n).sum()
    }

    /// Whole weeks back from the last day, the earliest first; `None` without a model.
    fn weeks(&self, scorer: &Scorer, clock: &Clock) -> Option<Vec<Count>> {
        let expected = Expectation::new(scorer, clock.elapsed(self.first_day(), self.last_day))?;
        let n = self.n_weeks();
        let end = |weeks_back: u32| self.last_day.saturating_sub((WEEK as u32 * weeks_back) as i32);
        let mut out = Vec::with_capacity(n as usize);
        let mut repeats = self.repeats.iter().skip_while(|(day, _)| *day <= end(n)).peekable();
        let mut before = expected.until(end(n), &self.starters, clock);
        for back in (0..n).rev() {
            let (start, end) = (end(back + 1), end(back));
            let mut actual = 0;
            while let Some((_, n)) = repeats.next_if(|(day, _)| *day <= end) {
                actual += n;
            }
            let until = expected.until(end, &self.starters, clock);
            let base = (until - before) / clock.elapsed(start, end);
            before = until;
            // A week in which no repeat purchase is possible has nothing to say.
            if base.is_finite() && 1e-9 < base {
                out.push(Count {
                    actual: actual as f64,
                    base,
                    places: std::array::from_fn(|d| place(YearDay::of(start.saturating_add(1 + d as i32)).slot())),
                    cycle: (back as usize * WEEK / YEAR).min(self.cycles() as usize - 1),
                    time: 1.0 - 2.0 * f64::from(back) / f64::from(n.max(2) - 1),
                });
            }
        }
        Some(out)
    }
}

fn risk(seen: &Seen, purchases: &PurchaseDays, horizon_days: u32, model: &str) -> Risk {
    let calendar = Clock::calendar();
    let residuals = stationary(purchases, seen.last_day, &calendar, model)
        .map(|scorer| tracking::residuals(&scorer, &seen.starters, &seen.repeats, seen.last_day, &calendar))
        .unwrap_or_default();
    let slot = |day: i64| YearDay::of(day.clamp(i32::MIN.into(), i32::MAX.into()) as i32).slot() as usize;
    let mut times_seen = [0_u32; YEAR];
    let last = i64::from(seen.last_day);
    let looked_at = seen.days().min(i64::from(MOST_CYCLES) * YEAR as i64);
    let known = if seen.starters.is_empty() { 0 } else { looked_at };
    for day in last - known + 1..=last {
        times_seen[slot(day)] += 1;
    }
    let horizon_days = horizon_days.min(YEAR as u32);
    let ahead: Vec<u32> = (1..=i64::from(horizon_days))
        .map(|d| times_seen[slot(last + d)])
        .collect();
    let count = |times: u32| ahead.iter().filter(|seen| **seen == times).count() as u32;
    Risk {
        cycles: if seen.starters.is_empty() { 0.0 } else { seen.years() },
        overdispersion: residuals.overdispersion,
        largest_quarter: residuals.largest_quarter,
        horizon_days,
        days_never_seen: count(0),
        days_seen_once: count(1),
    }
}
