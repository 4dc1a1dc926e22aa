/** The bytes of an ONNX model, read and written as a whole. What is read is not checked beyond its being such a message. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { KilnError } from "../core/errors.ts";
import { type ModelProto, ModelProtoSchema } from "./proto/onnx_pb.ts";

/** Graphs of loops and branches lie in each other; no model has nearly as many, and the stack holds them. */
const MOST_LEVELS = 100;

/** The model in `bytes`; throws a {@link KilnError} that names `file` where they are none. */
export function decodeModel(bytes: Uint8Array, file: string): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: MOST_LEVELS });
  } catch (error) {
    throw new KilnError(`${file} is no ONNX model, or not all of one: ${(error as Error).message}`);
  }
  if (model.graph === undefined) throw new KilnError(`${file} is no ONNX model: it has no graph`);
  return model;
}

/** The bytes of a model. */
export const encodeModel = (model: ModelProto): Uint8Array => toBinary(ModelProtoSchema, model);
