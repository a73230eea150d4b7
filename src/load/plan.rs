//! Deciding how to read the input before reading it: files, encoding, delimiter, columns, number and date format.
//!
//! Every decision is made on the first rows and kept with its evidence, so that it can be printed. The columns are
//! those of the first file; the others must have them by name, in any order, and may have optional ones of their own.
//! Number and date format are decided for each file; a file that leaves one open takes that of the others.

use std::path::PathBuf;

use encoding_rs::{Encoding, UTF_8};

use super::arrow_file::ArrowFile;
use super::columnar::ParquetFile;
use super::date::{self, DateDetectError, DateDetection, DateFormat};
use super::header::{
    self, Canonical, ColumnContent, CostBasis, CostColumns, DiscountBasis, HeaderError, Need, Outcome,
};
use super::json;
use super::mapping::{Mapping, MoneyBasis, Positions};
use super::number::{Detection, NumberDetector, NumberFormat};
use super::open::{Kind, Opened};
use super::resolve::resolve;
use super::side::{self, CustomerMap, CustomerTable};
use super::spool::{Bytes, Compression};
use super::text::Layout;
use super::{Decision, Error, Params};

const MAX_FILES: usize = u16::MAX as usize;
/// Objects of a store are far away: while one answers, others are asked.
const OPENED_AT_ONCE: usize = 8;

/// The columns that later stages always look at.
const USED: [Canonical; 12] = [
    Canonical::CustomerId,
    Canonical::OrderId,
    Canonical::OrderedAt,
    Canonical::Amount,
    Canonical::Quantity,
    Canonical::UnitPrice,
    Canonical::Discount,
    Canonical::ProductId,
    Canonical::ProductName,
    Canonical::Cost,
    Canonical::Currency,
    Canonical::LineType,
];

/// Whether a later stage looks at the column; lines are grouped by `group`.
fn is_used(canonical: Canonical, group: Option<Canonical>) -> bool {
    USED.contains(&canonical) || group == Some(canonical)
}

/// What is to be read and how.
#[derive(Debug)]
pub struct Plan {
    pub files: Vec<FilePlan>,
    /// The mapping in canonical order, with the header of the first file that has the column.
    pub columns: Vec<Column>,
    /// The headers of the first file, in its order.
    pub headers: Vec<String>,
    pub timezone: chrono_tz::Tz,
    /// What was found out about how the files are written; each could have been set.
    pub decisions: Vec<Decision>,
    /// What else was found out, one line each.
    pub notes: Vec<String>,
    pub customers: Option<CustomerTable>,
    pub customer_map: Option<CustomerMap>,
}

/// A mapped column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub canonical: Canonical,
    pub header: String,
    pub evidence: String,
}

#[derive(Debug)]
pub struct FilePlan {
    pub bytes: Bytes,
    /// The names of its columns, then of those that its folders name.
    pub headers: Vec<String>,
    pub format: Format,
    pub mapping: Mapping,
}

#[derive(Debug)]
pub enum Format {
    Text {
        layout: Layout,
        compression: Compression,
        encoding: &'static Encoding,
        has_header: bool,
        /// Bytes before the header, such as the line `sep=;` of a spreadsheet or a title.
        preamble: usize,
    },
    Json {
        compression: Compression,
        encoding: &'static Encoding,
        keys: json::Keys,
    },
    Parquet(ParquetFile),
    Arrow(ArrowFile),
}

impl FilePlan {
    /// The path as the user knows it.
    pub fn path(&self) -> &std::path::Path {
        &self.bytes.shown
    }
}

impl Plan {
    pub fn has(&self, canonical: Canonical) -> bool {
        self.columns.iter().any(|column| column.canonical == canonical)
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes.length()).sum()
    }

    /// Everything that was found out about the input, one line each.
    pub fn found_out(&self) -> Vec<String> {
        let decided = self
            .decisions
            .iter()
            .filter(|decision| !decision.is_plain)
            .map(Decision::to_line);
        decided.chain(self.notes.iter().cloned()).collect()
    }
}

