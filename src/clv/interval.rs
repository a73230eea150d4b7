//! Distribution of a customer's future orders and money, once for all customers of whom the same is known.
//!
//! In: a count model with the points of its uncertainty, spend tables, and the customers' x and T. Out: for every
//! distinct history the numbers that a prediction is made of ([`Ahead`]). Cost: per distinct (x, T) the model's series,
//! and again for each point where uncertainty counts; per distinct history 0.1 to 1 µs for the two ends of an interval.
//!
//! # Formula
//! Under a model whose [`CountModel::forgets_last_order`], everything about the future is P(alive) times what it is for
//! a customer who is alive, and that depends on (x, T) alone. The **orders** N within the horizon have
//! P(N > i) = mean over points j of P(alive | j) P(N > i | alive, j), and the interval is the closed one from the first i
//! with P(N > i) ≤ 1 − o to the first with P(N > i) ≤ o, o = (1 − level)/2: at most o lies outside on each side.
//! The **money** S is the total of N orders, P(S > s) = Σ P(N = n) P(S > s | n) with the tables of
//! [`super::spend_total`], solved for the two ends.
//!
//! # Where uncertainty counts
//! Averaging over the parameters changes a tail probability in second order only: by their variance times the square
//! of how fast log-odds move with a log-parameter, which is at most about x + 1 (the odds of being alive contain
//! ((alpha + T)/(alpha + t_x))^(r + x)), over eight or more. Customers with (x + 1)² × the sum of the variances below
//! `NEGLIGIBLE` are therefore predicted from the estimate alone.

use rayon::prelude::*;

use super::histories::{Histories, History};
use super::horizon::Horizons;
use super::model::CountModel;
use super::spend_total::{SpendTotals, Table, nodes, onto_nodes};

/// The distribution of future orders is not followed beyond this many.
const MOST_ORDERS: usize = 100_000;

/// See above; `tests::skipping_uncertainty_changes_little` holds what it costs.
const NEGLIGIBLE: f64 = 0.01;

/// Tails are followed down to this part of the probability outside an interval.
const FOLLOWED: f64 = 0.01;

/// What is to be predicted, and from what.
pub struct Task<'a> {
    pub model: &'static dyn CountModel,
    /// The estimate.
    pub params: &'a [f64],
    /// Points around it, and the sum of the variances.
    pub points: &'a [Vec<f64>],
    pub variance: f64,
    pub horizons: &'a Horizons,
    /// Probability outside the interval on each side.
    pub outside: f64,
    pub spend: Option<&'a SpendTotals>,
}

/// P(N > i) averaged over `points`, or at the estimate if there are none; i = 0, 1, … while above `least`.
pub fn order_tail(
    model: &dyn CountModel,
    params: &[f64],
    points: &[Vec<f64>],
    h: &History,
    ahead: f64,
    least: f64,
) -> Vec<f64> {
    if points.is_empty() {
        return model.order_tail(params, h, ahead, least, MOST_ORDERS);
    }
    let n = points.len() as f64;
    let mut mean = Vec::new();
    for point in points {
        let tail = model.order_tail(point, h, ahead, least / n, MOST_ORDERS);
        mean.resize(tail.len().max(mean.len()), 0.0);
        for (mean, p) in mean.iter_mut().zip(&tail) {
            *mean += p / n;
        }
    }
    mean.truncate(mean.partition_point(|p| least < *p));
    mean
}

/// Orders that nothing is known of.
pub const UNKNOWN: u32 = u32::MAX;

/// What a history says about one horizon; NaN and [`UNKNOWN`] where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Ahead {
    /// P(alive): now for the first horizon, at its end for the others.
    pub alive: f64,
    pub expected: f64,
    pub discounted: f64,
    pub order_prob: f64,
    pub low: u32,
    pub high: u32,
    /// Ends of the interval of discounted money over the scale M of the customer's amounts.
    pub low_money: f64,
    pub high_money: f64,
    /// Discounted orders to infinity; with the first horizon only.
    pub residual: f64,
}

