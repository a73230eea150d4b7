//! What the user named, as the cluster sees it: paths, files, schema and first rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;

use super::client::Session;
use super::lines::literal;
use super::{Error, FileFact};
use crate::load::spool::Bytes;
use crate::load::{self, FilePlan, Format, Plan, unescaped};

/// Rows that are looked at to decide how to read the input.
const SAMPLE_ROWS: usize = 5_000;
const MAX_FILES: usize = u16::MAX as usize;
/// Columns of our own in `quintile_raw`, after those of the input.
const OWN: [&str; 4] = [
    "_metadata.file_path AS quintile_file",
    "_metadata.row_index AS quintile_row",
    "_metadata.file_size AS quintile_size",
    "_metadata.file_modification_time AS quintile_time",
];
const N_OWN: usize = OWN.len();

/// An input: as the user wrote it, and as it is sent to the cluster.
struct Named {
    written: String,
    sent: String,
}

fn named(input: &Path) -> Result<Named, Error> {
    let written = input.to_string_lossy().into_owned();
    let lower = written.to_lowercase();
    let extension = Path::new(&lower).extension().map(|e| e.to_string_lossy().into_owned());
    let others = [
        "csv", "tsv", "txt", "json", "jsonl", "ndjson", "arrow", "feather", "xlsx", "xls", "gz", "zst", "zip",
    ];
    if written == "-" || extension.is_some_and(|extension| others.contains(&extension.as_str())) {
        return Err(Error::NotParquet { path: written });
    }
    if written.contains("://") || input.is_absolute() {
        let sent = written.clone();
        return Ok(Named { written, sent });
    }
    let sent = std::path::absolute(input).map_or_else(|_| written.clone(), |path| path.to_string_lossy().into_owned());
    Ok(Named { written, sent })
}

/// A file of the cluster under the name that the user would give it.
fn shown(uri: &str, inputs: &[Named]) -> PathBuf {
    let path = match uri.strip_prefix("file:") {
        Some(path) => unescaped(path.strip_prefix("//").unwrap_or(path)),
        None => uri.to_owned(),
    };
    for input in inputs {
        // Up to the first wildcard.
        let base = |text: &str| text.split(['*', '?', '[', '{']).next().unwrap_or_default().to_owned();
        let (sent, written) = (base(&input.sent), base(&input.written));
        if let Some(rest) = path.strip_prefix(sent.trim_end_matches('/')) {
            let rest = rest.trim_start_matches('/');
            return match (rest.is_empty(), sent.len() < input.sent.len()) {
                (true, _) => PathBuf::from(&input.written),
                // What stands before a wildcard need not end with a folder.
                (false, true) => PathBuf::from(format!("{written}{}", path.strip_prefix(&sent).unwrap_or(rest))),
                (false, false) => Path::new(&input.written).join(rest),
            };
        }
    }
    PathBuf::from(path)
}

/// The input of a run on the cluster.
pub struct Input {
    /// The columns of the input, as the cluster reads them.
    pub schema: Arc<Schema>,
    pub files: Vec<FileFact>,
    pub plan: Plan,
}

/// Names the input on the cluster and decides how to read it: on its first rows, by the code that decides it for files
/// that are read here.
pub fn open(session: &Session, params: &load::Params, inputs: &[PathBuf]) -> Result<Input, Error> {
    if inputs.is_empty() {
        return Err(load::Error::NoInput.into());
    }
    let inputs: Vec<Named> = inputs.iter().map(|input| named(input)).collect::<Result<_, _>>()?;
    let paths: Vec<String> = inputs.iter().map(|input| input.sent.clone()).collect();
    session.view_of_parquet("quintile_raw", &paths, &OWN)?;
    let files = files(session, &inputs)?;
    let Some(first) = files.first() else {
        let path = PathBuf::from(&inputs[0].written);
        return Err(load::Error::NoRows { path }.into());
    };
    let sample = sample(session, first)?;
    let schema = sample.schema();
    let bytes = Bytes::copy(&first.shown, |into| write(&sample, into)).map_err(|source| load::Error::Io {
        path: first.shown.clone(),
        source,
    })?;
    let mut plan = load::plan_of_sample(params, bytes)?;
    if plan.customer_map.is_some() {
        return Err(Error::Unsupported {
            what: "a map of customers (load.customer_map)".into(),
            hint: "join it to the transactions on the cluster, or run without --cluster",
        });
    }
    let planned = plan.files.pop();
    let Some((planned, Format::Parquet(parquet))) = planned.as_ref().map(|file| (file, &file.format)) else {
        return Err(session.unexpected("the first rows"));
    };
    plan.files = files
        .iter()
        .map(|file| FilePlan {
            bytes: planned.bytes.standing_for(&file.shown, file.bytes),
            headers: planned.headers.clone(),
            format: Format::Parquet(parquet.clone()),
            mapping: planned.mapping.clone(),
        })
        .collect();
    Ok(Input { schema, files, plan })
}

