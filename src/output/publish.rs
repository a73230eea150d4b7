//! Publishing: a snapshot is written beside its place, read back, and put there by one rename.
//!
//! In: frames and bytes. Out: `OUT/as_of=YYYY-MM-DD/`. A reader sees the old snapshot or the new one, whatever
//! happens to this process: nothing is written under the final name, and a snapshot that is there already is
//! exchanged, not emptied first. One run at a time holds `OUT/.quintile.lock`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, KeyValueMetadata, ParquetCompression, ParquetReader, ParquetWriter, SerReader};
use serde::Serialize;

use super::row_groups::{self, Fault};
use crate::schema::parts::PartColumn;
use crate::schema::{SCHEMA_VERSION, Table, Violation};

/// A published file, for the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    pub path: String,
    /// Rows of a table, `null` for other files.
    pub rows: Option<u64>,
    /// BLAKE3 of the bytes.
    pub hash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("cannot encode table {table}: {source}")]
    Encode {
        table: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("table {table} is not as its schema says: {}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Schema {
        table: &'static str,
        violations: Vec<Violation>,
    },
    #[error("table {table} reads back differently from what was written to {}", path.display())]
    Changed { table: &'static str, path: PathBuf },
    #[error("another run holds {}", path.display())]
    Locked { path: PathBuf },
}

impl Error {
    fn encode(table: &Table, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Encode {
            table: table.name,
            source: Box::new(source),
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "choose a folder that you may write to with --out DIR".into()
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space or choose another disk with --out DIR; the old snapshot is untouched".into()
            }
            Self::Io { .. } => "check the folder given with --out; the old snapshot is untouched".into(),
            Self::Encode { .. } | Self::Schema { .. } => {
                "this is a bug in quintile: please report it with this message".into()
            }
            Self::Changed { .. } => "the disk or the memory is failing; nothing was published".into(),
            Self::Locked { .. } => "wait for it to end, or give this run another --out DIR".into(),
        }
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { what, path, source }
}

/// A snapshot on its way. Dropped before [`Staging::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct Staging {
    out: PathBuf,
    folder: PathBuf,
    published: bool,
    files: Vec<Published>,
    /// Held until the end; the operating system lets go of it when the process dies.
    _lock: File,
}

impl Staging {
    /// Takes the lock of `out` (made if missing) and opens an empty staging folder in it.
    pub fn begin(out: &Path) -> Result<Self, Error> {
        fs::create_dir_all(out).map_err(io_error("create folder", out))?;
        let lock_path = out.join(".quintile.lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path);
        let lock = lock.map_err(io_error("open lock file", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(Error::Locked { path: lock_path }),
            Err(fs::TryLockError::Error(source)) => {
                return Err(Error::Io {
                    what: "lock",
                    path: lock_path,
                    source,
                });
            }
        }
        let folder = out.join(".staging");
        remove_folder(&folder)?;
        fs::create_dir(&folder).map_err(io_error("create folder", &folder))?;
        Ok(Self {
            out: out.to_path_buf(),
            folder,
            published: false,
            files: Vec::new(),
            _lock: lock,
        })
    }

    /// Checks a frame against its table, writes it as Parquet and reads it back.
    pub fn table(&mut self, table: &'static Table, frame: &mut DataFrame) -> Result<(), Error> {
        let violations = table.check(frame);
        if !violations.is_empty() {
            return Err(Error::Schema {
                table: table.name,
                violations,
            });
        }
        let encode = |source| Error::encode(table, source);
        let mut bytes = Vec::new();
        frame.rechunk_mut();
        ParquetWriter::new(&mut bytes)
            .with_compression(ParquetCompression::Zstd(None))
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(key_values(table))))
            .finish(frame)
            .map_err(encode)?;
        let name = format!("{}.parquet", table.name);
        let path = self.write(&name, &bytes)?;
        let file = File::open(&path).map_err(io_error("read back", &path))?;
        let again = ParquetReader::new(file).finish().map_err(encode)?;
        if !again.equals_missing(frame) {
            return Err(Error::Changed {
                table: table.name,
                path,
            });
        }
        self.files.push(Published {
            path: name,
            rows: Some(frame.height() as u64),
            hash: hash(&bytes),
        });
        Ok(())
    }

    /// As [`Staging::table`], for a table that is made and written a part at a time: a row group for each of `parts`.
    pub fn columns(
        &mut self,
        table: &'static Table,
        parts: &[Range<usize>],
        columns: &[PartColumn<'_>],
    ) -> Result<(), Error> {
        let write = &mut |writer: &mut row_groups::Writer<'_>| {
            let mut parts = parts.iter();
            parts.try_for_each(|part| writer.add(columns, part.clone()))
        };
        self.row_groups(table, columns, write)
    }

