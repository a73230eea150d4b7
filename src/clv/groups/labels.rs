//! Which group each customer is in.

use crate::units::Day;
use chrono::Datelike;

/// What customers are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// One fit of all.
    Nothing,
    CohortYear,
    CohortQuarter,
    CohortMonth,
    /// A customer attribute.
    Column(String),
}

impl GroupBy {
    /// As in config; empty for one fit of all.
    pub fn name(&self) -> &str {
        match self {
            Self::Nothing => "",
            Self::CohortYear => "cohort_year",
            Self::CohortQuarter => "cohort_quarter",
            Self::CohortMonth => "cohort_month",
            Self::Column(column) => column,
        }
    }

    /// The value of the config key.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "" => Self::Nothing,
            "cohort_year" => Self::CohortYear,
            "cohort_quarter" => Self::CohortQuarter,
            "cohort_month" => Self::CohortMonth,
            column => Self::Column(column.to_owned()),
        }
    }
}

/// The cohort of a customer who first bought on `first_day`: `2011`, `2011-Q1` or `2011-03`; none where customers are
/// not grouped by cohort.
pub fn cohort(by: &GroupBy, first_day: Day) -> Option<String> {
    let date = first_day.to_date();
    let (year, month) = (date.year(), date.month());
    match by {
        GroupBy::CohortYear => Some(format!("{year:04}")),
        GroupBy::CohortQuarter => Some(format!("{year:04}-Q{}", 1 + (month - 1) / 3)),
        GroupBy::CohortMonth => Some(format!("{year:04}-{month:02}")),
        GroupBy::Nothing | GroupBy::Column(_) => None,
    }
}

/// Group of a customer without a label.
pub const NO_GROUP: u32 = u32::MAX;

/// The distinct labels, ascending, and which one each customer has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    of_customer: Vec<u32>,
}

impl Labels {
    /// One label a customer; blanks around it do not count, and a blank one is none.
    pub fn new<'a>(labels: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let of: Vec<Option<&str>> = labels
            .into_iter()
            .map(|label| label.map(str::trim).filter(|label| !label.is_empty()))
            .collect();
        let mut names: Vec<&str> = of.iter().flatten().copied().collect();
        names.sort_unstable();
        names.dedup();
        let place = |label: &Option<&str>| {
            let found = label.and_then(|label| names.binary_search(&label).ok());
            found.map_or(NO_GROUP, |i| i as u32)
        };
        Self {
            of_customer: of.iter().map(place).collect(),
            names: names.into_iter().map(str::to_owned).collect(),
        }
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Place of each customer's label among the names, or [`NO_GROUP`].
    pub fn of_customers(&self) -> &[u32] {
        &self.of_customer
    }

    /// The customers of each group, in their order.
    pub fn split<T: Copy>(&self, customers: &[T]) -> Vec<Vec<T>> {
        let mut out = vec![Vec::new(); self.names.len()];
        for (customer, group) in customers.iter().zip(&self.of_customer) {
            if let Some(members) = out.get_mut(*group as usize) {
                members.push(*customer);
            }
        }
        out
    }
}
