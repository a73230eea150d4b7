//! The charts: inline SVG, hover values by CSS alone.
//!
//! In: points. Out: one `<svg>` each, every chart with a fixed id and a text alternative. Lengths are in the
//! units of the view box and scale with the page; the style sheet sets larger type where the page is narrow.

use std::fmt::Write as _;

use super::format::{compact, count, percent};
use super::{CurvePoint, TrackingPoint};

pub(in crate::output) const WIDTH: f64 = 720.0;
pub(in crate::output) const HEIGHT: f64 = 380.0;
pub(in crate::output) const LEFT: f64 = 66.0;
pub(in crate::output) const RIGHT: f64 = 14.0;
pub(in crate::output) const TOP: f64 = 16.0;
pub(in crate::output) const BOTTOM: f64 = 62.0;

/// More points than this are finer than a pixel.
pub(in crate::output) const MAX_POINTS: usize = 420;
/// Hover bands narrower than this cannot be hit.
pub(in crate::output) const MAX_BANDS: usize = 105;
/// Shares beyond this (a net total that is nearly zero) and counts beyond that are no picture any more, and
/// would overflow the axis.
const MAX_SHARE: f64 = 1e4;
pub(in crate::output) const MAX_COUNT: f64 = 1e15;
/// Two labels in the plot stand at least this far apart.
const LABEL_GAP: f64 = 30.0;

/// Where data lands in the view box.
pub(in crate::output) struct Frame {
    pub(in crate::output) x_min: f64,
    pub(in crate::output) x_max: f64,
    pub(in crate::output) y_min: f64,
    pub(in crate::output) y_max: f64,
}

impl Frame {
    pub(in crate::output) fn x(&self, x: f64) -> f64 {
        LEFT + (x - self.x_min) / (self.x_max - self.x_min) * (WIDTH - LEFT - RIGHT)
    }

    pub(in crate::output) fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (y - self.y_min) / (self.y_max - self.y_min) * (HEIGHT - TOP - BOTTOM)
    }

    pub(in crate::output) fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut out = String::new();
        for (position, (x, y)) in points.enumerate() {
            let command = if position == 0 { 'M' } else { 'L' };
            let _ = write!(out, "{command}{:.1} {:.1}", self.x(x), self.y(y));
        }
        out
    }

    pub(in crate::output) fn y_axis(&self, step: f64, label: impl Fn(f64) -> String) -> String {
        let mut out = String::new();
        let first = (self.y_min / step).round() as i64;
        let last = (self.y_max / step + 1e-9).floor() as i64;
        for tick in first..=last {
            let value = tick as f64 * step;
            let y = self.y(value);
            let class = if tick == 0 { "zero" } else { "grid" };
            let _ = write!(
                out,
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{y:.1}\" dy=\".35em\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 9.0,
                label(value)
            );
        }
        out
    }

    pub(in crate::output) fn x_label(&self, x: f64, text: &str, class: &str) -> String {
        // Labels at the edges grow inwards, or a narrow screen would cut them.
        let anchor = if x <= self.x_min {
            "start"
        } else if self.x_max <= x {
            "end"
        } else {
            "middle"
        };
        format!(
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
            self.x(x),
            HEIGHT - BOTTOM + 23.0
        )
    }
}

/// What the horizontal axis shows.
pub(in crate::output) fn x_title(text: &str) -> String {
    format!(
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 10.0
    )
}

/// A round step that divides `range` into about five.
pub(in crate::output) fn nice_step(range: f64) -> f64 {
    if !range.is_finite() || range <= 0.0 {
        return 1.0;
    }
    let raw = range / 5.0;
    let magnitude = 10f64.powf(raw.log10().floor());
    let digit = match raw / magnitude {
        d if d <= 1.0 => 1.0,
        d if d <= 2.0 => 2.0,
        d if d <= 5.0 => 5.0,
        _ => 10.0,
    };
    digit * magnitude
}

/// At most `limit` of `n` positions, evenly spread, always with the first and the last.
pub(in crate::output) fn spread(n: usize, limit: usize) -> Vec<usize> {
    if n <= limit || limit < 2 {
        return (0..n).collect();
    }
    let mut positions: Vec<usize> = (0..limit).map(|i| i * (n - 1) / (limit - 1)).collect();
    positions.dedup();
    positions
}

