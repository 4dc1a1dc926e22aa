/** The gpujs backends of one process, for tests: each mode is tried once. */

import type { Backend } from "../../../backends/backend.ts";
import { gpujsBackends } from "../../../backends/gpujs/backend.ts";
import type { Mode } from "../../../backends/gpujs/modes.ts";

export const modeNamed = (mode: Mode): Backend =>
  gpujsBackends().find(({ name }) => name === `gpujs:${mode}`)!;
