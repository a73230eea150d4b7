use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use proptest::prelude::*;

use super::DateError::{NotADate, OutOfRange};
use super::DateFormat as F;
use super::Moment::{Instant, Local};
use super::*;

/// Seconds of `2011-12-09 12:50:00` and such, by chrono.
fn at(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
        .unwrap()
        .and_utc()
        .timestamp()
}

fn read(text: &str, format: DateFormat) -> Result<Moment, DateError> {
    parse(text.as_bytes(), format)
}

fn full_width(text: &str) -> String {
    let wide = |c: char| char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c);
    text.chars().map(wide).collect()
}

#[test]
fn days_without_a_time() {
    let day = Ok(Local(at("2011-12-09 00:00:00")));
    for (format, texts) in [
        (F::Iso, "2011-12-09| 2011-12-09 "),
        (
            F::YearMonthDay,
            "2011/12/9|2011.12.09|2011-12-9|2011 12 09|2011 / 12 / 9|2011. 12. 9.|2011/12/09(金)|2011/12/9 星期五|\
             2011/12/09 (Fri)|２０１１／１２／０９|٢٠١١/١٢/٠٩|2011–12–09",
        ),
        (
            F::DayMonthYear,
            "9/12/2011|09.12.11|9-12-2011|9. 12. 2011|09 12 2011|9.12.2011.|Fr. 09.12.2011|Fri, 9/12/2011",
        ),
        (
            F::MonthDayYear,
            "12/9/2011|12/09/11|12-9-2011|\u{200E}12\u{200E}/\u{200E}9\u{200E}/\u{200E}2011",
        ),
        (F::Compact, "20111209"),
        (
            F::MonthName,
            "9-Dec-2011|09 December 2011|Dec 9 2011|DEC 9, 2011|December 9th, 2011|9DEC11|2011-Dec-09|Fri, 9 Dec 2011|\
             9. Dezember 2011|Freitag, den 9. Dezember 2011|Fr., 9. Dez. 11|9 déc. 2011|le vendredi 9 décembre 2011|\
             9 de diciembre de 2011|viernes, 9 de diciembre del 2011|9-dic-2011|09/dez/2011|\
             sexta-feira, 9 de dezembro de 2011|venerdì 9 dicembre 2011|vrijdag 9 december 2011|9e DÉCEMBRE 2011|\
             9º dic 2011|9th of December 2011|mar. 9 déc. 2011|vie 9 DIC 2011",
        ),
        (F::ExcelSerial, "40886|40886.0"),
        (
            F::Chinese,
            "2011年12月9日|2011 年 12 月 9 号|２０１１年１２月９日|2011年12月09日 星期五|2011年12月9日（金）|\
             2011年12月9日金曜日|2011년 12월 9일|2011년 12월 9일 금요일|民國100年12月9日|中华民国100年12月9日|平成23年12月9日|\
             平成２３年１２月９日",
        ),
        (F::Roc, "100/12/09|100-12-9|100.12.09"),
    ] {
        for text in texts.split('|') {
            assert_eq!(read(text, format), day, "{format} {text}");
        }
    }
}

#[test]
fn days_with_a_time() {
    let local = Ok(Local(at("2011-12-09 15:05:00")));
    for (format, texts) in [
        (
            F::Iso,
            "2011-12-09 15:05:00|2011-12-09 15:05:00 CET|2011-12-09 3:05 PM PST|2011-12-09T15:05|2011-12-09 15:05:00.999|2011-12-09t15:05:00,5|2011-12-09  3:05 pm",
        ),
        (
            F::YearMonthDay,
            "2011/12/9 15:05|2011-12-9T15:05:00|2011. 12. 9. 오후 3:05:00|2011/12/9 星期五 15:05",
        ),
        (
            F::DayMonthYear,
            "9/12/2011 15:05|9.12.2011 15:05 Uhr|9/12/2011 15h05|09/12/2011 3:05 p. m.|9.12.2011. 15:05|9.12.2011, 15:05:00|09.12.11 15.05|9/12/11 3:05 PM|9/12/2011 03:05:00p.m.",
        ),
        (
            F::MonthDayYear,
            "12/9/2011 15:05|12/9/2011 3:05:00 PM|12/9/2011, 3:05:00\u{202F}PM|12/9/2011\u{A0}15:05",
        ),
        (
            F::Compact,
            "201112091505|20111209150500|20111209 15:05|20111209T150500|20111209_1505|20111209 150500",
        ),
        (
            F::MonthName,
            "9 Dec 2011 15:05:00|09DEC2011:15:05:00|Dec 9, 2011 3:05 PM|09-DEC-11 03.05.00.000000000 PM|\
             Fri Dec 09 15:05:00 CST 2011|Fri Dec  9 15:05:00 2011|Dec 9, 2011 3:05:00 PM PST|9. Dezember 2011 um 15:05 Uhr|\
             vendredi 9 décembre 2011 à 15h05|9 de diciembre de 2011 a las 15:05|December 9, 2011 at 3:05 PM",
        ),
        (F::ExcelSerial, "40886.628472222226|40886,6284722222"),
        (
            F::Chinese,
            "2011年12月9日 15:05|2011年12月9日15时05分|2011年12月9日 15時5分0秒|2011年12月9日 下午3:05|2011年12月09日 星期五 15时05分|\
             ２０１１年１２月９日　１５：０５|2011년 12월 9일 오후 3:05|2011년 12월 9일 오후 3시 5분|平成23年12月9日 午後3時5分",
        ),
    ] {
        for text in texts.split('|') {
            assert_eq!(read(text, format), local, "{format} {text}");
        }
    }
    assert_eq!(
        read("1/1/2011 12:30 AM", F::DayMonthYear),
        Ok(Local(at("2011-01-01 00:30:00")))
    );
    assert_eq!(
        read("1/1/2011 12:30 PM", F::DayMonthYear),
        Ok(Local(at("2011-01-01 12:30:00")))
    );
    assert_eq!(
        read("2016-12-31 23:59:60", F::Iso),
        Ok(Local(at("2016-12-31 23:59:59")))
    );
}