pub(in crate::output) fn svg(id: &str, alternative: &str, body: &str) -> String {
    format!(
        "<svg class=\"chart\" id=\"{id}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{alternative}\">{body}</svg>"
    )
}

/// An invisible band that shows its readout while the pointer is over it.
pub(in crate::output) struct Band {
    pub(in crate::output) from: f64,
    pub(in crate::output) to: f64,
    pub(in crate::output) x: f64,
    pub(in crate::output) dots: Vec<(&'static str, f64)>,
    pub(in crate::output) lines: Vec<String>,
}

/// `anchor` is the corner where the readout stands: a corner that the curve does not reach.
pub(in crate::output) fn bands(bands: &[Band], anchor: (f64, f64), align: &str) -> String {
    let mut out = String::from("<g class=\"bands\">");
    for band in bands {
        let _ = write!(
            out,
            "<g class=\"band\"><rect x=\"{:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/><g>\
             <line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>",
            band.from,
            (band.to - band.from).max(0.1),
            HEIGHT - TOP - BOTTOM,
            HEIGHT - BOTTOM,
            x = band.x
        );
        for (class, y) in &band.dots {
            let _ = write!(
                out,
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>",
                band.x
            );
        }
        let _ = write!(out, "<text y=\"{:.1}\" text-anchor=\"{align}\">", anchor.1);
        for (position, line) in band.lines.iter().enumerate() {
            let drop = if position == 0 { "0" } else { "1.3em" };
            let _ = write!(out, "<tspan x=\"{:.1}\" dy=\"{drop}\">{line}</tspan>", anchor.0);
        }
        out.push_str("</text></g></g>");
    }
    out.push_str("</g>");
    out
}

/// Cumulative share of net sales against share of customers, best customers first. `top_20` is the share of
/// the best 20 %, `eighty` the share of customers that bring 80 %.
pub(in crate::output) fn share_curve(points: &[CurvePoint], top_20: Option<f64>, eighty: Option<f64>) -> String {
    let points: Vec<(f64, f64)> = points
        .iter()
        .map(|p| (p.customer_share, p.amount_share))
        .filter(|(x, y)| (0.0..=1.0).contains(x) && y.abs() <= MAX_SHARE)
        .collect();
    if points.len() < 2 {
        return String::new();
    }
    let highest = points.iter().map(|p| p.1).fold(1.0, f64::max);
    let lowest = points.iter().map(|p| p.1).fold(0.0, f64::min);
    let range = highest - lowest;
    let step = if range < 1.5 { 0.2 } else { nice_step(range) };
    let frame = Frame {
        x_min: 0.0,
        x_max: 1.0,
        y_min: (lowest / step + 1e-9).floor() * step,
        y_max: highest,
    };

    let mut body = frame.y_axis(step, |v| format!("{}%", compact((v * 100.0).round())));
    for x in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        body.push_str(&frame.x_label(x, &format!("{:.0}%", x * 100.0), "tick"));
    }
    body.push_str(&x_title("share of customers, best first"));
    let line = frame.path(points.iter().copied());
    let (first, last) = (points[0], points[points.len() - 1]);
    let _ = write!(
        body,
        "<path class=\"area\" d=\"{line}L{:.1} {zero:.1}L{:.1} {zero:.1}Z\"/>\
         <path class=\"equal\" d=\"{}\"/><path class=\"line a\" d=\"{line}\"/>",
        frame.x(last.0),
        frame.x(first.0),
        frame.path([(0.0, 0.0), (1.0, 1.0)].into_iter()),
        zero = frame.y(0.0),
    );

