// Keyboard shortcuts: a table for the page and one for each view, and the dialog that lists them.

import { button, el } from './dom.js';

let page = [];
let view = [];
let prefix = '';
const STORED = 'shortcuts';

/** A shortcut: `{ keys: ['j', 'ArrowDown'], does: 'Next row', run(event) }`. `g m` is a sequence. */
export const setPageKeys = (shortcuts) => { page = shortcuts; };
export const setViewKeys = (shortcuts) => { view = shortcuts; };

const enabled = () => {
  try { return localStorage.getItem(STORED) !== 'off'; } catch { return true; }
};

function isTyping(target) {
  return target.matches?.('input:not([type=checkbox]), textarea, select, [contenteditable]');
}

export function start() {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = isTyping(event.target);
    if (typing && event.key !== 'Escape') return;
    if (document.querySelector('dialog[open]')) return;
    // A focused control keeps the keys that operate it.
    if (event.target.matches?.('button, a[href], summary, input') && [' ', 'Enter'].includes(event.key)) return;
    if (event.key.length === 1 && !enabled() && event.key !== '?') return;
    const pressed = prefix ? `${prefix} ${event.key}` : event.key;
    prefix = '';
    const shortcut = [...view, ...page].find(({ keys }) => keys.includes(pressed));
    if (shortcut) {
      if (shortcut.run(event) !== false) event.preventDefault();
    } else if ([...view, ...page].some(({ keys }) => keys.some((key) => key.startsWith(`${pressed} `)))) {
      prefix = pressed;
      setTimeout(() => { prefix = ''; }, 1200);
    }
  });
}

const NAMES = {
  ArrowDown: '↓', ArrowUp: '↑', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc', ' ': 'Space',
};

function list(title, shortcuts) {
  const rows = shortcuts.filter(({ does }) => does).map(({ keys, does }) => el('div', { class: 'key-row' },
    el('dt', {}, keys.map((key) => el('span', { class: 'key-alternative' },
      key.split(key === ' ' ? '' : ' ').map((part) => el('kbd', {}, NAMES[part] ?? part))))),
    el('dd', {}, does)));
  return el('section', {}, el('h3', {}, title), el('dl', { class: 'keys' }, rows));
}

/** The dialog of `?`. */
export function showHelp(viewTitle) {
  const toggle = el('input', {
    type: 'checkbox', id: 'shortcuts', checked: enabled(),
    on: { change: () => localStorage.setItem(STORED, toggle.checked ? 'on' : 'off') },
  });
  const dialog = el('dialog', { class: 'help', 'aria-labelledby': 'help-title' },
    el('header', {}, el('h2', { id: 'help-title' }, 'Keyboard shortcuts'),
      button('Close', () => dialog.close(), { class: 'quiet' })),
    el('div', { class: 'key-columns' }, list(viewTitle, view), list('Everywhere', page)),
    el('footer', {}, el('label', {}, toggle, ' Shortcuts of a single character')));
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}
