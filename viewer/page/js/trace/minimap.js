// The whole trace in a few pixels, with the window that is shown; drag to zoom.

import { colour, prepare, serviceColour } from '../colours.js';
import { el, onFrame } from '../dom.js';
import { dragRange } from './window.js';

export class Minimap {
  constructor(trace, window) {
    this.trace = trace;
    this.window = window;
    this.canvas = el('canvas', { role: 'img', 'aria-label': 'Overview of the trace. Drag to zoom, double-click to show all.' });
    this.element = el('div', { class: 'minimap' }, this.canvas);
    this.draw = onFrame(() => this.paint());
    this.observer = new ResizeObserver(() => { this.picture = null; this.draw(); });
    this.observer.observe(this.canvas);
    dragRange(this.canvas, {
      dragged: (from, to) => { this.range = from === null ? null : [from, to]; this.draw(); },
      chosen: (from, to) => window.set(from * trace.duration, to * trace.duration),
      clicked: (at) => {
        if (!window.isWhole) window.set(at * trace.duration - window.span / 2, at * trace.duration + window.span / 2);
      },
    });
    this.canvas.addEventListener('dblclick', () => window.whole());
  }

  close() { this.observer.disconnect(); }

  /** The theme or the size has changed. */
  redraw() { this.picture = null; this.draw(); }

  paint() {
    const { context, width, height } = prepare(this.canvas);
    if (!width) return;
    this.picture ??= this.paintSpans(width, height);
    context.drawImage(this.picture, 0, 0, width, height);
    const from = (this.window.from / this.trace.duration) * width;
    const to = (this.window.to / this.trace.duration) * width;
    if (!this.window.isWhole) {
      context.fillStyle = colour('--page');
      context.globalAlpha = 0.72;
      context.fillRect(0, 0, from, height);
      context.fillRect(to, 0, width - to, height);
      context.globalAlpha = 1;
      context.fillStyle = colour('--accent');
      context.fillRect(Math.max(0, from - 1), 0, 2, height);
      context.fillRect(Math.min(width - 2, to - 1), 0, 2, height);
    }
    if (this.range) {
      context.fillStyle = colour('--accent');
      context.globalAlpha = 0.25;
      context.fillRect(this.range[0] * width, 0, (this.range[1] - this.range[0]) * width, height);
      context.globalAlpha = 1;
    }
  }

  /** The spans change only with the theme and the size: they are painted once. */
  paintSpans(width, height) {
    const picture = document.createElement('canvas');
    const scale = globalThis.devicePixelRatio || 1;
    picture.width = Math.max(1, Math.round(width * scale));
    picture.height = Math.max(1, Math.round(height * scale));
    const context = picture.getContext('2d');
    context.scale(scale, scale);
    const { rows, start, duration } = this.trace;
    const pitch = Math.min(5, (height - 6) / rows.length);
    const thick = Math.max(0.6, Math.min(3, pitch - 0.5));
    rows.forEach((node, index) => {
      const x = ((node.start - start) / duration) * width;
      context.fillStyle = node.error ? colour('--error') : serviceColour(node.service);
      context.fillRect(x, 3 + index * pitch, Math.max(1, ((node.end - node.start) / duration) * width), thick);
    });
    return picture;
  }
}
