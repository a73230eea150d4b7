//! How well a piece of text fits an encoding.
//!
//! In: bytes that are not UTF-8 and an encoding. Out: what it costs to write the text that they decode to, in tenths
//! of a bit: a frequent character of the right language is cheap, a rare one dear, a broken sequence dearest. As every
//! encoding accounts for the same bytes, the costs can be compared. Cost: one pass over the bytes per encoding.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, IBM866, ISO_8859_2, ISO_8859_7, KOI8_R, KOI8_U, SHIFT_JIS, UTF_8,
    WINDOWS_1250, WINDOWS_1251, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257,
};

use super::common;

/// Any ASCII character, in whatever encoding; it counts only where an encoding takes one for half a character.
const ASCII: u64 = 50;
const BROKEN: u64 = 300;

/// Always weighed; another is weighed if the second witness names it.
pub const CANDIDATES: [&Encoding; 14] = [
    encoding_rs::WINDOWS_1252,
    GB18030,
    BIG5,
    SHIFT_JIS,
    EUC_JP,
    EUC_KR,
    WINDOWS_1250,
    WINDOWS_1251,
    WINDOWS_1254,
    KOI8_R,
    WINDOWS_1253,
    WINDOWS_1255,
    WINDOWS_1256,
    WINDOWS_1257,
];

/// What reading a piece of text in one encoding gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Tenths of a bit.
    pub cost: u64,
    /// Characters beyond ASCII.
    pub n_characters: usize,
    /// Those of them that are frequent in the language.
    pub n_common: usize,
    pub n_broken: usize,
}

impl Fit {
    pub fn of(bytes: &[u8], encoding: &'static Encoding) -> Self {
        if encoding == UTF_8 {
            Self::of_utf8(bytes)
        } else if let Some(wide) = Wide::of(encoding) {
            wide.fit(bytes)
        } else {
            Self::of_single_bytes(bytes, encoding)
        }
    }

    fn of_utf8(bytes: &[u8]) -> Self {
        let mut fit = Self::default();
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c.len_utf8() {
                    1 => fit.cost += ASCII,
                    2 => fit.add(130, true),
                    3 => fit.add(150, true),
                    _ => fit.add(200, true),
                }
            }
            if !chunk.invalid().is_empty() {
                fit.add_broken();
            }
        }
        fit
    }

    fn of_single_bytes(bytes: &[u8], encoding: &'static Encoding) -> Self {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        let text: Vec<char> = text.chars().collect();
        let prior = prior(encoding);
        let fits = match alphabet(encoding) {
            Alphabet::Own(letters) => vec![Self::of_alphabet(&text, letters)],
            Alphabet::Latin(languages) => {
                let all = languages.concat();
                let mut fits: Vec<Self> = languages.iter().map(|letters| Self::of_latin(&text, letters)).collect();
                fits.push(Self::of_latin(&text, &all));
                fits
            }
        };
        let mut best = fits.into_iter().min_by_key(|fit| fit.cost).unwrap_or_default();
        best.cost += prior;
        best
    }

    /// Letters beyond ASCII that stand among those of ASCII.
    fn of_latin(text: &[char], letters: &str) -> Self {
        // A mix of all languages has to say more to name a letter.
        let usual = match letters.chars().count() {
            0..=4 => 25,
            5..=20 => 40,
            _ => 60,
        };
        let mut fit = Self::default();
        for (at, c) in text.iter().enumerate() {
            if c.is_ascii() {
                fit.cost += ASCII;
                continue;
            }
            let before = at.checked_sub(1).and_then(|at| text.get(at));
            let after = text.get(at + 1);
            if !c.is_alphabetic() || common::SIGNS.contains(*c) {
                fit.add_sign(*c, before, after);
                continue;
            }
            let is_usual = holds(letters, *c);
            let mut cost = if is_usual { usual } else { 110 };
            if c.is_uppercase() {
                cost += 15;
            }
            cost += match before {
                Some(before) if c.is_uppercase() && before.is_lowercase() => 60,
                Some(before) if !before.is_ascii() => 15,
                Some(before) if before.is_ascii_alphabetic() => 0,
                _ => 10,
            };
            if !before.is_some_and(|c| c.is_ascii_alphabetic()) && !after.is_some_and(|c| c.is_ascii_alphabetic()) {
                cost += 20;
            }
            if is_out_of_place(*c, before, after) {
                cost += 35;
            }
            fit.add(cost, is_usual);
        }
        fit
    }

    /// Words written in letters beyond ASCII throughout.
    fn of_alphabet(text: &[char], letters: &str) -> Self {
        let letters: Vec<char> = letters.chars().collect();
        let mut fit = Self::default();
        for (at, c) in text.iter().enumerate() {
            if c.is_ascii() {
                fit.cost += ASCII;
                continue;
            }
            let before = at.checked_sub(1).and_then(|at| text.get(at));
            let after = text.get(at + 1);
            if !c.is_alphabetic() || common::SIGNS.contains(*c) {
                fit.add_sign(*c, before, after);
                continue;
            }
            let lower = c.to_lowercase().next().unwrap_or(*c);
            let rank = letters.iter().position(|letter| *letter == lower);
            let mut cost = match rank {
                Some(0..8) => 35,
                Some(8..20) => 48,
                Some(_) => 75,
                None => 120,
            };
            if c.is_uppercase() {
                cost += match before {
                    Some(before) if before.is_lowercase() => 80,
                    Some(before) if before.is_uppercase() => 10,
                    _ => 15,
                };
            }
            for beside in [before, after].into_iter().flatten() {
                if beside.is_ascii_alphabetic() {
                    cost += 50;
                }
            }
            if !before.is_some_and(|c| c.is_alphabetic()) && !after.is_some_and(|c| c.is_alphabetic()) {
                cost += 25;
            }
            fit.add(cost, rank.is_some());
        }
        fit
    }

    /// No letter: a sign of trade, punctuation, or what nobody types.
    fn add_sign(&mut self, c: char, before: Option<&char>, after: Option<&char>) {
        if c == char::REPLACEMENT_CHARACTER || c.is_control() {
            return self.add_broken();
        }
        let is_usual = common::SIGNS.contains(c);
        let is_within_word = !matches!(c, '‘' | '’' | '–' | '·' | '\u{a0}')
            && before.is_some_and(|c| c.is_alphabetic())
            && after.is_some_and(|c| c.is_alphabetic());
        let is_price = matches!(c, '£' | '€')
            && [before, after]
                .into_iter()
                .flatten()
                .any(|c| c.is_ascii_digit() || *c == ' ');
        let cost = if is_price {
            30
        } else if is_usual {
            75
        } else {
            130
        };
        let is_next_to_same_kind = before.is_some_and(|c| !c.is_ascii());
        let cost = cost + if is_within_word { 50 } else { 0 } + if is_next_to_same_kind { 20 } else { 0 };
        self.add(cost, is_usual);
    }

    fn add(&mut self, cost: u64, is_common: bool) {
        self.cost += cost;
        self.n_characters += 1;
        self.n_common += usize::from(is_common);
    }

    fn add_broken(&mut self) {
        self.add(BROKEN, false);
        self.n_broken += 1;
    }
}