    let mut marks: Vec<(f64, f64, String)> = Vec::new();
    if let Some(share) = eighty.filter(|s| (0.0..=1.0).contains(s)) {
        marks.push((share, 0.8, format!("{} of customers: 80%", percent(share))));
    }
    if let Some(share) = top_20.filter(|s| s.is_finite() && (frame.y_min..=frame.y_max).contains(s)) {
        marks.push((0.2, share, format!("best 20%: {}", percent(share))));
    }
    marks.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut ceiling = f64::MIN;
    for (x, y, text) in marks {
        let (px, py) = (frame.x(x), frame.y(y));
        let label_y = (py + 20.0).max(ceiling + LABEL_GAP).min(HEIGHT - BOTTOM - 8.0);
        ceiling = label_y;
        let (label_x, anchor) = if x < 0.6 {
            (px + 13.0, "start")
        } else {
            (px - 13.0, "end")
        };
        let _ = write!(
            body,
            "<path class=\"guide\" d=\"M{LEFT} {py:.1}L{px:.1} {py:.1}L{px:.1} {:.1}\"/>\
             <circle class=\"mark\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"6\"/>\
             <text class=\"label\" x=\"{label_x:.1}\" y=\"{label_y:.1}\" text-anchor=\"{anchor}\">{text}</text>",
            HEIGHT - BOTTOM
        );
    }

    let shown = spread(points.len(), MAX_BANDS);
    let mut strips = Vec::with_capacity(shown.len());
    for (position, &i) in shown.iter().enumerate() {
        let x = frame.x(points[i].0);
        let before = if position == 0 {
            x
        } else {
            frame.x(points[shown[position - 1]].0)
        };
        let after = shown.get(position + 1).map_or(x, |&next| frame.x(points[next].0));
        strips.push(Band {
            from: (before + x) / 2.0,
            to: (x + after) / 2.0,
            x,
            dots: vec![("a", frame.y(points[i].1))],
            lines: vec![
                format!("best {} of customers", percent(points[i].0)),
                format!("{} of net sales", percent(points[i].1)),
            ],
        });
    }
    let corner = (WIDTH - RIGHT - 14.0, HEIGHT - BOTTOM - 48.0);
    body.push_str(&bands(&strips, corner, "end"));

    let mut alternative = String::from("Curve of the cumulative share of net sales, best customers first.");
    if let Some(share) = top_20 {
        let _ = write!(alternative, " The best 20% of customers bring {}.", percent(share));
    }
    if let Some(share) = eighty {
        let _ = write!(alternative, " {} of customers bring 80%.", percent(share));
    }
    svg("chart-share", &alternative, &body)
}

/// Cumulative repeat purchase days by week: what happened and what the model expected.
pub(in crate::output) fn tracking(points: &[TrackingPoint]) -> String {
    let drawable = |x: f64| (0.0..MAX_COUNT).contains(&x);
    let all: Vec<&TrackingPoint> = points
        .iter()
        .filter(|p| drawable(p.actual) && drawable(p.expected))
        .collect();
    let points: Vec<&TrackingPoint> = spread(all.len(), MAX_POINTS).into_iter().map(|i| all[i]).collect();
    if points.len() < 2 {
        return String::new();
    }
    let highest = points.iter().map(|p| p.actual.max(p.expected)).fold(0.0, f64::max);
    let step = nice_step(highest);
    let last = points.len() - 1;
    let frame = Frame {
        x_min: 0.0,
        x_max: last as f64,
        y_min: 0.0,
        y_max: ((highest / step - 1e-9).ceil() * step).max(step),
    };

    let mut body = frame.y_axis(step, compact);
    for (label, position) in spread(points.len(), 5).into_iter().enumerate() {
        let date = super::format::sentence(&points[position].week_end);
        let class = if label % 2 == 0 { "tick" } else { "tick extra" };
        body.push_str(&frame.x_label(position as f64, &date, class));
    }
    body.push_str(&x_title("week ending"));
    let actual = frame.path(points.iter().enumerate().map(|(i, p)| (i as f64, p.actual)));
    let expected = frame.path(points.iter().enumerate().map(|(i, p)| (i as f64, p.expected)));
    let _ = write!(
        body,
        "<path class=\"line a\" d=\"{actual}\"/><path class=\"line b\" d=\"{expected}\"/>"
    );

    let shown = spread(points.len(), MAX_BANDS);
    let mut strips = Vec::with_capacity(shown.len());
    for (position, &i) in shown.iter().enumerate() {
        let x = frame.x(i as f64);
        let before = if position == 0 {
            x
        } else {
            frame.x(shown[position - 1] as f64)
        };
        let after = shown.get(position + 1).map_or(x, |&next| frame.x(next as f64));
        let point = points[i];
        strips.push(Band {
            from: (before + x) / 2.0,
            to: (x + after) / 2.0,
            x,
            dots: vec![("a", frame.y(point.actual)), ("b", frame.y(point.expected))],
            lines: vec![
                super::format::sentence(&point.week_end),
                format!("actual {}", whole(point.actual)),
                format!("expected {}", whole(point.expected)),
            ],
        });
    }
    body.push_str(&bands(&strips, (LEFT + 16.0, TOP + 26.0), "start"));

    let alternative = format!(
        "Two lines by week. By {}, {} repeat purchase days had happened; the model expected {}.",
        super::format::sentence(&points[last].week_end),
        whole(points[last].actual),
        whole(points[last].expected)
    );
    svg("chart-tracking", &alternative, &body)
}

