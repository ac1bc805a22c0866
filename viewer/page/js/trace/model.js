// A trace as a tree: parents, depth, self times, the critical path. No recursion, since a trace may
// be a chain of thousands of spans.

/** A span failed if it has the tag `error`, whatever the value: so Zipkin's format says. */
function isError(tags) {
  return tags !== undefined && Object.hasOwn(tags, 'error');
}

/** Builds the model of the server's answer `{ traceId, spans, notes, updated }`. */
export function buildTrace({ traceId, spans, notes = [], updated }) {
  const nodes = spans.map(toNode);
  const missing = connect(nodes);
  const roots = nodes.filter((node) => !node.parent);
  breakCycles(nodes, roots);
  const ordered = preorder(roots);
  settleTimes(ordered);
  for (const node of ordered) node.children.sort((a, b) => a.start - b.start);
  roots.sort((a, b) => Number(missing.has(a)) - Number(missing.has(b)) || a.start - b.start);
  const rows = preorder(roots);
  rows.forEach((node, index) => { node.index = index; });
  const start = rows.reduce((least, node) => Math.min(least, node.start), Infinity);
  const end = rows.reduce((most, node) => Math.max(most, node.end), start);
  const trace = { traceId, rows, roots, start, end, duration: Math.max(1, end - start), notes, updated };
  attachNotes(trace);
  countSelfTimes(rows);
  markErrorsBelow(rows);
  if (roots.length) markCriticalPath(roots[0]);
  trace.services = [...new Set(rows.map((node) => node.service))];
  trace.errors = rows.filter((node) => node.error).length;
  trace.depth = rows.reduce((most, node) => Math.max(most, node.depth), 0) + 1;
  return trace;
}

function toNode(span) {
  return {
    span,
    id: span.id,
    key: span.shared ? `${span.id}-shared` : span.id,
    service: span.localEndpoint?.serviceName ?? '',
    name: span.name ?? '',
    start: span.timestamp,
    end: span.timestamp === undefined ? undefined : span.timestamp + (span.duration ?? 0),
    duration: span.duration,
    error: isError(span.tags),
    errorsBelow: 0,
    parent: null,
    children: [],
    depth: 0,
    path: [],
    notes: [],
  };
}

/** Finds each span's parent. Returns the spans whose parent is not in the trace. */
function connect(nodes) {
  const byId = new Map();
  const keys = new Map();
  for (const node of nodes) {
    // Spans of the same id that the server did not merge keep keys of their own.
    const same = keys.get(node.key) ?? 0;
    keys.set(node.key, same + 1);
    if (same) node.key += `-${same + 1}`;
    if (!byId.has(node.id)) byId.set(node.id, []);
    byId.get(node.id).push(node);
  }
  const missing = new Set();
  for (const node of nodes) {
    const { parentId } = node.span;
    const halves = byId.get(node.id);
    const client = node.span.shared && halves.find((half) => half !== node && !half.span.shared);
    const parents = byId.get(parentId) ?? [];
    const parent = client || parents.find((each) => each !== node && each.service === node.service && each.span.shared)
      || parents.find((each) => each !== node && each.service === node.service)
      || parents.find((each) => each !== node && each.span.shared) || parents.find((each) => each !== node);
    if (parent) {
      node.parent = parent;
      parent.children.push(node);
    } else if (parentId) {
      missing.add(node);
      node.missingParent = parentId;
    }
  }
  return missing;
}

/** Spans that are their own ancestors are reachable from no root: the first of each becomes one. */
function breakCycles(nodes, roots) {
  const reached = new Set(preorder(roots));
  for (const node of nodes) {
    if (reached.has(node)) continue;
    node.parent.children = node.parent.children.filter((child) => child !== node);
    node.parent = null;
    node.inCycle = true;
    roots.push(node);
    for (const each of preorder([node])) reached.add(each);
  }
}

