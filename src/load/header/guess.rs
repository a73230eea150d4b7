//! Matches headers with names, and gives each column to one canonical column at most.

use std::cmp::Reverse;

use super::names::{
    GENERIC, KNOWN, KNOWN_NEVER, KNOWN_WITHIN, Normal, PRICE_AS_AMOUNT, PRICE_BY_QUANTITY, PRICES, SURE,
};
use super::{Canonical, ColumnContent, Guesses, Outcome};

/// One header of the file.
struct Column<'a> {
    index: usize,
    header: &'a str,
    normal: Normal,
    content: ColumnContent,
}

/// One header that may be one canonical column.
struct Candidate {
    canonical: Canonical,
    index: usize,
    score: u32,
    evidence: String,
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
    (weight * 3 + how as u32) * 2 + u32::from(suits)
}

/// Guesses the canonical columns. `content` belongs to `headers` by position, and may be shorter or empty;
/// `given` are pairs of canonical column and header index that the user decided.
pub fn guess<S: AsRef<str>>(headers: &[S], content: &[ColumnContent], given: &[(Canonical, usize)]) -> Guesses {
    let headers: Vec<&str> = headers.iter().map(|header| header.as_ref().trim()).collect();
    let outcomes: Vec<(Canonical, Outcome)> = given
        .iter()
        .filter_map(|&(canonical, index)| {
            let header = (*headers.get(index)?).to_owned();
            Some((canonical, Outcome::Given { index, header }))
        })
        .collect();
    let is_given = |canonical| outcomes.iter().any(|(done, _)| *done == canonical);
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
    let is_quantity = |one: &Candidate| one.canonical == Canonical::Quantity;
    let has_quantity = is_given(Canonical::Quantity) || candidates.iter().any(is_quantity);
    candidates.extend(columns.iter().filter_map(|column| price(column, has_quantity)));
    candidates.retain(|one| !is_given(one.canonical));
    assign(&columns, candidates, outcomes)
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
    for known in KNOWN
        .iter()
        .filter(|known| known.canonical == canonical && !is_row_number(known.weight))
    {
        let how = if header == known.name {
            Match::Exact
        } else if normal.joined == known.normal.joined {
            Match::Normalised
        } else {
            continue;
        };
        matches.push((
            score(known.weight, how, suits),
            whole_name(header, canonical, known.weight, suits),
        ));
    }
    let is_other = KNOWN_NEVER
        .iter()
        .any(|word| word.canonical == canonical && normal.contains(&word.normal));
    if matches.is_empty() && !is_other {
        let telling = KNOWN
            .iter()
            .filter(|known| SURE <= known.weight && known.normal.is_telling());
        for known in telling
            .chain(KNOWN_WITHIN.iter())
            .filter(|known| known.canonical == canonical)
        {
            if normal.contains(&known.normal) {
                let weight = weight_of_part(normal, &known.normal);
                let evidence = format!(
                    "header {header:?} contains {:?}, a common name for {canonical}",
                    known.name
                );
                matches.push((score(weight, Match::Contains, suits), evidence));
            }
        }
    }
    let (score, evidence) = matches.into_iter().rev().max_by_key(|(score, _)| *score)?;
    Some(Candidate {
        canonical,
        index,
        score,
        evidence,
    })
}

/// Below every whole name; the less of the header is left over, the higher.
fn weight_of_part(header: &Normal, part: &Normal) -> u32 {
    let left_over = header
        .joined
        .chars()
        .count()
        .saturating_sub(part.joined.chars().count());
    (GENERIC - 1)
        .saturating_sub(u32::try_from(left_over).unwrap_or(u32::MAX))
        .max(1)
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
    let name = PRICES
        .split(';')
        .find(|name| Normal::of(name).joined == normal.joined)?;
    let (canonical, weight, because) = if has_quantity {
        (Canonical::UnitPrice, PRICE_BY_QUANTITY, "stands beside a quantity")
    } else {
        (
            Canonical::Amount,
            PRICE_AS_AMOUNT,
            "is the amount, as there is no quantity",
        )
    };
    let how = if header == name {
        Match::Exact
    } else {
        Match::Normalised
    };
    content.allows(canonical).then(|| Candidate {
        canonical,
        index,
        score: score(weight, how, content.suits(canonical)),
        evidence: format!("header {header:?} {because}"),
    })
}

/// Best score first, one to one. Equal scores for one canonical column, or for one header, leave all of them
/// undecided, and their headers unused.
fn assign(columns: &[Column<'_>], mut open: Vec<Candidate>, given: Vec<(Canonical, Outcome)>) -> Guesses {
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
        let missing = || Outcome::Missing {
            closest: closest(canonical, columns, &used),
        };
        (canonical, outcome.unwrap_or_else(missing))
    });
    Guesses {
        outcomes: outcomes.into(),
    }
}

fn join<T: ToString>(items: &[T], with: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(with)
}

/// Free headers whose spelling is near a name of the canonical column.
fn closest(canonical: Canonical, columns: &[Column<'_>], used: &[usize]) -> Vec<String> {
    const AT_LEAST: f64 = 0.6;
    const AT_MOST: usize = 3;
    let mut near: Vec<(f64, &Column<'_>)> = Vec::new();
    for column in columns.iter().filter(|column| !used.contains(&column.index)) {
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
