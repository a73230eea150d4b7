//! Who predicted best: the headline in words, five cards, and the table of all contenders.

use super::{View, baselines, list, opened, ranked, rmse, shown};
use crate::clv::evaluation::{Errors, Kind, ModelScore};
use crate::clv::model::FitStatus;
use crate::output::report::Section;
use crate::output::report::format::{
    Money, NO_NUMBER, change, count, counted, escape, fixed, full_sentence, label, percent, tenths, with_labels,
};

/// Errors that differ by less than this share are called level.
const LEVEL: f64 = 0.005;

pub(super) fn section(view: &View) -> Section {
    let (id, link, title) = ("contenders", "Contenders", "Which prediction was best");
    if view.evaluation.models.is_empty() {
        return Section::absent(
            id,
            link,
            title,
            "",
            "no contender was tried, so there is nothing to compare",
        );
    }
    Section {
        id,
        link,
        title: title.to_string(),
        lead: lead(view),
        body: format!("{}{}", table(view), reading(view)),
    }
}

/// The headline in words: who was best and by how much, what would have been expected, what is used and why.
fn lead(view: &View) -> String {
    let mut sentences = vec![verdict(view)];
    if let Some(focus) = view.focus {
        sentences.extend(would_have(view, focus));
    }
    if let Some(chosen) = view.facts.chosen.as_deref() {
        let reason = full_sentence(&with_labels(&view.facts.reason));
        let is_best = view.best.is_some_and(|best| best.name == chosen);
        let used = shown(chosen);
        sentences.push(match (is_best, reason.is_empty()) {
            (_, false) => format!("Why <b>{used}</b> is used: {reason}"),
            (true, true) => format!("<b>{used}</b> is used."),
            (false, true) => format!("<b>{used}</b> is used, although it was not the best here."),
        });
    }
    format!("{}</p><p class=\"lead\">{}", sentences[0], sentences[1..].join(" "))
        .trim_end_matches("</p><p class=\"lead\">")
        .to_string()
}

/// How far `error` lies above the error of the best, in words.
fn behind(best: f64, error: f64) -> String {
    let less = 1.0 - best / error;
    if less.is_finite() && LEVEL <= less {
        format!("{} less than", percent(less))
    } else {
        "practically level with".to_string()
    }
}

fn verdict(view: &View) -> String {
    let order = ranked(view.evaluation);
    let (_, many) = view.orders();
    let Some((best, others)) = order.split_first() else {
        return "No contender could predict, so there is no winner: the table says why.".to_string();
    };
    let best_error = rmse(best).unwrap_or_default();
    let what = match best.kind {
        Kind::Model => "predicted best",
        Kind::Baseline => "predicted best, a baseline without any model",
    };
    let mut text = format!(
        "<b>{}</b> {what}: its root mean square error was {} {many} a customer",
        shown(&best.name),
        fixed(best_error, 3),
    );
    let mut rivals = Vec::new();
    if let Some(next) = others.first() {
        rivals.push(rival(best_error, next, ""));
        if let Some(other) = others.iter().find(|m| m.kind != next.kind && m.kind != best.kind) {
            let what = match other.kind {
                Kind::Model => "the best model, ",
                Kind::Baseline => "the best baseline, ",
            };
            rivals.push(rival(best_error, other, what));
        }
    }
    if !rivals.is_empty() {
        text.push_str(&format!(", {}", list(&rivals)));
    }
    text.push_str(". ");
    text.push_str(&bias_sentence(view, best));
    text
}

fn rival(best_error: f64, other: &ModelScore, what: &str) -> String {
    let error = rmse(other).unwrap_or_default();
    format!(
        "{} {what}{} ({})",
        behind(best_error, error),
        shown(&other.name),
        fixed(error, 3)
    )
}

fn bias_sentence(view: &View, best: &ModelScore) -> String {
    let (_, many) = view.orders();
    match best.orders.bias.filter(|b| b.is_finite()) {
        Some(bias) => format!("Its total of {many} was {}.", off(bias)),
        None if view.evaluation.actual_orders == 0 => {
            format!("Nobody came back in the holdout, so there is no bias in per cent of {many}.")
        }
        None => String::new(),
    }
}

/// A bias in words.
fn off(bias: f64) -> String {
    if bias.abs() < 0.0005 {
        "right".to_string()
    } else if bias < 0.0 {
        format!("{} too low", percent(-bias))
    } else {
        format!("{} too high", percent(bias))
    }
}

