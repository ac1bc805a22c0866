//! A text for keys that are looked up, whose memory stays with the thread.

use std::cell::Cell;

/// More memory does not stay with a thread.
const MAX_KEPT: usize = 4 * 1024;

/// Calls this with an empty text.
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
