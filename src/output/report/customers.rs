//! Who the customers are: the share curve, segments, follow-up lists and clusters.

use super::charts::{self, bar, free_bar, spread};
use super::format::{Money, NO_NUMBER, count, counted, full_sentence, name, percent, plain, words};
use super::headline::largest_at_risk;
use super::{Cluster, Contributors, Report, Section, Segment, Watch, details, fact_list, share_of, strong, table};

/// Below this many customers a curve is only a list.
const FEW_CUSTOMERS: u64 = 20;
/// So many accounts can have a person each.
const FEW_ACCOUNTS: u64 = 250;

pub(super) fn share_curve(report: &Report, money: &Money) -> Section {
    let (id, link, title) = ("share-curve", "Who brings the money", "Who brings the money");
    let contributors = match report.contributors.get() {
        Ok(contributors) if 0 < report.customers => contributors,
        Ok(_) => return Section::absent(id, link, title, "", "no customers, so no curve"),
        Err(reason) => {
            return Section::absent(id, link, title, reason, "contributions were not measured in this run");
        }
    };
    let Some(top_20_share) = contributors.top_20_share else {
        return Section {
            id,
            link,
            title: title.to_string(),
            lead: String::new(),
            body: format!(
                "<p class=\"absent\">Net sales of {} cannot be shared out among customers, so there is no curve.</p>",
                money.short(report.net_amount)
            ),
        };
    };
    let curve = charts::share_curve(
        &contributors.curve,
        Some(top_20_share),
        contributors.customers_for_80_share,
    );

    let mut lead = format!(
        "The best 20% of customers ({}) bring {} of net sales",
        count(contributors.top_20_customers),
        percent(top_20_share)
    );
    if let (Some(n), Some(share)) = (contributors.customers_for_80, contributors.customers_for_80_share) {
        lead.push_str(&format!(
            "; {} ({}) bring 80%",
            counted(n, "customer", "customers"),
            percent(share)
        ));
    }
    lead.push_str(". ");
    lead.push_str(concentration_advice(
        report.customers,
        contributors.top_20_customers,
        top_20_share,
    ));

    let facts = facts(contributors, money, report);
    let body = if curve.is_empty() {
        facts
    } else {
        let rows: Vec<Vec<String>> = spread(contributors.curve.len(), 11)
            .into_iter()
            .map(|i| {
                let point = contributors.curve[i];
                vec![percent(point.customer_share), percent(point.amount_share)]
            })
            .collect();
        format!(
            "<div class=\"figure\"><figure>{curve}<figcaption>Solid: cumulative share of net sales, best customers \
             first. Dashed: what it would be if all customers brought the same.</figcaption></figure>{facts}</div>{}",
            details(
                "Numbers of this chart",
                &["Best customers", "Share of net sales"],
                &rows
            )
        )
    };
    Section {
        id,
        link,
        title: title.to_string(),
        lead,
        body,
    }
}

fn concentration_advice(customers: u64, top_20_customers: u64, top_20_share: f64) -> &'static str {
    if customers < FEW_CUSTOMERS {
        "With so few customers this is a list rather than a pattern: know each of them."
    } else if 1.0 < top_20_share {
        "That is more than everything: the others together cost money. Start with the loss makers below."
    } else if 0.6 <= top_20_share && top_20_customers <= FEW_ACCOUNTS {
        "Give each of these accounts somebody who is responsible for it, and begin with those that have gone quiet."
    } else if 0.6 <= top_20_share {
        "Treat them as a class of their own in service, stock and contact, and begin with those who have gone quiet."
    } else if 0.4 <= top_20_share {
        "Money is moderately concentrated: look after the best in person, and the rest with campaigns."
    } else {
        "Money is spread widely: no small group carries the business, so work on the second order of everybody."
    }
}