#[test]
fn offsets_and_epochs_are_instants() {
    let instant = Ok(Instant(at("2011-12-09 15:05:00")));
    for (format, texts) in [
        (
            F::Iso,
            "2011-12-09T15:05:00Z|2011-12-09 15:05:00.123 UTC|2011-12-09T16:05:00+01:00|2011-12-09 16:05:00+01|\
          2011-12-09T10:05:00-0500|2011-12-09 15:05:00.123456+00|2011-12-09T15:05:00.000+0000|\
          2011-12-09T16:05:00+01:00[Europe/Paris]|2011-12-09T23:05GMT+8|2011-12-09 3:05 PM +00:00",
        ),
        (
            F::MonthName,
            "Fri, 09 Dec 2011 15:05:00 GMT|Fri Dec 09 15:05:00 UTC 2011|Fri Dec 09 16:05:00 GMT+01:00 2011|\
          Fri Dec 09 2011 16:05:00 GMT+0100 (Central European Standard Time)",
        ),
        (F::Compact, "20111209T150500Z|20111209150500.5+0000"),
        (F::EpochSeconds, "1323443100|1323443100.9| 1323443100.0"),
        (
            F::EpochMillis,
            "1323443100000|1323443100999|/Date(1323443100000)/|/Date(1323443100000+0100)/",
        ),
        (F::EpochMicros, "1323443100000000|1323443100999999"),
        (F::EpochNanos, "1323443100000000000|1323443100999999999"),
    ] {
        for text in texts.split('|') {
            assert_eq!(read(text, format), instant, "{format} {text}");
        }
    }
    assert_eq!(read("-1", F::EpochSeconds), Ok(Instant(-1)));
    assert_eq!(read("-1.5", F::EpochSeconds), Ok(Instant(-2)));
    assert_eq!(read("-1", F::EpochMillis), Ok(Instant(-1)));
    let mut clock = LocalClock::new(chrono_tz::Tz::Asia__Shanghai);
    assert_eq!(Instant(0).local_seconds(&mut clock), 8 * 3_600);
    assert_eq!(Local(0).local_seconds(&mut clock), 0);
}

#[test]
fn days_that_do_not_exist_are_out_of_range() {
    for (format, texts) in [
        (
            F::Iso,
            "2011-02-29|1900-02-29|2011-13-01|2011-00-01|2011-01-00|2011-04-31|0000-01-01|2011-12-09 24:00:00|2011-12-09 24:00|\
          2011-12-09 12:60|2011-12-09 13:05 PM|0001-01-01T00:00+01:00",
        ),
        (F::DayMonthYear, "31/4/2011|4/13/2011"),
        (F::MonthDayYear, "25/12/2011"),
        (F::Compact, "20110229|99999999|00000000"),
        (F::MonthName, "30-Feb-2011"),
        (F::Chinese, "2011年2月29日|民國100年2月29日"),
        (F::Roc, "100/13/01"),
        (F::EpochNanos, "9999999999999999999"),
        (F::EpochSeconds, "253402300800|99999999999999999999"),
        (F::ExcelSerial, "0|60|2958466|2958465.9999999"),
    ] {
        for text in texts.split('|') {
            assert_eq!(read(text, format), Err(OutOfRange), "{format} {text}");
        }
    }
    assert_eq!(read("2000-02-29", F::Iso), Ok(Local(at("2000-02-29 00:00:00"))));
    assert_eq!(read("0001-01-01", F::Iso), Ok(Local(at("0001-01-01 00:00:00"))));
    assert_eq!(
        read("9999-12-31 23:59:59", F::Iso),
        Ok(Local(at("9999-12-31 23:59:59")))
    );
    assert_eq!(read("59", F::ExcelSerial), Ok(Local(at("1900-02-28 00:00:00"))));
    assert_eq!(read("61", F::ExcelSerial), Ok(Local(at("1900-03-01 00:00:00"))));
}

