//! `evaluation.parquet`, `evaluation_frequency.parquet` and `evaluation_tracking.parquet`: the numbers of the page.
//!
//! In: [`Evaluation`]. Out: a frame each. Cost: linear in the numbers. A number that is not finite is null.

use polars::prelude::{Column as Series, DataFrame, DataType, PolarsResult};

use crate::clv::evaluation::{Errors, Evaluation, Kind, ModelScore};
use crate::schema::{Table, Type, column, nullable};

/// One row a contender.
pub const EVALUATION: Table = Table {
    name: "evaluation",
    doc: "One row per contender: its fit up to the cut, and its errors in the holdout after it.",
    sorted_by: &["contender"],
    parts: &[&[
        column(
            "contender",
            Type::Str,
            "name of the model or baseline, as in the configuration",
        ),
        column("kind", Type::Str, "model or baseline"),
        column(
            "position",
            Type::U32,
            "place in the report, from 1: models, the simplest first, then baselines",
        ),
        column("is_best", Type::Bool, "least root mean square error of orders"),
        nullable("status", Type::Str, "of the fit up to the cut; null for a baseline"),
        nullable(
            "longest_silence_days",
            Type::F64,
            "what the hiatus rule learnt: customers silent for longer are given up",
        ),
        column("cut_date", Type::Date, "last day that the contenders knew"),
        column("holdout_days", Type::U32, "days after it that they are judged by"),
        column(
            "customers",
            Type::U64,
            "customers judged: those who had bought by the cut, or a sample of them",
        ),
        nullable("log_likelihood", Type::F64, "of the fit, in days; null for a baseline"),
        nullable("bic", Type::F64, "of the fit; smaller is better"),
        nullable(
            "log_score",
            Type::F64,
            "sum of ln P(actual orders) over customers; larger is better; null for a baseline",
        ),
        column("actual_orders", Type::U64, "purchase days in the holdout"),
        nullable("expected_orders", Type::F64, "their expected number"),
        nullable("orders_mae", Type::F64, "mean absolute error of orders per customer"),
        nullable(
            "orders_rmse",
            Type::F64,
            "root mean square error of orders per customer",
        ),
        nullable("orders_bias_share", Type::F64, "expected / actual - 1, of the totals"),
        nullable("actual_amount", Type::F64, "net money in the holdout"),
        nullable("expected_amount", Type::F64, "its expectation, not discounted"),
        nullable("mae_amount", Type::F64, "mean absolute error of money per customer"),
        nullable("rmse_amount", Type::F64, "root mean square error of money per customer"),
        nullable("amount_bias_share", Type::F64, "expected / actual - 1, of the totals"),
        nullable(
            "top_fifth_share",
            Type::F64,
            "share of actual_amount from the fifth of customers expected to bring most",
        ),
        nullable(
            "interval_nominal_share",
            Type::F64,
            "what the interval promises to hold at least",
        ),
        nullable("interval_orders_share", Type::F64, "customers whose orders it held"),
        nullable(
            "interval_orders_randomised_share",
            Type::F64,
            "the same with randomised ends: nominal if the model is right",
        ),
        nullable("interval_amount_share", Type::F64, "customers whose money it held"),
    ]],
};

/// One row a frequency and contender.
pub const FREQUENCY: Table = Table {
    name: "evaluation_frequency",
    doc: "One row per number of repeat purchase days before the cut and contender: mean orders in the holdout.",
    sorted_by: &["repeat_days", "contender"],
    parts: &[&[
        column("repeat_days", Type::U32, "repeat purchase days by the cut"),
        column("contender", Type::Str, "name of the model or baseline"),
        column("or_more", Type::Bool, "the row holds everybody with that many or more"),
        column("customers", Type::U64, "customers with so many"),
        nullable(
            "actual_orders_mean",
            Type::F64,
            "their mean number of purchase days in the holdout",
        ),
        nullable("expected_orders_mean", Type::F64, "what the contender expected"),
    ]],
};

/// One row a week and model.
pub const TRACKING: Table = Table {
    name: "evaluation_tracking",
    doc: "One row per week and model: repeat purchase days of all customers, through calibration and holdout.",
    sorted_by: &["week_end_date", "contender"],
    parts: &[&[
        column("week_end_date", Type::Date, "last day of the week"),
        column("contender", Type::Str, "name of the model"),
        nullable(
            "days",
            Type::U32,
            "days since the row before: 7, fewer in the last week, more in a long history; null in the first row",
        ),
        column("is_holdout", Type::Bool, "the week ends after the cut"),
        column(
            "actual_cumulative_orders",
            Type::U64,
            "repeat purchase days from the first day to the end of the week",
        ),
        nullable("expected_cumulative_orders", Type::F64, "their expected number"),
        column("actual_orders", Type::U64, "repeat purchase days in the week"),
        nullable("expected_orders", Type::F64, "their expected number"),
    ]],
};

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite())
}

