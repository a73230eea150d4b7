//! What to generate, and the check that it can be generated.

use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::catalogue::{CATEGORIES, Catalogue, MAX_BUSINESS_LINES, Shape};
use super::history::World;
use super::process::{Model, Process, Spend};
use super::{Error, Problem};

const DEFAULT_CUSTOMERS: u64 = 2_400;
const DEFAULT_R: f64 = 1.1;
const DEFAULT_ALPHA: f64 = 45.0;
const DEFAULT_DROP_PROB: [f64; 2] = [0.6, 5.0];
const DEFAULT_DROP_RATE: [f64; 2] = [0.7, 200.0];
const MAX_DAYS: u32 = 36_525;
const MAX_CUSTOMERS: u64 = 1_000_000_000;
const MAX_LINES_PER_CUSTOMER: f64 = 100_000.0;
/// What a block should hold: enough for a good row group, little enough for many threads.
const BLOCK_LINES: f64 = 262_144.0;
const MAX_BLOCK_CUSTOMERS: f64 = 65_536.0;

/// How the lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Parquet,
    Csv,
}

/// What to generate. Times are in days, money in currency units, shares between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder to write to; made if it is not there
    #[arg(long, value_name = "DIR", default_value_os_t = Config::default().out)]
    pub out: PathBuf,
    /// Parquet or CSV [default: parquet, or csv with --messy]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Compress CSV with gzip
    #[arg(long)]
    pub gzip: bool,
    /// Write what a shop system would export (CSV): semicolons, decimal commas, days before months, customer
    /// numbers as decimals, padded cells, and broken copies of some lines; truth_messy.json counts them
    #[arg(long)]
    pub messy: bool,
    /// Files to spread the lines over
    #[arg(long, value_name = "N", default_value_t = Config::default().files)]
    pub files: u32,

    /// Customers [default: 2400, unless --lines is given]
    #[arg(long, value_name = "N", conflicts_with = "lines")]
    pub customers: Option<u64>,
    /// Lines to aim at, instead of customers: as many customers as are expected to bring them. The count comes
    /// out within about 2.5/sqrt(customers) of it
    #[arg(long, value_name = "N")]
    pub lines: Option<u64>,
    /// Seed of everything
    #[arg(long, value_name = "N", default_value_t = Config::default().seed)]
    pub seed: u64,
    /// First day of the history
    #[arg(long, value_name = "YYYY-MM-DD", default_value_t = Config::default().start_date)]
    pub start_date: String,
    /// Length of the history
    #[arg(long, value_name = "DAYS", default_value_t = Config::default().days)]
    pub days: u32,
    /// First orders fall uniformly on the first so many days [default: all days]
    #[arg(long, value_name = "DAYS")]
    pub acquisition_days: Option<u32>,

    /// The count process
    #[arg(long, value_enum, default_value_t = Config::default().model)]
    pub model: Model,
    /// Shape of the order rates [default: 1.1]
    #[arg(long, value_name = "X")]
    pub r: Option<f64>,
    /// Rate of the order rates, in days: r/alpha orders a day on average [default: 45]
    #[arg(long, value_name = "DAYS")]
    pub alpha: Option<f64>,
    /// First shape of the dropout probability, bg_nbd and mbg_nbd [default: 0.6]
    #[arg(long, value_name = "X")]
    pub a: Option<f64>,
    /// Second shape of the dropout probability, bg_nbd and mbg_nbd [default: 5]
    #[arg(long, value_name = "X")]
    pub b: Option<f64>,
    /// Shape of the dropout rates, pareto_nbd [default: 0.7]
    #[arg(long, value_name = "X")]
    pub s: Option<f64>,
    /// Rate of the dropout rates, in days, pareto_nbd [default: 200]
    #[arg(long, value_name = "DAYS")]
    pub beta: Option<f64>,
    /// Gamma-Gamma spend: shape of order amounts
    #[arg(long, value_name = "X", default_value_t = Config::default().p)]
    pub p: f64,
    /// Gamma-Gamma spend: shape across customers, above 1
    #[arg(long, value_name = "X", default_value_t = Config::default().q)]
    pub q: f64,
    /// Gamma-Gamma spend: scale in currency units; the mean order is p gamma / (q - 1)
    #[arg(long, value_name = "AMOUNT", default_value_t = Config::default().gamma)]
    pub gamma: f64,

    /// Products
    #[arg(long, value_name = "N", default_value_t = Config::default().products)]
    pub products: u32,
    /// Business lines, four categories each
    #[arg(long, value_name = "N", default_value_t = Config::default().business_lines)]
    pub business_lines: u32,
    /// Popularity of products falls as rank^-X
    #[arg(long, value_name = "X", default_value_t = Config::default().zipf_exponent)]
    pub zipf_exponent: f64,
    /// Products drawn for an order on average; equal draws become one line
    #[arg(long, value_name = "X", default_value_t = Config::default().basket_draws)]
    pub basket_draws: f64,
    /// Share of draws that come from the customer's home business line alone
    #[arg(long, value_name = "SHARE", default_value_t = Config::default().focus_share)]
    pub focus_share: f64,
    /// Planted pairs of products, at most four for each business line
    #[arg(long, value_name = "N", default_value_t = Config::default().pairs)]
    pub pairs: u32,
    /// Probability that the first of a planted pair brings the second
    #[arg(long, value_name = "PROB", default_value_t = Config::default().pair_prob)]
    pub pair_prob: f64,
    /// Three letters, on every line
    #[arg(long, value_name = "CODE", default_value_t = Config::default().currency)]
    pub currency: String,

    /// Share of sale lines of which something comes back, on a C order some days later
    #[arg(long, value_name = "SHARE", default_value_t = Config::default().return_share)]
    pub return_share: f64,
    /// Share of orders that are a mistake and come back whole within minutes, on a C order
    #[arg(long, value_name = "SHARE", default_value_t = Config::default().cancelled_order_share)]
    pub cancelled_order_share: f64,
    /// Share of orders without a customer
    #[arg(long, value_name = "SHARE", default_value_t = Config::default().anonymous_share)]
    pub anonymous_share: f64,
    /// Share of sale lines that stand there twice
    #[arg(long, value_name = "SHARE", default_value_t = Config::default().duplicate_share)]
    pub duplicate_share: f64,
    /// Share of sale orders with a line for postage
    #[arg(long, value_name = "SHARE", default_value_t = Config::default().postage_share)]
    pub postage_share: f64,
    /// Share of sale lines that --messy writes again, broken
    #[arg(long, value_name = "SHARE", default_value_t = Config::default().defect_share)]
    pub defect_share: f64,
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