fn facts(contributors: &Contributors, money: &Money, report: &Report) -> String {
    let mut facts = Vec::new();
    if let Some(share) = contributors.top_20_share {
        facts.push((
            percent(share),
            format!("of net sales from the best {}", count(contributors.top_20_customers)),
        ));
    }
    if let Some(share) = contributors.customers_for_80_share {
        facts.push((percent(share), "of customers bring 80% of net sales".to_string()));
    }
    let rest = report.customers.saturating_sub(contributors.top_20_customers);
    if let Some(share) = contributors.top_20_share.filter(|_| 0 < rest) {
        let each = (1.0 - share) * report.net_amount / rest as f64;
        facts.push((
            money.short(each),
            "net sales per customer outside the best 20%".to_string(),
        ));
    }
    if let Some(gini) = contributors.gini.filter(|g| g.is_finite()) {
        facts.push((
            format!("{gini:.2}"),
            "Gini coefficient: 0 if all bring the same, 1 if one brings everything".to_string(),
        ));
    }
    fact_list(&facts)
}

/// The longest segment bar leaves place for its number, also on a telephone.
const ROOM: f64 = 0.6;

pub(super) fn segments(report: &Report, money: &Money) -> Section {
    let (id, link, title) = ("segments", "Segments", "Segments: how many they are, what they bring");
    let segments = match report.segments.rows() {
        Ok(segments) => segments,
        Err(reason) => {
            return Section::absent(
                id,
                link,
                title,
                reason,
                "customers were not put into segments in this run",
            );
        }
    };
    let longest = segments
        .iter()
        .flat_map(|s| [s.customer_share, s.amount_share.unwrap_or(0.0)])
        .filter(|share| share.is_finite())
        .fold(0.0, f64::max);
    let mut chart = String::from(
        "<div class=\"sides\"><p class=\"many\">share of customers</p><p></p><p class=\"rich\">share of net sales</p>",
    );
    for segment in segments {
        let amount_share = segment.amount_share.unwrap_or(f64::NAN);
        let class = if segment.is_at_risk { "name risk" } else { "name" };
        chart.push_str(&format!(
            "<div class=\"many\"><span>{}</span>{}</div><div class=\"{class}\">{}</div>\
             <div class=\"rich\">{}<span>{}</span></div>",
            percent(segment.customer_share),
            free_bar(segment.customer_share / longest, ROOM, "grey"),
            name(&segment.name),
            free_bar(
                amount_share / longest,
                ROOM,
                if segment.is_at_risk { "warm" } else { "cool" }
            ),
            percent(amount_share),
        ));
    }
    chart.push_str("</div>");

    let top_amount = segments
        .iter()
        .map(|s| s.net_amount)
        .filter(|a| a.is_finite())
        .fold(0.0, f64::max);
    let rows: Vec<Vec<String>> = segments
        .iter()
        .map(|s| {
            let tag = if s.is_at_risk {
                " <em class=\"tag\">at risk</em>"
            } else {
                ""
            };
            let todo = if s.what_to_do.trim().is_empty() {
                String::new()
            } else {
                format!("<small>{}</small>", full_sentence(&s.what_to_do))
            };
            vec![
                format!("{}{tag}{todo}", name(&s.name)),
                count(s.customers),
                money.in_column(s.net_amount, top_amount),
                money.in_column(s.clv_amount.unwrap_or(f64::NAN), top_amount),
                plain(s.median_days_since_last),
                plain(s.median_orders),
            ]
        })
        .collect();
    let expected = match report.value.get() {
        Ok(value) => format!("Expected, {}", super::format::horizon(value.horizon_days)),
        Err(_) => "Expected value".to_string(),
    };
    let head = [
        "Segment",
        "Customers",
        "Net sales",
        &expected,
        "Days since last order",
        "Orders",
    ];
    let body = format!(
        "<figure>{chart}<figcaption>Left: how many. Right: how much. A bar longer on the right than on the left is a \
         segment worth more than its size; orange is money that may leave.</figcaption></figure>{}\
         <p class=\"note\">Days and orders are medians.</p>",
        table("stack", &head, &rows)
    );
    Section {
        id,
        link,
        title: title.to_string(),
        lead: segments_lead(segments, money),
        body,
    }
}

