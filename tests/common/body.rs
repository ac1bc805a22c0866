//! A response body that does what it is told.

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
    /// Waits, once.
    Wait,
    /// Runs some of the test's code in the poll.
    Do(Box<dyn FnMut() + Send>),
}

/// Does one step after the other in its polls.
#[derive(Default)]
pub struct Script {
    steps: VecDeque<Step>,
    length: Option<u64>,
    tells_end: bool,
    on_drop: Option<Box<dyn FnMut() + Send>>,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Script {
        let mut script = Script::default();
        script.steps.extend(steps);
        script
    }

    /// Data of unknown size, whose end shows only in the last poll.
    pub fn data(data: &'static str) -> Script {
        Script::new([Step::Data(data)])
    }

    /// Trailers alone.
    pub fn trailers(pairs: &[(&'static str, &'static str)]) -> Script {
        Script::new([Step::trailers(pairs)])
    }

    /// Tells its exact size.
    pub fn sized(mut self, length: u64) -> Script {
        self.length = Some(length);
        self
    }

    /// Tells when nothing is left.
    pub fn tells_end(mut self) -> Script {
        self.tells_end = true;
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
                Step::Panic => panic!("the body panics, as the test wants it"),
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
        self.tells_end && self.steps.is_empty()
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
