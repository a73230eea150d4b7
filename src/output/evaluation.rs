//! `evaluation.html`: how well every model and every honest baseline would have predicted days that have passed.
//!
//! In: [`Evaluation`], plain numbers, and [`Facts`] about the run. Out: one HTML page in the look of the report, the
//! same bytes for the same input; the Parquet tables of the same numbers are in [`tables`]. Cost: linear in the points
//! given; a page is 100 to 300 kB.
//!
//! The page holds no script and loads nothing. Whatever is missing is a sentence that says why. A number that is not
//! finite is a dash.
//!
//! # Who predicted best
//! The contender with the least root mean square error of orders per customer ([`best`]). Squared error is least for
//! the true expectation, and every contender has it; absolute error is least for the median, which is 0 for most
//! customers, and so flatters whoever predicts little.

mod contenders;
mod curves;
mod maps;
mod plots;
pub mod tables;
#[cfg(test)]
mod tests;

use super::report::Section;
use super::report::format::{capital, count, counted, escape, full_sentence, label, name, sentence};
use crate::clv::evaluation::{Evaluation, Kind, ModelScore};
use crate::clv::model::Setting;
use crate::units::Day;

/// Notes shown; more than that nobody reads.
const MAX_NOTES: usize = 20;

/// What the page says beside the numbers. Texts are shown as text, whatever they hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Empty for the page's own.
    pub title: String,
    /// Names of the input files.
    pub inputs: Vec<String>,
    pub as_of: String,
    pub version: String,
    pub config_hash: String,
    /// `£` or `GBP`; without it amounts have no unit.
    pub currency: Option<String>,
    /// Name of the contender that predictions rest on; it stands in the foreground of every chart. Without it, the
    /// best one does.
    pub chosen: Option<String>,
    /// Why, in one sentence.
    pub reason: String,
    /// Warnings and what there is to say about the season, a sentence each.
    pub notes: Vec<String>,
}

/// The contender with the least root mean square error of orders; of equals, to seven digits, the one with the smaller
/// bias, then the first. `None` if nobody predicted.
pub fn best(evaluation: &Evaluation) -> Option<&ModelScore> {
    ranked(evaluation).first().copied()
}

/// All contenders with predictions, best first.
fn ranked(evaluation: &Evaluation) -> Vec<&ModelScore> {
    let bias = |score: &ModelScore| score.orders.bias.map_or(f64::INFINITY, f64::abs);
    let mut out: Vec<&ModelScore> = evaluation.models.iter().filter(|m| rmse(m).is_some()).collect();
    // A model that contains another, at that other, differs from it by rounding alone.
    let coarse = |x: f64| x as f32;
    out.sort_by(|a, b| {
        let key = |m: &ModelScore| coarse(rmse(m).unwrap_or(f64::INFINITY));
        key(a)
            .total_cmp(&key(b))
            .then(coarse(bias(a)).total_cmp(&coarse(bias(b))))
    });
    out
}

fn rmse(score: &ModelScore) -> Option<f64> {
    score.orders.rmse.filter(|e| e.is_finite())
}

/// The label as text for attributes and for charts, where no element may stand.
fn plain(name_of_contender: &str) -> String {
    sentence(&label(name_of_contender))
}

/// The label as HTML.
fn shown(name_of_contender: &str) -> String {
    name(&label(name_of_contender))
}

/// What is looked at throughout the page.
struct View<'a> {
    facts: &'a Facts,
    evaluation: &'a Evaluation,
    best: Option<&'a ModelScore>,
    /// The chosen contender, else the best.
    focus: Option<&'a ModelScore>,
}

impl<'a> View<'a> {
    fn new(facts: &'a Facts, evaluation: &'a Evaluation) -> Self {
        let best = best(evaluation);
        let chosen = facts.chosen.as_deref();
        let chosen = evaluation.models.iter().find(|m| Some(m.name.as_str()) == chosen);
        Self {
            facts,
            evaluation,
            best,
            focus: chosen.filter(|m| rmse(m).is_some()).or(best),
        }
    }

