//! Where mutation begins: one small, sound file of every format that quintile reads, built in code.
//!
//! Seeds are kept unpacked, so that what is mutated is the content and checksums are made anew afterwards
//! ([`crate::mutate::pack`]). Workbooks of XML are kept as the parts of their archive for the same reason.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow::record_batch::RecordBatch;
use encoding_rs::Encoding;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};

/// What a file holds, before it is packed.
#[derive(Clone, Debug)]
pub enum Body {
    Flat(Vec<u8>),
    /// Names and contents of the files in a zip archive.
    Parts(Vec<(String, Vec<u8>)>),
}

#[derive(Clone, Debug)]
pub struct Seed {
    /// The format, as the figures at the end name it.
    pub label: &'static str,
    pub body: Body,
}

const ENGLISH: [&str; 6] = [
    "customer_id",
    "order_id",
    "ordered_at",
    "product_id",
    "quantity",
    "amount",
];
const GERMAN: [&str; 6] = [
    "Kundennummer",
    "Belegnummer",
    "Datum",
    "Artikelnummer",
    "Menge",
    "Betrag",
];
const CHINESE: [&str; 6] = ["客户编号", "订单号", "下单时间", "商品编号", "数量", "金额"];
const JAPANESE: [&str; 6] = ["顧客ID", "注文番号", "注文日", "商品コード", "数量", "金額"];
const RUSSIAN: [&str; 6] = ["Клиент", "Заказ", "Дата", "Артикул", "Количество", "Сумма"];
const SPANISH: [&str; 6] = ["Cliente", "Pedido", "Fecha", "Artículo", "Cantidad", "Importe"];

/// How the values of a text are written.
#[derive(Clone, Copy)]
enum Style {
    Plain,
    /// `05.01.2024`, `1.234,50`.
    European,
    /// `1/25/2024 13:05`.
    American,
    /// `2024年1月5日`.
    Chinese,
}

const N_ROWS: u32 = 14;

/// Every column of row `i` as text.
fn row(i: u32, style: Style) -> [String; 6] {
    let (month, day) = (1 + i % 9, 1 + (i * 5) % 28);
    let cents = 1_050 + i * 12_345;
    let (units, rest) = (cents / 100, cents % 100);
    let (date, amount) = match style {
        Style::Plain => (format!("2024-{month:02}-{day:02}"), format!("{units}.{rest:02}")),
        Style::European => {
            let grouped = match units {
                0..1_000 => units.to_string(),
                _ => format!("{}.{:03}", units / 1_000, units % 1_000),
            };
            (format!("{day:02}.{month:02}.2024"), format!("{grouped},{rest:02}"))
        }
        Style::American => (format!("{month}/{day}/2024 13:05"), format!("${units}.{rest:02}")),
        Style::Chinese => (format!("2024年{month}月{day}日"), format!("￥{units}.{rest:02}")),
    };
    let quantity = if i % 5 == 4 {
        "-1".to_owned()
    } else {
        (1 + i % 3).to_string()
    };
    [
        format!("k{}", i % 4),
        (1_000 + i / 2).to_string(),
        date,
        format!("p{}", i % 3),
        quantity,
        amount,
    ]
}

/// Header and rows with `delimiter` between the fields.
fn text(header: [&str; 6], style: Style, delimiter: &str) -> String {
    let mut out = header.join(delimiter) + "\n";
    for i in 0..N_ROWS {
        out += &row(i, style).join(delimiter);
        out.push('\n');
    }
    out
}

fn flat(label: &'static str, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed {
        label,
        body: Body::Flat(bytes.into()),
    }
}

fn encoded(text: &str, label: &str) -> Vec<u8> {
    let encoding = Encoding::for_label(label.as_bytes()).expect("a known label");
    encoding.encode(text).0.into_owned()
}

/// A sound table of transactions as text, for a run of more than one file.
pub fn good() -> Vec<u8> {
    text(ENGLISH, Style::Plain, ",").into_bytes()
}

