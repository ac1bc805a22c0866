//! Requests on one core, reporters on another.

use core_affinity::{get_core_ids, set_for_current};

/// Builds something that starts reporters' threads, and stays on the first core while they are on
/// the second, where there are two: requests and reporters then never share one.
pub fn build_apart<T>(build: impl FnOnce() -> T) -> T {
    let cores = get_core_ids().unwrap_or_default();
    let [first, second, ..] = cores[..] else {
        return build();
    };
    // Threads start where the one that starts them is.
    set_for_current(second);
    let built = build();
    set_for_current(first);
    built
}
