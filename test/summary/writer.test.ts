/** SummaryWriter: its files decoded again, checksums included, and everything it refuses. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { KilnError, nn, SummaryWriter, tensor } from "kiln-js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { generate } from "../support/fixtures.ts";
import { type DecodedEvent, eventFileIn, readEvents } from "./event-decoder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kiln-summary-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What `use` adds to a writer, decoded, without the version at the beginning. */
async function written(use: (writer: SummaryWriter) => unknown): Promise<DecodedEvent[]> {
  const writer = new SummaryWriter(folder);
  await use(writer);
  await writer.close();
  const [version, ...events] = readEvents(folder);
  expect(version.version).toBe("brain.Event:2");
  return events;
}

const failure = async (use: (writer: SummaryWriter) => Promise<void>): Promise<string> => {
  const error = await use(new SummaryWriter(folder)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KilnError);
  return (error as KilnError).message;
};

describe("the event file", () => {
  it("is named as TensorBoard's own, and begins with the version", async () => {
    const before = Math.floor(Date.now() / 1000);
    const writer = new SummaryWriter(folder, { filenameSuffix: ".lenet" });
    expect(writer.logDir).toBe(folder);
    await writer.close();
    const pattern = /^events\.out\.tfevents\.(\d{10})\.(.+)\.(\d+)\.(\d+)\.lenet$/;
    const [, seconds, host, pid] = pattern.exec(basename(eventFileIn(folder))) ?? [];
    expect([host, pid]).toEqual([hostname(), `${process.pid}`]);
    expect(Number(seconds)).toBeGreaterThanOrEqual(before);
    const [version, ...rest] = readEvents(folder);
    expect([version.version, version.step, rest]).toEqual(["brain.Event:2", 0, []]);
    expect(version.wallTime).toBeGreaterThanOrEqual(before);
  });

  it("has a name that no other thread of the process gives", async () => {
    const builtin = process.getBuiltinModule;
    const thread = { threadId: 3 } as unknown as NodeModule;
    vi.spyOn(process, "getBuiltinModule").mockImplementation((name: string) =>
      name === "node:worker_threads" ? thread : builtin(name as "fs"),
    );
    const writer = new SummaryWriter(folder);
    vi.restoreAllMocks();
    await writer.close();
    const [, number] = /\.(\d+)$/.exec(eventFileIn(folder)) ?? [];
    expect(Math.floor(Number(number) / 2 ** 20)).toBe(3);
  });

  it("lies in a folder of its own for each run when none is named", () => {
    const { logDir } = new SummaryWriter(undefined, { comment: "_small" });
    const host = hostname().replaceAll(/[.+]/g, "\\$&");
    expect(logDir).toMatch(new RegExp(`^runs/[A-Z][a-z]{2}\\d\\d_\\d\\d-\\d\\d-\\d\\d_${host}_small$`));
    expect(existsSync(logDir)).toBe(false);
  });

  it("grows by whole records with each flush, and holds nothing before", async () => {
    const writer = new SummaryWriter(join(folder, "a", "b"));
    await writer.addScalar("x", 1, 0);
    expect(readdirSync(folder)).toEqual([]);
    await writer.flush();
    const path = eventFileIn(join(folder, "a", "b"));
    const first = readFileSync(path);
    expect(readEvents(join(folder, "a", "b"))).toHaveLength(2);
    await writer.flush();
    expect(readFileSync(path)).toEqual(first);
    writer.addScalar("x", 2, 1);
    writer.addScalar("x", 3, 2);
    await Promise.all([writer.flush(), writer.flush()]);
    expect(readFileSync(path).subarray(0, first.length)).toEqual(first);
    expect(readEvents(join(folder, "a", "b")).map((event) => event.scalar)).toEqual([undefined, 1, 2, 3]);
    await writer.close();
    await writer.close();
  });

  it("is written without being asked to when much has gathered, or time has passed", async () => {
    const writer = new SummaryWriter(folder);
    const noise = generate("summary/noise", 3 * 700 * 700, 0.5).map((value) => value + 0.5);
    await writer.addImage("noise", tensor(noise, { shape: [3, 700, 700] }));
    await expect.poll(() => readdirSync(folder).length).toBe(1);
    const hurried = new SummaryWriter(join(folder, "hurried"), { flushSecs: 0 });
    await hurried.addScalar("x", 1);
    await expect.poll(() => existsSync(join(folder, "hurried"))).toBe(true);
    await Promise.all([writer.close(), hurried.close()]);
  });

  it("is written when time has passed, whoever sets the clock back", async () => {
    const writer = new SummaryWriter(folder, { flushSecs: 60 });
    const start = performance.now();
    vi.spyOn(Date, "now").mockReturnValue(0);
    vi.spyOn(performance, "now").mockReturnValue(start + 61_000);
    await writer.addScalar("x", 1);
    vi.restoreAllMocks();
    await expect.poll(() => readdirSync(folder).length).toBe(1);
    await writer.close();
  });

  it("says what the disk refuses, and keeps the events for another try", async () => {
    const blocked = join(folder, "blocked");
    writeFileSync(blocked, "a file");
    const writer = new SummaryWriter(blocked);
    await writer.addScalar("x", 5, 1);
    await expect(writer.flush()).rejects.toThrow(
      /^cannot write the event file .*blocked\/events.*: there is a file of that name, not a folder$/,
    );
    rmSync(blocked);
    await writer.close();
    expect(readEvents(blocked).map((event) => event.scalar)).toEqual([undefined, 5]);
  });
});

