//! Matches headers with names, and gives each column to one canonical column at most.

use std::cmp::Reverse;

use super::figures::Sample;
use super::money;
use super::names::{
    GENERIC, KNOWN, KNOWN_NEVER, KNOWN_PRICES, KNOWN_STATES, PERSON, PRICE_AS_AMOUNT, PRICE_BY_QUANTITY, VAGUE,
    contained_names, whole_names,
};
use super::normal::{Normal, Tax, without_twin_number};
use super::{Canonical, ColumnContent, Guesses, Need, Outcome};
use crate::load::line_type::LineType;

/// One header of the file.
pub(super) struct Column<'a> {
    pub(super) index: usize,
    pub(super) header: &'a str,
    pub(super) normal: Normal,
    content: ColumnContent,
}

impl Column<'_> {
    /// Whether the header is a bare word for a price.
    pub(super) fn is_price(&self) -> bool {
        KNOWN_PRICES.iter().any(|(_, name)| self.normal.is(name))
    }

    /// Whether a word of the header speaks against the canonical column.
    fn is_never(&self, canonical: Canonical) -> bool {
        let mut words = KNOWN_NEVER.iter().filter(|word| word.canonical == canonical);
        words.any(|word| self.normal.contains(&word.normal))
    }
}

/// One header that may be one canonical column.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) canonical: Canonical,
    pub(super) index: usize,
    pub(super) score: u32,
    pub(super) evidence: String,
    /// A quantity that is called an amount.
    pub(super) is_count: bool,
}

/// How a header matches a name, from worst to best.
#[derive(Clone, Copy)]
enum Match {
    Contains,
    Normalised,
    Exact,
}

/// A surer name beats a closer spelling, and a closer spelling beats the content.
fn score(weight: u32, how: Match, suits: bool) -> u32 {
    score_of(weight) + how as u32 * 10 + u32::from(suits)
}

/// That of a name alone: what else is known of a column adds less than one more in weight.
pub(super) fn score_of(weight: u32) -> u32 {
    weight * 100
}

/// Guesses the canonical columns by names and by the content of each column. `content` belongs to `headers` by
/// position, and may be shorter or empty; `given` are pairs of canonical column and header index that the user decided.
pub fn guess<S: AsRef<str>>(headers: &[S], content: &[ColumnContent], given: &[(Canonical, usize)]) -> Guesses {
    guess_from(headers, content, &[], given)
}

/// As [`guess`], and by what the columns of `sample` say of one another: its rows, column by column, in the order of
/// `headers`. Where it is empty, names and content decide.
pub fn guess_from<S: AsRef<str>>(
    headers: &[S],
    content: &[ColumnContent],
    sample: &[Vec<Vec<u8>>],
    given: &[(Canonical, usize)],
) -> Guesses {
    let headers: Vec<&str> = headers.iter().map(|header| header.as_ref().trim()).collect();
    let mut outcomes: Vec<(Canonical, Outcome)> = given
        .iter()
        .filter_map(|&(canonical, index)| {
            let header = (*headers.get(index)?).to_owned();
            Some((canonical, Outcome::Given { index, header }))
        })
        .collect();
    let decided: Vec<Canonical> = outcomes.iter().map(|(canonical, _)| *canonical).collect();
    let is_given = |canonical| decided.contains(&canonical);
    let mut columns = Vec::new();
    for (index, header) in headers.into_iter().enumerate() {
        let normal = Normal::of(header);
        if !normal.joined.is_empty() && !given.iter().any(|(_, taken)| *taken == index) {
            let content = content.get(index).copied().unwrap_or_default();
            columns.push(Column {
                index,
                header,
                normal,
                content,
            });
        }
    }
    let mut candidates = Vec::new();
    for column in &columns {
        candidates.extend(
            Canonical::ALL
                .into_iter()
                .filter_map(|canonical| candidate(canonical, column)),
        );
    }
    let is_money = |one: &&Candidate| one.canonical.need() == Need::Money;
    let named = candidates.iter().filter(is_money).map(|one| one.index);
    let prices = columns
        .iter()
        .filter(|column| column.is_price())
        .map(|column| column.index);
    let sample = Sample::new(sample, named.chain(prices));
    if !is_given(Canonical::Quantity) {
        money::find_counts(&mut candidates, &columns, &sample);
    }
    let is_quantity = |one: &Candidate| one.canonical == Canonical::Quantity;
    let has_quantity = is_given(Canonical::Quantity) || candidates.iter().any(is_quantity);
    candidates.extend(columns.iter().filter_map(|column| price(column, has_quantity)));
    candidates.retain(|one| !is_given(one.canonical));
    let first = assign(&columns, candidates.clone(), outcomes.clone(), &sample);
    let mut notes = Vec::new();
    if !is_given(Canonical::Amount) {
        let findings = money::weigh(&mut candidates, &columns, &first, &sample);
        notes = findings.notes;
        if let Some((indices, reason)) = findings.no_amount {
            candidates.retain(|one| one.canonical != Canonical::Amount && !indices.contains(&one.index));
            let of = |index: &usize| columns.iter().find(|column| column.index == *index);
            let candidates = indices.iter().filter_map(of).map(|column| column.header.to_owned());
            let candidates = candidates.collect();
            outcomes.push((Canonical::Amount, Outcome::Ambiguous { candidates, reason }));
        }
    }
    let mut guesses = assign(&columns, candidates, outcomes, &sample);
    only_dates(&mut guesses, &columns);
    say_more(&mut guesses, &columns);
    notes.extend(notes_on(&guesses, &columns, &sample));
    guesses.notes = notes;
    guesses
}

