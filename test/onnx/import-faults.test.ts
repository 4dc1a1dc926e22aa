/** Numbers in files beside a model's, and what is wrong with models: one error each, which says what and where. */

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { tensor } from "../../src/index.ts";
import { importOnnx } from "../../src/onnx/index.ts";
import {
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { type GraphInit, modelBytes, node, port } from "./models.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-onnx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inX = port("x", ["n", "m"]);

describe("data in other files", () => {
  const weight = (location: string, more: Readonly<Record<string, string>> = {}): TensorProto =>
    create(TensorProtoSchema, {
      name: "w",
      dims: [2n],
      dataType: TensorProto_DataType.FLOAT,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: Object.entries({ location, ...more }).map(([key, value]) => ({ key, value })),
    });
  const model = (location: string, more?: Readonly<Record<string, string>>): Uint8Array =>
    modelBytes({
      input: [port("x", [2])],
      output: [port("y", [2])],
      initializer: [weight(location, more)],
      node: [node("Mul", ["x", "w"], ["y"])],
    });
  const numbers = new Uint8Array(Float32Array.of(9, 2, 3).buffer);
  writeFileSync(join(folder, "w.bin"), numbers);

  test("is read from the model's folder", async () => {
    const path = join(folder, "net.onnx");
    writeFileSync(path, model("w.bin", { offset: "4", length: "8" }));
    const net = await importOnnx(path);
    expect(await net.forward(tensor([1, 1])).array()).toEqual([2, 3]);
  });

  test("is given as bytes", async () => {
    const bytes = model("w.bin", { offset: "4" });
    const net = await importOnnx(bytes, { externalData: { "w.bin": numbers } });
    expect(await net.forward(tensor([1, 1])).array()).toEqual([2, 3]);
    await expect(importOnnx(bytes)).rejects.toThrow(
      'the model has numbers in the file w.bin: give importOnnx its bytes as externalData: { "w.bin": … }',
    );
  });

  test.each([
    ["../secret.bin", {}, /names the file \.\.\/secret\.bin, which is outside of its folder/],
    ["/etc/passwd", {}, /names the file \/etc\/passwd, which is outside of its folder/],
    ["link.bin", {}, /names the file link\.bin, which is outside of its folder/],
    ["none.bin", {}, /cannot read .*none\.bin, where .* has numbers: /],
    ["w.bin", { offset: "8", length: "8" }, /w is at the bytes 8 to 16 of w\.bin, which has 12/],
    ["w.bin", { offset: "-4" }, /w has the offset -4 in w\.bin, which is not a position in a file/],
    ["w.bin", { length: "4" }, /the initializer w has 4 bytes of numbers, but its shape \[2\]/],
    ["", {}, /w is in another file, but the model does not say which/],
  ])("%j %j is one error", async (location, more, message) => {
    const path = join(folder, "bad.onnx");
    rmSync(join(folder, "link.bin"), { force: true });
    symlinkSync("/etc/hostname", join(folder, "link.bin"));
    writeFileSync(path, model(location, more));
    await expect(importOnnx(path)).rejects.toThrow(message);
  });
});

describe("what cannot be run is one error", () => {
  test("all operators that are missing at once, with their nodes", async () => {
    const inner: GraphInit = {
      name: "t",
      output: [port("z", [])],
      node: [node("Gone", [], ["z"], {}, "deep")],
    };
    const bytes = modelBytes({
      input: [inX],
      output: [port("y", [])],
      node: [
        node("Lost", ["x"], ["a"], {}, "first"),
        { ...node("Fused", ["a"], ["b"]), domain: "com.example" },
        ...["p", "q", "r"].map((name) => node("Lost", ["x"], [name])),
        node("If", ["b"], ["y"], { then_branch: inner, else_branch: inner }),
      ],
    });
    await expect(importOnnx(bytes)).rejects.toThrow(
      "model.onnx needs 3 operators that Kiln does not have: Lost (first, p, q and 1 more); com.example.Fused (b); Gone (deep, deep)",
    );
  });

  test.each<[string, GraphInit, RegExp]>([
    [
      "a node that reads what comes later",
      { node: [node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"])] },
      /the node a \(Relu\) reads b, which nothing before it defines: nodes must be in execution order/,
    ],
    [
      "an output of nothing",
      { output: [port("y", [])] },
      /the graph main has the output y, which nothing in it computes/,
    ],
    [
      "a name that is given twice",
      { node: [node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["a"])] },
      /the output a has a name that its graph defines twice/,
    ],
  ])("%s", async (_, graph, message) => {
    await expect(importOnnx(modelBytes({ input: [inX], ...graph }))).rejects.toThrow(message);
  });

  test("an operator set that Kiln does not know", async () => {
    await expect(importOnnx(modelBytes({}, 99))).rejects.toThrow(
      "model.onnx uses operator set 99, but Kiln supports 7 to 28: convert it with onnx.version_converter",
    );
  });

  test("options that fit nothing", async () => {
    const bytes = modelBytes({ input: [inX], output: [port("y", [])], node: [node("Relu", ["x"], ["y"])] });
    await expect(importOnnx(bytes, { freeze: ["w"] })).rejects.toThrow(
      "importOnnx cannot freeze w: no initializer of the model matches it",
    );
    await expect(importOnnx(bytes, { constants: { z: 1 } })).rejects.toThrow(
      "importOnnx is given the constant z, but the inputs of the model are x",
    );
    const net = await importOnnx(bytes);
    expect(() => net.forward()).toThrow("model.onnx takes 1 inputs (x), not 0");
    expect(() => net.forward(tensor([[1]], { dtype: "int32" }))).toThrow(
      "the input x (float) must be float32, not int32",
    );
  });
});
