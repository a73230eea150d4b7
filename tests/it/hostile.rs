//! Broken, odd and hostile input: a clear message and its exit code, or a correct smaller result; never a panic.

use std::fs;

use crate::support::{Bench, Snapshot, assert_close, data, quintile};

const HEADER: &str = "customer_id,order_id,ordered_at,product_id,quantity,amount\n";

/// Thirty good lines of six customers.
fn good() -> String {
    let line = |i: u32| {
        let (customer, day, product) = (i % 6, 1 + i % 28, i % 4);
        format!(
            "k{customer},{i},2024-0{}-{day:02},p{product},1,{}.50\n",
            1 + i % 9,
            10 + i
        )
    };
    (0..30).map(line).collect()
}

fn with_good(lines: &str) -> String {
    format!("{HEADER}{}{lines}", good())
}

/// Runs on a file of this content; the message names the file.
#[track_caller]
fn fails(name: &str, bytes: impl AsRef<[u8]>, more: &[&str], code: i32, says: &[&str]) {
    let bench = Bench::new();
    let input = bench.write(name, bytes);
    bench.run_fails(&input, more, code, &[&[name], says].concat());
}

/// Runs on a file of this content, and what came of it.
#[track_caller]
fn works(bench: &Bench, name: &str, bytes: impl AsRef<[u8]>, more: &[&str]) -> Snapshot {
    let input = bench.write(name, bytes);
    let snapshot = bench.snapshot(&input, &format!("out of {name}"), more);
    assert_identity(&snapshot);
    snapshot
}

#[track_caller]
pub fn assert_identity(snapshot: &Snapshot) {
    let rows = |key: &str| snapshot.count(&format!("rows.{key}"));
    let money = |key: &str| snapshot.number(&format!("amounts.{key}"));
    assert_eq!(rows("read"), rows("kept") + rows("rejected"));
    assert_eq!(rows("rejected"), snapshot.rejected_by_rule().values().sum::<u64>());
    assert_eq!(rows("rejected"), snapshot.table("rejects").n_rows() as u64);
    assert_close(money("read"), money("kept") + money("rejected"), 1e-12, "money");
    assert_close(money("kept"), money("gross") - money("returned"), 1e-12, "net");
}

#[test]
fn files_that_are_not_there() {
    let bench = Bench::new();
    bench.run_fails("/nowhere/sales.csv", &[], 3, &["/nowhere/sales.csv", "check the path"]);
    bench.run_fails(&bench.text("*.csv"), &[], 3, &["*.csv", "matches no file"]);
    fs::create_dir(bench.path("folder")).unwrap();
    bench.run_fails(&bench.text("folder"), &[], 3, &["folder", "no file"]);
    bench.write("folder/notes.md", "nothing to see");
    bench.run_fails(&bench.text("folder"), &[], 3, &["folder", ".csv", ".parquet"]);
    let good = bench.write("good.csv", with_good(""));
    let out = bench.text("out");
    let ran = quintile(&["run", "--quiet", "--out", &out, "--input", &good, "/nowhere.csv"]);
    ran.fails(3, &["/nowhere.csv"]);
    assert!(fs::read_dir(bench.path("out")).map_or(true, |mut entries| entries.next().is_none()));
}

#[test]
fn files_with_nothing_in_them() {
    fails("empty.csv", "", &[], 3, &["is empty"]);
    fails("blank.csv", "\n\n \n", &[], 3, &["is empty"]);
    fails("bom.csv", "\u{feff}", &[], 3, &["is empty"]);
    fails("header.csv", HEADER, &[], 3, &["no data"]);
    fails("header.csv", HEADER.trim_end(), &[], 3, &["no data"]);
    fails(
        "one_column.csv",
        "amount\n1\n2\n3\n",
        &[],
        3,
        &["one column", "--delimiter"],
    );
}

