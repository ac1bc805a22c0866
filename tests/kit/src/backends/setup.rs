//! Whether the real servers are used, where they are installed, and where they write.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

const SWITCH: &str = "TOWER_B3_REAL_SERVERS";
const INSTALL: &str = "set -a; source <(tests/backends/install.sh brave jaeger kafka prometheus)";

/// An empty directory for the output of a test's servers, below the package's
/// `CARGO_TARGET_TMPDIR`. `None` if the real servers are switched off; then it prints how to switch
/// them on.
pub fn test_dir(tmp: &str, test: &str) -> Option<PathBuf> {
    if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
        // `eprintln!` would be captured by the test harness, since the test passes.
        let line = format!("{test}: skipped; to run it, `{INSTALL}` and set {SWITCH}=1\n");
        let _ = io::stderr().write_all(line.as_bytes());
        return None;
    }
    let dir = Path::new(tmp).join("real-servers").join(test);
    if dir.exists() {
        fs::remove_dir_all(&dir).expect("the output of the last run is removed");
    }
    fs::create_dir_all(&dir).expect("a directory for the output");
    Some(dir)
}

/// The file named by this environment variable, which `install.sh` prints.
pub(super) fn installed_file(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_file())
        .unwrap_or_else(|| panic!("{variable} names no file: `{INSTALL}` sets it"))
}

/// The directory named by this environment variable, which `install.sh` prints.
pub(super) fn installed_dir(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_dir())
        .unwrap_or_else(|| panic!("{variable} names no directory: `{INSTALL}` sets it"))
}

/// Calls `probe` until it succeeds. After `timeout` it panics with the probe's last error.
pub async fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(error) if Instant::now() >= deadline => {
                panic!("{what}: not within {timeout:?}; the last error: {error}")
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}
