/** The options of a compilation, checked before anything is traced: a mistake is reported in terms of the call. */

import { describeValue, isClass } from "../core/describe-value.ts";
import { isDType, PUBLIC_DTYPES } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { OptionNames } from "../core/option-names.ts";
import type { TensorType } from "../ir/types.ts";
import {
  type InputOption,
  type InputSpec,
  type InputTree,
  Signature,
  type TensorSpec,
} from "../runtime/programs/signature.ts";
import { ANY_SHAPES, type DynamicShapes } from "../runtime/programs/specialization-cache.ts";
import type { CommonOptions } from "./build.ts";

/** The names of the options that every kind of program has. */
export const COMMON_OPTIONS = {
  inputs: true,
  dynamicShapes: true,
  maxPrograms: true,
  backend: true,
  threads: true,
  deterministic: true,
  strategy: true,
  winograd: true,
  tune: true,
  watch: true,
  warnings: true,
} satisfies OptionNames<CommonOptions>;

/** The types in `inputs` or `targets`, one for each tensor. */
export function readTypes(specs: readonly TensorSpec[], what: "inputs" | "targets"): readonly TensorType[] {
  checkList(specs, what);
  return specs.map((spec) => readType(spec, what));
}

/** The arguments of `forward` that `inputs` describes. */
export function readSignature(specs: readonly InputSpec[]): Signature {
  checkList(specs, "inputs");
  const signature = new Signature(specs.map(readTree));
  if (signature.types.length > 0 || specs.length === 0) return signature;
  throw new KilnError(
    `inputs must hold the shape of a tensor, such as [64, 1, 32, 32], not ${specs.map(describeValue).join(", ")} alone`,
  );
}

function checkList(specs: readonly unknown[], what: "inputs" | "targets"): void {
  if (!Array.isArray(specs)) {
    throw new KilnError(
      `${what} must be a list of shapes, such as [[64, 1, 32, 32]], not ${describeValue(specs)}`,
    );
  }
  if (specs.length > 0 && specs.every((spec) => typeof spec === "number")) {
    throw new KilnError(
      `${what} must be a list of shapes, one for each tensor: write ${what}: [[${specs.join(", ")}]]`,
    );
  }
}

function readTree(spec: InputSpec): InputTree {
  if (spec === null || ["undefined", "boolean", "number", "string"].includes(typeof spec))
    return { kind: "option", value: spec as InputOption };
  if (Array.isArray(spec) && spec.some((item) => typeof item === "object" && item !== null))
    return { kind: "list", items: spec.map(readTree) };
  if (Array.isArray(spec) || Object.getPrototypeOf(spec) !== Object.prototype || "shape" in (spec as object))
    return { kind: "tensor", type: readType(spec as TensorSpec, "inputs") };
  return {
    kind: "record",
    entries: Object.entries(spec as object).map(([name, item]) => [name, readTree(item)]),
  };
}

function readType(spec: TensorSpec, what: string): TensorType {
  const isNamed = typeof spec === "object" && spec !== null && "shape" in spec;
  const { shape, dtype = "float32" } = isNamed ? spec : { shape: spec };
  if (!Array.isArray(shape) || shape.some((extent) => !Number.isSafeInteger(extent) || extent < 1)) {
    const shown = Array.isArray(shape) ? JSON.stringify(shape) : describeValue(shape);
    throw new KilnError(
      `${what} must hold shapes of positive whole numbers, such as [64, 1, 32, 32], not ${shown}`,
    );
  }
  if (!isDType(dtype)) {
    throw new KilnError(`${what} may have the dtypes ${PUBLIC_DTYPES.join(", ")}, not ${String(dtype)}`);
  }
  return { shape, dtype };
}

/** The options for shapes other than those of `inputs`. */
export function readDynamicShapes({
  dynamicShapes = ANY_SHAPES.dimensions,
  maxPrograms = ANY_SHAPES.most,
}: CommonOptions): DynamicShapes {
  if (!["any", "batch", "none"].includes(dynamicShapes))
    throw new KilnError(`dynamicShapes must be any, batch or none, not ${JSON.stringify(dynamicShapes)}`);
  if (!Number.isSafeInteger(maxPrograms) || maxPrograms < 1)
    throw new KilnError(`maxPrograms must be a whole number of at least 1, not ${String(maxPrograms)}`);
  return { dimensions: dynamicShapes, most: maxPrograms };
}