#[test]
fn columns_that_cannot_be_found() {
    let text = with_good("").replacen("customer_id", "Kundschaft", 1);
    let headers = "Kundschaft, order_id, ordered_at, product_id, quantity, amount";
    fails(
        "sales.csv",
        &text,
        &["--map", "customer_id=Kundenschaft"],
        3,
        &[headers, "customer_id=Kundschaft"],
    );
    fails(
        "sales.csv",
        &text,
        &["--map", "customer_id=zzz"],
        3,
        &["\"zzz\"", headers, "--map customer_id="],
    );
    let nonsense = "aa,bb,cc\n1,2,3\n4,5,6\n";
    fails("sales.csv", nonsense, &[], 3, &["customer_id", "aa, bb, cc", "--map"]);
    let no_money = "customer_id,order_id,ordered_at\na,1,2024-01-01\nb,2,2024-01-02\n";
    fails(
        "sales.csv",
        no_money,
        &[],
        3,
        &["amount", "customer_id, order_id, ordered_at"],
    );
    let bench = Bench::new();
    let snapshot = works(&bench, "sales.csv", &text, &["--map", "customer_id=Kundschaft"]);
    assert_eq!(snapshot.count("customers"), 6);
    // A second file must have the columns of the first.
    bench.write("two/a.csv", with_good(""));
    bench.write("two/b.csv", with_good("").replacen("amount", "freight", 1));
    bench.run_fails(&bench.text("two"), &[], 3, &["b.csv", "amount", "freight"]);
}

#[test]
fn delimiters_that_are_wrong() {
    fails(
        "sales.csv",
        with_good(""),
        &["--delimiter", ";"],
        3,
        &["one column", "--delimiter"],
    );
    fails("sales.csv", with_good(""), &["--delimiter", "|"], 3, &["one column"]);
    let no_header = good();
    fails("sales.csv", &no_header, &[], 3, &["k0,0,2024-01-01", "--columns"]);
    fails(
        "sales.csv",
        &no_header,
        &["--columns", "customer_id,ordered_at"],
        3,
        &["2 columns", "6"],
    );
    let columns = "customer_id,order_id,ordered_at,product_id,quantity,amount";
    let bench = Bench::new();
    let snapshot = works(&bench, "sales.csv", &no_header, &["--columns", columns]);
    assert_eq!(snapshot.count("rows.read"), 30);
}

#[test]
fn texts_where_numbers_should_be() {
    let bench = Bench::new();
    let bad =
        "k1,90,2024-05-01,p1,1,much\nk1,91,2024-05-01,p1,some,5\nk1,92,2024-05-01,p1,1,1.2.3\nk1,93,2024-05-01,p1,1,\n";
    let snapshot = works(&bench, "sales.csv", with_good(bad), &[]);
    assert_eq!(snapshot.rejected_by_rule()["bad_amount"], 3);
    assert_eq!(snapshot.rejected_by_rule()["missing_amount"], 1);
    let rejects = snapshot.table("rejects");
    assert_eq!(rejects.numbers("row"), [32.0, 33.0, 34.0, 35.0]);
    assert_eq!(rejects.texts("line")[0], "k1,90,2024-05-01,p1,1,much");

    let words: String = (0..30)
        .map(|i| format!("k{i},{i},2024-01-{:02},p,1,word{i}\n", 1 + i % 28))
        .collect();
    let text = format!("{HEADER}{words}");
    fails("sales.csv", &text, &[], 3, &["amount", "not numbers"]);
    let forced = ["--map", "amount=amount", "--decimal", "point"];
    let bench = Bench::new();
    bench.run_fails(
        &bench.write("sales.csv", &text),
        &forced,
        4,
        &["30 by bad_amount", "--map amount="],
    );
    let dates: String = (0..30).map(|i| format!("k{i},{i},someday{i},p,1,5\n")).collect();
    fails(
        "sales.csv",
        format!("{HEADER}{dates}"),
        &[],
        3,
        &["ordered_at", "someday"],
    );
}

#[test]
fn rows_that_are_all_rejected() {
    let rows = ",1,2024-01-01,p,1,5.50\n,2,2024-01-02,p,1,6.50\n";
    fails_gate(
        rows,
        "no line is left of 2: 2 by missing_customer",
        "--map customer_id=",
    );
    let late = "k,1,2024-01-01,p,1,5.50\nk,2,2024-01-02,p,1,6.50\n";
    let bench = Bench::new();
    let input = bench.write("sales.csv", format!("{HEADER}{late}"));
    bench.run_fails(&input, &["--as-of", "2023-12-31"], 4, &["2 by after_as_of", "--as-of"]);
    let nine = ",1,2024-01-01,p,1,5.50\n".repeat(20) + "k,1,2024-01-01,p,1,5.50\n";
    fails_gate(&nine, "20 of 21 lines", "quintile check");
    let input = bench.write("nine.csv", format!("{HEADER}{nine}"));
    let snapshot = bench.snapshot(&input, "gate off", &["--set", "clean.max_reject_share=1"]);
    assert_eq!(snapshot.count("customers"), 1);
    assert!(snapshot.warnings().contains(&"many_rejects"));
}

