/** The interface of a C library: its arguments and parameters with their names, types and shapes. */

import { type DType, type ViewName, viewName } from "../../core/dtype.ts";
import { isRowMajor, physicalStrides } from "../../core/layout.ts";
import { type Shape, sizeOf, stridesOf } from "../../core/shape.ts";
import type { Binding } from "../../loop/program.ts";
import type { StateRole } from "../portable.ts";
import { resultsOf } from "../signature.ts";
import type { Library } from "./library.ts";
import { argumentNames } from "./names.ts";

export type ElementType = "float" | "int32_t" | "uint8_t";

const ELEMENTS: Readonly<Record<ViewName, ElementType>> = { f32: "float", i32: "int32_t", u8: "uint8_t" };

/** The C type of an element in memory. */
export const elementType = (dtype: DType): ElementType => ELEMENTS[viewName(dtype)];

/** An array argument of a function, to read or to write. */
export interface Argument {
  readonly name: string;
  /** The macro of its length. */
  readonly lengthName: string;
  readonly type: ElementType;
  readonly shape: Shape;
  readonly length: number;
  readonly binding: Binding;
}

export interface Parameter {
  readonly name: string;
  readonly role: StateRole;
  readonly buffer: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly length: number;
  /** The stride along each axis, in elements; whether that is row-major order. */
  readonly strides: readonly number[];
  readonly isPlain: boolean;
}

export interface Interface {
  readonly inputs: readonly Argument[];
  readonly outputs: readonly Argument[];
  readonly parameters: readonly Parameter[];
  readonly isTraining: boolean;
  readonly isRandom: boolean;
}

export function interfaceOf({ program, prefix, order }: Library): Interface {
  const { plan, returned, roles, optimizer } = program;
  const isTraining = optimizer !== undefined;
  const results = isTraining ? [] : resultsOf(plan);
  const wanted = isTraining ? [] : resultNames(returned, results.length);
  const names = argumentNames([...plan.inputs.map(({ name }) => name), ...wanted]);
  const all = [...plan.inputs, ...results].map((binding, k): Argument => {
    const { dtype, shape } = binding;
    return {
      name: names[k],
      lengthName: `${prefix}_${names[k]}_length`.toUpperCase(),
      type: elementType(dtype),
      shape,
      length: sizeOf(shape),
      binding,
    };
  });
  const rank = new Map(order.map((name, k) => [name, k]));
  const parameters = plan.states
    .filter(({ name }) => roles.get(name) !== "constant")
    .map(({ name, buffer, dtype, shape, layout }): Parameter => {
      const isPlain = layout === undefined || isRowMajor(shape, layout);
      const strides = isPlain ? stridesOf(shape) : physicalStrides(shape, layout);
      const common = { name, role: roles.get(name)!, buffer, dtype, shape, length: sizeOf(shape) };
      return { ...common, strides, isPlain };
    })
    .sort((a, b) => (rank.get(a.name) ?? order.length) - (rank.get(b.name) ?? order.length));
  const inputs = all.slice(0, plan.inputs.length);
  const outputs = all.slice(plan.inputs.length);
  return { inputs, outputs, parameters, isTraining, isRandom: plan.scalars.includes("seed") };
}

/** Names for results, from their position in what `forward` returns. */
function resultNames(returned: unknown, count: number): readonly string[] {
  const names = new Array<string>(count).fill("y");
  const visit = (part: unknown, path: readonly string[]): void => {
    if (typeof part === "number") names[part] = path.length === 0 ? "y" : path.join("_");
    else if (typeof part === "object" && part !== null)
      for (const [name, item] of Object.entries(part)) visit(item, [...path, name.replace(/^(\d)/, "y$1")]);
  };
  const isAlone = Array.isArray(returned) && returned.length === 1;
  visit(isAlone ? returned[0] : returned, []);
  return names;
}

/** The arguments of the library's main function, as they are declared. */
export const declaredArguments = ({ inputs, outputs }: Interface, prefix: string): string =>
  [
    `${prefix}_model *model`,
    ...inputs.map(({ name, type, lengthName }) => `const ${type} ${name}[${lengthName}]`),
    ...outputs.map(({ name, type, lengthName }) => `${type} ${name}[${lengthName}]`),
  ].join(", ");

/** `float[1, 10]`. */
export const describeArray = ({ type, shape }: Pick<Argument, "type" | "shape">): string =>
  `${type}[${shape.join(", ")}]`;
