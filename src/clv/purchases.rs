//! Every customer's purchase days: what any history of the models is cut from.
//!
//! In: per customer the days with an order that stands and the net amount of each. Out: x, t_x, T and mean amounts as
//! of any day and on any clock ([`Observed`]), and purchases counted within any window. Cost: 12 bytes a purchase
//! day; one pass over them a cut.
//!
//! A purchase that was returned later is no purchase on either side of a cut: returns are netted once, as of the end
//! of the data.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

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

    fn range(&self, customer: usize) -> Range<usize> {
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
        let customers = || (0..self.n_customers()).map(|customer| self.days(customer));
        let first = customers().filter_map(|days| days.first()).min()?;
        let last = customers().filter_map(|days| days.last()).max()?;
        Some((*first, *last))
    }

    /// Every `step`-th customer, the first one included.
    pub fn every(&self, step: usize) -> Self {
        let mut out = Self::default();
        for customer in (0..self.n_customers()).step_by(step.max(1)) {
            out.days.extend_from_slice(self.days(customer));
            out.amounts.extend_from_slice(self.amounts(customer));
            out.ends.push(out.days.len());
        }
        out
    }

    /// Customers who had bought by the end of `last_day`.
    pub fn n_known(&self, last_day: i32) -> usize {
        let is_known = |customer: &usize| self.days(*customer).first().is_some_and(|first| *first <= last_day);
        (0..self.n_customers()).filter(is_known).count()
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
        let firsts = (0..self.n_customers()).filter_map(|c| self.days(c).first().copied());
        counted(firsts, self.span(), until)
    }

    /// Purchases after a customer's first by day, up to and with `until`: (day, purchases), ascending.
    pub fn repeats_by_day(&self, until: i32) -> Vec<(i32, u64)> {
        let all = counted(self.days.iter().copied(), self.span(), until);
        let mut firsts = self.first_by_day(until).into_iter().peekable();
        all.into_iter()
            .map(|(day, n)| {
                (
                    day,
                    n - firsts.next_if(|(first, _)| *first == day).map_or(0, |(_, n)| n),
                )
            })
            .filter(|(_, n)| 0 < *n)
            .collect()
    }

    /// What was known at the end of `last_day`, on `clock`. Who first bought later is not in it.
    pub fn until(&self, last_day: i32, clock: &Clock) -> Observed {
        let whole_gaps: Vec<i64> = if clock.is_calendar() {
            (0..TABULATED_GAPS).map(|gap| ln_in_units(f64::from(gap))).collect()
        } else {
            Vec::new()
        };
        let n = self.n_customers();
        let parts: Vec<(Observed, i128)> = (0..n.div_ceil(PART))
            .into_par_iter()
            .map(|part| self.observe(part * PART..n.min((part + 1) * PART), last_day, clock, &whole_gaps))
            .collect();
        let mut out = Observed::default();
        let mut sum_ln_gaps = 0;
        for (part, sum) in parts {
            out.append(part);
            sum_ln_gaps += sum;
        }
        out.sum_ln_gaps = Some(sum_ln_gaps as f64 / LN_UNITS);
        out
    }

    /// Some of the customers, and the sum of the logarithms of their gaps.
    fn observe(&self, customers: Range<usize>, last_day: i32, clock: &Clock, whole_gaps: &[i64]) -> (Observed, i128) {
        let mut out = Observed::default();
        let mut sum_ln_gaps = 0_i128;
        for customer in customers {
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
            for pair in days.windows(2) {
                let gap = i64::from(pair[1]) - i64::from(pair[0]);
                let ln = match whole_gaps.get(gap as usize) {
                    Some(ln) => *ln,
                    None => ln_in_units(clock.elapsed(pair[0], pair[1])),
                };
                sum_ln_gaps += i128::from(ln);
            }
        }
        (out, sum_ln_gaps)
    }
}

/// Customers that are looked at together.
const PART: usize = 1 << 14;

/// Gaps of fewer days than this have their logarithm in a table.
const TABULATED_GAPS: u32 = 4096;

fn ln_in_units(gap: f64) -> i64 {
    (gap.ln() * LN_UNITS).round() as i64
}

/// Everybody, and some of them where there are very many: what is judged rather than predicted is judged on these.
#[derive(Clone, Copy, Debug)]
pub struct Purchases<'a> {
    pub all: &'a PurchaseDays,
    pub sample: &'a PurchaseDays,
}

