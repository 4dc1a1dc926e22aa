/** Compiles a model for `kiln build`, and makes the files of its module. */

import { createPrintingBackend } from "../../../backends/c/printing.ts";
import { buildModule } from "../../aot/build.ts";
import { buildLibrary } from "../../aot/c/build.ts";
import { prefixFrom } from "../../aot/c/names.ts";
import type { OptimizerText, PortableProgram, StateRole } from "../../aot/portable.ts";
import { compile, compileTraining } from "../../compile.ts";
import { KilnError } from "../../core/errors.ts";
import type { Module } from "../../nn/index.ts";
import { encodeSafetensors, type StoredTensor } from "../../runtime/files/safetensors.ts";
import { programSeed } from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { ModelFile, TensorSpec } from "../model-file.ts";
import { OPTIMIZERS } from "../train/optimizers.ts";
import { type BuildRequest, LANES } from "./build-request.ts";

/** The file of the weights, next to the module. */
export const WEIGHTS_FILE = "weights.safetensors";

/** The settings that determine the module. */
export type BuildSettings = Pick<BuildRequest, "mode" | "target" | "batchSize" | "optimizer" | "settings"> &
  Partial<Pick<BuildRequest, "lanes" | "name">>;

/** The module and its weights: the contents of all files by name. */
export async function buildFiles(
  file: ModelFile,
  request: BuildSettings,
): Promise<Readonly<Record<string, string | Uint8Array>>> {
  const { program, states } = await portableProgram(file, request);
  if (program.plan.kernels.length === 0) {
    throw new KilnError(`${file.path} computes nothing, it returns its input: there is nothing to build`);
  }
  // An optimizer begins with zeros, which modules use for states that the file lacks.
  const kept = [...states].filter(([name]) => program.roles.get(name) !== "optimizer");
  const stored = await storedTensors(kept);
  const weights = encodeSafetensors(stored, { format: "pt" });
  return { ...(await codeFiles(file, request, program, stored)), [WEIGHTS_FILE]: weights };
}

/** A module, or a library in C, whose text holds the weights. */
async function codeFiles(
  { model }: ModelFile,
  { target, lanes = LANES, name }: BuildSettings,
  program: PortableProgram,
  stored: readonly (readonly [string, StoredTensor])[],
): Promise<Readonly<Record<string, string | Uint8Array>>> {
  if (target !== "c") return buildModule(program, target);
  return buildLibrary({
    ...{ program, lanes },
    prefix: name ?? prefixFrom(model.constructor.name),
    values: new Map(stored.map(([state, { data }]) => [state, data])),
    order: Object.keys(model.stateDict()),
  });
}

interface Taken {
  readonly program: PortableProgram;
  readonly states: ReadonlyMap<string, Tensor>;
}

async function portableProgram(file: ModelFile, request: BuildSettings): Promise<Taken> {
  const { model, loss, targets } = file;
  const inputs = resized(file.inputs, file, request.batchSize);
  const options = { inputs, ...backendFor(request), warnings: false };
  const seed = programSeed();
  if (request.mode === "forward") {
    const { portable } = await compile(model, options);
    const { plan, limits, computedLimits, states, returned } = portable;
    const roles = rolesOf(model, states);
    return { program: { plan, limits, computedLimits, returned, seed, roles }, states };
  }
  const { optimizer: name, settings } = request;
  const optimizer = OPTIMIZERS[name].make(model.parameters(), settings);
  const sized = targets && { targets: resized(targets, file, request.batchSize) };
  const { portable } = await compileTraining(model, { ...options, loss, optimizer, ...sized });
  const [{ rule, settings: constants, lr }] = optimizer.paramGroups;
  const text: OptimizerText = { rule: rule.name, settings: constants, lr };
  const { plan, limits, computedLimits, states } = portable;
  return {
    program: { plan, limits, computedLimits, seed, roles: rolesOf(model, states), optimizer: text },
    states,
  };
}

/** The backend that compiles it. WebAssembly uses only what every engine with vectors has, with the same bits. */
function backendFor({ target, lanes = LANES }: BuildSettings) {
  switch (target) {
    case "js":
      return { backend: target };
    case "wasm":
      return { backend: target, threads: 1, deterministic: true };
    case "c":
      return { backend: createPrintingBackend(lanes) };
    default:
      return target satisfies never;
  }
}

/** Shapes for another batch: the file's batch size as the first extent is replaced by the new one. */
function resized(specs: readonly TensorSpec[], file: ModelFile, batchSize: number | undefined): TensorSpec[] {
  const [fileBatch] = file.inputs[0].shape;
  return specs.map(({ shape: [batch, ...rest], dtype }) => ({
    dtype,
    shape: [batch === fileBatch ? (batchSize ?? batch) : batch, ...rest],
  }));
}

function rolesOf(model: Module, states: ReadonlyMap<string, Tensor>): ReadonlyMap<string, StateRole> {
  const parameters = new Set<Tensor>([...model.namedParameters()].map(([, tensor]) => tensor));
  const buffers = new Set<Tensor>([...model.namedBuffers()].map(([, tensor]) => tensor));
  const roleOf = (name: string, tensor: Tensor): StateRole => {
    if (parameters.has(tensor)) return "parameter";
    if (buffers.has(tensor)) return "buffer";
    return /^constant\.\d+$/.test(name) ? "constant" : "optimizer";
  };
  return new Map([...states].map(([name, tensor]) => [name, roleOf(name, tensor)]));
}

const storedTensors = (
  states: readonly (readonly [string, Tensor])[],
): Promise<(readonly [string, StoredTensor])[]> =>
  Promise.all(
    states.map(async ([name, tensor]) => {
      const { dtype, shape } = tensor;
      return [name, { dtype, shape, data: await tensor.data() }] as const;
    }),
  );
