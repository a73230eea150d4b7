//! How names, content and the order of columns decide.

use proptest::prelude::*;

use super::*;

const IDS: &[&str] = &["17850", "17850", "13047"];
const KEYS: &[&str] = &["536365", "536366", "C536367"];
const DATES: &[&str] = &["2010-12-01 08:26:00", "2010-12-02 09:00:00", "2011-12-09 12:50:00"];
const MONEY: &[&str] = &["2.55", "3.39", "-1.25"];
const WHOLE: &[&str] = &["6", "8", "-1"];
const TEXT: &[&str] = &["WHITE LANTERN", "Beads, red", "x"];

fn found(columns: &[(&str, &[&str])]) -> Guesses {
    let headers: Vec<&str> = columns.iter().map(|(header, _)| *header).collect();
    let content: Vec<ColumnContent> = columns
        .iter()
        .map(|(_, values)| ColumnContent::of(values.iter().map(|value| value.as_bytes())))
        .collect();
    guess(&headers, &content, &[])
}

/// `customer_id=CustomerID order_id=?` for what was guessed, what is ambiguous, and nothing for the rest.
fn summary(guesses: &Guesses) -> String {
    let part = |(canonical, outcome): (Canonical, &Outcome)| match outcome {
        Outcome::Given { header, .. } => Some(format!("{canonical}!{header}")),
        Outcome::Guess { header, .. } => Some(format!("{canonical}={header}")),
        Outcome::Ambiguous { .. } => Some(format!("{canonical}=?")),
        Outcome::Missing { .. } => None,
    };
    guesses.iter().filter_map(part).collect::<Vec<_>>().join("; ")
}

/// By names alone, divided by `;`.
fn by_name(headers: &str) -> String {
    summary(&guess(&headers.split(';').collect::<Vec<_>>(), &[], &[]))
}

#[test]
fn online_retail() {
    let guesses = found(&[
        ("InvoiceNo", KEYS),
        ("StockCode", &["85123A", "71053", "POST"]),
        ("Description", TEXT),
        ("Quantity", WHOLE),
        ("InvoiceDate", DATES),
        ("UnitPrice", MONEY),
        ("CustomerID", &["17850.0", "17850.0", "13047.0"]),
        ("Country", TEXT),
    ]);
    assert_eq!(
        summary(&guesses),
        "customer_id=CustomerID; order_id=InvoiceNo; ordered_at=InvoiceDate; quantity=Quantity; unit_price=UnitPrice; \
         product_id=StockCode; product_name=Description"
    );
    assert_eq!(guesses.problems(), []);
    let evidence = guesses.iter().find_map(|(canonical, outcome)| match outcome {
        Outcome::Guess { evidence, .. } if canonical == Canonical::OrderId => Some(evidence.as_str()),
        _ => None,
    });
    assert_eq!(evidence, Some("header \"InvoiceNo\" is a common name for order_id"));
    let second = "Invoice;StockCode;Description;Quantity;InvoiceDate;Price;Customer ID;Country";
    assert_eq!(
        by_name(second),
        "customer_id=Customer ID; order_id=Invoice; ordered_at=InvoiceDate; quantity=Quantity; unit_price=Price; \
         product_id=StockCode; product_name=Description"
    );
}

