/** The file that a page's workers are started from, if it may not start them from blob: addresses. */

/** The parts of a page's globals that are used. */
interface Scope {
  /** The address of the package's worker script. */
  readonly kilnWorker?: string | { readonly href: string };
}

/** Its address, if the page has set one. */
export function workerFile(): string | undefined {
  const given = (globalThis as unknown as Scope).kilnWorker;
  return typeof given === "object" ? given.href : given;
}
