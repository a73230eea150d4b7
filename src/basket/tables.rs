//! `pairs.parquet` and `offers.parquet`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, LargeListArray, LargeStringArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;
use polars::prelude::{Column as Series, DataFrame, PolarsResult};

use super::Pairs;
use super::offers::Offers;
use crate::schema::parts::{PART_ROWS, PartColumn, coded};
use crate::schema::{Table, Type, column, nullable};
use crate::summary::Ids;

/// The published product pairs.
pub const PAIRS: Table = Table {
    name: "pairs",
    doc: "One row per pair of products that stand together in orders more often than chance allows.",
    sorted_by: &["product_a", "product_b"],
    parts: &[&[
        column("product_a", Type::Str, "product id, before product_b in byte order"),
        column("product_b", Type::Str, "product id"),
        column("n_a", Type::U64, "orders with a"),
        column("n_b", Type::U64, "orders with b"),
        column("n_ab", Type::U64, "orders with both"),
        column("n_baskets", Type::U64, "all orders that count"),
        column("support", Type::F64, "n_ab / n_baskets"),
        column(
            "confidence_ab",
            Type::F64,
            "n_ab / n_a: share of the orders with a that have b",
        ),
        column("confidence_ba", Type::F64, "n_ab / n_b"),
        column("lift", Type::F64, "support over what chance gives; 1 = independent"),
        column("leverage", Type::F64, "support less what chance gives"),
        nullable(
            "conviction_ab",
            Type::F64,
            "(1 - share of b) / (1 - confidence_ab); null = infinite",
        ),
        nullable(
            "conviction_ba",
            Type::F64,
            "(1 - share of a) / (1 - confidence_ba); null = infinite",
        ),
        column("jaccard", Type::F64, "n_ab over orders with a or b"),
        column("cosine", Type::F64, "n_ab / sqrt(n_a n_b)"),
        column("kulczynski", Type::F64, "mean of the two confidences"),
        column("imbalance_ratio", Type::F64, "|n_a - n_b| over orders with a or b"),
        column("zhang_ab", Type::F64, "Zhang's metric, -1 to 1"),
        column("zhang_ba", Type::F64, "Zhang's metric, -1 to 1"),
        column(
            "chi_square",
            Type::F64,
            "of the two-by-two table, 1 degree of freedom, uncorrected",
        ),
        column(
            "p_value",
            Type::F64,
            "probability of such a chi_square by chance; 0 below 1e-308",
        ),
        column(
            "q_value",
            Type::F64,
            "p_value adjusted for all pairs tested (Benjamini and Hochberg)",
        ),
    ]],
};

/// The published offers.
pub const OFFERS: Table = Table {
    name: "offers",
    doc: "One row per offer: a product that the customer does not have and is likely to take.",
    sorted_by: &["customer_id", "rank"],
    parts: &[&[
        column("customer_id", Type::Str, "the customer"),
        column("rank", Type::U32, "1 = highest expected_amount"),
        column("product_id", Type::Str, "the product to offer"),
        column(
            "score",
            Type::F64,
            "share of comparable orders that hold it, shrunk toward its usual share",
        ),
        column(
            "because_of",
            Type::StrList,
            "the products of the customer behind it, strongest first",
        ),
        column(
            "expected_amount",
            Type::F64,
            "score times the mean money of a sale of the product",
        ),
    ]],
};

