/** All backends by name. Each is loaded when it is asked for: a page that runs WebAssembly does not need the others. */

import { KilnError } from "../src/core/errors.ts";
import type { Backend } from "./backend.ts";
import type { Mode } from "./gpujs/modes.ts";

type GpujsName = "gpujs" | `gpujs:${Mode}`;

/** The gpu.js backend of that name. */
const gpujs = (name: GpujsName) => async (): Promise<Backend<GpujsName>> => {
  const { gpujsBackends } = await import("./gpujs/backend.ts");
  return gpujsBackends().find((backend) => backend.name === name)!;
};

type Loader = () => Promise<Backend>;

const LOADERS = {
  wasm: async () => (await import("./wasm/backend.ts")).wasm,
  c: async () => (await import("./c/backend.ts")).c,
  js: async () => (await import("./js/backend.ts")).js,
  interpret: async () => (await import("./interpret/backend.ts")).interpret,
  gpujs: gpujs("gpujs"),
  "gpujs:webgpu": gpujs("gpujs:webgpu"),
  "gpujs:webgl2": gpujs("gpujs:webgl2"),
  "gpujs:headlessgl": gpujs("gpujs:headlessgl"),
  "gpujs:webasm": gpujs("gpujs:webasm"),
  "gpujs:cpu": gpujs("gpujs:cpu"),
} satisfies Readonly<Record<string, Loader> & Record<GpujsName, Loader>>;

/** The names of backends for users. */
export type BackendName = keyof typeof LOADERS;

export const BACKEND_NAMES = Object.keys(LOADERS) as readonly BackendName[];

/** The default of `backend`. */
export const DEFAULT_BACKEND = "wasm" satisfies BackendName;

/** `name`, if it is a backend's; otherwise throws an error that names all backends. */
export function backendName(name: string): BackendName {
  const known = BACKEND_NAMES.find((each) => each === name);
  if (known !== undefined) return known;
  throw new KilnError(`there is no backend "${name}"; the backends are ${BACKEND_NAMES.join(", ")}`);
}

/** The backend of that name, or the error of {@link backendName}. */
export const backendNamed = async (name: string): Promise<Backend<BackendName>> =>
  LOADERS[backendName(name)]();
