/// Which requests a setting is for: those that are answered, or those that are sent.
///
/// Istio's Telemetry API makes the same difference (`match.mode`); a sidecar has a listener for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Requests that the service answers, and their SERVER spans.
    Server,
    /// Requests that it sends, their CLIENT spans, and traces that begin in the service itself.
    Client,
}

impl Direction {
    pub(crate) const BOTH: [Direction; 2] = [Direction::Server, Direction::Client];
}

/// One of something for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Directed<T> {
    pub(crate) server: T,
    pub(crate) client: T,
}

impl<T> Directed<T> {
    pub(crate) fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::Server => &self.server,
            Direction::Client => &self.client,
        }
    }

    pub(crate) fn map<U>(self, map: impl Fn(T) -> U) -> Directed<U> {
        Directed {
            server: map(self.server),
            client: map(self.client),
        }
    }

    pub(crate) fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Server => &mut self.server,
            Direction::Client => &mut self.client,
        }
    }
}

impl<T: Clone> Directed<T> {
    pub(crate) fn both(value: T) -> Directed<T> {
        Directed {
            server: value.clone(),
            client: value,
        }
    }
}
