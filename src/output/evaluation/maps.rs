//! The two maps of a model by frequency and recency: expected orders, and the probability of being alive.
//!
//! Cells are shaded in steps, so that the edges between shades are lines of equal value, as in the iso-value curves of
//! Fader, Hardie and Lee (2005). Neighbours of one shade are drawn as one rectangle.

use std::fmt::Write as _;

use super::{View, plain};
use crate::clv::evaluation::Heat;
use crate::clv::model::Setting;
use crate::output::report::charts::{nice_step, spread};
use crate::output::report::format::{NO_NUMBER, compact, count, fixed, percent};
use crate::output::report::{Section, details};

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 58.0;

/// Shades, light to dark.
const SHADES: usize = 10;
const PALE: [f64; 3] = [239.0, 245.0, 251.0];
const MIDDLE: [f64; 3] = [31.0, 108.0, 171.0];
const DARK: [f64; 3] = [11.0, 60.0, 109.0];

const SHADES_OF_NUMBERS: i32 = 7;

/// Finer maps are thinned to this many rows and columns; tables to fewer.
const MAX_CELLS: usize = 60;
const MAX_TABLE: usize = 8;

/// Colour of a shade among `n`.
fn colour(shade: usize, n: usize) -> String {
    let place = shade.min(n.saturating_sub(1)) as f64 / (n.max(2) - 1) as f64;
    let (from, to, t) = if place < 0.7 {
        (PALE, MIDDLE, place / 0.7)
    } else {
        (MIDDLE, DARK, (place - 0.7) / 0.3)
    };
    let channel = |k: usize| (from[k] + (to[k] - from[k]) * t).round() as u8;
    format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
}

/// A scale from 0: shade k holds values from edge k up to edge k + 1.
struct Scale {
    /// Ascending, the first is 0; values beyond the last are of the last shade.
    edges: Vec<f64>,
    text: fn(f64) -> String,
}

impl Scale {
    fn probabilities() -> Self {
        Self {
            edges: (0..=SHADES).map(|k| k as f64 / SHADES as f64).collect(),
            text: |v| percent(v).replace(".0%", "%"),
        }
    }

    /// For values from 0 to `highest`: 1, 2, 5, 10 and so on up to the highest. Most histories are worth little, and
    /// equal steps would leave them all in the first shade.
    fn numbers(highest: f64) -> Self {
        let series = |place: i32| {
            let digit = [1.0, 2.0, 5.0][place.rem_euclid(3) as usize];
            // Dividing keeps 0.1 what it is; multiplying by 10⁻¹ does not.
            match place.div_euclid(3) {
                power if power < 0 => digit / 10f64.powi(-power),
                power => digit * 10f64.powi(power),
            }
        };
        let highest = highest.clamp(1e-9, 1e12);
        let top = (-28..=37).find(|place| highest <= series(*place)).unwrap_or(37);
        let rising = (top + 1 - SHADES_OF_NUMBERS..=top).map(series);
        Self {
            edges: std::iter::once(0.0).chain(rising).collect(),
            text: |v| {
                if 1e3 <= v || v == 0.0 {
                    compact(v)
                } else {
                    format!("{v}")
                }
            },
        }
    }

    /// Shades.
    fn n(&self) -> usize {
        self.edges.len() - 1
    }

    fn shade(&self, value: f64) -> usize {
        let below = self.edges.partition_point(|edge| *edge <= value * (1.0 + 1e-12));
        below.saturating_sub(1).min(self.n() - 1)
    }

    fn range(&self, shade: usize) -> String {
        format!(
            "{} to {}",
            (self.text)(self.edges[shade]),
            (self.text)(self.edges[shade + 1])
        )
    }

    /// Shades in a row, each over the value where it begins.
    fn legend(&self) -> String {
        let shades: String = (0..self.n())
            .map(|k| {
                let (colour, from) = (colour(k, self.n()), (self.text)(self.edges[k]));
                format!("<span><i style=\"background:{colour}\"></i>{from}</span>")
            })
            .collect();
        format!("<p class=\"steps\">{shades}</p>")
    }
}

