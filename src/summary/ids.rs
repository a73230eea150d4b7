//! Customer ids, one text after another: a `String` would take 24 bytes beside each.

use std::ops::Index;

/// Ids by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Ids {
    pub fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|row| &self[row])
    }

    pub(super) fn append(&mut self, other: &Self) {
        let before = self.text.len();
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }
}

impl Index<usize> for Ids {
    type Output = str;

    fn index(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[row]]
    }
}

impl<T: AsRef<str>> FromIterator<T> for Ids {
    fn from_iter<I: IntoIterator<Item = T>>(ids: I) -> Self {
        let mut out = Self::default();
        ids.into_iter().for_each(|id| out.push(id.as_ref()));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_by_row() {
        let some: Ids = ["a", "", "12345", "Zoë"].into_iter().collect();
        let mut all = some.clone();
        all.append(&some);
        assert_eq!((all.len(), Ids::default().is_empty()), (8, true));
        assert_eq!(
            all.iter().collect::<Vec<_>>(),
            ["a", "", "12345", "Zoë", "a", "", "12345", "Zoë"]
        );
        assert_eq!((&all[2], &all[4], &all[7]), ("12345", "a", "Zoë"));
    }
}
