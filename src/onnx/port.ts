/** A graph's declarations of its inputs and outputs. */

/** The supported element types by their names in ONNX, in lower case. */
export type ElementType =
  | "float"
  | "double"
  | "float16"
  | "bfloat16"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool";

/** A known extent, or the name of a symbolic one. */
export type Extent = number | string;

/** A graph's declaration of an input or output. */
export interface Port {
  readonly name: string;
  /** `undefined` if it is not a tensor, or its element type is not supported. */
  readonly type: ElementType | undefined;
  /** `undefined` if the model does not declare it. */
  readonly shape: readonly Extent[] | undefined;
}
