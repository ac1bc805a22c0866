// The traces of the list: kept by the ends of their ids, ordered, narrowed by the brush of the scatter.

/** The most traces that are asked for and kept. */
export const LIMIT = 5000;
/** Enough for the first picture; the others follow. */
export const FIRST = 100;

const ORDERS = {
  newest: (a, b) => b.timestamp - a.timestamp,
  longest: (a, b) => b.duration - a.duration,
  shortest: (a, b) => a.duration - b.duration,
  spans: (a, b) => b.spanCount - a.spanCount,
  errors: (a, b) => b.errorCount - a.errorCount || b.timestamp - a.timestamp,
};

/** What a trace is kept by: it may have 64 bits of its id at first, and all 128 later. */
export const keyOf = ({ traceId }) => traceId.slice(-16);

export class TraceList {
  /** `accepts(trace)` is asked about each trace that is shown. */
  constructor(accepts) {
    this.accepts = accepts;
    this.byKey = new Map();
    this.order = 'newest';
    this.brush = null;
    this.all = [];
    this.shown = [];
  }

  /**
   * Shows the traces of an answer. Those that have come since the last time are marked, if `marked`.
   * What was heard of since the question was asked may be missing in the answer: it is kept if
   * `keeps(trace)`. Returns how many traces the answer did not have.
   */
  replace(traces, { marked = false, asked = Infinity, keeps = () => false } = {}) {
    const before = this.byKey;
    this.byKey = new Map();
    for (const trace of traces) {
      const key = keyOf(trace);
      const known = before.get(key);
      trace.arrived = known?.arrived ?? (marked ? performance.now() : -Infinity);
      this.byKey.set(key, known?.heard >= asked && known.updated > trace.updated ? known : trace);
    }
    const answered = this.byKey.size;
    for (const [key, trace] of before) {
      if (trace.heard >= asked && !this.byKey.has(key) && keeps(trace)) this.byKey.set(key, trace);
    }
    return this.byKey.size - answered;
  }

  has(trace) { return this.byKey.has(keyOf(trace)); }

  /** Adds or updates a trace. An update that is older than what is kept changes nothing. */
  upsert(trace) {
    const known = this.byKey.get(keyOf(trace));
    if (known && known.updated > trace.updated) return;
    trace.heard = performance.now();
    trace.arrived = known?.arrived ?? trace.heard;
    this.byKey.set(keyOf(trace), trace);
  }

  /** Orders and narrows. Over the limit the oldest are left out. */
  arrange() {
    let all = [...this.byKey.values()];
    if (all.length > LIMIT) {
      all.sort(ORDERS.newest);
      for (const trace of all.slice(LIMIT)) this.byKey.delete(keyOf(trace));
      all = all.slice(0, LIMIT);
    }
    all = all.filter(this.accepts);
    this.all = all.sort(ORDERS[this.order] ?? ORDERS.newest);
    this.shown = this.brush ? all.filter((trace) => inBrush(trace, this.brush)) : all;
    this.shortest = Infinity;
    this.longest = 0;
    for (const { duration } of this.shown) {
      this.shortest = Math.min(this.shortest, Math.max(1, duration));
      this.longest = Math.max(this.longest, duration);
    }
  }

  /** The share of a duration bar that is filled: from the shortest to the longest, logarithmic. */
  share(duration) {
    if (this.longest <= this.shortest) return 1;
    const share = Math.log(Math.max(1, duration) / this.shortest) / Math.log(this.longest / this.shortest);
    return 0.02 + 0.98 * Math.max(0, Math.min(1, share));
  }
}

export function inBrush({ timestamp, duration }, { from, to, shortest, longest }) {
  return timestamp >= from && timestamp <= to && duration >= shortest && duration <= longest;
}
