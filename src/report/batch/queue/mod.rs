//! The bounded queue between the requests' threads and the reporter's thread.

mod shard;
mod sharded;
#[cfg(test)]
mod tests;

pub(super) use shard::PushOutcome;
pub(super) use sharded::Queue;
