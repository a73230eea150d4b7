//! The form in which headers and names are compared.
//!
//! In: a header as it stands in a file. Out: its words in lower case, without accents, marks, units and notes on tax,
//! in simplified characters; and the same with the words by which languages differ in style alone made equal
//! (`N° de commande`, `numéro commande`, `no commande`).

/// What a header says about tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tax {
    Included,
    Excluded,
}

/// A header as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Normal {
    /// `["customer", "id"]` for `CustomerID`, `customer-id`, `Customer_Id`.
    pub(super) words: Vec<String>,
    /// The words without anything between.
    pub(super) joined: String,
    /// The words without articles, with one word for `no.`, `nr` and `number`, and without what is said on tax.
    plain: Vec<String>,
    /// These without anything between, and a leading `id` behind.
    pub(super) joined_plain: String,
    pub(super) tax: Option<Tax>,
}

/// Words that stand for one another, the first of each line being used.
const SAME: &[&str] = &[
    "no;n;nr;num;nro;nbr;number;numero;nummer;numer;numara;numarasi;номер",
    "code;cod;codigo;kod;kodu;codice;код",
    "id;identifier;identifiant;identificador;identificativo;ид",
    "quantity;qty;qnt;qnty;quant;qte;qtd;qtde;qta;cant;quantite;quantidade;quantita;cantidad;qtty",
    "amount;amt",
    "valor;vlr;vl",
    "reference;ref",
    "transaction;txn;trx;tran;trn",
    "customer;cust",
    "order;ord",
    "price;prc",
    "invoice;inv",
    "account;acct",
    "product;prod",
    "unit;unitario;unitaire;unitaria",
    "date;dt;dat",
];

/// Words without which a name says the same.
const IDLE: &str =
    "de;del;della;dello;delle;degli;di;da;do;dos;das;du;des;d;la;le;l;el;los;las;of;the;der;dem;den;van;het;im";

/// Units behind a header, in brackets or behind the last blank.
const UNITS: &str = "usd;us;eur;euro;euros;gbp;pound;pounds;dollar;dollars;cny;rmb;yuan;jpy;yen;twd;ntd;nt;hkd;hk;krw;won;brl;reais;\
inr;rs;rupees;chf;cad;aud;sek;nok;dkk;pln;zl;czk;huf;rub;руб;try;tl;mxn;cop;clp;pen;ars;pkr;sgd;thb;vnd;idr;myr;php;zar;\
元;円;원;人民币;日元;美元;台币;新台币;件;个;個;pcs;stk;szt;шт";
/// Words between a header and its unit.
const BEFORE_UNITS: &str = "in;en;em;w;в";

const TAXES: &str = "tax;taxes;vat;gst;mwst;ust;tva;iva;btw;kdv;ндс;vat;taxe;impuestos;impostos;imposto";
const INCLUDING: &str =
    "incl;including;inc;included;inclusive;with;w;inkl;einschl;con;com;avec;inclusa;incluso;incluido;dahil;с;ink";
const EXCLUDING: &str =
    "excl;excluding;exc;ex;excluded;exclusive;without;before;exkl;zzgl;ohne;sin;sem;hors;esclusa;escluso;haric;без";
const INCLUDED: &str = "ttc;brutto;含税;税込み;税込";
const EXCLUDED: &str = "ht;netto;不含税;未税;无税;税抜き;税抜;税别";

