//! The smallest old workbook (`.xls`) that a reader takes: BIFF8 records in a compound file.

const SECTOR: usize = 512;
const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
const FREE: u32 = 0xFFFF_FFFF;

fn record(out: &mut Vec<u8>, kind: u16, content: &[u8]) {
    out.extend(kind.to_le_bytes());
    out.extend((content.len() as u16).to_le_bytes());
    out.extend(content);
}

/// Begin of a substream: version, kind, and what nobody reads.
fn begin(out: &mut Vec<u8>, kind: u16) {
    let mut content = vec![0, 6];
    content.extend(kind.to_le_bytes());
    content.extend([0; 12]);
    record(out, 0x0809, &content);
}

fn cell(row: u16, column: u16) -> Vec<u8> {
    [row.to_le_bytes(), column.to_le_bytes(), [0, 0]].concat()
}

/// A cell with a text of its own (LABEL): length, one flag byte, Latin-1.
fn label(out: &mut Vec<u8>, row: u16, column: u16, text: &str) {
    let mut content = cell(row, column);
    content.extend((text.len() as u16).to_le_bytes());
    content.push(0);
    content.extend(text.bytes());
    record(out, 0x0204, &content);
}

fn number(out: &mut Vec<u8>, row: u16, column: u16, value: f64) {
    let mut content = cell(row, column);
    content.extend(value.to_le_bytes());
    record(out, 0x0203, &content);
}

/// A text of the table that cells share (LABELSST).
fn shared(out: &mut Vec<u8>, row: u16, column: u16, at: u32) {
    let mut content = cell(row, column);
    content.extend(at.to_le_bytes());
    record(out, 0x00FD, &content);
}

/// The records of the workbook: globals with one sheet and two shared texts, then the sheet.
fn records() -> Vec<u8> {
    const HEADER: [&str; 6] = [
        "customer_id",
        "order_id",
        "ordered_at",
        "product_id",
        "quantity",
        "amount",
    ];
    let mut out = Vec::new();
    begin(&mut out, 5);
    record(&mut out, 0x0042, &1_200_u16.to_le_bytes());
    // Where the sheet begins is known at the end.
    let place = out.len() + 4;
    record(&mut out, 0x0085, &[&[0; 6][..], &[6, 0], b"Sheet1"].concat());
    let mut table = [2_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat();
    for text in ["p1", "p2"] {
        table.extend((text.len() as u16).to_le_bytes());
        table.push(0);
        table.extend(text.bytes());
    }
    record(&mut out, 0x00FC, &table);
    record(&mut out, 0x000A, &[]);
    let start = out.len() as u32;
    out[place..place + 4].copy_from_slice(&start.to_le_bytes());
    begin(&mut out, 0x0010);
    let dimensions = [&0_u32.to_le_bytes()[..], &9_u32.to_le_bytes(), &[0, 0, 6, 0, 0, 0]].concat();
    record(&mut out, 0x0200, &dimensions);
    for (column, name) in (0..).zip(HEADER) {
        label(&mut out, 0, column, name);
    }
    for row in 1..9 {
        label(&mut out, row, 0, ["k1", "k2", "k3"][usize::from(row) % 3]);
        number(&mut out, row, 1, 1_000.0 + f64::from(row / 2));
        label(&mut out, row, 2, &format!("2024-01-0{row}"));
        shared(&mut out, row, 3, u32::from(row % 2));
        number(&mut out, row, 4, 1.0);
        number(&mut out, row, 5, 10.5 + f64::from(row));
    }
    record(&mut out, 0x000A, &[]);
    out
}

fn directory_entry(name: &str, kind: u8, child: u32, start: u32, size: u32) -> Vec<u8> {
    let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_length = entry.len() as u16 + 2;
    entry.resize(64, 0);
    entry.extend(name_length.to_le_bytes());
    entry.extend([kind, 1]);
    entry.extend(FREE.to_le_bytes());
    entry.extend(FREE.to_le_bytes());
    entry.extend(child.to_le_bytes());
    entry.extend([0; 36]);
    entry.extend(start.to_le_bytes());
    entry.extend(size.to_le_bytes());
    entry.extend([0; 4]);
    entry
}

/// Header, one sector of the allocation table, one of the directory, then the stream. Streams of 4,096 bytes and
/// more lie in sectors of their own.
pub fn workbook() -> Vec<u8> {
    let mut stream = records();
    stream.resize(stream.len().next_multiple_of(SECTOR).max(4_096), 0);
    let n_sectors = (stream.len() / SECTOR) as u32;

    let mut out = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    out.extend([0; 16]);
    for half in [0x3E_u16, 3, 0xFFFE, 9, 6, 0, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    // Directory sectors (0 in version 3), table sectors, first directory sector, signature, smallest plain stream.
    for word in [0, 1, 1, 0, 4_096, END_OF_CHAIN, 0, END_OF_CHAIN, 0, 0] {
        out.extend(u32::to_le_bytes(word));
    }
    out.resize(SECTOR, 0xFF);

    let mut table = vec![0xFFFF_FFFD, END_OF_CHAIN];
    table.extend((1..n_sectors).map(|i| i + 2));
    table.push(END_OF_CHAIN);
    table.resize(SECTOR / 4, FREE);
    out.extend(table.into_iter().flat_map(u32::to_le_bytes));

    let mut directory = directory_entry("Root Entry", 5, 1, END_OF_CHAIN, 0);
    directory.extend(directory_entry("Workbook", 2, FREE, 2, stream.len() as u32));
    directory.resize(SECTOR, 0);
    out.extend(directory);
    out.extend(stream);
    out
}
