//! The only loop: queue → encoder → sender.

use super::{
    Encoder, ReporterError, Sender, Settings,
    deliver::Delivery,
    pending::Added,
    settings::after,
    shared::{Requests, Shared},
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

/// Between two looks at the queue: less, and the thread would never sleep.
const LEAST_AGE: Duration = Duration::from_millis(1);

/// Starts the thread; gives its runtime and its id.
pub(super) fn start<E: Encoder, S: Sender>(
    shared: &Arc<Shared>,
    encoder: E,
    sender: S,
    settings: Settings,
) -> Result<(runtime::Handle, ThreadId), ReporterError> {
    let failed = |error: io::Error| ReporterError::new("thread", error.to_string());
    let (started, starting) = mpsc::sync_channel(1);
    let shared = Arc::clone(shared);
    let name = settings.name.clone();
    let run = move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime: Runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let _ = started.send(Ok(runtime.handle().clone()));
        let _ending = Ending(&shared);
        let mut worker = None;
        let ran = catch(|| {
            let worker = worker.insert(Worker::new(&shared, encoder, sender, settings));
            runtime.block_on(worker.run());
        });
        shared.account();
        match (ran, &mut worker) {
            (Ok(()), Some(worker)) => worker.delivery.log().end(&shared),
            (ran, _) => shared.panicked(&ran.err().unwrap_or_default()),
        }
        // An encoder or a sender may panic once more.
        let _ = catch(|| drop(worker));
        // A look-up of a name that hangs must not keep anybody waiting.
        runtime.shutdown_background();
    };
    let thread = thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(failed)?;
    let runtime = starting
        .recv()
        .map_err(|_| ReporterError::new("thread", "it ended at once"))?
        .map_err(failed)?;
    Ok((runtime, thread.thread().id()))
}

/// Lets go of everybody who waits, whatever happens on the thread.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Worker<E, S> {
    shared: Arc<Shared>,
    delivery: Delivery<E, S>,
    settings: Settings,
    /// What it is asked to do now. Those who wait for it are told when this is dropped: if the
    /// worker panics, once its spans are counted.
    requests: Option<Requests>,
}

impl<E: Encoder, S: Sender> Worker<E, S> {
    fn new(shared: &Arc<Shared>, encoder: E, sender: S, settings: Settings) -> Worker<E, S> {
        Worker {
            shared: Arc::clone(shared),
            delivery: Delivery::new(Arc::clone(shared), encoder, sender, &settings),
            settings,
            requests: None,
        }
    }

    async fn run(&mut self) {
        let max_age = self.settings.max_age.max(LEAST_AGE);
        let mut tick = after(max_age);
        loop {
            self.shared.sleep_until(tick).await;
            let requests = self.requests.insert(self.shared.take_requests());
            let closing = requests.closing;
            let due = requests.is_urgent() || Instant::now() >= tick;
            if self.pass(due).await.is_break() {
                break;
            }
            self.requests = None;
            if due {
                tick = after(max_age);
            }
            if closing && self.shared.queue.is_empty() {
                break;
            }
        }
    }

    /// Takes all that is queued and sends what fills a message; the rest too if it is due.
    async fn pass(&mut self, due: bool) -> ControlFlow<()> {
        for shard in 0..self.shared.queue.shards() {
            for _ in 0..self.shared.queue.len(shard) {
                let added = self.shared.queue.pop(shard, |span| {
                    self.shared.counters.take();
                    self.delivery.add(span, self.settings.message_limit)
                });
                let Some(added) = added else {
                    break;
                };
                if matches!(added, Added::Next) {
                    self.delivery.send().await?;
                }
            }
        }
        if due {
            self.delivery.send().await?;
        }
        ControlFlow::Continue(())
    }
}
