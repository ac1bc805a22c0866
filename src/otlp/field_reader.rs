/// Iterates over the fields of a protocol buffers message, up to the first that is malformed.
pub(super) struct FieldReader<'a>(pub(super) &'a [u8]);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    /// Text, bytes, or a message.
    Bytes(&'a [u8]),
    /// A value of 4 or 8 bytes; none of the fields that are read has one.
    Fixed,
}

impl<'a> Iterator for FieldReader<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(usize::try_from(len).ok()?)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> FieldReader<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_up_to_the_first_malformed_field() {
        let message = [0x08, 0xac, 2, 0x12, 2, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x21];
        let message = [&message[..], &[0; 8], &[0x2a, 3, b'x']].concat();
        let fields: Vec<_> = FieldReader(&message).collect();
        assert_eq!(
            fields,
            [
                (1, Value::Number(300)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Fixed),
                (4, Value::Fixed),
            ]
        );
        for malformed in [&[0x80][..], &[0x08], &[0x0f], &[0x80; 11], &[0x0a, 0xff]] {
            assert_eq!(FieldReader(malformed).next(), None, "{malformed:?}");
        }
    }
}
