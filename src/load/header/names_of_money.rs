//! Names of the columns that say how many, for how much, and of which kind.

use super::Canonical::{self, *};
use super::names::PRICE_AS_AMOUNT;

/// As [`KEYS`](super::names_of_keys::KEYS): what was paid before what was listed. What the header says about tax is
/// weighed apart.
pub(super) const MONEY: &[(Canonical, u32, &str)] = &[
    (Amount, 100, "amount"),
    (
        Amount,
        98,
        "amount paid;paid amount;total paid;实付金额;实付;实付款;实际支付金额;买家实际支付金额;买家实付金额;买家总支付金额;实收金额;实收;支払金額;\
         montant payé;importe pagado;valor pago;importo pagato;betaald bedrag;оплачено;zapłacono;결제금액;실결제금액;실결제액;ödenen tutar;\
         用户实付金额;商品实付金额",
    ),
    (
        Amount,
        95,
        "line amount;line total;line value;line net total;line net amount;item total;item amount;item subtotal;net amount;net sales;\
         sales amount;sales value;total amount;total price;total sales;total value;order amount;order total;transaction amount;\
         purchase amount;payment amount;extended price;extended amount;ext price;spend;amount spent;monetary;money spent;total spent;\
         line subtotal;sales total;dollar sales;net value;net revenue;gross line amount;\
         金额;销售额;销售金额;订单金额;总金额;总价;总额;成交金额;交易金额;消费金额;支付金额;付款金额;购买金额;订单总价;商品总价;消费额;本币金额;\
         商品金额;成交额;\
         Betrag;Gesamtbetrag;Gesamtpreis;Rechnungsbetrag;Zeilenbetrag;Positionsbetrag;Warenwert;Positionswert;\
         Gesamtsumme;Zeilensumme;Preis gesamt;\
         montant;montant total;montant ligne;total ligne;prix total;chiffre d'affaires;montant net;montant facturé;ca;valeur totale;\
         importe;importe total;importe línea;total línea;monto;monto total;precio total;importe neto;total venta;\
         valor total;valor venda;valor pedido;montante;preço total;valor total item;valor líquido;total item;valor produto;\
         金額;売上金額;購入金額;合計金額;注文金額;販売金額;売価金額;支払額;利用金額;商品合計;\
         importo;importo totale;totale riga;prezzo totale;importo riga;bedrag;totaalbedrag;regelbedrag;totaalprijs;regeltotaal;\
         сумма;сумма заказа;сумма продажи;общая сумма;сумма покупки;итоговая сумма;kwota;kwota całkowita;wartość sprzedaży;wartość zamówienia;\
         금액;판매금액;총금액;주문금액;합계금액;매출금액;구매금액;tutar;toplam tutar;satır tutarı;satış tutarı;netwr",
    ),
    // Compounds that say that tax is in or out.
    (Amount, 96, "价税合计;総額;brutobedrag"),
    (Amount, 94, "imponibile;base imponible;공급가액;matrah"),
    (
        Amount,
        90,
        "sales;revenue;turnover;Umsatz;Umsatzerlös;Erlös;Verkaufserlös;ventes;receita;faturamento;vendas;ventas;売上;売上高;営業収入;营业额;\
         收入;销售收入;fatturato;ricavi;vendite;omzet;выручка;продажи;przychód;sprzedaż;obrót;매출;매출액;ciro;satış;hasılat",
    ),
    (
        Amount,
        85,
        "total;subtotal;sub total;grand total;gross sales;gross amount;net total;gross;net;小计;合计;应付金额;应收金额;买家应付货款;应付货款;总计;\
         Summe;Gesamt;合計;小計;sous total;total général;totale;totaal;subtotaal;итого;всего;стоимость;razem;suma;wartość;합계;총액;소계;\
         toplam;genel toplam;ara toplam;請求金額",
    ),
    (Amount, 50, "value;valor;Wert;valeur;valore;waarde"),
    // Below a line's `price`: a payment is one per order and repeats on every line of a joined table.
    (Amount, PRICE_AS_AMOUNT - 1, "payment value"),
    (Quantity, 100, "quantity"),
    (
        Quantity,
        95,
        "order quantity;ordered quantity;quantity ordered;quantity sold;units sold;num units;number of units;item quantity;\
         lineitem quantity;sales quantity;product quantity;purchase quantity;quantity purchased;units purchased;quantity shipped;\
         invoiced quantity;billed quantity;quantity invoiced;\
         数量;购买数量;销售数量;订购数量;商品数量;下单数量;购买件数;宝贝总数量;宝贝数量;销货数量;成交数量;商品件数;件数合计;\
         Menge;Bestellmenge;Verkaufsmenge;Stückzahl;Stueckzahl;Fakturierte Menge;Auftragsmenge;Fakturamenge;Rechnungsmenge;\
         quantité commandée;quantité facturée;quantité vendue;cantidad vendida;cantidad pedida;quantidade vendida;quantidade itens;\
         購入数;購入数量;販売数量;個数;売上数量;受注数量;注文数;注文数量;販売数;quantità venduta;aantal;количество;кол во;колво;ilość;\
         liczba sztuk;수량;판매수량;주문수량;구매수량;miktar;adet;satış adedi;fkimg;kwmeng",
    ),
    (
        Quantity,
        80,
        "units;pieces;pcs;item count;number of items;no of items;num items;件数;销量;个数;Anzahl;Stück;Stueck;Absatz;nombre d'articles;\
         nb articles;unidades;点数;pezzi;stuks;штук;шт;sztuk;sztuki;개수;birim adet;Anz",
    ),
    (UnitPrice, 100, "unit_price"),
    (
        UnitPrice,
        95,
        "price per unit;price each;unit amount;unit selling price;price unit;unit retail price;selling unit price;rate per unit;\
         单价;商品单价;销售单价;成交单价;商品价格;宝贝价格;\
         Einzelpreis;EP;E-Preis;Stückpreis;Stueckpreis;Preis je Einheit;Preis pro Stück;Preis pro Einheit;\
         prix unitaire;pu;p.u.;pu vente;prix unit;precio unitario;precio por unidad;precio unidad;preço unitário;valor unitário;valor unit;\
         preço unit;valor unitário item;単価;販売単価;売上単価;売単価;\
         prezzo unitario;prezzo unit;stukprijs;eenheidsprijs;prijs per stuk;цена за единицу;цена за шт;цена за штуку;cena jednostkowa;\
         cena za sztukę;cena jedn;단가;판매단가;birim fiyat;birim fiyatı",
    ),
    (Category, 100, "category"),
    (
        Category,
        95,
        "category name;product category;product category name;item category;product cat;category code name;\
         类别;品类;分类;类目;商品类别;商品分类;商品品类;商品类目;产品类别;产品分类;存货分类;\
         Kategorie;Produktkategorie;Warengruppe;Produktgruppe;Artikelgruppe;\
         catégorie;catégorie produit;famille;famille produit;famille article;categoría;categoría producto;familia;categoria;categoria produto;\
         カテゴリ;カテゴリー;商品カテゴリ;商品カテゴリー;商品分類;分類;categoria prodotto;categoria articolo;categorie;productgroep;artikelgroep;\
         категория;категория товара;группа товаров;товарная группа;kategoria;kategoria produktu;grupa towarowa;카테고리;상품분류;분류;kategori;\
         ürün kategorisi;ürün grubu;matkl",
    ),
    (
        Category,
        75,
        "product type;product group;product family;product line;commodity desc;department;department name;大类;一级类目;rayon;部門;dept",
    ),
    (
        Category,
        50,
        "sub category;subcategory;aisle;小类;二级类目;Unterkategorie;sous catégorie;subcategoría",
    ),
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
         下单渠道;Kanal;Vertriebskanal;Verkaufskanal;Absatzkanal;Vertriebsweg;canal;canal de vente;canal de venta;canal de vendas;チャネル;\
         販売チャネル;販路;canale;canale vendita;verkoopkanaal;kanaal;канал;канал продаж;kanał sprzedaży;kanał;채널;판매채널;kanal;satış kanalı",
    ),
    (Channel, 70, "order source;platform;订单来源;平台"),
    (Cost, 100, "cost"),
    (
        Cost,
        95,
        "line cost;total cost;cost amount;cogs;cost of goods;cost of goods sold;cost of sales;total product cost;成本;总成本;成本金额;销售成本;\
         Kosten;Wareneinsatz;Einstandswert;coût;coût total;coût d'achat;costo;costo total;coste;coste total;custo;custo total;原価;原価金額;\
         costo totale;costo venduto;kostprijs totaal;себестоимость;koszt;koszt własny;원가;매출원가;maliyet;toplam maliyet",
    ),
    (
        Cost,
        90,
        "unit cost;cost price;cost per unit;cost each;item cost;product cost;standard cost;product standard cost;purchase price;buying price;\
         单位成本;成本价;成本单价;进价;进货价;采购价;Stückkosten;Einkaufspreis;Einstandspreis;EK-Preis;EK;coût unitaire;prix d'achat;\
         prix achat;prix de revient;costo unitario;coste unitario;precio de costo;precio de coste;precio de compra;custo unitário;\
         preço de custo;preço de compra;原単価;仕入単価;仕入価格;prezzo di acquisto;prezzo di costo;kostprijs;inkoopprijs;закупочная цена;\
         cena zakupu;koszt jednostkowy;매입단가;원가단가;birim maliyet;alış fiyatı",
    ),
    (Discount, 100, "discount"),
    (
        Discount,
        95,
        "discount amount;line discount;line discount amount;item discount;lineitem discount;discount value;total discount;discount percent;\
         discount percentage;discount pct;discount rate;discount applied;unit discount;rebate;markdown;discounts;unit price discount;\
         优惠金额;折扣金额;优惠;折扣额;让利金额;减免金额;商品优惠;Rabatt;Rabattbetrag;Nachlass;Preisnachlass;Rabatt %;Rabattsatz;\
         Rabatt Prozent;remise;montant remise;remise ligne;taux de remise;rabais;remise %;descuento;importe descuento;descuento %;dto;desconto;\
         valor do desconto;% desconto;割引;割引額;値引;値引き;値引額;割引率;値引金額;sconto;sconto %;importo sconto;korting;kortingsbedrag;скидка;\
         сумма скидки;rabat;kwota rabatu;할인;할인금액;할인액;indirim;iskonto;indirim tutarı",
    ),
    (LineType, 100, "line_type"),
    (
        LineType,
        95,
        "transaction type;trans type;record type;document type;doc type;order type;sale type;sales type;movement type;\
         invoice type;entry type;operation type;event type;交易类型;单据类型;订单类型;销售类型;业务类别;单据类别;行为类型;Belegart;Vorgangsart;\
         Buchungsart;Belegtyp;Transaktionstyp;Fakturaart;type de document;type de transaction;type de pièce;type d'opération;\
         type de mouvement;tipo de documento;tipo de transacción;tipo de operación;tipo de movimiento;tipo de transação;tipo de operação;\
         伝票種別;取引種別;取引区分;売上区分;伝票区分;tipo documento;tipo operazione;documenttype;тип операции;вид операции;тип документа;\
         typ dokumentu;typ transakcji;거래유형;전표유형;거래구분;işlem tipi;belge tipi;işlem türü;behavior type;behaviour type",
    ),
    (
        LineType,
        70,
        "type;kind;event;action;类型;Typ;Art;tipo;種別;区分;тип;typ;유형;구분;tür;tip",
    ),
    (Currency, 100, "currency"),
    (
        Currency,
        95,
        "currency code;order currency;iso currency;transaction currency;币种;币别;货币;货币代码;货币单位;Währung;Waehrung;WKZ Umsatz;devise;\
         monnaie;moneda;divisa;moeda;通貨;通貨コード;valuta;валюта;waluta;통화;para birimi;döviz;waerk",
    ),
];

/// What a piece costs next to a quantity, and what the line costs without one.
pub(super) const PRICES: &str = "price;item price;lineitem price;product price;sale price;selling price;sales price;retail price;price paid;net price;gross price;unit net price;价格;售价;\
销售价;成交价;Preis;Verkaufspreis;VK-Preis;VK;prix;prix de vente;prix vente;precio;precio de venta;preço;preço de venda;preço venda;価格;販売価格;売価;\
prezzo;prezzo di vendita;prijs;verkoopprijs;цена;цена продажи;cena;cena sprzedaży;가격;판매가;판매가격;fiyat;satış fiyatı;商品活动价格;rate";
