//! The page in a real browser: Chromium, driven over WebDriver.
//!
//! Skipped unless `TOWER_B3_BROWSER=1`. To run them:
//!
//! ```sh
//! set -a; source <(viewer/tests/browser/install.sh); TOWER_B3_BROWSER=1
//! cargo test -p tower-b3-viewer --test browser
//! ```

mod accessibility;
mod compare;
mod figures;
mod files;
mod harness;
mod hostile;
mod keyboard;
mod large;
mod late;
mod live;
mod map;
mod mounted;
mod narrow;
mod screenshots;
mod search;
mod shop;
mod spans;
mod trace;
mod trace_state;
