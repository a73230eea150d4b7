//! Judging one line: which rules match, and the clean line that it makes.

use super::cleaner::Cleaner;
use super::{IN_BASKET, IS_RETURN, Line, NO_COST, NON_PRODUCT, NONE, Rule, minute_of};
use crate::load::batch::{self, MISSING_CODE, RawBatch, TextColumn, is_value};
use crate::units::{Fixed, UNITS_PER_ONE};

/// What the ids of one batch mean, one entry for each distinct value.
pub(super) struct Coded<T> {
    by_code: Vec<T>,
}

impl<T: Copy> Coded<T> {
    pub fn new(column: &TextColumn, of_value: impl FnMut(&[u8]) -> T) -> Self {
        Self {
            by_code: column.values.iter().map(of_value).collect(),
        }
    }

    pub fn get(&self, column: &TextColumn, row: usize) -> Option<T> {
        match column.codes[row] {
            MISSING_CODE => None,
            code => Some(self.by_code[code as usize]),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct CustomerKey {
    pub partition: u16,
    pub code: u32,
    pub rules: u32,
}

#[derive(Clone, Copy)]
pub(super) struct OrderKey {
    pub hash: u64,
    pub rules: u32,
}

#[derive(Clone, Copy)]
pub(super) struct ProductKey {
    pub code: u32,
    pub rules: u32,
}

pub(super) struct BatchKeys {
    pub customers: Coded<CustomerKey>,
    pub orders: Option<Coded<OrderKey>>,
    pub products: Option<Coded<ProductKey>>,
    pub names: Option<Coded<bool>>,
}

pub(super) struct Judged {
    pub matched: u32,
    pub amount: Option<Fixed>,
    pub partition: u16,
    pub line: Line,
}

impl Cleaner<'_> {
    pub(super) fn judge(&self, batch: &RawBatch, keys: &BatchKeys, row: usize, is_ragged: bool) -> Judged {
        let mut matched = 0;
        let mut line = Line {
            product: NONE,
            cost: NO_COST,
            row: batch.raw.number(row),
            ..Line::default()
        };
        line.file = batch.file as u16;

        if is_ragged {
            // Its fields may stand in the wrong columns: nothing else can be said about it.
            return Judged {
                matched: Rule::RaggedRow.bit(),
                amount: None,
                partition: 0,
                line,
            };
        }
        let customer = keys.customers.get(&batch.customer, row);
        matched |= customer.map_or(Rule::MissingCustomer.bit(), |key| key.rules);
        line.customer = customer.map_or(NONE, |key| key.code);

        let second = batch.ordered_at[row];
        matched |= self.judge_time(second);
        line.minute = if is_value(second) {
            minute_of(second).unwrap_or(0)
        } else {
            0
        };

        line.order = match (&batch.order, &keys.orders) {
            (Some(column), Some(orders)) => match orders.get(column, row) {
                Some(key) => {
                    matched |= key.rules;
                    key.hash
                }
                None => {
                    matched |= Rule::MissingOrder.bit();
                    u64::from(line.minute)
                }
            },
            // Without order ids, a file of items has one order a day, a file without products one order a line.
            _ if batch.product.is_some() => line.day() as u64,
            _ => line.row << 16 | u64::from(line.file),
        };
        if let (Some(column), Some(products)) = (&batch.product, &keys.products)
            && let Some(key) = products.get(column, row)
        {
            matched |= key.rules;
            line.product = key.code;
        }
        if let (Some(column), Some(names)) = (&batch.product_name, &keys.names)
            && names.get(column, row) == Some(true)
        {
            matched |= Rule::NonProduct.bit();
        }
        let amount = self.judge_money(batch, row, &mut line, &mut matched);
        if matched & Rule::NonProduct.bit() != 0 {
            line.flags |= NON_PRODUCT;
        }
        Judged {
            matched,
            amount,
            partition: customer.map_or(0, |key| key.partition),
            line,
        }
    }

    fn judge_time(&self, second: i64) -> u32 {
        match second {
            batch::MISSING => Rule::MissingDate.bit(),
            batch::BAD | batch::OVERFLOW => Rule::BadDate.bit(),
            _ if !(self.params.min_second..self.params.end_second).contains(&second) => Rule::DateOutOfRange.bit(),
            _ if self
                .params
                .as_of
                .is_some_and(|day| second.div_euclid(86_400) > i64::from(day.0)) =>
            {
                Rule::AfterAsOf.bit()
            }
            _ => 0,
        }
    }

    /// Fills in quantity, amount, cost and the sign flags; `None` where the line's money cannot be read.
    fn judge_money(&self, batch: &RawBatch, row: usize, line: &mut Line, matched: &mut u32) -> Option<Fixed> {
        let number = |column: &Option<Vec<i64>>| column.as_ref().map(|numbers| numbers[row]);
        let mut readable = |number: Option<i64>| match number {
            Some(batch::MISSING) => {
                *matched |= Rule::MissingAmount.bit();
                None
            }
            Some(batch::BAD | batch::OVERFLOW) => {
                *matched |= Rule::BadAmount.bit();
                None
            }
            number => number,
        };
        let quantity = readable(number(&batch.quantity));
        let unit_price = if batch.amount.is_none() {
            readable(number(&batch.unit_price))
        } else {
            None
        };
        let amount = match &batch.amount {
            Some(_) => readable(number(&batch.amount)).map(Fixed),
            None => quantity.zip(unit_price).and_then(|(quantity, price)| {
                let product = Fixed::quantity_times_price(Fixed(quantity), price);
                if product.is_none() {
                    *matched |= Rule::BadAmount.bit();
                }
                product
            }),
        };
        let known_amount = amount?;
        let has_quantity = batch.quantity.is_some();
        let pieces = quantity.unwrap_or(0);
        line.quantity = pieces;
        line.amount = known_amount.0;
        let cancelled = *matched & Rule::CancelledOrder.bit() != 0;
        let rules = [
            (Rule::NegativePrice, unit_price.is_some_and(|price| price < 0)),
            (Rule::ZeroPrice, unit_price == Some(0)),
            (Rule::ZeroAmount, batch.amount.is_some() && known_amount.0 == 0),
            (Rule::ZeroQuantity, has_quantity && pieces == 0 && known_amount.0 == 0),
            (
                Rule::SignConflict,
                (batch.amount.is_some() && pieces.signum() * known_amount.0.signum() < 0)
                    || (cancelled && (pieces > 0 || known_amount.0 > 0)),
            ),
            (Rule::ReturnLine, pieces < 0 || known_amount.0 < 0),
        ];
        for (rule, matches) in rules {
            *matched |= if matches { rule.bit() } else { 0 };
        }
        if cancelled || pieces < 0 || known_amount.0 < 0 {
            line.flags |= IS_RETURN;
        }
        let is_sale = if has_quantity { pieces > 0 } else { known_amount.0 > 0 };
        if is_sale && !cancelled && line.product != NONE {
            line.flags |= IN_BASKET;
        }
        // A cost beside a unit price is the cost of a piece; otherwise it is the cost of the line.
        if let Some(cost) = number(&batch.cost).filter(|cost| is_value(*cost)) {
            let pieces = if batch.unit_price.is_some() {
                pieces
            } else {
                UNITS_PER_ONE
            };
            line.cost = Fixed::quantity_times_price(Fixed(pieces), cost).map_or(NO_COST, |cost| cost.0);
        }
        Some(known_amount)
    }
}
