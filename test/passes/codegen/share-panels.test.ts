/** Panels and lists that two kernels of a program would both make are made once, and only while their sources stay as they are. */

import { expect, test } from "vitest";
import { sharePanels } from "../../../passes/codegen/share-panels.ts";
import { schedule } from "../../../passes/scheduling/schedule.ts";
import type { LoweredProgram, ProgramBuffer } from "../../../src/loop/program.ts";
import type { BufferParam, Kernel } from "../../../src/loop/types.ts";
import { verifyKernel } from "../../../src/loop/verify.ts";
import { CrossEntropyLoss } from "../../../src/nn/index.ts";
import { SGD } from "../../../src/optim/index.ts";
import { traceLoss } from "../../../src/trace/trace.ts";
import { Cifar10Net } from "../../support/nets.ts";
import { stagesOf } from "../../support/stages.ts";
import { LANES } from "../../support/strategies.ts";

const isPack = (kernel: Kernel): boolean => kernel.ops.join() === "pack";

test("a convolution and its gradients share the panel of their input and their lists of winners", () => {
  const model = new Cifar10Net();
  const types = [{ dtype: "float32", shape: [2, 3, 32, 32] }] as const;
  const source = {
    trace: traceLoss(model, new CrossEntropyLoss(), types),
    update: { groups: new SGD(model.parameters(), { lr: 0.1 }).paramGroups.map(({ rule }) => ({ rule })) },
  };
  const lowered = stagesOf(source).artifacts.get("lower") as LoweredProgram;
  const scheduled = schedule(LANES, { winograd: false }).run(lowered);
  const { kernels, buffers, commitFrom } = sharePanels.run(scheduled);
  kernels.forEach(verifyKernel);
  for (const input of ["max_pool2d", "max_pool2d_2"]) {
    const packs = kernels.filter((k) => isPack(k) && k.buffers.some((b) => b.name === input));
    expect(packs.length).toBe(1);
    const [panel] = packs[0].buffers.filter((b) => b.access !== "read");
    expect(kernels.filter((k) => k.buffers.some((b) => b.name === panel.name)).length).toBe(3);
  }
  // Three pools; the first one's input needs no gradient. Both gradients behind each of the others run one set of lists.
  const lists = kernels.filter((k) => k.ops.join() === "winner_lists");
  expect(lists.length).toBe(3);
  const readers = lists.map(({ buffers: [, , made] }) =>
    kernels.filter((k) => k.buffers.some((b) => b.name === made.name && b.access === "read")),
  );
  expect(readers.map((r) => r.length).sort()).toEqual([1, 2, 2]);
  const scratch = buffers.filter((b) => b.role === "scratch").map((b) => b.name);
  const used = new Set(kernels.flatMap((k) => k.buffers.map((b) => b.name)));
  expect(scratch.filter((name) => !used.has(name))).toEqual([]);
  expect(kernels.slice(commitFrom).map((k) => k.name)).toEqual(["update"]);
});

const param = (name: string, access: BufferParam["access"], length = 4): BufferParam => ({
  name,
  dtype: "float32",
  length,
  access,
});

/** Copies `from` to `to`, element by element. */
function copy(ops: readonly string[], from: string, to: string, length = 4): Kernel {
  return {
    name: `${from}_to_${to}`,
    ops,
    buffers: [param(from, "read"), param(to, "write", length)],
    scalars: [],
    body: [
      {
        kind: "for",
        name: "i",
        extent: 4,
        loop: "grid",
        body: [
          {
            kind: "store",
            buffer: to,
            index: { kind: "var", dtype: "int32", name: "i" },
            value: {
              kind: "load",
              dtype: "float32",
              buffer: from,
              index: { kind: "var", dtype: "int32", name: "i" },
            },
          },
        ],
      },
    ],
    origins: [],
    nominalFlops: 0,
  };
}

function programOf(kernels: readonly Kernel[], scratch: readonly string[]): LoweredProgram {
  const buffer = (name: string, role: ProgramBuffer["role"]): ProgramBuffer => ({
    name,
    role,
    dtype: "float32",
    shape: [4],
    value: name,
  });
  const others = ["x", "y", "z"].map((name) => buffer(name, "intermediate"));
  return {
    name: "test",
    kernels,
    buffers: [...others, ...scratch.map((name) => buffer(name, "scratch"))],
    inputs: [],
    outputs: [],
    states: [],
    scalars: [],
    commitFrom: kernels.length,
  };
}

test("a panel whose source was written in between is made again", () => {
  const kernels = [
    copy(["pack"], "x", "p"),
    copy(["op"], "y", "x"),
    copy(["pack"], "x", "q"),
    copy(["op"], "q", "z"),
  ];
  const program = programOf(kernels, ["p", "q"]);
  expect(sharePanels.run(program)).toBe(program);
});

test("the panel that stays is as long as any of its readers wants, under one name", () => {
  const kernels = [
    copy(["pack"], "x", "p"),
    copy(["op"], "p", "y"),
    copy(["pack"], "x", "q", 8),
    copy(["op"], "q", "z"),
  ];
  const shared = sharePanels.run(programOf(kernels, ["p", "q"]));
  expect(shared.kernels.map((k) => k.name)).toEqual(["x_to_p", "p_to_y", "q_to_z"]);
  expect(shared.kernels[2].buffers).toEqual([param("p", "read", 8), param("z", "write")]);
  expect(JSON.stringify(shared.kernels)).not.toContain('"buffer":"q"');
  expect(shared.buffers.find((b) => b.name === "p")?.shape).toEqual([8]);
  expect(shared.buffers.some((b) => b.name === "q")).toBe(false);
  expect(shared.commitFrom).toBe(3);
});

test("kernels that are no packs are never left out", () => {
  const kernels = [copy(["op"], "x", "p"), copy(["op"], "x", "q")];
  const program = programOf(kernels, ["p", "q"]);
  expect(sharePanels.run(program)).toBe(program);
});
