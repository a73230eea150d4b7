//! Common header names, and the form in which they are compared.

use std::sync::LazyLock;

use super::Canonical::{self, *};

/// Names of one canonical column, divided by `;`, with how sure they are. From [`SURE`] on a name also counts
/// when a longer header contains it. A higher number wins where a file has several: what was paid before
/// what was listed, when it was ordered before when it was paid.
const NAMES: &[(Canonical, u32, &str)] = &[
    // Olist: `customer_id` is one per order there, and this one is the person.
    (CustomerId, 101, "customer_unique_id"),
    (CustomerId, 100, "customer_id"),
    (
        CustomerId,
        95,
        "customer no;customer nr;customer number;customer num;customer code;customer key;customer ref;cust id;cust no;cust nr;\
         cust number;cust code;client id;client no;client number;client code;\
         客户编号;客户ID;客户号;客户号码;客户代码;客户编码;顾客编号;顾客ID;顾客号;\
         Kundennummer;Kunden-Nr;Kunden-ID;Kundenkennung;Kd-Nr;Kundencode;Debitorennummer;Debitoren-Nr;\
         numéro client;numéro de client;n° client;n° de client;no client;code client;id client;identifiant client;référence client;\
         id cliente;cliente id;código cliente;código de cliente;código do cliente;número cliente;número de cliente;\
         número do cliente;id do cliente;id de cliente;cod cliente;顧客番号;顧客コード;お客様番号;得意先コード;得意先番号",
    ),
    // A customer may hold several cards or accounts, and then has a number of his own.
    (
        CustomerId,
        92,
        "member id;member no;member number;member code;membership id;membership no;membership number;loyalty id;loyalty card;\
         loyalty card no;loyalty card number;loyalty number;user id;user no;shopper id;buyer id;account id;account no;\
         account number;household id;household key;consumer id;donor id;guest id;subscriber id;patient id;\
         会员编号;会员ID;会员号;会员卡号;会员卡;会员卡编号;会员代码;用户编号;用户ID;用户号;买家ID;买家编号;买家会员名;消费者ID;\
         Mitgliedsnummer;会員番号;会員コード;ユーザーID",
    ),
    (
        CustomerId,
        70,
        "customer;client;buyer;member;user;shopper;cust;household;account;visitor id;contact id;客户;会员;用户;顾客;买家;Kunde;Debitor;\
         cliente;得意先",
    ),
    (CustomerId, 60, "card no;card number;card id;卡号"),
    (
        CustomerId,
        50,
        "customer email;email;e-mail;email address;电子邮箱;邮箱",
    ),
    (CustomerId, GENERIC, "id"),
    (OrderId, 100, "order_id"),
    (
        OrderId,
        97,
        "order no;order nr;order number;order num;order code;order key;order ref;order reference;sales order;sales order id;\
         sales order no;sales order number;purchase order;\
         订单号;订单编号;订单ID;订单号码;销售单号;Bestellnummer;Bestell-Nr;Bestell-ID;Auftragsnummer;Auftrags-Nr;\
         numéro commande;numéro de commande;n° commande;n° de commande;no commande;id commande;número pedido;número de pedido;\
         número do pedido;id pedido;id do pedido;id de pedido;pedido id;n° pedido;id orden;número de orden;\
         注文番号;注文ID;受注番号;オーダー番号;購入ID",
    ),
    (
        OrderId,
        95,
        "invoice id;invoice no;invoice nr;invoice number;invoice num;invoice code;receipt id;receipt no;receipt number;\
         basket id;ticket id;ticket no;ticket number;sale id;sales id;bill id;bill no;bill number;purchase id;\
         小票号;发票号;发票编号;发票号码;Rechnungsnummer;Rechnungs-Nr;Belegnummer;Beleg-Nr;Bonnummer;Bon-Nr;\
         numéro facture;numéro de facture;n° facture;n° de facture;no facture;numéro de ticket;número factura;número de factura;\
         nota fiscal;número da nota;伝票番号;レシート番号",
    ),
    (
        OrderId,
        93,
        "transaction id;transaction no;transaction number;transaction code;txn id;trans id;document no;document number;doc no;\
         交易号;交易编号;交易ID;交易流水号;流水号;单据号;单据编号;取引番号;取引ID",
    ),
    (
        OrderId,
        80,
        "order;invoice;receipt;basket;transaction;ticket;bill;订单;单号;发票;Bestellung;Auftrag;Rechnung;Beleg;commande;facture;\
         pedido;factura;orden;伝票",
    ),
    (OrderId, GENERIC, "id"),
    (OrderedAt, 100, "ordered_at"),
    (
        OrderedAt,
        97,
        "order date;order datetime;order date time;order time;order timestamp;order purchase timestamp;ordered on;order dt;\
         order created at;date of order;date ordered;purchase date;purchased at;purchase time;purchase timestamp;date of purchase;\
         下单时间;下单日期;订单时间;订单日期;购买时间;购买日期;订单创建时间;消费时间;消费日期;\
         Bestelldatum;Auftragsdatum;Kaufdatum;bestellt am;date commande;date de commande;date de la commande;date achat;date d'achat;\
         fecha pedido;fecha de pedido;fecha del pedido;fecha compra;fecha de compra;data pedido;data do pedido;data compra;data da compra;\
         注文日;注文日時;購入日;購入日時;受注日;受注日時",
    ),
    (
        OrderedAt,
        95,
        "invoice date;invoice datetime;transaction date;transaction datetime;transaction time;transaction timestamp;transaction dt;\
         trans date;txn date;sale date;sales date;sold at;receipt date;receipt time;bill date;document date;posting date;\
         交易时间;交易日期;销售日期;销售时间;成交时间;成交日期;开票日期;单据日期;\
         Rechnungsdatum;Belegdatum;Buchungsdatum;Verkaufsdatum;date facture;date de facture;date de facturation;date vente;\
         date de vente;fecha factura;fecha de factura;fecha venta;fecha de venta;data venda;data da venda;data da fatura;\
         取引日;取引日時;売上日;販売日",
    ),
    (
        OrderedAt,
        85,
        "created at;created on;created;creation date;datetime;date time;timestamp;event time;创建时间;创建日期;Zeitpunkt;Zeitstempel;日時",
    ),
    (OrderedAt, 80, "date;order day;day;dt;日期;Datum;fecha;data;日付"),
    (
        OrderedAt,
        70,
        "time;时间;paid at;payment date;payment time;支付时间;付款时间;支付日期;付款日期",
    ),
    (Amount, 100, "amount"),
    (
        Amount,
        98,
        "amount paid;paid amount;total paid;实付金额;实付;实付款;实际支付金额;实收金额;支払金額",
    ),
    (
        Amount,
        95,
        "line amount;line total;line value;item total;net amount;net sales;sales amount;sales value;total amount;total price;\
         total sales;total value;total amt;amt;order amount;order total;transaction amount;purchase amount;payment amount;\
         extended price;extended amount;spend;amount spent;monetary;\
         金额;销售额;销售金额;订单金额;总金额;总价;总额;成交金额;交易金额;消费金额;支付金额;付款金额;购买金额;\
         Betrag;Gesamtbetrag;Gesamtpreis;Nettobetrag;Bruttobetrag;Nettoumsatz;Rechnungsbetrag;Zeilenbetrag;Positionsbetrag;Warenwert;\
         montant;montant total;montant HT;montant TTC;total HT;total TTC;prix total;chiffre d'affaires;\
         importe;importe total;monto;monto total;precio total;valor total;valor da venda;valor do pedido;montante;\
         金額;売上金額;購入金額;合計金額;注文金額;税込金額",
    ),
    (
        Amount,
        90,
        "sales;revenue;turnover;Umsatz;ventas;receita;faturamento;売上;売上高;営業収入;营业额;收入",
    ),
    (
        Amount,
        85,
        "total;subtotal;sub total;grand total;gross sales;gross amount;小计;合计;应付金额;应收金额;Summe;合計;小計",
    ),
    (Amount, 50, "value;valor;Wert;valeur"),
    // Below a line's `price`: a payment is one per order and repeats on every line of a joined table.
    (Amount, PRICE_AS_AMOUNT - 1, "payment value"),
    (Quantity, 100, "quantity"),
    (
        Quantity,
        95,
        "qty;order quantity;order qty;ordered quantity;ordered qty;quantity ordered;qty ordered;quantity sold;qty sold;units sold;\
         num units;number of units;item quantity;item qty;lineitem quantity;sales quantity;sales qty;product quantity;\
         数量;购买数量;销售数量;订购数量;商品数量;下单数量;购买件数;Menge;Bestellmenge;Verkaufsmenge;Stückzahl;Stueckzahl;\
         quantité;qté;cantidad;cantidad vendida;quantidade;qtde;qtd;購入数;購入数量;販売数量;個数",
    ),
    (
        Quantity,
        80,
        "units;pieces;pcs;item count;number of items;no of items;num items;件数;销量;个数;Anzahl;Stück;Stueck;Absatz;nombre d'articles;\
         nb articles;unidades;点数",
    ),
    (UnitPrice, 100, "unit_price"),
    (
        UnitPrice,
        95,
        "price per unit;price each;unit selling price;price unit;单价;商品单价;销售单价;成交单价;Einzelpreis;Stückpreis;Stueckpreis;\
         Preis je Einheit;Preis pro Stück;prix unitaire;precio unitario;precio por unidad;preço unitário;valor unitário;単価;販売単価",
    ),
    (ProductId, 100, "product_id"),
    (
        ProductId,
        95,
        "product code;product no;product nr;product number;product key;product sku;sku;sku id;sku code;stock code;item id;item no;\
         item nr;item code;item number;item key;item sku;lineitem sku;article id;article no;article nr;article number;article code;\
         upc;ean;gtin;barcode;asin;isbn;plu;material number;part number;\
         商品编码;商品编号;商品ID;商品代码;商品货号;货号;产品编号;产品编码;产品ID;产品代码;物料编码;物料号;SKU编码;SKU编号;商品条码;条码;条形码;\
         款号;宝贝ID;\
         Artikelnummer;Artikel-Nr;Artikel-ID;Art-Nr;Produktnummer;Produkt-Nr;Produkt-ID;Materialnummer;\
         code article;code produit;id produit;id article;référence produit;référence article;\
         id producto;id del producto;producto id;código producto;código de producto;código artículo;id produto;id do produto;\
         código produto;código do produto;cod produto;\
         商品コード;商品番号;商品ID;品番;JANコード;製品コード;製品番号",
    ),
    (ProductId, 80, "variant id;référence;réf;referencia;referência"),
    // A lone `Product` serves as the key; next to a real key it is the name.
    (
        ProductId,
        65,
        "product;item;article;商品;产品;Artikel;Produkt;produit;producto;produto;製品",
    ),
    (ProductName, 100, "product_name"),
    (
        ProductName,
        95,
        "product title;product description;product desc;item name;item description;item desc;item title;lineitem name;article name;\
         article description;description;stock description;\
         商品名称;商品名;商品标题;商品描述;产品名称;产品名;品名;宝贝标题;货品名称;物料名称;\
         Artikelbezeichnung;Artikelname;Artikeltext;Artikelbeschreibung;Produktname;Produktbezeichnung;Bezeichnung;Beschreibung;\
         désignation;libellé;libellé article;libellé produit;nom produit;nom du produit;description produit;\
         nombre producto;nombre del producto;descripción;descripción producto;nome produto;nome do produto;descrição;\
         descrição do produto;製品名;商品名称;商品説明",
    ),
    (ProductName, 70, "title;desc;标题"),
    (
        ProductName,
        60,
        "product;item;article;商品;产品;Artikel;Produkt;produit;producto;produto;製品",
    ),
    (Category, 100, "category"),
    (
        Category,
        95,
        "category name;product category;product category name;item category;product cat;\
         类别;品类;分类;类目;商品类别;商品分类;商品品类;商品类目;产品类别;产品分类;Kategorie;Produktkategorie;Warengruppe;Produktgruppe;\
         Artikelgruppe;catégorie;catégorie produit;famille;famille produit;categoría;categoría producto;familia;categoria do produto;\
         カテゴリ;カテゴリー;商品カテゴリ;商品カテゴリー;商品分類;分類",
    ),
    (
        Category,
        75,
        "product type;product group;product family;product line;commodity desc;department;department name;大类;一级类目;rayon;部門",
    ),
    (Category, 50, "sub category;subcategory;aisle;小类;二级类目"),
    (BusinessLine, 100, "business_line"),
    (
        BusinessLine,
        95,
        "line of business;lob;business unit;business area;business segment;业务线;业务板块;事业部;业务单元;业务类型;产品线;Sparte;\
         Geschäftsbereich;Geschaeftsbereich;Geschäftsfeld;ligne d'activité;branche d'activité;unité d'affaires;línea de negocio;\
         unidad de negocio;linha de negócio;unidade de negócio;事業部;事業部門;事業",
    ),
    (BusinessLine, 70, "division;business;业务"),
    (Channel, 100, "channel"),
    (
        Channel,
        95,
        "sales channel;order channel;purchase channel;channel name;distribution channel;渠道;销售渠道;购买渠道;订单渠道;渠道名称;\
         下单渠道;Kanal;Vertriebskanal;Verkaufskanal;Absatzkanal;canal;canal de vente;canal de venta;canal de vendas;チャネル;\
         販売チャネル;販路",
    ),
    (Channel, 70, "order source;platform;订单来源;平台"),
    (Cost, 100, "cost"),
    (
        Cost,
        95,
        "line cost;total cost;cost amount;cogs;cost of goods;cost of goods sold;cost of sales;成本;总成本;成本金额;销售成本;\
         Kosten;Wareneinsatz;Einstandswert;coût;coût total;coût d'achat;costo;costo total;coste;coste total;custo;custo total;原価",
    ),
    (
        Cost,
        90,
        "unit cost;cost price;cost per unit;cost each;item cost;product cost;standard cost;purchase price;buying price;\
         单位成本;成本价;成本单价;进价;进货价;采购价;Stückkosten;Einkaufspreis;Einstandspreis;EK-Preis;coût unitaire;prix d'achat;\
         prix de revient;costo unitario;coste unitario;precio de costo;precio de coste;precio de compra;custo unitário;\
         preço de custo;preço de compra;原単価;仕入単価;仕入価格",
    ),
    (Discount, 100, "discount"),
    (
        Discount,
        95,
        "discount amount;discount amt;line discount;item discount;lineitem discount;discount value;total discount;discount percent;\
         discount percentage;discount pct;discount rate;discount applied;unit discount;rebate;markdown;\
         优惠金额;折扣金额;优惠;折扣额;让利金额;减免金额;Rabatt;Rabattbetrag;Nachlass;Preisnachlass;Rabatt %;Rabattsatz;\
         remise;montant remise;remise ligne;taux de remise;rabais;descuento;importe descuento;descuento %;desconto;\
         valor do desconto;割引;割引額;値引;値引き;値引額;割引率",
    ),
    (LineType, 100, "line_type"),
    (
        LineType,
        95,
        "transaction type;trans type;record type;document type;doc type;order type;sale type;sales type;movement type;\
         invoice type;entry type;operation type;交易类型;单据类型;订单类型;销售类型;业务类别;单据类别;Belegart;Vorgangsart;Buchungsart;\
         Belegtyp;Transaktionstyp;type de document;type de transaction;type de pièce;type d'opération;tipo de documento;\
         tipo de transacción;tipo de operación;tipo de transação;tipo de operação;伝票種別;取引種別;取引区分;売上区分;伝票区分",
    ),
    (LineType, 70, "type;kind;类型;Typ;Art;tipo;種別;区分"),
    (Currency, 100, "currency"),
    (
        Currency,
        95,
        "currency code;order currency;iso currency;币种;币别;货币;货币代码;货币单位;Währung;Waehrung;devise;monnaie;moneda;divisa;moeda;\
         通貨;通貨コード",
    ),
];

