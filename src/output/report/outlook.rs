//! What to expect and what to offer: the count model against what happened, product pairs, offers.

use super::charts::{self, bar, spread, whole};
use super::format::{Money, NO_NUMBER, count, counted, full_sentence, horizon, label, name, parameter, percent, times};
use super::{CountModel, Pair, Report, Section, TrackingPoint, Value, details, fact_list, strong, table};

const MAX_PAIRS: usize = 15;
const MAX_EXAMPLES: usize = 10;

pub(super) fn value(report: &Report, money: &Money) -> Section {
    let (id, link, title) = ("outlook", "Outlook", "What to expect: the model against what happened");
    let model = report.count_model.get();
    let tracking = report.tracking.rows();
    let value = report.value.get();
    let (Err(no_model), Err(no_tracking), Err(no_value)) = (&model, &tracking, &value) else {
        let mut lead = value.map_or_else(|_| String::new(), |v| value_lead(v, money));
        let mut body = String::new();
        match tracking {
            Ok(points) => {
                lead.push_str(&tracking_lead(points));
                body.push_str(&tracking_figure(points, value.ok(), money));
            }
            Err(reason) => {
                let reason = if reason.trim().is_empty() {
                    "no comparison of expected with actual purchases in this run"
                } else {
                    reason
                };
                body.push_str(&format!("<p class=\"absent\">{}</p>", full_sentence(reason)));
            }
        }
        if let Ok(model) = model {
            body.push_str(&model_facts(model));
        }
        return Section {
            id,
            link,
            title: title.to_string(),
            lead,
            body,
        };
    };
    let reason = [no_model, no_value, no_tracking]
        .into_iter()
        .find(|reason| !reason.trim().is_empty())
        .copied()
        .unwrap_or_default();
    Section::absent(
        id,
        link,
        title,
        reason,
        "no lifetime model in this run, so no expected value",
    )
}

fn value_lead(value: &Value, money: &Money) -> String {
    format!(
        "Today's customers are expected to bring {} in the {}. ",
        money.short(value.clv_amount),
        horizon(value.horizon_days)
    )
}

/// How far the expected total is from the actual one, as a share of the actual one.
fn gap(last: &TrackingPoint) -> Option<f64> {
    let gap = (last.expected - last.actual) / last.actual;
    (0.0 < last.actual && gap.is_finite()).then_some(gap)
}

fn tracking_lead(points: &[TrackingPoint]) -> String {
    let Some(last) = points.last() else {
        return String::new();
    };
    let Some(gap) = gap(last) else {
        return "So far nobody came back a second time, so there is nothing to hold the model against.".to_string();
    };
    let side = if gap < 0.0 { "too few" } else { "too many" };
    let verdict = match gap.abs() {
        g if g < 0.0005 => {
            "and they agree; it is the history that the model was fitted to, so leave a margin in budgets".to_string()
        }
        g if g <= 0.05 => format!(
            "{} {side}: close; it is the history that the model was fitted to, so leave a margin in budgets",
            percent(g)
        ),
        g if g <= 0.15 => format!(
            "{} {side}: use expected values to rank customers, and leave a margin in budgets",
            percent(g)
        ),
        g => format!("{} {side}: trust the order of customers, not the totals", percent(g)),
    };
    format!(
        "Customers came back {} times so far; the model would have expected {}, {verdict}.",
        whole(last.actual),
        whole(last.expected)
    )
}

fn tracking_figure(points: &[TrackingPoint], value: Option<&Value>, money: &Money) -> String {
    let chart = charts::tracking(points);
    if chart.is_empty() {
        return "<p class=\"absent\">The history is shorter than two weeks, so there is no curve.</p>".to_string();
    }
    let rows: Vec<Vec<String>> = spread(points.len(), 27)
        .into_iter()
        .map(|i| {
            let point = &points[i];
            vec![name(&point.week_end), whole(point.actual), whole(point.expected)]
        })
        .collect();
    format!(
        "<div class=\"figure\"><figure><p class=\"legend\"><span>{} actual</span><span>{} expected by the model</span></p>{chart}<figcaption>\
         Repeat purchase days of all customers, added up week by week. The model was fitted on this same history: \
         the curves show whether it describes the past, not how well it forecasts.</figcaption></figure>{}</div>{}",
        swatch("a"),
        swatch("b"),
        tracking_facts(points, value, money),
        details("Numbers of this chart", &["Week ending", "Actual", "Expected"], &rows)
    )
}

fn tracking_facts(points: &[TrackingPoint], value: Option<&Value>, money: &Money) -> String {
    let mut facts = Vec::new();
    if let Some(value) = value {
        facts.push((
            money.short(value.clv_amount),
            format!("expected in the {}", horizon(value.horizon_days)),
        ));
    }
    if let Some(last) = points.last() {
        facts.push((
            whole(last.actual),
            "times customers came back (days with a repeat purchase)".to_string(),
        ));
        facts.push((
            whole(last.expected),
            "expected by the model for the same time".to_string(),
        ));
        if let Some(gap) = gap(last) {
            facts.push((percent(gap), "difference".to_string()));
        }
    }
    fact_list(&facts)
}

