//! What `evaluate` prints: a table of contenders, and a line each on the winner, the bias and the interval.

use std::fmt::Write as _;

use super::screen::{count, printable};
use crate::clv::evaluation::{Evaluation, Kind, ModelScore};
use crate::output::evaluation::best;
use crate::units::Day;

/// Widest name; a longer one is cut.
const NAME: usize = 14;
/// Columns after the name: heading and width. With marks, name and the spaces between, a line has 100 columns.
const COLUMNS: [(&str, usize); 9] = [
    ("log-lik.", 10),
    ("BIC", 10),
    ("log score", 10),
    ("MAE", 6),
    ("RMSE", 6),
    ("orders", 8),
    ("revenue", 8),
    ("top 20 %", 8),
    ("interval", 8),
];
const NONE: &str = "-";

/// "2,357", or "32,822 of 262,574".
fn customers(evaluation: &Evaluation) -> String {
    let judged = count(evaluation.n_customers);
    if evaluation.n_customers < evaluation.of_customers {
        format!("{judged} of {}", count(evaluation.of_customers))
    } else {
        judged
    }
}

/// The contenders of an evaluation; `chosen` is the one that predictions rest on.
pub fn contenders(evaluation: &Evaluation, chosen: Option<&str>) -> String {
    let best = best(evaluation);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} customers by {}; {} in the {} days after\n",
        customers(evaluation),
        Day(evaluation.cut_day),
        orders(evaluation.actual_orders),
        count(u64::from(evaluation.holdout_days)),
    );
    let _ = write!(text, "   {:NAME$}", "");
    for (heading, width) in COLUMNS {
        let _ = write!(text, " {heading:>width$}");
    }
    text.push('\n');
    for score in &evaluation.models {
        let is_best = best.is_some_and(|best| std::ptr::eq(best, score));
        let mark = if is_best { '*' } else { ' ' };
        let used = if chosen == Some(score.name.as_str()) { '>' } else { ' ' };
        let _ = write!(text, "{mark}{used} {:NAME$}", short(&score.name));
        for (value, (_, width)) in row(score).iter().zip(COLUMNS) {
            let _ = write!(text, " {value:>width$}");
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "\n* least RMSE  > used  errors in orders a customer; orders, revenue: too many (+) or too few (-)"
    );
    if let Some(best) = best {
        let _ = writeln!(text, "best        {}", winner(evaluation, best));
    } else {
        let _ = writeln!(text, "best        nobody: no contender could predict");
    }
    let focus = evaluation.models.iter().find(|m| Some(m.name.as_str()) == chosen);
    if let Some(focus) = focus.filter(|m| m.orders.predicted.is_some()).or(best) {
        let _ = writeln!(text, "bias        {}", bias(evaluation, focus));
        let _ = writeln!(text, "interval    {}", coverage(focus));
    }
    printable(&text)
}

