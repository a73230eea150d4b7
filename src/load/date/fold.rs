//! Dates in the characters of other keyboards and locales, as the plain ones that the readers know.
//!
//! Full-width digits and marks (`２０１１／１２／９`), Arabic, Persian and Devanagari digits, no-break and wide blanks
//! (browsers put one before `PM`), dashes, and the invisible marks of direction that browsers put between the parts.
//! Tried only after a value was refused as it stands, so plain dates pay nothing.

/// The longest date that is read; JavaScript writes out the name of the zone.
pub(super) const MAX_BYTES: usize = 96;

/// `bytes` with such characters replaced; `None` if there are none, or if the text is too long for a date.
pub(super) fn folded<'a>(bytes: &[u8], buffer: &'a mut [u8; MAX_BYTES]) -> Option<&'a [u8]> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut length = 0;
    let mut is_changed = false;
    for c in text.chars() {
        let plain = plain(c);
        is_changed |= plain != Some(c);
        if let Some(c) = plain {
            let end = length + c.len_utf8();
            c.encode_utf8(buffer.get_mut(length..end)?);
            length = end;
        }
    }
    is_changed.then_some(&buffer[..length])
}

/// The plain character for `c`; `None` if it shows nothing.
fn plain(c: char) -> Option<char> {
    let moved = |from: u32, to: char| char::from_u32(u32::from(c) - from + u32::from(to)).unwrap_or(c);
    Some(match c {
        '\0'..='\x7F' => c,
        '\u{FF01}'..='\u{FF5E}' => moved(0xFF01, '!'),
        '\u{660}'..='\u{669}' => moved(0x660, '0'),
        '\u{6F0}'..='\u{6F9}' => moved(0x6F0, '0'),
        '\u{966}'..='\u{96F}' => moved(0x966, '0'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{61C}' | '\u{FEFF}' => {
            return None;
        }
        _ if c.is_whitespace() => ' ',
        _ => c,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_other_keyboards_become_plain() {
        for (text, expected) in [
            ("２０１１／１２／９　１５：０５", Some("2011/12/9 15:05")),
            ("3:05\u{202F}PM", Some("3:05 PM")),
            ("\u{200E}12\u{200E}/\u{200E}9", Some("12/9")),
            ("٢٠١١–۱۲–०९", Some("2011-12-09")),
            ("2011-12-09", None),
            ("2011年", None),
        ] {
            let mut buffer = [0; MAX_BYTES];
            assert_eq!(
                folded(text.as_bytes(), &mut buffer),
                expected.map(str::as_bytes),
                "{text}"
            );
        }
        assert_eq!(folded("１".repeat(97).as_bytes(), &mut [0; MAX_BYTES]), None);
        assert_eq!(folded(b"\xff\xef\xbc\x91", &mut [0; MAX_BYTES]), None);
    }
}
