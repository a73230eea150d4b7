//! Public data sets.

use super::File;

pub(super) const FILES: &[File] = &[
    (
        "UCI Online Retail",
        "InvoiceNo|StockCode|Description|Quantity|InvoiceDate|UnitPrice|CustomerID|Country\n\
         536365|85123A|WHITE HANGING HEART T-LIGHT HOLDER|6|2010-12-01 08:26:00|2.55|17850|United Kingdom\n\
         536365|71053|WHITE METAL LANTERN|6|2010-12-01 08:26:00|3.39|17850|United Kingdom\n\
         C536379|D|Discount|-1|2010-12-01 09:41:00|27.5|14527|United Kingdom",
        "customer=CustomerID; order=InvoiceNo; date=InvoiceDate; quantity=Quantity; price=UnitPrice; product=StockCode; name=Description",
    ),
    (
        "UCI Online Retail II",
        "Invoice|StockCode|Description|Quantity|InvoiceDate|Price|Customer ID|Country\n\
         489434|85048|15CM CHRISTMAS GLASS BALL 20 LIGHTS|12|12/1/2009 7:45|6.95|13085|United Kingdom\n\
         489434|79323P|PINK CHERRY LIGHTS|12|12/1/2009 7:45|6.75|13085|United Kingdom\n\
         C489449|22087|PAPER BUNTING WHITE LACE|-12|12/1/2009 10:33|2.95|16321|Australia",
        "customer=Customer ID; order=Invoice; date=InvoiceDate; quantity=Quantity; price=Price; product=StockCode; name=Description",
    ),
    (
        "CDNOW with a header",
        "customer_id|date|quantity|amount\n1|19970101|1|11.77\n2|19970112|1|12.00\n2|19970112|5|77.00",
        "customer=customer_id; date=date; amount=amount; quantity=quantity",
    ),
    (
        "CDNOW as CLVTools has it",
        "Id|Date|Price|CDs\n1|1997-01-01|11.77|1\n10|1997-01-18|29.73|2\n10|1997-08-02|14.96|1",
        "customer=Id; date=Date; amount=Price",
    ),
    (
        // AMOUNT counts pieces, and SALES_PRICE is the money of the line: it grows with them.
        "Ta Feng",
        "TRANSACTION_DT|CUSTOMER_ID|AGE_GROUP|PIN_CODE|PRODUCT_SUBCLASS|PRODUCT_ID|AMOUNT|ASSET|SALES_PRICE\n\
         11/1/2000|1104905|45-49|115|110411|4710199010372|2|24|30\n\
         11/1/2000|418683|45-49|115|120107|4710857472535|1|48|46\n\
         11/1/2000|1057331|35-39|115|100407|4710043654103|2|142|166\n\
         11/1/2000|1849332|45-49|Others|120108|4710126092129|1|32|38\n\
         11/1/2000|1981995|50-54|115|100205|4710176021445|1|14|18\n\
         11/2/2000|1741797|35-39|115|110411|4710199010372|1|12|15\n\
         11/2/2000|308359|60-64|115|120107|4710857472535|3|144|138\n\
         11/2/2000|1607000|35-39|221|100407|4710043654103|1|71|83\n\
         11/3/2000|1057331|35-39|115|120108|4710126092129|2|64|76",
        "customer=CUSTOMER_ID; date=TRANSACTION_DT; amount=SALES_PRICE; quantity=AMOUNT; product=PRODUCT_ID",
    ),
    (
        // The same, where no product is bought in different numbers: a price of a piece, or of the line?
        "Ta Feng, too few lines to tell",
        "TRANSACTION_DT|CUSTOMER_ID|PRODUCT_ID|AMOUNT|SALES_PRICE\n\
         11/1/2000|1104905|4710199010372|2|30\n11/1/2000|418683|4710857472535|1|46\n11/1/2000|1057331|4710043654103|2|166\n\
         11/1/2000|1849332|4710126092129|1|38\n11/1/2000|1981995|4710176021445|1|18",
        "stop: amount",
    ),
    (
        "Instacart, joined: no dates, no money",
        "order_id|user_id|order_number|order_dow|order_hour_of_day|days_since_prior_order|product_id|add_to_cart_order|reordered\n\
         2539329|1|1|2|08||196|1|0\n2539329|1|1|2|08||14084|2|0\n2398795|1|2|3|07|15.0|196|1|1",
        "stop: date, money",
    ),
    (
        "Dunnhumby Complete Journey: days from 1 on are no dates",
        "household_key|BASKET_ID|DAY|PRODUCT_ID|QUANTITY|SALES_VALUE|STORE_ID|RETAIL_DISC|TRANS_TIME|WEEK_NO|COUPON_DISC\n\
         2375|26984851472|1|1004906|1|1.39|364|-0.60|1631|1|0\n2375|26984851472|1|1033142|1|0.82|364|0.00|1631|1|0\n\
         1364|26984896261|1|842930|2|2.19|31742|0.00|1520|1|0",
        "stop: date",
    ),
    (
        "Dunnhumby in R: with timestamps",
        "household_id|store_id|basket_id|product_id|quantity|sales_value|retail_disc|coupon_disc|week|transaction_timestamp\n\
         900|330|31198570044|1095275|1|0.50|0|0|1|2017-01-01T11:53:26Z\n\
         900|330|31198570047|9878513|1|0.99|0.10|0|1|2017-01-01T12:10:28Z\n\
         1228|406|31198655051|1041453|1|1.43|0.15|0|1|2017-01-01T12:26:30Z",
        "customer=household_id; order=basket_id; date=transaction_timestamp; amount=sales_value; quantity=quantity; product=product_id",
    ),
    (
        "Dunnhumby Carbo-Loading",
        "upc|dollar_sales|units|time_of_transaction|geography|week|household|store|basket|day|coupon\n\
         7680850106|0.80|1|1100|2|1|125434|244|1|1|0\n3620000470|3.59|1|1100|2|1|125434|244|1|1|0\n\
         1800028064|2.25|1|1137|2|1|108320|244|2|1|0",
        "stop: date",
    ),
    (
        "Olist, joined",
        "order_id|customer_unique_id|customer_id|order_purchase_timestamp|order_item_id|product_id|price|freight_value\n\
         e481f5|7c3968|9ef432|2017-10-02 10:56:33|1|87285b|29.99|8.72\n53cdb2|af0757|b0830f|2018-07-24 20:41:37|1|595fac|118.70|22.76\n\
         47770e|3a653a|41ce2a|2018-08-08 08:38:49|1|aa4383|159.90|19.22",
        "customer=customer_unique_id; order=order_id; date=order_purchase_timestamp; amount=price; product=product_id",
    ),
    (
        "Olist orders alone: no money",
        "order_id|customer_id|order_status|order_purchase_timestamp|order_approved_at|order_delivered_carrier_date|\
         order_delivered_customer_date|order_estimated_delivery_date\n\
         e481f5|9ef432|delivered|2017-10-02 10:56:33|2017-10-02 11:07:15|2017-10-04 19:55:00|2017-10-10 21:25:13|2017-10-18\n\
         53cdb2|b0830f|delivered|2018-07-24 20:41:37|2018-07-26 03:24:27|2018-07-26 14:31:00|2018-08-07 15:27:45|2018-08-13\n\
         47770e|41ce2a|canceled|2018-08-08 08:38:49|2018-08-08 08:55:23|2018-08-08 13:50:00|2018-08-17 18:06:29|2018-09-04",
        "stop: money",
    ),
    (
        "Superstore",
        "Row ID|Order ID|Order Date|Ship Date|Ship Mode|Customer ID|Customer Name|Segment|Country|City|State|Postal Code|Region|\
         Product ID|Category|Sub-Category|Product Name|Sales|Quantity|Discount|Profit\n\
         1|CA-2016-152156|11/8/2016|11/11/2016|Second Class|CG-12520|Claire Gute|Consumer|United States|Henderson|Kentucky|42420|South|\
         FUR-BO-10001798|Furniture|Bookcases|Bush Bookcase|261.96|2|0|41.9136\n\
         2|CA-2016-152156|11/8/2016|11/11/2016|Second Class|CG-12520|Claire Gute|Consumer|United States|Henderson|Kentucky|42420|South|\
         FUR-CH-10000454|Furniture|Chairs|Hon Chairs|731.94|3|0|219.582\n\
         3|US-2015-108966|10/11/2015|10/18/2015|Standard Class|SO-20335|Sean O'Donnell|Consumer|United States|Fort Lauderdale|Florida|\
         33311|South|FUR-TA-10000577|Furniture|Tables|Bretford Table|957.5775|5|0.45|-383.031",
        "customer=Customer ID; order=Order ID; date=Order Date; amount=Sales; quantity=Quantity; discount=Discount; product=Product ID; \
         name=Product Name; category=Category",
    ),
    (
        "Superstore in French",
        "ID ligne|ID commande|Date de commande|Date d'expédition|Mode d'expédition|ID client|Nom du client|Segment|Ville|ID produit|Catégorie|\
         Sous-catégorie|Nom du produit|Ventes|Quantité|Remise|Profit\n\
         1|ES-2013-1311038|07/02/2013|11/02/2013|Standard|AS-10045|Aaron Smayling|Entreprise|Leeds|OFF-ST-10000988|Fournitures|Rangement|\
         Fellowes Dossier|79,2|3|0|39,6\n\
         2|ES-2013-1311038|07/02/2013|11/02/2013|Standard|AS-10045|Aaron Smayling|Entreprise|Leeds|TEC-AC-10004144|Technologie|Accessoires|\
         SanDisk Clavier|388,92|7|0|0\n\
         3|ES-2013-5113958|02/08/2013|07/08/2013|Standard|EB-13840|Ellis Ballard|Grand public|Leeds|OFF-LA-10001915|Fournitures|Etiquettes|\
         Avery Etiquettes|35,19|3|0|16,11",
        "customer=ID client; order=ID commande; date=Date de commande; amount=Ventes; quantity=Quantité; discount=Remise; \
         product=ID produit; name=Nom du produit; category=Catégorie",
    ),
    (
        "Superstore in German",
        "Zeilen-ID|Bestell-ID|Bestelldatum|Versanddatum|Versandart|Kunden-ID|Kundenname|Segment|Produkt-ID|Kategorie|Unterkategorie|Produktname|\
         Umsatz|Anzahl|Rabatt|Gewinn\n\
         1|ES-2013-1311038|07.02.2013|11.02.2013|Standard|AS-10045|Aaron Smayling|Firma|OFF-ST-10000988|Büromaterial|Ablage|Ordner|79,20|3|0|39,60\n\
         2|ES-2013-1311038|07.02.2013|11.02.2013|Standard|AS-10045|Aaron Smayling|Firma|TEC-AC-10004144|Technik|Zubehör|Tastatur|388,92|7|0|0,00\n\
         3|ES-2013-5113958|02.08.2013|07.08.2013|Standard|EB-13840|Ellis Ballard|Privat|OFF-LA-10001915|Büromaterial|Etiketten|Etiketten|35,19|3|0|16,11",
        "customer=Kunden-ID; order=Bestell-ID; date=Bestelldatum; amount=Umsatz; quantity=Anzahl; discount=Rabatt; product=Produkt-ID; \
         name=Produktname; category=Kategorie",
    ),
    (
        "Supermarket sales: customers are members or not, and nobody in particular",
        "Invoice ID|Branch|City|Customer type|Gender|Product line|Unit price|Quantity|Tax 5%|Total|Date|Time|Payment|cogs|\
         gross margin percentage|gross income|Rating\n\
         750-67-8428|A|Yangon|Member|Female|Health and beauty|74.69|7|26.1415|548.9715|1/5/2019|13:08|Ewallet|522.83|4.761904762|26.1415|9.1\n\
         226-31-3081|C|Naypyitaw|Normal|Female|Electronic accessories|15.28|5|3.82|80.22|3/8/2019|10:29|Cash|76.4|4.761904762|3.82|9.6\n\
         631-41-3108|A|Yangon|Normal|Male|Home and lifestyle|46.33|7|16.2155|340.5255|3/3/2019|13:23|Credit card|324.31|4.761904762|16.2155|7.4",
        "stop: customer",
    ),
    (
        "Groceries: no money",
        "Member_number|Date|itemDescription\n1808|21-07-2015|tropical fruit\n2552|05-01-2015|whole milk\n2300|19-09-2015|pip fruit",
        "stop: money",
    ),
    (
        "Pakistan e-commerce",
        "item_id|status|created_at|sku|price|qty_ordered|grand_total|increment_id|category_name_1|sales_commission_code|discount_amount|\
         payment_method|Working Date|BI Status|Year|Month|Customer Since|Customer ID\n\
         211131|complete|7/1/2016|kreations_YI 06-L|1950|1|1950|100147443|Women's Fashion|\\N|0|cod|7/1/2016|Net|2016|7|2016-7|1\n\
         211133|canceled|7/1/2016|kcc_Buy 2 Frey Air Freshener|240|1|240|100147444|Beauty|\\N|0|cod|7/1/2016|Gross|2016|7|2016-7|2\n\
         211134|canceled|7/1/2016|Ego_UP0017-999-MR0|2450|1|2450|100147445|Women's Fashion|\\N|0|cod|7/1/2016|Gross|2016|7|2016-7|3",
        "customer=Customer ID; order=increment_id; date=created_at; amount=grand_total; quantity=qty_ordered; price=price; \
         discount=discount_amount; product=sku; category=category_name_1",
    ),
    (
        "H&M",
        "t_dat|customer_id|article_id|price|sales_channel_id\n\
         2018-09-20|000058a12d|663713001|0.050830508474576264|2\n2018-09-20|000058a12d|541518023|0.03049152542372881|2\n\
         2018-09-20|00007d2de8|505221004|0.01523728813559322|2",
        "customer=customer_id; date=t_dat; amount=price; product=article_id",
    ),
    (
        "Acquire Valued Shoppers",
        "id|chain|dept|category|company|brand|date|productsize|productmeasure|purchasequantity|purchaseamount\n\
         86246|205|7|707|1078778070|12564|2012-03-02|12|OZ|1|7.59\n86246|205|63|6319|107654575|17876|2012-03-02|64|OZ|1|1.59\n\
         86252|205|97|9753|1022027929|0|2012-03-02|1|CT|1|5.99",
        "customer=id; date=date; amount=purchaseamount; quantity=purchasequantity; category=category",
    ),
    (
        "RetailRocket: no money",
        "timestamp|visitorid|event|itemid|transactionid\n1433221332117|257597|view|355908|\n1433224214164|992329|view|248676|\n\
         1433222276276|599528|transaction|356475|4000",
        "stop: money",
    ),
    (
        "REES46: views are no sales",
        "event_time|event_type|product_id|category_id|category_code|brand|price|user_id|user_session\n\
         2019-10-01 00:00:00 UTC|view|44600062|2103807459595387724||shiseido|35.79|541312140|72d76fde\n\
         2019-10-01 00:00:01 UTC|cart|3900821|2053013552326770905|appliances.environment|aqua|33.20|554748717|9333dfbd\n\
         2019-10-01 00:00:04 UTC|purchase|1004237|2053013555631882655|electronics.smartphone|apple|1081.98|535871217|c6bd7419",
        "customer=user_id; date=event_time; amount=price; product=product_id; type=event_type",
    ),
    (
        "YooChoose buys: a session is no customer",
        "Session ID|Timestamp|Item ID|Price|Quantity\n420374|2014-04-06T18:44:58.314Z|214537888|12462|1\n\
         420374|2014-04-06T18:44:58.325Z|214537850|10471|1\n281626|2014-04-06T09:40:13.032Z|214535653|1883|1",
        "stop: customer",
    ),
    (
        "Elo merchants",
        "authorized_flag|card_id|city_id|category_1|installments|category_3|merchant_category_id|merchant_id|month_lag|purchase_amount|\
         purchase_date|category_2|state_id|subsector_id\n\
         Y|C_ID_4e6213e9bc|88|N|0|A|80|M_ID_e020e9b302|-8|-0.70333091|2017-06-25 15:33:07|1|16|37\n\
         Y|C_ID_4e6213e9bc|88|N|0|A|367|M_ID_86ec983688|-7|-0.73312848|2017-07-15 12:10:45|1|16|16\n\
         Y|C_ID_4e6213e9bd|88|N|0|A|80|M_ID_979ed661fc|-6|-0.720386|2017-08-09 22:04:29|1|16|37",
        "customer=card_id; date=purchase_date; amount=purchase_amount",
    ),
    (
        "Bakery: nobody in particular, no money",
        "Transaction|Item|date_time|period_day|weekday_weekend\n1|Bread|30-10-2016 09:58|morning|weekend\n\
         2|Scandinavian|30-10-2016 10:05|morning|weekend\n2|Scandinavian|30-10-2016 10:05|morning|weekend",
        "stop: customer, money",
    ),
    (
        "Maven toys: no customers",
        "Sale_ID|Date|Store_ID|Product_ID|Units\n1|2022-01-01|24|4|1\n2|2022-01-01|28|1|1\n3|2022-01-01|6|8|1",
        "stop: customer, money",
    ),
    (
        "Retail transactions",
        "transaction_id|customer_id|product_id|quantity|price|transaction_date|payment_method|store_location|discount_applied(%)|total_amount\n\
         1|109318|C|7|80.08|12/26/2023 12:32|Cash|Naperville|18.68|455.86\n2|993229|C|4|75.20|8/5/2023 0:00|Cash|Hayesville|14.12|258.31\n\
         3|579675|A|8|31.53|3/11/2024 18:51|Cash|Peggyview|15.94|212.02",
        "customer=customer_id; order=transaction_id; date=transaction_date; amount=total_amount; quantity=quantity; price=price; \
         discount=discount_applied(%); product=product_id",
    ),
    (
        "Retail sales data set",
        "Transaction ID|Date|Customer ID|Gender|Age|Product Category|Quantity|Price per Unit|Total Amount\n\
         1|2023-11-24|CUST001|Male|34|Beauty|3|50|150\n2|2023-02-27|CUST002|Female|26|Clothing|2|500|1000\n\
         3|2023-01-13|CUST003|Male|50|Electronics|1|30|30",
        "customer=Customer ID; order=Transaction ID; date=Date; amount=Total Amount; quantity=Quantity; price=Price per Unit; \
         category=Product Category",
    ),
    (
        "Customer shopping in Istanbul",
        "invoice_no|customer_id|gender|age|category|quantity|price|payment_method|invoice_date|shopping_mall\n\
         I138884|C241288|Female|28|Clothing|5|1500.40|Credit Card|5/8/2022|Kanyon\n\
         I317333|C111565|Male|21|Shoes|3|1800.51|Debit Card|12/12/2021|Forum Istanbul\n\
         I127801|C266599|Male|20|Clothing|1|300.08|Cash|9/11/2021|Metrocity",
        "customer=customer_id; order=invoice_no; date=invoice_date; quantity=quantity; price=price; category=category",
    ),
    (
        "Bank: balances are no money of the line",
        "TransactionID|CustomerID|CustomerDOB|CustGender|CustLocation|CustAccountBalance|TransactionDate|TransactionTime|TransactionAmount (INR)\n\
         T1|C5841053|10/1/94|F|JAMSHEDPUR|17819.05|2/8/16|143207|25\nT2|C2142763|4/4/57|M|JHAJJAR|2270.69|2/8/16|141858|27999\n\
         T3|C4417068|26/11/96|F|MUMBAI|17874.44|2/8/16|142712|459",
        "customer=CustomerID; order=TransactionID; date=TransactionDate; amount=TransactionAmount (INR)",
    ),
    (
        "Two data frames joined: the second price is a twin",
        "customer_id|order_id|date|price|quantity|price.1\nc1|o1|2024-01-02|9.99|1|9.99\nc1|o2|2024-01-03|5.00|2|5.00\nc2|o3|2024-01-04|7.50|1|7.50",
        "customer=customer_id; order=order_id; date=date; quantity=quantity; price=price",
    ),
    (
        "Two data frames joined: the second amount differs",
        "customer_id|order_id|date|amount|amount.1\nc1|o1|2024-01-02|9.99|8.50\nc1|o2|2024-01-03|5.00|2.00\nc2|o3|2024-01-04|7.50|1.00",
        "stop: amount",
    ),
    (
        "Totals of orders, repeated on every line",
        "order_id|customer_id|order_date|sku|qty|unit_price|amount\n\
         1|a|2024-01-02|x|2|5.00|17.00\n1|a|2024-01-02|y|1|7.00|17.00\n2|b|2024-01-03|x|1|5.00|26.00\n2|b|2024-01-03|z|3|7.00|26.00\n\
         3|a|2024-01-04|x|1|5.00|12.00\n3|a|2024-01-04|y|1|7.00|12.00",
        "customer=customer_id; order=order_id; date=order_date; quantity=qty; price=unit_price; product=sku",
    ),
    (
        "Totals of orders, and nothing else",
        "order_id|customer_id|order_date|sku|total\n\
         1|a|2024-01-02|x|17.00\n1|a|2024-01-02|y|17.00\n2|b|2024-01-03|x|26.00\n2|b|2024-01-03|z|26.00\n3|a|2024-01-04|x|12.00\n\
         3|a|2024-01-04|y|12.00\n4|a|2024-01-04|x|11.00\n4|a|2024-01-04|y|11.00\n5|a|2024-01-05|x|13.50\n5|a|2024-01-05|y|13.50",
        "stop: amount",
    ),
    (
        "Sales or revenue: the numbers tell",
        "order|customer|date|qty|unit price|sales|revenue\n1|a|2024-01-02|2|5.00|3.00|10.00\n2|b|2024-01-03|3|7.00|14.00|21.00\n\
         3|a|2024-01-04|4|5.00|14.00|20.00",
        "customer=customer; order=order; date=date; amount=revenue; quantity=qty; price=unit price",
    ),
];
