//! The shapes of a history: discounts, types, costs, people with several ids, what is known of customers, returns
//! within a window, lines that are repaired and read again, and enough data or not.

use std::fs;

use serde_json::Value;

use crate::support::{Bench, Snapshot, assert_close, quintile};

/// Runs on these lines and gives the snapshot.
#[track_caller]
fn run(bench: &Bench, text: &str, more: &[&str]) -> Snapshot {
    let input = bench.write("sales.csv", text);
    let _ = fs::remove_dir_all(bench.path("published"));
    bench.snapshot(&input, "published", more)
}

/// Net money by customer.
fn net(snapshot: &Snapshot) -> Vec<(String, f64)> {
    let customers = snapshot.table("customers");
    customers
        .texts("customer_id")
        .into_iter()
        .zip(customers.numbers("net_amount"))
        .collect()
}

fn owned(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs.iter().map(|(id, amount)| ((*id).to_owned(), *amount)).collect()
}

#[test]
fn discounts_are_deducted_as_their_column_counts() {
    let bench = Bench::new();
    for (header, values, more, expected) in [
        ("Discount", ["3.00", "0"], &[][..], 27.0),
        ("Discount", ["10%", "0%"], &[], 27.0),
        ("Discount %", ["10", "0"], &[], 27.0),
        ("Discount", ["0.1", "0"], &[], 27.0),
        ("unit discount", ["1.00", "0"], &[], 27.0),
        ("Discount", ["10", ""], &["--set", "load.discount=percent"], 27.0),
        ("Rabatt", ["-3.00", "0"], &[], 27.0),
    ] {
        let [some, none] = values;
        let text = format!(
            "customer_id,order_id,date,quantity,unit_price,{header}\nk1,1,2024-01-31,3,10.00,{some}\nk2,2,2024-02-01,1,8.00,{none}\n"
        );
        let snapshot = run(&bench, &text, more);
        assert_eq!(
            net(&snapshot),
            owned(&[("k1", expected), ("k2", 8.0)]),
            "{header} {some} {more:?}"
        );
    }
    // An amount is what was paid: nothing is taken off it.
    let text = "customer_id,order_id,date,amount,discount\nk1,1,2024-01-31,27.00,3.00\nk2,2,2024-02-01,8.00,0.00\n";
    assert_eq!(net(&run(&bench, text, &[])), owned(&[("k1", 27.0), ("k2", 8.0)]));
    // More off than there is, or nonsense.
    let text = "customer_id,order_id,date,quantity,unit_price,discount\nk1,1,2024-01-31,3,10.00,30.01\n\
                k1,2,2024-01-31,1,5.00,free\nk1,3,2024-01-31,1,5.00,5.00\nk2,4,2024-01-31,1,5.00,1.00\n";
    let snapshot = run(&bench, text, &[]);
    assert_eq!(snapshot.rejected_by_rule()["bad_amount"], 2);
    assert_eq!(net(&snapshot), owned(&[("k1", 0.0), ("k2", 4.0)]));
}

#[test]
fn costs_are_of_a_piece_or_of_the_line_as_their_header_says() {
    let bench = Bench::new();
    for (header, more, margin) in [
        ("total_cost", &[][..], 5.0),
        ("COGS", &[], 5.0),
        ("Unit Cost", &[], -40.0),
        ("cost", &[], -40.0),
        ("cost", &["--set", "load.cost=line"], 5.0),
    ] {
        let text = format!(
            "customer_id,order_id,date,product_id,quantity,unit_price,{header}\nk1,1,2024-01-31,p,10,1.00,5.00\n"
        );
        let customers = run(&bench, &text, more).table("customers");
        assert_eq!(
            customers.optional_numbers("margin_amount"),
            [Some(margin)],
            "{header} {more:?}"
        );
    }
}

