//! The results as people read them: the five things worth knowing, and the data of the report.

use rayon::prelude::*;

use crate::clean::{Actions, Rule};
use crate::clv::competition::{Standing, Verdict};
use crate::clv::evaluation::Kind;
use crate::clv::season::SeasonFinding;
use crate::clv::tracking::track;
use crate::customers::Watch;
use crate::load::header::Canonical;
use crate::output::report::{self, Part, Report};
use crate::results::Results;
use crate::rfm::{Profile, Segment};
use crate::units::{Day, median, sum_known, sum_to_f64};

/// Pairs and example offers shown in the report.
const SHOWN_PAIRS: usize = 20;
const SHOWN_OFFERS: usize = 8;

/// The five things worth knowing.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    pub customers: u64,
    pub net_amount: f64,
    pub top_20_share: f64,
    pub customers_for_80_share: u64,
    /// The segment at risk with the most money: name, customers, net money.
    pub at_risk: Option<(String, u64, f64)>,
    /// The strongest pair: names, orders with both, lift.
    pub strongest_pair: Option<(String, String, u64, f64)>,
    /// Expected discounted money of the horizon, and its days; `None` without a model.
    pub clv: Option<(f64, u32)>,
}

pub fn headline(results: &Results) -> Headline {
    let segments = results.rfm.segments.iter().zip(&results.segments);
    let at_risk = segments.filter(|(segment, of)| segment.at_risk && of.customers > 0);
    let at_risk = at_risk.max_by_key(|(_, of)| of.net);
    let pairs = &results.found.pairs;
    let strongest = pairs.rank.iter().position(|rank| *rank == 1);
    let concentration = &results.contributors.concentration;
    Headline {
        customers: results.summary().n_customers() as u64,
        net_amount: sum_to_f64(results.summary().net.iter().sum()),
        top_20_share: concentration.top_20_share,
        customers_for_80_share: concentration.customers_for_80_share,
        at_risk: at_risk.map(|(segment, of)| (segment.name.clone(), of.customers, sum_to_f64(of.net))),
        strongest_pair: strongest.map(|i| {
            let label = |code| results.product_label(code).to_string();
            (
                label(pairs.product_a[i]),
                label(pairs.product_b[i]),
                pairs.n_ab[i],
                pairs.lift[i],
            )
        }),
        clv: sum_known(results.clv.customers.clv_amount.iter().map(|clv| clv.get()))
            .map(|clv| (clv, results.horizon_days)),
    }
}

