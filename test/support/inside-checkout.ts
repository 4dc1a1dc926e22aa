/**
 * Runs before the tests of a file: everything they open must be in the checkout, among the packages, in a temporary
 * folder or in the system. A test that finds its data next to the checkout would fail in anybody else's clone.
 */

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);

/** Folders in which anything may be opened if they are next to the checkout. */
const FREE = [ROOT, fs.realpathSync(join(ROOT, "node_modules")), join(homedir(), ".cache")];
const TEMPORARY = [tmpdir(), fs.realpathSync(tmpdir())].filter((folder) => !isBelow(ROOT, folder));

/** Throws for a path next to the checkout, in one of the folders that contain it. */
function refuse(path: unknown): void {
  if (typeof path !== "string" && !(path instanceof URL)) return;
  const full = resolve(path instanceof URL || path.startsWith("file:") ? fileURLToPath(path) : path);
  if ([...FREE, ...TEMPORARY].some((folder) => isBelow(full, folder))) return;
  const isBeside = isBelow(full, dirname(ROOT)) && dirname(ROOT) !== tmpdir() && full !== dirname(ROOT);
  if (isBeside) throw new Error(`a test opens ${full}, which is no part of the checkout`);
}

type Opening = (path: unknown, ...rest: unknown[]) => unknown;

function guard(module: object, names: readonly string[]): void {
  const functions = module as Record<string, Opening>;
  for (const name of names) {
    const original = functions[name];
    functions[name] = Object.assign((path: unknown, ...rest: unknown[]) => {
      refuse(path);
      return original.call(module, path, ...rest);
    }, original);
  }
}

/** Set where the functions are guarded already: files that share a process share its functions. */
const GUARDED = Symbol.for("kiln.tests.guarded");
if (!(GUARDED in globalThis)) {
  guard(fs, ["open", "openSync", "readFile", "readFileSync", "readdirSync", "createReadStream"]);
  guard(fs.promises, ["open", "readFile", "readdir"]);
  syncBuiltinESMExports();
  Object.defineProperty(globalThis, GUARDED, { value: true });
}
