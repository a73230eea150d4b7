//! How one count model is fitted: maximum likelihood over logarithms of parameters, from several starts.
//!
//! In: distinct histories with counts ([`Data`]), and a [`Penalty`] if one is wanted. Out: parameters and a report
//! ([`ModelFit`]). Cost: one pass over the distinct histories an evaluation; 5 to 8 starts of 8 to 30 evaluations each
//! on at most [`THIN_ROWS`] of them, then 3 to 8 evaluations on all; that for every shape tried, if there are shapes.
//! A fit to data much like those of another fit begins there and needs 3 to 6 evaluations ([`refit`]).

use super::histories::Histories;
use super::model::{CountModel, FitStatus, Letters, ModelFit, Setting};
use super::optimise::{self, Derivatives, Limits, MAX_PARAMS, Search, Termination};

/// Distinct rows on which starts are compared; the best then continue on all rows.
pub const THIN_ROWS: usize = 2048;

/// exp of this, 4e15, is as good as infinity for a parameter in units of the longest history.
pub const BOUND: f64 = 36.0;

/// Total log-likelihood that is not worth another step.
const GAIN_TOLERANCE: f64 = 1e-10;

/// The same where the search goes on elsewhere, or where models are only compared: a log-likelihood to six decimals.
const COARSE_GAIN_TOLERANCE: f64 = 1e-7;

/// A start whose log-likelihood ends this much below the best is not followed on all rows.
const HOPELESS: f64 = 25.0;

const MAX_STEPS: u32 = 200;

/// Log-likelihoods of starts closer than this have met in one maximum.
const SAME_MAXIMUM: f64 = 1e-6;

/// A maximised likelihood, its parameters still in units of the fit.
#[derive(Clone, Debug)]
pub struct Maximum<const N: usize = MAX_PARAMS> {
    pub params: Vec<f64>,
    /// Without the penalty.
    pub log_likelihood: f64,
    /// Of minus the mean log-likelihood (penalty included) by the logarithms of the parameters.
    pub search: Search<N>,
    pub n_starts: u32,
    /// Starts whose log-likelihood ended within 1e-6 of the best one's.
    pub starts_at_best: u32,
    /// A logarithm ended on the bound of the search.
    pub on_bound: bool,
}

/// A log-likelihood with derivatives by the parameters, and the number of observations in it.
#[derive(Clone, Copy)]
pub struct Likelihood<'a, const N: usize = MAX_PARAMS> {
    pub at: &'a (dyn Fn(&[f64]) -> Derivatives<N> + Sync),
    pub n: f64,
}

/// A ridge on logarithms of parameters: ln L − ½ Σ precision (ln p − centre)² is maximised instead of ln L. It is
/// the posterior mode under independent normal priors for ln p with those means and precisions, so a group is pooled
/// toward the whole by the whole's parameters as centre.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Penalty {
    /// Logarithms of parameters in days (in opportunities, renewals), in the order of the model's letters. A model
    /// with a shape keeps the shape that stands here.
    pub centre: Vec<f64>,
    /// As long as `centre`; 0 leaves a parameter free. That of a shape is not looked at.
    pub precision: Vec<f64>,
}

impl Penalty {
    /// What `clv.ridge` means: every ln p is drawn with precision `ridge` × customers toward the pooled start, the
    /// model's first point to search from when its r is 1 and its r/alpha the order rate of all customers together.
    /// `None` for a ridge of 0.
    pub fn ridge(model: &dyn CountModel, data: &Data, ridge: f64) -> Option<Self> {
        if !(ridge.is_finite() && 0.0 < ridge) {
            return None;
        }
        let start = model.starts([1.0, 1.0 / data.pooled_rate()]).into_iter().next()?;
        let powers = &model.time_powers()[usize::from(!model.shapes().is_empty())..];
        let mut centre: Vec<f64> = model.shapes().first().map(|shape| shape.ln()).into_iter().collect();
        centre.extend(
            start
                .iter()
                .zip(powers)
                .map(|(p, power)| p.ln() + f64::from(*power) * data.unit.ln()),
        );
        let precision = vec![ridge * data.histories.n_customers(); centre.len()];
        Some(Self { centre, precision })
    }

