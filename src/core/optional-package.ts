/** Packages that users install themselves, for the backends and commands that need them. */

import { KilnError } from "./errors.ts";

/** What to do if an import failed because the package is not installed; undefined if it failed for another reason. */
export function missingPackage(name: string, error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  return isMissing ? `the package ${name}, which is not installed: run \`npm install ${name}\`` : undefined;
}

/**
 * What `load` imports, which needs the package `name`. Throws a {@link KilnError} where that is not installed, which says
 * what for: `kiln check needs ts-morph: npm install --save-dev ts-morph`.
 */
export async function withPackage<Module>(
  name: string,
  needs: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(name, error)) throw error;
    throw new MissingPackage(`${needs} ${name}: npm install --save-dev ${name}`);
  }
}

/** An optional package is not installed. */
export class MissingPackage extends KilnError {}

/** Whether it is this package that was not found, and not one that it needs itself. */
const isMissing = (name: string, error: unknown): boolean =>
  missingPackage(name, error) !== undefined && (error as Error).message.includes(`'${name}'`);