/// The frame of [`PAIRS`]; `products` are the ids by code.
pub fn pairs_frame(pairs: &Pairs, products: &[String]) -> PolarsResult<DataFrame> {
    let ids = |codes: &[u32]| codes.iter().map(|&c| products[c as usize].as_str()).collect::<Vec<_>>();
    DataFrame::new_infer_height(vec![
        Series::new("product_a".into(), ids(&pairs.product_a)),
        Series::new("product_b".into(), ids(&pairs.product_b)),
        Series::new("n_a".into(), &pairs.n_a),
        Series::new("n_b".into(), &pairs.n_b),
        Series::new("n_ab".into(), &pairs.n_ab),
        Series::new("n_baskets".into(), vec![pairs.summary.n_baskets; pairs.len()]),
        Series::new("support".into(), &pairs.support),
        Series::new("confidence_ab".into(), &pairs.confidence_ab),
        Series::new("confidence_ba".into(), &pairs.confidence_ba),
        Series::new("lift".into(), &pairs.lift),
        Series::new("leverage".into(), &pairs.leverage),
        Series::new("conviction_ab".into(), &pairs.conviction_ab),
        Series::new("conviction_ba".into(), &pairs.conviction_ba),
        Series::new("jaccard".into(), &pairs.jaccard),
        Series::new("cosine".into(), &pairs.cosine),
        Series::new("kulczynski".into(), &pairs.kulczynski),
        Series::new("imbalance_ratio".into(), &pairs.imbalance_ratio),
        Series::new("zhang_ab".into(), &pairs.zhang_ab),
        Series::new("zhang_ba".into(), &pairs.zhang_ba),
        Series::new("chi_square".into(), &pairs.chi_square),
        Series::new("p_value".into(), &pairs.p_value),
        Series::new("q_value".into(), &pairs.q_value),
    ])
}

/// The columns of [`OFFERS`] and the parts to write them in, ranges of customers; `customers` and `products` are the
/// ids by code.
pub fn offers_columns<'a>(
    offers: &'a Offers,
    customers: &'a Ids,
    products: &'a [String],
) -> (Vec<PartColumn<'a>>, Vec<Range<usize>>) {
    let rows = |customers: Range<usize>| {
        let of = |c| offers.of(c).zip(1u32..).map(move |(offer, rank)| (c, rank, offer));
        customers.flat_map(of)
    };
    let ids: ArrayRef = Arc::new(LargeStringArray::from_iter_values(products));
    let because_ids = ids.clone();
    let because = move |part: Range<usize>| -> ArrayRef {
        let mut codes: Vec<Option<u32>> = Vec::new();
        let mut ends: Vec<i64> = vec![0];
        for (.., offer) in rows(part) {
            codes.extend(offer.because_of().map(Some));
            ends.push(codes.len() as i64);
        }
        let elements = coded(&because_ids, codes.into_iter());
        let field = Arc::new(Field::new("element", elements.data_type().clone(), true));
        Arc::new(LargeListArray::new(
            field,
            OffsetBuffer::new(ends.into()),
            elements,
            None,
        ))
    };
    let columns = vec![
        PartColumn::new("customer_id", move |part| {
            let ids = rows(part).map(|(c, ..)| Some(&customers[c]));
            Arc::new(ids.collect::<LargeStringArray>())
        }),
        PartColumn::new("rank", move |part| {
            Arc::new(UInt32Array::from_iter_values(rows(part).map(|(_, rank, _)| rank)))
        })
        .repeating(),
        PartColumn::new("product_id", move |part| {
            coded(&ids, rows(part).map(|(.., offer)| Some(offer.product())))
        })
        .repeating(),
        PartColumn::new("score", move |part| {
            Arc::new(Float64Array::from_iter_values(
                rows(part).map(|(.., offer)| offer.score()),
            ))
        })
        .repeating(),
        PartColumn::new("because_of", because).repeating(),
        PartColumn::new("expected_amount", move |part| {
            let amounts = rows(part).map(|(.., offer)| offer.expected_amount());
            Arc::new(Float64Array::from_iter_values(amounts))
        })
        .repeating(),
    ];
    (columns, parts(offers, customers.len()))
}

/// Ranges of customers that have a part's rows together.
fn parts(offers: &Offers, n_customers: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut n_rows) = (0, 0);
    for customer in 0..n_customers {
        let n = offers.n_of(customer);
        if n_rows > 0 && PART_ROWS < n_rows + n {
            parts.push(start..customer);
            (start, n_rows) = (customer, 0);
        }
        n_rows += n;
    }
    if n_rows > 0 {
        parts.push(start..n_customers);
    }
    parts
}
