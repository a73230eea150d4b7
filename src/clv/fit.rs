//! How one count model is fitted: maximum likelihood over logarithms of parameters, from several starts.
//!
//! In: distinct histories with counts ([`Histories`]). Out: parameters and a report ([`ModelFit`]). Cost: one pass
//! over the distinct histories an evaluation; 5 to 8 starts of 8 to 30 evaluations each on at most
//! [`THIN_ROWS`] of them, then 3 to 8 evaluations on all.

use super::histories::Histories;
use super::model::{CountModel, FitStatus, Letters, ModelFit};
use super::optimise::{self, Derivatives, Limits, Search, Termination};

/// Distinct rows on which starts are compared; the best then continue on all rows.
pub const THIN_ROWS: usize = 4096;

/// exp of this, 4e15, is as good as infinity for a parameter in units of the longest history.
pub const BOUND: f64 = 36.0;

/// Total log-likelihood that is not worth another step.
const GAIN_TOLERANCE: f64 = 1e-10;

const MAX_STEPS: u32 = 200;

/// A maximised likelihood, its parameters still in units of the fit.
#[derive(Clone, Debug)]
pub struct Maximum {
    pub params: Vec<f64>,
    pub log_likelihood: f64,
    pub search: Search,
}

/// A log-likelihood with derivatives by the parameters, and the number of observations in it.
#[derive(Clone, Copy)]
pub struct Likelihood<'a> {
    pub at: &'a (dyn Fn(&[f64]) -> Derivatives + Sync),
    pub n: f64,
}

/// Maximises over positive parameters. `starts` are tried on `thin`, which is `None` if `full` is small. Logarithms
/// of parameters stay within ± `bound`.
pub fn maximise(
    full: Likelihood<'_>,
    thin: Option<Likelihood<'_>>,
    starts: &[Vec<f64>],
    bound: f64,
) -> Option<Maximum> {
    let search_from = |Likelihood { at, n }: Likelihood<'_>, start: &[f64]| {
        let objective = |theta: &[f64]| {
            let params: Vec<f64> = theta.iter().map(|t| t.exp()).collect();
            let mut derivatives = at(&params);
            derivatives.by_logarithms(&params);
            derivatives.scale(-1.0 / n);
            derivatives
        };
        let limits = Limits {
            max_steps: MAX_STEPS,
            gain_tolerance: GAIN_TOLERANCE / n,
            bound,
        };
        optimise::minimise(objective, start, limits)
    };
    let mut evaluations = 0;
    let mut non_finite = 0;
    let mut found: Vec<Search> = starts
        .iter()
        .map(|start| {
            let theta: Vec<f64> = start.iter().map(|p| p.ln()).collect();
            search_from(thin.unwrap_or(full), &theta)
        })
        .inspect(|search| {
            evaluations += search.evaluations;
            non_finite += search.non_finite;
        })
        .collect();
    // Stable, so that of equal searches the first start's stands.
    found.sort_by(|a, b| a.derivatives.value.total_cmp(&b.derivatives.value));
    if thin.is_some() {
        // Starts that met in one maximum need not be followed twice.
        found.dedup_by(|b, a| (a.derivatives.value - b.derivatives.value).abs() < 1e-9);
        found.truncate(2);
        for search in &mut found {
            *search = search_from(full, &search.at);
            evaluations += search.evaluations;
            non_finite += search.non_finite;
        }
        found.sort_by(|a, b| a.derivatives.value.total_cmp(&b.derivatives.value));
    }
    let mut search = found.into_iter().next()?;
    search.evaluations = evaluations;
    search.non_finite = non_finite;
    Some(Maximum {
        params: search.at.iter().map(|t| t.exp()).collect(),
        log_likelihood: -search.derivatives.value * full.n,
        search,
    })
}

/// Standard errors of the parameters (not of their logarithms) from the observed information.
pub fn standard_errors(maximum: &Maximum, n: f64) -> Option<Vec<f64>> {
    let k = maximum.params.len();
    let variances = optimise::inverse_diagonal(&maximum.search.derivatives.hessian, k)?;
    let error = |(variance, p): (&f64, &f64)| p * (variance / n).sqrt();
    Some(variances.iter().zip(&maximum.params).map(error).collect())
}

/// −2 ln L + k ln n: smaller is better.
pub fn bic(log_likelihood: f64, n_params: usize, n_customers: f64) -> f64 {
    -2.0 * log_likelihood + n_params as f64 * n_customers.ln()
}

/// A fitted model: parameters in days, and the report.
#[derive(Clone)]
pub struct Fitted {
    pub model: &'static dyn CountModel,
    pub params_days: Vec<f64>,
    pub report: ModelFit,
}

