/**
 * Whether the `c` backend can run here: without a compiler or koffi its tests are skipped, and say why. Where
 * `KILN_REQUIRE_COMPILER` is set they are not, and fail.
 */

import { createCBackend } from "../../../backends/c/backend.ts";

const { available, reason } = await createCBackend({}).available();

export const isHere = available || process.env.KILN_REQUIRE_COMPILER !== undefined;

/** What the tests are called, with what is missing where they are skipped. */
export const title = (name: string): string => (isHere ? name : `${name} (skipped: ${reason})`);
