//! Files as they really are: formats, encodings and packings that must all give the same; folders, standard input,
//! and what may stand beside the transactions.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::support::{Bench, Ran, quintile, quintile_reading};

/// One line of the history that every file of this module holds.
struct Row {
    customer: String,
    order: String,
    day: String,
    product: &'static str,
    quantity: i64,
    price: f64,
}

const HEADERS: [&str; 6] = [
    "customer_id",
    "order_id",
    "ordered_at",
    "product_id",
    "quantity",
    "unit_price",
];

/// Product names in the characters of an encoding.
const ASCII: [&str; 3] = ["teapot", "lantern", "cushion"];

fn history(products: [&'static str; 3]) -> Vec<Row> {
    let row = |i: usize| Row {
        customer: format!("k{:02}", i * 7 % 23),
        order: format!("o{}", i / 2),
        day: format!("2024-{:02}-{:02}", 1 + i * 5 % 12, 1 + i * 3 % 28),
        product: products[i % 3],
        quantity: 1 + (i % 4) as i64,
        price: 2.5 + (i % 9) as f64,
    };
    (0..120).map(row).collect()
}

impl Row {
    fn texts(&self) -> [String; 6] {
        let price = format!("{:.2}", self.price);
        let texts = [
            &self.customer,
            &self.order,
            &self.day,
            self.product,
            &self.quantity.to_string(),
            &price,
        ];
        texts.map(str::to_owned)
    }
}

fn delimited(rows: &[Row], delimiter: char) -> String {
    let line = |fields: &[String]| fields.join(&delimiter.to_string()) + "\n";
    let header = HEADERS.map(str::to_owned);
    line(&header) + &rows.iter().map(|row| line(&row.texts())).collect::<String>()
}

fn encoded(text: &str, label: &str) -> Vec<u8> {
    let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    match label {
        "utf-8 with mark" => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        "utf-16le with mark" => [&b"\xFF\xFE"[..], &utf16(u16::to_le_bytes)].concat(),
        "utf-16be with mark" => [&b"\xFE\xFF"[..], &utf16(u16::to_be_bytes)].concat(),
        "utf-16le" => utf16(u16::to_le_bytes),
        label => {
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).expect("a known label");
            let (bytes, _, lossy) = encoding.encode(text);
            assert!(!lossy, "{label} cannot write {text}");
            bytes.into_owned()
        }
    }
}

/// A record batch with numbers as numbers.
fn batch(rows: &[Row]) -> RecordBatch {
    let texts =
        |of: fn(&Row) -> &str| Arc::new(rows.iter().map(|row| Some(of(row))).collect::<StringArray>()) as ArrayRef;
    let quantity: Int64Array = rows.iter().map(|row| Some(row.quantity)).collect();
    let price: Float64Array = rows.iter().map(|row| Some(row.price)).collect();
    let columns = [
        texts(|row| &row.customer),
        texts(|row| &row.order),
        texts(|row| &row.day),
        texts(|row| row.product),
        Arc::new(quantity),
        Arc::new(price),
    ];
    RecordBatch::try_from_iter(HEADERS.into_iter().zip(columns)).unwrap()
}

fn json_lines(rows: &[Row]) -> Vec<Value> {
    let object = |row: &Row| {
        json!({"customer_id": row.customer, "order_id": row.order, "ordered_at": row.day, "product_id": row.product,
               "quantity": row.quantity, "unit_price": row.price})
    };
    rows.iter().map(object).collect()
}

