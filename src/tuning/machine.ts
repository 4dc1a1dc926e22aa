/** What measurements are valid for, and where this machine's are kept. */

import { cacheFolder } from "../core/cache-folder.ts";
import { CHOICES_FILE, type ChoiceStore, ChoicesFile, ChoicesInMemory } from "./choices-file.ts";

const isNode = (): boolean => typeof process !== "undefined" && process.versions?.node !== undefined;

/** The engine and the processor, in one line: on another one, other code may be faster. */
export async function machineName(): Promise<string> {
  if (!isNode()) return (globalThis as { navigator?: { userAgent: string } }).navigator?.userAgent ?? "";
  const { arch, cpus } = await import("node:os");
  const model = cpus()[0]?.model.trim() || "unknown processor";
  return `V8 ${process.versions.v8}, ${arch()}, ${model}`;
}

/** The key of choices for `backend` on this machine. */
export const choicesKey = async (backend: string): Promise<string> => `${backend}, ${await machineName()}`;

/** What a page has found, by backend. */
const ofPage = new Map<string, ChoiceStore>();

/** The choices for `backend` on this machine; in a browser they are forgotten with the page. */
export async function choicesHere(backend: string): Promise<ChoiceStore> {
  if (!isNode()) {
    const known = ofPage.get(backend) ?? new ChoicesInMemory();
    ofPage.set(backend, known);
    return known;
  }
  const { join } = await import("node:path");
  return new ChoicesFile(join(cacheFolder(), CHOICES_FILE), await choicesKey(backend));
}
