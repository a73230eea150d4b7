//! Cleaning of batches from many threads into one store.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use super::ids::{Spreadsheet, differing_in_case, means_anonymous, means_missing, positions, sorted, spreadsheet_id};
use super::judge::{BatchKeys, CustomerKey, NameKey, OrderKey, ProductKey};
use super::lines::{Renumbered, day_of};
use super::rejects::pack;
use super::report::{Example, Histogram, N_EXAMPLES, merge_examples};
use super::store::{Local, N_ANONYMOUS_PARTITIONS, Store};
use super::{
    Action, CleanReport, Error, IN_BASKET, IS_RETURN, Line, N_CUSTOMER_PARTITIONS, N_RULES, NO_GROUP, NONE, Params,
    Partition, People, ProductCase, Reject, Rule,
};
use crate::load::batch::{self, IntMap, Interner, MISSING_CODE, RawBatch, Strings};
use crate::load::header::fold_words;
use crate::load::line_type::LineType;
use crate::spill::Memory;
use crate::units::Day;

/// Clean lines and the ids behind their codes.
pub struct Transactions {
    /// [`N_CUSTOMER_PARTITIONS`] partitions of customers, then those of anonymous baskets.
    pub partitions: Vec<Partition>,
    pub codes: Renumbered,
    /// What later stages may hold.
    pub memory: Memory,
    /// Customer ids of each customer partition, by code.
    pub customers: Vec<Strings>,
    /// Product ids in byte order; a line's product code is the position.
    pub products: Vec<String>,
    /// The most frequent name of each product, if any.
    pub product_names: Vec<Option<String>>,
    /// Groups in byte order; a line's group code is the position.
    pub groups: Vec<String>,
    pub report: CleanReport,
}

/// Cleans batches from many threads into one store.
pub struct Cleaner<'a> {
    pub(super) params: &'a Params,
    people: &'a People,
    pub(super) rejecting: u32,
    /// Whether a later stage may reject lines, and has to name them.
    pub(super) needs_rows: bool,
    store: Store,
    pub(super) customers: Vec<Mutex<Interner>>,
    pub(super) shared: Mutex<Shared>,
    /// Rules counted over all lines, and everything else that is summed.
    pub(super) report: Mutex<(CleanReport, Histogram)>,
}

/// Ids that all threads share; the codes are in order of arrival until [`Cleaner::finish`] sorts them.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) products: Interner,
    pub(super) names: Interner,
    pub(super) currencies: Interner,
    pub(super) groups: Interner,
    /// Lines by (product, name).
    pub(super) named: IntMap<u64, u64>,
}

impl Shared {
    pub(super) fn group(&mut self, name: &[u8]) -> u8 {
        let name = trimmed(name);
        if name.is_empty() || means_missing(name) {
            return NO_GROUP;
        }
        // More groups than codes end in an error later.
        u8::try_from(self.groups.intern(name)).unwrap_or(NO_GROUP)
    }
}

impl<'a> Cleaner<'a> {
    pub fn new(params: &'a Params, people: &'a People, n_files: usize) -> Self {
        let needs_rows = params.actions.of(Rule::ExactDuplicate) == Action::Reject;
        let report = CleanReport {
            rows_by_file: vec![0; n_files],
            ..CleanReport::default()
        };
        Self {
            params,
            people,
            rejecting: params.rejecting(),
            needs_rows,
            store: Store::new(params.memory.clone(), needs_rows),
            customers: (0..N_CUSTOMER_PARTITIONS).map(|_| Mutex::default()).collect(),
            shared: Mutex::default(),
            report: Mutex::new((report, Histogram::default())),
        }
    }

    /// Takes batches for one thread. What it found is with the cleaner when it is dropped.
    pub fn worker(&self) -> Worker<'_, 'a> {
        Worker {
            cleaner: self,
            keys: BatchKeys::default(),
            lines: self.store.local(),
            report: CleanReport {
                rows_by_file: vec![0; lock(&self.report).0.rows_by_file.len()],
                ..CleanReport::default()
            },
            histogram: Histogram::default(),
            named: IntMap::default(),
        }
    }

