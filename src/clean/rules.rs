//! The cleaning rules: id, default action, meaning. One enum, so that the config, the manifest, the rejects
//! table and the README cannot disagree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::diagnostics::Problem;

/// What happens to a line that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The line goes to the rejects with its rule, file and row.
    Reject,
    /// The line is repaired as the rule says, kept and counted.
    Fix,
    /// The line is kept as it is and counted.
    Keep,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Fix => "fix",
            Self::Keep => "keep",
        }
    }
}

/// A cleaning rule. The order is the order of judgement: the first rule that rejects a line is the one it is
/// filed under, while every rule counts every line that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    RaggedRow,
    BadEncoding,
    MissingCustomer,
    TestCustomer,
    LostDigits,
    SpreadsheetId,
    MissingOrder,
    MissingDate,
    BadDate,
    DateOutOfRange,
    AfterAsOf,
    MissingAmount,
    BadAmount,
    NegativePrice,
    ZeroPrice,
    ZeroAmount,
    ZeroQuantity,
    SignConflict,
    UnknownType,
    NoSale,
    CancelledOrder,
    ReturnLine,
    NonProduct,
    Outlier,
    ExactDuplicate,
}

/// Number of rules; the length of the counters.
pub const N_RULES: usize = Rule::ALL.len();

impl Rule {
    pub const ALL: [Self; 25] = [
        Self::RaggedRow,
        Self::BadEncoding,
        Self::MissingCustomer,
        Self::TestCustomer,
        Self::LostDigits,
        Self::SpreadsheetId,
        Self::MissingOrder,
        Self::MissingDate,
        Self::BadDate,
        Self::DateOutOfRange,
        Self::AfterAsOf,
        Self::MissingAmount,
        Self::BadAmount,
        Self::NegativePrice,
        Self::ZeroPrice,
        Self::ZeroAmount,
        Self::ZeroQuantity,
        Self::SignConflict,
        Self::UnknownType,
        Self::NoSale,
        Self::CancelledOrder,
        Self::ReturnLine,
        Self::NonProduct,
        Self::Outlier,
        Self::ExactDuplicate,
    ];

    pub fn id(self) -> &'static str {
        match self {
            Self::RaggedRow => "ragged_row",
            Self::BadEncoding => "bad_encoding",
            Self::MissingCustomer => "missing_customer",
            Self::TestCustomer => "test_customer",
            Self::LostDigits => "lost_digits",
            Self::SpreadsheetId => "spreadsheet_id",
            Self::MissingOrder => "missing_order",
            Self::MissingDate => "missing_date",
            Self::BadDate => "bad_date",
            Self::DateOutOfRange => "date_out_of_range",
            Self::AfterAsOf => "after_as_of",
            Self::MissingAmount => "missing_amount",
            Self::BadAmount => "bad_amount",
            Self::NegativePrice => "negative_price",
            Self::ZeroPrice => "zero_price",
            Self::ZeroAmount => "zero_amount",
            Self::ZeroQuantity => "zero_quantity",
            Self::SignConflict => "sign_conflict",
            Self::UnknownType => "unknown_type",
            Self::NoSale => "no_sale",
            Self::CancelledOrder => "cancelled_order",
            Self::ReturnLine => "return_line",
            Self::NonProduct => "non_product",
            Self::Outlier => "outlier",
            Self::ExactDuplicate => "exact_duplicate",
        }
    }

    /// What the rule matches and why its default is what it is.
    pub fn doc(self) -> &'static str {
        match self {
            Self::RaggedRow => "more or fewer fields than the header, or no JSON object",
            Self::BadEncoding => "bytes that are no text in the file's encoding",
            Self::MissingCustomer => {
                "no customer id; such a line cannot be scored, its basket still counts for product pairs (`pairs.anonymous`)"
            }
            Self::TestCustomer => {
                "customer id matches `clean.test_customer_pattern`: counted and said, never cut unasked"
            }
            Self::LostDigits => {
                "a customer id that a spreadsheet rounded, such as `1.79E+12`: several customers would be one; kept, they are"
            }
            Self::SpreadsheetId => {
                "an id that a spreadsheet turned into `17850.0` or `1.785E+04`: written out; a rounded order or product is unknown"
            }
            Self::MissingOrder => {
                "no order id in a file that has the column: the customer's lines of that minute are one order"
            }
            Self::MissingDate => "no date",
            Self::BadDate => "a date that the file's date format cannot read",
            Self::DateOutOfRange => "before `clean.min_year` or after `clean.max_year`",
            Self::AfterAsOf => "after the last day that counts (`--as-of`)",
            Self::MissingAmount => "no amount, or no quantity or unit price",
            Self::BadAmount => "a number that cannot be read or is beyond 1e11, or a discount larger than the price",
            Self::NegativePrice => "a unit price below zero: bookkeeping, not a sale; kept, it is a credit",
            Self::ZeroPrice => "a unit price of zero: samples and stock corrections, not sales",
            Self::ZeroAmount => "an amount of zero at no price of zero: a purchase that cost nothing",
            Self::ZeroQuantity => "a quantity of zero and no money",
            Self::SignConflict => "quantity and amount of opposite sign, or money earned on a cancelled order",
            Self::UnknownType => {
                "a type that is no word for a sale or a return (`clean.sale_types`, `clean.return_types`): taken for a sale"
            }
            Self::NoSale => "a type that is no sale and no return: a view, a cart, a quote, a payment",
            Self::CancelledOrder => {
                "order id with the prefix `clean.cancelled_order_prefix`: netted against the sale (`clean.returns`)"
            }
            Self::ReturnLine => {
                "a negative quantity or amount, or a type that says so: netted against the sale (`clean.returns`)"
            }
            Self::NonProduct => {
                "product id or name matches `clean.non_product_pattern` (postage, bank charges): money counts, no pairs or offers"
            }
            Self::Outlier => "larger than `clean.outlier_factor` times the 99.9th percentile of all lines",
            Self::ExactDuplicate => {
                "equal to another kept line in customer, order, minute, product, quantity, amount and cost: two equal lines can be two real items"
            }
        }
    }

    pub fn default_action(self) -> Action {
        self.actions()[0]
    }

    /// The actions that make sense for the rule, the default first.
    pub fn actions(self) -> &'static [Action] {
        match self {
            Self::SpreadsheetId => &[Action::Fix, Action::Keep],
            Self::MissingOrder => &[Action::Fix, Action::Reject],
            Self::NegativePrice | Self::ZeroPrice | Self::ZeroQuantity | Self::LostDigits => {
                &[Action::Reject, Action::Keep]
            }
            Self::ZeroAmount | Self::NonProduct | Self::ExactDuplicate | Self::TestCustomer | Self::UnknownType => {
                &[Action::Keep, Action::Reject]
            }
            Self::CancelledOrder | Self::ReturnLine | Self::Outlier => &[Action::Keep],
            Self::RaggedRow
            | Self::BadEncoding
            | Self::MissingCustomer
            | Self::MissingDate
            | Self::BadDate
            | Self::DateOutOfRange
            | Self::AfterAsOf
            | Self::MissingAmount
            | Self::BadAmount
            | Self::SignConflict
            | Self::NoSale => &[Action::Reject],
        }
    }

    pub fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The rules as a Markdown table, as it stands in the README.