#[test]
fn well_known_files() {
    for (headers, expected) in [
        (
            "Row ID;Order ID;Order Date;Ship Date;Ship Mode;Customer ID;Customer Name;Segment;Country;City;State;Postal Code;Region;\
             Product ID;Category;Sub-Category;Product Name;Sales;Quantity;Discount;Profit",
            "customer_id=Customer ID; order_id=Order ID; ordered_at=Order Date; amount=Sales; quantity=Quantity; \
             discount=Discount; product_id=Product ID; product_name=Product Name; category=Category",
        ),
        (
            "order_id;customer_id;customer_unique_id;order_status;order_purchase_timestamp;order_approved_at;\
             order_delivered_carrier_date;order_delivered_customer_date;order_estimated_delivery_date;order_item_id;product_id;\
             seller_id;shipping_limit_date;price;freight_value;payment_type;payment_value;product_category_name",
            "customer_id=customer_unique_id; order_id=order_id; ordered_at=order_purchase_timestamp; amount=price; \
             product_id=product_id; category=product_category_name",
        ),
        (
            "order_id;payment_sequential;payment_type;payment_installments;payment_value",
            "order_id=order_id; amount=payment_value",
        ),
        (
            "order_id;user_id;order_number;order_dow;order_hour_of_day;days_since_prior_order;product_id;add_to_cart_order;reordered;\
             product_name;aisle_id;department_id;aisle;department",
            "customer_id=user_id; order_id=order_id; product_id=product_id; product_name=product_name; category=department",
        ),
        (
            "household_key;BASKET_ID;DAY;PRODUCT_ID;QUANTITY;SALES_VALUE;STORE_ID;RETAIL_DISC;TRANS_TIME;WEEK_NO",
            "customer_id=household_key; order_id=BASKET_ID; ordered_at=DAY; amount=SALES_VALUE; quantity=QUANTITY; product_id=PRODUCT_ID",
        ),
        (
            "Name;Email;Created at;Currency;Subtotal;Shipping;Taxes;Total;Lineitem quantity;Lineitem name;Lineitem price;Lineitem sku",
            "customer_id=Email; ordered_at=Created at; amount=?; quantity=Lineitem quantity; unit_price=Lineitem price; \
             product_id=Lineitem sku; product_name=Lineitem name; currency=Currency",
        ),
        (
            "客户编号;会员卡号;订单号;下单时间;商品编码;商品名称;数量;单价;金额;实付金额;业务线;渠道",
            "customer_id=客户编号; order_id=订单号; ordered_at=下单时间; amount=实付金额; quantity=数量; unit_price=单价; \
             product_id=商品编码; product_name=商品名称; business_line=业务线; channel=渠道",
        ),
        (
            "客戶編號;訂單編號;訂單日期;商品編號;數量;單價;總價;幣別",
            "customer_id=客戶編號; order_id=訂單編號; ordered_at=訂單日期; amount=總價; quantity=數量; unit_price=單價; \
             product_id=商品編號; currency=幣別",
        ),
        (
            "Kundennr.;Rechnungs-Nr.;Rechnungsdatum;Artikelnummer;Bezeichnung;Menge;Einzelpreis;Währung;Warengruppe",
            "customer_id=Kundennr.; order_id=Rechnungs-Nr.; ordered_at=Rechnungsdatum; quantity=Menge; unit_price=Einzelpreis; \
             product_id=Artikelnummer; product_name=Bezeichnung; category=Warengruppe; currency=Währung",
        ),
        (
            "N° client;N° commande;Date de commande;Code article;Désignation;Qté;Prix unitaire;Montant TTC",
            "customer_id=N° client; order_id=N° commande; ordered_at=Date de commande; amount=Montant TTC; quantity=Qté; \
             unit_price=Prix unitaire; product_id=Code article; product_name=Désignation",
        ),
        (
            "Código de cliente;Número de pedido;Fecha de pedido;Cantidad;Precio;Importe;Canal",
            "customer_id=Código de cliente; order_id=Número de pedido; ordered_at=Fecha de pedido; amount=Importe; \
             quantity=Cantidad; unit_price=Precio; channel=Canal",
        ),
        (
            "ID do cliente;ID do pedido;Data da compra;Produto;Quantidade;Preço unitário",
            "customer_id=ID do cliente; order_id=ID do pedido; ordered_at=Data da compra; quantity=Quantidade; \
             unit_price=Preço unitário; product_id=Produto",
        ),
        (
            "顧客ID;注文番号;注文日時;商品コード;商品名;数量;単価;合計金額",
            "customer_id=顧客ID; order_id=注文番号; ordered_at=注文日時; amount=合計金額; quantity=数量; unit_price=単価; \
             product_id=商品コード; product_name=商品名",
        ),
        (
            "ordered_at;customer_id;order_id;amount;cost;channel;business_line;category",
            "customer_id=customer_id; order_id=order_id; ordered_at=ordered_at; amount=amount; category=category; \
             business_line=business_line; channel=channel; cost=cost",
        ),
    ] {
        assert_eq!(by_name(headers), expected, "{headers}");
    }
}

