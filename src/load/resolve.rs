//! What the user named → the files behind it: files, folders, globs, standard input.
//!
//! Folders are read whole, each folder's files in order of name; parts of the path such as `region=north` are
//! columns, as Hive writes them. A file that is reached twice is read once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{Error, io_error};

/// A file to read, and the columns that its folders name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// `key=value` folders of the path, outermost first.
    pub keys: Vec<(String, String)>,
}

/// What stands for standard input.
pub const STDIN: &str = "-";

const EXTENSIONS: [&str; 12] = [
    "csv", "tsv", "tab", "txt", "parquet", "json", "jsonl", "ndjson", "arrow", "feather", "xlsx", "xls",
];
const PACKED_EXTENSIONS: [&str; 4] = ["gz", "gzip", "zst", "zstd"];
/// Folders within folders are followed this far.
const MAX_DEPTH: usize = 32;

/// The files behind the inputs, in the order of the inputs.
pub fn resolve(inputs: &[PathBuf], notes: &mut Vec<String>) -> Result<Vec<Found>, Error> {
    let mut paths = Vec::new();
    for input in inputs {
        let before = paths.len();
        let pattern = input.to_string_lossy();
        match fs::metadata(input) {
            _ if pattern == STDIN => paths.push(input.clone()),
            Ok(metadata) if metadata.is_dir() => {
                Folders::default().collect(input, 0, &mut paths)?;
                // What is called .json beside files of data tells about them.
                let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
                if paths[before..].iter().any(|path| !is_json(path)) {
                    let mut found = paths.split_off(before);
                    found.retain(|path| !is_json(path));
                    paths.append(&mut found);
                }
                if paths.len() == before {
                    return Err(Error::EmptyFolder { path: input.clone() });
                }
            }
            Ok(_) => paths.push(input.clone()),
            Err(_) if pattern.contains(['*', '?', '[']) => {
                let no_match = || Error::NoMatch {
                    pattern: pattern.to_string(),
                };
                let found = glob::glob(&pattern).map_err(|_| no_match())?;
                paths.extend(found.flatten().filter(|path| path.is_file()));
                if paths.len() == before {
                    return Err(no_match());
                }
            }
            Err(error) => return Err(io_error(input)(error)),
        }
    }
    let mut seen = BTreeSet::new();
    paths.retain(|path| {
        let is_new = seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
        if !is_new {
            notes.push(format!("{} is named twice and read once", path.display()));
        }
        is_new
    });
    let found = |path: PathBuf| Found {
        keys: hive_keys(&path),
        path,
    };
    Ok(paths.into_iter().map(found).collect())
}

/// The folders on the way down, so that a link that leads back is not followed.
#[derive(Default)]
struct Folders {
    above: Vec<PathBuf>,
}

impl Folders {
    fn collect(&mut self, folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
        let real = folder.canonicalize().map_err(io_error(folder))?;
        if MAX_DEPTH < depth || self.above.contains(&real) {
            return Ok(());
        }
        self.above.push(real);
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(io_error(folder))? {
            entries.push(entry.map_err(io_error(folder))?.path());
        }
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            // `~$sales.xlsx` is the lock file of an open workbook.
            if name.starts_with(['.', '_', '~']) {
                continue;
            }
            if path.is_dir() {
                self.collect(&path, depth + 1, paths)?;
            } else if has_known_extension(&name) {
                paths.push(path);
            }
        }
        self.above.pop();
        Ok(())
    }
}

fn has_known_extension(name: &str) -> bool {
    let mut parts = name.rsplit('.');
    let extension = parts.find(|part| !PACKED_EXTENSIONS.contains(part)).unwrap_or_default();
    EXTENSIONS.contains(&extension)
}

/// `region=north%20east/year=2024/part.csv` has two keys.
fn hive_keys(path: &Path) -> Vec<(String, String)> {
    let folders = path.parent().into_iter().flat_map(Path::components);
    let key = |component: Component<'_>| {
        let text = component.as_os_str().to_string_lossy();
        let (key, value) = text.split_once('=')?;
        let value = if value == "__HIVE_DEFAULT_PARTITION__" {
            ""
        } else {
            value
        };
        (!key.is_empty()).then(|| (unescaped(key), unescaped(value)))
    };
    folders.filter_map(key).collect()
}

/// `%20` and such as the characters that they stand for.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let code = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_path_are_columns() {
        let keys = hive_keys(Path::new("sales/region=north%20east/day=2024-01-05/part=0.csv"));
        let expected = [("region", "north east"), ("day", "2024-01-05")];
        assert_eq!(keys, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(hive_keys(Path::new("region=__HIVE_DEFAULT_PARTITION__/a.csv"))[0].1, "");
        assert_eq!(unescaped("100%"), "100%");
        assert_eq!(unescaped("%E5%AE%A2"), "客");
    }

    #[test]
    fn known_files_are_told_by_their_names() {
        for name in ["a.csv", "a.csv.gz", "b.ndjson.zst", "c.parquet", "d.xlsx"] {
            assert!(has_known_extension(name), "{name}");
        }
        for name in ["a.md", "gz", "a.gz", "a", "a.csv.bak"] {
            assert!(!has_known_extension(name), "{name}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn links_that_lead_back_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.csv"), "a").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        let found = resolve(&[folder.path().to_path_buf()], &mut Vec::new()).unwrap();
        assert_eq!(found.len(), 1);
    }
}
