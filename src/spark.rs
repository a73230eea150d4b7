//! The two reductions on a cluster, over Spark Connect.
//!
//! In: Parquet that the cluster can read, and the checked parameters of loading, cleaning, summary and pairs. Out: the
//! same structs that the stages make of lines that are read here, so that nothing behind them knows the difference.
//! Nothing of the work is ours: the cluster plans, shuffles, spills and repeats what a lost executor had done. What a
//! value *means* is decided here, once for each distinct odd value, and sent as small tables; what all lines *come to*
//! is SQL.
//!
//! Cost on the cluster: distinct values are read a column at a time; then each line is read and judged once, and sent once to
//! the place of its customer, and the workers keep both until the session ends (`benches/SCALE.md`). Prices and pair
//! counts cross the network after they were added up on each side. What comes back: rejected lines, a row a customer with
//! his purchase days and products, a row a product and price, a row a pair.
//!
//! Source: the protocol is `spark/connect/base.proto` of Apache Spark.

mod client;
mod customers;
mod input;
mod lines;
mod lookups;
mod pairs;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};

use crate::basket;
use crate::clean::elsewhere::{Disagreement, Found, Values};
use crate::clean::{self, CleanReport, Count, Line, People, Transactions};
use crate::load::columnar::to_raw_picked;
use crate::load::date::LocalClock;
use crate::load::header::Canonical;
use crate::load::mapping::Mapping;
use crate::load::{self, Plan};
use crate::summary::elsewhere::{Collector, Reduced, Settings};
use crate::summary::{self, Summarised};
use crate::units::Day;

use client::Session;
use lines::Columns;
use pairs::Evidence;

