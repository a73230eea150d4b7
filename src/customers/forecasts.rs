//! `forecasts.parquet`: what is expected of every customer within each of the further horizons of the config.
//!
//! In: customer ids and predictions. Out: a frame, one row a customer and horizon. Cost: linear in its rows.

use polars::prelude::{Column as Series, DataFrame, PolarsResult};

use crate::clv::{CustomerValues, HorizonValues};
use crate::schema::{Table, Type, column, nullable};

/// One row a customer and horizon.
pub const TABLE: Table = Table {
    name: "forecasts",
    doc: "One row per customer and horizon of clv.horizons_days; only published where there are such horizons.",
    sorted_by: &["customer_id", "horizon_days"],
    parts: &[&[
        column("customer_id", Type::Str, "the customer"),
        column("horizon_days", Type::U32, "days after as_of"),
        nullable(
            "alive_prob",
            Type::F64,
            "probability that the customer is still there at the end of the horizon",
        ),
        nullable(
            "expected_orders",
            Type::F64,
            "expected purchase days within the horizon",
        ),
        nullable("order_prob", Type::F64, "probability of at least one"),
        nullable("orders_low", Type::U32, "interval of their number, see clv.interval"),
        nullable("orders_high", Type::U32, "its upper end"),
        nullable("clv_amount", Type::F64, "expected discounted money within the horizon"),
        nullable("clv_low_amount", Type::F64, "interval of what will come, discounted"),
        nullable("clv_high_amount", Type::F64, "its upper end"),
    ]],
};

/// The frame of [`TABLE`]; `ids` ascend.
pub fn frame(ids: &[String], values: &CustomerValues) -> PolarsResult<DataFrame> {
    let mut horizons: Vec<&HorizonValues> = values.horizons.iter().collect();
    horizons.sort_by_key(|h| h.horizon_days);
    horizons.dedup_by_key(|h| h.horizon_days);
    let rows = || (0..ids.len()).flat_map(|i| horizons.iter().map(move |h| (i, *h)));
    let floats = |of: fn(&HorizonValues) -> &[Option<f64>]| -> Vec<Option<f64>> {
        rows().map(|(i, h)| of(h).get(i).copied().flatten()).collect()
    };
    let counts = |of: fn(&HorizonValues) -> &[Option<u32>]| -> Vec<Option<u32>> {
        rows().map(|(i, h)| of(h).get(i).copied().flatten()).collect()
    };
    let id: Vec<&str> = rows().map(|(i, _)| ids[i].as_str()).collect();
    let days: Vec<u32> = rows().map(|(_, h)| h.horizon_days).collect();
    DataFrame::new_infer_height(vec![
        Series::new("customer_id".into(), id),
        Series::new("horizon_days".into(), days),
        Series::new("alive_prob".into(), floats(|h| &h.alive_prob)),
        Series::new("expected_orders".into(), floats(|h| &h.expected_orders)),
        Series::new("order_prob".into(), floats(|h| &h.order_prob)),
        Series::new("orders_low".into(), counts(|h| &h.orders_low)),
        Series::new("orders_high".into(), counts(|h| &h.orders_high)),
        Series::new("clv_amount".into(), floats(|h| &h.clv_amount)),
        Series::new("clv_low_amount".into(), floats(|h| &h.clv_low_amount)),
        Series::new("clv_high_amount".into(), floats(|h| &h.clv_high_amount)),
    ])
}
