//! One request and its response, on the server's or the client's side: the response future, the
//! response body, and how the exchange ends.
//!
//! The server and client layers make an [`Exchange`] with a started span in it. The span has one owner
//! at a time: the exchange in the future, the thread's slot during a poll, then the exchange in the
//! body. So it is finished exactly once, by its last owner. The ways in which an exchange can end are
//! the variants of `Ending`, and `Exchange::close` is the one place where an exchange ends: its span, and
//! what observers are told.

mod body;
mod end;
mod future;
mod lifecycle;
mod panic_watch;
mod response_head;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub(crate) use lifecycle::Exchange;
