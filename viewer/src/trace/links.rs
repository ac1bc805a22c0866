//! Calls between services, by the rules of Zipkin's `DependencyLinker`.

use super::{merge::merge, tree::Tree};
use crate::model::{Kind, Span};
use serde::Serialize;
use std::{collections::HashMap, sync::Arc};

/// A call from one service to another, found in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// The service that calls, or sends.
    pub parent: &'a str,
    /// The service that is called, or receives.
    pub child: &'a str,
    /// Whether the call failed.
    pub is_error: bool,
    /// How long it took, in microseconds; 0 if unknown.
    pub duration: u64,
}

/// The calls between services, counted.
#[derive(Debug, Clone, Default)]
pub struct Links {
    links: Vec<Link>,
    by_services: HashMap<(Box<str>, Box<str>), usize>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    parent: Box<str>,
    child: Box<str>,
    call_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    error_count: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Serialize for Links {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.links.serialize(to)
    }
}

impl Links {
    /// Adds the calls of a trace.
    pub fn add_trace(&mut self, spans: &[Arc<Span>]) {
        for_each_call(&merge(spans), |call| self.add(call));
    }

    fn add(&mut self, call: Call<'_>) {
        let services = (call.parent.into(), call.child.into());
        let next = self.links.len();
        let at = *self.by_services.entry(services).or_insert(next);
        if at == next {
            self.links.push(Link {
                parent: call.parent.into(),
                child: call.child.into(),
                call_count: 0,
                error_count: 0,
            });
        }
        self.links[at].call_count += 1;
        self.links[at].error_count += u64::from(call.is_error);
    }

    /// Parent, child, calls and errors of each link, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64, u64)> {
        let links = self.links.iter();
        links.map(|link| {
            (
                &*link.parent,
                &*link.child,
                link.call_count,
                link.error_count,
            )
        })
    }
}

/// Calls `found` for each call in a trace of merged spans.
pub(crate) fn for_each_call<'a>(spans: &'a [Arc<Span>], mut found: impl FnMut(Call<'a>)) {
    let tree = Tree::new(spans);
    for node in tree.breadth_first() {
        let Some(span) = tree.span(node).map(|at| &*spans[at]) else {
            continue;
        };
        let is_leaf = tree.children(node).is_empty();
        // The server knows its own name best. Only if it has not reported, the client's word counts.
        if span.kind == Some(Kind::Client) && !is_leaf {
            continue;
        }
        let (local, remote) = (span.local_service(), span.remote_service());
        let kind = match (span.kind, local, remote) {
            (Some(kind), _, _) => kind,
            (None, Some(_), Some(_)) => Kind::Client,
            (None, _, _) => continue,
        };
        let call = Call {
            parent: "",
            child: "",
            is_error: span.is_error(),
            duration: span.duration,
        };
        match kind {
            Kind::Producer => link(call, local, remote, &mut found),
            Kind::Consumer => link(call, remote, local, &mut found),
            Kind::Server if node == tree.root() && remote.is_none() => {}
            Kind::Server => {
                let ancestor = remote_ancestor(&tree, spans, node);
                let parent = ancestor.and_then(Span::local_service).or(remote);
                let is_error = call.is_error || is_failed_client(ancestor, span);
                link(Call { is_error, ..call }, parent, local, &mut found);
            }
            Kind::Client => {
                let ancestor = remote_ancestor(&tree, spans, node);
                link_client(call, span, ancestor, &mut found);
            }
        }
    }
}

fn link_client<'a>(
    call: Call<'a>,
    span: &'a Span,
    ancestor: Option<&'a Span>,
    found: &mut impl FnMut(Call<'a>),
) {
    let local = span.local_service();
    let above = ancestor.and_then(Span::local_service);
    // Some clients put the name of the other side where their own should be.
    if let (Some(above), Some(local)) = (above, local) {
        if above != local {
            let unknown = Call {
                is_error: false,
                duration: 0,
                ..call
            };
            link(unknown, Some(above), Some(local), found);
        }
    }
    let is_error = call.is_error || is_failed_client(ancestor, span);
    let call = Call { is_error, ..call };
    link(call, local.or(above), span.remote_service(), found);
}

fn link<'a>(
    call: Call<'a>,
    parent: Option<&'a str>,
    child: Option<&'a str>,
    found: &mut impl FnMut(Call<'a>),
) {
    if let (Some(parent), Some(child)) = (parent, child) {
        found(Call {
            parent,
            child,
            ..call
        });
    }
}

/// If a call is split between two spans, the client's span may know of a failure that the server's
/// does not.
fn is_failed_client(ancestor: Option<&Span>, span: &Span) -> bool {
    ancestor.is_some_and(|ancestor| {
        ancestor.kind == Some(Kind::Client)
            && ancestor.local_service().is_some()
            && span.parent_id == Some(ancestor.id)
            && ancestor.is_error()
    })
}

/// The nearest ancestor that is not a local span.
fn remote_ancestor<'a>(tree: &Tree, spans: &'a [Arc<Span>], node: usize) -> Option<&'a Span> {
    let mut ancestor = tree.parent(node);
    while let Some(node) = ancestor {
        if let Some(span) = tree.span(node).map(|at| &*spans[at]) {
            if span.kind.is_some() {
                return Some(span);
            }
        }
        ancestor = tree.parent(node);
    }
    None
}
