//! Months and days of the week by name, in English, German, French, Spanish, Portuguese, Italian and Dutch.
//!
//! All languages at once: no name of one is the name of another month in the next. `mar` is the one word that is
//! both a month and a day (Tuesday in French, Spanish and Italian); the reader of dates sorts it out.

/// 1 to 12 for a name in full or shortened as its language does.
#[inline]
pub(super) fn month(text: &[u8]) -> Option<u32> {
    // The names that stand on every line of most files, without folding.
    if let [a, b, c] = text {
        let number = match &[a | 0x20, b | 0x20, c | 0x20] {
            b"jan" => 1,
            b"feb" => 2,
            b"mar" => 3,
            b"apr" => 4,
            b"may" => 5,
            b"jun" => 6,
            b"jul" => 7,
            b"aug" => 8,
            b"sep" => 9,
            b"oct" => 10,
            b"nov" => 11,
            b"dec" => 12,
            _ => 0,
        };
        if 0 < number {
            return Some(number);
        }
    }
    Word::of(text)?.month()
}

pub(super) fn is_weekday(text: &[u8]) -> bool {
    Word::of(text).is_some_and(|word| word.is_weekday())
}

/// A word in small letters without accents: `Décembre` as `decembre`.
#[derive(Clone, Copy)]
struct Word {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl Word {
    /// No name is longer.
    const MAX: usize = 12;

