// Tags in groups, by the beginnings of their names.

const GROUPS = [
  ['Error', ['error', 'exception.', 'otel.status', 'response_flags', 'grpc.status', 'grpc.message']],
  ['HTTP', ['http.', 'url.', 'user_agent', 'request_size', 'response_size', 'grpc.', 'rpc.', 'guid:', 'path', 'method']],
  ['Database', ['db.', 'sql.', 'redis.', 'mysql.', 'cassandra.', 'mongodb.']],
  ['Messaging', ['messaging.', 'kafka.', 'message_bus.', 'jms.', 'rabbit.']],
  ['Network', ['peer.', 'net.', 'network.', 'server.', 'client.', 'upstream', 'downstream', 'tls.']],
  ['Process', ['istio.', 'node_id', 'zone', 'component', 'service.', 'telemetry.', 'otel.', 'host.', 'process.', 'k8s.',
    'container.', 'os.', 'cloud.', 'library.', 'jaeger.', 'hostname', 'ip', 'internal.', 'deployment.']],
];

/** `[[title, [[key, value], …]], …]`, without empty groups; the names of a group in order. */
export function groupTags(entries) {
  const groups = new Map([...GROUPS.map(([title]) => [title, []]), ['Other', []]]);
  // The tags that name nothing known come after errors and before what describes the process.
  const order = ['Error', 'Other', 'HTTP', 'Database', 'Messaging', 'Network', 'Process'];
  for (const entry of entries) groups.get(groupOf(entry[0])).push(entry);
  return order.map((title) => [title === 'Other' ? 'Tags' : title, groups.get(title)])
    .filter(([, tags]) => tags.length)
    .map(([title, tags]) => [title, tags.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function groupOf(key) {
  const found = GROUPS.find(([, beginnings]) => beginnings.some((beginning) => (
    /[._:]$/.test(beginning) ? key.startsWith(beginning)
      : key === beginning || key.startsWith(`${beginning}.`) || key.startsWith(`${beginning}_`))));
  return found ? found[0] : 'Other';
}
