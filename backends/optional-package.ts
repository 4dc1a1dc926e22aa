/** Packages that users install themselves, for the backends that need them. */

/** What is to be done where an import failed since the package is not installed; nothing where it failed otherwise. */
export function missingPackage(name: string, error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  return isMissing ? `the package ${name}, which is not installed: run \`npm install ${name}\`` : undefined;
}
