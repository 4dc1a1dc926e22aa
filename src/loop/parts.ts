/**
 * Kernels that consist of several kernels one after the other, each a part in its own sections. Results about a part
 * as a kernel, that it is like another one or that it is proved,
 * still hold for it, so the parts are kept with the whole.
 */

import { mergeOrigins } from "../core/origin.ts";
import type { Step } from "./schedule.ts";
import type { BufferParam, Kernel, Stmt } from "./types.ts";

const known = new WeakMap<Kernel, readonly Kernel[]>();

/** The kernels that `kernel` was made from; `undefined` if it is not such a kernel, or was parsed from text. */
export const partsOf = (kernel: Kernel): readonly Kernel[] | undefined => known.get(kernel);

/** The part of `kernel` that last stores into a buffer, and its index among the parts; a kernel is its own part. */
export function storingPart(
  kernel: Kernel,
  buffer: string,
): { readonly part: Kernel; readonly place: number } {
  const parts = partsOf(kernel) ?? [kernel];
  const place = parts.findLastIndex(({ buffers }) =>
    buffers.some(({ name, access }) => name === buffer && access !== "read"),
  );
  return place < 0 ? { part: kernel, place: 0 } : { part: parts[place], place };
}

/** The names of the kernels that `kernel` was made from, or its own. */
export function partNames({ name, schedule = [] }: Kernel): readonly string[] {
  const names = schedule.flatMap((step) => (step.kind === "part" ? [step.name] : []));
  return names.length === 0 ? [name] : names;
}

/** One kernel that does what several do in this order; its statements are assembled when they are read. */
export function joinedKernel(parts: readonly Kernel[]): Kernel {
  const estimated = parts.filter(({ estimate }) => estimate !== undefined);
  const threads = Math.max(...parts.map((part) => part.threads ?? 1));
  let body: readonly Stmt[] | undefined;
  const kernel: Kernel = {
    name: nameOf(parts),
    ops: parts.flatMap(({ ops }) => ops),
    buffers: mergedBuffers(parts),
    scalars: [...new Set(parts.flatMap(({ scalars }) => scalars))],
    origins: parts.map(({ origins }) => origins).reduce(mergeOrigins),
    schedule: parts.flatMap(({ name, schedule = [] }): readonly Step[] => [
      { kind: "part", name },
      ...schedule,
    ]),
    ...(estimated.length > 0 && estimateOf(estimated)),
    ...(threads > 1 && { threads }),
    nominalFlops: parts.reduce((sum, { nominalFlops }) => sum + nominalFlops, 0),
    get body() {
      body ??= parts.flatMap(sectionsOf);
      return body;
    },
  };
  known.set(kernel, parts);
  return kernel;
}

/** The name of the kernel with most arithmetic, then that of the other one, or how many others there are. */
function nameOf(parts: readonly Kernel[]): string {
  const main = parts.reduce((a, b) => (b.nominalFlops > a.nominalFlops ? b : a));
  const others = parts.filter((part) => part !== main);
  return `${main.name}_and_${others.length === 1 ? others[0].name : `${others.length}_more`}`;
}

/** The statements of a kernel as sections of another one. */
const sectionsOf = ({ name, body }: Kernel): readonly Stmt[] =>
  body.every(({ kind }) => kind === "section") ? body : [{ kind: "section", name, body }];

/** The time of all together, and the corresponding speed for their arithmetic. */
function estimateOf(parts: readonly Kernel[]): Pick<Kernel, "estimate" | "estimatedGflops"> {
  const total = (of: (part: Kernel) => number): number => parts.reduce((sum, part) => sum + of(part), 0);
  const estimate = total((part) => part.estimate!);
  const flops = total(({ nominalFlops }) => nominalFlops);
  // The time of one multiply-add of the estimate is the same for all kernels of a backend.
  const rated = parts.find(
    ({ estimatedGflops = 0, nominalFlops }) => estimatedGflops > 0 && nominalFlops > 0,
  );
  if (rated === undefined) return { estimate, estimatedGflops: 0 };
  const unit = rated.nominalFlops / rated.estimatedGflops! / rated.estimate!;
  return { estimate, estimatedGflops: Number((flops / (unit * estimate)).toPrecision(4)) };
}

/** What all parts declare: a buffer that one writes and another reads is both written and read by the whole. */
function mergedBuffers(parts: readonly Kernel[]): readonly BufferParam[] {
  const merged = new Map<string, BufferParam>();
  for (const buffer of parts.flatMap(({ buffers }) => buffers)) {
    const earlier = merged.get(buffer.name);
    merged.set(buffer.name, earlier === undefined ? buffer : mergedBuffer(earlier, buffer));
  }
  return [...merged.values()];
}

function mergedBuffer(a: BufferParam, b: BufferParam): BufferParam {
  const range = [a.range, b.range].reduce((known, other) =>
    known && other ? [Math.max(known[0], other[0]), Math.min(known[1], other[1])] : (known ?? other),
  );
  return {
    ...a,
    length: Math.max(a.length, b.length),
    access: a.access === b.access ? a.access : "readwrite",
    ...(range && { range }),
  };
}
