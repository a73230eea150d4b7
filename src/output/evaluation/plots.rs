//! Curves of several series over one axis, and bars with a curve: inline SVG, hover values by CSS alone.

use std::fmt::Write as _;

use crate::output::report::charts::{
    BOTTOM, Band, Frame, HEIGHT, LEFT, MAX_BANDS, MAX_COUNT, RIGHT, TOP, WIDTH, bands, nice_step, spread, svg, x_title,
};
use crate::output::report::format::{compact, fixed};

/// Classes of the style sheet: what happened, what is in the foreground, and the others.
pub(super) const ACTUAL: &str = "a";
pub(super) const FOREGROUND: &str = "b";
/// As many as there are other contenders in any setting.
const OTHERS: [&str; 9] = ["c", "d", "e", "f", "g", "h", "i", "j", "k"];

/// Class of the other series at `position`.
pub(super) fn other(position: usize) -> &'static str {
    OTHERS[position % OTHERS.len()]
}

/// A series over the common axis; `None` where it has no value.
pub(super) struct Line {
    /// Escaped text without elements.
    pub label: String,
    pub class: &'static str,
    pub values: Vec<Option<f64>>,
}

/// Series over one axis. Texts are escaped, and hold no elements.
pub(super) struct Curves<'a> {
    pub id: &'a str,
    pub alternative: String,
    pub x_title: &'a str,
    /// Ascending.
    pub xs: &'a [f64],
    /// What a place is called in its readout.
    pub places: &'a [String],
    /// Places that are labelled on the axis, with the label.
    pub ticks: Vec<(usize, String)>,
    pub lines: &'a [Line],
    /// Where the holdout begins, with what stands there.
    pub cut: Option<(f64, String)>,
    /// Points are few and stand for themselves.
    pub dotted: bool,
    pub number: fn(f64) -> String,
}

/// Numbers on an axis with this step.
fn tick(step: f64) -> impl Fn(f64) -> String {
    let decimals = if step < 1.0 {
        (-step.log10()).ceil().clamp(1.0, 12.0) as usize
    } else {
        0
    };
    move |value| {
        if decimals == 0 {
            compact(value)
        } else {
            fixed(value, decimals)
        }
    }
}

fn drawable(value: &f64) -> bool {
    (0.0..MAX_COUNT).contains(value)
}