/// What a piece costs next to a quantity, and what the line costs without one.
pub(super) const PRICES: &str = "price;item price;lineitem price;product price;sale price;selling price;sales price;价格;售价;销售价;成交价;Preis;Verkaufspreis;\
VK-Preis;prix;prix de vente;precio;precio de venta;preço;preço de venda;価格;販売価格";

/// Single words that count inside a longer header, unless one of [`NEVER`] stands beside them.
const WITHIN: &[(Canonical, &str)] = &[
    (OrderedAt, "date;datetime;timestamp;datum;fecha;日期;时间"),
    (Amount, "amount;revenue;sales;betrag;umsatz;montant;importe;金额"),
    (Quantity, "quantity;qty;menge;数量"),
    (Category, "category;kategorie;类别"),
    (Channel, "channel;渠道"),
    (Currency, "currency"),
];

/// Words that make a longer header something else: `ship date`, `discount amount`, `customer category`.
const NEVER: &[(Canonical, &str)] = &[
    (CustomerId, "name;type;group;segment"),
    (OrderId, "item;line;type;status"),
    (
        OrderedAt,
        "ship;shipped;shipping;shipment;delivery;delivered;dispatch;dispatched;due;birth;birthday;update;updated;modified;modify;\
         return;returned;refund;estimated;expected;approved;arrival;expiry;expiration;registration;register;registered;join;joined;\
         signup;first;last;start;end;cancel;cancelled;limit;review;load;loaded;key;id;\
         发货;送达;到货;收货;生日;出生;注册;更新;修改;退货;退款;首次;最近;开始;结束;取消;入会",
    ),
    (
        Amount,
        "discount;tax;vat;gst;shipping;freight;refund;refunded;tip;balance;due;profit;margin;cost;unit;list;min;max;avg;average;\
         channel;person;rep;manager;region;credit;limit;type;\
         优惠;折扣;退款;运费;税额;成本;利润;单价;余额",
    ),
    (
        Quantity,
        "stock;available;reserved;returned;return;min;max;discount;unit;库存;退货",
    ),
    (ProductId, "name;type;group;order;line"),
    (Category, "sub;subcategory;customer;client;id;code;member"),
    (Channel, "id;code"),
];

