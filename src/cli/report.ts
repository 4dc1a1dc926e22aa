/** Turns whatever went wrong into what the user reads: one line for a mistake that is theirs to mend, else a stack. */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { KilnError } from "../core/errors.ts";

/** The text for standard error. With `KILN_DEBUG=1` in the environment every error shows its stack. */
export function reportText(error: unknown, root: URL): string {
  const line = mistakeOf(error, root);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (line === undefined) {
    return `kiln: this should not have happened; please report it, with what you typed and these lines\n${stack}`;
  }
  return process.env.KILN_DEBUG === "1" ? `kiln: ${line}\n${stack}` : `kiln: ${line}`;
}

/** The message for a mistake of the user's or a failure of the system; `undefined` for a defect of Kiln. */
function mistakeOf(error: unknown, root: URL): string | undefined {
  if (error instanceof KilnError) return oneLine(error.message);
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

const FRAME = /(?:\(|at )((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):\d+\)?$/;

/** Where the error arose, as `model.ts:14`, if that lies in a user's file and not in Kiln or a package. */
export function userFrame(error: Error, root: URL): string | undefined {
  const own = ["src/", "passes/", "backends/", "dist/", "node_modules/"].map((folder) =>
    fileURLToPath(new URL(folder, root)),
  );
  for (const line of (error.stack ?? "").split("\n")) {
    const frame = FRAME.exec(line.trim());
    if (frame === null) continue;
    const file = pathOf(frame[1]);
    if (file.includes("/node_modules/") || own.some((folder) => file.startsWith(folder))) return undefined;
    return `${displayPath(file)}:${frame[2]}`;
  }
  return undefined;
}

const pathOf = (file: string): string =>
  file.startsWith("file://") ? fileURLToPath(file.replace(/\?.*$/, "")) : file;

/** Relative to the working directory where the file lies below it. */
function displayPath(file: string): string {
  const path = relative(process.cwd(), file);
  return path === "" || path.startsWith("..") ? file : path;
}
