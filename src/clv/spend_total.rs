//! What n future orders come to, when a customer's orders and those of others are known: the money half of the interval.
//!
//! In: Gamma-Gamma with the covariance of its fit, a number x of orders whose mean z is known. Out: the distribution of
//! the total S of any mixture of n. Cost: 5 µs a column (n, x) of the table, six times that where the uncertainty of the
//! fit counts, then 5 ns a step and number of orders.
//!
//! # Formula
//! Amounts are Gamma(p, rate v), v ~ Gamma(q, rate gamma) over customers, so v | history ~ Gamma(q + px, gamma + xz), and
//! given n orders S is Gamma(pn, v): with the **scale** M = gamma + xz, S/M is beta prime (pn, q + px) distributed,
//!
//! ln(S/M) has density e^(au) (1 + e^u)^−(a+b) / B(a, b), a = pn, b = q + px,
//!
//! which does not contain z: one table serves all customers with the same x. The uncertainty of (p, q, gamma) is averaged
//! over points in the table ([`super::uncertainty`]), unless it is `NEGLIGIBLE_SHIFT` beside the spread of S: it changes
//! a probability in second order only, by half the variance over the square of that spread. There M moves with gamma by (gamma' + xm)/(gamma + xm), m the mean
//! amount of everybody in place of the customer's own z: exact for x = 0, where it matters most.
//!
//! # Shapes and units
//! u is the logarithm of money over money. A table has a column for each of [`nodes`]; the probability of another n is
//! shared by its neighbours so that the mean stays.
//!
//! # Domain
//! p, q, gamma and n positive. Shapes above 1e7 are taken for 1e7 (a spread of 0.03 %).
//!
//! # Check
//! `tests::agrees_with_the_incomplete_beta_function` holds values from mpmath.

use super::gamma_gamma::GammaGamma;
use super::special::{digamma, ln_beta, trigamma};

/// A column covers this many standard deviations on both sides of its mean.
const HALF_WIDTH: f64 = 9.0;
/// Cells a standard deviation.
const CELLS_PER_SD: f64 = 4.0;
const CELLS: usize = (2.0 * HALF_WIDTH * CELLS_PER_SD) as usize;

const LARGEST_SHAPE: f64 = 1e7;

/// Below this a product of factors has lost its digits.
const LEAST_GROWTH: f64 = 1e-290;

/// Numbers of orders that have a column: all up to 24, then every one about 8 % above the last.
pub fn nodes(largest: usize) -> Vec<usize> {
    let mut out = vec![1];
    let mut last = 1;
    while last < largest {
        last += (last / 12).max(1);
        out.push(last);
    }
    out
}

/// Adds the probability of each n = 1, 2, … to the nodes, so that total and mean stay. `tail` has P(N > i) for
/// i = 0, 1, …; what is left of it after its end counts as its last n.
pub fn onto_nodes(tail: impl Iterator<Item = f64>, nodes: &[usize], out: &mut [f64]) {
    let mut tail = tail.peekable();
    let mut node = 0;
    let mut n = 0;
    while let Some(more) = tail.next() {
        n += 1;
        let probability = (more - tail.peek().copied().unwrap_or(0.0)).max(0.0);
        while node + 1 < nodes.len() && nodes[node + 1] <= n {
            node += 1;
        }
        let share = match nodes.get(node + 1) {
            Some(above) => (n - nodes[node]) as f64 / (above - nodes[node]) as f64,
            None => 0.0,
        };
        out[node] += (1.0 - share) * probability;
        if 0.0 < share {
            out[node + 1] += share * probability;
        }
    }
}

/// Gamma-Gamma at its estimate and at the points that stand for its uncertainty (none: it is taken for certain), with
/// the sum of the variances of the logarithms of its parameters.
#[derive(Clone, Debug)]
pub struct SpendTotals {
    pub at: GammaGamma,
    pub points: Vec<GammaGamma>,
    pub variance: f64,
}

/// Variance of ln S by an uncertain fit over that of S itself, below which the fit is taken for certain;
/// `tests::skipping_uncertainty_changes_little` holds what it costs.
const NEGLIGIBLE_SHIFT: f64 = 1e-3;