/// From this weight on a name of several words, or of three Chinese or Japanese characters, counts inside a
/// longer header.
pub(super) const SURE: u32 = 90;
pub(super) const GENERIC: u32 = 40;
pub(super) const PRICE_BY_QUANTITY: u32 = 90;
pub(super) const PRICE_AS_AMOUNT: u32 = 45;

/// One of the tables in the form in which headers are compared with it.
pub(super) struct Known {
    pub(super) canonical: Canonical,
    pub(super) weight: u32,
    pub(super) name: &'static str,
    pub(super) normal: Normal,
}

fn known(canonical: Canonical, weight: u32, names: &'static str) -> impl Iterator<Item = Known> {
    names.split(';').map(move |name| Known {
        canonical,
        weight,
        name,
        normal: Normal::of(name),
    })
}

pub(super) static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    NAMES
        .iter()
        .flat_map(|&(canonical, weight, names)| known(canonical, weight, names))
        .collect()
});
pub(super) static KNOWN_WITHIN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    WITHIN
        .iter()
        .flat_map(|&(canonical, names)| known(canonical, 0, names))
        .collect()
});
pub(super) static KNOWN_NEVER: LazyLock<Vec<Known>> = LazyLock::new(|| {
    NEVER
        .iter()
        .flat_map(|&(canonical, names)| known(canonical, 0, names))
        .collect()
});

