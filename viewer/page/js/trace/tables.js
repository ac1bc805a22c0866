// The table of all spans, and the statistics by service and name.

import { serviceClass } from '../colours.js';
import { button, el, said, setText } from '../dom.js';
import { count, duration, percent } from '../format.js';
import { SortedTable } from '../table.js';
import { statistics } from './model.js';

const pathOf = (node) => node.path.reduce((sum, [from, to]) => sum + to - from, 0);

function serviceCell(item, cell) {
  if (cell.shown === item) return;
  cell.shown = item;
  cell.replaceChildren(el('i', { class: 'swatch', 'aria-hidden': 'true' }), said(item.service || 'unknown service'));
}

function nameCell(item, cell) {
  if (cell.shown === item) return;
  cell.shown = item;
  cell.replaceChildren(said(item.name || 'unnamed span'), item.error ? el('span', { class: 'mark-error' }, 'Error') : '');
}

/** `isMatch(node)` says which spans the search has found. */
export function spanTable(trace, { opened, selected, isMatch }) {
  return new SortedTable({
    label: 'Table of spans',
    className: 'span-table',
    items: trace.rows,
    sort: 'start',
    descending: false,
    opened,
    selected,
    rowClass: (node) => `${serviceClass(node.service)}${isMatch(node) ? ' match' : ''}`,
    columns: [
      { id: 'service', label: 'Service', value: (node) => node.service, cell: serviceCell, className: 'wide' },
      { id: 'name', label: 'Span', value: (node) => node.name, cell: nameCell, className: 'widest' },
      { id: 'start', label: 'Start', number: true, value: (node) => node.start, text: (node) => duration(node.start - trace.start) },
      { id: 'duration', label: 'Duration', number: true, value: (node) => node.duration ?? -1, text: (node) => duration(node.duration) },
      { id: 'self', label: 'Self time', number: true, value: (node) => node.self, text: (node) => duration(node.self), className: 'optional' },
      {
        id: 'path', label: 'Critical', number: true, value: pathOf, className: 'optional',
        text: (node) => (pathOf(node) ? percent(pathOf(node), trace.duration) : '–'),
      },
    ],
  });
}

/** The statistics. A click shows the spans of a row: `find(service, name)`. */
export class Statistics {
  constructor(trace, find) {
    this.trace = trace;
    this.byName = true;
    this.table = new SortedTable({
      label: 'Statistics',
      className: 'statistics-table',
      items: statistics(trace.rows, true),
      sort: 'self',
      opened: (group) => find(group),
      rowClass: (group) => serviceClass(group.service),
      columns: this.columns(),
    });
    this.grid = this.table.grid;
    this.mode = button('By service', () => this.toggle(), { class: 'toggle', 'aria-pressed': 'false' });
    this.element = el('div', { class: 'statistics' },
      el('div', { class: 'statistics-bar' }, this.mode,
        el('span', { class: 'muted' }, 'Self time: no child runs. Critical: on the path that decides the duration.')),
      this.table.element);
  }

  close() { this.table.close(); }
  redraw() {}

  columns() {
    const time = (id, label, extra) => ({ id, label, number: true, value: (group) => group[id], text: (group) => duration(group[id]), ...extra });
    return [
      { id: 'service', label: 'Service', value: (group) => group.service, cell: serviceCell, className: 'wide' },
      { id: 'name', label: 'Span', value: (group) => group.name ?? '', cell: groupName, className: 'widest' },
      { id: 'spans', label: 'Spans', number: true, value: (group) => group.spans, text: (group) => count(group.spans) },
      {
        id: 'errors', label: 'Errors', number: true, value: (group) => group.errors,
        cell: (group, cell) => { setText(cell, count(group.errors)); cell.classList.toggle('bad', group.errors > 0); },
      },
      time('self', 'Self time'),
      { id: 'path', label: 'Critical', number: true, value: (group) => group.path, text: (group) => percent(group.path, this.trace.duration), className: 'optional' },
      time('total', 'Total', { className: 'optional' }),
      time('mean', 'Mean', { className: 'optional' }),
      time('longest', 'Longest', { className: 'optional' }),
    ];
  }

  /** The spans of the trace have changed. */
  renew() {
    const groups = statistics(this.trace.rows, this.byName);
    this.table.setItems(groups, (old) => groups.find(({ service, name }) => service === old?.service && name === old?.name));
  }

  toggle() {
    this.byName = !this.byName;
    this.mode.setAttribute('aria-pressed', String(!this.byName));
    this.table.setItems(statistics(this.trace.rows, this.byName));
  }
}

function groupName(group, cell) {
  if (cell.shown === group) return;
  cell.shown = group;
  cell.replaceChildren(said(group.name === null ? 'all spans' : group.name || 'unnamed span'));
  cell.classList.toggle('muted', group.name === null);
}
