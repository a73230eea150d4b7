//! The orders of a block of customers: process, baskets, prices, and what happens to orders afterwards.
//!
//! In: the world and a range of customer numbers. Out: the block's orders in time order, their lines, and
//! exact counts. Cost: one pass; memory of one block.
//!
//! Every order of the process becomes one *sale* order, whose lines sum to its Gamma-Gamma amount to the cent
//! (with a single line: to within half a cent for each unit). Everything else is put beside it and can be
//! taken away again: duplicates and postage are further lines, returns and cancellations are `C` orders,
//! orders placed by mistake and anonymous orders are further orders.

use std::ops::Range;

use super::catalogue::{Catalogue, POSTAGE};
use super::process::{OrderAmounts, Process, Spend};
use super::random::{Domain, Rng, below, chance, exponential, stream};
use super::truth::{Kind, Tally};

const MINUTES_PER_DAY: u32 = 1_440;
/// Nobody orders for more: it keeps quantities and line amounts far inside their integers.
const MAX_ORDER_CENTS: i64 = 1_000_000_000;
const MEAN_RETURN_DAYS: f64 = 9.0;
const MAX_RETURN_DAYS: f64 = 45.0;
/// The probability that an order comes through the customer's usual channel.
const USUAL_CHANNEL_PROB: f64 = 0.85;
/// Channels, and of how many customers out of 20 each is the usual one.
pub(super) const CHANNELS: [(&str, u32); 3] = [("Web", 11), ("Store", 7), ("Phone", 2)];

/// Everything that a block is drawn from.
#[derive(Debug)]
pub(super) struct World {
    pub seed: u64,
    pub days: u32,
    pub acquisition_days: u32,
    pub process: Process,
    pub spend: Spend,
    pub catalogue: Catalogue,
    pub return_share: f64,
    pub duplicate_share: f64,
    pub postage_share: f64,
    /// Orders placed by mistake, for each sale order.
    pub mistakes_per_sale: f64,
    /// Anonymous orders, for each sale order.
    pub anonymous_per_sale: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    /// Minutes since the start of the first day.
    pub minute: u32,
    pub kind: Kind,
    pub channel: u8,
    /// From 0; `None` for an anonymous order.
    pub customer: Option<u64>,
    first_line: u32,
    n_lines: u32,
    /// The place in `Block::orders` of the order that a `C` order takes back; otherwise its own.
    about: u32,
    /// Rank in time among the block's orders that are no `C` orders.
    rank: u32,
}

impl Order {
    fn lines(&self) -> Range<usize> {
        let first = self.first_line as usize;
        first..first + self.n_lines as usize
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// One past the last product means postage.
    pub product: u32,
    pub quantity: i32,
    pub price_cents: i32,
    pub kind: Kind,
}

impl Line {
    pub(super) fn amount_cents(&self) -> i64 {
        i64::from(self.quantity) * i64::from(self.price_cents)
    }

    fn taken_back(self, quantity: i32) -> Self {
        Self {
            quantity: -quantity,
            ..self
        }
    }
}

/// The orders of a range of customers.
pub(super) struct Block {
    orders: Vec<Order>,
    lines: Vec<Line>,
    /// Places in `orders`, in time order.
    in_time: Vec<u32>,
    pub tally: Tally,
}

/// Buffers that every order needs again.
#[derive(Default)]
struct Scratch {
    times: Vec<f64>,
    days: Vec<u32>,
    basket: Vec<u32>,
    priced: Vec<Line>,
    back: Vec<Line>,
}

/// Who orders.
struct Buyer {
    customer: Option<u64>,
    home_line: u32,
    usual_channel: u8,
    amounts: OrderAmounts,
}

impl Buyer {
    fn draw(world: &World, customer: Option<u64>, rng: &mut Rng) -> Self {
        Self {
            customer,
            home_line: world.catalogue.draw_home_line(rng),
            usual_channel: draw_channel(rng),
            amounts: world.spend.draw_customer(rng),
        }
    }
}

impl Block {
    pub(super) fn draw(world: &World, customers: Range<u64>) -> Self {
        let mut block = Self {
            orders: Vec::new(),
            lines: Vec::new(),
            in_time: Vec::new(),
            tally: Tally::new(&world.catalogue),
        };
        let mut scratch = Scratch::default();
        for customer in customers {
            let rng = &mut stream(world.seed, Domain::Customer, customer);
            let alive = draw_order_days(world, rng, &mut scratch);
            block.tally.count_customer(&scratch.days, alive);
            let buyer = Buyer::draw(world, Some(customer), rng);
            for i in 0..scratch.days.len() {
                block.draw_order(world, &buyer, scratch.days[i], rng, &mut scratch);
            }
        }
        block.put_in_time_order();
        block
    }

