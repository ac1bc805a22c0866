//! Spans that are made, entered, exited and closed in any order, on any threads, inside of tasks and
//! closures that are polled and left in any order, compared with a model.

use crate::{
    common::{SpanCollector, now, poll},
    model::{Model, Node, Parent, Thread},
};
use http::{Request, Response};
use proptest::{collection::vec, prelude::*};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    task::Poll,
    thread,
};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    ClientLayer, RequestContext, Sampling, TraceContext, Tracer, TracingLayer, id::SpanId,
};
use tracing::{Dispatch, Id, level_filters::LevelFilter};
use tracing_subscriber::layer::SubscriberExt;

#[derive(Debug, Clone)]
enum Op {
    New(Parent, bool),
    Enter(usize),
    Exit(usize),
    Close(usize),
    Tag,
    Call,
    /// Polls a task, in which all this is done.
    Poll(usize, Vec<Op>),
    /// Drops a task, as it is.
    Drop(usize),
    Local(Vec<Op>),
}

const THREADS: usize = 2;
/// The last one is not sampled.
const TASKS: usize = 3;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

struct World {
    model: Model,
    handles: Vec<(Option<tracing::Span>, Id)>,
    tasks: Vec<Option<Task>>,
    /// What each task does in its next poll.
    agenda: Vec<Vec<Op>>,
    /// The ids of spans, as far as they have been seen.
    ids: BTreeMap<Node, SpanId>,
    dispatch: Dispatch,
    /// Spans that the subscriber has closed since this was looked at.
    closed: Arc<Mutex<Vec<Id>>>,
    client: ClientLayer,
    counter: usize,
}

type Shared = Arc<Mutex<World>>;

