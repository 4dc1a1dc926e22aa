/** The source files of a model: its own and those that it imports by path; for an ONNX file, a listing of its nodes. */

import { OnnxModule } from "../../onnx/onnx-module.ts";
import { displayPath } from "../../trace/origins.ts";
import type { ModelFile } from "../model-file.ts";

/** The text of each file, under the same path as in origins. */
export async function modelSources({
  path,
  model,
}: ModelFile): Promise<readonly { readonly path: string; readonly text: string }[]> {
  if (model instanceof OnnxModule) return [{ path: displayPath(path), text: model.listing }];
  const { readSources } = await import("../../check/source-files.ts");
  return readSources(path).map((file) => ({
    path: displayPath(file.getFilePath()),
    text: file.getFullText(),
  }));
}
