/** The table of all ops. Its type maps every name to a full definition, so that a missing rule does not compile. */

import { KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { operandsOf, producerOf, RESULT } from "../ir/body.ts";
import type { Node, NodeType, OpTable, TensorType, Value } from "../ir/types.ts";
import { ACTIVATION } from "./activation.ts";
import { ARITHMETIC } from "./arithmetic.ts";
import { AVG_POOL2D } from "./avg_pool2d.ts";
import { BITS } from "./bits.ts";
import { CLAMP } from "./clamp.ts";
import { CONV_TRANSPOSE2D } from "./conv_transpose2d.ts";
import { CONV2D } from "./conv2d.ts";
import { requireDeclared } from "./declaration.ts";
import { describe, type OpDef } from "./definition.ts";
import { DIAGONAL } from "./diagonal.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { EMBEDDING } from "./embedding.ts";
import { GELU } from "./gelu.ts";
import { GRADIENT } from "./gradient.ts";
import { INDEX_SELECT } from "./index_select.ts";
import { INDEXING } from "./indexing.ts";
import { IOTA } from "./iota.ts";
import { JOIN } from "./join.ts";
import { LERP } from "./lerp.ts";
import { LOSS } from "./loss.ts";
import { MATH } from "./math.ts";
import { MATMUL } from "./matmul.ts";
import { MAX_DIM } from "./max_dim.ts";
import { MAX_POOL2D } from "./max_pool2d.ts";
import { NLL } from "./nll.ts";
import { NORMALIZATION } from "./normalization.ts";
import { ORDER } from "./order.ts";
import { POSITIONS } from "./positions.ts";
import { RANDOM } from "./random.ts";
import { REARRANGE } from "./rearrange.ts";
import { REDUCTION } from "./reduction.ts";
import { RESULTS } from "./result.ts";
import { ROUNDING } from "./rounding.ts";
import { SCAN } from "./scan.ts";
import { SHAPE } from "./shape.ts";
import { SOFTMAX } from "./softmax.ts";
import { STANDARDIZE } from "./standardize.ts";
import { STATISTICS } from "./statistics.ts";
import { HYPERBOLIC, TRIGONOMETRY } from "./trigonometry.ts";
import { UNFOLD } from "./unfold.ts";

const DEFINITIONS = {
  ...ELEMENTWISE,
  ...ARITHMETIC,
  ...CLAMP,
  ...SHAPE,
  ...REDUCTION,
  ...MAX_DIM,
  ...MATMUL,
  ...CONV2D,
  ...CONV_TRANSPOSE2D,
  ...MAX_POOL2D,
  ...AVG_POOL2D,
  ...SOFTMAX,
  ...LOSS,
  ...NLL,
  ...REARRANGE,
  ...DIAGONAL,
  ...IOTA,
  ...JOIN,
  ...INDEXING,
  ...INDEX_SELECT,
  ...POSITIONS,
  ...ORDER,
  ...UNFOLD,
  ...EMBEDDING,
  ...STANDARDIZE,
  ...STATISTICS,
  ...MATH,
  ...GELU,
  ...TRIGONOMETRY,
  ...HYPERBOLIC,
  ...ROUNDING,
  ...LERP,
  ...BITS,
  ...NORMALIZATION,
  ...RANDOM,
  ...ACTIVATION,
  ...GRADIENT,
  ...RESULTS,
  ...SCAN,
};

export type OpName = keyof typeof DEFINITIONS;

/** Every op by name. */
export const OPS: { readonly [Name in OpName]: OpDef } = DEFINITIONS;

const byName: ReadonlyMap<string, OpDef> = new Map(Object.entries(OPS));

/** The definition of an op by name, or of the op that computes a node; throws if there is none. */
export function definitionOf(named: string | Node): OpDef {
  const op = typeof named === "string" ? named : producerOf(named).op;
  const definition = byName.get(op);
  if (definition === undefined) throw new KilnError(`there is no op named ${op}`);
  return definition;
}

const compared = new WeakMap<readonly Node[], ReadonlySet<Value>>();

/** The values that any of the nodes compares: cached for all nodes of a graph. */
function comparedBy(nodes: readonly Node[]): ReadonlySet<Value> {
  let values = compared.get(nodes);
  if (values === undefined) {
    values = new Set(
      nodes.flatMap((user) => (definitionOf(user).compares ?? []).map((k) => operandsOf(user)[k])),
    );
    compared.set(nodes, values);
  }
  return values;
}

/** What an op reads of another: its first result. */
const firstOf = (type: NodeType): TensorType =>
  type.others === undefined ? type : { dtype: type.dtype, shape: type.shape };

/** Positions in memory are int32. */
const MOST_ELEMENTS = 2 ** 31 - 1;

/** The registry as the Graph IR sees it: inputs and attributes are checked before a type is inferred. */
export const opTable: OpTable = {
  infer(op, inputs, attrs) {
    const definition = definitionOf(op);
    requireDeclared(definition, inputs, attrs);
    const type = definition.infer(op === RESULT ? inputs : inputs.map(firstOf), attrs);
    if (!(sizeOf(type.shape) <= MOST_ELEMENTS))
      throw new KilnError(`${op} would give ${describe(type)}, and a tensor has at most 2^31 - 1 elements`);
    return type;
  },
  vjp: (b, node, cotangent, others) =>
    definitionOf(node).vjp(b, cotangent, node.inputs, node, node.attrs, others),
  isRepeated: (node, { nodes }) =>
    ["row", "view"].includes(definitionOf(node).pattern) && !comparedBy(nodes).has(node),
  movesData: (node) => definitionOf(node).movement !== undefined,
  sumOverStacks: ({ op, inputs, attrs }) =>
    definitionOf(op).sumOverStacks?.(
      inputs.map(({ type }) => type),
      attrs,
    ),
  has: (op) => byName.has(op),
};
