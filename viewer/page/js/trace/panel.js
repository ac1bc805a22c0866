// The side panel: everything that is known of one span.

import * as api from '../api.js';
import { serviceClass } from '../colours.js';
import { button, copy, cut, el, said } from '../dom.js';
import { count, dateTime, duration, percent, plural } from '../format.js';
import { curl } from './curl.js';
import { groupTags } from './tags.js';

/** How much of a value is shown at first, and how much more each time. */
const FIRST = 1200;
const MORE = 20_000;

export class Panel {
  constructor({ close, select }) {
    this.select = select;
    this.closeButton = button('✕', close, { class: 'quiet icon', 'aria-label': 'Close the panel', title: 'Close (Esc)' });
    this.element = el('aside', { class: 'panel', 'aria-label': 'Span', hidden: true });
  }

  hide() {
    this.node = null;
    this.element.hidden = true;
  }

  show(trace, node) {
    this.trace = trace;
    this.node = node;
    this.element.hidden = false;
    this.element.className = `panel ${serviceClass(node.service)}`;
    this.element.replaceChildren(
      el('header', { class: 'panel-head' },
        el('div', { class: 'panel-title' },
          el('p', {}, el('i', { class: 'swatch', 'aria-hidden': 'true' }), said(node.service || 'unknown service'),
            node.span.kind ? el('span', { class: 'kind' }, cut(node.span.kind, 20).toLowerCase()) : null,
            node.error ? el('span', { class: 'mark-error' }, 'Error') : null),
          el('h2', {}, longText(node.name || 'unnamed span'))),
        this.closeButton),
      this.figures(),
      ...this.remarks(),
      this.copyButtons(),
      this.tags(),
      this.annotations(),
      this.endpoints(),
      this.ids());
    this.element.scrollTop = 0;
  }

  /** The span or its trace has changed: the tags stay narrowed, and the panel stays where it is. */
  renew(trace, node) {
    const { scrollTop } = this.element;
    const controls = () => [...this.element.querySelectorAll('a, button, input')];
    const focused = controls().indexOf(document.activeElement);
    const wanted = this.filter?.value ?? '';
    this.show(trace, node);
    if (wanted && this.filter) {
      this.filter.value = wanted;
      this.filter.dispatchEvent(new Event('input'));
    }
    this.element.scrollTop = scrollTop;
    if (focused >= 0) (controls()[focused] ?? this.closeButton).focus({ preventScroll: true });
  }

  figures() {
    const { trace, node } = this;
    const onPath = node.path.reduce((sum, [from, to]) => sum + to - from, 0);
    return el('dl', { class: 'figures' },
      figure('Duration', duration(node.duration)),
      figure('Starts at', node.untimed ? '–' : duration(node.start - trace.start)),
      figure('Self time', duration(node.self)),
      figure('Critical path', onPath ? percent(onPath, trace.duration) : '–'));
  }

  remarks() {
    const { node } = this;
    const lines = node.notes.map(({ text }) => text);
    if (node.missingParent && !node.notes.some(({ kind }) => kind === 'missing-parent')) {
      lines.push(`The parent ${node.missingParent} was not received`);
    }
    if (node.untimed && !node.notes.length) lines.push('The span has no timestamp: it is shown where its parent begins');
    if (node.inCycle) lines.push('The span is its own ancestor: it is shown as a root');
    return lines.map((text) => el('p', { class: 'remark' }, said(cut(text, 400))));
  }

  copyButtons() {
    const { trace, node } = this;
    const command = curl(trace.traceId, node.span);
    return el('div', { class: 'copy-buttons' },
      button('Copy id', () => copy(node.id, 'the span id'), { title: 'Copy the span id', key: 'y' }),
      button('Copy curl', () => copy(command, 'a curl command with this trace id'), {
        disabled: !command,
        title: command ? 'The request again, with the same trace id' : 'The span has no URL',
      }),
      button('Copy JSON', () => copy(JSON.stringify(node.span, null, 2), 'the span as JSON')));
  }

  tags() {
    const entries = Object.entries(this.node.span.tags ?? {});
    this.filter = null;
    if (!entries.length) return section('Tags', el('p', { class: 'muted' }, 'No tags'));
    const groups = el('div', {});
    const filter = el('input', {
      type: 'search', placeholder: `Filter ${plural(entries.length, 'tag')}`, 'aria-label': 'Filter tags',
      on: { input: () => this.fillTags(groups, entries, filter.value.trim().toLowerCase()) },
    });
    this.fillTags(groups, entries, '');
    this.filter = filter;
    return section('Tags', entries.length > 6 ? filter : null, groups);
  }