/// The words of a text as headers are compared: in lower case, without accents and marks, in simplified characters.
pub fn fold_words(text: &str) -> Vec<String> {
    Normal::of(text).words
}

/// A header as it is compared: in lower case, without accents, blanks and marks, in simplified characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Normal {
    /// `["customer", "id"]` for `CustomerID`, `customer-id`, `Customer_Id`.
    pub(super) words: Vec<String>,
    /// The words without anything between.
    pub(super) joined: String,
}

impl Normal {
    pub(super) fn of(header: &str) -> Self {
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
            if (camel || script || !c.is_alphanumeric()) && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if c.is_alphanumeric() {
                fold(c, &mut word);
            }
        }
        if !word.is_empty() {
            words.push(word);
        }
        let joined = words.concat();
        Self { words, joined }
    }

    /// Whether the words of `part` stand side by side in here, or its characters if it is not spelt in letters.
    pub(super) fn contains(&self, part: &Self) -> bool {
        if part.joined.is_empty() {
            false
        } else if part.joined.chars().all(is_cjk) {
            self.joined.contains(&part.joined)
        } else {
            self.words.windows(part.words.len()).any(|words| words == part.words)
        }
    }

    /// Whether the name is long enough to be looked for inside a longer header.
    pub(super) fn is_telling(&self) -> bool {
        1 < self.words.len() || (self.joined.chars().all(is_cjk) && 2 < self.joined.chars().count())
    }
}

fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}')
}

fn half_width(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        c => c,
    }
}

fn fold(c: char, word: &mut String) {
    const TRADITIONAL: &str = "戶編號訂單會員時間產稱數價額實業務線類別貨幣種購買賣顧總計銷項個門據環條碼創費發標題來臺億際應收規營開換沖紅廢";
    const SIMPLIFIED: &str = "户编号订单会员时间产称数价额实业务线类别货币种购买卖顾总计销项个门据环条码创费发标题来台亿际应收规营开换冲红废";
    for c in c.to_lowercase() {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => word.push('a'),
            'ç' | 'ć' | 'č' => word.push('c'),
            'è'..='ë' | 'ē' | 'ę' | 'ě' => word.push('e'),
            'ì'..='ï' | 'ī' => word.push('i'),
            'ñ' | 'ń' | 'ň' => word.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => word.push('o'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => word.push('u'),
            'ý' | 'ÿ' => word.push('y'),
            'ß' => word.push_str("ss"),
            'æ' => word.push_str("ae"),
            'œ' => word.push_str("oe"),
            // Accents that stand on their own.
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
            ("cafe\u{301}", &["cafe"]),
            ("\u{FEFF}a", &["a"]),
            ("", &[]),
        ] {
            assert_eq!(Normal::of(header).words, words, "{header}");
        }
    }

    #[test]
    fn no_name_belongs_to_two_columns_with_the_same_weight() {
        for (at, one) in KNOWN.iter().enumerate() {
            assert!(one.weight <= 101 && !one.normal.joined.is_empty(), "{}", one.name);
            for other in &KNOWN[..at] {
                let same = one.normal.joined == other.normal.joined && one.weight == other.weight;
                assert!(
                    !same || one.canonical == other.canonical || one.weight == GENERIC,
                    "{}",
                    one.name
                );
            }
        }
    }
}
