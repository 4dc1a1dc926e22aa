/** `kiln-js/onnx`: models in ONNX's files. It stands by itself, so that nobody else has what reads them. */

import "../compile.ts";

export * from "../onnx/index.ts";
