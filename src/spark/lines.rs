//! Judging every line on the cluster, as SQL.
//!
//! In: the plan of the input and the checked rules of cleaning. Out: the text of two views, one over the other:
//! [`keys`] (ids as text, numbers and times as the integers of [`crate::load::batch`]), and [`judged`], which joins the
//! answers about distinct values and adds the rules that match, as the bits of [`Rule`], and the clean line. Every
//! expression stands for the line of `src/clean/judge.rs` that says the same.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::Error;
use crate::clean::Rule;
use crate::clean::elsewhere::{LineRules, ascii_words};
use crate::load::header::{Canonical, CostBasis, DiscountBasis};
use crate::load::mapping::{Mapping, NUMBERS};
use crate::units::{LINE_LIMIT, UNITS_PER_ONE};

/// Code of a product that is absent, as [`crate::clean::NONE`].
pub const NONE: i64 = crate::clean::NONE as i64;
/// 1900-01-01 in days before 1970-01-01.
const DAYS_FROM_1900: i64 = 25_567;

/// How the texts of a column of ids come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// As it stands.
    Plain,
    /// A floating-point number.
    Float,
}

/// The columns of the input with their types.
pub struct Columns<'a> {
    pub schema: &'a Schema,
    pub mapping: &'a Mapping,
    pub timezone: chrono_tz::Tz,
}

/// A name in SQL.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text in SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

