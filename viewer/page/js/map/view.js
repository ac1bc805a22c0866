// The service map: who calls whom, how often, how fast, with how many errors.

import * as api from '../api.js';
import { serviceClass } from '../colours.js';
import { button, cut, el, said, setText } from '../dom.js';
import { count, duration, percent, perMinute, plural } from '../format.js';
import * as live from '../live.js';
import { SortedTable } from '../table.js';
import { Drawing } from './draw.js';

const TIMES = [['5m', 'Last 5 minutes', 300_000], ['15m', 'Last 15 minutes', 900_000], ['1h', 'Last hour', 3_600_000],
  ['24h', 'Last 24 hours', 86_400_000], ['', 'All that is kept', 0]];

export function show(main, context) {
  return new MapView(main, context).view();
}

class MapView {
  constructor(main, context) {
    this.context = context;
    this.lookback = context.query.get('lookback') ?? '';
    this.drawing = new Drawing({
      opened: (edge) => this.open(edge),
      // A service that reports no spans is known by those of its callers.
      openedService: (name, spans) => this.context.go('/', { [spans ? 'service' : 'remote']: name, lookback: this.lookback }),
      pointed: (edge) => this.point(edge),
    });
    this.table = new SortedTable({
      label: 'Calls',
      className: 'calls-table',
      items: [],
      sort: 'rate',
      opened: (edge) => this.open(edge),
      selected: (edge) => this.drawing.highlight((each) => each === edge),
      columns: columns(),
    });
    this.build(main);
    this.load();
  }

  build(main) {
    this.time = el('select', {
      'aria-label': 'Time', on: { change: () => { this.lookback = this.time.value; this.context.replace({ lookback: this.lookback }); this.load(); } },
    }, TIMES.map(([value, label]) => el('option', { value }, label)));
    this.time.value = this.lookback;
    this.title = el('h1', {}, 'Service map');
    this.summary = el('span', { class: 'muted' });
    this.empty = el('div', { class: 'empty', hidden: true });
    const tools = el('div', { class: 'map-tools' },
      button('+', () => this.drawing.zoom(1.25), { class: 'icon', 'aria-label': 'Zoom in', title: 'Zoom in', key: '+' }),
      button('−', () => this.drawing.zoom(0.8), { class: 'icon', 'aria-label': 'Zoom out', title: 'Zoom out', key: '-' }),
      button('Fit', () => this.drawing.fit(), { title: 'Show the whole map', key: '0' }));
    this.drawing.element.append(tools, el('p', { class: 'map-key muted' }, 'On each call: calls a minute, share of errors, p50 · p95'));
    this.body = el('div', { class: 'map-body' }, this.drawing.element,
      el('aside', { class: 'map-calls', 'aria-label': 'Calls' }, this.table.element));
    main.replaceChildren(el('section', { class: 'map view', 'aria-label': 'Service map' },
      el('div', { class: 'list-bar' }, this.title, this.summary, el('div', { class: 'end' }, this.time)),
      this.empty, this.body));
  }

  view() {
    const later = () => { this.waiting ??= setTimeout(() => { this.waiting = null; this.load(); }, 2000); };
    const unsubscribe = live.subscribe({ trace: later, cleared: () => this.load(), refresh: () => this.load() });
    return {
      title: 'Map',
      keys: [
        ...this.table.grid.keys('call'),
        { keys: ['+', '='], does: 'Zoom in', run: () => this.drawing.zoom(1.25) },
        { keys: ['-'], does: 'Zoom out', run: () => this.drawing.zoom(0.8) },
        { keys: ['0'], does: 'Show the whole map', run: () => this.drawing.fit() },
        { keys: ['h', 'ArrowLeft'], does: 'Move to the left', run: () => this.drawing.pan(80, 0) },
        { keys: ['l', 'ArrowRight'], does: 'Move to the right', run: () => this.drawing.pan(-80, 0) },
        { keys: ['['], does: 'Move up', run: () => this.drawing.pan(0, 80) },
        { keys: [']'], does: 'Move down', run: () => this.drawing.pan(0, -80) },
        { keys: ['/'], does: 'Choose the time', run: () => this.time.focus() },
        { keys: ['Escape'], run: (event) => { event.target.blur?.(); this.drawing.highlight(null); } },
      ],
      close: () => {
        this.closed = true;
        unsubscribe();
        clearTimeout(this.waiting);
        this.table.close();
        this.drawing.close();
      },
    };
  }

  async load() {
    const within = TIMES.find(([value]) => value === this.lookback)?.[2];
    let answer;
    try {
      answer = await api.serviceMap({ lookback: within || '' });
    } catch (error) {
      if (this.closed) return;
      this.showEmpty('The map cannot be shown', cut(error.message, 300));
      return;
    }
    if (this.closed) return;
    const { services, edges } = answer;
    setText(this.summary, `${plural(services.length, 'service')}, ${plural(edges.length, 'kind')} of calls`);
    if (!services.length) {
      this.showEmpty('No services yet', 'The map is made from the traces of the chosen time.');
      return;
    }
    this.empty.hidden = true;
    this.body.hidden = false;
    // Nothing is drawn again under the pointer if nothing has changed.
    const state = JSON.stringify(answer);
    if (state === this.state) return;
    this.state = state;
    this.drawing.show(answer);
    const selected = this.table.sorted[this.table.grid.index];
    this.table.setItems(edges);
    const again = selected ? this.table.sorted.findIndex((edge) => edge.caller === selected.caller && edge.callee === selected.callee) : -1;
    if (again >= 0) this.table.grid.select(again);
  }

  showEmpty(title, text) {
    this.empty.replaceChildren(el('h2', {}, title), el('p', {}, text));
    this.empty.hidden = false;
    this.body.hidden = true;
  }

  point(edge) {
    const index = edge ? this.table.sorted.indexOf(edge) : -1;
    if (index >= 0) this.table.grid.reveal(index);
    for (const [at, row] of this.table.grid.rows) row.classList.toggle('match', at === index);
  }

  open({ caller, callee }) {
    this.context.go('/', { caller, callee, lookback: this.lookback });
  }
}

function columns() {
  return [
    {
      id: 'call', label: 'Call', className: 'widest', value: (edge) => `${edge.caller} ${edge.callee}`,
      cell(edge, cell) {
        if (cell.shown === edge) return;
        cell.shown = edge;
        cell.replaceChildren(
          el('i', { class: `swatch ${serviceClass(edge.caller)}`, 'aria-hidden': 'true' }), said(edge.caller || 'unknown service'),
          el('span', { class: 'muted' }, '→'),
          el('i', { class: `swatch ${serviceClass(edge.callee)}`, 'aria-hidden': 'true' }), said(edge.callee || 'unknown service'));
      },
    },
    { id: 'calls', label: 'Calls', number: true, value: (edge) => edge.calls, text: (edge) => count(edge.calls), className: 'optional' },
    { id: 'rate', label: 'Calls a minute', number: true, value: (edge) => edge.callsPerMinute, text: (edge) => perMinute(edge.callsPerMinute) },
    {
      id: 'errors', label: 'Errors', number: true, value: (edge) => edge.errors / Math.max(1, edge.calls),
      cell(edge, cell) { setText(cell, percent(edge.errors, edge.calls)); cell.classList.toggle('bad', edge.errors > 0); },
    },
    { id: 'p50', label: 'p50', number: true, className: 'narrow', value: (edge) => edge.p50, text: (edge) => duration(edge.p50) },
    { id: 'p95', label: 'p95', number: true, value: (edge) => edge.p95, text: (edge) => duration(edge.p95) },
  ];
}
