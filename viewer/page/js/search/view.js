// The list of traces: filters, scatter, rows; new traces appear on top.

import * as api from '../api.js';
import { button, cut, el, onFrame, setText, toast } from '../dom.js';
import { bytes, count, duration, moment, plural } from '../format.js';
import * as live from '../live.js';
import { VirtualGrid } from '../virtual.js';
import { Filters } from './filters.js';
import { createRow, updateRow } from './rows.js';
import { Scatter } from './scatter.js';
import { FIRST, LIMIT, TraceList, inBrush, keyOf } from './store.js';

export function show(main, context) {
  const search = new Search(main, context);
  return search.view();
}

class Search {
  constructor(main, context) {
    this.context = context;
    this.list = new TraceList((trace) => this.filters.acceptsDuration(trace));
    this.marked = new Set();
    this.list.order = context.query.get('sort') || 'newest';
    this.list.brush = readBrush(context.query);
    this.filters = new Filters(context.query, () => { this.remember(); this.load(); });
    this.scatter = new Scatter({
      opened: (trace) => this.open(trace),
      brushed: (range) => this.brush(range),
    });
    this.grid = new VirtualGrid({
      label: 'Traces',
      className: 'traces',
      create: () => createRow((index, on) => this.mark(this.list.shown[index], on)),
      update: (row, index) => this.updateRow(row, index),
      opened: (index) => this.open(this.list.shown[index]),
      selected: (index) => { this.selectedKey = this.keyAt(index); },
    });
    this.arrangeSoon = onFrame(() => this.arrange());
    this.build(main);
    this.load();
    this.loadStatus();
  }

  build(main) {
    this.title = el('h1', {}, 'Traces');
    this.brushChip = el('span', { class: 'brush', hidden: true });
    this.callsChip = el('span', { class: 'brush', hidden: true });
    this.compareButton = button('Compare', () => this.compare(), { hidden: true, class: 'primary' });
    const options = [['newest', 'Newest first'], ['longest', 'Longest first'], ['shortest', 'Shortest first'],
      ['spans', 'Most spans first'], ['errors', 'Most errors first']];
    this.sort = el('select', {
      'aria-label': 'Order',
      on: { change: () => { this.list.order = this.sort.value; this.remember(); this.arrange(); } },
    }, options.map(([value, label]) => el('option', { value }, label)));
    this.sort.value = this.list.order;
    this.file = el('input', {
      type: 'file', hidden: true, multiple: true, accept: '.json,.jsonl,.gz', 'aria-label': 'Files with traces',
      on: { change: () => { this.upload([...this.file.files]); this.file.value = ''; } },
    });
    const bar = el('div', { class: 'list-bar' }, this.title, this.callsChip, this.brushChip,
      el('div', { class: 'end' }, this.compareButton, this.sort,
        button('Open file', () => this.file.click(), { title: 'Zipkin, Jaeger or OTLP JSON', key: 'u' }), this.file,
        button('Clear', () => this.askClear(), { title: 'Delete all traces' })));
    this.empty = el('div', { class: 'empty', hidden: true });
    this.store = el('span', {}, '');
    const place = el('footer', { class: 'place' }, this.store,
      el('span', {}, 'A viewer for development. Production belongs to Zipkin, Jaeger or an OpenTelemetry backend.'));
    this.element = el('section', { class: 'search view', 'aria-label': 'Traces' });
    this.element.append(this.filters.element, this.scatter.element, bar, this.empty, this.grid.element, place);
    this.element.addEventListener('dragover', (event) => {
      if (![...event.dataTransfer.types].includes('Files')) return;
      event.preventDefault();
      this.element.classList.add('dropping');
    });
    this.element.addEventListener('dragleave', () => this.element.classList.remove('dropping'));
    this.element.addEventListener('drop', (event) => {
      event.preventDefault();
      this.element.classList.remove('dropping');
      this.upload([...event.dataTransfer.files]);
    });
    main.replaceChildren(this.element);
  }

  view() {
    const unsubscribe = live.subscribe({
      trace: (summary) => this.arrived(summary),
      cleared: () => { this.matched = 0; this.list.replace([]); this.arrange(); this.loadStatus(); },
      refresh: () => this.load({ marked: this.loaded }),
    });
    const second = setInterval(() => { if (!document.hidden) this.grid.refresh(); }, 1000);
    const status = setInterval(() => { if (!document.hidden) this.loadStatus(); }, 5000);
    return {
      title: 'Traces',
      keys: [
        { keys: ['/'], does: 'Filter by tags and annotations', run: () => this.filters.tags.focus() },
        { keys: ['s'], does: 'Choose the service', run: () => this.filters.service.focus() },
        { keys: ['e'], does: 'Errors only', run: () => this.filters.toggleErrors() },
        ...this.grid.keys('trace'),
        { keys: ['c'], does: 'Mark the trace for comparison', run: () => this.toggleMark() },
        { keys: ['C'], does: 'Compare the two marked traces', run: () => this.compare() },
        { keys: ['z'], does: 'Narrow the time around the trace', run: () => this.narrow() },
        { keys: ['u'], does: 'Open a file', run: () => this.file.click() },
        { keys: ['Escape'], does: 'Leave the field, clear the brush', run: (event) => this.escape(event) },
      ],
      redraw: () => this.scatter.draw(),
      close: () => {
        this.closed = true;
        unsubscribe();
        clearInterval(second);
        clearInterval(status);
        clearTimeout(this.reload);
        this.request?.abort();
        this.filters.close();
        this.grid.close();
        this.scatter.close();
      },
    };
  }

