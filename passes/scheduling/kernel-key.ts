/** A key for lowered kernels: two that do the same with buffers of the same kinds have the same one, in any program. */

import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";

/**
 * The key of `kernel` for a backend: its structure without the names that a model gave, and the capabilities. What work is
 * reckoned to cost is left out: a measured choice is as good under other estimates.
 */
export function kernelKey(kernel: Kernel, capabilities: Capabilities): string {
  const buffers = kernel.buffers.map(({ dtype, length, access, range }) => ({
    dtype,
    length,
    access,
    range,
  }));
  const { memory, costs, times, scalar, ...known } = capabilities;
  const text = [JSON.stringify(buffers), structureOf(kernel), JSON.stringify(known)].join("\n");
  return fingerprint(text);
}

/** Statements and expressions as text, every different expression once, buffers by their position. */
function structureOf({ body, buffers }: Kernel): string {
  const positions = new Map(buffers.map(({ name }, k) => [name, k]));
  const known = new Map<Expr, number>();
  const numbers = new Map<string, number>();
  const numberOf = (e: Expr): number => {
    let number = known.get(e);
    if (number !== undefined) return number;
    const text = printed(e);
    number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    known.set(e, number);
    return number;
  };
  const printed = (node: unknown): string =>
    JSON.stringify(node, (key, value) => {
      if (isPart(key, value)) return `#${numberOf(value)}`;
      if (key === "buffer") return positions.get(value);
      return typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
        ? `${1 / value} ${value}`
        : value;
    });
  const statements = printed(body);
  return [...numbers.keys(), statements].join("\n");
}

/** Whether a field of a node holds an expression; statements stand in lists, under numbers. */
const isPart = (key: string, value: unknown): value is Expr =>
  !/^\d*$/.test(key) && typeof value === "object" && value !== null && "kind" in value;

/** Two walks over the text (FNV-1a with two primes) as 16 hexadecimal digits. Kernels that met would only run slower. */
function fingerprint(text: string): string {
  let [a, b] = [0x811c9dc5, 0xcbf29ce4];
  for (let k = 0; k < text.length; k++) {
    const code = text.charCodeAt(k);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995) ^ (b >>> 15);
  }
  return [a, b].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
