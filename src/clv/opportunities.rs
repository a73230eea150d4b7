//! From purchase days to the histories of the discrete and the contractual setting.
//!
//! In: [`PurchaseDays`], what an opportunity is, the as-of day. Out: x, t_x and T as numbers of opportunities
//! ([`Observed`], one entry a customer who had bought by then), and mean amounts per opportunity used. Cost: one pass.
//!
//! # Periods
//! In the discrete setting periods are counted backward from as-of, which ends the last one, so that the last period of
//! everybody is complete. The end of a month before keeps the day of the month; a month without that day ends on its
//! last day, and if as-of is the last day of a month, so are all ends. The first purchase makes a customer; the
//! opportunities are the periods after that of the first purchase, each used or not, however often.
//!
//! # Contracts
//! Payments drift: a renewal due on the 31st is paid on the 29th or the 2nd. So renewals are counted from the customer's own
//! first payment, each payment belonging to the nearest due date. A customer whose last payment is older than one
//! period and the days of grace has left, with as many renewals as there are periods between first and last payment.
//! Who missed a period and paid again was still there: the gap counts as renewed and the customer as `resumed`, since
//! the models know no return. How many renewals were due does not matter to the models but for being more than those
//! made.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use chrono::{Datelike, Days, Months, NaiveDate};

use super::beta_survival::MOST_OPPORTUNITIES;
use super::purchases::{Observed, PurchaseDays};

/// How long a period is in which a customer can order or must renew. In config a number of days or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opportunity {
    Days(u32),
    Week,
    Month,
    Quarter,
    Year,
}

/// The longest opportunity in days, ten years.
const LONGEST_DAYS: u32 = 3_653;

/// Of the Gregorian calendar.
const DAYS_A_MONTH: f64 = 365.2425 / 12.0;

/// Named opportunities, and what they are.
const NAMES: [(&str, Opportunity); 4] = [
    ("week", Opportunity::Week),
    ("month", Opportunity::Month),
    ("quarter", Opportunity::Quarter),
    ("year", Opportunity::Year),
];

impl Serialize for Opportunity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self, NAMES.iter().find(|(_, named)| named == self)) {
            (_, Some((name, _))) => serializer.serialize_str(name),
            (Self::Days(days), None) => serializer.serialize_u32(*days),
            _ => Err(serde::ser::Error::custom("an opportunity without a name")),
        }
    }
}

impl<'de> Deserialize<'de> for Opportunity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Days(i64),
            Name(String),
        }
        let written = Written::deserialize(deserializer)?;
        let known = match &written {
            Written::Days(days) => u32::try_from(*days).ok().and_then(Self::days),
            Written::Name(name) => NAMES.iter().find(|(known, _)| known == name).map(|(_, named)| *named),
        };
        known.ok_or_else(|| {
            let got = match written {
                Written::Days(days) => days.to_string(),
                Written::Name(name) => format!("`{name}`"),
            };
            serde::de::Error::custom(format!(
                "{got} is no opportunity: use week, month, quarter, year, or a number of days from 1 to {LONGEST_DAYS}"
            ))
        })
    }
}

impl Opportunity {
    /// Periods of so many days, from 1 to ten years.
    pub fn days(days: u32) -> Option<Self> {
        (1..=LONGEST_DAYS).contains(&days).then_some(Self::Days(days))
    }

    /// Length in whole days or in whole months.
    fn length(self) -> Length {
        match self {
            Self::Days(days) => Length::Days(days.clamp(1, LONGEST_DAYS)),
            Self::Week => Length::Days(7),
            Self::Month => Length::Months(1),
            Self::Quarter => Length::Months(3),
            Self::Year => Length::Months(12),
        }
    }

    /// Mean length in days.
    pub fn mean_days(self) -> f64 {
        match self.length() {
            Length::Days(days) => f64::from(days),
            Length::Months(months) => f64::from(months) * DAYS_A_MONTH,
        }
    }

