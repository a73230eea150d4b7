//! Bytes that must be read more than once: a file where it lies, a temporary copy of what has no place, or an object of
//! a store that is read in parts.
//!
//! Standard input, packed Parquet, workbooks and most remote objects are copied to a temporary file, which is gone when
//! nobody holds it any more; memory does not grow with their size.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes as Buffer;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tempfile::TempPath;

use super::{Error, remote};

/// How the bytes of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Where the bytes of an input lie.
#[derive(Clone, Debug)]
pub struct Bytes {
    /// The path as the user knows it.
    pub shown: PathBuf,
    place: Place,
    stamp: Stamp,
}

#[derive(Clone, Debug)]
enum Place {
    File,
    Copy(Arc<TempPath>),
    Ranged(remote::Ranged),
}

/// What changes when a file is written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    /// Device, node, and seconds and nanoseconds of the last change. Nothing of an object.
    #[cfg(unix)]
    node: Option<(u64, u64, i64, i64)>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            #[cfg(unix)]
            node: {
                use std::os::unix::fs::MetadataExt;
                Some((metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
            },
        }
    }
}

impl Bytes {
    pub fn file(path: &Path) -> io::Result<Self> {
        Ok(Self {
            shown: path.to_path_buf(),
            place: Place::File,
            stamp: Stamp::of(&fs::metadata(path)?),
        })
    }

    /// A temporary copy of what `write` writes, shown under the name of its source.
    pub fn copy<E: From<io::Error>>(
        shown: &Path,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut file = BufWriter::new(tempfile::NamedTempFile::new()?);
        write(&mut file)?;
        let path = file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .into_temp_path();
        Ok(Self {
            shown: shown.to_path_buf(),
            stamp: Stamp::of(&fs::metadata(&path)?),
            place: Place::Copy(Arc::new(path)),
        })
    }

    /// An object that is read where it lies.
    pub fn ranged(shown: &Path, ranged: remote::Ranged) -> Self {
        Self {
            shown: shown.to_path_buf(),
            stamp: Stamp {
                length: ranged.length(),
                #[cfg(unix)]
                node: None,
            },
            place: Place::Ranged(ranged),
        }
    }

    /// The same bytes, as the first of a file of another name and length that lies elsewhere.
    pub fn standing_for(&self, shown: &Path, length: u64) -> Self {
        let mut stamp = self.stamp.clone();
        stamp.length = length;
        Self {
            shown: shown.to_path_buf(),
            place: self.place.clone(),
            stamp,
        }
    }

    /// Where the bytes can be opened. Those of an object that is read in parts cannot.
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::File | Place::Ranged(_) => &self.shown,
            Place::Copy(path) => path,
        }
    }

    fn as_ranged(&self) -> Option<&remote::Ranged> {
        match &self.place {
            Place::Ranged(ranged) => Some(ranged),
            Place::File | Place::Copy(_) => None,
        }
    }

    /// Whether its parts are worth fetching before they are needed.
    pub fn is_ranged(&self) -> bool {
        self.as_ranged().is_some()
    }

    /// What went wrong with an object that is read in parts; decoders only know that something did.
    pub fn failure(&self) -> Option<Error> {
        self.as_ranged()?.failure()
    }

    /// What tells these bytes from others: a hash of them, or the version of an object of which only parts are read.
    pub fn hash(&self) -> io::Result<String> {
        if let Some(ranged) = self.as_ranged() {
            return Ok(ranged.version());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(self.path())?)?;
        Ok(format!("blake3:{}", hasher.finalize().to_hex()))
    }

    pub fn length(&self) -> u64 {
        self.stamp.length
    }

    /// Whether the file is another one than when it was first looked at. Of an object every request asks.
    pub fn is_changed(&self) -> bool {
        self.as_ranged().is_none() && fs::metadata(self.path()).map_or(true, |now| Stamp::of(&now) != self.stamp)
    }

    /// The first bytes, at most `n`.
    pub fn start(&self, n: u64) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        if let Some(ranged) = self.as_ranged() {
            ranged.start().take(n).read_to_end(&mut start)?;
            return Ok(start);
        }
        File::open(self.path())?.take(n).read_to_end(&mut start)?;
        Ok(start)
    }

    /// The bytes, unpacked. What unpacks to more than anyone would write is refused.
    pub fn unpacked(&self, compression: Compression) -> io::Result<Box<dyn Read + Send>> {
        let file = BufReader::with_capacity(1 << 20, File::open(self.path())?);
        let limit = Limit::of(self.length());
        Ok(match compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(limit.on(flate2::bufread::MultiGzDecoder::new(file))),
            Compression::Zstd => Box::new(limit.on(zstd::Decoder::with_buffer(file)?)),
        })
    }
}

