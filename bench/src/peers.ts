/** Everything that can be compared, and how each is started. */

import type { PeerKind, PeerSpec } from "./peer.ts";

const python = process.env.KILN_BENCH_PYTHON ?? "python3";

const node = (name: string, kind: PeerKind, ...args: string[]): PeerSpec => ({
  name,
  kind,
  command: process.execPath,
  args: ["--import", "tsx", ...args],
});
const torch = (name: string, ...args: string[]): PeerSpec => ({
  name,
  kind: "native",
  command: python,
  args: ["peers/pytorch.py", ...args],
});

/** One of Kiln's backends, with a strategy after a `/` if one is forced. */
export const kiln = (backend: string): PeerSpec =>
  node(`kiln-${backend}`, "kiln", "peers/kiln.ts", "--backend", backend);

const withThreads = (spec: PeerSpec, count: number): PeerSpec => ({
  ...spec,
  name: `${spec.name}-${count}`,
  args: [...spec.args, "--threads", String(count)],
});

/** The first one on the command line is the base of comparisons. */
export const PEERS: readonly PeerSpec[] = [
  kiln("wasm"),
  withThreads(kiln("wasm"), 1),
  kiln("c"),
  withThreads(kiln("c"), 1),
  kiln("js"),
  torch("pytorch", "--threads", "2"),
  torch("pytorch-1", "--threads", "1"),
  torch("pytorch-tuned", "--threads", "2", "--tune", "yes"),
  torch("pytorch-compiled", "--threads", "2", "--compile", "yes"),
  { ...node("onnxruntime", "native", "peers/onnxruntime.mjs"), tasks: ["inference"] },
  node("tfjs-wasm", "javascript", "peers/tfjs.mjs", "--backend", "wasm"),
  node("jax-js", "javascript", "peers/jax-js.mjs"),
  node("convnetjs", "javascript", "peers/convnetjs.mjs"),
  node("tfjs-cpu", "javascript", "peers/tfjs.mjs", "--backend", "cpu"),
];
