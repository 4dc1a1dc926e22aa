/** The instructions around a loop's body: where its counter and pointers start, how they grow, and when it ends. */

import {
  branch,
  get,
  type Instruction,
  i32,
  type Local,
  loop,
  operation,
  set,
  vector,
} from "../encode/instructions.ts";
import type { FunctionContext } from "./context.ts";
import type { IntegerPlace } from "./places.ts";

/** A pointer that a loop bumps: an integer, or one that differs irregularly from lane to lane. */
export type Pointer = { readonly step: number } & (
  | { readonly place: IntegerPlace; readonly start: () => readonly Instruction[] }
  | { readonly local: Local; readonly start: readonly Instruction[] }
);

/** A loop whose body has been printed, so that it is known which forms of its integers are in use. */
export interface LoopPlaces {
  readonly name: string;
  readonly counter: IntegerPlace;
  readonly pointers: readonly Pointer[];
  readonly body: readonly Instruction[];
  readonly context: FunctionContext;
}

const grow = (local: Local, by: number): Instruction => set(local, operation("i32.add", get(local), i32(by)));

const starts = ({ pointers }: LoopPlaces): readonly Instruction[] =>
  pointers.flatMap((pointer) => ("place" in pointer ? pointer.start() : pointer.start));

function bumps({ pointers }: LoopPlaces): readonly Instruction[] {
  return pointers.flatMap((pointer) => {
    const { step } = pointer;
    if ("local" in pointer) {
      const steps = vector("i32x4", [step, step, step, step]);
      return [set(pointer.local, operation("i32x4.add", get(pointer.local), steps))];
    }
    const { elements, bytes } = pointer.place;
    return [...(elements ? [grow(elements, step)] : []), ...(bytes ? [grow(bytes, 4 * step)] : [])];
  });
}

/** The body for the counter's first value only: a single iteration, or the lanes of a vector loop together. */
export function once(around: LoopPlaces): readonly Instruction[] {
  const { elements, bytes } = around.counter;
  const zero = [elements, bytes].flatMap((local) => (local ? [set(local, i32(0))] : []));
  return [...zero, ...starts(around), ...around.body];
}

/** The loop's condition: the local that is compared after each iteration, and with what. */
interface End {
  readonly before: readonly Instruction[];
  readonly goesOn: Instruction;
}

/** The body, run at least once, until the counter reaches `extent`: a literal or an instruction to compute it. */
export function loopOf(around: LoopPlaces, extent: number | Instruction): readonly Instruction[] {
  const end = endOf(around, extent);
  const { elements, bytes } = around.counter;
  return [
    ...[elements, bytes].flatMap((local) => (local ? [set(local, i32(0))] : [])),
    ...starts(around),
    ...end.before,
    loop(around.name, [
      ...around.body,
      ...(elements ? [grow(elements, 1)] : []),
      ...(bytes ? [grow(bytes, 4)] : []),
      ...bumps(around),
      branch(around.name, end.goesOn),
    ]),
  ];
}

/** The body for the iterations from `first` to before `last`, at least one. */
export function loopBetween(
  around: LoopPlaces,
  first: Instruction,
  last: Instruction,
): readonly Instruction[] {
  const { name, counter, body, context } = around;
  context.integer(counter, "elements");
  const elements = counter.elements!;
  // Pointers start from the counter, in their own form: only then is it known which forms there are.
  const begin = starts(around);
  const inBytes = operation("i32.shl", get(elements), i32(2));
  return [
    set(elements, first),
    ...(counter.bytes ? [set(counter.bytes, inBytes)] : []),
    ...begin,
    loop(name, [
      ...body,
      grow(elements, 1),
      ...(counter.bytes ? [grow(counter.bytes, 4)] : []),
      ...bumps(around),
      branch(name, operation("i32.lt_u", get(elements), last)),
    ]),
  ];
}

/** By the counter in a form that is in use anyway, otherwise by a pointer, or else by a counter of its own. */
function endOf({ name, counter, pointers, context }: LoopPlaces, extent: number | Instruction): End {
  const below = (local: Local, limit: Instruction): End => ({
    before: [],
    goesOn: operation("i32.lt_u", get(local), limit),
  });
  if (typeof extent === "number" && counter.elements === undefined) {
    if (counter.bytes) return below(counter.bytes, i32(4 * extent));
    for (const pointer of pointers) {
      if (!("place" in pointer) || pointer.step === 0) continue;
      const { elements, bytes } = pointer.place;
      const local = bytes ?? elements;
      if (local === undefined) continue;
      const span = extent * pointer.step * (bytes ? 4 : 1);
      const last = context.local(`${name}_end`, "i32");
      return {
        before: [set(last, operation("i32.add", get(local), i32(span)))],
        goesOn: operation("i32.ne", get(local), get(last)),
      };
    }
  }
  context.integer(counter, "elements");
  return below(counter.elements!, typeof extent === "number" ? i32(extent) : extent);
}
