//! Headers, fields, lines and quotes that do not make a table, and tables that are far too large.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::{Case, GOOD, HEADER, file, good, just, lines, made, table, text, unreadable, works};

const COLUMNS: &str = "customer_id,order_id,ordered_at,product_id,quantity,amount";

/// The table with something else in place of the header.
fn headed(header: &str) -> String {
    format!("{header}\n{}", good())
}

/// The table with this added to every line, and that to the header.
fn widened(header: &str, value: &str) -> String {
    let row = format!(".50{value}\n");
    format!("{}{header}\n{}", HEADER.trim_end(), good().replace(".50\n", &row))
}

pub(super) fn cases() -> Vec<Case> {
    [headers(), fields(), line_ends(), quotes()]
        .into_iter()
        .flatten()
        .collect()
}

fn headers() -> Vec<Case> {
    let empty = || unreadable(&["is empty"]);
    vec![
        just("nothing.csv", "", empty()),
        just("one_blank.csv", " ", empty()),
        just("one_line_end.csv", "\n", empty()),
        just("only_blank_lines.csv", "\r\n \r\n\t\r\n", empty()),
        just("one_letter.csv", "x", unreadable(&[])),
        just("header_alone.csv", HEADER, unreadable(&["no data"])),
        just("header_alone_unended.csv", COLUMNS, unreadable(&["no data"])),
        just(
            "header_and_blank_lines.csv",
            concat!("customer_id,order_id,ordered_at,amount\n", "\n\n  \n"),
            unreadable(&["no data"]),
        ),
        text(
            "header_missing.csv",
            good,
            unreadable(&["k0,0,2024-01-01", "--columns"]),
        ),
        text("header_named_by_the_user.csv", good, works(&[], GOOD)).with(&["--columns", COLUMNS]),
        text("header_named_too_short.csv", good, unreadable(&["2 columns", "6"]))
            .with(&["--columns", "customer_id,ordered_at"]),
        text(
            "header_twice_the_amount.csv",
            || headed("customer_id,order_id,ordered_at,product_id,amount,amount"),
            unreadable(&["amount"]),
        ),
        text(
            "header_twice_unused.csv",
            || widened(",note,note", ",x,y"),
            works(&[], GOOD),
        ),
        text(
            "header_twice_the_customer.csv",
            || widened(",customer_id", ",x"),
            unreadable(&["customer_id"]),
        ),
        text(
            "header_without_one_name.csv",
            || headed("customer_id,order_id,ordered_at,,quantity,amount"),
            works(&[], GOOD),
        ),
        text("header_of_empty_names.csv", || headed(",,,,,"), unreadable(&[])),
        text(
            "header_of_nonsense.csv",
            || "aa,bb,cc\n1,2,3\n4,5,6\n".into(),
            unreadable(&["customer_id", "aa, bb, cc", "--map"]),
        ),
        text(
            "header_without_money.csv",
            || "customer_id,order_id,ordered_at\na,1,2024-01-01\nb,2,2024-01-02\n".into(),
            unreadable(&["amount"]),
        ),
        text(
            "header_in_capitals_and_blanks.csv",
            || headed(" CUSTOMER ID , Order ID,Ordered At,PRODUCT_ID,Quantity, AMOUNT "),
            works(&[], GOOD),
        ),
        text(
            "header_quoted.csv",
            || headed("\"customer_id\",\"order_id\",\"ordered_at\",\"product_id\",\"quantity\",\"amount\""),
            works(&[], GOOD),
        ),
        text(
            "header_over_two_lines.csv",
            || headed("\"customer\nid\",order_id,ordered_at,product_id,quantity,amount"),
            works(&[], GOOD),
        ),
        text(
            "header_with_a_quote_that_stays_open.csv",
            || headed("\"customer_id,order_id,ordered_at,product_id,quantity,amount"),
            unreadable(&[]),
        ),
        text(
            "header_again_at_once.csv",
            || format!("{HEADER}{}", table()),
            works(&[("bad_date", 1)], GOOD),
        ),
        text(
            "header_again_in_the_middle.csv",
            || table().repeat(3),
            works(&[("bad_date", 2)], 3 * GOOD),
        ),
        text(
            "header_with_a_comma_behind.csv",
            || headed(&format!("{COLUMNS},")),
            works(&[], GOOD),
        ),
        text(
            "header_with_a_long_name.csv",
            || widened(&format!(",{}", "n".repeat(100_000)), ",x"),
            works(&[], GOOD),
        ),
        text(
            "header_underlined.csv",
            || {
                headed(&format!(
                    "{COLUMNS}\n-----------,--------,----------,----------,--------,------"
                ))
            },
            works(&[("bad_date", 1)], GOOD),
        ),
        text(
            "title_above.csv",
            || format!("Sales of the year 2024\n\n{}", table()),
            works(&[], GOOD),
        ),
        text(
            "title_with_commas_above.csv",
            || format!("Report,Sales,,,,\nMade on,2024-12-01,,,,\n{}", table()),
            works(&[], GOOD),
        ),
        text(
            "title_of_thirty_lines.csv",
            || "a long story\n".repeat(30) + &table(),
            unreadable(&[]),
        ),
        lines(
            "totals_at_the_end.csv",
            "Total,,,,30,735.00\n",
            works(&[("missing_date", 1)], GOOD),
        ),
        lines(
            "totals_in_two_fields.csv",
            "Total,735.00\n",
            works(&[("ragged_row", 1)], GOOD),
        ),
        lines(
            "footer_of_a_database.csv",
            "\n(30 rows affected)\n",
            works(&[("ragged_row", 1)], GOOD),
        ),
        text(
            "sep_line.csv",
            || format!("sep=;\n{}", table().replace(',', ";")),
            works(&[], GOOD),
        ),
        text("sep_line_alone.csv", || "sep=;\n".into(), unreadable(&[])),
        text(
            "sep_line_that_is_wrong.csv",
            || format!("sep=;\n{}", table()),
            unreadable(&["one column", "--delimiter"]),
        ),
        text(
            "map_to_no_column.csv",
            table,
            unreadable(&["\"zzz\"", "customer_id, order_id"]),
        )
        .with(&["--map", "customer_id=zzz"]),
        text(
            "map_of_no_meaning.csv",
            table,
            super::Expect::Fails {
                code: 2,
                says: &["shoe_size"],
            },
        )
        .with(&["--map", "shoe_size=amount"]),
        text("map_of_one_column_to_two.csv", table, works(&[], GOOD)).with(&[
            "--map",
            "customer_id=order_id",
            "--map",
            "order_id=order_id",
        ]),
    ]
}

