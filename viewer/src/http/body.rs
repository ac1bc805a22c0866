use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// The body of a response: complete, or a stream of events.
#[derive(Debug, Default)]
pub struct Body(Content);

#[derive(Debug)]
enum Content {
    Complete(Bytes),
    Stream(mpsc::Receiver<Bytes>),
}

impl Default for Content {
    fn default() -> Content {
        Content::Complete(Bytes::new())
    }
}

impl Body {
    /// A stream of what the sender sends. It ends with the sender.
    pub(super) fn stream(from: mpsc::Receiver<Bytes>) -> Body {
        Body(Content::Stream(from))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(content: T) -> Body {
        Body(Content::Complete(content.into()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match &mut self.0 {
            Content::Complete(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(bytes))
            }
            Content::Stream(from) => from.poll_recv(cx),
        };
        data.map(|data| data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Content::Complete(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Complete(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
