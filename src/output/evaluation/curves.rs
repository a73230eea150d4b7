//! Purchases over time, week by week, by past frequency, and the spread of amounts.

use super::plots::{ACTUAL, Bar, Curves, FOREGROUND, Line, histogram, other, swatch};
use super::{View, plain};
use crate::clv::evaluation::{FrequencyBin, TrackSeries};
use crate::clv::model::Setting;
use crate::clv::tracking::TrackPoint;
use crate::output::report::charts::{MAX_POINTS, spread, whole};
use crate::output::report::format::{Money, NO_NUMBER, change, count, fixed, percent};
use crate::output::report::{Section, details, fact_list};
use crate::units::Day;

/// Rows of the table under a chart.
const MAX_ROWS: usize = 40;

/// Series over the same weeks, the one in the foreground first.
struct Tracks<'a> {
    series: Vec<&'a TrackSeries>,
}

impl<'a> Tracks<'a> {
    /// The reason if there is nothing to draw.
    fn new(view: &View<'a>) -> Result<Self, &'static str> {
        let mut series: Vec<&TrackSeries> = view.evaluation.tracking.iter().collect();
        let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
        let Some(front) = view.foreground(&names) else {
            return Err(match view.evaluation.setting {
                Setting::Noncontractual => "no model could predict, and baselines say nothing of single weeks",
                Setting::Discrete => {
                    "purchases are counted by opportunity, not by day, so there is no calendar of weeks"
                }
                Setting::Contractual => "renewals are counted by period, not by day, so there is no calendar of weeks",
            });
        };
        let first = series.remove(front);
        let same_weeks = |s: &&TrackSeries| {
            let weeks = |s: &TrackSeries| s.points.iter().map(|p| p.week_end_day).collect::<Vec<_>>();
            weeks(s) == weeks(first)
        };
        series.retain(same_weeks);
        series.insert(0, first);
        if first.points.len() < 2 {
            return Err("the history is shorter than two weeks, so there is no curve");
        }
        Ok(Self { series })
    }

    fn points(&self) -> &'a [TrackPoint] {
        &self.series[0].points
    }

    /// What happened and what each model expected, at `positions` of the points.
    fn lines(
        &self,
        positions: &[usize],
        actual: impl Fn(&[TrackPoint], usize) -> f64,
        expected: impl Fn(&[TrackPoint], usize) -> f64,
    ) -> Vec<Line> {
        let of = |points: &[TrackPoint], f: &dyn Fn(&[TrackPoint], usize) -> f64| {
            positions
                .iter()
                .map(|&i| Some(f(points, i)).filter(|v| v.is_finite()))
                .collect::<Vec<_>>()
        };
        let mut lines = vec![Line {
            label: "actual".to_string(),
            class: ACTUAL,
            values: of(self.points(), &actual),
        }];
        for (place, series) in self.series.iter().enumerate() {
            lines.push(Line {
                label: plain(&series.name),
                class: place.checked_sub(1).map_or(FOREGROUND, other),
                values: of(&series.points, &expected),
            });
        }
        lines
    }
}

/// Chart, legend, caption and table of series over weeks.
struct Weeks<'a> {
    id: &'static str,
    x_title: &'static str,
    alternative: String,
    caption: String,
    positions: Vec<usize>,
    lines: Vec<Line>,
    points: &'a [TrackPoint],
}