describe("addScalar and addScalars", () => {
  it("write numbers and tensors of one element, in the order of the calls", async () => {
    const events = await written((writer) => {
      writer.addScalar("loss/train", 0.5, 0);
      writer.addScalar("loss/train", tensor([2]).mul(0.125), 1);
      writer.addScalar("rate", 1e-3, 2 ** 40);
      writer.addScalar("loss/train", Number.NaN, 3);
      writer.addScalar("big", 1e300);
      writer.addScalar("before", -1, -1);
    });
    expect(events.map(({ tag, step, scalar }) => [tag, step, scalar])).toEqual([
      ["loss/train", 0, 0.5],
      ["loss/train", 1, 0.25],
      ["rate", 2 ** 40, Math.fround(1e-3)],
      ["loss/train", 3, Number.NaN],
      ["big", 0, Number.POSITIVE_INFINITY],
      ["before", -1, -1],
    ]);
    const times = events.map((event) => event.wallTime);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
  });

  it("write a value as it is when it is added", async () => {
    const values = Float64Array.of(1, 2);
    const events = await written((writer) => {
      writer.addHistogram("w", values, 0);
      values.fill(9);
    });
    expect(events[0].histogram?.max).toBe(2);
  });

  it("give each of several curves a folder of its own", async () => {
    const writer = new SummaryWriter(folder);
    await writer.addScalars("loss/all", { train: 1, test: tensor([2]) }, 0);
    await writer.addScalars("loss/all", { train: 0.5 }, 1);
    await writer.close();
    expect(
      readdirSync(folder)
        .filter((name) => name.startsWith("loss"))
        .sort(),
    ).toEqual(["loss_all_test", "loss_all_train"]);
    const points = (run: string) => readEvents(join(folder, run)).map((e) => [e.tag, e.step, e.scalar]);
    expect(points("loss_all_train").slice(1)).toEqual([
      ["loss/all", 0, 1],
      ["loss/all", 1, 0.5],
    ]);
    expect(points("loss_all_test").slice(1)).toEqual([["loss/all", 0, 2]]);
    expect(readEvents(folder)).toHaveLength(1);
  });

  it("never take a name for a path, and keep apart what makes one name", async () => {
    const logs = join(folder, "logs");
    const writer = new SummaryWriter(logs);
    const hostile = ["x/../../../escaped", "..\\..\\escaped", "a\u0000b", "a/b", "a_b", "c:d", ""];
    await writer.addScalars("loss", Object.fromEntries(hostile.map((key, k) => [key, k])), 0);
    await writer.addScalars("../..", { up: 7 });
    await writer.close();
    expect(readdirSync(folder)).toEqual(["logs"]);
    const runs = readdirSync(logs).filter((name) => !name.startsWith("events"));
    expect(runs.sort()).toEqual([
      ".._.._up",
      "loss_",
      "loss_.._.._escaped",
      "loss_a_b",
      "loss_a_b_2",
      "loss_a_b_3",
      "loss_c_d",
      "loss_x_.._.._.._escaped",
    ]);
    const points = runs.map((run) => readEvents(join(logs, run)).at(-1)?.scalar);
    expect(points.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("addImage", () => {
  it("writes a PNG of grey, colour or colour with opacity", async () => {
    const events = await written(async (writer) => {
      await writer.addImage("grey", tensor([[[0, 1, 0.5]]]), 4);
      // Channel by channel: red, green, blue of two pixels.
      await writer.addImage("colour", tensor([[[1, 0]], [[0, 0.2]], [[-5, 7]]]), 5);
      await writer.addImage("hwc", [[[0, 0.1, 0.2, 1]]], 6, { dataformats: "HWC" });
      await writer.addImage("hw", tensor(Int32Array.of(3, 255, 256, -1), { shape: [2, 2] }), 7, {
        dataformats: "HW",
      });
    });
    expect(events.map(({ tag, step, image }) => [tag, step, image])).toEqual([
      // 0.5 · 255 = 127.5 is cut off to a whole number, as in PyTorch.
      ["grey", 4, { rows: 1, columns: 3, channels: 1, pixels: [0, 255, 127] }],
      ["colour", 5, { rows: 1, columns: 2, channels: 3, pixels: [255, 0, 0, 0, 51, 255] }],
      ["hwc", 6, { rows: 1, columns: 1, channels: 4, pixels: [0, 25, 51, 255] }],
      ["hw", 7, { rows: 2, columns: 2, channels: 1, pixels: [3, 255, 255, 0] }],
    ]);
  });

  it("names what is no picture", async () => {
    const two = tensor(new Float32Array(8), { shape: [2, 2, 2] });
    expect(await failure((writer) => writer.addImage("x", two))).toBe(
      "image x needs the shape CHW (1, 3 or 4 channels, rows and columns), but its shape is [2,2,2]",
    );
    expect(await failure((writer) => writer.addImage("x", two, 0, { dataformats: "HW" }))).toBe(
      "image x needs the shape HW (rows and columns), but its shape is [2,2,2]",
    );
    expect(await failure((writer) => writer.addImage("x", [[[Number.NaN]]]))).toBe(
      "image x holds a value that is not a number",
    );
  });
});

describe("addGraph", () => {
  class Net extends nn.Module {
    features = new nn.Sequential({ fc1: new nn.Linear(4, 3), relu: new nn.ReLU() });
    fc2 = new nn.Linear(3, 2);
    forward(x: Parameters<nn.Linear["forward"]>[0]) {
      return this.fc2.forward(this.features.forward(x));
    }
  }

  it("writes one node for each op, in boxes named by the modules", async () => {
    const [{ graph = [] }] = await written((writer) => writer.addGraph(new Net(), tensor([[1, 2, 3, 4]])));
    const names = graph.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const byName = new Map(graph.map((node) => [node.name, node]));
    // Whatever the ops are called, every input is a node that stands before, and the module's path is its name.
    for (const [k, node] of graph.entries()) {
      for (const input of node.inputs) expect(names.slice(0, k)).toContain(input);
    }
    expect(byName.get("input/x")).toMatchObject({ op: "IO Node", shape: [1, 4], inputs: [] });
    expect(byName.get("Net/features/fc1/weight")).toMatchObject({ op: "Parameter", shape: [3, 4] });
    expect(byName.get("Net/fc2/bias")).toMatchObject({ op: "Parameter", shape: [2] });
    const relu = byName.get("Net/features/relu/relu");
    expect(relu).toMatchObject({ op: "relu", shape: [1, 3], attrs: { dtype: "float32" } });
    expect(relu?.attrs.source).toContain("writer.test.ts:");
    expect(relu?.inputs[0]).toMatch(/^Net\/features\/fc1\//);
    const output = byName.get("output/output");
    expect(output).toMatchObject({ op: "IO Node", shape: [1, 2] });
    expect(output?.inputs[0]).toMatch(/^Net\/fc2\//);
  });

  it("says what does not fit, as compile does", async () => {
    const message = await failure((writer) => writer.addGraph(new Net(), tensor([[1, 2, 3]])));
    expect(message).toContain("4");
  });
});

describe("misuse", () => {
  it("is said in one line", async () => {
    expect(() => new SummaryWriter(folder, { flushSecs: -1 })).toThrow(
      "SummaryWriter needs flushSecs from 0 on, not -1",
    );
    expect(() => new SummaryWriter(folder, { filenameSuffix: "/../x" })).toThrow(
      'SummaryWriter\'s filenameSuffix becomes part of a file name, which cannot contain slashes or colons, but is the string "/../x"',
    );
    expect(() => new SummaryWriter(undefined, { comment: "/../../x" })).toThrow(
      "SummaryWriter's comment becomes",
    );
    expect(() => new SummaryWriter(folder, { flushSec: 3 } as object)).toThrow(
      "SummaryWriter has no option flushSec (did you mean flushSecs?)",
    );
    expect(() => new SummaryWriter(7 as never)).toThrow("which is named by the number 7");
    expect(await failure((writer) => writer.addScalar(7 as never, 1))).toMatch(
      /needs a tag, .*, not the number 7$/,
    );
    expect(await failure((writer) => writer.addScalars("x", 3 as never))).toMatch(
      /by name, .* not the number 3$/,
    );
    expect(await failure((writer) => writer.addScalar("x", 1, 0.5))).toBe(
      "SummaryWriter needs a step that is a whole number, not 0.5",
    );
    expect(await failure((writer) => writer.addScalar("x", "1" as unknown as number))).toBe(
      "scalar x is given a string where it expects a number or a tensor",
    );
    expect(await failure((writer) => writer.addScalar("x", tensor([1, 2])))).toMatch(/one element/);
    expect(await failure((writer) => writer.addHistogram("w", [1, Number.NaN]))).toBe(
      "histogram w cannot count NaN, its value at index 1",
    );
    expect(
      await failure(async (writer) => {
        await writer.close();
        await writer.addScalar("x", 1);
      }),
    ).toBe(`the SummaryWriter of ${folder} is closed: make a new one`);
  });

  it("leaves out what is wrong and keeps what is right", async () => {
    const events = await written(async (writer) => {
      const wrong = writer.addHistogram("w", [Number.NaN]);
      const right = writer.addScalar("x", 1);
      await expect(wrong).rejects.toThrow("cannot count NaN");
      await right;
    });
    expect(events.map((event) => event.tag)).toEqual(["x"]);
  });
});
