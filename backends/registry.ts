/** All backends by name. */

import { KilnError } from "../src/core/errors.ts";
import type { Backend } from "./backend.ts";
import { c } from "./c/backend.ts";
import { gpujsBackends } from "./gpujs/backend.ts";
import { interpret } from "./interpret/backend.ts";
import { js } from "./js/backend.ts";
import { wasm } from "./wasm/backend.ts";

export const BACKENDS = [wasm, c, js, interpret, ...gpujsBackends()] as const satisfies readonly Backend[];

/** What users may call a backend by. */
export type BackendName = (typeof BACKENDS)[number]["name"];

/** What `backend` means when nobody says otherwise. */
export const DEFAULT_BACKEND = "wasm" satisfies BackendName;

/** The backend of that name; an error that names all others when there is none. */
export function backendNamed(name: string): Backend<BackendName> {
  const found = BACKENDS.find((backend) => backend.name === name);
  if (found === undefined) {
    throw new KilnError(
      `there is no backend "${name}"; the backends are ${BACKENDS.map((b) => b.name).join(", ")}`,
    );
  }
  return found;
}