fn fields() -> Vec<Case> {
    let ragged = |n| match n {
        1 => works(&[("ragged_row", 1)], GOOD),
        _ => works(&[("ragged_row", 2)], GOOD),
    };
    vec![
        lines("row_too_short.csv", "k1,90,2024-01-01\n", ragged(1)),
        lines("row_too_long.csv", "k1,90,2024-01-01,p1,1,5,more\n", ragged(1)),
        lines(
            "row_with_empty_fields_too_many.csv",
            "k1,90,2024-01-01,p1,1,5,,,\n",
            works(&[], 31),
        ),
        lines("row_of_one_field.csv", "k1\n", ragged(1)),
        lines("row_cut_at_the_end.csv", "k1,90,2024-01-01,p1,1", ragged(1)),
        lines("row_of_commas.csv", ",,,,,\n", works(&[("missing_customer", 1)], GOOD)),
        lines(
            "rows_short_and_long.csv",
            "k1,90\nk1,91,2024-01-01,p1,1,5,6,7,8,9\n",
            ragged(2),
        ),
        lines(
            "rows_blank.csv",
            "\n\n   \n\t\nk1,90,2024-01-01,p1,1,5\n\n",
            works(&[("ragged_row", 2)], 31),
        ),
        lines("row_with_another_delimiter.csv", "k1;90;2024-01-01;p1;1;5\n", ragged(1)),
        lines("row_of_a_comment.csv", "# exported by hand\n", ragged(1)),
        text(
            "rows_all_too_short.csv",
            || headed(COLUMNS).replace(".50\n", "\n").replace(",1,", ","),
            unreadable(&["5 fields"]),
        ),
        text(
            "rows_with_a_comma_behind.csv",
            || table().replace(".50\n", ".50,\n"),
            works(&[], GOOD),
        ),
        text(
            "delimiter_wrong_semicolon.csv",
            table,
            unreadable(&["one column", "--delimiter"]),
        )
        .with(&["--delimiter", ";"]),
        text(
            "delimiter_wrong_tab.csv",
            table,
            unreadable(&["one column", "--delimiter"]),
        )
        .with(&["--delimiter", "tab"]),
        text(
            "delimiter_wrong_blank.csv",
            table,
            unreadable(&["one column", "--delimiter"]),
        )
        .with(&["--delimiter", "blank"]),
        text(
            "delimiter_of_two_letters.csv",
            table,
            super::Expect::Fails {
                code: 2,
                says: &["delimiter"],
            },
        )
        .with(&["--delimiter", "ab"]),
        text(
            "delimiter_of_a_quote.csv",
            table,
            super::Expect::Fails {
                code: 2,
                says: &["delimiter"],
            },
        )
        .with(&["--delimiter", "\""]),
        text("delimiter_bars.csv", || table().replace(',', "|"), works(&[], GOOD)),
        text(
            "delimiter_tilde_told.csv",
            || table().replace(',', "~"),
            works(&[], GOOD),
        )
        .with(&["--delimiter", "~"]),
        text(
            "delimiter_tilde_untold.csv",
            || table().replace(',', "~"),
            unreadable(&["one column", "--delimiter"]),
        ),
        text(
            "one_column.csv",
            || "amount\n1\n2\n3\n".into(),
            unreadable(&["one column", "--delimiter"]),
        ),
        text(
            "prose.txt",
            || "It was a dark and stormy night; the rain fell in torrents.\n".repeat(40),
            unreadable(&[]),
        ),
        text(
            "page.html",
            || "<!DOCTYPE html>\n<html><body><table></table></body></html>\n".into(),
            unreadable(&["XML or HTML"]),
        ),
        text(
            "page_after_blanks.csv",
            || "\n\n  <!DOCTYPE html>\n<html><head><title>Sign in, please</title></head></html>\n".into(),
            unreadable(&["<!DOCTYPE html>"]),
        ),
        text(
            "page.xml",
            || "<?xml version=\"1.0\"?><sales><sale id=\"1\"/></sales>\n".into(),
            unreadable(&["XML or HTML"]),
        ),
        file(
            "document.pdf",
            || b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n".to_vec(),
            unreadable(&["PDF"]),
        ),
        file(
            "shop.sqlite",
            || b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20".to_vec(),
            unreadable(&["SQLite"]),
        ),
        file(
            "sales.orc",
            || b"ORC\x08\x03\x10\x01and so on".to_vec(),
            unreadable(&["ORC"]),
        ),
        file(
            "sales.avro",
            || b"Obj\x01\x04\x14avro.codec\x08null".to_vec(),
            unreadable(&["Avro"]),
        ),
        file(
            "sales.feather",
            || b"FEA1\0\0\0\0and so onFEA1".to_vec(),
            unreadable(&["Feather"]),
        ),
        file(
            "picture.png",
            || b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06\0\0\0".to_vec(),
            unreadable(&[]),
        ),
        text(
            "letter.rtf",
            || "{\\rtf1\\ansi\\deff0 {\\fonttbl {\\f0 Times;}} Sales, 2024}".into(),
            unreadable(&[]),
        ),
        text(
            "pointer_of_git_lfs.csv",
            || "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n".into(),
            unreadable(&[]),
        ),
        text(
            "conflict_of_git.csv",
            || {
                format!(
                    "{}<<<<<<< HEAD\nk1,90,2024-01-01,p1,1,5\n=======\nk1,90,2024-01-01,p1,1,6\n>>>>>>> theirs\n",
                    table()
                )
            },
            works(&[("ragged_row", 3)], 32),
        ),
        text(
            "table_of_markdown.md",
            || {
                table()
                    .lines()
                    .map(|line| format!("| {} |\n", line.replace(',', " | ")))
                    .collect()
            },
            works(&[], GOOD),
        ),
    ]
}

