use crate::span::Context;
use axum::{extract::FromRequestParts, http::request::Parts};
use std::convert::Infallible;

/// The current context, or the one in the request's extensions; the default one, which joins
/// nothing, where there is no server layer.
impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let current = Context::current();
        Ok(current
            .or_else(|| parts.extensions.get::<Context>().cloned())
            .unwrap_or_default())
    }
}