fn swatch(class: &str) -> String {
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 34 10\" aria-hidden=\"true\"><path class=\"line {class}\" d=\"M1 5L33 5\"/></svg>"
    )
}

fn model_facts(model: &CountModel) -> String {
    let mut facts = vec![format!("Model: {}", strong(&label(&model.name)))];
    let params: Vec<String> = model
        .params
        .iter()
        .map(|(letter, value)| format!("<i>{}</i>&nbsp;{}", name(letter), parameter(*value)))
        .collect();
    if !params.is_empty() {
        facts.push(params.join(", "));
    }
    if let Some(log_likelihood) = model.log_likelihood.filter(|l| l.is_finite()) {
        facts.push(format!("log-likelihood {}", parameter(log_likelihood)));
    }
    if !model.status.trim().is_empty() {
        facts.push(format!("fit: {}", name(&model.status.replace('_', " "))));
    }
    format!(
        "<p class=\"note\">{}. Why it is used stands in <a href=\"#choice\">the next part</a>.</p>",
        facts.join(" · ")
    )
}

pub(super) fn pairs(report: &Report) -> Section {
    let (id, link, title) = ("pairs", "Product pairs", "What is bought together");
    let pairs = match report.pairs.rows() {
        Ok(pairs) => pairs,
        Err(reason) => {
            let otherwise = "no two products were bought together often enough to say anything";
            return Section::absent(id, link, title, reason, otherwise);
        }
    };
    let shown = &pairs[..pairs.len().min(MAX_PAIRS)];
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|p| {
            vec![
                format!(
                    "{} <span class=\"with\">+ {}</span>",
                    name(&p.product_a),
                    name(&p.product_b)
                ),
                format!("{} <small>{}</small>", count(p.n_ab), percent(p.support)),
                format!(
                    "<span>{}</span>{}",
                    percent(p.confidence_ab),
                    bar(p.confidence_ab, "cool")
                ),
                format!(
                    "<span>{}</span>{}",
                    percent(p.confidence_ba),
                    bar(p.confidence_ba, "cool")
                ),
                times(p.lift),
            ]
        })
        .collect();
    let head = [
        "Pair",
        "Orders with both",
        "Buyers of the first who take the second",
        "Buyers of the second who take the first",
        "Times chance",
    ];
    let note = if shown.len() < pairs.len() {
        format!(
            "The {} strongest of {} listed; all",
            shown.len(),
            count(pairs.len() as u64)
        )
    } else {
        "All".to_string()
    };
    let body = format!(
        "{}<p class=\"note\">“Buyers” means orders that hold the product; the percentage under the orders is of all \
         orders. {note} pairs, with significance, are in <code>pairs.parquet</code>.</p>",
        table("stack bars pairs", &head, &rows)
    );
    Section {
        id,
        link,
        title: title.to_string(),
        lead: shown.first().map_or_else(String::new, pair_lead),
        body,
    }
}

fn pair_lead(pair: &Pair) -> String {
    let (from, to, confidence) = if pair.confidence_ba <= pair.confidence_ab {
        (&pair.product_a, &pair.product_b, pair.confidence_ab)
    } else {
        (&pair.product_b, &pair.product_a, pair.confidence_ba)
    };
    let share = if confidence.is_finite() {
        percent(confidence)
    } else {
        NO_NUMBER.to_string()
    };
    format!(
        "{share} of the orders with {} also hold {}, {} as often as by chance: show the second wherever the first is \
         sold, on the page, on the shelf and in the mail after the order.",
        strong(from),
        strong(to),
        times(pair.lift)
    )
}

pub(super) fn offers(report: &Report, money: &Money) -> Section {
    let (id, link, title) = ("offers", "Offers", "What to offer next");
    let offers = match report.offers.get() {
        Ok(offers) if 0 < offers.offers => offers,
        Ok(_) => {
            let otherwise = "no offers: nobody lacks a product that goes with what they have";
            return Section::absent(id, link, title, "", otherwise);
        }
        Err(reason) => {
            return Section::absent(id, link, title, reason, "no product pairs, so no offers");
        }
    };
    let mut lead = format!(
        "{} for {}: products that customers do not have yet and that go with what they bought",
        counted(offers.offers, "offer", "offers"),
        counted(offers.customers, "customer", "customers")
    );
    if let Some(amount) = offers.expected_amount.filter(|a| a.is_finite()) {
        lead.push_str(&format!(", together expected to bring {}", money.short(amount)));
    }
    lead.push_str(
        ". <code>offers.parquet</code> has one line for each; keep a control group of \
         customers without an offer, so that you can tell what the campaign brought.",
    );
    let rows: Vec<Vec<String>> = offers
        .examples
        .iter()
        .take(MAX_EXAMPLES)
        .map(|offer| {
            vec![
                name(&offer.customer_id),
                name(&offer.product),
                name(&offer.because_of),
                money.full(offer.expected_amount.unwrap_or(f64::NAN)),
            ]
        })
        .collect();
    let body = if rows.is_empty() {
        String::new()
    } else {
        table(
            "stack words",
            &["Customer", "Offer", "Because of", "Expected to bring"],
            &rows,
        )
    };
    Section {
        id,
        link,
        title: title.to_string(),
        lead,
        body,
    }
}
