/** Branches that are decided when the model is compiled, and loops that stay loops. */

import { normalizeAxis } from "../../core/shape.ts";
import { arange } from "../../tensor/creation.ts";
import { stack } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { scan } from "../../trace/scan.ts";
import type { Call } from "../call.ts";
import { constant } from "../constant.ts";
import { checkCount } from "../most-numbers.ts";
import type { Operator, Result } from "../operator.ts";
import { UnknownNumbersError } from "../unsupported.ts";
import { Value } from "../value.ts";

function branch(call: Call): readonly Result[] {
  const { known } = call.value(0);
  if (known === undefined)
    return call.lacks(
      "its condition is computed when the program runs, but Kiln decides branches at compile time",
    );
  return call.around.runGraph(call.graph(known.data[0] !== 0 ? "then_branch" : "else_branch"), []);
}

/** Runs a body for each iteration: the carried values, and the outputs of each iteration. */
interface Body {
  readonly carried: readonly Value[];
  readonly sequences: readonly Value[];
  readonly length: number;
  /** For each sequence whether it is walked from its end. */
  readonly reversed: readonly boolean[];
  /** Calls the graph in the attribute `body`. */
  run(
    iteration: Tensor,
    carried: readonly Value[],
    elements: readonly Value[],
  ): {
    readonly carried: readonly Value[];
    readonly said: readonly Value[];
  };
}

/** The loop as a scan; values keep the element types that the model declares. */
function looped({ carried, sequences, length, reversed, run }: Body): {
  readonly carried: readonly Value[];
  readonly said: readonly Value[];
} {
  let said: readonly Value[] = [];
  checkCount(length, "iterations");
  const count = arange(length, { dtype: "int32" });
  const walked = sequences.map((value, k) => (reversed[k] ? value.tensor.flip(0) : value.tensor));
  const [last, stacked] = scan(
    (carry: Tensor[], [iteration, ...elements]: Tensor[]) => {
      const result = run(
        iteration,
        carry.map((tensor, k) => Value.of(carried[k].type, tensor, carried[k].name)),
        elements.map((tensor, k) => Value.of(sequences[k].type, tensor, sequences[k].name)),
      );
      said = result.said;
      return [result.carried.map(({ tensor }) => tensor), said.map(({ tensor }) => tensor)] as const;
    },
    carried.map(({ tensor }) => tensor),
    [count, ...walked],
  );
  return {
    carried: last.map((tensor, k) => Value.of(carried[k].type, tensor, carried[k].name)),
    said: stacked.map((tensor, k) => Value.of(said[k].type, tensor, said[k].name)),
  };
}

/** How many iterations are unrolled at most, if shapes depend on the iteration. */
const MOST_UNROLLED = 256;

function loop(call: Call): readonly Result[] {
  const trips = call.has(0) ? call.number(0) : call.lacks("it has no number of iterations, which Kiln needs");
  if (call.has(1) && call.number(1) === 0) return call.lacks("its condition is false from the start");
  try {
    return keptLoop(call, trips);
  } catch (error) {
    if (!(error instanceof UnknownNumbersError) || trips > MOST_UNROLLED) throw error;
    return unrolled(call, trips);
  }
}

/** The body once, in a loop. */
function keptLoop(call: Call, trips: number): readonly Result[] {
  const carried = call.values(2);
  const { carried: last, said } = looped({
    carried,
    sequences: [],
    length: trips,
    reversed: [],
    run: (iteration, values) => iterate(call, Value.of("int64", iteration, "iteration"), values),
  });
  return [...last, ...said];
}

/** The body as often as it runs, each time with the number of the iteration. */
function unrolled(call: Call, trips: number): readonly Result[] {
  let carried = call.values(2);
  const said: (readonly Value[])[] = [];
  for (let k = 0; k < trips; k++) {
    const next = iterate(call, Value.known(constant("int64", [], [k]), "iteration"), carried);
    carried = next.carried;
    said.push(next.said);
  }
  if (said.length === 0) return carried;
  const stacked = said[0].map(({ type, name }, k) =>
    Value.of(type, stack(said.map((values) => values[k].tensor)), name),
  );
  return [...carried, ...stacked];
}

function iterate(call: Call, iteration: Value, carried: readonly Value[]): ReturnType<Body["run"]> {
  const goesOn = Value.known(constant("bool", [], [1]), "condition");
  const [condition, ...results] = call.around.runGraph(call.graph("body"), [iteration, goesOn, ...carried]);
  if (condition.known === undefined || condition.known.data[0] === 0)
    call.lacks("its body decides when it ends: Kiln has loops whose number of iterations is known");
  return { carried: results.slice(0, carried.length), said: results.slice(carried.length) };
}

function scanned(call: Call): readonly Result[] {
  const body = call.graph("body");
  // Version 8 had a batch axis, and an input for the lengths of sequences.
  if (call.opset < 9)
    return call.lacks("Scan of version 8 is not read: convert the model to a newer operator set");
  const count = call.int("num_scan_inputs");
  const values = call.values();
  const [carried, given] = [values.slice(0, values.length - count), values.slice(values.length - count)];
  const inputAxes = call.ints("scan_input_axes") ?? given.map(() => 0);
  const sequences = given.map((value, k) => {
    const axis = normalizeAxis(inputAxes[k], value.shape.length);
    return axis === 0 ? value : Value.of(value.type, value.tensor.movedim(axis, 0), value.name);
  });
  const backwards = (list: readonly number[] | undefined, k: number): boolean => list?.[k] === 1;
  const directions = call.ints("scan_input_directions");
  const { carried: last, said } = looped({
    carried,
    sequences,
    length: sequences[0].shape[0],
    reversed: sequences.map((_, k) => backwards(directions, k)),
    run: (_, now, elements) => {
      const results = call.around.runGraph(body, [...now, ...elements]);
      return { carried: results.slice(0, carried.length), said: results.slice(carried.length) };
    },
  });
  const outputAxes = call.ints("scan_output_axes");
  const outputDirections = call.ints("scan_output_directions");
  const stacked = said.map((value, k) => {
    const ordered = backwards(outputDirections, k) ? value.tensor.flip(0) : value.tensor;
    const axis = normalizeAxis(outputAxes?.[k] ?? 0, ordered.ndim);
    return Value.of(value.type, axis === 0 ? ordered : ordered.movedim(0, axis), value.name);
  });
  return [...last, ...stacked];
}

export const CONTROL_FLOW: readonly Operator[] = [
  { name: "If", known: [0], limits: "the condition is known when the model is compiled", run: branch },
  {
    name: "Loop",
    unsigned: "bits",
    known: [0, 1],
    limits: "the number of iterations is known when the model is compiled, and the body does not end it",
    run: loop,
  },
  { name: "Scan", unsigned: "bits", run: scanned },
];