  async load({ marked = false } = {}) {
    this.request?.abort();
    this.request = new AbortController();
    const limit = this.loaded ? LIMIT : FIRST;
    const asked = performance.now();
    let more = false;
    try {
      const { traces, matched } = await api.summaries({ ...this.filters.query(), limit }, this.request.signal);
      if (this.closed) return;
      more = limit < LIMIT && matched > traces.length;
      const keeps = (trace) => this.filters.isPlain && this.filters.accepts(trace);
      this.matched = matched + this.list.replace(traces, { marked, asked, keeps });
      this.failure = null;
      traces.slice(0, 50).forEach((trace) => this.filters.learn(trace));
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.failure = error;
      this.list.replace([]);
    }
    this.loaded = true;
    this.arrange();
    if (more) this.load();
  }

  /** A live update. Filters that only the server can judge are asked again, once a second. */
  arrived(summary) {
    this.filters.learn(summary);
    if (this.filters.isPlain) {
      if (!this.filters.accepts(summary)) return;
      if (!this.list.has(summary)) this.matched = (this.matched ?? 0) + 1;
      this.list.upsert(summary);
      this.arrangeSoon();
    } else {
      this.reload ??= setTimeout(() => { this.reload = null; this.load(); }, 1000);
    }
  }

  arrange() {
    if (this.closed) return;
    const before = this.keyAt(0);
    this.list.arrange();
    this.title.textContent = this.heading();
    this.showChips();
    this.showEmpty();
    this.scatter.show(this.list.shown, this.list.brush);
    this.grid.setCount(this.list.shown.length);
    // Rows that appear above those in sight do not move them.
    const above = before ? this.placeOf(before) : 0;
    if (above > 0 && this.grid.element.scrollTop > 0) this.grid.element.scrollTop += above * this.grid.height;
    const selected = this.selectedKey ? this.placeOf(this.selectedKey) : -1;
    if (selected !== this.grid.index) {
      this.grid.index = selected;
      this.grid.refresh();
    }
  }

  keyAt(index) {
    const trace = this.list.shown[index];
    return trace && keyOf(trace);
  }

  placeOf(key) { return this.list.shown.findIndex((trace) => keyOf(trace) === key); }

  heading() {
    const shown = this.list.shown.length;
    const all = Math.max(this.matched ?? 0, this.list.all.length);
    return shown < all ? `${count(shown)} of ${plural(all, 'trace')}` : plural(shown, 'trace');
  }

  showChips() {
    const { brush } = this.list;
    const text = brush && `${[brush.from, brush.to].map((at) => moment(at, brush.to - brush.from)).join(' – ')}, `
      + `${duration(brush.shortest)} – ${duration(brush.longest)}`;
    showChip(this.brushChip, text, 'Remove the brush', () => this.brush(null));
    showChip(this.callsChip, cut(this.filters.calls, 80), 'Show all calls', () => this.filters.clearCalls());
  }

  updateRow(row, index) {
    const trace = this.list.shown[index];
    // All rows have the same room for chips: one of them is measured.
    if (this.measured !== this.grid.width) {
      this.room = row.parts.chips.clientWidth;
      if (this.room) this.measured = this.grid.width;
    }
    updateRow(row, trace, {
      share: this.list.share(trace.duration), marked: this.marked.has(keyOf(trace)), room: this.room,
    });
  }

  showEmpty() {
    const none = this.loaded && !this.list.shown.length;
    this.empty.hidden = !none;
    this.grid.element.hidden = none;
    if (!none) return;
    if (this.failure) {
      this.empty.replaceChildren(el('h2', {}, this.failure.status ? 'The query was refused' : 'The server does not answer'),
        el('p', {}, cut(this.failure.message, 400)));
    } else if (this.filters.isEmpty && !this.list.brush) {
      const to = this.status?.listen ?? location.host;
      this.empty.replaceChildren(el('h2', {}, 'No traces yet'),
        el('p', {}, 'Send spans to one of these addresses, or drop a file with traces here.'),
        el('pre', { tabindex: '0' }, `Zipkin   http://${to}/api/v2/spans\nOTLP     http://${this.status?.otlp ?? to}/v1/traces`));
    } else {
      this.empty.replaceChildren(el('h2', {}, 'No trace matches'),
        el('p', {}, button('Reset all filters', () => { this.brush(null); this.filters.reset(); })));
    }
  }

