// ConvNetJS as it is published: one sample after the other, gradients added up over a batch, arrays of doubles.
// Its volumes are channels last, and a filter is a volume.

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
        // The last linear layer is part of what ConvNetJS calls softmax.
        if (index === workload.layers.length - 1) definitions.push({ type: "softmax", num_classes: CLASSES });
        else definitions.push({ type: "fc", num_neurons: layer.weight[0], ...activation });
        break;
      case "maxPool":
        definitions.push({ type: "pool", sx: 2, stride: 2 });
        break;
    }
  });
  const net = new convnetjs.Net();
  net.makeLayers(definitions);

  const trainable = net.layers.filter((layer) => layer.layer_type === "conv" || layer.layer_type === "fc");
  let next = 0;
  workload.layers.forEach((layer, index) => {
    if (layer.kind !== "conv" && layer.kind !== "linear") return;
    const { weight, bias } = initialWeights(workload, layer);
    const source =
      layer.kind === "conv"
        ? transpose(weight, layer.weight, [0, 2, 3, 1])
        : linearWeightChannelsLast(workload, index);
    const own = trainable[next++];
    const size = source.length / own.filters.length;
    own.filters.forEach((filter, i) => {
      filter.w.set(source.subarray(i * size, (i + 1) * size));
    });
    own.biases.w.set(bias);
  });

  const size = channels * height * width;
  const data = batches(workload, batch).map(({ input, target }) =>
    Array.from(target, (label, i) => {
      const volume = new convnetjs.Vol(width, height, channels, 0);
      volume.w.set(transpose(input.subarray(i * size, (i + 1) * size), [channels, height, width], [1, 2, 0]));
      return { volume, label };
    }),
  );
  const trainer = new convnetjs.Trainer(net, {
    method: "sgd",
    learning_rate: LEARNING_RATE,
    momentum: 0,
    l1_decay: 0,
    l2_decay: 0,
    batch_size: batch,
  });

  return {
    name: "ConvNetJS",
    version,
    details: { threads: 1, dtype: "float64", node: process.version },
    step(index) {
      let sum = 0;
      for (const { volume, label } of data[index % data.length]) sum += trainer.train(volume, label).loss;
      return sum / batch;
    },
  };
});
