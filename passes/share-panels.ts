/**
 * Makes each panel once: where two kernels of a program pack the same data in the same way, as a convolution and its
 * weight gradient pack their input, the second one reads the first one's panel.
 */

import type { LoweredProgram, ProgramBuffer } from "../src/loop/program.ts";
import type { BufferParam, Expr, Kernel } from "../src/loop/types.ts";
import { usedBuffers } from "../src/loop/used-buffers.ts";
import { mapExpressions, rewriter } from "../src/loop/walk.ts";

/** The program without the kernels that fill a panel which is there already. */
export function sharePanels(program: LoweredProgram): LoweredProgram {
  const scratch = new Map(program.buffers.filter((b) => b.role === "scratch").map((b) => [b.name, b]));
  /** Panels that hold what their sources hold, by what fills them. */
  let known = new Map<string, { readonly panel: BufferParam; readonly sources: ReadonlySet<string> }>();
  const shared = new Map<string, string>();
  const lengths = new Map<string, number>();
  const dropped = new Set<Kernel>();
  for (const kernel of program.kernels) {
    const panel = panelOf(kernel, scratch);
    const key = panel && keyOf(kernel, panel.name);
    const earlier = key === undefined ? undefined : known.get(key)?.panel;
    if (panel !== undefined && earlier !== undefined) {
      shared.set(panel.name, earlier.name);
      lengths.set(earlier.name, Math.max(lengths.get(earlier.name) ?? earlier.length, panel.length));
      dropped.add(kernel);
      continue;
    }
    const written = new Set(kernel.buffers.filter((b) => b.access !== "read").map((b) => b.name));
    known = new Map(
      [...known].filter(
        ([, { panel: p, sources }]) => ![p.name, ...sources].some((name) => written.has(name)),
      ),
    );
    if (panel !== undefined && key !== undefined)
      known.set(key, { panel, sources: usedBuffers(kernel.body).loaded });
  }
  if (dropped.size === 0) return program;
  const kept = (kernels: readonly Kernel[]): Kernel[] => kernels.filter((k) => !dropped.has(k));
  return {
    ...program,
    kernels: kept(program.kernels).map((kernel) => renamed(kernel, shared, lengths)),
    buffers: program.buffers
      .filter((b) => !shared.has(b.name))
      .map(
        (b): ProgramBuffer => ({ ...b, shape: lengths.has(b.name) ? [lengths.get(b.name) ?? 0] : b.shape }),
      ),
    commitFrom: kept(program.kernels.slice(0, program.commitFrom)).length,
  };
}

/** The scratch buffer that a packing kernel fills. */
function panelOf(kernel: Kernel, scratch: ReadonlyMap<string, ProgramBuffer>): BufferParam | undefined {
  const written = kernel.buffers.filter((b) => b.access !== "read");
  const isPack = kernel.ops.length === 1 && kernel.ops[0] === "pack";
  return isPack && written.length === 1 && scratch.has(written[0].name) ? written[0] : undefined;
}

/** What the kernel does, whatever the panel is called. */
const keyOf = (kernel: Kernel, panel: string): string =>
  JSON.stringify(kernel.body).replaceAll(JSON.stringify(panel), '"panel"');

/** The kernel with the panels that others filled, at the lengths that all who read them need. */
function renamed(
  kernel: Kernel,
  shared: ReadonlyMap<string, string>,
  lengths: ReadonlyMap<string, number>,
): Kernel {
  const touches = kernel.buffers.some((b) => shared.has(b.name) || lengths.has(b.name));
  if (!touches) return kernel;
  const rename = rewriter(
    (e): Expr => (e.kind === "load" ? { ...e, buffer: shared.get(e.buffer) ?? e.buffer } : e),
  );
  const buffers = new Map(
    kernel.buffers.map((b) => {
      const name = shared.get(b.name) ?? b.name;
      return [name, { ...b, name, length: lengths.get(name) ?? b.length }];
    }),
  );
  return { ...kernel, buffers: [...buffers.values()], body: mapExpressions(kernel.body, rename) };
}
