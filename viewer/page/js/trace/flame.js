// A flame graph: spans of the same service and name, under the same parents, are one frame; its
// width is the time spent in them and below.

import { colour, prepare, serviceColour } from '../colours.js';
import { announce, cut, el, onFrame, said } from '../dom.js';
import { duration, percent, plural } from '../format.js';

const HEIGHT = 22;

const keyOf = ({ service, name }) => `${service}\0${name}`;

/** Merges the tree. Children are visited after their parents, so that no recursion is needed. */
function mergeFrames(rows) {
  const all = { service: '', name: 'All root spans', nodes: [], children: new Map(), self: 0, depth: 0, errors: 0, parent: null };
  const frameOf = new Map();
  const frames = [all];
  for (const node of rows) {
    const parent = node.parent ? frameOf.get(node.parent) : all;
    const key = keyOf(node);
    let frame = parent.children.get(key);
    if (!frame) {
      frame = { service: node.service, name: node.name, nodes: [], children: new Map(), self: 0, depth: parent.depth + 1, errors: 0, parent };
      parent.children.set(key, frame);
      frames.push(frame);
    }
    frame.nodes.push(node);
    frame.self += node.self;
    frame.errors += node.error ? 1 : 0;
    frameOf.set(node, frame);
  }
  for (const frame of frames) frame.total = frame.self;
  for (let i = frames.length - 1; i > 0; i -= 1) frames[i].parent.total += frames[i].total;
  place(all, frames);
  return { all, frames };
}

/** `at` and `width` of each frame, as shares of the whole. Zero-width spans get a hair's breadth. */
function place(all, frames) {
  all.at = 0;
  all.width = 1;
  for (const frame of frames) {
    let at = frame.at;
    frame.list = [...frame.children.values()].sort((a, b) => b.total - a.total);
    for (const child of frame.list) {
      child.at = at;
      child.width = frame.total ? (child.total / frame.total) * frame.width : 0;
      at += child.width;
    }
  }
}

/** The keys that lead from the root to a frame. */
function pathTo(frame) {
  const keys = [];
  for (let each = frame; each.parent; each = each.parent) keys.unshift(keyOf(each));
  return keys;
}

/** The frame to which the keys lead, as far as there is one. */
function follow(all, keys) {
  let frame = all;
  for (const key of keys) frame = frame.children.get(key) ?? frame;
  return frame;
}

export class Flame {
  constructor(trace, { opened }) {
    this.trace = trace;
    this.opened = opened;
    this.matches = new Set();
    this.canvas = el('canvas', { tabindex: '0', role: 'img', 'aria-label': 'Flame graph: arrow keys move, Enter zooms, Escape shows all. The table has the same figures.' });
    this.merge();
    this.base = this.all;
    this.focused = this.all.list[0] ?? this.all;
    this.line = el('p', { class: 'flame-line' });
    this.scroll = el('div', { class: 'flame-scroll' }, this.canvas);
    this.element = el('div', { class: 'flame' }, this.line, this.scroll);
    this.draw = onFrame(() => this.paint());
    this.observer = new ResizeObserver(this.draw);
    this.observer.observe(this.canvas);
    this.canvas.addEventListener('pointermove', (event) => this.point(this.at(event)));
    this.canvas.addEventListener('pointerleave', () => this.point(null));
    this.canvas.addEventListener('click', (event) => {
      const frame = this.at(event);
      if (frame) { this.focused = frame; this.zoom(frame); this.opened(frame.nodes[0]); }
    });
    this.canvas.addEventListener('keydown', (event) => this.key(event));
    this.canvas.addEventListener('focus', this.draw);
    this.canvas.addEventListener('blur', this.draw);
    this.point(null);
  }

  close() { this.observer.disconnect(); }

  merge() {
    Object.assign(this, mergeFrames(this.trace.rows));
    const depth = this.frames.reduce((most, frame) => Math.max(most, frame.depth), 0) + 1;
    this.canvas.style.height = `${depth * HEIGHT}px`;
  }

  /** The trace has changed: the same frames are zoomed and focused. */
  renew() {
    const [base, focused] = [this.base, this.focused].map(pathTo);
    this.merge();
    this.base = follow(this.all, base);
    this.focused = follow(this.all, focused);
    this.point(null);
  }
  redraw() { this.draw(); }

  /** The place of a frame in the zoomed picture, as shares. */
  box(frame) {
    return [(frame.at - this.base.at) / this.base.width, frame.width / this.base.width];
  }

