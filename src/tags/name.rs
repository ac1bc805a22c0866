use crate::{record::MAX_NAME_BYTES, text::is_blank};

/// Why a custom tag cannot have this name; `None` if it can.
pub(crate) fn tag_name_error(name: &str) -> Option<&'static str> {
    const { assert!(MAX_NAME_BYTES == 256, "the message below says 256") };
    match name {
        _ if is_blank(name) => Some("the name is empty"),
        // Truncated, it could equal the name of another tag.
        _ if name.len() > MAX_NAME_BYTES => Some("the name is over 256 bytes"),
        _ => None,
    }
}

/// Whether an environment variable can have this name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}
