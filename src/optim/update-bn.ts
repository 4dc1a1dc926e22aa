/** Statistics for batch normalisation in a model of averaged weights, which none of its batches has seen. */

import { KilnError } from "../core/errors.ts";
import { isModule } from "../nn/brand.ts";
import { AnyBatchNorm } from "../nn/layers/batch-norm.ts";
import type { Module } from "../nn/module.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { onesLike, zerosLike } from "../tensor/likes.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Averages } from "./averaged-model.ts";

/** Batches: tensors, or lists whose first item is the model's input. */
type Batches = Iterable<Tensor | readonly unknown[]> | AsyncIterable<Tensor | readonly unknown[]>;

/**
 * Computes the running statistics of all batch norm layers anew, as plain averages over one pass through the `loader`
 * (torch.optim.swa_utils.update_bn). The model runs interactively, in training mode.
 */
export async function updateBn(loader: Batches, model: Module): Promise<void> {
  if (!isModule(model)) throw new KilnError("updateBn takes a loader and a model, an instance of nn.Module");
  const norms = model.modules().flatMap((module) => {
    const layer = module instanceof Averages ? module.source : module;
    return layer instanceof AnyBatchNorm && layer.trackRunningStats ? [{ module, layer }] : [];
  });
  if (norms.length === 0) return;
  const statistics = norms.flatMap(({ module }) => module.buffers());
  noGrad(() => {
    for (const { module } of norms)
      for (const [name, buffer] of module.namedBuffers())
        buffer.copy_(name === "running_var" ? onesLike(buffer) : zerosLike(buffer));
  });
  const modes = model.modules().map((module) => ({ module, training: module.training }));
  const momenta = norms.map(({ layer }) => ({ layer, momentum: layer.momentum }));
  model.train();
  for (const { layer } of momenta) Reflect.set(layer, "momentum", null);
  try {
    for await (const batch of loader) {
      const x: unknown = batch instanceof Tensor ? batch : batch[0];
      if (!(x instanceof Tensor))
        throw new KilnError("updateBn's loader must give tensors, or lists that begin with one");
      noGrad(() => model.forward(x));
      await Promise.all(statistics.map((buffer) => buffer.data()));
    }
  } finally {
    for (const { layer, momentum } of momenta) Reflect.set(layer, "momentum", momentum);
    for (const { module, training } of modes) module.training = training;
  }
}
