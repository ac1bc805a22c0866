//! The tasks of Istio's tracing guides, with webapp and catalog in place of sidecars: configured by
//! Istio's documents (`documents/`, where only addresses are changed), and checked in a real Zipkin
//! and a real Jaeger.
//!
//! Skipped unless `TOWER_B3_REAL_SERVERS=1`. To run them:
//!
//! ```sh
//! set -a; source <(tests/backends/install.sh jaeger); TOWER_B3_REAL_SERVERS=1
//! cargo test -p coolstore-services --test scenes
//! ```

mod collector;
mod document;
mod shop;
mod stage;
mod trace;

mod scene_1_set_a_backend;
mod scene_2_look_at_the_headers;
mod scene_3_propagate;
mod scene_4_find_the_trace;
mod scene_5_sample_ten_percent;
mod scene_6_force_a_trace;
mod scene_7_custom_tags;
mod scene_8_change_the_path;
mod scene_9_other_backends;