/// Text in single bytes.
enum Alphabet {
    /// The alphabets of several languages, each beyond ASCII.
    Latin(&'static [&'static str]),
    Own(&'static str),
}

fn alphabet(encoding: &'static Encoding) -> Alphabet {
    if encoding == WINDOWS_1251 || encoding == KOI8_R || encoding == KOI8_U || encoding == IBM866 {
        Alphabet::Own(common::CYRILLIC)
    } else if encoding == WINDOWS_1253 || encoding == ISO_8859_7 {
        Alphabet::Own(common::GREEK)
    } else if encoding == WINDOWS_1255 {
        Alphabet::Own(common::HEBREW)
    } else if encoding == WINDOWS_1256 {
        Alphabet::Own(common::ARABIC)
    } else if encoding == WINDOWS_1250 || encoding == ISO_8859_2 {
        Alphabet::Latin(common::CENTRAL)
    } else if encoding == WINDOWS_1254 {
        Alphabet::Latin(common::TURKISH)
    } else if encoding == WINDOWS_1257 {
        Alphabet::Latin(common::BALTIC)
    } else {
        Alphabet::Latin(common::WESTERN)
    }
}

/// How much rarer than the most usual one an encoding is in files of sales.
fn prior(encoding: &'static Encoding) -> u64 {
    if [WINDOWS_1250, WINDOWS_1251].contains(&encoding) {
        15
    } else if encoding == WINDOWS_1254 {
        25
    } else if encoding == encoding_rs::WINDOWS_1252 {
        0
    } else if [IBM866, KOI8_U].contains(&encoding) {
        200
    } else {
        50
    }
}

/// Letters of western languages where these do not put them; a letter of another encoding looks like that.
fn is_out_of_place(c: char, before: Option<&char>, after: Option<&char>) -> bool {
    let starts = !before.is_some_and(|c| c.is_alphabetic());
    let ends = !after.is_some_and(|c| c.is_alphabetic());
    match c {
        'ñ' => !after.is_some_and(|c| "aeiouáéíóú".contains(*c)),
        'õ' => after.is_none_or(|c| *c != 'e'),
        'ì' | 'ò' | 'ù' => !ends,
        'æ' | 'ø' | 'ë' | 'û' | 'ê' => ends,
        'ð' => starts,
        'þ' => !starts,
        _ => false,
    }
}

