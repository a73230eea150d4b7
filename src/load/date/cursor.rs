//! A reader over the bytes of one date.

use super::names::{is_weekday, is_zone};

/// What stands after a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// Seconds east of Greenwich.
    Offset(i64),
    /// An abbreviation that several zones share.
    Unknown,
}

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

    pub(super) fn accept_any(&mut self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.accept_text(text))
    }

    pub(super) fn accept_any_word(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.accept_word(word))
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

    pub(super) fn skip_separators(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
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

    /// Letters, also those beyond ASCII, perhaps none. The signs of `1º` and `1°` are no letters.
    pub(super) fn letters(&mut self) -> &'a [u8] {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_alphabetic() || (0x80 <= byte && byte != 0xC2));
        &self.bytes[start..self.at]
    }

    /// The ending of `12th`, `1er`, `9e`, `1º`.
    #[inline]
    pub(super) fn skip_ordinal(&mut self) {
        const ENDINGS: [&[u8]; 7] = [b"st", b"nd", b"rd", b"th", b"er", b"e", b"o"];
        let mut ahead = *self;
        match ahead.word() {
            [] if self.peek() == Some(0xC2) => {
                self.accept_any(&["º", "°", "ª"]);
            }
            [] => {}
            word => {
                if word.len() <= 2 && ENDINGS.iter().any(|ending| word.eq_ignore_ascii_case(ending)) {
                    *self = ahead;
                }
            }
        }
    }

    /// Skips a day of the week after a date: `(Fri)`, `星期五`, `(金)`, `金曜日`, `금요일`; whether there was one.
    pub(super) fn skip_weekday(&mut self) -> bool {
        const BEFORE: [&str; 5] = ["星期", "周", "週", "礼拜", "禮拜"];
        const DAYS: [&str; 21] = [
            "一", "二", "三", "四", "五", "六", "日", "天", "月", "火", "水", "木", "金", "土", "월", "화", "수", "목",
            "금", "토", "일",
        ];
        let mut ahead = *self;
        let in_brackets = ahead.accept(b'(');
        let found = match ahead.peek() {
            Some(0x80..) => {
                let before = ahead.accept_any(&BEFORE);
                let day = ahead.accept_any(&DAYS);
                let after = ahead.accept_any(&["曜日", "曜", "요일"]);
                day && (before || after || in_brackets)
            }
            Some(_) if in_brackets => {
                let found = is_weekday(ahead.letters());
                ahead.accept(b'.');
                found
            }
            _ => false,
        };
        let found = found && (!in_brackets || ahead.accept(b')'));
        if found {
            *self = ahead;
        }
        found
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

    /// Whether `AM`, `p. m.`, `上午`, `下午` or `오후` stands here, and if so whether it is the afternoon.
    pub(super) fn half_of_day(&mut self) -> Option<bool> {
        if self.peek()?.is_ascii_digit() {
            return None;
        }
        if self.accept_any(&["上午", "午前", "오전"]) {
            return Some(false);
        }
        if self.accept_any(&["下午", "午後", "오후"]) {
            return Some(true);
        }
        let mut ahead = *self;
        let afternoon = match ahead.next()?.to_ascii_lowercase() {
            b'a' => false,
            b'p' => true,
            _ => return None,
        };
        if ahead.accept(b'.') {
            ahead.skip_blanks();
        }
        if !matches!(ahead.next(), Some(b'm' | b'M')) {
            return None;
        }
        ahead.accept(b'.');
        *self = ahead;
        Some(afternoon)
    }

    /// An offset or the abbreviation of a zone, and the name that Java and JavaScript put after it in brackets:
    /// `GMT+0100 (Central European Standard Time)`, `+01:00[Europe/Paris]`.
    pub(super) fn zone(&mut self) -> Option<Zone> {
        let mut ahead = *self;
        let Some(offset) = ahead.offset() else {
            self.skip_blanks();
            return is_zone(self.word()).then_some(Zone::Unknown);
        };
        *self = ahead;
        ahead.skip_blanks();
        let closing = match ahead.next() {
            Some(b'(') => Some(b')'),
            Some(b'[') => Some(b']'),
            _ => None,
        };
        if let Some(closing) = closing {
            ahead.skip(|byte| byte != closing);
            if ahead.accept(closing) {
                *self = ahead;
            }
        }
        Some(Zone::Offset(offset))
    }

    /// `Z`, `UTC`, `GMT`, `+01:00`, `-0500`, `+8`, `UTC+8`: seconds east of Greenwich.
    fn offset(&mut self) -> Option<i64> {
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
