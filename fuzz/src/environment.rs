//! Properties of any environment.

use crate::config::use_all;
use std::collections::HashMap;
use tower_b3::{config::TracingConfig, istio::Identity};

/// `NAME=value` lines.
pub fn environment(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else {
        return;
    };
    let pairs = input.split('\n').filter_map(|line| line.split_once('='));
    let variables: HashMap<&str, &str> = pairs.collect();
    let variable = |name: &str| variables.get(name).map(|&value| value.to_owned());

    let identity = Identity::from_vars(variable);
    let name = identity.service_name();
    assert!(!name.is_empty());
    match TracingConfig::from_vars(variable) {
        Ok(config) => {
            use_all(&config);
            assert_eq!(TracingConfig::from_vars(variable), Ok(config));
        }
        Err(error) => {
            assert!(!error.reason().is_empty());
            // The error names the variable.
            assert!(
                variables
                    .keys()
                    .any(|name| error.to_string().contains(name)),
                "{error}"
            );
        }
    }
}