impl Columns<'_> {
    pub fn has(&self, canonical: Canonical) -> bool {
        self.mapping.positions[canonical as usize].is_some()
    }

    /// The columns that are read, with their positions in the input.
    pub fn raw(&self) -> Vec<(usize, &Field)> {
        let positions = &self.mapping.positions;
        let fields = self.schema.fields().iter().enumerate();
        fields
            .filter(|(i, _)| positions.contains(&Some(*i)))
            .map(|(i, field)| (i, field.as_ref()))
            .collect()
    }

    /// Their names in the views as `written`, each after a comma.
    fn raw_names(&self, written: impl Fn(String) -> String) -> String {
        let name = |(i, _): &(usize, _)| format!(", {}", written(format!("raw_{i}")));
        self.raw().iter().map(name).collect()
    }

    fn column(&self, canonical: Canonical) -> Option<(String, &DataType)> {
        let field = self.schema.fields().get(self.mapping.positions[canonical as usize]?)?;
        Some((quoted(field.name()), field.data_type()))
    }

    fn refused(&self, canonical: Canonical, data_type: &DataType, hint: &'static str) -> Error {
        let column = self.column(canonical).map_or_else(String::new, |(name, _)| name);
        Error::Unsupported {
            what: format!("column {column} ({canonical}) is of type {data_type}"),
            hint,
        }
    }

    /// How the column's ids come about.
    pub fn text_kind(&self, canonical: Canonical) -> Text {
        match self.column(canonical) {
            Some((_, DataType::Float32 | DataType::Float64)) => Text::Float,
            _ => Text::Plain,
        }
    }

    /// An id as text; null where there is none.
    fn text(&self, canonical: Canonical) -> Result<String, Error> {
        let Some((column, data_type)) = self.column(canonical) else {
            return Ok("CAST(NULL AS STRING)".into());
        };
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(column),
            data_type if data_type.is_integer() || matches!(data_type, DataType::Decimal128(_, 0)) => {
                Ok(format!("CAST({column} AS STRING)"))
            }
            // Whole numbers are written without a fraction; the others are looked at one by one.
            DataType::Float32 | DataType::Float64 => Ok(format!(
                "CASE WHEN isnan({column}) THEN NULL WHEN {column} <> 0 AND abs({column}) < 1e15D AND CAST({column} AS \
                 DOUBLE) = floor(CAST({column} AS DOUBLE)) THEN CAST(CAST({column} AS BIGINT) AS STRING) ELSE \
                 CAST(CAST({column} AS DOUBLE) AS STRING) END"
            )),
            other => Err(self.refused(canonical, other, "store the ids as text or whole numbers")),
        }
    }

    /// A number as an integer with `decimals` decimals, null where it is missing or cannot be read, and the condition
    /// that it is missing.
    fn number(&self, canonical: Canonical, decimals: u32) -> Result<(String, String), Error> {
        let Some((column, data_type)) = self.column(canonical) else {
            return Ok(("CAST(NULL AS BIGINT)".into(), "true".into()));
        };
        let scale = 10_i64.pow(decimals);
        let missing = format!("{column} IS NULL");
        let exact = |number: &str| format!("TRY_CAST(ROUND({number}, {decimals}) * {scale} AS BIGINT)");
        match data_type {
            data_type if data_type.is_integer() => {
                let number = format!("TRY_CAST(CAST({column} AS DECIMAL(20,0)) * {scale} AS BIGINT)");
                Ok((number, missing))
            }
            DataType::Decimal128(..) => Ok((exact(&column), missing)),
            DataType::Float32 | DataType::Float64 => {
                // Away from the halves the product of floats decides, near them the text of the number does: see
                // `scaled_from_float` in src/load/number/float.rs.
                let slack = if *data_type == DataType::Float64 {
                    f64::EPSILON * 2.0
                } else {
                    f64::from(f32::EPSILON) * 2.0
                };
                let size = format!("(abs(CAST({column} AS DOUBLE)) * {scale}D)");
                let text = exact(&format!("TRY_CAST(CAST({column} AS STRING) AS DECIMAL(38,22))"));
                let whole = format!("floor({size})");
                let nearest = format!("({whole} + IF(0.5D < {size} - {whole}, 1, 0))");
                let number = format!(
                    "CASE WHEN {column} IS NULL OR isnan({column}) THEN NULL WHEN {size} < 1125899906842624D AND {size} * \
                     {slack:e}D < abs({size} - {whole} - 0.5D) THEN CAST(IF({column} < 0, -{nearest}, {nearest}) AS \
                     BIGINT) WHEN {size} < 1e30D THEN {text} END"
                );
                Ok((number, format!("({column} IS NULL OR isnan({column}))")))
            }
            other => Err(self.refused(
                canonical,
                other,
                "store numbers as numbers: text is read on one machine only",
            )),
        }
    }

    /// The wall-clock seconds of a date or time.
    fn seconds(&self) -> Result<String, Error> {
        let Some((column, data_type)) = self.column(Canonical::OrderedAt) else {
            let what = "the date of a line stands in the names of folders".to_owned();
            let hint = "store it as a column";
            return Err(Error::Unsupported { what, hint });
        };
        match data_type {
            DataType::Date32 => Ok(format!("CAST(unix_date({column}) AS BIGINT) * 86400")),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Ok(format!("unix_seconds(CAST({column} AS TIMESTAMP))"))
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) if self.timezone == chrono_tz::UTC => {
                Ok(format!("unix_seconds({column})"))
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                let zone = literal(self.timezone.name());
                Ok(format!("unix_seconds(from_utc_timestamp({column}, {zone}))"))
            }
            other => {
                let hint = "store it as a date or a timestamp: text is read on one machine only";
                Err(self.refused(Canonical::OrderedAt, other, hint))
            }
        }
    }
}

/// The view of ids as text and of numbers as integers.
pub fn keys(columns: &Columns<'_>) -> Result<String, Error> {
    let group = columns.mapping.group;
    let texts = [
        ("kc", Some(Canonical::CustomerId)),
        ("ko", Some(Canonical::OrderId)),
        ("kp", Some(Canonical::ProductId)),
        ("kn", Some(Canonical::ProductName)),
        ("ku", Some(Canonical::Currency)),
        ("kt", Some(Canonical::LineType)),
        ("kg", group),
    ];
    let mut parts = vec![
        "quintile_file AS f".to_owned(),
        "quintile_row + 1 AS r".to_owned(),
        format!("{} AS s", columns.seconds()?),
    ];
    for (name, canonical) in texts {
        let text = match canonical {
            Some(canonical) => columns.text(canonical)?,
            None => "CAST(NULL AS STRING)".into(),
        };
        parts.push(format!("{text} AS {name}"));
    }
    for (i, field) in columns.raw() {
        parts.push(format!("{} AS raw_{i}", quoted(field.name())));
    }
    for (name, (canonical, decimals)) in ["a", "q", "p", "c", "d"].into_iter().zip(NUMBERS) {
        let (number, missing) = columns.number(canonical, decimals)?;
        parts.push(format!("{number} AS {name}"));
        parts.push(format!("{missing} AS {name}_missing"));
    }
    Ok(format!("SELECT {} FROM quintile_raw", parts.join(", ")))
}

