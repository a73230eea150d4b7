//! Everything that a run found, in the order in which the stages found it: what is published, reported and printed.

use crate::basket::{Found, offers::Offers};
use crate::clean::CleanReport;
use crate::cluster::Clusters;
use crate::clv::ClvResult;
use crate::contributors::Contributors;
use crate::customers::{Attributes, Customers, Stages};
use crate::diagnostics::Warning;
use crate::load::Plan;
use crate::rfm::{Profile, Rfm};
use crate::summary::{Summarised, Summary};
use crate::units::Day;

/// Everything that a run found.
pub struct Results {
    pub plan: Plan,
    pub report: CleanReport,
    pub as_of: Day,
    pub products: Vec<String>,
    pub product_names: Vec<Option<String>>,
    pub summarised: Summarised,
    /// Purchases after a customer's first: (day, purchases), ascending.
    pub repeats_by_day: Vec<(i32, u64)>,
    pub rfm: Rfm,
    /// What the customers of each segment are like.
    pub segments: Vec<Profile>,
    pub clv: ClvResult,
    pub horizon_days: u32,
    pub clusters: Clusters,
    pub contributors: Contributors,
    pub found: Found,
    pub offers: Offers,
    pub customers: Customers,
    pub attributes: Attributes,
    pub warnings: Vec<Warning>,
}

impl Results {
    pub fn summary(&self) -> &Summary {
        &self.summarised.summary
    }

    /// What the row of a customer is joined of; `groups` are the labels of the groups of the values.
    pub fn stages<'a>(&'a self, groups: &'a [Option<&'a str>]) -> Stages<'a> {
        Stages {
            summary: self.summary(),
            rfm: &self.rfm,
            clv: &self.clv.customers,
            groups,
            horizon_days: self.horizon_days,
            clusters: &self.clusters,
            contributors: &self.contributors,
            offers: &self.offers,
            products: &self.products,
            attributes: &self.attributes,
        }
    }

    /// The name of a product for people: its name if it has one, else its id.
    pub fn product_label(&self, code: u32) -> &str {
        let code = code as usize;
        self.product_names[code].as_deref().unwrap_or(&self.products[code])
    }
}