/** Throws unless `model` is something that can be traced. */
export function checkModel(callee: string, model: unknown): void {
  if (isModuleLike(model)) return;
  const advice = isClass(model) ? `: make one with new ${(model as { name: string }).name}()` : "";
  throw new KilnError(
    `${callee} takes a model first, an instance of nn.Module, not ${describeValue(model)}${advice}`,
  );
}

/** Throws unless `loss` is a module. */
export function checkLoss(callee: string, loss: unknown): void {
  if (isModuleLike(loss)) return;
  const what = loss === undefined ? "none is given" : `loss is ${describeValue(loss)}`;
  throw new KilnError(
    `${callee} needs a loss that is a module, such as loss: new nn.CrossEntropyLoss(), but ${what}` +
      (typeof loss === "function" && !isClass(loss)
        ? "; to use a function, call it in the forward(output, target) of an nn.Module and give targets, or write the whole " +
          "step as a function, for compileStep"
        : ""),
  );
}

/** Throws unless `metrics` are functions by name, if there are any. */
export function checkMetrics(metrics: unknown): void {
  if (metrics === undefined) return;
  const [name, strange] = isObject(metrics)
    ? (Object.entries(metrics).find(([, metric]) => typeof metric !== "function") ?? [])
    : ["metrics", metrics];
  if (name === undefined) return;
  throw new KilnError(
    "metrics are functions of outputs and targets by name, such as { error: (output, target) => " +
      `output.sub(target).abs().mean() }; ${name} is ${describeValue(strange)}`,
  );
}

/** Throws unless `step` is a function that can be traced. */
export function checkStep(step: unknown): void {
  if (typeof step !== "function" || isClass(step)) {
    throw new KilnError(
      "compileStep takes a function first, such as (x, y) => { …; loss.backward(); optimizer.step(); return loss; }, not " +
        describeValue(step),
    );
  }
  if (step.constructor.name !== "AsyncFunction") return;
  throw new KilnError(
    "compileStep takes a function that is not async: a step awaits nothing, optimizer.step() need not be awaited",
  );
}

/** Throws unless as many inputs are listed as `step` declares; parameters with defaults and rest parameters are free. */
export function checkInputCount(step: { readonly length: number; toString(): string }, given: number): void {
  const source = String(step);
  const isOpen = /\.\.\.|=(?!>)/.test(source.slice(0, source.search(/=>|\{/)));
  if (given === step.length || (isOpen && given > step.length)) return;
  throw new KilnError(`the step takes ${step.length} tensors, and inputs lists ${given}`);
}

/** Throws unless `modules` are modules by name, at least one. */
export function checkModules(callee: string, modules: unknown): void {
  const isRecord = isObject(modules) && !Array.isArray(modules) && !isModuleLike(modules);
  const entries = isRecord ? Object.entries(modules) : [];
  const strange = entries.find(([, module]) => !isModuleLike(module));
  if (entries.length > 0 && strange === undefined) return;
  const found =
    strange === undefined ? describeValue(modules) : `${strange[0]} is ${describeValue(strange[1])}`;
  throw new KilnError(
    `${callee} needs the modules whose parameters and buffers the step uses, by name, such as modules: { generator, ` +
      `discriminator }: ${found}`,
  );
}

/** Throws unless `optimizer` is one of `kiln.optim`, or works like one. */
export function checkOptimizer(optimizer: unknown, where = "compileTraining needs an optimizer"): void {
  if (isOptimizerLike(optimizer)) return;
  const what = optimizer === undefined ? "none is given" : `optimizer is ${describeValue(optimizer)}`;
  throw new KilnError(
    `${where}, such as optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }), but ${what}`,
  );
}

const isModuleLike = (value: unknown): boolean =>
  isObject(value) && typeof value.forward === "function" && typeof value.namedModules === "function";

const isOptimizerLike = (value: unknown): boolean =>
  isObject(value) && Array.isArray(value.paramGroups) && typeof value.stateOf === "function";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
