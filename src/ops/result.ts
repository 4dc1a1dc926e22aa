/** The further results of ops that have several. */

import { InternalError, KilnError } from "../core/errors.ts";
import type { OpDef } from "./definition.ts";

const result_of: OpDef = {
  name: "result_of",
  arity: 1,
  attributes: { index: { kind: "int", least: 1 } },
  doc: "A further result of its input, an op with several: the op itself stands for its result 0, this for result `index`.",
  pattern: "result",
  infer([{ others = [] }], attrs) {
    const index = attrs.index as number;
    if (index > others.length)
      throw new KilnError(`result ${index} is asked of an op that has ${1 + others.length}`);
    return others[index - 1];
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