/// A file whose columns are known and whose formats may still be open.
struct Look {
    opened: Opened,
    positions: Positions,
    date: Option<Result<DateDetection, DateDetectError>>,
    decimal: Detection,
}

/// Looks at the input and decides.
pub fn plan(params: &Params, inputs: &[PathBuf]) -> Result<Plan, Error> {
    let mut notes = Vec::new();
    let found = resolve(inputs, &mut notes)?;
    let (n, limit) = (found.len(), MAX_FILES);
    if n > limit {
        return Err(Error::TooManyFiles { n, limit });
    }
    let is_remote = found.iter().any(|found| found.object.is_some());
    let at_once = if is_remote { OPENED_AT_ONCE } else { 1 };
    let files = found.chunks(at_once).flat_map(|found| Opened::open_all(params, found));
    decide(params, files, notes)
}

/// The same for an input that lies elsewhere, from a file that holds its first rows.
pub fn plan_of_sample(params: &Params, sample: Bytes) -> Result<Plan, Error> {
    decide(params, std::iter::once(Opened::look(params, sample, 0)), Vec::new())
}

fn decide(
    params: &Params,
    files: impl Iterator<Item = Result<Opened, Error>>,
    mut notes: Vec<String>,
) -> Result<Plan, Error> {
    let mut looks: Vec<Look> = Vec::new();
    let mut columns = Vec::new();
    let mut headers = Vec::new();
    let mut decisions = Vec::new();
    let mut basis = MoneyBasis {
        cost: CostBasis::Line,
        discount: DiscountBasis::Line,
    };
    for opened in files {
        let mut opened = opened?;
        let positions = if looks.is_empty() {
            let positions = opened.map_columns(params, &mut columns, &mut notes)?;
            notes.append(&mut opened.notes);
            decisions.append(&mut opened.decisions);
            headers = opened.headers.clone();
            basis = opened.basis(params, &positions, &columns, &mut decisions);
            positions
        } else {
            // What is not the same in all files cannot be set for all of them.
            decisions.retain(|decision| {
                opened.decisions.iter().any(|other| other.value == decision.value)
                    || !matches!(decision.setting, "load.encoding" | "load.delimiter")
            });
            opened.same_columns(params.group, &mut columns, &mut notes)?
        };
        let date = opened.values(&positions, Canonical::OrderedAt).map(date::detect);
        let decimal = opened.decimal(&positions);
        opened.sample.clear();
        looks.push(Look {
            opened,
            positions,
            date,
            decimal,
        });
    }
    if looks.is_empty() {
        return Err(Error::NoInput);
    }
    let decimals = decimals(params, &looks, &mut decisions)?;
    let dates = dates(params, &looks, &mut decisions)?;
    columns.sort_by_key(|column: &Column| column.canonical);
    let formats = decimals.into_iter().zip(dates);
    let files = looks.into_iter().zip(formats);
    Ok(Plan {
        files: files
            .map(|(look, (decimal, date))| look.finish(decimal, date, basis, params.group))
            .collect(),
        columns,
        headers,
        timezone: params.timezone,
        decisions,
        notes,
        customers: side::customers(params)?,
        customer_map: side::customer_map(params)?,
    })
}

