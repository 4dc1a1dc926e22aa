/** `loadStateDict` with `rename`: weights of another library under this model's names. */

import { nn, tensor } from "kiln-js";
import { expect, test } from "vitest";

const net = (): nn.Sequential => new nn.Sequential({ fc: new nn.Linear(1, 1), norm: new nn.LayerNorm(1) });

const GIVEN = {
  "bert.dense.weight": tensor([[2]]),
  "bert.dense.bias": tensor([3]),
  "bert.LayerNorm.gamma": tensor([4]),
  "bert.LayerNorm.beta": tensor([5]),
};
const numbers = async (module: nn.Module): Promise<number[]> =>
  Promise.all(Object.values(module.stateDict()).map((value) => value.item() as Promise<number>));

test.each<[string, nn.Rename]>([
  [
    "text stands for whole parts, one pattern after the other",
    [
      ["bert", ""],
      ["dense", "fc"],
      ["LayerNorm", "norm"],
      ["norm.gamma", "norm.weight"],
      ["beta", "bias"],
    ],
  ],
  [
    "a RegExp has groups",
    [
      [/^bert\.(.*)$/, "$1"],
      [/dense/, "fc"],
      [/LayerNorm/, "norm"],
      [/gamma$/, "weight"],
      [/beta$/, "bias"],
    ],
  ],
  [
    "a function",
    (name) =>
      ({
        "bert.dense.weight": "fc.weight",
        "bert.dense.bias": "fc.bias",
        "bert.LayerNorm.gamma": "norm.weight",
        "bert.LayerNorm.beta": "norm.bias",
      })[name],
  ],
])("%s", async (_, rename) => {
  const model = net();
  await model.loadStateDict(GIVEN, { rename });
  expect(await numbers(model)).toEqual([2, 3, 4, 5]);
});

test("a function leaves out what it gives no name", async () => {
  const model = net();
  const rename = (name: string): string | undefined =>
    name.startsWith("bert.dense") ? name.replace("bert.dense", "fc") : undefined;
  const found = await model.loadStateDict(GIVEN, { rename, strict: false });
  expect(found).toEqual({ missingKeys: ["norm.weight", "norm.bias"], unexpectedKeys: [] });
});

test.each<[string, unknown, string]>([
  [
    "no match",
    [["layer", "x"]],
    'rename: "layer" changes none of the 4 names (bert.dense.weight, bert.dense.bias, ',
  ],
  ["part of a word", [["den", "x"]], 'rename: "den" changes none of the 4 names'],
  ["no match of a RegExp", [[/^dense/, "x"]], "rename: /^dense/ changes none of the 4 names"],
  [
    "a collision",
    [[/gamma|beta/, "x"]],
    "rename calls both bert.LayerNorm.gamma and bert.LayerNorm.beta bert.LayerNorm.x",
  ],
  ["no name", () => 3, "rename gives the number 3 for bert.dense.weight, where a name or undefined belongs"],
  ["no pair", [["a"]], "rename takes pairs of a pattern, text or a RegExp, and its replacement, not "],
  ["neither", "bert", "rename is a function of a name, or a list of [pattern, replacement], not "],
  [
    "names that the model has not",
    [["bert", ""]],
    "unexpected keys dense.weight (bert.dense.weight in the state dict), dense.bias (bert.dense.bias in the state dict)",
  ],
])("%s is an error", async (_, rename, message) => {
  const model = net();
  const before = await numbers(model);
  await expect(model.loadStateDict(GIVEN, { rename: rename as nn.Rename })).rejects.toThrow(message);
  expect(await numbers(model)).toEqual(before);
});

test("a mistyped option is an error", async () => {
  const options = { renames: [] } as unknown as nn.LoadOptions;
  await expect(net().loadStateDict(GIVEN, options)).rejects.toThrow(
    "loadStateDict has no option renames (did you mean rename?)",
  );
});
