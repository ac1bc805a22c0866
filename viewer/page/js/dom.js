// Elements and text. What a span says reaches the page only through `textContent` and `append`
// with strings, which make text nodes. Nothing in this page parses HTML.

const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes and children. `on` holds listeners; a string child is text. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === 'class') {
      node.setAttribute('class', value);
    } else if (name === 'value' || name === 'checked' || name === 'disabled') {
      node[name] = value;
    } else {
      node.setAttribute(name, value === true ? '' : String(value));
    }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** The most characters of a name that a row shows; the side panel shows the rest. */
const ROW_TEXT = 240;

/** Cuts a text for a place that shows one line, without splitting a surrogate pair. */
export function cut(text, limit = ROW_TEXT) {
  const string = String(text ?? '');
  if (string.length <= limit) return string;
  const last = string.charCodeAt(limit - 1);
  return string.slice(0, last >= 0xd800 && last < 0xdc00 ? limit - 1 : limit) + '…';
}

/** A text from a span: isolated, so that right-to-left text and overrides end with it. */
export function said(text, attributes = {}) {
  return el('bdi', attributes, cut(text));
}

/** Sets the text of an element only if it differs, which spares the browser a layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Says something to screen readers. */
export function announce(text) {
  document.getElementById('announcer').textContent = text;
}

/** Shows a short message at the bottom of the page, for five seconds. */
export function toast(text, kind = 'info') {
  const message = el('div', { class: `toast ${kind}` }, text);
  document.getElementById('toasts').replaceChildren(message);
  announce(text);
  setTimeout(() => message.remove(), 5000);
}

/** A button. `key` is named in its tooltip. */
export function button(label, click, { key, ...attributes } = {}) {
  const title = key ? `${attributes.title ?? label} (${key})` : attributes.title;
  return el('button', { type: 'button', ...attributes, title, on: { click } }, label);
}

/** Replaces an element by a newer one. The focus stays where it is: on the control of the same place. */
export function renew(element, newer) {
  const controls = (node) => [...node.querySelectorAll('a, button, input')];
  const at = controls(element).indexOf(document.activeElement);
  element.replaceWith(newer);
  if (at >= 0) controls(newer)[at]?.focus({ preventScroll: true });
  return newer;
}

/** Calls a function at most once a frame. */
export function onFrame(callback) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; callback(); });
  };
}

/** Copies a text, and says what was copied. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyBySelection(text)) return toast(`The browser did not allow copying ${what}`, 'error');
  }
  toast(`Copied ${what}`);
}

/** For pages without the clipboard API, which are those on a plain-http address that is not local. */
function copyBySelection(text) {
  const area = el('textarea', { class: 'sr-only', 'aria-hidden': 'true', value: text });
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}

/** Offers a text as a file. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = el('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