/// The NBD that a model with dropout is compared with.
#[derive(Clone, Copy, Debug)]
pub struct NbdFit {
    /// r and alpha, in units of the longest history.
    pub params: [f64; 2],
    /// Over times in units of the longest history.
    pub log_likelihood: f64,
}

/// An NBD whose rates are this alike has run off to a limit and is no place to start from.
const FARTHEST_START: f64 = 100.0;

/// Gains in log-likelihood over the NBD that are below this are the way to infinity, not a maximum.
const LEAST_GAIN_OVER_NBD: f64 = 1e-5;

/// Fits `model` to `histories`, whose times are in units of `unit_days` (the longest history, so that the search
/// sees the same numbers whatever the unit of the data is). `nbd` is the limit without dropout, once it is known.
pub fn fit(
    model: &'static dyn CountModel,
    histories: &Histories,
    unit_days: f64,
    nbd: Option<NbdFit>,
) -> (Fitted, Option<NbdFit>) {
    let n = histories.n_customers();
    let total_x = histories.total_x();
    let rate = total_x / histories.total_age();
    let start = match nbd {
        Some(nbd) if nbd.params[0] < FARTHEST_START => nbd.params,
        _ => [0.5, 0.5 / rate],
    };
    let full = |params: &[f64]| model.log_likelihood(params, histories);
    let thinned = (2 * THIN_ROWS < histories.rows.len()).then(|| histories.thinned(THIN_ROWS));
    let thin_n = thinned.as_ref().map_or(n, Histories::n_customers);
    let thin = |params: &[f64]| model.log_likelihood(params, thinned.as_ref().unwrap_or(histories));
    let maximum = maximise(
        Likelihood { at: &full, n },
        thinned.is_some().then_some(Likelihood { at: &thin, n: thin_n }),
        &model.starts(start),
        BOUND,
    );
    let letters = model.letters();
    let missing = |status| Fitted {
        model,
        params_days: Vec::new(),
        report: ModelFit::missing(model.name(), letters, "days", status),
    };
    let Some(maximum) = maximum else {
        return (missing(FitStatus::NotEnoughHistory), None);
    };

    let converged = maximum.search.termination == Termination::Converged;
    let mut log_likelihood = maximum.log_likelihood;
    let mut status = match model.limit(&maximum.params) {
        Some(limit) => limit,
        None if converged => FitStatus::Ok,
        None => FitStatus::NotConverged,
    };
    let to_days = |(p, power): (&f64, &i32)| p * unit_days.powi(*power);
    let powers = model.time_powers();
    let mut params_days: Vec<f64> = maximum.params.iter().zip(powers).map(to_days).collect();
    let mut errors = if status == FitStatus::Ok {
        standard_errors(&maximum, n)
    } else {
        None
    };

    if let Some(nbd) = nbd
        && log_likelihood < nbd.log_likelihood + LEAST_GAIN_OVER_NBD
    {
        // The richer model contains the NBD, so its supremum is no lower.
        log_likelihood = log_likelihood.max(nbd.log_likelihood);
        status = FitStatus::NoDropoutLimit;
        errors = None;
        params_days = vec![f64::NAN; params_days.len()];
        params_days[0] = nbd.params[0];
        params_days[1] = nbd.params[1] * unit_days;
    }
    if !log_likelihood.is_finite() {
        return (missing(FitStatus::NotConverged), None);
    }

    let own_nbd = (!model.has_dropout()).then(|| NbdFit {
        params: [maximum.params[0], maximum.params[1]],
        log_likelihood,
    });
    // A density of x times changes by unit^-x with the unit.
    let log_likelihood_days = log_likelihood - total_x * unit_days.ln();
    let report = ModelFit {
        name: model.name().to_owned(),
        params: Letters::new(letters, &params_days),
        time_unit: "days".to_owned(),
        log_likelihood: Some(log_likelihood_days),
        bic: Some(bic(log_likelihood_days, letters.len(), n)),
        n_customers: n as u64,
        n_distinct: histories.rows.len() as u64,
        standard_errors: errors.map_or_else(
            || Letters::unknown(letters),
            |errors| {
                let days: Vec<f64> = errors.iter().zip(powers).map(to_days).collect();
                Letters::new(letters, &days)
            },
        ),
        termination: Some(maximum.search.termination),
        gradient_norm: Some(maximum.search.gradient_norm()),
        evaluations: maximum.search.evaluations,
        non_finite: maximum.search.non_finite,
        status,
    };
    (
        Fitted {
            model,
            params_days,
            report,
        },
        own_nbd,
    )
}
