//! The memory cap, and the temporary files that hold what goes beyond it.
//!
//! A [`SpillFile`] has no name in its folder from the start (where the system allows it), so nothing is left behind,
//! however a run ends.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much memory a run may use, and where the rest goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    cap_bytes: u64,
    /// The system's for temporary files unless it is given.
    folder: Option<PathBuf>,
}

impl Memory {
    /// Below this a cap is a slip of the pen.
    pub const LEAST_BYTES: u64 = 1 << 20;

    /// As much as there is.
    pub const fn unlimited() -> Self {
        Self {
            cap_bytes: u64::MAX,
            folder: None,
        }
    }

    pub fn new(cap_bytes: u64, folder: Option<&Path>) -> Self {
        Self {
            cap_bytes,
            folder: folder.map(Path::to_path_buf),
        }
    }

    /// Half of what the machine, or the container, has; 4 GiB where it does not say.
    pub fn of_machine() -> u64 {
        const UNKNOWN: u64 = 4 << 30;
        let number = |text: &str| text.trim().trim_end_matches("kB").trim().parse::<u64>().ok();
        let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
            let kib = text.lines().find_map(|line| number(line.strip_prefix("MemTotal:")?))?;
            Some(kib << 10)
        });
        let container = [
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ];
        let container = container
            .iter()
            .filter_map(|path| number(&std::fs::read_to_string(path).ok()?));
        let least = machine.into_iter().chain(container).min();
        (least.unwrap_or(UNKNOWN) / 2).max(Self::LEAST_BYTES)
    }

    /// What the transaction lines may take of it; customers, products and the work on them need the rest.
    pub fn lines_bytes(&self) -> u64 {
        self.cap_bytes / 8 * 3
    }

    /// What baskets and owned products may take of it.
    pub fn sets_bytes(&self) -> u64 {
        self.cap_bytes / 8
    }

    /// What the index of products in baskets may take of it.
    pub fn index_bytes(&self) -> u64 {
        self.cap_bytes / 16
    }
}

/// `2GB`, `512MiB`, `1.5 G`: GB and its like are decimal, GiB and G binary. `None` for what is no size.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..unit_at].trim().parse().ok()?;
    let unit = text[unit_at..].to_ascii_lowercase();
    let (power, rest) = match unit.chars().next() {
        None => (0, ""),
        Some('b') => (0, &unit[1..]),
        Some(letter) => (1 + "kmgt".find(letter)? as u32, &unit[1..]),
    };
    let base: u64 = match (power, rest) {
        (0, "") => 1,
        (1.., "b") => 1000,
        (1.., "" | "ib") => 1024,
        _ => return None,
    };
    let bytes = number * base.pow(power) as f64;
    (bytes.is_finite() && 0.0 < bytes && bytes < 1e18).then_some(bytes as u64)
}

/// Where bytes lie in a [`SpillFile`].
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    offset: u64,
    length: usize,
}

/// A temporary file that is only added to; read from any thread.
#[derive(Debug)]
pub struct SpillFile {
    file: Mutex<File>,
}

impl SpillFile {
    pub fn create(memory: &Memory) -> io::Result<Self> {
        let file = match &memory.folder {
            Some(folder) => tempfile::tempfile_in(folder)?,
            None => tempfile::tempfile()?,
        };
        Ok(Self { file: Mutex::new(file) })
    }

    fn lock(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the parts one behind the other, as one segment.
    pub fn append<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> io::Result<Segment> {
        let mut file = self.lock();
        let offset = file.seek(SeekFrom::End(0))?;
        let mut length = 0;
        for part in parts {
            file.write_all(part)?;
            length += part.len();
        }
        Ok(Segment { offset, length })
    }

    /// Adds the bytes of the segment to `bytes`.
    pub fn read(&self, segment: Segment, bytes: &mut Vec<u8>) -> io::Result<()> {
        let before = bytes.len();
        bytes.reserve(segment.length);
        let mut file = self.lock();
        file.seek(SeekFrom::Start(segment.offset))?;
        (&*file).take(segment.length as u64).read_to_end(bytes)?;
        if bytes.len() - before < segment.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_back_whole_from_any_thread() {
        let folder = tempfile::tempdir().unwrap();
        let file = SpillFile::create(&Memory::new(0, Some(folder.path()))).unwrap();
        let content = |i: usize| vec![i as u8; 1 + 997 * i];
        let segments: Vec<(usize, Segment)> = std::thread::scope(|scope| {
            let write = |from: usize| {
                let file = &file;
                scope.spawn(move || -> Vec<_> {
                    (from..40)
                        .step_by(2)
                        .map(|i| (i, file.append([&content(i)[..]]).unwrap()))
                        .collect()
                })
            };
            let threads = [write(0), write(1)];
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        for (i, segment) in segments {
            let mut bytes = vec![7];
            file.read(segment, &mut bytes).unwrap();
            assert_eq!((bytes[0], &bytes[1..]), (7, &content(i)[..]));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, bytes) in [
            ("2GB", Some(2_000_000_000)),
            ("2 GiB", Some(2 << 30)),
            ("1.5g", Some(3 << 29)),
            ("512MB", Some(512_000_000)),
            ("64m", Some(64 << 20)),
            ("1048576", Some(1 << 20)),
            ("100b", Some(100)),
            ("1TiB", Some(1 << 40)),
            ("", None),
            ("GB", None),
            ("-2GB", None),
            ("0", None),
            ("2XB", None),
            ("2GBB", None),
            ("inf", None),
            ("nan", None),
            ("9e99GB", None),
        ] {
            assert_eq!(parse_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let memory = Memory::new(0, Some(Path::new("/nowhere/at/all")));
        assert_eq!(SpillFile::create(&memory).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