/// All seeds, always in the same order.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = texts();
    seeds.extend(objects());
    let batch = batch();
    for (version, compression) in [
        (WriterVersion::PARQUET_1_0, Compression::UNCOMPRESSED),
        (WriterVersion::PARQUET_2_0, Compression::SNAPPY),
        (WriterVersion::PARQUET_2_0, Compression::ZSTD(ZstdLevel::default())),
    ] {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(compression)
            .set_max_row_group_row_count(Some(9))
            .build();
        seeds.push(flat(
            "parquet",
            parquet_bytes(&batch, properties).expect("a plain table"),
        ));
    }
    for compression in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
        seeds.push(flat(
            "arrow file",
            arrow_file(&batch, compression).expect("a plain table"),
        ));
        seeds.push(flat(
            "arrow stream",
            arrow_stream(&batch, compression).expect("a plain table"),
        ));
    }
    seeds.push(Seed {
        label: "xlsx",
        body: Body::Parts(workbook_parts()),
    });
    seeds.push(flat("xls", crate::xls::workbook()));
    seeds
}

fn texts() -> Vec<Seed> {
    let plain = text(ENGLISH, Style::Plain, ",");
    let european = text(GERMAN, Style::European, ";");
    let chinese = text(CHINESE, Style::Chinese, ",");
    let quoted: String = plain
        .lines()
        .map(|line| format!("\"{}\"\r\n", line.replace(',', "\",\"")))
        .collect();
    let lines_in_fields = plain
        .replace(",p1,", ",\"p\n\"\"1\"\"\",")
        .replace(",p2,", ",6\" pipe,");
    let utf16: Vec<u8> = chinese.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = european.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let headerless: String = plain.lines().skip(1).map(|line| format!("{line}\n")).collect();
    vec![
        flat("csv", plain.clone()),
        flat("csv", quoted),
        flat("csv", lines_in_fields),
        flat("csv", headerless),
        flat("csv", european.clone()),
        flat("csv", format!("sep=;\r\n{european}")),
        flat("csv", format!("Umsatz\n\n{european}Summe;;;;;1\n")),
        flat("csv", text(SPANISH, Style::European, ";")),
        flat("csv", text(ENGLISH, Style::American, "|")),
        flat("csv", format!("\u{FEFF}{chinese}")),
        flat("csv", encoded(&chinese, "gb18030")),
        flat("csv", encoded(&text(JAPANESE, Style::Plain, ","), "shift_jis")),
        flat("csv", encoded(&text(RUSSIAN, Style::European, ";"), "windows-1251")),
        flat("csv", encoded(&european.replace("p1", "Grün"), "windows-1252")),
        flat("csv", [&[0xFF, 0xFE], &utf16[..]].concat()),
        flat("csv", [&[0xFE, 0xFF], &utf16_be[..]].concat()),
        flat("csv", utf16),
        flat("tsv", text(ENGLISH, Style::Plain, "\t")),
        flat("tsv", text(GERMAN, Style::European, "\t")),
        flat("blank", text(ENGLISH, Style::Plain, " ")),
        flat("blank", text(ENGLISH, Style::Plain, "   ").replace('\n', " \n")),
    ]
}

fn objects() -> Vec<Seed> {
    let object = |i: u32| {
        let [customer, order, date, product, quantity, amount] = row(i, Style::Plain);
        format!(
            r#"{{"customer_id":"{customer}","order":{{"id":{order},"ordered_at":"{date}T10:0{}:00Z"}},"product_id":"{product}","quantity":{quantity},"amount":{amount}}}"#,
            i % 10
        )
    };
    let objects: Vec<String> = (0..N_ROWS).map(object).collect();
    let spread = objects.join(",\n ").replace("\",", "\",\n  ");
    vec![
        flat("json lines", objects.join("\n") + "\n"),
        flat("json array", format!("[\n {spread}\n]\n")),
        flat("json array", format!("[{}]", objects.join(","))),
    ]
}

