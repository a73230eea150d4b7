//! The texts that commands print.

use std::fmt::Write as _;

use crate::clean::{Actions, CleanReport, Rule};
use crate::config::Config;
use crate::load::Plan;
use crate::output::overview::Headline;
use crate::pipeline::Outcome;
use crate::units::sum_to_f64;

/// A whole number with separators: 12,345.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Money with separators and no fraction above 1,000.
pub fn money(amount: f64) -> String {
    let sign = if amount < 0.0 { "-" } else { "" };
    if amount.abs() >= 1_000.0 {
        format!("{sign}{}", count(amount.abs().round() as u64))
    } else {
        format!("{amount:.2}")
    }
}

fn plural(n: u64, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{} {one}s", count(n))
    }
}

/// How the input was understood: files, columns with their evidence, formats.
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    match &plan.files[..] {
        [one] => {
            let _ = writeln!(text, "reading {}", one.path().display());
        }
        files => {
            let _ = writeln!(text, "reading {} files, {} bytes", files.len(), count(plan.bytes()));
        }
    }
    let width = plan.columns.iter().map(|c| c.canonical.name().len()).max().unwrap_or(0);
    for column in &plan.columns {
        let _ = writeln!(
            text,
            "  {:width$} <- {:?}: {}",
            column.canonical.name(),
            column.header,
            column.evidence
        );
    }
    for note in plan.found_out() {
        let _ = writeln!(text, "  {note}");
    }
    text
}

/// The end of a run: the five things worth knowing, warnings, and where the results are.
pub fn outcome(outcome: &Outcome) -> String {
    let mut text = headline(&outcome.headline, &outcome.manifest.as_of);
    let manifest = &outcome.manifest;
    let rows = &manifest.rows;
    let _ = writeln!(
        text,
        "\nlines       {} read = {} kept + {} rejected (rejects.parquet says why)",
        count(rows.read),
        count(rows.kept),
        count(rows.rejected)
    );
    for warning in &manifest.warnings {
        let _ = writeln!(
            text,
            "warning     {}\n            hint: {}",
            warning.message, warning.hint
        );
    }
    let _ = writeln!(text, "\nresults     {}", outcome.place.display());
    let _ = writeln!(text, "report      {}", outcome.place.join("report.html").display());
    text
}

fn headline(headline: &Headline, as_of: &str) -> String {
    let share = |n: u64| 100.0 * n as f64 / headline.customers.max(1) as f64;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "customers   {} as of {as_of}, net sales {}",
        count(headline.customers),
        money(headline.net_amount)
    );
    let _ = writeln!(
        text,
        "top 20 %    bring {:.1} % of the money; 80 % comes from {} ({:.1} %)",
        100.0 * headline.top_20_share,
        plural(headline.customers_for_80_share, "customer"),
        share(headline.customers_for_80_share)
    );
    let at_risk = match &headline.at_risk {
        Some((name, n, net)) => format!("{name}: {} who brought {}", plural(*n, "customer"), money(*net)),
        None => "nobody is in a segment at risk".into(),
    };
    let _ = writeln!(text, "at risk     {at_risk}");
    let pair = match &headline.strongest_pair {
        Some((a, b, n, lift)) => format!("{a} + {b}: together in {}, {lift:.1} times chance", plural(*n, "order")),
        None => "no product pair stands out".into(),
    };
    let _ = writeln!(text, "best pair   {pair}");
    let clv = match headline.clv {
        Some((clv, days)) => format!(
            "{} expected from these customers in the next {days} days, discounted",
            money(clv)
        ),
        None => "unknown: no model could be fitted".into(),
    };
    let _ = writeln!(text, "value       {clv}");
    text
}

/// The quality report of `check`.
pub fn quality(report: &CleanReport, config: &Config) -> String {
    let mut text = String::new();
    let line = |text: &mut String, name: &str, rows: u64, amount: i128| {
        let _ = writeln!(text, "{name:24} {:>14} {:>20}", count(rows), money(sum_to_f64(amount)));
    };
    let _ = writeln!(text, "{:24} {:>14} {:>20}", "", "lines", "money");
    line(&mut text, "read", report.read.rows, report.read.amount);
    line(&mut text, "kept", report.kept.rows, report.kept.amount);
    line(&mut text, "rejected", report.rejected.rows, report.rejected.amount);
    if let (Some(first), Some(last)) = (report.first_day, report.last_day) {
        let _ = writeln!(text, "\nkept lines are from {first} to {last}");
    }
    let actions = Actions::check(&config.clean.rules, &mut Vec::new());
    let _ = writeln!(
        text,
        "\n{:18} {:8} {:>12} {:>12} {:>18}",
        "rule", "action", "matched", "rejected", "money matched"
    );
    for rule in Rule::ALL {
        let (matched, rejected) = (
            report.matched_by_rule[rule as usize],
            report.rejected_by_rule[rule as usize],
        );
        if matched.rows == 0 {
            continue;
        }
        let _ = writeln!(
            text,
            "{:18} {:8} {:>12} {:>12} {:>18}",
            rule.id(),
            actions.of(rule).as_str(),
            count(matched.rows),
            count(rejected.rows),
            money(sum_to_f64(matched.amount))
        );
        let examples = report.rejects.iter().filter(|reject| reject.rule == rule).take(3);
        for reject in examples {
            let example: String = reject.line.as_deref().unwrap_or_default().chars().take(90).collect();
            let _ = writeln!(text, "    row {}: {example}", reject.row);
        }
    }
    for warning in report.warnings() {
        let _ = writeln!(text, "\nwarning: {}\n  hint: {}", warning.message(), warning.hint());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(money(-1_234_567.4), "-1,234,567");
        assert_eq!(money(12.345), "12.35");
    }
}