fn segments_lead(segments: &[Segment], money: &Money) -> String {
    let mut lead = String::new();
    let richest = segments
        .iter()
        .filter(|s| 0 < s.customers && s.amount_share.is_some_and(|share| 0.0 < share))
        .max_by(|a, b| a.net_amount.total_cmp(&b.net_amount).then_with(|| b.name.cmp(&a.name)));
    if let Some(richest) = richest {
        lead.push_str(&format!(
            "{} bring the most: {} of customers, {} of net sales. ",
            strong(&richest.name),
            percent(richest.customer_share),
            percent(richest.amount_share.unwrap_or(f64::NAN)),
        ));
    }
    match largest_at_risk(segments) {
        Some(risk) => lead.push_str(&format!(
            "Most at risk is {}: {} with {} so far. {}",
            strong(&risk.name),
            counted(risk.customers, "customer", "customers"),
            money.short(risk.net_amount),
            full_sentence(&risk.what_to_do)
        )),
        None => lead.push_str("No segment is at risk."),
    }
    lead
}

/// What a flag means, and what to do about it, in order of urgency.
const WATCH_WORDS: [(&str, &str, &str); 5] = [
    (
        "dormant_top",
        "Top customers gone quiet",
        "They belong to those who brought the most, and have stopped ordering. Call them this week.",
    ),
    (
        "slipping",
        "Slipping",
        "They buy less than they used to. Ask what changed, before they are gone.",
    ),
    (
        "new_top",
        "New and already large",
        "They came lately and buy a lot. Welcome them in person.",
    ),
    ("rising", "Rising", "Small so far and growing. Make the next offer now."),
    (
        "loss_maker",
        "Loss makers",
        "They took back or cost more than they brought. Look at their returns and terms.",
    ),
];

pub(super) fn watch(report: &Report, money: &Money) -> Section {
    let (id, link, title) = ("follow-up", "Follow-up", "Whom to follow up first");
    let flags = match report.watch.get() {
        Ok(flags) => flags,
        Err(reason) => {
            return Section::absent(id, link, title, reason, "nobody was flagged in this run");
        }
    };
    let mut flags: Vec<&Watch> = flags.iter().filter(|w| 0 < w.customers).collect();
    if flags.is_empty() {
        return Section::absent(id, link, title, "", "nobody needs special attention today");
    }
    let urgency = |w: &Watch| {
        WATCH_WORDS
            .iter()
            .position(|(key, ..)| *key == w.watch)
            .unwrap_or(WATCH_WORDS.len())
    };
    flags.sort_by(|a, b| urgency(a).cmp(&urgency(b)).then_with(|| a.watch.cmp(&b.watch)));
    let mut body = String::from("<div class=\"lists\">");
    for flag in &flags {
        let known = WATCH_WORDS.get(urgency(flag));
        body.push_str(&format!(
            "<div class=\"list\"><h3>{}</h3><p class=\"value\">{} <small>{} · {}</small></p><p>{}</p>\
             <p class=\"note\"><code>watch = {}</code></p></div>",
            known.map_or_else(|| words(&flag.watch), |(_, label, _)| (*label).to_string()),
            count(flag.customers),
            if flag.customers == 1 { "customer" } else { "customers" },
            money.short(flag.net_amount),
            known.map_or("", |(.., advice)| advice),
            name(&flag.watch)
        ));
    }
    body.push_str("</div>");
    let lead = format!(
        "{} somebody's attention; amounts are their net sales so far. The column <code>watch</code> in <code>customers.parquet</code> \
         marks each list, the column <code>reason</code> says why each is on it.",
        match flags.iter().fold(0_u64, |sum, w| sum.saturating_add(w.customers)) {
            1 => "1 customer needs".to_string(),
            n => format!("{} customers need", count(n)),
        }
    );
    Section {
        id,
        link,
        title: title.to_string(),
        lead,
        body,
    }
}