    /// Opportunities within `horizon_days` after as-of: the nearest whole number, so that 30 days are a month and 365
    /// are a year, leap years included.
    pub fn within(self, horizon_days: u32) -> u32 {
        ((f64::from(horizon_days) / self.mean_days()).round() as u32).min(MOST_OPPORTUNITIES)
    }

    /// Complete periods between the one that `day` lies in and as-of: 0 for a day of the last period. `None` after
    /// as-of.
    fn periods_back(self, day: i32, as_of: i32) -> Option<u32> {
        let days = u32::try_from(i64::from(as_of) - i64::from(day)).ok()?;
        let back = match self.length() {
            Length::Days(length) => days / length,
            Length::Months(length) => months_back(date(day), date(as_of)) / length,
        };
        Some(back.min(MOST_OPPORTUNITIES))
    }

    /// The last day of the period that ended `periods` periods before as-of.
    pub fn end_before(self, periods: u32, as_of: i32) -> i32 {
        let far = (f64::from(periods) + 2.0) * self.mean_days() + 62.0;
        let (mut early, mut late) = (i64::from(as_of) - far as i64, i64::from(as_of));
        let is_before = |day: i64| {
            let day = i32::try_from(day).unwrap_or(i32::MIN);
            self.periods_back(day, as_of).is_some_and(|back| periods <= back)
        };
        while early + 1 < late {
            let middle = early + (late - early) / 2;
            if is_before(middle) {
                early = middle;
            } else {
                late = middle;
            }
        }
        let end = if is_before(late) { late } else { early };
        i32::try_from(end).unwrap_or(i32::MIN)
    }

    /// Renewals between two payments: the nearest whole number of periods, one below the most so that there is room
    /// for the renewal at which a customer left.
    fn renewals_between(self, first: i32, payment: i32) -> u32 {
        let days = f64::from(payment) - f64::from(first);
        let most = f64::from(MOST_OPPORTUNITIES - 1);
        (days / self.mean_days()).round().clamp(0.0, most) as u32
    }

    /// The day on which the next renewal is due.
    fn due_after(self, payment: i32) -> i64 {
        let paid = date(payment);
        let due = match self.length() {
            Length::Days(days) => paid.checked_add_days(Days::new(u64::from(days))),
            Length::Months(months) => paid.checked_add_months(Months::new(months)),
        };
        let days = due.map_or(i64::MAX / 2, |due| (due - paid).num_days());
        i64::from(payment).saturating_add(days)
    }
}

enum Length {
    Days(u32),
    Months(u32),
}

fn date(day: i32) -> NaiveDate {
    crate::units::Day(day).to_date()
}

/// Complete months between the month-long period of `day` and that of `as_of`, which ends it; `day` is not after it.
fn months_back(day: NaiveDate, as_of: NaiveDate) -> u32 {
    let months = |date: NaiveDate| date.year() * 12 + date.month0() as i32;
    let apart = (months(as_of) - months(day)).max(0) as u32;
    let last_of_month = |date: NaiveDate| u32::from(date.num_days_in_month());
    // The last day of the period that ends in the month of `day`.
    let end = if as_of.day() == last_of_month(as_of) {
        last_of_month(day)
    } else {
        as_of.day()
    };
    if day.day() <= end {
        apart
    } else {
        apart.saturating_sub(1)
    }
}

/// Opportunities used and there were, as of a day: x used after the period of the first purchase, t_x the last of
/// them, T all. Times in [`Observed`] are numbers of opportunities, amounts are means over opportunities used.
pub fn discrete(purchases: &PurchaseDays, opportunity: Opportunity, as_of: i32) -> Observed {
    let mut out = Observed::default();
    for customer in 0..purchases.n_customers() {
        let mut used = Used::default();
        let mut total = 0;
        for (day, amount) in known(purchases, customer, as_of) {
            let Some(back) = opportunity.periods_back(day, as_of) else {
                continue;
            };
            total = if used.n_payments == 0 { back } else { total };
            used.add(total - back.min(total), amount);
        }
        used.push_to(&mut out, customer, used.x, total);
    }
    out
}

