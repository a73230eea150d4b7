//! The columns of `customers.parquet`, each a function from a customer to its value.
//!
//! In: the results of all stages. Out: columns in the order of the table; nothing is copied until a part of them is
//! written. Cost: none here; a part costs its rows.

use std::fmt::{self, Write};

use crate::cluster::Clusters;
use crate::clv::{CustomerValues, Status};
use crate::schema::parts::PartColumn;
use crate::summary::Summary;
use crate::units::UNITS_PER_ONE;

use super::{Customers, DataFlag, Stages, Watch};

/// The columns of the table; `stages` are those that `customers` was made of.
pub(super) fn columns<'a>(stages: &'a Stages<'a>, customers: &'a Customers) -> Vec<PartColumn<'a>> {
    let mut columns = of_summary(stages.summary);
    columns.extend(stages.rfm.columns());
    columns.extend(of_values(stages));
    columns.extend(of_clusters(stages.clusters));
    columns.extend(stages.contributors.columns());
    columns.extend(of_customers(stages, customers));
    columns.extend(stages.attributes.columns());
    columns
}

fn of_summary(summary: &Summary) -> Vec<PartColumn<'_>> {
    let days = |from: i32, to: i32| f64::from(to - from);
    let as_of = summary.as_of.0;
    let (first, last) = (&summary.first_day, &summary.last_day);
    let average = |i: usize| match summary.orders[i] {
        0 => 0.0,
        n => summary.net_amount[i] / f64::from(n),
    };
    let gap = move |i: usize| {
        let repeats = summary.repeat_days[i];
        (repeats > 0).then(|| days(first[i], last[i]) / f64::from(repeats))
    };
    vec![
        PartColumn::texts("customer_id", |i| Some(&summary.ids[i])),
        PartColumn::dates("first_order_date", |i| first[i]),
        PartColumn::dates("last_order_date", |i| last[i]),
        PartColumn::u32s("orders", |i| summary.orders[i]).repeating(),
        PartColumn::u32s("purchase_days", |i| summary.purchase_days[i]).repeating(),
        PartColumn::u32s("products", |i| summary.products[i]).repeating(),
        PartColumn::f64s("units", |i| summary.units[i]).repeating(),
        PartColumn::f64s("gross_amount", |i| summary.gross_amount[i]),
        PartColumn::f64s("returned_amount", |i| summary.returned_amount[i]),
        PartColumn::f64s("net_amount", |i| summary.net_amount[i]),
        PartColumn::f64s("average_order_amount", average),
        PartColumn::maybe_f64s("margin_amount", |i| summary.margin_amount[i].get()),
        PartColumn::f64s("days_since_last", move |i| days(last[i], as_of)).repeating(),
        PartColumn::f64s("age_days", move |i| days(first[i], as_of)).repeating(),
        PartColumn::f64s("t_x_days", move |i| days(first[i], last[i])).repeating(),
        PartColumn::u32s("repeat_days", |i| summary.repeat_days[i]).repeating(),
        PartColumn::maybe_f64s("mean_gap_days", gap).repeating(),
    ]
}

fn of_values<'a>(stages: &'a Stages<'a>) -> Vec<PartColumn<'a>> {
    let CustomerValues {
        alive_prob,
        expected_orders,
        order_prob,
        orders_low,
        orders_high,
        expected_order_amount,
        clv_amount,
        clv_low_amount,
        clv_high_amount,
        residual_amount,
        clv_status,
        ..
    } = stages.clv;
    let group = |i: usize| stages.groups.get(i).copied().flatten();
    let horizon_days = stages.horizon_days;
    let statuses = Status::ALL.map(Status::as_str);
    let status = |i: usize| Status::ALL.iter().position(|status| *status == clv_status[i]);
    vec![
        PartColumn::maybe_f64s("alive_prob", |i| alive_prob[i].get()),
        PartColumn::maybe_f64s("expected_orders", |i| expected_orders[i].get()),
        PartColumn::maybe_f64s("order_prob", |i| order_prob[i].get()),
        PartColumn::maybe_u32s("orders_low", |i| orders_low[i]),
        PartColumn::maybe_u32s("orders_high", |i| orders_high[i]),
        PartColumn::maybe_f64s("expected_order_amount", |i| expected_order_amount[i].get()),
        PartColumn::maybe_f64s("clv_amount", |i| clv_amount[i].get()),
        PartColumn::maybe_f64s("clv_low_amount", |i| clv_low_amount[i].get()),
        PartColumn::maybe_f64s("clv_high_amount", |i| clv_high_amount[i].get()),
        PartColumn::maybe_f64s("residual_amount", |i| residual_amount[i].get()),
        PartColumn::texts("clv_group", group).repeating(),
        PartColumn::u32s("horizon_days", move |_| horizon_days).repeating(),
        PartColumn::names("clv_status", statuses, status),
    ]
}

