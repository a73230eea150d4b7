//! How far predictions look ahead, and what money is worth there.
//!
//! In: checked params, the clock that purchase times are measured on, the day that is predicted from. Out: the times
//! at which expected orders are asked for, once for all horizons. Cost: a few numbers.
//!
//! # Discounting
//! A horizon is cut into periods of `period_days` (its last may be shorter), and the orders of a period are worth
//! (1 + rate)^(−d/365) each, d the calendar days from as-of to the **end** of the period: money is counted when the
//! period is over. The residual value to infinity has no last period and is discounted continuously, at
//! ln(1 + rate)/365 per day of the clock. A season moves orders between periods; the discount of a period stays that
//! of the calendar.

use super::Params;
use super::clock::Clock;
use super::opportunities::Opportunity;

/// The horizon of the config and the further ones, in one ascending list of times.
#[derive(Clone, Debug, PartialEq)]
pub struct Horizons {
    /// Ends of periods of all horizons together, on the clock, ascending and distinct.
    pub ends: Vec<f64>,
    /// The config's `horizon_days` first, then `horizons_days` in their order.
    pub all: Vec<Horizon>,
    /// Continuous discount rate per day; `None` at a rate of 0.
    pub residual_rate: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Horizon {
    /// Calendar days.
    pub days: u32,
    /// The same on the clock.
    pub ahead: f64,
    /// (place in [`Horizons::ends`], discount factor) of each period.
    periods: Vec<(usize, f64)>,
}

impl Horizons {
    pub fn new(params: &Params, clock: &Clock, as_of_day: i32) -> Self {
        let days: Vec<u32> = std::iter::once(params.horizon_days)
            .chain(params.horizons_days.iter().copied())
            .collect();
        let period_ends = |horizon: u32| -> Vec<u32> {
            (1..=horizon.div_ceil(params.period_days))
                .map(|i| i.saturating_mul(params.period_days).min(horizon))
                .collect()
        };
        let mut end_days: Vec<u32> = days.iter().flat_map(|horizon| period_ends(*horizon)).collect();
        end_days.sort_unstable();
        end_days.dedup();
        let ln_growth = params.annual_discount_rate.ln_1p() / 365.0;
        let on_clock = |day: u32| {
            let until = i64::from(as_of_day) + i64::from(day);
            clock
                .elapsed(as_of_day, i32::try_from(until).unwrap_or(i32::MAX))
                .max(0.0)
        };
        let horizon = |horizon: &u32| Horizon {
            days: *horizon,
            ahead: on_clock(*horizon),
            periods: period_ends(*horizon)
                .into_iter()
                .filter_map(|end| Some((end_days.binary_search(&end).ok()?, (-ln_growth * f64::from(end)).exp())))
                .collect(),
        };
        Self {
            all: days.iter().map(horizon).collect(),
            ends: end_days.iter().map(|day| on_clock(*day)).collect(),
            residual_rate: (0.0 < ln_growth).then_some(ln_growth),
        }
    }
}

impl Horizons {
    /// The same counted in opportunities or renewals: as many as lie within each horizon, discounted at their ends.
    pub fn in_opportunities(params: &Params, opportunity: Opportunity) -> Self {
        let days: Vec<u32> = std::iter::once(params.horizon_days)
            .chain(params.horizons_days.iter().copied())
            .collect();
        let within = |days: &u32| opportunity.within(*days);
        let most = days.iter().map(within).max().unwrap_or(0);
        let rate = params.annual_discount_rate.ln_1p() / 365.0 * opportunity.mean_days();
        let horizon = |days: &u32| Horizon {
            days: *days,
            ahead: f64::from(within(days)),
            periods: (1..=within(days))
                .map(|i| ((i - 1) as usize, (-rate * f64::from(i)).exp()))
                .collect(),
        };
        Self {
            all: days.iter().map(horizon).collect(),
            ends: (1..=most).map(f64::from).collect(),
            residual_rate: (0.0 < rate).then_some(rate),
        }
    }

    /// One horizon without discounting, `ahead` in the unit of the histories.
    pub fn plain(ahead: f64) -> Self {
        let horizon = Horizon {
            days: ahead.round().clamp(0.0, f64::from(u32::MAX)) as u32,
            ahead,
            periods: vec![(0, 1.0)],
        };
        Self {
            ends: vec![ahead],
            all: vec![horizon],
            residual_rate: None,
        }
    }
}

impl Horizon {
    /// Orders within the horizon and the same discounted, from the expected orders within each of
    /// [`Horizons::ends`].
    pub fn sum(&self, within: &[f64]) -> (f64, f64) {
        let (mut before, mut discounted) = (0.0, 0.0);
        for (place, discount) in &self.periods {
            let orders = within.get(*place).copied().unwrap_or(f64::NAN);
            // Where everybody has left, equal expectations may differ in the last bit.
            discounted += (orders - before).max(0.0) * discount;
            before = orders;
        }
        (before, discounted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn horizons_share_their_periods_and_discount_from_period_ends() {
        let config = Config {
            horizon_days: 100,
            horizons_days: vec![45, 60],
            annual_discount_rate: 0.21,
            ..Config::default()
        };
        let horizons = Horizons::new(&config.check().unwrap(), &Clock::calendar(), 12_345);
        assert_eq!(horizons.ends, [30.0, 45.0, 60.0, 90.0, 100.0]);
        assert_eq!(
            horizons.all.iter().map(|h| (h.days, h.ahead)).collect::<Vec<_>>(),
            [(100, 100.0), (45, 45.0), (60, 60.0)]
        );
        // One order a day.
        let worth = |days: f64| 1.21_f64.powf(-days / 365.0);
        let (orders, discounted) = horizons.all[1].sum(&horizons.ends);
        assert_eq!(orders, 45.0);
        assert!((discounted - (30.0 * worth(30.0) + 15.0 * worth(45.0))).abs() < 1e-12);
        let (orders, discounted) = horizons.all[0].sum(&horizons.ends);
        assert_eq!(orders, 100.0);
        let want = 30.0 * (worth(30.0) + worth(60.0) + worth(90.0)) + 10.0 * worth(100.0);
        assert!((discounted - want).abs() < 1e-12);
        assert_eq!(horizons.residual_rate, Some(1.21_f64.ln() / 365.0));
    }
}
