//! The numbers: series found by a small key, counted by atomics.

mod bounds;
mod bounds_json;
mod generation;
mod key;
mod layout;
mod migrate;
mod series;
mod table;
mod totals;

pub use bounds::{Buckets, BucketsError};
pub(super) use generation::{Generation, Metric, Source};
pub(super) use key::{Key, NO_STATUS};
pub(super) use layout::{Numbers, Slot};
pub(super) use series::Series;
pub(super) use table::{Count, Counts, State, Store, StoreSettings, Table};
pub(super) use totals::Totals;
