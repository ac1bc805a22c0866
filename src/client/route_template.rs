//! `RouteTemplate`: how the caller tells the client layer the route of a request.

use std::borrow::Cow;

/// The template of an outgoing request's path, for the name of its CLIENT span: insert it into the
/// request's extensions. Without it, the method alone is the name.
///
/// ```
/// use tower_b3::RouteTemplate;
///
/// let mut request = http::Request::get("http://catalog/items/7").body(()).unwrap();
/// request.extensions_mut().insert(RouteTemplate::new("/items/{id}"));
/// // The span is named `GET /items/{id}`.
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTemplate(Cow<'static, str>);

impl RouteTemplate {
    /// Creates a template, such as `/items/{id}`.
    pub fn new(template: impl Into<Cow<'static, str>>) -> RouteTemplate {
        RouteTemplate(template.into())
    }

    /// Returns the template.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
