//! Which contender the predictions rest on, and why, in a sentence with figures.
//!
//! In: the fits to all data, and a holdout if there is one. Out: a [`Selection`] with the table of the competition.
//! Cost: the fits to all data and those to the calibration part ([`Trial`]), both to a sample of the customers if there is
//! one, and then one fit to all of them that begins where that to the sample ended.
//!
//! # Sample
//! What decides between models is their difference in log score and in BIC, and some ten thousand customers tell them
//! apart. So with very many customers (`clv.max_holdout_customers`) every n-th competes: the histories, the days before
//! the cut and the holdout of these customers say which model is used. The parameters of that one, and of the limit
//! without dropout, are then those of all customers; the fits of the others stay those of the sample, and their reports
//! say so by their number of customers. Should the fit to all not be usable, that to the sample is.
//!
//! # Rule
//! Without a holdout, or for a model that was asked for by name, `ladder` chooses. With one:
//!
//! 1. A model stays if its holdout log score per customer is within one paired standard error of the best. Its fit to
//!    all data must be usable.
//! 2. Of those, the lowest BIC on all data, or the one preferred for its meaning if it is worse by no more than 10
//!    (see `ladder`). The limit without dropout is taken if its BIC is the lowest of those that stay.
//! 3. A baseline replaces that model if it is no worse in all of squared error, bias of the total of orders and share
//!    of revenue captured by the predicted top fifth, and better by more than two paired standard errors in one. Two, not
//!    one, because several baselines try three times each. Of several, the one with the lowest RMSE.
//!
//! # Check
//! `holdout::the_truth_wins_or_ties`, `holdout::a_baseline_that_wins_is_used_and_named`.

use serde::Serialize;

use super::baseline::Baseline;
use super::config::AUTO;
use super::evaluation::{Evaluation, Kind};
use super::fit::Fitted;
use super::gamma_gamma::Spenders;
use super::histories::Histories;
use super::holdout::{Holdout, NoHoldout};
use super::ladder::{self, Choice};
use super::model::{ModelFit, Setting};
use super::select::{self, ClvModel, Counts, Fits};
use super::trial::{Contender, Paired, Trial};

/// Paired standard errors by which a baseline must be better in something.
const CLEARLY: f64 = 2.0;

/// What differs by less (a log score per customer, a share of an error) differs by rounding: the same under two names.
const ROUNDING: f64 = 1e-9;

/// What was chosen and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub model: ClvModel,
    /// Fits in the order of the registry, Gamma-Gamma last: to all data, or to the sample.
    pub models: Vec<ModelFit>,
    /// `nbd`, `mbg_nbd`, …, `last_period`, …, `pooled_rate` or `none`.
    pub selected_model: String,
    /// One sentence.
    pub selection_reason: String,
    /// How the contenders stood; empty unless they competed on a holdout.
    pub competition: Vec<Standing>,
    /// The holdout they competed on, in full.
    pub evaluation: Option<Evaluation>,
}

/// How one contender stood.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    pub name: String,
    pub kind: Kind,
    /// Of the fit to all days, of all customers or of the sample.
    pub bic: Option<f64>,
    /// Mean of ln P(N = actual orders) in the holdout.
    pub log_score_per_customer: Option<f64>,
    /// How far that is below the best, and the standard error of the difference.
    pub log_score_gap: Option<f64>,
    pub log_score_gap_error: Option<f64>,
    /// Orders per customer in the holdout.
    pub mae: Option<f64>,
    pub rmse: Option<f64>,
    /// Predicted / actual − 1, of all orders.
    pub bias: Option<f64>,
    pub top_fifth_share: Option<f64>,
    pub verdict: Verdict,
}

/// Why a contender was or was not taken. The first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Chosen,
    /// No usable fit to all data, or nothing to predict the holdout with.
    NotUsable,
    /// Its log score is more than a standard error below the best.
    WorseHoldout,
    /// A BIC that is clearly higher.
    HigherBic,
    /// About as good, and less meaningful or no simpler.
    NotPreferred,
    /// The model that a baseline beat.
    BeatenByBaseline,
    /// A baseline that is worse than the model in something, or clearly better in nothing.
    NotBetter,
}

