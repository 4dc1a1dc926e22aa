/** A graph's declarations of its inputs and outputs. */

import { create } from "@bufbuild/protobuf";
import type { Shape } from "../../core/shape.ts";
import { infoOf } from "../element-types.ts";
import type { ElementType } from "../port.ts";
import { type ValueInfoProto, ValueInfoProtoSchema } from "../proto/onnx_pb.ts";

/** An input or output of known shape. */
export function valueInfo(name: string, type: ElementType, shape: Shape): ValueInfoProto {
  const dim = shape.map((extent) => ({ value: { case: "dimValue" as const, value: BigInt(extent) } }));
  const tensor = { elemType: infoOf(type).code, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensor } } });
}
