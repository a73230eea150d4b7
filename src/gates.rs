//! Is there enough data for each result? Every condition is stated with what was measured.
//!
//! In: the summary of the customers and the counts of baskets. Out: one [`Gate`] for each result. A gate that is not
//! met is a warning, or ends the run where that was asked for. Cost: one pass over the customers.

use serde::{Deserialize, Serialize};

use crate::diagnostics::{Problem, Warning};
use crate::summary::Summarised;

/// Section `[gates]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub action: Action,
    pub min_customers: u64,
    pub min_history_days: u64,
    pub max_days_since_order: u64,
    pub min_repeat_customers: u64,
    pub min_baskets: u64,
}

/// What happens when a gate is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Warn,
    /// End the run.
    Stop,
}

/// Checked settings; only made by [`Config::check`].
#[derive(Clone, Debug)]
pub struct Params(Config);

impl Config {
    pub fn check(&self, problems: &mut Vec<Problem>) -> Option<Params> {
        const MOST_DAYS: u64 = 36_500;
        let before = problems.len();
        for (key, days) in [
            ("gates.min_history_days", self.min_history_days),
            ("gates.max_days_since_order", self.max_days_since_order),
        ] {
            if MOST_DAYS < days {
                let why = format!("is more than {MOST_DAYS} days");
                problems.push(Problem::new(key, days, &why, "write a number of days"));
            }
        }
        (problems.len() == before).then(|| Params(self.clone()))
    }
}

/// Whether one condition holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    pub is_met: bool,
    /// `2,400 customers, at least 100 are asked for`.
    pub measured: String,
}

/// The conditions of one result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    pub result: &'static str,
    pub is_met: bool,
    pub conditions: Vec<Condition>,
}

/// A gate that was to end the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too little data for {result}: {reason}")]
pub struct Error {
    pub result: &'static str,
    pub reason: String,
}

impl Error {
    pub fn hint(&self) -> String {
        "give it a longer history, lower the condition in [gates], or only warn with --set gates.action=warn".into()
    }
}

impl Gate {
    fn of(result: &'static str, conditions: Vec<Condition>) -> Self {
        Self {
            result,
            is_met: conditions.iter().all(|condition| condition.is_met),
            conditions,
        }
    }

    /// What is missing.
    pub fn reason(&self) -> String {
        let missing = self.conditions.iter().filter(|condition| !condition.is_met);
        missing
            .map(|condition| condition.measured.as_str())
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// All gates that are not met, in one warning.
pub fn warning(gates: &[Gate]) -> Option<Warning> {
    let unmet: Vec<&Gate> = gates.iter().filter(|gate| !gate.is_met).collect();
    let mut reasons: Vec<&str> = Vec::new();
    for condition in unmet.iter().flat_map(|gate| &gate.conditions).filter(|c| !c.is_met) {
        if !reasons.contains(&condition.measured.as_str()) {
            reasons.push(&condition.measured);
        }
    }
    let results: Vec<&str> = unmet.iter().map(|gate| gate.result).collect();
    (!unmet.is_empty()).then(|| Warning::ThinData {
        results: results.join(", "),
        reason: reasons.join("; "),
    })
}

/// All gates; `has_products` is false where there can be no pairs.
pub fn run(params: &Params, summarised: &Summarised, has_products: bool) -> Vec<Gate> {
    let Params(config) = params;
    let summary = &summarised.summary;
    let at_least = |n: u64, wanted: u64, what: &str| Condition {
        is_met: wanted <= n,
        measured: format!("{n} {what}, at least {wanted} are asked for"),
    };
    let standing: Vec<usize> = (0..summary.n_customers()).filter(|&i| summary.orders[i] > 0).collect();
    let customers = at_least(standing.len() as u64, config.min_customers, "customers with an order");
    let first = standing.iter().map(|&i| summary.first_day[i]).min();
    let last = standing.iter().map(|&i| summary.last_day[i]).max();
    let (history, silence) = match (first, last) {
        (Some(first), Some(last)) => ((last - first + 1) as u64, (summary.as_of.0 - last).max(0) as u64),
        _ => (0, 0),
    };
    let history = at_least(history, config.min_history_days, "days of history");
    let fresh = Condition {
        is_met: silence <= config.max_days_since_order,
        measured: format!(
            "{silence} days from the last order to the last day that counts, at most {} are allowed",
            config.max_days_since_order
        ),
    };
    let n_repeat = standing.iter().filter(|&&i| summary.repeat_days[i] > 0).count() as u64;
    let repeat = at_least(
        n_repeat,
        config.min_repeat_customers,
        "customers who came back on another day",
    );
    let mut gates = vec![
        Gate::of("scores and segments", vec![customers.clone()]),
        Gate::of("lifetime value", vec![customers.clone(), history, fresh, repeat]),
        Gate::of("clusters", vec![customers]),
    ];
    if has_products {
        let baskets = at_least(
            summarised.n_several_baskets,
            config.min_baskets,
            "orders with two products or more",
        );
        gates.push(Gate::of("product pairs and offers", vec![baskets]));
    }
    gates
}

/// The first gate that is not met, where that is to end the run.
pub fn stop(params: &Params, gates: &[Gate]) -> Result<(), Error> {
    let unmet = gates.iter().find(|gate| !gate.is_met);
    match unmet {
        Some(gate) if params.0.action == Action::Stop => Err(Error {
            result: gate.result,
            reason: gate.reason(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Summary;
    use crate::units::Day;

    fn params(action: Action) -> Params {
        Params(Config {
            action,
            min_customers: 2,
            min_history_days: 30,
            max_days_since_order: 5,
            min_repeat_customers: 1,
            min_baskets: 1,
        })
    }

    #[test]
    fn every_gate_says_what_is_missing() {
        let summarised = Summarised {
            summary: Summary {
                ids: ["a", "b", "c"].into_iter().collect(),
                orders: vec![2, 1, 0],
                first_day: vec![0, 9, -100],
                last_day: vec![9, 9, 200],
                repeat_days: vec![1, 0, 0],
                as_of: Day(15),
                ..Summary::default()
            },
            ..Summarised::default()
        };
        let gates = run(&params(Action::Stop), &summarised, true);
        let met: Vec<(&str, bool)> = gates.iter().map(|gate| (gate.result, gate.is_met)).collect();
        assert_eq!(
            met,
            [
                ("scores and segments", true),
                ("lifetime value", false),
                ("clusters", true),
                ("product pairs and offers", false),
            ]
        );
        assert_eq!(
            gates[1].reason(),
            "10 days of history, at least 30 are asked for; 6 days from the last order to the last day that counts, at \
             most 5 are allowed"
        );
        assert_eq!(
            stop(&params(Action::Stop), &gates).unwrap_err().result,
            "lifetime value"
        );
        assert_eq!(stop(&params(Action::Warn), &gates), Ok(()));
        assert_eq!(run(&params(Action::Warn), &summarised, false).len(), 3);
    }
}