impl Curves<'_> {
    /// Nothing if fewer than two places have a value.
    pub(super) fn svg(&self) -> String {
        let values = || {
            self.lines
                .iter()
                .flat_map(|line| line.values.iter().flatten())
                .filter(|v| drawable(v))
        };
        let (Some(first), Some(last)) = (self.xs.first(), self.xs.last()) else {
            return String::new();
        };
        if last <= first || values().count() < 2 {
            return String::new();
        }
        let highest = values().fold(0.0, |a: f64, b| a.max(*b));
        let step = nice_step(highest);
        let margin = if self.dotted { (last - first) * 0.04 } else { 0.0 };
        let frame = Frame {
            x_min: first - margin,
            x_max: last + margin,
            y_min: 0.0,
            y_max: ((highest / step - 1e-9).ceil() * step).max(step),
        };
        let mut body = self.cut_mark(&frame);
        body.push_str(&frame.y_axis(step, tick(step)));
        for (position, (place, text)) in self.ticks.iter().enumerate() {
            let class = if position % 2 == 0 { "tick" } else { "tick extra" };
            if let Some(x) = self.xs.get(*place) {
                body.push_str(&frame.x_label(*x, text, class));
            }
        }
        body.push_str(&x_title(self.x_title));
        // What happened is drawn last, over what was expected.
        for line in self.lines.iter().rev() {
            body.push_str(&self.path(&frame, line));
        }
        body.push_str(&self.readouts(&frame));
        svg(self.id, &self.alternative, &body)
    }

    fn cut_mark(&self, frame: &Frame) -> String {
        let Some((x, text)) = &self.cut else {
            return String::new();
        };
        if !(frame.x_min..=frame.x_max).contains(x) {
            return String::new();
        }
        let x = frame.x(*x);
        // The text stands where there is more room, at the foot, where curves have left.
        let (text_x, anchor) = if x < (LEFT + WIDTH - RIGHT) / 2.0 {
            (x + 8.0, "start")
        } else {
            (x - 8.0, "end")
        };
        format!(
            "<rect class=\"after\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>\
             <line class=\"cut\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
             <text class=\"cut-text\" x=\"{text_x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
            WIDTH - RIGHT - x,
            HEIGHT - TOP - BOTTOM,
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM - 10.0,
        )
    }

    fn path(&self, frame: &Frame, line: &Line) -> String {
        let points = || {
            let pairs = self.xs.iter().zip(&line.values);
            pairs.filter_map(|(x, value)| Some((*x, (*value).filter(drawable)?)))
        };
        let mut out = format!("<path class=\"line {}\" d=\"{}\"/>", line.class, frame.path(points()));
        if self.dotted {
            for (x, y) in points() {
                let _ = write!(
                    out,
                    "<circle class=\"dot {}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>",
                    line.class,
                    frame.x(x),
                    frame.y(y)
                );
            }
        }
        out
    }

    fn readouts(&self, frame: &Frame) -> String {
        let shown = spread(self.xs.len(), MAX_BANDS);
        let at = |position: usize| shown.get(position).map(|i| frame.x(self.xs[*i]));
        let mut strips = Vec::with_capacity(shown.len());
        for (position, &i) in shown.iter().enumerate() {
            let x = frame.x(self.xs[i]);
            let before = position.checked_sub(1).and_then(at).unwrap_or(x);
            let after = at(position + 1).unwrap_or(x);
            let value = |line: &Line| line.values.get(i).copied().flatten().filter(drawable);
            let texts = self
                .lines
                .iter()
                .filter_map(|line| Some(format!("{} {}", (self.number)(value(line)?), line.label)));
            strips.push(Band {
                from: (before + x) / 2.0,
                to: (x + after) / 2.0,
                x,
                dots: self
                    .lines
                    .iter()
                    .filter_map(|l| Some((l.class, frame.y(value(l)?))))
                    .collect(),
                lines: self.places.get(i).cloned().into_iter().chain(texts).collect(),
            });
        }
        bands(&strips, (LEFT + 16.0, TOP + 22.0), "start")
    }

    /// The lines' names beside their strokes.
    pub(super) fn legend(&self) -> String {
        let items: String = self
            .lines
            .iter()
            .map(|line| format!("<span>{} {}</span>", swatch(line.class), line.label))
            .collect();
        format!("<p class=\"legend\">{items}</p>")
    }
}

pub(super) fn swatch(class: &str) -> String {
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 34 10\" aria-hidden=\"true\"><path class=\"line {class}\" d=\"M1 5L33 5\"/></svg>"
    )
}

/// A bar of a histogram with what was expected of it. Shares of customers.
pub(super) struct Bar {
    pub from: f64,
    pub to: f64,
    pub observed: f64,
    pub expected: f64,
    /// Escaped text without elements.
    pub place: String,
}