/// The decimal mark of each file.
fn decimals(params: &Params, looks: &[Look], decisions: &mut Vec<Decision>) -> Result<Vec<NumberFormat>, Error> {
    if let Some(decimal) = params.decimal {
        return Ok(vec![decimal; looks.len()]);
    }
    let decided = looks
        .iter()
        .find(|look| look.decimal.is_decided)
        .map(|look| &look.decimal);
    if decided.is_none()
        && let Some(look) = looks.iter().find(|look| look.decimal.ambiguous)
    {
        let money = [Canonical::Amount, Canonical::UnitPrice, Canonical::Quantity];
        let position = money.iter().find_map(|c| look.positions[*c as usize]);
        return Err(Error::Number {
            path: look.opened.bytes.shown.clone(),
            header: position.map(|i| look.opened.headers[i].clone()).unwrap_or_default(),
            why: look.decimal.evidence.clone(),
        });
    }
    let of_file = |look: &Look| match decided {
        Some(decided) if !look.decimal.is_decided => decided.format,
        _ => look.decimal.format,
    };
    let formats: Vec<NumberFormat> = looks.iter().map(of_file).collect();
    let is_told = |look: &&Look| look.decimal.format != NumberFormat::Point || look.decimal.is_grouped;
    let told = looks.iter().find(is_told);
    if let Some(look) = told.or(looks.first()) {
        let Detection { format, evidence, .. } = &look.decimal;
        let same = formats.iter().all(|other| other == format);
        decisions.push(Decision {
            setting: if same { "load.decimal" } else { "decimal" },
            value: format.to_string(),
            evidence: format!("{evidence}{}", in_file(look, same)),
            is_plain: told.is_none(),
        });
    }
    Ok(formats)
}

/// The date format of each file. What the first rows leave open, the whole column decides, then the other files.
fn dates(params: &Params, looks: &[Look], decisions: &mut Vec<Decision>) -> Result<Vec<DateFormat>, Error> {
    if let Some(format) = params.date_format {
        return Ok(vec![format; looks.len()]);
    }
    let mut found: Vec<Option<Result<DateDetection, DateDetectError>>> =
        looks.iter().map(|look| look.date.clone()).collect();
    for (look, found) in looks.iter().zip(&mut found) {
        if let (Some(Err(DateDetectError::Ambiguous { .. })), Some(column)) =
            (&found, look.positions[Canonical::OrderedAt as usize])
        {
            *found = Some(look.opened.detect_in_whole_column(column)?);
        }
    }
    let decided = found
        .iter()
        .flatten()
        .find_map(|found| found.as_ref().ok())
        .map(|found| found.format);
    let of_file = |(look, found): (&Look, &Option<Result<DateDetection, DateDetectError>>)| match (found, decided) {
        (Some(Ok(found)), _) => Ok(found.format),
        (None, _) => Ok(DateFormat::Iso),
        (Some(Err(DateDetectError::Ambiguous { candidates, .. })), Some(decided)) if candidates.contains(&decided) => {
            Ok(decided)
        }
        (Some(Err(DateDetectError::NoValues)), Some(decided)) => Ok(decided),
        (Some(Err(source)), _) => Err(Error::Date {
            path: look.opened.bytes.shown.clone(),
            header: look.header(Canonical::OrderedAt),
            source: source.clone(),
        }),
    };
    let formats: Vec<DateFormat> = looks.iter().zip(&found).map(of_file).collect::<Result<_, _>>()?;
    let mut said: Vec<DateFormat> = Vec::new();
    for (look, found) in looks.iter().zip(&found) {
        if let Some(Ok(found)) = found
            && !said.contains(&found.format)
        {
            said.push(found.format);
            let same = formats.iter().all(|format| *format == found.format);
            decisions.push(Decision {
                setting: if same { "load.date_format" } else { "date_format" },
                value: found.format.to_string(),
                evidence: format!("{}{}", found.evidence, in_file(look, same)),
                is_plain: same && found.format == DateFormat::Iso,
            });
        }
    }
    Ok(formats)
}

/// Names the file where not all are alike.
fn in_file(look: &Look, all_alike: bool) -> String {
    if all_alike {
        String::new()
    } else {
        format!(", in {}", look.opened.bytes.shown.display())
    }
}

impl Look {
    fn header(&self, canonical: Canonical) -> String {
        let position = self.positions[canonical as usize];
        position
            .and_then(|i| self.opened.headers.get(i).cloned())
            .unwrap_or_default()
    }