    fn is_chosen(&self, score: &ModelScore) -> bool {
        self.facts.chosen.as_deref() == Some(score.name.as_str())
    }

    fn is_best(&self, score: &ModelScore) -> bool {
        self.best.is_some_and(|best| std::ptr::eq(best, score))
    }

    /// The one of `names` to draw in the foreground: the focus, or else the best of them.
    fn foreground(&self, names: &[&str]) -> Option<usize> {
        let place = |score: &ModelScore| names.iter().position(|n| *n == score.name);
        self.focus
            .and_then(place)
            .or_else(|| ranked(self.evaluation).into_iter().find_map(place))
            .or((!names.is_empty()).then_some(0))
    }

    fn cut(&self) -> String {
        Day(self.evaluation.cut_day).to_string()
    }

    fn days_after(&self) -> String {
        format!(
            "the {} after",
            counted(u64::from(self.evaluation.holdout_days), "day", "days")
        )
    }

    /// What is counted.
    fn orders(&self) -> (&'static str, &'static str) {
        match self.evaluation.setting {
            Setting::Noncontractual | Setting::Discrete => ("order", "orders"),
            Setting::Contractual => ("renewal", "renewals"),
        }
    }

    /// Unit of x, t_x and T.
    fn time_unit(&self) -> (&'static str, &'static str) {
        match self.evaluation.setting {
            Setting::Noncontractual => ("day", "days"),
            Setting::Discrete => ("opportunity", "opportunities"),
            Setting::Contractual => ("period", "periods"),
        }
    }
}

/// The page.
pub fn page(facts: &Facts, evaluation: &Evaluation) -> String {
    let view = View::new(facts, evaluation);
    let sections = [
        contenders::section(&view),
        curves::cumulative(&view),
        curves::weekly(&view),
        curves::by_frequency(&view),
        maps::section(&view),
        curves::spend(&view),
        notes(&view),
    ];
    let links: String = sections
        .iter()
        .map(|section| format!("<a href=\"#{}\">{}</a>", section.id, section.link))
        .collect();
    let bodies: String = sections.iter().map(Section::html).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"quintile {}\">\n<title>{} – {}</title>\n<style>\n{}{}</style>\n</head>\n\
         <body>\n{}<main>\n{}<nav aria-label=\"Sections\">{links}</nav>\n{bodies}</main>\n{}</body>\n</html>\n",
        escape(&facts.version),
        escape(title(facts)),
        escape(&facts.as_of),
        include_str!("report/style.css"),
        include_str!("evaluation/style.css"),
        header(&view),
        contenders::cards(&view),
        footer(facts),
    )
}

fn title(facts: &Facts) -> &str {
    match facts.title.trim() {
        "" => "Evaluation of the predictions",
        title => title,
    }
}

/// The last part of a path; the page goes to people who do not know the machine.
fn file(path: &str) -> &str {
    let last = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next();
    last.filter(|last| !last.is_empty()).unwrap_or(path)
}

fn header(view: &View) -> String {
    let (facts, e) = (view.facts, view.evaluation);
    let (one, many) = view.orders();
    let inputs = match &facts.inputs[..] {
        [] => None,
        [input] => Some(name(file(input))),
        [first, others @ ..] => Some(format!(
            "{} and {}",
            name(file(first)),
            counted(others.len() as u64, "other file", "other files")
        )),
    };
    let sampled = if e.n_customers < e.of_customers {
        format!("{} of ", count(e.n_customers))
    } else {
        String::new()
    };
    let by_cut = format!(
        "{sampled}{} by {}",
        counted(e.of_customers, "customer", "customers"),
        view.cut()
    );
    let after = format!("{} in {}", counted(e.actual_orders, one, many), view.days_after());
    let items: String = inputs
        .into_iter()
        .chain([by_cut, after])
        .map(|item| format!("<li>{item}</li>"))
        .collect();
    let alert = match told(facts).len() as u64 {
        0 => String::new(),
        n => format!(
            "<p class=\"alert\"><a href=\"#notes\">{} about this evaluation</a></p>",
            counted(n, "note", "notes")
        ),
    };
    format!(
        "<header><div><p class=\"as-of\">As of {}</p><h1>{}</h1><ul>{items}</ul>{alert}</div></header>\n",
        sentence(&facts.as_of),
        sentence(title(facts)),
    )
}

