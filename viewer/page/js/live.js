// Live updates: one connection for the page, views subscribe, one key pauses.

import { events } from './api.js';
import { announce, setText } from './dom.js';

/** Milliseconds. */
const FIRST_REFRESH = 300;
const RECONNECT = 5000;

const subscribers = new Set();
let source = null;
let paused = false;
let connected = false;
/** Events begin when the connection is open: what came before, the views have to ask for. */
let missed = true;
/** The traces that have changed while the updates are paused, by the end of their ids. */
const waiting = new Set();
/** Whether there are more of them than the server has named. */
let more = false;
let reconnecting = 0;

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
  clearTimeout(reconnecting);
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
      // After a refusal, such as of one page too many, the browser does not try again.
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        reconnecting = setTimeout(() => { if (!document.hidden) connect(); }, RECONNECT);
      }
    },
    trace(summary) {
      if (paused) { waiting.add(summary.traceId.slice(-16)); show(); } else tell('trace', summary);
    },
    lagged() {
      if (paused) { more = true; show(); } else tell('refresh');
    },
    cleared() { forget(); show(); tell('cleared'); },
  });
}

function forget() {
  waiting.clear();
  more = false;
}

function disconnect() {
  clearTimeout(reconnecting);
  source?.close();
  source = null;
  connected = false;
  missed = true;
  show();
}

export function toggle() {
  paused = !paused;
  if (!paused) { forget(); tell('refresh'); }
  announce(paused ? 'Live updates paused' : 'Live updates resumed');
  show();
}

function show() {
  const button = document.getElementById('live');
  const state = paused ? 'paused' : connected ? 'on' : 'off';
  if (button.dataset.state !== state) button.dataset.state = state;
  button.setAttribute('aria-pressed', String(!paused));
  const text = { on: 'Live', off: 'Not connected', paused: 'Paused' }[state];
  const news = waiting.size || more ? ` · ${waiting.size}${more ? '+' : ''} new` : '';
  setText(document.getElementById('live-text'), paused ? text + news : text);
  button.title = paused ? 'Resume live updates (p)' : 'Pause live updates (p)';
}
