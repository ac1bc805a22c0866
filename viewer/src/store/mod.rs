//! The traces in memory, and questions to them.

mod live;
mod map;
mod names;
mod query;
mod store;
mod stored;
mod tags;

pub use query::{QueryError, TraceQuery, Window};

pub(crate) use query::parse_annotation_query;
pub use store::{Limits, Store, StoreStats};

pub(crate) use stored::StoredTrace;
