//! The clock that purchase times are measured on: calendar days, or days that count more in a busy season.
//!
//! In: two days. Out: the time between them. Cost: two look-ups.
//!
//! A model with constant rates on a clock that runs with the season is the model with seasonal rates on the calendar.

/// Days on a scale; differences are times in days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {}

impl Clock {
    /// Every day counts 1.
    pub fn calendar() -> Self {
        Self {}
    }

    /// Time from the end of day `from` to the end of day `to`; negative if `to` comes first.
    pub fn elapsed(&self, from: i32, to: i32) -> f64 {
        f64::from(to) - f64::from(from)
    }
}
