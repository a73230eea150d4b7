//! The fit with covariates: from the fit without them and γ = 0, by Newton with the exact Hessian.

use super::blocks::{Block, blocks};
use super::chi_square::{chi_square_tail, two_sided_normal};
use super::coding::{Coded, Coding, Column, Dropped};
use super::design::{Design, MOST_PARAMS};
use super::{CovariateFit, CovariateModel, Effect, LikelihoodRatio, SavedEffects};
use crate::clv::fit::{self, BOUND, Data, Fitted, THIN_ROWS};
use crate::clv::histories::History;
use crate::clv::model::{CountModel, FitStatus, Letters, Setting, find};
use crate::clv::optimise::{self, Limits, Search, Termination};

/// Total log-likelihood that is not worth another step.
const GAIN_TOLERANCE: f64 = 1e-10;

const MAX_STEPS: u32 = 200;

/// What one search works on.
struct Problem<'a> {
    model: &'static dyn CountModel,
    blocks: &'static [Block],
    design: &'a Design,
}

impl Problem<'_> {
    /// Maximises over θ and the γ of the kept columns `active`.
    fn search(&self, active: &[usize], start: &[f64]) -> Search<MOST_PARAMS> {
        let n = self.design.n_customers();
        let objective = |theta: &[f64]| {
            let mut at = self.design.log_likelihood(self.model, self.blocks, active, theta);
            at.scale(-1.0 / n);
            at
        };
        let limits = Limits {
            max_steps: MAX_STEPS,
            gain_tolerance: GAIN_TOLERANCE / n,
            bound: BOUND,
            polishing_steps: optimise::POLISHING_STEPS,
        };
        optimise::minimise(objective, start, limits)
    }

    fn log_likelihood(&self, search: &Search<MOST_PARAMS>) -> f64 {
        -search.derivatives.value * self.design.n_customers()
    }

    /// Coefficients of `from` columns as a point of a search over `to` columns: 0 where they are new.
    fn carry(&self, at: &[f64], from: &[usize], to: &[usize]) -> Vec<f64> {
        let n_params = self.model.letters().len();
        let mut out = at[..n_params].to_vec();
        for b in 0..self.blocks.len() {
            let gamma = &at[n_params + b * from.len()..n_params + (b + 1) * from.len()];
            let of = |c: &usize| from.iter().position(|f| f == c).map_or(0.0, |i| gamma[i]);
            out.extend(to.iter().map(of));
        }
        out
    }
}

