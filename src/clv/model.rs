//! What a model of purchase counts is, which ones there are, and what the report of a fit holds.
//!
//! Adding a model is one file that implements [`CountModel`] and one line in [`MODELS`].

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bb::Bb;
use super::bdw::Bdw;
use super::beta_survival::MOST_OPPORTUNITIES;
use super::bg_bb::BgBb;
use super::bg_cnbd_k::BG_CNBD_K;
use super::bg_nbd::BG_NBD;
use super::fit::Maximum;
use super::geometric::Geometric;
use super::histories::{Histories, History};
use super::mbg_cnbd_k::MBG_CNBD_K;
use super::mbg_nbd::MBG_NBD;
use super::nbd::Nbd;
use super::optimise::{Derivatives, Termination};
use super::pareto_nbd::ParetoNbd;
use super::sbg::Sbg;

/// Every model, the simplest first. The order is that of the reports.
pub static MODELS: [&dyn CountModel; 11] = [
    &Nbd,
    &MBG_NBD,
    &BG_NBD,
    &ParetoNbd,
    &MBG_CNBD_K,
    &BG_CNBD_K,
    &Bb,
    &BgBb,
    &Geometric,
    &Sbg,
    &Bdw,
];

/// The model of that name.
pub fn find(name: &str) -> Option<&'static dyn CountModel> {
    MODELS.into_iter().find(|model| model.name() == name)
}

/// How the company's customers buy, and with it what x, t_x and T of a [`History`] count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// At any time, and they leave without saying so: x repeat purchase days, t_x and T in time.
    #[default]
    Noncontractual,
    /// At given opportunities (a month, a year), and they leave without saying so: x opportunities used after the
    /// first purchase, t_x the last one used, T the opportunities there were. All whole numbers.
    Discrete,
    /// They renew every period until they leave, and leaving is seen: x = t_x renewals made of T that were due;
    /// x below T means that the customer has left. All whole numbers.
    Contractual,
}

impl Setting {
    /// Whether a history counts what the models of this setting count.
    pub fn admits(self, h: &History) -> bool {
        let whole = h.age <= f64::from(MOST_OPPORTUNITIES) && h.age.fract() == 0.0 && h.t_x.fract() == 0.0;
        h.is_valid()
            && match self {
                Self::Noncontractual => true,
                Self::Discrete => whole && f64::from(h.x) <= h.t_x,
                Self::Contractual => whole && f64::from(h.x) == h.t_x,
            }
    }
}

impl Setting {
    /// As in config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Noncontractual => "noncontractual",
            Self::Discrete => "discrete",
            Self::Contractual => "contractual",
        }
    }
}

/// A model of when customers buy and when they stop. Parameters are positive; times of `History`, of horizons and
/// of the parameters with `time_powers` 1 share one unit.
pub trait CountModel: Sync {
    /// As in config and manifest.
    fn name(&self) -> &'static str;

    fn setting(&self) -> Setting {
        Setting::Noncontractual
    }

