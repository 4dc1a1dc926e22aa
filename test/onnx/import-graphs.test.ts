/** What graphs may hold beside plain nodes: shape arithmetic, loops and branches, functions, statistics, data in other files. */

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { compile, compileTraining, nn, optim, randn, type Tensor, tensor } from "../../src/index.ts";
import { type ImportOptions, importOnnx } from "../../src/onnx/index.ts";
import { encodeModel } from "../../src/onnx/model-proto.ts";
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { floats, type GraphInit, int64s, modelBytes, node, port } from "./models.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-onnx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a graph gives for one tensor. */
async function run(graph: GraphInit, x: Tensor, options: ImportOptions = {}): Promise<unknown> {
  const net = await importOnnx<Tensor>(modelBytes(graph), options);
  const program = await compile(net, { inputs: [{ shape: x.shape, dtype: x.dtype }], backend: "js" });
  const y = await program.run(x);
  await program.dispose();
  return y.array();
}

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const inX = port("x", ["n", "m"]);

describe("shapes", () => {
  test("are computed while the model is compiled", async () => {
    // y = reshape(x, [m, n]), with the extents read from x.
    const graph: GraphInit = {
      input: [inX],
      output: [port("y", ["m", "n"])],
      initializer: [int64s("zero", [0], []), int64s("one", [1], []), int64s("axis", [0])],
      node: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Gather", ["s", "one"], ["m"]),
        node("Unsqueeze", ["n", "axis"], ["n1"]),
        node("Unsqueeze", ["m", "axis"], ["m1"]),
        node("Concat", ["m1", "n1"], ["t"], { axis: 0n }),
        node("Reshape", ["x", "t"], ["y"]),
      ],
    };
    expect(await run(graph, x)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const program = await compile(await importOnnx(modelBytes(graph)), { inputs: [[2, 3]] });
    expect(program.kernels.length).toBeLessThanOrEqual(1);
    await program.dispose();
  });

  const reshape: GraphInit = {
    input: [inX, port("shape", [2], "int64")],
    output: [port("y", ["a", "b"])],
    node: [node("Reshape", ["x", "shape"], ["y"], {}, "/Reshape")],
  };

  test("that depend on an input ask for it as a constant", async () => {
    const net = await importOnnx(modelBytes(reshape));
    const inputs = [[2, 3], { shape: [2], dtype: "int32" as const }];
    await expect(compile(net, { inputs })).rejects.toThrow(
      /^the node \/Reshape \(Reshape\): its input shape is computed .* as constants: \{ "shape": … \}/,
    );
    expect(await run(reshape, x, { constants: { shape: [1, -1] } })).toEqual([[1, 2, 3, 4, 5, 6]]);
  });

  test("that a file fixes must be met", async () => {
    const net = await importOnnx(
      modelBytes({
        input: [port("x", [1, 3])],
        output: [port("y", [1, 3])],
        node: [node("Relu", ["x"], ["y"])],
      }),
    );
    await expect(compile(net, { inputs: [[2, 3]] })).rejects.toThrow(
      "the input x is to have the shape [1,3], not [2,3]: extents that are numbers are fixed in the file",
    );
  });
});