    /// (centre, precision) of each parameter that is searched, centres in units of the fit.
    fn in_units_of(&self, unit: f64, powers: &[i32], first: usize) -> Vec<(f64, f64)> {
        let entry = |i: usize| {
            let centre = self.centre.get(i)? - f64::from(powers[i]) * unit.ln();
            let precision = *self.precision.get(i)?;
            (centre.is_finite() && precision.is_finite() && 0.0 < precision).then_some((centre, precision))
        };
        (first..powers.len()).map(|i| entry(i).unwrap_or((0.0, 0.0))).collect()
    }
}

/// ½ Σ precision (θ − centre)², added to `sum` with its derivatives times `weight`.
fn add_penalty<const N: usize>(sum: &mut Derivatives<N>, weight: f64, theta: &[f64], penalty: &[(f64, f64)]) {
    for (i, (t, (centre, precision))) in theta.iter().zip(penalty).enumerate() {
        sum.value += weight * 0.5 * precision * (t - centre).powi(2);
        sum.gradient[i] += weight * precision * (t - centre);
        sum.hessian[i][i] += weight * precision;
    }
}

/// How well a maximum must be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// To the last digits.
    #[default]
    Full,
    /// A log-likelihood to six decimals, and parameters to a thousandth of their standard error.
    Coarse,
}

/// [`maximise_to`] the last digits.
pub fn maximise<const N: usize>(
    full: Likelihood<'_, N>,
    thin: Option<Likelihood<'_, N>>,
    starts: &[Vec<f64>],
    bound: f64,
    penalty: &[(f64, f64)],
) -> Option<Maximum<N>> {
    maximise_to(Precision::Full, full, thin, starts, bound, penalty)
}

/// Maximises over positive parameters. `starts` are tried on `thin`, which is `None` if `full` is small. Logarithms
/// of parameters stay within ± `bound`. `penalty` has a (centre, precision) for each logarithm, or nothing.
pub fn maximise_to<const N: usize>(
    precision: Precision,
    full: Likelihood<'_, N>,
    thin: Option<Likelihood<'_, N>>,
    starts: &[Vec<f64>],
    bound: f64,
    penalty: &[(f64, f64)],
) -> Option<Maximum<N>> {
    let search_from = |precision: Precision, Likelihood { at, n }: Likelihood<'_, N>, start: &[f64]| {
        let objective = |theta: &[f64]| {
            let params: Vec<f64> = theta.iter().map(|t| t.exp()).collect();
            let mut derivatives = at(&params);
            derivatives.by_logarithms(&params);
            derivatives.scale(-1.0 / n);
            // The weight of the penalty is that of all customers, also where only some are looked at.
            add_penalty(&mut derivatives, 1.0 / full.n, theta, penalty);
            derivatives
        };
        let (tolerance, polishing_steps) = match precision {
            Precision::Full => (GAIN_TOLERANCE, optimise::POLISHING_STEPS),
            Precision::Coarse => (COARSE_GAIN_TOLERANCE, 0),
        };
        let limits = Limits {
            max_steps: MAX_STEPS,
            gain_tolerance: tolerance / n,
            bound,
            polishing_steps,
        };
        optimise::minimise(objective, start, limits)
    };
    let mut evaluations = 0;
    let mut non_finite = 0;
    let mut found: Vec<Search<N>> = starts
        .iter()
        .map(|start| {
            let theta: Vec<f64> = start.iter().map(|p| p.ln()).collect();
            match thin {
                Some(thin) => search_from(Precision::Coarse, thin, &theta),
                None => search_from(precision, full, &theta),
            }
        })
        .inspect(|search| {
            evaluations += search.evaluations;
            non_finite += search.non_finite;
        })
        .collect();
    // Stable, so that of equal searches the first start's stands.
    found.sort_by(|a, b| a.derivatives.value.total_cmp(&b.derivatives.value));
    let best = found.first()?.derivatives.value;
    let tolerance = SAME_MAXIMUM / thin.unwrap_or(full).n;
    let starts_at_best = found
        .iter()
        .filter(|search| search.termination != Termination::NonFinite)
        .filter(|search| search.derivatives.value - best <= tolerance)
        .count() as u32;
    if let Some(thin) = thin {
        found.retain(|search| (search.derivatives.value - best) * thin.n <= HOPELESS);
        // Starts that met in one maximum need not be followed twice.
        found.dedup_by(|b, a| (a.derivatives.value - b.derivatives.value).abs() < 1e-9);
        found.truncate(2);
        for search in &mut found {
            *search = search_from(precision, full, &search.at);
            evaluations += search.evaluations;
            non_finite += search.non_finite;
        }
        found.sort_by(|a, b| a.derivatives.value.total_cmp(&b.derivatives.value));
    }
    let mut search = found.into_iter().next()?;
    search.evaluations = evaluations;
    search.non_finite = non_finite;
    let mut penalised = Derivatives::<N>::default();
    add_penalty(&mut penalised, 1.0, &search.at, penalty);
    Some(Maximum {
        params: search.at.iter().map(|t| t.exp()).collect(),
        log_likelihood: penalised.value - search.derivatives.value * full.n,
        n_starts: starts.len() as u32,
        starts_at_best,
        on_bound: search.at.iter().any(|t| bound <= t.abs()),
        search,
    })
}

