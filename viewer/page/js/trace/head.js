// The head of a trace: what it is, its figures, the notes about it.

import * as api from '../api.js';
import { serviceClass } from '../colours.js';
import { button, copy, cut, download, el, said, toast } from '../dom.js';
import { dateTime, duration, plural } from '../format.js';
import { traceNotes } from './model.js';

/** Notes that are shown before the others are asked for. */
const NOTES = 3;

/** `copyLink()` is called by the button of that name. */
export function traceHead(trace, copyLink) {
  const root = trace.roots[0];
  const fact = (label, value, className) => el('div', { class: className }, el('dt', {}, label), el('dd', {}, value));
  return el('header', { class: 'trace-head' },
    el('div', { class: 'trace-title' },
      el('h1', {}, said(root.service || 'unknown service'), ' ', said(root.name || 'unnamed span', { class: 'span-name' })),
      el('p', { class: 'muted' }, el('span', { class: 'mono' }, cut(trace.traceId, 64)), ' ',
        button('Copy', () => copy(trace.traceId, 'the trace id'), { class: 'small quiet', 'aria-label': 'Copy the trace id' }),
        el('span', { class: 'started' }, dateTime(trace.start)))),
    el('dl', { class: 'facts' },
      fact('Duration', duration(trace.duration)),
      fact('Spans', String(trace.rows.length)),
      fact('Services', String(trace.services.length)),
      fact('Depth', String(trace.depth)),
      fact('Errors', String(trace.errors), trace.errors ? 'bad' : '')),
    el('div', { class: 'trace-actions' },
      button('Copy link', copyLink, { title: 'The link restores this view', key: 'Y' }),
      button('Download', () => save(trace.traceId), { title: 'Zipkin JSON', key: 'D' }),
      el('a', { class: 'button', href: `${api.at('/compare')}?${new URLSearchParams({ a: trace.traceId })}` }, 'Compare')));
}

/** Offers the spans as they were received, which is what other tools want to read. */
export async function save(traceId) {
  try {
    const spans = await api.zipkinTrace(traceId);
    download(`trace-${traceId.replace(/[^0-9a-z]/gi, '')}.json`, JSON.stringify(spans, null, 2));
  } catch (error) {
    toast(`The trace cannot be downloaded: ${cut(error.message, 200)}`, 'error');
  }
}

/** What is wrong with the trace, each a button that goes to the span. `null` if nothing is. */
export function notesList(trace, choose) {
  const notes = traceNotes(trace);
  if (!notes.length) return null;
  const byId = new Map(trace.rows.map((node) => [node.id, node]));
  const list = el('ul', { class: 'notes', 'aria-label': 'Notes about the trace' });
  const items = notes.map(({ spanId, text }) => {
    const node = byId.get(spanId);
    return el('li', {}, el('span', { 'aria-hidden': 'true' }, '△'), node
      ? el('button', { type: 'button', class: 'link', on: { click: () => choose(node) } }, said(text))
      : said(text));
  });
  list.append(...items.slice(0, NOTES));
  if (items.length > NOTES) {
    const more = el('li', {}, button(plural(items.length - NOTES, 'more note'), () => {
      more.replaceWith(...items.slice(NOTES, 200));
    }, { class: 'link' }));
    list.append(more);
  }
  return list;
}

/** The services of the trace, by the number of their spans; a click finds them. */
export function legend(trace, find) {
  const counts = new Map();
  for (const { service } of trace.rows) counts.set(service, (counts.get(service) ?? 0) + 1);
  const services = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 16);
  return el('div', { class: 'legend', role: 'group', 'aria-label': 'Services' }, services.map(([name, spans]) => (
    el('button', { type: 'button', class: `chip ${serviceClass(name)}`, title: 'Find the spans of this service', on: { click: () => find(name) } },
      el('i', { class: 'swatch', 'aria-hidden': 'true' }), said(name || 'unknown service'), el('b', {}, String(spans))))));
}
