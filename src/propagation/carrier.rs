//! [`Carrier`] and [`CarrierMut`]: what a trace context is read from and written to, other than the
//! headers of an HTTP request, and their implementations for maps and lists of pairs.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, Hash},
    str,
};

/// What a trace context is read from: the headers of a message, the metadata of a call.
///
/// Implemented for [`HeaderMap`] (that of tonic's `MetadataMap` too, by its `as_ref()`), for maps and for
/// slices and vectors of pairs, whose values are texts or bytes. To implement it for another type, pass
/// each entry to `visit` in order. Names in any case, repeated names, and values that are not text are
/// dealt with by [`Propagation::extract_from`](super::Propagation::extract_from).
///
/// ```
/// use tower_b3::propagation::{Carrier, CarrierMut, Propagation};
///
/// /// The properties of a message, as some client libraries have them.
/// #[derive(Default)]
/// struct Properties {
///     entries: Vec<(String, Option<Vec<u8>>)>,
/// }
///
/// impl Carrier for Properties {
///     fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
///         for (name, value) in &self.entries {
///             visit(name, value.as_deref().unwrap_or_default());
///         }
///     }
/// }
///
/// impl CarrierMut for Properties {
///     fn set(&mut self, name: &str, value: &str) {
///         self.remove(name);
///         self.entries.push((name.to_owned(), Some(value.into())));
///     }
///
///     fn remove(&mut self, name: &str) {
///         self.entries.retain(|(other, _)| other != name);
///     }
/// }
///
/// let mut properties = Properties::default();
/// properties.set("b3", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1");
/// let (incoming, _) = Propagation::default().extract_from(&properties);
/// assert!(incoming.context().is_some());
/// ```
pub trait Carrier {
    /// Calls `visit` with the name and the value of each entry.
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8]));
}

/// What a trace context is written to.
///
/// Names and values that are written consist of visible ASCII characters, with the exception of headers
/// of other tracing systems, which are written as they came if they are UTF-8.
pub trait CarrierMut: Carrier {
    /// Replaces all entries of exactly this name by one with this value. The names that
    /// [`Propagation::inject_into`](super::Propagation::inject_into) writes are in lower case.
    fn set(&mut self, name: &str, value: &str);

    /// Removes all entries of exactly this name.
    fn remove(&mut self, name: &str);
}

impl<C: Carrier + ?Sized> Carrier for &C {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        (**self).for_each(visit);
    }
}

impl<C: Carrier + ?Sized> Carrier for &mut C {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        (**self).for_each(visit);
    }
}

impl<C: CarrierMut + ?Sized> CarrierMut for &mut C {
    fn set(&mut self, name: &str, value: &str) {
        (**self).set(name, value);
    }

    fn remove(&mut self, name: &str) {
        (**self).remove(name);
    }
}

impl Carrier for HeaderMap {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self {
            visit(name.as_str(), value.as_bytes());
        }
    }
}

impl CarrierMut for HeaderMap {
    /// Does nothing if the name or the value is not one of a header, or the map is full.
    fn set(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            let _ = self.try_insert(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        HeaderMap::remove(self, name);
    }
}

fn visit_pairs<'a, K, V>(
    pairs: impl IntoIterator<Item = (&'a K, &'a V)>,
    visit: &mut dyn FnMut(&str, &[u8]),
) where
    K: AsRef<str> + 'a,
    V: AsRef<[u8]> + 'a,
{
    for (name, value) in pairs {
        visit(name.as_ref(), value.as_ref());
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Carrier for [(K, V)] {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        visit_pairs(self.iter().map(|(name, value)| (name, value)), visit);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> Carrier for [(K, V); N] {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        self.as_slice().for_each(visit);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Carrier for Vec<(K, V)> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        self.as_slice().for_each(visit);
    }
}

impl<K, V> CarrierMut for Vec<(K, V)>
where
    K: AsRef<str> + From<String>,
    V: AsRef<[u8]> + From<String>,
{
    fn set(&mut self, name: &str, value: &str) {
        CarrierMut::remove(self, name);
        self.push((K::from(name.to_owned()), V::from(value.to_owned())));
    }

    fn remove(&mut self, name: &str) {
        self.retain(|(other, _)| other.as_ref() != name);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, S> Carrier for HashMap<K, V, S> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        visit_pairs(self, visit);
    }
}

impl<K, V, S> CarrierMut for HashMap<K, V, S>
where
    K: AsRef<str> + From<String> + Eq + Hash,
    V: AsRef<[u8]> + From<String>,
    S: BuildHasher,
{
    fn set(&mut self, name: &str, value: &str) {
        self.insert(K::from(name.to_owned()), V::from(value.to_owned()));
    }

    fn remove(&mut self, name: &str) {
        self.retain(|other, _| other.as_ref() != name);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Carrier for BTreeMap<K, V> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        visit_pairs(self, visit);
    }
}

impl<K, V> CarrierMut for BTreeMap<K, V>
where
    K: AsRef<str> + From<String> + Ord,
    V: AsRef<[u8]> + From<String>,
{
    fn set(&mut self, name: &str, value: &str) {
        self.insert(K::from(name.to_owned()), V::from(value.to_owned()));
    }

    fn remove(&mut self, name: &str) {
        self.retain(|other, _| other.as_ref() != name);
    }
}