#[test]
fn prices_need_a_quantity_to_be_of_one_piece() {
    assert_eq!(by_name("Price"), "amount=Price");
    assert_eq!(by_name("Price;qty"), "quantity=qty; unit_price=Price");
    assert_eq!(by_name("Price;Unit Price;qty"), "quantity=qty; unit_price=Unit Price");
    assert_eq!(by_name("Price;amount"), "amount=amount");
}

#[test]
fn near_misses_are_not_taken() {
    for headers in [
        "ship_date",
        "Delivery Date",
        "date of birth",
        "updated_at",
        "order status",
        "tax amount",
        "profit",
        "customer segment",
        "country",
        "shipping cost",
        "stock quantity",
        "发货时间",
        "name",
        "account manager",
        "order item id",
        "",
        " ",
        "§",
    ] {
        assert_eq!(by_name(headers), "", "{headers}");
    }
    assert_eq!(
        by_name("Original Order Date;ship date"),
        "ordered_at=Original Order Date"
    );
    assert_eq!(by_name("total order amount;tax amount"), "amount=total order amount");
}

#[test]
fn names_of_customers_are_the_last_resort() {
    assert_eq!(by_name("customer name"), "customer_id=customer name");
    assert_eq!(by_name("客户姓名;手机邮箱;邮箱"), "customer_id=邮箱");
    assert_eq!(by_name("customer name;customer id"), "customer_id=customer id");
    assert_eq!(by_name("customer name;company name"), "customer_id=?");
    let guesses = guess(&["customer name"], &[], &[]);
    let evidence = guesses.iter().find_map(|(_, outcome)| match outcome {
        Outcome::Guess { evidence, .. } => Some(evidence.clone()),
        _ => None,
    });
    assert_eq!(
        evidence.as_deref(),
        Some("there is no customer id, so \"customer name\" serves: two customers of one name are one")
    );
}

#[test]
fn generic_names_need_content() {
    let generic = |ids: &'static [&'static str], dates: &'static [&'static str]| {
        summary(&found(&[
            ("id", ids),
            ("date", dates),
            ("name", TEXT),
            ("value", MONEY),
        ]))
    };
    assert_eq!(generic(IDS, DATES), "customer_id=id; ordered_at=date; amount=value");
    assert_eq!(generic(KEYS, DATES), "order_id=id; ordered_at=date; amount=value");
    assert_eq!(generic(IDS, TEXT), "customer_id=id; amount=value");
    assert_eq!(
        generic(&[], &[]),
        "customer_id=?; order_id=?; ordered_at=date; amount=value"
    );
    assert_eq!(
        by_name("id;customer_id;total;created_at"),
        "customer_id=customer_id; order_id=id; ordered_at=created_at; amount=total"
    );
    assert_eq!(
        summary(&found(&[("amount", TEXT), ("customer id", DATES), ("order id", MONEY)])),
        ""
    );
}

#[test]
fn ties_are_broken_by_content_or_not_at_all() {
    assert_eq!(by_name("sales;revenue"), "amount=?");
    assert_eq!(
        summary(&found(&[("sales", WHOLE), ("revenue", MONEY)])),
        "amount=revenue"
    );
    assert_eq!(summary(&found(&[("sales", MONEY), ("revenue", MONEY)])), "amount=?");
    assert_eq!(by_name("amount;Amount;amount"), "amount=?");
    let guesses = guess(&["sales", "revenue", "CustID", "order_id", "date"], &[], &[]);
    let problems = guesses.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].to_string(),
        "cannot tell which column is amount: \"sales\" and \"revenue\" are equally likely"
    );
    assert_eq!(problems[0].hint(), "say which with `--map 'amount=sales'`");
}

