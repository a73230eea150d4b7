//! Words by which files mark a line as a sale or a return.
//!
//! In: a value of a type column. Out: what it says, if it is one of the words known here, whatever its case and
//! accents. A word in a longer value counts if it stands at its beginning (`Return - damaged`). `Credit` and `debit`
//! are missing on purpose: they may be cards.

use std::sync::LazyLock;

use super::header::fold_words;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineType {
    Sale,
    Return,
}

const SALES: &str = "sale;sales;sold;s;order;purchase;purchased;invoice;inv;bought;buy;normal;regular;standard;pos;\
销售;销货;正常;购买;出库;销售单;销售订单;销售出库;下单;消费;Verkauf;Rechnung;Kauf;Bestellung;Auftrag;vente;achat;facture;commande;\
venta;compra;factura;pedido;venda;fatura;nota fiscal;売上;販売;購入;注文;通常";

const RETURNS: &str = "return;returns;returned;refund;refunds;refunded;r;credit note;credit memo;credit invoice;creditnote;\
creditmemo;cn;rma;cancellation;cancelled;canceled;cancel;void;voided;reversal;reversed;chargeback;\
退货;退款;退单;退回;销售退货;退货单;取消;作废;红冲;冲红;冲销;Retoure;Rückgabe;Rückerstattung;Gutschrift;Storno;Stornierung;storniert;\
Erstattung;retour;avoir;remboursement;annulation;annulé;annulée;devolución;reembolso;nota de crédito;abono;anulación;anulado;\
cancelación;devolução;estorno;cancelamento;返品;返金;取消し;キャンセル;赤伝";

struct Words(Vec<(Vec<String>, LineType)>);

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let of = |words: &'static str, line_type| words.split(';').map(move |word| (fold_words(word), line_type));
    Words(of(SALES, LineType::Sale).chain(of(RETURNS, LineType::Return)).collect())
});

impl LineType {
    /// What the value says; `None` for a word that is not known.
    pub fn of(value: &str) -> Option<Self> {
        let words = fold_words(value);
        let starts = |(known, _): &&(Vec<String>, Self)| !known.is_empty() && words.starts_with(known);
        let known = WORDS.0.iter().filter(starts);
        known
            .max_by_key(|(known, _)| known.len())
            .map(|(_, line_type)| *line_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_several_languages_are_known() {
        for value in ["Sale", "SALES", "invoice", "销售", "Verkauf", "Vente", "売上", "Order"] {
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
        ] {
            assert_eq!(LineType::of(value), Some(LineType::Return), "{value}");
        }
        for value in ["", "Visa", "cash", "credit", "debit card", "retail", "Silver"] {
            assert_eq!(LineType::of(value), None, "{value}");
        }
    }
}
