//! What is computed from the spans of one trace, by Zipkin's rules: parts of a span are merged,
//! spans become a tree, the tree says how clocks differ and which services call each other.

mod links;
mod merge;
mod skew;
mod summary;
mod tree;
mod view;

pub use links::{Call, Links};
pub use merge::merge;
pub use summary::{ServiceCount, Summary};
pub use view::{Note, NoteKind, TraceView, ViewSpan};

pub(crate) use links::for_each_call;
