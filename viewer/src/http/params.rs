//! The parameters of a query.

use crate::store::{QueryError, TraceQuery, Window, parse_annotation_query};
use std::{borrow::Cow, str::FromStr};

/// The parameters of a URL. The first value of a name counts.
pub(super) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    pub(super) fn new(query: Option<&'a str>) -> Params<'a> {
        let query = query.unwrap_or_default().as_bytes();
        Params(form_urlencoded::parse(query).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| &**value)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, QueryError> {
        self.get(name)
            .ok_or_else(|| QueryError(format!("The parameter {name} is missing.")))
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, QueryError> {
        // As in Zipkin, an empty value is none, except where there is a default.
        let text = self.get(name);
        let Some(text) = text.filter(|text| !text.is_empty() || name == "limit") else {
            return Ok(None);
        };
        let error = |_| QueryError(format!("{name} is {text:?}; it must be a whole number."));
        text.parse().map(Some).map_err(error)
    }

    /// The period of Zipkin's API.
    pub(super) fn window(&self) -> Result<Window, QueryError> {
        Window::new(self.number("endTs")?, self.number("lookback")?)
    }

    /// The period of the page's API.
    pub(super) fn open_window(&self) -> Result<Window, QueryError> {
        Window::open(self.number("endTs")?, self.number("lookback")?)
    }

    /// The search of Zipkin's API in this period.
    pub(super) fn trace_query(
        &self,
        window: Window,
        default_limit: usize,
    ) -> Result<TraceQuery, QueryError> {
        let name = |name: &str| {
            let text = self.get(name).map(str::to_lowercase);
            text.filter(|text| !text.is_empty())
        };
        let limit: Option<i32> = self.number("limit")?;
        let limit = match limit {
            None => default_limit,
            Some(limit) if limit > 0 => limit as usize,
            Some(_) => return Err(QueryError("limit <= 0".to_owned())),
        };
        let query = TraceQuery {
            service_name: name("serviceName"),
            remote_service_name: name("remoteServiceName"),
            span_name: name("spanName").filter(|name| name != "all"),
            annotation_query: parse_annotation_query(self.get("annotationQuery").unwrap_or("")),
            min_duration: self.number("minDuration")?,
            max_duration: self.number("maxDuration")?,
            limit,
            errors_only: self.get("errorsOnly") == Some("true"),
            ..TraceQuery::all(window)
        };
        query.check()?;
        Ok(query)
    }
}
