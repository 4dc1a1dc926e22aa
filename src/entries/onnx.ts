/** `kiln-js/onnx`: models in ONNX files. A separate entry, so that others do not load the code that reads them. */

import "../compile.ts";

export * from "../onnx/index.ts";
