//! `Attributes`: what expressions can ask of an exchange that has ended.

/// An exchange that has ended, as expressions see it.
pub(crate) trait Attributes {}
