/**
 * The maximum memory bandwidth: loops in 128-bit WebAssembly SIMD that read one array and write another, both far
 * larger than any cache, one loop on each thread.
 */

import { Worker } from "node:worker_threads";
import {
  branch,
  get,
  type Instruction,
  i32,
  type Local,
  loadAt,
  loop,
  operation,
  set,
  storeAt,
} from "../../backends/wasm/encode/instructions.ts";
import { encodeModule } from "../../backends/wasm/encode/module.ts";

/** Each thread reads so many bytes and writes as many. */
const BYTES = 48 << 20;
/** Vectors per iteration of the loop, enough to hide the loop itself. */
const VECTORS = 8;
const PAGE = 1 << 16;
/** The best of so many runs counts: disturbances only make it slower. */
const RUNS = 8;

/** GB/s that all `threads` read and write together. */
export async function measureBandwidth(threads: number): Promise<number> {
  const code = bandwidthModule(BYTES);
  const workers = Array.from({ length: threads }, () => new Worker(WORKER, { eval: true, workerData: code }));
  try {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run <= RUNS; run++) {
      const seconds = await Promise.all(workers.map(once));
      // The first run touches pages that do not exist yet.
      if (run > 0) best = Math.min(best, Math.max(...seconds));
    }
    return (2 * BYTES * threads) / best / 1e9;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const { run } = new WebAssembly.Instance(new WebAssembly.Module(workerData)).exports;
parentPort.on("message", () => {
  const begin = performance.now();
  run();
  parentPort.postMessage((performance.now() - begin) / 1000);
});`;

const once = (worker: Worker): Promise<number> =>
  new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
    worker.postMessage(undefined);
  });

/** A module that exports `run()`: adds one to each of `bytes / 4` numbers and stores the sums behind them. */
export function bandwidthModule(bytes: number): Uint8Array<ArrayBuffer> {
  const at: Local = { name: "at", type: "i32" };
  const one: Local = { name: "one", type: "v128" };
  const move = (k: number): Instruction => {
    const sum = operation("f32x4.add", loadAt("v128.load", get(at), 16 * k), get(one));
    return storeAt("v128.store", get(at), sum, bytes + 16 * k);
  };
  const body = [
    set(one, operation("f32x4.splat", { kind: "const", type: "f32", value: 1 })),
    loop("turn", [
      ...Array.from({ length: VECTORS }, (_, k) => move(k)),
      set(at, operation("i32.add", get(at), i32(16 * VECTORS))),
      branch("turn", operation("i32.lt_u", get(at), i32(bytes))),
    ]),
  ];
  const run = { name: "run", parameters: [], results: [], locals: [at, one], body, exported: true } as const;
  const pages = (2 * bytes) / PAGE;
  const ownMemory = { field: "memory", minimum: pages, maximum: pages };
  return encodeModule({ name: "bandwidth", ownMemory, imports: [], globals: [], functions: [run] });
}