/// The cluster cannot do what was asked for, or did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("--cluster {url}: {why}")]
    Url { url: String, why: String },
    #[error("{path}: a cluster reads Parquet only")]
    NotParquet { path: String },
    #[error("{what}, which cannot be done on a cluster")]
    Unsupported { what: String, hint: &'static str },
    #[error("the cluster at {url} failed ({what}): {why}")]
    Failed {
        url: String,
        what: &'static str,
        why: String,
    },
    #[error("the server at {url} does not say which file and row a line comes from: {why}")]
    NoFileColumns { url: String, why: String },
    #[error("more than {limit} {what}, for example {example:?}")]
    TooMany {
        what: &'static str,
        limit: usize,
        example: String,
    },
    #[error(transparent)]
    Disagreement(Box<Disagreement>),
    #[error("a table for the cluster could not be built: {why}")]
    Table { why: String },
    #[error(transparent)]
    Load(#[from] load::Error),
    #[error(transparent)]
    Clean(#[from] clean::Error),
    #[error(transparent)]
    Basket(#[from] basket::Error),
}

impl Error {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Url { .. } | Self::NotParquet { .. } | Self::Unsupported { .. } => 2,
            Self::Failed { .. }
            | Self::NoFileColumns { .. }
            | Self::TooMany { .. }
            | Self::Disagreement(_)
            | Self::Table { .. } => 8,
            // Wrapped in the error of their stage before anybody asks.
            Self::Load(error) => error.exit_code(),
            Self::Clean(_) | Self::Basket(_) => 4,
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::Url { .. } => {
                "write it as sc://host:15002, with ;token=... after a / where the server asks for one".into()
            }
            Self::NotParquet { .. } => "write it as Parquet first, or run without --cluster".into(),
            Self::Unsupported { hint, .. } => (*hint).into(),
            Self::Failed { .. } => {
                "is the server up, and can every worker read the input under that path? Nothing was published".into()
            }
            Self::NoFileColumns { .. } => {
                "Apache Spark 4 has the column _metadata; see \"On a cluster\" in README. Nothing was published".into()
            }
            Self::TooMany { .. } => "is the right column mapped? See --map; such ids are looked at one by one".into(),
            Self::Disagreement(_) => "was the input written while it was read? If not, please report it".into(),
            Self::Table { .. } => "this is a bug in quintile: please report it with this message".into(),
            Self::Load(error) => error.hint(),
            Self::Clean(error) => error.hint(),
            Self::Basket(error) => error.hint(),
        }
    }
}

/// A file of the input.
#[derive(Clone, Debug)]
pub struct FileFact {
    /// As the cluster names it.
    uri: String,
    /// As the user would.
    pub shown: PathBuf,
    pub rows: u64,
    pub bytes: u64,
    pub modified_micros: i64,
}

/// A cluster on which the input of a run is open.
pub struct Cluster {
    session: Session,
    schema: Arc<Schema>,
    pub files: Vec<FileFact>,
    /// Known when the lines are judged.
    has_returns: bool,
    kept_amount: i128,
    rejecting: u32,
    evidence: Evidence,
    sizes: Sizes,
}

/// Baskets by what they hold.
#[derive(Clone, Copy, Default)]
struct Sizes {
    n: u64,
    n_oversized: u64,
    n_oversized_lines: u64,
}

impl Cluster {
    /// Connects, opens the input and decides how to read it.
    pub fn open(url: &str, params: &load::Params, inputs: &[PathBuf]) -> Result<(Self, Plan), Error> {
        let session = Session::connect(url)?;
        for (key, value) in [
            ("spark.sql.session.timeZone", "UTC"),
            // An overflow is an error, never a wrong sum.
            ("spark.sql.ansi.enabled", "true"),
            ("spark.sql.caseSensitive", "true"),
            // An expression pushed down is written out again for each name in it: with some forty names over each
            // other, planning would take minutes and win nothing.
            ("spark.sql.constraintPropagation.enabled", "false"),
            (
                "spark.sql.optimizer.excludedRules",
                "org.apache.spark.sql.catalyst.optimizer.PushDownPredicates",
            ),
            // Lines that are kept by customer stay so, and are not sent again for what is asked of customers.
            ("spark.sql.optimizer.canChangeCachedPlanOutputPartitioning", "false"),
            // Folder names are text: `region=01` is not region 1.
            ("spark.sql.sources.partitionColumnTypeInference.enabled", "false"),
        ] {
            session.set(key, value)?;
        }
        let input::Input { schema, files, plan } = input::open(&session, params, inputs)?;
        let cluster = Self {
            session,
            schema,
            files,
            has_returns: false,
            kept_amount: 0,
            rejecting: 0,
            evidence: Evidence {
                rejecting: 0,
                anonymous: false,
                non_products: false,
            },
            sizes: Sizes::default(),
        };
        Ok((cluster, plan))
    }

    /// Judges all lines there and brings back the counts and the rejected lines.
    pub fn clean(
        &mut self,
        plan: &Plan,
        params: &clean::Params,
        people: &People,
    ) -> Result<Result<Transactions, Box<(clean::Error, CleanReport)>>, Error> {
        let Some(file) = plan.files.first() else {
            return Err(load::Error::NoInput.into());
        };
        let rules = params.line_rules();
        let schema = self.schema.clone();
        let columns = Columns {
            schema: &schema,
            mapping: &file.mapping,
            timezone: plan.timezone,
        };
        self.rejecting = rules.rejecting;
        self.evidence.rejecting = rules.rejecting;
        self.evidence.anonymous = rules.anonymous_baskets && columns.has(Canonical::OrderId);
        let values = Values::new(params, people, plan.files.len());
        self.session.view("quintile_keys", &lines::keys(&columns)?)?;
        lookups::send(&self.session, &columns, &self.files, &values)?;
        self.session
            .kept_view("quintile_judged", &lines::judged(&columns, &rules)?)?;
        let found = self.totals()?;
        let kept: Vec<&Found> = found
            .iter()
            .filter(|part| part.matched & rules.rejecting == 0)
            .collect();
        self.has_returns = kept.iter().map(|part| part.returns).sum::<u64>() > 0;
        self.kept_amount = kept.iter().map(|part| part.count.amount).sum();
        let n_judged: u64 = found.iter().map(|part| part.count.rows).sum();
        if n_judged != self.files.iter().map(|file| file.rows).sum::<u64>() {
            return Err(self.session.unexpected("judging the lines"));
        }
        if found.iter().any(|part| part.matched & rules.rejecting != 0) {
            self.rejected(&columns, plan, &values)?;
        }
        let rows_by_file = self.files.iter().map(|file| file.rows).collect();
        let finished = values.finish(&found, rows_by_file);
        finished.map_err(|disagreement| Error::Disagreement(Box::new(disagreement)))
    }

    /// Lines by what matched and, where they are kept, by size.
    fn totals(&self) -> Result<Vec<Found>, Error> {
        const WHAT: &str = "judging the lines";
        let sql = format!(
            "SELECT matched, class, count(*), CAST(sum(CAST(amount AS DECIMAL(38,0))) AS STRING), sum(IF(is_return, 1, 0)), \
             min(day), max(day) FROM (SELECT *, IF((matched & {}) <> 0, 0, (length(bin(size)) - 1) * 4 | \
             CAST(shiftright(size, length(bin(size)) - 3) & 3 AS INT)) AS class FROM (SELECT *, greatest(abs(amount), 4) AS \
             size FROM quintile_judged)) GROUP BY matched, class",
            self.rejecting
        );
        let rows = self.session.query(WHAT, &sql)?;
        let (matched, classes, counts) = (rows.counts(0), rows.counts(1), rows.counts(2));
        let (sums, returns) = (rows.sums(3), rows.counts(4));
        let (first, last) = (rows.integers(5), rows.integers(6));
        let day = |day: Option<i64>| day.and_then(|day| i32::try_from(day).ok()).map(Day);
        Ok((0..rows.len())
            .map(|i| {
                let is_kept = matched[i] as u32 & self.rejecting == 0;
                Found {
                    matched: matched[i] as u32,
                    size_class: classes[i] as usize,
                    count: Count {
                        rows: counts[i] as u64,
                        amount: sums[i],
                    },
                    returns: returns[i] as u64,
                    first_day: day(first[i]).filter(|_| is_kept),
                    last_day: day(last[i]).filter(|_| is_kept),
                }
            })
            .collect())
    }

    /// Brings the rejected lines here, where they are judged again: their text is ours, and a difference shows.
    fn rejected(&self, columns: &Columns<'_>, plan: &Plan, values: &Values<'_>) -> Result<(), Error> {
        const WHAT: &str = "the rejected lines";
        let raw = columns.raw();
        // In order within what comes at one time; more is not needed.
        let names: Vec<String> = raw.iter().map(|(i, _)| format!("raw_{i}")).collect();
        let sql = format!(
            "SELECT {}, fi, r FROM quintile_judged WHERE (matched & {}) <> 0 SORT BY fi, r",
            names.join(", "),
            self.rejecting
        );
        let mapping = projected(columns.mapping, &raw);
        let mut clock = LocalClock::new(plan.timezone);
        self.session.each_batch(WHAT, &sql, &mut |batch| {
            let unexpected = || self.session.unexpected(WHAT);
            let (files, rows) = (integers(&batch, raw.len()), integers(&batch, raw.len() + 1));
            let (files, rows) = (files.ok_or_else(unexpected)?, rows.ok_or_else(unexpected)?);
            let fields: Vec<Field> = raw
                .iter()
                .zip(batch.columns())
                .map(|((_, field), array)| Field::new(field.name(), array.data_type().clone(), true))
                .collect();
            let arrays = batch.columns()[..raw.len()].to_vec();
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|_| unexpected())?;
            let mut start = 0;
            for of_file in files.chunk_by(|a, b| a == b) {
                let part = batch.slice(start, of_file.len());
                let numbers = rows[start..start + of_file.len()]
                    .iter()
                    .map(|row| *row as u64)
                    .collect();
                start += of_file.len();
                let file = u32::try_from(of_file[0]).map_err(|_| unexpected())?;
                let raw = to_raw_picked(part, &mapping.positions, &mapping, file, numbers, &mut clock);
                values.reject(&raw);
            }
            Ok(())
        })
    }

    /// Reduces the lines to customers there. `first_day` is the first day of any kept line.
    pub fn summarise(
        &mut self,
        params: &summary::Params,
        pairs: &basket::Params,
        n_products: usize,
        first_day: Day,
        as_of: Day,
    ) -> Result<Summarised, Error> {
        let settings = params.settings();
        self.evidence.non_products = settings.non_products;
        let mut collector = Collector::new(n_products);
        self.session
            .kept_view("quintile_kept", &customers::kept(self.rejecting))?;
        self.duplicates(&settings, &mut collector)?;
        let lines = customers::lines(settings.reject_duplicates);
        self.session.view("quintile_lines", &lines)?;
        let sql = customers::customers(&settings, as_of.0, self.has_returns);
        let mut add = |found: &Reduced| collector.add(found);
        self.session.each_batch("reducing customers", &sql, &mut |batch| {
            customers::read(&batch, &mut add).ok_or_else(|| self.session.unexpected("reducing customers"))
        })?;
        self.session.each_batch("prices", &customers::prices(), &mut |batch| {
            let column = |i| integers(&batch, i).ok_or_else(|| self.session.unexpected("prices"));
            let (products, amounts, counts) = (column(0)?, column(1)?, column(2)?);
            for ((product, amount), n) in products.iter().zip(amounts).zip(counts) {
                collector.add_sales(*product as u32, amount, n as u64);
            }
            Ok(())
        })?;
        let rows = self
            .session
            .query("baskets by size", &self.evidence.sizes(pairs.max_basket_products()))?;
        let figure = |i: usize| rows.counts(i).first().map_or(0, |n| *n as u64);
        self.sizes = Sizes {
            n: figure(0) - figure(1),
            n_oversized: figure(1),
            n_oversized_lines: figure(2),
        };
        let found = collector.finish(first_day, as_of, figure(3), figure(4));
        // Every line that stands is some customer's: what is missing shows in the money.
        let dropped: i128 = found
            .rejected_duplicates
            .iter()
            .map(|line| i128::from(line.amount))
            .sum();
        if rows.len() != 1 || found.gross - found.returned + dropped != self.kept_amount {
            return Err(self.session.unexpected("reducing customers"));
        }
        Ok(found)
    }

    fn duplicates(&self, settings: &Settings, collector: &mut Collector) -> Result<(), Error> {
        let rows = self.session.query("duplicates", customers::DUPLICATES)?;
        let n = rows.counts(0).first().map_or(0, |n| *n as u64);
        let amount = rows.sums(1).first().copied().unwrap_or_default();
        let mut dropped = Vec::new();
        if settings.reject_duplicates && n > 0 {
            let rows = self.session.query("dropped duplicates", &customers::dropped())?;
            let (files, numbers, amounts) = (rows.counts(0), rows.counts(1), rows.counts(2));
            dropped.extend(
                files
                    .into_iter()
                    .zip(numbers)
                    .zip(amounts)
                    .map(|((file, row), amount)| Line {
                        file: file as u16,
                        row: row as u64,
                        amount,
                        ..Line::default()
                    }),
            );
        }
        collector.add_duplicates(n, amount, dropped);
        Ok(())
    }

    /// Counts pairs there, after [`Cluster::summarise`].
    pub fn count_pairs(&self, params: &basket::Params, n_products: usize) -> Result<basket::Counted, Error> {
        const WHAT: &str = "counting pairs";
        let n_baskets = self.sizes.n;
        if (i32::MAX as usize) < n_products {
            return Err(basket::Error::TooManyProducts { n_products }.into());
        }
        if u64::from(u32::MAX) < n_baskets {
            return Err(basket::Error::TooManyBaskets { n_baskets }.into());
        }
        let max_products = params.max_basket_products().min(i32::MAX as usize);
        let mut n_a = vec![0u32; n_products];
        self.session
            .each_batch(WHAT, &self.evidence.products(max_products), &mut |batch| {
                let column = |i| integers(&batch, i).ok_or_else(|| self.session.unexpected(WHAT));
                for (product, n) in column(0)?.iter().zip(column(1)?) {
                    if let Some(count) = n_a.get_mut(*product as usize) {
                        *count = n as u32;
                    }
                }
                Ok(())
            })?;
        let asked = params.min_count(n_baskets);
        let frequent: Vec<i64> = (0..)
            .zip(&n_a)
            .filter(|(_, n)| asked <= u64::from(**n))
            .map(|(p, _)| p)
            .collect();
        let Sizes {
            n_oversized,
            n_oversized_lines,
            ..
        } = self.sizes;
        let mut counted = basket::Counted::new(n_a, n_baskets, n_oversized, n_oversized_lines, asked);
        if frequent.len() < 2 {
            return Ok(counted);
        }
        lookups::send_frequent(&self.session, frequent)?;
        let (mut min_count, max_pairs) = (asked, params.max_tested_pairs());
        loop {
            let mut found: Vec<(u32, u32, u32)> = Vec::new();
            let sql = self
                .evidence
                .pairs(max_products, min_count, max_pairs.saturating_add(1));
            self.session.each_batch(WHAT, &sql, &mut |batch| {
                let column = |i| integers(&batch, i).ok_or_else(|| self.session.unexpected(WHAT));
                let (a, b, n) = (column(0)?, column(1)?, column(2)?);
                found.extend((0..n.len()).map(|i| (a[i] as u32, b[i] as u32, n[i] as u32)));
                Ok(())
            })?;
            if found.len() as u64 <= max_pairs {
                found.sort_unstable();
                counted.set_pairs(min_count, found.into_iter());
                return Ok(counted);
            }
            min_count = min_count.saturating_mul(2);
        }
    }
}

/// Column `i` as integers; `None` where it is not one.
fn integers(batch: &RecordBatch, i: usize) -> Option<Vec<i64>> {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Int64Type};
    let column = arrow::compute::cast(batch.columns().get(i)?, &DataType::Int64).ok()?;
    Some(column.as_primitive_opt::<Int64Type>()?.values().to_vec())
}

/// The mapping of the columns that are read, when they stand alone.
fn projected(mapping: &Mapping, raw: &[(usize, &Field)]) -> Mapping {
    let place = |position: Option<usize>| raw.iter().position(|(i, _)| Some(*i) == position);
    Mapping {
        positions: mapping.positions.map(place),
        ..mapping.clone()
    }
}
