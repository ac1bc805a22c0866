//! Where spans are to go while a file is watched, and the redirection of the reporter when the
//! collector or one of its certificates changes.

use super::{
    collector::Collector, endpoint::Target, file::ConfigFile, model::TracingConfig,
    reporter::Certificates,
};
use crate::{
    config_error::ConfigError,
    printable::{Printable, place},
};

pub(super) struct Destination {
    /// The configuration by which the reporter sends.
    sent_by: TracingConfig,
    last_seen: Snapshot,
}

/// What is compared to find out whether anything has changed.
#[derive(PartialEq)]
struct Snapshot {
    target: Result<Target, ConfigError>,
    certificates: Result<Certificates, ConfigError>,
}

impl Snapshot {
    fn of(file: &ConfigFile) -> Snapshot {
        let target = file.config().target();
        let certificates = match (&target, file.redirected_reporter()) {
            (Ok(Target::Endpoint(endpoint)), Some(_)) => endpoint.certificates(),
            _ => Ok(Certificates::default()),
        };
        Snapshot {
            target,
            certificates,
        }
    }
}

impl Destination {
    pub(super) fn of(file: &ConfigFile) -> Destination {
        Destination {
            sent_by: file.config().clone(),
            last_seen: Snapshot::of(file),
        }
    }

    /// Redirects the reporter if something has changed, and logs the result.
    pub(super) fn update(&mut self, file: &ConfigFile) {
        let snapshot = Snapshot::of(file);
        if snapshot == self.last_seen {
            return;
        }
        self.last_seen = snapshot;
        let config = file.config();
        let (previous, next) = (self.sent_by.collector(), config.collector());
        let redirected = match file.redirected_reporter() {
            Some(reporter) => reporter.redirect(config),
            None => Err(ConfigError::general("no reporter was started")),
        };
        match redirected {
            Ok(()) if self.sent_by.target() == config.target() => {
                tracing::info!("reloaded the certificates for {}", shown(&next));
            }
            Ok(()) => {
                tracing::info!("spans are now sent to {}", shown(&next));
                self.sent_by = config.clone();
            }
            Err(error) => {
                tracing::warn!("spans are still sent to {}: {error}", shown(&previous));
            }
        }
    }
}

fn shown(collector: &Result<Collector, ConfigError>) -> Printable<'_> {
    let url = collector.as_ref().ok().and_then(Collector::url);
    place(url.unwrap_or("no collector"))
}
