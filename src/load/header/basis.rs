//! What the figures of a cost or discount column count: a piece, the line, or a share of the price.

use std::fmt;
use std::str::FromStr;

use super::figures::{PriceOf, Sample};
use super::normal::Normal;
use crate::load::number::{NumberFormat, parse_discount};

/// What a cost is the cost of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostBasis {
    /// One piece.
    Unit,
    /// All pieces of the line together.
    Line,
}

/// The columns that say what a cost is the cost of.
#[derive(Clone, Copy, Debug)]
pub struct CostColumns {
    pub cost: usize,
    pub quantity: Option<usize>,
    pub unit_price: Option<usize>,
    pub product: Option<usize>,
}

/// What a discount is taken off, and in which measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscountBasis {
    /// Money, off the line.
    Line,
    /// Money, off each piece.
    Unit,
    /// Hundredths of the price: 15 takes off 15 %.
    Percent,
    /// A share of the price: 0.15 takes off 15 %.
    Share,
}

const OF_A_PIECE: &str = "unit;units;each;piece;pcs;per;price;stück;stueck;stückkosten;einzelkosten;einkaufspreis;einstandspreis;\
einstandspreise;selbstkostenpreis;ek;preis;unitaire;prix;pièce;pamp;pmp;unitario;unitário;precio;preço;pieza;peça;prezzo;pezzo;stuk;kostprijs;\
inkoopprijs;цена;закупочная;cena;jednostkowy;birim;fiyatı;单位;单件;单价;进价;价;単価;原単価;仕入単価;仕入価格;단가";
const OF_THE_LINE: &str = "total;line;amount;extended;ext;cogs;goods;sold;sales;sum;gesamt;gesamtkosten;wareneinsatz;einstandswert;zeile;\
position;summe;ligne;montant;línea;linea;linha;importe;totale;riga;importo;totaal;сумма;общая;całkowity;kwota;toplam;tutar;\
总;总成本;金额;合计;小计;合計;金額;小計;総;매출원가;총;합계;금액";
const PERCENT: &str = "percent;percentage;pct;perc;rate;prozent;prozentual;satz;rabattsatz;rabattprozent;taux;pourcentage;porcentaje;tasa;\
percentual;percentuale;taxa;процент;procent;oran;oranı;yüzde;率;百分比;割引率;할인율";
const OF_EACH: &str = "unit;each;per;piece;stück;unitaire;unitario;unitário;单位;单件;単価;1個";

/// Whether one of the words stands in the header; a percent sign is read apart.
fn has(header: &Normal, words: &str) -> bool {
    words.split(';').any(|word| header.contains(&Normal::of(word)))
}

impl CostBasis {
    /// What the header says, else what the other columns suggest: a bare cost beside a unit price is one too.
    pub fn of(header: &str, has_unit_price: bool) -> (Self, String) {
        let normal = Normal::of(header);
        let (basis, why) = if has(&normal, OF_THE_LINE) {
            (Self::Line, "as its name says")
        } else if has(&normal, OF_A_PIECE) {
            (Self::Unit, "as its name says")
        } else if has_unit_price {
            (Self::Unit, "as it stands beside a unit price")
        } else {
            (Self::Line, "as there is no unit price")
        };
        (basis, format!("cost {header:?} is that of {}, {why}", basis.words()))
    }

    /// As [`of`](Self::of), and where the name does not say it, by the lines of a sample: `columns` are those of the
    /// cost, the quantity and what the cost of a piece must not exceed on most lines, or of the product, for which it
    /// must not grow with the pieces. `sample` is column by column.
    pub fn of_sample(header: &str, sample: &[Vec<Vec<u8>>], columns: &CostColumns) -> (Self, String) {
        let named = Self::of(header, columns.unit_price.is_some());
        let Some(quantity) = columns.quantity else { return named };
        if Self::of(header, true).1 == Self::of(header, false).1 {
            return named;
        }
        let money = [Some(columns.cost), columns.unit_price];
        let sample = Sample::new(sample, money.into_iter().flatten());
        let grows = columns
            .product
            .and_then(|product| sample.price_of(columns.cost, quantity, product));
        let (basis, why) = match grows {
            Some(PriceOf::Line) => (Self::Line, "as it grows with the pieces of a product"),
            Some(PriceOf::Piece) => (Self::Unit, "as it stays when more pieces of a product are sold"),
            None if columns
                .unit_price
                .is_some_and(|price| sample.mostly_exceeds(columns.cost, quantity, price)) =>
            {
                (Self::Line, "as a piece would cost more than it is sold for")
            }
            None => return named,
        };
        (basis, format!("cost {header:?} is that of {}, {why}", basis.words()))
    }

    fn words(self) -> &'static str {
        match self {
            Self::Unit => "one piece",
            Self::Line => "the whole line",
        }
    }
}

impl DiscountBasis {
    /// What the header says, else what the values look like: `percent_signs` stand behind them, or all are within
    /// 0 and 1 and some between.
    pub fn of(header: &str, percent_signs: bool, within_one: bool) -> (Self, String) {
        let normal = Normal::of(header);
        let named_percent = header.contains(['%', '％']) || has(&normal, PERCENT);
        let (basis, why) = if within_one {
            (Self::Share, "as all values lie between 0 and 1")
        } else if percent_signs {
            (Self::Percent, "as its values say")
        } else if named_percent {
            (Self::Percent, "as its name says")
        } else if has(&normal, OF_EACH) {
            (Self::Unit, "as its name says")
        } else {
            (Self::Line, "as nothing says otherwise")
        };
        (basis, format!("discount {header:?} is {}, {why}", basis.words()))
    }

