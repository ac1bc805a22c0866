// Two traces side by side: what only one of them has, and how the durations differ.

import * as api from '../api.js';
import { serviceClass } from '../colours.js';
import { announce, button, cut, el, setText, toast } from '../dom.js';
import { count, dateTime, difference, duration } from '../format.js';
import { buildTrace } from '../trace/model.js';
import { VirtualGrid } from '../virtual.js';
import { align, counts } from './align.js';

export function show(main, context) {
  return new Compare(main, context).view();
}

class Compare {
  constructor(main, context) {
    this.context = context;
    this.inputs = ['a', 'b'].map((side) => el('input', {
      name: side, value: context.query.get(side) ?? '', placeholder: 'Trace id', autocomplete: 'off', spellcheck: 'false',
      list: 'recent-traces',
    }));
    this.recent = el('datalist', { id: 'recent-traces' });
    const [a, b] = this.inputs;
    this.form = el('form', { class: 'filters compare-bar', 'aria-label': 'Traces to compare' },
      el('label', { class: 'field' }, el('span', {}, 'Trace A'), a),
      el('label', { class: 'field' }, el('span', {}, 'Trace B'), b),
      el('button', { class: 'primary' }, 'Compare'),
      button('Swap', () => this.swap(), { key: 's' }), this.recent);
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.load(); });
    this.differing = button('Differences only', () => this.toggleDiffering(), { class: 'toggle', 'aria-pressed': 'false', key: 'd' });
    this.body = el('div', { class: 'view' });
    main.replaceChildren(el('section', { class: 'compare view', 'aria-label': 'Compare traces' },
      el('h1', { class: 'sr-only' }, 'Compare two traces'), this.form, this.body));
    this.loadRecent();
    this.load();
  }

  view() {
    const move = (name) => ({ run: (event) => this.grid?.keys('span').find(({ keys }) => keys.includes(name)).run(event) });
    return {
      title: 'Compare',
      keys: [
        { keys: ['/'], does: 'Choose the first trace', run: () => this.inputs[0].focus() },
        { keys: ['j', 'ArrowDown'], does: 'Next span', ...move('j') },
        { keys: ['k', 'ArrowUp'], does: 'Previous span', ...move('k') },
        { keys: ['Home', 'g g'], does: 'First span', ...move('Home') },
        { keys: ['End', 'G'], does: 'Last span', ...move('End') },
        { keys: ['Enter', 'o'], does: 'Open the span in its trace', ...move('Enter') },
        { keys: ['n'], does: 'Next span that only one trace has', run: () => this.nextOnly() },
        { keys: ['d'], does: 'Differences only', run: () => this.toggleDiffering() },
        { keys: ['s'], does: 'Swap the traces', run: () => this.swap() },
        { keys: ['Escape'], run: (event) => { event.target.blur?.(); this.grid?.element.focus(); } },
      ],
      close: () => { this.closed = true; this.grid?.close(); },
    };
  }

  async loadRecent() {
    try {
      const { traces } = await api.summaries({ limit: 30 });
      this.recent.replaceChildren(...traces.map(({ traceId, rootService, rootName, duration: micros }) => el('option', {
        value: traceId, label: cut(`${rootService} ${rootName}, ${duration(micros)}`, 80),
      })));
    } catch { /* The ids can be typed. */ }
  }

  async load() {
    const [a, b] = this.inputs.map((input) => input.value.trim());
    this.context.replace({ a, b });
    if (!a || !b) {
      this.body.replaceChildren(el('div', { class: 'empty' }, el('h2', {}, 'Choose two traces'),
        el('p', {}, 'Paste their ids, or mark two in the list of traces and press Compare.')));
      return;
    }
    const answers = await Promise.allSettled([api.trace(a), api.trace(b)]);
    if (this.closed) return;
    const wrong = answers.findIndex(({ status }) => status === 'rejected');
    if (wrong >= 0) {
      this.body.replaceChildren(el('div', { class: 'empty' }, el('h2', {}, `Trace ${'AB'[wrong]} cannot be shown`),
        el('p', {}, cut(answers[wrong].reason.message, 300))));
      return;
    }
    this.traces = answers.map(({ value }) => buildTrace(value));
    this.all = align(...this.traces);
    this.build();
  }

  build() {
    this.grid?.close();
    this.grid = new VirtualGrid({
      label: 'Spans of both traces',
      className: 'compare-grid',
      create: () => createRow(),
      update: (row, index) => updateRow(row, this.rows[index], this.longest),
      opened: (index) => this.open(this.rows[index]),
      selected: (index) => announce(describe(this.rows[index])),
    });
    this.longest = Math.max(1, ...this.traces.map((trace) => trace.duration));
    const [a, b] = this.traces;
    const { both, onlyA, onlyB } = counts(this.all);
    const sum = (label, value, more) => el('div', {}, el('dt', {}, label), el('dd', {}, value, more ? el('small', {}, ` ${more}`) : ''));
    this.body.replaceChildren(
      el('dl', { class: 'compare-sums' },
        sum('Duration', difference(b.duration - a.duration), `${duration(a.duration)} → ${duration(b.duration)}`),
        sum('In both', count(both)),
        sum('Only in A', count(onlyA), dateTime(a.start).slice(0, 19)),
        sum('Only in B', count(onlyB), dateTime(b.start).slice(0, 19)),
        sum('Errors', `${a.errors} → ${b.errors}`),
        el('div', {}, el('dt', { class: 'sr-only' }, 'Filter'), el('dd', {}, this.differing))),
      el('div', { class: 'compare-head', 'aria-hidden': 'true' },
        ...['Span', 'A above, B below'].map((label) => el('span', {}, label)),
        ...['A', 'B', 'Difference'].map((label) => el('span', { class: 'number' }, label))),
      this.grid.element);
    this.arrange();
  }

  arrange() {
    const only = this.differing.getAttribute('aria-pressed') === 'true';
    this.rows = only ? this.all.filter(differs) : this.all;
    this.grid.setCount(this.rows.length);
  }

  toggleDiffering() {
    const on = this.differing.getAttribute('aria-pressed') !== 'true';
    this.differing.setAttribute('aria-pressed', String(on));
    if (this.all) this.arrange();
  }

  nextOnly() {
    if (!this.rows) return;
    const after = this.rows.findIndex((row, index) => index > this.grid.index && !(row.a && row.b));
    const first = after >= 0 ? after : this.rows.findIndex((row) => !(row.a && row.b));
    if (first >= 0) this.grid.select(first); else toast('Both traces have the same spans');
  }

  swap() {
    const [a, b] = this.inputs;
    [a.value, b.value] = [b.value, a.value];
    this.load();
  }

  open({ a, b }) {
    const node = b ?? a;
    const trace = b ? this.traces[1] : this.traces[0];
    this.context.go(`/traces/${encodeURIComponent(trace.traceId)}`, { span: node.key });
  }
}