#[test]
fn what_is_no_date_is_refused() {
    for (format, texts) in [
        (
            F::Iso,
            "abc|2011-12|2011-12-9|2011/12/09|20111209|2011-12-09x|2011-12-0912:50|2011-12-09 12|2011-12-09 12:5|\
          2011-12-09 12:50 XYZ|2011-12-09 12:50 cet|2011-12-09.|2011-12-09,|2011-12-09(x)|2011-12-09 12:50:00+25:00|2011-12-09Z|2011-12-09 12:50:00.Z|2011-12-09 12:50 PMZ5",
        ),
        (F::YearMonthDay, "11/12/09|2011/12-09|2011/12|2011//12/9|2011/012/09"),
        (
            F::DayMonthYear,
            "2011/12/9|9/12|12/2011|x 9/12/2011|9/12/2011.|9/12/011|9/12/20111|9 12/2011",
        ),
        (F::Compact, "2011-12-09|201112|2011120912|201112091250301|20111209125"),
        (
            F::MonthName,
            "Jan 2011|Dec-11|déc. 2011|Set of 6 12|de 9 dic 2011|9 de|mar 9|Fri Fri 9 Dec 2011|Fri Dec 09 15:05:00 XYZ 2011|\
             Fri Dec 09 15:05:00 CST 11|9 декабря 2011|12 2011 Jan|Dec 09 12:05:10|12-Janu-2011|Jan Feb 2011|123 Jan 2011",
        ),
        (F::EpochSeconds, "1.3e9|-|12a|1 2|/Date(1323443100)/"),
        (F::EpochMillis, "/Date()/|/Date(x)/|/Date(1323443100000)"),
        (F::Roc, "2011/12/09|0/12/09|100/12|100/12/009"),
        (F::ExcelSerial, "-5|40886.5x|12345678"),
        (
            F::Chinese,
            "2011年12月|11年12月9日|平成0年1月1日|平成2011年1月1日|天平3年1月1日|2011年12月9日 金|2011年12月9日(金|2011年12月9日x|2011年12月9日 12时5",
        ),
    ] {
        for text in texts.split('|') {
            assert_eq!(read(text, format), Err(NotADate), "{format} {text}");
        }
    }
    for format in F::ALL {
        assert_eq!(read(" \t", format), Err(DateError::Empty));
    }
}

#[test]
fn first_days_and_first_years_have_names_of_their_own() {
    for (format, text, expected) in [
        (F::MonthName, "1er janvier 2011", "2011-01-01"),
        (F::MonthName, "1º de enero de 2011", "2011-01-01"),
        (F::MonthName, "1° gennaio 2011", "2011-01-01"),
        (F::MonthName, "mar 8 mar 2011", "2011-03-08"),
        (F::Chinese, "令和元年5月1日", "2019-05-01"),
        (F::Chinese, "令和3年12月31日", "2021-12-31"),
        (F::Chinese, "昭和64年1月7日", "1989-01-07"),
        (F::Roc, "99/1/31", "2010-01-31"),
    ] {
        assert_eq!(
            read(text, format),
            Ok(Local(at(&format!("{expected} 00:00:00")))),
            "{text}"
        );
    }
}

#[test]
fn short_years_turn_at_69() {
    for (text, year) in [("1/1/68", 2068), ("1/1/69", 1969), ("1/1/99", 1999), ("1/1/00", 2000)] {
        let expected = NaiveDate::from_ymd_opt(year, 1, 1)
            .unwrap()
            .and_time(Default::default())
            .and_utc()
            .timestamp();
        assert_eq!(read(text, F::DayMonthYear), Ok(Local(expected)), "{text}");
    }
}

