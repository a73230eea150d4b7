//! What a run has to tell beside its result: a closed list of warnings, each with a hint.
//!
//! In: facts that a stage found. Out: `code`, `message` and `hint`, as they stand on the screen, in
//! `manifest.json` and in the report.

use serde::Serialize;

/// Something that a user should know before relying on the result. The run goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    NoProductColumn,
    NoOrderColumn {
        assumed: &'static str,
    },
    MixedCurrencies {
        currencies: Vec<String>,
    },
    ManyRejects {
        share: f64,
        main_rule: &'static str,
    },
    UnmatchedReturns {
        lines: u64,
        amount: f64,
    },
    FullyReturnedCustomers {
        n: u64,
    },
    ReturnsOnlyCustomers {
        n: u64,
    },
    ProductsDifferInCase {
        n: u64,
        example: String,
    },
    LastDayIsolated {
        last_day: String,
        gap_days: i32,
    },
    CustomerTable {
        n_found: u64,
        n_missing: u64,
        n_contradictions: u64,
    },
    FlaggedCustomers {
        flag: &'static str,
        n: u64,
        net_share: f64,
        examples: Vec<String>,
    },
    ThinData {
        results: String,
        reason: String,
    },
    Outliers {
        lines: u64,
        threshold: f64,
    },
    NetTotalNotPositive {
        net_amount: f64,
    },
    Clv {
        status: &'static str,
        message: String,
        hint: String,
    },
    ClustersSkipped {
        n_customers: usize,
    },
    NoPairs {
        min_count: u64,
        n_baskets: u64,
    },
    OversizedBaskets {
        n: u64,
    },
    PairThresholdRaised {
        from: u64,
        to: u64,
    },
    FlagIgnored {
        flag: &'static str,
        why: &'static str,
    },
}

/// A warning as it is published.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct WarningText {
    pub code: &'static str,
    pub message: String,
    pub hint: String,
}

