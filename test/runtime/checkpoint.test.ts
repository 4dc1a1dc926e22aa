/** State dicts go through a file to the bit, and a file that cannot be used is one clear error. */

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load, save, tensor } from "kiln";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TinyNet } from "../support/nets.ts";

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
    /^cannot write .*net\.safetensors: it does not exist$/,
  );
  await expect(load(join(folder, "none"))).rejects.toThrow(/^cannot read .*none: it does not exist$/);
  await writeFile(join(folder, "bad"), "no safetensors");
  await expect(load(join(folder, "bad"))).rejects.toThrow(/bad/);
  expect(await readdir(folder)).toEqual(["bad"]);
});
