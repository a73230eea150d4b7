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

#[test]
fn days_without_a_time() {
    let day = Ok(Local(at("2011-12-09 00:00:00")));
    for (format, texts) in [
        (F::Iso, "2011-12-09| 2011-12-09 "),
        (
            F::YearMonthDay,
            "2011/12/9|2011.12.09|2011-12-9|2011 12 09|2011 / 12 / 9",
        ),
        (F::DayMonthYear, "9/12/2011|09.12.11|9-12-2011|9. 12. 2011|09 12 2011"),
        (F::MonthDayYear, "12/9/2011|12/09/11|12-9-2011"),
        (F::Compact, "20111209"),
        (
            F::MonthName,
            "9-Dec-2011|09 December 2011|Dec 9 2011|DEC 9, 2011|December 9th, 2011|9DEC11|2011-Dec-09|Fri, 9 Dec 2011",
        ),
        (F::ExcelSerial, "40886|40886.0"),
        (F::Chinese, "2011年12月9日|2011 年 12 月 9 号"),
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
            "2011-12-09 15:05:00|2011-12-09T15:05|2011-12-09 15:05:00.999|2011-12-09t15:05:00,5|2011-12-09  3:05 pm",
        ),
        (F::YearMonthDay, "2011/12/9 15:05|2011-12-9T15:05:00"),
        (
            F::DayMonthYear,
            "9/12/2011 15:05|9.12.2011, 15:05:00|09.12.11 15.05|9/12/11 3:05 PM|9/12/2011 03:05:00p.m.",
        ),
        (F::MonthDayYear, "12/9/2011 15:05|12/9/2011 3:05:00 PM"),
        (
            F::Compact,
            "201112091505|20111209150500|20111209 15:05|20111209T150500|20111209_1505",
        ),
        (
            F::MonthName,
            "9 Dec 2011 15:05:00|09DEC2011:15:05:00|Dec 9, 2011 3:05 PM|09-DEC-11 03.05.00.000000000 PM",
        ),
        (F::ExcelSerial, "40886.628472222226|40886,6284722222"),
        (
            F::Chinese,
            "2011年12月9日 15:05|2011年12月9日15时05分|2011年12月9日 15時5分0秒|2011年12月9日 下午3:05",
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
          2011-12-09T10:05:00-0500|2011-12-09T23:05GMT+8|2011-12-09 3:05 PM +00:00",
        ),
        (F::MonthName, "Fri, 09 Dec 2011 15:05:00 GMT"),
        (F::Compact, "20111209T150500Z|20111209150500.5+0000"),
        (F::EpochSeconds, "1323443100|1323443100.9| 1323443100.0"),
        (F::EpochMillis, "1323443100000|1323443100999"),
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
            "2011-02-29|1900-02-29|2011-13-01|2011-00-01|2011-01-00|2011-04-31|0000-01-01|2011-12-09 24:00:00|\
          2011-12-09 12:60|2011-12-09 13:05 PM|0001-01-01T00:00+01:00",
        ),
        (F::DayMonthYear, "31/4/2011|4/13/2011"),
        (F::MonthDayYear, "25/12/2011"),
        (F::Compact, "20110229|99999999|00000000"),
        (F::MonthName, "30-Feb-2011"),
        (F::Chinese, "2011年2月29日"),
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
          2011-12-09 12:50 XYZ|2011-12-09 12:50 cet|2011-12-09.|2011-12-09,|2011-12-09 12:50:00+25:00|2011-12-09Z|2011-12-09 12:50:00.Z|2011-12-09 12:50 PMZ5",
        ),
        (F::YearMonthDay, "11/12/09|2011/12-09|2011/12|2011//12/9|2011/012/09"),
        (F::DayMonthYear, "2011/12/9|9/12|9/12/011|9/12/20111|9 12/2011"),
        (F::Compact, "2011-12-09|201112|2011120912|201112091250301|20111209125"),
        (
            F::MonthName,
            "Jan 2011|12 2011 Jan|Dec 09 12:05:10|12-Janu-2011|Jan Feb 2011|123 Jan 2011",
        ),
        (F::EpochSeconds, "1.3e9|-|12a|1 2"),
        (F::ExcelSerial, "-5|40886.5x|12345678"),
        (F::Chinese, "2011年12月|11年12月9日|2011年12月9日x|2011年12月9日 12时5"),
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
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "[-0-9/.: TZ+aApPmM年月日时分秒下午JanFebDec,]{0,30}") {
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
        ] {
            prop_assert_eq!(read(&date, format), Ok(Local(days * 86_400)), "{}", date);
            let text = format!("{date} {:02}:{:02}:{:02}", t.hour(), t.minute(), t.second());
            prop_assert_eq!(read(&text, format), Ok(Local(expected)), "{}", text);
        }
        prop_assert_eq!(read(&expected.to_string(), F::EpochSeconds), Ok(Instant(expected)));
        prop_assert_eq!(read(&(expected * 1_000).to_string(), F::EpochMillis), Ok(Instant(expected)));
        if -25_508 < days {
            let serial = (days + 25_569) as f64 + second as f64 / 86_400.0;
            prop_assert_eq!(read(&serial.to_string(), F::ExcelSerial), Ok(Local(expected)), "{}", serial);
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
