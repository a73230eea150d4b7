//! The clock that purchase times are measured on: calendar days, or days that count more in a busy season.
//!
//! In: two days, counted from 1970-01-01. Out: the time between them, in days. Cost: two look-ups; a seasonal clock
//! holds 6 kB.
//!
//! A model with constant rates on a clock that runs with the season is the model with seasonal rates on the calendar:
//! fit it to t_x and T on this clock, ask it for horizons on this clock ([`Clock::horizons`]), and discount on the calendar.
//! A value to infinity whose discounting is on this clock too is off by at most the rate times the clock's lead or lag,
//! which is 1 % for 10 % a year and five weeks.
//!
//! # Formula
//! Λ(t) = ∫ λ, the operational time of a Poisson process of intensity λ (Cox and Isham 1980, *Point Processes*,
//! section 4.2). λ is a step a day, repeats every year and has mean 1, so that from new year to new year it is as long
//! as on the calendar. 29 February weighs the mean of its neighbours, and the whole leap year is scaled to 366.
//!
//! A likelihood of times on this clock is one of the purchases on the calendar only after Σ ln λ over the repeat purchase
//! days is added; without it, fits on different clocks cannot be compared. On one clock the term is the same for all
//! models.
//!
//! # Domain
//! Every pair of `i32` days. No day weighs less than 1/21, so that time never stands still.
//!
//! # Check
//! Times are whole multiples of 2⁻²⁰ days, 0.08 seconds. Sums and differences of such numbers are exact, so
//! elapsed(a, b) + elapsed(b, c) = elapsed(a, c) to the last bit (`elapsed_adds_up_exactly`).

use std::sync::Arc;

/// Days in a common year; the 29th of February has no weight of its own.
pub const YEAR: usize = 365;

/// Weights are kept within these, as multiples of their mean.
const LEAST_WEIGHT: f64 = 0.05;
const MOST_WEIGHT: f64 = 20.0;

/// Ticks of the clock in a day, 2²⁰.
const TICKS: f64 = 1_048_576.0;

/// Place of 28 February, the day before a leap day.
const FEBRUARY_28: usize = 58;

/// Days on a scale; differences are times in days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {
    year: Option<Arc<Year>>,
}

/// Time from the start of a year to the start of each of its days and to its end.
#[derive(Debug, PartialEq)]
struct Year {
    common: Vec<f64>,
    leap: Vec<f64>,
}

impl Clock {
    /// Every day counts 1.
    pub fn calendar() -> Self {
        Self::default()
    }

    /// A clock that runs with the year. `weights` stand for 1 January to 31 December; they are divided by their mean
    /// and kept between 1/20 and 20 times it. What is not a finite number counts as the mean.
    pub fn seasonal(weights: &[f64; YEAR]) -> Self {
        // A weight beyond this cannot be told from any other that is far too large, and its sum would overflow.
        const ABSURD: f64 = 1e100;
        let usable = |w: &&f64| w.is_finite() && 0.0 <= **w;
        let n = weights.iter().filter(usable).count().max(1) as f64;
        let mean = weights.iter().filter(usable).map(|w| w.min(ABSURD)).sum::<f64>() / n;
        let relative = |w: &f64| {
            let ratio = w / mean;
            if ratio.is_finite() && 0.0 <= ratio {
                ratio.clamp(LEAST_WEIGHT, MOST_WEIGHT)
            } else {
                1.0
            }
        };
        let common: Vec<f64> = weights.iter().map(relative).collect();
        let mut leap = common.clone();
        leap.insert(FEBRUARY_28 + 1, 0.5 * (common[FEBRUARY_28] + common[FEBRUARY_28 + 1]));
        Self {
            year: Some(Arc::new(Year {
                common: cumulated(&common),
                leap: cumulated(&leap),
            })),
        }
    }

    /// Whether every day counts 1 by construction.
    pub fn is_calendar(&self) -> bool {
        self.year.is_none()
    }

    /// Time from the end of day `from` to the end of day `to`; negative if `to` comes first.
    pub fn elapsed(&self, from: i32, to: i32) -> f64 {
        let Some(year) = &self.year else {
            return f64::from(to) - f64::from(from);
        };
        let (from, to) = (YearDay::of(from), YearDay::of(to));
        (to.year_start - from.year_start) as f64 + (year.until_end_of(&to) - year.until_end_of(&from))
    }

