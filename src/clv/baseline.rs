//! Rivals without a model: what a careful clerk would predict. They are honest, so a model must beat them.
//!
//! In: a customer's history and the orders of the last window. Out: expected orders and amount of an order. Cost: a few
//! operations a customer; learning the silence is one sort.
//!
//! - `last_period`: what the customer did in the last `window_days` is done again. The window is as long as the horizon,
//!   so this is last year repeated if the horizon is a year; with less history it is all of it, scaled. The first
//!   purchase counts like any other.
//! - `rate`: repeat purchases over time since the first one, x/T, goes on for ever.
//! - `hiatus`: a customer silent for longer than a threshold has left, the others go on at x/T. Source: Wübben and
//!   von Wangenheim (2008), *Instant Customer Base Analysis: Managerial Heuristics Often Get It Right*, Journal of
//!   Marketing 72, who take the threshold from managers. Here it is learnt on an earlier split: the silence that leaves
//!   the least sum of squared errors in orders, the longest of equally good ones.
//!
//! An order is worth the mean of the customer's own purchase days: of the window for `last_period`, of all for the
//! others. A negative amount is taken as 0.
//!
//! # Check
//! `holdout::holdout_of_the_reference` holds the errors of `rate` on CDNOW and Online Retail.

use serde::{Deserialize, Serialize};

use super::histories::History;
use super::holdout::Split;

/// A baseline with what it has learnt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Baseline {
    LastPeriod { window_days: u32 },
    Rate,
    Hiatus { longest_silence_days: f64 },
}

/// What a baseline looks at.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub history: History,
    pub mean_amount_all: f64,
    /// `None` if not known.
    pub recent: Option<LastWindow>,
}

/// Purchase days of the last `days` and their net amount.
#[derive(Clone, Copy, Debug)]
pub struct LastWindow {
    pub days: u32,
    pub orders: u32,
    pub amount: f64,
}

impl Baseline {
    pub fn name(&self) -> &'static str {
        match self {
            Self::LastPeriod { .. } => "last_period",
            Self::Rate => "rate",
            Self::Hiatus { .. } => "hiatus",
        }
    }

    /// All baselines. `earlier` is a split that lies before what they will predict; without it `hiatus` cannot learn
    /// and is not among them.
    pub fn all(window_days: u32, earlier: Option<&Split>) -> Vec<Self> {
        let hiatus = earlier
            .and_then(longest_silence)
            .map(|longest_silence_days| Self::Hiatus { longest_silence_days });
        [Self::LastPeriod { window_days }, Self::Rate]
            .into_iter()
            .chain(hiatus)
            .collect()
    }

    /// Expected orders within `horizon` days; `None` where the baseline lacks what it needs.
    pub fn expected_orders(&self, known: &Known, horizon: f64) -> Option<f64> {
        let History { x, t_x, age } = known.history;
        let at_own_rate = if 0.0 < age { f64::from(x) / age * horizon } else { 0.0 };
        let orders = match *self {
            Self::LastPeriod { window_days } => {
                // Another window is another number.
                let recent = known.recent.filter(|recent| recent.days == window_days)?;
                f64::from(recent.orders) * (horizon / f64::from(window_days))
            }
            Self::Rate => at_own_rate,
            Self::Hiatus { longest_silence_days } if longest_silence_days < age - t_x => 0.0,
            Self::Hiatus { .. } => at_own_rate,
        };
        orders.is_finite().then_some(orders)
    }

    /// Expected amount of one of these orders.
    pub fn order_amount(&self, known: &Known) -> Option<f64> {
        let amount = match (self, known.recent) {
            (Self::LastPeriod { .. }, Some(recent)) if 0 < recent.orders => recent.amount / f64::from(recent.orders),
            _ => known.mean_amount_all,
        };
        amount.is_finite().then_some(amount.max(0.0))
    }
}

/// The silence at the cut beyond which predicting no orders leaves the least sum of squared errors. `None` if nobody
/// had bought twice by then.
fn longest_silence(split: &Split) -> Option<f64> {
    let mut repeaters: Vec<(f64, f64)> = (0..split.n_customers())
        .map(|i| (split.history(i), split.orders[i]))
        .filter(|(h, _)| 0 < h.x)
        .map(|(h, orders)| {
            let (predicted, actual) = (f64::from(h.x) / h.age * split.horizon, f64::from(orders));
            // What predicting x/T adds to the squared error of predicting 0.
            (h.age - h.t_x, predicted * (predicted - 2.0 * actual))
        })
        .collect();
    repeaters.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut best: Option<(f64, f64)> = None;
    let mut sum = 0.0;
    for equally_silent in repeaters.chunk_by(|a, b| a.0 == b.0) {
        sum += equally_silent.iter().map(|(_, added)| added).sum::<f64>();
        if best.is_none_or(|(_, least)| sum <= least) {
            best = Some((equally_silent[0].0, sum));
        }
    }
    best.map(|(silence, _)| silence)
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::super::purchases::PurchaseDays;
    use super::*;

    fn known(x: u32, t_x: f64, age: f64) -> Known {
        Known {
            history: History { x, t_x, age },
            mean_amount_all: 8.0,
            recent: Some(LastWindow {
                days: 30,
                orders: 3,
                amount: 12.0,
            }),
        }
    }

    #[test]
    fn each_baseline_does_what_its_name_says() {
        let silent = known(4, 60.0, 100.0);
        let last = Baseline::LastPeriod { window_days: 30 };
        assert_eq!(last.expected_orders(&silent, 30.0), Some(3.0));
        assert_eq!(last.expected_orders(&silent, 60.0), Some(6.0));
        assert_eq!(last.order_amount(&silent), Some(4.0));
        assert_eq!(Baseline::Rate.expected_orders(&silent, 50.0), Some(2.0));
        assert_eq!(Baseline::Rate.order_amount(&silent), Some(8.0));
        let hiatus = |longest_silence_days| Baseline::Hiatus { longest_silence_days };
        assert_eq!(hiatus(39.0).expected_orders(&silent, 50.0), Some(0.0));
        assert_eq!(hiatus(40.0).expected_orders(&silent, 50.0), Some(2.0));
        assert_eq!(Baseline::Rate.expected_orders(&known(0, 0.0, 0.0), 50.0), Some(0.0));
    }

    #[test]
    fn what_is_not_known_is_not_predicted() {
        let unknown = Known {
            recent: None,
            ..known(1, 2.0, 3.0)
        };
        assert_eq!(
            Baseline::LastPeriod { window_days: 30 }.expected_orders(&unknown, 30.0),
            None
        );
        assert_eq!(
            Baseline::LastPeriod { window_days: 0 }.expected_orders(&known(1, 2.0, 3.0), 30.0),
            None
        );
    }

    /// Customers silent for 10 days buy on, those silent for 40 do not: the threshold lies between, at the longest
    /// silence of the ones who buy on.
    #[test]
    fn the_silence_is_learnt() {
        let mut purchases = PurchaseDays::default();
        for i in 0..5 {
            let jitter = i;
            purchases.push([0, 30, 60, 90 - jitter, 120, 150].map(|day| (day, 1.0)));
            purchases.push([0, 30, 60 - jitter].map(|day| (day, 1.0)));
        }
        let split = Split::new(&purchases, 100, 160, &Clock::calendar());
        assert_eq!(longest_silence(&split), Some(14.0));
        let first_order_only = Split::new(&purchases, 10, 20, &Clock::calendar());
        assert_eq!(longest_silence(&first_order_only), None);
    }
}
