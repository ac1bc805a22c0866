use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// The route of an exchange, as far as it is set below the exchange's span: in local spans, and in tasks
/// that carry its context. The exchange reads it when it ends.
#[derive(Debug, Default)]
pub(crate) struct RouteFromBelow {
    is_set: AtomicBool,
    template: Mutex<String>,
}

impl RouteFromBelow {
    pub(super) fn set(&self, template: &str) {
        let mut own = self.template();
        own.clear();
        own.push_str(template);
        self.is_set.store(true, Ordering::Release);
    }

    /// Forgets it, and keeps its memory.
    pub(super) fn unset(&self) {
        self.is_set.store(false, Ordering::Release);
    }

    /// Copies the template, if one is set.
    pub(super) fn copy_to(&self, route: &mut String) {
        if self.is_set.load(Ordering::Acquire) {
            route.clone_from(&self.template());
        }
    }

    fn template(&self) -> MutexGuard<'_, String> {
        self.template.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
