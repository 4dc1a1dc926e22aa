/** Traces a model and records every call of a module: its order, its results and the nodes that it made. */

import type { Node, TensorType } from "../ir/types.ts";
import { currentRecorder } from "../tensor/context.ts";
import { generatorState, setGeneratorState } from "../tensor/index.ts";
import type { Tensors } from "../tensor/tensor-tree.ts";
import { inMode, type Moded } from "../trace/mode.ts";
import { tensorsIn } from "../trace/returned.ts";
import { type Trace, type Traceable, traceModel } from "../trace/trace.ts";

/** One call of a module's `forward`. */
export interface LayerCall {
  /** The module's path, empty for the model itself. */
  readonly path: string;
  readonly module: Traceable;
  /** The number of calls around it. */
  readonly depth: number;
  /** The tensors that it returned. */
  readonly outputs: readonly TensorType[];
  /** The nodes that were made meanwhile, including those of calls within it. */
  readonly nodes: readonly Node[];
}

/** Traces the forward pass in evaluation mode, given `carried` last; the calls come in the order in which they began. */
export function traceCalls(
  model: Moded,
  inputs: readonly TensorType[],
  carried?: Tensors,
): { readonly trace: Trace; readonly calls: readonly LayerCall[] } {
  const calls: LayerCall[] = [];
  const watched = [...model.namedModules()].map(([path, module]) => [path, module, module.forward] as const);
  let depth = 0;
  const generator = generatorState();
  try {
    for (const [path, module, forward] of watched) {
      module.forward = (...given) => {
        const { builder } = currentRecorder()!;
        const [begin, place] = [builder.size, calls.length];
        calls.push({ path, module, depth: depth++, outputs: [], nodes: [] });
        const result = forward(...given);
        depth--;
        const outputs = tensorsIn(result).map(({ dtype, shape }) => ({ dtype, shape }));
        calls[place] = { ...calls[place], outputs, nodes: builder.nodesFrom(begin) };
        return result;
      };
    }
    return { trace: inMode(model, false, () => traceModel(model, inputs, { carried })), calls };
  } finally {
    for (const [, module, forward] of watched) module.forward = forward;
    setGeneratorState(generator);
  }
}
