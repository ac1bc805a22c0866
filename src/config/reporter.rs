//! A reporter as documents say.

use super::{
    ConfigError, TracingConfig,
    collector::{Endpoint, Protocol},
    mesh::HeaderValue,
};
#[cfg(feature = "otlp")]
use crate::otlp::{self, OtlpReporter, OtlpReporterBuilder};
#[cfg(feature = "zipkin")]
use crate::zipkin::{Encoding, ZipkinReporter, ZipkinReporterBuilder};
use crate::{
    printable::{name, place},
    report::{BatchOptions, BatchReporter, HttpOptions, ReporterError, batch_handle},
};

/// What is in the files that an endpoint names.
#[derive(Default, PartialEq)]
pub(super) struct Certificates {
    authorities: Option<Vec<u8>>,
    client: Option<Vec<u8>>,
    private_key: Option<Vec<u8>>,
}

impl TracingConfig {
    /// Starts a reporter that sends to where the documents say; `None` if they do not say, or no
    /// spans are made: [`collector`](Self::collector) has the reason. Headers from the environment
    /// and certificates are read now.
    ///
    /// Its settings are the defaults, but for `timeout`. For others, make one of your own with the
    /// URL of [`collector`](Self::collector).
    ///
    /// # Errors
    ///
    /// Those of `collector`; a provider that needs a feature of this crate which is off (`otlp`, `zipkin`,
    /// `tls` for `https`, `gzip`); a header or a certificate that cannot be read, a URL that is none.
    pub fn reporter(&self) -> Result<Option<CollectorReporter>, ConfigError> {
        match self.endpoint()? {
            Ok(endpoint) => endpoint.start().map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// Sends spans to where documents say. From [`TracingConfig::reporter`].
///
/// A `ZipkinReporter` or an `OtlpReporter`; clones are handles on the same one.
#[derive(Debug, Clone)]
pub struct CollectorReporter(BatchReporter, Kind);

#[derive(Debug, Clone)]
enum Kind {
    #[cfg(feature = "zipkin")]
    Zipkin(ZipkinReporter),
    #[cfg(feature = "otlp")]
    Otlp(OtlpReporter),
}

batch_handle!(CollectorReporter);

impl CollectorReporter {
    /// Sends to where these documents say, from the next attempt on: to put a wrong address right
    /// without a restart. Queue and counts stay as they are, and so does the timeout.
    ///
    /// # Errors
    ///
    /// Those of [`TracingConfig::reporter`]; documents that do not say where, or another format than
    /// the one that spans go in. Then spans go where they went.
    pub fn redirect(&self, to: &TracingConfig) -> Result<(), ConfigError> {
        let endpoint = to.endpoint()?;
        let endpoint = endpoint.map_err(|reason| ConfigError::new("", reason))?;
        endpoint.check()?;
        let redirected = match (&self.1, endpoint.protocol) {
            #[cfg(feature = "zipkin")]
            (Kind::Zipkin(zipkin), Protocol::ZipkinJson) => {
                zipkin.redirect(endpoint.zipkin(Encoding::Json)?)
            }
            #[cfg(feature = "zipkin")]
            (Kind::Zipkin(zipkin), Protocol::ZipkinProtobuf) => {
                zipkin.redirect(endpoint.zipkin(Encoding::Proto3)?)
            }
            #[cfg(feature = "otlp")]
            (Kind::Otlp(otlp), Protocol::OtlpHttp | Protocol::OtlpGrpc) => {
                otlp.redirect(endpoint.otlp()?)
            }
            _ => {
                let reason = "the format of the spans cannot be changed while the reporter runs";
                return Err(endpoint.wrong(reason));
            }
        };
        redirected.map_err(|error| endpoint.wrong(error))
    }
}

impl Endpoint {
    fn start(&self) -> Result<CollectorReporter, ConfigError> {
        self.check()?;
        let started = match self.protocol {
            #[cfg(feature = "zipkin")]
            Protocol::ZipkinJson => self.zipkin(Encoding::Json)?.build().map(Kind::Zipkin),
            #[cfg(feature = "zipkin")]
            Protocol::ZipkinProtobuf => self.zipkin(Encoding::Proto3)?.build().map(Kind::Zipkin),
            #[cfg(not(feature = "zipkin"))]
            Protocol::ZipkinJson | Protocol::ZipkinProtobuf => {
                return Err(self.wrong("Zipkin needs the feature zipkin"));
            }
            #[cfg(feature = "otlp")]
            Protocol::OtlpHttp | Protocol::OtlpGrpc => self.otlp()?.build().map(Kind::Otlp),
            #[cfg(not(feature = "otlp"))]
            Protocol::OtlpHttp | Protocol::OtlpGrpc => {
                return Err(self.wrong("OpenTelemetry needs the feature otlp"));
            }
        };
        let kind = started.map_err(|error: ReporterError| self.wrong(error))?;
        let reporter = match &kind {
            #[cfg(feature = "zipkin")]
            Kind::Zipkin(zipkin) => zipkin.clone().into(),
            #[cfg(feature = "otlp")]
            Kind::Otlp(otlp) => otlp.clone().into(),
        };
        Ok(CollectorReporter(reporter, kind))
    }

    /// Whether the features are there.
    fn check(&self) -> Result<(), ConfigError> {
        if cfg!(not(feature = "tls")) && self.tls.is_some() {
            return Err(self.wrong("https needs the feature tls"));
        }
        if cfg!(not(feature = "gzip")) && self.gzip {
            return Err(self.wrong("compression needs the feature gzip"));
        }
        Ok(())
    }

    #[cfg(feature = "zipkin")]
    fn zipkin(&self, encoding: Encoding) -> Result<ZipkinReporterBuilder, ConfigError> {
        let builder = ZipkinReporter::builder(self.http_options()?)
            .encoding(encoding)
            .options(self.batch_options());
        #[cfg(feature = "gzip")]
        let builder = builder.gzip(self.gzip);
        Ok(builder)
    }

    #[cfg(feature = "otlp")]
    fn otlp(&self) -> Result<OtlpReporterBuilder, ConfigError> {
        let protocol = match self.protocol {
            Protocol::OtlpGrpc => otlp::Protocol::Grpc,
            _ => otlp::Protocol::Http,
        };
        let builder = OtlpReporter::builder(self.http_options()?)
            .protocol(protocol)
            .options(self.batch_options());
        #[cfg(feature = "gzip")]
        let builder = builder.gzip(self.gzip);
        Ok(builder)
    }

    fn batch_options(&self) -> BatchOptions {
        let options = BatchOptions::new();
        match self.http.timeout {
            Some(timeout) => options.request_timeout(timeout),
            None => options,
        }
    }

    /// The URL, the headers and the certificates.
    fn http_options(&self) -> Result<HttpOptions, ConfigError> {
        let mut options = HttpOptions::new(&self.url);
        for (name, value) in self.headers()? {
            options = options.header(name, value);
        }
        #[cfg(feature = "tls")]
        {
            let certificates = self.certificates()?;
            if let Some(pem) = certificates.authorities {
                options = options.ca_certificate(pem);
            }
            if let (Some(pem), Some(key)) = (certificates.client, certificates.private_key) {
                options = options.client_certificate(pem, key);
            }
        }
        Ok(options)
    }

    fn headers(&self) -> Result<Vec<(&str, String)>, ConfigError> {
        let headers = self.http.headers.iter().map(|header| {
            let value = match &header.value {
                HeaderValue::Text(text) => text.clone(),
                HeaderValue::Environment(variable) => std::env::var(variable).map_err(|_| {
                    self.wrong(format!(
                        "the header {} is to have the value of {}, which is not set in the environment",
                        name(&header.name),
                        name(variable)
                    ))
                })?,
            };
            Ok((header.name.as_str(), value))
        });
        headers.collect()
    }

    /// Its certificates, read now.
    pub(super) fn certificates(&self) -> Result<Certificates, ConfigError> {
        let Some(tls) = self.tls.as_ref().filter(|_| cfg!(feature = "tls")) else {
            return Ok(Certificates::default());
        };
        Ok(Certificates {
            authorities: self.file(&tls.ca_certificates)?,
            client: self.file(&tls.client_certificate)?,
            private_key: self.file(&tls.private_key)?,
        })
    }

    fn file(&self, path: &Option<String>) -> Result<Option<Vec<u8>>, ConfigError> {
        let read = |path: &String| {
            let failed = |error| self.wrong(format!("{}: {error}", place(path)));
            crate::file::read(path.as_ref()).map_err(failed)
        };
        path.as_ref().map(read).transpose()
    }
}
