/** A key for lowered kernels: two that do the same with buffers of the same kinds have equal keys, in any program. */

import { renamed } from "../../src/loop/alike.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { printBody } from "../../src/loop/print.ts";
import type { Kernel } from "../../src/loop/types.ts";

/**
 * The key of `kernel` for a backend: its text without the names that a model gave, and the capabilities. The estimated
 * cost is left out: a measured choice is as good under other estimates.
 */
export function kernelKey({ buffers, body }: Kernel, capabilities: Capabilities): string {
  const kinds = buffers.map(({ dtype, length, access, range }) => ({ dtype, length, access, range }));
  const { memory, costs, times, fewerLanes, ...others } = capabilities;
  const known = {
    ...others,
    ...(fewerLanes && { fewerLanes: fewerLanes.map(({ vectorWidth }) => vectorWidth) }),
  };
  const names = new Map(buffers.map(({ name }, k) => [name, `buffer${k}`]));
  const text = printBody(renamed(body, names));
  return fingerprint([JSON.stringify(kinds), ...text, JSON.stringify(known)].join("\n"));
}

/**
 * Two hashes of the text (FNV-1a with two primes) as 16 hexadecimal
 * digits. A collision would only make a kernel slower.
 */
function fingerprint(text: string): string {
  let [a, b] = [0x811c9dc5, 0xcbf29ce4];
  for (let k = 0; k < text.length; k++) {
    const code = text.charCodeAt(k);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995) ^ (b >>> 15);
  }
  return [a, b].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
