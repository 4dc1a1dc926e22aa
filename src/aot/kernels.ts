/** The kernels of a stand-alone module: typed loops as text, or the bytes of a WebAssembly module. */

import { printJsKernel } from "../../backends/js/print.ts";
import { encodeModule } from "../../backends/wasm/encode/module.ts";
import { printPlan } from "../../backends/wasm/program-code.ts";
import { byteSize, type ViewName, viewName } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { MemoryMap } from "./memory-map.ts";
import { commentText } from "./quote.ts";

/** The arguments of every kernel of the text form: views of the whole memory, and the scalars. */
export const VIEW_TYPES = {
  f32: "Float32Array",
  i32: "Int32Array",
  u8: "Uint8Array",
  scalars: "Float64Array",
} as const satisfies Readonly<Record<ViewName | "scalars", string>>;

export interface LoopText {
  /** Which views kernels take, in order. */
  readonly views: readonly (keyof typeof VIEW_TYPES)[];
  /** One text for each kernel: its functions, with types. */
  readonly kernels: readonly string[];
}

/** The name of a kernel's function: unlike anything else in the module, and not a keyword. */
export const kernelFunction = (name: string): string => `kernel_${name}`;

/** The kernels of `plan` as TypeScript. */
export function loopText(plan: ProgramPlan, { addresses }: MemoryMap): LoopText {
  const dtypes = new Map(
    [...plan.buffers, ...plan.states.map((s) => ({ ...s, name: s.buffer }))].map((b) => [b.name, b.dtype]),
  );
  const places = new Map(
    [...addresses].map(([buffer, at]) => {
      const dtype = dtypes.get(buffer)!;
      return [buffer, { view: viewName(dtype), offset: at / byteSize(dtype) }] as const;
    }),
  );
  const used = new Set([...places.values()].map(({ view }) => view));
  const names = Object.keys(VIEW_TYPES) as (keyof typeof VIEW_TYPES)[];
  const views = names.filter((name) => (name === "scalars" ? plan.scalars.length > 0 : used.has(name)));
  const environment = { parameters: views, addresses: places, scalars: plan.scalars };
  const declared = views.map((view) => `${view}: ${VIEW_TYPES[view]}`).join(", ");
  const kernels = plan.kernels.map((kernel) =>
    printJsKernel(kernel, kernelFunction(kernel.name), environment)
      .split("\n")
      .map((line) => (line.startsWith("//") ? commentText(line) : line))
      .join("\n")
      // A declaration begins its line; calls are indented.
      .replace(/^(function \w+)\(.*\) \{$/gm, `$1(${declared}): void {`),
  );
  return { views, kernels };
}

export interface WasmCode {
  readonly bytes: Uint8Array;
  /** The index in the run order at which each kernel begins, and finally the end. */
  readonly starts: readonly number[];
}

const PAGE = 65536;
const MOST_BYTES = 2 ** 32;

/** The kernels of `plan` as a module with a memory of its own; without instructions whose rounding is the engine's choice. */
export function wasmCode(plan: ProgramPlan, { addresses, scalarsAt, byteLength }: MemoryMap): WasmCode {
  if (byteLength > MOST_BYTES) {
    throw new KilnError(
      `this model needs ${Math.ceil(byteLength / 2 ** 20)} MB, and WebAssembly addresses 4096 MB at most: use a smaller batch`,
    );
  }
  const strides = new Map<string, number>();
  const environment = { addresses, strides, scalarsAt, scalars: plan.scalars, usesRelaxedMadd: false };
  const { name, kernels, shared, globals, starts } = printPlan(plan, environment, 0);
  const bytes = encodeModule({
    name,
    ownMemory: { field: "memory", minimum: Math.ceil(byteLength / PAGE) },
    imports: [],
    globals,
    functions: [...Object.values(shared).flat(), ...kernels.flatMap(({ functions }) => functions)],
  });
  return { bytes, starts };
}