impl Ahead {
    pub const NOTHING: Self = Self {
        alive: f64::NAN,
        expected: f64::NAN,
        discounted: f64::NAN,
        order_prob: f64::NAN,
        low: UNKNOWN,
        high: UNKNOWN,
        low_money: f64::NAN,
        high_money: f64::NAN,
        residual: f64::NAN,
    };
}

/// Rows of [`Histories`] that differ in t_x only, if that does not matter to customers who are alive.
pub(super) struct Group {
    /// Stands for all: never silent, so that it is alive with the highest probability.
    pub of: History,
    pub rows: std::ops::Range<usize>,
}

/// For every row and horizon (rows × horizons, row by row). `own_amounts` says whose money is on the scale of their
/// own amounts; the money of the others is that of customers without any.
pub fn predict(task: &Task<'_>, histories: &Histories, own_amounts: bool) -> Vec<Ahead> {
    let (order, groups) = group(task.model.forgets_last_order(), histories);
    let n_horizons = task.horizons.all.len();
    let by_x: Vec<&[Group]> = groups.chunk_by(|a, b| a.of.x == b.of.x).collect();
    let predicted: Vec<Vec<Ahead>> = by_x
        .par_iter()
        .map(|groups| predict_x(task, groups, &order, histories, own_amounts))
        .collect();
    let mut out = vec![Ahead::NOTHING; order.len() * n_horizons];
    let rows = predicted.iter().flat_map(|of_x| of_x.chunks(n_horizons));
    for (row, ahead) in order.iter().zip(rows) {
        let start = *row as usize * n_horizons;
        out[start..start + n_horizons].copy_from_slice(ahead);
    }
    out
}

/// The rows in the order of the groups, and the groups, those with the same x together.
pub(super) fn group(forgets: bool, histories: &Histories) -> (Vec<u32>, Vec<Group>) {
    let rows = &histories.rows;
    let mut keys: Vec<(u32, u64, u32)> = (0_u32..).zip(rows).map(|(i, h)| (h.x, h.age.to_bits(), i)).collect();
    if forgets {
        keys.par_sort_unstable();
    }
    let mut groups = Vec::new();
    let mut start = 0;
    let same = |a: &(u32, u64, u32), b: &(u32, u64, u32)| forgets && (a.0, a.1) == (b.0, b.1);
    for members in keys.chunk_by(same) {
        let first = rows[members[0].2 as usize];
        let of = if forgets && 0 < first.x {
            History {
                t_x: first.age,
                ..first
            }
        } else {
            first
        };
        groups.push(Group {
            of,
            rows: start..start + members.len(),
        });
        start += members.len();
    }
    (keys.into_iter().map(|key| key.2).collect(), groups)
}

fn predict_x(task: &Task<'_>, groups: &[Group], order: &[u32], histories: &Histories, own_amounts: bool) -> Vec<Ahead> {
    let x = groups[0].of.x;
    let residuals = residuals(task, groups);
    let tasks: Vec<(&Group, f64)> = groups.iter().zip(residuals).collect();
    let of = |(group, residual): &(&Group, f64)| Future::of(task, &group.of, *residual);
    let futures: Vec<Future> = tasks.par_iter().map(of).collect();
    let longest = futures.iter().map(Future::longest_tail).max().unwrap_or(0);
    let table = task
        .spend
        .map(|spend| spend.table(if own_amounts { x } else { 0 }, longest));
    let tasks: Vec<(&Group, &Future)> = groups.iter().zip(&futures).collect();
    let predicted: Vec<Vec<Ahead>> = tasks
        .par_iter()
        .map(|(group, future)| {
            let rows = order[group.rows.clone()].iter().map(|i| &histories.rows[*i as usize]);
            future.of_rows(task, rows, table.as_ref())
        })
        .collect();
    predicted.concat()
}

/// Neighbours in ln(c + T) between which residual orders are interpolated, and how far apart they are.
const NEIGHBOURS: usize = 16;
const SPACING: f64 = 0.15;

