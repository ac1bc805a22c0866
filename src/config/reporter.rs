//! [`CollectorReporter`]: a reporter for the collector of a configuration. It picks the Zipkin or the
//! OTLP reporter and hands it URL, headers and certificates. Headers from the environment and files
//! of certificates are read here, at the last moment.

use super::{
    endpoint::{Endpoint, Protocol, Target},
    http_settings::HeaderValue,
    model::TracingConfig,
};
#[cfg(feature = "otlp")]
use crate::otlp::{self, OtlpReporter, OtlpReporterBuilder};
#[cfg(feature = "zipkin")]
use crate::zipkin::{Encoding, ZipkinReporter, ZipkinReporterBuilder};
use crate::{
    config_error::ConfigError,
    printable::{name, place},
    report::{BatchOptions, BatchReporter, HttpOptions, ReporterError, batch_handle},
};

/// The contents of the files that an endpoint names.
#[derive(Default, PartialEq)]
pub(super) struct Certificates {
    authorities: Option<Vec<u8>>,
    client: Option<Vec<u8>>,
    private_key: Option<Vec<u8>>,
}

impl TracingConfig {
    /// Starts a reporter that sends to the [`collector`](Self::collector), or returns `None` if there
    /// is none or no spans are made; `collector` then has the reason. Headers from the environment
    /// and certificates are read now.
    ///
    /// Apart from `timeout`, its settings are the defaults. For other settings, build a reporter
    /// yourself with the URL of `collector`.
    ///
    /// # Errors
    ///
    /// Those of `collector`, a cargo feature that is off but needed (`otlp`, `zipkin`, `gzip`, or
    /// `tls` for `https`), a header or a certificate that cannot be read, or an invalid URL.
    pub fn reporter(&self) -> Result<Option<CollectorReporter>, ConfigError> {
        match self.target()? {
            Target::Endpoint(endpoint) => endpoint.start().map(Some),
            Target::None(_) => Ok(None),
        }
    }
}

/// Sends spans to the collector of a configuration. From [`TracingConfig::reporter`].
///
/// It is a `ZipkinReporter` or an `OtlpReporter`. Clones are handles to the same reporter.
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
    /// Sends to the collector of this configuration, from the next attempt on, so that a wrong
    /// address can be corrected without a restart. The queue, the counters and the timeout stay as
    /// they are.
    ///
    /// # Errors
    ///
    /// Those of [`TracingConfig::reporter`], a configuration without a collector, or one whose
    /// collector takes another format. Spans are then still sent to the previous collector.
    pub fn redirect(&self, config: &TracingConfig) -> Result<(), ConfigError> {
        let endpoint = match config.target()? {
            Target::Endpoint(endpoint) => endpoint,
            Target::None(reason) => return Err(ConfigError::general(reason)),
        };
        endpoint.check_features()?;
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
                return Err(endpoint.error(reason));
            }
        };
        redirected.map_err(|error| endpoint.error(error))
    }
}

impl Endpoint {
    fn start(&self) -> Result<CollectorReporter, ConfigError> {
        self.check_features()?;
        let started = match self.protocol {
            #[cfg(feature = "zipkin")]
            Protocol::ZipkinJson => self.zipkin(Encoding::Json)?.build().map(Kind::Zipkin),
            #[cfg(feature = "zipkin")]
            Protocol::ZipkinProtobuf => self.zipkin(Encoding::Proto3)?.build().map(Kind::Zipkin),
            #[cfg(not(feature = "zipkin"))]
            Protocol::ZipkinJson | Protocol::ZipkinProtobuf => {
                return Err(self.error("Zipkin requires the cargo feature `zipkin`"));
            }
            #[cfg(feature = "otlp")]
            Protocol::OtlpHttp | Protocol::OtlpGrpc => self.otlp()?.build().map(Kind::Otlp),
            #[cfg(not(feature = "otlp"))]
            Protocol::OtlpHttp | Protocol::OtlpGrpc => {
                return Err(self.error("OpenTelemetry requires the cargo feature `otlp`"));
            }
        };
        let kind = started.map_err(|error: ReporterError| self.error(error))?;
        let reporter = match &kind {
            #[cfg(feature = "zipkin")]
            Kind::Zipkin(zipkin) => zipkin.clone().into(),
            #[cfg(feature = "otlp")]
            Kind::Otlp(otlp) => otlp.clone().into(),
        };
        Ok(CollectorReporter(reporter, kind))
    }

    /// Checks that this build of the crate has the features that the endpoint needs.
    fn check_features(&self) -> Result<(), ConfigError> {
        if cfg!(not(feature = "tls")) && self.tls.is_some() {
            return Err(self.error("https requires the cargo feature `tls`"));
        }
        if cfg!(not(feature = "gzip")) && self.gzip {
            return Err(self.error("compression requires the cargo feature `gzip`"));
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
                    self.error(format!(
                        "the header `{}` takes its value from `{}`, which is not set in the \
                         environment",
                        name(&header.name),
                        name(variable)
                    ))
                })?,
            };
            Ok((header.name.as_str(), value))
        });
        headers.collect()
    }

    /// Reads the files of certificates.
    pub(super) fn certificates(&self) -> Result<Certificates, ConfigError> {
        let Some(tls) = self.tls.as_ref().filter(|_| cfg!(feature = "tls")) else {
            return Ok(Certificates::default());
        };
        Ok(Certificates {
            authorities: self.read_file(&tls.ca_certificates)?,
            client: self.read_file(&tls.client_certificate)?,
            private_key: self.read_file(&tls.private_key)?,
        })
    }

    fn read_file(&self, path: &Option<String>) -> Result<Option<Vec<u8>>, ConfigError> {
        let read = |path: &String| {
            let failed = |error| self.error(format!("{}: {error}", place(path)));
            crate::file::read(path.as_ref()).map_err(failed)
        };
        path.as_ref().map(read).transpose()
    }
}
