//! Output files: which lines go where, temporary names, and the final renames.
//!
//! A file is written as `.NAME.partial`. When all are complete and on disk they get their names, `truth.json`
//! last: where it stands, everything it speaks of is there. If anything fails, the partial files are removed.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use parquet::file::writer::SerializedFileWriter;

use super::Error;
use super::truth::FileTruth;
use super::write::{Encoded, EncodedData, Notation};

/// Which orders of a block go to which file: file f holds the customers from `f n / files` on. A block that
/// holds such a border is cut there in proportion, so the lines, and their order, are the same for any number
/// of files. The flag says whether the file starts here.
pub(super) fn cut(
    customers: &Range<u64>,
    n_orders: usize,
    n_customers: u64,
    files: u32,
) -> Vec<(u32, bool, Range<usize>)> {
    let border = |file: u32| (u128::from(file) * u128::from(n_customers) / u128::from(files.max(1))) as u64;
    let place = |customer: u64| {
        let span = u128::from(customers.end - customers.start).max(1);
        (n_orders as u128 * u128::from(customer - customers.start) / span) as usize
    };
    // The last file whose border is at or before the first customer.
    let mut file = (u128::from(customers.start + 1) * u128::from(files))
        .div_ceil(u128::from(n_customers.max(1)))
        .saturating_sub(1) as u32;
    let mut cuts = Vec::new();
    let mut from = customers.start;
    while from < customers.end {
        let to = border(file + 1).min(customers.end);
        cuts.push((file, from == border(file), place(from)..place(to)));
        from = to;
        file += 1;
    }
    cuts
}

/// The files of one run, filled one after the other.
pub(super) struct Output {
    dir: PathBuf,
    names: Vec<String>,
    rows: Vec<u64>,
    open: Option<(u32, Sink)>,
    staged: Staged,
}

enum Sink {
    Parquet(Box<SerializedFileWriter<File>>),
    Text(BufWriter<File>),
}

/// Partial files that still have to be renamed; what is left when this is dropped is removed.
struct Staged(Vec<(PathBuf, PathBuf)>);

impl Drop for Staged {
    fn drop(&mut self) {
        for (partial, _) in &self.0 {
            // The run has failed already, and says why; a leftover hidden file is the lesser harm.
            let _ = fs::remove_file(partial);
        }
    }
}

impl Output {
    /// Makes the folder. Refuses one that holds files of an earlier run with the same format and another split,
    /// because whoever reads the folder would read them too.
    pub(super) fn create(dir: &Path, stem: &str, suffix: &str, files: u32) -> Result<Self, Error> {
        let width = files.to_string().len().max(3);
        let names: Vec<String> = match files {
            1 => vec![format!("{stem}{suffix}")],
            _ => (1..=files).map(|f| format!("{stem}_{f:0width$}{suffix}")).collect(),
        };
        fs::create_dir_all(dir).map_err(|source| Error::io(dir, source))?;
        for entry in fs::read_dir(dir).map_err(|source| Error::io(dir, source))? {
            let entry = entry.map_err(|source| Error::io(dir, source))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_ours(&name, stem, suffix) && !names.contains(&name) {
                return Err(Error::Leftover { path: entry.path() });
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            rows: vec![0; names.len()],
            names,
            open: None,
            staged: Staged(Vec::new()),
        })
    }

