/** Pictures of stages: what stands in them, and that nothing lies on top of anything else. */

import { beforeAll, describe, expect, test } from "vitest";
import { boxSize } from "../../src/inspect/box-size.ts";
import { graphPicture } from "../../src/inspect/graph-picture.ts";
import { type Layout, layOut, type Rectangle } from "../../src/inspect/layout.ts";
import type { BoxKind, Picture } from "../../src/inspect/picture.ts";
import { programPicture } from "../../src/inspect/program-picture.ts";
import { svgText } from "../../src/inspect/svg.ts";
import { isGraph } from "../../src/ir/artifact.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { opTable } from "../../src/ops/registry.ts";
import { NESTED } from "../support/loops.ts";
import {
  cifar10Forward,
  cifar10Training,
  lenetForward,
  lenetTraining,
  type Source,
  stagesOf,
} from "../support/stages.ts";

const pictureOf = (source: Parameters<typeof stagesOf>[0], stage: string): Picture => {
  const artifact = stagesOf(source).artifacts.get(stage)!;
  return isGraph(artifact) ? graphPicture(artifact) : programPicture(artifact);
};

describe("LeNet's forward graph", () => {
  const picture = pictureOf(lenetForward(2), "layout");

  test("has boxes for what flows, and names parameters inside of them", () => {
    const titles = (wanted: BoxKind): string[] =>
      picture.boxes.filter(({ kind }) => kind === wanted).map(({ title }) => title);
    expect(titles("input")).toEqual(["%x"]);
    expect(titles("op")).toHaveLength(12);
    expect(titles("output")).toEqual(["output"]);
    expect(picture.boxes[1]).toMatchObject({
      name: "%0",
      title: "conv2d",
      lines: ["%0: f32[2,6,28,28]", "@conv1.weight, @conv1.bias"],
      place: expect.stringMatching(/^lenet\.ts:\d+ conv1$/),
    });
    expect(picture.boxes[1].detail).toContain("stride=[1,1]");
  });

  test("has a frame for each kernel and an arrow for each use", () => {
    expect(picture.frames.map(({ title, boxes }) => [title, boxes.length])).toEqual([
      ["conv2d_relu_max_pool2d", 3],
      ["conv2d_relu_max_pool2d_2", 3],
      ["linear_relu", 2],
      ["linear_relu_2", 2],
      ["linear", 1],
    ]);
    expect(picture.arrows).toHaveLength(13);
    expect(picture.arrows[0].detail).toBe("%x: f32[2,1,32,32]");
  });
});

test("a training step shows which state an op updates, and constants where they are read", () => {
  const { boxes } = pictureOf(lenetTraining(2), "fuse");
  const updates = boxes.filter(({ lines }) => lines.some((line) => line.startsWith("→ @")));
  expect(updates).toHaveLength(20);
  expect(boxes.some(({ title }) => title === "constant")).toBe(false);
  expect(boxes.filter(({ lines }) => lines.some((line) => /momentum_buffer, 0\.9$/.test(line)))).toHaveLength(
    10,
  );
});

const loops: Source = {
  trace: { graph: parseGraph(NESTED, opTable), states: new Map(), parameters: [], inputs: [] },
};

describe("a loop within a loop", () => {
  const framesAt = (stage: string) => pictureOf(loops, stage).frames.map(({ title }) => title);

  test("hangs each body on its loop, in a frame, under the names of the program", () => {
    const { boxes, frames } = pictureOf(loops, "trace");
    expect(frames.map(({ title, boxes }) => [title, boxes.length])).toEqual([
      ["body of %0", 9],
      ["body of %0.0", 10],
    ]);
    expect(boxes.filter(({ title }) => title === "tanh").map(({ name }) => name)).toEqual(["%0.0.2"]);
    expect(boxes.map(({ name }) => name)).toEqual(expect.arrayContaining(["%0.h", "%0.0.w"]));
    expect(new Set(boxes.map(({ id }) => id)).size).toBe(boxes.length);
  });

  test("shows kernels in it once there are some", () => {
    expect(framesAt("fuse")).toEqual(
      expect.arrayContaining(["scan", "body of %0", "body of %0.0", "mul_add_tanh"]),
    );
  });
});

