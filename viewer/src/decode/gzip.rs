use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// What became of a compressed body.
pub(crate) enum Inflated {
    Complete(Vec<u8>),
    TooLarge,
    Broken(io::Error),
}

/// Whether a file is compressed: by its first bytes.
pub(crate) fn is_gzip(file: &[u8]) -> bool {
    file.starts_with(&[0x1f, 0x8b])
}

/// Inflates at most `most` bytes.
pub(crate) fn gunzip(compressed: &[u8], most: usize) -> Inflated {
    let mut inflated = Vec::new();
    let room = most as u64 + 1;
    match MultiGzDecoder::new(compressed)
        .take(room)
        .read_to_end(&mut inflated)
    {
        Ok(_) if inflated.len() > most => Inflated::TooLarge,
        Ok(_) => Inflated::Complete(inflated),
        Err(error) => Inflated::Broken(error),
    }
}
