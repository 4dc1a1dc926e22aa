/** State dicts and whole trainings go through a file to the bit; one that cannot be used is one clear error. */

import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { KilnError, load, nn, optim, save, type Tensor, tensor } from "kiln-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeLeftovers } from "../../src/files/write.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type StoredTensor,
} from "../../src/runtime/files/safetensors.ts";
import { isWhole } from "../support/extent.ts";
import { integerAt, seedOf } from "../support/fixtures.ts";
import { TinyNet } from "../support/nets.ts";

const SAVE_LOOP = fileURLToPath(new URL("save-loop.ts", import.meta.url));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a state dict comes back to the bit and loads into another model", async () => {
  const net = new TinyNet();
  const file = join(folder, "net.safetensors");
  await save(net.stateDict(), file);
  expect(await readdir(folder)).toEqual(["net.safetensors"]);
  const state = await load(file);
  expect(Object.keys(state)).toEqual(["conv.weight", "conv.bias", "fc.weight", "fc.bias"]);
  const other = new TinyNet();
  await other.loadStateDict(state);
  for (const [name, parameter] of Object.entries(net.stateDict())) {
    expect(state[name].shape).toEqual(parameter.shape);
    expect(await other.stateDict()[name].data()).toEqual(await parameter.data());
  }
});

test("integers keep their dtype", async () => {
  const file = join(folder, "labels.safetensors");
  await save({ labels: tensor(Int32Array.of(3, -1)) }, file);
  const { labels } = await load(file);
  expect(labels.dtype).toBe("int32");
  expect(await labels.array()).toEqual([3, -1]);
});

test("what cannot be written or read is said in one line", async () => {
  await expect(save({}, join(folder, "missing", "net.safetensors"))).rejects.toThrow(
    /^cannot write .*net\.safetensors: its folder does not exist$/,
  );
  await expect(load(join(folder, "none"))).rejects.toThrow(/^cannot read .*none: it does not exist$/);
  await writeFile(join(folder, "bad"), "no safetensors");
  await expect(load(join(folder, "bad"))).rejects.toThrow(/bad/);
  expect(await readdir(folder)).toEqual(["bad"]);
});

test("nested values come back as they were", async () => {
  const file = join(folder, "nested.safetensors");
  const value = {
    epoch: 3,
    best: Number.POSITIVE_INFINITY,
    strange: [Number.NaN, -0, -1.5e-300, null, true, "ünï\u0000", [], {}],
    names: { "a.b": tensor([1]), a: { b: tensor([2]) }, tensor: "x", object: 1, __proto__: null },
    groups: [{ lr: 0.1, params: [0, 1], buffer: tensor(Int32Array.of(7)) }],
  };
  await save({ ...value, left: undefined }, file);
  const loaded = await load<typeof value>(file);
  const strip = ({ names, groups, ...rest }: typeof value) => rest;
  expect(strip(loaded)).toEqual(strip(value));
  expect(Object.is(loaded.strange[1], -0)).toBe(true);
  expect(await loaded.names["a.b"].array()).toEqual([1]);
  expect(await loaded.names.a.b.array()).toEqual([2]);
  expect(loaded.names).toMatchObject({ tensor: "x", object: 1 });
  expect(await loaded.groups[0].buffer.array()).toEqual([7]);
  const { tensors } = decodeSafetensors(await readFile(file), file);
  expect([...tensors.keys()]).toEqual(["names.a.b", "names.a.b#2", "groups.0.buffer"]);
});

test("a module or an optimizer is not what it holds", async () => {
  const net = new nn.Linear(2, 1);
  const path = join(tmpdir(), "never-written.safetensors");
  const advice = "such as save(net.stateDict(), path), not";
  await expect(save(net, path)).rejects.toThrow(`${advice} an object of the class Linear`);
  await expect(save(new optim.SGD(net.parameters()), path)).rejects.toThrow(
    `${advice} an object of the class SGD`,
  );
  await expect(save(net.weight, path)).rejects.toThrow(`${advice} an object of the class Parameter`);
  await expect(save(null as never, path)).rejects.toThrow(`${advice} null`);
});

