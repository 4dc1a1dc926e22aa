/** Turns a model's TypeScript into a module for the browser; every line stays where it was. */

import { transform } from "sucrase";

/** The name of the model's file in errors and origins. */
export const MODEL_FILE = "/model.ts";

/** A text that is not TypeScript. */
export class SourceError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/**
 * The JavaScript of `source`, which imports Kiln from `kiln`, an address: import maps do not reach into workers. Throws a
 * {@link SourceError}.
 */
export function stripTypes(source: string, kiln: string): string {
  const { code } = transformed(source);
  const linked = code.replace(
    /(\bfrom\s*|\bimport\s*)(["'])kiln-js\2/g,
    (_, before) => before + JSON.stringify(kiln),
  );
  return `${linked}\n//# sourceURL=${MODEL_FILE}`;
}

function transformed(source: string): { readonly code: string } {
  try {
    return transform(source, { transforms: ["typescript"], disableESTransforms: true });
  } catch (error) {
    const found = /^(?:Error transforming.*?: )?(.*) \((\d+):\d+\)$/.exec(String((error as Error).message));
    if (found === null) throw error;
    throw new SourceError(`this is not TypeScript: ${found[1]}`, Number(found[2]));
  }
}
