//! The headers of a request that standard tags are made of, and where their values are found.

use crate::propagation::HeaderSlot;
use http::{
    HeaderName,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT},
};

/// How many headers standard tags are made of.
pub(crate) const READ_COUNT: usize = 5;

/// The headers that standard tags are made of. The header table reads them.
pub(crate) const READ_HEADERS: [HeaderName; READ_COUNT] = [
    HOST,
    USER_AGENT,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    FORWARDED_PROTO,
];

// The slots of `READ_HEADERS`, by their indices.
pub(crate) const AT_HOST: HeaderSlot = HeaderSlot::additional(0);
pub(super) const AT_USER_AGENT: HeaderSlot = HeaderSlot::additional(1);
pub(crate) const AT_CONTENT_LENGTH: HeaderSlot = HeaderSlot::additional(2);
pub(super) const AT_CONTENT_TYPE: HeaderSlot = HeaderSlot::additional(3);
pub(super) const AT_FORWARDED_PROTO: HeaderSlot = HeaderSlot::additional(4);

pub(super) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::{HeaderTable, Propagation};

    #[test]
    fn headers_have_the_slots_of_their_indices() {
        let table = HeaderTable::new(&[], &READ_HEADERS);
        let slots = READ_HEADERS.map(|name| table.slot(&name).unwrap());
        let expected = [
            AT_HOST,
            AT_USER_AGENT,
            AT_CONTENT_LENGTH,
            AT_CONTENT_TYPE,
            AT_FORWARDED_PROTO,
        ];
        assert_eq!(slots, expected);
    }

    #[test]
    fn headers_of_a_typical_request_do_not_collide() {
        let table = Propagation::default().table_with(&READ_HEADERS);
        assert!(!table.has_collisions());
    }
}