impl SpendTotals {
    /// The table for customers with x known orders, for up to `most_orders` future ones.
    pub fn table(&self, x: u32, most_orders: usize) -> Table {
        let nodes = nodes(most_orders);
        let columns = nodes.iter().map(|n| self.column(f64::from(x), *n as f64)).collect();
        Table { nodes, columns }
    }

    fn column(&self, x: f64, n: f64) -> Column {
        let of = |model: &GammaGamma| Density::new(model.p * n, model.q + model.p * x);
        let centre = of(&self.at);
        let variance = trigamma(centre.a) + trigamma(centre.b);
        let mut column = Column {
            mean: digamma(centre.a) - digamma(centre.b),
            per_sd: 1.0 / variance.sqrt(),
            tails: [[0.0; 2]; CELLS + 1],
        };
        if self.points.is_empty() || self.variance < NEGLIGIBLE_SHIFT * variance {
            column.add(&centre, 0.0, 1.0);
            return column;
        }
        let typical = x * self.at.population_mean();
        for point in &self.points {
            let shift = ((point.gamma + typical) / (self.at.gamma + typical)).ln();
            column.add(&of(point), shift, 1.0 / self.points.len() as f64);
        }
        column
    }
}

/// Density of ln(S/M).
#[derive(Clone, Copy)]
struct Density {
    a: f64,
    b: f64,
    ln_norm: f64,
}

/// Lobatto's rule with four points on 0 to 1, of which neighbouring cells share the ends: places between, and weights.
const LOBATTO: [f64; 2] = [0.276_393_202_250_021, 0.723_606_797_749_979];
const END_WEIGHT: f64 = 1.0 / 12.0;
const INNER_WEIGHT: f64 = 5.0 / 12.0;

impl Density {
    fn new(a: f64, b: f64) -> Self {
        let (a, b) = (a.min(LARGEST_SHAPE), b.min(LARGEST_SHAPE));
        // Where shapes are huge the terms of the logarithm are too: measured from the mode, it keeps its digits.
        let mode = (a / b).ln();
        let ln_norm = -ln_beta(a, b) + a * mode - (a + b) * (a / b).ln_1p();
        Self { a, b, ln_norm }
    }

    fn at(&self, u: f64) -> f64 {
        let v = u - (self.a / self.b).ln();
        self.around_mode(v, v.exp())
    }

    /// At the distance `v` from the mode, e^v given.
    fn around_mode(&self, v: f64, growth: f64) -> f64 {
        let whole = self.a + self.b;
        // ln((1 + e^u)/(1 + e^mode)); nothing cancels.
        let ln_growth = (self.b / whole + self.a / whole * growth).ln();
        let at = self.ln_norm + self.a * v - whole * ln_growth;
        // A growth beyond all numbers has no density left.
        if growth.is_finite() { at.exp() } else { 0.0 }
    }

    /// Mass beyond `u`, away from the mode: the density there falls like an exponential.
    fn beyond(&self, u: f64) -> f64 {
        let odds = u.exp();
        let slope = if odds < 1.0 {
            self.a - (self.a + self.b) * odds / (1.0 + odds)
        } else {
            (self.a / odds - self.b) / (1.0 / odds + 1.0)
        };
        let mass = self.at(u) / slope.abs();
        if mass.is_finite() { mass.min(1.0) } else { 0.0 }
    }
}

/// P(S/M > e^u | n) on equal steps of u, with slopes for cubic interpolation.
struct Column {
    mean: f64,
    per_sd: f64,
    /// (probability, its derivative by cells).
    tails: [[f64; 2]; CELLS + 1],
}

