//! Sets of product codes, many in two vectors: what baskets hold and what customers own.

/// A chunk of baskets: basket `i` is `items[ends[i - 1]..ends[i]]` (from 0 for the first), product codes,
/// ascending and distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baskets {
    pub ends: Vec<u32>,
    pub items: Vec<u32>,
}

impl Baskets {
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let basket = &self.items[start..end as usize];
            start = end as usize;
            basket
        })
    }
}

impl Baskets {
    /// Baskets of two products or more.
    pub fn n_with_several(&self) -> usize {
        self.iter().filter(|basket| basket.len() > 1).count()
    }

    /// Adds a basket; `products` are distinct and ascending.
    pub fn push(&mut self, products: &[u32]) {
        self.items.extend_from_slice(products);
        self.ends.push(self.items.len() as u32);
    }
}

/// What customers own: customer `customers[i]` has `items[ends[i - 1]..ends[i]]` (from 0 for the first), product
/// codes, ascending and distinct. A customer is in one place only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedProducts {
    pub customers: Vec<u32>,
    pub ends: Vec<u32>,
    pub items: Vec<u32>,
}
