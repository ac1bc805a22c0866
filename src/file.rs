//! Reading configuration files: only regular files of limited size.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// A longer file is an error.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// Reads a regular file. Opening a pipe would block, and `/dev/zero` never ends.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(invalid("not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() > MAX_BYTES {
        true => Err(invalid(format!("longer than {} MiB", MAX_BYTES >> 20))),
        false => Ok(bytes),
    }
}

/// Reads a regular file as UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| invalid("not UTF-8".to_owned()))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