/// What [`contractual`] makes of the payments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contracts {
    /// x = t_x renewals made, T due; x below T means that the customer has left.
    pub observed: Observed,
    /// Customers who paid again after a missed period.
    pub resumed: u64,
}

/// Renewals made and due as of a day. A customer has left whose last payment is older than one period and `grace_days`.
pub fn contractual(purchases: &PurchaseDays, opportunity: Opportunity, as_of: i32, grace_days: u32) -> Contracts {
    let mut out = Contracts::default();
    for customer in 0..purchases.n_customers() {
        let mut used = Used::default();
        let (mut first, mut last) = (0, 0);
        for (day, amount) in known(purchases, customer, as_of) {
            first = if used.n_payments == 0 { day } else { first };
            last = day;
            used.add(opportunity.renewals_between(first, day), amount);
        }
        let made = used.last;
        let left = opportunity.due_after(last).saturating_add(grace_days.into()) < i64::from(as_of);
        let due = if left {
            opportunity.renewals_between(first, as_of).max(made + 1)
        } else {
            made
        };
        out.resumed += u64::from(used.missed);
        used.push_to(&mut out.observed, customer, made, due);
    }
    out
}

/// Purchases up to as-of.
fn known(purchases: &PurchaseDays, customer: usize, as_of: i32) -> impl Iterator<Item = (i32, f64)> {
    let days = purchases.days(customer).iter().copied();
    days.zip(purchases.amounts(customer).iter().copied())
        .take_while(move |(day, _)| *day <= as_of)
}

/// One customer's periods with a purchase, numbered from that of the first.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    n_payments: u32,
    x: u32,
    last: u32,
    /// A period was left out between two that were used.
    missed: bool,
    first_amount: f64,
    later_amount: f64,
}

impl Used {
    fn add(&mut self, period: u32, amount: f64) {
        self.n_payments += 1;
        if self.last < period {
            self.missed |= self.last + 1 < period;
            self.x += 1;
            self.last = period;
        }
        *(if period == 0 {
            &mut self.first_amount
        } else {
            &mut self.later_amount
        }) += amount;
    }

