// onnxruntime's native library for Node, forward only, on a model that we write ourselves. `--threads N` (default: 2).

import { createRequire } from "node:module";
import { INPUT, OUTPUT, onnxModel } from "../src/onnx.ts";
import { MissingPeerError, serve } from "../src/serve.ts";
import { BATCHES, batches } from "../src/workloads.ts";

await serve(async ({ workload, batch, task, options }) => {
  if (task !== "inference") throw new MissingPeerError("onnxruntime-node cannot train");
  const ort = await import("onnxruntime-node");
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
  const threads = Number(options.threads ?? 2);
  const session = await ort.InferenceSession.create(onnxModel(workload, batch), {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const data = batches(workload, batch).map(
    ({ input }) => new ort.Tensor("float32", input, [batch, ...workload.sample]),
  );
  return {
    name: "onnxruntime-node",
    version,
    details: { blas: "MLAS (its own)", threads, dtype: "float32", node: process.version },
    async predict(index) {
      const results = await session.run({ [INPUT]: data[index % BATCHES] });
      return results[OUTPUT].data;
    },
    dispose: () => session.release(),
  };
});