    pub(super) fn n_orders(&self) -> usize {
        self.orders.len()
    }

    /// Orders that get a number of their own; a `C` order repeats the number of the order it takes back.
    pub(super) fn n_numbers(&self) -> u64 {
        let numbered = |order: &&Order| !order.kind.takes_back();
        self.orders.iter().filter(numbered).count() as u64
    }

    /// The orders at places `range` of the time order, with the rank of their number and their lines.
    pub(super) fn orders(&self, range: Range<usize>) -> impl Iterator<Item = (&Order, u32, &[Line])> {
        self.in_time[range].iter().map(|&at| {
            let order = &self.orders[at as usize];
            let rank = self.orders[order.about as usize].rank;
            (order, rank, &self.lines[order.lines()])
        })
    }

    /// One order of the process, and all that is put beside it.
    fn draw_order(&mut self, world: &World, buyer: &Buyer, day: u32, rng: &mut Rng, scratch: &mut Scratch) {
        let minute = day * MINUTES_PER_DAY + draw_minute(rng);
        if chance(rng, world.mistakes_per_sale) {
            let placed = minute - 5 - below(rng, 20);
            let mistake = self.push_basket(world, buyer, placed, Kind::Mistake, rng, scratch);
            scratch.back.clear();
            let all = self.lines[self.orders[mistake].lines()].iter();
            scratch.back.extend(all.map(|line| line.taken_back(line.quantity)));
            let cancelled = placed + 1 + below(rng, 4);
            self.push_back(mistake, cancelled, Kind::Cancellation, &scratch.back);
        }

        let sale = self.push_basket(world, buyer, minute, Kind::Sale, rng, scratch);
        self.tally.count_basket(&world.catalogue, &scratch.basket);
        let sold = self.orders[sale].lines();
        for at in sold.clone() {
            if chance(rng, world.duplicate_share) {
                self.push_line(self.lines[at], Kind::Duplicate);
            }
        }
        if chance(rng, world.postage_share) {
            let postage = Line {
                product: world.catalogue.products.len() as u32,
                quantity: 1,
                price_cents: POSTAGE.price_cents as i32,
                kind: Kind::Postage,
            };
            self.push_line(postage, Kind::Postage);
        }
        draw_returns(world, &self.lines[sold], rng, &mut scratch.back);
        if !scratch.back.is_empty() {
            let delay = (MEAN_RETURN_DAYS * exponential(rng)).min(MAX_RETURN_DAYS);
            let back_day = day + 1 + delay as u32;
            let minute = back_day * MINUTES_PER_DAY + draw_minute(rng);
            // What comes back after the last day is not in this history.
            if back_day < world.days {
                self.push_back(sale, minute, Kind::Return, &scratch.back);
            }
        }

        if chance(rng, world.anonymous_per_sale) {
            let guest = Buyer::draw(world, None, rng);
            let minute = below(rng, world.days) * MINUTES_PER_DAY + draw_minute(rng);
            self.push_basket(world, &guest, minute, Kind::Anonymous, rng, scratch);
        }
    }

    /// Draws a basket, prices it to an amount of the buyer, and appends it. Returns its place.
    fn push_basket(
        &mut self,
        world: &World,
        buyer: &Buyer,
        minute: u32,
        kind: Kind,
        rng: &mut Rng,
        scratch: &mut Scratch,
    ) -> usize {
        let basket = &mut scratch.basket;
        world.catalogue.draw_basket(buyer.home_line, rng, basket);
        let least_cents = (basket.len() * basket.len()) as i64;
        let total_cents = buyer.amounts.draw_cents(rng, least_cents, MAX_ORDER_CENTS);
        let channel = if chance(rng, USUAL_CHANNEL_PROB) {
            buyer.usual_channel
        } else {
            draw_channel(rng)
        };
        let at = self.push_order(minute, kind, channel, buyer.customer, None);
        for &product in basket.iter() {
            let list_cents = world.catalogue.products[product as usize].list_cents;
            let line = Line {
                product,
                quantity: 1,
                price_cents: list_cents as i32,
                kind,
            };
            scratch.priced.push(line);
        }
        set_prices(total_cents, &mut scratch.priced);
        for line in scratch.priced.drain(..) {
            self.push_line(line, kind);
        }
        at
    }

    /// Appends the `C` order that takes `lines` of the order at `about` back.
    fn push_back(&mut self, about: usize, minute: u32, kind: Kind, lines: &[Line]) {
        let Order { channel, customer, .. } = self.orders[about];
        self.push_order(minute, kind, channel, customer, Some(about));
        for &line in lines {
            self.push_line(line, kind);
        }
    }

