/** Tensors in ONNX files: read as constants, and written from numbers. */

import { create } from "@bufbuild/protobuf";
import type { TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import { type Constant, constant } from "./constant.ts";
import { describeCode, elementTypeFrom, infoOf } from "./element-types.ts";
import type { ElementType } from "./port.ts";
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "./proto/onnx_pb.ts";
import { UnsupportedError } from "./unsupported.ts";

/** The bytes of a tensor from a separate file. */
export type ExternalBytes = (tensor: TensorProto) => Uint8Array;

/**
 * The numbers of a tensor; `what` names it in messages. Its bytes are checked against its shape before anything is
 * allocated. Throws a {@link KilnError} for an unsupported element type, for a number of elements that does not match
 * the shape, and if the numbers are in another file and `external` is missing.
 */
export function constantFrom(tensor: TensorProto, what: string, external?: ExternalBytes): Constant {
  const type = elementTypeFrom(tensor.dataType);
  if (type === undefined)
    throw new UnsupportedError(
      `${what} has elements of ${describeCode(tensor.dataType)}, which Kiln does not compute with`,
    );
  const shape = tensor.dims.map(Number);
  const size = sizeOf(shape);
  if (shape.some((extent) => extent < 0) || !Number.isSafeInteger(size))
    throw new KilnError(`${what} has the shape ${formatShape(shape)}, which no tensor can have`);
  const info = infoOf(type);
  const bytes = rawBytes(tensor, what, external);
  if (bytes !== undefined) {
    if (bytes.length !== size * info.bytes) {
      throw new KilnError(
        `${what} has ${bytes.length} bytes of numbers, but its shape ${formatShape(shape)} and its type ${type} take ${size * info.bytes}`,
      );
    }
    return constant(type, shape, info.read(aligned(bytes)));
  }
  const listed = tensor[info.field];
  if (listed.length !== size) {
    throw new KilnError(
      `${what} has ${listed.length} numbers, but its shape ${formatShape(shape)} takes ${size}`,
    );
  }
  // In a list of integers, 16-bit types have the same bits as in memory.
  if (info.dtype === "float32" && info.field === "int32Data")
    return constant(
      type,
      shape,
      info.read(aligned(new Uint8Array(Uint16Array.from(tensor.int32Data).buffer))),
    );
  return constant(type, shape, Array.from<number | bigint, number>(listed, Number));
}

/** The bytes that hold the numbers as in memory; `undefined` if they are listed in a separate field. */
function rawBytes(tensor: TensorProto, what: string, external?: ExternalBytes): Uint8Array | undefined {
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    if (external === undefined)
      throw new KilnError(
        `${what} has its numbers in another file: give importOnnx the path of the model, or the files' bytes as externalData`,
      );
    return external(tensor);
  }
  return tensor.rawData.length > 0 ? tensor.rawData : undefined;
}

/**
 * The bytes aligned to eight, so that any element type can be viewed in place; `slice` of Node's buffers copies
 * nothing.
 */
const aligned = (bytes: Uint8Array): Uint8Array =>
  bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);

/** A tensor for a file, from numbers that have the bits of `type` in memory. */
export function tensorProto(name: string, type: ElementType, shape: Shape, data: TypedArray): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: infoOf(type).code,
    dims: shape.map(BigInt),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  });
}
