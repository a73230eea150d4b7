//! How well every model, and every honest baseline, would have predicted days that have passed since.
//!
//! The tables and series of a calibration and holdout evaluation, plain data: what the report draws and the files hold.

use serde::Serialize;

use super::model::{FitStatus, Setting};
use super::tracking::TrackPoint;

/// One evaluation: all contenders on one holdout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    pub setting: Setting,
    /// Last day of calibration; the holdout is the `holdout_days` after it.
    pub cut_day: i32,
    pub holdout_days: u32,
    /// Customers who had bought by the cut, all or a sample.
    pub n_customers: u64,
    /// Customers of whom they are all, or a sample.
    pub of_customers: u64,
    /// Their purchase days in the holdout, and the net amount of those.
    pub actual_orders: u64,
    pub actual_amount: f64,
    /// Models in the order of the registry, then baselines.
    pub models: Vec<ModelScore>,
    /// 0, 1, … 6 and 7 or more repeat purchase days by the cut; bins without customers are left out.
    pub by_frequency: Vec<FrequencyBin>,
    /// One series a model with predictions. Baselines have none.
    pub tracking: Vec<TrackSeries>,
    /// One a model with predictions; none in a contractual setting, where leaving is seen.
    pub heat: Vec<Heat>,
    /// `None` without a usable Gamma-Gamma.
    pub spend_density: Option<SpendDensity>,
}

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Model,
    Baseline,
}

/// One contender: its fit on the calibration part, and its errors in the holdout. Errors are null where there was
/// nothing to predict with, or nothing to compare with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelScore {
    pub name: String,
    pub kind: Kind,
    /// Of the fit on the calibration part; null for a baseline. A model at the limit without dropout predicts as
    /// that limit does.
    pub status: Option<FitStatus>,
    /// What a baseline learnt: the longest silence of an active customer, in days.
    pub longest_silence_days: Option<f64>,
    /// In days, on the calibration part.
    pub log_likelihood: Option<f64>,
    pub bic: Option<f64>,
    /// Σ ln P(N = actual orders) over customers, larger is better. Models only.
    pub log_score: Option<f64>,
    /// Orders per customer.
    pub orders: Errors,
    /// Net amount per customer, in the currency.
    pub amount: Errors,
    /// Share of the holdout's revenue that came from the fifth of customers predicted to bring most; tied customers
    /// count with their expected value.
    pub top_fifth_share: Option<f64>,
    /// Share of customers within the interval.
    pub coverage: Option<Coverage>,
}

/// Errors of predicted numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Errors {
    /// Sum of predictions.
    pub predicted: Option<f64>,
    /// Mean absolute error.
    pub mae: Option<f64>,
    /// Root of the mean squared error.
    pub rmse: Option<f64>,
    /// predicted / actual − 1, of the totals.
    pub bias: Option<f64>,
}

/// How often the interval held what came. All shares of customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// What the interval promises: at least this.
    pub nominal: f64,
    /// Orders within the closed interval; whole numbers make it more than nominal.
    pub orders: f64,
    /// Expected coverage of the interval with randomised ends, which is nominal if the model is right.
    pub orders_randomised: f64,
    /// Net amounts within the interval of the value; null without amounts.
    pub amount: Option<f64>,
}

/// Customers with one number of repeat purchase days by the cut: mean orders in the holdout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrequencyBin {
    pub repeat_days: u32,
    /// The last bin holds everybody with that many or more.
    pub or_more: bool,
    pub n_customers: u64,
    pub actual_mean: f64,
    /// One a contender with predictions, in the order of [`Evaluation::models`].
    pub predicted: Vec<PredictedMean>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedMean {
    pub name: String,
    pub mean: f64,
}

/// Cumulative repeat purchase days through calibration and holdout; the model knew those up to the cut.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrackSeries {
    pub name: String,
    pub points: Vec<TrackPoint>,
}

/// What a model says of customers who first bought `age` ago, by number of repeat purchases (rows) and time from the
/// first to the last purchase (columns).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heat {
    pub name: String,
    /// Age of the customers of the map (T): the longest there is. In days, or opportunities in a discrete setting.
    pub age: f64,
    /// How far ahead orders are expected, in the same unit.
    pub horizon: f64,
    /// x of each row, ascending.
    pub x: Vec<u32>,
    /// t_x of each column, ascending from 0 to `age`.
    pub t_x: Vec<f64>,
    /// `alive_prob[row][column]`; null where no such history exists.
    pub alive_prob: Vec<Vec<Option<f64>>>,
    pub expected_orders: Vec<Vec<Option<f64>>>,
}

/// Mean amounts of repeat orders: customers by amount, and the density of the fitted Gamma-Gamma.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpendDensity {
    /// Customers with repeat orders of a positive amount.
    pub n_customers: u64,
    /// Share of them beyond the last bin.
    pub beyond_share: f64,
    pub bins: Vec<SpendBin>,
}

/// Customers whose mean amount is in `from_amount` ≤ amount < `to_amount`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpendBin {
    pub from_amount: f64,
    pub to_amount: f64,
    pub observed_share: f64,
    pub expected_share: f64,
}