#[test]
fn names_come_back() {
    for format in F::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!("DMY".parse::<F>().unwrap_err().hint().contains("dmy, mdy"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "[-0-9/.: TZ+aApPmM年月日时分秒下午星期五(금)JanFebDecdéº２\u{A0}平成元,]{0,30}") {
        for format in F::ALL {
            let _ = (parse(&bytes, format), read(&text, format));
        }
    }

    #[test]
    fn days_agree_with_chrono(days in -719_162_i64..=2_932_896, second in 0_i64..86_400) {
        let expected = days * 86_400 + second;
        let t = chrono::DateTime::from_timestamp(expected, 0).unwrap().naive_utc();
        let (y, m, d) = (t.year(), t.month(), t.day());
        for (format, date) in [
            (F::Iso, format!("{y:04}-{m:02}-{d:02}")),
            (F::YearMonthDay, format!("{y:04}/{m}/{d}")),
            (F::DayMonthYear, format!("{d}.{m:02}.{y:04}")),
            (F::MonthDayYear, format!("{m}/{d}/{y:04}")),
            (F::Compact, format!("{y:04}{m:02}{d:02}")),
            (F::MonthName, t.format("%d-%b-").to_string() + &format!("{y:04}")),
            (F::MonthName, t.format("%B %-d, ").to_string() + &format!("{y:04}")),
            (F::Chinese, format!("{y:04}年{m}月{d}日")),
            (F::Chinese, format!("{y:04}년 {m}월 {d}일")),
            (F::YearMonthDay, full_width(&format!("{y:04}/{m}/{d}"))),
        ] {
            prop_assert_eq!(read(&date, format), Ok(Local(days * 86_400)), "{}", date);
            let text = format!("{date} {:02}:{:02}:{:02}", t.hour(), t.minute(), t.second());
            prop_assert_eq!(read(&text, format), Ok(Local(expected)), "{}", text);
        }
        prop_assert_eq!(read(&expected.to_string(), F::EpochSeconds), Ok(Instant(expected)));
        prop_assert_eq!(read(&(expected * 1_000).to_string(), F::EpochMillis), Ok(Instant(expected)));
        if let Ok(nanos) = i64::try_from(i128::from(expected) * 1_000_000_000) {
            prop_assert_eq!(read(&nanos.to_string(), F::EpochNanos), Ok(Instant(expected)));
        }
        prop_assert_eq!(read(&(expected * 1_000_000).to_string(), F::EpochMicros), Ok(Instant(expected)));
        if 0 < y - 1_911 && y - 1_911 < 1_000 {
            prop_assert_eq!(read(&format!("{}/{m}/{d}", y - 1_911), F::Roc), Ok(Local(days * 86_400)));
            prop_assert_eq!(read(&format!("民國{}年{m}月{d}日", y - 1_911), F::Chinese), Ok(Local(days * 86_400)));
        }
        if -25_508 < days {
            let serial = (days + 25_569) as f64 + second as f64 / 86_400.0;
            prop_assert_eq!(read(&serial.to_string(), F::ExcelSerial), Ok(Local(expected)), "{}", serial);
        }
    }

    #[test]
    fn months_of_seven_languages_agree_with_chrono(days in -719_162_i64..=2_932_896, language in 0_usize..6) {
        const MONTHS: [&str; 6] = [
            "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
            "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
            "januari februari maart april mei juni juli augustus september oktober november december",
        ];
        let t = chrono::DateTime::from_timestamp(days * 86_400, 0).unwrap().naive_utc();
        let month = MONTHS[language].split(' ').nth(t.month0() as usize).unwrap();
        for text in [
            format!("{}. {month} {:04}", t.day(), t.year()),
            format!("{} DE {} DE {:04}", t.day(), month.to_uppercase(), t.year()),
            format!("{:02}-{}.-{:04}", t.day(), month.chars().take(4).collect::<String>(), t.year()),
        ] {
            let read = read(&text, F::MonthName);
            if text.contains('.') && text.contains('-') {
                // Cut at four letters, which is an abbreviation of some names only: never of another month.
                prop_assert!(matches!(read, Ok(Local(found)) if found == days * 86_400) || read == Err(NotADate), "{}", text);
            } else {
                prop_assert_eq!(read, Ok(Local(days * 86_400)), "{}", text);
            }
        }
    }

    #[test]
    fn plain_and_general_paths_agree(text in "20[0-9]{2}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?Z?)?|20[0-9]{6}([0-9]{6})?") {
        for (format, plain) in [
            (F::Iso, formats::plain_iso(text.as_bytes())),
            (F::Compact, formats::plain_compact(text.as_bytes())),
        ] {
            if let Some(moment) = plain {
                prop_assert_eq!(parse_as_it_stands(text.as_bytes(), format), Ok(moment), "{}", text);
            }
        }
    }

    #[test]
    fn days_outside_the_calendar_are_refused(y in 0_i32..10_000, m in 0_u32..15, d in 0_u32..35) {
        let expected = NaiveDate::from_ymd_opt(y, m, d).filter(|_| y != 0);
        let expected = expected.map(|date| Local(date.and_time(Default::default()).and_utc().timestamp()));
        prop_assert_eq!(read(&format!("{y:04}-{m:02}-{d:02}"), F::Iso).ok(), expected);
        prop_assert_eq!(read(&format!("{y:04}{m:02}{d:02}"), F::Compact).ok(), expected);
    }
}
