//! The command line: what the user typed, turned into a config and a call.
//!
//! Data and results go to standard output, everything else to standard error. Exit codes: [`EXIT_CODES`].

mod evaluation;
mod progress;
mod screen;
mod starter;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use toml::Value;

use crate::clean::rules_to_markdown;
use crate::config::{self, Config, Params, Setting, parse_setting};
use crate::diagnostics::Problem;
use crate::error::{EXIT_CODES, Error};
use crate::pipeline::{self, TABLES};
use crate::units::Day;
use crate::{generate, load};
use progress::Progress;

const ABOUT: &str = "Turns a transaction history into customer decisions";

const LONG_ABOUT: &str = "\
Turns a transaction history into customer decisions: who the valuable customers are, what each will be worth, which \
groups they form, what to offer them next. Reads transaction files as they are, cleans them and says what it dropped, \
and writes Parquet tables, a manifest and a report in one folder that appears as a whole or not at all.";

const EXAMPLES: &str = "\
Examples:
  quintile run                                     the bundled sample
  quintile run --input sales.csv                   your file; columns are guessed and printed
  quintile run --input 'sales/*.parquet' --as-of 2026-06-30 --timezone Europe/Berlin --out snapshots
  quintile check --input sales.csv                 what is wrong with it, before you run";

/// Turns a transaction history into customer decisions
#[derive(Debug, Parser)]
#[command(name = "quintile", version, about = ABOUT, long_about = LONG_ABOUT, after_help = EXAMPLES, after_long_help = long_help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn long_help() -> String {
    let codes: Vec<String> = EXIT_CODES
        .iter()
        .map(|(code, meaning)| format!("  {code}  {meaning}"))
        .collect();
    format!("{EXAMPLES}\n\nExit codes:\n{}", codes.join("\n"))
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Do the whole job and publish a snapshot
    ///
    /// Reads and cleans the input, scores every customer (RFM, lifetime value, clusters, contribution), finds product
    /// pairs and next offers, and publishes OUT/as_of=YYYY-MM-DD/ with customers, segments, clusters, contributors,
    /// pairs, offers and rejects as Parquet, model.json, manifest.json and report.html. A snapshot of the same day is
    /// replaced in one step; a run that fails changes nothing. Time grows linearly with the lines; 10 to 30 bytes of
    /// memory a line.
    #[command(
        after_help = "Example:\n  quintile run --input sales.csv.gz --map customer_id=KundenNr --as-of 2026-06-30"
    )]
    Run(JobArgs),

    /// Read and clean only, and print what was found
    ///
    /// Prints how the input was understood, what each cleaning rule matched with three lines as examples, what stands
    /// in each column, the days covered and the gaps, and whether there is enough data for each result. Writes
    /// nothing. Exit code 4 if a run would stop at a data-quality gate.
    #[command(after_help = "Example:\n  quintile check --input sales.csv --date-format dmy")]
    Check(CheckArgs),

    /// Hold every model against days that have passed
    ///
    /// Cuts your own history at a day, fits every model of the setting and some simple rules to what was known
    /// then, and compares what they expected with what came: errors, bias of the totals, log score, share of revenue in
    /// the predicted top fifth, coverage of the intervals. Prints the table and publishes OUT/evaluation/as_of=DATE/
    /// with three Parquet tables, evaluation.json and report.html. Exit code 4 where the history is too short.
    #[command(
        after_help = "Example:\n  quintile evaluate --input sales.csv --cut 2026-03-31 --set clv.horizon_days=180"
    )]
    Evaluate(EvaluateArgs),

    /// Make a synthetic history with known truth, of any size
    ///
    /// Customers are drawn from a BG/NBD, MBG/NBD or Pareto/NBD process with Gamma-Gamma spend, baskets from popular
    /// products with planted pairs; returns, cancelled orders, anonymous lines and duplicates are added. truth.json
    /// holds every parameter and exact counts. Constant memory; the same seed gives the same bytes.
    #[command(after_help = "Example:\n  quintile generate --lines 1000000 --seed 7 --out history")]
    Generate(GenerateArgs),

    /// Print the effective settings as TOML
    ///
    /// Defaults, then --config, then flags and --set. The output is itself a config file.
    #[command(after_help = "Example:\n  quintile config --set clv.horizon_days=180 > quintile.toml")]
    Config(JobArgs),

    /// Write a commented config, with what is found out about your files
    ///
    /// Writes every setting with its default and what it means to FILE; an existing file is left alone. With --input
    /// the files are looked at, and everything that was found out about them stands in the config with its evidence:
    /// columns, encoding, delimiter, decimal mark, date format. A run with this config guesses nothing any more.
    #[command(
        after_help = "Example:\n  quintile init quintile.toml --input sales.csv && quintile run --config quintile.toml"
    )]
    Init(InitArgs),

    /// Print the columns of every output table
    #[command(after_help = "Example:\n  quintile schema | less")]
    Schema {
        /// Print the cleaning rules instead
        #[arg(long)]
        rules: bool,
    },

    /// Print a completion script for your shell
    #[command(after_help = "Example:\n  quintile completions bash > /etc/bash_completion.d/quintile")]
    Completions { shell: clap_complete::Shell },
}