impl Weeks<'_> {
    fn html(&self, view: &View, facts: &[(String, String)]) -> String {
        let xs: Vec<f64> = self
            .positions
            .iter()
            .map(|&i| f64::from(self.points[i].week_end_day))
            .collect();
        let places: Vec<String> = self
            .positions
            .iter()
            .map(|&i| Day(self.points[i].week_end_day).to_string())
            .collect();
        let ticks = spread(places.len(), 5)
            .into_iter()
            .map(|i| (i, places[i].clone()))
            .collect();
        let cut_day = view.evaluation.cut_day;
        let curves = Curves {
            id: self.id,
            alternative: self.alternative.clone(),
            x_title: self.x_title,
            xs: &xs,
            places: &places,
            ticks,
            lines: &self.lines,
            cut: Some((f64::from(cut_day), format!("cut: {}", Day(cut_day)))),
            dotted: false,
            number: whole,
        };
        let chart = curves.svg();
        if chart.is_empty() {
            return "<p class=\"absent\">There are too few weeks with a number for a curve.</p>".to_string();
        }
        let heads: Vec<&str> = std::iter::once("Week ending")
            .chain(self.lines.iter().map(|l| l.label.as_str()))
            .collect();
        let rows: Vec<Vec<String>> = spread(places.len(), MAX_ROWS)
            .into_iter()
            .map(|i| {
                let numbers = self.lines.iter().map(|line| match line.values[i] {
                    Some(value) => whole(value),
                    None => NO_NUMBER.to_string(),
                });
                std::iter::once(places[i].clone()).chain(numbers).collect()
            })
            .collect();
        format!(
            "<div class=\"figure\"><figure>{}{chart}<figcaption>{}</figcaption></figure>{}</div>{}",
            curves.legend(),
            self.caption,
            fact_list(facts),
            scrolling(&details("Numbers of this chart", &heads, &rows))
        )
    }
}

/// A wide table scrolls in its own box.
pub(super) fn scrolling(details: &str) -> String {
    details
        .replacen(
            "</summary><table",
            "</summary><div class=\"scroll\" tabindex=\"0\"><table",
            1,
        )
        .replacen("</table></details>", "</table></div></details>", 1)
}

pub(super) fn cumulative(view: &View) -> Section {
    let (id, link, title) = ("tracking", "Tracking", "Purchases over time, added up");
    let tracks = match Tracks::new(view) {
        Ok(tracks) => tracks,
        Err(reason) => return Section::absent(id, link, title, reason, ""),
    };
    let points = tracks.points();
    let positions = spread(points.len(), MAX_POINTS);
    let lines = tracks.lines(&positions, |p, i| p[i].actual as f64, |p, i| p[i].expected);
    let front = &lines[1].label;
    let last = &points[points.len() - 1];
    let facts = in_holdout(view, points).map_or_else(Vec::new, |(since, actual, expected)| {
        let mut facts = vec![
            (whole(actual), format!("repeat purchases since {}", Day(since))),
            (whole(expected), format!("expected by {front}")),
        ];
        if 0.0 < actual && (expected / actual).is_finite() {
            facts.push((change(expected / actual - 1.0), "difference".to_string()));
        }
        facts
    });
    let body = Weeks {
        id: "chart-cumulative",
        x_title: "week ending",
        alternative: format!(
            "Lines by week. By {}, {} repeat purchases had happened; {front} expected {}. The cut is {}.",
            Day(last.week_end_day),
            whole(last.actual as f64),
            whole(last.expected),
            view.cut()
        ),
        caption: format!(
            "Repeat purchase days of all {} customers, added up. A model that runs parallel to the actual line after the \
             cut has the pace right, whatever it missed before.",
            count(view.evaluation.n_customers)
        ),
        positions,
        lines,
        points,
    }
    .html(view, &facts);
    Section {
        id,
        link,
        title: title.to_string(),
        lead: "How to read it: each model learnt from what lies left of the cut; right of it, the closer its line stays to \
               the actual one, the better it would have planned. These lines use first purchases and the calendar only, so \
               their totals differ a little from those of the table, which know each customer's history."
            .to_string(),
        body,
    }
}

/// Last week that ended by the cut, and repeat purchases since then: actual, and of the first series.
fn in_holdout(view: &View, points: &[TrackPoint]) -> Option<(i32, f64, f64)> {
    let last = points.last()?;
    let before = points
        .iter()
        .rev()
        .find(|p| p.week_end_day <= view.evaluation.cut_day)?;
    let expected = last.expected - before.expected;
    let actual = last.actual.saturating_sub(before.actual) as f64;
    (expected.is_finite() && before.week_end_day < last.week_end_day).then_some((before.week_end_day, actual, expected))
}

