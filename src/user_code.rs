//! Calls into the user's code.
//!
//! A predicate, a sampler, an error's `Debug` or a `tracing` subscriber may panic. The request
//! must not fail for that, and its span must be whole; nor must the reporter's thread end. Such
//! code is called by [`guarded`] or [`catch`].

use crate::{printable::one_line, text::cut};
use std::{
    any::Any,
    fmt::{self, Write as _},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What the code returns; `None` if it panics. The panic hook has reported the panic by then.
pub(crate) fn guarded<R>(code: impl FnOnce() -> R) -> Option<R> {
    catch(code).ok()
}

/// What the code returns, or the message that it panics with.
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(message)
}

#[cold]
fn message(payload: Box<dyn Any + Send>) -> String {
    let payload = match payload.downcast::<String>() {
        Ok(text) => return one_line(&text),
        Err(payload) => payload,
    };
    match payload.downcast::<&str>() {
        Ok(text) => one_line(&text),
        Err(payload) => {
            // A value of the user's, whose drop may panic again.
            mem::forget(payload);
            "no message".to_owned()
        }
    }
}

/// The `Debug` text of a value, as far as `max_length` bytes of it can be had.
pub(crate) fn debug_text(value: &dyn fmt::Debug, max_length: usize) -> String {
    let mut text = Bounded {
        text: String::new(),
        max_length,
    };
    // An `Err` is the bound, or a `Debug` that fails: what was written until then counts.
    let _ = guarded(|| write!(text, "{value:?}"));
    if text.text.is_empty() {
        return "the error's Debug wrote nothing".to_owned();
    }
    text.text
}

/// Fails once it is full, so that an endless `Debug` ends.
struct Bounded {
    text: String,
    max_length: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.max_length.saturating_sub(self.text.len());
        let fits = cut(text, room);
        self.text.push_str(fits);
        if fits.len() < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Writes(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

    impl fmt::Debug for Writes {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (self.0)(f)
        }
    }

    #[test]
    fn whatever_a_debug_does_there_is_a_text() {
        let nothing = "the error's Debug wrote nothing";
        for (writes, expected) in [
            (Writes(|f| f.write_str("reset")), "reset"),
            (Writes(|_| Ok(())), nothing),
            (Writes(|_| Err(fmt::Error)), nothing),
            (Writes(|_| panic!("expected")), nothing),
            (Writes(|f| f.write_str("half").and(Err(fmt::Error))), "half"),
            (
                Writes(|f| {
                    f.write_str("half")?;
                    panic!("expected")
                }),
                "half",
            ),
            (
                Writes(|f| {
                    loop {
                        f.write_str("ä")?
                    }
                }),
                "ääää",
            ),
        ] {
            assert_eq!(debug_text(&writes, 9), expected);
        }
    }

    #[test]
    fn a_panic_says_why() {
        use std::panic::panic_any;
        let said = |text: &str| catch(|| panic!("{text}")).map(|(): ()| "nothing");
        assert_eq!(catch(|| 1), Ok(1));
        assert_eq!(said("in\ntrouble"), Err("in trouble".to_owned()));
        assert_eq!(said(&"a".repeat(999)).unwrap_err().chars().count(), 201);
        let said = catch(|| panic_any("plain")).map(|(): ()| "nothing");
        assert_eq!(said, Err("plain".to_owned()));
        let said = catch(|| panic_any(7)).map(|(): ()| "nothing");
        assert_eq!(said, Err("no message".to_owned()));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_not_dropped() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the payload was dropped");
            }
        }
        assert!(guarded(|| std::panic::panic_any(Bomb)).is_none());
    }
}