impl Verdict {
    /// For people who do not read the rule.
    pub fn words(self) -> &'static str {
        match self {
            Self::Chosen => "used",
            Self::NotUsable => "no fit of its own to this history",
            Self::WorseHoldout => "foresaw the days held back clearly worse",
            Self::HigherBic => "describes the whole history less well for its parameters",
            Self::NotPreferred => "about as good, and no reason to prefer it",
            Self::BeatenByBaseline => "the best model, but a simple rule was better",
            Self::NotBetter => "not clearly better in everything",
        }
    }
}

/// What is known beside the histories.
#[derive(Clone, Copy)]
pub struct Outlook<'a> {
    /// Mean amount of all purchase days; `None` unless positive.
    pub pooled_amount: &'a (dyn Fn() -> Option<f64> + Sync),
    /// Window of the recent purchases that predictions can use; `None` if they are not known, and then `last_period`
    /// does not compete.
    pub recent_days: Option<u32>,
    /// As in the config.
    pub ridge: f64,
    pub holdout: Result<&'a Holdout, NoHoldout>,
    /// Where there are very many customers: some of them, whom the models that compete are fitted to.
    pub sample: Option<&'a Histories>,
    /// Whether the tables of the evaluation are wanted.
    pub evaluates: bool,
}

/// Fits and chooses. `asked` is a name in the registry or `auto`; what is asked for by name does not compete.
pub fn select(
    asked: &str,
    setting: Setting,
    histories: &Histories,
    spenders: &Spenders,
    outlook: Outlook<'_>,
) -> Selection {
    let (spend_report, spend) = select::fit_spend(spenders, outlook.pooled_amount);
    let sample = outlook.sample.filter(|_| asked == AUTO);
    let mut fits = match sample {
        None => select::fit_counts(asked, setting, outlook.ridge, histories),
        Some(sample) => select::fit_sample(asked, setting, outlook.ridge, sample, None).describing(histories),
    };
    let mut competition = Vec::new();
    let mut evaluation = None;
    let mut choice = match outlook.holdout {
        Ok(holdout) if asked == AUTO && fits.pooled != Counts::Nothing => {
            let trial = Trial::near(asked, outlook.ridge, holdout, sample.map(|_| &fits));
            let (choice, standings) = compete(&fits, &trial, outlook.recent_days);
            competition = standings;
            evaluation = outlook.evaluates.then(|| trial.evaluation());
            choice
        }
        Err(why) if asked == AUTO && fits.fits.iter().any(|f| f.report.bic.is_some()) => {
            let mut choice = ladder::choose(asked, &fits);
            choice.reason = format!("{}; chosen by likelihood alone, because {why}", choice.reason);
            choice
        }
        _ => ladder::choose(asked, &fits),
    };
    if let (Some(sample), Counts::Model { name, .. }) = (sample, &choice.counts) {
        let name = name.clone();
        if let Some(fitted) = fits.refit(&name, outlook.ridge, histories) {
            choice.counts = select::counts_of(asked, fitted);
        }
        choice.reason = format!(
            "{}; fitted to all {} customers, chosen by the fits to {}",
            choice.reason,
            whole(histories.n_customers()),
            whole(sample.n_customers())
        );
    }
    let mut models = fits.reports();
    models.push(spend_report);
    Selection {
        model: ClvModel {
            counts: choice.counts,
            spend,
        },
        models,
        selected_model: choice.name,
        selection_reason: choice.reason,
        competition,
        evaluation,
    }
}

/// A model that could be chosen: its fit to all data, and what it said of the holdout.
struct Candidate<'a> {
    fitted: &'a Fitted,
    log_scores: &'a [f64],
}

/// How far `scores` are below `best`, per customer.
fn gap(best: &[f64], scores: &[f64]) -> Paired {
    Paired::new(best.iter().zip(scores).map(|(best, score)| best - score))
}

/// Whether a log score so far below the best stays.
fn is_level(gap: &Paired) -> bool {
    gap.mean <= gap.standard_error.max(ROUNDING)
}