test("a program's picture leads from kernel to kernel, one arrow for all that is handed over", () => {
  const { boxes, arrows } = pictureOf(lenetTraining(2), "schedule");
  const kernels = boxes.filter(({ kind }) => kind === "kernel");
  expect(kernels.at(-1)?.title).toBe("update");
  expect(new Set(arrows.map(({ from, to }) => `${from} ${to}`)).size).toBe(arrows.length);
  const lists = kernels.find(({ title }) => title === "max_pool2d_grad_conv2d_weight_grad_lists")!;
  const main = kernels.find(({ title }) => title === "max_pool2d_grad_conv2d_weight_grad")!;
  const handed = arrows.find(({ from, to }) => from === lists.id && to === main.id)!;
  expect(handed.detail.split("\n").length).toBeGreaterThan(1);
  // Nothing leads back: kernels run in their order.
  const order = new Map(kernels.map(({ id }, k) => [id, k]));
  for (const { from, to } of arrows) {
    if (order.has(from) && order.has(to)) expect(order.get(from)!).toBeLessThan(order.get(to)!);
  }
});

const overlap = (a: Rectangle, b: Rectangle): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Coordinates come rounded to hundredths of a point. */
const ROUNDING = 0.02;

const inside = (a: Rectangle, b: Rectangle): boolean =>
  a.x >= b.x - ROUNDING &&
  a.y >= b.y - ROUNDING &&
  a.x + a.width <= b.x + b.width + ROUNDING &&
  a.y + a.height <= b.y + b.height + ROUNDING;

describe.each([
  ["LeNet", lenetForward(2), "layout"],
  ["LeNet's training step", lenetTraining(2), "layout"],
  ["LeNet's training step before fusion", lenetTraining(2), "training-step"],
  ["LeNet's training kernels", lenetTraining(2), "plan-memory"],
  ["the CIFAR-10 net", cifar10Forward(2), "layout"],
  ["the CIFAR-10 net's training step", cifar10Training(2), "layout"],
  ["a loop within a loop", loops, "trace"],
  ["a loop within a loop as kernels", loops, "layout"],
] as const)("%s, laid out,", (_name, source, stage) => {
  const picture = pictureOf(source, stage);
  let layout: Layout;
  beforeAll(async () => {
    layout = await layOut(picture, boxSize);
  });

  test("has no two boxes on top of each other, and all of them on the canvas", () => {
    const boxes = [...layout.boxes.values()];
    expect(boxes).toHaveLength(picture.boxes.length);
    const canvas = { x: 0, y: 0, width: layout.width, height: layout.height };
    boxes.forEach((box, k) => {
      expect(inside(box, canvas), picture.boxes[k].name).toBe(true);
      for (const other of boxes.slice(0, k)) expect(overlap(box, other), picture.boxes[k].name).toBe(false);
    });
  });

  test("has its frames around their boxes and around no others", () => {
    for (const { id, boxes, title } of picture.frames) {
      const frame = layout.frames.get(id)!;
      for (const box of picture.boxes) {
        const place = layout.boxes.get(box.id)!;
        if (boxes.includes(box.id)) expect(inside(place, frame), `${box.name} in ${title}`).toBe(true);
        else expect(overlap(place, frame), `${box.name} beside ${title}`).toBe(false);
      }
    }
  });

  test("has a curve for each arrow", async () => {
    expect([...layout.arrows.keys()].sort()).toEqual(picture.arrows.map(({ id }) => id).sort());
    // A start, then triples of two control points and the next point.
    for (const { curve } of layout.arrows.values()) expect(curve.length % 3).toBe(1);
    expect(await svgText(picture)).toContain("prefers-color-scheme:dark");
  });
});
