//! Names of the columns that say who, in which order, when and what.

use super::Canonical::{self, *};
use super::names::{GENERIC, VAGUE};

/// Names of one canonical column, divided by `;`, with how sure they are. From [`SURE`](super::names::SURE) on a name
/// also counts when a longer header contains it. A higher number wins where a file has several: when it was ordered
/// before when it was paid, the customer before his card.
pub(super) const KEYS: &[(Canonical, u32, &str)] = &[
    // Olist: `customer_id` is one per order there, and this one is the person.
    (CustomerId, 101, "customer_unique_id"),
    (CustomerId, 100, "customer_id"),
    (
        CustomerId,
        95,
        "customer no;customer code;customer key;customer ref;customer reference;sell to customer no;sold to party;sold to;\
         client id;client no;client code;\
         客户编号;客户ID;客户号;客户号码;客户代码;客户编码;客户代号;会员代号;customer internal id;顾客编号;顾客ID;顾客号;买方编号;\
         Kundennummer;Kundennr;Kunden-Nr;KundenNo;Kunde Nr;Kunden-ID;KundenID;Kundenkennung;Kd-Nr;KdNr;Kundencode;Debitorennummer;\
         Debitoren-Nr;Debitornr;Debitor Nr;Debitorenkonto;Auftraggeber Nr;\
         numéro client;no client;code client;id client;identifiant client;référence client;code tiers;compte client;\
         id cliente;cliente id;código cliente;número cliente;cliente código;cliente no;\
         顧客番号;顧客コード;お客様番号;お客様コード;得意先コード;得意先番号;得意先CD;顧客CD;取引先コード;\
         codice cliente;cliente codice;klantnummer;klantnr;klant id;klant nr;klantcode;debiteurnummer;debiteurnr;debiteur nr;\
         код клиента;id клиента;ид клиента;номер клиента;клиент id;код контрагента;код покупателя;id покупателя;\
         id klienta;klient id;numer klienta;nr klienta;kod klienta;kod kontrahenta;nr kontrahenta;\
         고객번호;고객ID;고객코드;고객아이디;구매자ID;거래처코드;\
         müşteri no;müşteri numarası;müşteri id;müşteri kodu;cari kodu;cari kod",
    ),
    // A customer may hold several cards or accounts, and then has a number of his own.
    (
        CustomerId,
        92,
        "member id;member no;member code;membership id;membership no;loyalty id;loyalty card;loyalty card no;loyalty no;user id;\
         user no;shopper id;buyer id;buyer user id;account id;account no;account ref;a c ref;ac ref;household id;household key;consumer id;donor id;guest id;\
         subscriber id;patient id;bill to customer no;patron id;uid;\
         会员编号;会员ID;会员号;会员卡号;会员卡;会员卡编号;会员代码;会员编码;用户编号;用户ID;用户号;买家ID;买家编号;买家会员名;买家账号;\
         买家昵称;买家用户名;消费者ID;下单账号;用户账号;会员账号;会员号码;\
         Mitgliedsnummer;Mitglieds-Nr;Benutzer-ID;会員番号;会員コード;会員ID;ユーザーID;id usuario;id socio;no socio;id adherent;\
         no adherent;carte fidélité;no carte fidélité;tarjeta cliente;id utente;id użytkownika;id пользователя;회원번호;회원ID;\
         회원아이디;사용자ID;üye no;kullanıcı id",
    ),
    (
        CustomerId,
        70,
        "customer;client;buyer;member;user;shopper;household;account;visitor id;contact id;partner;business partner;kunnr;\
         buyer username;username;login;客户;会员;用户;顾客;买家;Kunde;Debitor;Auftraggeber;cliente;得意先;客先;klant;debiteur;klient;\
         kontrahent;nabywca;клиент;покупатель;контрагент;고객;회원;구매자;거래처;müşteri;cari hesap;acheteur;comprador",
    ),
    (CustomerId, 60, "card no;card id;卡号"),
    (
        CustomerId,
        50,
        "customer email;email;e-mail;email address;buyer email;buyer email address;customer e-mail;billing email;\
         email billing;user email;member email;contact email;電子郵箱;電子郵件;邮箱;E-Mail-Adresse;EMail;courriel;adresse e-mail;\
         correo;correo electrónico;メールアドレス;адрес электронной почты;эл почта;адрес почты;이메일;e-posta;e mail klienta;email cliente;\
         cliente email;买家邮箱;注文者メールアドレス",
    ),
    (CustomerId, GENERIC, "id"),
    // As a last resort: two customers of one name are one.
    (CustomerId, super::names::PERSON, CUSTOMER_NAMES),
    (OrderId, 100, "order_id"),
    (
        OrderId,
        97,
        "order no;order code;order key;order ref;order reference;sales order;sales order id;sales order no;purchase order;\
         sale order no;so no;order increment id;increment id;amazon order id;\
         订单号;订单编号;订单ID;订单号码;销售单号;订单编码;主订单编号;主订单号;交易订单号;订货单号;\
         Bestellnummer;Bestellnr;Bestell-Nr;Bestell-ID;Auftragsnummer;Auftragsnr;Auftrags-Nr;Auftrag Nr;Bestellung Nr;\
         numéro commande;no commande;id commande;référence commande;réf commande;commande no;\
         número pedido;id pedido;pedido id;pedido no;id orden;número orden;orden no;código pedido;\
         注文番号;注文ID;受注番号;オーダー番号;購入ID;受注ID;\
         numero ordine;no ordine;id ordine;ordine no;ordernummer;ordernr;order nummer;bestelnummer;bestelnr;\
         номер заказа;no заказа;заказ no;id заказа;код заказа;numer zamówienia;nr zamówienia;id zamówienia;zamówienie nr;\
         주문번호;주문ID;주문 번호;sipariş no;sipariş numarası;sipariş id",
    ),
    (
        OrderId,
        95,
        "invoice id;invoice no;invoice code;receipt id;receipt no;basket id;ticket id;ticket no;sale id;sales id;bill id;bill no;\
         purchase id;sales invoice no;check no;cart id;\
         小票号;发票号;发票编号;发票号码;小票编号;销售单编号;出库单号;销货单号;销售单据号;账单号;\
         Rechnungsnummer;Rechnungsnr;Rechnungs-Nr;Rechnung Nr;RechnungNr;RgNr;Rg-Nr;Belegnummer;Belegnr;Beleg-Nr;Beleg Nr;Bonnummer;\
         Bonnr;Bon-Nr;Fakturanummer;Faktura Nr;Fakturanr;Kassenbonnummer;\
         numéro facture;no facture;facture no;numéro ticket;no ticket;no pièce;numéro pièce;réf facture;référence facture;id facture;\
         número factura;no factura;factura no;id factura;número ticket;id venta;folio;folio factura;\
         nota fiscal;número nota;no nota;no nf;nf no;número nf;nota fiscal no;id venda;código venda;no venda;número venda;cupom fiscal;\
         no cupom;fatura no;número fatura;伝票番号;レシート番号;伝票No;売上伝票番号;請求書番号;請求番号;\
         numero fattura;no fattura;fattura no;numero scontrino;no scontrino;id fattura;factuurnummer;factuurnr;factuur nr;bonnummer;\
         номер чека;чек no;no чека;номер накладной;номер счета;no счета;numer faktury;nr faktury;nr paragonu;numer paragonu;\
         영수증번호;fatura numarası;fiş no;belge no;fatura id",
    ),
    (
        OrderId,
        93,
        "transaction id;transaction no;transaction code;trans id;trans no;document no;doc no;voucher no;\
         交易号;交易编号;交易ID;交易流水号;流水号;单据号;单据编号;凭证号;取引番号;取引ID;no document;numéro document;número documento;\
         no documento;numero documento;id transacción;id transação;id transazione;id transaction;Transaktionsnummer;Transaktions-ID;\
         номер документа;no документа;numer dokumentu;nr dokumentu;id транзакции;거래번호;전표번호;işlem no;evrak no;vbeln;belnr",
    ),
    (
        OrderId,
        80,
        "order;invoice;receipt;basket;transaction;ticket;bill;订单;单号;发票;Bestellung;Auftrag;Rechnung;Beleg;Faktura;commande;facture;\
         pedido;factura;orden;伝票;ordine;fattura;scontrino;bestelling;factuur;заказ;чек;накладная;zamówienie;faktura;paragon;주문;\
         sipariş;fatura;cupom;bon",
    ),
    (OrderId, 60, "payment id;num"),
    (OrderId, GENERIC, "id"),
    (OrderedAt, 100, "ordered_at"),
    (
        OrderedAt,
        97,
        "order date;order datetime;order date time;order time;order timestamp;order purchase timestamp;ordered on;\
         order created at;order created;order created date;order creation date;date order;date ordered;purchase date;purchased at;purchase time;\
         purchase timestamp;date purchase;order purchase date;\
         下单时间;下单日期;订单时间;订单日期;购买时间;购买日期;订单创建时间;订单成立日期;订单成立时间;消费时间;消费日期;订购日期;订购时间;\
         Bestelldatum;Auftragsdatum;Kaufdatum;bestellt am;date commande;date achat;fecha pedido;fecha compra;fecha orden;\
         data pedido;data compra;注文日;注文日時;購入日;購入日時;受注日;受注日時;data ordine;data acquisto;orderdatum;besteldatum;\
         дата заказа;дата покупки;data zamówienia;data zakupu;주문일;주문일시;주문일자;주문날짜;구매일;구매일자;sipariş tarihi",
    ),
    (
        OrderedAt,
        95,
        "invoice date;invoice datetime;transaction date;transaction datetime;transaction timestamp;trans date;sale date;sales date;\
         sold at;receipt date;receipt time;bill date;document date;posting date;date sold;date sale;invoice timestamp;\
         交易时间;交易日期;销售日期;销售时间;成交时间;成交日期;开票日期;单据日期;业务日期;结账时间;结账日期;制单日期;发票日期;销货日期;出库日期;\
         Rechnungsdatum;Rechnung Datum;Belegdatum;Buchungsdatum;Verkaufsdatum;Fakturadatum;date facture;date facturation;date vente;\
         date transaction;date pièce;fecha factura;fecha venta;fecha emisión;fecha documento;fecha transacción;\
         data venda;data fatura;data emissão;data nota;emissão;data faturamento;data transação;\
         取引日;取引日時;売上日;販売日;売上日付;売上計上日;販売日時;伝票日付;売上日時;請求日;data fattura;data vendita;data documento;\
         factuurdatum;verkoopdatum;transactiedatum;дата продажи;дата чека;дата документа;дата счета;data sprzedaży;data faktury;\
         data wystawienia;data transakcji;거래일;거래일자;거래일시;판매일;판매일자;매출일;매출일자;fatura tarihi;satış tarihi;işlem tarihi;\
         fkdat;audat",
    ),
    (
        OrderedAt,
        85,
        "created at;created on;created;created date;date created;creation date;date add;datetime;date time;timestamp;event time;\
         date heure;date et heure;fecha y hora;fecha hora;data hora;data e hora;创建时间;创建日期;Zeitpunkt;Zeitstempel;日時;\
         fecha creación;data criação;date création;Erstellt am;Erstelldatum;дата создания;дата и время;생성일;oluşturma tarihi;erdat",
    ),
    (
        OrderedAt,
        80,
        "date;order day;day;日期;Datum;fecha;data;日付;дата;날짜;일자;tarih;年月日",
    ),
    // Most often a time of day beside a date.
    (OrderedAt, 79, "transaction time;trans time;sale time;sales time"),
    (
        OrderedAt,
        70,
        "time;时间;paid at;payment date;payment time;date payment;支付时间;付款时间;支付日期;付款日期;订单付款时间;Zahlungsdatum;\
         date paiement;fecha pago;data pagamento;入金日;дата оплаты;data płatności;결제일;결제일시;ödeme tarihi",
    ),
    (ProductId, 100, "product_id"),
    (
        ProductId,
        95,
        "product code;product no;product key;product sku;sku;sku id;sku code;sku no;stock code;item id;item no;item code;item key;\
         item sku;lineitem sku;article id;article no;article code;plu;track id;material no;material code;\
         part no;product variant id;product reference;merchant sku;seller sku;inventory id;\
         商品编码;商品编号;商品ID;商品代码;商品货号;货号;产品编号;产品编码;产品ID;产品代码;物料编码;物料号;SKU编码;SKU编号;品号;商品代号;产品代号;\
         款号;宝贝ID;存货编码;存货代码;商家编码;商品SKU;货品编号;货品编码;品项编号;主商品货号;商品选项货号;物料代码;\
         Artikelnummer;Artikelnr;Artikel-Nr;Artikel-ID;ArtikelID;Art-Nr;ArtNr;Produktnummer;Produktnr;Produkt-Nr;Produkt-ID;ProduktID;\
         Produktcode;Artikelcode;Materialnummer;Material Nr;\
         code article;code produit;id produit;id article;référence produit;référence article;réf article;réf produit;\
         id producto;producto id;código producto;código artículo;id artículo;no artículo;referencia producto;clave producto;\
         id produto;código produto;produto id;produto código;código item;\
         商品コード;商品番号;商品ID;品番;製品コード;製品番号;商品CD;商品管理番号;品目コード;\
         codice articolo;codice prodotto;id prodotto;cod art;artikelnummer leverancier;productcode;productnummer;product nr;\
         артикул;код товара;код номенклатуры;id товара;номер товара;indeks;kod produktu;id produktu;kod towaru;indeks towaru;symbol towaru;\
         상품코드;상품번호;상품ID;품번;품목코드;제품코드;ürün kodu;ürün id;ürün no;stok kodu;malzeme kodu;matnr",
    ),
    (
        ProductId,
        88,
        "upc;ean;ean 13;gtin;barcode;asin;isbn;商品条码;条码;条形码;JANコード;code barre;código barras;código barra;codice ean;바코드;barkod;\
         штрихкод;kod kreskowy;EAN Code;EAN Nummer",
    ),
    (ProductId, 80, "variant id;品项代码;référence art"),
    (ProductId, VAGUE, "référence;réf;referencia;referência"),
    // A lone `Product` serves as the key; next to a real key it is the name.
    (ProductId, 65, PRODUCTS),
    (ProductName, 100, "product_name"),
    (
        ProductName,
        95,
        "product title;product description;product desc;item name;item description;item desc;item title;lineitem name;article name;\
         article description;description;stock description;product variant;listing title;track name;book title;material description;\
         商品名称;商品名;商品标题;商品描述;产品名称;产品名;品名;宝贝标题;宝贝名称;货品名称;物料名称;存货名称;菜品名称;\
         Artikelbezeichnung;Artikelname;Artikeltext;Artikelbeschreibung;Produktname;Produktbezeichnung;Bezeichnung;Beschreibung;\
         Materialkurztext;Materialbezeichnung;\
         désignation;libellé;libellé article;libellé produit;nom produit;nom article;description produit;description article;\
         nombre producto;nombre artículo;descripción;descripción producto;descripción artículo;nome produto;nome item;descrição;\
         descrição produto;descrição item;製品名;商品説明;品目名;nome prodotto;nome articolo;descrizione;descrizione articolo;descrizione prodotto;\
         omschrijving;productnaam;artikelomschrijving;productomschrijving;наименование;наименование товара;название товара;номенклатура;\
         название;nazwa towaru;nazwa produktu;nazwa;상품명;품명;품목명;제품명;ürün adı;stok adı;malzeme adı;açıklama",
    ),
    (ProductName, 70, "title;desc;标题"),
    (ProductName, 60, PRODUCTS),
];

