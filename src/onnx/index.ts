/** Models in ONNX's files: read as modules, and written from modules and programs. */

export { dtypeOf, type ElementType } from "./element-types.ts";
export { type ExportOptions, exportOnnx } from "./export/export.ts";
export type { Extent, Port } from "./graph.ts";
export { type ImportOptions, importOnnx } from "./import.ts";
export type { OnnxModule } from "./onnx-module.ts";
