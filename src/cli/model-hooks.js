/**
 * How the command line resolves the imports of users' model files, wherever they lie: `kiln-js` is this very copy of
 * the library (two copies could not work on the same tensors), and files written as ES modules are loaded as such
 * even where no package.json says so. The built command itself is loaded as it is: it is no TypeScript, which would take
 * as long again. Node runs these hooks in a thread of their own.
 */

import { readFile } from "node:fs/promises";

let entry = "";
let built = "";
let hasTsx = false;

/** @param {{ entry: string, built: string, hasTsx: boolean }} data the library's entry, and the folder of the built command */
export function initialize(data) {
  ({ entry, built, hasTsx } = data);
}

/** Node's resolve hook. */
export async function resolve(specifier, context, nextResolve) {
  if (specifier === "kiln-js") return { url: entry, format: "module", shortCircuit: true };
  const resolved = await nextResolve(specifier, context);
  return (await isUndeclaredModule(resolved))
    ? { ...resolved, format: moduleFormat(resolved.url) }
    : resolved;
}

/** Node's load hook. */
export async function load(url, context, nextLoad) {
  if (!url.startsWith(built)) return nextLoad(url, context);
  return { format: "module", source: await readFile(new URL(url)), shortCircuit: true };
}

/** What tells Node's own loader to strip types, where nothing else does. */
const moduleFormat = (url) => (!hasTsx && /\.ts(\?|$)/.test(url) ? "module-typescript" : "module");

/** Whether this is a user's file that Node would take for CommonJS, though nothing in it says so. */
async function isUndeclaredModule({ url, format }) {
  if (
    format === "module" ||
    format === "module-typescript" ||
    !/^file:[^?]*\.[jt]s(\?|$)/.test(url) ||
    url.includes("/node_modules/")
  )
    return false;
  try {
    const source = await readFile(new URL(url.replace(/\?.*$/, "")), "utf8");
    return /^\s*(import|export)\b/m.test(source) || !/\b(module|exports|require)\b/.test(source);
  } catch {
    return false;
  }
}
