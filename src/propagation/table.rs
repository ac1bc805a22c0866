//! One pass over a request's headers that finds all that is wanted of them.
//!
//! A look-up in a `HeaderMap` hashes the name, which costs as much as looking at three or four
//! headers here: a header is recognised by its length, a byte of its name and, where that place of the
//! table is taken, the words that its name is made of.

use super::names::{Name, Role};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Where in [`Seen`] the first value of a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Slot {
    const COUNT: usize = 32;
    /// For headers whose values are not read.
    const UNREAD: Slot = Slot(Slot::COUNT as u8 - 1);

    const fn of(role: Role) -> Slot {
        Slot(role as u8)
    }

    /// That of the further header with this number, in the order in which they were given.
    pub(crate) const fn further(number: usize) -> Slot {
        let at = Role::COUNT + number;
        assert!(at < Slot::UNREAD.0 as usize);
        Slot(at as u8)
    }
}

/// A header that is recognised.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The table's own copy of the name, which shares no memory with a request.
    pub(crate) name: Name,
    pub(crate) role: Option<Role>,
    /// Whether it is forwarded untouched.
    pub(crate) forward: bool,
    /// Whether it goes on as it came where no spans are made.
    pub(crate) captured: bool,
}

/// What the pass looks at: the rows' names, packed.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    ends: Ends,
    /// The bytes behind the first eight, of names that have more than sixteen.
    middle: u64,
    length: u16,
    slot: u8,
    forward: bool,
    /// Its own number, which is one more than that of its row.
    number: u32,
    /// The key of another row in the same place, or 0.
    next: u32,
}

/// The longest name that a key has all bytes of.
const LONGEST_IN_KEY: usize = 24;

impl Key {
    /// Whether the name is this one, as far as a key tells.
    #[inline]
    fn is(&self, name: &[u8]) -> bool {
        usize::from(self.length) == name.len()
            && self.ends == ends(name)
            && (name.len() <= 16 || self.middle == middle(name))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct HeaderTable {
    /// The first key of each place, or 0.
    places: [u32; 256],
    /// The first is of no row.
    keys: Vec<Key>,
    /// The row of each key but the first.
    rows: Vec<Row>,
}

/// The first value of each header that is wanted.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    values: [Option<&'a HeaderValue>; Slot::COUNT],
}

impl<'a> Seen<'a> {
    #[inline]
    pub(crate) fn role(&self, role: Role) -> Option<&'a HeaderValue> {
        self.get(Slot::of(role))
    }

    #[inline]
    pub(crate) fn get(&self, slot: Slot) -> Option<&'a HeaderValue> {
        self.values[usize::from(slot.0) % Slot::COUNT]
    }

    /// Which of the tracing headers were seen.
    #[inline]
    pub(crate) fn roles(&self) -> Roles {
        let mut roles = Roles::default();
        for (at, value) in self.values[..Role::COUNT].iter().enumerate() {
            roles.0 |= u32::from(value.is_some()) << at;
        }
        roles
    }

    /// Another value in place of what was seen.
    pub(crate) fn set(&mut self, role: Role, value: Option<&'a HeaderValue>) {
        self.values[role as usize] = value;
    }
}

/// The roles of headers that are there, a bit each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Roles(u32);

impl Roles {
    pub(crate) fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }
}

impl HeaderTable {
    /// Rows for the tracing headers, for the opaque ones, each with whether it is forwarded, and
    /// for further headers that are to be read.
    pub(crate) fn new(opaque: &[(HeaderName, bool)], further: &[HeaderName]) -> HeaderTable {
        let mut table = HeaderTable {
            places: [0; 256],
            keys: vec![Key::default()],
            rows: Vec::new(),
        };
        for (name, role) in Role::ALL {
            let row = Row {
                forward: role == Role::Tracestate,
                role: Some(role),
                captured: true,
                name: Name::new(name),
            };
            table.add(row, Slot::of(role));
        }
        for (name, forward) in opaque {
            let forward = *forward;
            match table.position(name) {
                Some(at) if table.rows[at].role.is_some_and(Role::is_written) => {}
                Some(at) => {
                    table.rows[at].forward = forward;
                    table.rows[at].captured = forward;
                    table.keys[at + 1].forward = forward;
                }
                None => {
                    let row = Row {
                        name: Name::new(name.clone()),
                        role: None,
                        captured: forward,
                        forward,
                    };
                    table.add(row, Slot::UNREAD);
                }
            }
        }
        for (number, name) in further.iter().enumerate() {
            if Role::COUNT + number >= usize::from(Slot::UNREAD.0) {
                break;
            }
            table.read_too(name, Slot::further(number));
        }
        table
    }

    fn read_too(&mut self, name: &HeaderName, slot: Slot) {
        match self.position(name) {
            Some(at) if self.keys[at + 1].slot == Slot::UNREAD.0 => self.keys[at + 1].slot = slot.0,
            // It is read already: both readers have the same slot.
            Some(_) => {}
            None => {
                let row = Row {
                    name: Name::new(name.clone()),
                    role: None,
                    forward: false,
                    captured: false,
                };
                self.add(row, slot);
            }
        }
    }

