//! Every way in which a command can end, and the exit code that tells cron which.

use std::fmt::Write as _;

use crate::clv::holdout::NoHoldout;
use crate::diagnostics::Problem;
use crate::{basket, clean, config, gates, generate, load, output, summary};

/// Exit codes; also printed by `quintile --help` and checked against the README.
pub const EXIT_CODES: [(u8, &str); 10] = [
    (0, "ok"),
    (1, "a bug in quintile"),
    (2, "usage or configuration"),
    (3, "input cannot be read"),
    (4, "data-quality gate: too little usable data"),
    (5, "no model could be fitted"),
    (6, "output cannot be written"),
    (7, "another run holds the lock"),
    (8, "cluster"),
    (9, "drift gate"),
];

/// The error of a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
    #[error(transparent)]
    Load(#[from] load::Error),
    #[error(transparent)]
    Clean(#[from] clean::Error),
    #[error(transparent)]
    Summary(#[from] summary::Error),
    #[error(transparent)]
    Gate(#[from] gates::Error),
    #[error("there is no holdout to evaluate on: {0}")]
    NoHoldout(#[from] NoHoldout),
    #[error(transparent)]
    Basket(#[from] basket::Error),
    #[error(transparent)]
    Publish(#[from] output::publish::Error),
    #[error(transparent)]
    Generate(#[from] generate::Error),
    #[cfg(feature = "spark")]
    #[error(transparent)]
    Cluster(Box<crate::spark::Error>),
    #[error("--cluster {url}: this quintile was built without the feature `spark`")]
    NoCluster { url: String },
    #[error("{path}: {why}")]
    Snapshot { path: String, why: String, hint: String },
    #[error("cannot write to standard output: {0}")]
    Stdout(std::io::Error),
    #[error("a table could not be built: {0}")]
    Frame(#[from] polars::prelude::PolarsError),
}

/// An error of a stage is the same wherever its lines are.
#[cfg(feature = "spark")]
impl From<crate::spark::Error> for Error {
    fn from(error: crate::spark::Error) -> Self {
        match error {
            crate::spark::Error::Load(error) => Self::Load(error),
            crate::spark::Error::Clean(error) => Self::Clean(error),
            crate::spark::Error::Basket(error) => Self::Basket(error),
            error => Self::Cluster(Box::new(error)),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let mut text = format!(
        "{} wrong setting{}",
        problems.len(),
        if problems.len() == 1 { "" } else { "s" }
    );
    for problem in problems {
        let _ = write!(text, "\n  {problem}");
    }
    text
}

impl Error {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Frame(_) => 1,
            Self::Config(_) | Self::Problems(_) => 2,
            Self::Load(error) => error.exit_code(),
            Self::Snapshot { .. } => 3,
            #[cfg(feature = "spark")]
            Self::Cluster(error) => error.exit_code(),
            Self::NoCluster { .. } => 2,
            Self::Clean(clean::Error::Spool { .. }) | Self::Summary(_) => 6,
            Self::Clean(clean::Error::TooManyGroups { .. }) => 2,
            Self::Basket(basket::Error::Disk { .. }) => 6,
            Self::Clean(_) | Self::Gate(_) | Self::NoHoldout(_) | Self::Basket(_) => 4,
            Self::Publish(output::publish::Error::Locked { .. }) => 7,
            Self::Publish(output::publish::Error::Schema { .. } | output::publish::Error::Encode { .. }) => 1,
            Self::Publish(output::publish::Error::Io { .. } | output::publish::Error::Changed { .. })
            | Self::Stdout(_) => 6,
            Self::Generate(generate::Error::Config { .. }) => 2,
            Self::Generate(_) => 6,
        }
    }

    /// What to change; empty where the message says it already.
    pub fn hint(&self) -> String {
        match self {
            Self::Config(error) => error.hint(),
            Self::Problems(_) => String::new(),
            Self::Load(error) => error.hint(),
            Self::Clean(error) => error.hint(),
            Self::Summary(error) => error.hint(),
            Self::Gate(error) => error.hint(),
            Self::NoHoldout(NoHoldout::Outside) => {
                "choose a --cut after the first purchases and before the last day".into()
            }
            Self::NoHoldout(_) => "give a longer history, or a shorter --holdout-days".into(),
            Self::Basket(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Generate(error) => error.hint(),
            Self::Snapshot { hint, .. } => hint.clone(),
            #[cfg(feature = "spark")]
            Self::Cluster(error) => error.hint(),
            Self::NoCluster { .. } => "build it with `cargo build --release --features spark`".into(),
            Self::Stdout(_) => "is the pipe's reader still there?".into(),
            Self::Frame(_) => "this is a bug in quintile: please report it with this message".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_once_in_order() {
        assert!(
            EXIT_CODES
                .iter()
                .enumerate()
                .all(|(i, (code, _))| usize::from(*code) == i)
        );
    }
}
