// A colour for each service: the same on every view and, mostly, after every reload.

export const COLOURS = 14;
const chosen = new Map();
const resolved = new Map();

/** The number of a service's colour. Names whose hashes collide move on to a free one. */
export function serviceColourIndex(name) {
  let index = chosen.get(name);
  if (index === undefined) {
    index = hash(name) % COLOURS;
    if (chosen.size < COLOURS) {
      const taken = new Set(chosen.values());
      while (taken.has(index)) index = (index + 5) % COLOURS;
    }
    chosen.set(name, index);
  }
  return index;
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
