//! The properties that the fuzz targets check.

pub mod access_log_format;
pub mod baggage;
pub mod config;
pub mod environment;
pub mod forwarded_for;
pub mod http_answer;
pub mod labels;
pub mod metrics_config;
pub mod model;
pub mod otlp_answer;
pub mod peer_metadata;
pub mod properties;
pub mod serving;
pub mod tag_format;
pub mod url;
pub mod viewer;
