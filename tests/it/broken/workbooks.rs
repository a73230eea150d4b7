//! Workbooks that are no workbooks, and archives that are none either.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Case, GOOD, file, joined, table, unreadable, works};

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).expect("a part");
        zip.write_all(content).expect("memory is written");
    }
    zip.finish().expect("memory is written").into_inner()
}

const TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#;
const ROOT: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const BOOK: &str = r#"<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sales" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

/// The XML of a sheet with these rows.
fn sheet(rows: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"#
    )
}

/// The good table as rows of a sheet, all cells texts.
fn rows() -> String {
    rows_of(&table())
}

fn rows_of(text: &str) -> String {
    let row = |(i, line): (usize, &str)| {
        let cells = line
            .split(',')
            .zip('A'..)
            .map(|(value, column)| format!(r#"<c r="{column}{}" t="inlineStr"><is><t>{value}</t></is></c>"#, i + 1));
        format!(r#"<row r="{}">{}</row>"#, i + 1, cells.collect::<String>())
    };
    text.lines().enumerate().map(row).collect()
}

/// A workbook of one sheet with this XML, and these parts beside it.
fn book_with(sheet: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let parts: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", ROOT.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    archive(&[&parts[..], more].concat())
}

fn book(sheet: &str) -> Vec<u8> {
    book_with(sheet, &[])
}

fn good() -> Vec<u8> {
    book(&sheet(&rows()))
}

/// Good rows and one more with this cell for the customer.
fn celled(cell: &str) -> Vec<u8> {
    let rest = r#"<c r="B32"><v>90</v></c><c r="C32" t="inlineStr"><is><t>2024-01-01</t></is></c><c r="D32"><v>1</v></c><c r="E32"><v>1</v></c><c r="F32"><v>5</v></c>"#;
    book(&sheet(&format!(r#"{}<row r="32">{cell}{rest}</row>"#, rows())))
}

/// The header of a compound file, as old Office formats have, and whatever follows.
fn compound(rest: &[u8]) -> Vec<u8> {
    joined(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", rest])
}

pub(super) fn cases() -> Vec<Case> {
    let damaged = || unreadable(&["damaged", "save it again"]);
    let one_file = || unreadable(&["neither a workbook nor one file", "unpack it"]);
    vec![
        file("plain.xlsx", good, works(&[], GOOD)),
        file(
            "cut_in_the_middle.xlsx",
            || good()[..good().len() / 2].to_vec(),
            damaged(),
        ),
        file(
            "cut_by_ten_bytes.xlsx",
            || good()[..good().len() - 10].to_vec(),
            damaged(),
        ),
        file("first_bytes_alone.xlsx", || b"PK\x03\x04".to_vec(), damaged()),
        file(
            "no_archive_inside.xlsx",
            || b"PK\x03\x04rest of a workbook".repeat(50),
            damaged(),
        ),
        file(
            "flipped_in_the_sheet.xlsx",
            || {
                let mut bytes = good();
                let at = bytes.len() / 2;
                bytes[at..at + 40].fill(0xff);
                bytes
            },
            damaged(),
        ),
        file(
            "text_with_the_name_of_a_workbook.xlsx",
            || table().into_bytes(),
            works(&[], GOOD),
        ),
        file("workbook_with_the_name_of_text.csv", good, works(&[], GOOD)),
        file(
            "with_garbage_in_front.xlsx",
            || joined(&[b"garbage", &good()]),
            unreadable(&[]),
        ),
        file("packed.xlsx.gz", || super::packed::gzip(good()), works(&[], GOOD)),
        file("sheet_of_nothing.xlsx", || book(&sheet("")), unreadable(&["is empty"])),
        file(
            "sheet_of_a_header.xlsx",
            || book(&sheet(&rows_of(super::HEADER))),
            unreadable(&["no data"]),
        ),
        file("sheet_that_is_asked_for.xlsx", good, works(&[], GOOD)).with(&["--sheet", "Sales"]),
        file(
            "sheet_that_is_not_there.xlsx",
            good,
            unreadable(&["\"Returns\"", "Sales", "--sheet"]),
        )
        .with(&["--sheet", "Returns"]),
        file("sheet_cut_short.xlsx", || book(&sheet(&rows())[..4_000]), damaged()),
        file(
            "sheet_of_no_xml.xlsx",
            || book("customer_id,amount\nk1,5\n"),
            unreadable(&[]),
        ),
        file(
            "sheet_part_missing.xlsx",
            || {
                archive(&[
                    ("[Content_Types].xml", TYPES.as_bytes()),
                    ("_rels/.rels", ROOT.as_bytes()),
                    ("xl/workbook.xml", BOOK.as_bytes()),
                    ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes()),
                ])
            },
            damaged(),
        ),
        file(
            "relations_missing.xlsx",
            || archive(&[("xl/workbook.xml", BOOK.as_bytes())]),
            damaged(),
        ),
        file(
            "workbook_without_sheets.xlsx",
            || {
                archive(&[
                    ("[Content_Types].xml", TYPES.as_bytes()),
                    ("_rels/.rels", ROOT.as_bytes()),
                    ("xl/workbook.xml", b"<workbook><sheets></sheets></workbook>"),
                    ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes()),
                ])
            },
            unreadable(&["no sheet"]),
        ),
        file(
            "row_out_of_order.xlsx",
            || book(&sheet(&(rows() + r#"<row r="2"><c r="A2"><v>1</v></c></row>"#))),
            unreadable(&["out of order"]),
        ),
        file(
            "cell_beyond_the_last_column.xlsx",
            || celled(r#"<c r="A32"><v>7</v></c><c r="XFE32"><v>1</v></c>"#),
            damaged(),
        ),
        file(
            "cell_of_a_row_beyond_all.xlsx",
            || {
                book(&sheet(
                    &(rows() + r#"<row r="4294967295"><c r="A4294967295"><v>1</v></c></row>"#),
                ))
            },
            damaged(),
        ),
        file(
            "cell_without_a_place.xlsx",
            || celled("<c><v>7</v></c>"),
            works(&[], 31),
        ),
        file(
            "cell_of_an_error.xlsx",
            || celled(r#"<c r="A32" t="e"><v>#REF!</v></c>"#),
            works(&[("missing_customer", 1)], GOOD),
        ),
        file(
            "cell_of_an_unknown_type.xlsx",
            || celled(r#"<c r="A32" t="zzz"><v>7</v></c>"#),
            damaged(),
        ),
        file(
            "cell_of_a_shared_text_that_is_not_there.xlsx",
            || celled(r#"<c r="A32" t="s"><v>7</v></c>"#),
            damaged(),
        ),
        file(
            "cell_of_a_long_number.xlsx",
            || celled(r#"<c r="A32"><v>1.7900000001234E+12</v></c>"#),
            works(&[], 31),
        ),
        file(
            "cell_of_no_number.xlsx",
            || celled(r#"<c r="A32"><v>seven</v></c>"#),
            works(&[], 31),
        ),
        file(
            "entities_that_multiply.xlsx",
            || {
                let entities = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>"#;
                let sheet = sheet(&format!(
                    r#"{}<row r="32"><c r="A32" t="inlineStr"><is><t>&c;</t></is></c></row>"#,
                    rows()
                ));
                book(&sheet.replacen("<worksheet", &format!("{entities}<worksheet"), 1))
            },
            unreadable(&[]),
        ),
        file(
            "bomb_beside_the_sheet.xlsx",
            || book_with(&sheet(&rows()), &[("xl/media/zeros.bin", &vec![0; 300 << 20])]),
            unreadable(&["unpacks to more", "unpack it yourself"]),
        ),
        // Archives of other things.
        file(
            "archive_of_one_table.zip",
            || archive(&[("sales.csv", table().as_bytes())]),
            works(&[], GOOD),
        ),
        file(
            "archive_of_one_table_and_a_mac.zip",
            || archive(&[("sales.csv", table().as_bytes()), ("__MACOSX/._sales.csv", b"x")]),
            works(&[], GOOD),
        ),
        file(
            "archive_of_two_tables.zip",
            || archive(&[("a.csv", table().as_bytes()), ("b.csv", table().as_bytes())]),
            one_file(),
        ),
        file(
            "archive_of_nothing.zip",
            || archive(&[]),
            unreadable(&["an empty archive"]),
        ),
        file(
            "archive_of_an_empty_table.zip",
            || archive(&[("sales.csv", b"")]),
            unreadable(&["is empty"]),
        ),
        file(
            "archive_of_a_workbook.zip",
            || archive(&[("sales.xlsx", &good())]),
            works(&[], GOOD),
        ),
        file(
            "archive_of_an_archive.zip",
            || archive(&[("inner.zip", &archive(&[("sales.csv", table().as_bytes())]))]),
            works(&[], GOOD),
        ),
        file(
            "archive_within_archives.zip",
            || {
                let mut bytes = archive(&[("sales.csv", table().as_bytes())]);
                for _ in 0..40 {
                    bytes = archive(&[("inner.zip", &bytes)]);
                }
                bytes
            },
            unreadable(&["packed twice"]),
        ),
        file(
            "archive_of_a_path_upward.zip",
            || archive(&[("../../../sales.csv", table().as_bytes())]),
            one_file(),
        ),
        file(
            "archive_with_a_wrong_sum.zip",
            || {
                let mut bytes = archive(&[("sales.csv", table().as_bytes())]);
                bytes[60] ^= 0xff;
                bytes
            },
            damaged(),
        ),
        file(
            "archive_of_a_document.docx",
            || {
                archive(&[
                    ("[Content_Types].xml", TYPES.as_bytes()),
                    ("word/document.xml", b"<w/>"),
                ])
            },
            one_file(),
        ),
        // Old workbooks.
        file("header_alone.xls", || compound(&[]), damaged()),
        file("header_and_zeros.xls", || compound(&[0; 4_096]), damaged()),
        file("header_and_garbage.xls", || compound(&[0x5a; 4_096]), damaged()),
        file("header_and_ones.xls", || compound(&[0xff; 4_096]), damaged()),
        file(
            "text_with_the_name_of_an_old_workbook.xls",
            || table().replace(',', "\t").into_bytes(),
            works(&[], GOOD),
        ),
        file(
            "page_with_the_name_of_an_old_workbook.xls",
            || b"<html><table><tr><td>customer_id</td></tr></table></html>".to_vec(),
            unreadable(&["XML or HTML"]),
        ),
    ]
}
