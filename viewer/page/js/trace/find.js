// Finds spans by service, name, id, tags and annotations.

import { button, el, setText } from '../dom.js';
import { count } from '../format.js';

/** Whether a span says a text, in lower case. `error` alone finds every failed span. */
export function says(node, wanted) {
  const { span } = node;
  return node.service.toLowerCase().includes(wanted) || node.name.toLowerCase().includes(wanted)
    || span.id === wanted || (wanted === 'error' && node.error)
    || (span.kind ?? '').toLowerCase() === wanted
    || Object.entries(span.tags ?? {}).some(([key, value]) => `${key}=${value}`.toLowerCase().includes(wanted))
    || (span.annotations ?? []).some(({ value }) => value.toLowerCase().includes(wanted))
    || (span.remoteEndpoint?.serviceName ?? '').toLowerCase().includes(wanted);
}

export class Find {
  constructor(trace, { text, found, chosen }) {
    this.trace = trace;
    this.found = found;
    this.chosen = chosen;
    this.input = el('input', {
      type: 'search', placeholder: 'Find in the trace', 'aria-label': 'Find in the trace', value: text, 'aria-keyshortcuts': '/',
      on: {
        input: () => this.search(),
        change: () => this.search(),
        keydown: (event) => {
          if (event.key === 'Enter') { event.preventDefault(); this.next(event.shiftKey ? -1 : 1); }
        },
      },
    });
    this.counter = el('output', { class: 'find-count' });
    this.element = el('div', { class: 'find' }, this.input, this.counter,
      button('↑', () => this.next(-1), { class: 'quiet icon', 'aria-label': 'Previous match', title: 'Previous match', key: 'N' }),
      button('↓', () => this.next(1), { class: 'quiet icon', 'aria-label': 'Next match', title: 'Next match', key: 'n' }));
    this.matches = [];
    this.search();
  }

  get text() { return this.input.value.trim(); }

  search() {
    const wanted = this.text.toLowerCase();
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.at = -1;
    this.match();
  }

  match() {
    this.matches = this.wanted ? this.trace.rows.filter((node) => says(node, this.wanted)) : [];
    this.show();
    this.found(new Set(this.matches));
  }

  /** The trace has changed; `same(node)` is the new state of a span. */
  renew(same) {
    const present = same(this.matches[this.at]);
    this.match();
    this.at = this.matches.indexOf(present);
    this.show();
  }

  show() {
    const { length } = this.matches;
    const text = !this.text ? '' : !length ? 'none' : this.at < 0 ? count(length) : `${count(this.at + 1)} of ${count(length)}`;
    setText(this.counter, text);
  }

  next(step) {
    const { length } = this.matches;
    if (!length) return;
    this.at = (this.at + step + length + (this.at < 0 && step < 0 ? 1 : 0)) % length;
    this.show();
    this.chosen(this.matches[this.at]);
  }

  set(text) {
    this.input.value = text;
    this.search();
  }
}
