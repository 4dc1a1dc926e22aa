/** Ops that move elements, and those that read them at positions. */

import { ints, number } from "../../../ops/definition.ts";
import type { GraphWriter } from "../graph-writer.ts";
import type { Call, Named, Spelling } from "../spelling.ts";

/** Elements from `starts` to before `stops` in `steps`, along every axis. */
const sliced = (
  w: GraphWriter,
  { name, shape }: Named,
  starts: readonly number[],
  stops: readonly number[],
  steps: readonly number[],
): string => {
  if (shape.length === 0) return name;
  const axes = shape.map((_, axis) => axis);
  return w.node("Slice", [name, w.ints(starts), w.ints(stops), w.ints(axes), w.ints(steps)]);
};

/** Before the first element, counting back from the last one. */
const BEFORE_ALL = -(2 ** 31);

const flip: Spelling = ({ w, inputs: [x], attrs }) => {
  const isTurned = x.shape.map((_, axis) => ints(attrs, "axes").includes(axis));
  return sliced(
    w,
    x,
    isTurned.map((turned) => (turned ? -1 : 0)),
    x.shape.map((extent, axis) => (isTurned[axis] ? BEFORE_ALL : extent)),
    isTurned.map((turned) => (turned ? -1 : 1)),
  );
};

const pad: Spelling = ({ w, inputs: [x], attrs }) => {
  if (x.shape.length === 0) return x.name;
  const pads = w.ints([...ints(attrs, "before"), ...ints(attrs, "after")]);
  return w.node("Pad", [x.name, pads, w.number(x.dtype, number(attrs, "value"))], { mode: "constant" });
};

/** The shape is the result's, with any -1 filled in. */
const reshape = ({ w, inputs: [x], output }: Call): string =>
  w.node("Reshape", [x.name, w.ints(output.shape)], { allowzero: 1 });

export const ARRANGEMENT = {
  reshape,
  broadcast_to: ({ w, inputs: [x], output }) => w.node("Expand", [x.name, w.ints(output.shape)]),
  permute: ({ w, inputs: [x], attrs }) =>
    x.shape.length === 0 ? x.name : w.node("Transpose", [x.name], { perm: ints(attrs, "dims") }),
  flip,
  slice: ({ w, inputs: [x], attrs }) =>
    sliced(w, x, ints(attrs, "starts"), ints(attrs, "stops"), ints(attrs, "steps")),
  pad,
  cat: ({ w, inputs, attrs }) =>
    w.node(
      "Concat",
      inputs.map(({ name }) => name),
      { axis: number(attrs, "axis") },
    ),
  gather: ({ w, inputs: [x, index], attrs }) =>
    w.node("GatherElements", [x.name, index.name], { axis: number(attrs, "axis") }),
  index_select: ({ w, inputs: [x, index], attrs }) =>
    w.node("Gather", [x.name, index.name], { axis: number(attrs, "axis") }),
  embedding: ({ w, inputs: [table, index] }) => w.node("Gather", [table.name, index.name], { axis: 0 }),
  scatter_add: ({ w, inputs: [x, index], attrs, output }) => {
    const zeros = w.node("Expand", [w.number(x.dtype, 0), w.ints(output.shape)]);
    return w.node("ScatterElements", [zeros, index.name, x.name], {
      axis: number(attrs, "axis"),
      reduction: "add",
    });
  },
} as const satisfies Readonly<Record<string, Spelling>>;
