/** The input of gpu.js for one kernel: its function, its arguments, and the number of threads. */

import { KilnError } from "../../src/core/errors.ts";
import type { Kernel } from "../../src/loop/types.ts";
import type { Argument } from "./arguments.ts";
import type { KernelSignature } from "./device.ts";
import { printFunction, printHeader } from "./print.ts";

export interface GpuKernelSource extends KernelSignature {
  readonly name: string;
  /** Its header in dumps. */
  readonly header: string;
  readonly arguments: readonly Argument[];
  /** The buffer that the threads fill. */
  readonly output: string;
  /** The buffer that the kernel only copies: both names then stand for one value, and nothing runs. */
  readonly copied: string | undefined;
}

/** The most elements of a tensor: up to here a thread computes its indices exactly in 32-bit floats. */
export const MOST_ELEMENTS = 2 ** 23;

export function sourceOf(kernel: Kernel, mode: string): GpuKernelSource {
  for (const { name, length, value } of kernel.buffers) {
    if (length <= MOST_ELEMENTS) continue;
    throw new KilnError(
      `gpujs:${mode} takes tensors of up to ${MOST_ELEMENTS} elements, and ${value ?? name} in kernel ${kernel.name} has ${length}: use a smaller batch or the js backend`,
      kernel.origins,
    );
  }
  const output = kernel.buffers.find(({ access }) => access !== "read")!;
  const { text, arguments: parameters } = printFunction(kernel, mode);
  const lengthOf = new Map(kernel.buffers.map(({ name, length }) => [name, length]));
  const copied = copiedBuffer(kernel);
  return {
    name: kernel.name,
    text: copied === undefined ? text : `// no kernel: ${output.name} shares what ${copied} holds`,
    header: printHeader(kernel, mode, output.length),
    arguments: parameters,
    threads: output.length,
    lengths: parameters.flatMap(({ kind, name }) => (kind === "buffer" ? [lengthOf.get(name)!] : [])),
    output: output.name,
    copied,
  };
}

function copiedBuffer({ body: [loop], buffers }: Kernel): string | undefined {
  if (loop.kind !== "for" || loop.body.length !== 1) return undefined;
  const [store] = loop.body;
  if (store.kind !== "store" || store.value.kind !== "load") return undefined;
  const { buffer, index } = store.value;
  const isWhole = index.kind === "var" && index.name === loop.name;
  const lengths = new Set(buffers.map(({ length }) => length));
  return isWhole && lengths.size === 1 ? buffer : undefined;
}
