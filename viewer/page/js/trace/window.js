// The part of the trace's time that the waterfall and the flame view show.

export class TimeWindow {
  constructor(trace, changed) {
    this.trace = trace;
    this.changed = changed;
    this.from = 0;
    this.to = trace.duration;
  }

  get span() { return this.to - this.from; }
  get isWhole() { return this.from <= 0 && this.to >= this.trace.duration; }

  /** The share of the width, from 0 to 1, at which a time of the trace is. */
  share(micros) { return (micros - this.trace.start - this.from) / this.span; }

  /** Sets the window, in microseconds from the trace's start. */
  set(from, to) {
    const whole = this.trace.duration;
    const least = Math.min(whole, Math.max(2, whole / 1e5));
    let width = Math.max(least, to - from);
    if (width > whole) width = whole;
    this.from = Math.max(0, Math.min(whole - width, from));
    this.to = this.from + width;
    this.changed();
  }

  /** The trace has changed: the same time is shown, or the whole again. */
  renew({ start, duration }) {
    const isWhole = this.to - this.from >= duration;
    const earlier = start - this.trace.start;
    if (isWhole) this.whole(); else this.set(this.from + earlier, this.to + earlier);
  }

  whole() { this.set(0, this.trace.duration); }

  /** Zooms by a factor about a share of the window. */
  zoom(factor, about = 0.5) {
    const middle = this.from + about * this.span;
    const width = this.span * factor;
    this.set(middle - about * width, middle + (1 - about) * width);
  }

  move(share) {
    const by = share * this.span;
    this.set(this.from + by, this.to + by);
  }
}

/** Calls `dragged(from, to)` and `chosen(from, to)` with shares of the element's width. */
export function dragRange(element, { dragged, chosen, clicked }) {
  let from = null;
  const share = (event) => {
    const box = element.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / Math.max(1, box.width)));
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    from = share(event);
    try { element.setPointerCapture(event.pointerId); } catch { /* A pointer that is gone already. */ }
  });
  element.addEventListener('pointermove', (event) => {
    if (from !== null) dragged(Math.min(from, share(event)), Math.max(from, share(event)));
  });
  element.addEventListener('pointerup', (event) => {
    if (from === null) return;
    const to = share(event);
    const width = Math.abs(to - from) * element.clientWidth;
    if (width > 4) chosen(Math.min(from, to), Math.max(from, to));
    else clicked?.(to);
    from = null;
    dragged(null);
  });
  element.addEventListener('pointercancel', () => { from = null; dragged(null); });
}

/** Ctrl and the wheel zoom about the pointer; a sideways wheel moves. */
export function wheelZoom(element, window, left = () => 0, right = () => 0) {
  element.addEventListener('wheel', (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const about = (event.clientX - box.left - left()) / Math.max(1, box.width - left() - right());
      window.zoom(1.0025 ** event.deltaY, Math.max(0, Math.min(1, about)));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && !window.isWhole) {
      event.preventDefault();
      window.move(event.deltaX / Math.max(1, element.clientWidth));
    }
  }, { passive: false });
}
