//! How well the model follows the history it was fitted to, week by week and by number of repeat purchases, and where
//! it does not: models of constant rates miss a season, and the run of weeks they miss by most is named here.
//!
//! In: a scorer, purchase days, a clock. Out: actual and expected repeat purchase days a week ([`Residuals`]), a point a
//! week ([`track`]), a bin a count. Cost: one prediction for every possible age in days, then first days × weeks
//! look-ups.
//! Source: Fader and Hardie (2005), note 004, section 5 (cumulative repeat transactions).
//!
//! # Formula
//! Of the customers with first day f, n_f of them, Σ n_f (E\[X(Λ(f, e))\] − E\[X(Λ(f, s))\]) repeat purchases are expected
//! between the ends of days s and e, E\[X(t)\] those of a new customer within t and Λ the clock. So neither the growth of
//! the customer base nor dropout looks like a season. A residual is standardised as (actual − expected)/√expected, which
//! for Poisson numbers has mean 0 and variance 1. The overdispersion is the mean of its square: what is far above 1 is
//! not chance.
//!
//! # Shapes and units
//! Weeks run from Monday to Sunday; the first and the last may be cut short by the history.
//!
//! # Errors
//! None; without a model or customers there are no weeks.
//!
//! # Check
//! `weeks_add_up_to_the_sum_over_customers` against brute force, `the_run_that_departs_most_is_named`.

use super::clock::Clock;
use super::histories::Histories;
use super::value::Scorer;

use std::collections::BTreeMap;

/// Actual and expected repeat purchase days of all customers together, from the first day to the end of a week.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct TrackPoint {
    /// Last day of the week, on the scale of the input days.
    pub week_end_day: i32,
    pub actual: u64,
    pub expected: f64,
}

/// Customers by number of repeat purchase days.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct RepeatBin {
    pub repeat_days: u32,
    /// The last bin holds everybody with that many or more.
    pub or_more: bool,
    pub actual: u64,
    pub expected: f64,
}

/// A calendar week.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Week {
    /// Monday, or the first day of the history.
    pub first_day: i32,
    /// Sunday, or the last day of the history.
    pub last_day: i32,
    /// Repeat purchase days in the week.
    pub actual: u64,
    pub expected: f64,
    /// (actual − expected)/√expected; 0 where nothing is expected.
    pub standardised: f64,
    /// From the first day of the history to the end of the week.
    pub cumulative_actual: u64,
    pub cumulative_expected: f64,
}

/// Neighbouring weeks taken together.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Run {
    pub first_day: i32,
    pub last_day: i32,
    pub actual: u64,
    pub expected: f64,
    /// Actual over expected.
    pub ratio: f64,
    /// (actual − expected)/√expected.
    pub standardised: f64,
}

/// The fit by calendar week.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Residuals {
    pub weeks: Vec<Week>,
    /// Mean square of the standardised residuals of weeks in which a purchase or more is expected; about 1 if only
    /// chance is at work. `None` without such weeks.
    pub overdispersion: Option<f64>,
    /// The run of [`LEAST_RUN`] or more weeks whose standardised residual is largest.
    pub largest_run: Option<Run>,
    /// The same among the runs of 13 weeks.
    pub largest_quarter: Option<Run>,
}

/// Shortest run of weeks that is named: a single week may be a campaign.
pub const LEAST_RUN: usize = 4;

/// Weeks in a quarter.
pub const QUARTER: usize = 13;

/// Longest series of points; a longer history has several weeks a point.
const MOST_POINTS: i64 = 2_000;

/// The last bin is this many and more.
const LAST_BIN: usize = 7;

/// Ages with a prediction of their own; a longer history has one every few days.
const MOST_AGES: f64 = 20_000.0;

/// Expected repeat purchases of a new customer at every age: exact at whole days, between them the cubic through four
/// of them.
pub(super) struct Expectation {
    step: f64,
    at_step: Vec<f64>,
}

impl Expectation {
    /// For ages up to `longest`; `None` without a model.
    pub(super) fn new(scorer: &Scorer, longest: f64) -> Option<Self> {
        let step = (longest / MOST_AGES).ceil().max(1.0);
        let last = (longest / step).ceil() as u32 + 3;
        let ages: Vec<f64> = (0..=last).map(|k| f64::from(k) * step).collect();
        let at_step = scorer.expected_of_new(&ages)?;
        Some(Self { step, at_step })
    }

    pub(super) fn at(&self, age: f64) -> f64 {
        let place = (age / self.step).max(0.0);
        let Some(last) = self.at_step.len().checked_sub(4) else {
            return 0.0;
        };
        let whole = place.floor() as usize;
        if place == place.floor()
            && let Some(exact) = self.at_step.get(whole)
        {
            return *exact;
        }
        let first = whole.saturating_sub(1).min(last);
        let u = place - first as f64;
        let y = &self.at_step[first..first + 4];
        let (u1, u2, u3) = (u - 1.0, u - 2.0, u - 3.0);
        (y[3] * u * u1 * u2 - y[0] * u1 * u2 * u3) / 6.0 + (y[1] * u * u2 * u3 - y[2] * u * u1 * u3) / 2.0
    }

