//! The traces in memory, and questions to them.

mod live;
mod map;
mod memory;
mod names;
mod query;
mod stored;
mod tags;

pub use query::{QueryError, TraceQuery, Window};

pub use memory::{Limits, Store, StoreStats};
pub(crate) use query::parse_annotation_query;

pub(crate) use stored::StoredTrace;
