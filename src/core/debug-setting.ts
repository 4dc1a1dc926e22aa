/** The user's `KILN_DEBUG` setting, for all code that shows more when it is set. */

export const isNode = (): boolean => typeof process !== "undefined" && process.versions?.node !== undefined;

/** The environment variable or, where there is no environment, as on a page, the global variable of that name. */
export function debugSetting(): unknown {
  const page = (globalThis as { readonly KILN_DEBUG?: unknown }).KILN_DEBUG;
  return isNode() ? process.env.KILN_DEBUG : page;
}