fn orders(n: u64) -> String {
    if n == 1 {
        "1 order".to_owned()
    } else {
        format!("{} orders", count(n))
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= NAME {
        name.to_owned()
    } else {
        name.chars().take(NAME - 1).chain(['…']).collect()
    }
}

fn row(score: &ModelScore) -> [String; 9] {
    let coverage = score.coverage.map(|c| c.orders);
    [
        number(score.log_likelihood, 1, 10),
        number(score.bic, 1, 10),
        number(score.log_score, 1, 10),
        number(score.orders.mae, 3, 6),
        number(score.orders.rmse, 3, 6),
        change(score.orders.bias),
        change(score.amount.bias),
        share(score.top_fifth_share),
        share(coverage),
    ]
}

/// With separators and as many decimals, up to `decimals`, as fit into `width`; with an exponent if none do.
fn number(value: Option<f64>, decimals: usize, width: usize) -> String {
    let Some(value) = value.filter(|v| v.is_finite()) else {
        return NONE.to_owned();
    };
    let fits = (0..=decimals).rev().map(|decimals| separated(value, decimals));
    let plain = if value.abs() < 1e15 {
        fits.into_iter().find(|t| t.len() <= width)
    } else {
        None
    };
    plain.unwrap_or_else(|| format!("{value:.0e}"))
}

fn separated(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    let sign = if value < 0.0 && !is_zero { "-" } else { "" };
    format!("{sign}{}{rest}", whole.parse().map_or_else(|_| whole.to_owned(), count))
}

fn share(value: Option<f64>) -> String {
    match number(value.map(|v| 100.0 * v), 1, 6).as_str() {
        NONE => NONE.to_owned(),
        text => format!("{text} %"),
    }
}

/// A share with its sign.
fn change(value: Option<f64>) -> String {
    let text = share(value);
    let is_more = value.is_some_and(|v| 0.0005 <= v);
    if is_more && text != NONE {
        format!("+{text}")
    } else {
        text
    }
}

fn winner(evaluation: &Evaluation, best: &ModelScore) -> String {
    let error = best.orders.rmse.unwrap_or_default();
    let (kind, rival_kind) = match best.kind {
        Kind::Model => ("", "simple rule"),
        Kind::Baseline => (", a simple rule", "model"),
    };
    let rivals = evaluation.models.iter().filter(|m| m.kind != best.kind);
    let rival = rivals
        .filter_map(|m| Some((m, m.orders.rmse.filter(|e| e.is_finite())?)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let mut text = format!("{}{kind}: RMSE {}", best.name, number(Some(error), 3, 9));
    if let Some((rival, rival_error)) = rival {
        let less = share(Some(1.0 - error / rival_error));
        if less != NONE {
            let _ = write!(text, ", {less} less than the best {rival_kind}, {}", rival.name);
        }
    }
    text
}

fn bias(evaluation: &Evaluation, focus: &ModelScore) -> String {
    let expected = number(
        focus.orders.predicted,
        usize::from(focus.orders.predicted < Some(9.95)),
        15,
    );
    let came = count(evaluation.actual_orders);
    let by = match change(focus.orders.bias).as_str() {
        NONE => String::new(),
        text => format!(" ({text})"),
    };
    format!("{} expected {expected} orders, {came} came{by}", focus.name)
}

fn coverage(focus: &ModelScore) -> String {
    let Some(coverage) = focus.coverage else {
        return format!("{} is a simple rule and gives none", focus.name);
    };
    let amounts = match share(coverage.amount).as_str() {
        NONE => String::new(),
        text => format!(", amounts of {text}"),
    };
    format!(
        "for {} of customers; held orders of {} (ties by lot: {}){amounts}",
        share(Some(coverage.nominal)),
        share(Some(coverage.orders)),
        share(Some(coverage.orders_randomised)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clv::evaluation::{Coverage, Errors};
    use crate::clv::model::Setting;

    fn score(name: &str, kind: Kind, rmse: f64, bias: f64) -> ModelScore {
        let is_model = kind == Kind::Model;
        ModelScore {
            name: name.to_owned(),
            kind,
            status: None,
            longest_silence_days: None,
            log_likelihood: is_model.then_some(-14_363.237),
            bic: is_model.then_some(28_757.54),
            log_score: is_model.then_some(-2_314.8),
            orders: Errors {
                predicted: Some(1_882.0 * (1.0 + bias)),
                mae: Some(0.764_78),
                rmse: Some(rmse),
                bias: Some(bias),
            },
            amount: Errors {
                bias: Some(-0.195),
                ..Errors::default()
            },
            top_fifth_share: Some(0.668_69),
            coverage: is_model.then_some(Coverage {
                nominal: 0.9,
                orders: 0.945_69,
                orders_randomised: 0.887_43,
                amount: Some(0.920_24),
            }),
        }
    }

    fn evaluation(models: Vec<ModelScore>) -> Evaluation {
        Evaluation {
            setting: Setting::Noncontractual,
            cut_day: 10_134,
            holdout_days: 273,
            n_customers: 2_357,
            of_customers: 2_357,
            actual_orders: 1_882,
            actual_amount: 70_976.0,
            models,
            by_frequency: Vec::new(),
            tracking: Vec::new(),
            heat: Vec::new(),
            spend_density: None,
        }
    }

    #[test]
    fn the_table_is_aligned_and_marks_the_winner() {
        let text = contenders(
            &evaluation(vec![
                score("mbg_nbd", Kind::Model, 1.607_18, -0.162_2),
                score("pareto_nbd", Kind::Model, 1.602_85, -0.115),
                score("rate", Kind::Baseline, 2.211_92, 0.556_9),
            ]),
            Some("mbg_nbd"),
        );
        let expected = "\
2,357 customers by 1997-09-30; 1,882 orders in the 273 days after

                    log-lik.        BIC  log score    MAE   RMSE   orders  revenue top 20 % interval
 > mbg_nbd         -14,363.2   28,757.5   -2,314.8  0.765  1.607  -16.2 %  -19.5 %   66.9 %   94.6 %
*  pareto_nbd      -14,363.2   28,757.5   -2,314.8  0.765  1.603  -11.5 %  -19.5 %   66.9 %   94.6 %
   rate                    -          -          -  0.765  2.212  +55.7 %  -19.5 %   66.9 %        -

* least RMSE  > used  errors in orders a customer; orders, revenue: too many (+) or too few (-)
best        pareto_nbd: RMSE 1.603, 27.5 % less than the best simple rule, rate
bias        mbg_nbd expected 1,577 orders, 1,882 came (-16.2 %)
interval    for 90.0 % of customers; held orders of 94.6 % (ties by lot: 88.7 %), amounts of 92.0 %
";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_line_is_wider_than_100_columns_and_nothing_is_nan() {
        for value in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1e300,
            1e300,
            -123_456_789_012.5,
            0.0,
            -1e-9,
        ] {
            let mut model = score("a_name_that_is_much_too_long", Kind::Model, value, value);
            model.log_likelihood = Some(value);
            model.bic = Some(value);
            model.log_score = Some(value);
            model.orders.mae = Some(value);
            model.amount.bias = Some(value);
            model.top_fifth_share = Some(value);
            let text = contenders(&evaluation(vec![model]), None);
            let table = text.lines().take_while(|line| !line.starts_with("* least"));
            for line in table {
                assert!(line.chars().count() <= 100, "{} {line}", line.chars().count());
            }
            assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
        }
    }

    #[test]
    fn a_baseline_may_win_and_nobody_may() {
        let models = vec![
            score("nbd", Kind::Model, 2.0, 0.1),
            score("rate", Kind::Baseline, 1.0, 0.1),
        ];
        let text = contenders(&evaluation(models), None);
        assert!(text.contains("best        rate, a simple rule: RMSE 1.000, 50.0 % less than the best model, nbd"));
        assert!(text.contains("interval    rate is a simple rule and gives none"));
        assert!(contenders(&evaluation(Vec::new()), None).contains("nobody: no contender could predict"));
    }
}
