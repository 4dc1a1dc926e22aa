/** What is wrong with a text of kernels is said with line and column, and no name gets into code that is none. */

import { describe, expect, test } from "vitest";
import { compileArtifact } from "../../src/driver/compile-artifact.ts";
import { parseProgram } from "../../src/loop/parse.ts";
import { printProgram } from "../../src/loop/program.ts";
import { HOSTILE } from "../inspect/hostile.ts";

const TEXT = `program tiny
  scalars $lr
  commit from update
  input x: f32[2,3] = %x
  state w: f32[3] = @w
  intermediate relu: f32[2,3]  # %0
  return out=relu

kernel relu   at net.ts:3 a
  ops relu
  flops 6
  read x: f32[6]  # %x
  write relu: f32[6]  # %0
  for i0 in 6 grid
    relu[i0] = max(x[i0], 0.0)

kernel update   at net.ts:4
  ops mul, sub
  flops 6
  read relu: f32[6]  # %0
  readwrite w: f32[3]  # @w
  scalar $lr: f32
  for i0 in 3 grid
    let step = $lr * relu[i0 + 3]
    w[i0] = w[i0] - step
`;

/** The message for the text with something else in the place of `from`. */
function faultOf(from: string | RegExp, to: string): string {
  const text = TEXT.replace(from, () => to);
  expect(text).not.toBe(TEXT);
  try {
    parseProgram(text);
  } catch (error) {
    return (error as Error).message;
  }
  return "no fault";
}

test("the text they are all made from is one", async () => {
  expect(`${printProgram(parseProgram(TEXT))}\n`).toBe(TEXT);
  const { kernels } = await compileArtifact(parseProgram(TEXT), { backend: "js" });
  expect(kernels.map(({ name }) => name)).toEqual(["relu", "update"]);
});

describe("one line, with line and column, for", () => {
  test.each([
    ["another text", /^program/, "graph", "line 1, column 1: expected a program or a plan, but found"],
    ["a plan without an arena", /^program/, "plan", 'line 4, column 1: expected "arena"'],
    [
      "a program that commits from a kernel there is none of",
      "from update",
      "from updates",
      "line 3, column 15: expected the name of a kernel below, but updates is not one",
    ],
    [
      "an unknown type",
      "x: f32[2,3] =",
      "x: f64[2,3] =",
      "line 4, column 12: expected one of f32, i32, bool, u8",
    ],
    [
      "a shape that is less than empty",
      "x: f32[2,3] =",
      "x: f32[2,-1] =",
      "line 4, column 12: expected extents that are whole numbers",
    ],
    ["an input without its name", " = %x", "", 'line 4, column 20: expected "= %", but found the end'],
    [
      "a layout that is none",
      "w: f32[3] =",
      "w: f32[3] in order [1] =",
      "line 5, column 28: expected the axes 0 to 0 in some order, but found 1",
    ],
    [
      "a buffer twice",
      "state w",
      "state x",
      "line 5, column 9: expected a new name, but x is declared already",
    ],
    [
      "a result that is nowhere",
      "out=relu",
      "out=rely",
      "line 7, column 14: expected a buffer of the program, but rely is not one",
    ],
    [
      "a setting that is misspelled",
      "  return",
      "  returns",
      'line 7, column 1: expected "kernel", but found',
    ],
    [
      "a kernel twice",
      "kernel update",
      "kernel relu",
      "line 17, column 8: expected a new name, but there is a kernel relu above",
    ],
    [
      "a kernel without its count of operations",
      "  flops 6\n",
      "",
      'line 11, column 1: expected "flops", but found',
    ],
    [
      "a buffer that is not flat",
      "x: f32[6]",
      "x: f32[2,3]",
      "line 12, column 11: expected a length such as f32[120]",
    ],
    [
      "an unknown buffer",
      "max(x[i0]",
      "max(y[i0]",
      "line 15, column 20: expected a buffer of the kernel, but y is not one",
    ],
    [
      "an unknown operator",
      "max(",
      "maximum(",
      "line 15, column 16: expected an operator, but maximum is not one",
    ],
    [
      "an operand too few",
      "max(x[i0], 0.0)",
      "max(x[i0])",
      "line 15, column 16: expected 2 operands of max, but found 1",
    ],
    [
      "an operand of another type",
      "0.0)",
      "0)",
      "line 15, column 16: max takes two of one type, not float32 and int32",
    ],
    ["a store of another type", "max(x[i0], 0.0)", "i0", "line 15, column 5: relu takes float32, not int32"],
    [
      "an index that is no integer",
      "relu[i0] =",
      "relu[0.0] =",
      "line 15, column 5: the index of relu takes int32, not float32",
    ],
    [
      "an unknown name",
      "x[i0]",
      "x[i1]",
      "line 15, column 22: expected a name declared above, but i1 is not one",
    ],
    ["a bracket that stays open", "x[i0], 0.0)", "x[i0, 0.0)", 'line 15, column 24: expected "]"'],
    [
      "a kind of loop that is none",
      "6 grid",
      "6 parallel",
      "line 14, column 15: expected one of grid, serial, reduce, unroll, vector, thread",
    ],
    [
      "a count that nobody counts",
      "in 6 grid",
      "in n (at most 6) grid",
      "line 14, column 13: expected an extent, or a local that counts, but n is not one",
    ],
    [
      "a statement that is none",
      "relu[i0] =",
      "while relu",
      "line 15, column 5: expected a statement such as let, var, for, if or x[i] = …",
    ],
    [
      "indentation too deep",
      "    relu[i0]",
      "      relu[i0]",
      "line 15, column 7: expected a line that is indented by at most 4 blanks",
    ],
    [
      "indentation too odd",
      "    relu[i0]",
      "   relu[i0]",
      "line 15, column 4: expected a line that is indented by at most 2 blanks",
    ],
    [
      "a name twice",
      "let step",
      "let i0",
      "line 24, column 9: expected a new name, but i0 is declared already",
    ],
    [
      "an assignment to what never changes",
      "    w[i0] =",
      "    step =",
      "line 25, column 5: expected a name that var declares above, but step is not one",
    ],
    [
      "a scalar that is not declared",
      "= $lr *",
      "= $rate *",
      "line 24, column 16: expected a scalar that the kernel declares, but $rate is not one",
    ],
    [
      "a scalar twice",
      "$lr\n",
      "$lr, $lr\n",
      "line 2, column 17: expected a new name, but $lr is there already",
    ],
    [
      "an integer that does not fit",
      "i0 + 3",
      "i0 + 3000000000",
      "line 24, column 32: 3000000000 is not a number of int32",
    ],
    ["comparisons in a chain", "i0 + 3", "i0 < 1 < 2", 'line 24, column 33: expected "]", but found'],
    [
      "words behind a line",
      "6 grid",
      "6 grid please",
      "line 14, column 20: expected the end of the line, but found",
    ],
    [
      "a hidden character",
      "# %0",
      "# \u001b[2J",
      "line 6, column 34: expected text that can be seen, but found a hidden character",
    ],
    ["a tab", "    w[i0]", "\tw[i0]", "line 25, column 1: expected text that can be seen"],
  ] as const)("%s", (_what, from, to, message) => {
    expect(faultOf(from, to)).toContain(message);
    expect(faultOf(from, to)).not.toMatch(/\n/);
  });

  test("text that nests deeper than the call stack", () => {
    expect(faultOf("0.0)", `${"(".repeat(1e5)}0.0${")".repeat(1e5)})`)).toMatch(
      /^line 15, column \d+: expressions may nest/,
    );
    expect(faultOf("0.0)", `${"neg(".repeat(1e5)}0.0${")".repeat(1e5)})`)).toMatch(
      /^line 15, column \d+: expressions may nest/,
    );
    const loops = Array.from({ length: 100 }, (_, k) => `${" ".repeat(2 * k + 4)}for j${k} in 1 grid\n`).join(
      "",
    );
    expect(faultOf("    relu[i0]", `${loops}    relu[i0]`)).toMatch(
      /^line \d+, column 1: statements may nest/,
    );
  });
});

