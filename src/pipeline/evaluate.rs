//! The evaluation: every model and the honest baselines against days that have passed.

use std::path::PathBuf;

use serde_json::json;

use super::{Cleaned, Customers, Observer, lifetime_value, load_and_clean, plan, purchase_days};
use crate::clv::evaluation::Evaluation;
use crate::clv::holdout::NoHoldout;
use crate::config::{Config, Params};
use crate::customers::Attributes;
use crate::error::Error;
use crate::output::evaluation;
use crate::output::publish::Staging;
use crate::summary;

/// What an evaluation found and where it stands.
pub struct Evaluated {
    pub place: PathBuf,
    pub evaluation: Evaluation,
    /// What `run` would use, and why.
    pub chosen: String,
    pub reason: String,
}

/// Holds every model and the honest baselines against days that have passed, and publishes the tables and a page.
pub fn evaluate(
    config: &Config,
    params: &Params,
    inputs: &[PathBuf],
    observer: &dyn Observer,
) -> Result<Evaluated, Error> {
    let plan = plan(params, inputs, observer)?;
    let mut staging = Staging::begin(&config.run.out.join("evaluation"))?;
    observer.stage("load_and_clean");
    let cleaned = load_and_clean(params, plan, observer).map_err(|failure| failure.error)?;
    let Cleaned {
        plan,
        people,
        mut transactions,
        as_of,
    } = cleaned;
    let first_day = transactions.report.first_day.unwrap_or(as_of);
    observer.stage("summarise");
    let mut summarised = summary::run(&params.summary, &mut transactions, first_day, as_of)?;
    let attributes = match &plan.customers {
        Some(table) => Attributes::join(table, &people, &summarised.summary.ids),
        None => Attributes::default(),
    };
    observer.stage("evaluate");
    let purchases = purchase_days(&mut summarised);
    let of = Customers {
        plan: &plan,
        summary: &summarised.summary,
        line_groups: &transactions.groups,
        attributes: &attributes,
    };
    let result = lifetime_value(&params.clv.clone().competing(), &of, &purchases)?;
    let Some(evaluation) = result.evaluation else {
        let why = result.no_holdout.unwrap_or(NoHoldout::NoPurchaseDays);
        return Err(why.into());
    };
    let (chosen, reason) = match params.clv.asked_model() {
        Some(asked) => (asked.to_owned(), format!("{asked} was asked for")),
        None => (result.selected_model, result.selection_reason),
    };
    let mut notes = vec![result.season.message()];
    notes.extend(result.warnings.iter().map(|w| format!("{}; {}", w.message(), w.hint())));
    notes.dedup();
    let facts = evaluation::Facts {
        title: "Evaluation".to_owned(),
        inputs: plan
            .files
            .iter()
            .map(|file| file.path().display().to_string())
            .collect(),
        as_of: as_of.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config_hash: config.hash(),
        currency: match transactions.report.currencies.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        },
        chosen: Some(chosen.clone()),
        reason: reason.clone(),
        notes,
    };
    observer.stage("write");
    staging.table(
        &evaluation::tables::EVALUATION,
        &mut evaluation::tables::evaluation_frame(&evaluation)?,
    )?;
    staging.table(
        &evaluation::tables::FREQUENCY,
        &mut evaluation::tables::frequency_frame(&evaluation)?,
    )?;
    staging.table(
        &evaluation::tables::TRACKING,
        &mut evaluation::tables::tracking_frame(&evaluation)?,
    )?;
    staging.file("report.html", evaluation::page(&facts, &evaluation).as_bytes())?;
    let mut json = serde_json::to_vec_pretty(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "as_of": as_of.to_string(),
        "config_hash": config.hash(),
        "chosen": chosen,
        "reason": reason,
        "season": result.season,
        "competition": result.competition,
        "evaluation": evaluation,
    }))
    .unwrap_or_default();
    json.push(b'\n');
    staging.file("evaluation.json", &json)?;
    let place = staging.publish(&format!("as_of={as_of}"))?;
    Ok(Evaluated {
        place,
        evaluation,
        chosen,
        reason,
    })
}
