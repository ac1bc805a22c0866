// Duration over time: a point for each trace, a brush that narrows the list.

import { colour, prepare } from '../colours.js';
import { el, onFrame, said } from '../dom.js';
import { DAY, duration, moment, plural, shortDuration, ticks } from '../format.js';

const LEFT = 52;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;
const REACH = 12;

export class Scatter {
  /** `opened(trace)` and `brushed(range)` are called by the mouse; the list serves the keyboard. */
  constructor({ opened, brushed }) {
    this.opened = opened;
    this.brushed = brushed;
    this.traces = [];
    this.brush = null;
    this.canvas = el('canvas', { role: 'img', 'aria-label': 'Durations over time' });
    this.tip = el('div', { class: 'scatter-tip', hidden: true });
    this.element = el('div', { class: 'scatter' }, this.canvas, this.tip);
    this.draw = onFrame(() => this.paint());
    this.observer = new ResizeObserver(this.draw);
    this.observer.observe(this.canvas);
    this.canvas.addEventListener('pointerdown', (event) => this.pressed(event));
    this.canvas.addEventListener('pointermove', (event) => this.moved(event));
    this.canvas.addEventListener('pointerup', (event) => this.released(event));
    this.canvas.addEventListener('pointercancel', () => { this.drag = null; this.draw(); });
    this.canvas.addEventListener('pointerleave', () => { this.tip.hidden = true; });
    this.canvas.addEventListener('dblclick', () => this.brushed(null));
  }

  close() { this.observer.disconnect(); }

  show(traces, brush) {
    // A trace without a time has no place on the axis.
    this.traces = traces.filter(({ timestamp }) => timestamp > 0);
    this.brush = brush;
    this.extent();
    const failed = this.traces.filter(({ errorCount }) => errorCount).length;
    this.canvas.setAttribute('aria-label', this.traces.length
      ? `Durations over time: ${plural(this.traces.length, 'trace')}, ${failed} with errors, `
        + `${duration(this.range.shortest)} to ${duration(this.range.longest)}`
      : 'Durations over time: no traces');
    this.draw();
  }

  extent() {
    let [from, to, shortest, longest] = [Infinity, -Infinity, Infinity, 1];
    for (const trace of this.traces) {
      from = Math.min(from, trace.timestamp);
      to = Math.max(to, trace.timestamp);
      shortest = Math.min(shortest, Math.max(1, trace.duration));
      longest = Math.max(longest, trace.duration);
    }
    if (!this.traces.length) [from, to, shortest, longest] = [Date.now() * 1e3 - 6e7, Date.now() * 1e3, 100, 1e6];
    if (to - from < 1e6) { from -= 5e5; to += 5e5; }
    if (longest < shortest * 4) { shortest /= 2; longest *= 2; }
    this.range = this.brush ?? { from, to, shortest, longest };
  }

  x(timestamp) {
    const { from, to } = this.range;
    return LEFT + ((timestamp - from) / (to - from)) * (this.width - LEFT - RIGHT);
  }

  y(micros) {
    const { shortest, longest } = this.range;
    const share = Math.log(Math.max(1, micros) / shortest) / Math.log(longest / shortest);
    return this.height - BOTTOM - share * (this.height - TOP - BOTTOM);
  }

  paint() {
    const { context, width, height } = prepare(this.canvas);
    Object.assign(this, { width, height });
    if (!width || !this.range) return;
    this.paintAxes(context);
    const sound = new Path2D();
    const failed = new Path2D();
    for (const trace of this.traces) {
      const x = this.x(trace.timestamp);
      const y = this.y(trace.duration);
      // An error differs in its shape too, not in its colour alone.
      if (trace.errorCount) {
        failed.moveTo(x - 3.5, y - 3.5);
        failed.lineTo(x + 3.5, y + 3.5);
        failed.moveTo(x + 3.5, y - 3.5);
        failed.lineTo(x - 3.5, y + 3.5);
      } else {
        sound.moveTo(x + 2.5, y);
        sound.arc(x, y, 2.5, 0, 7);
      }
    }
    context.fillStyle = colour('--accent');
    context.globalAlpha = this.traces.length > 1500 ? 0.5 : 0.8;
    context.fill(sound);
    context.globalAlpha = 1;
    context.strokeStyle = colour('--error');
    context.lineWidth = 1.75;
    context.stroke(failed);
    if (this.drag?.moved) this.paintBrush(context);
  }