#[track_caller]
fn fails_gate(rows: &str, says: &str, hint: &str) {
    let bench = Bench::new();
    let input = bench.write("sales.csv", format!("{HEADER}{rows}"));
    bench.run_fails(&input, &[], 4, &[says, hint]);
}

#[test]
fn histories_that_are_too_small_for_models() {
    let bench = Bench::new();
    let one_order = works(
        &bench,
        "one_order.csv",
        format!("{HEADER}k,1,2024-01-01,p,1,5.50\n"),
        &[],
    );
    assert_eq!((one_order.count("customers"), one_order.count("orders")), (1, 1));
    let customer = one_order.table("customers");
    assert_eq!(customer.numbers("net_amount"), [5.5]);
    assert_eq!(customer.numbers("contribution_cum_share"), [1.0]);
    assert_eq!(customer.booleans("is_top_contributor"), [true]);
    assert_eq!(customer.optional_numbers("clv_amount"), [None]);
    assert_ne!(customer.texts("clv_status"), ["ok"]);
    assert_eq!(one_order.count("clusters.k"), 1);

    let lines: String = (1..=20)
        .map(|i| format!("k,{i},2024-01-{i:02},p{},1,5.50\n", i % 3))
        .collect();
    let one_customer = works(&bench, "one_customer.csv", format!("{HEADER}{lines}"), &[]);
    let customer = one_customer.table("customers");
    assert_eq!(customer.numbers("orders"), [20.0]);
    assert_eq!(customer.numbers("repeat_days"), [19.0]);
    assert_eq!(customer.optional_numbers("mean_gap_days"), [Some(1.0)]);

    let lines: String = (0..200)
        .map(|i| {
            format!(
                "k{i:03},{i},2024-0{}-{:02},p{},1,{}.50\n",
                1 + i % 9,
                1 + i % 28,
                i % 5,
                3 + i % 7
            )
        })
        .collect();
    let no_repeat = works(&bench, "no_repeat.csv", format!("{HEADER}{lines}"), &[]);
    let customers = no_repeat.table("customers");
    assert!(customers.numbers("repeat_days").iter().all(|x| *x == 0.0));
    assert!(customers.optional_numbers("mean_gap_days").iter().all(Option::is_none));
    assert!(customers.texts("clv_status").iter().all(|status| status != "ok"));

    let lines: String = (0..200).map(|i| format!("k{i:03},{i},2024-03-01,p,1,5.50\n")).collect();
    let equal = works(
        &bench,
        "equal.csv",
        format!("{HEADER}{lines}"),
        &["--as-of", "2024-06-01"],
    );
    let customers = equal.table("customers");
    for column in ["rfm_score", "cluster", "days_since_last"] {
        let values = customers.numbers(column);
        assert!(
            values.iter().all(|v| *v == values[0]),
            "equal customers differ in {column}"
        );
    }
    assert_eq!(
        customers.numbers("contribution_rank"),
        (1..=200).map(f64::from).collect::<Vec<_>>()
    );
    assert!(equal.warnings().contains(&"clusters_skipped"));
    let lines: String = (0..200)
        .flat_map(|i| (1..4).map(move |m| format!("k{i:03},{i}-{m},2024-0{m}-01,p,1,5.50\n")))
        .collect();
    let repeaters = works(
        &bench,
        "equal_repeaters.csv",
        format!("{HEADER}{lines}"),
        &["--as-of", "2024-06-01"],
    );
    let values = repeaters.table("customers").optional_numbers("clv_amount");
    assert!(
        values.iter().all(|v| v == &values[0]),
        "equal customers differ in value"
    );
}

