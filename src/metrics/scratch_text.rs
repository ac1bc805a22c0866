//! A reusable text buffer of each thread, for keys that are looked up.

use std::cell::Cell;

/// A larger buffer is not kept.
const MAX_KEPT: usize = 4 * 1024;

/// Calls the closure with an empty text.
pub(super) fn with_scratch_text<R>(call: impl FnOnce(&mut String) -> R) -> R {
    thread_local! {
        static TEXT: Cell<String> = const { Cell::new(String::new()) };
    }
    // An ending thread has none.
    let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
    text.clear();
    let result = call(&mut text);
    if text.capacity() <= MAX_KEPT {
        let _ = TEXT.try_with(|kept| kept.set(text));
    }
    result
}
