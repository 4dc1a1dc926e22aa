/** What a measurement holds for, and where the measurements of this machine are kept. */

import { CHOICES_FILE, type ChoiceStore, ChoicesFile, ChoicesInMemory } from "./choices-file.ts";

const isNode = (): boolean => typeof process !== "undefined" && process.versions?.node !== undefined;

/** The engine and the processor, in one line: with another of either, other code may be faster. */
export async function machineName(): Promise<string> {
  if (!isNode()) return (globalThis as { navigator?: { userAgent: string } }).navigator?.userAgent ?? "";
  const { arch, cpus } = await import("node:os");
  const model = cpus()[0]?.model.trim() || "unknown processor";
  return `V8 ${process.versions.v8}, ${arch()}, ${model}`;
}

/** The folder for what Kiln can find out again: `KILN_CACHE`, or a folder `kiln` where the platform wants caches. */
export async function cacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): Promise<string> {
  const { homedir } = await import("node:os");
  const { join } = await import("node:path");
  const { KILN_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  if (KILN_CACHE) return KILN_CACHE;
  if (platform === "win32") return join(LOCALAPPDATA || join(homedir(), "AppData", "Local"), "kiln");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "kiln");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "kiln");
}

/** What choices for `backend` hold for on this machine. */
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
  return new ChoicesFile(join(await cacheFolder(), CHOICES_FILE), await choicesKey(backend));
}
