//! How customers' attributes become numbers, in the fit and for every customer that is scored later.
//!
//! In: named attributes as texts, one entry a customer, empty where unknown. Out: a [`Coding`], which is saved with the
//! model, and the numbers that it gives ([`Coded`]). Cost: one sort of each attribute's values.
//!
//! # Rules
//! - Every known value a number: the number as it is. `true`, `yes`, `false`, `no`: 1 and 0. Unknown becomes the mean,
//!   and a column says so where [`RAREST_LEVEL`] customers or more have no value.
//! - Anything else is a text: an indicator for each level against the most frequent one (the reference). Unknown is a
//!   level of its own. Levels of fewer than [`RAREST_LEVEL`] customers, and all but the [`MOST_LEVELS`] most frequent,
//!   are joined to `other`; if even `other` is rare, they are counted to the reference.
//! - A level that the fit did not list becomes `other`, or the reference where there is no `other`; what should be a
//!   number and is not is unknown. Both are counted.
//! - Attributes that would take more than [`MAX_COLUMNS`] columns together are left out from the first that does not fit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Fewer customers than this do not get a coefficient of their own.
pub const RAREST_LEVEL: usize = 30;

/// Levels of a text that are told apart, the reference included.
pub const MOST_LEVELS: usize = 8;

/// Columns of all attributes together.
pub const MAX_COLUMNS: usize = 20;

const MISSING: &str = "(missing)";
const OTHER: &str = "(other)";

/// A customer attribute: a name, and a text for each customer.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    pub name: &'a str,
    pub values: &'a [Option<String>],
}

/// What a column of numbers stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name of the attribute.
    pub covariate: String,
    /// The level of an indicator; null for the number itself.
    pub level: Option<String>,
}

/// The rule of one attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    Number {
        mean: f64,
        /// Whether a second column marks the customers without a value.
        marks_missing: bool,
    },
    Flag {
        mean: f64,
        marks_missing: bool,
    },
    Text {
        reference: String,
        /// Levels with a column, ascending.
        levels: Vec<String>,
        /// Whether the last column stands for all other levels.
        has_other: bool,
    },
}

/// Why an attribute or one of its columns has no coefficient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// All customers have one value.
    Constant,
    /// The columns before it determine it.
    Collinear,
    /// There is no room: [`MAX_COLUMNS`].
    TooManyColumns,
}

/// A column without a coefficient; `level` as in [`Column`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub covariate: String,
    pub level: Option<String>,
    pub reason: DropReason,
}

/// The rules of all attributes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coding {
    pub attributes: Vec<(String, Rule)>,
    pub dropped: Vec<Dropped>,
}

/// Attributes as numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coded {
    pub columns: Vec<Column>,
    /// One customer after the other, as many numbers as columns.
    pub values: Vec<f64>,
    pub n_customers: usize,
    /// For each attribute of the coding, customers whose value the fit did not list.
    pub n_unlisted: Vec<(String, u64)>,
}

impl Coded {
    /// The numbers of one customer.
    pub fn row(&self, customer: usize) -> &[f64] {
        let k = self.columns.len();
        self.values.get(customer * k..(customer + 1) * k).unwrap_or(&[])
    }
}

/// Larger numbers are no measurements, and their squares overflow.
const LARGEST_NUMBER: f64 = 1e100;

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|v| v.abs() <= LARGEST_NUMBER)
}

fn flag(text: &str) -> Option<f64> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(1.0),
        "false" | "no" => Some(0.0),
        _ => None,
    }
}