/// The name of a status as in the manifest.
fn status(score: &ModelScore) -> Option<String> {
    let value = serde_json::to_value(score.status?).ok()?;
    value.as_str().map(str::to_owned)
}

/// The frame of [`EVALUATION`].
pub fn evaluation_frame(evaluation: &Evaluation) -> PolarsResult<DataFrame> {
    let best = super::best(evaluation);
    let mut rows: Vec<(u32, &ModelScore)> = (1..).zip(&evaluation.models).collect();
    rows.sort_by(|a, b| a.1.name.cmp(&b.1.name));
    let n = rows.len();
    let numbers = |value: &dyn Fn(&ModelScore) -> Option<f64>| -> Vec<Option<f64>> {
        rows.iter().map(|(_, score)| finite(value(score))).collect()
    };
    let orders = |value: fn(&Errors) -> Option<f64>| numbers(&|m| value(&m.orders));
    let amounts = |value: fn(&Errors) -> Option<f64>| numbers(&|m| value(&m.amount));
    let is_best = |score: &ModelScore| best.is_some_and(|best| std::ptr::eq(best, score));
    let kind = |score: &ModelScore| match score.kind {
        Kind::Model => "model",
        Kind::Baseline => "baseline",
    };
    let actual_amount = finite(Some(evaluation.actual_amount));
    DataFrame::new_infer_height(vec![
        Series::new(
            "contender".into(),
            rows.iter().map(|(_, m)| m.name.as_str()).collect::<Vec<_>>(),
        ),
        Series::new("kind".into(), rows.iter().map(|(_, m)| kind(m)).collect::<Vec<_>>()),
        Series::new(
            "position".into(),
            rows.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
        ),
        Series::new(
            "is_best".into(),
            rows.iter().map(|(_, m)| is_best(m)).collect::<Vec<_>>(),
        ),
        Series::new("status".into(), rows.iter().map(|(_, m)| status(m)).collect::<Vec<_>>()),
        Series::new("longest_silence_days".into(), numbers(&|m| m.longest_silence_days)),
        Series::new("cut_date".into(), vec![evaluation.cut_day; n]).cast(&DataType::Date)?,
        Series::new("holdout_days".into(), vec![evaluation.holdout_days; n]),
        Series::new("customers".into(), vec![evaluation.n_customers; n]),
        Series::new("log_likelihood".into(), numbers(&|m| m.log_likelihood)),
        Series::new("bic".into(), numbers(&|m| m.bic)),
        Series::new("log_score".into(), numbers(&|m| m.log_score)),
        Series::new("actual_orders".into(), vec![evaluation.actual_orders; n]),
        Series::new("expected_orders".into(), orders(|e| e.predicted)),
        Series::new("orders_mae".into(), orders(|e| e.mae)),
        Series::new("orders_rmse".into(), orders(|e| e.rmse)),
        Series::new("orders_bias_share".into(), orders(|e| e.bias)),
        Series::new("actual_amount".into(), vec![actual_amount; n]),
        Series::new("expected_amount".into(), amounts(|e| e.predicted)),
        Series::new("mae_amount".into(), amounts(|e| e.mae)),
        Series::new("rmse_amount".into(), amounts(|e| e.rmse)),
        Series::new("amount_bias_share".into(), amounts(|e| e.bias)),
        Series::new("top_fifth_share".into(), numbers(&|m| m.top_fifth_share)),
        Series::new("interval_nominal_share".into(), numbers(&|m| Some(m.coverage?.nominal))),
        Series::new("interval_orders_share".into(), numbers(&|m| Some(m.coverage?.orders))),
        Series::new(
            "interval_orders_randomised_share".into(),
            numbers(&|m| Some(m.coverage?.orders_randomised)),
        ),
        Series::new("interval_amount_share".into(), numbers(&|m| m.coverage?.amount)),
    ])
}

/// The frame of [`FREQUENCY`].
pub fn frequency_frame(evaluation: &Evaluation) -> PolarsResult<DataFrame> {
    let bins = evaluation.by_frequency.iter();
    let mut rows: Vec<_> = bins
        .flat_map(|bin| bin.predicted.iter().map(move |p| (bin, p)))
        .collect();
    rows.sort_by(|a, b| (a.0.repeat_days, &a.1.name).cmp(&(b.0.repeat_days, &b.1.name)));
    DataFrame::new_infer_height(vec![
        Series::new(
            "repeat_days".into(),
            rows.iter().map(|(bin, _)| bin.repeat_days).collect::<Vec<_>>(),
        ),
        Series::new(
            "contender".into(),
            rows.iter().map(|(_, p)| p.name.as_str()).collect::<Vec<_>>(),
        ),
        Series::new(
            "or_more".into(),
            rows.iter().map(|(bin, _)| bin.or_more).collect::<Vec<_>>(),
        ),
        Series::new(
            "customers".into(),
            rows.iter().map(|(bin, _)| bin.n_customers).collect::<Vec<_>>(),
        ),
        Series::new(
            "actual_orders_mean".into(),
            rows.iter()
                .map(|(bin, _)| finite(Some(bin.actual_mean)))
                .collect::<Vec<_>>(),
        ),
        Series::new(
            "expected_orders_mean".into(),
            rows.iter().map(|(_, p)| finite(Some(p.mean))).collect::<Vec<_>>(),
        ),
    ])
}

