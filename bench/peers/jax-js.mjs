// jax-js with its WebAssembly backend: the whole step is one jitted function. Arrays move: each use but the last
// needs a reference of its own.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { MissingPeerError, serve } from "../src/serve.ts";
import { batches, CLASSES, initialWeights, LEARNING_RATE, trainedLayers } from "../src/workloads.ts";

await serve(async ({ workload, batch, task }) => {
  const { init, defaultDevice, jit, lax, nn, numpy: np, tree, valueAndGrad } = await import("@jax-js/jax");
  const devices = await init("wasm");
  if (!devices.includes("wasm")) throw new MissingPeerError("jax-js finds no WebAssembly here");
  defaultDevice("wasm");
  const entry = createRequire(import.meta.url).resolve("@jax-js/jax");
  const { version } = JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8"));

  const apply = (parameters, x) => {
    let next = 0;
    return workload.layers.reduce((value, layer) => {
      switch (layer.kind) {
        case "conv": {
          const [weight, bias] = parameters[next++];
          const { padding: p } = layer;
          const padding = [
            [p, p],
            [p, p],
          ];
          return lax.convGeneralDilated(value, weight, [1, 1], padding).add(bias.reshape([1, -1, 1, 1]));
        }
        case "linear": {
          const [weight, bias] = parameters[next++];
          return np.matmul(value, weight.transpose()).add(bias);
        }
        case "relu":
          return nn.relu(value);
        case "maxPool":
          return lax.reduceWindow(value, np.max, [2, 2], [2, 2]);
        case "flatten":
          return value.reshape([batch, -1]);
        default:
          throw new Error(`no such layer: ${layer.kind}`);
      }
    }, x);
  };
  const loss = (parameters, x, y) =>
    nn
      .logSoftmax(apply(parameters, x), -1)
      .mul(y)
      .sum()
      .mul(-1 / batch);
  const trained = trainedLayers(workload).map(({ layer }) => layer);
  let parameters = trained.map((layer) => {
    const { weight, bias } = initialWeights(workload, layer);
    return [np.array(weight).reshape([...layer.weight]), np.array(bias)];
  });
  const data = batches(workload, batch).map(({ input, target }) => {
    const hot = new Float32Array(batch * CLASSES);
    target.forEach((label, i) => {
      hot[i * CLASSES + label] = 1;
    });
    return {
      x: np.array(input).reshape([batch, ...workload.sample]),
      y: np.array(hot).reshape([batch, CLASSES]),
    };
  });
  const details = { backend: "wasm", threads: 1, dtype: "float32", node: process.version };
  const hello = { name: "jax-js", version, details };

  if (task === "inference") {
    const forward = jit(apply);
    return {
      ...hello,
      predict: (index) => forward(tree.ref(parameters), data[index % data.length].x.ref).data(),
    };
  }
  const step = jit((before, x, y) => {
    const [value, gradients] = valueAndGrad(loss)(tree.ref(before), x, y);
    return [value, tree.map((old, gradient) => old.sub(gradient.mul(LEARNING_RATE)), before, gradients)];
  });
  return {
    ...hello,
    async step(index) {
      const { x, y } = data[index % data.length];
      const [value, after] = step(parameters, x.ref, y.ref);
      parameters = after;
      return (await value.data())[0];
    },
    parameters: async () => {
      const parts = trained.flatMap((layer, k) =>
        ["weight", "bias"].map(async (part, i) => [
          `${layer.name}.${part}`,
          await parameters[k][i].ref.data(),
        ]),
      );
      return Promise.all(parts);
    },
  };
});
