//! gzip and zstd that is cut short, damaged, put together or packed twice, and packers that are not read.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Case, GOOD, HEADER, file, good, joined, table, unreadable, works};

pub(super) fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes.as_ref()).expect("memory is written");
    packer.finish().expect("memory is written")
}

/// With the hash of the content at the end.
fn zstd(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packer = zstd::Encoder::new(Vec::new(), 3).expect("a packer");
    packer.include_checksum(true).expect("a hash is possible");
    packer.write_all(bytes.as_ref()).expect("memory is written");
    packer.finish().expect("memory is written")
}

/// Without its last `n` bytes.
fn cut(mut bytes: Vec<u8>, n: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - n);
    bytes
}

/// With the byte so far from the end turned over.
fn flipped(mut bytes: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = bytes.len() - from_end;
    bytes[at] ^= 0xff;
    bytes
}

fn half(bytes: Vec<u8>) -> Vec<u8> {
    let n = bytes.len() / 2;
    cut(bytes, n)
}

/// As `tar` writes a file: a header of 512 bytes, the content, zeros.
fn tar(content: &str) -> Vec<u8> {
    let mut header = [0; 512];
    header[..9].copy_from_slice(b"sales.csv");
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut bytes = joined(&[&header, content.as_bytes()]);
    bytes.resize(bytes.len().next_multiple_of(512) + 1_024, 0);
    bytes
}