/// What somebody who had used it at the cut would have expected, and what came.
fn would_have(view: &View, focus: &ModelScore) -> Vec<String> {
    let e = view.evaluation;
    let money = Money::new(view.facts.currency.as_deref());
    let (one, many) = view.orders();
    let mut out = Vec::new();
    if let Some(predicted) = focus.orders.predicted.filter(|p| p.is_finite()) {
        let bias = focus.orders.bias.filter(|b| b.is_finite());
        let bias = bias.map_or_else(String::new, |b| format!(" ({})", change(b)));
        out.push(format!(
            "If you had used <b>{}</b> on {}, you would have expected <b>{} {}</b> in {}; <b>{}</b> came{bias}.",
            shown(&focus.name),
            view.cut(),
            fixed(predicted, usize::from(predicted < 9.95)),
            if (0.95..1.05).contains(&predicted) { one } else { many },
            view.days_after(),
            count(e.actual_orders),
        ));
    }
    if let Some(predicted) = focus.amount.predicted.filter(|p| p.is_finite()) {
        let bias = focus.amount.bias.filter(|b| b.is_finite());
        let bias = bias.map_or_else(String::new, |b| format!(" ({})", change(b)));
        out.push(format!(
            "You would have expected {} from them; {} came{bias}.",
            money.short(predicted),
            money.short(e.actual_amount)
        ));
    }
    out
}

struct Card {
    label: String,
    value: String,
    note: String,
    class: &'static str,
}

impl Card {
    fn new(label: impl Into<String>, value: Option<String>, note: impl Into<String>, class: &'static str) -> Self {
        let class = if value.is_some() { class } else { "empty" };
        Self {
            label: label.into(),
            value: value.unwrap_or_else(|| NO_NUMBER.to_string()),
            note: note.into(),
            class,
        }
    }
}

