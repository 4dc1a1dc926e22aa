/**
 * The part of gpu.js that this backend uses. Users install the package; it is loaded when a mode is first asked for.
 */

import { KilnError } from "../../src/core/errors.ts";
import { missingPackage } from "../../src/core/optional-package.ts";

/** The context that kernels run in: WebGL's reports itself whether it is lost, for WebGPU's gpu.js records it. */
export interface GpuContext {
  isContextLost?(): boolean;
  readonly isLost?: boolean;
}

/** The result of a kernel of a GPU mode: a texture or a buffer that stays on the device. */
export interface DeviceHandle {
  toArray(): Float32Array | Promise<Float32Array>;
  delete(): void;
}

/** The arguments and results of kernels; the modes without a GPU work on plain arrays. */
export type DeviceValue = Float32Array | DeviceHandle;

/** A kernel function as gpu.js returns it; `kernel` is what really runs, and may change with a call. */
export interface KernelFunction {
  (...args: readonly (DeviceValue | number)[]): DeviceValue | Promise<DeviceValue>;
  readonly kernel: {
    readonly constructor: unknown;
    readonly fallbackReason?: string | null;
    readonly context?: GpuContext | null;
  };
  destroy(removeCanvasReferences?: boolean): void;
}

export interface KernelSettings {
  readonly output: readonly number[];
  readonly precision: "single";
  /** Without it GL may compute in half precision. */
  readonly tactic: "precision";
  /** Results stay on the device, and each call makes a new one. */
  readonly pipeline: true;
  readonly immutable: true;
}

export interface GpuInstance {
  /** The class of the kernels of the mode. */
  readonly Kernel: unknown;
  createKernel(source: string, settings: KernelSettings): KernelFunction;
}

export interface GpuClass {
  new (settings: { readonly mode: string }): GpuInstance;
  readonly isWebGPUSupported: boolean;
  isWebGPUAvailable(): Promise<boolean>;
}

/** Loads gpu.js, or says how to install it: what a script of the page has set, else the package; tests load it `from` elsewhere. */
export async function loadGpuJs(from?: () => Promise<unknown>): Promise<GpuClass> {
  let module: unknown;
  try {
    // Bundlers accept that a package is missing where its import stands in a try block.
    module = from === undefined ? (classIn(globalThis) ?? (await import("gpu.js"))) : await from();
  } catch (error) {
    const remedy = remedyFor(error);
    if (remedy === undefined) throw error;
    throw new KilnError(`the gpujs backends need ${remedy}`);
  }
  // gpu.js's own file for browsers is a script, which sets a global variable even if it is imported.
  const found = classIn(module) ?? classIn((module as { default?: unknown }).default) ?? classIn(globalThis);
  if (found === undefined) {
    throw new KilnError("the package gpu.js has no class GPU: install version 2.24.1 or newer");
  }
  return found;
}

/** The class itself, or the property of a module or of the browser bundle that holds it. */
function classIn(value: unknown): GpuClass | undefined {
  if (typeof value === "function" && "isWebGPUSupported" in value) return value as unknown as GpuClass;
  const inner = (value as { GPU?: unknown } | undefined)?.GPU;
  return inner === undefined || inner === value ? undefined : classIn(inner);
}

/** What to do if gpu.js is missing; undefined if it is there and fails. */
function remedyFor(error: unknown): string | undefined {
  const missing = missingPackage("gpu.js", error);
  if (missing !== undefined) return missing;
  // What a bundler puts in place of a package that it did not find.
  if (error instanceof Error && /^Could not resolve "gpu\.js"/.test(error.message))
    return "the package gpu.js, which was not there when this page was built: run `npm install gpu.js` and build it again";
  // What browsers throw for a module that they cannot find.
  if (error instanceof TypeError && (error as { code?: unknown }).code === undefined)
    return (
      "gpu.js, which this page does not provide: name it in the page's import map, " +
      "or load its dist/gpu-browser.js as a script"
    );
  return undefined;
}