impl Warning {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoProductColumn => "no_product_column",
            Self::NoOrderColumn { .. } => "no_order_column",
            Self::MixedCurrencies { .. } => "mixed_currencies",
            Self::ManyRejects { .. } => "many_rejects",
            Self::UnmatchedReturns { .. } => "unmatched_returns",
            Self::FullyReturnedCustomers { .. } => "fully_returned_customers",
            Self::ReturnsOnlyCustomers { .. } => "returns_only_customers",
            Self::ProductsDifferInCase { .. } => "products_differ_in_case",
            Self::LastDayIsolated { .. } => "last_day_isolated",
            Self::CustomerTable { .. } => "customer_table",
            Self::FlaggedCustomers { flag, .. } => flag,
            Self::ThinData { .. } => "thin_data",
            Self::Outliers { .. } => "outliers",
            Self::NetTotalNotPositive { .. } => "net_total_not_positive",
            Self::Clv { status, .. } => status,
            Self::ClustersSkipped { .. } => "clusters_skipped",
            Self::NoPairs { .. } => "no_pairs",
            Self::OversizedBaskets { .. } => "oversized_baskets",
            Self::PairThresholdRaised { .. } => "pair_threshold_raised",
            Self::FlagIgnored { .. } => "flag_ignored",
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::NoProductColumn => "no product_id column, so there are no product pairs and no offers".into(),
            Self::NoOrderColumn { assumed } => format!("no order_id column: {assumed}"),
            Self::MixedCurrencies { currencies } => {
                format!(
                    "amounts in {} currencies are added up as they stand: {}",
                    currencies.len(),
                    currencies.join(", ")
                )
            }
            Self::ManyRejects { share, main_rule } => {
                format!(
                    "{:.1} % of the lines were rejected, most of them by {main_rule}",
                    100.0 * share
                )
            }
            Self::UnmatchedReturns { lines, amount } => format!(
                "{lines} return lines worth {amount:.2} match no earlier sale of the same customer; their money is \
                 deducted, no order is undone"
            ),
            Self::FullyReturnedCustomers { n } => format!(
                "{n} customers returned everything that they ever bought: they stay in the list with 0 orders and get no \
                 lifetime value"
            ),
            Self::ReturnsOnlyCustomers { n } => format!("{n} customers have returns but no sale: counted, not scored"),
            Self::ProductsDifferInCase { n, example } => {
                format!("{n} product ids differ from another only in upper and lower case, for example {example}")
            }
            Self::LastDayIsolated { last_day, gap_days } => format!(
                "the last day with a transaction, {last_day}, comes {gap_days} days after the one before it: everyone looks \
                 inactive if that date is wrong"
            ),
            Self::CustomerTable {
                n_found,
                n_missing,
                n_contradictions,
            } => {
                let all = n_found + n_missing;
                let mut text = format!("the table of customers has {n_found} of {all} customers");
                if *n_contradictions > 0 {
                    text += &format!(
                        "; {n_contradictions} attributes are left out because rows of one customer contradict each other"
                    );
                }
                text
            }
            Self::FlaggedCustomers {
                flag,
                n,
                net_share,
                examples,
            } => {
                let what = if *flag == "wholesale" {
                    "buy like wholesalers"
                } else {
                    "look like tests"
                };
                format!(
                    "{n} customers {what} and bring {:.1} % of net sales: {}",
                    100.0 * net_share,
                    examples.join(", ")
                )
            }
            Self::ThinData { results, reason } => format!("too little data to rely on {results}: {reason}"),
            Self::Outliers { lines, threshold } => {
                format!("{lines} lines are larger than {threshold:.0}, far beyond all others")
            }
            Self::NetTotalNotPositive { net_amount } => {
                format!("net sales are {net_amount:.2}: shares of it have no meaning and are given as 0")
            }
            Self::Clv { message, .. } => message.clone(),
            Self::ClustersSkipped { n_customers } => {
                format!("{n_customers} customers are too few or too alike for clusters: all are in cluster 1")
            }
            Self::NoPairs { min_count, n_baskets } => {
                format!("no two products stand together in at least {min_count} of the {n_baskets} baskets")
            }
            Self::OversizedBaskets { n } => {
                format!(
                    "{n} baskets hold more than pairs.max_basket_products products and are left out of the pair counts"
                )
            }
            Self::PairThresholdRaised { from, to } => {
                format!("more than pairs.max_tested_pairs product pairs reach {from} orders, so {to} are asked for")
            }
            Self::FlagIgnored { flag, why } => format!("{flag} has no effect: {why}"),
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::NoProductColumn => "name it with --map product_id=HEADER if the file has one".into(),
            Self::NoOrderColumn { .. } => "name it with --map order_id=HEADER if the file has one".into(),
            Self::MixedCurrencies { .. } => "convert the amounts to one currency, or run once for each currency".into(),
            Self::ManyRejects { .. } => "look at rejects.parquet, or run `quintile check` on the same input".into(),
            Self::UnmatchedReturns { .. } => {
                "usual when sales lie before the file begins; --set clean.returns=\"ignore\" looks at sales alone"
                    .into()
            }
            Self::FullyReturnedCustomers { .. } | Self::ReturnsOnlyCustomers { .. } => {
                "--set clean.returns=\"ignore\" looks at sales alone".into()
            }
            Self::ProductsDifferInCase { .. } => {
                "if they are the same products, set --set clean.product_case=\"upper\"".into()
            }
            Self::LastDayIsolated { .. } => "if so, set --as-of to the last day that you trust".into(),
            Self::CustomerTable { .. } => {
                "check the ids in both files; see --customer-map and --set load.customers_id".into()
            }
            Self::FlaggedCustomers { flag, .. } if *flag == "wholesale" => {
                "they are in customers.parquet as data_flag; look at them apart, averages are pulled up by them".into()
            }
            Self::FlaggedCustomers { .. } => {
                "if they are tests, leave them out with --set clean.rules.test_customer=\"reject\"".into()
            }
            Self::ThinData { .. } => "take the figures as a hint, or give it a longer history; see [gates]".into(),
            Self::Outliers { .. } => {
                "kept and counted; check them in your shop system, or drop them from the file".into()
            }
            Self::NetTotalNotPositive { .. } => "check the sign of the amounts, and whether sales are missing".into(),
            Self::Clv { hint, .. } => hint.clone(),
            Self::ClustersSkipped { .. } => "nothing to do; segments by RFM score are still valid".into(),
            Self::NoPairs { .. } => "lower --set pairs.min_orders or pairs.min_support".into(),
            Self::OversizedBaskets { .. } => "raise --set pairs.max_basket_products if they are real baskets".into(),
            Self::PairThresholdRaised { .. } => "raise --set pairs.max_tested_pairs to test rarer pairs too".into(),
            Self::FlagIgnored { flag, .. } => format!("leave {flag} out"),
        }
    }

    pub fn to_text(&self) -> WarningText {
        WarningText {
            code: self.code(),
            message: self.message(),
            hint: self.hint(),
        }
    }
}

/// One wrong value of a configuration: where, why, what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}{}{value}: {why}\n  hint: {hint}", if .value.is_empty() { "" } else { " = " })]
pub struct Problem {
    /// Dotted path, as `--set` takes it.
    pub key: String,
    pub value: String,
    pub why: String,
    pub hint: String,
}

impl Problem {
    pub fn new(key: &str, value: impl ToString, why: &str, hint: &str) -> Self {
        Self {
            key: key.into(),
            value: value.to_string(),
            why: why.into(),
            hint: hint.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn a_problem_without_a_value_has_no_empty_place_for_it() {
        let text = |value: &str| Problem::new("clv.model", value, "model is not known", "use auto").to_string();
        assert_eq!(text(""), "clv.model: model is not known\n  hint: use auto");
        assert_eq!(text("x"), "clv.model = x: model is not known\n  hint: use auto");
    }
}
