//! JSON that is cut short, nested, of wrong types, or no table at all.

use super::{Case, Expect, GOOD, just, text, unreadable, works};

/// Good lines, one object each.
fn objects() -> String {
    let line = |i: u64| {
        let (month, day) = (1 + i % 9, 1 + i % 28);
        format!(
            "{{\"customer_id\":\"k{}\",\"order_id\":\"{i}\",\"ordered_at\":\"2024-0{month}-{day:02}\",\"product_id\":\"p{}\",\"amount\":{}.5}}\n",
            i % 6,
            i % 4,
            10 + i
        )
    };
    (0..GOOD).map(line).collect()
}

/// Good lines and these behind them.
fn lines(name: &'static str, more: &'static str, expect: Expect) -> Case {
    text(name, move || objects() + more, expect)
}

fn array() -> String {
    format!("[{}]", objects().trim_end().replace('\n', ","))
}

/// A line whose `key` is this.
fn valued(name: &'static str, key: &'static str, value: &'static str, expect: Expect) -> Case {
    let of = move |own: &str, usual: &'static str| if own == key { value } else { usual };
    text(
        name,
        move || {
            let (customer, at, amount) = (
                of("customer_id", "\"k1\""),
                of("ordered_at", "\"2024-01-01\""),
                of("amount", "5"),
            );
            format!(
                "{}{{\"customer_id\":{customer},\"order_id\":\"90\",\"ordered_at\":{at},\"amount\":{amount}}}\n",
                objects()
            )
        },
        expect,
    )
}

