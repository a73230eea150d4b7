//! What else is known of the customers: the columns of a table of customers, carried to the output by id.
//!
//! Several rows of one customer complete each other; where they contradict each other the attribute is unknown, and
//! that is counted. Cost: one hash look-up for each row of the table.

use std::collections::HashMap;

use crate::clean::People;
use crate::diagnostics::Warning;
use crate::load::header::fold_words;
use crate::load::side::CustomerTable;
use crate::schema::ATTRIBUTE_PREFIX;
use crate::schema::parts::PartColumn;
use crate::summary::Ids;

/// Attributes of all customers, in the order of their ids.
#[derive(Debug, Default)]
pub struct Attributes {
    /// Name of the published column, and the value of each customer.
    columns: Vec<(String, Vec<Option<String>>)>,
    pub facts: Facts,
}

/// How the table of customers and the transactions fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Facts {
    /// Customers with a row in the table, and without one.
    pub n_found: u64,
    pub n_missing: u64,
    /// Rows of people who bought nothing.
    pub n_rows_without_sale: u64,
    /// Values that contradict those of another row of the customer.
    pub n_contradictions: u64,
}

impl Attributes {
    /// Joins the table to the customers whose ids are given, ascending.
    pub fn join(table: &CustomerTable, people: &People, ids: &Ids) -> Self {
        let CustomerTable { table, id } = table;
        let at: HashMap<&[u8], usize> = ids.iter().enumerate().map(|(i, id)| (id.as_bytes(), i)).collect();
        let of_row: Vec<Option<usize>> = table.columns[*id]
            .iter()
            .map(|id| at.get(people.of_table(id).as_slice()).copied())
            .collect();
        let mut found = vec![false; ids.len()];
        of_row.iter().flatten().for_each(|&i| found[i] = true);
        let n_found = found.iter().filter(|found| **found).count() as u64;
        let mut facts = Facts {
            n_found,
            n_missing: ids.len() as u64 - n_found,
            n_rows_without_sale: of_row.iter().filter(|row| row.is_none()).count() as u64,
            n_contradictions: 0,
        };
        let names = column_names(&table.headers);
        let mut columns = Vec::new();
        for (c, values) in table.columns.iter().enumerate().filter(|(c, _)| c != id) {
            let mut of_customer: Vec<Option<String>> = vec![None; ids.len()];
            let mut contradicted = vec![false; ids.len()];
            for (value, row) in values.iter().zip(&of_row) {
                let (value, Some(i)) = (value.trim_ascii(), *row) else {
                    continue;
                };
                if value.is_empty() {
                    continue;
                }
                let value = String::from_utf8_lossy(value);
                match &of_customer[i] {
                    None => of_customer[i] = Some(value.into_owned()),
                    Some(other) => contradicted[i] |= *other != value,
                }
            }
            for (value, _) in of_customer.iter_mut().zip(&contradicted).filter(|(_, is)| **is) {
                *value = None;
                facts.n_contradictions += 1;
            }
            columns.push((names[c].clone(), of_customer));
        }
        Self { columns, facts }
    }

    /// The columns that the table of customers ends in.
    pub fn columns(&self) -> impl Iterator<Item = PartColumn<'_>> {
        let columns = self.columns.iter();
        columns.map(|(name, values)| PartColumn::texts(name, |i| values[i].as_deref()).repeating())
    }

    /// What the user should know of the table, if it does not fit.
    pub fn warning(&self) -> Option<Warning> {
        let Facts {
            n_found,
            n_missing,
            n_contradictions,
            ..
        } = self.facts;
        (n_missing > 0 || n_contradictions > 0).then_some(Warning::CustomerTable {
            n_found,
            n_missing,
            n_contradictions,
        })
    }

    /// Values of an attribute, by its published name with or without the prefix.
    pub fn find(&self, name: &str) -> Option<&[Option<String>]> {
        let wanted = column_names(&[name.to_owned()]);
        let is_it = |(known, _): &&(String, Vec<Option<String>>)| known == name || Some(known) == wanted.first();
        self.columns.iter().find(is_it).map(|(_, values)| values.as_slice())
    }

    /// Published name of each attribute.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }
}

/// `E-Mail` becomes `attribute_e_mail`; equal names are numbered.
fn column_names(headers: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for header in headers {
        let words = fold_words(header).join("_");
        let plain = format!(
            "{ATTRIBUTE_PREFIX}{}",
            if words.is_empty() { "unnamed" } else { &words }
        );
        let numbered = |n: usize| if n == 1 { plain.clone() } else { format!("{plain}_{n}") };
        let name = (1..).map(numbered).find(|name| !names.contains(name));
        names.push(name.unwrap_or(plain));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::side::SideTable;

    fn table(headers: &[&str], rows: &[&[&str]]) -> CustomerTable {
        let column = |c: usize| rows.iter().map(|row| row[c].as_bytes().to_vec()).collect();
        CustomerTable {
            table: SideTable {
                headers: headers.iter().map(|header| (*header).to_owned()).collect(),
                columns: (0..headers.len()).map(column).collect(),
                ..SideTable::default()
            },
            id: 0,
        }
    }

    #[test]
    fn rows_of_one_person_complete_or_contradict_each_other() {
        let rows: &[&[&str]] = &[
            &["a", "north", ""],
            &["17850.0", "south", "x@y.z"],
            &["a", "north", "a@y.z"],
            &["old", "west", ""],
            &["nobody", "east", ""],
        ];
        let table = table(&["id", "Region", "E-Mail"], rows);
        let people = People::new([(&b"old"[..], &b"17850"[..])].into_iter()).unwrap();
        let ids: Ids = ["17850", "a", "b"].into_iter().collect();
        let joined = Attributes::join(&table, &people, &ids);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            joined.columns,
            [
                ("attribute_region".to_owned(), vec![None, text("north"), None]),
                ("attribute_e_mail".to_owned(), vec![text("x@y.z"), text("a@y.z"), None]),
            ]
        );
        let expected = Facts {
            n_found: 2,
            n_missing: 1,
            n_rows_without_sale: 1,
            n_contradictions: 1,
        };
        assert_eq!(joined.facts, expected);
    }

    #[test]
    fn names_are_unlike() {
        let headers = ["Region", "region", "地区", "!"].map(str::to_owned);
        let names = [
            "attribute_region",
            "attribute_region_2",
            "attribute_地区",
            "attribute_unnamed",
        ];
        assert_eq!(column_names(&headers), names);
    }
}
