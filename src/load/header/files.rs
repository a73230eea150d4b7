//! Header rows and first lines as public data sets and common programs write them, and what an expert would take
//! for what. A file that cannot be understood without a question must stop, and say at which column.

mod asian;
mod books;
mod european;
mod sets;
mod shops;

use super::{Canonical, ColumnContent, HeaderError, Outcome, guess_from};

/// A name for messages; header and lines, cells divided by `|`; what is expected of them.
type File = (&'static str, &'static str, &'static str);

fn short(canonical: Canonical) -> &'static str {
    match canonical {
        Canonical::CustomerId => "customer",
        Canonical::OrderId => "order",
        Canonical::OrderedAt => "date",
        Canonical::UnitPrice => "price",
        Canonical::ProductId => "product",
        Canonical::ProductName => "name",
        Canonical::LineType => "type",
        other => other.name(),
    }
}

/// `customer=CustomerID; order=…`, or `stop: ` and the columns that are asked for.
fn understood(text: &str) -> (String, Vec<String>) {
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let headers = &rows[0];
    for row in &rows {
        assert_eq!(row.len(), headers.len(), "{row:?}");
    }
    let column = |at: usize| rows[1..].iter().map(|row| row[at].as_bytes().to_vec()).collect();
    let sample: Vec<Vec<Vec<u8>>> = (0..headers.len()).map(column).collect();
    let of = |values: &Vec<Vec<u8>>| ColumnContent::of(values.iter().map(Vec::as_slice));
    let content: Vec<ColumnContent> = sample.iter().map(of).collect();
    let guesses = guess_from(headers, &content, &sample, &[]);
    // An input may have no order ids.
    let is_asked = |problem: &HeaderError| {
        !matches!(
            problem,
            HeaderError::Missing {
                canonical: Canonical::OrderId,
                ..
            }
        )
    };
    let asked: Vec<&str> = guesses
        .problems()
        .iter()
        .filter(|problem| is_asked(problem))
        .map(|problem| match problem {
            HeaderError::Missing { canonical, .. } | HeaderError::Ambiguous { canonical, .. } => short(*canonical),
            HeaderError::NoMoney { .. } => "money",
        })
        .collect();
    if !asked.is_empty() {
        return (format!("stop: {}", asked.join(", ")), guesses.notes().to_vec());
    }
    let taken = guesses.iter().filter_map(|(canonical, outcome)| match outcome {
        Outcome::Guess { header, .. } => Some(format!("{}={header}", short(canonical))),
        _ => None,
    });
    (taken.collect::<Vec<_>>().join("; "), guesses.notes().to_vec())
}

fn check(files: &[File]) {
    let mut wrong = Vec::new();
    for (name, text, expected) in files {
        let (found, notes) = understood(text);
        if found != *expected {
            wrong.push(format!(
                "{name}\n  found    {found}\n  expected {expected}\n  notes {notes:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}

#[test]
fn public_data_sets() {
    check(sets::FILES);
}

#[test]
fn sample_databases_and_programs_for_books() {
    check(books::FILES);
}

#[test]
fn exports_of_shops() {
    check(shops::FILES);
}

#[test]
fn files_from_europe_and_latin_america() {
    check(european::FILES);
}

#[test]
fn files_from_east_asia() {
    check(asian::FILES);
}
