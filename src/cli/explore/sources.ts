/** The files that a model is written in: its own, and those that it imports by path. */

import { displayPath } from "../../trace/origins.ts";

/** Each file's text, under the path that origins give it. */
export async function modelSources(
  model: string,
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const { readSources } = await import("../../check/source-files.ts");
  return readSources(model).map((file) => ({
    path: displayPath(file.getFilePath()),
    text: file.getFullText(),
  }));
}
