//! What is current on a thread, said slowly: the last span that was entered in the innermost scope
//! and is neither exited nor closed, or else the span of that scope.

use std::collections::{BTreeSet, HashMap};

/// A span that has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// Of a task, which a future is in.
    Task(usize),
    /// Of a closure.
    Local(usize),
    /// Of the `tracing` crate.
    Span(usize),
    /// Of a request that is sent.
    Call(usize),
}

/// What is current inside of a span of the `tracing` crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// What is current outside.
    Nowhere,
    /// Nothing.
    Detached,
    At(Node),
}

#[derive(Debug, Clone, Copy)]
pub enum Parent {
    Contextual,
    Root,
    Explicit(usize),
}

pub struct Span {
    pub place: Place,
    pub closed: bool,
}

#[derive(Default)]
pub struct Thread {
    pub scopes: Vec<Node>,
    /// Entered spans, each with its scope.
    entered: Vec<(usize, Option<Node>)>,
}

#[derive(Default)]
pub struct Model {
    pub spans: Vec<Span>,
    /// The parent of each span that is recorded.
    pub recorded: HashMap<Node, Option<Node>>,
    pub tags: HashMap<Node, BTreeSet<String>>,
}

impl Model {
    fn is_alive(&self, place: Place) -> bool {
        match place {
            Place::At(Node::Span(span)) => !self.spans[span].closed,
            _ => true,
        }
    }

    /// The span that was entered last in the innermost scope.
    fn innermost(&self, thread: &Thread) -> Option<Place> {
        let scope = thread.scopes.last().copied();
        let entered = thread.entered.iter().rev();
        let mut places = entered
            .filter(|entered| entered.1 == scope)
            .map(|entered| self.spans[entered.0].place);
        places.find(|place| self.is_alive(*place))
    }

    pub fn current(&self, thread: &Thread) -> Option<Node> {
        match self.innermost(thread) {
            Some(Place::At(node)) => Some(node),
            Some(Place::Detached) => None,
            _ => thread.scopes.last().copied(),
        }
    }

    pub fn new_span(&mut self, thread: &Thread, parent: Parent, filtered: bool) {
        let place = match parent {
            Parent::Root => Place::Detached,
            Parent::Contextual => match (self.innermost(thread), thread.scopes.last()) {
                (Some(place), _) => place,
                (None, Some(scope)) => Place::At(*scope),
                (None, None) => Place::Nowhere,
            },
            Parent::Explicit(parent) => {
                let Span { place, closed } = self.spans[parent];
                match place {
                    Place::At(_) if !closed && self.is_alive(place) => place,
                    _ => Place::Detached,
                }
            }
        };
        let own = Node::Span(self.spans.len());
        let place = match place {
            Place::At(above) if !filtered && self.recorded.contains_key(&above) => {
                self.recorded.insert(own, Some(above));
                Place::At(own)
            }
            place => place,
        };
        self.spans.push(Span {
            place,
            closed: false,
        });
    }

    /// A span that is no span of the `tracing` crate.
    pub fn start(&mut self, node: Node, above: Option<Node>) {
        if above.is_none_or(|above| self.recorded.contains_key(&above)) {
            self.recorded.insert(node, above);
        }
    }

    pub fn enter(&self, thread: &mut Thread, span: usize) {
        // The layer knows nothing of a span that is closed or in no trace.
        let Span { place, closed } = &self.spans[span];
        if !closed && *place != Place::Nowhere {
            let scope = thread.scopes.last().copied();
            thread.entered.push((span, scope));
        }
    }

    pub fn exit(&self, thread: &mut Thread, span: usize) {
        let scope = thread.scopes.last().copied();
        let entered = &mut thread.entered;
        let here = entered
            .iter()
            .rposition(|entered| *entered == (span, scope));
        let anywhere = || entered.iter().rposition(|entered| entered.0 == span);
        if let Some(at) = here.or_else(anywhere) {
            entered.remove(at);
        }
    }

    pub fn tag(&mut self, thread: &Thread, tag: String) {
        let tagged = match (self.innermost(thread), thread.scopes.last()) {
            (Some(Place::At(node @ Node::Span(_))), _) => node,
            // The span of a scope is not tagged from where its context was carried to.
            (Some(_), _) | (None, None) => return,
            (None, Some(scope)) => *scope,
        };
        if self.recorded.contains_key(&tagged) {
            self.tags.entry(tagged).or_default().insert(tag);
        }
    }
}