  paintAxes(context) {
    const { from, to, shortest, longest } = this.range;
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    context.fillStyle = colour('--muted');
    context.strokeStyle = colour('--line');
    context.lineWidth = 1;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    let last = Infinity;
    for (const mark of logMarks(shortest, longest)) {
      const y = Math.round(this.y(mark)) + 0.5;
      line(context, LEFT, y, this.width - RIGHT, y);
      if (last - y > 14) { context.fillText(shortDuration(mark), LEFT - 8, y); last = y; }
    }
    context.textBaseline = 'alphabetic';
    context.textAlign = 'center';
    const step = timeStep((to - from) / 1e6, Math.max(2, (this.width - LEFT) / 110)) * 1e6;
    const dated = to - from > DAY;
    const margin = dated ? 40 : 28;
    const zone = new Date(from / 1000).getTimezoneOffset() * 6e7;
    for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to; at += step) {
      const x = this.x(at);
      if (x > LEFT + margin - 4 && x < this.width - margin) context.fillText(moment(at, to - from), x, this.height - 5);
    }
  }

  paintBrush(context) {
    const { x0, y0, x1, y1 } = this.drag;
    context.fillStyle = colour('--accent');
    context.globalAlpha = 0.15;
    context.fillRect(x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
    context.strokeStyle = colour('--accent');
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  pressed(event) {
    if (event.button) return;
    const [x, y] = this.place(event);
    this.drag = { x0: x, y0: y, x1: x, y1: y, moved: false };
    try { this.canvas.setPointerCapture(event.pointerId); } catch { /* A pointer that is gone already. */ }
  }

  moved(event) {
    const [x, y] = this.place(event);
    if (this.drag) {
      Object.assign(this.drag, { x1: x, y1: y });
      this.drag.moved ||= Math.hypot(x - this.drag.x0, y - this.drag.y0) > 4;
      this.tip.hidden = true;
      this.draw();
      return;
    }
    const trace = this.nearest(x, y);
    this.canvas.style.cursor = trace ? 'pointer' : '';
    this.tip.hidden = !trace;
    if (trace) this.showTip(trace);
  }

  showTip(trace) {
    const title = el('strong', {}, said(trace.rootService), ' ', said(trace.rootName));
    const errors = trace.errorCount ? `, ${plural(trace.errorCount, 'error')}` : '';
    this.tip.replaceChildren(title,
      `${duration(trace.duration)}, ${plural(trace.spanCount, 'span')}${errors}, ${moment(trace.timestamp, this.range.to - this.range.from)}`);
    const left = Math.min(this.x(trace.timestamp) + 16, this.width - this.tip.offsetWidth - 8);
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${Math.min(this.y(trace.duration) + 10, this.height - 20)}px`;
  }

  released(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    const [x, y] = this.place(event);
    if (drag.moved) this.brushed(this.rangeOf(drag, x, y));
    else {
      const trace = this.nearest(x, y);
      if (trace) this.opened(trace);
    }
    this.draw();
  }

  /** A brush that is as flat as a line narrows the time alone. */
  rangeOf({ x0, y0 }, x1, y1) {
    const { from, to, shortest, longest } = this.range;
    const time = (x) => Math.round(from + ((x - LEFT) / (this.width - LEFT - RIGHT)) * (to - from));
    const micros = (y) => Math.round(shortest
      * (longest / shortest) ** ((this.height - BOTTOM - y) / (this.height - TOP - BOTTOM)));
    const flat = Math.abs(y1 - y0) < 10;
    return {
      from: time(Math.min(x0, x1)),
      to: time(Math.max(x0, x1)),
      shortest: Math.max(1, flat ? Math.floor(shortest) : micros(Math.max(y0, y1))),
      longest: Math.max(2, flat ? Math.ceil(longest) : micros(Math.min(y0, y1))),
    };
  }

  nearest(x, y) {
    let found = null;
    let least = REACH * REACH;
    for (const trace of this.traces) {
      const distance = (this.x(trace.timestamp) - x) ** 2 + (this.y(trace.duration) - y) ** 2;
      if (distance < least) { least = distance; found = trace; }
    }
    return found;
  }
}

/** Powers of ten from 1 µs on between two durations; with fewer than two of them, their doubles and halves too. */
function logMarks(shortest, longest) {
  const marks = [];
  for (let power = Math.max(0, Math.floor(Math.log10(shortest))); 10 ** power <= longest; power += 1) {
    for (const digit of [1, 2, 5]) marks.push(digit * 10 ** power);
  }
  const within = marks.filter((mark) => mark >= shortest && mark <= longest);
  const powers = within.filter((mark) => Number.isInteger(Math.round(Math.log10(mark) * 1e9) / 1e9));
  return powers.length > 1 ? powers : within;
}

/** Seconds between two marks of the time axis. */
function timeStep(seconds, wanted) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    ...[1, 2, 7, 14, 28].map((days) => days * 86_400)];
  return steps.find((step) => seconds / step <= wanted) ?? ticks(0, seconds, wanted)[1] ?? seconds;
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