/// A count that a model may give with decimals.
pub(in crate::output) fn whole(x: f64) -> String {
    if !x.is_finite() {
        super::format::NO_NUMBER.to_string()
    } else if (0.0..MAX_COUNT).contains(&x) {
        count(x.round() as u64)
    } else {
        compact(x)
    }
}

/// A bar in a table cell; `fraction` of the cell's width, at least a sliver if there is anything at all.
/// The number stands beside it as text, so the bar is hidden from screen readers.
pub(in crate::output) fn bar(fraction: f64, class: &str) -> String {
    let width = if fraction.is_finite() && 0.0 < fraction {
        (fraction.min(1.0) * 100.0).max(0.8)
    } else {
        0.0
    };
    format!(
        "<svg class=\"bar {class}\" width=\"100%\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" \
         aria-hidden=\"true\"><rect class=\"rail\" width=\"100\" height=\"10\"/><rect class=\"fill\" width=\"{width:.1}\" height=\"10\"/></svg>"
    )
}

/// A bar as wide as its share of `room` (a fraction of the line), so that its number can stand at its end.
pub(in crate::output) fn free_bar(fraction: f64, room: f64, class: &str) -> String {
    let share = if fraction.is_finite() {
        fraction.clamp(0.0, 1.0)
    } else {
        0.0
    };
    if share == 0.0 {
        return String::new();
    }
    format!(
        "<svg class=\"bar {class}\" width=\"{:.1}%\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" \
         aria-hidden=\"true\"><rect class=\"fill\" width=\"100\" height=\"10\"/></svg>",
        (share * room * 100.0).max(0.8)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_divide_the_range_into_few() {
        for range in [0.2, 1.0, 1.07, 2.0, 9.0, 10.0, 47.0, 2_457.0, 1e9, 1e-9] {
            let step = nice_step(range);
            let ticks = range / step;
            assert!((2.0..=5.000_001).contains(&ticks), "{range}: {step}");
        }
        assert_eq!(nice_step(0.0), 1.0);
        assert_eq!(nice_step(f64::NAN), 1.0);
    }

    #[test]
    fn thinning_keeps_both_ends() {
        for n in [0, 1, 2, 5, 100, 1_000] {
            for limit in [2, 5, 99] {
                let kept = spread(n, limit);
                assert!(kept.len() <= limit.max(n.min(limit)));
                assert_eq!(kept.first().copied(), (0 < n).then_some(0));
                assert_eq!(kept.last().copied(), n.checked_sub(1));
                assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }

    #[test]
    fn points_that_are_no_numbers_are_left_out() {
        let point = |customer_share, amount_share| CurvePoint {
            customer_share,
            amount_share,
        };
        let curve = [point(0.0, 0.0), point(0.5, f64::NAN), point(0.7, 1.3), point(1.0, 1.0)];
        let chart = share_curve(&curve, Some(f64::INFINITY), None);
        assert!(!chart.contains("NaN") && !chart.contains("inf"));
        assert_eq!(share_curve(&curve[..1], None, None), "");
    }

    #[test]
    fn an_all_zero_history_has_a_flat_line() {
        let week = |day: u32| TrackingPoint {
            week_end: format!("2011-01-{day:02}"),
            actual: 0.0,
            expected: 0.0,
        };
        let chart = tracking(&[week(2), week(9)]);
        assert!(chart.contains("id=\"chart-tracking\"") && !chart.contains("NaN"));
        assert_eq!(tracking(&[week(2)]), "");
    }
}
