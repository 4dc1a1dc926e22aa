/**
 * Makes each panel and each winner list once: if two kernels of a program need the same data packed in the same way,
 * as a convolution and its weight gradient do, the second one reads the panel of the first.
 */

import { renamed } from "../../src/loop/alike.ts";
import { withKernelsAt } from "../../src/loop/loops.ts";
import type { LoweredProgram, ProgramBuffer } from "../../src/loop/program.ts";
import type { BufferParam, Kernel } from "../../src/loop/types.ts";
import { usedBuffers } from "../../src/loop/used-buffers.ts";
import { visitStatements } from "../../src/loop/walk.ts";
import type { Pass } from "../pass.ts";
import { hoistInvariants } from "../scheduling/transforms/hoist-invariants.ts";
import { inPackOrder } from "./pack-order.ts";

/** Kinds of kernels that derive scratch from values, and do nothing else. */
const DERIVING: ReadonlySet<string> = new Set(["pack", "winner_lists"]);

/** What a kernel derives, and from what. */
interface Derived {
  readonly made: readonly BufferParam[];
  readonly sources: ReadonlySet<string>;
}

export const sharePanels: Pass<LoweredProgram, LoweredProgram> = {
  name: "share-panels",
  doc: "Panels and winner lists that several kernels need are made once, invariant ones before their loop; of those for one reader, the one that frees most comes first.",
  run: (program) =>
    // Prepared programs have been through this.
    program.preparedTo === undefined ? inPackOrder(shared(hoistInvariants(program))) : program,
};

/** The program without the kernels that would make what exists already. */
function shared(program: LoweredProgram): LoweredProgram {
  const scratch = new Set(program.buffers.filter((b) => b.role === "scratch").map((b) => b.name));
  /** Scratch whose sources have not changed since, by how it was made. */
  let known = new Map<string, Derived>();
  const renamings = new Map<string, string>();
  const lengths = new Map<string, number>();
  const dropped = new Set<Kernel>();
  const bounds = new Set((program.loops ?? []).flatMap(({ from, to }) => [from, to]));
  for (const [k, kernel] of program.kernels.entries()) {
    // Values that loops move are new in each iteration, and different again after the loop.
    if (bounds.has(k)) known = new Map();
    const derived = derivedBy(kernel, scratch);
    const key = derived && keyOf(kernel, derived);
    const earlier = key === undefined ? undefined : known.get(key);
    if (derived !== undefined && earlier !== undefined) {
      derived.made.forEach(({ name, length }, k) => {
        const kept = earlier.made[k];
        renamings.set(name, kept.name);
        lengths.set(kept.name, Math.max(lengths.get(kept.name) ?? kept.length, length));
      });
      dropped.add(kernel);
      continue;
    }
    const written = new Set(kernel.buffers.filter((b) => b.access !== "read").map((b) => b.name));
    const isStale = ({ made, sources }: Derived): boolean =>
      [...made.map((b) => b.name), ...sources].some((name) => written.has(name));
    known = new Map([...known].filter(([, d]) => !isStale(d)));
    if (derived !== undefined && key !== undefined) known.set(key, derived);
  }
  if (dropped.size === 0) return program;
  const kept = (kernels: readonly Kernel[]): Kernel[] => kernels.filter((k) => !dropped.has(k));
  const place = (k: number): number => kept(program.kernels.slice(0, k)).length;
  return {
    ...program,
    kernels: kept(program.kernels).map((kernel) => sharing(kernel, renamings, lengths)),
    buffers: program.buffers
      .filter((b) => !renamings.has(b.name))
      .map(
        (b): ProgramBuffer => ({ ...b, shape: lengths.has(b.name) ? [lengths.get(b.name) ?? 0] : b.shape }),
      ),
    ...(program.loops && { loops: withKernelsAt(program.loops, place) }),
    commitFrom: place(program.commitFrom),
  };
}

function derivedBy(kernel: Kernel, scratch: ReadonlySet<string>): Derived | undefined {
  const made = kernel.buffers.filter((b) => b.access !== "read");
  const derives = kernel.ops.length === 1 && DERIVING.has(kernel.ops[0]);
  if (!derives || !made.every((b) => b.access === "write" && scratch.has(b.name))) return undefined;
  return { made, sources: usedBuffers(kernel.body).loaded };
}

/** What the kernel does, regardless of the names of its loops and of its result. */
function keyOf(kernel: Kernel, { made }: Derived): string {
  const loops = new Set<string>();
  visitStatements(kernel.body, (s) => {
    if (s.kind === "for") loops.add(s.name);
  });
  const text = [...loops].reduce(
    (json, name, k) => json.replaceAll(`"name":${JSON.stringify(name)}`, `"loop":${k}`),
    JSON.stringify(kernel.body),
  );
  return made.reduce((json, { name }, k) => json.replaceAll(JSON.stringify(name), `"made":${k}`), text);
}

/** The kernel with the panels that others filled, at the lengths that all their readers need. */
function sharing(
  kernel: Kernel,
  shared: ReadonlyMap<string, string>,
  lengths: ReadonlyMap<string, number>,
): Kernel {
  if (!kernel.buffers.some((b) => shared.has(b.name) || lengths.has(b.name))) return kernel;
  const buffers = kernel.buffers.map((b) => {
    const name = shared.get(b.name) ?? b.name;
    return { ...b, name, length: lengths.get(name) ?? b.length };
  });
  const distinct = new Map(buffers.map((b) => [b.name, b]));
  return { ...kernel, buffers: [...distinct.values()], body: renamed(kernel.body, shared) };
}
