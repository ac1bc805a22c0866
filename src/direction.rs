//! Which requests a setting applies to, and who makes their spans: plain values that the tracer and
//! the configuration share.

/// Which requests a setting applies to: those that the service answers, or those that it sends.
///
/// Istio's Telemetry API makes the same distinction (`match.mode`): a sidecar has a listener for
/// each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Requests that the service answers, and their SERVER spans.
    Server,
    /// Requests that the service sends, their CLIENT spans, and traces that begin in the service
    /// itself.
    Client,
}

impl Direction {
    pub(crate) const BOTH: [Direction; 2] = [Direction::Server, Direction::Client];
}

/// Who makes the spans of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The layers.
    #[default]
    Spans,
    /// A sidecar next to the service. The layers only copy the tracing headers from the request
    /// being served to every request made for it: byte for byte, all values in their order,
    /// malformed ones included. Nothing is generated or replaced.
    ///
    /// For one [direction](crate::TracerBuilder::mode_for) this is Istio's `disableSpanReporting`.
    /// Requests sent below a SERVER span then carry that span's context. Requests sent outside of
    /// any span are left alone.
    ForwardOnly,
    /// The layers, but the tracing headers are forwarded as they came instead of carrying the
    /// spans' own contexts: Istio's `disableContextPropagation`.
    ///
    /// Requests sent below a SERVER span carry what its request carried. Requests with a CLIENT span
    /// carry what they would carry without it. A missing `x-request-id` is still generated.
    RecordOnly,
}

/// One value for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PerDirection<T> {
    pub(crate) server: T,
    pub(crate) client: T,
}

impl<T> PerDirection<T> {
    pub(crate) fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::Server => &self.server,
            Direction::Client => &self.client,
        }
    }

    pub(crate) fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Server => &mut self.server,
            Direction::Client => &mut self.client,
        }
    }

    pub(crate) fn map<U>(self, map: impl Fn(T) -> U) -> PerDirection<U> {
        PerDirection {
            server: map(self.server),
            client: map(self.client),
        }
    }
}

impl<T: Clone> PerDirection<T> {
    pub(crate) fn both(value: T) -> PerDirection<T> {
        PerDirection {
            server: value.clone(),
            client: value,
        }
    }
}
