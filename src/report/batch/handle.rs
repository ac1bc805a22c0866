/// Makes a reporter that wraps a [`BatchReporter`](super::BatchReporter) in its first field a
/// handle on it: it dereferences to it, reports to it and turns into it.
///
/// The methods are those of the `BatchReporter`, so they are written and documented once.
macro_rules! batch_handle {
    ($reporter:ident) => {
        impl std::ops::Deref for $reporter {
            type Target = $crate::report::BatchReporter;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        /// To keep reporters of several kinds under one type.
        impl From<$reporter> for $crate::report::BatchReporter {
            fn from(reporter: $reporter) -> Self {
                reporter.0
            }
        }

        impl $crate::record::Reporter for $reporter {
            fn report(&self, span: $crate::record::SpanRecord) {
                self.0.report(span);
            }

            fn report_ref(&self, span: &$crate::record::SpanRecord) -> bool {
                self.0.report_ref(span)
            }

            fn flush(&self, timeout: std::time::Duration) -> bool {
                self.0.flush(timeout)
            }
        }
    };
}

pub(crate) use batch_handle;