impl Column {
    /// Adds `weight` times the distribution of ln(S/M) + `shift`.
    fn add(&mut self, density: &Density, shift: f64, weight: f64) {
        let cell = 1.0 / (self.per_sd * CELLS_PER_SD);
        let left = self.mean - HALF_WIDTH / self.per_sd - shift;
        let place = |i: usize| left + cell * i as f64;
        let mode = (density.a / density.b).ln();
        // Points far from the centre may have their mode outside the grid.
        let mut tail = if mode < place(CELLS) {
            density.beyond(place(CELLS))
        } else {
            1.0
        };
        // e^v moves from place to place by a factor, unless it begins at nothing.
        let first = place(0) - mode;
        let by_cell = cell.exp();
        let within = LOBATTO.map(|at| (at * cell).exp());
        let mut growth = first.exp();
        let (mut ends, mut inner) = ([0.0; CELLS + 1], [0.0; CELLS + 1]);
        for i in 0..=CELLS {
            let v = first + cell * i as f64;
            if growth < LEAST_GROWTH {
                growth = v.exp();
            }
            ends[i] = density.around_mode(v, growth);
            let between = LOBATTO.iter().zip(within);
            inner[i] = between
                .map(|(at, within)| density.around_mode(v + at * cell, growth * within))
                .sum();
            growth *= by_cell;
        }
        let mut tails = [0.0; CELLS + 1];
        tails[CELLS] = tail;
        for i in (0..CELLS).rev() {
            tail += cell * (END_WEIGHT * (ends[i] + ends[i + 1]) + INNER_WEIGHT * inner[i]);
            tails[i] = tail;
        }
        let whole = tail + if place(0) < mode { density.beyond(place(0)) } else { 0.0 };
        for ((out, tail), end) in self.tails.iter_mut().zip(&tails).zip(&ends) {
            out[0] += weight * tail / whole;
            out[1] -= weight * end * cell / whole;
        }
    }

    /// P(S/M > e^u) and its derivative by u.
    fn at(&self, u: f64) -> (f64, f64) {
        let cells = ((u - self.mean) * self.per_sd + HALF_WIDTH) * CELLS_PER_SD;
        if cells <= 0.0 {
            return (1.0, 0.0);
        }
        let i = cells as usize;
        if CELLS <= i {
            return (0.0, 0.0);
        }
        let s = cells - i as f64;
        let ([p0, d0], [p1, d1]) = (self.tails[i], self.tails[i + 1]);
        // Hermite's cubic.
        let rise = p1 - p0;
        let (c2, c3) = (3.0 * rise - 2.0 * d0 - d1, d0 + d1 - 2.0 * rise);
        let value = p0 + s * (d0 + s * (c2 + s * c3));
        let slope = d0 + s * (2.0 * c2 + 3.0 * s * c3);
        (value, slope * self.per_sd * CELLS_PER_SD)
    }
}

/// Distributions of the total of n orders, for one x.
pub struct Table {
    nodes: Vec<usize>,
    columns: Vec<Column>,
}

/// Steps of the search for a quantile; halving alone would need as many for twelve digits.
const MOST_STEPS: usize = 40;
/// Of ln S: a quantile is good to six digits of money.
const CLOSE_ENOUGH: f64 = 1e-6;
/// Nodes with less probability than this together are left out of a search.
const NEGLIGIBLE: f64 = 1e-7;

impl Table {
    pub fn nodes(&self) -> &[usize] {
        &self.nodes
    }

    /// The u with P(S/M > e^u) = `outside`, where `weights` are the probabilities of the nodes; `None` if the total is
    /// 0 with a probability of 1 − `outside` or more. `guess` is a place to start from.
    pub fn quantile(&self, weights: &[f64], outside: f64, guess: Option<f64>) -> Option<f64> {
        let total: f64 = weights.iter().sum();
        if total.is_nan() || total <= outside {
            return None;
        }
        let first = weights.iter().position(|w| NEGLIGIBLE < *w)?;
        let last = weights.iter().rposition(|w| NEGLIGIBLE < *w)?;
        let active = || weights[first..=last].iter().zip(&self.columns[first..=last]);
        let left = |c: &Column| c.mean - HALF_WIDTH / c.per_sd;
        let right = |c: &Column| c.mean + HALF_WIDTH / c.per_sd;
        let mut low = active().fold(f64::INFINITY, |m, (_, c)| m.min(left(c)));
        let mut high = active().fold(f64::NEG_INFINITY, |m, (_, c)| m.max(right(c)));
        let mut u = match guess {
            Some(u) if low < u && u < high => u,
            _ => {
                // Where that many orders come to their mean.
                let mut above = total;
                let quantile = active().find(|(w, _)| {
                    above -= **w;
                    above <= outside
                });
                quantile.map_or(0.5 * (low + high), |(_, c)| c.mean)
            }
        };
        for _ in 0..MOST_STEPS {
            let (mut tail, mut slope) = (0.0, 0.0);
            for (weight, column) in active() {
                let (value, by_u) = column.at(u);
                tail += weight * value;
                slope += weight * by_u;
            }
            let excess = tail - outside;
            if 0.0 < excess {
                low = u;
            } else {
                high = u;
            }
            let newton = u - excess / slope;
            let next = if low < newton && newton < high {
                newton
            } else {
                0.5 * (low + high)
            };
            let moved = (next - u).abs();
            u = next;
            if moved < CLOSE_ENOUGH {
                break;
            }
        }
        Some(u)
    }