  fillTags(groups, entries, wanted) {
    const matching = entries.filter(([key, value]) => !wanted
      || key.toLowerCase().includes(wanted) || String(value).toLowerCase().includes(wanted));
    groups.replaceChildren(...groupTags(matching).map(([title, tags]) => el('div', { class: 'tag-group' },
      el('h4', {}, title),
      el('dl', {}, tags.map(([key, value]) => tagRow(key, String(value)))))));
    if (!matching.length) groups.append(el('p', { class: 'muted' }, 'No tag matches'));
  }

  annotations() {
    const { trace, node } = this;
    const list = node.span.annotations ?? [];
    if (!list.length) return null;
    const shown = list.slice(0, 200);
    return section(`Annotations (${count(list.length)})`, el('dl', { class: 'annotations' },
      shown.map(({ timestamp, value }) => el('div', {},
        el('dt', { class: 'number', title: dateTime(timestamp) }, duration(timestamp - trace.start)),
        el('dd', {}, longText(value))))),
    list.length > shown.length ? el('p', { class: 'muted' }, `${count(list.length - shown.length)} more in the JSON`) : null);
  }

  endpoints() {
    const { localEndpoint, remoteEndpoint } = this.node.span;
    const rows = [['Local', localEndpoint], ['Remote', remoteEndpoint]].filter(([, endpoint]) => endpoint);
    if (!rows.length) return null;
    return section('Endpoints', el('dl', { class: 'pairs' }, rows.map(([label, endpoint]) => el('div', {},
      el('dt', {}, label),
      el('dd', {}, said(endpoint.serviceName || 'unknown service'), ' ', address(endpoint))))));
  }

  ids() {
    const { trace, node } = this;
    const { parent } = node;
    const rows = [
      idRow('Trace', trace.traceId, 'the trace id'),
      idRow('Span', node.id, 'the span id'),
      node.span.parentId ? idRow('Parent', node.span.parentId, 'the parent id') : null,
      el('div', {}, el('dt', {}, 'Started'), el('dd', {}, node.untimed ? 'unknown' : dateTime(node.start))),
      node.span.shared ? el('div', {}, el('dt', {}, 'Shared'), el('dd', {}, 'The client reports a span of the same id')) : null,
      node.span.debug ? el('div', {}, el('dt', {}, 'Debug'), el('dd', {}, 'The trace was forced')) : null,
    ];
    return section('Ids', el('dl', { class: 'pairs' }, rows),
      parent ? button('Go to the parent', () => this.select(parent), { class: 'link' }) : null);
  }
}

function section(title, ...children) {
  return el('section', { class: 'panel-section' }, el('h3', {}, title), ...children);
}

function figure(label, value) {
  return el('div', {}, el('dt', {}, label), el('dd', {}, value));
}

function idRow(label, id, what) {
  return el('div', {}, el('dt', {}, label),
    el('dd', { class: 'mono' }, said(id), ' ', button('Copy', () => copy(id, what), { class: 'small quiet', 'aria-label': `Copy ${what}` })));
}

function address({ ipv4, ipv6, port }) {
  const host = ipv6 ? `[${ipv6}]` : ipv4 ?? '';
  const text = port ? `${host}:${port}` : host;
  return text ? said(text, { class: 'mono muted' }) : null;
}

function tagRow(key, value) {
  const short = value.length <= 200 && !/\band\b/i.test(value) && key.length <= 100;
  return el('div', { class: key === 'error' ? 'tag-row bad' : 'tag-row' },
    el('dt', {}, longText(key)),
    el('dd', {}, isWebAddress(value) ? link(value) : longText(value)),
    el('dd', { class: 'tag-actions' },
      button('Copy', () => copy(value, 'the value'), { class: 'small quiet', 'aria-label': cut(`Copy the value of ${key}`, 120) }),
      short ? el('a', {
        class: 'small', href: `${api.at('/')}?${new URLSearchParams({ tags: value ? `${key}=${value}` : key })}`,
        'aria-label': cut(`Find traces with this ${key}`, 120),
      }, 'Find') : null));
}

/** Only http and https make links: anything else, `javascript:` above all, stays text. */
function isWebAddress(text) {
  if (text.length > 4096 || !/^https?:\/\//i.test(text)) return false;
  try {
    return ['http:', 'https:'].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

function link(value) {
  return el('a', { href: value, target: '_blank', rel: 'noopener noreferrer nofollow' }, said(cut(value, FIRST)));
}

/** A text that may be very long: its beginning, and a button for more. */
function longText(text) {
  const string = String(text);
  if (string.length <= FIRST) return el('bdi', {}, string);
  let shown = FIRST;
  const part = el('bdi', {}, string.slice(0, shown));
  const rest = () => ` Show more (${count(string.length - shown)} characters)`;
  const more = button(rest(), () => {
    shown = Math.min(string.length, shown + MORE);
    part.textContent = string.slice(0, shown);
    more.textContent = rest();
    more.hidden = shown === string.length;
  }, { class: 'link' });
  return el('span', {}, part, more);
}
