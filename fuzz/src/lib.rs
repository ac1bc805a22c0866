//! The properties that the fuzz targets check.

pub mod config;
pub mod model;
pub mod properties;
