//! Which column is which, guessed from the header and a sample of each column.
//!
//! In: the header names, what the values below them look like, and the columns that the user mapped himself.
//! Out: for each canonical column a guess with its evidence, or the candidates between which nothing decides,
//! or nothing. A column serves one canonical column at most. The result depends on names, content and the
//! order of the columns only. Cost: headers times names, once per file.
//!
//! A name that is wholly known beats a header that only contains one; among names the surer beats the
//! vaguer (`order_date` before `date`); among equals the content decides or nobody does: a wrong guess that is
//! silent costs more than a question. Dates must look like dates and amounts like numbers to be guessed at all.

mod basis;
mod content;
mod figures;
mod guess;
mod money;
mod names;
mod names_of_keys;
mod names_of_money;
mod normal;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use basis::{CostBasis, CostColumns, DiscountBasis};
pub use content::ColumnContent;
pub use guess::{guess, guess_from};
pub use names::fold_words;

/// The columns of a transaction history, as the program names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canonical {
    CustomerId,
    OrderId,
    OrderedAt,
    /// Money of the line.
    Amount,
    Quantity,
    UnitPrice,
    /// What is taken off; of what, says [`DiscountBasis`].
    Discount,
    ProductId,
    ProductName,
    Category,
    BusinessLine,
    Channel,
    /// What the seller paid; for a piece or the line, says [`CostBasis`].
    Cost,
    Currency,
    /// Whether the line is a sale or a return, in words.
    LineType,
}

/// Whether a run can do without a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    /// Either `amount`, or `quantity` and `unit_price`.
    Money,
    Optional,
}

impl Canonical {
    pub const ALL: [Self; 15] = [
        Self::CustomerId,
        Self::OrderId,
        Self::OrderedAt,
        Self::Amount,
        Self::Quantity,
        Self::UnitPrice,
        Self::Discount,
        Self::ProductId,
        Self::ProductName,
        Self::Category,
        Self::BusinessLine,
        Self::Channel,
        Self::Cost,
        Self::Currency,
        Self::LineType,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerId => "customer_id",
            Self::OrderId => "order_id",
            Self::OrderedAt => "ordered_at",
            Self::Amount => "amount",
            Self::Quantity => "quantity",
            Self::UnitPrice => "unit_price",
            Self::Discount => "discount",
            Self::ProductId => "product_id",
            Self::ProductName => "product_name",
            Self::Category => "category",
            Self::BusinessLine => "business_line",
            Self::Channel => "channel",
            Self::Cost => "cost",
            Self::Currency => "currency",
            Self::LineType => "line_type",
        }
    }

    pub fn need(self) -> Need {
        match self {
            Self::CustomerId | Self::OrderId | Self::OrderedAt => Need::Required,
            Self::Amount | Self::Quantity | Self::UnitPrice => Need::Money,
            Self::ProductId | Self::ProductName | Self::Category | Self::BusinessLine => Need::Optional,
            Self::Channel | Self::Cost | Self::Currency | Self::Discount | Self::LineType => Need::Optional,
        }
    }
}

impl fmt::Display for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Canonical {
    type Err = UnknownCanonical;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownCanonical { name: name.to_owned() };
        Self::ALL
            .into_iter()
            .find(|canonical| canonical.name() == name)
            .ok_or_else(unknown)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown column {name:?}")]
pub struct UnknownCanonical {
    pub name: String,
}

impl UnknownCanonical {
    pub fn hint(&self) -> String {
        format!("use one of {}", Canonical::ALL.map(Canonical::name).join(", "))
    }
}

/// What was found for one canonical column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Mapped by the user.
    Given { index: usize, header: String },
    Guess {
        index: usize,
        header: String,
        evidence: String,
    },
    /// Nothing decides between these headers, or what this one header is.
    Ambiguous { candidates: Vec<String>, reason: String },
    /// The nearest of the headers that nothing else uses, nearest first, three at most.
    Missing { closest: Vec<String> },
}

/// One [`Outcome`] per canonical column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guesses {
    outcomes: Vec<(Canonical, Outcome)>,
    notes: Vec<String>,
}