    /// `x` is what the model counts: opportunities used, or renewals with the missed ones among them.
    fn push_to(self, out: &mut Observed, customer: usize, x: u32, total: u32) {
        if self.n_payments == 0 {
            return;
        }
        let used = f64::from(self.x);
        out.customers.push(customer as u32);
        out.x.push(x);
        out.t_x_days.push(f64::from(self.last));
        out.age_days.push(f64::from(total));
        out.mean_repeat_amount
            .push((0 < self.x).then(|| self.later_amount / used));
        out.mean_amount_all
            .push((self.first_amount + self.later_amount) / (used + 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clv::histories::History;
    use crate::clv::model::Setting;

    fn day(text: &str) -> i32 {
        crate::units::Day::from_date(text.parse().unwrap()).0
    }

    fn purchases(customers: &[&[(&str, f64)]]) -> PurchaseDays {
        let mut out = PurchaseDays::default();
        for customer in customers {
            out.push(customer.iter().map(|(text, amount)| (day(text), *amount)));
        }
        out
    }

    fn counts(observed: &Observed, i: usize) -> (u32, f64, f64) {
        (observed.x[i], observed.t_x_days[i], observed.age_days[i])
    }

    #[test]
    fn months_end_on_the_day_of_the_month_of_as_of() {
        let back = |of: &str, as_of: &str| Opportunity::Month.periods_back(day(of), day(as_of));
        assert_eq!(back("2011-12-09", "2011-12-09"), Some(0));
        assert_eq!(back("2011-11-10", "2011-12-09"), Some(0));
        assert_eq!(back("2011-11-09", "2011-12-09"), Some(1));
        assert_eq!(back("2010-12-10", "2011-12-09"), Some(11));
        assert_eq!(back("2010-12-09", "2011-12-09"), Some(12));
        assert_eq!(back("2011-12-10", "2011-12-09"), None);
        // The 30th of February is the 28th.
        assert_eq!(back("2011-03-01", "2011-03-30"), Some(0));
        assert_eq!(back("2011-02-28", "2011-03-30"), Some(1));
        assert_eq!(back("2011-01-31", "2011-03-30"), Some(1));
        assert_eq!(back("2011-01-30", "2011-03-30"), Some(2));
        // The last day of a month stands for the last days of all.
        assert_eq!(back("2011-03-31", "2011-04-30"), Some(1));
        assert_eq!(back("2012-02-29", "2012-04-30"), Some(2));
        assert_eq!(back("2012-03-01", "2012-04-30"), Some(1));
        for (opportunity, want) in [
            (Opportunity::Week, 52),
            (Opportunity::Quarter, 4),
            (Opportunity::Year, 1),
            (Opportunity::Days(10), 36),
        ] {
            assert_eq!(
                opportunity.periods_back(day("2010-12-09"), day("2011-12-09")),
                Some(want)
            );
        }
    }

    /// Every day lies in exactly one period, and periods follow each other without a gap.
    #[test]
    fn periods_are_as_long_as_the_calendar_says() {
        for as_of in ["2012-02-29", "2011-02-28", "2011-12-31", "2013-07-15", "2013-08-30"].map(day) {
            for (opportunity, shortest, longest) in [
                (Opportunity::Month, 28, 31),
                (Opportunity::Quarter, 89, 92),
                (Opportunity::Year, 365, 366),
                (Opportunity::Week, 7, 7),
            ] {
                let mut lengths = vec![0; 1];
                for day in (as_of - 3_000..=as_of).rev() {
                    let back = opportunity.periods_back(day, as_of).unwrap() as usize;
                    assert!(
                        back == lengths.len() - 1 || back == lengths.len(),
                        "{opportunity:?} {as_of} {day}"
                    );
                    lengths.resize(back + 1, 0);
                    lengths[back] += 1;
                }
                lengths.pop();
                let within = lengths.iter().all(|length| (shortest..=longest).contains(length));
                assert!(within, "{opportunity:?} {as_of} {lengths:?}");
            }
        }
    }

    #[test]
    fn opportunities_used_after_the_first_purchase_are_counted_once() {
        let purchases = purchases(&[
            // First in the period of December to January; then used: February (twice), May; after as-of: nothing.
            &[
                ("2011-01-05", 5.0),
                ("2011-01-08", 3.0),
                ("2011-02-10", 10.0),
                ("2011-03-01", 20.0),
                ("2011-05-20", 30.0),
                ("2011-06-30", 999.0),
            ],
            &[("2011-06-10", 7.0)],
            &[("2011-07-01", 7.0)],
            &[],
        ]);
        let observed = discrete(&purchases, Opportunity::Month, day("2011-06-09"));
        assert_eq!(observed.customers, [0]);
        assert_eq!(counts(&observed, 0), (2, 5.0, 5.0));
        assert_eq!(observed.mean_repeat_amount[0], Some(30.0));
        assert_eq!(observed.mean_amount_all[0], 68.0 / 3.0);
        let later = discrete(&purchases, Opportunity::Month, day("2011-06-30"));
        assert_eq!(later.customers, [0, 1]);
        assert_eq!(counts(&later, 1), (0, 0.0, 0.0));
        assert_eq!(later.mean_repeat_amount[1], None);
        assert_eq!(counts(&later, 0), (4, 5.0, 5.0));
    }

    #[test]
    fn renewals_bear_late_payments_and_bridge_gaps() {
        let purchases = purchases(&[
            // Paid around the end of every month until as-of.
            &[
                ("2011-01-31", 9.0),
                ("2011-03-02", 9.0),
                ("2011-03-29", 9.0),
                ("2011-04-30", 9.0),
            ],
            // Left: the payment of March never came.
            &[("2011-01-10", 9.0), ("2011-02-12", 9.0)],
            // Missed March and came back.
            &[("2011-01-15", 9.0), ("2011-02-15", 9.0), ("2011-04-14", 15.0)],
            // Never renewed.
            &[("2010-12-01", 9.0)],
            // Due tomorrow.
            &[("2011-04-11", 9.0)],
        ]);
        let as_of = day("2011-05-10");
        let contracts = contractual(&purchases, Opportunity::Month, as_of, 10);
        let observed = &contracts.observed;
        assert_eq!(counts(observed, 0), (3, 3.0, 3.0));
        assert_eq!(counts(observed, 1), (1, 1.0, 4.0));
        assert_eq!(counts(observed, 2), (3, 3.0, 3.0));
        assert_eq!(observed.mean_repeat_amount[2], Some(12.0));
        assert_eq!(counts(observed, 3), (0, 0.0, 5.0));
        assert_eq!(counts(observed, 4), (0, 0.0, 0.0));
        assert_eq!(contracts.resumed, 1);
        // The grace ends: paid on 12 February, due on 12 March.
        let gone = |as_of: &str, grace| {
            let observed = contractual(&purchases, Opportunity::Month, day(as_of), grace).observed;
            observed.x[1] < observed.age_days[1] as u32
        };
        assert!(!gone("2011-03-12", 0) && gone("2011-03-13", 0));
        assert!(!gone("2011-03-22", 10) && gone("2011-03-23", 10));
    }

    #[test]
    fn whatever_the_days_are_the_histories_suit_their_setting() {
        use rand::{Rng, SeedableRng};
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(3);
        let opportunities = [
            Opportunity::Days(1),
            Opportunity::Days(3_653),
            Opportunity::Week,
            Opportunity::Month,
            Opportunity::Quarter,
            Opportunity::Year,
        ];
        for width in [3, 400, 40_000, i32::MAX / 2] {
            let mut purchases = PurchaseDays::default();
            for _ in 0..300 {
                let n = rng.gen_range(0..12);
                let mut days: Vec<i32> = (0..n).map(|_| rng.gen_range(-width..=width)).collect();
                days.sort_unstable();
                days.dedup();
                purchases.push(days.into_iter().map(|day| (day, 1.0)));
            }
            for opportunity in opportunities {
                for as_of in [-width, 0, width / 3, width, i32::MAX, i32::MIN] {
                    let contracts = contractual(&purchases, opportunity, as_of, 5).observed;
                    let used = discrete(&purchases, opportunity, as_of);
                    assert_eq!(contracts.customers, used.customers);
                    for (observed, setting) in [(&used, Setting::Discrete), (&contracts, Setting::Contractual)] {
                        for i in 0..observed.x.len() {
                            let (x, t_x, age) = counts(observed, i);
                            assert!(
                                setting.admits(&History { x, t_x, age }),
                                "{opportunity:?} {x} {t_x} {age}"
                            );
                            assert_eq!(observed.mean_repeat_amount[i].is_some(), 0 < x);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn horizons_are_the_nearest_whole_number_of_opportunities() {
        for (opportunity, days, want) in [
            (Opportunity::Month, 365, 12),
            (Opportunity::Month, 360, 12),
            (Opportunity::Month, 30, 1),
            (Opportunity::Month, 10, 0),
            (Opportunity::Quarter, 90, 1),
            (Opportunity::Year, 365, 1),
            (Opportunity::Year, 3_650, 10),
            (Opportunity::Week, 365, 52),
            (Opportunity::Days(30), 365, 12),
            (Opportunity::Days(1), 36_500, 36_500),
        ] {
            assert_eq!(opportunity.within(days), want, "{opportunity:?} {days}");
        }
    }

    #[test]
    fn an_opportunity_is_written_as_a_name_or_a_number_of_days() {
        for (text, want) in [
            ("\"week\"", Opportunity::Week),
            ("\"year\"", Opportunity::Year),
            ("14", Opportunity::Days(14)),
        ] {
            let read: Opportunity = serde_json::from_str(text).unwrap();
            assert_eq!(read, want);
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        for wrong in ["0", "-7", "4000", "\"fortnight\""] {
            let message = serde_json::from_str::<Opportunity>(wrong).unwrap_err().to_string();
            assert!(message.contains("week, month, quarter, year"), "{message}");
        }
    }
}