impl Default for Config {
    fn default() -> Self {
        Self {
            out: PathBuf::from("generated"),
            format: None,
            gzip: false,
            messy: false,
            files: 1,
            customers: None,
            lines: None,
            seed: 1,
            start_date: "2024-01-01".to_owned(),
            days: 731,
            acquisition_days: None,
            model: Model::BgNbd,
            r: None,
            alpha: None,
            a: None,
            b: None,
            s: None,
            beta: None,
            p: 6.0,
            q: 4.0,
            gamma: 40.0,
            products: 300,
            business_lines: 4,
            zipf_exponent: 0.8,
            basket_draws: 4.0,
            focus_share: 0.5,
            pairs: 8,
            pair_prob: 0.6,
            currency: "EUR".to_owned(),
            return_share: 0.03,
            cancelled_order_share: 0.01,
            anonymous_share: 0.03,
            duplicate_share: 0.004,
            postage_share: 0.1,
            defect_share: 0.01,
        }
    }
}

/// A checked [`Config`]; made by [`Config::check`] only.
#[derive(Debug)]
pub struct Params {
    pub(super) config: Config,
    pub(super) start: NaiveDate,
    pub(super) end: NaiveDate,
    pub(super) customers: u64,
    pub(super) block_customers: u64,
    pub(super) lines_expected: f64,
    pub(super) expected_repeats: f64,
    pub(super) world: World,
}

/// Collects what is wrong with a config.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn require(&mut self, holds: bool, key: &'static str, value: impl ToString, need: &str) {
        if !holds {
            self.0.push(Problem {
                key,
                value: value.to_string(),
                need: need.to_owned(),
            });
        }
    }

    fn between(&mut self, key: &'static str, value: f64, least: f64, most: f64) {
        let holds = value.is_finite() && least <= value && value <= most;
        self.require(holds, key, value, &format!("between {least} and {most}"));
    }
}

