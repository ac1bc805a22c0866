//! The coolstore, a small shop whose services are traced by `tower-b3`.
//!
//! - [`catalog`] knows the items, and can be told to be slow or to fail.
//! - [`webapp`] is what customers call; it asks the catalog for everything.
//!
//! [`traced`] puts the server layer around a service's routes; [`server`] and [`logging`] are what
//! every process of the shop needs. The program `coolstore` runs both services in one process, with
//! `tower-b3-viewer` as the collector and the page of their traces. The package `coolstore-services`
//! has `webapp` and `catalog` as programs of their own.

pub mod catalog;
pub mod logging;
pub mod server;
pub mod traced;
pub mod webapp;
