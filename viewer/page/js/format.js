// Durations (microseconds), times, counts.

const numbers = new Intl.NumberFormat('en');

export const count = (n) => numbers.format(n ?? 0);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** Three significant digits: `870 µs`, `12.3 ms`, `1.23 s`, `2 min 5 s`. */
export function duration(micros) {
  if (micros === undefined || micros === null) return '–';
  const size = Math.abs(micros);
  if (size < 1000) return `${Math.round(micros)} µs`;
  if (size < 999_500) return `${digits(micros / 1000)} ms`;
  if (size < 59_950_000) return `${digits(micros / 1e6)} s`;
  const seconds = Math.round(size / 1e6);
  const sign = micros < 0 ? '−' : '';
  if (seconds < 3600) return `${sign}${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${sign}${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}

function digits(n) {
  const size = Math.abs(n);
  return n.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0).replace('-', '−');
}

/** With a sign: `+1.2 ms`, `−30 µs`, `±0`. */
export function difference(micros) {
  if (!micros) return '±0';
  return micros > 0 ? `+${duration(micros)}` : duration(micros).replace('-', '−');
}

/** Reads `250us`, `1.5 ms`, `2s`, `1m`, `1h` or a plain number of milliseconds. `null` if unreadable. */
export function parseDuration(text) {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|μs|ms|s|m|min|h)?\s*$/i.exec(text);
  if (!match) return null;
  const factor = { us: 1, 'µs': 1, 'μs': 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 };
  return Math.round(Number(match[1]) * factor[(match[2] ?? 'ms').toLowerCase()]);
}

export function age(micros, now = Date.now()) {
  if (!micros) return '–';
  const seconds = Math.max(0, Math.round(now / 1000 - micros / 1e6));
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

const pad = (n, width = 2) => String(n).padStart(width, '0');

/** `2026-11-26 14:03:09.123456`, in the browser's time zone. */
export function dateTime(micros) {
  if (!micros) return 'unknown time';
  const date = new Date(micros / 1000);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} `
    + `${clock(micros)}.${pad(Math.floor(micros % 1e6), 6)}`;
}

/** `14:03:09`. */
export function clock(micros) {
  const date = new Date(micros / 1000);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** Microseconds. */
export const DAY = 86_400e6;

/** A time among others that lie so far apart: `14:03:09`, or `11-26 14:03` over more than a day. */
export const moment = (micros, span) => (span > DAY ? dateTime(micros).slice(5, 16) : clock(micros));

/** A round value, without the zeros that only precision needs: `5 ms`, `2.5 s`. */
export const shortDuration = (micros) => duration(micros).replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ');

export function percent(part, whole) {
  if (!whole || !part) return '0 %';
  const share = (part / whole) * 100;
  return share < 0.1 ? '<0.1 %' : `${share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}

export function bytes(n) {
  return n < 1 << 20 ? `${Math.round(n / 1024)} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`;
}

export function perMinute(n) {
  return `${n < 0.095 ? '<0.1' : n < 10 ? n.toFixed(1) : count(Math.round(n))}/min`;
}

/** Round positions between two values, about `wanted` of them. */
export function ticks(from, to, wanted) {
  const span = to - from;
  if (!(span > 0)) return [from];
  const power = 10 ** Math.floor(Math.log10(span / wanted));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => span / n <= wanted);
  const positions = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) positions.push(at);
  return positions;
}
