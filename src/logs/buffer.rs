//! A buffer for a line, kept by its thread.

use std::{cell::Cell, mem};

/// A larger buffer is not kept: one long line would hold the memory for as long as the thread lives.
const MAX_KEPT: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<String> = const { Cell::new(String::new()) };
}

/// A buffer for one line, reused on its thread. An event inside of the formatting of another one gets
/// a buffer of its own.
pub(super) struct LineBuffer(pub(super) String);

impl LineBuffer {
    pub(super) fn take() -> LineBuffer {
        // On a thread that is ending there is no spare one.
        LineBuffer(SPARE.try_with(Cell::take).unwrap_or_default())
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        let mut line = mem::take(&mut self.0);
        if line.capacity() <= MAX_KEPT {
            line.clear();
            let _ = SPARE.try_with(|spare| spare.set(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_reused_unless_it_is_large_or_taken() {
        let mut outer = LineBuffer::take();
        outer.0.push_str("outer");
        let (place, capacity) = (outer.0.as_ptr(), outer.0.capacity());
        assert_eq!(LineBuffer::take().0, "");
        drop(outer);
        let mut again = LineBuffer::take();
        assert_eq!((again.0.as_ptr(), again.0.capacity()), (place, capacity));
        assert_eq!(again.0, "");
        again.0.reserve(MAX_KEPT + 1);
        drop(again);
        assert_eq!(LineBuffer::take().0.capacity(), 0);
    }
}
