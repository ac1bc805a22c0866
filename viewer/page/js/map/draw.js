// Draws the map as SVG: services, calls with their figures, pan and zoom.

import { serviceClass } from '../colours.js';
import { cut, el, onFrame, said, svg } from '../dom.js';
import { duration, percent, perMinute, plural } from '../format.js';
import { NODE, layout } from './layout.js';

const MARGIN = 40;
/** The scale below which names cannot be read. */
const READABLE = 0.6;
const LABEL = { width: 132, height: 34 };

export class Drawing {
  /** `opened(edge)` for a click on a call, `pointed(edge)` while the pointer is over it. */
  constructor({ opened, openedService, pointed }) {
    Object.assign(this, { opened, openedService, pointed });
    this.world = svg('g');
    this.svg = svg('svg', { class: 'map-svg', role: 'group', 'aria-label': 'Service map' }, this.world);
    this.element = el('div', { class: 'map-canvas' }, this.svg);
    this.view = { x: 0, y: 0, scale: 1 };
    this.apply = onFrame(() => {
      const { x, y, scale } = this.view;
      this.world.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
    });
    this.observer = new ResizeObserver(() => { if (!this.touched) this.fit(READABLE); });
    this.observer.observe(this.element);
    this.listen();
  }

  close() { this.observer.disconnect(); }

  show({ services, edges }) {
    const names = new Set([...services.map(({ name }) => name), ...edges.flatMap(({ caller, callee }) => [caller, callee])]);
    this.plan = layout(names, edges);
    const figures = new Map(services.map((service) => [service.name, service]));
    const most = Math.max(1, ...edges.map(({ calls }) => calls));
    this.parts = this.plan.edges.map((drawn) => this.edge(drawn, most));
    this.nodes = new Map(this.plan.nodes.map((node) => [node.name, this.node(node, figures.get(node.name))]));
    this.world.replaceChildren(
      svg('g', {}, this.parts.map(({ group }) => group)),
      svg('g', {}, [...this.nodes.values()]),
      svg('g', {}, this.parts.map(({ label }) => label)));
    this.chooseLabels();
    if (!this.touched) this.fit(READABLE);
  }

