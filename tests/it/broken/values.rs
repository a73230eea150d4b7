//! Numbers, dates and ids that are no such thing, or at the edge.

use super::{Case, GOOD, HEADER, lines, table, text, unreadable, works};

/// A good file and one line more, with this amount.
fn amount(name: &'static str, value: &'static str, expect: super::Expect) -> Case {
    text(
        name,
        move || format!("{}k1,90,2024-01-01,p1,1,{value}\n", table()),
        expect,
    )
}

fn quantity(name: &'static str, value: &'static str, expect: super::Expect) -> Case {
    text(
        name,
        move || format!("{}k1,90,2024-01-01,p1,{value},5.00\n", table()),
        expect,
    )
}

fn date(name: &'static str, value: &'static str, expect: super::Expect) -> Case {
    text(name, move || format!("{}k1,90,{value},p1,1,5.00\n", table()), expect)
}

fn customer(name: &'static str, value: &'static str, expect: super::Expect) -> Case {
    text(
        name,
        move || format!("{}{value},90,2024-01-01,p1,1,5.00\n", table()),
        expect,
    )
}

/// A table whose dates are these, one a line.
fn dated(dates: impl Iterator<Item = String>) -> String {
    let rows = dates
        .enumerate()
        .map(|(i, date)| format!("k{},{i},{date},p{},1,{}.50\n", i % 6, i % 4, 10 + i));
    HEADER.to_owned() + &rows.collect::<String>()
}

/// Seconds since 1970 in 2024, a day apart.
fn epochs() -> impl Iterator<Item = String> {
    (0..30).map(|i| (1_704_067_200 + i * 86_400 + i * 61).to_string())
}

fn with_last(dates: impl Iterator<Item = String>, last: &str) -> String {
    dated(dates.chain([last.to_owned()]))
}

fn slashed(i: u32) -> String {
    format!("{:02}/{:02}/2024", 1 + i % 12, 1 + i % 11)
}

pub(super) fn cases() -> Vec<Case> {
    [numbers(), dates(), ids()].into_iter().flatten().collect()
}

