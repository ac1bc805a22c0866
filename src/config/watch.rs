//! Reloads a [`ConfigFile`] while the service runs, on a thread of its own.

#[cfg(any(feature = "otlp", feature = "zipkin"))]
use super::destination::Destination;
use super::{file::ConfigFile, model::TracingConfig};
use crate::tracer::Tracer;
use std::{
    fmt, io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often the file is read. Kubernetes takes about a minute to update a mounted ConfigMap.
const PERIOD: Duration = Duration::from_secs(1);

impl ConfigFile {
    /// Reads the file once a second on a thread of its own, and applies its changes to the tracer as
    /// [`Tracer::reconfigure`] does. If the collector changes, the `reporter` is redirected. Other
    /// changes need a restart, which is logged. With the feature `metrics-config`, the tracer's metrics
    /// are reshaped, except for buckets and the expiry of series.
    ///
    /// Files of certificates that the file names are read too, so that the `reporter` uses renewed
    /// ones. A certificate that cannot be read is logged as a warning and tried again.
    ///
    /// A file that is missing, is not a regular file (such as a pipe) or cannot be used changes
    /// nothing. It is logged as a warning, once.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn watch(self, tracer: &Tracer) -> io::Result<Watch> {
        let (stop, stopped) = mpsc::channel::<()>();
        let mut watcher = Watcher {
            built_with: self.config().clone(),
            #[cfg(any(feature = "otlp", feature = "zipkin"))]
            destination: Destination::of(&self),
            file: self,
            tracer: tracer.clone(),
        };
        let run = move || {
            while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                watcher.look();
            }
        };
        let thread = thread::Builder::new()
            .name("tower-b3-config".to_owned())
            .spawn(run)?;
        Ok(Watch {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// Watches a file until it is dropped. From [`ConfigFile::watch`].
#[must_use = "the file is watched only until this is dropped"]
pub struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop = None;
        // A `tracing` subscriber may own the watch, and drop it on the watcher's own thread, which
        // cannot join itself.
        let is_current = |thread: &JoinHandle<()>| thread.thread().id() == thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !is_current(thread)) {
            // The thread does not panic; if it did, there would be nothing left to do.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// What the thread owns.
struct Watcher {
    /// With the configuration that the tracer uses.
    file: ConfigFile,
    tracer: Tracer,
    built_with: TracingConfig,
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    destination: Destination,
}

impl Watcher {
    fn look(&mut self) {
        if self.file.read_again() {
            match self.file.clone().merge_again() {
                Ok(changed) => self.apply(changed),
                Err(error) => tracing::warn!("tracing configuration not reloaded: {error}"),
            }
        }
        #[cfg(any(feature = "otlp", feature = "zipkin"))]
        self.destination.update(&self.file);
    }

    fn apply(&mut self, changed: ConfigFile) {
        if self.file.config() == changed.config() {
            return;
        }
        let path = self.file.shown_path();
        #[cfg(feature = "metrics-config")]
        let shape = match self.file.changed_shape(&changed, &self.tracer) {
            Ok(shape) => shape,
            Err(error) => {
                tracing::warn!("metrics configuration not reloaded: {error}");
                return;
            }
        };
        let traces = !self.file.config().traces_as(changed.config());
        if traces {
            if let Err(error) = self.tracer.reconfigure(changed.config()) {
                tracing::warn!("tracing configuration not reloaded: {path}: {error}");
                return;
            }
        }
        self.file = changed;
        #[cfg(feature = "metrics-config")]
        if let Some(shape) = shape {
            self.file.reshape(&self.tracer, shape);
        }
        self.log_reloaded(&path, if traces { "tracing" } else { "metrics" });
    }

    #[cfg(feature = "metrics-config")]
    fn changes_after_restart(&self) -> Vec<&'static str> {
        let config = self.file.config();
        let mut changes = config.changes_after_restart(&self.built_with);
        if self.file.shapes_metrics(&self.tracer) {
            changes.extend(config.metric_changes_after_restart(&self.built_with));
        }
        changes
    }

    #[cfg(not(feature = "metrics-config"))]
    fn changes_after_restart(&self) -> Vec<&'static str> {
        self.file.config().changes_after_restart(&self.built_with)
    }

    fn log_reloaded(&self, path: &str, what: &str) {
        let pending = self.changes_after_restart();
        if pending.is_empty() {
            tracing::info!("{what} configuration reloaded from {path}");
        } else {
            let pending = pending.join(", ");
            tracing::warn!(
                "{what} configuration reloaded from {path}; changes that need a restart: {pending}"
            );
        }
    }
}