    /// P(S/M > e^u).
    pub fn tail(&self, weights: &[f64], u: f64) -> f64 {
        weights.iter().zip(&self.columns).map(|(w, c)| w * c.at(u).0).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (p, q, x, n, s, P(S/M > s)): 30-digit incomplete beta functions (mpmath).
    const PRECISE: [(f64, f64, u32, usize, f64, f64); 12] = [
        (6.25, 3.74, 0, 1, 1.2, 0.710556095719958),
        (6.25, 3.74, 0, 1, 0.05, 0.9999996588383553),
        (6.25, 3.74, 3, 2, 0.3, 0.9495906886451494),
        (6.25, 3.74, 3, 2, 2.5, 5.99877218573638e-06),
        (6.25, 3.74, 200, 17, 0.1, 0.04414248024395659),
        (0.3, 1.2, 0, 1, 0.001, 0.864651979914689),
        (0.3, 1.2, 0, 1, 5.0, 0.03352786150646254),
        (0.3, 1.2, 1, 40, 3.0, 0.9294390715458007),
        (0.3, 1.2, 1, 1, 1e-06, 0.9814406283738133),
        (60.0, 400.0, 5, 1, 0.09, 0.34357499620376464),
        (60.0, 400.0, 5, 24, 2.2, 0.07410117427398862),
        (2.0, 20.0, 0, 500, 40.0, 0.8633370942368542),
    ];

    fn totals(p: f64, q: f64) -> SpendTotals {
        SpendTotals {
            at: GammaGamma { p, q, gamma: 10.0 },
            points: Vec::new(),
            variance: 0.0,
        }
    }

    #[test]
    fn agrees_with_the_incomplete_beta_function() {
        let mut largest = 0.0_f64;
        for (p, q, x, n, s, want) in PRECISE {
            let column = totals(p, q).column(f64::from(x), n as f64);
            largest = largest.max((column.at(s.ln()).0 - want).abs());
        }
        assert!(largest < 2e-5, "{largest:e}");
    }

    #[test]
    fn a_column_is_a_whole_distribution_for_any_shapes() {
        for (p, q) in [
            (0.01, 1.001),
            (0.3, 1.2),
            (6.25, 3.74),
            (1e4, 1.5),
            (0.5, 1e8),
            (1e8, 1e8),
        ] {
            for x in [0, 1, 40, 100_000] {
                for n in [1, 7, 100_000] {
                    let column = totals(p, q).column(f64::from(x), n as f64);
                    let [first, last] = [column.tails[0][0], column.tails[CELLS][0]];
                    assert!(
                        (0.998..=1.0).contains(&first) && (0.0..2e-3).contains(&last),
                        "{p} {q} {x} {n} {first} {last}"
                    );
                    assert!(column.tails.windows(2).all(|w| w[1][0] <= w[0][0] && w[0][1] <= 0.0));
                }
            }
        }
    }

    #[test]
    fn nodes_keep_probability_and_mean() {
        let nodes = nodes(500);
        assert_eq!((nodes[23], nodes[24]), (24, 26));
        let tail: Vec<f64> = (0..400).map(|i| 0.9_f64 * 0.985_f64.powi(i)).collect();
        let mut weights = vec![0.0; nodes.len()];
        onto_nodes(tail.iter().copied(), &nodes, &mut weights);
        assert!((weights.iter().sum::<f64>() - 0.9).abs() < 1e-12);
        let mean: f64 = weights.iter().zip(&nodes).map(|(w, n)| w * *n as f64).sum();
        assert!((mean - tail.iter().sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn quantiles_solve_for_the_probability_and_coarse_nodes_change_it_little() {
        let totals = totals(6.25, 3.74);
        let table = totals.table(7, 300);
        // Orders with mean 40 and a long tail: the largest numbers have few nodes.
        let tail: Vec<f64> = (0..300).map(|i| 0.95 * (1.0 + f64::from(i) / 160.0).powi(-5)).collect();
        let mut weights = vec![0.0; table.nodes().len()];
        onto_nodes(tail.iter().copied(), table.nodes(), &mut weights);
        for outside in [0.9, 0.5, 0.05, 0.005] {
            let u = table.quantile(&weights, outside, None).unwrap();
            assert!((table.tail(&weights, u) - outside).abs() < 1e-6);
            assert_eq!(
                table
                    .quantile(&weights, outside, Some(u + 0.3))
                    .map(|v| (v - u).abs() < 1e-5),
                Some(true)
            );
            let exact: f64 = (0..300)
                .map(|i| {
                    let next = tail.get(i + 1).copied().unwrap_or(0.0);
                    (tail[i] - next) * totals.column(7.0, (i + 1) as f64).at(u).0
                })
                .sum();
            assert!((exact - outside).abs() < 4e-4, "{outside} {exact}");
        }
        assert_eq!(table.quantile(&weights, 0.96, None), None);
    }

    /// The largest change of a tail probability where uncertainty is only just left out.
    #[test]
    fn skipping_uncertainty_changes_little() {
        let covariance = |scale: f64| -> Vec<Vec<f64>> {
            let shape = [[0.2, -0.09, -0.24], [-0.09, 0.25, 0.26], [-0.24, 0.26, 0.55]];
            shape.map(|row| row.map(|v| v * scale).to_vec()).to_vec()
        };
        let mut largest = 0.0_f64;
        for [p, q] in [[6.25, 3.74], [0.3, 1.2], [60.0, 400.0], [2.0, 20.0]] {
            for x in [0.0, 1.0, 7.0, 200.0] {
                for n in [1.0, 5.0, 60.0] {
                    let variance = trigamma(p * n) + trigamma(q + p * x);
                    let points =
                        super::super::uncertainty::points(&[p, q, 10.0], &covariance(NEGLIGIBLE_SHIFT * variance));
                    let of = |v: &Vec<f64>| GammaGamma {
                        p: v[0],
                        q: v[1],
                        gamma: v[2],
                    };
                    let certain = totals(p, q);
                    let averaged = SpendTotals {
                        points: points.unwrap().iter().map(of).collect(),
                        variance: f64::INFINITY,
                        ..certain.clone()
                    };
                    let (certain, averaged) = (certain.column(x, n), averaged.column(x, n));
                    for i in -30..=30 {
                        let u = certain.mean + 0.1 * f64::from(i) / certain.per_sd;
                        largest = largest.max((certain.at(u).0 - averaged.at(u).0).abs());
                    }
                }
            }
        }
        assert!((1e-5..1e-3).contains(&largest), "{largest:e}");
    }

    #[test]
    fn uncertainty_widens() {
        let certain = totals(4.0, 3.0);
        let covariance = vec![vec![0.02, 0.0, 0.0], vec![0.0, 0.04, 0.035], vec![0.0, 0.035, 0.05]];
        let points = super::super::uncertainty::points(&[4.0, 3.0, 10.0], &covariance).unwrap();
        let of = |v: &Vec<f64>| GammaGamma {
            p: v[0],
            q: v[1],
            gamma: v[2],
        };
        let uncertain = SpendTotals {
            points: points.iter().map(of).collect(),
            variance: super::super::uncertainty::trace(&covariance),
            ..certain.clone()
        };
        let (a, b) = (certain.table(0, 1), uncertain.table(0, 1));
        let q = |t: &Table, outside| t.quantile(&[1.0], outside, None).unwrap();
        assert!(q(&b, 0.95) < q(&a, 0.95) && q(&a, 0.05) < q(&b, 0.05));
    }
}
