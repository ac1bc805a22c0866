//! A file of documents, and following it while the service runs.

#[cfg(any(feature = "otlp", feature = "zipkin"))]
use super::{CollectorReporter, collector::Endpoint, reporter::Certificates};
use super::{ConfigError, Documents, TracingConfig, Workload, model};
#[cfg(any(feature = "otlp", feature = "zipkin"))]
use crate::printable::Printable;
use crate::{printable::place, tracer::Tracer};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often the file is looked at. A mounted ConfigMap follows its resource within a minute or so.
const PERIOD: Duration = Duration::from_secs(1);

/// A file of documents that can be followed while the service runs.
///
/// ```no_run
/// use tower_b3::{Tracer, config::{ConfigFile, TracingConfig}};
///
/// # #[cfg(any(feature = "otlp", feature = "zipkin"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut file = ConfigFile::open("/etc/shop/tracing.yaml")?.over(TracingConfig::from_env()?)?;
/// let mut builder = Tracer::builder("webapp").config(file.config());
/// if let Some(reporter) = file.config().reporter()? {
///     builder = builder.reporter(reporter.clone());
///     file = file.reporter(reporter);
/// }
/// let tracer = builder.build()?;
/// let _followed = file.watch(&tracer)?;
/// # Ok(()) }
/// # #[cfg(not(any(feature = "otlp", feature = "zipkin")))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct ConfigFile {
    source: Source,
    text: Result<String, ConfigError>,
    config: TracingConfig,
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    reporter: Option<CollectorReporter>,
}

/// What is read, and how.
#[derive(Debug, Clone)]
struct Source {
    path: PathBuf,
    workload: Option<Workload>,
    under: TracingConfig,
}

impl Source {
    /// The path, for the log.
    fn shown(&self) -> String {
        place(&self.path.display().to_string()).to_string()
    }

    fn read(&self, text: &str) -> Result<TracingConfig, ConfigError> {
        let documents = Documents::parse(text)?;
        let config = match &self.workload {
            Some(workload) => documents.for_workload(workload),
            None => documents.all(),
        }?;
        Ok(config.over(self.under.clone()))
    }
}

impl ConfigFile {
    /// Reads the file, as [`Documents::from_file`] does, and counts all of it.
    ///
    /// # Errors
    ///
    /// As there. A provider that is used and is not set up right is an error of the next step: it may
    /// be none of [this workload's](Self::for_workload).
    pub fn open(path: impl AsRef<Path>) -> Result<ConfigFile, ConfigError> {
        let path = path.as_ref();
        let text = model::read(path).map_err(|error| error.of_file(path))?;
        // What is wrong for other workloads only is not judged.
        let documents = Documents::parse(&text).map_err(|error| error.of_file(path))?;
        Ok(ConfigFile {
            source: Source {
                path: path.to_owned(),
                workload: None,
                under: TracingConfig::default(),
            },
            text: Ok(text),
            config: documents.unchecked(),
            #[cfg(any(feature = "otlp", feature = "zipkin"))]
            reporter: None,
        })
    }

    /// Counts only what is [for this workload](Documents::for_workload).
    ///
    /// # Errors
    ///
    /// As [`Documents::for_workload`].
    pub fn for_workload(mut self, workload: Workload) -> Result<ConfigFile, ConfigError> {
        self.source.workload = Some(workload);
        self.read()
    }

    /// The file stands over this, where it says something: over
    /// [what the environment says](TracingConfig::from_env), for one.
    ///
    /// # Errors
    ///
    /// What both come to cannot be followed.
    pub fn over(mut self, under: TracingConfig) -> Result<ConfigFile, ConfigError> {
        self.source.under = under;
        self.read()
    }