    fn add(&mut self, row: Row, slot: Slot) {
        let text = row.name.as_str().as_bytes();
        // Four billion names take more memory than there is.
        let own = self.keys.len() as u32;
        let place = &mut self.places[usize::from(place(text))];
        self.keys.push(Key {
            ends: ends(text),
            middle: middle(text),
            length: u16::try_from(text.len()).unwrap_or(u16::MAX),
            slot: slot.0,
            forward: row.forward,
            number: own,
            next: std::mem::replace(place, own),
        });
        self.rows.push(row);
    }

    fn position(&self, name: &HeaderName) -> Option<usize> {
        self.recognise(name).map(|key| key.number as usize - 1)
    }

    /// Where the header's first value is to be found; `None` where it is not read.
    pub(crate) fn slot(&self, name: &HeaderName) -> Option<Slot> {
        let slot = Slot(self.keys[self.position(name)? + 1].slot);
        (slot != Slot::UNREAD).then_some(slot)
    }

    /// The key of this name.
    #[inline(always)]
    fn recognise(&self, name: &HeaderName) -> Option<&Key> {
        let text = name.as_str().as_bytes();
        let first = self.places[usize::from(place(text))];
        // Most headers end here.
        if first == 0 {
            return None;
        }
        self.find(first, text)
    }

    /// The key of this name among those in one place, of which the first is given.
    #[inline]
    fn find(&self, first: u32, text: &[u8]) -> Option<&Key> {
        let key = self.keys.get(first as usize)?;
        if text.len() <= LONGEST_IN_KEY && key.is(text) {
            return Some(key);
        }
        match (key.next, text.len()) {
            (0, ..=LONGEST_IN_KEY) => None,
            _ => self.find_slowly(first, text),
        }
    }

    // Apart, so that the loop over the headers keeps what it needs in registers.
    #[inline(never)]
    fn find_slowly(&self, first: u32, text: &[u8]) -> Option<&Key> {
        let mut at = first as usize;
        while let Some(key) = self.keys.get(at).filter(|_| at != 0) {
            if key.is(text) && (text.len() <= LONGEST_IN_KEY || self.is(at, text)) {
                return Some(key);
            }
            at = key.next as usize;
        }
        None
    }

    fn is(&self, at: usize, text: &[u8]) -> bool {
        self.rows[at - 1].name.as_str().as_bytes() == text
    }

    /// The names of the headers that go on as they came where no spans are made.
    #[cfg(feature = "config")]
    pub(crate) fn captured_names(&self) -> impl Iterator<Item = &str> {
        let captured = self.rows.iter().filter(|row| row.captured);
        captured.map(|row| row.name.as_str())
    }

    /// The first values of what is wanted. What is forwarded untouched is added to `forwarded`, all
    /// values in their order.
    #[inline]
    pub(crate) fn read<'a>(
        &self,
        headers: &'a HeaderMap,
        forwarded: Option<&mut Vec<(Name, HeaderValue)>>,
    ) -> Seen<'a> {
        let mut seen = Seen::default();
        self.read_into(headers, forwarded, &mut seen);
        seen
    }

    /// [`read`](Self::read) into what is there, which saves a copy of a few hundred bytes.
    pub(crate) fn read_into<'a>(
        &self,
        headers: &'a HeaderMap,
        mut forwarded: Option<&mut Vec<(Name, HeaderValue)>>,
        seen: &mut Seen<'a>,
    ) {
        for (name, value) in headers {
            let Some(key) = self.recognise(name) else {
                continue;
            };
            let place = &mut seen.values[usize::from(key.slot) % Slot::COUNT];
            if place.is_none() {
                *place = Some(value);
            }
            if let (true, Some(forwarded)) = (key.forward, forwarded.as_deref_mut()) {
                let row = &self.rows[key.number as usize - 1];
                forwarded.push((row.name.clone(), value.clone()));
            }
        }
    }

    /// Calls `found` with the headers that have a row, all values in their order.
    #[inline(always)]
    pub(crate) fn each<'a>(
        &'a self,
        headers: &'a HeaderMap,
        mut found: impl FnMut(&'a Row, &'a HeaderValue),
    ) {
        for (name, value) in headers {
            if let Some(key) = self.recognise(name) {
                found(&self.rows[key.number as usize - 1], value);
            }
        }
    }

    /// Which of the tracing headers are there.
    #[inline]
    pub(crate) fn roles(&self, headers: &HeaderMap) -> Roles {
        let mut roles = Roles::default();
        for name in headers.keys() {
            if let Some(key) = self.recognise(name) {
                roles.0 |= 1 << (key.slot % Slot::COUNT as u8);
            }
        }
        roles
    }
}

/// The place of a name, by its length and the byte in its middle: with this factor the tracing
/// headers and those of standard tags have a place each.
#[inline]
fn place(name: &[u8]) -> u8 {
    let middle = name.get(name.len() / 2).copied().unwrap_or_default();
    (name.len() as u8).wrapping_mul(57).wrapping_add(middle)
}

/// The first and the last bytes of a name, which are all of one that has no more than sixteen.
type Ends = (u64, u64);

#[inline]
fn ends(name: &[u8]) -> Ends {
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        let word = |bytes: [u8; 4]| u64::from(u32::from_le_bytes(bytes));
        return (word(*first), word(*last));
    }
    // Three bytes at most.
    let word = name
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    (word, 0)
}

#[inline]
fn middle(name: &[u8]) -> u64 {
    let middle = name.get(8..).and_then(|rest| rest.first_chunk());
    middle.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
