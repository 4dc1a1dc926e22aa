/**
 * The source of a stand-alone module in TypeScript: its interface,
 * its tables, its kernels, and the code that runs them.
 */

import { DONE } from "../../backends/wasm/threads/run-function.ts";
import { arrayName, fileName } from "../core/dtype.ts";
import { InternalError } from "../core/errors.ts";
import { type IndexLimit, isIndexFault, NO_FAULT } from "../core/index-limit.ts";
import { isRowMajor, physicalStrides } from "../core/layout.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import type { Binding } from "../loop/program.ts";
import { kernelFunction, loopText, VIEW_TYPES } from "./kernels.ts";
import type { MemoryMap } from "./memory-map.ts";
import { JAVASCRIPT, optimizerScalars } from "./optimizer-scalars.ts";
import type { ModuleTarget, PortableProgram } from "./portable.ts";
import { literal } from "./quote.ts";
import { type MovedPlace, type RunText, runLines } from "./run-lines.ts";
import { createParameters, interfaceText, parameterList, resultText, resultType } from "./signature.ts";
import { SAVE_TEXT, STORAGE_TEXT } from "./storage-text.ts";

/**
 * How the module's code is run: the beginning of the module, the
 * beginning of `create`, and how to run kernels `from` … `to` - 1.
 */
interface Engine {
  readonly declarations: string;
  /** Declares `memory`, an `ArrayBuffer`. */
  readonly start: string;
  run(from: number, to: number): readonly string[];
}

/** The whole source. `starts` are the positions of kernels in the run order of WebAssembly. */
export function moduleSource(
  program: PortableProgram,
  target: ModuleTarget,
  map: MemoryMap,
  starts: readonly number[],
): string {
  const engine = target === "js" ? loops(program, map) : webAssembly(starts);
  return [
    `/** ${program.plan.name}, compiled by Kiln: ${title(program)}. Depends on nothing and evaluates no text. */`,
    interfaceText(program),
    `const states: readonly State[] = [\n${stateRows(program, map).join("\n")}\n];`,
    STORAGE_TEXT,
    program.optimizer === undefined ? "" : SAVE_TEXT,
    feedText(program),
    engine.declarations,
    createText(program, target, map, engine),
  ].join("\n");
}

const title = ({ optimizer }: PortableProgram): string =>
  optimizer === undefined ? "the forward pass" : "a training step";

const stateRows = ({ plan, roles }: PortableProgram, { addresses }: MemoryMap): string[] =>
  plan.states.map(({ name, buffer, dtype, shape, layout }) => {
    const isPlain = layout === undefined || isRowMajor(shape, layout);
    const row = { name, role: roles.get(name), dtype: fileName(dtype), shape, at: addresses.get(buffer)! };
    return `  ${literal(isPlain ? row : { ...row, strides: physicalStrides(shape, layout) })},`;
  });

/** Copies an input in, after checking its length and, for indices, its numbers. */
function feedText({ limits, computedLimits, optimizer }: PortableProgram): string {
  const check = `
/** Throws unless all of \`indices\` name a class, a row or a position. */
function checkIndices(name: string, indices: Int32Array, least: number, below: number, ignored?: number): void {
  const wrong = indices.find((index) => !(index >= least && index < below) && index !== ignored);
  if (wrong !== undefined) throw new RangeError(\`\${name} holds \${wrong}, which is not one of \${least}..\${below - 1}\`);
}
`;
  return `
function checkLength(name: string, given: { readonly length: number } | undefined, length: number, shape: string): void {
  if (given?.length === length) return;
  throw new RangeError(\`\${name} must hold \${length} numbers of the shape \${shape}, not \${given?.length}\`);
}
${limits.size === 0 ? "" : check}${computedLimits.length === 0 ? "" : COMPUTED_TEXT}${optimizer === undefined ? "" : RATE_TEXT}`;
}

const COMPUTED_TEXT = `
function checkComputed(op: string, found: number, least: number, below: number): void {
  if (!(found > ${NO_FAULT})) return;
  throw new RangeError(\`\${op} is given the computed index \${found}, which is not one of \${least}..\${below - 1}\`);
}
`;

