//! Every customer's purchase days: what any history of the models is cut from.
//!
//! In: per customer the days with an order that stands and the net amount of each. Out: x, t_x, T and mean amounts as
//! of any day and on any clock ([`Observed`]), and purchases counted within any window. Cost: 12 bytes a purchase
//! day; one pass over them a cut.
//!
//! A purchase that was returned later is no purchase on either side of a cut: returns are netted once, as of the end
//! of the data.

use std::collections::BTreeMap;

use super::CustomerHistories;
use super::clock::Clock;

/// Logarithms are added as whole multiples of 2⁻⁴⁴, so that the order of the customers leaves no trace in the sum.
const LN_UNITS: f64 = 17_592_186_044_416.0;

/// Purchase days and their amounts, customer by customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PurchaseDays {
    /// Where each customer's days end.
    ends: Vec<usize>,
    days: Vec<i32>,
    amounts: Vec<f64>,
}

impl PurchaseDays {
    /// `ends` has where each customer's days end; `days` and `amounts` are as long as the last end.
    pub fn new(ends: Vec<usize>, days: Vec<i32>, amounts: Vec<f64>) -> Self {
        debug_assert_eq!(
            (ends.last().copied().unwrap_or(0), days.len()),
            (days.len(), amounts.len())
        );
        Self { ends, days, amounts }
    }

    /// Appends a customer: `purchases` are (day, net amount), days ascending and distinct.
    pub fn push(&mut self, purchases: impl IntoIterator<Item = (i32, f64)>) {
        for (day, amount) in purchases {
            self.days.push(day);
            self.amounts.push(amount);
        }
        self.ends.push(self.days.len());
    }

    /// Customers, those without any purchase included.
    pub fn n_customers(&self) -> usize {
        self.ends.len()
    }

    fn range(&self, customer: usize) -> std::ops::Range<usize> {
        let start = customer.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[customer]
    }

    /// Days of one customer, ascending.
    pub fn days(&self, customer: usize) -> &[i32] {
        &self.days[self.range(customer)]
    }

    /// Net amounts of [`PurchaseDays::days`].
    pub fn amounts(&self, customer: usize) -> &[f64] {
        &self.amounts[self.range(customer)]
    }

    /// First and last day of all.
    pub fn span(&self) -> Option<(i32, i32)> {
        Some((*self.days.iter().min()?, *self.days.iter().max()?))
    }

    /// Purchase days of a customer in `after < day <= until`.
    pub fn count_between(&self, customer: usize, after: i32, until: i32) -> u32 {
        let days = self.days(customer);
        (days.partition_point(|day| *day <= until) - days.partition_point(|day| *day <= after)) as u32
    }

    /// Net amount of the purchase days in `after < day <= until`.
    pub fn amount_between(&self, customer: usize, after: i32, until: i32) -> f64 {
        let days = self.days(customer);
        let from = days.partition_point(|day| *day <= after);
        let to = days.partition_point(|day| *day <= until);
        self.amounts(customer)[from..to].iter().sum()
    }

    /// First purchases by day, up to and with `until`: (day, customers), ascending.
    pub fn first_by_day(&self, until: i32) -> Vec<(i32, u64)> {
        counted(
            (0..self.n_customers()).filter_map(|c| self.days(c).first().copied()),
            until,
        )
    }

    /// Purchases after a customer's first by day, up to and with `until`: (day, purchases), ascending.
    pub fn repeats_by_day(&self, until: i32) -> Vec<(i32, u64)> {
        counted(
            (0..self.n_customers()).flat_map(|c| self.days(c).iter().skip(1).copied()),
            until,
        )
    }

