//! `Ending`: the ways in which an exchange can end.

/// How an exchange ended. The table in
/// [Architecture](crate::guide::architecture#endings) lists when each happens, and how spans report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// The response is complete.
    Complete,
    /// The response's head upgraded the connection. What follows is not part of the exchange.
    Upgraded,
    /// The service, its future or the response's body returned an error.
    Failed,
    /// The service, its future or the response's body panicked.
    Panicked,
    /// The future was dropped before the response's head: at a server because the client hung up, at a
    /// client because the caller gave up.
    Canceled,
    /// The response's body was dropped before its end.
    BodyDropped,
}