/// Flags of every command that reads transactions.
#[derive(Args, Debug)]
struct JobArgs {
    /// Files, folders, globs, the same on s3:// or - for standard input: delimited text, JSON Lines, Parquet, Arrow or
    /// Excel, also .gz and .zst [default: the bundled sample]
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    input: Vec<PathBuf>,
    /// Config file (TOML); holds only what differs from the defaults
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Override any setting, as `quintile config` prints them; may be repeated
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
    /// Say which column is which, as canonical=header; may be repeated
    #[arg(long, value_name = "CANONICAL=HEADER")]
    map: Vec<String>,
    /// Names of the columns of a file without a header line, in order; _ skips one
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// How dates are written: iso, ymd, dmy, mdy, yyyymmdd, month_name, chinese, roc (years of Taiwan), epoch_seconds,
    /// epoch_millis, epoch_micros, epoch_nanos, excel
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// Decimal mark: point or comma
    #[arg(long, value_name = "MARK")]
    decimal: Option<String>,
    /// What stands between fields: one character, tab or blank
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<String>,
    /// Sheet of a workbook [default: the first]
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Table of customers, whose columns are carried to the output (region, consent, e-mail)
    #[arg(long, value_name = "FILE")]
    customers: Option<PathBuf>,
    /// Table of two columns that says which customer ids are the same person: old id, id of the person
    #[arg(long, value_name = "FILE")]
    customer_map: Option<PathBuf>,
    /// Encoding of text files, such as gb18030 or windows-1252
    #[arg(long, value_name = "LABEL")]
    encoding: Option<String>,
    /// How customers buy: noncontractual (when they like), discrete (at opportunities) or contractual (renewals)
    #[arg(long, value_name = "SETTING")]
    setting: Option<String>,
    /// Last day that counts, YYYY-MM-DD [default: the day of the last valid transaction]
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Time zone in which a day is a day [default: UTC]
    #[arg(long, value_name = "TZ")]
    timezone: Option<String>,
    /// Folder for snapshots [default: out]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Spark Connect server, sc://host:port, that reads the input (Parquet) and does all that touches every line; only
    /// with `run`, and if quintile was built with the feature `spark`
    #[arg(long, value_name = "URL")]
    cluster: Option<String>,
    /// Form of the rejected lines: parquet, or csv for a file beside it that can be repaired and read again
    #[arg(long, value_name = "FORM")]
    rejects: Option<String>,
    /// Seed of everything random [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Memory to get by with, such as 2GB; lines and baskets that do not fit go to disk [default: half of the machine's]
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Folder for what goes to disk [default: that for temporary files]
    #[arg(long, value_name = "DIR")]
    spill_dir: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Debug)]
struct InitArgs {
    /// File to write
    #[arg(default_value = "quintile.toml")]
    file: PathBuf,
    #[command(flatten)]
    job: JobArgs,
}

#[derive(Args, Debug)]
struct CheckArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
}

#[derive(Args, Debug)]
struct EvaluateArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Last day that the contenders know, YYYY-MM-DD [default: the holdout's length before the last day]
    #[arg(long, value_name = "DATE")]
    cut: Option<String>,
    /// Days after the cut [default: clv.holdout_days, or as many as the horizon, but at most a third of the history]
    #[arg(long, value_name = "N")]
    holdout_days: Option<u32>,
}

#[derive(Args, Debug)]
struct GenerateArgs {
    #[command(flatten)]
    config: generate::Config,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Debug)]
