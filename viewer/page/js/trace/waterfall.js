// The waterfall: a collapsible tree on the left, bars over time on the right.

import { serviceClass } from '../colours.js';
import { cut, el, setText } from '../dom.js';
import { duration, plural, shortDuration, ticks } from '../format.js';
import { VirtualGrid } from '../virtual.js';
import { dragRange, wheelZoom } from './window.js';

/** Ticks and segments that one bar shows at most. */
const MOST_PARTS = 60;
const DEEPEST = 24;
/** The room for durations on the right of the bars: `--label` of the style sheet. */
const LABEL = 72;

export class Waterfall {
  constructor(trace, window, { opened, selected, changed, collapsed }) {
    this.trace = trace;
    this.window = window;
    this.collapsed = collapsed;
    this.changed = changed;
    this.matches = new Set();
    this.showPath = true;
    this.grid = new VirtualGrid({
      label: 'Spans of the trace',
      role: 'treegrid',
      className: 'spans',
      create: () => this.create(),
      update: (row, index) => this.update(row, this.visible[index]),
      opened: (index) => opened(this.visible[index]),
      selected: (index) => selected(this.visible[index]),
    });
    this.axis = el('div', { class: 'axis', 'aria-hidden': 'true' });
    this.drag = el('div', { class: 'axis-drag', hidden: true });
    this.head = el('div', { class: 'waterfall-head', 'aria-hidden': 'true', title: 'Drag to zoom, double-click to show all' },
      el('div', { class: 'head-name' }, 'Service and span'), el('div', { class: 'head-time' }, el('div', { class: 'head-lane' }, this.axis, this.drag)));
    this.element = el('div', { class: 'waterfall' }, this.head, this.grid.element);
    const time = this.drag.parentElement;
    dragRange(time, {
      dragged: (from, to) => this.showDrag(from, to),
      chosen: (from, to) => window.set(window.from + from * window.span, window.from + to * window.span),
    });
    time.addEventListener('dblclick', () => window.whole());
    wheelZoom(this.grid.element, window, () => this.nameWidth(), () => LABEL);
    this.arrange();
    this.redraw();
  }

  close() { this.grid.close(); }

  nameWidth() { return this.head.firstChild.clientWidth; }

  showDrag(from, to) {
    this.drag.hidden = from === null;
    if (from === null) return;
    this.drag.style.left = `${from * 100}%`;
    this.drag.style.width = `${(to - from) * 100}%`;
  }

  /** The rows whose ancestors are all open. */
  arrange() {
    this.visible = [];
    let hiddenBelow = Infinity;
    for (const node of this.trace.rows) {
      if (node.depth > hiddenBelow) continue;
      hiddenBelow = this.collapsed.has(node.key) ? node.depth : Infinity;
      node.row = this.visible.length;
      this.visible.push(node);
    }
    this.grid.setCount(this.visible.length);
  }

  /** The trace has changed: the same span is selected, and the same rows are in sight. */
  renew(same) {
    const { grid, selected } = this;
    const height = grid.height ?? 0;
    const top = this.visible[Math.floor(grid.element.scrollTop / (height || 1))];
    const before = top?.row;
    this.arrange();
    const shown = (node) => (node ? this.nearestVisible(node).row : undefined);
    grid.index = shown(same(selected)) ?? -1;
    const after = shown(same(top));
    if (grid.element.scrollTop > 0 && after !== undefined) grid.element.scrollTop += (after - before) * height;
    this.redraw();
  }

  redraw() {
    this.drawAxis();
    this.grid.refresh();
  }

  drawAxis() {
    const { from, to, span } = this.window;
    const width = this.axis.clientWidth || 600;
    const marks = ticks(from, to, Math.max(2, Math.min(10, Math.floor(width / 90))));
    this.axis.replaceChildren(...marks.map((at) => {
      const share = (at - from) / span;
      const mark = el('span', { class: 'mark' }, at === 0 ? '0' : shortDuration(at));
      mark.style.left = `${share * 100}%`;
      return mark;
    }));
    const step = marks.length > 1 ? ((marks[1] - marks[0]) / span) * 100 : 100;
    this.grid.element.style.setProperty('--step', `${step}%`);
    this.grid.element.style.setProperty('--first', `${((marks[0] - from) / span) * 100}%`);
  }

  create() {
    const row = el('div', {});
    const parts = {
      toggle: el('button', { type: 'button', class: 'twist', tabindex: '-1' }),
      swatch: el('i', { class: 'swatch', 'aria-hidden': 'true' }),
      service: el('bdi', { class: 'service' }),
      name: el('bdi', { class: 'span-name' }),
      error: el('span', { class: 'row-error', role: 'img' }, '!'),
      note: el('span', { class: 'row-note', role: 'img' }, '△'),
      bar: el('div', { class: 'span-bar' }),
      extra: el('div', { class: 'span-extra' }),
      label: el('span', { class: 'span-label' }),
    };
    parts.lane = el('div', { class: 'lane' }, parts.bar, parts.extra);
    parts.nameCell = el('div', { class: 'name-cell', role: 'gridcell' },
      parts.toggle, parts.swatch, parts.service, parts.name, parts.error, parts.note);
    parts.timeCell = el('div', { class: 'time-cell', role: 'gridcell' }, parts.lane, parts.label);
    parts.toggle.addEventListener('click', () => this.toggle(row.node));
    row.append(parts.nameCell, parts.timeCell);
    row.parts = parts;
    return row;
  }

  update(row, node) {
    const open = node.children.length ? !this.collapsed.has(node.key) : null;
    const match = this.matches.has(node);
    // While the window moves, only the bars change.
    if (row.node !== node || row.open !== open || row.match !== match) {
      Object.assign(row, { node, open, match });
      this.updateName(row, node, open);
    }
    this.updateBar(row.parts, node);
  }