fn line_ends() -> Vec<Case> {
    let whole = || works(&[], GOOD);
    vec![
        text("line_ends_of_windows.csv", || table().replace('\n', "\r\n"), whole()),
        text("line_ends_of_old_macs.csv", || table().replace('\n', "\r"), whole()),
        text(
            "line_ends_mixed.csv",
            || format!("{}{}", table(), good().replace('\n', "\r\n")),
            works(&[], 2 * GOOD),
        ),
        text(
            "line_ends_mixed_of_three_kinds.csv",
            || {
                format!(
                    "{}{}{}",
                    table(),
                    good().replace('\n', "\r\n"),
                    good().replace('\n', "\r")
                )
            },
            works(&[], 3 * GOOD),
        ),
        text("line_ends_doubled.csv", || table().replace('\n', "\r\r\n"), whole()),
        text(
            "line_ends_the_wrong_way_round.csv",
            || table().replace('\n', "\n\r"),
            whole(),
        ),
        text(
            "line_ends_missing_at_the_end.csv",
            || table().trim_end().to_owned(),
            whole(),
        ),
        lines(
            "line_end_within_a_field.csv",
            "k1,90,2024-01-01,\"two\r\nlines\",1,5\nk1,91,2024-01-01,p1,1,6\n",
            works(&[], 32),
        ),
        lines(
            "line_end_lone_return_in_a_field.csv",
            "k1,90,2024-01-01,\"two\rlines\",1,5\n",
            works(&[], 31),
        ),
    ]
}

