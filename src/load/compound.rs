//! An old workbook (`.xls`) looked over before its reader reserves memory for it.
//!
//! The reader follows chains of sectors wherever they lead, and makes a table of every sheet that reaches from its first
//! cell to its last, so that a chain that bites its tail or two cells far apart take all memory there is. In: a path.
//! Out: an error for such a file. What is damaged in other ways is left to the reader. Cost: one pass over the file,
//! which is held in memory, as the reader does.

use std::fs;
use std::path::Path;

use super::workbook::WorkbookError;

fn damaged(why: &str) -> WorkbookError {
    WorkbookError::Damaged { why: why.to_owned() }
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|word| u32::from_le_bytes(*word))
}

/// Sectors and where each is followed by the next.
struct Sectors<'a> {
    bytes: &'a [u8],
    size: usize,
    next: Vec<u32>,
}

impl<'a> Sectors<'a> {
    const END: u32 = 0xFFFF_FFFE;

    /// The bytes of a sector, fewer at the end of the file.
    fn get(&self, at: u32) -> &'a [u8] {
        let start = (at as usize).saturating_mul(self.size).min(self.bytes.len());
        &self.bytes[start..self.bytes.len().min(start + self.size)]
    }

    /// The bytes of a chain, at most `length`.
    fn chain(&self, mut at: u32, length: u64) -> Result<Vec<u8>, WorkbookError> {
        let mut chain = Vec::new();
        while at != Self::END && (chain.len() as u64) < length {
            let sector = self.get(at);
            // A chain that ends beyond the file or comes by the same sector again.
            if sector.is_empty() || chain.len() > self.bytes.len() {
                return Err(damaged("a chain of sectors has no end"));
            }
            chain.extend_from_slice(sector);
            at = *self.next.get(at as usize).unwrap_or(&Self::END);
        }
        chain.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(chain)
    }
}

/// An error if reading the workbook would take far more memory than its size.
pub fn check(path: &Path) -> Result<(), WorkbookError> {
    match stream(&fs::read(path)?)? {
        Some(stream) => check_sheets(&stream),
        None => Ok(()),
    }
}

/// The stream of the workbook; none if there is none that the reader would find.
fn stream(bytes: &[u8]) -> Result<Option<Vec<u8>>, WorkbookError> {
    let size = if half(bytes, 30) == Some(12) { 4_096 } else { 512 };
    let header = |at| word(bytes, at).unwrap_or(Sectors::END);
    let mut sectors = Sectors {
        bytes: bytes.get(size..).unwrap_or_default(),
        size,
        next: Vec::new(),
    };
    let n_sectors = sectors.bytes.len() / size + 1;
    // The table of what follows what lies in sectors of its own; the first 109 of them stand in the header, the others
    // in a chain whose last word is the next.
    let mut tables: Vec<u32> = words(bytes.get(76..512).unwrap_or_default()).collect();
    let mut at = header(68);
    while at < 0xFFFF_FFFA {
        if tables.len() > n_sectors + 1_000 {
            return Err(damaged("a chain of sectors has no end"));
        }
        tables.extend(words(sectors.get(at)));
        at = tables.pop().unwrap_or(Sectors::END);
    }
    let tables = tables.into_iter().filter(|at| *at < 0xFFFF_FFFA);
    // One table is enough for each sector; a sector that is named again and again is none.
    let next: Vec<u32> = tables.take(n_sectors).flat_map(|at| words(sectors.get(at))).collect();
    sectors.next = next;
    let directory = sectors.chain(header(48), u64::MAX)?;
    let (entries, _) = directory.as_chunks::<128>();
    let place = |entry: &[u8; 128]| {
        let low = u64::from(word(entry, 120).unwrap_or(0));
        let high = if size == 512 {
            0
        } else {
            u64::from(word(entry, 124).unwrap_or(0))
        };
        (word(entry, 116).unwrap_or(Sectors::END), high << 32 | low)
    };
    let Some(root) = entries.first() else {
        return Ok(None);
    };
    let mut small = Sectors {
        bytes: &[],
        size: 64,
        next: Vec::new(),
    };
    let mut small_bytes = Vec::new();
    let n_small = u64::from(header(64));
    if n_small != 0 && n_small != u64::from(Sectors::END) {
        let (start, length) = place(root);
        small_bytes = sectors.chain(start, length)?;
        small.next = words(&sectors.chain(header(60), n_small * size as u64)?).collect();
    }
    small.bytes = &small_bytes;
    let named = |name: &str| {
        let wanted: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        entries
            .iter()
            .find(|entry| entry[..wanted.len()].eq_ignore_ascii_case(&wanted))
    };
    let Some(entry) = named("Workbook").or_else(|| named("Book")) else {
        return Ok(None);
    };
    let (start, length) = place(entry);
    let from = if length < 4_096 { &small } else { &sectors };
    from.chain(start, length).map(Some)
}