#[test]
fn a_type_turns_a_line_into_a_return() {
    let bench = Bench::new();
    let text = "customer_id,order_id,date,product_id,quantity,unit_price,transaction type\n\
                k1,1,2024-01-10,p,3,10.00,Sale\nk1,2,2024-01-20,p,1,10.00,Return\nk1,3,2024-01-21,q,1,5.00,Quote\n\
                k2,4,2024-01-20,p,1,10.00,Sale\nk2,5,2024-01-22,p,-1,10.00,Refund\nk2,6,2024-01-23,p,2,10.00,Sale\n\
                k2,7,2024-01-24,q,1,1.00,Mystery\n";
    let map = ["--map", "line_type=transaction type"];
    let snapshot = run(&bench, text, &map);
    assert_eq!(net(&snapshot), owned(&[("k1", 20.0), ("k2", 21.0)]));
    assert_eq!(snapshot.rejected_by_rule()["no_sale"], 1);
    let flagged = snapshot.value("rows.flagged_by_rule");
    assert_eq!(
        (&flagged["return_line"]["rows"], &flagged["unknown_type"]["rows"]),
        (&2.into(), &1.into())
    );
    assert_eq!(snapshot.table("customers").numbers("orders"), [1.0, 2.0]);
    let own = [map[0], map[1], "--set", "clean.return_types=[\"Mystery\"]"];
    assert_eq!(net(&run(&bench, text, &own)), owned(&[("k1", 20.0), ("k2", 19.0)]));
}

#[test]
fn one_person_with_three_cards_is_one_customer() {
    let bench = Bench::new();
    let text = "customer_id,order_id,date,amount\n17850.0,1,2024-01-01,10.50\ncard-2,2,2024-02-01,20.00\n\
                card-3,3,2024-03-01,5.00\nk9,4,2024-03-02,1.00\n";
    let map = bench.write("map.csv", "old_id,master_id\ncard-3,card-2\ncard-2,17850\n");
    let customers = bench.write(
        "people.csv",
        "Customer ID;Region;Consent\ncard-2;north;\n17850;north;yes\nnobody;south;no\n",
    );
    let snapshot = run(&bench, text, &["--customer-map", &map, "--customers", &customers]);
    assert_eq!(net(&snapshot), owned(&[("17850", 35.5), ("k9", 1.0)]));
    let table = snapshot.table("customers");
    let text = |value: &str| Some(value.to_owned());
    assert_eq!(table.optional_texts("attribute_region"), [text("north"), None]);
    assert_eq!(table.optional_texts("attribute_consent"), [text("yes"), None]);
    let facts = snapshot.value("side_inputs.customers");
    assert_eq!(
        (&facts["n_found"], &facts["n_rows_without_sale"]),
        (&1.into(), &1.into())
    );
    assert!(snapshot.warnings().contains(&"customer_table"));

    let circle = bench.write("circle.csv", "old_id,master_id\na,b\nb,a\n");
    let sales = bench.text("sales.csv");
    bench.run_fails(&sales, &["--customer-map", &circle], 3, &["circle.csv", "\"a\""]);
    let twice = bench.write("twice.csv", "old_id,master_id\na,b\na,c\n");
    bench.run_fails(&sales, &["--customer-map", &twice], 3, &["twice.csv", "\"b\"", "\"c\""]);
    let no_id = bench.write("no_id.csv", "colour,shape\nred,round\n");
    bench.run_fails(
        &sales,
        &["--customers", &no_id],
        3,
        &["no_id.csv", "colour, shape", "customers_id"],
    );
}

#[test]
fn returns_beyond_the_window_undo_nothing() {
    let bench = Bench::new();
    let text = "customer_id,order_id,date,product_id,quantity,unit_price\nk1,1,2024-01-01,p,1,10.00\n\
                k1,2,2024-01-05,q,1,7.00\nk1,3,2024-03-15,p,-1,10.00\n";
    for (window, orders, unmatched) in [("0", 1.0, 0), ("74", 1.0, 0), ("73", 2.0, 1)] {
        let setting = format!("summary.return_window_days={window}");
        let snapshot = run(&bench, text, &["--set", &setting]);
        assert_eq!(snapshot.table("customers").numbers("orders"), [orders], "{window}");
        assert_eq!(snapshot.count("unmatched_returns.rows"), unmatched, "{window}");
        assert_eq!(net(&snapshot), owned(&[("k1", 7.0)]), "{window}");
    }
}

