/**
 * The text of a page's worker. bundle.config.ts puts `page-worker.ts` and all that it imports in this file's place, so that
 * the browser's bundle is one file; elsewhere there is no page, and no text.
 */

export const WORKER_SCRIPT: string | undefined = undefined;