/// Rows and columns of one map that are drawn.
struct Grid<'a> {
    heat: &'a Heat,
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: &'a [Vec<Option<f64>>],
}

impl<'a> Grid<'a> {
    fn new(heat: &'a Heat, values: &'a [Vec<Option<f64>>]) -> Self {
        Self {
            heat,
            rows: spread(heat.x.len(), MAX_CELLS),
            columns: spread(heat.t_x.len(), MAX_CELLS),
            values,
        }
    }

    fn value(&self, row: usize, column: usize) -> Option<f64> {
        let value = self.values.get(row)?.get(column).copied().flatten()?;
        (value.is_finite() && 0.0 <= value).then_some(value)
    }

    fn shown(&self) -> impl Iterator<Item = f64> + '_ {
        let cells = self
            .rows
            .iter()
            .flat_map(|&r| self.columns.iter().map(move |&c| (r, c)));
        cells.filter_map(|(r, c)| self.value(r, c))
    }

    fn highest(&self) -> Option<f64> {
        self.shown().reduce(f64::max)
    }

    fn lowest(&self) -> Option<f64> {
        self.shown().reduce(f64::min)
    }

    fn cell(&self) -> (f64, f64) {
        (
            (WIDTH - LEFT - RIGHT) / self.columns.len().max(1) as f64,
            (HEIGHT - TOP - BOTTOM) / self.rows.len().max(1) as f64,
        )
    }

    fn svg(&self, id: &str, alternative: &str, scale: &Scale, titles: &Titles) -> String {
        let (width, height) = self.cell();
        let mut body = format!(
            "<rect class=\"void\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            WIDTH - LEFT - RIGHT,
            HEIGHT - TOP - BOTTOM
        );
        for (place, &row) in self.rows.iter().enumerate() {
            let y = HEIGHT - BOTTOM - (place + 1) as f64 * height;
            let shade = |column: usize| self.value(row, column).map(|v| scale.shade(v));
            let mut from = 0;
            while from < self.columns.len() {
                let own = shade(self.columns[from]);
                let run = self.columns[from..].iter().take_while(|c| shade(**c) == own).count();
                if let Some(own) = own {
                    let _ = write!(
                        body,
                        "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"><title>{}</title></rect>",
                        LEFT + from as f64 * width,
                        // A little over the edge, or hairlines show between cells.
                        run as f64 * width + 0.3,
                        height + 0.3,
                        colour(own, scale.n()),
                        titles.of_run(
                            self.heat,
                            row,
                            self.columns[from],
                            self.columns[from + run - 1],
                            &scale.range(own)
                        )
                    );
                }
                from += run;
            }
        }
        self.axes(&mut body, titles);
        format!(
            "<svg class=\"chart half\" id=\"{id}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{alternative}\">{body}</svg>"
        )
    }

    fn axes(&self, body: &mut String, titles: &Titles) {
        let (width, height) = self.cell();
        let highest = self.rows.iter().map(|r| self.heat.x[*r]).max().unwrap_or_default();
        let step = nice_step(f64::from(highest)).clamp(1.0, 1e9) as u32;
        for (place, row) in self.rows.iter().enumerate() {
            let x = self.heat.x[*row];
            if x.is_multiple_of(step) {
                let _ = write!(
                    body,
                    "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" dy=\".35em\" text-anchor=\"end\">{}</text>",
                    LEFT - 8.0,
                    HEIGHT - BOTTOM - (place as f64 + 0.5) * height,
                    count(u64::from(x))
                );
            }
        }
        // Columns are evenly spread from the first to the last.
        let (first, last) = match (self.columns.first(), self.columns.last()) {
            (Some(first), Some(last)) => (self.heat.t_x[*first], self.heat.t_x[*last]),
            _ => (0.0, 0.0),
        };
        let step = nice_step(last - first).max(1.0);
        let ticks = if first < last && (last - first).is_finite() {
            ((last - first) / step + 1e-9) as u32
        } else {
            0
        };
        for k in 0..=ticks.min(9) {
            let class = if k % 2 == 0 { "tick" } else { "tick extra" };
            let share = if ticks == 0 {
                0.0
            } else {
                f64::from(k) * step / (last - first)
            };
            let _ = write!(
                body,
                "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                LEFT + (share * (self.columns.len() - 1) as f64 + 0.5) * width,
                HEIGHT - BOTTOM + 20.0,
                fixed(first + f64::from(k) * step, 0)
            );
        }
        let _ = write!(
            body,
            "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text class=\"axis\" transform=\"translate(13 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 10.0,
            titles.x,
            (TOP + HEIGHT - BOTTOM) / 2.0,
            titles.y,
        );
    }

    /// A few rows and columns as a table, most frequent first, as the map has them.
    fn table(&self, scale_text: impl Fn(f64) -> String, titles: &Titles) -> String {
        let pick = |from: &[usize]| {
            spread(from.len(), MAX_TABLE)
                .into_iter()
                .map(|i| from[i])
                .collect::<Vec<_>>()
        };
        let (rows, columns) = (pick(&self.rows), pick(&self.columns));
        let heads: Vec<String> = columns.iter().map(|c| fixed(self.heat.t_x[*c], 0)).collect();
        let corner = format!("repeats ↓ {} →", titles.unit);
        let heads: Vec<&str> = std::iter::once(corner.as_str())
            .chain(heads.iter().map(String::as_str))
            .collect();
        let lines: Vec<Vec<String>> = rows
            .iter()
            .rev()
            .map(|&r| {
                let cells = columns.iter().map(|&c| match self.value(r, c) {
                    Some(value) => scale_text(value),
                    None => NO_NUMBER.to_string(),
                });
                std::iter::once(count(u64::from(self.heat.x[r]))).chain(cells).collect()
            })
            .collect();
        super::curves::scrolling(&details("Numbers of this map", &heads, &lines))
    }
}

