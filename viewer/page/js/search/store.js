// The traces of the list: kept by id, ordered, narrowed by the brush of the scatter.

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

export class TraceList {
  /** `accepts(trace)` is asked about each trace that is shown. */
  constructor(accepts) {
    this.accepts = accepts;
    this.byId = new Map();
    this.order = 'newest';
    this.brush = null;
    this.all = [];
    this.shown = [];
  }

  /** Shows these traces. Those that have come since the last time are marked, if `marked`. */
  replace(traces, marked = false) {
    for (const trace of traces) {
      trace.arrived = this.byId.get(trace.traceId)?.arrived ?? (marked && !this.byId.has(trace.traceId) ? performance.now() : -Infinity);
    }
    this.byId = new Map(traces.map((trace) => [trace.traceId, trace]));
  }

  /** Adds or updates a trace. An update that is older than what is kept changes nothing. */
  upsert(trace) {
    const known = this.byId.get(trace.traceId);
    if (known && known.updated > trace.updated) return;
    if (!known) trace.arrived = performance.now();
    else trace.arrived = known.arrived;
    this.byId.set(trace.traceId, trace);
  }

  /** Orders and narrows. Over the limit the oldest are left out. */
  arrange() {
    let all = [...this.byId.values()];
    if (all.length > LIMIT) {
      all.sort(ORDERS.newest);
      for (const trace of all.slice(LIMIT)) this.byId.delete(trace.traceId);
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
