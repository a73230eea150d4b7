//! How one file becomes another: changes to bytes, lines, fields and numbers, then packing with sound checksums.

use std::io::{Cursor, Write};

use rand::Rng;
use rand::seq::SliceRandom;
use zip::write::SimpleFileOptions;

use crate::Random;
use crate::corpus::{Body, Seed};

/// No file grows beyond this, so that every execution is quick.
pub const MAX_BYTES: usize = 256 << 10;

/// What files hold that readers look for.
const TOKENS: [&[u8]; 84] = [
    b"\"",
    b"\"\"",
    b"\n\"",
    b",\"",
    b"'",
    b",",
    b";",
    b"\t",
    b"|",
    b" ",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\xFE\xFF",
    b"\xC2\xA0",
    b"\xE2\x80\xAF",
    b"\xEF\xBF\xBD",
    b"\x80",
    b"\xF4\x90\x80\x80",
    b"sep=;\n",
    b"sep=\"\n",
    b"sep=\r\r\n",
    b"sep=\0\n",
    b"sep=1\n",
    b"2024-02-29",
    b"2024-13-45T99:99:99Z",
    b"29.02.2023",
    b"13/13/2024",
    b"05/06/07",
    b"20241231235959",
    b"45292.75",
    b"1704067200",
    b"1704067200000",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9999-12-31T23:59:59.999999999-23:59",
    b"0000-00-00",
    b"113\xE5\xB9\xB41\xE6\x9C\x885\xE6\x97\xA5",
    b"Jan 5, 2024 11:59 PM",
    b"1,234.50",
    b"1.234,50",
    b"1'234.50",
    b"(12.00)",
    b"12,-",
    b"-",
    b"1e308",
    b"1e-99999999999999999999",
    b"NaN",
    b"10 %",
    b"\xEF\xBC\x91\xEF\xBC\x92",
    b"\xE2\x82\xAC",
    b"R$ 5",
    b"922337203685477.5807",
    b"99999999999999999999999999999999",
    b"customer_id",
    b"amount",
    b"Datum",
    b"Menge",
    "客户编号".as_bytes(),
    "金額".as_bytes(),
    b"unit_price",
    b"discount",
    b"cost",
    b"type",
    b"refund",
    b"{",
    b"}",
    b"[{",
    b"{\"a\":{\"a\":",
    b"\\u0000",
    b"\\",
    b":",
    b"null",
    b"PAR1",
    b"ARROW1\0\0",
    b"PK\x03\x04",
    b"\x1F\x8B\x08\0",
    b"\x28\xB5\x2F\xFD",
    b"XFE1048577",
    b"&#x1F;",
];

/// Numbers that stand for lengths, offsets and counts at their limits.
const LIMITS: [i64; 16] = [
    0,
    1,
    -1,
    7,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    0x1_0000_0000,
    0x3FFF_FFFF_FFFF,
    i64::MAX,
    i64::MIN,
    -8,
];

/// A changed copy. Every tenth is not changed at all, so that sound files meet all settings.
pub fn mutate(rng: &mut Random, body: &Body, others: &[Seed]) -> Body {
    let mut body = body.clone();
    if rng.gen_ratio(1, 10) {
        return body;
    }
    let mut n_changes = 1;
    while n_changes < 12 && rng.gen_ratio(1, 2) {
        n_changes += 1;
    }
    for _ in 0..n_changes {
        match &mut body {
            Body::Flat(bytes) => change(rng, bytes, others),
            Body::Parts(parts) => match rng.gen_range(0..40) {
                0 if parts.len() > 1 => drop(parts.remove(rng.gen_range(0..parts.len()))),
                1 => {
                    let (one, two) = (rng.gen_range(0..parts.len()), rng.gen_range(0..parts.len()));
                    parts[one].1 = parts[two].1.clone();
                }
                _ => {
                    let at = rng.gen_range(0..parts.len());
                    change(rng, &mut parts[at].1, others);
                }
            },
        }
    }
    body
}

/// A place in `0..=length`: anywhere, near the beginning, or near the end, where footers are.
fn place(rng: &mut Random, length: usize) -> usize {
    match rng.gen_range(0..4) {
        0 => rng.gen_range(0..=length.min(128)),
        1 => length - rng.gen_range(0..=length.min(700)),
        _ => rng.gen_range(0..=length),
    }
}

