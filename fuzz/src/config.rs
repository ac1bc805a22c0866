//! Properties of any text that may be a configuration.

use std::hint::black_box;
use tower_b3::{
    Direction, Tracer,
    config::{Documents, TracingConfig, Workload},
};

/// Any bytes are either read or refused; a configuration that was read can be merged and used.
pub fn config(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let documents = match Documents::parse(text) {
        Ok(documents) => documents,
        Err(error) => {
            assert!(!error.reason().is_empty());
            let error = error.to_string();
            assert!(error.len() < 2000, "{error}");
            assert!(!error.contains(char::is_control), "{error:?}");
            return;
        }
    };
    let workload = Workload::new("shop").label("app", "webapp");
    for config in [documents.all(), documents.for_workload(&workload)]
        .into_iter()
        .flatten()
    {
        if !may_open_files(text) {
            use_all(&config);
        }
        // Merging with an empty configuration, or with itself, changes nothing.
        let nothing = TracingConfig::default;
        assert_eq!(config.clone().over(nothing()), config);
        assert_eq!(nothing().over(config.clone()), config);
        assert_eq!(config.clone().over(config.clone()), config);
    }
}

/// Whether a tracer with this configuration may write an access log to a file, whose path is any text.
fn may_open_files(text: &str) -> bool {
    let text = text.replace('_', "").to_lowercase();
    text.contains("accesslog")
}

pub fn use_all(config: &TracingConfig) {
    for direction in [Direction::Server, Direction::Client] {
        let sampling = config.sampling(direction);
        assert!((0.0..=100.0).contains(&sampling), "{sampling}");
        black_box((config.sampler(direction), config.mode(direction)));
        black_box((config.tags(direction), config.istio_tags(direction)));
    }
    black_box(config.collector().is_ok());
    // A configuration that was read can be used: its tags were validated when it was read.
    let built = Tracer::builder("webapp").config(config).build();
    assert!(built.is_ok(), "{:?}", built.err());
}
