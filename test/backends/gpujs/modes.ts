/** The gpujs backends of one process, for tests: each mode is tried once. */

import type { Backend } from "../../../backends/backend.ts";
import type { Mode } from "../../../backends/gpujs/modes.ts";
import { backendNamed } from "../../../backends/registry.ts";

export const modeNamed = (mode: Mode): Backend => backendNamed(`gpujs:${mode}`);
