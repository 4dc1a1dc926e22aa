/** Files of torch.save load as PyTorch loads them, from a path, bytes or a Blob; nothing in them is run. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KilnError, load, nn, save, type Tensor, tensor } from "kiln-js";
import { afterAll, describe, expect, test } from "vitest";

interface Described {
  readonly shape: readonly number[];
  readonly values: readonly (number | boolean)[];
}
interface Saved {
  readonly dtype: string;
  readonly file: string;
  readonly tensors: Readonly<Record<string, Described>>;
}
interface Fixture {
  readonly states: readonly Saved[];
  readonly types: readonly Saved[];
  readonly views: Omit<Saved, "dtype">;
  readonly checkpoint: { readonly file: string; readonly step: number; readonly moment: Described };
  readonly protocol4: string;
  readonly refused: readonly { readonly name: string; readonly file: string; readonly message: string }[];
  readonly huggingFace: string;
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/pytorch_files.json", import.meta.url), "utf8"),
) as Fixture;

const folder = mkdtempSync(join(tmpdir(), "kiln-pytorch-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bytesOf = (file: string): Uint8Array => Buffer.from(file, "base64");

/** Writes a file of the fixture under `name` and gives its path. */
function put(name: string, file: string): string {
  writeFileSync(join(folder, name), bytesOf(file));
  return join(folder, name);
}

async function expectTensors(
  found: Readonly<Record<string, Tensor>>,
  wanted: Readonly<Record<string, Described>>,
): Promise<void> {
  expect(Object.keys(found)).toEqual(Object.keys(wanted));
  for (const [name, { shape, values }] of Object.entries(wanted)) {
    expect(found[name].shape, name).toEqual(shape);
    expect(Array.from(await found[name].data()), name).toEqual(values.map(Number));
  }
}

const network = (): nn.Sequential =>
  new nn.Sequential({
    conv: new nn.Conv2d(1, 2, 3),
    norm: new nn.BatchNorm2d(2),
    flat: new nn.Flatten(),
    fc: new nn.Linear(32, 2),
  });

test.each(fixture.states)("a state dict in $dtype", async ({ file, tensors }) => {
  const net = network();
  const state = await load(put("net.pt", file));
  await expectTensors(state, tensors);
  await net.loadStateDict(state);
  await expectTensors(net.stateDict(), tensors);
});

test.each(fixture.types)("a tensor of $dtype", async ({ file, tensors }) =>
  expectTensors(await load(put("types.pth", file)), tensors),
);

test("views of one storage have the numbers that they show", async () => {
  const found = await load(put("views.pt", fixture.views.file));
  await expectTensors(found, fixture.views.tensors);
});

test.each([
  ["bytes", (bytes: Uint8Array) => bytes],
  ["an ArrayBuffer", (bytes: Uint8Array) => new Uint8Array(bytes).buffer],
  ["a Blob", (bytes: Uint8Array) => new Blob([new Uint8Array(bytes)])],
])("%s", async (_, make) => {
  const { file, tensors } = fixture.states[0];
  await expectTensors(await load(make(bytesOf(file))), tensors);
  const [again] = Object.values(await load(make(bytesOf(fixture.huggingFace))));
  expect(again.shape).toEqual([2, 3]);
});

test("a checkpoint is the nested value that it was", async () => {
  interface Checkpoint {
    readonly [key: string]: unknown;
    readonly optimizer: {
      readonly state: Record<string, Record<string, Tensor>>;
      readonly param_groups: readonly { readonly lr: number; readonly betas: readonly number[] }[];
    };
    readonly model: Record<string, Tensor>;
  }
  const { model, optimizer, ...rest } = await load<Checkpoint>(put("checkpoint.pt", fixture.checkpoint.file));
  expect(rest).toEqual({
    epoch: 3,
    loss: 0.25,
    name: "Fräser ✓",
    best: null,
    classes: ["cat", "dog"],
    shape: [2, 3],
    done: false,
    large: 2 ** 40,
  });
  await network().loadStateDict(model);
  expect(optimizer.param_groups[0]).toMatchObject({ lr: 0.5, betas: [0.9, 0.999] });
  const { step, exp_avg } = optimizer.state["5"];
  expect(await step.item()).toBe(fixture.checkpoint.step);
  await expectTensors({ exp_avg }, { exp_avg: fixture.checkpoint.moment });
});

test("protocol 4 of pickle", async () =>
  expect(await load(put("four.pt", fixture.protocol4))).toEqual({
    a: [1, -2, 300, 70000, "b"],
    c: [1.5, {}],
    d: { e: null },
  }));

test.each(fixture.refused)("$name is refused", async ({ file, message }) => {
  const error = await load(put("net.pt", file)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KilnError);
  expect((error as KilnError).message).toContain("net.pt is not a readable PyTorch file: ");
  expect((error as KilnError).message).toContain(message);
});

test("a file that was cut off", async () => {
  const whole = bytesOf(fixture.states[0].file);
  await expect(load(whole.subarray(0, whole.length / 2))).rejects.toThrow(
    "what was given to load is not a readable PyTorch file: its zip archive has no directory at its end: it was cut off",
  );
});

describe("a model in several files", () => {
  const index = join(folder, "model.safetensors.index.json");
  const put = (map: unknown): void => writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: map }));

  test("is read by its index, in its order", async () => {
    await save({ b: tensor([2]) }, join(folder, "model-00001-of-00002.safetensors"));
    await save({ a: tensor([1]), c: tensor([3]) }, join(folder, "model-00002-of-00002.safetensors"));
    const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    put({ a: second, b: first, c: second });
    await expectTensors(
      await load(index),
      Object.fromEntries(["a", "b", "c"].map((name, k) => [name, { shape: [1], values: [k + 1] }])),
    );
    put({ a: second, b: first, c: first });
    await expect(load(index)).rejects.toThrow(`${second} holds "c", which the index does not say`);
    put({ a: second, b: first, c: second, d: first, e: first });
    await expect(load(index)).rejects.toThrow(`${first} does not hold "d", and 1 more are missing`);
  });

  test.each(["../net.safetensors", "/etc/passwd", "a\\b", "..", "model.safetensors.index.json", 3])(
    "stays in its folder: %s",
    async (file) => {
      put({ a: file });
      await expect(load(index)).rejects.toThrow(
        /"a" is in .*, which is not a file of tensors in the same folder/,
      );
    },
  );

  test.each([
    ["{", "it is not valid JSON"],
    ["[]", "it has no weight_map"],
  ])("has an index in JSON: %s", async (text, message) => {
    writeFileSync(index, text);
    await expect(load(index)).rejects.toThrow(message);
  });
});