struct Week<'a> {
    contender: &'a str,
    end_day: i32,
    days: Option<u32>,
    actual_cumulative: u64,
    expected_cumulative: Option<f64>,
    actual: u64,
    expected: Option<f64>,
}

/// The frame of [`TRACKING`].
pub fn tracking_frame(evaluation: &Evaluation) -> PolarsResult<DataFrame> {
    let mut rows: Vec<Week> = Vec::new();
    for series in &evaluation.tracking {
        for (i, point) in series.points.iter().enumerate() {
            let before = i.checked_sub(1).map(|before| &series.points[before]);
            let (actual_before, expected_before) = before.map_or((0, 0.0), |p| (p.actual, p.expected));
            rows.push(Week {
                contender: &series.name,
                end_day: point.week_end_day,
                days: before
                    .and_then(|p| u32::try_from(i64::from(point.week_end_day) - i64::from(p.week_end_day)).ok()),
                actual_cumulative: point.actual,
                expected_cumulative: finite(Some(point.expected)),
                actual: point.actual.saturating_sub(actual_before),
                expected: finite(Some(point.expected - expected_before)),
            });
        }
    }
    rows.sort_by(|a, b| (a.end_day, a.contender).cmp(&(b.end_day, b.contender)));
    DataFrame::new_infer_height(vec![
        Series::new(
            "week_end_date".into(),
            rows.iter().map(|w| w.end_day).collect::<Vec<_>>(),
        )
        .cast(&DataType::Date)?,
        Series::new("contender".into(), rows.iter().map(|w| w.contender).collect::<Vec<_>>()),
        Series::new("days".into(), rows.iter().map(|w| w.days).collect::<Vec<_>>()),
        Series::new(
            "is_holdout".into(),
            rows.iter().map(|w| evaluation.cut_day < w.end_day).collect::<Vec<_>>(),
        ),
        Series::new(
            "actual_cumulative_orders".into(),
            rows.iter().map(|w| w.actual_cumulative).collect::<Vec<_>>(),
        ),
        Series::new(
            "expected_cumulative_orders".into(),
            rows.iter().map(|w| w.expected_cumulative).collect::<Vec<_>>(),
        ),
        Series::new(
            "actual_orders".into(),
            rows.iter().map(|w| w.actual).collect::<Vec<_>>(),
        ),
        Series::new(
            "expected_orders".into(),
            rows.iter().map(|w| w.expected).collect::<Vec<_>>(),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{awkward, full, nothing};
    use super::*;

    #[test]
    fn frames_are_the_tables_they_claim_to_be() {
        for evaluation in [full(), nothing(), awkward()] {
            assert_eq!(EVALUATION.check(&evaluation_frame(&evaluation).unwrap()), vec![]);
            assert_eq!(FREQUENCY.check(&frequency_frame(&evaluation).unwrap()), vec![]);
            assert_eq!(TRACKING.check(&tracking_frame(&evaluation).unwrap()), vec![]);
        }
    }

    #[test]
    fn rows_hold_the_numbers_of_their_contender() {
        let evaluation = full();
        let frame = evaluation_frame(&evaluation).unwrap();
        let names = frame.column("contender").unwrap().str().unwrap();
        let errors = frame.column("orders_rmse").unwrap().f64().unwrap();
        assert_eq!(names.len(), evaluation.models.len());
        for (name, error) in names.iter().zip(errors.iter()) {
            let score = evaluation
                .models
                .iter()
                .find(|m| Some(m.name.as_str()) == name)
                .unwrap();
            assert_eq!(error, score.orders.rmse);
        }
    }

    #[test]
    fn weeks_add_up_to_the_last_cumulative_number() {
        let evaluation = full();
        let frame = tracking_frame(&evaluation).unwrap();
        let weekly: u64 = frame
            .column("actual_orders")
            .unwrap()
            .u64()
            .unwrap()
            .iter()
            .flatten()
            .sum();
        let last: u64 = evaluation
            .tracking
            .iter()
            .map(|s| s.points.last().unwrap().actual)
            .sum();
        assert_eq!(weekly, last);
    }
}
