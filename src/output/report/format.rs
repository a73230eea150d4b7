//! Numbers and names as people read them, and the one place where text becomes HTML.
//!
//! In: raw numbers and names from files. Out: HTML fragments, already escaped; nothing here can yield `NaN` or
//! `inf`: a number that is not finite becomes a dash.

/// Shown where there is no number.
pub(in crate::output) const NO_NUMBER: &str = "–";

/// Names longer than this are cut: a product name of a megabyte must not become a page of a megabyte.
const NAME_LIMIT: usize = 90;
const SENTENCE_LIMIT: usize = 600;

/// The characters that mean something in HTML, and control characters, made harmless.
pub(in crate::output) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn shorten(text: &str, limit: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(limit) {
        None => text.to_string(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// A name from the data. `<bdi>` keeps a right-to-left name, or a direction override hidden in one, from
/// turning the text around it.
pub(in crate::output) fn name(text: &str) -> String {
    let short = shorten(text, NAME_LIMIT);
    if short.is_empty() {
        return "<i>(no name)</i>".to_string();
    }
    format!("<bdi>{}</bdi>", escape(&short))
}

/// A sentence from elsewhere in the program, which may quote data.
pub(in crate::output) fn sentence(text: &str) -> String {
    escape(&shorten(text, SENTENCE_LIMIT))
}

/// The same with a capital letter and a full stop: messages are kept as lowercase fragments.
pub(in crate::output) fn full_sentence(text: &str) -> String {
    let short = shorten(text, SENTENCE_LIMIT);
    if short.is_empty() {
        return short;
    }
    // A message that opens with an identifier such as no_pairs: or product_id keeps its spelling.
    let opens_with_identifier = short
        .split_whitespace()
        .next()
        .is_some_and(|word| word.contains(['_', '/', '.', '`', '-']));
    let mut out = if opens_with_identifier { short } else { capital(&short) };
    if !out.ends_with(['.', '!', '?', '…', ':']) {
        out.push('.');
    }
    escape(&out)
}

/// With a capital first letter.
pub(in crate::output) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// `code_like_this` as words.
pub(in crate::output) fn words(identifier: &str) -> String {
    name(&capital(&identifier.replace('_', " ")))
}

/// The name of a contender as its authors write it; a name not known here stays as it is. Not escaped.
pub(in crate::output) fn label(name: &str) -> String {
    let family = |prefix: &str| match prefix {
        "pareto" => "Pareto".to_string(),
        prefix => prefix.to_uppercase(),
    };
    match name {
        "nbd" | "bb" => name.to_uppercase(),
        "sbg" => "sBG".to_string(),
        "bdw" => "BdW".to_string(),
        "last_period" => "Last period again".to_string(),
        "rate" => "Own rate".to_string(),
        "hiatus" => "Hiatus rule".to_string(),
        "pooled_rate" => "One rate for all".to_string(),
        "pooled_renewal" => "One renewal rate for all".to_string(),
        _ => match name.rsplit_once('_') {
            Some((prefix, "nbd")) => format!("{}/NBD", family(prefix)),
            Some((prefix, "bb")) => format!("{}/BB", family(prefix)),
            Some((rest, "k")) if rest.ends_with("_cnbd") => {
                format!("{}/CNBD-k", family(rest.trim_end_matches("_cnbd")))
            }
            _ => name.to_string(),
        },
    }
}

/// A sentence with the contenders in it called by their labels. One-word names that are words of the language too,
/// such as `rate`, stay.
pub(in crate::output) fn with_labels(text: &str) -> String {
    let is_mark = |c: char| !(c.is_alphanumeric() || c == '_');
    text.split_inclusive(is_mark)
        .map(|piece| {
            let word = piece.trim_end_matches(is_mark);
            if matches!(word, "rate" | "hiatus") {
                piece.to_string()
            } else {
                format!("{}{}", label(word), &piece[word.len()..])
            }
        })
        .collect()
}

/// 1234567 as `1,234,567`.
pub(in crate::output) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if 0 < position && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 customer`, `2 customers`.
pub(in crate::output) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A count for axes: `950`, `2.5k`, `1.2M`.
pub(in crate::output) fn compact(x: f64) -> String {
    if !x.is_finite() {
        return NO_NUMBER.to_string();
    }
    let size = x.abs();
    let (scaled, unit) = match size {
        s if s < 999.5 => (x, ""),
        s if s < 999_950.0 => (x / 1e3, "k"),
        s if s < 999_950_000.0 => (x / 1e6, "M"),
        s if s < 1e15 => (x / 1e9, "bn"),
        _ => return signed(&format!("{x:.1e}")),
    };
    let text = format!("{scaled:.1}");
    signed(&format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text)))
}

/// A fraction as a percentage with one decimal; a small one that is not zero does not pretend to be.
pub(in crate::output) fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    if !value.is_finite() {
        return NO_NUMBER.to_string();
    }
    if 0.0 < value && value < 0.05 {
        return "&lt;0.1%".to_string();
    }
    if 1e6 < value.abs() {
        return format!("{}%", compact(value));
    }
    signed(&format!("{value:.1}%"))
}

/// A change as a percentage with its sign: `+12.3%`, `−11.5%`; a bias.
pub(in crate::output) fn change(fraction: f64) -> String {
    if fraction.abs() < 0.0005 {
        return "0.0%".to_string();
    }
    let sign = if 0.0 < fraction && fraction.is_finite() {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", percent(fraction))
}

/// A number with separators and one decimal, where that is still a digit: log-likelihoods, whose differences count.
pub(in crate::output) fn tenths(x: f64) -> String {
    if !x.is_finite() {
        return NO_NUMBER.to_string();
    }
    let tenths = (x.abs() * 10.0).round();
    if 1e10 <= tenths {
        return whole(x);
    }
    let tenths = tenths as u64;
    let sign = if x < 0.0 && 0 < tenths { "−" } else { "" };
    format!("{sign}{}.{}", count(tenths / 10), tenths % 10)
}

/// A number with so many decimals, so that a column can be compared; thousands are separated, and without decimals.
pub(in crate::output) fn fixed(x: f64, decimals: usize) -> String {
    if !x.is_finite() {
        return NO_NUMBER.to_string();
    }
    if 999.5 <= x.abs() {
        return whole(x);
    }
    signed(&format!("{x:.decimals$}"))
}

/// A number with at most one decimal, for medians of days and orders.
pub(in crate::output) fn plain(x: f64) -> String {
    if !x.is_finite() {
        return NO_NUMBER.to_string();
    }
    if 999.5 <= x.abs() {
        return whole(x);
    }
    let text = format!("{x:.1}");
    signed(text.strip_suffix(".0").unwrap_or(&text))
}

/// How many times: `15.2×`.
pub(in crate::output) fn times(x: f64) -> String {
    if !x.is_finite() {
        return NO_NUMBER.to_string();
    }
    if 100.0 <= x.abs() {
        format!("{}×", whole(x))
    } else {
        signed(&format!("{x:.1}×"))
    }
}

/// A model parameter: five or so significant digits.
pub(in crate::output) fn parameter(x: f64) -> String {
    if !x.is_finite() {
        return NO_NUMBER.to_string();
    }
    let size = x.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        return signed(&format!("{x:.3e}"));
    }
    if 1e3 <= size {
        let text = format!("{size:.2}");
        let (integer, decimals) = text.split_once('.').unwrap_or((&text, "00"));
        let sign = if x < 0.0 { "−" } else { "" };
        return format!(
            "{sign}{}.{decimals}",
            integer.parse().map_or_else(|_| integer.to_string(), count)
        );
    }
    let decimals = match size {
        s if s < 1.0 => 5,
        s if s < 100.0 => 4,
        _ => 2,
    };
    signed(&format!("{x:.decimals$}"))
}

fn whole(x: f64) -> String {
    let rounded = x.abs().round();
    // Beyond 2^53 the digits would be invented.
    if 9e15 < rounded {
        return signed(&format!("{x:.3e}"));
    }
    let digits = count(rounded as u64);
    if x < 0.0 && rounded != 0.0 {
        format!("−{digits}")
    } else {
        digits
    }
}

/// A true minus sign, and no minus before a zero.
fn signed(text: &str) -> String {
    match text.strip_prefix('-') {
        None => text.to_string(),
        Some(rest) if rest.chars().any(|c| ('1'..='9').contains(&c)) => format!("−{rest}"),
        Some(rest) => rest.to_string(),
    }
}

/// Amounts in the currency of the input: a symbol goes before the number, a code after it.
pub(in crate::output) struct Money {
    before: String,
    after: String,
}

impl Money {
    pub(in crate::output) fn new(currency: Option<&str>) -> Self {
        let label = escape(&shorten(currency.unwrap_or_default(), 8));
        let is_code = label.chars().any(char::is_alphanumeric) && !label.starts_with('&');
        match (label.is_empty(), is_code) {
            (true, _) => Self {
                before: String::new(),
                after: String::new(),
            },
            (false, true) => Self {
                before: String::new(),
                after: format!("\u{a0}{label}"),
            },
            (false, false) => Self {
                before: label,
                after: String::new(),
            },
        }
    }

    fn dress(&self, number: &str) -> String {
        let (minus, digits) = match number.strip_prefix('−') {
            Some(rest) => ("−", rest),
            None => ("", number),
        };
        format!("{minus}{}{digits}{}", self.before, self.after)
    }

    /// For sentences and cards: `£35.17`, `£12,345`, `£244.1k`, `£1.07M`.
    pub(in crate::output) fn short(&self, x: f64) -> String {
        if !x.is_finite() {
            return NO_NUMBER.to_string();
        }
        self.dress(&short_number(x))
    }

    /// For table columns, where the eye compares lengths: never abbreviated.
    pub(in crate::output) fn full(&self, x: f64) -> String {
        if !x.is_finite() {
            return NO_NUMBER.to_string();
        }
        self.dress(&full_number(x))
    }

    /// The same for a column whose largest amount is `top`: where that has thousands, nobody reads cents.
    pub(in crate::output) fn in_column(&self, x: f64, top: f64) -> String {
        if x.is_finite() && 1e3 <= top {
            self.dress(&whole(x))
        } else {
            self.full(x)
        }
    }
}

pub(in crate::output) fn short_number(x: f64) -> String {
    if !x.is_finite() {
        return NO_NUMBER.to_string();
    }
    let size = x.abs();
    match size {
        s if s < 99_999.5 => full_number(x),
        s if s < 999_950.0 => signed(&format!("{:.1}k", x / 1e3)),
        s if s < 999_995_000.0 => signed(&format!("{:.2}M", x / 1e6)),
        s if s < 1e15 => signed(&format!("{:.2}bn", x / 1e9)),
        _ => signed(&format!("{x:.3e}")),
    }
}

fn full_number(x: f64) -> String {
    if x.abs() < 99.995 {
        let text = format!("{x:.2}");
        return signed(if text.trim_start_matches('-') == "0.00" {
            "0"
        } else {
            &text
        });
    }
    whole(x)
}

/// The horizon in the words of a plan: `next 12 months`, `next 90 days`.
pub(in crate::output) fn horizon(days: u32) -> String {
    match days {
        364..=366 => "next 12 months".to_string(),
        728..=732 => "next 24 months".to_string(),
        1 => "next day".to_string(),
        _ => format!("next {} days", count(u64::from(days))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short_in_sentences_and_whole_in_tables() {
        let pound = Money::new(Some("£"));
        let shorts = [
            (0.0, "£0"),
            (-0.001, "£0"),
            (35.166, "£35.17"),
            (99.999, "£100"),
            (12_345.4, "£12,345"),
            (-12_345.6, "−£12,346"),
            (99_999.4, "£99,999"),
            (244_091.94, "£244.1k"),
            (999_949.0, "£999.9k"),
            (999_951.0, "£1.00M"),
            (1_067_371.0, "£1.07M"),
            (2.5e9, "£2.50bn"),
        ];
        for (amount, text) in shorts {
            assert_eq!(pound.short(amount), text, "{amount}");
        }
        assert_eq!(pound.full(1_234_567.4), "£1,234,567");
        assert_eq!(pound.in_column(58.4, 91_400.0), "£58");
        assert_eq!(pound.in_column(58.4, 91.0), "£58.40");
        assert_eq!(Money::new(Some("GBP")).short(1_200.0), "1,200\u{a0}GBP");
        assert_eq!(Money::new(None).short(1_200.0), "1,200");
        assert_eq!(Money::new(Some("<b>")).short(1.0), "&lt;b&gt;1.00");
    }

    #[test]
    fn a_number_that_is_not_finite_is_a_dash() {
        for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
            let money = Money::new(None);
            for text in [
                money.short(bad),
                money.full(bad),
                percent(bad),
                plain(bad),
                times(bad),
                compact(bad),
                parameter(bad),
                short_number(bad),
            ] {
                assert_eq!(text, NO_NUMBER);
            }
        }
        for huge in [f64::MAX, -f64::MAX] {
            assert!(Money::new(None).full(huge).len() < 20);
            assert!(percent(huge).chars().count() < 20);
            assert!(compact(huge).chars().count() < 20);
        }
    }

    #[test]
    fn percentages_have_one_decimal_and_small_ones_are_not_zero() {
        assert_eq!(percent(0.67455), "67.5%");
        assert_eq!(percent(0.0), "0.0%");
        assert_eq!(percent(-0.0001), "0.0%");
        assert_eq!(percent(0.0004), "&lt;0.1%");
        assert_eq!(percent(-0.25), "−25.0%");
    }

    #[test]
    fn changes_have_a_sign_and_columns_their_decimals() {
        let changes = [
            (0.0, "0.0%"),
            (-0.1151, "−11.5%"),
            (0.5568, "+55.7%"),
            (1e-5, "0.0%"),
            (f64::NAN, "–"),
        ];
        for (fraction, text) in changes {
            assert_eq!(change(fraction), text, "{fraction}");
        }
        let numbers = [
            (1.60285, "1.603"),
            (-0.0001, "0.000"),
            (12_345.6, "12,346"),
            (f64::INFINITY, "–"),
        ];
        for (x, text) in numbers {
            assert_eq!(fixed(x, 3), text, "{x}");
        }
        let scores = [
            (-14_363.237, "−14,363.2"),
            (0.04, "0.0"),
            (-0.04, "0.0"),
            (999.97, "1,000.0"),
            (-2e10, "−20,000,000,000"),
            (f64::NAN, "–"),
        ];
        for (x, text) in scores {
            assert_eq!(tenths(x), text, "{x}");
        }
    }

    #[test]
    fn axis_numbers_change_unit_after_rounding() {
        let cases = [
            (0.0, "0"),
            (999.6, "1k"),
            (2_500.0, "2.5k"),
            (999_960.0, "1M"),
            (3e9, "3bn"),
        ];
        for (x, text) in cases {
            assert_eq!(compact(x), text);
        }
    }

    #[test]
    fn parameters_keep_their_digits() {
        let cases = [
            (0.242_595, "0.24260"),
            (4.413_602, "4.4136"),
            (-9_582.429_2, "−9,582.43"),
            (1e-5, "1.000e-5"),
            (2.5e9, "2.500e9"),
            (0.0, "0.00000"),
        ];
        for (x, text) in cases {
            assert_eq!(parameter(x), text);
        }
    }

    #[test]
    fn hostile_names_become_text() {
        assert_eq!(
            name("<script>alert('x')</script>\u{0}"),
            "<bdi>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{fffd}</bdi>"
        );
        assert!(name(&"é".repeat(10_000)).chars().count() < 120);
        assert_eq!(name("  "), "<i>(no name)</i>");
    }

    #[test]
    fn fragments_become_sentences() {
        assert_eq!(full_sentence("no pairs"), "No pairs.");
        assert_eq!(full_sentence("product_id is missing"), "product_id is missing.");
        assert_eq!(full_sentence(""), "");
    }

    #[test]
    fn thousands_are_separated() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (n, text) in cases {
            assert_eq!(count(n), text);
        }
        assert_eq!(counted(1, "customer", "customers"), "1 customer");
    }
}