/// Discounted orders to infinity of customers with one x who are alive, for each group.
///
/// As a function of T they are a mean over rates of λ/(alpha + T), so with c the shortest time among the parameters they
/// are analytic in y = ln(c + T) within π of the real axis. The polynomial through 16 values 0.15 apart is then good to
/// (7.5!! 0.15/π)^16 = 5e-14. The places of the values depend on the parameters alone, so that the result does not depend
/// on who else is predicted; some have a T below 0, where c + T still is positive.
fn residuals(task: &Task<'_>, groups: &[Group]) -> Vec<f64> {
    let Some(rate) = task.horizons.residual_rate else {
        return vec![f64::NAN; groups.len()];
    };
    let (model, params) = (task.model, task.params);
    let given_alive = |h: &History| {
        let alive = model.alive_prob(params, h);
        // Nobody alive: nothing will happen, whatever it would be.
        if 0.0 < alive {
            model.residual_orders(params, h, rate) / alive
        } else {
            0.0
        }
    };
    let times = params.iter().zip(model.time_powers()).filter(|(_, power)| **power == 1);
    let shortest = times.map(|(time, _)| *time).fold(f64::INFINITY, f64::min);
    let places = |group: &Group| (shortest + group.of.age).ln() / SPACING;
    let range = groups
        .iter()
        .map(places)
        .fold(None, |range: Option<(f64, f64)>, place| {
            Some(range.map_or((place, place), |(low, high)| (low.min(place), high.max(place))))
        });
    let Some((low, high)) = range.filter(|(low, high)| model.forgets_last_order() && (high - low).is_finite()) else {
        return groups.par_iter().map(|group| given_alive(&group.of)).collect();
    };
    let x = groups[0].of.x;
    let before = (NEIGHBOURS / 2 - 1) as i64;
    let first = low.floor() as i64 - before;
    let last = high.floor() as i64 + (NEIGHBOURS / 2) as i64;
    let values: Vec<f64> = (first..=last)
        .into_par_iter()
        .map(|place| {
            let age = (SPACING * place as f64).exp() - shortest;
            given_alive(&History {
                x,
                t_x: if x == 0 { 0.0 } else { age },
                age,
            })
        })
        .collect();
    let at = |group: &Group| {
        let place = places(group);
        let from = (place.floor() as i64 - before - first) as usize;
        let near = &values[from..(from + NEIGHBOURS).min(values.len())];
        between(near, place - (first + from as i64) as f64)
    };
    groups.iter().map(at).collect()
}

/// The polynomial through `values` at 0, 1, 2, … (barycentric form; its weights are binomial coefficients).
fn between(values: &[f64], place: f64) -> f64 {
    let (mut weighted, mut weights, mut weight) = (0.0, 0.0, 1.0);
    let last = values.len() as f64 - 1.0;
    for (i, value) in (0_u32..).map(f64::from).zip(values) {
        let distance = place - i;
        if distance == 0.0 {
            return *value;
        }
        weighted += weight / distance * value;
        weights += weight / distance;
        weight *= -(last - i) / (i + 1.0);
    }
    weighted / weights
}

/// The future of customers with one (x, T), given that they are alive.
struct Future {
    residual: f64,
    within: Vec<FutureWithin>,
    /// Predicted from the estimate alone.
    certain: bool,
}

/// The same within one horizon.
struct FutureWithin {
    expected: f64,
    discounted: f64,
    order_prob: f64,
    /// Chance to be there at the end of the horizon.
    survival: f64,
    /// P(N > i) at each point; `None` where it was too long to be followed.
    tails: Option<Vec<Vec<f64>>>,
}