/// What the observed information says about the logarithms of the parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Information {
    /// Largest over smallest eigenvalue; `None` unless all are positive.
    pub condition: Option<f64>,
    /// The inverse of the information; `None` where that is flat to rounding.
    pub covariance: Option<Vec<Vec<f64>>>,
}

impl Information {
    /// From the curvature at a maximum over `n` observations.
    pub fn of<const N: usize>(maximum: &Maximum<N>, n: f64) -> Self {
        let hessian = &maximum.search.derivatives.hessian;
        let k = maximum.params.len();
        let scaled = |inverse: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
            inverse
                .into_iter()
                .map(|row| row.into_iter().map(|v| v / n).collect())
                .collect()
        };
        Self {
            condition: optimise::condition(hessian, k),
            covariance: optimise::inverse(hessian, k).map(scaled),
        }
    }

    /// Standard errors of the parameters, not of their logarithms: p times the one of ln p (delta method).
    pub fn standard_errors(&self, params: &[f64]) -> Option<Vec<f64>> {
        let covariance = self.covariance.as_ref()?;
        let error = |(i, p): (usize, &f64)| p * covariance[i][i].sqrt();
        Some(params.iter().enumerate().map(error).collect())
    }
}

/// −2 ln L + k ln n: smaller is better.
pub fn bic(log_likelihood: f64, n_params: usize, n_customers: f64) -> f64 {
    -2.0 * log_likelihood + n_params as f64 * n_customers.ln()
}

/// Histories as fits want them: in units of the longest one, so that the search sees the same numbers whatever the
/// unit of the data is. Opportunities and renewals are counts and stay as they are.
#[derive(Clone, Debug)]
pub struct Data {
    pub histories: Histories,
    /// One unit of `histories` in days; 1 for opportunities and renewals.
    pub unit: f64,
    pub setting: Setting,
    pub precision: Precision,
    thinned: Option<Histories>,
}

impl Data {
    pub fn new(histories: &Histories, setting: Setting) -> Self {
        let longest = histories.longest_age();
        let is_time = setting == Setting::Noncontractual;
        let (unit, histories) = if is_time && 0.0 < longest && longest.is_finite() {
            (longest, histories.in_units_of(longest))
        } else {
            (1.0, histories.clone())
        };
        let thinned = (2 * THIN_ROWS < histories.rows.len()).then(|| histories.thinned(THIN_ROWS));
        Self {
            histories,
            unit,
            setting,
            precision: Precision::Full,
            thinned,
        }
    }