#[test]
fn histories_without_products_or_orders() {
    let bench = Bench::new();
    let text: String = with_good("")
        .lines()
        .map(|row| {
            let fields: Vec<&str> = row.split(',').collect();
            format!("{},{},{}\n", fields[0], fields[2], fields[5])
        })
        .collect();
    let snapshot = works(&bench, "sales.csv", text, &[]);
    assert!(snapshot.warnings().contains(&"no_product_column"));
    assert!(snapshot.warnings().contains(&"no_order_column"));
    assert_eq!(snapshot.count("orders"), 30);
    assert_eq!(snapshot.count("products"), 0);
    assert_eq!(snapshot.table("pairs").n_rows() + snapshot.table("offers").n_rows(), 0);
    assert!(
        snapshot
            .table("customers")
            .optional_texts("next_product_id")
            .iter()
            .all(Option::is_none)
    );
}

#[test]
fn files_that_are_cut_short() {
    let gzip = fs::read(data("transactions_messy.csv.gz")).unwrap();
    fails("sales.csv.gz", &gzip[..gzip.len() / 2], &[], 3, &["cut short"]);
    fails("sales.csv.gz", &gzip[..gzip.len() - 4], &[], 3, &["cut short"]);
    fails("sales.csv.gz", &gzip[..20], &[], 3, &[]);
    let parquet = fs::read(data("transactions.parquet")).unwrap();
    fails(
        "sales.parquet",
        &parquet[..parquet.len() / 2],
        &[],
        3,
        &["Parquet", "cut short"],
    );
    fails("sales.parquet", &parquet[..parquet.len() - 1], &[], 3, &["Parquet"]);
    fails("sales.parquet", &parquet[..12], &[], 3, &["Parquet"]);
    let zstd = zstd::encode_all(with_good("").as_bytes(), 3).unwrap();
    fails("sales.csv.zst", &zstd[..zstd.len() / 2], &[], 3, &[]);
    let mut damaged = parquet.clone();
    let middle = damaged.len() / 3;
    damaged[middle..middle + 2_000].fill(0xff);
    fails("sales.parquet", damaged, &[], 3, &["Parquet"]);
    let mut damaged = gzip;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0x55);
    fails("sales.csv.gz", damaged, &[], 3, &[]);
}

#[test]
fn files_of_another_kind() {
    fails(
        "sales.csv",
        b"PK\x03\x04rest of a workbook",
        &[],
        3,
        &["damaged", "save it again"],
    );
    fails("sales.csv", b"{\"customer_id\": 1}\n", &[], 3, &["ordered_at"]);
    fails(
        "sales.csv",
        [&[0u8, 1, 2, 3, 0, 0, 255, 254][..]; 200].concat(),
        &[],
        3,
        &[],
    );
    // One NUL is a broken line.
    let bench = Bench::new();
    let snapshot = works(&bench, "sales.csv", with_good("k1,9\0,2024-01-01,p1,1,5\n"), &[]);
    assert_eq!(snapshot.rejected_by_rule()["bad_encoding"], 1);
}

#[test]
fn quotes_that_are_never_closed() {
    // The header is line 1, so the quote opens on line 32.
    fails(
        "sales.csv",
        with_good("k1,90,2024-01-01,\"p1,1,5\nk1,91,2024-01-01,p1,1,5\n"),
        &[],
        3,
        &["sales.csv:32", "quote"],
    );
    let bench = Bench::new();
    let inches = works(&bench, "inches.csv", with_good("k1,90,2024-01-01,3\" pipe,1,5\n"), &[]);
    assert_eq!(inches.count("rows.kept"), 31);
    let multiline = works(
        &bench,
        "lines.csv",
        with_good("k1,90,2024-01-01,\"two\nlines\",1,5\nk1,91,x,p1,1,5\n"),
        &[],
    );
    assert_eq!(multiline.count("rows.kept"), 31);
    assert_eq!(
        multiline.table("rejects").numbers("row"),
        [34.0],
        "the row is the line in the file"
    );
}

#[test]
fn rows_with_too_few_or_too_many_fields() {
    let bench = Bench::new();
    let rows = "k1,90,2024-01-01\nk1,91,2024-01-01,p1,1,5,more\nk1,92,2024-01-01,p1,1,5,,\n\n   \nk1\n";
    let snapshot = works(&bench, "sales.csv", with_good(rows), &[]);
    let ragged = snapshot.rejected_by_rule()["ragged_row"];
    assert!((3..=4).contains(&ragged), "{ragged}");
    assert_eq!(snapshot.count("rows.kept"), 31, "blank surplus fields are no data");
    assert_eq!(snapshot.table("rejects").numbers("row")[..2], [32.0, 33.0]);
}

