// A table that can be sorted by its columns, with elements only for the rows in sight.

import { el, setText } from './dom.js';
import { VirtualGrid } from './virtual.js';

/**
 * A column: `{ id, label, value(item), text(item), cell(item, node), number, className }`. `cell`
 * fills the cell where text is not enough.
 */
export class SortedTable {
  constructor({ label, columns, items, sort, descending = true, opened, selected, rowClass, className = '' }) {
    this.columns = columns;
    this.items = items;
    this.sort = sort;
    this.descending = descending;
    this.rowClass = rowClass;
    this.grid = new VirtualGrid({
      label,
      className: 'table-rows',
      create: () => this.create(),
      update: (row, index) => this.update(row, this.sorted[index]),
      opened: (index) => opened?.(this.sorted[index]),
      selected: (index) => selected?.(this.sorted[index]),
    });
    this.head = el('div', { class: 'table-head', role: 'toolbar', 'aria-label': `Order of: ${label}` },
      columns.map((column) => el('button', {
        type: 'button', class: `${column.number ? 'number' : ''} ${column.className ?? ''}`, 'data-column': column.id,
        on: { click: () => this.sortBy(column) },
      }, el('span', {}, column.label))));
    this.element = el('div', { class: `table ${className}` }, this.head, this.grid.element);
    this.arrange();
  }

  close() { this.grid.close(); }

  /** `same(item)` is the new state of an item that was selected. */
  setItems(items, same) {
    this.items = items;
    const { scrollTop } = this.grid.element;
    this.arrange(same);
    if (same) this.grid.element.scrollTop = scrollTop;
  }

  sortBy(column) {
    if (this.sort === column.id) this.descending = !this.descending;
    else { this.sort = column.id; this.descending = Boolean(column.number); }
    this.arrange();
    this.grid.element.scrollTop = 0;
  }

  arrange(same = (item) => item) {
    const kept = same(this.sorted?.[this.grid.index]);
    const column = this.columns.find(({ id }) => id === this.sort) ?? this.columns[0];
    const sign = this.descending ? -1 : 1;
    const order = column.number
      ? (a, b) => sign * (column.value(a) - column.value(b))
      : (a, b) => sign * String(column.value(a)).localeCompare(String(column.value(b)));
    this.sorted = [...this.items].sort(order);
    for (const header of this.head.children) {
      const sorted = header.dataset.column === column.id;
      header.dataset.sorted = sorted ? (this.descending ? 'down' : 'up') : '';
      header.setAttribute('aria-pressed', String(sorted));
    }
    this.grid.setCount(this.sorted.length);
    this.grid.select(kept ? this.sorted.indexOf(kept) : -1, { silent: true });
  }

  create() {
    const row = el('div', {});
    row.cells = this.columns.map((column) => el('div', {
      role: 'gridcell', class: `${column.number ? 'number' : ''} ${column.className ?? ''}`,
    }));
    row.append(...row.cells);
    return row;
  }

  update(row, item) {
    row.className = `row ${this.rowClass?.(item) ?? ''}`;
    this.columns.forEach((column, index) => {
      if (column.cell) column.cell(item, row.cells[index]);
      else setText(row.cells[index], column.text(item));
    });
  }
}