    /// The id as it was before a spreadsheet took it for a number; `None` where nobody can know.
    fn fixed_id<'b>(&self, id: &'b [u8]) -> (Option<Cow<'b, [u8]>>, u32) {
        let id = trimmed(id);
        if self.params.actions.of(Rule::SpreadsheetId) != Action::Fix {
            return (Some(Cow::Borrowed(id)), 0);
        }
        match spreadsheet_id(id) {
            Spreadsheet::Plain => (Some(Cow::Borrowed(id)), 0),
            Spreadsheet::Fixed(fixed) => (Some(fixed), Rule::SpreadsheetId.bit()),
            Spreadsheet::LostDigits => (None, Rule::SpreadsheetId.bit()),
        }
    }

    pub(super) fn customer_key(&self, id: &[u8]) -> CustomerKey {
        let unknown = |rules| CustomerKey {
            partition: 0,
            code: NONE,
            rules,
        };
        let (fixed, mut rules) = self.fixed_id(id);
        if fixed.is_none() {
            rules = Rule::LostDigits.bit();
        }
        let id = fixed.as_deref().unwrap_or(id);
        if id.is_empty() || means_missing(id) || means_anonymous(id) {
            return unknown(Rule::MissingCustomer.bit());
        }
        if rules & self.rejecting != 0 {
            return unknown(rules);
        }
        let is_test = self.params.test_customer.as_ref().is_some_and(|test| test.is_match(id));
        rules |= if is_test { Rule::TestCustomer.bit() } else { 0 };
        let id = self.people.master(id);
        let hash = batch::hash(id);
        let partition = (hash >> 56) as usize;
        let code = lock(&self.customers[partition]).intern_hashed(id, hash);
        CustomerKey {
            partition: partition as u16,
            code,
            rules,
        }
    }

    pub(super) fn order_key(&self, id: &[u8]) -> Option<OrderKey> {
        let (fixed, rules) = self.fixed_id(id);
        let id = fixed.as_deref().filter(|id| !id.is_empty() && !means_missing(id))?;
        let prefix = &self.params.cancelled_order_prefix;
        // `C536379` is the cancellation of an order; `CASH1` and `customer-7` are ordinary ids.
        let cancelled = !prefix.is_empty()
            && id.len() > prefix.len()
            && id[..prefix.len()].eq_ignore_ascii_case(prefix)
            && id[prefix.len()..].iter().all(u8::is_ascii_digit);
        Some(OrderKey {
            hash: batch::order_hash(id),
            rules: rules | if cancelled { Rule::CancelledOrder.bit() } else { 0 },
        })
    }

    pub(super) fn product_key(&self, id: &[u8], shared: &mut Shared) -> ProductKey {
        let (fixed, mut rules) = self.fixed_id(id);
        let Some(id) = fixed.as_deref().filter(|id| !id.is_empty() && !means_missing(id)) else {
            return ProductKey { code: NONE, rules };
        };
        if self.is_non_product(id) {
            rules |= Rule::NonProduct.bit();
        }
        let code = match self.params.product_case {
            ProductCase::Keep => shared.products.intern(id),
            ProductCase::Upper => shared
                .products
                .intern(String::from_utf8_lossy(id).to_uppercase().as_bytes()),
        };
        ProductKey { code, rules }
    }

    /// The user's own words, then those known everywhere.
    pub(super) fn line_type(&self, word: &[u8]) -> Option<LineType> {
        let word = String::from_utf8_lossy(word);
        let own = self.params.line_types.get(&fold_words(&word));
        own.copied().or_else(|| LineType::of(&word))
    }

    pub(super) fn is_non_product(&self, text: &[u8]) -> bool {
        self.params
            .non_product
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(text))
    }

    /// Rejected lines of one batch.
    fn put_away(&self, rejects: &[Reject]) {
        if rejects.is_empty() {
            return;
        }
        let packed = pack(rejects);
        let report = &mut lock(&self.report).0;
        let put_away = packed.and_then(|packed| packed.map_or(Ok(()), |packed| report.rejects.add(packed)));
        if let Err(error) = put_away {
            report.spool_error.get_or_insert(error.to_string());
        }
    }

    fn merge(&self, mut part: CleanReport, part_histogram: &Histogram) {
        let mut guard = lock(&self.report);
        let (report, histogram) = &mut *guard;
        for (sum, rows) in report.rows_by_file.iter_mut().zip(&part.rows_by_file) {
            *sum += rows;
        }
        report.read.merge(part.read);
        report.kept.merge(part.kept);
        report.rejected.merge(part.rejected);
        for rule in 0..N_RULES {
            report.rejected_by_rule[rule].merge(part.rejected_by_rule[rule]);
            report.matched_by_rule[rule].merge(part.matched_by_rule[rule]);
            merge_examples(&mut report.examples[rule], std::mem::take(&mut part.examples[rule]));
        }
        for (sum, bucket) in histogram.0.iter_mut().zip(&part_histogram.0) {
            sum.merge(*bucket);
        }
        report.kept_returns += part.kept_returns;
        report.first_day = [report.first_day, part.first_day].into_iter().flatten().min();
        report.last_day = [report.last_day, part.last_day].into_iter().flatten().max();
    }

    /// Sorts the product codes by id and checks that enough is left.
    pub fn finish(self) -> Result<Transactions, Box<(Error, CleanReport)>> {
        let (mut report, histogram) = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = report.spool_error.take() {
            return Err(Box::new((Error::Spool { why }, report)));
        }
        let (outliers, threshold) = histogram.outliers(self.params.outlier_factor);
        report.matched_by_rule[Rule::Outlier as usize] = outliers;
        report.outlier_threshold = threshold;
        let shared = self.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.currencies = sorted(shared.currencies.strings());
        if let Err(error) = enough(&report, self.params.max_reject_share) {
            return Err(Box::new((error, report)));
        }
        let groups = sorted(shared.groups.strings());
        if usize::from(NO_GROUP) < groups.len() {
            return Err(Box::new((Error::TooManyGroups { n: groups.len() }, report)));
        }
        let new_groups = positions(shared.groups.strings());
        let products = sorted(shared.products.strings());
        let new_codes = positions(shared.products.strings());
        report.products_differing_in_case = differing_in_case(&products);
        let product_names = most_frequent_names(&shared, &new_codes);
        let open = |interner: Mutex<Interner>| {
            interner
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .into_strings()
        };
        let partitions = match self.store.into_partitions() {
            Ok((partitions, spilled)) => {
                report.spilled_bytes = spilled;
                partitions
            }
            Err(error) => return Err(Box::new((Error::Spool { why: error.to_string() }, report))),
        };
        let codes = Renumbered {
            products: new_codes,
            groups: new_groups.iter().map(|code| *code as u8).collect(),
        };
        Ok(Transactions {
            partitions,
            codes,
            memory: self.params.memory.clone(),
            customers: self.customers.into_iter().map(open).collect(),
            products,
            product_names,
            groups,
            report,
        })
    }
}

