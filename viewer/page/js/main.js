// Starts the page: routes, theme, shortcuts, live updates.

import { at, local } from './api.js';
import { themeChanged } from './colours.js';
import { announce, el } from './dom.js';
import * as keys from './keys.js';
import * as live from './live.js';

const views = [
  { path: /^\/$/, title: 'Traces', load: () => import('./search/view.js') },
  { path: /^\/traces\/([^/]+)$/, title: 'Trace', load: () => import('./trace/view.js') },
  { path: /^\/map$/, title: 'Map', load: () => import('./map/view.js') },
  { path: /^\/compare$/, title: 'Compare', load: () => import('./compare/view.js') },
];

const main = document.getElementById('main');
let open = null;
let turn = 0;
/** The filters, the order and the brush with which the list was last shown. */
let lastSearch = '';

/** Shows the view of the present address. */
async function show() {
  const mine = turn += 1;
  const path = local(location.pathname);
  const view = views.find((each) => each.path.test(path));
  open?.close?.();
  open = null;
  keys.setViewKeys([]);
  if (path === '/') lastSearch = location.search;
  markNavigation(path);
  if (!view) {
    main.replaceChildren(el('div', { class: 'empty' }, el('h1', {}, 'There is no such page'),
      el('p', {}, el('a', { href: at('/') }, 'All traces'))));
    return;
  }
  const { show: render } = await view.load();
  if (mine !== turn) return;
  const argument = decode(view.path.exec(path)[1] ?? '');
  open = { title: view.title };
  document.title = `${view.title} · tower-b3 viewer`;
  Object.assign(open, render(main, { argument, query: new URLSearchParams(location.search), go, replace, goToList }));
  keys.setViewKeys(open.keys ?? []);
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function markNavigation(path) {
  for (const link of document.querySelectorAll('[data-nav]')) {
    const isList = link.dataset.nav === '/' && !link.classList.contains('brand');
    link.setAttribute('href', at(link.dataset.nav) + (isList && path !== '/' ? lastSearch : ''));
    const current = link.dataset.nav === path || (link.dataset.nav === '/' && path.startsWith('/traces/'));
    if (current && !link.classList.contains('brand')) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

/** Goes to another view: `go('/map', { lookback: '1h' })`. */
function go(path, query = {}) {
  history.pushState(null, '', at(path) + searchOf(query));
  show();
  main.focus({ preventScroll: true });
}

/** Goes to the list as it was left; from the list itself, to all traces. */
function goToList() {
  const search = local(location.pathname) === '/' ? '' : lastSearch;
  go('/', Object.fromEntries(new URLSearchParams(search)));
}

/** Keeps the state of a view in the address, without an entry in the history. */
function replace(query) {
  history.replaceState(null, '', location.pathname + searchOf(query));
  if (local(location.pathname) === '/') lastSearch = location.search;
}

function searchOf(query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '' && value !== false) parameters.set(name, value);
  }
  return parameters.size ? `?${parameters}` : '';
}

/** Links of the page change the view without loading the page again. */
function followLinks() {
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.target || link.hasAttribute('download') || link.origin !== location.origin || link.hash) return;
    if (!views.some((view) => view.path.test(local(link.pathname)))) return;
    event.preventDefault();
    go(local(link.pathname), Object.fromEntries(new URLSearchParams(link.search)));
  });
  window.addEventListener('popstate', show);
}

function changeTheme() {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const now = document.documentElement.dataset.theme ?? (dark ? 'dark' : 'light');
  const next = now === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  try { localStorage.setItem('theme', next); } catch { /* It lasts until the page is closed. */ }
  announce(`${next} theme`);
  redraw();
}

function redraw() {
  themeChanged();
  open?.redraw?.();
}

keys.setPageKeys([
  { keys: ['g t'], does: 'Traces', run: goToList },
  { keys: ['g m'], does: 'Map', run: () => go('/map') },
  { keys: ['g c'], does: 'Compare', run: () => go('/compare') },
  { keys: ['p'], does: 'Pause or resume live updates', run: live.toggle },
  { keys: ['t'], does: 'Dark or light theme', run: changeTheme },
  { keys: ['?'], does: 'This list', run: () => keys.showHelp(open?.title ?? 'View') },
  { keys: ['Escape'], run: () => document.activeElement?.blur?.() },
]);
document.getElementById('theme').addEventListener('click', changeTheme);
document.getElementById('help').addEventListener('click', () => keys.showHelp(open?.title ?? 'View'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
followLinks();
keys.start();
show();
live.start();