/// A few thousand rows: they fit in memory.
fn write(sample: &RecordBatch, into: &mut dyn std::io::Write) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let written = ArrowWriter::try_new(&mut bytes, sample.schema(), None).and_then(|mut writer| {
        writer.write(sample)?;
        writer.close()
    });
    written.map_err(std::io::Error::other)?;
    into.write_all(&bytes)
}

/// The files in the order in which they would be read here: by input, then by name.
fn files(session: &Session, inputs: &[Named]) -> Result<Vec<FileFact>, Error> {
    let sql = "SELECT quintile_file, count(*), max(quintile_size), max(unix_micros(quintile_time)) FROM quintile_raw GROUP \
               BY quintile_file";
    let rows = session.query("the files", sql)?;
    let (uris, counts, sizes, times) = (rows.texts(0), rows.counts(1), rows.counts(2), rows.counts(3));
    let mut files: Vec<FileFact> = Vec::new();
    for (i, uri) in uris.into_iter().enumerate() {
        let uri = uri.unwrap_or_default();
        files.push(FileFact {
            shown: shown(&uri, inputs),
            uri,
            rows: counts[i] as u64,
            bytes: sizes[i] as u64,
            modified_micros: times[i],
        });
    }
    let rank = |file: &FileFact| {
        let name = file.shown.to_string_lossy();
        inputs
            .iter()
            .position(|input| name.starts_with(input.written.split(['*', '?', '[', '{']).next().unwrap_or_default()))
    };
    files.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.shown.cmp(&b.shown)));
    let (n, limit) = (files.len(), MAX_FILES);
    if n > limit {
        return Err(load::Error::TooManyFiles { n, limit }.into());
    }
    Ok(files)
}

/// The first rows of a file.
fn sample(session: &Session, file: &FileFact) -> Result<RecordBatch, Error> {
    let sql = format!(
        "SELECT * FROM quintile_raw WHERE quintile_file = {} AND quintile_row < {SAMPLE_ROWS} LIMIT {SAMPLE_ROWS}",
        literal(&file.uri)
    );
    let mut batches = Vec::new();
    session.each_batch("the first rows", &sql, &mut |batch| {
        batches.push(batch);
        Ok(())
    })?;
    let unexpected = || session.unexpected("the first rows");
    let schema = batches.first().map(RecordBatch::schema).ok_or_else(unexpected)?;
    let all = concat_batches(&schema, &batches).map_err(|_| unexpected())?;
    let n_columns = all.num_columns().checked_sub(N_OWN).ok_or_else(unexpected)?;
    let order = sort_to_indices(all.column(n_columns + 1), None, None).map_err(|_| unexpected())?;
    let sorted = take_record_batch(&all, &order).map_err(|_| unexpected())?;
    let columns: Vec<usize> = (0..n_columns).collect();
    sorted.project(&columns).map_err(|_| unexpected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shown_as_the_user_names_them() {
        let input = |written: &str, sent: &str| Named {
            written: written.into(),
            sent: sent.into(),
        };
        for (uri, written, sent, expected) in [
            ("file:/d/a%20b.parquet", "a b.parquet", "/d/a b.parquet", "a b.parquet"),
            ("file:///d/y=1/p.parquet", "/d", "/d", "/d/y=1/p.parquet"),
            ("file:/d/s/p.parquet", "s/", "/d/s/", "s/p.parquet"),
            ("file:/d/s1.parquet", "s*.parquet", "/d/s*.parquet", "s1.parquet"),
            ("s3a://b/k/p.parquet", "s3a://b/k", "s3a://b/k", "s3a://b/k/p.parquet"),
        ] {
            let found = shown(uri, &[input(written, sent)]);
            assert_eq!(found, Path::new(expected), "{uri}");
        }
    }

    #[test]
    fn other_formats_are_refused() {
        for path in ["a.csv", "b.jsonl.gz", "-", "c.XLSX"] {
            assert!(
                matches!(named(Path::new(path)), Err(Error::NotParquet { .. })),
                "{path}"
            );
        }
        assert!(named(Path::new("folder")).is_ok_and(|named| named.sent.ends_with("/folder")));
    }
}