    /// Horizons after the end of `day`, given in calendar days, as times on this clock.
    pub fn horizons(&self, day: i32, calendar_days: &[f64]) -> Vec<f64> {
        calendar_days.iter().map(|days| self.ahead(day, *days)).collect()
    }

    /// Time on this clock that the next `calendar_days` take; part of a day takes its part of that day's weight.
    /// Negative and undefined horizons take no time.
    pub fn ahead(&self, day: i32, calendar_days: f64) -> f64 {
        let days = calendar_days.max(0.0);
        if self.is_calendar() {
            return days;
        }
        let whole = days.floor();
        // Beyond the range of days a year is as long as a year.
        let reach = (f64::from(i32::MAX) - f64::from(day) - 1.0).max(0.0);
        if reach < whole {
            return days;
        }
        let to = (f64::from(day) + whole) as i32;
        self.elapsed(day, to) + (days - whole) * self.elapsed(to, to.saturating_add(1))
    }

    /// Weight of a day.
    pub fn weight(&self, day: i32) -> f64 {
        let Some(year) = &self.year else {
            return 1.0;
        };
        let day = YearDay::of(day);
        let table = year.table(&day);
        table[day.place + 1] - table[day.place]
    }
}

impl Year {
    fn table(&self, day: &YearDay) -> &[f64] {
        if day.leap { &self.leap } else { &self.common }
    }

    fn until_end_of(&self, day: &YearDay) -> f64 {
        self.table(day)[day.place + 1]
    }
}

/// Running sums of the weights, scaled to end at their number and rounded to ticks.
fn cumulated(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let scale = weights.len() as f64 / total;
    let mut sum = 0.0;
    let mut out = vec![0.0];
    for weight in weights {
        sum += weight;
        out.push((sum * scale * TICKS).round() / TICKS);
    }
    out
}

/// A day's place in the Gregorian year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct YearDay {
    /// Day number of 1 January.
    year_start: i64,
    /// 0 for 1 January.
    place: usize,
    leap: bool,
}

impl YearDay {
    /// Years are counted from 1 March, 400 at a time, so that the leap day is a year's last (Hinnant,
    /// *chrono-compatible low-level date algorithms*, `civil_from_days`).
    pub(super) fn of(day: i32) -> Self {
        const DAYS_IN_400_YEARS: i64 = 146_097;
        /// From 0000-03-01 to 1970-01-01.
        const EPOCH: i64 = 719_468;
        /// From 1 March to 1 January.
        const MARCH_TO_JANUARY: i64 = 306;
        let z = i64::from(day) + EPOCH;
        let in_era = z.rem_euclid(DAYS_IN_400_YEARS);
        let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
        let since_march = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let (year, place) = if MARCH_TO_JANUARY <= since_march {
            (year_of_era + 1, since_march - MARCH_TO_JANUARY)
        } else {
            (year_of_era, since_march + 59 + i64::from(is_leap(year_of_era)))
        };
        Self {
            year_start: i64::from(day) - place,
            place: place as usize,
            leap: is_leap(year),
        }
    }

    /// Place among the 365 days of a common year; 29 February stands halfway between its neighbours.
    pub(super) fn slot(&self) -> f64 {
        if !self.leap || self.place <= FEBRUARY_28 {
            self.place as f64
        } else if self.place == FEBRUARY_28 + 1 {
            FEBRUARY_28 as f64 + 0.5
        } else {
            self.place as f64 - 1.0
        }
    }
}

