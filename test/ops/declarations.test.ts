/** What ops declare of their inputs and attributes: everything else is refused, by name, before a typing rule meets it. */

import { describe, expect, test } from "vitest";
import { isElement } from "../../src/core/conversion.ts";
import type { DType } from "../../src/core/dtype.ts";
import { KilnError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { isBody } from "../../src/ir/body.ts";
import type { Attr, Attrs, TensorType } from "../../src/ir/types.ts";
import type { Attribute } from "../../src/ops/declaration.ts";
import type { OpDef } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { generator } from "../support/draw.ts";
import { evaluateBody } from "../support/reference.ts";

/** Values that are wrong for an attribute, whatever else is right. */
function wrongValues(attribute: Attribute, right: Attr): readonly Attr[] {
  const noNumber = ["0", true, [1]];
  const noWhole = [...noNumber, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300];
  const noList = [0, "0", true, [0.5], [Number.NaN], [1e300]];
  const list = Array.isArray(right) ? (right as readonly number[]) : [];
  switch (attribute.kind) {
    case "number":
      return [...noNumber, ...beyond(attribute), ...(attribute.least === undefined ? [] : [Number.NaN])];
    case "int":
      return [...noWhole, ...beyond(attribute)];
    case "ints": {
      const { count, least } = attribute;
      const lengths = count === undefined ? [] : [[...list, 1], ...(list.length > 0 ? [list.slice(1)] : [])];
      const below = least === undefined || list.length === 0 ? [] : [[...list.slice(1), least - 1]];
      return [...noList, ...lengths, ...below];
    }
    case "axis":
      return [...noWhole, 99, -1];
    case "axes":
      return [...noList, [99], [-1], [0, 0]];
    case "graph":
      return [0, "graph", [1]];
    case "boolean":
      return [0, 1, "true", [1]];
    case "text":
      return [1, true, [1], ...(attribute.among ? ["nonsense", "toString"] : [])];
  }
}

const beyond = ({ least, most }: { readonly least?: number; readonly most?: number }): readonly number[] => [
  ...(least === undefined ? [] : [least - 1]),
  ...(most === undefined ? [] : [most + 1]),
];

/** Holds that `op` is refused with an error that names it. */
function expectRefusal(op: string, inputs: readonly TensorType[], attrs: Attrs): void {
  let found: unknown;
  try {
    found = opTable.infer(op, inputs, attrs);
  } catch (error) {
    if (error instanceof KilnError && error.message.includes(op)) return;
    found = error;
  }
  expect.fail(`${callOf(op, inputs, attrs)} should be refused but is ${String(found)}`);
}

const callOf = (op: string, inputs: readonly TensorType[], attrs: Attrs): string =>
  `${op} of ${JSON.stringify({ inputs, attrs })}`;

const without = (attrs: Attrs, name: string): Attrs =>
  Object.fromEntries(Object.entries(attrs).filter(([own]) => own !== name));

const DEFINITIONS: readonly (readonly [string, OpDef])[] = Object.entries(OPS);

describe.each(DEFINITIONS)("%s", (op, definition) => {
  const { arity, attributes } = definition;
  const [least, most] = typeof arity === "number" ? [arity, arity] : arity;

  test("goes by its own name and takes its samples", () => {
    expect(definition.name).toBe(op);
    for (const { inputs, attrs } of definition.samples()) {
      const { shape } = opTable.infer(op, inputs, attrs);
      expect(shape.every((extent) => Number.isInteger(extent) && extent >= 0)).toBe(true);
    }
  });

  test("refuses other numbers of inputs", () => {
    for (const { inputs, attrs } of definition.samples()) {
      for (let count = 0; count < least; count++) expectRefusal(op, inputs.slice(0, count), attrs);
      if (most === Number.POSITIVE_INFINITY) continue;
      const [first = { dtype: "float32", shape: [] } as const] = inputs;
      const added = new Array<TensorType>(most + 1 - inputs.length).fill(first);
      expectRefusal(op, [...inputs, ...added], attrs);
    }
  });

  test("refuses attributes that are missing, wrong or unknown", () => {
    for (const { inputs, attrs } of definition.samples()) {
      expectRefusal(op, inputs, { ...attrs, colour: 1 });
      expectRefusal(op, inputs, { ...attrs, toString: 1 });
      for (const [name, attribute] of Object.entries(attributes)) {
        if (attribute.isOptional !== true) expectRefusal(op, inputs, without(attrs, name));
        for (const value of wrongValues(attribute, attrs[name]))
          expectRefusal(op, inputs, { ...attrs, [name]: value });
      }
    }
  });

  test("takes what is nearly a sample as a type that its reference can follow, or refuses it", () => {
    const random = generator([...op].reduce((h, c) => Math.imul(h, 31) + c.charCodeAt(0), 7));
    for (const sample of definition.samples()) {
      for (let k = 0; k < CHANGES; k++) {
        const { inputs, attrs } = changed(sample, random);
        const output = typeOrRefusal(op, inputs, attrs);
        if (output === undefined || sizeOf(output.shape) > 2000) continue;
        // The mean of nothing is NaN, too.
        if (inputs.some(({ shape }) => shape.includes(0))) continue;
        const faultless = output.shape.every(isExtent) && hasElements(definition, inputs, output, attrs);
        if (!faultless) expect.fail(`${callOf(op, inputs, attrs)} should not be ${JSON.stringify(output)}`);
      }
    }
  });
});

const DTYPES: readonly DType[] = ["float32", "int32", "bool", "uint8"];

/** How often each sample is changed at random. */
const CHANGES = 30;

type Random = () => number;

const isExtent = (extent: number): boolean => Number.isInteger(extent) && extent >= 0;

/** Whether the reference gives elements of the result's type: what it reads outside of an input is NaN. */
function hasElements(
  definition: OpDef,
  inputs: readonly TensorType[],
  output: TensorType,
  attrs: Attrs,
): boolean {
  const float = definition.samples()[0]?.inputs[0]?.draw === "above 1" ? 1.5 : 0.5;
  const arrays = inputs.map(({ dtype, shape }) => ({
    shape,
    data: new Float64Array(sizeOf(shape)).fill(dtype === "float32" ? float : 0),
  }));
  const { data } = definition.reference(arrays, output, attrs, evaluateBody);
  if (data.length !== sizeOf(output.shape)) return false;
  return hasNoNumbers(attrs) || data.every((value) => isElement(value, output.dtype) && !Number.isNaN(value));
}

/** Whether the result may be NaN by definition: equal numbers over their deviation, the mean of nothing. */
const hasNoNumbers = ({ eps, ignoreIndex }: Attrs): boolean =>
  ignoreIndex === 0 || (typeof eps === "number" && eps <= 0);

const chosen = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)];

