//! A scripted response body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

pub enum Step {
    Data(&'static str),
    Trailers(HeaderMap),
    Error(&'static str),
    Panic,
    /// Is pending once.
    Wait,
    /// Runs code of the test in the poll.
    Do(Box<dyn FnMut() + Send>),
}

/// A body that does one step after another in its polls.
#[derive(Default)]
pub struct Script {
    steps: VecDeque<Step>,
    length: Option<u64>,
    reports_end_of_stream: bool,
    on_drop: Option<Box<dyn FnMut() + Send>>,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Script {
        let mut script = Script::default();
        script.steps.extend(steps);
        script
    }

    /// Data of unknown size; only the last poll shows its end.
    pub fn data(data: &'static str) -> Script {
        Script::new([Step::Data(data)])
    }

    /// Trailers alone.
    pub fn trailers(pairs: &[(&'static str, &'static str)]) -> Script {
        Script::new([Step::trailers(pairs)])
    }

    /// Reports its exact size.
    pub fn sized(mut self, length: u64) -> Script {
        self.length = Some(length);
        self
    }

    /// Reports the end of the stream when no step is left.
    pub fn reports_end_of_stream(mut self) -> Script {
        self.reports_end_of_stream = true;
        self
    }

    pub fn on_drop(mut self, work: impl FnMut() + Send + 'static) -> Script {
        self.on_drop = Some(Box::new(work));
        self
    }
}

impl Step {
    pub fn trailers(pairs: &[(&'static str, &'static str)]) -> Step {
        let pair = |&(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        Step::Trailers(pairs.iter().map(pair).collect())
    }

    pub fn run(work: impl FnMut() + Send + 'static) -> Step {
        Step::Do(Box::new(work))
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        loop {
            let Some(step) = self.steps.pop_front() else {
                return Poll::Ready(None);
            };
            return match step {
                Step::Data(data) => {
                    Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))))
                }
                Step::Trailers(trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Step::Error(error) => Poll::Ready(Some(Err(error))),
                Step::Panic => panic!("expected: the body panics"),
                Step::Wait => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Step::Do(mut work) => {
                    work();
                    continue;
                }
            };
        }
    }

    fn is_end_stream(&self) -> bool {
        self.reports_end_of_stream && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if let Some(work) = &mut self.on_drop {
            work();
        }
    }
}
