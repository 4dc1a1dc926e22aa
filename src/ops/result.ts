/** The further results of ops that have several. */

import { InternalError, KilnError } from "../core/errors.ts";
import { resultsOf } from "../ir/body.ts";
import { COUNT } from "./declaration.ts";
import type { OpDef } from "./definition.ts";

const result_of: OpDef = {
  name: "result_of",
  arity: 1,
  attributes: { index: COUNT },
  doc:
    "Result `index` of its input, an op with several results. The op itself is its result 0, which builders return; " +
    "lazy tensors read all results through this op.",
  pattern: "result",
  infer([type], attrs) {
    const index = attrs.index as number;
    const results = resultsOf(type);
    if (index >= results.length)
      throw new KilnError(`result ${index} is asked of an op that has ${results.length}`);
    return results[index];
  },
  vjp() {
    throw new InternalError("the op itself takes the cotangents of all its results");
  },
  backward: { name: "ResultBackward" },
  lower() {
    throw new InternalError("the op itself stores all its results");
  },
  reference: ([{ others = [] }], _output, attrs) => others[(attrs.index as number) - 1],
  samples: () => [],
};

export const RESULTS = { result_of };
