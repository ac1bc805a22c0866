use super::{
    Stats,
    counters::{Cause, Counters},
    panics::say,
    queue::{Pushed, Queue},
    ticket::Ticket,
};
use crate::record::SpanRecord;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Instant, SystemTime},
};
use tokio::sync::Notify;

/// What the handles and the worker share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) counters: Counters,
    control: Mutex<Control>,
    /// Wakes the worker. Only the worker waits on it.
    wake: Notify,
    /// Whether the worker sleeps, and nobody has woken it yet.
    asleep: AtomicBool,
    /// Whether spans are refused.
    closed: AtomicBool,
    /// Whether the worker is gone.
    ended: AtomicBool,
}

#[derive(Default)]
struct Control {
    tickets: Vec<Arc<Ticket>>,
    /// How many requests there were.
    requests: u64,
    /// How often messages were sent elsewhere.
    redirects: u64,
    /// When the worker gives up, once it is to end.
    give_up_at: Option<Instant>,
    /// How many spans were lost before that.
    lost_before: Option<u64>,
    ended: bool,
}

/// What the worker is asked to do. Those who wait for it are told when it is dropped.
pub(super) struct Requests {
    tickets: Vec<Arc<Ticket>>,
    pub(super) closing: bool,
}

impl Requests {
    pub(super) fn is_urgent(&self) -> bool {
        self.closing || !self.tickets.is_empty()
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.tickets.iter().for_each(|ticket| ticket.settle(true));
    }
}

impl Shared {
    pub(super) fn new(queue: Queue) -> Shared {
        Shared {
            queue,
            counters: Counters::default(),
            control: Mutex::default(),
            wake: Notify::new(),
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        // Nothing is left half done under this lock.
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a span, on the request's thread.
    pub(super) fn report(&self, span: &SpanRecord) {
        if self.closed.load(Relaxed) {
            self.queue.refuse();
            return;
        }
        if self.queue.push(span) == Pushed::Enough
            && self.asleep.load(Relaxed)
            && self.asleep.swap(false, Relaxed)
        {
            self.wake.notify_one();
        }
        // The worker emptied the queue for the last time after it set this. Either it saw the
        // push, or this sees the flag; perhaps both.
        if self.ended.load(SeqCst) {
            self.lose_queue();
        }
    }

    /// Refuses spans from now on; whether it took any until now.
    pub(super) fn refuse(&self) -> bool {
        !self.closed.swap(true, SeqCst)
    }

    fn lose_queue(&self) {
        for shard in 0..self.queue.shards() {
            while self.queue.pop(shard, |_| ()).is_some() {
                self.counters.take();
                self.counters.lose(Cause::Closed, 1);
            }
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.counters.stats(&self.queue)
    }

    /// Asks the worker to deal with all that is queued.
    pub(super) fn ask_to_flush(&self) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket::default());
        self.ask(|control| control.tickets.push(Arc::clone(&ticket)));
        ticket
    }

    /// Refuses spans from now on, and asks the worker to deal with what is queued and to end, by
    /// this deadline or by an earlier one that it was given before.
    pub(super) fn ask_to_end(&self, deadline: Instant) -> Arc<Ticket> {
        self.closed.store(true, SeqCst);
        let ticket = Arc::new(Ticket::default());
        self.ask(|control| {
            control.tickets.push(Arc::clone(&ticket));
            let earlier = control.give_up_at.map_or(deadline, |at| at.min(deadline));
            control.give_up_at = Some(earlier);
            let lost = self.counters.lost();
            control.lost_before.get_or_insert(lost);
        });
        ticket
    }

    fn ask(&self, change: impl FnOnce(&mut Control)) {
        let mut control = self.control();
        change(&mut control);
        control.requests += 1;
        if control.ended {
            let tickets = std::mem::take(&mut control.tickets);
            drop(control);
            tickets.iter().for_each(|ticket| ticket.settle(true));
        } else {
            drop(control);
            self.wake.notify_one();
        }
    }

    /// Messages go elsewhere from the next attempt on.
    pub(super) fn redirected(&self) {
        self.ask(|control| control.redirects += 1);
    }

    /// How often messages were sent elsewhere: a change means that what was learnt of the other
    /// side is out of date.
    pub(super) fn redirects(&self) -> u64 {
        self.control().redirects
    }

    /// How many requests there were: a change means that somebody is waiting.
    pub(super) fn requests(&self) -> u64 {
        self.control().requests
    }

    pub(super) fn take_requests(&self) -> Requests {
        let mut control = self.control();
        // Those who wait for the end are told by `end`.
        let closing = control.give_up_at.is_some();
        Requests {
            tickets: if closing {
                Vec::new()
            } else {
                std::mem::take(&mut control.tickets)
            },
            closing,
        }
    }

    pub(super) fn give_up_at(&self) -> Option<Instant> {
        self.control().give_up_at
    }

    fn is_asked(&self) -> bool {
        let control = self.control();
        control.give_up_at.is_some() || !control.tickets.is_empty()
    }

    /// Sleeps until this moment, until there is enough to be sent, or until somebody asks.
    pub(super) async fn sleep_until(&self, until: Instant) {
        self.asleep.store(true, SeqCst);
        // What was pushed before that woke nobody.
        if !self.queue.has_enough() && !self.is_asked() {
            let _ = tokio::time::timeout_at(until.into(), self.wake.notified()).await;
        }
        self.asleep.store(false, SeqCst);
    }

    /// Returns once somebody has asked for something since this was called last; sometimes sooner.
    pub(super) async fn asked(&self) {
        self.wake.notified().await;
    }

    /// Accounts for all that is left. Called when the worker is gone.
    pub(super) fn account(&self) {
        self.closed.store(true, SeqCst);
        self.counters.lose_the_rest();
        self.ended.store(true, SeqCst);
        self.lose_queue();
    }

    /// The worker is gone because of a panic, and all that is left is accounted for.
    pub(super) fn panicked(&self, panic: &str) {
        let stats = self.stats();
        let message = format!("the reporter's thread panicked and has ended: {panic}");
        self.counters.fail(&message, SystemTime::now(), true);
        say(|| tracing::error!("{message}; no more spans are sent: {stats}"));
    }

    /// Lets go of everybody who waits, now and from now on. Called when all is accounted for.
    pub(super) fn end(&self) {
        let mut control = self.control();
        control.ended = true;
        let tickets = std::mem::take(&mut control.tickets);
        drop(control);
        tickets.iter().for_each(|ticket| ticket.settle(true));
    }

    /// How many spans are lost, or not dealt with yet, of those that there were when the end was
    /// first asked for.
    pub(super) fn lost_at_the_end(&self) -> u64 {
        let before = self.control().lost_before.unwrap_or(0);
        let stats = self.stats();
        self.counters.lost() - before + stats.queued + stats.in_flight
    }
}
