//! Which ids are the same person: several cards, accounts or spellings of one customer.

use std::collections::HashMap;

use super::ids::{Spreadsheet, means_missing, spreadsheet_id};

/// From an id to that of the person; ids that are not in it stand for themselves.
#[derive(Clone, Debug, Default)]
pub struct People {
    masters: HashMap<Vec<u8>, Vec<u8>>,
}

/// A map that says of an id that it is two people, or of nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    #[error("id {id:?} is mapped to both {first:?} and {second:?}")]
    TwoMasters { id: String, first: String, second: String },
    #[error("the map leads from id {id:?} back to itself")]
    Circle { id: String },
}

fn text(id: &[u8]) -> String {
    String::from_utf8_lossy(id).into_owned()
}

/// The id as it was before a spreadsheet took it for a number.
fn written_out(id: &[u8]) -> Vec<u8> {
    match spreadsheet_id(id) {
        Spreadsheet::Fixed(fixed) => fixed.into_owned(),
        Spreadsheet::Plain | Spreadsheet::LostDigits => id.to_vec(),
    }
}

impl People {
    /// From pairs of an id and the id of the person; a person's id may itself be mapped on. Pairs with a missing id
    /// say nothing.
    pub fn new<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self, PeopleError> {
        let mut direct: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let says = |id: &[u8]| !id.is_empty() && !means_missing(id);
        for (from, to) in pairs.filter(|(from, to)| says(from) && says(to)) {
            let (from, to) = (written_out(from), written_out(to));
            if from == to {
                continue;
            }
            if let Some(other) = direct.get(&from)
                && *other != to
            {
                // Which of the two is named first does not depend on the order of rows.
                let (first, second) = if *other < to { (other, &to) } else { (&to, other) };
                return Err(PeopleError::TwoMasters {
                    id: text(&from),
                    first: text(first),
                    second: text(second),
                });
            }
            direct.insert(from, to);
        }
        let mut masters = HashMap::with_capacity(direct.len());
        for (from, to) in &direct {
            let (mut master, mut steps) = (to, 0);
            while let Some(next) = direct.get(master) {
                master = next;
                steps += 1;
                if steps > direct.len() || master == from {
                    let on_circle = direct.keys().filter(|id| Self::returns(&direct, id)).min();
                    return Err(PeopleError::Circle {
                        id: text(on_circle.unwrap_or(from)),
                    });
                }
            }
            masters.insert(from.clone(), master.clone());
        }
        Ok(Self { masters })
    }

    fn returns(direct: &HashMap<Vec<u8>, Vec<u8>>, id: &Vec<u8>) -> bool {
        let mut at = id;
        (0..direct.len()).any(|_| match direct.get(at) {
            Some(next) => {
                at = next;
                at == id
            }
            None => false,
        })
    }

    pub fn len(&self) -> usize {
        self.masters.len()
    }

    pub fn is_empty(&self) -> bool {
        self.masters.is_empty()
    }

    /// The id of the person behind an id that is written out.
    pub fn master<'a>(&'a self, id: &'a [u8]) -> &'a [u8] {
        self.masters.get(id).map_or(id, Vec::as_slice)
    }

    /// The id of the person behind an id as it stands in a table beside the transactions.
    pub fn of_table(&self, id: &[u8]) -> Vec<u8> {
        let id = written_out(id.trim_ascii());
        self.master(&id).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(pairs: &[(&str, &str)]) -> Result<People, PeopleError> {
        People::new(pairs.iter().map(|(a, b)| (a.as_bytes(), b.as_bytes())))
    }

    #[test]
    fn ids_lead_to_the_person_over_any_number_of_steps() {
        let people = people(&[
            ("a", "b"),
            ("b", "c"),
            ("x", "x"),
            ("17850.0", "c"),
            ("", "c"),
            ("a", "b"),
        ])
        .unwrap();
        for (id, master) in [
            ("a", "c"),
            ("b", "c"),
            ("c", "c"),
            ("x", "x"),
            ("17850", "c"),
            ("other", "other"),
        ] {
            assert_eq!(people.master(id.as_bytes()), master.as_bytes());
        }
        assert_eq!(people.of_table(b" 17850.0 "), b"c");
        assert_eq!(people.len(), 3);
    }

    #[test]
    fn contradictions_are_refused_and_named_alike_in_any_order() {
        for pairs in [[("a", "b"), ("a", "c")], [("a", "c"), ("a", "b")]] {
            let error = people(&pairs).unwrap_err();
            assert_eq!(error.to_string(), "id \"a\" is mapped to both \"b\" and \"c\"");
        }
        for pairs in [
            [("a", "b"), ("b", "c"), ("c", "b")],
            [("c", "b"), ("b", "c"), ("a", "b")],
        ] {
            let error = people(&pairs).unwrap_err();
            assert_eq!(error, PeopleError::Circle { id: "b".into() });
        }
    }
}
