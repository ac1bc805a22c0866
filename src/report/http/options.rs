use super::{Dialect, HttpSender, Redirect};
use crate::report::{BatchReporter, Encoder, ReporterError, Settings};

/// What every reporter over HTTP can be told.
#[derive(Clone, Default)]
pub(crate) struct HttpOptions {
    pub(crate) url: String,
    pub(crate) headers: Vec<Header>,
    #[cfg(feature = "tls")]
    pub(crate) ca_certificates: Vec<Vec<u8>>,
    #[cfg(feature = "tls")]
    pub(crate) client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    #[cfg(feature = "gzip")]
    pub(crate) gzip: bool,
}

#[derive(Clone)]
pub(crate) enum Header {
    Of(String, String),
    Bearer(String),
    Basic(String, String),
}

impl HttpOptions {
    /// To this URL, with the defaults.
    pub(crate) fn new(url: String) -> HttpOptions {
        HttpOptions {
            url,
            ..HttpOptions::default()
        }
    }

    /// A sender to the URL, that speaks so.
    pub(crate) fn sender(
        &self,
        dialect: &'static dyn Dialect,
    ) -> Result<HttpSender, ReporterError> {
        let mut sender = HttpSender::of(&self.url, dialect)?;
        for header in &self.headers {
            sender = match header {
                Header::Of(name, value) => sender.header(name, value)?,
                Header::Bearer(token) => sender.bearer(token)?,
                Header::Basic(user, password) => sender.basic(user, password)?,
            };
        }
        #[cfg(feature = "tls")]
        {
            for pem in &self.ca_certificates {
                sender = sender.ca_certificate(pem)?;
            }
            if let Some((pem, key)) = &self.client_certificate {
                sender = sender.client_certificate(pem, key)?;
            }
        }
        Ok(sender)
    }

    pub(crate) fn compresses(&self) -> bool {
        #[cfg(feature = "gzip")]
        return self.gzip;
        #[cfg(not(feature = "gzip"))]
        false
    }

    /// Starts a reporter, that compresses if it is to; with it, what can send it elsewhere.
    pub(crate) fn start(
        &self,
        encoder: impl Encoder,
        sender: HttpSender,
        settings: Settings,
    ) -> Result<(BatchReporter, Redirect), ReporterError> {
        let (sender, redirect) = Redirect::of(sender, self.compresses());
        #[cfg(feature = "gzip")]
        if self.gzip {
            let encoder = crate::report::Gzip::new(encoder);
            return Ok((BatchReporter::start(encoder, sender, settings)?, redirect));
        }
        Ok((BatchReporter::start(encoder, sender, settings)?, redirect))
    }
}

/// The setters that the builders of reporters over HTTP have in common; `$http` is where the
/// [`HttpOptions`] lie in the builder.
macro_rules! http_methods {
    ($($http:ident).+) => {
        /// A header on every request. Of two of one name the later counts.
        pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            let header = crate::report::HttpHeader::Of(name.into(), value.into());
            self.$($http).+.headers.push(header);
            self
        }

        /// The header `authorization` with this token, instead of one that was set before.
        pub fn bearer(mut self, token: impl Into<String>) -> Self {
            let header = crate::report::HttpHeader::Bearer(token.into());
            self.$($http).+.headers.push(header);
            self
        }

        /// The header `authorization` with this name, in which there must be no colon, and
        /// password, instead of one that was set before.
        pub fn basic(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
            let header = crate::report::HttpHeader::Basic(user.into(), password.into());
            self.$($http).+.headers.push(header);
            self
        }

        /// An authority to trust besides those that the system trusts, in PEM; this may be called
        /// several times. See
        /// [`HttpSender::ca_certificate`](crate::report::HttpSender::ca_certificate).
        #[cfg(feature = "tls")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
        pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
            self.$($http).+.ca_certificates.push(pem.into());
            self
        }

        /// The certificate to show to a collector that asks for one, and its key, both in PEM;
        /// none by default. See
        /// [`HttpSender::client_certificate`](crate::report::HttpSender::client_certificate).
        #[cfg(feature = "tls")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
        pub fn client_certificate(
            mut self,
            pem: impl Into<Vec<u8>>,
            key: impl Into<Vec<u8>>,
        ) -> Self {
            self.$($http).+.client_certificate = Some((pem.into(), key.into()));
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
