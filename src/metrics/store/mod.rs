//! The store of series: found by a small key, counted by atomics.

mod bounds;
mod generation;
mod key;
mod layout;
#[cfg(feature = "metrics-config")]
mod migrate;
mod series;
mod stripes;
mod table;
mod totals;

pub use bounds::{Buckets, BucketsError};
pub(super) use generation::{Generation, Metric, Source};
pub(super) use key::{INVALID_STATUS, Key, NO_STATUS, PackedKey, Parts};
pub(super) use layout::{Numbers, Slot};
#[cfg(feature = "metrics-config")]
pub(super) use migrate::StoreChanges;
pub(super) use series::Series;
pub(super) use table::{Count, Counts, State, Store, StoreSettings, Table};
pub(super) use totals::Totals;
