//! `report.html`: one file for the analyst and for the head of marketing.
//!
//! In: [`Report`], plain numbers that the stages have already made. Out: one HTML page, the same bytes for the
//! same input. Cost: linear in the rows given, which are few; a page is 100 to 200 kB.
//!
//! Charts are inline SVG made here, not `plotly`: that crate's offline bundle is 6.7 MB of script a page (2 MB of
//! it MathJax), and shows nothing where scripts do not run: mail previews, printing to PDF, strict browsers. What
//! it would add, values under the pointer, is done with CSS. The page holds no script, loads nothing, and says so
//! in a content security policy that browsers enforce.
//!
//! Every number that might be missing is a [`Part`] or an `Option`: a report without a model or without products
//! is a report with a sentence in that place.

pub(super) mod charts;
mod choice;
mod customers;
pub(super) mod format;
mod headline;
mod outlook;
mod quality;
mod rfm;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use format::{Money, escape, full_sentence, name};

/// Content of a section, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part<T> {
    Ready(T),
    /// A fragment such as `no product_id column`; empty for the section's own words.
    Missing {
        reason: String,
    },
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self::missing("")
    }
}

impl<T> Part<T> {
    pub fn missing(reason: impl Into<String>) -> Self {
        Self::Missing { reason: reason.into() }
    }

    /// The content, or the reason.
    fn get(&self) -> Result<&T, &str> {
        match self {
            Self::Ready(content) => Ok(content),
            Self::Missing { reason } => Err(reason),
        }
    }
}

impl<T> Part<Vec<T>> {
    /// The rows; an empty table is a missing one.
    fn rows(&self) -> Result<&[T], &str> {
        match self.get() {
            Ok(rows) if rows.is_empty() => Err(""),
            Ok(rows) => Ok(rows),
            Err(reason) => Err(reason),
        }
    }
}

/// Everything on the page. Dates are `YYYY-MM-DD`, money is in units of the currency, shares are fractions
/// of 1. Numbers should be finite: one that is not is shown as a dash, but does not survive JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub title: String,
    pub as_of: String,
    pub first_date: Option<String>,
    pub last_date: Option<String>,
    pub version: String,
    pub config_hash: String,
    pub inputs: Vec<Input>,
    /// `£` or `GBP`; without it amounts have no unit.
    pub currency: Option<String>,
    pub lines: Lines,
    pub customers: u64,
    pub orders: u64,
    pub gross_amount: f64,
    /// What was taken back, as a positive number.
    pub returned_amount: f64,
    pub net_amount: f64,
    pub contributors: Part<Contributors>,
    pub value: Part<Value>,
    /// The 25 cells, in any order; a cell that is not given has no customers.
    pub rfm: Part<Vec<RfmCell>>,
    /// In the order to show.
    pub segments: Part<Vec<Segment>>,
    pub watch: Part<Vec<Watch>>,
    /// In the order to show.
    pub clusters: Part<Vec<Cluster>>,
    pub choice: Part<Choice>,
    pub count_model: Part<CountModel>,
    /// By week, oldest first.
    pub tracking: Part<Vec<TrackingPoint>>,
    /// Strongest first.
    pub pairs: Part<Vec<Pair>>,
    pub offers: Part<Offers>,
    pub cleaning: Vec<CleaningRule>,
    pub warnings: Vec<WarningLine>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub path: String,
    pub rows: u64,
}

/// Lines of the input; what is neither kept nor rejected was dropped as an exact duplicate, on request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    pub read: u64,
    pub kept: u64,
    pub rejected: u64,
}

/// How concentrated the net amount is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contributors {
    pub top_20_customers: u64,
    /// Share of the net amount; none where the total is not positive.
    pub top_20_share: Option<f64>,
    pub gini: Option<f64>,
    pub customers_for_80: Option<u64>,
    pub customers_for_80_share: Option<f64>,
    /// From (0, 0) to (1, 1), best customers first.
    pub curve: Vec<CurvePoint>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub customer_share: f64,
    pub amount_share: f64,
}

/// What today's customers are expected to bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Value {
    pub clv_amount: f64,
    pub horizon_days: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RfmCell {
    /// 1 to 5, 5 bought most recently.
    pub r_score: u8,
    /// 1 to 5, 5 bought most often.
    pub f_score: u8,
    pub customers: u64,
    pub net_amount: f64,
    pub mean_m_score: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub name: String,
    pub customers: u64,
    pub customer_share: f64,
    pub net_amount: f64,
    pub amount_share: Option<f64>,
    pub clv_amount: Option<f64>,
    pub median_days_since_last: f64,
    pub median_orders: f64,
    /// One line.
    pub what_to_do: String,
    /// Good customers who are drifting away.
    pub is_at_risk: bool,
}

/// Customers under one `watch` flag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// `dormant_top`, `rising`, `loss_maker`, `slipping` or `new_top`.
    pub watch: String,
    pub customers: u64,
    pub net_amount: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub cluster: u16,
    pub name: String,
    pub customers: u64,
    /// Of the whole cluster; the four below are medians of its customers.
    pub net_amount: f64,
    pub median_days_since_last: f64,
    pub median_orders: f64,
    pub median_net_amount: f64,
    pub median_clv_amount: Option<f64>,
}

