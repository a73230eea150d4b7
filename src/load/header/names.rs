//! Common header names: which there are, and how sure they are.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Canonical::{self, *};
use super::names_of_keys::KEYS;
use super::names_of_money::{MONEY, PRICES};
use super::normal::Normal;

/// Single words that count inside a longer header, unless one of [`NEVER`] stands beside them.
const WITHIN: &[(Canonical, &str)] = &[
    (
        OrderedAt,
        "date;datetime;timestamp;datum;fecha;data;日期;时间;日時;日付;дата;tarih;tarihi;날짜;일자",
    ),
    (
        Amount,
        "amount;revenue;sales;betrag;umsatz;montant;importe;monto;importo;bedrag;сумма;kwota;tutar;tutarı;金额;금액",
    ),
    (Quantity, "quantity;menge;数量;количество;ilość;수량;miktar"),
    (Category, "category;kategorie;类别"),
    (Channel, "channel;渠道"),
    (Currency, "currency"),
];

/// Words that make a longer header something else: `ship date`, `discount amount`, `customer category`.
const NEVER: &[(Canonical, &str)] = &[
    (CustomerId, "name;type;group;segment;count"),
    (OrderId, "item;line;type;status;date;time;count;amount;total;comments"),
    (
        OrderedAt,
        "ship;shipped;shipping;shipment;delivery;delivered;dispatch;dispatched;due;birth;birthday;update;updated;modified;modify;\
         return;returned;refund;estimated;expected;approved;arrival;expiry;expiration;registration;register;registered;join;joined;\
         signup;first;last;start;end;cancel;cancelled;limit;review;load;loaded;key;id;print;printed;export;import;promised;\
         发货;送达;到货;收货;生日;出生;注册;更新;修改;退货;退款;首次;最近;开始;结束;取消;入会;结算;打印;发送;\
         envio;entrega;livraison;echeance;expedition;vencimiento;vencimento;naissance;nacimiento;nascimento;nascita;consegna;scadenza;\
         spedizione;wysylki;dostawy;urodzenia;platnosci;доставки;рождения;отгрузки;регистрации;teslimat;teslim;vade;sevk;dogum;\
         出荷;発送;納品;配達;配送;登録;期限;배송;생년;출고;가입",
    ),
    (
        Amount,
        "discount;tax;vat;gst;shipping;freight;refund;refunded;tip;tips;balance;due;profit;margin;cost;unit;list;min;max;avg;average;\
         channel;person;rep;manager;region;credit;limit;type;id;no;code;sales order;count;points;fee;fees;commission;coupon;voucher;\
         deposit;status;method;date;promotion;promo;gift;quantity;price;original;\
         steuer;mwst;rabatt;versand;remise;taxe;tva;port;livraison;descuento;iva;impuesto;envio;desconto;imposto;icms;ipi;frete;sconto;\
         korting;btw;скидки;скидка;ндс;доставки;rabatu;vat;kdv;indirim;iskonto;\
         优惠;折扣;退款;运费;税额;税金;成本;利润;单价;余额;积分;红包;佣金;服务费;邮费;消費税;値引;割引;送料;ポイント;原価;粗利;利益;\
         할인;배송;세액;부가세;포인트;이익",
    ),
    (
        Quantity,
        "stock;available;reserved;returned;return;refunded;min;max;discount;unit;delivered;to invoice;backordered;cancelled;库存;退货;\
         在庫;返品;재고;반품",
    ),
    (ProductId, "name;type;group;order;line"),
    (Category, "sub;subcategory;customer;client;id;code;member"),
    (Channel, "id;code"),
];

/// What becomes of an order or a line.
const STATES: &str =
    "status;state;状态;zustand;statut;etat;estado;situação;stato;ステータス;状況;статус;상태;durum;durumu";

/// Words for the money that is added to an amount for the state.
const TAXES: &str = "tax;taxes;vat;gst;mwst;ust;steuer;steuerbetrag;umsatzsteuer;mehrwertsteuer;tva;iva;btw;ндс;kdv;税额;税金;消費税;부가세;세액";

/// Words for an order beside an amount.
const ORDERS: &str = "order;grand;invoice;basket;cart;订单;注文;請求;주문;commande;facture;pedido;factura;fattura;ordine;заказа;sipariş;zamówienia";

/// From this weight on a name of several words, or of three Chinese or Japanese characters, counts inside a
/// longer header.
pub(super) const SURE: u32 = 90;
pub(super) const GENERIC: u32 = 40;
/// Names of many things: their values have to repeat, as those of what is meant do.
pub(super) const VAGUE: u32 = 25;
/// Below all else that may be a key.
pub(super) const PERSON: u32 = 2;
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
    // Words that are written without blanks between are told by their letters alone: `ORDERNUMBER`, `orderqty`.
    const SPELT: &[(&str, &[&str])] = &[(" no", &[" number", " nr"]), (" quantity", &[" qty"])];
    let spelt = move |name: &'static str| {
        let ends = SPELT
            .iter()
            .filter_map(move |(end, others)| Some((name.strip_suffix(end)?, *others)));
        let others = ends.flat_map(|(start, others)| others.iter().map(move |other| format!("{start}{other}")));
        std::iter::once(Normal::of(name)).chain(others.map(|name| Normal::of(&name)))
    };
    names.split(';').flat_map(move |name| {
        spelt(name).map(move |normal| Known {
            canonical,
            weight,
            name,
            normal,
        })
    })
}

