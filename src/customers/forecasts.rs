//! `forecasts.parquet`: what is expected of every customer within each of the further horizons of the config.
//!
//! In: customer ids and predictions. Out: columns, one row a customer and horizon. Cost: a part costs its rows.

use std::ops::Range;
use std::sync::Arc;

use crate::clv::{CustomerValues, HorizonValues};
use crate::schema::parts::{PartColumn, parts_of};
use crate::schema::{Table, Type, column, nullable};
use crate::summary::Ids;
use crate::units::MaybeF64;

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

/// The columns of [`TABLE`] and the parts to write them in; `ids` ascend.
pub fn columns<'a>(ids: &'a Ids, values: &'a CustomerValues) -> (Vec<PartColumn<'a>>, Vec<Range<usize>>) {
    let mut horizons: Vec<&HorizonValues> = values.horizons.iter().collect();
    horizons.sort_by_key(|h| h.horizon_days);
    horizons.dedup_by_key(|h| h.horizon_days);
    let n = horizons.len();
    let parts = parts_of(n * ids.len());
    let horizons: Arc<[&HorizonValues]> = horizons.into();
    let floats = |name: &str, of: fn(&HorizonValues) -> &[MaybeF64]| {
        let horizons = horizons.clone();
        PartColumn::maybe_f64s(name, move |row| of(horizons[row % n]).get(row / n)?.get())
    };
    let counts = |name: &str, of: fn(&HorizonValues) -> &[Option<u32>]| {
        let horizons = horizons.clone();
        PartColumn::maybe_u32s(name, move |row| of(horizons[row % n]).get(row / n).copied().flatten())
    };
    let of_row = horizons.clone();
    let columns = vec![
        PartColumn::texts("customer_id", move |row| Some(&ids[row / n])),
        PartColumn::u32s("horizon_days", move |row| of_row[row % n].horizon_days).repeating(),
        floats("alive_prob", |h| &h.alive_prob),
        floats("expected_orders", |h| &h.expected_orders),
        floats("order_prob", |h| &h.order_prob),
        counts("orders_low", |h| &h.orders_low),
        counts("orders_high", |h| &h.orders_high),
        floats("clv_amount", |h| &h.clv_amount),
        floats("clv_low_amount", |h| &h.clv_low_amount),
        floats("clv_high_amount", |h| &h.clv_high_amount),
    ];
    (columns, parts)
}
