//! What was read, what was dropped and why, what to be careful about.

use super::charts::bar;
use super::format::{Money, count, counted, escape, full_sentence, name, percent, sentence, words};
use super::{Report, Section, share_of, table};

const MAX_INPUTS: usize = 20;
const MAX_WARNINGS: usize = 50;

pub(super) fn cleaning(report: &Report, money: &Money) -> Section {
    let (id, link, title) = ("quality", "Data quality", "Data quality: what was dropped");
    let lines = report.lines;
    if lines.read == 0 {
        return Section::absent(id, link, title, "", "no lines were read");
    }
    let share = |n: u64| n as f64 / lines.read as f64;
    let rejected = share(lines.rejected);
    let advice = if lines.rejected == 0 {
        "Nothing was rejected."
    } else if rejected < 0.02 {
        "That is little: the totals can be trusted."
    } else if rejected < 0.1 {
        "Look at the largest rule below before quoting totals; <code>rejects.parquet</code> holds every line."
    } else {
        "That is a lot: read <code>rejects.parquet</code>, and check the column mapping and the rules before using \
         the results."
    };
    let mut lead = format!(
        "Of {} read, {} ({}) were kept and {} ({}) rejected",
        counted(lines.read, "line", "lines"),
        count(lines.kept),
        percent(share(lines.kept)),
        count(lines.rejected),
        percent(rejected),
    );
    let dropped = lines.read.saturating_sub(lines.kept).saturating_sub(lines.rejected);
    if 0 < dropped {
        lead.push_str(&format!("; {} dropped as exact duplicates", count(dropped)));
    }
    lead.push_str(&format!(". {advice}"));

    let mut body = format!(
        "<div class=\"kept\">{}<p><span>{} kept</span><span>{} rejected</span></p></div>",
        bar(share(lines.kept), "kept-bar"),
        percent(share(lines.kept)),
        percent(rejected)
    );
    if report.cleaning.is_empty() {
        body.push_str("<p class=\"note\">No cleaning rule had anything to do.</p>");
    } else {
        let top_amount = report
            .cleaning
            .iter()
            .map(|rule| rule.amount.abs())
            .filter(|a| a.is_finite())
            .fold(0.0, f64::max);
        let rows: Vec<Vec<String>> = report
            .cleaning
            .iter()
            .map(|rule| {
                vec![
                    words(&rule.rule),
                    name(&rule.action),
                    format!("{} <small>{}</small>", count(rule.rows), percent(share(rule.rows))),
                    money.in_column(rule.amount, top_amount),
                ]
            })
            .collect();
        body.push_str(&table(
            "stack rules",
            &["Rule", "Action", "Lines", "Money in them"],
            &rows,
        ));
    }
    body.push_str(&money_flow(report, money));
    body.push_str(&inputs(report));
    Section {
        id,
        link,
        title: title.to_string(),
        lead,
        body,
    }
}

fn money_flow(report: &Report, money: &Money) -> String {
    let returned = share_of(report.returned_amount, report.gross_amount)
        .map_or_else(String::new, |share| format!(" ({} of it)", percent(share)));
    format!(
        "<p class=\"note\">Gross sales {}, returned {}{returned}, net sales {}. Returns are taken off the customer who \
         bought; all shares on this page are of net sales.</p>",
        money.full(report.gross_amount),
        money.full(report.returned_amount),
        money.full(report.net_amount)
    )
}

fn inputs(report: &Report) -> String {
    if report.inputs.is_empty() {
        return String::new();
    }
    let mut out = String::from("<p class=\"note\">Read from: ");
    for (position, input) in report.inputs.iter().take(MAX_INPUTS).enumerate() {
        let comma = if position == 0 { "" } else { "; " };
        out.push_str(&format!(
            "{comma}<code>{}</code> ({})",
            name(&input.path),
            counted(input.rows, "line", "lines")
        ));
    }
    if let Some(more) = report.inputs.len().checked_sub(MAX_INPUTS).filter(|n| 0 < *n) {
        out.push_str(&format!("; and {}", counted(more as u64, "more file", "more files")));
    }
    out.push_str(".</p>");
    out
}

pub(super) fn warnings(report: &Report) -> Section {
    let (id, link, title) = ("warnings", "Warnings", "Warnings");
    if report.warnings.is_empty() {
        return Section::absent(id, link, title, "", "none: this run had nothing to complain about");
    }
    let mut body = String::from("<ul class=\"warnings\">");
    for warning in report.warnings.iter().take(MAX_WARNINGS) {
        body.push_str(&format!("<li><b>{}</b>", full_sentence(&warning.message)));
        if !warning.hint.trim().is_empty() {
            body.push_str(&format!(" <span>What to do: {}</span>", sentence(&warning.hint)));
        }
        body.push_str("</li>");
    }
    body.push_str("</ul>");
    if let Some(more) = report.warnings.len().checked_sub(MAX_WARNINGS).filter(|n| 0 < *n) {
        body.push_str(&format!(
            "<p class=\"note\">And {}: see <code>manifest.json</code>.</p>",
            count(more as u64)
        ));
    }
    let lead = "The results stand, with these reservations.".to_string();
    Section {
        id,
        link,
        title: title.to_string(),
        lead,
        body,
    }
}

pub(super) fn footer(report: &Report) -> String {
    format!(
        "<footer><p>quintile {} · configuration {} · as of {}. The same input, configuration and seed give the same \
         page. This file is complete: it loads nothing and runs no script.</p></footer>\n",
        escape(&report.version),
        escape(report.config_hash.get(..12).unwrap_or(&report.config_hash)),
        escape(&report.as_of)
    )
}
