// Live updates: one connection for the page, views subscribe, one key pauses.

import { events } from './api.js';
import { announce, setText } from './dom.js';

/** Milliseconds. */
const FIRST_REFRESH = 300;

const subscribers = new Set();
let source = null;
let paused = false;
let connected = false;
/** Events begin when the connection is open: what came before, the views have to ask for. */
let missed = true;
let waiting = 0;

/** Handlers `trace(summary)`, `cleared()`, `refresh()`. Returns how to unsubscribe. */
export function subscribe(handlers) {
  subscribers.add(handlers);
  return () => subscribers.delete(handlers);
}

function tell(name, argument) {
  for (const handlers of subscribers) handlers[name]?.(argument);
}

export function start() {
  document.getElementById('live').addEventListener('click', toggle);
  // A browser has six connections to a server: pages that nobody sees leave them to others.
  document.addEventListener('visibilitychange', () => (document.hidden ? disconnect() : connect()));
  window.addEventListener('pagehide', disconnect);
  window.addEventListener('pageshow', connect);
  if (!document.hidden) connect();
  show();
}

function connect() {
  source ??= events({
    open() {
      connected = true;
      // Not at once: the view's own first question comes before it.
      if (missed && !paused) setTimeout(() => tell('refresh'), FIRST_REFRESH);
      missed = false;
      show();
    },
    closed() {
      connected = false;
      missed = true;
      show();
    },
    trace(summary) {
      if (paused) { waiting += 1; show(); } else tell('trace', summary);
    },
    lagged() {
      if (paused) waiting += 1; else tell('refresh');
    },
    cleared() { tell('cleared'); },
  });
}

function disconnect() {
  source?.close();
  source = null;
  connected = false;
  missed = true;
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