    /// Of some customers, on whom models are compared.
    pub fn of_sample(histories: &Histories, setting: Setting) -> Self {
        Self {
            precision: Precision::Coarse,
            ..Self::new(histories, setting)
        }
    }

    /// Orders per unit of time of all customers together; 1 if there is none.
    fn pooled_rate(&self) -> f64 {
        let rate = self.histories.total_x() / self.histories.total_age();
        if rate.is_finite() && 0.0 < rate { rate } else { 1.0 }
    }
}

/// What a [`ModelFit`] says its times are in.
pub fn time_unit(setting: Setting) -> &'static str {
    match setting {
        Setting::Noncontractual => "days",
        Setting::Discrete => "opportunities",
        Setting::Contractual => "renewals",
    }
}

/// A fitted model: parameters in days (opportunities, renewals), and the report.
#[derive(Clone)]
pub struct Fitted {
    pub model: &'static dyn CountModel,
    /// In the order of the letters; empty where there is no fit, NaN where a limit has no value.
    pub params_days: Vec<f64>,
    pub report: ModelFit,
}

impl Fitted {
    /// A model that was not fitted.
    pub fn missing(model: &'static dyn CountModel, status: FitStatus) -> Self {
        Self {
            model,
            params_days: Vec::new(),
            report: ModelFit::missing(model.name(), model.letters(), time_unit(model.setting()), status),
        }
    }
}

/// A limit whose customers are this alike has run off to a limit of its own and is no place to start from.
const FARTHEST_START: f64 = 100.0;

/// Gains in log-likelihood over the limit without dropout that are below this are the way to infinity, not a maximum.
const LEAST_GAIN_OVER_LIMIT: f64 = 1e-5;

/// Fits `model`. `earlier` are fits of simpler models to the same data, in any order: from that of
/// [`CountModel::without_dropout`] the starts are made, and if the model is no likelier, that limit is the answer; and
/// whatever else lies inside the model ([`CountModel::start_at`]) is a start too, so that the fit is never the worse. With a `penalty` the answer is
/// proper, so it is not compared with the limit; standard errors and covariance are then those of the penalised
/// likelihood.
pub fn fit(model: &'static dyn CountModel, data: &Data, earlier: &[Fitted], penalty: Option<&Penalty>) -> Fitted {
    let has_shape = !model.shapes().is_empty();
    if has_shape && data.histories.sum_ln_gaps.is_none() {
        return Fitted::missing(model, FitStatus::NotEnoughHistory);
    }
    let found = search(model, data, earlier, penalty);
    finish(model, data, earlier, penalty, found)
}

/// Fits the model of `near` to other data that are much like those of `near`: the search begins at its parameters, and
/// a shape stays. As [`fit`] where `near` has none.
pub fn refit(near: &Fitted, data: &Data, earlier: &[Fitted], penalty: Option<&Penalty>) -> Fitted {
    let model = near.model;
    let in_units = near.params_days.iter().zip(model.time_powers());
    let start: Vec<f64> = in_units.map(|(p, power)| p / data.unit.powi(*power)).collect();
    let is_start = start.len() == model.letters().len() && start.iter().all(|p| p.is_finite() && 0.0 < *p);
    if !is_start || near.report.status.is_limit() {
        return fit(model, data, earlier, penalty);
    }
    let free = usize::from(!model.shapes().is_empty());
    let prior = penalty.map_or_else(Vec::new, |p| p.in_units_of(data.unit, model.time_powers(), free));
    let with_shape = |params: &[f64]| [&start[..free], params].concat();
    let at = |params: &[f64]| model.log_likelihood(&with_shape(params), &data.histories);
    let full = Likelihood {
        at: &at,
        n: data.histories.n_customers(),
    };
    let found = maximise_to(data.precision, full, None, &[start[free..].to_vec()], BOUND, &prior);
    let found = found.map(|maximum| (with_shape(&maximum.params), maximum));
    finish(model, data, earlier, penalty, found)
}