fn numbers() -> Vec<Case> {
    let bad = || works(&[("bad_amount", 1)], GOOD);
    let missing = || works(&[("missing_amount", 1)], GOOD);
    let kept = || works(&[], 31);
    vec![
        amount("amount_1e400.csv", "1e400", bad()),
        amount("amount_1e-400.csv", "1e-400", kept()),
        amount("amount_minus_1e30.csv", "-1e30", bad()),
        amount("amount_of_20_digits.csv", "12345678901234567890", bad()),
        amount("amount_of_1000_digits.csv", THOUSAND_NINES, bad()),
        amount("amount_of_1000_decimals.csv", THOUSAND_DECIMALS, kept()),
        amount("amount_with_a_huge_exponent.csv", "1e99999999999999999999", bad()),
        amount("amount_at_the_limit.csv", "100000000000", kept()),
        amount("amount_above_the_limit.csv", "100000000000.01", bad()),
        amount("amount_nan.csv", "NaN", bad()),
        amount("amount_inf.csv", "inf", bad()),
        amount("amount_minus_infinity.csv", "-Infinity", bad()),
        amount("amount_sign_of_infinity.csv", "∞", bad()),
        amount("amount_hexadecimal.csv", "0x1F", bad()),
        amount("amount_with_underscores.csv", "1_000.00", bad()),
        amount("amount_one_half.csv", "½", bad()),
        amount("amount_two_points.csv", "1.2.3", bad()),
        amount("amount_two_signs.csv", "--5", bad()),
        amount("amount_sign_alone.csv", "-", bad()),
        amount("amount_currency_alone.csv", "€", bad()),
        amount("amount_percent.csv", "5%", bad()),
        amount("amount_credit.csv", "5.00 CR", bad()),
        amount("amount_in_words.csv", "five", bad()),
        amount("amount_true.csv", "true", bad()),
        amount("amount_formula.csv", "=SUM(F2:F31)", bad()),
        amount("amount_formula_error.csv", "#DIV/0!", bad()),
        amount("amount_hash_signs.csv", "########", bad()),
        amount("amount_null.csv", "NULL", bad()),
        amount("amount_blanks.csv", "   ", missing()),
        amount("amount_no_break_space.csv", "\u{a0}", missing()),
        amount("amount_in_brackets.csv", "(5.00)", works(&[("sign_conflict", 1)], GOOD)),
        amount("amount_full_width.csv", "１２．５０", kept()),
        amount("amount_arabic.csv", "١٢", kept()),
        amount("amount_minus_zero.csv", "-0.00", kept()),
        amount("amount_below_the_smallest_unit.csv", "0.0000000001", kept()),
        lines(
            "amount_with_a_comma_unquoted.csv",
            "k1,90,2024-01-01,p1,1,1,234.50\n",
            works(&[("ragged_row", 1)], GOOD),
        ),
        lines(
            "amount_with_a_comma_quoted.csv",
            "k1,90,2024-01-01,p1,1,\"1,234.50\"\n",
            kept(),
        ),
        quantity("quantity_beyond_64_bits.csv", "9223372036854775808", bad()),
        quantity("quantity_zero.csv", "0", kept()),
        lines(
            "quantity_and_amount_zero.csv",
            "k1,90,2024-01-01,p1,0,0\n",
            works(&[("zero_quantity", 1)], GOOD),
        ),
        quantity(
            "quantity_negative_for_money.csv",
            "-1",
            works(&[("sign_conflict", 1)], GOOD),
        ),
        quantity("quantity_in_words.csv", "one", bad()),
        quantity("quantity_missing.csv", "", missing()),
        text(
            "amounts_that_are_all_words.csv",
            || table().replace(".50\n", " francs or so\n"),
            unreadable(&["amount"]),
        ),
        text(
            "amounts_that_are_all_missing.csv",
            || HEADER.to_owned() + &"k1,1,2024-01-01,p1,1,\n".repeat(30),
            super::Expect::Fails {
                code: 4,
                says: &["30 by missing_amount"],
            },
        ),
        text(
            "decimals_of_both_kinds.csv",
            || {
                format!(
                    "{}k1,90,2024-01-01,p1,1,\"5,50\"\nk1,91,2024-01-01,p1,1,\"1.234,50\"\n",
                    table()
                )
            },
            works(&[("bad_amount", 2)], GOOD),
        ),
        text(
            "discount_larger_than_the_price.csv",
            || {
                let rows = (0..30).map(|i| format!("k{},{i},2024-01-{:02},p,2,10.00,1.00\n", i % 6, 1 + i % 28));
                let header = "customer_id,order_id,ordered_at,product_id,quantity,unit_price,discount\n";
                format!("{header}{}k1,90,2024-01-01,p,1,10.00,99.00\n", rows.collect::<String>())
            },
            works(&[("bad_amount", 1)], 30),
        ),
        text(
            "prices_below_zero_and_zero.csv",
            || {
                let rows = (0..30).map(|i| format!("k{},{i},2024-01-{:02},p,2,10.00\n", i % 6, 1 + i % 28));
                let header = "customer_id,order_id,ordered_at,product_id,quantity,unit_price\n";
                let odd = "k1,90,2024-01-01,p,1,-5.00\nk1,91,2024-01-01,p,1,0.00\n";
                format!("{header}{}{odd}", rows.collect::<String>())
            },
            works(&[("negative_price", 1), ("zero_price", 1)], 30),
        ),
    ]
}

const THOUSAND_NINES: &str = concat!(
    "9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999",
    "9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999",
    "9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999",
    "9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999"
);
const THOUSAND_DECIMALS: &str = concat!(
    "5.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001"
);

