//! How well the model follows the history it was fitted to: the tracking plot and the histogram of repeat counts.
//!
//! In: a scorer, days of first purchases, repeat purchase days by calendar day. Out: a point a week, a bin a count.
//! Cost: one prediction for every possible age in days, then first days × weeks additions.
//! Source: Fader and Hardie (2005), note 004, section 5 (cumulative repeat transactions).

use std::collections::BTreeMap;

use super::histories::Histories;
use super::value::Scorer;

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

/// Longest series of points; a longer history has several weeks a point.
const MOST_POINTS: i64 = 2_000;

/// The last bin is this many and more.
const LAST_BIN: usize = 7;

/// Cumulative repeat purchase days by week. `first_days` has every customer's first day, `repeat_by_day` the repeat
/// purchase days that fell on a day (a day may occur more than once). Empty without a model or customers.
pub fn track(scorer: &Scorer, first_days: &[i32], repeat_by_day: &[(i32, u64)], as_of_day: i32) -> Vec<TrackPoint> {
    let mut starters = BTreeMap::<i32, u64>::new();
    for day in first_days.iter().filter(|day| **day <= as_of_day) {
        *starters.entry(*day).or_default() += 1;
    }
    let mut repeats = BTreeMap::<i32, u64>::new();
    for (day, n) in repeat_by_day {
        *repeats.entry(*day).or_default() += n;
    }
    let Some(&first) = starters.keys().next() else {
        return Vec::new();
    };
    let span = i64::from(as_of_day) - i64::from(first);
    let weeks_a_point = (span / 7 / MOST_POINTS + 1) * 7;
    let ends: Vec<i64> = (0..=span / weeks_a_point)
        .map(|k| (i64::from(first) + (k + 1) * weeks_a_point - 1).min(i64::from(as_of_day)))
        .collect();

    let mut ages: Vec<i64> = ends
        .iter()
        .flat_map(|end| {
            starters
                .range(..=clamp(*end))
                .map(move |(day, _)| end - i64::from(*day))
        })
        .collect();
    ages.sort_unstable();
    ages.dedup();
    let horizons: Vec<f64> = ages.iter().map(|age| *age as f64).collect();
    let Some(expected_at) = scorer.expected_of_new(&horizons) else {
        return Vec::new();
    };

    let point = |end: &i64| {
        let expected_of = |day: i32| {
            let place = ages.binary_search(&(end - i64::from(day))).ok()?;
            expected_at.get(place).copied()
        };
        TrackPoint {
            week_end_day: clamp(*end),
            actual: repeats.range(..=clamp(*end)).map(|(_, n)| n).sum(),
            expected: starters
                .range(..=clamp(*end))
                .map(|(day, n)| *n as f64 * expected_of(*day).unwrap_or(0.0))
                .sum(),
        }
    };
    ends.iter().map(point).collect()
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
