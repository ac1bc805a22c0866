//! The wire format of `google.protobuf.Struct`, as far as peer metadata needs it: maps of strings and
//! maps. Values of other kinds are skipped.

use std::collections::BTreeMap;

/// A value of a `Struct`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Struct(BTreeMap<String, Value>),
    /// A number, a bool, a list or null.
    Other,
}

/// The bytes are not a `Struct`, or one that is nested too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// `LABELS` is one level below the metadata, and older proxies send one level more.
const MAX_DEPTH: usize = 4;
/// The group types of protocol buffers are not supported, as in proto3.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

/// `Struct.fields` and the key of its entries.
const FIELDS: u64 = 1;
const ENTRY_KEY: u64 = 1;
const ENTRY_VALUE: u64 = 2;
const STRING_VALUE: u64 = 3;
const STRUCT_VALUE: u64 = 5;
const LIST_VALUE: u64 = 6;
/// The list of a `ListValue`.
const VALUES: u64 = 1;

/// Appends a `Struct`, its keys sorted.
pub(super) fn write_struct(to: &mut Vec<u8>, fields: &BTreeMap<String, Value>) {
    for (key, value) in fields {
        let mut entry = Vec::new();
        write_bytes(&mut entry, ENTRY_KEY, key.as_bytes());
        let mut inner = Vec::new();
        match value {
            Value::Text(text) => write_bytes(&mut inner, STRING_VALUE, text.as_bytes()),
            Value::Struct(fields) => {
                let mut nested = Vec::new();
                write_struct(&mut nested, fields);
                write_bytes(&mut inner, STRUCT_VALUE, &nested);
            }
            Value::Other => continue,
        }
        write_bytes(&mut entry, ENTRY_VALUE, &inner);
        write_bytes(to, FIELDS, &entry);
    }
}

fn write_bytes(to: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    write_varint(to, field << 3 | LENGTH);
    write_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

fn write_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Reads a `Struct`. The last entry of a key applies.
pub(super) fn read_struct(bytes: &[u8]) -> Result<BTreeMap<String, Value>, Malformed> {
    let mut fields = BTreeMap::new();
    merge_struct(bytes, &mut fields, MAX_DEPTH)?;
    Ok(fields)
}

fn merge_struct(
    bytes: &[u8],
    fields: &mut BTreeMap<String, Value>,
    depth: usize,
) -> Result<(), Malformed> {
    let mut reader = Reader(bytes);
    while let Some((field, value)) = reader.field()? {
        let (FIELDS, Field::Bytes(entry)) = (field, value) else {
            continue;
        };
        let (mut key, mut value) = (String::new(), Value::Other);
        let mut entry = Reader(entry);
        while let Some((field, part)) = entry.field()? {
            match (field, part) {
                (ENTRY_KEY, Field::Bytes(bytes)) => key = text(bytes)?,
                (ENTRY_VALUE, Field::Bytes(bytes)) => merge_value(bytes, &mut value, depth)?,
                _ => {}
            }
        }
        fields.insert(key, value);
    }
    Ok(())
}

/// Reads a `Value` into one that may have been read before: a message that comes twice is merged.
fn merge_value(bytes: &[u8], value: &mut Value, depth: usize) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    let mut reader = Reader(bytes);
    while let Some((field, part)) = reader.field()? {
        match (field, part) {
            (STRING_VALUE, Field::Bytes(bytes)) => *value = Value::Text(text(bytes)?),
            (STRUCT_VALUE, Field::Bytes(bytes)) => {
                if !matches!(value, Value::Struct(_)) {
                    *value = Value::Struct(BTreeMap::new());
                }
                if let Value::Struct(fields) = value {
                    merge_struct(bytes, fields, depth)?;
                }
            }
            (LIST_VALUE, Field::Bytes(bytes)) => {
                check_list(bytes, depth)?;
                *value = Value::Other;
            }
            // null, a number, a bool
            (1, Field::Varint) | (2, Field::Fixed64) | (4, Field::Varint) => *value = Value::Other,
            _ => {}
        }
    }
    Ok(())
}

fn check_list(bytes: &[u8], depth: usize) -> Result<(), Malformed> {
    let mut reader = Reader(bytes);
    while let Some((field, part)) = reader.field()? {
        if let (VALUES, Field::Bytes(bytes)) = (field, part) {
            merge_value(bytes, &mut Value::Other, depth)?;
        }
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
    Ok(text.to_owned())
}

enum Field<'a> {
    Varint,
    Fixed64,
    Fixed32,
    Bytes(&'a [u8]),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next field; `None` at the end.
    fn field(&mut self) -> Result<Option<(u64, Field<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = key >> 3;
        // Field numbers have at most 29 bits.
        if field == 0 || key > u64::from(u32::MAX) {
            return Err(Malformed);
        }
        let value = match key & 7 {
            VARINT => {
                self.varint()?;
                Field::Varint
            }
            FIXED64 => {
                self.take(8)?;
                Field::Fixed64
            }
            LENGTH => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Field::Bytes(self.take(length)?)
            }
            FIXED32 => {
                self.take(4)?;
                Field::Fixed32
            }
            _ => return Err(Malformed),
        };
        Ok(Some((field, value)))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                // The tenth byte has one bit left.
                let overflows = shift == 63 && byte > 1;
                return if overflows { Err(Malformed) } else { Ok(value) };
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.0.get(..length).ok_or(Malformed)?;
        self.0 = &self.0[length..];
        Ok(taken)
    }
}
