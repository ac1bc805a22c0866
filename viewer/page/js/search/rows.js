// A row of the list: root, services, duration, errors, age.

import { at } from '../api.js';
import { serviceClass } from '../colours.js';
import { cut, el, said, setText } from '../dom.js';
import { age, count, dateTime, duration, plural } from '../format.js';

/** The chips that a row shows at most; the others are counted. */
const CHIPS = 6;
/** Pixels: a chip without its texts, a letter in it, the longest chip, the number of the others. */
const [CHIP, LETTER, LONGEST, MORE] = [42, 6.5, 240, 32];

export function createRow(mark) {
  const row = el('div', {});
  const parts = {
    pick: el('input', { type: 'checkbox', tabindex: '-1', 'aria-label': 'Mark for comparison', title: 'Mark for comparison (c)' }),
    link: el('a', { tabindex: '-1' }),
    badge: el('span', { class: 'mark-error' }),
    chips: el('div', { class: 'chips', role: 'gridcell' }),
    time: el('b'),
    fill: el('div', { class: 'fill' }),
    spans: el('div', { class: 'spans', role: 'gridcell' }),
    age: el('div', { class: 'age', role: 'gridcell' }),
  };
  parts.pick.addEventListener('change', () => mark(row.rowIndex, parts.pick.checked));
  row.append(
    el('div', { class: 'pick', role: 'gridcell' }, parts.pick),
    el('div', { class: 'name', role: 'gridcell' }, parts.link, parts.badge),
    parts.chips,
    el('div', { class: 'time', role: 'gridcell' }, parts.time, el('div', { class: 'track' }, parts.fill)),
    parts.spans, parts.age);
  row.parts = parts;
  return row;
}

export function updateRow(row, trace, { share, marked, room }) {
  const { parts } = row;
  row.classList.toggle('failed', trace.errorCount > 0);
  row.classList.toggle('fresh', performance.now() - trace.arrived < 1600);
  parts.pick.checked = marked;
  setText(parts.time, duration(trace.duration));
  parts.fill.style.width = `${(share * 100).toFixed(1)}%`;
  setText(parts.spans, plural(trace.spanCount, 'span'));
  setText(parts.age, age(trace.timestamp));
  parts.age.title = dateTime(trace.timestamp);
  parts.badge.hidden = !trace.errorCount;
  setText(parts.badge, plural(trace.errorCount, 'error'));
  // Names and chips are built again only if the row shows another trace or another state of it.
  if (row.trace === trace && row.room === room) return;
  Object.assign(row, { trace, room });
  const name = trace.rootName || (trace.missingRoot ? 'root span missing' : 'unnamed span');
  parts.link.href = at(`/traces/${encodeURIComponent(trace.traceId)}`);
  parts.link.title = cut(`${trace.rootService} ${name}`, 300);
  parts.link.replaceChildren(said(trace.rootService || 'unknown service', { class: 'root' }), ' ',
    said(name, { class: trace.missingRoot ? 'span-name muted' : 'span-name' }));
  parts.chips.replaceChildren(...chips(trace, room));
}

/** How many of the services there is room for, at least one. */
function fitting(services, all, room) {
  let used = 0;
  for (const [index, { name, count: spans }] of services.entries()) {
    used += Math.min(LONGEST, CHIP + LETTER * (name.length + String(spans).length));
    if (index > 0 && used + (index + 1 < all ? MORE : 0) > room) return index;
  }
  return services.length;
}

function chips({ services, serviceCount = services.length }, room) {
  const most = services.slice(0, CHIPS);
  const shown = most.slice(0, fitting(most, serviceCount, room)).map(({ name, count: spans }) => el('span', { class: `chip ${serviceClass(name)}` },
    el('i', { class: 'swatch', 'aria-hidden': 'true' }), said(name || 'unknown service'),
    el('b', { title: plural(spans, 'span') }, count(spans))));
  const others = serviceCount - shown.length;
  if (others > 0) shown.push(el('span', { class: 'more', title: plural(others, 'more service') }, `+${others}`));
  return shown;
}