fn quotes() -> Vec<Case> {
    vec![
        text(
            "quote_open_in_the_first_line.csv",
            || format!("{HEADER}k1,90,2024-01-01,\"p1,1,5\n{}", good()),
            unreadable(&[":2: ", "quote"]),
        ),
        lines(
            "quote_open_in_the_middle.csv",
            "k1,90,2024-01-01,\"p1,1,5\nk1,91,2024-01-01,p1,1,5\nk1,92,2024-01-01,p1,1,5\n",
            unreadable(&[":32: ", "quote"]),
        ),
        lines(
            "quote_open_in_the_last_line.csv",
            "k1,90,2024-01-01,p1,1,\"5\n",
            unreadable(&[":32: ", "quote"]),
        ),
        lines(
            "quote_open_and_closed_far_below.csv",
            "k1,90,2024-01-01,\"p1,1,5\nk1,91,2024-01-01,p1\",1,5\n",
            works(&[], 31),
        ),
        lines(
            "quote_within_a_field.csv",
            "k1,90,2024-01-01,3\" pipe,1,5\n",
            works(&[], 31),
        ),
        lines(
            "quote_at_the_end_of_a_field.csv",
            "k1,90,2024-01-01,pipe 3\",1,5\n",
            works(&[], 31),
        ),
        lines(
            "quotes_doubled.csv",
            "k1,90,2024-01-01,\"3\"\" pipe\",1,5\n",
            works(&[], 31),
        ),
        lines(
            "quotes_of_nothing.csv",
            "\"k1\",\"90\",\"2024-01-01\",\"\",\"1\",\"5\"\n",
            works(&[], 31),
        ),
        lines(
            "quotes_with_text_behind.csv",
            "k1,90,2024-01-01,\"p1\" red,1,5\n",
            works(&[], 31),
        ),
        lines(
            "quotes_with_backslashes.csv",
            "k1,90,2024-01-01,\"3\\\" pipe\",1,5\n",
            works(&[], 31),
        ),
        lines(
            "quotes_behind_blanks.csv",
            "k1,90,2024-01-01, \"a b\" ,1,5\n",
            works(&[], 31),
        ),
        lines("quotes_typographic.csv", "k1,90,2024-01-01,“p1”,1,5\n", works(&[], 31)),
        lines(
            "quotes_single.csv",
            "'k1','90','2024-01-01','p1','1','5'\n",
            works(&[("bad_date", 1)], GOOD),
        ),
        text(
            "quotes_around_whole_lines.csv",
            || table().lines().map(|line| format!("\"{line}\"\n")).collect(),
            unreadable(&["one column"]),
        ),
    ]
}