  node({ name, x, y }, { spans = 0, errors = 0 } = {}) {
    const facts = errors ? `${plural(spans, 'span')}, ${percent(errors, spans)} errors` : plural(spans, 'span');
    const box = el('div', { class: `map-node ${serviceClass(name)}${errors ? ' failed' : ''}` },
      el('div', { class: 'map-name' }, el('i', { class: 'swatch' }), said(name || 'unknown service')), ' ',
      el('div', { class: 'map-facts' }, facts));
    const place = svg('foreignObject', { x, y, width: NODE.width, height: NODE.height }, box);
    const group = svg('g', {
      class: 'map-service', tabindex: '0', role: 'button', 'aria-label': `${cut(name || 'unknown service')} ${facts}, show its traces`,
      on: {
        click: () => { if (!this.moved) this.openedService(name, spans); },
        keydown: (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); this.openedService(name, spans); } },
        pointerenter: () => this.highlight((edge) => edge.caller === name || edge.callee === name),
        pointerleave: () => this.highlight(null),
        focus: () => this.highlight((edge) => edge.caller === name || edge.callee === name),
        blur: () => this.highlight(null),
      },
    }, place);
    return group;
  }

  edge({ edge, points, backwards, loop }, most) {
    const path = loop ? loopPath(points) : curve(points);
    const thick = 1.25 + 3 * (Math.log1p(edge.calls) / Math.log1p(most));
    const end = points[points.length - 1];
    const head = loop ? `M${end.x} ${end.y}l-5 -8l10 0z` : backwards ? `M${end.x} ${end.y}l9 -5v10z` : `M${end.x} ${end.y}l-9 -5v10z`;
    const line = svg('path', { d: path, class: 'map-line' });
    line.style.strokeWidth = `${thick}px`;
    const label = this.label(edge, points, loop);
    const group = svg('g', { class: edge.errors ? 'map-edge failed' : 'map-edge' }, line,
      svg('path', { d: head, class: 'map-head' }), svg('path', { d: path, class: 'map-hit' }));
    for (const part of [group, label]) {
      part.addEventListener('click', () => { if (!this.moved) this.opened(edge); });
      part.addEventListener('pointerenter', () => { this.highlight((each) => each === edge); this.pointed(edge); });
      part.addEventListener('pointerleave', () => { this.highlight(null); this.pointed(null); });
    }
    return { edge, group, label };
  }

  /** The figures of a call stand before the callee, where the edges of a caller have parted. */
  label(edge, points, loop) {
    const end = points[points.length - 1];
    const before = points[points.length - 2];
    const x = loop ? (before.x + end.x) / 2 : end.x + (before.x - end.x) * 0.48;
    const y = loop ? end.y - 34 : end.y + (before.y - end.y) * 0.4;
    const failed = edge.errors ? el('span', { class: 'bad' }, ` ${percent(edge.errors, edge.calls)} errors`) : null;
    const box = el('div', { class: 'map-label' },
      el('p', {}, el('b', {}, perMinute(edge.callsPerMinute)), failed),
      el('p', {}, `${duration(edge.p50)} · ${duration(edge.p95)}`));
    const label = svg('foreignObject', {
      x: x - LABEL.width / 2, y: y - LABEL.height / 2, width: LABEL.width, height: LABEL.height, class: 'map-figures', 'aria-hidden': 'true',
    }, box);
    label.box = { x: x - LABEL.width / 2, y: y - LABEL.height / 2 };
    return label;
  }

  /** Labels that would cover each other or a service wait until their edge is pointed at. */
  chooseLabels() {
    const taken = this.plan.nodes.map(({ x, y }) => ({ x, y, width: NODE.width, height: NODE.height }));
    const byCalls = [...this.parts].sort((a, b) => b.edge.errors - a.edge.errors || b.edge.calls - a.edge.calls);
    for (const { label } of byCalls) {
      const box = { ...label.box, ...LABEL };
      const covers = taken.some((other) => box.x < other.x + other.width && other.x < box.x + box.width
        && box.y < other.y + other.height && other.y < box.y + box.height);
      label.classList.toggle('waits', covers);
      if (!covers) taken.push(box);
    }
  }

  highlight(wanted) {
    this.svg.classList.toggle('pointing', Boolean(wanted));
    const near = new Set();
    for (const { edge, group, label } of this.parts ?? []) {
      const on = Boolean(wanted?.(edge));
      group.classList.toggle('on', on);
      label.classList.toggle('on', on);
      if (on) { near.add(edge.caller); near.add(edge.callee); }
    }
    for (const [name, node] of this.nodes ?? []) node.classList.toggle('on', near.has(name));
  }

  /** Shows the whole map; at first no smaller than can be read, from its left end. */
  fit(least = 0.15) {
    const { clientWidth, clientHeight } = this.element;
    if (!this.plan || !clientWidth) return;
    const wide = (clientWidth - MARGIN) / Math.max(1, this.plan.width);
    const high = (clientHeight - 2 * MARGIN) / Math.max(1, this.plan.height);
    const scale = Math.max(least, Math.min(1.15, wide, high));
    this.view = {
      scale,
      x: Math.max(MARGIN / 2, (clientWidth - this.plan.width * scale) / 2),
      y: Math.max(MARGIN, (clientHeight - this.plan.height * scale) / 2),
    };
    this.touched = false;
    this.apply();
  }

  zoom(factor, at = { x: this.element.clientWidth / 2, y: this.element.clientHeight / 2 }) {
    const { x, y, scale } = this.view;
    const next = Math.max(0.15, Math.min(3, scale * factor));
    this.view = { scale: next, x: at.x - ((at.x - x) * next) / scale, y: at.y - ((at.y - y) * next) / scale };
    this.touched = true;
    this.apply();
  }

  pan(x, y) {
    this.view.x += x;
    this.view.y += y;
    this.touched = true;
    this.apply();
  }

  listen() {
    let last = null;
    this.svg.addEventListener('pointerdown', (event) => {
      if (event.button) return;
      last = { x: event.clientX, y: event.clientY };
      this.moved = false;
    });
    this.svg.addEventListener('pointermove', (event) => {
      if (!last) return;
      const by = { x: event.clientX - last.x, y: event.clientY - last.y };
      if (!this.moved && Math.hypot(by.x, by.y) < 4) return;
      if (!this.moved) this.svg.setPointerCapture(event.pointerId);
      this.moved = true;
      last = { x: event.clientX, y: event.clientY };
      this.pan(by.x, by.y);
    });
    for (const name of ['pointerup', 'pointercancel']) this.svg.addEventListener(name, () => { last = null; });
    this.svg.addEventListener('wheel', (event) => {
      event.preventDefault();
      const box = this.element.getBoundingClientRect();
      this.zoom(1.0016 ** -event.deltaY, { x: event.clientX - box.left, y: event.clientY - box.top });
    }, { passive: false });
  }
}

function curve(points) {
  let path = `M${points[0].x} ${points[0].y}`;
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    const middle = (a.x + b.x) / 2;
    path += `C${middle} ${a.y} ${middle} ${b.y} ${b.x} ${b.y}`;
  }
  return path;
}

function loopPath([a, b]) {
  return `M${a.x} ${a.y}C${a.x} ${a.y - 30} ${b.x} ${b.y - 30} ${b.x} ${b.y - 8}`;
}
