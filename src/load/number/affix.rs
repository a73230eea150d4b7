//! What may stand around a number: one sign or a pair of brackets, and a currency on either side.

use super::digit;

/// The number without what may stand around it, and whether it is negative; `None` if two signs, two
/// currencies on one side, or a stray bracket are there.
pub(super) fn strip_sign_and_currency(text: &str) -> Option<(bool, &str)> {
    let mut rest = text;
    let mut negative = None;
    let (mut currency_before, mut currency_after) = (false, false);
    loop {
        let length = rest.len();
        if let Some((inner, is_negative)) = strip_sign(rest) {
            if negative.replace(is_negative).is_some() {
                return None;
            }
            rest = inner.trim();
        }
        let run = rest.len() - rest.trim_start_matches(in_run()).len();
        if 0 < run && is_currency(&rest[..run]) {
            if std::mem::replace(&mut currency_before, true) {
                return None;
            }
            rest = rest[run..].trim_start();
        }
        let run = rest.len() - rest.trim_end_matches(|c| !ends_run(c)).len();
        if 0 < run && is_currency(&rest[rest.len() - run..]) {
            if std::mem::replace(&mut currency_after, true) {
                return None;
            }
            rest = rest[..rest.len() - run].trim_end();
        }
        if rest.len() == length {
            return Some((negative.unwrap_or(false), rest));
        }
    }
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
    // `12,-` is a round price in German and no negative: leave it to be refused.
    (!inner.ends_with(['.', ','])).then_some((inner, negative))
}

fn ends_run(c: char) -> bool {
    digit(c).is_some() || c.is_whitespace() || "+-\u{2212}\u{FF0D}\u{FF0B}\u{2010}\u{2013}()（）".contains(c)
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