impl Config {
    /// Checks everything and reports every problem.
    pub fn check(&self) -> Result<Params, Error> {
        let mut problems = Problems::default();
        let at = &mut problems;
        self.check_output(at);
        let start = NaiveDate::parse_from_str(&self.start_date, "%Y-%m-%d");
        let last_day = Days::new(u64::from(self.days.clamp(1, MAX_DAYS)) - 1);
        let end = start.ok().and_then(|day| day.checked_add_days(last_day));
        at.require(end.is_some(), "start_date", &self.start_date, "a day, as 2024-01-31");
        let days_hold = (2..=MAX_DAYS).contains(&self.days);
        at.require(days_hold, "days", self.days, "between 2 and 36525");
        let acquisition_days = self.acquisition_days.unwrap_or(self.days);
        let acquisition_holds = (1..=self.days).contains(&acquisition_days);
        let need = "between 1 and the number of days";
        at.require(acquisition_holds, "acquisition_days", acquisition_days, need);

        let process = self.check_process(at);
        let spend = self.check_spend(at);
        let shape = self.check_shape(at);
        let cancelled = self.cancelled_order_share;
        let anonymous = self.anonymous_share;
        at.between("cancelled_order_share", cancelled, 0.0, 0.25);
        at.between("anonymous_share", anonymous, 0.0, 0.25);
        at.between("return_share", self.return_share, 0.0, 0.5);
        at.between("duplicate_share", self.duplicate_share, 0.0, 0.5);
        at.between("postage_share", self.postage_share, 0.0, 1.0);
        at.between("defect_share", self.defect_share, 0.0, 0.5);

        let (Ok(start), Some(end), Some(process), Some(spend), true) =
            (start, end, process, spend, problems.0.is_empty())
        else {
            return Err(problems.into());
        };
        let sale_share = 1.0 - cancelled - anonymous;
        let world = World {
            seed: self.seed,
            days: self.days,
            acquisition_days,
            process,
            spend,
            catalogue: Catalogue::new(shape, self.seed),
            return_share: self.return_share,
            duplicate_share: self.duplicate_share,
            postage_share: self.postage_share,
            mistakes_per_sale: cancelled / sale_share,
            anonymous_per_sale: anonymous / sale_share,
        };
        let expected_repeats = process.mean_expected_repeats(self.days - acquisition_days, self.days - 1);
        let clean_lines = (1.0 + expected_repeats) * world.expected_lines_per_sale();
        let broken_lines = if self.messy {
            (1.0 + expected_repeats) * world.catalogue.expected_lines() * self.defect_share
        } else {
            0.0
        };
        let lines_per_customer = clean_lines + broken_lines;
        let customers = match (self.customers, self.lines) {
            (None, Some(lines)) => ((lines as f64 / lines_per_customer).round() as u64).max(1),
            (customers, _) => customers.unwrap_or(DEFAULT_CUSTOMERS),
        };
        let at = &mut problems;
        let key = if self.lines.is_some() { "lines" } else { "customers" };
        let need = format!("between 1 and {MAX_CUSTOMERS} customers");
        let asked = format!("{customers} customers");
        at.require((1..=MAX_CUSTOMERS).contains(&customers), key, asked, &need);
        let files_hold = u64::from(self.files) <= customers;
        let need = format!("at most the number of customers, {customers}");
        at.require(files_hold, "files", self.files, &need);
        let need = format!("so high that customers have {MAX_LINES_PER_CUSTOMER} lines at most");
        let alpha_holds = lines_per_customer <= MAX_LINES_PER_CUSTOMER;
        at.require(alpha_holds, "alpha", self.alpha.unwrap_or(DEFAULT_ALPHA), &need);
        if !problems.0.is_empty() {
            return Err(problems.into());
        }
        let block_customers = (BLOCK_LINES / clean_lines).clamp(1.0, MAX_BLOCK_CUSTOMERS);
        Ok(Params {
            config: self.clone(),
            start,
            end,
            customers,
            block_customers: block_customers as u64,
            lines_expected: lines_per_customer * customers as f64,
            expected_repeats,
            world,
        })
    }

