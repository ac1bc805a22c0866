//! The tag `error`, whose only value is `true`. A reason goes into `error.reason`.

/// Calls `add` with the tag, or with the tags that it is split into.
pub(super) fn split_error_tag(name: &str, value: &str, mut add: impl FnMut(&str, &str)) {
    match (name, value) {
        ("error", "false") => {}
        ("error", reason) if !matches!(reason, "" | "true") => {
            add("error", "true");
            add("error.reason", reason);
        }
        _ => add(name, value),
    }
}

/// Whether the tag marks its span as failed. The limit of a handler's tags does not apply to it.
pub(crate) fn is_error_tag(name: &str) -> bool {
    matches!(name, "error" | "error.reason")
}
