//! The reporter's thread: its start, its loop (queue → encoder → sender) and its end.
//!
//! What a message goes through is in `delivery`; this file decides when there is one.

use super::{
    delivery::Delivery,
    encoder::Encoder,
    error::ReporterError,
    message_buffer::AddOutcome,
    options::{BatchOptions, THREAD_NAME, after},
    sender::Sender,
    state::{ReporterState, TakenRequests},
};
use crate::user_code::catch;
use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, mpsc},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};
use tokio::runtime::{self, Runtime};

/// The shortest time between two looks at the queue. With less the thread would never sleep.
const MIN_AGE: Duration = Duration::from_millis(1);

/// Starts the thread. Returns its runtime and its id.
pub(super) fn start<E: Encoder, S: Sender>(
    state: &Arc<ReporterState>,
    encoder: E,
    sender: S,
    options: BatchOptions,
) -> Result<(runtime::Handle, ThreadId), ReporterError> {
    let (started, starting) = mpsc::sync_channel(1);
    let state = Arc::clone(state);
    let name = options.thread_name.clone();
    let thread = thread::Builder::new()
        .name(name.unwrap_or_else(|| THREAD_NAME.to_owned()))
        .spawn(move || {
            let runtime = start_runtime();
            match runtime {
                Ok(runtime) => {
                    let _ = started.send(Ok(runtime.handle().clone()));
                    run(&state, runtime, encoder, sender, options);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        })
        .map_err(start_error)?;
    let runtime = starting
        .recv()
        .map_err(|_| ReporterError::new("thread", "ended while it was started"))?
        .map_err(start_error)?;
    Ok((runtime, thread.thread().id()))
}

fn start_runtime() -> io::Result<Runtime> {
    let mut builder = runtime::Builder::new_current_thread();
    #[cfg(feature = "tracing-layer")]
    builder.on_thread_start(crate::span::guards::mute_thread);
    builder.enable_all().build()
}

fn start_error(error: io::Error) -> ReporterError {
    ReporterError::new("thread", format!("cannot be started: {error}")).caused_by(error)
}

/// Runs the worker to its end, and accounts for all spans, even after a panic.
fn run<E: Encoder, S: Sender>(
    state: &Arc<ReporterState>,
    runtime: Runtime,
    encoder: E,
    sender: S,
    options: BatchOptions,
) {
    // What the sender does must not be traced, or each message would make spans for the next.
    #[cfg(feature = "tracing-layer")]
    crate::span::guards::mute_thread();
    let _ending = Ending(state);
    let mut worker = None;
    let ran = catch(|| {
        let worker = worker.insert(Worker::new(state, encoder, sender, options));
        runtime.block_on(worker.run());
    });
    state.drop_rest();
    match (ran, &mut worker) {
        (Ok(()), Some(worker)) => worker.delivery.log().ended(state),
        (ran, _) => state.panicked(&ran.err().unwrap_or_default()),
    }
    // The drop of an encoder or a sender may panic as well.
    let _ = catch(|| drop(worker));
    // Does not wait for blocking tasks: a DNS lookup that hangs must not delay the end.
    runtime.shutdown_background();
}

/// Completes all waiters, whatever happens on the thread.
struct Ending<'a>(&'a ReporterState);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Worker<E, S> {
    state: Arc<ReporterState>,
    delivery: Delivery<E, S>,
    message_limit: usize,
    max_age: Duration,
    /// The requests in progress. Their waiters complete when this is dropped: if the worker
    /// panics, after its spans are counted.
    requests: Option<TakenRequests>,
}

impl<E: Encoder, S: Sender> Worker<E, S> {
    fn new(
        state: &Arc<ReporterState>,
        encoder: E,
        sender: S,
        options: BatchOptions,
    ) -> Worker<E, S> {
        Worker {
            state: Arc::clone(state),
            delivery: Delivery::new(Arc::clone(state), encoder, sender, &options),
            message_limit: options.message_limit,
            max_age: options.max_age.max(MIN_AGE),
            requests: None,
        }
    }

    async fn run(&mut self) {
        let mut tick = after(self.max_age);
        loop {
            self.state.sleep_until(tick).await;
            let requests = self.requests.insert(self.state.take_requests());
            let closing = requests.closing;
            let due = requests.is_urgent() || Instant::now() >= tick;
            if self.empty_queue(due).await.is_break() {
                break;
            }
            self.requests = None;
            if due {
                tick = after(self.max_age);
            }
            if closing && self.state.queue.is_empty() {
                break;
            }
        }
    }

    /// Takes what is queued and sends full messages; if `due`, the last one too. Breaks when the
    /// worker must end.
    async fn empty_queue(&mut self, due: bool) -> ControlFlow<()> {
        for shard in 0..self.state.queue.shards() {
            for _ in 0..self.state.queue.len(shard) {
                let added = self.state.queue.pop(shard, |span| {
                    self.state.counters.count_taken();
                    self.delivery.add(span, self.message_limit)
                });
                match added {
                    Some(AddOutcome::MessageFull) => self.delivery.send().await?,
                    Some(AddOutcome::Added | AddOutcome::Dropped(..)) => {}
                    None => break,
                }
            }
        }
        if due {
            self.delivery.send().await?;
        }
        ControlFlow::Continue(())
    }
}
