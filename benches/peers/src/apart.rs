//! Pins requests to one core and reporters to another.

use core_affinity::{get_core_ids, set_for_current};

/// Builds something that starts reporter threads. If there are two cores, those threads are pinned
/// to the second and the calling thread to the first, so they never share a core.
pub fn build_apart<T>(build: impl FnOnce() -> T) -> T {
    let cores = get_core_ids().unwrap_or_default();
    let [first, second, ..] = cores[..] else {
        return build();
    };
    // A new thread inherits the affinity of its parent.
    set_for_current(second);
    let built = build();
    set_for_current(first);
    built
}