/// Sixty lines, every fifth of which is broken in its own way; and how they should have been.
fn broken_and_whole() -> (String, String) {
    let header = "Kunde;Beleg;Datum;Artikel;Menge;Preis\n";
    let (mut broken, mut whole) = (header.to_owned(), header.to_owned());
    for i in 0..60 {
        let fields = [
            format!("k{}", i % 7),
            format!("b{i}"),
            format!("{:02}.{:02}.2024", 1 + i % 28, 1 + i % 12),
            format!("\"Artikel; {}\"", i % 4),
            format!("{}", 1 + i % 3),
            format!("{},50", 2 + i % 5),
        ];
        whole += &(fields.join(";") + "\n");
        let mut bad = fields.to_vec();
        match i % 25 {
            0 => bad[0].clear(),
            5 => bad[2] = "31.02.2024".into(),
            10 => bad[4] = "drei".into(),
            15 => bad[5].clear(),
            20 => bad.truncate(3),
            _ => {}
        }
        broken += &(bad.join(";") + "\n");
    }
    (broken, whole)
}

#[test]
fn repaired_rejects_make_the_whole_history() {
    let bench = Bench::new();
    let (broken, whole) = broken_and_whole();
    let whole_input = bench.write("whole.csv", &whole);
    let expected = bench.snapshot(&whole_input, "whole", &[]);
    let input = bench.write("broken.csv", &broken);
    let first = bench.snapshot(&input, "first", &["--rejects", "csv"]);
    let rejects = String::from_utf8(first.bytes("rejects.csv")).unwrap();
    assert_eq!(rejects.lines().count() as u64, 1 + first.count("rows.rejected"));
    assert_eq!(first.count("rows.rejected"), 12);

    // Whoever repairs the file looks up what was meant, and leaves the added columns as they are.
    let mut reader = csv::Reader::from_reader(rejects.as_bytes());
    let headers = reader.headers().unwrap().clone();
    assert_eq!(
        headers.iter().skip(6).collect::<Vec<_>>(),
        ["rejected_by", "rejected_file", "rejected_row"]
    );
    let mut repaired = csv::Writer::from_writer(Vec::new());
    repaired.write_record(&headers).unwrap();
    let meant: Vec<csv::StringRecord> = {
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(whole.as_bytes());
        reader.records().map(Result::unwrap).collect()
    };
    for record in reader.records() {
        let record = record.unwrap();
        let row: usize = record[8].parse().unwrap();
        let right = meant[row - 2].iter().chain(record.iter().skip(6));
        repaired.write_record(right).unwrap();
    }
    let repaired = bench.write("repaired.csv", repaired.into_inner().unwrap());
    let out = bench.text("second");
    quintile(&["run", "--quiet", "--out", &out, "--input", &input, &repaired]).ok();
    let second = Snapshot::only_one_in(&bench.path("second"));
    assert_eq!(second.count("rows.kept"), 60);
    assert_eq!(second.count("rows.rejected"), 12);
    assert_eq!(second.bytes("customers.parquet"), expected.bytes("customers.parquet"));
    // The rejects alone, unrepaired, are rejected again for the same reasons.
    let rejects = bench.write("rejects.csv", rejects);
    let ran = quintile(&[
        "check",
        "--quiet",
        "--input",
        &rejects,
        "--decimal",
        "comma",
        "--date-format",
        "dmy",
    ]);
    ran.fails(4, &["no line is left of 12"]);
}

#[test]
fn too_little_data_is_said_and_may_end_the_run() {
    let bench = Bench::new();
    let text = "customer_id,order_id,date,amount\nk1,1,2024-01-01,10.50\nk2,2,2024-02-01,20.00\n";
    let snapshot = run(&bench, text, &[]);
    let warnings = snapshot.value("warnings").as_array().unwrap().clone();
    let thin: Vec<&Value> = warnings
        .iter()
        .filter(|warning| warning["code"] == "thin_data")
        .collect();
    assert_eq!(thin.len(), 1);
    let message = thin[0]["message"].as_str().unwrap();
    assert!(
        message.contains("2 customers with an order, at least 100 are asked for"),
        "{message}"
    );
    let input = bench.text("sales.csv");
    bench.run_fails(
        &input,
        &["--set", "gates.action=stop"],
        4,
        &["too little data", "2 customers", "[gates]"],
    );
    let enough = [
        "gates.min_customers=2",
        "gates.min_history_days=30",
        "gates.min_repeat_customers=0",
    ];
    let mut args = vec!["--set", "gates.action=stop"];
    enough.iter().for_each(|setting| args.extend(["--set", setting]));
    assert!(!run(&bench, text, &args).warnings().contains(&"thin_data"));
}