/// Judges the batches of one thread; the result does not depend on which thread gets which.
pub struct Worker<'a, 'c> {
    cleaner: &'a Cleaner<'c>,
    keys: BatchKeys,
    lines: Local<'a>,
    report: CleanReport,
    histogram: Histogram,
    /// Lines by (product, name).
    named: IntMap<u64, u64>,
}

impl Worker<'_, '_> {
    /// Judges every row of a batch.
    pub fn add(&mut self, batch: &RawBatch) {
        self.learn(batch);
        self.count_names(batch);
        let Self {
            cleaner,
            keys,
            lines,
            report,
            histogram,
            ..
        } = self;
        let mut rejects = Vec::new();
        let mut texts = None;
        let mut ragged = batch.ragged.iter().peekable();
        let mut broken = batch.broken.iter().peekable();
        let mut last_minutes = None::<(u32, u32)>;
        for row in 0..batch.n_rows {
            let is_ragged = ragged.next_if(|r| **r as usize == row).is_some();
            let is_broken = broken.next_if(|r| **r as usize == row).is_some();
            let flaw = match (is_ragged, is_broken) {
                (true, _) => Some(Rule::RaggedRow),
                (false, true) => Some(Rule::BadEncoding),
                (false, false) => None,
            };
            let judged = cleaner.judge(batch, keys, row, flaw);
            report.read.add(judged.amount);
            let mut matched = judged.matched;
            while matched != 0 {
                let rule = matched.trailing_zeros() as usize;
                report.matched_by_rule[rule].add(judged.amount);
                if report.examples[rule].len() < N_EXAMPLES {
                    report.examples[rule].push(Example {
                        file: batch.file,
                        row: batch.raw.number(row),
                        line: batch.raw.text(row),
                    });
                }
                matched &= matched - 1;
            }
            let rejecting = judged.matched & cleaner.rejecting;
            if rejecting == 0 {
                report.kept.add(judged.amount);
                report.kept_returns += u64::from(judged.line.is(IS_RETURN));
                histogram.0[Histogram::bucket(judged.line.amount)].add(judged.amount);
                let minute = judged.line.minute;
                last_minutes = Some(last_minutes.map_or((minute, minute), |(a, b)| (a.min(minute), b.max(minute))));
                lines.push(judged.partition, &judged.line);
                continue;
            }
            let rule = Rule::ALL[rejecting.trailing_zeros() as usize];
            report.rejected.add(judged.amount);
            report.rejected_by_rule[rule as usize].add(judged.amount);
            rejects.push(Reject {
                file: batch.file,
                row: batch.raw.number(row),
                rule,
                amount: judged.amount,
                line: Some(texts.get_or_insert_with(|| batch.raw.texts()).row(row)),
            });
            let only_customer_missing = rejecting == Rule::MissingCustomer.bit();
            let order_known = batch.order.is_some() && judged.matched & Rule::MissingOrder.bit() == 0;
            if only_customer_missing && order_known && cleaner.params.anonymous_baskets && judged.line.is(IN_BASKET) {
                let partition = N_CUSTOMER_PARTITIONS + judged.line.order as usize % N_ANONYMOUS_PARTITIONS;
                let anonymous = Line {
                    customer: NONE,
                    ..judged.line
                };
                lines.push(partition as u16, &anonymous);
            }
        }
        if let Some((first, last)) = last_minutes {
            let (first, last) = (Day(day_of(first)), Day(day_of(last)));
            report.first_day = Some(report.first_day.map_or(first, |day| day.min(first)));
            report.last_day = Some(report.last_day.map_or(last, |day| day.max(last)));
        }
        report.rows_by_file[batch.file as usize] += batch.n_rows as u64;
        lines.settle();
        cleaner.put_away(&rejects);
    }

