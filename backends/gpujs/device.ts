/** One gpu.js instance in one mode: its kernels, shared by all programs, and the values on it. */

import { DeviceLostError, KilnError } from "../../src/core/errors.ts";
import type {
  DeviceValue,
  GpuClass,
  GpuContext,
  GpuInstance,
  KernelFunction,
  KernelSettings,
} from "./library.ts";
import type { Mode } from "./modes.ts";

/** What a compiled kernel of gpu.js can be used for. */
export interface KernelSignature {
  /** The function as a string. */
  readonly text: string;
  readonly threads: number;
  /** The lengths of the buffers that it is called with, in order: shaders contain the sizes as constants. */
  readonly lengths: readonly number[];
}

interface CachedKernel {
  readonly run: KernelFunction;
  users: number;
}

const COPY = "function (data) {\n  return data[this.thread.x];\n}";

export class Device {
  readonly mode: Mode;
  private readonly gpu: GpuInstance;
  private readonly kernels = new Map<string, CachedKernel>();
  /** The number of names of each value. Weakly: without a GPU a value is an array, which need not be freed. */
  private readonly owners = new WeakMap<DeviceValue, number>();
  private valueCount = 0;
  private context: GpuContext | undefined;

  constructor(GPU: GpuClass, mode: Mode) {
    this.mode = mode;
    this.gpu = new GPU({ mode });
  }

  /** Values and kernels that are alive: tests check that both return to where they were. */
  get alive(): { readonly values: number; readonly kernels: number } {
    return { values: this.valueCount, kernels: this.kernels.size };
  }

  /** Whether the browser or the driver has taken the context away; nothing on the device can be read then. */
  get isLost(): boolean {
    return this.context?.isLost === true || this.context?.isContextLost?.() === true;
  }

  private requireContext(): void {
    if (this.isLost) throw new DeviceLostError(`the GPU context of gpujs:${this.mode} was lost`);
  }

  /** The kernel of that signature, compiled by its first call; `release` it as often as it was acquired. */
  acquire(signature: KernelSignature): KernelFunction {
    const key = keyOf(signature);
    let cached = this.kernels.get(key);
    if (cached === undefined) {
      const settings: KernelSettings = {
        output: [signature.threads],
        precision: "single",
        tactic: "precision",
        pipeline: true,
        immutable: true,
      };
      cached = { run: this.gpu.createKernel(signature.text, settings), users: 0 };
      this.kernels.set(key, cached);
    }
    cached.users++;
    return cached.run;
  }

  /**
   * Releases a kernel. On a GPU it stays for the next program with that signature: gpu.js reads a result back through
   * the kernel that made it, and its GL kernels draw from a vertex buffer that the next one to be destroyed would take
   * along.
   */
  release(signature: KernelSignature): void {
    const key = keyOf(signature);
    const cached = this.kernels.get(key);
    if (cached === undefined || --cached.users > 0 || isOnGpu(this.mode)) return;
    this.kernels.delete(key);
    cached.run.destroy(false);
  }

  /** Runs a kernel; its result stays on the device until it is freed. */
  call(
    name: string,
    run: KernelFunction,
    args: readonly (DeviceValue | number)[],
  ): DeviceValue | Promise<DeviceValue> {
    this.requireContext();
    const result = run(...args);
    this.context ??= run.kernel.context ?? undefined;
    return result instanceof Promise
      ? result.then((value) => this.keep(name, run, value))
      : this.keep(name, run, result);
  }

  /** gpu.js runs what a mode cannot in another mode, with only a warning: here that is an error. */
  private keep(name: string, run: KernelFunction, value: DeviceValue): DeviceValue {
    if (run.kernel.constructor !== this.gpu.Kernel) {
      free(value);
      const reason = run.kernel.fallbackReason;
      throw new KilnError(
        `gpu.js did not run kernel ${name} in mode ${this.mode} but fell back to another${reason ? `: ${reason}` : ""}; gpujs:webasm and gpujs:cpu need no GPU`,
      );
    }
    return this.share(value);
  }

  /** Uploads numbers to the device; without one, the array itself is used, and must not change. */
  upload(data: Float32Array): DeviceValue | Promise<DeviceValue> {
    // Devices have no empty buffers; of no elements none are read.
    const numbers = data.length === 0 ? new Float32Array(1) : data;
    if (!isOnGpu(this.mode)) return this.share(numbers);
    return this.call("upload", this.copyKernel(numbers.length), [numbers]);
  }

  /** Copying kernels are few, one for each length, and stay. */
  private copyKernel(length: number): KernelFunction {
    const signature = { text: COPY, threads: length, lengths: [length] };
    return this.kernels.get(keyOf(signature))?.run ?? this.acquire(signature);
  }

  /** Reads a value back. A lost context gives zeros or an error, never valid numbers. */
  async download(value: DeviceValue): Promise<Float32Array> {
    if (value instanceof Float32Array) return value;
    this.requireContext();
    try {
      const numbers = await value.toArray();
      this.requireContext();
      return numbers;
    } catch (error) {
      // WebGPU rejects first and reports only after that that the device is lost.
      await new Promise((resolve) => setTimeout(resolve));
      this.requireContext();
      throw error;
    }
  }

  /** One more name for a value, to be freed like any other. */
  share(value: DeviceValue): DeviceValue {
    const owners = this.owners.get(value) ?? 0;
    this.owners.set(value, owners + 1);
    if (owners === 0) this.valueCount++;
    return value;
  }

  free(value: DeviceValue): void {
    const owners = this.owners.get(value) ?? 0;
    if (owners > 1) this.owners.set(value, owners - 1);
    if (owners !== 1) return;
    this.owners.delete(value);
    this.valueCount--;
    free(value);
  }
}

const keyOf = ({ text, threads, lengths }: KernelSignature): string => `${threads} ${lengths} ${text}`;

const isOnGpu = (mode: Mode): boolean => mode !== "cpu" && mode !== "webasm";

function free(value: DeviceValue): void {
  if (!(value instanceof Float32Array)) value.delete();
}