    /// As [`Staging::table`], for a table that `write` gives a row group at a time; `columns` tell their names and types.
    pub(super) fn row_groups(
        &mut self,
        table: &'static Table,
        columns: &[PartColumn<'_>],
        write: &mut dyn FnMut(&mut row_groups::Writer<'_>) -> Result<(), Fault>,
    ) -> Result<(), Error> {
        let name = format!("{}.parquet", table.name);
        let path = self.folder.join(&name);
        let written = row_groups::Writer::create(&path, table, &key_values(table), columns).and_then(|mut writer| {
            write(&mut writer)?;
            writer.finish()
        });
        let written = written.map_err(|fault| match fault {
            Fault::Io(source) => io_error("write", &path)(source),
            Fault::Parquet(source) => Error::encode(table, source),
            Fault::Arrow(source) => Error::encode(table, source),
            Fault::Schema(violations) => Error::Schema {
                table: table.name,
                violations,
            },
            Fault::Changed => Error::Changed {
                table: table.name,
                path: path.clone(),
            },
        })?;
        self.files.push(Published {
            path: name,
            rows: Some(written.rows),
            hash: format!("blake3:{}", written.hash.to_hex()),
        });
        Ok(())
    }

    /// Writes a file that is no table, piece by piece.
    pub fn file_of(
        &mut self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        let path = self.folder.join(name);
        let file = File::create(&path).map_err(io_error("create", &path))?;
        let mut file = HashingWriter {
            inner: io::BufWriter::new(file),
            hasher: blake3::Hasher::new(),
        };
        let written = write(&mut file).and_then(|()| file.flush());
        written
            .and_then(|()| file.inner.get_ref().sync_all())
            .map_err(io_error("write", &path))?;
        self.files.push(Published {
            path: name.to_string(),
            rows: None,
            hash: format!("blake3:{}", file.hasher.finalize().to_hex()),
        });
        Ok(())
    }

    /// Writes a file that is no table.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write(name, bytes)?;
        self.files.push(Published {
            path: name.to_string(),
            rows: None,
            hash: hash(bytes),
        });
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.folder.join(name);
        let mut file = File::create(&path).map_err(io_error("create", &path))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(io_error("write", &path))?;
        Ok(path)
    }

    /// The files written so far.
    pub fn files(&self) -> &[Published] {
        &self.files
    }

    /// Puts the snapshot in its place, the folder `name`; gives the place.
    pub fn publish(mut self, name: &str) -> Result<PathBuf, Error> {
        let target = self.out.join(name);
        sync_folder(&self.folder)?;
        if target.exists() {
            exchange(&self.folder, &target)?;
            // The old snapshot is now the staging folder.
            sync_folder(&self.out)?;
            remove_folder(&self.folder)?;
        } else {
            fs::rename(&self.folder, &target).map_err(io_error("rename to", &target))?;
        }
        self.published = true;
        sync_folder(&self.out)?;
        Ok(target)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Hashes what passes through.
struct HashingWriter {
    inner: io::BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// What the Parquet files say of themselves.
fn key_values(table: &Table) -> Vec<(String, String)> {
    vec![
        ("quintile.schema_version".to_string(), SCHEMA_VERSION.to_string()),
        ("quintile.table".to_string(), table.name.to_string()),
    ]
}

fn hash(bytes: &[u8]) -> String {
    format!("blake3:{}", blake3::hash(bytes).to_hex())
}

fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("sync", path))
}

/// Swaps two folders in one step, where the file system can; otherwise the old one is moved aside first.
fn exchange(new: &Path, old: &Path) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    let aside = old.with_extension("old");
    remove_folder(&aside)?;
    fs::rename(old, &aside).map_err(io_error("move aside", old))?;
    if let Err(error) = fs::rename(new, old) {
        let _ = fs::rename(&aside, old);
        return Err(io_error("rename to", old)(error));
    }
    fs::rename(&aside, new).map_err(io_error("move", &aside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Type, column};
    use polars::prelude::df;

    const TABLE: Table = Table {
        name: "t",
        doc: "",
        sorted_by: &["id"],
        parts: &[&[column("id", Type::Str, "")]],
    };

    #[test]
    fn a_snapshot_appears_whole_and_replaces_the_old_one() {
        let out = tempfile::tempdir().unwrap();
        for ids in [vec!["a"], vec!["a", "b"]] {
            let mut staging = Staging::begin(out.path()).unwrap();
            staging.table(&TABLE, &mut df!("id" => &ids).unwrap()).unwrap();
            staging.file("manifest.json", b"{}").unwrap();
            assert_eq!(staging.files()[0].rows, Some(ids.len() as u64));
            let place = staging.publish("as_of=2020-01-01").unwrap();
            let file = File::open(place.join("t.parquet")).unwrap();
            assert_eq!(ParquetReader::new(file).finish().unwrap().height(), ids.len());
        }
        let mut names: Vec<_> = fs::read_dir(out.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, [".quintile.lock", "as_of=2020-01-01"]);
    }

    #[test]
    fn a_run_that_stops_early_leaves_the_old_snapshot_and_no_rest() {
        let out = tempfile::tempdir().unwrap();
        let mut first = Staging::begin(out.path()).unwrap();
        first.file("manifest.json", b"old").unwrap();
        let place = first.publish("as_of=2020-01-01").unwrap();
        let mut second = Staging::begin(out.path()).unwrap();
        second.file("manifest.json", b"new").unwrap();
        drop(second);
        assert_eq!(fs::read(place.join("manifest.json")).unwrap(), b"old");
        assert!(!out.path().join(".staging").exists());
    }

    #[test]
    fn two_runs_cannot_share_a_folder() {
        let out = tempfile::tempdir().unwrap();
        let _first = Staging::begin(out.path()).unwrap();
        assert!(matches!(Staging::begin(out.path()), Err(Error::Locked { .. })));
    }

    #[test]
    fn a_frame_that_is_not_its_table_is_never_written() {
        let out = tempfile::tempdir().unwrap();
        let mut staging = Staging::begin(out.path()).unwrap();
        let unsorted = staging.table(&TABLE, &mut df!("id" => ["b", "a"]).unwrap());
        assert!(matches!(unsorted, Err(Error::Schema { .. })));
        assert!(staging.files().is_empty());
    }
}