    /// Looks at every value that the worker has not met yet.
    fn learn(&mut self, batch: &RawBatch) {
        let Self { cleaner, keys, .. } = self;
        keys.customers.learn(&batch.customer, |id| cleaner.customer_key(id));
        if let Some(column) = &batch.order {
            keys.orders.learn(column, |id| cleaner.order_key(id));
        }
        if let Some(column) = &batch.line_type {
            keys.types.learn(column, |word| cleaner.line_type(word));
        }
        let mut shared = lock(&cleaner.shared);
        if let Some(column) = &batch.product {
            keys.products.learn(column, |id| cleaner.product_key(id, &mut shared));
        }
        if let Some(column) = &batch.product_name {
            keys.names.learn(column, |name| NameKey {
                code: shared.names.intern(name),
                is_non_product: cleaner.is_non_product(name),
            });
        }
        if let Some(column) = &batch.group {
            keys.groups.learn(column, |name| shared.group(name));
        }
        if let Some(column) = &batch.currency {
            keys.currencies.learn(column, |name| {
                shared.currencies.intern(name);
            });
        }
    }

    /// Counts lines by product and name, so that the most frequent name can be chosen.
    fn count_names(&mut self, batch: &RawBatch) {
        let (Some(products), Some(names)) = (&batch.product, &batch.product_name) else {
            return;
        };
        let Self { keys, named, .. } = self;
        // A product has one name nearly always: its count is where its code says.
        let mut usual: Vec<(u32, u32)> = vec![(MISSING_CODE, 0); products.values.len()];
        let mut add = |product: u32, name: u32, n: u32| {
            let keys = (keys.products.of_code(product), keys.names.of_code(name));
            if let (Some(product), Some(name)) = keys
                && product.code != NONE
            {
                *named
                    .entry(u64::from(product.code) << 32 | u64::from(name.code))
                    .or_default() += u64::from(n);
            }
        };
        for (&product, &name) in products.codes.iter().zip(&names.codes) {
            if product == MISSING_CODE || name == MISSING_CODE {
                continue;
            }
            let (usual_name, n) = &mut usual[product as usize];
            if *usual_name == name {
                *n += 1;
            } else if *usual_name == MISSING_CODE {
                (*usual_name, *n) = (name, 1);
            } else {
                add(product, name, 1);
            }
        }
        for (product, (name, n)) in usual.into_iter().enumerate().filter(|(_, (_, n))| 0 < *n) {
            add(product as u32, name, n);
        }
    }
}

