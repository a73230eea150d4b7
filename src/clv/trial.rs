//! The contenders on one holdout: fitted to what was known at the cut, held against what came.
//!
//! In: a [`Holdout`]. Out: predictions of every model and baseline ([`Contender`]), their errors, and with them an
//! [`Evaluation`]. Cost: the fits; then per model one distribution of orders a distinct (x, T), as far as the actual
//! orders go, and a logarithm a customer. What only an evaluation shows (coverage, series, calibration) is computed
//! when it is asked for, and costs ten times as much.
//!
//! # Formula
//! Log score: Σ ln P(N = n), n the customer's actual orders, from P(N > i). A probability below 1e-12 counts as 1e-12:
//! there the differences are rounding, and one impossible customer must not decide.
//!
//! Interval of orders: from l, the least number with P(N ≤ l) ≥ 5 %, to u, the least with P(N ≤ u) ≥ 95 %; it holds at
//! least 90 %. The randomised coverage of n is the share of (P(N < n), P(N ≤ n)) that lies within (5 %, 95 %): its
//! expectation is 90 % if the model is right (Czado, Gneiting and Held 2009, *Predictive Model Assessment for Count
//! Data*, Biometrics 65, on the randomised probability transform).
//!
//! Paired comparison of two contenders: the mean of the differences per customer and its standard error,
//! sd / √n.
//!
//! # Check
//! `holdout::holdout_of_the_reference` holds totals, MAE and RMSE on CDNOW and Online Retail.

use std::ops::Range;

use rayon::prelude::*;

use super::baseline::{Baseline, Known, LastWindow};
use super::evaluation::{Coverage, Errors, Evaluation, FrequencyBin, Kind, ModelScore, PredictedMean, TrackSeries};
use super::fit::Fitted;
use super::gamma_gamma::Spenders;
use super::histories::{Histories, History};
use super::holdout::{Holdout, Split};
use super::horizon::Horizons;
use super::interval::{self, Group};
use super::model::Setting;
use super::pictures;
use super::select::{self, ClvModel, Counts, Fits, Spend};
use super::tracking::track;
use super::value::Scorer;
use super::{Config, CustomerValues};

/// What the interval of orders promises, and what it leaves out on each side.
const NOMINAL: f64 = 0.9;
const OUTSIDE: f64 = 0.05;

/// Probabilities of orders below this are rounding.
const LEAST_PROB: f64 = 1e-12;

/// The distribution of future orders is not followed beyond this many.
const MOST_ORDERS: u32 = 100_000;

/// Nor where fewer orders than this share of the probability is left: an interval ends long before.
const FOLLOWED: f64 = 1e-8;

/// Parameters that differ by less, relatively, are of one maximum.
const SAME_MAXIMUM: f64 = 1e-6;

/// The top fifth: `ceil` of this share of customers.
const TOP_SHARE: f64 = 0.2;

/// The last bin of the calibration by frequency is this many repeat purchase days and more.
const LAST_BIN: u32 = 7;

/// One contender with its predictions, a number a customer in the order of the split.
pub struct Contender {
    pub name: String,
    pub kind: Kind,
    /// What it is; its numbers come from the calibration part.
    pub counts: Counts,
    pub orders: Vec<f64>,
    /// `None` without positive amounts.
    pub amount: Option<Vec<f64>>,
    /// ln P(N = actual orders); models only.
    pub log_scores: Option<Vec<f64>>,
}

/// All contenders on one split.
pub struct Trial<'a> {
    pub split: &'a Split,
    /// Fits on the calibration part.
    pub fits: Fits,
    pub spend: Spend,
    pub contenders: Vec<Contender>,
    /// Expected amount of an order of each customer; `None` without positive amounts.
    order_amounts: Option<Vec<f64>>,
    rows: Rows,
}

/// A mean of differences per customer, and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    pub mean: f64,
    pub standard_error: f64,
}

