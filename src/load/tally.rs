//! How many values say something about their column, and the first of them for the user to look at.

/// Does not grow with the column: one short example is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) n: usize,
    first: Box<[u8]>,
}

impl Tally {
    pub(super) fn add(&mut self, value: &[u8]) {
        if self.n == 0 {
            self.first = shortened(value).into();
        }
        self.n += 1;
    }

    /// As if the values of `other` had been added after those of `self`.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.n == 0 {
            self.first.clone_from(&other.first);
        }
        self.n += other.n;
    }

    pub(super) fn example(&self) -> String {
        String::from_utf8_lossy(&self.first).trim().to_owned()
    }
}

/// Without blanks around, cut between characters at a length that no date or number has.
fn shortened(value: &[u8]) -> &[u8] {
    const MAX_BYTES: usize = 64;
    let value = value.trim_ascii();
    let is_start_of_character = |at: &usize| value.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80);
    let end = (0..=MAX_BYTES.min(value.len())).rev().find(is_start_of_character);
    &value[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_the_example() {
        let (mut one, mut two) = (Tally::default(), Tally::default());
        two.add(b" b ");
        two.add(b"c");
        one.merge(&two);
        assert_eq!((one.n, one.example().as_str()), (2, "b"));
        one.add(b"d");
        two.merge(&one);
        assert_eq!((two.n, two.example().as_str()), (5, "b"));
    }

    #[test]
    fn long_examples_are_cut_between_characters() {
        let mut tally = Tally::default();
        tally.add("日".repeat(100).as_bytes());
        assert_eq!(tally.example(), "日".repeat(21));
        for bytes in [&[0x80; 100][..], b"", &[0xE6; 65]] {
            let mut tally = Tally::default();
            tally.add(bytes);
            assert!(tally.first.len() <= 64);
        }
    }
}