    /// The papers' letters, in the order of every `params` slice.
    fn letters(&self) -> &'static [&'static str];

    /// Values of the first letter, ascending, if it is a whole number (the k of the CNBD-k) that is not found by
    /// derivatives: they are tried in order until the likelihood falls. `params\[0\]` is then that number, and the
    /// entries of every [`Derivatives`] and of `starts` belong to the letters after it.
    fn shapes(&self) -> &'static [f64] {
        &[]
    }

    /// The model without a shape that this one is with `shape`, if it is in the registry: its letters are the others of
    /// this one.
    fn is_with_shape(&self, _shape: f64) -> Option<&'static str> {
        None
    }

    /// For each parameter, 1 if it is a time (multiply it by 7 to go from weeks to days) and 0 if it is a number.
    fn time_powers(&self) -> &'static [i32];

    /// Whether customers can drop out, so that the NBD is a limit of this model.
    fn has_dropout(&self) -> bool;

    /// Name of the model that this one becomes when nobody drops out, if it is in the registry. Letters that both
    /// have mean the same.
    fn without_dropout(&self) -> Option<&'static str> {
        (self.has_dropout() && self.setting() == Setting::Noncontractual).then_some("nbd")
    }

    /// Where the maximum of a simpler model lies among this one's parameters, if that model is inside this one: a
    /// search that starts there too ends no lower.
    fn start_at(&self, _simpler: &str, _params: &[f64]) -> Option<Vec<f64>> {
        None
    }

    /// Whether the future of a customer who is alive depends on x and T alone, whatever t_x is: P(alive) then is a
    /// factor of everything, and scoring works once per (x, T).
    fn forgets_last_order(&self) -> bool {
        false
    }

    /// Points to search from, given the first two parameters of [`CountModel::without_dropout`]: r and alpha of the
    /// NBD, or what stands in for them while it is not known.
    fn starts(&self, nbd: [f64; 2]) -> Vec<Vec<f64>>;

    /// Log-likelihood of all histories with derivatives by the parameters.
    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives;

    /// Probability that a customer with this history will still order.
    fn alive_prob(&self, params: &[f64], history: &History) -> f64;

    /// Probability that the customer is still there `ahead` units of time after the end of observation, given the
    /// history up to the end of observation; [`CountModel::alive_prob`] for 0.
    fn alive_prob_after(&self, params: &[f64], history: &History, ahead: f64) -> f64;

    /// Expected orders within each of `horizons` (ascending) after the end of observation, the chance that the
    /// customer is no longer alive included. `out` is as long as `horizons`.
    fn expected_orders(&self, params: &[f64], history: &History, horizons: &[f64], out: &mut [f64]);

    /// P(more than i orders within `horizon`) for i = 0, 1, … while above `least`, at most `max_len` numbers.
    fn order_tail(&self, params: &[f64], history: &History, horizon: f64, least: f64, max_len: usize) -> Vec<f64>;

    /// P(exactly i orders within `horizon`) for i = 0 … `out.len()` − 1, given that the customer is alive at the end of
    /// observation. What is below 1e-14 may be anything below it.
    fn order_probs(&self, params: &[f64], history: &History, horizon: f64, out: &mut [f64]) {
        let alive = self.alive_prob(params, history);
        let tail = self.order_tail(params, history, horizon, 1e-15 * alive, out.len());
        let mut above = 1.0;
        for (i, out) in out.iter_mut().enumerate() {
            let more = tail.get(i).map_or(0.0, |p| p / alive).min(above);
            *out = above - more;
            above = more;
        }
    }

    /// Expected orders from the end of observation to infinity, each discounted by exp(-`rate` t), t its time
    /// (discounted expected residual transactions, DERT). `rate` is positive, per unit of time.
    fn residual_orders(&self, params: &[f64], history: &History, rate: f64) -> f64;

    /// Which limit the parameters run to, other than the one without dropout. `params` are in units of the
    /// longest history.
    fn limit(&self, params: &[f64]) -> Option<FitStatus>;
}

/// What a fit is worth. Everything but `Ok` is named in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FitStatus {
    /// A proper maximum.
    Ok,
    /// The likelihood rises until nobody drops out: the NBD is the answer, and the dropout parameters do not exist.
    NoDropoutLimit,
    /// The likelihood rises until everybody has the same dropout probability; predictions hold, a and b are huge.
    CommonDropoutLimit,
    /// The likelihood rises until everybody orders at the same rate; predictions hold, r and alpha are huge.
    EqualRatesLimit,
    /// Gamma-Gamma: every customer spends the same on average; predictions hold, q and gamma are huge.
    EqualSpendLimit,
    /// Gamma-Gamma: a customer's orders are all of one amount; predictions hold, p is huge.
    ConstantSpendLimit,
    /// Gamma-Gamma: q is 1 or less, or so near that the mean exceeds anything seen; not used.
    InfiniteMean,
    /// The search did not end at a maximum; not used.
    NotConverged,
    /// Too few customers or repeat purchases; not fitted.
    NotEnoughHistory,
}

impl FitStatus {
    /// Whether predictions may rest on it.
    pub fn is_usable(self) -> bool {
        use FitStatus::*;
        matches!(
            self,
            Ok | CommonDropoutLimit | EqualRatesLimit | EqualSpendLimit | ConstantSpendLimit
        )
    }