fn of_clusters(clusters: &Clusters) -> Vec<PartColumn<'_>> {
    let names = clusters.names.iter().map(String::as_str);
    vec![
        PartColumn::u16s("cluster", |i| clusters.of_customer[i]),
        PartColumn::names("cluster_name", names, |i| {
            Some(usize::from(clusters.of_customer[i]) - 1)
        }),
    ]
}

fn of_customers<'a>(stages: &'a Stages<'a>, customers: &'a Customers) -> Vec<PartColumn<'a>> {
    let watches = Watch::ALL.map(Watch::as_str);
    let watch = |i: usize| Watch::ALL.iter().position(|watch| Some(*watch) == customers.watch[i]);
    let flags = DataFlag::ALL.map(DataFlag::as_str);
    let flag = |i: usize| DataFlag::ALL.iter().position(|flag| Some(*flag) == customers.flags[i]);
    let products = stages.products.iter().map(String::as_str);
    let first = |i: usize| stages.offers.of(i).next();
    vec![
        PartColumn::u32s("value_rank", |i| customers.value_rank[i]),
        PartColumn::bools("is_top_value", |i| customers.is_top_value(i, stages.clv)),
        PartColumn::names("watch", watches, watch),
        PartColumn::names("next_product_id", products, move |i| {
            first(i).map(|offer| offer.product() as usize)
        }),
        PartColumn::maybe_f64s("next_product_score", move |i| first(i).map(|offer| offer.score())).repeating(),
        PartColumn::written("reason", |i, text| reason(stages, i, customers.watch[i], text)),
        PartColumn::names("data_flag", flags, flag),
    ]
}

/// One line: why this segment and this watch flag.
fn reason(stages: &Stages<'_>, i: usize, watch: Option<Watch>, text: &mut impl Write) -> fmt::Result {
    let (summary, rfm) = (stages.summary, stages.rfm);
    let days = summary.as_of.0 - summary.last_day[i];
    write!(
        text,
        "{}: scores {}{}{}, last order {days} days ago, {} orders, ",
        rfm.segment_name(i),
        rfm.r[i],
        rfm.f[i],
        rfm.m[i],
        summary.orders[i],
    )?;
    write_amount(summary.net[i], text)?;
    text.write_str(" net")?;
    let Some(watch) = watch else {
        return Ok(());
    };
    write!(text, "; {}: {}", watch.as_str(), watch.meaning())?;
    match watch {
        Watch::DormantTop => match stages.clv.alive_prob[i].get() {
            Some(p) if stages.clv.clv_status[i] != Status::NoDropoutLimit => {
                write!(text, " ({:.0} % likely to order again)", 100.0 * p)
            }
            _ => Ok(()),
        },
        Watch::LossMaker if summary.returned_amount[i] > 0.0 => {
            write!(text, " ({:.2} returned)", summary.returned_amount[i])
        }
        Watch::LossMaker => match summary.margin_amount[i].get() {
            Some(margin) => write!(text, " (margin {margin:.2})"),
            None => Ok(()),
        },
        Watch::Slipping => {
            let span = f64::from(summary.last_day[i] - summary.first_day[i]);
            let gap = span / f64::from(summary.repeat_days[i].max(1));
            write!(text, " (usual gap {gap:.0} days)")
        }
        Watch::Rising => write!(
            text,
            " ({:.2} after {:.2})",
            summary.recent_amount[i], summary.previous_amount[i]
        ),
        Watch::NewTop => Ok(()),
    }
}

/// An amount in ten-thousandths with two decimals, as its nearest `f64` is written.
fn write_amount(amount: i128, text: &mut impl Write) -> fmt::Result {
    let cents = i128::from(UNITS_PER_ONE) / 100;
    // Exact hundredths far within the digits of an f64 are written as integers, which is quicker.
    match u64::try_from(amount) {
        Ok(amount) if amount < 1 << 50 && i128::from(amount) % cents == 0 => {
            let hundredths = amount / cents as u64;
            write!(text, "{}.{:02}", hundredths / 100, hundredths % 100)
        }
        _ => write!(text, "{:.2}", crate::units::sum_to_f64(amount)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::sum_to_f64;

    #[test]
    fn amounts_are_written_as_floats_are() {
        let amounts = [
            0,
            100,
            12_300,
            12_350,
            99_999_900,
            1 << 50,
            -100,
            1_234_567_890_123_400,
            i128::from(i64::MAX),
        ];
        for amount in amounts.into_iter().chain((0..20_000).map(|i| i * 997)) {
            let mut text = String::new();
            write_amount(amount, &mut text).unwrap();
            assert_eq!(text, format!("{:.2}", sum_to_f64(amount)), "{amount}");
        }
    }
}
