//! The only loop: queue → encoder → sender.

use super::{
    Encoder, ReporterError, Sender, Settings, deliver::Delivery, outage::Log, pending::Added,
    shared::Shared,
};
use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, mpsc},
    thread::{self, ThreadId},
    time::Instant,
};
use tokio::runtime::{self, Runtime};

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
        let mut ending = Ending { shared, log: None };
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime: Runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let _ = started.send(Ok(runtime.handle().clone()));
        let worker = Worker {
            shared: Arc::clone(&ending.shared),
            delivery: Delivery::new(Arc::clone(&ending.shared), encoder, sender, &settings),
            settings,
        };
        ending.log = Some(runtime.block_on(worker.run()));
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

/// What is done last on the thread, be it in a panic of an encoder or a sender.
struct Ending {
    shared: Arc<Shared>,
    log: Option<Log>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.account();
        match &mut self.log {
            Some(log) => log.end(&self.shared),
            None => {
                let stats = self.shared.stats();
                tracing::error!("the reporter's thread ended by itself: {stats}");
            }
        }
        self.shared.end();
    }
}

struct Worker<E, S> {
    shared: Arc<Shared>,
    delivery: Delivery<E, S>,
    settings: Settings,
}

impl<E: Encoder, S: Sender> Worker<E, S> {
    async fn run(mut self) -> Log {
        let mut tick = Instant::now() + self.settings.max_age;
        loop {
            self.shared.sleep_until(tick).await;
            let requests = self.shared.take_requests();
            let due = requests.is_urgent() || Instant::now() >= tick;
            if self.pass(due).await.is_break() {
                break;
            }
            if due {
                tick = Instant::now() + self.settings.max_age;
            }
            if requests.closing && self.shared.queue.is_empty() {
                break;
            }
        }
        self.delivery.into_log()
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
