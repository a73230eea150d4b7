//! Ids: what counts as missing, what a spreadsheet did to them, and codes in byte order.

use std::borrow::Cow;

use crate::load::batch::Strings;

/// What a spreadsheet did to an id that it took for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spreadsheet<'a> {
    /// Not such an id: leave it as it is.
    Plain,
    /// The id as it was before, digits alone.
    Fixed(Cow<'a, [u8]>),
    /// Digits are gone: other ids would be written the same, so none can be given back.
    LostDigits,
}

/// Undoes what a spreadsheet makes of the id `17850`: `17850.0`, `1.785E+04`, `1,785E+04` (decimal comma).
///
/// Only digits, one mark, digits and `E` with a whole exponent are looked at, so the codes `1E5`, `85123E2` and
/// `3E10` stay as they are. A power of ten is given back in two cases:
/// - Every digit is there: at least as many decimals as the exponent says, and none beyond it but zeros
///   (`5.36365E+05`). Numbers of more than 15 digits are refused all the same: a spreadsheet has rounded them.
/// - At most six digits are asked for, and those missing are zeros that were dropped (`1.785E+04`). Whoever
///   drops closing zeros (the format "General" of spreadsheets, `%g`) shows six digits before anything is
///   rounded. Whoever keeps them has a fixed number of decimals and has rounded: a closing zero (`1.780E+04`)
///   gives that away, and two decimals or fewer (`1.79E+04`) are the format "Scientific" as it is preset.
///
/// All others with a positive exponent (`1.2345E+12`) have lost digits.
/// `17850,0` stays as it is: the comma may divide two parts of an id.
pub fn spreadsheet_id(id: &[u8]) -> Spreadsheet<'_> {
    let Some(at) = id.iter().position(|byte| !byte.is_ascii_digit()) else {
        return Spreadsheet::Plain;
    };
    if at == 0 || !matches!(id[at], b'.' | b',') {
        return Spreadsheet::Plain;
    }
    match without_decimal_zeros(id) {
        Some(whole) => Spreadsheet::Fixed(Cow::Borrowed(whole)),
        None => without_exponent(&id[..at], &id[at + 1..]),
    }
}

/// `17850.0` as a spreadsheet writes the id `17850`.
pub fn without_decimal_zeros(id: &[u8]) -> Option<&[u8]> {
    let dot = id.iter().position(|b| *b == b'.')?;
    let (whole, zeros) = (&id[..dot], &id[dot + 1..]);
    let digits = !whole.is_empty() && whole.iter().all(u8::is_ascii_digit);
    (digits && !zeros.is_empty() && zeros.iter().all(|b| *b == b'0')).then_some(whole)
}

/// `1` and `785E+04`, what stands before and after the mark.
fn without_exponent<'a>(whole: &[u8], rest: &[u8]) -> Spreadsheet<'a> {
    /// As many digits as a double, and so a spreadsheet, holds of any whole number.
    const EXACT_DIGITS: usize = 15;
    /// What spreadsheets and `%g` show before they round.
    const SHOWN_DIGITS: usize = 6;
    /// The decimals of the preset format "Scientific".
    const PRESET_DECIMALS: usize = 2;
    let Some(at) = rest.iter().position(|byte| !byte.is_ascii_digit()) else {
        return Spreadsheet::Plain;
    };
    let (decimals, exponent) = (&rest[..at], &rest[at..]);
    let exponent = match exponent {
        [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => digits,
        _ => return Spreadsheet::Plain,
    };
    let is_exponent = (1..=3).contains(&exponent.len()) && exponent.iter().all(u8::is_ascii_digit);
    if !is_exponent || decimals.is_empty() || !matches!(whole, [b'1'..=b'9']) {
        return Spreadsheet::Plain;
    }
    let exponent = exponent.iter().fold(0, |sum, byte| sum * 10 + usize::from(byte - b'0'));
    let n_digits = exponent + 1;
    let (kept, beyond) = decimals.split_at(exponent.min(decimals.len()));
    if beyond.iter().any(|byte| *byte != b'0') {
        // Not a whole number, as `17850.5` is none.
        return Spreadsheet::Plain;
    }
    let all_there = exponent <= decimals.len();
    let zeros_dropped = n_digits <= SHOWN_DIGITS && PRESET_DECIMALS < decimals.len() && !decimals.ends_with(b"0");
    if EXACT_DIGITS < n_digits || !(all_there || zeros_dropped) {
        return Spreadsheet::LostDigits;
    }
    let mut id = [whole, kept].concat();
    id.resize(n_digits, b'0');
    Spreadsheet::Fixed(Cow::Owned(id))
}

/// What people and programs write into a field to say that it is empty, whatever the field is for: null values of
/// languages and databases, `NA` and its like, the error values of spreadsheets, and "none", "unknown" and "blank" in
/// the languages that headers are read in. No shop gives these to a customer, a product or an order. `0`, `x`, `test`
/// and `default` are not among them: somebody's id may be one.
pub fn means_missing(id: &[u8]) -> bool {
    // Nearly every id ends here: none of the words begins with a digit, and none is long.
    !id.first().is_none_or(u8::is_ascii_digit) && is_one_of(id, &MISSING)
}

/// Whether the customer id says that the customer is not known: a purchase by no one in particular, and no gap in
/// the data. Taken as an id it would be the shop's best customer. These words mean something for customers only.
pub fn means_anonymous(id: &[u8]) -> bool {
    !id.first().is_none_or(u8::is_ascii_digit) && is_one_of(id, &ANONYMOUS)
}

fn is_one_of(id: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| id.eq_ignore_ascii_case(word.as_bytes()))
}

