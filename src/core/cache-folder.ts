/** The folder in which Kiln caches what it can compute again, on machines that have files. */

/** `KILN_CACHE`, or a folder `kiln` where the platform keeps caches. Only Node has one. */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string {
  const { homedir } = process.getBuiltinModule("node:os");
  const { join } = process.getBuiltinModule("node:path");
  const { KILN_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  if (KILN_CACHE) return KILN_CACHE;
  if (platform === "win32") return join(LOCALAPPDATA || join(homedir(), "AppData", "Local"), "kiln");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "kiln");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "kiln");
}
