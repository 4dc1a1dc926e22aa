/** Which modes run here, what is said where one does not, and that none stands in for another in silence. */

import { describe, expect, test } from "vitest";
import type { Backend } from "../../../backends/backend.ts";
import { gpujsBackends } from "../../../backends/gpujs/backend.ts";
import { Modes } from "../../../backends/gpujs/modes.ts";
import { backends, compile, nn, tensor } from "../../../src/index.ts";
import { runGraph } from "../../support/run-graph.ts";
import { graphFrom } from "./graphs.ts";

class Asked {}
class FellBack {}

/** A stand-in for gpu.js whose kernels run in another mode from the second one on, as real ones may. */
class FallingBack {
  static readonly isWebGPUSupported = false;
  readonly Kernel = Asked;
  private made = 0;

  createKernel(_source: string, { output: [threads] }: { output: readonly number[] }): unknown {
    const isFirst = this.made++ === 0;
    const kernel = isFirst
      ? new Asked()
      : Object.assign(new FellBack(), { fallbackReason: "no such thing here" });
    const run = (a: Float32Array, b: number): Float32Array =>
      isFirst ? a.map((v) => v * 2 + b) : new Float32Array(threads);
    return Object.assign(run, { kernel, destroy: () => undefined });
  }
}

/** A stand-in whose kernels, as a GPU's shaders, keep the sizes of the buffers that they are first called with. */
class WithFixedSizes {
  static readonly isWebGPUSupported = false;
  readonly Kernel = Asked;

  createKernel(source: string, { output: [threads] }: { output: readonly number[] }): unknown {
    const body: (...args: readonly unknown[]) => number = new Function(`return ${source}`)();
    let sizes: string | undefined;
    const run = (...args: unknown[]): Float32Array => {
      const given = args.map((arg) => (arg instanceof Float32Array ? arg.length : "number")).join();
      sizes ??= given;
      if (sizes !== given) throw new Error(`made for buffers of ${sizes} elements, called with ${given}`);
      return Float32Array.from({ length: threads }, (_, x) => body.apply({ thread: { x } }, args));
    };
    return Object.assign(run, { kernel: new Asked(), destroy: () => undefined });
  }
}

/** gpu.js where nothing but the host is there. */
class WithoutGpu {
  static readonly isWebGPUSupported = false;

  constructor({ mode }: { mode: string }) {
    throw new Error(`A requested mode of "${mode}" and is not supported`);
  }
}

const named = (list: readonly Backend[], name: string): Backend => list.find((b) => b.name === name)!;

describe("in plain Node", () => {
  test("every mode is listed with why it can or cannot run", async () => {
    const rows = (await backends()).filter(({ name }) => name.startsWith("gpujs"));
    expect(rows.map(({ name }) => name)).toEqual([
      "gpujs",
      "gpujs:webgpu",
      "gpujs:webgl2",
      "gpujs:headlessgl",
      "gpujs:webasm",
      "gpujs:cpu",
    ]);
    const by = new Map(rows.map((row) => [row.name, row]));
    expect(by.get("gpujs:cpu")?.available).toBe(true);
    expect(by.get("gpujs:webasm")?.available).toBe(true);
    expect(by.get("gpujs:webgl2")).toMatchObject({
      available: false,
      reason: expect.stringContaining("a browser with WebGL 2"),
    });
    expect(by.get("gpujs:webgpu")).toMatchObject({
      available: false,
      reason: expect.stringContaining("navigator.gpu"),
    });
  });

  test("without a GPU, plain gpujs names the modes that need none", async () => {
    const list = gpujsBackends(new Modes(async () => ({ GPU: WithoutGpu })));
    const { available, reason } = await named(list, "gpujs").available();
    expect(available).toBe(false);
    expect(reason).toContain("gpujs:webasm and gpujs:cpu need no GPU");
    for (const mode of ["webgl2", "webgpu", "headlessgl"]) expect(reason).toContain(`${mode}: `);
  });

  test("asking for a mode that cannot run is an error that says what it needs", async () => {
    const net = new nn.Linear(2, 3);
    await expect(compile(net, { inputs: [[1, 2]], backend: "gpujs:webgl2" })).rejects.toThrow(
      "the backend gpujs:webgl2 cannot run here: it needs a browser with WebGL 2",
    );
  });

  test("a program reports the mode in use, and its dump shows it", async () => {
    const net = new nn.Linear(2, 3);
    const program = await compile(net, { inputs: [[1, 2]], backend: "gpujs:cpu" });
    expect(program.backend).toBe("gpujs:cpu");
    expect(program.kernels[0].source).toContain("// gpujs:cpu, one thread for each of 3 elements");
    await program.run(tensor([[1, 2]]));
    await program.dispose();
  });
});

describe("without the package", () => {
  const missing = (): Promise<never> =>
    Promise.reject(
      Object.assign(new Error("Cannot find package 'gpu.js'"), { code: "ERR_MODULE_NOT_FOUND" }),
    );
  const list = gpujsBackends(new Modes(missing));

  test.each(list.map(({ name }) => name))("%s says how to install it", async (name) => {
    const { available, reason } = await named(list, name).available();
    expect(available).toBe(false);
    expect(reason).toBe(
      "the gpujs backends need the package gpu.js, which is not installed: run `npm install gpu.js`",
    );
  });

  test("a page that was built without it has to be built again", async () => {
    // What Vite puts in its place.
    const stub = () => Promise.reject(new Error('Could not resolve "gpu.js" imported by "kiln-js".'));
    const [gpujs] = gpujsBackends(new Modes(stub));
    expect((await gpujs.available()).reason).toBe(
      "the gpujs backends need the package gpu.js, which was not there when this page was built: " +
        "run `npm install gpu.js` and build it again",
    );
  });

  test("compiling all the same is that error", async () => {
    const graph = graphFrom("%0: f32[3] = neg(%x)", "%x: f32[3]", "%0");
    await expect(runGraph(graph, named(list, "gpujs:cpu"), { x: new Float32Array(3) })).rejects.toThrow(
      "run `npm install gpu.js`",
    );
  });
});

describe("a fall-back inside gpu.js", () => {
  test("is an error that names the kernel, the mode and gpu.js's reason", async () => {
    const list = gpujsBackends(new Modes(async () => ({ GPU: FallingBack })));
    const graph = graphFrom("%0: f32[3] = neg(%x)", "%x: f32[3]", "%0");
    await expect(runGraph(graph, named(list, "gpujs:webasm"), { x: new Float32Array(3) })).rejects.toThrow(
      "gpu.js did not run kernel neg in mode webasm but fell back to another: no such thing here",
    );
  });
});

test("kernels of one text over buffers of different lengths are different kernels", async () => {
  const list = gpujsBackends(new Modes(async () => ({ GPU: WithFixedSizes })));
  const second = async (length: number): Promise<number[]> => {
    const graph = graphFrom(
      "  %0: f32[1] = slice(%x) {starts=[1], stops=[2], steps=[1]}\n  %1: f32[1] = neg(%0)",
      `%x: f32[${length}]`,
      "%1",
    );
    const x = Float32Array.from({ length }, (_, k) => k);
    return [...(await runGraph(graph, named(list, "gpujs:headlessgl"), { x })).output];
  };
  // Chromium's WebGL read element 0 of five where the kernel had been made for three.
  expect(await second(8)).toEqual([-1]);
  expect(await second(5)).toEqual([-1]);
});