/// Of each point, what came since the one before.
fn step_of(points: &[TrackPoint], i: usize, value: impl Fn(&TrackPoint) -> f64) -> f64 {
    let before = i.checked_sub(1).map_or(0.0, |before| value(&points[before]));
    (value(&points[i]) - before).max(0.0)
}

pub(super) fn weekly(view: &View) -> Section {
    let (id, link, title) = ("weekly", "Week by week", "Purchases week by week");
    let tracks = match Tracks::new(view) {
        Ok(tracks) => tracks,
        Err(reason) => return Section::absent(id, link, title, reason, ""),
    };
    let points = tracks.points();
    let width = i64::from(points[1].week_end_day) - i64::from(points[0].week_end_day);
    // A last week that is cut short would look like a collapse.
    let n = points.len();
    let is_short = 2 < n && i64::from(points[n - 1].week_end_day) - i64::from(points[n - 2].week_end_day) < width;
    let positions = spread(n - usize::from(is_short), MAX_POINTS);
    let lines = tracks.lines(
        &positions,
        |p, i| step_of(p, i, |p| p.actual as f64),
        |p, i| step_of(p, i, |p| p.expected),
    );
    let after: Vec<usize> = (1..n - usize::from(is_short))
        .filter(|&i| view.evaluation.cut_day <= points[i - 1].week_end_day)
        .collect();
    let facts = weekly_facts(points, &after, width);
    let weeks = if width == 7 {
        "a week".to_string()
    } else {
        format!("{} weeks", width / 7)
    };
    let mut caption = format!("Repeat purchase days of all customers in {weeks}.");
    if is_short {
        caption.push_str(" The last days, less than a whole week, are left out.");
    }
    let front = &lines[1].label;
    let body = Weeks {
        id: "chart-weekly",
        x_title: "week ending",
        alternative: format!(
            "Lines by week: actual repeat purchases swing around what {front} expected. The cut is {}.",
            view.cut()
        ),
        caption,
        positions,
        lines,
        points,
    }
    .html(view, &facts);
    Section {
        id,
        link,
        title: title.to_string(),
        lead: "How to read it: peaks and troughs of the actual line that no model follows are season or chance; a gap \
               on one side, week after week, is a bias."
            .to_string(),
        body,
    }
}

/// How far the worst whole week after the cut was off, and on which side most weeks were.
fn weekly_facts(points: &[TrackPoint], after: &[usize], width: i64) -> Vec<(String, String)> {
    let gap = |&i: &usize| step_of(points, i, |p| p.actual as f64) - step_of(points, i, |p| p.expected);
    let gaps: Vec<(usize, f64)> = after
        .iter()
        .map(|i| (*i, gap(i)))
        .filter(|(_, g)| g.is_finite())
        .collect();
    let Some((worst, _)) = gaps.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())) else {
        return Vec::new();
    };
    let what = if width == 7 { "weeks" } else { "points" };
    let above = gaps.iter().filter(|(_, g)| 0.0 < *g).count();
    vec![
        (
            format!("{above} of {}", gaps.len()),
            format!("{what} since the cut brought more than expected"),
        ),
        (
            whole(step_of(points, *worst, |p| p.actual as f64)),
            format!(
                "came in the {} to {}, where {} were expected: the largest miss",
                if width == 7 { "week" } else { "weeks" },
                Day(points[*worst].week_end_day),
                whole(step_of(points, *worst, |p| p.expected))
            ),
        ),
    ]
}

fn bin_text(bin: &FrequencyBin) -> String {
    let more = if bin.or_more { " or more" } else { "" };
    format!("{}{more}", bin.repeat_days)
}

