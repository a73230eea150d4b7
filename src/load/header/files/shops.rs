//! Exports of shops, market places and tills.

use super::File;

pub(super) const FILES: &[File] = &[
    (
        "Shopify orders",
        "Name|Email|Financial Status|Paid at|Fulfillment Status|Accepts Marketing|Currency|Subtotal|Shipping|Taxes|Total|Discount Code|\
         Discount Amount|Shipping Method|Created at|Lineitem quantity|Lineitem name|Lineitem price|Lineitem compare at price|Lineitem sku|\
         Billing Name|Id\n\
         #1002|bo@x.org|paid|2024-01-03 10:00:00 +0100|fulfilled|no|EUR|29.00|5.00|5.43|34.00||0.00|DHL|2024-01-03 10:00:00 +0100|1|Mug|9.00||MUG|Bo Li|5501\n\
         #1002|bo@x.org|||||||||||||2024-01-03 10:00:00 +0100|2|Cap|10.00||CAP||\n\
         #1001|al@x.org|refunded|2024-01-02 09:00:00 +0100|fulfilled|no|EUR|27.00|0.00|4.31|27.00||0.00|DHL|2024-01-02 09:00:00 +0100|3|Mug|9.00||MUG|Al Ba|5500\n\
         #1000|al@x.org|paid|2024-01-01 09:00:00 +0100|fulfilled|no|EUR|19.00|0.00|3.03|19.00||0.00|DHL|2024-01-01 09:00:00 +0100|1|Mug|9.00||MUG|Al Ba|5499\n\
         #1000|al@x.org|||||||||||||2024-01-01 09:00:00 +0100|1|Cap|10.00||CAP||",
        "customer=Email; order=Name; date=Created at; quantity=Lineitem quantity; price=Lineitem price; discount=Discount Amount; \
         product=Lineitem sku; name=Lineitem name; currency=Currency",
    ),
    (
        "WooCommerce, one line an item",
        "Order Number|Order Status|Order Date|Customer Note|First Name (Billing)|Email (Billing)|Payment Method Title|Cart Discount Amount|\
         Order Subtotal Amount|Order Shipping Amount|Order Total Amount|Order Total Tax Amount|SKU|Item #|Item Name|Quantity|Item Cost|\
         Customer User ID\n\
         501|Completed|2024-02-01 10:11||Ann|ann@x.org|PayPal|0|40.00|5.00|45.00|0|TSH-1|1|T-Shirt|2|15.00|31\n\
         501|Completed|2024-02-01 10:11||Ann|ann@x.org|PayPal|0|40.00|5.00|45.00|0|CAP-1|2|Cap|1|10.00|31\n\
         502|Refunded|2024-02-02 12:00||Ben|ben@x.org|Card|0|16.00|5.00|21.00|0|TSH-1|1|T-Shirt|1|16.00|32",
        "stop: amount",
    ),
    (
        "Magento orders",
        "ID|Purchase Point|Purchase Date|Bill-to Name|Ship-to Name|Grand Total (Base)|Grand Total (Purchased)|Status|Customer Email|Customer Group|\
         Subtotal|Shipping and Handling|Payment Method\n\
         000000001|Main|2024-01-05 10:00:00|Ann A|Ann A|45.00|45.00|complete|ann@x.org|General|40.00|5.00|checkmo\n\
         000000002|Main|2024-01-06 11:30:00|Ben B|Ben B|21.00|21.00|closed|ben@x.org|General|16.00|5.00|checkmo\n\
         000000003|Main|2024-01-07 12:00:00|Ann A|Ann A|30.00|30.00|canceled|ann@x.org|General|25.00|5.00|checkmo",
        "customer=Customer Email; order=ID; date=Purchase Date; amount=Subtotal",
    ),
    (
        "PrestaShop details",
        "id_order|reference|id_customer|customer|date_add|product_id|product_reference|product_name|product_quantity|unit_price_tax_incl|\
         unit_price_tax_excl|total_price_tax_incl|total_price_tax_excl\n\
         1|XKBKNABJK|1|John Doe|2024-01-02 10:00:00|2|demo_3|Poster|2|24.00|20.00|48.00|40.00\n\
         1|XKBKNABJK|1|John Doe|2024-01-02 10:00:00|3|demo_6|Mug|1|14.28|11.90|14.28|11.90\n\
         2|OHSATSERP|2|Jane Roe|2024-01-03 11:00:00|2|demo_3|Poster|3|24.00|20.00|72.00|60.00",
        "customer=id_customer; order=id_order; date=date_add; amount=total_price_tax_incl; quantity=product_quantity; \
         price=unit_price_tax_incl; product=product_id; name=product_name",
    ),
    (
        "Stripe payments",
        "id|Created date (UTC)|Amount|Amount Refunded|Currency|Fee|Customer ID|Customer Email|Description|Status\n\
         ch_3Mx|2024-01-05 10:12|49.00|0.00|usd|1.72|cus_Na1|a@x.org|Plan|Paid\nch_3My|2024-01-06 11:12|20.00|0.00|usd|0.88|cus_Na2|b@x.org|Plan|Paid\n\
         ch_3Mz|2024-02-05 10:12|49.00|49.00|usd|1.72|cus_Na1|a@x.org|Plan|Refunded",
        "customer=Customer ID; order=id; date=Created date (UTC); amount=Amount; name=Description; currency=Currency",
    ),
    (
        "Square items",
        "Date|Time|Time Zone|Category|Item|Qty|Price Point Name|SKU|Modifiers Applied|Gross Sales|Discounts|Net Sales|Tax|Transaction ID|Payment ID|\
         Device Name|Details|Event Type|Location|Customer ID|Customer Name\n\
         2024-01-05|10:11:12|Berlin|Drinks|Latte|2|Regular|L1||$9.00|-$1.00|$8.00|$0.71|Tx1|P1|Till|d|Payment|Shop|CU1|Ann\n\
         2024-01-05|10:11:12|Berlin|Food|Bagel|1|Regular|B1||$4.00|$0.00|$4.00|$0.35|Tx1|P1|Till|d|Payment|Shop|CU1|Ann\n\
         2024-01-06|09:00:00|Berlin|Drinks|Latte|-1|Regular|L1||-$4.50|$0.00|-$4.50|-$0.40|Tx2|P2|Till|d|Refund|Shop|CU2|Ben",
        "customer=Customer ID; order=Transaction ID; date=Date; amount=Net Sales; quantity=Qty; discount=Discounts; product=SKU; name=Item; \
         category=Category",
    ),
    (
        "Lightspeed lines",
        "Sale ID|Completed Time|Customer ID|Customer|Item ID|Description|Qty|Retail Price|Subtotal|Discount|Total|Cost\n\
         101|2024-01-05 10:11|7|Ann A|55|Helmet|2|50.00|100.00|0.00|100.00|60.00\n101|2024-01-05 10:11|7|Ann A|56|Lock|3|20.00|60.00|6.00|54.00|30.00\n\
         102|2024-01-06 12:00|8|Ben B|55|Helmet|4|50.00|200.00|20.00|180.00|120.00\n103|2024-01-07 12:00|7|Ann A|56|Lock|2|20.00|40.00|4.00|36.00|20.00",
        "customer=Customer ID; order=Sale ID; date=Completed Time; amount=Total; quantity=Qty; price=Retail Price; discount=Discount; \
         product=Item ID; name=Description; cost=Cost",
    ),
    (
        "Amazon Sale Report: no customers",
        "index|Order ID|Date|Status|Fulfilment|Sales Channel |ship-service-level|Style|SKU|Category|Size|ASIN|Courier Status|Qty|currency|Amount|\
         ship-city|B2B\n\
         0|405-8078784-5731545|04-30-22|Cancelled|Merchant|Amazon.in|Standard|SET389|SET389-KR-NP-S|Set|S|B09KXVBD7Z||0|INR|647.62|MUMBAI|False\n\
         1|171-9198151-1101146|04-30-22|Shipped|Merchant|Amazon.in|Standard|JNE3781|JNE3781-KR-XXXL|kurta|3XL|B09K3WFS32|Shipped|1|INR|406|BENGALURU|False\n\
         2|404-0687676-7273146|04-30-22|Shipped|Amazon|Amazon.in|Expedited|JNE3371|JNE3371-KR-XL|kurta|XL|B07WV4JV4D|Shipped|1|INR|329|NAVI MUMBAI|True",
        "stop: customer",
    ),
    (
        "Amazon seller, all orders",
        "amazon-order-id|merchant-order-id|purchase-date|last-updated-date|order-status|sales-channel|product-name|sku|asin|item-status|quantity|currency|\
         item-price|item-tax|shipping-price|buyer-email\n\
         304-1|304-1|2024-01-05T10:11:12+00:00|2024-01-06T10:11:12+00:00|Shipped|Amazon.de|Mug|MUG-1|B001|Shipped|2|EUR|19.98|3.19|0.00|a1@marketplace.amazon.de\n\
         304-2|304-2|2024-01-05T11:11:12+00:00|2024-01-06T10:11:12+00:00|Shipped|Amazon.de|Mug|MUG-1|B001|Shipped|1|EUR|9.99|1.60|0.00|b2@marketplace.amazon.de\n\
         304-3|304-3|2024-01-06T10:11:12+00:00|2024-01-07T10:11:12+00:00|Shipped|Amazon.de|Mug|MUG-1|B001|Shipped|3|EUR|29.97|4.79|0.00|c3@marketplace.amazon.de\n\
         304-4|304-4|2024-01-07T10:11:12+00:00|2024-01-07T10:11:12+00:00|Shipped|Amazon.de|Mug|MUG-1|B001|Shipped|4|EUR|39.96|6.38|0.00|a1@marketplace.amazon.de",
        "customer=buyer-email; order=amazon-order-id; date=purchase-date; amount=item-price; quantity=quantity; product=sku; \
         name=product-name; channel=sales-channel; currency=currency",
    ),
    (
        "eBay orders",
        "Sales Record Number|Order Number|Buyer Username|Buyer Name|Buyer Email|Item Number|Item Title|Custom Label|Quantity|Sold For|Shipping And Handling|\
         Total Price|Sale Date|Paid On Date\n\
         101|12-1-1|anna|Anna A|a@x.org|3300|Lamp|L1|1|$20.00|$5.00|$25.00|Jan-05-24|Jan-05-24\n\
         102|12-1-2|ben|Ben B|b@x.org|3301|Vase|V1|2|$10.00|$5.00|$25.00|Jan-06-24|Jan-06-24\n\
         103|12-1-3|anna|Anna A|a@x.org|3300|Lamp|L1|1|$20.00|$5.00|$25.00|Jan-07-24|Jan-08-24",
        "customer=Buyer Username; order=Order Number; date=Sale Date; amount=Total Price; quantity=Quantity; product=Item Number; name=Item Title",
    ),
    (
        "Etsy sold order items",
        "Sale Date|Item Name|Buyer|Quantity|Price|Coupon Code|Discount Amount|Order Shipping|Item Total|Currency|Transaction ID|Listing ID|\
         Date Paid|Order ID|SKU\n\
         01/05/24|Ring|anna|1|20.00||0.00|3.00|20.00|USD|900|700|01/05/24|300|R1\n\
         01/06/24|Ring|ben|2|20.00||0.00|3.00|40.00|USD|901|700|01/06/24|301|R1\n01/06/24|Pin|ben|3|5.00||0.00|3.00|15.00|USD|902|701|01/06/24|301|P1",
        "customer=Buyer; order=Order ID; date=Sale Date; amount=Item Total; quantity=Quantity; price=Price; discount=Discount Amount; \
         product=SKU; name=Item Name; currency=Currency",
    ),
    (
        "Etsy: without the column of orders, the transaction serves",
        "Sale Date|Buyer|Item Total|Transaction ID\n01/05/24|anna|20.00|900\n01/06/24|ben|40.00|901\n01/06/24|ben|15.00|902",
        "customer=Buyer; order=Transaction ID; date=Sale Date; amount=Item Total",
    ),
    (
        "PayPal",
        "Date|Time|TimeZone|Name|Type|Status|Currency|Gross|Fee|Net|From Email Address|To Email Address|Transaction ID|Balance\n\
         01/05/2024|10:11:12|CET|Ann A|Express Checkout Payment|Completed|EUR|20.00|-0.70|19.30|a@x.org|s@x.org|9AB|19.30\n\
         01/06/2024|10:11:12|CET|Ben B|Express Checkout Payment|Completed|EUR|10.00|-0.50|9.50|b@x.org|s@x.org|9AC|28.80\n\
         01/07/2024|10:11:12|CET|Ann A|Payment Refund|Completed|EUR|-20.00|0.70|-19.30|s@x.org|a@x.org|9AD|9.50",
        "stop: customer, amount",
    ),
    (
        "Loyalty at a till",
        "store_no|receipt_no|loyalty_card_no|business_date|plu|plu_description|qty|net_amount|gross_amount\n\
         12|3345|9800012|2024-01-05|4011|Bananas|1.250|2.10|2.25\n12|3345|9800012|2024-01-05|4065|Pepper|2|1.87|2.00\n\
         12|3346|9800013|2024-01-05|4011|Bananas|0.800|1.34|1.44",
        "customer=loyalty_card_no; order=receipt_no; date=business_date; amount=net_amount; quantity=qty; product=plu",
    ),
    (
        "A shop's own export, all upper case and short",
        "CUST_NO|ORD_NO|ORD_DT|ITEM_NO|ITEM_DESC|QTY|UNIT_PRC|EXT_AMT\n\
         100|1|20240105|A1|Axe|2|10.00|20.00\n101|2|20240106|B2|Bow|3|5.00|15.00\n100|3|20240107|A1|Axe|4|10.00|40.00",
        "customer=CUST_NO; order=ORD_NO; date=ORD_DT; amount=EXT_AMT; quantity=QTY; price=UNIT_PRC; product=ITEM_NO; name=ITEM_DESC",
    ),
];
