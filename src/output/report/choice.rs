//! What predicts, why, who else competed, and what is known of the season.

use super::format::{NO_NUMBER, change, fixed, full_sentence, name, sentence, tenths, with_labels};
use super::{Report, Section, Standing, table};
use crate::output::report::format::label;

pub(super) fn section(report: &Report) -> Section {
    let (id, link, title) = ("choice", "Model", "What the prediction rests on, and why");
    let choice = match report.choice.get() {
        Ok(choice) => choice,
        Err(reason) => {
            return Section::absent(
                id,
                link,
                title,
                reason,
                "no prediction in this run, so nothing was chosen",
            );
        }
    };
    let is_rule = choice.standings.iter().any(|s| s.is_used && s.is_baseline);
    let shown = format!("<b>{}</b>", name(&label(&choice.name)));
    // Most reasons begin with the name.
    let lead = match choice.reason.strip_prefix(choice.name.as_str()) {
        Some(rest) if !choice.name.is_empty() => {
            let rest = sentence(&with_labels(rest));
            let space = if rest.starts_with([',', ':']) { "" } else { " " };
            format!("{shown}{space}{rest}.")
        }
        _ => format!(
            "{shown}{} is used. {}",
            if is_rule {
                ", a simple rule without a model,"
            } else {
                ""
            },
            full_sentence(&with_labels(&choice.reason))
        ),
    };
    let contest = if choice.standings.is_empty() {
        "<p class=\"absent\">Nobody competed on days held back in this run.</p>".to_string()
    } else {
        contest(&choice.standings)
    };
    Section {
        id,
        link,
        title: title.to_string(),
        lead,
        body: format!("{contest}{}", season(choice)),
    }
}

/// Who is used first, then by error.
fn ordered(standings: &[Standing]) -> Vec<&Standing> {
    let mut out: Vec<&Standing> = standings.iter().collect();
    let error = |s: &Standing| s.rmse.filter(|e| e.is_finite()).unwrap_or(f64::INFINITY);
    out.sort_by(|a, b| (!a.is_used).cmp(&!b.is_used).then(error(a).total_cmp(&error(b))));
    out
}

fn contest(standings: &[Standing]) -> String {
    let shown = |value: Option<f64>, write: fn(f64) -> String| value.map_or_else(|| NO_NUMBER.to_string(), write);
    let rows: Vec<Vec<String>> = ordered(standings)
        .into_iter()
        .map(|s| {
            let tag = if s.is_used { " <i class=\"tag\">used</i>" } else { "" };
            let kind = if s.is_baseline { "simple rule" } else { "model" };
            vec![
                format!("{}{tag}<small>{kind}</small>", name(&label(&s.name))),
                shown(s.bic, tenths),
                shown(s.log_score, |v| fixed(v, 4)),
                shown(s.rmse, |v| fixed(v, 3)),
                shown(s.bias, change),
                sentence(&s.verdict),
            ]
        })
        .collect();
    let head = ["Contender", "BIC", "Log score", "RMSE", "Bias", "Verdict"];
    format!(
        "{}<p class=\"note\">How to read it: the last days were held back, and every contender had to predict them from \
         the days before. Log score says how well the number of orders of each customer was foreseen, the closer to 0 \
         the better; RMSE is the typical error in orders a customer; bias is all orders expected against those that \
         came. BIC weighs the fit to the whole history against the number of parameters, the lower the better; simple \
         rules have none. <code>quintile evaluate</code> shows the same contest in full.</p>",
        table("stack words contest", &head, &rows)
    )
}

fn season(choice: &super::Choice) -> String {
    let finding = full_sentence(&choice.season);
    if finding.is_empty() {
        return String::new();
    }
    let hint = sentence(&choice.season_hint);
    let hint = if hint.is_empty() {
        hint
    } else {
        format!("<span>What to do: {hint}</span>")
    };
    let class = if choice.season_is_risk {
        "warnings"
    } else {
        "warnings calm"
    };
    format!(
        "<ul class=\"{class}\"><li><b>Season {}.</b> {finding}{hint}</li></ul>",
        sentence(&choice.season_state)
    )
}
