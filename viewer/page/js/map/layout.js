// A layered layout for a directed graph: callers on the left, callees on the right. Services never
// overlap, and edges over several layers are led between the services of the layers they cross.

export const NODE = { width: 176, height: 46 };
const GAP_X = 152;
const GAP_Y = 26;
const BEND = 10;
const SWEEPS = 16;

/**
 * Places services and edges. Returns `{ nodes: [{ name, x, y }], edges: [{ edge, points, backwards }],
 * width, height }`; `x` and `y` are the upper left corner.
 */
export function layout(names, edges) {
  const calling = new Set(edges.filter(({ caller, callee }) => caller !== callee).flatMap(({ caller, callee }) => [caller, callee]));
  const sorted = [...names].sort();
  const nodes = new Map(sorted.filter((name) => calling.has(name)).map((name) => [name, {
    name, out: [], in: [], layer: 0, height: NODE.height, x: 0, y: 0,
  }]));
  const links = edges.filter(({ caller, callee }) => caller !== callee)
    .map((edge) => ({ edge, from: nodes.get(edge.caller), to: nodes.get(edge.callee), backwards: false }));
  turnCycles([...nodes.values()], links);
  assignLayers([...nodes.values()], links);
  const layers = insertBends([...nodes.values()], links);
  order(layers);
  place(layers);
  return finish([...nodes.values()], links, edges, sorted.filter((name) => !calling.has(name)));
}

/** Edges that lead back to a caller are turned, so that the rest has no cycle. */
function turnCycles(nodes, links) {
  for (const link of links) link.from.out.push(link);
  for (const link of links) link.to.in.push(link);
  const state = new Map();
  // Services that nobody calls come first: what is called back from below them is turned.
  const starts = [...nodes].sort((a, b) => a.in.length - b.in.length);
  for (const start of starts) {
    if (state.has(start)) continue;
    const stack = [[start, 0]];
    state.set(start, 'open');
    while (stack.length) {
      const top = stack[stack.length - 1];
      const [node, next] = top;
      if (next === node.out.length) {
        state.set(node, 'done');
        stack.pop();
        continue;
      }
      top[1] += 1;
      const link = node.out[next];
      if (state.get(link.to) === 'open') link.backwards = true;
      else if (!state.has(link.to)) { state.set(link.to, 'open'); stack.push([link.to, 0]); }
    }
  }
  for (const link of links) {
    if (link.backwards) [link.from, link.to] = [link.to, link.from];
  }
}

/** The longest way from a service that nobody calls; then callers move up to their callees. */
function assignLayers(nodes, links) {
  for (const node of nodes) { node.out = []; node.in = []; }
  for (const link of links) { link.from.out.push(link); link.to.in.push(link); }
  const waiting = new Map(nodes.map((node) => [node, node.in.length]));
  const queue = nodes.filter((node) => !node.in.length);
  for (const node of queue) {
    for (const { to } of node.out) {
      to.layer = Math.max(to.layer, node.layer + 1);
      waiting.set(to, waiting.get(to) - 1);
      if (!waiting.get(to)) queue.push(to);
    }
  }
  for (const node of [...queue].reverse()) {
    if (!node.in.length && node.out.length) node.layer = Math.min(...node.out.map(({ to }) => to.layer)) - 1;
  }
}

/** A bend in each layer that an edge crosses. */
function insertBends(nodes, links) {
  const layers = [];
  const add = (node) => { (layers[node.layer] ??= []).push(node); };
  for (const node of nodes) { node.before = []; node.after = []; add(node); }
  for (const link of links) {
    let last = link.from;
    link.bends = [];
    for (let layer = link.from.layer + 1; layer < link.to.layer; layer += 1) {
      const bend = { bend: true, layer, height: BEND, before: [last], after: [], y: 0 };
      last.after.push(bend);
      link.bends.push(bend);
      add(bend);
      last = bend;
    }
    last.after.push(link.to);
    link.to.before.push(last);
  }
  return layers.map((layer) => layer ?? []);
}

