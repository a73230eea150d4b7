//! The reduction of customers, as SQL, and its result.
//!
//! Lines are sent once over the network, each to the place of its customer, and kept there; what follows is grouped there.
//! Returns are matched as `src/summary/customer.rs` does it, last in first out, by folding the sorted lines of a customer and a
//! product; groups without a return are not looked at line by line.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::lines::NONE;
use crate::summary::elsewhere::{Reduced, Settings};

/// Equal lines of a customer are numbered, in the order of files and rows.
const NUMBERED: &str = "(SELECT *, row_number() OVER (PARTITION BY customer, minute, product, quantity, amount, ord, cost \
                        ORDER BY fi, r) AS nth FROM quintile_kept)";

/// The view of clean lines that are not rejected, each at the place of its customer.
pub fn kept(rejecting: u32) -> String {
    format!(
        "SELECT /*+ REPARTITION(customer) */ fi, r, minute, day, customer, ord, product, grp, quantity, amount, cost, \
         is_return, in_basket, non_product FROM quintile_judged WHERE (matched & {rejecting}) = 0"
    )
}

/// The view of lines that stand.
pub fn lines(drop_duplicates: bool) -> String {
    if drop_duplicates {
        format!("SELECT * FROM {NUMBERED} WHERE nth = 1")
    } else {
        "SELECT * FROM quintile_kept".to_owned()
    }
}

/// Files, rows and amounts of lines that are dropped as duplicates.
pub fn dropped() -> String {
    format!("SELECT fi, r, amount FROM {NUMBERED} WHERE nth > 1")
}

/// How many lines are exact duplicates of others, and their amount.
pub const DUPLICATES: &str = "SELECT sum(n - 1), sum(CAST(amount AS DECIMAL(38,0)) * (n - 1)) FROM (SELECT amount, count(*) AS n FROM quintile_kept \
     GROUP BY customer, minute, product, quantity, amount, ord, cost HAVING count(*) > 1)";

/// Sale lines by product and amount.
pub fn prices() -> String {
    format!(
        "SELECT product, amount, count(*) FROM quintile_lines WHERE NOT is_return AND product <> {NONE} AND amount > 0 \
         GROUP BY product, amount"
    )
}

/// `amount * part / whole`, rounded toward zero.
fn share(amount: &str, part: &str, whole: &str) -> String {
    format!(
        "IF({whole} = 0, 0, (CAST({amount} AS DECIMAL(19,0)) * CAST({part} AS DECIMAL(19,0))) div CAST({whole} AS \
         DECIMAL(19,0)))"
    )
}

/// What a return takes away: pieces of a known product, otherwise money.
fn measure(line: &str, has_product: &str) -> String {
    format!("IF({has_product} AND {line}quantity <> 0, abs({line}quantity), abs({line}amount))")
}