/// The best match of a header with the names of a canonical column.
fn candidate(canonical: Canonical, column: &Column<'_>) -> Option<Candidate> {
    let Column {
        index,
        header,
        ref normal,
        content,
    } = *column;
    if !content.allows(canonical) {
        return None;
    }
    let suits = content.suits(canonical);
    // Among rows that never repeat, `id` numbers the rows.
    let is_row_number =
        |weight| weight == GENERIC && canonical == Canonical::CustomerId && content.is_known() && !suits;
    let mut matches = Vec::new();
    for known in whole_names(normal, canonical).filter(|known| !is_row_number(known.weight)) {
        let how = if without_twin_number(header) == known.name {
            Match::Exact
        } else {
            Match::Normalised
        };
        if known.weight == VAGUE && content.is_known() && !content.repeats() {
            continue;
        }
        let weight = taxed(known.weight, canonical, normal);
        matches.push((
            score(weight, how, suits),
            whole_name(header, canonical, known.weight, suits),
        ));
    }
    if matches.is_empty() && !column.is_never(canonical) {
        for known in contained_names(normal, canonical) {
            let weight = weight_of_part(normal, &known.normal);
            let evidence = format!(
                "header {header:?} contains {:?}, a common name for {canonical}",
                known.name
            );
            matches.push((score(weight, Match::Contains, suits), evidence));
        }
    }
    // Shops name their orders `#1001`, and call the column that.
    if canonical == Canonical::OrderId && normal.joined == "name" && content.is_numbered() {
        let evidence = format!("header {header:?}, and its values are numbers as orders have them");
        matches.push((score(GENERIC, Match::Exact, suits), evidence));
    }
    let (score, evidence) = matches.into_iter().rev().max_by_key(|(score, _)| *score)?;
    // A column that is blank throughout the sample serves if there is no other.
    let score = if content.is_blank() { 1 } else { score };
    Some(Candidate {
        canonical,
        index,
        score,
        evidence,
        is_count: false,
    })
}

/// What the customer paid comes before what is left of it without tax.
fn taxed(weight: u32, canonical: Canonical, normal: &Normal) -> u32 {
    match (canonical, normal.tax) {
        (Canonical::Amount | Canonical::UnitPrice, Some(Tax::Included)) => weight + 1,
        (Canonical::Amount | Canonical::UnitPrice, Some(Tax::Excluded)) => weight - 1,
        _ => weight,
    }
}

/// Below every whole name but a person's; the less of the header is left over, the higher.
fn weight_of_part(header: &Normal, part: &Normal) -> u32 {
    let left_over = header
        .joined
        .chars()
        .count()
        .saturating_sub(part.joined.chars().count());
    (GENERIC - 1)
        .saturating_sub(u32::try_from(left_over).unwrap_or(u32::MAX))
        .max(PERSON + 1)
}

fn whole_name(header: &str, canonical: Canonical, weight: u32, suits: bool) -> String {
    if header == canonical.name() {
        return format!("header is {header:?}");
    }
    match (weight, suits, canonical) {
        (GENERIC, true, Canonical::CustomerId) => {
            format!("header {header:?}, and its values repeat, as customers do")
        }
        (GENERIC, true, _) => format!("header {header:?}, and its values never repeat"),
        (GENERIC, false, _) => format!("header {header:?} may be {canonical}"),
        (PERSON, _, _) => format!("there is no customer id, so {header:?} serves: two customers of one name are one"),
        _ => format!("header {header:?} is a common name for {canonical}"),
    }
}

