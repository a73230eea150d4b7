//! What the user set, and what follows from it: raw [`Config`] → checked [`Params`], once, at the edge.
//!
//! In: `default.toml`, then the file of `--config`, then flags and `--set`, each overriding the one before. Out:
//! every stage's parameters, or every problem.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::clv::groups::GroupBy;
use crate::diagnostics::Problem;
use crate::load::header::Canonical;
use crate::spill::{Memory, parse_bytes};
use crate::units::Day;
use crate::{basket, clean, cluster, clv, customers, gates, load, rfm, summary};

/// The only place where defaults live.
pub const DEFAULT: &str = include_str!("default.toml");

/// All settings, as written. Only [`Config::check`] makes something to run with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub run: Run,
    pub load: load::Config,
    pub clean: clean::Config,
    pub summary: summary::Config,
    pub rfm: rfm::Config,
    pub clv: clv::Config,
    pub clusters: cluster::Config,
    pub pairs: basket::Config,
    pub offers: basket::offers::Config,
    pub watch: customers::Config,
    pub gates: gates::Config,
}

/// Section `[run]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub input: Vec<PathBuf>,
    pub as_of: String,
    pub timezone: String,
    pub seed: u64,
    pub out: PathBuf,
    pub cluster: String,
    pub rejects: Rejects,
    pub memory: String,
    pub spill_dir: PathBuf,
}

/// In what form rejected lines are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejects {
    Parquet,
    /// Beside the table, a file that can be repaired and read again.
    Csv,
}

/// Checked parameters of all stages; only made by [`Config::check`].
#[derive(Clone, Debug)]
pub struct Params {
    pub as_of: Option<Day>,
    pub load: load::Params,
    pub clean: clean::Params,
    pub summary: summary::Params,
    pub rfm: rfm::Params,
    pub clv: clv::Params,
    pub clusters: cluster::Params,
    pub pairs: basket::Params,
    pub offers: basket::offers::Params,
    pub watch: customers::Params,
    pub gates: gates::Params,
}

/// A configuration that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read config {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("config {}: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("--set {text}: {why}")]
    Set { text: String, why: String },
    #[error("config: {message}")]
    Shape { message: String },
}

impl Error {
    pub fn hint(&self) -> String {
        match self {
            Self::Io { .. } => "check the path given with --config".into(),
            Self::Syntax { .. } => "see https://toml.io, or start from `quintile init`".into(),
            Self::Set { .. } => {
                "write --set section.key=value, text in quotes: --set 'clean.returns=\"ignore\"'".into()
            }
            Self::Shape { .. } => "`quintile config` prints every setting with its default".into(),
        }
    }
}

/// A setting from the command line: dotted key and value.
pub type Setting = (String, Value);

/// Reads `section.key=value`; a value that is no TOML is taken as text.
pub fn parse_setting(text: &str) -> Result<Setting, Error> {
    let error = |why: &str| Error::Set {
        text: text.to_string(),
        why: why.to_string(),
    };
    let (key, value) = text.split_once('=').ok_or_else(|| error("no = in it"))?;
    let key = key.trim();
    if !key.contains('.') || key.split('.').any(str::is_empty) {
        return Err(error("the key must be section.key"));
    }
    let parsed = format!("value = {value}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"));
    Ok((
        key.to_string(),
        parsed.unwrap_or_else(|| Value::String(value.trim().to_string())),
    ))
}

impl Config {
    /// Defaults, then the file, then the settings.
    pub fn read(file: Option<&Path>, settings: &[Setting]) -> Result<Self, Error> {
        let shape = |error: toml::de::Error| Error::Shape {
            message: error.message().to_string(),
        };
        let mut table: Table = DEFAULT.parse().map_err(shape)?;
        if let Some(path) = file {
            let text = fs::read_to_string(path).map_err(|source| Error::Io {
                path: path.to_path_buf(),
                source,
            })?;
            let syntax = |error: toml::de::Error| Error::Syntax {
                path: path.to_path_buf(),
                message: error.to_string(),
            };
            merge(&mut table, text.parse().map_err(syntax)?);
        }
        for (key, value) in settings {
            set(&mut table, key, value.clone());
        }
        table.try_into().map_err(|error: toml::de::Error| Error::Shape {
            message: error.to_string().trim().to_string(),
        })
    }