impl<'a> Purchases<'a> {
    /// Everybody is judged.
    pub fn whole(all: &'a PurchaseDays) -> Self {
        Self { all, sample: all }
    }

    pub fn is_sampled(&self) -> bool {
        self.sample.n_customers() < self.all.n_customers()
    }
}

/// How often each day up to `until` occurs; all lie within `span`.
fn counted(days: impl Iterator<Item = i32>, span: Option<(i32, i32)>, until: i32) -> Vec<(i32, u64)> {
    let Some((first, last)) = span
        .map(|(first, last)| (first, last.min(until)))
        .filter(|(f, l)| f <= l)
    else {
        return Vec::new();
    };
    let length = (i64::from(last) - i64::from(first)) as usize + 1;
    if LONGEST_COUNTER < length {
        let mut counts = BTreeMap::<i32, u64>::new();
        for day in days.filter(|day| *day <= last) {
            *counts.entry(day).or_default() += 1;
        }
        return counts.into_iter().collect();
    }
    let mut counts = vec![0_u64; length];
    for day in days.filter(|day| *day <= last) {
        counts[(day - first) as usize] += 1;
    }
    let by_day = (first..=last).zip(counts);
    by_day.filter(|(_, n)| 0 < *n).collect()
}

/// Days that are counted in a table: 700 years.
const LONGEST_COUNTER: usize = 1 << 18;

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
    /// Adds the customers of `other`, without its gaps.
    fn append(&mut self, other: Self) {
        self.customers.extend(other.customers);
        self.x.extend(other.x);
        self.t_x_days.extend(other.t_x_days);
        self.age_days.extend(other.age_days);
        self.mean_repeat_amount.extend(other.mean_repeat_amount);
        self.mean_amount_all.extend(other.mean_amount_all);
    }

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
        assert_eq!(
            (purchases.n_known(9), purchases.n_known(13), purchases.n_known(14)),
            (0, 1, 2)
        );
        let first_and_third = purchases.every(2);
        assert_eq!(first_and_third.n_customers(), 2);
        assert_eq!(
            (first_and_third.days(0), first_and_third.amounts(1)),
            (&[10, 13, 20][..], &[1.0][..])
        );
        purchases.push([(10, 1.0), (20, 1.0), (21, 1.0)]);
        assert_eq!(purchases.first_by_day(13), [(10, 2)]);
        assert_eq!(purchases.first_by_day(14), [(10, 2), (14, 1)]);
        assert_eq!(purchases.repeats_by_day(20), [(13, 1), (20, 2)]);
    }

    #[test]
    fn days_are_counted_alike_in_a_table_and_beyond_it() {
        let mut near = PurchaseDays::default();
        let mut far = PurchaseDays::default();
        for i in 0..50 {
            let days = [i % 7, 9 + i % 3, 20].map(|day| (day, 1.0));
            near.push(days);
            far.push(days);
        }
        far.push([(i32::MIN, 1.0), (i32::MAX, 1.0)]);
        for until in [-1, 5, 10, 30] {
            let mut firsts = near.first_by_day(until);
            firsts.insert(0, (i32::MIN, 1));
            assert_eq!(far.first_by_day(until), firsts);
            assert_eq!(far.repeats_by_day(until), near.repeats_by_day(until));
        }
        assert_eq!(far.repeats_by_day(i32::MAX).last(), Some(&(i32::MAX, 1)));
    }

    #[test]
    fn parts_of_the_customers_add_up() {
        let mut purchases = PurchaseDays::default();
        for i in 0..PART as i32 + 5 {
            purchases.push((0..=i % 3).map(|k| (i % 11 + 5_000 * k + i % 2, 1.0)));
        }
        let seasonal = Clock::seasonal(&std::array::from_fn(|day| 1.0 + (day % 3) as f64));
        for clock in [Clock::calendar(), seasonal] {
            let all = purchases.until(i32::MAX, &clock);
            assert_eq!(all.customers, (0..PART as u32 + 5).collect::<Vec<_>>());
            let ln = |c: usize| {
                purchases
                    .days(c)
                    .windows(2)
                    .map(|p| clock.elapsed(p[0], p[1]).ln())
                    .sum::<f64>()
            };
            let sum: f64 = (0..purchases.n_customers()).map(ln).sum();
            assert!((all.sum_ln_gaps.unwrap() / sum - 1.0).abs() < 1e-11);
        }
    }
}