pub(super) fn cases() -> Vec<Case> {
    let broken = || works(&[("ragged_row", 1)], GOOD);
    let kept = || works(&[], 31);
    let whole = || works(&[], GOOD);
    let none = || unreadable(&["JSON"]);
    vec![
        text("lines.jsonl", objects, whole()),
        text("array.json", array, whole()),
        text(
            "array_on_many_lines.json",
            || array().replace(",\"", ",\n  \"").replace('{', "{\n"),
            whole(),
        ),
        text(
            "objects_on_many_lines.jsonl",
            || objects().replace(",\"", ",\n  \""),
            whole(),
        ),
        text("array_with_a_mark.json", || format!("\u{feff}{}", array()), whole()),
        text(
            "array_with_windows_line_ends.json",
            || array().replace("},", "},\r\n"),
            whole(),
        ),
        text(
            "array_cut_in_an_object.json",
            || array()[..1_500].to_owned(),
            unreadable(&["cut short"]),
        ),
        text(
            "array_cut_between_objects.json",
            || array().trim_end_matches(']').to_owned(),
            unreadable(&["cut short"]),
        ),
        text(
            "array_with_a_comma_at_the_end.json",
            || array().replace("}]", "},]"),
            whole(),
        ),
        text(
            "array_with_a_comma_missing.json",
            || array().replacen("},{", "} {", 1),
            whole(),
        ),
        text("array_with_text_behind.json", || array() + "\nthat was all\n", broken()),
        text("arrays_joined.json", || array() + &array(), works(&[], 2 * GOOD)),
        text(
            "array_of_arrays.json",
            || "[[\"customer_id\",\"amount\"],[\"k1\",5]]".into(),
            unreadable(&[]),
        ),
        text(
            "array_with_scalars_among.json",
            || array().replacen("},{", "},7,{", 1),
            works(&[("ragged_row", 1)], GOOD),
        ),
        text(
            "array_within_an_object.json",
            || format!("{{\"status\":\"ok\",\"data\":{}}}", array()),
            unreadable(&["JSON"]),
        ),
        just("array_of_nothing.json", "[]", unreadable(&[])),
        just("array_of_empty_objects.json", "[{},{},{}]", unreadable(&[])),
        just("object_of_nothing.json", "{}", unreadable(&[])),
        just("object_cut_at_once.json", "{", none()),
        just(
            "object_alone.json",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\",\"amount\":5}",
            works(&[], 1),
        ),
        just("scalars.json", "1\n2\n3\n", unreadable(&[])),
        just("string.json", "\"customer_id,ordered_at,amount\"", unreadable(&[])),
        just("null.json", "null", unreadable(&[])),
        just("true.json", "true\n", unreadable(&[])),
        lines(
            "line_broken.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\n",
            broken(),
        ),
        lines("line_cut_at_the_end.jsonl", "{\"customer_id\":\"k1\",\"order", broken()),
        lines("line_of_text.jsonl", "export finished\n", broken()),
        lines("line_of_an_array.jsonl", "[1,2,3]\n", broken()),
        lines("line_of_null.jsonl", "null\n", broken()),
        lines(
            "line_with_two_objects.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\",\"amount\":5}{\"customer_id\":\"k2\",\"ordered_at\":\"2024-01-01\",\"amount\":5}\n",
            broken(),
        ),
        lines(
            "line_with_single_quotes.jsonl",
            "{'customer_id':'k1','ordered_at':'2024-01-01','amount':5}\n",
            broken(),
        ),
        lines(
            "line_with_a_comment.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\",\"amount\":5} // late\n",
            broken(),
        ),
        lines(
            "line_with_a_comma_behind.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\",\"amount\":5},\n",
            broken(),
        ),
        lines(
            "line_with_nan.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\",\"amount\":NaN}\n",
            broken(),
        ),
        lines(
            "line_of_an_empty_object.jsonl",
            "{}\n",
            works(&[("missing_customer", 1)], GOOD),
        ),
        lines("lines_blank.jsonl", "\n  \n\r\n", whole()),
        lines(
            "line_with_a_key_twice.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\",\"amount\":5,\"amount\":6}\n",
            kept(),
        ),
        lines(
            "line_with_keys_of_its_own.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\",\"amount\":5,\"note\":{\"a\":[1,{\"b\":2}]}}\n",
            kept(),
        ),
        lines(
            "line_with_keys_in_another_order.jsonl",
            "{\"amount\":5,\"ordered_at\":\"2024-01-01\",\"customer_id\":\"k1\"}\n",
            kept(),
        ),
        lines(
            "line_without_an_amount.jsonl",
            "{\"customer_id\":\"k1\",\"ordered_at\":\"2024-01-01\"}\n",
            works(&[("missing_amount", 1)], GOOD),
        ),
        valued("amount_as_text.jsonl", "amount", "\"5.50\"", kept()),
        valued(
            "amount_as_an_object.jsonl",
            "amount",
            "{\"value\":5}",
            works(&[("missing_amount", 1)], GOOD),
        ),
        valued(
            "amount_as_an_array.jsonl",
            "amount",
            "[5]",
            works(&[("bad_amount", 1)], GOOD),
        ),
        valued(
            "amount_as_true.jsonl",
            "amount",
            "true",
            works(&[("bad_amount", 1)], GOOD),
        ),
        valued(
            "amount_as_null.jsonl",
            "amount",
            "null",
            works(&[("missing_amount", 1)], GOOD),
        ),
        valued(
            "amount_as_1e400.jsonl",
            "amount",
            "1e400",
            works(&[("bad_amount", 1)], GOOD),
        ),
        valued("amount_with_a_leading_zero.jsonl", "amount", "05", broken()),
        valued(
            "customer_as_a_number.jsonl",
            "customer_id",
            "12345678901234567890123",
            kept(),
        ),
        valued(
            "customer_as_null.jsonl",
            "customer_id",
            "null",
            works(&[("missing_customer", 1)], GOOD),
        ),
        valued(
            "customer_as_an_empty_text.jsonl",
            "customer_id",
            "\"\"",
            works(&[("missing_customer", 1)], GOOD),
        ),
        valued(
            "customer_as_an_object.jsonl",
            "customer_id",
            "{\"id\":\"k1\"}",
            works(&[("missing_customer", 1)], GOOD),
        ),
        valued(
            "customer_with_half_a_pair.jsonl",
            "customer_id",
            "\"\\ud83d\"",
            broken(),
        ),
        valued("customer_with_a_nul.jsonl", "customer_id", "\"k\\u0000\"", kept()),
        valued(
            "customer_with_an_unknown_escape.jsonl",
            "customer_id",
            "\"k\\x\"",
            broken(),
        ),
        valued(
            "customer_with_escapes.jsonl",
            "customer_id",
            "\"\\u5ba2\\n\\\"1\\\"\"",
            kept(),
        ),
        valued(
            "date_as_a_number.jsonl",
            "ordered_at",
            "1704067200",
            works(&[("bad_date", 1)], GOOD),
        ),
        valued(
            "date_as_an_object.jsonl",
            "ordered_at",
            "{\"$date\":\"2024-01-01\"}",
            works(&[("missing_date", 1)], GOOD),
        ),
        text(
            "nested_40_levels.jsonl",
            || format!("{}{}1{}\n", objects(), "{\"a\":".repeat(40), "}".repeat(40)),
            works(&[("ragged_row", 1)], GOOD),
        ),
        text(
            "nested_100000_objects.jsonl",
            || format!("{}{}1{}\n", objects(), "{\"a\":".repeat(100_000), "}".repeat(100_000)),
            broken(),
        ),
        text(
            "nested_100000_arrays.jsonl",
            || {
                format!(
                    "{}{{\"a\":{}1{}}}\n",
                    objects(),
                    "[".repeat(100_000),
                    "]".repeat(100_000)
                )
            },
            works(&[("missing_customer", 1)], GOOD),
        ),
        text(
            "nested_100000_and_never_closed.json",
            || "[".repeat(100_000),
            unreadable(&[]),
        ),
        text(
            "nested_100000_objects_in_an_array.json",
            || format!("[{}1{}]", "{\"a\":".repeat(100_000), "}".repeat(100_000)),
            unreadable(&[]),
        ),
        text(
            "keys_by_the_thousand.jsonl",
            || {
                let keys: String = (0..2_000).map(|i| format!(",\"c{i}\":1")).collect();
                objects().replace('}', &(keys + "}"))
            },
            unreadable(&["columns"]),
        ),
        text("text_with_the_name_of_json.json", super::table, whole()),
        text("lines_with_the_name_of_csv.csv", objects, whole()),
    ]
}