    fn push_order(
        &mut self,
        minute: u32,
        kind: Kind,
        channel: u8,
        customer: Option<u64>,
        about: Option<usize>,
    ) -> usize {
        let at = self.orders.len();
        self.orders.push(Order {
            minute,
            kind,
            channel,
            customer,
            first_line: self.lines.len() as u32,
            n_lines: 0,
            about: about.unwrap_or(at) as u32,
            rank: 0,
        });
        self.tally.count_order(kind);
        at
    }

    /// Appends a line to the newest order.
    fn push_line(&mut self, line: Line, kind: Kind) {
        let line = Line { kind, ..line };
        if let Some(order) = self.orders.last_mut() {
            order.n_lines += 1;
        }
        self.tally.count_line(&line);
        self.lines.push(line);
    }

    fn put_in_time_order(&mut self) {
        self.in_time = (0..self.orders.len() as u32).collect();
        // Stable: orders of one minute keep the order of customers.
        self.in_time.sort_by_key(|&at| self.orders[at as usize].minute);
        let mut rank = 0;
        for &at in &self.in_time {
            let order = &mut self.orders[at as usize];
            if !order.kind.takes_back() {
                order.rank = rank;
                rank += 1;
            }
        }
    }
}

/// Draws the days of a customer's orders, ascending. Returns whether he is alive at the end.
fn draw_order_days(world: &World, rng: &mut Rng, scratch: &mut Scratch) -> bool {
    let first_day = below(rng, world.acquisition_days);
    let last_day = world.days - 1;
    let Scratch { times, days, .. } = scratch;
    times.clear();
    let horizon_days = f64::from(last_day - first_day);
    let alive = world.process.draw_repeats(horizon_days, rng, times);
    set_days(first_day, last_day, times, days);
    alive
}

/// Puts the first order on `first_day` and each repeat order, `times` later and ascending, on the nearest day
/// that is free: models count days with orders, so orders that shared a day would be lost to them. Only a
/// customer with more orders than days has two on one day.
fn set_days(first_day: u32, last_day: u32, times: &[f64], days: &mut Vec<u32>) {
    days.clear();
    days.push(first_day);
    let mut free = first_day;
    for time in times {
        free = (first_day + time.round() as u32).max(free + 1);
        days.push(free);
    }
    let mut latest = last_day;
    for day in days[1..].iter_mut().rev() {
        if *day <= latest {
            break;
        }
        *day = latest;
        latest = (latest - 1).max(first_day + 1);
    }
}

/// A minute of the day between 7:00 and 21:00, most often about 14:00.
fn draw_minute(rng: &mut Rng) -> u32 {
    7 * 60 + below(rng, 7 * 60) + below(rng, 7 * 60)
}

fn draw_channel(rng: &mut Rng) -> u8 {
    let mut ticket = below(rng, CHANNELS.iter().map(|(_, tickets)| tickets).sum());
    let mut channel = 0;
    while CHANNELS[channel].1 <= ticket {
        ticket -= CHANNELS[channel].1;
        channel += 1;
    }
    channel as u8
}

/// Draws which of `sold` comes back and how much of it, into `back`. Never everything: an order that came
/// back whole would be no purchase, and the history would no longer be that of the process.
fn draw_returns(world: &World, sold: &[Line], rng: &mut Rng, back: &mut Vec<Line>) {
    back.clear();
    let mut units_left: i64 = 0;
    for line in sold {
        units_left += i64::from(line.quantity);
        if chance(rng, world.return_share) {
            let quantity = 1 + below(rng, line.quantity as u32) as i32;
            units_left -= i64::from(quantity);
            back.push(line.taken_back(quantity));
        }
    }
    if units_left == 0 {
        back.pop();
    }
}

/// Turns list prices of single units into quantities and prices that sum to `total_cents`.
///
/// More is bought until the list prices reach the total; then everything gets the same discount, rounded
/// down to the cent, and the dearest product, of which there is one, takes the cents that are left. A single
/// line has a whole price in cents, so its amount is the nearest that its quantity allows.
fn set_prices(total_cents: i64, lines: &mut [Line]) {
    let list_cents = |line: &Line| i64::from(line.price_cents);
    if let [only] = lines {
        let quantity = units_for(total_cents, list_cents(only)).max(1);
        only.quantity = quantity as i32;
        only.price_cents = ((total_cents + quantity / 2) / quantity) as i32;
        return;
    }
    let Some(dearest) = (0..lines.len()).max_by_key(|&i| (lines[i].price_cents, lines.len() - i)) else {
        return;
    };
    let Some(cheapest) = (0..lines.len())
        .filter(|&i| i != dearest)
        .min_by_key(|&i| (lines[i].price_cents, i))
    else {
        return;
    };
    let mut missing = total_cents - lines.iter().map(list_cents).sum::<i64>();
    if 0 < missing {
        let each = missing / (lines.len() as i64 - 1);
        for (i, line) in lines.iter_mut().enumerate() {
            if i != dearest {
                let more = each / list_cents(line);
                line.quantity += more as i32;
                missing -= more * list_cents(line);
            }
        }
        lines[cheapest].quantity += units_for(missing, list_cents(&lines[cheapest])) as i32;
    }
    let at_list: i64 = lines.iter().map(Line::amount_cents).sum();
    for line in lines.iter_mut() {
        line.price_cents = (list_cents(line) * total_cents / at_list).max(1) as i32;
    }
    let priced: i64 = lines.iter().map(Line::amount_cents).sum();
    lines[dearest].price_cents += (total_cents - priced) as i32;
}

/// The least number of units at `unit_cents` that cost `cents` or more; neither is negative.
fn units_for(cents: i64, unit_cents: i64) -> i64 {
    (cents + unit_cents - 1) / unit_cents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(list_cents: &[i32]) -> Vec<Line> {
        let line = |&price_cents: &i32| Line {
            product: 0,
            quantity: 1,
            price_cents,
            kind: Kind::Sale,
        };
        list_cents.iter().map(line).collect()
    }

    #[test]
    fn prices_sum_to_the_total_to_the_cent() {
        let baskets: [&[i32]; 5] = [
            &[1_295, 95],
            &[2_450, 395, 395],
            &[135, 135, 135, 135, 135, 135, 135],
            &[4_485, 105, 635, 1_075, 95],
            &[95, 4_485],
        ];
        for basket in baskets {
            let least = (basket.len() * basket.len()) as i64;
            for total in (least..60_000).step_by(7).chain([MAX_ORDER_CENTS]) {
                let mut priced = lines(basket);
                set_prices(total, &mut priced);
                assert_eq!(priced.iter().map(Line::amount_cents).sum::<i64>(), total);
                assert!(priced.iter().all(|l| 0 < l.price_cents && 0 < l.quantity));
                let list: i64 = basket.iter().map(|&p| i64::from(p)).sum();
                // At or below list, but for the cents that the dearest takes: one a unit at most.
                let units: i32 = priced.iter().map(|l| l.quantity).sum();
                for (line, &list_cents) in priced.iter().zip(basket) {
                    assert!(line.price_cents <= list_cents + units);
                    assert!(total < list || list_cents / 2 <= line.price_cents);
                }
            }
        }
    }

    #[test]
    fn a_single_line_is_within_half_a_cent_a_unit() {
        for total in (1..50_000).chain([MAX_ORDER_CENTS]) {
            let mut priced = lines(&[495]);
            set_prices(total, &mut priced);
            let line = priced[0];
            assert!(2 * (line.amount_cents() - total).abs() <= i64::from(line.quantity));
            assert!(0 < line.price_cents && line.price_cents <= 495);
        }
    }

    #[test]
    fn repeat_orders_have_days_of_their_own() {
        let days = |times: &[f64]| {
            let mut days = Vec::new();
            set_days(10, 15, times, &mut days);
            days
        };
        assert_eq!(days(&[]), [10]);
        assert_eq!(days(&[0.1, 2.4, 2.6]), [10, 11, 12, 13]);
        assert_eq!(days(&[0.1, 0.2, 0.3]), [10, 11, 12, 13]);
        assert_eq!(days(&[2.0, 4.7, 4.8, 4.9]), [10, 12, 13, 14, 15]);
        // Seven orders in five days.
        let crowded = days(&[0.1, 0.2, 1.0, 2.0, 3.0, 4.0, 4.9]);
        assert_eq!(crowded, [10, 11, 11, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn minutes_lie_in_opening_hours_and_channels_in_their_shares() {
        let mut rng = stream(1, Domain::Customer, 0);
        let n = 100_000;
        let mut counts = [0_u32; CHANNELS.len()];
        for _ in 0..n {
            assert!((420..1_260).contains(&draw_minute(&mut rng)));
            counts[draw_channel(&mut rng) as usize] += 1;
        }
        for (count, (_, tickets)) in counts.iter().zip(CHANNELS) {
            let prob = f64::from(tickets) / 20.0;
            let error = (prob * (1.0 - prob) / f64::from(n)).sqrt();
            assert!((f64::from(*count) / f64::from(n) - prob).abs() <= 4.0 * error);
        }
    }
}
