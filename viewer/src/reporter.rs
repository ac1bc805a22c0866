//! Spans of the same process, without HTTP.

use crate::{record::from_record, store::Store};
use std::sync::Arc;
use tower_b3::{record::SpanRecord, report::Reporter};

/// Puts spans into the store of a [`Viewer`](crate::Viewer); see [`Viewer::reporter`].
///
/// It is for development: it copies each span on the request's thread, and waits for the store.
///
/// [`Viewer::reporter`]: crate::Viewer::reporter
#[derive(Debug, Clone)]
pub struct ViewerReporter {
    store: Arc<Store>,
}

impl ViewerReporter {
    pub(crate) fn new(store: Arc<Store>) -> ViewerReporter {
        ViewerReporter { store }
    }
}

impl Reporter for ViewerReporter {
    fn report(&self, span: SpanRecord) {
        self.report_ref(&span);
    }

    fn report_ref(&self, span: &SpanRecord) -> bool {
        self.store.add(from_record(span));
        true
    }
}
