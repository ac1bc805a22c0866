//! The tracer: joins an incoming context, starts children, decides on sampling.

mod builder;
mod core;
mod direction;

pub use builder::{BuildError, TracerBuilder};
#[cfg(feature = "config")]
use core::Code;
pub(crate) use core::{Core, Live, LiveCache};
pub(crate) use direction::Directed;
pub use direction::Direction;

use crate::{
    context::TraceContext,
    id::RequestId,
    propagation::{Field, Forwarded, Incoming, Propagation},
    sample::Sampler,
    scope,
    span::Span,
    tag::{CustomTags, Tag, TagError},
};
use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

/// Makes the layers and the spans of one service.
///
/// Built once, cheap to clone, never global. Both layers come from it:
///
/// ```
/// use tower_b3::{Tracer, report::InMemoryReporter, sample::Sampler, tag::Tag};
///
/// let tracer = Tracer::builder("webapp")
///     .sampler(Sampler::percentage(10.0)?)
///     .tag(Tag::literal("custom_tag", "Test Tag"))
///     .tag(Tag::environment("zone", "ZONE").default_value("unknown"))
///     .tag(Tag::request_header("tenant", "x-tenant"))
///     .reporter(InMemoryReporter::default())
///     .build()?;
/// let server_layer = tracer.server_layer();
/// let client_layer = tracer.client_layer();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tracer {
    pub(crate) core: Arc<Core>,
}

/// Who makes the spans of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The layers.
    #[default]
    Spans,
    /// A sidecar beside the service: the layers only carry the tracing headers from the request
    /// being served to every request made for it, byte for byte, all values in their order,
    /// malformed ones included. Nothing is generated or replaced.
    ///
    /// For one [direction](TracerBuilder::mode_for): Istio's `disableSpanReporting`. Requests sent
    /// below a SERVER span then carry that span's context, and requests sent below none are left
    /// alone.
    ForwardOnly,
    /// The layers, but the tracing headers go on as they came, not with the spans' own contexts:
    /// Istio's `disableContextPropagation`. Requests sent below a SERVER span carry what its
    /// request carried; those with a CLIENT span, what they would carry without it. A missing
    /// `x-request-id` is still made.
    RecordOnly,
}

impl Tracer {
    /// Starts a local span at the top of a new trace: for work that no request asked for. Where a
    /// span is current, even one of another tracer, the new one is its child.
    ///
    /// The sampler of [`Direction::Client`] decides, as for a request without trace headers. Where
    /// that direction is [`Mode::ForwardOnly`] the span does nothing. Calls made inside carry a new `x-request-id`, the same on each.
    pub fn span(&self, name: impl AsRef<str>) -> Span {
        let name = name.as_ref();
        if let Some(span) = scope::below(name, Some(self.core.sink())) {
            return span;
        }
        let live = self.core.live(Direction::Client);
        let mut forwarded = Forwarded::default();
        forwarded.set_request_id(RequestId::random());
        let incoming = Incoming::default();
        let context = self.core.root(&live, &incoming, &mut forwarded, None);
        self.start_span(name, context, forwarded)
    }

    /// Starts a local span below a context that came from elsewhere: with a message, say. Where it
    /// is undecided, the sampler decides. Calls made inside carry a new `x-request-id`.
    pub fn span_below(&self, parent: TraceContext, name: impl AsRef<str>) -> Span {
        let context = self.core.decided(parent).child();
        let mut forwarded = Forwarded::default();
        forwarded.set_request_id(RequestId::random());
        self.start_span(name.as_ref(), context, forwarded)
    }

    fn start_span(&self, name: &str, context: TraceContext, forwarded: Forwarded) -> Span {
        if self.core.mode.client == Mode::ForwardOnly {
            return Span::none();
        }
        let mut open = scope::blank();
        open.inherited.context = Some(context);
        open.inherited.forwarded = forwarded;
        self.core.start(&mut open, true);
        open.rename(name);
        #[cfg(feature = "tracing")]
        open.set_log(&context);
        Span::of(open)
    }