/// `Price` is what one piece costs if pieces are counted, and else what the line costs.
fn price(column: &Column<'_>, has_quantity: bool) -> Option<Candidate> {
    let Column {
        index,
        header,
        ref normal,
        content,
    } = *column;
    let (name, _) = KNOWN_PRICES.iter().find(|(_, name)| normal.is(name))?;
    let (canonical, weight, because) = if has_quantity {
        (Canonical::UnitPrice, PRICE_BY_QUANTITY, "stands beside a quantity")
    } else {
        (
            Canonical::Amount,
            PRICE_AS_AMOUNT,
            "is the amount, as there is no quantity",
        )
    };
    let how = if without_twin_number(header) == *name {
        Match::Exact
    } else {
        Match::Normalised
    };
    content.allows(canonical).then(|| Candidate {
        canonical,
        index,
        score: score(taxed(weight, canonical, normal), how, content.suits(canonical)),
        evidence: format!("header {header:?} {because}"),
        is_count: false,
    })
}

/// Where no name is known, dates are told by how they are written, if only one column has them.
fn only_dates(guesses: &mut Guesses, columns: &[Column<'_>]) {
    let used: Vec<usize> = Canonical::ALL.iter().filter_map(|one| guesses.column(*one)).collect();
    let is_free = |column: &&Column<'_>| !used.contains(&column.index) && !column.is_never(Canonical::OrderedAt);
    let free = columns.iter().filter(is_free);
    let dated: Vec<&Column<'_>> = free.filter(|column| column.content.is_written_date()).collect();
    for (canonical, outcome) in &mut guesses.outcomes {
        if *canonical == Canonical::OrderedAt && matches!(outcome, Outcome::Missing { .. }) {
            match dated.as_slice() {
                [] => {}
                [only] => {
                    let header = only.header.to_owned();
                    *outcome = Outcome::Guess {
                        index: only.index,
                        evidence: format!("no other column than {header:?} holds dates"),
                        header,
                    };
                }
                several => {
                    let candidates: Vec<String> = several.iter().map(|column| column.header.to_owned()).collect();
                    let quoted: Vec<String> = candidates.iter().map(|header| format!("{header:?}")).collect();
                    *outcome = Outcome::Ambiguous {
                        reason: format!("{} hold dates, and no name is known", join(&quoted, " and ")),
                        candidates,
                    };
                }
            }
        }
    }
}

/// What stands beside the amount that was taken.
fn say_more(guesses: &mut Guesses, columns: &[Column<'_>]) {
    let is_amount = |column: &&Column<'_>| candidate(Canonical::Amount, column).is_some();
    for (canonical, outcome) in &mut guesses.outcomes {
        if let (Canonical::Amount, Outcome::Guess { index, evidence, .. }) = (*canonical, outcome)
            && let Some(taken) = columns.iter().find(|column| column.index == *index)
        {
            let others: Vec<&Column<'_>> = columns
                .iter()
                .filter(|column| column.index != *index)
                .filter(is_amount)
                .collect();
            if let Some(more) = money::beside(taken, &others) {
                *evidence += &format!(", {more}");
            }
        }
    }
}

/// What the mapping leaves undone and the user should know.
fn notes_on(guesses: &Guesses, columns: &[Column<'_>], sample: &Sample<'_>) -> Vec<String> {
    /// A column of states has a handful of them.
    const MAX_STATES: usize = 30;
    const MAX_SHOWN: usize = 3;
    let mut notes = Vec::new();
    if guesses.column(Canonical::LineType).is_none() {
        let is_status = |column: &&Column<'_>| KNOWN_STATES.iter().any(|word| column.normal.contains(word));
        for column in columns.iter().filter(is_status) {
            let states = sample.distinct(column.index, MAX_STATES + 1);
            let is_void = |state: &&String| matches!(LineType::of(state), Some(LineType::Return | LineType::Other));
            let void: Vec<String> = states
                .iter()
                .filter(is_void)
                .take(MAX_SHOWN)
                .map(|state| format!("{state:?}"))
                .collect();
            if states.len() <= MAX_STATES && !void.is_empty() {
                notes.push(format!(
                    "{:?} says {} of some lines, and they count as sales: filter the file if they are none",
                    column.header,
                    join(&void, ", ")
                ));
            }
        }
    }
    let orders_and_customers = guesses
        .column(Canonical::OrderId)
        .zip(guesses.column(Canonical::CustomerId));
    if let Some((orders, customers)) = orders_and_customers
        && sample.is_shared(orders, customers)
        && let Some(column) = columns.iter().find(|column| column.index == orders)
    {
        notes.push(format!(
            "most values of {:?} stand for several customers: they do not tell orders apart by themselves",
            column.header
        ));
    }
    notes
}

/// Best score first, one to one. Equal scores for one canonical column, or for one header, leave all of them
/// undecided, and their headers unused.
fn assign(
    columns: &[Column<'_>],
    mut open: Vec<Candidate>,
    given: Vec<(Canonical, Outcome)>,
    sample: &Sample<'_>,
) -> Guesses {
    let header_of = |index: usize| {
        columns
            .iter()
            .find(|column| column.index == index)
            .map_or("", |column| column.header)
    };
    let mut found = given;
    let mut used: Vec<usize> = Vec::new();
    while let Some(best) = open
        .iter()
        .min_by_key(|one| (Reverse(one.score), one.canonical, one.index))
    {
        let best_score = best.score;
        // Of two columns with the same values, or two keys of the same things, the first serves.
        let (best_canonical, best_index) = (best.canonical, best.index);
        let is_twin = |one: &Candidate| {
            one.canonical == best_canonical
                && one.index != best_index
                && one.score == best_score
                && (sample.are_equal(best_index, one.index)
                    || (is_key(best_canonical) && sample.are_one_to_one(best_index, one.index)))
        };
        if open.iter().any(is_twin) {
            open.retain(|one| !is_twin(one));
            continue;
        }
        let equals = || open.iter().filter(|one| one.score == best_score);
        let mut undecided: Vec<Canonical> = equals()
            .filter(|one| one.canonical == best.canonical || one.index == best.index)
            .map(|one| one.canonical)
            .collect();
        if let [canonical] = *undecided {
            let header = header_of(best.index).to_owned();
            found.push((
                canonical,
                Outcome::Guess {
                    index: best.index,
                    header,
                    evidence: best.evidence.clone(),
                },
            ));
            used.push(best.index);
        } else {
            undecided.sort_unstable();
            undecided.dedup();
            for &canonical in &undecided {
                let indices: Vec<usize> = equals()
                    .filter(|one| one.canonical == canonical)
                    .map(|one| one.index)
                    .collect();
                let candidates: Vec<String> = indices.iter().map(|&index| header_of(index).to_owned()).collect();
                let reason = match candidates.as_slice() {
                    [header] => format!("header {header:?} may be {}", join(&undecided, " or ")),
                    several => {
                        let quoted: Vec<String> = several.iter().map(|header| format!("{header:?}")).collect();
                        format!("{} are equally likely", join(&quoted, " and "))
                    }
                };
                found.push((canonical, Outcome::Ambiguous { candidates, reason }));
                used.extend(indices);
            }
        }
        open.retain(|one| !used.contains(&one.index) && !found.iter().any(|(done, _)| *done == one.canonical));
    }
    let outcomes = Canonical::ALL.map(|canonical| {
        let outcome = found
            .iter()
            .find(|(done, _)| *done == canonical)
            .map(|(_, outcome)| outcome.clone());
        // Nobody asks after a column that may be missing.
        let missing = || Outcome::Missing {
            closest: match canonical.need() {
                Need::Optional => Vec::new(),
                Need::Required | Need::Money => closest(canonical, columns, &used),
            },
        };
        (canonical, outcome.unwrap_or_else(missing))
    });
    Guesses {
        outcomes: outcomes.into(),
        notes: Vec::new(),
    }
}

fn is_key(canonical: Canonical) -> bool {
    matches!(
        canonical,
        Canonical::CustomerId | Canonical::OrderId | Canonical::ProductId
    )
}

fn join<T: ToString>(items: &[T], with: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(with)
}

/// Free headers whose spelling is near a name of the canonical column.
fn closest(canonical: Canonical, columns: &[Column<'_>], used: &[usize]) -> Vec<String> {
    const AT_LEAST: f64 = 0.6;
    const AT_MOST: usize = 3;
    /// A hint is not worth minutes.
    const MAX_COLUMNS: usize = 500;
    let mut near: Vec<(f64, &Column<'_>)> = Vec::new();
    /// No name is longer.
    const MAX_BYTES: usize = 60;
    let is_free = |column: &&Column<'_>| !used.contains(&column.index) && column.normal.joined.len() <= MAX_BYTES;
    let free = columns.iter().filter(is_free);
    for column in free.take(MAX_COLUMNS) {
        let names = KNOWN.iter().filter(|known| known.canonical == canonical);
        let similarity = names
            .map(|known| strsim::normalized_damerau_levenshtein(&column.normal.joined, &known.normal.joined))
            .fold(0.0, f64::max);
        if AT_LEAST <= similarity {
            near.push((similarity, column));
        }
    }
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.index.cmp(&b.1.index)));
    near.iter()
        .take(AT_MOST)
        .map(|(_, column)| column.header.to_owned())
        .collect()
}