/// Fits `model` with the attributes that were coded by `coding`. The model is `None` where it must not be used; the
/// report says why. After [`FitStatus::NoDropoutLimit`] the NBD is the model to fit with covariates.
pub fn fit(
    model: &'static dyn CountModel,
    histories: &[History],
    coding: &Coding,
    coded: &Coded,
) -> (CovariateFit, Option<CovariateModel>) {
    let design = Design::new(histories, coded);
    let mut report = missing(model, coding, &coded.columns, &design);
    let Some(blocks) = blocks(model.name()) else {
        return (report, None);
    };
    if design.n_customers() < 1.0 || design.total_x() < 1.0 || design.unit_days <= 0.0 {
        return (report, None);
    }
    let unit_days = design.unit_days;
    let whole = design.whole();
    let ln_unit = unit_days.ln();
    let n = design.n_customers();
    // A density of x times changes by unit^-x with the unit.
    let to_days = |ll: f64| ll - design.total_x() * ln_unit;
    // The longest history is one unit already.
    let data = Data::new(&whole, Setting::Noncontractual);
    let limit = model.without_dropout().and_then(find);
    let limit: Vec<Fitted> = limit
        .map(|limit| fit::fit(limit, &data, &[], None))
        .into_iter()
        .collect();
    let without = fit::fit(model, &data, &limit, None);
    report.status = without.report.status;
    report.log_likelihood_without = without.report.log_likelihood.map(to_days);
    report.bic_without = report
        .log_likelihood_without
        .map(|ll| fit::bic(ll, model.letters().len(), n));
    if !without.report.status.is_usable() {
        return (report, None);
    }
    let base: Vec<f64> = without.params_days.iter().map(|p| p.ln()).collect();

    let problem = Problem {
        model,
        blocks,
        design: &design,
    };
    let all: Vec<usize> = (0..design.kept.len()).collect();
    let null = problem.carry(&base, &[], &all);
    let mut evaluations = 0;
    let mut non_finite = 0;
    let mut count = |search: &Search<MOST_PARAMS>| {
        evaluations += search.evaluations;
        non_finite += search.non_finite;
    };
    let mut full = {
        let mut start = null.clone();
        if 2 * THIN_ROWS < design.n_distinct() {
            let thinned = design.thinned(THIN_ROWS);
            let thin = Problem {
                design: &thinned,
                ..problem
            };
            let search = thin.search(&all, &null);
            count(&search);
            start = search.at;
        }
        let search = problem.search(&all, &start);
        count(&search);
        search
    };
    // The fit without covariates is a point of the search; a part of the rows may have led away from it.
    let at_null = problem.search(&[], &base);
    count(&at_null);
    if at_null.derivatives.value < full.derivatives.value {
        full = problem.search(&all, &null);
        count(&full);
    }

    let names = covariates(&design, &coded.columns);
    let others = |name: &str| -> Vec<usize> {
        let is_other = |c: &usize| coded.columns[design.kept[*c].column].covariate != name;
        all.iter().copied().filter(is_other).collect()
    };
    let mut reduced: Vec<(Option<String>, Vec<usize>, Search<MOST_PARAMS>)> = Vec::new();
    for name in &names {
        let active = others(name);
        let search = problem.search(&active, &problem.carry(&full.at, &all, &active));
        count(&search);
        reduced.push((Some(name.clone()), active, search));
    }
    reduced.push((None, Vec::new(), at_null));
    let best = reduced
        .iter()
        .min_by(|a, b| a.2.derivatives.value.total_cmp(&b.2.derivatives.value));
    if let Some((_, active, search)) = best
        && search.derivatives.value < full.derivatives.value
    {
        // A model never has a lower maximum than one it contains.
        full = problem.search(&all, &problem.carry(&search.at, active, &all));
        count(&full);
    }

    let log_likelihood = to_days(problem.log_likelihood(&full));
    if !log_likelihood.is_finite() {
        report.status = FitStatus::NotConverged;
        return (report, None);
    }
    let at_centre: Vec<f64> = full.at[..base.len()].iter().map(|t| t.exp()).collect();
    report.status = match model.limit(&at_centre) {
        Some(limit) => limit,
        None if full.termination == Termination::Converged => FitStatus::Ok,
        None => FitStatus::NotConverged,
    };
    report.log_likelihood = Some(log_likelihood);
    report.bic = Some(fit::bic(log_likelihood, full.at.len(), n));
    report.termination = Some(full.termination);
    report.gradient_norm = Some(full.gradient_norm());
    report.tests = reduced
        .iter()
        .filter(|(_, active, _)| active.len() < all.len())
        .map(|(name, active, search)| {
            let chi_square = (2.0 * n * (search.derivatives.value - full.derivatives.value)).max(0.0);
            let degrees = blocks.len() * (all.len() - active.len());
            LikelihoodRatio {
                covariate: name.clone(),
                chi_square,
                degrees_of_freedom: degrees as u32,
                p_value: chi_square_tail(chi_square, degrees),
            }
        })
        .collect();
    describe(&mut report, &problem, &full, &coded.columns);
    report.evaluations = evaluations;
    report.non_finite = non_finite;
    let usable = report.status.is_usable();
    (
        report,
        usable.then(|| saved(&problem, &full, coding, coded.columns.len())),
    )
}

/// The covariates with a kept column, in the order of the columns.
fn covariates(design: &Design, columns: &[Column]) -> Vec<String> {
    let mut names: Vec<String> = design
        .kept
        .iter()
        .map(|k| columns[k.column].covariate.clone())
        .collect();
    names.dedup();
    names
}

/// The report before anything was fitted.
fn missing(model: &dyn CountModel, coding: &Coding, columns: &[Column], design: &Design) -> CovariateFit {
    let dropped = design.dropped.iter().map(|(column, reason)| Dropped {
        covariate: columns[*column].covariate.clone(),
        level: columns[*column].level.clone(),
        reason: *reason,
    });
    CovariateFit {
        name: model.name().to_owned(),
        status: FitStatus::NotEnoughHistory,
        params: Letters::unknown(model.letters()),
        standard_errors: Letters::unknown(model.letters()),
        effects: Vec::new(),
        tests: Vec::new(),
        dropped: coding.dropped.iter().cloned().chain(dropped).collect(),
        log_likelihood: None,
        log_likelihood_without: None,
        bic: None,
        bic_without: None,
        n_customers: design.n_customers() as u64,
        n_distinct: design.n_distinct() as u64,
        termination: None,
        gradient_norm: None,
        evaluations: 0,
        non_finite: 0,
    }
}

