// One trace: waterfall, flame graph, table and statistics, and the panel of the selected span.

import * as api from '../api.js';
import { announce, button, copy, cut, el, renew, toast } from '../dom.js';
import { duration, plural } from '../format.js';
import * as live from '../live.js';
import { Find } from './find.js';
import { Flame } from './flame.js';
import { legend, notesList, save, traceHead } from './head.js';
import { Minimap } from './minimap.js';
import { buildTrace } from './model.js';
import { Panel } from './panel.js';
import { Statistics, spanTable } from './tables.js';
import { Waterfall } from './waterfall.js';
import { TimeWindow } from './window.js';

const TABS = [['waterfall', 'Waterfall'], ['flame', 'Flame'], ['table', 'Table'], ['statistics', 'Statistics']];

/** Collapsed spans that an address can hold. */
const MOST_COLLAPSED = 60;

export function show(main, context) {
  return new TraceView(main, context).view();
}

class TraceView {
  constructor(main, context) {
    this.context = context;
    this.id = context.argument;
    this.state = readState(context.query);
    this.element = el('section', { class: 'trace view', 'aria-label': 'Trace' },
      el('p', { class: 'empty muted' }, 'Loading the trace …'));
    this.others = {};
    main.replaceChildren(this.element);
    this.load();
  }

  async load() {
    let answer;
    try {
      answer = await api.trace(this.id);
      if (!answer.spans.length) throw new Error('the trace has no spans');
    } catch (error) {
      if (this.closed || this.trace) return;
      this.element.replaceChildren(el('div', { class: 'empty' },
        el('h1', {}, error.status === 404 ? 'There is no such trace' : 'The trace cannot be shown'),
        el('p', {}, error.status === 404 ? 'It may have been dropped to make room for newer ones.' : cut(error.message, 300)),
        el('p', {}, el('a', { href: api.at('/') }, 'All traces'))));
      return;
    }
    if (this.closed) return;
    if (!this.trace) this.setUp(buildTrace(answer));
  }

  setUp(trace) {
    this.trace = trace;
    const { state } = this;
    this.window = new TimeWindow(trace, () => this.windowChanged());
    this.panel = new Panel({ close: () => this.closePanel(), select: (node) => this.choose(node) });
    this.waterfall = new Waterfall(trace, this.window, {
      collapsed: new Set(state.collapsed),
      opened: (node) => this.openPanel(node),
      selected: (node) => this.selected(node),
      changed: () => this.remember(),
    });
    this.minimap = new Minimap(trace, this.window);
    this.find = new Find(trace, {
      text: state.find,
      found: (nodes) => this.marked(nodes),
      chosen: (node) => this.choose(node),
    });
    this.build();
    if (state.to > state.from) this.window.set(state.from, state.to);
    this.openTab(TABS.some(([tab]) => tab === state.view) ? state.view : 'waterfall');
    const node = state.span && trace.rows.find(({ key }) => key === state.span);
    if (node) this.choose(node);
    this.ready = true;
  }