    /// The reporter that goes where the file says, when that changes.
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "otlp", feature = "zipkin"))))]
    #[must_use]
    pub fn reporter(mut self, reporter: CollectorReporter) -> ConfigFile {
        self.reporter = Some(reporter);
        self
    }

    fn read(mut self) -> Result<ConfigFile, ConfigError> {
        let config = self.text.clone().and_then(|text| self.source.read(&text));
        self.config = config.map_err(|error| error.of_file(&self.source.path))?;
        Ok(self)
    }

    /// What it comes to.
    pub fn config(&self) -> &TracingConfig {
        &self.config
    }

    /// Follows the file, once a second, on a thread of its own: what changes in it goes for the
    /// tracer, as [`Tracer::reconfigure`] has it, and the collector's address for the `reporter`. The
    /// rest needs a restart, and a line in the log says so.
    ///
    /// The files of certificates that it names are followed too, so that the `reporter` goes on
    /// when they are renewed. One that cannot be read is a warning, and is looked at again.
    ///
    /// A file that is gone or cannot be followed changes nothing, and is a warning, once. So is
    /// anything that is not a regular file, such as a pipe.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn watch(self, tracer: &Tracer) -> io::Result<Watch> {
        let (stop, stopped) = mpsc::channel::<()>();
        let mut follower = Follower {
            started: self.config.clone(),
            #[cfg(any(feature = "otlp", feature = "zipkin"))]
            sent: self.config.clone(),
            #[cfg(any(feature = "otlp", feature = "zipkin"))]
            destination: Destination::of(&self),
            file: self,
            tracer: tracer.clone(),
        };
        let follow = move || {
            while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                follower.look();
            }
        };
        let thread = thread::Builder::new()
            .name("tower-b3-config".to_owned())
            .spawn(follow)?;
        Ok(Watch {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// What the file says may be a secret.
impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile")
            .field("path", &self.source.path)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Follows a file until it is dropped. From [`ConfigFile::watch`].
#[must_use = "the file is followed until this is dropped"]
pub struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop = None;
        // A subscriber of the log may hold it, and drop it on the very thread.
        let own = |thread: &JoinHandle<()>| thread.thread().id() == thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !own(thread)) {
            // It does not panic, and if it did nothing would be left to do.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

struct Follower {
    /// With the configuration that the tracer follows.
    file: ConfigFile,
    tracer: Tracer,
    /// What the tracer was built by.
    started: TracingConfig,
    /// What says where spans go.
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    sent: TracingConfig,
    /// Where they were to go when it was looked at last.
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    destination: Destination,
}

/// Where spans are to go, and with which certificates.
#[cfg(any(feature = "otlp", feature = "zipkin"))]
#[derive(PartialEq)]
struct Destination {
    endpoint: Result<Result<Endpoint, String>, ConfigError>,
    certificates: Result<Certificates, ConfigError>,
}

#[cfg(any(feature = "otlp", feature = "zipkin"))]
impl Destination {
    fn of(file: &ConfigFile) -> Destination {
        let endpoint = file.config.endpoint();
        let certificates = match (&endpoint, &file.reporter) {
            (Ok(Ok(endpoint)), Some(_)) => endpoint.certificates(),
            _ => Ok(Certificates::default()),
        };
        Destination {
            endpoint,
            certificates,
        }
    }
}

impl Follower {
    /// Contents are compared, not times: a mounted ConfigMap is a link that is put elsewhere.
    fn look(&mut self) {
        self.look_at_file();
        #[cfg(any(feature = "otlp", feature = "zipkin"))]
        self.look_at_destination();
    }

    fn look_at_file(&mut self) {
        let path = &self.file.source.path;
        let text = model::read(path).map_err(|error| error.of_file(path));
        if text == self.file.text {
            return;
        }
        self.file.text = text;
        match self.file.clone().read() {
            Ok(changed) => self.follow(changed),
            Err(error) => tracing::warn!("tracing stays as it is: {error}"),
        }
    }

    fn follow(&mut self, changed: ConfigFile) {
        if self.file.config == changed.config {
            return;
        }
        if let Err(error) = self.tracer.reconfigure(&changed.config) {
            let path = self.file.source.shown();
            tracing::warn!("tracing stays as it is: {path}: {error}");
            return;
        }
        self.file = changed;
        let path = self.file.source.shown();
        let waiting = self.file.config.needs_restart(&self.started);
        if waiting.is_empty() {
            tracing::info!("{path} has changed, and tracing with it");
        } else {
            let waiting = waiting.join(", ");
            tracing::warn!("{path} has changed; until a restart these stay as they are: {waiting}");
        }
    }

    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    fn look_at_destination(&mut self) {
        let destination = Destination::of(&self.file);
        if destination == self.destination {
            return;
        }
        self.destination = destination;
        let now = &self.file.config;
        let (from, to) = (self.sent.collector(), now.collector());
        let redirected = match &self.file.reporter {
            Some(reporter) => reporter.redirect(now),
            None => Err(ConfigError::new("", "no reporter was started")),
        };
        match redirected {
            Ok(()) if self.sent.endpoint() == now.endpoint() => {
                tracing::info!("the certificates for {} were read again", shown(&to));
            }
            Ok(()) => {
                tracing::info!("spans go to {}", shown(&to));
                self.sent = now.clone();
            }
            Err(error) => tracing::warn!("spans still go to {}: {error}", shown(&from)),
        }
    }
}

#[cfg(any(feature = "otlp", feature = "zipkin"))]
fn shown(collector: &Result<super::Collector, ConfigError>) -> Printable<'_> {
    let url = collector.as_ref().ok().and_then(super::Collector::url);
    place(url.unwrap_or("nowhere"))
}