    fn finish(
        self,
        decimal: NumberFormat,
        date_format: DateFormat,
        basis: MoneyBasis,
        group: Option<Canonical>,
    ) -> FilePlan {
        let Self {
            opened, mut positions, ..
        } = self;
        let n_in_file = opened.headers.len() - opened.keys.len();
        let mut constants = Vec::new();
        for canonical in Canonical::ALL {
            let position = &mut positions[canonical as usize];
            if let Some(key) = position.and_then(|i| i.checked_sub(n_in_file)) {
                constants.push((canonical, opened.keys[key].1.clone()));
                *position = None;
            }
        }
        let format = match opened.kind {
            Kind::Parquet(parquet) => Format::Parquet(parquet),
            Kind::Arrow(arrow) => Format::Arrow(arrow),
            Kind::Json {
                compression,
                encoding,
                keys,
            } => Format::Json {
                compression,
                encoding,
                keys,
            },
            Kind::Text(kind) => Format::Text {
                layout: Layout {
                    delimiter: kind.delimiter,
                    n_fields: kind.n_fields,
                    is_transcoded: kind.encoding != UTF_8,
                },
                compression: kind.compression,
                encoding: kind.encoding,
                has_header: kind.has_header,
                preamble: kind.preamble,
            },
        };
        FilePlan {
            bytes: opened.bytes,
            headers: opened.headers,
            format,
            mapping: Mapping {
                positions,
                constants,
                decimal,
                date_format,
                basis,
                group,
            },
        }
    }
}

impl Opened {
    /// Which column is which: what the user says, then what names and contents say.
    fn map_columns(
        &self,
        params: &Params,
        columns: &mut Vec<Column>,
        notes: &mut Vec<String>,
    ) -> Result<Positions, Error> {
        let mut given: Vec<(Canonical, usize)> = Vec::new();
        let mut left_out: Vec<Canonical> = Vec::new();
        for (canonical, header) in &params.map {
            if header == LEFT_OUT && !self.headers.iter().any(|name| name == LEFT_OUT) {
                left_out.push(*canonical);
            } else {
                given.push((*canonical, self.find(*canonical, header)?));
            }
        }
        for (i, name) in params.columns.iter().enumerate() {
            if let Ok(canonical) = name.parse::<Canonical>()
                && !given.iter().any(|(other, _)| *other == canonical)
            {
                given.push((canonical, i));
            }
        }
        let content = self.content();
        let guesses = header::guess_from(&self.headers, &content, &self.sample, &given);
        notes.extend(guesses.notes().iter().cloned());
        // An input may have no order ids; two columns that may both hold them are a question.
        let is_problem = |problem: &HeaderError| match problem {
            HeaderError::Missing { canonical, .. } => *canonical != Canonical::OrderId,
            HeaderError::Ambiguous { canonical, .. } => !left_out.contains(canonical),
            HeaderError::NoMoney { .. } => true,
        };
        let problems: Vec<HeaderError> = guesses.problems().into_iter().filter(is_problem).collect();
        if !problems.is_empty() {
            self.unreadable(&problems, &content)?;
            return Err(Error::Columns {
                path: self.bytes.shown.clone(),
                problems,
                headers: self.headers.clone(),
            });
        }
        let mut positions: Positions = [None; Canonical::ALL.len()];
        for (canonical, outcome) in guesses.iter().filter(|(canonical, _)| !left_out.contains(canonical)) {
            let (index, header, evidence) = match outcome {
                Outcome::Given { index, header } => (*index, header.clone(), "given".to_string()),
                Outcome::Guess {
                    index,
                    header,
                    evidence,
                } => (*index, header.clone(), evidence.clone()),
                Outcome::Ambiguous { reason, .. } => {
                    if USED.contains(&canonical) {
                        notes.push(format!(
                            "{canonical} is left out: {reason}; choose with --map {canonical}=HEADER"
                        ));
                    }
                    continue;
                }
                Outcome::Missing { .. } => continue,
            };
            self.only_one(canonical, &header, params.columns.is_empty())?;
            if is_used(canonical, params.group) {
                positions[canonical as usize] = Some(index);
            }
            columns.push(Column {
                canonical,
                header,
                evidence,
            });
        }
        let product = (Canonical::ProductId as usize, Canonical::ProductName as usize);
        if let (None, Some(index)) = (positions[product.0], positions[product.1])
            && !left_out.contains(&Canonical::ProductId)
        {
            positions[product.0] = Some(index);
            let evidence = "there is no product id, so the names serve as ids".to_string();
            columns.push(Column {
                canonical: Canonical::ProductId,
                header: self.headers[index].clone(),
                evidence,
            });
        }
        Ok(positions)
    }