/// A range of at most `longest` bytes.
fn range(rng: &mut Random, length: usize, longest: usize) -> std::ops::Range<usize> {
    let start = place(rng, length);
    let longest = longest.min(length - start);
    // Short ones are as likely as long ones.
    let shift = rng.gen_range(0..usize::BITS - longest.leading_zeros() + 1);
    start..start + rng.gen_range(0..=longest >> shift)
}

fn put(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    let part = &part[..part.len().min(MAX_BYTES.saturating_sub(bytes.len()))];
    bytes.splice(at..at, part.iter().copied());
}

fn change(rng: &mut Random, bytes: &mut Vec<u8>, others: &[Seed]) {
    if bytes.is_empty() {
        bytes.extend_from_slice(TOKENS.choose(rng).copied().unwrap_or(b"0"));
    }
    let length = bytes.len();
    match rng.gen_range(0..24) {
        0..3 => bytes[place(rng, length - 1)] ^= 1 << rng.gen_range(0..8),
        3 => bytes[place(rng, length - 1)] = rng.gen_range(0..=u8::MAX),
        4 => {
            // Small counts and lengths, as plain bytes or zigzag.
            let byte = &mut bytes[place(rng, length - 1)];
            *byte = byte.wrapping_add([1, 2, 0xFF, 0xFE][rng.gen_range(0..4)]);
        }
        5 => drop(bytes.drain(range(rng, length, length))),
        6 => {
            let part = bytes[range(rng, length, 4_096)].to_vec();
            put(bytes, place(rng, length), &part);
        }
        7 => {
            let (one, two) = (range(rng, length, 512), range(rng, length, 512));
            let part = bytes[one].to_vec();
            let end = two.end.min(two.start + part.len());
            bytes[two.start..end].copy_from_slice(&part[..end - two.start]);
        }
        8 => splice(rng, bytes, others),
        9..12 => put(bytes, place(rng, length), TOKENS.choose(rng).copied().unwrap_or(b",")),
        12 => {
            let token = TOKENS.choose(rng).copied().unwrap_or(b",");
            let at = place(rng, length - 1);
            let end = length.min(at + token.len());
            bytes[at..end].copy_from_slice(&token[..end - at]);
        }
        13..15 => integer(rng, bytes),
        15 => bytes.truncate(place(rng, length)),
        16 => lines(rng, bytes),
        17 => {
            let part = bytes[range(rng, length, 2_048)].to_vec();
            let most = if rng.gen_ratio(1, 8) { MAX_BYTES } else { 8_192 };
            let n = rng.gen_range(0..=most / part.len().max(1)).min(most);
            put(bytes, place(rng, length), &part.repeat(n));
        }
        18..21 => digits(rng, bytes),
        21..23 => field(rng, bytes),
        _ => {
            // Another delimiter, no line ends, no quotes: one byte becomes another or nothing everywhere.
            let from = bytes[place(rng, length - 1)];
            match TOKENS.choose(rng) {
                Some([to]) => bytes
                    .iter_mut()
                    .filter(|byte| **byte == from)
                    .for_each(|byte| *byte = *to),
                _ => bytes.retain(|byte| *byte != from),
            }
        }
    }
    bytes.truncate(MAX_BYTES);
}

/// A part of another seed in this place, or the rest of it from here on.
fn splice(rng: &mut Random, bytes: &mut Vec<u8>, others: &[Seed]) {
    let Some(other) = others.choose(rng) else { return };
    let part: &[u8] = match &other.body {
        Body::Flat(other) => other,
        Body::Parts(parts) => parts.choose(rng).map_or(&[], |(_, content)| content),
    };
    let at = place(rng, bytes.len());
    if rng.gen_ratio(1, 3) {
        bytes.truncate(at);
        bytes.extend_from_slice(&part[place(rng, part.len())..]);
    } else {
        let part = &part[range(rng, part.len(), 1_024)];
        put(bytes, at, part);
    }
}