#[test]
fn headers_that_are_there_twice() {
    let text = with_good("").replacen("quantity", "amount", 1);
    let bench = Bench::new();
    let input = bench.write("sales.csv", text);
    let ran = bench.run(&input, "out", &[]);
    // Either a question or a choice that is told: never a silent guess.
    if ran.code == 0 {
        let told = Snapshot::only_one_in(&bench.path("out"));
        let evidence = told.value("columns.amount.evidence").to_string();
        panic!("two columns are called amount, and one was taken: {evidence}");
    }
    ran.fails(3, &["amount"]);
}

#[test]
fn numbers_and_dates_at_the_limits() {
    let bench = Bench::new();
    let rows = "\
k1,90,2024-01-01,p1,1,99999999999999999999999999\n\
k1,91,2024-01-01,p1,1,1e400\n\
k1,92,2024-01-01,p1,1,NaN\n\
k1,93,2024-01-01,p1,1,inf\n\
k1,94,2024-01-01,p1,9223372036854775808,5\n\
k1,95,0001-01-01,p1,1,5\n\
k1,96,9999-12-31,p1,1,5\n\
k1,97,2024-02-30,p1,1,5\n\
k1,98,2024-13-01,p1,1,5\n\
k1,99,1969-12-31,p1,1,5\n\
k1,100,2101-01-01,p1,1,5\n\
k1,101,2024-01-01,p1,1,100000000000\n\
k1,102,2024-01-01,p1,100000000000,1\n";
    let snapshot = works(&bench, "sales.csv", with_good(rows), &[]);
    let rejected = snapshot.rejected_by_rule();
    assert_eq!(rejected["date_out_of_range"], 4, "{rejected:?}");
    assert_eq!(rejected["bad_date"], 2, "{rejected:?}");
    let bad_numbers = rejected.get("bad_amount").unwrap_or(&0) + rejected.get("missing_amount").unwrap_or(&0);
    assert_eq!(bad_numbers, 5, "{rejected:?}");
    assert_eq!(snapshot.count("rows.kept"), 32, "the largest amounts are kept");
    assert_eq!(snapshot.value("as_of"), "2024-09-27");

    // Many of the largest amounts of one customer still add up.
    let rows: String = (0..3_000)
        .map(|i| format!("k1,{},2024-01-01,p1,1,100000000000\n", 200 + i))
        .collect();
    let snapshot = works(&bench, "huge.csv", with_good(&rows), &[]);
    let net = snapshot.table("customers").numbers("net_amount");
    let largest = net.iter().copied().fold(0.0, f64::max);
    assert!((3e14..3.0001e14).contains(&largest), "{largest}");
    assert_eq!(
        snapshot
            .table("customers")
            .numbers("orders")
            .iter()
            .copied()
            .fold(0.0, f64::max),
        3_005.0
    );
}

#[test]
fn dates_that_can_be_read_in_two_ways() {
    let rows: String = (0..40)
        .map(|i| format!("k{},{i},{:02}/{:02}/2024,p1,1,5\n", i % 7, 1 + i % 12, 1 + i % 11))
        .collect();
    let text = format!("{HEADER}{rows}");
    fails("sales.csv", &text, &[], 3, &["ordered_at", "--date-format dmy", "mdy"]);
    let bench = Bench::new();
    let dmy = works(&bench, "dmy.csv", &text, &["--date-format", "dmy"]);
    let mdy = works(&bench, "mdy.csv", &text, &["--date-format", "mdy"]);
    assert_eq!(dmy.value("as_of"), "2024-11-11");
    assert_eq!(mdy.value("as_of"), "2024-12-03");
    // One line that can be read in one way only decides.
    let decided = works(&bench, "decided.csv", format!("{text}k1,99,31/01/2024,p1,1,5\n"), &[]);
    assert_eq!(decided.value("as_of"), "2024-11-11");
}

