//! `HeaderTable`: finds all headers of interest in one pass over a request's headers.
//!
//! A lookup in a `HeaderMap` hashes the name, which costs as much as three or four headers in this
//! pass. The table is a hash table of its own: the hash is made of the length of a name and one of its
//! bytes, and a name is compared as packed words. The server layer and the client layer have one
//! table for each set of tags; what the values mean is in [`extract`](super::extract).

mod header_table;
mod header_values;
mod packed_name;

pub(crate) use header_table::{HeaderTable, KnownHeader};
pub(crate) use header_values::{HeaderSlot, HeaderValues};
