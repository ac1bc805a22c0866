//! [`ScrapeBody`]: the text for Prometheus in pieces, compressed if the scraper accepts it.

use super::{scrapes::OpenScrape, writer::Writer};
use bytes::Bytes;
#[cfg(feature = "gzip")]
use flate2::{Compression, write::GzEncoder};
use http_body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// How many bytes of text are written at once.
const PIECE: usize = 64 * 1024;

/// The body of a response, written while it is sent, from a snapshot of the counts. It does not block
/// counting.
#[derive(Default)]
pub struct ScrapeBody {
    /// The next piece.
    next: Option<Bytes>,
    rest: Option<(Pieces, OpenScrape)>,
}

/// What is left of the text.
pub(super) struct Pieces {
    writer: Writer,
    #[cfg(feature = "gzip")]
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Pieces {
    pub(super) fn new(writer: Writer) -> Pieces {
        Pieces {
            writer,
            #[cfg(feature = "gzip")]
            gzip: None,
        }
    }

    #[cfg(feature = "gzip")]
    pub(super) fn compressed(self) -> Pieces {
        Pieces {
            gzip: Some(GzEncoder::new(Vec::new(), Compression::fast())),
            ..self
        }
    }

    /// Never called.
    #[cfg(not(feature = "gzip"))]
    pub(super) fn compressed(self) -> Pieces {
        self
    }

    /// The next piece, and whether more follow.
    fn next(&mut self) -> (Bytes, bool) {
        let mut text = String::with_capacity(PIECE);
        let more = self.writer.write(&mut text, PIECE);
        #[cfg(feature = "gzip")]
        if let Some(mut gzip) = self.gzip.take() {
            use std::io::Write;
            // Writing to a vector does not fail.
            let _ = gzip.write_all(text.as_bytes());
            if !more {
                return (Bytes::from(gzip.finish().unwrap_or_default()), false);
            }
            let piece = std::mem::take(gzip.get_mut());
            self.gzip = Some(gzip);
            return (Bytes::from(piece), true);
        }
        (Bytes::from(text), more)
    }
}

impl ScrapeBody {
    pub(super) fn new(rest: Pieces, open: OpenScrape) -> ScrapeBody {
        let mut body = ScrapeBody {
            next: None,
            rest: Some((rest, open)),
        };
        // So that a short body has a length.
        body.make_next();
        body
    }

    fn make_next(&mut self) {
        while let (None, Some((rest, _))) = (&self.next, &mut self.rest) {
            let (piece, more) = rest.next();
            // The compressor may still hold everything.
            self.next = Some(piece).filter(|piece| !piece.is_empty());
            if !more {
                self.rest = None;
            }
        }
    }
}

impl Body for ScrapeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.make_next();
        Poll::Ready(self.next.take().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let next = self.next.as_ref().map_or(0, Bytes::len) as u64;
        match self.rest {
            None => SizeHint::with_exact(next),
            Some(_) => {
                let mut hint = SizeHint::new();
                hint.set_lower(next);
                hint
            }
        }
    }
}

impl fmt::Debug for ScrapeBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScrapeBody")
            .field("next", &self.next.as_ref().map(Bytes::len))
            .field("ended", &self.is_end_stream())
            .finish_non_exhaustive()
    }
}
