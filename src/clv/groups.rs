//! Fits by group (business line, acquisition cohort, any attribute), each drawn toward the whole as far as it is small.
//!
//! In: a label for each customer, the model and parameters of all customers together. Out: for every group its own
//! parameters, what share of them is its own, and a status ([`GroupFit`]). Serves count models ([`fit_counts`]) and
//! Gamma-Gamma ([`fit_spend`]). Cost: some thirty passes over the distinct histories.
//! Source: the empirical Bayes of Gelman and others, *Bayesian Data Analysis*, 3rd ed., sections 5.5 and 13.4 (Laplace);
//! the mathematics is in [`mod@pool`].
//!
//! # Shapes and units
//! Parameters are in the units of the parameters of the whole. Spreads are standard deviations between groups of the
//! logarithm of each parameter: 0.1 means that groups differ by about 10 %.
//!
//! # Domain
//! Groups with fewer than [`FEWEST_CUSTOMERS`] customers or [`FEWEST_REPEATERS`] repeaters take the parameters of the
//! whole, and so do customers without a label and all customers where fewer than two groups are large enough.
//!
//! # Errors
//! None: [`GroupStatus`].
//!
//! # Check
//! `tests::pooled_groups_predict_better_than_separate_and_than_common_ones`,
//! `tests::equal_groups_end_in_the_whole_and_huge_ones_in_their_own_maximum`.

mod labels;
pub mod pool;

use serde::{Deserialize, Serialize};

pub use self::labels::{GroupBy, Labels, NO_GROUP, cohort};
use self::pool::{Member, pool};
use super::gamma_gamma::{self, GammaGamma, Spenders};
use super::histories::{Histories, History};
use super::model::{CountModel, Letters};
use super::select::{FEWEST_CUSTOMERS, FEWEST_REPEATERS};

/// What the user may set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `cohort_year`, `cohort_quarter`, `cohort_month`, or a customer attribute; empty for one fit of all.
    pub group_by: String,
}

/// Where a group's parameters come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupStatus {
    /// Its own customers, drawn toward the whole by as much as `own_weight` is below 1.
    Pooled,
    /// The whole: too few customers or repeaters.
    TooSmall,
    /// The whole: no other group to learn from how much groups differ.
    OnlyOne,
    /// The whole: its own search did not end at a maximum, or at parameters without a finite mean.
    NotUsable,
}

/// The parameters of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupFit {
    pub label: String,
    pub n_customers: u64,
    pub n_repeaters: u64,
    pub status: GroupStatus,
    /// 0: all from the whole; 1: all its own.
    pub own_weight: f64,
    pub params: Letters,
    /// The same for each letter.
    pub own_weights: Letters,
    /// Of the posterior, in the unit of each parameter.
    pub standard_errors: Letters,
}

/// All groups of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupedFit {
    pub name: String,
    pub whole: Letters,
    /// Standard deviation between groups of the logarithm of each parameter; null where nothing was pooled, 0 where
    /// it is too small to be told from 0.
    pub spreads: Letters,
    /// In the order of the labels.
    pub groups: Vec<GroupFit>,
}

impl GroupedFit {
    /// The parameters of a group, or of the whole.
    pub fn params_of(&self, group: Option<&str>) -> &Letters {
        let found = group.and_then(|label| self.groups.iter().find(|g| g.label == label));
        found.map_or(&self.whole, |g| &g.params)
    }
}

/// What a group is made of before it is fitted.
struct Candidate<'a> {
    label: &'a str,
    n_customers: u64,
    n_repeaters: u64,
    member: Option<Member<'a>>,
}

/// Fits the count model `model` in every group around `whole`, its parameters for all customers. `histories` are in the
/// unit of `whole`, one a customer as in `labels`.
pub fn fit_counts(model: &dyn CountModel, whole: &[f64], histories: &[History], labels: &Labels) -> GroupedFit {
    // A whole number that is not found by derivatives stays what it is in the whole.
    let n_fixed = usize::from(!model.shapes().is_empty()).min(whole.len());
    let collapse = |part: &Vec<History>| {
        let mut of_group = Histories::collapse(part).0;
        // Gaps count only in a term of that number alone, which no group moves.
        of_group.sum_ln_gaps = (0 < n_fixed).then_some(0.0);
        of_group
    };
    let of_groups: Vec<Histories> = labels.split(histories).iter().map(collapse).collect();
    let likelihoods: Vec<_> = of_groups
        .iter()
        .map(|part| {
            move |params: &[f64]| {
                let all: Vec<f64> = whole[..n_fixed].iter().chain(params).copied().collect();
                model.log_likelihood(&all, part)
            }
        })
        .collect();
    let candidates = labels
        .names()
        .iter()
        .zip(&of_groups)
        .zip(&likelihoods)
        .map(|((label, part), at)| {
            let (n, repeaters) = (part.n_customers(), part.n_repeaters());
            let order = vec![
                n,
                part.total_x(),
                part.total_age(),
                part.rows.iter().map(|h| h.t_x).sum(),
            ];
            Candidate {
                label,
                n_customers: n as u64,
                n_repeaters: repeaters as u64,
                member: (FEWEST_CUSTOMERS <= n && FEWEST_REPEATERS <= repeaters).then_some(Member { at, order }),
            }
        });
    fit_groups(
        model.name(),
        model.letters(),
        whole,
        n_fixed,
        candidates.collect(),
        |_| true,
    )
}