fn dates() -> Vec<Case> {
    let bad = || works(&[("bad_date", 1)], GOOD);
    let out_of_range = || works(&[("date_out_of_range", 1)], GOOD);
    let kept = || works(&[], 31);
    vec![
        date("date_missing.csv", "", works(&[("missing_date", 1)], GOOD)),
        date("date_null.csv", "NULL", bad()),
        date("date_of_zeros.csv", "0000-00-00", bad()),
        date("date_of_zeros_with_time.csv", "0000-00-00 00:00:00", bad()),
        date("date_in_year_1.csv", "0001-01-01", out_of_range()),
        date("date_in_1899.csv", "1899-12-30", out_of_range()),
        date("date_in_9999.csv", "9999-12-31", out_of_range()),
        date("date_in_10000.csv", "10000-01-01", bad()),
        date("date_before_christ.csv", "-0044-03-15", bad()),
        date("date_in_2101.csv", "2101-01-01", out_of_range()),
        date("date_31_february.csv", "2024-02-31", bad()),
        date("date_29_february_2023.csv", "2023-02-29", bad()),
        date("date_29_february_1900.csv", "1900-02-29", bad()),
        date("date_29_february_2000.csv", "2000-02-29", kept()),
        date("date_month_13.csv", "2024-13-01", bad()),
        date("date_24_00.csv", "2024-01-01 24:00", bad()),
        date("date_25_61.csv", "2024-01-01 25:61", bad()),
        date("date_leap_second.csv", "2024-06-30 23:59:60", kept()),
        date("date_with_an_offset.csv", "2024-01-01T10:00:00+01:00", kept()),
        date(
            "date_with_an_offset_of_99_hours.csv",
            "2024-01-01T10:00:00+99:00",
            bad(),
        ),
        date("date_with_nine_decimals.csv", "2024-01-01 10:00:00.123456789", kept()),
        date("date_with_words_behind.csv", "2024-01-01 or so", bad()),
        date("date_of_a_week.csv", "2024-W05-1", bad()),
        date("date_tomorrow_in_words.csv", "tomorrow", bad()),
        date("date_with_full_width_digits.csv", "２０２４-０１-０１", kept()),
        text(
            "dates_that_can_be_read_in_two_ways.csv",
            || dated((0..30).map(slashed)),
            unreadable(&["ordered_at", "--date-format dmy", "mdy"]),
        ),
        text(
            "dates_of_both_ways.csv",
            || dated((0..30).map(slashed).chain(["31/01/2024".into(), "01/31/2024".into()])),
            unreadable(&["ordered_at", "--date-format"]),
        ),
        text(
            "dates_with_one_of_the_other_way.csv",
            || {
                dated(
                    (13..28)
                        .cycle()
                        .take(30)
                        .map(|day| format!("{day}/01/2024"))
                        .chain(["01/31/2024".into()]),
                )
            },
            works(&[("bad_date", 1)], 30),
        ),
        text(
            "dates_in_words.csv",
            || dated((0..30).map(|i| format!("some day {i}"))),
            unreadable(&["ordered_at", "some day"]),
        ),
        text(
            "dates_that_are_all_missing.csv",
            || dated((0..30).map(|_| String::new())),
            unreadable(&["ordered_at"]),
        ),
        text("epoch.csv", || dated(epochs()), works(&[], 30)),
        text(
            "epoch_negative.csv",
            || with_last(epochs(), "-86400"),
            works(&[("date_out_of_range", 1)], 30),
        ),
        text(
            "epoch_too_large.csv",
            || with_last(epochs(), "99999999999999999999"),
            works(&[("bad_date", 1)], 30),
        ),
        text(
            "epoch_in_milliseconds_once.csv",
            || with_last(epochs(), "1704067200000"),
            works(&[("bad_date", 1)], 30),
        ),
        text(
            "epoch_with_an_iso_date.csv",
            || with_last(epochs(), "2024-01-01"),
            works(&[("bad_date", 1)], 30),
        ),
        text(
            "excel_serials.csv",
            || dated((0..30).map(|i| (45_292 + i).to_string())),
            works(&[], 30),
        ),
        text(
            "excel_serial_negative.csv",
            || with_last((0..30).map(|i| (45_292 + i).to_string()), "-5"),
            works(&[("bad_date", 1)], 30),
        ),
        text(
            "excel_serial_of_1900.csv",
            || with_last((0..30).map(|i| (45_292 + i).to_string()), "61"),
            works(&[("date_out_of_range", 1)], 30),
        ),
        text(
            "excel_serial_too_large.csv",
            || with_last((0..30).map(|i| (45_292 + i).to_string()), "99999999"),
            works(&[("bad_date", 1)], 30),
        ),
        text(
            "dates_all_after_as_of.csv",
            table,
            super::Expect::Fails {
                code: 4,
                says: &["30 by after_as_of"],
            },
        )
        .with(&["--as-of", "2020-01-01"]),
        text(
            "dates_in_a_zone_that_is_none.csv",
            table,
            super::Expect::Fails {
                code: 2,
                says: &["Mars/Olympus"],
            },
        )
        .with(&["--timezone", "Mars/Olympus"]),
        text("dates_with_a_wrong_format.csv", table, unreadable_or_gate()).with(&["--date-format", "epoch_seconds"]),
    ]
}

