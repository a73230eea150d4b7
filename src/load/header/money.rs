//! Which column holds the money of a line, told by what the numbers say of one another.
//!
//! In: the candidates by name, and the columns that a first look by names settled on. Out: the candidates without those
//! that the numbers speak against, and why: a total that every line of its order repeats would count many times, the
//! price of a piece is not that of a line, and a column called `amount` may count pieces.

use super::figures::{PriceOf, Sample, WithinOrders};
use super::guess::{Candidate, Column, score_of};
use super::names::{KNOWN_ORDERS, KNOWN_TAXES};
use super::normal::{Normal, Tax};
use super::{Canonical, Guesses};

/// Below every whole name for a quantity.
const COUNT: u32 = 42;

/// What the numbers say: candidates that are settled, notes, and why there is no amount if nothing is left of it.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) notes: Vec<String>,
    pub(super) no_amount: Option<(Vec<usize>, String)>,
}

/// Takes a column called `amount` for pieces where it counts them.
pub(super) fn find_counts(candidates: &mut Vec<Candidate>, columns: &[Column<'_>], sample: &Sample<'_>) {
    let of = |candidates: &[Candidate], canonical| -> Vec<usize> {
        let found = candidates.iter().filter(|one| one.canonical == canonical);
        found.map(|one| one.index).collect()
    };
    if !of(candidates, Canonical::Quantity).is_empty() {
        return;
    }
    let is_price = |column: &&Column<'_>| column.is_price();
    let mut prices = of(candidates, Canonical::UnitPrice);
    prices.extend(columns.iter().filter(is_price).map(|column| column.index));
    let counts: Vec<usize> = of(candidates, Canonical::Amount)
        .into_iter()
        .filter(|count| !prices.contains(count) && prices.iter().any(|price| sample.counts_pieces(*count, *price)))
        .collect();
    // Two of them would have to be told apart.
    let [index] = *counts else { return };
    let Some(column) = columns.iter().find(|column| column.index == index) else {
        return;
    };
    candidates.retain(|one| one.index != index);
    candidates.push(Candidate {
        canonical: Canonical::Quantity,
        index,
        score: score_of(COUNT),
        evidence: format!(
            "header {:?}, and its values are small whole numbers far below the price: it counts pieces",
            column.header
        ),
        is_count: true,
    });
}

/// Weighs the candidates for the amount, and decides what a bare price is the price of.
pub(super) fn weigh(
    candidates: &mut Vec<Candidate>,
    columns: &[Column<'_>],
    first: &Guesses,
    sample: &Sample<'_>,
) -> Findings {
    let mut findings = Findings::default();
    let header = |index: usize| {
        let column = columns.iter().find(|column| column.index == index);
        column.map_or_else(String::new, |column| column.header.to_owned())
    };
    price_of_what(candidates, columns, first, sample, &mut findings);
    let column = |canonical| first.column(canonical);
    let pieces = column(Canonical::Quantity).zip(column(Canonical::UnitPrice));
    let product = column(Canonical::ProductId).or(column(Canonical::ProductName));
    let mut lines: Vec<usize> = product.into_iter().collect();
    lines.extend(pieces.into_iter().flat_map(|(quantity, price)| [quantity, price]));
    let mut dropped: Vec<(usize, String)> = Vec::new();
    for one in candidates.iter_mut().filter(|one| one.canonical == Canonical::Amount) {
        let index = one.index;
        let name = header(index);
        let within = column(Canonical::OrderId)
            .filter(|order| *order != index)
            .and_then(|order| sample.within_orders(index, order, &lines, pieces, is_of_order(&name)));
        let against = match (within, pieces) {
            (Some(WithinOrders::Repeated), _) => Some(format!(
                "{name:?} is the same on all lines of an order, so it is the money of the order and would count once a line"
            )),
            (Some(WithinOrders::Once), _) => Some(format!(
                "{name:?} stands on one line of an order only, so it is the money of the order and not of the line"
            )),
            (None, Some((quantity, price))) if index != quantity && index != price => {
                let (is, times) = (header(quantity), header(price));
                if sample.is_product(index, quantity, price) == Some(true) {
                    one.score += 50;
                    one.evidence = format!("{}, and it is {is:?} times {times:?}", one.evidence);
                    None
                } else if sample.is_price_of_piece(index, quantity, price) {
                    Some(format!("{name:?} is the price of one piece, as {times:?} is"))
                } else if sample.is_far_from_product(index, quantity, price) {
                    Some(format!("{name:?} is nowhere near {is:?} times {times:?}"))
                } else {
                    None
                }
            }
            _ => None,
        };
        if let Some(why) = against {
            dropped.push((index, why));
        }
    }
    let was = first.column(Canonical::Amount);
    candidates
        .retain(|one| one.canonical != Canonical::Amount || !dropped.iter().any(|(index, _)| *index == one.index));
    with_tax(candidates, columns, sample);
    if let Some(discount) = column(Canonical::Discount) {
        without_discount(candidates, columns, discount, sample);
    }
    let is_left = candidates.iter().any(|one| one.canonical == Canonical::Amount);
    let told: Vec<&(usize, String)> = dropped
        .iter()
        .filter(|(index, _)| was.is_none_or(|was| was == *index))
        .collect();
    if is_left || pieces.is_some() {
        findings.notes.extend(told.iter().map(|(_, why)| why.clone()));
    } else if !dropped.is_empty() {
        let why: Vec<&str> = dropped.iter().map(|(_, why)| why.as_str()).collect();
        let indices = dropped.iter().map(|(index, _)| *index).collect();
        findings.no_amount = Some((indices, why.join("; ")));
    }
    findings
}

/// Of two amounts of which one is the other and the tax, that with the tax is what the customer paid.
fn with_tax(candidates: &mut [Candidate], columns: &[Column<'_>], sample: &Sample<'_>) {
    let is_tax = |column: &&Column<'_>| KNOWN_TAXES.iter().any(|word| column.normal.contains(word));
    let taxes: Vec<&Column<'_>> = columns.iter().filter(is_tax).collect();
    let amounts: Vec<(usize, u32)> = candidates
        .iter()
        .filter(|one| one.canonical == Canonical::Amount)
        .map(|one| (one.index, one.score))
        .collect();
    for one in candidates.iter_mut().filter(|one| one.canonical == Canonical::Amount) {
        for (net, net_score) in amounts.iter().filter(|(net, _)| *net != one.index) {
            let mut taxes = taxes.iter().filter(|tax| tax.index != *net && tax.index != one.index);
            let found = taxes.find(|tax| sample.is_sum(one.index, *net, tax.index));
            if let (Some(tax), Some(net)) = (found, columns.iter().find(|column| column.index == *net))
                && one.score <= *net_score
            {
                one.score = net_score + 1;
                one.evidence = format!("{}, and it is {:?} and {:?}", one.evidence, net.header, tax.header);
            }
        }
    }
}

/// Of two amounts of which one is the other less the discount, that with the discount taken off is what was paid.
fn without_discount(candidates: &mut [Candidate], columns: &[Column<'_>], discount: usize, sample: &Sample<'_>) {
    let amounts: Vec<(usize, u32)> = candidates
        .iter()
        .filter(|one| one.canonical == Canonical::Amount && one.index != discount)
        .map(|one| (one.index, one.score))
        .collect();
    for one in candidates.iter_mut().filter(|one| one.canonical == Canonical::Amount) {
        for (gross, gross_score) in amounts.iter().filter(|(gross, _)| *gross != one.index) {
            let is_less = one.index != discount
                // Programs write discounts as what they are, or as what they add.
                && (sample.is_sum(*gross, one.index, discount) || sample.is_sum(one.index, *gross, discount))
                && sample.is_below(one.index, *gross);
            if let Some(gross) = columns.iter().find(|column| column.index == *gross && is_less)
                && one.score <= *gross_score
            {
                one.score = gross_score + 1;
                one.evidence = format!("{}, and it is {:?} less the discount", one.evidence, gross.header);
            }
        }
    }
}

/// Whether the header speaks of the money of a whole order.
fn is_of_order(header: &str) -> bool {
    let normal = Normal::of(header);
    KNOWN_ORDERS.iter().any(|word| normal.contains(word))
}

/// `Price` beside a quantity is that of a piece, unless it grows with the pieces.
fn price_of_what(
    candidates: &mut [Candidate],
    columns: &[Column<'_>],
    first: &Guesses,
    sample: &Sample<'_>,
    findings: &mut Findings,
) {
    let column = |canonical| first.column(canonical);
    let (Some(quantity), Some(price), None) = (
        column(Canonical::Quantity),
        column(Canonical::UnitPrice),
        column(Canonical::Amount),
    ) else {
        return;
    };
    let Some(named) = columns.iter().find(|column| column.index == price && column.is_price()) else {
        return;
    };
    let product = column(Canonical::ProductId).or(column(Canonical::ProductName));
    let what = product.and_then(|product| sample.price_of(price, quantity, product));
    let is_count = candidates.iter().any(|one| one.index == quantity && one.is_count);
    match what {
        Some(PriceOf::Line) => {
            for one in candidates.iter_mut().filter(|one| one.index == price) {
                one.canonical = Canonical::Amount;
                one.evidence = format!("header {:?}, and it grows with the pieces of a product", named.header);
            }
        }
        Some(PriceOf::Piece) => {}
        // The quantity has the name of an amount: what the other is must not be guessed.
        None if is_count => {
            let reason = format!("{:?} may be the price of a piece or of the line", named.header);
            findings.no_amount = Some((vec![price], reason));
        }
        None => {}
    }
}

/// What the evidence should say of the amounts that were not taken.
pub(super) fn beside(taken: &Column<'_>, others: &[&Column<'_>]) -> Option<String> {
    let excluded = others.iter().find(|other| other.normal.tax == Some(Tax::Excluded));
    match (taken.normal.tax, excluded) {
        (Some(Tax::Included), Some(other)) => Some(format!(
            "it includes tax, as customers paid it, and {:?} does not",
            other.header
        )),
        (Some(Tax::Excluded), _) => Some("without tax".to_owned()),
        _ => None,
    }
}
