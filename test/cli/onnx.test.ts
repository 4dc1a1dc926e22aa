/** ONNX files wherever a command takes a model: their nodes are the lines that are named, and what is trained is one again. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nn } from "kiln-js";
import { beforeAll, describe, expect, test } from "vitest";
import { exportOnnx, importOnnx } from "../../src/onnx/index.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model-proto.ts";
import { isWhole } from "../support/extent.ts";
import { kiln, temporaryFolder } from "./kiln.ts";

const folder = temporaryFolder();
const model = join(folder, "net.onnx");
/** A model that computes with images of any size. */
const anySize = join(folder, "any-size.onnx");

beforeAll(async () => {
  const net = new nn.Sequential({
    conv: new nn.Conv2d(1, 4, 5, { stride: 2 }),
    relu: new nn.ReLU(),
    flat: new nn.Flatten(),
    fc: new nn.Linear(4 * 14 * 14, 10),
  });
  const whole = new nn.Sequential({ conv: new nn.Conv2d(1, 4, 5), pool: new nn.AdaptiveAvgPool2d(1) });
  writeFileSync(anySize, await exportOnnx(whole, { inputs: [[1, 1, 32, 32]], inputNames: ["pixels"] }));
  writeFileSync(model, await exportOnnx(net, { inputs: [[16, 1, 32, 32]], inputNames: ["pixels"] }));
});

test("kiln dump names the nodes of the file", async () => {
  const { code, stdout, stderr } = await kiln(["dump", model, "--stage", "trace"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/conv2d\(.* at .*net\.onnx:1 conv\n/);
});

describe("a file that leaves extents open", () => {
  /** The model with other extents of its input. */
  function put(name: string, extents: readonly (number | string)[]): string {
    const proto = decodeModel(readFileSync(anySize), "net.onnx");
    const { type } = proto.graph!.input[0];
    if (type?.value.case !== "tensorType") throw new Error("the input is a tensor");
    for (const [axis, extent] of extents.entries())
      type.value.value.shape!.dim[axis].value =
        typeof extent === "string"
          ? { case: "dimParam", value: extent }
          : { case: "dimValue", value: BigInt(extent) };
    writeFileSync(join(folder, name), encodeModel(proto));
    return join(folder, name);
  }

  test("has a batch of one, unless another is asked for", async () => {
    const open = put("batch.onnx", ["batch", 1, 32, 32]);
    expect((await kiln(["summary", open])).stdout).toContain("[1,4,1,1]");
    expect((await kiln(["summary", open, "--batch-size", "3"])).stdout).toContain("[3,4,1,1]");
  });

  test("is an error in one line, unless --input says them", async () => {
    const open = put("open.onnx", ["batch", 1, "height", "width"]);
    const { code, stderr } = await kiln(["summary", open]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^kiln: .*open\.onnx leaves the shape of its input pixels open, \[batch,1,height,width\]: .*\n$/,
    );
    expect((await kiln(["summary", open, "--input", "2,1,32,32"])).stdout).toContain("[2,4,1,1]");
  });
});

test("a file that is none is an error in one line", async () => {
  const bad = join(folder, "bad.onnx");
  writeFileSync(bad, "no model");
  const { code, stderr } = await kiln(["summary", bad]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^kiln: .*bad\.onnx is not a complete ONNX model.*\n$/);
});

describe.skipIf(!isWhole)("what takes longer", () => {
  test("kiln train leaves the trained model as an ONNX file", async () => {
    const out = join(folder, "run");
    const { code } = await kiln(["train", model, "--epochs", "1", "--out", out]);
    expect(code).toBe(0);
    const [before, after] = await Promise.all([importOnnx(model), importOnnx(join(out, "model.onnx"))]);
    expect(Object.keys(after.stateDict())).toEqual(Object.keys(before.stateDict()));
    expect(await after.stateDict()["fc.bias"].array()).not.toEqual(
      await before.stateDict()["fc.bias"].array(),
    );
  });

  test.each([
    ["build", "--out", join(folder, "built")],
    ["bench", "--backends", "js", "--mode", "forward"],
    ["explore", "--out", join(folder, "page.html")],
  ])("kiln %s", async (command, ...rest) => {
    const { code, stderr } = await kiln([command, model, ...rest]);
    expect([code, stderr]).toEqual([0, ""]);
  });
});
