/** A workload as a Kiln model with the weights that every peer starts from. */

import { nn, tensor } from "../../src/index.ts";
import type { Module } from "../../src/nn/module.ts";
import { initialParameters, type Layer, type Workload } from "./workloads.ts";

/** The net of a workload; its state-dict keys are the layers' positions. */
export async function modelOf(workload: Workload): Promise<Module> {
  const model = new nn.Sequential(...workload.layers.map(layerOf));
  const weights = initialParameters(workload);
  const state = Object.fromEntries(
    workload.layers.flatMap((layer, position) => {
      if (!("name" in layer)) return [];
      const part = (kind: "weight" | "bias", shape: readonly number[]) =>
        [`${position}.${kind}`, tensor(weights.get(`${layer.name}.${kind}`)!, { shape })] as const;
      return [part("weight", layer.weight), part("bias", layer.weight.slice(0, 1))];
    }),
  );
  await model.loadStateDict(state);
  return model;
}

function layerOf(layer: Layer): Module {
  switch (layer.kind) {
    case "conv": {
      const [outChannels, inChannels, kernelSize] = layer.weight;
      return new nn.Conv2d(inChannels, outChannels, kernelSize, { padding: layer.padding });
    }
    case "linear":
      return new nn.Linear(layer.weight[1], layer.weight[0]);
    case "relu":
      return new nn.ReLU();
    case "maxPool":
      return new nn.MaxPool2d(2);
    case "flatten":
      return new nn.Flatten();
    default:
      return layer satisfies never;
  }
}