    /// What was known at the end of `last_day`, on `clock`. Who first bought later is not in it.
    pub fn until(&self, last_day: i32, clock: &Clock) -> Observed {
        let mut out = Observed::default();
        let mut sum_ln_gaps = 0_i128;
        for customer in 0..self.n_customers() {
            let days = self.days(customer);
            let days = &days[..days.partition_point(|day| *day <= last_day)];
            let (Some(&first), Some(&last)) = (days.first(), days.last()) else {
                continue;
            };
            let amounts = &self.amounts(customer)[..days.len()];
            let repeat_amount: f64 = amounts[1..].iter().sum();
            let x = days.len() - 1;
            out.customers.push(customer as u32);
            out.x.push(x as u32);
            out.t_x_days.push(clock.elapsed(first, last));
            out.age_days.push(clock.elapsed(first, last_day));
            out.mean_repeat_amount.push((0 < x).then(|| repeat_amount / x as f64));
            out.mean_amount_all
                .push((amounts[0] + repeat_amount) / days.len() as f64);
            sum_ln_gaps += days
                .windows(2)
                .map(|pair| (clock.elapsed(pair[0], pair[1]).ln() * LN_UNITS).round() as i128)
                .sum::<i128>();
        }
        out.sum_ln_gaps = Some(sum_ln_gaps as f64 / LN_UNITS);
        out
    }
}

fn counted(days: impl Iterator<Item = i32>, until: i32) -> Vec<(i32, u64)> {
    let mut counts = BTreeMap::<i32, u64>::new();
    for day in days.filter(|day| *day <= until) {
        *counts.entry(day).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// Histories as of a day, one entry a customer who had bought by then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Place of each entry in the [`PurchaseDays`].
    pub customers: Vec<u32>,
    pub x: Vec<u32>,
    pub t_x_days: Vec<f64>,
    pub age_days: Vec<f64>,
    pub mean_repeat_amount: Vec<Option<f64>>,
    pub mean_amount_all: Vec<f64>,
    pub sum_ln_gaps: Option<f64>,
}

impl Observed {
    pub fn histories(&self) -> CustomerHistories<'_> {
        CustomerHistories {
            x: &self.x,
            t_x_days: &self.t_x_days,
            age_days: &self.age_days,
            mean_repeat_amount: &self.mean_repeat_amount,
            mean_amount_all: &self.mean_amount_all,
            sum_ln_gaps: self.sum_ln_gaps,
            ..CustomerHistories::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_sees_the_purchases_up_to_its_day_and_no_later_ones() {
        let mut purchases = PurchaseDays::default();
        purchases.push([(10, 5.0), (13, 7.0), (20, 9.0)]);
        purchases.push([]);
        purchases.push([(14, 1.0)]);
        let cut = purchases.until(13, &Clock::calendar());
        assert_eq!(cut.customers, [0]);
        assert_eq!((cut.x[0], cut.t_x_days[0], cut.age_days[0]), (1, 3.0, 3.0));
        assert_eq!((cut.mean_repeat_amount[0], cut.mean_amount_all[0]), (Some(7.0), 6.0));
        assert!((cut.sum_ln_gaps.unwrap() - 3_f64.ln()).abs() < 1e-13);
        let end = purchases.until(30, &Clock::calendar());
        assert_eq!((end.customers.as_slice(), end.x.as_slice()), (&[0, 2][..], &[2, 0][..]));
        assert!((end.sum_ln_gaps.unwrap() - 21_f64.ln()).abs() < 1e-13);
        assert_eq!(
            (purchases.count_between(0, 13, 20), purchases.count_between(0, 12, 13)),
            (1, 1)
        );
        assert_eq!(purchases.amount_between(0, 9, 19), 12.0);
        assert_eq!(purchases.span(), Some((10, 20)));
        purchases.push([(10, 1.0), (20, 1.0), (21, 1.0)]);
        assert_eq!(purchases.first_by_day(13), [(10, 2)]);
        assert_eq!(purchases.first_by_day(14), [(10, 2), (14, 1)]);
        assert_eq!(purchases.repeats_by_day(20), [(13, 1), (20, 2)]);
    }
}
