//! The texts that commands print.

use std::fmt::Write as _;

use crate::load::Plan;
use crate::output::overview::Headline;
use crate::pipeline::Outcome;
use crate::quality::Quality;

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

/// A text that may hold what a file holds, without what would move the cursor or change colours.
pub fn printable(text: &str) -> String {
    let replace = |c: char| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c };
    text.chars().map(replace).collect()
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
    printable(&text)
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

/// The quality report of `check`, for people.
pub fn quality(quality: &Quality) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:18} {:>14} {:>20}", "", "lines", "money");
    let (rows, amounts) = (&quality.rows, &quality.amounts);
    for (name, rows, amount) in [
        ("read", rows.read, amounts.read),
        ("kept", rows.kept, amounts.kept),
        ("rejected", rows.rejected, amounts.rejected),
    ] {
        let _ = writeln!(text, "{name:18} {:>14} {:>20}", count(rows), money(amount));
    }
    if quality.customers > 0 {
        let _ = writeln!(
            text,
            "\n{} of whom {} came back on another day, {}, {}",
            plural(quality.customers, "customer"),
            count(quality.repeat_customers),
            plural(quality.orders, "order"),
            plural(quality.products, "product"),
        );
    }
    rules(&mut text, quality);
    columns(&mut text, quality);
    dates(&mut text, quality);
    if let [_, _, ..] = &quality.currencies[..] {
        let list = quality
            .currencies
            .iter()
            .map(|c| format!("{} {}", c.currency, count(c.rows)));
        let _ = writeln!(text, "currencies    {}", list.collect::<Vec<_>>().join(", "));
    }
    if !quality.gates.is_empty() {
        let _ = writeln!(text, "\nenough data for");
    }
    for gate in &quality.gates {
        let (mark, why) = if gate.is_met {
            ("yes", String::new())
        } else {
            ("no", format!(": {}", gate.reason()))
        };
        let _ = writeln!(text, "  {mark:3} {}{why}", gate.result);
    }
    for warning in &quality.warnings {
        let _ = writeln!(text, "\nwarning: {}\n  hint: {}", warning.message, warning.hint);
    }
    printable(&text)
}

fn rules(text: &mut String, quality: &Quality) {
    let _ = writeln!(
        text,
        "\n{:18} {:6} {:>12} {:>12} {:>16}",
        "rule", "action", "matched", "rejected", "money matched"
    );
    for rule in &quality.rules {
        let _ = writeln!(
            text,
            "{:18} {:6} {:>12} {:>12} {:>16}",
            rule.rule.id(),
            rule.action,
            count(rule.matched_rows),
            count(rule.rejected_rows),
            money(rule.matched_amount)
        );
        for example in &rule.examples {
            let line: String = example.line.chars().take(90).collect();
            let file = if quality.inputs.len() > 1 {
                format!("{}, ", example.file)
            } else {
                String::new()
            };
            let _ = writeln!(text, "    {file}row {}: {line}", example.row);
        }
    }
    if quality.rules.is_empty() {
        let _ = writeln!(text, "no rule matched a line");
    }
}

fn columns(text: &mut String, quality: &Quality) {
    const WIDTH: usize = 24;
    let _ = writeln!(
        text,
        "\n{:13} {:>12} {:>10} {:>12}  {:WIDTH$} largest",
        "column", "empty", "unreadable", "distinct", "smallest"
    );
    for column in &quality.columns {
        let profile = &column.profile;
        let short = |value: &Option<String>| {
            let value = value.as_deref().unwrap_or("-");
            if value.chars().count() > WIDTH {
                value.chars().take(WIDTH - 1).chain(['…']).collect()
            } else {
                value.to_owned()
            }
        };
        let more = if profile.distinct_is_lower_bound { "+" } else { "" };
        let _ = writeln!(
            text,
            "{:13} {:>12} {:>10} {:>12}  {:WIDTH$} {}",
            profile.column.name(),
            count(profile.nulls),
            count(profile.unreadable),
            format!("{}{more}", count(profile.distinct)),
            short(&profile.min),
            short(&profile.max)
        );
    }
}

fn dates(text: &mut String, quality: &Quality) {
    let Some(dates) = &quality.dates else { return };
    let _ = writeln!(
        text,
        "\ndates         {} to {}: {} days, {} of them with lines",
        dates.first,
        dates.last,
        count(dates.days),
        count(dates.days_with_lines)
    );
    if !dates.gaps.is_empty() {
        let gaps = dates.gaps.iter().map(|gap| {
            if gap.days == 1 {
                gap.from.clone()
            } else {
                format!("{} to {} ({} days)", gap.from, gap.to, gap.days)
            }
        });
        let _ = writeln!(text, "longest gaps  {}", gaps.collect::<Vec<_>>().join(", "));
    }
    for (name, found) in [
        ("duplicates", &quality.duplicates),
        ("returns without a sale", &quality.unmatched_returns),
    ] {
        if found.rows > 0 {
            let _ = writeln!(
                text,
                "{name:13} {}, {}",
                plural(found.rows, "line"),
                money(found.amount)
            );
        }
    }
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