fn compete(fits: &Fits, trial: &Trial<'_>, recent_days: Option<u32>) -> (Choice, Vec<Standing>) {
    let limit_name = fits.limit().map(|limit| limit.report.name.as_str());
    let is_candidate = |f: &&Fitted| {
        f.report.status.is_usable() && (f.model.has_dropout() || Some(f.report.name.as_str()) == limit_name)
    };
    let candidates: Vec<Candidate<'_>> = fits
        .fits
        .iter()
        .filter(is_candidate)
        .filter_map(|fitted| {
            Some(Candidate {
                fitted,
                log_scores: trial.find(&fitted.report.name)?.log_scores.as_deref()?,
            })
        })
        .collect();
    let total = |c: &&Candidate<'_>| c.log_scores.iter().sum::<f64>();
    // The first of equals, which is the simpler one.
    let best = candidates.iter().rev().max_by(|a, b| total(a).total_cmp(&total(b)));
    let stays = |c: &Candidate<'_>| best.is_some_and(|best| is_level(&gap(best.log_scores, c.log_scores)));
    let staying: Vec<&Candidate<'_>> = candidates.iter().filter(|c| stays(c)).collect();
    let model = choose_model(fits, &candidates, &staying);
    let model_contender = trial.find(&model.name);
    let baseline = model_contender.and_then(|model| better_baseline(trial, model, recent_days));

    let mut standings: Vec<Standing> = trial
        .contenders
        .iter()
        .map(|c| {
            let of_all = fits.fits.iter().find(|f| f.report.name == c.name);
            let log_scores = c.log_scores.as_deref();
            let n = trial.split.n_customers() as f64;
            let gap = best.zip(log_scores).map(|(best, scores)| gap(best.log_scores, scores));
            let errors = trial.order_errors(c);
            let finite = |value: f64| value.is_finite().then_some(value);
            Standing {
                name: c.name.clone(),
                kind: c.kind,
                bic: of_all.and_then(|f| f.report.bic),
                log_score_per_customer: log_scores.map(|scores| scores.iter().sum::<f64>() / n),
                log_score_gap: gap.and_then(|gap| finite(gap.mean)),
                log_score_gap_error: gap.and_then(|gap| finite(gap.standard_error)),
                mae: errors.mae,
                rmse: errors.rmse,
                bias: errors.bias,
                top_fifth_share: trial.top_fifth_share(c),
                verdict: Verdict::NotUsable,
            }
        })
        .collect();
    let model_bic = fits.usable(&model.name).and_then(|f| f.report.bic);
    for standing in &mut standings {
        let is = |c: &&Candidate<'_>| c.fitted.report.name == standing.name;
        let is_higher = |bic: Option<f64>| matches!((bic, model_bic), (Some(bic), Some(least)) if least + ladder::CLEAR_BIC_GAIN < bic);
        standing.verdict = match standing.kind {
            _ if standing.name == model.name && baseline.is_none() => Verdict::Chosen,
            _ if standing.name == model.name => Verdict::BeatenByBaseline,
            Kind::Baseline if baseline.as_ref().is_some_and(|b| b.contender.name == standing.name) => Verdict::Chosen,
            Kind::Baseline => Verdict::NotBetter,
            Kind::Model if !candidates.iter().any(|c| is(&c)) => Verdict::NotUsable,
            Kind::Model if !staying.iter().copied().any(|c| is(&c)) => Verdict::WorseHoldout,
            Kind::Model if is_higher(standing.bic) => Verdict::HigherBic,
            Kind::Model => Verdict::NotPreferred,
        };
    }
    let place = describe_holdout(trial);
    let choice = match baseline {
        Some(better) => Choice {
            counts: better.counts.clone(),
            name: better.contender.name.clone(),
            reason: format!("{}, {place}", better.reason),
        },
        None => {
            let baselines = describe_baselines(trial, &model);
            Choice {
                reason: format!("{}; {baselines}, {place}", model.reason),
                ..model
            }
        }
    };
    (choice, standings)
}

