//! The head of the page: what was read, and five numbers that a hurried reader takes away.

use super::format::{Money, capital, count, counted, escape, horizon, name, percent, sentence, times};
use super::{Report, Segment, Watch, title};

pub(super) fn header(report: &Report, money: &Money) -> String {
    let mut facts = Vec::new();
    if let (Some(first), Some(last)) = (&report.first_date, &report.last_date) {
        facts.push(format!("{} to {}", sentence(first), sentence(last)));
    }
    facts.push(counted(report.lines.kept, "line", "lines"));
    facts.push(counted(report.orders, "order", "orders"));
    facts.push(counted(report.customers, "customer", "customers"));
    facts.push(format!("{} net sales", money.short(report.net_amount)));
    let facts: String = facts.iter().map(|fact| format!("<li>{fact}</li>")).collect();
    let warnings = match report.warnings.len() as u64 {
        0 => String::new(),
        n => format!(
            "<p class=\"alert\"><a href=\"#warnings\">{} about this run</a></p>",
            counted(n, "warning", "warnings")
        ),
    };
    format!(
        "<header><div><p class=\"as-of\">As of {}</p><h1>{}</h1><ul>{facts}</ul>{warnings}</div></header>\n",
        escape(&report.as_of),
        escape(title(report)),
    )
}

struct Card {
    label: String,
    value: String,
    note: String,
    class: &'static str,
}

pub(super) fn cards(report: &Report, money: &Money) -> String {
    let cards = [
        customers(report, money),
        concentration(report),
        at_risk(report, money),
        strongest_pair(report),
        expected_value(report, money),
    ];
    let body: String = cards
        .iter()
        .map(|card| {
            format!(
                "<div class=\"card {}\"><h3>{}</h3><p class=\"value\">{}</p><p>{}</p></div>\n",
                card.class, card.label, card.value, card.note
            )
        })
        .collect();
    format!("<section id=\"headline\" class=\"cards\" aria-label=\"Headline numbers\">\n{body}</section>\n")
}

fn absent(label: &str, note: &str) -> Card {
    Card {
        label: label.to_string(),
        value: "–".to_string(),
        note: note.to_string(),
        class: "empty",
    }
}

fn customers(report: &Report, money: &Money) -> Card {
    let note = if report.customers == 0 {
        "nobody bought in this period".to_string()
    } else {
        format!(
            "{} of {} on average; {} net sales",
            counted(report.orders, "order", "orders"),
            money.short(if report.orders == 0 {
                0.0
            } else {
                report.net_amount / report.orders as f64
            }),
            money.short(report.net_amount)
        )
    };
    Card {
        label: "Customers".to_string(),
        value: count(report.customers),
        note,
        class: "",
    }
}

fn concentration(report: &Report) -> Card {
    let label = "The best 20% bring";
    let Ok(contributors) = report.contributors.get() else {
        return absent(label, "not measured in this run");
    };
    let Some(share) = contributors.top_20_share else {
        return absent(label, "net sales are not positive, so they cannot be shared out");
    };
    let mut note = counted(contributors.top_20_customers, "customer", "customers");
    if let (Some(n), Some(of_all)) = (contributors.customers_for_80, contributors.customers_for_80_share) {
        note.push_str(&format!(
            "; 80% of net sales comes from {} ({})",
            count(n),
            percent(of_all)
        ));
    }
    Card {
        label: label.to_string(),
        value: percent(share),
        note,
        class: "",
    }
}

/// Flags whose customers may be lost.
const FLAGS_AT_RISK: [&str; 2] = ["dormant_top", "slipping"];

/// Net sales of the segments that are drifting away; without such segments, of the flags that say the same.
fn at_risk(report: &Report, money: &Money) -> Card {
    let label = "Value at risk";
    let card = |amount: f64, note: String| Card {
        label: label.to_string(),
        value: money.short(amount),
        note,
        class: "risk",
    };
    let segments: Vec<&Segment> = report
        .segments
        .rows()
        .unwrap_or_default()
        .iter()
        .filter(|s| s.is_at_risk && 0 < s.customers)
        .collect();
    if let Some(largest) = largest_at_risk(report.segments.rows().unwrap_or_default()) {
        let so_far = counted(total(segments.iter().map(|s| s.customers)), "customer", "customers");
        let note = if segments.len() == 1 {
            format!("net sales so far of {so_far} in segment {}", name(&largest.name))
        } else {
            format!(
                "net sales so far of {so_far} in {} segments; the largest is {} ({}, {})",
                segments.len(),
                name(&largest.name),
                count(largest.customers),
                money.short(largest.net_amount)
            )
        };
        return card(segments.iter().map(|s| s.net_amount).sum(), note);
    }
    let flags: Vec<&Watch> = report
        .watch
        .rows()
        .unwrap_or_default()
        .iter()
        .filter(|w| FLAGS_AT_RISK.contains(&w.watch.as_str()) && 0 < w.customers)
        .collect();
    if !flags.is_empty() {
        let customers = counted(total(flags.iter().map(|w| w.customers)), "customer", "customers");
        let note = format!("net sales so far of {customers} who went quiet or buy less than before");
        return card(flags.iter().map(|w| w.net_amount).sum(), note);
    }
    if report.segments.rows().is_ok() || report.watch.get().is_ok() {
        absent(label, "no valuable customer looks like leaving")
    } else {
        absent(label, "customers were not put into segments in this run")
    }
}

fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

pub(super) fn largest_at_risk(segments: &[Segment]) -> Option<&Segment> {
    segments
        .iter()
        .filter(|s| s.is_at_risk && 0 < s.customers)
        .max_by(|a, b| a.net_amount.total_cmp(&b.net_amount).then_with(|| b.name.cmp(&a.name)))
}

fn strongest_pair(report: &Report) -> Card {
    let label = "Strongest pair";
    let Some(pair) = report.pairs.rows().unwrap_or_default().first() else {
        return absent(label, "no products that are bought together more often than chance");
    };
    Card {
        label: label.to_string(),
        value: times(pair.lift),
        note: format!(
            "as often as by chance: {} with {}, in {}",
            name(&pair.product_a),
            name(&pair.product_b),
            counted(pair.n_ab, "order", "orders")
        ),
        class: "pair",
    }
}

fn expected_value(report: &Report, money: &Money) -> Card {
    let Ok(value) = report.value.get() else {
        return absent("Expected value", "no lifetime model in this run");
    };
    let each = if report.customers == 0 {
        0.0
    } else {
        value.clv_amount / report.customers as f64
    };
    Card {
        label: capital(&horizon(value.horizon_days)),
        value: money.short(value.clv_amount),
        note: format!("expected from today's customers, {} each on average", money.short(each)),
        class: "",
    }
}
