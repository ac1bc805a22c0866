// The server's API. The page may be mounted below a prefix: its own address says which.

const base = new URL('../../', import.meta.url).pathname;

/** The path of a view or of an API below the prefix. */
export const at = (path) => base + path.replace(/^\//, '');

/** The path without the prefix, which begins with `/`. */
export function local(path) {
  return `/${path.startsWith(base) ? path.slice(base.length) : ''}`;
}

async function answer(response) {
  if (response.ok) return response.status === 204 ? null : response.json();
  const reason = await reasonOf(response).catch(() => null);
  throw Object.assign(new Error(reason || `${response.status} ${response.statusText}`), { status: response.status });
}

/** What the server says about a refusal: JSON with `error`, or a sentence. */
async function reasonOf(response) {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('application/json')) return (await response.json()).error;
  return type.startsWith('text/plain') ? (await response.text()).trim() : null;
}

async function get(path, query = {}, signal = undefined) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, value);
  }
  const search = parameters.size ? `?${parameters}` : '';
  return answer(await fetch(at(path) + search, { signal }));
}

export const summaries = (query, signal) => get('viewer/summaries', query, signal);
export const trace = (id, signal) => get(`viewer/trace/${encodeURIComponent(id)}`, {}, signal);
export const zipkinTrace = (id) => get(`api/v2/trace/${encodeURIComponent(id)}`);
export const services = () => get('api/v2/services');
export const spanNames = (serviceName) => get('api/v2/spans', { serviceName });
export const serviceMap = (query, signal) => get('viewer/map', query, signal);
export const status = () => get('viewer/status');
export const clear = async () => answer(await fetch(at('viewer/traces'), { method: 'DELETE' }));

export async function upload(file) {
  const headers = { 'content-type': 'application/json' };
  if (file.name.endsWith('.gz')) headers['content-encoding'] = 'gzip';
  return answer(await fetch(at('viewer/traces'), { method: 'POST', headers, body: file }));
}

/** Listens to the server's events. The browser reconnects by itself. */
export function events(handlers) {
  const source = new EventSource(at('viewer/events'));
  for (const name of ['trace', 'lagged', 'cleared']) {
    source.addEventListener(name, (event) => handlers[name](JSON.parse(event.data || '{}')));
  }
  source.addEventListener('open', handlers.open);
  source.addEventListener('error', handlers.closed);
  return source;
}
