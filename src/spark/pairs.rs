//! Baskets and pair counts, as SQL: a basket is the distinct products of an order of a customer, as in
//! [`crate::summary`]; what is done with the counts stays in [`crate::basket`].

use crate::clean::Rule;

/// What decides which lines are evidence.
pub struct Evidence {
    pub rejecting: u32,
    /// Lines without a customer count by their order.
    pub anonymous: bool,
    /// Postage and the like count as products.
    pub non_products: bool,
}

impl Evidence {
    /// Baskets with the columns `customer` (null for nobody), `n` (distinct products) and `items`: those products, or
    /// only those in the view `quintile_frequent`.
    pub fn baskets(&self, only_frequent: bool) -> String {
        let products = if self.non_products {
            "in_basket"
        } else {
            "in_basket AND NOT non_product"
        };
        let items = if only_frequent {
            "size(collect_set(product)) AS n, collect_set(f.k) AS items"
        } else {
            "size(collect_set(product)) AS n, collect_set(product) AS items"
        };
        let join = if only_frequent {
            " l LEFT JOIN quintile_frequent f ON l.product = f.k"
        } else {
            ""
        };
        // A credit with pieces stands in a basket, but a customer with nothing else is none.
        let of_customers = if self.rejecting & Rule::NegativePrice.bit() == 0 {
            " AND customer IN (SELECT customer FROM quintile_lines WHERE NOT is_return)"
        } else {
            ""
        };
        let mut baskets = format!(
            "SELECT customer, {items} FROM quintile_lines{join} WHERE {products}{of_customers} GROUP BY customer, ord"
        );
        if self.anonymous {
            baskets.push_str(&format!(
                " UNION ALL SELECT CAST(NULL AS STRING) AS customer, {items} FROM quintile_judged{join} WHERE (matched & \
                 {}) = {} AND (matched & {}) = 0 AND {products} GROUP BY ord",
                self.rejecting,
                Rule::MissingCustomer.bit(),
                Rule::MissingOrder.bit()
            ));
        }
        baskets
    }

    /// Baskets, oversized ones, their products, anonymous ones, those with two products or more.
    pub fn sizes(&self, max_products: usize) -> String {
        format!(
            "SELECT count(*), sum(IF(n > {max_products}, 1, 0)), sum(IF(n > {max_products}, n, 0)), sum(IF(customer IS \
             NULL, 1, 0)), sum(IF(n > 1, 1, 0)) FROM ({})",
            self.baskets(false)
        )
    }

    /// Baskets by product.
    pub fn products(&self, max_products: usize) -> String {
        format!(
            "SELECT a, count(*) FROM (SELECT explode(items) AS a FROM ({}) WHERE n <= {max_products}) GROUP BY a",
            self.baskets(false)
        )
    }

    /// Pairs of frequent products in at least `min_count` baskets, `limit` of them at most.
    pub fn pairs(&self, max_products: usize, min_count: u64, limit: u64) -> String {
        format!(
            "SELECT a, b, count(*) AS n FROM (SELECT a, explode(slice(items, i + 2, size(items))) AS b FROM (SELECT items, \
             posexplode(items) AS (i, a) FROM (SELECT array_sort(items) AS items FROM ({}) WHERE n <= {max_products} AND \
             size(items) > 1))) GROUP BY a, b HAVING count(*) >= {min_count} LIMIT {limit}",
            self.baskets(true)
        )
    }
}
