/**
 * Models in several files, as Hugging Face publishes large ones: an index in JSON says which of the files beside it holds
 * which tensor. It comes from elsewhere, so what it names are files of its own folder, and nothing else.
 */

import { KilnError } from "../../core/errors.ts";
import { pathPart } from "../../files/name.ts";
import { readWhole } from "../../files/read.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { outlineOf } from "./json-size.ts";
import { type Fail, MOST_TENSORS, quoted } from "./safetensors-header.ts";
import type { Loadable } from "./source.ts";

/** A name and a file for each of the most tensors, at 200 bytes. */
const MOST_BYTES = 400 * MOST_TENSORS;

/** Whether it is the path of an index. */
export const isIndex = (from: Loadable): from is string =>
  typeof from === "string" && from.toLowerCase().endsWith(".json");

/** The tensors of all the files that the index at `path` names, in its order; `load` reads one file. */
export async function loadShards(
  path: string,
  load: (path: string) => Promise<object>,
): Promise<Record<string, Tensor>> {
  const fail: Fail = (fault) => {
    throw new KilnError(`${path} is not a readable index of a model's files: ${fault}`);
  };
  const { dirname, join } = await import("node:path");
  const fileOf = readIndex(await readWhole(path, MOST_BYTES), fail);
  const tensors = new Map<string, Tensor | undefined>([...fileOf.keys()].map((name) => [name, undefined]));
  for (const file of new Set(fileOf.values())) {
    const held = Object.entries(await load(join(dirname(path), file)));
    for (const [name, tensor] of held) {
      if (!(tensor instanceof Tensor)) fail(`${file} holds more than tensors by name`);
      if (fileOf.get(name) !== file) fail(`${file} holds ${quoted(name)}, which the index does not say`);
      tensors.set(name, tensor);
    }
  }
  const missing = [...tensors].filter(([, tensor]) => tensor === undefined).map(([name]) => name);
  if (missing.length > 0) {
    fail(
      `${fileOf.get(missing[0])} does not hold ${quoted(missing[0])}, and ${missing.length - 1} more are missing`,
    );
  }
  return Object.fromEntries(tensors) as Record<string, Tensor>;
}

/** The file of each tensor. */
function readIndex(bytes: Uint8Array, fail: Fail): ReadonlyMap<string, string> {
  const json = outlineOf(bytes, 4 * MOST_TENSORS) === undefined ? undefined : parse(bytes, fail);
  if (json === undefined) return fail(`it names more than the ${MOST_TENSORS} tensors that Kiln reads`);
  const map = (Object(json) as { weight_map?: unknown }).weight_map;
  if (typeof map !== "object" || map === null) return fail("it has no weight_map");
  const entries = Object.entries(map);
  if (entries.length > MOST_TENSORS) {
    return fail(`it names more than the ${MOST_TENSORS} tensors that Kiln reads`);
  }
  for (const [name, file] of entries) {
    if (typeof file === "string" && file === pathPart(file) && !isIndex(file)) continue;
    fail(
      `it says that ${quoted(name)} is in ${quoted(file)}, which is not a file of tensors in the same folder`,
    );
  }
  return new Map(entries);
}

function parse(bytes: Uint8Array, fail: Fail): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail("it is not valid JSON");
  }
}
