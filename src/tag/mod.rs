//! What of a request, a response or an error becomes the name and the tags of a span.
//!
//! Custom tags ([`Tag`]) are set when the tracer is built, or [while it
//! runs](crate::Tracer::set_tags_for), and go on all SERVER and CLIENT spans. Their rules are Envoy's:
//!
//! | kind | value | header or variable absent | present but empty |
//! |---|---|---|---|
//! | literal | the text | – | – |
//! | environment | read when the tracer is built | default, or no tag | no tag |
//! | request header | the first value, when the span starts | default, or no tag | no tag |
//! | format | [text and operators](Tag::formatter), when the span starts | an empty part | an empty part |
//!
//! The name of a custom tag has 1 to 256 bytes, not all of them white space; another name is an error.
//!
//! On a CLIENT span a header is looked for on the outgoing request first, then on the request
//! being served, whatever the tags of its SERVER span: a tag that is put in place at run time finds it
//! on requests that come in from then on. `:authority`, `:method` and `:path` are allowed as names of headers.

mod custom;
mod format;
mod standard;

pub(crate) use custom::{CustomTags, TagSources};
#[cfg(feature = "config")]
pub(crate) use custom::{Place, is_variable, name_flaw};
pub use custom::{Tag, TagError};
#[cfg(feature = "config")]
pub(crate) use format::Format;
pub use standard::TagNames;
pub(crate) use standard::{
    GrpcStatus, Limits, Names, READ_HEADERS, RequestTags, canceled, content_length, disconnected,
    failed, grpc_name, grpc_status, is_grpc, is_grpc_request, status,
};