/// A limit, or a little more or less than what stands there, in any width and order of bytes.
fn integer(rng: &mut Random, bytes: &mut [u8]) {
    let width = [2, 4, 8][rng.gen_range(0..3)].min(bytes.len());
    let at = place(rng, bytes.len() - width);
    let old = bytes[at..at + width]
        .iter()
        .rev()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let new = match rng.gen_range(0..3) {
        0 => old.wrapping_add_signed(rng.gen_range(-16..=16)),
        1 => bytes.len() as u64,
        _ => LIMITS.choose(rng).map_or(0, |limit| *limit as u64),
    };
    let mut new = new.to_le_bytes()[..width].to_vec();
    if rng.gen_ratio(1, 4) {
        new.reverse();
    }
    bytes[at..at + width].copy_from_slice(&new);
}

/// Lines in another order, or one of them many times.
fn lines(rng: &mut Random, bytes: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, two) = (rng.gen_range(0..lines.len()), rng.gen_range(0..lines.len()));
    match rng.gen_range(0..4) {
        0 => lines.shuffle(rng),
        1 => lines.swap(one, two),
        2 => drop(lines.remove(one)),
        _ => {
            let most = (MAX_BYTES / 8 / lines[one].len().max(1)).min(600);
            let n = rng.gen_range(0..=most);
            lines.splice(two..two, std::iter::repeat_n(lines[one], n));
        }
    }
    *bytes = lines.concat();
}

/// A run of digits becomes another number.
fn digits(rng: &mut Random, bytes: &mut Vec<u8>) {
    let from = place(rng, bytes.len());
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = from + start;
    let n = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let new = match rng.gen_range(0..4) {
        0 => LIMITS.choose(rng).map_or(String::new(), i64::to_string),
        1 => rng.gen_range(0..100_u32).to_string(),
        2 => rng.gen_range(0..100_000_000_u32).to_string(),
        _ => "9".repeat(rng.gen_range(1..40)),
    };
    bytes.splice(start..start + n, new.into_bytes());
}

/// What stands between two delimiters becomes something else.
fn field(rng: &mut Random, bytes: &mut Vec<u8>) {
    let ends = |byte: &u8| {
        matches!(
            byte,
            b',' | b';' | b'\t' | b'|' | b'\n' | b'"' | b'<' | b'>' | b'}' | b':'
        )
    };
    let from = place(rng, bytes.len());
    let start = bytes[..from].iter().rposition(ends).map_or(0, |at| at + 1);
    let end = bytes[from..].iter().position(ends).map_or(bytes.len(), |at| from + at);
    let mut new = TOKENS.choose(rng).copied().unwrap_or(b"").to_vec();
    if rng.gen_ratio(1, 4) {
        new.extend_from_slice(TOKENS.choose(rng).copied().unwrap_or(b""));
    }
    bytes.splice(start..end, new);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("writing to memory")
}

fn zip_of(parts: &[(String, Vec<u8>)], is_packed: bool) -> Vec<u8> {
    let method = if is_packed {
        zip::CompressionMethod::Deflated
    } else {
        zip::CompressionMethod::Stored
    };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(name.as_str(), options).expect("distinct names");
        writer.write_all(content).expect("writing to memory");
    }
    writer.finish().expect("writing to memory").into_inner()
}

/// The file as it lies on disk, and how it is packed.
pub fn pack(rng: &mut Random, body: &Body) -> (&'static str, Vec<u8>) {
    let is_packed = rng.gen_ratio(1, 2);
    let (mut how, mut bytes) = match body {
        Body::Flat(bytes) => ("plain", bytes.clone()),
        Body::Parts(parts) => ("plain", zip_of(parts, is_packed)),
    };
    match rng.gen_range(0..20) {
        0 | 1 => (how, bytes) = ("gzip", gzip(&bytes)),
        2 | 3 => (how, bytes) = ("zstd", zstd(&bytes)),
        4 => (how, bytes) = ("zip", zip_of(&[("sales.csv".to_owned(), bytes)], is_packed)),
        5 => {
            // Members one after another are one text.
            let (one, two) = bytes.split_at(rng.gen_range(0..=bytes.len()));
            (how, bytes) = ("gzip", [gzip(one), gzip(two)].concat());
        }
        6 => (how, bytes) = ("packed twice", gzip(&zip_of(&[("a.csv".to_owned(), bytes)], is_packed))),
        _ => {}
    }
    // The packing itself may be damaged too.
    if how != "plain" && rng.gen_ratio(1, 10) || matches!(body, Body::Parts(_)) && rng.gen_ratio(1, 8) {
        change(rng, &mut bytes, &[]);
    }
    (how, bytes)
}
