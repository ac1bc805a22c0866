use crate::printable::message;
use std::{borrow::Cow, error::Error, fmt, sync::Arc};

/// Why a reporter cannot be built: the option at fault, and what is wrong with its value.
///
/// ```
/// use tower_b3::report::{BatchOptions, BatchReporter, Message, Outcome, Sender};
/// # use tower_b3::zipkin::JsonEncoder;
/// # struct ToNowhere;
/// # impl Sender for ToNowhere {
/// #     async fn send(&mut self, _: Message) -> Outcome { Outcome::Accepted }
/// # }
///
/// let error = BatchReporter::builder(JsonEncoder, ToNowhere)
///     .options(BatchOptions::new().queue_limit(0))
///     .build()
///     .unwrap_err();
/// assert_eq!(error.field(), "queue_limit");
/// assert_eq!(error.to_string(), "queue_limit: must be at least 1");
/// ```
#[derive(Debug, Clone)]
pub struct ReporterError {
    field: &'static str,
    reason: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ReporterError {
    /// An error in the option `field`: for options of your own [`Sender`](super::Sender) or
    /// [`Encoder`](super::Encoder).
    pub fn new(field: &'static str, reason: impl Into<Cow<'static, str>>) -> ReporterError {
        ReporterError {
            field,
            reason: reason.into(),
            source: None,
        }
    }

    /// Adds the error that caused this one, for [`Error::source`].
    #[must_use]
    pub fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> ReporterError {
        self.source = Some(Arc::new(source));
        self
    }

    /// The name of the option, which is the name of the method that sets it.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

/// `field: reason`
impl fmt::Display for ReporterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, message(&self.reason))
    }
}

impl Error for ReporterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

/// Equal if field and reason are; the source is not compared.
impl PartialEq for ReporterError {
    fn eq(&self, other: &ReporterError) -> bool {
        (self.field, &self.reason) == (other.field, &other.reason)
    }
}

impl Eq for ReporterError {}
