/** The bytes of an ONNX model, read and written as a whole. Reading only checks that they are such a message. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { KilnError } from "../core/errors.ts";
import { type ModelProto, ModelProtoSchema } from "./proto/onnx_pb.ts";

/** How deeply graphs of loops and branches may be nested: no model comes close, and the stack can hold them. */
const MOST_LEVELS = 100;

/** The model in `bytes`; throws a {@link KilnError} that names `file` if they are not one. */
export function decodeModel(bytes: Uint8Array, file: string): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: MOST_LEVELS });
  } catch (error) {
    throw new KilnError(`${file} is not a complete ONNX model: ${(error as Error).message}`);
  }
  if (model.graph === undefined) throw new KilnError(`${file} is not an ONNX model: it has no graph`);
  return model;
}

/** The bytes of a model. */
export const encodeModel = (model: ModelProto): Uint8Array => toBinary(ModelProtoSchema, model);