pub(super) fn by_frequency(view: &View) -> Section {
    let (id, link, title) = (
        "frequency",
        "By frequency",
        "Who came back, by how often they had bought before",
    );
    let bins = &view.evaluation.by_frequency;
    let (one, many) = view.orders();
    let mut names: Vec<&str> = Vec::new();
    for score in &view.evaluation.models {
        let is_there = |bin: &FrequencyBin| bin.predicted.iter().any(|p| p.name == score.name);
        if bins.iter().any(is_there) {
            names.push(&score.name);
        }
    }
    if bins.is_empty() || names.is_empty() {
        let reason = if bins.is_empty() {
            "there are no customers to compare by frequency"
        } else {
            "no contender could predict, so there is nothing to compare by frequency"
        };
        return Section::absent(id, link, title, reason, "");
    }
    if let Some(front) = view.foreground(&names) {
        let front = names.remove(front);
        names.insert(0, front);
    }
    let finite = |x: f64| Some(x).filter(|x| x.is_finite());
    let mut lines = vec![Line {
        label: "actual".to_string(),
        class: ACTUAL,
        values: bins.iter().map(|bin| finite(bin.actual_mean)).collect(),
    }];
    for (place, name) in names.iter().enumerate() {
        let mean = |bin: &FrequencyBin| {
            bin.predicted
                .iter()
                .find(|p| p.name == *name)
                .and_then(|p| finite(p.mean))
        };
        lines.push(Line {
            label: plain(name),
            class: place.checked_sub(1).map_or(FOREGROUND, other),
            values: bins.iter().map(mean).collect(),
        });
    }
    let xs: Vec<f64> = bins.iter().map(|bin| f64::from(bin.repeat_days)).collect();
    let places: Vec<String> = bins.iter().map(bin_text).collect();
    let readouts: Vec<String> = bins
        .iter()
        .map(|bin| format!("{} before, {} customers", bin_text(bin), count(bin.n_customers)))
        .collect();
    let ticks = bins.iter().enumerate().map(|(i, bin)| {
        let more = if bin.or_more { "+" } else { "" };
        (i, format!("{}{more}", bin.repeat_days))
    });
    let curves = Curves {
        id: "chart-frequency",
        alternative: format!(
            "Lines by number of repeat purchase days before the cut: mean {many} in the holdout, actual and expected by {}.",
            lines[1].label
        ),
        x_title: match view.evaluation.setting {
            Setting::Noncontractual => "repeat purchase days before the cut",
            Setting::Discrete => "opportunities used before the cut, the first not counted",
            Setting::Contractual => "renewals before the cut",
        },
        xs: &xs,
        places: &readouts,
        ticks: ticks.collect(),
        lines: &lines,
        cut: None,
        dotted: true,
        number: |v| fixed(v, 2),
    };
    let chart = curves.svg();
    let figure = if chart.is_empty() {
        "<p class=\"absent\">All customers had bought equally often, so there is no curve: the numbers are below.</p>"
            .to_string()
    } else {
        format!(
            "<div class=\"figure\"><figure>{}{chart}<figcaption>Mean {many} in {}. The last point stands for its number \
             and all above.</figcaption></figure>{}</div>",
            curves.legend(),
            view.days_after(),
            fact_list(&frequency_facts(bins, &lines[1], one, many))
        )
    };
    let mut heads = vec!["Bought before", "Customers"];
    heads.extend(lines.iter().map(|line| line.label.as_str()));
    let rows: Vec<Vec<String>> = bins
        .iter()
        .enumerate()
        .map(|(i, bin)| {
            let numbers = lines.iter().map(|line| match line.values[i] {
                Some(value) => fixed(value, 3),
                None => NO_NUMBER.to_string(),
            });
            [places[i].clone(), count(bin.n_customers)]
                .into_iter()
                .chain(numbers)
                .collect()
        })
        .collect();
    Section {
        id,
        link,
        title: title.to_string(),
        lead: "How to read it: at each frequency, a line above the actual one expected too much of those customers, a line \
               below too little; misses at 0 weigh most, because most customers stand there."
            .to_string(),
        body: format!("{figure}{}", scrolling(&details("Numbers of this chart", &heads, &rows))),
    }
}