#[test]
fn currencies_that_are_mixed() {
    let bench = Bench::new();
    let text = with_good("")
        .replace(".50\n", ".50,EUR\n")
        .replacen("amount\n", "amount,currency\n", 1);
    assert!(
        !works(&bench, "one.csv", &text, &[])
            .warnings()
            .contains(&"mixed_currencies")
    );
    let mixed = works(
        &bench,
        "two.csv",
        format!("{text}k1,90,2024-01-01,p1,1,5.50,USD\n"),
        &[],
    );
    let warnings = mixed.value("warnings").as_array().unwrap().clone();
    let warning = warnings
        .iter()
        .find(|w| w["code"] == "mixed_currencies")
        .expect("a warning");
    assert!(warning["message"].as_str().unwrap().contains("EUR, USD"));
    assert!(!warning["hint"].as_str().unwrap().is_empty());
}

#[test]
fn histories_of_returns_or_of_nothing() {
    let returns: String = (0..30)
        .map(|i| format!("k{},{i},2024-01-{:02},p1,-1,-5.50\n", i % 5, 1 + i % 28))
        .collect();
    fails_gate(&returns, "all 30 kept lines are returns", "sign");
    let bench = Bench::new();
    let zero: String = (0..30)
        .map(|i| format!("k{},{i},2024-01-{:02},p1,1,0.00\n", i % 5, 1 + i % 28))
        .collect();
    let snapshot = works(&bench, "zero.csv", format!("{HEADER}{zero}"), &[]);
    assert_eq!(snapshot.number("contributors.top_20_share"), 0.0);
    assert!(snapshot.warnings().contains(&"net_total_not_positive"));
    let customers = snapshot.table("customers");
    assert_eq!(customers.numbers("contribution_cum_share"), [0.0; 5]);
    assert_eq!(customers.numbers("average_order_amount"), [0.0; 5]);
    assert!(
        snapshot
            .table("segments")
            .numbers("amount_share")
            .iter()
            .all(|share| *share == 0.0)
    );
    // More came back than was sold.
    let more = with_good("k1,90,2024-09-28,p9,-1,-99999.00\n");
    let snapshot = works(&bench, "more.csv", more, &[]);
    assert!(snapshot.number("amounts.net") < 0.0);
    assert!(snapshot.warnings().contains(&"unmatched_returns"));
}

#[test]
fn output_that_cannot_be_written() {
    let bench = Bench::new();
    let input = bench.write("sales.csv", with_good(""));
    let file = bench.write("occupied", "a file, not a folder");
    quintile(&["run", "--quiet", "--input", &input, "--out", &file]).fails(6, &["occupied", "--out"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "a file, not a folder");
    let below = format!("{file}/out");
    quintile(&["run", "--quiet", "--input", &input, "--out", &below]).fails(6, &["occupied"]);
    if fs::metadata("/proc").is_ok() {
        quintile(&["run", "--quiet", "--input", &input, "--out", "/proc/quintile"]).fails(6, &["/proc/quintile"]);
    }
}

#[cfg(unix)]
#[test]
fn files_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let input = bench.write("secret.csv", with_good(""));
    fs::set_permissions(&input, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&input).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    bench.run_fails(&input, &[], 3, &["secret.csv", "readable"]);
}

#[test]
fn line_ends_and_encodings() {
    let bench = Bench::new();
    let text = with_good("k1,90,2024-01-01,Café,1,5\nk2,91,2024-01-01,Café,1,5\n");
    let expected = works(&bench, "plain.csv", &text, &[]).bytes("customers.parquet");
    let crlf = text.replace('\n', "\r\n");
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(to_bytes).collect()
    };
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    for (name, bytes) in [
        ("crlf.csv", crlf.clone().into_bytes()),
        ("bom.csv", format!("\u{feff}{text}").into_bytes()),
        ("bom_crlf.csv", format!("\u{feff}{crlf}").into_bytes()),
        ("utf_16_le.csv", utf_16(u16::to_le_bytes)),
        ("utf_16_be.csv", utf_16(u16::to_be_bytes)),
        ("latin.csv", latin.into_owned()),
        ("no_last_line_end.csv", text.trim_end().as_bytes().to_vec()),
        ("sep.csv", format!("sep=,\n{text}").into_bytes()),
    ] {
        let snapshot = works(&bench, name, bytes, &[]);
        assert!(snapshot.bytes("customers.parquet") == expected, "{name} differs");
    }
}

