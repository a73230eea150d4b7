//! Texts whose bytes are no text, or text of another encoding.

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

use super::{Case, GOOD, HEADER, file, good, joined, lines, table, text, unreadable, works};

/// Good lines, UTF-8 beyond doubt, and these bytes behind them.
fn bytes(name: &'static str, more: &'static [u8], expect: super::Expect) -> Case {
    file(name, move || joined(&[euros().as_bytes(), more]), expect)
}

/// The good table with a character of three bytes in every line.
fn euros() -> String {
    table()
        .replace(",p", ",\u{20ac}")
        .replace("\u{20ac}roduct_id", "product_id")
}

fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

fn encoded(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let (bytes, _, lost) = encoding.encode(text);
    assert!(!lost, "{} cannot write this", encoding.name());
    bytes.into_owned()
}

/// Forty lines under these headers, with these words as products.
fn named(headers: [&str; 6], words: &[&str]) -> String {
    let line = |i: usize| {
        let (month, day, word) = (1 + i % 9, 1 + i % 28, words[i % words.len()]);
        format!("k{},{i},2024-0{month}-{day:02},{word},1,{}.50\n", i % 6, 10 + i)
    };
    headers.join(",") + "\n" + &(0..40).map(line).collect::<String>()
}

fn chinese() -> String {
    let headers = ["客户编号", "订单号", "下单时间", "商品名称", "数量", "金额"];
    named(headers, &["龙井绿茶", "茉莉花茶", "普洱熟茶", "铁观音礼盒"])
}

fn taiwanese() -> String {
    let headers = ["客戶編號", "訂單編號", "訂購日期", "商品名稱", "數量", "金額"];
    named(headers, &["凍頂烏龍茶", "鳳梨酥禮盒", "阿里山高山茶", "綠豆糕"])
}

fn japanese() -> String {
    let headers = ["顧客番号", "注文番号", "注文日", "商品名", "数量", "金額"];
    named(headers, &["煎茶セット", "抹茶クッキー", "ほうじ茶", "湯のみ"])
}

fn korean() -> String {
    let headers = [
        "customer_id",
        "order_id",
        "ordered_at",
        "product_name",
        "quantity",
        "amount",
    ];
    named(headers, &["녹차 선물세트", "홍삼정", "한과 세트", "유자차"])
}

fn russian() -> String {
    let headers = [
        "customer_id",
        "order_id",
        "ordered_at",
        "product_name",
        "quantity",
        "amount",
    ];
    named(headers, &["Чай зелёный", "Кофе молотый", "Сахар", "Печенье овсяное"])
}

fn german() -> String {
    let headers = ["Kundennummer", "Bestellnummer", "Datum", "Artikel", "Menge", "Betrag"];
    named(headers, &["Grüner Tee", "Käsegebäck", "Süßholz", "Öl"])
}