struct CommonArgs {
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// No progress and no log, only results and errors
    #[arg(short, long)]
    quiet: bool,
    /// Form of the log on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Runs the command line; gives the exit code.
pub fn main() -> u8 {
    std::panic::set_hook(Box::new(report_panic));
    // A bug ends with its own exit code, whatever thread it struck.
    std::panic::catch_unwind(parse_and_execute).unwrap_or(1)
}

/// A panic of ours is a bug and is said to be one. The panics of decoders over damaged files are caught where they are
/// called and become errors.
fn report_panic(info: &std::panic::PanicHookInfo<'_>) {
    let is_ours = info.location().is_none_or(|place| place.file().starts_with("src/"));
    if is_ours || !load::guard::is_guarded() {
        let _ = writeln!(
            io::stderr(),
            "error: a bug in quintile: {info}\n  hint: please report it with this message"
        );
    }
}

fn parse_and_execute() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; everything else is usage.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return code;
        }
    };
    match execute(cli.command) {
        Ok(()) => 0,
        Err(error) => {
            report_error(&error);
            error.exit_code()
        }
    }
}

fn report_error(error: &Error) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", screen::printable(&error.to_string()));
    let hint = error.hint();
    if !hint.is_empty() {
        let _ = writeln!(stderr, "  hint: {}", screen::printable(&hint));
    }
}

fn print(text: &str) -> Result<(), Error> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // A reader such as `head` that has seen enough is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Error::Stdout),
    }
}

fn execute(command: Command) -> Result<(), Error> {
    match command {
        Command::Run(args) => run(&args),
        Command::Check(args) => check(&args),
        Command::Evaluate(args) => evaluate(&args),
        Command::Generate(args) => generate(args),
        Command::Config(args) => {
            let config = args.config()?;
            config.check().map_err(Error::Problems)?;
            print(&config.to_toml())
        }
        Command::Init(args) => init(&args),
        Command::Schema { rules: true } => print(&rules_to_markdown()),
        Command::Schema { rules: false } => print(
            &TABLES
                .iter()
                .map(|table| table.to_markdown())
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "quintile", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    }
}

impl JobArgs {
    /// Defaults, then the file, then the flags.
    fn config(&self) -> Result<Config, Error> {
        let mut settings: Vec<Setting> = Vec::new();
        for text in &self.settings {
            settings.push(parse_setting(text)?);
        }
        for text in &self.map {
            let (canonical, header) = text.split_once('=').ok_or_else(|| config::Error::Set {
                text: format!("--map {text}"),
                why: "must be canonical=header".into(),
            })?;
            settings.push((
                format!("load.map.{}", canonical.trim()),
                Value::String(header.to_string()),
            ));
        }
        if !self.columns.is_empty() {
            let names = self.columns.iter().map(|name| Value::String(name.trim().to_string()));
            settings.push(("load.columns".into(), Value::Array(names.collect())));
        }
        let texts = [
            ("load.date_format", &self.date_format),
            ("load.decimal", &self.decimal),
            ("load.delimiter", &self.delimiter),
            ("load.encoding", &self.encoding),
            ("load.sheet", &self.sheet),
            ("clv.setting", &self.setting),
            ("run.as_of", &self.as_of),
            ("run.timezone", &self.timezone),
            ("run.rejects", &self.rejects),
            ("run.memory", &self.memory),
            ("run.cluster", &self.cluster),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                settings.push((key.into(), Value::String(text.clone())));
            }
        }
        for (key, path) in [("customers", &self.customers), ("customer_map", &self.customer_map)] {
            if let Some(path) = path {
                let path = Value::String(path.to_string_lossy().into_owned());
                settings.push((format!("load.{key}"), path));
            }
        }
        for (key, path) in [("out", &self.out), ("spill_dir", &self.spill_dir)] {
            if let Some(path) = path {
                let path = Value::String(path.to_string_lossy().into_owned());
                settings.push((format!("run.{key}"), path));
            }
        }
        if let Some(seed) = self.seed {
            settings.push(("run.seed".into(), Value::Integer(seed as i64)));
        }
        Ok(Config::read(self.config.as_deref(), &settings)?)
    }

    fn inputs(&self, config: &Config) -> Result<Vec<PathBuf>, Error> {
        let named = if self.input.is_empty() {
            &config.run.input
        } else {
            &self.input
        };
        if !named.is_empty() {
            return Ok(named.clone());
        }
        let places = [
            PathBuf::from(SAMPLE),
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(SAMPLE),
        ];
        let sample = places.into_iter().find(|path| path.is_file());
        sample.map(|path| vec![path]).ok_or_else(|| load::Error::NoInput.into())
    }

    fn prepare(&self) -> Result<(Config, Params, Vec<PathBuf>), Error> {
        self.common.prepare();
        let config = self.config()?;
        let params = config.check().map_err(Error::Problems)?;
        let inputs = self.inputs(&config)?;
        Ok((config, params, inputs))
    }
}

/// What a run without input reads.
const SAMPLE: &str = "data/transactions.parquet";

