//! The messy CSV: the same lines as a shop system would export them, and broken copies of some of them.
//!
//! UTF-8 with a byte-order mark, semicolons, CRLF, decimal commas, days before months, customer numbers that a
//! spreadsheet has turned into decimals (`C00123` is `123.0`), names in quotes with doubled quotes inside,
//! blanks after some cells. All of that is notation: every line of the clean file is here with the same
//! content. Then `defect_share` of the sale lines are written a second time with one thing broken; a cleaner
//! that rejects exactly those is left with the clean file.

use super::history::{Line, Order};
use super::random::{Rng, below, chance};
use super::truth::{Defects, Kind, Oddities};
use super::write::{Labels, push_cents, push_int};

const PADDED_PROB: f64 = 0.01;

pub(super) const HEADER: &str = "\u{feff}\"Invoice No\";\"Customer ID\";\"Invoice Date\";\"Stock Code\";\
    \"Description\";\"Product Group\";\"Department\";\"Sales Channel\";\"Qty\";\"Unit Price\";\"Unit Cost\";\
    \"Currency\"\r\n";

const BROKEN_DATES: [&str; 4] = ["31/02/2024 10:15", "00/00/0000 00:00", "12/13", "yesterday"];
const BROKEN_QUANTITIES: [&str; 3] = ["one", "1O", "2 pcs?"];
const BROKEN_PRICES: [&str; 3] = ["#VALUE!", "see note", "4,9S"];

/// What is wrong with a broken line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    BrokenDate(&'static str),
    MissingDate,
    Quantity(&'static str),
    Price(&'static str),
    ZeroPrice,
}

/// The mess of one block.
pub(super) struct Mess {
    rng: Rng,
    defect_share: f64,
    pub defects: Defects,
    pub oddities: Oddities,
}

impl Mess {
    pub(super) fn new(rng: Rng, defect_share: f64) -> Self {
        Self {
            rng,
            defect_share,
            defects: Defects::default(),
            oddities: Oddities::default(),
        }
    }

    /// Appends the line, and perhaps a broken copy. Returns the number of rows.
    pub(super) fn push_line(
        &mut self,
        labels: &Labels,
        order: &Order,
        order_id: &str,
        line: &Line,
        out: &mut Vec<u8>,
    ) -> u64 {
        self.push_row(labels, order, order_id, line, None, out);
        if line.kind != Kind::Sale || !chance(&mut self.rng, self.defect_share) {
            return 1;
        }
        let defect = self.draw_defect();
        self.push_row(labels, order, order_id, line, Some(defect), out);
        2
    }

    fn draw_defect(&mut self) -> Defect {
        fn pick(rng: &mut Rng, texts: &[&'static str]) -> &'static str {
            texts[below(rng, texts.len() as u32) as usize]
        }
        let Self { rng, defects, .. } = self;
        let (defect, count) = match below(rng, 5) {
            0 => (Defect::BrokenDate(pick(rng, &BROKEN_DATES)), &mut defects.broken_date),
            1 => (Defect::MissingDate, &mut defects.missing_date),
            2 => (
                Defect::Quantity(pick(rng, &BROKEN_QUANTITIES)),
                &mut defects.non_numeric_quantity,
            ),
            3 => (Defect::Price(pick(rng, &BROKEN_PRICES)), &mut defects.non_numeric_price),
            _ => (Defect::ZeroPrice, &mut defects.zero_price),
        };
        *count += 1;
        defect
    }

    fn push_row(
        &mut self,
        labels: &Labels,
        order: &Order,
        order_id: &str,
        line: &Line,
        defect: Option<Defect>,
        out: &mut Vec<u8>,
    ) {
        // Broken copies are broken in one way only.
        let padded = |rng: &mut Rng, count: &mut u64| {
            let pad = defect.is_none() && chance(rng, PADDED_PROB);
            *count += u64::from(pad);
            if pad { "  " } else { "" }
        };
        let oddities = &mut self.oddities;
        let rng = &mut self.rng;

        out.extend_from_slice(order_id.as_bytes());
        out.push(b';');
        match order.customer {
            Some(customer) => {
                push_int(customer as i64 + 1, out);
                out.extend_from_slice(b".0");
                let pad = padded(rng, &mut oddities.padded_customer_id);
                out.extend_from_slice(pad.as_bytes());
            }
            None if chance(rng, 0.3) => {
                oddities.blanks_for_customer += 1;
                out.extend_from_slice(b"   ");
            }
            None => {}
        }
        out.push(b';');
        match defect {
            Some(Defect::BrokenDate(text)) => out.extend_from_slice(text.as_bytes()),
            Some(Defect::MissingDate) => {}
            _ => labels.push_day_first(order.minute, out),
        }
        out.push(b';');
        let product = &labels.products[line.product as usize];
        out.extend_from_slice(product.id.as_bytes());
        out.extend_from_slice(padded(rng, &mut oddities.padded_product_id).as_bytes());
        out.extend_from_slice(b";\"");
        out.extend_from_slice(product.name_doubled_quotes.as_bytes());
        out.extend_from_slice(padded(rng, &mut oddities.padded_product_name).as_bytes());
        out.extend_from_slice(b"\";");
        if defect.is_none() && product.name.contains([';', '"']) {
            oddities.delimiter_or_quote_in_name += 1;
        }
        for text in [product.category, product.business_line, labels.channel(order)] {
            out.extend_from_slice(text.as_bytes());
            out.push(b';');
        }
        match defect {
            Some(Defect::Quantity(text)) => out.extend_from_slice(text.as_bytes()),
            _ => push_int(i64::from(line.quantity), out),
        }
        out.push(b';');
        match defect {
            Some(Defect::Price(text)) => out.extend_from_slice(text.as_bytes()),
            Some(Defect::ZeroPrice) => out.extend_from_slice(b"0,00"),
            _ => push_cents(i64::from(line.price_cents), b',', out),
        }
        out.push(b';');
        push_cents(product.cost_cents, b',', out);
        out.push(b';');
        out.extend_from_slice(labels.currency.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}
