use super::HttpSender;
use crate::report::{BatchReporter, Encoder, ReporterError, Settings};

/// What every reporter over HTTP can be told.
#[derive(Clone, Default)]
pub(crate) struct HttpOptions {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    #[cfg(feature = "gzip")]
    pub(crate) gzip: bool,
}

impl HttpOptions {
    /// To this URL, with the defaults.
    pub(crate) fn new(url: String) -> HttpOptions {
        HttpOptions {
            url,
            ..HttpOptions::default()
        }
    }

    /// A sender to the URL, or to this path of it where it has none.
    pub(crate) fn sender(&self, path: &'static str) -> Result<HttpSender, ReporterError> {
        let mut sender = HttpSender::at(&self.url, path)?;
        for (name, value) in &self.headers {
            sender = sender.header(name, value)?;
        }
        Ok(sender)
    }

    /// Starts a reporter, that compresses if it is to.
    pub(crate) fn start(
        &self,
        encoder: impl Encoder,
        sender: HttpSender,
        settings: Settings,
    ) -> Result<BatchReporter, ReporterError> {
        #[cfg(feature = "gzip")]
        if self.gzip {
            return BatchReporter::start(crate::report::Gzip::new(encoder), sender, settings);
        }
        BatchReporter::start(encoder, sender, settings)
    }
}

/// The setters that the builders of reporters over HTTP have in common; `$http` is where the
/// [`HttpOptions`] lie in the builder.
macro_rules! http_methods {
    ($($http:ident).+) => {
        /// A header on every request. Of two of one name the later counts.
        pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.$($http).+.headers.push((name.into(), value.into()));
            self
        }

        /// Whether messages are compressed; not by default. See [`Gzip`](crate::report::Gzip).
        #[cfg(feature = "gzip")]
        #[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
        pub fn gzip(mut self, gzip: bool) -> Self {
            self.$($http).+.gzip = gzip;
            self
        }
    };
}

pub(crate) use http_methods;
