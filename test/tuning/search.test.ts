/** The search for the fastest way, on a clock that the test moves. */

import { expect, test } from "vitest";
import { search, shortList } from "../../src/tuning/search.ts";
import { FakeMachine, tuningTaskOf } from "./fakes.ts";

const NAMES = Array.from({ length: 12 }, (_, k) => `way ${k}`);

/** All ways take 2 ms, but for those that are named. */
const machine = (times: Readonly<Record<string, number>> = {}): FakeMachine =>
  new FakeMachine({ ...Object.fromEntries(NAMES.map((name) => [name, 2])), ...times });

const within = (fake: FakeMachine, milliseconds: number) => ({ now: fake.now, milliseconds });

test("the fastest wins wherever it stands in the model's order", async () => {
  for (const name of NAMES) {
    const fake = machine({ [name]: 1 });
    const result = await search(tuningTaskOf("k", NAMES), fake.prepare, within(fake, 1e6));
    expect(result.winner).toEqual({ name, cost: 100 + NAMES.indexOf(name), milliseconds: 1 });
    expect(result.isFinished).toBe(true);
    expect(result.measured.map((m) => m.name)).toEqual(NAMES);
  }
});

test("what gains next to nothing does not replace the model's first choice", async () => {
  const fake = machine({ "way 5": 1.97 });
  const { winner } = await search(tuningTaskOf("k", NAMES), fake.prepare, within(fake, 1e6));
  expect(winner?.name).toBe("way 0");
});

test("slow ways are run less often than those that come close", async () => {
  const fake = machine({ "way 3": 1, "way 4": 1.1, "way 7": 40 });
  await search(tuningTaskOf("k", NAMES), fake.prepare, within(fake, 1e6));
  expect(fake.runs.get("way 7")!).toBeLessThan(fake.runs.get("way 4")! / 2);
});

test("a disturbed sample does not throw the fastest out", async () => {
  const fake = machine({ "way 6": 1 });
  let runs = 0;
  const { winner } = await search(
    tuningTaskOf("k", NAMES),
    async function* (plans) {
      for await (const runner of fake.prepare(plans)) {
        // Every fourth run of all meets another process.
        yield {
          ...runner,
          run: async (times: number) => (await runner.run(times)) * (runs++ % 4 === 0 ? 5 : 1),
        };
      }
    },
    within(fake, 1e6),
  );
  expect(winner?.name).toBe("way 6");
});

test("time that is up ends the search; without enough samples the first choice stays", async () => {
  const fake = machine({ "way 1": 0.1 });
  const result = await search(tuningTaskOf("k", NAMES), fake.prepare, within(fake, 5));
  expect(result.isFinished).toBe(false);
  expect(result.winner?.name).toBe("way 0");
  expect(result.winner?.milliseconds).toBeUndefined();
  // What began before the end runs to its end: at most the warming up of one way.
  expect(fake.measured).toBeLessThan(5 + 8 + 2 * 2);
});

test("without any time nothing is prepared", async () => {
  const fake = machine();
  const result = await search(tuningTaskOf("k", NAMES), fake.prepare, within(fake, 0));
  expect(result).toEqual({ measured: [], winner: undefined, isFinished: false, spent: 0 });
  expect(fake.prepared).toBe(0);
});

test("everything that was prepared is disposed of, an error included", async () => {
  const fake = machine();
  await search(tuningTaskOf("k", NAMES), fake.prepare, within(fake, 30));
  expect(fake.prepared).toBeGreaterThan(0);
  expect(fake.disposed).toBe(fake.prepared);
  const broken = search(
    tuningTaskOf("k", NAMES),
    async function* (plans) {
      let count = 0;
      for await (const runner of fake.prepare(plans)) {
        yield runner;
        if (++count === 2) throw new Error("no memory");
      }
    },
    within(fake, 1e6),
  );
  await expect(broken).rejects.toThrow("no memory");
  expect(fake.disposed).toBe(fake.prepared);
});

test("at least eight are tried, and beyond them those that the model thinks possible", () => {
  const costs = [10, 11, 12, 13, 25, 30, 35, 40, 19, 41, 20];
  const task = {
    key: "k",
    kernel: "k",
    entries: costs.map((cost, k) => ({
      ...tuningTaskOf("k", ["way"]).entries[0],
      name: `way ${k}`,
      cost,
    })),
  };
  expect(shortList(task).map(({ cost }) => cost)).toEqual([10, 11, 12, 13, 25, 30, 35, 40, 19, 20]);
  expect(shortList(task, true)).toHaveLength(costs.length);
});
