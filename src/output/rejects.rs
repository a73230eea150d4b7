//! The rejected lines, as a table, and as a file that can be repaired and read again.
//!
//! `rejects.csv` has the columns of the input, so that a repaired line is a line like any other, and three more that
//! say why and where it was rejected. Cost: one pass over the rejected lines, a part at a time.

use std::collections::HashMap;
use std::io::{self, Write};

use super::publish::{Error, Staging};
use crate::clean::{Reject, Rejects, Rule, TABLE};
use crate::load::{Plan, record_fields};
use crate::schema::parts::{PART_ROWS, PartColumn};
use crate::units::Fixed;

/// The columns that `rejects.csv` adds to those of the input.
pub const ADDED: [&str; 3] = ["rejected_by", "rejected_file", "rejected_row"];

/// Publishes the table, and the repairable file if that was asked for.
pub fn write(plan: &Plan, rejects: &Rejects, with_csv: bool, staging: &mut Staging) -> Result<(), Error> {
    let paths: Vec<String> = plan
        .files
        .iter()
        .map(|file| file.path().display().to_string())
        .collect();
    let mut by_path: Vec<usize> = (0..paths.len()).collect();
    by_path.sort_by_key(|&i| &paths[i]);
    let mut rank = vec![0; paths.len()];
    by_path.iter().enumerate().for_each(|(position, &i)| rank[i] = position);
    let rank = |file: u32| rank[file as usize];

    staging.row_groups(&TABLE, &columns(&paths, &[]), &mut |writer| {
        rejects.in_order(rank, PART_ROWS, |part| {
            writer.add(&columns(&paths, part), 0..part.len())
        })
    })?;
    if with_csv {
        staging.file_of("rejects.csv", &mut |into| {
            let mut text = Repairable::new(plan, &paths, into)?;
            rejects.in_order(rank, PART_ROWS, |part| {
                part.iter().try_for_each(|reject| text.put(reject))
            })?;
            text.into.flush()
        })?;
    }
    Ok(())
}

fn columns<'a>(paths: &'a [String], rejects: &'a [Reject]) -> Vec<PartColumn<'a>> {
    let paths = paths.iter().map(String::as_str);
    let rules = Rule::ALL.iter().map(|rule| rule.id());
    vec![
        PartColumn::names("file", paths, |i| Some(rejects[i].file as usize)),
        PartColumn::u64s("row", |i| rejects[i].row),
        PartColumn::names("rule", rules, |i| Some(rejects[i].rule as usize)),
        PartColumn::maybe_f64s("amount", |i| rejects[i].amount.map(Fixed::to_f64)),
        PartColumn::texts("line", |i| rejects[i].line.as_deref()),
    ]
}

/// Rejected lines with the columns of the input.
struct Repairable<'a, 'w> {
    plan: &'a Plan,
    paths: &'a [String],
    into: csv::Writer<&'w mut dyn Write>,
    /// Where each column of the input stands.
    places: HashMap<&'a str, usize>,
    n_columns: usize,
}

impl<'a, 'w> Repairable<'a, 'w> {
    fn new(plan: &'a Plan, paths: &'a [String], into: &'w mut dyn Write) -> io::Result<Self> {
        let mut into = csv::WriterBuilder::new().flexible(true).from_writer(into);
        let mut headers: Vec<&str> = Vec::new();
        let mut places = HashMap::new();
        for header in plan.files.iter().flat_map(|file| &file.headers) {
            // A column without a use may share its name with another.
            if !places.contains_key(header.as_str()) {
                places.insert(header.as_str(), headers.len());
                headers.push(header);
            }
        }
        let n_columns = headers.len();
        into.write_record(headers.into_iter().chain(ADDED))?;
        Ok(Self {
            plan,
            paths,
            into,
            places,
            n_columns,
        })
    }

    fn put(&mut self, reject: &Reject) -> io::Result<()> {
        // A dropped duplicate stands in the input once more: there is nothing to repair.
        let Some(line) = &reject.line else {
            return Ok(());
        };
        let file = &self.plan.files[reject.file as usize];
        let mut row = vec![String::new(); self.n_columns];
        let mut surplus = Vec::new();
        for (at, (header, value)) in record_fields(file, line).into_iter().enumerate() {
            let place = header
                .or(file.headers.get(at).cloned())
                .and_then(|h| self.places.get(h.as_str()));
            match place {
                Some(&place) => row[place] = value,
                None => surplus.push(value),
            }
        }
        for (column, value) in &file.mapping.constants {
            let header = self.plan.columns.iter().find(|other| other.canonical == *column);
            if let Some(&place) = header.and_then(|column| self.places.get(column.header.as_str())) {
                row[place].clone_from(value);
            }
        }
        row.push(reject.rule.id().to_owned());
        row.push(self.paths[reject.file as usize].clone());
        row.push(reject.row.to_string());
        // What is too much stays too much until someone repairs it.
        row.extend(surplus);
        self.into.write_record(&row).map_err(io::Error::from)
    }
}
