// ConvNetJS as it is published: one sample after the other, gradients added up over a batch, arrays of doubles.
// Its volumes are channels last, and a filter is a volume.

import { serve } from "../src/serve.ts";
import {
  batches,
  CLASSES,
  initialWeights,
  LEARNING_RATE,
  linearWeightChannelsFirst,
  linearWeightChannelsLast,
  trainedLayers,
  transpose,
} from "../src/workloads.ts";

await serve(async ({ workload, batch, task }) => {
  const { default: convnetjs } = await import("convnetjs");
  const { createRequire } = await import("node:module");
  const { version } = createRequire(import.meta.url)("convnetjs/package.json");

  const [channels, height, width] =
    workload.sample.length === 3 ? workload.sample : [workload.sample[0], 1, 1];
  const definitions = [{ type: "input", out_sx: width, out_sy: height, out_depth: channels }];
  workload.layers.forEach((layer, index) => {
    const activation = workload.layers[index + 1]?.kind === "relu" ? { activation: "relu" } : {};
    switch (layer.kind) {
      case "conv":
        definitions.push({
          type: "conv",
          sx: layer.weight[3],
          sy: layer.weight[2],
          filters: layer.weight[0],
          stride: 1,
          pad: layer.padding,
          ...activation,
        });
        break;
      case "linear":
        // The last linear layer is part of the loss: of what ConvNetJS calls softmax, or, where the output is wanted as
        // it is, of what it calls regression.
        if (index === workload.layers.length - 1) {
          definitions.push(
            task === "training"
              ? { type: "softmax", num_classes: CLASSES }
              : { type: "regression", num_neurons: CLASSES },
          );
        } else definitions.push({ type: "fc", num_neurons: layer.weight[0], ...activation });
        break;
      case "maxPool":
        definitions.push({ type: "pool", sx: 2, stride: 2 });
        break;
    }
  });
  const net = new convnetjs.Net();
  net.makeLayers(definitions);

  const own = net.layers.filter((layer) => layer.layer_type === "conv" || layer.layer_type === "fc");
  const trained = trainedLayers(workload).map(({ layer, index }, k) => ({ layer, index, own: own[k] }));
  for (const { layer, index, own } of trained) {
    const { weight, bias } = initialWeights(workload, layer);
    const source =
      layer.kind === "conv"
        ? transpose(weight, layer.weight, [0, 2, 3, 1])
        : linearWeightChannelsLast(workload, index);
    const size = source.length / own.filters.length;
    own.filters.forEach((filter, i) => {
      filter.w.set(source.subarray(i * size, (i + 1) * size));
    });
    own.biases.w.set(bias);
  }
  const weightOf = ({ layer, index, own }) => {
    const size = own.filters[0].w.length;
    const values = new Float32Array(size * own.filters.length);
    own.filters.forEach((filter, i) => {
      values.set(filter.w, i * size);
    });
    const [outputs, inputs, kernelHeight, kernelWidth] = layer.weight;
    return layer.kind === "conv"
      ? transpose(values, [outputs, kernelHeight, kernelWidth, inputs], [0, 3, 1, 2])
      : linearWeightChannelsFirst(workload, index, values);
  };

  const size = channels * height * width;
  const data = batches(workload, batch).map(({ input, target }) =>
    Array.from(target, (label, i) => {
      const volume = new convnetjs.Vol(width, height, channels, 0);
      volume.w.set(transpose(input.subarray(i * size, (i + 1) * size), [channels, height, width], [1, 2, 0]));
      return { volume, label };
    }),
  );
  const hello = {
    name: "ConvNetJS",
    version,
    details: { threads: 1, dtype: "float64", node: process.version },
  };
  if (task === "inference") {
    const output = new Float32Array(batch * CLASSES);
    return {
      ...hello,
      predict(index) {
        data[index % data.length].forEach(({ volume }, i) => {
          output.set(net.forward(volume, false).w, i * CLASSES);
        });
        return output;
      },
    };
  }
  const trainer = new convnetjs.Trainer(net, {
    method: "sgd",
    learning_rate: LEARNING_RATE,
    momentum: 0,
    l1_decay: 0,
    l2_decay: 0,
    batch_size: batch,
  });
  return {
    ...hello,
    step(index) {
      let sum = 0;
      for (const { volume, label } of data[index % data.length]) sum += trainer.train(volume, label).loss;
      return sum / batch;
    },
    parameters: () =>
      trained.flatMap((entry) => [
        [`${entry.layer.name}.weight`, weightOf(entry)],
        [`${entry.layer.name}.bias`, entry.own.biases.w],
      ]),
  };
});