/// Folds the lines `ls` of a customer and a product into its sales, each with what is left of it (`rem`) and what was
/// paid back (`refunded`), and the returns that undo no sale.
fn matched(window: Option<u32>, without_product: bool) -> String {
    const SALES: &str = "CAST(array() AS ARRAY<STRUCT<minute: BIGINT, size: BIGINT, rem: BIGINT, refunded: BIGINT, amount: \
                         BIGINT, ord: BIGINT, non_product: BOOLEAN, open: BOOLEAN>>)";
    let sale = |minute: &str, size: &str, rem: &str, refunded: &str, of: &str, open: &str| {
        format!(
            "named_struct('minute', {minute}, 'size', {size}, 'rem', {rem}, 'refunded', {refunded}, 'amount', \
             {of}.amount, 'ord', {of}.ord, 'non_product', {of}.non_product, 'open', {open})"
        )
    };
    let size = measure("x.", if without_product { "false" } else { "true" });
    let new_sale = sale("x.minute", &size, &size, "0L", "x", "true");
    let earliest = window.map_or_else(|| "0".to_owned(), |window| format!("greatest(x.minute - {window}, 0)"));
    // A return without pieces of a product is a credit: it undoes nothing.
    let asked = if without_product {
        size.clone()
    } else {
        format!("IF(x.quantity >= 0, 0, {size})")
    };
    let taken = "least(acc.w, o.rem)";
    let undone = sale(
        "o.minute",
        "o.size",
        &format!("o.rem - {taken}"),
        &format!(
            "IF(o.rem - {taken} = 0, o.amount, o.refunded + {})",
            share("o.amount", taken, "o.size")
        ),
        "o",
        &format!("o.rem - {taken} <> 0"),
    );
    let undo = |sales: &str, wanted: &str| {
        format!(
            "aggregate(reverse({sales}), named_struct('w', {wanted}, 'out', {SALES}), (acc, o) -> IF(acc.w > 0 AND o.open \
             AND {earliest} <= o.minute, named_struct('w', acc.w - {taken}, 'out', array_append(acc.out, {undone})), \
             named_struct('w', acc.w, 'out', array_append(acc.out, o))), acc -> named_struct('sales', reverse(acc.out), \
             'un', st.un + IF(acc.w > 0 OR {asked} = 0, 1L, 0L), 'ua', st.ua + CASE WHEN {asked} = 0 THEN -x.amount WHEN \
             acc.w > 0 THEN {unmatched} ELSE 0L END))",
            unmatched = share("-x.amount", "acc.w", &asked)
        )
    };
    let plain = undo("st.sales", &asked);
    let on_return = if without_product {
        // The latest of the last thousand open sales of exactly this money, before all others.
        let at = format!(
            "COALESCE(array_max(transform(st.sales, (o, i) -> IF(o.open AND o.rem = {asked} AND {asked} > 0 AND {earliest} \
             <= o.minute, i, -1))), -1)"
        );
        let closed = sale("o.minute", "o.size", "0L", "o.amount", "o", "false");
        format!(
            "element_at(transform(array({at}), at -> IF(at >= 0 AND size(filter(slice(st.sales, at + 2, \
             greatest(size(st.sales), 1)), o -> o.open)) < 1000, named_struct('sales', transform(st.sales, (o, i) -> IF(i \
             = at, {closed}, o)), 'un', st.un, 'ua', st.ua), {plain})), 1)"
        )
    } else {
        plain
    };
    format!(
        "aggregate(ls, named_struct('sales', {SALES}, 'un', 0L, 'ua', 0L), (st, x) -> IF(x.ret = 0, named_struct('sales', \
         array_append(st.sales, {new_sale}), 'un', st.un, 'ua', st.ua), {on_return}))"
    )
}

/// One row a customer; read by [`read`].
pub fn customers(settings: &Settings, as_of: i32, has_returns: bool) -> String {
    let size = measure("", &format!("product <> {NONE}"));
    let owned = format!("product <> {NONE} AND NOT non_product");
    let of_lines = |table: &str| {
        format!(
            "SELECT customer, ord, minute, product, amount AS net, true AS stands, {owned} AND {size} > 0 AS owned FROM {table}"
        )
    };
    let (sales, unmatched) = if has_returns {
        let window = settings.return_window_minutes;
        (
            format!(
                "marked AS (SELECT *, max(is_return) OVER (PARTITION BY customer, product) AS touched FROM \
                 quintile_lines), groups AS (SELECT customer, product, array_sort(collect_list(struct(minute, \
                 IF(is_return, 1, 0) AS ret, quantity, amount, ord ^ shiftleft(1L, 63) AS unsigned, COALESCE(cost, \
                 shiftleft(1L, 63)) AS cost, fi, r, ord, non_product))) AS ls FROM marked WHERE touched GROUP BY \
                 customer, product), folded AS (SELECT customer, product, CASE WHEN product = {NONE} THEN {none} ELSE \
                 {some} END AS m FROM groups), sales AS ({untouched} WHERE NOT touched UNION ALL SELECT customer, s.ord, \
                 s.minute, product, s.amount - s.refunded AS net, s.rem > 0 OR s.size = 0 AS stands, s.rem > 0 AND product \
                 <> {NONE} AND NOT s.non_product AS owned FROM (SELECT customer, product, explode(m.sales) AS s FROM \
                 folded))",
                none = matched(window, true),
                some = matched(window, false),
                untouched = of_lines("marked"),
            ),
            "SELECT customer, sum(m.un) AS un, sum(m.ua) AS ua FROM folded GROUP BY customer",
        )
    } else {
        (
            format!("sales AS ({})", of_lines("quintile_lines")),
            "SELECT CAST(NULL AS STRING) AS customer, 0L AS un, 0L AS ua WHERE false",
        )
    };
    let recent = settings.recent_days;
    format!(
        "WITH {sales}, orders AS (SELECT customer, ord, min(minute) div 1440 - 25567 AS day, max(stands) AS stands, \
         sum(net) AS net FROM sales GROUP BY customer, ord), days AS (SELECT customer, day, count(*) AS n, sum(net) AS net \
         FROM orders WHERE stands GROUP BY customer, day), purchases AS (SELECT customer, sum(n) AS n_orders, \
         array_sort(collect_list(struct(day, net))) AS days FROM days GROUP BY customer), owned AS (SELECT customer, \
         array_sort(collect_set(product)) AS items FROM sales WHERE owned GROUP BY customer), of_group AS (SELECT \
         customer, -max(struct(total, -grp AS g)).g AS grp FROM (SELECT customer, grp, sum(amount) AS total FROM \
         quintile_lines WHERE grp <> 255 GROUP BY customer, grp) GROUP BY customer), unmatched AS ({unmatched}), sums AS \
         (SELECT customer, max(NOT is_return) AS has_sale, min(IF(is_return, NULL, day)) AS first_day, max(IF(is_return, \
         NULL, day)) AS last_day, sum(quantity) AS units, sum(IF(is_return, 0, amount)) AS gross, sum(IF(is_return, \
         -amount, 0)) AS returned, sum(amount - cost) AS margin, sum(IF({as_of} - day < {recent}, amount, 0)) AS recent, \
         sum(IF({as_of} - day >= {recent} AND {as_of} - day < {twice}, amount, 0)) AS previous FROM quintile_lines GROUP \
         BY customer) SELECT s.customer, s.has_sale, s.first_day, s.last_day, s.units, s.gross, s.returned, s.margin, \
         s.recent, s.previous, g.grp, p.n_orders, transform(p.days, d -> d.day), transform(p.days, d -> d.net), o.items, \
         u.un, u.ua FROM sums s LEFT JOIN purchases p ON s.customer = p.customer LEFT JOIN owned o ON s.customer = \
         o.customer LEFT JOIN of_group g ON s.customer = g.customer LEFT JOIN unmatched u ON s.customer = u.customer",
        twice = i64::from(recent) * 2,
    )
}