    fn words(self) -> &'static str {
        match self {
            Self::Line => "money off the line",
            Self::Unit => "money off each piece",
            Self::Percent => "a percentage of the price",
            Self::Share => "a share of the price",
        }
    }
}

impl CostBasis {
    /// As the configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Line => "line",
        }
    }
}

impl DiscountBasis {
    /// As the configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Unit => "unit",
            Self::Percent => "percent",
            Self::Share => "share",
        }
    }

    /// What the header and a sample of the values say.
    pub fn of_values(header: &str, values: &[&[u8]]) -> (Self, String) {
        const ONE: i64 = 1_000_000;
        let number = |value: &&[u8]| {
            let formats = NumberFormat::ALL.iter();
            formats
                .filter_map(|format| parse_discount(value, *format, 6).ok())
                .min()
        };
        let numbers: Vec<(i64, bool)> = values.iter().filter_map(number).collect();
        let percent_signs = numbers.iter().any(|(_, percent)| *percent);
        let within_one = !percent_signs
            && numbers.iter().all(|(number, _)| (0..=ONE).contains(number))
            && numbers.iter().any(|(number, _)| !matches!(*number, 0 | ONE));
        Self::of(header, percent_signs, within_one)
    }
}

impl FromStr for CostBasis {
    type Err = UnknownBasis;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "unit" => Ok(Self::Unit),
            "line" => Ok(Self::Line),
            _ => Err(UnknownBasis),
        }
    }
}

impl FromStr for DiscountBasis {
    type Err = UnknownBasis;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "line" => Ok(Self::Line),
            "unit" => Ok(Self::Unit),
            "percent" => Ok(Self::Percent),
            "share" => Ok(Self::Share),
            _ => Err(UnknownBasis),
        }
    }
}

/// A name that is no basis; the configuration knows the choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBasis;

impl fmt::Display for UnknownBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown basis")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_of_the_line_whatever_stands_beside_them() {
        for header in [
            "total cost",
            "COGS",
            "line_cost",
            "cost of goods sold",
            "成本金额",
            "总成本",
            "Wareneinsatz",
            "EK gesamt",
            "原価金額",
            "Coût total",
            "prix d'achat total",
        ] {
            assert_eq!(CostBasis::of(header, true).0, CostBasis::Line, "{header}");
        }
        for header in [
            "Unit Cost",
            "cost per unit",
            "Cost Price",
            "单位成本",
            "进价",
            "Einkaufspreis",
            "coût unitaire",
            "EK netto",
            "prix d'achat",
            "原単価",
            "仕入単価",
            "Закупочная цена",
        ] {
            assert_eq!(CostBasis::of(header, false).0, CostBasis::Unit, "{header}");
        }
        let (basis, evidence) = CostBasis::of("cost", true);
        assert_eq!(basis, CostBasis::Unit);
        assert_eq!(
            evidence,
            "cost \"cost\" is that of one piece, as it stands beside a unit price"
        );
        assert_eq!(CostBasis::of("成本", false).0, CostBasis::Line);
    }

    #[test]
    fn costs_are_told_by_the_lines_where_names_do_not() {
        let basis = |header: &str, rows: &[&str]| {
            let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.split(' ').collect()).collect();
            let column = |at: usize| cells.iter().map(|row| row[at].as_bytes().to_vec()).collect();
            let sample: Vec<Vec<Vec<u8>>> = (0..4).map(column).collect();
            let columns = CostColumns {
                product: Some(0),
                quantity: Some(1),
                unit_price: Some(2),
                cost: 3,
            };
            CostBasis::of_sample(header, &sample, &columns).0
        };
        // Product, quantity, price, cost.
        let grows = [
            "a 10 120 700",
            "a 20 120 1400",
            "b 5 80 200",
            "b 10 80 400",
            "c 1 50 20",
            "c 2 50 40",
        ];
        assert_eq!(basis("原価", &grows), CostBasis::Line);
        assert_eq!(basis("cost", &grows), CostBasis::Line);
        assert_eq!(basis("unit cost", &grows), CostBasis::Unit);
        let stays = [
            "a 10 120 70",
            "a 20 120 70",
            "b 5 80 40",
            "b 10 80 40",
            "c 1 50 20",
            "c 2 50 20",
        ];
        assert_eq!(basis("cost", &stays), CostBasis::Unit);
        let differ = ["a 10 120 700", "b 5 80 200", "c 2 50 60", "d 4 10 30", "e 3 10 12"];
        assert_eq!(basis("cost", &differ), CostBasis::Line);
        let cheap = ["a 10 120 70", "b 5 80 20", "c 2 50 6", "d 4 10 3", "e 3 10 2"];
        assert_eq!(basis("cost", &cheap), CostBasis::Unit);
    }

    #[test]
    fn discounts_are_told_by_values_and_names() {
        use DiscountBasis::{Line, Percent, Share, Unit};
        for (header, signs, within_one, basis) in [
            ("Discount", false, false, Line),
            ("Discount", false, true, Share),
            ("Discount", true, false, Percent),
            ("Discount %", false, false, Percent),
            ("discount_rate", false, true, Share),
            ("Rabatt in Prozent", false, false, Percent),
            ("Rabattsatz", false, false, Percent),
            ("Taux de remise", false, false, Percent),
            ("割引率", false, false, Percent),
            ("値引額", false, false, Line),
            ("remise unitaire", false, false, Unit),
            ("unit discount", false, false, Unit),
            ("优惠金额", false, false, Line),
        ] {
            assert_eq!(DiscountBasis::of(header, signs, within_one).0, basis, "{header}");
        }
    }
}