impl Normal {
    pub(super) fn of(header: &str) -> Self {
        /// What is longer is no name, and is not compared with any.
        const MAX_BYTES: usize = 300;
        let header = if header.len() > MAX_BYTES { "" } else { header };
        let words = words_of(header);
        let joined = words.concat();
        let mut plain = words_of(&without_marks(header));
        let tax = take_tax(&mut plain);
        while 1 < plain.len() && plain.last().is_some_and(|word| is_one_of(word, UNITS)) {
            plain.pop();
            if 1 < plain.len() && plain.last().is_some_and(|word| is_one_of(word, BEFORE_UNITS)) {
                plain.pop();
            }
        }
        if plain.iter().any(|word| !is_one_of(word, IDLE)) {
            plain.retain(|word| !is_one_of(word, IDLE));
        }
        for word in &mut plain {
            if let Some(line) = SAME.iter().find(|line| is_one_of(word, line)) {
                *word = line.split(';').next().unwrap_or_default().to_owned();
            }
        }
        // `id_customer`, `code client`
        let mut in_order: Vec<&str> = plain.iter().map(String::as_str).collect();
        if in_order.len() == 2 && matches!(in_order[0], "id" | "no" | "code") {
            in_order.reverse();
        }
        let joined_plain = in_order.concat();
        Self {
            words,
            joined,
            plain,
            joined_plain,
            tax,
        }
    }

    /// Whether both say the same, but for style.
    pub(super) fn is(&self, name: &Self) -> bool {
        self.joined == name.joined || self.joined_plain == name.joined_plain
    }

    /// Whether the words of `part` stand side by side in here, or its characters if it is not spelt in letters.
    pub(super) fn contains(&self, part: &Self) -> bool {
        let within = |words: &[String], part: &[String]| words.windows(part.len()).any(|words| words == part);
        if part.joined.is_empty() {
            false
        } else if part.is_in_characters() {
            self.joined.contains(&part.joined)
        } else {
            within(&self.words, &part.words) || within(&self.plain, &part.plain)
        }
    }

    /// Whether it is spelt in Chinese, Japanese or Korean characters, between which there are no blanks.
    pub(super) fn is_in_characters(&self) -> bool {
        self.joined.chars().all(is_cjk)
    }

    pub(super) fn has_characters(&self) -> bool {
        self.joined.chars().any(is_cjk)
    }

    /// The word by which the name begins, in both of its forms.
    pub(super) fn first_words(&self) -> impl Iterator<Item = &str> {
        self.words
            .first()
            .into_iter()
            .chain(self.plain.first())
            .map(String::as_str)
    }

    /// The words in both forms; one that is the same in both comes twice.
    pub(super) fn all_words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().chain(&self.plain).map(String::as_str)
    }

    /// Whether the name is long enough to be looked for inside a longer header.
    pub(super) fn is_telling(&self) -> bool {
        1 < self.plain.len() || (self.is_in_characters() && 2 < self.joined.chars().count())
    }
}

fn is_one_of(word: &str, list: &str) -> bool {
    list.split(';').any(|listed| listed == word)
}

/// Without a unit in brackets (`Amount (USD)`), a unit behind a stroke and the number by which a twin column is
/// told (`price.1`).
fn without_marks(header: &str) -> String {
    let mut text = without_twin_number(header).to_owned();
    for sign in ["R$", "US$", "NT$", "HK$", "A$", "C$"] {
        text = text.replace(sign, " ");
    }
    for (open, close) in [('(', ')'), ('[', ']'), ('（', '）'), ('【', '】')] {
        if let Some(start) = text.find(open)
            && let Some(length) = text[start..].find(close)
        {
            let inside = words_of(&text[start + open.len_utf8()..start + length]);
            if inside
                .iter()
                .all(|word| is_one_of(word, UNITS) || is_one_of(word, BEFORE_UNITS))
            {
                text.replace_range(start..start + length + close.len_utf8(), " ");
            }
        }
    }
    text
}

/// `price` for `price.1`, as pandas names the second of two columns.
pub(super) fn without_twin_number(header: &str) -> &str {
    let header = header.trim();
    match header.rsplit_once('.') {
        Some((name, number))
            if (1..=2).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && name.ends_with(char::is_alphanumeric) =>
        {
            name
        }
        _ => header,
    }
}