#[rustfmt::skip]
pub const MISSING: [&str; 75] = [
    // Languages, databases and statistics programs (`.` is SAS and Stata, `\N` MySQL and Hive).
    "null", "(null)", "<null>", "[null]", "nan", "<na>", "none", "nil", "undefined", "\\n", ".",
    "n/a", "na", "n.a.", "#n/a",
    // Strokes and question marks.
    "-", "--", "---", "–", "—", "－", "?", "??", "???", "？",
    // Error values of spreadsheets, in English, German, French and Spanish.
    "#ref!", "#value!", "#div/0!", "#name?", "#num!", "#null!", "#nv", "#bezug!", "#wert!", "#zahl!", "#valeur!",
    "#nom?", "#nombre!", "#¡ref!", "#¡valor!", "#¡div/0!", "#¿nombre?",
    // Empty groups of pivot tables.
    "(blank)", "(leer)", "(vide)", "(en blanco)", "(空白)",
    // English, German, French, Spanish, Portuguese, Italian, Dutch.
    "unknown", "(unknown)", "missing", "unbekannt", "keine", "keine angabe", "k.a.", "inconnu", "non renseigné",
    "desconocido", "sin datos", "s/d", "desconhecido", "sconosciuto", "onbekend", "geen",
    // Chinese, Japanese, Korean.
    "无", "無", "空", "空白", "未知", "暂无", "不详", "不明", "なし", "없음", "미상", "알 수 없음",
];

