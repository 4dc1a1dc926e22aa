// TensorFlow.js, written with the core operations; images are channels last. `--backend cpu|wasm`.

import { createRequire } from "node:module";
import { serve } from "../src/serve.ts";
import {
  batches,
  CLASSES,
  initialWeights,
  LEARNING_RATE,
  linearWeightChannelsFirst,
  linearWeightChannelsLast,
  transpose,
} from "../src/workloads.ts";

await serve(async ({ workload, batch, task, options }) => {
  const tf = await import("@tensorflow/tfjs-core");
  const backend = options.backend ?? "wasm";
  const details = { backend, threads: 1, dtype: "float32", node: process.version };
  if (backend === "wasm") {
    await import("@tensorflow/tfjs-backend-wasm");
    if (task === "training") {
      const gradients = await import("./tfjs-wasm-gradients.mjs");
      const kinds = workload.layers.map(({ kind }) => kind);
      const ours = [];
      if (kinds.includes("conv")) {
        gradients.registerConvWeightGradient(tf);
        ours.push("convolution's weight");
      }
      if (kinds.some((kind, index) => kind === "maxPool" && kinds[index - 1] !== "relu")) {
        gradients.replaceMaxPoolGradient(tf);
        ours.push("max-pooling");
      }
      if (ours.length > 0) details["gradients from us"] = ours.join(" and ");
    }
  } else await import("@tensorflow/tfjs-backend-cpu");
  if (task === "training") {
    createRequire(import.meta.url)("@tensorflow/tfjs-core/dist/register_all_gradients.js");
  }
  tf.enableProdMode();
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js cannot start its backend ${backend}`);
  if (backend === "wasm") details.simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");

  const trained = [];
  /** A layer's first weight and bias as variables, and the way back to PyTorch's layout. */
  const variables = (layer, weight, toPyTorch) => {
    const entry = {
      layer,
      weight: tf.variable(weight),
      bias: tf.variable(tf.tensor(initialWeights(workload, layer).bias)),
      toPyTorch,
    };
    trained.push(entry);
    return entry;
  };
  const layers = workload.layers.map((layer, index) => {
    switch (layer.kind) {
      case "conv": {
        const [outputs, inputs, height, width] = layer.weight;
        const source = transpose(initialWeights(workload, layer).weight, layer.weight, [2, 3, 1, 0]);
        const shape = [height, width, inputs, outputs];
        const { weight, bias } = variables(layer, tf.tensor(source, shape), (values) =>
          transpose(values, shape, [3, 2, 0, 1]),
        );
        return (x) => tf.add(tf.conv2d(x, weight, 1, layer.padding), bias);
      }
      case "linear": {
        const [outputs, inputs] = layer.weight;
        const source = transpose(linearWeightChannelsLast(workload, index), layer.weight, [1, 0]);
        const { weight, bias } = variables(layer, tf.tensor(source, [inputs, outputs]), (values) =>
          linearWeightChannelsFirst(workload, index, transpose(values, [inputs, outputs], [1, 0])),
        );
        return (x) => tf.add(tf.matMul(x, weight), bias);
      }
      case "relu":
        return (x) => tf.relu(x);
      case "maxPool":
        return (x) => tf.maxPool(x, 2, 2, "valid");
      case "flatten":
        return (x) => tf.reshape(x, [batch, -1]);
      default:
        throw new Error(`no such layer: ${layer.kind}`);
    }
  });
  const net = (x) => layers.reduce((value, layer) => layer(value), x);

  const data = batches(workload, batch).map(({ input, target }) => {
    const shape = [batch, ...workload.sample];
    const x =
      shape.length === 4
        ? tf.tensor(transpose(input, shape, [0, 2, 3, 1]), [batch, shape[2], shape[3], shape[1]])
        : tf.tensor(input, shape);
    return { x, y: tf.oneHot(tf.tensor1d(target, "int32"), CLASSES) };
  });
  const hello = { name: "TensorFlow.js", version: tf.version_core, details };
  if (task === "inference") {
    return { ...hello, predict: (index) => tf.tidy(() => net(data[index % data.length].x).dataSync()) };
  }
  const optimizer = tf.train.sgd(LEARNING_RATE);
  return {
    ...hello,
    step(index) {
      const { x, y } = data[index % data.length];
      return tf.tidy(() => {
        const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, net(x)), true);
        return loss.dataSync()[0];
      });
    },
    parameters: () =>
      trained.flatMap(({ layer, weight, bias, toPyTorch }) => [
        [`${layer.name}.weight`, toPyTorch(weight.dataSync())],
        [`${layer.name}.bias`, bias.dataSync()],
      ]),
  };
});
