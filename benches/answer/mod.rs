//! What was answered, in one number: the CRC-32 of its rows as text, which a script in any language makes again. Fast
//! and wrong shows beside the time.

use flate2::Crc;

/// Each row ends with a newline.
pub fn of_rows(rows: impl IntoIterator<Item = String>) -> u32 {
    let mut crc = Crc::new();
    for row in rows {
        crc.update(row.as_bytes());
        crc.update(b"\n");
    }
    crc.sum()
}