pub(super) static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    KEYS.iter()
        .chain(MONEY)
        .flat_map(|&(canonical, weight, names)| known(canonical, weight, names))
        .collect()
});
fn all_of(words: &str) -> Vec<Normal> {
    words.split(';').map(Normal::of).collect()
}

pub(super) static KNOWN_STATES: LazyLock<Vec<Normal>> = LazyLock::new(|| all_of(STATES));
pub(super) static KNOWN_TAXES: LazyLock<Vec<Normal>> = LazyLock::new(|| all_of(TAXES));
pub(super) static KNOWN_ORDERS: LazyLock<Vec<Normal>> = LazyLock::new(|| all_of(ORDERS));

/// Where the names stand in [`KNOWN`] that a header may be, whole.
static WHOLE: LazyLock<HashMap<&str, Vec<usize>>> = LazyLock::new(|| {
    let mut whole: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, known) in KNOWN.iter().enumerate() {
        whole.entry(&known.normal.joined).or_default().push(at);
        if known.normal.joined_plain != known.normal.joined {
            whole.entry(&known.normal.joined_plain).or_default().push(at);
        }
    }
    whole
});
/// Names that count inside a longer header, by canonical column.
static PARTS: LazyLock<Vec<Parts>> = LazyLock::new(|| {
    let telling = KNOWN
        .iter()
        .filter(|known| SURE <= known.weight && known.normal.is_telling());
    let all: Vec<&Known> = telling.chain(KNOWN_WITHIN.iter()).collect();
    Canonical::ALL
        .iter()
        .map(|canonical| Parts::of(all.iter().copied().filter(|known| known.canonical == *canonical)))
        .collect()
});

/// Parts of headers, by their first word where they have words.
struct Parts {
    by_word: HashMap<&'static str, Vec<&'static Known>>,
    in_characters: Vec<&'static Known>,
}

impl Parts {
    fn of(parts: impl Iterator<Item = &'static Known>) -> Self {
        let mut by_word: HashMap<&str, Vec<&Known>> = HashMap::new();
        let mut in_characters = Vec::new();
        for known in parts {
            if known.normal.is_in_characters() {
                in_characters.push(known);
                continue;
            }
            let mut first: Vec<&str> = known.normal.first_words().collect();
            first.dedup();
            for word in first {
                by_word.entry(word).or_default().push(known);
            }
        }
        Self { by_word, in_characters }
    }

    fn within<'a>(&'a self, header: &'a Normal) -> impl Iterator<Item = &'static Known> + 'a {
        let words = header.all_words().filter_map(|word| self.by_word.get(word)).flatten();
        let characters = if header.has_characters() {
            &self.in_characters[..]
        } else {
            &[]
        };
        let found = words.chain(characters).copied();
        found.filter(|known| header.contains(&known.normal))
    }
}

/// The names of a canonical column that the header is.
pub(super) fn whole_names(header: &Normal, canonical: Canonical) -> impl Iterator<Item = &'static Known> {
    let at = |joined: &str| WHOLE.get(joined).map_or(&[][..], Vec::as_slice);
    let found = at(&header.joined).iter().chain(at(&header.joined_plain));
    found
        .map(|at| &KNOWN[*at])
        .filter(move |known| known.canonical == canonical && header.is(&known.normal))
}

/// The names of a canonical column that the header contains.
pub(super) fn contained_names(header: &Normal, canonical: Canonical) -> impl Iterator<Item = &'static Known> {
    PARTS[canonical as usize].within(header)
}

pub(super) static KNOWN_PRICES: LazyLock<Vec<(&str, Normal)>> =
    LazyLock::new(|| PRICES.split(';').map(|name| (name, Normal::of(name))).collect());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_belongs_to_two_columns_with_the_same_weight() {
        for (at, one) in KNOWN.iter().enumerate() {
            assert!(one.weight <= 101 && !one.normal.joined.is_empty(), "{}", one.name);
            for other in &KNOWN[..at] {
                let same = one.normal.is(&other.normal) && one.weight == other.weight;
                assert!(
                    !same || one.canonical == other.canonical || one.weight == GENERIC,
                    "{} and {}",
                    one.name,
                    other.name
                );
            }
        }
    }

    #[test]
    fn names_say_nothing_on_tax() {
        // They are compared without it, so that a name of one kind would stand for both.
        for known in KNOWN.iter() {
            assert_eq!(known.normal.tax, None, "{}", known.name);
        }
    }
}
