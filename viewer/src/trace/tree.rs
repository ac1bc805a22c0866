//! The tree of a trace, as Zipkin's `SpanNode` builds it.

use crate::model::{Endpoint, Span, SpanId};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// A tree of merged spans. Spans whose parent is missing are children of the root.
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: usize,
}

/// A span in the tree, or the root that stands for a missing one.
struct Node {
    /// Its index in the list of spans.
    span: Option<usize>,
    parent: Option<usize>,
    children: Vec<usize>,
}

/// By what a span is found. A server's span that shares its client's id is told apart by its
/// endpoint, because several servers may have answered one client.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    Id(SpanId),
    Shared(SpanId, Option<&'a Endpoint>),
}

/// The parent of each span, in the order of insertion.
#[derive(Default)]
struct Parents<'a> {
    entries: Vec<(Key<'a>, Option<Key<'a>>)>,
    by_key: HashMap<Key<'a>, usize>,
}

impl<'a> Parents<'a> {
    fn put(&mut self, key: Key<'a>, parent: Option<Key<'a>>) {
        let next = self.entries.len();
        let at = *self.by_key.entry(key).or_insert(next);
        match self.entries.get_mut(at) {
            Some(entry) => entry.1 = parent,
            None => self.entries.push((key, parent)),
        }
    }

    fn contains(&self, key: Key<'a>) -> bool {
        self.by_key.contains_key(&key)
    }
}

/// The key of a span: by its endpoint too, or in general.
fn key<'a>(span: &'a Span, endpoint: Option<&'a Endpoint>) -> Key<'a> {
    if span.shared {
        Key::Shared(span.id, endpoint)
    } else {
        Key::Id(span.id)
    }
}

impl Tree {
    /// Builds the tree of spans that [`merge`](super::merge) has returned.
    pub(super) fn new(spans: &[Arc<Span>]) -> Tree {
        let mut parents = Parents::default();
        for span in spans {
            let parent = if span.shared {
                Some(Key::Id(span.id))
            } else {
                span.parent_id.map(Key::Id)
            };
            parents.put(key(span, span.local_endpoint.as_ref()), parent);
        }
        let mut nodes: Vec<Node> = Vec::with_capacity(spans.len() + 1);
        let mut by_key = HashMap::new();
        let mut root = None;
        for (at, span) in spans.iter().enumerate() {
            nodes.push(Node::of(Some(at)));
            let general_key = key(span, None);
            let is_root = !span.shared && span.parent_id.is_none() && root.is_none();
            if let (false, Some(parent)) = (span.shared, span.parent_id) {
                // The parent may be the server's half of a shared span in the same process.
                let server = Key::Shared(parent, span.local_endpoint.as_ref());
                if parents.contains(server) {
                    parents.put(general_key, Some(server));
                }
            }
            if is_root {
                root = Some((at, general_key));
            } else {
                by_key.insert(key(span, span.local_endpoint.as_ref()), at);
                by_key.insert(general_key, at);
            }
        }
        let (root, root_key) = match root {
            Some((at, key)) => (at, Some(key)),
            None => {
                nodes.push(Node::of(None));
                (nodes.len() - 1, None)
            }
        };
        let mut tree = Tree { nodes, root };
        for (child, parent) in parents.entries {
            if let (Some(&child_at), true) = (by_key.get(&child), Some(child) != root_key) {
                let parent = parent.and_then(|key| by_key.get(&key)).copied();
                tree.add(child_at, parent.unwrap_or(root));
            }
        }
        tree
    }

    fn add(&mut self, child: usize, parent: usize) {
        // A span has one parent, and is not its own.
        if child != parent && self.nodes[child].parent.is_none() {
            self.nodes[child].parent = Some(parent);
            self.nodes[parent].children.push(child);
        }
    }

    /// The span at the root, if it was reported.
    pub(super) fn root_span(&self) -> Option<usize> {
        self.nodes[self.root].span
    }

    pub(super) fn root(&self) -> usize {
        self.root
    }

    /// The span at this node.
    pub(super) fn span(&self, node: usize) -> Option<usize> {
        self.nodes[node].span
    }

    pub(super) fn parent(&self, node: usize) -> Option<usize> {
        self.nodes[node].parent
    }

    pub(super) fn children(&self, node: usize) -> &[usize] {
        &self.nodes[node].children
    }

    /// All nodes with a span that the root leads to, breadth first.
    pub(super) fn breadth_first(&self) -> impl Iterator<Item = usize> {
        let mut queue = VecDeque::from([self.root]);
        std::iter::from_fn(move || {
            let node = queue.pop_front()?;
            queue.extend(&self.nodes[node].children);
            Some(node)
        })
        .filter(|&node| self.nodes[node].span.is_some())
    }
}

impl Node {
    fn of(span: Option<usize>) -> Node {
        Node {
            span,
            parent: None,
            children: Vec::new(),
        }
    }
}