/// Kinds and contents of records, up to the first that is cut short.
fn records(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (kind, length) = (half(bytes, at)?, half(bytes, at + 2)?);
        let content = bytes.get(at + 4..at + 4 + length)?;
        at += 4 + length;
        Some((kind, content))
    })
}

const BEGIN: usize = 0x0809;
const END: usize = 0x000A;

/// Adds up the cells between first and last of all sheets, as the reader would hold them.
fn check_sheets(stream: &[u8]) -> Result<(), WorkbookError> {
    /// The largest sheet there can be.
    const MAX_STATED: u64 = 65_536 * 256;
    const FREE: u64 = 1 << 22;
    const MAX_RATIO: u64 = 64;
    let too_large = || damaged("its cells lie too far apart");
    let (mut n_cells, mut area) = (0_u64, 0_u64);
    for (kind, content) in records(stream).take_while(|(kind, _)| *kind != END) {
        if kind != 0x0085 {
            continue;
        }
        let start = word(content, 0).map_or(usize::MAX, |at| at as usize);
        let mut depth = 0_u32;
        let (mut rows, mut columns) = ((usize::MAX, 0), (usize::MAX, 0));
        for (kind, content) in records(stream.get(start..).unwrap_or_default()) {
            match kind {
                BEGIN => depth += 1,
                END if depth <= 1 => break,
                END => depth -= 1,
                // Rows from and to, columns from and to; the rows are halves before 1997.
                0x0200 if depth <= 1 => {
                    let stated = if content.len() < 14 {
                        (half(content, 0), half(content, 2), half(content, 4), half(content, 6))
                    } else {
                        let row = |at| word(content, at).map(|row| row as usize);
                        (row(0), row(4), half(content, 8), half(content, 10))
                    };
                    if let (Some(top), Some(bottom), Some(left), Some(right)) = stated
                        && MAX_STATED < (bottom.saturating_sub(top) as u64) * (right.saturating_sub(left) as u64)
                    {
                        return Err(too_large());
                    }
                }
                0x0203 | 0x0204 | 0x00D6 | 0x0205 | 0x027E | 0x00FD | 0x0006 | 0x00BD if depth <= 1 => {
                    let (Some(row), Some(column)) = (half(content, 0), half(content, 2)) else {
                        continue;
                    };
                    // Several numbers beside each other.
                    let more = if kind == 0x00BD {
                        content.len().saturating_sub(12) / 6
                    } else {
                        0
                    };
                    n_cells += 1 + more as u64;
                    rows = (row.min(rows.0), row.max(rows.1));
                    columns = (column.min(columns.0), (column + more).max(columns.1));
                }
                _ => {}
            }
        }
        if rows.0 <= rows.1 {
            area += (rows.1 - rows.0 + 1) as u64 * (columns.1 - columns.0 + 1) as u64;
        }
        // Sheets may lie over each other, so the cells of all are no more than the records.
        let n_records = stream.len() as u64 / 6;
        if (n_cells.min(n_records) * MAX_RATIO).max(FREE) < area || n_records.max(FREE) < n_cells {
            return Err(too_large());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &(content.len() as u16).to_le_bytes(), content].concat()
    }

    fn number(row: u16, column: u16) -> Vec<u8> {
        let content = [&row.to_le_bytes()[..], &column.to_le_bytes(), &[0; 10]].concat();
        record(0x0203, &content)
    }

    /// Globals with one sheet, then these records.
    fn workbook(sheet: &[Vec<u8>]) -> Vec<u8> {
        let mut start = 0_u32;
        let globals = |start: u32| {
            let name = [&start.to_le_bytes()[..], &[0, 0, 1, 0, b'a']].concat();
            [record(0x0809, &[0; 16]), record(0x0085, &name), record(0x000A, &[])].concat()
        };
        start += globals(start).len() as u32;
        [
            globals(start),
            record(0x0809, &[0; 16]),
            sheet.concat(),
            record(0x000A, &[]),
        ]
        .concat()
    }

    /// A compound file with this stream; `next` is the table of sectors from the stream on.
    fn file(stream: &[u8], next: impl Fn(u32) -> u32) -> Vec<u8> {
        let mut stream = stream.to_vec();
        stream.resize(stream.len().next_multiple_of(512).max(4_096), 0);
        let mut bytes = vec![0; 512];
        bytes[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
        bytes[30] = 9;
        let mut put = |at: usize, word: u32| bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        put(48, 1);
        put(60, Sectors::END);
        put(68, Sectors::END);
        (19..128).for_each(|at| put(4 * at, u32::MAX));
        put(76, 0);
        let n = 2 + stream.len() as u32 / 512;
        let mut table = vec![0xFFFF_FFFD, Sectors::END];
        table.extend((2..n).map(|at| if at + 1 == n { next(at) } else { at + 1 }));
        table.resize(128, u32::MAX);
        bytes.extend(table.into_iter().flat_map(u32::to_le_bytes));
        let mut directory = vec![0; 512];
        let name: Vec<u8> = "Workbook".encode_utf16().flat_map(u16::to_le_bytes).collect();
        directory[128..128 + name.len()].copy_from_slice(&name);
        directory[244..248].copy_from_slice(&2_u32.to_le_bytes());
        directory[248..252].copy_from_slice(&0x4000_0000_u32.to_le_bytes());
        bytes.extend(directory);
        bytes.extend(stream);
        bytes
    }

    fn checked(bytes: &[u8]) -> Result<(), String> {
        let result = stream(bytes).and_then(|stream| check_sheets(&stream.expect("a stream")));
        result.map_err(|error| error.to_string())
    }

    #[test]
    fn a_chain_that_bites_its_tail_is_refused() {
        let sound = workbook(&[number(0, 0), number(9, 5)]);
        assert_eq!(checked(&file(&sound, |_| Sectors::END)), Ok(()));
        let error = checked(&file(&sound, |_| 3)).unwrap_err();
        assert!(error.contains("no end"), "{error}");
    }

    #[test]
    fn cells_far_apart_are_refused() {
        let checked = |sheet: &[Vec<u8>]| check_sheets(&workbook(sheet)).map_err(|error| error.to_string());
        let table: Vec<Vec<u8>> = (0..60_000).map(|i| number(i / 6, i % 6)).collect();
        assert_eq!(checked(&table), Ok(()));
        assert_eq!(checked(&[number(0, 0), number(65_535, 20)]), Ok(()));
        let error = checked(&[number(0, 0), number(65_535, 65_535)]).unwrap_err();
        assert!(error.contains("too far apart"), "{error}");
        let stated = [0_u32, 1 << 24].map(u32::to_le_bytes).concat();
        let stated = record(0x0200, &[&stated[..], &[0, 0, 0, 1, 0, 0]].concat());
        assert!(checked(&[stated]).is_err());
        assert!(check_sheets(b"\x85\x00").is_ok());
    }
}