#[test]
fn tests_and_wholesalers_are_flagged_and_never_cut() {
    let bench = Bench::new();
    let mut text = "customer_id,order_id,date,amount\n".to_owned();
    for i in 0..200 {
        text += &format!(
            "k{i:03},{i},2024-{:02}-{:02},{}.50\n",
            1 + i % 12,
            1 + i % 28,
            10 + i % 40
        );
    }
    text += "bulk,900,2024-06-01,90000.00\ntest_user,901,2024-06-02,1.00\n";
    let snapshot = run(&bench, &text, &[]);
    let customers = snapshot.table("customers");
    let flags: Vec<(String, String)> = customers
        .texts("customer_id")
        .into_iter()
        .zip(customers.optional_texts("data_flag"))
        .filter_map(|(id, flag)| Some((id, flag?)))
        .collect();
    let pair = |id: &str, flag: &str| (id.to_owned(), flag.to_owned());
    assert_eq!(flags, [pair("bulk", "wholesale"), pair("test_user", "test_customer")]);
    assert_eq!(customers.n_rows(), 202);
    let warnings = snapshot.warnings();
    assert!(
        warnings.contains(&"wholesale") && warnings.contains(&"test_customer"),
        "{warnings:?}"
    );
    let without = run(&bench, &text, &["--set", "clean.rules.test_customer=reject"]);
    assert_eq!(without.table("customers").n_rows(), 201);
    assert_eq!(without.rejected_by_rule()["test_customer"], 1);
}

#[test]
fn check_reports_columns_dates_and_rules() {
    let bench = Bench::new();
    let text = "customer_id,order_id,date,product_id,quantity,unit_price,currency\n\
                k1,1,2024-01-01,p,1,10.00,EUR\nk1,2,2024-01-02,q,2,2.50,EUR\n,3,2024-01-10,q,1,2.50,USD\n\
                k2,4,2024-01-11,q,1,abc,EUR\nk1,2,2024-01-02,q,2,2.50,EUR\n";
    let input = bench.write("sales.csv", text);
    let report = quintile(&["check", "--quiet", "--format", "json", "--input", &input]).ok();
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let column = |name: &str| {
        let columns = report["columns"].as_array().unwrap();
        columns.iter().find(|column| column["column"] == name).unwrap().clone()
    };
    let customer = column("customer_id");
    assert_eq!((&customer["nulls"], &customer["distinct"]), (&1.into(), &2.into()));
    let price = column("unit_price");
    assert_eq!(
        (&price["unreadable"], &price["min"], &price["max"]),
        (&1.into(), &"2.5".into(), &"10".into())
    );
    assert_eq!(report["dates"]["gaps"][0]["from"], "2024-01-03");
    assert_eq!(report["dates"]["gaps"][0]["days"], 7);
    assert_eq!(report["duplicates"]["rows"], 1);
    assert_eq!(report["currencies"].as_array().unwrap().len(), 2);
    let rule = |name: &str| {
        let rules = report["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["rule"] == name).unwrap().clone()
    };
    assert_eq!(rule("missing_customer")["matched_amount"], 2.5);
    assert_eq!(rule("bad_amount")["examples"][0]["line"], "k2,4,2024-01-11,q,1,abc,EUR");
    assert_eq!(rule("bad_amount")["examples"][0]["row"], 5);
    assert_eq!(report["gates"][0]["is_met"], false);
    assert_close(report["amounts"]["kept"].as_f64().unwrap(), 20.0, 1e-12, "kept");
    // The same for people.
    let text = quintile(&["check", "--quiet", "--input", &input]).ok().stdout;
    for part in [
        "missing_customer",
        "row 5: k2,4",
        "longest gaps  2024-01-03 to 2024-01-09 (7 days)",
        "EUR 4, USD 1",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(
        fs::read_dir(bench.path("")).unwrap().count() == 1,
        "check writes nothing"
    );
}