impl Future {
    fn of(task: &Task<'_>, h: &History, residual: f64) -> Self {
        let (model, params) = (task.model, task.params);
        let alive = model.alive_prob(params, h);
        // Nobody alive: nothing will happen, whatever it would be.
        let given_alive = |v: f64| if 0.0 < alive { v / alive } else { 0.0 };
        let certain = task.points.is_empty() || task.variance * (f64::from(h.x) + 1.0).powi(2) < NEGLIGIBLE;
        let mut within = vec![0.0; task.horizons.ends.len()];
        model.expected_orders(params, h, &task.horizons.ends, &mut within);
        let has_further = 1 < task.horizons.all.len();
        let of_horizon = |horizon: &super::horizon::Horizon| {
            let (expected, discounted) = horizon.sum(&within);
            let tail = |params: &[f64], least: f64, most: usize| {
                let alive = model.alive_prob(params, h);
                let mut tail = model.order_tail(params, h, horizon.ahead, least, most);
                for p in &mut tail {
                    *p = if 0.0 < alive { (*p / alive).clamp(0.0, 1.0) } else { 0.0 };
                }
                tail
            };
            let least = task.outside * FOLLOWED;
            let followable = given_alive(expected) < MOST_ORDERS as f64;
            let tails: Option<Vec<Vec<f64>>> = followable.then(|| {
                if certain {
                    vec![tail(params, least, MOST_ORDERS)]
                } else {
                    task.points.iter().map(|p| tail(p, least, MOST_ORDERS)).collect()
                }
            });
            FutureWithin {
                expected: given_alive(expected),
                discounted: given_alive(discounted),
                order_prob: tail(params, 0.0, 1).first().copied().unwrap_or(0.0),
                survival: if has_further {
                    given_alive(model.alive_prob_after(params, h, horizon.ahead)).clamp(0.0, 1.0)
                } else {
                    1.0
                },
                tails: tails.filter(|tails| tails.iter().all(|tail| tail.len() < MOST_ORDERS)),
            }
        };
        Self {
            residual,
            within: task.horizons.all.iter().map(of_horizon).collect(),
            certain,
        }
    }

    fn longest_tail(&self) -> usize {
        let tails = self.within.iter().filter_map(|w| w.tails.as_ref()).flatten();
        tails.map(Vec::len).max().unwrap_or(0)
    }

    /// Predictions for rows of the group, horizon by horizon within a row.
    fn of_rows<'h>(
        &self,
        task: &Task<'_>,
        rows: impl Iterator<Item = &'h History>,
        table: Option<&Table>,
    ) -> Vec<Ahead> {
        let mut mixtures: Vec<Option<Mixture<'_>>> = self
            .within
            .iter()
            .map(|within| Some(Mixture::new(within.tails.as_ref()?, table)))
            .collect();
        let mut alive_at = Vec::new();
        let mut out = Vec::new();
        for row in rows {
            let alive = task.model.alive_prob(task.params, row);
            alive_at.clear();
            if self.certain {
                alive_at.push(alive);
            } else {
                alive_at.extend(task.points.iter().map(|p| task.model.alive_prob(p, row)));
            }
            for (i, (within, mixture)) in self.within.iter().zip(&mut mixtures).enumerate() {
                let mut ahead = Ahead {
                    alive: if i == 0 { alive } else { alive * within.survival },
                    expected: alive * within.expected,
                    discounted: alive * within.discounted,
                    order_prob: alive * within.order_prob,
                    residual: if i == 0 { alive * self.residual } else { f64::NAN },
                    ..Ahead::NOTHING
                };
                if let Some(mixture) = mixture {
                    mixture.weigh(&alive_at);
                    ahead.low = mixture.orders(1.0 - task.outside);
                    ahead.high = mixture.orders(task.outside);
                    // Money comes at the same time as the expected orders.
                    let average_discount = if 0.0 < within.expected {
                        within.discounted / within.expected
                    } else {
                        1.0
                    };
                    ahead.low_money = average_discount * mixture.money(1.0 - task.outside, 0);
                    ahead.high_money = average_discount * mixture.money(task.outside, 1);
                }
                out.push(ahead);
            }
        }
        out
    }
}

/// Mixture over the points of the future orders of one customer.
struct Mixture<'a> {
    tails: &'a [Vec<f64>],
    table: Option<&'a Table>,
    /// Probabilities of the table's nodes at each point, for customers who are alive there.
    node_weights: Vec<Vec<f64>>,
    /// P(alive) at each point over the number of points.
    weights: Vec<f64>,
    mixed: Vec<f64>,
    /// Solutions of the row before: the next one's are near.
    guesses: [Option<f64>; 2],
}

