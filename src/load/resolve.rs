//! What the user named → the files behind it: files, folders, globs, standard input, and objects of a store in the same
//! ways.
//!
//! Folders are read whole, each folder's files in order of name; parts of the path such as `region=north` are
//! columns, as Hive writes them. A file that is reached twice is read once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::remote::{Cause, Object, Place, Stores};
use super::{Error, io_error};

/// A file to read, and the columns that its folders name.
pub struct Found {
    pub path: PathBuf,
    /// `key=value` folders of the path, outermost first.
    pub keys: Vec<(String, String)>,
    /// Where it is no file of this machine.
    pub object: Option<Object>,
}

impl Found {
    /// A file that is no part of the input and takes nothing from its folders.
    pub fn one(path: &Path) -> Result<Self, Error> {
        let object = match Place::of(&path.to_string_lossy()) {
            Some(place) => Some(only_object(&place?)?),
            None => None,
        };
        Ok(Self {
            path: path.to_path_buf(),
            keys: Vec::new(),
            object,
        })
    }
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
    let mut found: Vec<(PathBuf, Option<Object>)> = Vec::new();
    let mut stores = Stores::default();
    for input in inputs {
        let mut paths = Vec::new();
        let pattern = input.to_string_lossy();
        match fs::metadata(input) {
            _ if pattern == STDIN => paths.push(input.clone()),
            Ok(metadata) if metadata.is_dir() => {
                Folders::default().collect(input, 0, &mut paths)?;
                drop_descriptions(&mut paths, PathBuf::as_path);
                if paths.is_empty() {
                    return Err(Error::EmptyFolder { path: input.clone() });
                }
            }
            Ok(_) => paths.push(input.clone()),
            Err(_) if is_pattern(&pattern) && Place::of(&pattern).is_none() => {
                let no_match = || Error::NoMatch {
                    pattern: pattern.to_string(),
                };
                let found = glob::glob(&pattern).map_err(|_| no_match())?;
                paths.extend(found.flatten().filter(|path| path.is_file()));
                if paths.is_empty() {
                    return Err(no_match());
                }
            }
            Err(error) => match Place::of(&pattern) {
                Some(place) => {
                    let objects = objects(&place?, &mut stores)?;
                    found.extend(objects.into_iter().map(|object| (object.shown(), Some(object))));
                }
                None => return Err(io_error(input)(error)),
            },
        }
        found.extend(paths.into_iter().map(|path| (path, None)));
    }
    let mut seen = BTreeSet::new();
    found.retain(|(path, _)| {
        let is_new = seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
        if !is_new {
            notes.push(format!("{} is named twice and read once", path.display()));
        }
        is_new
    });
    let found = found.into_iter().map(|(path, object)| Found {
        keys: hive_keys(&path),
        path,
        object,
    });
    Ok(found.collect())
}

/// What is called .json beside files of data tells about them.
fn drop_descriptions<T>(found: &mut Vec<T>, path: impl Fn(&T) -> &Path) {
    let is_json = |found: &T| path(found).extension().is_some_and(|extension| extension == "json");
    if found.iter().any(|found| !is_json(found)) {
        found.retain(|found| !is_json(found));
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

fn only_object(place: &Place) -> Result<Object, Error> {
    let object = Stores::default().find(place)?;
    object.ok_or_else(|| place.error(Cause::NoObject))
}

/// The objects behind a name: one, those of a folder, those of a glob.
fn objects(place: &Place, stores: &mut Stores) -> Result<Vec<Object>, Error> {
    if is_pattern(&place.key) {
        let chosen = glob_objects(place, stores)?;
        if !chosen.is_empty() {
            return Ok(chosen);
        }
    }
    // Who may not read this one object may be allowed to list the folder of this name.
    let refusal = match stores.find(place) {
        Ok(Some(object)) => return Ok(vec![object]),
        Ok(None) if is_pattern(&place.key) => {
            let pattern = place.url();
            return Err(Error::NoMatch { pattern });
        }
        Ok(None) => None,
        Err(
            error @ Error::Remote {
                cause: Cause::NoPermission { .. },
                ..
            },
        ) => Some(error),
        Err(error) => return Err(error),
    };
    let folder = match place.key.trim_end_matches('/') {
        "" => String::new(),
        key => format!("{key}/"),
    };
    let mut chosen = match stores.list(place, &folder) {
        Ok(chosen) => chosen,
        Err(error) => return Err(refusal.unwrap_or(error)),
    };
    if chosen.is_empty() {
        return Err(refusal.unwrap_or_else(|| place.error(Cause::NoObject)));
    }
    sort(&mut chosen);
    chosen.retain(|object| is_wanted(object.key().strip_prefix(&folder).unwrap_or_default()));
    drop_descriptions(&mut chosen, |object| Path::new(object.key()));
    if chosen.is_empty() {
        let path = PathBuf::from(place.url());
        return Err(Error::EmptyFolder { path });
    }
    Ok(chosen)
}

fn glob_objects(place: &Place, stores: &mut Stores) -> Result<Vec<Object>, Error> {
    let url = place.url();
    let Ok(pattern) = glob::Pattern::new(&place.key) else {
        return Err(Error::NoMatch { pattern: url });
    };
    let n_plain = place.key.find(['*', '?', '[']).unwrap_or(place.key.len());
    let mut chosen = stores.list(place, &place.key[..n_plain])?;
    sort(&mut chosen);
    chosen.retain(|object| pattern.matches_with(object.key(), AS_IN_FOLDERS));
    Ok(chosen)
}

/// Stars stop at slashes, as those of a file system do.
const AS_IN_FOLDERS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The order in which folders are read. Objects that only mark a folder are left out.
fn sort(objects: &mut Vec<Object>) {
    objects.sort_by(|a, b| a.key().split('/').cmp(b.key().split('/')));
    let is_below = |folder: &str, key: &str| key.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let mut i = 0;
    let keys: Vec<String> = objects.iter().map(|object| object.key().to_owned()).collect();
    objects.retain(|object| {
        i += 1;
        let marks = object.is_empty() && keys.get(i).is_some_and(|next| is_below(object.key(), next));
        !marks
    });
}

/// Whether a file at this path within a folder is read with it.
fn is_wanted(inside: &str) -> bool {
    let inside = inside.to_lowercase();
    let is_hidden = inside.split('/').any(is_hidden);
    !is_hidden && has_known_extension(inside.rsplit('/').next().unwrap_or_default())
}

/// `~$sales.xlsx` is the lock file of an open workbook.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_', '~'])
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
            if is_hidden(&name) {
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
pub fn unescaped(text: &str) -> String {
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