  updateName(row, node, open) {
    const { parts } = row;
    const selected = row.classList.contains('selected') ? ' selected' : '';
    row.className = `row ${serviceClass(node.service)}${node.error ? ' failed' : ''}${row.match ? ' match' : ''}${selected}`;
    row.setAttribute('aria-level', String(node.depth + 1));
    if (open === null) row.removeAttribute('aria-expanded'); else row.setAttribute('aria-expanded', String(open));
    row.style.setProperty('--depth', Math.min(node.depth, DEEPEST));
    parts.toggle.dataset.open = String(open);
    parts.toggle.style.visibility = open === null ? 'hidden' : '';
    parts.toggle.setAttribute('aria-label', open ? 'Collapse' : `Expand ${plural(node.children.length, 'child', 'children')}`);
    setText(parts.service, cut(node.service || 'unknown service', 120));
    setText(parts.name, cut(node.name || 'unnamed span'));
    const hidden = open === false ? node.errorsBelow : 0;
    parts.error.hidden = !node.error && !hidden;
    parts.error.setAttribute('aria-label', node.error ? 'Error' : `${plural(hidden, 'error')} below`);
    parts.error.classList.toggle('below', !node.error);
    parts.note.hidden = !node.notes.length && !node.missingParent && !node.untimed && !node.inCycle;
    parts.note.setAttribute('aria-label', 'Note');
  }

  updateBar(parts, node) {
    const from = this.window.share(node.start);
    const to = this.window.share(node.end);
    const left = Math.max(-0.01, Math.min(1.01, from));
    const right = Math.max(-0.01, Math.min(1.01, to));
    const inSight = to >= 0 && from <= 1;
    parts.bar.hidden = parts.extra.hidden = !inSight;
    parts.bar.style.left = `${left * 100}%`;
    parts.bar.style.width = `${(right - left) * 100}%`;
    const text = node.untimed ? 'no timestamp' : node.duration === undefined ? 'no duration' : duration(node.duration);
    setText(parts.label, inSight ? text : from > 1 ? `${text} →` : `← ${text}`);
    // The lane leaves room on its right, so that a label always fits after its bar.
    parts.label.style.setProperty('--at', inSight ? Math.min(1, right) : from > 1 ? 1 : 0);
    if (inSight) this.updateExtra(parts.extra, node);
  }

  /** The critical path and the annotations, as marks over the bar. Elements are used again. */
  updateExtra(extra, node) {
    let used = 0;
    const mark = (className, from, to) => {
      if (to < 0 || from > 1) return;
      const left = Math.max(-0.01, from);
      const part = extra.children[used] ?? extra.appendChild(el('i'));
      used += 1;
      if (part.className !== className) part.className = className;
      part.style.left = `${left * 100}%`;
      part.style.width = to > from ? `${(Math.min(1.01, to) - left) * 100}%` : '';
    };
    if (this.showPath) {
      for (const [start, end] of node.path.slice(0, MOST_PARTS)) {
        mark('on-path', this.window.share(start), this.window.share(end));
      }
    }
    for (const { timestamp } of (node.span.annotations ?? []).slice(0, MOST_PARTS)) {
      const at = this.window.share(timestamp);
      mark('tick', at, at);
    }
    while (extra.children.length > used) extra.lastChild.remove();
  }

  /** Opens or closes a span, with everything below it if `deep`. */
  toggle(node, { open, deep = false } = {}) {
    if (!node) return;
    const opening = open ?? this.collapsed.has(node.key);
    const nodes = deep ? this.below(node) : [node];
    for (const each of nodes) {
      if (opening) this.collapsed.delete(each.key);
      else if (each.children.length) this.collapsed.add(each.key);
    }
    const selected = this.selected;
    this.arrange();
    if (selected) this.select(this.nearestVisible(selected), { silent: true });
    this.changed();
  }

  below(node) {
    const last = this.trace.rows.findIndex((each, index) => index > node.index && each.depth <= node.depth);
    return this.trace.rows.slice(node.index, last < 0 ? undefined : last);
  }

  get selected() { return this.visible[this.grid.index]; }

  nearestVisible(node) {
    let shown = node;
    for (let each = node.parent; each; each = each.parent) if (this.collapsed.has(each.key)) shown = each;
    return shown;
  }

  /** Selects a span; its ancestors are opened if it is hidden. */
  select(node, options) {
    let closed = false;
    for (let each = node.parent; each; each = each.parent) closed = this.collapsed.delete(each.key) || closed;
    if (closed) this.arrange();
    this.grid.select(node.row, options);
  }

  /** `h`: closes the span, or goes to its parent. */
  closeOrParent() {
    const node = this.selected;
    if (!node) return;
    if (node.children.length && !this.collapsed.has(node.key)) this.toggle(node);
    else if (node.parent) this.select(node.parent);
  }

  /** `l`: opens the span, or goes to its first child. */
  openOrChild() {
    const node = this.selected;
    if (!node?.children.length) return;
    if (this.collapsed.has(node.key)) this.toggle(node);
    else this.select(node.children[0]);
  }

  collapseAll() {
    const all = this.trace.rows.filter((node) => node.children.length);
    const anyOpen = all.some((node) => node.depth > 0 && !this.collapsed.has(node.key));
    for (const node of all) {
      if (anyOpen && node.depth > 0) this.collapsed.add(node.key); else this.collapsed.delete(node.key);
    }
    const selected = this.selected;
    this.arrange();
    if (selected) this.select(anyOpen ? this.nearestVisible(selected) : selected, { silent: true });
    this.changed();
  }
}
