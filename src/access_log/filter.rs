//! Which exchanges have a line.

#[cfg(all(feature = "config", feature = "metrics-config"))]
use super::capture::{Captured, Captures, Field, Part, Slot};
use crate::observe::EndedExchange;
#[cfg(all(feature = "config", feature = "metrics-config"))]
use http::HeaderName;
use std::sync::Arc;

type Function = dyn Fn(&EndedExchange<'_>) -> bool + Send + Sync;

/// Chooses the exchanges that have a line.
#[derive(Clone)]
pub(crate) enum Filter {
    /// By what the layers know.
    Function(Arc<Function>),
    /// By the heads of the request and the response, too.
    #[cfg(all(feature = "config", feature = "metrics-config"))]
    Heads(Arc<dyn HeadFilter>),
}

/// A filter that reads the heads of a request and its response.
#[cfg(all(feature = "config", feature = "metrics-config"))]
pub(crate) trait HeadFilter: Send + Sync {
    /// The headers that it reads of a request.
    fn request_headers(&self) -> Vec<HeaderName>;
    /// The headers and trailers that it reads of a response.
    fn response_headers(&self) -> Vec<HeaderName>;
    fn keeps(&self, exchange: &EndedExchange<'_>, heads: &Heads<'_>) -> bool;
}

/// What a filter can read of the heads.
#[cfg(all(feature = "config", feature = "metrics-config"))]
pub(crate) struct Heads<'a> {
    slots: &'a HeadSlots,
    captured: &'a Captured,
}

/// Where the captured values are.
#[cfg(all(feature = "config", feature = "metrics-config"))]
pub(super) struct HeadSlots {
    path: Slot,
    authority: Slot,
    scheme: Slot,
    headers: Vec<(Part, HeaderName, Slot)>,
}

#[cfg(all(feature = "config", feature = "metrics-config"))]
impl HeadSlots {
    fn new(filter: &dyn HeadFilter, captures: &mut Captures) -> HeadSlots {
        let mut headers = Vec::new();
        let mut add = |part, names: Vec<HeaderName>| {
            for name in names {
                let field = Field::AllValues(name.clone());
                headers.push((part, name, captures.slot(part, vec![field])));
            }
        };
        add(Part::Request, filter.request_headers());
        add(Part::Response, filter.response_headers());
        add(Part::Trailers, filter.response_headers());
        let mut of_request = |field| captures.slot(Part::Request, vec![field]);
        HeadSlots {
            path: of_request(Field::Path),
            authority: of_request(Field::Authority),
            scheme: of_request(Field::Scheme),
            headers,
        }
    }
}

#[cfg(all(feature = "config", feature = "metrics-config"))]
impl Heads<'_> {
    fn text(&self, slot: Slot) -> Option<&str> {
        std::str::from_utf8(self.captured.get(slot)?).ok()
    }

    fn header(&self, part: Part, name: &HeaderName) -> Option<&str> {
        let mut headers = self.slots.headers.iter();
        let (.., slot) = headers.find(|(of, other, _)| *of == part && other == name)?;
        self.text(*slot)
    }

    /// With the query.
    pub(crate) fn path(&self) -> Option<&str> {
        self.text(self.slots.path)
    }

    pub(crate) fn authority(&self) -> Option<&str> {
        self.text(self.slots.authority)
    }

    pub(crate) fn scheme(&self) -> Option<&str> {
        self.text(self.slots.scheme)
    }

    pub(crate) fn request_header(&self, name: &HeaderName) -> Option<&str> {
        self.header(Part::Request, name)
    }

    pub(crate) fn response_header(&self, name: &HeaderName) -> Option<&str> {
        self.header(Part::Response, name)
    }

    pub(crate) fn response_trailer(&self, name: &HeaderName) -> Option<&str> {
        self.header(Part::Trailers, name)
    }
}

/// A filter of a line, with the places of what it reads.
pub(super) struct PlannedFilter {
    filter: Filter,
    #[cfg(all(feature = "config", feature = "metrics-config"))]
    slots: Option<HeadSlots>,
}

impl PlannedFilter {
    #[cfg(all(feature = "config", feature = "metrics-config"))]
    pub(super) fn new(filter: &Filter, captures: &mut Captures) -> PlannedFilter {
        let slots = match filter {
            Filter::Function(_) => None,
            Filter::Heads(filter) => Some(HeadSlots::new(&**filter, captures)),
        };
        PlannedFilter {
            filter: filter.clone(),
            slots,
        }
    }

    #[cfg(not(all(feature = "config", feature = "metrics-config")))]
    pub(super) fn new(filter: &Filter, _: &mut super::capture::Captures) -> PlannedFilter {
        PlannedFilter {
            filter: filter.clone(),
        }
    }

    pub(super) fn keeps(
        &self,
        exchange: &EndedExchange<'_>,
        captured: &super::capture::Captured,
    ) -> bool {
        #[cfg(not(all(feature = "config", feature = "metrics-config")))]
        let _ = captured;
        match &self.filter {
            Filter::Function(keeps) => keeps(exchange),
            #[cfg(all(feature = "config", feature = "metrics-config"))]
            Filter::Heads(filter) => self
                .slots
                .as_ref()
                .is_some_and(|slots| filter.keeps(exchange, &Heads { slots, captured })),
        }
    }
}
