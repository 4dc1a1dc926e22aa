/** Where Kiln keeps what it can find out or make again, on a machine that has files. */

/** `KILN_CACHE`, or a folder `kiln` where the platform wants caches. Only Node has one. */
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