pub(super) fn cases() -> Vec<Case> {
    let one_broken = || works(&[("bad_encoding", 1)], GOOD);
    let binary = || unreadable(&["a binary file"]);
    vec![
        // NUL and other control characters.
        lines("nul_in_the_customer.csv", "k1\0,90,2024-01-01,p1,1,5\n", one_broken()),
        lines("nul_in_the_amount.csv", "k1,90,2024-01-01,p1,1,5\0\n", one_broken()),
        lines(
            "nul_for_an_empty_product.csv",
            "k1,90,2024-01-01,\0,1,5\n",
            one_broken(),
        ),
        lines(
            "nul_at_the_very_end.csv",
            "k1,90,2024-01-01,p1,1,5\n\0",
            works(&[("ragged_row", 1)], 31),
        ),
        text("nul_after_every_line.csv", || table().replace('\n', "\0\n"), binary()),
        text("nothing_but_nul.csv", || "\0".repeat(4_096), binary()),
        text("zeros_after_a_crash.csv", || table() + &"\0".repeat(4_096), binary()),
        file(
            "random_bytes.csv",
            || {
                (0..20_000_u32)
                    .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
                    .collect()
            },
            unreadable(&[]),
        ),
        lines("end_of_file_mark_of_dos.csv", "\x1a", works(&[("ragged_row", 1)], GOOD)),
        lines(
            "bell_and_escape_in_a_product.csv",
            "k1,90,2024-01-01,\x07\x1b[31m,1,5\n",
            works(&[], 31),
        ),
        lines(
            "form_feed_in_a_product.csv",
            "k1,90,2024-01-01,a\x0cb\x0bc,1,5\n",
            works(&[], 31),
        ),
        lines(
            "unicode_line_ends_in_a_product.csv",
            "k1,90,2024-01-01,a\u{2028}b\u{85}c,1,5\n",
            works(&[], 31),
        ),
        text(
            "escape_in_a_header.csv",
            || {
                table()
                    .replacen("customer_id", "\x1b[31mwho\x1b[0m", 1)
                    .replace('k', "Buyer ")
            },
            unreadable(&["customer_id"]),
        ),
        // Byte order marks.
        text("mark.csv", || format!("\u{feff}{}", table()), works(&[], GOOD)),
        text(
            "mark_twice.csv",
            || format!("\u{feff}\u{feff}{}", table()),
            works(&[], GOOD),
        ),
        text("mark_and_nothing.csv", || "\u{feff}".into(), unreadable(&["is empty"])),
        text(
            "mark_and_blanks.csv",
            || "\u{feff} \r\n\r\n".into(),
            unreadable(&["is empty"]),
        ),
        text(
            "mark_and_quotes.csv",
            || format!("\u{feff}\"customer_id\"{}", &table()[11..]),
            works(&[], GOOD),
        ),
        text(
            "mark_and_sep.csv",
            || format!("\u{feff}sep=,\r\n{}", table()),
            works(&[], GOOD),
        ),
        lines(
            "mark_in_a_product.csv",
            "k1,90,2024-01-01,a\u{feff}b,1,5\n",
            works(&[], 31),
        ),
        text(
            "mark_in_the_middle.csv",
            || format!("{}\u{feff}{}", table(), table()),
            works(&[("bad_date", 1)], 2 * GOOD),
        ),
        // UTF-16.
        file(
            "utf_16_little.csv",
            || utf_16(&format!("\u{feff}{}", table()), u16::to_le_bytes),
            works(&[], GOOD),
        ),
        file(
            "utf_16_big.csv",
            || utf_16(&format!("\u{feff}{}", table()), u16::to_be_bytes),
            works(&[], GOOD),
        ),
        file(
            "utf_16_little_unmarked.csv",
            || utf_16(&table(), u16::to_le_bytes),
            works(&[], GOOD),
        ),
        file(
            "utf_16_big_unmarked.csv",
            || utf_16(&table(), u16::to_be_bytes),
            works(&[], GOOD),
        ),
        file(
            "utf_16_of_chinese_unmarked.csv",
            || utf_16(&chinese(), u16::to_le_bytes),
            works(&[], 40),
        ),
        file(
            "utf_16_mark_and_nothing.csv",
            || b"\xff\xfe".to_vec(),
            unreadable(&["is empty"]),
        ),
        file(
            "utf_16_of_odd_length.csv",
            || joined(&[&utf_16(&format!("\u{feff}{}", table()), u16::to_le_bytes), b"k"]),
            works(&[("ragged_row", 1)], GOOD),
        ),
        file(
            "utf_16_cut_in_the_last_line_end.csv",
            || {
                let mut bytes = utf_16(&format!("\u{feff}{}", table()), u16::to_le_bytes);
                bytes.pop();
                bytes
            },
            works(&[("bad_encoding", 1)], GOOD - 1),
        ),
        file(
            "utf_16_with_half_a_pair.csv",
            || {
                let mut units: Vec<u16> = format!("\u{feff}{}k1,90,2024-01-01,", table()).encode_utf16().collect();
                units.push(0xd83d);
                units.extend(",1,5\n".encode_utf16());
                units.into_iter().flat_map(u16::to_le_bytes).collect()
            },
            one_broken(),
        ),
        file(
            "utf_16_with_a_line_of_utf_8.csv",
            || {
                joined(&[
                    &utf_16(&format!("\u{feff}{}", table()), u16::to_le_bytes),
                    b"k1,90,2024-01-01,p1,1,50\n",
                ])
            },
            works(&[("ragged_row", 1)], GOOD),
        ),
        file(
            "utf_32.csv",
            || {
                format!("\u{feff}{}", table())
                    .chars()
                    .flat_map(|c| u32::from(c).to_le_bytes())
                    .collect()
            },
            unreadable(&[]),
        ),
        // Broken UTF-8.
        bytes(
            "broken_byte_in_the_customer.csv",
            b"k\xff1,90,2024-01-01,p1,1,5\n",
            one_broken(),
        ),
        bytes(
            "broken_byte_in_the_order.csv",
            b"k1,9\xfe0,2024-01-01,p1,1,5\n",
            one_broken(),
        ),
        bytes(
            "broken_byte_in_the_date.csv",
            b"k1,90,2024-01\xff01,p1,1,5\n",
            one_broken(),
        ),
        bytes(
            "broken_byte_in_the_amount.csv",
            b"k1,90,2024-01-01,p1,1,5\xff\n",
            one_broken(),
        ),
        bytes(
            "broken_sequence_cut_by_a_comma.csv",
            b"k1,90,2024-01-01,\xe5\xae,1,5\n",
            one_broken(),
        ),
        bytes(
            "broken_sequence_at_the_very_end.csv",
            b"k1,90,2024-01-01,p1,1,5\xe5\xae",
            one_broken(),
        ),
        bytes(
            "broken_overlong_sequence.csv",
            b"k1,90,2024-01-01,\xc0\xaf,1,5\n",
            one_broken(),
        ),
        bytes(
            "broken_surrogate_in_utf_8.csv",
            b"k1,90,2024-01-01,\xed\xa0\xbd,1,5\n",
            one_broken(),
        ),
        bytes(
            "broken_character_beyond_unicode.csv",
            b"k1,90,2024-01-01,\xf5\x80\x80\x80,1,5\n",
            one_broken(),
        ),
        file(
            "broken_utf_8_among_chinese.csv",
            || {
                joined(&[
                    chinese().as_bytes(),
                    b"k1,90,2024-01-01,\xff\xfe,1,5\n",
                    b"k2,\xe5,2024-01-01,x,1,5\n",
                ])
            },
            works(&[("bad_encoding", 2)], 40),
        ),
        file(
            "broken_header_of_an_unused_column.csv",
            || {
                let rows = good().replace(".50\n", ".50,x\n");
                joined(&[HEADER.trim_end().as_bytes(), b",\xfd\xfc!\n", rows.as_bytes()])
            },
            works(&[], GOOD),
        ),
        file(
            "broken_header_of_the_customer.csv",
            || {
                let header = HEADER.strip_prefix("customer_id").expect("the first column");
                let rows = good().replace('k', "Buyer ");
                joined(&[b"\xfd\xfc!", header.as_bytes(), rows.as_bytes()])
            },
            unreadable(&["customer_id", "--map"]),
        ),
        // Latin-1 if nothing else in the file is beyond ASCII.
        file(
            "one_byte_beyond_ascii.csv",
            || joined(&[table().as_bytes(), b"k1,90,2024-01-01,Caf\xe9,1,5\n"]),
            works(&[], 31),
        ),
        // Two encodings in one file.
        file(
            "utf_8_with_lines_of_latin_1.csv",
            || {
                joined(&[
                    euros().as_bytes(),
                    &encoded("k1,90,2024-01-01,Café,1,5\n", WINDOWS_1252),
                ])
            },
            works(&[("bad_encoding", 1)], GOOD),
        ),
        file(
            "chinese_with_lines_of_gbk.csv",
            || {
                let line = "k1,90,2024-01-01,龙井绿茶,1,5\n";
                joined(&[chinese().as_bytes(), &encoded(&line.repeat(2), GBK)])
            },
            works(&[("bad_encoding", 2)], 40),
        ),
        file(
            "gbk_with_broken_pairs.csv",
            || joined(&[&encoded(&chinese(), GBK), b"k1,90,2024-01-01,\xc1\xff\xfa,1,5\n"]),
            works(&[("bad_encoding", 1)], 40),
        ),
        file(
            "gbk_cut_in_a_pair.csv",
            || joined(&[&encoded(&chinese(), GBK), b"k1,90,2024-01-01,p,1,5\xc1"]),
            works(&[("bad_encoding", 1)], 40),
        ),
        // Encodings that must be found out.
        file("gbk.csv", || encoded(&chinese(), GBK), works(&[], 40)),
        file(
            "gb18030.csv",
            || encoded(&chinese().replace("普洱", "㐀㐁"), GB18030),
            works(&[], 40),
        ),
        file("big5.csv", || encoded(&taiwanese(), BIG5), works(&[], 40)),
        file("shift_jis.csv", || encoded(&japanese(), SHIFT_JIS), works(&[], 40)),
        file("euc_jp.csv", || encoded(&japanese(), EUC_JP), works(&[], 40)),
        file("euc_kr.csv", || encoded(&korean(), EUC_KR), works(&[], 40)),
        file("windows_1251.csv", || encoded(&russian(), WINDOWS_1251), works(&[], 40)),
        file("windows_1252.csv", || encoded(&german(), WINDOWS_1252), works(&[], 40)),
        // The user is wrong about the encoding.
        text("utf_8_read_as_utf_16.csv", table, unreadable(&[])).with(&["--encoding", "utf-16le"]),
        text("chinese_read_as_big5.csv", chinese, unreadable(&["customer_id"])).with(&["--encoding", "big5"]),
        text(
            "encoding_that_nobody_knows.csv",
            table,
            super::Expect::Fails {
                code: 2,
                says: &["klingon"],
            },
        )
        .with(&["--encoding", "klingon"]),
    ]
}