impl<'a> Mixture<'a> {
    fn new(tails: &'a [Vec<f64>], table: Option<&'a Table>) -> Self {
        let longest = tails.iter().map(Vec::len).max().unwrap_or(0);
        let node_weights = match table {
            Some(table) => {
                let needed = nodes(longest).len().min(table.nodes().len());
                let on_nodes = |tail: &Vec<f64>| {
                    let mut weights = vec![0.0; needed];
                    onto_nodes(tail.iter().copied(), &table.nodes()[..needed], &mut weights);
                    weights
                };
                tails.iter().map(on_nodes).collect()
            }
            None => Vec::new(),
        };
        Self {
            tails,
            table,
            node_weights,
            weights: Vec::new(),
            mixed: Vec::new(),
            guesses: [None; 2],
        }
    }

    fn weigh(&mut self, alive_at: &[f64]) {
        let n = self.tails.len() as f64;
        self.weights.clear();
        self.weights.extend(alive_at.iter().map(|alive| alive / n));
        self.mixed.clear();
        self.mixed.resize(self.node_weights.first().map_or(0, Vec::len), 0.0);
        for (weight, nodes) in self.weights.iter().zip(&self.node_weights) {
            for (mixed, probability) in self.mixed.iter_mut().zip(nodes) {
                *mixed += weight * probability;
            }
        }
    }

    /// P(N > i).
    fn tail(&self, i: usize) -> f64 {
        let at = |(weight, tail): (&f64, &Vec<f64>)| weight * tail.get(i).copied().unwrap_or(0.0);
        self.weights.iter().zip(self.tails).map(at).sum()
    }