#[rustfmt::skip]
pub const ANONYMOUS: [&str; 41] = [
    "anonymous", "anonymous customer", "anon", "guest", "guest customer", "guest checkout", "walk-in", "walk in",
    "walkin", "walk-in customer", "walk in customer", "cash customer", "cash sale", "counter sale",
    "anonym", "gast", "gastkunde", "laufkunde", "laufkundschaft", "barverkauf", "anonyme", "invité", "client de passage",
    "client comptoir", "anónimo", "anonimo", "anônimo", "invitado", "público en general", "publico en general",
    "consumidor final", "anoniem",
    "散客", "匿名", "游客", "访客", "非会员", "ゲスト", "非会員", "비회원", "익명",
];

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
    use proptest::prelude::*;

    use super::*;

    fn fixed(id: &str) -> Spreadsheet<'_> {
        Spreadsheet::Fixed(Cow::Borrowed(id.as_bytes()))
    }

    #[test]
    fn spreadsheet_ids_lose_only_a_zero_fraction() {
        assert_eq!(spreadsheet_id(b"17850.0"), fixed("17850"));
        assert_eq!(spreadsheet_id(b"0012.000"), fixed("0012"));
        for id in ["17850.5", "1.0.0", ".0", "17850.", "17850,0", "17.850,00", "-17850.0"] {
            assert_eq!(spreadsheet_id(id.as_bytes()), Spreadsheet::Plain, "{id}");
        }
    }

    #[test]
    fn powers_of_ten_become_the_id_that_they_were() {
        for (text, id) in [
            ("1.785E+04", "17850"),
            ("1.785e4", "17850"),
            ("1.785e+4", "17850"),
            ("1,785E+04", "17850"),
            ("5.36365E+05", "536365"),
            ("5.3636500E+05", "536365"),
            ("5.363E+05", "536300"),
            ("1.234567E+06", "1234567"),
            ("1.23456789012E+11", "123456789012"),
            ("1.23456789012345E+14", "123456789012345"),
            ("7.00E+00", "7"),
            ("1.5E+01", "15"),
            ("1.79E+02", "179"),
        ] {
            assert_eq!(spreadsheet_id(text.as_bytes()), fixed(id), "{text}");
        }
    }

    #[test]
    fn ids_whose_digits_are_gone_are_not_made_up() {
        for id in [
            "1.2345E+12",
            "1,2345E+12",
            "1.23457E+11",
            "1.785E+06",
            "1.79E+04",
            "1.8E+04",
            "1.00E+05",
            "1.780E+04",
            "1.234567890123456E+15",
            "1.0E+300",
        ] {
            assert_eq!(spreadsheet_id(id.as_bytes()), Spreadsheet::LostDigits, "{id}");
        }
    }

    #[test]
    fn codes_stay_as_they_are() {
        for id in [
            "",
            "17850",
            "C536379",
            "1E5",
            "85123E2",
            "85123A",
            "3E10",
            "1.E+05",
            ".5E+05",
            "12.5E+03",
            "0.5E+05",
            "1.785E-04",
            "-1.785E+04",
            "1.785E+04 ",
            "1.785E+",
            "1.785E",
            "1.785E+0004",
            "1.78505E+04",
            "1.785E+0x",
            "1.7.85E+04",
            "1.785F+04",
        ] {
            assert_eq!(spreadsheet_id(id.as_bytes()), Spreadsheet::Plain, "{id}");
        }
    }

    #[test]
    fn words_for_nothing_and_for_no_one() {
        for id in [
            "null",
            "NULL",
            "\\N",
            "#N/A",
            "-",
            "--",
            "?",
            "Unknown",
            "(blank)",
            "#REF!",
            "#DIV/0!",
            "nil",
            "无",
            "なし",
            "keine",
            "Sin datos",
        ] {
            assert!(means_missing(id.as_bytes()) && !means_anonymous(id.as_bytes()), "{id}");
        }
        for id in ["Guest", "ANONYMOUS", "walk-in", "散客", "匿名", "Laufkundschaft"] {
            assert!(means_anonymous(id.as_bytes()) && !means_missing(id.as_bytes()), "{id}");
        }
        for id in ["", "0", "17850", "C-1", "nada", "guesthouse", "Unknown1", "-1", "nul"] {
            assert!(!means_missing(id.as_bytes()) && !means_anonymous(id.as_bytes()), "{id}");
        }
        let digit = |word: &&str| word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit());
        assert!(
            !MISSING.iter().chain(&ANONYMOUS).any(digit),
            "such words would never be found"
        );
    }

    proptest! {
        #[test]
        fn what_is_given_back_is_the_number_that_was_written(text in "[0-9]{1,2}[.,][0-9]{0,16}[eE]?[+-]?[0-9]{0,3}") {
            if let Spreadsheet::Fixed(id) = spreadsheet_id(text.as_bytes()) {
                let id = str::from_utf8(&id).unwrap();
                prop_assert!(id.len() <= 15 && id.bytes().all(|byte| byte.is_ascii_digit()), "{}", id);
                let written: f64 = text.replace(',', ".").parse().unwrap();
                prop_assert_eq!(id.parse::<f64>(), Ok(written), "{}", text);
            }
        }

        #[test]
        fn ids_written_with_all_their_digits_come_back(id in 1_u64..1_000_000_000_000_000) {
            let power = id.ilog10();
            let unit = 10_u64.pow(power);
            let text = format!("{}.{:0width$}E+{power:02}", id / unit, id % unit, width = (power as usize).max(1));
            let id = id.to_string();
            prop_assert_eq!(spreadsheet_id(text.as_bytes()), fixed(&id), "{}", text);
        }

        #[test]
        fn any_bytes_are_an_id(bytes: Vec<u8>) {
            let _ = (spreadsheet_id(&bytes), means_missing(&bytes), means_anonymous(&bytes));
        }
    }
}
