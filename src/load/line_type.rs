//! Words by which files mark a line as a sale, a return, or something that is neither.
//!
//! In: a value of a type column. Out: what it says, if it is one of the words known here, whatever its case and
//! accents. A word in a longer value counts if it stands at its beginning (`Return - damaged`); the longest known one
//! decides (`Sales return`). `Credit` and `debit` are missing on purpose: they may be cards.

use std::sync::LazyLock;

use super::header::fold_words;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineType {
    Sale,
    Return,
    /// No sale and none taken back: a view, a cart, a payment, a quote.
    Other,
}

const SALES: &str = "sale;sales;sold;purchase;purchased;invoice;inv;bought;buy;charge;sales invoice;sales receipt;cash sale;\
transaction;销售;销货;购买;出库;销售单;销售订单;销售出库;下单;消费;销售发票;Verkauf;Rechnung;Kauf;Bestellung;Auftrag;Faktura;vente;achat;facture;\
commande;venta;compra;factura;pedido;venda;fatura;nota fiscal;売上;販売;購入;注文;vendita;acquisto;fattura;scontrino;verkoop;aankoop;factuur;\
продажа;реализация;покупка;чек;sprzedaż;zakup;faktura;paragon;판매;매출;구매;satış;satis;satın alma";

/// Words for a sale or a return that also stand for kinds of customers, orders, sizes and so on: they count beside
/// others.
const VAGUE_SALES: &str = "s;order;normal;regular;standard;pos;正常;通常;정상";
const VAGUE_RETURNS: &str = "r;cn";

const RETURNS: &str = "return;returns;returned;refund;refunds;refunded;credit note;credit memo;credit invoice;creditnote;\
creditmemo;rma;cancellation;cancelled;canceled;cancel;void;voided;reversal;reversed;chargeback;sales return;sale return;sales refund;\
sales credit;sales cancellation;sales reversal;return order;return invoice;order return;order refund;order refunded;order cancelled;\
order canceled;invoice cancellation;invoice return;purchase return;partial refund;partially refunded;\
退货;退款;退单;退回;销售退货;销货退回;退货单;取消;作废;红冲;冲红;冲销;红字;销售退回;交易关闭;已取消;已退款;已退货;\
Retoure;Rücksendung;Rückgabe;Rückerstattung;Gutschrift;Storno;Stornierung;Stornorechnung;storniert;Rechnungskorrektur;Erstattung;\
retour;avoir;remboursement;remboursé;annulation;annulé;annulée;facture d'avoir;vente annulée;\
devolución;devuelto;reembolso;nota de crédito;abono;anulación;anulado;anulada;cancelación;cancelado;factura rectificativa;\
devolução;devolvido;estorno;cancelamento;cancelada;nota de devolução;返品;返金;取消し;キャンセル;赤伝;売上返品;\
reso;rimborso;nota di credito;annullato;storno vendita;retourzending;terugbetaling;creditnota;creditfactuur;geannuleerd;\
возврат;возврат от покупателя;отмена;отменен;отменён;сторно;zwrot;korekta;anulowane;anulowano;faktura korygująca;\
반품;환불;취소;iade;iptal;satış iade;satıştan iade;satis iade";

const OTHERS: &str = "view;views;viewed;page view;pageview;pv;product view;item view;view item;detail view;cart;add to cart;addtocart;added to cart;remove;\
remove from cart;removefromcart;removed from cart;wishlist;add to wishlist;fav;favorite;favourite;click;impression;search;browse;\
begin checkout;payout;transfer;deposit;withdrawal;quote;quotation;estimate;sales quote;proforma;pro forma;opening balance;\
journal;journal entry;delivery note;\
浏览;点击;加购;加购物车;加入购物车;收藏;搜索;报价;报价单;\
Angebot;Lieferschein;devis;bon de livraison;cotización;presupuesto;albarán;orçamento;cotação;閲覧;見積;見積書;カート;preventivo;offerte;\
просмотр;корзина;счет на оплату;oferta;조회;장바구니;견적;teklif";

