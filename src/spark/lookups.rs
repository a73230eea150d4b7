//! Distinct values of the cluster's columns, judged by our own code and sent back as small tables.
//!
//! Ids that are what they seem (nearly all) are judged in SQL; the others, and all products, groups and types, come here
//! once each. Cost: one column is read for each of them, on the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};

use super::client::Session;
use super::lines::{Columns, Text, is_plain};
use super::{Error, FileFact};
use crate::clean::elsewhere::Values;
use crate::clean::{NO_GROUP, NONE};
use crate::load::header::Canonical;

/// Ids that may be looked at one by one, of one kind.
const MAX_ODD_IDS: usize = 2_000_000;
/// Products, each with each of its names.
const MAX_PRODUCTS: usize = 20_000_000;

/// A column for [`Session::upload`].
fn table(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, Error> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| Error::Table { why: error.to_string() })
}

fn texts<T: AsRef<str>>(values: &[T]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// The text that a column of that kind has here.
fn as_here(kind: Text, key: &str) -> String {
    match kind {
        Text::Plain => key.to_owned(),
        Text::Float => key
            .parse::<f64>()
            .map_or_else(|_| key.to_owned(), |number| number.to_string()),
    }
}

/// Sends all tables that the judging of lines joins.
pub fn send(session: &Session, columns: &Columns<'_>, files: &[FileFact], values: &Values<'_>) -> Result<(), Error> {
    let place = |i: usize| i as i64;
    session.upload(
        "quintile_files",
        &table(vec![
            ("k", texts(&files.iter().map(|file| &file.uri).collect::<Vec<_>>())),
            ("i", Arc::new(Int64Array::from_iter_values((0..files.len()).map(place)))),
        ])?,
    )?;
    customers(session, columns, values)?;
    orders(session, columns, values)?;
    products(session, columns, values)?;
    groups(session, columns, values)?;
    types(session, columns, values)?;
    if columns.has(Canonical::Currency) {
        for value in distinct(session, "currencies", "ku", "ku IS NOT NULL", MAX_ODD_IDS)? {
            values.currency(&value);
        }
    }
    Ok(())
}

/// Sends the products that take part in pairs.
pub fn send_frequent(session: &Session, products: Vec<i64>) -> Result<(), Error> {
    session.upload(
        "quintile_frequent",
        &table(vec![("k", Arc::new(Int64Array::from(products)))])?,
    )
}

fn distinct(
    session: &Session,
    what: &'static str,
    key: &str,
    condition: &str,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let sql = format!(
        "SELECT DISTINCT {key} FROM quintile_keys WHERE {condition} LIMIT {}",
        limit + 1
    );
    let rows = session.query(what, &sql)?;
    let mut found: Vec<String> = rows.texts(0).into_iter().flatten().collect();
    if limit < found.len() {
        return Err(Error::TooMany {
            what,
            limit,
            example: found.swap_remove(0),
        });
    }
    found.sort_unstable();
    Ok(found)
}

fn odd_ids(session: &Session, columns: &Columns<'_>, canonical: Canonical) -> Result<Vec<String>, Error> {
    if !columns.has(canonical) {
        return Ok(Vec::new());
    }
    let kind = columns.text_kind(canonical);
    let (what, key) = match canonical {
        Canonical::CustomerId => ("customer ids to be looked at", "kc"),
        _ => ("order ids to be looked at", "ko"),
    };
    let plain = is_plain(key, kind, canonical == Canonical::CustomerId);
    distinct(
        session,
        what,
        key,
        &format!("{key} IS NOT NULL AND NOT {plain}"),
        MAX_ODD_IDS,
    )
}

fn customers(session: &Session, columns: &Columns<'_>, values: &Values<'_>) -> Result<(), Error> {
    let kind = columns.text_kind(Canonical::CustomerId);
    let keys = odd_ids(session, columns, Canonical::CustomerId)?;
    let judged: Vec<(Option<String>, u32)> = keys.iter().map(|key| values.customer(&as_here(kind, key))).collect();
    let ids: StringArray = judged.iter().map(|(id, _)| id.as_deref()).collect();
    let rules = judged.iter().map(|(_, rules)| *rules as i32);
    session.upload(
        "quintile_customers",
        &table(vec![
            ("k", texts(&keys)),
            ("id", Arc::new(ids)),
            ("rules", Arc::new(Int32Array::from_iter_values(rules))),
        ])?,
    )
}

fn orders(session: &Session, columns: &Columns<'_>, values: &Values<'_>) -> Result<(), Error> {
    let kind = columns.text_kind(Canonical::OrderId);
    let keys = odd_ids(session, columns, Canonical::OrderId)?;
    let judged: Vec<Option<(u64, u32)>> = keys.iter().map(|key| values.order(&as_here(kind, key))).collect();
    let hashes: Int64Array = judged.iter().map(|key| key.map(|(hash, _)| hash as i64)).collect();
    let rules = judged.iter().map(|key| key.map_or(0, |(_, rules)| rules as i32));
    session.upload(
        "quintile_orders",
        &table(vec![
            ("k", texts(&keys)),
            ("hash", Arc::new(hashes)),
            ("rules", Arc::new(Int32Array::from_iter_values(rules))),
        ])?,
    )
}

fn products(session: &Session, columns: &Columns<'_>, values: &Values<'_>) -> Result<(), Error> {
    let kind = columns.text_kind(Canonical::ProductId);
    let name_kind = columns.text_kind(Canonical::ProductName);
    let mut judged: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut names: BTreeMap<String, bool> = BTreeMap::new();
    if columns.has(Canonical::ProductId) || columns.has(Canonical::ProductName) {
        let sql = format!(
            "SELECT kp, kn, count(*) FROM quintile_keys GROUP BY kp, kn LIMIT {}",
            MAX_PRODUCTS + 1
        );
        let rows = session.query("products", &sql)?;
        let (keys, of_keys, counts) = (rows.texts(0), rows.texts(1), rows.counts(2));
        if MAX_PRODUCTS < rows.len() {
            return Err(Error::TooMany {
                what: "products",
                limit: MAX_PRODUCTS,
                example: keys.into_iter().flatten().next().unwrap_or_default(),
            });
        }
        for ((key, name), n) in keys.into_iter().zip(of_keys).zip(counts) {
            let name = name.map(|name| (as_here(name_kind, &name), name));
            if let Some(key) = key {
                let shown = name.as_ref().map(|(shown, _)| shown.as_str());
                let found = values.product(&as_here(kind, &key), shown, n as u64);
                judged.insert(key, found);
            }
            if let Some((shown, name)) = name {
                names.entry(name).or_insert_with(|| values.is_non_product(&shown));
            }
        }
    }
    let codes = values.product_codes();
    let code = |(code, _): &(u32, u32)| i64::from(codes.get(*code as usize).copied().unwrap_or(NONE));
    let keys: Vec<&String> = judged.keys().collect();
    session.upload(
        "quintile_products",
        &table(vec![
            ("k", texts(&keys)),
            (
                "code",
                Arc::new(Int64Array::from_iter_values(judged.values().map(code))),
            ),
            (
                "rules",
                Arc::new(Int32Array::from_iter_values(
                    judged.values().map(|(_, rules)| *rules as i32),
                )),
            ),
        ])?,
    )?;
    let non_products: Vec<&String> = names.iter().filter(|(_, is)| **is).map(|(name, _)| name).collect();
    session.upload("quintile_names", &table(vec![("k", texts(&non_products))])?)
}

fn groups(session: &Session, columns: &Columns<'_>, values: &Values<'_>) -> Result<(), Error> {
    let canonical = columns.mapping.group.filter(|group| columns.has(*group));
    let keys = match canonical {
        Some(_) => distinct(session, "groups", "kg", "kg IS NOT NULL", MAX_ODD_IDS)?,
        None => Vec::new(),
    };
    let kind = canonical.map_or(Text::Plain, |canonical| columns.text_kind(canonical));
    let arrived: Vec<u8> = keys.iter().map(|key| values.group(&as_here(kind, key))).collect();
    let codes = values.group_codes();
    let code = |code: &u8| match codes.get(usize::from(*code)) {
        Some(position) if *code != NO_GROUP => *position as i32,
        _ => i32::from(NO_GROUP),
    };
    session.upload(
        "quintile_groups",
        &table(vec![
            ("k", texts(&keys)),
            ("code", Arc::new(Int32Array::from_iter_values(arrived.iter().map(code)))),
        ])?,
    )
}

fn types(session: &Session, columns: &Columns<'_>, values: &Values<'_>) -> Result<(), Error> {
    let keys = match columns.has(Canonical::LineType) {
        true => distinct(session, "types of lines", "kt", "kt IS NOT NULL", MAX_ODD_IDS)?,
        false => Vec::new(),
    };
    let kind = columns.text_kind(Canonical::LineType);
    let judged: Vec<(u32, bool)> = keys.iter().map(|key| values.line_type(&as_here(kind, key))).collect();
    let is_return: Vec<bool> = judged.iter().map(|(_, is_return)| *is_return).collect();
    session.upload(
        "quintile_types",
        &table(vec![
            ("k", texts(&keys)),
            (
                "rules",
                Arc::new(Int32Array::from_iter_values(
                    judged.iter().map(|(rules, _)| *rules as i32),
                )),
            ),
            ("is_return", Arc::new(BooleanArray::from(is_return))),
        ])?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_they_are_here() {
        for (there, here) in [
            ("17850.5", "17850.5"),
            ("1.0E22", "10000000000000000000000"),
            ("-0.0", "-0"),
        ] {
            assert_eq!(as_here(Text::Float, there), here);
        }
        assert_eq!(as_here(Text::Plain, "1.0E22"), "1.0E22");
    }
}
