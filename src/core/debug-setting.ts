/** The user's `KILN_DEBUG`, for everything that shows more when it is set. */

export const isNode = (): boolean => typeof process !== "undefined" && process.versions?.node !== undefined;

/** The environment's, or where there is none, as on a page, the global variable of that name. */
export function debugSetting(): unknown {
  const page = (globalThis as { readonly KILN_DEBUG?: unknown }).KILN_DEBUG;
  return isNode() ? process.env.KILN_DEBUG : page;
}