    /// `None` for what is longer than every name or has letters that none has.
    fn of(text: &[u8]) -> Option<Self> {
        /// U+00C0 to U+00DF without their accents; the small letters follow in the same order.
        const LATIN: &[u8; 32] = b"aaaaaa?ceeeeiiii?nooooo??uuuuy??";
        let mut word = Self {
            bytes: [0; Self::MAX],
            length: 0,
        };
        let mut rest = text;
        loop {
            let letter = match rest {
                [] => return Some(word),
                [letter, after @ ..] if letter.is_ascii_alphabetic() => {
                    rest = after;
                    letter.to_ascii_lowercase()
                }
                [0xC3, second @ 0x80..=0xBF, after @ ..] => {
                    rest = after;
                    LATIN[usize::from(second & 0x1F)]
                }
                // Accents that stand alone, as macOS decomposes letters.
                [0xCC, 0x80..=0xBF, after @ ..] => {
                    rest = after;
                    continue;
                }
                _ => return None,
            };
            *word.bytes.get_mut(word.length)? = letter;
            word.length += 1;
        }
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    #[rustfmt::skip]
    fn month(&self) -> Option<u32> {
        Some(match self.text() {
            b"jan" | b"january" | b"januar" | b"janner" | b"jaenner" | b"janv" | b"janvier" | b"ene" | b"enero"
            | b"janeiro" | b"gen" | b"genn" | b"gennaio" | b"januari" => 1,
            b"feb" | b"february" | b"februar" | b"feber" | b"fev" | b"fevr" | b"fevrier" | b"febrero" | b"fevereiro"
            | b"febbr" | b"febbraio" | b"februari" => 2,
            b"mar" | b"march" | b"marz" | b"maerz" | b"mrz" | b"mars" | b"marzo" | b"marco" | b"mrt" | b"maart" => 3,
            b"apr" | b"april" | b"avr" | b"avril" | b"abr" | b"abril" | b"aprile" => 4,
            b"may" | b"mai" | b"mayo" | b"maio" | b"mag" | b"magg" | b"maggio" | b"mei" => 5,
            b"jun" | b"june" | b"juni" | b"juin" | b"junio" | b"junho" | b"giu" | b"giugno" => 6,
            b"jul" | b"july" | b"juli" | b"juil" | b"juill" | b"juillet" | b"julio" | b"julho" | b"lug" | b"luglio" => 7,
            b"aug" | b"august" | b"aou" | b"aout" | b"ago" | b"agosto" | b"augustus" => 8,
            b"sep" | b"sept" | b"september" | b"septembre" | b"septiembre" | b"setiembre" | b"set" | b"setembro"
            | b"sett" | b"settembre" => 9,
            b"oct" | b"october" | b"okt" | b"oktober" | b"octobre" | b"octubre" | b"out" | b"outubro" | b"ott"
            | b"ottobre" => 10,
            b"nov" | b"november" | b"novembre" | b"noviembre" | b"novembro" => 11,
            b"dec" | b"december" | b"dez" | b"dezember" | b"decembre" | b"dic" | b"diciembre" | b"dezembro"
            | b"dicembre" => 12,
            _ => return None,
        })
    }

    #[rustfmt::skip]
    fn is_weekday(&self) -> bool {
        matches!(
            self.text(),
            b"mon" | b"tue" | b"tues" | b"wed" | b"thu" | b"thur" | b"thurs" | b"fri" | b"sat" | b"sun"
            | b"monday" | b"tuesday" | b"wednesday" | b"thursday" | b"friday" | b"saturday" | b"sunday"
            | b"mo" | b"di" | b"mi" | b"do" | b"fr" | b"sa" | b"so" | b"montag" | b"dienstag" | b"mittwoch"
            | b"donnerstag" | b"freitag" | b"samstag" | b"sonnabend" | b"sonntag"
            | b"lun" | b"mar" | b"mer" | b"jeu" | b"ven" | b"sam" | b"dim" | b"lundi" | b"mardi" | b"mercredi"
            | b"jeudi" | b"vendredi" | b"samedi" | b"dimanche"
            | b"mie" | b"jue" | b"vie" | b"sab" | b"dom" | b"lunes" | b"martes" | b"miercoles" | b"jueves"
            | b"viernes" | b"sabado" | b"domingo"
            | b"seg" | b"ter" | b"qua" | b"qui" | b"sex" | b"segunda" | b"terca" | b"quarta" | b"quinta" | b"sexta"
            | b"gio" | b"lunedi" | b"martedi" | b"mercoledi" | b"giovedi" | b"venerdi" | b"sabato" | b"domenica"
            | b"ma" | b"wo" | b"vr" | b"za" | b"zo" | b"maandag" | b"dinsdag" | b"woensdag" | b"donderdag"
            | b"vrijdag" | b"zaterdag" | b"zondag"
        )
    }
}

/// Zones by their usual abbreviation, in order. Most stand for several zones, or for summer and winter by the same
/// letters, so they name no offset.
const ZONES: [&str; 60] = [
    "ACDT", "ACST", "ADT", "AEDT", "AEST", "AKDT", "AKST", "ART", "AST", "AWST", "BRST", "BRT", "BST", "CAT", "CDT",
    "CEST", "CET", "CLST", "CLT", "COT", "CST", "EAT", "EDT", "EEST", "EET", "EST", "GST", "HKT", "HST", "ICT", "IDT",
    "IST", "JST", "KST", "MDT", "MESZ", "MEZ", "MSD", "MSK", "MST", "MYT", "NDT", "NPT", "NST", "NZDT", "NZST", "PDT",
    "PET", "PHT", "PKT", "PST", "SAST", "SGT", "TRT", "WAT", "WEST", "WET", "WIB", "WIT", "WITA",
];

pub(super) fn is_zone(word: &[u8]) -> bool {
    ZONES.binary_search_by(|zone| zone.as_bytes().cmp(word)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<u32> {
        month(text.as_bytes())
    }

    #[test]
    fn months_of_each_language() {
        for (language, names) in [
            (
                "English",
                "January February March April May June July August September October November December",
            ),
            ("English, short", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
            (
                "German",
                "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
            ),
            ("German, short", "Jän Feb Mrz Apr Mai Jun Jul Aug Sept Okt Nov Dez"),
            (
                "French",
                "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            ),
            (
                "French, short",
                "janv févr mars avr mai juin juil août sept oct nov déc",
            ),
            (
                "Spanish",
                "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
            ),
            ("Spanish, short", "ene feb mar abr may jun jul ago sep oct nov dic"),
            (
                "Portuguese",
                "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
            ),
            ("Portuguese, short", "jan fev mar abr mai jun jul ago set out nov dez"),
            (
                "Italian",
                "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
            ),
            ("Italian, short", "gen feb mar apr mag giu lug ago set ott nov dic"),
            (
                "Dutch",
                "januari februari maart april mei juni juli augustus september oktober november december",
            ),
            ("Dutch, short", "jan feb mrt apr mei jun jul aug sep okt nov dec"),
        ] {
            for case in [str::to_owned, str::to_lowercase, str::to_uppercase] {
                let numbers: Vec<_> = case(names).split(' ').map(number).collect();
                assert_eq!(numbers, (1..=12).map(Some).collect::<Vec<_>>(), "{language}");
            }
        }
        // Decomposed, as macOS writes it.
        assert_eq!(number("fe\u{301}vrier"), Some(2));
        for text in ["", "janu", "ja", "januaryjanuaryjanuary", "月", "ß", "Ä", "декабрь"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert!(ZONES.is_sorted());
    }

    #[test]
    fn days_of_the_week() {
        for text in [
            "Fri",
            "Friday",
            "Fr",
            "Freitag",
            "vendredi",
            "VIERNES",
            "miércoles",
            "sexta",
            "terça",
            "venerdì",
            "vrijdag",
        ] {
            assert!(is_weekday(text.as_bytes()), "{text}");
        }
        assert!(!is_weekday(b"f") && !is_weekday(b"") && !is_weekday("金".as_bytes()));
    }
}