describe("loops and branches", () => {
  const scanBody: GraphInit = {
    name: "body",
    input: [port("sum", [3]), port("row", [3])],
    output: [port("next", [3]), port("said", [3])],
    node: [node("Add", ["sum", "row"], ["next"]), node("Mul", ["next", "scale"], ["said"])],
  };

  test("a Scan is a loop, whose body reads weights from outside and has gradients", async () => {
    const bytes = modelBytes({
      input: [inX],
      output: [port("said", ["n", 3])],
      initializer: [floats("scale", [3], [1, 2, 3]), floats("start", [3], [0, 0, 0])],
      node: [
        node("Scan", ["start", "x"], ["last", "said"], { body: scanBody, num_scan_inputs: 1n }, "/Scan"),
      ],
    });
    const net = await importOnnx(bytes);
    expect(net.namedParameters().map(([name]) => name)).toEqual(["scale"]);
    const y = net.forward(x);
    expect(await y.array()).toEqual([
      [1, 4, 9],
      [5, 14, 27],
    ]);
    y.sum().backward();
    expect(await net.parameters()[0].grad!.array()).toEqual([6, 9, 12]);
  });

  const loop = (body: GraphInit["node"], said: string): GraphInit => ({
    input: [inX],
    output: [port("last", ["n", "m"]), port("all", ["k", "n", "m"])].slice(0, said === "" ? 1 : 2),
    initializer: [int64s("trips", [3], [])],
    node: [
      node(
        "Loop",
        ["trips", "", "x"],
        ["last", said].filter((name) => name !== ""),
        {
          body: {
            name: "body",
            input: [port("i", [], "int64"), port("go", [], "bool"), port("v", ["n", "m"])],
            output: [port("on", [], "bool"), port("w", ["n", "m"])],
            node: [node("Identity", ["go"], ["on"]), ...body!],
          },
        },
      ),
    ],
  });

  test("a Loop of a known number of iterations is one", async () => {
    const graph = loop([node("Add", ["v", "v"], ["w"])], "");
    expect(await run(graph, x)).toEqual([
      [8, 16, 24],
      [32, 40, 48],
    ]);
    const net = await importOnnx(modelBytes(graph));
    const program = await compile(net, { inputs: [[2, 3]] });
    expect(program.stages.find(({ name }) => name === "trace")!.text).toMatch(/scan/);
    await program.dispose();
  });

  test("a Loop whose shapes depend on the iteration is written out", async () => {
    // w = v, its first i columns put to zero by Slice and Pad: shapes change with i.
    const graph = loop(
      [
        node("Constant", [], ["ax"], { value_ints: [1n] }),
        node("Constant", [], ["three"], { value_ints: [3n] }),
        node("Constant", [], ["flat"], { value_ints: [1n] }),
        node("Reshape", ["i", "flat"], ["from"]),
        node("Slice", ["v", "from", "three", "ax"], ["rest"]),
        node("Constant", [], ["nothing"], { value_ints: [0n] }),
        node("Concat", ["nothing", "from", "nothing", "nothing"], ["pads"], { axis: 0n }),
        node("Pad", ["rest", "pads"], ["w"]),
      ],
      "",
    );
    expect(await run(graph, x)).toEqual([
      [0, 0, 3],
      [0, 0, 6],
    ]);
  });

  test("an If is decided while the model is compiled", async () => {
    const branch = (name: string, op: string): GraphInit => ({
      name,
      output: [port("r", ["n", "m"])],
      node: [node(op, ["x"], ["r"])],
    });
    const graph: GraphInit = {
      input: [inX],
      output: [port("y", ["n", "m"])],
      initializer: [int64s("two", [2], [])],
      node: [
        node("Shape", ["x"], ["s"]),
        node("Size", ["s"], ["rank"]),
        node("Equal", ["rank", "two"], ["is2d"]),
        node("If", ["is2d"], ["y"], {
          then_branch: branch("then", "Neg"),
          else_branch: branch("else", "Abs"),
        }),
      ],
    };
    expect(await run(graph, x)).toEqual([
      [-1, -2, -3],
      [-4, -5, -6],
    ]);
  });
});

test("functions of the model are run node by node, with the attributes of each call", async () => {
  const bytes = encodeModel(
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [
        { domain: "", version: 18n },
        { domain: "mine", version: 1n },
      ],
      functions: [
        {
          name: "Leak",
          domain: "mine",
          input: ["a"],
          output: ["b"],
          attribute: ["slope"],
          opsetImport: [{ domain: "", version: 18n }],
          node: [
            {
              opType: "LeakyRelu",
              input: ["a"],
              output: ["b"],
              attribute: [{ name: "alpha", refAttrName: "slope", type: AttributeProto_AttributeType.FLOAT }],
            },
          ],
        },
      ],
      graph: {
        name: "main",
        input: [inX],
        output: [port("y", ["n", "m"])],
        node: [{ ...node("Leak", ["x"], ["y"], { slope: 0.5 }), domain: "mine" }],
      },
    }),
  );
  const net = await importOnnx(bytes);
  expect(await net.forward(tensor([[-2, 4]])).array()).toEqual([[-1, 4]]);
});

