//! `BodyFraming`: how HTTP/1.1 frames a body.

/// Determines how many bytes HTTP/1.1 writes around a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BodyFraming {
    /// The announced size of the body; `None` if there was none.
    pub(crate) announced: Option<u64>,
    /// The bytes of the lines around its frames, as if each is sent as a chunk.
    pub(crate) chunk_lines: u64,
}

/// The bytes of the lines around a frame that is sent as a chunk: its size in hexadecimal digits, and two
/// line breaks. An empty frame is not sent.
pub(crate) fn chunk_lines(size: u64) -> u64 {
    match size.checked_ilog2() {
        Some(bits) => u64::from(bits / 4) + 1 + 4,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_its_size_in_hexadecimal() {
        for size in [1, 15, 16, 255, 256, 65_535, 65_536, u64::MAX] {
            assert_eq!(chunk_lines(size), format!("{size:x}\r\n\r\n").len() as u64);
        }
        assert_eq!(chunk_lines(0), 0);
    }
}