/// Of a year in its 400-year era, 0 to 400.
fn is_leap(year_of_era: i64) -> bool {
    year_of_era % 4 == 0 && (year_of_era % 100 != 0 || year_of_era % 400 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    fn uneven() -> Clock {
        Clock::seasonal(&std::array::from_fn(|i| {
            (0.9 * (i as f64 / 58.0).sin()).exp() + if 330 < i { 3.0 } else { 0.0 }
        }))
    }

    fn day(y: i32, m: u32, d: u32) -> i32 {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        (NaiveDate::from_ymd_opt(y, m, d).unwrap() - epoch).num_days() as i32
    }

    #[test]
    fn places_in_the_year_are_those_of_the_gregorian_calendar() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for d in (-300_000..300_000).step_by(7).chain(day(1999, 12, 1)..day(2005, 2, 1)) {
            let date = epoch + chrono::Duration::days(i64::from(d));
            let new_year = NaiveDate::from_ymd_opt(date.year(), 1, 1).unwrap();
            let want = YearDay {
                year_start: (new_year - epoch).num_days(),
                place: date.ordinal0() as usize,
                leap: date.leap_year(),
            };
            assert_eq!(YearDay::of(d), want, "{date}");
        }
    }

    #[test]
    fn elapsed_adds_up_exactly() {
        for clock in [Clock::calendar(), uneven()] {
            let mut z = 1_u32;
            for _ in 0..100_000 {
                let mut any = || {
                    z = z.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (z >> 3) as i32 - (1 << 28)
                };
                let (a, b, c) = (any(), any(), any());
                assert_eq!(clock.elapsed(a, b) + clock.elapsed(b, c), clock.elapsed(a, c));
                assert_eq!(clock.elapsed(a, b), -clock.elapsed(b, a));
                assert_eq!(clock.elapsed(a, a), 0.0);
                assert_eq!(a < b, 0.0 < clock.elapsed(a, b));
            }
            assert_eq!(
                clock.elapsed(i32::MIN, 7) + clock.elapsed(7, i32::MAX),
                clock.elapsed(i32::MIN, i32::MAX)
            );
        }
    }

    #[test]
    fn a_year_keeps_its_length_and_repeats() {
        let clock = uneven();
        for year in [1600, 1899, 1900, 1970, 1999, 2000, 2003, 2004, 2011, 2024, 2100, 2400] {
            let (from, to) = (day(year, 12, 31), day(year + 1, 12, 31));
            assert_eq!(clock.elapsed(from, to), f64::from(to - from), "{year}");
            for (m, d) in [(1, 1), (2, 28), (3, 1), (7, 4), (12, 9), (12, 31)] {
                let (here, there) = (day(year, m, d), day(2023, m, d));
                let leap = if day(year + 1, 1, 1) - day(year, 1, 1) == 366 {
                    366.0 / 365.0
                } else {
                    1.0
                };
                // The scale of a leap year is 366 over its own sum, which differs by its 29 February.
                assert!((clock.weight(here) - clock.weight(there) * leap).abs() < 0.01 * clock.weight(here));
            }
        }
        assert_eq!(
            clock.elapsed(day(2022, 12, 31), day(2023, 5, 6)),
            clock.elapsed(day(1998, 12, 31), day(1999, 5, 6))
        );
        let february_29 = clock.weight(day(2024, 2, 29));
        let around = 0.5 * (clock.weight(day(2024, 2, 28)) + clock.weight(day(2024, 3, 1)));
        assert!((february_29 - around).abs() < 2.0 / TICKS);
    }

    #[test]
    fn weights_are_relative_and_bounded_whatever_comes_in() {
        let flat = Clock::seasonal(&[7.0; YEAR]);
        assert!((0..800).all(|d| flat.weight(d) == 1.0 && flat.elapsed(0, d) == f64::from(d)));
        let mut spike = [0.0; YEAR];
        spike[100] = f64::MAX;
        let mut odd = [1.0; YEAR];
        (odd[3], odd[4], odd[5]) = (f64::NAN, f64::INFINITY, -2.0);
        for weights in [spike, odd, [0.0; YEAR], [f64::MAX; YEAR], [f64::NAN; YEAR]] {
            let clock = Clock::seasonal(&weights);
            assert!((-400..800).all(|d| 1.0 / 21.1 < clock.weight(d) && clock.weight(d) < 366.0));
            assert_eq!(clock.elapsed(-1, 364), 365.0);
        }
    }

    #[test]
    fn horizons_are_calendar_days_ahead_of_a_day() {
        let clock = uneven();
        let from = day(2009, 11, 20);
        let got = clock.horizons(from, &[-1.0, 0.0, 0.5, 1.0, 30.0, 365.0, 1e300]);
        assert_eq!(&got[..2], [0.0, 0.0]);
        assert_eq!(got[2], 0.5 * clock.weight(from + 1));
        assert_eq!(got[3], clock.weight(from + 1));
        assert_eq!(got[4], clock.elapsed(from, from + 30));
        assert_eq!(got[5..], [365.0, 1e300]);
        assert_eq!(Clock::calendar().horizons(from, &[0.5, 30.0]), [0.5, 30.0]);
        assert_eq!(clock.ahead(from, f64::NAN), 0.0);
        assert!(clock.ahead(i32::MAX, 3.0) == 3.0 && clock.ahead(i32::MIN, 3.0).is_finite());
    }
}