    /// Of all `starters` (first day, customers), from their first days to the end of `day`.
    pub(super) fn until(&self, day: i32, starters: &[(i32, u64)], clock: &Clock) -> f64 {
        starters
            .iter()
            .take_while(|(first, _)| *first <= day)
            .map(|(first, n)| *n as f64 * self.at(clock.elapsed(*first, day)))
            .sum()
    }
}

/// Actual and expected repeat purchases by calendar week up to `last_day`, from [`super::purchases::PurchaseDays::first_by_day`]
/// and [`super::purchases::PurchaseDays::repeats_by_day`]. `clock` is the one that the scorer was fitted on.
pub fn residuals(
    scorer: &Scorer,
    starters: &[(i32, u64)],
    repeats: &[(i32, u64)],
    last_day: i32,
    clock: &Clock,
) -> Residuals {
    let Some(&(first, _)) = starters.first() else {
        return Residuals::default();
    };
    let ends = week_ends(first, last_day);
    let Some(expected) = Expectation::new(scorer, clock.elapsed(first, last_day)) else {
        return Residuals::default();
    };
    let mut weeks: Vec<Week> = Vec::with_capacity(ends.len());
    let (mut first_day, mut seen, mut repeats) = (first, 0, repeats.iter().peekable());
    for end in ends {
        let mut actual = 0;
        while let Some((_, n)) = repeats.next_if(|(day, _)| *day <= end) {
            actual += n;
        }
        seen += actual;
        let cumulative_expected = expected.until(end, starters, clock);
        let before = weeks.last().map_or(0.0, |week| week.cumulative_expected);
        let expected = (cumulative_expected - before).max(0.0);
        weeks.push(Week {
            first_day,
            last_day: end,
            actual,
            expected,
            standardised: standardised(actual, expected),
            cumulative_actual: seen,
            cumulative_expected,
        });
        first_day = end.saturating_add(1);
    }
    Residuals {
        overdispersion: overdispersion(&weeks),
        largest_run: largest_run(&weeks, LEAST_RUN, weeks.len()),
        largest_quarter: largest_run(&weeks, QUARTER, QUARTER),
        weeks,
    }
}

/// Sundays from `first` on, every one or every few, and `last`.
fn week_ends(first: i32, last: i32) -> Vec<i32> {
    const THURSDAY_TO_SUNDAY: i64 = 3;
    let (first, last) = (i64::from(first), i64::from(last));
    let step = ((last - first) / 7 / MOST_POINTS + 1) * 7;
    // Day 0 was a Thursday.
    let sunday = first + (THURSDAY_TO_SUNDAY - first).rem_euclid(7);
    let mut ends: Vec<i32> = (0..)
        .map(|k| sunday + k * step)
        .take_while(|end| *end < last)
        .map(clamp)
        .collect();
    ends.push(clamp(last));
    ends
}

fn standardised(actual: u64, expected: f64) -> f64 {
    if 0.0 < expected {
        (actual as f64 - expected) / expected.sqrt()
    } else {
        0.0
    }
}

fn overdispersion(weeks: &[Week]) -> Option<f64> {
    let squares: Vec<f64> = weeks
        .iter()
        .filter(|week| 1.0 <= week.expected)
        .map(|week| week.standardised * week.standardised)
        .collect();
    (!squares.is_empty()).then(|| squares.iter().sum::<f64>() / squares.len() as f64)
}

/// The run of `least` to `most` weeks with the largest standardised residual, the earliest and shortest of equals.
/// Runs in which less than a purchase is expected are left out.
fn largest_run(weeks: &[Week], least: usize, most: usize) -> Option<Run> {
    let mut largest: Option<Run> = None;
    for (i, from) in weeks.iter().enumerate() {
        let before = i.checked_sub(1).map(|k| &weeks[k]);
        let (actual_before, expected_before) =
            before.map_or((0, 0.0), |week| (week.cumulative_actual, week.cumulative_expected));
        for to in weeks.iter().take(i.saturating_add(most)).skip(i + least.max(1) - 1) {
            let actual = to.cumulative_actual - actual_before;
            let expected = to.cumulative_expected - expected_before;
            let standardised = standardised(actual, expected);
            if 1.0 <= expected && largest.is_none_or(|run| run.standardised.abs() < standardised.abs()) {
                largest = Some(Run {
                    first_day: from.first_day,
                    last_day: to.last_day,
                    actual,
                    expected,
                    ratio: actual as f64 / expected,
                    standardised,
                });
            }
        }
    }
    largest
}

