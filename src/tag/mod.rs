//! Tags: what of a request, a response or an error becomes the name and the tags of a span.
//!
//! Custom tags ([`Tag`]) are set when the tracer is built, or [while it
//! runs](crate::Tracer::set_tags_for), and go on all SERVER and CLIENT spans. The rules are Envoy's:
//!
//! | kind | value | header or variable absent | present but empty |
//! |---|---|---|---|
//! | literal | the text | – | – |
//! | environment | read when the tracer is built | default, or no tag | no tag |
//! | request header | the first value, when the span starts | default, or no tag | no tag |
//! | format | [text and operators](Tag::formatter), when the span starts | an empty part | an empty part |
//!
//! The name of a custom tag must have 1 to 256 bytes and must not be white space alone.
//! `:authority`, `:method` and `:path` are allowed as names of headers.
//!
//! A CLIENT span looks for a header on the outgoing request first, then on the request being served,
//! whether or not its SERVER span has the same tag. A tag that is set at run time finds the header on
//! requests that come in from then on.
//!
//! The standard tags, and their names with Envoy and OpenTelemetry, are listed at [`TagNames`].

mod custom_tag;
mod custom_tags;
mod error;
mod fallback_values;
mod field;
mod format;
mod name;
mod source;
mod standard;

pub use custom_tag::Tag;
pub(crate) use custom_tags::CustomTags;
pub use error::TagError;
pub(crate) use fallback_values::FallbackValues;
#[cfg(feature = "config")]
pub(crate) use field::RequestField;
#[cfg(feature = "config")]
pub(crate) use format::Format;
#[cfg(feature = "config")]
pub(crate) use name::{is_variable_name, tag_name_error};
pub(crate) use source::TagSources;
pub use standard::TagNames;
pub(crate) use standard::{
    GrpcStatus, Limits, Names, READ_HEADERS, RequestTags, canceled, content_length, disconnected,
    failed, grpc_name, grpc_status, is_grpc, is_grpc_request, request_length, status,
};