  async loadStatus() {
    try {
      this.status = await api.status();
    } catch { return; }
    const { spans, traces, bytes: size, maxBytes, evictedTraces } = this.status;
    setText(this.store, `${plural(traces, 'trace')}, ${plural(spans, 'span')}, ${bytes(size)} of ${bytes(maxBytes)}`
      + (evictedTraces ? `, ${plural(evictedTraces, 'older trace')} dropped` : ''));
    if (!this.empty.hidden) this.showEmpty();
  }

  brush(range) {
    this.list.brush = range;
    if (range && !this.list.all.some((trace) => inBrush(trace, range))) this.list.brush = null;
    this.remember();
    this.arrange();
  }

  /** What the brush does, by keyboard: a quarter of the time, around the selected trace. */
  narrow() {
    const trace = this.list.shown[this.grid.index];
    if (!trace) return;
    if (!trace.timestamp) { toast('The trace has no time'); return; }
    const { from, to, shortest, longest } = this.scatter.range;
    const around = (to - from) / 8;
    this.brush({
      from: Math.round(trace.timestamp - around), to: Math.round(trace.timestamp + around),
      shortest: Math.max(1, Math.floor(shortest)), longest: Math.ceil(longest),
    });
  }

  remember() {
    const { brush, order } = this.list;
    this.context.replace({
      ...this.filters.values,
      sort: order === 'newest' ? '' : order,
      brush: brush ? [brush.from, brush.to, brush.shortest, brush.longest].join('-') : '',
    });
  }

  open(trace) {
    if (trace) this.context.go(`/traces/${encodeURIComponent(trace.traceId)}`);
  }

  mark(trace, on) {
    if (!trace) return;
    const key = keyOf(trace);
    if (on) this.marked.add(key); else this.marked.delete(key);
    // The first mark makes room for a third.
    if (this.marked.size > 2) this.marked.delete(this.marked.values().next().value);
    this.compareButton.hidden = this.marked.size < 2;
    this.grid.refresh();
  }

  toggleMark() {
    const trace = this.list.shown[this.grid.index];
    if (trace) this.mark(trace, !this.marked.has(keyOf(trace)));
  }

  compare() {
    const [a, b] = [...this.marked].map((key) => this.list.byKey.get(key)?.traceId ?? key);
    if (b) this.context.go('/compare', { a, b });
    else toast('Mark two traces with c first');
  }

  escape(event) {
    if (event.target.matches('input, select')) event.target.blur();
    else if (this.list.brush) this.brush(null);
    this.grid.element.focus({ preventScroll: true });
  }

  async upload(files) {
    const opened = [];
    for (const file of files) {
      try {
        const { traceIds } = await api.upload(file);
        opened.push(...traceIds);
      } catch (error) {
        toast(`${cut(file.name, 60)}: ${cut(error.message, 300)}`, 'error');
        return;
      }
    }
    if (opened.length === 1) this.context.go(`/traces/${encodeURIComponent(opened[0])}`);
    else if (opened.length) { toast(`Read ${plural(opened.length, 'trace')}`); this.load(); }
  }

  askClear() {
    const dialog = el('dialog', { 'aria-labelledby': 'clear-title' },
      el('header', {}, el('h2', { id: 'clear-title' }, 'Delete all traces?')),
      el('p', {}, 'They are kept in memory only and cannot be restored.'),
      el('div', { class: 'actions' },
        button('Keep them', () => dialog.close(), { autofocus: true }),
        button('Delete', async () => {
          dialog.close();
          try { await api.clear(); } catch (error) { toast(cut(error.message, 300), 'error'); }
        }, { class: 'primary' })));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}

/** Shows what narrows the list, with a button that removes it; without a text, nothing. */
function showChip(chip, text, label, remove) {
  chip.hidden = !text;
  // A button that is made again would lose the focus.
  if (!text || chip.shown === text) return;
  chip.shown = text;
  chip.replaceChildren(text, button('✕', remove, { class: 'quiet icon', 'aria-label': label }));
}

/** The brush of an address, which anyone may have written: what cannot be drawn is no brush. */
function readBrush(query) {
  const numbers = (query.get('brush') ?? '').split('-').map(Number);
  if (numbers.length !== 4 || !numbers.every(Number.isSafeInteger)) return null;
  const [from, to, shortest, longest] = [numbers[0], numbers[1], Math.max(1, numbers[2]), numbers[3]];
  return from < to && shortest < longest ? { from, to, shortest, longest } : null;
}