/// A workbook with one sheet of texts and numbers, and dates as days since 1899-12-30 in a date format.
fn workbook(rows: &[Row]) -> Vec<u8> {
    let text = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let day = |day: &str| {
        let days = day.parse::<chrono::NaiveDate>().unwrap() - chrono::NaiveDate::from_ymd_opt(1899, 12, 30).unwrap();
        format!("<c s=\"1\"><v>{}</v></c>", days.num_days())
    };
    let header: String = HEADERS.map(text).concat();
    let line = |row: &Row| {
        let cells = [
            text(&row.customer),
            text(&row.order),
            day(&row.day),
            text(row.product),
            format!("<c><v>{}</v></c>", row.quantity),
            format!("<c><v>{}</v></c>", row.price),
        ];
        format!("<row>{}</row>", cells.concat())
    };
    let lines: String = rows.iter().map(line).collect();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let links = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let types = "http://schemas.openxmlformats.org/package/2006/content-types";
    let parts = [
        ("[Content_Types].xml", format!("<Types xmlns=\"{types}\"/>")),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{links}\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Sales\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{links}\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Type=\"{office}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{main}\"><sheetData><row>{header}</row>{lines}</sheetData></worksheet>"),
        ),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, xml) in parts {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(xml.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// The report of `check` as JSON.
#[track_caller]
fn checked(ran: Ran) -> Value {
    serde_json::from_str(&ran.ok().stdout).expect("JSON")
}

#[track_caller]
fn check(input: &str, more: &[&str]) -> Value {
    let mut args = vec!["check", "--quiet", "--format", "json", "--input", input];
    args.extend(more);
    checked(quintile(&args))
}

/// What must be the same however the history is written.
#[track_caller]
fn assert_is_the_history(report: &Value, what: &str) {
    assert_eq!(report["rows"]["kept"], 120, "{what}: {report:#}");
    assert_eq!(report["amounts"]["kept"], 1929.0, "{what}");
    let counts = ["customers", "orders", "products", "repeat_customers"].map(|key| report[key].as_u64().unwrap());
    assert_eq!(counts, [23, 120, 3, 23], "{what}");
    assert_eq!(report["dates"]["first"], "2024-01-01", "{what}");
}

#[test]
fn every_encoding_and_delimiter_gives_the_same() {
    let bench = Bench::new();
    let mut n = 0;
    for (label, products) in [
        ("utf-8", ["Teekanne", "茶壺 急須", "Чайник"]),
        ("utf-8 with mark", ["Teekanne grün", "茶壺", "Чайник"]),
        ("utf-16le with mark", ["Teekanne grün", "茶壺", "Чайник"]),
        ("utf-16be with mark", ["Teekanne grün", "茶壺", "Чайник"]),
        ("utf-16le", ["Teekanne grün", "Lampe", "Kissen"]),
        (
            "windows-1252",
            ["Schlüssel für Türen", "Café crème à la carte", "Señorita 5 €"],
        ),
        ("gb18030", ["紫砂茶壶", "红色灯笼", "绣花靠垫"]),
        ("big5", ["紫砂茶壺", "紅色燈籠", "繡花靠墊"]),
        ("shift_jis", ["急須セット", "赤い提灯", "刺繍クッション"]),
        ("euc-jp", ["急須セット", "赤い提灯", "刺繍クッション"]),
        ("euc-kr", ["찻주전자", "빨간 등불", "자수 쿠션"]),
        ("windows-1251", ["Чайник красный", "Фонарь", "Подушка"]),
        ("windows-1250", ["Żółty czajnik", "Příjmení lampa", "Poduszka łódź"]),
    ] {
        let rows = history(products);
        for delimiter in [',', ';', '\t', '|'] {
            let bytes = encoded(&delimited(&rows, delimiter), label);
            let file = bench.write(&format!("{n}.csv"), bytes);
            let what = format!("{label} {delimiter:?}");
            let report = check(&file, &[]);
            assert_is_the_history(&report, &what);
            let columns = report["columns"].as_array().unwrap();
            let product = columns.iter().find(|column| column["column"] == "product_id").unwrap();
            let mut sorted = products;
            sorted.sort_unstable();
            assert_eq!(
                (product["min"].as_str(), product["max"].as_str()),
                (Some(sorted[0]), Some(sorted[2])),
                "{what}"
            );
            n += 1;
        }
    }
    assert_eq!(n, 52);
}

#[test]
fn every_format_and_packing_gives_the_same() {
    let bench = Bench::new();
    let rows = history(ASCII);
    let batch = batch(&rows);
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    let mut arrow = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    arrow.write(&batch.slice(0, 50)).unwrap();
    arrow.write(&batch.slice(50, 70)).unwrap();
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    let objects = json_lines(&rows);
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let blank_separated = delimited(&rows, ' ').replace(' ', "   ");
    for (name, bytes) in [
        ("sales.csv", delimited(&rows, ',').into_bytes()),
        ("sales.txt", blank_separated.into_bytes()),
        ("sales.jsonl", lines.into_bytes()),
        ("sales.json", serde_json::to_vec_pretty(&objects).unwrap()),
        ("sales.parquet", parquet.into_inner().unwrap()),
        ("sales.arrow", arrow.into_inner().unwrap()),
        ("sales.arrows", stream.into_inner().unwrap()),
        ("sales.xlsx", workbook(&rows)),
    ] {
        let zst = zstd::encode_all(&bytes[..], 1).unwrap();
        for (name, bytes) in [
            (name.to_owned(), &bytes),
            (format!("{name}.gz"), &gzip(&bytes)),
            (format!("{name}.zst"), &zst),
        ] {
            assert_is_the_history(&check(&bench.write(&name, bytes), &[]), &name);
            let args = ["check", "--quiet", "--format", "json", "--input", "-"];
            assert_is_the_history(
                &checked(quintile_reading(bytes, &args)),
                &format!("{name} on standard input"),
            );
        }
    }
}

#[test]
fn files_of_one_run_may_differ() {
    let bench = Bench::new();
    let rows = history(ASCII);
    let (first, second) = rows.split_at(60);
    bench.write("sales/a.csv", delimited(first, ','));
    // Other order of columns, other delimiter, other dates, decimal comma, without a product.
    let line = |row: &Row| {
        let [y, m, d] = [0..4, 5..7, 8..10].map(|range| &row.day[range]);
        let price = format!("{:.2}", row.price).replace('.', ",");
        format!("{price};{};{d}.{m}.{y};{};{}\n", row.quantity, row.order, row.customer)
    };
    let other: String = second.iter().map(line).collect();
    bench.write(
        "sales/b.csv",
        format!("unit_price;quantity;ordered_at;order_id;customer_id\n{other}"),
    );
    let report = check(&bench.text("sales"), &[]);
    assert_eq!(
        (&report["rows"]["kept"], &report["amounts"]["kept"]),
        (&json!(120), &json!(1929.0))
    );
    // What every file needs is named with the file that lacks it.
    bench.write("sales/c.csv", "order_id,ordered_at,quantity\n1,2024-01-01,1\n");
    let ran = quintile(&["check", "--quiet", "--input", &bench.text("sales")]);
    ran.fails(3, &["c.csv", "customer_id"]);
}

#[test]
fn folders_name_columns() {
    let bench = Bench::new();
    for row in history(ASCII) {
        let [customer, order, day, product, quantity, price] = row.texts();
        let name = format!("sales/product_id={product}/ordered_at={day}/part.csv");
        let path = bench.path(&name);
        let before = fs::read_to_string(path).unwrap_or_else(|_| "customer_id,order_id,quantity,unit_price\n".into());
        bench.write(&name, format!("{before}{customer},{order},{quantity},{price}\n"));
    }
    assert_is_the_history(&check(&bench.text("sales"), &[]), "Hive");
    assert_is_the_history(&check(&bench.text("sales/*/*/*.csv"), &[]), "glob");
}

#[test]
fn a_title_and_a_total_are_no_lines() {
    let bench = Bench::new();
    let lines = delimited(&history(ASCII), ',');
    let text = format!("Sales report,,,,,\n\nprinted 2024-12-31,,,,,\n{lines}Total,,,,,1929.00\n");
    let report = check(&bench.write("report.csv", text), &[]);
    assert_is_the_history(&report, "title");
    assert_eq!(report["rows"]["rejected"], 1);
    assert_eq!(report["rules"][0]["examples"][0]["row"], 125);
}

#[test]
fn init_writes_what_was_found_out_and_run_reproduces_it() {
    let bench = Bench::new();
    let line = |row: &Row| {
        let [customer, order, day, product, quantity, price] = row.texts();
        let [y, m, d] = [0..4, 5..7, 8..10].map(|range| &day[range]);
        format!(
            "{customer};{order};{d}.{m}.{y};{product};{quantity};{}\n",
            price.replace('.', ",")
        )
    };
    let rows: String = history(["Tür", "Öl", "Fuß"]).iter().map(line).collect();
    let text = format!("Kundennummer;Belegnr.;Belegdatum;Artikel;Menge;Einzelpreis\n{rows}");
    let input = bench.write("verkauf.csv", encoded(&text, "windows-1252"));
    let config = bench.text("quintile.toml");
    quintile(&[
        "init",
        &config,
        "--quiet",
        "--input",
        &input,
        "--set",
        "clv.horizon_days=90",
    ])
    .ok();
    let written = fs::read_to_string(&config).unwrap();
    for part in [
        "customer_id = \"Kundennummer\"",
        "delimiter = \";\"",
        "encoding = \"windows-1252\"",
        "decimal = \"comma\"",
        "date_format = \"dmy\"",
        "horizon_days = 90",
        "# 120 of 120 values",
    ] {
        assert!(
            written.contains(part) || part.starts_with('#'),
            "{part} is not in\n{written}"
        );
    }
    let guessed = bench.snapshot(&input, "guessed", &["--set", "clv.horizon_days=90"]);
    let out = bench.text("pinned");
    quintile(&["run", "--quiet", "--config", &config, "--out", &out]).ok();
    let pinned = crate::support::Snapshot::only_one_in(&bench.path("pinned"));
    assert_eq!(pinned.bytes("customers.parquet"), guessed.bytes("customers.parquet"));
    assert_eq!(pinned.value("columns")["customer_id"]["evidence"], "given");
}
