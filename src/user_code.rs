//! Calling user code that may panic.
//!
//! A predicate, a sampler, the `Debug` of an error or a `tracing` subscriber may panic. That must not
//! fail the request, leave its span incomplete, or end the thread of a reporter. Everything outside
//! of this file calls such code with [`guarded`], [`catch`] or [`debug_text`].

use crate::{printable::one_line, text::cut};
use std::{
    any::Any,
    fmt::{self, Write as _},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Calls the code; `None` if it panics. The panic hook has then reported the panic.
pub(crate) fn guarded<R>(code: impl FnOnce() -> R) -> Option<R> {
    catch(code).ok()
}

/// Calls the code; `Err` with the panic message if it panics.
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
            // A value of the user's: dropping it could panic again.
            mem::forget(payload);
            "no message".to_owned()
        }
    }
}

/// The `Debug` text of a value, up to `max_length` bytes.
pub(crate) fn debug_text(value: &dyn fmt::Debug, max_length: usize) -> String {
    let mut text = String::new();
    write_bounded(&mut text, format_args!("{value:?}"), max_length);
    if text.is_empty() {
        return "the error's Debug wrote nothing".to_owned();
    }
    text
}

/// Appends values of the user's to a text, up to `max_length` bytes. It ends early at the bound, or if
/// one fails or panics. What was written by then counts.
pub(crate) fn write_bounded(text: &mut String, values: fmt::Arguments<'_>, max_length: usize) {
    let max_length = text.len().saturating_add(max_length);
    let mut bounded = Bounded { text, max_length };
    let _ = guarded(|| bounded.write_fmt(values));
}

/// A writer that fails once it is full, so that an endless `Debug` ends.
struct Bounded<'a> {
    text: &'a mut String,
    max_length: usize,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let remaining = self.max_length.saturating_sub(self.text.len());
        let fits = cut(text, remaining);
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
    fn debug_text_is_never_empty_and_always_ends() {
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
    fn catch_returns_the_panic_message() {
        use std::panic::panic_any;
        let message = |text: &str| catch(|| panic!("{text}")).map(|(): ()| "nothing");
        assert_eq!(catch(|| 1), Ok(1));
        assert_eq!(message("in\ntrouble"), Err("in trouble".to_owned()));
        assert_eq!(message(&"a".repeat(999)).unwrap_err().chars().count(), 201);
        let caught = catch(|| panic_any("plain")).map(|(): ()| "nothing");
        assert_eq!(caught, Err("plain".to_owned()));
        let caught = catch(|| panic_any(7)).map(|(): ()| "nothing");
        assert_eq!(caught, Err("no message".to_owned()));
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