/// The report of what a search found, and its parameters in days.
fn finish(
    model: &'static dyn CountModel,
    data: &Data,
    earlier: &[Fitted],
    penalty: Option<&Penalty>,
    found: Option<(Vec<f64>, Maximum)>,
) -> Fitted {
    let has_shape = !model.shapes().is_empty();
    let limit = limit_of(model, earlier);
    let Some((params, maximum)) = found else {
        return Fitted::missing(model, FitStatus::NotEnoughHistory);
    };
    if !maximum.log_likelihood.is_finite() {
        return Fitted::missing(model, FitStatus::NotConverged);
    }
    let n = data.histories.n_customers();
    // A density of x times changes by unit^-x with the unit.
    let ln_unit = data.histories.total_x() * data.unit.ln();
    let powers = model.time_powers();
    let to_days = |(p, power): (&f64, &i32)| p * data.unit.powi(*power);
    let mut log_likelihood = maximum.log_likelihood - ln_unit;
    let mut status = match model.limit(&params) {
        Some(limit) => limit,
        None if maximum.search.termination == Termination::Converged => FitStatus::Ok,
        None => FitStatus::NotConverged,
    };
    let mut params_days: Vec<f64> = params.iter().zip(powers).map(to_days).collect();
    let information = Information::of(&maximum, n);
    if penalty.is_none()
        && let Some(limit) = limit
        && let Some(highest) = limit.report.log_likelihood
        && log_likelihood < highest + LEAST_GAIN_OVER_LIMIT
    {
        // The richer model contains the limit, so its supremum is no lower.
        log_likelihood = log_likelihood.max(highest);
        status = FitStatus::NoDropoutLimit;
        let of_limit = |letter: &&str| limit.report.params.get(letter).unwrap_or(f64::NAN);
        params_days = model.letters().iter().map(of_limit).collect();
    }
    let letters = model.letters();
    let free = usize::from(has_shape);
    let errors_days = if status == FitStatus::Ok {
        information.standard_errors(&params[free..])
    } else {
        None
    }
    .map(|errors| -> Vec<f64> {
        let known = std::iter::repeat_n(f64::NAN, free).chain(errors);
        known
            .zip(powers)
            .map(|(error, power)| to_days((&error, power)))
            .collect()
    });
    let report = ModelFit {
        params: Letters::new(letters, &params_days),
        log_likelihood: Some(log_likelihood),
        bic: Some(bic(log_likelihood, letters.len(), n)),
        n_customers: n as u64,
        n_distinct: data.histories.rows.len() as u64,
        standard_errors: errors_days.map_or_else(|| Letters::unknown(letters), |e| Letters::new(letters, &e)),
        covariance: if status == FitStatus::Ok {
            information.covariance.map(|inner| widen(inner, free))
        } else {
            None
        },
        condition: information.condition,
        on_boundary: maximum.on_bound || status.is_limit(),
        ..Fitted::missing(model, status).report.of_search(&maximum)
    };
    Fitted {
        model,
        params_days,
        report,
    }
}

/// `free` rows and columns of zeros before a covariance: a shape is not estimated by derivatives.
fn widen(inner: Vec<Vec<f64>>, free: usize) -> Vec<Vec<f64>> {
    let k = inner.len() + free;
    let rows = inner
        .into_iter()
        .map(|row| std::iter::repeat_n(0.0, free).chain(row).collect());
    std::iter::repeat_n(vec![0.0; k], free).chain(rows).collect()
}

fn limit_of<'a>(model: &dyn CountModel, earlier: &'a [Fitted]) -> Option<&'a Fitted> {
    let name = model.without_dropout()?;
    earlier.iter().find(|fitted| fitted.model.name() == name)
}

