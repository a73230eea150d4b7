//! Customers whose parameters are known: their purchases until as-of, and what they did afterwards.

use quintile::clv::CustomerHistories;
use quintile::clv::histories::History;
use rand::Rng;
use rand_distr::{Beta, Distribution, Exp, Gamma};
use rand_xoshiro::Xoshiro256PlusPlus;

/// When a customer leaves. The example simulates more than the test does.
#[allow(dead_code)]
#[derive(Clone, Copy, Debug)]
pub enum Leaving {
    Never,
    /// After an order, with a probability that is beta (a, b) distributed; `after_first`: the first counts.
    AfterOrders {
        a: f64,
        b: f64,
        after_first: bool,
    },
    /// At a rate that is gamma (s, beta) distributed.
    AtAnyTime {
        s: f64,
        beta: f64,
    },
}

/// The process of a count model, gaps Erlang-k with gamma (r, alpha) distributed rates, and Gamma-Gamma amounts.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub k: u32,
    pub r: f64,
    pub alpha: f64,
    pub leaving: Leaving,
    /// p, q, gamma.
    pub spend: [f64; 3],
}

#[derive(Clone, Debug, Default)]
pub struct Simulated {
    pub x: Vec<u32>,
    pub t_x: Vec<f64>,
    pub age: Vec<f64>,
    pub mean_repeat: Vec<Option<f64>>,
    pub mean_all: Vec<f64>,
    pub sum_ln_gaps: f64,
    /// (time after as-of, amount) of every order within the horizon.
    pub future: Vec<Vec<(f64, f64)>>,
}

impl Simulated {
    pub fn customers(&self) -> CustomerHistories<'_> {
        CustomerHistories {
            x: &self.x,
            t_x_days: &self.t_x,
            age_days: &self.age,
            mean_repeat_amount: &self.mean_repeat,
            mean_amount_all: &self.mean_all,
            sum_ln_gaps: Some(self.sum_ln_gaps),
            recent: None,
        }
    }

    pub fn history(&self, i: usize) -> History {
        History {
            x: self.x[i],
            t_x: self.t_x[i],
            age: self.age[i],
        }
    }
}

impl Process {
    /// `n` customers who first bought 100 to 500 days before as-of.
    pub fn simulate(&self, n: usize, horizon: f64, rng: &mut Xoshiro256PlusPlus) -> Simulated {
        let rates = Gamma::new(self.r, 1.0 / self.alpha).unwrap();
        let [p, q, gamma] = self.spend;
        let means = Gamma::new(q, 1.0 / gamma).unwrap();
        let mut out = Simulated::default();
        for _ in 0..n {
            let rate: f64 = rates.sample(rng);
            let gaps = Gamma::new(f64::from(self.k), 1.0 / rate.max(1e-12)).unwrap();
            let amounts = Gamma::new(p, 1.0 / means.sample(rng)).unwrap();
            let age = f64::from(rng.gen_range(100..500));
            let mut chance = 0.0;
            let mut end = f64::INFINITY;
            let mut leaves = false;
            match self.leaving {
                Leaving::Never => {}
                Leaving::AfterOrders { a, b, after_first } => {
                    chance = Beta::new(a, b).unwrap().sample(rng);
                    leaves = after_first && rng.gen_bool(chance);
                }
                Leaving::AtAnyTime { s, beta } => {
                    let leaving: f64 = Gamma::new(s, 1.0 / beta).unwrap().sample(rng);
                    end = Exp::new(leaving.max(1e-12)).unwrap().sample(rng);
                }
            }
            let first = amounts.sample(rng);
            let (mut x, mut t_x, mut spent, mut t) = (0, 0.0, 0.0, 0.0);
            let mut future = Vec::new();
            while !leaves {
                let gap: f64 = gaps.sample(rng);
                t += gap;
                if end < t || age + horizon < t {
                    break;
                }
                let amount = amounts.sample(rng);
                if t <= age {
                    x += 1;
                    t_x = t;
                    spent += amount;
                    out.sum_ln_gaps += gap.ln();
                } else {
                    future.push((t - age, amount));
                }
                leaves = rng.gen_bool(chance);
            }
            out.x.push(x);
            out.t_x.push(t_x);
            out.age.push(age);
            out.mean_repeat.push((0 < x).then(|| spent / f64::from(x)));
            out.mean_all.push((first + spent) / (f64::from(x) + 1.0));
            out.future.push(future);
        }
        out
    }
}

/// How often what happened lay within the predicted interval.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coverage {
    pub n: f64,
    /// Inside the closed interval of orders, and below and above it.
    pub orders: [f64; 3],
    /// The same with an end of the interval inside it by as much as brings its probability to the nominal one.
    pub orders_exact: [f64; 3],
    pub money: [f64; 3],
    /// The same with no money at all inside by as much as brings its probability to the nominal one.
    pub money_exact: [f64; 3],
}

impl Coverage {
    /// Adds one customer. `tail` has the predicted P(N > i); `outside` is the nominal probability on each side.
    pub fn count(&mut self, tail: &[f64], outside: f64, orders: (u32, u32), money: (f64, f64), happened: (u32, f64)) {
        self.n += 1.0;
        let above = |i: u32| tail.get(i as usize).copied().unwrap_or(0.0);
        // P(N >= i) and P(N > i) of what happened.
        let (n, amount) = happened;
        let (at_least, more) = (if n == 0 { 1.0 } else { above(n - 1) }, above(n));
        let ([low, high], [least, most]) = ([orders.0, orders.1], [money.0, money.1]);
        self.orders[usize::from(n < low) + 2 * usize::from(high < n)] += 1.0;
        // Of the probability at n, the part whose rank is beyond the nominal quantiles.
        let part = |from: f64| ((from - more) / (at_least - more).max(1e-300)).clamp(0.0, 1.0);
        let (over, within_or_over) = (part(outside), part(1.0 - outside));
        self.orders_exact[0] += within_or_over - over;
        self.orders_exact[1] += 1.0 - within_or_over;
        self.orders_exact[2] += over;
        self.money[usize::from(amount < least) + 2 * usize::from(most < amount)] += 1.0;
        if n == 0 {
            self.money_exact[0] += within_or_over - over;
            self.money_exact[1] += 1.0 - within_or_over;
            self.money_exact[2] += over;
        } else {
            self.money_exact[usize::from(amount < least) + 2 * usize::from(most < amount)] += 1.0;
        }
    }
}
