// A grid that keeps elements only for the rows in sight, and moves one selection by keyboard.

import { el, onFrame } from './dom.js';

const OVERSCAN = 6;

/**
 * `create()` makes the element of a row, `update(row, index)` shows an item in it. The height of a
 * row comes from the style sheet (`--row` of the container), so that narrow windows may have more.
 */
export class VirtualGrid {
  constructor({ label, role = 'grid', className = '', create, update, opened, selected }) {
    this.create = create;
    this.update = update;
    this.onOpen = opened;
    this.onSelect = selected;
    this.count = 0;
    this.index = -1;
    this.rows = new Map();
    this.spare = [];
    this.space = el('div', { class: 'rows-space', role: 'rowgroup' });
    this.id = `grid-${Math.random().toString(36).slice(2, 8)}`;
    this.element = el('div', {
      class: `rows ${className}`, role, tabindex: '0', 'aria-label': label,
    }, this.space);
    this.draw = onFrame(() => this.render());
    this.element.addEventListener('scroll', this.draw, { passive: true });
    this.space.addEventListener('click', (event) => this.clicked(event));
    this.observer = new ResizeObserver(() => {
      // The rows may have to show less or more of their contents.
      this.stale ||= this.width !== this.element.clientWidth;
      this.width = this.element.clientWidth;
      this.measure();
      this.draw();
    });
    this.observer.observe(this.element);
  }

  close() { this.observer.disconnect(); }

  measure() {
    const height = parseFloat(getComputedStyle(this.element).getPropertyValue('--row')) || 28;
    if (height === this.height) return;
    this.height = height;
    this.space.style.height = `${this.count * height}px`;
    for (const [index, row] of this.rows) row.style.transform = `translateY(${index * height}px)`;
  }

  /** Shows this many rows. Every row in sight is updated. */
  setCount(count) {
    this.count = count;
    if (!this.height) this.measure();
    this.element.setAttribute('aria-rowcount', String(count));
    this.space.style.height = `${count * (this.height ?? 28)}px`;
    if (this.index >= count) this.index = count - 1;
    this.refresh();
  }

  /** Updates every row in sight. */
  refresh() {
    this.stale = true;
    this.draw();
  }

  render() {
    if (!this.height) this.measure();
    const top = this.element.scrollTop;
    const first = Math.max(0, Math.floor(top / this.height) - OVERSCAN);
    const last = Math.min(this.count, Math.ceil((top + this.element.clientHeight) / this.height) + OVERSCAN);
    for (const [index, row] of this.rows) {
      if (index < first || index >= last) {
        this.rows.delete(index);
        this.spare.push(row);
      }
    }
    for (let index = first; index < last; index += 1) {
      let row = this.rows.get(index);
      if (row && !this.stale) continue;
      if (!row) row = this.place(index);
      this.update(row, index);
      this.mark(row, index === this.index);
    }
    for (const row of this.spare) row.hidden = true;
    this.stale = false;
    this.describe();
    this.drawn?.(first, last);
  }

  place(index) {
    let row = this.spare.pop();
    if (!row) {
      row = this.create();
      row.setAttribute('role', 'row');
      row.classList.add('row');
      this.space.append(row);
    }
    row.hidden = false;
    row.id = `${this.id}-${index}`;
    row.rowIndex = index;
    row.setAttribute('aria-rowindex', String(index + 1));
    row.style.transform = `translateY(${index * this.height}px)`;
    this.rows.set(index, row);
    return row;
  }

  mark(row, selected) {
    row.classList.toggle('selected', selected);
    row.setAttribute('aria-selected', String(selected));
  }

  describe() {
    const row = this.rows.get(this.index);
    if (row) this.element.setAttribute('aria-activedescendant', row.id);
    else this.element.removeAttribute('aria-activedescendant');
  }

  clicked(event) {
    const row = event.target.closest('.row');
    if (!row || event.target.closest('a, button, input, label')) return;
    this.select(row.rowIndex);
    this.onOpen?.(row.rowIndex, event);
  }

  /** Selects a row and brings it into sight. */
  select(index, { silent = false } = {}) {
    if (!this.count) return;
    const before = this.rows.get(this.index);
    if (before) this.mark(before, false);
    this.index = Math.max(-1, Math.min(this.count - 1, index));
    const row = this.rows.get(this.index);
    if (row) this.mark(row, true);
    if (this.index >= 0) this.reveal(this.index);
    this.describe();
    if (!silent) this.onSelect?.(this.index);
  }

  reveal(index) {
    if (!this.height) this.measure();
    const { scrollTop, clientHeight } = this.element;
    const top = index * this.height;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) {
      this.element.scrollTop = top + this.height - clientHeight;
    }
    this.draw();
  }

  /** The shortcuts that move the selection, for the table of a view. */
  keys(what) {
    const page = () => Math.max(1, Math.floor(this.element.clientHeight / (this.height || 28)) - 1);
    const to = (index) => () => {
      this.element.focus({ preventScroll: true });
      this.select(Math.max(0, index()));
    };
    return [
      { keys: ['j', 'ArrowDown'], does: `Next ${what}`, run: to(() => this.index + 1) },
      { keys: ['k', 'ArrowUp'], does: `Previous ${what}`, run: to(() => this.index - 1) },
      { keys: ['PageDown'], run: to(() => this.index + page()) },
      { keys: ['PageUp'], run: to(() => this.index - page()) },
      { keys: ['Home', 'g g'], does: `First ${what}`, run: to(() => 0) },
      { keys: ['End', 'G'], does: `Last ${what}`, run: to(() => this.count - 1) },
      { keys: ['Enter', 'o'], does: `Open the ${what}`, run: () => this.index >= 0 && this.onOpen?.(this.index) },
    ];
  }
}