    /// The first i with P(N > i) of `outside` or less.
    fn orders(&self, outside: f64) -> u32 {
        let (mut from, mut to) = (0, self.tails.iter().map(Vec::len).max().unwrap_or(0));
        while from < to {
            let middle = usize::midpoint(from, to);
            if outside < self.tail(middle) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from as u32
    }

    /// The money over M that is exceeded with probability `outside`; the orders where all are of one amount.
    fn money(&mut self, outside: f64, side: usize) -> f64 {
        let Some(table) = self.table else {
            return f64::from(self.orders(outside));
        };
        let u = table.quantile(&self.mixed, outside, self.guesses[side]);
        self.guesses[side] = u.or(self.guesses[side]);
        u.map_or(0.0, f64::exp)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::super::gamma_gamma::GammaGamma;
    use super::super::{Config, model, uncertainty};
    use super::*;

    const PARAMS: [f64; 4] = [0.8, 41.0, 0.6, 1.5];
    const OUTSIDE: f64 = 0.05;

    /// That of an MBG/NBD fit, but for a factor.
    fn covariance(trace: f64) -> Vec<Vec<f64>> {
        let shape = [
            [0.165, 0.132, -0.047, -0.177],
            [0.132, 0.133, -0.037, -0.127],
            [-0.047, -0.037, 0.150, 0.220],
            [-0.177, -0.127, 0.220, 0.463],
        ];
        let scale = trace / (0..4).map(|i| shape[i][i]).sum::<f64>();
        shape
            .iter()
            .map(|row| row.iter().map(|v| v * scale).collect())
            .collect()
    }

    fn histories() -> Histories {
        let mut all = Vec::new();
        for x in [0, 1, 2, 9, 60] {
            for age in [1.0, 200.0, 700.0] {
                for share in [0.1, 0.6, 0.97, 1.0] {
                    let t_x = if x == 0 { 0.0 } else { share * age };
                    all.push(History { x, t_x, age });
                }
            }
        }
        Histories::collapse(&all).0
    }

    fn horizons() -> Horizons {
        Horizons::new(&Config::default().check().unwrap(), &Clock::calendar(), 0)
    }

    #[test]
    fn predictions_by_group_are_those_of_each_history() {
        let (horizons, rows) = (horizons(), histories());
        for name in ["nbd", "bg_nbd", "mbg_nbd"] {
            let model = model::find(name).unwrap();
            let params = &PARAMS[..model.letters().len()];
            let task = Task {
                model,
                params,
                points: &[],
                variance: 0.0,
                horizons: &horizons,
                outside: OUTSIDE,
                spend: None,
            };
            for (h, got) in rows.rows.iter().zip(predict(&task, &rows, true)) {
                let near = |got: f64, want: f64| assert!((got - want).abs() <= 1e-12 * want, "{h:?} {got} {want}");
                let mut within = vec![0.0; horizons.ends.len()];
                model.expected_orders(params, h, &horizons.ends, &mut within);
                let (expected, discounted) = horizons.all[0].sum(&within);
                near(got.expected, expected);
                near(got.discounted, discounted);
                near(got.alive, model.alive_prob(params, h));
                near(
                    got.residual,
                    model.residual_orders(params, h, horizons.residual_rate.unwrap()),
                );
                let tail = model.order_tail(params, h, 365.0, 1e-9, MOST_ORDERS);
                let some = model.order_tail(params, h, 365.0, 0.0, 1);
                near(got.order_prob, some.first().copied().unwrap_or(0.0));
                let above = |p: f64| tail.iter().filter(|tail| p < **tail).count() as u32;
                assert_eq!((got.low, got.high), (above(1.0 - OUTSIDE), above(OUTSIDE)), "{h:?}");
            }
        }
    }

    #[test]
    fn the_ends_of_intervals_have_the_probability_they_should() {
        let (horizons, rows) = (horizons(), histories());
        let model = model::find("mbg_nbd").unwrap();
        let covariance = covariance(0.05);
        let points = uncertainty::points(&PARAMS, &covariance).unwrap();
        let spend = SpendTotals {
            at: GammaGamma {
                p: 6.0,
                q: 3.7,
                gamma: 15.0,
            },
            points: Vec::new(),
            variance: 0.0,
        };
        let task = Task {
            model,
            params: &PARAMS,
            points: &points,
            variance: uncertainty::trace(&covariance),
            horizons: &horizons,
            outside: OUTSIDE,
            spend: Some(&spend),
        };
        let mut solved = 0;
        for (h, got) in rows.rows.iter().zip(predict(&task, &rows, true)) {
            // Averaged history by history, followed to its end.
            let tail = order_tail(model, &PARAMS, &points, h, 365.0, 1e-9);
            let at = |i: u32| tail.get(i as usize).copied().unwrap_or(0.0);
            for (end, outside) in [(got.low, 1.0 - OUTSIDE), (got.high, OUTSIDE)] {
                assert!(at(end) <= outside && (end == 0 || outside < at(end - 1)), "{h:?} {end}");
            }
            let table = spend.table(h.x, tail.len());
            let mut weights = vec![0.0; table.nodes().len()];
            onto_nodes(tail.iter().copied(), table.nodes(), &mut weights);
            let discount = got.discounted / got.expected;
            for (end, outside) in [(got.low_money, 1.0 - OUTSIDE), (got.high_money, OUTSIDE)] {
                if end == 0.0 {
                    assert!(at(0) <= outside, "{h:?}");
                } else {
                    let probability = table.tail(&weights, (end / discount).ln());
                    assert!((probability - outside).abs() < 5e-4, "{h:?} {outside}: {probability}");
                    solved += 1;
                }
            }
        }
        assert!(30 < solved, "{solved}");
    }

    /// The largest change of a tail probability where uncertainty is only just left out.
    #[test]
    fn skipping_uncertainty_changes_little() {
        let mut largest = 0.0_f64;
        for name in ["bg_nbd", "mbg_nbd"] {
            let model = model::find(name).unwrap();
            for h in histories().rows {
                let covariance = covariance(NEGLIGIBLE / (f64::from(h.x) + 1.0).powi(2));
                let points = uncertainty::points(&PARAMS, &covariance).unwrap();
                let averaged = order_tail(model, &PARAMS, &points, &h, 365.0, 1e-9);
                let at_estimate = order_tail(model, &PARAMS, &[], &h, 365.0, 1e-9);
                for (a, b) in averaged.iter().zip(&at_estimate) {
                    largest = largest.max((a - b).abs());
                }
            }
        }
        assert!(largest < 1e-3, "{largest:e}");
    }
}