#[test]
fn what_the_user_maps_is_left_alone() {
    let given = [(Canonical::Amount, 1), (Canonical::Cost, 9)];
    let guesses = guess(&["sales", "revenue", "Price", "quantity"], &[], &given);
    assert_eq!(summary(&guesses), "amount!revenue; quantity=quantity; unit_price=Price");
    assert_eq!(guesses.column(Canonical::Amount), Some(1));
    let guesses = guess(&["pieces_x", "Price"], &[], &[(Canonical::Quantity, 0)]);
    assert_eq!(summary(&guesses), "quantity!pieces_x; unit_price=Price");
}

#[test]
fn what_is_missing_is_named_with_the_nearest_header() {
    let problems = guess(&["Custmer ID", "order_id", "when", "cash"], &[], &[]).problems();
    let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "no column for customer_id (closest: Custmer ID)",
            "no column for ordered_at",
            "no column for amount, nor for quantity and unit_price"
        ]
    );
    assert_eq!(problems[0].hint(), "say which with `--map 'customer_id=Custmer ID'`");
}

#[test]
fn names_come_back() {
    for canonical in Canonical::ALL {
        assert_eq!(canonical.to_string().parse(), Ok(canonical));
    }
    assert!(
        "Amount"
            .parse::<Canonical>()
            .unwrap_err()
            .hint()
            .contains("amount, quantity")
    );
}

proptest! {
    #[test]
    fn no_header_serves_twice(
        headers in prop::collection::vec(prop_oneof![".{0,12}", "(order|customer|product|ship|total)?[ _]?(id|date|amount|price|name|qty)"], 0..12),
    ) {
        let guesses = guess(&headers, &[], &[]);
        let mut columns: Vec<usize> = Canonical::ALL.into_iter().filter_map(|canonical| guesses.column(canonical)).collect();
        columns.sort_unstable();
        let n = columns.len();
        columns.dedup();
        prop_assert_eq!(columns.len(), n);
        prop_assert!(columns.iter().all(|&index| index < headers.len()));
    }
}

#[test]
fn types_of_something_else_are_no_types_of_lines() {
    let of = |header: &str, values: &[&str]| {
        let content = ColumnContent::of(values.iter().map(|value| value.as_bytes()));
        summary(&guess(&[header], &[content], &[]))
    };
    for (header, values) in [
        ("Customer type", &["Member", "Normal", "Normal"][..]),
        ("Type", &["Member", "Normal", "Normal"]),
        ("Type", &["Normal", "Regular", "Normal"]),
        ("type", &["Cash", "Credit", "Debit"]),
        ("Event Type", &["Payment", "Refund", "Payment"]),
        ("Order Type", &["Standard", "Express", "Standard"]),
        ("Type", &["S", "M", "L"]),
        ("Product type", &["Sale", "Return", "Sale"]),
    ] {
        assert!(!of(header, values).contains("line_type"), "{header} {values:?}");
    }
    for (header, values) in [
        ("Type", &["Sale", "Return", "Sale"][..]),
        ("type", &["S", "R", "S"]),
        ("event_type", &["view", "cart", "purchase"]),
        ("event_type", &["view", "view", "view"]),
        ("Transaction Type", &["Invoice", "Payment", "Credit Memo"]),
        ("取引区分", &["通常", "取消", "通常"]),
    ] {
        assert_eq!(of(header, values), format!("line_type={header}"));
    }
}