/// All parameters in units of the fit, and the maximum over those that are searched.
fn search(
    model: &'static dyn CountModel,
    data: &Data,
    earlier: &[Fitted],
    penalty: Option<&Penalty>,
) -> Option<(Vec<f64>, Maximum)> {
    let limit = limit_of(model, earlier);
    let powers = model.time_powers();
    let mut start = [0.5, 0.5 / data.pooled_rate()];
    if let Some(limit) = limit
        && let &[first, second, ..] = limit.params_days.as_slice()
        && (first < FARTHEST_START && second.is_finite() && 0.0 < first)
    {
        let second_power = limit.model.time_powers().get(1).copied().unwrap_or(0);
        start = [first, second / data.unit.powi(second_power)];
    }
    let mut starts = model.starts(start);
    for simpler in earlier.iter().filter(|f| f.model.setting() == model.setting()) {
        let powers = simpler.model.time_powers();
        let in_units = simpler.params_days.iter().zip(powers);
        let params: Vec<f64> = in_units.map(|(p, power)| p / data.unit.powi(*power)).collect();
        if params.iter().all(|p| p.is_finite() && 0.0 < *p) {
            starts.extend(model.start_at(simpler.model.name(), &params));
        }
    }
    let free = usize::from(!model.shapes().is_empty());
    let prior = penalty.map_or_else(Vec::new, |p| p.in_units_of(data.unit, powers, free));
    let centre_of_shape = penalty.and_then(|p| p.centre.first()).map(|c| c.exp());
    let shapes: Vec<Option<f64>> = if free == 0 {
        vec![None]
    } else {
        let nearest = |shape: &&f64| centre_of_shape.is_none_or(|centre| (**shape - centre).abs() < 0.5);
        model.shapes().iter().filter(nearest).map(|k| Some(*k)).collect()
    };

    let mut best: Option<(Vec<f64>, Maximum)> = None;
    let (mut evaluations, mut non_finite) = (0, 0);
    for shape in shapes {
        // The model that this is with that shape has been fitted already.
        let simpler = shape.and_then(|shape| model.is_with_shape(shape));
        let known = simpler.and_then(|name| {
            earlier
                .iter()
                .find(|f| f.model.name() == name && f.report.status.is_usable())
        });
        if let Some(known) = known {
            let in_units = known.params_days.iter().zip(known.model.time_powers());
            starts.insert(0, in_units.map(|(p, power)| p / data.unit.powi(*power)).collect());
        }
        let starts_here = if known.is_some() { &starts[..1] } else { &starts[..] };
        let with_shape = |params: &[f64]| -> Vec<f64> { shape.into_iter().chain(params.iter().copied()).collect() };
        let full = |params: &[f64]| model.log_likelihood(&with_shape(params), &data.histories);
        let sample = data.thinned.as_ref().unwrap_or(&data.histories);
        let thin = |params: &[f64]| model.log_likelihood(&with_shape(params), sample);
        let found = maximise_to(
            data.precision,
            Likelihood {
                at: &full,
                n: data.histories.n_customers(),
            },
            data.thinned.as_ref().map(|sample| Likelihood {
                at: &thin,
                n: sample.n_customers(),
            }),
            starts_here,
            BOUND,
            &prior,
        )?;
        evaluations += found.search.evaluations;
        non_finite += found.search.non_finite;
        let rises = best
            .as_ref()
            .is_none_or(|(_, before)| before.log_likelihood < found.log_likelihood);
        if !rises {
            break;
        }
        // The next shape's maximum is not far from this one's.
        if known.is_none() {
            starts.push(found.params.clone());
        }
        best = Some((with_shape(&found.params), found));
    }
    let (params, mut maximum) = best?;
    maximum.search.evaluations = evaluations;
    maximum.search.non_finite = non_finite;
    Some((params, maximum))
}

#[cfg(test)]
mod tests;
