//! The standard tags: what is recorded of each request, response and end of an exchange.
//!
//! The layers add the tags of a request, and the exchange adds the tags of its response and its end.
//! Custom tags are in [`custom_tags`](super::custom_tags).

mod authority;
mod grpc;
mod read_headers;
mod request;
mod response;
mod tag_names;

pub(crate) use authority::authority;
pub(super) use authority::text;
pub(crate) use grpc::{
    GrpcCode, GrpcStatus, grpc_name, grpc_status, has_grpc_type, is_grpc_request,
};
pub(crate) use read_headers::READ_HEADERS;
#[cfg(feature = "metrics")]
pub(crate) use read_headers::{AT_CONTENT_LENGTH, AT_HOST, READ_COUNT};
#[cfg(feature = "access-log")]
pub(crate) use request::scheme;
pub(crate) use request::{RequestTagSettings, UrlLimits, protocol, request_length};
pub(crate) use response::{canceled, content_length, disconnected, failed, status};
pub(crate) use tag_names::TagConvention;
pub use tag_names::TagNames;
