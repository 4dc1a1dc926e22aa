/** Whether the `c` backend can run here: without a compiler or koffi its tests are skipped, and say why. */

import { createCBackend } from "../../../backends/c/backend.ts";

const { available, reason } = await createCBackend({}).available();

export const isHere = available;

/** What the tests are called, with what is missing where they are skipped. */
export const title = (name: string): string => (available ? name : `${name} (skipped: ${reason})`);
