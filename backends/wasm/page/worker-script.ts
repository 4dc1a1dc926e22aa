/**
 * The text of a page's worker. bundle.config.ts replaces this file by `page-worker.ts` with all its imports, so that
 * the browser's bundle is one file; elsewhere there is no page, and no text.
 */

export const WORKER_SCRIPT: string | undefined = undefined;
