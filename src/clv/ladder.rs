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
            "leaving cannot be told from a pause with fewer than {FEWEST_CUSTOMERS} customers or {FEWEST_REPEATERS} who came back"
        )
    } else if fits.fits.iter().any(|f| f.report.status == FitStatus::NoDropoutLimit) {
        "the history is described best if nobody leaves".to_owned()
    } else {
        "no model in which customers leave could be fitted".to_owned()
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
                format!(
                    "{asked} was asked for, but customers do not differ in how often they order, so all have one rate"
                ),
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
                format!("{}, in which nobody leaves: {why_none}", limit.report.name),
            ),
            None if matches!(fits.pooled, Counts::PooledRenewal { .. }) => {
                (None, format!("one rate of renewal for all customers: {why_none}"))
            }
            None => (
                None,
                format!("one rate for all customers: {why_none}, and customers do not differ in how often they order"),
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
                "{}, in which nobody leaves (BIC {}): {name}, in which customers may leave, describes the history no better (BIC {}; the \
                 lower the better)",
                limit.report.name,
                figure(limit_bic),
                figure(best_bic)
            ),
        ),
        (_, Some(best_bic), Some(limit_bic)) => (
            Some(best),
            format!(
                "{name} (BIC {}, and {} if nobody left): {preference}",
                figure(best_bic),
                figure(limit_bic)
            ),
        ),
        _ => (Some(best), format!("{name}: {preference}")),
    }
}

/// With one decimal and separators: 122,905.0.
pub fn figure(value: f64) -> String {
    if !value.is_finite() || 1e15 <= value.abs() {
        return format!("{value:e}");
    }
    let text = format!("{:.1}", value.abs());
    let is_zero = text == "0.0";
    let whole = text.len() - ".0".len();
    let mut out = String::from(if value < 0.0 && !is_zero { "-" } else { "" });
    for (position, digit) in text.chars().enumerate() {
        if 0 < position && position < whole && (whole - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
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
            .map(|(f, bic)| format!("{} (BIC {})", f.report.name, figure(*bic)))
            .collect();
        named.join(" and ")
    };
    let reason = if by_bic.len() == 1 {
        "it is the only model in which customers leave that could be fitted".to_owned()
    } else if near().next().is_none() {
        let others = list(&mut others());
        format!(
            "its BIC of {} is clearly lower, which is better, than that of {others}",
            figure(bic)
        )
    } else if near().any(|(f, _)| f.report.name == ONE_TIMERS_ALIVE) {
        let near = list(&mut near());
        format!(
            "it describes the history about as well as {near}, and {ONE_TIMERS_ALIVE} would be sure that every one-time buyer is still a customer"
        )
    } else {
        let near = list(&mut near());
        format!("it describes the history about as well as {near}, and is simpler or easier to read")
    };
    Some((chosen, reason))
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_are_separated_and_never_a_minus_zero() {
        for (value, text) in [
            (122_905.002, "122,905.0"),
            (-1_234_567.89, "-1,234,567.9"),
            (999.96, "1,000.0"),
            (-0.04, "0.0"),
            (12.0, "12.0"),
            (f64::MAX, "1.7976931348623157e308"),
        ] {
            assert_eq!(figure(value), text);
        }
    }
}
