/** Graphs from their text, for tests of kernels. */

import { parseGraph } from "../../../src/ir/parse.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { opTable } from "../../../src/ops/registry.ts";

export const graphFrom = (body: string, inputs: string, output: string): Graph =>
  parseGraph(`graph test(${inputs}) {\n${body}\n  return output=${output}\n}\n`, opTable);
