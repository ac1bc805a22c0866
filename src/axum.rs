//! Support for axum, of the feature `axum`: the current context as an extractor.
//!
//! The server layer itself reads axum's matched path and `ConnectInfo`.

use crate::span::RequestContext;
use axum::{extract::FromRequestParts, http::request::Parts};
use std::convert::Infallible;

/// Extracts the current context, or else the one in the request's extensions. Without a server
/// layer, the default one, which joins no trace.
///
/// For axum 0.8: support for another major version of axum comes with a new major version of this
/// crate (below 1.0, a new minor one).
impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let current = RequestContext::current();
        Ok(current
            .or_else(|| parts.extensions.get::<RequestContext>().cloned())
            .unwrap_or_default())
    }
}