    fn check_output(&self, at: &mut Problems) {
        at.require(!is_empty(&self.out), "out", "empty", "a folder");
        let files_hold = (1..=100_000).contains(&self.files);
        at.require(files_hold, "files", self.files, "between 1 and 100000");
        let messy_holds = !self.messy || self.format != Some(Format::Parquet);
        at.require(messy_holds, "format", "parquet", "csv, or left out, with messy");
        let is_csv = self.messy || self.format == Some(Format::Csv);
        at.require(!self.gzip || is_csv, "gzip", self.gzip, "left out for parquet");
        let one_size = self.customers.is_none() || self.lines.is_none();
        at.require(one_size, "lines", "given with customers", "given alone");
        let letters = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase());
        let currency_holds = self.currency.len() == 3 && letters(&self.currency);
        at.require(currency_holds, "currency", &self.currency, "three capital letters");
    }

    fn check_process(&self, at: &mut Problems) -> Option<Process> {
        let r = self.r.unwrap_or(DEFAULT_R);
        let alpha = self.alpha.unwrap_or(DEFAULT_ALPHA);
        at.between("r", r, 0.05, 1_000.0);
        // Below one day heavy buyers would order many times a day, which whole days cannot show.
        at.between("alpha", alpha, 1.0, 1e6);
        let given = [("a", self.a), ("b", self.b), ("s", self.s), ("beta", self.beta)];
        let used = self.model.dropout_letters();
        for (letter, value) in given {
            let model = self.model;
            if let (Some(value), false) = (value, used.contains(&letter)) {
                at.require(false, letter, value, &format!("left out for {model}"));
            }
        }
        let dropout = match self.model {
            Model::BgNbd | Model::MbgNbd => {
                let [a, b] = DEFAULT_DROP_PROB;
                [self.a.unwrap_or(a), self.b.unwrap_or(b)]
            }
            Model::ParetoNbd => {
                let [s, beta] = DEFAULT_DROP_RATE;
                [self.s.unwrap_or(s), self.beta.unwrap_or(beta)]
            }
        };
        for (letter, value) in used.into_iter().zip(dropout) {
            at.between(letter, value, 0.05, 1e6);
        }
        Process::new(self.model, r, alpha, dropout)
    }

    fn check_spend(&self, at: &mut Problems) -> Option<Spend> {
        at.between("p", self.p, 0.05, 1_000.0);
        let q_holds = 1.0 < self.q && self.q <= 1_000.0;
        at.require(q_holds, "q", self.q, "above 1 and at most 1000");
        at.between("gamma", self.gamma, 0.01, 1e6);
        Spend::new(self.p, self.q, self.gamma)
    }

    fn check_shape(&self, at: &mut Problems) -> Shape {
        let lines = self.business_lines;
        let lines_hold = (1..=MAX_BUSINESS_LINES).contains(&lines);
        let need = format!("between 1 and {MAX_BUSINESS_LINES}");
        at.require(lines_hold, "business_lines", lines, &need);
        let lines = lines.clamp(1, MAX_BUSINESS_LINES);
        let least = 2 * CATEGORIES * lines;
        let products_hold = (least..=100_000).contains(&self.products);
        let need = format!("between {least} and 100000");
        at.require(products_hold, "products", self.products, &need);
        let need = format!("at most {}", CATEGORIES * lines);
        at.require(self.pairs <= CATEGORIES * lines, "pairs", self.pairs, &need);
        at.between("zipf_exponent", self.zipf_exponent, 0.0, 3.0);
        at.between("basket_draws", self.basket_draws, 1.0, 50.0);
        at.between("focus_share", self.focus_share, 0.0, 1.0);
        at.between("pair_prob", self.pair_prob, 0.0, 1.0);
        Shape {
            products: self.products,
            business_lines: lines,
            zipf_exponent: self.zipf_exponent,
            basket_draws: self.basket_draws,
            focus_share: self.focus_share,
            pairs: self.pairs,
            pair_prob: self.pair_prob,
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Config { problems: problems.0 }
    }
}

impl World {
    /// Lines expected for each sale order, with all that is put beside it. Returns are taken for seen and
    /// allowed, which overstates them by the few that are not.
    fn expected_lines_per_sale(&self) -> f64 {
        let basket = self.catalogue.expected_lines();
        let copies = 1.0 + self.duplicate_share + self.return_share;
        basket * (copies + 2.0 * self.mistakes_per_sale + self.anonymous_per_sale) + self.postage_share
    }
}

impl Params {
    /// Customers that will be drawn.
    pub fn n_customers(&self) -> u64 {
        self.customers
    }

    /// Lines that are expected to be written; what a progress bar needs.
    pub fn expected_lines(&self) -> u64 {
        self.lines_expected.round() as u64
    }

    pub(super) fn n_blocks(&self) -> u64 {
        self.customers.div_ceil(self.block_customers)
    }

    pub(super) fn block(&self, index: u64) -> Range<u64> {
        let first = index * self.block_customers;
        first..(first + self.block_customers).min(self.customers)
    }
}