type Measure = fn(&Cluster) -> f64;

pub(super) fn clusters(report: &Report, money: &Money) -> Section {
    let (id, link, title) = ("clusters", "Groups", "Groups by behaviour");
    let clusters = match report.clusters.rows() {
        Ok(clusters) => clusters,
        Err(reason) => {
            return Section::absent(id, link, title, reason, "customers were not clustered in this run");
        }
    };
    let measures: [(&str, &str, Measure); 4] = [
        ("Days since last order", "grey", |c| c.median_days_since_last),
        ("Orders", "teal", |c| c.median_orders),
        ("Net sales each", "teal", |c| c.median_net_amount),
        ("Expected value each", "teal", |c| {
            c.median_clv_amount.unwrap_or(f64::NAN)
        }),
    ];
    let tops = measures.map(|(.., measure)| {
        clusters
            .iter()
            .map(measure)
            .filter(|x| x.is_finite())
            .fold(0.0, f64::max)
    });
    let rows: Vec<Vec<String>> = clusters
        .iter()
        .map(|c| {
            let share = share_of(c.net_amount, report.net_amount);
            let size = share_of(c.customers as f64, report.customers as f64);
            let mut row = vec![
                format!("<i class=\"number\">{}</i> {}", c.cluster, name(&c.name)),
                with_bar(
                    &format!(
                        "{} <small>{}</small>",
                        count(c.customers),
                        percent(size.unwrap_or(f64::NAN))
                    ),
                    size.unwrap_or(0.0),
                    "grey",
                ),
                with_bar(&percent(share.unwrap_or(f64::NAN)), share.unwrap_or(0.0), "cool"),
            ];
            for (position, (_, class, measure)) in measures.iter().enumerate() {
                let x = measure(c);
                let text = match (position, x.is_finite()) {
                    (_, false) => NO_NUMBER.to_string(),
                    (0 | 1, true) => plain(x),
                    (_, true) => money.in_column(x, tops[position]),
                };
                row.push(with_bar(&text, x / tops[position], class));
            }
            row
        })
        .collect();
    let mut head = vec!["Group", "Customers", "Share of net sales"];
    head.extend(measures.iter().map(|(heading, ..)| *heading));
    let body = format!(
        "{}<p class=\"note\">The last four columns are medians; each bar is relative to the largest in its column. \
         Groups are numbered by value.</p>",
        table("stack bars", &head, &rows)
    );
    Section {
        id,
        link,
        title: title.to_string(),
        lead: clusters_lead(clusters, report),
        body,
    }
}

fn with_bar(text: &str, fraction: f64, class: &str) -> String {
    format!("<span>{text}</span>{}", bar(fraction, class))
}

fn clusters_lead(clusters: &[Cluster], report: &Report) -> String {
    let mut lead = match clusters.len() {
        1 => "All customers behave alike: one group. ".to_string(),
        n => format!("{n} groups of customers who behave alike, found from their behaviour alone. "),
    };
    let richest = clusters.iter().max_by(|a, b| {
        a.net_amount
            .total_cmp(&b.net_amount)
            .then_with(|| b.cluster.cmp(&a.cluster))
    });
    if let Some(richest) = richest.filter(|_| 1 < clusters.len()) {
        let size = share_of(richest.customers as f64, report.customers as f64);
        let share = share_of(richest.net_amount, report.net_amount);
        if let (Some(size), Some(share)) = (size, share) {
            lead.push_str(&format!(
                "Group {} ({}) is {} of customers and {} of net sales. ",
                richest.cluster,
                strong(&richest.name),
                percent(size),
                percent(share)
            ));
        }
    }
    lead.push_str("Segments above say when to speak to a customer; groups say how: choose tone and offer by group.");
    lead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_flag_has_words() {
        for flag in ["dormant_top", "rising", "loss_maker", "slipping", "new_top"] {
            assert!(WATCH_WORDS.iter().any(|(key, ..)| *key == flag), "{flag}");
        }
    }
}
