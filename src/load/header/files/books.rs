//! Sample databases and the exports of programs for books and stock.

use super::File;

pub(super) const FILES: &[File] = &[
    (
        "AdventureWorks",
        "SalesOrderID|OrderDate|DueDate|ShipDate|Status|SalesOrderNumber|AccountNumber|CustomerID|SalesOrderDetailID|OrderQty|ProductID|\
         UnitPrice|UnitPriceDiscount|LineTotal|SubTotal|TaxAmt|Freight|TotalDue\n\
         43659|2011-05-31|2011-06-12|2011-06-07|5|SO43659|10-4020-000676|29825|1|1|776|2024.994|0.00|2024.994000|20565.6206|1971.5149|616.0984|23153.2339\n\
         43659|2011-05-31|2011-06-12|2011-06-07|5|SO43659|10-4020-000676|29825|2|3|777|2024.994|0.00|6074.982000|20565.6206|1971.5149|616.0984|23153.2339\n\
         43660|2011-05-31|2011-06-12|2011-06-07|5|SO43660|10-4020-000117|29672|13|1|762|419.4589|0.00|419.458900|1294.2529|124.2483|38.8276|1457.3288",
        "customer=CustomerID; order=SalesOrderID; date=OrderDate; amount=LineTotal; quantity=OrderQty; price=UnitPrice; \
         discount=UnitPriceDiscount; product=ProductID",
    ),
    (
        "AdventureWorks DW",
        "ProductKey|OrderDateKey|DueDateKey|ShipDateKey|CustomerKey|SalesOrderNumber|SalesOrderLineNumber|OrderQuantity|UnitPrice|\
         ExtendedAmount|TotalProductCost|SalesAmount|TaxAmt|Freight|OrderDate\n\
         310|20101229|20110110|20110105|21768|SO43697|1|1|3578.27|3578.27|2171.2942|3578.27|286.2616|89.4568|2010-12-29\n\
         346|20101229|20110110|20110105|28389|SO43698|1|1|3399.99|3399.99|1912.1544|3399.99|271.9992|84.9998|2010-12-29\n\
         346|20101229|20110110|20110105|25863|SO43699|1|1|3399.99|3399.99|1912.1544|3399.99|271.9992|84.9998|2010-12-29",
        "customer=CustomerKey; order=SalesOrderNumber; date=OrderDate; amount=ExtendedAmount; quantity=OrderQuantity; price=UnitPrice; \
         product=ProductKey; cost=TotalProductCost",
    ),
    (
        "Northwind, joined",
        "OrderID|CustomerID|EmployeeID|OrderDate|RequiredDate|ShippedDate|ShipVia|Freight|ProductID|UnitPrice|Quantity|Discount\n\
         10248|VINET|5|1996-07-04|1996-08-01|1996-07-16|3|32.38|11|14.0000|12|0\n10248|VINET|5|1996-07-04|1996-08-01|1996-07-16|3|32.38|42|9.8000|10|0\n\
         10251|VICTE|3|1996-07-08|1996-08-05|1996-07-15|1|41.34|22|16.8000|6|0.05",
        "customer=CustomerID; order=OrderID; date=OrderDate; quantity=Quantity; price=UnitPrice; discount=Discount; product=ProductID",
    ),
    (
        "Contoso",
        "Order Number|Line Number|Order Date|Delivery Date|CustomerKey|StoreKey|ProductKey|Quantity|Unit Price|Net Price|Unit Cost|Currency Code|Exchange Rate\n\
         366000|0|2016-01-01|2016-01-13|265598|10|1304|1|98.967|98.967|50.37|USD|1\n366001|0|2016-01-01|2016-01-13|1269051|0|1048|2|659.78|600.38|303.41|USD|1\n\
         366001|1|2016-01-01|2016-01-13|1269051|0|2007|1|54.376|48.94|27.66|USD|1",
        "customer=CustomerKey; order=Order Number; date=Order Date; quantity=Quantity; price=Unit Price; product=ProductKey; \
         cost=Unit Cost; currency=Currency Code",
    ),
    (
        "Chinook, joined",
        "InvoiceId|CustomerId|InvoiceDate|BillingCountry|Total|InvoiceLineId|TrackId|UnitPrice|Quantity\n\
         1|2|2009-01-01 00:00:00|Germany|1.98|1|2|0.99|1\n1|2|2009-01-01 00:00:00|Germany|1.98|2|4|0.99|1\n\
         2|4|2009-01-02 00:00:00|Norway|3.96|3|6|0.99|1\n2|4|2009-01-02 00:00:00|Norway|3.96|4|8|0.99|1",
        "customer=CustomerId; order=InvoiceId; date=InvoiceDate; quantity=Quantity; price=UnitPrice; product=TrackId",
    ),
    (
        "Sakila payments",
        "payment_id|customer_id|staff_id|rental_id|amount|payment_date|last_update\n\
         1|1|1|76|2.99|2005-05-25 11:30:37|2006-02-15 22:12:30\n2|1|1|573|0.99|2005-05-28 10:35:23|2006-02-15 22:12:30\n\
         3|1|1|1185|5.99|2005-06-15 00:54:12|2006-02-15 22:12:30",
        "customer=customer_id; order=payment_id; date=payment_date; amount=amount",
    ),
    (
        "Sample sales data",
        "ORDERNUMBER|QUANTITYORDERED|PRICEEACH|ORDERLINENUMBER|SALES|ORDERDATE|STATUS|QTR_ID|PRODUCTLINE|MSRP|PRODUCTCODE|CUSTOMERNAME|DEALSIZE\n\
         10107|30|95.70|2|2871|2/24/2003 0:00|Shipped|1|Motorcycles|95|S10_1678|Land of Toys Inc.|Small\n\
         10121|34|81.35|5|2765.9|5/7/2003 0:00|Shipped|2|Motorcycles|95|S10_1678|Reims Collectables|Small\n\
         10134|41|94.74|2|3884.34|7/1/2003 0:00|Cancelled|3|Motorcycles|95|S10_1678|Lyon Souveniers|Medium",
        "customer=CUSTOMERNAME; order=ORDERNUMBER; date=ORDERDATE; amount=SALES; quantity=QUANTITYORDERED; price=PRICEEACH; \
         product=PRODUCTCODE; category=PRODUCTLINE",
    ),
    (
        "Odoo sale order lines",
        "Order Reference|Order Date|Partner|Product Variant|Ordered Quantity|Unit Price|Subtotal|Total\n\
         S00001|2024-03-01 09:12:00|Azure Interior|[E-COM11] Cabinet|2.00|320.00|640.00|736.00\n\
         S00001|2024-03-01 09:12:00|Azure Interior|[FURN_1118] Chair|3.00|70.00|210.00|241.50\n\
         S00002|2024-03-02 10:00:00|Deco Addict|[E-COM11] Cabinet|4.00|320.00|1280.00|1472.00",
        "customer=Partner; order=Order Reference; date=Order Date; amount=Subtotal; quantity=Ordered Quantity; price=Unit Price; \
         name=Product Variant",
    ),
    (
        "SAP fields",
        "VBELN|POSNR|FKDAT|KUNNR|MATNR|ARKTX|FKIMG|VRKME|NETWR|MWSBP|WAERK|MATKL\n\
         90000001|000010|20240105|0000100001|MZ-FG-C900|C900 BIKE|2.000|EA|2998.00|569.62|EUR|ZYOUTH\n\
         90000001|000020|20240105|0000100001|MZ-FG-M525|M525 BIKE|1.000|EA|850.00|161.50|EUR|ZMTN\n\
         90000002|000010|20240106|0000100002|MZ-FG-C900|C900 BIKE|1.000|EA|1499.00|284.81|EUR|ZYOUTH",
        "customer=KUNNR; order=VBELN; date=FKDAT; amount=NETWR; quantity=FKIMG; product=MATNR; category=MATKL; currency=WAERK",
    ),
    (
        "QuickBooks sales by customer detail",
        "Date|Transaction Type|Num|Product/Service|Memo/Description|Qty|Sales Price|Amount|Balance|Customer\n\
         01/05/2024|Invoice|1001|Design|Logo|2|75.00|150.00|150.00|Amy's Bird Sanctuary\n\
         01/09/2024|Invoice|1002|Hours|Work|3|35.00|105.00|255.00|Bill's Windsurf Shop\n\
         01/11/2024|Credit Memo|1003|Design|Logo|-1|75.00|-75.00|180.00|Amy's Bird Sanctuary",
        "customer=Customer; order=Num; date=Date; amount=Amount; quantity=Qty; price=Sales Price; product=Product/Service; type=Transaction Type",
    ),
    (
        "Xero invoices",
        "ContactName|EmailAddress|InvoiceNumber|Reference|InvoiceDate|DueDate|Total|TaxTotal|InventoryItemCode|Description|Quantity|UnitAmount|\
         Discount|LineAmount|AccountCode|TaxType|TaxAmount|Currency|Type|Status\n\
         Ridgeway University|ap@ridgeway.edu|INV-0001|P/O 9711|2024-01-05|2024-01-15|6187.50|562.50|GB1|Golf balls|10|562.50||5625.00|200|GST|562.50|AUD|Sales invoice|Paid\n\
         Ridgeway University|ap@ridgeway.edu|INV-0001|P/O 9711|2024-01-05|2024-01-15|6187.50|562.50|GB2|Tees|5|10.00||50.00|200|GST|5.00|AUD|Sales invoice|Paid\n\
         City Limousines|pay@citylimo.com|INV-0002||2024-01-06|2024-01-16|250.00|22.73|GB1|Golf balls|1|227.27||227.27|200|GST|22.73|AUD|Sales invoice|Voided",
        "customer=EmailAddress; order=InvoiceNumber; date=InvoiceDate; amount=LineAmount; quantity=Quantity; price=UnitAmount; \
         discount=Discount; product=InventoryItemCode; name=Description; currency=Currency; type=Type",
    ),
    (
        "Dynamics sales invoice lines",
        "Document No.|Sell-to Customer No.|Bill-to Customer No.|Posting Date|Type|No.|Description|Quantity|Unit of Measure|Unit Price|Line Discount %|\
         Amount|Amount Including VAT|Line Amount\n\
         103001|10000|10000|2024-01-05|Item|1896-S|ATHENS Desk|2|PCS|649.40|0|1298.80|1623.50|1298.80\n\
         103001|10000|10000|2024-01-05|Item|1900-S|PARIS Chair|4|PCS|125.10|10|450.36|562.95|450.36\n\
         103002|20000|20000|2024-01-08|G/L Account|6810|Freight|1|PCS|50.00|0|50.00|62.50|50.00",
        "customer=Sell-to Customer No.; order=Document No.; date=Posting Date; amount=Amount Including VAT; quantity=Quantity; \
         price=Unit Price; discount=Line Discount %; name=Description",
    ),
    (
        "NetSuite",
        "Date|Document Number|Type|Name|Item|Quantity|Amount|Customer : Internal ID\n\
         1/5/2024|INV1001|Invoice|Acme|Widget A|2|50.00|771\n1/6/2024|INV1002|Invoice|Globex|Widget B|1|30.00|772\n\
         1/7/2024|CM1003|Credit Memo|Acme|Widget A|-1|-25.00|771",
        "customer=Customer : Internal ID; order=Document Number; date=Date; amount=Amount; quantity=Quantity; product=Item; type=Type",
    ),
    (
        "Sage 50",
        "Invoice No|Invoice Date|A/C Ref|Customer Name|Product Code|Description|Qty|Unit Price|Net Amount|VAT|Gross\n\
         1001|05/01/2024|ABS001|ABS Garages|BOARD001|Notice board|2|35.00|70.00|14.00|84.00\n\
         1002|18/01/2024|BRI001|Fred Briant|BOARD002|White board|1|50.00|50.00|10.00|60.00\n\
         1003|19/01/2024|ABS001|ABS Garages|BOARD001|Notice board|3|35.00|105.00|21.00|126.00",
        "customer=A/C Ref; order=Invoice No; date=Invoice Date; amount=Gross; quantity=Qty; price=Unit Price; product=Product Code; name=Description",
    ),
    (
        "Units, blanks and line breaks",
        "\u{FEFF}\"Customer ID\" | ORDER\u{A0}NO. | order.date | Total Amount [USD] | Qty (pcs) | Unit_Price_USD\n\
         17|1|2024-02-03|10.00|2|5.00\n18|2|2024-02-04|21.00|3|7.00\n17|3|2024-02-05|20.00|4|5.00",
        "customer=\u{FEFF}\"Customer ID\"; order=ORDER\u{A0}NO.; date=order.date; amount=Total Amount [USD]; quantity=Qty (pcs); price=Unit_Price_USD",
    ),
];
