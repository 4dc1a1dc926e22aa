/** What it takes to write an op of the Graph IR in ONNX's operators. */

import type { Attrs, Graph, NodeType, TensorType } from "../../ir/types.ts";
import type { GraphWriter } from "./graph-writer.ts";

/** Thrown where ONNX has no operators for something; says for what. */
export class NoSpelling extends Error {}

/** A value of the graph that is exported, as what reads it sees it. */
export interface Named extends TensorType {
  /** What it is called in the ONNX graph. */
  readonly name: string;
}

/** What a spelling writes. */
export interface Call {
  readonly w: GraphWriter;
  readonly inputs: readonly Named[];
  readonly attrs: Attrs;
  readonly output: NodeType;
  /** Writes a body in a graph of its own, given the names of its inputs; the names of its results. */
  writeBody(body: Graph, inner: GraphWriter, inputs: readonly string[]): readonly string[];
}

/**
 * Writes an op whose lowering would be a worse spelling than ONNX's own operators; gives the name of its result, or of all
 * its results. `undefined` where this is none of the cases that ONNX has: then the lowering is written.
 */
export type Spelling = (call: Call) => string | readonly string[] | undefined;
