/** A model's linear memory: regions, growth under open views, programs that share states, and its limits. */

import { compile, compileTraining, nn, optim, tensor } from "kiln-js";
import { afterEach, describe, expect, test, vi } from "vitest";
import { wasm } from "../../../backends/wasm/backend.ts";
import { ModelMemory } from "../../../backends/wasm/memory.ts";
import { add, load, variable } from "../../../src/loop/build.ts";
import { planOf } from "./run-body.ts";

afterEach(() => vi.unstubAllGlobals());

describe("regions", () => {
  test("are aligned, apart, and used again once released", () => {
    const memory = new ModelMemory();
    const [a, b, c] = [100, 1, 5000].map((bytes) => memory.reserve(bytes));
    for (const { offset } of [a, b, c]) expect(offset % 64).toBe(0);
    expect(a.offset).toBeGreaterThan(0);
    expect(b.offset).toBeGreaterThanOrEqual(a.offset + 100);
    expect(c.offset).toBeGreaterThanOrEqual(b.offset + 1);
    memory.release(a);
    expect(memory.reserve(64).offset).toBe(a.offset);
    expect(memory.reserve(64).offset).toBe(a.offset + 64);
  });

  test("join their free neighbours", () => {
    const memory = new ModelMemory();
    const [a, b, c, last] = [640, 640, 640, 64].map((bytes) => memory.reserve(bytes));
    memory.release(a);
    memory.release(c);
    memory.release(b);
    expect(memory.reserve(3 * 640).offset).toBe(a.offset);
    expect(last.offset).toBe(c.offset + 640);
  });

  test("do not accumulate over 200 programs", () => {
    const memory = new ModelMemory();
    for (let k = 0; k < 200; k++) {
      const [a, b] = [memory.reserve(70_000 + k), memory.reserve(30_000)];
      memory.release(k % 2 === 0 ? a : b);
      memory.release(k % 2 === 0 ? b : a);
    }
    expect(memory.memory.buffer.byteLength).toBeLessThanOrEqual(3 * 65536);
  });
});

describe("states", () => {
  test("survive growth, and start as zeros in memory that was used before", async () => {
    const memory = new ModelMemory();
    memory.allocate([{ name: "a", dtype: "float32", shape: [3] }]);
    await memory.write("a", Float32Array.of(1, 2, 3));
    const before = memory.memory.buffer;
    const region = memory.reserve(1_000_000);
    expect(memory.memory.buffer).not.toBe(before);
    new Uint8Array(memory.memory.buffer, region.offset, region.length).fill(255);
    memory.release(region);
    memory.allocate([
      { name: "b", dtype: "int32", shape: [2, 2] },
      { name: "c", dtype: "bool", shape: [5] },
      { name: "a", dtype: "float32", shape: [3] },
    ]);
    expect([...(await memory.read("a"))]).toEqual([1, 2, 3]);
    expect([...(await memory.read("b"))]).toEqual([0, 0, 0, 0]);
    expect([...(await memory.read("c"))]).toEqual([0, 0, 0, 0, 0]);
    expect(memory.byteLength).toBe(3 * 64);
  });
});

describe("programs of one model", () => {
  class Net extends nn.Module {
    fc = new nn.Linear(3, 2);
    forward(x: Parameters<nn.Linear["forward"]>[0]) {
      return this.fc.forward(x);
    }
  }
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

  test("see what training has just learned, also after another program has made the memory grow", async () => {
    const net = new Net();
    const inputs = [[2, 3]];
    const options = { inputs, backend: "wasm" as const };
    const trainer = await compileTraining(net, {
      ...options,
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(net.parameters(), { lr: 0.01 }),
    });
    const program = await compile(net, options);
    const target = tensor([
      [1, 0],
      [0, 1],
    ]);
    const before = await (await program.run(x)).data();
    const first = await trainer.step(x, target);
    const large = await compile(net, { inputs: [[20_000, 3]], backend: "wasm" });
    const after = await (await program.run(x)).data();
    expect([...after]).not.toEqual([...before]);
    expect(await trainer.step(x, target)).toBeLessThan(first);
    // A large batch whose first rows are the small one, run by the program that made the memory grow.
    const rows = new Float32Array(60_000);
    rows.set([1, 2, 3, 4, 5, 6]);
    const all = await (await large.run(tensor(rows, { shape: [20_000, 3] }))).data();
    expect([...all.slice(0, 4)]).toEqual([...(await (await program.run(x)).data())]);
    await large.dispose();
    await program.dispose();
    expect(await trainer.step(x, target)).toBeLessThan(first);
  });
});

describe("limits", () => {
  const plan = (elements: number) => {
    const small = planOf(
      [{ kind: "store", buffer: "out", index: variable("k"), value: load("x", "float32", variable("k")) }],
      { x: { dtype: "float32", data: [1] }, out: { dtype: "float32", data: [0] } },
    );
    return { ...small, kernels: [], arenaBytes: 4 * elements };
  };

  test("more than 4 GiB is refused with what to do", async () => {
    const states = wasm.createStateMemory();
    await expect(wasm.compile(plan(2 ** 30), states)).rejects.toThrow(
      /^this model needs 4097 MB, and WebAssembly addresses 4096 MB at most: use a smaller batch, or the c backend/,
    );
    // What was refused takes no room.
    await expect(wasm.compile(plan(100), states)).resolves.toBeDefined();
  });

  test("an engine that refuses to grow is reported", async () => {
    class Stingy {
      readonly buffer = new ArrayBuffer(65536);
      grow(): never {
        throw new RangeError("no");
      }
    }
    const { WebAssembly } = globalThis as unknown as { WebAssembly: Record<string, unknown> };
    const real = Object.fromEntries(
      ["validate", "compile", "instantiate", "Module"].map((name) => [name, WebAssembly[name]]),
    );
    vi.stubGlobal("WebAssembly", { ...real, Memory: Stingy });
    await expect(wasm.compile(plan(2 ** 20), wasm.createStateMemory())).rejects.toThrow(
      /^this model needs 5 MB of WebAssembly memory, which the engine refused: use a smaller batch/,
    );
  });

  test("without WebAssembly, or without vectors, the backend says so and names js", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(await wasm.available()).toEqual({ available: false, reason: "this engine has no WebAssembly" });
    expect(() => wasm.createStateMemory()).toThrow(/no WebAssembly; the js backend can/);
    vi.stubGlobal("WebAssembly", { validate: () => false });
    expect((await wasm.available()).reason).toContain("SIMD");
    class Forbidden {
      constructor() {
        throw new TypeError("policy");
      }
    }
    vi.stubGlobal("WebAssembly", { validate: () => true, Module: Forbidden });
    expect((await wasm.available()).reason).toContain("content security policy");
  });
});

test("freed arenas are reused: 200 programs in a row leave the memory as it was", async () => {
  const states = new ModelMemory();
  const body = [
    {
      kind: "store",
      buffer: "out",
      index: add(variable("k"), variable("k")),
      value: load("x", "float32", variable("k")),
    },
  ] as const;
  const contents = {
    x: { dtype: "float32", data: new Array(20_000).fill(1) },
    out: { dtype: "float32", data: new Array(40_000).fill(0) },
  } as const;
  const plan = planOf([{ kind: "for", name: "k", extent: 20_000, loop: "grid", body }], contents);
  let size = 0;
  for (let k = 0; k < 200; k++) {
    const program = await wasm.compile(plan, states);
    await program.run(0, 1, new Float64Array(0));
    program.dispose();
    program.dispose();
    if (k === 0) size = states.memory.buffer.byteLength;
  }
  expect(states.memory.buffer.byteLength).toBe(size);
});