const RATE_TEXT = `
function checkRate(lr: number): void {
  if (!(lr >= 0 && lr < Infinity)) throw new RangeError(\`the learning rate must be a finite number from 0 on, not \${lr}\`);
}
`;

/** The loops as functions of this module. */
function loops({ plan }: PortableProgram, map: MemoryMap): Engine {
  const { views, kernels } = loopText(plan, map);
  const parameters = views.map((view) => `${view}: ${VIEW_TYPES[view]}`).join(", ");
  const names = plan.kernels.map(({ name }) => kernelFunction(name));
  return {
    declarations: [
      ...kernels,
      `const kernels: readonly ((${parameters}) => void)[] = [\n  ${names.join(",\n  ")},\n];`,
    ].join("\n\n"),
    start: [
      `const memory = new ArrayBuffer(${map.byteLength});`,
      ...views
        .filter((view) => view !== "scalars")
        .map((view) => `const ${view} = new ${VIEW_TYPES[view]}(memory);`),
      ...(plan.loops === undefined ? [] : ["const bytes = new Uint8Array(memory);"]),
    ].join("\n  "),
    run: (first, last) => {
      const place = ({ buffer, offset }: MovedPlace): string => `${map.addresses.get(buffer)}${offset}`;
      const text: RunText = {
        counter: "let",
        run: (from, to) => [`for (let k = ${from}; k < ${to}; k++) kernels[k](${views.join(", ")});`],
        move: (from, to, bytes) =>
          `bytes.copyWithin(${place(to)}, ${place(from)}, ${place(from)} + ${bytes});`,
      };
      return runLines(plan, text, first, last);
    },
  };
}

/** The WebAssembly module that is given to `create`. */
const webAssembly = (starts: readonly number[]): Engine => ({
  declarations: `
type Run = (thread: number, threads: number, from: number, to: number, base: number, resumed: number) => number;`,
  start: `const { instance } = await WebAssembly.instantiate(code, {});
  const memory = instance.exports.memory.buffer;
  const run: Run = instance.exports.run;`,
  run: (from, to) => (from === to ? [] : [`run(0, 1, ${starts[from]}, ${starts[to]}, 0, ${DONE});`]),
});

function createText(program: PortableProgram, target: ModuleTarget, map: MemoryMap, engine: Engine): string {
  const { plan, seed, optimizer } = program;
  const scalars =
    plan.scalars.length === 0
      ? ""
      : `const scalars = new Float64Array(memory, ${map.scalarsAt}, ${plan.scalars.length});`;
  const seedLine = plan.scalars.includes("seed") ? `seed: ${seed},` : "";
  const others = `get parameters(): Parameters {
      return readParameters(memory);
    },`;
  const counts = optimizer !== undefined || plan.scalars.includes("step");
  return `
/** Makes a model with the weights of a safetensors file${target === "wasm" ? ", and the code beside this module" : ""}. */
export async function create(${createParameters(target)}): Promise<Model> {
  ${engine.start}
  ${scalars}
  ${plan.inputs.map((input) => `const ${input.name}_in = ${viewText(input, map)};`).join("\n  ")}
  ${plan.outputs.map((output, k) => `const out${k} = ${viewText(output, map)};`).join("\n  ")}
  ${counts ? "let completed = 0;" : ""}
  let isFirst = true;
  const model: Model = {
    ${optimizer === undefined ? runText(program, engine) : stepText(program, engine)}
    ${seedLine}
    ${others}
    load(weights: Bytes): void {
      ${loadLines(program, engine).join("\n      ")}
    },
  };
  model.load(weights);
  return model;
}
`;
}

/**
 * Loads a file and, if it was saved by the model, the number of steps. States that are prepared from others are only
 * prepared here, since no run writes those.
 */
function loadLines({ plan, optimizer }: PortableProgram, engine: Engine): string[] {
  const isRandom = plan.scalars.includes("seed");
  const taken = ["isFirst = false;", ...engine.run(0, plan.preparedTo ?? 0)];
  if (optimizer === undefined) return ["readStates(memory, weights, isFirst);", ...taken];
  return [
    "const metadata = readStates(memory, weights, isFirst);",
    ...taken,
    'completed = Number(metadata["kiln.step"] ?? 0);',
    ...(isRandom ? ['model.seed = Number(metadata["kiln.seed"] ?? model.seed);'] : []),
  ];
}