/// For a decoder of Parquet. The parts are asked for only where they must be fetched.
impl Bytes {
    /// The end of the file.
    pub fn footer(&self) -> io::Result<Chunks> {
        let footer = self.length().saturating_sub(remote::FOOTER)..self.length();
        self.columns(1, || Vec::from([footer]))
    }

    /// The start of some parts, of the first of them at once.
    pub fn columns(&self, n_at_once: usize, parts: impl FnOnce() -> Vec<Range<u64>>) -> io::Result<Chunks> {
        Ok(match self.as_ranged() {
            Some(ranged) => Chunks::Ranged(ranged.sparse(parts(), n_at_once)),
            None => Chunks::File(File::open(self.path())?),
        })
    }

    /// Whole columns of a row group.
    pub fn group(&self, group: usize, parts: impl FnOnce() -> Vec<Range<u64>>) -> io::Result<Chunks> {
        Ok(match self.as_ranged() {
            Some(ranged) => Chunks::Ranged(ranged.group(group, parts)),
            None => Chunks::File(File::open(self.path())?),
        })
    }

    /// Tells that [`Self::group`] will be called.
    pub fn fetch_ahead(&self, group: usize, parts: impl FnOnce() -> Vec<Range<u64>>) {
        if let Some(ranged) = self.as_ranged() {
            ranged.fetch_ahead(group, parts());
        }
    }
}

/// A file, or what is fetched of an object.
pub enum Chunks {
    File(File),
    Ranged(remote::Chunks),
}

/// One after the other from some place on.
pub enum Reading {
    File(<File as ChunkReader>::T),
    Ranged(<remote::Chunks as ChunkReader>::T),
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.len(),
            Self::Ranged(chunks) => chunks.len(),
        }
    }
}

impl ChunkReader for Chunks {
    type T = Reading;

    fn get_read(&self, start: u64) -> Result<Reading, ParquetError> {
        Ok(match self {
            Self::File(file) => Reading::File(file.get_read(start)?),
            Self::Ranged(chunks) => Reading::Ranged(chunks.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Buffer, ParquetError> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Ranged(chunks) => chunks.get_bytes(start, length),
        }
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Ranged(chunks) => chunks.read(buffer),
        }
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_to_end(buffer),
            Self::Ranged(chunks) => chunks.read_to_end(buffer),
        }
    }
}

/// The text of a bomb: more than this many times its packed size, and more than [`Limit::FREE`].
const MAX_RATIO: u64 = 2_000;

/// How much a packed file may unpack to.
#[derive(Clone, Copy, Debug)]
pub struct Limit(pub u64);

impl Limit {
    /// So much is harmless whatever the ratio.
    const FREE: u64 = 1 << 30;

    pub fn of(packed: u64) -> Self {
        Self(packed.saturating_mul(MAX_RATIO).max(Self::FREE))
    }

    fn on<R: Read>(self, inner: R) -> Limited<R> {
        Limited { inner, left: self.0 }
    }
}

struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| io::Error::other(Bomb))?;
        Ok(n)
    }
}

/// A packed file unpacks to far more than data would.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {MAX_RATIO} times its size")]
pub struct Bomb;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_gone_with_its_last_holder() {
        let bytes = Bytes::copy::<io::Error>(Path::new("-"), |file| file.write_all(b"a,b\n")).unwrap();
        let (path, again) = (bytes.path().to_path_buf(), bytes.clone());
        drop(bytes);
        assert_eq!(again.start(3).unwrap(), b"a,b");
        assert!(!again.is_changed());
        drop(again);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_written_anew_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "a,b\n").unwrap();
        let bytes = Bytes::file(&path).unwrap();
        assert!(!bytes.is_changed());
        fs::write(&path, "a,b\n1,2\n").unwrap();
        assert!(bytes.is_changed());
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let mut limited = Limit(10).on(io::repeat(b'a'));
        let error = io::copy(&mut limited, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("2000 times"), "{error}");
    }
}
