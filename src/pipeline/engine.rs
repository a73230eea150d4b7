//! Where the two reductions are computed: in this process, or on a cluster.

use std::path::PathBuf;

use super::{CleanFailure, Cleaned, Observer, load_and_clean, snapshot};
use crate::basket;
use crate::clean::Transactions;
use crate::config::{Config, Params};
use crate::error::Error;
use crate::load::{self, Plan};
use crate::output::manifest::Input;
use crate::results::Results;
#[cfg(feature = "spark")]
use crate::spark::Cluster;
use crate::spill::Memory;
use crate::summary::{self, Summarised};
use crate::units::Day;

pub(super) enum Engine {
    Here,
    #[cfg(feature = "spark")]
    Cluster(Box<Cluster>),
}

impl Engine {
    /// Decides how to read the input.
    pub fn plan(config: &Config, params: &Params, inputs: &[PathBuf]) -> Result<(Self, Plan), Error> {
        match config.run.cluster.as_str() {
            "" => Ok((Self::Here, load::plan(&params.load, inputs)?)),
            url => Self::plan_there(url, params, inputs),
        }
    }

    #[cfg(feature = "spark")]
    fn plan_there(url: &str, params: &Params, inputs: &[PathBuf]) -> Result<(Self, Plan), Error> {
        let (cluster, plan) = Cluster::open(url, &params.load, inputs)?;
        Ok((Self::Cluster(Box::new(cluster)), plan))
    }

    #[cfg(not(feature = "spark"))]
    fn plan_there(url: &str, _params: &Params, _inputs: &[PathBuf]) -> Result<(Self, Plan), Error> {
        let url = crate::config::without_secrets(url).to_owned();
        Err(Error::NoCluster { url })
    }

    /// Reads and cleans.
    pub fn clean(&mut self, params: &Params, plan: Plan, observer: &dyn Observer) -> Result<Cleaned, CleanFailure> {
        match self {
            Self::Here => load_and_clean(params, plan, observer),
            #[cfg(feature = "spark")]
            Self::Cluster(cluster) => {
                let people = crate::clean::People::default();
                let cleaned = cluster
                    .clean(&plan, &params.clean, &people)
                    .map_err(|error| CleanFailure::new(error.into()))?;
                let transactions = match cleaned {
                    Ok(transactions) => transactions,
                    Err(refused) => {
                        let (error, report) = *refused;
                        return Err(CleanFailure {
                            error: error.into(),
                            found: Some(Box::new((plan, report))),
                        });
                    }
                };
                observer.lines(transactions.report.read.rows);
                let as_of = params.as_of.or(transactions.report.last_day).unwrap_or_default();
                Ok(Cleaned {
                    plan,
                    people,
                    transactions,
                    as_of,
                })
            }
        }
    }

    /// Reduces the lines to customers; the lines are taken.
    pub fn summarise(
        &mut self,
        params: &Params,
        transactions: &mut Transactions,
        first_day: Day,
        as_of: Day,
    ) -> Result<Summarised, Error> {
        match self {
            Self::Here => Ok(summary::run(&params.summary, transactions, first_day, as_of)?),
            #[cfg(feature = "spark")]
            Self::Cluster(cluster) => {
                let n_products = transactions.products.len();
                Ok(cluster.summarise(&params.summary, &params.pairs, n_products, first_day, as_of)?)
            }
        }
    }

    /// Counts and tests product pairs.
    pub fn pairs(
        &self,
        params: &Params,
        summarised: &Summarised,
        n_products: usize,
        memory: &Memory,
    ) -> Result<basket::Found, Error> {
        match self {
            Self::Here => Ok(basket::run(&summarised.baskets, n_products, &params.pairs, memory)?),
            #[cfg(feature = "spark")]
            Self::Cluster(cluster) => {
                let counted = cluster.count_pairs(&params.pairs, n_products)?;
                Ok(basket::test(counted, &params.pairs))
            }
        }
    }

    /// The files that were read. The bytes of a cluster's files are not here to be hashed: when they were written
    /// stands for them.
    pub fn input_facts(&self, results: &Results) -> Result<Vec<Input>, Error> {
        match self {
            Self::Here => snapshot::input_facts(results),
            #[cfg(feature = "spark")]
            Self::Cluster(cluster) => Ok(cluster
                .files
                .iter()
                .map(|file| Input {
                    path: file.shown.display().to_string(),
                    bytes: file.bytes,
                    hash: format!("modified_micros:{}", file.modified_micros),
                    rows: file.rows,
                })
                .collect()),
        }
    }
}
