/** What forward prints of tensors is found; shapes and words are not, and neither is what runs outside of forward. */

import { describe, expect, it } from "vitest";
import { forward, foundIn, messagesOf } from "./checked.ts";

describe("console.log in forward", () => {
  it.each([
    ["a tensor", "console.log(x);", "warning"],
    ["a result, after words", 'console.log("after relu", F.relu(x));', "warning"],
    ["a list", "console.log([x, x.neg()]);", "warning"],
    ["in a template", `console.log(\`x is \${x}\`);`, "warning"],
    ["by another method", "console.dir(x);", "warning"],
    ["a promise of numbers", "console.log(x.data());", "error"],
    ["an awaited number", "console.log(await x.sum().item());", "error"],
    ["the text of a tensor", "console.info(await x.format());", "error"],
  ])("of %s", (_, line, severity) => {
    expect(foundIn(forward(`${line}\nreturn x;`))).toEqual([`5 console-log ${severity}`]);
  });

  it("says what to print instead", () => {
    expect(messagesOf(forward("console.log(x);\nreturn x;"))).toEqual([
      "Net.forward logs x, which prints once, while the model is traced, and no numbers: " +
        "log its shape here, or return it from forward and print what program.run gives",
    ]);
    expect(messagesOf(forward("console.log(x.item());\nreturn x;"))[0]).toMatch(
      /^Net\.forward logs x\.item\(\), but no value can/,
    );
  });

  it.each([
    ["a shape", "console.log(x.shape, x.size(0), x.dtype);"],
    ["words", 'console.log("forward");'],
    ["settings", "console.log(this.training);"],
    ["a layer", "console.log(String(this));"],
    ["a number of parts", "console.log(x.chunk(2).length);"],
    ["to a console of one's own", "own.log(x);"],
  ])("of %s is fine", (_, line) => {
    expect(foundIn(forward(`${line}\nreturn x;`), "declare const own: any;")).toEqual([]);
  });

  it("is fine elsewhere", () => {
    expect(foundIn(`${forward("return x;")}\n  show(x: Tensor) {\n    console.log(x);\n  }`)).toEqual([]);
  });
});
