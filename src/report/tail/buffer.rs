//! The spans that are held of one trace: copies in a few buffers, which are reused for other traces.

use crate::{
    id::SpanId,
    record::{SpanLog, SpanReader, SpanRecord},
};

/// Buffers that have reserved more bytes than this are not reused.
const MAX_KEPT: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Buffer {
    log: SpanLog,
    reader: SpanReader,
    /// The ids of the spans in the log, each with its parent.
    links: Vec<(SpanId, Option<SpanId>)>,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.log.bytes()
    }

    pub(super) fn push(&mut self, span: &SpanRecord) {
        self.log.push(span, SpanLog::size_of(span));
        self.links.push((span.id(), span.parent_id()));
    }

    /// Empties it, and shows every span to `see`.
    pub(super) fn drain(&mut self, mut see: impl FnMut(&SpanRecord)) {
        self.reader.take(&mut self.log);
        while let Some(span) = self.reader.next() {
            see(span);
        }
        self.clear();
    }

    pub(super) fn clear(&mut self) {
        // The log's buffers go to the reader, which can empty them, and back.
        self.reader.take(&mut self.log);
        self.reader.clear(MAX_KEPT);
        self.reader.take(&mut self.log);
        self.links.clear();
    }

    /// Removes all spans below this one, and adds their ids to `removed`.
    pub(super) fn remove_below(&mut self, top: SpanId, removed: &mut Vec<SpanId>) {
        let first = removed.len();
        self.find_below(top, removed);
        let found = removed.len() - first;
        if found == self.links.len() {
            self.clear();
        } else if found > 0 {
            let mut dead = removed[first..].to_vec();
            dead.sort_unstable();
            self.retain(|id| dead.binary_search(&id).is_err());
        }
    }

    /// Finds the spans below this one, whichever order they have ended in.
    fn find_below(&self, top: SpanId, found: &mut Vec<SpanId>) {
        let is_below = |link: &(SpanId, Option<SpanId>)| link.1 == Some(top);
        let direct = self.links.iter().filter(|link| is_below(link)).count();
        if direct == self.links.len() {
            found.extend(self.links.iter().map(|(id, _)| *id));
            return;
        }
        let mut by_parent: Vec<(SpanId, SpanId)> = self
            .links
            .iter()
            .filter_map(|(id, parent)| Some(((*parent)?, *id)))
            .collect();
        by_parent.sort_unstable();
        let mut visited = vec![false; by_parent.len()];
        let mut next = found.len();
        let mut parent = top;
        loop {
            let start = by_parent.partition_point(|(other, _)| *other < parent);
            let children = by_parent[start..].iter().zip(&mut visited[start..]);
            for ((_, id), visited) in children.take_while(|((other, _), _)| *other == parent) {
                // Ids come from callers too, so they may go round in a circle.
                if !std::mem::replace(visited, true) {
                    found.push(*id);
                }
            }
            let Some(id) = found.get(next) else {
                return;
            };
            parent = *id;
            next += 1;
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(SpanId) -> bool) {
        self.reader.take(&mut self.log);
        self.links.clear();
        while let Some(span) = self.reader.next() {
            if keep(span.id()) {
                self.log.push(span, SpanLog::size_of(span));
                self.links.push((span.id(), span.parent_id()));
            }
        }
        self.reader.clear(MAX_KEPT);
    }
}