impl CommonArgs {
    /// Starts the log and the threads; both can be set only once in a process, later calls change nothing.
    fn prepare(&self) {
        let level = if self.quiet {
            tracing::Level::ERROR
        } else {
            tracing::Level::INFO
        };
        let log = tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_max_level(level)
            .with_target(false);
        let _ = match self.log_format {
            LogFormat::Json => log.json().try_init(),
            LogFormat::Text => log
                .without_time()
                .with_level(false)
                .with_ansi(io::stderr().is_terminal())
                .try_init(),
        };
        if let Some(threads) = self.threads {
            let _ = rayon::ThreadPoolBuilder::new()
                .num_threads(threads.max(1))
                .build_global();
        }
    }
}

/// Refuses a cluster where the command reads lines itself.
fn only_here(config: &Config) -> Result<(), Error> {
    match config.run.cluster.as_str() {
        "" => Ok(()),
        url => Err(Error::Problems(vec![Problem::new(
            "run.cluster",
            config::without_secrets(url),
            "is only for `quintile run`",
            "leave out --cluster, and give this command a file that this machine can read",
        )])),
    }
}

fn evaluate(args: &EvaluateArgs) -> Result<(), Error> {
    let (config, mut params, inputs) = args.job.prepare()?;
    only_here(&config)?;
    let cut = match &args.cut {
        Some(text) => Some(text.parse::<chrono::NaiveDate>().map_err(|_| {
            Error::Problems(vec![Problem::new(
                "--cut",
                text,
                "is not a date",
                "write it as 2026-12-31",
            )])
        })?),
        None => None,
    };
    let cut_day = cut.map(|date| Day::from_date(date).0);
    params.clv = params.clv.with_holdout(cut_day, args.holdout_days);
    let progress = Progress::new(args.job.common.quiet);
    let found = pipeline::evaluate(&config, &params, &inputs, &progress)?;
    drop(progress);
    let table = evaluation::contenders(&found.evaluation, Some(&found.chosen));
    print(&format!(
        "{table}\nused        {}\n\n{}\n",
        screen::printable(&found.reason),
        found.place.join("report.html").display()
    ))
}

fn run(args: &JobArgs) -> Result<(), Error> {
    let (config, params, inputs) = args.prepare()?;
    let progress = Progress::new(args.common.quiet);
    let outcome = pipeline::run(&config, &params, &inputs, &progress)?;
    drop(progress);
    print(&screen::outcome(&outcome))
}

fn check(args: &CheckArgs) -> Result<(), Error> {
    let (config, params, inputs) = args.job.prepare()?;
    only_here(&config)?;
    let progress = Progress::new(args.job.common.quiet);
    let plan = pipeline::plan(&params, &inputs, &progress)?;
    let (quality, error) = pipeline::inspect(&config, &params, plan, &progress);
    drop(progress);
    if let Some(quality) = quality {
        print(&match args.format {
            ReportFormat::Text => screen::quality(&quality),
            ReportFormat::Json => quality.to_json(),
        })?;
    }
    error.map_or(Ok(()), Err)
}

fn generate(args: GenerateArgs) -> Result<(), Error> {
    args.common.prepare();
    let params = args.config.check()?;
    let progress = Progress::new(args.common.quiet);
    let truth = generate::run(&params, &|lines| progress.written(lines))?;
    drop(progress);
    let files: Vec<String> = truth.files.iter().map(|file| format!("  {}\n", file.path)).collect();
    print(&format!(
        "{} lines in {}\n{}",
        screen::count(truth.lines),
        args.config.out.display(),
        files.concat()
    ))
}

fn init(args: &InitArgs) -> Result<(), Error> {
    let (mut config, params, inputs) = args.job.prepare()?;
    only_here(&config)?;
    let mut text = String::new();
    if args.job.input.is_empty() && config.run.input.is_empty() {
        text.push_str(&starter::with_comments(&config, &[], &[]));
    } else {
        let progress = Progress::new(args.job.common.quiet);
        let plan = pipeline::plan(&params, &inputs, &progress)?;
        drop(progress);
        config.run.input = inputs;
        text.push_str(&starter::with_comments(&config, &plan.decisions, &plan.columns));
    }
    let file = &args.file;
    let written = std::fs::File::create_new(file).and_then(|mut open| open.write_all(text.as_bytes()));
    written.map_err(|error| Error::Snapshot {
        path: file.display().to_string(),
        why: format!("cannot be written: {error}"),
        hint: "name another file: quintile init FILE".into(),
    })?;
    print(&format!("wrote {}\n", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                help.contains(&format!("quintile {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
    }
}
