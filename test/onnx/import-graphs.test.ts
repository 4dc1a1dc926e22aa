/** What graphs may hold beside plain nodes: shape arithmetic, loops and branches, functions, statistics. */

import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { compile, compileTraining, nn, optim, randn, type Tensor, tensor } from "../../src/index.ts";
import { type ImportOptions, importOnnx } from "../../src/onnx/index.ts";
import { encodeModel } from "../../src/onnx/model-proto.ts";
import { AttributeProto_AttributeType, ModelProtoSchema } from "../../src/onnx/proto/onnx_pb.ts";
import { floats, type GraphInit, int64s, modelBytes, node, port } from "./models.ts";

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
      "the input x must have the shape [1,3], not [2,3]: extents that are numbers are fixed in the file",
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

test("constants are made for each trace, and for each loop in it", async () => {
  const body: GraphInit = {
    name: "body",
    input: [port("a", [3]), port("row", [3])],
    output: [port("b", [3]), port("said", [3])],
    node: [
      node("Mul", ["row", "two"], ["r"]),
      node("Add", ["a", "r"], ["b"]),
      node("Add", ["b", "table"], ["said"]),
    ],
  };
  const bytes = modelBytes({
    input: [inX],
    output: [port("y", ["n", 3])],
    initializer: [floats("two", [], [2]), floats("start", [3], [0, 0, 0]), floats("w", [3], [1, 1, 1])],
    node: [
      node("Constant", [], ["table"], { value_floats: [1, 2, 3] }),
      node("Scan", ["start", "x"], ["last", "said"], { body, num_scan_inputs: 1n }),
      node("Mul", ["said", "two"], ["z"]),
      node("Sub", ["z", "table"], ["v"]),
      node("Mul", ["v", "w"], ["y"]),
    ],
  });
  const net = await importOnnx(bytes);
  const expected = [
    [5, 10, 15],
    [21, 30, 39],
  ];
  expect(await net.forward(x).array()).toEqual(expected);
  const program = await compile(net, { inputs: [[2, 3]] });
  expect(await (await program.run(x)).array()).toEqual(expected);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.001 });
  const trainer = await compileTraining(net, { inputs: [[2, 3]], loss: new nn.MSELoss(), optimizer });
  const losses = [await trainer.step(x, x), await trainer.step(x, x)];
  expect(losses[1]).toBeLessThan(losses[0]);
  await trainer.dispose();
  await program.dispose();
});

test("what PyTorch's exporter says of initializers counts", async () => {
  const kind = "pkg.torch.export.graph_signature.InputSpec.kind";
  const marked = (name: string, value: string) => ({ name, metadataProps: [{ key: kind, value }] });
  const bytes = modelBytes({
    input: [inX],
    output: [port("y", ["n", 3])],
    initializer: [
      floats("gain", [], [2]),
      floats("shift", [3], [1, 2, 3]),
      floats("val_1", [3], [1, 1, 1]),
      floats("val_2", [3], [1, 2, 3]),
    ],
    valueInfo: [marked("gain", "PARAMETER"), marked("shift", "BUFFER")],
    node: [
      node("Mul", ["x", "gain"], ["a"]),
      node("Add", ["a", "shift"], ["b"]),
      node("Add", ["b", "val_1"], ["c"]),
      node("Add", ["c", "val_2"], ["y"]),
    ],
  });
  const net = await importOnnx(bytes);
  expect(net.namedParameters().map(([name]) => name)).toEqual(["gain", "val_2"]);
  expect(net.namedBuffers().map(([name]) => name)).toEqual(["shift"]);
  expect(await net.forward(tensor([[0, 0, 0]])).array()).toEqual([[3, 5, 7]]);
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
