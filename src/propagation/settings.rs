//! `Propagation`: the settings that decide which headers are read, written and forwarded.
//!
//! Its methods are in five files: reading in [`extract`](super::extract), writing in
//! [`inject`](super::inject), both for carriers that are not HTTP headers in
//! [`messages`](super::messages), copying headers without spans in [`forwarding`](super::forwarding),
//! and the builder here.

use super::{
    format::Format,
    forward_error::{ForwardError, parse_forwardable_name, parse_name},
    names::OPAQUE,
    table::HeaderTable,
};
use http::HeaderName;

/// The settings of propagation, and the functions that read and write headers with them.
///
/// | setting | default |
/// |---|---|
/// | [formats](Self::formats) written | [`Format::B3Multi`] |
/// | [formats](Self::message_formats) written to messages | [`Format::B3Single`] |
/// | formats read | all; `traceparent` unless [disabled](Self::w3c) |
/// | [debug](Self::debug_by_flags_alone) written as | `x-b3-flags: 1` and `x-b3-sampled: 1` |
/// | [forwarded](Self::forward) unchanged | `x-ot-span-context`, `x-cloud-trace-context`, `grpc-trace-bin`, `x-datadog-trace-id`, `x-datadog-parent-id`, `x-datadog-sampling-priority`, `sw8`, `x-amzn-trace-id`, `x-client-trace-id`, `tracestate` |
#[derive(Debug, Clone)]
pub struct Propagation {
    pub(super) formats: Formats,
    pub(super) message_formats: Formats,
    pub(super) read_w3c: bool,
    pub(super) debug_by_flags_alone: bool,
    /// The opaque headers, and whether each is forwarded.
    opaque: Vec<(HeaderName, bool)>,
    /// Made of `opaque`.
    pub(super) table: HeaderTable,
}

/// The formats that are written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Formats {
    pub(super) multi: bool,
    pub(super) single: bool,
    pub(super) w3c: bool,
}

impl Formats {
    fn of(formats: impl IntoIterator<Item = Format>) -> Formats {
        let mut written = Formats::default();
        for format in formats {
            match format {
                Format::B3Multi => written.multi = true,
                Format::B3Single => written.single = true,
                Format::W3c => written.w3c = true,
            }
        }
        written
    }
}

impl Default for Propagation {
    fn default() -> Self {
        let opaque: Vec<(HeaderName, bool)> = OPAQUE
            .into_iter()
            .map(|name| (HeaderName::from_static(name), true))
            .collect();
        Propagation {
            formats: Formats::of([Format::B3Multi]),
            message_formats: Formats::of([Format::B3Single]),
            read_w3c: true,
            debug_by_flags_alone: false,
            table: HeaderTable::new(&opaque, &[]),
            opaque,
        }
    }
}

impl Propagation {
    /// Sets the formats that are written. The headers of a B3 format that is not written are removed from
    /// outgoing requests.
    ///
    /// Without any format, nothing is written and all B3 headers are removed.
    #[must_use]
    pub fn formats(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        self.formats = Formats::of(formats);
        self
    }

    /// Sets the formats that [`inject_into`](Self::inject_into) writes to messages, in the same way. The
    /// default is [`Format::B3Single`], as in Brave: one short header, which all implementations of B3
    /// read.
    #[must_use]
    pub fn message_formats(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        self.message_formats = Formats::of(formats);
        self
    }

    /// Sets whether `traceparent` is read, and written for traces that were joined by it. If not,
    /// `traceparent` and `tracestate` are opaque headers, which are forwarded unchanged.
    ///
    /// The default is `true`. This does not affect writing [`Format::W3c`].
    #[must_use]
    pub fn w3c(mut self, enabled: bool) -> Self {
        self.read_w3c = enabled;
        self
    }

    /// Sets whether debug is written as `x-b3-flags: 1` alone, as the B3 specification requires.
    ///
    /// By default, `x-b3-sampled: 1` is written too, because Envoy reads only that header. With the
    /// flag alone, the first sidecar would drop the trace.
    #[must_use]
    pub fn debug_by_flags_alone(mut self, enabled: bool) -> Self {
        self.debug_by_flags_alone = enabled;
        self
    }

    /// Forwards these headers unchanged, in addition: for example, `end-user` or `jwt`.
    ///
    /// They are not forwarded from requests that are not [trusted](crate::Trust), or to hosts outside
    /// [`propagate_only_to`](crate::ClientLayer::propagate_only_to). Unlike tracing headers, they are
    /// never removed from a request: the handler sees them, and can set them on outgoing requests.
    ///
    /// The headers that this crate writes (`x-b3-*`, `b3`, `traceparent`, `x-request-id`) are never
    /// forwarded unchanged, even if they are listed.
    ///
    /// ```
    /// use http::header::AUTHORIZATION;
    /// use tower_b3::propagation::Propagation;
    ///
    /// let propagation = Propagation::default()
    ///     .forward(["end-user", "jwt"])?
    ///     .forward([AUTHORIZATION])?;
    ///
    /// let error = Propagation::default().forward(["content-length"]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "forwarded header \"content-length\": describes the content of one message",
    /// );
    /// # Ok::<(), tower_b3::propagation::ForwardError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name is not a valid header name, or the header belongs to one connection or describes one
    /// message: the hop-by-hop headers of RFC 9110 (`connection`, `te`, `transfer-encoding`, `upgrade`,
    /// …), `host`, `expect` and `content-*`.
    pub fn forward<N: AsRef<str>>(
        self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Self, ForwardError> {
        let names = names
            .into_iter()
            .map(|name| parse_forwardable_name(name.as_ref()));
        let names: Vec<HeaderName> = names.collect::<Result<_, _>>()?;
        Ok(self.with_forwarded(names, true))
    }

    /// Does not forward these headers, in any [mode](crate::Mode).
    ///
    /// At the edge, opaque tracing headers among them are still removed from requests. The headers that
    /// this crate writes are not affected.
    ///
    /// ```
    /// use tower_b3::propagation::Propagation;
    ///
    /// let propagation = Propagation::default().do_not_forward(["sw8", "x-amzn-trace-id"])?;
    /// # Ok::<(), tower_b3::propagation::ForwardError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name is not a valid header name.
    pub fn do_not_forward<N: AsRef<str>>(
        self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Self, ForwardError> {
        let names = names.into_iter().map(|name| parse_name(name.as_ref()));
        let names: Vec<HeaderName> = names.collect::<Result<_, _>>()?;
        Ok(self.with_forwarded(names, false))
    }

    /// Sets whether these headers are forwarded.
    pub(crate) fn with_forwarded(
        mut self,
        names: impl IntoIterator<Item = HeaderName>,
        forward: bool,
    ) -> Self {
        for name in names {
            self.opaque.retain(|(opaque, _)| *opaque != name);
            self.opaque.push((name, forward));
        }
        self.table = HeaderTable::new(&self.opaque, &[]);
        self
    }

    /// The headers that are copied unchanged where no spans are made.
    #[cfg(feature = "config")]
    pub(crate) fn forwarded_names(&self) -> impl Iterator<Item = &str> {
        self.table.captured_names()
    }

    /// A table that also reads these headers.
    pub(crate) fn table_with(&self, additional: &[HeaderName]) -> HeaderTable {
        HeaderTable::new(&self.opaque, additional)
    }
}