    /// Appends to file `file`; files come in ascending order.
    pub(super) fn append(&mut self, notation: &Notation, file: u32, encoded: Encoded) -> Result<(), Error> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != file) {
            self.close()?;
            self.open(notation, file)?;
        }
        self.rows[file as usize] += encoded.rows;
        let path = self.dir.join(&self.names[file as usize]);
        match (&mut self.open, encoded.data) {
            (Some((_, Sink::Text(sink))), EncodedData::Text(text)) => {
                sink.write_all(&text).map_err(|e| Error::io(&path, e))
            }
            (Some((_, Sink::Parquet(sink))), EncodedData::RowGroups(row_groups)) => {
                for chunks in row_groups {
                    let mut row_group = sink.next_row_group().map_err(|e| Error::parquet(&path, e))?;
                    for chunk in chunks {
                        chunk
                            .append_to_row_group(&mut row_group)
                            .map_err(|e| Error::parquet(&path, e))?;
                    }
                    row_group.close().map_err(|e| Error::parquet(&path, e))?;
                }
                Ok(())
            }
            // One notation encodes the lines and opens the file.
            _ => Ok(()),
        }
    }

    fn open(&mut self, notation: &Notation, file: u32) -> Result<(), Error> {
        let handle = self.stage(&self.names[file as usize].clone())?;
        let sink = match notation {
            Notation::Parquet(layout) => {
                let writer = SerializedFileWriter::new(handle, layout.root.clone(), layout.properties.clone())
                    .map_err(|e| Error::parquet(&self.dir, e))?;
                Sink::Parquet(Box::new(writer))
            }
            Notation::Csv | Notation::Messy => Sink::Text(BufWriter::new(handle)),
        };
        self.open = Some((file, sink));
        Ok(())
    }

    fn stage(&mut self, name: &str) -> Result<File, Error> {
        let partial = self.dir.join(format!(".{name}.partial"));
        let handle = File::create(&partial).map_err(|e| Error::io(&partial, e))?;
        self.staged.0.push((partial, self.dir.join(name)));
        Ok(handle)
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some((file, sink)) = self.open.take() else {
            return Ok(());
        };
        let path = self.dir.join(&self.names[file as usize]);
        let handle = match sink {
            Sink::Parquet(writer) => writer.into_inner().map_err(|e| Error::parquet(&path, e))?,
            Sink::Text(writer) => writer.into_inner().map_err(|e| Error::io(&path, e.into_error()))?,
        };
        handle.sync_all().map_err(|e| Error::io(&path, e))
    }

    /// Closes the last data file and tells what was written.
    pub(super) fn finish_data(&mut self) -> Result<Vec<FileTruth>, Error> {
        self.close()?;
        let files = self.names.iter().zip(&self.rows);
        Ok(files
            .map(|(path, &rows)| FileTruth {
                path: path.clone(),
                rows,
            })
            .collect())
    }

    /// Writes the truth and gives every file its name.
    pub(super) fn publish(mut self, truth_name: &str, truth: &str) -> Result<(), Error> {
        let path = self.dir.join(truth_name);
        let mut handle = self.stage(truth_name)?;
        handle
            .write_all(truth.as_bytes())
            .and_then(|()| handle.sync_all())
            .map_err(|e| Error::io(&path, e))?;
        // An earlier truth must not stand beside new data, not even for a moment.
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&path, e)),
            _ => {}
        }
        for (partial, name) in &self.staged.0 {
            fs::rename(partial, name).map_err(|e| Error::io(name, e))?;
        }
        self.staged.0.clear();
        Ok(())
    }
}

/// Whether a run with this stem and suffix could have written a file of this name.
fn is_ours(name: &str, stem: &str, suffix: &str) -> bool {
    let middle = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(suffix));
    middle.is_some_and(|middle| {
        let digits = middle.strip_prefix('_').unwrap_or(middle);
        digits.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Blocks of 100 customers with 3 orders each, cut for any number of files.
    #[test]
    fn cuts_cover_every_order_once_and_every_file_starts_once() {
        for n_customers in [1_u64, 99, 250, 1_000] {
            for files in [1_u32, 2, 3, 7, 99] {
                let files = files.min(n_customers as u32);
                let mut starts = Vec::new();
                let mut sizes = vec![0; files as usize];
                for first in (0..n_customers).step_by(100) {
                    let customers = first..(first + 100).min(n_customers);
                    let n_orders = 3 * (customers.end - customers.start) as usize;
                    let mut covered = 0;
                    for (file, is_start, orders) in cut(&customers, n_orders, n_customers, files) {
                        assert_eq!(orders.start, covered);
                        assert!(!orders.is_empty());
                        covered = orders.end;
                        sizes[file as usize] += orders.len();
                        if is_start {
                            starts.push(file);
                        }
                    }
                    assert_eq!(covered, n_orders);
                }
                assert_eq!(starts, (0..files).collect::<Vec<_>>());
                assert_eq!(sizes.iter().sum::<usize>() as u64, 3 * n_customers);
            }
        }
    }

    #[test]
    fn only_files_of_the_same_kind_are_ours() {
        let ours = |name| is_ours(name, "transactions", ".csv");
        assert!(ours("transactions.csv") && ours("transactions_012.csv"));
        assert!(!ours("transactions_messy.csv") && !ours("transactions.csv.gz") && !ours("x.csv"));
    }
}