/// The condition that an id is what it seems: printable ASCII, no word that means nothing, no number that a
/// spreadsheet wrote. All others are looked at one by one by [`crate::clean::elsewhere::Values`].
pub fn is_plain(key: &str, kind: Text, is_customer: bool) -> String {
    if kind == Text::Float {
        return format!("{key} RLIKE {}", literal(r"\A-?[0-9]+\z"));
    }
    let (mut words, anonymous) = ascii_words();
    if is_customer {
        words.extend(anonymous);
    }
    let words: Vec<String> = words.iter().map(|word| literal(word)).collect();
    format!(
        "({key} RLIKE {} OR ({key} RLIKE {} AND NOT {key} RLIKE {} AND lower({key}) NOT IN ({})))",
        literal(r"\A[0-9][0-9A-Za-z_-]*\z"),
        literal(r"\A[!-~]([ -~]*[!-~])?\z"),
        literal(r"\A[0-9]+[.,]"),
        words.join(", ")
    )
}

/// Whether a pattern means the same to the engine as it does here, for printable ASCII.
pub fn is_portable(pattern: &str) -> bool {
    let mut rest = pattern.strip_prefix("(?i)").unwrap_or(pattern).chars().peekable();
    let mut in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('d' | 'w' | 's' | 'D' | 'W' | 'S' | 'b') => {}
                Some(escaped) if escaped.is_ascii_punctuation() => {}
                _ => return false,
            },
            // Nested classes and set operations.
            '[' | '&' | '~' if in_class => return false,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if rest.peek() == Some(&'?') => {
                rest.next();
                if rest.next() != Some(':') {
                    return false;
                }
            }
            // Possessive and lazy repetition decide where a match ends, not whether there is one; but `++` is an error
            // here and none there.
            '+' | '*' | '?' | '}' if !in_class && rest.peek() == Some(&'+') => return false,
            _ => {}
        }
    }
    true
}

/// `quantity` in ten-thousandths times `price` in millionths, as [`crate::units::Fixed::quantity_times_price`]; `x` is
/// the name of the columns of [`product`].
fn rounded(x: &str) -> String {
    let limit = LINE_LIMIT as i128 * i128::from(UNITS_PER_ONE) * 1_000_000 + 500_000;
    let to_units = |x: &str| format!("IF({x} < 0, -((500000 - {x}) div 1000000), (500000 + {x}) div 1000000)");
    format!(
        "IF({x}_small IS NULL, IF(abs({x}) < {limit}BD, {}, NULL), {})",
        to_units(x),
        to_units(&format!("{x}_small"))
    )
}

/// The columns `x` and `x_small`: a product as a decimal and, where it surely is one, as a 64-bit integer, which is far
/// quicker there. The other is null.
fn product(a: &str, b: &str, x: &str) -> String {
    const SMALL: i64 = 3_000_000_000;
    let is_small = format!("{a} BETWEEN -{SMALL} AND {SMALL} AND {b} BETWEEN -{SMALL} AND {SMALL}");
    format!(
        "IF({is_small}, CAST({a} AS BIGINT) * {b}, NULL) AS {x}_small, IF({is_small}, NULL, CAST({a} AS DECIMAL(19,0)) * \
         CAST({b} AS DECIMAL(19,0))) AS {x}"
    )
}