/// The data of `report.html`.
pub fn report(results: &Results, config_hash: &str, actions: &Actions) -> Report {
    let summary = results.summary();
    let cleaning = &results.report;
    let net: i128 = summary.net.iter().sum();
    let inputs = results.plan.files.iter().zip(&cleaning.rows_by_file);
    Report {
        title: "Customer report".into(),
        as_of: results.as_of.to_string(),
        first_date: summary.first_day.iter().min().map(|day| Day(*day).to_string()),
        last_date: summary.last_day.iter().max().map(|day| Day(*day).to_string()),
        version: env!("CARGO_PKG_VERSION").into(),
        config_hash: config_hash.into(),
        inputs: inputs
            .map(|(file, rows)| report::Input {
                path: file_name(file.path()),
                rows: *rows,
            })
            .collect(),
        currency: match &cleaning.currencies[..] {
            [only] => Some(only.clone()),
            _ => None,
        },
        lines: report::Lines {
            read: cleaning.read.rows,
            kept: cleaning.kept.rows,
            rejected: cleaning.rejected.rows,
        },
        customers: summary.n_customers() as u64,
        orders: summary.orders.iter().map(|n| u64::from(*n)).sum(),
        // Of the customers: returns of people without a sale are in the manifest.
        gross_amount: sum_to_f64(results.summarised.gross),
        returned_amount: sum_to_f64(results.summarised.gross - net),
        net_amount: sum_to_f64(net),
        contributors: Part::Ready(contributors(results)),
        value: match sum_known(results.clv.customers.clv_amount.iter().map(|clv| clv.get())) {
            Some(clv_amount) => Part::Ready(report::Value {
                clv_amount,
                horizon_days: results.horizon_days,
            }),
            None => Part::missing(results.clv.selection_reason.clone()),
        },
        rfm: Part::Ready(rfm_cells(results)),
        segments: Part::Ready(segments(results)),
        watch: Part::Ready(watch(results)),
        clusters: clusters(results),
        choice: choice(results),
        count_model: count_model(results),
        tracking: tracking(results),
        pairs: pairs(results),
        offers: offers(results),
        cleaning: cleaning_rules(results, actions),
        warnings: results
            .warnings
            .iter()
            .map(|w| report::WarningLine {
                message: w.message(),
                hint: w.hint(),
            })
            .collect(),
    }
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn contributors(results: &Results) -> report::Contributors {
    let found = &results.contributors.concentration;
    let n = results.summary().n_customers();
    let is_positive = results.contributors.warnings.is_empty();
    let known = |value: f64| is_positive.then_some(value);
    let curve = results.contributors.curve().into_iter();
    report::Contributors {
        top_20_customers: n.div_ceil(5) as u64,
        top_20_share: known(found.top_20_share),
        gini: known(found.gini),
        customers_for_80: is_positive.then_some(found.customers_for_80_share),
        customers_for_80_share: known(found.customers_for_80_share as f64 / n as f64),
        curve: curve
            .map(|(customer_share, amount_share)| report::CurvePoint {
                customer_share,
                amount_share,
            })
            .collect(),
    }
}

fn rfm_cells(results: &Results) -> Vec<report::RfmCell> {
    let rfm = &results.rfm;
    let mut cells = [(0u64, 0i128, 0u64); 25];
    for (i, net) in results.summary().net.iter().enumerate() {
        let cell = &mut cells[usize::from(rfm.r[i] - 1) * 5 + usize::from(rfm.f[i] - 1)];
        *cell = (cell.0 + 1, cell.1 + net, cell.2 + u64::from(rfm.m[i]));
    }
    let to_cell = |(i, (customers, net, m)): (usize, &(u64, i128, u64))| report::RfmCell {
        r_score: (i / 5) as u8 + 1,
        f_score: (i % 5) as u8 + 1,
        customers: *customers,
        net_amount: sum_to_f64(*net),
        mean_m_score: *m as f64 / (*customers).max(1) as f64,
    };
    cells
        .iter()
        .enumerate()
        .map(to_cell)
        .filter(|cell| cell.customers > 0)
        .collect()
}

fn segments(results: &Results) -> Vec<report::Segment> {
    let n = results.summary().n_customers() as f64;
    let total: i128 = results.segments.iter().map(|of| of.net).sum();
    let to_segment = |(segment, of): (&Segment, &Profile)| report::Segment {
        name: segment.name.clone(),
        customers: of.customers,
        customer_share: of.customers as f64 / n,
        net_amount: sum_to_f64(of.net),
        amount_share: (total > 0).then(|| of.net as f64 / total as f64),
        clv_amount: of.clv_amount,
        median_days_since_last: of.median_days_since_last.unwrap_or(0.0),
        median_orders: of.median_orders.unwrap_or(0.0),
        what_to_do: segment.action.clone(),
        is_at_risk: segment.at_risk,
    };
    results
        .rfm
        .segments
        .iter()
        .zip(&results.segments)
        .map(to_segment)
        .collect()
}

fn watch(results: &Results) -> Vec<report::Watch> {
    let of_flag = |flag: Watch| {
        let flagged = results
            .customers
            .watch
            .iter()
            .zip(&results.summary().net)
            .filter(|(w, _)| **w == Some(flag));
        let (customers, net) = flagged.fold((0, 0), |(n, sum), (_, net)| (n + 1, sum + net));
        report::Watch {
            watch: flag.as_str().into(),
            customers,
            net_amount: sum_to_f64(net),
        }
    };
    Watch::ALL.into_iter().map(of_flag).collect()
}

fn clusters(results: &Results) -> Part<Vec<report::Cluster>> {
    let (summary, clusters) = (results.summary(), &results.clusters);
    if let Some(warning) = clusters.warnings.first() {
        return Part::missing(warning.message());
    }
    let mut members = vec![Vec::new(); clusters.names.len()];
    for (i, &cluster) in clusters.of_customer.iter().enumerate() {
        members[usize::from(cluster) - 1].push(i as u32);
    }
    let to_cluster = |(i, of): (usize, &Vec<u32>)| {
        let each = || of.iter().map(|&i| i as usize);
        let median_of = |value: &dyn Fn(usize) -> f64| median(each().map(value).collect()).unwrap_or(0.0);
        report::Cluster {
            cluster: i as u16 + 1,
            name: clusters.names[i].clone(),
            customers: of.len() as u64,
            net_amount: sum_to_f64(each().map(|i| summary.net[i]).sum()),
            median_days_since_last: median_of(&|i| f64::from(summary.as_of.0 - summary.last_day[i])),
            median_orders: median_of(&|i| f64::from(summary.orders[i])),
            median_net_amount: median_of(&|i| summary.net_amount[i]),
            median_clv_amount: median(
                each()
                    .filter_map(|i| results.clv.customers.clv_amount[i].get())
                    .collect(),
            ),
        }
    };
    Part::Ready(members.par_iter().with_max_len(1).enumerate().map(to_cluster).collect())
}

fn choice(results: &Results) -> Part<report::Choice> {
    let clv = &results.clv;
    if clv.selected_model == "none" {
        return Part::missing(clv.selection_reason.clone());
    }
    let to_standing = |standing: &Standing| report::Standing {
        name: standing.name.clone(),
        is_baseline: standing.kind == Kind::Baseline,
        is_used: standing.verdict == Verdict::Chosen,
        bic: standing.bic,
        log_score: standing.log_score_per_customer,
        rmse: standing.rmse,
        bias: standing.bias,
        verdict: standing.verdict.words().into(),
    };
    let season = match clv.season {
        SeasonFinding::Off => String::new(),
        _ => clv.season.message(),
    };
    Part::Ready(report::Choice {
        name: clv.selected_model.clone(),
        reason: clv.selection_reason.clone(),
        standings: clv.competition.iter().map(to_standing).collect(),
        season_state: clv.season.state().into(),
        season,
        season_hint: if clv.season.is_risk() {
            clv.season.hint()
        } else {
            String::new()
        },
        season_is_risk: clv.season.is_risk(),
    })
}

fn count_model(results: &Results) -> Part<report::CountModel> {
    let clv = &results.clv;
    let Some(fit) = clv.models.iter().find(|fit| fit.name == clv.selected_model) else {
        return Part::missing(clv.selection_reason.clone());
    };
    let status = serde_json::to_value(fit.status).ok();
    Part::Ready(report::CountModel {
        name: fit.name.clone(),
        params: fit
            .params
            .0
            .iter()
            .filter_map(|(letter, value)| Some((letter.clone(), (*value)?)))
            .collect(),
        log_likelihood: fit.log_likelihood,
        status: status.and_then(|s| s.as_str().map(str::to_string)).unwrap_or_default(),
    })
}

fn tracking(results: &Results) -> Part<Vec<report::TrackingPoint>> {
    let summary = results.summary();
    let Ok(scorer) = results.clv.model.scorer() else {
        return Part::missing(results.clv.selection_reason.clone());
    };
    if !results.clv.is_in_continuous_time {
        return Part::missing("purchases are counted by period in this setting".to_owned());
    }
    let repeats = &results.repeats_by_day;
    let standing = summary
        .first_day
        .iter()
        .zip(&summary.purchase_days)
        .filter(|(_, n)| **n > 0);
    let first_days: Vec<i32> = standing.map(|(day, _)| *day).collect();
    let points = track(
        &scorer,
        &first_days,
        repeats,
        results.as_of.0,
        &results.clv.season.clock(),
    );
    if points.is_empty() {
        return Part::missing(results.clv.selection_reason.clone());
    }
    let to_point = |point: &crate::clv::tracking::TrackPoint| report::TrackingPoint {
        week_end: Day(point.week_end_day).to_string(),
        actual: point.actual as f64,
        expected: point.expected,
    };
    Part::Ready(points.iter().map(to_point).collect())
}

fn no_products(results: &Results) -> Option<String> {
    (!results.plan.has(Canonical::ProductId))
        .then(|| "the input has no product_id column, so there are no pairs".into())
}

fn pairs(results: &Results) -> Part<Vec<report::Pair>> {
    if let Some(reason) = no_products(results) {
        return Part::missing(reason);
    }
    let pairs = &results.found.pairs;
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&i| pairs.rank[i]);
    let to_pair = |&i: &usize| report::Pair {
        product_a: results.product_label(pairs.product_a[i]).into(),
        product_b: results.product_label(pairs.product_b[i]).into(),
        n_ab: pairs.n_ab[i],
        support: pairs.support[i],
        confidence_ab: pairs.confidence_ab[i],
        confidence_ba: pairs.confidence_ba[i],
        lift: pairs.lift[i],
    };
    Part::Ready(order.iter().take(SHOWN_PAIRS).map(to_pair).collect())
}