    /// Every stage's parameters, or every problem.
    pub fn check(&self) -> Result<Params, Vec<Problem>> {
        let mut problems = Vec::new();
        let timezone = self.run.timezone.parse::<chrono_tz::Tz>();
        if timezone.is_err() {
            let hint = "use an IANA name such as Europe/Berlin, Asia/Shanghai or UTC";
            problems.push(Problem::new(
                "run.timezone",
                &self.run.timezone,
                "is not a known time zone",
                hint,
            ));
        }
        let as_of = match self.run.as_of.as_str() {
            "" => None,
            text => match text.parse::<chrono::NaiveDate>() {
                Ok(date) => Some(Day::from_date(date)),
                Err(_) => {
                    problems.push(Problem::new(
                        "run.as_of",
                        text,
                        "is not a date",
                        "write it as 2026-12-31",
                    ));
                    None
                }
            },
        };
        let cap_bytes = match self.run.memory.as_str() {
            "" => Some(Memory::of_machine()),
            text => parse_bytes(text).filter(|bytes| Memory::LEAST_BYTES <= *bytes),
        };
        if cap_bytes.is_none() {
            let why = "is not a size of 1 MiB or more";
            problems.push(Problem::new(
                "run.memory",
                &self.run.memory,
                why,
                "write it as 2GB or 512MiB",
            ));
        }
        let spill_dir = Some(self.run.spill_dir.as_path()).filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = spill_dir
            && !folder.is_dir()
        {
            let value = folder.display().to_string();
            let why = "is not a folder";
            problems.push(Problem::new(
                "run.spill_dir",
                value,
                why,
                "make it first, on a disk with room",
            ));
        }
        let memory = Memory::new(cap_bytes.unwrap_or_default(), spill_dir);
        let mut load = self.load.check(timezone.unwrap_or(chrono_tz::UTC), &mut problems);
        let mut clean = self.clean.check(as_of, self.pairs.anonymous, &mut problems);
        if let Some(clean) = &mut clean {
            clean.hold_within(&memory);
        }
        let actions = clean::Actions::check(&self.clean.rules, &mut Vec::new());
        let summary = self.summary.check(&actions, self.pairs.non_products, &mut problems);
        let rfm = self.rfm.check(&mut problems);
        let clv = self.clv.check().map_err(|found| {
            problems.extend(
                found
                    .iter()
                    .map(|p| Problem::new(&format!("clv.{}", p.key()), "", &p.to_string(), &p.hint())),
            );
        });
        if let (Some(load), Ok(clv)) = (&mut load, &clv)
            && let GroupBy::Column(column) = clv.group_by()
            && let Some(column) = line_group(column)
        {
            load.group_by(column);
        }
        let clusters = self.clusters.check(self.run.seed, &mut problems);
        let mut of_basket = |found: Vec<basket::Error>| {
            problems.extend(
                found
                    .iter()
                    .map(|p| Problem::new("pairs/offers", "", &p.to_string(), &p.hint())),
            );
        };
        let pairs = self.pairs.check().map_err(&mut of_basket);
        let offers = self.offers.check().map_err(&mut of_basket);
        let watch = self.watch.check(&mut problems);
        let gates = self.gates.check(&mut problems);
        match (load, clean, summary, rfm, clv, clusters, pairs, offers, watch, gates) {
            (
                Some(load),
                Some(clean),
                Some(summary),
                Some(rfm),
                Ok(clv),
                Some(clusters),
                Ok(pairs),
                Ok(offers),
                Some(watch),
                Some(gates),
            ) if problems.is_empty() => Ok(Params {
                as_of,
                load,
                clean,
                summary,
                rfm,
                clv,
                clusters,
                pairs,
                offers,
                watch,
                gates,
            }),
            _ => Err(problems),
        }
    }

    /// The effective settings as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// BLAKE3 of the effective settings, without the places of input, output and work and the memory cap: these do not
    /// change a result.
    pub fn hash(&self) -> String {
        let mut settings = self.clone();
        settings.run.out = PathBuf::new();
        settings.run.input = Vec::new();
        (settings.run.memory, settings.run.spill_dir) = Default::default();
        settings.run.cluster = String::new();
        format!("blake3:{}", blake3::hash(settings.to_toml().as_bytes()).to_hex())
    }
}

/// The address of a cluster without its parameters, which may hold a token.
pub fn without_secrets(url: &str) -> &str {
    url.split_once(';').map_or(url, |(address, _)| address)
}

/// The column of the transactions that customers are grouped by, if the name is that of one.
pub fn line_group(column: &str) -> Option<Canonical> {
    [Canonical::BusinessLine, Canonical::Channel, Canonical::Category]
        .into_iter()
        .find(|canonical| canonical.name() == column)
}

/// Lays `over` on `base`, section by section; lists are replaced as a whole.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_string(), value);
        }
        Some((section, rest)) => {
            let below = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(below) = below {
                set(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(text: &str) -> Setting {
        parse_setting(text).unwrap()
    }

    #[test]
    fn the_defaults_pass_their_own_check() {
        let config = Config::read(None, &[]).unwrap();
        assert_eq!(config.check().map_err(|p| p.len()).err(), None);
        assert_eq!(
            config.hash(),
            Config::read(None, &[setting("run.out=elsewhere")]).unwrap().hash()
        );
    }

    #[test]
    fn settings_override_and_unknown_keys_are_refused() {
        let config = Config::read(None, &[setting("clean.returns=ignore"), setting("clv.horizon_days=90")]).unwrap();
        assert_eq!(
            (config.clean.returns, config.clv.horizon_days),
            (clean::Returns::Ignore, 90)
        );
        let error = Config::read(None, &[setting("clean.retruns=ignore")]).unwrap_err();
        assert!(error.to_string().contains("retruns"), "{error}");
        assert!(parse_setting("returns=ignore").is_err());
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let settings = [
            "run.timezone=Mars/Base",
            "clv.horizon_days=0",
            "clusters.k_min=1",
            "clean.rules.bad_date=keep",
        ];
        let settings: Vec<Setting> = settings.iter().map(|text| setting(text)).collect();
        let problems = Config::read(None, &settings).unwrap().check().unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "run.timezone",
                "clean.rules.bad_date",
                "clv.horizon_days",
                "clusters.k_min, clusters.k_max"
            ]
        );
    }
}