fn holds(letters: &str, c: char) -> bool {
    letters.contains(c) || c.to_lowercase().next().is_some_and(|lower| letters.contains(lower))
}

/// Encodings of Chinese, Japanese and Korean, whose characters take one to four bytes.
struct Wide {
    encoding: &'static Encoding,
    /// Sorted.
    common: Vec<char>,
}

impl Wide {
    fn of(encoding: &'static Encoding) -> Option<Self> {
        let common = if encoding == GB18030 {
            common::SIMPLIFIED
        } else if encoding == BIG5 {
            common::TRADITIONAL
        } else if encoding == SHIFT_JIS || encoding == EUC_JP {
            common::KANJI
        } else if encoding == EUC_KR {
            common::HANGUL
        } else {
            return None;
        };
        let mut common: Vec<char> = common.chars().collect();
        common.sort_unstable();
        Some(Self { encoding, common })
    }

    fn fit(&self, bytes: &[u8]) -> Fit {
        let mut fit = Fit::default();
        let mut at = 0;
        let is_letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
        let mut after_half_kana = false;
        while let Some(lead) = bytes.get(at) {
            if lead.is_ascii() {
                fit.cost += ASCII;
                at += 1;
                after_half_kana = false;
                continue;
            }
            let length = self.length(&bytes[at..]);
            let Some(character) = bytes.get(at..at + length) else {
                // The sample ends inside a character.
                break;
            };
            let decoded = self
                .encoding
                .decode_without_bom_handling_and_without_replacement(character);
            let mut decoded = decoded.iter().flat_map(|text| text.chars());
            let Some(c) = decoded.next() else {
                fit.add_broken();
                at += 1;
                after_half_kana = false;
                continue;
            };
            let (mut cost, is_common) = self.cost(character, c);
            let is_half_kana = length == 1;
            if is_half_kana && !after_half_kana && !bytes.get(at + 1).is_some_and(|next| (0xA1..=0xDF).contains(next)) {
                cost += 40;
            }
            after_half_kana = is_half_kana;
            for beside in [at.checked_sub(1), Some(at + length)] {
                if is_letter(beside) {
                    cost += 25;
                }
            }
            fit.add(cost, is_common);
            at += length;
        }
        fit
    }

    /// Bytes of the character that starts here, if it is one.
    fn length(&self, rest: &[u8]) -> usize {
        let second = rest.get(1).copied().unwrap_or_default();
        match rest.first() {
            Some(0x80 | 0xFF) => 1,
            Some(0xA0..=0xDF) if self.encoding == SHIFT_JIS => 1,
            Some(0x8F) if self.encoding == EUC_JP => 3,
            _ if self.encoding == GB18030 && second.is_ascii_digit() => 4,
            _ => 2,
        }
    }

    /// Tenths of a bit, and whether the character is a frequent one.
    fn cost(&self, bytes: &[u8], c: char) -> (u64, bool) {
        if self.common.binary_search(&c).is_ok() {
            return (95, true);
        }
        if common::WIDE_PUNCTUATION.contains(c) {
            return (100, true);
        }
        let lead = bytes.first().copied().unwrap_or_default();
        let trail = bytes.get(1).copied().unwrap_or_default();
        let is_kana = matches!(c, 'ぁ'..='ヿ');
        let cost = if matches!(c, '\u{e000}'..='\u{f8ff}') {
            300
        } else if self.encoding == GB18030 {
            match (bytes.len(), lead, trail) {
                (4, ..) => 260,
                (1, ..) => 120,
                (_, 0xA1..=0xA3, 0xA1..) => 130,
                (_, 0xB0..=0xD7, 0xA1..) => 140,
                (_, 0xD8..=0xF7, 0xA1..) => 185,
                _ if is_kana => 170,
                _ => 200,
            }
        } else if self.encoding == BIG5 {
            match lead {
                0xA1..=0xA3 => 130,
                0xA4..=0xC6 => 140,
                0xC9..=0xF9 => 185,
                _ => 250,
            }
        } else if self.encoding == SHIFT_JIS {
            match lead {
                _ if is_kana => return (80, true),
                _ if bytes.len() == 1 => return (65, true),
                0x81..=0x87 => 130,
                0x88..=0x97 => 150,
                0x98..=0x9F | 0xE0..=0xEA => 190,
                _ => 220,
            }
        } else if self.encoding == EUC_JP {
            match lead {
                _ if is_kana => return (80, true),
                0x8E => return (115, true),
                0x8F => 220,
                0xA1..=0xA8 => 130,
                0xB0..=0xCF => 150,
                _ => 190,
            }
        } else {
            match (lead, trail) {
                (0xB0..=0xC8, 0xA1..) => 140,
                (0xA1..=0xA3, 0xA1..) => 130,
                (0x81..=0xC6, _) => 190,
                _ => 200,
            }
        };
        (cost, false)
    }
}
