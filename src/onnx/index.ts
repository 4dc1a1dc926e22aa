/** Models in ONNX's files: read as modules. */

export type { Extent, Port } from "./graph.ts";
export { type ImportOptions, importOnnx } from "./import.ts";
export type { OnnxModule } from "./onnx-module.ts";