impl Paired {
    pub fn new(differences: impl Iterator<Item = f64> + Clone) -> Self {
        let n = differences.clone().count() as f64;
        let mean = differences.clone().sum::<f64>() / n;
        let squares: f64 = differences.map(|d| (d - mean) * (d - mean)).sum();
        Self {
            mean,
            standard_error: (squares / (n - 1.0) / n).sqrt(),
        }
    }
}

impl<'a> Trial<'a> {
    /// Fits `asked` (or `auto`, all models of the setting) before the cut and predicts what came after.
    pub fn new(asked: &str, ridge: f64, holdout: &'a Holdout) -> Self {
        Self::near(asked, ridge, holdout, None)
    }

    /// The same for a sample of very many customers: `near` are the fits to all their days, from where those to the days
    /// before the cut are sought.
    pub fn near(asked: &str, ridge: f64, holdout: &'a Holdout, near: Option<&Fits>) -> Self {
        let split = &holdout.outer;
        let histories: Vec<History> = (0..split.n_customers()).map(|i| split.history(i)).collect();
        let (mut collapsed, row_of) = Histories::collapse(&histories);
        collapsed.sum_ln_gaps = split.observed.sum_ln_gaps;
        let fits = match near {
            None => select::fit_counts(asked, split.setting, ridge, &collapsed),
            Some(_) => select::fit_sample(asked, split.setting, ridge, &collapsed, near),
        };
        let known = split.histories();
        let spenders = Spenders::new(
            (0..split.n_customers()).filter_map(|i| Some((known.x[i], split.observed.mean_repeat_amount[i]?))),
        );
        let (_, spend) = select::fit_spend(&spenders, || known.pooled_amount(&row_of));
        let mut trial = Self {
            split,
            fits,
            spend,
            contenders: Vec::new(),
            order_amounts: None,
            rows: Rows::new(collapsed, &row_of),
        };
        trial.order_amounts = trial.expected_amounts();
        let mut models: Vec<Contender> = Vec::new();
        for fitted in &trial.fits.fits {
            let contender = trial.model(fitted, &models);
            models.push(contender);
        }
        let baselines = match split.setting {
            Setting::Noncontractual | Setting::Discrete => Baseline::all(split.window_days, holdout.inner.as_ref()),
            // Who has left is known, so there is nothing to guess from silence.
            Setting::Contractual => Vec::new(),
        };
        let baselines = baselines.into_iter().filter_map(|baseline| trial.baseline(baseline));
        trial.contenders = models.into_iter().chain(baselines.collect::<Vec<_>>()).collect();
        trial.contenders.extend(trial.pooled());
        trial
    }

    pub fn find(&self, name: &str) -> Option<&Contender> {
        self.contenders.iter().find(|c| c.name == name)
    }

    fn expected_amounts(&self) -> Option<Vec<f64>> {
        let model = ClvModel {
            counts: Counts::Nothing,
            spend: self.spend.clone(),
        };
        model.scorer().ok()?.order_amounts(&self.split.histories())
    }

    /// Predictions in undiscounted money for the holdout.
    fn values(&self, counts: Counts) -> Option<CustomerValues> {
        let config = Config {
            annual_discount_rate: 0.0,
            ..Config::default()
        };
        let horizons = Horizons::plain(self.split.horizon);
        let model = ClvModel {
            counts,
            spend: self.spend.clone(),
        };
        Some(
            model
                .scorer()
                .ok()?
                .score_ahead(&config.check().ok()?, &horizons, &self.split.histories()),
        )
    }

