//! A log whose lines a test reads.

use crate::common::{Script, TestTracer, drain, headers, now};
use http::{Request, Response};
use std::{
    convert::Infallible,
    future::ready,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    TracerBuilder,
    access_log::{AccessLog, AccessLogBuilder, AccessLogFormat},
};

pub const PATIENCE: Duration = Duration::from_secs(60);

/// The output of a log.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// All bytes so far.
    pub fn bytes(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A tracer with a log, and what the log has written.
pub struct Logged {
    pub log: AccessLog,
    lines: Lines,
    pub test: TestTracer,
}

impl Logged {
    pub fn new(format: AccessLogFormat) -> Logged {
        Logged::of(|log| log.format(format), |tracer| tracer)
    }

    /// A log with this text format.
    pub fn text(format: &str) -> Logged {
        Logged::new(AccessLogFormat::text(format).unwrap())
    }

    pub fn of(
        log: impl FnOnce(AccessLogBuilder) -> AccessLogBuilder,
        tracer: impl FnOnce(TracerBuilder) -> TracerBuilder,
    ) -> Logged {
        let lines = Lines::default();
        let log = log(AccessLog::builder()).writer(lines.clone());
        let log = log.start().unwrap();
        let test = TestTracer::of(|builder| tracer(builder.observer(log.clone())));
        Logged { log, lines, test }
    }

    /// What was written since the last call.
    #[track_caller]
    pub fn take_bytes(&self) -> Vec<u8> {
        assert!(self.log.flush(PATIENCE));
        self.test.spans.take_all();
        self.lines.bytes()
    }

    #[track_caller]
    pub fn take(&self) -> String {
        String::from_utf8(self.take_bytes()).unwrap()
    }

    /// The line of one exchange, without its line break.
    #[track_caller]
    pub fn take_line(&self) -> String {
        let line = self.take();
        let line = line
            .strip_suffix('\n')
            .unwrap_or_else(|| panic!("{line:?}"));
        assert!(!line.contains('\n'), "{line:?}");
        line.to_owned()
    }

    /// The line of a request that is served with this answer.
    #[track_caller]
    pub fn serve(&self, request: Request<()>, answer: impl Fn() -> Response<Script>) -> String {
        self.served(request, answer);
        self.take_line()
    }

    pub fn served(&self, request: Request<()>, answer: impl Fn() -> Response<Script>) {
        let layer = self.test.tracer.server_layer().echo_request_id(false);
        let mut server = layer.layer(service_fn(|_| ready(Ok::<_, Infallible>(answer()))));
        let mut response = now(server.call(request)).unwrap();
        drain(response.body_mut()).unwrap();
    }
}

/// A response with these headers.
pub fn answer(lines: &str, body: Script) -> Response<Script> {
    let mut response = Response::new(body);
    *response.headers_mut() = headers(lines);
    response
}

pub fn empty() -> Response<Script> {
    Response::new(Script::default())
}