/// What the words say about tax, which is taken out of them unless nothing else is left.
fn take_tax(words: &mut Vec<String>) -> Option<Tax> {
    // `Nettobetrag`
    for (prefix, tax) in [("brutto", Tax::Included), ("netto", Tax::Excluded)] {
        if let Some(word) = words
            .iter_mut()
            .find(|word| word.starts_with(prefix) && *word != prefix)
        {
            word.replace_range(..prefix.len(), "");
            return Some(tax);
        }
    }
    for (tax, sides, alone) in [
        (Tax::Excluded, EXCLUDING, EXCLUDED),
        (Tax::Included, INCLUDING, INCLUDED),
    ] {
        // `incl. VAT`, `IVA inclusa`
        let is_pair = |pair: &[String]| match pair {
            [a, b] => (is_one_of(a, sides) && is_one_of(b, TAXES)) || (is_one_of(a, TAXES) && is_one_of(b, sides)),
            _ => false,
        };
        if let Some(at) = words.windows(2).position(is_pair) {
            if 2 < words.len() {
                words.drain(at..at + 2);
            }
            return Some(tax);
        }
        for mark in alone.split(';') {
            if mark.chars().all(is_cjk) {
                if let Some(word) = words.iter_mut().find(|word| word.contains(mark)) {
                    if *word != mark {
                        *word = word.replace(mark, "");
                    }
                    let n_words = words.len();
                    words.retain(|word| word != mark || n_words == 1);
                    return Some(tax);
                }
            } else if let Some(at) = words.iter().position(|word| word == mark) {
                if 1 < words.len() {
                    words.remove(at);
                }
                return Some(tax);
            }
        }
    }
    None
}