    /// `before` are the models that came before this one.
    fn model(&self, fitted: &Fitted, before: &[Contender]) -> Contender {
        let mut contender = Contender {
            name: fitted.report.name.clone(),
            kind: Kind::Model,
            counts: Counts::Nothing,
            orders: Vec::new(),
            amount: None,
            log_scores: None,
        };
        let Some(predicting) = self.fits.predicting(fitted) else {
            return contender;
        };
        let same = self.same_as(predicting);
        let same = same.and_then(|name| before.iter().find(|c| c.name == name));
        let known = same.and_then(|same| Some((same.orders.clone(), same.log_scores.clone()?)));
        let (orders, log_scores) = known.unwrap_or_else(|| self.rows.predict(predicting, self.split));
        contender.counts = select::counts_of(&fitted.report.name, predicting);
        let amounts = self.order_amounts.as_ref();
        contender.amount = amounts.map(|amounts| orders.iter().zip(amounts).map(|(o, z)| o * z).collect());
        contender.orders = orders;
        contender.log_scores = Some(log_scores);
        contender
    }

    /// The simpler model that `fitted` is at its shape, fitted to the same maximum.
    fn same_as(&self, fitted: &Fitted) -> Option<&str> {
        let (shape, rest) = fitted.params_days.split_first()?;
        let simpler = self.fits.usable(fitted.model.is_with_shape(*shape)?)?;
        let alike = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME_MAXIMUM * b.abs();
        let same = rest.len() == simpler.params_days.len() && rest.iter().zip(&simpler.params_days).all(alike);
        same.then_some(simpler.report.name.as_str())
    }

    /// How often the intervals of a model hold.
    fn coverage(&self, contender: &Contender) -> Option<Coverage> {
        let fitted = self.fits.fits.iter().find(|f| f.report.name == contender.name)?;
        let by_customer = self.rows.cover(self.fits.predicting(fitted)?, self.split);
        let n = self.split.n_customers() as f64;
        let share = |sum: f64| (sum / n).clamp(0.0, 1.0);
        let values = self.values(contender.counts.clone());
        Some(Coverage {
            nominal: NOMINAL,
            orders: share(by_customer.iter().map(|c| f64::from(u8::from(c.within))).sum()),
            orders_randomised: share(by_customer.iter().map(|c| c.within_randomised).sum()),
            amount: self.order_amounts.as_ref().and(values).and_then(|values| {
                let bounds = values.clv_low_amount.iter().zip(&values.clv_high_amount);
                let (mut within, mut known) = (0.0, 0.0);
                for ((low, high), amount) in bounds.zip(&self.split.amount) {
                    if let (Some(low), Some(high)) = (low.get(), high.get()) {
                        known += 1.0;
                        within += f64::from(u8::from((low..=high).contains(amount)));
                    }
                }
                (0.0 < known).then_some(within / known)
            }),
        })
    }

    fn baseline(&self, baseline: Baseline) -> Option<Contender> {
        let known = |i: usize| Known {
            history: self.split.history(i),
            mean_amount_all: self.split.observed.mean_amount_all[i],
            recent: Some(LastWindow {
                days: self.split.window_days,
                orders: self.split.recent_orders[i],
                amount: self.split.recent_amount[i],
            }),
        };
        let customers = 0..self.split.n_customers();
        let orders: Vec<f64> = customers
            .clone()
            .map(|i| baseline.expected_orders(&known(i), self.split.horizon))
            .collect::<Option<_>>()?;
        let amount = customers
            .map(|i| Some(orders[i] * baseline.order_amount(&known(i))?))
            .collect();
        Some(Contender {
            name: baseline.name().to_owned(),
            kind: Kind::Baseline,
            counts: Counts::Baseline { baseline },
            amount: if self.spend == Spend::Nothing { None } else { amount },
            orders,
            log_scores: None,
        })
    }

    /// One rate for all: what is left where no model can be used.
    fn pooled(&self) -> Option<Contender> {
        let values = self.values(self.fits.pooled.clone())?;
        Some(Contender {
            name: super::ladder::pooled_name(&self.fits.pooled).to_owned(),
            kind: Kind::Baseline,
            counts: self.fits.pooled.clone(),
            orders: values
                .expected_orders
                .iter()
                .map(|orders| orders.get())
                .collect::<Option<_>>()?,
            amount: values.clv_amount.iter().map(|amount| amount.get()).collect(),
            log_scores: None,
        })
    }

