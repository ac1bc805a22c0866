//! Tags of spans: custom tags, and the standard tags of requests, responses and errors.
//!
//! Custom tags ([`Tag`]) are configured when the tracer is built, or [while it
//! runs](crate::Tracer::set_tags_for). All SERVER and CLIENT spans have them. The rules are Envoy's:
//!
//! | kind | value | header or variable absent | present but empty |
//! |---|---|---|---|
//! | literal | the text | – | – |
//! | environment | read when the tracer is built | default, or no tag | no tag |
//! | request header | the first value, when the span starts | default, or no tag | no tag |
//! | format | [text with operators](Tag::formatter), when the span starts | an empty part | an empty part |
//!
//! The name of a custom tag must have 1 to 256 bytes and must not be blank. `:authority`, `:method` and
//! `:path` are valid header names here.
//!
//! A CLIENT span reads a header from the outgoing request first, then from the request being served,
//! even if the SERVER span does not have the tag. If a tag is configured while the tracer runs, the
//! header is read from requests that arrive after that.
//!
//! [`TagNames`] lists the standard tags with their names in Envoy and OpenTelemetry.

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
pub(crate) use format::TagFormat;
#[cfg(feature = "config")]
pub(crate) use name::{is_variable_name, tag_name_error};
pub(crate) use source::TagSources;
pub use standard::TagNames;
#[cfg(any(feature = "access-log", feature = "metrics-config"))]
pub(crate) use standard::protocol;
#[cfg(feature = "metrics")]
pub(crate) use standard::{AT_CONTENT_LENGTH, AT_HOST, READ_COUNT};
pub(crate) use standard::{
    GrpcCode, GrpcStatus, READ_HEADERS, RequestTagSettings, TagConvention, UrlLimits, canceled,
    content_length, disconnected, failed, grpc_name, grpc_status, has_grpc_type, is_grpc_request,
    request_length, status,
};
#[cfg(feature = "access-log")]
pub(crate) use standard::{authority, scheme};
