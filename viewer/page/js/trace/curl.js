// The request of a span as a curl command that continues the same trace.

/** `null` if the span names no http or https URL. */
export function curl(traceId, span) {
  const url = urlOf(span);
  if (!url) return null;
  const method = (span.tags['http.method'] ?? span.tags['http.request.method'] ?? 'GET').toUpperCase();
  const isMethod = /^[A-Z]{1,20}$/.test(method);
  const parts = ['curl', '-i'];
  if (isMethod && method !== 'GET') parts.push('-X', method);
  // A span of its own below this one, so that the request does not join a span that has ended.
  parts.push('-H', quote(`b3: ${traceId}-${newSpanId()}-1-${span.id}`), quote(url));
  return parts.join(' ');
}

function urlOf({ tags = {}, localEndpoint, remoteEndpoint, kind }) {
  const whole = tags['http.url'] ?? tags['url.full'] ?? '';
  const path = tags['http.path'] ?? tags['http.target'] ?? tags['url.path'] ?? (whole.startsWith('/') ? whole : '');
  const endpoint = kind === 'CLIENT' ? remoteEndpoint : localEndpoint;
  const host = endpoint?.ipv4 ?? (endpoint?.ipv6 ? `[${endpoint.ipv6}]` : '');
  const text = /^https?:\/\//i.test(whole) ? whole : path.startsWith('/') && host ? `http://${host}:${endpoint.port || 80}${path}` : '';
  try {
    const url = new URL(text);
    return ['http:', 'https:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** For a POSIX shell. `URL` has escaped line breaks and control characters already. */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function newSpanId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
