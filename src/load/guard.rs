//! Decoders that panic over damaged files.
//!
//! In: work that calls a decoder. Out: its result, or nothing if it panicked, which the caller makes an error of the
//! file like any other. A hook that reports panics asks [`is_guarded`] whether this one will be caught here.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// The result of `work`; `None` if it panicked.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    result.ok()
}

/// Whether a panic of this thread, now, would be caught by [`guarded`].
pub fn is_guarded() -> bool {
    DEPTH.get() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing() {
        assert_eq!(guarded(|| (1, is_guarded())), Some((1, true)));
        assert_eq!(guarded(|| [1, 2, 3][std::hint::black_box(5)]), None);
        assert_eq!(
            guarded(|| guarded(|| panic!("as a decoder would")).is_none()),
            Some(true)
        );
        assert!(!is_guarded());
    }
}