  paint() {
    const { context, width } = prepare(this.canvas);
    if (!width) return;
    context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = 'middle';
    const ancestors = new Set();
    for (let frame = this.base; frame; frame = frame.parent) ancestors.add(frame);
    for (const frame of this.frames) {
      let [at, share] = this.box(frame);
      if (ancestors.has(frame)) [at, share] = [0, 1];
      else if (at >= 1 || at + share <= 0) continue;
      this.paintFrame(context, frame, at * width, share * width, ancestors.has(frame) && frame !== this.base);
    }
  }

  paintFrame(context, frame, x, width, above) {
    if (width < 0.4) return;
    const y = frame.depth * HEIGHT;
    const inner = Math.max(0.5, width - 1);
    const base = colour('--surface');
    context.fillStyle = base;
    context.fillRect(x, y, inner, HEIGHT - 1);
    const own = frame.errors ? colour('--error') : frame === this.all ? colour('--muted') : serviceColour(frame.service);
    context.fillStyle = own;
    context.globalAlpha = above ? 0.18 : frame === this.hovered || this.matches.has(frame) ? 0.55 : 0.32;
    context.fillRect(x, y, inner, HEIGHT - 1);
    context.globalAlpha = 1;
    context.fillRect(x, y + HEIGHT - 3, inner, 2);
    if (frame === this.focused && document.activeElement === this.canvas) {
      context.strokeStyle = colour('--accent');
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, Math.max(1, inner - 2), HEIGHT - 3);
    }
    if (width < 26) return;
    context.fillStyle = colour('--text');
    const text = fit(context, cut(`${frame.service} ${frame.name}`, 160), inner - 8);
    context.fillText(text, x + 5, y + HEIGHT / 2 - 1);
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const depth = Math.floor((event.clientY - box.top) / HEIGHT);
    if (depth < this.base.depth) {
      let frame = this.base;
      while (frame && frame.depth > depth) frame = frame.parent;
      return frame;
    }
    const at = this.base.at + share * this.base.width;
    return this.frames.find((frame) => frame.depth === depth && at >= frame.at && at < frame.at + frame.width);
  }

  point(frame) {
    this.hovered = frame;
    const shown = frame ?? this.focused;
    this.line.replaceChildren(said(shown.service), ' ', said(shown.name), ` · ${this.figures(shown)}`);
    this.draw();
  }

  figures(frame) {
    const errors = frame.errors ? `, ${plural(frame.errors, 'error')}` : '';
    return `${duration(frame.total)} (${percent(frame.total, this.all.total)}), self ${duration(frame.self)}, `
      + `${plural(frame.nodes.length, 'span')}${errors}`;
  }

  zoom(frame) {
    this.base = frame.width > 0 ? frame : this.all;
    this.draw();
  }

  key(event) {
    const { focused } = this;
    const siblings = focused.parent?.list ?? [focused];
    const index = siblings.indexOf(focused);
    const next = {
      ArrowDown: focused.list[0], ArrowUp: focused.parent,
      ArrowRight: siblings[index + 1], ArrowLeft: siblings[index - 1],
    }[event.key];
    if (event.key === 'Enter') { this.zoom(focused); if (focused.nodes[0]) this.opened(focused.nodes[0]); }
    else if (event.key === 'Escape' && this.base !== this.all) this.zoom(this.all);
    else if (!event.key.startsWith('Arrow')) return;
    event.preventDefault();
    event.stopPropagation();
    if (!next) return;
    this.focused = next;
    const [at, share] = this.box(next);
    if (at < -1e-9 || at + share > 1 + 1e-9) this.base = next.parent ?? this.all;
    this.point(null);
    announce(cut(`${next.service} ${next.name}, ${this.figures(next)}`, 300));
    const top = next.depth * HEIGHT;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    if (top + HEIGHT > this.scroll.scrollTop + this.scroll.clientHeight) this.scroll.scrollTop = top + HEIGHT - this.scroll.clientHeight;
  }

  /** Marks the frames of these spans. */
  mark(nodes) {
    this.matches = new Set(this.frames.filter((frame) => frame.nodes.some((node) => nodes.has(node))));
    this.draw();
  }
}

/** Cuts a text to a width. */
function fit(context, text, width) {
  const whole = context.measureText(text).width;
  if (whole <= width) return text;
  const letters = Math.floor((text.length * width) / whole) - 1;
  return letters > 2 ? cut(text, letters) : '';
}
