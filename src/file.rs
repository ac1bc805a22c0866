//! Files that configure the service: small regular files; anything else is an error.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// The longest file that is read.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// Reads a regular file. Opening a pipe would block, and `/dev/zero` never ends.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(invalid("not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MOST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() > MOST_BYTES {
        true => Err(invalid(format!("longer than {} MiB", MOST_BYTES >> 20))),
        false => Ok(bytes),
    }
}

/// As [`read`], for text.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|_| invalid("not UTF-8".to_owned()))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
