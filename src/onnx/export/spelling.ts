/** The interface for writing an op of the Graph IR in ONNX's operators. */

import type { Attrs, Graph, NodeType, TensorType } from "../../ir/types.ts";
import type { GraphWriter } from "./graph-writer.ts";

/** Thrown if ONNX has no operators for something, which the message names. */
export class NoSpelling extends Error {}

/** A value of the exported graph, as its readers see it. */
export interface Named extends TensorType {
  /** Its name in the ONNX graph. */
  readonly name: string;
}

/** The op that a spelling writes. */
export interface Call {
  readonly w: GraphWriter;
  readonly inputs: readonly Named[];
  readonly attrs: Attrs;
  readonly output: NodeType;
  /** Writes a body as a nested graph, given the names of its inputs; returns the names of its results. */
  writeBody(body: Graph, inner: GraphWriter, inputs: readonly string[]): readonly string[];
}

/**
 * Writes an op for which ONNX's own operators are better than its lowering; returns the name of its result, or of all
 * its results. `undefined` if ONNX has no operator for this case: then the lowering is written.
 */
export type Spelling = (call: Call) => string | readonly string[] | undefined;