function viewText({ buffer, dtype, shape }: Binding, { addresses }: MemoryMap): string {
  return `new ${arrayName(dtype)}(memory, ${addresses.get(buffer)}, ${sizeOf(shape)})`;
}

/** Checks all inputs, then copies them in. */
function feedLines({ plan, limits }: PortableProgram): string[] {
  const checks = plan.inputs.flatMap(({ name, shape }) => {
    const checkOf = ({ below, least = 0, ignoreIndex }: IndexLimit): string =>
      `checkIndices(${literal(name)}, ${name}, ${least}, ${below}${ignoreIndex === undefined ? "" : `, ${ignoreIndex}`});`;
    return [
      `checkLength(${literal(name)}, ${name}, ${sizeOf(shape)}, ${literal(formatShape(shape))});`,
      ...(limits.get(name) ?? []).map(checkOf),
    ];
  });
  return [...checks, ...plan.inputs.map(({ name }) => `${name}_in.set(${name});`)];
}

function runText(program: PortableProgram, engine: Engine): string {
  const { plan } = program;
  const { preparedTo = 0, commitFrom, kernels } = plan;
  const faults = faultLines(program);
  const running =
    faults.length === 0
      ? engine.run(preparedTo, kernels.length)
      : [...engine.run(preparedTo, commitFrom), ...faults, ...engine.run(commitFrom, kernels.length)];
  return `run(${parameterList(program)}): ${resultType(program)} {
      ${[...feedLines(program), ...scalarLines(program), ...running].join("\n      ")}
      ${plan.scalars.includes("step") ? "completed++;" : ""}
      return ${resultText(program)};
    },`;
}

function stepText(program: PortableProgram, engine: Engine): string {
  const { plan, optimizer } = program;
  const { preparedTo = 0, commitFrom, kernels } = plan;
  const seed = plan.scalars.includes("seed") ? ', "kiln.seed": String(model.seed)' : "";
  return `lr: ${optimizer!.lr},
    get stepCount(): number {
      return completed;
    },
    step(${parameterList(program)}): number {
      ${[...feedLines(program), ...scalarLines(program), ...engine.run(preparedTo, commitFrom), ...faultLines(program)].join("\n      ")}
      const loss = out0[0];
      if (!Number.isFinite(loss)) {
        throw new Error(\`the loss of step \${completed + 1} is \${loss}; the parameters are those after step \${completed}\`);
      }
      ${engine.run(commitFrom, kernels.length).join("\n      ")}
      completed++;
      return loss;
    },
    save(): Uint8Array {
      return writeStates(memory, { format: "pt", "kiln.step": String(completed)${seed} });
    },`;
}

/** Throws if a computed index is invalid. */
function faultLines({ plan, computedLimits }: PortableProgram): string[] {
  const faults = plan.outputs.flatMap((output, k) => (isIndexFault(output) ? [k] : []));
  return faults.map((k, n) => {
    const { of, op, below, least = 0 } = computedLimits[n];
    if (of === "overflow") return `if (out${k}[0] > ${NO_FAULT}) throw new RangeError(${literal(op)});`;
    return `checkComputed(${literal(op)}, out${k}[0], ${least}, ${below});`;
  });
}

/** Sets all scalars for the next run. */
function scalarLines({ plan, optimizer }: PortableProgram): string[] {
  const { lines = [], values = {} } = optimizer === undefined ? {} : optimizerScalars(optimizer, JAVASCRIPT);
  const known: Readonly<Record<string, string>> = { ...values, seed: "model.seed", step: "completed" };
  const rate = ["const { lr } = model;", "checkRate(lr);"];
  return [
    ...(optimizer === undefined ? [] : rate),
    ...lines,
    ...plan.scalars.map((name, k) => {
      if (known[name] === undefined) throw new InternalError(`no value for the scalar ${name}`);
      return `scalars[${k}] = ${known[name]};`;
    }),
  ];
}
