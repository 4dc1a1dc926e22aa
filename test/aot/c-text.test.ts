/** Text in C libraries: names, strings, comments and numbers that mean the same to every compiler. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commentLine } from "../../src/aot/c/comment.ts";
import { argumentNames, checkPrefix, prefixFrom, stringLiteral } from "../../src/aot/c/names.ts";
import { hexFloat } from "../../src/aot/c/numbers.ts";

describe("names", () => {
  test.each([
    ["LeNet", "lenet"],
    ["CharGPT", "chargpt"],
    ["$", "model"],
    ["_9Net", "net"],
    ["Sem", "semmodel"],
    ["AVeryLongNameOfAModelThatGoesOn", "averylongnameofamode"],
  ])("of a library from the class %s", (className, prefix) => {
    expect(prefixFrom(className)).toBe(prefix);
    expect(() => checkPrefix(prefix)).not.toThrow();
  });

  test.each(["", "Net", "9", "a b", "sem", "a".repeat(21), "a;"])("refuse %j for a library", (name) => {
    expect(() => checkPrefix(name)).toThrow("--name begins all names of the library");
  });

  test("of arguments are no words of C or C++, and differ", () => {
    const wanted = ["x", "X", "int", "class", "model", "x*/", "1", "\u00e9", "y.z"];
    expect(argumentNames(wanted)).toEqual([
      "x",
      "x_2",
      "int_",
      "class_",
      "model_",
      "x_3",
      "value",
      "value_2",
      "y_z",
    ]);
  });
});

test("strings hold no character that ends them, begins another or is none of C's", () => {
  expect(stringLiteral('a"\\\n?\u00e9')).toBe('"a\\042\\134\\012\\077\\303\\251"');
});

test("comments end where they should", () => {
  expect(commentLine("a */ b /* c\\ \n ??/")).toBe("a * / b / * c    ? ?/");
});

/** What a literal of C means. */
function read(literal: string): number {
  const sign = literal.startsWith("-") ? -1 : 1;
  const text = literal.replace(/^-/, "");
  if (text === "NAN") return Number.NaN;
  if (text === "INFINITY") return sign * Number.POSITIVE_INFINITY;
  if (text === "0.0f") return sign * 0;
  const [, lead, digits = "", exponent] = /^0x([01])\.?([0-9a-f]*)p(-?\d+)f$/.exec(text)!;
  const mantissa = Number.parseInt(lead + digits, 16) / 16 ** digits.length;
  return sign * mantissa * 2 ** Number(exponent);
}

test("floats are read as they were written", () => {
  for (const value of [
    0,
    -0,
    1,
    -1.5,
    2 ** -149,
    -(2 ** -126),
    3.4028234663852886e38,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
  ])
    expect(read(hexFloat(value))).toBe(value);
  fc.assert(
    fc.property(fc.float(), (value) => {
      expect(read(hexFloat(value))).toBe(value);
    }),
  );
});
