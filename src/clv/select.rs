//! Which model the predictions rest on: fits the candidates, chooses one, and says why in a sentence.
//!
//! In: distinct histories, spenders and the model the config asks for. Out: the chosen [`ClvModel`], a report for
//! every fit, and warnings as data. Cost: the fits.
//!
//! # Ladder
//! Counts: chosen model → NBD, the limit without dropout → one pooled rate → none. Spend: Gamma-Gamma → the mean
//! amount of all purchase days → none. Every step down is named by a status.

use serde::{Deserialize, Serialize};

use super::fit::{self, Data, Fitted, Penalty};
use super::gamma_gamma::{self, GammaGamma, Spenders};
use super::histories::Histories;
use super::model::{CountModel, FitStatus, Letters, MODELS, ModelFit, Setting};

/// Fewer customers than this, or fewer repeaters than [`FEWEST_REPEATERS`], cannot tell dropout from silence.
pub const FEWEST_CUSTOMERS: f64 = 30.0;
pub const FEWEST_REPEATERS: f64 = 10.0;

/// A difference in BIC that is called very strong evidence (Kass and Raftery 1995).
pub const CLEAR_BIC_GAIN: f64 = 10.0;

/// The model without dropout, and the one that `auto` starts from.
const NO_DROPOUT: &str = "nbd";
const PREFERRED: &str = "mbg_nbd";

/// What predicts the number of orders. Parameters by letter, in days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Counts {
    Model {
        name: String,
        params: Letters,
        /// The NBD stands in for a model with dropout.
        stands_in: bool,
        /// As in [`ModelFit`].
        #[serde(default)]
        covariance: Option<Vec<Vec<f64>>>,
    },
    PooledRate {
        orders_per_day: f64,
    },
    Nothing,
}

/// What predicts the amount of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Spend {
    GammaGamma {
        p: f64,
        q: f64,
        gamma: f64,
        /// As in [`ModelFit`]: of ln p, ln q, ln gamma.
        #[serde(default)]
        covariance: Option<Vec<Vec<f64>>>,
    },
    Pooled {
        amount: f64,
    },
    Nothing,
}

/// All that scoring needs; small and readable as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClvModel {
    pub counts: Counts,
    pub spend: Spend,
}

/// What was chosen and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub model: ClvModel,
    /// In the order of the registry, Gamma-Gamma last.
    pub models: Vec<ModelFit>,
    /// `nbd`, `mbg_nbd`, …, `pooled_rate` or `none`.
    pub selected_model: String,
    /// One sentence.
    pub selection_reason: String,
}

/// Fits and chooses. `asked` is a name in the registry or `auto`.
pub fn select(
    asked: &str,
    ridge: f64,
    histories: &Histories,
    spenders: &Spenders,
    pooled_amount: Option<f64>,
) -> Selection {
    let (spend_report, gamma_gamma) = gamma_gamma::fit(spenders);
    let spend = match (gamma_gamma, pooled_amount) {
        (Some(GammaGamma { p, q, gamma }), _) => Spend::GammaGamma {
            p,
            q,
            gamma,
            covariance: spend_report.covariance.clone(),
        },
        (None, Some(amount)) => Spend::Pooled { amount },
        (None, None) => Spend::Nothing,
    };
    let mut choice = select_counts(asked, ridge, histories);
    choice.models.push(spend_report);
    Selection {
        model: ClvModel {
            counts: choice.counts,
            spend,
        },
        models: choice.models,
        selected_model: choice.name,
        selection_reason: choice.reason,
    }
}

struct Choice {
    counts: Counts,
    models: Vec<ModelFit>,
    name: String,
    reason: String,
}

fn select_counts(asked: &str, ridge: f64, histories: &Histories) -> Choice {
    let wanted = |model: &dyn CountModel| asked == "auto" || asked == model.name() || !model.has_dropout();
    let candidates: Vec<&'static dyn CountModel> = MODELS
        .into_iter()
        .filter(|model| model.setting() == Setting::Noncontractual && wanted(*model))
        .collect();
    let n = histories.n_customers();
    let total_x = histories.total_x();
    let unit_days = histories.longest_age();

    if total_x < 1.0 || unit_days <= 0.0 {
        let missing = |m: &&'static dyn CountModel| Fitted::missing(*m, FitStatus::NotEnoughHistory).report;
        return Choice {
            counts: Counts::Nothing,
            models: candidates.iter().map(missing).collect(),
            name: "none".to_owned(),
            reason: if n < 1.0 {
                "there is no customer with a valid history".to_owned()
            } else {
                "no customer has bought on a second day, so nothing is known about repeat orders".to_owned()
            },
        };
    }

    let data = Data::new(histories, Setting::Noncontractual);
    let enough_for_dropout = FEWEST_CUSTOMERS <= n && FEWEST_REPEATERS <= histories.n_repeaters();
    let mut fits: Vec<Fitted> = Vec::new();
    for model in candidates {
        if model.has_dropout() && !enough_for_dropout {
            fits.push(Fitted::missing(model, FitStatus::NotEnoughHistory));
            continue;
        }
        let limit = model.without_dropout();
        let limit = fits.iter().find(|f| Some(f.model.name()) == limit);
        let penalty = Penalty::ridge(model, &data, ridge);
        let fitted = fit::fit(model, &data, limit, penalty.as_ref());
        fits.push(fitted);
    }
    let models = fits.iter().map(|f| f.report.clone()).collect();
    let (chosen, reason) = choose(asked, &fits, enough_for_dropout);
    match chosen {
        Some(fitted) => Choice {
            counts: Counts::Model {
                name: fitted.report.name.clone(),
                params: fitted.report.params.clone(),
                stands_in: asked != NO_DROPOUT && !fitted.model.has_dropout(),
                covariance: fitted.report.covariance.clone(),
            },
            models,
            name: fitted.report.name.clone(),
            reason,
        },
        None => Choice {
            counts: Counts::PooledRate {
                orders_per_day: total_x / histories.total_age(),
            },
            models,
            name: "pooled_rate".to_owned(),
            reason,
        },
    }
}

