/** What a graph says of its inputs and outputs. */

/** An element type by its name in ONNX, in lower case: those that Kiln has something for. */
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

/** An extent that is known, or the name of one that is not. */
export type Extent = number | string;

/** What a graph says of one of its inputs or outputs. */
export interface Port {
  readonly name: string;
  /** `undefined` where it is no tensor, or one of elements that Kiln has nothing for. */
  readonly type: ElementType | undefined;
  /** `undefined` where the model does not say it. */
  readonly shape: readonly Extent[] | undefined;
}
