/**
 * Resolves paths that a file names within its own folder, and that
 * may not lead out of it. Node's modules are loaded on use.
 */

import { KilnError } from "../core/errors.ts";
import { fileErrorReason } from "./reason.ts";

/**
 * The path of `name` in the folder of the file at `path`. Throws a {@link
 * KilnError} if it is elsewhere, by `..` or by a link, or does not exist.
 */
export async function fileInside(path: string, name: string): Promise<string> {
  const { dirname, isAbsolute, join, relative } = await import("node:path");
  const { realpath } = await import("node:fs/promises");
  const leadsOut = (way: string): boolean => isAbsolute(way) || /^\.\.(?:[/\\]|$)/.test(way);
  const folder = dirname(path);
  const found = join(folder, name);
  const outside = new KilnError(`${path} names the file ${name}, which is outside of its folder`);
  if (isAbsolute(name) || leadsOut(relative(folder, found))) throw outside;
  try {
    if (leadsOut(relative(await realpath(folder), await realpath(found)))) throw outside;
  } catch (error) {
    if (error instanceof KilnError) throw error;
    throw new KilnError(`cannot read ${found}, where ${path} has numbers: ${fileErrorReason(error)}`);
  }
  return found;
}