/// The notes without those that another one repeats and continues.
fn told(facts: &Facts) -> Vec<&str> {
    let notes = &facts.notes;
    let is_repeated = |i: usize, note: &String| {
        let mut others = notes.iter().enumerate().filter(|(j, _)| *j != i);
        others.any(|(j, other)| other.starts_with(note.as_str()) && (note.len() < other.len() || j < i))
    };
    let told = notes.iter().enumerate().filter(|(i, note)| !is_repeated(*i, note));
    told.map(|(_, note)| note.as_str()).collect()
}

fn notes(view: &View) -> Section {
    let (id, link, title) = ("notes", "Notes", "What to keep in mind");
    let notes = told(view.facts);
    if notes.is_empty() {
        return Section::absent(id, link, title, "", "nothing special: no warning in this evaluation");
    }
    let items: String = notes
        .iter()
        .take(MAX_NOTES)
        .map(|note| format!("<li>{}</li>", full_sentence(note)))
        .collect();
    let more = match notes.len().saturating_sub(MAX_NOTES) as u64 {
        0 => String::new(),
        n => format!("<p class=\"note\">And {} more.</p>", count(n)),
    };
    Section {
        id,
        link,
        title: title.to_string(),
        lead: String::new(),
        body: format!("<ul class=\"warnings\">{items}</ul>{more}"),
    }
}

fn footer(facts: &Facts) -> String {
    format!(
        "<footer><p>quintile {} · configuration {} · as of {}. The same input and configuration give the same page. \
         This file is complete: it loads nothing and runs no script.</p></footer>\n",
        escape(&facts.version),
        escape(facts.config_hash.get(..12).unwrap_or(&facts.config_hash)),
        escape(&facts.as_of)
    )
}

/// Sentences about the baselines among the contenders: what each predicts.
fn baselines(evaluation: &Evaluation) -> Vec<String> {
    evaluation
        .models
        .iter()
        .filter(|m| m.kind == Kind::Baseline)
        .filter_map(|m| Some(format!("{} {}", shown(&m.name), what_baseline_does(evaluation, m)?)))
        .collect()
}

fn what_baseline_does(evaluation: &Evaluation, score: &ModelScore) -> Option<String> {
    let days = counted(u64::from(evaluation.holdout_days), "day", "days");
    let sentence = match score.name.as_str() {
        "last_period" => format!("repeats what the customer did in the last {days} before the cut"),
        "rate" => "goes on at repeat purchases over time since the first one, x/T".to_string(),
        "hiatus" => match score.longest_silence_days.filter(|d| d.is_finite() && 0.0 <= *d) {
            Some(d) => format!(
                "goes on at x/T, and gives up customers silent for more than {}",
                counted(d as u64, "day", "days")
            ),
            None => "goes on at x/T, and gives up customers silent for too long".to_string(),
        },
        "pooled_rate" => "lets every customer order at the mean rate of all".to_string(),
        "pooled_renewal" => "lets every customer renew with the mean probability of all".to_string(),
        _ => return None,
    };
    Some(sentence)
}

/// `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// A sentence of HTML fragments with a capital letter; fragments that begin with a tag are left as they are.
fn opened(fragment: &str) -> String {
    if fragment.starts_with('<') {
        fragment.to_string()
    } else {
        capital(fragment)
    }
}
