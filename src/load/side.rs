//! Tables beside the transactions: attributes of customers, and which ids are the same person.
//!
//! Any format that transactions may have; every value is kept as text. Memory grows with these tables.

use std::path::Path;

use super::header::{self, Canonical, ColumnContent};
use super::open::Opened;
use super::resolve::Found;
use super::{Error, Params, io_error};

/// A small table, read whole.
#[derive(Clone, Debug, Default)]
pub struct SideTable {
    /// The file as the user knows it, with its size and hash.
    pub path: String,
    pub bytes: u64,
    pub hash: String,
    pub headers: Vec<String>,
    /// One vector a column.
    pub columns: Vec<Vec<Vec<u8>>>,
}

impl SideTable {
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Values that are there, row by row, of two columns.
    pub fn pairs(&self, a: usize, b: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
        let rows = self.columns[a].iter().zip(&self.columns[b]);
        rows.map(|(a, b)| (a.trim_ascii(), b.trim_ascii()))
    }
}

/// A table of customers and the column of their id.
#[derive(Clone, Debug)]
pub struct CustomerTable {
    pub table: SideTable,
    pub id: usize,
}

/// A table of ids: the one that is used, and the one of the person.
#[derive(Clone, Debug)]
pub struct CustomerMap {
    pub table: SideTable,
    pub from: usize,
    pub to: usize,
}

fn read(params: &Params, path: &Path) -> Result<SideTable, Error> {
    // What is said of the transactions is not said of this file.
    let params = Params {
        columns: Vec::new(),
        delimiter: None,
        encoding: None,
        map: Vec::new(),
        sheet: String::new(),
        ..params.clone()
    };
    let opened = Opened::open(&params, &Found::one(path)?)?;
    Ok(SideTable {
        path: path.display().to_string(),
        bytes: opened.bytes.length(),
        hash: opened.bytes.hash().map_err(io_error(path))?,
        columns: opened.read_all()?,
        headers: opened.headers,
    })
}

/// Reads the table of customers that the settings name, if any.
pub fn customers(params: &Params) -> Result<Option<CustomerTable>, Error> {
    let Some(path) = &params.customers else {
        return Ok(None);
    };
    let table = read(params, path)?;
    let id = match &params.customers_id {
        Some(header) => table.headers.iter().position(|name| name == header),
        None => {
            let of_column = |values: &Vec<Vec<u8>>| ColumnContent::of(values.iter().take(5_000).map(Vec::as_slice));
            let content: Vec<ColumnContent> = table.columns.iter().map(of_column).collect();
            header::guess(&table.headers, &content, &[]).column(Canonical::CustomerId)
        }
    };
    match id {
        Some(id) => Ok(Some(CustomerTable { table, id })),
        None => Err(Error::NoCustomerColumn {
            path: path.clone(),
            headers: table.headers,
        }),
    }
}

/// Reads the map of ids that the settings name, if any.
pub fn customer_map(params: &Params) -> Result<Option<CustomerMap>, Error> {
    const FROM: [&str; 12] = [
        "old",
        "from",
        "source",
        "alias",
        "duplicate",
        "card",
        "member",
        "旧",
        "原",
        "alt",
        "ancien",
        "antiguo",
    ];
    const TO: [&str; 14] = [
        "master", "new", "to", "target", "golden", "main", "person", "primary", "survivor", "主", "新", "neu",
        "nouveau", "nuevo",
    ];
    let Some(path) = &params.customer_map else {
        return Ok(None);
    };
    let table = read(params, path)?;
    let named = |words: &[&str]| {
        let has = |header: &String| {
            let folded = header::fold_words(header);
            words.iter().any(|word| {
                let cjk = !word.is_ascii() && header.contains(word);
                cjk || folded.iter().any(|part| part == word)
            })
        };
        let mut found = table.headers.iter().enumerate().filter(|(_, header)| has(header));
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Some(at),
            _ => None,
        }
    };
    let (from, to) = match (named(&FROM), named(&TO), table.headers.len()) {
        (Some(from), Some(to), _) if from != to => (from, to),
        (from, Some(to), 2) if from != Some(1 - to) => (1 - to, to),
        (Some(from), _, 2) => (from, 1 - from),
        (_, _, 2) => (0, 1),
        _ => {
            return Err(Error::NoMapColumns {
                path: path.clone(),
                headers: table.headers,
            });
        }
    };
    Ok(Some(CustomerMap { table, from, to }))
}