/// The view of judged lines; the rejected ones with the columns as they were.
pub fn judged(columns: &Columns<'_>, rules: &LineRules<'_>) -> Result<String, Error> {
    let bit = |rule: Rule| rule.bit();
    let has = |canonical| columns.has(canonical);
    let test = match rules.test_customer {
        None => "0".to_owned(),
        Some(pattern) if is_portable(pattern) => {
            format!("IF(k.kc RLIKE {}, {}, 0)", literal(pattern), bit(Rule::TestCustomer))
        }
        Some(pattern) => {
            return Err(Error::Unsupported {
                what: format!("clean.test_customer_pattern {pattern:?} may mean something else on the cluster"),
                hint: "use letters, digits, . [] () | ? * + {} ^ $ \\d \\w \\s \\b and (?i) at its beginning",
            });
        }
    };
    let prefix = std::str::from_utf8(rules.cancelled_order_prefix).unwrap_or_default();
    let cancelled = if prefix.is_empty() || !prefix.is_ascii() {
        "0".to_owned()
    } else {
        let n = prefix.len();
        format!(
            "IF(upper(left(k.ko, {n})) = {} AND substring(k.ko, {}) RLIKE {}, {}, 0)",
            literal(prefix),
            n + 1,
            literal(r"\A[0-9]+\z"),
            bit(Rule::CancelledOrder)
        )
    };
    let order_is_missing = "(k.ko IS NULL OR (lo.k IS NOT NULL AND lo.hash IS NULL))";
    let (order, order_rules) = if has(Canonical::OrderId) {
        (
            format!(
                "CASE WHEN {order_is_missing} THEN k.minute WHEN lo.k IS NOT NULL THEN lo.hash ELSE xxhash64(k.ko) END"
            ),
            format!(
                "CASE WHEN {order_is_missing} THEN {} WHEN lo.k IS NOT NULL THEN lo.rules ELSE {cancelled} END",
                bit(Rule::MissingOrder)
            ),
        )
    } else if has(Canonical::ProductId) {
        (format!("k.minute div 1440 - {DAYS_FROM_1900}"), "0".to_owned())
    } else {
        ("shiftleft(k.r, 16) | lf.i".to_owned(), "0".to_owned())
    };
    let after = rules.as_of.map_or_else(String::new, |day| {
        let end = (i64::from(day.0) + 1) * 86_400;
        format!(" WHEN k.s >= {end} THEN {}", bit(Rule::AfterAsOf))
    });
    let minute = format!("((s - pmod(s, 60)) div 60 + {})", DAYS_FROM_1900 * 1_440);
    let joined = format!(
        "SELECT /*+ BROADCAST(lf, lc, lo, lp, ln, lg, lt) */ k.f, k.r, CAST(lf.i AS BIGINT) AS fi, k.minute, \
         k.minute div 1440 - {DAYS_FROM_1900} AS day, k.a, k.a_missing, k.q, k.q_missing, k.p, k.p_missing, k.c, k.d, \
         k.d_missing{raw}, CASE WHEN lc.k IS NOT NULL THEN lc.id ELSE k.kc END AS customer, {order} AS ord, \
         COALESCE(lp.code, {NONE}) AS product, COALESCE(lg.code, 255) AS grp, COALESCE(lt.is_return, false) AS t_return, \
         (CASE WHEN k.kc IS NULL THEN {missing_customer} WHEN lc.k IS NOT NULL THEN lc.rules ELSE {test} END) | (CASE \
         WHEN k.s IS NULL THEN {missing_date} WHEN k.s < {min} OR k.s >= {end} THEN {out_of_range}{after} ELSE 0 END) | \
         ({order_rules}) | COALESCE(lp.rules, 0) | IF(ln.k IS NULL, 0, {non_product}) | COALESCE(lt.rules, 0) AS m1 FROM \
         (SELECT *, IF(s IS NULL OR {minute} NOT BETWEEN 0 AND 4294967295, 0, {minute}) AS minute FROM quintile_keys) k \
         LEFT JOIN quintile_files lf ON k.f = lf.k LEFT JOIN quintile_customers lc ON k.kc = lc.k LEFT JOIN \
         quintile_orders lo ON k.ko = lo.k LEFT JOIN quintile_products lp ON k.kp = lp.k LEFT JOIN quintile_names ln ON \
         k.kn = ln.k LEFT JOIN quintile_groups lg ON k.kg = lg.k LEFT JOIN quintile_types lt ON k.kt = lt.k",
        raw = columns.raw_names(|raw| format!("k.{raw}")),
        missing_customer = bit(Rule::MissingCustomer),
        missing_date = bit(Rule::MissingDate),
        out_of_range = bit(Rule::DateOutOfRange),
        non_product = bit(Rule::NonProduct),
        min = rules.min_second,
        end = rules.end_second,
    );
    Ok(money(columns, &joined, rules.rejecting))
}