fn words_of(header: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = header.chars().map(half_width).collect();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        // `invoiceNo`, and the last capital of `SKUCode`.
        let camel = c.is_uppercase()
            && before
                .is_some_and(|b| b.is_lowercase() || (b.is_uppercase() && after.is_some_and(|a| a.is_lowercase())));
        let script = before.is_some_and(|b| b.is_ascii() != c.is_ascii() && (is_cjk(b) || is_cjk(c)));
        // `Nº` is one word, and `Nºfactura` two.
        let ordinal = before.is_some_and(|b| matches!(b, 'º' | '°' | '№'));
        if (camel || script || ordinal || !is_part_of_word(c)) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if is_part_of_word(c) {
            fold(c, &mut word);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn is_part_of_word(c: char) -> bool {
    // Accents that stand on their own belong to the letter before them.
    c.is_alphanumeric() || c == '№' || ('\u{300}'..='\u{36F}').contains(&c)
}

pub(super) fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

fn half_width(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        c => c,
    }
}

fn fold(c: char, word: &mut String) {
    const TRADITIONAL: &str = "戶編號訂單會員時間產稱數價額實業務線類別貨幣種購買賣顧總計銷項個門據環條碼創費發標題來臺億際應收規營開換沖紅廢\
結帳優選狀態動進廠稅淨讓減贈點層級庫倉儲憑證網絡電郵併運處歷該連鎖櫃擇舖續關閉還簡帐儘製款紙籤壞驗確認筆";
    const SIMPLIFIED: &str = "户编号订单会员时间产称数价额实业务线类别货币种购买卖顾总计销项个门据环条码创费发标题来台亿际应收规营开换冲红废\
结账优选状态动进厂税净让减赠点层级库仓储凭证网络电邮并运处历该连锁柜择铺续关闭还简账尽制款纸签坏验确认笔";
    for c in c.to_lowercase() {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' | 'ª' => word.push('a'),
            'ç' | 'ć' | 'č' => word.push('c'),
            'ď' | 'đ' => word.push('d'),
            'è'..='ë' | 'ē' | 'ę' | 'ě' => word.push('e'),
            'ğ' => word.push('g'),
            'ì'..='ï' | 'ī' | 'ı' => word.push('i'),
            'ł' => word.push('l'),
            'ñ' | 'ń' | 'ň' => word.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'º' => word.push('o'),
            'ř' => word.push('r'),
            'ś' | 'š' | 'ş' | 'ș' => word.push('s'),
            'ť' | 'ţ' | 'ț' => word.push('t'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => word.push('u'),
            'ý' | 'ÿ' => word.push('y'),
            'ź' | 'ż' | 'ž' => word.push('z'),
            'ё' => word.push('е'),
            'й' => word.push('и'),
            'ß' => word.push_str("ss"),
            'æ' => word.push_str("ae"),
            'œ' => word.push_str("oe"),
            '№' => word.push_str("no"),
            '\u{300}'..='\u{36F}' => {}
            c => {
                let found = TRADITIONAL
                    .chars()
                    .zip(SIMPLIFIED.chars())
                    .find(|(traditional, _)| *traditional == c);
                word.push(found.map_or(c, |(_, simplified)| simplified));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_compared_without_case_marks_and_accents() {
        for (header, words) in [
            ("CustomerID", &["customer", "id"][..]),
            ("customer_unique_id", &["customer", "unique", "id"]),
            ("InvoiceNo", &["invoice", "no"]),
            ("SKUCode", &["sku", "code"]),
            ("Sub-Category", &["sub", "category"]),
            ("ＯＲＤＥＲ　ＩＤ", &["order", "id"]),
            ("客戶編號", &["客户编号"]),
            ("用户ID", &["用户", "id"]),
            ("Währung", &["wahrung"]),
            ("Straße", &["strasse"]),
            ("n° de commande", &["n", "de", "commande"]),
            ("Nº Factura", &["no", "factura"]),
            ("cafe\u{301} noir", &["cafe", "noir"]),
            ("\u{FEFF}a", &["a"]),
            ("Order\u{A0}\r\nDate", &["order", "date"]),
            ("İşlem Tarihi", &["islem", "tarihi"]),
            ("", &[]),
        ] {
            assert_eq!(Normal::of(header).words, words, "{header}");
        }
    }

    #[test]
    fn traditional_and_simplified_characters_pair_up() {
        for (traditional, simplified) in [
            ("結帳時間", "结账时间"),
            ("買家總支付金額", "买家总支付金额"),
            ("確認筆", "确认笔"),
        ] {
            assert_eq!(Normal::of(traditional), Normal::of(simplified));
        }
    }

    #[test]
    fn style_units_and_tax_do_not_count() {
        for (header, name) in [
            ("N° de commande", "numéro commande"),
            ("Nº Factura", "número de factura"),
            ("№ заказа", "номер заказа"),
            ("Amount (USD)", "amount"),
            ("Amount ($)", "amount"),
            ("金额(元)", "金额"),
            ("單價（元）", "单价"),
            ("Betrag in EUR", "Betrag"),
            ("Prix unitaire (€)", "prix unitaire"),
            ("Valor Total (R$)", "vlr total"),
            ("price.1", "price"),
            ("unit_price_usd", "unit price"),
            ("Total (incl. VAT)", "total"),
            ("Montant TTC", "montant"),
            ("含税单价", "单价"),
            ("金額(税込)", "金额"),
            ("Wartość brutto", "Wartość"),
            ("Totale IVA inclusa", "totale"),
        ] {
            assert_eq!(
                Normal::of(header).joined_plain,
                Normal::of(name).joined_plain,
                "{header}"
            );
        }
        for (header, other) in [
            ("Amount (cents)", "amount"),
            ("Order No", "order"),
            ("price 2", "price"),
            ("TTC", "HT"),
            ("version 1.1", "version"),
        ] {
            assert_ne!(
                Normal::of(header).joined_plain,
                Normal::of(other).joined_plain,
                "{header}"
            );
        }
    }

    #[test]
    fn headers_say_whether_tax_is_included() {
        use Tax::{Excluded, Included};
        for (header, tax) in [
            ("Montant TTC", Some(Included)),
            ("Montant HT", Some(Excluded)),
            ("Total ex VAT", Some(Excluded)),
            ("Amount Including VAT", Some(Included)),
            ("不含税金额", Some(Excluded)),
            ("未稅金額", Some(Excluded)),
            ("含税金额", Some(Included)),
            ("Importe sin IVA", Some(Excluded)),
            ("Сумма с НДС", Some(Included)),
            ("Betrag brutto", Some(Included)),
            ("VAT", None),
            ("tax amount", None),
            ("税额", None),
        ] {
            assert_eq!(Normal::of(header).tax, tax, "{header}");
        }
    }
}
