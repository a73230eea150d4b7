//! Headers of European and Latin American languages.

use super::File;

pub(super) const FILES: &[File] = &[
    (
        "SAP, Texte",
        "Faktura|Position|Fakturadatum|Auftraggeber|Debitor|Material|Bezeichnung|Fakturierte Menge|Nettowert|Steuerbetrag|Währung\n\
         90000001|10|05.01.2024|100001|100001|MZ-1|Rad|2|2.998,00|569,62|EUR\n90000001|20|05.01.2024|100001|100001|MZ-2|Helm|1|85,00|16,15|EUR\n\
         90000002|10|06.01.2024|100002|100002|MZ-1|Rad|1|1.499,00|284,81|EUR",
        "customer=Auftraggeber; order=Faktura; date=Fakturadatum; amount=Nettowert; quantity=Fakturierte Menge; product=Material; \
         name=Bezeichnung; currency=Währung",
    ),
    (
        "Lexware",
        "Belegnr.|Belegdatum|Kundennr.|Kundenname|Artikelnr.|Artikelbezeichnung|Menge|Einheit|Einzelpreis|Gesamtpreis|USt-Satz\n\
         RE1001|05.01.2024|10001|Müller GmbH|4711|Schraube|100|Stk|0,10|10,00|19\nRE1001|05.01.2024|10001|Müller GmbH|4712|Mutter|50|Stk|0,05|2,50|19\n\
         RE1002|08.01.2024|10002|Meier KG|4711|Schraube|200|Stk|0,10|20,00|19",
        "customer=Kundennr.; order=Belegnr.; date=Belegdatum; amount=Gesamtpreis; quantity=Menge; price=Einzelpreis; product=Artikelnr.; \
         name=Artikelbezeichnung",
    ),
    (
        "JTL",
        "Auftragsnummer|Erstelldatum|Kundennummer|Firma|Artikelnummer|Artikelname|Anzahl|VK Netto|VK Brutto|Gesamt Netto|Gesamt Brutto|Versanddatum\n\
         AU1|05.01.2024 10:11|K1|Müller|A1|Tasse|2|10,00|11,90|20,00|23,80|06.01.2024\nAU1|05.01.2024 10:11|K1|Müller|A2|Teller|3|5,00|5,95|15,00|17,85|06.01.2024\n\
         AU2|08.01.2024 09:00|K2|Meier|A1|Tasse|4|10,00|11,90|40,00|47,60|09.01.2024",
        "customer=Kundennummer; order=Auftragsnummer; date=Erstelldatum; amount=Gesamt Brutto; quantity=Anzahl; price=VK Brutto; \
         product=Artikelnummer; name=Artikelname",
    ),
    (
        "DATEV",
        "Umsatz (ohne Soll/Haben-Kz)|Soll/Haben-Kennzeichen|WKZ Umsatz|Konto|Gegenkonto (ohne BU-Schlüssel)|Belegdatum|Belegfeld 1|Buchungstext\n\
         119,00|S|EUR|10001|8400|0501|RE1001|Müller\n59,50|S|EUR|10002|8400|0601|RE1002|Meier\n119,00|H|EUR|10001|8400|0701|GU1003|Müller",
        "stop: customer, date",
    ),
    (
        "Shop auf Deutsch, Brutto und Netto",
        "Bestellnummer|Bestellt am|Kunden-Nr.|E-Mail|Artikel-Nr.|Artikel|Stückzahl|Stückpreis (€)|Betrag netto in EUR|MwSt.|Betrag brutto in EUR\n\
         1|05.01.2024|7|a@x.de|A1|Tasse|2|11,90|20,00|3,80|23,80\n2|06.01.2024|8|b@x.de|A1|Tasse|3|11,90|30,00|5,70|35,70\n3|07.01.2024|7|a@x.de|A1|Tasse|4|11,90|40,00|7,60|47,60",
        "customer=Kunden-Nr.; order=Bestellnummer; date=Bestellt am; amount=Betrag brutto in EUR; quantity=Stückzahl; price=Stückpreis (€); \
         product=Artikel-Nr.; name=Artikel",
    ),
    (
        "Nur Kundenname",
        "Rechnung Nr.|Datum|Kunde|Artikel|Anz.|Preis|Summe\n1|05.01.2024|Müller|Tasse|2|10,00|20,00\n2|06.01.2024|Meier|Tasse|3|10,00|30,00\n3|07.01.2024|Müller|Teller|4|5,00|20,00",
        "customer=Kunde; order=Rechnung Nr.; date=Datum; amount=Summe; quantity=Anz.; price=Preis; product=Artikel",
    ),
    (
        "Facturation",
        "N° facture|Date facture|Date d'échéance|Code client|Nom du client|Réf. article|Désignation|Qté|PU HT|Remise %|Montant HT|TVA|Montant TTC\n\
         FA001|05/01/2024|05/02/2024|C001|Dupont|A1|Vis|100|0,10|0|10,00|2,00|12,00\nFA001|05/01/2024|05/02/2024|C001|Dupont|A2|Écrou|50|0,05|0|2,50|0,50|3,00\n\
         FA002|18/01/2024|18/02/2024|C002|Martin|A1|Vis|200|0,10|0|20,00|4,00|24,00",
        "customer=Code client; order=N° facture; date=Date facture; amount=Montant TTC; quantity=Qté; price=PU HT; discount=Remise %; \
         product=Réf. article; name=Désignation",
    ),
    (
        "Boutique",
        "Référence commande|Date de la commande|Identifiant client|Libellé produit|Quantité commandée|Prix unitaire TTC (€)|Total ligne TTC|Date de livraison\n\
         CMD1|05/01/2024|42|Tasse|2|10,00|20,00|08/01/2024\nCMD2|16/01/2024|43|Tasse|3|10,00|30,00|18/01/2024\nCMD3|17/01/2024|42|Bol|4|5,00|20,00|19/01/2024",
        "customer=Identifiant client; order=Référence commande; date=Date de la commande; amount=Total ligne TTC; quantity=Quantité commandée; \
         price=Prix unitaire TTC (€); name=Libellé produit",
    ),
    (
        "Ticket de caisse",
        "Numéro de ticket|Date|Heure|Carte fidélité|EAN|Libellé|Quantité|Montant\n\
         T1|05/01/2024|10:11|98001|3017620422003|Pâte|1|4,50\nT1|05/01/2024|10:11|98001|3274080005003|Eau|6|3,60\nT2|16/01/2024|11:00|98002|3017620422003|Pâte|2|9,00",
        "customer=Carte fidélité; order=Numéro de ticket; date=Date; amount=Montant; quantity=Quantité; product=EAN; name=Libellé",
    ),
    (
        "Facturas",
        "Nº Factura|Fecha|Fecha vencimiento|Cód. Cliente|Cliente|Cód. Artículo|Descripción|Cantidad|Precio|% Dto.|Importe|IVA|Total factura\n\
         F1|05/01/2024|05/02/2024|430001|Gómez|A1|Tornillo|100|0,10|0|10,00|2,10|15,13\nF1|05/01/2024|05/02/2024|430001|Gómez|A2|Tuerca|50|0,05|0|2,50|0,53|15,13\n\
         F2|18/01/2024|18/02/2024|430002|Pérez|A1|Tornillo|200|0,10|0|20,00|4,20|24,20",
        "customer=Cód. Cliente; order=Nº Factura; date=Fecha; amount=Importe; quantity=Cantidad; price=Precio; discount=% Dto.; \
         product=Cód. Artículo; name=Descripción",
    ),
    (
        "Ventas en México",
        "Folio|Fecha de venta|ID Cliente|Producto|Categoría|Cantidad|Precio unitario|Monto total ($)|Sucursal\n\
         V1|2024-01-05|7|Taza|Hogar|2|50.00|100.00|Centro\nV2|2024-01-06|8|Taza|Hogar|3|50.00|150.00|Norte\nV3|2024-01-07|7|Plato|Hogar|4|30.00|120.00|Centro",
        "customer=ID Cliente; order=Folio; date=Fecha de venta; amount=Monto total ($); quantity=Cantidad; price=Precio unitario; \
         product=Producto; category=Categoría",
    ),
    (
        "Notas fiscais",
        "Código Cliente|Nome Cliente|Nota Fiscal|Data Emissão|Cód. Produto|Produto|Qtde|Vlr Unitário|Vlr Total|Vlr ICMS|Data Vencimento\n\
         101|Silva|5001|05/01/2024|P1|Caneca|2|10,00|20,00|3,60|05/02/2024\n101|Silva|5001|05/01/2024|P2|Prato|3|5,00|15,00|2,70|05/02/2024\n\
         102|Souza|5002|18/01/2024|P1|Caneca|4|10,00|40,00|7,20|18/02/2024",
        "customer=Código Cliente; order=Nota Fiscal; date=Data Emissão; amount=Vlr Total; quantity=Qtde; price=Vlr Unitário; \
         product=Cód. Produto; name=Produto",
    ),
    (
        "Loja brasileira",
        "Número do Pedido|Data do Pedido|CPF|E-mail|SKU|Nome do Produto|Quantidade|Preço (R$)|Desconto|Total do Item (R$)|Frete|Status\n\
         1|05/01/2024|111|a@x.br|S1|Caneca|2|10,00|0,00|20,00|8,00|Entregue\n2|16/01/2024|222|b@x.br|S1|Caneca|3|10,00|0,00|30,00|8,00|Entregue\n\
         3|17/01/2024|111|a@x.br|S2|Prato|4|5,00|0,00|20,00|8,00|Cancelado",
        "customer=E-mail; order=Número do Pedido; date=Data do Pedido; amount=Total do Item (R$); quantity=Quantidade; price=Preço (R$); \
         discount=Desconto; product=SKU; name=Nome do Produto",
    ),
    (
        "Fatture",
        "Numero fattura|Data fattura|Scadenza|Codice cliente|Ragione sociale|Codice articolo|Descrizione|Quantità|Prezzo unitario|Sconto %|Importo|IVA\n\
         1/2024|05/01/2024|05/02/2024|C1|Rossi|A1|Vite|100|0,10|0|10,00|22\n1/2024|05/01/2024|05/02/2024|C1|Rossi|A2|Dado|50|0,05|0|2,50|22\n\
         2/2024|18/01/2024|18/02/2024|C2|Bianchi|A1|Vite|200|0,10|0|20,00|22",
        "customer=Codice cliente; order=Numero fattura; date=Data fattura; amount=Importo; quantity=Quantità; price=Prezzo unitario; \
         discount=Sconto %; product=Codice articolo; name=Descrizione",
    ),
    (
        "Facturen",
        "Factuurnummer|Factuurdatum|Vervaldatum|Klantnummer|Klantnaam|Artikelnummer|Omschrijving|Aantal|Stukprijs|Bedrag excl. BTW|Bedrag incl. BTW\n\
         F1|05-01-2024|05-02-2024|K1|Jansen|A1|Kop|2|10,00|20,00|24,20\nF1|05-01-2024|05-02-2024|K1|Jansen|A2|Bord|3|5,00|15,00|18,15\n\
         F2|18-01-2024|18-02-2024|K2|De Vries|A1|Kop|4|10,00|40,00|48,40",
        "customer=Klantnummer; order=Factuurnummer; date=Factuurdatum; amount=Bedrag incl. BTW; quantity=Aantal; price=Stukprijs; \
         product=Artikelnummer; name=Omschrijving",
    ),
    (
        "Продажи",
        "№ заказа|Дата заказа|Код клиента|ФИО клиента|Артикул|Наименование товара|Кол-во|Цена|Скидка|Сумма, руб.|Дата доставки\n\
         1|05.01.2024|К1|Иванов|А1|Чашка|2|100,00|0,00|200,00|08.01.2024\n2|16.01.2024|К2|Петров|А1|Чашка|3|100,00|0,00|300,00|18.01.2024\n\
         3|17.01.2024|К1|Иванов|А2|Тарелка|4|50,00|0,00|200,00|19.01.2024",
        "customer=Код клиента; order=№ заказа; date=Дата заказа; amount=Сумма, руб.; quantity=Кол-во; price=Цена; discount=Скидка; \
         product=Артикул; name=Наименование товара",
    ),
    (
        "Sprzedaż",
        "Nr faktury|Data sprzedaży|ID klienta|Nazwa klienta|Kod produktu|Nazwa towaru|Ilość|Cena netto|Wartość netto|VAT|Wartość brutto\n\
         FV1|2024-01-05|K1|Nowak|A1|Kubek|2|10,00|20,00|4,60|24,60\nFV1|2024-01-05|K1|Nowak|A2|Talerz|3|5,00|15,00|3,45|18,45\n\
         FV2|2024-01-18|K2|Kowalski|A1|Kubek|4|10,00|40,00|9,20|49,20",
        "customer=ID klienta; order=Nr faktury; date=Data sprzedaży; amount=Wartość brutto; quantity=Ilość; price=Cena netto; \
         product=Kod produktu; name=Nazwa towaru",
    ),
    (
        "Satışlar",
        "Sipariş No|Sipariş Tarihi|Müşteri No|Müşteri Adı|Ürün Kodu|Ürün Adı|Miktar|Birim Fiyat|İndirim|Toplam Tutar (TL)\n\
         1|05.01.2024|M1|Yılmaz|A1|Bardak|2|100,00|0,00|200,00\n2|16.01.2024|M2|Demir|A1|Bardak|3|100,00|0,00|300,00\n3|17.01.2024|M1|Yılmaz|A2|Tabak|4|50,00|0,00|200,00",
        "customer=Müşteri No; order=Sipariş No; date=Sipariş Tarihi; amount=Toplam Tutar (TL); quantity=Miktar; price=Birim Fiyat; \
         discount=İndirim; product=Ürün Kodu; name=Ürün Adı",
    ),
];