/// Adds amount, quantity, cost, flags and all rules that match to lines whose ids are judged.
fn money(columns: &Columns<'_>, joined: &str, rejecting: u32) -> String {
    let has = |canonical| columns.has(canonical);
    let (has_amount, has_quantity) = (has(Canonical::Amount), has(Canonical::Quantity));
    let bit = |rule: Rule| rule.bit();
    let readable = |number: &str| {
        format!(
            "(CASE WHEN {number}_missing THEN {} WHEN {number} IS NULL THEN {} ELSE 0 END)",
            bit(Rule::MissingAmount),
            bit(Rule::BadAmount)
        )
    };
    let limit = LINE_LIMIT as i64 * UNITS_PER_ONE;
    let of_quantity = if has_quantity { readable("q") } else { "0".into() };
    // The amount as it stands or is calculated, and the rules about that.
    let (amount, rules) = if has_amount {
        (
            format!("SELECT *, IF(abs(a) <= {limit}, a, NULL) AS amt0 FROM ({joined})"),
            format!(
                "{of_quantity} | {} | IF(abs(a) > {limit}, {}, 0)",
                readable("a"),
                bit(Rule::BadAmount)
            ),
        )
    } else {
        let x = product("q", "p", "gx");
        let gross = format!(
            "SELECT *, {} AS gross FROM (SELECT *, {x} FROM ({joined}))",
            rounded("gx")
        );
        let net = if has(Canonical::Discount) {
            let off = match columns.mapping.basis.discount {
                DiscountBasis::Line => (format!("({UNITS_PER_ONE} * CAST(sign(gross) AS BIGINT))"), "abs(d)"),
                DiscountBasis::Unit => ("q".to_owned(), "abs(d)"),
                DiscountBasis::Percent => ("gross".to_owned(), "(abs(d) div 100)"),
                DiscountBasis::Share => ("gross".to_owned(), "abs(d)"),
            };
            let off = product(&off.0, off.1, "dx");
            let with_off = format!(
                "SELECT *, {} AS off FROM (SELECT *, {off} FROM ({gross}))",
                rounded("dx")
            );
            format!(
                "SELECT *, CASE WHEN d_missing THEN gross WHEN gross - off = 0 OR sign(gross - off) = sign(gross) THEN \
                 gross - off END AS amt0 FROM ({with_off})"
            )
        } else {
            format!("SELECT *, gross AS amt0 FROM ({gross})")
        };
        let bad = format!(
            "IF(q IS NOT NULL AND p IS NOT NULL AND amt0 IS NULL, {}, 0)",
            bit(Rule::BadAmount)
        );
        (net, format!("{of_quantity} | {} | {bad}", readable("p")))
    };
    let turned = format!(
        "SELECT *, m1 | {rules} AS m2, IF(t_return, -abs(amt0), amt0) AS amt, IF(t_return, -abs(COALESCE(q, 0)), \
         COALESCE(q, 0)) AS pieces, (m1 & {cancelled}) <> 0 AS cancelled FROM ({amount})",
        cancelled = bit(Rule::CancelledOrder)
    );
    let unit_price = |condition: &str, otherwise: &str| {
        if has_amount {
            otherwise.to_owned()
        } else {
            condition.to_owned()
        }
    };
    let signs_differ = if has_amount {
        "sign(pieces) * sign(amt) < 0"
    } else {
        "false"
    };
    let matched = [
        (Rule::NegativePrice, unit_price("NOT t_return AND p < 0", "false")),
        (Rule::ZeroPrice, unit_price("p = 0", "false")),
        (Rule::ZeroAmount, unit_price("p <> 0 AND amt = 0", "amt = 0")),
        (Rule::ZeroQuantity, format!("{has_quantity} AND pieces = 0 AND amt = 0")),
        (
            Rule::SignConflict,
            format!("{signs_differ} OR (cancelled AND (pieces > 0 OR amt > 0))"),
        ),
        (Rule::ReturnLine, "t_return OR pieces < 0 OR amt < 0".to_owned()),
    ];
    let matched: Vec<String> = matched
        .iter()
        .map(|(rule, condition)| format!("IF({condition}, {}, 0)", bit(*rule)))
        .collect();
    let is_sale = if has_quantity { "pieces > 0" } else { "amt > 0" };
    let flagged = format!(
        "SELECT *, IF(amt IS NULL, m2, m2 | {}) AS matched, COALESCE(t_return OR cancelled OR pieces < 0 OR amt < 0, \
         false) AND amt IS NOT NULL AS is_return, amt IS NOT NULL AND {is_sale} AND NOT cancelled AND product <> {NONE} \
         AS in_basket, (m2 & {}) <> 0 AS non_product FROM ({turned})",
        matched.join(" | "),
        bit(Rule::NonProduct)
    );
    let cost = if has(Canonical::Cost) {
        let one = format!("IF(is_return, -{UNITS_PER_ONE}, {UNITS_PER_ONE})");
        let times = match columns.mapping.basis.cost {
            CostBasis::Unit if has_quantity => "pieces".to_owned(),
            CostBasis::Unit => one,
            CostBasis::Line => format!("IF(is_return AND c < 0, {UNITS_PER_ONE}, {one})"),
        };
        let with_product = format!("SELECT *, {} FROM ({flagged})", product(&times, "c", "cx"));
        format!("SELECT *, {} AS cost FROM ({with_product})", rounded("cx"))
    } else {
        format!("SELECT *, CAST(NULL AS BIGINT) AS cost FROM ({flagged})")
    };
    // Where the amount cannot be read, nothing else is said about the line's money.
    format!(
        "SELECT r, fi, minute, day, customer, ord, product, CAST(grp AS INT) AS grp, CAST(matched AS INT) AS matched, \
         IF(amt IS NULL, 0, pieces) AS quantity, COALESCE(amt, 0) AS amount, IF(amt IS NULL, NULL, cost) AS cost, \
         is_return, in_basket, non_product{} FROM ({cost})",
        columns.raw_names(|raw| format!("IF((matched & {rejecting}) <> 0, {raw}, NULL) AS {raw}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_early() {
        assert_eq!(quoted("a`b"), "`a``b`");
        assert_eq!(literal(r"it's \d"), r"'it\'s \\d'");
    }

    #[test]
    fn only_patterns_that_mean_the_same_there_are_sent() {
        let config: toml::Table = include_str!("../default.toml").parse().unwrap();
        let shipped = config["clean"]["test_customer_pattern"].as_str().unwrap();
        for pattern in [shipped, "(?i)^test", r"^T-\d{3}$", "a+b*c?", "[a-z_.-]+@x"] {
            assert!(is_portable(pattern), "{pattern}");
        }
        for pattern in [
            r"\p{L}",
            "(?x) a",
            "[[:alpha:]]",
            r"\z",
            "a++",
            "(?<n>a)",
            "[a&&b]",
            r"\x41",
        ] {
            assert!(!is_portable(pattern), "{pattern}");
        }
    }
}
