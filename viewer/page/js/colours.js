// A colour for each service: the same on every view and after every reload.

/** `--service-0` and so on in the style sheet. */
const COLOURS = 14;
const STORED = 'service-colours';
/** Services that get a colour of their own; endless new names must not fill the memory. */
const MOST = 300;

/** The number of the colour by the hash of the name. */
const chosen = new Map(stored());
const resolved = new Map();

function stored() {
  try {
    const pairs = JSON.parse(localStorage.getItem(STORED) ?? '[]');
    return pairs.filter(([key, index]) => Number.isInteger(key) && index >= 0 && index < COLOURS);
  } catch {
    return [];
  }
}

/** Names whose hashes collide move on to a free colour while there is one. */
function serviceColourIndex(name) {
  const key = hash(name);
  let index = chosen.get(key);
  if (index === undefined) {
    index = key % COLOURS;
    if (chosen.size >= MOST) return index;
    const taken = new Set(chosen.values());
    for (let i = 0; taken.has(index) && i < COLOURS; i += 1) index = (index + 5) % COLOURS;
    chosen.set(key, index);
    keep();
  }
  return index;
}

function keep() {
  try {
    localStorage.setItem(STORED, JSON.stringify([...chosen]));
  } catch { /* They last until the page is closed. */ }
}

/** The class that sets `--service` to the colour of a service. */
export const serviceClass = (name) => `service-${serviceColourIndex(name ?? '')}`;

function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < Math.min(text.length, 256); i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value >>> 0;
}

/** The colour that a custom property has in the present theme, for a canvas. */
export function colour(property) {
  let value = resolved.get(property);
  if (!value) {
    const probe = document.createElement('i');
    probe.style.color = `var(${property})`;
    document.body.append(probe);
    value = getComputedStyle(probe).color;
    probe.remove();
    resolved.set(property, value);
  }
  return value;
}

export const serviceColour = (name) => colour(`--service-${serviceColourIndex(name ?? '')}`);

/** Forgets the colours of the last theme. */
export const themeChanged = () => resolved.clear();

/** Sizes a canvas for the screen's pixels. Returns its context and its size in CSS pixels. */
export function prepare(canvas) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext('2d');
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