fn offers(results: &Results) -> Part<report::Offers> {
    if let Some(reason) = no_products(results) {
        return Part::missing(reason);
    }
    let (offers, n_customers) = (&results.offers, results.summary().n_customers());
    // The best first offers of all, ties by customer.
    let mut best: Vec<(f64, usize)> = Vec::with_capacity(SHOWN_OFFERS + 1);
    let mut customers = 0;
    for customer in 0..n_customers {
        let Some(first) = offers.of(customer).next() else {
            continue;
        };
        customers += 1;
        let amount = first.expected_amount();
        let at = best.partition_point(|(other, _)| other.total_cmp(&amount).is_ge());
        if at < SHOWN_OFFERS {
            best.insert(at, (amount, customer));
            best.truncate(SHOWN_OFFERS);
        }
    }
    let example = |&(amount, customer): &(f64, usize)| {
        let offer = offers.of(customer).next()?;
        let labels: Vec<&str> = offer.because_of().map(|code| results.product_label(code)).collect();
        Some(report::OfferExample {
            customer_id: results.summary().ids[customer].to_owned(),
            product: results.product_label(offer.product()).into(),
            because_of: labels.join(", "),
            expected_amount: Some(amount),
        })
    };
    let amounts = (0..n_customers).flat_map(|customer| offers.of(customer).map(|offer| Some(offer.expected_amount())));
    Part::Ready(report::Offers {
        customers,
        offers: offers.len() as u64,
        expected_amount: sum_known(amounts),
        examples: best.iter().filter_map(example).collect(),
    })
}

fn cleaning_rules(results: &Results, actions: &Actions) -> Vec<report::CleaningRule> {
    let counts = |rule: Rule| {
        let rejected = results.report.rejected_by_rule[rule as usize];
        if rejected.rows > 0 {
            rejected
        } else {
            results.report.matched_by_rule[rule as usize]
        }
    };
    let to_rule = |rule: Rule| report::CleaningRule {
        rule: rule.id().into(),
        action: actions.of(rule).as_str().into(),
        rows: counts(rule).rows,
        amount: sum_to_f64(counts(rule).amount),
    };
    Rule::ALL
        .into_iter()
        .map(to_rule)
        .filter(|rule| rule.rows > 0)
        .collect()
}
