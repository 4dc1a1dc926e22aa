/** The maximum of one thread: a WebAssembly loop that does nothing but multiply and add in SIMD registers. */

import {
  branch,
  extract,
  get,
  type Instruction,
  i32,
  type Local,
  loop,
  operation,
  set,
  vector,
} from "../../backends/wasm/encode/instructions.ts";
import { encodeModule } from "../../backends/wasm/encode/module.ts";
import { engine, hasRelaxedMadd } from "../../backends/wasm/engine.ts";

/** Independent sums, enough to hide the latency of a multiplication and an addition, few enough for 16 registers. */
const SUMS = 12;
const LANES = 4;
const TURNS = 1 << 20;
/** The best of so many runs counts: disturbances only make it slower. */
const RUNS = 20;

/** GFLOP/s of one thread, a multiplication and an addition as two operations; fused where the engine can. */
export async function measurePeak(): Promise<number> {
  const wasm = engine()!;
  const { exports } = await wasm.instantiate(await wasm.compile(peakModule(hasRelaxedMadd())), {});
  const { run } = exports;
  run(TURNS);
  const seconds = Array.from({ length: RUNS }, () => {
    const begin = performance.now();
    run(TURNS);
    return (performance.now() - begin) / 1000;
  });
  return (2 * LANES * SUMS * TURNS) / Math.min(...seconds) / 1e9;
}

/**
 * A module that exports `run(turns)`: sums that are halved and increased by one in each iteration, and so approach two;
 * it returns a lane of all of them together. `isFused` uses the multiply-add of relaxed SIMD.
 */
export function peakModule(isFused: boolean): Uint8Array<ArrayBuffer> {
  const turns: Local = { name: "turns", type: "i32" };
  const [half, one] = (["half", "one"] as const).map((name): Local => ({ name, type: "v128" }));
  const sums = Array.from({ length: SUMS }, (_, k): Local => ({ name: `sum${k}`, type: "v128" }));
  const all = (value: number): Instruction => vector("f32x4", [value, value, value, value]);
  const next = (sum: Local): Instruction =>
    isFused
      ? operation("f32x4.relaxed_madd", get(sum), get(half), get(one))
      : operation("f32x4.add", operation("f32x4.mul", get(sum), get(half)), get(one));
  const total = sums.map(get).reduce((a, b) => operation("f32x4.add", a, b));
  const body = [
    set(half, all(0.5)),
    set(one, all(1)),
    ...sums.map((sum, k) => set(sum, all(k))),
    loop("turn", [
      ...sums.map((sum) => set(sum, next(sum))),
      set(turns, operation("i32.sub", get(turns), i32(1))),
      branch("turn", get(turns)),
    ]),
    extract("f32x4.extract_lane", 0, total),
  ];
  const run = {
    name: "run",
    parameters: [turns],
    results: ["f32"],
    locals: [half, one, ...sums],
    body,
    exported: true,
  } as const;
  return encodeModule({ name: "peak", imports: [], globals: [], functions: [run] });
}
