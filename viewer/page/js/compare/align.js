// Aligns two traces: spans match if their service, name and kind do and their parents match.

/** The rows of both trees, in order: `{ a, b, depth }`, of which one side may be missing. */
export function align(a, b) {
  const rows = [];
  const stack = pairs(a.roots, b.roots, 0).reverse();
  while (stack.length) {
    const row = stack.pop();
    rows.push(row);
    const children = pairs(row.a?.children ?? [], row.b?.children ?? [], row.depth + 1);
    for (let i = children.length - 1; i >= 0; i -= 1) stack.push(children[i]);
  }
  return rows;
}

const keyOf = ({ service, name, span }) => `${service}\0${name}\0${span.kind ?? ''}`;

/**
 * Pairs siblings. The first of a key matches the first of that key on the other side, and so on.
 * What only `b` has follows the span of `b` before it.
 */
function pairs(left, right, depth) {
  const waiting = new Map();
  for (const node of right) {
    const key = keyOf(node);
    if (!waiting.has(key)) waiting.set(key, []);
    waiting.get(key).push(node);
  }
  const partner = new Map();
  for (const node of left) {
    const match = waiting.get(keyOf(node))?.shift();
    if (match) partner.set(match, node);
  }
  const partnerOf = new Map([...partner].map(([b, a]) => [a, b]));
  const rows = left.map((node) => ({ a: node, b: partnerOf.get(node) ?? null, depth }));
  const at = new Map(rows.map((row) => [row.b, row]));
  let last = null;
  for (const node of right) {
    const row = at.get(node) ?? { a: null, b: node, depth };
    if (!row.a) rows.splice(last ? rows.indexOf(last) + 1 : 0, 0, row);
    last = row;
  }
  return rows;
}

/** How many spans are in both traces, and in one of them. */
export function counts(rows) {
  return {
    both: rows.filter(({ a, b }) => a && b).length,
    onlyA: rows.filter(({ b }) => !b).length,
    onlyB: rows.filter(({ a }) => !a).length,
  };
}