/// The fit to use and the reason; no fit means the pooled rate.
fn choose<'a>(asked: &str, fits: &'a [Fitted], enough: bool) -> (Option<&'a Fitted>, String) {
    let usable = |name: &str| {
        fits.iter()
            .find(|f| f.report.name == name && f.report.status.is_usable())
    };
    let nbd = usable(NO_DROPOUT).filter(|f| f.report.status == FitStatus::Ok);
    let with_dropout = if asked == "auto" {
        better_dropout_model(fits)
    } else {
        usable(asked).map(|f| (f, String::new()))
    };

    if asked == NO_DROPOUT {
        return match nbd {
            Some(nbd) => (Some(nbd), "nbd was asked for".to_owned()),
            None => (
                None,
                "nbd was asked for, but all customers order at one rate, so the pooled rate says it all".to_owned(),
            ),
        };
    }
    let why_none = if !enough {
        format!(
            "dropout cannot be told from silence with fewer than {FEWEST_CUSTOMERS} customers or {FEWEST_REPEATERS} repeaters"
        )
    } else if fits.iter().any(|f| f.report.status == FitStatus::NoDropoutLimit) {
        "the likelihood is highest when nobody drops out".to_owned()
    } else {
        "no model with dropout reached a maximum".to_owned()
    };
    let Some((best, preference)) = with_dropout else {
        return match nbd {
            Some(nbd) => (Some(nbd), format!("nbd, the limit without dropout: {why_none}")),
            None => (
                None,
                format!("the pooled rate of all customers: {why_none}, and their rates do not differ"),
            ),
        };
    };
    let name = &best.report.name;
    if asked != "auto" {
        return (Some(best), format!("{name} was asked for"));
    }
    let (best_bic, nbd_bic) = (best.report.bic, nbd.and_then(|f| f.report.bic));
    match (nbd, best_bic, nbd_bic) {
        (Some(nbd), Some(best_bic), Some(nbd_bic)) if nbd_bic <= best_bic => (
            Some(nbd),
            format!(
                "nbd, the limit without dropout: dropout does not earn its two parameters (BIC {nbd_bic:.1} against {best_bic:.1} for {name})"
            ),
        ),
        (_, Some(best_bic), Some(nbd_bic)) => (
            Some(best),
            format!("{name} (BIC {best_bic:.1}, and {nbd_bic:.1} without dropout): {preference}"),
        ),
        _ => (Some(best), format!("{name}: {preference}")),
    }
}

/// MBG/NBD unless another model with dropout is clearly better.
fn better_dropout_model(fits: &[Fitted]) -> Option<(&Fitted, String)> {
    let mut candidates: Vec<(&Fitted, f64)> = fits
        .iter()
        .filter(|f| f.model.has_dropout() && f.report.status.is_usable())
        .filter_map(|f| f.report.bic.map(|bic| (f, bic)))
        .collect();
    candidates.sort_by(|a, b| a.1.total_cmp(&b.1));
    let &(best, best_bic) = candidates.first()?;
    let Some(&(preferred, preferred_bic)) = candidates.iter().find(|(f, _)| f.report.name == PREFERRED) else {
        return Some((best, format!("{PREFERRED} has no usable fit")));
    };
    if best_bic + CLEAR_BIC_GAIN < preferred_bic {
        return Some((
            best,
            format!("its BIC of {best_bic:.1} is clearly better than {preferred_bic:.1} for {PREFERRED}"),
        ));
    }
    let rivals: Vec<String> = candidates
        .iter()
        .filter(|(f, _)| f.report.name != PREFERRED)
        .map(|(f, bic)| format!("{} (BIC {bic:.1})", f.report.name))
        .collect();
    let reason = if rivals.is_empty() {
        "no other model with dropout has a usable fit".to_owned()
    } else {
        format!(
            "it is preferred to {} unless that is better by more than {CLEAR_BIC_GAIN}, because bg_nbd gives every one-time buyer a P(alive) of 1",
            rivals.join(" and ")
        )
    };
    Some((preferred, reason))
}