describe("batch normalisation", () => {
  const bytes = modelBytes({
    input: [port("x", ["n", 2])],
    output: [port("y", ["n", 2])],
    initializer: [
      floats("bn.weight", [2], [1, 2]),
      floats("bn.bias", [2], [0, 1]),
      floats("bn.running_mean", [2], [0, 0]),
      floats("bn.running_var", [2], [1, 1]),
    ],
    node: [
      node("BatchNormalization", ["x", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"], ["y"], {
        epsilon: 1e-5,
      }),
    ],
  });

  async function trained(options: ImportOptions): Promise<number[]> {
    const net = await importOnnx(bytes, options);
    expect(Object.keys(net.stateDict())).toEqual([
      "bn.weight",
      "bn.bias",
      "bn.running_mean",
      "bn.running_var",
    ]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(["bn.running_mean", "bn.running_var"]);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    const trainer = await compileTraining(net, { inputs: [[8, 2]], loss: new nn.MSELoss(), optimizer });
    await trainer.step(randn(8, 2).add(5), randn(8, 2));
    await trainer.dispose();
    return (await net.stateDict()["bn.running_mean"].array()) as number[];
  }

  test("goes by its statistics, as the file says", async () => {
    expect(await trained({})).toEqual([0, 0]);
  });

  test("follows the batch where it is to be trained", async () => {
    for (const mean of await trained({ trainBatchNorm: true })) expect(mean).toBeCloseTo(0.5, 0);
  });
});

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
    ["../secret.bin", {}, /names the file \.\.\/secret\.bin, which lies outside of its folder/],
    ["/etc/passwd", {}, /names the file \/etc\/passwd, which lies outside of its folder/],
    ["link.bin", {}, /names the file link\.bin, which lies outside of its folder/],
    ["none.bin", {}, /cannot read .*none\.bin, where .* has numbers: /],
    ["w.bin", { offset: "8", length: "8" }, /w lies at the bytes 8 to 16 of w\.bin, which has 12/],
    ["w.bin", { offset: "-4" }, /w has the offset -4 in w\.bin, which is no place/],
    ["w.bin", { length: "4" }, /the initializer w has 4 bytes of numbers, but its shape \[2\]/],
    ["", {}, /w lies in another file, and does not say in which/],
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
      /the node a \(Relu\) reads b, which nothing before it gives: a model's nodes stand in the order/,
    ],
    [
      "an output of nothing",
      { output: [port("y", [])] },
      /the graph main is to give y, which nothing in it computes/,
    ],
    [
      "a name that is given twice",
      { node: [node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["a"])] },
      /the output a has a name that its graph gives twice/,
    ],
  ])("%s", async (_, graph, message) => {
    await expect(importOnnx(modelBytes({ input: [inX], ...graph }))).rejects.toThrow(message);
  });

  test("an operator set that Kiln does not know", async () => {
    await expect(importOnnx(modelBytes({}, 99))).rejects.toThrow(
      "model.onnx is of the operator set 99, and Kiln knows 7 to 28: convert it with onnx.version_converter",
    );
  });

  test("options that fit nothing", async () => {
    const bytes = modelBytes({ input: [inX], output: [port("y", [])], node: [node("Relu", ["x"], ["y"])] });
    await expect(importOnnx(bytes, { freeze: ["w"] })).rejects.toThrow(
      "importOnnx is to freeze w, but no initializer of the model is called so",
    );
    await expect(importOnnx(bytes, { constants: { z: 1 } })).rejects.toThrow(
      "importOnnx is given the constant z, but the inputs of the model are x",
    );
    const net = await importOnnx(bytes);
    expect(() => net.forward()).toThrow("model.onnx takes 1 inputs (x), not 0");
    expect(() => net.forward(tensor([[1]], { dtype: "int32" }))).toThrow(
      "the input x (float) is to be float32, not int32",
    );
  });
});
