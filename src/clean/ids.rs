//! Ids: what counts as missing, what a spreadsheet did to them, and codes in byte order.

use crate::load::batch::Strings;

/// `17850.0` as a spreadsheet writes the id `17850`.
pub fn without_decimal_zeros(id: &[u8]) -> Option<&[u8]> {
    let dot = id.iter().position(|b| *b == b'.')?;
    let (whole, zeros) = (&id[..dot], &id[dot + 1..]);
    let digits = !whole.is_empty() && whole.iter().all(u8::is_ascii_digit);
    (digits && !zeros.is_empty() && zeros.iter().all(|b| *b == b'0')).then_some(whole)
}

/// What people write into a field to say that it is empty.
pub fn means_missing(id: &[u8]) -> bool {
    const WORDS: [&[u8]; 7] = [b"null", b"nan", b"n/a", b"na", b"none", b"#n/a", b"\\n"];
    WORDS.iter().any(|word| id.eq_ignore_ascii_case(word))
}

/// The strings as text in byte order.
pub fn sorted(strings: &Strings) -> Vec<String> {
    let mut texts: Vec<String> = (0..strings.len()).map(|i| strings.text(i).into_owned()).collect();
    texts.sort_unstable();
    texts
}

/// Position in byte order of each string, by its code.
pub fn positions(strings: &Strings) -> Vec<u32> {
    let mut order: Vec<u32> = (0..strings.len() as u32).collect();
    order.sort_unstable_by_key(|&i| strings.get(i as usize));
    let mut positions = vec![0; order.len()];
    for (position, &code) in order.iter().enumerate() {
        positions[code as usize] = position as u32;
    }
    positions
}

/// How many ids differ from another only in case, and an example.
pub fn differing_in_case(sorted_ids: &[String]) -> (u64, String) {
    let mut folded: Vec<(String, &str)> = sorted_ids.iter().map(|id| (id.to_uppercase(), id.as_str())).collect();
    folded.sort_unstable();
    let twins: Vec<_> = folded.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
    let example = twins
        .first()
        .map(|pair| format!("{} and {}", pair[0].1, pair[1].1))
        .unwrap_or_default();
    (twins.len() as u64, example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreadsheet_ids_lose_only_a_zero_fraction() {
        assert_eq!(without_decimal_zeros(b"17850.0"), Some(&b"17850"[..]));
        assert_eq!(without_decimal_zeros(b"17850.5"), None);
        assert_eq!(without_decimal_zeros(b"1.0.0"), None);
        assert_eq!(without_decimal_zeros(b".0"), None);
    }
}