fn known(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

impl Rule {
    fn learn(values: &[Option<String>]) -> Self {
        let n_missing = values.iter().filter(|v| known(v).is_none()).count();
        let marks_missing = RAREST_LEVEL <= n_missing && n_missing < values.len();
        let all =
            |read: fn(&str) -> Option<f64>| -> Option<Vec<f64>> { values.iter().filter_map(known).map(read).collect() };
        if let Some(flags) = all(flag).filter(|flags| !flags.is_empty()) {
            return Self::Flag {
                mean: mean(flags),
                marks_missing,
            };
        }
        match all(number) {
            Some(numbers) => Self::Number {
                mean: mean(numbers),
                marks_missing,
            },
            None => Self::learn_text(values),
        }
    }

    fn learn_text(values: &[Option<String>]) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for value in values {
            *counts.entry(known(value).unwrap_or(MISSING)).or_default() += 1;
        }
        let mut levels: Vec<(&str, usize)> = counts.into_iter().collect();
        // Stable: of equally frequent levels the first by name.
        levels.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let own = |(rank, (_, n)): (usize, &(&str, usize))| rank == 0 || (rank < MOST_LEVELS && RAREST_LEVEL <= *n);
        let n_own = levels.iter().enumerate().take_while(|level| own(*level)).count();
        let n_other: usize = levels[n_own..].iter().map(|(_, n)| n).sum();
        let mut named: Vec<String> = levels[..n_own].iter().skip(1).map(|(l, _)| (*l).to_owned()).collect();
        named.sort_unstable();
        Self::Text {
            reference: levels.first().map_or(MISSING, |(level, _)| level).to_owned(),
            levels: named,
            has_other: RAREST_LEVEL <= n_other,
        }
    }

    /// The level of each column; none for the number itself.
    fn levels(&self) -> Vec<Option<String>> {
        match self {
            Self::Number { marks_missing, .. } | Self::Flag { marks_missing, .. } => {
                let mark = marks_missing.then(|| Some(MISSING.to_owned()));
                std::iter::once(None).chain(mark).collect()
            }
            Self::Text { levels, has_other, .. } => {
                let other = has_other.then(|| OTHER.to_owned());
                levels.iter().cloned().chain(other).map(Some).collect()
            }
        }
    }

    /// Appends the numbers of one customer; whether the value was listed.
    fn encode(&self, value: Option<&str>, out: &mut Vec<f64>) -> bool {
        let mut numeric = |read: fn(&str) -> Option<f64>, mean: f64, marks_missing: bool| {
            let got = value.and_then(read);
            out.push(got.unwrap_or(mean));
            if marks_missing {
                out.push(f64::from(u8::from(got.is_none())));
            }
            got.is_some() || value.is_none()
        };
        match self {
            Self::Number { mean, marks_missing } => numeric(number, *mean, *marks_missing),
            Self::Flag { mean, marks_missing } => numeric(
                |text| flag(text).or_else(|| number(text).filter(|v| [0.0, 1.0].contains(v))),
                *mean,
                *marks_missing,
            ),
            Self::Text {
                reference,
                levels,
                has_other,
            } => {
                let level = value.unwrap_or(MISSING);
                let at = levels.iter().position(|l| l == level);
                let listed = at.is_some() || level == reference;
                out.extend((0..levels.len()).map(|i| f64::from(u8::from(at == Some(i)))));
                if *has_other {
                    out.push(f64::from(u8::from(!listed)));
                }
                listed
            }
        }
    }
}