/** More than a tenth of the longer one, and more than noise, or in one trace only. */
function differs({ a, b }) {
  if (!a || !b) return true;
  if (a.error !== b.error) return true;
  const [x, y] = [a.duration ?? 0, b.duration ?? 0];
  return Math.abs(x - y) > Math.max(100, 0.1 * Math.max(x, y));
}

function describe({ a, b }) {
  const { service, name } = a ?? b;
  const where = !b ? 'only in A' : !a ? 'only in B' : `${duration(a.duration)}, then ${duration(b.duration)}`;
  return cut(`${service} ${name}: ${where}`, 200);
}

function createRow() {
  const row = el('div', {});
  const parts = {
    side: el('span', { class: 'side' }), swatch: el('i', { class: 'swatch', 'aria-hidden': 'true' }),
    service: el('bdi', { class: 'service' }), name: el('bdi', { class: 'span-name' }),
    error: el('span', { class: 'row-error', role: 'img' }, '!'),
    a: el('div', { class: 'a' }), b: el('div', { class: 'b' }),
  };
  parts.nameCell = el('div', { class: 'name-cell', role: 'gridcell' }, parts.side, parts.swatch, parts.service, parts.name, parts.error);
  parts.figures = [0, 1, 2].map(() => el('div', { class: 'number', role: 'gridcell' }));
  row.append(parts.nameCell, el('div', { class: 'bars', role: 'gridcell' }, parts.a, parts.b), ...parts.figures);
  row.parts = parts;
  return row;
}

function updateRow(row, { a, b, depth }, longest) {
  const { parts } = row;
  const node = a ?? b;
  row.className = `row ${serviceClass(node.service)} ${!b ? 'only-a' : !a ? 'only-b' : ''}`;
  parts.nameCell.style.paddingLeft = `${Math.min(depth, 24) * 12}px`;
  setText(parts.side, !b ? 'A' : !a ? 'B' : '');
  parts.side.title = !b ? 'Only in A' : !a ? 'Only in B' : '';
  setText(parts.service, cut(node.service || 'unknown service', 120));
  setText(parts.name, cut(node.name || 'unnamed span'));
  parts.error.hidden = !a?.error && !b?.error;
  parts.error.setAttribute('aria-label', a?.error && b?.error ? 'Error in both' : a?.error ? 'Error in A' : 'Error in B');
  for (const [part, span] of [[parts.a, a], [parts.b, b]]) {
    part.style.width = span ? `${((span.duration ?? 0) / longest) * 100}%` : '0';
    part.style.visibility = span ? '' : 'hidden';
  }
  const change = a && b ? (b.duration ?? 0) - (a.duration ?? 0) : null;
  setText(parts.figures[0], a ? duration(a.duration) : '–');
  setText(parts.figures[1], b ? duration(b.duration) : '–');
  setText(parts.figures[2], change === null ? '' : difference(change));
  parts.figures[2].className = `number ${change !== null && differs({ a, b }) ? (change > 0 ? 'slower' : 'faster') : 'muted'}`;
}