/// Gives every customer of a batch; `None` if the batch is not what [`customers`] asks for.
pub fn read(batch: &RecordBatch, give: &mut dyn FnMut(&Reduced)) -> Option<()> {
    let column = |i: usize, wanted: DataType| cast(batch.columns().get(i)?, &wanted).ok();
    let list = || {
        DataType::List(std::sync::Arc::new(arrow::datatypes::Field::new(
            "item",
            DataType::Int64,
            true,
        )))
    };
    let ids = column(0, DataType::Utf8)?;
    let ids = ids.as_string_opt::<i32>()?;
    let has_sale = column(1, DataType::Boolean)?;
    let has_sale = has_sale.as_boolean_opt()?;
    let mut numbers = Vec::new();
    for i in [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16] {
        let array = column(i, DataType::Int64)?;
        let array = array.as_primitive_opt::<Int64Type>()?;
        numbers.push(array.clone());
    }
    let mut lists = Vec::new();
    for i in [12, 13, 14] {
        let array = column(i, list())?;
        lists.push(array.as_list_opt::<i32>()?.clone());
    }
    let mut found = Reduced::default();
    for row in 0..batch.num_rows() {
        let known = |i: usize| numbers[i].is_valid(row).then(|| numbers[i].value(row));
        let number = |i: usize| known(i).unwrap_or_default();
        let items = |i: usize| -> Option<Vec<i64>> {
            if lists[i].is_null(row) {
                return Some(Vec::new());
            }
            let values = lists[i].value(row);
            Some(values.as_primitive_opt::<Int64Type>()?.values().to_vec())
        };
        found.id.clear();
        found.id.push_str(ids.value(row));
        found.has_sale = has_sale.value(row);
        found.sale_days = (number(0) as i32, number(1) as i32);
        found.units = number(2).into();
        found.gross = number(3).into();
        found.returned = number(4).into();
        found.margin = known(5).map(Into::into);
        found.recent_amount = number(6).into();
        found.previous_amount = number(7).into();
        found.group = known(8).and_then(|group| u8::try_from(group).ok());
        found.orders = number(9) as u32;
        found.unmatched_returns = (number(10) as u64, number(11).into());
        let amounts = items(1)?;
        found.purchases.clear();
        found.purchases.extend(
            items(0)?
                .into_iter()
                .zip(amounts)
                .map(|(day, net)| (day as i32, i128::from(net))),
        );
        found.owned.clear();
        found.owned.extend(items(2)?.into_iter().map(|product| product as u32));
        give(&found);
    }
    Some(())
}
