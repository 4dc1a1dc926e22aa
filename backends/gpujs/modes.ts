/**
 * The modes of gpu.js: which run here, which do not and why. Each is tried with a kernel, as gpu.js may promise more.
 */

import { KilnError } from "../../src/core/errors.ts";
import type { Availability } from "../backend.ts";
import { Device } from "./device.ts";
import { type GpuClass, loadGpuJs } from "./library.ts";

export type Mode = "webgpu" | "webgl2" | "headlessgl" | "webasm" | "cpu";

interface ModeInfo {
  readonly doc: string;
  /** What a machine lacks if the mode does not run. */
  readonly needs: string;
}

/** GPU modes first, in order of preference. */
export const MODES: Readonly<Record<Mode, ModeInfo>> = {
  webgpu: { doc: "GPU kernels as WebGPU compute shaders", needs: "navigator.gpu with an adapter" },
  webgl2: { doc: "GPU kernels as WebGL 2 shaders", needs: "a browser with WebGL 2" },
  headlessgl: {
    doc: "GPU kernels as WebGL shaders without a browser",
    needs: "the package gl (`npm install gl`) and a display, such as `xvfb-run` gives",
  },
  webasm: { doc: "the same kernels as WebAssembly, without a GPU", needs: "WebAssembly" },
  cpu: { doc: "the same kernels as JavaScript, without a GPU", needs: "an engine that may generate code" },
};

export const GPU_MODES: readonly Mode[] = ["webgpu", "webgl2", "headlessgl"];

/** The outcome for a mode: its device, or why there is none. */
type Trial = { readonly device: Device } | { readonly reason: string };

/** Tries modes once each and keeps their devices. */
export class Modes {
  private readonly load: (() => Promise<unknown>) | undefined;
  private library: Promise<GpuClass> | undefined;
  private readonly trials = new Map<Mode, Promise<Trial>>();

  constructor(load?: () => Promise<unknown>) {
    this.load = load;
  }

  async status(mode: Mode): Promise<Availability> {
    const trial = await this.try(mode);
    return "device" in trial
      ? { available: true, reason: MODES[mode].doc }
      : { available: false, reason: trial.reason };
  }

  /** The device of a mode that runs here; else an error that says what is missing. */
  async device(mode: Mode): Promise<Device> {
    const trial = await this.try(mode);
    if ("device" in trial) return trial.device;
    throw new KilnError(`the backend gpujs:${mode} cannot run here: ${trial.reason}`);
  }

  /** The first GPU mode that runs here, or why none does. */
  async best(): Promise<{ readonly mode: Mode } | { readonly reason: string }> {
    const reasons: string[] = [];
    for (const mode of GPU_MODES) {
      const trial = await this.try(mode);
      if ("device" in trial) return { mode };
      reasons.push(trial.reason);
    }
    if (new Set(reasons).size === 1) return { reason: reasons[0] };
    const list = GPU_MODES.map((mode, k) => `${mode}: ${reasons[k]}`).join("; ");
    return { reason: `no GPU mode runs here (${list}); gpujs:webasm and gpujs:cpu need no GPU` };
  }

  /** Tries a mode, once; again if its device has been lost. */
  private async try(mode: Mode): Promise<Trial> {
    const known = await this.trials.get(mode);
    if (known !== undefined && !("device" in known && known.device.isLost)) return known;
    const trial = this.attempt(mode);
    this.trials.set(mode, trial);
    return trial;
  }

  private async attempt(mode: Mode): Promise<Trial> {
    this.library ??= loadGpuJs(this.load);
    try {
      const GPU = await this.library;
      if (mode === "webgpu" && !(GPU.isWebGPUSupported && (await GPU.isWebGPUAvailable())))
        return { reason: `it needs ${MODES[mode].needs}` };
      const device = new Device(GPU, mode);
      await rehearse(device);
      return { device };
    } catch (error) {
      if (error instanceof KilnError) return { reason: error.message };
      const [said] = (error instanceof Error ? error.message : String(error)).trim().split("\n");
      // gpu.js's message about a mode that does not exist adds nothing.
      const more = said.includes("requested mode") ? "" : ` (gpu.js: ${said})`;
      return { reason: `it needs ${MODES[mode].needs}${more}` };
    }
  }
}

/** A kernel whose result is known; a mode that gets it wrong does not run here. */
async function rehearse(device: Device): Promise<void> {
  const text = "function (a, b) {\n  return a[this.thread.x] * 2.0 + b;\n}";
  const signature = { text, threads: 4, lengths: [4] };
  const run = device.acquire(signature);
  const input = await device.upload(Float32Array.of(1, 2, 3, 0.5));
  const value = await device.call("rehearsal", run, [input, 0.25]);
  const result = [...(await device.download(value))];
  device.free(value);
  device.free(input);
  device.release(signature);
  if (result.join() !== "2.25,4.25,6.25,1.25")
    throw new KilnError(`a kernel gave ${result} for 2.25,4.25,6.25,1.25`);
}