/// What the predictions rest on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Of the model or baseline, as in the config.
    pub name: String,
    pub reason: String,
    /// Models and baselines on the days held back; empty where nobody competed.
    pub standings: Vec<Standing>,
    /// `used`, `none`, `unknown`: what is done about the season; and what is known of it, empty where that is no question.
    pub season_state: String,
    pub season: String,
    pub season_hint: String,
    /// Whether an unknown season may spoil the predictions.
    pub season_is_risk: bool,
}

/// How one contender stood.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub name: String,
    pub is_baseline: bool,
    pub is_used: bool,
    pub bic: Option<f64>,
    /// Per customer.
    pub log_score: Option<f64>,
    /// Orders per customer.
    pub rmse: Option<f64>,
    /// Predicted / actual − 1, of all orders.
    pub bias: Option<f64>,
    /// In words.
    pub verdict: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CountModel {
    pub name: String,
    /// Letters as in the papers.
    pub params: Vec<(String, f64)>,
    pub log_likelihood: Option<f64>,
    pub status: String,
}

/// Repeat purchase days of all customers from the first day to the end of a week.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackingPoint {
    pub week_end: String,
    pub actual: f64,
    pub expected: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    pub product_a: String,
    pub product_b: String,
    /// Orders with both.
    pub n_ab: u64,
    pub support: f64,
    pub confidence_ab: f64,
    pub confidence_ba: f64,
    pub lift: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offers {
    pub customers: u64,
    pub offers: u64,
    /// Sum over all offers.
    pub expected_amount: Option<f64>,
    /// A few, best first.
    pub examples: Vec<OfferExample>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OfferExample {
    pub customer_id: String,
    pub product: String,
    pub because_of: String,
    pub expected_amount: Option<f64>,
}

/// What one cleaning rule did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CleaningRule {
    pub rule: String,
    /// `reject`, `fix`, `flag` and so on.
    pub action: String,
    pub rows: u64,
    pub amount: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WarningLine {
    pub message: String,
    pub hint: String,
}

/// The page.
pub fn render(report: &Report) -> String {
    let money = Money::new(report.currency.as_deref());
    let sections = [
        customers::share_curve(report, &money),
        rfm::grid(report, &money),
        customers::segments(report, &money),
        customers::watch(report, &money),
        customers::clusters(report, &money),
        outlook::value(report, &money),
        choice::section(report),
        outlook::pairs(report),
        outlook::offers(report, &money),
        quality::cleaning(report, &money),
        quality::warnings(report),
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
         <meta name=\"generator\" content=\"quintile {}\">\n<title>{} – {}</title>\n<style>\n{}</style>\n</head>\n\
         <body>\n{}<main>\n{}<nav aria-label=\"Sections\">{links}</nav>\n{bodies}</main>\n{}</body>\n</html>\n",
        escape(&report.version),
        escape(title(report)),
        escape(&report.as_of),
        include_str!("report/style.css"),
        headline::header(report, &money),
        headline::cards(report, &money),
        quality::footer(report),
    )
}

fn title(report: &Report) -> &str {
    match report.title.trim() {
        "" => "Customer report",
        title => title,
    }
}

/// One part of the page: heading, one or two sentences (what it shows, what to do), the figure.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) link: &'static str,
    pub(super) title: String,
    /// HTML of the sentences.
    pub(super) lead: String,
    /// HTML of the figure.
    pub(super) body: String,
}

impl Section {
    /// A section without data, with the reason if there is one.
    pub(super) fn absent(id: &'static str, link: &'static str, title: &str, reason: &str, otherwise: &str) -> Self {
        let reason = if reason.trim().is_empty() { otherwise } else { reason };
        Self {
            id,
            link,
            title: title.to_string(),
            lead: String::new(),
            body: format!("<p class=\"absent\">{}</p>", full_sentence(reason)),
        }
    }

    pub(super) fn html(&self) -> String {
        let lead = if self.lead.is_empty() {
            String::new()
        } else {
            format!("<p class=\"lead\">{}</p>\n", self.lead)
        };
        format!(
            "<section id=\"{}\">\n<h2>{}</h2>\n{lead}{}\n</section>\n",
            self.id, self.title, self.body
        )
    }
}

/// The numbers of a chart as a table that opens on a click: text alternative and source for copying.
pub(super) fn details(summary: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    format!(
        "<details><summary>{summary}</summary>{}</details>",
        table("numbers", head, rows)
    )
}

/// A few numbers beside a chart, each with what it is; both are HTML.
pub(super) fn fact_list(facts: &[(String, String)]) -> String {
    let items: String = facts
        .iter()
        .map(|(value, text)| format!("<li><b>{value}</b><span>{text}</span></li>"))
        .collect();
    format!("<ul class=\"facts\">{items}</ul>")
}

/// A table whose first column names the row; on narrow screens every row becomes a block, each cell under its
/// heading. Cells are HTML.
pub(super) fn table(class: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = format!("<table class=\"{class}\"><thead><tr>");
    for heading in head {
        out.push_str(&format!("<th scope=\"col\">{heading}</th>"));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (position, (cell, heading)) in row.iter().zip(head).enumerate() {
            if position == 0 {
                out.push_str(&format!("<th scope=\"row\">{cell}</th>"));
            } else {
                out.push_str(&format!("<td data-label=\"{heading}\">{cell}</td>"));
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

/// `part` of `whole`, if that is a share.
fn share_of(part: f64, whole: f64) -> Option<f64> {
    let share = part / whole;
    (0.0 < whole && share.is_finite()).then_some(share)
}

/// A name in bold.
fn strong(text: &str) -> String {
    format!("<b>{}</b>", name(text))
}
