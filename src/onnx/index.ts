/** Models in ONNX files: read as modules, and written from modules and programs. */

export { dtypeOf } from "./element-types.ts";
export { type ExportOptions, exportOnnx } from "./export/export.ts";
export { type ImportOptions, importOnnx } from "./import.ts";
export type { OnnxModule } from "./onnx-module.ts";
export type { ElementType, Extent, Port } from "./port.ts";
