//! What may stand around a number: one sign or a pair of brackets, a currency on either side or a percent sign,
//! and a stroke in place of the cents.

use super::{NumberFormat, digit};

/// A number without what stood around it.
pub(super) struct Affixes<'a> {
    pub(super) number: &'a str,
    pub(super) negative: bool,
    pub(super) percent: bool,
}

impl<'a> Affixes<'a> {
    /// `None` if two signs, two currencies on one side, percent of a currency, or a stray bracket are there.
    pub(super) fn strip(text: &'a str, format: NumberFormat) -> Option<Self> {
        let mut rest = text;
        let mut negative = None;
        let (mut currency_before, mut currency_after, mut percent, mut round) = (false, false, false, false);
        loop {
            if let [b'0'..=b'9', .., b'0'..=b'9'] = rest.as_bytes() {
                break;
            }
            let length = rest.len();
            if let Some((inner, is_negative)) = strip_sign(rest) {
                if negative.replace(is_negative).is_some() {
                    return None;
                }
                rest = trim(inner);
            }
            let run = rest.len() - rest.trim_start_matches(in_run()).len();
            if 0 < run && is_currency(&rest[..run]) {
                if std::mem::replace(&mut currency_before, true) {
                    return None;
                }
                rest = trim(&rest[run..]);
            }
            let run = rest.len() - rest.trim_end_matches(|c| !ends_run(c)).len();
            if 0 < run && is_currency(&rest[rest.len() - run..]) {
                if std::mem::replace(&mut currency_after, true) {
                    return None;
                }
                rest = trim(&rest[..rest.len() - run]);
            }
            if let Some(inner) = rest.strip_suffix(is_percent).or_else(|| rest.strip_prefix(is_percent)) {
                if std::mem::replace(&mut percent, true) {
                    return None;
                }
                rest = trim(inner);
            }
            if !round && let Some(inner) = strip_stroke(rest, format) {
                round = true;
                rest = inner;
            }
            if rest.len() == length {
                break;
            }
        }
        (!percent || !(currency_before || currency_after || round)).then_some(Self {
            number: rest,
            negative: negative.unwrap_or(false),
            percent,
        })
    }
}

pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Blanks, and the marks of direction that Arabic and Hebrew locales put around amounts.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || (!c.is_ascii() && matches!(c, '\u{200E}' | '\u{200F}' | '\u{61C}' | '\u{FEFF}'))
}

fn is_percent(c: char) -> bool {
    matches!(c, '%' | '％' | '﹪' | '٪')
}

/// `12` of the round prices `12,-`, `12,--` and `12.–`. The stroke follows the decimal mark, where no sign stands.
fn strip_stroke(text: &str, format: NumberFormat) -> Option<&str> {
    let once = text.strip_suffix(is_stroke)?;
    let whole = once.strip_suffix(is_stroke).unwrap_or(once);
    let mark = char::from(format.decimal());
    let number = whole.strip_suffix(mark)?;
    (number.ends_with(|c| digit(c).is_some()) && !number.contains(mark)).then_some(number)
}

fn is_stroke(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn strip_sign(text: &str) -> Option<(&str, bool)> {
    let sign = |c: char| match c {
        '-' | '\u{2212}' | '\u{FF0D}' | '\u{2010}' | '\u{2013}' => Some(true),
        '+' | '\u{FF0B}' => Some(false),
        _ => None,
    };
    let (first, last) = (text.chars().next()?, text.chars().next_back()?);
    if matches!(first, '(' | '（') && matches!(last, ')' | '）') && 1 < text.chars().count() {
        return Some((&text[first.len_utf8()..text.len() - last.len_utf8()], true));
    }
    if let Some(negative) = sign(first) {
        return Some((&text[first.len_utf8()..], negative));
    }
    let negative = sign(last)?;
    let inner = text[..text.len() - last.len_utf8()].trim_end();
    // `12,-` and `12,--` are round prices in German and no negatives.
    (!inner.ends_with(|c| matches!(c, '.' | ',') || is_stroke(c))).then_some((inner, negative))
}

fn ends_run(c: char) -> bool {
    digit(c).is_some() || is_blank(c) || "+-\u{2212}\u{FF0D}\u{FF0B}\u{2010}\u{2013}()（）".contains(c)
}

/// Up to the number: a point belongs to the currency after a letter (`Rs.500`), else to the number (`$.50`).
fn in_run() -> impl FnMut(char) -> bool {
    let mut after_letter = false;
    move |c| {
        let inside = !ends_run(c) && (!matches!(c, '.' | ',' | '．' | '，') || after_letter);
        after_letter = c.is_alphabetic();
        inside
    }
}

fn is_currency(text: &str) -> bool {
    /// Written in full or with more than one sign. `万元` and `¢` are missing on purpose: they scale the number.
    const WORDS: [&str; 39] = [
        "US$", "A$", "AU$", "C$", "CA$", "HK$", "NT$", "NZ$", "S$", "MX$", "R$", "CN¥", "JP¥", "RMB", "Rs", "Rs.",
        "Fr", "Fr.", "SFr", "SFr.", "kr", "kr.", "zł", "Kč", "Ft", "lei", "lv", "лв", "лв.", "руб", "руб.", "р.",
        "грн", "元", "圆", "圓", "円", "원", "Euro",
    ];
    const SIGNS: &str = "$£¤¥฿₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₶₷₸₹₺₻₼₽₾₿⃀＄￡￥￦﹩﷼";
    let mut chars = text.chars();
    if let (Some(sign), None) = (chars.next(), chars.next())
        && SIGNS.contains(sign)
    {
        return true;
    }
    if let Ok(mut code) = <[u8; 3]>::try_from(text.as_bytes()) {
        code.make_ascii_uppercase();
        if ISO_CODES.as_chunks::<3>().0.binary_search(&code).is_ok() {
            return true;
        }
    }
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// ISO 4217, currencies in use or recently so, in order.
const ISO_CODES: &[u8] = b"AEDAFNALLAMDANGAOAARSAUDAWGAZNBAMBBDBDTBGNBHDBIFBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCLPCNHCNY\
COPCRCCUPCVECZKDJFDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGNFGTQGYDHKDHNLHRKHTGHUFIDRILSINRIQDIRRISKJMDJODJPYKESKGSKHR\
KMFKPWKRWKWDKYDKZTLAKLBPLKRLRDLSLLYDMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXNMYRMZNNADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYG\
QARRONRSDRUBRWFSARSBDSCRSDGSEKSGDSHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGXUSDUYUUZSVESVNDVUVWSTXAFXCD\
XOFXPFYERZARZMWZWG";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currency_codes_are_in_order() {
        let (codes, rest) = ISO_CODES.as_chunks::<3>();
        assert!(rest.is_empty() && codes.is_sorted());
    }
}