/// Serve as keys where there is nothing better.
const PRODUCTS: &str = "product;product service;item;article;商品;产品;品项;Artikel;Produkt;Material;produit;producto;artículo;produto;item vendido;製品;品目;prodotto;\
articolo;товар;produkt;towar;상품;제품;품목;ürün;listing;menu item";

const CUSTOMER_NAMES: &str = "customer name;client name;buyer name;member name;user name;billing name;customer full name;full name;\
name of customer;company name;customer company;客户名称;客户姓名;客户名;会员姓名;会员名称;会员名;客户简称;顾客姓名;买家姓名;用户名称;用户姓名;购货单位;购买方名称;\
Kundenname;Kunden Name;Name Kunde;Firma;nom client;nom du client;client nom;raison sociale;nombre cliente;cliente nombre;razón social;\
nome cliente;cliente nome;razão social;得意先名;得意先名称;顧客名;お客様名;注文者氏名;注文者名;氏名;ragione sociale;cliente ragione sociale;klantnaam;\
naam klant;имя клиента;фио;фио клиента;наименование клиента;наименование контрагента;имя покупателя;imię i nazwisko;nazwa klienta;\
nazwa kontrahenta;nazwa nabywcy;고객명;고객이름;주문자명;주문자;구매자명;거래처명;müşteri adı;cari adı;cari ünvan";