    /// Predicted share of revenue: weights 1 for customers among the top fifth, 0 for the others, and what is left for
    /// each of those who tie at the border.
    pub fn top_fifth(&self, amount: &[f64]) -> Vec<f64> {
        let places = (TOP_SHARE * amount.len() as f64).ceil() as usize;
        let Some(last) = places.checked_sub(1).filter(|last| *last < amount.len()) else {
            return vec![0.0; amount.len()];
        };
        let mut ranked: Vec<f64> = amount.to_vec();
        let (_, border, _) = ranked.select_nth_unstable_by(last, |a, b| b.total_cmp(a));
        let border = *border;
        let count = |order| amount.iter().filter(|a| a.total_cmp(&border) == order).count();
        let (above, tied) = (count(std::cmp::Ordering::Greater), count(std::cmp::Ordering::Equal));
        let share = (places - above) as f64 / tied as f64;
        let weight = |a: &f64| match a.total_cmp(&border) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => share,
            std::cmp::Ordering::Less => 0.0,
        };
        amount.iter().map(weight).collect()
    }

    pub fn actual_orders(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.split.orders.iter().map(|n| f64::from(*n))
    }

    /// Revenue of the holdout; `None` unless positive.
    pub fn revenue(&self) -> Option<f64> {
        let sum: f64 = self.split.amount.iter().sum();
        (sum.is_finite() && 0.0 < sum).then_some(sum)
    }

    pub fn order_errors(&self, contender: &Contender) -> Errors {
        errors(&contender.orders, self.actual_orders())
    }

    pub fn top_fifth_share(&self, contender: &Contender) -> Option<f64> {
        let revenue = self.revenue()?;
        let weights = self.top_fifth(contender.amount.as_ref()?);
        let captured: f64 = weights.iter().zip(&self.split.amount).map(|(w, a)| w * a).sum();
        Some(captured / revenue)
    }

    fn score(&self, contender: &Contender) -> ModelScore {
        let fitted = self.fits.fits.iter().find(|f| f.report.name == contender.name);
        let longest_silence_days = match contender.counts {
            Counts::Baseline {
                baseline: Baseline::Hiatus { longest_silence_days },
            } => Some(longest_silence_days),
            _ => None,
        };
        let amount = contender.amount.as_ref();
        ModelScore {
            name: contender.name.clone(),
            kind: contender.kind,
            status: fitted.map(|f| f.report.status),
            longest_silence_days,
            log_likelihood: fitted.and_then(|f| f.report.log_likelihood),
            bic: fitted.and_then(|f| f.report.bic),
            log_score: contender.log_scores.as_ref().map(|scores| scores.iter().sum()),
            orders: self.order_errors(contender),
            amount: amount.map_or_else(Errors::default, |a| errors(a, self.split.amount.iter().copied())),
            top_fifth_share: self.top_fifth_share(contender),
            coverage: self.coverage(contender),
        }
    }

    /// All tables and series.
    pub fn evaluation(&self) -> Evaluation {
        let split = self.split;
        let mut tracking = Vec::new();
        let mut heat = Vec::new();
        for contender in self.contenders.iter().filter(|c| c.log_scores.is_some()) {
            let model = ClvModel {
                counts: contender.counts.clone(),
                spend: self.spend.clone(),
            };
            let scorer = model.scorer().unwrap_or_else(|_| Scorer::without_model());
            if split.setting == Setting::Noncontractual {
                tracking.push(TrackSeries {
                    name: contender.name.clone(),
                    points: track(
                        &scorer,
                        &split.first_days,
                        &split.repeats_by_day,
                        split.last_day,
                        &split.clock,
                    ),
                });
            }
        }
        for fitted in &self.fits.fits {
            let predicting = self.fits.predicting(fitted);
            heat.extend(predicting.and_then(|predicting| pictures::heat(&fitted.report.name, predicting, split)));
        }
        Evaluation {
            setting: split.setting,
            cut_day: split.cut_day,
            holdout_days: split.holdout_days(),
            n_customers: split.n_customers() as u64,
            of_customers: split.of_customers as u64,
            actual_orders: split.orders.iter().map(|n| u64::from(*n)).sum(),
            actual_amount: split.amount.iter().sum(),
            models: self.contenders.iter().map(|c| self.score(c)).collect(),
            by_frequency: self.by_frequency(),
            tracking,
            heat,
            spend_density: pictures::spend_density(&self.spend, split),
        }
    }

    fn by_frequency(&self) -> Vec<FrequencyBin> {
        // Customers ascend by x, so a bin is a range of them.
        let x = &self.split.observed.x;
        let mut bins = Vec::new();
        for repeat_days in 0..=LAST_BIN {
            let or_more = repeat_days == LAST_BIN;
            let from = x.partition_point(|x| *x < repeat_days);
            let to = if or_more {
                x.len()
            } else {
                x.partition_point(|x| *x <= repeat_days)
            };
            if from == to {
                continue;
            }
            let n = (to - from) as f64;
            let predicting = self.contenders.iter().filter(|c| !c.orders.is_empty());
            bins.push(FrequencyBin {
                repeat_days,
                or_more,
                n_customers: (to - from) as u64,
                actual_mean: self.split.orders[from..to].iter().map(|n| f64::from(*n)).sum::<f64>() / n,
                predicted: predicting
                    .map(|c| PredictedMean {
                        name: c.name.clone(),
                        mean: c.orders[from..to].iter().sum::<f64>() / n,
                    })
                    .collect(),
            });
        }
        bins
    }
}