    fn content(&self) -> Vec<ColumnContent> {
        let of_column = |values: &Vec<Vec<u8>>| ColumnContent::of(values.iter().map(Vec::as_slice));
        self.sample.iter().map(of_column).collect()
    }

    /// Refuses a column whose name another has too.
    fn only_one(&self, canonical: Canonical, header: &str, by_name: bool) -> Result<(), Error> {
        let n = self.headers.iter().filter(|other| *other == header).count();
        if n > 1 && by_name {
            return Err(Error::TwinColumns {
                path: self.bytes.shown.clone(),
                header: header.to_owned(),
                n,
                canonical,
            });
        }
        Ok(())
    }

    /// A column with the right name that holds something else is a better message than a missing column.
    fn unreadable(&self, problems: &[HeaderError], content: &[ColumnContent]) -> Result<(), Error> {
        let index = |closest: &[String]| self.headers.iter().position(|header| Some(header) == closest.first());
        for problem in problems {
            match problem {
                HeaderError::Missing {
                    canonical: Canonical::OrderedAt,
                    closest,
                } => {
                    if let Some(i) = index(closest)
                        && let Err(source) = date::detect(self.sample[i].iter().map(Vec::as_slice))
                    {
                        return Err(Error::Date {
                            path: self.bytes.shown.clone(),
                            header: self.headers[i].clone(),
                            source,
                        });
                    }
                }
                HeaderError::NoMoney { closest } => {
                    if let Some(i) = index(closest)
                        && content[i].n_numbers * 2 < content[i].n_values
                    {
                        let example = self.sample[i].iter().find(|value| !value.trim_ascii().is_empty());
                        let example = String::from_utf8_lossy(example.map_or(&[][..], Vec::as_slice)).into_owned();
                        let why = format!("its values are not numbers, for example {example:?}");
                        return Err(Error::Number {
                            path: self.bytes.shown.clone(),
                            header: self.headers[i].clone(),
                            why,
                        });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn find(&self, canonical: Canonical, header: &str) -> Result<usize, Error> {
        let exact = self.headers.iter().position(|name| name == header);
        let folded = || self.headers.iter().position(|name| name.eq_ignore_ascii_case(header));
        exact.or_else(folded).ok_or_else(|| {
            let similar = |name: &&String| strsim::jaro_winkler(&name.to_lowercase(), &header.to_lowercase());
            let closest = self.headers.iter().max_by(|a, b| similar(a).total_cmp(&similar(b)));
            Error::UnknownHeader {
                path: self.bytes.shown.clone(),
                canonical,
                header: header.to_string(),
                closest: closest.filter(|name| similar(name) > 0.6).cloned(),
                headers: self.headers.clone(),
            }
        })
    }

    /// The columns of the files before, found here by name; an optional one that is missing here is null, and one that
    /// only this file has is added.
    fn same_columns(
        &self,
        group: Option<Canonical>,
        columns: &mut Vec<Column>,
        notes: &mut Vec<String>,
    ) -> Result<Positions, Error> {
        let mut positions: Positions = [None; Canonical::ALL.len()];
        let mut given = Vec::new();
        for column in columns.iter().filter(|column| is_used(column.canonical, group)) {
            match self.find(column.canonical, &column.header) {
                Ok(index) => {
                    self.only_one(column.canonical, &column.header, true)?;
                    positions[column.canonical as usize] = Some(index);
                    given.push((column.canonical, index));
                }
                Err(_) if column.canonical.need() == Need::Optional => {}
                Err(error) => return Err(error),
            }
        }
        let is_new = |canonical: &Canonical| {
            canonical.need() == Need::Optional && is_used(*canonical, group) && *canonical != Canonical::Discount
        };
        for (canonical, outcome) in header::guess_from(&self.headers, &self.content(), &self.sample, &given).iter() {
            if let Outcome::Guess {
                index,
                header,
                evidence,
            } = outcome
                && is_new(&canonical)
                && !columns.iter().any(|column| column.canonical == canonical)
            {
                self.only_one(canonical, header, true)?;
                positions[canonical as usize] = Some(*index);
                notes.push(format!("{canonical} begins with {}", self.bytes.shown.display()));
                columns.push(Column {
                    canonical,
                    header: header.clone(),
                    evidence: evidence.clone(),
                });
            }
        }
        Ok(positions)
    }

    /// What costs and discounts count, as given or as headers and values show.
    fn basis(
        &self,
        params: &Params,
        positions: &Positions,
        columns: &[Column],
        decisions: &mut Vec<Decision>,
    ) -> MoneyBasis {
        let header = |c: Canonical| {
            columns
                .iter()
                .find(|column| column.canonical == c)
                .map(|column| &column.header)
        };
        let has = |c: Canonical| positions[c as usize].is_some();
        let mut basis = MoneyBasis {
            cost: params.cost.unwrap_or(CostBasis::Line),
            discount: params.discount.unwrap_or(DiscountBasis::Line),
        };
        if let (Some(header), None) = (header(Canonical::Cost), params.cost) {
            let at = |c: Canonical| positions[c as usize];
            let columns = CostColumns {
                cost: at(Canonical::Cost).unwrap_or_default(),
                quantity: at(Canonical::Quantity),
                unit_price: at(Canonical::UnitPrice),
                product: at(Canonical::ProductId),
            };
            let (cost, evidence) = CostBasis::of_sample(header, &self.sample, &columns);
            basis.cost = cost;
            decisions.push(Decision {
                setting: "load.cost",
                value: cost.name().to_owned(),
                evidence,
                is_plain: false,
            });
        }
        if let (Some(header), None) = (header(Canonical::Discount), params.discount) {
            let values: Vec<&[u8]> = self
                .values(positions, Canonical::Discount)
                .into_iter()
                .flatten()
                .collect();
            let (discount, mut evidence) = DiscountBasis::of_values(header, &values);
            basis.discount = discount;
            if has(Canonical::Amount) {
                evidence = format!("discount {header:?} is not deducted: the amount is taken as what was paid");
            }
            decisions.push(Decision {
                setting: "load.discount",
                value: discount.name().to_owned(),
                evidence,
                is_plain: false,
            });
        }
        basis
    }

    fn values(&self, positions: &Positions, canonical: Canonical) -> Option<impl Iterator<Item = &[u8]>> {
        let values = self.sample.get(positions[canonical as usize]?)?;
        Some(values.iter().map(Vec::as_slice))
    }

    fn decimal(&self, positions: &Positions) -> Detection {
        let columns = [
            Canonical::Amount,
            Canonical::UnitPrice,
            Canonical::Cost,
            Canonical::Quantity,
        ];
        let mut all = NumberDetector::default();
        let mut grouped = None;
        for values in columns.iter().filter_map(|c| self.values(positions, *c)) {
            let mut of_column = NumberDetector::default();
            values.for_each(|value| of_column.add(value));
            grouped = grouped.or(of_column.grouped());
            all.merge(&of_column);
        }
        let found = all.finish();
        match grouped {
            Some(grouped) if !found.is_decided => grouped,
            _ => found,
        }
    }

    /// Day and month told apart by every value of the column, however late the first that can.
    fn detect_in_whole_column(&self, column: usize) -> Result<Result<DateDetection, DateDetectError>, Error> {
        let mut detector = date::Detector::default();
        self.each_value(column, &mut |value| {
            detector.add(value);
            !detector.is_decided()
        })?;
        Ok(detector.finish())
    }
}

/// As a header in `--map canonical=_`: there is no such column.
const LEFT_OUT: &str = "_";
