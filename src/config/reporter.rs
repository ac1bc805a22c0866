//! A reporter as documents say.

use super::{
    ConfigError, TracingConfig,
    collector::{Endpoint, Protocol},
    mesh::HeaderValue,
};
use crate::{
    report::BatchReporter,
    zipkin::{Encoding, ZipkinReporter, ZipkinReporterBuilder},
};

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
    /// Those of `collector`; a provider that needs a feature of this crate which is off (`otlp`, or
    /// `tls` for `https`); a header or a certificate that cannot be read, a URL that is none.
    pub fn reporter(&self) -> Result<Option<BatchReporter>, ConfigError> {
        match self.endpoint()? {
            Ok(endpoint) => endpoint.start().map(Some),
            Err(_) => Ok(None),
        }
    }
}

impl Endpoint {
    fn start(&self) -> Result<BatchReporter, ConfigError> {
        #[cfg(not(feature = "tls"))]
        if self.tls.is_some() {
            return Err(self.wrong("https needs the feature tls"));
        }
        match self.protocol {
            Protocol::ZipkinJson => self.zipkin(Encoding::Json),
            Protocol::ZipkinProtobuf => self.zipkin(Encoding::Proto3),
            #[cfg(feature = "otlp")]
            Protocol::OtlpHttp => self.otlp(crate::otlp::Protocol::Http),
            #[cfg(feature = "otlp")]
            Protocol::OtlpGrpc => self.otlp(crate::otlp::Protocol::Grpc),
            #[cfg(not(feature = "otlp"))]
            Protocol::OtlpHttp | Protocol::OtlpGrpc => {
                Err(self.wrong("OpenTelemetry needs the feature otlp"))
            }
        }
    }

    fn zipkin(&self, encoding: Encoding) -> Result<BatchReporter, ConfigError> {
        let mut builder: ZipkinReporterBuilder =
            ZipkinReporter::builder(&self.url).encoding(encoding);
        for (name, value) in self.headers()? {
            builder = builder.header(name, value);
        }
        if let Some(timeout) = self.http.timeout {
            builder = builder.request_timeout(timeout);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            if let Some(pem) = self.file(&tls.ca_certificates)? {
                builder = builder.ca_certificate(pem);
            }
            if let (Some(pem), Some(key)) = (
                self.file(&tls.client_certificate)?,
                self.file(&tls.private_key)?,
            ) {
                builder = builder.client_certificate(pem, key);
            }
        }
        let reporter = builder.build();
        reporter
            .map(BatchReporter::from)
            .map_err(|error| self.wrong(error.to_string()))
    }

    #[cfg(feature = "otlp")]
    fn otlp(&self, protocol: crate::otlp::Protocol) -> Result<BatchReporter, ConfigError> {
        let mut builder = crate::otlp::OtlpReporter::builder(&self.url).protocol(protocol);
        for (name, value) in self.headers()? {
            builder = builder.header(name, value);
        }
        if let Some(timeout) = self.http.timeout {
            builder = builder.request_timeout(timeout);
        }
        let reporter = builder.build();
        reporter
            .map(BatchReporter::from)
            .map_err(|error| self.wrong(error.to_string()))
    }

    fn headers(&self) -> Result<Vec<(&str, String)>, ConfigError> {
        let headers = self.http.headers.iter().map(|header| {
            let value = match &header.value {
                HeaderValue::Text(text) => text.clone(),
                HeaderValue::Environment(variable) => std::env::var(variable)
                    .map_err(|_| self.wrong(format!("the header {} is to have the value of {variable}, which is not set in the environment", header.name)))?,
            };
            Ok((header.name.as_str(), value))
        });
        headers.collect()
    }

    #[cfg(feature = "tls")]
    fn file(&self, path: &Option<String>) -> Result<Option<Vec<u8>>, ConfigError> {
        let read =
            |path| std::fs::read(path).map_err(|error| self.wrong(format!("{path}: {error}")));
        path.as_ref().map(read).transpose()
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> ConfigError {
        ConfigError::new("", format!("spans cannot go to {}: {reason}", self.url))
    }
}