/// Why the columns of a file do not make a transaction history.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    #[error("no column for {canonical}{}", or_closest(closest))]
    Missing { canonical: Canonical, closest: Vec<String> },
    #[error("cannot tell which column is {canonical}: {reason}")]
    Ambiguous {
        canonical: Canonical,
        candidates: Vec<String>,
        reason: String,
    },
    #[error("no column for amount, nor for quantity and unit_price{}", or_closest(closest))]
    NoMoney { closest: Vec<String> },
}

fn or_closest(closest: &[String]) -> String {
    if closest.is_empty() {
        String::new()
    } else {
        format!(" (closest: {})", closest.join(", "))
    }
}

impl HeaderError {
    pub fn hint(&self) -> String {
        let (canonical, headers) = match self {
            Self::Missing { canonical, closest } => (*canonical, closest),
            Self::Ambiguous {
                canonical, candidates, ..
            } => (*canonical, candidates),
            Self::NoMoney { closest } => (Canonical::Amount, closest),
        };
        let header = headers.first().map_or("HEADER", String::as_str);
        format!("say which with `--map '{canonical}={header}'`")
    }
}

impl Guesses {
    pub fn iter(&self) -> impl Iterator<Item = (Canonical, &Outcome)> {
        self.outcomes.iter().map(|(canonical, outcome)| (*canonical, outcome))
    }

    /// What the user should know of the columns that were not taken, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The column that was given or guessed.
    pub fn column(&self, canonical: Canonical) -> Option<usize> {
        self.iter()
            .find(|(found, _)| *found == canonical)
            .and_then(|(_, outcome)| match outcome {
                Outcome::Given { index, .. } | Outcome::Guess { index, .. } => Some(*index),
                Outcome::Ambiguous { .. } | Outcome::Missing { .. } => None,
            })
    }

    /// All that keeps the file from being read: required columns, and money in one of its two forms.
    pub fn problems(&self) -> Vec<HeaderError> {
        let problem = |canonical: Canonical, outcome: &Outcome| match outcome {
            Outcome::Given { .. } | Outcome::Guess { .. } => None,
            Outcome::Ambiguous { candidates, reason } => Some(HeaderError::Ambiguous {
                canonical,
                candidates: candidates.clone(),
                reason: reason.clone(),
            }),
            Outcome::Missing { closest } => Some(HeaderError::Missing {
                canonical,
                closest: closest.clone(),
            }),
        };
        // Which product a line is of decides too much to be left to chance.
        let asked = |canonical: Canonical, outcome: &Outcome| {
            canonical == Canonical::ProductId && matches!(outcome, Outcome::Ambiguous { .. })
        };
        let required = self
            .iter()
            .filter(|(canonical, outcome)| canonical.need() == Need::Required || asked(*canonical, outcome));
        let mut problems: Vec<HeaderError> = required
            .filter_map(|(canonical, outcome)| problem(canonical, outcome))
            .collect();
        let has = |canonical| self.column(canonical).is_some();
        let has_money = has(Canonical::Amount) || (has(Canonical::Quantity) && has(Canonical::UnitPrice));
        if !has_money {
            let money: Vec<_> = self
                .iter()
                .filter(|(canonical, _)| canonical.need() == Need::Money)
                .collect();
            let ambiguous = money
                .iter()
                .filter(|(_, outcome)| matches!(outcome, Outcome::Ambiguous { .. }));
            let before = problems.len();
            problems.extend(ambiguous.filter_map(|(canonical, outcome)| problem(*canonical, outcome)));
            if problems.len() == before {
                let closest = money.iter().find_map(|(canonical, outcome)| match outcome {
                    Outcome::Missing { closest } if *canonical == Canonical::Amount => Some(closest.clone()),
                    _ => None,
                });
                problems.push(HeaderError::NoMoney {
                    closest: closest.unwrap_or_default(),
                });
            }
        }
        problems
    }
}

#[cfg(test)]
mod files;
#[cfg(test)]
mod tests;
