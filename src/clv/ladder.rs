//! Choosing by likelihood alone: the information criterion, what the models mean, and the way down when a fit fails.
//!
//! In: the fits. Out: a [`Choice`] and its reason in one sentence. Cost: none.
//!
//! Models compete by BIC. One that is better by less than [`CLEAR_BIC_GAIN`] does not displace a model that is
//! preferred for what it says of customers: `mbg_nbd` before `pareto_nbd` before `bg_nbd`, which gives every one-time
//! buyer a P(alive) of 1; other models after these, the simpler first. The limit without dropout wins whenever its BIC
//! is the lowest.

use super::fit::Fitted;
use super::model::FitStatus;
use super::select::{Counts, FEWEST_CUSTOMERS, FEWEST_REPEATERS, Fits, counts_of};

/// A difference in BIC that is called very strong evidence (Kass and Raftery 1995).
pub const CLEAR_BIC_GAIN: f64 = 10.0;

/// Models by what their P(alive) is worth.
const PREFERRED: [&str; 3] = ["mbg_nbd", "pareto_nbd", ONE_TIMERS_ALIVE];
const ONE_TIMERS_ALIVE: &str = "bg_nbd";

/// What predicts, and why.
pub struct Choice {
    pub counts: Counts,
    pub name: String,
    pub reason: String,
}

/// Chooses from `fits`, for a config that asks for `asked`.
pub fn choose(asked: &str, fits: &Fits) -> Choice {
    if fits.pooled == Counts::Nothing {
        let reason = if fits.n_customers < 1.0 {
            "there is no customer with a valid history"
        } else {
            "no customer has bought on a second day, so nothing is known about repeat orders"
        };
        return Choice {
            counts: Counts::Nothing,
            name: "none".to_owned(),
            reason: reason.to_owned(),
        };
    }
    match best(asked, fits) {
        (Some(fitted), reason) => Choice {
            counts: counts_of(asked, fitted),
            name: fitted.report.name.clone(),
            reason,
        },
        (None, reason) => Choice {
            counts: fits.pooled.clone(),
            name: pooled_name(&fits.pooled).to_owned(),
            reason,
        },
    }
}

pub fn pooled_name(counts: &Counts) -> &'static str {
    match counts {
        Counts::PooledRenewal { .. } => "pooled_renewal",
        _ => "pooled_rate",
    }
}

/// Why no model with dropout has a fit to use.
pub fn why_no_dropout(fits: &Fits) -> String {
    if !fits.enough_for_dropout {
        format!(
            "dropout cannot be told from silence with fewer than {FEWEST_CUSTOMERS} customers or {FEWEST_REPEATERS} repeaters"
        )
    } else if fits.fits.iter().any(|f| f.report.status == FitStatus::NoDropoutLimit) {
        "the likelihood is highest when nobody drops out".to_owned()
    } else {
        "no model with dropout reached a maximum".to_owned()
    }
}

/// The fit to use and the reason; no fit means the pooled rate.
fn best<'a>(asked: &str, fits: &'a Fits) -> (Option<&'a Fitted>, String) {
    let limit = fits.limit();
    let asks_for_limit = fits
        .fits
        .iter()
        .any(|f| f.report.name == asked && !f.model.has_dropout());
    if asks_for_limit {
        return match limit {
            Some(limit) => (Some(limit), format!("{asked} was asked for")),
            None => (
                None,
                format!("{asked} was asked for, but all customers order at one rate, so the pooled rate says it all"),
            ),
        };
    }
    let with_dropout = if asked == "auto" {
        let candidates = fits.fits.iter().filter(|f| f.report.status.is_usable());
        preferred(candidates.filter(|f| f.model.has_dropout()))
    } else {
        fits.usable(asked).map(|f| (f, String::new()))
    };
    let Some((best, preference)) = with_dropout else {
        let why_none = why_no_dropout(fits);
        return match limit {
            Some(limit) => (
                Some(limit),
                format!("{}, the limit without dropout: {why_none}", limit.report.name),
            ),
            None if matches!(fits.pooled, Counts::PooledRenewal { .. }) => {
                (None, format!("one renewal rate for all customers: {why_none}"))
            }
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
    let (best_bic, limit_bic) = (best.report.bic, limit.and_then(|f| f.report.bic));
    match (limit, best_bic, limit_bic) {
        (Some(limit), Some(best_bic), Some(limit_bic)) if limit_bic <= best_bic => (
            Some(limit),
            format!(
                "{}, the limit without dropout: dropout does not earn its two parameters (BIC {limit_bic:.1} against {best_bic:.1} for {name})",
                limit.report.name
            ),
        ),
        (_, Some(best_bic), Some(limit_bic)) => (
            Some(best),
            format!("{name} (BIC {best_bic:.1}, and {limit_bic:.1} without dropout): {preference}"),
        ),
        _ => (Some(best), format!("{name}: {preference}")),
    }
}

/// The model that `candidates` are left with by BIC and preference, and why. Candidates come in registry order.
pub fn preferred<'a>(candidates: impl Iterator<Item = &'a Fitted>) -> Option<(&'a Fitted, String)> {
    let mut by_bic: Vec<(&Fitted, f64)> = candidates.filter_map(|f| Some((f, f.report.bic?))).collect();
    let rank = |f: &Fitted| {
        let listed = PREFERRED.iter().position(|name| *name == f.report.name);
        listed.unwrap_or(PREFERRED.len())
    };
    // Stable, so that the simpler of equals stands first.
    by_bic.sort_by_key(|(f, _)| rank(f));
    let least = by_bic.iter().fold(f64::INFINITY, |least, (_, bic)| bic.min(least));
    let &(chosen, bic) = by_bic.iter().find(|(_, bic)| *bic <= least + CLEAR_BIC_GAIN)?;
    let others = || by_bic.iter().filter(|(f, _)| f.report.name != chosen.report.name);
    let near = || others().filter(|(_, other)| (other - bic).abs() <= CLEAR_BIC_GAIN);
    let list = |fits: &mut dyn Iterator<Item = &(&Fitted, f64)>| {
        let named: Vec<String> = fits
            .map(|(f, bic)| format!("{} (BIC {bic:.1})", f.report.name))
            .collect();
        named.join(" and ")
    };
    let reason = if by_bic.len() == 1 {
        "no other model with dropout has a usable fit".to_owned()
    } else if near().next().is_none() {
        let others = list(&mut others());
        format!("its BIC of {bic:.1} is clearly better than that of {others}")
    } else if near().any(|(f, _)| f.report.name == ONE_TIMERS_ALIVE) {
        let near = list(&mut near());
        format!(
            "it is preferred to {near} unless that is better by more than {CLEAR_BIC_GAIN}, because {ONE_TIMERS_ALIVE} gives every one-time buyer a P(alive) of 1"
        )
    } else {
        let near = list(&mut near());
        format!("it is preferred to {near}, which is no simpler and not better by more than {CLEAR_BIC_GAIN}")
    };
    Some((chosen, reason))
}