    /// Puts another sampler in place, for the requests from now on. Clones of the tracer and the
    /// layers made from it change with it.
    pub fn set_sampler(&self, sampler: Sampler) {
        for direction in Direction::BOTH {
            self.set_sampler_for(direction, sampler.clone());
        }
    }

    /// Puts another sampler in place for traces that begin in this direction.
    pub fn set_sampler_for(&self, direction: Direction, sampler: Sampler) {
        self.core.change(direction, Some(&sampler), None);
    }

    /// Puts other custom tags in the place of the builder's, for the spans that start from now on.
    /// Environment tags are read now.
    ///
    /// # Errors
    ///
    /// A tag that cannot be used; then nothing has changed.
    pub fn set_tags(&self, tags: impl IntoIterator<Item = Tag>) -> Result<(), TagError> {
        let tags: Vec<Tag> = tags.into_iter().collect();
        // What cannot be used cannot be used in either direction.
        let mut directions = Direction::BOTH.into_iter();
        directions.try_for_each(|direction| self.set_tags_for(direction, tags.clone()))
    }

    /// Puts other custom tags in the place of the builder's, for the spans of this direction that
    /// start from now on. Environment tags are read now. Those of the
    /// [identity](TracerBuilder::identity) stay.
    ///
    /// # Errors
    ///
    /// A tag that cannot be used; then nothing has changed.
    pub fn set_tags_for(
        &self,
        direction: Direction,
        tags: impl IntoIterator<Item = Tag>,
    ) -> Result<(), TagError> {
        let identity = self.core.identity.of(direction).iter().cloned();
        let tags = CustomTags::resolve(tags.into_iter().chain(identity))?;
        self.core.change(direction, None, Some(&tags));
        Ok(())
    }

    /// Does what these documents of Istio's say, from now on: samplers and custom tags, but where code
    /// has set them in the builder ([`TracerBuilder::config`] tells how they are merged). What
    /// [`set_sampler`](Self::set_sampler) and [`set_tags_for`](Self::set_tags_for) have put in place
    /// since gives way, but for a sampler where the builder has set one. Everything else stays as it
    /// was built.
    ///
    /// # Errors
    ///
    /// A provider that is used and is not set up right, or is not supported and `strict`; a tag that
    /// cannot be used. Then nothing has changed.
    #[cfg(feature = "config")]
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    pub fn reconfigure(&self, config: &crate::config::TracingConfig) -> Result<(), BuildError> {
        config.check()?;
        let tags = |direction| -> Result<CustomTags, TagError> {
            let code = self.core.code.of(direction).tags.iter().cloned();
            let identity = self.core.identity.of(direction).iter().cloned();
            CustomTags::resolve(code.chain(config.tags(direction)).chain(identity))
        };
        let tags = Directed {
            server: tags(Direction::Server)?,
            client: tags(Direction::Client)?,
        };
        for direction in Direction::BOTH {
            let sampler = match self.core.code.of(direction).sampler {
                true => None,
                false => Some(config.sampler(direction)),
            };
            let tags = tags.of(direction);
            self.core.change(direction, sampler.as_ref(), Some(tags));
        }
        Ok(())
    }

    /// Waits until the reporter has dealt with the spans finished so far, at most until the
    /// deadline; `true` if it has. Blocks: inside an async runtime, use `spawn_blocking`.
    pub fn flush(&self, deadline: Duration) -> bool {
        self.core.sinks.settings().reporter.flush(deadline)
    }

    /// How often this header could not be read. What was wrong is logged at `debug`, once a
    /// header.
    pub fn malformed(&self, field: Field) -> u64 {
        self.core.malformed[field as usize].load(Relaxed)
    }

    /// How many spans of debug traces were not recorded because of
    /// [`debug_rate_limit`](TracerBuilder::debug_rate_limit).
    pub fn debug_limited(&self) -> u64 {
        self.core.debug_limited.load(Relaxed)
    }

    /// What is read from and written to headers.
    pub fn propagation(&self) -> &Propagation {
        &self.core.propagation
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("endpoint", &self.core.sinks.settings().endpoint)
            .field("sampler", &self.core.live(Direction::Server).sampler)
            .field("mode", &self.core.mode)
            .finish_non_exhaustive()
    }
}