/// Parameters, effects and their errors on the scale of the attributes.
fn describe(report: &mut CovariateFit, problem: &Problem<'_>, full: &Search<MOST_PARAMS>, columns: &[Column]) {
    let Problem { model, blocks, design } = *problem;
    let n = design.n_customers();
    let n_params = model.letters().len();
    let width = design.kept.len();
    let covariance =
        optimise::inverse(&full.derivatives.hessian, full.at.len()).filter(|_| report.status == FitStatus::Ok);
    // Each parameter of the report is a sum of parameters of the search.
    let error_of = |sum: &[f64]| {
        let covariance = covariance.as_ref()?;
        let rows = sum.iter().zip(covariance);
        let variance: f64 = rows
            .map(|(a, row)| a * sum.iter().zip(row).map(|(b, v)| b * v).sum::<f64>())
            .sum();
        let error = (variance / n).sqrt();
        (error.is_finite() && 0.0 < error).then_some(error)
    };
    let mut params = Vec::with_capacity(n_params);
    let mut errors = Vec::with_capacity(n_params);
    for (k, power) in model.time_powers().iter().enumerate() {
        let mut sum = vec![0.0; full.at.len()];
        sum[k] = 1.0;
        for (b, block) in blocks.iter().enumerate().filter(|(_, block)| block.param == k) {
            for (c, kept) in design.kept.iter().enumerate() {
                sum[n_params + b * width + c] = -block.sign * kept.centre / kept.spread;
            }
        }
        let ln: f64 = sum.iter().zip(&full.at).map(|(a, t)| a * t).sum();
        let p = (ln + f64::from(*power) * design.unit_days.ln()).exp();
        params.push(if 0.0 < p { p } else { f64::NAN });
        errors.push(error_of(&sum).map_or(f64::NAN, |error| p * error));
    }
    report.params = Letters::new(model.letters(), &params);
    report.standard_errors = Letters::new(model.letters(), &errors);
    for (b, block) in blocks.iter().enumerate() {
        for (c, kept) in design.kept.iter().enumerate() {
            let place = n_params + b * width + c;
            let mut sum = vec![0.0; full.at.len()];
            sum[place] = 1.0 / kept.spread;
            let coefficient = full.at[place] / kept.spread;
            let standard_error = error_of(&sum);
            let z_value = standard_error.map(|error| coefficient / error);
            let Column { covariate, level } = columns[kept.column].clone();
            report.effects.push(Effect {
                covariate,
                level,
                moves: block.moves,
                coefficient,
                standard_error,
                z_value,
                p_value: z_value.map(two_sided_normal),
            });
        }
    }
}

fn saved(problem: &Problem<'_>, full: &Search<MOST_PARAMS>, coding: &Coding, n_columns: usize) -> CovariateModel {
    let Problem { model, blocks, design } = *problem;
    let n_params = model.letters().len();
    let width = design.kept.len();
    let to_days = |(t, power): (&f64, &i32)| (t + f64::from(*power) * design.unit_days.ln()).exp();
    let mut centre = vec![0.0; n_columns];
    for kept in &design.kept {
        centre[kept.column] = kept.centre;
    }
    let effects = blocks.iter().enumerate().map(|(b, block)| {
        let gamma = &full.at[n_params + b * width..n_params + (b + 1) * width];
        let mut coefficients = vec![0.0; n_columns];
        for (kept, gamma) in design.kept.iter().zip(gamma) {
            coefficients[kept.column] = gamma / kept.spread;
        }
        SavedEffects {
            moves: block.moves,
            coefficients,
            range: design.range_of(gamma),
        }
    });
    CovariateModel {
        name: model.name().to_owned(),
        coding: coding.clone(),
        params: full.at[..n_params]
            .iter()
            .zip(model.time_powers())
            .map(to_days)
            .collect(),
        centre,
        effects: effects.collect(),
    }
}