test("what has no form in a file is named", async () => {
  const file = join(folder, "none.safetensors");
  await expect(save({ a: { f: () => 1 } }, file)).rejects.toThrow("cannot save a.f: it is a function");
  await expect(save({ net: new TinyNet(), k: 1 }, file)).rejects.toThrow("cannot save net: it is a TinyNet");
  await expect(save({ list: [1, undefined] }, file)).rejects.toThrow("cannot save list.1: it is undefined");
  const endless: Record<string, unknown> = {};
  endless.self = endless;
  await expect(save(endless, file)).rejects.toThrow("cannot save self: it is nested too deeply");
  await expect(save({ __metadata__: tensor([1]) }, file)).rejects.toThrow("the format needs that name");
  expect(await readdir(folder)).toEqual([]);
});

const data: StoredTensor = { dtype: "float32", shape: [1], data: Float32Array.of(1) };

test.each([
  ["no JSON", "{", /its structure is not valid JSON/],
  ["a list", "[]", /its structure has no place for the tensor "a"/],
  ["no object", '{"tensor":"a"}', /its structure holds no object/],
  ["a number", "7", /no place for the tensor "a"/],
  ["an unknown part", '{"object":{"x":{"tensors":"a"}}}', /not one that Kiln writes/],
  ["two kinds at once", '{"object":{"x":{"tensor":"a","number":"NaN"}}}', /not one that Kiln writes/],
  ["an unknown number", '{"object":{"x":{"number":"1"}}}', /not one that Kiln writes/],
  [
    "a tensor that is not there",
    '{"object":{"x":{"tensor":"b"}}}',
    /names the tensor "b", which is missing or used more than once/,
  ],
  ["no name", `{"object":{"x":{"tensor":${"[".repeat(1e5)}${"]".repeat(1e5)}}}}`, /names the tensor \{…\}/],
  [
    "a tensor twice",
    '{"object":{"x":{"tensor":"a"},"y":{"tensor":"a"}}}',
    /names the tensor "a", which is missing or used more than once/,
  ],
  ["no end", `${'{"object":{"x":'.repeat(1e5)}1${"}}".repeat(1e5)}`, /nested too deeply/],
  ["no end of lists", "[".repeat(1e5) + "]".repeat(1e5), /nested too deeply/],
])("a structure with %s is one clear error", async (_, structure, message) => {
  const file = join(folder, "hostile.safetensors");
  await writeFile(file, encodeSafetensors([["a", data]], { "kiln.structure": structure }));
  const error = await load(file).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(KilnError);
  expect((error as KilnError).message).toMatch(message);
  expect((error as KilnError).message).toMatch(/^[ -~…]*$/);
});

test.runIf(isWhole)("a process that is killed while it saves leaves a whole file", async () => {
  const file = join(folder, "loop.safetensors");
  const seed = process.env.KILN_TEST_SEED ?? `${Date.now()}`;
  const moments: string[] = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    const child = spawn(process.execPath, ["--import", "tsx", SAVE_LOOP, file], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (child.exitCode === null && !(await readdir(folder)).includes("loop.safetensors"))
      await setTimeout(1);
    // A save of four megabytes takes some milliseconds: the kill comes somewhere in one of the next few.
    const delay = integerAt(seedOf(seed), attempt) % 40;
    await setTimeout(delay);
    expect(child.exitCode).toBeNull();
    child.kill("SIGKILL");
    await ended;
    const isCut = (await readdir(folder)).some((name) => name.endsWith(".tmp"));
    moments.push(`${delay} ms${isCut ? " (while saving)" : ""}`);
    const { round, numbers } = await load<{ round: number; numbers: Tensor }>(file);
    expect((await numbers.data()).every((value) => value === round)).toBe(true);
    await removeLeftovers(folder);
    expect(await readdir(folder)).toEqual(["loop.safetensors"]);
    await rm(file);
  }
  console.log(`KILN_TEST_SEED=${seed}: killed after ${moments.join(", ")}`);
});