/// The mean, whatever the order; 0 for nothing.
fn mean(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl Coding {
    /// The rules for these attributes. Customers without a valid history should not be among them.
    pub fn learn(attributes: &[Attribute<'_>]) -> Self {
        let mut out = Self::default();
        let mut n_columns = 0;
        for attribute in attributes {
            let rule = Rule::learn(attribute.values);
            let levels = rule.levels();
            if n_columns + levels.len() <= MAX_COLUMNS {
                n_columns += levels.len();
                if levels.is_empty() {
                    out.drop(attribute.name, None, DropReason::Constant);
                }
                out.attributes.push((attribute.name.to_owned(), rule));
            } else {
                out.drop(attribute.name, None, DropReason::TooManyColumns);
            }
        }
        out
    }

    fn drop(&mut self, covariate: &str, level: Option<String>, reason: DropReason) {
        self.dropped.push(Dropped {
            covariate: covariate.to_owned(),
            level,
            reason,
        });
    }

    /// What each number of a customer stands for.
    pub fn columns(&self) -> Vec<Column> {
        let of_rule = |(name, rule): &(String, Rule)| -> Vec<Column> {
            let column = |level| Column {
                covariate: name.clone(),
                level,
            };
            rule.levels().into_iter().map(column).collect()
        };
        self.attributes.iter().flat_map(of_rule).collect()
    }

    /// The attributes as numbers. An attribute that is not given, or too short, is unknown.
    pub fn encode(&self, attributes: &[Attribute<'_>], n_customers: usize) -> Coded {
        let given: Vec<&[Option<String>]> = self
            .attributes
            .iter()
            .map(|(name, _)| attributes.iter().find(|a| a.name == name).map_or(&[][..], |a| a.values))
            .collect();
        let columns = self.columns();
        let mut values = Vec::with_capacity(n_customers * columns.len());
        let mut n_unlisted: Vec<(String, u64)> = self.attributes.iter().map(|(name, _)| (name.clone(), 0)).collect();
        for i in 0..n_customers {
            for (((_, rule), given), (_, unlisted)) in self.attributes.iter().zip(&given).zip(&mut n_unlisted) {
                let listed = rule.encode(given.get(i).and_then(known), &mut values);
                *unlisted += u64::from(!listed);
            }
        }
        Coded {
            columns,
            values,
            n_customers,
            n_unlisted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(parts: &[(&str, usize)]) -> Vec<Option<String>> {
        let repeat = |(text, n): &(&str, usize)| vec![(!text.is_empty()).then(|| (*text).to_owned()); *n];
        parts.iter().flat_map(repeat).collect()
    }

    fn learn(values: &[Option<String>]) -> Rule {
        Coding::learn(&[Attribute { name: "a", values }]).attributes[0]
            .1
            .clone()
    }

    #[test]
    fn values_decide_what_an_attribute_is() {
        let number = |mean, marks_missing| Rule::Number { mean, marks_missing };
        assert_eq!(learn(&texts(&[("2", 1), (" 4.0", 1), ("", 29)])), number(3.0, false));
        assert_eq!(learn(&texts(&[("-1e3", 2), ("", 30)])), number(-1000.0, true));
        assert_eq!(learn(&texts(&[("", 99)])), number(0.0, false));
        let flags = Rule::Flag {
            mean: 0.25,
            marks_missing: false,
        };
        assert_eq!(learn(&texts(&[("Yes", 1), ("no", 3)])), flags);
        assert!(matches!(learn(&texts(&[("inf", 50), ("2", 40)])), Rule::Text { .. }));
    }

    #[test]
    fn rare_levels_are_joined_and_rarer_ones_are_the_reference() {
        let text = |reference: &str, levels: &[&str], has_other| Rule::Text {
            reference: reference.to_owned(),
            levels: levels.iter().map(|l| (*l).to_owned()).collect(),
            has_other,
        };
        let values = texts(&[("south", 40), ("north", 90), ("x", 20), ("", 31), ("y", 9)]);
        assert_eq!(learn(&values), text("north", &["(missing)", "south"], false));
        let values = texts(&[("south", 40), ("north", 90), ("x", 20), ("y", 11)]);
        assert_eq!(learn(&values), text("north", &["south"], true));
        // No level is frequent: the one that comes first stands against the rest.
        let names: Vec<Option<String>> = (0..500).map(|i| Some(format!("name {i:03}"))).collect();
        assert_eq!(learn(&names), text("name 000", &[], true));
        let many: Vec<Option<String>> = (0..1200).map(|i| Some(format!("{:02} %", i % 12))).collect();
        let Rule::Text { levels, has_other, .. } = learn(&many) else {
            panic!()
        };
        assert_eq!((levels.len(), has_other), (MOST_LEVELS - 1, true));
    }

    #[test]
    fn new_customers_are_coded_by_the_rules_of_the_fit() {
        let region = texts(&[("south", 40), ("north", 90)]);
        let age = texts(&[("20", 60), ("", 40), ("50", 30)]);
        let member = texts(&[("true", 65), ("false", 65)]);
        let attributes = |region, age, member| {
            [("region", region), ("age", age), ("member", member)].map(|(name, values)| Attribute { name, values })
        };
        let coding = Coding::learn(&attributes(&region, &age, &member));
        let saved: Coding = serde_json::from_str(&serde_json::to_string(&coding).unwrap()).unwrap();
        assert_eq!(saved, coding);
        let region = texts(&[("south", 1), ("west", 1), (" north ", 1)]);
        let (age, member) = (
            texts(&[("33", 1), ("old", 1)]),
            texts(&[("1", 1), ("FALSE", 1), ("maybe", 1)]),
        );
        let coded = saved.encode(&attributes(&region, &age, &member), 3);
        assert_eq!(coded.row(0), [1.0, 33.0, 0.0, 1.0]);
        assert_eq!(coded.row(1), [0.0, 30.0, 1.0, 0.0]);
        assert_eq!(coded.row(2), [0.0, 30.0, 1.0, 0.5]);
        let counted: Vec<u64> = coded.n_unlisted.iter().map(|(_, n)| *n).collect();
        assert_eq!(counted, [1, 1, 1]);
        let names: Vec<(&str, Option<&str>)> = coded
            .columns
            .iter()
            .map(|c| (c.covariate.as_str(), c.level.as_deref()))
            .collect();
        let expected = [
            ("region", Some("south")),
            ("age", None),
            ("age", Some("(missing)")),
            ("member", None),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_named() {
        let levels: Vec<Option<String>> = (0..800).map(|i| Some(format!("l{}", i % 8))).collect();
        let names = ["a", "b", "c", "d"];
        let attributes = names.map(|name| Attribute { name, values: &levels });
        let coding = Coding::learn(&attributes);
        assert_eq!(coding.columns().len(), 14);
        let left_out: Vec<&str> = coding.dropped.iter().map(|d| d.covariate.as_str()).collect();
        assert_eq!(left_out, ["c", "d"]);
        let constant = texts(&[("same", 50)]);
        let coding = Coding::learn(&[Attribute {
            name: "c",
            values: &constant,
        }]);
        assert_eq!(
            (coding.columns().len(), coding.dropped[0].reason),
            (0, DropReason::Constant)
        );
    }
}