function preorder(roots) {
  const rows = [];
  const stack = [...roots].reverse();
  while (stack.length) {
    const node = stack.pop();
    node.depth = node.parent ? node.parent.depth + 1 : 0;
    rows.push(node);
    for (let i = node.children.length - 1; i >= 0; i -= 1) stack.push(node.children[i]);
  }
  return rows;
}

/** A span without a timestamp is shown where its parent begins. */
function settleTimes(rows) {
  const first = rows.find((node) => node.start !== undefined)?.start ?? 0;
  for (const node of rows) {
    if (node.start !== undefined) continue;
    node.untimed = true;
    node.start = node.parent?.start ?? first;
    node.end = node.start + (node.duration ?? 0);
  }
}

function attachNotes({ rows, notes }) {
  const byId = new Map();
  for (const note of notes) {
    if (!byId.has(note.spanId)) byId.set(note.spanId, []);
    byId.get(note.spanId).push(note);
  }
  for (const node of rows) node.notes = byId.get(node.id) ?? [];
}

/** The time in which no child of the span runs. */
function countSelfTimes(rows) {
  for (const node of rows) {
    let covered = 0;
    let reached = node.start;
    for (const child of node.children) {
      const from = Math.max(child.start, reached);
      const to = Math.min(child.end, node.end);
      if (to > from) { covered += to - from; reached = to; }
    }
    node.self = Math.max(0, node.end - node.start - covered);
  }
}

function markErrorsBelow(rows) {
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    const { parent, error, errorsBelow } = rows[i];
    if (parent) parent.errorsBelow += errorsBelow + (error ? 1 : 0);
  }
}

/**
 * The spans, and the parts of them, that the trace's duration consists of: from the end of a span
 * back to the child that ended last, then to the one that ended before that one began, and so on.
 */
function markCriticalPath(root) {
  const work = [[root, root.end]];
  while (work.length) {
    const [node, until] = work.pop();
    let at = Math.min(node.end, until);
    const byEnd = [...node.children].sort((a, b) => b.end - a.end);
    for (const child of byEnd) {
      if (child.start >= at || child.start < node.start || child.end <= node.start) continue;
      const end = Math.min(child.end, at);
      if (end < at) node.path.push([end, at]);
      work.push([child, end]);
      at = child.start;
    }
    if (at > node.start || !node.path.length) node.path.push([node.start, at]);
  }
}

/** What the page says about the trace as a whole. */
export function traceNotes({ rows, notes, roots }) {
  const lines = [];
  const orphans = rows.filter((node) => node.missingParent);
  const said = new Set(notes.filter(({ kind }) => kind === 'missing-parent').map(({ spanId }) => spanId));
  for (const node of orphans) {
    if (!said.has(node.id)) lines.push({ kind: 'missing-parent', spanId: node.id, text: `The parent ${node.missingParent} was not received` });
  }
  for (const node of rows) {
    if (node.inCycle) lines.push({ kind: 'cycle', spanId: node.id, text: 'The span is its own ancestor' });
  }
  if (roots.length > 1 && !orphans.length && !lines.length) {
    lines.push({ kind: 'roots', spanId: roots[1].id, text: `The trace has ${roots.length} root spans` });
  }
  return [...notes, ...lines];
}

/** By service and name: how many, errors, total, self, mean and longest time. */
export function statistics(rows, byName) {
  const groups = new Map();
  for (const node of rows) {
    const key = byName ? `${node.service}\0${node.name}` : node.service;
    let group = groups.get(key);
    if (!group) {
      group = { service: node.service, name: byName ? node.name : null, spans: 0, errors: 0, total: 0, self: 0, longest: 0, path: 0 };
      groups.set(key, group);
    }
    const length = node.end - node.start;
    group.spans += 1;
    group.errors += node.error ? 1 : 0;
    group.total += length;
    group.self += node.self;
    group.longest = Math.max(group.longest, length);
    group.path += node.path.reduce((sum, [from, to]) => sum + to - from, 0);
  }
  for (const group of groups.values()) group.mean = group.total / group.spans;
  return [...groups.values()];
}