    /// Whether the supremum of the likelihood lies at infinity.
    pub fn is_limit(self) -> bool {
        use FitStatus::*;
        match self {
            NoDropoutLimit | CommonDropoutLimit | EqualRatesLimit | EqualSpendLimit | ConstantSpendLimit => true,
            Ok | InfiniteMean | NotConverged | NotEnoughHistory => false,
        }
    }
}

/// Parameters by letter, in the paper's order. `None` where a limit has no value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Letters(pub Vec<(String, Option<f64>)>);

impl Letters {
    pub fn new(letters: &[&str], values: &[f64]) -> Self {
        let finite = |v: f64| v.is_finite().then_some(v);
        Self(
            letters
                .iter()
                .zip(values)
                .map(|(l, v)| ((*l).to_owned(), finite(*v)))
                .collect(),
        )
    }

    /// All letters without values.
    pub fn unknown(letters: &[&str]) -> Self {
        Self(letters.iter().map(|l| ((*l).to_owned(), None)).collect())
    }

    pub fn get(&self, letter: &str) -> Option<f64> {
        self.0.iter().find(|(l, _)| l == letter).and_then(|(_, v)| *v)
    }
}

impl Serialize for Letters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (letter, value) in &self.0 {
            map.serialize_entry(letter, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Letters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
        Ok(Self(map.into_iter().collect()))
    }
}

/// The report of one fit, as it stands in the manifest. Numbers are null where there was no fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFit {
    pub name: String,
    pub params: Letters,
    /// Unit of the parameters that are times; `currency` for Gamma-Gamma, whose gamma is money.
    pub time_unit: String,
    pub log_likelihood: Option<f64>,
    pub bic: Option<f64>,
    pub n_customers: u64,
    pub n_distinct: u64,
    /// From the observed information; null in a limit, and where the maximum is flat.
    pub standard_errors: Letters,
    /// Covariance of the logarithms of the parameters, rows and columns in the order of the letters; zeros for a shape.
    /// Null where the standard errors are.
    #[serde(default)]
    pub covariance: Option<Vec<Vec<f64>>>,
    /// Largest over smallest eigenvalue of the observed information about the logarithms of the parameters; null
    /// unless all are positive.
    #[serde(default)]
    pub condition: Option<f64>,
    /// The supremum lies at infinity (the status says which limit), or a parameter ran to the end of the search.
    #[serde(default)]
    pub on_boundary: bool,
    #[serde(default)]
    pub n_starts: u32,
    /// Starts that ended within 1e-6 of the best log-likelihood.
    #[serde(default)]
    pub starts_at_best: u32,
    pub termination: Option<Termination>,
    /// Largest derivative of the mean log-likelihood by the logarithm of a parameter.
    pub gradient_norm: Option<f64>,
    pub evaluations: u32,
    /// Evaluations that were NaN or infinite, each a rejected step.
    pub non_finite: u32,
    pub status: FitStatus,
}

impl ModelFit {
    /// The report of a model that was not fitted.
    pub fn missing(name: &str, letters: &[&str], time_unit: &str, status: FitStatus) -> Self {
        Self {
            name: name.to_owned(),
            params: Letters::unknown(letters),
            time_unit: time_unit.to_owned(),
            log_likelihood: None,
            bic: None,
            n_customers: 0,
            n_distinct: 0,
            standard_errors: Letters::unknown(letters),
            covariance: None,
            condition: None,
            on_boundary: false,
            n_starts: 0,
            starts_at_best: 0,
            termination: None,
            gradient_norm: None,
            evaluations: 0,
            non_finite: 0,
            status,
        }
    }

    /// The same with how its search went.
    pub fn of_search<const N: usize>(self, maximum: &Maximum<N>) -> Self {
        Self {
            n_starts: maximum.n_starts,
            starts_at_best: maximum.starts_at_best,
            termination: Some(maximum.search.termination),
            gradient_norm: Some(maximum.search.gradient_norm()),
            evaluations: maximum.search.evaluations,
            non_finite: maximum.search.non_finite,
            ..self
        }
    }
}
