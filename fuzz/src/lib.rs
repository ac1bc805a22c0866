//! The properties that the fuzz targets check.

pub mod model;
pub mod properties;