/** Where kernels have names: what is put there in the place of one. */
const NAMES: readonly (readonly [where: string, put: (name: string) => string])[] = [
  ["a kernel", (name) => TEXT.replaceAll("kernel relu", () => `kernel ${name}`)],
  ["an op", (name) => TEXT.replace("ops mul", () => `ops ${name}`)],
  ["a buffer", (name) => TEXT.replaceAll(/\bw\b(?!$)/gm, () => name)],
  ["a loop", (name) => TEXT.replaceAll("i0", () => name)],
  ["a local", (name) => TEXT.replaceAll("step", () => name)],
  [
    "a section",
    (name) => TEXT.replace(/ {2}for i0 in 6.*\n/, () => `  section ${name}\n    for i0 in 6 grid\n  `),
  ],
];

const SYNTAX = [
  "a b",
  "a;b",
  "a-b",
  "a.b",
  "0a",
  "",
  "ä",
  "$a",
  "a)",
  "a[0",
  "a = 1; b",
  "a\u2028b",
  "a// b",
  "a, b",
];

describe.each(NAMES)("the name of %s", (where, put) => {
  test("is an identifier", () => {
    for (const name of [...HOSTILE, ...SYNTAX]) {
      if (where === "an op" && name === "a, b") continue; // two ops
      expect(() => parseProgram(put(name)), JSON.stringify(name)).toThrow(/^line \d+, column \d+: /);
    }
  });

  test("means nothing else in code", async () => {
    if (where === "a kernel" || where === "a loop" || where === "a local") {
      for (const name of [
        "function",
        "Math",
        "f32",
        "scalars",
        "state0_f32",
        "scalar_lr",
        "NaN",
        "__proto__",
        "true",
        "nan",
      ]) {
        expect(() => parseProgram(put(name)), name).toThrow(
          /another name, but \S+ means something else in code/,
        );
      }
      return;
    }
    for (const name of ["function", "Math", "f32", "scalars", "state0_f32", "constructor", "toString"]) {
      await compileArtifact(parseProgram(put(name)), { backend: "js" });
      await compileArtifact(parseProgram(put(name)), { backend: "wasm" });
    }
  });
});

test("names of the user's, comments and words about a kernel reach code in comments alone", async () => {
  for (const hostile of HOSTILE) {
    const name = JSON.stringify(hostile).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "?");
    const said = hostile.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "?");
    const text = TEXT.replace("tiny", () => name)
      .replaceAll("$lr", () => `$${name}`)
      .replace("@w\n", () => `@${name}\n`)
      .replace("%x\n", () => `%${name}\n`)
      .replace("out=", () => `${name}=`)
      .replaceAll("# %0", () => `# ${said}`);
    for (const backend of ["js", "wasm", "interpret"]) {
      const { kernels, stages } = await compileArtifact(parseProgram(text), { backend });
      expect(parseProgram(stages[0].text)).toEqual(parseProgram(text));
      if (backend === "interpret") continue; // its code is the text of kernels
      const code = kernels
        .flatMap(({ source }) => source.split("\n"))
        .map((line) => line.replace(/(?:\/\/|;;).*$/, ""))
        .join("\n")
        .replace(/scalar_\w+/g, ""); // what is left of a scalar's name is an identifier
      expect(code).not.toMatch(/evil|alert|process|owned|onload/);
    }
  }
});