/// Notes which spans the subscriber closes.
struct Closings(Arc<Mutex<Vec<Id>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Closings {
    fn on_close(&self, id: Id, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.lock().unwrap().push(id);
    }
}

impl World {
    fn count(&mut self) -> usize {
        self.counter += 1;
        self.counter
    }

    /// A registry closes a span when its last handle is dropped and its last child is closed.
    fn note_closed(&mut self) {
        for closed in self.closed.lock().unwrap().drain(..) {
            // Others are of the feature `log-ids`.
            let is_it = |handle: &(_, Id)| handle.1 == closed;
            if let Some(span) = self.handles.iter().rposition(is_it) {
                self.model.spans[span].closed = true;
            }
        }
    }

    /// One of the spans, if there are any.
    fn pick(&self, span: usize) -> Option<usize> {
        span.checked_rem(self.handles.len())
    }

    #[track_caller]
    fn check(&mut self, thread: &Thread) {
        self.note_closed();
        let expected = self.model.current(thread);
        let current = tower_b3::current().map(|context| context.span_id());
        match (expected, current) {
            (None, None) => {}
            (Some(node), Some(id)) => {
                let known = *self.ids.entry(node).or_insert(id);
                assert_eq!(known, id, "{node:?} should be current");
                let others = self.ids.values().filter(|other| **other == id).count();
                assert_eq!(others, 1, "{node:?} is another span: {:?}", self.ids);
            }
            (expected, current) => panic!("{expected:?} should be current, not {current:?}"),
        }
    }
}

/// Does all this on the calling thread.
fn run(world: &Shared, thread: &Arc<Mutex<Thread>>, ops: Vec<Op>) {
    for op in ops {
        step(world, thread, op);
        let thread = thread.lock().unwrap();
        world.lock().unwrap().check(&thread);
    }
}

fn step(shared: &Shared, thread: &Arc<Mutex<Thread>>, op: Op) {
    match op {
        Op::Poll(task, ops) => return poll_task(shared, thread, task % TASKS, ops),
        Op::Drop(task) => {
            let task = shared.lock().unwrap().tasks[task % TASKS].take();
            return drop(task);
        }
        Op::Local(ops) => return in_closure(shared, thread, ops),
        _ => {}
    }
    let mut world = shared.lock().unwrap();
    let mut thread = thread.lock().unwrap();
    match op {
        Op::New(parent, filtered) => new_span(&mut world, &thread, parent, filtered),
        Op::Enter(span) => {
            if let Some(span) = world.pick(span) {
                world.model.enter(&mut thread, span);
                world.dispatch.enter(&world.handles[span].1);
            }
        }
        Op::Exit(span) => {
            if let Some(span) = world.pick(span) {
                world.model.exit(&mut thread, span);
                world.dispatch.exit(&world.handles[span].1);
            }
        }
        Op::Close(span) => {
            if let Some(span) = world.pick(span) {
                world.handles[span].0 = None;
            }
        }
        Op::Tag => {
            let tag = format!("tag-{}", world.count());
            tower_b3::tag(&tag, "set");
            world.model.tag(&thread, tag);
        }
        Op::Call => {
            let call = Node::Call(world.count());
            let above = world.model.current(&thread);
            world.model.start(call, above);
            let client = world.client.layer(service_fn(|_: Request<()>| async {
                Ok::<_, Infallible>(Response::new(String::new()))
            }));
            let uri = format!("http://catalog/{call:?}");
            drop(now(client.oneshot(Request::get(uri).body(()).unwrap())));
        }
        Op::Poll(..) | Op::Drop(_) | Op::Local(_) => {}
    }
}

fn new_span(world: &mut World, thread: &Thread, parent: Parent, filtered: bool) {
    let parent = match parent {
        Parent::Explicit(span) => world.pick(span).map_or(Parent::Root, Parent::Explicit),
        parent => parent,
    };
    let node = format!("{:?}", Node::Span(world.handles.len()));
    let span = match (parent, filtered) {
        (Parent::Contextual, false) => tracing::info_span!("span", node),
        (Parent::Contextual, true) => tracing::debug_span!("span", node),
        (Parent::Root, false) => tracing::info_span!(parent: None, "span", node),
        (Parent::Root, true) => tracing::debug_span!(parent: None, "span", node),
        (Parent::Explicit(parent), filtered) => {
            // The registry refuses a parent that is closed.
            let Some(handle) = &world.handles[parent].0 else {
                return;
            };
            match filtered {
                false => tracing::info_span!(parent: handle, "span", node),
                true => tracing::debug_span!(parent: handle, "span", node),
            }
        }
    };
    world.model.new_span(thread, parent, filtered);
    let id = span.id().unwrap();
    world.handles.push((Some(span), id));
}

fn poll_task(shared: &Shared, thread: &Arc<Mutex<Thread>>, task: usize, ops: Vec<Op>) {
    let taken = {
        let mut world = shared.lock().unwrap();
        world.agenda[task] = ops;
        world.tasks[task].take()
    };
    // A task cannot be polled while it is polled, or when it was dropped.
    if let Some(mut taken) = taken {
        thread.lock().unwrap().scopes.push(Node::Task(task));
        RUNNING.with(|running| *running.borrow_mut() = Some(Arc::clone(thread)));
        assert!(poll(taken.as_mut()).is_pending());
        thread.lock().unwrap().scopes.pop();
        shared.lock().unwrap().tasks[task] = Some(taken);
    }
}

fn in_closure(shared: &Shared, thread: &Arc<Mutex<Thread>>, ops: Vec<Op>) {
    let above = shared
        .lock()
        .unwrap()
        .model
        .current(&thread.lock().unwrap());
    let mut local = tower_b3::span("local");
    let Some(above) = above else {
        assert_eq!(local.context(), None);
        return local.in_scope(|| run(shared, thread, ops));
    };
    let node = {
        let mut world = shared.lock().unwrap();
        let node = Node::Local(world.count());
        world.model.start(node, Some(above));
        node
    };
    local.tag("node", format!("{node:?}"));
    thread.lock().unwrap().scopes.push(node);
    local.in_scope(|| run(shared, thread, ops));
    thread.lock().unwrap().scopes.pop();
}

thread_local! {
    /// What the model knows of this thread.
    static RUNNING: RefCell<Option<Arc<Mutex<Thread>>>> = const { RefCell::new(None) };
}

/// A future that does what is on its agenda, and is never ready.
async fn agenda(world: Shared, task: usize) {
    poll_fn(|_| {
        let ops = std::mem::take(&mut world.lock().unwrap().agenda[task]);
        let thread = RUNNING.with(|running| running.borrow().clone()).unwrap();
        run(&world, &thread, ops);
        Poll::Pending
    })
    .await
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let parent = prop_oneof![
        4 => Just(Parent::Contextual),
        1 => Just(Parent::Root),
        2 => (0..8_usize).prop_map(Parent::Explicit),
    ];
    let leaf = prop_oneof![
        4 => (parent, prop::bool::weighted(0.2)).prop_map(|(parent, filtered)| Op::New(parent, filtered)),
        6 => (0..8_usize).prop_map(Op::Enter),
        4 => (0..8_usize).prop_map(Op::Exit),
        1 => (0..8_usize).prop_map(Op::Close),
        2 => Just(Op::Tag),
        2 => Just(Op::Call),
        1 => (0..24_usize).prop_map(Op::Drop),
    ];
    let op = leaf.prop_recursive(4, 48, 8, |op| {
        prop_oneof![
            3 => (0..TASKS, vec(op.clone(), 0..8)).prop_map(|(task, ops)| Op::Poll(task, ops)),
            1 => vec(op, 0..6).prop_map(Op::Local),
        ]
    });
    vec(op, 0..12)
}

/// A thread that does what it is told, one thing after the other.
fn worker(
    world: &Shared,
) -> (
    mpsc::Sender<Vec<Op>>,
    mpsc::Receiver<()>,
    thread::JoinHandle<()>,
) {
    let (world, dispatch) = (Arc::clone(world), world.lock().unwrap().dispatch.clone());
    let (send, ops) = mpsc::channel();
    let (done, wait) = mpsc::channel();
    let worker = thread::spawn(move || {
        let _default = tracing::dispatcher::set_default(&dispatch);
        let thread = Arc::default();
        for ops in ops {
            run(&world, &thread, ops);
            done.send(()).unwrap();
        }
    });
    (send, wait, worker)
}

fn add_tasks(world: &Shared, tracer: &Tracer) {
    for task in 0..TASKS {
        let future = agenda(Arc::clone(world), task);
        let future: Task = match task < TASKS - 1 {
            true => {
                let mut span = tracer.span("task");
                span.tag("node", format!("{:?}", Node::Task(task)));
                world.lock().unwrap().model.start(Node::Task(task), None);
                Box::pin(span.instrument(future))
            }
            false => {
                let context = RequestContext::from(TraceContext::root(Sampling::Deny));
                Box::pin(context.instrument(future))
            }
        };
        world.lock().unwrap().tasks.push(Some(future));
    }
}

fn compare(program: Vec<(usize, Vec<Op>)>) {
    let spans = SpanCollector::new();
    let tracer = spans.tracer("shop");
    let layer = TracingLayer::new().max_span_level(LevelFilter::INFO);
    let closed = Arc::default();
    let world = Arc::new(Mutex::new(World {
        model: Model::default(),
        handles: Vec::new(),
        tasks: Vec::new(),
        agenda: vec![Vec::new(); TASKS],
        ids: BTreeMap::new(),
        dispatch: Dispatch::new(
            tracing_subscriber::registry()
                .with(layer)
                .with(Closings(Arc::clone(&closed))),
        ),
        closed,
        client: tracer.client_layer(),
        counter: 0,
    }));
    add_tasks(&world, &tracer);
    let workers: Vec<_> = (0..THREADS).map(|_| worker(&world)).collect();
    for (thread, ops) in program {
        let (send, wait, _) = &workers[thread];
        let _ = send.send(ops);
        if wait.recv().is_err() {
            break;
        }
    }
    for (send, _, worker) in workers {
        drop(send);
        worker.join().unwrap();
    }
    let (tasks, handles) = {
        let mut world = world.lock().unwrap();
        (
            std::mem::take(&mut world.tasks),
            std::mem::take(&mut world.handles),
        )
    };
    let mut world = world.lock().unwrap();
    // A registry closes the parent of a closed span by the default subscriber of the thread.
    tracing::dispatcher::with_default(&world.dispatch, || drop((tasks, handles)));
    // The layer ends what was never closed: a parent whose child was closed while there was none.
    world.dispatch = Dispatch::none();
    assert_recorded(&world, spans);
}

/// What was reported is what the model says: each span once, with its parent and its tags.
fn assert_recorded(world: &World, spans: SpanCollector) {
    let records = spans.take_all();
    let node_of = |record: &tower_b3::record::SpanRecord| match record.tag("node") {
        Some(node) => node.into_owned(),
        None => {
            let url = record.tag("http.url").unwrap().into_owned();
            url.strip_prefix("http://catalog/").unwrap().to_owned()
        }
    };
    let nodes: HashMap<_, _> = records
        .iter()
        .map(|record| (record.id(), node_of(record)))
        .collect();
    assert_eq!(nodes.len(), records.len());
    let show = |node: &Node| format!("{node:?}");
    let actual: BTreeMap<_, _> = records
        .iter()
        .map(|record| {
            let parent = record.parent_id().map(|parent| nodes[&parent].clone());
            let tags = record.tags().map(|(name, _)| name.to_owned());
            let tags: BTreeSet<_> = tags.filter(|tag| tag.starts_with("tag-")).collect();
            (node_of(record), (parent, tags))
        })
        .collect();
    let expected: BTreeMap<_, _> = world
        .model
        .recorded
        .iter()
        .map(|(node, parent)| {
            let tags = world.model.tags.get(node).cloned().unwrap_or_default();
            (show(node), (parent.as_ref().map(show), tags))
        })
        .collect();
    assert_eq!(actual, expected);
    for (node, id) in &world.ids {
        if world.model.recorded.contains_key(node) {
            assert_eq!(nodes.get(id), Some(&show(node)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_current_is_what_the_model_says(program in vec((0..THREADS, ops()), 0..12)) {
        compare(program);
    }
}
