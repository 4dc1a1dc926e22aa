// TensorFlow.js with its plain JavaScript backend, written with the core operations; images are channels last.

import { createRequire } from "node:module";
import { serve } from "../src/protocol.ts";
import {
  batches,
  CLASSES,
  initialWeights,
  LEARNING_RATE,
  linearWeightChannelsLast,
  transpose,
} from "../src/workloads.ts";

await serve(async ({ workload, batch }) => {
  const tf = await import("@tensorflow/tfjs-core");
  createRequire(import.meta.url)("@tensorflow/tfjs-core/dist/register_all_gradients.js");
  await import("@tensorflow/tfjs-backend-cpu");
  tf.enableProdMode();
  await tf.setBackend("cpu");
  await tf.ready();

  const layers = workload.layers.map((layer, index) => {
    switch (layer.kind) {
      case "conv": {
        const [outputs, inputs, height, width] = layer.weight;
        const { weight, bias } = initialWeights(workload, layer);
        const kernel = tf.variable(
          tf.tensor(transpose(weight, layer.weight, [2, 3, 1, 0]), [height, width, inputs, outputs]),
        );
        const shift = tf.variable(tf.tensor(bias));
        return (x) => tf.add(tf.conv2d(x, kernel, 1, layer.padding), shift);
      }
      case "linear": {
        const [outputs, inputs] = layer.weight;
        const weight = linearWeightChannelsLast(workload, index);
        const matrix = tf.variable(tf.tensor(transpose(weight, layer.weight, [1, 0]), [inputs, outputs]));
        const shift = tf.variable(tf.tensor(initialWeights(workload, layer).bias));
        return (x) => tf.add(tf.matMul(x, matrix), shift);
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

  const data = batches(workload, batch).map(({ input, target }) => {
    const shape = [batch, ...workload.sample];
    const x =
      shape.length === 4
        ? tf.tensor(transpose(input, shape, [0, 2, 3, 1]), [batch, shape[2], shape[3], shape[1]])
        : tf.tensor(input, shape);
    return { x, y: tf.oneHot(tf.tensor1d(target, "int32"), CLASSES) };
  });
  const optimizer = tf.train.sgd(LEARNING_RATE);

  return {
    name: "TensorFlow.js",
    version: tf.version_core,
    details: { backend: "cpu", threads: 1, dtype: "float32", node: process.version },
    step(index) {
      const { x, y } = data[index % data.length];
      return tf.tidy(() => {
        const loss = optimizer.minimize(
          () =>
            tf.losses.softmaxCrossEntropy(
              y,
              layers.reduce((value, layer) => layer(value), x),
            ),
          true,
        );
        return loss.dataSync()[0];
      });
    },
  };
});
