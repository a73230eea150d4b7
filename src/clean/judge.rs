//! Judging one line: which rules match, and the clean line that it makes.

use std::sync::Arc;

use super::cleaner::Cleaner;
use super::{IN_BASKET, IS_RETURN, Line, NO_COST, NO_GROUP, NON_PRODUCT, NONE, Rule, minute_of};
use crate::load::batch::{self, MISSING_CODE, RawBatch, Strings, TextColumn, is_value};
use crate::load::header::{CostBasis, DiscountBasis};
use crate::load::line_type::LineType;
use crate::units::{Fixed, LINE_LIMIT, UNITS_PER_ONE};

/// What the values of a text column mean, found out once for each that stands in a row, and kept as long as batches
/// share their values.
pub(super) struct Coded<T> {
    of: Arc<Strings>,
    by_code: Vec<Option<T>>,
}

impl<T> Default for Coded<T> {
    fn default() -> Self {
        Self {
            of: Arc::default(),
            by_code: Vec::new(),
        }
    }
}

impl<T: Copy> Coded<T> {
    pub fn learn(&mut self, column: &TextColumn, mut of_value: impl FnMut(&[u8]) -> T) {
        if !Arc::ptr_eq(&self.of, &column.values) {
            self.of = column.values.clone();
            self.by_code.clear();
            self.by_code.resize(column.values.len(), None);
        }
        for &code in &column.codes {
            if code != MISSING_CODE
                && let entry @ None = &mut self.by_code[code as usize]
            {
                *entry = Some(of_value(column.values.get(code as usize)));
            }
        }
    }

    pub fn of_code(&self, code: u32) -> Option<T> {
        self.by_code.get(code as usize).copied().flatten()
    }

