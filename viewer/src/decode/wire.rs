//! The outer levels of protocol buffers.
//!
//! `prost` reads single spans. Their lists are walked here, one element at a time: a list of empty
//! elements takes two bytes each in a message, but hundreds in memory.

use super::DecodeError;
use prost::decode_length_delimiter;

/// A larger span is refused, so that what it takes in memory is bounded.
const LARGEST_MESSAGE: usize = 4 << 20;

/// The fields of a message that are messages or bytes; others are skipped.
pub(super) struct Messages<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    /// The number and the content.
    type Item = Result<(usize, &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            match self.field() {
                Ok(Some(found)) => return Some(Ok(found)),
                Ok(None) => {}
                Err(error) => {
                    self.0 = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl<'a> Messages<'a> {
    fn field(&mut self) -> Result<Option<(usize, &'a [u8])>, DecodeError> {
        let key = self.varint()?;
        let (number, wire_type) = (key >> 3, key & 7);
        match wire_type {
            0 => {
                self.varint()?;
            }
            1 => {
                self.take(8)?;
            }
            2 => {
                let len = self.varint()?;
                return Ok(Some((number, self.take(len)?)));
            }
            5 => {
                self.take(4)?;
            }
            _ => {
                let reason = format!("not a protocol buffer: wire type {wire_type}");
                return Err(DecodeError::new(reason));
            }
        }
        Ok(None)
    }

    fn varint(&mut self) -> Result<usize, DecodeError> {
        let error = |error| DecodeError::new(format!("not a protocol buffer: {error}"));
        decode_length_delimiter(&mut self.0).map_err(error)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let parts = self.0.split_at_checked(len);
        let (taken, rest) =
            parts.ok_or_else(|| DecodeError::new("not a protocol buffer: it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Decodes a message that is not a list of many.
pub(super) fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, String> {
    if bytes.len() > LARGEST_MESSAGE {
        return Err(format!("larger than {} MiB", LARGEST_MESSAGE >> 20));
    }
    M::decode(bytes).map_err(|error| error.to_string())
}