  build() {
    this.tabs = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views of the trace' }, TABS.map(([tab, label], index) => (
      el('button', {
        type: 'button', role: 'tab', id: `tab-${tab}`, 'aria-controls': 'trace-content', title: `${label} (${index + 1})`,
        on: { click: () => this.openTab(tab), keydown: (event) => this.tabKey(event, index) },
      }, label))));
    this.pathButton = button('Critical path', () => this.togglePath(), { class: 'toggle', 'aria-pressed': 'true', key: 'x' });
    this.zoomButton = button('Show all', () => this.window.whole(), { hidden: true, title: 'Show the whole time', key: '0' });
    this.content = el('div', { class: 'trace-content', id: 'trace-content', role: 'tabpanel' });
    const [head, notes, services] = this.said = [1, 2, 3].map(() => el('div'));
    this.element.replaceChildren(head, notes,
      el('div', { class: 'trace-bar' }, this.tabs, this.find.element, this.pathButton, this.zoomButton, services),
      this.minimap.element,
      el('div', { class: 'trace-body' }, this.content, this.panel.element));
    this.say();
    this.togglePath(this.state.path);
  }

  /** What is said of the trace as a whole. */
  say() {
    const { trace } = this;
    document.title = cut(`${trace.roots[0].service} ${trace.roots[0].name}`, 80);
    const parts = [
      traceHead(trace, () => this.copyLink()),
      notesList(trace, (node) => this.choose(node)) ?? el('div', { hidden: true }),
      legend(trace, (name) => this.find.set(name)),
    ];
    this.said = this.said.map((part, index) => renew(part, parts[index]));
  }

  /** The trace has changed. What is selected, focused, found and in sight stays so. */
  renew(trace) {
    const byKey = new Map(trace.rows.map((node) => [node.key, node]));
    const same = (node) => node && byKey.get(node.key);
    const before = { ...this.trace };
    // The parts of the view hold the trace: it stays the same object.
    Object.assign(this.trace, trace);
    this.node = same(this.node);
    this.say();
    this.waterfall.renew(same);
    this.others.table?.setItems(trace.rows, same);
    this.others.statistics?.renew();
    this.others.flame?.renew();
    this.find.renew(same);
    this.window.renew(before);
    this.minimap.redraw();
    const shown = same(this.panel.node);
    if (shown) this.panel.renew(this.trace, shown);
  }

  tearDown() {
    this.ready = false;
    this.waterfall?.close();
    this.minimap?.close();
    for (const view of Object.values(this.others ?? {})) view.close();
    this.others = {};
  }

  view() {
    const unsubscribe = live.subscribe({
      // The first span with all of a 128-bit id changes the id of a trace that had 64 bits of it.
      trace: (summary) => { if (sameEnd(summary.traceId, this.id)) this.reload(); },
      refresh: () => this.reload(),
      cleared: () => toast('All traces were deleted; this one stays until you leave it'),
    });
    return {
      title: 'Trace',
      keys: this.keys(),
      redraw: () => {
        this.minimap?.redraw();
        this.waterfall?.redraw();
        this.others?.flame?.redraw();
      },
      close: () => {
        this.closed = true;
        unsubscribe();
        clearTimeout(this.reloading);
        clearTimeout(this.remembering);
        this.tearDown();
      },
    };
  }

  /** Something of this trace has arrived: it is asked for again, and shown if it has changed. */
  reload() {
    this.reloading ??= setTimeout(async () => {
      this.reloading = null;
      let answer;
      try { answer = await api.trace(this.id); } catch { return; }
      if (this.closed || !answer.spans.length) return;
      if (!this.trace) this.setUp(buildTrace(answer));
      else if (answer.updated !== this.trace.updated) this.renew(buildTrace(answer));
    }, 400);
  }

  keys() {
    const grid = () => this.currentGrid();
    const move = (name) => ({ run: (event) => grid()?.keys('span').find(({ keys }) => keys.includes(name)).run(event) });
    const inWaterfall = (action) => () => (this.tab === 'waterfall' ? action() : false);
    const zoom = (action) => () => { if (this.window) action(); };
    return [
      { keys: ['/'], does: 'Find in the trace', run: () => this.find?.input.focus() },
      { keys: ['n'], does: 'Next match', run: () => this.find?.next(1) },
      { keys: ['N'], does: 'Previous match', run: () => this.find?.next(-1) },
      { keys: ['j', 'ArrowDown'], does: 'Next span', ...move('j') },
      { keys: ['k', 'ArrowUp'], does: 'Previous span', ...move('k') },
      { keys: ['PageDown'], ...move('PageDown') },
      { keys: ['PageUp'], ...move('PageUp') },
      { keys: ['Home', 'g g'], does: 'First span', ...move('Home') },
      { keys: ['End', 'G'], does: 'Last span', ...move('End') },
      { keys: ['h', 'ArrowLeft'], does: 'Collapse, or go to the parent', run: inWaterfall(() => this.waterfall.closeOrParent()) },
      { keys: ['l', 'ArrowRight'], does: 'Expand, or go to the first child', run: inWaterfall(() => this.waterfall.openOrChild()) },
      { keys: ['z'], does: 'Collapse or expand everything', run: inWaterfall(() => this.waterfall.collapseAll()) },
      { keys: ['Enter', 'o'], does: 'Open the panel of the span', ...move('Enter') },
      { keys: ['e'], does: 'Next error', run: () => this.nextError() },
      { keys: ['+', '='], does: 'Zoom in', run: zoom(() => this.window.zoom(0.6, this.zoomCentre())) },
      { keys: ['-'], does: 'Zoom out', run: zoom(() => this.window.zoom(1 / 0.6, this.zoomCentre())) },
      { keys: ['['], does: 'Move to the left', run: zoom(() => this.window.move(-0.25)) },
      { keys: [']'], does: 'Move to the right', run: zoom(() => this.window.move(0.25)) },
      { keys: ['0'], does: 'Show the whole time', run: zoom(() => this.window.whole()) },
      { keys: ['f'], does: 'Zoom to the span', run: zoom(() => this.zoomToSpan()) },
      { keys: ['x'], does: 'Critical path', run: () => this.togglePath() },
      ...TABS.map(([tab, label], index) => ({ keys: [String(index + 1)], does: label, run: () => this.openTab(tab) })),
      { keys: ['y'], does: 'Copy the span id', run: () => { if (this.node) copy(this.node.id, 'the span id'); } },
      { keys: ['Y'], does: 'Copy a link to this view', run: () => this.copyLink() },
      { keys: ['D'], does: 'Download as JSON', run: () => save(this.id) },
      { keys: ['b'], does: 'Back to the traces', run: () => this.context.goToList() },
      { keys: ['Escape'], does: 'Close the panel, leave the field', run: (event) => this.escape(event) },
    ];
  }

  currentGrid() {
    if (this.tab === 'flame') return null;
    return this.tab === 'waterfall' ? this.waterfall?.grid : this.others?.[this.tab]?.grid;
  }

  tabKey(event, index) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const [tab] = TABS[(index + step + TABS.length) % TABS.length];
    this.openTab(tab);
    document.getElementById(`tab-${tab}`).focus();
  }

  openTab(tab) {
    if (!this.trace) return;
    this.tab = tab;
    for (const node of this.tabs.children) {
      const selected = node.id === `tab-${tab}`;
      node.setAttribute('aria-selected', String(selected));
      node.tabIndex = selected ? 0 : -1;
    }
    this.content.setAttribute('aria-labelledby', `tab-${tab}`);
    const shown = tab === 'waterfall' ? this.waterfall : this.other(tab);
    this.content.replaceChildren(shown.element);
    this.element.dataset.tab = tab;
    if (tab === 'table' && this.node) shown.grid.select(shown.sorted.indexOf(this.node), { silent: true });
    if (tab === 'waterfall' && this.node) this.waterfall.select(this.waterfall.nearestVisible(this.node), { silent: true });
    if (tab === 'waterfall') this.waterfall.redraw();
    // The flame graph has keys of its own; the other views are moved by the page's shortcuts.
    if (this.ready && tab === 'flame') shown.canvas.focus({ preventScroll: true });
    this.remember();
  }

  /** The views beside the waterfall are made when they are first opened. */
  other(tab) {
    const make = {
      flame: () => new Flame(this.trace, { opened: (node) => { if (node) this.openPanel(node); } }),
      table: () => spanTable(this.trace, {
        opened: (node) => this.openPanel(node),
        selected: (node) => this.selected(node),
        isMatch: (node) => this.waterfall.matches.has(node),
      }),
      statistics: () => new Statistics(this.trace, (group) => {
        this.find.set(group.name || group.service);
        this.openTab('waterfall');
        this.find.next(1);
      }),
    };
    this.others[tab] ??= make[tab]();
    if (tab === 'flame') this.others.flame.mark(this.waterfall.matches);
    return this.others[tab];
  }

  selected(node) {
    if (!node) return;
    this.node = node;
    if (!this.panel.element.hidden) this.panel.show(this.trace, node);
    announce(cut(`${node.service} ${node.name}, ${duration(node.duration)}${node.error ? ', error' : ''}`, 200));
    this.remember();
  }

  openPanel(node) {
    this.node = node;
    this.panel.show(this.trace, node);
    this.remember();
  }

  closePanel() {
    this.panel.hide();
    this.currentGrid()?.element.focus({ preventScroll: true });
    this.remember();
  }

  /** Selects a span wherever it is, and shows its panel. */
  choose(node) {
    this.node = node;
    if (this.tab === 'table') this.others.table.grid.select(this.others.table.sorted.indexOf(node), { silent: true });
    this.waterfall.select(node, { silent: true });
    this.bringIntoWindow(node);
    this.openPanel(node);
  }

  bringIntoWindow(node) {
    const from = node.start - this.trace.start;
    const to = node.end - this.trace.start;
    if (to >= this.window.from && from <= this.window.to) return;
    this.window.set(from - this.window.span * 0.1, from + this.window.span * 0.9);
  }

  marked(nodes) {
    this.waterfall.matches = nodes;
    this.waterfall.grid.refresh();
    this.others?.flame?.mark(nodes);
    this.others?.table?.grid.refresh();
    if (this.find) this.remember();
  }

  nextError() {
    const failed = this.trace?.rows.filter((node) => node.error) ?? [];
    if (!failed.length) { announce('The trace has no errors'); return; }
    this.choose(failed.find((node) => node.index > (this.node?.index ?? -1)) ?? failed[0]);
    announce(`Error ${failed.indexOf(this.node) + 1} of ${plural(failed.length, 'error')}`);
  }

  togglePath(on = !this.waterfall.showPath) {
    this.waterfall.showPath = on;
    this.pathButton.setAttribute('aria-pressed', String(on));
    this.waterfall.grid.refresh();
    this.remember();
  }

  zoomCentre() {
    if (!this.node) return 0.5;
    const at = this.window.share((this.node.start + this.node.end) / 2);
    return at >= 0 && at <= 1 ? at : 0.5;
  }

  zoomToSpan() {
    if (!this.node) return;
    const from = this.node.start - this.trace.start;
    const to = this.node.end - this.trace.start;
    const margin = Math.max(1, (to - from) * 0.1);
    this.window.set(from - margin, to + margin);
  }

  windowChanged() {
    this.zoomButton.hidden = this.window.isWhole;
    this.minimap.draw();
    this.waterfall.redraw();
    this.remember();
  }

  escape(event) {
    if (event.target.matches('input')) {
      event.target.blur();
      this.currentGrid()?.element.focus({ preventScroll: true });
    } else if (!this.panel?.element.hidden) this.closePanel();
    else if (this.window && !this.window.isWhole) this.window.whole();
  }

  /** Browsers limit how often an address may change. */
  remember() {
    if (!this.ready) return;
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => this.rememberNow(), 250);
  }

  rememberNow() {
    if (!this.closed && this.trace) this.context.replace(this.stateQuery());
  }

  copyLink() {
    this.rememberNow();
    copy(location.href, 'a link to this view');
  }

  stateQuery() {
    const { window, waterfall } = this;
    return {
      view: this.tab === 'waterfall' ? '' : this.tab,
      span: this.panel.node?.key ?? '',
      find: this.find.text,
      from: window.isWhole ? '' : Math.round(window.from),
      to: window.isWhole ? '' : Math.round(window.to),
      collapsed: [...waterfall.collapsed].slice(0, MOST_COLLAPSED).join(' '),
      path: waterfall.showPath ? '' : 'off',
    };
  }
}

const sameEnd = (a, b) => a.slice(-16).padStart(16, '0') === b.slice(-16).padStart(16, '0');

function readState(query) {
  return {
    view: query.get('view') ?? 'waterfall',
    span: query.get('span') ?? '',
    find: query.get('find') ?? '',
    from: Number(query.get('from')) || 0,
    to: Number(query.get('to')) || 0,
    collapsed: (query.get('collapsed') ?? '').split(' ').filter(Boolean),
    path: query.get('path') !== 'off',
  };
}