fn batch() -> RecordBatch {
    let rows: Vec<[String; 6]> = (0..N_ROWS).map(|i| row(i, Style::Plain)).collect();
    let texts = |column: usize| StringArray::from_iter_values(rows.iter().map(|row| row[column].as_str()));
    let days = (0..i64::from(N_ROWS)).map(|i| 1_704_067_200_000 + i * 86_400_000);
    let amounts = rows.iter().map(|row| row[5].parse::<f64>().expect("a number"));
    let quantities = rows.iter().map(|row| row[4].parse::<i64>().expect("a number"));
    let columns: [ArrayRef; 6] = [
        Arc::new(texts(0)),
        Arc::new(texts(1)),
        Arc::new(TimestampMillisecondArray::from_iter_values(days)),
        Arc::new(texts(3)),
        Arc::new(Int64Array::from_iter_values(quantities)),
        Arc::new(Float64Array::from_iter_values(amounts)),
    ];
    RecordBatch::try_from_iter(ENGLISH.into_iter().zip(columns)).expect("columns of one length")
}

type Anything = Box<dyn std::error::Error>;

pub fn parquet_bytes(batch: &RecordBatch, properties: WriterProperties) -> Result<Vec<u8>, Anything> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(bytes)
}

fn ipc_options(compression: Option<CompressionType>) -> Result<IpcWriteOptions, Anything> {
    Ok(IpcWriteOptions::default().try_with_compression(compression)?)
}

/// Two batches, so that there is more than one to find through the footer.
pub fn arrow_file(batch: &RecordBatch, compression: Option<CompressionType>) -> Result<Vec<u8>, Anything> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = FileWriter::try_new_with_options(&mut bytes, &batch.schema(), ipc_options(compression)?)?;
    let half = batch.num_rows() / 2;
    writer.write(&batch.slice(0, half))?;
    writer.write(&batch.slice(half, batch.num_rows() - half))?;
    writer.finish()?;
    drop(writer);
    Ok(bytes.into_inner())
}

pub fn arrow_stream(batch: &RecordBatch, compression: Option<CompressionType>) -> Result<Vec<u8>, Anything> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batch.schema(), ipc_options(compression)?)?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

/// The parts of a workbook with shared and inline texts, numbers, dates, a formula and an error.
fn workbook_parts() -> Vec<(String, Vec<u8>)> {
    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let mut rows = String::from("<row r=\"1\">");
    for (i, column) in ('A'..='F').enumerate() {
        rows += &format!("<c r=\"{column}1\" t=\"s\"><v>{i}</v></c>");
    }
    rows += "</row>";
    for i in 0..N_ROWS {
        let r = i + 2;
        let [customer, order, _, product, quantity, amount] = row(i, Style::Plain);
        rows += &format!(
            "<row r=\"{r}\"><c r=\"A{r}\" t=\"inlineStr\"><is><t>{customer}</t></is></c><c r=\"B{r}\"><v>{order}</v></c>\
             <c r=\"C{r}\" s=\"1\"><v>{}.25</v></c><c r=\"D{r}\" t=\"str\"><f>A{r}</f><v>{product}</v></c>\
             <c r=\"E{r}\"><v>{quantity}</v></c><c r=\"F{r}\"><v>{amount}</v></c></row>",
            45_292 + i
        );
    }
    rows += "<row r=\"20\"><c r=\"A20\" t=\"e\"><v>#DIV/0!</v></c><c r=\"F20\" t=\"b\"><v>1</v></c></row>";
    let shared: String = ENGLISH.iter().map(|name| format!("<si><t>{name}</t></si>")).collect();
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
                 <Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>\
                 <sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "{HEAD}<Relationships xmlns=\"{PACKAGE}\">\
                 <Relationship Id=\"rId1\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
                 <Relationship Id=\"rId2\" Type=\"{OFFICE}/sharedStrings\" Target=\"sharedStrings.xml\"/>\
                 <Relationship Id=\"rId3\" Type=\"{OFFICE}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!(
                "{HEAD}<worksheet xmlns=\"{MAIN}\"><dimension ref=\"A1:F20\"/><sheetData>{rows}</sheetData></worksheet>"
            ),
        ),
        (
            "xl/sharedStrings.xml",
            format!("{HEAD}<sst xmlns=\"{MAIN}\" count=\"6\" uniqueCount=\"6\">{shared}</sst>"),
        ),
        (
            "xl/styles.xml",
            format!(
                "{HEAD}<styleSheet xmlns=\"{MAIN}\"><numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"yyyy-mm-dd\"/>\
                 </numFmts><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>"
            ),
        ),
    ];
    parts
        .map(|(name, content)| (name.to_owned(), content.into_bytes()))
        .to_vec()
}
