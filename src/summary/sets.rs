//! Sets of product codes, many in two vectors: what baskets hold and what customers own. In memory, or on disk where the
//! memory cap says so.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use crate::spill::{Segment, SpillFile};

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

    pub fn clear(&mut self) {
        self.ends.clear();
        self.items.clear();
    }

    /// Bytes that they fill.
    pub fn bytes(&self) -> u64 {
        size_of::<u32>() as u64 * (self.ends.len() + self.items.len()) as u64
    }

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

/// A chunk of baskets, wherever it is.
#[derive(Clone, Debug)]
pub enum Kept {
    InMemory(Baskets),
    OnDisk {
        file: Arc<SpillFile>,
        ends: Segment,
        items: Segment,
    },
}

impl Default for Kept {
    fn default() -> Self {
        Self::InMemory(Baskets::default())
    }
}

impl From<Baskets> for Kept {
    fn from(baskets: Baskets) -> Self {
        Self::InMemory(baskets)
    }
}

impl Kept {
    /// # Errors
    /// The disk says no.
    pub fn on_disk(Baskets { ends, items }: &Baskets, file: &Arc<SpillFile>) -> io::Result<Self> {
        let bytes = |codes: &[u32]| -> Vec<u8> { codes.iter().flat_map(|code| code.to_le_bytes()).collect() };
        Ok(Self::OnDisk {
            file: file.clone(),
            ends: file.append([&bytes(ends)[..]])?,
            items: file.append([&bytes(items)[..]])?,
        })
    }

    /// # Errors
    /// The disk says no.
    pub fn get(&self) -> io::Result<Cow<'_, Baskets>> {
        let mut bytes = Vec::new();
        let mut codes = |file: &SpillFile, segment| -> io::Result<Vec<u32>> {
            bytes.clear();
            file.read(segment, &mut bytes)?;
            Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|code| u32::from_le_bytes(*code))
                .collect())
        };
        Ok(match self {
            Self::InMemory(baskets) => Cow::Borrowed(baskets),
            Self::OnDisk { file, ends, items } => Cow::Owned(Baskets {
                ends: codes(file, *ends)?,
                items: codes(file, *items)?,
            }),
        })
    }
}

/// What customers own: customer `customers[i]` has set `i`. A customer is in one place only.
#[derive(Clone, Debug, Default)]
pub struct OwnedProducts {
    pub customers: Vec<u32>,
    pub sets: Kept,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spill::Memory;

    #[test]
    fn sets_come_back_from_disk() {
        let mut baskets = Baskets::default();
        for basket in [&[1, 5, 70_000][..], &[], &[u32::MAX]] {
            baskets.push(basket);
        }
        let file = Arc::new(SpillFile::create(&Memory::new(0, None)).unwrap());
        for baskets in [baskets, Baskets::default()] {
            let kept = Kept::on_disk(&baskets, &file).unwrap();
            assert_eq!(kept.get().unwrap().as_ref(), &baskets);
        }
    }
}
