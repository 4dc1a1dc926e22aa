/** The types of a stand-alone module's interface: exact shapes of inputs, outputs and parameters. */

import { arrayName, type DType } from "../core/dtype.ts";
import { isIndexFault } from "../core/index-limit.ts";
import type { Shape } from "../core/shape.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { ModuleTarget, PortableProgram } from "./portable.ts";
import { literal } from "./quote.ts";

/** `Tensor<Float32Array, readonly [64, 10]>`. */
export const tensorType = ({ dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): string =>
  `Tensor<${arrayName(dtype)}, readonly [${shape.join(", ")}]>`;

/** `x: Tensor<…>, target: Tensor<…>`. */
export const parameterList = ({ plan }: PortableProgram): string =>
  plan.inputs.map((input) => `${input.name}: ${tensorType(input)}`).join(", ");

/** The outputs that are results: all except those that check computed indices. */
export const resultsOf = ({ outputs }: ProgramPlan): ProgramPlan["outputs"] =>
  outputs.filter((output) => !isIndexFault(output));

/** The result of a forward pass: one tensor, or tensors in the lists and records that `forward` returns. */
export function resultType({ plan, returned }: PortableProgram): string {
  const types = resultsOf(plan).map(tensorType);
  return arrangedText(returned, (k) => types[k], { open: "{ readonly ", between: "; readonly " });
}

/** The expression of that result, from copies of the outputs. */
export const resultText = ({ returned }: PortableProgram): string =>
  arrangedText(returned, (k) => `out${k}.slice()`, { open: "{ ", between: ", " });

/** Lists and records of `textOf` for the indices in them; a list of one is replaced by its element, as in programs. */
function arrangedText(
  returned: unknown,
  textOf: (position: number) => string,
  records: { readonly open: string; readonly between: string },
): string {
  const text = (part: unknown): string => {
    if (typeof part === "number") return textOf(part);
    if (Array.isArray(part)) return `[${part.map(text).join(", ")}]`;
    if (typeof part !== "object" || part === null) return String(part);
    const entries = Object.entries(part).map(([name, item]) => `${propertyName(name)}: ${text(item)}`);
    return `${records.open}${entries.join(records.between)} }`;
  };
  return Array.isArray(returned) && returned.length === 1 && returned[0] === 0 ? textOf(0) : text(returned);
}

/** A property's name in an object and in a type; unquoted, this one would be the object's prototype. */
const propertyName = (name: string): string => (name === "__proto__" ? `[${literal(name)}]` : literal(name));

/** The parameters of `create`. */
export const createParameters = (target: ModuleTarget): string =>
  target === "js" ? "weights: Bytes" : "weights: Bytes, code: Bytes";

/** The exported types, up to and including `Model`. */
export function interfaceText(program: PortableProgram): string {
  const { plan, roles, optimizer } = program;
  const learned = plan.states.filter(({ name }) => roles.get(name) === "parameter");
  const isRandom = plan.scalars.includes("seed");
  const members = [
    optimizer === undefined
      ? `/** Runs the model; the result is the caller's own copy. */
  run(${parameterList(program)}): ${resultType(program)};`
      : `/**
   * One step of learning on a batch: forward, backward, update. Returns the loss before the update; if that is not
   * finite, throws and updates nothing.
   */
  step(${parameterList(program)}): number;
  /** The learning rate, which may change at any time. */
  lr: number;
  /** The number of steps so far. */
  readonly stepCount: number;
  /** Everything needed to continue training, as a safetensors file. */
  save(): Uint8Array;`,
    ...(isRandom ? ["/** The seed of random layers. */\n  seed: number;"] : []),
    `/** Copies of the parameters in row-major order, with PyTorch's names. */
  readonly parameters: Parameters;`,
    `/** Loads weights from a safetensors file${optimizer ? "; one without optimizer states starts them anew" : ""}. */
  load(weights: Bytes): void;`,
  ];
  return `
/** The bytes of a file. */
export type Bytes = ArrayBuffer | Uint8Array;

declare const shape: unique symbol;

/** Numbers in row-major order; a plain array is accepted, an array of another shape is not. */
export type Tensor<Data, Shape extends readonly number[]> = Data & { readonly [shape]?: Shape };

export interface Parameters {
${learned.map((state) => `  readonly ${literal(state.name)}: ${tensorType(state)};`).join("\n")}
}

export interface Model {
  ${members.join("\n  ")}
}
`;
}
