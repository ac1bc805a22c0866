// Live updates: one connection for the page, views subscribe, one key pauses.

import { events } from './api.js';
import { announce, setText } from './dom.js';

const subscribers = new Set();
let paused = false;
let connected = false;
let waiting = 0;

export const isPaused = () => paused;

/** Handlers `trace(summary)`, `cleared()`, `refresh()`, `resumed()`. Returns how to unsubscribe. */
export function subscribe(handlers) {
  subscribers.add(handlers);
  return () => subscribers.delete(handlers);
}

function tell(name, argument) {
  for (const handlers of subscribers) handlers[name]?.(argument);
}

export function start() {
  let opened = false;
  document.getElementById('live').addEventListener('click', toggle);
  events({
    open() {
      connected = true;
      // What happened while there was no connection is not sent again.
      if (opened && !paused) tell('refresh');
      opened = true;
      show();
    },
    closed() { connected = false; show(); },
    trace(summary) {
      if (paused) { waiting += 1; show(); } else tell('trace', summary);
    },
    lagged() {
      if (paused) waiting += 1; else tell('refresh');
    },
    cleared() { tell('cleared'); },
  });
  show();
}

export function toggle() {
  paused = !paused;
  if (!paused) { waiting = 0; tell('refresh'); }
  announce(paused ? 'Live updates paused' : 'Live updates resumed');
  show();
}

function show() {
  const button = document.getElementById('live');
  const state = paused ? 'paused' : connected ? 'on' : 'off';
  if (button.dataset.state !== state) button.dataset.state = state;
  button.setAttribute('aria-pressed', String(!paused));
  const text = { on: 'Live', off: 'Not connected', paused: 'Paused' }[state];
  setText(document.getElementById('live-text'), paused && waiting ? `Paused · ${waiting} new` : text);
  button.title = paused ? 'Resume live updates (p)' : 'Pause live updates (p)';
}
