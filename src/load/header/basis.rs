//! What the figures of a cost or discount column count: a piece, the line, or a share of the price.

use std::fmt;
use std::str::FromStr;

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
preis;unitaire;prix;pièce;unitario;unitário;precio;preço;pieza;peça;单位;单件;单价;进价;价;単価;原単価;仕入";
const OF_THE_LINE: &str = "total;line;amount;extended;ext;cogs;goods;sold;sales;sum;gesamt;gesamtkosten;wareneinsatz;einstandswert;zeile;\
ligne;línea;linea;linha;总;总成本;金额;合计;小计;合計;金額;小計";
const PERCENT: &str = "percent;percentage;pct;perc;rate;prozent;prozentual;satz;taux;pourcentage;porcentaje;tasa;percentual;taxa;率;百分比;割引率";

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
        } else if has(&normal, "unit;each;per;piece;单位;单件") {
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
    fn discounts_are_told_by_values_and_names() {
        use DiscountBasis::{Line, Percent, Share, Unit};
        for (header, signs, within_one, basis) in [
            ("Discount", false, false, Line),
            ("Discount", false, true, Share),
            ("Discount", true, false, Percent),
            ("Discount %", false, false, Percent),
            ("discount_rate", false, true, Share),
            ("Rabatt in Prozent", false, false, Percent),
            ("unit discount", false, false, Unit),
            ("优惠金额", false, false, Line),
        ] {
            assert_eq!(DiscountBasis::of(header, signs, within_one).0, basis, "{header}");
        }
    }
}