/// A table of so many columns.
fn wide(n: usize) -> String {
    let names: Vec<String> = (0..n).map(|i| format!("c{i}")).collect();
    widened(&format!(",{}", names.join(",")), &",1".repeat(n))
}

/// The table, then a line of so many bytes of which the file system holds none.
fn sparse(path: &Path, n: u64) {
    let mut file = File::create(path).expect("a file is made");
    file.write_all(table().as_bytes()).expect("a file is written");
    drop(file);
    let file = OpenOptions::new().write(true).open(path).expect("a file opens");
    file.set_len(n).expect("a file grows");
}

pub(super) fn large() -> Vec<Case> {
    const MIB: usize = 1 << 20;
    vec![
        text(
            "line_of_40_megabytes.csv",
            || format!("{}k1,90,2024-01-01,{},1,5\n", table(), "x".repeat(40 * MIB)),
            unreadable(&[":32: ", "32 MiB"]),
        ),
        text(
            "line_of_31_megabytes.csv",
            || format!("{}k1,90,2024-01-01,{},1,5\n", table(), "x".repeat(31 * MIB)),
            works(&[], 31),
        ),
        text(
            "line_of_40_megabytes_and_no_other.csv",
            || "x".repeat(40 * MIB),
            unreadable(&[]),
        ),
        text(
            "line_of_40_megabytes_of_commas.csv",
            || format!("{}{}\n", table(), ",".repeat(40 * MIB)),
            unreadable(&["32 MiB"]),
        ),
        text(
            "header_of_40_megabytes.csv",
            || format!("{},{}\n{}", COLUMNS, "x".repeat(40 * MIB), good()),
            unreadable(&[]),
        ),
        text(
            "quote_open_for_40_megabytes.csv",
            || {
                format!(
                    "{}k1,90,2024-01-01,\"p1,1,5\n{}",
                    table(),
                    good().repeat(40 * MIB / 900)
                )
            },
            unreadable(&[":32: "]),
        ),
        file(
            "line_of_a_gigabyte.csv.zst",
            || {
                let mut packer = zstd::Encoder::new(Vec::new(), 1).expect("a packer");
                packer.write_all(table().as_bytes()).expect("memory is written");
                let part = vec![b'x'; MIB];
                (0..1_024).for_each(|_| packer.write_all(&part).expect("memory is written"));
                packer.finish().expect("memory is written")
            },
            unreadable(&[":32: ", "32 MiB"]),
        ),
        made(
            "gigabyte_of_nothing.csv",
            |folder| sparse(&folder.join("gigabyte_of_nothing.csv"), 1 << 30),
            unreadable(&[":32: ", "32 MiB"]),
        ),
        text(
            "row_of_100000_fields.csv",
            || format!("{}{}\n", table(), "5,".repeat(100_000)),
            works(&[("ragged_row", 1)], GOOD),
        ),
        text("columns_900.csv", || wide(900), works(&[], GOOD)),
        text(
            "columns_2000.csv",
            || wide(2_000),
            unreadable(&["2006 columns", "--delimiter"]),
        ),
        text("columns_100000.csv", || wide(100_000), unreadable(&["100006 columns"])),
        text(
            "blank_lines_by_the_million.csv",
            || table() + &"\n".repeat(5_000_000),
            works(&[], GOOD),
        ),
        text(
            "blank_lines_in_front.csv",
            || "\n".repeat(3_000_000) + &table(),
            unreadable(&[]),
        ),
        text(
            "ragged_rows_by_the_hundred_thousand.csv",
            || table() + &good().repeat(400) + &"k1\n".repeat(100_000),
            works(&[("ragged_row", 100_000)], 401 * GOOD),
        ),
    ]
}