/// Fits Gamma-Gamma in every group around `whole`. `spenders` are (x, mean amount) of each customer as in `labels`.
pub fn fit_spend(whole: &GammaGamma, spenders: &[(u32, f64)], labels: &Labels) -> GroupedFit {
    let parts = labels.split(spenders);
    let of_groups: Vec<Spenders> = parts.iter().map(|part| Spenders::new(part.iter().copied())).collect();
    let likelihoods: Vec<_> = of_groups
        .iter()
        .map(|part| move |params: &[f64]| part.log_likelihood(params))
        .collect();
    let candidates = labels.names().iter().zip(&of_groups).zip(&parts).zip(&likelihoods);
    let candidates = candidates.map(|(((label, part), customers), at)| Candidate {
        label,
        n_customers: customers.len() as u64,
        n_repeaters: part.len() as u64,
        member: (gamma_gamma::FEWEST_REPEATERS <= part.len()).then(|| Member {
            at,
            order: vec![part.len() as f64, part.mean(), part.smallest(), part.largest()],
        }),
    });
    let largest = of_groups.iter().map(Spenders::largest).fold(0.0, f64::max);
    let has_mean = |params: &[f64]| {
        let &[p, q, gamma] = params else { return false };
        let mean = GammaGamma { p, q, gamma }.population_mean();
        1.0 < q && mean.is_finite() && mean <= largest
    };
    let whole = [whole.p, whole.q, whole.gamma];
    fit_groups(
        gamma_gamma::NAME,
        gamma_gamma::LETTERS,
        &whole,
        0,
        candidates.collect(),
        has_mean,
    )
}

/// The ladder: own and pooled, or the whole with a reason. The first `n_fixed` parameters are those of the whole.
fn fit_groups(
    name: &str,
    letters: &[&str],
    whole: &[f64],
    n_fixed: usize,
    candidates: Vec<Candidate<'_>>,
    is_usable: impl Fn(&[f64]) -> bool,
) -> GroupedFit {
    let sound = whole.len() == letters.len() && whole.iter().all(|p| p.is_finite() && 0.0 < *p);
    let members: Vec<&Member<'_>> = candidates.iter().filter_map(|c| c.member.as_ref()).collect();
    let pooled = (sound && 1 < members.len()).then(|| pool(&whole[n_fixed..], &members));
    let free = |values: &[f64]| {
        let fixed = vec![f64::NAN; n_fixed];
        Letters::new(letters, &[fixed.as_slice(), values].concat())
    };
    let mut shrunk = pooled.iter().flat_map(|pooled| &pooled.members);
    let groups = candidates.iter().map(|candidate| {
        let mut group = GroupFit {
            label: candidate.label.to_owned(),
            n_customers: candidate.n_customers,
            n_repeaters: candidate.n_repeaters,
            status: GroupStatus::TooSmall,
            own_weight: 0.0,
            params: Letters::new(letters, whole),
            own_weights: free(&vec![0.0; letters.len() - n_fixed]),
            standard_errors: Letters::unknown(letters),
        };
        if candidate.member.is_some() {
            group.status = GroupStatus::OnlyOne;
            if let Some(own) = shrunk.next() {
                group.status = GroupStatus::NotUsable;
                if own.converged && is_usable(&own.params) {
                    group.status = GroupStatus::Pooled;
                    group.own_weight = own.own_weight;
                    group.params = Letters::new(letters, &[&whole[..n_fixed], &own.params].concat());
                    group.own_weights = free(&own.own_weights);
                    group.standard_errors = free(&own.standard_errors);
                }
            }
        }
        group
    });
    GroupedFit {
        name: name.to_owned(),
        whole: Letters::new(letters, whole),
        groups: groups.collect(),
        spreads: pooled
            .as_ref()
            .map_or_else(|| Letters::unknown(letters), |p| free(&p.spreads)),
    }
}

#[cfg(test)]
mod tests;
