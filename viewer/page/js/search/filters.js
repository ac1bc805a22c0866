// The filters above the list, and the query that they make.

import * as api from '../api.js';
import { button, cut, el } from '../dom.js';
import { parseDuration } from '../format.js';

const MINUTE = 60_000;
/** Milliseconds between a service that is new and the question for all of them. */
const LEARN = 1000;
const LOOKBACKS = [
  ['', 'All that is kept', 0],
  ['5m', 'Last 5 minutes', 5 * MINUTE],
  ['15m', 'Last 15 minutes', 15 * MINUTE],
  ['1h', 'Last hour', 60 * MINUTE],
  ['6h', 'Last 6 hours', 360 * MINUTE],
  ['24h', 'Last 24 hours', 1440 * MINUTE],
];

/** The names of the filters in the page's address. */
const NAMES = ['service', 'span', 'tags', 'min', 'max', 'lookback', 'errors', 'caller', 'callee', 'remote'];

export class Filters {
  constructor(query, changed) {
    this.changed = changed;
    this.values = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? '']));
    this.service = this.select('service', [['', 'All services']]);
    this.span = this.select('span', [['', 'All spans']]);
    this.tags = this.text('tags', 'http.method=GET and error');
    this.tags.setAttribute('aria-keyshortcuts', '/');
    this.min = this.text('min', '10ms');
    this.max = this.text('max', '1s');
    this.lookback = this.select('lookback', LOOKBACKS);
    this.errors = button('Errors only', () => this.toggleErrors(), {
      class: 'toggle', 'aria-pressed': String(this.values.errors === 'true'), key: 'e',
    });
    const more = button('More filters', () => {
      const all = this.element.classList.toggle('all');
      more.setAttribute('aria-expanded', String(all));
    }, { class: 'more-button', 'aria-expanded': 'false' });
    const ofWhat = 'The duration of the trace or, if a service is chosen, of one of its spans';
    this.element = el('form', { class: 'filters', role: 'search', 'aria-label': 'Filter traces' },
      field('Service', 'service-field', this.service),
      field('Tags and annotations', 'tags-field', this.tags),
      el('div', { class: 'filters-more' },
        field('Span name', 'name-field', this.span),
        field('Longer than', 'duration-field', this.min, ofWhat),
        field('Shorter than', 'duration-field', this.max, ofWhat),
        field('Time', 'time-field', this.lookback)),
      this.errors,
      button('Reset', () => this.reset(), { title: 'Reset all filters' }),
      more);
    this.element.addEventListener('submit', (event) => { event.preventDefault(); this.read(); });
    this.checkDurations();
    this.loadServices();
  }

  select(name, options) {
    const node = el('select', { name, on: { change: () => this.read() } },
      options.map(([value, label]) => el('option', { value }, label)));
    this.choose(node, this.values[name]);
    return node;
  }

  text(name, placeholder) {
    return el('input', {
      name, placeholder, type: 'text', value: this.values[name], autocomplete: 'off', spellcheck: 'false',
      on: { change: () => this.read() },
    });
  }

  /** Selects a value, which is added if the server does not know it (any more). */
  choose(node, value) {
    if (value && ![...node.options].some((option) => option.value === value)) {
      node.append(el('option', { value }, cut(value, 80)));
    }
    node.value = value;
  }

  fillOptions(node, label, names) {
    const value = node.value;
    node.replaceChildren(el('option', { value: '' }, label),
      ...names.map((name) => el('option', { value: name }, cut(name, 80))));
    this.choose(node, value);
  }

  async loadServices() {
    try {
      this.known = new Set(await api.services());
      this.fillOptions(this.service, 'All services', [...this.known]);
      await this.loadSpanNames();
    } catch { /* The list of traces says that the server does not answer. */ }
  }

  async loadSpanNames() {
    const service = this.values.service;
    const names = service ? await api.spanNames(service) : [];
    if (service !== this.values.service) return;
    this.fillOptions(this.span, service ? 'All spans' : 'Choose a service first', names);
    this.span.disabled = !service;
  }

  /** Learns of the services of a trace, of which the server names only the first few. */
  learn({ services, serviceCount }) {
    if (!this.known) return;
    // A long name is cut, which cannot be compared.
    const unknown = serviceCount > services.length
      || services.some(({ name }) => name && !name.endsWith('…') && !this.known.has(name));
    if (unknown) this.learning ??= setTimeout(() => { this.learning = null; this.loadServices(); }, LEARN);
  }

  close() { clearTimeout(this.learning); }

  read() {
    const before = this.values.service;
    for (const name of ['service', 'span', 'tags', 'min', 'max', 'lookback']) {
      this.values[name] = this[name].value.trim();
    }
    if (before !== this.values.service) {
      this.values.span = this.span.value = '';
      this.loadSpanNames();
    }
    this.checkDurations();
    this.changed();
  }

  checkDurations() {
    for (const name of ['min', 'max']) {
      const wrong = this.values[name] && parseDuration(this.values[name]) === null;
      this[name].setAttribute('aria-invalid', String(Boolean(wrong)));
      this[name].title = wrong ? 'Not a duration: a number with us, ms, s, m or h, as in 250us, 1.5ms, 2s' : '';
    }
  }

  toggleErrors() {
    this.values.errors = this.values.errors ? '' : 'true';
    this.errors.setAttribute('aria-pressed', String(Boolean(this.values.errors)));
    this.changed();
  }

  /** The calls that were chosen on the map; '' if none were. */
  get calls() {
    const { caller, callee, remote } = this.values;
    return callee ? `${caller} calls ${callee}` : remote && `Calls of ${remote}`;
  }

  clearCalls() {
    this.values.caller = this.values.callee = this.values.remote = '';
    this.changed();
  }

  reset() {
    for (const name of NAMES) this.values[name] = '';
    for (const node of [this.service, this.span, this.tags, this.min, this.max, this.lookback]) node.value = '';
    this.errors.setAttribute('aria-pressed', 'false');
    this.span.disabled = true;
    this.read();
  }

  get isEmpty() { return Object.values(this.values).every((value) => value === ''); }

  /** Whether a live update can be judged without the server. */
  get isPlain() {
    const judged = ['errors', 'min', 'max'];
    return Object.entries(this.values).every(([name, value]) => value === '' || judged.includes(name));
  }

  accepts(summary) {
    return !this.values.errors || summary.errorCount > 0;
  }

  /** With a service, the durations are those of its spans, which the server knows. */
  durationOfSpans() {
    const { min, max } = this.values;
    // Zipkin's API takes the longest duration only together with the shortest.
    return { minDuration: min ? parseDuration(min) : max && 1, maxDuration: max ? parseDuration(max) : '' };
  }

  /** Without a service, the durations are those of whole traces, which the list knows. */
  acceptsDuration({ duration }) {
    const { service, min, max } = this.values;
    if (service) return true;
    return duration >= (parseDuration(min) ?? 0) && duration <= (parseDuration(max) ?? Infinity);
  }

  /** The parameters of the server's query. */
  query() {
    const { service, span, tags, lookback, errors, caller, callee, remote } = this.values;
    const within = LOOKBACKS.find(([value]) => value === lookback)?.[2];
    return {
      serviceName: service, spanName: span, remoteServiceName: remote, annotationQuery: tags,
      ...(service ? this.durationOfSpans() : {}),
      lookback: within || '', errorsOnly: errors, caller, callee,
    };
  }
}

function field(label, className, control, title) {
  return el('label', { class: `field ${className}`, title }, el('span', {}, label), control);
}
