//! The 5 by 5 grid of recency and frequency scores, as a table, so that it is its own text alternative.

use super::format::{Money, count, counted, percent, plain, sentence, short_number};
use super::{Report, RfmCell, Section, details, share_of};

/// Shades in the style sheet, light to dark; the last two carry white type.
const SHADES: usize = 6;

/// The shade of an amount: by square root, so that one rich cell does not bleach all others.
fn shade(amount: f64, highest: f64) -> usize {
    let share = amount / highest;
    if !share.is_finite() || share <= 0.0 {
        return 0;
    }
    ((share.sqrt() * SHADES as f64) as usize).clamp(0, SHADES - 1)
}

pub(super) fn grid(report: &Report, money: &Money) -> Section {
    let (id, link) = ("rfm", "Recency and frequency");
    let title = "How recently and how often they buy";
    let given = match report.rfm.rows() {
        Ok(cells) => cells,
        Err(reason) => {
            return Section::absent(id, link, title, reason, "customers were not scored in this run");
        }
    };
    let cell = |r: u8, f: u8| given.iter().find(|c| c.r_score == r && c.f_score == f);
    let highest = given
        .iter()
        .map(|c| c.net_amount)
        .filter(|a| a.is_finite())
        .fold(0.0, f64::max);

    let mut cells = String::from(
        "<table class=\"heat\"><thead><tr><td></td><th scope=\"col\" colspan=\"5\">Recency: long ago → just now</th></tr>\
         <tr><th scope=\"col\" class=\"corner\">Frequency</th>",
    );
    for r in 1..=5 {
        cells.push_str(&format!("<th scope=\"col\">R {r}</th>"));
    }
    cells.push_str("</tr></thead><tbody>");
    for f in (1..=5).rev() {
        let note = match f {
            5 => "<small>often</small>",
            1 => "<small>rarely</small>",
            _ => "",
        };
        cells.push_str(&format!("<tr><th scope=\"row\">F {f}{note}</th>"));
        for r in 1..=5 {
            cells.push_str(&match cell(r, f).filter(|c| 0 < c.customers) {
                None => "<td class=\"none\">–</td>".to_string(),
                Some(c) => format!(
                    "<td class=\"shade-{}\" title=\"R {r}, F {f}: {}, {}, mean M score {}\"><b>{}</b>\
                     <span>{}</span></td>",
                    shade(c.net_amount, highest),
                    counted(c.customers, "customer", "customers"),
                    money.full(c.net_amount),
                    plain(c.mean_m_score),
                    count(c.customers),
                    short_number(c.net_amount),
                ),
            });
        }
        cells.push_str("</tr>");
    }
    cells.push_str("</tbody></table>");

    let scale = if 0.0 < highest {
        let swatches: String = (0..SHADES)
            .map(|shade| format!("<i class=\"shade-{shade}\"></i>"))
            .collect();
        format!(
            " Shade: net sales, from 0 <span class=\"scale\" aria-hidden=\"true\">{swatches}</span> to {}.",
            money.short(highest)
        )
    } else {
        String::new()
    };
    let unit = report
        .currency
        .as_deref()
        .map_or_else(String::new, |c| format!(", in {}", sentence(c)));
    let mut rows = Vec::new();
    for f in (1..=5).rev() {
        for r in (1..=5).rev() {
            if let Some(c) = cell(r, f).filter(|c| 0 < c.customers) {
                rows.push(vec![
                    format!("R {r}, F {f}"),
                    count(c.customers),
                    money.full(c.net_amount),
                    plain(c.mean_m_score),
                ]);
            }
        }
    }
    let body = format!(
        "<figure>{cells}<figcaption>Bold: customers. Below: net sales{unit}.{scale} R and F run from 1 (worst) to 5 \
         (best).</figcaption></figure>{}",
        details(
            "Numbers of this chart, with monetary scores",
            &["Cell", "Customers", "Net sales", "Mean M score"],
            &rows
        )
    );
    Section {
        id,
        link,
        title: title.to_string(),
        lead: lead(given, report.net_amount, money),
        body,
    }
}

fn lead(cells: &[RfmCell], net_amount: f64, money: &Money) -> String {
    let sum = |keep: fn(&RfmCell) -> bool| {
        cells.iter().filter(|c| keep(c)).fold((0_u64, 0.0), |(n, amount), c| {
            (n.saturating_add(c.customers), amount + c.net_amount)
        })
    };
    let (best, best_amount) = sum(|c| c.r_score == 5 && c.f_score == 5);
    let (lost, lost_amount) = sum(|c| c.r_score <= 2 && 4 <= c.f_score);
    let (new, _) = sum(|c| c.r_score == 5 && c.f_score == 1);
    let mut lead = match share_of(best_amount, net_amount) {
        Some(share) if 0 < best => format!(
            "Top right are the customers to keep: {} bring {} of net sales. ",
            count(best),
            percent(share)
        ),
        _ => "Top right, where the best customers stand, is nobody. ".to_string(),
    };
    if 0 < lost {
        lead.push_str(&format!(
            "Top left are good customers who stopped coming: {} ({}) are the first to win back. ",
            count(lost),
            money.short(lost_amount)
        ));
    }
    if 0 < new {
        lead.push_str(&format!(
            "Bottom right are {} who bought just now but rarely: a second order soon makes the difference.",
            count(new)
        ));
    }
    lead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_run_from_none_to_the_highest_and_never_leave_the_scale() {
        assert_eq!(shade(100.0, 100.0), SHADES - 1);
        assert_eq!(shade(25.0, 100.0), SHADES / 2);
        for (amount, highest) in [(0.0, 0.0), (-5.0, 10.0), (f64::NAN, 1.0), (5.0, -1.0), (1.0, 0.0)] {
            assert_eq!(shade(amount, highest), 0);
        }
    }

    #[test]
    fn every_shade_carries_readable_type() {
        let luminance = |hex: &str| {
            let channel = |from: usize| {
                let value = f64::from(u8::from_str_radix(&hex[from..from + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
        };
        let style = include_str!("style.css");
        let hex_after = |from: &str| style.split_once(from).unwrap().1[..6].to_string();
        let ink = luminance(&hex_after("--ink: #"));
        for shade in 0..SHADES {
            let rule = style
                .split_once(&format!(".shade-{shade} {{"))
                .unwrap()
                .1
                .split('}')
                .next()
                .unwrap();
            let ground = luminance(&rule.split_once("background: #").unwrap().1[..6]);
            let contrast = if rule.contains("color: #fff") {
                1.05 / (ground + 0.05)
            } else {
                (ground + 0.05) / (ink + 0.05)
            };
            assert!(4.5 <= contrast, "shade {shade}: {contrast}");
        }
    }
}