/// Observed shares as bars, expected ones as a curve. Nothing without a bar of some width.
pub(super) fn histogram(
    id: &str,
    alternative: &str,
    title: &str,
    bars: &[Bar],
    x_text: impl Fn(f64) -> String,
    share: fn(f64) -> String,
) -> String {
    let is_good = |bar: &&Bar| bar.from < bar.to && drawable(&bar.observed) && drawable(&bar.expected);
    let bars: Vec<&Bar> = bars.iter().filter(is_good).collect();
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return String::new();
    };
    let highest = bars.iter().map(|b| b.observed.max(b.expected)).fold(0.0, f64::max);
    let step = nice_step(highest);
    let frame = Frame {
        x_min: first.from,
        x_max: last.to,
        y_min: 0.0,
        y_max: ((highest / step - 1e-9).ceil() * step).max(step),
    };
    if !frame.x_min.is_finite() || !frame.x_max.is_finite() {
        return String::new();
    }
    let mut body = frame.y_axis(step, |value| {
        let decimals = usize::from(step * 100.0 < 0.999);
        format!("{}%", fixed(value * 100.0, decimals))
    });
    let x_step = nice_step(frame.x_max - frame.x_min);
    let ticks = (frame.x_min / x_step - 1e-9).ceil() as i64..=(frame.x_max / x_step + 1e-9).floor() as i64;
    for (position, k) in ticks.enumerate() {
        let class = if position % 2 == 0 { "tick" } else { "tick extra" };
        let x = k as f64 * x_step;
        body.push_str(&frame.x_label(x, &x_text(x), class));
    }
    body.push_str(&x_title(title));
    for bar in &bars {
        let (x, y) = (frame.x(bar.from), frame.y(bar.observed));
        let _ = write!(
            body,
            "<rect class=\"column\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x + 0.5,
            (frame.x(bar.to) - x - 1.0).max(0.5),
            (frame.y(0.0) - y).max(0.0),
        );
    }
    let middle = |bar: &Bar| (bar.from + bar.to) / 2.0;
    let curve = frame.path(bars.iter().map(|bar| (middle(bar), bar.expected)));
    let _ = write!(body, "<path class=\"line {FOREGROUND}\" d=\"{curve}\"/>");
    let strips: Vec<Band> = bars
        .iter()
        .map(|bar| Band {
            from: frame.x(bar.from),
            to: frame.x(bar.to),
            x: frame.x(middle(bar)),
            dots: vec![(FOREGROUND, frame.y(bar.expected))],
            lines: vec![
                bar.place.clone(),
                format!("{} observed", share(bar.observed)),
                format!("{} expected", share(bar.expected)),
            ],
        })
        .collect();
    body.push_str(&bands(&strips, (WIDTH - RIGHT - 14.0, TOP + 26.0), "end"));
    svg(id, alternative, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves<'a>(xs: &'a [f64], places: &'a [String], lines: &'a [Line]) -> Curves<'a> {
        Curves {
            id: "chart-test",
            alternative: String::new(),
            x_title: "",
            xs,
            places,
            ticks: vec![(0, "first".to_string()), (99, "nowhere".to_string())],
            lines,
            cut: Some((1.0, "cut".to_string())),
            dotted: true,
            number: |v| fixed(v, 1),
        }
    }

    #[test]
    fn values_that_are_no_numbers_are_left_out() {
        let lines = [
            Line {
                label: "bad".to_string(),
                class: ACTUAL,
                values: vec![Some(f64::NAN), Some(f64::INFINITY), Some(-1.0), None],
            },
            Line {
                label: "good".to_string(),
                class: FOREGROUND,
                values: vec![Some(1.0), None, Some(3.0)],
            },
        ];
        let places: Vec<String> = (0..3).map(|i| format!("place {i}")).collect();
        let chart = curves(&[0.0, 1.0, 2.0], &places, &lines).svg();
        assert!(chart.contains("good") && !chart.contains("bad"), "{chart}");
        assert!(!chart.contains("NaN") && !chart.contains("inf"));
        assert_eq!(curves(&[0.0], &places, &lines).svg(), "");
        assert_eq!(curves(&[0.0, 0.0], &places, &lines).svg(), "");
        assert_eq!(curves(&[0.0, 1.0], &places, &lines[..1]).svg(), "");
    }

    #[test]
    fn small_steps_have_the_decimals_to_differ() {
        for step in [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 20.0, 500.0] {
            let text = tick(step);
            let shown: Vec<String> = (0..6).map(|k| text(f64::from(k) * step)).collect();
            let mut distinct = shown.clone();
            distinct.dedup();
            assert_eq!(shown, distinct, "{step}");
        }
    }

    #[test]
    fn a_histogram_without_bars_is_nothing() {
        let share = |v: f64| fixed(v, 3);
        assert_eq!(histogram("x", "", "", &[], |v| fixed(v, 0), share), "");
        let bar = Bar {
            from: 1.0,
            to: 1.0,
            observed: 0.5,
            expected: f64::NAN,
            place: String::new(),
        };
        assert_eq!(histogram("x", "", "", &[bar], |v| fixed(v, 0), share), "");
    }
}