/** A sample of which one to three things are different: a dtype, an extent, an axis more or fewer, an attribute. */
function changed(
  sample: { readonly inputs: readonly TensorType[]; readonly attrs: Attrs },
  random: Random,
): { inputs: readonly TensorType[]; attrs: Attrs } {
  const inputs = sample.inputs.map(({ dtype, shape }) => ({ dtype, shape }));
  const attrs: Record<string, Attr> = { ...sample.attrs };
  const names = Object.keys(attrs);
  for (let changes = chosen(random, [1, 2, 3]); changes > 0; changes--) {
    if (names.length === 0 || (inputs.length > 0 && random() < 0.6)) {
      const k = Math.floor(random() * inputs.length);
      if (inputs.length > 0) inputs[k] = changedType(inputs[k], random);
    } else {
      const name = chosen(random, names);
      attrs[name] = changedAttribute(attrs[name], random);
    }
  }
  return { inputs, attrs };
}

function changedType({ dtype, shape }: TensorType, random: Random): TensorType {
  const axis = Math.floor(random() * (shape.length + 1));
  const extent = chosen(random, [1, 2, 3, 4, 5]);
  return chosen<TensorType>(random, [
    { dtype: chosen(random, DTYPES), shape },
    { dtype, shape: [...shape.slice(0, axis), extent, ...shape.slice(axis)] },
    { dtype, shape: shape.filter((_, k) => k !== axis) },
    { dtype, shape: shape.map((own, k) => (k === axis ? extent : own)) },
  ]);
}

function changedAttribute(value: Attr, random: Random): Attr {
  if (typeof value === "number") return chosen(random, [value + 1, value - 1, -value, 0, 99, value * 2]);
  if (typeof value === "boolean") return !value;
  if (typeof value === "string") return chosen(random, [...DTYPES, "mean", "none", "nonsense"]);
  if (isBody(value)) return { ...value, outputs: value.outputs.slice(1) };
  const k = Math.floor(random() * (value.length + 1));
  const item = chosen(random, [-1, 0, 1, 2, 3, 7]);
  return k === value.length ? [...value, item] : value.map((own, other) => (other === k ? item : own));
}

/** The result's type, or `undefined` where a KilnError says why there is none. */
function typeOrRefusal(op: string, inputs: readonly TensorType[], attrs: Attrs): TensorType | undefined {
  try {
    return opTable.infer(op, inputs, attrs);
  } catch (error) {
    if (!(error instanceof KilnError)) expect.fail(`${callOf(op, inputs, attrs)} fails: ${String(error)}`);
    return undefined;
  }
}
