//! The config that `init` writes: the defaults with their comments, and in them what was set or found out.

use toml::{Table, Value};

use crate::config::{Config, DEFAULT};
use crate::load::header::Canonical;
use crate::load::{Column, Decision};

/// The defaults, line by line, with the settings of `config` and the decisions about the input put in.
pub fn with_comments(config: &Config, decisions: &[Decision], columns: &[Column]) -> String {
    let effective: Table = config.to_toml().parse().unwrap_or_default();
    let defaults = Config::read(None, &[])
        .map(|config| config.to_toml())
        .unwrap_or_default();
    let defaults: Table = defaults.parse().unwrap_or_default();
    let decided = |key: &str| decisions.iter().find(|decision| decision.setting == key);
    let mut text = String::new();
    let mut section = String::new();
    for line in DEFAULT.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.trim_matches('[').to_owned();
        }
        let key = line.split_once('=').map(|(key, _)| format!("{section}.{}", key.trim()));
        let is_setting = !line.starts_with(['#', '[']) && !section.starts_with("rfm.");
        let value = key.filter(|_| is_setting).and_then(|key| match decided(&key) {
            Some(decision) => Some((Value::String(decision.value.clone()), Some(decision.evidence.as_str()))),
            None => changed(&key, &effective, &defaults).map(|value| (value, None)),
        });
        match value {
            Some((value, evidence)) => {
                if let Some(evidence) = evidence {
                    text.push_str(&format!("# {}\n", one_line(evidence)));
                }
                let name = line.split('=').next().unwrap_or_default();
                text.push_str(&format!("{name}= {value}{}\n", comment(line)));
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
        if line.starts_with("[load.map]") {
            for column in mapped(columns) {
                let header = Value::String(column.header.clone());
                text.push_str(&format!(
                    "{} = {header} # {}\n",
                    column.canonical,
                    one_line(&column.evidence)
                ));
            }
        }
        if let Some(added) = added_in(line, &effective, &defaults) {
            let is_new = |key: &str| section != "load.map" || !maps(columns, key);
            for (key, value) in added.iter().filter(|(key, _)| is_new(key)) {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
    }
    text
}

/// Names that serve as ids are mapped by the column of names alone.
fn mapped(columns: &[Column]) -> impl Iterator<Item = &Column> {
    let serves = move |column: &&Column| {
        column.canonical == Canonical::ProductId
            && columns
                .iter()
                .any(|other| other.canonical == Canonical::ProductName && other.header == column.header)
    };
    columns.iter().filter(move |column| !serves(column))
}

fn maps(columns: &[Column], canonical: &str) -> bool {
    mapped(columns).any(|column| column.canonical.name() == canonical)
}

/// The settings of a section that begins with this line and has none by default.
fn added_in<'t>(line: &str, effective: &'t Table, defaults: &Table) -> Option<&'t Table> {
    let name = line.strip_prefix('[')?.split(']').next()?;
    let (outer, inner) = name.split_once('.')?;
    let is_empty = defaults.get(outer)?.get(inner)?.as_table()?.is_empty();
    let section = effective.get(outer)?.get(inner)?.as_table()?;
    is_empty.then_some(section)
}

/// The value of a setting that is not the default.
fn changed(key: &str, effective: &Table, defaults: &Table) -> Option<Value> {
    let look_up = |table: &Table| {
        let (section, name) = key.rsplit_once('.')?;
        let mut found = table;
        for part in section.split('.') {
            found = found.get(part)?.as_table()?;
        }
        found.get(name).cloned()
    };
    let value = look_up(effective)?;
    (look_up(defaults).as_ref() != Some(&value)).then_some(value)
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// What stands behind a value in the defaults.
fn comment(line: &str) -> String {
    match line.find(" # ") {
        Some(at) => line[at..].to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_setting;

    #[test]
    fn nothing_found_gives_the_defaults() {
        let config = Config::read(None, &[]).unwrap();
        assert_eq!(with_comments(&config, &[], &[]), DEFAULT);
    }

    #[test]
    fn what_was_set_and_found_out_stands_in_the_config() {
        let settings = [
            "clv.horizon_days=90",
            "run.timezone=Europe/Berlin",
            "clean.rules.zero_price=keep",
        ];
        let settings: Vec<_> = settings.iter().map(|text| parse_setting(text).unwrap()).collect();
        let mut config = Config::read(None, &settings).unwrap();
        let decision = Decision {
            setting: "load.delimiter",
            value: ";".into(),
            evidence: "9 of 9\nrecords".into(),
            is_plain: false,
        };
        let column = Column {
            canonical: Canonical::CustomerId,
            header: "Kunden\"Nr".into(),
            evidence: "a common name".into(),
        };
        let text = with_comments(&config, &[decision], &[column]);
        config.load.delimiter = ";".into();
        config.load.map.insert("customer_id".into(), "Kunden\"Nr".into());
        let table: Table = text.parse().unwrap();
        let again: Config = table.try_into().unwrap();
        assert_eq!(again.to_toml(), config.to_toml());
        assert!(text.contains("# 9 of 9 records\ndelimiter = \";\""), "{text}");
        assert!(text.contains("horizon_days = 90\n"), "{text}");
        assert!(text.contains("timezone = \"Europe/Berlin\" # a purchase day"), "{text}");
    }
}
