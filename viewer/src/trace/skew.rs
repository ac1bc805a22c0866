//! Clock skew, found and corrected as Zipkin's page does.

use super::tree::Tree;
use crate::model::{Endpoint, Kind, Span};
use std::sync::Arc;

/// How far the clock of an endpoint is ahead, in microseconds.
#[derive(Clone, Copy)]
struct Skew<'a> {
    endpoint: &'a Endpoint,
    micros: i64,
}

/// By how much each span has to be moved to the past, in the order of the spans. The root's clock is
/// the reference. Nothing is corrected if there is no root, or more than one.
pub(super) fn corrections(tree: &Tree, spans: &[Arc<Span>]) -> Vec<i64> {
    let mut corrections = vec![0; spans.len()];
    let is_second_root = |&node: &usize| {
        let span = tree.span(node).map(|at| &spans[at]);
        span.is_some_and(|span| span.parent_id.is_none() && !span.shared)
    };
    let is_single = !tree.children(tree.root()).iter().any(is_second_root);
    if tree.root_span().is_none() || !is_single {
        return corrections;
    }
    let mut stack: Vec<(usize, Option<Skew<'_>>)> = vec![(tree.root(), None)];
    while let Some((node, inherited)) = stack.pop() {
        let Some(at) = tree.span(node) else { continue };
        let span = &spans[at];
        if let Some(skew) = inherited {
            corrections[at] += applied(skew, span);
        }
        let parent = tree.parent(node).and_then(|parent| tree.span(parent));
        let own = parent.and_then(|parent| {
            let client = (&*spans[parent], corrections[parent]);
            skew(client, (&**span, corrections[at]))
        });
        if let Some(skew) = own {
            corrections[at] += applied(skew, span);
        }
        let passed_on = own.or(inherited);
        stack.extend(tree.children(node).iter().map(|&child| (child, passed_on)));
    }
    corrections
}

fn applied(skew: Skew<'_>, span: &Span) -> i64 {
    let same = span.local_endpoint.as_ref();
    let same = same.is_some_and(|endpoint| is_same_address(endpoint, skew.endpoint));
    if same { skew.micros } else { 0 }
}

/// The skew between a client and its server, each with its correction so far.
fn skew<'a>(client: (&Span, i64), server: (&'a Span, i64)) -> Option<Skew<'a>> {
    let ((client, client_moved), (server, server_moved)) = (client, server);
    let is_pair = client.kind == Some(Kind::Client) && server.kind == Some(Kind::Server);
    if !is_pair || client.timestamp == 0 || server.timestamp == 0 {
        return None;
    }
    let endpoint = server.local_endpoint.as_ref()?;
    if is_same_address(endpoint, client.local_endpoint.as_ref()?) {
        return None;
    }
    let start = |span: &Span, moved: i64| {
        let start = i64::try_from(span.timestamp).unwrap_or(i64::MAX);
        start.saturating_sub(moved)
    };
    // Negative if the server seems to start before the client.
    let ahead = start(server, server_moved).saturating_sub(start(client, client_moved));
    if ahead > 0 {
        return None;
    }
    let durations = (client.duration, server.duration);
    let micros = match durations {
        (0, _) | (_, 0) => ahead.saturating_sub(1),
        (client, server) if client < server => ahead.saturating_sub(1),
        (client, server) => {
            // The time on the network is assumed to be the same in both directions.
            let latency = i64::try_from((client - server) / 2).unwrap_or(i64::MAX);
            ahead.saturating_sub(latency)
        }
    };
    (micros != 0).then_some(Skew { endpoint, micros })
}

fn is_same_address(one: &Endpoint, other: &Endpoint) -> bool {
    let same_v6 = one.ipv6.is_some() && one.ipv6 == other.ipv6;
    same_v6 || (one.ipv4.is_some() && one.ipv4 == other.ipv4)
}