/// What the axes and cells are called.
struct Titles {
    x: &'static str,
    y: &'static str,
    unit: &'static str,
    what: &'static str,
}

impl Titles {
    fn of_run(&self, heat: &Heat, row: usize, from: usize, to: usize, range: &str) -> String {
        let (from, to) = (fixed(heat.t_x[from], 0), fixed(heat.t_x[to], 0));
        let span = if from == to { from } else { format!("{from} to {to}") };
        format!("{} repeats, {span} {}: {} {range}", heat.x[row], self.unit, self.what)
    }
}

pub(super) fn section(view: &View) -> Section {
    let (id, link, title) = (
        "maps",
        "Frequency and recency",
        "What a history is worth: frequency and recency",
    );
    let heats = &view.evaluation.heat;
    let names: Vec<&str> = heats.iter().map(|h| h.name.as_str()).collect();
    let Some(heat) = view.foreground(&names).map(|i| &heats[i]) else {
        let reason = match view.evaluation.setting {
            Setting::Contractual => "leaving is seen in this setting, so there is no probability of being alive to map",
            _ => "no model could predict, so there is nothing to map",
        };
        return Section::absent(id, link, title, reason, "");
    };
    let (alive, orders) = (
        Grid::new(heat, &heat.alive_prob),
        Grid::new(heat, &heat.expected_orders),
    );
    let (Some(highest), Some(_)) = (orders.highest(), alive.highest()) else {
        return Section::absent(
            id,
            link,
            title,
            "no history has a prediction, so there is nothing to map",
            "",
        );
    };
    let discrete = view.evaluation.setting == Setting::Discrete;
    let titles = |what| Titles {
        x: if discrete {
            "last opportunity used"
        } else {
            "days from first to last purchase"
        },
        y: if discrete {
            "opportunities used"
        } else {
            "repeat purchase days"
        },
        unit: view.time_unit().1,
        what,
    };
    let model = plain(&heat.name);
    let scale = Scale::numbers(highest);
    let age = format!("{} {}", fixed(heat.age, 0), view.time_unit().1);
    let horizon = format!("{} {}", fixed(heat.horizon, 0), view.time_unit().1);
    let to_come = titles("expected");
    let staying = titles("P(alive)");
    let figure = |heading: &str, map: String, legend: String, numbers: String| {
        format!("<div><h3>{heading}</h3><figure>{map}{legend}</figure>{numbers}</div>")
    };
    // The limit without dropout: silence means nothing.
    let stays = if alive.lowest().is_some_and(|least| 0.99 <= least) {
        " It sees nobody leave, so when a customer last bought makes no difference."
    } else {
        ""
    };
    let body = format!(
        "<div class=\"two\">{}{}</div><p class=\"note\">{model}, for customers who first bought {age} before the cut. A \
         history that cannot be is left grey. Each shade begins at the value under it; \
         the edges between shades are lines of equal value.{stays}</p>",
        figure(
            &format!("Expected orders in the next {horizon}"),
            orders.svg(
                "map-orders",
                &format!(
                    "Map of expected orders by repeat purchases and time of the last purchase, by {model}; the highest is {}.",
                    fixed(highest, 1)
                ),
                &scale,
                &to_come
            ),
            scale.legend(),
            orders.table(|v| fixed(v, 2), &to_come),
        ),
        figure(
            "P(alive): the probability of still being a customer",
            alive.svg(
                "map-alive",
                &format!("Map of the probability of being alive by repeat purchases and time of the last purchase, by {model}."),
                &Scale::probabilities(),
                &staying
            ),
            Scale::probabilities().legend(),
            alive.table(|p| fixed(p * 100.0, 0) + "%", &staying),
        ),
    );
    Section {
        id,
        link,
        title: title.to_string(),
        lead: "How to read it: up are customers who bought often, right those who bought just before the cut; bottom right to \
               top right the value rises, and top left stand the frequent ones who fell silent and are most likely gone."
            .to_string(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_shade_and_the_edges_are_round() {
        for highest in [0.0, 1e-12, 1e-6, 0.03, 0.7, 1.0, 2.6, 9.99, 10.0, 41.0, 1e6, 1e300] {
            let scale = Scale::numbers(highest);
            assert_eq!(scale.n(), SHADES_OF_NUMBERS as usize, "{highest}");
            assert!(scale.edges.windows(2).all(|pair| pair[0] < pair[1]), "{highest}");
            assert_eq!(scale.shade(0.0), 0);
            if (1e-9..=1e12).contains(&highest) {
                let last = scale.edges[scale.n()];
                assert!(
                    highest <= last && last <= 2.5 * highest * (1.0 + 1e-9),
                    "{highest}: {last}"
                );
            }
            let texts: Vec<String> = scale.edges.iter().map(|edge| (scale.text)(*edge)).collect();
            assert!(texts.iter().all(|text| text.len() < 14), "{texts:?}");
        }
        let texts: Vec<String> = Scale::numbers(6.9)
            .edges
            .iter()
            .map(|v| (Scale::numbers(6.9).text)(*v))
            .collect();
        assert_eq!(
            texts,
            ["0", "0.1", "0.2", "0.5", "1", "2", "5", "10"].map(String::from)[..].to_vec()
        );
        assert_eq!(Scale::numbers(6.9).shade(5.0), 6);
        assert_eq!(Scale::numbers(6.9).range(6), "5 to 10");
        assert_eq!(Scale::probabilities().shade(1.0), SHADES - 1);
        assert_eq!(Scale::probabilities().range(0), "0% to 10%");
    }

    #[test]
    fn shades_get_darker() {
        let light = |k| {
            let text = colour(k, SHADES);
            (0..3)
                .map(|i| u32::from_str_radix(&text[1 + 2 * i..3 + 2 * i], 16).unwrap())
                .sum::<u32>()
        };
        assert!((1..SHADES).all(|k| light(k) < light(k - 1)));
        assert_eq!(colour(0, 1), colour(0, SHADES));
    }
}