pub(super) fn cards(view: &View) -> String {
    let focus = view.focus;
    let of_focus = focus.map_or_else(String::new, |f| format!(" by {}", shown(&f.name)));
    let cards = [
        best_card(view),
        total_card(view, &of_focus),
        revenue_card(view, &of_focus),
        Card::new(
            "The top fifth brought",
            focus.and_then(|f| f.top_fifth_share).filter(finite).map(percent),
            match focus.and_then(|f| f.top_fifth_share).filter(finite) {
                Some(_) => format!("of the revenue: the 20% of customers ranked first{of_focus}"),
                None => "no positive revenue in the holdout, or nothing to rank by".to_string(),
            },
            "",
        ),
        coverage_card(view, &of_focus),
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

fn finite(x: &f64) -> bool {
    x.is_finite()
}

fn best_card(view: &View) -> Card {
    let label = "Best prediction";
    let order = ranked(view.evaluation);
    let Some((best, others)) = order.split_first() else {
        return Card::new(label, None, "no contender could predict", "");
    };
    let best_error = rmse(best).unwrap_or_default();
    let rival_kind = match best.kind {
        Kind::Model => (Kind::Baseline, "best baseline"),
        Kind::Baseline => (Kind::Model, "best model"),
    };
    let note = match others.iter().find(|m| m.kind == rival_kind.0) {
        Some(other) => format!(
            "error {}, {} the {}, {}",
            fixed(best_error, 3),
            behind(best_error, rmse(other).unwrap_or_default()),
            rival_kind.1,
            shown(&other.name)
        ),
        None => format!("error {} {} a customer", fixed(best_error, 3), view.orders().1),
    };
    Card::new(label, Some(shown(&best.name)), note, "pair")
}

fn total_card(view: &View, of_focus: &str) -> Card {
    let (_, many) = view.orders();
    let actual = count(view.evaluation.actual_orders);
    let orders = view.focus.map(|f| f.orders).unwrap_or_default();
    let note = match orders.predicted.filter(finite) {
        Some(predicted) => format!("{} expected{of_focus}, {actual} came", fixed(predicted, 0)),
        None => format!("{actual} came, none was predicted"),
    };
    Card::new(
        format!("Total of {many}"),
        orders.bias.filter(finite).map(change),
        note,
        risk(orders),
    )
}

/// A total that is off by a tenth is worth the colour of a warning.
fn risk(errors: Errors) -> &'static str {
    if errors.bias.is_some_and(|b| 0.1 <= b.abs()) {
        "risk"
    } else {
        ""
    }
}

fn revenue_card(view: &View, of_focus: &str) -> Card {
    let money = Money::new(view.facts.currency.as_deref());
    let amount = view.focus.map(|f| f.amount).unwrap_or_default();
    let actual = money.short(view.evaluation.actual_amount);
    let note = match amount.predicted.filter(finite) {
        Some(predicted) => format!("{} expected{of_focus}, {actual} came", money.short(predicted)),
        None => "no positive amounts to predict from".to_string(),
    };
    Card::new(
        "Total of revenue",
        amount.bias.filter(finite).map(change),
        note,
        risk(amount),
    )
}

fn coverage_card(view: &View, of_focus: &str) -> Card {
    let label = "Interval held";
    match view.focus.and_then(|f| f.coverage) {
        Some(coverage) => Card::new(
            label,
            Some(percent(coverage.orders)),
            format!(
                "of customers had as many {} as the interval{of_focus} said; it promises at least {}",
                view.orders().1,
                promise(coverage.nominal)
            ),
            if coverage.orders + 0.02 < coverage.nominal {
                "risk"
            } else {
                ""
            },
        ),
        None => Card::new(label, None, "a baseline gives no interval", ""),
    }
}

/// A share that is a round number of per cent as one: `90%`.
fn promise(share: f64) -> String {
    percent(share).replace(".0%", "%")
}

/// A column of numbers: what it is called, how a number is shown, and how good it is (least is best).
struct Column {
    heading: &'static str,
    label: &'static str,
    value: fn(&ModelScore) -> Option<f64>,
    text: fn(f64) -> String,
    /// Smaller is better; `None` for a column without a best.
    badness: Option<fn(f64, &ModelScore) -> f64>,
}

const COLUMNS: [Column; 11] = [
    Column {
        heading: "log-<wbr>likelihood",
        label: "log-likelihood, calibration",
        value: |m| m.log_likelihood,
        text: tenths,
        badness: Some(|v, _| -v),
    },
    Column {
        heading: "BIC",
        label: "BIC, calibration",
        value: |m| m.bic,
        text: tenths,
        badness: Some(|v, _| v),
    },
    Column {
        heading: "log score",
        label: "log score, holdout",
        value: |m| m.log_score,
        text: tenths,
        badness: Some(|v, _| -v),
    },
    Column {
        heading: "MAE",
        label: "mean absolute error",
        value: |m| m.orders.mae,
        text: |v| fixed(v, 3),
        badness: Some(|v, _| v),
    },
    Column {
        heading: "RMSE",
        label: "root mean square error",
        value: |m| m.orders.rmse,
        text: |v| fixed(v, 3),
        badness: Some(|v, _| v),
    },
    Column {
        heading: "bias",
        label: "bias of total",
        value: |m| m.orders.bias,
        text: change,
        badness: Some(|v, _| v.abs()),
    },
    Column {
        heading: "bias",
        label: "bias of revenue",
        value: |m| m.amount.bias,
        text: change,
        badness: Some(|v, _| v.abs()),
    },
    Column {
        heading: "in top fifth",
        label: "revenue in predicted top fifth",
        value: |m| m.top_fifth_share,
        text: percent,
        badness: Some(|v, _| -v),
    },
    Column {
        heading: "count",
        label: "interval held, count",
        value: |m| m.coverage.map(|c| c.orders),
        text: percent,
        badness: None,
    },
    Column {
        heading: "random&shy;ised",
        label: "interval held, randomised",
        value: |m| m.coverage.map(|c| c.orders_randomised),
        text: percent,
        badness: Some(|v, m| m.coverage.map_or(f64::INFINITY, |c| (v - c.nominal).abs())),
    },
    Column {
        heading: "revenue",
        label: "interval held, revenue",
        value: |m| m.coverage.and_then(|c| c.amount),
        text: percent,
        badness: Some(|v, m| m.coverage.map_or(f64::INFINITY, |c| (v - c.nominal).abs())),
    },
];

fn table(view: &View) -> String {
    let models = &view.evaluation.models;
    let (_, many) = view.orders();
    let nominal = models.iter().find_map(|m| m.coverage).map(|c| c.nominal);
    let promised = nominal.map_or_else(String::new, |n| format!(", {} promised", promise(n)));
    let groups = [
        (2, "Fit up to the cut".to_string()),
        (4, format!("{} in the holdout", opened(many))),
        (2, "Revenue".to_string()),
        (3, format!("Interval{promised}")),
    ];
    let mut out = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of contenders\">\
         <table class=\"stack contenders\"><thead><tr><td></td>",
    );
    for (span, text) in groups {
        out.push_str(&format!(
            "<th scope=\"colgroup\" colspan=\"{span}\" class=\"group\">{text}</th>"
        ));
    }
    out.push_str("</tr><tr><th scope=\"col\">Contender</th>");
    for column in &COLUMNS {
        out.push_str(&format!("<th scope=\"col\">{}</th>", column.heading));
    }
    out.push_str("</tr></thead><tbody>");
    let bests: Vec<Option<f64>> = COLUMNS
        .iter()
        .map(|column| {
            let badness = column.badness?;
            let all = models.iter().filter_map(|m| Some(badness((column.value)(m)?, m)));
            let mut all: Vec<f64> = all.filter(finite).collect();
            all.sort_by(f64::total_cmp);
            // Alone there is nothing to be best of.
            (1 < all.len()).then(|| all[0])
        })
        .collect();
    for score in models {
        out.push_str(&row(view, score, &bests));
    }
    out.push_str("</tbody></table></div>");
    out
}