/// Beside invoices what pays them, and else what a till calls its sales.
const PAYMENTS: &str = "payment;payments;付款;收款;付款单;收款单;Zahlung;Zahlungseingang;paiement;règlement;pago;cobro;pagamento;cobrança;incasso;\
入金;支払;betaling;оплата;płatność;wpłata;입금;결제;ödeme;tahsilat";

struct Word {
    words: Vec<String>,
    line_type: LineType,
    is_telling: bool,
}

static WORDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let of = |words: &'static str, line_type, is_telling| {
        words.split(';').map(move |word| Word {
            words: fold_words(word),
            line_type,
            is_telling,
        })
    };
    of(SALES, LineType::Sale, true)
        .chain(of(VAGUE_SALES, LineType::Sale, false))
        .chain(of(RETURNS, LineType::Return, true))
        .chain(of(VAGUE_RETURNS, LineType::Return, false))
        .chain(of(OTHERS, LineType::Other, true))
        .chain(of(PAYMENTS, LineType::Other, false))
        .collect()
});

impl LineType {
    /// What the value says; `None` for a word that is not known.
    pub fn of(value: &str) -> Option<Self> {
        longest(value).map(|word| word.line_type)
    }

    /// Whether the value stands for nothing but the type of a line.
    pub fn is_telling(value: &str) -> bool {
        longest(value).is_some_and(|word| word.is_telling)
    }
}

fn longest(value: &str) -> Option<&'static Word> {
    let words = fold_words(value);
    let starts = |known: &&Word| !known.words.is_empty() && words.starts_with(&known.words);
    WORDS.iter().filter(starts).max_by_key(|known| known.words.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_several_languages_are_known() {
        for value in [
            "Sale",
            "SALES",
            "invoice",
            "销售",
            "Verkauf",
            "Vente",
            "売上",
            "Order",
            "Продажа",
            "Sprzedaż",
            "판매",
            "Satış",
            "Sales Receipt",
            "SALE",
        ] {
            assert_eq!(LineType::of(value), Some(LineType::Sale), "{value}");
        }
        for value in [
            "Return",
            "REFUND",
            "Credit Note",
            "credit-memo",
            "退货",
            "退貨",
            "Retoure",
            "Rückgabe",
            "annulé",
            "返品",
            "Return - damaged",
            "Sales Return",
            "order_refunded",
            "Возврат",
            "zwrot",
            "환불",
            "İade",
        ] {
            assert_eq!(LineType::of(value), Some(LineType::Return), "{value}");
        }
        for value in [
            "view",
            "cart",
            "remove_from_cart",
            "addtocart",
            "pv",
            "Payment",
            "Quote",
            "Sales Quote",
            "Angebot",
            "浏览",
            "見積書",
        ] {
            assert_eq!(LineType::of(value), Some(LineType::Other), "{value}");
        }
        for value in [
            "",
            "Visa",
            "cash",
            "credit",
            "debit card",
            "retail",
            "Silver",
            "Member",
            "Ewallet",
            "Amex",
            "B2B",
            "会员",
        ] {
            assert_eq!(LineType::of(value), None, "{value}");
        }
    }

    #[test]
    fn no_word_has_two_meanings() {
        for (at, one) in WORDS.iter().enumerate() {
            for other in &WORDS[..at] {
                assert!(
                    one.words != other.words || one.line_type == other.line_type,
                    "{:?}",
                    one.words
                );
            }
        }
    }

    #[test]
    fn vague_words_tell_nothing_alone() {
        for value in ["Normal", "Regular", "standard", "S", "R", "Order", "Payment", "x", ""] {
            assert!(!LineType::is_telling(value), "{value}");
        }
        for value in ["Sale", "refund", "view", "退货"] {
            assert!(LineType::is_telling(value), "{value}");
        }
    }
}