pub fn rules_to_markdown() -> String {
    let mut text = String::from("| rule | default | may be | matches |\n|---|---|---|---|\n");
    for rule in Rule::ALL {
        let others: Vec<_> = rule.actions()[1..].iter().map(|a| a.as_str()).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            rule.id(),
            rule.default_action().as_str(),
            others.join(", "),
            rule.doc()
        );
    }
    text
}

/// One action for each rule; only made by [`Actions::check`].
#[derive(Clone, Debug)]
pub struct Actions([Action; N_RULES]);

impl Actions {
    /// The defaults overridden by `chosen`; every impossible choice is a problem.
    pub fn check(chosen: &BTreeMap<Rule, Action>, problems: &mut Vec<Problem>) -> Self {
        let mut actions = Rule::ALL.map(Rule::default_action);
        for (&rule, &action) in chosen {
            if !rule.actions().contains(&action) {
                let possible: Vec<_> = rule.actions().iter().map(|a| format!("\"{}\"", a.as_str())).collect();
                problems.push(Problem::new(
                    &format!("clean.rules.{}", rule.id()),
                    format!("\"{}\"", action.as_str()),
                    "this rule has no such action",
                    &format!("use {}", possible.join(" or ")),
                ));
            }
            actions[rule as usize] = action;
        }
        Self(actions)
    }

    pub fn of(&self, rule: Rule) -> Action {
        self.0[rule as usize]
    }

    /// The rules that reject, as a set of [`Rule::bit`]s.
    pub fn rejecting(&self) -> u32 {
        Rule::ALL
            .iter()
            .filter(|r| self.of(**r) == Action::Reject)
            .map(|r| r.bit())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_in_all_is_the_counter() {
        for (i, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(*rule as usize, i);
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.id());
        }
    }

    #[test]
    fn a_rule_that_must_reject_cannot_be_kept() {
        let mut problems = Vec::new();
        Actions::check(&BTreeMap::from([(Rule::BadDate, Action::Keep)]), &mut problems);
        assert_eq!(problems[0].key, "clean.rules.bad_date");
        assert_eq!(problems[0].hint, "use \"reject\"");
    }
}