/// The first bin and the last, where models err most.
fn frequency_facts(bins: &[FrequencyBin], front: &Line, one: &str, many: &str) -> Vec<(String, String)> {
    let fact = |i: usize| {
        let bin = bins.get(i)?;
        let expected = front.values.get(i).copied().flatten()?;
        Some((
            fixed(bin.actual_mean, 2),
            format!(
                "{} each from {} with {} repeats before; {} expected by {}",
                if fixed(bin.actual_mean, 2) == "1.00" { one } else { many },
                if bin.n_customers == 1 {
                    "1 customer".to_string()
                } else {
                    format!("{} customers", count(bin.n_customers))
                },
                bin_text(bin),
                fixed(expected, 2),
                front.label
            ),
        ))
    };
    let last = bins.len().saturating_sub(1);
    fact(0)
        .into_iter()
        .chain((0 < last).then(|| fact(last)).flatten())
        .collect()
}

pub(super) fn spend(view: &View) -> Section {
    let (id, link, title) = ("spend", "Spend", "What an order is worth: observed and expected");
    let Some(density) = &view.evaluation.spend_density else {
        let reason = "amounts of repeat orders are missing or do not fit Gamma-Gamma, so there is no density of spend";
        return Section::absent(id, link, title, reason, "");
    };
    let money = Money::new(view.facts.currency.as_deref());
    let bars: Vec<Bar> = density
        .bins
        .iter()
        .map(|bin| Bar {
            from: bin.from_amount,
            to: bin.to_amount,
            observed: bin.observed_share,
            expected: bin.expected_share,
            place: format!("{} to {}", money.short(bin.from_amount), money.short(bin.to_amount)),
        })
        .collect();
    let alternative = format!(
        "Bars: share of {} customers by their mean amount of a repeat order. Line: what Gamma-Gamma expects.",
        count(density.n_customers)
    );
    let chart = histogram(
        "chart-spend",
        &alternative,
        "mean amount of a customer's repeat orders",
        &bars,
        |x| money.short(x).replace(".00", ""),
        percent,
    );
    if chart.is_empty() {
        let reason = "all customers spend the same on average, so there is no density of spend";
        return Section::absent(id, link, title, reason, "");
    }
    let beyond = if 0.0 < density.beyond_share && density.beyond_share.is_finite() {
        format!(
            " {} of them spend more than the picture shows.",
            percent(density.beyond_share)
        )
    } else {
        String::new()
    };
    let rows: Vec<Vec<String>> = bars
        .iter()
        .map(|bar| vec![bar.place.clone(), percent(bar.observed), percent(bar.expected)])
        .collect();
    // Half the sum of absolute differences: the share that would have to move.
    let apart: f64 = bars.iter().map(|b| (b.observed - b.expected).abs()).sum::<f64>() / 2.0;
    let facts = fact_list(&[
        (
            count(density.n_customers),
            "customers with repeat orders of a positive amount".to_string(),
        ),
        (
            percent(apart),
            "of them would have to spend otherwise for bars and line to agree".to_string(),
        ),
    ]);
    Section {
        id,
        link,
        title: title.to_string(),
        lead:
            "How to read it: bars and line should have the same shape; a peak of bars beside the line is a price or a \
               kind of customer that one distribution does not know."
                .to_string(),
        body: format!(
            "<div class=\"figure\"><figure><p class=\"legend\"><span><i class=\"block\"></i> observed</span>\
             <span>{} expected by Gamma-Gamma</span></p>{chart}<figcaption>Customers by the mean amount of their repeat \
             orders before the cut.{beyond}</figcaption></figure>{facts}</div>{}",
            swatch(FOREGROUND),
            details("Numbers of this chart", &["Mean amount", "Observed", "Expected"], &rows)
        ),
    }
}
