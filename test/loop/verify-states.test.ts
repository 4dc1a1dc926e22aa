/** A state is never read after it was stored: programs as texts, what is refused and what is proved. */

import { describe, expect, test } from "vitest";
import { parseProgram } from "../../src/loop/parse.ts";
import { verifyStates } from "../../src/loop/verify-states.ts";

/** A program with states w[8] and v[8] whose kernels have these bodies. */
const verify = (...bodies: readonly (readonly string[])[]): void => {
  const kernels = bodies.flatMap((body, k) => [
    "",
    `kernel k${k}`,
    "  ops sub",
    "  flops 8",
    ...["w", "v"].flatMap((name) => {
      const [reads, writes] = [
        body.some((line) => line.replace(new RegExp(`^ *${name}\\[[^=]*= `), "").includes(`${name}[`)),
        body.some((line) => line.trimStart().startsWith(`${name}[`)),
      ];
      const access = reads && writes ? "readwrite" : writes ? "write" : "read";
      return reads || writes ? [`  ${access} ${name}: f32[8]  # @${name}`] : [];
    }),
    ...body.map((line) => `  ${line}`),
  ]);
  const head = ["program g", "  commit from k0", "  state w: f32[8] = @w", "  state v: f32[8] = @v"];
  verifyStates(parseProgram([...head, ...kernels].join("\n")));
};

describe("proved is", () => {
  const cases: Readonly<Record<string, readonly (readonly string[])[]>> = {
    "an element that is read in the turn that stores it": [["for i0 in 8 grid", "  w[i0] = w[i0] - v[i0]"]],
    "two states that read each other before either is stored": [
      [
        "for i0 in 8 grid",
        "  let a = w[i0] - v[i0]",
        "  let b = v[i0] - w[i0]",
        "  w[i0] = a",
        "  v[i0] = b",
      ],
    ],
    "a state that an earlier section reads as a whole": [
      [
        "section update",
        "  for i0 in 8 grid",
        "    v[i0] = v[i0] - w[7 - i0]",
        "section update",
        "  for i0 in 8 grid",
        "    w[i0] = w[i0] * 2.0",
      ],
    ],
    "columns of a matrix, one section after another": [
      [
        "section update",
        "  for i0 in 2 grid",
        "    for lane in 2 vector",
        "      w[i0 * 4 + lane] = w[i0 * 4 + lane] * 2.0",
        "section update",
        "  for i0 in 2 grid",
        "    for i1 in 2 grid",
        "      w[i0 * 4 + i1 + 2] = w[i0 * 4 + i1 + 2] * 2.0",
      ],
    ],
    "elements side by side in one turn": [
      ["for i0 in 4 grid", "  w[i0 * 2] = w[i0 * 2] * 2.0", "  w[i0 * 2 + 1] = w[i0 * 2 + 1] * 2.0"],
    ],
    "a loop that turns once": [["for i0 in 1 grid", "  w[i0 + 7] = w[i0 + 7] * 2.0"]],
    "digits in another order": [
      ["for i0 in 8 grid", "  w[i0 % 4 * 2 + i0 / 4] = w[i0 % 4 * 2 + i0 / 4] * 2.0"],
    ],
    "an index in digits": [["for i0 in 8 grid", "  w[i0] = w[i0 / 4 * 4 + i0 / 2 % 2 * 2 + i0 % 2] * 2.0"]],
  };
  test.each(Object.keys(cases))("%s", (name) => {
    expect(() => verify(...cases[name])).not.toThrow();
  });
});

describe("refused is", () => {
  const cases: Readonly<Record<string, readonly (readonly string[])[]>> = {
    "a whole row in every turn": [["for i0 in 8 grid", "  w[i0] = w[i0] - sum[k0<8](w[k0])"]],
    "a neighbour": [["for i0 in 7 grid", "  w[i0 + 1] = w[i0] * 2.0"]],
    "an element that was stored in the turn already": [
      ["for i0 in 8 grid", "  w[i0] = w[i0] - v[i0]", "  v[i0] = v[i0] - w[i0]"],
    ],
    "a state that an earlier section has stored": [
      [
        "section update",
        "  for i0 in 8 grid",
        "    w[i0] = w[i0] * 2.0",
        "section update",
        "  for i0 in 8 grid",
        "    v[i0] = v[i0] - w[7 - i0]",
      ],
    ],
    "an element that several turns store": [
      ["for i0 in 2 grid", "  for i1 in 8 grid", "    w[i1] = w[i1] * 2.0"],
    ],
    "turns that share a digit": [["for i0 in 8 grid", "  w[i0 / 2] = w[i0 / 2] * 2.0"]],
    "turns that overlap": [
      ["for i0 in 3 grid", "  for i1 in 4 grid", "    w[i0 * 2 + i1] = w[i0 * 2 + i1] * 2.0"],
    ],
  };
  test.each(Object.keys(cases))("%s", (name) => {
    expect(() => verify(...cases[name])).toThrow(
      /kernel k0: it may read elements of the state [wv] that it has stored already/,
    );
  });

  test("a state that an earlier kernel has stored", () => {
    expect(() =>
      verify(["for i0 in 8 grid", "  w[i0] = w[i0] * 2.0"], ["for i0 in 8 grid", "  v[i0] = v[i0] - w[i0]"]),
    ).toThrow("kernel k1: it reads the state w, which k0 has stored");
  });
});
