/** Reads a model file and its imports by path with ts-morph: only syntax, no types, so that it takes milliseconds. */

import { Project, type SourceFile } from "ts-morph";
import { KilnError } from "../core/errors.ts";
import { relativePaths } from "./scope.ts";

/** The folder of the library itself: if a model imports its sources, they are not checked. */
const LIBRARY = decodeURI(new URL("../", import.meta.url).pathname);

/** The file at `path` and all that it imports by relative path, itself first. */
export function readSources(path: string): readonly SourceFile[] {
  const project = new Project({
    skipAddingFilesFromTsConfig: true,
    skipFileDependencyResolution: true,
    skipLoadingLibFiles: true,
    compilerOptions: { noLib: true, noResolve: true, allowJs: true, types: [] },
  });
  const main = project.addSourceFileAtPathIfExists(path);
  if (main === undefined) throw new KilnError(`the model file ${path} does not exist`);
  const files = new Set([main]);
  for (const file of files) {
    for (const specifier of specifiersOf(file)) {
      const found = relativePaths(file, specifier)
        .map((candidate) => project.addSourceFileAtPathIfExists(candidate))
        .find((added) => added !== undefined);
      if (found !== undefined && !isForeign(found)) files.add(found);
    }
  }
  return [...files];
}

const isForeign = (file: SourceFile): boolean =>
  file.getFilePath().startsWith(LIBRARY) || file.getFilePath().includes("/node_modules/");

const specifiersOf = (file: SourceFile): string[] =>
  [...file.getImportDeclarations(), ...file.getExportDeclarations()].flatMap(
    (declaration) => declaration.getModuleSpecifierValue() ?? [],
  );