/// Cumulative repeat purchase days by week, on the clock that the scorer was fitted on. `first_days` has every
/// customer's first day, `repeat_by_day` the repeat purchase days that fell on a day (a day may occur more than once).
/// Weeks start on the weekday of the first day. Empty without a model or customers.
pub fn track(
    scorer: &Scorer,
    first_days: &[i32],
    repeat_by_day: &[(i32, u64)],
    as_of_day: i32,
    clock: &Clock,
) -> Vec<TrackPoint> {
    let mut starters = BTreeMap::<i32, u64>::new();
    for day in first_days.iter().filter(|day| **day <= as_of_day) {
        *starters.entry(*day).or_default() += 1;
    }
    let starters: Vec<(i32, u64)> = starters.into_iter().collect();
    let mut repeats = BTreeMap::<i32, u64>::new();
    for (day, n) in repeat_by_day {
        *repeats.entry(*day).or_default() += n;
    }
    let Some(&(first, _)) = starters.first() else {
        return Vec::new();
    };
    let span = i64::from(as_of_day) - i64::from(first);
    let days_a_point = (span / 7 / MOST_POINTS + 1) * 7;
    let Some(expected) = Expectation::new(scorer, clock.elapsed(first, as_of_day)) else {
        return Vec::new();
    };
    let point = |k: i64| {
        let end = clamp((i64::from(first) + (k + 1) * days_a_point - 1).min(i64::from(as_of_day)));
        TrackPoint {
            week_end_day: end,
            actual: repeats.range(..=end).map(|(_, n)| n).sum(),
            expected: expected.until(end, &starters, clock),
        }
    };
    (0..=span / days_a_point).map(point).collect()
}

