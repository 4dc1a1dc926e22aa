/** Which kernels prepare: those whose results depend on states alone that the program does not write, and no others. */

import { expect, test } from "vitest";
import { planMemory } from "../../../passes/codegen/plan-memory.ts";
import { prepare } from "../../../passes/codegen/prepare.ts";
import { lifetimesOf } from "../../../src/loop/plan.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import { verifyProgram } from "../../../src/loop/verify-program.ts";
import { namesOf, programOf, type Sizes, type Touches } from "../../support/touching-kernels.ts";

const SIZES: Sizes = {
  x: ["input", 8],
  w: ["state", 8],
  s: ["state", 8],
  ...{ a: ["intermediate", 8], b: ["intermediate", 8], c: ["intermediate", 8], p: ["scratch", 8] },
  y: ["output", 8],
};

/** A program of these kernels and the buffers that they name. */
function program(touches: readonly Touches[], parts: Partial<LoweredProgram> = {}): LoweredProgram {
  const named = new Set(touches.flatMap(([, reads, writes]) => [...reads, ...writes]));
  return programOf(
    Object.fromEntries(Object.entries(SIZES).filter(([name]) => named.has(name))),
    touches,
    parts,
  );
}

/** The same when the pass has been over it, proved to hold together. */
function prepared(touches: readonly Touches[], parts: Partial<LoweredProgram> = {}): LoweredProgram {
  const made = prepare.run(program(touches, parts));
  verifyProgram(planMemory.run(made));
  return made;
}

const namesPrepared = (made: LoweredProgram): string =>
  namesOf({ ...made, kernels: made.kernels.slice(0, made.preparedTo ?? 0) });

test("what depends on states alone comes first, in its order, and all else stays in its own", () => {
  const made = prepared([
    ["first", ["x"], ["a"]],
    ["pack", ["w"], ["p"]],
    ["product", ["a", "p"], ["b"]],
    ["scale", ["p"], ["c"]],
    ["last", ["b", "c"], ["y"]],
  ]);
  expect(namesOf(made)).toBe("pack scale first product last");
  expect(made.preparedTo).toBe(2);
});

test("what is prepared is alive before and after every run; what only preparing needs, no longer than that", () => {
  const made = prepared([
    ["first", ["x"], ["a"]],
    ["pack", ["w"], ["p"]],
    ["scale", ["p"], ["c"]],
    ["last", ["a", "c"], ["y"]],
  ]);
  const lives = new Map(lifetimesOf(made).map(({ buffer, first, last }) => [buffer, [first, last]]));
  expect(lives.get("c")).toEqual([-1, 4]);
  expect(lives.get("p")).toEqual([0, 1]);
  expect(lives.get("a")).toEqual([2, 3]);
});

test("a result that depends on states alone is prepared and kept for the host", () => {
  const made = prepared([["pack", ["w"], ["y"]]]);
  expect(made.preparedTo).toBe(1);
  expect(lifetimesOf(made).find(({ buffer }) => buffer === "y")).toMatchObject({ first: -1, last: 1 });
});

test("a program without such kernels is left as it is", () => {
  const alone = program([["all", ["x", "w"], ["y"]]]);
  expect(prepare.run(alone)).toBe(alone);
});

test("not prepared is what reads a state that the program writes, whenever it does", () => {
  const made = prepared(
    [
      ["pack", ["s"], ["p"]],
      ["other", ["w"], ["b"]],
      ["all", ["x", "p", "b"], ["y"]],
      ["commit", ["x"], ["s"]],
    ],
    { commitFrom: 3 },
  );
  expect(namesPrepared(made)).toBe("other");
  expect(made.commitFrom).toBe(3);
});

test("not prepared is what reads a scalar", () => {
  const plain = program([
    ["noise", ["w"], ["a"]],
    ["all", ["x", "a"], ["y"]],
  ]);
  const [noise, all] = plain.kernels;
  const random = { ...plain, scalars: ["seed"], kernels: [{ ...noise, scalars: ["seed"] }, all] };
  expect(prepare.run(random)).toBe(random);
});

test("not prepared is what somebody else writes who is not prepared, nor what comes of it", () => {
  const made = prepared([
    ["begin", ["w"], ["a"]],
    ["copy", ["a"], ["b"]],
    ["add", ["a", "x"], ["a"]],
    ["pack", ["w"], ["p"]],
    ["all", ["a", "b", "p"], ["y"]],
  ]);
  expect(namesPrepared(made)).toBe("pack");
});

test("not prepared is what is written again after others have read it", () => {
  const made = prepared([
    ["begin", ["w"], ["a"]],
    ["use", ["a", "x"], ["b"]],
    ["again", ["s"], ["a"]],
    ["all", ["a", "b"], ["y"]],
  ]);
  expect(made.preparedTo).toBeUndefined();
});

test("not prepared is what takes far more memory than the states that it is made of", () => {
  const sizes: Sizes = {
    ...{ x: ["input", 8], w: ["state", 10_000], y: ["output", 8] },
    ...{ a: ["intermediate", 10_000], p: ["scratch", 80_000], b: ["intermediate", 80_001] },
  };
  const made = prepare.run(
    programOf(sizes, [
      ["scale", ["w"], ["a"]],
      ["pack", ["a"], ["p"]],
      ["expand", ["a"], ["b"]],
      ["all", ["x", "p", "b"], ["y"]],
    ]),
  );
  expect(namesPrepared(made)).toBe("scale pack");
});

test("kernels of loops are not prepared, and loops stay around theirs", () => {
  const move = { from: "x", to: "a", length: 1, fromStride: 1, toStride: 0 };
  const loop = { name: "scan", iterations: 2, descending: false, initial: [], before: [move], after: [] };
  const made = prepared(
    [
      ["first", ["x"], ["b"]],
      ["inside", ["w"], ["c"]],
      ["inside2", ["a", "c"], ["y"]],
      ["pack", ["w"], ["p"]],
      ["last", ["y", "p"], ["y"]],
    ],
    { loops: [{ ...loop, from: 1, to: 3 }] },
  );
  expect(namesOf(made)).toBe("pack first inside inside2 last");
  expect(made.loops).toMatchObject([{ from: 2, to: 4 }]);
});

test("what loops move to is not prepared", () => {
  const move = { from: "x", to: "a", length: 1, fromStride: 1, toStride: 1 };
  const loop = { name: "scan", iterations: 2, descending: false, initial: [], before: [], after: [move] };
  const made = prepared(
    [
      ["fill", [], ["a"]],
      ["inside", ["x"], ["b"]],
      ["last", ["a", "b"], ["y"]],
    ],
    { loops: [{ ...loop, from: 1, to: 2 }] },
  );
  expect(made.preparedTo).toBeUndefined();
});