/// Steps 1 and 2 of the rule; the ladder where they leave nothing.
fn choose_model(fits: &Fits, candidates: &[Candidate<'_>], staying: &[&Candidate<'_>]) -> Choice {
    let with_dropout = || {
        staying
            .iter()
            .filter(|c| c.fitted.model.has_dropout())
            .map(|c| c.fitted)
    };
    let limit = staying.iter().find(|c| !c.fitted.model.has_dropout()).map(|c| c.fitted);
    let n_dropout = candidates.iter().filter(|c| c.fitted.model.has_dropout()).count();
    let preferred = ladder::preferred(with_dropout());
    let bic = |f: &Fitted| f.report.bic.unwrap_or(f64::INFINITY);
    let (chosen, why) = match (preferred, limit) {
        (Some((model, _)), Some(limit)) if bic(limit) <= bic(model) => (
            limit,
            format!(
                "{}, in which customers may leave, describes the history no better (BIC {}; the lower the better)",
                model.report.name,
                ladder::figure(bic(model))
            ),
        ),
        (Some((model, _)), _) if with_dropout().count() == 1 && 1 < n_dropout => (
            model,
            "no other model in which customers leave foresaw the days held back as well".to_owned(),
        ),
        (Some((model, why)), _) => (model, why),
        (None, Some(limit)) if 0 < n_dropout => (
            limit,
            "it foresaw the days held back best, and no model in which customers leave came close".to_owned(),
        ),
        // Nothing to compare: the ladder knows why.
        (None, _) => return ladder::choose(AUTO, fits),
    };
    let score = candidates
        .iter()
        .find(|c| c.fitted.report.name == chosen.report.name)
        .map_or(f64::NAN, |c| {
            c.log_scores.iter().sum::<f64>() / c.log_scores.len() as f64
        });
    let name = &chosen.report.name;
    let as_limit = if chosen.model.has_dropout() {
        ""
    } else {
        ", in which nobody leaves"
    };
    Choice {
        counts: select::counts_of(AUTO, chosen),
        name: name.clone(),
        reason: format!(
            "{name}{as_limit} (BIC {}, holdout log score {score:.4} a customer): {why}{}",
            ladder::figure(bic(chosen)),
            describe_overfitted(candidates, staying, bic(chosen))
        ),
    }
}

/// The model that fits all data clearly better than what is chosen, but did not stay; empty without one.
fn describe_overfitted(candidates: &[Candidate<'_>], staying: &[&Candidate<'_>], bic_of_chosen: f64) -> String {
    let stays = |c: &Candidate<'_>| staying.iter().any(|s| s.fitted.report.name == c.fitted.report.name);
    let fits_better = candidates
        .iter()
        .filter(|c| !stays(c))
        .filter_map(|c| Some((&c.fitted.report.name, c.fitted.report.bic?)))
        .filter(|(_, bic)| bic + ladder::CLEAR_BIC_GAIN < bic_of_chosen)
        .min_by(|a, b| a.1.total_cmp(&b.1));
    fits_better.map_or_else(String::new, |(name, bic)| {
        format!(
            "; {name} describes the history better (BIC {}) but foresaw the days held back worse",
            ladder::figure(bic)
        )
    })
}

struct Better<'a> {
    contender: &'a Contender,
    counts: Counts,
    rmse: f64,
    reason: String,
}

/// Step 3 of the rule.
fn better_baseline<'a>(trial: &'a Trial<'_>, model: &Contender, recent_days: Option<u32>) -> Option<Better<'a>> {
    let rivals = trial
        .contenders
        .iter()
        .filter(|c| c.kind == Kind::Baseline && c.name != model.name);
    let mut better: Vec<Better<'_>> = rivals
        .filter_map(|rival| {
            let counts = in_use(&rival.counts, recent_days)?;
            let (rmse, reason) = beats(trial, rival, model)?;
            Some(Better {
                contender: rival,
                counts,
                rmse,
                reason,
            })
        })
        .collect();
    better.sort_by(|a, b| a.rmse.total_cmp(&b.rmse));
    better.into_iter().next()
}