fn clamp(day: i64) -> i32 {
    day.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// Actual and expected number of customers with 0, 1, … 6 and 7 or more repeat purchase days. Empty without a
/// model.
pub fn repeat_bins(scorer: &Scorer, histories: &Histories) -> Vec<RepeatBin> {
    let mut by_age = BTreeMap::<u64, (f64, f64)>::new();
    let mut actual = [0.0; LAST_BIN + 1];
    for (h, n) in histories.rows.iter().zip(&histories.counts) {
        // Ages are not negative, so their bits are in the order of the numbers.
        by_age.entry(h.age.to_bits()).or_insert((h.age, 0.0)).1 += n;
        actual[(h.x as usize).min(LAST_BIN)] += n;
    }
    let mut expected = [0.0; LAST_BIN + 1];
    for (age, n) in by_age.values() {
        let Some(tail) = scorer.tail_of_new(*age, LAST_BIN) else {
            return Vec::new();
        };
        let mut above = 1.0;
        for (bin, more) in expected.iter_mut().zip(tail.iter().chain(&[0.0])) {
            *bin += n * (above - more);
            above = *more;
        }
    }
    (0_u32..)
        .zip(actual.iter().zip(&expected))
        .map(|(repeat_days, (actual, expected))| RepeatBin {
            repeat_days,
            or_more: repeat_days as usize == LAST_BIN,
            actual: *actual as u64,
            expected: *expected,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clv::model::Letters;
    use crate::clv::purchases::PurchaseDays;
    use crate::clv::select::{ClvModel, Counts, Spend};

    fn scorer(name: &str, letters: &[&str], values: &[f64]) -> Scorer {
        let counts = Counts::Model {
            name: name.to_owned(),
            params: Letters::new(letters, values),
            covariance: None,
            stands_in: false,
        };
        let spend = Spend::Nothing;
        ClvModel { counts, spend }.scorer().unwrap()
    }

    fn residuals_of(scorer: &Scorer, purchases: &PurchaseDays, last_day: i32, clock: &Clock) -> Residuals {
        let (starters, repeats) = (purchases.first_by_day(last_day), purchases.repeats_by_day(last_day));
        residuals(scorer, &starters, &repeats, last_day, clock)
    }

    fn mbg() -> Scorer {
        scorer("mbg_nbd", &["r", "alpha", "a", "b"], &[0.8, 40.0, 0.6, 2.0])
    }

    /// 90 customers of 1 to 4 purchase days from 2010-12-01 (a Wednesday) on.
    fn purchases() -> PurchaseDays {
        let mut out = PurchaseDays::default();
        for i in 0..90 {
            let first = 14_944 + i * 3;
            out.push((0..=i % 4).map(|k| (first + k * (7 + i), 1.0)));
        }
        out
    }

    fn uneven() -> Clock {
        Clock::seasonal(&std::array::from_fn(|day| 1.0 + 0.8 * (day as f64 / 58.0).sin()))
    }

    #[test]
    fn weeks_add_up_to_the_sum_over_customers() {
        let (scorer, purchases, last_day) = (mbg(), purchases(), 14_944 + 365);
        for clock in [Clock::calendar(), uneven()] {
            let got = residuals_of(&scorer, &purchases, last_day, &clock);
            let (mut actual_before, mut expected_before) = (0, 0.0);
            for week in &got.weeks {
                let (mut actual, mut expected) = (0, 0.0);
                for customer in 0..purchases.n_customers() {
                    let first = purchases.days(customer)[0];
                    if first <= week.last_day {
                        let age = clock.elapsed(first, week.last_day);
                        expected += scorer.expected_of_new(&[age]).unwrap()[0];
                        actual += u64::from(purchases.count_between(customer, first, week.last_day));
                    }
                }
                // Exact on the calendar; the cubic between whole days is good to 1e-7.
                let error = (week.cumulative_expected - expected).abs() / expected.max(1e-9);
                assert!(
                    error < if clock.is_calendar() { 1e-14 } else { 1e-7 },
                    "{week:?} {expected}"
                );
                assert_eq!((week.cumulative_actual, week.actual), (actual, actual - actual_before));
                assert!((week.expected - (expected - expected_before)).abs() < 1e-6);
                (actual_before, expected_before) = (actual, expected);
            }
            assert_eq!((got.weeks[0].first_day, got.weeks[0].last_day), (14_944, 14_948));
            // 2011-12-01 is a Thursday.
            let last = got.weeks[got.weeks.len() - 1];
            assert_eq!((last.first_day, last.last_day), (last_day - 3, last_day));
            assert!(got.weeks.windows(2).all(|w| w[0].last_day + 1 == w[1].first_day));
        }
    }

    #[test]
    fn the_run_that_departs_most_is_named() {
        // One order a day is expected of a customer who began on Monday 2011-01-03.
        let scorer = scorer("nbd", &["r", "alpha"], &[1e6, 1e6]);
        let monday = 14_977;
        let mut purchases = PurchaseDays::default();
        let kept = |day: &i32| !(70..105).contains(day) || day % 7 == 0;
        purchases.push((0..=200).filter(kept).map(|day| (monday + day, 1.0)));
        let got = residuals_of(&scorer, &purchases, monday + 200, &Clock::calendar());
        let run = got.largest_run.unwrap();
        assert_eq!((run.first_day, run.last_day), (monday + 70, monday + 104));
        assert_eq!(run.actual, 5);
        assert!((run.expected - 35.0).abs() < 1e-3 && (run.ratio - 1.0 / 7.0).abs() < 1e-5);
        assert!((run.standardised + 30.0 / 35_f64.sqrt()).abs() < 1e-4);
        let quarter = got.largest_quarter.unwrap();
        assert_eq!(quarter.last_day - quarter.first_day + 1, 91);
        assert_eq!((quarter.actual, quarter.expected.round()), (61, 91.0));
    }

    #[test]
    fn nothing_is_said_without_customers_and_nothing_breaks_at_the_ends_of_time() {
        let nobody = PurchaseDays::default();
        let scorer = scorer("nbd", &["r", "alpha"], &[0.8, 40.0]);
        assert_eq!(residuals_of(&scorer, &nobody, 5, &uneven()), Residuals::default());
        let mut purchases = PurchaseDays::default();
        purchases.push([(i32::MIN, 1.0), (i32::MAX, 1.0)]);
        purchases.push([(0, 1.0)]);
        for last_day in [i32::MIN, -1, i32::MAX] {
            for clock in [Clock::calendar(), uneven()] {
                let got = residuals_of(&scorer, &purchases, last_day, &clock);
                assert!(got.weeks.len() <= MOST_POINTS as usize + 2);
                assert!(
                    got.weeks
                        .iter()
                        .all(|w| w.expected.is_finite() && w.standardised.is_finite())
                );
                assert_eq!(got.weeks.last().map(|w| w.last_day), Some(last_day));
                let points = track(&scorer, &[i32::MIN, 0], &[(i32::MAX, 1)], last_day, &clock);
                assert_eq!(points.last().map(|p| p.week_end_day), Some(last_day));
            }
        }
    }

    #[test]
    fn the_cubic_meets_the_whole_days_and_lies_close_between_them() {
        let scorer = mbg();
        let table = Expectation::new(&scorer, 400.0).unwrap();
        for age in [0.0, 1.0, 17.0, 399.0, 400.0] {
            assert_eq!(table.at(age), scorer.expected_of_new(&[age]).unwrap()[0]);
        }
        for i in 0..4_000 {
            let age = 0.1 * f64::from(i) + 0.03;
            let want = scorer.expected_of_new(&[age]).unwrap()[0];
            assert!((table.at(age) - want).abs() < 1e-7, "{age}: {} {want}", table.at(age));
        }
    }
}
