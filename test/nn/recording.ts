/** A recorder that only writes down what is recorded, so that layers are tested without the tracer. */

import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Attrs } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";
import { moduleStack, type Recorder, recordWith } from "../../src/tensor/context.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

export interface Recorded {
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly attrs: Attrs;
  readonly output: Tensor;
  /** The modules whose forward was running. */
  readonly modules: readonly object[];
}

/** The operations that `body` performs, in order, and what it returns. */
export function record<T>(body: () => T): { readonly result: T; readonly ops: readonly Recorded[] } {
  const ops: Recorded[] = [];
  const b = new GraphBuilder(opTable);
  const recorder: Recorder = {
    isBody: false,
    builder: b,
    record(op, inputs, attrs) {
      const type = opTable.infer(op, inputs, attrs);
      const value = b.input("input", `t${ops.length}`, type);
      const output = new Tensor(type.shape, type.dtype, {
        kind: "traced",
        value,
        tracksGradient: false,
        by: recorder,
      });
      ops.push({ op, inputs, attrs, output, modules: [...moduleStack] });
      return output;
    },
    valueOf: () => {
      throw new Error("this recorder derives nothing");
    },
    isLocal: () => true,
    made: () => undefined,
    change: () => {
      throw new Error("this recorder writes down operations alone");
    },
    randomSource: () => {
      throw new Error("this recorder draws no random numbers");
    },
    origin: () => ({ file: "", line: 0, module: "" }),
  };
  return { result: recordWith(recorder, body), ops };
}