pub(super) fn cases() -> Vec<Case> {
    let cut_short = || unreadable(&["cut short"]);
    let whole = || works(&[], GOOD);
    let twice = || works(&[], 2 * GOOD);
    vec![
        file("gzip_of_two_bytes.csv.gz", || gzip(table())[..2].to_vec(), cut_short()),
        file(
            "gzip_cut_in_its_header.csv.gz",
            || gzip(table())[..7].to_vec(),
            cut_short(),
        ),
        file(
            "gzip_cut_behind_its_header.csv.gz",
            || gzip(table())[..10].to_vec(),
            cut_short(),
        ),
        file("gzip_cut_in_the_middle.csv.gz", || half(gzip(table())), cut_short()),
        file("gzip_without_its_trailer.csv.gz", || cut(gzip(table()), 8), cut_short()),
        file("gzip_cut_in_its_trailer.csv.gz", || cut(gzip(table()), 3), cut_short()),
        file(
            "gzip_with_a_wrong_sum.csv.gz",
            || flipped(gzip(table()), 6),
            unreadable(&[]),
        ),
        file(
            "gzip_with_a_wrong_length.csv.gz",
            || flipped(gzip(table()), 2),
            unreadable(&[]),
        ),
        file(
            "gzip_with_a_flipped_byte.csv.gz",
            || flipped(gzip(table()), 100),
            unreadable(&[]),
        ),
        file(
            "gzip_with_garbage_behind.csv.gz",
            || joined(&[&gzip(table()), b"something else"]),
            unreadable(&[]),
        ),
        file(
            "gzip_of_an_unknown_method.csv.gz",
            || joined(&[b"\x1f\x8b\x07", &gzip(table())[3..]]),
            unreadable(&[]),
        ),
        file("gzip_of_nothing.csv.gz", || gzip(""), unreadable(&["is empty"])),
        file("gzip_of_a_header.csv.gz", || gzip(HEADER), unreadable(&["no data"])),
        file(
            "gzip_of_gzip.csv.gz.gz",
            || gzip(gzip(table())),
            unreadable(&["packed twice"]),
        ),
        file(
            "gzip_of_zstd.csv.zst.gz",
            || gzip(zstd(table())),
            unreadable(&["packed twice"]),
        ),
        file(
            "zstd_of_gzip.csv.gz.zst",
            || zstd(gzip(table())),
            unreadable(&["packed twice"]),
        ),
        file(
            "gzip_joined.csv.gz",
            || joined(&[&gzip(table()), &gzip(good())]),
            twice(),
        ),
        file(
            "gzip_header_and_lines_joined.csv.gz",
            || joined(&[&gzip(HEADER), &gzip(good())]),
            whole(),
        ),
        file(
            "gzip_empty_members.csv.gz",
            || joined(&[&gzip(""), &gzip(HEADER), &gzip(""), &gzip(good()), &gzip("")]),
            whole(),
        ),
        file(
            "gzip_second_member_cut_short.csv.gz",
            || joined(&[&gzip(table()), &half(gzip(good()))]),
            cut_short(),
        ),
        file(
            "gzip_second_member_with_a_wrong_sum.csv.gz",
            || joined(&[&gzip(table()), &flipped(gzip(good()), 6)]),
            unreadable(&[]),
        ),
        file("gzip_with_another_name.csv", || gzip(table()), whole()),
        file("text_with_the_name_of_gzip.csv.gz", || table().into_bytes(), whole()),
        file("text_with_the_name_of_zstd.csv.zst", || table().into_bytes(), whole()),
        file(
            "zstd_of_four_bytes.csv.zst",
            || zstd(table())[..4].to_vec(),
            cut_short(),
        ),
        file(
            "zstd_cut_in_its_header.csv.zst",
            || zstd(table())[..6].to_vec(),
            cut_short(),
        ),
        file("zstd_cut_in_the_middle.csv.zst", || half(zstd(table())), cut_short()),
        file("zstd_without_its_hash.csv.zst", || cut(zstd(table()), 4), cut_short()),
        file(
            "zstd_with_a_wrong_hash.csv.zst",
            || flipped(zstd(table()), 1),
            unreadable(&[]),
        ),
        file(
            "zstd_with_a_flipped_byte.csv.zst",
            || flipped(zstd(table()), 60),
            unreadable(&[]),
        ),
        file(
            "zstd_with_garbage_behind.csv.zst",
            || joined(&[&zstd(table()), b"something else"]),
            unreadable(&[]),
        ),
        file("zstd_of_nothing.csv.zst", || zstd(""), unreadable(&["is empty"])),
        file(
            "zstd_frames_joined.csv.zst",
            || joined(&[&zstd(table()), &zstd(good())]),
            twice(),
        ),
        file(
            "zstd_with_a_frame_to_skip.csv.zst",
            || joined(&[&zstd(table()), b"\x50\x2a\x4d\x18\x04\0\0\0skip", &zstd(good())]),
            twice(),
        ),
        file(
            "gzip_with_zeros_behind.csv.gz",
            || joined(&[&gzip(table()), &[0; 512]]),
            unreadable(&["gzip"]),
        ),
        // The first bytes of what other packers write.
        file(
            "packed.csv.bz2",
            || b"BZh91AY&SY\x01\x02\x03\x04 and so on".to_vec(),
            unreadable(&["bzip2"]),
        ),
        file(
            "packed.csv.xz",
            || b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!".to_vec(),
            unreadable(&["xz"]),
        ),
        file(
            "packed.7z",
            || b"7z\xbc\xaf\x27\x1c\0\x04and so on".to_vec(),
            unreadable(&["7z"]),
        ),
        file(
            "packed.rar",
            || joined(&[b"Rar!\x1a\x07\x01\0", &[0x33, 0x92, 0xb5, 0xe5, 0x0a, 1, 5, 6]]),
            unreadable(&["a binary file"]),
        ),
        file(
            "packed.csv.Z",
            || joined(&[b"\x1f\x9d\x90", &[0x63, 0xea, 0xcc, 0x99, 0x43, 0xa7].repeat(40)]),
            unreadable(&[]),
        ),
        file("archive.tar", || tar(&table()), unreadable(&["a binary file"])),
        file(
            "archive.csv.tar.gz",
            || gzip(tar(&table())),
            unreadable(&["a binary file"]),
        ),
        file(
            "archive_of_many_lines.csv.tar.gz",
            || gzip(tar(&format!("{HEADER}{}", good().repeat(200)))),
            unreadable(&["a binary file"]),
        ),
    ]
}