/** Orders each layer by the mean place of its neighbours, forwards and backwards by turns. */
function order(layers) {
  const number = (layer) => layer.forEach((node, index) => { node.place = index / Math.max(1, layer.length); });
  layers.forEach(number);
  let best = Infinity;
  let kept = layers.map((layer) => [...layer]);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forwards = sweep % 2 === 0;
    const sequence = forwards ? layers : [...layers].reverse();
    for (const layer of sequence) {
      for (const node of layer) {
        const near = forwards ? node.before : node.after;
        node.wish = near.length ? near.reduce((sum, each) => sum + each.place, 0) / near.length : node.place;
      }
      layer.sort((a, b) => a.wish - b.wish);
      number(layer);
    }
    const crossings = countCrossings(layers);
    if (crossings < best) {
      best = crossings;
      kept = layers.map((layer) => [...layer]);
    }
  }
  kept.forEach((layer, index) => { layers[index] = layer; number(layer); });
}

function countCrossings(layers) {
  let crossings = 0;
  for (const layer of layers) {
    const ends = layer.flatMap((node) => [...node.after].sort((a, b) => a.place - b.place).map((to) => to.place));
    for (let i = 0; i < ends.length; i += 1) {
      for (let j = i + 1; j < ends.length; j += 1) if (ends[j] < ends[i]) crossings += 1;
    }
  }
  return crossings;
}

/** Vertical places: near the neighbours, in order, at least a gap apart. */
function place(layers) {
  for (const layer of layers) settle(layer, layer.map(() => 0));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forwards = sweep % 2 === 0;
    for (const layer of forwards ? layers : [...layers].reverse()) {
      settle(layer, layer.map((node) => {
        const near = forwards ? node.before : node.after;
        const all = near.length ? near : [...node.before, ...node.after];
        return all.length ? all.reduce((sum, each) => sum + each.y, 0) / all.length : node.y;
      }));
    }
  }
}

/** The mean of the two closest packings, downwards and upwards, keeps order and distance as both do. */
function settle(layer, wishes) {
  const apart = (a, b) => (a.height + b.height) / 2 + (a.bend || b.bend ? GAP_Y / 2 : GAP_Y);
  const down = [...wishes];
  const up = [...wishes];
  for (let i = 1; i < layer.length; i += 1) down[i] = Math.max(down[i], down[i - 1] + apart(layer[i - 1], layer[i]));
  for (let i = layer.length - 2; i >= 0; i -= 1) up[i] = Math.min(up[i], up[i + 1] - apart(layer[i], layer[i + 1]));
  layer.forEach((node, i) => { node.y = (down[i] + up[i]) / 2; });
}

function finish(nodes, links, edges, alone) {
  const bends = links.flatMap((link) => link.bends);
  const top = Math.min(...[...nodes, ...bends].map((node) => node.y - node.height / 2));
  for (const node of [...nodes, ...bends]) {
    node.y -= top;
    node.x = node.layer * (NODE.width + GAP_X);
  }
  const places = [...nodes.map(({ name, x, y }) => ({ name, x, y: y - NODE.height / 2 }))];
  const size = {
    width: Math.max(0, ...nodes.map(({ x }) => x + NODE.width)),
    height: Math.max(0, ...[...nodes, ...bends].map(({ y, height }) => y + height / 2)),
  };
  placeAlone(alone, places, size);
  return { nodes: places, edges: [...links.map(route), ...loops(edges, places)], ...size };
}

/** Services without calls stand in rows below the others. */
function placeAlone(alone, places, size) {
  const pitch = NODE.width + GAP_Y;
  const columns = Math.max(4, Math.floor((size.width + GAP_Y) / pitch));
  const top = size.height ? size.height + 2 * GAP_Y : 0;
  alone.forEach((name, index) => {
    const place = { name, x: (index % columns) * pitch, y: top + Math.floor(index / columns) * (NODE.height + GAP_Y) };
    places.push(place);
    size.width = Math.max(size.width, place.x + NODE.width);
    size.height = Math.max(size.height, place.y + NODE.height);
  });
}

/** The way of an edge, in its own direction. */
function route({ edge, from, to, bends, backwards }) {
  const points = [
    { x: from.x + NODE.width, y: from.y },
    ...bends.flatMap((bend) => [{ x: bend.x, y: bend.y }, { x: bend.x + NODE.width, y: bend.y }]),
    { x: to.x, y: to.y },
  ];
  return { edge, points: backwards ? points.reverse() : points, backwards };
}

/** Services that call themselves. */
function loops(edges, places) {
  return edges.filter(({ caller, callee }) => caller === callee).map((edge) => {
    const { x, y } = places.find(({ name }) => name === edge.caller);
    return { edge, loop: true, points: [{ x: x + 50, y }, { x: x + 110, y }] };
  });
}
