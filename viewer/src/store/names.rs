use crate::model::Span;
use std::collections::BTreeMap;

/// The names that occur in the stored spans, by service, with the number of spans for each: a name
/// is forgotten with the last of them.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<Box<str>, ServiceNames>);

#[derive(Debug, Default)]
struct ServiceNames {
    spans: usize,
    span_names: BTreeMap<Box<str>, usize>,
    remote_services: BTreeMap<Box<str>, usize>,
}

impl Names {
    pub(super) fn add(&mut self, span: &Span) {
        fn count(names: &mut BTreeMap<Box<str>, usize>, name: Option<&str>) {
            let Some(name) = name else { return };
            match names.get_mut(name) {
                Some(count) => *count += 1,
                None => _ = names.insert(name.into(), 1),
            }
        }
        let Some(service) = span.local_service() else {
            return;
        };
        if !self.0.contains_key(service) {
            self.0.insert(service.into(), ServiceNames::default());
        }
        if let Some(names) = self.0.get_mut(service) {
            names.spans += 1;
            count(&mut names.span_names, span.name.as_deref());
            count(&mut names.remote_services, span.remote_service());
        }
    }

    pub(super) fn has_service(&self, service: &str) -> bool {
        self.0.contains_key(service)
    }

    /// Returns whether the span was the last of its service.
    pub(super) fn remove(&mut self, span: &Span) -> bool {
        fn uncount(names: &mut BTreeMap<Box<str>, usize>, name: Option<&str>) {
            let Some(name) = name else { return };
            if let Some(count) = names.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    names.remove(name);
                }
            }
        }
        let service = span.local_service();
        let Some((service, names)) = service.and_then(|s| Some((s, self.0.get_mut(s)?))) else {
            return false;
        };
        names.spans -= 1;
        uncount(&mut names.span_names, span.name.as_deref());
        uncount(&mut names.remote_services, span.remote_service());
        let is_last = names.spans == 0;
        if is_last {
            self.0.remove(service);
        }
        is_last
    }

    pub(super) fn services(&self) -> Vec<Box<str>> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn span_names(&self, service: &str) -> Vec<Box<str>> {
        let names = self.0.get(service);
        names.map_or_else(Vec::new, |names| names.span_names.keys().cloned().collect())
    }

    pub(super) fn remote_services(&self, service: &str) -> Vec<Box<str>> {
        let names = self.0.get(service);
        let names = names.map(|names| names.remote_services.keys().cloned().collect());
        names.unwrap_or_default()
    }
}