    #[inline]
    pub fn get(&self, column: &TextColumn, row: usize) -> Option<T> {
        match column.codes[row] {
            MISSING_CODE => None,
            code => self.by_code[code as usize],
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

#[derive(Clone, Copy)]
pub(super) struct NameKey {
    pub code: u32,
    pub is_non_product: bool,
}

#[derive(Default)]
pub(super) struct BatchKeys {
    pub customers: Coded<CustomerKey>,
    /// `None` for an id that says that there is none.
    pub orders: Coded<Option<OrderKey>>,
    pub products: Coded<ProductKey>,
    pub names: Coded<NameKey>,
    pub groups: Coded<u8>,
    /// `None` for a word that says nothing.
    pub types: Coded<Option<LineType>>,
    pub currencies: Coded<()>,
}

pub(super) struct Judged {
    pub matched: u32,
    pub amount: Option<Fixed>,
    pub partition: u16,
    pub line: Line,
}

impl Cleaner<'_> {
    pub(super) fn judge(&self, batch: &RawBatch, keys: &BatchKeys, row: usize, flaw: Option<Rule>) -> Judged {
        let mut matched = 0;
        let mut line = Line {
            product: NONE,
            cost: NO_COST,
            row: if self.needs_rows { batch.raw.number(row) } else { 0 },
            ..Line::default()
        };
        line.file = batch.file as u16;

        if let Some(flaw) = flaw {
            // Its fields may stand in the wrong columns: nothing else can be said about it.
            return Judged {
                matched: flaw.bit(),
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

        line.order = match &batch.order {
            Some(column) => match keys.orders.get(column, row).flatten() {
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
            None if batch.product.is_some() => line.day() as u64,
            None => batch.raw.number(row) << 16 | u64::from(line.file),
        };
        if let Some(column) = &batch.product
            && let Some(key) = keys.products.get(column, row)
        {
            matched |= key.rules;
            line.product = key.code;
        }
        if let Some(column) = &batch.product_name
            && keys.names.get(column, row).is_some_and(|key| key.is_non_product)
        {
            matched |= Rule::NonProduct.bit();
        }
        line.group = match &batch.group {
            Some(column) => keys.groups.get(column, row).unwrap_or(NO_GROUP),
            None => NO_GROUP,
        };
        let line_type = match &batch.line_type {
            Some(column) => keys.types.get(column, row),
            None => None,
        };
        matched |= match line_type {
            Some(None) => Rule::UnknownType.bit(),
            Some(Some(LineType::Other)) => Rule::NoSale.bit(),
            Some(Some(LineType::Sale | LineType::Return)) | None => 0,
        };
        let is_return = line_type == Some(Some(LineType::Return));
        let amount = self.judge_money(batch, row, is_return, &mut line, &mut matched);
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

    /// Fills in quantity, amount, cost and the sign flags; `None` where the line's money cannot be read. A line that
    /// is a return by its type is one whatever the signs in the file.
    fn judge_money(
        &self,
        batch: &RawBatch,
        row: usize,
        is_return: bool,
        line: &mut Line,
        matched: &mut u32,
    ) -> Option<Fixed> {
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
        let within = |number: &i64| number.unsigned_abs() <= LINE_LIMIT as u64 * UNITS_PER_ONE as u64;
        let quantity = readable(number(&batch.quantity));
        let unit_price = if batch.amount.is_none() {
            readable(number(&batch.unit_price))
        } else {
            None
        };
        let amount = match &batch.amount {
            Some(_) => {
                let amount = readable(number(&batch.amount));
                if amount.is_some_and(|amount| !within(&amount)) {
                    *matched |= Rule::BadAmount.bit();
                }
                amount.filter(within).map(Fixed)
            }
            None => quantity.zip(unit_price).and_then(|(quantity, price)| {
                let gross = Fixed::quantity_times_price(Fixed(quantity), price);
                let net = match number(&batch.discount) {
                    None | Some(batch::MISSING) => gross,
                    Some(discount) => {
                        gross.and_then(|gross| discounted(gross, quantity, discount, batch.basis.discount))
                    }
                };
                if net.is_none() {
                    *matched |= Rule::BadAmount.bit();
                }
                net
            }),
        };
        let turned = |number: i64| if is_return { -number.abs() } else { number };
        let known_amount = Fixed(turned(amount?.0));
        let has_quantity = batch.quantity.is_some();
        let pieces = turned(quantity.unwrap_or(0));
        line.quantity = pieces;
        line.amount = known_amount.0;
        let cancelled = *matched & Rule::CancelledOrder.bit() != 0;
        let rules = [
            (
                Rule::NegativePrice,
                !is_return && unit_price.is_some_and(|price| price < 0),
            ),
            (Rule::ZeroPrice, unit_price == Some(0)),
            (Rule::ZeroAmount, unit_price != Some(0) && known_amount.0 == 0),
            (Rule::ZeroQuantity, has_quantity && pieces == 0 && known_amount.0 == 0),
            (
                Rule::SignConflict,
                (batch.amount.is_some() && pieces.signum() * known_amount.0.signum() < 0)
                    || (cancelled && (pieces > 0 || known_amount.0 > 0)),
            ),
            (Rule::ReturnLine, is_return || pieces < 0 || known_amount.0 < 0),
        ];
        for (rule, matches) in rules {
            *matched |= if matches { rule.bit() } else { 0 };
        }
        if is_return || cancelled || pieces < 0 || known_amount.0 < 0 {
            line.flags |= IS_RETURN;
        }
        let is_sale = if has_quantity { pieces > 0 } else { known_amount.0 > 0 };
        if is_sale && !cancelled && line.product != NONE {
            line.flags |= IN_BASKET;
        }
        if let Some(cost) = number(&batch.cost).filter(|cost| is_value(*cost)) {
            let one = if line.is(IS_RETURN) {
                -UNITS_PER_ONE
            } else {
                UNITS_PER_ONE
            };
            let times = match batch.basis.cost {
                CostBasis::Unit if has_quantity => pieces,
                CostBasis::Unit => one,
                // A return gives the goods back, whatever sign the file shows.
                CostBasis::Line if line.is(IS_RETURN) && cost < 0 => UNITS_PER_ONE,
                CostBasis::Line => one,
            };
            line.cost = Fixed::quantity_times_price(Fixed(times), cost).map_or(NO_COST, |cost| cost.0);
        }
        Some(known_amount)
    }
}

/// The amount less the discount, in millionths of what the basis says; `None` if that is more than the amount or
/// cannot be read.
fn discounted(gross: Fixed, quantity: i64, discount: i64, basis: DiscountBasis) -> Option<Fixed> {
    const HUNDRED: i64 = 100;
    let discount = is_value(discount).then(|| discount.checked_abs())??;
    let off = match basis {
        DiscountBasis::Line => Fixed::quantity_times_price(Fixed(UNITS_PER_ONE * gross.0.signum()), discount)?,
        DiscountBasis::Unit => Fixed::quantity_times_price(Fixed(quantity), discount)?,
        DiscountBasis::Percent => Fixed::quantity_times_price(gross, discount / HUNDRED)?,
        DiscountBasis::Share => Fixed::quantity_times_price(gross, discount)?,
    };
    let net = gross.0 - off.0;
    (net == 0 || net.signum() == gross.0.signum()).then_some(Fixed(net))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discounts_are_taken_off_what_they_are_a_discount_of() {
        let (gross, three) = (Fixed(300_000), 3 * UNITS_PER_ONE);
        for (discount, basis, net) in [
            (5_000_000, DiscountBasis::Line, Some(250_000)),
            (-5_000_000, DiscountBasis::Line, Some(250_000)),
            (5_000_000, DiscountBasis::Unit, Some(150_000)),
            (15_000_000, DiscountBasis::Percent, Some(255_000)),
            (150_000, DiscountBasis::Share, Some(255_000)),
            (1_000_000, DiscountBasis::Share, Some(0)),
            (31_000_000, DiscountBasis::Line, None),
            (101_000_000, DiscountBasis::Percent, None),
            (batch::BAD, DiscountBasis::Line, None),
        ] {
            assert_eq!(
                discounted(gross, three, discount, basis).map(|net| net.0),
                net,
                "{discount} {basis:?}"
            );
        }
        let returned = discounted(Fixed(-300_000), -three, 5_000_000, DiscountBasis::Line);
        assert_eq!(returned, Some(Fixed(-250_000)));
        assert_eq!(discounted(Fixed(0), 0, 1_000_000, DiscountBasis::Share), Some(Fixed(0)));
    }
}