/// Errors of `predicted`; all `None` if there are no predictions.
fn errors(predicted: &[f64], actual: impl Iterator<Item = f64> + Clone) -> Errors {
    if predicted.is_empty() {
        return Errors::default();
    }
    let n = predicted.len() as f64;
    let (mut absolute, mut squared) = (0.0, 0.0);
    for (p, a) in predicted.iter().zip(actual.clone()) {
        absolute += (p - a).abs();
        squared += (p - a) * (p - a);
    }
    let total: f64 = predicted.iter().sum();
    let finite = |value: f64| value.is_finite().then_some(value);
    let actual: f64 = actual.sum();
    Errors {
        predicted: finite(total),
        mae: finite(absolute / n),
        rmse: finite((squared / n).sqrt()),
        bias: if 0.0 < actual {
            finite(total / actual - 1.0)
        } else {
            None
        },
    }
}

/// Distinct histories, and where the customers of each begin and end: both ascend alike.
struct Rows {
    histories: Histories,
    ends: Vec<usize>,
}

#[derive(Clone, Copy)]
struct CustomerCoverage {
    within: bool,
    within_randomised: f64,
}

impl Rows {
    fn new(histories: Histories, row_of: &[u32]) -> Self {
        let ends = (0..histories.rows.len() as u32).map(|row| row_of.partition_point(|of| *of <= row));
        Self {
            ends: ends.collect(),
            histories,
        }
    }

    /// The customers of a row.
    fn customers(&self, row: u32) -> Range<usize> {
        let row = row as usize;
        row.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[row]
    }