/// The RMSE of `rival` and the reason, if it beats `model`.
fn beats(trial: &Trial<'_>, rival: &Contender, model: &Contender) -> Option<(f64, String)> {
    let actual = || trial.actual_orders();
    let (ours, theirs) = (trial.order_errors(rival), trial.order_errors(model));
    let pairs = || model.orders.iter().zip(&rival.orders).zip(actual());
    let squares = Paired::new(pairs().map(|((m, r), a)| (m - a) * (m - a) - (r - a) * (r - a)));
    let sign = |errors: f64| if errors < 0.0 { -1.0 } else { 1.0 };
    let actual_total: f64 = actual().sum();
    let n = (trial.split.n_customers() as f64).max(1.0);
    let (sign_m, sign_r) = (
        sign(theirs.predicted? - actual_total),
        sign(ours.predicted? - actual_total),
    );
    let totals = Paired::new(pairs().map(|((m, r), a)| sign_m * (m - a) - sign_r * (r - a)));
    let mut gains = vec![
        (
            squares,
            theirs.rmse? * theirs.rmse?,
            format!("RMSE {:.4} against {:.4}", ours.rmse?, theirs.rmse?),
        ),
        (
            totals,
            actual_total / n,
            format!(
                "total {:+.1} % off against {:+.1} %",
                100.0 * ours.bias?,
                100.0 * theirs.bias?
            ),
        ),
    ];
    if let (Some(m), Some(r)) = (&model.amount, &rival.amount)
        && let (Some(of_model), Some(of_rival)) = (trial.top_fifth_share(model), trial.top_fifth_share(rival))
    {
        let weights: Vec<f64> = trial
            .top_fifth(r)
            .iter()
            .zip(trial.top_fifth(m))
            .map(|(r, m)| r - m)
            .collect();
        let captured = Paired::new(weights.iter().zip(&trial.split.amount).map(|(w, a)| w * a));
        let shares = format!(
            "{:.1} % of revenue in its top fifth against {:.1} %",
            100.0 * of_rival,
            100.0 * of_model
        );
        let mean_amount = trial.split.amount.iter().map(|a| a.abs()).sum::<f64>() / n;
        gains.push((captured, mean_amount, shares));
    }
    // What says the same in other words differs by rounding, and no more clearly than that.
    let no_worse = gains.iter().all(|(gain, scale, _)| -ROUNDING * scale <= gain.mean);
    let clearly = gains.iter().any(|(gain, scale, _)| {
        let least = (CLEARLY * gain.standard_error).max(ROUNDING * scale);
        least < gain.mean
    });
    let gains: Vec<&str> = gains.iter().map(|(_, _, text)| text.as_str()).collect();
    (no_worse && clearly).then(|| {
        let reason = format!(
            "{}, a simple rule without a model: on the days held back no worse than {} in anything and clearly better in something ({})",
            rival.name,
            model.name,
            gains.join(", ")
        );
        (ours.rmse.unwrap_or(f64::INFINITY), reason)
    })
}

/// A baseline that was judged before the cut, as it predicts from the end of the data.
fn in_use(counts: &Counts, recent_days: Option<u32>) -> Option<Counts> {
    match counts {
        Counts::Baseline {
            baseline: Baseline::LastPeriod { .. },
        } => Some(Counts::Baseline {
            baseline: Baseline::LastPeriod {
                window_days: recent_days.filter(|days| 0 < *days)?,
            },
        }),
        counts => Some(counts.clone()),
    }
}

fn describe_holdout(trial: &Trial<'_>) -> String {
    format!(
        "judged on {} days held back and {}{} customers",
        trial.split.holdout_days(),
        whole(trial.split.n_customers() as f64),
        if trial.split.n_customers() < trial.split.of_customers {
            format!(" of {}", whole(trial.split.of_customers as f64))
        } else {
            String::new()
        }
    )
}

/// With separators: 122,905.
fn whole(value: f64) -> String {
    ladder::figure(value).trim_end_matches(".0").to_owned()
}

/// The closest baseline beside the model.
fn describe_baselines(trial: &Trial<'_>, model: &Choice) -> String {
    let rmse = |c: &Contender| trial.order_errors(c).rmse;
    let baselines = trial
        .contenders
        .iter()
        .filter(|c| c.kind == Kind::Baseline && c.name != model.name);
    let closest = baselines
        .filter_map(|c| Some((c, rmse(c)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    match (closest, trial.find(&model.name).and_then(rmse)) {
        (Some((closest, theirs)), Some(ours)) => {
            format!(
                "no simple rule beats it in everything (RMSE {ours:.4}, and {theirs:.4} for {})",
                closest.name
            )
        }
        _ => "no simple rule could compete".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_sends_nobody_home() {
        let best = [-0.5, -1.25, -2.0, -0.125];
        let with = |less: &dyn Fn(usize) -> f64| -> Vec<f64> {
            best.iter().enumerate().map(|(i, score)| score - less(i)).collect()
        };
        assert!(is_level(&gap(&best, &best)));
        // All errors of one sign and one size have no standard error.
        assert!(is_level(&gap(&best, &with(&|_| 1e-13))));
        assert!(!is_level(&gap(&best, &with(&|_| 1e-3))));
        assert!(is_level(&gap(&best, &with(&|i| if i == 0 { 1.0 } else { -0.1 }))));
        assert!(!is_level(&gap(&best, &with(&|_| f64::NAN))));
    }
}
