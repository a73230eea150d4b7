//! What predictions can rest on, and the fits that compete for it.
//!
//! In: distinct histories, spenders and the model the config asks for. Out: a report for every fit ([`Fits`]), and the
//! types of what predicts: [`ClvModel`]. Cost: the fits.
//!
//! # Ladder
//! Counts: chosen model → the limit without dropout (NBD, in a discrete setting BB) → one pooled rate (in a contractual
//! setting one renewal rate) → none. Spend: Gamma-Gamma → the mean amount of all purchase days → none. Every step down
//! is named by a status. `ladder` steps down by likelihood, `competition` also asks a holdout.

use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::fit::{self, Data, Fitted, Penalty};
use super::gamma_gamma::{self, GammaGamma, Spenders};
use super::histories::Histories;
pub use super::holdout::{FEWEST_CUSTOMERS, FEWEST_REPEATERS};
use super::model::{self, CountModel, FitStatus, Letters, MODELS, ModelFit, Setting};

/// What predicts the number of orders. Parameters by letter, in days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Counts {
    Model {
        name: String,
        params: Letters,
        /// The limit without dropout stands in for a model with it.
        stands_in: bool,
        /// As in [`ModelFit`].
        #[serde(default)]
        covariance: Option<Vec<Vec<f64>>>,
    },
    /// It beat the models on the holdout.
    Baseline {
        baseline: Baseline,
    },
    PooledRate {
        orders_per_day: f64,
    },
    /// Contractual: everybody who is still there renews with this probability.
    PooledRenewal {
        renewal_prob: f64,
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

/// Expected amounts: Gamma-Gamma if it can be used, else the mean of all purchase days.
pub fn fit_spend(spenders: &Spenders, pooled_amount: impl FnOnce() -> Option<f64>) -> (ModelFit, Spend) {
    let (report, gamma_gamma) = gamma_gamma::fit(spenders);
    let spend = match gamma_gamma {
        Some(GammaGamma { p, q, gamma }) => Spend::GammaGamma {
            p,
            q,
            gamma,
            covariance: report.covariance.clone(),
        },
        None => pooled_amount().map_or(Spend::Nothing, |amount| Spend::Pooled { amount }),
    };
    (report, spend)
}

/// Fits of the count models of one setting to one set of histories.
pub struct Fits {
    pub setting: Setting,
    /// In the order of the registry.
    pub fits: Vec<Fitted>,
    /// Whether models with dropout were fitted at all.
    pub enough_for_dropout: bool,
    /// What all customers together did, should nothing better be known.
    pub pooled: Counts,
    pub n_customers: f64,
}

/// Fits `asked` (a name in the registry, or `auto` for all of `setting`) and the limit without dropout. `ridge` is
/// that of the config.
pub fn fit_counts(asked: &str, setting: Setting, ridge: f64, histories: &Histories) -> Fits {
    fit_data(asked, ridge, histories, &Data::new(histories, setting), None)
}

/// The same for a sample of very many customers, on which models are compared. Those that `near` has are fitted from
/// where they stand there.
pub fn fit_sample(asked: &str, setting: Setting, ridge: f64, histories: &Histories, near: Option<&Fits>) -> Fits {
    fit_data(asked, ridge, histories, &Data::of_sample(histories, setting), near)
}

fn fit_data(asked: &str, ridge: f64, histories: &Histories, data: &Data, near: Option<&Fits>) -> Fits {
    let setting = data.setting;
    let limit = model::find(asked).and_then(|model| model.without_dropout());
    let wanted = |model: &dyn CountModel| {
        let is_named = asked == model.name() || limit == Some(model.name());
        model.setting() == setting && (asked == "auto" || is_named)
    };
    let candidates: Vec<&'static dyn CountModel> = MODELS.into_iter().filter(|model| wanted(*model)).collect();
    let n = histories.n_customers();
    let pooled = pooled(setting, histories);
    let enough_for_dropout = FEWEST_CUSTOMERS <= n && FEWEST_REPEATERS <= histories.n_repeaters();
    let mut fits: Vec<Fitted> = Vec::new();
    for model in candidates {
        if pooled == Counts::Nothing || (model.has_dropout() && !enough_for_dropout) {
            fits.push(Fitted::missing(model, FitStatus::NotEnoughHistory));
            continue;
        }
        let penalty = Penalty::ridge(model, data, ridge);
        let fitted = match near.and_then(|near| near.usable(model.name())) {
            Some(near) => fit::refit(near, data, &fits, penalty.as_ref()),
            None => fit::fit(model, data, &fits, penalty.as_ref()),
        };
        fits.push(fitted);
    }
    Fits {
        setting,
        fits,
        enough_for_dropout,
        pooled,
        n_customers: n,
    }
}

/// One rate for everybody; nothing if there is no repeat purchase or no time.
fn pooled(setting: Setting, histories: &Histories) -> Counts {
    let total_x = histories.total_x();
    if total_x < 1.0 || histories.longest_age() <= 0.0 {
        return Counts::Nothing;
    }
    match setting {
        Setting::Noncontractual | Setting::Discrete => Counts::PooledRate {
            orders_per_day: total_x / histories.total_age(),
        },
        Setting::Contractual => {
            // Whoever left was asked once more than they renewed.
            let due = |(h, count): (&super::histories::History, &f64)| count * h.age.min(f64::from(h.x) + 1.0);
            let due: f64 = histories.rows.iter().zip(&histories.counts).map(due).sum();
            Counts::PooledRenewal {
                renewal_prob: (total_x / due).min(1.0),
            }
        }
    }
}

impl Fits {
    /// Takes from all customers what is no fit; the fits are those of a sample.
    pub fn describing(self, histories: &Histories) -> Self {
        Self {
            pooled: pooled(self.setting, histories),
            n_customers: histories.n_customers(),
            ..self
        }
    }

    /// Fits `name` and its limit without dropout to other histories, from where they stand, and puts these fits in the
    /// place of the old ones. The fit that then predicts for `name`; `None` (and the old fits) if there is none.
    pub fn refit(&mut self, name: &str, ridge: f64, histories: &Histories) -> Option<&Fitted> {
        let limit = model::find(name)?.without_dropout();
        let data = Data::new(histories, self.setting);
        let mut anew: Vec<Fitted> = Vec::new();
        for old in &self.fits {
            let of = old.model.name();
            if of == name || Some(of) == limit {
                let penalty = Penalty::ridge(old.model, &data, ridge);
                let fitted = fit::refit(old, &data, &anew, penalty.as_ref());
                anew.push(fitted);
            }
        }
        if !anew
            .iter()
            .any(|f| f.model.name() == name && f.report.status.is_usable())
        {
            return None;
        }
        for fitted in anew {
            if let Some(place) = self.fits.iter_mut().find(|f| f.model.name() == fitted.model.name()) {
                *place = fitted;
            }
        }
        self.usable(name)
    }

    pub fn reports(&self) -> Vec<ModelFit> {
        self.fits.iter().map(|fitted| fitted.report.clone()).collect()
    }

    pub fn usable(&self, name: &str) -> Option<&Fitted> {
        let mut fits = self.fits.iter();
        fits.find(|fitted| fitted.report.name == name && fitted.report.status.is_usable())
    }

    /// The model without dropout, at a proper maximum: otherwise the pooled rate says as much.
    pub fn limit(&self) -> Option<&Fitted> {
        let is_limit = |fitted: &&Fitted| !fitted.model.has_dropout() && fitted.report.status == FitStatus::Ok;
        self.fits.iter().find(is_limit)
    }

    /// The fit that predicts for `fitted`: itself, or the limit it runs to.
    pub fn predicting<'a>(&'a self, fitted: &'a Fitted) -> Option<&'a Fitted> {
        match fitted.report.status {
            status if status.is_usable() => Some(fitted),
            FitStatus::NoDropoutLimit => self.limit(),
            _ => None,
        }
    }
}

/// `fitted` as what predicts. `asked` is what the config asked for.
pub fn counts_of(asked: &str, fitted: &Fitted) -> Counts {
    Counts::Model {
        name: fitted.report.name.clone(),
        params: fitted.report.params.clone(),
        stands_in: !fitted.model.has_dropout() && asked != fitted.report.name,
        covariance: fitted.report.covariance.clone(),
    }
}