fn row(view: &View, score: &ModelScore, bests: &[Option<f64>]) -> String {
    let class = if view.is_best(score) { " class=\"winner\"" } else { "" };
    let mut tags = String::new();
    if view.is_best(score) {
        tags.push_str(" <i class=\"tag good\">best</i>");
    }
    if view.is_chosen(score) {
        tags.push_str(" <i class=\"tag\">used</i>");
    }
    let mut out = format!(
        "<tr{class}><th scope=\"row\">{}{tags}<small>{}</small></th>",
        shown(&score.name),
        kind(score)
    );
    for (column, best) in COLUMNS.iter().zip(bests) {
        let value = (column.value)(score).filter(finite);
        let text = value.map_or_else(|| NO_NUMBER.to_string(), column.text);
        let badness = value.and_then(|v| Some((column.badness?)(v, score)));
        let text = if badness.is_some() && badness == *best {
            format!("<b>{text}</b>")
        } else {
            text
        };
        let class = if value.is_none() { " class=\"no\"" } else { "" };
        out.push_str(&format!("<td{class} data-label=\"{}\">{text}</td>", column.label));
    }
    out.push_str("</tr>");
    out
}

/// What a contender is, and what became of its fit.
fn kind(score: &ModelScore) -> &'static str {
    match (score.kind, score.status) {
        (Kind::Baseline, _) => "baseline",
        (Kind::Model, None | Some(FitStatus::Ok)) => "model",
        (Kind::Model, Some(status)) => match status {
            FitStatus::NoDropoutLimit => "model; nobody drops out, so it predicts as its limit",
            FitStatus::CommonDropoutLimit => "model at a limit: one dropout rate for all",
            FitStatus::EqualRatesLimit => "model at a limit: one order rate for all",
            FitStatus::EqualSpendLimit => "model at a limit: one mean amount for all",
            FitStatus::ConstantSpendLimit => "model at a limit: constant amounts",
            FitStatus::InfiniteMean => "model not used: its mean is infinite",
            FitStatus::NotConverged => "model not used: the search found no maximum",
            FitStatus::NotEnoughHistory => "model not fitted: too few repeat customers",
            FitStatus::Ok => "model",
        },
    }
}

/// How to read the table.
fn reading(view: &View) -> String {
    let (_, many) = view.orders();
    let mut text = format!(
        "How to read it: errors are {many} per customer, and the least squared error (RMSE) wins, because absolute error \
         (MAE) is least for whoever predicts too little. Log-likelihood and log score are better the closer to 0, BIC the \
         lower; only models have them. Bias is what was expected in all against what came. In top fifth is the share of \
         the holdout's revenue that came from the {} the contender ranked highest. The interval should hold at least what \
         it promises; as {many} are whole numbers it holds more, and the randomised share is what should come close. Bold \
         is the best of a column; the tag marks the least RMSE.",
        counted(
            (view.evaluation.n_customers as f64 * 0.2).ceil() as u64,
            "customer",
            "customers"
        ),
    );
    let baselines = baselines(view.evaluation);
    if !baselines.is_empty() {
        text.push_str(&format!(" Baselines have no model: {}.", baselines.join("; ")));
    }
    let unknown = view
        .facts
        .chosen
        .as_deref()
        .filter(|c| view.evaluation.models.iter().all(|m| m.name != *c));
    if let Some(chosen) = unknown {
        text.push_str(&format!(
            " {} is used but was not among the contenders.",
            escape(&label(chosen))
        ));
    }
    format!("<p class=\"note\">{text}</p>")
}
