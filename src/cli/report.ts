/** Turns an error into the text for the user: one line for a mistake they can fix, otherwise a stack. */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { KilnError } from "../core/errors.ts";
import { parseFrame } from "../core/library-frames.ts";
import { debugLevel } from "../runtime/inspection/debug.ts";

/** The text for standard error. With a level in `KILN_DEBUG` every error shows its stack. */
export function reportText(error: unknown, root: URL): string {
  const line = mistakeOf(error, root);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (line === undefined) {
    const place = error instanceof Error ? callingFrame(error, root) : undefined;
    const where = place === undefined ? "" : ` (on the way from ${place})`;
    return `kiln: this should not have happened${where}; please report it, with what you typed and these lines\n${stack}`;
  }
  const showsStack = (debugLevel(process.env.KILN_DEBUG) ?? 0) > 0;
  return showsStack ? `kiln: ${line}\n${stack}` : `kiln: ${line}`;
}

/** The message for a mistake of the user's or a failure of the system; `undefined` for a defect of Kiln. */
function mistakeOf(error: unknown, root: URL): string | undefined {
  if (error instanceof KilnError) {
    const place = error.origins.length === 0 ? callingFrame(error, root) : undefined;
    return oneLine(place === undefined ? error.message : `${error.message} (${place})`);
  }
  if (!(error instanceof Error)) return undefined;
  if ("syscall" in error && "code" in error) return oneLine(error.message);
  const place = userFrame(error, root);
  return place === undefined ? undefined : `${describeError(error)} (${place})`;
}

/** An error's kind and message on one line. */
export const describeError = (error: unknown): string =>
  oneLine(error instanceof Error ? `${error.name}: ${error.message}` : `${error}`);

/** Line breaks and other control characters become spaces. */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();

/** Where the error was thrown, as `model.ts:14`, if that is in a user's file and not in Kiln or a package. */
export function userFrame(error: Error, root: URL): string | undefined {
  const [innermost] = frames(error, root);
  return innermost?.isUsers ? innermost.place : undefined;
}

/** The innermost line of a user's file on the stack, wherever the error itself was thrown. */
function callingFrame(error: Error, root: URL): string | undefined {
  return frames(error, root).find(({ isUsers }) => isUsers)?.place;
}

/** The lines of files on the error's stack, innermost first, without Node's own. */
function frames(error: Error, root: URL): { readonly place: string; readonly isUsers: boolean }[] {
  const own = ["src/", "passes/", "backends/", "dist/"].map((folder) => fileURLToPath(new URL(folder, root)));
  return (error.stack ?? "").split("\n").flatMap((line) => {
    const frame = parseFrame(line);
    if (frame === undefined) return [];
    const file = pathOf(frame.file);
    const isUsers = !file.includes("/node_modules/") && !own.some((folder) => file.startsWith(folder));
    return [{ place: `${displayPath(file)}:${frame.line}`, isUsers }];
  });
}

const pathOf = (file: string): string =>
  file.startsWith("file://") ? fileURLToPath(file.replace(/\?.*$/, "")) : file;

/** Relative to the working directory if the file is below it. */
export function displayPath(file: string): string {
  const path = relative(process.cwd(), file);
  return path === "" || path.startsWith("..") ? file : path;
}
