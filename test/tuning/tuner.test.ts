/** Tuning a program: what is measured, what is remembered, and for whom. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cacheFolder } from "../../src/core/cache-folder.ts";
import { ChoicesFile, ChoicesInMemory } from "../../src/tuning/choices-file.ts";
import { machineName } from "../../src/tuning/machine.ts";
import { Tuner } from "../../src/tuning/tuner.ts";
import { FakeMachine, tuningTaskOf } from "./fakes.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-tuning-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TIMES = { a0: 2, a1: 1, a2: 3, b0: 1, b1: 2 };
const CONTESTS = [tuningTaskOf("a", ["a0", "a1", "a2"]), tuningTaskOf("b", ["b0", "b1"])];

/** Tunes the tasks with what `store` knows; what came of it, and how many programs were prepared. */
async function tuned(store: ChoicesFile | ChoicesInMemory, milliseconds = 1e6) {
  const fake = new FakeMachine(TIMES);
  const tuner = new Tuner({ milliseconds, store, prepare: fake.prepare, now: fake.now });
  const kernels = await tuner.tune(CONTESTS);
  return {
    kernels,
    choices: Object.fromEntries(kernels.map(({ key, choice }) => [key, choice])),
    fake,
    tuner,
  };
}

describe("the file of choices", () => {
  test("has the winners, which the next process finds without measuring", async () => {
    const path = join(folder, "deep", "er", "choices.json");
    const first = await tuned(new ChoicesFile(path, "this machine"));
    expect(first.choices).toEqual({ a: "a1", b: "b0" });
    expect(first.kernels[0]).toEqual({
      key: "a",
      kernel: "kernel of a",
      choice: "a1",
      source: "measured",
      milliseconds: 1,
      first: "a0",
      firstMilliseconds: 2,
      tried: 3,
    });
    const second = await tuned(new ChoicesFile(path, "this machine"));
    expect(second.choices).toEqual(first.choices);
    expect(second.fake.prepared).toBe(0);
    expect(second.kernels.map(({ source }) => source)).toEqual(["stored", "stored"]);
    expect(second.kernels[0]).toEqual({ ...first.kernels[0], source: "stored" });
  });

  test("keeps machines apart, and all of them", async () => {
    const path = join(folder, "machines.json");
    await tuned(new ChoicesFile(path, "V8 1, processor 1"));
    const other = new ChoicesFile(path, "V8 2, processor 1");
    expect(await other.load()).toEqual(new Map());
    expect((await tuned(other)).fake.prepared).toBe(5);
    expect((await new ChoicesFile(path, "V8 1, processor 1").load()).size).toBe(2);
    expect((await other.load()).size).toBe(2);
  });

  test("keeps what another process has added in the meantime", async () => {
    const path = join(folder, "shared.json");
    const one = new ChoicesFile(path, "m");
    const choice = { choice: "x", milliseconds: 1, first: "y", firstMilliseconds: 2, tried: 2 };
    await one.load();
    await new ChoicesFile(path, "m").add(new Map([["other", choice]]));
    await one.add(new Map([["own", choice]]));
    expect([...(await one.load()).keys()].sort()).toEqual(["other", "own"]);
  });

  test.each([
    ["is no JSON", "{"],
    ["is of another kind", "[]"],
    ["is of another version", '{"version": 2, "machines": {}}'],
    ["has a choice that is none", '{"version": 1, "machines": {"m": {"k": {"choice": 3}}}}'],
  ])("is reported when it %s, and left as it was", async (_, text) => {
    const path = join(folder, "damaged.json");
    writeFileSync(path, text);
    await expect(tuned(new ChoicesFile(path, "m"))).rejects.toThrow(
      `the file of tuned choices ${path} is damaged: delete it, and Kiln measures its kernels again`,
    );
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("that cannot be written is reported by its name", async () => {
    const file = join(folder, "a file");
    writeFileSync(file, "");
    await expect(tuned(new ChoicesFile(join(file, "choices.json"), "m"))).rejects.toThrow(
      /a file.choices\.json/,
    );
  });
});

describe("the budget", () => {
  test("of nothing leaves every kernel as the model likes it, and nothing is remembered", async () => {
    const store = new ChoicesInMemory();
    const { choices, kernels, fake } = await tuned(store, 0);
    expect(choices).toEqual({ a: "a0", b: "b0" });
    expect(kernels.map(({ source, tried }) => [source, tried])).toEqual([
      ["model", 0],
      ["model", 0],
    ]);
    expect(fake.prepared).toBe(0);
    expect(await store.load()).toEqual(new Map());
  });

  test("that ends in the middle is used up once, and a later search goes on with what is open", async () => {
    const store = new ChoicesInMemory();
    const { tuner, fake } = await tuned(store, 70);
    const before = fake.measured;
    await tuner.tune([tuningTaskOf("c", ["a0", "a1"])]);
    expect(fake.measured - before).toBeLessThan(70);
    await tuned(store);
    expect([...(await store.load()).keys()].sort()).toEqual(["a", "b"]);
  });
});

test("a stored choice that is no longer offered is measured anew", async () => {
  const store = new ChoicesInMemory();
  const gone = { choice: "of old", milliseconds: 0.1, first: "a0", firstMilliseconds: 1, tried: 9 };
  await store.add(new Map([["a", gone]]));
  const { choices } = await tuned(store);
  expect(choices.a).toBe("a1");
  expect((await store.load()).get("a")?.choice).toBe("a1");
});

test("the cache folder is KILN_CACHE, or where the platform wants caches", async () => {
  expect(cacheFolder({ KILN_CACHE: "/k", XDG_CACHE_HOME: "/x" }, "linux")).toBe("/k");
  expect(cacheFolder({ XDG_CACHE_HOME: "/x" }, "linux")).toBe(join("/x", "kiln"));
  expect(cacheFolder({}, "linux")).toMatch(/\.cache.kiln$/);
  expect(cacheFolder({}, "darwin")).toMatch(/Library.Caches.kiln$/);
  expect(cacheFolder({ LOCALAPPDATA: "/local" }, "win32")).toBe(join("/local", "kiln"));
});

test("a machine is known by its engine and its processor", async () => {
  const { cpus } = await import("node:os");
  const name = await machineName();
  expect(name).toContain(`V8 ${process.versions.v8}`);
  expect(name).toContain(cpus()[0].model.trim());
});
