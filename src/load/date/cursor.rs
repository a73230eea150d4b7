//! A reader over the bytes of one date, and the words that dates are made of.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.bytes.len() <= self.at
    }

    /// The byte taken last.
    pub(super) fn taken(&self) -> Option<u8> {
        self.at.checked_sub(1).and_then(|at| self.bytes.get(at)).copied()
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn accept_text(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text.as_bytes());
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let mut ahead = *self;
        let found = ahead.word().eq_ignore_ascii_case(word.as_bytes());
        if found {
            *self = ahead;
        }
        found
    }

    pub(super) fn skip(&mut self, within: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&within) {
            self.at += 1;
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Skips blanks if `wanted` follows them, and else nothing.
    pub(super) fn skip_blanks_before(&mut self, wanted: impl Fn(u8) -> bool) {
        let mut ahead = *self;
        ahead.skip_blanks();
        if ahead.peek().is_some_and(wanted) {
            *self = ahead;
        }
    }

    /// The number that stands here and its width; `None` if there is none or it has more than `max` (at most
    /// 9) digits.
    #[inline]
    pub(super) fn digits(&mut self, max: usize) -> Option<(u32, usize)> {
        let mut value = 0;
        let mut width = 0;
        for byte in self.rest() {
            let digit = byte.wrapping_sub(b'0');
            if 9 < digit {
                break;
            }
            if width == max {
                return None;
            }
            value = value * 10 + u32::from(digit);
            width += 1;
        }
        self.at += width;
        (0 < width).then_some((value, width))
    }

    /// ASCII letters, perhaps none.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_alphabetic());
        &self.bytes[start..self.at]
    }

    /// The ending of `12th`.
    pub(super) fn skip_ordinal(&mut self) {
        let _ = ["st", "nd", "rd", "th"].iter().any(|ending| self.accept_word(ending));
    }

    /// Skips a fraction; whether it is more than zero. A mark without digits is left.
    pub(super) fn fraction(&mut self) -> bool {
        let mut ahead = *self;
        if !(ahead.accept(b'.') || ahead.accept(b',')) {
            return false;
        }
        let start = ahead.at;
        ahead.skip(|byte| byte.is_ascii_digit());
        if ahead.at == start {
            return false;
        }
        *self = ahead;
        ahead.bytes[start..ahead.at].iter().any(|&digit| digit != b'0')
    }

    /// Whether `AM`, `p.m.`, `上午` or `下午` stands here, and if so whether it is the afternoon.
    pub(super) fn half_of_day(&mut self) -> Option<bool> {
        for (text, afternoon) in [("上午", false), ("下午", true), ("午前", false), ("午後", true)] {
            if self.accept_text(text) {
                return Some(afternoon);
            }
        }
        let mut ahead = *self;
        let afternoon = match ahead.next()?.to_ascii_lowercase() {
            b'a' => false,
            b'p' => true,
            _ => return None,
        };
        ahead.accept(b'.');
        if !matches!(ahead.next(), Some(b'm' | b'M')) {
            return None;
        }
        ahead.accept(b'.');
        *self = ahead;
        Some(afternoon)
    }

    /// `Z`, `UTC`, `GMT`, `+01:00`, `-0500`, `+8`, `UTC+8`: seconds east of Greenwich.
    pub(super) fn offset(&mut self) -> Option<i64> {
        if self.rest() == b"Z" {
            self.at += 1;
            return Some(0);
        }
        self.skip_blanks();
        let zero = ["z", "utc", "gmt"].iter().any(|name| self.accept_word(name));
        let sign = match self.peek() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return zero.then_some(0),
        };
        self.at += 1;
        let (hours, minutes) = match self.digits(4)? {
            (value, 4) => (value / 100, value % 100),
            (hours, 1 | 2) if self.accept(b':') => match self.digits(2)? {
                (minutes, 2) => (hours, minutes),
                _ => return None,
            },
            (hours, 1 | 2) => (hours, 0),
            _ => return None,
        };
        // The widest offset in use is +14:00; POSIX allows 24 hours.
        (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3_600 + minutes * 60))
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// 1 to 12 for an English name in full or its first three letters (`Sept` too).
pub(super) fn month(word: &[u8]) -> Option<u32> {
    let number = (1..)
        .zip(MONTHS)
        .find(|(_, name)| is_short_or_full(word, name))
        .map(|(number, _)| number);
    number.or(word.eq_ignore_ascii_case(b"sept").then_some(9))
}

pub(super) fn is_weekday(word: &[u8]) -> bool {
    WEEKDAYS.iter().any(|name| is_short_or_full(word, name))
}

fn is_short_or_full(word: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    word.eq_ignore_ascii_case(&name[..3]) || word.eq_ignore_ascii_case(name)
}