#[test]
fn chinese_exports() {
    let bench = Bench::new();
    let mut text = String::from("客户编号,订单号,下单时间,商品编码,商品名称,数量,金额\n");
    for i in 0..40 {
        text += &format!(
            "客户{},{i},2024/{}/{},A{},绿茶{},1,{}.50\n",
            i % 6,
            1 + i % 9,
            1 + i % 28,
            i % 4,
            i % 4,
            10 + i
        );
    }
    let (gbk, _, _) = encoding_rs::GBK.encode(&text);
    let utf_8 = works(&bench, "utf8.csv", &text, &[]);
    let gbk = works(&bench, "gbk.csv", gbk, &[]);
    assert_eq!(utf_8.table("customers").texts("customer_id")[0], "客户0");
    assert!(utf_8.bytes("customers.parquet") == gbk.bytes("customers.parquet"));
    assert_eq!(gbk.value("columns.ordered_at.header"), "下单时间");
    let notes = gbk.value("input_notes").to_string();
    assert!(notes.contains("gb18030") || notes.contains("GB18030"), "{notes}");
}

#[test]
fn decimal_commas() {
    let bench = Bench::new();
    let rows: String = (0..40)
        .map(|i| {
            format!(
                "k{};{i};{:02}.{:02}.2024;p1;1;1.{:03},{:02}\n",
                i % 6,
                1 + i % 28,
                1 + i % 9,
                i,
                i
            )
        })
        .collect();
    let text = format!("{}{rows}", HEADER.replace(',', ";"));
    let snapshot = works(&bench, "german.csv", text, &[]);
    let expected: f64 = (0..40).map(|i| 1_000.0 + f64::from(i) + f64::from(i) / 100.0).sum();
    assert_close(snapshot.number("amounts.net"), expected, 1e-12, "net");
    assert_eq!(snapshot.count("rows.rejected"), 0);
}

#[test]
fn lines_that_are_very_long() {
    let bench = Bench::new();
    let columns = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("c{i}")).collect();
        let (names, values) = (names.join(","), vec!["1"; n].join(","));
        let header = HEADER.trim_end();
        format!("{header},{names}\nk1,1,2024-01-01,p1,1,5,{values}\nk2,2,2024-01-02,p1,1,6,{values}\n")
    };
    assert_eq!(works(&bench, "wide.csv", columns(900), &[]).count("customers"), 2);
    let input = bench.write("wider.csv", columns(100_000));
    let ran = bench.run_fails(&input, &[], 3, &["wider.csv", "100006 columns", "--delimiter"]);
    assert!(ran.stderr.len() < 1_000, "the message has {} bytes", ran.stderr.len());

    let long = "x".repeat(5 << 20);
    let snapshot = works(
        &bench,
        "long.csv",
        with_good(&format!("k1,90,2024-01-01,{long},1,5\n")),
        &[],
    );
    assert_eq!(snapshot.count("rows.kept"), 31);
    let longer = "x".repeat(40 << 20);
    let input = bench.write("longer.csv", with_good(&format!("k1,90,2024-01-01,{longer},1,5\n")));
    bench.run_fails(&input, &[], 3, &["longer.csv:32", "32 MiB"]);
}

#[test]
fn ids_that_say_missing() {
    let bench = Bench::new();
    let rows =
        "NULL,90,2024-01-01,p1,1,5\nnan,91,2024-01-01,p1,1,5\n  ,92,2024-01-01,p1,1,5\n\"\",93,2024-01-01,p1,1,5\n";
    let snapshot = works(&bench, "sales.csv", with_good(rows), &[]);
    assert_eq!(snapshot.rejected_by_rule()["missing_customer"], 4);
    assert_eq!(snapshot.count("customers"), 6);
    let rows = "k1.0,90,2024-01-01,p1,1,5\n17850.0,91,2024-01-01,p1,1,5\n17850,92,2024-01-01,p1,1,5\n 17850 ,93,2024-01-01,p1,1,5\n";
    let snapshot = works(&bench, "decimals.csv", with_good(rows), &[]);
    let ids = snapshot.table("customers").texts("customer_id");
    assert_eq!(
        ids.iter().filter(|id| id.contains("17850")).collect::<Vec<_>>(),
        ["17850"]
    );
    assert!(ids.contains(&"k1.0".to_string()));
}
