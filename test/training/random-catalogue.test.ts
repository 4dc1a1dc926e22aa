/** The generator of random models knows all that Kiln exports to build and train models with: derived, not listed. */

import * as kiln from "kiln-js";
import { describe, expect, test } from "vitest";
import { FUNCTIONS } from "../support/random-catalogue/functions.ts";
import { LAYERS } from "../support/random-catalogue/layers.ts";
import { LOSSES } from "../support/random-catalogue/losses.ts";
import { OPTIMIZERS, SCHEDULES } from "../support/random-catalogue/optimizers.ts";

/** What is in no random model, and why. */
const NOT_LAYERS: Readonly<Record<string, string>> = {
  Module: "the base of all",
  Parameter: "a tensor; steps such as `scale` have them",
  Buffer: "a tensor; layers such as BatchNorm2d have them",
  Loss: "the base of all losses",
  ModuleList: "every random net keeps its layers in one",
  Sequential: "every head of a random net is one",
  ModuleDict: "a container like ModuleList, that computes nothing",
  ParameterList: "a container like ModuleList, of parameters",
  ParameterDict: "a container of parameters",
};

const NOT_OPTIMIZERS: Readonly<Record<string, string>> = {
  Optimizer: "the base of all",
  ParamGroup: "what optimizers hold",
  LRScheduler: "the base of all schedules",
};

const NOT_FUNCTIONS: Readonly<Record<string, string>> = {
  ...reasons("they drive, and are no operation of forward's", [
    ...["backends", "compareBackends", "compile", "compileStep", "compileTraining", "load", "save"],
    ...["manualSeed", "generatorState", "setGeneratorState", "summary"],
  ]),
  ...reasons("they read or describe a tensor, or are for Kiln's own use", [
    ...[
      "constructor",
      "update",
      "become",
      "twin",
      "numel",
      "toJSON",
      "size",
      "peek",
      "data",
      "item",
      "array",
      "format",
      "broadcastShapes",
      "isFloatingPoint",
    ],
  ]),
  ...reasons("every training calls them", ["backward", "requiresGrad_"]),
  ...reasons("they refuse: their results' shapes depend on the data", ["maskedSelect", "nonzero", "unique"]),
  ...reasons("layers of other names compute it: Upsample, BCELoss, BCEWithLogitsLoss", [
    ...["interpolate", "binaryCrossEntropy", "binaryCrossEntropyWithLogits"],
  ]),
  multiHeadAttentionForward: "what the layer MultiheadAttention computes, from parameters of its own",
  long: "it refuses: there is no int64",
  registerHook: "test/pytorch/modules-hooks.test.ts has its models",
  ...reasons("their elements are anything", ["empty", "emptyLike"]),
};

function reasons(reason: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, reason]));
}

const isClass = (value: unknown): boolean =>
  typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));

const classesOf = (place: object): string[] =>
  Object.entries(place).flatMap(([name, value]) => (isClass(value) ? [name] : []));

const functionsOf = (place: object): string[] =>
  Object.entries(place).flatMap(([name, value]) =>
    typeof value === "function" && !isClass(value) ? [name] : [],
  );

function methodsOf(prototype: object | null): string[] {
  if (prototype === null || prototype === Object.prototype) return [];
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  return [
    ...own.flatMap(([name, { value }]) => (typeof value === "function" ? [name] : [])),
    ...methodsOf(Object.getPrototypeOf(prototype)),
  ];
}

/** A kind is a name, and perhaps a word for the way that it is used. */
const named = (kinds: readonly string[]): Set<string> => new Set(kinds.map((kind) => kind.split(" ")[0]));
const spelled = (name: string): string => name.toLowerCase();

const layers = named(Object.keys(LAYERS));
const losses = named(Object.keys(LOSSES));
const functions = named(Object.keys(FUNCTIONS));
/** `F.conv2d` is what `nn.Conv2d` computes, `F.batchNorm` what each `nn.BatchNorm` does, `F.klDiv` what `nn.KLDivLoss`. */
const computed = new Set(
  [...layers, ...losses].flatMap((name) =>
    [name, name.replace(/[123]d$/, ""), name.replace(/Loss$/, "")].map(spelled),
  ),
);
const trainedWith = new Set(
  [...OPTIMIZERS, ...SCHEDULES].flatMap(({ python }) =>
    [...python.matchAll(/\w+(?=\()/g)].map(([name]) => name),
  ),
);

/** An exported name that is missing belongs into one of the tables of test/support/random-catalogue, as one line. */
const missing = (
  names: readonly string[],
  isKnown: (name: string) => boolean,
  exceptions: Readonly<Record<string, string>>,
): string[] => [...new Set(names)].filter((name) => !isKnown(name) && !(name in exceptions));

describe("the generator knows", () => {
  test("every layer and loss of nn", () => {
    const isKnown = (name: string): boolean => layers.has(name) || losses.has(name);
    expect(missing(classesOf(kiln.nn), isKnown, NOT_LAYERS)).toEqual([]);
  });

  test("every optimizer and schedule", () => {
    const names = [...classesOf(kiln.optim), ...classesOf(kiln.optim.lrScheduler)];
    expect(missing(names, (name) => trainedWith.has(name), NOT_OPTIMIZERS)).toEqual([]);
  });

  test("every function and method of tensors, and of F", () => {
    const names = [...functionsOf(kiln), ...functionsOf(kiln.F), ...methodsOf(kiln.Tensor.prototype)];
    const isKnown = (name: string): boolean => functions.has(name) || computed.has(spelled(name));
    expect(missing(names, isKnown, NOT_FUNCTIONS)).toEqual([]);
  });

  test("nothing that has gone: tables and exceptions name what is exported", () => {
    const exported = new Set([
      ...[kiln, kiln.nn, kiln.F, kiln.optim, kiln.optim.lrScheduler].flatMap(Object.keys),
      ...methodsOf(kiln.Tensor.prototype),
      "autograd.Function",
      "autograd.grad",
      "int",
    ]);
    const told = [NOT_LAYERS, NOT_OPTIMIZERS, NOT_FUNCTIONS].flatMap(Object.keys);
    const all = [...layers, ...losses, ...functions, ...told];
    expect(all.filter((name) => !exported.has(name))).toEqual([]);
  });
});