impl Drop for Worker<'_, '_> {
    fn drop(&mut self) {
        self.cleaner.merge(std::mem::take(&mut self.report), &self.histogram);
        let mut shared = lock(&self.cleaner.shared);
        for (pair, n) in self.named.drain() {
            *shared.named.entry(pair).or_default() += n;
        }
    }
}

/// Without the blanks of other scripts and of web pages at either end.
fn trimmed(id: &[u8]) -> &[u8] {
    match id {
        [first, .., last] if first.is_ascii() && last.is_ascii() => id,
        _ => std::str::from_utf8(id).map_or(id, |text| text.trim().as_bytes()),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn enough(report: &CleanReport, max_reject_share: f64) -> Result<(), Error> {
    let (read, rejected) = (report.read.rows, report.rejected.rows);
    if report.kept.rows == 0 {
        return Err(Error::NothingLeft {
            read,
            by_rule: report.by_rule(),
        });
    }
    if report.kept_returns == report.kept.rows {
        return Err(Error::ReturnsOnly {
            returns: report.kept_returns,
        });
    }
    if rejected as f64 > max_reject_share * read as f64 {
        return Err(Error::TooManyRejects {
            read,
            rejected,
            limit: max_reject_share,
            by_rule: report.by_rule(),
        });
    }
    Ok(())
}

fn most_frequent_names(shared: &Shared, new_codes: &[u32]) -> Vec<Option<String>> {
    let mut best: Vec<Option<(u64, &[u8])>> = vec![None; new_codes.len()];
    for (&pair, &n) in &shared.named {
        let product = new_codes[(pair >> 32) as usize] as usize;
        let name = shared.names.strings().get((pair & u64::from(u32::MAX)) as usize);
        let better = best[product].is_none_or(|(m, other)| n > m || (n == m && name < other));
        if better {
            best[product] = Some((n, name));
        }
    }
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    best.into_iter()
        .map(|entry| entry.map(|(_, name)| text(name)))
        .collect()
}