    /// Expected orders and log score of each customer.
    fn predict(&self, fitted: &Fitted, split: &Split) -> (Vec<f64>, Vec<f64>) {
        let (model, params) = (fitted.model, &fitted.params_days);
        let (order, groups) = interval::group(model.forgets_last_order(), &self.histories);
        // By row: expected orders; by customer: log scores.
        let predict = |group: &Group| {
            let rows = &order[group.rows.clone()];
            let customers = || rows.iter().flat_map(|row| &split.orders[self.customers(*row)]);
            let most = customers().copied().max().unwrap_or(0);
            let mut probs = vec![0.0; most.min(MOST_ORDERS) as usize + 1];
            model.order_probs(params, &group.of, split.horizon, &mut probs);
            let mut expected = [0.0];
            model.expected_orders(params, &group.of, &[split.horizon], &mut expected);
            let there = model.alive_prob(params, &group.of);
            let given_alive = if 0.0 < there { expected[0] / there } else { 0.0 };
            let (mut expected, mut scores) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
            for row in rows {
                let alive = model.alive_prob(params, &self.histories.rows[*row as usize]);
                expected.push(alive * given_alive);
                // The customers of a row ascend by their orders, and equal ones score alike.
                let (mut last, mut score) = (None, 0.0);
                for orders in &split.orders[self.customers(*row)] {
                    if last != Some(orders) {
                        last = Some(orders);
                        let prob = alive * probs.get(*orders as usize).copied().unwrap_or(0.0);
                        let gone = if *orders == 0 { 1.0 - alive } else { 0.0 };
                        score = (gone + prob).clamp(LEAST_PROB, 1.0).ln();
                    }
                    scores.push(score);
                }
            }
            (expected, scores)
        };
        let predicted: Vec<(Vec<f64>, Vec<f64>)> = groups.par_iter().map(predict).collect();
        let (mut orders, mut log_scores) = (vec![0.0; split.n_customers()], vec![0.0; split.n_customers()]);
        for (group, (expected, scores)) in groups.iter().zip(&predicted) {
            let mut scores = scores.iter();
            for (row, expected) in order[group.rows.clone()].iter().zip(expected) {
                let customers = self.customers(*row);
                orders[customers.clone()].fill(*expected);
                for (place, score) in log_scores[customers].iter_mut().zip(&mut scores) {
                    *place = *score;
                }
            }
        }
        (orders, log_scores)
    }

    /// How each customer's orders lie in the interval.
    fn cover(&self, fitted: &Fitted, split: &Split) -> Vec<CustomerCoverage> {
        let cover = |row: u32| {
            let h = &self.histories.rows[row as usize];
            let tail = fitted
                .model
                .order_tail(&fitted.params_days, h, split.horizon, FOLLOWED, MOST_ORDERS as usize);
            let low = tail.iter().filter(|p| 1.0 - OUTSIDE < **p).count();
            let high = tail.iter().filter(|p| OUTSIDE < **p).count();
            let cover = |orders: &u32| {
                let n = *orders as usize;
                let above = |i: usize| tail.get(i).copied().unwrap_or(0.0);
                let (at_least, more) = (n.checked_sub(1).map_or(1.0, above), above(n));
                // P(N < n) and P(N ≤ n), cut to the middle.
                let middle = |p: f64| p.clamp(OUTSIDE, 1.0 - OUTSIDE);
                let inside = (middle(1.0 - more) - middle(1.0 - at_least)).max(0.0);
                CustomerCoverage {
                    within: (low..=high).contains(&n),
                    within_randomised: (inside / (at_least - more).max(LEAST_PROB)).min(1.0),
                }
            };
            split.orders[self.customers(row)].iter().map(cover).collect::<Vec<_>>()
        };
        let rows = 0..self.histories.rows.len() as u32;
        rows.into_par_iter().flat_map_iter(cover).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paired_difference_has_the_standard_error_of_its_mean() {
        let paired = Paired::new([1.0, 2.0, 3.0, 4.0].into_iter());
        assert_eq!(paired.mean, 2.5);
        assert!((paired.standard_error - (5.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn errors_are_those_of_the_definition() {
        let got = errors(&[1.0, 0.0, 5.0], [0.0, 0.0, 3.0].into_iter());
        assert_eq!(got.predicted, Some(6.0));
        assert_eq!(got.mae, Some(1.0));
        assert_eq!(got.rmse, Some((5.0_f64 / 3.0).sqrt()));
        assert_eq!(got.bias, Some(1.0));
        assert_eq!(errors(&[1.0], [0.0].into_iter()).bias, None);
        assert_eq!(errors(&[], [0.0].into_iter()), Errors::default());
    }
}