/// All lines are rejected: the gate.
fn unreadable_or_gate() -> super::Expect {
    super::Expect::Fails {
        code: 4,
        says: &["30 by bad_date", "--date-format"],
    }
}

fn ids() -> Vec<Case> {
    let missing = || works(&[("missing_customer", 1)], GOOD);
    let kept = || works(&[], 31);
    vec![
        customer("id_empty.csv", "", missing()),
        customer("id_blanks.csv", "   ", missing()),
        customer("id_quoted_blanks.csv", "\" \"", missing()),
        customer("id_no_break_space.csv", "\u{a0}", missing()),
        customer("id_full_width_space.csv", "\u{3000}", missing()),
        customer("id_zero_width_space.csv", "\u{200b}", kept()),
        customer("id_null.csv", "NULL", missing()),
        customer("id_not_available.csv", "#N/A", missing()),
        customer("id_of_a_stroke.csv", "-", missing()),
        customer("id_unknown.csv", "unknown", missing()),
        customer("id_guest.csv", "Guest", missing()),
        customer("id_chinese_walk_in.csv", "散客", missing()),
        customer("id_zero.csv", "0", kept()),
        customer(
            "id_rounded_by_a_spreadsheet.csv",
            "1.79E+12",
            works(&[("lost_digits", 1)], GOOD),
        ),
        customer("id_with_a_decimal_zero.csv", "17850.0", kept()),
        customer("id_that_only_looks_like_a_number.csv", "1E5", kept()),
        customer("id_in_another_case.csv", "K1", kept()),
        customer("id_emoji.csv", "👩‍👩‍👧‍👦", kept()),
        customer("id_right_to_left.csv", "\u{202e}1k\u{202c}", kept()),
        customer("id_combining_letters.csv", "Zoe\u{308}", kept()),
        customer("id_formula.csv", "\"=HYPERLINK(\"\"http://x\"\")\"", kept()),
        customer("id_html.csv", "<script>alert(1)</script>", kept()),
        customer("id_sql.csv", "'; DROP TABLE customers; --", kept()),
        customer("id_path.csv", "../../etc/passwd", kept()),
        customer("id_with_a_comma.csv", "\"a,b\"", kept()),
        customer("id_with_a_line_break.csv", "\"a\nb\"", kept()),
        text(
            "id_of_10000_characters.csv",
            || format!("{}{},90,2024-01-01,p1,1,5\n", table(), "x".repeat(10_000)),
            kept(),
        ),
        text(
            "id_of_a_megabyte.csv",
            || format!("{}{},90,2024-01-01,p1,1,5\n", table(), "é".repeat(500_000)),
            kept(),
        ),
        text(
            "ids_that_are_all_missing.csv",
            || HEADER.to_owned() + &",1,2024-01-01,p1,1,5.50\n".repeat(30),
            super::Expect::Fails {
                code: 4,
                says: &["30 by missing_customer"],
            },
        ),
        lines("order_empty.csv", "k1,,2024-01-01,p1,1,5\n", kept()),
        lines(
            "order_cancelled_for_money.csv",
            "k1,C90,2024-01-01,p1,1,5\n",
            works(&[("sign_conflict", 1)], GOOD),
        ),
        lines("product_empty.csv", "k1,90,2024-01-01,,1,5\n", kept()),
        lines(
            "product_rounded_by_a_spreadsheet.csv",
            "k1,90,2024-01-01,1.79E+12,1,5\n",
            kept(),
        ),
    ]
}