/// What is said of one column of a sample whose cells are divided by blanks.
fn evidence_of(wanted: Canonical, headers: &[&str], rows: &[&str]) -> String {
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.split(' ').collect()).collect();
    let column = |at: usize| cells.iter().map(|row| row[at].as_bytes().to_vec()).collect();
    let sample: Vec<Vec<Vec<u8>>> = (0..headers.len()).map(column).collect();
    let content: Vec<ColumnContent> = sample
        .iter()
        .map(|values| ColumnContent::of(values.iter().map(Vec::as_slice)))
        .collect();
    let guesses = guess_from(headers, &content, &sample, &[]);
    let found = guesses.iter().find(|(canonical, _)| *canonical == wanted);
    match found {
        Some((_, Outcome::Guess { evidence, .. })) => evidence.clone(),
        Some((_, Outcome::Ambiguous { reason, .. })) => reason.clone(),
        _ => String::new(),
    }
}

#[test]
fn evidence_says_what_the_numbers_say() {
    assert_eq!(
        evidence_of(
            Canonical::Amount,
            &["qty", "unit price", "sales", "revenue"],
            &["2 5.00 9.00 10.00", "3 5.00 9.00 15.00", "4 5.00 9.00 20.00"]
        ),
        "header \"revenue\" is a common name for amount, and it is \"qty\" times \"unit price\""
    );
    assert_eq!(
        evidence_of(
            Canonical::Amount,
            &["Montant HT", "Montant TTC"],
            &["10,00 12,00", "20,00 24,00"]
        ),
        "header \"Montant TTC\" is a common name for amount, it includes tax, as customers paid it, and \"Montant HT\" does not"
    );
    assert_eq!(
        evidence_of(
            Canonical::Amount,
            &["NetAmt", "VATAmt", "GrossAmt"],
            &["10.00 2.00 12.00", "20.00 4.00 24.00", "30.00 6.00 36.00"]
        ),
        "header \"GrossAmt\" is a common name for amount, and it is \"NetAmt\" and \"VATAmt\""
    );
    // With and without a sign before the discount.
    for rows in [
        ["10.00 2.00 8.00", "20.00 4.00 16.00", "30.00 6.00 24.00"],
        ["10.00 -2.00 8.00", "20.00 -4.00 16.00", "30.00 -6.00 24.00"],
    ] {
        assert_eq!(
            evidence_of(Canonical::Amount, &["subtotal", "discount", "total"], &rows),
            "header \"total\" is a common name for amount, and it is \"subtotal\" less the discount"
        );
    }
    assert_eq!(
        evidence_of(Canonical::OrderedAt, &["x", "seen"], &["1 2024-01-05", "2 2024-01-06"]),
        "no other column than \"seen\" holds dates"
    );
    assert_eq!(
        evidence_of(
            Canonical::OrderedAt,
            &["seen", "noted"],
            &["2024-01-05 2024-01-05", "2024-01-05 2024-01-06"]
        ),
        "\"seen\" and \"noted\" hold dates, and no name is known"
    );
}

#[test]
fn numbers_that_contradict_names_are_not_taken() {
    let headers = ["qty", "unit price", "amount"];
    let rows = [
        "2 5.00 0.50",
        "3 5.00 0.75",
        "4 5.00 1.00",
        "5 5.00 1.25",
        "6 5.00 1.50",
    ];
    assert_eq!(evidence_of(Canonical::Amount, &headers, &rows), "");
    let rows = ["2 5.00 5.00", "3 6.00 6.00", "4 7.00 7.00"];
    assert_eq!(evidence_of(Canonical::Amount, &headers, &rows), "");
    let rows = ["2 5.00 11.90", "3 5.00 17.85", "4 5.00 23.80"];
    assert_eq!(evidence_of(Canonical::Amount, &headers, &rows), "header is \"amount\"");
}

#[test]
fn a_name_of_a_million_characters_is_like_no_other() {
    let long = "1/1/20".repeat(170_000);
    let outcomes = guess(&["customer_idd", &long], &[], &[]);
    let closest = |canonical| match outcomes.iter().find(|(found, _)| *found == canonical) {
        Some((_, Outcome::Missing { closest })) => closest.clone(),
        _ => Vec::new(),
    };
    assert_eq!(closest(Canonical::CustomerId), ["customer_idd"]);
    assert_eq!(closest(Canonical::Amount), [""; 0]);
}
